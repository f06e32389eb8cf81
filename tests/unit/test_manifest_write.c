// SPDX-License-Identifier: MIT
/*
 * test_manifest_write.c: ids, names, duplicates, changed files, patients,
 * volumes, as an indexer leaves them.
 */
#undef NDEBUG
#include "manifest/manifest_write.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"
#include "support/scratch.h"

static char *state;
static struct manifest *m;
static struct error err;

static void setup(void)
{
    state = scratch_new();
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
}

static void teardown(void)
{
    manifest_close(m);
    scratch_free(state);
}

/* A file of study 1.1, series 1.1.1. */
static struct row file(const char *path, const char *sop, uint64_t ino)
{
    return (struct row){.path = path,
                        .study = "1.1",
                        .series = "1.1.1",
                        .sop = sop,
                        .ino = ino,
                        .z = (double)ino,
                        .number = (int)ino};
}

/* The content of a file is its path up to the first "@": a@1 equals a@2. */
static int digest_calls;
static int digest_of_path(void *opaque, const char *relpath, uint8_t ret[32],
                          struct error *e)
{
    (void)opaque;
    digest_calls++;
    if (strstr(relpath, "unreadable"))
        return error_set(e, ERROR_IO, "unreadable");
    (void)memset(ret, 0, 32);
    (void)memcpy(ret, relpath, strcspn(relpath, "@") % 32);
    return 0;
}

static void write_rows(const struct row *rows, size_t n)
{
    rows_write(m, rows, n);
    rows_end(m, digest_of_path, NULL);
}

/* The leaf names of study 1.1 with their files, "name=path ...". */
static char *names(void)
{
    char *all = rows_query(
        state, "SELECT group_concat(n,' ') FROM (SELECT coalesce(i.fname,i.uid)"
               "||'='||s.relpath n FROM instance i JOIN source s"
               " ON s.id=i.source_id WHERE i.gone=0 AND i.dup_of IS NULL"
               " ORDER BY s.relpath)");

    return all ? all : scratch_text("%s", "");
}

static void assert_names(const char *expected)
{
    char *got = names();

    ck_assert_str_eq(got, expected);
    ck_assert_int_eq(
        rows_int(state, "SELECT count(*) FROM instance WHERE unresolved<>0"),
        0);
    free(got);
}

static struct manifest_instance get(const char *name)
{
    struct manifest_instance i;
    int rc = manifest_instance_by_name(m, 1, name, &i, &err);

    ck_assert_msg(rc == 1, "%s: %d %s", name, rc, err.msg);
    manifest_instance_deinit(&i);
    return i;
}

static bool is_gone(int64_t id)
{
    struct manifest_instance i;

    ck_assert_int_eq(manifest_instance_by_id(m, id, &i, &err), 1);
    manifest_instance_deinit(&i);
    return i.gone;
}

static void vanish(const char *path)
{
    struct manifest_source s;

    ck_assert_int_eq(manifest_source_find(m, path, &s, &err), 1);
    ck_assert_int_eq(manifest_write_gone(m, &s.id, 1, &err), 0);
}

/* ---- rows ---- */

START_TEST(an_instance_comes_back_with_all_that_layout_needs)
{
    struct row r = file("dir/a.dcm", "1.1.1.5", 77);
    struct manifest_instance i;

    r.mtime_s = 1700000000;
    write_rows(&r, 1);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, "1.1.1.5", &i, &err), 1);
    ck_assert_int_eq(i.id, 1);
    ck_assert_int_eq(i.study_id, 1);
    ck_assert_int_eq(i.series_id, 1);
    ck_assert_str_eq(i.name, "1.1.1.5");
    ck_assert_str_eq(i.study_name, "1.1");
    ck_assert_str_eq(i.series_name, "1.1.1");
    ck_assert_str_eq(i.relpath, "dir/a.dcm");
    ck_assert(i.has_pixels && i.decodable && i.frames_known && !i.gone &&
              !i.turned);
    ck_assert_uint_eq(i.frames, 1);
    ck_assert_uint_eq(i.desc.rows, 512);
    ck_assert_uint_eq(i.desc.bits_alloc, 16);
    ck_assert_uint_eq(i.desc.bits_stored, 12);
    ck_assert_uint_eq(i.desc.high_bit, 11);
    ck_assert_int_eq(i.desc.codec, DECODE_NATIVE_LE);
    ck_assert_int_eq(i.desc.photometric, DECODE_MONOCHROME2);
    ck_assert(i.desc.is_signed && !i.desc.planar);
    ck_assert(i.px_x == 0.7 && i.px_y == 0.7);
    ck_assert_uint_eq(i.pixel_offset, 1024);
    ck_assert_uint_eq(i.pixel_length, 524288);
    ck_assert_uint_eq(i.dev, 7);
    ck_assert_uint_eq(i.ino, 77);
    ck_assert_uint_eq(i.size, 1000);
    ck_assert_int_eq(i.mtime_ns, INT64_C(1700000000) * 1000000000);
    ck_assert_int_eq(i.acquired_s, 1700000000);
    manifest_instance_deinit(&i);
    ck_assert_int_eq(manifest_instance_by_name(m, 2, "1.1.1.5", &i, &err), 0);
    ck_assert_int_eq(manifest_instance_by_id(m, 2, &i, &err), 0);
}
END_TEST

