// SPDX-License-Identifier: MIT
/*
 * test_index_places.c: runs over a few places of an archive.
 */
#undef NDEBUG
#include "index/index.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fake_parser.h"
#include "support/indexed.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- a few places ---- */

static struct index_result run_at(const char *const *places, size_t n)
{
    struct index_config config = {
        .only = places, .n_only = n, .keep_rest = true};
    struct index_result r;

    ck_assert_msg(indexed_try(&config, &r) == 0, "%s", in.err.msg);
    return r;
}

START_TEST(places_are_looked_at_and_the_rest_stays)
{
    static const char *const places[] = {"ct/0003.dcm", "d", "gone", "new"};
    struct index_result r;

    indexed_put_series(10);
    indexed_put("d/1", "1.3", "1.3.1", "1.3.1.1", 0);
    indexed_put("d/e/1", "1.3", "1.3.1", "1.3.1.2", 1);
    indexed_put("d-1", "1.3", "1.3.1", "1.3.1.4",
                3); /* sorts between d and d/ */
    indexed_put("gone", "1.3", "1.3.1", "1.3.1.3", 2);
    (void)indexed_run();
    indexed_put("ct/0002.dcm", "1.2", "1.2.3", "1.2.3.50", 60);
    indexed_put("ct/0003.dcm", "1.2", "1.2.3", "1.2.3.51", 61);
    indexed_put("d/2", "1.3", "1.3.1", "1.3.1.5", 4);
    indexed_put("new", "1.3", "1.3.1", "1.3.1.6", 5);
    indexed_remove("ct/0001.dcm"); /* nobody said so */
    indexed_remove("gone");
    indexed_remove("d/e/1");
    indexed_remove("d-1");
    r = run_at(places, 4);
    ck_assert_uint_eq(r.files, 4);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.parsed, 3);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.added, 2);
    ck_assert_uint_eq(r.vanished, 2);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM instance WHERE gone<>0"), 3);
    r = indexed_run();
    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_uint_eq(r.vanished, 2);
}
END_TEST

START_TEST(files_move_between_places_and_keep_their_ids)
{
    static const char *const from[] = {"ct"};
    static const char *const to[] = {"moved"};
    static const char *const both[] = {"ct", "moved"};
    struct index_result r;

    indexed_put_series(8);
    (void)indexed_run();
    char *before =
        rows_query(in.state, "SELECT group_concat(id||uid) FROM cohort");

    indexed_rename("ct", "moved");
    r = run_at(both, 2);
    ck_assert_uint_eq(r.moved, 8);
    indexed_rename("moved", "ct"); /* the new place is told first */
    r = run_at(from, 1);
    ck_assert_uint_eq(r.moved, 8);
    r = run_at(to, 1);
    ck_assert_uint_eq(r.vanished, 0);
    indexed_rename("ct", "moved"); /* the old one first */
    r = run_at(from, 1);
    ck_assert_uint_eq(r.vanished, 8);
    r = run_at(to, 1);
    ck_assert_uint_eq(r.moved, 8);
    ck_assert_uint_eq(r.parsed, 0);
    char *after =
        rows_query(in.state, "SELECT group_concat(id||uid) FROM cohort");

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

START_TEST(a_hard_link_elsewhere_is_not_moved)
{
    static const char *const places[] = {"link"};

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    (void)indexed_run();
    char *a = scratch_text("%s/a", in.archive);
    char *b = scratch_text("%s/link", in.archive);

    ck_assert_int_eq(link(a, b), 0);
    free(a);
    free(b);
    struct index_result r = run_at(places, 1);

    ck_assert_uint_eq(r.moved, 0);
    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM source WHERE vanished=0"), 2);
}
END_TEST

START_TEST(places_come_after_a_whole_run)
{
    static const char *const places[] = {"a"};
    struct index_config config = {
        .only = places, .n_only = 1, .keep_rest = true};
    struct index_result r;

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_int_eq(indexed_try(&config, &r), -1);
    ck_assert_int_eq(in.err.kind, ERROR_USAGE);
    in.err = (struct error)ERROR_INIT;
    (void)indexed_run();
    indexed_remove("a"); /* the last: a disk that is not mounted looks so */
    ck_assert_int_eq(indexed_try(&config, &r), -1);
    ck_assert_int_eq(in.err.kind, ERROR_USAGE);
    indexed_put("b", "1.2", "1.2.3", "1.2.3.2", 0);
    ck_assert_uint_eq(run_at(places, 1).vanished, 1);
}
END_TEST

/* "fd: path" of each folder. */
static void note_folder(void *opaque, const char *relpath, int fd)
{
    struct stat st;

    ck_assert(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
    indexed_warn(opaque, "folder", relpath);
}

START_TEST(folders_are_told)
{
    struct index_config config = {.folder = note_folder};
    struct index_result r;

    indexed_put("a/b", "1.2", "1.2.3", "1.2.3.1", 0);
    indexed_put(".git/c", "1.2", "1.2.3", "1.2.3.2", 0);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_str_eq(in.warnings, "folder: \nfolder: a\n");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("index_places");
    TCase *t = tcase_create("index_places");

    tcase_add_checked_fixture(t, indexed_setup, indexed_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, places_are_looked_at_and_the_rest_stays);
    tcase_add_test(t, files_move_between_places_and_keep_their_ids);
    tcase_add_test(t, a_hard_link_elsewhere_is_not_moved);
    tcase_add_test(t, places_come_after_a_whole_run);
    tcase_add_test(t, folders_are_told);
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
