// SPDX-License-Identifier: MIT
/* manifest_roi.c: table `roi` (manifest_roi.h). */
#include "manifest/manifest_roi.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "manifest/manifest_impl.h"
#include "manifest/manifest_publish.h"

/* ---- reading ---- */

/* Other programs fill this table too: a text is no number. */
static double number_at(sqlite3_stmt *st, int column)
{
    int type = sqlite3_column_type(st, column);

    if (type != SQLITE_FLOAT && type != SQLITE_INTEGER)
        return NAN;
    return sqlite3_column_double(st, column);
}

/* Columns n, x, y, z, dx, dy, dz from `first` on. */
static void load_roi(sqlite3_stmt *st, int first, struct manifest_roi *ret)
{
    *ret = (struct manifest_roi){.n = sqlite3_column_int64(st, first)};
    for (int i = 0; i < 3; i++) {
        ret->centre[i] = number_at(st, first + 1 + i);
        ret->size[i] = number_at(st, first + 4 + i);
    }
}

struct roi_query {
    const char *table;
    int64_t id;
    uint32_t k;
    uint32_t count;
    struct manifest_roi *ret;
};

static int query_count(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    struct roi_query *q = opaque;

    db_bind_text(st, 1, q->table);
    db_bind_int(st, 2, q->id);
    db_bind_int(st, 3, MANIFEST_ROIS_MAX);
    if (db_step(db, st, err) < 0)
        return -1;
    q->count = (uint32_t)db_column_int(st, 0, 0);
    return 0;
}

int manifest_roi_count(struct manifest *m, const char *table,
                       const struct manifest_roi_object *object,
                       uint32_t *ret_n, struct error *err)
{
    struct roi_query q = {.table = table, .id = object->id};
    enum sql which =
        object->is_series ? SQL_ROI_COUNT_SERIES : SQL_ROI_COUNT_INSTANCE;
    int rc = manifest_query(m, which, query_count, &q, err);

    *ret_n = q.count;
    return rc;
}

static int query_get(struct db *db, sqlite3_stmt *st, void *opaque,
                     struct error *err)
{
    const struct roi_query *q = opaque;

    db_bind_text(st, 1, q->table);
    db_bind_int(st, 2, q->id);
    db_bind_int(st, 3, (int64_t)q->k - 1);
    int rc = db_step(db, st, err);

    if (rc > 0)
        load_roi(st, 0, q->ret);
    return rc;
}

int manifest_roi_get(struct manifest *m, const char *table,
                     const struct manifest_roi_object *object, uint32_t k,
                     struct manifest_roi *ret, struct error *err)
{
    struct roi_query q = {.table = table, .id = object->id, .k = k, .ret = ret};
    enum sql which =
        object->is_series ? SQL_ROI_GET_SERIES : SQL_ROI_GET_INSTANCE;

    *ret = (struct manifest_roi){0};
    if (k == 0 || k > MANIFEST_ROIS_MAX)
        return 0;
    return manifest_query(m, which, query_get, &q, err);
}

struct each_query {
    const char *table;
    manifest_roi_fn each;
    void *opaque;
    int stopped; /* what `each` returned */
};

/* "" is a table_name that nobody can ask for, but that may be there. */
static int query_each(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    struct each_query *q = opaque;
    int rc;

    if (q->table)
        db_bind_text(st, 1, q->table);
    while ((rc = db_step(db, st, err)) > 0) {
        struct manifest_roi roi;

        load_roi(st, 2, &roi);
        roi.label = (const char *)sqlite3_column_text(st, 9);
        q->stopped = q->each(q->opaque, db_column_text(st, 0),
                             db_column_text(st, 1), &roi);
        if (q->stopped != 0)
            return 0;
    }
    return rc;
}

int manifest_roi_each(struct manifest *m, const char *table,
                      manifest_roi_fn each, void *opaque, struct error *err)
{
    struct each_query q = {.table = table, .each = each, .opaque = opaque};
    enum sql which = table ? SQL_ROI_LIST : SQL_ROI_LIST_ALL;
    int rc = manifest_query(m, which, query_each, &q, err);

    return rc < 0 ? -1 : q.stopped;
}

/* Texts with their NUL, so that no two rows run into each other. */
static void add_text(XXH3_state_t *state, const char *text)
{
    (void)XXH3_64bits_update(state, text ? text : "",
                             text ? strlen(text) + 1 : 1);
}

static int add_to_digest(void *opaque, const char *table, const char *uid,
                         const struct manifest_roi *roi)
{
    XXH3_state_t *state = opaque;

    (void)table;
    add_text(state, uid);
    (void)XXH3_64bits_update(state, &roi->n, sizeof roi->n);
    (void)XXH3_64bits_update(state, roi->centre, sizeof roi->centre);
    (void)XXH3_64bits_update(state, roi->size, sizeof roi->size);
    add_text(state, roi->label);
    return 0;
}

int manifest_roi_digest(struct manifest *m, const char *table, uint64_t *ret,
                        struct error *err)
{
    XXH3_state_t *state = XXH3_createState();
    int rc;

    if (!state)
        return error_no_memory(err);
    (void)XXH3_64bits_reset(state);
    rc = manifest_roi_each(m, table, add_to_digest, state, err);
    *ret = XXH3_64bits_digest(state);
    (void)XXH3_freeState(state);
    return rc;
}

/* ---- writing ---- */

