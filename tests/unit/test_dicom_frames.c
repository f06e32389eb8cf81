// SPDX-License-Identifier: MIT
/* test_dicom_frames.c: where the bytes of a frame are, and those bytes. */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define JPEG "1.2.840.10008.1.2.4.50"
#define J2K "1.2.840.10008.1.2.4.90"
#define RLE "1.2.840.10008.1.2.5"
#define CT "1.2.840.10008.5.1.4.1.1.2"

static void begin(struct build *b, const char *syntax, const char *frames)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, syntax);
    build_common(b, CT);
    build_grey(b, 2, 2, 8, 8, 0);
    if (frames)
        build_text(b, 0x00280008, "IS", frames);
}

/* A frame as text: "-" when it cannot be read. */
static void frame_text(const struct opened *o,
                       const struct dicom_extent *extents, uint64_t frame,
                       char *ret, size_t size)
{
    struct error err = ERROR_INIT;
    uint8_t *bytes;
    size_t length, n = 0;
    unsigned bit;

    if (dicom_frame_read(o->source, &o->header, extents, frame, &bytes, &length,
                         &bit, &err) != 0) {
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
        (void)snprintf(ret, size, "-");
        return;
    }
    ck_assert_uint_eq(bit, 0);
    for (size_t i = 0; i < length && n + 1 < size; i++)
        if (bytes[i] >= 'a' && bytes[i] <= 'z')
            ret[n++] = (char)bytes[i];
    ret[n] = '\0';
    free(bytes);
}

/* ---- encapsulated
 * ---------------------------------------------------------------- */

#define SOI "\xff\xd8\xff"
#define EOI "\xff\xd9"
#define SOC "\xff\x4f\xff\x51"
#define FRAGMENTS_MAX 8

/* Letters in the fragments say which frame they are of. A space stands for a
 * zero byte. */
struct index_row {
    const char *syntax;
    const char *frames; /* NumberOfFrames */
    const char *fragments[FRAGMENTS_MAX];
    const char *offsets; /* of the table, as fragment numbers; "!" spoils */
    const char *want[FRAGMENTS_MAX];
    bool corrupt;
};

static const struct index_row index_rows[] = {
    /* one each, with and without a table */
    {JPEG, "2", {"aaa ", "bb"}, NULL, {"aaa", "bb"}, false},
    {JPEG, "2", {"aaa ", "bb"}, "01", {"aaa", "bb"}, false},
    {RLE, "3", {"aa", "bb", "cc"}, NULL, {"aa", "bb", "cc"}, false},
    /* a single frame takes all */
    {JPEG, "1", {"aa", "aa", "aa"}, NULL, {"aaaaaa"}, false},
    {JPEG, NULL, {"aa", "aa", "aa"}, "0", {"aaaaaa"}, false},
    /* the table groups fragments */
    {RLE, "2", {"aa", "aa", "bb", "bb"}, "02", {"aaaa", "bbbb"}, false},
    {J2K, "2", {"aa", "bb", "bb", "bb"}, "01", {"aa", "bbbbbb"}, false},
    /* hostile tables are not believed */
    {RLE, "2", {"aa", "bb"}, "!0", {"aa", "bb"}, false},
    {RLE, "2", {"aa", "bb"}, "10", {"aa", "bb"}, false},
    {RLE, "2", {"aa", "bb"}, "00", {"aa", "bb"}, false},
    {RLE, "2", {"aa", "aa", "bb"}, "0!", {"aa", "aa"}, false},
    /* markers, no table */
    {JPEG,
     "2",
     {SOI "aa", "a" EOI, SOI "bb", "b" EOI},
     NULL,
     {"aaa", "bbb"},
     false},
    {JPEG,
     "2",
     {SOI "aa", "a" EOI " ", SOI "b" EOI, "  "},
     NULL,
     {"aaa", "b"},
     false},
    {J2K, "2", {SOC "aa", "aa" EOI, SOC "bb" EOI}, NULL, {"aaaa", "bb"}, false},
    /* a start inside a codestream (a thumbnail) is none */
    {JPEG,
     "2",
     {SOI "aa", SOI "aa" EOI, SOI "bb" EOI},
     NULL,
     {"aaaa", "bb"},
     false},
    /* missing ends: the starts alone */
    {JPEG,
     "2",
     {SOI "aa", "aa", SOI "bb", "bb"},
     NULL,
     {"aaaa", "bbbb"},
     false},
    /* fewer than stated: the rest is missing; more: not looked at */
    {JPEG, "3", {SOI "aa" EOI, SOI "bb" EOI}, NULL, {"aa", "bb", "-"}, false},
    {JPEG,
     "4",
     {SOI "a", "a" EOI, SOI "bb", "b" EOI, SOI "cc" EOI},
     NULL,
     {"aa", "bbb", "cc", "-"},
     false},
    {RLE, "3", {"aa"}, NULL, {"aa", "-", "-"}, false},
    {RLE, "2", {"aa", "bb", "cc"}, NULL, {"aa", "bb"}, false},
    {RLE, "2", {NULL}, NULL, {"-", "-"}, false},
    /* empty fragments are nothing, unless there is one a frame */
    {RLE, "2", {"", "aa", "", "bb"}, NULL, {"aa", "bb"}, false},
    {RLE, "2", {"aa", ""}, NULL, {"aa", "-"}, false},
    /* a table for another number of frames, when nothing else helps */
    {J2K,
     "3",
     {"aa", "aa", "bb", "bb", "bb"},
     "02",
     {"aaaa", "bbbbbb", "-"},
     false},
    /* no way to tell */
    {JPEG, "2", {"aa", "aa", "bb"}, NULL, {NULL}, true},
    {JPEG, "2", {SOI "aa", "aa", "bb"}, NULL, {NULL}, true},
    /* what looks like delimiters and items inside a fragment */
    {J2K,
     "2",
     {"a\xfe\xff\xdd\xe0    a ", "b\xfe\xff \xe0   b "},
     NULL,
     {"aa", "bb"},
     false},
};

