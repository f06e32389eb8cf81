// SPDX-License-Identifier: MIT
/*
 * readers.h: what is concluded from who reads what: read-ahead, and whether
 * the cache should expect full passes.
 *
 * Read-ahead. ahead.c recognises readers that go on in order; what comes next
 * for them is made by jobs of the pool that run when no reader waits for a
 * thread, into a part of the cache of its own where it can displace only other
 * guesses. Guesses that were overtaken are dropped. If more than a quarter of
 * the blocks made of late were never asked for, half as far is read ahead; if
 * nothing is left of that, not at all for ten seconds.
 *
 * Passes. fit.c recognises data sets that are walked and do not fit; the cache
 * is told (cache_expect_passes).
 *
 * Threads: everything may be called from any thread. readers_note_read does
 * no I/O; readers_note_answer may ask the manifest for its counts, seldom.
 */
#ifndef FS_READERS_H
#define FS_READERS_H

#include "manifest/manifest.h"
#include "pool.h"
#include "prepfs/cache.h"
#include "prepfs/error.h"
#include "render/render.h"

struct readers;

struct readers_config {
    struct manifest *manifest; /* all borrowed until readers_free */
    struct render *render;
    struct cache *cache;
    struct pool *pool;
    unsigned prefetch; /* units ahead of a reader; 0: no read-ahead */
    bool epochs;       /* tell the cache about passes */
};

/* Caller owns. Free it after the pool, whose jobs use it. */
struct readers *readers_new(const struct readers_config *config,
                            struct error *err);
void readers_free(struct readers *r); /* may be NULL */

/* Somebody asks for this place of a leaf, which is `ready` or will be made. */
void readers_note_read(struct readers *r, const struct leaf *leaf,
                       const struct render_place *place, bool ready);

/* Bytes of a leaf were answered. */
void readers_note_answer(struct readers *r, const struct leaf *leaf,
                         const struct render_place *place);

/* The archive has changed. */
void readers_rescanned(struct readers *r);

struct readers_stats {
    uint64_t guesses;        /* units that were to be made ahead */
    uint64_t guesses_late;   /* of these, overtaken by their reader */
    uint64_t depth;          /* units ahead, at most, now */
    uint64_t passes_told;    /* how often the cache was told of passes */
    uint64_t expected_bytes; /* in one of them; 0: none are expected */
};
void readers_stats_get(struct readers *r, struct readers_stats *ret);

#endif
