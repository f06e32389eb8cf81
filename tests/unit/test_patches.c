// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/patches.h"
#include "support/check_main.h"

static void check_origin(struct patches_origin got, int64_t x, int64_t y,
                         int64_t z)
{
    ck_assert_int_eq(got.x, x);
    ck_assert_int_eq(got.y, y);
    ck_assert_int_eq(got.z, z);
}

/* ---- grid --------------------------------------------------------------- */

START_TEST(partial_tiles_are_dropped)
{
    static const struct {
        struct patches_size volume, tile, stride;
        uint64_t count;
    } rows[] = {
        {{512, 512, 1}, {64, 64, 0}, {64, 64, 0}, 64},
        {{511, 512, 1}, {64, 64, 0}, {64, 64, 0}, 56},
        {{512, 512, 9}, {64, 64, 0}, {64, 64, 0}, 64},
        {{512, 512, 9}, {64, 64, 4}, {64, 64, 4}, 128},
        {{512, 512, 9}, {64, 64, 4}, {32, 32, 1}, 15 * 15 * 6},
        {{63, 512, 9}, {64, 64, 4}, {32, 32, 1}, 0},
        {{64, 64, 3}, {64, 64, 4}, {32, 32, 1}, 0},
        {{10, 1, 1}, {3, 1, 0}, {5, 1, 0}, 2},
        {{1, 1, 1}, {1, 1, 1}, {999999, 999999, 999999}, 1},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {1, 1, 1},
         {1, 1, 1},
         UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_eq(
            patches_grid_count(&rows[i].volume, &rows[i].tile, &rows[i].stride),
            rows[i].count);
}
END_TEST

START_TEST(tiles_go_by_x_then_y_then_z)
{
    static const struct patches_size volume = {10, 9, 8};
    static const struct patches_size tile = {4, 3, 2};
    static const struct patches_size stride = {3, 2, 5};
    uint64_t k = 0;

    ck_assert_uint_eq(patches_grid_count(&volume, &tile, &stride), 3 * 4 * 2);
    for (int z = 0; z <= 6; z += 5) {
        for (int y = 0; y <= 6; y += 2) {
            for (int x = 0; x <= 6; x += 3)
                check_origin(patches_grid(&volume, &tile, &stride, k++), x, y,
                             z);
        }
    }
}
END_TEST

START_TEST(a_tile_without_depth_takes_every_frame)
{
    static const struct patches_size volume = {10, 9, 8};
    static const struct patches_size tile = {5, 9, 0};
    struct patches_size resolved = patches_resolve(&tile, &volume);

    ck_assert_uint_eq(resolved.depth, 8);
    ck_assert_uint_eq(patches_grid_count(&volume, &tile, &tile), 2);
    check_origin(patches_grid(&volume, &tile, &tile, 1), 5, 0, 0);
}
END_TEST

/* ---- rand --------------------------------------------------------------- */

/* Frozen: data sets are named by these numbers. */
START_TEST(random_patches_are_the_same_for_ever)
{
    static const struct patches_size volume = {512, 512, 400};
    static const struct patches_size patch = {224, 224, 128};
    static const struct {
        const char *uid;
        uint64_t seed, n;
        int64_t x, y, z;
    } rows[] = {
        {"1.2.840.113619.2.55.3.604688119.868", 7U, 1, 53, 177, 131},
        {"1.2.840.113619.2.55.3.604688119.868", 7U, 2, 202, 200, 54},
        {"1.2.840.113619.2.55.3.604688119.868", 8U, 1, 70, 4, 262},
        {"1.2.840.113619.2.55.3.604688119.868", 18446744073709551615U, 20, 104,
         55, 164},
        {"x0123456789abcdef", 0U, 1, 220, 245, 210},
        {"1", 7U, 131071, 135, 14, 172},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_origin(
            patches_rand(rows[i].uid, rows[i].seed, rows[i].n, &volume, &patch),
            rows[i].x, rows[i].y, rows[i].z);
}
END_TEST

/* A volume nobody has shows the lower bits too. */
START_TEST(all_bits_of_a_number_count)
{
    static const struct patches_size volume = {UINT32_MAX, UINT32_MAX,
                                               UINT32_MAX};
    static const struct patches_size patch = {1, 1, 1};

    check_origin(patches_rand("1.2.3", 7, 1, &volume, &patch), 2908237098,
                 202995447, 3801380905);
    check_origin(patches_rand("1.2.3", 7, 2, &volume, &patch), 2458796304,
                 2680803677, 306758415);
}
END_TEST

START_TEST(every_origin_is_drawn_equally_often)
{
    static const struct patches_size volume = {13, 5, 4};
    static const struct patches_size patch = {4, 5, 1};
    uint32_t x[10] = {0};
    uint32_t z[4] = {0};

    for (uint64_t n = 1; n <= 40000; n++) {
        struct patches_origin o = patches_rand("1.2.3", 7, n, &volume, &patch);

        ck_assert_int_ge(o.x, 0);
        ck_assert_int_lt(o.x, 10);
        ck_assert_int_eq(o.y, 0);
        ck_assert_int_ge(o.z, 0);
        ck_assert_int_lt(o.z, 4);
        x[o.x]++;
        z[o.z]++;
    }
    /* six standard deviations of a binomial */
    for (int i = 0; i < 10; i++)
        ck_assert_int_le(abs((int)x[i] - 4000), 360);
    for (int i = 0; i < 4; i++)
        ck_assert_int_le(abs((int)z[i] - 10000), 520);
}
END_TEST

START_TEST(what_is_drawn_for_one_axis_does_not_move_another)
{
    static const struct patches_size wide = {100, 80, 60};
    static const struct patches_size narrow = {4, 80, 60};
    static const struct patches_size patch = {8, 8, 8};
    struct patches_origin a = patches_rand("u", 1, 1, &wide, &patch);
    struct patches_origin b = patches_rand("u", 1, 1, &narrow, &patch);

    ck_assert_int_eq(b.x, -2); /* too small: in the middle */
    ck_assert_int_eq(a.y, b.y);
    ck_assert_int_eq(a.z, b.z);
}
END_TEST

/* ---- roi and canvas ----------------------------------------------------- */

START_TEST(patches_are_centred_on_points)
{
    static const struct {
        double centre;
        uint32_t side;
        int64_t origin;
    } rows[] = {
        {10, 3, 9},    {10, 4, 8},          {10.5, 4, 9},   {10.4, 4, 9},
        {10.5, 3, 9},  {10.51, 3, 10},      {0, 1, 0},      {0.5, 1, 0},
        {-0.5, 1, -1}, {0, 64, -32},        {-7.25, 2, -8}, {511, 64, 479},
        {-3, 3, -4},   {1e9, 2, 999999999},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double centre[3] = {rows[i].centre, 5, rows[i].centre};
        struct patches_size patch = {rows[i].side, 1, rows[i].side};
        struct patches_origin got;

        ck_assert(patches_roi(centre, &patch, &got));
        check_origin(got, rows[i].origin, 5, rows[i].origin);
        patch.depth = 0;
        ck_assert(patches_roi(centre, &patch, &got));
        ck_assert_int_eq(got.z, 0);
    }
}
END_TEST

START_TEST(points_nowhere_are_refused)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300};
    static const struct patches_size patch = {8, 8, 8};
    struct patches_origin got;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double centre[3] = {0, bad[i], 0};

        ck_assert(!patches_roi(centre, &patch, &got));
    }
}
END_TEST

