// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

#include "image/slab.h"
#include "support/check_main.h"

START_TEST(slabs_that_end_inside_are_counted)
{
    static const struct {
        uint32_t frames, depth, stride, count;
    } rows[] = {
        {10, 1, 1, 10}, {10, 8, 1, 3},   {10, 8, 4, 1}, {12, 8, 4, 2},
        {10, 10, 5, 1}, {10, 11, 1, 0},  {1, 8, 4, 1},  {1, 1, 1, 1},
        {2, 8, 1, 0},   {10, 3, 100, 1}, {9, 3, 3, 3},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t frames = rows[i].frames;
        uint32_t depth = rows[i].depth;
        uint32_t stride = rows[i].stride;

        ck_assert_uint_eq(slab_count(frames, depth, stride), rows[i].count);
        for (uint32_t k = 0; k < rows[i].count; k++) {
            struct vol_range r = slab_range(frames, depth, stride, k);

            ck_assert_uint_eq(r.first, k * stride);
            ck_assert_uint_eq(r.count, frames == 1 ? 1 : depth);
            ck_assert_uint_le(r.first + r.count, frames);
        }
    }
}
END_TEST

START_TEST(the_middle_of_a_slab)
{
    ck_assert_double_eq(slab_middle(10, 8, 1, 0), 3.5);
    ck_assert_double_eq(slab_middle(10, 8, 1, 2), 5.5);
    ck_assert_double_eq(slab_middle(10, 1, 3, 2), 6);
    ck_assert_double_eq(slab_middle(1, 8, 1, 0), 0);
}
END_TEST

/* Every operator, over one frame. */
START_TEST(a_depth_of_one_changes_nothing)
{
    static const enum vol_op ops[] = {VOL_MAX, VOL_MIN, VOL_MEAN, VOL_MEDIAN};
    struct error err;
    uint64_t seed = 3;
    struct image frames[4];

    for (int i = 0; i < 4; i++) {
        frames[i] = image_test_new(9, 5, 1, SAMPLE_I16, 1);
        image_test_noise(&frames[i], &seed);
    }
    ck_assert_uint_eq(slab_count(4, 1, 1), 4);
    for (size_t op = 0; op < 4; op++) {
        for (uint32_t k = 0; k < 4; k++) {
            struct vol_range r = slab_range(4, 1, 1, k);
            struct vol_spec spec = {ops[op], 0, false};
            struct image page = image_test_new(9, 5, 1, SAMPLE_I16, 0);
            struct vol *vol;

            ck_assert_int_eq(vol_begin(&spec, r.count, &vol, &err), 0);
            ck_assert_int_eq(vol_add(vol, &frames[r.first], &err), 0);
            ck_assert_int_eq(vol_finish(vol, &page, &err), 0);
            ck_assert(image_test_equal(&page, &frames[k]));
            vol_free(vol);
            image_free(&page);
        }
    }
    for (int i = 0; i < 4; i++)
        image_free(&frames[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("slab");
    TCase *c = tcase_create("slab");

    tcase_add_test(c, slabs_that_end_inside_are_counted);
    tcase_add_test(c, the_middle_of_a_slab);
    tcase_add_test(c, a_depth_of_one_changes_nothing);
    suite_add_tcase(s, c);
    return check_main(s);
}
