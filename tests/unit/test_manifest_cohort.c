// SPDX-License-Identifier: MIT
/*
 * test_manifest_cohort.c: what an expression leaves out is nowhere, and what
 * an expression may not say.
 *
 *     study 1.1   series 1.1.1: images 0-3     series 1.1.2: images 4-7
 *     study 1.2   series 1.2.1: images 8-11    (4 is burned in, 5 is a copy
 *     study 1.3   series 1.3.1: a report        of 4 with other bytes)
 */
#undef NDEBUG
#include "manifest/manifest_cohort.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/rows.h"
#include "support/scratch.h"

enum { IMAGES = 12, REPORT = 12, ROWS = 13 };

static char *state;
static struct manifest *m;
static struct error err;
static struct manifest_cohort_size size;

static const char *series_of(int i)
{
    return i < 4 ? "1.1.1" : i < 8 ? "1.1.2" : i < IMAGES ? "1.2.1" : "1.3.1";
}

static void setup(void)
{
    struct row rows[ROWS];

    state = scratch_new();
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    for (int i = 0; i < ROWS; i++)
        rows[i] = (struct row){
            .path = scratch_name("f%02d", i),
            .study = i < 8        ? "1.1"
                     : i < IMAGES ? "1.2"
                                  : "1.3",
            .series = series_of(i),
            .sop = i == 5 ? "1.9.4" : scratch_name("1.9.%d", i),
            .ino = (uint64_t)i + 1,
            .size = 1000 + (uint64_t)i,
            .z = i,
            .number = i,
            .no_pixels = i == REPORT,
            .patient = i < 8 ? "A" : "B",
        };
    rows_write(m, rows, ROWS);
    rows_end(m, NULL, NULL);
    rows_exec(state, "UPDATE instance SET burned_in=1 WHERE id=5;"
                     "UPDATE instance SET burned_in=0 WHERE id=1");
    ck_assert_int_eq(manifest_error_put(m, 1, 0, "decode", 5, "one", &err), 0);
    ck_assert_int_eq(manifest_error_put(m, 9, 0, "decode", 5, "nine", &err), 0);
    rows_exec(state, "INSERT INTO source(id,relpath) VALUES(99,'damaged');"
                     "INSERT INTO error(source_id,view_id,stage,message)"
                     " VALUES(99,0,'index','ninety-nine')");
}

static void teardown(void)
{
    manifest_close(m);
    scratch_free(state);
}

static int apply(const char *where, bool hide)
{
    const struct manifest_cohort cohort = {.where = where,
                                           .hide_burned_in = hide};

    err = (struct error)ERROR_INIT;
    return manifest_cohort_apply(m, &cohort, &size, &err);
}

static void must_apply(const char *where, bool hide)
{
    ck_assert_msg(apply(where, hide) >= 0, "%s: %s", where, err.msg);
}

/* ---- what is there, by every way to it ---- */

static unsigned listed(int64_t study_id, int64_t series_id)
{
    struct manifest_instance rows[ROWS];
    int n =
        manifest_list_instances(m, study_id, series_id, 0, ROWS, rows, &err);
    unsigned mask = 0;

    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n; i++) {
        mask |= 1u << (rows[i].id - 1);
        manifest_instance_deinit(&rows[i]);
    }
    ck_assert_int_eq(manifest_count_entries(m, study_id, series_id, ROWS, &err),
                     n);
    return mask;
}

static unsigned all_listed(void)
{
    struct manifest_folder studies[4], series[4];
    int n = manifest_list_studies(m, 0, 4, studies, &err);
    unsigned mask = 0, by_series = 0;

    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(manifest_count_entries(m, 0, 0, 9, &err), n);
    for (int i = 0; i < n; i++) {
        int k = manifest_list_series(m, studies[i].id, 0, 4, series, &err);

        ck_assert_int_ge(k, 1); /* no empty folders */
        ck_assert_uint_ne(listed(studies[i].id, 0), 0);
        mask |= listed(studies[i].id, 0);
        for (int j = 0; j < k; j++) {
            ck_assert_uint_ne(listed(studies[i].id, series[j].id), 0);
            by_series |= listed(studies[i].id, series[j].id);
        }
    }
    ck_assert_uint_eq(mask, by_series);
    return mask;
}

