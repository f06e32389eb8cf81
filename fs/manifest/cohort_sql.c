// SPDX-License-Identifier: MIT
/*
 * cohort_sql.c: see cohort_sql.h.
 *
 * The expression is put between parentheses of a statement of ours. That it
 * is one expression, and not the end of ours and the beginning of another, is
 * found out by SQLite itself: it must also be one in a place where no query
 * can go on (between THEN and END).
 */
#include "manifest/cohort_sql.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prepfs/cleanup.h"

enum { STEPS = 4096 }; /* of SQLite's machine between looks at the clock */

static const char *const tables[] = {
    "cohort", "instance", "series", "study", "patient",
    "source", "attr",     "label",  "roi",   "frame_index",
};

/* What depends on the row alone, or on the day. Nothing random: the same
 * images are to be there after a remount. */
static const char *const functions[] = {
    "abs",    "avg",       "coalesce",     "count",    "date",       "datetime",
    "format", "glob",      "group_concat", "hex",      "ifnull",     "iif",
    "instr",  "julianday", "length",       "like",     "likelihood", "likely",
    "lower",  "ltrim",     "max",          "min",      "nullif",     "printf",
    "quote",  "replace",   "round",        "rtrim",    "sign",       "strftime",
    "substr", "substring", "sum",          "time",     "total",      "trim",
    "typeof", "unicode",   "unixepoch",    "unlikely", "upper",
};

static bool is_among(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; word && i < n; i++)
        if (sqlite3_stricmp(word, words[i]) == 0)
            return true;
    return false;
}

static int authorize(void *opaque, int action, const char *first,
                     const char *second, const char *database,
                     const char *origin)
{
    (void)opaque;
    (void)database;
    (void)origin;
    if (action == SQLITE_SELECT)
        return SQLITE_OK;
    if (action == SQLITE_READ &&
        is_among(first, tables, sizeof tables / sizeof *tables))
        return SQLITE_OK;
    if (action == SQLITE_FUNCTION &&
        is_among(second, functions, sizeof functions / sizeof *functions))
        return SQLITE_OK;
    return SQLITE_DENY;
}

double cohort_sql_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_cancelled(const struct cohort_limit *limit)
{
    return limit->cancel && atomic_load(limit->cancel);
}

static int on_progress(void *opaque)
{
    const struct cohort_limit *limit = opaque;

    return is_cancelled(limit) || cohort_sql_now() > limit->until_s;
}

static void confine(struct db *db, const struct cohort_limit *limit)
{
    static const struct {
        int what, most;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 1 << 20},
        {SQLITE_LIMIT_SQL_LENGTH, 1 << 17},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 20},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        (void)sqlite3_limit(db->handle, limits[i].what, limits[i].most);
    /* A misspelt column in double quotes would be a text. */
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_set_authorizer(db->handle, authorize, NULL);
    sqlite3_progress_handler(db->handle, STEPS, on_progress,
                             (void *)(uintptr_t)limit);
}

/* The first line of what SQLite says: after the expression comes our text. */
static int complain(struct db *db, struct error *err)
{
    const char *text = sqlite3_errmsg(db->handle);
    int length = (int)strcspn(text, "\n");

    /* modality='CT' has lost its quotes to a shell more often than not */
    if (strncmp(text, "no such column", strlen("no such column")) == 0)
        return error_set(err, ERROR_USAGE,
                         "where: %.*s; columns are those of view cohort in "
                         "prepfs-manifest(5), texts are quoted: "
                         "\"modality='CT'\"",
                         length < 100 ? length : 100, text);
    return error_set(err, ERROR_USAGE, "where: %.*s", length, text);
}

int cohort_sql_failed(struct db *db, const struct cohort_limit *limit,
                      struct error *err)
{
    int code = sqlite3_extended_errcode(db->handle);

    if (is_cancelled(limit))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    switch (code & 0xff) {
    case SQLITE_INTERRUPT:
        return error_set(err, ERROR_USAGE, "where: takes more than %u seconds",
                         limit->seconds);
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return complain(db, err);
    default:
        return db_fail(db, err);
    }
}

/* NULL unless `sql` is one statement, and to its end. */
static sqlite3_stmt *prepare(struct db *db, const char *sql,
                             const struct cohort_limit *limit,
                             struct error *err)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = "";

    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, &tail) !=
        SQLITE_OK) {
        (void)cohort_sql_failed(db, limit, err);
        return NULL;
    }
    if (statement && tail[0] == '\0' &&
        sqlite3_bind_parameter_count(statement) == 0)
        return statement;
    (void)sqlite3_finalize(statement);
    (void)error_set(err, ERROR_USAGE, "where: one expression is wanted");
    return NULL;
}

/* A line end before what follows the expression: it may end in a comment. */
static int is_expression(struct db *db, const char *where,
                         const struct cohort_limit *limit, struct error *err)
{
    CLEANUP_FREE char *sql = NULL;

    if (asprintf(&sql, "SELECT CASE WHEN 1 THEN (%s\n) END FROM cohort",
                 where) < 0) {
        sql = NULL;
        return error_no_memory(err);
    }
    sqlite3_stmt *statement = prepare(db, sql, limit, err);

    (void)sqlite3_finalize(statement);
    return statement ? 0 : -1;
}

static sqlite3_stmt *prepare_where(struct db *db, const char *where,
                                   const char *and,
                                   const struct cohort_limit *limit,
                                   struct error *err)
{
    CLEANUP_FREE char *sql = NULL;

    if (where[strspn(where, " \t\n")] == '\0') {
        (void)error_set(err, ERROR_USAGE, "where: an expression is wanted");
        return NULL;
    }
    if (asprintf(&sql,
                 "SELECT id,study_id,series_id FROM cohort WHERE (%s\n)%s",
                 where, and) < 0) {
        sql = NULL;
        (void)error_no_memory(err);
        return NULL;
    }
    if (is_expression(db, where, limit, err) != 0)
        return NULL;
    return prepare(db, sql, limit, err);
}

sqlite3_stmt *cohort_sql_begin(struct db *db, const char *where,
                               const char *and,
                               const struct cohort_limit *limit,
                               struct error *err)
{
    confine(db, limit);
    sqlite3_stmt *statement = prepare_where(db, where, and, limit, err);

    if (!statement)
        cohort_sql_end(db, NULL);
    return statement;
}

void cohort_sql_end(struct db *db, sqlite3_stmt *statement)
{
    (void)sqlite3_finalize(statement);
    (void)sqlite3_set_authorizer(db->handle, NULL, NULL);
    sqlite3_progress_handler(db->handle, 0, NULL, NULL);
}