static void put_fragments(struct build *b, const struct index_row *row)
{
    uint32_t starts[FRAGMENTS_MAX + 1] = {0};
    uint32_t offsets[FRAGMENTS_MAX];
    size_t n = row->offsets ? strlen(row->offsets) : 0;

    for (size_t i = 0; i < FRAGMENTS_MAX && row->fragments[i]; i++)
        starts[i + 1] =
            starts[i] + 8 + (uint32_t)(strlen(row->fragments[i]) + 1) / 2 * 2;
    for (size_t i = 0; i < n; i++)
        offsets[i] = row->offsets[i] == '!' ? starts[1] + 3
                                            : starts[row->offsets[i] - '0'];
    build_encapsulated(b, offsets, n);
    for (size_t i = 0; i < FRAGMENTS_MAX && row->fragments[i]; i++) {
        char bytes[64] = {0};
        size_t length = strlen(row->fragments[i]);

        memcpy(bytes, row->fragments[i], length);
        for (size_t k = 0; k < length; k++)
            if (bytes[k] == ' ')
                bytes[k] = '\0';
        build_fragment(b, bytes, (uint32_t)(length + 1) / 2 * 2);
    }
}

static void check_row(const struct index_row *row, bool delimited)
{
    struct dicom_extent *extents = NULL;
    struct error err = ERROR_INIT;
    struct opened o;
    struct build b;
    uint64_t n = 0;
    int rc;

    begin(&b, row->syntax, row->frames);
    put_fragments(&b, row);
    if (delimited)
        build_encapsulated_end(&b);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_int_eq(o.header.pixels, DICOM_PIXELS_ENCAPSULATED);
    rc = dicom_frames_index(o.source, &o.header, &extents, &n, &err);
    ck_assert_msg((rc != 0) == row->corrupt, "%s", err.msg);
    if (rc != 0)
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    for (uint64_t i = 0; i < n; i++) {
        char text[64];

        frame_text(&o, extents, i, text, sizeof text);
        ck_assert_msg(row->want[i] && strcmp(text, row->want[i]) == 0,
                      "frame %u is %s", (unsigned)i, text);
    }
    free(extents);
    opened_close(&o);
}

START_TEST(fragments_are_told_apart)
{
    for (size_t i = 0; i < sizeof index_rows / sizeof index_rows[0]; i++) {
        printf("# row %zu\n", i);
        check_row(&index_rows[i], true);
        check_row(&index_rows[i], false);
    }
}
END_TEST

static void build_u64(struct build *b, uint64_t v)
{
    build_raw32(b, (uint32_t)v);
    build_raw32(b, (uint32_t)(v >> 32));
}

