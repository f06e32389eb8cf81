// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/vol.h"
#include "support/check_main.h"

static struct error err;

static const enum vol_op simple_ops[] = {VOL_MAX, VOL_MIN, VOL_MEAN,
                                         VOL_MEDIAN};
#define SIMPLE_OPS (sizeof simple_ops / sizeof simple_ops[0])

/* The result of all frames, which may be of any stride. */
static struct image combined(enum vol_op op, const struct image *frames,
                             uint32_t count)
{
    struct vol_spec spec = {op, 1.5F, false};
    enum sample_type type;
    uint32_t channels;
    struct image dst;
    struct vol *vol;

    ck_assert(vol_result(&spec, count, frames[0].channels, frames[0].type,
                         &channels, &type));
    dst = image_test_new(frames[0].width, frames[0].height, channels, type, 1);
    ck_assert_int_eq(vol_begin(&spec, count, &vol, &err), 0);
    for (uint32_t i = 0; i < count; i++)
        ck_assert_int_eq(vol_add(vol, &frames[i], &err), 0);
    ck_assert_int_eq(vol_finish(vol, &dst, &err), 0);
    vol_free(vol);
    return dst;
}

/* Frames of one sample each -> the sample of the result. */
static double one(enum vol_op op, enum sample_type type, const double *values,
                  uint32_t count)
{
    struct image frames[8] = {0};
    struct image dst;
    double ret;

    for (uint32_t i = 0; i < count; i++) {
        frames[i] = image_test_new(1, 1, 1, type, 0);
        image_test_fill(&frames[i], values[i]);
    }
    dst = combined(op, frames, count);
    ret = image_test_get(&dst, 0, 0);
    for (uint32_t i = 0; i < count; i++)
        image_free(&frames[i]);
    image_free(&dst);
    return ret;
}

START_TEST(ends_are_left_out)
{
    static const struct {
        uint32_t frames, skip_first, skip_last, first, count;
    } rows[] = {
        {10, 0, 0, 0, 10},
        {10, 2, 3, 2, 5},
        {11, 5, 5, 5, 1}, /* REF: one frame is left */
        {10, 5, 5, 4, 1}, /* REF fails: one frame stays */
        {9, 5, 5, 4, 1},
        {2, 5, 5, 0, 1},
        {1, 5, 5, 0, 1},
        {1, 0, 0, 0, 1},
        {10, 10, 0, 9, 1},
        {10, 0, 10, 0, 1},
        {7, 2, 10, 1, 1},
        {6, 2, 2, 2, 2},
        {131071, 131071, 131071, 65535, 1},
        {3, 4000000000U, 4000000000U, 1, 1},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vol_range got =
            vol_range(rows[i].frames, rows[i].skip_first, rows[i].skip_last);

        ck_assert_uint_eq(got.first, rows[i].first);
        ck_assert_uint_eq(got.count, rows[i].count);
    }
}
END_TEST

START_TEST(the_central_frame_is_the_later_of_two)
{
    ck_assert_uint_eq(vol_central(1), 0);
    ck_assert_uint_eq(vol_central(2), 1);
    ck_assert_uint_eq(vol_central(7), 3);
}
END_TEST

