// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/norm.h"
#include "support/check_main.h"

static struct norm_moments measured(const struct image *frame, uint32_t channel,
                                    const struct image *mask)
{
    struct norm_moments m;

    norm_measure(frame, channel, mask, &m);
    return m;
}

static double mapped(const struct norm *norm, enum sample_type type,
                     double value)
{
    struct image src = image_test_new(1, 1, 1, type, 0);
    struct image dst = image_test_new(1, 1, 1, SAMPLE_F32, 0);
    double ret;

    image_test_fill(&src, value);
    norm_apply(norm, &src, &dst);
    ret = image_test_get(&dst, 0, 0);
    image_free(&src);
    image_free(&dst);
    return ret;
}

START_TEST(moments_of_a_few_samples)
{
    static float eight[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct image frame = image_view(eight, 4, 2, 1, SAMPLE_F32);
    struct norm_moments m = measured(&frame, 0, NULL);

    ck_assert_uint_eq(m.count, 8);
    ck_assert_double_eq(m.mean, 5);
    ck_assert_double_eq(norm_sd(&m), 2);
    ck_assert_double_eq(m.min, 2);
    ck_assert_double_eq(m.max, 9);
}
END_TEST

START_TEST(masked_and_infinite_samples_do_not_count)
{
    static float samples[] = {2, NAN, 4, 1000, INFINITY, 6, -INFINITY, 1000};
    static uint8_t marks[] = {0, 0, 0, 1, 0, 0, 0, 255};
    struct image frame = image_view(samples, 8, 1, 1, SAMPLE_F32);
    struct image mask = image_view(marks, 8, 1, 1, SAMPLE_U8);
    struct norm_moments m = measured(&frame, 0, &mask);

    ck_assert_uint_eq(m.count, 3);
    ck_assert_double_eq(m.mean, 4);
    ck_assert_double_eq(m.min, 2);
    ck_assert_double_eq(m.max, 6);
    m = measured(&frame, 0, NULL);
    ck_assert_uint_eq(m.count, 5);
}
END_TEST

START_TEST(channels_are_measured_each)
{
    static uint8_t rgb[] = {1, 10, 100, 3, 30, 200};
    struct image frame = image_view(rgb, 2, 1, 3, SAMPLE_U8);
    struct norm_moments all = {0};

    for (uint32_t c = 0; c < 3; c++) {
        static const double want[] = {2, 20, 150};
        struct norm_moments m = measured(&frame, c, NULL);

        ck_assert_double_eq(m.mean, want[c]);
        norm_merge(&all, &m);
    }
    ck_assert_uint_eq(all.count, 6);
    ck_assert_double_eq_tol(all.mean, 344.0 / 6, 1e-12);
    ck_assert_double_eq(all.min, 1);
    ck_assert_double_eq(all.max, 200);
}
END_TEST

/* Any split of the rows, merged, is the whole, to the last few bits. */
START_TEST(merged_parts_are_the_whole)
{
    uint64_t seed = 9;

    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        struct image frame = image_test_new(601, 24, 1, image_test_types[t], 3);
        struct norm_moments whole;

        image_test_noise(&frame, &seed);
        whole = measured(&frame, 0, NULL);
        for (uint32_t cut = 1; cut < 24; cut++) {
            struct image_box top = {0, 0, 601, cut};
            struct image_box bottom = {0, cut, 601, 24 - cut};
            struct image parts[2] = {image_sub(&frame, &top),
                                     image_sub(&frame, &bottom)};
            struct norm_moments sum = {0};

            for (int i = 0; i < 2; i++) {
                struct norm_moments m = measured(&parts[i], 0, NULL);

                norm_merge(&sum, &m);
            }
            ck_assert_uint_eq(sum.count, whole.count);
            ck_assert_double_eq(sum.min, whole.min);
            ck_assert_double_eq(sum.max, whole.max);
            ck_assert_double_eq_tol(sum.mean, whole.mean,
                                    1e-12 * norm_sd(&whole));
            ck_assert_double_eq_tol(norm_sd(&sum), norm_sd(&whole),
                                    1e-12 * norm_sd(&whole));
        }
        image_free(&frame);
    }
}
END_TEST

/* The mean is a million times the deviation: sums of squares would cancel. */
START_TEST(a_large_mean_does_not_hide_a_small_deviation)
{
    struct image frame = image_test_new(1000, 100, 1, SAMPLE_F64, 0);
    struct norm_moments m;

    for (uint32_t y = 0; y < 100; y++) {
        for (uint32_t x = 0; x < 1000; x++)
            sample_set(image_row(&frame, y), SAMPLE_F64, x,
                       1e9 + ((x + y) % 2 ? 1e-3 : -1e-3));
    }
    m = measured(&frame, 0, NULL);
    ck_assert_double_eq_tol(norm_sd(&m), 1e-3, 1e-7);
    ck_assert_double_eq_tol(m.mean, 1e9, 1e-6);
    image_free(&frame);
}
END_TEST

START_TEST(nothing_merged_changes_nothing)
{
    struct norm_moments none = {0};
    struct norm_moments some = {5, 2, 10, 1, 4};
    struct norm_moments acc = {0};

    norm_merge(&acc, &none);
    ck_assert_uint_eq(acc.count, 0);
    ck_assert_double_eq(norm_sd(&acc), 0);
    norm_merge(&acc, &some);
    norm_merge(&acc, &none);
    ck_assert_uint_eq(acc.count, 5);
    ck_assert_double_eq(acc.mean, 2);
    ck_assert_double_eq(acc.m2, 10);
}
END_TEST

