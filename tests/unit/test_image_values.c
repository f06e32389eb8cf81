// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/image_test.h"

#include <check.h>
#include <math.h>

#include "image/palette.h"
#include "image/values.h"

static struct error err;

static struct values_spec window(enum values_function f, double c, double w)
{
    struct values_spec spec = VALUES_SPEC_INIT;

    spec.voi = VALUES_VOI_WINDOW;
    spec.function = f;
    spec.center = c;
    spec.width = w;
    spec.y_max = 65535;
    return spec;
}

static double map_stored(const struct values_spec *spec, double stored)
{
    return values_map(spec, values_modality(spec, stored));
}

START_TEST(windows_have_the_reference_values)
{
    static const struct {
        double stored;
        double y[3]; /* LINEAR, LINEAR_EXACT, SIGMOID */
    } rows[] = {
        {924, {0, 0, 7811}},           {1023, {21698, 21626, 22036}},
        {1024, {21918, 21845, 22232}}, {1074, {32877, 32767, 32767}},
        {1174, {54795, 54612, 51863}}, {1223, {65535, 65316, 57630}},
        {1224, {65535, 65535, 57723}}, {0, {0, 0, 0}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int f = 0; f < 3; f++) {
            struct values_spec spec = window((enum values_function)f, 50, 300);

            spec.intercept = -1024;
            ck_assert_double_eq(map_stored(&spec, rows[i].stored),
                                rows[i].y[f]);
        }
    }
}
END_TEST

/* PS3.3 C.11.2.1.2.1; dicom-pixeldata 0.9 starts half a step later, which
 * shows where the width is odd or the centre is not whole. */
START_TEST(linear_starts_where_dicom_says)
{
    static const struct {
        double c;
        double w;
        double m;
        double y;
    } rows[] = {
        {2048, 4096, 0, 0},    {2048, 4096, 4095, 65535}, {2048, 4096, 1, 16},
        {50, 85, 7.5, 0},      {50, 85, 7.75, 195},       {50, 85, 8, 390},
        {50, 85, 91.5, 65535}, {0, 100, -50, 0},          {0, 100, -49, 661},
        {0, 1, -0.5, 0},       {0, 1, -0.25, 65535},      {0, 1, 0, 65535},
        {100, 0.25, 99.5, 0},  {100, 0.25, 99.75, 65535}, {40, 2, 39, 0},
        {40, 2, 39.5, 32767},  {40, 2, 40, 65535},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct values_spec spec = window(VALUES_LINEAR, rows[i].c, rows[i].w);

        ck_assert_double_eq(values_map(&spec, rows[i].m), rows[i].y);
    }
}
END_TEST

START_TEST(a_frame_is_stretched_as_the_reference_does)
{
    static const double u16[][2] = {
        {0, 0},       {1, 196},     {2, 327},     {23, 3080},
        {250, 32833}, {498, 65338}, {499, 65469}, {500, 65535},
    };
    static const double u8[][2] = {
        {10, 0}, {11, 2}, {20, 14}, {105, 128}, {199, 254}, {200, 255},
    };
    static const double down[][2] = {
        {0, 65535}, {1, 64551}, {10, 52755}, {49, 1638}, {50, 0},
    };
    struct values_spec spec = VALUES_SPEC_INIT;

    spec.voi = VALUES_VOI_FRAME;
    spec.y_max = 65535;
    spec.maximum = 500;
    for (size_t i = 0; i < sizeof u16 / sizeof u16[0]; i++)
        ck_assert_double_eq(map_stored(&spec, u16[i][0]), u16[i][1]);
    spec.y_max = 255;
    spec.minimum = 10;
    spec.maximum = 200;
    for (size_t i = 0; i < sizeof u8 / sizeof u8[0]; i++)
        ck_assert_double_eq(map_stored(&spec, u8[i][0]), u8[i][1]);
    spec.y_max = 65535;
    spec.slope = -2;
    spec.intercept = 100;
    spec.minimum = 0;
    spec.maximum = 100;
    for (size_t i = 0; i < sizeof down / sizeof down[0]; i++)
        ck_assert_double_eq(map_stored(&spec, down[i][0]), down[i][1]);
    spec.minimum = spec.maximum = 40; /* a constant frame is black */
    ck_assert_double_eq(values_map(&spec, 40), 0);
}
END_TEST

