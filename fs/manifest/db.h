// SPDX-License-Identifier: MIT
/*
 * db.h: one SQLite connection and its prepared statements.
 *
 * Private to fs/manifest, which is the only folder that includes sqlite3.h.
 * Statements are prepared at first use and kept; a borrowed statement is given
 * back by db_done (use STATEMENT), which resets it and drops its bindings.
 *
 * Threads: one thread at a time per struct db.
 */
#ifndef MANIFEST_DB_H
#define MANIFEST_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "manifest/shown.h"
#include "manifest/statements.h"
#include "prepfs/cleanup.h"
#include "prepfs/error.h"

struct db {
    sqlite3 *handle;
    struct shown *shown; /* owned; what its SQL functions answer from */
    sqlite3_stmt *statements[SQL_COUNT];
};

enum db_access {
    DB_WRITE,    /* create if missing */
    DB_READ,     /* query only */
    DB_IMMUTABLE /* query only, and nobody can write: read-only media */
};

/* Opens and configures; on failure *db is closed. */
int db_open(struct db *db, const char *path, enum db_access access,
            struct error *err);
void db_close(struct db *db);

/* How long a statement waits for a lock of somebody else. */
#define DB_PATIENCE_MS 30000
void db_set_patience(struct db *db, unsigned ms);

/* Borrows a statement; NULL with *err set on failure. */
sqlite3_stmt *db_get(struct db *db, enum sql which, struct error *err);
void db_done(sqlite3_stmt **statement);
#define STATEMENT CLEANUP(db_done) sqlite3_stmt

/* Runs statements without results. */
int db_exec(struct db *db, const char *sql, struct error *err);

/* 1 row, 0 done, -1 error. */
int db_step(struct db *db, sqlite3_stmt *statement, struct error *err);

/* For statements that return nothing: 0 or -1. */
int db_run(struct db *db, sqlite3_stmt *statement, struct error *err);

/* One integer from a one-row statement; `fallback` if there is no row. */
int db_int(struct db *db, const char *sql, int64_t fallback, int64_t *ret,
           struct error *err);

/* Fills *err from the connection's last error; returns -1. */
int db_fail(struct db *db, struct error *err);

/* The same for a bare result code; `what` says what was tried. */
int db_fail_code(int code, const char *what, struct error *err);

/* `text` may be NULL; borrowed until the statement is done. */
void db_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* NaN becomes NULL. */
void db_bind_real(sqlite3_stmt *statement, int index, double value);
void db_bind_int(sqlite3_stmt *statement, int index, int64_t value);
void db_bind_u64(sqlite3_stmt *statement, int index, uint64_t value);

/* NULL reads as `fallback` (db_real: NaN). */
int64_t db_column_int(sqlite3_stmt *statement, int column, int64_t fallback);
uint64_t db_column_u64(sqlite3_stmt *statement, int column);
double db_column_real(sqlite3_stmt *statement, int column, double fallback);
/* "" for NULL; borrowed until the next step. */
const char *db_column_text(sqlite3_stmt *statement, int column);

#endif
