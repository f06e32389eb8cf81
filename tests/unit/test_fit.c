// SPDX-License-Identifier: MIT
/*
 * test_fit.c: data sets that do not fit are told in their first pass, others
 * never; and what that is worth, with the cache itself.
 */
#undef NDEBUG
#include "fit.h"

#include <stdlib.h>
#include <string.h>

#include "prepfs/cache.h"
#include "support/check_main.h"

#define MIB ((uint64_t)1 << 20)

/* A mount in small: a cache, what it is told, and an archive of images of one
 * size, in a view, whose blocks are noise. */
struct world {
    struct cache *cache;
    struct fit *fit;
    uint64_t images; /* of the archive */
    uint64_t leaf_bytes;
    unsigned told, taken_back;
    uint64_t expected; /* as it was told last */
    uint64_t z;
};

static void world_init(struct world *w, uint64_t budget, uint64_t images,
                       uint64_t leaf_bytes)
{
    struct cache_config config = {
        .budget_bytes = budget, .shards = 1, .epoch_guard = true};

    *w = (struct world){.images = images,
                        .leaf_bytes = leaf_bytes,
                        .z = UINT64_C(88172645463325252)};
    w->cache = cache_new(&config, NULL);
    w->fit = fit_new(budget, NULL);
    ck_assert(w->cache && w->fit);
}

static void world_deinit(struct world *w)
{
    cache_free(w->cache);
    fit_free(w->fit);
}

static uint64_t below(struct world *w, uint64_t n)
{
    w->z ^= w->z << 13;
    w->z ^= w->z >> 7;
    w->z ^= w->z << 17;
    return w->z % n;
}

static int fill(void *opaque, const struct cache_key *key, uint8_t *data,
                size_t size, struct cache_hint *hint, struct error *err)
{
    uint64_t z = (key->leaf[0] * 7919 + key->block) | 1;

    (void)opaque;
    (void)hint;
    (void)err;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        z ^= z << 13;
        z ^= z >> 7;
        z ^= z << 17;
        memcpy(data + i, &z, 8);
    }
    return 0;
}

static bool resident(void *opaque, const struct cache_key *key)
{
    return cache_has(opaque, key);
}

static void judge(struct world *w)
{
    struct cache_stats stats;
    struct fit_facts facts = {
        .images = w->images, .resident = resident, .opaque = w->cache};
    uint64_t bytes;

    cache_stats_get(w->cache, &stats);
    facts.budget_bytes = stats.budget_bytes;
    facts.stored_part = stats.blocks < 64 ? 0.5
                                          : (double)stats.bytes_compressed /
                                                (double)stats.bytes_logical;
    facts.frozen = stats.guard_frozen > 0;
    switch (fit_judge(w->fit, &facts, &bytes)) {
    case FIT_NOTHING:
        return;
    case FIT_EXPECT:
        w->told++;
        w->expected = bytes;
        cache_expect_passes(w->cache, bytes);
        return;
    case FIT_TAKE_BACK:
        w->taken_back++;
        cache_expect_passes(w->cache, 0);
        return;
    }
}

static uint64_t digest_of(uint32_t view, int64_t leaf)
{
    uint64_t h = ((uint64_t)leaf << 16 | view) * UINT64_C(0x9e3779b97f4a7c15);

    return (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static void read_block(struct world *w, uint32_t view, int64_t leaf,
                       uint64_t block, bool with_fit)
{
    uint64_t start = block * CACHE_BLOCK_MAX;
    size_t size = w->leaf_bytes - start < CACHE_BLOCK_MAX
                      ? (size_t)(w->leaf_bytes - start)
                      : CACHE_BLOCK_MAX;
    struct fit_read read = {view,  {digest_of(view, leaf), 7},
                            w->leaf_bytes, block,
                            block, size};
    struct cache_key key = {{read.digest[0], read.digest[1]}, block};
    struct cache_pin pin;

    ck_assert_int_eq(cache_get(w->cache, &key, size, fill, NULL, &pin, NULL),
                     0);
    cache_unpin(w->cache, &pin);
    if (with_fit && fit_note(w->fit, &read))
        judge(w);
}

/* One epoch over images [from, from + n) of a view; its hits. */
static uint64_t epoch(struct world *w, uint32_t view, int64_t from, uint64_t n,
                      bool with_fit)
{
    int64_t *order = calloc(n, sizeof *order);
    struct cache_stats before, after;

    cache_stats_get(w->cache, &before);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t j = below(w, i + 1);

        order[i] = order[j];
        order[j] = from + (int64_t)i;
    }
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t block = 0; block * CACHE_BLOCK_MAX < w->leaf_bytes;
             block++)
            read_block(w, view, order[i], block, with_fit);
    free(order);
    cache_stats_get(w->cache, &after);
    return after.hits - before.hits;
}

START_TEST(a_pass_over_too_much_is_told_while_it_runs)
{
    struct world w;

    world_init(&w, 16 * MIB, 1000, 60000); /* 57 MiB */
    (void)epoch(&w, 1, 1, 1000, true);
    ck_assert_uint_ge(w.told, 1);
    ck_assert_uint_le(w.told, 3);
    ck_assert_uint_ge(w.expected, 45 * MIB);
    ck_assert_uint_le(w.expected, 62 * MIB);
    world_deinit(&w);
}
END_TEST

