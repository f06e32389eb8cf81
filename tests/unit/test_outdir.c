// SPDX-License-Identifier: MIT
/*
 * test_outdir.c: files are complete or not there, and known by the next run.
 */
#undef NDEBUG
#include "ctl/outdir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/scratch.h"

static char *dir;
static char *out;
static struct outdir *o;
static struct error err;

static void setup(void)
{
    dir = scratch_new();
    out = scratch_text("%s/out", dir);
}

static void teardown(void)
{
    ck_assert_int_eq(outdir_close(o, &err), 0);
    free(out);
    scratch_free(dir);
}

static int open_as(const char *made_by, bool force)
{
    return outdir_open(out, made_by, force, &o, &err);
}

static void reopen(void)
{
    ck_assert_int_eq(outdir_close(o, &err), 0);
    o = NULL;
    ck_assert_msg(open_as("view", false) == 0, "%s", err.msg);
}

static void put(const char *relpath, const char *text, uint64_t version)
{
    struct outfile f;

    ck_assert_int_eq(outfile_begin(o, 0, &f, &err), 0);
    ck_assert_int_eq(outfile_write(&f, text, strlen(text), &err), 0);
    ck_assert_msg(outfile_commit(&f, relpath, version, 1000, &err) == 0, "%s",
                  err.msg);
}

static enum outdir_state state(const char *relpath, uint64_t version)
{
    enum outdir_state s;

    ck_assert_msg(outdir_state(o, relpath, version, &s, &err) == 0, "%s",
                  err.msg);
    return s;
}

static void check_content(const char *relpath, const char *text)
{
    char *path = scratch_text("%s/%s", out, relpath);
    char *content = scratch_read(path, NULL);

    if (text)
        ck_assert_str_eq(content, text);
    else
        ck_assert_ptr_null(content);
    free(content);
    free(path);
}

START_TEST(a_file_is_there_when_it_is_complete)
{
    struct outfile f;
    struct stat st;
    char *path = scratch_text("%s/study/series/1.tiff", out);

    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(state("study/series/1.tiff", 1), OUTDIR_MISSING);
    ck_assert_int_eq(outfile_begin(o, 7, &f, &err), 0);
    ck_assert_int_eq(outfile_write(&f, "half", 4, &err), 0);
    check_content("study/series/1.tiff", NULL);
    check_content(OUTDIR_PRIVATE "/tmp-7", "half");
    ck_assert_int_eq(outfile_write(&f, " whole", 6, &err), 0);
    ck_assert_int_eq(outfile_commit(&f, "study/series/1.tiff", 1, 1000, &err),
                     0);
    check_content("study/series/1.tiff", "half whole");
    check_content(OUTDIR_PRIVATE "/tmp-7", NULL);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mtime, 1000);
    free(path);
}
END_TEST

START_TEST(an_abandoned_file_leaves_nothing)
{
    struct outfile f;

    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(outfile_begin(o, 0, &f, &err), 0);
    ck_assert_int_eq(outfile_write(&f, "half", 4, &err), 0);
    outfile_abandon(&f);
    outfile_abandon(&f); /* once more does nothing */
    check_content(OUTDIR_PRIVATE "/tmp-0", NULL);
}
END_TEST

START_TEST(the_next_run_knows_what_is_done)
{
    ck_assert_int_eq(open_as("view", false), 0);
    put("a/1", "one", 11);
    put("a/2", "two", 12);
    reopen();
    ck_assert_int_eq(state("a/1", 11), OUTDIR_DONE);
    ck_assert_int_eq(state("a/2", 12), OUTDIR_DONE);
    ck_assert_int_eq(state("a/2", 13), OUTDIR_CHANGED);
    ck_assert_int_eq(state("a/3", 11), OUTDIR_MISSING);
    put("a/2", "twice", 13);
    check_content("a/2", "twice");
    reopen(); /* of two lines the last one counts */
    ck_assert_int_eq(state("a/2", 13), OUTDIR_DONE);
    ck_assert_int_eq(state("a/2", 12), OUTDIR_CHANGED);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_DONE);
}
END_TEST

START_TEST(many_files_are_known)
{
    char name[32];

    ck_assert_int_eq(open_as("view", false), 0);
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(name, sizeof name, "s%u/%u", i % 7, i);
        put(name, "x", i);
    }
    reopen();
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(name, sizeof name, "s%u/%u", i % 7, i);
        ck_assert_int_eq(state(name, i), OUTDIR_DONE);
    }
}
END_TEST

START_TEST(what_is_gone_or_cut_is_made_again)
{
    char *one = scratch_text("%s/a/1", out);
    char *two = scratch_text("%s/a/2", out);

    ck_assert_int_eq(open_as("view", false), 0);
    put("a/1", "one", 11);
    put("a/2", "two", 12);
    reopen();
    ck_assert_int_eq(unlink(one), 0);
    ck_assert_int_eq(truncate(two, 2), 0);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_MISSING);
    ck_assert_int_eq(state("a/2", 12), OUTDIR_MISSING);
    free(one);
    free(two);
}
END_TEST

