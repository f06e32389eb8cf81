// SPDX-License-Identifier: MIT
/*
 * test_manifest_plan.c: how SQLite runs each statement, before and after
 * ANALYZE has told it about the data. A statement that runs once per request
 * may neither scan a table nor sort.
 */
#undef NDEBUG
#include "manifest/shown.h"
#include "manifest/statements.h"

#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"
#include "support/scratch.h"

/* Statements that may scan, and why. */
static bool may_scan(enum sql which)
{
    switch ((int)which) {
    case SQL_TOTALS: /* once per change of the tree */
    case SQL_TOTALS_ALL:
    case SQL_COUNT_ERRORS:   /* errors are few */
    case SQL_VOLUME_NEXT_ID: /* of three rows */
    case SQL_VIEWS:          /* all of them are wanted */
    case SQL_VIEW_COUNT:
    case SQL_ERRORS:
    case SQL_ROI_LIST_ALL:
    case SQL_ROI_TOUCH_SERIES: /* once per import */
    case SQL_ROI_TOUCH_INSTANCES:
    case SQL_CSV:
    case SQL_CSV_VOLUMES:
    case SQL_COUNT_STUDIES: /* up to a limit */
    case SQL_LIST_STUDIES:  /* by primary key, from `after` */
    case SQL_LIST_CHANGED:
    case SQL_SOURCE_PROBLEMS: /* once per batch */
        return true;
    default:
        return false;
    }
}

/* Statements that may sort what they found. */
static bool may_sort(enum sql which)
{
    return which == SQL_CSV || /* one study at a time */
           which == SQL_CSV_VOLUMES ||
           which == SQL_ERROR_GET ||          /* a handful of rows */
           which == SQL_INSTANCE_OF_SOURCE || /* the versions of a file */
           which == SQL_INSTANCE_HEIR;
}

/* The plan as lines, malloc'd. */
static char *plan_of(sqlite3 *db, enum sql which)
{
    char *sql = scratch_text("EXPLAIN QUERY PLAN %s", sql_text(which));
    char *plan = scratch_text("%s", "");
    sqlite3_stmt *st = NULL;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK,
                  "%d: %s", which, sqlite3_errmsg(db));
    while (sqlite3_step(st) == SQLITE_ROW) {
        char *longer = scratch_text("%s%s\n", plan,
                                    (const char *)sqlite3_column_text(st, 3));

        free(plan);
        plan = longer;
    }
    (void)sqlite3_finalize(st);
    free(sql);
    return plan;
}

static char *state;
static sqlite3 *db;
static struct shown *const all = NULL;

/* Ten studies of ten series of ten instances. */
static void setup(int analyzed)
{
    struct manifest *m;
    struct error err = ERROR_INIT;
    struct row rows[1000];

    state = scratch_new();
    m = manifest_open(state, MANIFEST_READ_WRITE, &err);
    ck_assert_msg(m != NULL, "%s", err.msg);
    for (int i = 0; i < 1000; i++)
        rows[i] = (struct row){
            .path = scratch_name("f%d", i),
            .study = scratch_name("1.%d", i / 100),
            .series = scratch_name("1.%d.%d", i / 100, i / 10),
            .sop = scratch_name("1.9.%d", i),
            .ino = (uint64_t)i + 1,
            .z = i % 10,
        };
    rows_write(m, rows, 1000);
    if (analyzed)
        rows_end(m, NULL, NULL); /* with ANALYZE */
    manifest_close(m);
    char *path = scratch_text("%s/manifest.db", state);

    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(shown_functions(db, &all), SQLITE_OK);
    free(path);
}

START_TEST(no_statement_scans_or_sorts)
{
    setup(_i);
    for (enum sql which = 0; which < SQL_COUNT; which++) {
        ck_assert_msg(sql_text(which) != NULL, "statement %d has no text",
                      which);
        char *plan = plan_of(db, which);

        if (!may_scan(which))
            for (const char *p = strstr(plan, "SCAN"); p;
                 p = strstr(p + 1, "SCAN"))
                /* a constant row, or the few rows of the views */
                ck_assert_msg(strncmp(p, "SCAN CONSTANT", 13) == 0 ||
                                  strncmp(p, "SCAN (subquery", 14) == 0 ||
                                  strncmp(p, "SCAN view", 9) == 0,
                              "%s\n%s", sql_text(which), plan);
        if (!may_sort(which))
            ck_assert_msg(!strstr(plan, "TEMP B-TREE"), "%s\n%s",
                          sql_text(which), plan);
        ck_assert_msg(!strstr(plan, "AUTOMATIC"), "%s\n%s", sql_text(which),
                      plan);
        free(plan);
    }
    (void)sqlite3_close(db);
    scratch_free(state);
}
END_TEST

static const struct {
    enum sql which;
    const char *has;
} plans[] = {
    {SQL_LIST_STUDY_INSTANCES,
     "SEARCH i USING INDEX instance_listed_study "
     "(study_id=? AND has_pixels=? AND dup_of=? AND gone=? AND rowid>?)"},
    {SQL_LIST_SERIES_INSTANCES,
     "SEARCH i USING INDEX instance_listed_series "
     "(series_id=? AND has_pixels=? AND dup_of=? AND gone=? AND rowid>?)"},
    {SQL_LIST_GONE, "SEARCH i USING INDEX instance_gone_study "
                    "(study_id=? AND rowid>?)"},
    {SQL_LIST_SERIES,
     "SEARCH se USING INDEX series_study (study_id=? AND rowid>?)"},
    {SQL_LIST_STUDIES, "SEARCH st USING INTEGER PRIMARY KEY (rowid>?)"},
    {SQL_INSTANCE_BY_ID, "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)"},
    {SQL_INSTANCE_BY_UID,
     "SEARCH i USING INDEX instance_uid (uid=? AND study_id=?)"},
    {SQL_INSTANCE_BY_FNAME, "SEARCH i USING INDEX instance_fname (fname=?)"},
    /* "RIGHT PART OF" in SQLite 3.40, "LAST 2 TERMS OF" in 3.46: part of
     * the order comes from an index. */
    {SQL_CSV, " OF ORDER BY"},
    {SQL_COUNT_STUDY, "USING COVERING INDEX instance_listed_study"},
    {SQL_SOURCE_BY_PATH, "sqlite_autoindex_source_1 (relpath=?)"},
};

START_TEST(listings_page_by_key)
{
    setup(_i);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        char *plan = plan_of(db, plans[i].which);

        ck_assert_msg(strstr(plan, plans[i].has), "wanted %s\n%s", plans[i].has,
                      plan);
        free(plan);
    }
    (void)sqlite3_close(db);
    scratch_free(state);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("manifest-plan");
    TCase *t = tcase_create("plan");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, no_statement_scans_or_sorts, 0, 2);
    tcase_add_loop_test(t, listings_page_by_key, 0, 2);
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
