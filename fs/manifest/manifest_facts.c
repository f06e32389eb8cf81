// SPDX-License-Identifier: MIT
/*
 * What was found out about an instance later than at indexing: facts, frame
 * indexes, errors. Losing any of it costs time only.
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- facts ---- */

struct fact_query {
    int64_t instance_id;
    const char *prefix;
    uint64_t engine;
    struct manifest_fact *ret;
    const struct manifest_fact *put;
};

static int query_fact(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    const struct fact_query *q = opaque;

    db_bind_int(st, 1, q->instance_id);
    db_bind_text(st, 2, q->prefix);
    db_bind_u64(st, 3, q->engine);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    q->ret->crop = (struct image_box){
        (uint32_t)db_column_int(st, 0, 0), (uint32_t)db_column_int(st, 1, 0),
        (uint32_t)db_column_int(st, 2, 0), (uint32_t)db_column_int(st, 3, 0)};
    q->ret->vmin = db_column_real(st, 4, NAN);
    q->ret->vmax = db_column_real(st, 5, NAN);
    return 1;
}

int manifest_fact_get(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      struct manifest_fact *ret, struct error *err)
{
    struct fact_query q = {.instance_id = instance_id,
                           .prefix = prefix,
                           .engine = engine,
                           .ret = ret};

    return manifest_query(m, SQL_FACT_GET, query_fact, &q, err);
}

static int query_fact_put(struct db *db, sqlite3_stmt *st, void *opaque,
                          struct error *err)
{
    const struct fact_query *q = opaque;

    db_bind_int(st, 1, q->instance_id);
    db_bind_text(st, 2, q->prefix);
    db_bind_u64(st, 3, q->engine);
    if (q->put->crop.width > 0) {
        db_bind_int(st, 4, q->put->crop.x);
        db_bind_int(st, 5, q->put->crop.y);
        db_bind_int(st, 6, q->put->crop.width);
        db_bind_int(st, 7, q->put->crop.height);
    }
    db_bind_real(st, 8, q->put->vmin);
    db_bind_real(st, 9, q->put->vmax);
    return db_run(db, st, err);
}

int manifest_fact_put(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      const struct manifest_fact *fact, struct error *err)
{
    struct fact_query q = {.instance_id = instance_id,
                           .prefix = prefix,
                           .engine = engine,
                           .put = fact};

    if (m->mode == MANIFEST_READ_ONLY)
        return 0;
    return manifest_update(m, SQL_FACT_PUT, query_fact_put, &q, err);
}

/* ---- frame index ---- */

struct frames_query {
    int64_t instance_id;
    struct manifest_extent *extents;
    size_t n;
};

static int query_frames(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct frames_query *q = opaque;
    size_t capacity = 0;
    int rc;

    db_bind_int(st, 1, q->instance_id);
    while ((rc = db_step(db, st, err)) > 0) {
        if (q->n == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            struct manifest_extent *grown =
                reallocarray(q->extents, capacity, sizeof *grown);

            if (!grown)
                return error_no_memory(err);
            q->extents = grown;
        }
        q->extents[q->n].offset = db_column_u64(st, 0);
        q->extents[q->n].length = db_column_u64(st, 1);
        q->n++;
    }
    return rc < 0 ? -1 : q->n > 0;
}

int manifest_frames_get(struct manifest *m, int64_t instance_id,
                        struct manifest_extent **ret, uint64_t *ret_n,
                        struct error *err)
{
    struct frames_query q = {.instance_id = instance_id};
    int rc = manifest_query(m, SQL_FRAMES_GET, query_frames, &q, err);

    if (rc < 0) {
        free(q.extents);
        q = (struct frames_query){0};
    }
    *ret = q.extents;
    *ret_n = q.n;
    return rc;
}