START_TEST(a_volume_is_stretched_from_minimum_to_maximum)
{
    struct values_spec spec = VALUES_SPEC_INIT;

    spec.voi = VALUES_VOI_MINMAX;
    spec.y_max = 65535;
    spec.minimum = -10;
    spec.maximum = 20;
    ck_assert_double_eq(values_map(&spec, -10), 0);
    ck_assert_double_eq(values_map(&spec, 0), 21845);
    ck_assert_double_eq(values_map(&spec, 19), 63350); /* 63350.5 */
    ck_assert_double_eq(values_map(&spec, 20), 65535);
    ck_assert_double_eq(values_map(&spec, -1000), 0);
    ck_assert_double_eq(values_map(&spec, 1000), 65535);
    ck_assert_double_eq(values_map(&spec, NAN), 0);
    spec.inverted = true;
    ck_assert_double_eq(values_map(&spec, 0), 65535 - 21845);
    spec.maximum = spec.minimum;
    spec.inverted = false;
    ck_assert_double_eq(values_map(&spec, -10), 0);
}
END_TEST

START_TEST(tables_replace_slope_and_window)
{
    static const uint16_t modality[] = {100, 50, 4095};
    static const uint16_t voi[] = {0, 1000, 4095};
    static const uint16_t wide[] = {0, 1000, 5000};
    struct values_spec spec = VALUES_SPEC_INIT;

    spec.slope = 1000; /* not looked at */
    spec.modality_lut = (struct values_lut){modality, 3, -1, 12};
    ck_assert_double_eq(values_modality(&spec, -5), 100);
    ck_assert_double_eq(values_modality(&spec, -1), 100);
    ck_assert_double_eq(values_modality(&spec, 0), 50);
    ck_assert_double_eq(values_modality(&spec, 1), 4095);
    ck_assert_double_eq(values_modality(&spec, 30000), 4095);

    spec.voi = VALUES_VOI_LUT;
    spec.y_max = 65535;
    spec.voi_lut = (struct values_lut){voi, 3, 50, 12};
    ck_assert_double_eq(values_map(&spec, 50), 0);
    ck_assert_double_eq(values_map(&spec, 50.5), 16003); /* entry 51 */
    ck_assert_double_eq(values_map(&spec, 51.4), 16003);
    ck_assert_double_eq(values_map(&spec, 51.5), 65535);
    ck_assert_double_eq(values_map(&spec, 1e30), 65535);
    ck_assert_double_eq(values_map(&spec, -1e30), 0);
    spec.y_max = 255;
    ck_assert_double_eq(values_map(&spec, 51), 62);
    /* a table that holds more than its descriptor says */
    spec.voi_lut = (struct values_lut){wide, 3, 50, 12};
    ck_assert_double_eq(values_map(&spec, 51), 51);
    ck_assert_double_eq(values_map(&spec, 52), 255);
}
END_TEST

START_TEST(a_table_of_65536_entries_is_whole)
{
    static uint16_t entries[65536];
    struct values_spec spec = VALUES_SPEC_INIT;

    for (uint32_t i = 0; i < 65536; i++)
        entries[i] = (uint16_t)(65535 - i);
    spec.voi = VALUES_VOI_LUT;
    spec.y_max = 65535;
    spec.voi_lut = (struct values_lut){entries, 65536, 0, 16};
    for (uint32_t i = 0; i < 65536; i += 257)
        ck_assert_double_eq(values_map(&spec, i), 65535 - i);
}
END_TEST

