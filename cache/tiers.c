// SPDX-License-Identifier: MIT
/* tiers.c: see tiers.h. */
#include "tiers.h"

#include "coding.h"

#include <string.h>
#include <time.h>

_Static_assert(CACHE_STORED_MAX(CACHE_BLOCK_MAX) ==
                   BLOCK_STORED_MAX(CACHE_BLOCK_MAX),
               "tiers and block.h disagree about the stored form");

#define DRAIN_MS 30000
#define TICK_MS 100

static uint64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint8_t tiers_all(const struct cache *cache)
{
    return (uint8_t)((1u << cache->tier_count) - 1);
}

/* The tiers that are nearer than this one. */
static uint8_t nearer(unsigned tier)
{
    return (uint8_t)((1u << tier) - 1);
}

static void reject(struct cache *cache, unsigned tier,
                   const struct cache_key *key)
{
    const struct cache_tier *t = &cache->tiers[tier];

    feeder_count_rejected(cache->feeders[tier]);
    if (t->ops->reject)
        t->ops->reject(t->self, key);
}

static void ask(struct cache *cache, unsigned tier, struct cache_want *wants,
                size_t n)
{
    const struct cache_tier *t = &cache->tiers[tier];

    if (cache->waits)
        cache->waits(cache->waits_opaque, true);
    t->ops->get(t->self, wants, n);
    if (cache->waits)
        cache->waits(cache->waits_opaque, false);
}

static bool decodes(const struct cache_want *want, uint8_t *data, void *work)
{
    return want->stored_size <= CACHE_STORED_MAX(want->raw_size) &&
           block_decode(want->room, want->stored_size, data, want->raw_size,
                        work);
}

/* ------------------------------------------------------------ one block */

static bool get_from(struct cache *cache, unsigned tier,
                     const struct cache_key *key, struct buffer *buffer,
                     void *work, bool ahead, uint32_t *ret_size)
{
    struct cache_want want = {*key, buffer->size, 0, coding_room(work)};
    uint64_t start = now_us();
    bool hit;

    ask(cache, tier, &want, 1);
    hit = want.stored_size > 0;
    if (hit && !decodes(&want, buffer->data, work)) {
        reject(cache, tier, key);
        hit = false;
    }
    if (!ahead)
        feeder_count_get(cache->feeders[tier], hit, now_us() - start);
    else if (hit)
        feeder_count_ahead(cache->feeders[tier], 1);
    *ret_size = want.stored_size;
    return hit;
}

bool tiers_get(struct cache *cache, const struct cache_key *key,
               struct buffer *buffer, bool ahead, struct payload **ret,
               uint8_t *ret_offer)
{
    struct memory *memory = cache->memory;
    bool hit = false;
    uint32_t size;
    void *work;

    if (cache->tier_count == 0)
        return false;
    work = work_get(memory, CODING_WORK_BYTES);
    for (unsigned i = 0; work && !hit && i < cache->tier_count; i++) {
        hit = get_from(cache, i, key, buffer, work, ahead, &size);
        if (!hit)
            continue;
        *ret = payload_new(memory, coding_room(work), size);
        *ret_offer = nearer(i);
    }
    work_put(memory, work, CODING_WORK_BYTES);
    return hit;
}

/* ---------------------------------------------------------- many blocks */

_Static_assert(TIERS_LIST_AREAS *(CODING_WORK_BYTES /
                                  CACHE_STORED_MAX(CACHE_BLOCK_MAX)) >=
                   TIERS_LIST_MAX,
               "a list of the largest blocks needs more areas");

void tiers_list_deinit(struct tiers_list *list, struct memory *memory)
{
    while (list->area_count > 0)
        work_put(memory, list->areas[--list->area_count], CODING_WORK_BYTES);
}

static bool add_area(struct tiers_list *list, struct memory *memory)
{
    void *area = NULL;

    if (list->area_count < TIERS_LIST_AREAS)
        area = work_get(memory, CODING_WORK_BYTES);
    if (!area)
        return false;
    list->areas[list->area_count++] = area;
    list->area_used = 0;
    return true;
}

bool tiers_list_add(struct tiers_list *list, struct memory *memory,
                    const struct cache_key *key, size_t size)
{
    size_t bytes = CACHE_STORED_MAX(size);
    uint8_t *area;

    if (list->n == TIERS_LIST_MAX)
        return false;
    if ((list->area_count == 0 ||
         list->area_used + bytes > CODING_WORK_BYTES) &&
        !add_area(list, memory))
        return false;
    area = list->areas[list->area_count - 1];
    list->wants[list->n++] =
        (struct cache_want){*key, (uint32_t)size, 0, area + list->area_used};
    list->area_used += bytes;
    return true;
}

