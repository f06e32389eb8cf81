// SPDX-License-Identifier: MIT
/* test_control.c: snapshots that live from LOOKUP to FORGET. */
#undef NDEBUG
#include "control.h"

#include <pthread.h>
#include <sys/time.h>
#include <utime.h>

#include "support/front.h"

static struct front f;
static struct control *c;

static void setup(void)
{
    front_open(&f, "studies 2\nleaves 3\nerror 1 corrupt read\n",
               "[views]\nLung = window-c-600-w1500_u8\n");
    c = f.parts.fs.control;
    ck_assert_int_eq(manifest_error_put(f.parts.fs.manifest, 1, 1, "read", 5,
                                        "bad luck", NULL),
                     0);
}

static void teardown(void)
{
    front_close(&f);
}

static struct control_file look(enum inode_folder folder, const char *name)
{
    struct error err = ERROR_INIT;
    struct control_file file;

    ck_assert_msg(control_lookup(c, folder, name, true, &file, &err) == 0,
                  "%s: %s", name, err.msg);
    return file;
}

/* The bytes of a file, read in pieces of `piece`. */
static char *contents(const struct control_file *file, size_t piece)
{
    char *text = calloc(1, (size_t)file->size + 1);
    struct error err = ERROR_INIT;
    struct control_bytes bytes;

    for (uint64_t at = 0; at < file->size; at += bytes.length) {
        ck_assert_int_eq(control_read(c, file->number, at, piece, &bytes, &err),
                         0);
        ck_assert_uint_gt(bytes.length, 0);
        memcpy(text + at, bytes.data, bytes.length);
        control_release(c, &(struct control_bytes){.node = bytes.node,
                                                   .buffer = bytes.buffer});
    }
    return text;
}

static const struct {
    enum inode_folder folder;
    const char *name, *contains;
} files[] = {
    {INODE_FOLDER_TOP, "grammar.txt", "crop"},
    {INODE_FOLDER_TOP, "socket", "/state/mount-"},
    {INODE_FOLDER_TOP, "stats.json", "\"frames_decoded\": 0"},
    {INODE_FOLDER_TOP, "stats.prom", "prepfs_hits_total"},
    {INODE_FOLDER_TOP, "errors.tsv", "full\tread\t5\tbad luck"},
    {INODE_FOLDER_TOP, "views", "window-c-600-w1500_u8"},
    {INODE_FOLDER_TOP, "top.tsv", "bytes\treads\tview\n"},
    {INODE_FOLDER_EXPLAIN, "Lung", "window-c-600-w1500_u8"},
    {INODE_FOLDER_EXPLAIN, "crop_crop", "EINVAL"},
    {INODE_FOLDER_EXPLAIN, "nonsense", "ENOENT"},
    {INODE_FOLDER_MANIFEST, "full.csv", "sop_instance_uid"},
    {INODE_FOLDER_MANIFEST, "Lung.csv",
     "window-c-600-w1500_u8/1.2.1/1.2.1.1.1.tiff"},
};

START_TEST(each_file_says_what_it_should)
{
    struct control_file file = look(files[_i].folder, files[_i].name);
    char *whole = contents(&file, 1 << 20), *pieces = contents(&file, 7);

    ck_assert_msg(strstr(whole, files[_i].contains), "%s", whole);
    ck_assert_str_eq(whole, pieces);
    ck_assert_uint_eq(strlen(whole), file.size);
    free(whole);
    free(pieces);
}
END_TEST

START_TEST(each_lookup_is_another_file)
{
    struct control_file a = look(INODE_FOLDER_TOP, "stats.json"), b, again;
    char *before = contents(&a, 100), *after;
    struct error err = ERROR_INIT;

    stats_add(&f.parts.fs.stats, STATS_LOOKUP, 12345);
    b = look(INODE_FOLDER_TOP, "stats.json");
    ck_assert_uint_ne(a.number, b.number);
    after = contents(&b, 100);
    ck_assert_ptr_nonnull(strstr(after, "\"lookup\": 12345"));
    free(after);
    after = contents(&a, 100);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    ck_assert_int_eq(control_attr(c, a.number, &again, &err), 0);
    ck_assert_uint_eq(again.size, a.size);
}
END_TEST

