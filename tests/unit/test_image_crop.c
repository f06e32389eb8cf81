// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>

#include "image/crop.h"
#include "image/luma.h"

static struct error err;

static void set(const struct image *image, uint32_t x, uint32_t y, double v)
{
    sample_set(image_row(image, y), image->type, (size_t)x * image->channels,
               v);
}

static void fill_rect(const struct image *image, uint32_t x0, uint32_t y0,
                      uint32_t x1, uint32_t y1, double v)
{
    for (uint32_t y = y0; y <= y1; y++) {
        for (uint32_t x = x0; x <= x1; x++)
            set(image, x, y, v);
    }
}

static struct image black(uint32_t w, uint32_t h, enum sample_type type)
{
    struct image image = image_test_new(w, h, 1, type, 1);

    image_test_fill(&image, 0);
    return image;
}

static void expect(const struct image *image, struct crop_params params,
                   uint32_t x, uint32_t y, uint32_t w, uint32_t h, bool blank)
{
    struct image_box box;
    bool is_blank;

    ck_assert_int_eq(crop_measure(image, &params, NULL, &box, &is_blank, &err),
                     0);
    ck_assert_uint_eq(box.x, x);
    ck_assert_uint_eq(box.y, y);
    ck_assert_uint_eq(box.width, w);
    ck_assert_uint_eq(box.height, h);
    ck_assert(is_blank == blank);
}

static const struct crop_params components = {false, false, 0};
static const struct crop_params baseline = {false, true, 0};

START_TEST(small_pictures_have_the_reference_boxes)
{
    struct image a = black(4, 4, SAMPLE_U8);
    struct crop_params max_baseline = {true, true, 0};
    struct crop_params max = {true, false, 0};

    fill_rect(&a, 1, 1, 2, 2, 1);
    expect(&a, baseline, 1, 1, 2, 2, false);
    expect(&a, components, 1, 1, 2, 2, false); /* 1 is below the threshold */
    image_test_fill(&a, 0);
    expect(&a, baseline, 0, 0, 4, 4, true);
    expect(&a, components, 0, 0, 4, 4, true);
    image_test_fill(&a, 1);
    expect(&a, baseline, 0, 0, 4, 4, false);
    image_test_fill(&a, 0);
    fill_rect(&a, 1, 1, 2, 2, 1);
    set(&a, 0, 0, 255);
    set(&a, 3, 0, 255);
    set(&a, 0, 3, 255);
    set(&a, 3, 3, 255);
    expect(&a, max_baseline, 1, 1, 2, 2, false);
    expect(&a, max, 1, 1, 2, 2, false);
    expect(&a, baseline, 0, 0, 4, 4, false);
    image_free(&a);
}
END_TEST

START_TEST(borders_are_not_looked_at_but_given_back)
{
    struct image a = black(6, 6, SAMPLE_U8);
    struct crop_params fifth = {false, true, 0.2F};
    struct crop_params tenth = {false, true, 0.1F};
    struct crop_params half = {false, true, 0.5F};

    fill_rect(&a, 2, 1, 3, 4, 1);
    expect(&a, fifth, 1, 0, 4, 5, false);
    expect(&a, baseline, 2, 1, 2, 4, false);
    expect(&a, half, 0, 0, 6, 6, true); /* nothing is looked at */
    set(&a, 4, 4, 1);                   /* the last pixel of the window */
    set(&a, 5, 5, 1);
    expect(&a, fifth, 1, 0, 4, 5, false);
    image_test_fill(&a, 0);
    set(&a, 3, 3, 1);
    expect(&a, fifth, 2, 2, 3, 3, false);
    image_test_fill(&a, 0);
    fill_rect(&a, 0, 0, 5, 5, 1); /* a ring and a centre */
    fill_rect(&a, 1, 1, 4, 4, 0);
    fill_rect(&a, 2, 2, 3, 3, 1);
    expect(&a, tenth, 0, 0, 5, 5, false);
    expect(&a, baseline, 0, 0, 6, 6, false);
    image_free(&a);
}
END_TEST

