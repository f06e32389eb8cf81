// SPDX-License-Identifier: MIT
/*
 * test_manifest_queries.c: prepfs-manifest(5) names every table and column
 * there is, and the queries in it run and give what they promise.
 *
 * usage: test_manifest_queries man/prepfs-manifest.5
 */
#undef NDEBUG
#include "manifest/manifest.h"

#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"
#include "support/scratch.h"

static const char *manual_path;
static char *manual;
static char *state;
static struct manifest *m;
static sqlite3 *db;
static struct error err;

enum { QUERIES = 11 };

static char notes[] = "notes.dcm";
static const struct manifest_entry no_dicom = {
    .source = {.relpath = notes, .ino = 99, .scan = MANIFEST_SCAN_NOT_DICOM}};

/* Two regular series of 40 thin slices, one of two, a duplicate, an error,
 * two views of which one was filled in. */
static void fill(void)
{
    struct row rows[83];
    uint16_t view;

    for (int i = 0; i < 83; i++) {
        int series = i < 40 ? 1 : i < 80 ? 2 : 3;

        rows[i] = (struct row){
            .path = scratch_name("f%02d", i),
            .study = series == 3 ? "1.3" : "1.2",
            .series = scratch_name("1.2.%d", series),
            .sop = scratch_name("1.2.%d.%d", series, i == 82 ? 81 : i),
            .ino = (uint64_t)i + 1,
            .z = i,
            .number = i,
            .patient = series == 3 ? "B" : "A",
        };
    }
    rows_write(m, rows, 83);
    ck_assert_msg(manifest_write_batch(m, &no_dicom, 1,
                                       &(struct manifest_written){0},
                                       &err) == 0,
                  "%s", err.msg);
    rows_end(m, NULL, NULL);
    ck_assert_int_eq(
        manifest_view_intern(m, "crop_size-512x512", 0, &view, &err), 0);
    for (int i = 1; i <= 83; i++) {
        struct manifest_output o = {.width = 512,
                                    .height = 512,
                                    .channels = 1,
                                    .num_frames = 1,
                                    .bytes = 1000000,
                                    .has_stats = i <= 4,
                                    .vmean = i};

        ck_assert_int_eq(manifest_output_put(m, view, i, 0, 0, 1, &o, &err), 0);
    }
    ck_assert_int_eq(manifest_error_put(m, 1, 0, "index", 5, "bad", &err), 0);
    ck_assert_int_eq(manifest_error_put(m, 2, 0, "index", 5, "bad", &err), 0);
    ck_assert_int_eq(manifest_error_put(m, 3, 0, "decode", 5, "odd", &err), 0);
}

static void setup(void)
{
    manual = scratch_read(manual_path, NULL);
    ck_assert_msg(manual != NULL, "cannot read %s", manual_path);
    state = scratch_new();
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    fill();
    char *path = scratch_text("%s/copy.db", state);

    ck_assert_msg(manifest_snapshot(m, path, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    free(path);
}

static void teardown(void)
{
    (void)sqlite3_close(db);
    manifest_close(m);
    scratch_free(state);
    free(manual);
}

/* ---- the manual against the schema ---- */

/* The text of ".Ss name" up to the next section, malloc'd; NULL. */
static char *section(const char *name)
{
    char *head = scratch_text("\n.Ss %s\n", name);
    char *start = strstr(manual, head);

    free(head);
    if (!start)
        return NULL;
    char *text = scratch_text("%s", start + 1);
    char *end = strstr(text, "\n.S");

    if (end)
        end[1] = '\0';
    return text;
}

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *p = strstr(text, word); p; p = strstr(p + 1, word)) {
        bool starts = p == text || strchr(" \n", p[-1]);

        if (starts && strchr(" \n", p[length]))
            return true;
    }
    return false;
}

START_TEST(every_table_and_column_is_in_the_manual)
{
    sqlite3_stmt *tables = NULL;
    int n = 0;

    ck_assert_int_eq(
        sqlite3_prepare_v2(db,
                           "SELECT m.name,c.name,m.type FROM sqlite_master m"
                           " JOIN pragma_table_info(m.name) c"
                           " WHERE m.type IN ('table','view')"
                           " AND m.name NOT LIKE 'sqlite_%'",
                           -1, &tables, NULL),
        SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(tables, 0);
        const char *column = (const char *)sqlite3_column_text(tables, 1);
        char *text = section(table);

        ck_assert_msg(text != NULL, "no section about %s", table);
        /* The view `cohort` ends with all columns of instance. */
        char *more = strcmp(table, "cohort") == 0 ? section("instance") : NULL;

        if (more && strchr(column, ':'))
            column = "id"; /* "slice_thickness:1" and the like */
        ck_assert_msg(has_word(text, column) ||
                          (more && has_word(more, column)),
                      "%s.%s is not in the manual", table, column);
        free(text);
        free(more);
        n++;
    }
    (void)sqlite3_finalize(tables);
    ck_assert_int_gt(n, 150);
}
END_TEST

