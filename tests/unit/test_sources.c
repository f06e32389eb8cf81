// SPDX-License-Identifier: MIT
/*
 * test_sources.c: files, folders and lists become one root and paths.
 */
#undef NDEBUG
#include "ctl/sources.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check_main.h"
#include "support/scratch.h"

static char *dir;
static char *complaints;
static struct source_set set;
static struct error err;

static void setup(void)
{
    char *made = scratch_new();

    dir = realpath(made, NULL);
    ck_assert_ptr_nonnull(dir);
    ck_assert_str_eq(dir, made);
    free(made);
    complaints = scratch_text("%s", "");
    scratch_write(dir, "a/1.dcm", "x", 0);
    scratch_write(dir, "a/2", "x", 0);
    scratch_write(dir, "a/b/3", "x", 0);
    scratch_write(dir, "a-b/4", "x", 0);
    scratch_write(dir, "c/5.bin", "x", 0);
    ck_assert_int_eq(chdir(dir), 0);
}

static void teardown(void)
{
    source_set_deinit(&set);
    ck_assert_int_eq(chdir("/"), 0);
    free(complaints);
    scratch_free(dir);
}

static int complain(void *opaque, const char *path, const struct error *why,
                    struct error *e)
{
    const bool *strict = opaque;
    char *longer = scratch_text("%s%s: %s\n", complaints, path, why->msg);

    free(complaints);
    complaints = longer;
    if (!*strict)
        return 0;
    *e = *why;
    return -1;
}

static int gather(bool strict, const char *a, const char *b, const char *c)
{
    char *words[3];
    size_t n = 0;
    const char *given[] = {a, b, c};
    int rc;

    for (size_t i = 0; i < 3; i++)
        if (given[i])
            words[n++] = strdup(given[i]);
    rc = source_set_init(words, n, complain, &strict, &set, &err);
    while (n > 0)
        free(words[--n]);
    return rc;
}

/* "root: only,only; named,named", relative to the scratch folder. */
static const char *shown(void)
{
    static char text[1024];
    char *at = text;
    const char *end = text + sizeof text;

    ck_assert_int_eq(strncmp(set.root, dir, strlen(dir)), 0);
    at += snprintf(at, (size_t)(end - at), "%s:", set.root + strlen(dir));
    for (size_t i = 0; i < set.n_only; i++)
        at += snprintf(at, (size_t)(end - at), " %s", set.only[i]);
    at += snprintf(at, (size_t)(end - at), ";");
    for (size_t i = 0; i < set.n_named; i++)
        at += snprintf(at, (size_t)(end - at), " %s", set.named[i]);
    return text;
}

