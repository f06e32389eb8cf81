// SPDX-License-Identifier: MIT
/* ahead.c: see ahead.h. */
#include "ahead_order.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/lock.h"

enum { RECENT = 8 };

struct stream {
    uint64_t serial; /* 0: unused */
    uint64_t used;
    uint32_t view;
    int64_t study;
    int64_t leaf;
    uint32_t unit, units;
    unsigned unit_score;
    unsigned leaf_score[WAYS];
    uint32_t unit_horizon;       /* proposed up to this unit */
    unsigned leaf_horizon[WAYS]; /* so many images from here are proposed */
    unsigned idle;
    bool quiet;
    int64_t recent[RECENT];
    unsigned n_recent;
};

struct ahead {
    struct lock lock; /* protects everything below but `loud` */
    unsigned depth;
    uint64_t tick;
    struct stream streams[AHEAD_STREAMS];
    struct orders orders;
    atomic_uint loud; /* streams that are believed and not quiet */
};

/* ---- streams ------------------------------------------------------------ */

static unsigned best_score(const struct stream *s)
{
    unsigned best = s->unit_score;

    for (int way = 0; way < WAYS; way++) {
        if (s->leaf_score[way] > best)
            best = s->leaf_score[way];
    }
    return best;
}

static bool is_believed(const struct stream *s)
{
    return s->unit_score >= AHEAD_UNIT_SCORE ||
           s->leaf_score[LISTED] >= AHEAD_SCORE ||
           s->leaf_score[NAMED] >= AHEAD_SCORE;
}

static bool is_loud(const struct stream *s)
{
    return s->serial && !s->quiet && is_believed(s);
}

static void count_loud(struct ahead *a) REQUIRES(a->lock)
{
    unsigned n = 0;

    for (int i = 0; i < AHEAD_STREAMS; i++)
        n += is_loud(&a->streams[i]);
    atomic_store_explicit(&a->loud, n, memory_order_relaxed);
}

/* Scores saturate where the depth does. */
static void add_score(unsigned *score, unsigned points)
{
    if (*score < AHEAD_UNIT_SCORE + 16)
        *score += points;
}

static bool saw_lately(const struct stream *s, int64_t leaf)
{
    for (int i = 0; i < RECENT; i++) {
        if (s->recent[i] == leaf)
            return true;
    }
    return false;
}

/* How a read fits a stream. */
enum fit { FIT_SAME, FIT_UNIT, FIT_LEAF, FIT_LATE, FIT_NOT };

static enum fit fit_unit(const struct stream *s, const struct ahead_read *r)
{
    if (r->unit == s->unit)
        return FIT_SAME;
    if (r->unit > s->unit && r->unit - s->unit <= 2)
        return FIT_UNIT;
    return r->unit < s->unit && s->unit - r->unit <= 2 ? FIT_LATE : FIT_NOT;
}

/* Steps from the stream's image to `leaf`, negative if it lies behind; 0 if
 * it is not near. */
static int steps_to(struct ahead *a, const struct stream *s, int way,
                    const struct ahead_read *r) REQUIRES(a->lock)
{
    struct walk w = walk_from(&a->orders, way, s->study, s->leaf);
    int64_t place = w.order && s->study == r->study
                        ? order_place(w.order, way, r->leaf)
                        : -1;
    int64_t steps = place - w.at;

    if (place >= 0)
        return steps >= -AHEAD_SPREAD && steps <= AHEAD_SPREAD ? (int)steps : 0;

    for (int step = 1; step <= AHEAD_SPREAD; step++) {
        int64_t next = walk_next(&a->orders, &w);

        if (next == r->leaf)
            return step;
        if (next == 0)
            return 0;
    }
    return 0;
}

/* The same for a stream in another image. */
static enum fit fit_leaf(struct ahead *a, const struct stream *s,
                         const struct ahead_read *r, int steps[WAYS])
    REQUIRES(a->lock)
{
    bool before = false, behind = saw_lately(s, r->leaf);

    for (int way = 0; way < WAYS && !behind; way++) {
        steps[way] = steps_to(a, s, way, r);
        before = before || steps[way] > 0;
        behind = behind || (steps[way] < 0 && s->leaf_score[way] > 0);
    }
    if (behind)
        return FIT_LATE;
    return before ? FIT_LEAF : FIT_NOT;
}

static unsigned at_least_one(unsigned n)
{
    return n ? n : 1;
}

/* How many streams may stand in an image, or in a study. */
static unsigned room_in_leaf(const struct ahead_read *r)
{
    return at_least_one(r->units / 32 < 4 ? r->units / 32 : 4);
}

static unsigned room_in_study(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock)
{
    const struct order *o = orders_find(&a->orders, r->study);
    unsigned n = o ? o->n / 16 : 8;

    return at_least_one(n < 8 ? n : 8);
}

/* A place for a new stream: an empty one, or the longest unused of those that
 * crowd the same image or study, or of all. */
static struct stream *new_stream(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock)
{
    unsigned in_leaf = 0, in_study = 0;
    struct stream *oldest[3] = {NULL, NULL, NULL}; /* all, study, leaf */

