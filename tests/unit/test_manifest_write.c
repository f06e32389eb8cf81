// SPDX-License-Identifier: MIT
/*
 * test_manifest_write.c: rows, ids, and what vanishes, comes back or moves, as
 * an indexer leaves them.
 */
#undef NDEBUG
#include "manifest/manifest_write.h"

#include <check.h>
#include <stdlib.h>

#include "support/manifested.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- rows ---- */

START_TEST(an_instance_comes_back_with_all_that_layout_needs)
{
    struct row r = manifested_file("dir/a.dcm", "1.1.1.5", 77);
    struct manifest_instance i;

    r.mtime_s = 1700000000;
    manifested_write(&r, 1);
    ck_assert_int_eq(manifest_instance_by_name(db.m, 1, "1.1.1.5", &i, &db.err),
                     1);
    ck_assert_int_eq(i.id, 1);
    ck_assert_int_eq(i.study_id, 1);
    ck_assert_int_eq(i.series_id, 1);
    ck_assert_str_eq(i.name, "1.1.1.5");
    ck_assert_str_eq(i.study_name, "1.1");
    ck_assert_str_eq(i.series_name, "1.1.1");
    ck_assert_str_eq(i.relpath, "dir/a.dcm");
    ck_assert(i.has_pixels && i.decodable && i.frames_known && !i.gone &&
              !i.turned);
    ck_assert_uint_eq(i.frames, 1);
    ck_assert_uint_eq(i.desc.rows, 512);
    ck_assert_uint_eq(i.desc.bits_alloc, 16);
    ck_assert_uint_eq(i.desc.bits_stored, 12);
    ck_assert_uint_eq(i.desc.high_bit, 11);
    ck_assert_int_eq(i.desc.codec, DECODE_NATIVE_LE);
    ck_assert_int_eq(i.desc.photometric, DECODE_MONOCHROME2);
    ck_assert(i.desc.is_signed && !i.desc.planar);
    ck_assert(i.px_x == 0.7 && i.px_y == 0.7);
    ck_assert_uint_eq(i.pixel_offset, 1024);
    ck_assert_uint_eq(i.pixel_length, 524288);
    ck_assert_uint_eq(i.dev, 7);
    ck_assert_uint_eq(i.ino, 77);
    ck_assert_uint_eq(i.size, 1000);
    ck_assert_int_eq(i.mtime_ns, INT64_C(1700000000) * 1000000000);
    ck_assert_int_eq(i.acquired_s, 1700000000);
    manifest_instance_deinit(&i);
    ck_assert_int_eq(manifest_instance_by_name(db.m, 2, "1.1.1.5", &i, &db.err),
                     0);
    ck_assert_int_eq(manifest_instance_by_id(db.m, 2, &i, &db.err), 0);
}
END_TEST

