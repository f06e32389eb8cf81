// SPDX-License-Identifier: MIT
/*
 * test_manifest_open.c: new, old, foreign, damaged, shared and read-only
 * manifests.
 */
#undef NDEBUG
#include "manifest/manifest.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/manifested.h"
#include "support/rows.h"
#include "support/scratch.h"

/* ---- opening ---- */

START_TEST(the_database_is_private_and_marked)
{
    char *path = scratch_text("%s/manifest.db", db.state);
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(rows_int(db.state, "PRAGMA application_id"), 0x44434D46);
    ck_assert_int_eq(rows_int(db.state, "PRAGMA user_version"), 2);
    char *mode = rows_query(db.state, "PRAGMA journal_mode");

    ck_assert_str_eq(mode, "wal");
    free(mode);
    free(path);
    ck_assert_ptr_null(manifest_set_aside(db.m));
}
END_TEST

/* Names of all tables, indexes and views, and of the columns of `series`. */
static char *shape_of_tables(void)
{
    return rows_query(
        db.state,
        "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master"
        " WHERE name NOT LIKE 'sqlite_%' UNION ALL SELECT name FROM"
        " pragma_table_info('series') ORDER BY 1)");
}

START_TEST(a_manifest_of_version_1_becomes_like_a_new_one)
{
    struct manifest_instance row;
    char *new_shape = shape_of_tables();

    manifest_close(db.m);
    rows_exec(db.state,
              "DROP VIEW manifest; DROP INDEX series_volume;"
              "DROP INDEX series_study_volume; DROP INDEX instance_gone_study;"
              "ALTER TABLE series DROP COLUMN volume_id;"
              "ALTER TABLE series DROP COLUMN volume_kind;"
              "ALTER TABLE series DROP COLUMN volume_first;"
              "ALTER TABLE series DROP COLUMN volume_mtime_s;"
              "CREATE VIEW manifest AS SELECT 1;"
              "PRAGMA user_version=1");
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_msg(db.m != NULL, "%s", db.err.msg);
    char *upgraded = shape_of_tables();

    ck_assert_str_eq(upgraded, new_shape);
    ck_assert_msg(manifest_list_gone(db.m, 1, 0, 1, &row, &db.err) == 0, "%s",
                  db.err.msg);
    free(upgraded);
    free(new_shape);
}
END_TEST

START_TEST(a_version_that_is_not_true_is_damage)
{
    rows_exec(db.state, "PRAGMA user_version=1");
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_msg(db.m != NULL, "%s", db.err.msg);
    ck_assert_ptr_nonnull(manifest_set_aside(db.m));
    ck_assert_int_eq(rows_int(db.state, "PRAGMA user_version"), 2);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
    rows_exec(db.state, "PRAGMA user_version=999");
    manifest_close(db.m);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_ptr_null(db.m);
    ck_assert_int_eq(db.err.kind, ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(db.err.msg, "newer") && strstr(db.err.msg, "999"),
                  "%s", db.err.msg);
    ck_assert_int_eq(rows_int(db.state, "PRAGMA user_version"), 999);
}
END_TEST

START_TEST(a_database_of_another_program_is_refused_and_left_alone)
{
    manifest_close(db.m);
    db.m = NULL;
    char *path = scratch_text("%s/manifest.db", db.state);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
    rows_exec(db.state,
              "CREATE TABLE precious(x); INSERT INTO precious VALUES(1)");
    ck_assert_ptr_null(manifest_open(db.state, MANIFEST_READ_WRITE, &db.err));
    ck_assert_int_eq(db.err.kind, ERROR_USAGE);
    ck_assert_int_eq(rows_int(db.state, "SELECT x FROM precious"), 1);
}
END_TEST

