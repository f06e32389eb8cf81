// SPDX-License-Identifier: MIT
/*
 * feed.h: the blocks of one shard that a tier has not been offered yet.
 *
 * Blocks wait where they are, in memory, in the order in which they came; so
 * those that the policy will give up first come first, and waiting costs
 * nothing. One that leaves memory before its turn hands its payload to a
 * short queue, bounded in number and bytes, and is lost to the tier if that
 * is full. Neither the reader whose block it is nor the one that displaced it
 * ever waits.
 *
 * Caller holds the lock of the shard for all functions.
 */
#ifndef PREPFS_CACHE_FEED_H
#define PREPFS_CACHE_FEED_H

#include "memory.h"
#include "prepfs/cache.h"

struct entry;

#define FEED_LEAVERS 512

/* A block to be offered; holds a reference on the payload. */
struct morsel {
    struct cache_key key;
    uint32_t raw_size;
    struct payload *payload;
};

struct feed {
    unsigned tier;
    bool is_prompt;                /* hurries as soon as there is something */
    struct entry *oldest, *newest; /* resident */
    uint64_t count, bytes;         /* of these */
    struct morsel *leavers;        /* a ring of FEED_LEAVERS */
    unsigned first, used;
    uint64_t leaving, leaving_max; /* bytes */
    uint64_t lost;
    /* Called when much is leaving, or anything is there for one that is
     * prompt; takes no shard lock. */
    void (*hurry)(void *opaque);
    void *opaque;
};

/* -1: no memory. */
int feed_init(struct feed *feed, unsigned tier, bool is_prompt,
              void (*hurry)(void *opaque), void *opaque);
void feed_deinit(struct feed *feed, struct memory *memory);

/* A resident block that the tier shall be offered; it is not waiting yet. */
void feed_add(struct feed *feed, struct entry *entry);

/* It is waiting, and need not be offered after all. */
void feed_remove(struct feed *feed, struct entry *entry);

/* A block is being given up. Takes a reference of its own, or counts a loss. */
void feed_leave(struct feed *feed, const struct cache_key *key,
                uint32_t raw_size, struct payload *payload);

/* The next block, if it has no more than `most` stored bytes. False: none.
 * The reference becomes the caller's. */
bool feed_take(struct feed *feed, uint64_t most, struct morsel *ret);

#endif
