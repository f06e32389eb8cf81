// SPDX-License-Identifier: MIT
/* test_dicom_header.c: identification, text, structure of data sets. */
#undef NDEBUG
#include "support/dicom_open.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"

static void begin(struct build *b)
{
    build_init(b, BUILD_EXPLICIT_LE);
    build_meta(b, EXPLICIT);
}

START_TEST(identification_is_carried)
{
    struct build b;
    struct opened o;
    const struct dicom_header *h = &o.header;

    begin(&b);
    build_text(&b, 0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL");
    build_text(&b, 0x00080016, "UI", CT);
    build_text(&b, 0x00080018, "UI", "1.2.3.3");
    build_text(&b, 0x00080020, "DA", "20240229");
    build_text(&b, 0x00080022, "DA", "20240301");
    build_text(&b, 0x00080032, "TM", "121314.5");
    build_text(&b, 0x00080050, "SH", "ACC7");
    build_text(&b, 0x00080060, "CS", "CT");
    build_text(&b, 0x00080070, "LO", "Maker");
    build_text(&b, 0x00081030, "LO", "Chest");
    build_text(&b, 0x0008103E, "LO", "Thin");
    build_text(&b, 0x00081090, "LO", "Model 5");
    build_text(&b, 0x00100020, "LO", " PID ");
    build_text(&b, 0x00100021, "LO", "Site");
    build_text(&b, 0x00100030, "DA", "19700102");
    build_text(&b, 0x00100040, "CS", "F");
    build_text(&b, 0x00180015, "CS", "CHEST");
    build_text(&b, 0x00180050, "DS", "1.25");
    build_text(&b, 0x00180060, "DS", "120");
    build_text(&b, 0x00181210, "SH", "B31f");
    build_text(&b, 0x0020000D, "UI", "1.2.3.1");
    build_text(&b, 0x0020000E, "UI", "1.2.3.2");
    build_text(&b, 0x00200011, "IS", "4");
    build_text(&b, 0x00200012, "IS", "2");
    build_text(&b, 0x00200013, "IS", " 17 ");
    build_text(&b, 0x00200052, "UI", "1.2.3.4");
    build_text(&b, 0x00200060, "CS", "L");
    build_text(&b, 0x00280301, "CS", "YES");
    build_text(&b, 0x00282110, "CS", "01");
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_uint_eq(h->warnings, 0);
    ck_assert_int_eq(h->kind, DICOM_NOT_IMAGE);
    ck_assert_str_eq(h->image_type, "ORIGINAL\\PRIMARY\\AXIAL");
    ck_assert_str_eq(h->sop_class.text, CT);
    ck_assert(h->sop_instance.is_name);
    ck_assert_str_eq(h->study_date, "20240229");
    ck_assert_str_eq(h->acquisition_datetime, "20240301121314.5");
    ck_assert_str_eq(h->accession, "ACC7");
    ck_assert_str_eq(h->modality, "CT");
    ck_assert_str_eq(h->manufacturer, "Maker");
    ck_assert_str_eq(h->study_description, "Chest");
    ck_assert_str_eq(h->series_description, "Thin");
    ck_assert_str_eq(h->model, "Model 5");
    ck_assert_str_eq(h->patient_id, "PID");
    ck_assert_str_eq(h->patient_issuer, "Site");
    ck_assert_str_eq(h->patient_birth_date, "19700102");
    ck_assert_str_eq(h->patient_sex, "F");
    ck_assert_str_eq(h->body_part, "CHEST");
    ck_assert_double_eq(h->slice_thickness, 1.25);
    ck_assert_double_eq(h->kvp, 120);
    ck_assert_str_eq(h->kernel, "B31f");
    ck_assert_int_eq(h->series_number, 4);
    ck_assert_int_eq(h->acquisition_number, 2);
    ck_assert_int_eq(h->instance_number, 17);
    ck_assert_str_eq(h->frame_of_reference.text, "1.2.3.4");
    ck_assert_str_eq(h->laterality, "L");
    ck_assert_int_eq(h->burned_in, DICOM_YES);
    ck_assert_int_eq(h->lossy, DICOM_YES);
    opened_close(&o);
}
END_TEST

START_TEST(absent_is_absent)
{
    struct build b;
    struct opened o;
    const struct dicom_header *h = &o.header;

    begin(&b);
    build_text(&b, 0x00080016, "UI", CT);
    build_text(&b, 0x00080050, "SH", "");
    build_text(&b, 0x0008103E, "LO", "   ");
    build_text(&b, 0x00180060, "DS", "");
    build_text(&b, 0x00200013, "IS", "x");
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_ptr_null(h->accession);
    ck_assert_ptr_null(h->series_description);
    ck_assert_ptr_null(h->patient_id);
    ck_assert_ptr_null(h->study.text);
    ck_assert(!h->study.is_name);
    ck_assert(isnan(h->kvp));
    ck_assert_int_eq(h->instance_number, DICOM_UNKNOWN);
    ck_assert_int_eq(h->series_number, DICOM_UNKNOWN);
    ck_assert_int_eq(h->burned_in, DICOM_UNSAID);
    ck_assert(h->warnings & DICOM_WARN_UID_MISSING);
    opened_close(&o);
}
END_TEST

START_TEST(malformed_uids_are_kept_and_marked)
{
    static const char *const uids[] = {
        "../../etc/passwd", "1.2..3", "1.2.3 4",
        "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4"};

    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        struct build b;
        struct opened o;

        begin(&b);
        build_text(&b, 0x00080016, "UI", CT);
        build_text(&b, 0x00080018, "UI", uids[i]);
        build_text(&b, 0x0020000D, "UI", "1.2");
        build_text(&b, 0x0020000E, "UI", "1.3");
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_str_eq(o.header.sop_instance.text, uids[i]);
        ck_assert(!o.header.sop_instance.is_name);
        ck_assert(o.header.study.is_name);
        ck_assert(o.header.warnings & DICOM_WARN_UID_MALFORMED);
        opened_close(&o);
    }
}
END_TEST

