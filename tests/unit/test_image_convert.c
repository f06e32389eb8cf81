// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/convert.h"

static struct error err;

/* One sample through convert_image. */
static double one(enum sample_type from, double v, enum convert_scale scale,
                  enum sample_type to)
{
    uint64_t in;
    uint64_t out = 0;
    struct image src = image_view(&in, 1, 1, 1, from);
    struct image dst = image_view(&out, 1, 1, 1, to);

    sample_set(&in, from, 0, v);
    ck_assert_int_eq(convert_image(&src, scale, &dst, &err), 0);
    return sample_get(&out, to, 0);
}

START_TEST(sixteen_bits_become_eight_as_the_reference_has_it)
{
    static const double in[] = {0, 128, 129, 257, 32767, 32768, 65535};
    static const double out[] = {0, 0, 1, 1, 127, 128, 255};

    for (size_t i = 0; i < 7; i++)
        ck_assert_double_eq(one(SAMPLE_U16, in[i], CONVERT_UNIT, SAMPLE_U8),
                            out[i]);
}
END_TEST

START_TEST(unit_values_survive_a_return_trip)
{
    for (unsigned v = 0; v < 65536; v += 17) {
        double real = one(SAMPLE_U16, v, CONVERT_UNIT, SAMPLE_F32);

        ck_assert_double_eq(real, (double)((float)v / 65535.0F));
        ck_assert_double_eq(one(SAMPLE_F32, real, CONVERT_UNIT, SAMPLE_U16), v);
    }
    for (unsigned v = 0; v < 256; v++) {
        double real = one(SAMPLE_U8, v, CONVERT_UNIT, SAMPLE_F32);
        double wide = one(SAMPLE_U8, v, CONVERT_UNIT, SAMPLE_U16);

        ck_assert_double_eq(real, (double)((float)v / 255.0F));
        ck_assert_double_eq(wide, v * 257);
        ck_assert_double_eq(one(SAMPLE_F32, real, CONVERT_UNIT, SAMPLE_U8), v);
        ck_assert_double_eq(one(SAMPLE_U16, wide, CONVERT_UNIT, SAMPLE_U8), v);
    }
}
END_TEST

