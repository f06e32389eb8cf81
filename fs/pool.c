// SPDX-License-Identifier: MIT
/*
 * pool.c: see pool.h.
 *
 * A lane holds the jobs of one key and exists while there is one, queued or
 * running. It is in at most one ready list: that of its most urgent job, and
 * in none while a worker has it. One lock guards everything; it is held for a
 * few pointer moves, never across a callback.
 */
#include "pool.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/lock.h"

enum {
    LANE_BUCKETS = 1024,
    LANE_TURN = 16 /* jobs of one key before another key gets the thread */
};

TAILQ_HEAD(job_list, pool_job);
TAILQ_HEAD(lane_list, pool_lane);
LIST_HEAD(lane_bucket, pool_lane);

struct pool_lane {
    uint64_t key;
    bool running;
    int ready_in; /* enum pool_class, or -1 */
    struct job_list jobs[POOL_CLASSES];
    LIST_ENTRY(pool_lane) in_bucket;
    TAILQ_ENTRY(pool_lane) in_ready;
};

struct pool {
    struct lock lock;
    pthread_cond_t work;  /* a lane became ready, or stop */
    pthread_cond_t quiet; /* nothing queued or running any more */
    struct lane_bucket buckets[LANE_BUCKETS];
    struct lane_list ready[POOL_CLASSES];
    unsigned queued[POOL_CLASSES];
    unsigned limit[POOL_CLASSES];
    unsigned running;
    unsigned waiting;     /* of the running */
    unsigned active_max;  /* that run and do not wait */
    unsigned prefetching; /* of the running */
    unsigned prefetch_threads;
    unsigned queued_peak;
    uint64_t done, cancelled, refused;
    bool stop;
    unsigned n_threads;
    pthread_t threads[];
};

static size_t bucket_of(uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 54) % LANE_BUCKETS;
}

/* The lane of a key, made if there is none. NULL: out of memory. */
static struct pool_lane *get_lane_locked(struct pool *p, uint64_t key)
    REQUIRES(p->lock)
{
    struct lane_bucket *bucket = &p->buckets[bucket_of(key)];
    struct pool_lane *lane;

    LIST_FOREACH(lane, bucket, in_bucket)
    {
        if (lane->key == key)
            return lane;
    }
    lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->key = key;
    lane->ready_in = -1;
    for (int c = 0; c < POOL_CLASSES; c++)
        TAILQ_INIT(&lane->jobs[c]);
    LIST_INSERT_HEAD(bucket, lane, in_bucket);
    return lane;
}

/* The class of its most urgent job, or -1. */
static int urgency(const struct pool_lane *lane)
{
    for (int c = 0; c < POOL_CLASSES; c++) {
        if (!TAILQ_EMPTY(&lane->jobs[c]))
            return c;
    }
    return -1;
}

/* Puts the lane where its jobs say, or frees it if it has none. */
static void settle_lane_locked(struct pool *p, struct pool_lane *lane)
    REQUIRES(p->lock)
{
    int class = lane->running ? -1 : urgency(lane);

    if (lane->ready_in != class) {
        if (lane->ready_in >= 0)
            TAILQ_REMOVE(&p->ready[lane->ready_in], lane, in_ready);
        lane->ready_in = class;
        if (class >= 0) {
            TAILQ_INSERT_TAIL(&p->ready[class], lane, in_ready);
            lock_check(pthread_cond_signal(&p->work));
        }
    }
    if (!lane->running && class < 0) {
        LIST_REMOVE(lane, in_bucket);
        free(lane);
    }
}

static void unqueue_locked(struct pool *p, struct pool_job *job)
    REQUIRES(p->lock)
{
    TAILQ_REMOVE(&job->lane->jobs[job->class], job, link);
    p->queued[job->class]--;
}

static void tell_if_quiet_locked(struct pool *p) REQUIRES(p->lock)
{
    if (p->running == 0 && p->queued[POOL_READER] == 0 &&
        p->queued[POOL_PREFETCH] == 0)
        lock_check(pthread_cond_broadcast(&p->quiet));
}

