// SPDX-License-Identifier: MIT
/*
 * serve.h: the life of a worker, after the fork.
 *
 * Threads: for a process with one thread.
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include <stdint.h>

/* Maps the arena behind arena_fd, says hello on `socket`, and decodes what is
 * asked there until the other end closes. */
_Noreturn void serve(int socket, int arena_fd, uint64_t arena_bytes,
                     uint64_t memory_bytes);

#endif
