// SPDX-License-Identifier: MIT
/*
 * cache.h: a byte-budgeted cache of immutable blocks.
 *
 * A block is up to CACHE_BLOCK_MAX bytes under a key. It is filled by exactly
 * one thread, compressed, kept under the ARC policy and handed out pinned; it
 * never changes after its fill. Losing a block costs time, never data: every
 * block is a pure function of its key.
 *
 * Below its memory it may have tiers: cache_tier.h.
 *
 * The library needs libc, threads, liblz4 and xxhash and knows nothing of
 * images.
 */
#ifndef PREPFS_CACHE_H
#define PREPFS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CACHE_BLOCK_MAX ((size_t)128 * 1024)

/*
 * Who a block is. `leaf` is a 128-bit digest, made by the caller, of
 * everything its bytes depend on (source version, view, engine, part,
 * format); two leaves with the same digest are the same leaf.
 */
struct cache_key {
    uint64_t leaf[2];
    uint64_t block;
};

struct cache; /* internally locked */

/* One pinned block. Zero-initialised it is empty. Owned by one thread. */
struct cache_pin {
    const uint8_t *data; /* `size` bytes, immutable until cache_unpin */
    size_t size;
    void *impl;
};

/* What the bytes are, so that the right filter is put before LZ4. */
struct cache_hint {
    uint8_t sample_bytes; /* 1, 2, 4, 8; 0 = unknown */
    uint8_t channels;     /* interleaved samples per pixel; 0 = unknown */
    bool is_float;
    uint32_t row_bytes;    /* bytes per image row; 0 = unknown */
    uint32_t samples_from; /* offset in the block of the first sample */
};

/*
 * Makes a block that neither memory nor a tier has: writes exactly `size` bytes
 * at `data` and may describe them in *hint (zeroed before). Called with no lock
 * held. On -1 nothing is kept, every waiter gets a copy of *err, and the next
 * get fills again. It may call cache_publish for sibling blocks, but never
 * cache_get.
 */
typedef int (*cache_fill_fn)(void *opaque, const struct cache_key *key,
                             uint8_t *data, size_t size,
                             struct cache_hint *hint, struct error *err);

#define CACHE_TIERS_MAX 2

struct cache_tier; /* cache_tier.h */

struct cache_config {
    uint64_t budget_bytes; /* 0: a quarter of MemAvailable */
    unsigned shards;       /* 0: chosen from the budget */
    bool epoch_guard;      /* keep full passes near budget / data set */

    /* Places below memory, nearest first; copied. What they point to must
     * outlive the cache. */
    const struct cache_tier *tiers;
    unsigned tier_count; /* at most CACHE_TIERS_MAX */
    /* Called by a thread before and after it waits for a tier's answer, with no
     * lock held, so that another one may have the processor; may be NULL. */
    void (*waits)(void *opaque, bool begins);
    void *waits_opaque;
    unsigned feed_tick_ms; /* between two rounds of feeding them; 0: 100 */
    unsigned drain_ms; /* cache_free feeds them what they do not have yet, for
                        * so long at most; 0: 30 s */
};

/* Caller owns the cache; free with cache_free, with no pin outstanding. */
struct cache *cache_new(const struct cache_config *config, struct error *err);
void cache_free(struct cache *cache); /* may be NULL */

/*
 * Pins the block `key` of `size` bytes, filling it if absent. Waits for a
 * fill that is under way. Returns 0 with *ret filled; release it with
 * cache_unpin. If nothing can be evicted the block is served uncached.
 */
int cache_get(struct cache *cache, const struct cache_key *key, size_t size,
              cache_fill_fn fill, void *opaque, struct cache_pin *ret,
              struct error *err) __attribute__((warn_unused_result));

/*
 * A way to stop waiting. Zero-initialised, owned by the caller; used by one
 * cache_get_with at a time, while any thread may fire it. It must outlive
 * both calls. The fields belong to the cache.
 */
struct cache_cancel {
    bool fired;
    void *shard;
    void *flight;
};

/* Makes a cache_get_with that waits with this token, now or later, return
 * ERROR_INTERRUPTED. A fill under way goes on for its other readers. */
void cache_cancel_fire(struct cache_cancel *cancel);

/*
 * For a fill that runs under this token: false if the token was fired and no
 * other reader waits for the block. The fill may then return -1 with
 * ERROR_INTERRUPTED; should a reader have come in the meantime, that reader
 * fills again.
 */
bool cache_cancel_wanted(struct cache_cancel *cancel);

struct cache_get_options {
    struct cache_cancel *cancel; /* NULL: not interruptible */
};

/* cache_get with options (NULL: none). */
int cache_get_with(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   const struct cache_get_options *options,
                   struct cache_pin *ret, struct error *err)
    __attribute__((warn_unused_result));

/* True, with *ret pinned, if the block is resident; never waits or fills.
 * A false answer leaves the policy untouched. */