static unsigned by_number(void)
{
    unsigned mask = 0;

    for (int64_t id = 1; id <= ROWS; id++) {
        struct manifest_instance row;
        int rc = manifest_instance_by_id(m, id, &row, &err);

        ck_assert_int_ge(rc, 0);
        if (rc == 1)
            mask |= 1u << (id - 1);
        if (rc == 1)
            manifest_instance_deinit(&row);
    }
    return mask;
}

static unsigned by_name(void)
{
    static const int64_t study_of[ROWS] = {1, 1, 1, 1, 1, 1, 1,
                                           1, 2, 2, 2, 2, 3};
    unsigned mask = 0;

    for (int i = 0; i < ROWS; i++) {
        char *name =
            i == 5 ? scratch_text("1.9.4.d2") : scratch_text("1.9.%d", i);
        struct manifest_instance row;
        int rc = manifest_instance_by_name(m, study_of[i], name, &row, &err);

        ck_assert_int_ge(rc, 0);
        if (rc == 1)
            mask |= 1u << i;
        if (rc == 1)
            manifest_instance_deinit(&row);
        free(name);
    }
    return mask;
}

/* Bit per series: 1.1.1, 1.1.2, 1.2.1. */
static unsigned volumes(void)
{
    unsigned named = 0, numbered = 0;

    for (int i = 0; i < 3; i++) {
        char *sql = scratch_text("SELECT volume_id FROM series WHERE uid='%s'",
                                 series_of(4 * i));
        int64_t id = rows_int(state, sql);
        struct manifest_instance row;
        struct manifest_volume volume;

        ck_assert_int_gt(id, 0);
        if (manifest_volume_by_id(m, id, &row, &err) == 1) {
            numbered |= 1u << i;
            manifest_instance_deinit(&row);
        }
        ck_assert_int_eq(manifest_volume_get(m, id, &volume, &err),
                         numbered >> i & 1);
        if (manifest_volume_by_name(m, i < 2 ? 1 : 2, series_of(4 * i), &row,
                                    &err) == 1) {
            named |= 1u << i;
            manifest_instance_deinit(&row);
        }
        free(sql);
    }
    ck_assert_uint_eq(named, numbered);
    return named;
}

static void check_shown(unsigned images, unsigned objects, unsigned stacks)
{
    struct manifest_totals totals;

    ck_assert_uint_eq(all_listed(), images);
    ck_assert_uint_eq(by_number(), objects);
    ck_assert_uint_eq(by_name(), objects);
    ck_assert_uint_eq(volumes(), stacks);
    ck_assert_int_eq(manifest_totals(m, &totals, &err), 0);
    ck_assert_uint_eq(totals.images, (unsigned)__builtin_popcount(images));
    ck_assert_uint_eq(totals.instances, (unsigned)__builtin_popcount(objects));
}

START_TEST(without_a_cohort_all_is_there)
{
    check_shown(0xfff, 0x1fff, 7);
    ck_assert(!manifest_cohort_moved(m));
}
END_TEST

START_TEST(a_cohort_is_all_there_is)
{
    ck_assert_int_eq(apply("instance_number>=2 AND instance_number<8", false),
                     1);
    ck_assert_uint_eq(size.images, 6);
    ck_assert_uint_eq(size.hidden, 6);
    ck_assert_uint_eq(size.burned_in, 0);
    check_shown(0xfc, 0xfc, 2);

    struct manifest_folder folder;
    int64_t study;

    ck_assert_int_eq(manifest_study_by_name(m, "1.1", &folder, &err), 1);
    ck_assert_int_eq(manifest_study_by_name(m, "1.2", &folder, &err), 0);
    ck_assert_int_eq(manifest_study_by_name(m, "1.3", &folder, &err), 0);
    ck_assert_int_eq(manifest_study_by_id(m, 2, &folder, &err), 0);
    ck_assert_int_eq(manifest_series_by_id(m, 3, &folder, &study, &err), 0);
    ck_assert_int_eq(manifest_series_by_name(m, 1, "1.1.1", &folder, &err), 1);
    ck_assert_int_eq(manifest_series_by_name(m, 2, "1.2.1", &folder, &err), 0);
}
END_TEST

