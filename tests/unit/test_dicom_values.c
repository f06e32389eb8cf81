// SPDX-License-Identifier: MIT
/* test_dicom_values.c: rescale, windows, tables, padding, spacing, DBT. */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define DBT "1.2.840.10008.5.1.4.1.1.13.1.3"

static void begin(struct build *b, unsigned is_signed)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, EXPLICIT);
    build_common(b, CT);
    build_grey(b, 1, 1, 16, 12, is_signed);
}

static struct opened finish(struct build *b)
{
    struct opened o;

    build_bytes(b, 0x7FE00010, "OW", "\0\0", 2);
    o = open_build(b, NULL);
    ck_assert_msg(o.good, "%s", o.err.msg);
    ck_assert(o.header.has_pixels);
    return o;
}

/* ---- rescale ---------------------------------------------------------------
 */

START_TEST(rescale)
{
    static const struct {
        const char *slope, *intercept; /* NULL: absent */
        double want_slope, want_intercept;
        bool warned;
    } rows[] = {
        {NULL, NULL, 1, 0, false},
        {"2", "-1024", 2, -1024, false},
        {" 0.5 ", "+3e1", 0.5, 30, false},
        {"2", NULL, 2, 0, true},
        {NULL, "7", 1, 7, true},
        {"x", "7", 1, 7, true},
        {"0", "7", 1, 7, true},
        {"", "", 1, 0, false},
        {"nan", "inf", 1, 0, true},
        {"1,5", "0", 1, 0, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        begin(&b, 0);
        if (rows[i].intercept)
            build_text(&b, 0x00281052, "DS", rows[i].intercept);
        if (rows[i].slope)
            build_text(&b, 0x00281053, "DS", rows[i].slope);
        build_text(&b, 0x00281054, "LO", "HU");
        o = finish(&b);
        ck_assert_double_eq(o.header.shared.slope, rows[i].want_slope);
        ck_assert_double_eq(o.header.shared.intercept, rows[i].want_intercept);
        ck_assert_str_eq(o.header.rescale_type, "HU");
        ck_assert_msg(((o.header.warnings & DICOM_WARN_RESCALE_INVALID) != 0) ==
                          rows[i].warned,
                      "row %zu", i);
        opened_close(&o);
    }
}
END_TEST

/* ---- windows ----------------------------------------------------------------
 */

START_TEST(windows)
{
    static const struct {
        const char *center, *width, *function;
        uint32_t n;
        double center0, width0;
        bool valid0;
        enum dicom_voi_function want;
    } rows[] = {
        {"40", "400", NULL, 1, 40, 400, true, DICOM_LINEAR},
        {"40\\-600", "400\\1500", NULL, 2, 40, 400, true, DICOM_LINEAR},
        {" 40 \\ -600", "400\\ 1500 ", "", 2, 40, 400, true, DICOM_LINEAR},
        {"40\\1\\2", "400", NULL, 1, 40, 400, true, DICOM_LINEAR},
        {"40", "0.5", NULL, 1, 40, 0.5, true, DICOM_LINEAR},
        {"40", "0", NULL, 1, 0, 0, false, DICOM_LINEAR},
        {"40", "-4", NULL, 1, 0, 0, false, DICOM_LINEAR},
        {"x", "4", NULL, 1, 0, 0, false, DICOM_LINEAR},
        {"40", "400", "LINEAR_EXACT", 1, 40, 400, true, DICOM_LINEAR_EXACT},
        {"40", "400", "SIGMOID ", 1, 40, 400, true, DICOM_SIGMOID},
        {"40", "400", "CUBIC", 1, 40, 400, true, DICOM_LINEAR},
        {"40", NULL, NULL, 0, 0, 0, false, DICOM_LINEAR},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct dicom_window *w;
        struct build b;
        struct opened o;

        begin(&b, 0);
        build_text(&b, 0x00281050, "DS", rows[i].center);
        if (rows[i].width)
            build_text(&b, 0x00281051, "DS", rows[i].width);
        if (rows[i].function)
            build_text(&b, 0x00281056, "CS", rows[i].function);
        o = finish(&b);
        ck_assert_uint_eq(o.header.shared.n_windows, rows[i].n);
        ck_assert_uint_eq(o.header.n_windows, rows[i].n);
        if (rows[i].n > 0) {
            w = &o.header.windows[o.header.shared.window_first];
            ck_assert_double_eq(w->center, rows[i].center0);
            ck_assert_double_eq(w->width, rows[i].width0);
            ck_assert(w->valid == rows[i].valid0);
            ck_assert_int_eq(w->function, rows[i].want);
            ck_assert(((o.header.warnings & DICOM_WARN_WINDOW_INVALID) == 0) ==
                      rows[i].valid0);
        }
        opened_close(&o);
    }
}
END_TEST

/* ---- tables
 * ------------------------------------------------------------------ */

static void put_lut(struct build *b, const uint16_t descriptor[3],
                    const char *vr, const void *data, size_t length)
{
    build_item(b, true);
    build_words(b, 0x00283002, "US", descriptor, 3);
    build_bytes(b, 0x00283006, vr, data, length);
    build_item_end(b);
}

START_TEST(voi_tables)
{
    static const uint8_t words[] = {0, 0, 10, 0, 0xFF, 0x0F, 0, 0x20};
    static const struct {
        uint16_t descriptor[3];
        const char *vr;
        size_t length;
        unsigned is_signed;
        uint32_t n;
        int32_t first;
        uint32_t bits, max, entry1;
    } rows[] = {
        {{4, 0, 12}, "OW", 8, 0, 4, 0, 12, 0x2000, 10},
        {{4, 0, 16}, "US", 8, 0, 4, 0, 16, 0x2000, 10},
        {{3, 65535, 16}, "OW", 6, 1, 3, -1, 16, 0xFFF, 10},
        {{3, 65535, 16}, "OW", 6, 0, 3, -1, 16, 0xFFF, 10}, /* must be */
        {{4, 100, 8}, "OW", 4, 0, 4, 100, 8, 10, 0},        /* packed bytes */
        {{4, 100, 8}, "OB", 4, 0, 4, 100, 8, 10, 0},
        {{4, 0, 0}, "OW", 8, 0, 4, 0, 16, 0x2000, 10},
        {{4, 0, 99}, "OW", 8, 0, 4, 0, 16, 0x2000, 10},
        {{5, 0, 16}, "OW", 8, 0, 5, 0, 16, 255, 0}, /* bytes, odd count */
        {{9, 0, 16}, "OW", 8, 0, 0, 0, 0, 0, 0},    /* too short */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        begin(&b, rows[i].is_signed);
        build_sequence(&b, 0x00283010, true);
        put_lut(&b, rows[i].descriptor, rows[i].vr, words, rows[i].length);
        build_sequence_end(&b);
        o = finish(&b);
        ck_assert_uint_eq(o.header.n_voi_luts, rows[i].n ? 1 : 0);
        ck_assert_uint_eq(o.header.shared.n_voi_luts, rows[i].n ? 1 : 0);
        ck_assert(((o.header.warnings & DICOM_WARN_LUT_INVALID) != 0) ==
                  (rows[i].n == 0));
        if (rows[i].n) {
            const struct dicom_lut *l = &o.header.voi_luts[0];

            ck_assert_uint_eq(l->n, rows[i].n);
            ck_assert_int_eq(l->first, rows[i].first);
            ck_assert_uint_eq(l->bits, rows[i].bits);
            ck_assert_msg(l->max == rows[i].max, "row %zu: %u", i, l->max);
            ck_assert_uint_eq(l->data[1], rows[i].entry1);
        }
        opened_close(&o);
    }
}
END_TEST

START_TEST(full_table_has_65536_entries)
{
    static uint16_t all[65536];
    struct build b;
    struct opened o;

    for (uint32_t i = 0; i < 65536; i++)
        all[i] = (uint16_t)(65535 - i);
    begin(&b, 1);
    build_sequence(&b, 0x00283000, false);
    build_item(&b, false);
    build_words(&b, 0x00283002, "SS", (const uint16_t[]){0, 32768, 16}, 3);
    build_header(&b, 0x00283006, "OW", 131072);
    for (uint32_t i = 0; i < 65536; i++)
        build_raw16(&b, all[i]);
    build_item_end(&b);
    build_sequence_end(&b);
    o = finish(&b);
    ck_assert(o.header.has_modality_lut);
    ck_assert_uint_eq(o.header.modality_lut.n, 65536);
    ck_assert_int_eq(o.header.modality_lut.first, -32768);
    ck_assert_uint_eq(o.header.modality_lut.data[65535], 0);
    ck_assert_uint_eq(o.header.modality_lut.data[1], 65534);
    ck_assert_uint_eq(o.header.modality_lut.max, 65535);
    opened_close(&o);
}
END_TEST

START_TEST(several_and_empty_table_sequences)
{
    static const uint8_t words[] = {1, 0, 2, 0};
    struct build b;
    struct opened o;

    begin(&b, 0);
    build_sequence(&b, 0x00283000, false); /* empty = absent */
    build_sequence_end(&b);
    build_sequence(&b, 0x00283010, false);
    put_lut(&b, (const uint16_t[]){2, 0, 16}, "OW", words, 4);
    put_lut(&b, (const uint16_t[]){2, 9, 16}, "OW", words, 4);
    build_sequence_end(&b);
    o = finish(&b);
    ck_assert(!o.header.has_modality_lut);
    ck_assert_uint_eq(o.header.n_voi_luts, 2);
    ck_assert_int_eq(o.header.voi_luts[1].first, 9);
    ck_assert_uint_eq(o.header.warnings, 0);
    opened_close(&o);
}
END_TEST

START_TEST(tables_in_big_endian_read_alike)
{
    struct build b;
    struct opened o;

    build_init(&b, BUILD_EXPLICIT_BE);
    build_meta(&b, "1.2.840.10008.1.2.2");
    build_common(&b, CT);
    build_grey(&b, 1, 1, 16, 12, 0);
    build_sequence(&b, 0x00283010, true);
    build_item(&b, true);
    build_words(&b, 0x00283002, "US", (const uint16_t[]){2, 7, 12}, 3);
    build_words(&b, 0x00283006, "OW", (const uint16_t[]){258, 513}, 2);
    build_item_end(&b);
    build_sequence_end(&b);
    o = finish(&b);
    ck_assert_uint_eq(o.header.n_voi_luts, 1);
    ck_assert_int_eq(o.header.voi_luts[0].first, 7);
    ck_assert_uint_eq(o.header.voi_luts[0].data[0], 258);
    ck_assert_uint_eq(o.header.voi_luts[0].data[1], 513);
    opened_close(&o);
}
END_TEST

START_TEST(tables_have_a_budget)
{
    static uint8_t data[131072];
    struct dicom_limits limits = {.lut_bytes = 100000};
    struct build b;
    struct opened o;

    begin(&b, 0);
    build_sequence(&b, 0x00283010, false);
    put_lut(&b, (const uint16_t[]){4, 0, 16}, "OW", data, 8);
    put_lut(&b, (const uint16_t[]){0, 0, 16}, "OW", data, sizeof data);
    build_sequence_end(&b);
    build_bytes(&b, 0x7FE00010, "OW", "\0\0", 2);
    o = open_build(&b, &limits);
    ck_assert(o.good);
    ck_assert_uint_eq(o.header.n_voi_luts, 1);
    ck_assert(o.header.warnings & DICOM_WARN_LUT_INVALID);
    opened_close(&o);
}
END_TEST

/* ---- palettes
 * ------------------------------------------------------------------- */

static void begin_palette(struct build *b, unsigned n, unsigned bits)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, EXPLICIT);
    build_common(b, CT);
    build_u16(b, 0x00280002, 1);
    build_text(b, 0x00280004, "CS", "PALETTE COLOR");
    build_u16(b, 0x00280010, 1);
    build_u16(b, 0x00280011, 1);
    build_u16(b, 0x00280100, 8);
    build_u16(b, 0x00280101, 8);
    build_u16(b, 0x00280102, 7);
    build_u16(b, 0x00280103, 0);
    for (uint32_t i = 0; i < 3; i++)
        build_words(b, 0x00281101 + i, "US",
                    (const uint16_t[]){(uint16_t)n, 0, (uint16_t)bits}, 3);
}