START_TEST(listings_page_through_everything_once)
{
    enum { FILES = 250 };
    struct row rows[FILES];
    struct manifest_instance page[7];
    struct manifest_folder folders[7];
    struct manifest_folder folder;
    int64_t after = 0;
    int seen = 0;
    int n;

    for (int i = 0; i < FILES; i++) {
        rows[i] = file(scratch_name("f%03d", i), scratch_name("1.9.%d", i),
                       (uint64_t)i + 1);
        rows[i].series = scratch_name("1.1.%d", i % 10);
        rows[i].no_pixels = i % 10 == 9; /* the tenth series is hidden */
    }
    write_rows(rows, FILES);
    while ((n = manifest_list_instances(m, 1, 0, after, 7, page, &err)) > 0)
        for (int i = 0; i < n; i++) {
            ck_assert_int_gt(page[i].id, after);
            after = page[i].id;
            seen++;
            manifest_instance_deinit(&page[i]);
        }
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(seen, FILES * 9 / 10);
    ck_assert_int_eq(manifest_list_series(m, 1, 0, 7, folders, &err), 7);
    ck_assert_int_eq(
        manifest_list_series(m, 1, folders[6].id, 7, folders, &err), 2);
    ck_assert_int_eq(manifest_list_studies(m, 0, 7, folders, &err), 1);
    ck_assert_str_eq(folders[0].name, "1.1");
    ck_assert_int_eq(manifest_list_studies(m, 1, 7, folders, &err), 0);
    ck_assert_int_eq(manifest_count_entries(m, 1, 0, 1000, &err), 225);
    ck_assert_int_eq(manifest_count_entries(m, 1, 0, 100, &err), 100);
    ck_assert_int_eq(manifest_count_entries(m, 1, 1, 1000, &err), 25);
    ck_assert_int_eq(manifest_count_entries(m, 0, 0, 1000, &err), 1);
    int64_t study = 0;

    ck_assert_int_eq(manifest_series_by_name(m, 1, "1.1.3", &folder, &err), 1);
    ck_assert_int_eq(manifest_series_by_id(m, folder.id, &folder, &study, &err),
                     1);
    ck_assert_str_eq(folder.name, "1.1.3");
    ck_assert_int_eq(study, 1);
    ck_assert_int_eq(manifest_series_by_name(m, 2, "1.1.3", &folder, &err), 0);
    ck_assert_int_eq(manifest_study_by_name(m, "1.1", &folder, &err), 1);
    ck_assert_int_eq(manifest_study_by_id(m, 1, &folder, &err), 1);
    ck_assert_int_eq(manifest_study_by_id(m, 9, &folder, &err), 0);
}
END_TEST

START_TEST(objects_without_pixels_are_found_by_name_only)
{
    struct row r = file("sr", "1.1.1.5", 5);
    struct manifest_instance page[1];

    r.no_pixels = true;
    write_rows(&r, 1);
    ck_assert(!get("1.1.1.5").has_pixels);
    ck_assert_int_eq(manifest_list_instances(m, 1, 0, 0, 1, page, &err), 0);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM cohort"), 0);
}
END_TEST