START_TEST(burned_in_images_can_be_hidden)
{
    struct manifest_folder folder;

    must_apply(NULL, true);
    ck_assert_uint_eq(size.images, 11);
    ck_assert_uint_eq(size.hidden, 1);
    ck_assert_uint_eq(size.burned_in, 1);
    check_shown(0xfef, 0x1fef, 5); /* the report stays */
    ck_assert_int_eq(manifest_study_by_name(m, "1.3", &folder, &err), 1);
    must_apply("instance_number<6", true);
    ck_assert_uint_eq(size.images, 5);
    check_shown(0x2f, 0x2f, 1);
}
END_TEST

START_TEST(a_cohort_may_be_empty)
{
    must_apply("modality='NM'", false);
    ck_assert_uint_eq(size.images, 0);
    check_shown(0, 0, 0);
}
END_TEST

START_TEST(another_manifest_of_the_state_is_not_limited)
{
    must_apply("0", false);
    struct manifest *other = manifest_open(state, MANIFEST_READ_ONLY, &err);
    struct manifest *limited = m;

    ck_assert_msg(other != NULL, "%s", err.msg);
    m = other;
    check_shown(0xfff, 0x1fff, 7);
    m = limited;
    manifest_close(other);
    check_shown(0, 0, 0);
}
END_TEST

/* ---- files ---- */

static char *written(int (*write)(struct manifest *, FILE *, struct error *))
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);

    ck_assert_int_eq(write(m, out, &err), 0);
    (void)fclose(out);
    return text;
}

static void check_errors(bool one, bool nine, bool rest)
{
    char *text = written(manifest_errors_write);
    struct manifest_totals totals;

    ck_assert_int_eq(strstr(text, "one") != NULL, one);
    ck_assert_int_eq(strstr(text, "\tnine\t") != NULL, nine);
    ck_assert_int_eq(strstr(text, "ninety-nine") != NULL, rest);
    free(text);
    ck_assert_int_eq(manifest_totals(m, &totals, &err), 0);
    ck_assert_uint_eq(totals.errors, (unsigned)(one + nine + rest));
}

START_TEST(errors_are_those_of_the_cohort)
{
    check_errors(true, true, true);
    must_apply("study_uid='1.2'", false);
    check_errors(false, true, false);
    must_apply(NULL, true);
    check_errors(true, true, true);
    rows_exec(state, "UPDATE instance SET burned_in=1 WHERE id=9");
    must_apply(NULL, true);
    check_errors(true, false, true);
}
END_TEST

static int write_csv(struct manifest *manifest, FILE *out, struct error *e)
{
    struct manifest_leaves leaves = {.engine = 1};

    if (manifest_view_intern(manifest, "full", 0, &leaves.view_id, e) != 0)
        return -1;
    return manifest_csv(manifest, &leaves, NULL, NULL, out, e);
}

START_TEST(a_csv_is_of_the_cohort)
{
    must_apply("instance_number=9", false);
    char *text = written(write_csv);

    ck_assert_ptr_nonnull(strstr(text, "1.9.9"));
    ck_assert_ptr_null(strstr(text, "1.9.8"));
    ck_assert_ptr_null(strstr(text, "1.1"));
    free(text);
}
END_TEST

static int64_t count(const char *path, const char *what)
{
    char *sql = scratch_text("SELECT count(*) FROM %s", what);
    int64_t n = rows_int(path, sql);

    free(sql);
    return n;
}

/* Nowhere in the bytes, deleted pages included. */
static bool has_bytes(const char *path, const char *word)
{
    size_t length;
    char *bytes = scratch_read(path, &length);
    bool has = memmem(bytes, length, word, strlen(word)) != NULL;

    free(bytes);
    return has;
}

