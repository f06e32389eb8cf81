// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/resize.h"
#include "image/resize_kernel.h"

static struct error err;

static const enum resize_filter filters[] = {
    RESIZE_TRIANGLE, RESIZE_NEAREST,  RESIZE_CATMULLROM,
    RESIZE_GAUSSIAN, RESIZE_LANCZOS3, RESIZE_MAXPOOL,
};
#define FILTERS (sizeof filters / sizeof filters[0])

static uint32_t bits_of(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static struct resize_target stretch(uint32_t w, uint32_t h, uint32_t to_w,
                                    uint32_t to_h)
{
    return resize_size(RESIZE_STRETCH, w, h, to_w, to_h, false);
}

/* `src` resized with one set of kernels into an image with odd gaps. */
static struct image resized_with(const struct resize_kernels *kernels,
                                 const struct image *src,
                                 const struct resize_target *target,
                                 enum resize_filter filter)
{
    struct resize_plan *plan = NULL;
    struct image dst;
    uint32_t w;
    uint32_t h;

    ck_assert_int_eq(
        resize_plan_new(src->width, src->height, target, filter, &plan, &err),
        0);
    resize_plan_size(plan, &w, &h);
    dst = image_test_new(w, h, src->channels, src->type, 1);
    ck_assert_int_eq(resize_apply_with(kernels, plan, src, &dst, NULL, &err),
                     0);
    resize_plan_free(plan);
    return dst;
}

static struct image resized(const struct image *src,
                            const struct resize_target *target,
                            enum resize_filter filter)
{
    return resized_with(resize_kernels_best(), src, target, filter);
}

START_TEST(sizes_are_those_of_the_reference)
{
    static const struct {
        uint32_t in[2];
        uint32_t ask[2];
        uint32_t out[2];
        uint32_t scale;
    } rows[] = {
        {{1914, 2294}, {384, 512}, {384, 460}, 0x3e4d7127},
        {{3328, 4096}, {384, 512}, {384, 473}, 0x3dec4ec5},
        {{2457, 1890}, {384, 512}, {384, 295}, 0},
        {{1000, 999}, {512, 512}, {512, 511}, 0},
        {{7, 5}, {100, 3}, {4, 3}, 0},
        {{8, 4}, {4, 4}, {4, 2}, 0x3f000000},
        {{128, 128}, {50, 70}, {50, 50}, 0x3ec80000},
        {{128, 128}, {200, 150}, {150, 150}, 0x3f960000},
        {{10000, 1}, {100, 100}, {100, 1}, 0}, /* REF: 100x0 */
        {{1, 1}, {1, 1}, {1, 1}, 0x3f800000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct resize_target t =
            resize_size(RESIZE_FIT, rows[i].in[0], rows[i].in[1],
                        rows[i].ask[0], rows[i].ask[1], false);

        ck_assert_uint_eq(t.width, rows[i].out[0]);
        ck_assert_uint_eq(t.height, rows[i].out[1]);
        ck_assert_uint_eq(t.cut.width, t.width);
        ck_assert_uint_eq(t.cut.height, t.height);
        if (rows[i].scale != 0)
            ck_assert_uint_eq(bits_of(t.scale_x), rows[i].scale);
        ck_assert_uint_eq(bits_of(t.scale_x), bits_of(t.scale_y));
    }
}
END_TEST

START_TEST(cover_fills_and_cuts_the_centre)
{
    struct resize_target t = resize_size(RESIZE_COVER, 200, 100, 50, 50, false);

    ck_assert_uint_eq(t.width, 100);
    ck_assert_uint_eq(t.height, 50);
    ck_assert_uint_eq(t.cut.x, 25);
    ck_assert_uint_eq(t.cut.y, 0);
    ck_assert_uint_eq(t.cut.width, 50);
    ck_assert_uint_eq(t.cut.height, 50);
    for (uint32_t w = 1; w < 400; w += 7) {
        for (uint32_t h = 1; h < 400; h += 13) {
            t = resize_size(RESIZE_COVER, w, h, 31, 77, false);
            ck_assert_uint_eq(t.cut.width, 31);
            ck_assert_uint_eq(t.cut.height, 77);
        }
    }
}
END_TEST

START_TEST(stretch_takes_each_axis)
{
    struct resize_target t =
        resize_size(RESIZE_STRETCH, 200, 100, 50, 300, false);

    ck_assert_uint_eq(t.width, 50);
    ck_assert_uint_eq(t.height, 300);
    ck_assert_float_eq(t.scale_x, 0.25F);
    ck_assert_float_eq(t.scale_y, 3.0F);
    t = resize_size(RESIZE_STRETCH, 200, 100, 50, 300, true);
    ck_assert_uint_eq(t.width, 50);
    ck_assert_uint_eq(t.height, 100);
    ck_assert_float_eq(t.scale_y, 1.0F);
}
END_TEST

START_TEST(noup_never_enlarges)
{
    struct resize_target t = resize_size(RESIZE_FIT, 20, 10, 100, 100, true);

    ck_assert_uint_eq(t.width, 20);
    ck_assert_uint_eq(t.height, 10);
    ck_assert_float_eq(t.scale_x, 1.0F);
    t = resize_size(RESIZE_COVER, 50, 1000, 100, 100, true);
    ck_assert_uint_eq(t.cut.width, 50);
    ck_assert_uint_eq(t.cut.height, 100);
    ck_assert_uint_eq(t.cut.y, 450);
    t = resize_size(RESIZE_FIT, 400, 100, 100, 100, true);
    ck_assert_uint_eq(t.width, 100);
    ck_assert_uint_eq(t.height, 25);
}
END_TEST

START_TEST(extreme_sizes_stay_sizes)
{
    static const uint32_t sides[] = {1, 2, 65535, 1U << 24, UINT32_MAX};

    for (size_t i = 0; i < 5 * 5 * 5 * 5; i++) {
        for (int m = 0; m < 3; m++) {
            struct resize_target t =
                resize_size((enum resize_mode)m, sides[i % 5], sides[i / 5 % 5],
                            sides[i / 25 % 5], sides[i / 125], (i & 1) != 0);

            ck_assert(image_box_is_inside(&t.cut, t.width, t.height));
            if (m == RESIZE_FIT) {
                ck_assert_uint_le(t.width, sides[i / 25 % 5]);
                ck_assert_uint_le(t.height, sides[i / 125]);
            }
        }
    }
}
END_TEST

START_TEST(spacings_are_those_of_the_reference)
{
    static const struct {
        float mm[2];
        uint32_t out[2];
    } rows[] = {
        {{1, 1}, {85, 85}},
        {{0.5F, 0.5F}, {169, 169}},
        {{1, 0.5F}, {85, 169}},
        {{1000, 1000}, {1, 1}},
    };
    float ppmm = 1 / 0.661468F;
    struct resize_target t;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(resize_spacing(128, 128, ppmm, ppmm, rows[i].mm[0],
                                        rows[i].mm[1], false, &t, &err),
                         0);
        ck_assert_uint_eq(t.width, rows[i].out[0]);
        ck_assert_uint_eq(t.height, rows[i].out[1]);
        ck_assert_float_eq(t.scale_x, (float)t.width / 128.0F);
        ck_assert_float_eq(t.scale_y, (float)t.height / 128.0F);
    }
    ck_assert_int_eq(
        resize_spacing(128, 128, ppmm, ppmm, 0.1F, 0.9F, true, &t, &err), 0);
    ck_assert_uint_eq(t.width, 128);
    ck_assert_uint_eq(t.height, 94);
}
END_TEST

START_TEST(hostile_spacings_are_refused)
{
    static const float bad[] = {0, -1, NAN, INFINITY, -0.0F};
    struct resize_target t;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(resize_spacing(9, 9, 1, 1, bad[i], 1, false, &t, &err),
                         -1);
        ck_assert_int_eq(err.kind, ERROR_INTERNAL);
        ck_assert_int_eq(resize_spacing(9, 9, 1, bad[i], 1, 1, false, &t, &err),
                         -1);
    }
    ck_assert_int_eq(
        resize_spacing(9, 9, 1e-30F, 1, 1e-30F, 1, false, &t, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TOO_BIG);
}
END_TEST

static void expect_u16(const struct image *src, uint32_t w, uint32_t h,
                       enum resize_filter filter, const uint16_t *want)
{
    struct resize_target t = stretch(src->width, src->height, w, h);
    struct image got = resized(src, &t, filter);

    for (uint32_t y = 0; y < h; y++)
        ck_assert_mem_eq(image_row(&got, y), want + (size_t)y * w,
                         w * sizeof *want);
    image_free(&got);
}

START_TEST(grey_has_the_reference_values)
{
    static const struct {
        enum resize_filter filter;
        uint32_t w;
        uint32_t h;
        uint16_t want[12];
    } rows[] = {
        {RESIZE_NEAREST, 3, 2, {33928, 4182, 37788, 41986, 62488, 15270}},
        {RESIZE_TRIANGLE, 3, 2, {22473, 26789, 29800, 38432, 41112, 26404}},
        {RESIZE_CATMULLROM, 3, 2, {20818, 26599, 30440, 38746, 43120, 25578}},
        {RESIZE_GAUSSIAN, 3, 2, {23572, 28236, 29447, 37412, 39439, 27447}},
        {RESIZE_LANCZOS3, 3, 2, {20096, 27008, 30504, 37765, 43679, 25588}},
        {RESIZE_TRIANGLE,
         4,
         3,
         {20785, 33751, 22319, 29246, 19503, 25486, 36977, 31361, 47192, 48607,
          42036, 13999}},
        {RESIZE_LANCZOS3,
         4,
         3,
         {18389, 36316, 18847, 29536, 19401, 20477, 37823, 33046, 48163, 53218,
          45252, 10633}},
    };
    uint16_t samples[35];
    struct image src = image_view(samples, 7, 5, 1, SAMPLE_U16);

    for (uint32_t i = 0; i < 35; i++)
        samples[i] = (uint16_t)((i * i * 7919 + i * 104729) % 65536);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_u16(&src, rows[i].w, rows[i].h, rows[i].filter, rows[i].want);
}
END_TEST

START_TEST(colour_has_the_reference_values)
{
    static const uint8_t triangle[] = {47,  130, 191, 108, 150, 170,
                                       93,  206, 185, 83,  156, 207,
                                       108, 140, 150, 169, 160, 129};
    static const uint8_t lanczos3[] = {36,  132, 193, 115, 152, 168,
                                       90,  219, 189, 85,  167, 216,
                                       103, 141, 144, 184, 161, 119};
    uint8_t samples[36];
    struct image src = image_view(samples, 4, 3, 3, SAMPLE_U8);
    struct resize_target t = stretch(4, 3, 3, 2);
    struct image got;

    for (uint32_t i = 0; i < 36; i++)
        samples[i] = (uint8_t)((i * i * 37 + i * 11) % 256);
    got = resized(&src, &t, RESIZE_TRIANGLE);
    ck_assert_mem_eq(image_row(&got, 0), triangle, 9);
    ck_assert_mem_eq(image_row(&got, 1), triangle + 9, 9);
    image_free(&got);
    got = resized(&src, &t, RESIZE_LANCZOS3);
    ck_assert_mem_eq(image_row(&got, 0), lanczos3, 9);
    ck_assert_mem_eq(image_row(&got, 1), lanczos3 + 9, 9);
    image_free(&got);
}
END_TEST

START_TEST(nearest_and_maxpool_pick_samples)
{
    static const uint16_t quadrants[] = {1, 1, 2, 2, 1, 1, 2, 2,
                                         3, 3, 4, 4, 3, 3, 4, 4};
    static const uint16_t four[] = {1, 2, 3, 4};
    static const uint16_t nine[] = {1, 1, 2, 1, 1, 2, 3, 3, 4};
    static const uint16_t pooled[] = {6, 8, 14, 16};
    /* exact: REF has 20046, 28013, 52171, 60138 after its way through 8 bits */
    static const uint16_t exact[] = {20105, 28107, 52113, 60115};
    uint16_t samples[16];
    struct image src = image_view(samples, 4, 4, 1, SAMPLE_U16);
    struct image small;

    memcpy(samples, quadrants, sizeof samples);
    expect_u16(&src, 2, 2, RESIZE_NEAREST, four);
    for (uint16_t i = 0; i < 16; i++)
        samples[i] = i + 1;
    expect_u16(&src, 2, 2, RESIZE_MAXPOOL, pooled);
    for (uint16_t i = 0; i < 16; i++)
        samples[i] = (uint16_t)(i * 4001 + 100);
    expect_u16(&src, 2, 2, RESIZE_MAXPOOL, exact);
    expect_u16(&src, 4, 4, RESIZE_MAXPOOL, samples);
    memcpy(samples, four, sizeof four);
    small = image_view(samples, 2, 2, 1, SAMPLE_U16);
    expect_u16(&small, 3, 3, RESIZE_MAXPOOL, nine);
}
END_TEST

/* A plan for part of a frame gives that part. */
START_TEST(a_cut_is_part_of_the_whole)
{
    uint64_t seed = 8;
    struct image src = image_test_new(61, 47, 3, SAMPLE_U8, 0);

    image_test_noise(&src, &seed);
    for (size_t f = 0; f < FILTERS; f++) {
        struct resize_target all = stretch(61, 47, 40, 33);
        struct resize_target part = all;
        struct image whole;
        struct image cut;
        struct image same;

        part.cut = (struct image_box){5, 9, 17, 11};
        whole = resized(&src, &all, filters[f]);
        cut = resized(&src, &part, filters[f]);
        same = image_sub(&whole, &part.cut);
        ck_assert(image_test_equal(&cut, &same));
        image_free(&whole);
        image_free(&cut);
    }
    image_free(&src);
}
END_TEST

START_TEST(wide_samples_are_not_rounded_to_f32)
{
    static const enum sample_type types[] = {SAMPLE_U32, SAMPLE_I32,
                                             SAMPLE_F64};

    for (size_t i = 0; i < 3 * FILTERS; i++) {
        struct image src = image_test_new(9, 8, 1, types[i % 3], 1);
        struct resize_target t = stretch(9, 8, 5, 13);
        struct image got;

        image_test_fill(&src, 2147483645);
        got = resized(&src, &t, filters[i / 3]);
        for (uint32_t y = 0; y < 13; y++) {
            for (uint32_t x = 0; x < 5; x++)
                ck_assert(fabs(image_test_get(&got, x, y) - 2147483645) <
                          (types[i % 3] == SAMPLE_F64 ? 1e-5 : 0.5));
        }
        image_free(&src);
        image_free(&got);
    }
}
END_TEST

START_TEST(a_pool_ignores_samples_that_are_not_numbers)
{
    static float samples[] = {NAN, 1, -5, NAN, -7, -6, NAN, NAN};
    struct image src = image_view(samples, 8, 1, 1, SAMPLE_F32);
    struct resize_target t = stretch(8, 1, 4, 1);
    struct image got = resized(&src, &t, RESIZE_MAXPOOL);

    ck_assert_double_eq(image_test_get(&got, 0, 0), 1);
    ck_assert_double_eq(image_test_get(&got, 1, 0), -5);
    ck_assert_double_eq(image_test_get(&got, 2, 0), -6);
    ck_assert(isnan(image_test_get(&got, 3, 0)));
    image_free(&got);
}
END_TEST

START_TEST(images_that_do_not_fit_the_plan_are_refused)
{
    struct resize_target t = stretch(4, 4, 2, 2);
    struct resize_plan *plan = NULL;
    struct image src = image_test_new(4, 4, 1, SAMPLE_U8, 0);
    struct image dst = image_test_new(2, 2, 1, SAMPLE_U8, 0);
    struct image other = image_test_new(2, 2, 1, SAMPLE_U16, 0);

    image_test_fill(&src, 0);
    ck_assert_int_eq(resize_plan_new(4, 4, &t, RESIZE_TRIANGLE, &plan, &err),
                     0);
    ck_assert_uint_gt(resize_plan_bytes(plan), 0);
    ck_assert_int_eq(resize_apply(plan, &dst, &dst, NULL, &err), -1);
    ck_assert_int_eq(resize_apply(plan, &src, &src, NULL, &err), -1);
    ck_assert_int_eq(resize_apply(plan, &src, &other, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    ck_assert_int_eq(resize_apply(plan, &src, &dst, NULL, &err), 0);
    resize_plan_free(plan);
    t.cut.width = 0;
    ck_assert_int_eq(resize_plan_new(4, 4, &t, RESIZE_TRIANGLE, &plan, &err),
                     -1);
    resize_plan_free(NULL);
    image_free(&src);
    image_free(&dst);
    image_free(&other);
}
END_TEST

START_TEST(scratch_is_kept_and_grows)
{
    struct resize_scratch scratch = {NULL, 0};
    uint64_t seed = 9;

    for (uint32_t w = 1; w < 300; w += 37) {
        struct image src = image_test_new(w, 20, 1, SAMPLE_U16, 0);
        struct resize_target t = stretch(w, 20, 2 * w, 7);
        struct image want;
        struct image got = image_test_new(2 * w, 7, 1, SAMPLE_U16, 0);
        struct resize_plan *plan = NULL;
        const void *kept;

        image_test_noise(&src, &seed);
        want = resized(&src, &t, RESIZE_LANCZOS3);
        ck_assert_int_eq(
            resize_plan_new(w, 20, &t, RESIZE_LANCZOS3, &plan, &err), 0);
        ck_assert_int_eq(resize_apply(plan, &src, &got, &scratch, &err), 0);
        ck_assert(image_test_equal(&want, &got));
        kept = scratch.data;
        ck_assert_int_eq(resize_apply(plan, &src, &got, &scratch, &err), 0);
        ck_assert_ptr_eq(scratch.data, kept);
        resize_plan_free(plan);
        image_free(&src);
        image_free(&want);
        image_free(&got);
    }
    ck_assert_uint_gt(scratch.size, 0);
    resize_scratch_free(&scratch);
    ck_assert_ptr_null(scratch.data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_resize");
    TCase *t = tcase_create("resize");
    SRunner *r;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, sizes_are_those_of_the_reference);
    tcase_add_test(t, cover_fills_and_cuts_the_centre);
    tcase_add_test(t, stretch_takes_each_axis);
    tcase_add_test(t, noup_never_enlarges);
    tcase_add_test(t, extreme_sizes_stay_sizes);
    tcase_add_test(t, spacings_are_those_of_the_reference);
    tcase_add_test(t, hostile_spacings_are_refused);
    tcase_add_test(t, grey_has_the_reference_values);
    tcase_add_test(t, colour_has_the_reference_values);
    tcase_add_test(t, nearest_and_maxpool_pick_samples);
    tcase_add_test(t, a_cut_is_part_of_the_whole);
    tcase_add_test(t, wide_samples_are_not_rounded_to_f32);
    tcase_add_test(t, a_pool_ignores_samples_that_are_not_numbers);
    tcase_add_test(t, images_that_do_not_fit_the_plan_are_refused);
    tcase_add_test(t, scratch_is_kept_and_grows);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
