// SPDX-License-Identifier: MIT
/*
 * test_cache.c: the cache as its callers see it.
 */
#undef NDEBUG
#include "prepfs/cache.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* A fill that derives every byte from the key, and counts. */
struct source {
    atomic_int fills;
    atomic_int fail_next;
    atomic_bool gate;     /* fills wait while set */
    enum error_kind kind; /* of failures; 0: ERROR_CORRUPT */
    struct cache_cancel *cancel;
};

static uint8_t byte_of(const struct cache_key *key, size_t i)
{
    return (uint8_t)(key->leaf[0] * 31 + key->block * 7 + (i >> 4) * (i % 3));
}

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    struct source *source = opaque;

    atomic_fetch_add(&source->fills, 1);
    while (atomic_load(&source->gate)) {
        if (source->cancel && !cache_cancel_wanted(source->cancel))
            return error_set(err, ERROR_INTERRUPTED, "given up");
        usleep(500);
    }
    if (atomic_fetch_sub(&source->fail_next, 1) > 0)
        return error_set(err, source->kind ? source->kind : ERROR_CORRUPT,
                         "block %d is broken", (int)key->block);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(key, i);
    hint->sample_bytes = 1;
    return 0;
}

static struct cache *small_cache(uint64_t budget)
{
    struct cache_config config = {.budget_bytes = budget};
    struct error err = ERROR_INIT;
    struct cache *cache = cache_new(&config, &err);

    ck_assert_msg(cache != NULL, "%s", err.msg);
    return cache;
}

static struct cache_key key_of(uint64_t leaf, uint64_t block)
{
    return (struct cache_key){{leaf, ~leaf}, block};
}

/* One ck_assert per block: each writes to Check's message file. */
static void assert_content(const struct cache_key *key,
                           const struct cache_pin *pin)
{
    size_t i = 0;

    while (i < pin->size && pin->data[i] == byte_of(key, i))
        i++;
    ck_assert_uint_eq(i, pin->size);
}

static void get_one(struct cache *cache, struct source *source, uint64_t leaf,
                    uint64_t block, size_t size)
{
    struct cache_key key = key_of(leaf, block);
    struct error err = ERROR_INIT;
    struct cache_pin pin;

    ck_assert_msg(cache_get(cache, &key, size, fill, source, &pin, &err) == 0,
                  "%s", err.msg);
    ck_assert_uint_eq(pin.size, size);
    assert_content(&key, &pin);
    cache_unpin(cache, &pin);
    ck_assert_ptr_null(pin.data);
}

START_TEST(second_get_does_not_fill)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_stats stats;

    get_one(cache, &source, 1, 0, 5000);
    get_one(cache, &source, 1, 0, 5000);
    ck_assert_int_eq(source.fills, 1);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.hits, 1);
    ck_assert_uint_eq(stats.misses, 1);
    ck_assert_uint_eq(stats.bytes_logical, 5000);
    cache_free(cache);
}
END_TEST

START_TEST(failed_fill_is_reported_and_retried)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.fail_next = 1};
    struct cache_key key = key_of(1, 9);
    struct error err = ERROR_INIT;
    struct cache_stats stats;
    struct cache_pin pin;

    ck_assert_int_eq(cache_get(cache, &key, 100, fill, &source, &pin, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    ck_assert_str_eq(err.msg, "block 9 is broken");
    ck_assert_ptr_null(pin.data);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.fill_errors, 1);
    ck_assert_uint_eq(stats.blocks, 0);
    get_one(cache, &source, 1, 9, 100);
    ck_assert_int_eq(source.fills, 2);
    cache_free(cache);
}
END_TEST

