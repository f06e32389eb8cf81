// SPDX-License-Identifier: MIT
/* crew.c: see crew.h. */
#include "ctl/crew.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prepfs/lock.h"

enum { QUEUE = 256, THREADS_MAX = 64 };

struct crew {
    const struct crew_config *config;
    struct crew_result *result;
    uint64_t total; /* 0: not counted */

    struct lock lock;
    pthread_cond_t filled;
    pthread_cond_t emptied;
    struct engine_leaf queue[QUEUE];
    size_t first, count;
    bool complete; /* nothing will follow */
    bool stopped;
    struct error why; /* it was stopped, if it was by a leaf */
};

struct worker {
    struct crew *crew;
    unsigned number;
    pthread_t thread;
};

unsigned crew_threads(unsigned wanted)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (wanted == 0)
        wanted = cpus > 0 ? (unsigned)cpus : 1;
    return wanted < THREADS_MAX ? wanted : THREADS_MAX;
}

int ctl_engine_start(struct engine *e, const struct ctl_args *args,
                     struct error *err)
{
    unsigned jobs, workers;

    if (ctl_jobs(args, &jobs, err) != 0)
        return -1;
    workers = crew_threads(jobs);
    if (args->values[CTL_WORKERS] &&
        ctl_number(args, CTL_WORKERS, 0, WORKERS_MAX, &workers, err) != 0)
        return -1;
    return engine_start(e, workers, err);
}

int ctl_engine_open(struct engine *e, const struct ctl_args *args,
                    const char *archive, struct manifest *manifest,
                    struct error *err)
{
    struct engine_config config = {
        .archive = archive,
        .manifest = manifest,
        .follow = args->values[CTL_FOLLOW] != NULL,
    };

    if (ctl_gaps(args, &config.gaps_allowed, err) != 0 ||
        (!e->has_started && ctl_engine_start(e, args, err) != 0))
        return -1;
    return engine_open(e, &config, err);
}

static bool is_cancelled(const struct crew *c)
{
    return c->config->cancel && atomic_load(c->config->cancel);
}

/* ---- workers ---- */

/* False when there is nothing any more. */
static bool take(struct crew *c, struct engine_leaf *ret)
{
    bool have;

    lock_acquire(&c->lock);
    while (c->count == 0 && !c->complete && !c->stopped)
        lock_wait(&c->lock, &c->filled);
    have = c->count > 0 && !c->stopped && !is_cancelled(c);
    if (have) {
        *ret = c->queue[c->first];
        c->first = (c->first + 1) % QUEUE;
        c->count--;
    } else {
        c->stopped = true;
        lock_check(pthread_cond_broadcast(&c->filled));
    }
    lock_check(pthread_cond_signal(&c->emptied));
    lock_release(&c->lock);
    return have;
}

static void tell_failure(const struct crew *c, const struct engine_leaf *leaf,
                         const struct error *why)
{
    if (c->config->failed)
        c->config->failed(c->config->opaque, leaf, why);
    else
        progress_message(c->config->progress, "%s: %s", leaf->path, why->msg);
}

static void show(const struct crew *c)
{
    const struct crew_result *r = c->result;
    struct progress_count count = {
        .done = r->done + r->skipped + r->failed,
        .failed = r->failed,
        .total = c->total,
        .bytes = r->bytes,
    };

    progress_files(c->config->progress, &count);
}

static void enter(struct crew *c, const struct engine_leaf *leaf,
                  enum crew_verdict verdict, uint64_t bytes,
                  const struct error *why)
{
    bool interrupted = is_cancelled(c) && why->kind == ERROR_INTERRUPTED;

    lock_acquire(&c->lock);
    c->result->bytes += bytes;
    switch (verdict) {
    case CREW_DONE:
        c->result->done++;
        break;
    case CREW_SKIPPED:
        c->result->skipped++;
        break;
    case CREW_FAILED:
    case CREW_STOP:
        if (!interrupted) {
            c->result->failed++;
            tell_failure(c, leaf, why);
        }
        if ((verdict == CREW_STOP || c->config->strict) && !c->stopped) {
            c->stopped = true;
            c->why = *why;
            lock_check(pthread_cond_broadcast(&c->filled));
            lock_check(pthread_cond_signal(&c->emptied));
        }
        break;
    }
    show(c);
    lock_release(&c->lock);
}