static void put_palette(struct build *b, uint32_t tag, const void *bytes,
                        size_t length)
{
    for (uint32_t i = 0; i < 3; i++)
        build_bytes(b, tag + i, "OW", bytes, length);
}

START_TEST(palettes)
{
    static const uint8_t words[] = {0x34, 0x12, 0xFF, 0xFF, 0, 1, 7, 0};
    static const uint8_t small[] = {1, 0, 2, 0, 250, 0, 3, 0};
    static const uint8_t bytes[] = {1, 2, 250, 3};
    static const struct {
        const uint8_t *data;
        size_t length;
        unsigned n, bits;
        uint32_t want_n, want_bits, entry1, entry2;
        bool warned;
    } rows[] = {
        {words, 8, 4, 16, 4, 16, 0xFFFF, 0x100, false},
        {bytes, 4, 4, 8, 4, 8, 2, 250, false},
        {bytes, 4, 4, 16, 4, 8, 2, 250, true},
        {small, 8, 4, 8, 4, 8, 2, 250, false},
        {words, 8, 4, 8, 4, 16, 0xFFFF, 0x100, true},
        {bytes, 4, 9, 8, 0, 0, 0, 0, true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct dicom_palette *p;
        struct build b;
        struct opened o;

        begin_palette(&b, rows[i].n, rows[i].bits);
        put_palette(&b, 0x00281201, rows[i].data, rows[i].length);
        o = finish(&b);
        p = &o.header.palette;
        ck_assert_int_eq(o.header.desc.photometric, DECODE_PALETTE);
        ck_assert_uint_eq(p->n[0], rows[i].want_n);
        if (rows[i].want_n) {
            ck_assert_uint_eq(p->bits, rows[i].want_bits);
            ck_assert_uint_eq(p->data[2][1], rows[i].entry1);
            ck_assert_uint_eq(p->data[0][2], rows[i].entry2);
        }
        ck_assert_msg(((o.header.warnings & DICOM_WARN_PALETTE) != 0) ==
                          rows[i].warned,
                      "row %zu", i);
        opened_close(&o);
    }
}
END_TEST

static struct opened open_segments(const uint16_t *words, size_t n,
                                   unsigned entries)
{
    struct build b;

    begin_palette(&b, entries, 16);
    for (uint32_t i = 0; i < 3; i++)
        build_words(&b, 0x00281221 + i, "OW", words, n);
    return finish(&b);
}

START_TEST(segmented_palette_is_expanded)
{
    /* two values, a line of four up to 1000, and those two again */
    static const uint16_t words[] = {0, 2, 100, 200, 1, 4, 1000, 2, 1, 0, 0};
    static const uint16_t want[] = {100, 200, 400, 600, 800, 1000, 100, 200};
    struct opened o = open_segments(words, 11, 8);

    ck_assert_uint_eq(o.header.palette.n[1], 8);
    ck_assert_mem_eq(o.header.palette.data[1], want, sizeof want);
    ck_assert_uint_eq(o.header.warnings, 0);
    opened_close(&o);
}
END_TEST

START_TEST(malformed_segments_are_no_palette)
{
    static const struct {
        uint16_t words[8];
        size_t n;
    } rows[] = {
        {{0, 9, 1, 2}, 4},            /* values beyond the end */
        {{1, 4, 1000}, 3},            /* a line from nowhere */
        {{0, 1, 5, 1, 0, 7}, 6},      /* a line of no length */
        {{2, 1, 0, 0}, 4},            /* refers to itself */
        {{0, 1, 5, 2, 1, 999, 0}, 7}, /* refers beyond the end */
        {{7, 1, 1}, 3},               /* unknown kind */
        {{0, 2, 1, 2}, 4},            /* too few entries */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct opened o = open_segments(rows[i].words, rows[i].n, 8);

        ck_assert_uint_eq(o.header.palette.n[0], 0);
        ck_assert_msg(o.header.warnings & DICOM_WARN_PALETTE, "row %zu", i);
        opened_close(&o);
    }
}
END_TEST

/* ---- padding
 * --------------------------------------------------------------------- */

START_TEST(padding)
{
    static const struct {
        unsigned is_signed;
        const char *vr;
        int value, limit; /* -1 as limit: none */
        double low, high;
    } rows[] = {
        {0, "US", 0, -1, 0, 0},
        {1, "SS", -2000, -1, -2000, -2000},
        {1, "US", 63536, -1, -2000, -2000},
        {0, "US", 100, 90, 90, 100},
        {0, "SS", -1, -1, 4095, 4095},
        {1, "SS", 2096, -1, -2000, -2000},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint16_t value = (uint16_t)rows[i].value;
        uint16_t limit = (uint16_t)rows[i].limit;
        struct build b;
        struct opened o;

        begin(&b, rows[i].is_signed);
        build_words(&b, 0x00280120, rows[i].vr, &value, 1);
        if (rows[i].limit >= 0)
            build_words(&b, 0x00280121, rows[i].vr, &limit, 1);
        o = finish(&b);
        ck_assert_int_eq(o.header.padding.kind, DICOM_PADDING_INTEGER);
        ck_assert_msg(o.header.padding.low == rows[i].low, "row %zu: %g", i,
                      o.header.padding.low);
        ck_assert_double_eq(o.header.padding.high, rows[i].high);
        opened_close(&o);
    }
}
END_TEST

START_TEST(float_padding_and_none)
{
    struct build b;
    struct opened o;

    begin(&b, 0);
    o = finish(&b);
    ck_assert_int_eq(o.header.padding.kind, DICOM_PADDING_NONE);
    opened_close(&o);
    begin(&b, 0);
    build_f32(&b, 0x00280122, -3.5f);
    build_f32(&b, 0x00280124, -9.5f);
    o = finish(&b);
    ck_assert_int_eq(o.header.padding.kind, DICOM_PADDING_FLOAT);
    ck_assert_double_eq(o.header.padding.low, -9.5);
    ck_assert_double_eq(o.header.padding.high, -3.5);
    opened_close(&o);
}
END_TEST

START_TEST(presentation_shape)
{
    struct build b;
    struct opened o;

    begin(&b, 0);
    build_text(&b, 0x20500020, "CS", "INVERSE");
    o = finish(&b);
    ck_assert_int_eq(o.header.presentation, DICOM_PRESENTATION_INVERSE);
    opened_close(&o);
}
END_TEST

/* ---- spacing
 * ----------------------------------------------------------------------- */

START_TEST(spacing)
{
    static const struct {
        const char *pixel, *imager, *between, *thickness;
        double x, y, z;
        enum dicom_spacing_source source;
    } rows[] = {
        {"0.5\\0.25", NULL, NULL, "5", 0.25, 0.5, 5, DICOM_SPACING_PIXEL},
        {"0.5\\0.25", "1\\1", "2", "5", 0.25, 0.5, 2, DICOM_SPACING_PIXEL},
        {" 0.5\\ 0.25", NULL, NULL, NULL, 0.25, 0.5, 0, DICOM_SPACING_PIXEL},
        {NULL, "0.1\\0.2", NULL, NULL, 0.2, 0.1, 0, DICOM_SPACING_IMAGER},
        {"0\\0.25", "0.1\\0.2", NULL, NULL, 0.2, 0.1, 0, DICOM_SPACING_IMAGER},
        {"0.5", "0.1\\0.2", NULL, NULL, 0.2, 0.1, 0, DICOM_SPACING_IMAGER},
        {"a\\b", NULL, NULL, NULL, 0, 0, 0, DICOM_SPACING_NONE},
        {"-1\\1", NULL, "0", "3", 0, 0, 3, DICOM_SPACING_NONE},
        {NULL, NULL, "-2", NULL, 0, 0, 0, DICOM_SPACING_NONE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct dicom_spacing *s;
        struct build b;
        struct opened o;

        begin(&b, 0);
        if (rows[i].thickness)
            build_text(&b, 0x00180050, "DS", rows[i].thickness);
        if (rows[i].between)
            build_text(&b, 0x00180088, "DS", rows[i].between);
        if (rows[i].imager)
            build_text(&b, 0x00181164, "DS", rows[i].imager);
        if (rows[i].pixel)
            build_text(&b, 0x00280030, "DS", rows[i].pixel);
        o = finish(&b);
        s = &o.header.spacing;
        ck_assert_msg(s->x == rows[i].x && s->y == rows[i].y &&
                          s->z == rows[i].z && s->source == rows[i].source,
                      "row %zu: %g %g %g %d", i, s->x, s->y, s->z, s->source);
        ck_assert(((o.header.warnings & DICOM_WARN_SPACING_IMAGER) != 0) ==
                  (s->source == DICOM_SPACING_IMAGER));
        opened_close(&o);
    }
}
END_TEST

/* ---- tomosynthesis
 * ------------------------------------------------------------------ */

START_TEST(tomosynthesis_upside_down_is_turned)
{
    static const struct {
        const char *sop_class, *laterality, *view, *orientation;
        bool turned;
    } rows[] = {
        {DBT, "L", "CC", "P\\L", true},
        {DBT, "R", "CC", "P\\R", true},
        {DBT, "L", "MLO", "P\\HL", true},
        {DBT, "R", "MLO", "P\\HR", true},
        {DBT, " l", "cc ", "p \\ l", true},
        {DBT, "R", "CC", "A\\L", false},
        {DBT, "L", "CC", "A\\R", false},
        {DBT, "L", "CC", "P\\R", false}, /* only rows turned */
        {DBT, "L", "MLO", "P\\L", false},
        {DBT, "L", "ML", "P\\HL", false},
        {DBT, "L", "CC", "P", false},
        {CT, "L", "CC", "P\\L", false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int image = 0; image < 2; image++) {
            struct build b;
            struct opened o;

            build_init(&b, BUILD_EXPLICIT_LE);
            build_meta(&b, EXPLICIT);
            build_common(&b, rows[i].sop_class);
            build_text(&b, 0x00185101, "CS", rows[i].view);
            build_text(&b, 0x00200020, "CS", rows[i].orientation);
            build_text(&b, image ? 0x00200062 : 0x00200060, "CS",
                       rows[i].laterality);
            build_grey(&b, 1, 1, 16, 12, 0);
            o = finish(&b);
            ck_assert_msg(o.header.turned == rows[i].turned, "row %zu", i);
            opened_close(&o);
        }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_values");
    TCase *t = tcase_create("values");
    SRunner *r;
    int failed;

    tcase_add_test(t, rescale);
    tcase_add_test(t, windows);
    tcase_add_test(t, voi_tables);
    tcase_add_test(t, full_table_has_65536_entries);
    tcase_add_test(t, several_and_empty_table_sequences);
    tcase_add_test(t, tables_in_big_endian_read_alike);
    tcase_add_test(t, tables_have_a_budget);
    tcase_add_test(t, palettes);
    tcase_add_test(t, segmented_palette_is_expanded);
    tcase_add_test(t, malformed_segments_are_no_palette);
    tcase_add_test(t, padding);
    tcase_add_test(t, float_padding_and_none);
    tcase_add_test(t, presentation_shape);
    tcase_add_test(t, spacing);
    tcase_add_test(t, tomosynthesis_upside_down_is_turned);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
