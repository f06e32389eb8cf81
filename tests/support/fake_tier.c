// SPDX-License-Identifier: MIT
/* fake_tier.c: see fake_tier.h. */
#include "fake_tier.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The key's place, or the free one where it would go. */
static struct fake_block *find(struct fake_tier *fake,
                               const struct cache_key *key)
{
    uint64_t h =
        (key->leaf[0] * 31 + key->leaf[1]) * 131 + key->block * 0x9E3779B1u;

    for (size_t i = 0; i < FAKE_TIER_ROOM; i++) {
        struct fake_block *b = &fake->blocks[(h + i) % FAKE_TIER_ROOM];

        if (!b->stored || memcmp(&b->key, key, sizeof *key) == 0)
            return b;
    }
    abort();
}

static void get(void *self, struct cache_want *wants, size_t n)
{
    struct fake_tier *fake = self;

    atomic_fetch_add(&fake->gets, 1);
    atomic_fetch_add(&fake->wants, (unsigned)n);
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < n; i++) {
        const struct fake_block *b = find(fake, &wants[i].key);

        if (!b->stored || b->raw_size != wants[i].raw_size)
            continue;
        memcpy(wants[i].room, b->stored, b->stored_size);
        wants[i].stored_size = b->stored_size;
        if (atomic_load(&fake->lies))
            wants[i].room[0] = '?';
    }
    pthread_mutex_unlock(&fake->mutex);
}

static void reject(void *self, const struct cache_key *key)
{
    struct fake_tier *fake = self;

    (void)key;
    atomic_fetch_add(&fake->rejects, 1);
}

static uint64_t appetite(void *self, bool last)
{
    struct fake_tier *fake = self;
    uint64_t bite = atomic_load(&fake->bite);

    if (atomic_load(&fake->full) && !last)
        return 0;
    return bite ? bite : UINT64_MAX;
}

static void offer(void *self, const struct cache_stored *block)
{
    struct fake_tier *fake = self;
    struct fake_block *b;

    while (atomic_load(&fake->gate))
        usleep(200);
    atomic_fetch_add(&fake->offers, 1);
    pthread_mutex_lock(&fake->mutex);
    b = find(fake, &block->key);
    if (b->stored) {
        atomic_fetch_add(&fake->repeated, 1);
    } else {
        b->key = block->key;
        b->raw_size = block->raw_size;
        b->stored_size = block->stored_size;
        b->stored = malloc(block->stored_size);
        memcpy(b->stored, block->stored, block->stored_size);
        b->number = atomic_fetch_add(&fake->count, 1) + 1;
    }
    pthread_mutex_unlock(&fake->mutex);
}

static void settle(void *self, bool last)
{
    struct fake_tier *fake = self;

    atomic_fetch_add(&fake->settles, 1);
    if (last)
        atomic_store(&fake->settled_last, true);
}

static uint64_t memory(void *self)
{
    struct fake_tier *fake = self;

    return atomic_load(&fake->memory);
}

static const struct cache_tier_ops ops = {
    .name = "fake",
    .get = get,
    .reject = reject,
    .appetite = appetite,
    .offer = offer,
    .settle = settle,
    .memory = memory,
};

void fake_tier_init(struct fake_tier *fake)
{
    memset(fake, 0, sizeof *fake);
    pthread_mutex_init(&fake->mutex, NULL);
}

void fake_tier_deinit(struct fake_tier *fake)
{
    for (size_t i = 0; i < FAKE_TIER_ROOM; i++)
        free(fake->blocks[i].stored);
    pthread_mutex_destroy(&fake->mutex);
}

struct cache_tier fake_tier_of(struct fake_tier *fake)
{
    return (struct cache_tier){&ops, fake};
}

bool fake_tier_has(struct fake_tier *fake, const struct cache_key *key)
{
    bool has;

    pthread_mutex_lock(&fake->mutex);
    has = find(fake, key)->stored != NULL;
    pthread_mutex_unlock(&fake->mutex);
    return has;
}

unsigned fake_tier_number(struct fake_tier *fake, const struct cache_key *key)
{
    unsigned number;

    pthread_mutex_lock(&fake->mutex);
    number = find(fake, key)->number;
    pthread_mutex_unlock(&fake->mutex);
    return number;
}