START_TEST(pinned_bytes_outlive_eviction)
{
    struct cache *cache = small_cache(4 * MIB);
    struct source source = {0};
    struct cache_key key = key_of(1, 0);
    struct cache_stats stats;
    struct cache_pin pin;

    ck_assert_int_eq(
        cache_get(cache, &key, CACHE_BLOCK_MAX, fill, &source, &pin, NULL), 0);
    for (uint64_t i = 1; i < 1500; i++)
        get_one(cache, &source, 2, i, 60000 + i);
    cache_stats_get(cache, &stats);
    ck_assert_uint_gt(stats.evictions, 0);
    ck_assert_uint_le(stats.bytes_used, stats.budget_bytes);
    assert_content(&key, &pin);
    cache_unpin(cache, &pin);
    cache_free(cache);
}
END_TEST

START_TEST(try_get_never_fills)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_key key = key_of(1, 0);
    struct cache_pin pin;

    ck_assert(!cache_try_get(cache, &key, 100, &pin));
    get_one(cache, &source, 1, 0, 100);
    ck_assert(cache_try_get(cache, &key, 100, &pin));
    assert_content(&key, &pin);
    cache_unpin(cache, &pin);
    ck_assert(!cache_try_get(cache, &key, 101, &pin));
    cache_free(cache);
}
END_TEST

START_TEST(residents_are_known_and_not_touched)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_key key = key_of(1, 0), other = key_of(1, 1);
    struct cache_stats before, after;

    ck_assert(!cache_has(cache, &key));
    get_one(cache, &source, 1, 0, 5000);
    cache_stats_get(cache, &before);
    ck_assert(cache_has(cache, &key));
    ck_assert(!cache_has(cache, &other));
    cache_stats_get(cache, &after);
    ck_assert_uint_eq(after.hits + after.misses, before.hits + before.misses);
    cache_free(cache);
}
END_TEST

START_TEST(published_block_is_found)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_key key = key_of(3, 1);
    uint8_t data[3000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = byte_of(&key, i);
    cache_publish(cache, &key, data, sizeof data, NULL);
    cache_publish(cache, &key, data, sizeof data, NULL);
    get_one(cache, &source, 3, 1, sizeof data);
    ck_assert_int_eq(source.fills, 0);
    cache_free(cache);
}
END_TEST

struct reader {
    struct cache *cache;
    struct source *source;
    struct cache_cancel cancel;
    struct error err;
    int rc;
};

static void *read_one(void *opaque)
{
    struct reader *reader = opaque;
    struct cache_get_options options = {.cancel = &reader->cancel};
    struct cache_key key = key_of(1, 4);
    struct cache_pin pin;

    reader->rc = cache_get_with(reader->cache, &key, 70000, fill,
                                reader->source, &options, &pin, &reader->err);
    if (reader->rc == 0) {
        assert_content(&key, &pin);
        cache_unpin(reader->cache, &pin);
    }
    return NULL;
}

static void wait_for_waits(struct cache *cache, uint64_t n)
{
    struct cache_stats stats;

    do {
        usleep(500);
        cache_stats_get(cache, &stats);
    } while (stats.waits < n);
}

#define READERS 6

static void start_readers(struct reader *readers, pthread_t *threads,
                          struct cache *cache, struct source *source)
{
    memset(readers, 0, READERS * sizeof *readers);
    for (int i = 0; i < READERS; i++) {
        readers[i].cache = cache;
        readers[i].source = source;
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_one, &readers[i]), 0);
        /* The first one fills. */
        while (i == 0 && atomic_load(&source->fills) == 0)
            usleep(500);
    }
    wait_for_waits(cache, READERS - 1);
}

static void join_readers(pthread_t *threads)
{
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(concurrent_readers_share_one_fill)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.gate = true};
    struct reader readers[READERS];
    pthread_t threads[READERS];
    struct cache_stats stats;
    uint64_t waits = 0;

    start_readers(readers, threads, cache, &source);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.fills_in_flight, 1);
    atomic_store(&source.gate, false);
    join_readers(threads);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(readers[i].rc, 0);
    ck_assert_int_eq(source.fills, 1);
    cache_stats_get(cache, &stats);
    for (int i = 0; i < CACHE_WAIT_BUCKETS; i++)
        waits += stats.wait_us[i];
    ck_assert_uint_eq(waits, READERS - 1);
    ck_assert_uint_eq(stats.fills_in_flight, 0);
    cache_free(cache);
}
END_TEST