START_TEST(ranges_clip)
{
    struct values_spec spec = VALUES_SPEC_INIT;

    spec.output = VALUES_RANGE;
    spec.range_low = -1000;
    spec.range_high = 400;
    ck_assert_double_eq(values_map(&spec, -2000), 0);
    ck_assert_double_eq(values_map(&spec, -300), 0.5);
    ck_assert_double_eq(values_map(&spec, 400), 1);
    ck_assert_double_eq(values_map(&spec, INFINITY), 1);
    ck_assert_double_eq(values_map(&spec, NAN), 0);
    spec.y_max = 255;
    ck_assert_double_eq(values_map(&spec, -300), 127);
    ck_assert_double_eq(values_map(&spec, 399), 254);
    spec.inverted = true;
    ck_assert_double_eq(values_map(&spec, 399), 1);
    ck_assert_int_eq(values_type(&spec, 1, SAMPLE_I16), SAMPLE_U8);
    spec.y_max = 0;
    ck_assert_int_eq(values_type(&spec, 1, SAMPLE_I16), SAMPLE_F32);
}
END_TEST

START_TEST(windows_that_dicom_allows)
{
    ck_assert(values_window_is_valid(VALUES_LINEAR, 0, 1));
    ck_assert(!values_window_is_valid(VALUES_LINEAR, 0, 0.5));
    ck_assert(values_window_is_valid(VALUES_LINEAR_EXACT, 0, 0.5));
    ck_assert(!values_window_is_valid(VALUES_LINEAR_EXACT, 0, 0));
    ck_assert(values_window_is_valid(VALUES_SIGMOID, 0, 0.01));
    ck_assert(!values_window_is_valid(VALUES_SIGMOID, 0, -1));
    ck_assert(!values_window_is_valid(VALUES_LINEAR, NAN, 1));
    ck_assert(!values_window_is_valid(VALUES_LINEAR, 0, INFINITY));
}
END_TEST

/* Specs of every kind, for the tests of the fast ways. */
static uint16_t some_entries[300];

static struct values_spec spec_of_kind(unsigned kind)
{
    struct values_spec spec = window((enum values_function)(kind % 3), 30, 90);

    for (size_t i = 0; i < 300; i++)
        some_entries[i] = (uint16_t)(i * 13 % 4096);
    spec.slope = 0.37;
    spec.intercept = -20;
    spec.y_max = kind & 1 ? 255 : 65535;
    spec.inverted = (kind & 2) != 0;
    spec.has_padding = (kind & 4) != 0;
    spec.padding_first = 100;
    spec.padding_last = -20;
    spec.replace_padding = (kind & 8) != 0;
    spec.padding_value = 44;
    spec.range_low = -100;
    spec.range_high = 100;
    spec.minimum = -70;
    spec.maximum = 700;
    if (kind & 16)
        spec.modality_lut = (struct values_lut){some_entries, 300, -50, 12};
    switch (kind >> 5) {
    case 1:
        spec.output = VALUES_HU;
        break;
    case 2:
        spec.output = VALUES_RAW;
        break;
    case 3:
        spec.output = VALUES_RANGE;
        break;
    case 4:
        spec.output = VALUES_RANGE;
        spec.y_max = 0;
        break;
    case 5:
        spec.voi = VALUES_VOI_LUT;
        spec.voi_lut = (struct values_lut){some_entries, 300, -90, 12};
        break;
    case 6:
        spec.voi = VALUES_VOI_MINMAX;
        break;
    default:
        break;
    }
    return spec;
}
#define SPEC_KINDS (7U * 32U)

static double expected(const struct values_spec *spec, double stored)
{
    bool is_padding = spec->has_padding && stored >= -20 && stored <= 100;
    double m = values_modality(spec, stored);

    if (is_padding && spec->replace_padding)
        m = spec->padding_value;
    else if (spec->output == VALUES_RAW)
        return stored;
    return spec->output == VALUES_RAW ? m : values_map(spec, m);
}

