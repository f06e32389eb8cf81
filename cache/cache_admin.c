// SPDX-License-Identifier: MIT
/*
 * cache_admin.c: making a cache, dividing its budget, adding up its counters.
 *
 * The budget is divided once:
 *
 *     raw buffers      1/32  decompressed copies
 *                      1/32  fills and pins
 *     stored blocks    1/32  blocks that nobody has asked for yet
 *                      1/32  with tiers: blocks on their way to one
 *                      rest  the policy: residents, ghosts, tables
 *
 * What the tiers hold themselves (the index of a disk) comes off first.
 * each thirty-second at least 1 MiB (or an eighth of a small budget), at most
 * 256 MiB. If pins take more raw buffers than that, the policy's part shrinks
 * by the difference (shard.c, capacity).
 */
#include "cache_parts.h"
#include "tiers.h"

#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define SHARD_BYTES (128 * MIB)
#define SHARDS_MAX 16
#define BUDGET_MIN MIB
#define SLICE (16 * MIB) /* evicted under the shard locks at a time */

static uint64_t at_least(uint64_t x, uint64_t floor)
{
    return x > floor ? x : floor;
}

static uint64_t at_most(uint64_t x, uint64_t roof)
{
    return x < roof ? x : roof;
}

static uint64_t small_part(uint64_t budget)
{
    uint64_t floor = at_most(MIB, budget / 8);

    return at_most(at_least(budget / 32, floor), 256 * MIB);
}

static uint64_t available_memory(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    unsigned long long kib = 0;
    char line[128];

    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    (void)fclose(file);
    return (uint64_t)kib * 1024;
}

static unsigned shards_for(uint64_t budget)
{
    return (unsigned)at_most(at_least(budget / SHARD_BYTES, 1), SHARDS_MAX);
}

static struct share share_of(const struct cache *cache, uint64_t budget)
{
    uint64_t part = small_part(budget), n = cache->shard_count;
    struct share share = {(budget - 3 * part) / n, part / n, part / n, 0};

    if (cache->tier_count > 0) {
        share.blocks -= part / n;
        share.leaving = part / n / cache->tier_count;
    }
    return share;
}

/* What the tiers leave; they are never given more than half. */
static uint64_t without_tiers(struct cache *cache, uint64_t budget)
{
    return budget - at_most(atomic_load(&cache->tier_bytes), budget / 2);
}

static void set_shares(struct cache *cache, uint64_t budget)
{
    struct share share = share_of(cache, without_tiers(cache, budget));

    atomic_store(&cache->budget, budget);
    for (unsigned i = 0; i < cache->shard_count; i++) {
        struct shard *shard = &cache->shards[i];
        struct litter litter;

        shard_lock(shard);
        shard_set_share_locked(shard, &share);
        litter = litter_take_locked(shard);
        shard_unlock(shard);
        litter_free(&litter, cache->memory);
    }
}

/* Stored blocks may take what raw buffers do not. */
static void set_budget(struct cache *cache, uint64_t budget)
{
    uint64_t now = atomic_load(&cache->budget);

    while (now > budget + SLICE) {
        now -= SLICE;
        set_shares(cache, now);
    }
    set_shares(cache, budget);
    budget = without_tiers(cache, budget);
    memory_set_payload_limit(cache->memory, budget - 2 * small_part(budget));
}

void cache_divide_again(struct cache *cache)
{
    lock_acquire(&cache->budget_lock);
    set_budget(cache, atomic_load(&cache->budget));
    lock_release(&cache->budget_lock);
}

void cache_set_budget(struct cache *cache, uint64_t budget_bytes)
{
    uint64_t budget = at_least(budget_bytes, BUDGET_MIN);

    lock_acquire(&cache->budget_lock);
    set_budget(cache, at_most(budget, cache->budget_max));
    lock_release(&cache->budget_lock);
}

static int init_shards(struct cache *cache, unsigned count, bool guard)
{
    cache->shards = calloc(count, sizeof *cache->shards);
    if (!cache->shards)
        return -1;
    for (; cache->shard_count < count; cache->shard_count++)
        if (shard_init(&cache->shards[cache->shard_count], cache->memory, count,
                       guard) != 0)
            return -1;
    return 0;
}

struct cache *cache_new(const struct cache_config *config, struct error *err)
{
    uint64_t budget = config->budget_bytes;
    struct cache *cache = calloc(1, sizeof *cache);
    uint64_t part;