START_TEST(every_waiter_gets_the_error)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.gate = true, .fail_next = 1};
    struct reader readers[READERS];
    pthread_t threads[READERS];

    start_readers(readers, threads, cache, &source);
    atomic_store(&source.gate, false);
    join_readers(threads);
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(readers[i].rc, -1);
        ck_assert_int_eq(readers[i].err.kind, ERROR_CORRUPT);
        ck_assert_str_eq(readers[i].err.msg, "block 4 is broken");
    }
    ck_assert_int_eq(source.fills, 1);
    cache_free(cache);
}
END_TEST

START_TEST(cancelled_waiter_leaves_others_waiting)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.gate = true};
    struct reader readers[READERS];
    pthread_t threads[READERS];

    start_readers(readers, threads, cache, &source);
    cache_cancel_fire(&readers[3].cancel);
    ck_assert_int_eq(pthread_join(threads[3], NULL), 0);
    ck_assert_int_eq(readers[3].rc, -1);
    ck_assert_int_eq(readers[3].err.kind, ERROR_INTERRUPTED);
    threads[3] = threads[READERS - 1];
    atomic_store(&source.gate, false);
    for (int i = 0; i < READERS - 1; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < READERS; i++)
        if (i != 3)
            ck_assert_int_eq(readers[i].rc, 0);
    ck_assert_int_eq(source.fills, 1);
    cache_free(cache);
}
END_TEST

/* The filler gave up just as others came: that is no answer for them. */
START_TEST(waiters_of_an_abandoned_fill_fill_again)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {
        .gate = true, .fail_next = 1, .kind = ERROR_INTERRUPTED};
    struct reader readers[READERS];
    pthread_t threads[READERS];

    start_readers(readers, threads, cache, &source);
    atomic_store(&source.gate, false);
    join_readers(threads);
    ck_assert_int_eq(readers[0].err.kind, ERROR_INTERRUPTED);
    for (int i = 1; i < READERS; i++)
        ck_assert_int_eq(readers[i].rc, 0);
    ck_assert_int_eq(source.fills, 2);
    cache_free(cache);
}
END_TEST

START_TEST(cancelled_filler_goes_on_for_others)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.gate = true};
    struct reader readers[READERS];
    pthread_t threads[READERS];

    source.cancel = &readers[0].cancel;
    start_readers(readers, threads, cache, &source);
    cache_cancel_fire(&readers[0].cancel);
    usleep(20000);
    ck_assert_int_eq(source.fills, 1);
    for (int i = 1; i < READERS; i++)
        cache_cancel_fire(&readers[i].cancel);
    /* Nobody is left: the fill gives up although the gate stays shut. */
    join_readers(threads);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(readers[i].err.kind, ERROR_INTERRUPTED);
    cache_free(cache);
}
END_TEST

