// SPDX-License-Identifier: MIT
/*
 * feeder.c: the thread that offers blocks to one tier.
 *
 * It takes blocks shard by shard, a few at a time, so that no shard's lock is
 * held for longer than that takes and no shard waits for another to be empty.
 * What it has gathered from all of them it offers leaf by leaf and block by
 * block, so that the blocks of an image, which are wanted together, lie
 * together wherever they go.
 */
#include "tiers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = 16,   /* of one shard, at a time */
    GATHER = 256, /* of all of them; a multiple of BATCH */
    ROUNDS = 16   /* before the tier may settle */
};

/* What it has gathered stays in memory, though it may have been given up. */
#define GATHER_PART 32 /* of the budget, */
#define GATHER_MIN ((uint64_t)1 << 20)
#define GATHER_MAX ((uint64_t)8 << 20)

struct feeder {
    /* Immutable: */
    struct cache *cache;
    unsigned number;
    struct cache_tier tier;
    unsigned tick_ms, drain_ms;
    pthread_t thread;
    bool started;
    uint8_t *room;        /* the thread's: for one stored block */
    struct morsel *batch; /* and what it has gathered, GATHER of them */
    struct lock lock;
    /* Protected by lock: */
    pthread_cond_t wake;
    bool stop, hurry;
    struct cache_tier_stats stats;
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- rounds */

static void offer(struct feeder *f, const struct morsel *morsel)
{
    struct cache_stored block = {
        morsel->key, morsel->raw_size, morsel->payload->size,
        payload_bytes(f->cache->memory, morsel->payload, f->room)};

    f->tier.ops->offer(f->tier.self, &block);
    lock_acquire(&f->lock);
    f->stats.offered++;
    f->stats.offered_bytes += block.stored_size;
    lock_release(&f->lock);
}

/* Up to BATCH blocks of one shard, of *most bytes together. */
static unsigned take(struct feeder *f, struct shard *shard, uint64_t *most,
                     struct morsel *ret)
{
    unsigned n = 0;

    shard_lock(shard);
    while (n < BATCH && feed_take(&shard->feeds[f->number], *most, &ret[n]))
        *most -= ret[n++].payload->size;
    shard_unlock(shard);
    return n;
}

static uint64_t appetite(const struct feeder *f, bool last)
{
    uint64_t room = f->cache->budget_max / GATHER_PART;
    uint64_t most = UINT64_MAX;

    if (room < GATHER_MIN)
        room = GATHER_MIN;
    if (room > GATHER_MAX)
        room = GATHER_MAX;
    if (f->tier.ops->appetite)
        most = f->tier.ops->appetite(f->tier.self, last);
    return most < room ? most : room;
}

/* Batches of all shards, until there is nothing more or enough. */
static unsigned gather(struct feeder *f, uint64_t most)
{
    unsigned n = 0, before;

    do {
        before = n;
        for (unsigned i = 0; i < f->cache->shard_count && n + BATCH <= GATHER;
             i++)
            n += take(f, &f->cache->shards[i], &most, f->batch + n);
    } while (n > before && n + BATCH <= GATHER);
    return n;
}

static int by_key(const void *left, const void *right)
{
    const struct cache_key *a = &((const struct morsel *)left)->key;
    const struct cache_key *b = &((const struct morsel *)right)->key;

    if (a->leaf[0] != b->leaf[0])
        return a->leaf[0] < b->leaf[0] ? -1 : 1;
    if (a->leaf[1] != b->leaf[1])
        return a->leaf[1] < b->leaf[1] ? -1 : 1;
    return a->block < b->block ? -1 : a->block > b->block;
}

/* False: there was nothing, or no appetite. */
static bool feed_round(struct feeder *f, bool last)
{
    unsigned n = gather(f, appetite(f, last));

    if (n > 1)
        qsort(f->batch, n, sizeof *f->batch, by_key);
    for (unsigned i = 0; i < n; i++) {
        offer(f, &f->batch[i]);
        payload_unref(f->cache->memory, f->batch[i].payload);
    }
    return n > 0;
}

static void settle(struct feeder *f, bool last)
{
    if (f->tier.ops->settle)
        f->tier.ops->settle(f->tier.self, last);
}

/* The cache keeps its hands off what the tiers hold. Small changes are let
 * pass: each would cost a division. */
static void account(struct feeder *f)
{
    struct cache *cache = f->cache;
    uint64_t now = 0, then = atomic_load(&cache->tier_bytes), by;

    for (unsigned i = 0; i < cache->tier_count; i++)
        if (cache->tiers[i].ops->memory)
            now += cache->tiers[i].ops->memory(cache->tiers[i].self);
    by = now > then ? now - then : then - now;
    if (by <= cache->budget_max / 1024)
        return;
    atomic_store(&cache->tier_bytes, now);
    cache_divide_again(cache);
}

/* ------------------------------------------------------------ the thread */

static struct timespec after_ms(unsigned ms)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += (long)(ms % 1000) * 1000000;
    ts.tv_sec += ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;
    return ts;
}

