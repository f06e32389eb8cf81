// SPDX-License-Identifier: MIT
/*
 * test_manifest.c: views, facts, outputs, frames and errors.
 */
#undef NDEBUG
#include "manifest/manifest.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/manifested.h"
#include "support/rows.h"

/* ---- views ---- */

START_TEST(a_view_has_one_number_for_good)
{
    uint16_t a;
    uint16_t b;
    char *text = NULL;

    ck_assert_int_eq(manifest_view_intern(db.m, "full", 0, &a, &db.err), 0);
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &b, &db.err), 0);
    ck_assert_uint_eq(a, 1);
    ck_assert_uint_eq(b, 2);
    manifested_reopen(MANIFEST_READ_WRITE);
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &b, &db.err), 0);
    ck_assert_uint_eq(b, 2);
    ck_assert_int_eq(manifest_view_by_id(db.m, 2, &text, &db.err), 1);
    ck_assert_str_eq(text, "crop");
    free(text);
    ck_assert_int_eq(manifest_view_by_id(db.m, 3, &text, &db.err), 0);
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(more_views_than_allowed_are_over_quota)
{
    uint16_t id;

    ck_assert_int_eq(manifest_view_intern(db.m, "full", 2, &id, &db.err), 0);
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 2, &id, &db.err), 0);
    ck_assert_int_eq(manifest_view_intern(db.m, "hu", 2, &id, &db.err), -1);
    ck_assert_int_eq(db.err.kind, ERROR_QUOTA);
    ck_assert_int_eq(manifest_view_intern(db.m, "full", 2, &id, &db.err), 0);
    ck_assert_uint_eq(id, 1);
}
END_TEST

START_TEST(view_numbers_run_out_with_an_explanation)
{
    uint16_t id;

    rows_exec(db.state, "INSERT INTO view(id,canonical,dirname)"
                        " VALUES(65535,'last','last')");
    ck_assert_int_eq(manifest_view_intern(db.m, "last", 0, &id, &db.err), 0);
    ck_assert_uint_eq(id, 65535);
    ck_assert_int_eq(manifest_view_intern(db.m, "one-more", 0, &id, &db.err),
                     -1);
    ck_assert_int_eq(db.err.kind, ERROR_NO_IDS);
}
END_TEST

START_TEST(a_long_view_is_found_by_its_hashed_folder)
{
    char canonical[301];
    char *dirname = NULL;
    char *text = NULL;
    uint16_t id;
    uint16_t found;

    (void)memset(canonical, 'a', 300);
    canonical[300] = '\0';
    ck_assert_int_eq(manifest_view_intern(db.m, canonical, 0, &id, &db.err), 0);
    dirname = rows_query(db.state, "SELECT dirname FROM view");
    /* printf 'a%.0s' {1..300} | sha256sum */
    ck_assert_str_eq(dirname, "x9835fa6bf4e20a9b");
    ck_assert_int_eq(
        manifest_view_by_dirname(db.m, dirname, &found, &text, &db.err), 1);
    ck_assert_uint_eq(found, id);
    ck_assert_str_eq(text, canonical);
    free(text);
    free(dirname);
    ck_assert_int_eq(
        manifest_view_by_dirname(db.m, "x0", &found, &text, &db.err), 0);
}
END_TEST

/* ---- facts, outputs, frames, errors ---- */

START_TEST(a_fact_belongs_to_its_prefix_and_engine)
{
    struct manifest_fact fact = {.crop = {1, 2, 3, 4}, .vmin = NAN, .vmax = 7};
    struct manifest_fact got;

    ck_assert_int_eq(manifest_fact_put(db.m, 5, "crop", 9, &fact, &db.err), 0);
    ck_assert_int_eq(manifest_fact_get(db.m, 5, "crop", 9, &got, &db.err), 1);
    ck_assert_mem_eq(&got.crop, &fact.crop, sizeof got.crop);
    ck_assert(isnan(got.vmin) && got.vmax == 7);
    ck_assert_int_eq(manifest_fact_get(db.m, 5, "crop-max", 9, &got, &db.err),
                     0);
    ck_assert_int_eq(manifest_fact_get(db.m, 6, "crop", 9, &got, &db.err), 0);
    ck_assert_int_eq(manifest_fact_get(db.m, 5, "crop", 10, &got, &db.err), 0);
    fact.crop.width = 0;
    ck_assert_int_eq(manifest_fact_put(db.m, 5, "crop", 10, &fact, &db.err), 0);
    ck_assert_int_eq(manifest_fact_get(db.m, 5, "crop", 10, &got, &db.err), 1);
    ck_assert_uint_eq(got.crop.width, 0);
    ck_assert_int_eq(manifest_fact_get(db.m, 5, "crop", 9, &got, &db.err), 0);
}
END_TEST

