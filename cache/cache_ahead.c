// SPDX-License-Identifier: MIT
/* cache_ahead.c: blocks that nobody has asked for yet: read ahead, made along
 * with others, sent by a tier. See cache.c. */
#include "prepfs/cleanup.h"

#include "cache_request.h"
#include "coding.h"
#include "tiers.h"

#include <stdlib.h>

static bool has_block(struct request *r)
{
    bool present;

    shard_lock(r->shard);
    present = request_is_present(table_find(&r->shard->table, r->key, r->hash));
    shard_unlock(r->shard);
    return present;
}

int cache_prefetch(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   struct error *err) NO_THREAD_SAFETY_ANALYSIS
{
    struct flight *flight;
    struct entry *entry;
    struct request r;

    request_init(&r, cache, key, size);
    if (!request_has_block_size(&r))
        return error_set(err, ERROR_INTERNAL, "a block of %zu bytes", size);
    if (has_block(&r))
        return 0;
    r.fill = fill;
    r.opaque = opaque;
    r.ahead = true;
    r.err = err;
    flight = request_flight_new(&r);
    if (!flight)
        return error_no_memory(err);
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    if (!request_is_present(entry))
        return request_fill(&r, entry, flight);
    shard_unlock(r.shard);
    request_flight_free(flight, cache->memory);
    return 0;
}

/* Takes over the payload. False: it was there already, or did not fit. */
static bool keep_ahead(struct request *r, struct payload *payload,
                       uint8_t offer, enum ahead why)
{
    struct entry *spare = calloc(1, sizeof *spare);
    struct entry *entry;
    bool kept = false;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (payload && spare && !request_is_present(entry)) {
        entry = request_hold_locked(r, entry, &spare);
        entry->offer = offer;
        shard_land_ahead_locked(r->shard, entry, STEAL(payload), why);
        kept = true;
    }
    request_release(r);
    payload_unref(r->cache->memory, payload);
    free(spare);
    return kept;
}

static void publish(struct cache *cache, const struct cache_key *key,
                    const uint8_t *data, size_t size,
                    const struct cache_hint *hint, enum ahead why)
{
    struct request r;

    request_init(&r, cache, key, size);
    if (!request_has_block_size(&r) || has_block(&r))
        return;
    (void)keep_ahead(&r, coding_pack(cache->memory, data, size, hint),
                     tiers_all(cache), why);
}

void cache_publish(struct cache *cache, const struct cache_key *key,
                   const uint8_t *data, size_t size,
                   const struct cache_hint *hint)
{
    publish(cache, key, data, size, hint, AHEAD_PUBLISHED);
}

void cache_publish_ahead(struct cache *cache, const struct cache_key *key,
                         const uint8_t *data, size_t size,
                         const struct cache_hint *hint)
{
    publish(cache, key, data, size, hint, AHEAD_PREFETCHED);
}

/* A block that a tier sent along. */
static bool keep_fetched(void *opaque, const struct cache_key *key, size_t size,
                         struct payload *payload, uint8_t offer)
{
    struct request r;

    request_init(&r, opaque, key, size);
    return keep_ahead(&r, payload, offer, AHEAD_PREFETCHED);
}

size_t cache_fetch_ahead(struct cache *cache, const struct cache_key *keys,
                         const size_t *sizes, size_t n)
{
    struct tiers_list list;
    struct request r;
    size_t came;

    if (cache->tier_count == 0 || tiers_list_init(&list, n) != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        request_init(&r, cache, &keys[i], sizes[i]);
        if (request_has_block_size(&r) && !has_block(&r))
            tiers_list_add(&list, &keys[i], sizes[i]);
    }
    came = tiers_fetch(cache, &list, keep_fetched, cache);
    tiers_list_deinit(&list);
    return came;
}