/* Looks at a moment of the past, but not for ever. */
START_TEST(many_files_are_found_on_one_connection)
{
    struct row rows[] = {file("a", "1.1", 1), file("b", "1.2", 2)};
    struct manifest_source s;
    int64_t last = -1;
    int looks = 0;

    ck_assert_int_eq(manifest_source_last(m, &last, &err), 0);
    ck_assert_int_eq(last, 0);
    write_rows(rows, 1);
    struct manifest_known *k = manifest_known_open(m, &err);

    ck_assert_ptr_nonnull(k);
    ck_assert_int_eq(manifest_known_find(k, "a", &s, &err), 1);
    ck_assert_int_eq(s.id, 1);
    ck_assert_uint_eq(s.ino, 1);
    ck_assert_uint_eq(s.size, 1000);
    ck_assert_ptr_null(s.relpath);
    write_rows(&rows[1], 1);
    vanish("a");
    while (manifest_known_find(k, "b", &s, &err) == 0)
        ck_assert_int_lt(looks++, 20000);
    ck_assert_int_eq(s.id, 2);
    ck_assert_int_eq(manifest_known_find(k, "a", &s, &err), 1);
    ck_assert(s.vanished);
    ck_assert_int_eq(manifest_known_find(k, "c", &s, &err), 0);
    ck_assert_int_eq(manifest_known_by_id(k, 2, &s, &err), 1);
    ck_assert_str_eq(s.relpath, "b");
    free(s.relpath);
    ck_assert_int_eq(manifest_known_by_id(k, 3, &s, &err), 0);
    manifest_known_close(k);
    ck_assert_int_eq(manifest_source_last(m, &last, &err), 0);
    ck_assert_int_eq(last, 2);
}
END_TEST

START_TEST(totals_follow_every_change)
{
    struct row rows[] = {file("a", "1.1", 1), file("b", "1.2", 2),
                         file("c", "1.3", 3)};
    struct manifest_totals t;

    rows[2].no_pixels = true;
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.sources, 0);
    write_rows(rows, 3);
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.sources, 3);
    ck_assert_uint_eq(t.instances, 3);
    ck_assert_uint_eq(t.images, 2);
    ck_assert_uint_eq(t.studies, 1);
    ck_assert_uint_eq(t.series, 1);
    ck_assert_uint_eq(t.source_bytes, 3000);
    vanish("a");
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.sources, 2);
    ck_assert_uint_eq(t.images, 1);
}
END_TEST

START_TEST(totals_of_a_complete_run_are_not_counted_again)
{
    struct row rows[] = {file("a", "1.1", 1), file("b", "1.2", 2)};
    struct manifest_totals t;

    write_rows(rows, 1);
    rows_exec(state, "UPDATE meta SET v=replace(v,'images 1','images 77')"
                     " WHERE k='totals'");
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.images, 77);
    ck_assert_uint_eq(t.sources, 1);
    ck_assert_uint_eq(t.source_bytes, 1000);
    ck_assert_uint_eq(t.instances, 1);
    ck_assert_uint_eq(t.studies, 1);
    ck_assert_uint_eq(t.series, 1);
    rows_write(m, &rows[1], 1); /* in the middle of a run */
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.images, 2);
    rows_end(m, digest_of_path, NULL);
    ck_assert_int_eq(rows_int(state, "SELECT v LIKE '% images 2 %' FROM meta"
                                     " WHERE k='totals'"),
                     1);
    /* Whatever somebody has put there is no reason to fail. */
    rows_exec(state, "UPDATE meta SET v='epoch ' WHERE k='totals'");
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_int_eq(manifest_totals(m, &t, &err), 0);
    ck_assert_uint_eq(t.images, 2);
}
END_TEST

START_TEST(the_epoch_tells_which_studies_changed)
{
    struct row rows[] = {file("a", "1.1", 1), file("b", "1.2", 2)};
    struct manifest_folder changed[4];

    rows[1].study = "1.7";
    write_rows(rows, 2);
    int64_t epoch = manifest_epoch(m, &err);

    ck_assert_int_eq(manifest_list_changed(m, 0, 0, 4, changed, &err), 2);
    ck_assert_int_eq(manifest_list_changed(m, epoch, 0, 4, changed, &err), 0);
    rows[1].mtime_s = 2000;
    write_rows(&rows[1], 1);
    ck_assert_int_gt(manifest_epoch(m, &err), epoch);
    ck_assert_int_eq(manifest_list_changed(m, epoch, 0, 4, changed, &err), 1);
    ck_assert_str_eq(changed[0].name, "1.7");
}
END_TEST

/* ---- ids ---- */

