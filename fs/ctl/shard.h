// SPDX-License-Identifier: MIT
/*
 * shard.h: one of N parts of a listing, for who shares it with other machines.
 *
 * Leaves are counted in the order of the listing, which is that of the sources,
 * and cut into N runs of nearly equal length; an object (an image, a volume)
 * goes with its first leaf, so that the leaves that its frames are decoded for
 * are never on two machines. Who lists the same gets parts that have all leaves
 * between them, and none twice.
 *
 * Threads: one at a time.
 */
#ifndef CTL_SHARD_H
#define CTL_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"

#define SHARDS_MAX 65536

struct shard {
    unsigned i, n;  /* the i-th of n, from 1; n 0: all */
    uint64_t total; /* leaves of all shards: count them first */
    uint64_t at;    /* so many have been asked about */
    uint64_t object;
    bool mine; /* `object` is */
};

/* "I/N". ERROR_USAGE. */
int shard_parse(const char *text, struct shard *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Is the next leaf of the listing in it? `object` is that of its inode, never
 * 0. Asked about every leaf, in order. */
bool shard_take(struct shard *s, uint64_t object);

#endif
