// SPDX-License-Identifier: MIT
/* readers.c: see readers.h. */
#include "readers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "fit.h"
#include "log.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"

enum {
    ACCOUNT_EVERY = 32, /* guesses */
    WASTE_PART = 4,     /* of the blocks made ahead, at most */
    PAUSE_MS = 10000,
    ORDERS_AT_ONCE = 16, /* studies, or images in them */
    ORDERS_BURST = 64,
    ORDER_MS = 50 /* for one more */
};

struct readers {
    struct readers_config c;
    struct ahead *ahead; /* NULL: off */
    struct fit *fit;     /* NULL: off */
    atomic_uint depth;
    _Atomic uint64_t ahead_bytes; /* what guesses may take in the cache */
    _Atomic uint64_t guesses, late, finished, told, expected;
    struct lock lock;      /* protects the rest */
    uint64_t made, wasted; /* blocks, at the last account */
    uint64_t resume_ms;    /* when depth is 0 */
    uint64_t orders_ms;    /* when the bucket of orders was filled last */
    unsigned orders;       /* left in it */
};

static uint32_t number_of(const struct leaf *leaf)
{
    return (uint32_t)leaf->view_id << 4 | (uint32_t)leaf->kind;
}

/* ---- how far ------------------------------------------------------------- */

static void look_at_cache(struct readers *r, struct cache_stats *ret)
{
    cache_stats_get(r->c.cache, ret);
    atomic_store(&r->ahead_bytes, ret->bytes_ahead_max);
}

static void adjust_locked(struct readers *r, const struct cache_stats *now)
    REQUIRES(r->lock)
{
    uint64_t made = now->prefetched - r->made;
    uint64_t wasted = now->prefetch_wasted - r->wasted;
    unsigned depth = atomic_load(&r->depth);

    r->made = now->prefetched;
    r->wasted = now->prefetch_wasted;
    if (wasted * WASTE_PART > made)
        depth /= 2;
    else if (depth < r->c.prefetch)
        depth = depth * 2 < r->c.prefetch ? depth * 2 : r->c.prefetch;
    if (depth == 0)
        r->resume_ms = log_now_ms() + PAUSE_MS;
    atomic_store(&r->depth, depth);
}

/* After every so many guesses: were they any good? */
static void account(struct readers *r)
{
    struct cache_stats now;

    if ((atomic_fetch_add(&r->finished, 1) + 1) % ACCOUNT_EVERY != 0)
        return;
    look_at_cache(r, &now);
    lock_acquire(&r->lock);
    adjust_locked(r, &now);
    lock_release(&r->lock);
}

static void resume(struct readers *r)
{
    lock_acquire(&r->lock);
    if (log_now_ms() >= r->resume_ms)
        atomic_store(&r->depth, 1);
    lock_release(&r->lock);
}

/* Units of this leaf that may be made ahead: they must find room until they
 * are read. */
static unsigned limit_for(struct readers *r, const struct render_place *place)
{
    uint64_t room = atomic_load(&r->ahead_bytes);
    uint64_t n = place->unit_bytes ? room / place->unit_bytes : 0;
    unsigned depth = atomic_load(&r->depth);

    return n < depth ? (unsigned)n : depth;
}

/* ---- guesses ------------------------------------------------------------- */

struct guess {
    struct pool_job job;
    struct readers *readers;
    struct leaf leaf;
    struct ahead_target target;
    struct ahead_stream_ref stream;
};

static struct guess *guess_of(struct pool_job *job)
{
    return (struct guess *)((char *)job - offsetof(struct guess, job));
}

static void drop_guess(struct pool_job *job)
{
    free(guess_of(job));
}

/* What cannot be made is the reader's to hear of. */
static void run_guess(struct pool_job *job)
{
    CLEANUP_FREE struct guess *g = guess_of(job);
    struct readers *r = g->readers;
    struct error ignored = ERROR_INIT;
    bool made = false;

    if (!ahead_is_wanted(r->ahead, &g->stream, &g->target)) {
        (void)atomic_fetch_add(&r->late, 1);
        return;
    }
    (void)!render_prefetch(r->c.render, &g->leaf, g->target.unit,
                           atomic_load(&r->ahead_bytes), &made, &ignored);
    ahead_done(r->ahead, &g->stream, made);
    account(r);
}