START_TEST(a_changed_file_is_a_new_instance_under_its_old_name)
{
    struct row r = file("a", "1.1.1.5", 5);

    write_rows(&r, 1);
    int64_t old = get("1.1.1.5").id;

    r.mtime_s = 2000;
    r.size = 3000;
    write_rows(&r, 1);
    struct manifest_instance now = get("1.1.1.5");

    ck_assert_int_gt(now.id, old);
    ck_assert_uint_eq(now.size, 3000);
    ck_assert(is_gone(old));
    ck_assert(!is_gone(now.id));
    for (int k = 0; k < 3; k++) { /* for ever */
        r.mtime_s++;
        write_rows(&r, 1);
        ck_assert(is_gone(old));
        ck_assert(is_gone(now.id));
    }
    assert_names("1.1.1.5=a");
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM source"), 1);
}
END_TEST

START_TEST(ids_are_not_reused_after_rows_were_deleted)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2)};

    write_rows(rows, 2);
    rows_exec(state, "DELETE FROM instance; DELETE FROM series;"
                     "DELETE FROM study; DELETE FROM source");
    write_rows(rows, 2);
    ck_assert_int_eq(rows_int(state, "SELECT min(id) FROM instance"), 4);
    ck_assert_int_eq(rows_int(state, "SELECT id FROM series"), 2);
    ck_assert_int_eq(rows_int(state, "SELECT id FROM study"), 2);
}
END_TEST

START_TEST(ids_run_out_with_an_explanation_and_nothing_is_written)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2),
                         file("c", "1.7", 3)};
    struct manifest_header h[2];
    struct manifest_entry e[2];
    struct manifest_written w = {0};
    struct manifest_source s;

    write_rows(rows, 1);
    rows_exec(state, "UPDATE sqlite_sequence SET seq=33554430"
                     " WHERE name='instance'");
    row_entry(&rows[1], &h[0], &e[0]);
    row_entry(&rows[2], &h[1], &e[1]);
    ck_assert_int_eq(manifest_write_batch(m, e, 2, &w, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NO_IDS);
    ck_assert_int_eq(manifest_source_find(m, "b", &s, &err), 0);
    ck_assert_int_eq(manifest_write_batch(m, e, 1, &w, &err), 0);
    ck_assert_int_eq(rows_int(state, "SELECT max(id) FROM instance"),
                     MANIFEST_OBJECT_MAX);
}
END_TEST

/* ---- vanished, back, moved ---- */

START_TEST(a_file_that_is_back_has_its_instance_back)
{
    struct row r = file("a", "1.5", 5);
    struct manifest_instance i;
    struct manifest_same same = {1, NULL, 8};

    write_rows(&r, 1);
    vanish("a");
    ck_assert(is_gone(1));
    ck_assert_int_eq(manifest_instance_by_name(m, 1, "1.5", &i, &err), 0);
    ck_assert_int_eq(manifest_write_same(m, &same, 1, &err), 0);
    rows_end(m, digest_of_path, NULL);
    ck_assert(!is_gone(1));
    ck_assert_int_eq(get("1.5").id, 1);
    ck_assert_uint_eq(get("1.5").dev, 8);
}
END_TEST

START_TEST(a_file_that_is_back_with_other_bytes_is_new)
{
    struct row r = file("a", "1.5", 5);
    int64_t id;

    write_rows(&r, 1);
    vanish("a");
    r.mtime_s = 2000;
    write_rows(&r, 1);
    ck_assert(is_gone(1));
    id = get("1.5").id;
    ck_assert_int_gt(id, 1);
    vanish("a");
    struct manifest_same same = {1, NULL, 7};

    ck_assert_int_eq(manifest_write_same(m, &same, 1, &err), 0);
    rows_end(m, digest_of_path, NULL);
    ck_assert(is_gone(1)); /* for ever */
    ck_assert_int_eq(get("1.5").id, id);
}
END_TEST

START_TEST(a_renamed_file_keeps_its_id)
{
    struct row r = file("a", "1.5", 5);
    struct manifest_same same = {1, "dir/b", 7};

    write_rows(&r, 1);
    ck_assert_int_eq(manifest_write_same(m, &same, 1, &err), 0);
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5=dir/b");
    ck_assert_int_eq(get("1.5").id, 1);
}
END_TEST

/* ---- duplicates ---- */

START_TEST(equal_bytes_are_one_entry)
{
    struct row rows[] = {file("a@2", "1.5", 1), file("a@1", "1.5", 2),
                         file("a@3", "1.5", 3)};

    write_rows(rows, 3);
    assert_names("1.5=a@1"); /* the first path, not the first inode */
    ck_assert_int_eq(
        rows_int(state, "SELECT count(*) FROM instance WHERE dup_of=2"), 2);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM cohort"), 1);
}
END_TEST

