// SPDX-License-Identifier: MIT
/*
 * shard.h: one independent part of the cache: a table, its policy, its list
 * of decompressed copies and its counters.
 *
 * Caller holds shard->lock for every function ending in _locked. What these
 * functions take out of the cache is not freed under the lock but collected
 * in shard->litter; the caller takes it away with litter_take_locked before
 * releasing the lock and frees it with litter_free after.
 */
#ifndef PREPFS_CACHE_SHARD_H
#define PREPFS_CACHE_SHARD_H

#include "prepfs/lock.h"
#include "table.h"

/* What an entry takes besides its payload: itself, malloc's header, a slot. */
#define ENTRY_COST (sizeof(struct entry) + 16 + sizeof(void *))

/* Accesses to one block within this many accesses to others are one access:
 * a reader that takes a block in pieces has not asked for it twice. */
#define CORRELATED_ACCESSES 32

struct litter {
    struct payload *payloads;
    struct buffer *buffers;
    struct entry *entries; /* linked by chain */
};

struct shard {
    struct lock lock;
    /* The rest is protected by lock. */
    struct table table;
    struct arc arc;
    struct entry *copy_mru; /* decompressed copies, newest first */
    struct entry *copy_lru;
    uint64_t copy_bytes;
    uint64_t copy_limit;
    uint64_t budget;
    uint32_t tick; /* counted accesses so far; wraps */
    struct litter litter;
    struct cache_stats stats; /* this shard's share */
};

int shard_init(struct shard *shard, uint64_t budget, uint64_t copy_limit);
void shard_deinit(struct shard *shard, struct memory *memory);

/* The new share of the budget; evicts what no longer fits. */
void shard_set_budget_locked(struct shard *shard, uint64_t budget,
                             uint64_t copy_limit) REQUIRES(shard->lock);

/* Counts an access to a resident entry. */
void shard_touch_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* Counts an access to an absent one and reserves its raw size; the entry is
 * in the table already, and stays there until it lands or is forgotten. */
void shard_admit_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* The fill is over: gives the entry its payload, or NULL if there is none to
 * keep. Takes over the reference; clears entry->flight. False: it was not
 * kept, and the entry may be gone. */
bool shard_land_locked(struct shard *shard, struct entry *entry,
                       struct payload *payload) REQUIRES(shard->lock);

/* Removes every trace of the key, the entry included. */
void shard_forget_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* Puts a copy on the copy list (takes its own reference), if the entry is
 * resident and has none. */
void shard_keep_copy_locked(struct shard *shard, struct entry *entry,
                            struct buffer *copy) REQUIRES(shard->lock);

/* The same copy was used again. */
void shard_touch_copy_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

struct litter litter_take_locked(struct shard *shard) REQUIRES(shard->lock);
void litter_free(struct litter *litter, struct memory *memory);

#endif
