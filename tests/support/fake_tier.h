// SPDX-License-Identifier: MIT
/*
 * fake_tier.h: a tier in memory that can be slow, full, forgetful and a liar.
 *
 * Threads: internally locked; the switches are atomic.
 */
#ifndef TESTS_SUPPORT_FAKE_TIER_H
#define TESTS_SUPPORT_FAKE_TIER_H

#include "prepfs/cache_tier.h"

#include <pthread.h>
#include <stdatomic.h>

enum { FAKE_TIER_ROOM = 8192 };

struct fake_block {
    struct cache_key key;
    uint32_t raw_size, stored_size;
    uint8_t *stored;
    unsigned number; /* of the offer, from 1 */
};

struct fake_tier {
    pthread_mutex_t mutex;
    struct fake_block blocks[FAKE_TIER_ROOM]; /* by hash, never removed */
    atomic_uint count;                        /* blocks it has */
    atomic_uint offers;                       /* calls */
    atomic_uint repeated; /* of these, of blocks that it had */
    atomic_uint gets, wants, rejects, settles;
    atomic_bool settled_last;
    /* Switches: */
    atomic_bool full;            /* no appetite, until the cache closes */
    atomic_bool gate;            /* offers wait while set */
    atomic_bool lies;            /* hands out wrong bytes */
    atomic_uint_fast64_t bite;   /* bytes per appetite; 0: any */
    atomic_uint_fast64_t memory; /* what it says it holds */
};

void fake_tier_init(struct fake_tier *fake);
void fake_tier_deinit(struct fake_tier *fake);
struct cache_tier fake_tier_of(struct fake_tier *fake);
bool fake_tier_has(struct fake_tier *fake, const struct cache_key *key);
unsigned fake_tier_number(struct fake_tier *fake, const struct cache_key *key);

#endif
