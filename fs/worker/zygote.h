// SPDX-License-Identifier: MIT
/*
 * zygote.h: the process that forks workers, and waits for them.
 *
 * It ends, and all workers with it, when this process closes its end of the
 * socket or dies; no worker is ever left behind, and none is a zombie for
 * longer than it takes to reap it.
 *
 * Threads: struct zygote is internally locked.
 */
#ifndef WORKER_ZYGOTE_H
#define WORKER_ZYGOTE_H

#include <stdint.h>
#include <sys/types.h>

#include "prepfs/error.h"
#include "prepfs/lock.h"

struct zygote {
    struct lock lock; /* one order at a time */
    int socket;
    pid_t pid;
    uint32_t serial; /* guarded by lock */
};

/* Forks it: while this process has one thread. */
int zygote_start(struct zygote *z, struct error *err)
    __attribute__((warn_unused_result));

/* A worker on `socket`, with the arena behind arena_fd; both stay the
 * caller's. ERROR_IO. */
int zygote_spawn(struct zygote *z, int socket, int arena_fd,
                 uint64_t arena_bytes, uint64_t memory_bytes, pid_t *ret_pid,
                 struct error *err) __attribute__((warn_unused_result));

/* Kills a worker that has not ended by itself and says how it ended, as
 * wait(2) does; -1 if that cannot be known. */
int zygote_end(struct zygote *z, pid_t pid);

/* Ends everything and waits for it. */
void zygote_stop(struct zygote *z);

#endif
