// SPDX-License-Identifier: MIT
/*
 * test_schedule.c: when the archive is looked through, and the set of places
 * that are.
 */
#undef NDEBUG
#include "schedule.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "touched.h"

#define NOW UINT64_C(1000000)

/* ---- touched.h ---- */

static char *text_of(struct touched *t)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    touched_settle(t);
    for (size_t i = 0; i < t->n; i++)
        (void)fprintf(out, "%s%s", i ? " " : "", t->paths[i]);
    if (t->everything)
        (void)fputs("*", out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void check_set(struct touched *t, const char *expected)
{
    char *text = text_of(t);

    ck_assert_str_eq(text, expected);
    free(text);
    touched_deinit(t);
}

START_TEST(what_is_beneath_another_is_covered)
{
    static const char *const paths[] = {"b",   "a/b/c", "a-b", "a/b",  "a.b",
                                        "a/b", "b/c/d", "a/c", "a/b-c"};
    struct touched t = {0};

    ck_assert(touched_is_empty(&t));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        touched_add(&t, paths[i]);
    ck_assert(!touched_is_empty(&t));
    check_set(&t, "a/b a/b-c a/c a-b a.b b");
}
END_TEST

START_TEST(many_names_are_their_folder)
{
    struct touched t = {0};
    char path[64];

    for (int i = 0; i <= TOUCHED_IN_FOLDER; i++) {
        (void)snprintf(path, sizeof path, "a/b/%d", i * 7919 % 5000);
        touched_add(&t, path);
    }
    touched_add(&t, "a/b/sub/x");
    touched_add(&t, "a/c");
    check_set(&t, "a/b a/c");
    for (int i = 0; i < TOUCHED_IN_FOLDER; i++) {
        (void)snprintf(path, sizeof path, "a/b/%d", i);
        touched_add(&t, path);
    }
    touched_settle(&t);
    ck_assert_uint_eq(t.n, TOUCHED_IN_FOLDER); /* as many as may be */
    touched_deinit(&t);
}
END_TEST

START_TEST(too_much_is_everything)
{
    struct touched t = {0};
    char path[64];

    for (int i = 0; i <= TOUCHED_MAX; i++) {
        (void)snprintf(path, sizeof path, "%d/%d/a", i % 100, i);
        touched_add(&t, path);
    }
    check_set(&t, "*");
    for (int i = 0; i <= TOUCHED_IN_FOLDER; i++) { /* of the archive */
        (void)snprintf(path, sizeof path, "%d", i);
        touched_add(&t, path);
    }
    check_set(&t, "*");
    touched_add(&t, "a");
    touched_add(&t, "");
    touched_add(&t, "b");
    check_set(&t, "*");
}
END_TEST

/* A copy of 10^5 files into folders that are new too. */
START_TEST(a_large_copy_is_a_small_set)
{
    struct touched t = {0};
    char path[64];

    for (int i = 0; i < 100000; i++) {
        (void)snprintf(path, sizeof path, "new/%d", i / 500);
        touched_add(&t, path);
        (void)snprintf(path, sizeof path, "new/%d/%d.dcm", i / 500, i);
        touched_add(&t, path);
        touched_add(&t, path);
        ck_assert_uint_le(t.n, 2 * (TOUCHED_MAX + 1));
    }
    touched_add(&t, "new");
    check_set(&t, "new");
}
END_TEST

/* ---- schedule.h ---- */

START_TEST(nothing_is_never)
{
    struct schedule s;

    schedule_init(&s, 0, NOW);
    ck_assert_uint_eq(schedule_due(&s), SCHEDULE_NEVER);
    ck_assert_int_eq(schedule_begin(&s, NOW), SCHEDULE_NOTHING);
}
END_TEST

START_TEST(who_asks_is_first)
{
    struct schedule s;

    schedule_init(&s, 0, NOW);
    schedule_touch(&s, NOW);
    schedule_ask(&s);
    ck_assert_uint_le(schedule_due(&s), NOW);
    ck_assert_int_eq(schedule_begin(&s, NOW), SCHEDULE_ALL);
    ck_assert_uint_eq(schedule_due(&s), SCHEDULE_NEVER); /* that too */
    schedule_ask(&s); /* while the pass goes on */
    schedule_end(&s, SCHEDULE_ALL, NOW, NOW + 5000, false);
    ck_assert_int_eq(schedule_begin(&s, NOW + 5000), SCHEDULE_ALL);
}
END_TEST

START_TEST(news_wait_for_a_quiet_moment)
{
    struct schedule s;

    schedule_init(&s, 0, NOW);
    schedule_touch(&s, NOW);
    schedule_touch(&s, NOW + 100);
    ck_assert_int_eq(schedule_begin(&s, NOW + 100 + SCHEDULE_QUIET_MS - 1),
                     SCHEDULE_NOTHING);
    ck_assert_int_eq(schedule_begin(&s, NOW + 100 + SCHEDULE_QUIET_MS),
                     SCHEDULE_PLACES);
    ck_assert_uint_eq(schedule_due(&s), SCHEDULE_NEVER);
}
END_TEST

START_TEST(patience_with_news_ends)
{
    struct schedule s;
    uint64_t now = NOW;

    schedule_init(&s, 0, NOW);
    while (schedule_begin(&s, now) == SCHEDULE_NOTHING) {
        schedule_touch(&s, now);
        now += 50;
    }
    ck_assert_uint_eq(now, NOW + SCHEDULE_PATIENCE_MS);
}
END_TEST

START_TEST(after_work_comes_rest)
{
    struct schedule s;

    schedule_init(&s, 0, NOW);
    schedule_touch(&s, NOW);
    ck_assert_int_eq(schedule_begin(&s, NOW + 300), SCHEDULE_PLACES);
    schedule_touch(&s, NOW + 400);
    schedule_end(&s, SCHEDULE_PLACES, NOW + 300, NOW + 2300, false);
    ck_assert_uint_eq(schedule_due(&s), NOW + 2300 + 4 * 2000);
    schedule_ask(&s); /* but not for who asks */
    ck_assert_int_eq(schedule_begin(&s, NOW + 2300), SCHEDULE_ALL);
    schedule_touch(&s, NOW + 2400); /* nor after all of it was seen */
    schedule_end(&s, SCHEDULE_ALL, NOW + 2300, NOW + 900000, false);
    ck_assert_int_eq(schedule_begin(&s, NOW + 900000), SCHEDULE_PLACES);
}
END_TEST

START_TEST(the_clock_takes_a_tenth_at_most)
{
    struct schedule s;

    schedule_init(&s, 60000, NOW);
    ck_assert_uint_eq(schedule_due(&s), NOW + 60000);
    ck_assert_int_eq(schedule_begin(&s, NOW + 60000), SCHEDULE_ALL);
    schedule_end(&s, SCHEDULE_ALL, NOW + 60000, NOW + 61000, false);
    ck_assert_uint_eq(schedule_due(&s), NOW + 121000);
    ck_assert_int_eq(schedule_begin(&s, NOW + 121000), SCHEDULE_ALL);
    schedule_end(&s, SCHEDULE_ALL, NOW + 121000, NOW + 221000, false);
    ck_assert_uint_eq(schedule_due(&s), NOW + 221000 + 900000);
    schedule_every(&s, 0, NOW + 221000);
    ck_assert_uint_eq(schedule_due(&s), SCHEDULE_NEVER);
}
END_TEST

START_TEST(what_is_being_written_is_tried_less_and_less)
{
    static const uint64_t waits[] = {1000,  2000,  4000,  8000,
                                     16000, 32000, 60000, 60000};
    struct schedule s;
    uint64_t now = NOW;

    schedule_init(&s, 0, NOW);
    schedule_ask(&s);
    ck_assert_int_eq(schedule_begin(&s, now), SCHEDULE_ALL);
    schedule_end(&s, SCHEDULE_ALL, now, now, true);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        ck_assert_uint_eq(schedule_due(&s), now + waits[i]);
        now += waits[i];
        ck_assert_int_eq(schedule_begin(&s, now), SCHEDULE_PLACES);
        schedule_end(&s, SCHEDULE_PLACES, now, now, true);
    }
    ck_assert_int_eq(schedule_begin(&s, schedule_due(&s)), SCHEDULE_PLACES);
    schedule_end(&s, SCHEDULE_PLACES, now, now, false);
    ck_assert_uint_eq(schedule_due(&s), SCHEDULE_NEVER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *t = tcase_create("schedule");

    tcase_add_test(t, what_is_beneath_another_is_covered);
    tcase_add_test(t, many_names_are_their_folder);
    tcase_add_test(t, too_much_is_everything);
    tcase_add_test(t, a_large_copy_is_a_small_set);
    tcase_add_test(t, nothing_is_never);
    tcase_add_test(t, who_asks_is_first);
    tcase_add_test(t, news_wait_for_a_quiet_moment);
    tcase_add_test(t, patience_with_news_ends);
    tcase_add_test(t, after_work_comes_rest);
    tcase_add_test(t, the_clock_takes_a_tenth_at_most);
    tcase_add_test(t, what_is_being_written_is_tried_less_and_less);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
