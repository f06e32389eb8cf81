// SPDX-License-Identifier: MIT
/*
 * zygote_child.h: what the zygote does, after it was forked.
 *
 * Threads: for a process with one thread.
 */
#ifndef WORKER_ZYGOTE_CHILD_H
#define WORKER_ZYGOTE_CHILD_H

/* Takes orders from `socket` until its other end closes. */
_Noreturn void zygote_child(int socket);

#endif