static void submit_guess(struct readers *r, const struct leaf *leaf,
                         const struct ahead_stream_ref *stream,
                         const struct ahead_target *target)
{
    struct guess *g = calloc(1, sizeof *g);

    if (!g)
        return;
    g->readers = r;
    g->leaf = *leaf;
    g->leaf.object_id = target->leaf;
    g->target = *target;
    g->stream = *stream;
    g->job.run = run_guess;
    g->job.drop = drop_guess;
    g->job.class = POOL_PREFETCH;
    g->job.key = render_prefetch_key(r->c.render, &g->leaf, target->unit);
    (void)atomic_fetch_add(&r->guesses, 1);
    if (pool_submit(r->c.pool, &g->job, NULL) < 0)
        free(g);
}

/* ---- orders of studies ----------------------------------------------------
 */

struct lesson {
    struct pool_job job;
    struct readers *readers;
    int64_t study;
};

static struct lesson *lesson_of(struct pool_job *job)
{
    return (struct lesson *)((char *)job - offsetof(struct lesson, job));
}

static void drop_lesson(struct pool_job *job)
{
    free(lesson_of(job));
}

/* Learns one study; returns its images, or -1. */
static int64_t learn(struct readers *r, int64_t study, int64_t *ret_next)
{
    CLEANUP_FREE int64_t *ids = NULL;
    CLEANUP_FREE int64_t *named = NULL;
    struct manifest_folder next = {.id = 0};
    struct error ignored = ERROR_INIT;
    uint32_t n = 0;

    if (manifest_list_studies(r->c.manifest, study, 1, &next, &ignored) < 0 ||
        manifest_study_order(r->c.manifest, study, AHEAD_STUDY, &ids, &named,
                             &n, &ignored) < 0)
        return -1;
    ahead_learn(r->ahead, study, ids, named, n, next.id);
    *ret_next = next.id;
    return n;
}

/* Small studies come in crowds: goes on with those that follow. */
static void run_lesson(struct pool_job *job)
{
    CLEANUP_FREE struct lesson *l = lesson_of(job);
    int64_t study = l->study, images = 0;

    for (int i = 0; i < ORDERS_AT_ONCE && images < ORDERS_AT_ONCE; i++) {
        int64_t n, next = 0;

        if (study == 0 || ahead_knows(l->readers->ahead, study))
            return;
        n = learn(l->readers, study, &next);
        if (n < 0)
            return;
        images += n;
        study = next;
    }
}

/* Readers in no order may ask for many: a listing costs a millisecond. */
static bool may_learn(struct readers *r)
{
    uint64_t now = log_now_ms(), more;
    bool may;

    lock_acquire(&r->lock);
    more = (now - r->orders_ms) / ORDER_MS;
    if (more > 0) {
        r->orders = r->orders + more < ORDERS_BURST ? r->orders + (unsigned)more
                                                    : ORDERS_BURST;
        r->orders_ms = now;
    }
    may = r->orders > 0;
    r->orders -= may;
    lock_release(&r->lock);
    return may;
}

/* A lane of its own for all of them: the second finds what the first did. */
static void submit_lesson(struct readers *r, int64_t study)
{
    struct lesson *l;

    if (!may_learn(r))
        return;
    l = calloc(1, sizeof *l);
    if (!l)
        return;
    l->readers = r;
    l->study = study;
    l->job.run = run_lesson;
    l->job.drop = drop_lesson;
    l->job.class = POOL_PREFETCH;
    l->job.key = UINT64_C(0x6f7264657273);
    if (pool_submit(r->c.pool, &l->job, NULL) < 0)
        free(l);
}

