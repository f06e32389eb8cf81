// SPDX-License-Identifier: MIT
/* fs/npy: shapes, sizes, the header's text and bytes, half floats. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npy/npy.h"
#include "prepfs/cleanup.h"
#include "support/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct npy_layout laid_out(struct npy_spec spec)
{
    struct npy_layout layout;
    struct error err = ERROR_INIT;

    ck_assert_msg(npy_layout_init(&spec, &layout, &err) == 0, "%s", err.msg);
    return layout;
}

/* The text of NumPy's own writer (numpy.lib.format.write_array_header_1_0)
 * for such an array. */
static const struct {
    struct npy_spec spec;
    const char *text;
    uint64_t size;
} headers[] = {
    {{1, 5, 7, 1, SAMPLE_U8, NPY_AXES_IMAGE},
     "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 5), }",
     4096 + 35},
    {{3, 5, 7, 1, SAMPLE_U16, NPY_AXES_IMAGE},
     "{'descr': '<u2', 'fortran_order': False, 'shape': (3, 7, 5), }",
     4096 + 210},
    {{1, 5, 7, 3, SAMPLE_U16, NPY_AXES_IMAGE},
     "{'descr': '<u2', 'fortran_order': False, 'shape': (7, 5, 3), }",
     4096 + 210},
    {{2, 5, 7, 3, SAMPLE_U8, NPY_AXES_IMAGE},
     "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 7, 5, 3), }",
     4096 + 210},
    {{1, 5, 7, 1, SAMPLE_I16, NPY_AXES_VOLUME},
     "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 7, 5), }",
     4096 + 70},
    {{1, 224, 128, 1, SAMPLE_F16, NPY_AXES_VOLUME},
     "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 128, 224), }",
     4096 + 57344},
    {{1, 1, 1, 1, SAMPLE_U32, NPY_AXES_IMAGE},
     "{'descr': '<u4', 'fortran_order': False, 'shape': (1, 1), }",
     4100},
    {{1, 1, 1, 1, SAMPLE_I32, NPY_AXES_IMAGE},
     "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1), }",
     4100},
    {{1, 1, 1, 1, SAMPLE_F32, NPY_AXES_IMAGE},
     "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }",
     4100},
    {{1, 1, 1, 1, SAMPLE_F64, NPY_AXES_IMAGE},
     "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }",
     4104},
    {{4294967295, 4294967295, 1, 1, SAMPLE_U8, NPY_AXES_VOLUME},
     NULL, /* 2^64 - 2^33 + 1 bytes are too many */
     0},
    {{2147483647, 4294967295, 1, 1, SAMPLE_U8, NPY_AXES_VOLUME},
     "{'descr': '|u1', 'fortran_order': False, 'shape': (2147483647, 1, "
     "4294967295), }",
     UINT64_C(9223372030412324865) + 4096},
};

START_TEST(header_is_what_numpy_writes)
{
    struct npy_layout layout;
    struct error err = ERROR_INIT;
    uint8_t header[NPY_DATA_OFFSET];
    const char *text = headers[_i].text;
    size_t length = text ? strlen(text) : 0;

    if (!text) {
        ck_assert_int_eq(npy_layout_init(&headers[_i].spec, &layout, &err), -1);
        ck_assert_int_eq(err.kind, ERROR_TOO_BIG);
        return;
    }
    layout = laid_out(headers[_i].spec);
    ck_assert_uint_eq(layout.size, headers[_i].size);
    ck_assert_uint_eq(layout.data_offset, 4096);
    npy_layout_header_read(&layout, 0, sizeof header, header);
    ck_assert_mem_eq(header, "\x93NUMPY\x01\x00\xf6\x0f", 10);
    ck_assert_mem_eq(header + 10, text, length);
    for (size_t i = 10 + length; i < 4095; i++)
        ck_assert_uint_eq(header[i], ' ');
    ck_assert_uint_eq(header[4095], '\n');
}
END_TEST

START_TEST(pages_are_contiguous_rows)
{
    struct npy_layout layout =
        laid_out((struct npy_spec){4, 11, 13, 3, SAMPLE_I16, NPY_AXES_IMAGE});

    ck_assert_uint_eq(layout.row_bytes, 66);
    ck_assert_uint_eq(layout.page_bytes, 66 * 13);
    ck_assert_uint_eq(layout.size, 4096 + 4 * 66 * 13);
    ck_assert_uint_eq(layout.n_axes, 4);
}
END_TEST

