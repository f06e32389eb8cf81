// SPDX-License-Identifier: MIT
/*
 * test_index.c: from a tree of files to rows, and again after changes.
 */
#undef NDEBUG
#include "index/index.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/fake_parser.h"
#include "support/rows.h"
#include "support/scratch.h"

static char *dir;
static char *archive;
static char *state;
static struct manifest *m;
static struct fake_parser fake;
static struct error err;
static char *warnings;

static void setup(void)
{
    dir = scratch_new();
    archive = scratch_text("%s/archive", dir);
    state = scratch_text("%s/state", dir);
    ck_assert_int_eq(mkdir(archive, 0700), 0);
    ck_assert_int_eq(mkdir(state, 0700), 0);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    warnings = scratch_text("%s", "");
}

static void teardown(void)
{
    ck_assert_uint_eq(atomic_load(&fake.kept), 0);
    manifest_close(m);
    free(warnings);
    free(archive);
    free(state);
    scratch_free(dir);
}

static void warn(void *opaque, const char *relpath, const char *message)
{
    char *longer = scratch_text("%s%s: %s\n", warnings, relpath, message);

    (void)opaque;
    free(warnings);
    warnings = longer;
}

static int try_index(const struct index_config *more, struct index_result *ret)
{
    struct index_parser parser;
    struct index_config config = more ? *more : (struct index_config){0};

    fake_parser_init(&fake, &parser);
    config.manifest = m;
    config.archive = archive;
    config.parser = &parser;
    if (!config.warn)
        config.warn = warn;
    if (!config.settle_ms)
        config.settle_ms = 1;
    return index_run(&config, ret, &err);
}

static struct index_result run(void)
{
    struct index_result result;

    ck_assert_msg(try_index(NULL, &result) == 0, "%s", err.msg);
    return result;
}

static void put(const char *relpath, const char *study, const char *series,
                const char *sop, double z)
{
    char *text = fake_file(study, series, sop, z, NULL);

    scratch_write(archive, relpath, text, 1000);
    free(text);
}

/* n slices of one series. */
static void put_series(int n)
{
    for (int i = 0; i < n; i++) {
        char *path = scratch_text("ct/%04d.dcm", i);
        char *sop = scratch_text("1.2.3.%d", i + 1);

        put(path, "1.2", "1.2.3", sop, (i * 7) % n);
        free(sop);
        free(path);
    }
}

static void rename_file(const char *from, const char *to)
{
    char *a = scratch_text("%s/%s", archive, from);
    char *b = scratch_text("%s/%s", archive, to);

    ck_assert_int_eq(rename(a, b), 0);
    free(a);
    free(b);
}

static void remove_file(const char *relpath)
{
    char *path = scratch_text("%s/%s", archive, relpath);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
}

static int64_t count(const char *sql)
{
    return rows_int(state, sql);
}

/* ---- a first run ---- */

START_TEST(a_tree_becomes_rows)
{
    put_series(40);
    put("other/deep/er/x", "1.3", "1.3.1", "1.3.1.1", 0);
    scratch_write(archive, "notes.txt", "hello", 0);
    scratch_write(archive, "DICOMDIR", "DIRECTORY", 0);
    scratch_write(archive, "bad.dcm", "DAMAGED", 0);
    scratch_write(archive, "empty", "", 0);
    struct index_result r = run();

    ck_assert_uint_eq(r.files, 45);
    ck_assert_uint_eq(r.parsed, 45);
    ck_assert_uint_eq(r.added, 41);
    ck_assert_uint_eq(r.not_dicom, 2);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_uint_eq(atomic_load(&fake.calls), 45);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 41);
    ck_assert_int_eq(count("SELECT volume_ok FROM series WHERE uid='1.2.3'"),
                     1);
    ck_assert_int_eq(count("SELECT scan_state FROM source"
                           " WHERE relpath='DICOMDIR'"),
                     MANIFEST_SCAN_DIRECTORY);
    ck_assert_int_eq(count("SELECT scan_state FROM source"
                           " WHERE relpath='notes.txt'"),
                     MANIFEST_SCAN_NOT_DICOM);
    char *text = rows_query(state, "SELECT s.relpath||e.stage||e.errno||"
                                   "e.message FROM error e"
                                   " JOIN source s ON s.id=e.source_id");

    ck_assert_str_eq(text, "bad.dcmindex5it is damaged");
    free(text);
    text = rows_query(state, "SELECT v FROM meta WHERE k='archive'");
    ck_assert_str_eq(text, archive);
    free(text);
}
END_TEST

