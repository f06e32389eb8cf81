// SPDX-License-Identifier: MIT
/* flight: one maker per key, errors to all, LRU within the budget. */
#undef NDEBUG
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "render/flight.h"

static _Atomic int made, freed;

static void count_free(void *value)
{
    freed++;
    free(value);
}

static int make_number(void *opaque, const struct flight_key *key,
                       void **ret_value, size_t *ret_cost, struct error *err)
{
    uint64_t *value = malloc(sizeof *value);

    (void)opaque;
    (void)err;
    made++;
    *value = key->a;
    *ret_value = value;
    *ret_cost = 10;
    return 0;
}

static int make_failure(void *opaque, const struct flight_key *key,
                        void **ret_value, size_t *ret_cost, struct error *err)
{
    (void)opaque;
    (void)ret_value;
    (void)ret_cost;
    made++;
    usleep(20000);
    return error_set(err, ERROR_CORRUPT, "key %llu is bad",
                     (unsigned long long)key->a);
}

static void setup(void)
{
    made = 0;
    freed = 0;
}

static void touch(struct flight *f, uint64_t key)
{
    struct flight_ref ref = {NULL, NULL};
    struct flight_key k = {key, 0};

    ck_assert_int_eq(flight_get(f, &k, make_number, NULL, &ref, NULL, NULL), 0);
    ck_assert_uint_eq(*(uint64_t *)ref.value, key);
    flight_put(f, &ref);
}

START_TEST(a_value_is_made_once_and_shared)
{
    struct flight *f = flight_new(1000, count_free, NULL);
    struct flight_ref a = {NULL, NULL}, b = {NULL, NULL};
    struct flight_key k = {7, 1};
    int first, second;

    ck_assert_int_eq(flight_get(f, &k, make_number, NULL, &a, &first, NULL), 0);
    ck_assert_int_eq(flight_get(f, &k, make_number, NULL, &b, &second, NULL),
                     0);
    ck_assert_ptr_eq(a.value, b.value);
    ck_assert_int_eq(first, 1);
    ck_assert_int_eq(second, 0);
    flight_put(f, &a);
    flight_put(f, &b);
    ck_assert_int_eq(freed, 0);
    flight_free(f);
    ck_assert_int_eq(made, 1);
    ck_assert_int_eq(freed, 1);
}
END_TEST

START_TEST(the_least_recently_used_idle_value_goes_first)
{
    struct flight *f = flight_new(30, count_free, NULL);
    struct flight_ref ref = {NULL, NULL};

    touch(f, 1);
    touch(f, 2);
    touch(f, 3);
    touch(f, 1);
    touch(f, 4); /* drops 2 */
    ck_assert_int_eq(freed, 1);
    ck_assert_int_eq(flight_peek(f, &(struct flight_key){2, 0}, &ref), 0);
    ck_assert_int_eq(flight_peek(f, &(struct flight_key){1, 0}, &ref), 1);
    flight_put(f, &ref);
    flight_free(f);
    ck_assert_int_eq(freed, 4);
}
END_TEST

START_TEST(values_in_use_count_against_the_budget)
{
    struct flight *f = flight_new(30, count_free, NULL);
    struct flight_ref used[4] = {{NULL, NULL}};

    touch(f, 8);
    touch(f, 9);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_int_eq(flight_get(f, &(struct flight_key){i, 0}, make_number,
                                    NULL, &used[i], NULL, NULL),
                         0);
    ck_assert_int_eq(freed, 2); /* 8 and 9; nobody else could go */
    ck_assert_uint_eq(flight_cost(f), 40);
    flight_put(f, &used[0]); /* over the budget: gone with its last user */
    ck_assert_int_eq(freed, 3);
    flight_put(f, &used[1]);
    ck_assert_int_eq(freed, 3);
    ck_assert_uint_eq(flight_cost(f), 30);
    flight_drop(f, &(struct flight_key){1, 0});
    flight_drop(f, &(struct flight_key){2, 0}); /* in use */
    ck_assert_uint_eq(flight_cost(f), 20);
    flight_put(f, &used[2]);
    flight_put(f, &used[3]);
    ck_assert_uint_eq(flight_cost(f), 10);
    flight_drop_all(f);
    ck_assert_uint_eq(flight_cost(f), 0);
    flight_free(f);
}
END_TEST

START_TEST(a_value_in_use_outlives_its_eviction)
{
    struct flight *f = flight_new(0, count_free, NULL);
    struct flight_ref ref = {NULL, NULL};
    struct flight_key k = {5, 5};

    ck_assert_int_eq(flight_get(f, &k, make_number, NULL, &ref, NULL, NULL), 0);
    flight_drop(f, &k);
    flight_drop_all(f);
    ck_assert_int_eq(freed, 0);
    ck_assert_uint_eq(*(uint64_t *)ref.value, 5);
    flight_put(f, &ref);
    ck_assert_int_eq(freed, 1);
    flight_free(f);
}
END_TEST

static void *fail_thread(void *arg)
{
    struct flight_ref ref = {NULL, NULL};
    struct error err = ERROR_INIT;
    struct flight_key k = {9, 0};

    ck_assert_int_eq(flight_get(arg, &k, make_failure, NULL, &ref, NULL, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    ck_assert_str_eq(err.msg, "key 9 is bad");
    return NULL;
}

START_TEST(a_failure_reaches_all_waiters_and_leaves_no_trace)
{
    struct flight *f = flight_new(100, count_free, NULL);
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, fail_thread, f);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_lt(made, 8); /* most of them joined a flight */
    touch(f, 9);               /* the next get makes it */
    flight_free(f);
}
END_TEST

static void *churn_thread(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)&arg;

    for (int i = 0; i < 20000; i++) {
        touch(arg, (uint64_t)rand_r(&seed) % 50);
        if (i % 100 == 0)
            flight_drop(arg, &(struct flight_key){(uint64_t)i % 50, 0});
        if (i % 1000 == 0)
            flight_drop_all(arg);
    }
    return NULL;
}

START_TEST(many_threads_never_see_another_value)
{
    struct flight *f = flight_new(200, count_free, NULL);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn_thread, f);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    flight_free(f);
    ck_assert_int_eq(made, freed);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("flight");
    TCase *t = tcase_create("flight");
    SRunner *r;
    int failed;

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_value_is_made_once_and_shared);
    tcase_add_test(t, the_least_recently_used_idle_value_goes_first);
    tcase_add_test(t, values_in_use_count_against_the_budget);
    tcase_add_test(t, a_value_in_use_outlives_its_eviction);
    tcase_add_test(t, a_failure_reaches_all_waiters_and_leaves_no_trace);
    tcase_add_test(t, many_threads_never_see_another_value);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
