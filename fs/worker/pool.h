// SPDX-License-Identifier: MIT
/*
 * pool.h: the slots of all workers, and who has which; private to fs/worker.
 *
 * Free slots are a stack, so that the worker that was busy last, whose memory
 * is warm, is the next to work.
 *
 * Threads: as worker.h says; a slot that was taken is its taker's alone.
 */
#ifndef WORKER_POOL_H
#define WORKER_POOL_H

#include "prepfs/lock.h"
#include "worker/slot.h"
#include "worker/worker.h"

struct workers {
    struct zygote zygote;
    struct slot_limits limits;
    struct lock lock;
    pthread_cond_t freed;
    unsigned count;
    unsigned n_free;                /* guarded by lock */
    struct slot *free[WORKERS_MAX]; /* guarded by lock */
    _Atomic uint64_t started, lost;
    struct slot slots[WORKERS_MAX];
};

/* A free slot; waits for one. */
struct slot *pool_take(struct workers *w);
void pool_give_back(struct workers *w, struct slot *s);

/* Sees to it that a living worker that has what is needed is in a slot. */
int pool_fill(struct workers *w, struct slot *s, const struct slot_needs *needs,
              struct error *err) __attribute__((warn_unused_result));

/* Ends a worker that must not go on; how it ended as of wait(2), or -1. */
int pool_lose(struct workers *w, struct slot *s);

/* Gives back what memory an arena took for something large. */
void pool_trim(const struct workers *w, struct slot *s);

#endif