/* One ck_assert a frame: each of them is a write to a file. */
static void check_frame(const struct values_spec *spec,
                        struct values_table *table, const struct image *in)
{
    enum sample_type type = values_type(spec, 1, in->type);
    struct image out = image_test_new(in->width, in->height, 1, type, 3);
    struct image want = image_test_new(in->width, in->height, 1, type, 0);

    ck_assert_int_eq(values_apply(spec, table, in, &out, &err), 0);
    for (uint32_t y = 0; y < in->height; y++) {
        for (uint32_t x = 0; x < in->width; x++)
            sample_set(image_row(&want, y), type, x,
                       expected(spec, image_test_get(in, x, y)));
    }
    ck_assert(image_test_equal(&want, &out));
    image_free(&out);
    image_free(&want);
}

START_TEST(every_way_to_apply_gives_the_same)
{
    struct values_table *table = values_table_new(&err);
    uint64_t seed = 2;

    ck_assert_ptr_nonnull(table);
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        struct image in = image_test_new(61, 9, 1, image_test_types[t], 1);

        image_test_noise(&in, &seed);
        for (unsigned kind = 0; kind < SPEC_KINDS; kind++) {
            struct values_spec spec = spec_of_kind(kind);

            /* values that meet windows, tables and padding */
            for (uint32_t x = 0; x < in.width; x++)
                sample_set(image_row(&in, 3), in.type, x, 5.0 * x - 60);
            check_frame(&spec, NULL, &in);
            check_frame(&spec, table, &in);
            check_frame(&spec, table, &in); /* from the table, perhaps */
        }
        image_free(&in);
    }
    values_table_free(table);
}
END_TEST

START_TEST(a_table_follows_its_spec_and_its_range)
{
    struct values_table *table = values_table_new(&err);
    uint64_t seed = 3;

    ck_assert_ptr_nonnull(table);
    for (int i = 0; i < 400; i++) {
        struct values_spec spec = spec_of_kind((unsigned)(i / 20 % 3));
        struct image in =
            image_test_new(30, 30, 1, i & 64 ? SAMPLE_I16 : SAMPLE_U16, 0);
        double base = (double)(image_test_random(&seed) % 4000);

        spec.width = 8000; /* every sample is another value */
        for (uint32_t y = 0; y < 30; y++) {
            for (uint32_t x = 0; x < 30; x++)
                sample_set(image_row(&in, y), in.type, x,
                           (i & 1 ? -base : base) +
                               (double)(image_test_random(&seed) % 700));
        }
        check_frame(&spec, table, &in);
        image_free(&in);
    }
    values_table_free(table);
}
END_TEST

START_TEST(a_table_compares_luts_by_content)
{
    uint16_t entries[2] = {0, 10};
    struct values_table *table = values_table_new(&err);
    struct values_spec spec = VALUES_SPEC_INIT;
    struct image in = image_test_new(64, 64, 1, SAMPLE_U8, 0);
    struct image out = image_test_new(64, 64, 1, SAMPLE_F32, 0);

    ck_assert_ptr_nonnull(table);
    spec.output = VALUES_HU;
    spec.modality_lut = (struct values_lut){entries, 2, 0, 8};
    image_test_fill(&in, 1);
    ck_assert_int_eq(values_apply(&spec, table, &in, &out, &err), 0);
    ck_assert_double_eq(image_test_get(&out, 5, 5), 10);
    entries[1] = 20; /* the same address, another table */
    ck_assert_int_eq(values_apply(&spec, table, &in, &out, &err), 0);
    ck_assert_double_eq(image_test_get(&out, 5, 5), 20);
    image_free(&in);
    image_free(&out);
    values_table_free(table);
}
END_TEST

