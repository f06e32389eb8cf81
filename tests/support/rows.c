// SPDX-License-Identifier: MIT
#undef NDEBUG
#include "support/rows.h"

#include <check.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "support/scratch.h"

void row_entry(const struct row *row, struct manifest_header *h,
               struct manifest_entry *ret)
{
    static const double axial[6] = {1, 0, 0, 0, 1, 0};

    manifest_header_init(h);
    h->study_uid = row->study;
    h->series_uid = row->series;
    h->sop_uid = row->sop;
    h->modality = "CT";
    h->body_part = "CHEST";
    h->slice_thickness = 1.25;
    h->sop_class = "1.2.840.10008.5.1.4.1.1.2";
    h->transfer_syntax = "1.2.840.10008.1.2.1";
    h->patient_id = row->patient;
    h->instance_number = row->number;
    h->has_pixels = !row->no_pixels;
    h->decodable = true;
    h->frames = 1;
    h->frames_known = true;
    h->pixel_offset = 1024;
    h->pixel_length = 512 * 512 * 2;
    h->desc = (struct decode_desc){.codec = DECODE_NATIVE_LE,
                                   .photometric = DECODE_MONOCHROME2,
                                   .rows = 512,
                                   .cols = 512,
                                   .samples = 1,
                                   .bits_alloc = 16,
                                   .bits_stored = 12,
                                   .high_bit = 11,
                                   .is_signed = true};
    h->px_x = h->px_y = 0.7;
    h->ipp[0] = h->ipp[1] = -100;
    h->ipp[2] = row->z;
    (void)memcpy(h->iop, axial, sizeof axial);
    /* Without UIDs a file is told by its content; here by its inode. */
    h->has_digest = true;
    (void)memset(h->digest, 0, sizeof h->digest);
    (void)memcpy(h->digest, &row->ino, sizeof row->ino);
    *ret = (struct manifest_entry){.header = h};
    ret->source.relpath = (char *)(uintptr_t)row->path;
    ret->source.dev = 7;
    ret->source.ino = row->ino;
    ret->source.size = row->size ? row->size : 1000;
    ret->source.mtime_ns = (row->mtime_s ? row->mtime_s : 1000) * 1000000000;
    ret->source.scan = MANIFEST_SCAN_OK;
}

void rows_write(struct manifest *m, const struct row *rows, size_t n)
{
    struct manifest_entry *entries = calloc(n, sizeof *entries);
    struct manifest_header *headers = calloc(n, sizeof *headers);
    struct manifest_written written = {0};
    struct error err = ERROR_INIT;

    ck_assert(entries && headers);
    for (size_t i = 0; i < n; i++)
        row_entry(&rows[i], &headers[i], &entries[i]);
    ck_assert_msg(manifest_write_batch(m, entries, n, &written, &err) == 0,
                  "%s", err.msg);
    free(entries);
    free(headers);
}

void rows_end(struct manifest *m, manifest_digest_fn digest, void *opaque)
{
    struct error err = ERROR_INIT;
    uint64_t renamed;
    uint64_t copies;

    ck_assert_msg(manifest_write_names(m, digest, opaque, NULL, &renamed,
                                       &copies, &err) == 0,
                  "%s", err.msg);
    ck_assert_msg(manifest_write_volumes(m, NULL, &err) == 0, "%s", err.msg);
    ck_assert_msg(manifest_write_end(m, "/archive", "test 1", true, &err) == 0,
                  "%s", err.msg);
}

static sqlite3 *open_db(const char *path)
{
    size_t length = strlen(path);
    bool is_file = length > 3 && strcmp(path + length - 3, ".db") == 0;
    char *file = scratch_text("%s%s", path, is_file ? "" : "/manifest.db");
    sqlite3 *db = NULL;

    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 10000);
    free(file);
    return db;
}

char *rows_query(const char *path, const char *sql)
{
    sqlite3 *db = open_db(path);
    sqlite3_stmt *st = NULL;
    char *ret = NULL;

    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK,
                  "%s: %s", sql, sqlite3_errmsg(db));
    int rc = sqlite3_step(st);

    ck_assert_msg(rc == SQLITE_ROW || rc == SQLITE_DONE, "%s: %s", sql,
                  sqlite3_errmsg(db));
    if (rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
        ret = scratch_text("%s", (const char *)sqlite3_column_text(st, 0));
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return ret;
}

int64_t rows_int(const char *path, const char *sql)
{
    char *text = rows_query(path, sql);
    int64_t ret = text ? strtoll(text, NULL, 10) : INT64_MIN;

    free(text);
    return ret;
}

void rows_exec(const char *path, const char *sql)
{
    sqlite3 *db = open_db(path);
    char *message = NULL;

    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK,
                  "%s: %s", sql, message);
    (void)sqlite3_close(db);
}
