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

/* Takes over the payload. False: it was there already, or did not fit. `from`
 * is the tier that sent it (tiers.h), or 0. */
static bool keep_ahead(struct request *r, const struct tiers_found *found,
                       enum ahead why)
{
    struct entry *spare = calloc(1, sizeof *spare);
    struct payload *payload = found->payload;
    struct entry *entry;
    bool kept = false;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (payload && spare && !request_is_present(entry)) {
        entry = request_hold_locked(r, entry, &spare);
        entry->offer = found->offer;
        entry->from = found->from;
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
    struct tiers_found mine = {.offer = tiers_all(cache)};
    struct request r;

    request_init(&r, cache, key, size);
    if (!request_has_block_size(&r) || has_block(&r))
        return;
    mine.payload = coding_pack(cache->memory, data, size, hint);
    (void)keep_ahead(&r, &mine, why);
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
static bool keep_fetched(void *opaque, const struct tiers_found *found)
{
    struct request r;

    request_init(&r, opaque, found->key, found->size);
    return keep_ahead(&r, found, AHEAD_PREFETCHED);
}

/* As many as a list holds; returns how many of the blocks were looked at. */
static size_t fetch_some(struct cache *cache, const struct cache_key *keys,
                         const size_t *sizes, size_t n, size_t *came)
{
    struct tiers_list list = {.n = 0};
    struct request r;
    size_t i;

    for (i = 0; i < n; i++) {
        request_init(&r, cache, &keys[i], sizes[i]);
        if (request_has_block_size(&r) && !has_block(&r) &&
            !tiers_list_add(&list, cache->memory, &keys[i], sizes[i]))
            break;
    }
    *came += tiers_fetch(cache, &list, keep_fetched, cache);
    tiers_list_deinit(&list, cache->memory);
    return i;
}

size_t cache_fetch_ahead(struct cache *cache, const struct cache_key *keys,
                         const size_t *sizes, size_t n)
{
    size_t came = 0, done = 0, now = n;

    while (cache->tier_count > 0 && done < n && now > 0) {
        now = fetch_some(cache, keys + done, sizes + done, n - done, &came);
        done += now;
    }
    return came;
}