START_TEST(other_bytes_are_numbered_in_path_order)
{
    struct row rows[] = {file("c", "1.5", 1), file("b", "1.5", 2),
                         file("a", "1.5", 3), file("b@", "1.5", 4)};

    write_rows(rows, 4);
    assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    ck_assert_int_eq(get("1.5.d3").id, 1);
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
        rows[i] = file(paths[orders[_i][i]], "1.5", (uint64_t)i + 1);
    for (int i = 0; i < 3; i++) /* also over several batches */
        rows_write(m, &rows[i], 1);
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
}
END_TEST

START_TEST(files_of_different_size_are_not_read)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.5", 2)};

    rows[1].size = 2000;
    write_rows(rows, 2);
    assert_names("1.5=a 1.5.d2=b");
    ck_assert_int_eq(digest_calls, 0);
    rows[0].sop = rows[1].sop = "1.6"; /* two links of one file: neither */
    rows[0].path = "e";
    rows[1].path = "f";
    rows[0].ino = rows[1].ino = 9;
    write_rows(rows, 2);
    assert_names("1.5=a 1.5.d2=b 1.6=e");
    ck_assert_int_eq(digest_calls, 0);
}
END_TEST

START_TEST(a_digest_is_kept_for_the_next_duplicate)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.5", 2),
                         file("c", "1.5", 3)};

    write_rows(rows, 2);
    ck_assert_int_eq(digest_calls, 2);
    write_rows(&rows[2], 1);
    ck_assert_int_eq(digest_calls, 3);
    assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
}
END_TEST

START_TEST(a_duplicate_that_cannot_be_read_is_shown)
{
    struct row rows[] = {file("a", "1.5", 1), file("unreadable", "1.5", 2)};

    write_rows(rows, 2);
    assert_names("1.5=a 1.5.d2=unreadable");
}
END_TEST

START_TEST(names_are_fixed_at_the_first_indexing)
{
    struct row rows[] = {file("b", "1.5", 1), file("c", "1.5", 2),
                         file("a", "1.5", 3)};

    write_rows(rows, 2);
    assert_names("1.5=b 1.5.d2=c");
    write_rows(&rows[2], 1); /* comes later, although its path is first */
    assert_names("1.5.d3=a 1.5=b 1.5.d2=c");
    vanish("b");
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5.d3=a 1.5.d2=c"); /* nobody moves up */
    struct row d = file("d", "1.5", 4);

    d.mtime_s = 5000;
    write_rows(&d, 1);
    assert_names("1.5.d3=a 1.5.d2=c 1.5.d4=d"); /* nor takes its place */
}
END_TEST

START_TEST(a_changed_duplicate_keeps_its_number)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.5", 2),
                         file("c", "1.5", 3)};

    write_rows(rows, 3);
    rows[1].mtime_s = 2000;
    write_rows(&rows[1], 1);
    assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    rows[0].mtime_s = 2000;
    write_rows(&rows[0], 1);
    assert_names("1.5=a 1.5.d2=b 1.5.d3=c");
    ck_assert_int_gt(get("1.5").id, 4);
}
END_TEST

START_TEST(a_copy_stands_in_for_its_original)
{
    struct row rows[] = {file("a@1", "1.5", 1), file("a@2", "1.5", 2),
                         file("a@3", "1.5", 3)};

    rows[1].mtime_s = rows[2].mtime_s = 1500;
    write_rows(rows, 3);
    assert_names("1.5=a@1");
    vanish("a@1");
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5=a@2");
    ck_assert_int_eq(get("1.5").id, 2);
    vanish("a@2");
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5=a@3");
}
END_TEST

START_TEST(a_copy_gets_a_number_when_its_original_changes)
{
    struct row rows[] = {file("a@1", "1.5", 1), file("a@2", "1.5", 2)};

    write_rows(rows, 2);
    rows[0].mtime_s = 2000;
    rows[0].size = 2000;
    write_rows(&rows[0], 1);
    assert_names("1.5=a@1 1.5.d2=a@2");
}
END_TEST

