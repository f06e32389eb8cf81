// SPDX-License-Identifier: MIT
/*
 * cache_tier.h: what stands between the cache's memory and a fill.
 *
 * A tier is a larger, slower place for the very blocks of the cache: a local
 * disk, servers in the network. On a miss the cache asks its tiers in order,
 * the nearest first, and fills only if none has the block. Blocks come and go
 * in their stored form, which a tier keeps and never looks into.
 *
 * A tier may lose any block at any time, and be slow, full or broken: that
 * costs a fill and never an error. It must not hand out a block that is not,
 * byte for byte, what was once offered under this very key.
 */
#ifndef PREPFS_CACHE_TIER_H
#define PREPFS_CACHE_TIER_H

#include "prepfs/cache.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most that the stored form of a block takes. */
#define CACHE_STORED_MAX(raw_size) ((size_t)(raw_size) + 16)

/* The stored forms there are: another number, another set. Blocks that were
 * written under another one, or by a machine of the other byte order, are
 * foreign and must not be handed out. */
#define CACHE_STORED_FORMAT 1

/* A block on its way to a tier. Its bytes are gone when the call returns. */
struct cache_stored {
    struct cache_key key;
    uint32_t raw_size;    /* 1 .. CACHE_BLOCK_MAX */
    uint32_t stored_size; /* 1 .. CACHE_STORED_MAX(raw_size) */
    const uint8_t *stored;
};

/* A block that is asked for. */
struct cache_want {
    struct cache_key key;
    uint32_t raw_size;
    uint32_t stored_size; /* 0 before the call; after it 0: not here */
    uint8_t *room;        /* CACHE_STORED_MAX(raw_size) bytes */
};

/*
 * How a tier works. No lock of the cache is held during any call, and none of
 * them may call the cache, but for cache_has. A NULL function does nothing.
 */
struct cache_tier_ops {
    const char *name; /* one word, for messages */

    /* Others may be about to make the same blocks: each is offered as soon as
     * it is there, and not with the next round. */
    bool is_prompt;

    /* Looks for n blocks: one for a reader that waits for it, several for
     * blocks to be read ahead. Any threads at the same time. May be slow, but
     * bounds its own time. Never NULL. */
    void (*get)(void *self, struct cache_want *wants, size_t n);

    /* This block, handed out by get, was none after all: found out when it was
     * asked for, which may be long after. Any thread. */
    void (*reject)(void *self, const struct cache_key *key);

    /* How many bytes of stored blocks it would take now; 0: ask again later.
     * This is where a tier limits its rate. `last`: the cache is closing, and
     * there is no later. NULL: any number. */
    uint64_t (*appetite)(void *self, bool last);

    /* A block that was made or found farther away, once per time it came to
     * memory. Of the blocks that wait those of a leaf come one after another,
     * in order: they will be asked for together. May be slow; may silently not
     * keep it. Never NULL. appetite, offer and settle are called by one thread
     * at a time, the tier's own feeder, so that one tier never waits for
     * another. */
    void (*offer)(void *self, const struct cache_stored *block);

    /* Nothing more is to be offered now: time to write out what was gathered
     * and to look after itself. Called after every round, and several times
     * a second while there is nothing to do. */
    void (*settle)(void *self, bool last);

    /* Memory that it holds and that counts against the cache's budget. */
    uint64_t (*memory)(void *self);
};

struct cache_tier {
    const struct cache_tier_ops *ops;
    void *self;
};

/* Counters of one tier, as the cache sees it. */
struct cache_tier_stats {
    uint64_t hits;     /* gets for a reader that it answered */
    uint64_t misses;   /* ... and did not */
    uint64_t ahead;    /* blocks read ahead from it */
    uint64_t rejected; /* blocks that did not decode */
    uint64_t offered;  /* blocks and stored bytes handed to it */
    uint64_t offered_bytes;
    uint64_t lost;          /* blocks that left memory before their turn came */
    uint64_t waiting;       /* blocks and stored bytes yet to be offered */
    uint64_t waiting_bytes; /* now */
    uint64_t hit_us_sum;
    uint64_t hit_us[CACHE_WAIT_BUCKETS]; /* times of hits, like wait_us */
};

/* Of tier `number` (0: the nearest); all 0 if there is none. */
void cache_tier_stats_get(struct cache *cache, unsigned number,
                          struct cache_tier_stats *ret);

#ifdef __cplusplus
}
#endif

#endif
