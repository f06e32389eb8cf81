// SPDX-License-Identifier: MIT
/*
 * test_manifest.c: opening, damage, views, facts, outputs, errors, snapshot,
 * CSV. What an indexer writes is in test_manifest_write.c.
 */
#undef NDEBUG
#include "manifest/manifest.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/rows.h"
#include "support/scratch.h"

static char *state;
static struct manifest *m;
static struct error err;

static struct manifest *open_state(enum manifest_mode mode)
{
    err = (struct error)ERROR_INIT;
    struct manifest *opened = manifest_open(state, mode, &err);

    ck_assert_msg(opened != NULL, "%s", err.msg);
    return opened;
}

static void setup(void)
{
    state = scratch_new();
    m = open_state(MANIFEST_READ_WRITE);
}

static void teardown(void)
{
    manifest_close(m);
    scratch_free(state);
}

static void reopen(enum manifest_mode mode)
{
    manifest_close(m);
    m = open_state(mode);
}

static const struct row three[] = {
    {.path = "a/1.dcm",
     .study = "1.2.1",
     .series = "1.2.1.1",
     .sop = "1.2.1.1.1",
     .ino = 11,
     .z = 0,
     .number = 1,
     .patient = "P1"},
    {.path = "a/2.dcm",
     .study = "1.2.1",
     .series = "1.2.1.1",
     .sop = "1.2.1.1.2",
     .ino = 12,
     .z = 5,
     .number = 2,
     .patient = "P1"},
    {.path = "b/3.dcm",
     .study = "1.2.0",
     .series = "1.2.0.1",
     .sop = "1.2.0.1.3",
     .ino = 13,
     .z = 5,
     .number = 3,
     .patient = "P2"},
};

static void fill(void)
{
    rows_write(m, three, 3);
    rows_end(m, NULL, NULL);
}

/* ---- opening ---- */

START_TEST(the_database_is_private_and_marked)
{
    char *path = scratch_text("%s/manifest.db", state);
    struct stat st;

    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(rows_int(state, "PRAGMA application_id"), 0x44434D46);
    ck_assert_int_eq(rows_int(state, "PRAGMA user_version"), 2);
    char *mode = rows_query(state, "PRAGMA journal_mode");

    ck_assert_str_eq(mode, "wal");
    free(mode);
    free(path);
    ck_assert_ptr_null(manifest_set_aside(m));
}
END_TEST

/* Names of all tables, indexes and views, and of the columns of `series`. */
static char *shape_of_tables(void)
{
    return rows_query(
        state, "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master"
               " WHERE name NOT LIKE 'sqlite_%' UNION ALL SELECT name FROM"
               " pragma_table_info('series') ORDER BY 1)");
}

START_TEST(a_manifest_of_version_1_becomes_like_a_new_one)
{
    struct manifest_instance row;
    char *new_shape = shape_of_tables();

    manifest_close(m);
    rows_exec(state,
              "DROP VIEW manifest; DROP INDEX series_volume;"
              "DROP INDEX series_study_volume; DROP INDEX instance_gone_study;"
              "ALTER TABLE series DROP COLUMN volume_id;"
              "ALTER TABLE series DROP COLUMN volume_kind;"
              "ALTER TABLE series DROP COLUMN volume_first;"
              "ALTER TABLE series DROP COLUMN volume_mtime_s;"
              "CREATE VIEW manifest AS SELECT 1;"
              "PRAGMA user_version=1");
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    char *upgraded = shape_of_tables();

    ck_assert_str_eq(upgraded, new_shape);
    ck_assert_msg(manifest_list_gone(m, 1, 0, 1, &row, &err) == 0, "%s",
                  err.msg);
    free(upgraded);
    free(new_shape);
}
END_TEST

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
    rows_exec(state, "PRAGMA user_version=999");
    manifest_close(m);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_ptr_null(m);
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "newer") && strstr(err.msg, "999"), "%s",
                  err.msg);
    ck_assert_int_eq(rows_int(state, "PRAGMA user_version"), 999);
}
END_TEST