static void overwrite(off_t offset, size_t length)
{
    char *path = scratch_text("%s/manifest.db", db.state);
    int fd = open(path, O_WRONLY);
    char *junk = malloc(length);

    ck_assert(fd >= 0 && junk);
    (void)memset(junk, 0x5a, length);
    ck_assert_int_eq(pwrite(fd, junk, length, offset), (ssize_t)length);
    (void)close(fd);
    free(junk);
    free(path);
}

/* Damage of: the whole file, the header, the first page after its header,
 * everything behind the first page. */
static const struct {
    off_t offset;
    size_t length;
} damages[] = {{0, 65536}, {0, 16}, {44, 4}, {100, 2000}, {4096, 200000}};

START_TEST(a_damaged_file_is_set_aside_and_ids_go_on)
{
    struct manifest_instance i;

    manifested_fill();
    int64_t last = rows_int(db.state, "SELECT max(id) FROM instance");

    manifest_close(db.m);
    overwrite(damages[_i].offset, damages[_i].length);
    db.m = manifested_open(MANIFEST_READ_WRITE);
    ck_assert_ptr_nonnull(manifest_set_aside(db.m));
    ck_assert_msg(strstr(manifest_set_aside(db.m), "manifest.db.corrupt-"),
                  "%s", manifest_set_aside(db.m));
    ck_assert_int_eq(access(manifest_set_aside(db.m), F_OK), 0);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM instance"), 0);
    manifested_fill();
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM instance"), 3);
    ck_assert_int_gt(rows_int(db.state, "SELECT min(id) FROM instance"), last);
    ck_assert_int_eq(manifest_instance_by_id(db.m, last, &i, &db.err), 0);
}
END_TEST

START_TEST(damage_met_later_is_found_at_the_next_open)
{
    struct manifest_instance page[3];

    manifested_fill();
    manifested_reopen(MANIFEST_READ_WRITE);
    /* Everything but the pages that opening looks at. */
    int64_t root = rows_int(db.state, "SELECT rootpage FROM sqlite_master"
                                      " WHERE name='source'");

    manifest_close(db.m);
    overwrite((off_t)(root - 1) * 4096 + 8, 3000);
    db.m = manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);
    ck_assert_ptr_nonnull(db.m);
    if (!manifest_set_aside(db.m)) {
        int n = manifest_list_instances(db.m, 1, 0, 0, 3, page, &db.err);

        ck_assert_int_lt(n, 0);
        ck_assert_int_eq(db.err.kind, ERROR_CORRUPT);
        manifested_reopen(MANIFEST_READ_WRITE);
    }
    ck_assert_ptr_nonnull(manifest_set_aside(db.m));
}
END_TEST

/* In the indexes of what is listed, rows 2 and 3 change places. */
static void disorder(void)
{
    static const uint8_t second[] = {6, 9, 9, 0, 8, 1, 2};
    char *path = scratch_text("%s/manifest.db", db.state);
    size_t size;
    char *bytes = scratch_read(path, &size);
    FILE *f;
    int n = 0;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i + sizeof second <= size; i++) {
        if (memcmp(bytes + i, second, sizeof second - 1) != 0)
            continue;
        n++;
        bytes[i + 6] = (char)(bytes[i + 6] == 2 ? 3 : 2);
    }
    ck_assert_int_eq(n, 4); /* of the study, and of the series */
    f = fopen(path, "r+e");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    ck_assert_int_eq(fclose(f), 0);
    free(bytes);
    free(path);
}

START_TEST(a_damaged_index_is_not_listed_for_ever)
{
    struct row rows[3] = {manifested_three[0], manifested_three[1],
                          manifested_three[1]};
    struct manifest_instance list[4];
    int64_t after = 0;
    int n = 1;

    rows[2].path = "a/3.dcm";
    rows[2].sop = "1.2.1.1.3";
    rows[2].ino = 14;
    rows_write(db.m, rows, 3);
    rows_end(db.m, NULL, NULL);
    manifest_close(db.m);
    disorder();
    db.m = manifested_open(MANIFEST_READ_ONLY);
    ck_assert_int_eq(manifest_list_instances(db.m, 1, 0, 0, 4, list, &db.err),
                     -1);
    ck_assert_int_eq(db.err.kind, ERROR_CORRUPT);
    for (int i = 0; n > 0; i++) {
        n = manifest_list_instances(db.m, 1, 0, after, 1, list, &db.err);
        after = list[0].id;
        if (n > 0)
            manifest_instance_deinit(&list[0]);
        ck_assert_int_lt(i, 5);
    }
}
END_TEST

