// SPDX-License-Identifier: MIT
/* test_dicom_source.c: sniffing, preamble, meta group, inflation, UIDs. */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define CT "1.2.840.10008.5.1.4.1.1.2"

static void small_object(struct build *b)
{
    build_common(b, CT);
    build_text(b, 0x00080060, "CS", "CT");
}

START_TEST(uid_is_a_name_only_if_digits_and_dots)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"1.2.840", true},
        {"1", true},
        {"1.02.3", true}, /* wrong, harmless and common */
        {"0000000000000000000000000000000000000000000000000000000000000000",
         true},
        {"00000000000000000000000000000000000000000000000000000000000000000",
         false},
        {"", false},
        {".", false},
        {"..", false},
        {"1.", false},
        {".1", false},
        {"1..2", false},
        {"../etc", false},
        {"1/2", false},
        {"1.2a", false},
        {"1 2", false},
        {"1.2\n", false},
        {"\xd9\xa1", false}, /* a digit elsewhere, not here */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_msg(dicom_uid_is_name(rows[i].text) == rows[i].good, "%s",
                      rows[i].text);
    ck_assert(!dicom_uid_is_name(NULL));
}
END_TEST

START_TEST(preamble_is_enough_for_any_name)
{
    struct build b;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1");
    ck_assert(dicom_sniff(b.bytes, 132, "notes.txt", false));
    ck_assert(!dicom_sniff(b.bytes, 131, "notes.txt", false));
    build_deinit(&b);
}
END_TEST

START_TEST(bare_data_set_needs_a_dicom_name)
{
    static const struct {
        const char *name;
        bool good;
    } names[] = {{"x.dcm", true},     {"x.DCM", true},   {"x.ima", true},
                 {"IM0001", true},    {"1.2.3", true},   {"a.txt", false},
                 {"a.tar.gz", false}, {"x.dicom", true}, {"x.", false}};
    static const enum build_encoding encodings[] = {
        BUILD_IMPLICIT_LE, BUILD_EXPLICIT_LE, BUILD_EXPLICIT_BE};

    for (size_t e = 0; e < 3; e++) {
        struct build b;

        build_init(&b, encodings[e]);
        small_object(&b);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            ck_assert_msg(dicom_sniff(b.bytes, b.length, names[i].name,
                                      false) == names[i].good,
                          "%s in encoding %zu", names[i].name, e);
        ck_assert(dicom_sniff(b.bytes, b.length, "a.txt", true));
        build_deinit(&b);
    }
}
END_TEST

