// SPDX-License-Identifier: MIT
/* ahead.c: see ahead.h. What is proposed; which stream a read belongs to is in
 * ahead_stream.c. */
#include "ahead_impl.h"

#include <stdlib.h>
#include <string.h>

static void count_loud(struct ahead *a) REQUIRES(a->lock)
{
    unsigned n = 0;

    for (int i = 0; i < AHEAD_STREAMS; i++)
        n += stream_is_loud(&a->streams[i]);
    atomic_store_explicit(&a->loud, n, memory_order_relaxed);
}

/* ---- what comes next --------------------------------------------------- */

/* `surplus`: the score beyond what makes a stream believed. */
static unsigned depth_of(const struct ahead *a, unsigned surplus,
                         unsigned limit)
{
    unsigned most = a->depth < limit ? a->depth : limit;
    unsigned shift = surplus / 2;

    return shift < 6 && (1u << shift) < most ? 1u << shift : most;
}

static void propose(struct ahead_plan *plan, int64_t leaf, uint32_t unit)
{
    if (plan->n < AHEAD_DEPTH)
        plan->targets[plan->n++] = (struct ahead_target){leaf, unit};
}

static void want_order(struct ahead *a, struct ahead_plan *plan, int64_t study)
    REQUIRES(a->lock)
{
    if (study == 0 || orders_find(&a->orders, study) ||
        (plan->n_unknown == 1 && plan->unknown[0] == study) ||
        plan->n_unknown == 2)
        return;
    plan->unknown[plan->n_unknown++] = study;
}

/* The units before the stream in its image; returns how many of the depth
 * reach beyond it. */
static unsigned plan_units(const struct ahead *a, struct stream *s,
                           unsigned limit, struct ahead_plan *plan)
{
    unsigned depth, left;

    if (s->units > 1 && s->unit_score < AHEAD_UNIT_SCORE)
        return s->unit == 0 ? limit : 0; /* who takes only the first */
    depth = s->units > 1 ? depth_of(a, s->unit_score - AHEAD_UNIT_SCORE, limit)
                         : limit;
    left = s->units - 1 - s->unit;
    for (uint32_t unit = s->unit_horizon + 1;
         unit < s->units && unit <= s->unit + depth; unit++) {
        propose(plan, s->leaf, unit);
        s->unit_horizon = unit;
    }
    return depth > left ? depth - left : 0;
}

static void plan_leaves(struct ahead *a, struct stream *s, unsigned limit,
                        struct ahead_plan *plan) REQUIRES(a->lock)
{
    int way = s->leaf_score[NAMED] > s->leaf_score[LISTED] ? NAMED : LISTED;
    struct walk w = walk_from(&a->orders, way, s->study, s->leaf);
    unsigned depth;

    if (s->leaf_score[way] < AHEAD_SCORE)
        return;
    depth = depth_of(a, s->leaf_score[way] - AHEAD_SCORE, limit);
    for (unsigned step = 1; step <= depth; step++) {
        int64_t leaf = walk_next(&a->orders, &w);

        if (leaf == 0) {
            want_order(a, plan, w.study);
            return;
        }
        if (step <= s->leaf_horizon[way])
            continue;
        propose(plan, leaf, 0);
        s->leaf_horizon[way] = step;
    }
}

static void plan_for(struct ahead *a, struct stream *s, unsigned limit,
                     struct ahead_plan *plan) REQUIRES(a->lock)
{
    unsigned beyond;

    if (s->quiet || limit == 0)
        return;
    beyond = plan_units(a, s, limit, plan);
    if (beyond > 0)
        plan_leaves(a, s, beyond, plan);
    plan->stream =
        (struct ahead_stream_ref){(unsigned)(s - a->streams), s->serial};
}

/* Is there a sign that two reads belong together, so that it is worth asking
 * for an order: the same study, or neighbours by number. */
