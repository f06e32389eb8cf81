// SPDX-License-Identifier: MIT
/*
 * test_index.c: from a tree of files to rows.
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

/* ---- a first run ---- */

START_TEST(a_tree_becomes_rows)
{
    indexed_put_series(40);
    indexed_put("other/deep/er/x", "1.3", "1.3.1", "1.3.1.1", 0);
    scratch_write(in.archive, "notes.txt", "hello", 0);
    scratch_write(in.archive, "DICOMDIR", "DIRECTORY", 0);
    scratch_write(in.archive, "bad.dcm", "DAMAGED", 0);
    scratch_write(in.archive, "empty", "", 0);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.files, 45);
    ck_assert_uint_eq(r.parsed, 45);
    ck_assert_uint_eq(r.added, 41);
    ck_assert_uint_eq(r.not_dicom, 2);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_uint_eq(atomic_load(&in.fake.calls), 45);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 41);
    ck_assert_int_eq(
        indexed_count("SELECT volume_ok FROM series WHERE uid='1.2.3'"), 1);
    ck_assert_int_eq(indexed_count("SELECT scan_state FROM source"
                                   " WHERE relpath='DICOMDIR'"),
                     MANIFEST_SCAN_DIRECTORY);
    ck_assert_int_eq(indexed_count("SELECT scan_state FROM source"
                                   " WHERE relpath='notes.txt'"),
                     MANIFEST_SCAN_NOT_DICOM);
    char *text = rows_query(in.state, "SELECT s.relpath||e.stage||e.errno||"
                                      "e.message FROM error e"
                                      " JOIN source s ON s.id=e.source_id");

    ck_assert_str_eq(text, "bad.dcmindex5it is damaged");
    free(text);
    text = rows_query(in.state, "SELECT v FROM meta WHERE k='archive'");
    ck_assert_str_eq(text, in.archive);
    free(text);
}
END_TEST

START_TEST(an_object_that_cannot_be_decoded_says_why)
{
    char *text = fake_file("1.2", "1.2.3", "1.2.3.1", 0, "problem JPEG XL\n");

    scratch_write(in.archive, "a", text, 0);
    free(text);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM error WHERE instance_id=1"
                      " AND stage='index' AND message='JPEG XL'"),
        1);
    ck_assert_int_eq(indexed_count("SELECT errno FROM error"), EOPNOTSUPP);
    ck_assert_int_eq(manifest_error_get(in.m, 1, 7, &text, &in.err), 1);
    ck_assert_str_eq(text, "JPEG XL");
    free(text);
}
END_TEST

START_TEST(ids_ascend_with_the_inodes)
{
    for (int i = 0; i < 600; i++) { /* more than two batches, two folders */
        char *path = scratch_text("%c/%d", i % 2 ? 'a' : 'b', i);
        char *sop = scratch_text("1.2.3.%d", i);

        indexed_put(path, "1.2", "1.2.3", sop, i);
        free(sop);
        free(path);
    }
    char *link = scratch_text("%s/link", in.archive);

    indexed_put(".git/key", "1.2", "1.2.3", "1.2.3.600", 600);
    indexed_put("a/last", "1.2", "1.2.3", "1.2.3.601", 601);
    ck_assert_int_eq(symlink(".git/key", link), 0);
    free(link);
    (void)indexed_run();
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM instance"), 602);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM (SELECT s.ino < lag(s.ino) OVER"
                      " (ORDER BY i.id) AS back FROM instance i"
                      " JOIN source s ON s.id=i.source_id) WHERE back"),
        0);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_rows)
{
    static const unsigned threads[] = {1, 2, 3, 16};
    struct index_config config = {.threads = threads[_i]};
    struct index_result r;

    indexed_put_series(300);
    indexed_put("a/dup", "1.2", "1.2.3", "1.2.3.5", 99);
    ck_assert_msg(indexed_try(&config, &r) == 0, "%s", in.err.msg);
    ck_assert_int_eq(indexed_count("SELECT count(DISTINCT ord) FROM cohort"),
                     301);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM (SELECT slice_pos <"
                                   " lag(slice_pos) OVER (ORDER BY ord) AS back"
                                   " FROM cohort) WHERE back"),
                     0);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM (SELECT s.ino < lag(s.ino) OVER"
                      " (ORDER BY i.id) AS back FROM instance i"
                      " JOIN source s ON s.id=i.source_id) WHERE back"),
        0);
    char *text =
        rows_query(in.state, "SELECT s.relpath||'='||i.fname"
                             " FROM instance i JOIN source s"
                             " ON s.id=i.source_id WHERE fname NOTNULL");

    ck_assert_str_eq(text, "ct/0004.dcm=1.2.3.5.d2");
    free(text);
}
END_TEST