START_TEST(a_damaged_file_in_use_is_not_moved_away)
{
    manifest_close(db.m);
    db.m = manifested_open(MANIFEST_READ_WRITE);
    char *path = scratch_text("%s/manifest.db", db.state);
    pid_t child;

    overwrite(0, 4096);
    child = fork();
    if (child == 0) {
        struct manifest *other =
            manifest_open(db.state, MANIFEST_READ_WRITE, &db.err);

        _exit(!other && db.err.kind == ERROR_CORRUPT &&
                      strstr(db.err.msg, "in use")
                  ? 0
                  : 1);
    }
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    free(path);
}
END_TEST

START_TEST(two_processes_share_a_state)
{
    uint16_t id = 0;
    pid_t child = fork();

    if (child == 0) {
        struct manifest *other =
            manifest_open(db.state, MANIFEST_READ_WRITE, NULL);
        int bad = !other;

        for (int i = 0; i < 200 && !bad; i++) {
            char text[32];

            (void)snprintf(text, sizeof text, "size-%dx%d", i + 1, i + 1);
            bad = manifest_view_intern(other, text, 0, &id, NULL) != 0;
        }
        manifest_close(other);
        _exit(bad);
    }
    for (int i = 200; i-- > 0;) {
        char text[32];

        (void)snprintf(text, sizeof text, "size-%dx%d", i + 1, i + 1);
        ck_assert_int_eq(manifest_view_intern(db.m, text, 0, &id, &db.err), 0);
    }
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM view"), 200);
    ck_assert_int_eq(rows_int(db.state, "SELECT max(id) FROM view"), 200);
}
END_TEST

START_TEST(many_processes_may_be_the_first)
{
    enum { PROCESSES = 12 };
    char *fresh = scratch_new();
    int go[2];
    pid_t children[PROCESSES];

    ck_assert_int_eq(pipe(go), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char c;
            uint16_t id;

            (void)close(go[1]);
            (void)read(go[0], &c, 1); /* until all are there */
            struct manifest *mine =
                manifest_open(fresh, MANIFEST_READ_WRITE, &db.err);

            if (!mine || manifest_set_aside(mine) ||
                manifest_view_intern(mine, "crop", 0, &id, &db.err) != 0 ||
                id != 1) {
                (void)fprintf(stderr, "# %s\n", db.err.msg);
                _exit(1);
            }
            manifest_close(mine);
            _exit(0);
        }
    }
    (void)close(go[0]);
    (void)close(go[1]);
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(rows_int(fresh, "SELECT count(*) FROM view"), 1);
    scratch_free(fresh);
}
END_TEST

/* ---- read-only ---- */

/* Root may write anywhere: become nobody, in the forked test only. */
static void drop_rights(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
}

