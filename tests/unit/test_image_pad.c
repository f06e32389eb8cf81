// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

#include "image/pad.h"

static struct error err;

static void expect(enum pad_mode mode, const struct image *image, uint32_t w,
                   uint32_t h, uint32_t left, uint32_t top, uint32_t right,
                   uint32_t bottom)
{
    struct pad pad;
    struct image_box box;

    ck_assert_int_eq(pad_measure(mode, image, w, h, &pad, &err), 0);
    ck_assert_uint_eq(pad.left, left);
    ck_assert_uint_eq(pad.top, top);
    ck_assert_uint_eq(pad.right, right);
    ck_assert_uint_eq(pad.bottom, bottom);
    box = pad_box(&pad, w, h);
    ck_assert_uint_eq(box.x, left);
    ck_assert_uint_eq(box.y, top);
    ck_assert_uint_eq(box.width, image->width);
    ck_assert_uint_eq(box.height, image->height);
}

START_TEST(modes_have_the_reference_sides)
{
    static uint8_t dark_right[] = {1, 1, 0, 0, 1, 1, 0, 0,
                                   1, 1, 0, 0, 1, 0, 0, 0};
    static uint8_t dark_left[] = {0, 0, 0, 1, 0, 0, 1, 1,
                                  0, 0, 1, 1, 0, 0, 1, 1};
    struct image ones = image_view(dark_right, 2, 2, 1, SAMPLE_U8);
    struct image a = image_view(dark_right, 4, 4, 1, SAMPLE_U8);
    struct image b = image_view(dark_left, 4, 4, 1, SAMPLE_U8);

    expect(PAD_CENTER, &ones, 5, 7, 1, 2, 2, 3);
    expect(PAD_ZERO, &a, 6, 8, 0, 0, 2, 4);
    expect(PAD_ZERO, &b, 6, 8, 2, 4, 0, 0);
    expect(PAD_TOPLEFT, &a, 6, 6, 2, 2, 0, 0);
    expect(PAD_BOTTOMRIGHT, &a, 6, 6, 0, 0, 2, 2);
    expect(PAD_ZERO, &a, 4, 4, 0, 0, 0, 0);
}
END_TEST

START_TEST(a_tie_goes_to_the_left_and_the_top)
{
    static uint8_t even[] = {0, 0, 0, 0};
    struct image a = image_view(even, 2, 2, 1, SAMPLE_U8);

    expect(PAD_ZERO, &a, 5, 6, 3, 4, 0, 0);
    expect(PAD_ZERO, &a, 5, 2, 3, 0, 0, 0);
}
END_TEST

START_TEST(zero_is_judged_on_eight_bits)
{
    static uint16_t grey[] = {129, 128}; /* 1 and 0 of 255 */
    static uint8_t colour[] = {0, 0, 14, 0, 0, 13};
    static uint16_t deep[] = {0, 0, 14 * 257, 0, 0, 13 * 257 + 128};
    struct image a = image_view(grey, 2, 1, 1, SAMPLE_U16);
    struct image b = image_view(colour, 2, 1, 3, SAMPLE_U8);
    struct image c = image_view(deep, 2, 1, 3, SAMPLE_U16);

    expect(PAD_ZERO, &a, 3, 1, 0, 0, 1, 0);
    expect(PAD_ZERO, &b, 3, 1, 0, 0, 1, 0);
    expect(PAD_ZERO, &c, 3, 1, 0, 0, 1, 0);
}
END_TEST