static void ask_around(struct ahead *a, const struct ahead_read *r,
                       struct ahead_plan *plan) REQUIRES(a->lock)
{
    for (int i = 0; i < AHEAD_STREAMS; i++) {
        const struct stream *s = &a->streams[i];
        bool near = r->leaf > s->leaf && r->leaf - s->leaf <= 8;

        if (!s->serial || s->view != r->view || s->leaf == r->leaf ||
            (s->study != r->study && !near))
            continue;
        want_order(a, plan, s->study);
        want_order(a, plan, r->study);
    }
}

static void note_locked(struct ahead *a, const struct ahead_read *r,
                        unsigned limit, struct ahead_plan *plan)
    REQUIRES(a->lock)
{
    struct match m;
    struct stream *s;

    a->tick++;
    m = stream_find(a, r);
    s = m.stream;
    if (!s && r->ready)
        return;
    if (!s) {
        ask_around(a, r, plan);
        stream_start(a, r);
        return;
    }
    s->used = a->tick;
    if (!r->ready && s->quiet) {
        s->quiet = false;
        s->idle = 0;
    }
    if (m.fit == FIT_UNIT)
        stream_step_unit(s, r);
    else if (m.fit == FIT_LEAF)
        stream_step_leaf(s, r, m.steps);
    if (m.fit == FIT_UNIT || m.fit == FIT_LEAF)
        plan_for(a, s, limit, plan);
}

bool ahead_note(struct ahead *a, const struct ahead_read *read, unsigned limit,
                struct ahead_plan *ret)
{
    ret->n = ret->n_unknown = 0;
    if (read->ready &&
        atomic_load_explicit(&a->loud, memory_order_relaxed) == 0)
        return false;
    lock_acquire(&a->lock);
    note_locked(a, read, limit, ret);
    count_loud(a);
    lock_release(&a->lock);
    return ret->n > 0 || ret->n_unknown > 0;
}

/* ---- answers ------------------------------------------------------------ */

static struct stream *stream_of(struct ahead *a,
                                const struct ahead_stream_ref *ref)
    REQUIRES(a->lock)
{
    struct stream *s = &a->streams[ref->index];

    return s->serial == ref->serial ? s : NULL;
}

bool ahead_is_wanted(struct ahead *a, const struct ahead_stream_ref *stream,
                     const struct ahead_target *target)
{
    const struct stream *s;
    bool wanted = false;

    lock_acquire(&a->lock);
    s = stream_of(a, stream);
    if (s && s->leaf == target->leaf)
        wanted = target->unit > s->unit;
    else if (s)
        wanted = !stream_saw_lately(s, target->leaf);
    lock_release(&a->lock);
    return wanted;
}

void ahead_done(struct ahead *a, const struct ahead_stream_ref *stream,
                bool made)
{
    struct stream *s;

    lock_acquire(&a->lock);
    s = stream_of(a, stream);
    if (s) {
        s->idle = made ? 0 : s->idle + 1;
        s->quiet = s->idle >= AHEAD_IDLE;
        count_loud(a);
    }
    lock_release(&a->lock);
}

/* ---- orders ------------------------------------------------------------- */

void ahead_learn(struct ahead *a, int64_t study, const int64_t *ids,
                 const int64_t *named, uint32_t n, int64_t next_study)
{
    lock_acquire(&a->lock);
    orders_learn(&a->orders, study, ids, named, n, next_study);
    lock_release(&a->lock);
}

bool ahead_knows(struct ahead *a, int64_t study)
{
    bool known;

    lock_acquire(&a->lock);
    known = orders_find(&a->orders, study) != NULL;
    lock_release(&a->lock);
    return known;
}

/* ---- life --------------------------------------------------------------- */

struct ahead *ahead_new(unsigned depth, struct error *err)
{
    struct ahead *a = calloc(1, sizeof *a);

    if (!a) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&a->lock);
    a->depth = depth < AHEAD_DEPTH ? depth : AHEAD_DEPTH;
    atomic_init(&a->loud, 0);
    return a;
}

void ahead_forget(struct ahead *a)
{
    lock_acquire(&a->lock);
    orders_clear(&a->orders);
    memset(a->streams, 0, sizeof a->streams);
    count_loud(a);
    lock_release(&a->lock);
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    ahead_forget(a);
    lock_deinit(&a->lock);
    free(a);
}