START_TEST(a_border_ends_where_f32_says)
{
    struct image a = black(100, 50, SAMPLE_U8);
    struct crop_params tenth = {false, true, 0.1F};

    set(&a, 10, 5, 1); /* the corners of the window [10, 90) x [5, 45) */
    set(&a, 89, 44, 1);
    expect(&a, tenth, 0, 0, 100, 50, false);
    image_test_fill(&a, 0);
    set(&a, 9, 20, 1); /* just outside */
    set(&a, 90, 20, 1);
    set(&a, 50, 4, 1);
    set(&a, 50, 45, 1);
    expect(&a, tenth, 0, 0, 100, 50, true);
    set(&a, 50, 25, 1);
    expect(&a, tenth, 40, 20, 21, 11, false);
    image_free(&a);
}
END_TEST

START_TEST(the_largest_component_wins)
{
    struct image a = black(8, 8, SAMPLE_U8);

    fill_rect(&a, 1, 1, 2, 2, 7);
    fill_rect(&a, 4, 3, 6, 6, 9);
    expect(&a, components, 4, 3, 3, 4, false);
    expect(&a, baseline, 1, 1, 6, 6, false);
    image_free(&a);
}
END_TEST

START_TEST(of_equal_components_the_last_wins)
{
    struct image a = black(9, 3, SAMPLE_U8);

    fill_rect(&a, 1, 1, 2, 1, 9);
    fill_rect(&a, 6, 1, 7, 1, 9);
    expect(&a, components, 6, 1, 2, 1, false);
    /* the order is that of first pixels, not of last ones: the left one, now
     * taller, begins one row above the right one and still loses */
    image_test_fill(&a, 0);
    fill_rect(&a, 1, 0, 1, 2, 9);
    fill_rect(&a, 5, 1, 7, 1, 9);
    expect(&a, components, 5, 1, 3, 1, false);
    image_free(&a);
}
END_TEST

START_TEST(components_join_over_edges_not_over_corners)
{
    struct image a = black(7, 7, SAMPLE_U8);

    for (uint32_t i = 0; i < 7; i++) /* a diagonal: 7 components of 1 */
        set(&a, i, i, 9);
    expect(&a, components, 6, 6, 1, 1, false);
    /* a U is one component although its arms meet last */
    image_test_fill(&a, 0);
    fill_rect(&a, 1, 2, 1, 5, 9);
    fill_rect(&a, 5, 0, 5, 5, 9);
    fill_rect(&a, 1, 5, 5, 5, 9);
    fill_rect(&a, 3, 0, 3, 3, 9);
    expect(&a, components, 1, 0, 5, 6, false);
    /* and so is an arch */
    image_test_fill(&a, 0);
    fill_rect(&a, 1, 1, 1, 6, 9);
    fill_rect(&a, 5, 1, 5, 4, 9);
    fill_rect(&a, 1, 1, 5, 1, 9);
    expect(&a, components, 1, 1, 5, 6, false);
    image_free(&a);
}
END_TEST

START_TEST(a_single_pixel_is_a_box)
{
    static const enum sample_type types[] = {SAMPLE_U8, SAMPLE_U16};
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 600, 1030};

    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            uint32_t n = sizes[i];
            struct image a = black(n, n, types[t]);

            set(&a, n / 2, n - 1, 60000);
            expect(&a, components, n / 2, n - 1, 1, 1, false);
            expect(&a, baseline, n / 2, n - 1, 1, 1, false);
            image_free(&a);
        }
    }
}
END_TEST

START_TEST(faint_pictures_keep_the_first_box)
{
    struct image a = black(1024, 1024, SAMPLE_U16);

    fill_rect(&a, 101, 83, 900, 910, 1);
    expect(&a, components, 101, 83, 800, 828, false);
    set(&a, 500, 500, 385); /* as 8 bits: 1 */
    expect(&a, components, 101, 83, 800, 828, false);
    image_free(&a);
    a = black(10, 10, SAMPLE_U16);
    set(&a, 1, 1, 1);
    set(&a, 7, 7, 386); /* as 8 bits: 2 */
    expect(&a, components, 7, 7, 1, 1, false);
    image_free(&a);
}
END_TEST

START_TEST(thumbnails_are_mapped_back)
{
    struct image a = black(1000, 700, SAMPLE_U16);
    struct crop_params border = {false, true, 0.05F};
    struct crop_params both = {false, false, 0.05F};

    fill_rect(&a, 37, 51, 801, 650, 5000);
    fill_rect(&a, 900, 590, 905, 600, 5000);
    expect(&a, baseline, 37, 51, 869, 600, false);
    expect(&a, components, 37, 51, 766, 600, false);
    expect(&a, border, 0, 16, 956, 670, false);
    expect(&a, both, 37, 51, 766, 600, false);
    image_free(&a);
}
END_TEST