START_TEST(an_object_that_cannot_be_decoded_says_why)
{
    char *text = fake_file("1.2", "1.2.3", "1.2.3.1", 0, "problem JPEG XL\n");

    scratch_write(archive, "a", text, 0);
    free(text);
    struct index_result r = run();

    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM error WHERE instance_id=1"
                           " AND stage='index' AND message='JPEG XL'"),
                     1);
    ck_assert_int_eq(count("SELECT errno FROM error"), EOPNOTSUPP);
    ck_assert_int_eq(manifest_error_get(m, 1, 7, &text, &err), 1);
    ck_assert_str_eq(text, "JPEG XL");
    free(text);
}
END_TEST

START_TEST(ids_ascend_with_the_inodes)
{
    for (int i = 0; i < 600; i++) { /* more than two batches, two folders */
        char *path = scratch_text("%c/%d", i % 2 ? 'a' : 'b', i);
        char *sop = scratch_text("1.2.3.%d", i);

        put(path, "1.2", "1.2.3", sop, i);
        free(sop);
        free(path);
    }
    char *link = scratch_text("%s/link", archive);

    put(".git/key", "1.2", "1.2.3", "1.2.3.600", 600);
    put("a/last", "1.2", "1.2.3", "1.2.3.601", 601);
    ck_assert_int_eq(symlink(".git/key", link), 0);
    free(link);
    (void)run();
    ck_assert_int_eq(count("SELECT count(*) FROM instance"), 602);
    ck_assert_int_eq(
        count("SELECT count(*) FROM (SELECT s.ino < lag(s.ino) OVER"
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

    put_series(300);
    put("a/dup", "1.2", "1.2.3", "1.2.3.5", 99);
    ck_assert_msg(try_index(&config, &r) == 0, "%s", err.msg);
    ck_assert_int_eq(count("SELECT count(DISTINCT ord) FROM cohort"), 301);
    ck_assert_int_eq(count("SELECT count(*) FROM (SELECT slice_pos <"
                           " lag(slice_pos) OVER (ORDER BY ord) AS back"
                           " FROM cohort) WHERE back"),
                     0);
    ck_assert_int_eq(
        count("SELECT count(*) FROM (SELECT s.ino < lag(s.ino) OVER"
              " (ORDER BY i.id) AS back FROM instance i"
              " JOIN source s ON s.id=i.source_id) WHERE back"),
        0);
    char *text = rows_query(state, "SELECT s.relpath||'='||i.fname"
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
        scratch_write(archive, yes[i], "FAKE\n", 0);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        scratch_write(archive, no[i], "FAKE\n", 0);
    ck_assert_uint_eq(run().files, sizeof yes / sizeof *yes);
}
END_TEST

START_TEST(links_stay_in_the_archive)
{
    char *path = scratch_text("%s/outside", dir);
    char *link = scratch_text("%s/out", archive);
    char *text = fake_file("1.1", "1.1.1", "1.1.1.1", 0, NULL);

    scratch_write(dir, "outside", text, 0);
    free(text);
    ck_assert_int_eq(symlink(path, link), 0);
    free(link);
    free(path);
    link = scratch_text("%s/up", archive);
    ck_assert_int_eq(symlink("../outside", link), 0);
    free(link);
    link = scratch_text("%s/loop", archive);
    ck_assert_int_eq(symlink(".", link), 0);
    free(link);
    link = scratch_text("%s/broken", archive);
    ck_assert_int_eq(symlink("nowhere", link), 0);
    free(link);
    /* One name for a file that is there, one for a file that is hidden. */
    put("real", "1.2", "1.2.1", "1.2.1.1", 0);
    put(".git/annex/key", "1.2", "1.2.1", "1.2.1.2", 1);
    link = scratch_text("%s/alias", archive);
    ck_assert_int_eq(symlink("real", link), 0);
    free(link);
    link = scratch_text("%s/annexed", archive);
    ck_assert_int_eq(symlink(".git/annex/key", link), 0);
    free(link);
    struct index_result r = run();

    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.links_skipped, 1);
    ck_assert_uint_eq(r.links_outside, 2);
    ck_assert_int_eq(count("SELECT count(*) FROM error e JOIN source s"
                           " ON s.id=e.source_id WHERE stage='index'"
                           " AND relpath IN ('out','up')"
                           " AND message LIKE '%not followed%'"),
                     2);
    ck_assert_int_eq(count("SELECT count(*) FROM source"
                           " WHERE relpath IN ('real','annexed')"),
                     2);
    r = run(); /* neither does a second run take them for new */
    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.unchanged, 2);
    ck_assert_uint_eq(r.vanished, 0);
    ck_assert_uint_eq(r.parsed, 0); /* nor looks at the others again */
}
END_TEST

static void make_link(const char *target, const char *relpath)
{
    char *path = scratch_text("%s/%s", archive, relpath);

    ck_assert_msg(symlink(target, path) == 0, "%s", relpath);
    free(path);
}

static void put_outside(const char *relpath, const char *sop)
{
    char *text = fake_file("1.1", "1.1.1", sop, 0, NULL);

    scratch_write(dir, relpath, text, 0);
    free(text);
}

static struct index_result run_following(bool follow)
{
    const struct index_config config = {.follow = follow};
    struct index_result r;

    ck_assert_msg(try_index(&config, &r) == 0, "%s", err.msg);
    return r;
}

/* Outside: a file, a folder with a file and links back, a folder that holds
 * the archive, two links that lead to each other, one to itself. */
START_TEST(links_are_followed_on_request)
{
    put("real", "1.2", "1.2.1", "1.2.1.1", 0);
    put("sub/deep", "1.2", "1.2.1", "1.2.1.2", 1);
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
    ck_assert_int_eq(count("SELECT count(*) FROM source"
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
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 2);
    r = run_following(true);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 5);
}
END_TEST

START_TEST(special_files_do_not_block)
{
    char *path = scratch_text("%s/fifo", archive);

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    free(path);
    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_uint_eq(run().files, 1);
}
END_TEST

START_TEST(hard_links_are_one_entry)
{
    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    char *from = scratch_text("%s/a", archive);
    char *to = scratch_text("%s/b", archive);

    ck_assert_int_eq(link(from, to), 0);
    free(from);
    free(to);
    struct index_result r = run();

    ck_assert_uint_eq(r.files, 2);
    ck_assert_uint_eq(r.copies, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 1);
    r = run();
    ck_assert_uint_eq(r.unchanged, 2);
}
END_TEST

START_TEST(an_excluded_folder_is_not_entered)
{
    struct index_config config = {.exclude = "mnt"};
    struct index_result r;

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    put("mnt/b", "1.2", "1.2.3", "1.2.3.2", 0);
    put("mnt2/c", "1.2", "1.2.3", "1.2.3.3", 0);
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_eq(r.files, 2);
}
END_TEST

START_TEST(only_what_was_named_counts)
{
    static const char *const only[] = {"a", "b/c", "d/2", "d/none"};
    struct index_config config = {.only = only, .n_only = 4};
    struct index_result r;

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    put("b/1", "1.2", "1.2.3", "1.2.3.2", 1);
    put("b/c/1", "1.2", "1.2.3", "1.2.3.3", 2);
    put("b/c/e/1", "1.2", "1.2.3", "1.2.3.4", 3);
    put("d/1", "1.2", "1.2.3", "1.2.3.5", 4);
    put("d/2", "1.2", "1.2.3", "1.2.3.6", 5);
    ck_assert_msg(try_index(&config, &r) == 0, "%s", err.msg);
    ck_assert_uint_eq(r.files, 4);
    ck_assert_int_eq(count("SELECT count(*) FROM source WHERE relpath IN"
                           " ('a','b/c/1','b/c/e/1','d/2')"),
                     4);
    /* what is named no more is gone, and what is named again is back */
    config.n_only = 1;
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.vanished, 3);
    r = run();
    ck_assert_uint_eq(r.files, 6);
    ck_assert_uint_eq(r.added, 2);
    ck_assert_int_eq(count("SELECT count(*) FROM instance WHERE gone=0"), 6);
}
END_TEST

