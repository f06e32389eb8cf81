// SPDX-License-Identifier: MIT
/* test_dicom_hostile.c: files made to crash, hang or exhaust; many threads. */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"

static void begin(struct build *b)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, EXPLICIT);
    build_common(b, CT);
}

static void nest(struct build *b, uint32_t tag, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++) {
        build_header(b, tag, "SQ", BUILD_UNDEFINED);
        build_header(b, 0xFFFEE000, "", BUILD_UNDEFINED);
    }
}

START_TEST(deep_nesting_is_refused_not_a_crash)
{
    static const struct {
        uint32_t tag;
        unsigned levels;
        bool good;
    } rows[] = {{0x00400555, 10, true},      {0x00400555, 200000, false},
                {0x54000100, 10, true},      {0x54000100, 200000, false},
                {0x52009230, 200000, false}, {0x52009229, 200000, false},
                {0x00091001, 200000, false}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int implicit = 0; implicit < 2; implicit++) {
            struct opened o;
            struct build b;

            build_init(&b, implicit ? BUILD_IMPLICIT_LE : BUILD_EXPLICIT_LE);
            build_meta(&b, NULL);
            build_common(&b, CT);
            nest(&b, rows[i].tag, rows[i].levels);
            o = open_build(&b, NULL);
            ck_assert_msg(o.good == rows[i].good, "row %zu", i);
            if (!o.good)
                ck_assert_msg(o.err.kind == ERROR_TOO_BIG ||
                                  o.err.kind == ERROR_CORRUPT,
                              "row %zu: %s", i, o.err.msg);
            opened_close(&o);
        }
}
END_TEST

/* DCMTK sorts each element into a list from its end. */
START_TEST(descending_tags_do_not_hang)
{
    struct dicom_limits limits = {.cpu_seconds = 1};
    struct opened o;
    struct build b;

    begin(&b);
    for (uint32_t i = 0; i < 500000; i++)
        build_header(&b, 0x51FFFFFE - 2 * i, "LO", 0);
    o = open_build(&b, &limits);
    ck_assert(!o.good);
    ck_assert_int_eq(o.err.kind, ERROR_TOO_BIG);
    opened_close(&o);
}
END_TEST

START_TEST(swarm_of_elements_is_too_big)
{
    struct opened o;
    struct build b;

    build_init(&b, BUILD_IMPLICIT_LE);
    build_meta(&b, NULL);
    build_common(&b, CT);
    build_sequence(&b, 0x00400555, false);
    for (uint32_t i = 0; i < 3000000; i++)
        build_header(&b, 0xFFFEE000, "", 0);
    build_sequence_end(&b);
    o = open_build(&b, NULL);
    ck_assert(!o.good);
    ck_assert_int_eq(o.err.kind, ERROR_TOO_BIG);
    opened_close(&o);
}
END_TEST

START_TEST(header_has_a_limit)
{
    struct dicom_limits limits = {.header_bytes = 50000};
    struct opened o;
    struct build b;
    char text[1001];

    memset(text, 'x', 1000);
    text[1000] = '\0';
    begin(&b);
    for (uint32_t i = 0; i < 100; i++)
        build_text(&b, 0x00291000 + i, "LT", text);
    o = open_build(&b, &limits);
    ck_assert(!o.good);
    ck_assert_int_eq(o.err.kind, ERROR_TOO_BIG);
    opened_close(&o);
}
END_TEST

START_TEST(claims_cost_nothing)
{
    static const struct {
        const char *frames;
        enum error_kind kind;
    } rows[] = {{"2147483647", ERROR_TOO_BIG},
                {"99999999999999999999", ERROR_NONE}, /* no integer */
                {"4194304", ERROR_NONE}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int encapsulated = 0; encapsulated < 2; encapsulated++) {
            struct dicom_extent *extents;
            struct opened o;
            struct build b;
            uint64_t n;

            build_init(&b, BUILD_EXPLICIT_LE);
            build_meta(&b, encapsulated ? "1.2.840.10008.1.2.5" : EXPLICIT);
            build_common(&b, CT);
            build_grey(&b, 65535, 65535, 16, 16, 0);
            build_text(&b, 0x00280008, "IS", rows[i].frames);
            if (encapsulated) {
                build_encapsulated(&b, NULL, 0);
                build_fragment(&b, "aa", 2);
            } else {
                build_bytes(&b, 0x7FE00010, "OW", "aa", 2);
            }
            o = open_build(&b, NULL);
            ck_assert_int_eq(o.err.kind, rows[i].kind);
            if (o.good && encapsulated) {
                ck_assert_int_eq(
                    dicom_frames_index(o.source, &o.header, &extents, &n, NULL),
                    0);
                free(extents);
            }
            opened_close(&o);
        }
}
END_TEST