    if (!cache) {
        error_no_memory(err);
        return NULL;
    }
    lock_init(&cache->budget_lock);
    if (budget == 0)
        budget = available_memory() / 4;
    budget = at_most(at_least(budget, BUDGET_MIN), ARC_CAPACITY_MAX);
    part = small_part(budget);
    cache->budget_max = budget;
    cache->memory = memory_new(budget - 2 * part, 2 * part);
    if (!cache->memory ||
        init_shards(cache, config->shards ? config->shards : shards_for(budget),
                    config->epoch_guard) != 0) {
        cache_free(cache);
        error_no_memory(err);
        return NULL;
    }
    if (tiers_open(cache, config, err) != 0) {
        cache_free(cache);
        return NULL;
    }
    set_budget(cache, budget);
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    tiers_close(cache);
    for (unsigned i = 0; i < cache->shard_count; i++)
        shard_deinit(&cache->shards[i]);
    free(cache->shards);
    memory_free(cache->memory);
    lock_deinit(&cache->budget_lock);
    free(cache);
}

/* ------------------------------------------------------- expected passes */

/* Blocks shrink to this part of their size, as far as is known. */
static double stored_part(const struct cache_stats *stats)
{
    if (stats->blocks < 64 || stats->bytes_logical == 0)
        return 0.5;
    return (double)stats->bytes_compressed / (double)stats->bytes_logical;
}

void cache_expect_passes(struct cache *cache, uint64_t logical_bytes)
{
    struct cache_stats stats;
    double capacities;

    cache_stats_get(cache, &stats);
    capacities = (double)logical_bytes * stored_part(&stats) /
                 (double)stats.budget_bytes;
    if (capacities < 0.9 && logical_bytes > 0)
        return;
    for (unsigned i = 0; i < cache->shard_count; i++) {
        shard_lock(&cache->shards[i]);
        if (logical_bytes > 0)
            guard_arm(&cache->shards[i].guard, capacities);
        else
            guard_disarm(&cache->shards[i].guard);
        shard_unlock(&cache->shards[i]);
    }
}

/* ---------------------------------------------------------- statistics */

static void add_counters(struct cache_stats *sum, const struct cache_stats *one)
{
    sum->hits += one->hits;
    sum->misses += one->misses;
    sum->waits += one->waits;
    sum->fill_errors += one->fill_errors;
    sum->evictions += one->evictions;
    sum->uncached += one->uncached;
    sum->ghost_hits_b1 += one->ghost_hits_b1;
    sum->ghost_hits_b2 += one->ghost_hits_b2;
    sum->blocks += one->blocks;
    sum->bytes_logical += one->bytes_logical;
    sum->bytes_compressed += one->bytes_compressed;
    sum->fills_in_flight += one->fills_in_flight;
    sum->prefetched += one->prefetched;
    sum->prefetch_used += one->prefetch_used;
    sum->prefetch_wasted += one->prefetch_wasted;
    sum->published += one->published;
    sum->published_used += one->published_used;
    sum->lock_takes += one->lock_takes;
    sum->lock_waits += one->lock_waits;
    sum->lock_wait_ns += one->lock_wait_ns;
    sum->wait_us_sum += one->wait_us_sum;
    for (unsigned i = 0; i < CACHE_WAIT_BUCKETS; i++)
        sum->wait_us[i] += one->wait_us[i];
}

static void add_state(struct cache_stats *sum, const struct shard *shard)
{
    const struct guard *guard = &shard->guard;

    sum->p += guard->gate.arc.p;
    sum->bytes_ahead += shard->ahead.bytes;
    sum->bytes_ahead_max += shard->share.ahead;
    sum->guard_frozen += guard->gate.frozen;
    sum->guard_freezes += guard->freezes;
    sum->guard_thaws += guard->thaws;
    sum->ghosts +=
        guard->gate.arc.list[ARC_B1].count + guard->gate.arc.list[ARC_B2].count;
    sum->bytes_used += shard->table.count * ENTRY_COST +
                       table_bytes(&shard->table) + guard_overhead(guard);
}

void cache_stats_get(struct cache *cache, struct cache_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < cache->shard_count; i++) {
        struct shard *shard = &cache->shards[i];

        shard_lock(shard);
        add_counters(ret, &shard->stats);
        add_state(ret, shard);
        shard_unlock(shard);
    }
    ret->shards = cache->shard_count;
    ret->bytes_used +=
        memory_bytes(cache->memory) + atomic_load(&cache->tier_bytes);
    ret->budget_bytes = atomic_load(&cache->budget);
}
