// SPDX-License-Identifier: MIT
/*
 * test_index_again.c: what a later run finds: changes, and what only looks like
 * one.
 */
#undef NDEBUG
#include "index/index.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fake_parser.h"
#include "support/indexed.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- the next runs ---- */

START_TEST(a_second_run_opens_nothing)
{
    indexed_put_series(50);
    scratch_write(in.archive, "notes.txt", "hello", 0);
    scratch_write(in.archive, "bad.dcm", "DAMAGED", 0);
    (void)indexed_run();
    int64_t epoch = manifest_epoch(in.m, &in.err);

    atomic_store(&in.fake.calls, 0);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.files, 52);
    ck_assert_uint_eq(r.unchanged, 52);
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(atomic_load(&in.fake.calls), 0);
    ck_assert_int_eq(manifest_epoch(in.m, &in.err), epoch);
}
END_TEST

START_TEST(another_parser_tries_again_what_failed)
{
    indexed_put_series(5);
    scratch_write(in.archive, "bad.dcm", "DAMAGED", 0);
    scratch_write(in.archive, "notes.txt", "hello", 0);
    (void)indexed_run();
    in.fake.revision = "fake 2";
    ck_assert_uint_eq(indexed_run().parsed, 2);
    ck_assert_uint_eq(indexed_run().parsed, 0);
}
END_TEST

START_TEST(changes_are_found)
{
    struct manifest_instance i;

    indexed_put_series(10);
    (void)indexed_run();
    indexed_put("ct/0003.dcm", "1.2", "1.2.3", "1.2.3.4", 21 % 10);
    scratch_write(in.archive, "ct/0003.dcm",
                  "FAKE\nstudy 1.2\nseries 1.2.3\n"
                  "sop 1.2.3.4\nz 1\n",
                  2000);
    indexed_remove("ct/0009.dcm");
    indexed_put("ct/new.dcm", "1.2", "1.2.3", "1.2.3.99", 50);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.parsed, 2);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.vanished, 1);
    ck_assert_uint_eq(r.unchanged, 8);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM instance WHERE gone<>0"), 2);
    ck_assert_int_eq(
        manifest_instance_by_name(in.m, 1, "1.2.3.10", &i, &in.err), 0);
    ck_assert_int_eq(manifest_instance_by_name(in.m, 1, "1.2.3.4", &i, &in.err),
                     1);
    ck_assert_int_gt(i.id, 10);
    manifest_instance_deinit(&i);
}
END_TEST

START_TEST(a_touched_file_is_a_changed_file)
{
    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    (void)indexed_run();
    char *text = fake_file("1.2", "1.2.3", "1.2.3.1", 0, NULL);

    scratch_write(in.archive, "a", text, 3000);
    free(text);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_int_gt(indexed_count("SELECT id FROM cohort"), 1);
}
END_TEST

START_TEST(another_file_in_its_place_is_a_changed_file)
{
    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 1);
    (void)indexed_run();
    indexed_put("b.new", "1.2", "1.2.3", "1.2.3.1",
                2); /* same size, same mtime */
    indexed_rename("b.new", "a");
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_int_eq(indexed_count("SELECT ipp_z FROM cohort"), 2);
}
END_TEST

START_TEST(renamed_folders_keep_every_id)
{
    indexed_put_series(30);
    (void)indexed_run();
    char *before =
        rows_query(in.state, "SELECT group_concat(id||uid) FROM cohort");

    indexed_rename("ct", "moved");
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.moved, 30);
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(r.vanished, 0);
    char *after =
        rows_query(in.state, "SELECT group_concat(id||uid) FROM cohort");

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM source"
                                   " WHERE relpath LIKE 'moved/%'"),
                     30);
    indexed_rename("moved", "ct");
    ck_assert_uint_eq(indexed_run().moved, 30);
}
END_TEST