/* Is this a column of `table`, in the database? */
static bool is_column(const char *table, const char *column)
{
    sqlite3_stmt *st = NULL;

    ck_assert_int_eq(sqlite3_prepare_v2(
                         db, "SELECT 1 FROM pragma_table_info(?) WHERE name=?",
                         -1, &st, NULL),
                     SQLITE_OK);
    (void)sqlite3_bind_text(st, 1, table, -1, SQLITE_TRANSIENT);
    (void)sqlite3_bind_text(st, 2, column, -1, SQLITE_TRANSIENT);
    bool is = sqlite3_step(st) == SQLITE_ROW;

    (void)sqlite3_finalize(st);
    return is;
}

/* A line of a table's block: columns, or one of them, blanks and its meaning,
 * which goes on in lines that begin with blanks. */
static int ck_line(const char *table, char *line)
{
    char *meaning = strstr(line, "  ");
    char *save = NULL;
    int n = 0;

    if (meaning == line)
        return 0;
    if (meaning)
        *meaning = '\0';
    for (char *w = strtok_r(line, " ", &save); w;
         w = strtok_r(NULL, " ", &save), n++)
        ck_assert_msg(is_column(table, w), "the manual has %s.%s", table, w);
    return n;
}

START_TEST(the_manual_has_no_other_tables_and_columns)
{
    const char *from = strstr(manual, "\n.Sh VIEWS\n");
    const char *to = strstr(manual, "\n.Sh QUERIES\n");
    char *text = scratch_text("%.*s", (int)(to - from), from);
    char table[32] = "", *save = NULL;
    bool in_block = false;
    int n = 0;

    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (sscanf(line, ".Ss %31s", table) == 1)
            continue;
        if (line[0] == '.')
            in_block = strncmp(line, ".Bd", 3) == 0;
        else if (in_block)
            n += ck_line(table, line);
    }
    free(text);
    ck_assert_int_gt(n, 150);
}
END_TEST

/* ---- the queries ---- */

/* Query number k of section QUERIES, malloc'd; NULL behind the last. */
static char *query(int k)
{
    const char *p = strstr(manual, "\n.Sh QUERIES\n");

    ck_assert_ptr_nonnull(p);
    for (;;) {
        p = strstr(p, "\n.Bd -literal");
        if (!p)
            return NULL;
        p = strchr(p + 1, '\n') + 1;
        if (strncmp(p, "SELECT", 6) == 0 && k-- == 0)
            break;
    }
    char *text = scratch_text("%s", p);

    *strstr(text, "\n.Ed") = '\0';
    return text;
}

/* Rows, and the columns of the first as "a|b|c". */
static char *answer(int k, int *ret_rows)
{
    char *sql = query(k);
    char *first = NULL;
    sqlite3_stmt *st = NULL;

    ck_assert_msg(sql != NULL, "there is no query %d", k);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK,
                  "%s\n%s", sql, sqlite3_errmsg(db));
    *ret_rows = 0;
    while (sqlite3_step(st) == SQLITE_ROW)
        if (++*ret_rows == 1)
            for (int i = 0; i < sqlite3_column_count(st); i++) {
                const char *c = (const char *)sqlite3_column_text(st, i);
                char *longer = scratch_text("%s%s%s", first ? first : "",
                                            first ? "|" : "", c ? c : "");

                free(first);
                first = longer;
            }
    (void)sqlite3_finalize(st);
    free(sql);
    return first ? first : scratch_text("%s", "");
}

static const struct {
    int rows;
    const char *first; /* NULL: whatever */
} answers[QUERIES] = {
    {83, "MOUNT/Lung512/1.2/1.2.1.0.tiff"},
    {83, "1.2|1.2.1.0|crop_size-512x512/1.2/1.2.1.0.tiff|70368746274816|512|"
         "512|1|1"},
    {83, "crop_size-512x512/1.2/1.2.1.0.tiff"},
    {2, "1.2/1.2.1.tiff"},
    {2, NULL},
    {1, "1.2.840.10008.1.2.1|MONOCHROME2|16|12|1|83"},
    {1, "1.2.3.81|2"},
    {1, "crop_size-512x512|83|0.083"},
    {2, "index|5|bad|2"},
    {1, "notes.dcm|1|"},
    {1, "2.5"},
};

START_TEST(a_query_of_the_manual_gives_what_it_promises)
{
    int rows;
    char *first = answer(_i, &rows);

    ck_assert_msg(rows == answers[_i].rows, "%d rows, first %s", rows, first);
    if (answers[_i].first)
        ck_assert_str_eq(first, answers[_i].first);
    free(first);
}
END_TEST

START_TEST(there_are_no_other_queries)
{
    char *last = query(QUERIES - 1);

    ck_assert_ptr_nonnull(last);
    ck_assert_ptr_null(query(QUERIES));
    free(last);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-queries");
    TCase *t = tcase_create("queries");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_table_and_column_is_in_the_manual);
    tcase_add_test(t, the_manual_has_no_other_tables_and_columns);
    tcase_add_loop_test(t, a_query_of_the_manual_gives_what_it_promises, 0,
                        QUERIES);
    tcase_add_test(t, there_are_no_other_queries);
    suite_add_tcase(s, t);
    return s;
}

int main(int argc, char **argv)
{
    manual_path = argc > 1 ? argv[1] : "man/prepfs-manifest.5";
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
