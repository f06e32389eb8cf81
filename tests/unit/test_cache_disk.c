// SPDX-License-Identifier: MIT
/*
 * test_cache_disk.c: the disk tier: what it keeps, and what it gives up.
 */
#undef NDEBUG
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/check_main.h"
#include "support/disk_rig.h"

/* ---------------------------------------------------------------- normal */

START_TEST(records_are_found_again)
{
    struct cache_disk_stats stats;
    struct stat st;

    for (uint64_t i = 0; i < 300; i++)
        rig_offer(i, 100 + 7 * (size_t)i);
    rig_settle();
    for (uint64_t i = 0; i < 300; i++)
        ck_assert(rig_get(i, 100 + 7 * (size_t)i));
    ck_assert(!rig_get(300, 100));
    ck_assert(!rig_get(5, 136)); /* another size: not the same block */
    stats = rig_stats();
    ck_assert_uint_eq(stats.records, 299); /* and that one is gone */
    ck_assert_uint_eq(stats.damaged, 1);
    ck_assert_int_eq(stat(rig.dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    rig_close();

    rig_open();
    for (uint64_t i = 0; i < 300; i++)
        ck_assert(rig_get(i, 100 + 7 * (size_t)i) || i == 5);
    rig_close();
}
END_TEST

START_TEST(what_is_there_is_not_written_twice)
{
    rig_offer(1, 5000);
    rig_settle();
    rig_offer(1, 5000);
    rig_settle();
    ck_assert_uint_lt(rig_stats().written, 6000);
}
END_TEST

START_TEST(a_killed_writer_loses_only_what_was_not_written)
{
    for (uint64_t i = 0; i < 50; i++)
        rig_offer(i, 1000);
    rig_settle();
    rig_offer(50, 1000);
    rig_lose();
    rig_open();
    ck_assert_uint_eq(rig_found(0, 50, 1000), 50);
    ck_assert(!rig_get(50, 1000));
    rig_offer(51, 1000); /* goes on in a segment of its own */
    rig_close();
    rig_open();
    ck_assert_uint_eq(rig_found(0, 50, 1000), 50);
    ck_assert(rig_get(51, 1000));
}
END_TEST

START_TEST(many_wants_are_answered_together)
{
    enum { N = 20 };
    struct cache_want wants[N];

    for (uint64_t i = 0; i < N; i += 2)
        rig_offer(i, 3000);
    rig_settle();
    for (uint64_t i = 0; i < N; i++)
        wants[i] = (struct cache_want){rig_key(i), 3000, 0,
                                       malloc(CACHE_STORED_MAX(3000))};
    rig.tier.ops->get(rig.tier.self, wants, N);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_uint_eq(wants[i].stored_size, i % 2 ? 0 : 3000);
        free(wants[i].room);
    }
}
END_TEST

static size_t run_size(uint64_t n)
{
    return n % 10 == 9 ? 100000 : 3000 + (size_t)n;
}

/* Whatever the order in which they are asked for. */
START_TEST(neighbours_are_read_with_one_call)
{
    enum { N = 100 };
    static const struct {
        uint64_t n[4];
        size_t count;
        unsigned reads;
    } asked[] = {
        {{0, 1, 2, 3}, 4, 1},       {{3, 2, 1, 0}, 4, 1},
        {{13, 10, 12, 11}, 4, 1},   {{20, 22}, 2, 1}, /* little between them */
        {{28, 30}, 2, 2},                             /* much */
        {{1, 41, 21, 61}, 4, 4},    {{7, 8, 9, 10}, 4, 1},
        {{5, 1000, 6, 1001}, 4, 1},
    };
    uint64_t all[N];
    bool there[N];

    for (uint64_t i = 0; i < N; i++) {
        rig_offer(i, run_size(i));
        all[N - 1 - i] = i;
    }
    rig_settle();
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        atomic_store(&rig.reads, 0);
        (void)rig_get_all(asked[i].n, asked[i].count, run_size, there);
        for (size_t k = 0; k < asked[i].count; k++)
            ck_assert_int_eq(there[k], asked[i].n[k] < N);
        ck_assert_uint_eq(atomic_load(&rig.reads), asked[i].reads);
    }
    atomic_store(&rig.reads, 0);
    ck_assert_uint_eq(rig_get_all(all, N, run_size, there), N);
    ck_assert_uint_eq(atomic_load(&rig.reads), 4); /* 32 at a time */
    ck_assert_uint_eq(rig_stats().damaged, 0);
}
END_TEST

