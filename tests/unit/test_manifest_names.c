// SPDX-License-Identifier: MIT
/*
 * test_manifest_names.c: which file a name shows: duplicates, odd UIDs.
 */
#undef NDEBUG
#include "manifest/manifest_write.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/manifested.h"
#include "support/rows.h"

/* ---- duplicates ---- */

START_TEST(equal_bytes_are_one_entry)
{
    struct row rows[] = {manifested_file("a@2", "1.5", 1),
                         manifested_file("a@1", "1.5", 2),
                         manifested_file("a@3", "1.5", 3)};

    manifested_write(rows, 3);
    manifested_assert_names(
        "1.5=a@1"); /* the first path, not the first inode */
    ck_assert_int_eq(
        rows_int(db.state, "SELECT count(*) FROM instance WHERE dup_of=2"), 2);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM cohort"), 1);
}
END_TEST

START_TEST(other_bytes_are_numbered_in_path_order)
{
    struct row rows[] = {
        manifested_file("c", "1.5", 1), manifested_file("b", "1.5", 2),
        manifested_file("a", "1.5", 3), manifested_file("b@", "1.5", 4)};

    manifested_write(rows, 4);
    manifested_assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    ck_assert_int_eq(manifested_get("1.5.d3").id, 1);
}
END_TEST

START_TEST(names_are_the_same_in_every_inode_order)
{
    /* The six orders of three files; the fourth is a copy of the first. */
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const char *paths[] = {"a", "b", "c"};
    struct row rows[3];

    for (int i = 0; i < 3; i++)
        rows[i] = manifested_file(paths[orders[_i][i]], "1.5", (uint64_t)i + 1);
    for (int i = 0; i < 3; i++) /* also over several batches */
        rows_write(db.m, &rows[i], 1);
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
}
END_TEST

START_TEST(files_of_different_size_are_not_read)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.5", 2)};

    rows[1].size = 2000;
    manifested_write(rows, 2);
    manifested_assert_names("1.5=a 1.5.d2=b");
    ck_assert_int_eq(db.digests, 0);
    rows[0].sop = rows[1].sop = "1.6"; /* two links of one file: neither */
    rows[0].path = "e";
    rows[1].path = "f";
    rows[0].ino = rows[1].ino = 9;
    manifested_write(rows, 2);
    manifested_assert_names("1.5=a 1.5.d2=b 1.6=e");
    ck_assert_int_eq(db.digests, 0);
}
END_TEST

START_TEST(a_digest_is_kept_for_the_next_duplicate)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.5", 2),
                         manifested_file("c", "1.5", 3)};

    manifested_write(rows, 2);
    ck_assert_int_eq(db.digests, 2);
    manifested_write(&rows[2], 1);
    ck_assert_int_eq(db.digests, 3);
    manifested_assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
}
END_TEST

START_TEST(a_duplicate_that_cannot_be_read_is_shown)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("unreadable", "1.5", 2)};

    manifested_write(rows, 2);
    manifested_assert_names("1.5=a 1.5.d2=unreadable");
}
END_TEST

START_TEST(names_are_fixed_at_the_first_indexing)
{
    struct row rows[] = {manifested_file("b", "1.5", 1),
                         manifested_file("c", "1.5", 2),
                         manifested_file("a", "1.5", 3)};

    manifested_write(rows, 2);
    manifested_assert_names("1.5=b 1.5.d2=c");
    manifested_write(&rows[2], 1); /* comes later, although its path is first */
    manifested_assert_names("1.5.d3=a 1.5=b 1.5.d2=c");
    manifested_vanish("b");
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5.d3=a 1.5.d2=c"); /* nobody moves up */
    struct row d = manifested_file("d", "1.5", 4);

    d.mtime_s = 5000;
    manifested_write(&d, 1);
    manifested_assert_names(
        "1.5.d3=a 1.5.d2=c 1.5.d4=d"); /* nor takes its place */
}
END_TEST

