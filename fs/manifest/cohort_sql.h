// SPDX-License-Identifier: MIT
/*
 * cohort_sql.h: an expression that somebody typed, as a statement.
 *
 * Private to fs/manifest. Threads: as struct db.
 */
#ifndef MANIFEST_COHORT_SQL_H
#define MANIFEST_COHORT_SQL_H

#include <stdatomic.h>

#include "manifest/db.h"

/* When a statement must end. */
struct cohort_limit {
    double until_s; /* of CLOCK_MONOTONIC */
    unsigned seconds;
    const atomic_bool *cancel; /* may be NULL */
};

/*
 * Prepares `SELECT id,study_id,series_id FROM cohort WHERE (where)`; the rest
 * of the WHERE clause is `and`. From then until cohort_sql_end the connection
 * can read the tables of the archive, call a short list of functions, and do
 * nothing else; it stops at the limit, which is borrowed until then. NULL with
 * ERROR_USAGE and what is wrong.
 */
sqlite3_stmt *cohort_sql_begin(struct db *db, const char *where,
                               const char *and,
                               const struct cohort_limit *limit,
                               struct error *err);

/* Finalizes and gives the connection its freedom back. */
void cohort_sql_end(struct db *db, sqlite3_stmt *statement);

/* Why a step of it failed: the limit, the user's doing, or the database.
 * Returns -1. */
int cohort_sql_failed(struct db *db, const struct cohort_limit *limit,
                      struct error *err);

double cohort_sql_now(void); /* seconds of CLOCK_MONOTONIC */

#endif