START_TEST(rejected_blocks_are_gone)
{
    struct cache_key key = rig_key(1);

    rig_offer(1, 2000);
    rig_settle();
    ck_assert(rig_get(1, 2000));
    rig.tier.ops->reject(rig.tier.self, &key);
    ck_assert(!rig_get(1, 2000));
    ck_assert_uint_eq(rig_stats().damaged, 1);
}
END_TEST

START_TEST(the_oldest_goes_and_the_sum_stays_below_the_limit)
{
    struct cache_disk_stats stats;

    cache_disk_close(rig.disk);
    rig.config.bytes_max = 16 * MIB;
    rig_open();
    for (uint64_t i = 0; i < 400; i++) {
        rig_offer(i, 100000);
        rig_settle();
        ck_assert_uint_le(rig_bytes_on_disk(), 16 * MIB);
        ck_assert_uint_eq(rig_bytes_on_disk(), rig_stats().bytes);
    }
    stats = rig_stats();
    ck_assert_uint_gt(stats.dropped, 20);
    ck_assert_uint_gt(stats.records, 120);
    ck_assert_uint_eq(rig_found(0, 200, 100000), 0);
    ck_assert_uint_eq(rig_found(300, 400, 100000), 100);
    ck_assert_uint_eq(stats.records, rig_found(0, 400, 100000));
}
END_TEST

/* Four blocks are read all the time: they stay once longer than others. */
START_TEST(what_is_read_is_carried_over_once)
{
    unsigned first_lost = 0;

    cache_disk_close(rig.disk);
    rig.config.bytes_max = 16 * MIB;
    rig_open();
    for (uint64_t i = 0; i < 600 && !first_lost; i++) {
        rig_offer(i, 100000);
        rig_settle();
        if (i >= 3 && rig_found(0, 4, 100000) < 4)
            first_lost = (unsigned)i;
    }
    ck_assert_uint_eq(rig_stats().carried, 4);
    ck_assert_uint_gt(first_lost, 220); /* others go after 140 */
    ck_assert_uint_lt(first_lost, 400);
}
END_TEST

static int no_fill(void *opaque, const struct cache_key *key, uint8_t *data,
                   size_t size, struct cache_hint *hint, struct error *err)
{
    (void)opaque;
    (void)hint;
    (void)err;
    rig_bytes_of(key->block, data, size);
    return 0;
}

START_TEST(what_is_in_memory_is_carried_over)
{
    struct cache_config memory = {.budget_bytes = 4 * MIB};
    struct cache *cache = cache_new(&memory, NULL);
    struct cache_key key = rig_key(3);
    struct cache_pin pin;

    cache_disk_close(rig.disk);
    rig.config.bytes_max = 16 * MIB;
    rig_open();
    cache_disk_watch(rig.disk, cache);
    ck_assert_int_eq(cache_get(cache, &key, 100000, no_fill, NULL, &pin, NULL),
                     0);
    for (uint64_t i = 0; i < 200; i++) {
        rig_offer(i, 100000);
        rig_settle();
    }
    ck_assert_uint_eq(rig_stats().carried, 1);
    ck_assert(rig_get(3, 100000));
    ck_assert(!rig_get(4, 100000));
    cache_unpin(cache, &pin);
    cache_disk_watch(rig.disk, NULL);
    cache_free(cache);
}
END_TEST