START_TEST(a_folder_is_its_own_root)
{
    ck_assert_int_eq(gather(true, "a", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/a:;");
    ck_assert(set.has_folder);
}
END_TEST

START_TEST(a_file_is_alone_in_its_folder)
{
    ck_assert_int_eq(gather(true, "a/1.dcm", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/a: 1.dcm; 1.dcm");
    ck_assert(!set.has_folder);
    source_set_deinit(&set);
    ck_assert_int_eq(gather(true, "a/1.dcm", "a/../a/1.dcm", NULL), 0);
    ck_assert_str_eq(shown(), "/a: 1.dcm; 1.dcm");
}
END_TEST

START_TEST(several_share_what_they_have_in_common)
{
    ck_assert_int_eq(gather(true, "a/b", "a/1.dcm", NULL), 0);
    ck_assert_str_eq(shown(), "/a: 1.dcm b; 1.dcm");
    source_set_deinit(&set);
    ck_assert_int_eq(gather(true, "a-b/4", "a/2", "c"), 0);
    ck_assert_str_eq(shown(), ": a-b/4 a/2 c; a-b/4 a/2");
    source_set_deinit(&set);
    /* "a-b" begins like "a" and is not in it */
    ck_assert_int_eq(gather(true, "a", "a-b", NULL), 0);
    ck_assert_str_eq(shown(), ": a a-b;");
}
END_TEST

START_TEST(what_is_in_a_folder_comes_once)
{
    ck_assert_int_eq(gather(true, "a", "a/b/3", "a-b/4"), 0);
    ck_assert_str_eq(shown(), ": a a-b/4; a-b/4 a/b/3");
    source_set_deinit(&set);
    ck_assert_int_eq(gather(true, "a", "a/b", "a"), 0);
    ck_assert_str_eq(shown(), "/a:;");
    source_set_deinit(&set);
    ck_assert_int_eq(gather(true, ".", "a/b", NULL), 0);
    ck_assert_str_eq(shown(), ":;");
}
END_TEST

START_TEST(links_are_what_they_lead_to)
{
    ck_assert_int_eq(symlink("../c/5.bin", "a/link"), 0);
    ck_assert_int_eq(gather(true, "a/link", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/c: 5.bin; 5.bin");
}
END_TEST

START_TEST(a_list_names_files_and_folders)
{
    scratch_write(dir, "list.txt", "a/1.dcm\r\n\na-b\nc/5.bin", 0);
    ck_assert_int_eq(gather(true, "list.txt", NULL, NULL), 0);
    ck_assert_str_eq(shown(), ": a-b a/1.dcm c/5.bin; a/1.dcm c/5.bin");
    ck_assert_str_eq(complaints, "");
}
END_TEST

START_TEST(what_a_list_names_in_vain_is_told_by_line)
{
    scratch_write(dir, "list.txt", "a/1.dcm\n\na/none\n a/2\n", 0);
    ck_assert_int_eq(gather(false, "list.txt", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/a: 1.dcm; 1.dcm");
    ck_assert_str_eq(complaints,
                     "list.txt:3: a/none: No such file or directory\n"
                     "list.txt:4:  a/2: No such file or directory\n");
    source_set_deinit(&set);
    ck_assert_int_eq(gather(true, "list.txt", NULL, NULL), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

START_TEST(a_folder_called_txt_is_a_folder)
{
    scratch_write(dir, "d.txt/6", "x", 0);
    ck_assert_int_eq(gather(true, "d.txt", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/d.txt:;");
    source_set_deinit(&set);
    /* and the dot of a folder makes no list */
    scratch_write(dir, "e.txt/7", "x", 0);
    ck_assert_int_eq(gather(true, "e.txt/7", NULL, NULL), 0);
    ck_assert_str_eq(shown(), "/e.txt: 7; 7");
}
END_TEST

START_TEST(nothing_is_an_error)
{
    ck_assert_int_eq(gather(false, "none", NULL, NULL), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_str_eq(complaints, "none: No such file or directory\n");
    scratch_write(dir, "empty.txt", "\n\n", 0);
    source_set_deinit(&set);
    ck_assert_int_eq(gather(false, "empty.txt", NULL, NULL), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_pipe_is_no_input)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(gather(false, "pipe", "a", NULL), 0);
    ck_assert_str_eq(shown(), "/a:;");
    ck_assert_str_eq(complaints, "pipe: Invalid argument\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sources");
    TCase *t = tcase_create("sources");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_folder_is_its_own_root);
    tcase_add_test(t, a_file_is_alone_in_its_folder);
    tcase_add_test(t, several_share_what_they_have_in_common);
    tcase_add_test(t, what_is_in_a_folder_comes_once);
    tcase_add_test(t, links_are_what_they_lead_to);
    tcase_add_test(t, a_list_names_files_and_folders);
    tcase_add_test(t, what_a_list_names_in_vain_is_told_by_line);
    tcase_add_test(t, a_folder_called_txt_is_a_folder);
    tcase_add_test(t, nothing_is_an_error);
    tcase_add_test(t, a_pipe_is_no_input);
    suite_add_tcase(s, t);
    return check_main(s);
}