/* False when it is time to stop. */
static bool wait_tick(struct feeder *f)
{
    struct timespec until = after_ms(f->tick_ms);
    bool stop;
    int rc = 0;

    lock_acquire(&f->lock);
    while (!f->stop && !f->hurry && rc == 0)
        rc = pthread_cond_timedwait(&f->wake, &f->lock.mutex, &until);
    f->hurry = false;
    stop = f->stop;
    lock_release(&f->lock);
    lock_check(rc == ETIMEDOUT ? 0 : rc);
    return !stop;
}

static bool is_stopped(struct feeder *f)
{
    bool stop;

    lock_acquire(&f->lock);
    stop = f->stop;
    lock_release(&f->lock);
    return stop;
}

static void *feed_thread(void *opaque)
{
    struct feeder *f = opaque;
    uint64_t end;

    do {
        for (unsigned i = 0; i < ROUNDS && !is_stopped(f); i++)
            if (!feed_round(f, false))
                break;
        settle(f, false);
        account(f);
    } while (wait_tick(f));
    end = now_ms() + f->drain_ms;
    while (now_ms() < end && feed_round(f, true))
        ;
    settle(f, true);
    return NULL;
}

static void feeder_free(struct feeder *f)
{
    free(f->room);
    free(f->batch);
    lock_check(pthread_cond_destroy(&f->wake));
    lock_deinit(&f->lock);
    free(f);
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    lock_check(pthread_condattr_init(&attr));
    lock_check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    lock_check(pthread_cond_init(cond, &attr));
    lock_check(pthread_condattr_destroy(&attr));
}

struct feeder *feeder_new(struct cache *cache, unsigned number,
                          unsigned tick_ms, unsigned drain_ms)
{
    struct feeder *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->cache = cache;
    f->number = number;
    f->tier = cache->tiers[number];
    f->tick_ms = tick_ms;
    f->drain_ms = drain_ms;
    lock_init(&f->lock);
    init_cond(&f->wake);
    f->room = malloc(CACHE_STORED_MAX(CACHE_BLOCK_MAX));
    f->batch = calloc(GATHER, sizeof *f->batch);
    if (f->room && f->batch)
        return f;
    feeder_free(f);
    return NULL;
}

int feeder_start(struct feeder *f, struct error *err)
{
    int rc = pthread_create(&f->thread, NULL, feed_thread, f);

    if (rc != 0)
        return error_set_sys(err, rc, "cannot start a feeder");
    f->started = true;
    return 0;
}

void feeder_stop(struct feeder *f)
{
    if (!f)
        return;
    if (f->started) {
        lock_acquire(&f->lock);
        f->stop = true;
        lock_check(pthread_cond_signal(&f->wake));
        lock_release(&f->lock);
        lock_check(pthread_join(f->thread, NULL));
    }
    feeder_free(f);
}

void feeder_hurry(void *feeder)
{
    struct feeder *f = feeder;

    lock_acquire(&f->lock);
    f->hurry = true;
    lock_check(pthread_cond_signal(&f->wake));
    lock_release(&f->lock);
}

/* -------------------------------------------------------------- counters */

void feeder_count_get(struct feeder *f, bool hit, uint64_t us)
{
    unsigned i = 0;

    while (i + 1 < CACHE_WAIT_BUCKETS && us >> i != 0)
        i++;
    lock_acquire(&f->lock);
    if (hit) {
        f->stats.hits++;
        f->stats.hit_us[i]++;
        f->stats.hit_us_sum += us;
    } else {
        f->stats.misses++;
    }
    lock_release(&f->lock);
}

void feeder_count_ahead(struct feeder *f, uint64_t blocks)
{
    lock_acquire(&f->lock);
    f->stats.ahead += blocks;
    lock_release(&f->lock);
}

void feeder_count_rejected(struct feeder *f)
{
    lock_acquire(&f->lock);
    f->stats.rejected++;
    lock_release(&f->lock);
}

void feeder_stats(struct feeder *f, struct cache_tier_stats *ret)
{
    lock_acquire(&f->lock);
    *ret = f->stats;
    lock_release(&f->lock);
}
