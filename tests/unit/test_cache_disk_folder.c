// SPDX-License-Identifier: MIT
/*
 * test_cache_disk_folder.c: one user of a folder at a time; purging; loading.
 */
#undef NDEBUG
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/disk_rig.h"

/* ------------------------------------------------------------- the folder */

START_TEST(one_mount_at_a_time)
{
    struct error err = ERROR_INIT;
    char text[32];

    ck_assert_ptr_null(cache_disk_open(&rig.config, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    (void)snprintf(text, sizeof text, "process %ld;", (long)getpid());
    ck_assert_ptr_nonnull(strstr(err.msg, text));
}
END_TEST

static void *close_later(void *opaque)
{
    (void)opaque;
    (void)rig.tier.ops->appetite(rig.tier.self,
                                 true); /* the cache is closing */
    usleep(200000);
    rig_close();
    return NULL;
}

START_TEST(who_is_closing_is_waited_for)
{
    struct cache_disk_config second = rig.config;
    struct error err = ERROR_INIT;
    struct cache_disk *next;
    pthread_t thread;

    second.lock_wait_ms = 20000;
    rig_offer(1, 1000);
    ck_assert_int_eq(pthread_create(&thread, NULL, close_later, NULL), 0);
    usleep(100000);
    next = cache_disk_open(&second, &err);
    pthread_join(thread, NULL);
    ck_assert_msg(next != NULL, "%s", err.msg);
    rig.disk = next;
    rig.tier = cache_disk_tier(rig.disk);
    ck_assert(rig_get(1, 1000));
}
END_TEST

START_TEST(folders_of_others_are_refused)
{
    struct error err = ERROR_INIT;

    rig.config.dir = rig.scratch; /* holds the folder "tier" */
    ck_assert_ptr_null(cache_disk_open(&rig.config, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(cache_disk_purge(rig.scratch, 0, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    rig.config.dir = "/proc/nowhere/tier";
    ck_assert_ptr_null(cache_disk_open(&rig.config, &err));
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

START_TEST(an_idle_folder_is_purged)
{
    struct error err = ERROR_INIT;
    uint64_t segments = 0;

    for (uint64_t i = 0; i < 30; i++)
        rig_offer(i, 1000);
    rig_close();
    ck_assert_int_eq(cache_disk_purge(rig.dir, 0, &segments, &err), 0);
    ck_assert_uint_eq(segments, 1);
    ck_assert_uint_eq(rig_bytes_on_disk(), 0);
    rig_open();
    ck_assert_uint_eq(rig_found(0, 30, 1000), 0);
}
END_TEST

static atomic_bool stop_settling;

static void *settle_on(void *opaque)
{
    (void)opaque;
    while (!atomic_load(&stop_settling)) {
        rig_settle();
        usleep(10000);
    }
    return NULL;
}

START_TEST(a_folder_in_use_is_purged_by_its_user)
{
    struct error err = ERROR_INIT;
    pthread_t thread;

    for (uint64_t i = 0; i < 30; i++)
        rig_offer(i, 1000);
    rig_settle();
    ck_assert_int_eq(cache_disk_purge(rig.dir, 100, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
    atomic_store(&stop_settling, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, settle_on, NULL), 0);
    ck_assert_msg(cache_disk_purge(rig.dir, 20000, NULL, &err) == 0, "%s",
                  err.msg);
    atomic_store(&stop_settling, true);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(rig_bytes_on_disk(), 0);
    ck_assert_uint_eq(rig_stats().bytes, 0);
    ck_assert_uint_eq(rig_stats().records, 0);
    ck_assert_uint_eq(rig_found(0, 30, 1000), 0);
    rig_offer(40, 1000);
    rig_settle();
    ck_assert(rig_get(40, 1000));
}
END_TEST

START_TEST(tables_are_read_in_slices)
{
    struct cache_disk_stats stats;

    cache_disk_close(rig.disk);
    rig.config.bytes_max = 16 * MIB;
    rig_open();
    for (uint64_t i = 0; i < 100; i++)
        rig_offer(i, 100000);
    rig_close();
    rig.config.load_ms = 1; /* one segment at least */
    rig_open();
    for (int i = 0; i < 100 && rig_stats().loading > 0; i++)
        rig_settle();
    stats = rig_stats();
    ck_assert_uint_eq(stats.loading, 0);
    ck_assert_uint_eq(stats.records, 100);
    ck_assert_uint_eq(rig_found(0, 100, 100000), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_disk_folder");
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, rig_set_up, rig_tear_down);
    tcase_add_test(t, one_mount_at_a_time);
    tcase_add_test(t, who_is_closing_is_waited_for);
    tcase_add_test(t, folders_of_others_are_refused);
    tcase_add_test(t, an_idle_folder_is_purged);
    tcase_add_test(t, a_folder_in_use_is_purged_by_its_user);
    tcase_add_test(t, tables_are_read_in_slices);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