START_TEST(a_changed_duplicate_keeps_its_number)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.5", 2),
                         manifested_file("c", "1.5", 3)};

    manifested_write(rows, 3);
    rows[1].mtime_s = 2000;
    manifested_write(&rows[1], 1);
    manifested_assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    rows[0].mtime_s = 2000;
    manifested_write(&rows[0], 1);
    manifested_assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    ck_assert_int_gt(manifested_get("1.5").id, 4);
}
END_TEST

START_TEST(a_copy_stands_in_for_its_original)
{
    struct row rows[] = {manifested_file("a@1", "1.5", 1),
                         manifested_file("a@2", "1.5", 2),
                         manifested_file("a@3", "1.5", 3)};

    rows[1].mtime_s = rows[2].mtime_s = 1500;
    manifested_write(rows, 3);
    manifested_assert_names("1.5=a@1");
    manifested_vanish("a@1");
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5=a@2");
    ck_assert_int_eq(manifested_get("1.5").id, 2);
    manifested_vanish("a@2");
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5=a@3");
}
END_TEST

START_TEST(a_copy_gets_a_number_when_its_original_changes)
{
    struct row rows[] = {manifested_file("a@1", "1.5", 1),
                         manifested_file("a@2", "1.5", 2)};

    manifested_write(rows, 2);
    rows[0].mtime_s = 2000;
    rows[0].size = 2000;
    manifested_write(&rows[0], 1);
    manifested_assert_names("1.5=a@1 1.5.d2=a@2");
}
END_TEST

START_TEST(a_file_copied_to_another_place_keeps_its_name)
{
    struct row r = manifested_file("old/a", "1.5", 1);

    manifested_write(&r, 1);
    manifested_vanish("old/a");
    r.path = "new/a"; /* another inode, same size and mtime */
    r.ino = 50;
    manifested_write(&r, 1);
    manifested_assert_names("1.5=new/a");
    /* The original is back: the name is taken now. */
    struct manifest_same same = {1, NULL, 7};

    ck_assert_int_eq(manifest_write_same(db.m, &same, 1, &db.err), 0);
    rows_end(db.m, manifested_digest, NULL);
    manifested_assert_names("1.5=new/a 1.5.d2=old/a");
}
END_TEST

START_TEST(the_same_uid_in_two_studies_is_no_duplicate)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.5", 2)};

    rows[1].study = "1.2";
    manifested_write(rows, 2);
    manifested_assert_names("1.5=a 1.5=b");
}
END_TEST

START_TEST(names_wait_hidden_until_they_are_settled)
{
    struct row rows[] = {manifested_file("a", "1.5", 1),
                         manifested_file("b", "1.5", 2)};
    struct manifest_instance page[3];

    rows_write(db.m, rows, 2); /* killed here */
    ck_assert_int_eq(manifest_list_instances(db.m, 1, 0, 0, 3, page, &db.err),
                     1);
    manifest_instance_deinit(&page[0]);
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    rows_end(db.m, manifested_digest, NULL); /* the next run */
    manifested_assert_names("1.5=a 1.5.d2=b");
}
END_TEST

/* ---- odd UIDs ---- */

static const char *const odd[] = {
    "../../etc/passwd",
    "1.2.3/../..",
    "1..2",
    "con",
    "1.2.3.4 ",
    "\xff\xfe",
    "12345678901234567890123456789012345678901234567890123456789012345",
};