START_TEST(budget_shrinks_and_grows)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_stats before, after;

    for (uint64_t i = 0; i < 500; i++)
        get_one(cache, &source, 2, i, CACHE_BLOCK_MAX);
    cache_stats_get(cache, &before);
    cache_set_budget(cache, 2 * MIB);
    cache_stats_get(cache, &after);
    ck_assert_uint_le(after.bytes_used, 2 * MIB);
    ck_assert_uint_lt(after.blocks, before.blocks);
    cache_set_budget(cache, 8 * MIB);
    for (uint64_t i = 0; i < 500; i++)
        get_one(cache, &source, 2, i, CACHE_BLOCK_MAX);
    cache_stats_get(cache, &after);
    ck_assert_uint_gt(after.blocks, before.blocks * 9 / 10);
    ck_assert_uint_le(after.bytes_used, 8 * MIB);
    cache_free(cache);
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_key key = key_of(1, 0);
    struct error err = ERROR_INIT;
    struct cache_pin pin;

    ck_assert_int_eq(cache_get(cache, &key, 0, fill, &source, &pin, &err), -1);
    ck_assert_int_eq(
        cache_get(cache, &key, CACHE_BLOCK_MAX + 1, fill, &source, &pin, &err),
        -1);
    get_one(cache, &source, 1, 0, 10);
    ck_assert_int_eq(cache_get(cache, &key, 11, fill, &source, &pin, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    cache_free(cache);
}
END_TEST

/* --------------------------------------------------------- read-ahead */

static void prefetch_one(struct cache *cache, struct source *source,
                         uint64_t leaf, uint64_t block, size_t size)
{
    struct cache_key key = key_of(leaf, block);

    ck_assert_int_eq(cache_prefetch(cache, &key, size, fill, source, NULL), 0);
}

START_TEST(prefetched_block_is_ready_and_counted)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {0};
    struct cache_stats stats;

    prefetch_one(cache, &source, 1, 0, 9000);
    prefetch_one(cache, &source, 1, 0, 9000);
    ck_assert_int_eq(source.fills, 1);
    get_one(cache, &source, 1, 0, 9000);
    get_one(cache, &source, 1, 0, 9000);
    ck_assert_int_eq(source.fills, 1);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.hits, 2);
    ck_assert_uint_eq(stats.misses, 0);
    ck_assert_uint_eq(stats.prefetched, 1);
    ck_assert_uint_eq(stats.prefetch_used, 1);
    ck_assert_uint_eq(stats.prefetch_wasted, 0);
    cache_free(cache);
}
END_TEST

START_TEST(failed_prefetch_leaves_no_trace)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.fail_next = 1};
    struct cache_key key = key_of(1, 3);
    struct error err = ERROR_INIT;
    struct cache_stats stats;

    ck_assert_int_eq(cache_prefetch(cache, &key, 500, fill, &source, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.blocks + stats.prefetched + stats.uncached, 0);
    get_one(cache, &source, 1, 3, 500);
    cache_free(cache);
}
END_TEST

static unsigned resident_of(struct cache *cache, uint64_t leaf, uint64_t n,
                            size_t size)
{
    unsigned found = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct cache_key key = key_of(leaf, i);
        struct cache_pin pin;

        if (!cache_try_get(cache, &key, size, &pin))
            continue;
        found++;
        cache_unpin(cache, &pin);
    }
    return found;
}

/* The fill's bytes compress well, so these are made of noise. */
static int fill_noise(void *opaque, const struct cache_key *key, uint8_t *data,
                      size_t size, struct cache_hint *hint, struct error *err)
{
    struct source *source = opaque;
    uint64_t z = key->leaf[0] * 7919 + key->block + 1;

    (void)hint;
    (void)err;
    atomic_fetch_add(&source->fills, 1);
    for (size_t i = 0; i < size; i++) {
        z ^= z << 13;
        z ^= z >> 7;
        z ^= z << 17;
        data[i] = (uint8_t)z;
    }
    return 0;
}

static void use_noise(struct cache *cache, struct source *source, uint64_t leaf,
                      uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct cache_key key = key_of(leaf, i);
        struct cache_pin pin;

        ck_assert_int_eq(
            cache_get(cache, &key, 60000, fill_noise, source, &pin, NULL), 0);
        cache_unpin(cache, &pin);
    }
}