START_TEST(another_device_number_is_no_change)
{
    indexed_put_series(5);
    (void)indexed_run();
    rows_exec(in.state, "UPDATE source SET dev=dev+1");
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(r.unchanged, 5);
    ck_assert_int_eq(indexed_count("SELECT count(DISTINCT dev) FROM source"),
                     1);
    struct stat st;

    ck_assert_int_eq(stat(in.archive, &st), 0);
    ck_assert_int_eq(indexed_count("SELECT dev FROM source"),
                     (int64_t)st.st_dev);
}
END_TEST

START_TEST(an_archive_that_is_not_mounted_loses_nothing)
{
    struct index_config config = {.allow_empty = true};
    struct index_result r;

    indexed_put_series(5);
    (void)indexed_run();
    indexed_rename("ct", "../away");
    ck_assert_int_eq(indexed_try(NULL, &r), -1);
    ck_assert_int_eq(in.err.kind, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(in.err.msg, "mounted"));
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_eq(r.vanished, 5);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 0);
    indexed_rename("../away", "ct");
    r = indexed_run();
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(indexed_count("SELECT max(id) FROM cohort"), 5);
}
END_TEST

START_TEST(what_cannot_be_read_is_not_gone)
{
    indexed_put_series(5);
    indexed_put("b", "1.3", "1.3.1", "1.3.1.1", 0);
    (void)indexed_run();
    char *folder = scratch_text("%s/ct", in.archive);
    char *file = scratch_text("%s/b", in.archive);

    ck_assert_int_eq(chmod(folder, 0), 0);
    scratch_write(in.archive, "b",
                  "FAKE\nstudy 1.3\nseries 1.3.1\nsop 1.3.1.1\n", 2000);
    ck_assert_int_eq(chmod(file, 0), 0);
    if (geteuid() == 0) { /* root reads everything: become the owner */
        char *command = scratch_text("chown -R nobody '%s' && chmod 755 '%s'",
                                     in.dir, in.dir);

        manifest_close(in.m);
        ck_assert_int_eq(system(command), 0);
        free(command);
        ck_assert_int_eq(seteuid(65534), 0);
        in.m = manifest_open(in.state, MANIFEST_READ_WRITE, &in.err);
        ck_assert_msg(in.m != NULL, "%s", in.err.msg);
    }
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.unreadable_folders, 1);
    ck_assert_uint_eq(r.vanished, 0);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(indexed_count("SELECT errno FROM error"), EACCES);
    ck_assert_ptr_nonnull(strstr(in.warnings, "ct: Permission denied"));
    ck_assert_int_eq(chmod(folder, 0700), 0);
    ck_assert_int_eq(chmod(file, 0600), 0);
    r = indexed_run(); /* although neither size nor mtime changed */
    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 6);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM error"), 0);
    (void)seteuid(getuid());
    free(folder);
    free(file);
}
END_TEST

START_TEST(files_without_uids_are_told_by_their_content)
{
    scratch_write(in.archive, "a", "FAKE\nz 1\n", 0);
    scratch_write(in.archive, "b", "FAKE\nz 2\n", 0);
    scratch_write(in.archive, "c", "FAKE\nz 1\n", 0);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.copies, 1);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 2);
    /* sha256 of the file */
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM study"
                                   " WHERE dirname='xdfb3eff5c79a761c'"),
                     1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("index_again");
    TCase *t = tcase_create("index_again");

    tcase_add_checked_fixture(t, indexed_setup, indexed_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_second_run_opens_nothing);
    tcase_add_test(t, another_parser_tries_again_what_failed);
    tcase_add_test(t, changes_are_found);
    tcase_add_test(t, a_touched_file_is_a_changed_file);
    tcase_add_test(t, another_file_in_its_place_is_a_changed_file);
    tcase_add_test(t, renamed_folders_keep_every_id);
    tcase_add_test(t, another_device_number_is_no_change);
    tcase_add_test(t, an_archive_that_is_not_mounted_loses_nothing);
    tcase_add_test(t, what_cannot_be_read_is_not_gone);
    tcase_add_test(t, files_without_uids_are_told_by_their_content);
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