START_TEST(any_range_of_the_header_is_the_same)
{
    struct npy_layout layout =
        laid_out((struct npy_spec){9, 512, 384, 3, SAMPLE_U8, NPY_AXES_IMAGE});
    uint8_t whole[NPY_DATA_OFFSET];
    uint8_t part[NPY_DATA_OFFSET + 1];

    npy_layout_header_read(&layout, 0, sizeof whole, whole);
    for (size_t at = 0; at <= NPY_DATA_OFFSET; at++) {
        size_t n =
            at % 61 < NPY_DATA_OFFSET - at ? at % 61 : NPY_DATA_OFFSET - at;

        part[n] = 0x5a;
        npy_layout_header_read(&layout, at, n, part);
        ck_assert_mem_eq(part, whole + at, n);
        ck_assert_uint_eq(part[n], 0x5a);
    }
}
END_TEST

static const struct {
    struct npy_spec spec;
    enum error_kind kind;
} refused[] = {
    {{0, 1, 1, 1, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_INTERNAL},
    {{1, 0, 1, 1, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_INTERNAL},
    {{1, 1, 0, 1, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_INTERNAL},
    {{1, 1, 1, 2, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_INTERNAL},
    {{1, 1, 1, 1, (enum sample_type)99, NPY_AXES_IMAGE}, ERROR_INTERNAL},
    {{1, UINT32_MAX, UINT32_MAX, 3, SAMPLE_F64, NPY_AXES_IMAGE}, ERROR_TOO_BIG},
    {{1, UINT32_MAX, UINT32_MAX, 1, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_TOO_BIG},
    {{UINT32_MAX, 65536, 65536, 1, SAMPLE_U8, NPY_AXES_IMAGE}, ERROR_TOO_BIG},
};

START_TEST(what_is_no_array_is_refused)
{
    struct npy_layout layout;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(npy_layout_init(&refused[_i].spec, &layout, &err), -1);
    ck_assert_int_eq(err.kind, refused[_i].kind);
    ck_assert_uint_gt(strlen(err.msg), 0);
}
END_TEST

/* ---- half floats -------------------------------------------------------- */

/* As numpy.float16 has them. */
static const struct {
    double value;
    uint16_t half;
} halves[] = {
    {0.0, 0x0000},
    {-0.0, 0x8000},
    {1.0, 0x3c00},
    {-2.0, 0xc000},
    {0.1, 0x2e66},
    {1.0 / 3.0, 0x3555},
    {65504.0, 0x7bff},
    {65519.99, 0x7bff},
    {65520.0, 0x7c00}, /* half way to the next: even, which is infinite */
    {65535.0, 0x7c00},
    {-1e300, 0xfc00},
    {2048.0, 0x6800},
    {2049.0, 0x6800}, /* ties to even, down */
    {2051.0, 0x6802}, /* and up */
    {-1024.0, 0xe400},
    {6.103515625e-05, 0x0400},        /* least normal */
    {6.097555160522461e-05, 0x03ff},  /* largest subnormal */
    {6.100535392761231e-05, 0x0400},  /* half way between: even */
    {5.960464477539063e-08, 0x0001},  /* least subnormal */
    {2.9802322387695312e-08, 0x0000}, /* half of it: even */
    {2.980232594040899e-08, 0x0001},  /* a little more */
    {8.940696716308594e-08, 0x0002},  /* one and a half: even */
    {1e-8, 0x0000},
    {-1e-30, 0x8000},
    {4.9e-324, 0x0000},
    {INFINITY, 0x7c00},
    {-INFINITY, 0xfc00},
};

START_TEST(half_floats_are_those_of_numpy)
{
    double value = halves[_i].value;
    float narrow = (float)value;

    ck_assert_uint_eq(npy_half_of_double(value), halves[_i].half);
    if ((double)narrow == value)
        ck_assert_uint_eq(npy_half(narrow), halves[_i].half);
}
END_TEST

START_TEST(nan_stays_nan)
{
    static const uint64_t bits[] = {
        UINT64_C(0x7ff8000000000000), UINT64_C(0xfff8000000000001),
        UINT64_C(0x7ff0000000000001), UINT64_C(0x7fffffffffffffff)};

    for (size_t i = 0; i < COUNT(bits); i++) {
        uint32_t narrow = (uint32_t)(bits[i] >> 32 & 0x80000000U) | 0x7f800001U;
        double value;
        float single;

        memcpy(&value, &bits[i], sizeof value);
        memcpy(&single, &narrow, sizeof single);
        ck_assert_uint_gt(npy_half_of_double(value) & 0x7fff, 0x7c00);
        ck_assert_uint_eq(npy_half_of_double(value) >> 15, bits[i] >> 63);
        ck_assert_uint_gt(npy_half(single) & 0x7fff, 0x7c00);
    }
}
END_TEST

static double value_of(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;
    double value = exponent == 0 ? ldexp(fraction, -24)
                                 : ldexp(fraction + 1024, exponent - 25);

    return half & 0x8000 ? -value : value;
}

/* Every half float reads back as itself, and everything between two of them
 * goes to the nearer one. */
START_TEST(rounding_is_to_the_nearest)
{
    for (uint16_t half = 0; half < 0x7bff; half++) {
        double low = value_of(half);
        double high = value_of((uint16_t)(half + 1));
        double middle = (low + high) / 2; /* exact in a float */
        uint16_t even = half % 2 ? (uint16_t)(half + 1) : half;

        ck_assert_uint_eq(npy_half((float)low), half);
        ck_assert_uint_eq(npy_half((float)middle), even);
        ck_assert_uint_eq(npy_half(nextafterf((float)middle, 0)), half);
        ck_assert_uint_eq(npy_half(nextafterf((float)middle, 1e9F)), half + 1);
        ck_assert_uint_eq(npy_half(-(float)low), half | 0x8000);
        ck_assert_uint_eq(npy_half_of_double(low), half);
        ck_assert_uint_eq(npy_half_of_double(middle), even);
        ck_assert_uint_eq(npy_half_of_double(nextafter(middle, 0)), half);
        ck_assert_uint_eq(npy_half_of_double(nextafter(middle, 1e9)), half + 1);
    }
}
END_TEST

/* Through a float this would round twice: first to 1 + 2^-11, a tie, then to
 * even, which is 1. */
START_TEST(double_is_rounded_once)
{
    double value = 1 + ldexp(1, -11) + ldexp(1, -40);

    ck_assert_uint_eq(npy_half_of_double(value), 0x3c01);
    ck_assert_uint_eq(npy_half((float)value), 0x3c00);
}
END_TEST

START_TEST(page_of_any_stride_becomes_tight_halves)
{
    float samples[3 * 8];
    double wide[3 * 8];
    uint8_t halves_of[3 * 6 * 2 + 1];
    struct image image = {
        2, 3, 3, SAMPLE_F32, 8 * sizeof(float), (uint8_t *)samples};
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < COUNT(samples); i++)
        wide[i] = samples[i] = (float)i;
    for (int round = 0; round < 2; round++) {
        memset(halves_of, 0x5a, sizeof halves_of);
        ck_assert_int_eq(npy_half_page(&image, halves_of, &err), 0);
        for (size_t y = 0; y < 3; y++) {
            for (size_t x = 0; x < 6; x++) {
                const uint8_t *at = halves_of + 2 * (y * 6 + x);

                ck_assert_uint_eq(at[0] | at[1] << 8,
                                  npy_half((float)(y * 8 + x)));
            }
        }
        ck_assert_uint_eq(halves_of[36], 0x5a);
        image.type = SAMPLE_F64;
        image.stride_bytes = 8 * sizeof(double);
        image.data = (uint8_t *)wide;
    }
    image.type = SAMPLE_U16;
    ck_assert_int_eq(npy_half_page(&image, halves_of, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *layout = tcase_create("layout");
    TCase *half = tcase_create("half");

    tcase_add_loop_test(layout, header_is_what_numpy_writes, 0,
                        (int)COUNT(headers));
    tcase_add_test(layout, pages_are_contiguous_rows);
    tcase_add_test(layout, any_range_of_the_header_is_the_same);
    tcase_add_loop_test(layout, what_is_no_array_is_refused, 0,
                        (int)COUNT(refused));
    tcase_add_loop_test(half, half_floats_are_those_of_numpy, 0,
                        (int)COUNT(halves));
    tcase_add_test(half, nan_stays_nan);
    tcase_add_test(half, rounding_is_to_the_nearest);
    tcase_add_test(half, double_is_rounded_once);
    tcase_add_test(half, page_of_any_stride_becomes_tight_halves);
    suite_add_tcase(suite, layout);
    suite_add_tcase(suite, half);
    return check_main(suite);
}
