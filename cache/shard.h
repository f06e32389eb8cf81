// SPDX-License-Identifier: MIT
/*
 * shard.h: one independent part of the cache: a table, its policy, its lists
 * of decompressed copies and of blocks read ahead, and its counters.
 *
 * Caller holds shard->lock for every function ending in _locked. What these
 * functions take out of the cache is not freed under the lock but collected
 * in shard->litter; the caller takes it away with litter_take_locked before
 * releasing the lock and frees it with litter_free after.
 */
#ifndef PREPFS_CACHE_SHARD_H
#define PREPFS_CACHE_SHARD_H

#include "prepfs/lock.h"

#include "feed.h"
#include "guard.h"
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

/* What a shard may use. */
struct share {
    uint64_t blocks;  /* residents, ghosts, tables */
    uint64_t copies;  /* decompressed copies */
    uint64_t ahead;   /* blocks that nobody has asked for yet */
    uint64_t leaving; /* for each tier, blocks given up before their turn */
};

struct entry_list {
    struct entry *oldest;
    struct entry *newest;
    uint64_t bytes;
};

struct shard {
    struct lock lock;
    /* The rest is protected by lock. */
    struct memory *memory;
    unsigned parts; /* shards of the cache */
    struct share share;
    struct table table;
    struct guard guard;
    struct entry_list copies;
    struct entry_list ahead;
    uint32_t tick; /* counted accesses so far; wraps */
    struct feed feeds[CACHE_TIERS_MAX];
    unsigned tiers; /* of these */
    struct litter litter;
    struct cache_stats stats; /* this shard's part */
};

int shard_init(struct shard *shard, struct memory *memory, unsigned parts,
               bool guard);
void shard_deinit(struct shard *shard);

/* Has the next feed tell when it is time to hurry; before the shard is used.
 * -1: no memory. */
int shard_add_tier(struct shard *shard, bool is_prompt,
                   void (*hurry)(void *opaque), void *opaque);

/* No tier shall be offered anything any more. */
void shard_end_tiers_locked(struct shard *shard) REQUIRES(shard->lock);

/* Like lock_acquire and lock_release, and counts how long it took. */
void shard_lock(struct shard *shard) ACQUIRE(shard->lock);
void shard_unlock(struct shard *shard) RELEASE(shard->lock);

/* The new share; evicts what no longer fits. */
void shard_set_share_locked(struct shard *shard, const struct share *share)
    REQUIRES(shard->lock);

/* Counts an access to a resident entry. The entry and its payload may be
 * gone afterwards; take references before. */
void shard_touch_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* Keeps the entry in the table until it lands or is forgotten. */
void shard_hold_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* Counts an access to an absent, held entry and reserves its raw size. */
void shard_admit_locked(struct shard *shard, struct entry *entry)
    REQUIRES(shard->lock);

/* The fill is over; entry->offer says who else shall have it. Gives the entry
 * its payload, or NULL if there is none to keep. Takes over the reference;
 * clears entry->flight. False: it was not kept, and the entry may be gone. */
bool shard_land_locked(struct shard *shard, struct entry *entry,
                       struct payload *payload) REQUIRES(shard->lock);

/* The same for an entry that was held but not admitted, since nobody asked
 * for it. Only blocks that are ahead themselves can be displaced. */
void shard_land_ahead_locked(struct shard *shard, struct entry *entry,
                             struct payload *payload, enum ahead why)
    REQUIRES(shard->lock);

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