START_TEST(a_database_of_another_program_is_refused_and_left_alone)
{
    manifest_close(m);
    m = NULL;
    char *path = scratch_text("%s/manifest.db", state);

    ck_assert_int_eq(unlink(path), 0);
    free(path);
    rows_exec(state,
              "CREATE TABLE precious(x); INSERT INTO precious VALUES(1)");
    ck_assert_ptr_null(manifest_open(state, MANIFEST_READ_WRITE, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(rows_int(state, "SELECT x FROM precious"), 1);
}
END_TEST

static void overwrite(off_t offset, size_t length)
{
    char *path = scratch_text("%s/manifest.db", state);
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

    fill();
    int64_t last = rows_int(state, "SELECT max(id) FROM instance");

    manifest_close(m);
    overwrite(damages[_i].offset, damages[_i].length);
    m = open_state(MANIFEST_READ_WRITE);
    ck_assert_ptr_nonnull(manifest_set_aside(m));
    ck_assert_msg(strstr(manifest_set_aside(m), "manifest.db.corrupt-"), "%s",
                  manifest_set_aside(m));
    ck_assert_int_eq(access(manifest_set_aside(m), F_OK), 0);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM instance"), 0);
    fill();
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM instance"), 3);
    ck_assert_int_gt(rows_int(state, "SELECT min(id) FROM instance"), last);
    ck_assert_int_eq(manifest_instance_by_id(m, last, &i, &err), 0);
}
END_TEST

START_TEST(damage_met_later_is_found_at_the_next_open)
{
    struct manifest_instance page[3];

    fill();
    reopen(MANIFEST_READ_WRITE);
    /* Everything but the pages that opening looks at. */
    int64_t root = rows_int(state, "SELECT rootpage FROM sqlite_master"
                                   " WHERE name='source'");

    manifest_close(m);
    overwrite((off_t)(root - 1) * 4096 + 8, 3000);
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_ptr_nonnull(m);
    if (!manifest_set_aside(m)) {
        int n = manifest_list_instances(m, 1, 0, 0, 3, page, &err);

        ck_assert_int_lt(n, 0);
        ck_assert_int_eq(err.kind, ERROR_CORRUPT);
        reopen(MANIFEST_READ_WRITE);
    }
    ck_assert_ptr_nonnull(manifest_set_aside(m));
}
END_TEST

/* In the indexes of what is listed, rows 2 and 3 change places. */
static void disorder(void)
{
    static const uint8_t second[] = {6, 9, 9, 0, 8, 1, 2};
    char *path = scratch_text("%s/manifest.db", state);
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
    struct row rows[3] = {three[0], three[1], three[1]};
    struct manifest_instance list[4];
    int64_t after = 0;
    int n = 1;

    rows[2].path = "a/3.dcm";
    rows[2].sop = "1.2.1.1.3";
    rows[2].ino = 14;
    rows_write(m, rows, 3);
    rows_end(m, NULL, NULL);
    manifest_close(m);
    disorder();
    m = open_state(MANIFEST_READ_ONLY);
    ck_assert_int_eq(manifest_list_instances(m, 1, 0, 0, 4, list, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
    for (int i = 0; n > 0; i++) {
        n = manifest_list_instances(m, 1, 0, after, 1, list, &err);
        after = list[0].id;
        if (n > 0)
            manifest_instance_deinit(&list[0]);
        ck_assert_int_lt(i, 5);
    }
}
END_TEST

START_TEST(a_damaged_file_in_use_is_not_moved_away)
{
    manifest_close(m);
    m = open_state(MANIFEST_READ_WRITE);
    char *path = scratch_text("%s/manifest.db", state);
    pid_t child;

    overwrite(0, 4096);
    child = fork();
    if (child == 0) {
        struct manifest *other =
            manifest_open(state, MANIFEST_READ_WRITE, &err);

        _exit(!other && err.kind == ERROR_CORRUPT && strstr(err.msg, "in use")
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
            manifest_open(state, MANIFEST_READ_WRITE, NULL);
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
        ck_assert_int_eq(manifest_view_intern(m, text, 0, &id, &err), 0);
    }
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM view"), 200);
    ck_assert_int_eq(rows_int(state, "SELECT max(id) FROM view"), 200);
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
                manifest_open(fresh, MANIFEST_READ_WRITE, &err);

            if (!mine || manifest_set_aside(mine) ||
                manifest_view_intern(mine, "crop", 0, &id, &err) != 0 ||
                id != 1) {
                (void)fprintf(stderr, "# %s\n", err.msg);
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

    ck_assert_int_eq(manifest_instance_by_id(m, 1, &i, &err), 1);
    manifest_instance_deinit(&i);
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &a, &err), 0);
    ck_assert_uint_eq(a, 1); /* is in the file */
    ck_assert_int_eq(manifest_view_intern(m, "size-1x1", 0, &a, &err), 0);
    ck_assert_int_eq(manifest_view_intern(m, "size-2x2", 0, &b, &err), 0);
    ck_assert_uint_eq(a, 2);
    ck_assert_uint_eq(b, 3);
    ck_assert_int_eq(manifest_view_intern(m, "size-1x1", 0, &b, &err), 0);
    ck_assert_uint_eq(b, 2);
    ck_assert_int_eq(manifest_view_by_id(m, 3, &text, &err), 1);
    ck_assert_str_eq(text, "size-2x2");
    free(text);
    ck_assert_int_eq(manifest_view_by_dirname(m, "size-1x1", &b, &text, &err),
                     1);
    ck_assert_uint_eq(b, 2);
    free(text);
    ck_assert_int_eq(manifest_view_intern(m, "size-3x3", 3, &b, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    struct manifest_fact fact = {.vmin = 1, .vmax = 2};

    ck_assert_int_eq(manifest_fact_put(m, 1, "crop", 1, &fact, &err), 0);
    ck_assert_int_eq(manifest_fact_get(m, 1, "crop", 1, &fact, &err), 0);
}

START_TEST(a_read_only_manifest_knows_new_views_for_itself)
{
    uint16_t id;

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &id, &err), 0);
    reopen(MANIFEST_READ_ONLY);
    look_at_read_only();
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM view"), 1);
}
END_TEST

START_TEST(a_state_on_read_only_media_opens)
{
    uint16_t id;
    char *path = scratch_text("%s/manifest.db", state);

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &id, &err), 0);
    manifest_close(m); /* the last close brings the log in */
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(state, 0555), 0);
    free(path);
    path = scratch_text("%s/lock", state);
    ck_assert_int_eq(chmod(path, 0400), 0);
    free(path);
    drop_rights();
    m = open_state(MANIFEST_READ_ONLY);
    look_at_read_only();
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(chmod(state, 0700), 0);
}
END_TEST

START_TEST(reading_a_state_that_is_not_there_is_explained)
{
    char *empty = scratch_new();

    ck_assert_ptr_null(manifest_open(empty, MANIFEST_READ_ONLY, &err));
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    scratch_free(empty);
    ck_assert_ptr_null(
        manifest_open("/nonexistent/x", MANIFEST_READ_WRITE, &err));
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

/* ---- views ---- */

START_TEST(a_view_has_one_number_for_good)
{
    uint16_t a;
    uint16_t b;
    char *text = NULL;

    ck_assert_int_eq(manifest_view_intern(m, "full", 0, &a, &err), 0);
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &b, &err), 0);
    ck_assert_uint_eq(a, 1);
    ck_assert_uint_eq(b, 2);
    reopen(MANIFEST_READ_WRITE);
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &b, &err), 0);
    ck_assert_uint_eq(b, 2);
    ck_assert_int_eq(manifest_view_by_id(m, 2, &text, &err), 1);
    ck_assert_str_eq(text, "crop");
    free(text);
    ck_assert_int_eq(manifest_view_by_id(m, 3, &text, &err), 0);
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(more_views_than_allowed_are_over_quota)
{
    uint16_t id;

    ck_assert_int_eq(manifest_view_intern(m, "full", 2, &id, &err), 0);
    ck_assert_int_eq(manifest_view_intern(m, "crop", 2, &id, &err), 0);
    ck_assert_int_eq(manifest_view_intern(m, "hu", 2, &id, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_QUOTA);
    ck_assert_int_eq(manifest_view_intern(m, "full", 2, &id, &err), 0);
    ck_assert_uint_eq(id, 1);
}
END_TEST

START_TEST(view_numbers_run_out_with_an_explanation)
{
    uint16_t id;

    rows_exec(state, "INSERT INTO view(id,canonical,dirname)"
                     " VALUES(65535,'last','last')");
    ck_assert_int_eq(manifest_view_intern(m, "last", 0, &id, &err), 0);
    ck_assert_uint_eq(id, 65535);
    ck_assert_int_eq(manifest_view_intern(m, "one-more", 0, &id, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NO_IDS);
}
END_TEST

START_TEST(a_long_view_is_found_by_its_hashed_folder)
{
    char canonical[301];
    char *dirname = NULL;
    char *text = NULL;
    uint16_t id;
    uint16_t found;

    (void)memset(canonical, 'a', 300);
    canonical[300] = '\0';
    ck_assert_int_eq(manifest_view_intern(m, canonical, 0, &id, &err), 0);
    dirname = rows_query(state, "SELECT dirname FROM view");
    /* printf 'a%.0s' {1..300} | sha256sum */
    ck_assert_str_eq(dirname, "x9835fa6bf4e20a9b");
    ck_assert_int_eq(manifest_view_by_dirname(m, dirname, &found, &text, &err),
                     1);
    ck_assert_uint_eq(found, id);
    ck_assert_str_eq(text, canonical);
    free(text);
    free(dirname);
    ck_assert_int_eq(manifest_view_by_dirname(m, "x0", &found, &text, &err), 0);
}
END_TEST

/* ---- facts, outputs, frames, errors ---- */

START_TEST(a_fact_belongs_to_its_prefix_and_engine)
{
    struct manifest_fact fact = {.crop = {1, 2, 3, 4}, .vmin = NAN, .vmax = 7};
    struct manifest_fact got;

    ck_assert_int_eq(manifest_fact_put(m, 5, "crop", 9, &fact, &err), 0);
    ck_assert_int_eq(manifest_fact_get(m, 5, "crop", 9, &got, &err), 1);
    ck_assert_mem_eq(&got.crop, &fact.crop, sizeof got.crop);
    ck_assert(isnan(got.vmin) && got.vmax == 7);
    ck_assert_int_eq(manifest_fact_get(m, 5, "crop-max", 9, &got, &err), 0);
    ck_assert_int_eq(manifest_fact_get(m, 6, "crop", 9, &got, &err), 0);
    ck_assert_int_eq(manifest_fact_get(m, 5, "crop", 10, &got, &err), 0);
    fact.crop.width = 0;
    ck_assert_int_eq(manifest_fact_put(m, 5, "crop", 10, &fact, &err), 0);
    ck_assert_int_eq(manifest_fact_get(m, 5, "crop", 10, &got, &err), 1);
    ck_assert_uint_eq(got.crop.width, 0);
    ck_assert_int_eq(manifest_fact_get(m, 5, "crop", 9, &got, &err), 0);
}
END_TEST

START_TEST(an_output_comes_back_as_it_was_put)
{
    uint64_t strips[] = {1, UINT64_C(0x0102030405060708), 3};
    struct manifest_output o = {.width = 512,
                                .height = 384,
                                .channels = 3,
                                .num_frames = 60,
                                .dtype = SAMPLE_F16,
                                .bytes = UINT64_C(1) << 40,
                                .crop = {1, 2, 3, 4},
                                .scale_x = 0.5,
                                .scale_y = 0.25,
                                .pad = {5, 6, 7, 8},
                                .strips = strips,
                                .n_strips = 3,
                                .has_stats = true,
                                .vmin = -1,
                                .vmax = 1,
                                .vmean = 0.1,
                                .vstd = 0.2};
    struct manifest_output got;
    uint64_t engine = UINT64_C(0xfedcba9876543210);

    ck_assert_int_eq(manifest_output_put(m, 1, 2, 3, 0, engine, &o, &err), 0);
    ck_assert_int_eq(manifest_output_get(m, 1, 2, 3, 0, engine, &got, &err), 1);
    ck_assert_mem_eq(got.strips, strips, sizeof strips);
    ck_assert_uint_eq(got.n_strips, 3);
    manifest_output_deinit(&got);
    ck_assert_ptr_null(got.strips);
    ck_assert_uint_eq(got.width, 512);
    ck_assert_uint_eq(got.height, 384);
    ck_assert_uint_eq(got.channels, 3);
    ck_assert_uint_eq(got.num_frames, 60);
    ck_assert_int_eq(got.dtype, SAMPLE_F16);
    ck_assert_uint_eq(got.bytes, UINT64_C(1) << 40);
    ck_assert_mem_eq(&got.crop, &o.crop, sizeof o.crop);
    ck_assert_mem_eq(got.pad, o.pad, sizeof o.pad);
    ck_assert(got.scale_x == 0.5 && got.scale_y == 0.25 && got.has_stats);
    ck_assert(got.vmin == -1 && got.vmax == 1 && got.vmean == 0.1 &&
              got.vstd == 0.2);
    for (int k = 0; k < 5; k++) /* each part of the key counts */
        ck_assert_int_eq(manifest_output_get(m, (uint16_t)(1 + (k == 0)),
                                             2 + (k == 1), 3u + (k == 2),
                                             (unsigned)(k == 3),
                                             engine + (k == 4), &got, &err),
                         0);
    o = (struct manifest_output){.width = 1};
    ck_assert_int_eq(manifest_output_put(m, 1, 2, 3, 0, 5, &o, &err), 0);
    ck_assert_int_eq(manifest_output_get(m, 1, 2, 3, 0, 5, &got, &err), 1);
    ck_assert(!got.strips && !got.has_stats && got.width == 1);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM output"), 1);
}
END_TEST

START_TEST(a_frame_index_comes_back_in_order)
{
    struct manifest_extent put[300];
    struct manifest_extent *got = NULL;
    uint64_t n = 0;

    for (uint64_t i = 0; i < 300; i++)
        put[i] = (struct manifest_extent){(UINT64_C(1) << 40) + i, 300 - i};
    ck_assert_int_eq(manifest_frames_get(m, 8, &got, &n, &err), 0);
    ck_assert_int_eq(manifest_frames_put(m, 8, put, 300, &err), 0);
    ck_assert_int_eq(manifest_frames_get(m, 8, &got, &n, &err), 1);
    ck_assert_uint_eq(n, 300);
    ck_assert_mem_eq(got, put, sizeof put);
    free(got);
    ck_assert_int_eq(manifest_frames_put(m, 8, put, 2, &err), 0);
    ck_assert_int_eq(manifest_frames_get(m, 8, &got, &n, &err), 1);
    ck_assert_uint_eq(n, 2);
    free(got);
}
END_TEST

START_TEST(errors_are_one_per_source_view_and_stage)
{
    char *text = NULL;
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &view, &err), 0);
    ck_assert_int_eq(manifest_error_get(m, 1, view, &text, &err), 0);
    ck_assert_int_eq(
        manifest_error_put(m, 1, 0, "index", EIO, "any\tview\n", &err), 0);
    ck_assert_int_eq(manifest_error_get(m, 1, view, &text, &err), 1);
    ck_assert_str_eq(text, "any\tview\n");
    free(text);
    ck_assert_int_eq(manifest_error_put(m, 1, view, "decode", EIO, "old", &err),
                     0);
    ck_assert_int_eq(manifest_error_put(m, 1, view, "decode", EIO, "new", &err),
                     0);
    ck_assert_int_eq(manifest_error_get(m, 1, view, &text, &err), 1);
    ck_assert_str_eq(text, "new"); /* of the view rather than of any */
    free(text);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(manifest_errors_write(m, out, &err), 0);
    (void)fclose(out);
    ck_assert_msg(strncmp(buffer,
                          "path\tview\tstage\terrno\tmessage\tat\n"
                          "a/1.dcm\t\tindex\t5\tany view \t",
                          strlen("path\tview\tstage\terrno\tmessage\tat\n"
                                 "a/1.dcm\t\tindex\t5\tany view \t")) == 0,
                  "%s", buffer);
    ck_assert_ptr_nonnull(strstr(buffer, "a/1.dcm\tcrop\tdecode\t5\tnew\t"));
    ck_assert_ptr_null(strstr(buffer, "old"));
    free(buffer);
    struct manifest_totals totals;

    ck_assert_int_eq(manifest_totals(m, &totals, &err), 0);
    ck_assert_uint_eq(totals.errors, 2);
}
END_TEST

