// SPDX-License-Identifier: MIT
/*
 * table.h: from keys to entries, and what an entry is.
 *
 * Caller holds the lock of the shard that owns the table.
 */
#ifndef PREPFS_CACHE_TABLE_H
#define PREPFS_CACHE_TABLE_H

#include "arc.h"
#include "memory.h"
#include "prepfs/cache.h"

struct flight; /* a fill under way, see cache_flight.c */

/* Why a block is here that nobody has asked for yet. */
enum ahead {
    AHEAD_NOT,        /* it was asked for */
    AHEAD_PREFETCHED, /* read ahead; goes if it is not wanted in time */
    AHEAD_PUBLISHED   /* came with another block; goes on to the policy */
};

/* A place among the blocks that wait to be offered to a tier: feed.h. */
struct feed_link {
    struct entry *older;
    struct entry *newer;
};

/*
 * All that is known of a key. Resident: payload is set, and either the policy
 * holds the node or the entry is ahead. Ghost: only the node is held. Being
 * filled: flight is set, whatever the node says. It leaves the table and is
 * freed when none of these is so.
 */
struct entry {
    struct arc_node node; /* first: the policy's handle */
    struct entry *chain;
    struct cache_key key;
    uint64_t hash;
    uint32_t size;    /* raw bytes of the block */
    uint32_t touched; /* shard tick of the last counted access */
    struct flight *flight;
    struct payload *payload;
    struct buffer *copy; /* raw bytes, if on the copy list */
    struct entry *older; /* on the copy list or the ahead list */
    struct entry *newer;
    struct feed_link feed[CACHE_TIERS_MAX];
    uint8_t offer;   /* tiers (bits) that shall have the block, and do not */
    uint8_t waiting; /* tiers in whose feed it is */
    uint8_t ahead;   /* enum ahead; not AHEAD_NOT: on the ahead list */
    uint8_t from;    /* tier (tiers.h) that sent the payload, and nobody has
                      * decoded it yet; 0: it is known to be sound */
    bool held;       /* must stay in the table though the policy drops it */
    bool unasked;    /* came with another block; the policy has it as one seen
                      * once, but nobody has asked for it yet */
};

struct table {
    struct entry **buckets;
    size_t mask; /* number of buckets - 1 */
    size_t count;
};

static inline struct entry *entry_of_node(struct arc_node *node)
{
    return (struct entry *)node;
}

/* Well mixed in all 64 bits, whatever the caller's digests are like. */
uint64_t table_hash(const struct cache_key *key);

int table_init(struct table *table); /* -1: no memory */
void table_deinit(struct table *table);
uint64_t table_bytes(const struct table *table);

struct entry *table_find(const struct table *table, const struct cache_key *key,
                         uint64_t hash);

/* entry->key and ->hash are set and the key is absent. Never fails: without
 * memory to grow, the chains get longer. */
void table_insert(struct table *table, struct entry *entry);
void table_remove(struct table *table, struct entry *entry);

#endif