START_TEST(wrong_guesses_displace_nothing_that_was_used)
{
    struct cache *cache = small_cache(16 * MIB);
    struct source source = {0};
    struct cache_stats stats;
    unsigned before;

    use_noise(cache, &source, 1, 400); /* more than fits */
    before = resident_of(cache, 1, 400, 60000);
    for (uint64_t i = 0; i < 1000; i++) {
        struct cache_key key = key_of(2, i);

        ck_assert_int_eq(
            cache_prefetch(cache, &key, 60000, fill_noise, &source, NULL), 0);
    }
    ck_assert_uint_gt(before, 150);
    ck_assert_uint_eq(resident_of(cache, 1, 400, 60000), before);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.prefetched, 1000);
    ck_assert_uint_eq(stats.prefetch_used, 0);
    ck_assert_uint_gt(stats.prefetch_wasted, 900);
    ck_assert_uint_le(stats.bytes_used, stats.budget_bytes);
    cache_free(cache);
}
END_TEST

START_TEST(what_comes_along_with_a_wrong_guess_displaces_nothing)
{
    struct cache *cache = small_cache(16 * MIB);
    struct source source = {0};
    static uint8_t data[60000];
    struct cache_stats stats;
    unsigned before;

    use_noise(cache, &source, 1, 400); /* more than fits */
    before = resident_of(cache, 1, 400, 60000);
    for (uint64_t i = 0; i < 200; i++) {
        struct cache_key key = key_of(2, i);
        struct cache_hint hint;

        ck_assert_int_eq(
            fill_noise(&source, &key, data, sizeof data, &hint, NULL), 0);
        cache_publish_ahead(cache, &key, data, sizeof data, NULL);
    }
    cache_stats_get(cache, &stats);
    ck_assert_uint_le(stats.bytes_ahead, stats.bytes_ahead_max);
    ck_assert_uint_gt(stats.bytes_ahead, stats.bytes_ahead_max / 2);
    ck_assert_uint_eq(resident_of(cache, 1, 400, 60000), before);
    ck_assert_uint_gt(resident_of(cache, 2, 200, 60000), 0);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.published, 0);
    ck_assert_uint_eq(stats.prefetched, 200);
    ck_assert_uint_gt(stats.prefetch_used, 0);
    ck_assert_uint_gt(stats.prefetch_wasted, 150);
    ck_assert_uint_eq(stats.prefetch_used + stats.prefetch_wasted, 200);
    cache_free(cache);
}
END_TEST

static void *prefetch_gated(void *opaque)
{
    struct reader *reader = opaque;
    struct cache_key key = key_of(1, 4);

    reader->rc = cache_prefetch(reader->cache, &key, 70000, fill,
                                reader->source, &reader->err);
    return NULL;
}

START_TEST(a_reader_joins_a_prefetch_under_way)
{
    struct cache *cache = small_cache(8 * MIB);
    struct source source = {.gate = true};
    struct reader readers[2] = {{.cache = cache, .source = &source},
                                {.cache = cache, .source = &source}};
    pthread_t threads[2];
    struct cache_stats stats;

    ck_assert_int_eq(
        pthread_create(&threads[0], NULL, prefetch_gated, &readers[0]), 0);
    while (atomic_load(&source.fills) == 0)
        usleep(500);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, read_one, &readers[1]),
                     0);
    wait_for_waits(cache, 1);
    atomic_store(&source.gate, false);
    ck_assert_int_eq(pthread_join(threads[0], NULL), 0);
    ck_assert_int_eq(pthread_join(threads[1], NULL), 0);
    ck_assert_int_eq(readers[0].rc, 0);
    ck_assert_int_eq(readers[1].rc, 0);
    ck_assert_int_eq(source.fills, 1);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.prefetch_used, 1);
    ck_assert_uint_eq(stats.blocks, 1);
    cache_free(cache);
}
END_TEST

START_TEST(published_blocks_outlive_their_share)
{
    struct cache *cache = small_cache(16 * MIB);
    struct source source = {0};
    static uint8_t data[60000];
    struct cache_stats stats;

    for (uint64_t i = 0; i < 100; i++) {
        struct cache_key key = key_of(5, i);
        struct cache_hint hint;

        ck_assert_int_eq(
            fill_noise(&source, &key, data, sizeof data, &hint, NULL), 0);
        cache_publish(cache, &key, data, sizeof data, NULL);
    }
    ck_assert_uint_eq(resident_of(cache, 5, 100, sizeof data), 100);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.published, 100);
    cache_free(cache);
}
END_TEST