START_TEST(one_sample_of_several)
{
    static const struct {
        enum vol_op op;
        enum sample_type type;
        uint32_t count;
        double values[5];
        double want;
    } rows[] = {
        {VOL_MAX, SAMPLE_I16, 3, {-5, -2, -9}, -2},
        {VOL_MIN, SAMPLE_I16, 3, {-5, -2, -9}, -9},
        {VOL_MAX, SAMPLE_U16, 2, {32767, 32768}, 32768},
        {VOL_MIN, SAMPLE_U32, 2, {4294967295.0, 1}, 1},
        {VOL_MAX, SAMPLE_F32, 3, {NAN, -2, NAN}, -2},
        {VOL_MIN, SAMPLE_F64, 3, {NAN, 7, 9}, 7},
        {VOL_MEAN, SAMPLE_U8, 2, {0, 1}, 1}, /* half away from zero */
        {VOL_MEAN, SAMPLE_U8, 3, {0, 0, 1}, 0},
        {VOL_MEAN, SAMPLE_U8, 3, {0, 1, 1}, 1},
        {VOL_MEAN, SAMPLE_U16, 2, {65535, 65534}, 65535},
        {VOL_MEAN, SAMPLE_I16, 2, {-1, 0}, -1},
        {VOL_MEAN, SAMPLE_I16, 2, {-3, 2}, -1},
        {VOL_MEAN, SAMPLE_I16, 4, {-1, 0, 0, 0}, 0},
        {VOL_MEAN, SAMPLE_U32, 2, {4294967295.0, 4294967294.0}, 4294967295.0},
        {VOL_MEAN,
         SAMPLE_I32,
         2,
         {-2147483648.0, -2147483647.0},
         -2147483648.0},
        {VOL_MEAN, SAMPLE_F32, 2, {1, 2}, 1.5},
        {VOL_MEDIAN, SAMPLE_U8, 3, {9, 1, 5}, 5},
        {VOL_MEDIAN, SAMPLE_U8, 2, {254, 255}, 255},
        {VOL_MEDIAN, SAMPLE_U16, 4, {4, 1, 3, 2}, 3}, /* 2.5 */
        {VOL_MEDIAN, SAMPLE_I16, 4, {-4, -1, -3, -2}, -3},
        {VOL_MEDIAN, SAMPLE_I16, 2, {-1, 2}, 1},
        {VOL_MEDIAN, SAMPLE_U32, 2, {4294967295.0, 4294967294.0}, 4294967295.0},
        {VOL_MEDIAN, SAMPLE_I32, 5, {5, -4, 3, -2, 1}, 1},
        {VOL_MEDIAN, SAMPLE_F64, 4, {0, 10, 1, 2}, 1.5},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_double_eq(
            one(rows[i].op, rows[i].type, rows[i].values, rows[i].count),
            rows[i].want);
}
END_TEST

START_TEST(no_number_at_all_is_nan)
{
    static const double none[] = {NAN, NAN};
    static const double some[] = {1, NAN, 2};

    ck_assert(isnan(one(VOL_MAX, SAMPLE_F32, none, 2)));
    ck_assert(isnan(one(VOL_MIN, SAMPLE_F64, none, 2)));
    ck_assert(isnan(one(VOL_MEAN, SAMPLE_F32, some, 3)));
    ck_assert(isnan(one(VOL_MEDIAN, SAMPLE_F32, some, 3)));
    ck_assert(isnan(one(VOL_MEDIAN, SAMPLE_F64, some, 3)));
}
END_TEST

START_TEST(a_constant_stays_constant)
{
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        for (size_t op = 0; op < SIMPLE_OPS; op++) {
            struct image frames[5];
            struct image dst;

            for (uint32_t i = 0; i < 5; i++) {
                frames[i] = image_test_new(67, 3, op & 1 ? 3 : 1,
                                           image_test_types[t], i % 3);
                image_test_fill(&frames[i], 253);
            }
            dst = combined(simple_ops[op], frames, 5);
            ck_assert(image_test_equal(&dst, &frames[0]));
            for (uint32_t i = 0; i < 5; i++)
                image_free(&frames[i]);
            image_free(&dst);
        }
    }
}
END_TEST

/* The sum of 70,000 white frames does not fit 32 bits. */
START_TEST(the_mean_of_very_many_frames_is_exact)
{
    uint16_t sample = 65535;
    struct image frame = image_view(&sample, 1, 1, 1, SAMPLE_U16);
    struct vol_spec spec = {VOL_MEAN, 0, false};
    uint16_t got = 0;
    struct image dst = image_view(&got, 1, 1, 1, SAMPLE_U16);
    uint32_t counts[] = {65535, 65536, 70000};

    for (size_t i = 0; i < 3; i++) {
        struct vol *vol;

        ck_assert_int_eq(vol_begin(&spec, counts[i], &vol, &err), 0);
        for (uint32_t k = 0; k < counts[i]; k++)
            ck_assert_int_eq(vol_add(vol, &frame, &err), 0);
        ck_assert_int_eq(vol_finish(vol, &dst, &err), 0);
        ck_assert_uint_eq(got, 65535);
        vol_free(vol);
    }
}
END_TEST

