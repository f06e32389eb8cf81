// SPDX-License-Identifier: MIT
/*
 * cache_request.h: what cache.c, cache_flight.c and cache_ahead.c share: one
 * call of the cache, as its steps see it, and fills under way. How they lock
 * is told in cache.c.
 */
#ifndef PREPFS_CACHE_REQUEST_H
#define PREPFS_CACHE_REQUEST_H

#include "cache_parts.h"

/* One call of cache_get, as its steps see it. */
struct request {
    struct cache *cache;
    struct shard *shard;
    const struct cache_key *key;
    uint64_t hash;
    size_t size;
    cache_fill_fn fill;
    void *opaque;
    bool ahead; /* a prefetch: wants no pin and does not wait */
    struct cache_cancel *cancel;
    struct cache_pin *pin;
    struct error *err;
};

/* The part of the cache that the key belongs to is not locked yet. */
void request_init(struct request *r, struct cache *cache,
                  const struct cache_key *key, size_t size);

/* Unlocks, and frees what the operation has evicted. */
void request_release(struct request *r) RELEASE(r->shard->lock);

static inline bool request_has_block_size(const struct request *r)
{
    return r->size > 0 && r->size <= CACHE_BLOCK_MAX;
}

/* Is the block there or on its way? Of what table_find has found. */
static inline bool request_is_present(const struct entry *entry)
{
    return entry && (entry->flight || entry->payload);
}

/* The entry to fill, held; takes over *spare if there was none. */
struct entry *request_hold_locked(struct request *r, struct entry *entry,
                                  struct entry **spare)
    REQUIRES(r->shard->lock);

/* ---- cache_flight.c ---- */

enum outcome { GOT = 0, FAILED = -1, AGAIN = 1 };

/* NULL: no memory. request_flight_free of what was not used (may be NULL). */
struct flight *request_flight_new(const struct request *r);
void request_flight_free(struct flight *flight, struct memory *memory);

/* The filler's whole part: admits, fills unlocked, lands. Called with the
 * lock held, releases it. `flight` is freed here or by its last waiter. */
int request_fill(struct request *r, struct entry *entry, struct flight *flight)
    RELEASE(r->shard->lock);

/* Sleeps until the flight has landed or the request is cancelled. Called with
 * the lock held, releases it. */
enum outcome request_join(struct request *r, struct flight *flight)
    RELEASE(r->shard->lock);

/* Hands the reference over to the pin. */
void request_pin(struct cache_pin *pin, struct buffer *buffer);

bool request_is_cancelled(const struct request *r);
int request_interrupted(struct error *err);

#endif
