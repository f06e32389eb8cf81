// SPDX-License-Identifier: MIT
#include "manifest/db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_CORRUPT;
    case SQLITE_NOMEM:
        return ERROR_NO_MEMORY;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
        return ERROR_INTERNAL;
    default:
        return ERROR_IO;
    }
}

static int errno_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return EBUSY;
    case SQLITE_READONLY:
        return EROFS;
    case SQLITE_FULL:
        return ENOSPC;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EACCES;
    default:
        return EIO;
    }
}

int db_fail_code(int code, const char *what, struct error *err)
{
    error_set(err, kind_of(code), "manifest: %s", what);
    if (err && err->kind == ERROR_IO)
        err->sys_errno = errno_of(code);
    return -1;
}

int db_fail(struct db *db, struct error *err)
{
    return db_fail_code(sqlite3_extended_errcode(db->handle),
                        sqlite3_errmsg(db->handle), err);
}

/* A fixed statement that SQLite refuses is right, so the file is not. */
static int blame_file(struct error *err)
{
    if (err && err->kind == ERROR_INTERNAL)
        err->kind = ERROR_CORRUPT;
    return -1;
}

static int fail_to_compile(struct db *db, struct error *err)
{
    (void)db_fail(db, err);
    return blame_file(err);
}

static int open_handle(struct db *db, const char *path, enum db_access access)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

    if (access == DB_WRITE)
        return sqlite3_open_v2(
            path, &db->handle,
            flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (access == DB_READ)
        return sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_READONLY,
                               NULL);

    /* immutable=1 is only to be had through a URI; ? # % must be escaped. */
    size_t length = strlen(path);
    CLEANUP_FREE char *uri = malloc(5 + 3 * length + sizeof "?immutable=1");

    if (!uri)
        return SQLITE_NOMEM;
    char *out = uri + sprintf(uri, "file:");

    for (const char *p = path; *p; p++)
        if (strchr("?#%", *p))
            out += sprintf(out, "%%%02X", (unsigned char)*p);
        else
            *out++ = *p;
    (void)strcpy(out, "?immutable=1");
    return sqlite3_open_v2(
        uri, &db->handle, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

/* A manifest may come from elsewhere, so nothing in its schema is trusted.
 * NORMAL is enough in WAL mode: a power cut may lose the last commits, which
 * the next index makes again, but never the consistency. */
static const char pragmas_common[] =
    "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
    "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;";
static const char pragmas_write[] =
    "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=OFF;"
    "PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=16000;"
    "PRAGMA cache_size=-16384;";
static const char pragmas_read[] = "PRAGMA query_only=ON;"
                                   "PRAGMA cache_size=-4096;";

/* SQLite would make the file readable by everyone; -wal and -shm get the mode
 * of the database. O_EXCL, because closing another descriptor of a database
 * that this process has open would drop its locks (POSIX). */
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        (void)close(fd);
}

int db_open(struct db *db, const char *path, enum db_access access,
            struct error *err)
{
    *db = (struct db){0};
    if (access == DB_WRITE)
        make_private(path);
    int rc = open_handle(db, path, access);

    if (rc != SQLITE_OK) {
        (void)error_set(err, kind_of(rc), "cannot open %s: %s", path,
                        db->handle ? sqlite3_errmsg(db->handle)
                                   : sqlite3_errstr(rc));
        if (err && err->kind == ERROR_IO)
            err->sys_errno = errno_of(rc);
        db_close(db);
        return -1;
    }
    db_set_patience(db, DB_PATIENCE_MS);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (db_exec(db, pragmas_common, err) != 0 ||
        db_exec(db, access == DB_WRITE ? pragmas_write : pragmas_read, err) !=
            0) {
        db_close(db);
        return blame_file(err);
    }
    return 0;
}

/* A batch of another process' indexer takes milliseconds; a checkpoint on a
 * slow disk may take seconds. */
void db_set_patience(struct db *db, unsigned ms)
{
    (void)sqlite3_busy_timeout(db->handle, (int)ms);
}

void db_close(struct db *db)
{
    for (int i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(db->statements[i]);
    (void)sqlite3_close(db->handle);
    shown_unref(db->shown);
    *db = (struct db){0};
}

sqlite3_stmt *db_get(struct db *db, enum sql which, struct error *err)
{
    sqlite3_stmt **slot = &db->statements[which];

    if (!*slot &&
        sqlite3_prepare_v3(db->handle, sql_text(which), -1,
                           SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
        (void)fail_to_compile(db, err);
    return *slot;
}

void db_done(sqlite3_stmt **statement)
{
    int saved = errno;

    if (!*statement)
        return;
    (void)sqlite3_reset(*statement);
    (void)sqlite3_clear_bindings(*statement);
    errno = saved;
}

int db_exec(struct db *db, const char *sql, struct error *err)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(db, err);
    return 0;
}

int db_step(struct db *db, sqlite3_stmt *statement, struct error *err)
{
    int rc = sqlite3_step(statement);

    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    return db_fail(db, err);
}

int db_run(struct db *db, sqlite3_stmt *statement, struct error *err)
{
    int rc = db_step(db, statement, err);

    return rc < 0 ? -1 : 0;
}

int db_int(struct db *db, const char *sql, int64_t fallback, int64_t *ret,
           struct error *err)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return fail_to_compile(db, err);
    int rc = db_step(db, statement, err);

    *ret = rc > 0 ? db_column_int(statement, 0, fallback) : fallback;
    (void)sqlite3_finalize(statement);
    return rc < 0 ? blame_file(err) : 0;
}

/* Binding only fails on a wrong index (a bug, seen by every test) or when
 * memory is out, which the step then reports. */

void db_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text)
        (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(statement, index);
}

void db_bind_real(sqlite3_stmt *statement, int index, double value)
{
    if (isnan(value))
        (void)sqlite3_bind_null(statement, index);
    else
        (void)sqlite3_bind_double(statement, index, value);
}

void db_bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
    (void)sqlite3_bind_int64(statement, index, value);
}

void db_bind_u64(sqlite3_stmt *statement, int index, uint64_t value)
{
    (void)sqlite3_bind_int64(statement, index, (int64_t)value);
}

int64_t db_column_int(sqlite3_stmt *statement, int column, int64_t fallback)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return fallback;
    return sqlite3_column_int64(statement, column);
}

uint64_t db_column_u64(sqlite3_stmt *statement, int column)
{
    return (uint64_t)sqlite3_column_int64(statement, column);
}

double db_column_real(sqlite3_stmt *statement, int column, double fallback)
{
    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return fallback;
    return sqlite3_column_double(statement, column);
}

const char *db_column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text ? (const char *)text : "";
}
