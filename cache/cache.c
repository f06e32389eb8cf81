// SPDX-License-Identifier: MIT
/*
 * cache.c: the facade: find, fill once, compress, pin, count.
 *
 * Locks, in the order in which they may be taken:
 *
 *     budget_lock (cache_admin.c)   changes of the budget, one at a time
 *     shard->lock                   never two of them
 *     a feeder's lock (tiers.c)     to wake it
 *     memory's lock (memory.c)      free pages; nothing is taken after it
 *
 * Under a shard lock there is only pointer work: no fill, no coding, no free,
 * no log. A miss needs an entry, a flight and a buffer; they are allocated
 * before the lock is taken again, and the lookup is then repeated, because
 * another thread may have come first. What an operation evicts is collected
 * (shard.h) and freed after the unlock. Two rare steps do allocate under the
 * lock, and carry on without if they cannot: a table that doubles, and the
 * guard's shadows when a shard is full for the first time.
 *
 * Single flight. The first reader that misses puts a struct flight on the
 * entry and fills with no lock held; later readers take a reference on the
 * flight and sleep on its condition. Their result, block or error, is in the
 * flight, so it does not matter whether the entry still exists when they
 * wake. A failed fill removes the entry: the next get fills again.
 *
 * Lifetimes. Eviction is logical and immediate: the entry loses its payload
 * and its copy at once. Readers hold counted references on the bytes only
 * (struct payload while decoding, struct buffer while pinned), taken under
 * the shard lock; the last reference frees, with no lock. So eviction never
 * waits for a reader, and a pin needs no entry.
 *
 * Cancelling. A token names the shard its owner sleeps in. Firing sets the
 * flag first and looks for the shard second; sleeping publishes the shard
 * first and looks at the flag second; so one of the two sees the other. A
 * waiter that leaves only drops its reference: the fill goes on for the rest.
 */
#include "prepfs/cleanup.h"

#include "cache_request.h"
#include "coding.h"
#include "tiers.h"

#include <string.h>

static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
    /* The high half: the table of the shard uses the low bits. */
    return &cache->shards[(hash >> 32) * cache->shard_count >> 32];
}

void request_init(struct request *r, struct cache *cache,
                  const struct cache_key *key, size_t size)
{
    memset(r, 0, sizeof *r);
    r->cache = cache;
    r->key = key;
    r->hash = table_hash(key);
    r->size = size;
    r->shard = shard_of(cache, r->hash);
}

void request_release(struct request *r) RELEASE(r->shard->lock)
{
    struct litter litter = litter_take_locked(r->shard);

    shard_unlock(r->shard);
    litter_free(&litter, r->cache->memory);
}

void request_pin(struct cache_pin *pin, struct buffer *buffer)
{
    pin->data = buffer->data;
    pin->size = buffer->size;
    pin->impl = buffer;
}

struct entry *request_hold_locked(struct request *r, struct entry *entry,
                                  struct entry **spare) REQUIRES(r->shard->lock)
{
    if (!entry) {
        entry = STEAL(*spare);
        entry->key = *r->key;
        entry->hash = r->hash;
        table_insert(&r->shard->table, entry);
    }
    entry->size = (uint32_t)r->size;
    shard_hold_locked(r->shard, entry);
    return entry;
}

/* --------------------------------------------------------------- hits */

/* Keeps what was decoded, if the block is still the one it came from. */
static void offer_copy(struct request *r, const struct payload *payload,
                       struct buffer *buffer)
{
    struct entry *entry;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (entry && entry->payload == payload) {
        entry->from = 0;
        shard_keep_copy_locked(r->shard, entry, buffer);
    }
    request_release(r);
}

/* What was there does not decode: it was no hit, and is made anew. */
static void forget_unsound(struct request *r, const struct payload *payload,
                           uint8_t from)
{
    struct entry *entry;

    shard_lock(r->shard);
    r->shard->stats.hits--;
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (entry && entry->payload == payload)
        shard_forget_locked(r->shard, entry);
    request_release(r);
    tiers_reject(r->cache, from, r->key);
}

