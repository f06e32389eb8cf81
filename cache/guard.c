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
 * The window is there because one read of a file arrives as several requests
 * for the same block: hits in it change nothing, so a block that is read in
 * pieces counts as read once. It also gives a block that is not admitted a
 * short life.
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

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_SHARE 64 /* of the capacity */
#define ADMIT_EVERY 32  /* misses, while frozen */
#define SAMPLE_MAX 64   /* at most 1 of so many keys is simulated */
#define SHADOW_BLOCKS 128
#define ENTRIES_PER_BLOCK 6 /* of the shadows' first size */
#define HALF_LIFE 4         /* shadow capacities */
/* Shadow capacities until the first copy after a thaw; then twice as many. */
#define RESEED_FIRST 2
#define RESEED_MAX 24
#define LEAD 1.05
#define LEAD_HITS 8
#define CAUTION_STEP 4
#define CAUTION_MAX 64
#define LN2 0.69314718055994531

/* ---------------------------------------------------------------- gate */

static void window_push(struct gate *gate, struct arc_node *node,
                        uint64_t charge)
{
    struct arc_list *list = &gate->window;

    node->charge = charge;
    node->prev = list->head.prev;
    node->next = &list->head;
    list->head.prev->next = node;
    list->head.prev = node;
    list->bytes += charge;
    list->count++;
    node->where = (enum arc_where)GUARD_WINDOW;
}

static void window_unlink(struct gate *gate, struct arc_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
    gate->window.bytes -= node->charge;
    gate->window.count--;
    node->where = ARC_NOWHERE;
}

static bool in_window(const struct arc_node *node)
{
    return (int)node->where == (int)GUARD_WINDOW;
}

static void report_dropped(struct gate *gate, struct arc_node *node)
{
    if (gate->arc.events.dropped)
        gate->arc.events.dropped(gate->arc.events.opaque, node);
}

static uint64_t arc_bytes(const struct arc *arc)
{
    return arc->list[ARC_T1].bytes + arc->list[ARC_T2].bytes;
}

static uint64_t arc_blocks(const struct arc *arc)
{
    return arc->list[ARC_T1].count + arc->list[ARC_T2].count;
}

/* Whether a miss may replace what is there. */
static bool admits(struct gate *gate, uint64_t charge)
{
    if (!gate->frozen || arc_bytes(&gate->arc) + charge <= gate->arc.capacity)
        return true;
    if (++gate->refused < ADMIT_EVERY)
        return false;
    gate->refused = 0;
    return true;
}

/* The oldest block of the window goes on to ARC, or away. */
static void window_leave(struct gate *gate)
{
    struct arc_node *node = gate->window.head.next;
    uint64_t charge = node->charge;

    window_unlink(gate, node);
    if (admits(gate, charge))
        (void)arc_access(&gate->arc, node, charge);
    if (node->where == ARC_NOWHERE)
        report_dropped(gate, node);
}

static void window_trim(struct gate *gate)
{
    while (gate->window.bytes > gate->window_capacity)
        window_leave(gate);
}

static void gate_set_capacity(struct gate *gate, uint64_t capacity,
                              uint64_t window)
{
    gate->window_capacity = window;
    window_trim(gate);
    arc_set_capacity(&gate->arc, capacity - gate->window_capacity);
}

static void gate_init(struct gate *gate, uint64_t capacity, uint64_t window,
                      const struct arc_events *events)
{
    memset(gate, 0, sizeof *gate);
    gate->window.head.prev = gate->window.head.next = &gate->window.head;
    arc_init(&gate->arc, 0, events);
    gate_set_capacity(gate, capacity, window);
}

static void gate_clear(struct gate *gate)
{
    while (gate->window.count > 0) {
        struct arc_node *node = gate->window.head.next;

        window_unlink(gate, node);
        report_dropped(gate, node);
    }
    arc_clear(&gate->arc);
}

static void gate_remove(struct gate *gate, struct arc_node *node)
{
    if (in_window(node))
        window_unlink(gate, node);
    else
        arc_remove(&gate->arc, node);
}

static bool gate_access(struct gate *gate, struct arc_node *node,
                        uint64_t charge)
{
    bool windowed = charge <= gate->window_capacity;

    if (in_window(node))
        return true;
    if (arc_is_resident(node))
        return arc_access(&gate->arc, node, charge);
    if (arc_is_ghost(node) || !windowed) {
        if (admits(gate, charge))
            return arc_access(&gate->arc, node, charge);
        arc_remove(&gate->arc, node);
    }
    if (windowed) {
        window_push(gate, node, charge);
        window_trim(gate);
    }
    return false;
}

/* -------------------------------------------------------------- shadow */

/* A sampled key in both shadows. */
struct shadow_entry {
    struct arc_node a;
    struct arc_node b;
    struct shadow_entry *chain;
    uint64_t hash;
    bool held; /* its request is under way */
};