START_TEST(extended_offset_table)
{
    for (int spoiled = 0; spoiled < 3; spoiled++) {
        struct dicom_extent *extents;
        char text[64];
        struct opened o;
        struct build b;
        uint64_t n;

        begin(&b, JPEG, "2");
        build_header(&b, 0x7FE00001, "OV", 16);
        build_u64(&b, 0);
        build_u64(&b, spoiled == 1   ? 0xFFFFFFFFFFFFFFF0u
                      : spoiled == 2 ? 5
                                     : 10 + 10);
        build_header(&b, 0x7FE00002, "OV", 16);
        build_u64(&b, 4);
        build_u64(&b, 2);
        build_encapsulated(&b, NULL, 0);
        build_fragment(&b, "aa", 2);
        build_fragment(&b, "aa", 2);
        build_fragment(&b, "bb", 2);
        build_encapsulated_end(&b);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.eot_length, 16);
        ck_assert_uint_eq(o.header.eot_lengths_length, 16);
        if (spoiled) {
            ck_assert_int_eq(
                dicom_frames_index(o.source, &o.header, &extents, &n, NULL),
                -1);
        } else {
            ck_assert_int_eq(
                dicom_frames_index(o.source, &o.header, &extents, &n, NULL), 0);
            frame_text(&o, extents, 0, text, sizeof text);
            ck_assert_str_eq(text, "aaaa");
            frame_text(&o, extents, 1, text, sizeof text);
            ck_assert_str_eq(text, "bb");
            free(extents);
        }
        opened_close(&o);
    }
}
END_TEST

START_TEST(unusable_number_of_frames_is_counted)
{
    static const struct {
        const char *syntax, *frames;
        const char *fragments[FRAGMENTS_MAX];
        const char *offsets;
        uint32_t want;
    } rows[] = {
        {JPEG, "1A", {SOI "a", "a" EOI, SOI "b" EOI}, NULL, 2},
        {RLE, "0", {"aa", "bb", "cc"}, NULL, 3},
        {RLE, "-5", {"aa", "aa", "bb", "bb"}, "02", 2},
        {RLE, "x", {NULL}, NULL, 1},
        {J2K, "1.5", {"aa", "bb"}, NULL, 2},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct index_row row = {.offsets = rows[i].offsets};
        struct opened o;
        struct build b;

        memcpy(row.fragments, rows[i].fragments, sizeof row.fragments);
        begin(&b, rows[i].syntax, rows[i].frames);
        put_fragments(&b, &row);
        build_encapsulated_end(&b);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_msg(o.header.frames == rows[i].want, "row %zu: %u", i,
                      o.header.frames);
        ck_assert(o.header.warnings & DICOM_WARN_FRAMES_GUESSED);
        opened_close(&o);
    }
}
END_TEST

START_TEST(cut_frame_is_corrupt_the_others_are_not)
{
    struct dicom_extent *extents;
    struct error err = ERROR_INIT;
    struct opened o;
    struct build b;
    char text[64];
    uint8_t *bytes;
    size_t length;
    unsigned bit;
    uint64_t n;

    begin(&b, RLE, "2");
    build_encapsulated(&b, NULL, 0);
    build_fragment(&b, "aaaa", 4);
    build_fragment(&b, "bbbb", 4);
    b.length -= 2;
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_int_eq(
        dicom_frames_index(o.source, &o.header, &extents, &n, NULL), 0);
    frame_text(&o, extents, 0, text, sizeof text);
    ck_assert_str_eq(text, "aaaa");
    ck_assert_int_eq(dicom_frame_read(o.source, &o.header, extents, 1, &bytes,
                                      &length, &bit, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.msg, "10 of 12"));
    free(extents);
    opened_close(&o);
}
END_TEST

/* Extents come from a database: they may be of another file. */
START_TEST(foreign_extents_are_refused)
{
    static const struct dicom_extent foreign[] = {{0, 100},
                                                  {UINT64_MAX, 16},
                                                  {UINT64_MAX - 4, UINT64_MAX},
                                                  {300, UINT64_MAX},
                                                  {128, 20},
                                                  {0, 0},
                                                  {0, 8}};

    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct error err = ERROR_INIT;
        struct opened o;
        struct build b;
        uint8_t *bytes;
        size_t length;
        unsigned bit;

        begin(&b, RLE, "1");
        build_encapsulated(&b, NULL, 0);
        build_fragment(&b, "aaaa", 4);
        build_encapsulated_end(&b);
        o = open_build(&b, NULL);
        ck_assert_int_eq(dicom_frame_read(o.source, &o.header, &foreign[i], 0,
                                          &bytes, &length, &bit, &err),
                         -1);
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
        opened_close(&o);
    }
}
END_TEST