START_TEST(saturated_pixels_are_a_component)
{
    struct image a = black(8, 8, SAMPLE_U8);
    struct crop_params max = {true, false, 0};
    struct crop_params max_baseline = {true, true, 0};

    fill_rect(&a, 2, 3, 4, 4, 255);
    expect(&a, max_baseline, 0, 0, 8, 8, true);
    expect(&a, max, 2, 3, 3, 2, false); /* not blank: the second pass found */
    image_free(&a);
}
END_TEST

START_TEST(colours_use_the_integer_luma_first)
{
    struct image a = image_test_new(5, 5, 3, SAMPLE_U8, 2);

    image_test_fill(&a, 0);
    image_row(&a, 1)[1 * 3 + 2] = 13; /* blue: luma 0.94 */
    image_row(&a, 3)[2 * 3 + 2] = 14; /* blue: luma 1.01 */
    image_row(&a, 2)[3 * 3 + 2] = 21; /* float luma 1.5: 2 */
    expect(&a, baseline, 2, 2, 2, 2, false);
    expect(&a, components, 3, 2, 1, 1, false);
    image_free(&a);
}
END_TEST

START_TEST(luma_has_the_reference_values)
{
    static const struct {
        uint8_t rgb[3];
        uint32_t integer;
        uint8_t real;
    } rows[] = {
        {{0, 0, 13}, 0, 1}, {{0, 0, 21}, 1, 2},          {{0, 1, 0}, 0, 1},
        {{8, 0, 0}, 1, 2},  {{255, 0, 0}, 54, 54},       {{0, 0, 255}, 18, 18},
        {{0, 0, 0}, 0, 0},  {{255, 255, 255}, 255, 255},
    };
    static const uint16_t narrow[][2] = {
        {128, 0}, {129, 1}, {385, 1}, {386, 2}, {32767, 127}, {32768, 128},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t *p = rows[i].rgb;

        ck_assert_uint_eq(luma_integer(p[0], p[1], p[2]), rows[i].integer);
        ck_assert_uint_eq(luma_float8(p[0], p[1], p[2]), rows[i].real);
    }
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++)
        ck_assert_uint_eq(luma_to_8(narrow[i][0]), narrow[i][1]);
}
END_TEST

START_TEST(padding_pixels_are_background)
{
    struct image a = black(700, 600, SAMPLE_U16);
    struct image mask = black(700, 600, SAMPLE_U8);
    struct image_box box;
    bool blank;

    fill_rect(&a, 0, 0, 699, 599, 60000);
    fill_rect(&mask, 0, 0, 699, 599, 1);
    ck_assert_int_eq(crop_measure(&a, &components, &mask, &box, &blank, &err),
                     0);
    ck_assert(blank);
    fill_rect(&mask, 100, 50, 499, 349, 0);
    ck_assert_int_eq(crop_measure(&a, &components, &mask, &box, &blank, &err),
                     0);
    ck_assert(!blank);
    ck_assert_uint_eq(box.x, 100);
    ck_assert_uint_eq(box.y, 50);
    ck_assert_uint_eq(box.width, 400);
    ck_assert_uint_eq(box.height, 300);
    image_free(&a);
    image_free(&mask);
}
END_TEST

START_TEST(unions_leave_blank_frames_out)
{
    struct crop_union u = {0};
    struct image_box a = {1, 1, 2, 2};
    struct image_box b = {2, 2, 2, 2};
    struct image_box whole = {0, 0, 9, 9};
    struct image_box got;

    crop_union_add(&u, &whole, true);
    got = crop_union_box(&u, 9, 9);
    ck_assert_uint_eq(got.width, 9);
    crop_union_add(&u, &a, false);
    crop_union_add(&u, &whole, true);
    crop_union_add(&u, &b, false);
    got = crop_union_box(&u, 9, 9);
    ck_assert_uint_eq(got.x, 1);
    ck_assert_uint_eq(got.y, 1);
    ck_assert_uint_eq(got.width, 3);
    ck_assert_uint_eq(got.height, 3);
}
END_TEST