START_TEST(images_of_many_blocks_are_measured_right)
{
    struct world w;

    world_init(&w, 16 * MIB, 100, 700000); /* 67 MiB, in 6 blocks each */
    (void)epoch(&w, 1, 1, 100, true);
    ck_assert_uint_ge(w.told, 1);
    ck_assert_uint_ge(w.expected, 53 * MIB);
    ck_assert_uint_le(w.expected, 73 * MIB);
    world_deinit(&w);
}
END_TEST

START_TEST(the_second_pass_is_near_its_bound)
{
    struct world with, without;
    enum { N = 2500 };
    struct cache_stats stats;
    uint64_t hits, learning;

    world_init(&with, 64 * MIB, N, 60000);
    world_init(&without, 64 * MIB, N, 60000);
    (void)epoch(&with, 1, 1, N, true);
    (void)epoch(&without, 1, 1, N, false);
    hits = epoch(&with, 1, 1, N, true);
    learning = epoch(&without, 1, 1, N, false);
    cache_stats_get(with.cache, &stats);
    ck_assert_msg(hits * 10 > stats.blocks * 9, "%llu hits of %llu blocks",
                  (unsigned long long)hits, (unsigned long long)stats.blocks);
    ck_assert_msg(hits > 2 * learning, "%llu hits, without the word %llu",
                  (unsigned long long)hits, (unsigned long long)learning);
    world_deinit(&with);
    world_deinit(&without);
}
END_TEST

START_TEST(a_data_set_that_fits_is_not_told)
{
    struct world w;

    world_init(&w, 64 * MIB, 800, 60000); /* 46 MiB */
    for (int i = 0; i < 4; i++)
        (void)epoch(&w, 1, 1, 800, true);
    ck_assert_uint_eq(w.told, 0);
    world_deinit(&w);
}
END_TEST

/* Three of four reads are of 100 images, the rest of any. */
START_TEST(a_hot_set_is_not_told)
{
    struct world w;

    world_init(&w, 16 * MIB, 5000, 60000);
    for (int i = 0; i < 20000; i++)
        read_block(&w, 1,
                   (int64_t)(below(&w, 4) ? below(&w, 100) : below(&w, 5000)),
                   0, true);
    ck_assert_uint_eq(w.told, 0);
    world_deinit(&w);
}
END_TEST

START_TEST(blocks_read_in_pieces_are_read_once)
{
    struct world w;

    world_init(&w, 16 * MIB, 1000, 60000);
    for (int64_t leaf = 1; leaf <= 1000; leaf++)
        for (int piece = 0; piece < 8; piece++)
            read_block(&w, 1, leaf, 0, true);
    ck_assert_uint_ge(w.told, 1);
    ck_assert_uint_le(w.expected, 62 * MIB);
    world_deinit(&w);
}
END_TEST

START_TEST(of_a_part_no_more_than_twice_is_expected)
{
    struct world w;

    world_init(&w, 16 * MIB, 1000000, 60000);
    (void)epoch(&w, 1, 1, 500, true); /* 28 MiB */
    ck_assert_uint_ge(w.told, 1);
    ck_assert_uint_le(w.expected, 62 * MIB);
    world_deinit(&w);
}
END_TEST

START_TEST(two_views_walked_together_are_added_up)
{
    struct world w;

    world_init(&w, 16 * MIB, 400, 60000); /* 22 MiB each */
    for (int64_t leaf = 1; leaf <= 400; leaf++) {
        read_block(&w, 1, leaf, 0, true);
        read_block(&w, 2, leaf, 0, true);
    }
    ck_assert_uint_ge(w.told, 1);
    ck_assert_uint_ge(w.expected, 36 * MIB);
    world_deinit(&w);
}
END_TEST

START_TEST(another_data_set_is_taken_up)
{
    struct world w;
    uint64_t hits = 0;

    world_init(&w, 16 * MIB, 2000, 60000);
    for (int i = 0; i < 3; i++)
        (void)epoch(&w, 1, 1, 700, true);
    ck_assert_uint_gt(w.told, 0);
    for (int i = 0; i < 8; i++)
        hits = epoch(&w, 2, 1, 700, true);
    ck_assert_msg(hits > 150, "%llu", (unsigned long long)hits);
    ck_assert_uint_gt(w.taken_back, 0);
    world_deinit(&w);
}
END_TEST

START_TEST(a_small_set_after_a_large_one_is_cached)
{
    struct world w;
    uint64_t hits = 0;

    world_init(&w, 16 * MIB, 2000, 60000);
    for (int i = 0; i < 3; i++)
        (void)epoch(&w, 1, 1, 1000, true);
    for (int i = 0; i < 20; i++)
        hits = epoch(&w, 2, 1, 100, true);
    ck_assert_msg(hits >= 95, "%llu", (unsigned long long)hits);
    world_deinit(&w);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("fit");
    TCase *t = tcase_create("fit");

    tcase_set_timeout(t, 240);
    tcase_add_test(t, a_pass_over_too_much_is_told_while_it_runs);
    tcase_add_test(t, images_of_many_blocks_are_measured_right);
    tcase_add_test(t, the_second_pass_is_near_its_bound);
    tcase_add_test(t, a_data_set_that_fits_is_not_told);
    tcase_add_test(t, a_hot_set_is_not_told);
    tcase_add_test(t, blocks_read_in_pieces_are_read_once);
    tcase_add_test(t, of_a_part_no_more_than_twice_is_expected);
    tcase_add_test(t, two_views_walked_together_are_added_up);
    tcase_add_test(t, another_data_set_is_taken_up);
    tcase_add_test(t, a_small_set_after_a_large_one_is_cached);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