START_TEST(a_full_index_drops_the_oldest)
{
    cache_disk_close(rig.disk);
    rig.config.index_max = MIB; /* some 49,000 records */
    rig_open();
    for (uint64_t i = 0; i < 100000; i++) {
        rig_offer(i, 300);
        if (i % 1000 == 999)
            rig_settle();
    }
    rig_settle();
    ck_assert_uint_le(rig_stats().index_bytes, MIB);
    ck_assert_uint_gt(rig_stats().dropped, 0);
    ck_assert(rig_get(99999, 300));
    ck_assert(!rig_get(0, 300));
    ck_assert_uint_gt(rig_stats().records, 20000);
    rig_close();
    rig_open(); /* more than the index holds is found: the newest counts */
    ck_assert(rig_get(99999, 300));
    ck_assert_uint_le(rig_stats().index_bytes, MIB);
}
END_TEST

START_TEST(rates_are_kept)
{
    uint64_t taken = 0;

    cache_disk_close(rig.disk);
    rig.config.bytes_per_s = 2 * MIB;
    rig.config.bytes_per_day = 5 * MIB;
    rig_open();
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t appetite = rig.tier.ops->appetite(rig.tier.self, false);

        if (appetite < 100000)
            break;
        rig_offer(i, 100000);
        taken = i + 1;
    }
    ck_assert_uint_ge(taken, 16);
    ck_assert_uint_le(taken, 30); /* a second's, and what came meanwhile */
    ck_assert_uint_gt(rig.tier.ops->appetite(rig.tier.self, true), 100000);
    for (; rig.tier.ops->appetite(rig.tier.self, true) > 0; taken++)
        rig_offer(taken, 100000);
    ck_assert_uint_ge(taken, 47);
    ck_assert_uint_le(taken, 53);
    ck_assert_uint_lt(rig_stats().day_left, 300000);
    rig_close();
    rig_open(); /* the same day */
    ck_assert_uint_eq(rig.tier.ops->appetite(rig.tier.self, true), 0);
}
END_TEST

/* ------------------------------------------------------------ many threads */

static atomic_bool stop_settling;

static atomic_uint found_by_readers;

static void *read_on(void *opaque)
{
    uint64_t z = (uint64_t)(uintptr_t)opaque;

    while (!atomic_load(&stop_settling)) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        if (rig_get((z >> 33) % 600, 50000))
            atomic_fetch_add(&found_by_readers, 1);
    }
    return NULL;
}

START_TEST(readers_and_the_feeder_go_on_together)
{
    enum { READERS = 3 };
    pthread_t readers[READERS];

    cache_disk_close(rig.disk);
    rig.config.bytes_max = 16 * MIB;
    rig_open();
    atomic_store(&stop_settling, false);
    for (uintptr_t i = 0; i < READERS; i++)
        ck_assert_int_eq(
            pthread_create(&readers[i], NULL, read_on, (void *)(i + 1)), 0);
    for (uint64_t i = 0; i < 2400; i++) {
        rig_offer(i % 600, 50000);
        if (i % 7 == 0)
            rig_settle();
    }
    atomic_store(&stop_settling, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    ck_assert_uint_gt(atomic_load(&found_by_readers), 0);
    ck_assert_uint_gt(rig_stats().dropped, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_disk");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, rig_set_up, rig_tear_down);
    tcase_add_test(t, records_are_found_again);
    tcase_add_test(t, what_is_there_is_not_written_twice);
    tcase_add_test(t, a_killed_writer_loses_only_what_was_not_written);
    tcase_add_test(t, many_wants_are_answered_together);
    tcase_add_test(t, neighbours_are_read_with_one_call);
    tcase_add_test(t, rejected_blocks_are_gone);
    tcase_add_test(t, the_oldest_goes_and_the_sum_stays_below_the_limit);
    tcase_add_test(t, what_is_read_is_carried_over_once);
    tcase_add_test(t, what_is_in_memory_is_carried_over);
    tcase_add_test(t, a_full_index_drops_the_oldest);
    tcase_add_test(t, rates_are_kept);
    tcase_add_test(t, readers_and_the_feeder_go_on_together);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