static void look_at_read_only(void)
{
    struct manifest_instance i;
    uint16_t a = 0;
    uint16_t b = 0;
    char *text = NULL;

    ck_assert_int_eq(manifest_instance_by_id(db.m, 1, &i, &db.err), 1);
    manifest_instance_deinit(&i);
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &a, &db.err), 0);
    ck_assert_uint_eq(a, 1); /* is in the file */
    ck_assert_int_eq(manifest_view_intern(db.m, "size-1x1", 0, &a, &db.err), 0);
    ck_assert_int_eq(manifest_view_intern(db.m, "size-2x2", 0, &b, &db.err), 0);
    ck_assert_uint_eq(a, 2);
    ck_assert_uint_eq(b, 3);
    ck_assert_int_eq(manifest_view_intern(db.m, "size-1x1", 0, &b, &db.err), 0);
    ck_assert_uint_eq(b, 2);
    ck_assert_int_eq(manifest_view_by_id(db.m, 3, &text, &db.err), 1);
    ck_assert_str_eq(text, "size-2x2");
    free(text);
    ck_assert_int_eq(
        manifest_view_by_dirname(db.m, "size-1x1", &b, &text, &db.err), 1);
    ck_assert_uint_eq(b, 2);
    free(text);
    ck_assert_int_eq(manifest_view_intern(db.m, "size-3x3", 3, &b, &db.err),
                     -1);
    ck_assert_int_eq(db.err.kind, ERROR_QUOTA);
    struct manifest_fact fact = {.vmin = 1, .vmax = 2};

    ck_assert_int_eq(manifest_fact_put(db.m, 1, "crop", 1, &fact, &db.err), 0);
    ck_assert_int_eq(manifest_fact_get(db.m, 1, "crop", 1, &fact, &db.err), 0);
}

START_TEST(a_read_only_manifest_knows_new_views_for_itself)
{
    uint16_t id;

    manifested_fill();
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &id, &db.err), 0);
    manifested_reopen(MANIFEST_READ_ONLY);
    look_at_read_only();
    ck_assert_int_eq(rows_int(db.state, "SELECT count(*) FROM view"), 1);
}
END_TEST

START_TEST(a_state_on_read_only_media_opens)
{
    uint16_t id;
    char *path = scratch_text("%s/manifest.db", db.state);

    manifested_fill();
    ck_assert_int_eq(manifest_view_intern(db.m, "crop", 0, &id, &db.err), 0);
    manifest_close(db.m); /* the last close brings the log in */
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(db.state, 0555), 0);
    free(path);
    path = scratch_text("%s/lock", db.state);
    ck_assert_int_eq(chmod(path, 0400), 0);
    free(path);
    drop_rights();
    db.m = manifested_open(MANIFEST_READ_ONLY);
    look_at_read_only();
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(chmod(db.state, 0700), 0);
}
END_TEST

START_TEST(reading_a_state_that_is_not_there_is_explained)
{
    char *empty = scratch_new();

    ck_assert_ptr_null(manifest_open(empty, MANIFEST_READ_ONLY, &db.err));
    ck_assert_int_eq(db.err.kind, ERROR_NOT_FOUND);
    scratch_free(empty);
    ck_assert_ptr_null(
        manifest_open("/nonexistent/x", MANIFEST_READ_WRITE, &db.err));
    ck_assert_int_eq(db.err.kind, ERROR_IO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_open");
    TCase *t = tcase_create("manifest_open");

    tcase_add_checked_fixture(t, manifested_setup, manifested_teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_database_is_private_and_marked);
    tcase_add_test(t, a_manifest_of_version_1_becomes_like_a_new_one);
    tcase_add_test(t, a_version_that_is_not_true_is_damage);
    tcase_add_test(t, a_newer_schema_is_refused_and_left_alone);
    tcase_add_test(t, a_database_of_another_program_is_refused_and_left_alone);
    tcase_add_loop_test(t, a_damaged_file_is_set_aside_and_ids_go_on, 0,
                        (int)(sizeof damages / sizeof *damages));
    tcase_add_test(t, damage_met_later_is_found_at_the_next_open);
    tcase_add_test(t, a_damaged_index_is_not_listed_for_ever);
    tcase_add_test(t, a_damaged_file_in_use_is_not_moved_away);
    tcase_add_test(t, two_processes_share_a_state);
    tcase_add_loop_test(t, many_processes_may_be_the_first, 0, 3);
    tcase_add_test(t, a_read_only_manifest_knows_new_views_for_itself);
    tcase_add_test(t, a_state_on_read_only_media_opens);
    tcase_add_test(t, reading_a_state_that_is_not_there_is_explained);
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