START_TEST(samples_are_mapped)
{
    static const struct norm_moments m = {8, 5, 32, 2, 9};
    struct norm z = norm_fixed(m.mean, norm_sd(&m), 1);
    struct norm unit = norm_unit(m.min, m.max, 1);
    struct norm sym = norm_sym(m.min, m.max, 1);
    struct norm fixed8 = norm_fixed(0.485, 0.229, 255);
    struct norm fixed = norm_fixed(-600, 1500, 1);
    const struct {
        const struct norm *norm;
        enum sample_type type;
        double value, want;
    } rows[] = {
        {&z, SAMPLE_U8, 9, 2},
        {&z, SAMPLE_F32, 4, -0.5},
        {&z, SAMPLE_F64, 5, 0},
        {&unit, SAMPLE_U16, 2, 0},
        {&unit, SAMPLE_U16, 9, 1},
        {&unit, SAMPLE_I16, -5, -1}, /* nothing is clipped */
        {&sym, SAMPLE_I32, 2, -1},
        {&sym, SAMPLE_U32, 9, 1},
        {&sym, SAMPLE_F32, 5.5, 0},
        {&fixed8, SAMPLE_U8, 255, (float)((1 - 0.485) / 0.229)},
        {&fixed8, SAMPLE_U8, 0, (float)(-0.485 / 0.229)},
        {&fixed, SAMPLE_F32, 900, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_double_eq(mapped(rows[i].norm, rows[i].type, rows[i].value),
                            rows[i].want);
}
END_TEST

/* The means of such frames differ in the last bit, and so from 0.1. */
START_TEST(a_constant_of_many_frames_has_no_deviation)
{
    struct norm_moments all = {0};
    bool is_rounded = false;

    for (uint32_t width = 1; width < 40; width++) {
        struct image frame = image_test_new(width, 3, 1, SAMPLE_F64, 0);
        struct norm_moments m;

        image_test_fill(&frame, 0.1);
        m = measured(&frame, 0, NULL);
        norm_merge(&all, &m);
        image_free(&frame);
        is_rounded |= all.m2 > 0;
        ck_assert_double_eq(norm_sd(&all), 0);
    }
    ck_assert(is_rounded); /* else this shows nothing */
}
END_TEST

START_TEST(a_constant_becomes_zero)
{
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        enum sample_type type = image_test_types[t];
        struct image frame = image_test_new(3, 1, 1, type, 0);
        struct norm_moments m;
        struct norm norms[3];

        image_test_fill(&frame, 0.1);
        m = measured(&frame, 0, NULL);
        norms[0] = norm_fixed(m.mean, norm_sd(&m), 1);
        norms[1] = norm_unit(m.min, m.max, 1);
        norms[2] = norm_sym(m.min, m.max, 1);
        for (int i = 0; i < 3; i++) {
            ck_assert_double_eq(mapped(&norms[i], type, 0.1), 0);
            /* a pixel that was not measured, too */
            ck_assert_double_eq(mapped(&norms[i], type, 77), 0);
        }
        image_free(&frame);
    }
}
END_TEST

START_TEST(an_empty_volume_becomes_zero)
{
    struct norm_moments none = {0};
    struct norm norms[3] = {norm_fixed(none.mean, norm_sd(&none), 1),
                            norm_unit(none.min, none.max, 1),
                            norm_sym(none.min, none.max, 1)};

    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(mapped(&norms[i], SAMPLE_U8, 9), 0);
}
END_TEST

START_TEST(black_pixels_are_background)
{
    static uint8_t rgb[] = {0, 0, 0, 0, 1, 0, 9, 9, 9, 0, 0, 0};
    static uint16_t grey[] = {0, 1, 65535, 0};
    static uint8_t marks[] = {0, 0, 1, 1};
    struct image colour = image_view(rgb, 4, 1, 3, SAMPLE_U8);
    struct image display = image_view(grey, 4, 1, 1, SAMPLE_U16);
    struct image mask = image_view(marks, 4, 1, 1, SAMPLE_U8);

    norm_mark_background(&colour, &mask);
    ck_assert_mem_eq(marks, ((uint8_t[]){1, 0, 1, 1}), 4);
    memset(marks, 0, sizeof marks);
    norm_mark_background(&display, &mask);
    ck_assert_mem_eq(marks, ((uint8_t[]){1, 0, 0, 1}), 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("norm");
    TCase *c = tcase_create("norm");

    tcase_add_test(c, moments_of_a_few_samples);
    tcase_add_test(c, masked_and_infinite_samples_do_not_count);
    tcase_add_test(c, channels_are_measured_each);
    tcase_add_test(c, merged_parts_are_the_whole);
    tcase_add_test(c, a_large_mean_does_not_hide_a_small_deviation);
    tcase_add_test(c, nothing_merged_changes_nothing);
    tcase_add_test(c, samples_are_mapped);
    tcase_add_test(c, a_constant_of_many_frames_has_no_deviation);
    tcase_add_test(c, a_constant_becomes_zero);
    tcase_add_test(c, an_empty_volume_becomes_zero);
    tcase_add_test(c, black_pixels_are_background);
    suite_add_tcase(s, c);
    return check_main(s);
}