START_TEST(listings_page_through_everything_once)
{
    enum { FILES = 250 };
    struct row rows[FILES];
    struct manifest_instance page[7];
    struct manifest_folder folders[7];
    struct manifest_folder folder;
    int64_t after = 0;
    int seen = 0;
    int n;

    for (int i = 0; i < FILES; i++) {
        rows[i] = manifested_file(scratch_name("f%03d", i),
                                  scratch_name("1.9.%d", i), (uint64_t)i + 1);
        rows[i].series = scratch_name("1.1.%d", i % 10);
        rows[i].no_pixels = i % 10 == 9; /* the tenth series is hidden */
    }
    manifested_write(rows, FILES);
    while ((n = manifest_list_instances(db.m, 1, 0, after, 7, page, &db.err)) >
           0)
        for (int i = 0; i < n; i++) {
            ck_assert_int_gt(page[i].id, after);
            after = page[i].id;
            seen++;
            manifest_instance_deinit(&page[i]);
        }
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(seen, FILES * 9 / 10);
    ck_assert_int_eq(manifest_list_series(db.m, 1, 0, 7, folders, &db.err), 7);
    ck_assert_int_eq(
        manifest_list_series(db.m, 1, folders[6].id, 7, folders, &db.err), 2);
    ck_assert_int_eq(manifest_list_studies(db.m, 0, 7, folders, &db.err), 1);
    ck_assert_str_eq(folders[0].name, "1.1");
    ck_assert_int_eq(manifest_list_studies(db.m, 1, 7, folders, &db.err), 0);
    ck_assert_int_eq(manifest_count_entries(db.m, 1, 0, 1000, &db.err), 225);
    ck_assert_int_eq(manifest_count_entries(db.m, 1, 0, 100, &db.err), 100);
    ck_assert_int_eq(manifest_count_entries(db.m, 1, 1, 1000, &db.err), 25);
    ck_assert_int_eq(manifest_count_entries(db.m, 0, 0, 1000, &db.err), 1);
    int64_t study = 0;

    ck_assert_int_eq(
        manifest_series_by_name(db.m, 1, "1.1.3", &folder, &db.err), 1);
    ck_assert_int_eq(
        manifest_series_by_id(db.m, folder.id, &folder, &study, &db.err), 1);
    ck_assert_str_eq(folder.name, "1.1.3");
    ck_assert_int_eq(study, 1);
    ck_assert_int_eq(
        manifest_series_by_name(db.m, 2, "1.1.3", &folder, &db.err), 0);
    ck_assert_int_eq(manifest_study_by_name(db.m, "1.1", &folder, &db.err), 1);
    ck_assert_int_eq(manifest_study_by_id(db.m, 1, &folder, &db.err), 1);
    ck_assert_int_eq(manifest_study_by_id(db.m, 9, &folder, &db.err), 0);
}
END_TEST

START_TEST(objects_without_pixels_are_found_by_name_only)
{
    struct row r = manifested_file("sr", "1.1.1.5", 5);
    struct manifest_instance page[1];

    r.no_pixels = true;
    manifested_write(&r, 1);
    ck_assert(!manifested_get("1.1.1.5").has_pixels);
    ck_assert_int_eq(manifest_list_instances(db.m, 1, 0, 0, 1, page, &db.err),
                     0);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM cohort"), 0);
}
END_TEST

/* Looks at a moment of the past, but not for ever. */
START_TEST(many_files_are_found_on_one_connection)
{
    struct row rows[] = {manifested_file("a", "1.1", 1),
                         manifested_file("b", "1.2", 2)};
    struct manifest_source s;
    int64_t last = -1;
    int looks = 0;

    ck_assert_int_eq(manifest_source_last(db.m, &last, &db.err), 0);
    ck_assert_int_eq(last, 0);
    manifested_write(rows, 1);
    struct manifest_known *k = manifest_known_open(db.m, &db.err);

    ck_assert_ptr_nonnull(k);
    ck_assert_int_eq(manifest_known_find(k, "a", &s, &db.err), 1);
    ck_assert_int_eq(s.id, 1);
    ck_assert_uint_eq(s.ino, 1);
    ck_assert_uint_eq(s.size, 1000);
    ck_assert_ptr_null(s.relpath);
    manifested_write(&rows[1], 1);
    manifested_vanish("a");
    while (manifest_known_find(k, "b", &s, &db.err) == 0)
        ck_assert_int_lt(looks++, 20000);
    ck_assert_int_eq(s.id, 2);
    ck_assert_int_eq(manifest_known_find(k, "a", &s, &db.err), 1);
    ck_assert(s.vanished);
    ck_assert_int_eq(manifest_known_find(k, "c", &s, &db.err), 0);
    ck_assert_int_eq(manifest_known_by_id(k, 2, &s, &db.err), 1);
    ck_assert_str_eq(s.relpath, "b");
    free(s.relpath);
    ck_assert_int_eq(manifest_known_by_id(k, 3, &s, &db.err), 0);
    manifest_known_close(k);
    ck_assert_int_eq(manifest_source_last(db.m, &last, &db.err), 0);
    ck_assert_int_eq(last, 2);
}
END_TEST

START_TEST(totals_follow_every_change)
{
    struct row rows[] = {manifested_file("a", "1.1", 1),
                         manifested_file("b", "1.2", 2),
                         manifested_file("c", "1.3", 3)};
    struct manifest_totals t;

    rows[2].no_pixels = true;
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.sources, 0);
    manifested_write(rows, 3);
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.sources, 3);
    ck_assert_uint_eq(t.instances, 3);
    ck_assert_uint_eq(t.images, 2);
    ck_assert_uint_eq(t.studies, 1);
    ck_assert_uint_eq(t.series, 1);
    ck_assert_uint_eq(t.source_bytes, 3000);
    manifested_vanish("a");
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.sources, 2);
    ck_assert_uint_eq(t.images, 1);
}
END_TEST

