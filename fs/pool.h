// SPDX-License-Identifier: MIT
/*
 * pool.h: the threads that decode.
 *
 * No FUSE thread ever waits for a pixel: what must be made first becomes a
 * job here, and the job sends the reply. Jobs have keys. Those with one key
 * make the same bytes and run one after another on one thread, in order: the
 * first does the work, the next find it done, and no thread of the pool
 * sleeps on another's fill. Jobs of different keys run in parallel, and keys
 * take turns.
 *
 *     submit ---> lane of its key ---> ready lanes ---> worker
 *                 |job|job|job|        readers first,
 *                 one at a time        prefetch when there are none
 *
 * Back-pressure. The queue is bounded and submitting never blocks: a FUSE
 * thread that slept here would hold up every LOOKUP behind it. What waits is
 * a hundred bytes per request, not pixels, and the kernel sends one request
 * per waiting process and at most max_background ahead of them; so the bound
 * is high, and above it the request fails instead of the mount.
 *
 * Threads: struct pool is internally locked. Callbacks run with no lock held.
 */
#ifndef FS_POOL_H
#define FS_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "prepfs/error.h"

struct pool;
struct pool_lane;

enum pool_class {
    POOL_READER,  /* somebody waits for the answer */
    POOL_PREFETCH /* nobody does, yet; small queue, dropped first */
};

enum { POOL_CLASSES = 2 };

enum pool_state { POOL_IDLE, POOL_QUEUED, POOL_RUNNING };

/* Embedded in whatever the job is about; zero-initialise it, then fill the
 * first four. It must live until `run` is called (which may free it), `drop`
 * is called, or pool_cancel returned true. */
struct pool_job {
    void (*run)(struct pool_job *job);
    void (*drop)(struct pool_job *job); /* instead of run, by pool_free */
    uint64_t key;
    enum pool_class class;
    /* private to the pool */
    enum pool_state state;
    struct pool_lane *lane;
    TAILQ_ENTRY(pool_job) link;
};

struct pool_config {
    unsigned threads;          /* jobs that run at once, at least 1 */
    unsigned spare;            /* ... while so many more wait (pool_waits) */
    unsigned max_queued;       /* of class POOL_READER */
    unsigned max_prefetch;     /* of class POOL_PREFETCH */
    unsigned prefetch_threads; /* that may prefetch at once; 0: all */
};

/* Starts the threads, with all signals blocked in them. Caller owns. */
struct pool *pool_new(const struct pool_config *config, struct error *err);

/* Stops: jobs that run are finished, jobs that wait are dropped. NULL is
 * fine. No other call may be under way or follow. */
void pool_free(struct pool *pool);

/* Queues a job. -1 with ERROR_NO_MEMORY if the queue of its class is full;
 * the job is then the caller's again. */
int pool_submit(struct pool *pool, struct pool_job *job, struct error *err)
    __attribute__((warn_unused_result));

/* Takes a job back that has not started. False if it runs, or was never
 * submitted; the job must still exist. */
bool pool_cancel(struct pool *pool, struct pool_job *job);

/* Told by a job before and after it waits for something else than the
 * processor, such as a disk: another one runs meanwhile, on a spare thread. */
void pool_waits(struct pool *pool, bool begins);

/* Does a reader wait for a thread now? */
bool pool_is_busy(struct pool *pool);

/* Waits until nothing is queued and nothing runs. */
void pool_drain(struct pool *pool);

struct pool_stats {
    unsigned threads;     /* without spare ones */
    unsigned queued;      /* readers that wait now */
    unsigned prefetching; /* prefetch jobs that wait now */
    unsigned running;
    unsigned queued_peak;
    uint64_t done;
    uint64_t cancelled;
    uint64_t refused;
};
void pool_stats_get(struct pool *pool, struct pool_stats *ret);

#endif