START_TEST(an_output_comes_back_as_it_was_put)
{
    uint64_t strips[] = {1, UINT64_C(0x0102030405060708), 3};
    struct manifest_output o = {.width = 512,
                                .height = 384,
                                .channels = 3,
                                .num_frames = 60,
                                .dtype = SAMPLE_F16,
                                .bytes = UINT64_C(1) << 40,
                                .crop = {1, 2, 3, 4},
                                .scale_x = 0.5,
                                .scale_y = 0.25,
                                .pad = {5, 6, 7, 8},
                                .strips = strips,
                                .n_strips = 3,
                                .has_stats = true,
                                .vmin = -1,
                                .vmax = 1,
                                .vmean = 0.1,
                                .vstd = 0.2};
    struct manifest_output got;
    uint64_t engine = UINT64_C(0xfedcba9876543210);

    ck_assert_int_eq(manifest_output_put(db.m, 1, 2, 3, 0, engine, &o, &db.err),
                     0);
    ck_assert_int_eq(
        manifest_output_get(db.m, 1, 2, 3, 0, engine, &got, &db.err), 1);
    ck_assert_mem_eq(got.strips, strips, sizeof strips);
    ck_assert_uint_eq(got.n_strips, 3);
    manifest_output_deinit(&got);
    ck_assert_ptr_null(got.strips);
    ck_assert_uint_eq(got.width, 512);
    ck_assert_uint_eq(got.height, 384);
    ck_assert_uint_eq(got.channels, 3);
    ck_assert_uint_eq(got.num_frames, 60);
    ck_assert_int_eq(got.dtype, SAMPLE_F16);
    ck_assert_uint_eq(got.bytes, UINT64_C(1) << 40);
    ck_assert_mem_eq(&got.crop, &o.crop, sizeof o.crop);
    ck_assert_mem_eq(got.pad, o.pad, sizeof o.pad);
    ck_assert(got.scale_x == 0.5 && got.scale_y == 0.25 && got.has_stats);
    ck_assert(got.vmin == -1 && got.vmax == 1 && got.vmean == 0.1 &&
              got.vstd == 0.2);
    for (int k = 0; k < 5; k++) /* each part of the key counts */
        ck_assert_int_eq(manifest_output_get(db.m, (uint16_t)(1 + (k == 0)),
                                             2 + (k == 1), 3u + (k == 2),
                                             (unsigned)(k == 3),
                                             engine + (k == 4), &got, &db.err),
                         0);
    o = (struct manifest_output){.width = 1};
    ck_assert_int_eq(manifest_output_put(db.m, 1, 2, 3, 0, 5, &o, &db.err), 0);
    ck_assert_int_eq(manifest_output_get(db.m, 1, 2, 3, 0, 5, &got, &db.err),
                     1);
    ck_assert(!got.strips && !got.has_stats && got.width == 1);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM output"), 1);
}
END_TEST

START_TEST(a_frame_index_comes_back_in_order)
{
    struct manifest_extent put[300];
    struct manifest_extent *got = NULL;
    uint64_t n = 0;

    for (uint64_t i = 0; i < 300; i++)
        put[i] = (struct manifest_extent){(UINT64_C(1) << 40) + i, 300 - i};
    ck_assert_int_eq(manifest_frames_get(db.m, 8, &got, &n, &db.err), 0);
    ck_assert_int_eq(manifest_frames_put(db.m, 8, put, 300, &db.err), 0);
    ck_assert_int_eq(manifest_frames_get(db.m, 8, &got, &n, &db.err), 1);
    ck_assert_uint_eq(n, 300);
    ck_assert_mem_eq(got, put, sizeof put);
    free(got);
    ck_assert_int_eq(manifest_frames_put(db.m, 8, put, 2, &db.err), 0);
    ck_assert_int_eq(manifest_frames_get(db.m, 8, &got, &n, &db.err), 1);
    ck_assert_uint_eq(n, 2);
    free(got);
}
END_TEST

START_TEST(errors_are_one_per_source_view_and_stage)
{
    char *text = NULL;
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;

    manifested_fill();
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &view, &db.err), 0);
    ck_assert_int_eq(manifest_error_get(db.m, 1, view, &text, &db.err), 0);
    ck_assert_int_eq(
        manifest_error_put(db.m, 1, 0, "index", EIO, "any\tview\n", &db.err),
        0);
    ck_assert_int_eq(manifest_error_get(db.m, 1, view, &text, &db.err), 1);
    ck_assert_str_eq(text, "any\tview\n");
    free(text);
    ck_assert_int_eq(
        manifest_error_put(db.m, 1, view, "decode", EIO, "old", &db.err), 0);
    ck_assert_int_eq(
        manifest_error_put(db.m, 1, view, "decode", EIO, "new", &db.err), 0);
    ck_assert_int_eq(manifest_error_get(db.m, 1, view, &text, &db.err), 1);
    ck_assert_str_eq(text, "new"); /* of the view rather than of any */
    free(text);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(manifest_errors_write(db.m, out, &db.err), 0);
    (void)fclose(out);
    ck_assert_msg(strncmp(buffer,
                          "path\tview\tstage\terrno\tmessage\tat\n"
                          "a/1.dcm\t\tindex\t5\tany view \t",
                          strlen("path\tview\tstage\terrno\tmessage\tat\n"
                                 "a/1.dcm\t\tindex\t5\tany view \t")) == 0,
                  "%s", buffer);
    ck_assert_ptr_nonnull(strstr(buffer, "a/1.dcm\tcrop\tdecode\t5\tnew\t"));
    ck_assert_ptr_null(strstr(buffer, "old"));
    free(buffer);
    struct manifest_totals totals;

    ck_assert_int_eq(manifest_totals(db.m, &totals, &db.err), 0);
    ck_assert_uint_eq(totals.errors, 2);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest");
    TCase *t = tcase_create("manifest");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_view_has_one_number_for_good);
    tcase_add_test(t, more_views_than_allowed_are_over_quota);
    tcase_add_test(t, view_numbers_run_out_with_an_explanation);
    tcase_add_test(t, a_long_view_is_found_by_its_hashed_folder);
    tcase_add_test(t, a_fact_belongs_to_its_prefix_and_engine);
    tcase_add_test(t, an_output_comes_back_as_it_was_put);
    tcase_add_test(t, a_frame_index_comes_back_in_order);
    tcase_add_test(t, errors_are_one_per_source_view_and_stage);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
