// SPDX-License-Identifier: MIT
/* test_budget.c: what -o cache=SIZE is divided into, and its default. */
#undef NDEBUG
#include "budget.h"

#include "support/check_main.h"
#include "support/scratch.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

static const struct {
    uint64_t total, frames;
} splits[] = {
    {1 * MIB, MIB / 4},    {64 * MIB, 16 * MIB},    {128 * MIB, 32 * MIB},
    {256 * MIB, 32 * MIB}, {1 * GIB, 128 * MIB},    {4 * GIB, 512 * MIB},
    {64 * GIB, 512 * MIB}, {1024 * GIB, 512 * MIB},
};

START_TEST(the_parts_are_the_whole)
{
    struct budget b = budget_split(splits[_i].total);

    ck_assert_uint_eq(b.total, splits[_i].total);
    ck_assert_uint_eq(b.frames, splits[_i].frames);
    ck_assert_uint_eq(b.blocks + b.frames, b.total);
}
END_TEST

static const struct {
    const char *meminfo, *cgroup, *max, *current;
    uint64_t wanted;
} systems[] = {
    {"MemTotal: 9 kB\nMemAvailable:    4194304 kB\n", NULL, NULL, NULL, GIB},
    {"MemAvailable: 4194304 kB\n", "0::/a/b\n", "max\n", "5\n", GIB},
    {"MemAvailable: 4194304 kB\n", "0::/a/b\n", "1073741824\n", "0\n",
     256 * MIB},
    {"MemAvailable: 4194304 kB\n", "4:cpu:/x\n0::/a/b\n", "1073741824\n",
     "536870912\n", 128 * MIB},
    {"MemAvailable: 4194304 kB\n", "0::/a/b\n", "1073741824\n", NULL,
     256 * MIB},
    {"MemAvailable: 1048576 kB\n", "0::/a/b\n", "1099511627776\n", "0\n",
     256 * MIB},
    {"MemAvailable: 4194304 kB\n", "1:cpu:/a/b\n", "1073741824\n", "0\n", GIB},
    {"MemAvailable: 4194304 kB\n", "0::/a/b\n", "4096\n", "9999\n", 64 * MIB},
    {NULL, NULL, NULL, NULL, 64 * MIB},
    {"MemTotal: 9 kB\n", NULL, NULL, NULL, 64 * MIB},
};

static void put(const char *root, const char *path, const char *text)
{
    if (text)
        scratch_write(root, path, text, 0);
}

START_TEST(the_default_is_a_quarter_of_what_can_be_had)
{
    char *root = scratch_new();

    put(root, "proc/meminfo", systems[_i].meminfo);
    put(root, "proc/self/cgroup", systems[_i].cgroup);
    put(root, "sys/fs/cgroup/a/b/memory.max", systems[_i].max);
    put(root, "sys/fs/cgroup/a/b/memory.current", systems[_i].current);
    ck_assert_uint_eq(budget_default(root), systems[_i].wanted);
    scratch_free(root);
}
END_TEST

START_TEST(this_system_has_memory)
{
    ck_assert_uint_ge(budget_default(""), MIB);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("budget");
    TCase *t = tcase_create("budget");

    tcase_add_loop_test(t, the_parts_are_the_whole, 0,
                        (int)(sizeof splits / sizeof splits[0]));
    tcase_add_loop_test(t, the_default_is_a_quarter_of_what_can_be_had, 0,
                        (int)(sizeof systems / sizeof systems[0]));
    tcase_add_test(t, this_system_has_memory);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
