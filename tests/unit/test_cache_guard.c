// SPDX-License-Identifier: MIT
/*
 * test_cache_guard.c: how large the window before ARC is, and how long a block
 * lives in it. What the guard does over whole traces: prop/guard, e2e/cachesim.
 */
#undef NDEBUG
#include "guard.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((uint64_t)1 << 20)
#define FLOOR (2 * MIB)

START_TEST(the_window_is_a_share_but_no_smaller_than_its_floor)
{
    static const struct {
        uint64_t capacity, window;
    } rows[] = {
        {1024 * MIB, 16 * MIB}, /* a sixty-fourth */
        {64 * MIB, FLOOR},
        {16 * MIB, FLOOR},
        {8 * MIB, MIB}, /* no more than an eighth */
        {0, 0},
    };
    struct arc_events none = {NULL, NULL, NULL};
    struct guard guard;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        guard_init(&guard, rows[i].capacity, true, FLOOR, &none);
        ck_assert_uint_eq(guard.gate.window_capacity, rows[i].window);
        ck_assert_uint_eq(guard.gate.arc.capacity,
                          rows[i].capacity - rows[i].window);
        guard_set_capacity(&guard, 16 * MIB);
        ck_assert_uint_eq(guard.gate.window_capacity, FLOOR);
        guard_set_capacity(&guard, rows[i].capacity);
        ck_assert_uint_eq(guard.gate.window_capacity, rows[i].window);
        guard_deinit(&guard);
    }
    guard_init(&guard, 16 * MIB, false, FLOOR, &none);
    ck_assert_uint_eq(guard.gate.window_capacity, 0);
    guard_deinit(&guard);
}
END_TEST

/* A reader that takes a block in pieces finds it until the window's worth of
 * other blocks came after it, frozen or not. */
START_TEST(a_refused_block_lives_as_long_as_the_window_is)
{
    enum { BLOCKS = 400, SIZE = 128 * 1024 };
    const unsigned lives = FLOOR / SIZE;
    struct arc_events none = {NULL, NULL, NULL};
    struct arc_node *nodes = calloc(BLOCKS, sizeof *nodes);
    struct guard guard;

    ck_assert_ptr_nonnull(nodes);
    guard_init(&guard, 16 * MIB, true, FLOOR, &none);
    guard_arm(&guard, 4);
    for (unsigned i = 0; i < BLOCKS; i++)
        (void)guard_access(&guard, &nodes[i], i * 0x9e3779b97f4a7c15u, SIZE);
    for (unsigned i = BLOCKS - lives; i < BLOCKS; i++)
        ck_assert_int_eq((int)nodes[i].where, (int)GATE_WINDOW);
    ck_assert_int_ne((int)nodes[BLOCKS - lives - 1].where, (int)GATE_WINDOW);
    guard_deinit(&guard);
    free(nodes);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cache_guard");
    TCase *t = tcase_create("cache_guard");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_test(t, the_window_is_a_share_but_no_smaller_than_its_floor);
    tcase_add_test(t, a_refused_block_lives_as_long_as_the_window_is);
    suite_add_tcase(s, t);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
