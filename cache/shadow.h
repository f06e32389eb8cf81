// SPDX-License-Identifier: MIT
/*
 * shadow.h: two simulated caches over a sample of the keys: A replaces as ARC
 * does, B is frozen. Whose hits are ahead tells whether freezing pays.
 *
 * A fixed 1 of 2^shift of the keys is simulated, with as small a part of the
 * capacity. Hits decay with a half-life of four shadow capacities. B's content
 * grows old, so it is made a copy of A from time to time.
 *
 * All memory is taken by shadow_new: a request never allocates. Caller
 * serialises.
 */
#ifndef PREPFS_CACHE_SHADOW_H
#define PREPFS_CACHE_SHADOW_H

#include "gate.h"

#include <stddef.h>

/* Shadow capacities until the first copy after a thaw, when A has just taken
 * up a new data set; then twice as many each time. */
#define SHADOW_RESEED_FIRST 2
#define SHADOW_RESEED_MAX 24

struct shadow_entry;

struct shadow {
    struct gate a; /* replaces */
    struct gate b; /* is frozen */
    double hits_a;
    double hits_b;
    unsigned shift;    /* 1 of 2^shift keys is simulated */
    uint64_t accesses; /* since b was made a copy of a */
    unsigned patience; /* shadow capacities until the next copy */
    size_t mask;
    size_t entry_count;
    struct shadow_entry *entries; /* all there will ever be */
    struct shadow_entry *unused;  /* linked by chain */
    struct shadow_entry **buckets;
};

/* How to sample a cache of so many blocks: about 128 or more of them remain. */
unsigned shadow_shift(uint64_t blocks);

/* For a cache of `capacity` bytes, `window` of them its window, that holds
 * `blocks`. NULL: no memory. Caller owns the result. */
struct shadow *shadow_new(uint64_t capacity, uint64_t window, uint64_t blocks);
void shadow_free(struct shadow *shadow); /* may be NULL */

void shadow_set_capacity(struct shadow *shadow, uint64_t capacity,
                         uint64_t window);

/* Is a key with this hash simulated? */
bool shadow_samples(const struct shadow *shadow, uint64_t hash);

/* One request, of a key that is, to both. */
void shadow_duel(struct shadow *shadow, uint64_t hash, uint64_t charge);

/* B becomes a copy of A. */
void shadow_reseed(struct shadow *shadow);

/* Bytes that it takes; 0 of NULL. */
uint64_t shadow_overhead(const struct shadow *shadow);

#endif
