// SPDX-License-Identifier: MIT
/*
 * rows.h: made-up entries for a manifest, and a plain SQLite look at it.
 */
#ifndef SUPPORT_ROWS_H
#define SUPPORT_ROWS_H

#include "manifest/manifest_write.h"

/* A file of one CT slice. Texts are borrowed. */
struct row {
    const char *path;
    const char *study, *series, *sop;
    uint64_t ino;
    uint64_t size;   /* 0: 1000 */
    int64_t mtime_s; /* 0: 1000 */
    double z;        /* position along the normal */
    int number;      /* InstanceNumber */
    bool no_pixels;
    const char *patient;
};

/* Fills *ret and *header, which ret points to. */
void row_entry(const struct row *row, struct manifest_header *header,
               struct manifest_entry *ret);

/* Writes rows in one batch; aborts the test on an error. */
void rows_write(struct manifest *m, const struct row *rows, size_t n);

/* Ends a run: names (all files of equal size have the digest `same` says),
 * volumes, final. */
void rows_end(struct manifest *m, manifest_digest_fn digest, void *opaque);

/* The first column of the first row, malloc'd; NULL if there is none. Opens
 * STATE/manifest.db by itself, or the file if `path` ends in .db. */
char *rows_query(const char *path, const char *sql);
int64_t rows_int(const char *path, const char *sql);
void rows_exec(const char *path, const char *sql);

#endif
