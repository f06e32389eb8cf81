// SPDX-License-Identifier: MIT
/*
 * test_cache_tiers.c: a cache with tiers below it (cache_tier.h).
 */
#undef NDEBUG
#include "prepfs/cache_tier.h"
#include "support/fake_tier.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* Every byte follows from the key; noise, so that blocks keep their size. */
static uint8_t byte_of(const struct cache_key *key, size_t i)
{
    uint64_t x = key->leaf[0] * 31 + key->block * 7 + i;

    x *= 0x9E3779B97F4A7C15u;
    x ^= x >> 31;
    x *= 0xBF58476D1CE4E5B9u;
    return (uint8_t)(x >> 56);
}

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    (void)hint;
    (void)err;
    atomic_fetch_add((atomic_int *)opaque, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(key, i);
    return 0;
}

static struct fake_tier *near_tier, *far_tier;
static atomic_int fills;

static void set_up(void)
{
    near_tier = malloc(sizeof *near_tier);
    far_tier = malloc(sizeof *far_tier);
    fake_tier_init(near_tier);
    fake_tier_init(far_tier);
    atomic_store(&fills, 0);
}

static void tear_down(void)
{
    fake_tier_deinit(near_tier);
    fake_tier_deinit(far_tier);
    free(near_tier);
    free(far_tier);
}

/* With one tier or with both. */
static struct cache *cache_over(unsigned tiers, uint64_t budget)
{
    struct cache_tier list[] = {fake_tier_of(near_tier),
                                fake_tier_of(far_tier)};
    struct cache_config config = {.budget_bytes = budget,
                                  .shards = 2,
                                  .tiers = list,
                                  .tier_count = tiers,
                                  .feed_tick_ms = 2,
                                  .drain_ms = 10000};
    struct error err = ERROR_INIT;
    struct cache *cache = cache_new(&config, &err);

    ck_assert_msg(cache != NULL, "%s", err.msg);
    return cache;
}

static struct cache_key key_of(uint64_t block)
{
    return (struct cache_key){{7, ~(uint64_t)7}, block};
}

static void get(struct cache *cache, uint64_t block, size_t size)
{
    struct cache_key key = key_of(block);
    struct error err = ERROR_INIT;
    struct cache_pin pin;
    size_t i = 0;

    ck_assert_msg(cache_get(cache, &key, size, fill, &fills, &pin, &err) == 0,
                  "%s", err.msg);
    while (i < size && pin.data[i] == byte_of(&key, i))
        i++;
    ck_assert_uint_eq(i, size);
    cache_unpin(cache, &pin);
}

static void wait_for(atomic_uint *count, unsigned value)
{
    for (int i = 0; i < 20000 && atomic_load(count) != value; i++)
        usleep(500);
    ck_assert_uint_eq(atomic_load(count), value);
}

START_TEST(blocks_survive_in_a_tier)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct cache_tier_stats stats;

    for (uint64_t i = 0; i < 20; i++)
        get(cache, i, 10000 + (size_t)i);
    wait_for(&near_tier->count, 20);
    cache_free(cache);
    ck_assert(atomic_load(&near_tier->settled_last));
    ck_assert_int_eq(atomic_load(&fills), 20);

    cache = cache_over(1, 8 * MIB);
    for (uint64_t i = 0; i < 20; i++)
        get(cache, i, 10000 + (size_t)i);
    ck_assert_int_eq(atomic_load(&fills), 20);
    cache_tier_stats_get(cache, 0, &stats);
    ck_assert_uint_eq(stats.hits, 20);
    ck_assert_uint_eq(stats.misses, 0);
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->offers), 20);
}
END_TEST

/* A tier that never had appetite gets everything when the cache closes. */
/* With rounds an hour apart. */
START_TEST(a_prompt_tier_gets_each_block_at_once)
{
    struct cache_tier tier = fake_tier_of(near_tier);
    struct cache_tier_ops ops = *tier.ops;
    struct cache_config config = {.budget_bytes = 8 * MIB,
                                  .shards = 2,
                                  .tiers = &tier,
                                  .tier_count = 1,
                                  .feed_tick_ms = 3600 * 1000};
    struct error err = ERROR_INIT;
    struct cache *cache;

    ops.is_prompt = true;
    tier.ops = &ops;
    cache = cache_new(&config, &err);
    ck_assert_msg(cache != NULL, "%s", err.msg);
    for (unsigned i = 0; i < 20; i++) {
        get(cache, i, 10000);
        wait_for(&near_tier->count, i + 1);
    }
    cache_free(cache);
}
END_TEST