bool cache_try_get(struct cache *cache, const struct cache_key *key,
                   size_t size, struct cache_pin *ret);

/* Is the block resident now? Touches nothing; for who asks about many. */
bool cache_has(struct cache *cache, const struct cache_key *key);

/*
 * Makes the block for a reader that will come; does nothing if it is there
 * or on its way. It waits in a part of the budget of its own and can displace
 * only other blocks that nobody has asked for, so a wrong guess costs the
 * fill and nothing else (prefetch_wasted). Runs in the caller's thread.
 */
int cache_prefetch(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   struct error *err) __attribute__((warn_unused_result));

/*
 * Brings those of `n` blocks that are not in memory but in a tier, as blocks
 * read ahead, asking each tier once for all of them. Returns how many came;
 * never fills. Meant for a few dozen blocks at a time.
 */
size_t cache_fetch_ahead(struct cache *cache, const struct cache_key *keys,
                         const size_t *sizes, size_t n);

/* Offers a block that was made along with another one. Dropped silently if
 * it is present, being filled, or does not fit. */
void cache_publish(struct cache *cache, const struct cache_key *key,
                   const uint8_t *data, size_t size,
                   const struct cache_hint *hint);

/* The same for a block that came along with a prefetched one: nobody may ever
 * ask for it, so it is kept, counted and dropped like one. */
void cache_publish_ahead(struct cache *cache, const struct cache_key *key,
                         const uint8_t *data, size_t size,
                         const struct cache_hint *hint);

void cache_unpin(struct cache *cache, struct cache_pin *pin);

/*
 * Tells that full passes over `logical_bytes` of blocks are to be expected,
 * e.g. when a data set is opened. If that is more than the cache can hold,
 * the epoch guard begins to keep what is there instead of learning so first,
 * and is patient for one and a half such passes. Best said when what is there
 * is of that data set. 0: takes the word back, and leaves the rest to what the
 * guard finds out.
 */
void cache_expect_passes(struct cache *cache, uint64_t logical_bytes);

/* Changes the budget, up to that of cache_new at most; evicts at once what no
 * longer fits and returns the memory to the system. */
void cache_set_budget(struct cache *cache, uint64_t budget_bytes);

/*
 * Watches the system's memory in a thread of its own and lowers the budget
 * while there is pressure (PSI, the cgroup's memory.high, MemAvailable),
 * within a second; it grows back after some calm.
 */
struct cache_pressure; /* internally locked */

struct cache_pressure_config {
    uint64_t floor_bytes; /* never less; 0: an eighth of the budget */
    unsigned tick_ms;     /* between two looks; 0: 250, at most 900 */
    const char *root;     /* NULL: "". Put before /proc and /sys, for tests */
};

/* `config` may be NULL and is copied. Stop it before cache_free. */
struct cache_pressure *
cache_pressure_start(struct cache *cache,
                     const struct cache_pressure_config *config,
                     struct error *err);
void cache_pressure_stop(struct cache_pressure *pressure); /* may be NULL */

/* wait_us[i] counts waits of less than 2^i microseconds (and at least half
 * of that); the last bucket takes all longer ones. */
#define CACHE_WAIT_BUCKETS 24

/* Counters since cache_new, and the state now; sums over the shards, each
 * shard at its own moment. */
struct cache_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t waits; /* gets that joined a fill under way */
    uint64_t fill_errors;
    uint64_t evictions;
    uint64_t uncached;      /* served without being kept */
    uint64_t ghost_hits_b1; /* misses lately evicted, seen once */
    uint64_t ghost_hits_b2; /* ... and seen twice */
    uint64_t blocks;
    uint64_t ghosts;
    uint64_t bytes_logical;    /* before compression */
    uint64_t bytes_compressed; /* payload held */
    uint64_t bytes_used;       /* everything counted against the budget */
    uint64_t budget_bytes;
    uint64_t shards;
    uint64_t fills_in_flight;
    uint64_t bytes_ahead;     /* of blocks that nobody has asked for yet, */
    uint64_t bytes_ahead_max; /* and what they may take */
    uint64_t prefetched; /* cache_prefetch: fills that were kept, and blocks
                          * that came along */
    uint64_t prefetch_used;
    uint64_t prefetch_wasted; /* dropped before anybody asked */
    uint64_t published;       /* cache_publish: blocks that were kept */
    uint64_t published_used;
    uint64_t guard_frozen; /* shards whose content is kept now */
    uint64_t guard_freezes;
    uint64_t guard_thaws;
    uint64_t lock_takes; /* of a shard's lock; of these ... */
    uint64_t lock_waits; /* found it taken */
    uint64_t lock_wait_ns;
    double p; /* bytes wanted for blocks seen once */
    uint64_t wait_us_sum;
    uint64_t wait_us[CACHE_WAIT_BUCKETS];
};

void cache_stats_get(struct cache *cache, struct cache_stats *ret);

#ifdef __cplusplus
}
#endif

#endif