START_TEST(a_file_copied_to_another_place_keeps_its_name)
{
    struct row r = file("old/a", "1.5", 1);

    write_rows(&r, 1);
    vanish("old/a");
    r.path = "new/a"; /* another inode, same size and mtime */
    r.ino = 50;
    write_rows(&r, 1);
    assert_names("1.5=new/a");
    /* The original is back: the name is taken now. */
    struct manifest_same same = {1, NULL, 7};

    ck_assert_int_eq(manifest_write_same(m, &same, 1, &err), 0);
    rows_end(m, digest_of_path, NULL);
    assert_names("1.5=new/a 1.5.d2=old/a");
}
END_TEST

START_TEST(the_same_uid_in_two_studies_is_no_duplicate)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.5", 2)};

    rows[1].study = "1.2";
    write_rows(rows, 2);
    assert_names("1.5=a 1.5=b");
}
END_TEST

START_TEST(names_wait_hidden_until_they_are_settled)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.5", 2)};
    struct manifest_instance page[3];

    rows_write(m, rows, 2); /* killed here */
    ck_assert_int_eq(manifest_list_instances(m, 1, 0, 0, 3, page, &err), 1);
    manifest_instance_deinit(&page[0]);
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    rows_end(m, digest_of_path, NULL); /* the next run */
    assert_names("1.5=a 1.5.d2=b");
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

    write_rows(&r, 1);
    ck_assert_int_eq(manifest_instance_by_id(m, 1, &i, &err), 1);
    const char *names_made[] = {i.name, i.study_name, i.series_name};

    for (int k = 0; k < 3; k++) {
        ck_assert_uint_eq(strlen(names_made[k]), 17);
        ck_assert(names_made[k][0] == 'x');
        ck_assert_uint_eq(strspn(names_made[k] + 1, "0123456789abcdef"), 16);
    }
    struct manifest_folder folder;
    struct manifest_instance again;

    ck_assert_int_eq(manifest_study_by_name(m, i.study_name, &folder, &err), 1);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, i.name, &again, &err), 1);
    manifest_instance_deinit(&again);
    ck_assert_int_eq(manifest_study_by_name(m, odd[_i], &folder, &err), 0);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, odd[_i], &again, &err), 0);
    manifest_instance_deinit(&i);
}
END_TEST

START_TEST(files_without_uids_are_never_merged)
{
    struct row rows[] = {
        {.path = "a", .ino = 1},
        {.path = "b", .ino = 2},
        {.path = "c", .ino = 3, .study = "", .series = "", .sop = ""}};

    write_rows(rows, 3);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM study"), 3);
    ck_assert_int_eq(rows_int(state, "SELECT count(DISTINCT fname)"
                                     " FROM instance WHERE dup_of IS NULL"),
                     3);
}
END_TEST

START_TEST(duplicates_of_a_malformed_uid_are_numbered_too)
{
    struct row rows[] = {file("a", "../x", 1), file("b", "../x", 2)};
    struct manifest_instance i;
    char *name = NULL;

    write_rows(rows, 2);
    name = rows_query(state, "SELECT fname FROM instance WHERE id=2");
    ck_assert_msg(strlen(name) == 20 && strcmp(name + 17, ".d2") == 0, "%s",
                  name);
    ck_assert_int_eq(manifest_instance_by_name(m, 1, name, &i, &err), 1);
    ck_assert_int_eq(i.id, 2);
    manifest_instance_deinit(&i);
    free(name);
}
END_TEST

START_TEST(texts_that_are_no_utf8_do_not_get_in)
{
    struct row r = file("a", "1.5", 1);
    struct manifest_header h;
    struct manifest_entry e;
    struct manifest_written w = {0};

    row_entry(&r, &h, &e);
    h.series_description = "M\xfcller";
    h.image_type = "ORIGINAL\\PRIMARY";
    ck_assert_int_eq(manifest_write_batch(m, &e, 1, &w, &err), 0);
    char *text = rows_query(state, "SELECT description FROM series");

    ck_assert_str_eq(text, "M?ller");
    free(text);
}
END_TEST

/* ---- patients ---- */

START_TEST(a_patient_is_a_keyed_hash_and_nothing_else)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2),
                         file("c", "1.7", 3), file("d", "1.8", 4)};

    rows[0].patient = rows[1].patient = "SMITH12345";
    rows[1].study = "1.2";
    rows[2].study = "1.3"; /* no patient id: no patient */
    rows[3].study = "1.4";
    write_rows(rows, 4);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM patient"), 1);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM study"
                                     " WHERE patient_id IS NULL"),
                     2);
    char *key = rows_query(state, "SELECT pkey FROM patient");

    ck_assert_uint_eq(strlen(key), 32);
    manifest_close(m);
    /* Not in any file of the state. */
    static const char *const files[] = {"manifest.db", "manifest.db-wal", "ids",
                                        "salt"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = scratch_text("%s/%s", state, files[i]);
        size_t length = 0;
        char *bytes = scratch_read(path, &length);

        ck_assert(!bytes || !memmem(bytes, length, "SMITH12345", 10));
        free(bytes);
        free(path);
    }
    /* Another state has another key for the same patient. */
    char *first = state;

    setup();
    write_rows(rows, 1);
    char *other = rows_query(state, "SELECT pkey FROM patient");

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
    return rows_int(state, sql);
}