START_TEST(what_memory_holds_is_offered_at_the_end)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct cache_tier_stats stats;

    atomic_store(&near_tier->full, true);
    for (uint64_t i = 0; i < 50; i++)
        get(cache, i, 5000);
    cache_tier_stats_get(cache, 0, &stats);
    ck_assert_uint_eq(stats.waiting, 50);
    ck_assert_uint_ge(stats.waiting_bytes, 50 * 5000);
    ck_assert_uint_eq(atomic_load(&near_tier->offers), 0);
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->count), 50);
}
END_TEST

START_TEST(the_nearest_tier_wins_and_is_fed_from_the_farther)
{
    struct cache *cache = cache_over(2, 8 * MIB);
    struct cache_key key = key_of(1);

    get(cache, 1, 3000);
    wait_for(&near_tier->count, 1);
    wait_for(&far_tier->count, 1);
    cache_free(cache);

    fake_tier_deinit(near_tier); /* a new, empty disk */
    fake_tier_init(near_tier);
    cache = cache_over(2, 8 * MIB);
    get(cache, 1, 3000);
    wait_for(&near_tier->count, 1);
    ck_assert(fake_tier_has(near_tier, &key));
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&far_tier->offers), 1);

    cache = cache_over(2, 8 * MIB);
    atomic_store(&far_tier->gets, 0);
    get(cache, 1, 3000);
    ck_assert_uint_eq(atomic_load(&far_tier->gets), 0);
    cache_free(cache);
    ck_assert_int_eq(atomic_load(&fills), 1);
    ck_assert_uint_eq(atomic_load(&near_tier->offers), 1);
}
END_TEST

START_TEST(what_does_not_decode_is_made_anew)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct cache_tier_stats stats;

    get(cache, 1, 3000);
    cache_free(cache);
    atomic_store(&near_tier->lies, true);
    cache = cache_over(1, 8 * MIB);
    get(cache, 1, 3000);
    ck_assert_int_eq(atomic_load(&fills), 2);
    ck_assert_uint_eq(atomic_load(&near_tier->rejects), 1);
    cache_tier_stats_get(cache, 0, &stats);
    ck_assert_uint_eq(stats.rejected, 1);
    ck_assert_uint_eq(stats.misses, 1);
    cache_free(cache);
}
END_TEST

/* The window of a cache that keeps what it has is short: a tier must get what
 * falls out of it, too. */
START_TEST(evicted_blocks_reach_a_tier_that_keeps_up)
{
    struct cache *cache = cache_over(1, 4 * MIB);
    struct cache_tier_stats stats;

    for (uint64_t i = 0; i < 400; i++) {
        get(cache, i, 100000);
        if (i % 8 == 7)
            wait_for(&near_tier->count, (unsigned)i + 1);
    }
    cache_tier_stats_get(cache, 0, &stats);
    ck_assert_uint_eq(stats.lost, 0);
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->count), 400);
}
END_TEST

/* A tier that does not take anything costs no memory and no time. */
START_TEST(what_leaves_before_its_turn_is_bounded)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct cache_tier_stats tier;
    struct cache_stats stats;

    atomic_store(&near_tier->full, true);
    for (uint64_t i = 0; i < 500; i++) {
        get(cache, i, 100000);
        cache_stats_get(cache, &stats);
        ck_assert_uint_le(stats.bytes_used, 8 * MIB + MIB / 2);
    }
    cache_tier_stats_get(cache, 0, &tier);
    ck_assert_uint_gt(tier.lost, 300);
    ck_assert_uint_gt(tier.waiting, 20);
    ck_assert_uint_eq(tier.lost + tier.waiting, 500);
    /* Some of them are leaving: more than memory holds. */
    ck_assert_uint_gt(tier.waiting, stats.blocks);
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->count), tier.waiting);
}
END_TEST

START_TEST(a_small_appetite_is_respected)
{
    struct cache *cache = cache_over(1, 8 * MIB);

    atomic_store(&near_tier->bite, 9999); /* less than a block */
    for (uint64_t i = 0; i < 10; i++)
        get(cache, i, 10000);
    usleep(30000);
    ck_assert_uint_eq(atomic_load(&near_tier->offers), 0);
    atomic_store(&near_tier->bite, 10001);
    wait_for(&near_tier->count, 10);
    cache_free(cache);
}
END_TEST