START_TEST(other_files_are_not_worth_parsing)
{
    static const struct {
        const char *bytes;
        size_t length;
    } others[] = {
        {"\x7f"
         "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
         16},
        {"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 15},
        {"\xff\xd8\xff\xe0\0\x10JFIF\0", 11},
        {"hello, world\n", 13},
        {"", 0},
        {"\x08\0\x16\0", 4},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16},
        {"\x08\0\x16\0UI\x02\0"
         "1\0\0\0\0\0UI\x02\0"
         "1\0",
         22},
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(!dicom_sniff((const uint8_t *)others[i].bytes,
                                   others[i].length, "IM1", false),
                      "row %zu", i);
}
END_TEST

START_TEST(not_dicom_is_unsupported)
{
    struct build b;
    struct opened o;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_raw(&b, "This is no DICOM file, whatever its name is.", 44);
    o = open_build(&b, NULL);
    ck_assert_ptr_null(o.source);
    ck_assert_int_eq(o.err.kind, ERROR_UNSUPPORTED);
    opened_close(&o);
}
END_TEST

/* Every way to store the same object reads the same. */
START_TEST(encodings_read_alike)
{
    static const struct {
        enum build_encoding encoding;
        const char *syntax; /* NULL: none stated */
        bool meta;
        uint32_t warnings;
    } rows[] = {
        {BUILD_IMPLICIT_LE, "1.2.840.10008.1.2", true, 0},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.1", true, 0},
        {BUILD_EXPLICIT_BE, "1.2.840.10008.1.2.2", true, 0},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.70", true, 0},
        {BUILD_IMPLICIT_LE, NULL, true, DICOM_WARN_SYNTAX_GUESSED},
        {BUILD_EXPLICIT_LE, NULL, true, DICOM_WARN_SYNTAX_GUESSED},
        {BUILD_EXPLICIT_BE, NULL, true, DICOM_WARN_SYNTAX_GUESSED},
        {BUILD_IMPLICIT_LE, NULL, false,
         DICOM_WARN_SYNTAX_GUESSED | DICOM_WARN_NO_META |
             DICOM_WARN_NO_PREAMBLE},
        {BUILD_EXPLICIT_BE, NULL, false,
         DICOM_WARN_SYNTAX_GUESSED | DICOM_WARN_NO_META |
             DICOM_WARN_NO_PREAMBLE},
        {BUILD_IMPLICIT_LE, "1.2.840.10008.1.2.1", true,
         DICOM_WARN_SYNTAX_WRONG},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2", true, DICOM_WARN_SYNTAX_WRONG},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.2", true,
         DICOM_WARN_SYNTAX_WRONG},
        {BUILD_EXPLICIT_LE, "9.9.9", true, DICOM_WARN_SYNTAX_GUESSED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        build_init(&b, rows[i].encoding);
        if (rows[i].meta)
            build_meta(&b, rows[i].syntax);
        build_common(&b, CT);
        build_grey(&b, 3, 2, 16, 12, 0);
        build_words(&b, 0x7FE00010, "OW", (const uint16_t[]){1, 2, 3, 4, 5, 6},
                    6);
        o = open_build(&b, NULL);
        ck_assert_msg(o.good, "row %zu: %s", i, o.err.msg);
        ck_assert_msg(o.header.warnings == rows[i].warnings, "row %zu: %x", i,
                      o.header.warnings);
        ck_assert_str_eq(o.header.sop_class.text, CT);
        ck_assert_str_eq(o.header.study.text, "1.2.3.1");
        ck_assert_uint_eq(o.header.desc.rows, 2);
        ck_assert_uint_eq(o.header.desc.cols, 3);
        ck_assert_uint_eq(o.header.pixel_length, 12);
        ck_assert_uint_eq(o.header.frames, 1);
        opened_close(&o);
    }
}
END_TEST

START_TEST(native_byte_order_is_that_of_the_data_set)
{
    static const struct {
        enum build_encoding encoding;
        const char *syntax;
        enum decode_codec codec;
    } rows[] = {
        {BUILD_EXPLICIT_BE, "1.2.840.10008.1.2.2", DECODE_NATIVE_BE},
        {BUILD_EXPLICIT_BE, "1.2.840.10008.1.2.1", DECODE_NATIVE_BE},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.2", DECODE_NATIVE_LE},
        {BUILD_IMPLICIT_LE, "1.2.840.10008.1.2.2", DECODE_NATIVE_LE},
        /* GE's private syntax: big-endian pixels in a little-endian file */
        {BUILD_IMPLICIT_LE, "1.2.840.113619.5.2", DECODE_NATIVE_BE},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.5", DECODE_RLE},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.80", DECODE_JPEGLS},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.201", DECODE_J2K},
        {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.110", DECODE_UNSUPPORTED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        build_init(&b, rows[i].encoding);
        build_meta(&b, rows[i].syntax);
        build_common(&b, CT);
        build_grey(&b, 1, 1, 16, 16, 0);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_msg(o.header.desc.codec == rows[i].codec, "row %zu", i);
        opened_close(&o);
    }
}
END_TEST

START_TEST(unknown_codec_says_its_name)
{
    struct build b;
    struct opened o;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.4.110");
    build_common(&b, CT);
    build_grey(&b, 1, 1, 8, 8, 0);
    build_encapsulated(&b, NULL, 0);
    build_fragment(&b, "\xff\x0a\0\0", 4);
    build_encapsulated_end(&b);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert(o.header.has_pixels);
    ck_assert(!o.header.decodable);
    ck_assert_ptr_nonnull(strstr(o.header.why_not, "JPEG XL"));
    opened_close(&o);
}
END_TEST

static void meta_element(struct build *b, uint32_t tag, const char *vr,
                         const char *text)
{
    build_text(b, tag, vr, text);
}

START_TEST(meta_group_length_is_not_believed)
{
    static const uint32_t lengths[] = {0, 1, 4096, 0xFFFFFFF0u};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct build b;
        struct opened o;
        uint8_t preamble[128] = {0};

        build_init(&b, BUILD_EXPLICIT_LE);
        build_raw(&b, preamble, sizeof preamble);
        build_raw(&b, "DICM", 4);
        build_u32(&b, 0x00020000, lengths[i]);
        meta_element(&b, 0x00020010, "UI", "1.2.840.10008.1.2.1");
        small_object(&b);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_str_eq(o.header.transfer_syntax.text, "1.2.840.10008.1.2.1");
        ck_assert_str_eq(o.header.study.text, "1.2.3.1");
        opened_close(&o);
    }
}
END_TEST

START_TEST(meta_group_names_what_the_data_set_does_not)
{
    struct build b;
    struct opened o;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_raw(&b, (const uint8_t[128]){0}, 128);
    build_raw(&b, "DICM", 4);
    meta_element(&b, 0x00020002, "UI", "1.2.840.10008.1.3.10");
    meta_element(&b, 0x00020003, "UI", "4.5.6");
    meta_element(&b, 0x00020010, "UI", "1.2.840.10008.1.2.1");
    build_text(&b, 0x00041130, "CS", "FILESET");
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_str_eq(o.header.sop_instance.text, "4.5.6");
    ck_assert_int_eq(o.header.kind, DICOM_DIRECTORY);
    ck_assert(o.header.warnings & DICOM_WARN_UID_MISSING);
    opened_close(&o);
}
END_TEST