    for (int i = 0; i < AHEAD_STREAMS; i++) {
        struct stream *s = &a->streams[i];
        bool study = s->serial && s->view == r->view && s->study == r->study;
        bool leaf = study && s->leaf == r->leaf;

        in_study += study;
        in_leaf += leaf;
        if (!oldest[0] || s->used < oldest[0]->used)
            oldest[0] = s;
        if (study && (!oldest[1] || s->used < oldest[1]->used))
            oldest[1] = s;
        if (leaf && (!oldest[2] || s->used < oldest[2]->used))
            oldest[2] = s;
    }
    if (in_leaf >= room_in_leaf(r))
        return oldest[2];
    return in_study >= room_in_study(a, r) && in_leaf == 0 ? oldest[1]
                                                           : oldest[0];
}

static void start_stream(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock)
{
    struct stream *s = new_stream(a, r);

    *s = (struct stream){
        .serial = a->tick,
        .used = a->tick,
        .view = r->view,
        .study = r->study,
        .leaf = r->leaf,
        .unit = r->unit,
        .units = r->units,
        .unit_horizon = r->unit,
    };
}

/* ---- moving on ---------------------------------------------------------- */

static void step_unit(struct stream *s, const struct ahead_read *r)
{
    add_score(&s->unit_score, r->unit - s->unit == 1 ? 2 : 1);
    s->unit = r->unit;
    if (s->unit_horizon < s->unit)
        s->unit_horizon = s->unit;
}

static void step_leaf(struct stream *s, const struct ahead_read *r,
                      const int steps[WAYS])
{
    bool read_through = s->unit + 1 >= s->units && r->unit == 0;

    s->recent[s->n_recent++ % RECENT] = s->leaf;
    for (int way = 0; way < WAYS; way++) {
        unsigned step = steps[way] > 0 ? (unsigned)steps[way] : 0;

        if (step == 0)
            s->leaf_score[way] = s->leaf_horizon[way] = 0;
        else
            add_score(&s->leaf_score[way], step == 1 ? 2 : 1);
        s->leaf_horizon[way] =
            s->leaf_horizon[way] > step ? s->leaf_horizon[way] - step : 0;
    }
    if (!read_through)
        s->unit_score = 0;
    s->study = r->study;
    s->leaf = r->leaf;
    s->unit = s->unit_horizon = r->unit;
    s->units = r->units;
}

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

struct match {
    struct stream *stream;
    enum fit fit;
    int steps[WAYS];
};

/* Steps in the way that takes fewer. */
static int least_steps(const struct match *m)
{
    int least = AHEAD_SPREAD + 1;

    for (int way = 0; way < WAYS; way++) {
        if (m->steps[way] > 0 && m->steps[way] < least)
            least = m->steps[way];
    }
    return least;
}

/* Takes the better of two fits; of equal ones the one with fewer steps, then
 * that of the stream that is believed more. */
static void take_better(struct match *best, const struct match *other)
{
    int less = best->stream ? least_steps(best) - least_steps(other) : 1;

    if (other->fit > best->fit || other->fit == FIT_NOT)
        return;
    if (best->stream && other->fit == best->fit &&
        (less < 0 ||
         (less == 0 && best_score(other->stream) <= best_score(best->stream))))
        return;
    *best = *other;
}

/* Streams in the same image first: most reads go on where they were, and
 * that is quickly found. */
static struct match find_stream(struct ahead *a, const struct ahead_read *r)
    REQUIRES(a->lock)
{
    struct match best = {.fit = FIT_NOT};
    struct stream *fits[AHEAD_STREAMS];
    int n_fits = 0;

    for (int i = 0; i < AHEAD_STREAMS; i++) {
        struct match m = {.stream = &a->streams[i]};

        if (!m.stream->serial || m.stream->view != r->view ||
            m.stream->leaf != r->leaf)
            continue;
        m.fit = fit_unit(m.stream, r);
        take_better(&best, &m);
    }
    if (best.fit <= FIT_UNIT)
        return best;
    for (int i = 0; i < AHEAD_STREAMS; i++) {
        struct match m = {.stream = &a->streams[i]};

        if (!m.stream->serial || m.stream->view != r->view ||
            m.stream->leaf == r->leaf)
            continue;
        m.fit = fit_leaf(a, m.stream, r, m.steps);
        take_better(&best, &m);
        if (m.fit == FIT_LEAF)
            fits[n_fits++] = m.stream;
    }
    for (int i = 0; i < n_fits; i++) {
        if (fits[i] != best.stream && !is_believed(fits[i]))
            fits[i]->serial = 0; /* the same reader, earlier */
    }
    return best;
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
    m = find_stream(a, r);
    s = m.stream;
    if (!s && r->ready)
        return;
    if (!s) {
        ask_around(a, r, plan);
        start_stream(a, r);
        return;
    }
    s->used = a->tick;
    if (!r->ready && s->quiet) {
        s->quiet = false;
        s->idle = 0;
    }
    if (m.fit == FIT_UNIT)
        step_unit(s, r);
    else if (m.fit == FIT_LEAF)
        step_leaf(s, r, m.steps);
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
        wanted = !saw_lately(s, target->leaf);
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