START_TEST(stated_length_with_items_inside_is_encapsulated)
{
    struct dicom_extent *extents;
    struct opened o;
    struct build b;
    char text[64];
    uint64_t n;

    begin(&b, RLE, "1");
    build_header(&b, 0x7FE00010, "OB", 8 + 8 + 4);
    build_header(&b, 0xFFFEE000, "", 0);
    build_fragment(&b, "aaaa", 4);
    build_fragment(&b, "zzzz", 4); /* behind the value */
    o = open_build(&b, NULL);
    ck_assert_int_eq(o.header.pixels, DICOM_PIXELS_ENCAPSULATED);
    ck_assert_int_eq(
        dicom_frames_index(o.source, &o.header, &extents, &n, NULL), 0);
    frame_text(&o, extents, 0, text, sizeof text);
    ck_assert_str_eq(text, "aaaa");
    free(extents);
    opened_close(&o);
}
END_TEST

START_TEST(codestream_without_items_is_one_frame)
{
    struct opened o;
    struct build b;
    char text[64];

    begin(&b, JPEG, "1");
    build_bytes(&b, 0x7FE00010, "OB", SOI "aa" EOI, 8);
    o = open_build(&b, NULL);
    ck_assert_int_eq(o.header.pixels, DICOM_PIXELS_NATIVE);
    frame_text(&o, NULL, 0, text, sizeof text);
    ck_assert_str_eq(text, "aa");
    opened_close(&o);
}
END_TEST

/* ---- native
 * ------------------------------------------------------------------------ */

START_TEST(native_frames)
{
    static const struct {
        const char *frames;
        size_t bytes; /* of 4 a frame */
        uint32_t want_frames;
        uint32_t warnings;
        const char *want[3];
    } rows[] = {
        {NULL, 4, 1, 0, {"abcd"}},
        {"", 4, 1, 0, {"abcd"}},
        {" 2 ", 8, 2, 0, {"abcd", "efgh"}},
        {"3", 8, 3, DICOM_WARN_FRAMES_SHORT, {"abcd", "efgh", "-"}},
        {"2", 6, 2, DICOM_WARN_FRAMES_SHORT, {"abcd", "-"}},
        {"1", 8, 1, DICOM_WARN_PIXELS_LONG, {"abcd"}},
        {"1A", 8, 2, DICOM_WARN_FRAMES_GUESSED, {"abcd", "efgh"}},
        {"0",
         10,
         2,
         DICOM_WARN_FRAMES_GUESSED | DICOM_WARN_PIXELS_LONG,
         {"abcd", "efgh"}},
        {"x", 2, 1, DICOM_WARN_FRAMES_GUESSED | DICOM_WARN_FRAMES_SHORT, {"-"}},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct opened o;
        struct build b;

        begin(&b, EXPLICIT, rows[i].frames);
        build_bytes(&b, 0x7FE00010, "OB", "abcdefghijklmnop", rows[i].bytes);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.frames, rows[i].want_frames);
        ck_assert_msg(o.header.warnings == rows[i].warnings, "row %zu: %x", i,
                      o.header.warnings);
        for (uint32_t f = 0; f < o.header.frames; f++) {
            char text[64];

            frame_text(&o, NULL, f, text, sizeof text);
            ck_assert_str_eq(text, rows[i].want[f]);
        }
        opened_close(&o);
    }
}
END_TEST

START_TEST(stated_length_beyond_the_end_is_cut)
{
    struct error err = ERROR_INIT;
    struct opened o;
    struct build b;
    uint8_t *bytes;
    size_t length;
    unsigned bit;

    begin(&b, EXPLICIT, NULL);
    build_header(&b, 0x7FE00010, "OB", 0xFFFFFFF0u);
    build_raw(&b, "abc", 3);
    o = open_build(&b, NULL);
    ck_assert_uint_eq(o.header.pixel_length, 3);
    ck_assert(o.header.warnings & DICOM_WARN_FRAMES_SHORT);
    ck_assert_int_eq(dicom_frame_read(o.source, &o.header, NULL, 0, &bytes,
                                      &length, &bit, &err),
                     -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "bytes 0 to 4 of 3"));
    opened_close(&o);
}
END_TEST

START_TEST(native_data_of_undefined_length)
{
    for (int delimited = 0; delimited < 2; delimited++) {
        struct opened o;
        struct build b;
        char text[64];

        begin(&b, EXPLICIT, NULL);
        build_header(&b, 0x7FE00010, "OW", BUILD_UNDEFINED);
        build_raw(&b, "abcd", 4);
        if (delimited)
            build_header(&b, 0xFFFEE0DD, "", 0);
        o = open_build(&b, NULL);
        ck_assert_int_eq(o.header.pixels, DICOM_PIXELS_NATIVE);
        ck_assert_uint_eq(o.header.pixel_length, 4);
        ck_assert(o.header.warnings & DICOM_WARN_PIXEL_LENGTH);
        frame_text(&o, NULL, 0, text, sizeof text);
        ck_assert_str_eq(text, "abcd");
        opened_close(&o);
    }
}
END_TEST