/* "path: problem\n" of all, appended. */
static int note_problem(void *opaque, const char *relpath, const char *problem,
                        struct error *e)
{
    (void)e;
    warn(opaque, relpath, problem);
    return 0;
}

START_TEST(what_gives_no_image_says_why)
{
    struct manifest_source s;
    struct index_result r;

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    scratch_write(archive, "b", "DAMAGED\n", 0);
    r = run();
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(manifest_source_problems(m, note_problem, NULL, &err), 0);
    ck_assert_msg(strncmp(warnings, "b: ", 3) == 0, "%s", warnings);
    ck_assert_ptr_null(strchr(strchr(warnings, '\n') + 1, '\n'));
    ck_assert_int_eq(manifest_source_find(m, "a", &s, &err), 1);
    ck_assert_int_eq(manifest_source_has_image(m, s.id, &err), 1);
    ck_assert_int_eq(manifest_source_find(m, "b", &s, &err), 1);
    ck_assert_int_eq(manifest_source_has_image(m, s.id, &err), 0);
}
END_TEST

START_TEST(an_archive_that_is_not_there_is_explained)
{
    struct index_result r;

    free(archive);
    archive = scratch_text("%s/nowhere", dir);
    ck_assert_int_eq(try_index(NULL, &r), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

/* ---- the next runs ---- */

START_TEST(a_second_run_opens_nothing)
{
    put_series(50);
    scratch_write(archive, "notes.txt", "hello", 0);
    scratch_write(archive, "bad.dcm", "DAMAGED", 0);
    (void)run();
    int64_t epoch = manifest_epoch(m, &err);

    atomic_store(&fake.calls, 0);
    struct index_result r = run();

    ck_assert_uint_eq(r.files, 52);
    ck_assert_uint_eq(r.unchanged, 52);
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(atomic_load(&fake.calls), 0);
    ck_assert_int_eq(manifest_epoch(m, &err), epoch);
}
END_TEST

START_TEST(another_parser_tries_again_what_failed)
{
    put_series(5);
    scratch_write(archive, "bad.dcm", "DAMAGED", 0);
    scratch_write(archive, "notes.txt", "hello", 0);
    (void)run();
    fake.revision = "fake 2";
    ck_assert_uint_eq(run().parsed, 2);
    ck_assert_uint_eq(run().parsed, 0);
}
END_TEST

START_TEST(changes_are_found)
{
    struct manifest_instance i;

    put_series(10);
    (void)run();
    put("ct/0003.dcm", "1.2", "1.2.3", "1.2.3.4", 21 % 10);
    scratch_write(archive, "ct/0003.dcm",
                  "FAKE\nstudy 1.2\nseries 1.2.3\n"
                  "sop 1.2.3.4\nz 1\n",
                  2000);
    remove_file("ct/0009.dcm");
    put("ct/new.dcm", "1.2", "1.2.3", "1.2.3.99", 50);
    struct index_result r = run();

    ck_assert_uint_eq(r.parsed, 2);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.vanished, 1);
    ck_assert_uint_eq(r.unchanged, 8);
    ck_assert_int_eq(count("SELECT count(*) FROM instance WHERE gone<>0"), 2);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, "1.2.3.10", &i, &err), 0);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, "1.2.3.4", &i, &err), 1);
    ck_assert_int_gt(i.id, 10);
    manifest_instance_deinit(&i);
}
END_TEST