/* They are made in any order, and lie in two shards. */
START_TEST(blocks_of_a_leaf_are_offered_together_and_in_order)
{
    enum { LEAVES = 7, BLOCKS = 9, ALL = LEAVES * BLOCKS };
    struct cache *cache = cache_over(1, 32 * MIB);
    struct error err = ERROR_INIT;
    struct cache_pin pin;

    atomic_store(&near_tier->full, true);
    for (unsigned i = 0; i < ALL; i++) {
        unsigned k = i * 40 % ALL; /* each once */
        struct cache_key key = {{k % LEAVES, 5}, k / LEAVES};

        ck_assert_int_eq(cache_get(cache, &key, 2000, fill, &fills, &pin, &err),
                         0);
        cache_unpin(cache, &pin);
    }
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->count), ALL);
    for (unsigned i = 0; i < ALL; i++) {
        struct cache_key first = {{i % LEAVES, 5}, 0};
        struct cache_key key = {{i % LEAVES, 5}, i / LEAVES};

        ck_assert_uint_eq(fake_tier_number(near_tier, &key),
                          fake_tier_number(near_tier, &first) + i / LEAVES);
    }
}
END_TEST

START_TEST(a_slow_tier_holds_up_nobody)
{
    struct cache *cache = cache_over(2, 8 * MIB);

    atomic_store(&near_tier->gate, true);
    for (uint64_t i = 0; i < 30; i++)
        get(cache, i, 5000);
    wait_for(&far_tier->count, 30);
    ck_assert_uint_eq(atomic_load(&near_tier->count), 0);
    atomic_store(&near_tier->gate, false);
    wait_for(&near_tier->count, 30);
    cache_free(cache);
}
END_TEST

START_TEST(wrong_guesses_are_not_offered)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct error err = ERROR_INIT;

    for (uint64_t i = 0; i < 60; i++) {
        struct cache_key key = key_of(i);

        ck_assert_int_eq(
            cache_prefetch(cache, &key, 100000, fill, &fills, &err), 0);
        if (i == 5)
            get(cache, 5, 100000);
    }
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->count), 1);
}
END_TEST

START_TEST(published_blocks_are_offered)
{
    struct cache *cache = cache_over(1, 8 * MIB);
    struct cache_hint hint = {0};
    uint8_t data[1000];

    for (uint64_t i = 0; i < 10; i++) {
        struct cache_key key = key_of(i);

        for (size_t k = 0; k < sizeof data; k++)
            data[k] = byte_of(&key, k);
        cache_publish(cache, &key, data, sizeof data, &hint);
    }
    wait_for(&near_tier->count, 10);
    cache_free(cache);
}
END_TEST

START_TEST(blocks_are_fetched_ahead_together)
{
    enum { N = 12 };
    struct cache_key keys[N];
    struct cache_tier_stats tier;
    struct cache_stats stats;
    struct cache *cache = cache_over(1, 32 * MIB);
    size_t sizes[N];

    for (uint64_t i = 0; i < N - 2; i++)
        get(cache, i, 20000);
    cache_free(cache);
    cache = cache_over(1, 32 * MIB);
    get(cache, 0, 20000);
    atomic_store(&near_tier->gets, 0);
    atomic_store(&near_tier->wants, 0);
    for (uint64_t i = 0; i < N; i++) {
        keys[i] = key_of(i);
        sizes[i] = 20000;
    }
    /* One is in memory, two are nowhere. */
    ck_assert_uint_eq(cache_fetch_ahead(cache, keys, sizes, N), N - 3);
    ck_assert_uint_eq(atomic_load(&near_tier->gets), 1);
    ck_assert_uint_eq(atomic_load(&near_tier->wants), N - 1);
    cache_tier_stats_get(cache, 0, &tier);
    ck_assert_uint_eq(tier.ahead, N - 3);
    for (uint64_t i = 0; i < N - 2; i++)
        get(cache, i, 20000);
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.prefetched, N - 3);
    ck_assert_uint_eq(stats.prefetch_used, N - 3);
    ck_assert_uint_eq(stats.misses, 1);
    ck_assert_int_eq(atomic_load(&fills), N - 2);
    cache_free(cache);
    ck_assert_uint_eq(atomic_load(&near_tier->offers), N - 2);
}
END_TEST