START_TEST(central_and_explicit_boxes)
{
    struct image_box asked = {8, 2, UINT32_MAX, 3};
    struct image_box got = crop_mid(10, 7, 4, 100);

    ck_assert_uint_eq(got.x, 3);
    ck_assert_uint_eq(got.width, 4);
    ck_assert_uint_eq(got.y, 0);
    ck_assert_uint_eq(got.height, 7);
    got = crop_mid(10, 7, 3, 2);
    ck_assert_uint_eq(got.x, 3);
    ck_assert_uint_eq(got.y, 2);
    ck_assert(crop_box(10, 7, &asked, &got));
    ck_assert_uint_eq(got.width, 2);
    ck_assert_uint_eq(got.height, 3);
    asked.x = 10;
    ck_assert(!crop_box(10, 7, &asked, &got));
    asked = (struct image_box){0, 0, 0, 1};
    ck_assert(!crop_box(10, 7, &asked, &got));
}
END_TEST

START_TEST(other_samples_are_refused)
{
    struct image a = black(3, 3, SAMPLE_F32);
    struct image b = black(3, 3, SAMPLE_U8);
    struct image c = black(2, 3, SAMPLE_U8);
    struct crop_params bad = {false, false, 0.6F};
    struct image_box box;
    bool blank;

    ck_assert_int_eq(crop_measure(&a, &baseline, NULL, &box, &blank, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    ck_assert_int_eq(crop_measure(&b, &bad, NULL, &box, &blank, &err), -1);
    ck_assert_int_eq(crop_measure(&b, &baseline, &c, &box, &blank, &err), -1);
    image_free(&a);
    image_free(&b);
    image_free(&c);
}
END_TEST

/* Against the definition: every pixel looked at. */
START_TEST(noise_has_the_box_of_the_definition)
{
    uint64_t seed = 6;

    for (int round = 0; round < 400; round++) {
        uint32_t w = 1 + (uint32_t)(image_test_random(&seed) % 200);
        uint32_t h = 1 + (uint32_t)(image_test_random(&seed) % 20);
        struct image a = black(w, h, round & 1 ? SAMPLE_U8 : SAMPLE_U16);
        double top = round & 1 ? 255 : 65535;
        uint64_t dots = image_test_random(&seed) % 5;
        struct crop_params max = {true, true, 0};
        uint32_t left = w;
        uint32_t right = 0;
        uint32_t upper = h;
        uint32_t lower = 0;

        while (dots-- > 0)
            set(&a, (uint32_t)(image_test_random(&seed) % w),
                (uint32_t)(image_test_random(&seed) % h),
                image_test_random(&seed) & 1 ? top : 1);
        for (uint32_t y = 0; y < h; y++) {
            for (uint32_t x = 0; x < w; x++) {
                double v = image_test_get(&a, x, y);

                if (v == 0 || v == top)
                    continue;
                left = x < left ? x : left;
                right = x > right ? x : right;
                upper = y < upper ? y : upper;
                lower = y;
            }
        }
        if (left == w)
            expect(&a, max, 0, 0, w, h, true);
        else
            expect(&a, max, left, upper, right - left + 1, lower - upper + 1,
                   false);
        image_free(&a);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_crop");
    TCase *t = tcase_create("crop");
    SRunner *r;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, small_pictures_have_the_reference_boxes);
    tcase_add_test(t, borders_are_not_looked_at_but_given_back);
    tcase_add_test(t, a_border_ends_where_f32_says);
    tcase_add_test(t, the_largest_component_wins);
    tcase_add_test(t, of_equal_components_the_last_wins);
    tcase_add_test(t, components_join_over_edges_not_over_corners);
    tcase_add_test(t, a_single_pixel_is_a_box);
    tcase_add_test(t, faint_pictures_keep_the_first_box);
    tcase_add_test(t, thumbnails_are_mapped_back);
    tcase_add_test(t, saturated_pixels_are_a_component);
    tcase_add_test(t, colours_use_the_integer_luma_first);
    tcase_add_test(t, luma_has_the_reference_values);
    tcase_add_test(t, padding_pixels_are_background);
    tcase_add_test(t, unions_leave_blank_frames_out);
    tcase_add_test(t, central_and_explicit_boxes);
    tcase_add_test(t, other_samples_are_refused);
    tcase_add_test(t, noise_has_the_box_of_the_definition);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