START_TEST(other_files_are_not_ours)
{
    scratch_write(out, "a/1", "somebody's", 0);
    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_FOREIGN);
    ck_assert_int_eq(state("a/1/2", 11), OUTDIR_MISSING);
}
END_TEST

START_TEST(another_view_needs_another_folder)
{
    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(outdir_close(o, &err), 0);
    o = NULL;
    /* nothing was made yet */
    ck_assert_int_eq(open_as("other", false), 0);
    put("a/1", "one", 11);
    ck_assert_int_eq(outdir_close(o, &err), 0);
    o = NULL;
    ck_assert_int_eq(open_as("view", false), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(err.msg, "files of the view other:"));
    ck_assert_int_eq(open_as("view", true), 0);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_FOREIGN);
    put("a/1", "new", 11);
    reopen();
    ck_assert_int_eq(state("a/1", 11), OUTDIR_DONE);
}
END_TEST

START_TEST(one_run_at_a_time)
{
    struct outdir *second = NULL;

    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(outdir_open(out, "view", true, &second, &err), -1);
    ck_assert_int_eq(err.sys_errno, EWOULDBLOCK);
}
END_TEST

START_TEST(a_killed_run_is_completed)
{
    char *list = scratch_text("%s/" OUTDIR_PRIVATE "/files.tsv", out);
    struct stat st;

    ck_assert_int_eq(open_as("view", false), 0);
    put("a/1", "one", 11);
    put("a/2", "two", 12);
    ck_assert_int_eq(outdir_close(o, &err), 0);
    o = NULL;
    /* a line half written, a file half written */
    ck_assert_int_eq(stat(list, &st), 0);
    ck_assert_int_eq(truncate(list, st.st_size - 2), 0);
    scratch_write(out, OUTDIR_PRIVATE "/tmp-3", "half", 0);
    ck_assert_int_eq(open_as("view", false), 0);
    check_content(OUTDIR_PRIVATE "/tmp-3", NULL);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_DONE);
    /* a line was finished before its file came: this is none of ours */
    ck_assert_int_eq(state("a/2", 12), OUTDIR_FOREIGN);
    put("a/3", "three", 13);
    reopen();
    ck_assert_int_eq(state("a/3", 13), OUTDIR_DONE);
    free(list);
}
END_TEST

START_TEST(a_list_of_another_kind_is_refused)
{
    scratch_write(out, OUTDIR_PRIVATE "/files.tsv", "prepfs-render 9\tx\n", 0);
    ck_assert_int_eq(open_as("view", false), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(open_as("view", true), 0);
}
END_TEST

START_TEST(lines_that_are_none_are_passed_over)
{
    scratch_write(out, OUTDIR_PRIVATE "/files.tsv",
                  "prepfs-render 1\tview\n"
                  "\n"
                  "nonsense\n"
                  "000000000000000b\t3\n"
                  "000000000000000b\t3\t\n"
                  "000000000000000b\t3\ta/1\n"
                  "000000000000000c\t",
                  0);
    scratch_write(out, "a/1", "one", 0);
    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(state("a/1", 11), OUTDIR_DONE);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_an_error)
{
    char *deep = scratch_text("%s/none/out", dir);

    ck_assert_int_eq(outdir_open(deep, "view", false, &o, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
    ck_assert_int_eq(err.sys_errno, ENOENT);
    free(deep);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
    struct outfile f;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(open_as("view", false), 0);
    ck_assert_int_eq(outfile_begin(o, 0, &f, &err), 0);
    ck_assert_int_ge(full, 0);
    ck_assert_int_ge(dup3(full, f.fd, O_CLOEXEC), 0);
    ck_assert_int_eq(close(full), 0);
    ck_assert_int_eq(outfile_write(&f, "x", 1, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
    ck_assert_int_eq(err.sys_errno, ENOSPC);
    outfile_abandon(&f);
    check_content(OUTDIR_PRIVATE "/tmp-0", NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("outdir");
    TCase *t = tcase_create("outdir");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_file_is_there_when_it_is_complete);
    tcase_add_test(t, an_abandoned_file_leaves_nothing);
    tcase_add_test(t, the_next_run_knows_what_is_done);
    tcase_add_test(t, many_files_are_known);
    tcase_add_test(t, what_is_gone_or_cut_is_made_again);
    tcase_add_test(t, other_files_are_not_ours);
    tcase_add_test(t, another_view_needs_another_folder);
    tcase_add_test(t, one_run_at_a_time);
    tcase_add_test(t, a_killed_run_is_completed);
    tcase_add_test(t, a_list_of_another_kind_is_refused);
    tcase_add_test(t, lines_that_are_none_are_passed_over);
    tcase_add_test(t, a_folder_that_cannot_be_made_is_an_error);
    tcase_add_test(t, a_full_disk_is_told);
    suite_add_tcase(s, t);
    return check_main(s);
}