void readers_note_read(struct readers *r, const struct leaf *leaf,
                       const struct render_place *place, bool ready)
{
    struct ahead_read read = {.view = number_of(leaf),
                              .study = place->study_id,
                              .leaf = leaf->object_id,
                              .unit = place->unit,
                              .units = place->units,
                              .ready = ready};
    struct ahead_plan plan;

    if (!r->ahead || leaf->part != 0)
        return;
    if (atomic_load(&r->depth) == 0)
        resume(r);
    if (!ahead_note(r->ahead, &read, limit_for(r, place), &plan) ||
        pool_is_busy(r->c.pool))
        return;
    for (unsigned i = 0; i < plan.n_unknown; i++)
        submit_lesson(r, plan.unknown[i]);
    for (unsigned i = 0; i < plan.n; i++)
        submit_guess(r, leaf, &plan.stream, &plan.targets[i]);
}

/* ---- passes -------------------------------------------------------------- */

static bool is_resident(void *opaque, const struct cache_key *key)
{
    return cache_has(opaque, key);
}

static void expect(struct readers *r, uint64_t bytes)
{
    cache_expect_passes(r->c.cache, bytes);
    atomic_store(&r->expected, bytes);
    if (bytes > 0)
        (void)atomic_fetch_add(&r->told, 1);
}

static void judge(struct readers *r)
{
    struct fit_facts facts = {.resident = is_resident, .opaque = r->c.cache};
    struct error ignored = ERROR_INIT;
    struct manifest_totals totals;
    struct cache_stats stats;
    uint64_t bytes = 0;

    look_at_cache(r, &stats);
    if (manifest_totals(r->c.manifest, &totals, &ignored) < 0)
        return;
    facts.images = totals.images;
    facts.budget_bytes = stats.budget_bytes;
    facts.frozen = stats.guard_frozen > 0;
    facts.stored_part =
        stats.blocks < 64 || stats.bytes_compressed == 0
            ? 0.5
            : (double)stats.bytes_compressed / (double)stats.bytes_logical;
    switch (fit_judge(r->fit, &facts, &bytes)) {
    case FIT_NOTHING:
        return;
    case FIT_EXPECT:
        expect(r, bytes);
        return;
    case FIT_TAKE_BACK:
        expect(r, 0);
        return;
    }
}

void readers_note_answer(struct readers *r, const struct leaf *leaf,
                         const struct render_place *place)
{
    struct fit_read read = {
        .view = number_of(leaf),
        .digest = {place->digest[0], place->digest[1]},
        .leaf_bytes = place->leaf_bytes,
        .first = place->first_piece,
        .last = place->last_piece,
        .block_bytes = place->piece_bytes,
    };

    if (!r->fit || place->units == 0)
        return;
    if (fit_note(r->fit, &read))
        judge(r);
}

/* ---- life ---------------------------------------------------------------- */

struct readers *readers_new(const struct readers_config *config,
                            struct error *err)
{
    struct readers *r = calloc(1, sizeof *r);
    struct cache_stats stats;

    if (!r) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&r->lock);
    r->c = *config;
    atomic_init(&r->depth, config->prefetch);
    r->orders = ORDERS_BURST;
    r->orders_ms = log_now_ms();
    look_at_cache(r, &stats);
    if (config->prefetch)
        r->ahead = ahead_new(config->prefetch, err);
    if (config->epochs)
        r->fit = fit_new(stats.budget_bytes, err);
    if ((config->prefetch && !r->ahead) || (config->epochs && !r->fit)) {
        readers_free(r);
        return NULL;
    }
    return r;
}

void readers_free(struct readers *r)
{
    if (!r)
        return;
    ahead_free(r->ahead);
    fit_free(r->fit);
    lock_deinit(&r->lock);
    free(r);
}

void readers_rescanned(struct readers *r)
{
    if (r->ahead)
        ahead_forget(r->ahead);
}

void readers_stats_get(struct readers *r, struct readers_stats *ret)
{
    *ret = (struct readers_stats){
        .guesses = atomic_load(&r->guesses),
        .guesses_late = atomic_load(&r->late),
        .depth = atomic_load(&r->depth),
        .passes_told = atomic_load(&r->told),
        .expected_bytes = atomic_load(&r->expected),
    };
}