START_TEST(colour_is_copied)
{
    struct values_spec spec = window(VALUES_LINEAR, 10, 20);
    struct image in = image_test_new(5, 4, 3, SAMPLE_U8, 1);
    struct image out = image_test_new(5, 4, 3, SAMPLE_U8, 0);
    uint64_t seed = 4;

    spec.y_max = 255;
    image_test_noise(&in, &seed);
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), 0);
    ck_assert(image_test_equal(&in, &out));
    image_free(&in);
    image_free(&out);
}
END_TEST

START_TEST(specs_that_do_not_fit_are_refused)
{
    struct image in = image_test_new(2, 2, 1, SAMPLE_U16, 0);
    struct image out = image_test_new(2, 2, 1, SAMPLE_U16, 0);
    struct values_spec spec = VALUES_SPEC_INIT;

    image_test_fill(&in, 0);
    spec.y_max = 65535; /* no VOI */
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    spec.voi = VALUES_VOI_LUT; /* no table */
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), -1);
    spec.voi = VALUES_VOI_WINDOW;
    spec.y_max = 4095;
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), -1);
    spec.y_max = 255; /* makes U8 */
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), -1);
    out.width = 1;
    spec.y_max = 65535;
    ck_assert_int_eq(values_apply(&spec, NULL, &in, &out, &err), -1);
    image_free(&in);
    image_free(&out);
}
END_TEST

START_TEST(extents_leave_padding_and_nan_out)
{
    struct values_spec spec = VALUES_SPEC_INIT;
    uint64_t seed = 5;

    spec.slope = -2;
    spec.intercept = 1;
    spec.has_padding = true;
    spec.padding_first = 50;
    spec.padding_last = 40;
    for (size_t t = 0; t < IMAGE_TEST_TYPES; t++) {
        struct image in = image_test_new(33, 7, 1, image_test_types[t], 2);
        struct values_extent got = {0};
        struct values_extent want = {INFINITY, -INFINITY, 0};

        for (int round = 0; round < 50; round++) {
            for (uint32_t y = 0; y < in.height; y++) {
                for (uint32_t x = 0; x < in.width; x++) {
                    double v = (double)(image_test_random(&seed) % 60);

                    sample_set(image_row(&in, y), in.type, x, v);
                    if (v >= 40 && v <= 50)
                        continue;
                    want.min = fmin(want.min, -2 * v + 1);
                    want.max = fmax(want.max, -2 * v + 1);
                    want.count++;
                }
            }
            values_extent_add(&spec, &in, &got);
            ck_assert_double_eq(got.min, want.min);
            ck_assert_double_eq(got.max, want.max);
            ck_assert_uint_eq(got.count, want.count);
        }
        image_free(&in);
    }
}
END_TEST

START_TEST(extents_know_signs_floats_and_emptiness)
{
    struct values_spec spec = VALUES_SPEC_INIT;
    static int16_t signs[] = {-10, 0, 10, 20};
    static float floats[] = {NAN, -2.5F, INFINITY, 7};
    struct image in = image_view(signs, 4, 1, 1, SAMPLE_I16);
    struct image real = image_view(floats, 4, 1, 1, SAMPLE_F32);
    struct values_extent acc = {0};

    values_extent_add(&spec, &in, &acc);
    ck_assert_double_eq(acc.min, -10);
    ck_assert_double_eq(acc.max, 20);
    acc = (struct values_extent){0, 0, 0};
    values_extent_add(&spec, &real, &acc);
    ck_assert_double_eq(acc.min, -2.5);
    ck_assert_double_eq(acc.max, 7);
    ck_assert_uint_eq(acc.count, 2);
    spec.has_padding = true; /* everything is padding: nothing is added */
    spec.padding_first = -100;
    spec.padding_last = 1e9;
    values_extent_add(&spec, &in, &acc);
    ck_assert_uint_eq(acc.count, 2);
    ck_assert_double_eq(acc.min, -2.5);
    spec.padding_first = 1e9; /* outside of what 16 bits hold */
    values_extent_add(&spec, &in, &acc);
    ck_assert_uint_eq(acc.count, 6);
    spec.padding_first = 10; /* one value only */
    spec.padding_last = 10;
    acc = (struct values_extent){0, 0, 0};
    values_extent_add(&spec, &in, &acc);
    ck_assert_uint_eq(acc.count, 3);
}
END_TEST