START_TEST(bytes_in_big_endian_words_are_put_right)
{
    for (int words = 0; words < 2; words++) {
        struct opened o;
        struct build b;
        char text[64];
        uint8_t part[3];

        build_init(&b, BUILD_EXPLICIT_BE);
        build_meta(&b, "1.2.840.10008.1.2.2");
        build_common(&b, CT);
        build_grey(&b, 3, 1, 8, 8, 0); /* odd: a frame starts in a pair */
        build_text(&b, 0x00280008, "IS", "2");
        build_bytes(&b, 0x7FE00010, words ? "OW" : "OB",
                    words ? "badcfe" : "abcdef", 6);
        o = open_build(&b, NULL);
        ck_assert(o.header.swapped_pairs == (words == 1));
        frame_text(&o, NULL, 0, text, sizeof text);
        ck_assert_str_eq(text, "abc");
        frame_text(&o, NULL, 1, text, sizeof text);
        ck_assert_str_eq(text, "def");
        ck_assert_int_eq(
            dicom_native_read(o.source, &o.header, 1, part, 3, NULL), 0);
        ck_assert_mem_eq(part, "bcd", 3);
        opened_close(&o);
    }
}
END_TEST

START_TEST(one_bit_frames_start_inside_bytes)
{
    struct opened o;
    struct build b;
    uint8_t *bytes;
    size_t length;
    unsigned bit;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, EXPLICIT);
    build_common(&b, CT);
    build_grey(&b, 3, 1, 1, 1, 0);
    build_text(&b, 0x00280008, "IS", "4");
    build_bytes(&b, 0x7FE00010, "OB", "\x11\x22", 2);
    o = open_build(&b, NULL);
    ck_assert_uint_eq(o.header.warnings, 0);
    ck_assert_int_eq(dicom_frame_read(o.source, &o.header, NULL, 2, &bytes,
                                      &length, &bit, NULL),
                     0);
    ck_assert_uint_eq(bit, 6);
    ck_assert_uint_eq(length, 2);
    ck_assert_uint_eq(bytes[0], 0x11);
    free(bytes);
    ck_assert_int_eq(dicom_frame_read(o.source, &o.header, NULL, 4, &bytes,
                                      &length, &bit, NULL),
                     -1);
    opened_close(&o);
}
END_TEST

START_TEST(float_and_double_pixels)
{
    static const struct {
        uint32_t tag;
        const char *vr;
        enum decode_element element;
    } rows[] = {{0x7FE00008, "OF", DECODE_FLOAT},
                {0x7FE00009, "OD", DECODE_DOUBLE},
                {0x7FE00010, "OW", DECODE_INTEGER}};

    for (size_t i = 0; i < 3; i++) {
        struct opened o;
        struct build b;

        begin(&b, EXPLICIT, NULL);
        build_bytes(&b, rows[i].tag, rows[i].vr, "abcdefgh", 8);
        o = open_build(&b, NULL);
        ck_assert(o.header.has_pixels);
        ck_assert_int_eq(o.header.desc.element, rows[i].element);
        ck_assert_uint_eq(o.header.pixel_length, 8);
        opened_close(&o);
    }
}
END_TEST

START_TEST(empty_pixel_data_is_no_pixels)
{
    struct opened o;
    struct build b;

    begin(&b, EXPLICIT, NULL);
    build_header(&b, 0x7FE00010, "OW", 0);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert(!o.header.has_pixels);
    ck_assert_int_eq(o.header.kind, DICOM_IMAGE);
    opened_close(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_frames");
    TCase *t = tcase_create("frames");
    SRunner *r;
    int failed;

    tcase_add_test(t, fragments_are_told_apart);
    tcase_add_test(t, extended_offset_table);
    tcase_add_test(t, unusable_number_of_frames_is_counted);
    tcase_add_test(t, cut_frame_is_corrupt_the_others_are_not);
    tcase_add_test(t, foreign_extents_are_refused);
    tcase_add_test(t, stated_length_with_items_inside_is_encapsulated);
    tcase_add_test(t, codestream_without_items_is_one_frame);
    tcase_add_test(t, native_frames);
    tcase_add_test(t, stated_length_beyond_the_end_is_cut);
    tcase_add_test(t, native_data_of_undefined_length);
    tcase_add_test(t, bytes_in_big_endian_words_are_put_right);
    tcase_add_test(t, one_bit_frames_start_inside_bytes);
    tcase_add_test(t, float_and_double_pixels);
    tcase_add_test(t, empty_pixel_data_is_no_pixels);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