static enum outcome unpack(struct request *r, const struct payload *payload,
                           uint8_t from, struct buffer **ret)
{
    bool sound;

    *ret = coding_unpack(r->cache->memory, payload, r->size, &sound);
    if (*ret) {
        offer_copy(r, payload, *ret);
        return GOT;
    }
    if (sound)
        return (enum outcome)error_no_memory(r->err);
    forget_unsound(r, payload, from);
    return AGAIN;
}

/* Called with the lock held on a resident entry; releases it. */
static enum outcome take_hit(struct request *r, struct entry *entry)
    RELEASE(r->shard->lock) NO_THREAD_SAFETY_ANALYSIS
{
    struct payload *payload = payload_ref(entry->payload);
    enum outcome outcome = GOT;
    struct buffer *buffer = NULL;
    uint8_t from = entry->from;

    r->shard->stats.hits++;
    if (entry->copy) {
        buffer = buffer_ref(entry->copy);
        shard_touch_copy_locked(r->shard, entry);
    }
    shard_touch_locked(r->shard, entry);
    request_release(r);
    if (!buffer)
        outcome = unpack(r, payload, from, &buffer);
    payload_unref(r->cache->memory, payload);
    if (outcome == GOT)
        request_pin(r->pin, buffer);
    return outcome;
}

/* ---------------------------------------------------------------- gets */

/* One try. *mine is a flight made ready by an earlier try, or NULL. */
static enum outcome attempt(struct request *r,
                            struct flight **mine) NO_THREAD_SAFETY_ANALYSIS
{
    struct entry *entry;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (entry && (entry->flight || entry->payload) && entry->size != r->size) {
        shard_unlock(r->shard);
        return (enum outcome)error_set(r->err, ERROR_INTERNAL,
                                       "block %llu has two sizes",
                                       (unsigned long long)r->key->block);
    }
    if (entry && entry->flight)
        return request_join(r, entry->flight);
    if (entry && entry->payload)
        return take_hit(r, entry);
    if (*mine)
        return (enum outcome)request_fill(r, entry, STEAL(*mine));
    shard_unlock(r->shard);

    if (request_is_cancelled(r))
        return (enum outcome)request_interrupted(r->err);
    *mine = request_flight_new(r);
    return *mine ? AGAIN : (enum outcome)error_no_memory(r->err);
}

int cache_get_with(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   const struct cache_get_options *options,
                   struct cache_pin *ret, struct error *err)
{
    struct flight *mine = NULL;
    enum outcome outcome;
    struct request r;

    memset(ret, 0, sizeof *ret);
    request_init(&r, cache, key, size);
    if (!request_has_block_size(&r))
        return error_set(err, ERROR_INTERNAL, "a block of %zu bytes", size);
    r.fill = fill;
    r.opaque = opaque;
    r.cancel = options ? options->cancel : NULL;
    r.pin = ret;
    r.err = err;
    do
        outcome = attempt(&r, &mine);
    while (outcome == AGAIN);
    request_flight_free(mine, cache->memory);
    return outcome == GOT ? 0 : -1;
}

int cache_get(struct cache *cache, const struct cache_key *key, size_t size,
              cache_fill_fn fill, void *opaque, struct cache_pin *ret,
              struct error *err)
{
    return cache_get_with(cache, key, size, fill, opaque, NULL, ret, err);
}

bool cache_try_get(struct cache *cache, const struct cache_key *key,
                   size_t size, struct cache_pin *ret) NO_THREAD_SAFETY_ANALYSIS
{
    struct entry *entry;
    struct request r;

    memset(ret, 0, sizeof *ret);
    request_init(&r, cache, key, size);
    r.pin = ret;
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    if (entry && entry->payload && entry->size == size)
        return take_hit(&r, entry) == GOT;
    shard_unlock(r.shard);
    return false;
}

bool cache_has(struct cache *cache, const struct cache_key *key)
{
    struct entry *entry;
    struct request r;
    bool resident;

    request_init(&r, cache, key, 0);
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    resident = entry && entry->payload;
    shard_unlock(r.shard);
    return resident;
}

void cache_unpin(struct cache *cache, struct cache_pin *pin)
{
    buffer_unref(cache->memory, pin->impl);
    memset(pin, 0, sizeof *pin);
}