START_TEST(frames_that_cannot_be_padded_are_refused)
{
    static float sample[] = {1};
    struct image real = image_view(sample, 1, 1, 1, SAMPLE_F32);
    struct pad pad;

    ck_assert_int_eq(pad_measure(PAD_ZERO, &real, 2, 2, &pad, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    ck_assert_int_eq(pad_measure(PAD_CENTER, &real, 2, 2, &pad, &err), 0);
    ck_assert_int_eq(pad_measure(PAD_CENTER, &real, 1, 0, &pad, &err), -1);
    real.data = NULL; /* only zero looks */
    ck_assert_int_eq(pad_measure(PAD_TOPLEFT, &real, 2, 2, &pad, &err), 0);
}
END_TEST

START_TEST(margins_take_a_value_of_their_own_type)
{
    static const double values[] = {0, 7, -1000.4, 70000, 2.5};

    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        for (size_t i = 0; i < 5; i++) {
            struct pad pad = {2, 1, 3, 4};
            struct image src = image_test_new(3, 2, 3, image_test_types[t], 1);
            struct image dst = image_test_new(8, 7, 3, image_test_types[t], 2);
            struct image_box box = pad_box(&pad, 8, 7);
            struct image inside = image_sub(&dst, &box);
            uint64_t cell;

            image_test_fill(&src, 9);
            pad_apply(&pad, PAD_FILL_VALUE, values[i], &src, &dst);
            ck_assert(image_test_equal(&src, &inside));
            sample_set(&cell, src.type, 0, values[i]);
            for (uint32_t y = 0; y < 7; y++) {
                for (uint32_t s = 0; s < 8 * 3; s++) {
                    bool is_inside = y >= 1 && y < 3 && s >= 2 * 3 && s < 5 * 3;

                    ck_assert_double_eq(
                        sample_get(image_row(&dst, y), dst.type, s),
                        is_inside ? 9 : sample_get(&cell, src.type, 0));
                }
            }
            image_free(&src);
            image_free(&dst);
        }
    }
}
END_TEST

START_TEST(margins_repeat_or_mirror_the_frame)
{
    static uint8_t frame[] = {1, 2, 3, 4, 5, 6}; /* 3 x 2 */
    static const uint8_t edge[] = {
        1, 1, 1, 2, 3, 3, 1, 1, 1, 2, 3, 3, 4, 4, 4, 5, 6, 6, 4, 4, 4, 5, 6, 6,
    };
    static const uint8_t mirror[] = {
        6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2,
    };
    struct pad pad = {2, 1, 1, 1};
    struct image src = image_view(frame, 3, 2, 1, SAMPLE_U8);
    uint8_t got[24];
    struct image dst = image_view(got, 6, 4, 1, SAMPLE_U8);

    pad_apply(&pad, PAD_FILL_EDGE, 0, &src, &dst);
    ck_assert_mem_eq(got, edge, 24);
    pad_apply(&pad, PAD_FILL_REFLECT, 0, &src, &dst);
    ck_assert_mem_eq(got, mirror, 24);
}
END_TEST

START_TEST(mirrors_reach_further_than_the_frame)
{
    static uint8_t frame[] = {1, 2, 3};
    static const uint8_t want[] = {1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2};
    struct pad pad = {8, 0, 3, 0};
    struct image src = image_view(frame, 3, 1, 1, SAMPLE_U8);
    uint8_t got[14];
    struct image dst = image_view(got, 14, 1, 1, SAMPLE_U8);

    pad_apply(&pad, PAD_FILL_REFLECT, 0, &src, &dst);
    ck_assert_mem_eq(got, want, 14);
    src.width = 1; /* one pixel mirrors to itself */
    pad.right = 5;
    pad_apply(&pad, PAD_FILL_REFLECT, 0, &src, &dst);
    for (size_t i = 0; i < 14; i++)
        ck_assert_uint_eq(got[i], 1);
}
END_TEST

START_TEST(a_canvas_cuts_or_pads_each_axis)
{
    struct image_box cut;
    struct pad pad;

    pad_canvas(10, 4, 5, 7, &cut, &pad);
    ck_assert_uint_eq(cut.x, 2);
    ck_assert_uint_eq(cut.width, 5);
    ck_assert_uint_eq(cut.y, 0);
    ck_assert_uint_eq(cut.height, 4);
    ck_assert_uint_eq(pad.left, 0);
    ck_assert_uint_eq(pad.right, 0);
    ck_assert_uint_eq(pad.top, 1);
    ck_assert_uint_eq(pad.bottom, 2);
}
END_TEST

/* Every window of every place against one pixel at a time. */
START_TEST(windows_may_lie_anywhere)
{
    static const enum pad_fill fills[] = {PAD_FILL_VALUE, PAD_FILL_EDGE,
                                          PAD_FILL_REFLECT};
    uint64_t seed = 4;
    struct image src = image_test_new(5, 4, 3, SAMPLE_U16, 2);

    image_test_noise(&src, &seed);
    for (size_t f = 0; f < 3; f++) {
        for (int at = 0; at < 25 * 25; at++) {
            int left = at % 25 - 12;
            int top = at / 25 - 12;
            struct image dst = image_test_new(6, 3, 3, SAMPLE_U16, 1);

            pad_window(&src, left, top, fills[f], 77, &dst);
            for (int i = 0; i < 6 * 3; i++) {
                int x = left + i % 6;
                int y = top + i / 6;
                bool is_inside = x >= 0 && x < 5 && y >= 0 && y < 4;
                double want = 77;

                if (is_inside)
                    want = image_test_get(&src, (uint32_t)x, (uint32_t)y);
                else if (fills[f] != PAD_FILL_VALUE)
                    want = image_test_get(&src, pad_index(fills[f], x, 5),
                                          pad_index(fills[f], y, 4));
                ck_assert_double_eq(
                    image_test_get(&dst, (uint32_t)i % 6, (uint32_t)i / 6),
                    want);
            }
            image_free(&dst);
        }
    }
    image_free(&src);
}
END_TEST

START_TEST(far_windows_are_all_fill)
{
    static uint8_t two[] = {3, 4};
    struct image src = image_view(two, 2, 1, 1, SAMPLE_U8);
    uint8_t out[4];
    struct image dst = image_view(out, 2, 2, 1, SAMPLE_U8);
    int64_t far = (int64_t)1 << 52;

    pad_window(&src, far, -far, PAD_FILL_VALUE, 9.5, &dst);
    ck_assert_mem_eq(out, ((uint8_t[]){10, 10, 10, 10}), 4);
    pad_window(&src, far, -far, PAD_FILL_EDGE, 9, &dst);
    ck_assert_mem_eq(out, ((uint8_t[]){4, 4, 4, 4}), 4);
    pad_window(&src, -far, far, PAD_FILL_EDGE, 9, &dst);
    ck_assert_mem_eq(out, ((uint8_t[]){3, 3, 3, 3}), 4);
    pad_constant(300, &dst);
    ck_assert_mem_eq(out, ((uint8_t[]){255, 255, 255, 255}), 4);
}
END_TEST

START_TEST(coordinates_outside_have_one_inside)
{
    static const struct {
        enum pad_fill fill;
        int64_t i;
        uint32_t n, want;
    } rows[] = {
        {PAD_FILL_EDGE, -5, 3, 0},    {PAD_FILL_EDGE, 1, 3, 1},
        {PAD_FILL_EDGE, 3, 3, 2},     {PAD_FILL_REFLECT, -1, 3, 1},
        {PAD_FILL_REFLECT, -2, 3, 2}, {PAD_FILL_REFLECT, -3, 3, 1},
        {PAD_FILL_REFLECT, -4, 3, 0}, {PAD_FILL_REFLECT, 3, 3, 1},
        {PAD_FILL_REFLECT, 4, 3, 0},  {PAD_FILL_REFLECT, 7, 1, 0},
        {PAD_FILL_REFLECT, 7, 2, 1},  {PAD_FILL_REFLECT, -7, 2, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(pad_index(rows[i].fill, rows[i].i, rows[i].n),
                          rows[i].want);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_pad");
    TCase *t = tcase_create("pad");
    SRunner *r;

    tcase_add_test(t, modes_have_the_reference_sides);
    tcase_add_test(t, a_tie_goes_to_the_left_and_the_top);
    tcase_add_test(t, zero_is_judged_on_eight_bits);
    tcase_add_test(t, frames_that_cannot_be_padded_are_refused);
    tcase_add_test(t, margins_take_a_value_of_their_own_type);
    tcase_add_test(t, margins_repeat_or_mirror_the_frame);
    tcase_add_test(t, mirrors_reach_further_than_the_frame);
    tcase_add_test(t, a_canvas_cuts_or_pads_each_axis);
    tcase_add_test(t, windows_may_lie_anywhere);
    tcase_add_test(t, far_windows_are_all_fill);
    tcase_add_test(t, coordinates_outside_have_one_inside);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