START_TEST(text_becomes_utf8)
{
    static const struct {
        const char *charset, *bytes, *utf8;
        uint32_t warnings;
    } rows[] = {
        {"ISO_IR 100", "M\xfcller", "M\xc3\xbcller", 0},
        {"ISO_IR 192", "\xe7\x8e\x8b", "\xe7\x8e\x8b", 0},
        {"ISO_IR 144", "\xbb\xee\xda", "\xd0\x9b\xd1\x8e\xd0\xba", 0},
        {"\\ISO 2022 IR 87", "A\x1b$B;3\x1b(B", "A\xe5\xb1\xb1", 0},
        {"\\ISO 2022 IR 149", "\x1b$)C\xb1\xe8", "\xea\xb9\x80", 0},
        {"\\ISO 2022 IR 58", "\x1b$)A\xcd\xf5", "\xe7\x8e\x8b", 0},
        {"GB18030", "\xcd\xf5", "\xe7\x8e\x8b", 0},
        /* wrong or no statement: UTF-8 if it is that, else Latin-1 */
        {"", "M\xfcller", "M\xc3\xbcller", DICOM_WARN_CHARSET},
        {"", "\xe7\x8e\x8b", "\xe7\x8e\x8b", DICOM_WARN_CHARSET},
        {"ISO_IR 999", "M\xfcller", "M\xc3\xbcller", DICOM_WARN_CHARSET},
        {"ISO_IR 192", "M\xfcller", "M\xc3\xbcller", DICOM_WARN_CHARSET},
        {"", "\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80", DICOM_WARN_CHARSET},
        {"", "plain", "plain", 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        begin(&b);
        build_text(&b, 0x00080005, "CS", rows[i].charset);
        build_common(&b, CT);
        build_text(&b, 0x00081030, "LO", rows[i].bytes);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_msg(strcmp(o.header.study_description, rows[i].utf8) == 0,
                      "row %zu: %s", i, o.header.study_description);
        ck_assert_msg(o.header.warnings == rows[i].warnings, "row %zu: %x", i,
                      o.header.warnings);
        opened_close(&o);
    }
}
END_TEST

START_TEST(description_of_pixels)
{
    struct build b;
    struct opened o;
    const struct decode_desc *d = &o.header.desc;

    begin(&b);
    build_common(&b, CT);
    build_u16(&b, 0x00280002, 3);
    build_bytes(&b, 0x00280004, "CS", "YBR_FULL_422\0\0", 14);
    build_u16(&b, 0x00280006, 1);
    build_text(&b, 0x00280008, "IS", "2");
    build_u16(&b, 0x00280010, 4);
    build_u16(&b, 0x00280011, 6);
    build_u16(&b, 0x00280100, 8);
    build_u16(&b, 0x00280101, 8);
    build_u16(&b, 0x00280102, 7);
    build_u16(&b, 0x00280103, 0);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_int_eq(d->photometric, DECODE_YBR_FULL_422);
    ck_assert_uint_eq(d->samples, 3);
    ck_assert_uint_eq(d->rows, 4);
    ck_assert_uint_eq(d->cols, 6);
    ck_assert(d->planar);
    ck_assert(!d->is_signed);
    ck_assert(!o.header.has_pixels);
    ck_assert_int_eq(o.header.kind, DICOM_NOT_IMAGE);
    opened_close(&o);
}
END_TEST

START_TEST(bits_are_repaired_and_said)
{
    static const struct {
        unsigned alloc, stored, high;
        unsigned want_stored, want_high;
        bool warned;
    } rows[] = {
        {16, 12, 11, 12, 11, false}, {16, 12, 15, 12, 15, false},
        {16, 0, 0, 16, 15, true},    {16, 20, 19, 16, 15, true},
        {16, 12, 4, 12, 11, true},   {8, 8, 15, 8, 7, true},
        {16, 16, 15, 16, 15, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct build b;
        struct opened o;

        begin(&b);
        build_common(&b, CT);
        build_u16(&b, 0x00280100, rows[i].alloc);
        build_u16(&b, 0x00280101, rows[i].stored);
        build_u16(&b, 0x00280102, rows[i].high);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.desc.bits_stored, rows[i].want_stored);
        ck_assert_uint_eq(o.header.desc.high_bit, rows[i].want_high);
        ck_assert_msg(((o.header.warnings & DICOM_WARN_BITS) != 0) ==
                          rows[i].warned,
                      "row %zu", i);
        opened_close(&o);
    }
}
END_TEST

START_TEST(nested_pixel_data_is_not_the_image)
{
    for (int defined = 0; defined < 2; defined++) {
        struct build b;
        struct opened o;

        begin(&b);
        build_common(&b, CT);
        build_grey(&b, 2, 2, 8, 8, 0);
        build_sequence(&b, 0x00880200, defined);
        build_item(&b, defined);
        build_u16(&b, 0x00280010, 64);
        build_bytes(&b, 0x7FE00010, "OB", "\7\7\7\7", 4);
        build_item_end(&b);
        build_sequence_end(&b);
        build_bytes(&b, 0x7FE00010, "OB", "\1\2\3\4", 4);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.desc.rows, 2);
        ck_assert_uint_eq(o.header.pixel_length, 4);
        ck_assert_uint_eq(o.header.pixel_offset + 4,
                          dicom_source_size(o.source));
        opened_close(&o);
    }
}
END_TEST

