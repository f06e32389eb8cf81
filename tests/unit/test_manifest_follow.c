// SPDX-License-Identifier: MIT
/*
 * test_manifest_follow.c: what is published is taken over as it is, what is
 * not is refused with the reason, and what was found out meanwhile stays.
 */
#undef NDEBUG
#include "manifest/manifest_publish.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest_roi.h"
#include "prepfs/cleanup.h"
#include "support/rows.h"
#include "support/scratch.h"

enum { FIRST = 1, SECOND = 2, FIRST_HERE = 32768 };

static char *top, *file, *node;
static struct manifest *publisher, *follower;
static struct manifest_adopted news;
static struct error err;

static const struct row three[] = {
    {.path = "a/1",
     .study = "1.1",
     .series = "1.1.1",
     .sop = "1.1.1.1",
     .ino = 1},
    {.path = "a/2",
     .study = "1.1",
     .series = "1.1.1",
     .sop = "1.1.1.2",
     .ino = 2,
     .z = 1},
    {.path = "b/3",
     .study = "1.2",
     .series = "1.2.1",
     .sop = "1.2.1.1",
     .ino = 3},
};

static struct manifest *open_in(const char *name)
{
    CLEANUP_FREE char *dir = scratch_text("%s/%s", top, name);
    struct manifest *m;

