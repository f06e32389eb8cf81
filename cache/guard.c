// SPDX-License-Identifier: MIT
/*
 * guard.c: a window, a duel between two shadow caches, and a freeze.
 *
 * The problem. Training reads every block of a data set once per epoch, in a
 * new order. If the set is N blocks and the cache c < N, no policy can hit
 * more than c/N of a pass, and simply keeping any c blocks does. Recency does
 * not: what was read last is read again last. LRU and ARC get about f^2/2
 * with f = c/N, and on a fixed order nothing at all.
 *
 * The answer is to stop replacing, while that pays:
 *
 *                     miss                             admitted: all, or
 *     request --> [ window: FIFO, c/64 ] --> leaving --> 1 of 32 if frozen
 *        |                                                  |
 *        |  ghost hit                                       v
 *        +---------------------------------------------> [ ARC ]
 *
 * Whether freezing pays is measured, not guessed. Two shadows simulate the
 * cache on a fixed sample of the keys (1/R of them, with 1/R of the
 * capacity): A replaces as ARC does, B is frozen. Their hits decay with a
 * half-life of four shadow capacities.
 *
 *     freeze   when B's hits exceed A's by 5 % and 8
 *     thaw     when A's exceed B's (by as much, while the caller's word
 *              stands), or when nothing in ARC was hit for much longer than
 *              ever (the data set was changed)
 *
 * B's content grows old, so B is made a copy of A at each thaw and from time
 * to time after it: soon at first, when A has just taken up a new data set,
 * then every 24 shadow capacities. B then has the chance to freeze what A has
 * now.
 *
 * A hot set needs no help: A's hits stay ahead and nothing is ever frozen.
 */
#include "guard.h"

#include <string.h>

#include "shadow.h"

#define WINDOW_SHARE 64 /* of the capacity */
#define LEAD 1.05
#define LEAD_HITS 8
#define CAUTION_STEP 4
#define CAUTION_MAX 64

static uint64_t at_least(uint64_t x, uint64_t floor)
{
    return x > floor ? x : floor;
}

static void thaw(struct guard *guard)
{
    guard->gate.frozen = false;
    guard->expected = 0;
    guard->thaws++;
    guard->silent = 0;
    if (!guard->shadow)
        return;
    shadow_reseed(guard->shadow);
    guard->shadow->patience = SHADOW_RESEED_FIRST;
    /* The old lead was won with the old content. */
    guard->shadow->hits_b = guard->shadow->hits_a;
}

static void freeze(struct guard *guard)
{
    guard->gate.frozen = true;
    guard->freezes++;
    guard->silent = 0;
}

static void judge(struct guard *guard)
{
    const struct shadow *shadow = guard->shadow;

    if (!guard->gate.frozen) {
        if (shadow->hits_b > LEAD * shadow->hits_a + LEAD_HITS * guard->caution)
            freeze(guard);
    } else if (shadow->hits_a > (guard->expected > 0
                                     ? LEAD * shadow->hits_b + 2 * LEAD_HITS
                                     : shadow->hits_b)) {
        /* Overtaken: the lead was short-lived, ask for a larger one. */
        if (guard->caution < CAUTION_MAX)
            guard->caution *= CAUTION_STEP;
        thaw(guard);
    }
}

static bool is_full(const struct guard *guard)
{
    return guard_bytes(guard) + guard_bytes(guard) / 8 >= guard->capacity;
}

/* A frozen cache whose content is never asked for is of no use. How long a
 * silence is normal is learnt from the silences that ended. */
static void listen(struct guard *guard, bool hit)
{
    uint64_t blocks = gate_arc_blocks(&guard->gate);
    double patience;

    if (hit) {
        guard->longest_silent *= 1.0 - 1.0 / (double)at_least(blocks, 64);
        if ((double)guard->silent > guard->longest_silent)
            guard->longest_silent = (double)guard->silent;
        guard->silent = 0;
        return;
    }
    guard->silent++;
    /* Armed, the whole first pass goes by in silence, if the word was right. */
    patience = 2 * guard->longest_silent + (double)(blocks / 4);
    if (patience < 1.5 * guard->expected * (double)blocks)
        patience = 1.5 * guard->expected * (double)blocks;
    if (!guard->gate.frozen || !is_full(guard) ||
        (double)guard->silent <= patience)
        return;
    /* On a fixed order a silence of (data set - capacity) is normal, and this
     * one was cut short: be more patient next time. */
    guard->longest_silent = (double)guard->silent;
    thaw(guard);
}