START_TEST(deflated_data_set_is_inflated)
{
    for (int wrapped = 0; wrapped < 2; wrapped++) {
        struct build b;
        struct opened o;
        uint8_t pixels[600], back[600];

        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(i * 7);
        build_init(&b, BUILD_EXPLICIT_LE);
        build_meta(&b, "1.2.840.10008.1.2.1.99");
        build_common(&b, CT);
        build_grey(&b, 30, 20, 8, 8, 0);
        build_bytes(&b, 0x7FE00010, "OB", pixels, sizeof pixels);
        build_deflate(&b, wrapped);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.warnings, 0);
        ck_assert(dicom_source_is_inflated(o.source));
        ck_assert_uint_eq(o.header.pixel_length, sizeof pixels);
        ck_assert_int_eq(dicom_native_read(o.source, &o.header, 0, back,
                                           sizeof back, &o.err),
                         0);
        ck_assert_mem_eq(back, pixels, sizeof back);
        /* across the seam of file and memory */
        ck_assert_int_eq(dicom_source_read(o.source, 128, back, 600, &o.err),
                         0);
        ck_assert_mem_eq(back, "DICM", 4);
        opened_close(&o);
    }
}
END_TEST

START_TEST(deflated_by_name_only_is_read)
{
    struct build b;
    struct opened o;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1.99");
    small_object(&b);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert(o.header.warnings & DICOM_WARN_SYNTAX_WRONG);
    ck_assert(!dicom_source_is_inflated(o.source));
    opened_close(&o);
}
END_TEST

START_TEST(deflation_bomb_is_too_big)
{
    struct dicom_limits limits = {.inflated_bytes = 1 << 20};
    struct build b;
    struct opened o;
    size_t zeros = 8 << 20;
    uint8_t *p = calloc(1, zeros);

    ck_assert_ptr_nonnull(p);
    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1.99");
    build_common(&b, CT);
    build_bytes(&b, 0x7FE00010, "OB", p, zeros);
    free(p);
    build_deflate(&b, false);
    o = open_build(&b, &limits);
    ck_assert_ptr_null(o.source);
    ck_assert_int_eq(o.err.kind, ERROR_TOO_BIG);
    opened_close(&o);
}
END_TEST

START_TEST(cut_deflation_gives_what_is_there)
{
    struct build b;
    struct opened o;
    uint8_t *noise = malloc(100000);
    unsigned x = 1;

    ck_assert_ptr_nonnull(noise);
    for (size_t i = 0; i < 100000; i++)
        noise[i] = (uint8_t)((x = x * 1103515245u + 12345u) >> 16);
    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1.99");
    build_common(&b, CT);
    build_grey(&b, 500, 200, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", noise, 100000);
    build_deflate(&b, false);
    free(noise);
    b.length /= 2;
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert(o.header.warnings & DICOM_WARN_TRUNCATED);
    ck_assert(o.header.warnings & DICOM_WARN_FRAMES_SHORT);
    ck_assert_uint_lt(o.header.pixel_length, 100000);
    opened_close(&o);
}
END_TEST

START_TEST(shrinking_file_is_an_error_not_a_signal)
{
    struct build b;
    struct opened o;
    static uint8_t pixels[16384], back[16384];

    build_init(&b, BUILD_EXPLICIT_LE);
    build_meta(&b, "1.2.840.10008.1.2.1");
    build_common(&b, CT);
    build_grey(&b, 128, 128, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", pixels, sizeof pixels);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_int_eq(ftruncate(o.fd, 9000), 0);
    ck_assert_int_eq(
        dicom_native_read(o.source, &o.header, 0, back, sizeof back, &o.err),
        -1);
    ck_assert_int_eq(o.err.kind, ERROR_CORRUPT);
    ck_assert_int_eq(
        dicom_source_read(o.source, UINT64_MAX - 3, back, 8, &o.err), -1);
    opened_close(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_source");
    TCase *t = tcase_create("source");
    SRunner *r;
    int failed;

    tcase_add_test(t, uid_is_a_name_only_if_digits_and_dots);
    tcase_add_test(t, preamble_is_enough_for_any_name);
    tcase_add_test(t, bare_data_set_needs_a_dicom_name);
    tcase_add_test(t, other_files_are_not_worth_parsing);
    tcase_add_test(t, not_dicom_is_unsupported);
    tcase_add_test(t, encodings_read_alike);
    tcase_add_test(t, native_byte_order_is_that_of_the_data_set);
    tcase_add_test(t, unknown_codec_says_its_name);
    tcase_add_test(t, meta_group_length_is_not_believed);
    tcase_add_test(t, meta_group_names_what_the_data_set_does_not);
    tcase_add_test(t, deflated_data_set_is_inflated);
    tcase_add_test(t, deflated_by_name_only_is_read);
    tcase_add_test(t, deflation_bomb_is_too_big);
    tcase_add_test(t, cut_deflation_gives_what_is_there);
    tcase_add_test(t, shrinking_file_is_an_error_not_a_signal);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
