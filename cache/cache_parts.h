// SPDX-License-Identifier: MIT
/*
 * cache_parts.h: what cache.c, cache_admin.c and cache_pressure.c share.
 */
#ifndef PREPFS_CACHE_PARTS_H
#define PREPFS_CACHE_PARTS_H

#include "prepfs/cache_tier.h"

#include "shard.h"

#include <stdatomic.h>

struct cache {
    /* Immutable after cache_new: */
    struct memory *memory;
    struct shard *shards; /* each internally locked */
    unsigned shard_count;
    uint64_t budget_max;
    struct cache_tier tiers[CACHE_TIERS_MAX];
    struct feeder *feeders[CACHE_TIERS_MAX]; /* internally locked */
    unsigned tier_count;
    void (*waits)(void *opaque, bool begins); /* may be NULL */
    void *waits_opaque;
    /* Serialises changes of the budget; taken before any shard lock. */
    struct lock budget_lock;
    atomic_uint_fast64_t budget;
    atomic_uint_fast64_t tier_bytes; /* of the budget, taken by the tiers */
};

/* Divides the budget again after tier_bytes has changed. */
void cache_divide_again(struct cache *cache);

#endif
