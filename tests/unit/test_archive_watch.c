// SPDX-License-Identifier: MIT
/*
 * test_archive_watch.c: what the kernel tells of an archive, with each of its two
 * ways; the one that needs privileges is left out without them.
 */
#undef NDEBUG
#include "watch.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prepfs/lock.h"
#include "support/check_main.h"
#include "support/scratch.h"

static char *dir, *archive;
static struct watch *w;
static struct error err;
static struct lock lock;
static char *told; /* ",path,path," */
static char *blind;

static void on_touched(void *opaque, const char *relpath)
{
    (void)opaque;
    lock_acquire(&lock);
    char *longer = scratch_text("%s%s,", told, relpath);

    free(told);
    told = longer;
    lock_release(&lock);
}

static void on_blind(void *opaque, const char *why)
{
    (void)opaque;
    ck_assert_ptr_null(blind);
    blind = scratch_text("%s", why);
}

static void setup(void)
{
    dir = scratch_new();
    char *real = realpath(dir, NULL);

    archive = scratch_text("%s/archive", real);
    free(real);
    ck_assert_int_eq(mkdir(archive, 0700), 0);
    lock_init(&lock);
    told = scratch_text(",");
    blind = NULL;
}

static void teardown(void)
{
    watch_free(w);
    w = NULL;
    lock_deinit(&lock);
    free(told);
    free(blind);
    free(archive);
    scratch_free(dir);
}

/* False if this kind cannot be had here. */
static bool start(enum watch_kind kind, unsigned folders_max)
{
    struct watch_config config = {.archive = archive,
                                  .folders_max = folders_max,
                                  .no_fanotify = kind == WATCH_INOTIFY,
                                  .touched = on_touched,
                                  .blind = on_blind};

    w = watch_new(&config, &err);
    ck_assert_msg(w != NULL, "%s", err.msg);
    if (watch_kind(w) == kind)
        return true;
    (void)fprintf(stderr, "skipped: no fanotify here\n");
    return false;
}

/* As the walk of an index would. */
static void walk(const char *relpath)
{
    char *path = scratch_text("%s/%s", archive, relpath);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    watch_folder(w, relpath, fd);
    ck_assert_int_eq(close(fd), 0);
    free(path);
}

static bool is_told(const char *relpath)
{
    char *item = scratch_text(",%s,", relpath);

    lock_acquire(&lock);
    bool found = strstr(told, item) != NULL;

    lock_release(&lock);
    free(item);
    return found;
}

static void wait_for(const char *relpath)
{
    for (int i = 0; i < 500 && !is_told(relpath); i++)
        (void)usleep(10000);
    ck_assert_msg(is_told(relpath), "%s is not among %s", relpath, told);
}

static void forget(void)
{
    (void)usleep(150000); /* what is under way */
    lock_acquire(&lock);
    free(told);
    told = scratch_text(",");
    lock_release(&lock);
}

static void rename_in(const char *from, const char *to)
{
    char *a = scratch_text("%s/%s", archive, from);
    char *b = scratch_text("%s/%s", archive, to);

    ck_assert_int_eq(rename(a, b), 0);
    free(a);
    free(b);
}

static const enum watch_kind kinds[] = {WATCH_INOTIFY, WATCH_FANOTIFY};

START_TEST(every_change_is_told)
{
    char *path;

    scratch_write(archive, "a/old", "1", 0);
    scratch_write(archive, "a/held", "1", 0);
    if (!start(kinds[_i], 0))
        return;
    walk("");
    walk("a");
    scratch_write(archive, "new", "1", 0);
    wait_for("new");
    scratch_write(archive, "a/new", "1", 0);
    wait_for("a/new");
    rename_in("a/new", "other");
    wait_for("other");
    forget();
    rename_in("other", "a/back");
    wait_for("other");
    wait_for("a/back");
    path = scratch_text("%s/a/old", archive);
    ck_assert_int_eq(truncate(path, 0), 0);
    wait_for("a/old");
    forget();
    ck_assert_int_eq(chmod(path, 0600), 0);
    wait_for("a/old");
    forget();
    ck_assert_int_eq(unlink(path), 0);
    wait_for("a/old");
    free(path);
    path = scratch_text("%s/a/held", archive);
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(pwrite(fd, "2", 1, 0), 1);
    wait_for("a/held"); /* though it is not closed */
    ck_assert_int_eq(close(fd), 0);
    free(path);
    ck_assert_ptr_null(blind);
}
END_TEST