/* ---- snapshot and CSV ---- */

START_TEST(a_snapshot_opens_anywhere_and_is_complete)
{
    char *path = scratch_text("%s/copy.db", state);
    char *part = scratch_text("%s/copy.db.tmp-%ld", state, (long)getpid());
    struct stat st;
    size_t length = 0;

    fill();
    ck_assert_int_eq(manifest_snapshot(m, path, &err), 0);
    ck_assert_int_eq(access(part, F_OK), -1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    char *bytes = scratch_read(path, &length);

    ck_assert_int_eq(bytes[18], 1); /* rollback journal: write, read version */
    ck_assert_int_eq(bytes[19], 1);
    free(bytes);
    char *check = rows_query(path, "PRAGMA integrity_check");

    ck_assert_str_eq(check, "ok");
    free(check);
    ck_assert_int_eq(rows_int(path, "PRAGMA application_id"), 0x44434D46);
    ck_assert_int_eq(rows_int(path, "PRAGMA user_version"), 2);
    ck_assert_int_eq(rows_int(path, "SELECT count(*) FROM cohort"), 3);
    /* Over an older one. */
    rows_exec(state, "DELETE FROM instance WHERE id=1");
    ck_assert_int_eq(manifest_snapshot(m, path, &err), 0);
    ck_assert_int_eq(rows_int(path, "SELECT count(*) FROM cohort"), 2);
    ck_assert_int_eq(manifest_snapshot(m, "/nonexistent/x.db", &err), -1);
    free(part);
    free(path);
}
END_TEST

enum { NOTHING_LEFT = 100 }; /* calls; of any more there is no leaf */

static int shape_of(void *opaque, const struct manifest_instance *i,
                    struct manifest_output *ret, struct error *e)
{
    int *calls = opaque;
    struct manifest_totals totals;

    /* It may use the manifest meanwhile. */
    ck_assert_int_eq(manifest_totals(m, &totals, e), 0);
    (*calls)++;
    if (*calls > NOTHING_LEFT)
        return MANIFEST_NO_LEAF;
    if (i->id == 2)
        return 0;
    *ret = (struct manifest_output){.width = i->desc.cols,
                                    .height = i->desc.rows,
                                    .channels = 1,
                                    .num_frames = i->frames,
                                    .dtype = SAMPLE_U16,
                                    .bytes = 4096 + 512 * 512 * 2};
    return 1;
}

static const struct manifest_leaves *leaves_of(uint16_t view, unsigned fmt,
                                               uint64_t engine)
{
    static struct manifest_leaves leaves;

    leaves =
        (struct manifest_leaves){.view_id = view, .fmt = fmt, .engine = engine};
    return &leaves;
}

START_TEST(the_csv_has_upstreams_columns_and_our_inodes)
{
    struct manifest_output o = {.width = 64,
                                .height = 32,
                                .channels = 1,
                                .num_frames = 1,
                                .bytes = 8192};
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;
    int calls = 0;

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &view, &err), 0);
    ck_assert_int_eq(manifest_output_put(m, view, 3, 0, 0, 7, &o, &err), 0);
    ck_assert_int_eq(manifest_output_put(m, view, 1, 0, 0, 6, &o, &err), 0);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_msg(manifest_csv(m, leaves_of(view, 0, 7), shape_of, &calls, out,
                               &err) == 0,
                  "%s", err.msg);
    (void)fclose(out);
    char *key = rows_query(state, "SELECT pkey FROM patient WHERE id=1");
    char *other = rows_query(state, "SELECT pkey FROM patient WHERE id=2");
    long long base = 1LL << 46;
    char *expected = scratch_text(
        "study_instance_uid,series_instance_uid,sop_instance_uid,path,inode,"
        "width,height,channels,num_frames,bytes,patient_key,modality,"
        "body_part,instance_number,slice_order\n"
        "1.2.0,1.2.0.1,1.2.0.1.3,crop/1.2.0/1.2.0.1.3.tiff,%lld,"
        "64,32,1,1,8192,%s,CT,CHEST,3,0\n"
        "1.2.1,1.2.1.1,1.2.1.1.1,crop/1.2.1/1.2.1.1.1.tiff,%lld,"
        "512,512,1,1,528384,%s,CT,CHEST,1,0\n"
        "1.2.1,1.2.1.1,1.2.1.1.2,crop/1.2.1/1.2.1.1.2.tiff,%lld,"
        ",,,,,%s,CT,CHEST,2,1\n",
        base | 3LL << 21, other, base | 1LL << 21, key, base | 2LL << 21, key);

    ck_assert_str_eq(buffer, expected);
    ck_assert_int_eq(calls, 2); /* not for the one that was measured */
    free(expected);
    free(key);
    free(other);
    free(buffer);

    /* what the view leaves nothing of has no line, as it has no name */
    calls = NOTHING_LEFT;
    out = open_memstream(&buffer, &size);
    ck_assert_int_eq(
        manifest_csv(m, leaves_of(view, 0, 7), shape_of, &calls, out, &err), 0);
    (void)fclose(out);
    ck_assert_ptr_nonnull(strstr(buffer, "1.2.0.1.3.tiff"));
    ck_assert_ptr_null(strstr(buffer, "1.2.1.1.1.tiff"));
    ck_assert_ptr_null(strstr(buffer, "1.2.1.1.2.tiff"));
    free(buffer);
    ck_assert_int_eq(
        manifest_csv(m, leaves_of(99, 0, 7), NULL, NULL, stderr, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_view_that_was_never_read_can_be_filled_in)
{
    struct manifest_output o = {.width = 64};
    uint64_t n;
    uint16_t view;
    int calls = 0;

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop", 0, &view, &err), 0);
    ck_assert_int_eq(manifest_output_put(m, view, 3, 0, 0, 7, &o, &err), 0);
    ck_assert_int_eq(manifest_outputs_fill(m, leaves_of(view, 0, 7), shape_of,
                                           &calls, &n, &err),
                     0);
    ck_assert_uint_eq(n, 1); /* 2 needs pixels, 3 is known */
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM manifest"), 2);
    ck_assert_int_eq(rows_int(state, "SELECT width FROM manifest"
                                     " WHERE sop_instance_uid='1.2.1.1.1'"),
                     512);
    ck_assert_int_eq(rows_int(state, "SELECT width FROM manifest"
                                     " WHERE sop_instance_uid='1.2.0.1.3'"),
                     64);
    ck_assert_int_eq(rows_int(state, "SELECT inode FROM manifest"
                                     " WHERE sop_instance_uid='1.2.0.1.3'"),
                     1LL << 46 | 3LL << 21);
}
END_TEST

START_TEST(a_view_that_lists_another_format_says_so_in_every_row)
{
    struct manifest_output o = {.width = 64, .bytes = 4100};
    char *buffer = NULL;
    size_t size = 0;
    uint64_t n;
    uint16_t view;
    int calls = 0;

    fill();
    ck_assert_int_eq(manifest_view_intern(m, "crop_list-npy", 0, &view, &err),
                     0);
    ck_assert_int_eq(manifest_output_put(m, view, 3, 0, 1, 7, &o, &err), 0);
    o.width = 65; /* the .tiff beside it is not what the view lists */
    ck_assert_int_eq(manifest_output_put(m, view, 2, 0, 0, 7, &o, &err), 0);
    ck_assert_int_eq(manifest_outputs_fill(m, leaves_of(view, 1, 7), shape_of,
                                           &calls, &n, &err),
                     0);
    ck_assert_uint_eq(n, 1);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(
        manifest_csv(m, leaves_of(view, 1, 7), NULL, NULL, out, &err), 0);
    (void)fclose(out);
    long long inode = 1LL << 46 | 3LL << 21 | 1;
    char *expected =
        scratch_text(",crop_list-npy/1.2.0/1.2.0.1.3.npy,%lld,64,", inode);

    ck_assert_ptr_nonnull(strstr(buffer, expected));
    ck_assert_ptr_null(strstr(buffer, ".tiff"));
    ck_assert_ptr_null(strstr(buffer, ",65,"));
    free(expected);
    free(buffer);
    ck_assert_int_eq(rows_int(state, "SELECT count(*) FROM manifest"), 2);
    ck_assert_int_eq(rows_int(state,
                              "SELECT count(*) FROM manifest WHERE path LIKE"
                              " 'crop_list-npy/%.npy' AND inode&15=1"),
                     2);
    ck_assert_int_eq(rows_int(state, "SELECT inode FROM manifest"
                                     " WHERE sop_instance_uid='1.2.0.1.3'"),
                     inode);
    ck_assert_int_eq(
        manifest_csv(m, leaves_of(view, 5, 7), NULL, NULL, stderr, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERNAL);
}
END_TEST

START_TEST(csv_fields_are_quoted_where_they_must_be)
{
    const struct row odd = {.path = "x",
                            .study = "1,\"2\"\r\n",
                            .series = "1.3",
                            .sop = "1.4",
                            .ino = 1};
    char *buffer = NULL;
    size_t size = 0;
    uint16_t view;

    rows_write(m, &odd, 1);
    rows_end(m, NULL, NULL);
    ck_assert_int_eq(manifest_view_intern(m, "full", 0, &view, &err), 0);
    FILE *out = open_memstream(&buffer, &size);

    ck_assert_int_eq(
        manifest_csv(m, leaves_of(view, 0, 1), NULL, NULL, out, &err), 0);
    (void)fclose(out);
    ck_assert_ptr_nonnull(
        strstr(buffer, "\n\"1,\"\"2\"\"\r\n\",1.3,1.4,full/x"));
    free(buffer);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest");
    TCase *t = tcase_create("manifest");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_database_is_private_and_marked);
    tcase_add_test(t, a_manifest_of_version_1_becomes_like_a_new_one);
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
    tcase_add_test(t, a_view_has_one_number_for_good);
    tcase_add_test(t, more_views_than_allowed_are_over_quota);
    tcase_add_test(t, view_numbers_run_out_with_an_explanation);
    tcase_add_test(t, a_long_view_is_found_by_its_hashed_folder);
    tcase_add_test(t, a_fact_belongs_to_its_prefix_and_engine);
    tcase_add_test(t, an_output_comes_back_as_it_was_put);
    tcase_add_test(t, a_frame_index_comes_back_in_order);
    tcase_add_test(t, errors_are_one_per_source_view_and_stage);
    tcase_add_test(t, a_snapshot_opens_anywhere_and_is_complete);
    tcase_add_test(t, the_csv_has_upstreams_columns_and_our_inodes);
    tcase_add_test(t, a_view_that_was_never_read_can_be_filled_in);
    tcase_add_test(t, a_view_that_lists_another_format_says_so_in_every_row);
    tcase_add_test(t, csv_fields_are_quoted_where_they_must_be);
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