START_TEST(a_series_is_ordered_once_it_is_complete)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2),
                         file("c", "1.7", 3)};
    struct manifest_slices slices;
    struct manifest_volume v;
    int64_t first, second;

    rows[0].z = 10;
    rows[1].z = 0;
    rows[2].z = 5;
    write_rows(rows, 3);
    first = volume_of("1.1.1");
    ck_assert_int_eq(manifest_volume_get(m, first, &v, &err), 1);
    ck_assert_msg(v.ok && v.uniform, "%s", v.note);
    ck_assert_uint_eq(v.n_slices, 3);
    ck_assert(v.z_spacing == 5);
    ck_assert_int_eq(manifest_volume_slices(m, first, &slices, &err), 0);
    ck_assert_uint_eq(slices.n, 3);
    ck_assert(slices.v[0].id == 2 && slices.v[1].id == 3 &&
              slices.v[2].id == 1);
    ck_assert(slices.v[1].position[2] == 5);
    ck_assert_uint_ne(slices.v[0].version, slices.v[1].version);
    manifest_slices_deinit(&slices);
    vanish("c");
    /* until it is arranged again it has too few slices */
    ck_assert_int_eq(manifest_volume_slices(m, first, &slices, &err), 0);
    ck_assert_uint_eq(slices.n, 2);
    manifest_slices_deinit(&slices);
    rows_end(m, digest_of_path, NULL);
    /* other slices are another volume, and the old one is no more */
    second = volume_of("1.1.1");
    ck_assert_int_gt(second, first);
    ck_assert_int_eq(manifest_volume_get(m, first, &v, &err), 0);
    ck_assert_int_eq(manifest_volume_get(m, second, &v, &err), 1);
    ck_assert(v.ok && v.z_spacing == 10 && v.n_slices == 2);
    rows[2].z = 9;
    rows[2].mtime_s = 2000;
    write_rows(&rows[2], 1);
    ck_assert_int_gt(volume_of("1.1.1"), second);
    ck_assert_int_eq(manifest_volume_get(m, volume_of("1.1.1"), &v, &err), 1);
    ck_assert(!v.ok);
    ck_assert_int_eq(v.kind, VOLUME_IRREGULAR);
    ck_assert_ptr_nonnull(strstr(v.note, "gaps"));
    ck_assert_ptr_nonnull(strstr(v.note, "(image 1.")); /* which one */
    ck_assert_int_eq(manifest_volume_get(m, 9, &v, &err), 0);
}
END_TEST

/* A pass over a series that found nothing new leaves its number alone, and
 * numbers of volumes are never those of instances. */
START_TEST(a_volume_of_the_same_slices_is_the_same)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2)};
    struct manifest_instance row;
    int64_t id;

    rows[1].z = 5;
    write_rows(rows, 2);
    id = volume_of("1.1.1");
    rows_exec(state, "UPDATE series SET dirty=1");
    rows_end(m, digest_of_path, NULL);
    ck_assert_int_eq(volume_of("1.1.1"), id);
    ck_assert_int_eq(manifest_instance_by_id(m, id, &row, &err), 0);
    ck_assert_int_eq(manifest_volume_by_id(m, id, &row, &err), 1);
    ck_assert_int_eq(row.id, id);
    ck_assert_uint_eq(row.slices, 2);
    ck_assert_uint_eq(row.frames, 2);
    ck_assert_str_eq(row.name, row.series_name);
    ck_assert(row.z_mm == 4);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_list_volumes(m, 1, 0, 0, 9, &row, &err), 1);
    ck_assert_int_eq(row.id, id);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_list_volumes(m, 1, 7, 0, 9, &row, &err), 0);
    ck_assert_int_eq(manifest_list_volumes(m, 1, 0, id, 9, &row, &err), 0);
    ck_assert_int_eq(manifest_volume_by_name(m, 1, "1.1.1", &row, &err), 1);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_volume_by_name(m, 1, "1.2.4", &row, &err), 0);
    rows[0] = file("c", "1.7", 3);
    write_rows(rows, 1);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM instance WHERE id IN"
                                     " (SELECT volume_id FROM series)"),
                     0);
}
END_TEST

