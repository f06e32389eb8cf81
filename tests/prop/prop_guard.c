// SPDX-License-Identifier: MIT
/*
 * prop_guard.c: the guard under any calls, and what it is for.
 *
 * PROP_SEED and PROP_RUNS replay a run.
 */
#undef NDEBUG
#include "guard.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 20000

static uint64_t rng_state;

static uint64_t next_random(void)
{
    uint64_t z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t n)
{
    return next_random() % n;
}

static uint64_t hash_of(uint64_t key)
{
    uint64_t z = (key + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 27);
}

static int runs(void)
{
    const char *n = getenv("PROP_RUNS");

    return n ? atoi(n) : 6;
}

static void begin(int run)
{
    const char *seed = getenv("PROP_SEED");

    rng_state =
        (seed ? (uint64_t)strtoull(seed, NULL, 0) : 1776) + (uint64_t)run;
    printf("# PROP_SEED=%" PRIu64 " PROP_RUNS=1\n", rng_state);
    fflush(stdout);
}

struct world {
    struct guard guard;
    struct arc_node nodes[KEYS];
    bool has_data[KEYS];
};

static struct world world;

static void on_lost(void *opaque, struct arc_node *node)
{
    struct world *w = opaque;

    w->has_data[node - w->nodes] = false;
}

static void init(uint64_t capacity, bool on)
{
    struct arc_events events = {on_lost, on_lost, &world};

    memset(&world, 0, sizeof world);
    guard_init(&world.guard, capacity, on, 0, &events);
}

static bool access(uint64_t key, uint64_t charge)
{
    bool hit =
        guard_access(&world.guard, &world.nodes[key], hash_of(key), charge);

    world.has_data[key] = guard_is_resident(&world.nodes[key]);
    return hit;
}

/* ---------------------------------------------------------- invariants */

static uint64_t resident_bytes(uint64_t keys)
{
    uint64_t sum = 0;

    for (uint64_t k = 0; k < keys; k++) {
        bool resident = guard_is_resident(&world.nodes[k]);

        if (resident != world.has_data[k])
            ck_abort_msg("key %d: data and policy disagree", (int)k);
        sum += resident ? world.nodes[k].charge : 0;
    }
    return sum;
}

static void disturb(uint64_t keys)
{
    uint64_t key = below(keys);
    struct arc_node *node = &world.nodes[key];

    switch (below(4)) {
    case 0:
        guard_remove(&world.guard, node);
        world.has_data[key] = false;
        break;
    case 1:
        guard_set_capacity(&world.guard, below(30000));
        break;
    case 2:
        guard_arm(&world.guard, (double)below(4));
        break;
    default:
        if (guard_is_resident(node))
            guard_resize(&world.guard, node, below(120));
        else
            guard_revive(&world.guard, node, 1);
        world.has_data[key] = guard_is_resident(node);
        break;
    }
}

START_TEST(bytes_stay_below_the_capacity)
{
    enum { SOME = 800 };

    begin(_i);
    init(20000, true);
    for (int step = 0; step < 60000; step++) {
        if (below(50) == 0)
            disturb(SOME);
        else if (step / 5000 % 2)
            (void)access((uint64_t)step % SOME, 1 + below(100));
        else
            (void)access(below(1 + below(SOME)), 1 + below(100));
        if (guard_bytes(&world.guard) > world.guard.capacity)
            ck_abort_msg("step %d: over the capacity", step);
        if (step % 500 == 0) {
            ck_assert_uint_eq(resident_bytes(SOME), guard_bytes(&world.guard));
            ck_assert(arc_check(&world.guard.gate.arc));
        }
    }
    guard_deinit(&world.guard);
    ck_assert_uint_eq(resident_bytes(SOME), 0);
}
END_TEST

/* -------------------------------------------------------------- effect */

static uint64_t order[KEYS];

