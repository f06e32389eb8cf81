// SPDX-License-Identifier: MIT
/*
 * test_buffer.c: buffers that wait for the next frame.
 */
#undef NDEBUG
#include "render/buffer.h"

#include <check.h>
#include <string.h>

#include "support/check_main.h"

static struct buffers pool;
static struct error err;

static void setup(void)
{
    buffers_init(&pool, 1 << 20);
}

static void teardown(void)
{
    buffers_deinit(&pool);
}

static struct buffer take(size_t size)
{
    struct buffer b;
    uint8_t any = 0;

    ck_assert_int_eq(buffer_take(&pool, size, true, &b, &err), 0);
    ck_assert_ptr_nonnull(b.data);
    ck_assert_uint_eq(b.size, size);
    ck_assert_uint_ge(b.capacity, size);
    for (size_t i = 0; i < size; i++)
        any |= b.data[i];
    ck_assert_uint_eq(any, 0);
    memset(b.data, 0xa5, b.capacity);
    return b;
}

START_TEST(a_buffer_is_used_again_and_empty)
{
    struct buffer b = take(100000);
    uint8_t *data = b.data;

    buffer_give(&pool, &b);
    ck_assert_ptr_null(b.data);
    ck_assert_uint_ge(buffers_cost(&pool), 100000);
    b = take(90000);
    ck_assert_ptr_eq(b.data, data);
    ck_assert_uint_eq(buffers_cost(&pool), 0);
    buffer_give(&pool, &b);
    b = take(100001); /* still within its pages */
    ck_assert_ptr_eq(b.data, data);
    buffer_give(&pool, &b);
}
END_TEST

START_TEST(a_buffer_is_not_for_a_much_smaller_frame)
{
    struct buffer large = take(100000);
    struct buffer small;
    uint8_t *data = large.data;

    buffer_give(&pool, &large);
    small = take(40000);
    ck_assert_ptr_ne(small.data, data);
    ck_assert_uint_ge(buffers_cost(&pool), 100000);
    buffer_give(&pool, &small);
}
END_TEST

START_TEST(no_more_waits_than_is_allowed)
{
    struct buffer b[2 * BUFFERS_IDLE];

    for (size_t i = 0; i < 2 * BUFFERS_IDLE; i++)
        b[i] = take(200000);
    for (size_t i = 0; i < 2 * BUFFERS_IDLE; i++) {
        buffer_give(&pool, &b[i]);
        ck_assert_uint_le(buffers_cost(&pool), 1 << 20);
    }
    ck_assert_uint_ge(buffers_cost(&pool), 800000);
    buffers_drop(&pool);
    ck_assert_uint_eq(buffers_cost(&pool), 0);
    b[0] = take(2 << 20); /* more than all that may wait */
    buffer_give(&pool, &b[0]);
    ck_assert_uint_eq(buffers_cost(&pool), 0);
}
END_TEST

START_TEST(a_larger_one_takes_the_place_of_a_smaller)
{
    struct buffer b[BUFFERS_IDLE + 1];

    for (size_t i = 0; i <= BUFFERS_IDLE; i++)
        b[i] = take((i + 1) * 4096);
    for (size_t i = 0; i <= BUFFERS_IDLE; i++)
        buffer_give(&pool, &b[i]);
    /* the smallest has gone */
    ck_assert_uint_eq(buffers_cost(&pool),
                      4096 * (BUFFERS_IDLE + 1) * (BUFFERS_IDLE + 2) / 2 -
                          4096);
}
END_TEST

START_TEST(nothing_is_a_buffer_too)
{
    struct buffer none = {NULL, 0, 0};
    struct buffer b;

    buffer_give(&pool, &none);
    ck_assert_int_eq(buffer_take(&pool, 0, false, &b, &err), 0);
    buffer_give(&pool, &b);
    ck_assert_int_eq(buffer_take(&pool, SIZE_MAX / 2, false, &b, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NO_MEMORY);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("buffer");
    TCase *t = tcase_create("buffer");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_buffer_is_used_again_and_empty);
    tcase_add_test(t, a_buffer_is_not_for_a_much_smaller_frame);
    tcase_add_test(t, no_more_waits_than_is_allowed);
    tcase_add_test(t, a_larger_one_takes_the_place_of_a_smaller);
    tcase_add_test(t, nothing_is_a_buffer_too);
    suite_add_tcase(s, t);
    return check_main(s);
}