/* A manifest of the first schema gets its volumes at the next index. */
START_TEST(an_older_manifest_is_brought_up_to_date)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2)};
    struct manifest_volume v;

    rows[1].z = 5;
    write_rows(rows, 2);
    manifest_close(m);
    rows_exec(state, "DROP VIEW manifest; DROP INDEX series_volume;"
                     "DROP INDEX series_study_volume;"
                     "CREATE VIEW manifest AS SELECT 1;"
                     "ALTER TABLE series DROP COLUMN volume_id;"
                     "ALTER TABLE series DROP COLUMN volume_kind;"
                     "ALTER TABLE series DROP COLUMN volume_first;"
                     "ALTER TABLE series DROP COLUMN volume_mtime_s;"
                     "PRAGMA user_version=1");
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    ck_assert_int_eq(rows_int(state, "PRAGMA user_version"), 2);
    rows_end(m, digest_of_path, NULL);
    ck_assert_int_eq(manifest_volume_get(m, volume_of("1.1.1"), &v, &err), 1);
    ck_assert(v.ok);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM manifest"), 0);
}
END_TEST

START_TEST(a_series_left_dirty_is_ordered_by_the_next_run)
{
    struct row rows[] = {file("a", "1.5", 1), file("b", "1.6", 2)};
    struct manifest_volume v;

    rows_write(m, rows, 2); /* killed here */
    ck_assert_int_eq(rows_int(state, "SELECT dirty FROM series"), 1);
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    rows_end(m, digest_of_path, NULL);
    ck_assert_int_eq(manifest_volume_get(m, volume_of("1.1.1"), &v, &err), 1);
    ck_assert_int_eq(v.n_slices, 2);
    ck_assert_int_eq(rows_int(state, "SELECT dirty FROM series"), 0);
}
END_TEST

START_TEST(what_was_measured_on_a_gone_instance_is_dropped)
{
    struct row r = file("a", "1.5", 1);
    struct manifest_output o = {.width = 1};
    struct manifest_output stack = {.width = 1, .is_series = true};
    struct manifest_fact fact = {.vmin = 0};
    struct manifest_extent extent = {1, 2};
    uint16_t view;

    write_rows(&r, 1);
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &view, &err), 0);
    ck_assert_int_eq(manifest_output_put(m, view, 1, 0, 0, 1, &o, &err), 0);
    ck_assert_int_eq(
        manifest_output_put(m, view, volume_of("1.1.1"), 0, 0, 1, &stack, &err),
        0);
    ck_assert_int_eq(manifest_fact_put(m, 1, "crop", 1, &fact, &err), 0);
    ck_assert_int_eq(
        manifest_fact_put(m, volume_of("1.1.1"), "series", 1, &fact, &err), 0);
    ck_assert_int_eq(manifest_frames_put(m, 1, &extent, 1, &err), 0);
    r.mtime_s = 2000;
    write_rows(&r, 1);
    ck_assert_int_eq(rows_int(state, "SELECT (SELECT count(*) FROM output)+"
                                     "(SELECT count(*) FROM fact)+"
                                     "(SELECT count(*) FROM frame_index)"),
                     0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-write");
    TCase *t = tcase_create("write");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, an_instance_comes_back_with_all_that_layout_needs);
    tcase_add_test(t, listings_page_through_everything_once);
    tcase_add_test(t, objects_without_pixels_are_found_by_name_only);
    tcase_add_test(t, many_files_are_found_on_one_connection);
    tcase_add_test(t, totals_follow_every_change);
    tcase_add_test(t, totals_of_a_complete_run_are_not_counted_again);
    tcase_add_test(t, the_epoch_tells_which_studies_changed);
    tcase_add_test(t, a_changed_file_is_a_new_instance_under_its_old_name);
    tcase_add_test(t, ids_are_not_reused_after_rows_were_deleted);
    tcase_add_test(t, ids_run_out_with_an_explanation_and_nothing_is_written);
    tcase_add_test(t, a_file_that_is_back_has_its_instance_back);
    tcase_add_test(t, a_file_that_is_back_with_other_bytes_is_new);
    tcase_add_test(t, a_renamed_file_keeps_its_id);
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