static void shuffle(uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        order[i] = i;
    for (uint64_t i = n - 1; i > 0; i--) {
        uint64_t j = below(i + 1), t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
}

/* Warm hit ratio of `passes` passes over n blocks. */
static double passes(uint64_t n, uint64_t c, int count, bool on, bool shuffled)
{
    uint64_t hits = 0;

    init(c, on);
    shuffle(n);
    for (int pass = 0; pass < count; pass++) {
        if (shuffled)
            shuffle(n);
        for (uint64_t i = 0; i < n; i++)
            hits += access(order[i], 1) && pass > 0;
    }
    guard_deinit(&world.guard);
    return (double)hits / (double)n / (count - 1);
}

START_TEST(shuffled_passes_come_near_their_bound)
{
    static const double fits[] = {0.25, 0.4, 0.5, 0.7, 0.9};

    begin(_i);
    for (int i = 0; i < 5; i++) {
        uint64_t n = 4000;
        double f = fits[i];
        double got = passes(n, (uint64_t)(f * (double)n), 16, true, true);

        /* 15 warm passes; one of them is spent on learning. */
        ck_assert_msg(got >= 0.88 * f && got <= f, "%.2f: %.3f", f, got);
    }
}
END_TEST

START_TEST(fixed_order_hits_at_all)
{
    begin(_i);
    ck_assert(passes(4000, 2000, 12, false, false) == 0.0);
    ck_assert(passes(4000, 2000, 12, true, false) > 0.25);
}
END_TEST

/* Zipf-like by repeated halving, the hot end moved every 20,000 requests. */
static double moving_hot_set(uint64_t c, bool on)
{
    uint64_t hits = 0, requests = 120000;

    init(c, on);
    for (uint64_t i = 0; i < requests; i++) {
        uint64_t span = KEYS / 2;

        while (span > 16 && below(3) != 0)
            span /= 2;
        hits += access((below(span) + i / 20000 * 3000) % KEYS, 1);
    }
    guard_deinit(&world.guard);
    return (double)hits / (double)requests;
}

START_TEST(hot_sets_are_left_to_arc)
{
    static const uint64_t capacities[] = {100, 500, 2000, 5000};

    begin(_i);
    for (int i = 0; i < 4; i++) {
        uint64_t seed = rng_state;
        double arc = moving_hot_set(capacities[i], false), on;

        rng_state = seed;
        on = moving_hot_set(capacities[i], true);
        ck_assert_msg(on > arc - 0.01, "c %d: arc %.3f guard %.3f",
                      (int)capacities[i], arc, on);
    }
}
END_TEST

START_TEST(a_changed_data_set_is_taken_up)
{
    uint64_t late = 0, n = 4000, c = 2000;

    begin(_i);
    init(c, true);
    for (int pass = 0; pass < 16; pass++) {
        uint64_t base = pass < 8 ? 0 : n;

        shuffle(n);
        for (uint64_t i = 0; i < n; i++)
            late += access(base + order[i], 1) && pass >= 11;
    }
    guard_deinit(&world.guard);
    ck_assert_msg((double)late / (5.0 * (double)n) > 0.33, "%.3f",
                  (double)late / (5.0 * (double)n));
}
END_TEST

START_TEST(armed_it_keeps_the_first_blocks)
{
    uint64_t n = 4000, c = 2000, hits = 0;

    begin(_i);
    init(c, true);
    guard_arm(&world.guard, (double)n / (double)c);
    for (int pass = 0; pass < 2; pass++) {
        shuffle(n);
        for (uint64_t i = 0; i < n; i++)
            hits += access(order[i], 1);
    }
    guard_deinit(&world.guard);
    ck_assert_msg((double)hits / (double)n > 0.45, "%.3f",
                  (double)hits / (double)n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tcase = tcase_create("guard");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, bytes_stay_below_the_capacity, 0, runs());
    tcase_add_loop_test(tcase, shuffled_passes_come_near_their_bound, 0,
                        runs());
    tcase_add_loop_test(tcase, fixed_order_hits_at_all, 0, runs());
    tcase_add_loop_test(tcase, hot_sets_are_left_to_arc, 0, runs());
    tcase_add_loop_test(tcase, a_changed_data_set_is_taken_up, 0, runs());
    tcase_add_loop_test(tcase, armed_it_keeps_the_first_blocks, 0, runs());
    suite_add_tcase(suite, tcase);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