/* Images of 20 blocks come whole and are read once each, in order: that is
 * one use, and what was used twice stays. */
START_TEST(reading_what_was_published_is_no_second_use)
{
    enum { HOT = 20, SIZE = 60000 };
    struct cache *cache = small_cache(4 * MIB);
    struct source source = {0};
    static uint8_t data[SIZE];
    struct cache_stats stats;

    for (int pass = 0; pass < 3; pass++)
        for (uint64_t i = 0; i < HOT; i++)
            get_one(cache, &source, 1, i, SIZE);
    for (uint64_t leaf = 10; leaf < 50; leaf++) {
        for (uint64_t i = 0; i < 20; i++) {
            struct cache_key key = key_of(leaf, i);
            struct cache_hint hint;

            ck_assert_int_eq(fill_noise(&source, &key, data, SIZE, &hint, NULL),
                             0);
            cache_publish(cache, &key, data, SIZE, NULL);
        }
        for (uint64_t i = 0; i < 20; i++) {
            struct cache_key key = key_of(leaf, i);
            struct cache_pin pin;

            ck_assert(cache_try_get(cache, &key, SIZE, &pin));
            cache_unpin(cache, &pin);
        }
    }
    ck_assert_uint_eq(resident_of(cache, 1, HOT, SIZE), HOT);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.published_used, stats.published);
    cache_free(cache);
}
END_TEST

/* -------------------------------------------------- scarcity and policy */

START_TEST(pins_beyond_the_budget_are_served)
{
    enum { PINS = 100 };
    struct cache *cache = small_cache(4 * MIB);
    struct source source = {0};
    struct cache_pin pins[PINS];
    struct cache_stats stats;

    use_noise(cache, &source, 1, 100);
    for (uint64_t i = 0; i < PINS; i++) {
        struct cache_key key = key_of(9, i);

        ck_assert_int_eq(cache_get(cache, &key, CACHE_BLOCK_MAX, fill, &source,
                                   &pins[i], NULL),
                         0);
    }
    cache_stats_get(cache, &stats);
    ck_assert_uint_gt(stats.bytes_used, PINS * CACHE_BLOCK_MAX);
    for (uint64_t i = 0; i < PINS; i++) {
        struct cache_key key = key_of(9, i);

        assert_content(&key, &pins[i]);
        cache_unpin(cache, &pins[i]);
    }
    use_noise(cache, &source, 2, 10);
    cache_stats_get(cache, &stats);
    ck_assert_uint_le(stats.bytes_used, stats.budget_bytes);
    cache_free(cache);
}
END_TEST

/* Blocks are read in pieces: that is one access, not many. */
START_TEST(reading_in_pieces_does_not_look_hot)
{
    struct cache *cache = small_cache(16 * MIB);
    struct source source = {0};
    struct cache_stats stats;

    /* A used set, seen twice with others in between. */
    use_noise(cache, &source, 1, 100);
    use_noise(cache, &source, 1, 100);
    /* A long scan, each block taken in eight pieces. */
    for (uint64_t i = 0; i < 2000; i++) {
        struct cache_key key = key_of(2, i);
        struct cache_pin pin;

        for (int piece = 0; piece < 8; piece++) {
            ck_assert_int_eq(
                cache_get(cache, &key, 60000, fill_noise, &source, &pin, NULL),
                0);
            cache_unpin(cache, &pin);
        }
    }
    ck_assert_uint_ge(resident_of(cache, 1, 100, 60000), 99);
    cache_stats_get(cache, &stats);
    ck_assert_uint_ge(stats.hits, 2000 * 7);
    cache_free(cache);
}
END_TEST