START_TEST(totals_of_a_complete_run_are_not_counted_again)
{
    struct row rows[] = {manifested_file("a", "1.1", 1),
                         manifested_file("b", "1.2", 2)};
    struct manifest_totals t;

    manifested_write(rows, 1);
    rows_exec(db.state, "UPDATE meta SET v=replace(v,'images 1','images 77')"
                        " WHERE k='totals'");
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.images, 77);
    ck_assert_uint_eq(t.sources, 1);
    ck_assert_uint_eq(t.source_bytes, 1000);
    ck_assert_uint_eq(t.instances, 1);
    ck_assert_uint_eq(t.studies, 1);
    ck_assert_uint_eq(t.series, 1);
    rows_write(db.m, &rows[1], 1); /* in the middle of a run */
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.images, 2);
    rows_end(db.m, manifested_digest, NULL);
    ck_assert_int_eq(rows_int(db.state, "SELECT v LIKE '% images 2 %' FROM meta"
                                        " WHERE k='totals'"),
                     1);
    /* Whatever somebody has put there is no reason to fail. */
    rows_exec(db.state, "UPDATE meta SET v='epoch ' WHERE k='totals'");
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_int_eq(manifest_totals(db.m, &t, &db.err), 0);
    ck_assert_uint_eq(t.images, 2);
}
END_TEST

START_TEST(the_epoch_tells_which_studies_changed)
{
    struct row rows[] = {manifested_file("a", "1.1", 1),
                         manifested_file("b", "1.2", 2)};
    struct manifest_folder changed[4];

    rows[1].study = "1.7";
    manifested_write(rows, 2);
    int64_t epoch = manifest_epoch(db.m, &db.err);

    ck_assert_int_eq(manifest_list_changed(db.m, 0, 0, 4, changed, &db.err), 2);
    ck_assert_int_eq(manifest_list_changed(db.m, epoch, 0, 4, changed, &db.err),
                     0);
    rows[1].mtime_s = 2000;
    manifested_write(&rows[1], 1);
    ck_assert_int_gt(manifest_epoch(db.m, &db.err), epoch);
    ck_assert_int_eq(manifest_list_changed(db.m, epoch, 0, 4, changed, &db.err),
                     1);
    ck_assert_str_eq(changed[0].name, "1.7");
}
END_TEST

/* ---- ids ---- */

START_TEST(a_changed_file_is_a_new_instance_under_its_old_name)
{
    struct row r = manifested_file("a", "1.1.1.5", 5);

    manifested_write(&r, 1);
    int64_t old = manifested_get("1.1.1.5").id;

    r.mtime_s = 2000;
    r.size = 3000;
    manifested_write(&r, 1);
    struct manifest_instance now = manifested_get("1.1.1.5");

    ck_assert_int_gt(now.id, old);
    ck_assert_uint_eq(now.size, 3000);
    ck_assert(manifested_is_gone(old));
    ck_assert(!manifested_is_gone(now.id));
    for (int k = 0; k < 3; k++) { /* for ever */
        r.mtime_s++;
        manifested_write(&r, 1);
        ck_assert(manifested_is_gone(old));
        ck_assert(manifested_is_gone(now.id));
    }
    manifested_assert_names("1.1.1.5=a");
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM source"), 1);
}
END_TEST