START_TEST(a_touched_file_is_a_changed_file)
{
    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    (void)run();
    char *text = fake_file("1.2", "1.2.3", "1.2.3.1", 0, NULL);

    scratch_write(archive, "a", text, 3000);
    free(text);
    struct index_result r = run();

    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_int_gt(count("SELECT id FROM cohort"), 1);
}
END_TEST

START_TEST(another_file_in_its_place_is_a_changed_file)
{
    put("a", "1.2", "1.2.3", "1.2.3.1", 1);
    (void)run();
    put("b.new", "1.2", "1.2.3", "1.2.3.1", 2); /* same size, same mtime */
    rename_file("b.new", "a");
    struct index_result r = run();

    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_int_eq(count("SELECT ipp_z FROM cohort"), 2);
}
END_TEST

START_TEST(renamed_folders_keep_every_id)
{
    put_series(30);
    (void)run();
    char *before =
        rows_query(state, "SELECT group_concat(id||uid) FROM cohort");

    rename_file("ct", "moved");
    struct index_result r = run();

    ck_assert_uint_eq(r.moved, 30);
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(r.vanished, 0);
    char *after = rows_query(state, "SELECT group_concat(id||uid) FROM cohort");

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    ck_assert_int_eq(count("SELECT count(*) FROM source"
                           " WHERE relpath LIKE 'moved/%'"),
                     30);
    rename_file("moved", "ct");
    ck_assert_uint_eq(run().moved, 30);
}
END_TEST

/* ---- files that are being written ---- */

struct writer {
    pthread_t thread;
    atomic_bool stop;
};

static void *write_on_and_on(void *opaque)
{
    struct writer *w = opaque;

    for (int i = 0; !atomic_load(&w->stop); i++) {
        char *text = fake_file("1.2", "1.2.3", "1.2.3.1", i, NULL);

        scratch_write(archive, "hot", text, 0);
        free(text);
        (void)usleep(1000);
    }
    return NULL;
}

START_TEST(what_was_just_written_is_waited_for)
{
    struct index_config config = {.settle_ms = 300};
    struct index_result r;
    struct stat st;

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.unsettled, 0);
    char *path = scratch_text("%s/a", archive);
    struct timespec now;

    ck_assert_int_eq(stat(path, &st), 0);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ck_assert_int_ge((now.tv_sec - st.st_ctim.tv_sec) * 1000 +
                         (now.tv_nsec - st.st_ctim.tv_nsec) / 1000000,
                     300);
    free(path);
}
END_TEST