START_TEST(a_canvas_is_what_pad_canvas_says)
{
    for (uint32_t n = 1; n < 9; n++) {
        for (uint32_t canvas = 1; canvas < 9; canvas++) {
            struct patches_size volume = {n, n, n};
            struct patches_size size = {canvas, canvas, canvas};
            struct patches_origin got = patches_canvas(&volume, &size);
            struct image_box cut;
            struct pad pad;

            pad_canvas(n, n, canvas, canvas, &cut, &pad);
            ck_assert_int_eq(got.x, (int64_t)cut.x - pad.left);
            ck_assert_int_eq(got.y, (int64_t)cut.y - pad.top);
            ck_assert_int_eq(got.z, got.x);
        }
    }
    check_origin(patches_canvas(&(struct patches_size){9, 9, 9},
                                &(struct patches_size){3, 12, 0}),
                 3, -1, 0);
}
END_TEST

START_TEST(frames_outside_are_filled)
{
    static const struct {
        enum pad_fill fill;
        int64_t z, want;
    } rows[] = {
        {PAD_FILL_VALUE, 0, 0},    {PAD_FILL_VALUE, 4, 4},
        {PAD_FILL_VALUE, 5, -1},   {PAD_FILL_VALUE, -1, -1},
        {PAD_FILL_EDGE, -3, 0},    {PAD_FILL_EDGE, 99, 4},
        {PAD_FILL_REFLECT, -1, 1}, {PAD_FILL_REFLECT, 5, 3},
        {PAD_FILL_REFLECT, 8, 0},  {PAD_FILL_REFLECT, 9, 1},
        {PAD_FILL_REFLECT, 2, 2},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_int_eq(patches_frame(rows[i].fill, rows[i].z, 5),
                         rows[i].want);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("patches");
    TCase *c = tcase_create("patches");

    tcase_add_test(c, partial_tiles_are_dropped);
    tcase_add_test(c, tiles_go_by_x_then_y_then_z);
    tcase_add_test(c, a_tile_without_depth_takes_every_frame);
    tcase_add_test(c, random_patches_are_the_same_for_ever);
    tcase_add_test(c, all_bits_of_a_number_count);
    tcase_add_test(c, every_origin_is_drawn_equally_often);
    tcase_add_test(c, what_is_drawn_for_one_axis_does_not_move_another);
    tcase_add_test(c, patches_are_centred_on_points);
    tcase_add_test(c, points_nowhere_are_refused);
    tcase_add_test(c, a_canvas_is_what_pad_canvas_says);
    tcase_add_test(c, frames_outside_are_filled);
    suite_add_tcase(s, c);
    return check_main(s);
}