/* One data set with everything that trips parsers before the pixel data. */
static void put_oddities(struct build *b)
{
    build_text(b, 0x00090010, "LO", "SOMEONE");
    build_sequence(b, 0x00091001, false);
    build_item(b, true);
    build_sequence(b, 0x00091002, true);
    build_item(b, false);
    build_text(b, 0x00091003, "LO", "deep");
    build_item_end(b);
    build_sequence_end(b);
    build_item_end(b);
    build_item(b, false);
    build_item_end(b);
    build_sequence_end(b);
    build_bytes(b, 0x00091004, "OB", "\xfe\xff\xdd\xe0\0\0\0\0", 8);
}

START_TEST(oddities_before_the_pixels_do_no_harm)
{
    struct build b;
    struct opened o;

    begin(&b);
    build_text(&b, 0x00080016, "UI", CT);
    put_oddities(&b);
    /* UN of undefined length is implicit VR inside (CP-246). */
    build_header(&b, 0x00091005, "UN", BUILD_UNDEFINED);
    b.encoding = BUILD_IMPLICIT_LE;
    build_item(&b, false);
    build_text(&b, 0x00091006, "LO", "implicit");
    build_item_end(&b);
    build_header(&b, 0xFFFEE0DD, "", 0);
    b.encoding = BUILD_EXPLICIT_LE;
    build_header(&b, 0x00100020, "LO", 3); /* odd length */
    build_raw(&b, "abc", 3);
    build_grey(&b, 2, 1, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", "\1\2", 2);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_str_eq(o.header.patient_id, "abc");
    ck_assert_uint_eq(o.header.pixel_length, 2);
    ck_assert_uint_eq(o.header.desc.cols, 2);
    opened_close(&o);
}
END_TEST

START_TEST(known_sequence_as_un_is_read)
{
    for (int implicit = 0; implicit < 2; implicit++) {
        struct build b, inner;
        struct opened o;

        /* The content of UN with a length is implicit little endian, or was
         * copied from an explicit data set as it was. */
        build_init(&inner, implicit ? BUILD_IMPLICIT_LE : BUILD_EXPLICIT_LE);
        build_item(&inner, true);
        build_words(&inner, 0x00283002, "US", (const uint16_t[]){2, 0, 16}, 3);
        build_words(&inner, 0x00283006, "OW", (const uint16_t[]){5, 9}, 2);
        build_item_end(&inner);
        begin(&b);
        build_common(&b, CT);
        build_grey(&b, 1, 1, 16, 16, 0);
        build_bytes(&b, 0x00283010, "UN", inner.bytes, inner.length);
        build_bytes(&b, 0x7FE00010, "OW", "\0\0", 2);
        build_deinit(&inner);
        o = open_build(&b, NULL);
        ck_assert(o.good);
        ck_assert_uint_eq(o.header.pixel_length, 2);
        if (implicit) {
            ck_assert_uint_eq(o.header.n_voi_luts, 1);
            ck_assert_uint_eq(o.header.voi_luts[0].data[1], 9);
        }
        opened_close(&o);
    }
}
END_TEST

START_TEST(numbers_as_un_are_read)
{
    struct build b;
    struct opened o;

    begin(&b);
    build_common(&b, CT);
    build_bytes(&b, 0x00280010, "UN", "\7\0", 2);
    build_bytes(&b, 0x00280011, "UN", "\5\0", 2);
    build_bytes(&b, 0x00281052, "UN", "-24 ", 4);
    build_bytes(&b, 0x00281053, "UN", "2 ", 2);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_uint_eq(o.header.desc.rows, 7);
    ck_assert_uint_eq(o.header.desc.cols, 5);
    ck_assert_double_eq(o.header.shared.intercept, -24);
    ck_assert_double_eq(o.header.shared.slope, 2);
    opened_close(&o);
}
END_TEST

START_TEST(header_cut_anywhere_is_read_or_refused)
{
    struct build whole;
    size_t good = 0;

    begin(&whole);
    build_common(&whole, CT);
    put_oddities(&whole);
    build_grey(&whole, 2, 2, 8, 8, 0);
    build_bytes(&whole, 0x7FE00010, "OB", "\1\2\3\4", 4);
    for (size_t n = 8; n < whole.length; n++) {
        struct build b;
        struct opened o;

        build_init(&b, BUILD_EXPLICIT_LE);
        build_raw(&b, whole.bytes, n);
        o = open_build(&b, NULL);
        if (o.good && !o.header.has_pixels)
            ck_assert_msg(o.header.kind != DICOM_IMAGE ||
                              o.header.warnings & DICOM_WARN_TRUNCATED,
                          "cut at %zu", n);
        if (o.good && o.header.has_pixels)
            ck_assert_uint_lt(o.header.pixel_length, 4);
        if (!o.good)
            ck_assert(o.err.kind == ERROR_CORRUPT ||
                      o.err.kind == ERROR_UNSUPPORTED);
        good += o.good;
        opened_close(&o);
    }
    ck_assert_uint_gt(good, whole.length / 2);
    build_deinit(&whole);
}
END_TEST

START_TEST(big_values_stay_on_disk)
{
    struct build b;
    struct opened o;
    struct dicom_limits limits = {.header_bytes = 100000};
    size_t large = 8 << 20;
    uint8_t *p = calloc(1, large);

    ck_assert_ptr_nonnull(p);
    begin(&b);
    build_common(&b, CT);
    build_bytes(&b, 0x00291010, "OB", p, large);
    free(p);
    build_grey(&b, 1, 1, 8, 8, 0);
    build_bytes(&b, 0x7FE00010, "OB", "\1\2", 2);
    o = open_build(&b, &limits);
    ck_assert(o.good);
    ck_assert_uint_eq(o.header.desc.rows, 1);
    ck_assert(o.header.has_pixels);
    opened_close(&o);
}
END_TEST

START_TEST(overlay_groups_are_counted)
{
    struct build b;
    struct opened o;

    begin(&b);
    build_common(&b, CT);
    build_grey(&b, 1, 1, 8, 8, 0);
    build_u16(&b, 0x60000010, 1);
    build_u16(&b, 0x60000011, 1);
    build_u16(&b, 0x60020010, 1);
    build_bytes(&b, 0x60023000, "OW", "\0\0", 2);
    build_bytes(&b, 0x7FE00010, "OB", "\1\2", 2);
    o = open_build(&b, NULL);
    ck_assert(o.good);
    ck_assert_uint_eq(o.header.overlays, 2);
    ck_assert(o.header.has_pixels);
    opened_close(&o);
}
END_TEST

START_TEST(extra_attributes_are_brought_along)
{
    static const uint32_t tags[] = {0x00180081, 0x00080008, 0x00189087,
                                    0x00190001};
    struct dicom_limits limits = {.extra_tags = tags, .n_extra_tags = 4};
    const struct dicom_attr *a;
    struct build b;
    struct opened o;

    begin(&b);
    build_text(&b, 0x00080008, "CS", "A\\B2");
    build_text(&b, 0x00080016, "UI", CT);
    build_text(&b, 0x00180081, "DS", "12.5 ");
    build_f64(&b, 0x00189087, 1000.25);
    o = open_build(&b, &limits);
    ck_assert(o.good);
    ck_assert_uint_eq(o.header.n_extra, 4);
    a = o.header.extra;
    ck_assert_double_eq(a[0].number, 12.5);
    ck_assert_str_eq(a[0].text, "12.5");
    ck_assert_str_eq(a[2].text, "B2");
    ck_assert_uint_eq(a[2].index, 1);
    ck_assert(isnan(a[2].number));
    ck_assert_double_eq(a[3].number, 1000.25);
    ck_assert_ptr_null(a[3].text);
    opened_close(&o);
}
END_TEST

START_TEST(every_warning_has_words)
{
    for (unsigned i = 0; i <= 20; i++)
        ck_assert_msg(dicom_warning_text((enum dicom_warning)(1u << i))[0],
                      "bit %u", i);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dicom_header");
    TCase *t = tcase_create("header");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 30);
    tcase_add_test(t, identification_is_carried);
    tcase_add_test(t, absent_is_absent);
    tcase_add_test(t, malformed_uids_are_kept_and_marked);
    tcase_add_test(t, text_becomes_utf8);
    tcase_add_test(t, description_of_pixels);
    tcase_add_test(t, bits_are_repaired_and_said);
    tcase_add_test(t, nested_pixel_data_is_not_the_image);
    tcase_add_test(t, oddities_before_the_pixels_do_no_harm);
    tcase_add_test(t, known_sequence_as_un_is_read);
    tcase_add_test(t, numbers_as_un_are_read);
    tcase_add_test(t, header_cut_anywhere_is_read_or_refused);
    tcase_add_test(t, big_values_stay_on_disk);
    tcase_add_test(t, overlay_groups_are_counted);
    tcase_add_test(t, extra_attributes_are_brought_along);
    tcase_add_test(t, every_warning_has_words);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