START_TEST(the_maximum_of_two_maxima_is_the_maximum)
{
    uint64_t seed = 1;
    struct image frames[7];
    struct image half[2];
    struct image whole;
    struct image both;

    for (uint32_t i = 0; i < 7; i++) {
        frames[i] = image_test_new(33, 5, 3, SAMPLE_U16, 2);
        image_test_noise(&frames[i], &seed);
    }
    whole = combined(VOL_MAX, frames, 7);
    half[0] = combined(VOL_MAX, frames, 3);
    half[1] = combined(VOL_MAX, frames + 3, 4);
    both = combined(VOL_MAX, half, 2);
    ck_assert(image_test_equal(&whole, &both));
    for (uint32_t i = 0; i < 7; i++)
        image_free(&frames[i]);
    image_free(&half[0]);
    image_free(&half[1]);
    image_free(&whole);
    image_free(&both);
}
END_TEST

START_TEST(a_single_frame_is_left_alone)
{
    static const enum vol_op ops[] = {VOL_MAX, VOL_MIN, VOL_MEAN, VOL_MEDIAN,
                                      VOL_LAPMIP};
    uint64_t seed = 1;

    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        for (size_t op = 0; op < 5; op++) {
            struct image frame =
                image_test_new(5, 4, 3, image_test_types[t], 1);
            struct image dst;

            image_test_noise(&frame, &seed);
            dst = combined(ops[op], &frame, 1);
            ck_assert(image_test_equal(&dst, &frame));
            image_free(&frame);
            image_free(&dst);
        }
    }
}
END_TEST

