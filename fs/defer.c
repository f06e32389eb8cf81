// SPDX-License-Identifier: MIT
/*
 * defer.c: see defer.h.
 *
 * Two parties hold a deferred: the job (until it has run, was dropped or
 * taken back) and the request (until somebody has answered). `answered` is
 * swapped once; who swaps it answers and then lets go for the request.
 *
 * libfuse calls on_interrupt with the request's own lock held and keeps the
 * request alive meanwhile. fuse_req_interrupt_func(req, NULL, NULL) takes the
 * same lock: when the job has won the swap, that call waits for a callback
 * under way (which has lost, and touches nothing more) before the job frees.
 * When the callback has won, the job never touches the request again.
 */
#include "defer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "reply.h"

struct deferred {
    struct pool_job job;
    struct fs *fs;
    fuse_req_t req;
    deferred_fn work;
    struct deferred_args args;
    uint64_t since_us;
    atomic_bool answered;
    atomic_int holders;
};

struct fs *deferred_fs(const struct deferred *d)
{
    return d->fs;
}

const struct deferred_args *deferred_args(const struct deferred *d)
{
    return &d->args;
}

static struct deferred *of_job(struct pool_job *job)
{
    return (struct deferred *)((char *)job - offsetof(struct deferred, job));
}

static void let_go(struct deferred *d)
{
    if (atomic_fetch_sub(&d->holders, 1) == 1)
        free(d);
}

fuse_req_t deferred_claim(struct deferred *d)
{
    fuse_req_t req = d->req;

    if (atomic_exchange(&d->answered, true))
        return NULL;
    fuse_req_interrupt_func(req, NULL, NULL);
    stats_add_wait(&d->fs->stats.pool, stats_now_us() - d->since_us);
    let_go(d);
    return req;
}

static void on_interrupt(fuse_req_t req, void *opaque)
{
    struct deferred *d = opaque;
    struct error err = ERROR_INIT;

    if (atomic_exchange(&d->answered, true))
        return;
    stats_add(&d->fs->stats, STATS_INTERRUPT, 1);
    (void)error_set(&err, ERROR_INTERRUPTED, "interrupted");
    if (pool_cancel(d->fs->pool, &d->job))
        let_go(d);
    reply_error(d->fs, req, d->args.number, NULL, &err);
    let_go(d);
}

static void run(struct pool_job *job)
{
    struct deferred *d = of_job(job);

    if (!atomic_load(&d->answered))
        d->work(d);
    let_go(d);
}

static void fail(struct deferred *d, const struct error *err)
{
    fuse_req_t req = deferred_claim(d);

    if (req)
        reply_error(d->fs, req, d->args.number, NULL, err);
    let_go(d);
}

/* The mount ends before the job began. */
static void drop(struct pool_job *job)
{
    struct error err = ERROR_INIT;

    (void)error_set(&err, ERROR_INTERRUPTED, "unmounted");
    fail(of_job(job), &err);
}

void defer(struct fs *fs, fuse_req_t req, uint64_t key, deferred_fn work,
           const struct deferred_args *args)
{
    struct deferred *d = calloc(1, sizeof *d);
    struct error err = ERROR_INIT;

    if (!d) {
        (void)error_no_memory(&err);
        reply_error(fs, req, args->number, NULL, &err);
        return;
    }
    d->fs = fs;
    d->req = req;
    d->work = work;
    d->args = *args;
    d->since_us = stats_now_us();
    d->job.run = run;
    d->job.drop = drop;
    d->job.key = key;
    d->job.class = POOL_READER;
    atomic_init(&d->answered, false);
    atomic_init(&d->holders, 2);
    /* May call on_interrupt at once; the job then finds itself answered. */
    fuse_req_interrupt_func(req, on_interrupt, d);
    if (pool_submit(fs->pool, &d->job, &err) < 0)
        fail(d, &err);
}