/* The shadows are made when the cache is full for the first time: only then
 * is it known how many blocks it holds; and again when that has changed. */
static bool has_shadow(struct guard *guard)
{
    uint64_t blocks = guard_blocks(guard);
    unsigned shift = shadow_shift(blocks);

    if (!is_full(guard))
        return guard->shadow != NULL;
    if (guard->shadow && (shift > guard->shadow->shift + 1 ||
                          shift + 1 < guard->shadow->shift)) {
        shadow_free(guard->shadow);
        guard->shadow = NULL;
    }
    if (!guard->shadow) {
        guard->shadow =
            shadow_new(guard->capacity, guard->gate.window_capacity, blocks);
        /* Armed: B is believed to be ahead until A proves otherwise. */
        if (guard->shadow && guard->gate.frozen)
            guard->shadow->hits_b = 2 * LEAD_HITS;
    }
    return guard->shadow != NULL;
}

static uint64_t window_of(const struct guard *guard)
{
    uint64_t window = guard->capacity / WINDOW_SHARE;
    uint64_t floor = guard->capacity / 8 < guard->window_floor
                         ? guard->capacity / 8
                         : guard->window_floor;

    if (!guard->on)
        return 0;
    return window > floor ? window : floor;
}

void guard_init(struct guard *guard, uint64_t capacity, bool on,
                uint64_t window_floor, const struct arc_events *events)
{
    memset(guard, 0, sizeof *guard);
    guard->on = on;
    guard->caution = 1;
    guard->capacity = capacity;
    guard->window_floor = window_floor;
    gate_init(&guard->gate, capacity, window_of(guard), events);
}

void guard_deinit(struct guard *guard)
{
    gate_clear(&guard->gate);
    shadow_free(guard->shadow);
    guard->shadow = NULL;
}

bool guard_access(struct guard *guard, struct arc_node *node, uint64_t hash,
                  uint64_t charge)
{
    bool counts = arc_is_resident(node);
    bool hit = gate_access(&guard->gate, node, charge);

    if (!guard->on)
        return hit;
    if (counts || !hit)
        listen(guard, counts);
    if (has_shadow(guard) && shadow_samples(guard->shadow, hash)) {
        shadow_duel(guard->shadow, hash, charge);
        judge(guard);
    }
    return hit;
}

void guard_resize(struct guard *guard, struct arc_node *node, uint64_t charge)
{
    gate_resize(&guard->gate, node, charge);
}

void guard_remove(struct guard *guard, struct arc_node *node)
{
    gate_remove(&guard->gate, node);
}

void guard_set_capacity(struct guard *guard, uint64_t capacity)
{
    uint64_t window;

    guard->capacity = capacity;
    window = window_of(guard);
    gate_set_capacity(&guard->gate, capacity, window);
    if (guard->shadow)
        shadow_set_capacity(guard->shadow, capacity, window);
}

void guard_revive(struct guard *guard, struct arc_node *node, uint64_t charge)
{
    if (node->where != ARC_NOWHERE || charge > guard->gate.window_capacity)
        return;
    gate_push(&guard->gate, node, charge);
}

void guard_arm(struct guard *guard, double capacities)
{
    struct shadow *shadow = guard->shadow;

    if (!guard->on)
        return;
    if (!guard->gate.frozen)
        freeze(guard);
    guard->expected = capacities;
    if (shadow)
        shadow->hits_b = LEAD * shadow->hits_a + 2 * LEAD_HITS;
}

void guard_disarm(struct guard *guard)
{
    guard->expected = 0;
}

uint64_t guard_blocks(const struct guard *guard)
{
    return gate_blocks(&guard->gate);
}

uint64_t guard_bytes(const struct guard *guard)
{
    return gate_bytes(&guard->gate);
}

uint64_t guard_overhead(const struct guard *guard)
{
    return shadow_overhead(guard->shadow);
}