START_TEST(a_new_folder_is_told_and_then_watched)
{
    if (!start(kinds[_i], 0))
        return;
    walk("");
    scratch_write(archive, "new/deep/file", "1", 0);
    wait_for("new");
    walk("new");
    walk("new/deep");
    forget();
    scratch_write(archive, "new/deep/more", "1", 0);
    wait_for("new/deep/more");
    rename_in("new", "moved");
    wait_for("new");
    wait_for("moved");
    walk("moved");
    walk("moved/deep");
    forget();
    scratch_write(archive, "moved/deep/again", "1", 0);
    wait_for("moved/deep/again");
}
END_TEST

START_TEST(what_does_not_count_is_not_told)
{
    if (!start(kinds[_i], 0))
        return;
    walk("");
    scratch_write(dir, "beside", "1", 0);
    scratch_write(dir, "archive2/file", "1", 0);
    scratch_write(archive, ".git/objects", "1", 0);
    scratch_write(archive, ".DS_Store", "1", 0);
    scratch_write(archive, "last", "1", 0);
    wait_for("last");
    for (const char *p = told + 1; *p; p += strlen("last,"))
        ck_assert_msg(strncmp(p, "last,", strlen("last,")) == 0, "%s", told);
}
END_TEST

START_TEST(a_long_row_of_news_is_whole)
{
    if (!start(kinds[_i], 0))
        return;
    walk("");
    for (int i = 0; i < 300; i++) {
        char *name = scratch_text("f%d", i);

        scratch_write(archive, name, "1", 0);
        free(name);
    }
    wait_for("f299");
    for (int i = 0; i < 300; i++) {
        char *name = scratch_text("f%d", i);

        ck_assert_msg(is_told(name), "%s is missing", name);
        free(name);
    }
}
END_TEST

START_TEST(too_many_folders_are_said_and_nothing_is_told)
{
    ck_assert(start(WATCH_INOTIFY, 2));
    for (int i = 0; i < 4; i++) {
        char *name = scratch_text("d%d/x", i);

        scratch_write(archive, name, "1", 0);
        name[2] = '\0';
        walk(name);
        free(name);
    }
    ck_assert_msg(blind && strstr(blind, "more than 2 folders"), "%s", blind);
    ck_assert_int_eq(watch_kind(w), WATCH_NONE);
    forget();
    scratch_write(archive, "d0/y", "1", 0);
    (void)usleep(200000);
    ck_assert_str_eq(told, ",");
}
END_TEST

/* Numbers of watches are not given twice, their table closes up. */
START_TEST(folders_come_and_go)
{
    ck_assert(start(WATCH_INOTIFY, 0));
    walk("");
    for (int i = 0; i < 1400; i++) {
        char *name = scratch_text("d%d", i);
        char *path = scratch_text("%s/%s", archive, name);

        ck_assert_int_eq(mkdir(path, 0700), 0);
        walk(name);
        if (i % 2)
            ck_assert_int_eq(rmdir(path), 0);
        free(path);
        free(name);
    }
    for (int i = 0; i < 500 && watch_count(w) != 701; i++)
        (void)usleep(10000);
    ck_assert_uint_eq(watch_count(w), 701);
    forget();
    scratch_write(archive, "d1398/x", "1", 0);
    wait_for("d1398/x");
    scratch_write(archive, "d0/x", "1", 0);
    wait_for("d0/x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *t = tcase_create("watch");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, every_change_is_told, 0, 2);
    tcase_add_loop_test(t, a_new_folder_is_told_and_then_watched, 0, 2);
    tcase_add_loop_test(t, what_does_not_count_is_not_told, 0, 2);
    tcase_add_loop_test(t, a_long_row_of_news_is_whole, 0, 2);
    tcase_add_test(t, too_many_folders_are_said_and_nothing_is_told);
    tcase_add_test(t, folders_come_and_go);
    suite_add_tcase(suite, t);
    return check_main(suite);
}