static double warm_passes(bool guard, bool expect)
{
    enum { BLOCKS = 600, PASSES = 8 };
    struct cache_config config = {
        .budget_bytes = 16 * MIB, .shards = 1, .epoch_guard = guard};
    struct cache *cache = cache_new(&config, NULL);
    struct source source = {0};
    uint64_t z = 88172645463325252u;
    struct cache_stats stats, cold;
    uint64_t order[BLOCKS];

    ck_assert_ptr_nonnull(cache);
    if (expect)
        cache_expect_passes(cache, (uint64_t)BLOCKS * 60000);
    for (uint64_t i = 0; i < BLOCKS; i++)
        order[i] = i;
    for (int pass = 0; pass < PASSES; pass++) {
        for (uint64_t i = BLOCKS - 1; i > 0; i--) {
            uint64_t j, t = order[i];

            z ^= z << 13;
            z ^= z >> 7;
            z ^= z << 17;
            j = z % (i + 1);
            order[i] = order[j];
            order[j] = t;
        }
        for (uint64_t i = 0; i < BLOCKS; i++) {
            struct cache_key key = key_of(3, order[i]);
            struct cache_pin pin;

            ck_assert_int_eq(
                cache_get(cache, &key, 60000, fill_noise, &source, &pin, NULL),
                0);
            cache_unpin(cache, &pin);
        }
        if (pass == 0)
            cache_stats_get(cache, &cold);
    }
    cache_stats_get(cache, &stats);
    ck_assert(stats.guard_frozen == 0 || guard);
    ck_assert(stats.guard_freezes > 0 || !guard);
    cache_free(cache);
    return (double)(stats.hits - cold.hits) / ((PASSES - 1) * BLOCKS);
}

START_TEST(guard_keeps_passes_near_their_bound)
{
    /* About 220 of 600 blocks fit. */
    double off = warm_passes(false, false);
    double on = warm_passes(true, false);
    double told = warm_passes(true, true);

    ck_assert_msg(on > 0.28 && on > off + 0.08, "off %.3f on %.3f", off, on);
    ck_assert_msg(told > 0.28 && told > off + 0.08, "off %.3f told %.3f", off,
                  told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tcase = tcase_create("cache");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, second_get_does_not_fill);
    tcase_add_test(tcase, failed_fill_is_reported_and_retried);
    tcase_add_test(tcase, pinned_bytes_outlive_eviction);
    tcase_add_test(tcase, try_get_never_fills);
    tcase_add_test(tcase, residents_are_known_and_not_touched);
    tcase_add_test(tcase, published_block_is_found);
    tcase_add_test(tcase, concurrent_readers_share_one_fill);
    tcase_add_test(tcase, every_waiter_gets_the_error);
    tcase_add_test(tcase, cancelled_waiter_leaves_others_waiting);
    tcase_add_test(tcase, waiters_of_an_abandoned_fill_fill_again);
    tcase_add_test(tcase, cancelled_filler_goes_on_for_others);
    tcase_add_test(tcase, budget_shrinks_and_grows);
    tcase_add_test(tcase, impossible_sizes_are_refused);
    tcase_add_test(tcase, prefetched_block_is_ready_and_counted);
    tcase_add_test(tcase, failed_prefetch_leaves_no_trace);
    tcase_add_test(tcase,
                   what_comes_along_with_a_wrong_guess_displaces_nothing);
    tcase_add_test(tcase, wrong_guesses_displace_nothing_that_was_used);
    tcase_add_test(tcase, a_reader_joins_a_prefetch_under_way);
    tcase_add_test(tcase, published_blocks_outlive_their_share);
    tcase_add_test(tcase, reading_what_was_published_is_no_second_use);
    tcase_add_test(tcase, pins_beyond_the_budget_are_served);
    tcase_add_test(tcase, reading_in_pieces_does_not_look_hot);
    tcase_add_test(tcase, guard_keeps_passes_near_their_bound);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
