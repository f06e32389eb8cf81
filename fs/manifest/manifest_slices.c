// SPDX-License-Identifier: MIT
/* manifest_slices.c: volumes, read (manifest_volumes.c arranges them). */
#include "manifest/manifest_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- rows --------------------------------------------------------------- */

enum { SLICES = MANIFEST_INSTANCE_COLUMNS, Z_SPACING, MTIME_S };

int manifest_volume_load(sqlite3_stmt *st, struct manifest_instance *ret,
                         struct error *err)
{
    if (manifest_instance_load(st, ret, err) != 0)
        return -1;
    ret->slices = (uint32_t)db_column_int(st, SLICES, 0);
    ret->z_mm = db_column_real(st, Z_SPACING, 0);
    ret->acquired_s = db_column_int(st, MTIME_S, 0);
    return 0;
}

struct row_query {
    int64_t keys[3];
    int n_keys;
    const char *name; /* after the keys; may be NULL */
    unsigned limit;   /* after the keys, if not 0 */
    struct manifest_instance *ret;
};

static int query_rows(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    const struct row_query *q = opaque;
    unsigned n = 0, most = q->limit ? q->limit : 1;
    int64_t last = q->keys[1]; /* of a listing: what it comes after */
    int rc = 1;

    for (int i = 0; i < q->n_keys; i++)
        db_bind_int(st, i + 1, q->keys[i]);
    if (q->name)
        db_bind_text(st, q->n_keys + 1, q->name);
    if (q->limit)
        db_bind_int(st, q->n_keys + 1, q->limit);
    while (n < most && (rc = db_step(db, st, err)) > 0) {
        rc = manifest_volume_load(st, &q->ret[n], err);
        if (rc < 0)
            break;
        n++;
        if (q->limit && manifest_check_rising(q->ret[n - 1].id, &last, err)) {
            rc = -1;
            break;
        }
    }
    if (rc >= 0)
        return (int)n;
    while (n > 0)
        manifest_instance_deinit(&q->ret[--n]);
    return -1;
}

int manifest_volume_by_id(struct manifest *m, int64_t id,
                          struct manifest_instance *ret, struct error *err)
{
    struct row_query q = {.keys = {id}, .n_keys = 1, .ret = ret};

    return manifest_query(m, SQL_VOLUME_ROW, query_rows, &q, err);
}

int manifest_volume_by_name(struct manifest *m, int64_t study_id,
                            const char *series_name,
                            struct manifest_instance *ret, struct error *err)
{
    struct row_query q = {
        .keys = {study_id}, .n_keys = 1, .name = series_name, .ret = ret};

    return manifest_query(m, SQL_VOLUME_BY_NAME, query_rows, &q, err);
}

int manifest_list_volumes(struct manifest *m, int64_t study_id,
                          int64_t series_id, int64_t after, unsigned limit,
                          struct manifest_instance *ret, struct error *err)
{
    struct row_query q = {.keys = {study_id, after, series_id},
                          .n_keys = 3,
                          .limit = limit,
                          .ret = ret};

    return limit ? manifest_query(m, SQL_LIST_VOLUMES, query_rows, &q, err) : 0;
}

/* ---- what it is --------------------------------------------------------- */

static int query_volume(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct manifest_volume *ret = opaque;
    int64_t kind;

    db_bind_int(st, 1, ret->id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    ret->n_slices = (uint32_t)db_column_int(st, 0, 0);
    ret->z_spacing = db_column_real(st, 1, 0);
    ret->uniform = db_column_int(st, 2, 0) != 0;
    ret->ok = db_column_int(st, 3, 0) != 0;
    (void)sqlite3_snprintf(sizeof ret->note, ret->note, "%s",
                           db_column_text(st, 4));
    kind = db_column_int(st, 5, VOLUME_NO_STACK);
    ret->kind = kind < 0 || kind > VOLUME_NO_STACK
                    ? VOLUME_NO_STACK
                    : (enum manifest_volume_kind)kind;
    ret->series_id = db_column_int(st, 6, 0);
    return 1;
}

int manifest_volume_get(struct manifest *m, int64_t id,
                        struct manifest_volume *ret, struct error *err)
{
    *ret = (struct manifest_volume){.id = id};
    return manifest_query(m, SQL_VOLUME, query_volume, ret, err);
}

/* ---- slices ------------------------------------------------------------- */

void manifest_slices_deinit(struct manifest_slices *s)
{
    free(s->v);
    *s = (struct manifest_slices){NULL, 0, false, 0};
}

/* A window as far as it tells slices apart. */
struct window {
    double center, width;
    char function[16];
};

static void load_window(sqlite3_stmt *st, struct window *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->center = db_column_real(st, 5, 0);
    ret->width = db_column_real(st, 6, 0); /* never 0 where it is valid */
    (void)sqlite3_snprintf(sizeof ret->function, ret->function, "%s",
                           db_column_text(st, 7));
}

static bool is_same_window(const struct window *a, const struct window *b)
{
    return a->center == b->center && a->width == b->width &&
           strcmp(a->function, b->function) == 0;
}

static void load_slice(sqlite3_stmt *st, struct manifest_slice *ret)
{
    int64_t version[4];

    ret->id = db_column_int(st, 0, 0);
    for (int i = 0; i < 3; i++)
        ret->position[i] = db_column_real(st, 1 + i, NAN);
    ret->number = db_column_int(st, 4, INT64_MIN);
    for (int i = 0; i < 4; i++)
        version[i] = db_column_int(st, 8 + i, 0);
    ret->version = XXH3_64bits(version, sizeof version);
}

struct slices_query {
    int64_t id;
    struct manifest_slices slices;
};

static int query_slices(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct slices_query *q = opaque;
    struct manifest_slices *s = &q->slices;
    struct window first, window;
    size_t capacity = 0;
    int rc;

    db_bind_int(st, 1, q->id);
    s->one_window = true;
    while ((rc = db_step(db, st, err)) > 0) {
        if (s->n == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            struct manifest_slice *grown =
                reallocarray(s->v, capacity, sizeof *grown);

            if (!grown)
                return error_no_memory(err);
            s->v = grown;
        }
        load_slice(st, &s->v[s->n]);
        load_window(st, s->n == 0 ? &first : &window);
        s->windowless += (s->n == 0 ? first.width : window.width) == 0;
        if (s->n > 0 && !is_same_window(&first, &window))
            s->one_window = false;
        s->n++;
    }
    return rc;
}

int manifest_volume_slices(struct manifest *m, int64_t id,
                           struct manifest_slices *ret, struct error *err)
{
    struct slices_query q = {.id = id};
    int rc = manifest_query(m, SQL_VOLUME_SLICES, query_slices, &q, err);

    if (rc < 0)
        manifest_slices_deinit(&q.slices);
    *ret = q.slices;
    return rc;
}
