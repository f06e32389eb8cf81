// SPDX-License-Identifier: MIT
/*
 * test_manifest_volumes.c: patients, and series that are ordered into volumes.
 */
#undef NDEBUG
#include "manifest/manifest_write.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/manifested.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- patients ---- */

START_TEST(a_patient_is_a_keyed_hash_and_nothing_else)
{
    struct row rows[] = {
        manifested_file("a", "1.5", 1), manifested_file("b", "1.6", 2),
        manifested_file("c", "1.7", 3), manifested_file("d", "1.8", 4)};

    rows[0].patient = rows[1].patient = "SMITH12345";
    rows[1].study = "1.2";
    rows[2].study = "1.3"; /* no patient id: no patient */
    rows[3].study = "1.4";
    manifested_write(rows, 4);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM patient"), 1);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM study"
                                        " WHERE patient_id IS NULL"),
                     2);
    char *key = rows_query(db.state, "SELECT pkey FROM patient");

    ck_assert_uint_eq(strlen(key), 32);
    manifest_close(db.m);
    /* Not in any file of the state. */
    static const char *const files[] = {"manifest.db", "manifest.db-wal", "ids",
                                        "salt"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = scratch_text("%s/%s", db.state, files[i]);
        size_t length = 0;
        char *bytes = scratch_read(path, &length);

        ck_assert(!bytes || !memmem(bytes, length, "SMITH12345", 10));
        free(bytes);
        free(path);
    }
    /* Another state has another key for the same patient. */
    char *first = db.state;

    manifested_setup();
    manifested_write(rows, 1);
    char *other = rows_query(db.state, "SELECT pkey FROM patient");

    ck_assert_str_ne(key, other);
    free(key);
    free(other);
    scratch_free(first);
}
END_TEST

/* ---- volumes ---- */

static int64_t volume_of(const char *series)
{
    char sql[160];

    (void)snprintf(sql, sizeof sql,
                   "SELECT coalesce(volume_id,0) FROM series WHERE uid='%s'",
                   series);
    return rows_int(db.state, sql);
}

START_TEST(a_series_is_ordered_once_it_is_complete)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2),
                         manifested_file("c", "1.7", 3)};
    struct manifest_slices slices;
    struct manifest_volume v;
    int64_t first, second;

    rows[0].z = 10;
    rows[1].z = 0;
    rows[2].z = 5;
    manifested_write(rows, 3);
    first = volume_of("1.1.1");
    ck_assert_int_eq(manifest_volume_get(db.m, first, &v, &db.err), 1);
    ck_assert_msg(v.ok && v.uniform, "%s", v.note);
    ck_assert_uint_eq(v.n_slices, 3);
    ck_assert(v.z_spacing == 5);
    ck_assert_int_eq(manifest_volume_slices(db.m, first, &slices, &db.err), 0);
    ck_assert_uint_eq(slices.n, 3);
    ck_assert(slices.v[0].id == 2 && slices.v[1].id == 3 &&
              slices.v[2].id == 1);
    ck_assert(slices.v[1].position[2] == 5);
    ck_assert_uint_ne(slices.v[0].version, slices.v[1].version);
    manifest_slices_deinit(&slices);
    manifested_vanish("c");
    /* until it is arranged again it has too few slices */
    ck_assert_int_eq(manifest_volume_slices(db.m, first, &slices, &db.err), 0);
    ck_assert_uint_eq(slices.n, 2);
    manifest_slices_deinit(&slices);
    rows_end(db.m, manifested_digest, NULL);
    /* other slices are another volume, and the old one is no more */
    second = volume_of("1.1.1");
    ck_assert_int_gt(second, first);
    ck_assert_int_eq(manifest_volume_get(db.m, first, &v, &db.err), 0);
    ck_assert_int_eq(manifest_volume_get(db.m, second, &v, &db.err), 1);
    ck_assert(v.ok && v.z_spacing == 10 && v.n_slices == 2);
    rows[2].z = 9;
    rows[2].mtime_s = 2000;
    manifested_write(&rows[2], 1);
    ck_assert_int_gt(volume_of("1.1.1"), second);
    ck_assert_int_eq(manifest_volume_get(db.m, volume_of("1.1.1"), &v, &db.err),
                     1);
    ck_assert(!v.ok);
    ck_assert_int_eq(v.kind, VOLUME_IRREGULAR);
    ck_assert_ptr_nonnull(strstr(v.note, "gaps"));
    ck_assert_ptr_nonnull(strstr(v.note, "(image 1.")); /* which one */
    ck_assert_int_eq(manifest_volume_get(db.m, 9, &v, &db.err), 0);
}
END_TEST

/* A pass over a series that found nothing new leaves its number alone, and
 * numbers of volumes are never those of instances. */