START_TEST(too_many_groups_are_too_big)
{
    struct dicom_limits limits = {.frames = 100};
    struct opened o;
    struct build b;

    begin(&b);
    build_sequence(&b, 0x52009230, false);
    for (uint32_t i = 0; i < 101; i++)
        build_header(&b, 0xFFFEE000, "", 0);
    build_sequence_end(&b);
    o = open_build(&b, &limits);
    ck_assert(!o.good);
    ck_assert_int_eq(o.err.kind, ERROR_TOO_BIG);
    opened_close(&o);
}
END_TEST

START_TEST(lengths_that_lie)
{
    static const uint32_t lengths[] = {0xFFFFFFFE, 0x80000000, 0x7FFFFFFF,
                                       0x00FFFFFF};
    static const uint32_t tags[] = {0x00081199, 0x00283010, 0x52009229,
                                    0x52009230, 0x60003000};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t k = 0; k < sizeof tags / sizeof tags[0]; k++) {
            struct opened o;
            struct build b;

            begin(&b);
            build_header(&b, tags[k], tags[k] == 0x60003000 ? "OW" : "SQ",
                         lengths[i]);
            build_header(&b, 0xFFFEE000, "", lengths[i]);
            build_header(&b, 0x00283006, "OW", lengths[i]);
            build_raw(&b, "zz", 2);
            o = open_build(&b, NULL);
            if (o.good)
                ck_assert_msg(o.header.warnings & DICOM_WARN_TRUNCATED,
                              "%zu %zu", i, k);
            else
                ck_assert_int_eq(o.err.kind, ERROR_CORRUPT);
            opened_close(&o);
        }
}
END_TEST

/* Text of a gigabyte that is not there: memory for it would be had, unless
 * somebody writes to it, which malloc is told to do. */
START_TEST(length_of_text_is_not_allocated)
{
    /* A window, and a private creator, which DCMTK looks at by itself. */
    static const uint32_t tags[] = {0x00281050, 0x00290010};
    struct rusage before, after;
    struct opened o;
    struct build b;

    (void)mallopt(M_PERTURB, 1); /* a sanitizer has none */
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &before), 0);
    build_init(&b, BUILD_IMPLICIT_LE);
    build_meta(&b, NULL);
    build_common(&b, CT);
    build_header(&b, tags[_i], "DS", 0x3FFFFFF0);
    build_raw(&b, "40", 2);
    o = open_build(&b, NULL);
    ck_assert_msg(o.good, "%s", o.err.msg);
    ck_assert_uint_eq(o.header.n_windows, 0);
    opened_close(&o);
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &after), 0);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 100 * 1024);
}
END_TEST

/* ---- threads
 * ---------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 50 };

static void *parse_often(void *opaque)
{
    const struct dicom_source *shared = opaque;

    for (int i = 0; i < ROUNDS; i++) {
        struct dicom_header h;
        struct error err = ERROR_INIT;
        struct opened o;
        struct build b;
        uint8_t pixels[4];

        if (dicom_header_read(shared, &h, &err) != 0)
            return "shared source failed";
        if (strcmp(h.study_description, "M\xc3\xbcller") != 0 ||
            dicom_native_read(shared, &h, 0, pixels, 4, &err) != 0 ||
            memcmp(pixels, "abcd", 4) != 0)
            return "shared source differs";
        dicom_header_deinit(&h);
        begin(&b);
        build_text(&b, 0x00200013, "IS", "7");
        o = open_build(&b, NULL);
        if (!o.good || o.header.instance_number != 7)
            return "own source differs";
        opened_close(&o);
    }
    return NULL;
}

START_TEST(threads_parse_at_once)
{
    pthread_t threads[THREADS];
    struct opened o;
    struct build b;

    begin(&b);
    b.length = b.data_start;
    build_text(&b, 0x00080005, "CS", "ISO_IR 100");
    build_text(&b, 0x00080016, "UI", CT);
    build_text(&b, 0x00081030, "LO", "M\xfcller");
    build_grey(&b, 2, 2, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", "abcd", 4);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, parse_often, o.source), 0);
    for (int i = 0; i < THREADS; i++) {
        void *trouble;

        ck_assert_int_eq(pthread_join(threads[i], &trouble), 0);
        ck_assert_msg(trouble == NULL, "%s", (const char *)trouble);
    }
    opened_close(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_hostile");
    TCase *t = tcase_create("hostile");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 100);
    tcase_add_test(t, deep_nesting_is_refused_not_a_crash);
    tcase_add_test(t, descending_tags_do_not_hang);
    tcase_add_test(t, swarm_of_elements_is_too_big);
    tcase_add_test(t, header_has_a_limit);
    tcase_add_test(t, claims_cost_nothing);
    tcase_add_test(t, too_many_groups_are_too_big);
    tcase_add_test(t, lengths_that_lie);
    tcase_add_loop_test(t, length_of_text_is_not_allocated, 0, 2);
    tcase_add_test(t, threads_parse_at_once);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