START_TEST(what_is_written_on_and_on_stays_as_it_was)
{
    struct index_config config = {.settle_ms = 100};
    struct writer w = {.stop = false};
    struct index_result r;

    put("hot", "1.2", "1.2.3", "1.2.3.1", 0);
    put("b", "1.2", "1.2.3", "1.2.3.2", 1);
    (void)run();
    int64_t before = count("SELECT id FROM cohort WHERE rel LIKE '%3.1.tiff'");

    ck_assert_int_eq(pthread_create(&w.thread, NULL, write_on_and_on, &w), 0);
    put("c", "1.2", "1.2.3", "1.2.3.3", 2);
    remove_file("b");
    (void)usleep(20000);
    ck_assert_int_eq(try_index(&config, &r), 0);
    atomic_store(&w.stop, true);
    ck_assert_int_eq(pthread_join(w.thread, NULL), 0);
    ck_assert_uint_eq(r.unsettled, 1);
    ck_assert_uint_eq(r.added, 1);
    ck_assert_uint_eq(r.vanished, 1);
    ck_assert_int_eq(count("SELECT id FROM cohort WHERE rel LIKE '%3.1.tiff'"),
                     before);
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.unsettled, 0);
}
END_TEST

START_TEST(a_file_that_is_renamed_when_it_is_whole_has_its_name)
{
    struct manifest_instance i;

    put("other", "1.2", "1.2.3", "1.2.3.2", 1);
    put(".a.Xy12Zz", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_uint_eq(run().added, 2);
    put(".a.Xy12Zz", "1.2", "1.2.3", "1.2.3.1", 123456); /* it goes on */
    rename_file(".a.Xy12Zz", "a");
    struct index_result r = run();

    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_uint_eq(r.renamed, 0);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, "1.2.3.1", &i, &err), 1);
    ck_assert_int_eq(count("SELECT ipp_z FROM cohort WHERE id>2"), 123456);
    manifest_instance_deinit(&i);
}
END_TEST

/* ---- a few places ---- */

static struct index_result run_at(const char *const *places, size_t n)
{
    struct index_config config = {
        .only = places, .n_only = n, .keep_rest = true};
    struct index_result r;

    ck_assert_msg(try_index(&config, &r) == 0, "%s", err.msg);
    return r;
}