/* Nobody looks at what comes ahead before it is asked for. */
START_TEST(what_came_ahead_and_does_not_decode_is_made_anew)
{
    enum { N = 40 }; /* more than are asked for at once */
    struct cache *cache = cache_over(2, 32 * MIB);
    struct cache_key keys[N];
    struct cache_tier_stats tier;
    struct cache_stats stats;
    struct cache_pin pin;
    size_t sizes[N];

    for (uint64_t i = 0; i < N; i++) {
        keys[i] = key_of(i);
        sizes[i] = i % 3 ? 5000 : CACHE_BLOCK_MAX;
        get(cache, i, sizes[i]);
    }
    cache_free(cache);
    atomic_store(&near_tier->lies, true);
    cache = cache_over(2, 32 * MIB);
    ck_assert_uint_eq(cache_fetch_ahead(cache, keys, sizes, N), N);
    ck_assert_uint_eq(atomic_load(&near_tier->rejects), 0);
    ck_assert(!cache_try_get(cache, &keys[0], sizes[0], &pin));
    ck_assert(!cache_has(cache, &keys[0]));
    for (uint64_t i = 0; i < N; i++)
        get(cache, i, sizes[i]);
    /* The near one lies once more to who asks for the first, which was not
     * read ahead any more; the far one does not, so nothing is made. */
    ck_assert_int_eq(atomic_load(&fills), N);
    ck_assert_uint_ge(atomic_load(&near_tier->rejects), N);
    cache_tier_stats_get(cache, 0, &tier);
    ck_assert_uint_eq(tier.rejected, atomic_load(&near_tier->rejects));
    cache_stats_get(cache, &stats);
    ck_assert_uint_eq(stats.hits, 0);
    ck_assert_uint_eq(stats.misses, N);
    cache_free(cache);
    atomic_store(&near_tier->lies, false);
}
END_TEST

START_TEST(what_a_tier_holds_comes_off_the_budget)
{
    struct cache *cache = cache_over(1, 16 * MIB);
    struct cache_stats stats;

    for (uint64_t i = 0; i < 300; i++)
        get(cache, i, 100000);
    cache_stats_get(cache, &stats);
    ck_assert_uint_gt(stats.blocks, 110);
    atomic_store(&near_tier->memory, 6 * MIB);
    for (int i = 0; i < 2000; i++) {
        cache_stats_get(cache, &stats);
        if (stats.blocks < 85)
            break;
        usleep(1000);
    }
    ck_assert_uint_lt(stats.blocks, 85);
    ck_assert_uint_le(stats.bytes_used, 16 * MIB);
    ck_assert_uint_ge(stats.bytes_used, 6 * MIB);
    cache_free(cache);
}
END_TEST

/* ------------------------------------------------------------ many threads */

struct crowd {
    struct cache *cache;
    uint64_t seed;
};

static void *read_at_random(void *opaque)
{
    struct crowd *crowd = opaque;
    uint64_t z = crowd->seed;

    for (int i = 0; i < 1500; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        get(crowd->cache, (z >> 33) % 200, 20000 + (z >> 33) % 200);
    }
    return NULL;
}

START_TEST(many_readers_over_two_tiers)
{
    enum { THREADS = 4 };
    struct cache *cache = cache_over(2, 3 * MIB);
    struct crowd crowd[THREADS];
    pthread_t threads[THREADS];
    struct cache_tier_stats stats;

    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){cache, i + 1};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_at_random, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cache_tier_stats_get(cache, 0, &stats);
    cache_free(cache);
    ck_assert_uint_gt(stats.hits, 0);
    ck_assert_uint_le(atomic_load(&near_tier->count), 200);
    /* Whatever came to memory was offered or lost. */
    ck_assert_int_ge(atomic_load(&fills), 200);
    ck_assert_uint_ge(atomic_load(&far_tier->offers) + stats.lost + 200,
                      (unsigned)atomic_load(&fills));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_tiers");
    TCase *tcase = tcase_create("cache_tiers");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, blocks_survive_in_a_tier);
    tcase_add_test(tcase, a_prompt_tier_gets_each_block_at_once);
    tcase_add_test(tcase, what_memory_holds_is_offered_at_the_end);
    tcase_add_test(tcase, the_nearest_tier_wins_and_is_fed_from_the_farther);
    tcase_add_test(tcase, what_does_not_decode_is_made_anew);
    tcase_add_test(tcase, evicted_blocks_reach_a_tier_that_keeps_up);
    tcase_add_test(tcase, what_leaves_before_its_turn_is_bounded);
    tcase_add_test(tcase, a_small_appetite_is_respected);
    tcase_add_test(tcase, blocks_of_a_leaf_are_offered_together_and_in_order);
    tcase_add_test(tcase, a_slow_tier_holds_up_nobody);
    tcase_add_test(tcase, wrong_guesses_are_not_offered);
    tcase_add_test(tcase, published_blocks_are_offered);
    tcase_add_test(tcase, blocks_are_fetched_ahead_together);
    tcase_add_test(tcase, what_came_ahead_and_does_not_decode_is_made_anew);
    tcase_add_test(tcase, what_a_tier_holds_comes_off_the_budget);
    tcase_add_test(tcase, many_readers_over_two_tiers);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