START_TEST(dot_files_count_and_junk_does_not)
{
    static const char *const yes[] = {".hidden/a", ".b", "c.d.e", "1.2.840"};
    static const char *const no[] = {
        ".git/objects/a", "._b",       ".DS_Store",        "x/.Trash-1000/a",
        "@eaDir/a",       "Thumbs.db", "$RECYCLE.BIN/a/b", ".snapshot/daily/a"};

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        scratch_write(in.archive, yes[i], "FAKE\n", 0);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        scratch_write(in.archive, no[i], "FAKE\n", 0);
    ck_assert_uint_eq(indexed_run().files, sizeof yes / sizeof *yes);
}
END_TEST

START_TEST(links_stay_in_the_archive)
{
    char *path = scratch_text("%s/outside", in.dir);
    char *link = scratch_text("%s/out", in.archive);
    char *text = fake_file("1.1", "1.1.1", "1.1.1.1", 0, NULL);

    scratch_write(in.dir, "outside", text, 0);
    free(text);
    ck_assert_int_eq(symlink(path, link), 0);
    free(link);
    free(path);
    link = scratch_text("%s/up", in.archive);
    ck_assert_int_eq(symlink("../outside", link), 0);
    free(link);
    link = scratch_text("%s/loop", in.archive);
    ck_assert_int_eq(symlink(".", link), 0);
    free(link);
    link = scratch_text("%s/broken", in.archive);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    free(link);
    /* One name for a file that is there, one for a file that is hidden. */
    indexed_put("real", "1.2", "1.2.1", "1.2.1.1", 0);
    indexed_put(".git/annex/key", "1.2", "1.2.1", "1.2.1.2", 1);
    link = scratch_text("%s/alias", in.archive);
    ck_assert_int_eq(symlink("real", link), 0);
    free(link);
    link = scratch_text("%s/annexed", in.archive);
    ck_assert_int_eq(symlink(".git/annex/key", link), 0);
    free(link);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.links_skipped, 1);
    ck_assert_uint_eq(r.links_outside, 2);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM error e JOIN source s"
                                   " ON s.id=e.source_id WHERE stage='index'"
                                   " AND relpath IN ('out','up')"
                                   " AND message LIKE '%not followed%'"),
                     2);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM source"
                                   " WHERE relpath IN ('real','annexed')"),
                     2);
    r = indexed_run(); /* neither does a second run take them for new */
    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.unchanged, 2);
    ck_assert_uint_eq(r.vanished, 0);
    ck_assert_uint_eq(r.parsed, 0); /* nor looks at the others again */
}
END_TEST

static void make_link(const char *target, const char *relpath)
{
    char *path = scratch_text("%s/%s", in.archive, relpath);

    ck_assert_msg(symlink(target, path) == 0, "%s", relpath);
    free(path);
}

static void put_outside(const char *relpath, const char *sop)
{
    char *text = fake_file("1.1", "1.1.1", sop, 0, NULL);

    scratch_write(in.dir, relpath, text, 0);
    free(text);
}

static struct index_result run_following(bool follow)
{
    const struct index_config config = {.follow = follow};
    struct index_result r;

    ck_assert_msg(indexed_try(&config, &r) == 0, "%s", in.err.msg);
    return r;
}

/* Outside: a file, a folder with a file and links back, a folder that holds
 * the archive, two links that lead to each other, one to itself. */
START_TEST(links_are_followed_on_request)
{
    indexed_put("real", "1.2", "1.2.1", "1.2.1.1", 0);
    indexed_put("sub/deep", "1.2", "1.2.1", "1.2.1.2", 1);
    put_outside("file", "1.1.1.1");
    put_outside("folder/a", "1.1.1.2");
    put_outside("folder/more/b", "1.1.1.3");
    make_link("../file", "file");
    make_link("../folder", "one");
    make_link("../folder", "two");
    make_link("../folder/more", "three");
    make_link("..", "everything");
    make_link("sub", "within");
    make_link("itself", "itself");
    make_link("/proc/self/cwd", "magic");
    make_link("../../archive/sub", "../folder/back");
    make_link("..", "../folder/up");
    struct index_result r = run_following(true);

    ck_assert_uint_eq(r.added, 5);
    ck_assert_uint_eq(r.copies, 0);
    ck_assert_uint_eq(r.links_outside, 2); /* itself, magic */
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM source"
                                   " WHERE relpath IN ('real','sub/deep')"),
                     2);
    r = run_following(true);
    ck_assert_uint_eq(r.added, 0);
    ck_assert_uint_eq(r.replaced, 0);
    ck_assert_uint_eq(r.moved, 0);
    ck_assert_uint_eq(r.vanished, 0);
    /* And without the request what they led to is gone, until the next. */
    r = run_following(false);
    ck_assert_uint_eq(r.files, 2);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 2);
    r = run_following(true);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 5);
}
END_TEST

START_TEST(special_files_do_not_block)
{
    char *path = scratch_text("%s/fifo", in.archive);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    free(path);
    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_uint_eq(indexed_run().files, 1);
}
END_TEST