START_TEST(masks_mark_padding)
{
    struct values_spec spec = VALUES_SPEC_INIT;
    static int16_t samples[] = {-2000, -1500, 0, -1499, -1500, -1501};
    static const uint8_t want[] = {0, 1, 0, 0, 1, 0};
    uint8_t got[6];
    struct image in = image_view(samples, 3, 2, 1, SAMPLE_I16);
    struct image mask = image_view(got, 3, 2, 1, SAMPLE_U8);

    ck_assert(!values_padding_mask(&spec, &in, &mask));
    spec.has_padding = true;
    spec.padding_first = spec.padding_last = -1500;
    ck_assert(values_padding_mask(&spec, &in, &mask));
    ck_assert_mem_eq(got, want, 6);
}
END_TEST

START_TEST(palettes_expand_and_clamp)
{
    static const uint16_t red[] = {1, 2, 300};
    static const uint16_t green[] = {4, 5, 6};
    static const uint16_t blue[] = {7, 8, 9};
    static int16_t index[] = {9, 10, 11, 12, 999};
    static const uint8_t want8[] = {1, 4,  7, 1, 4,  7, 2, 5,
                                    8, 44, 6, 9, 44, 6, 9};
    static const uint16_t want16[] = {1, 4,   7, 1, 4,   7, 2, 5,
                                      8, 300, 6, 9, 300, 6, 9};
    struct palette palette = {red, green, blue, 3, 10, 8};
    uint8_t got8[15];
    uint16_t got16[15];
    struct image in = image_view(index, 5, 1, 1, SAMPLE_I16);
    struct image out8 = image_view(got8, 5, 1, 3, SAMPLE_U8);
    struct image out16 = image_view(got16, 5, 1, 3, SAMPLE_U16);

    ck_assert_int_eq(palette_apply(&palette, &in, &out8, &err), 0);
    ck_assert_mem_eq(got8, want8, sizeof want8);
    ck_assert_int_eq(palette_apply(&palette, &in, &out16, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
    palette.bits = 16;
    ck_assert_int_eq(palette_apply(&palette, &in, &out16, &err), 0);
    ck_assert_mem_eq(got16, want16, sizeof want16);
    palette.count = 0;
    ck_assert_int_eq(palette_apply(&palette, &in, &out16, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image_values");
    TCase *t = tcase_create("values");
    SRunner *r;

    tcase_set_timeout(t, 60);
    tcase_add_test(t, windows_have_the_reference_values);
    tcase_add_test(t, linear_starts_where_dicom_says);
    tcase_add_test(t, a_frame_is_stretched_as_the_reference_does);
    tcase_add_test(t, a_volume_is_stretched_from_minimum_to_maximum);
    tcase_add_test(t, tables_replace_slope_and_window);
    tcase_add_test(t, a_table_of_65536_entries_is_whole);
    tcase_add_test(t, ranges_clip);
    tcase_add_test(t, windows_that_dicom_allows);
    tcase_add_test(t, every_way_to_apply_gives_the_same);
    tcase_add_test(t, a_table_follows_its_spec_and_its_range);
    tcase_add_test(t, a_table_compares_luts_by_content);
    tcase_add_test(t, colour_is_copied);
    tcase_add_test(t, specs_that_do_not_fit_are_refused);
    tcase_add_test(t, extents_leave_padding_and_nan_out);
    tcase_add_test(t, extents_know_signs_floats_and_emptiness);
    tcase_add_test(t, masks_mark_padding);
    tcase_add_test(t, palettes_expand_and_clamp);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