START_TEST(places_are_looked_at_and_the_rest_stays)
{
    static const char *const places[] = {"ct/0003.dcm", "d", "gone", "new"};
    struct index_result r;

    put_series(10);
    put("d/1", "1.3", "1.3.1", "1.3.1.1", 0);
    put("d/e/1", "1.3", "1.3.1", "1.3.1.2", 1);
    put("d-1", "1.3", "1.3.1", "1.3.1.4", 3); /* sorts between d and d/ */
    put("gone", "1.3", "1.3.1", "1.3.1.3", 2);
    (void)run();
    put("ct/0002.dcm", "1.2", "1.2.3", "1.2.3.50", 60);
    put("ct/0003.dcm", "1.2", "1.2.3", "1.2.3.51", 61);
    put("d/2", "1.3", "1.3.1", "1.3.1.5", 4);
    put("new", "1.3", "1.3.1", "1.3.1.6", 5);
    remove_file("ct/0001.dcm"); /* nobody said so */
    remove_file("gone");
    remove_file("d/e/1");
    remove_file("d-1");
    r = run_at(places, 4);
    ck_assert_uint_eq(r.files, 4);
    ck_assert_uint_eq(r.unchanged, 1);
    ck_assert_uint_eq(r.parsed, 3);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_uint_eq(r.added, 2);
    ck_assert_uint_eq(r.vanished, 2);
    ck_assert_int_eq(count("SELECT count(*) FROM instance WHERE gone<>0"), 3);
    r = run();
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

    put_series(8);
    (void)run();
    char *before =
        rows_query(state, "SELECT group_concat(id||uid) FROM cohort");

    rename_file("ct", "moved");
    r = run_at(both, 2);
    ck_assert_uint_eq(r.moved, 8);
    rename_file("moved", "ct"); /* the new place is told first */
    r = run_at(from, 1);
    ck_assert_uint_eq(r.moved, 8);
    r = run_at(to, 1);
    ck_assert_uint_eq(r.vanished, 0);
    rename_file("ct", "moved"); /* the old one first */
    r = run_at(from, 1);
    ck_assert_uint_eq(r.vanished, 8);
    r = run_at(to, 1);
    ck_assert_uint_eq(r.moved, 8);
    ck_assert_uint_eq(r.parsed, 0);
    char *after = rows_query(state, "SELECT group_concat(id||uid) FROM cohort");

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

START_TEST(a_hard_link_elsewhere_is_not_moved)
{
    static const char *const places[] = {"link"};

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    (void)run();
    char *a = scratch_text("%s/a", archive);
    char *b = scratch_text("%s/link", archive);

    ck_assert_int_eq(link(a, b), 0);
    free(a);
    free(b);
    struct index_result r = run_at(places, 1);

    ck_assert_uint_eq(r.moved, 0);
    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM source WHERE vanished=0"), 2);
}
END_TEST

START_TEST(places_come_after_a_whole_run)
{
    static const char *const places[] = {"a"};
    struct index_config config = {
        .only = places, .n_only = 1, .keep_rest = true};
    struct index_result r;

    put("a", "1.2", "1.2.3", "1.2.3.1", 0);
    ck_assert_int_eq(try_index(&config, &r), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    err = (struct error)ERROR_INIT;
    (void)run();
    remove_file("a"); /* the last: a disk that is not mounted looks so */
    ck_assert_int_eq(try_index(&config, &r), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    put("b", "1.2", "1.2.3", "1.2.3.2", 0);
    ck_assert_uint_eq(run_at(places, 1).vanished, 1);
}
END_TEST

/* "fd: path" of each folder. */
static void note_folder(void *opaque, const char *relpath, int fd)
{
    struct stat st;

    ck_assert(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode));
    warn(opaque, "folder", relpath);
}

START_TEST(folders_are_told)
{
    struct index_config config = {.folder = note_folder};
    struct index_result r;

    put("a/b", "1.2", "1.2.3", "1.2.3.1", 0);
    put(".git/c", "1.2", "1.2.3", "1.2.3.2", 0);
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_str_eq(warnings, "folder: \nfolder: a\n");
}
END_TEST

START_TEST(another_device_number_is_no_change)
{
    put_series(5);
    (void)run();
    rows_exec(state, "UPDATE source SET dev=dev+1");
    struct index_result r = run();

    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_uint_eq(r.unchanged, 5);
    ck_assert_int_eq(count("SELECT count(DISTINCT dev) FROM source"), 1);
    struct stat st;

    ck_assert_int_eq(stat(archive, &st), 0);
    ck_assert_int_eq(count("SELECT dev FROM source"), (int64_t)st.st_dev);
}
END_TEST

START_TEST(an_archive_that_is_not_mounted_loses_nothing)
{
    struct index_config config = {.allow_empty = true};
    struct index_result r;

    put_series(5);
    (void)run();
    rename_file("ct", "../away");
    ck_assert_int_eq(try_index(NULL, &r), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_ptr_nonnull(strstr(err.msg, "mounted"));
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_eq(r.vanished, 5);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 0);
    rename_file("../away", "ct");
    r = run();
    ck_assert_uint_eq(r.parsed, 0);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(count("SELECT max(id) FROM cohort"), 5);
}
END_TEST

START_TEST(what_cannot_be_read_is_not_gone)
{
    put_series(5);
    put("b", "1.3", "1.3.1", "1.3.1.1", 0);
    (void)run();
    char *folder = scratch_text("%s/ct", archive);
    char *file = scratch_text("%s/b", archive);

    ck_assert_int_eq(chmod(folder, 0), 0);
    scratch_write(archive, "b", "FAKE\nstudy 1.3\nseries 1.3.1\nsop 1.3.1.1\n",
                  2000);
    ck_assert_int_eq(chmod(file, 0), 0);
    if (geteuid() == 0) { /* root reads everything: become the owner */
        char *command =
            scratch_text("chown -R nobody '%s' && chmod 755 '%s'", dir, dir);

        manifest_close(m);
        ck_assert_int_eq(system(command), 0);
        free(command);
        ck_assert_int_eq(seteuid(65534), 0);
        m = manifest_open(state, MANIFEST_READ_WRITE, &err);
        ck_assert_msg(m != NULL, "%s", err.msg);
    }
    struct index_result r = run();

    ck_assert_uint_eq(r.unreadable_folders, 1);
    ck_assert_uint_eq(r.vanished, 0);
    ck_assert_uint_eq(r.errors, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 5);
    ck_assert_int_eq(count("SELECT errno FROM error"), EACCES);
    ck_assert_ptr_nonnull(strstr(warnings, "ct: Permission denied"));
    ck_assert_int_eq(chmod(folder, 0700), 0);
    ck_assert_int_eq(chmod(file, 0600), 0);
    r = run(); /* although neither size nor mtime changed */
    ck_assert_uint_eq(r.parsed, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 6);
    ck_assert_int_eq(count("SELECT count(*) FROM error"), 0);
    (void)seteuid(getuid());
    free(folder);
    free(file);
}
END_TEST

START_TEST(files_without_uids_are_told_by_their_content)
{
    scratch_write(archive, "a", "FAKE\nz 1\n", 0);
    scratch_write(archive, "b", "FAKE\nz 2\n", 0);
    scratch_write(archive, "c", "FAKE\nz 1\n", 0);
    struct index_result r = run();

    ck_assert_uint_eq(r.copies, 1);
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 2);
    /* sha256 of the file */
    ck_assert_int_eq(count("SELECT count(*) FROM study"
                           " WHERE dirname='xdfb3eff5c79a761c'"),
                     1);
}
END_TEST

/* ---- interrupting ---- */

struct canceller {
    atomic_bool flag;
    uint64_t at;
};

static void cancel_at(void *opaque, const struct index_progress *p)
{
    struct canceller *c = opaque;

    if (p->phase == INDEX_PARSING && p->done >= c->at)
        atomic_store(&c->flag, true);
}

START_TEST(an_interrupted_run_is_completed_by_the_next)
{
    struct canceller c = {.at = 256};
    struct index_config config = {
        .cancel = &c.flag, .progress = cancel_at, .opaque = &c, .warn = warn};
    struct index_result r;

    put_series(2000);
    fake.delay_us = 300;
    ck_assert_int_eq(try_index(&config, &r), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERRUPTED);
    int64_t kept = count("SELECT count(*) FROM instance");

    ck_assert_int_ge(kept, 256);
    ck_assert_int_lt(kept, 2000);
    fake.delay_us = 0;
    r = run();
    ck_assert_uint_eq(r.unchanged, (uint64_t)kept);
    ck_assert_uint_eq(r.parsed, 2000 - (uint64_t)kept);
    ck_assert_int_eq(count("SELECT volume_ok FROM series"), 1);
}
END_TEST

/* Kills an indexing child at a random moment; *ret is false if it was done. */
static bool kill_a_run(unsigned delay_us)
{
    pid_t child = fork();
    int status;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct index_result r;

        m = manifest_open(state, MANIFEST_READ_WRITE, NULL);
        _exit(m && try_index(NULL, &r) == 0 ? 0 : 1);
    }
    (void)usleep(delay_us);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

START_TEST(a_killed_run_leaves_a_sound_manifest)
{
    unsigned killed = 0;

    put_series(1500);
    for (int i = 0; i < 200; i++) { /* and duplicates to be settled */
        char *path = scratch_text("dup/%03d", i);
        char *sop = scratch_text("1.2.3.%d", i + 1);

        put(path, "1.2", "1.2.3", sop, 5000 + i);
        free(sop);
        free(path);
    }
    manifest_close(m);
    fake.delay_us = 100;
    srand(20240607);
    for (int i = 0; i < 20; i++) {
        killed += kill_a_run(1000u * (unsigned)(rand() % 60));
        char *check = rows_query(state, "PRAGMA integrity_check");

        ck_assert_str_eq(check, "ok");
        free(check);
    }
    ck_assert_uint_ge(killed, 3);
    fake.delay_us = 0;
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    ck_assert_ptr_null(manifest_set_aside(m));
    (void)run();
    ck_assert_int_eq(count("SELECT count(*) FROM cohort"), 1700);
    ck_assert_int_eq(count("SELECT count(DISTINCT coalesce(fname,uid))"
                           " FROM cohort"),
                     1700);
    ck_assert_int_eq(count("SELECT count(*) FROM instance i JOIN source s"
                           " ON s.id=i.source_id WHERE i.fname IS NULL"
                           " AND s.relpath LIKE 'dup/%'"),
                     0); /* "ct" comes before "dup" */
    ck_assert_int_eq(count("SELECT sum(dirty) FROM series"), 0);
    ck_assert_uint_eq(run().parsed, 0);
}
END_TEST

START_TEST(one_run_at_a_time)
{
    struct index_result r;
    int lock = manifest_index_lock(m, &err);

    put_series(1);
    ck_assert_int_ge(lock, 0);
    ck_assert_int_eq(try_index(NULL, &r), -1);
    ck_assert_int_eq(err.sys_errno, EWOULDBLOCK);
    (void)close(lock);
    ck_assert_int_eq(try_index(NULL, &r), 0);
}
END_TEST

/* ---- progress ---- */

struct watcher {
    struct index_progress last;
    unsigned calls;
    bool went_back;
};

static void watch(void *opaque, const struct index_progress *p)
{
    struct watcher *w = opaque;

    w->went_back = w->went_back || p->phase < w->last.phase ||
                   p->done < w->last.done || p->found < w->last.found;
    w->last = *p;
    w->calls++;
}

START_TEST(progress_is_told)
{
    struct watcher w = {0};
    struct index_config config = {
        .progress = watch, .opaque = &w, .warn = warn, .threads = 1};
    struct index_result r;

    put_series(700);
    fake.delay_us = 1000;
    ck_assert_int_eq(try_index(&config, &r), 0);
    ck_assert_uint_ge(w.calls, 3);
    ck_assert(!w.went_back);
    ck_assert_int_eq(w.last.phase, INDEX_FINISHING);
    ck_assert_uint_eq(w.last.total, 700);
    ck_assert_uint_eq(w.last.done, 700);
    ck_assert(r.seconds > 0);
}
END_TEST

/* ---- readers meanwhile ---- */

static atomic_bool stop_reading;

static void *read_all_the_time(void *opaque)
{
    struct error e = ERROR_INIT;
    struct manifest_instance page[16];
    uint64_t *rounds = opaque;

    while (!atomic_load(&stop_reading)) {
        int64_t after = 0;
        struct manifest_totals totals;
        int n;

        while ((n = manifest_list_instances(m, 1, 0, after, 16, page, &e)) > 0)
            for (int i = 0; i < n; i++) {
                struct manifest_instance again;

                after = page[i].id;
                if (manifest_instance_by_id(m, page[i].id, &again, &e) != 1)
                    return NULL;
                manifest_instance_deinit(&again);
                manifest_instance_deinit(&page[i]);
            }
        if (n < 0 || manifest_totals(m, &totals, &e) != 0)
            return NULL;
        ++*rounds;
    }
    return opaque;
}

START_TEST(readers_are_not_disturbed_by_the_writer)
{
    enum { READERS = 16 }; /* more than there are connections */
    pthread_t threads[READERS];
    uint64_t rounds[READERS] = {0};
    struct manifest_fact fact = {.vmin = 1};

    put_series(1200);
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_all_the_time, &rounds[i]),
            0);
    (void)run();
    ck_assert_int_eq(manifest_fact_put(m, 1, "crop", 1, &fact, &err), 0);
    (void)usleep(200000);
    atomic_store(&stop_reading, true);
    for (int i = 0; i < READERS; i++) {
        void *ret;

        ck_assert_int_eq(pthread_join(threads[i], &ret), 0);
        ck_assert_ptr_nonnull(ret);
        ck_assert_uint_gt(rounds[i], 0);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("index");
    TCase *t = tcase_create("index");

    tcase_add_checked_fixture(t, setup, teardown);
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
    tcase_add_test(t, a_second_run_opens_nothing);
    tcase_add_test(t, another_parser_tries_again_what_failed);
    tcase_add_test(t, changes_are_found);
    tcase_add_test(t, a_touched_file_is_a_changed_file);
    tcase_add_test(t, another_file_in_its_place_is_a_changed_file);
    tcase_add_test(t, renamed_folders_keep_every_id);
    tcase_add_test(t, what_was_just_written_is_waited_for);
    tcase_add_test(t, what_is_written_on_and_on_stays_as_it_was);
    tcase_add_test(t, a_file_that_is_renamed_when_it_is_whole_has_its_name);
    tcase_add_test(t, places_are_looked_at_and_the_rest_stays);
    tcase_add_test(t, files_move_between_places_and_keep_their_ids);
    tcase_add_test(t, a_hard_link_elsewhere_is_not_moved);
    tcase_add_test(t, places_come_after_a_whole_run);
    tcase_add_test(t, folders_are_told);
    tcase_add_test(t, another_device_number_is_no_change);
    tcase_add_test(t, an_archive_that_is_not_mounted_loses_nothing);
    tcase_add_test(t, what_cannot_be_read_is_not_gone);
    tcase_add_test(t, files_without_uids_are_told_by_their_content);
    tcase_add_test(t, an_interrupted_run_is_completed_by_the_next);
    tcase_add_test(t, a_killed_run_leaves_a_sound_manifest);
    tcase_add_test(t, one_run_at_a_time);
    tcase_add_test(t, progress_is_told);
    tcase_add_test(t, readers_are_not_disturbed_by_the_writer);
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