struct shadow {
    struct gate a; /* replaces */
    struct gate b; /* is frozen */
    double hits_a;
    double hits_b;
    unsigned shift;    /* 1 of 2^shift keys is simulated */
    uint64_t accesses; /* since b was made a copy of a */
    unsigned patience; /* shadow capacities until the next copy */
    size_t mask;
    size_t entry_count;
    struct shadow_entry *entries; /* all there will ever be */
    struct shadow_entry *unused;  /* linked by chain */
    struct shadow_entry **buckets;
};

/* The sample must not follow the bits that choose shard and bucket. */
static uint64_t sample_hash(uint64_t hash)
{
    return hash * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static struct shadow_entry *entry_of_a(struct arc_node *node)
{
    return (struct shadow_entry *)(void *)node;
}

static struct shadow_entry *entry_of_b(struct arc_node *node)
{
    char *at = (char *)node - offsetof(struct shadow_entry, b);

    return (struct shadow_entry *)(void *)at;
}

static void shadow_release(struct shadow *shadow, struct shadow_entry *entry)
{
    struct shadow_entry **at;

    if (entry->held || entry->a.where != ARC_NOWHERE ||
        entry->b.where != ARC_NOWHERE)
        return;
    at = &shadow->buckets[sample_hash(entry->hash) >> 6 & shadow->mask];
    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    entry->chain = shadow->unused;
    shadow->unused = entry;
}

static void on_dropped_a(void *opaque, struct arc_node *node)
{
    shadow_release(opaque, entry_of_a(node));
}

static void on_dropped_b(void *opaque, struct arc_node *node)
{
    shadow_release(opaque, entry_of_b(node));
}

static uint64_t gate_blocks(const struct gate *gate)
{
    return arc_blocks(&gate->arc) + gate->window.count;
}

/* Sampled so that about SHADOW_BLOCKS or more of `blocks` remain. */
static unsigned shift_for(uint64_t blocks)
{
    unsigned shift = 0;

    while ((1u << shift) < SAMPLE_MAX && blocks >> (shift + 1) >= SHADOW_BLOCKS)
        shift++;
    return shift;
}

static void shadow_free(struct shadow *shadow)
{
    if (!shadow)
        return;
    gate_clear(&shadow->a);
    gate_clear(&shadow->b);
    free(shadow->entries);
    free(shadow->buckets);
    free(shadow);
}

/* Entries are made at once, so that a request never allocates. */
static bool shadow_alloc(struct shadow *shadow, uint64_t blocks)
{
    size_t size = 256;

    while (size < blocks)
        size *= 2;
    shadow->mask = size - 1;
    shadow->entry_count = ENTRIES_PER_BLOCK * size;
    shadow->buckets = calloc(size, sizeof(struct shadow_entry *));
    shadow->entries = calloc(shadow->entry_count, sizeof *shadow->entries);
    if (!shadow->buckets || !shadow->entries)
        return false;
    for (size_t i = 0; i < shadow->entry_count; i++) {
        shadow->entries[i].chain = shadow->unused;
        shadow->unused = &shadow->entries[i];
    }
    return true;
}

static struct shadow *shadow_new(const struct guard *guard, uint64_t blocks)
{
    uint64_t capacity = guard->capacity, window = guard->gate.window_capacity;
    struct shadow *shadow = calloc(1, sizeof *shadow);
    struct arc_events a = {NULL, on_dropped_a, shadow};
    struct arc_events b = {NULL, on_dropped_b, shadow};

    if (!shadow)
        return NULL;
    shadow->shift = shift_for(blocks);
    gate_init(&shadow->a, capacity >> shadow->shift, window >> shadow->shift,
              &a);
    gate_init(&shadow->b, capacity >> shadow->shift, window >> shadow->shift,
              &b);
    shadow->b.frozen = true;
    shadow->patience = RESEED_MAX;
    /* Armed: B is believed to be ahead until A proves otherwise. */
    shadow->hits_b = guard->gate.frozen ? 2 * LEAD_HITS : 0;
    if (shadow_alloc(shadow, blocks >> shadow->shift))
        return shadow;
    shadow_free(shadow);
    return NULL;
}

static bool is_sampled(const struct shadow *shadow, uint64_t hash)
{
    return (sample_hash(hash) & ((1u << shadow->shift) - 1)) == 0;
}

/* NULL: none is left, which takes very many very small blocks. */
static struct shadow_entry *unused_entry(struct shadow *shadow)
{
    struct shadow_entry *entry;
    bool dropped = true;

    while (!shadow->unused && dropped) {
        dropped = arc_drop_ghost(&shadow->a.arc);
        dropped = arc_drop_ghost(&shadow->b.arc) || dropped;
    }
    entry = shadow->unused;
    if (entry)
        shadow->unused = entry->chain;
    return entry;
}

static struct shadow_entry *shadow_entry_for(struct shadow *shadow,
                                             uint64_t hash)
{
    struct shadow_entry **bucket =
        &shadow->buckets[sample_hash(hash) >> 6 & shadow->mask];
    struct shadow_entry *entry = *bucket;

    while (entry && entry->hash != hash)
        entry = entry->chain;
    if (entry)
        return entry;
    entry = unused_entry(shadow);
    if (!entry)
        return NULL;
    entry->hash = hash;
    entry->chain = *bucket;
    *bucket = entry;
    return entry;
}

/* Lists are copied node by node, oldest first. */
static void copy_gate(struct shadow *shadow)
{
    struct arc_node *node;

    gate_clear(&shadow->b);
    for (int i = ARC_T1; i < ARC_LISTS; i++) {
        struct arc_list *list = &shadow->a.arc.list[i];

        for (node = list->head.next; node != &list->head; node = node->next)
            arc_place(&shadow->b.arc, &entry_of_a(node)->b, (enum arc_where)i,
                      node->charge);
    }
    node = shadow->a.window.head.next;
    for (; node != &shadow->a.window.head; node = node->next)
        window_push(&shadow->b, &entry_of_a(node)->b, node->charge);
    shadow->b.arc.p = shadow->a.arc.p;
    shadow->accesses = 0;
}

static uint64_t at_least(uint64_t x, uint64_t floor)
{
    return x > floor ? x : floor;
}

/* One request to both shadows. */
static void duel(struct shadow *shadow, uint64_t hash, uint64_t charge)
{
    uint64_t blocks = at_least(gate_blocks(&shadow->a), 16);
    double keep = 1.0 - LN2 / (HALF_LIFE * (double)blocks);
    struct shadow_entry *entry = shadow_entry_for(shadow, hash);

    if (!entry)
        return;
    entry->held = true;
    shadow->hits_a *= keep;
    shadow->hits_b *= keep;
    shadow->hits_a += gate_access(&shadow->a, &entry->a, charge);
    shadow->hits_b += gate_access(&shadow->b, &entry->b, charge);
    entry->held = false;
    shadow_release(shadow, entry);
    if (++shadow->accesses < shadow->patience * blocks)
        return;
    copy_gate(shadow);
    shadow->patience =
        shadow->patience * 2 < RESEED_MAX ? shadow->patience * 2 : RESEED_MAX;
}

/* --------------------------------------------------------------- guard */

static void thaw(struct guard *guard)
{
    guard->gate.frozen = false;
    guard->expected = 0;
    guard->thaws++;
    guard->silent = 0;
    if (!guard->shadow)
        return;
    copy_gate(guard->shadow);
    guard->shadow->patience = RESEED_FIRST;
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
    uint64_t blocks = arc_blocks(&guard->gate.arc);
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
    unsigned shift = shift_for(blocks);

    if (!is_full(guard))
        return guard->shadow != NULL;
    if (guard->shadow && (shift > guard->shadow->shift + 1 ||
                          shift + 1 < guard->shadow->shift)) {
        shadow_free(guard->shadow);
        guard->shadow = NULL;
    }
    if (!guard->shadow)
        guard->shadow = shadow_new(guard, blocks);
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
    if (has_shadow(guard) && is_sampled(guard->shadow, hash)) {
        duel(guard->shadow, hash, charge);
        judge(guard);
    }
    return hit;
}

void guard_resize(struct guard *guard, struct arc_node *node, uint64_t charge)
{
    if (!in_window(node)) {
        arc_resize(&guard->gate.arc, node, charge);
        return;
    }
    guard->gate.window.bytes += charge - node->charge;
    node->charge = charge;
    window_trim(&guard->gate);
}

void guard_remove(struct guard *guard, struct arc_node *node)
{
    gate_remove(&guard->gate, node);
}

void guard_set_capacity(struct guard *guard, uint64_t capacity)
{
    struct shadow *shadow = guard->shadow;
    uint64_t window;

    guard->capacity = capacity;
    window = window_of(guard);
    gate_set_capacity(&guard->gate, capacity, window);
    if (!shadow)
        return;
    capacity >>= shadow->shift;
    window >>= shadow->shift;
    gate_set_capacity(&shadow->a, capacity, window);
    gate_set_capacity(&shadow->b, capacity, window);
}

void guard_revive(struct guard *guard, struct arc_node *node, uint64_t charge)
{
    if (node->where != ARC_NOWHERE || charge > guard->gate.window_capacity)
        return;
    window_push(&guard->gate, node, charge);
    window_trim(&guard->gate);
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
    return arc_bytes(&guard->gate.arc) + guard->gate.window.bytes;
}

uint64_t guard_overhead(const struct guard *guard)
{
    const struct shadow *shadow = guard->shadow;

    if (!shadow)
        return 0;
    return sizeof *shadow + (shadow->mask + 1) * sizeof *shadow->buckets +
           shadow->entry_count * sizeof *shadow->entries;
}
