// SPDX-License-Identifier: MIT
/*
 * fit.h: does a data set that is being walked fit the memory?
 *
 * Whoever trains reads all images of a view once, then again. If they do not
 * fit, the cache should begin to keep what it has when it is full, in the
 * first pass, instead of learning that from the passes to come (its epoch
 * guard; cache_expect_passes). A file system can know this early:
 *
 *     a view is being walked   while at most one in four of the blocks read in
 *                              it had been read lately: not longer ago than
 *                              the cache can remember
 *     it does not fit          when the others, compressed as they are, amount
 *                              to the cache's budget
 *     the cache has them       if most of what it could have of this view, by
 *                              samples, is there; else its content is that of
 *                              another data set, and not worth keeping
 *     how large it is          the mean size of the images read times the
 *                              images in the archive; but no more than twice
 *                              what was read so far, since only part of the
 *                              archive may be wanted. Said again when that has
 *                              grown.
 *
 * The word is taken back when a walk has not been heard of for a capacity.
 *
 * Blocks are sampled by a hash, about a thousand per capacity, into one table
 * per view; four views are watched.
 *
 * Threads: struct fit is internally locked. fit_note never blocks.
 */
#ifndef FS_FIT_H
#define FS_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/cache.h"
#include "prepfs/error.h"

struct fit;

/* `budget_bytes`: of the cache, about. Caller owns the result. */
struct fit *fit_new(uint64_t budget_bytes, struct error *err);
void fit_free(struct fit *f); /* may be NULL */

struct fit_read {
    uint32_t view;      /* any number that names view and kind of file */
    uint64_t digest[2]; /* cache_key.leaf */
    uint64_t leaf_bytes;
    uint64_t first, last; /* cache_key.block */
    uint64_t block_bytes; /* of one, about */
};

/* Notes a read that was answered. True if it is time to judge. */
bool fit_note(struct fit *f, const struct fit_read *read);

struct fit_facts {
    uint64_t budget_bytes;
    double stored_part; /* what blocks shrink to */
    uint64_t images;    /* of the archive */
    bool frozen;        /* the cache keeps what it has */
    bool (*resident)(void *opaque, const struct cache_key *key);
    void *opaque;
};

enum fit_word {
    FIT_NOTHING,
    FIT_EXPECT,   /* passes over *ret_bytes */
    FIT_TAKE_BACK /* what was said before */
};

enum fit_word fit_judge(struct fit *f, const struct fit_facts *facts,
                        uint64_t *ret_bytes);

#endif
