// SPDX-License-Identifier: MIT
/*
 * ahead_stream.c: which stream a read belongs to, and how it moves on.
 */
#include "ahead_impl.h"

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

bool stream_is_loud(const struct stream *s)
{
    return s->serial && !s->quiet && is_believed(s);
}

/* Scores saturate where the depth does. */
static void add_score(unsigned *score, unsigned points)
{
    if (*score < AHEAD_UNIT_SCORE + 16)
        *score += points;
}

bool stream_saw_lately(const struct stream *s, int64_t leaf)
{
    for (int i = 0; i < RECENT; i++) {
        if (s->recent[i] == leaf)
            return true;
    }
    return false;
}

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
    bool before = false, behind = stream_saw_lately(s, r->leaf);

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

void stream_start(struct ahead *a, const struct ahead_read *r) REQUIRES(a->lock)
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

void stream_step_unit(struct stream *s, const struct ahead_read *r)
{
    add_score(&s->unit_score, r->unit - s->unit == 1 ? 2 : 1);
    s->unit = r->unit;
    if (s->unit_horizon < s->unit)
        s->unit_horizon = s->unit;
}

void stream_step_leaf(struct stream *s, const struct ahead_read *r,
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
struct match stream_find(struct ahead *a, const struct ahead_read *r)
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