START_TEST(frames_that_differ_are_refused)
{
    uint8_t room[64] = {0};
    struct image first = image_view(room, 4, 4, 1, SAMPLE_U8);
    struct image others[] = {
        image_view(room, 5, 4, 1, SAMPLE_U8),
        image_view(room, 4, 3, 1, SAMPLE_U8),
        image_view(room, 4, 4, 3, SAMPLE_U8),
        image_view(room, 4, 4, 1, SAMPLE_U16),
    };
    struct vol_spec spec = {VOL_MAX, 0, false};

    for (size_t i = 0; i < 4; i++) {
        struct vol *vol;

        ck_assert_int_eq(vol_begin(&spec, 2, &vol, &err), 0);
        ck_assert_int_eq(vol_add(vol, &first, &err), 0);
        ck_assert_int_eq(vol_add(vol, &others[i], &err), -1);
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
        ck_assert_int_eq(vol_finish(vol, &first, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INTERNAL); /* one is missing */
        ck_assert_int_eq(vol_add(vol, &first, &err), 0);
        ck_assert_int_eq(vol_add(vol, &first, &err), -1); /* one too many */
        ck_assert_int_eq(err.kind, ERROR_INTERNAL);
        ck_assert_int_eq(vol_finish(vol, &others[i], &err), -1);
        ck_assert_int_eq(err.kind, ERROR_INTERNAL);
        ck_assert_int_eq(vol_finish(vol, &first, &err), 0);
        vol_free(vol);
    }
    {
        struct vol *vol = NULL;

        ck_assert_int_eq(vol_begin(&spec, 0, &vol, &err), -1);
        ck_assert_ptr_null(vol);
    }
}
END_TEST

START_TEST(memory_is_that_of_one_frame)
{
    static const struct {
        struct vol_spec spec;
        uint32_t count;
        enum sample_type type;
        size_t per_sample; /* at most */
    } rows[] = {
        {{VOL_MAX, 0, false}, 400, SAMPLE_U16, 2},
        {{VOL_MEAN, 0, false}, 400, SAMPLE_U16, 4},
        {{VOL_MEAN, 0, false}, 400, SAMPLE_F32, 8},
        {{VOL_MEDIAN, 0, false}, 8, SAMPLE_U16, 17},
        {{VOL_LAPMIP, 1, false}, 400, SAMPLE_U16, 13},
        {{VOL_LAPMIP, 1, false}, 1, SAMPLE_U16, 2},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_uint_le(
            vol_bytes(&rows[i].spec, rows[i].count, 512, 512, 1, rows[i].type),
            rows[i].per_sample * 512 * 512);
    ck_assert_uint_eq(vol_bytes(&rows[3].spec, UINT32_MAX, UINT32_MAX,
                                UINT32_MAX, 3, SAMPLE_F64),
                      SIZE_MAX);
}
END_TEST

/* ---- interpolation ------------------------------------------------------ */

static void check_blend(uint32_t frames, uint32_t target, uint32_t k,
                        uint32_t first, uint32_t second, float weight)
{
    struct vol_blend got = vol_blend_at(frames, target, k);

    ck_assert_uint_eq(got.first, first);
    ck_assert_uint_eq(got.second, second);
    ck_assert_float_eq(got.weight, weight);
}

START_TEST(outputs_lie_between_two_frames)
{
    check_blend(2, 3, 0, 0, 0, 0);
    check_blend(2, 3, 1, 0, 1, 0.5F);
    check_blend(2, 3, 2, 1, 1, 0);
    check_blend(5, 1, 0, 0, 0, 0);
    check_blend(1, 1, 0, 0, 0, 0);
    check_blend(10, 4, 1, 3, 3, 0);
    /* REF 7.3: an integer missed by one ulp */
    check_blend(14, 14, 7, 7, 8, 7.0000005F - 7.0F);
    ck_assert_uint_eq(vol_interp_frames(1, 32), 1);
    ck_assert_uint_eq(vol_interp_frames(2, 32), 32);
    ck_assert_uint_eq(vol_interp_frames(40, 32), 32);
}
END_TEST

/* As many frames as before: themselves, but for an ulp. */
START_TEST(as_many_frames_are_the_same_ones)
{
    for (uint32_t n = 1; n < 300; n++) {
        for (uint32_t k = 0; k < n; k++) {
            struct vol_blend b = vol_blend_at(n, n, k);
            float at = (float)b.first + b.weight;

            ck_assert_float_le(fabsf(at - (float)k), (float)k * 0x1p-22F);
            ck_assert_uint_lt(b.second, n);
        }
    }
}
END_TEST

START_TEST(blends_are_truncated_as_in_the_reference)
{
    static const struct {
        enum sample_type type;
        double first, second;
        float weight;
        double want;
    } rows[] = {
        {SAMPLE_U16, 1000, 2000, 0.5F, 1500}, /* REF 7.3 */
        {SAMPLE_U16, 1000, 1001, 0.5F, 1000},
        {SAMPLE_U16, 0, 65535, 0.25F, 16383},
        {SAMPLE_U8, 10, 11, 0.75F, 10},
        {SAMPLE_U8, 255, 0, 0.25F, 191},
        {SAMPLE_I16, -1000, -1001, 0.5F, -1001}, /* not REF's: rounded */
        {SAMPLE_I16, -3, 2, 0.5F, -1},
        {SAMPLE_I32, 5, 6, 0.5F, 6},
        {SAMPLE_U32, 4294967295.0, 4294967294.0, 0.25F, 4294967295.0},
        {SAMPLE_F32, 1, 2, 0.25F, 1.25},
        {SAMPLE_F64, 1, 2, 0.75F, 1.75},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct image x = image_test_new(3, 2, 1, rows[i].type, 0);
        struct image y = image_test_new(3, 2, 1, rows[i].type, 1);
        struct image dst = image_test_new(3, 2, 1, rows[i].type, 2);

        image_test_fill(&x, rows[i].first);
        image_test_fill(&y, rows[i].second);
        vol_blend(&x, &y, rows[i].weight, &dst);
        ck_assert_double_eq(image_test_get(&dst, 2, 1), rows[i].want);
        vol_blend(&x, NULL, 0, &dst);
        ck_assert(image_test_equal(&x, &dst));
        image_free(&x);
        image_free(&y);
        image_free(&dst);
    }
}
END_TEST

/* REF 7.3 says so, of n = 3, T = 7; 16 bits are blended in f64 and stay. */
START_TEST(a_constant_of_eight_bits_may_drop_by_one)
{
    uint32_t dropped[2] = {0, 0};

    for (uint32_t v = 0; v < 256; v++) {
        for (uint32_t k = 0; k < 7; k++) {
            struct vol_blend b = vol_blend_at(3, 7, k);
            uint8_t x8 = (uint8_t)v;
            uint16_t x16 = (uint16_t)v;
            uint8_t got8 = 0;
            uint16_t got16 = 0;
            struct image in8 = image_view(&x8, 1, 1, 1, SAMPLE_U8);
            struct image in16 = image_view(&x16, 1, 1, 1, SAMPLE_U16);
            struct image out8 = image_view(&got8, 1, 1, 1, SAMPLE_U8);
            struct image out16 = image_view(&got16, 1, 1, 1, SAMPLE_U16);

            vol_blend(&in8, &in8, b.weight, &out8);
            vol_blend(&in16, &in16, b.weight, &out16);
            ck_assert_uint_le(v - got8, 1);
            ck_assert_uint_le(v - got16, 1);
            dropped[0] += got8 < v;
            dropped[1] += got16 < v;
        }
    }
    ck_assert_uint_gt(dropped[0], 0);
    ck_assert_uint_eq(dropped[1], 0);
}
END_TEST

START_TEST(depths_in_millimetres)
{
    static const struct {
        uint32_t frames;
        float spacing, z;
        bool noup;
        uint32_t want;
    } rows[] = {
        {10, 5, 10, false, 6}, /* REF 7.4 */
        {10, 5, 4, false, 12},
        {10, 5, 2.5F, false, 19},
        {10, 5, 2.5F, true, 10},
        {10, 5, 10, true, 6},
        {10, 5, 5, false, 10},
        {10, 5, 1000, false, 10}, /* fewer than two: as it is */
        {1, 5, 1, false, 1},
        {400, 1, 1, false, 400},
    };
    uint32_t got;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(vol_spacing_frames(rows[i].frames,
                                            1.0F / rows[i].spacing, rows[i].z,
                                            rows[i].noup, 131071, &got, &err),
                         0);
        ck_assert_uint_eq(got, rows[i].want);
    }
    ck_assert_int_eq(
        vol_spacing_frames(100, 1, 1e-6F, false, 131071, &got, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_TOO_BIG);
    ck_assert_int_eq(vol_spacing_frames(2, 1, 0, false, 9, &got, &err), -1);
    ck_assert_int_eq(vol_spacing_frames(2, NAN, 1, false, 9, &got, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    ck_assert_double_eq(vol_spacing_after(5, 10, 19), 2.5);
    ck_assert_double_eq(vol_spacing_after(5, 1, 1), 5);
}
END_TEST

START_TEST(depths_in_frames)
{
    ck_assert_uint_eq(vol_size_frames(100, 64, false), 64);
    ck_assert_uint_eq(vol_size_frames(10, 64, false), 64);
    ck_assert_uint_eq(vol_size_frames(10, 64, true), 10);
    ck_assert_uint_eq(vol_size_frames(100, 64, true), 64);
    ck_assert_uint_eq(vol_size_frames(1, 64, false), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vol");
    TCase *reduce = tcase_create("reduce");
    TCase *blend = tcase_create("blend");

    tcase_add_test(reduce, ends_are_left_out);
    tcase_add_test(reduce, the_central_frame_is_the_later_of_two);
    tcase_add_test(reduce, one_sample_of_several);
    tcase_add_test(reduce, no_number_at_all_is_nan);
    tcase_add_test(reduce, a_constant_stays_constant);
    tcase_add_test(reduce, the_mean_of_very_many_frames_is_exact);
    tcase_add_test(reduce, the_maximum_of_two_maxima_is_the_maximum);
    tcase_add_test(reduce, a_single_frame_is_left_alone);
    tcase_add_test(reduce, frames_that_differ_are_refused);
    tcase_add_test(reduce, memory_is_that_of_one_frame);
    suite_add_tcase(s, reduce);
    tcase_add_test(blend, outputs_lie_between_two_frames);
    tcase_add_test(blend, as_many_frames_are_the_same_ones);
    tcase_add_test(blend, blends_are_truncated_as_in_the_reference);
    tcase_add_test(blend, a_constant_of_eight_bits_may_drop_by_one);
    tcase_add_test(blend, depths_in_millimetres);
    tcase_add_test(blend, depths_in_frames);
    suite_add_tcase(s, blend);
    return check_main(s);
}
