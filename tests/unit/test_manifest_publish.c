// SPDX-License-Identifier: MIT
/*
 * test_manifest_publish.c: snapshots, and the CSV of a view.
 */
#undef NDEBUG
#include "manifest/manifest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/manifested.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- snapshot and CSV ---- */

START_TEST(a_snapshot_opens_anywhere_and_is_complete)
{
    char *path = scratch_text("%s/copy.db", db.state);
    char *part = scratch_text("%s/copy.db.tmp-%ld", db.state, (long)getpid());
    struct stat st;
    size_t length = 0;

    manifested_fill();
    ck_assert_int_eq(manifest_snapshot(db.m, path, &db.err), 0);
    ck_assert_int_eq(access(part, F_OK), -1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    char *bytes = scratch_read(path, &length);

    ck_assert_int_eq(bytes[18], 1); /* rollback journal: write, read version */
    ck_assert_int_eq(bytes[19], 1);
    free(bytes);
    char *check = rows_query(path, "PRAGMA integrity_check");

    ck_assert_str_eq(check, "ok");
    free(check);
    ck_assert_int_eq(rows_int(path, "PRAGMA application_id"), 0x44434D46);
    ck_assert_int_eq(rows_int(path, "PRAGMA user_version"), 2);
    ck_assert_int_eq(rows_int(path, "SELECT count(*) FROM cohort"), 3);
    /* Over an older one. */
    rows_exec(db.state, "DELETE FROM instance WHERE id=1");
    ck_assert_int_eq(manifest_snapshot(db.m, path, &db.err), 0);
    ck_assert_int_eq(rows_int(path, "SELECT count(*) FROM cohort"), 2);
    ck_assert_int_eq(manifest_snapshot(db.m, "/nonexistent/x.db", &db.err), -1);
    free(part);
    free(path);
}
END_TEST

enum { NOTHING_LEFT = 100 }; /* calls; of any more there is no leaf */

static int shape_of(void *opaque, const struct manifest_instance *i,
                    struct manifest_output *ret, struct error *e)
{
    int *calls = opaque;
    struct manifest_totals totals;

    /* It may use the manifest meanwhile. */
    ck_assert_int_eq(manifest_totals(db.m, &totals, e), 0);
    (*calls)++;
    if (*calls > NOTHING_LEFT)
        return MANIFEST_NO_LEAF;
    if (i->id == 2)
        return 0;
    *ret = (struct manifest_output){.width = i->desc.cols,
                                    .height = i->desc.rows,
                                    .channels = 1,
                                    .num_frames = i->frames,
                                    .dtype = SAMPLE_U16,
                                    .bytes = 4096 + 512 * 512 * 2};
    return 1;
}

static const struct manifest_leaves *leaves_of(uint16_t view, unsigned fmt,
                                               uint64_t engine)
{
    static struct manifest_leaves leaves;

    leaves =
        (struct manifest_leaves){.view_id = view, .fmt = fmt, .engine = engine};
    return &leaves;
}

START_TEST(the_csv_has_upstreams_columns_and_our_inodes)
{
    struct manifest_output o = {.width = 64,
                                .height = 32,
                                .channels = 1,
                                .num_frames = 1,
                                .bytes = 8192};
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;
    int calls = 0;

    manifested_fill();
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &view, &db.err), 0);
    ck_assert_int_eq(manifest_output_put(db.m, view, 3, 0, 0, 7, &o, &db.err),
                     0);
    ck_assert_int_eq(manifest_output_put(db.m, view, 1, 0, 0, 6, &o, &db.err),
                     0);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_msg(manifest_csv(db.m, leaves_of(view, 0, 7), shape_of, &calls,
                               out, &db.err) == 0,
                  "%s", db.err.msg);
    (void)fclose(out);
    char *key = rows_query(db.state, "SELECT pkey FROM patient WHERE id=1");
    char *other = rows_query(db.state, "SELECT pkey FROM patient WHERE id=2");
    long long base = 1LL << 46;
    char *expected = scratch_text(
        "study_instance_uid,series_instance_uid,sop_instance_uid,path,inode,"
        "width,height,channels,num_frames,bytes,patient_key,modality,"
        "body_part,instance_number,slice_order\n"
        "1.2.0,1.2.0.1,1.2.0.1.3,crop/1.2.0/1.2.0.1.3.tiff,%lld,"
        "64,32,1,1,8192,%s,CT,CHEST,3,0\n"
        "1.2.1,1.2.1.1,1.2.1.1.1,crop/1.2.1/1.2.1.1.1.tiff,%lld,"
        "512,512,1,1,528384,%s,CT,CHEST,1,0\n"
        "1.2.1,1.2.1.1,1.2.1.1.2,crop/1.2.1/1.2.1.1.2.tiff,%lld,"
        ",,,,,%s,CT,CHEST,2,1\n",
        base | 3LL << 21, other, base | 1LL << 21, key, base | 2LL << 21, key);

    ck_assert_str_eq(buffer, expected);
    ck_assert_int_eq(calls, 2); /* not for the one that was measured */
    free(expected);
    free(key);
    free(other);
    free(buffer);

    /* what the view leaves nothing of has no line, as it has no name */
    calls = NOTHING_LEFT;
    out = open_memstream(&buffer, &size);
    ck_assert_int_eq(manifest_csv(db.m, leaves_of(view, 0, 7), shape_of, &calls,
                                  out, &db.err),
                     0);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(buffer, "1.2.0.1.3.tiff"));
    ck_assert_ptr_null(strstr(buffer, "1.2.1.1.1.tiff"));
    ck_assert_ptr_null(strstr(buffer, "1.2.1.1.2.tiff"));
    free(buffer);
    ck_assert_int_eq(
        manifest_csv(db.m, leaves_of(99, 0, 7), NULL, NULL, stderr, &db.err),
        -1);
    ck_assert_int_eq(db.err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_view_that_was_never_read_can_be_filled_in)
{
    struct manifest_output o = {.width = 64};
    uint64_t n;
    uint16_t view;
    int calls = 0;

    manifested_fill();
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &view, &db.err), 0);
    ck_assert_int_eq(manifest_output_put(db.m, view, 3, 0, 0, 7, &o, &db.err),
                     0);
    ck_assert_int_eq(manifest_outputs_fill(db.m, leaves_of(view, 0, 7),
                                           shape_of, &calls, &n, &db.err),
                     0);
    ck_assert_uint_eq(n, 1); /* 2 needs pixels, 3 is known */
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM manifest"), 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT width FROM manifest"
                                        " WHERE sop_instance_uid='1.2.1.1.1'"),
                     512);
    ck_assert_int_eq(rows_int(db.state, "SELECT width FROM manifest"
                                        " WHERE sop_instance_uid='1.2.0.1.3'"),
                     64);
    ck_assert_int_eq(rows_int(db.state, "SELECT inode FROM manifest"
                                        " WHERE sop_instance_uid='1.2.0.1.3'"),
                     1LL << 46 | 3LL << 21);
}
END_TEST