/* Readers first; guesses only on as many threads as they may have, so that
 * the next reader finds one. */
static struct pool_lane *next_lane_locked(struct pool *p) REQUIRES(p->lock)
{
    if (p->running >= p->active_max + p->waiting)
        return NULL;
    if (!TAILQ_EMPTY(&p->ready[POOL_READER]))
        return TAILQ_FIRST(&p->ready[POOL_READER]);
    if (p->prefetching < p->prefetch_threads)
        return TAILQ_FIRST(&p->ready[POOL_PREFETCH]);
    return NULL;
}

static void run_first_locked(struct pool *p, struct pool_lane *lane)
    REQUIRES(p->lock)
{
    int class = urgency(lane);
    struct pool_job *job = TAILQ_FIRST(&lane->jobs[class]);

    unqueue_locked(p, job);
    job->state = POOL_RUNNING;
    p->running++;
    p->prefetching += class == POOL_PREFETCH;
    lock_release(&p->lock);
    job->run(job); /* the job may be gone after this */
    lock_acquire(&p->lock);
    p->running--;
    p->prefetching -= class == POOL_PREFETCH;
    p->done++;
}

/* Runs jobs of one lane: readers up to a turn, or a single prefetch. */
static void serve_lane_locked(struct pool *p, struct pool_lane *lane)
    REQUIRES(p->lock)
{
    lane->running = true;
    settle_lane_locked(p, lane);
    for (int n = 0; n < LANE_TURN && !p->stop; n++) {
        run_first_locked(p, lane);
        if (urgency(lane) != POOL_READER)
            break;
    }
    lane->running = false;
    settle_lane_locked(p, lane);
    tell_if_quiet_locked(p);
}

/* A thread that was woken and may not run yet left the wish to others. */
static bool may_run_more_locked(const struct pool *p) REQUIRES(p->lock)
{
    return p->running < p->active_max + p->waiting &&
           (!TAILQ_EMPTY(&p->ready[POOL_READER]) ||
            !TAILQ_EMPTY(&p->ready[POOL_PREFETCH]));
}

void pool_waits(struct pool *p, bool begins)
{
    lock_acquire(&p->lock);
    p->waiting += begins ? 1u : -1u;
    if (begins && may_run_more_locked(p))
        lock_check(pthread_cond_signal(&p->work));
    lock_release(&p->lock);
}

static void *work(void *opaque)
{
    struct pool *p = opaque;
    struct pool_lane *lane;

    lock_acquire(&p->lock);
    while (!p->stop) {
        lane = next_lane_locked(p);
        if (lane)
            serve_lane_locked(p, lane);
        else
            lock_wait(&p->lock, &p->work);
    }
    lock_release(&p->lock);
    return NULL;
}

/* Takes one job out of the queue; NULL when it is empty. */
static struct pool_job *take_any(struct pool *p)
{
    struct pool_lane *lane;
    struct pool_job *job = NULL;

    lock_acquire(&p->lock);
    lane = next_lane_locked(p);
    if (lane) {
        job = TAILQ_FIRST(&lane->jobs[urgency(lane)]);
        unqueue_locked(p, job);
        job->state = POOL_IDLE;
        settle_lane_locked(p, lane);
    }
    lock_release(&p->lock);
    return job;
}

