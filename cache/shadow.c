// SPDX-License-Identifier: MIT
#include "shadow.h"

#include <stdlib.h>

#define SAMPLE_MAX 64 /* at most 1 of so many keys is simulated */
#define SHADOW_BLOCKS 128
#define ENTRIES_PER_BLOCK 6 /* of the shadows' first size */
#define HALF_LIFE 4         /* shadow capacities */
#define LN2 0.69314718055994531

/* A sampled key in both shadows. */
struct shadow_entry {
    struct arc_node a;
    struct arc_node b;
    struct shadow_entry *chain;
    uint64_t hash;
    bool held; /* its request is under way */
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

unsigned shadow_shift(uint64_t blocks)
{
    unsigned shift = 0;

    while ((1u << shift) < SAMPLE_MAX && blocks >> (shift + 1) >= SHADOW_BLOCKS)
        shift++;
    return shift;
}

void shadow_free(struct shadow *shadow)
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

struct shadow *shadow_new(uint64_t capacity, uint64_t window, uint64_t blocks)
{
    struct shadow *shadow = calloc(1, sizeof *shadow);
    struct arc_events a = {NULL, on_dropped_a, shadow};
    struct arc_events b = {NULL, on_dropped_b, shadow};

    if (!shadow)
        return NULL;
    shadow->shift = shadow_shift(blocks);
    gate_init(&shadow->a, capacity >> shadow->shift, window >> shadow->shift,
              &a);
    gate_init(&shadow->b, capacity >> shadow->shift, window >> shadow->shift,
              &b);
    shadow->b.frozen = true;
    shadow->patience = SHADOW_RESEED_MAX;
    if (shadow_alloc(shadow, blocks >> shadow->shift))
        return shadow;
    shadow_free(shadow);
    return NULL;
}

bool shadow_samples(const struct shadow *shadow, uint64_t hash)
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

static struct arc_node *twin_of(const struct arc_node *a)
{
    struct arc_node *node = (struct arc_node *)(uintptr_t)a;

    return &entry_of_a(node)->b;
}

void shadow_reseed(struct shadow *shadow)
{
    gate_copy(&shadow->b, &shadow->a, twin_of);
    shadow->accesses = 0;
}

void shadow_duel(struct shadow *shadow, uint64_t hash, uint64_t charge)
{
    uint64_t resident = gate_blocks(&shadow->a);
    uint64_t blocks = resident > 16 ? resident : 16;
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
    shadow_reseed(shadow);
    shadow->patience = shadow->patience * 2 < SHADOW_RESEED_MAX
                           ? shadow->patience * 2
                           : SHADOW_RESEED_MAX;
}

void shadow_set_capacity(struct shadow *shadow, uint64_t capacity,
                         uint64_t window)
{
    capacity >>= shadow->shift;
    window >>= shadow->shift;
    gate_set_capacity(&shadow->a, capacity, window);
    gate_set_capacity(&shadow->b, capacity, window);
}

uint64_t shadow_overhead(const struct shadow *shadow)
{
    if (!shadow)
        return 0;
    return sizeof *shadow + (shadow->mask + 1) * sizeof *shadow->buckets +
           shadow->entry_count * sizeof *shadow->entries;
}
