// SPDX-License-Identifier: MIT
/*
 * arena.h: memory that the mount and one worker share.
 *
 * A memfd of a fixed size, sealed so that nobody can shorten it under the
 * other's feet (which would be SIGBUS) or make it longer (which no limit on
 * the worker would count). Pages that were never touched cost nothing.
 *
 * Threads: one thread at a time per arena.
 */
#ifndef WORKER_ARENA_H
#define WORKER_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

struct arena {
    int fd;
    uint8_t *data;
    size_t size;
};

#define ARENA_INIT                                                             \
    {                                                                          \
        -1, NULL, 0                                                            \
    }

int arena_init(struct arena *a, size_t size, struct error *err)
    __attribute__((warn_unused_result));

/* The same memory, from a descriptor that came through a socket. Takes
 * ownership of fd, also on failure; needs none once it is mapped. False with
 * errno. */
int arena_attach(struct arena *a, int fd, size_t size);

/* Gives the memory of all pages beyond the first `keep` bytes back. */
void arena_trim(struct arena *a, size_t keep);

void arena_deinit(struct arena *a);

#endif
