// SPDX-License-Identifier: MIT
/*
 * tiers.h: asking the tiers of a cache, and their feeders (feeder.c).
 *
 * Any thread, with no lock held.
 */
#ifndef PREPFS_CACHE_TIERS_H
#define PREPFS_CACHE_TIERS_H

#include "cache_parts.h"

/* All tiers, as a set of bits: who shall have a block that was just made. */
uint8_t tiers_all(const struct cache *cache);

/* Looks for a block of buffer->size bytes; the nearest tier that has it wins.
 * True: the buffer is filled, *ret is its stored form (NULL if there is no
 * room for that), *ret_offer are the tiers before that one. */
bool tiers_get(struct cache *cache, const struct cache_key *key,
               struct buffer *buffer, bool ahead, struct payload **ret,
               uint8_t *ret_offer);

#define TIERS_LIST_MAX 32
#define TIERS_LIST_AREAS 7

/* Blocks to be read ahead, with room for them in work areas (memory.h).
 * Zero-initialised it is empty. Owned by one thread. */
struct tiers_list {
    struct cache_want wants[TIERS_LIST_MAX];
    size_t n;
    void *areas[TIERS_LIST_AREAS];
    size_t area_count, area_used; /* bytes of the last one */
};

void tiers_list_deinit(struct tiers_list *list, struct memory *memory);

/* False: the list is full, or there is no memory. */
bool tiers_list_add(struct tiers_list *list, struct memory *memory,
                    const struct cache_key *key, size_t size);

/* Looks for all of them and hands what is found to `keep`, which takes over
 * the payload (it may be NULL) and says if it was wanted. Nobody has tried if
 * it decodes: that would be done twice; `from` is told to tiers_reject should
 * it not. Returns how many were wanted. Takes the list apart. */
struct tiers_found {
    const struct cache_key *key;
    size_t size;
    struct payload *payload;
    uint8_t offer; /* tiers that shall have it */
    uint8_t from;  /* not 0 */
};
size_t tiers_fetch(struct cache *cache, struct tiers_list *list,
                   bool (*keep)(void *opaque, const struct tiers_found *found),
                   void *opaque);

void tiers_reject(struct cache *cache, uint8_t from,
                  const struct cache_key *key);

/* Starts the feeders of the configured tiers; the shards exist, but are not
 * used yet. tiers_close also after a failure. */
int tiers_open(struct cache *cache, const struct cache_config *config,
               struct error *err);

/* Offers what has not been offered yet, within the time for it, and stops. */
void tiers_close(struct cache *cache);

/* ------------------------------------------------------------- feeder.c */

struct feeder; /* one thread, for one tier */

struct feeder *feeder_new(struct cache *cache, unsigned tier, unsigned tick_ms,
                          unsigned drain_ms); /* NULL: no memory */

/* The shards have its feeds, and no more tiers come. */
int feeder_start(struct feeder *feeder, struct error *err);

/* Drains if it was started, stops and frees. */
void feeder_stop(struct feeder *feeder);

/* A block was looked for. */
void feeder_count_get(struct feeder *feeder, bool hit, uint64_t us);
void feeder_count_ahead(struct feeder *feeder, uint64_t blocks);
void feeder_count_rejected(struct feeder *feeder);

void feeder_stats(struct feeder *feeder, struct cache_tier_stats *ret);

/* To be called when much is leaving; takes only the feeder's lock. */
void feeder_hurry(void *feeder);

#endif
