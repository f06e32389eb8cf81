// SPDX-License-Identifier: MIT
/*
 * test_cache_pressure.c: when the budget falls and when it grows back.
 */
#undef NDEBUG
#include "cache_pressure.h"
#include "prepfs/cache.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define TICK 250000

static struct pressure_state state_new(void)
{
    return (struct pressure_state){
        .budget_max = 1024 * MIB, .budget_min = 128 * MIB, .tick_us = TICK};
}

static const struct pressure_sample calm = {
    .available = 8192 * MIB, .total = 16384 * MIB, .group_high = 4096 * MIB};

START_TEST(calm_changes_nothing)
{
    struct pressure_state state = state_new();

    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(pressure_step(&state, 1024 * MIB, &calm), 1024 * MIB);
}
END_TEST

START_TEST(each_sign_lowers_the_budget)
{
    for (int sign = 0; sign < 4; sign++) {
        struct pressure_state state = state_new();
        struct pressure_sample bad = calm;
        uint64_t budget = pressure_step(&state, 1024 * MIB, &calm);

        ck_assert_uint_eq(budget, 1024 * MIB);
        if (sign == 0)
            bad.stall_us += TICK / 10;
        if (sign == 1)
            bad.high_events++;
        if (sign == 2)
            bad.group_bytes = bad.group_high;
        if (sign == 3)
            bad.available = 300 * MIB;
        budget = pressure_step(&state, budget, &bad);
        ck_assert_uint_le(budget, 960 * MIB);
        /* What is missing goes at once. */
        if (sign == 2)
            ck_assert_uint_le(budget, 960 * MIB - 256 * MIB);
        if (sign == 3)
            ck_assert_uint_le(budget, 960 * MIB - 212 * MIB);
    }
}
END_TEST

START_TEST(old_stalls_are_not_pressure)
{
    struct pressure_state state = state_new();
    struct pressure_sample sample = calm;

    sample.stall_us = 987654321;
    sample.high_events = 55;
    for (int i = 0; i < 10; i++)
        ck_assert_uint_eq(pressure_step(&state, 1024 * MIB, &sample),
                          1024 * MIB);
}
END_TEST

START_TEST(there_is_a_floor_and_a_way_back)
{
    struct pressure_state state = state_new();
    struct pressure_sample sample = calm;
    uint64_t budget = 1024 * MIB;
    int ticks = 0;

    (void)pressure_step(&state, budget, &sample);
    for (int i = 0; i < 100; i++) {
        sample.stall_us += TICK;
        budget = pressure_step(&state, budget, &sample);
    }
    ck_assert_uint_eq(budget, 128 * MIB);
    for (ticks = 0; budget < 1024 * MIB && ticks < 1000; ticks++) {
        budget = pressure_step(&state, budget, &sample);
        /* Not in the first five seconds. */
        ck_assert(ticks > 18 || budget == 128 * MIB);
    }
    ck_assert_uint_eq(budget, 1024 * MIB);
    ck_assert_int_gt(ticks, 19);
    ck_assert_int_lt(ticks, 200);
}
END_TEST

START_TEST(a_system_without_any_source_is_calm)
{
    struct pressure_state state = state_new();
    struct pressure_sample none = {0};

    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(pressure_step(&state, 512 * MIB, &none), 512 * MIB);
}
END_TEST

static void put_file(const char *root, const char *path, const char *text)
{
    char full[300];
    FILE *file;

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            ck_assert(mkdir(full, 0700) == 0 || errno == EEXIST);
            *p = '/';
        }
    file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Waits until the budget is below (or at least) `bytes`. */
static bool budget_gets(struct cache *cache, bool below, uint64_t bytes)
{
    struct cache_stats stats;

    for (int i = 0; i < 2000; i++) {
        cache_stats_get(cache, &stats);
        if ((stats.budget_bytes < bytes) == below)
            return true;
        usleep(5000);
    }
    return false;
}

START_TEST(the_watcher_reads_the_system)
{
    char root[] = "/tmp/prepfs-pressure-XXXXXX";
    struct cache_config config = {.budget_bytes = 64 * MIB};
    struct cache_pressure_config watch = {.tick_ms = 5, .root = root};
    struct cache *cache = cache_new(&config, NULL);
    struct error err = ERROR_INIT;
    struct cache_pressure *pressure;
    char command[64];

    ck_assert_ptr_nonnull(mkdtemp(root));
    put_file(root, "/proc/self/cgroup", "1:name=x:/old\n0::/my.slice\n");
    put_file(root, "/proc/meminfo",
             "MemTotal:       16384000 kB\nMemAvailable:    9000000 kB\n");
    put_file(root, "/proc/pressure/memory",
             "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
    put_file(root, "/sys/fs/cgroup/my.slice/memory.high", "1000000000\n");
    put_file(root, "/sys/fs/cgroup/my.slice/memory.current", "500000000\n");
    put_file(root, "/sys/fs/cgroup/my.slice/memory.events",
             "low 0\nhigh 3\nmax 0\n");
    pressure = cache_pressure_start(cache, &watch, &err);
    ck_assert_msg(pressure != NULL, "%s", err.msg);
    usleep(50000);
    ck_assert(budget_gets(cache, false, 64 * MIB));
    put_file(root, "/sys/fs/cgroup/my.slice/memory.current", "999000000\n");
    ck_assert(budget_gets(cache, true, 9 * MIB));
    put_file(root, "/sys/fs/cgroup/my.slice/memory.current", "400000000\n");
    ck_assert(budget_gets(cache, false, 64 * MIB));
    cache_pressure_stop(pressure);
    cache_pressure_stop(NULL);
    cache_free(cache);
    snprintf(command, sizeof command, "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache_pressure");
    TCase *tcase = tcase_create("cache_pressure");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, calm_changes_nothing);
    tcase_add_test(tcase, each_sign_lowers_the_budget);
    tcase_add_test(tcase, old_stalls_are_not_pressure);
    tcase_add_test(tcase, there_is_a_floor_and_a_way_back);
    tcase_add_test(tcase, a_system_without_any_source_is_calm);
    tcase_add_test(tcase, the_watcher_reads_the_system);
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