/* Blocks that are not here stay on the list, for the next tier. */
static void keep_absent(struct tiers_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct cache_want want = list->wants[i];

        if (want.stored_size == 0)
            list->wants[n++] = want;
    }
    list->n = n;
}

static bool has_sound_size(const struct cache_want *want)
{
    return want->stored_size <= CACHE_STORED_MAX(want->raw_size);
}

/* What tier i has; returns how many blocks of that were wanted. */
static size_t
fetch_from(struct cache *cache, unsigned i, struct tiers_list *list,
           bool (*keep)(void *opaque, const struct tiers_found *found),
           void *opaque)
{
    size_t here = 0;

    ask(cache, i, list->wants, list->n);
    for (size_t k = 0; k < list->n; k++) {
        struct cache_want *want = &list->wants[k];
        struct tiers_found found = {.key = &want->key,
                                    .size = want->raw_size,
                                    .offer = nearer(i),
                                    .from = (uint8_t)(i + 1)};

        if (want->stored_size == 0)
            continue;
        if (!has_sound_size(want)) {
            reject(cache, i, &want->key);
            want->stored_size = 0;
            continue;
        }
        found.payload =
            payload_new(cache->memory, want->room, want->stored_size);
        here += keep(opaque, &found);
    }
    feeder_count_ahead(cache->feeders[i], here);
    return here;
}

size_t tiers_fetch(struct cache *cache, struct tiers_list *list,
                   bool (*keep)(void *opaque, const struct tiers_found *found),
                   void *opaque)
{
    size_t came = 0;

    for (unsigned i = 0; i < cache->tier_count && list->n > 0; i++) {
        came += fetch_from(cache, i, list, keep, opaque);
        keep_absent(list);
    }
    return came;
}

void tiers_reject(struct cache *cache, uint8_t from,
                  const struct cache_key *key)
{
    if (from > 0 && from <= cache->tier_count)
        reject(cache, from - 1u, key);
}

/* ------------------------------------------------------ opening, closing */

static int add_to_shards(struct cache *cache, bool is_prompt,
                         struct feeder *feeder)
{
    for (unsigned i = 0; i < cache->shard_count; i++)
        if (shard_add_tier(&cache->shards[i], is_prompt, feeder_hurry,
                           feeder) != 0)
            return -1;
    return 0;
}

static int add_tier(struct cache *cache, const struct cache_tier *tier,
                    unsigned tick_ms, unsigned drain_ms)
{
    unsigned i = cache->tier_count;

    cache->tiers[i] = *tier;
    cache->feeders[i] = feeder_new(cache, i, tick_ms, drain_ms);
    if (!cache->feeders[i])
        return -1;
    cache->tier_count++;
    return add_to_shards(cache, tier->ops->is_prompt, cache->feeders[i]);
}

int tiers_open(struct cache *cache, const struct cache_config *config,
               struct error *err)
{
    unsigned tick = config->feed_tick_ms ? config->feed_tick_ms : TICK_MS;
    unsigned drain = config->drain_ms ? config->drain_ms : DRAIN_MS;

    if (config->tier_count > CACHE_TIERS_MAX)
        return error_set(err, ERROR_INTERNAL, "%u tiers", config->tier_count);
    cache->waits = config->waits;
    cache->waits_opaque = config->waits_opaque;
    for (unsigned i = 0; i < config->tier_count; i++)
        if (add_tier(cache, &config->tiers[i], tick, drain) != 0)
            return error_no_memory(err);
    for (unsigned i = 0; i < cache->tier_count; i++)
        if (feeder_start(cache->feeders[i], err) != 0)
            return -1;
    return 0;
}

/* Feeders may ring until the shards are told; nobody uses these any more, so
 * they do not. */
void tiers_close(struct cache *cache)
{
    for (unsigned i = 0; i < cache->tier_count; i++)
        feeder_stop(cache->feeders[i]);
    for (unsigned i = 0; i < cache->shard_count && cache->tier_count > 0; i++) {
        shard_lock(&cache->shards[i]);
        shard_end_tiers_locked(&cache->shards[i]);
        shard_unlock(&cache->shards[i]);
    }
    cache->tier_count = 0;
}

void cache_tier_stats_get(struct cache *cache, unsigned number,
                          struct cache_tier_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    if (number >= cache->tier_count)
        return;
    feeder_stats(cache->feeders[number], ret);
    for (unsigned i = 0; i < cache->shard_count; i++) {
        struct shard *shard = &cache->shards[i];
        const struct feed *feed = &shard->feeds[number];

        shard_lock(shard);
        ret->lost += feed->lost;
        ret->waiting += feed->count + feed->used;
        ret->waiting_bytes += feed->bytes + feed->leaving;
        shard_unlock(shard);
    }
}