START_TEST(ids_are_not_reused_after_rows_were_deleted)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2)};

    manifested_write(rows, 2);
    rows_exec(db.state, "DELETE FROM instance; DELETE FROM series;"
                        "DELETE FROM study; DELETE FROM source");
    manifested_write(rows, 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT min(id) FROM instance"), 4);
    ck_assert_int_eq(rows_int(db.state, "SELECT id FROM series"), 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT id FROM study"), 2);
}
END_TEST

START_TEST(ids_run_out_with_an_explanation_and_nothing_is_written)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2),
                         manifested_file("c", "1.7", 3)};
    struct manifest_header h[2];
    struct manifest_entry e[2];
    struct manifest_written w = {0};
    struct manifest_source s;

    manifested_write(rows, 1);
    rows_exec(db.state, "UPDATE sqlite_sequence SET seq=33554430"
                        " WHERE name='instance'");
    row_entry(&rows[1], &h[0], &e[0]);
    row_entry(&rows[2], &h[1], &e[1]);
    ck_assert_int_eq(manifest_write_batch(db.m, e, 2, &w, &db.err), -1);
    ck_assert_int_eq(db.err.kind, ERROR_NO_IDS);
    ck_assert_int_eq(manifest_source_find(db.m, "b", &s, &db.err), 0);
    ck_assert_int_eq(manifest_write_batch(db.m, e, 1, &w, &db.err), 0);
    ck_assert_int_eq(rows_int(db.state, "SELECT max(id) FROM instance"),
                     MANIFEST_OBJECT_MAX);
}
END_TEST

/* ---- vanished, back, moved ---- */

START_TEST(a_file_that_is_back_has_its_instance_back)
{
    struct row r = manifested_file("a", "1.5", 5);
    struct manifest_instance i;
    struct manifest_same same = {1, NULL, 8};

    manifested_write(&r, 1);
    manifested_vanish("a");
    ck_assert(manifested_is_gone(1));
    ck_assert_int_eq(manifest_instance_by_name(db.m, 1, "1.5", &i, &db.err), 0);
    ck_assert_int_eq(manifest_write_same(db.m, &same, 1, &db.err), 0);
    rows_end(db.m, manifested_digest, NULL);
    ck_assert(!manifested_is_gone(1));
    ck_assert_int_eq(manifested_get("1.5").id, 1);
    ck_assert_uint_eq(manifested_get("1.5").dev, 8);
}
END_TEST

START_TEST(a_file_that_is_back_with_other_bytes_is_new)
{
    struct row r = manifested_file("a", "1.5", 5);
    int64_t id;

    manifested_write(&r, 1);
    manifested_vanish("a");
    r.mtime_s = 2000;
    manifested_write(&r, 1);
    ck_assert(manifested_is_gone(1));
    id = manifested_get("1.5").id;
    ck_assert_int_gt(id, 1);
    manifested_vanish("a");
    struct manifest_same same = {1, NULL, 7};

    ck_assert_int_eq(manifest_write_same(db.m, &same, 1, &db.err), 0);
    rows_end(db.m, manifested_digest, NULL);
    ck_assert(manifested_is_gone(1)); /* for ever */
    ck_assert_int_eq(manifested_get("1.5").id, id);
}
END_TEST

START_TEST(a_renamed_file_keeps_its_id)
{
    struct row r = manifested_file("a", "1.5", 5);
    struct manifest_same same = {1, "dir/b", 7};

    manifested_write(&r, 1);
    ck_assert_int_eq(manifest_write_same(db.m, &same, 1, &db.err), 0);
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5=dir/b");
    ck_assert_int_eq(manifested_get("1.5").id, 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_write");
    TCase *t = tcase_create("manifest_write");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, an_instance_comes_back_with_all_that_layout_needs);
    tcase_add_test(t, listings_page_through_everything_once);
    tcase_add_test(t, objects_without_pixels_are_found_by_name_only);
    tcase_add_test(t, many_files_are_found_on_one_connection);
    tcase_add_test(t, totals_follow_every_change);
    tcase_add_test(t, totals_of_a_complete_run_are_not_counted_again);
    tcase_add_test(t, the_epoch_tells_which_studies_changed);
    tcase_add_test(t, a_changed_file_is_a_new_instance_under_its_old_name);
    tcase_add_test(t, ids_are_not_reused_after_rows_were_deleted);
    tcase_add_test(t, ids_run_out_with_an_explanation_and_nothing_is_written);
    tcase_add_test(t, a_file_that_is_back_has_its_instance_back);
    tcase_add_test(t, a_file_that_is_back_with_other_bytes_is_new);
    tcase_add_test(t, a_renamed_file_keeps_its_id);
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