START_TEST(a_snapshot_is_of_the_cohort)
{
    char *path = scratch_text("%s/copy.db", state);

    rows_exec(state,
              "UPDATE study SET accession='ACC'||id;"
              "INSERT INTO label(instance_id,name) VALUES(9,'kept'),(1,'lost');"
              "INSERT INTO label(study_id,name) VALUES(1,'lost');"
              "INSERT INTO roi(table_name,series_uid,n) VALUES"
              "('t','1.9.9',1),('t','1.2.1',1),('t','1.1.1',1);"
              "INSERT INTO attr(instance_id,tag) VALUES(9,1),(2,1);"
              "INSERT INTO frame_index VALUES(9,0,1,1),(2,0,1,1);"
              "INSERT INTO output(view_id,instance_id,engine)"
              " VALUES(1,9,1),(1,2,1);"
              "INSERT INTO fact(instance_id,prefix,engine)"
              " VALUES(9,'x',1),(2,'x',1);"
              "CREATE TABLE others(secret TEXT);"
              "INSERT INTO others VALUES('SECRET')");
    must_apply("study_uid='1.2' AND instance_number<>10", false);
    ck_assert_msg(manifest_snapshot(m, path, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(count(path, "cohort"), 3);
    ck_assert_int_eq(count(path, "instance"), 3);
    ck_assert_int_eq(count(path, "series WHERE uid='1.2.1'"), 1);
    ck_assert_int_eq(count(path, "series"), 1);
    ck_assert_int_eq(count(path, "study"), 1);
    ck_assert_int_eq(count(path, "meta WHERE k='totals'"), 0);
    ck_assert_int_eq(count(path, "patient"), 1);
    ck_assert_int_eq(count(path, "source"), 3);
    ck_assert_int_eq(count(path, "error"), 1);
    ck_assert_int_eq(count(path, "label WHERE name='kept'"), 1);
    ck_assert_int_eq(count(path, "label"), 1);
    ck_assert_int_eq(count(path, "roi"), 1 + 1);
    ck_assert_int_eq(count(path, "attr"), 1);
    ck_assert_int_eq(count(path, "frame_index"), 1);
    ck_assert_int_eq(count(path, "output"), 1);
    ck_assert_int_eq(count(path, "fact"), 1);
    ck_assert_int_eq(count(path, "sqlite_master WHERE name='others'"), 0);
    ck_assert_int_eq(count(path, "series WHERE volume_id IS NULL"
                                 " AND volume_ok=0 AND n_instances=3"),
                     1);
    ck_assert(has_bytes(path, "ACC2"));
    ck_assert(!has_bytes(path, "ACC1"));
    ck_assert(!has_bytes(path, "1.9.3"));
    ck_assert(!has_bytes(path, "SECRET"));
    /* The same tables, indexes and views, and another program takes it. */
    ck_assert_int_eq(
        count(path, "sqlite_master WHERE name NOT LIKE 'sqlite%'"),
        count(state, "sqlite_master WHERE name NOT LIKE 'sqlite%'") - 1);
    ck_assert_int_eq(rows_int(path, "PRAGMA application_id"),
                     rows_int(state, "PRAGMA application_id"));
    ck_assert_int_eq(rows_int(path, "PRAGMA user_version"),
                     rows_int(state, "PRAGMA user_version"));
    char *mode = rows_query(path, "PRAGMA journal_mode");

    ck_assert_str_eq(mode, "delete");
    free(mode);
    free(path);
}
END_TEST

/* ---- what may be said ---- */

START_TEST(expressions_are_over_the_cohort)
{
    static const struct {
        const char *where;
        unsigned images;
    } table[] = {
        {"1", 12},
        {"modality LIKE 'c_' AND body_part GLOB 'CHE*'", 12},
        {"series_uid IN ('1.1.1','1.2.1')", 8},
        {"study_uid='1.2' -- a comment", 4},
        {"study_uid='1.2' OR ')' = '('", 4},
        {"pkey=(SELECT pkey FROM patient ORDER BY id LIMIT 1)", 8},
        {"id IN (SELECT instance_id FROM label WHERE name='x')", 0},
        {"EXISTS(SELECT 1 FROM attr WHERE instance_id=id)", 0},
        {"instance_number%2=0 AND abs(slice_pos)>=0", 6},
        {"study_date<date('now') OR study_date IS NULL", 12},
        {"volume_ok=1", 12},
        {"CASE WHEN id<3 THEN 1 ELSE NULL END", 2},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        must_apply(table[i].where, false);
        ck_assert_msg(size.images == table[i].images, "%s: %d images",
                      table[i].where, (int)size.images);
    }
}
END_TEST

static const struct {
    const char *where, *says;
} refused[] = {
    {"", "expression"},
    {" \n", "expression"},
    {"modalty='CT'", "no such column: modalty"},
    {"modality=CT", "texts are quoted: \"modality='CT'\""},
    {"modality=\"CT\"", "CT"}, /* a column, not a text */
    {"modality='CT", "unrecognized token"},
    {"modality=", "syntax error"},
    {"1; DELETE FROM instance", "syntax error"},
    {"1); DELETE FROM instance; --", "syntax error"},
    {"1) UNION SELECT id,study_id,series_id FROM instance WHERE (1",
     "syntax error"},
    {"1) OR (1", NULL}, /* one expression after all */
    {"1 /*", "incomplete"},
    {"id=?", "expression"},
    {"count(*)>1", "misuse of aggregate"},
    {"load_extension('x')", "not authorized"},
    {"readfile('/etc/passwd')", "no such function"},
    {"random()>0", "not authorized"},
    {"length(zeroblob(1000000000))>0", "not authorized"},
    {"shown(1)", "not authorized"},
    {"(SELECT count(*) FROM sqlite_master)", "not authorized"},
    {"(SELECT v FROM meta LIMIT 1)='x'", "prohibited"},
    {"(SELECT count(*) FROM pragma_database_list)", "not authorized"},
    {"(SELECT count(*) FROM json_each('[1]'))", ""},
    {"(WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r)"
     " SELECT max(x) FROM r)",
     "not authorized"},
};

START_TEST(what_is_no_expression_is_refused)
{
    const char *where = refused[_i].where;
    char *before;

    must_apply("instance_number<2", false);
    before = rows_query(state, "SELECT count(*) FROM instance");
    if (!refused[_i].says) {
        must_apply(where, false);
    } else {
        ck_assert_msg(apply(where, false) == -1, "%s", where);
        ck_assert_msg(err.kind == ERROR_USAGE, "%s: %s", where, err.msg);
        ck_assert_msg(strncmp(err.msg, "where: ", 7) == 0 &&
                          strstr(err.msg, refused[_i].says),
                      "%s: %s", where, err.msg);
        check_shown(3, 3, 0); /* as before */
    }
    char *after = rows_query(state, "SELECT count(*) FROM instance");

    ck_assert_str_eq(before, after);
    free(before);
    free(after);
}
END_TEST

static const char endless[] =
    "(SELECT sum(a.id*b.id*c.id*d.id) FROM instance a, instance b, instance c,"
    " instance d, instance e, instance f, instance g, instance h)>0";

START_TEST(an_endless_expression_is_stopped)
{
    atomic_bool cancel = true;
    struct manifest_cohort cohort = {.where = endless, .seconds = 1};

    ck_assert_int_eq(manifest_cohort_apply(m, &cohort, &size, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_msg(strstr(err.msg, "more than 1 second"), "%s", err.msg);
    check_shown(0xfff, 0x1fff, 7);
    cohort.seconds = 1000;
    cohort.cancel = &cancel;
    ck_assert_int_eq(manifest_cohort_apply(m, &cohort, &size, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_INTERRUPTED);
}
END_TEST

/* ---- when the archive changes ---- */

static unsigned changed(int64_t epoch)
{
    struct manifest_folder rows[4];
    int n = manifest_list_changed(m, epoch, 0, 4, rows, &err);
    unsigned mask = 0;

    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n; i++)
        mask |= 1u << rows[i].id;
    return mask;
}

START_TEST(what_moves_in_or_out_is_told_until_it_is_known)
{
    static const char where[] =
        "id IN (SELECT instance_id FROM label WHERE name='in')";
    int64_t epoch = manifest_epoch(m, &err);
    struct manifest_instance rows[ROWS];

    rows_exec(state, "INSERT INTO label(instance_id,name) VALUES(1,'in')");
    must_apply(where, false);
    ck_assert(!manifest_cohort_moved(m)); /* nobody has seen another */
    ck_assert_int_eq(apply(where, false), 0);
    rows_exec(state, "INSERT INTO label(instance_id,name) VALUES(9,'in')");
    ck_assert_int_eq(apply(where, false), 1);
    ck_assert(manifest_cohort_moved(m));
    ck_assert_uint_eq(changed(epoch), 1u << 2);
    rows_exec(state, "DELETE FROM label WHERE instance_id=1");
    ck_assert_int_eq(apply(where, false), 1);
    ck_assert_uint_eq(changed(epoch), 1u << 2 | 1u << 1); /* both are due */
    ck_assert_int_eq(apply(where, false), 0);
    ck_assert_uint_eq(changed(epoch), 1u << 2 | 1u << 1);
    check_shown(0x100, 0x100, 0);
    /* Whose names the kernel may know. */
    ck_assert_int_eq(manifest_list_present(m, 1, 0, ROWS, rows, &err), 8);
    for (int i = 0; i < 8; i++)
        manifest_instance_deinit(&rows[i]);
    manifest_cohort_told(m);
    ck_assert(!manifest_cohort_moved(m));
    ck_assert_int_eq(apply(where, false), 0);
    ck_assert(!manifest_cohort_moved(m));
    ck_assert_uint_eq(changed(epoch), 0);
}
END_TEST

START_TEST(a_new_image_is_there_when_it_was_looked_at)
{
    const struct row row = {.path = "new",
                            .study = "1.2",
                            .series = "1.2.1",
                            .sop = "1.9.99",
                            .ino = 99,
                            .z = 99};

    must_apply("study_uid='1.2'", false);
    rows_write(m, &row, 1);
    rows_end(m, NULL, NULL);
    ck_assert_uint_eq(listed(2, 0), 0xf00);
    ck_assert_int_eq(apply("study_uid='1.2'", false), 1);
    ck_assert_uint_eq(listed(2, 0), 0x10f00);
}
END_TEST

/* ---- size ---- */

START_TEST(sets_hold_any_id)
{
    struct manifest_instance row;

    rows_exec(state, "UPDATE instance SET id=33554431 WHERE id=12");
    must_apply("id>1000", false);
    ck_assert_int_eq(manifest_instance_by_id(m, 33554431, &row, &err), 1);
    manifest_instance_deinit(&row);
    ck_assert_int_eq(manifest_instance_by_id(m, 33554430, &row, &err), 0);
    rows_exec(state, "UPDATE instance SET id=-1 WHERE id=11");
    ck_assert_int_eq(apply("1", false), -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest_cohort");
    TCase *t = tcase_create("cohort");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, without_a_cohort_all_is_there);
    tcase_add_test(t, a_cohort_is_all_there_is);
    tcase_add_test(t, burned_in_images_can_be_hidden);
    tcase_add_test(t, a_cohort_may_be_empty);
    tcase_add_test(t, another_manifest_of_the_state_is_not_limited);
    tcase_add_test(t, errors_are_those_of_the_cohort);
    tcase_add_test(t, a_csv_is_of_the_cohort);
    tcase_add_test(t, a_snapshot_is_of_the_cohort);
    tcase_add_test(t, expressions_are_over_the_cohort);
    tcase_add_loop_test(t, what_is_no_expression_is_refused, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_test(t, an_endless_expression_is_stopped);
    tcase_add_test(t, what_moves_in_or_out_is_told_until_it_is_known);
    tcase_add_test(t, a_new_image_is_there_when_it_was_looked_at);
    tcase_add_test(t, sets_hold_any_id);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return check_main(suite());
}
