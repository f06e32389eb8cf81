// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/orient.h"
#include "image/rot.h"
#include "support/check_main.h"

static struct image turned(double degrees, enum pad_fill fill, double value,
                           const struct image *src)
{
    struct image dst =
        image_test_new(src->width, src->height, src->channels, src->type, 2);

    rot_apply(degrees, fill, value, src, &dst);
    return dst;
}

START_TEST(quarters_are_known)
{
    static const struct {
        double degrees;
        bool is_quarter;
        unsigned turns;
    } rows[] = {
        {0, true, 0},   {90, true, 1},   {180, true, 2},        {270, true, 3},
        {360, true, 0}, {-90, true, 3},  {450, true, 1},        {-360, true, 0},
        {45, false, 0}, {0.5, false, 0}, {89.999999, false, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned turns = 9;

        ck_assert_int_eq(rot_is_quarter(rows[i].degrees, &turns),
                         rows[i].is_quarter);
        if (rows[i].is_quarter)
            ck_assert_uint_eq(turns, rows[i].turns);
    }
}
END_TEST

/* On a square nothing is lost, so both ways to turn are one. */
START_TEST(quarter_turns_of_a_square_are_exact)
{
    uint64_t seed = 5;

    for (uint32_t side = 1; side < 9; side++) {
        for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
            struct image src =
                image_test_new(side, side, 3, image_test_types[t], 1);

            image_test_noise(&src, &seed);
            for (unsigned turns = 0; turns < 5; turns++) {
                struct orient o = {false, false, turns & 3};
                struct image want =
                    image_test_new(side, side, 3, image_test_types[t], 0);
                struct image got =
                    turned(turns * 90.0, PAD_FILL_VALUE, 7, &src);

                orient_apply(&o, &src, &want);
                ck_assert(image_test_equal(&got, &want));
                image_free(&got);
                image_free(&want);
            }
            image_free(&src);
        }
    }
}
END_TEST

/* One bright pixel right of the middle goes down when turned clockwise. */
START_TEST(angles_are_clockwise)
{
    struct image src = image_test_new(101, 101, 1, SAMPLE_U16, 0);
    struct image got;

    image_test_fill(&src, 0);
    for (uint32_t y = 48; y <= 52; y++) {
        for (uint32_t x = 88; x <= 92; x++)
            sample_set(image_row(&src, y), SAMPLE_U16, x, 1000);
    }
    got = turned(30, PAD_FILL_VALUE, 0, &src);
    /* 40 pixels from the middle, at 30 degrees below the horizontal */
    ck_assert_double_eq(image_test_get(&got, 50 + 35, 50 + 20), 1000);
    ck_assert_double_eq(image_test_get(&got, 50 + 35, 50 - 20), 0);
    image_free(&got);
    got = turned(-30, PAD_FILL_VALUE, 0, &src);
    ck_assert_double_eq(image_test_get(&got, 50 + 35, 50 - 20), 1000);
    image_free(&got);
    image_free(&src);
}
END_TEST

START_TEST(outside_is_what_the_fill_says)
{
    struct image src = image_test_new(5, 5, 1, SAMPLE_I16, 0);
    struct image got;

    image_test_fill(&src, 100);
    got = turned(45, PAD_FILL_VALUE, -50, &src);
    /* the corner is 2.83 pixels from the middle: outside by 0.83 - 0.5 */
    ck_assert_double_eq(image_test_get(&got, 0, 0),
                        round(100 - 150 * 0.8284271));
    ck_assert_double_eq(image_test_get(&got, 2, 2), 100);
    image_free(&got);
    got = turned(45, PAD_FILL_EDGE, -50, &src);
    ck_assert(image_test_equal(&got, &src));
    image_free(&got);
    got = turned(45, PAD_FILL_REFLECT, -50, &src);
    ck_assert(image_test_equal(&got, &src));
    image_free(&got);
    image_free(&src);
}
END_TEST

/* A constant inside and outside stays one, for every type and angle. */
START_TEST(a_constant_stays_constant)
{
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        struct image src = image_test_new(13, 8, 3, image_test_types[t], 1);

        image_test_fill(&src, 77);
        for (double degrees = 1; degrees < 360; degrees += 7.3) {
            struct image got = turned(degrees, PAD_FILL_VALUE, 77, &src);

            ck_assert(image_test_equal(&got, &src));
            image_free(&got);
        }
        image_free(&src);
    }
}
END_TEST

/* What has no weight does no harm. */
START_TEST(a_nan_stays_where_it_is)
{
    struct image src = image_test_new(3, 3, 1, SAMPLE_F32, 0);
    struct image got;
    uint32_t nans = 0;

    image_test_fill(&src, 1);
    sample_set(image_row(&src, 1), SAMPLE_F32, 1, NAN);
    got = turned(180, PAD_FILL_VALUE, 0, &src);
    for (uint32_t i = 0; i < 9; i++)
        nans += isnan(image_test_get(&got, i % 3, i / 3)) != 0;
    ck_assert_uint_eq(nans, 1);
    ck_assert(isnan(image_test_get(&got, 1, 1)));
    image_free(&got);
    image_free(&src);
}
END_TEST

START_TEST(masks_are_turned_to_the_nearest_pixel)
{
    struct image src = image_test_new(4, 4, 1, SAMPLE_U8, 1);
    struct image got = image_test_new(4, 4, 1, SAMPLE_U8, 0);
    static const uint8_t corners[16] = {1, 0, 0, 1, 0, 0, 0, 0,
                                        0, 0, 0, 0, 1, 0, 0, 1};

    rot_mask(45, NULL, &got);
    ck_assert_mem_eq(got.data, corners, 16); /* from outside */
    image_test_fill(&src, 0);
    sample_set(image_row(&src, 0), SAMPLE_U8, 1, 1);
    rot_mask(90, &src, &got);
    for (uint32_t i = 0; i < 16; i++)
        ck_assert_uint_eq(got.data[i], i == 1 * 4 + 3);
    image_free(&src);
    image_free(&got);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rot");
    TCase *c = tcase_create("rot");

    tcase_add_test(c, quarters_are_known);
    tcase_add_test(c, quarter_turns_of_a_square_are_exact);
    tcase_add_test(c, angles_are_clockwise);
    tcase_add_test(c, outside_is_what_the_fill_says);
    tcase_add_test(c, a_constant_stays_constant);
    tcase_add_test(c, a_nan_stays_where_it_is);
    tcase_add_test(c, masks_are_turned_to_the_nearest_pixel);
    suite_add_tcase(s, c);
    return check_main(s);
}
