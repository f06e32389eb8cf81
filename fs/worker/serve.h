// SPDX-License-Identifier: MIT
/*
 * serve.h: the life of a worker, after the fork.
 *
 * Threads: for a process with one thread.
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#include <stdint.h>

/* Maps the arena behind arena_fd, says hello on `socket`, and decodes and
 * parses what is asked there until the other end closes. */
/* In the process that workers are forked from, while it can open files: what
 * parsing would look up in some. */
void serve_prepare(void);

_Noreturn void serve(int socket, int arena_fd, uint64_t arena_bytes,
                     uint64_t memory_bytes);

#endif