static int put_frames(struct db *db, int64_t instance_id,
                      const struct manifest_extent *extents, uint64_t n,
                      struct error *err)
{
    STATEMENT *drop = db_get(db, SQL_FRAMES_DROP, err);
    STATEMENT *put = db_get(db, SQL_FRAMES_PUT, err);

    if (!drop || !put)
        return -1;
    db_bind_int(drop, 1, instance_id);
    if (db_run(db, drop, err) != 0)
        return -1;
    for (uint64_t i = 0; i < n; i++) {
        db_bind_int(put, 1, instance_id);
        db_bind_u64(put, 2, i);
        db_bind_u64(put, 3, extents[i].offset);
        db_bind_u64(put, 4, extents[i].length);
        if (db_run(db, put, err) != 0)
            return -1;
        (void)sqlite3_reset(put);
    }
    return 0;
}

int manifest_frames_put(struct manifest *m, int64_t instance_id,
                        const struct manifest_extent *extents, uint64_t n,
                        struct error *err)
{
    if (m->mode == MANIFEST_READ_ONLY)
        return 0;
    struct db *db = manifest_note_writer(m, err);

    if (!db)
        return -1;
    int rc = manifest_begin_note(m, db, err);

    if (rc == 0)
        rc =
            manifest_end(db, put_frames(db, instance_id, extents, n, err), err);
    manifest_writer_put(m, db);
    return rc;
}

/* ---- errors ---- */

struct error_query {
    int64_t source_id;
    uint16_t view_id;
    const char *stage;
    int errno_value;
    const char *message;
    char *ret;
};

static int query_error_put(struct db *db, sqlite3_stmt *st, void *opaque,
                           struct error *err)
{
    const struct error_query *q = opaque;

    db_bind_int(st, 1, q->source_id);
    db_bind_int(st, 2, q->view_id);
    db_bind_text(st, 3, q->stage);
    db_bind_int(st, 4, q->errno_value);
    db_bind_text(st, 5, q->message);
    return db_run(db, st, err);
}

int manifest_error_put(struct manifest *m, int64_t source_id, uint16_t view_id,
                       const char *stage, int errno_value, const char *message,
                       struct error *err)
{
    struct error_query q = {.source_id = source_id,
                            .view_id = view_id,
                            .stage = stage,
                            .errno_value = errno_value,
                            .message = message};

    if (m->mode == MANIFEST_READ_ONLY)
        return 0;
    return manifest_update(m, SQL_ERROR_PUT, query_error_put, &q, err);
}

static int query_error(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    struct error_query *q = opaque;

    db_bind_int(st, 1, q->source_id);
    db_bind_int(st, 2, q->view_id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    q->ret = strdup(db_column_text(st, 0));
    return q->ret ? 1 : error_no_memory(err);
}

int manifest_error_get(struct manifest *m, int64_t source_id, uint16_t view_id,
                       char **ret, struct error *err)
{
    struct error_query q = {.source_id = source_id, .view_id = view_id};
    int rc = manifest_query(m, SQL_ERROR_GET, query_error, &q, err);

    *ret = q.ret;
    return rc;
}

/* A field of a TSV file: control bytes would break the line. */
static void put_field(FILE *out, const char *text, char end)
{
    for (; *text; text++)
        (void)fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
    (void)fputc(end, out);
}

static int query_errors_write(struct db *db, sqlite3_stmt *st, void *opaque,
                              struct error *err)
{
    FILE *out = opaque;
    int rc;

    (void)fputs("path\tview\tstage\terrno\tmessage\tat\n", out);
    while ((rc = db_step(db, st, err)) > 0)
        for (int column = 0; column < 6; column++)
            put_field(out, db_column_text(st, column),
                      column < 5 ? '\t' : '\n');
    if (rc == 0 && ferror(out))
        return error_set_sys(err, EIO, "cannot write the errors");
    return rc;
}

int manifest_errors_write(struct manifest *m, FILE *out, struct error *err)
{
    return manifest_query(m, SQL_ERRORS, query_errors_write, out, err);
}