static void *work(void *opaque)
{
    struct worker *w = opaque;
    struct crew *c = w->crew;
    struct engine_leaf leaf;

    while (take(c, &leaf)) {
        struct error err = ERROR_INIT;
        uint64_t bytes = 0;
        enum crew_verdict verdict =
            c->config->work(c->config->opaque, w->number, &leaf, &bytes, &err);

        enter(c, &leaf, verdict, bytes, &err);
    }
    return NULL;
}

/* ---- the listing ---- */

static void begin(const struct crew *c)
{
    if (c->config->begin)
        c->config->begin(c->config->opaque);
}

static bool is_wanted(const struct crew *c, const struct engine_leaf *leaf)
{
    return !c->config->wanted || c->config->wanted(c->config->opaque, leaf);
}

static bool count_leaf(void *opaque, const struct engine_leaf *leaf)
{
    struct crew *c = opaque;

    c->total += is_wanted(c, leaf);
    return !is_cancelled(c);
}

static bool give_leaf(void *opaque, const struct engine_leaf *leaf)
{
    struct crew *c = opaque;
    bool goes_on;

    if (!is_wanted(c, leaf))
        return !is_cancelled(c);
    lock_acquire(&c->lock);
    while (c->count == QUEUE && !c->stopped)
        lock_wait(&c->lock, &c->emptied);
    goes_on = !c->stopped && !is_cancelled(c);
    if (goes_on) {
        c->queue[(c->first + c->count) % QUEUE] = *leaf;
        c->count++;
        lock_check(pthread_cond_signal(&c->filled));
    }
    lock_release(&c->lock);
    return goes_on;
}

/* Counting costs a walk through the rows; where it would cost pixels, a bar
 * is not worth it. */
static int count(struct crew *c, struct error *err)
{
    const struct view *view =
        render_view_by_id(c->config->engine->render, c->config->view_id, err);

    if (!view)
        return -1;
    if (c->config->progress->quiet || !view_parts_are_known(view))
        return 0;
    begin(c);
    return engine_list(c->config->engine, c->config->view_id, count_leaf, c,
                       err);
}

static int list(struct crew *c, struct error *err)
{
    begin(c);
    int rc =
        engine_list(c->config->engine, c->config->view_id, give_leaf, c, err);

    lock_acquire(&c->lock);
    c->complete = true;
    if (rc != 0)
        c->stopped = true;
    lock_check(pthread_cond_broadcast(&c->filled));
    lock_release(&c->lock);
    return rc;
}

/* ---- a run ---- */

static int start(struct crew *c, struct worker *workers, unsigned n,
                 unsigned *ret_started, struct error *err)
{
    for (unsigned i = 0; i < n; i++) {
        int rc;

        workers[i] = (struct worker){.crew = c, .number = i};
        rc = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (rc != 0 && i == 0)
            return error_set_sys(err, rc, "cannot start a thread: %s",
                                 strerrordesc_np(rc));
        if (rc != 0)
            break;
        *ret_started = i + 1;
    }
    return 0;
}

static int run(struct crew *c, struct error *err)
{
    struct worker workers[THREADS_MAX];
    unsigned started = 0;
    int rc = count(c, err);

    if (rc == 0)
        rc = start(c, workers, crew_threads(c->config->threads), &started, err);
    if (rc == 0)
        rc = list(c, err);
    for (unsigned i = 0; i < started; i++)
        lock_check(pthread_join(workers[i].thread, NULL));
    progress_clear(c->config->progress);
    if (rc == 0 && is_cancelled(c))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    if (rc != 0 || c->why.kind == ERROR_NONE)
        return rc;
    *err = c->why;
    return -1;
}

int crew_run(const struct crew_config *config, struct crew_result *ret,
             struct error *err)
{
    struct crew *c = calloc(1, sizeof *c);
    int rc;

    if (!c)
        return error_no_memory(err);
    c->config = config;
    c->result = ret;
    lock_init(&c->lock);
    lock_check(pthread_cond_init(&c->filled, NULL));
    lock_check(pthread_cond_init(&c->emptied, NULL));
    rc = run(c, err);
    lock_check(pthread_cond_destroy(&c->emptied));
    lock_check(pthread_cond_destroy(&c->filled));
    lock_deinit(&c->lock);
    free(c);
    return rc;
}