START_TEST(what_is_forgotten_is_freed)
{
    struct control_file a = look(INODE_FOLDER_TOP, "grammar.txt");
    struct control_bytes bytes;
    struct error err = ERROR_INIT;
    char before[10];

    ck_assert_int_eq(control_relookup(c, a.number, &a, &err), 0);
    ck_assert_uint_eq(control_count(c), 1);
    control_forget(c, a.number, 1);
    ck_assert_uint_eq(control_count(c), 1);
    /* A read under way keeps it alive. */
    ck_assert_int_eq(control_read(c, a.number, 0, 10, &bytes, &err), 0);
    memcpy(before, bytes.data, sizeof before);
    control_forget(c, a.number, 1);
    ck_assert_int_eq(memcmp(bytes.data, before, sizeof before), 0);
    ck_assert_uint_eq(control_count(c), 1);
    control_release(c, &bytes);
    ck_assert_uint_eq(control_count(c), 0);
    ck_assert_int_lt(control_attr(c, a.number, &a, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_STALE);
    ck_assert_int_lt(control_read(c, a.number, 0, 10, &bytes, &err), 0);
    control_forget(c, a.number, 99); /* harmless */
}
END_TEST

START_TEST(reads_end_at_the_end)
{
    struct control_file a = look(INODE_FOLDER_TOP, "views");
    struct control_bytes bytes;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(control_read(c, a.number, a.size - 1, 100, &bytes, &err),
                     0);
    ck_assert_uint_eq(bytes.length, 1);
    control_release(c, &bytes);
    ck_assert_int_eq(control_read(c, a.number, a.size + 9, 100, &bytes, &err),
                     0);
    ck_assert_uint_eq(bytes.length, 0);
    control_release(c, &bytes);
}
END_TEST

START_TEST(big_files_are_for_the_pool)
{
    struct error err = ERROR_INIT;
    struct control_file file;

    ck_assert_int_eq(control_lookup(c, INODE_FOLDER_MANIFEST, "full.csv", false,
                                    &file, &err),
                     1);
    ck_assert_int_eq(
        control_lookup(c, INODE_FOLDER_TOP, "errors.tsv", false, &file, &err),
        1);
    ck_assert_int_eq(
        control_lookup(c, INODE_FOLDER_TOP, "stats.json", false, &file, &err),
        0);
}
END_TEST

static const struct {
    enum inode_folder folder;
    const char *name;
    enum error_kind kind;
} missing[] = {
    {INODE_FOLDER_TOP, "nothing", ERROR_NOT_FOUND},
    {INODE_FOLDER_MANIFEST, "full", ERROR_NOT_FOUND},
    {INODE_FOLDER_MANIFEST, ".csv", ERROR_NOT_FOUND},
    {INODE_FOLDER_MANIFEST, "nonsense.csv", ERROR_NOT_FOUND},
    {INODE_FOLDER_MANIFEST, "crop_crop.csv", ERROR_BAD_VIEW},
};

START_TEST(there_are_no_other_files)
{
    struct error err = ERROR_INIT;
    struct control_file file;

    ck_assert_int_lt(control_lookup(c, missing[_i].folder, missing[_i].name,
                                    true, &file, &err),
                     0);
    ck_assert_int_eq(err.kind, missing[_i].kind);
    ck_assert_uint_eq(control_count(c), 0);
}
END_TEST

START_TEST(folders_are_listed)
{
    enum inode_folder folder;
    char name[256];
    int files_found = 0, folders_found = 0;

    for (uint64_t i = 0; control_list(c, INODE_FOLDER_TOP, i, name, &folder);
         i++) {
        files_found += folder == 0;
        folders_found += folder != 0;
        ck_assert_int_eq(control_folder(INODE_FOLDER_TOP, name), folder);
    }
    ck_assert_int_eq(files_found, 7);
    ck_assert_int_eq(folders_found, 2);
    ck_assert(control_list(c, INODE_FOLDER_MANIFEST, 1, name, &folder));
    ck_assert_str_eq(name, "Lung.csv");
    ck_assert(!control_list(c, INODE_FOLDER_MANIFEST, 2, name, &folder));
}
END_TEST

START_TEST(the_database_is_what_lies_in_the_state_folder)
{
    struct error err = ERROR_INIT;
    struct control_file a, b, new_one;
    char *text;

    ck_assert_int_lt(control_lookup_database(c, &a, &err), 0);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);

    scratch_write(f.state, "snapshot.db", "first", 0);
    ck_assert_int_eq(control_lookup_database(c, &a, &err), 0);
    ck_assert_int_eq(control_lookup_database(c, &b, &err), 0);
    ck_assert_uint_eq(a.number, b.number);
    ck_assert_uint_eq(control_count(c), 1);

    scratch_write(f.state, "new", "second!", 0);
    {
        char from[128], to[128];

        (void)snprintf(from, sizeof from, "%s/new", f.state);
        (void)snprintf(to, sizeof to, "%s/snapshot.db", f.state);
        ck_assert_int_eq(rename(from, to), 0);
    }
    ck_assert_int_eq(control_lookup_database(c, &new_one, &err), 0);
    ck_assert_uint_ne(new_one.number, a.number);
    text = contents(&a, 2); /* who has it open keeps the old one */
    ck_assert_str_eq(text, "first");
    free(text);
    text = contents(&new_one, 2);
    ck_assert_str_eq(text, "second!");
    free(text);
    ck_assert_uint_eq(control_count(c), 2);
    control_forget(c, a.number, 2);
    ck_assert_uint_eq(control_count(c), 1);
    control_forget(c, new_one.number, 1);
    ck_assert_uint_eq(control_count(c), 1); /* it is still the latest */
}
END_TEST

static void *look_and_forget(void *opaque)
{
    struct error err = ERROR_INIT;
    struct control_file file;
    struct control_bytes bytes;

    (void)opaque;
    for (int i = 0; i < 300; i++) {
        if (control_lookup(c, INODE_FOLDER_TOP, "stats.json", true, &file,
                           &err) < 0 ||
            control_read(c, file.number, 0, 4096, &bytes, &err) < 0)
            return opaque;
        control_forget(c, file.number, 1);
        control_release(c, &bytes);
        if (control_lookup_database(c, &file, &err) == 0)
            control_forget(c, file.number, 1);
    }
    return NULL;
}

START_TEST(threads_do_not_meet)
{
    pthread_t threads[4];
    void *failed;
    int here;

    scratch_write(f.state, "snapshot.db", "x", 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, look_and_forget, &here), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert_uint_eq(control_count(c), 1); /* the database */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("control");
    TCase *t = tcase_create("control");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, each_file_says_what_it_should, 0,
                        (int)(sizeof files / sizeof files[0]));
    tcase_add_test(t, each_lookup_is_another_file);
    tcase_add_test(t, what_is_forgotten_is_freed);
    tcase_add_test(t, reads_end_at_the_end);
    tcase_add_test(t, big_files_are_for_the_pool);
    tcase_add_loop_test(t, there_are_no_other_files, 0,
                        (int)(sizeof missing / sizeof missing[0]));
    tcase_add_test(t, folders_are_listed);
    tcase_add_test(t, the_database_is_what_lies_in_the_state_folder);
    tcase_add_test(t, threads_do_not_meet);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