    ck_assert(mkdir(dir, 0700) == 0 || errno == EEXIST);
    m = manifest_open(dir, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    return m;
}

static void setup(void)
{
    err = (struct error)ERROR_INIT;
    top = scratch_new();
    file = scratch_text("%s/published.db", top);
    node = scratch_text("%s/node", top);
    publisher = open_in("publisher");
    follower = open_in("node");
    rows_write(publisher, three, 3);
    rows_end(publisher, NULL, NULL);
}

static void teardown(void)
{
    manifest_close(publisher);
    manifest_close(follower);
    free(file);
    free(node);
    scratch_free(top);
}

static void publish(void)
{
    ck_assert_msg(manifest_publish(publisher, file, &err) == 0, "%s", err.msg);
}

static void adopt(bool in_use, bool changes)
{
    ck_assert_msg(manifest_adopt(follower, file, in_use, &news, &err) == 0,
                  "%s", err.msg);
    ck_assert_int_eq(news.changed, changes);
}

static void refuses(bool in_use, enum error_kind kind, const char *words)
{
    err = (struct error)ERROR_INIT;
    ck_assert_int_eq(manifest_adopt(follower, file, in_use, &news, &err), -1);
    ck_assert_msg(err.kind == kind, "kind %d: %s", (int)err.kind, err.msg);
    ck_assert_msg(strstr(err.msg, words), "%s", err.msg);
    ck_assert(!news.changed);
}

static void replace_second(int64_t mtime_s)
{
    struct row again = three[1];

    again.mtime_s = mtime_s;
    again.size = 2000;
    rows_write(publisher, &again, 1);
    rows_end(publisher, NULL, NULL);
}

static uint16_t view(struct manifest *m, const char *text)
{
    uint16_t id = 0;

    ck_assert_msg(manifest_view_intern(m, text, 0, &id, &err) == 0, "%s",
                  err.msg);
    return id;
}

static void put_output(uint16_t view_id, int64_t object, uint64_t bytes)
{
    const struct manifest_output o = {.width = 5,
                                      .height = 6,
                                      .channels = 1,
                                      .num_frames = 1,
                                      .bytes = bytes};

    ck_assert_int_eq(
        manifest_output_put(follower, view_id, object, 0, 0, 9, &o, &err), 0);
}

static uint64_t output_bytes(uint16_t view_id, int64_t object)
{
    struct manifest_output o;
    int rc = manifest_output_get(follower, view_id, object, 0, 0, 9, &o, &err);

    ck_assert_int_ge(rc, 0);
    if (rc == 0)
        return 0;
    manifest_output_deinit(&o);
    return o.bytes;
}

/* ---- the same on both sides ---- */

START_TEST(who_follows_has_the_publishers_rows)
{
    struct manifest_instance here, there;
    int64_t epoch = manifest_epoch(publisher, &err);

    publish();
    adopt(false, true);
    ck_assert_uint_eq(news.files, 3);
    ck_assert(manifest_follows(follower) && !manifest_follows(publisher));
    ck_assert_int_eq(manifest_epoch(follower, &err), epoch);
    for (int64_t id = 1; id <= 3; id++) {
        ck_assert_int_eq(manifest_instance_by_id(publisher, id, &there, &err),
                         1);
        ck_assert_int_eq(manifest_instance_by_id(follower, id, &here, &err), 1);
        ck_assert_str_eq(here.name, there.name);
        ck_assert_str_eq(here.relpath, there.relpath);
        ck_assert(here.dev == there.dev && here.ino == there.ino &&
                  here.size == there.size && here.mtime_ns == there.mtime_ns);
        manifest_instance_deinit(&here);
        manifest_instance_deinit(&there);
    }
}
END_TEST

START_TEST(the_same_file_is_taken_over_once)
{
    publish();
    adopt(false, true);
    adopt(false, false);
    adopt(true, false);
    publish(); /* another seal, the same content */
    adopt(true, true);
    ck_assert(news.added == 0 && news.vanished == 0);
}
END_TEST

START_TEST(following_outlives_a_restart_also_read_only)
{
    publish();
    adopt(false, true);
    manifest_close(follower);
    follower = manifest_open(node, MANIFEST_READ_ONLY, &err);
    ck_assert(follower && manifest_follows(follower));
    manifest_close(follower);
    follower = open_in("node");
    ck_assert(manifest_follows(follower));
    adopt(false, false);
}
END_TEST

START_TEST(a_new_one_is_taken_over_in_use)
{
    struct manifest_instance i;

    publish();
    adopt(false, true);
    replace_second(2000);
    publish();
    adopt(true, true);
    ck_assert_uint_eq(news.added, 1);
    ck_assert_uint_eq(news.vanished, 1);
    ck_assert_int_eq(manifest_instance_by_id(follower, SECOND, &i, &err), 1);
    ck_assert(i.gone);
    manifest_instance_deinit(&i);
}
END_TEST

START_TEST(readers_have_the_one_or_the_other)
{
    struct manifest_folder rows[4];

    publish();
    adopt(false, true);
    /* connections that are open already */
    ck_assert_int_eq(manifest_list_studies(follower, 0, 4, rows, &err), 2);
    rows_write(publisher,
               &(struct row){.path = "c/4",
                             .study = "1.3",
                             .series = "1.3.1",
                             .sop = "1.3.1.1",
                             .ino = 4},
               1);
    rows_end(publisher, NULL, NULL);
    publish();
    adopt(true, true);
    ck_assert_int_eq(manifest_list_studies(follower, 0, 4, rows, &err), 3);
}
END_TEST

/* ---- what was found out ---- */

START_TEST(what_was_found_out_stays_while_it_is_true)
{
    const struct manifest_fact fact = {{1, 2, 3, 4}, 5, 6};
    struct manifest_fact back;
    uint16_t id;

    publish();
    adopt(false, true);
    id = view(follower, "crop");
    put_output(id, FIRST, 100);
    put_output(id, SECOND, 200);
    ck_assert_int_eq(manifest_fact_put(follower, FIRST, "crop", 9, &fact, &err),
                     0);
    replace_second(2000);
    publish();
    adopt(true, true);
    ck_assert_uint_gt(news.kept_rows, 0);
    ck_assert_uint_eq(view(follower, "crop"), id);
    ck_assert_uint_eq(output_bytes(id, FIRST), 100);
    ck_assert_uint_eq(output_bytes(id, SECOND), 0);
    ck_assert_int_eq(manifest_fact_get(follower, FIRST, "crop", 9, &back, &err),
                     1);
    ck_assert_int_eq(back.crop.width, 3);
}
END_TEST

START_TEST(views_get_the_same_numbers_everywhere)
{
    struct manifest *other = open_in("other");
    uint16_t known = view(publisher, "full"), a, b;

    publish();
    adopt(false, true);
    ck_assert_int_eq(manifest_adopt(other, file, false, &news, &err), 0);
    a = view(follower, "crop");
    b = view(follower, "size-512x512");
    ck_assert_uint_ge(a, FIRST_HERE);
    ck_assert_uint_ge(b, FIRST_HERE);
    ck_assert_uint_ne(a, b);
    ck_assert_uint_eq(view(other, "size-512x512"), b); /* in another order */
    ck_assert_uint_eq(view(other, "crop"), a);
    ck_assert_uint_eq(view(follower, "full"), known);
    manifest_close(other);
}
END_TEST

START_TEST(numbers_that_meet_go_on_to_the_next)
{
    char sql[256];
    uint16_t a;

    publish();
    adopt(false, true);
    a = view(follower, "crop");
    (void)snprintf(sql, sizeof sql,
                   "UPDATE view SET canonical='flip-h',dirname='flip-h'"
                   " WHERE id=%u",
                   a);
    rows_exec(node, sql);
    ck_assert_uint_eq(view(follower, "crop"),
                      a == MANIFEST_VIEW_MAX ? FIRST_HERE : a + 1u);
}
END_TEST

START_TEST(a_view_that_is_published_later_changes_its_number)
{
    uint16_t before, after;

    publish();
    adopt(false, true);
    before = view(follower, "crop");
    put_output(before, FIRST, 100);
    after = view(publisher, "crop");
    publish();
    adopt(false, true);
    ck_assert_uint_ne(before, after);
    ck_assert_uint_eq(view(follower, "crop"), after);
    ck_assert_uint_eq(output_bytes(after, FIRST), 100);
}
END_TEST

START_TEST(max_views_counts_here_as_well)
{
    uint16_t id;

    (void)view(publisher, "full");
    publish();
    adopt(false, true);
    ck_assert_int_eq(manifest_view_intern(follower, "crop", 2, &id, &err), 0);
    ck_assert_int_eq(manifest_view_intern(follower, "raw", 2, &id, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
}
END_TEST

/* ---- what cannot be ---- */

START_TEST(nothing_is_indexed_or_imported_where_one_follows)
{
    const struct manifest_roi_row finding = {"1.1.1", {.n = 0}};

    publish();
    adopt(false, true);
    ck_assert_int_eq(manifest_index_lock(follower, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_msg(strstr(err.msg, "follows a published manifest"), "%s",
                  err.msg);
    ck_assert_int_eq(manifest_roi_put(follower, "nodules", MANIFEST_ROI_ADD,
                                      &finding, 1, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(manifest_publish(follower, file, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
}
END_TEST

START_TEST(an_index_of_its_own_is_not_replaced)
{
    publish();
    rows_write(follower, three, 1);
    refuses(false, ERROR_USAGE, "index of its own");
    ck_assert(!manifest_follows(follower));
}
END_TEST

START_TEST(another_index_only_where_nothing_is_in_use)
{
    struct manifest *stranger = open_in("stranger");

    publish();
    adopt(false, true);
    put_output(view(follower, "crop"), FIRST, 100);
    rows_write(stranger, three, 1);
    rows_end(stranger, NULL, NULL);
    ck_assert_int_eq(manifest_publish(stranger, file, &err), 0);
    refuses(true, ERROR_USAGE, "mount anew");
    adopt(false, true);
    ck_assert_uint_eq(news.kept_rows, 0);
    ck_assert_uint_eq(output_bytes(view(follower, "crop"), FIRST), 0);
    manifest_close(stranger);
}
END_TEST

START_TEST(an_older_one_only_where_nothing_is_in_use)
{
    CLEANUP_FREE char *newer = scratch_text("%s/newer.db", top);
    CLEANUP_FREE char *older = NULL;

    publish();
    replace_second(2000);
    ck_assert_int_eq(manifest_publish(publisher, newer, &err), 0);
    older = file;
    file = scratch_text("%s", newer);
    adopt(false, true);
    free(file);
    file = scratch_text("%s", older);
    refuses(true, ERROR_USAGE, "older");
    adopt(false, true);
}
END_TEST

START_TEST(an_index_that_never_ended_is_not_published)
{
    rows_write(follower, three, 2); /* no rows_end */
    ck_assert_int_eq(manifest_publish(follower, file, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(access(file, F_OK), -1);
}
END_TEST

/* ---- files that are not what they should be ---- */

START_TEST(what_is_no_manifest_is_said_to_be_none)
{
    refuses(false, ERROR_NOT_FOUND, "there is no manifest");
    scratch_write(top, "published.db", "", 0);
    refuses(false, ERROR_USAGE, "not a manifest");
    scratch_write(top, "published.db", "SQLite format 4 is not there yet", 0);
    refuses(false, ERROR_USAGE, "not a manifest");
    ck_assert_int_eq(unlink(file), 0);
    rows_exec(file, "CREATE TABLE t(x)");
    refuses(false, ERROR_USAGE, "not a manifest");
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    refuses(false, ERROR_USAGE, "not a manifest");
}
END_TEST

START_TEST(a_snapshot_is_not_published)
{
    ck_assert_int_eq(manifest_snapshot(publisher, file, &err), 0);
    refuses(false, ERROR_USAGE, "was not published");
}
END_TEST

START_TEST(another_schema_is_named)
{
    publish();
    rows_exec(file, "PRAGMA user_version=99");
    refuses(false, ERROR_UNSUPPORTED, "a newer prepfs (schema 99");
    rows_exec(file, "PRAGMA user_version=1");
    refuses(false, ERROR_UNSUPPORTED, "an older prepfs (schema 1");
}
END_TEST

/* Any byte: of a header, of a page that nobody reads, of the seal. */
START_TEST(a_changed_byte_is_found)
{
    struct stat st;
    uint64_t x = 88172645463325252u;

    publish();
    ck_assert_int_eq(stat(file, &st), 0);
    for (int i = 0; i < 200; i++) {
        uint8_t was, is;
        int fd = open(file, O_RDWR | O_CLOEXEC);

        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pread(fd, &was, 1, (off_t)(x % (uint64_t)st.st_size)),
                         1);
        is = was ^ (uint8_t)(1 + (x >> 40) % 255);
        ck_assert_int_eq(pwrite(fd, &is, 1, (off_t)(x % (uint64_t)st.st_size)),
                         1);
        ck_assert_msg(manifest_adopt(follower, file, false, &news, &err) == -1,
                      "byte %llu",
                      (unsigned long long)(x % (uint64_t)st.st_size));
        ck_assert_int_eq(pwrite(fd, &was, 1, (off_t)(x % (uint64_t)st.st_size)),
                         1);
        ck_assert_int_eq(close(fd), 0);
    }
    adopt(false, true);
}
END_TEST

START_TEST(a_file_that_was_cut_or_written_to_is_damaged)
{
    struct stat st;

    publish();
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(truncate(file, st.st_size + 1), 0);
    refuses(false, ERROR_CORRUPT, "damaged");
    ck_assert_int_eq(truncate(file, st.st_size - 4096), 0);
    refuses(false, ERROR_CORRUPT, "damaged");
    publish();
    rows_exec(file, "UPDATE source SET size=7 WHERE id=1");
    refuses(false, ERROR_CORRUPT, "not those that were published");
    ck_assert(!manifest_follows(follower));
}
END_TEST

/* ---- the file ---- */

START_TEST(a_published_file_is_one_file_with_its_mode)
{
    CLEANUP_FREE char *wal = scratch_text("%s-wal", file);
    CLEANUP_FREE char *mode = NULL;
    struct stat st;

    publish();
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    mode = rows_query(file, "PRAGMA journal_mode");
    ck_assert_str_eq(mode, "delete");
    ck_assert_int_eq(access(wal, F_OK), -1);
    ck_assert_int_eq(chmod(file, 0640), 0);
    publish();
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(nothing_is_left_behind)
{
    CLEANUP_FREE char *incoming = scratch_text("%s/incoming.db", node);
    CLEANUP_FREE char *nowhere = scratch_text("%s/no/such.db", top);

    publish();
    scratch_write(node, "incoming.db", "of a process that was killed", 0);
    adopt(false, true);
    ck_assert_int_eq(access(incoming, F_OK), -1);
    ck_assert_int_eq(manifest_publish(publisher, nowhere, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_follow");
    TCase *t = tcase_create("publish");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, who_follows_has_the_publishers_rows);
    tcase_add_test(t, the_same_file_is_taken_over_once);
    tcase_add_test(t, following_outlives_a_restart_also_read_only);
    tcase_add_test(t, a_new_one_is_taken_over_in_use);
    tcase_add_test(t, readers_have_the_one_or_the_other);
    tcase_add_test(t, what_was_found_out_stays_while_it_is_true);
    tcase_add_test(t, views_get_the_same_numbers_everywhere);
    tcase_add_test(t, numbers_that_meet_go_on_to_the_next);
    tcase_add_test(t, a_view_that_is_published_later_changes_its_number);
    tcase_add_test(t, max_views_counts_here_as_well);
    tcase_add_test(t, nothing_is_indexed_or_imported_where_one_follows);
    tcase_add_test(t, an_index_of_its_own_is_not_replaced);
    tcase_add_test(t, another_index_only_where_nothing_is_in_use);
    tcase_add_test(t, an_older_one_only_where_nothing_is_in_use);
    tcase_add_test(t, an_index_that_never_ended_is_not_published);
    tcase_add_test(t, what_is_no_manifest_is_said_to_be_none);
    tcase_add_test(t, a_snapshot_is_not_published);
    tcase_add_test(t, another_schema_is_named);
    tcase_add_test(t, a_changed_byte_is_found);
    tcase_add_test(t, a_file_that_was_cut_or_written_to_is_damaged);
    tcase_add_test(t, a_published_file_is_one_file_with_its_mode);
    tcase_add_test(t, nothing_is_left_behind);
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