void pool_free(struct pool *p)
{
    struct pool_job *job;

    if (!p)
        return;
    lock_acquire(&p->lock);
    p->stop = true;
    lock_check(pthread_cond_broadcast(&p->work));
    lock_release(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        lock_check(pthread_join(p->threads[i], NULL));
    while ((job = take_any(p)) != NULL)
        job->drop(job);
    lock_check(pthread_cond_destroy(&p->work));
    lock_check(pthread_cond_destroy(&p->quiet));
    lock_deinit(&p->lock);
    free(p);
}

static int start_threads(struct pool *p, unsigned n, struct error *err)
{
    sigset_t all, before;
    int rc = 0;

    (void)sigfillset(&all);
    lock_check(pthread_sigmask(SIG_SETMASK, &all, &before));
    while (rc == 0 && p->n_threads < n) {
        rc = pthread_create(&p->threads[p->n_threads], NULL, work, p);
        if (rc == 0)
            p->n_threads++;
    }
    lock_check(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (rc != 0)
        return error_set_sys(err, rc, "cannot start thread %u of %u: %s",
                             p->n_threads + 1, n, strerrordesc_np(rc));
    return 0;
}

struct pool *pool_new(const struct pool_config *config, struct error *err)
{
    struct pool *p = calloc(1, sizeof *p + (config->threads + config->spare) *
                                               sizeof p->threads[0]);

    if (!p) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&p->lock);
    lock_check(pthread_cond_init(&p->work, NULL));
    lock_check(pthread_cond_init(&p->quiet, NULL));
    for (size_t i = 0; i < LANE_BUCKETS; i++)
        LIST_INIT(&p->buckets[i]);
    for (int c = 0; c < POOL_CLASSES; c++)
        TAILQ_INIT(&p->ready[c]);
    p->limit[POOL_READER] = config->max_queued;
    p->limit[POOL_PREFETCH] = config->max_prefetch;
    p->active_max = config->threads;
    p->prefetch_threads =
        config->prefetch_threads ? config->prefetch_threads : config->threads;
    if (start_threads(p, config->threads + config->spare, err) < 0) {
        pool_free(p);
        return NULL;
    }
    return p;
}

static int submit_locked(struct pool *p, struct pool_job *job,
                         struct error *err) REQUIRES(p->lock)
{
    struct pool_lane *lane;

    if (p->queued[job->class] >= p->limit[job->class]) {
        p->refused++;
        return error_set(err, ERROR_NO_MEMORY,
                         "%u requests wait for a decode already",
                         p->queued[job->class]);
    }
    lane = get_lane_locked(p, job->key);
    if (!lane)
        return error_no_memory(err);
    job->lane = lane;
    job->state = POOL_QUEUED;
    TAILQ_INSERT_TAIL(&lane->jobs[job->class], job, link);
    p->queued[job->class]++;
    if (p->queued[POOL_READER] > p->queued_peak)
        p->queued_peak = p->queued[POOL_READER];
    settle_lane_locked(p, lane);
    return 0;
}

int pool_submit(struct pool *p, struct pool_job *job, struct error *err)
{
    int rc;

    assert(job->state == POOL_IDLE);
    lock_acquire(&p->lock);
    rc = submit_locked(p, job, err);
    lock_release(&p->lock);
    return rc;
}

bool pool_cancel(struct pool *p, struct pool_job *job)
{
    bool queued;

    lock_acquire(&p->lock);
    queued = job->state == POOL_QUEUED;
    if (queued) {
        unqueue_locked(p, job);
        job->state = POOL_IDLE;
        p->cancelled++;
        settle_lane_locked(p, job->lane);
        tell_if_quiet_locked(p);
    }
    lock_release(&p->lock);
    return queued;
}

bool pool_is_busy(struct pool *p)
{
    bool busy;

    lock_acquire(&p->lock);
    busy = !TAILQ_EMPTY(&p->ready[POOL_READER]);
    lock_release(&p->lock);
    return busy;
}

void pool_drain(struct pool *p)
{
    lock_acquire(&p->lock);
    while (p->running > 0 || p->queued[POOL_READER] > 0 ||
           p->queued[POOL_PREFETCH] > 0)
        lock_wait(&p->lock, &p->quiet);
    lock_release(&p->lock);
}

void pool_stats_get(struct pool *p, struct pool_stats *ret)
{
    lock_acquire(&p->lock);
    *ret = (struct pool_stats){
        .threads = p->active_max,
        .queued = p->queued[POOL_READER],
        .prefetching = p->queued[POOL_PREFETCH],
        .running = p->running,
        .queued_peak = p->queued_peak,
        .done = p->done,
        .cancelled = p->cancelled,
        .refused = p->refused,
    };
    lock_release(&p->lock);
}