START_TEST(numbers_are_rounded_and_clamped)
{
    static const struct {
        enum sample_type from;
        double v;
        enum sample_type to;
        double want;
    } rows[] = {
        {SAMPLE_F32, 0.5, SAMPLE_I16, 1},
        {SAMPLE_F32, -0.5, SAMPLE_I16, -1},
        {SAMPLE_F32, 0.49999997, SAMPLE_I16, 0},
        {SAMPLE_F32, 2.5, SAMPLE_I16, 3},
        {SAMPLE_F32, -1023.5, SAMPLE_I16, -1024},
        {SAMPLE_F32, 40000, SAMPLE_I16, 32767},
        {SAMPLE_F32, -40000, SAMPLE_I16, -32768},
        {SAMPLE_F32, 32766.5, SAMPLE_I16, 32767},
        {SAMPLE_F32, NAN, SAMPLE_I16, 0},
        {SAMPLE_F32, INFINITY, SAMPLE_I16, 32767},
        {SAMPLE_F32, -INFINITY, SAMPLE_I16, -32768},
        {SAMPLE_F32, -3, SAMPLE_U8, 0},
        {SAMPLE_F32, 254.5, SAMPLE_U8, 255},
        {SAMPLE_F32, 300, SAMPLE_U8, 255},
        {SAMPLE_F64, 4294967294.5, SAMPLE_U32, 4294967295.0},
        {SAMPLE_F64, -1e300, SAMPLE_I32, INT32_MIN},
        {SAMPLE_U16, 40000, SAMPLE_I16, 32767},
        {SAMPLE_I16, -5, SAMPLE_U16, 0},
        {SAMPLE_I16, -5, SAMPLE_F32, -5},
        {SAMPLE_U32, 4000000000.0, SAMPLE_F64, 4000000000.0},
        {SAMPLE_I16, -5, SAMPLE_I16, -5},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_double_eq(
            one(rows[i].from, rows[i].v, CONVERT_VALUE, rows[i].to),
            rows[i].want);
}
END_TEST

START_TEST(hounsfield_rows_round_like_single_numbers)
{
    uint64_t seed = 11;
    struct image src = image_test_new(257, 31, 1, SAMPLE_F32, 1);
    struct image dst = image_test_new(257, 31, 1, SAMPLE_I16, 2);

    image_test_noise(&src, &seed);
    for (uint32_t x = 0; x < 257; x++)
        sample_set(image_row(&src, 3), SAMPLE_F32, x, x / 4.0 - 32);
    ck_assert_int_eq(convert_image(&src, CONVERT_VALUE, &dst, &err), 0);
    for (uint32_t y = 0; y < 31; y++) {
        for (uint32_t x = 0; x < 257; x++)
            ck_assert_double_eq(image_test_get(&dst, x, y),
                                round(image_test_get(&src, x, y)));
    }
    image_free(&src);
    image_free(&dst);
}
END_TEST

START_TEST(integers_without_a_unit_are_refused)
{
    static const enum sample_type types[] = {SAMPLE_I16, SAMPLE_U32,
                                             SAMPLE_I32};
    uint64_t cell = 0;
    struct image u8 = image_view(&cell, 1, 1, 1, SAMPLE_U8);

    for (size_t i = 0; i < 3; i++) {
        struct image other = image_view(&cell, 1, 1, 1, types[i]);

        ck_assert_int_eq(convert_image(&u8, CONVERT_UNIT, &other, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
        ck_assert_int_eq(convert_image(&other, CONVERT_UNIT, &u8, &err), -1);
    }
}
END_TEST

START_TEST(colour_becomes_grey_by_float_luma_and_back)
{
    static uint8_t rgb[] = {0, 0, 21, 8, 0, 0, 255, 255, 255};
    static const uint8_t grey[] = {2, 2, 255};
    uint8_t got[3];
    uint16_t wide[9];
    struct image src = image_view(rgb, 3, 1, 3, SAMPLE_U8);
    struct image dst = image_view(got, 3, 1, 1, SAMPLE_U8);
    struct image back = image_view(wide, 3, 1, 3, SAMPLE_U16);

    ck_assert_int_eq(convert_image(&src, CONVERT_UNIT, &dst, &err), 0);
    ck_assert_mem_eq(got, grey, 3);
    ck_assert_int_eq(convert_image(&dst, CONVERT_UNIT, &back, &err), 0);
    for (size_t i = 0; i < 9; i++)
        ck_assert_uint_eq(wide[i], grey[i / 3] * 257);
    ck_assert_uint_eq(convert_luma8(8, 0, 0), 2);
    ck_assert_uint_eq(convert_luma16(65535, 0, 0), 13936);
    ck_assert_uint_eq(convert_luma16(65535, 65535, 65535), 65535);
}
END_TEST

static float half_value(uint16_t h)
{
    int exponent = h >> 10 & 31;
    float mantissa = (float)(h & 1023);
    float v = exponent == 0 ? ldexpf(mantissa, -24)
                            : ldexpf(mantissa + 1024, exponent - 25);

    return h & 0x8000 ? -v : v;
}

/* Every finite binary16, and the numbers round the middle of its neighbour. */
START_TEST(binary16_rounds_to_the_nearest_even)
{
    unsigned wrong = 0;

    for (unsigned h = 0; h < 0x7bff; h++) {
        float a = half_value((uint16_t)h);
        float b = half_value((uint16_t)(h + 1));
        float middle = (a + b) / 2;
        unsigned even = h & 1 ? h + 1 : h;

        wrong += convert_f16(a) != h;
        wrong += convert_f16(-a) != (h | 0x8000);
        wrong += convert_f16(middle) != even;
        wrong += convert_f16(nextafterf(middle, 0)) != h;
        wrong += convert_f16(nextafterf(middle, b)) != h + 1;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(convert_f16(65519.996F), 0x7bff);
    ck_assert_uint_eq(convert_f16(65520), 0x7c00);
    ck_assert_uint_eq(convert_f16(-INFINITY), 0xfc00);
    ck_assert_uint_eq(convert_f16(0x1p-25F), 0);
    ck_assert_uint_eq(convert_f16(0x1.000002p-25F), 1);
    ck_assert_uint_eq(convert_f16(NAN) & 0x7c00, 0x7c00);
    ck_assert_uint_ne(convert_f16(NAN) & 0x3ff, 0);
}
END_TEST

START_TEST(images_become_binary16)
{
    static uint16_t samples[] = {0, 65535, 32768, 1};
    struct image src = image_view(samples, 2, 2, 1, SAMPLE_U16);
    uint16_t got[4];

    ck_assert_int_eq(convert_to_f16(&src, CONVERT_UNIT, got, &err), 0);
    ck_assert_uint_eq(got[0], 0);
    ck_assert_uint_eq(got[1], 0x3c00);
    ck_assert_uint_eq(got[2], 0x3800);
    ck_assert_int_eq(convert_to_f16(&src, CONVERT_VALUE, got, &err), 0);
    ck_assert_uint_eq(got[1], 0x7c00); /* too large for binary16 */
    ck_assert_uint_eq(got[3], 0x3c00);
    src.type = SAMPLE_I16;
    ck_assert_int_eq(convert_to_f16(&src, CONVERT_UNIT, got, &err), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_convert");
    TCase *t = tcase_create("convert");
    SRunner *r;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, sixteen_bits_become_eight_as_the_reference_has_it);
    tcase_add_test(t, unit_values_survive_a_return_trip);
    tcase_add_test(t, numbers_are_rounded_and_clamped);
    tcase_add_test(t, hounsfield_rows_round_like_single_numbers);
    tcase_add_test(t, integers_without_a_unit_are_refused);
    tcase_add_test(t, colour_becomes_grey_by_float_luma_and_back);
    tcase_add_test(t, binary16_rounds_to_the_nearest_even);
    tcase_add_test(t, images_become_binary16);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