START_TEST(a_malformed_uid_never_becomes_a_name)
{
    struct row r = {.path = "a",
                    .study = odd[_i],
                    .series = odd[_i],
                    .sop = odd[_i],
                    .ino = 1};
    struct manifest_instance i;

    manifested_write(&r, 1);
    ck_assert_int_eq(manifest_instance_by_id(db.m, 1, &i, &db.err), 1);
    const char *names_made[] = {i.name, i.study_name, i.series_name};

    for (int k = 0; k < 3; k++) {
        ck_assert_uint_eq(strlen(names_made[k]), 17);
        ck_assert(names_made[k][0] == 'x');
        ck_assert_uint_eq(strspn(names_made[k] + 1, "0123456789abcdef"), 16);
    }
    struct manifest_folder folder;
    struct manifest_instance again;

    ck_assert_int_eq(
        manifest_study_by_name(db.m, i.study_name, &folder, &db.err), 1);
    ck_assert_int_eq(
        manifest_instance_by_name(db.m, 1, i.name, &again, &db.err), 1);
    manifest_instance_deinit(&again);
    ck_assert_int_eq(manifest_study_by_name(db.m, odd[_i], &folder, &db.err),
                     0);
    ck_assert_int_eq(
        manifest_instance_by_name(db.m, 1, odd[_i], &again, &db.err), 0);
    manifest_instance_deinit(&i);
}
END_TEST

START_TEST(files_without_uids_are_never_merged)
{
    struct row rows[] = {
        {.path = "a", .ino = 1},
        {.path = "b", .ino = 2},
        {.path = "c", .ino = 3, .study = "", .series = "", .sop = ""}};

    manifested_write(rows, 3);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM study"), 3);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(DISTINCT fname)"
                                        " FROM instance WHERE dup_of IS NULL"),
                     3);
}
END_TEST

START_TEST(duplicates_of_a_malformed_uid_are_numbered_too)
{
    struct row rows[] = {manifested_file("a", "../x", 1),
                         manifested_file("b", "../x", 2)};
    struct manifest_instance i;
    char *name = NULL;

    manifested_write(rows, 2);
    name = rows_query(db.state, "SELECT fname FROM instance WHERE id=2");
    ck_assert_msg(strlen(name) == 20 && strcmp(name + 17, ".d2") == 0, "%s",
                  name);
    ck_assert_int_eq(manifest_instance_by_name(db.m, 1, name, &i, &db.err), 1);
    ck_assert_int_eq(i.id, 2);
    manifest_instance_deinit(&i);
    free(name);
}
END_TEST

START_TEST(texts_that_are_no_utf8_do_not_get_in)
{
    struct row r = manifested_file("a", "1.5", 1);
    struct manifest_header h;
    struct manifest_entry e;
    struct manifest_written w = {0};

    row_entry(&r, &h, &e);
    h.series_description = "M\xfcller";
    h.image_type = "ORIGINAL\\PRIMARY";
    ck_assert_int_eq(manifest_write_batch(db.m, &e, 1, &w, &db.err), 0);
    char *text = rows_query(db.state, "SELECT description FROM series");

    ck_assert_str_eq(text, "M?ller");
    free(text);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_names");
    TCase *t = tcase_create("manifest_names");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, equal_bytes_are_one_entry);
    tcase_add_test(t, other_bytes_are_numbered_in_path_order);
    tcase_add_loop_test(t, names_are_the_same_in_every_inode_order, 0, 6);
    tcase_add_test(t, files_of_different_size_are_not_read);
    tcase_add_test(t, a_digest_is_kept_for_the_next_duplicate);
    tcase_add_test(t, a_duplicate_that_cannot_be_read_is_shown);
    tcase_add_test(t, names_are_fixed_at_the_first_indexing);
    tcase_add_test(t, a_changed_duplicate_keeps_its_number);
    tcase_add_test(t, a_copy_stands_in_for_its_original);
    tcase_add_test(t, a_copy_gets_a_number_when_its_original_changes);
    tcase_add_test(t, a_file_copied_to_another_place_keeps_its_name);
    tcase_add_test(t, the_same_uid_in_two_studies_is_no_duplicate);
    tcase_add_test(t, names_wait_hidden_until_they_are_settled);
    tcase_add_loop_test(t, a_malformed_uid_never_becomes_a_name, 0,
                        (int)(sizeof odd / sizeof *odd));
    tcase_add_test(t, files_without_uids_are_never_merged);
    tcase_add_test(t, duplicates_of_a_malformed_uid_are_numbered_too);
    tcase_add_test(t, texts_that_are_no_utf8_do_not_get_in);
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