static int check_row(const struct manifest_roi_row *row, size_t i,
                     struct error *err)
{
    const struct manifest_roi *roi = &row->roi;

    if (!row->uid || !row->uid[0])
        return error_set(err, ERROR_USAGE, "row %zu has no UID", i + 1);
    if (!isfinite(roi->centre[0]) || !isfinite(roi->centre[1]) ||
        isinf(roi->centre[2]))
        return error_set(err, ERROR_USAGE, "row %zu has no position", i + 1);
    for (int axis = 0; axis < 3; axis++)
        if (isinf(roi->size[axis]) || roi->size[axis] < 0)
            return error_set(err, ERROR_USAGE,
                             "row %zu has a side that is no length", i + 1);
    return 0;
}

/* Studies with a row of the table come up as changed. */
static int touch(struct db *db, const char *table, int64_t epoch,
                 struct error *err)
{
    static const enum sql both[] = {SQL_ROI_TOUCH_SERIES,
                                    SQL_ROI_TOUCH_INSTANCES};

    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        STATEMENT *st = db_get(db, both[i], err);

        if (!st)
            return -1;
        db_bind_text(st, 1, table);
        db_bind_int(st, 2, epoch);
        if (db_run(db, st, err) != 0)
            return -1;
    }
    return 0;
}

static int next_epoch(struct db *db, int64_t *ret, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_EPOCH_NEXT, err);

    if (!st || db_step(db, st, err) < 0)
        return -1;
    *ret = db_column_int(st, 0, 0);
    return db_run(db, st, err);
}

static int drop_rows(struct db *db, const char *table, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_ROI_DROP, err);

    if (!st)
        return -1;
    db_bind_text(st, 1, table);
    return db_run(db, st, err);
}

/* The next number of a table and uid, and how many there are. */
static int last_number(struct db *db, const char *table, const char *uid,
                       int64_t *ret_last, int64_t *ret_count, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_ROI_LAST, err);

    if (!st)
        return -1;
    db_bind_text(st, 1, table);
    db_bind_text(st, 2, uid);
    if (db_step(db, st, err) < 0)
        return -1;
    *ret_last = db_column_int(st, 0, 0);
    *ret_count = db_column_int(st, 1, 0);
    return 0;
}

static int put_row(struct db *db, const char *table,
                   const struct manifest_roi_row *row, int64_t n,
                   struct error *err)
{
    const struct manifest_roi *roi = &row->roi;
    STATEMENT *st = db_get(db, SQL_ROI_PUT, err);

    if (!st)
        return -1;
    db_bind_text(st, 1, table);
    db_bind_text(st, 2, row->uid);
    db_bind_int(st, 3, n);
    for (int i = 0; i < 3; i++) {
        db_bind_real(st, 4 + i, roi->centre[i]);
        db_bind_real(st, 7 + i, roi->size[i]);
    }
    db_bind_text(st, 10, roi->label);
    return db_run(db, st, err);
}

/* Rows of one object usually follow each other: its last number is asked for
 * once for all of them. */
static int put_rows(struct db *db, const char *table,
                    const struct manifest_roi_row *rows, size_t n,
                    struct error *err)
{
    const char *uid = NULL;
    int64_t last = 0;
    int64_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const struct manifest_roi_row *row = &rows[i];
        bool is_numbered = row->roi.n > 0;

        if (check_row(row, i, err) != 0)
            return -1;
        if ((!uid || strcmp(uid, row->uid) != 0) &&
            last_number(db, table, row->uid, &last, &count, err) != 0)
            return -1;
        uid = row->uid;
        if (last == INT64_MAX || ++count > (int64_t)MANIFEST_ROIS_MAX)
            return error_set(err, ERROR_USAGE,
                             "row %zu is one more than the %u that an object "
                             "may have",
                             i + 1, MANIFEST_ROIS_MAX);
        if (put_row(db, table, row, is_numbered ? row->roi.n : last + 1, err) !=
            0)
            return -1;
        if (is_numbered)
            uid = NULL; /* it may have replaced one */
        else
            last++;
    }
    return 0;
}

static int replace_table(struct db *db, const char *table,
                         enum manifest_roi_put how,
                         const struct manifest_roi_row *rows, size_t n,
                         struct error *err)
{
    int64_t epoch;

    if (next_epoch(db, &epoch, err) != 0 ||
        manifest_totals_keep(db, epoch - 1, epoch, err) != 0 ||
        touch(db, table, epoch, err) != 0)
        return -1;
    if (how == MANIFEST_ROI_REPLACE && drop_rows(db, table, err) != 0)
        return -1;
    if (put_rows(db, table, rows, n, err) != 0)
        return -1;
    return touch(db, table, epoch, err);
}

int manifest_roi_put(struct manifest *m, const char *table,
                     enum manifest_roi_put how,
                     const struct manifest_roi_row *rows, size_t n,
                     struct error *err)
{
    struct error local = ERROR_INIT;
    struct error *e = err ? err : &local;
    struct db *db;
    int rc;

    if (!table[0])
        return error_set(e, ERROR_USAGE, "the roi table has no name");
    if (manifest_check_own(m, e) != 0)
        return -1;
    db = manifest_writer(m, e);
    if (!db)
        return -1;
    rc = manifest_begin(db, e);
    if (rc == 0)
        rc = manifest_end(db, replace_table(db, table, how, rows, n, e), e);
    manifest_writer_put(m, db);
    return rc == 0 ? 0 : manifest_failed(m, e);
}