START_TEST(a_view_that_lists_another_format_says_so_in_every_row)
{
    struct manifest_output o = {.width = 64, .bytes = 4100};
    char *buffer = NULL;
    size_t size = 0;
    uint64_t n;
    uint16_t view;
    int calls = 0;

    manifested_fill();
    ck_assert_int_eq(
        manifest_view_intern(db.m, "crop_list-npy", 0, &view, &db.err), 0);
    ck_assert_int_eq(manifest_output_put(db.m, view, 3, 0, 1, 7, &o, &db.err),
                     0);
    o.width = 65; /* the .tiff beside it is not what the view lists */
    ck_assert_int_eq(manifest_output_put(db.m, view, 2, 0, 0, 7, &o, &db.err),
                     0);
    ck_assert_int_eq(manifest_outputs_fill(db.m, leaves_of(view, 1, 7),
                                           shape_of, &calls, &n, &db.err),
                     0);
    ck_assert_uint_eq(n, 1);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(
        manifest_csv(db.m, leaves_of(view, 1, 7), NULL, NULL, out, &db.err), 0);
    (void)fclose(out);
    long long inode = 1LL << 46 | 3LL << 21 | 1;
    char *expected =
        scratch_text(",crop_list-npy/1.2.0/1.2.0.1.3.npy,%lld,64,", inode);

    ck_assert_ptr_nonnull(strstr(buffer, expected));
    ck_assert_ptr_null(strstr(buffer, ".tiff"));
    ck_assert_ptr_null(strstr(buffer, ",65,"));
    free(expected);
    free(buffer);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM manifest"), 2);
    ck_assert_int_eq(rows_int(db.state,
                              "SELECT count(*) FROM manifest WHERE path LIKE"
                              " 'crop_list-npy/%.npy' AND inode&15=1"),
                     2);
    ck_assert_int_eq(rows_int(db.state, "SELECT inode FROM manifest"
                                        " WHERE sop_instance_uid='1.2.0.1.3'"),
                     inode);
    ck_assert_int_eq(
        manifest_csv(db.m, leaves_of(view, 5, 7), NULL, NULL, stderr, &db.err),
        -1);
    ck_assert_int_eq(db.err.kind, ERROR_INTERNAL);
}
END_TEST

START_TEST(csv_fields_are_quoted_where_they_must_be)
{
    const struct row odd = {.path = "x",
                            .study = "1,\"2\"\r\n",
                            .series = "1.3",
                            .sop = "1.4",
                            .ino = 1};
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;

    rows_write(db.m, &odd, 1);
    rows_end(db.m, NULL, NULL);
    ck_assert_int_eq(manifest_view_intern(db.m, "full", 0, &view, &db.err), 0);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(
        manifest_csv(db.m, leaves_of(view, 0, 1), NULL, NULL, out, &db.err), 0);
    (void)fclose(out);
    ck_assert_ptr_nonnull(
        strstr(buffer, "\n\"1,\"\"2\"\"\r\n\",1.3,1.4,full/x"));
    free(buffer);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_publish");
    TCase *t = tcase_create("manifest_publish");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_snapshot_opens_anywhere_and_is_complete);
    tcase_add_test(t, the_csv_has_upstreams_columns_and_our_inodes);
    tcase_add_test(t, a_view_that_was_never_read_can_be_filled_in);
    tcase_add_test(t, a_view_that_lists_another_format_says_so_in_every_row);
    tcase_add_test(t, csv_fields_are_quoted_where_they_must_be);
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