START_TEST(hard_links_are_one_entry)
{
    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    char *from = scratch_text("%s/a", in.archive);
    char *to = scratch_text("%s/b", in.archive);

    ck_assert_int_eq(link(from, to), 0);
    free(from);
    free(to);
    struct index_result r = indexed_run();

    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.copies, 1);
    ck_assert_int_eq(indexed_count("SELECT count(*) FROM cohort"), 1);
    r = indexed_run();
    ck_assert_uint_eq(r.unchanged, 2);
}
END_TEST

START_TEST(an_excluded_folder_is_not_entered)
{
    struct index_config config = {.exclude = "mnt"};
    struct index_result r;

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    indexed_put("mnt/b", "1.2", "1.2.3", "1.2.3.2", 0);
    indexed_put("mnt2/c", "1.2", "1.2.3", "1.2.3.3", 0);
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_eq(r.files, 2);
}
END_TEST

START_TEST(only_what_was_named_counts)
{
    static const char *const only[] = {"a", "b/c", "d/2", "d/none"};
    struct index_config config = {.only = only, .n_only = 4};
    struct index_result r;

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    indexed_put("b/1", "1.2", "1.2.3", "1.2.3.2", 1);
    indexed_put("b/c/1", "1.2", "1.2.3", "1.2.3.3", 2);
    indexed_put("b/c/e/1", "1.2", "1.2.3", "1.2.3.4", 3);
    indexed_put("d/1", "1.2", "1.2.3", "1.2.3.5", 4);
    indexed_put("d/2", "1.2", "1.2.3", "1.2.3.6", 5);
    ck_assert_msg(indexed_try(&config, &r) == 0, "%s", in.err.msg);
    ck_assert_uint_eq(r.files, 4);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM source WHERE relpath IN"
                      " ('a','b/c/1','b/c/e/1','d/2')"),
        4);
    /* what is named no more is gone, and what is named again is back */
    config.n_only = 1;
    ck_assert_int_eq(indexed_try(&config, &r), 0);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.vanished, 3);
    r = indexed_run();
    ck_assert_uint_eq(r.files, 6);
    ck_assert_uint_eq(r.added, 2);
    ck_assert_int_eq(
        indexed_count("SELECT count(*) FROM instance WHERE gone=0"), 6);
}
END_TEST

/* "path: problem\n" of all, appended. */
static int note_problem(void *opaque, const char *relpath, const char *problem,
                        struct error *e)
{
    (void)e;
    indexed_warn(opaque, relpath, problem);
    return 0;
}

START_TEST(what_gives_no_image_says_why)
{
    struct manifest_source s;
    struct index_result r;

    indexed_put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    scratch_write(in.archive, "b", "DAMAGED\n", 0);
    r = indexed_run();
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(
        manifest_source_problems(in.m, note_problem, NULL, &in.err), 0);
    ck_assert_msg(strncmp(in.warnings, "b: ", 3) == 0, "%s", in.warnings);
    ck_assert_ptr_null(strchr(strchr(in.warnings, '\n') + 1, '\n'));
    ck_assert_int_eq(manifest_source_find(in.m, "a", &s, &in.err), 1);
    ck_assert_int_eq(manifest_source_has_image(in.m, s.id, &in.err), 1);
    ck_assert_int_eq(manifest_source_find(in.m, "b", &s, &in.err), 1);
    ck_assert_int_eq(manifest_source_has_image(in.m, s.id, &in.err), 0);
}
END_TEST

START_TEST(an_archive_that_is_not_there_is_explained)
{
    struct index_result r;

    free(in.archive);
    in.archive = scratch_text("%s/nowhere", in.dir);
    ck_assert_int_eq(indexed_try(NULL, &r), -1);
    ck_assert_int_eq(in.err.kind, ERROR_NOT_FOUND);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("index");
    TCase *t = tcase_create("index");

    tcase_add_checked_fixture(t, indexed_setup, indexed_teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_tree_becomes_rows);
    tcase_add_test(t, an_object_that_cannot_be_decoded_says_why);
    tcase_add_test(t, ids_ascend_with_the_inodes);
    tcase_add_loop_test(t, any_number_of_threads_gives_the_same_rows, 0, 4);
    tcase_add_test(t, dot_files_count_and_junk_does_not);
    tcase_add_test(t, links_stay_in_the_archive);
    tcase_add_test(t, links_are_followed_on_request);
    tcase_add_test(t, special_files_do_not_block);
    tcase_add_test(t, hard_links_are_one_entry);
    tcase_add_test(t, an_excluded_folder_is_not_entered);
    tcase_add_test(t, only_what_was_named_counts);
    tcase_add_test(t, what_gives_no_image_says_why);
    tcase_add_test(t, an_archive_that_is_not_there_is_explained);
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