START_TEST(a_volume_of_the_same_slices_is_the_same)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2)};
    struct manifest_instance row;
    int64_t id;

    rows[1].z = 5;
    manifested_write(rows, 2);
    id = volume_of("1.1.1");
    rows_exec(db.state, "UPDATE series SET dirty=1");
    rows_end(db.m, manifested_digest, NULL);
    ck_assert_int_eq(volume_of("1.1.1"), id);
    ck_assert_int_eq(manifest_instance_by_id(db.m, id, &row, &db.err), 0);
    ck_assert_int_eq(manifest_volume_by_id(db.m, id, &row, &db.err), 1);
    ck_assert_int_eq(row.id, id);
    ck_assert_uint_eq(row.slices, 2);
    ck_assert_uint_eq(row.frames, 2);
    ck_assert_str_eq(row.name, row.series_name);
    ck_assert(row.z_mm == 4);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_list_volumes(db.m, 1, 0, 0, 9, &row, &db.err), 1);
    ck_assert_int_eq(row.id, id);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_list_volumes(db.m, 1, 7, 0, 9, &row, &db.err), 0);
    ck_assert_int_eq(manifest_list_volumes(db.m, 1, 0, id, 9, &row, &db.err),
                     0);
    ck_assert_int_eq(manifest_volume_by_name(db.m, 1, "1.1.1", &row, &db.err),
                     1);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_volume_by_name(db.m, 1, "1.2.4", &row, &db.err),
                     0);
    rows[0] = manifested_file("c", "1.7", 3);
    manifested_write(rows, 1);
    ck_assert_int_eq(rows_int(db.state,
                              "SELECT count(*) FROM instance WHERE id IN"
                              " (SELECT volume_id FROM series)"),
                     0);
}
END_TEST

/* A manifest of the first schema gets its volumes at the next index. */
START_TEST(an_older_manifest_is_brought_up_to_date)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2)};
    struct manifest_volume v;

    rows[1].z = 5;
    manifested_write(rows, 2);
    manifest_close(db.m);
    rows_exec(db.state, "DROP VIEW manifest; DROP INDEX series_volume;"
                        "DROP INDEX series_study_volume;"
                        "CREATE VIEW manifest AS SELECT 1;"
                        "ALTER TABLE series DROP COLUMN volume_id;"
                        "ALTER TABLE series DROP COLUMN volume_kind;"
                        "ALTER TABLE series DROP COLUMN volume_first;"
                        "ALTER TABLE series DROP COLUMN volume_mtime_s;"
                        "PRAGMA user_version=1");
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_msg(db.m != NULL, "%s", db.err.msg);
    ck_assert_int_eq(rows_int(db.state, "PRAGMA user_version"), 2);
    rows_end(db.m, manifested_digest, NULL);
    ck_assert_int_eq(manifest_volume_get(db.m, volume_of("1.1.1"), &v, &db.err),
                     1);
    ck_assert(v.ok);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM manifest"), 0);
}
END_TEST

START_TEST(a_series_left_dirty_is_ordered_by_the_next_run)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.6", 2)};
    struct manifest_volume v;

    rows_write(db.m, rows, 2); /* killed here */
    ck_assert_int_eq(rows_int(db.state, "SELECT dirty FROM series"), 1);
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    rows_end(db.m, manifested_digest, NULL);
    ck_assert_int_eq(manifest_volume_get(db.m, volume_of("1.1.1"), &v, &db.err),
                     1);
    ck_assert_int_eq(v.n_slices, 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT dirty FROM series"), 0);
}
END_TEST

START_TEST(what_was_measured_on_a_gone_instance_is_dropped)
{
    struct row r = manifested_file("a", "1.5", 1);
    struct manifest_output o = {.width = 1};
    struct manifest_output stack = {.width = 1, .is_series = true};
    struct manifest_fact fact = {.vmin = 0};
    struct manifest_extent extent = {1, 2};
    uint16_t view;

    manifested_write(&r, 1);
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &view, &db.err), 0);
    ck_assert_int_eq(manifest_output_put(db.m, view, 1, 0, 0, 1, &o, &db.err),
                     0);
    ck_assert_int_eq(manifest_output_put(db.m, view, volume_of("1.1.1"), 0, 0,
                                         1, &stack, &db.err),
                     0);
    ck_assert_int_eq(manifest_fact_put(db.m, 1, "crop", 1, &fact, &db.err), 0);
    ck_assert_int_eq(manifest_fact_put(db.m, volume_of("1.1.1"), "series", 1,
                                       &fact, &db.err),
                     0);
    ck_assert_int_eq(manifest_frames_put(db.m, 1, &extent, 1, &db.err), 0);
    r.mtime_s = 2000;
    manifested_write(&r, 1);
    ck_assert_int_eq(rows_int(db.state, "SELECT (SELECT count(*) FROM output)+"
                                        "(SELECT count(*) FROM fact)+"
                                        "(SELECT count(*) FROM frame_index)"),
                     0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_volumes");
    TCase *t = tcase_create("manifest_volumes");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_patient_is_a_keyed_hash_and_nothing_else);
    tcase_add_test(t, a_series_is_ordered_once_it_is_complete);
    tcase_add_test(t, a_volume_of_the_same_slices_is_the_same);
    tcase_add_test(t, an_older_manifest_is_brought_up_to_date);
    tcase_add_test(t, a_series_left_dirty_is_ordered_by_the_next_run);
    tcase_add_test(t, what_was_measured_on_a_gone_instance_is_dropped);
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
