// SPDX-License-Identifier: MIT
/*
 * What leaves turned out to be, or will be where header data says so.
 */
#include "manifest/manifest_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *const dtype_names[] = {
    [SAMPLE_U8] = "u8",   [SAMPLE_U16] = "u16", [SAMPLE_I16] = "i16",
    [SAMPLE_U32] = "u32", [SAMPLE_I32] = "i32", [SAMPLE_F32] = "f32",
    [SAMPLE_F64] = "f64", [SAMPLE_F16] = "f16",
};

const char *manifest_dtype_name(enum sample_type type)
{
    return dtype_names[type];
}

enum sample_type manifest_dtype_parse(const char *name)
{
    for (size_t i = 0; i < sizeof dtype_names / sizeof *dtype_names; i++)
        if (strcmp(dtype_names[i], name) == 0)
            return (enum sample_type)i;
    return SAMPLE_U8;
}

void manifest_output_deinit(struct manifest_output *o)
{
    free(o->strips);
    o->strips = NULL;
    o->n_strips = 0;
}

struct output_query {
    uint16_t view_id;
    int64_t object_id;
    uint32_t part;
    unsigned fmt;
    uint64_t engine;
    struct manifest_output *ret;
    const struct manifest_output *put;
    uint8_t *blob;
};

static void bind_output_key(sqlite3_stmt *st, const struct output_query *q)
{
    db_bind_int(st, 1, q->view_id);
    db_bind_int(st, 2, q->object_id);
    db_bind_int(st, 3, q->part);
    db_bind_int(st, 4, q->fmt);
    db_bind_u64(st, 5, q->engine);
}

/* Strip sizes are kept as 8 bytes each, least significant first. */
static int load_strips(sqlite3_stmt *st, int column,
                       struct manifest_output *ret, struct error *err)
{
    const uint8_t *blob = sqlite3_column_blob(st, column);
    size_t n = (size_t)sqlite3_column_bytes(st, column) / 8;

    if (!blob || n == 0)
        return 0;
    ret->strips = calloc(n, sizeof *ret->strips);
    if (!ret->strips)
        return error_no_memory(err);
    ret->n_strips = n;
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < 8; b++)
            ret->strips[i] |= (uint64_t)blob[8 * i + b] << (8 * b);
    return 0;
}

static uint32_t column_u32(sqlite3_stmt *st, int column)
{
    return (uint32_t)db_column_int(st, column, 0);
}

static int query_output(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    const struct output_query *q = opaque;
    struct manifest_output *ret = q->ret;

    bind_output_key(st, q);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    ret->is_series = db_column_int(st, 0, 0) != 0;
    ret->width = column_u32(st, 1);
    ret->height = column_u32(st, 2);
    ret->channels = column_u32(st, 3);
    ret->num_frames = column_u32(st, 4);
    ret->dtype = manifest_dtype_parse(db_column_text(st, 5));
    ret->bytes = db_column_u64(st, 6);
    ret->crop = (struct image_box){column_u32(st, 7), column_u32(st, 8),
                                   column_u32(st, 9), column_u32(st, 10)};
    ret->scale_x = db_column_real(st, 11, 1);
    ret->scale_y = db_column_real(st, 12, 1);
    for (int i = 0; i < 4; i++)
        ret->pad[i] = column_u32(st, 13 + i);
    ret->has_stats = sqlite3_column_type(st, 19) != SQLITE_NULL;
    ret->vmin = db_column_real(st, 17, 0);
    ret->vmax = db_column_real(st, 18, 0);
    ret->vmean = db_column_real(st, 19, 0);
    ret->vstd = db_column_real(st, 20, 0);
    return load_strips(st, 21, ret, err) == 0 ? 1 : -1;
}

int manifest_output_get(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint32_t part, unsigned fmt, uint64_t engine,
                        struct manifest_output *ret, struct error *err)
{
    struct output_query q = {.view_id = view_id,
                             .object_id = object_id,
                             .part = part,
                             .fmt = fmt,
                             .engine = engine,
                             .ret = ret};

    *ret = (struct manifest_output){0};
    return manifest_query(m, SQL_OUTPUT_GET, query_output, &q, err);
}

int manifest_output_read(struct db *db, const struct manifest_leaves *leaves,
                         int64_t object_id, uint32_t part,
                         struct manifest_output *ret, struct error *err)
{
    struct output_query q = {.view_id = leaves->view_id,
                             .object_id = object_id,
                             .part = part,
                             .fmt = leaves->fmt,
                             .engine = leaves->engine,
                             .ret = ret};
    STATEMENT *st = db_get(db, SQL_OUTPUT_GET, err);

    *ret = (struct manifest_output){0};
    return st ? query_output(db, st, &q, err) : -1;
}

int manifest_output_any(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint64_t engine, struct manifest_output *ret,
                        struct error *err)
{
    struct output_query q = {.view_id = view_id,
                             .object_id = object_id,
                             .engine = engine,
                             .ret = ret};

    *ret = (struct manifest_output){0};
    return manifest_query(m, SQL_OUTPUT_ANY, query_output, &q, err);
}

static void bind_output(sqlite3_stmt *st, const struct manifest_output *o)
{
    db_bind_int(st, 6, o->is_series);
    db_bind_int(st, 7, o->width);
    db_bind_int(st, 8, o->height);
    db_bind_int(st, 9, o->channels);
    db_bind_int(st, 10, o->num_frames);
    db_bind_text(st, 11, manifest_dtype_name(o->dtype));
    db_bind_u64(st, 12, o->bytes);
    if (o->crop.width > 0) {
        db_bind_int(st, 13, o->crop.x);
        db_bind_int(st, 14, o->crop.y);
        db_bind_int(st, 15, o->crop.width);
        db_bind_int(st, 16, o->crop.height);
    }
    db_bind_real(st, 17, o->scale_x);
    db_bind_real(st, 18, o->scale_y);
    for (int i = 0; i < 4; i++)
        db_bind_int(st, 19 + i, o->pad[i]);
    if (o->has_stats) {
        db_bind_real(st, 23, o->vmin);
        db_bind_real(st, 24, o->vmax);
        db_bind_real(st, 25, o->vmean);
        db_bind_real(st, 26, o->vstd);
    }
}

static int query_output_put(struct db *db, sqlite3_stmt *st, void *opaque,
                            struct error *err)
{
    const struct output_query *q = opaque;

    bind_output_key(st, q);
    bind_output(st, q->put);
    if (q->blob)
        (void)sqlite3_bind_blob64(st, 27, q->blob, 8 * q->put->n_strips,
                                  SQLITE_STATIC);
    return db_run(db, st, err);
}

int manifest_output_put(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint32_t part, unsigned fmt, uint64_t engine,
                        const struct manifest_output *o, struct error *err)
{
    struct output_query q = {.view_id = view_id,
                             .object_id = object_id,
                             .part = part,
                             .fmt = fmt,
                             .engine = engine,
                             .put = o};
    CLEANUP_FREE uint8_t *blob = NULL;

    if (m->mode == MANIFEST_READ_ONLY)
        return 0;
    if (o->strips && o->n_strips > 0) {
        blob = calloc(o->n_strips, 8);
        if (!blob)
            return error_no_memory(err);
        for (size_t i = 0; i < o->n_strips; i++)
            for (size_t b = 0; b < 8; b++)
                blob[8 * i + b] = (uint8_t)(o->strips[i] >> (8 * b));
        q.blob = blob;
    }
    return manifest_update(m, SQL_OUTPUT_PUT, query_output_put, &q, err);
}

/* ---- all leaves of a view, without pixels ---- */

#define FILL_PAGE 256

struct fill {
    const struct manifest_leaves *leaves;
    int64_t after;
    struct manifest_instance rows[FILL_PAGE];
    struct manifest_output outputs[FILL_PAGE];
    bool known[FILL_PAGE];
    int n;
};

static int query_unknown(struct db *db, sqlite3_stmt *st, void *opaque,
                         struct error *err)
{
    struct fill *f = opaque;
    const struct manifest_leaves *l = f->leaves;
    int rc;

    f->n = 0;
    db_bind_int(st, 1, l->view_id);
    db_bind_int(st, 2, f->after);
    db_bind_int(st, 3, FILL_PAGE);
    db_bind_u64(st, 4, l->engine);
    db_bind_int(st, 5, l->fmt);
    db_bind_int(st, 6, l->part != 0);
    while ((rc = db_step(db, st, err)) > 0) {
        rc = l->of_series ? manifest_volume_load(st, &f->rows[f->n], err)
                          : manifest_instance_load(st, &f->rows[f->n], err);
        if (rc != 0)
            return -1;
        f->n++;
    }
    return rc;
}

static int shape_page(struct fill *f, manifest_shape_fn shape, void *opaque,
                      struct error *err)
{
    for (int i = 0; i < f->n; i++) {
        f->outputs[i] = (struct manifest_output){0};
        int rc = shape(opaque, &f->rows[i], &f->outputs[i], err);

        if (rc < 0)
            return -1;
        f->outputs[i].is_series = f->leaves->of_series;
        f->known[i] = rc == 1;
    }
    return 0;
}

/* A row, or one for every part; they are alike. */
static int write_object(struct db *db, const struct fill *f, int i,
                        uint64_t *ret_n, struct error *err)
{
    const struct manifest_leaves *l = f->leaves;
    struct output_query q = {.view_id = l->view_id,
                             .object_id = f->rows[i].id,
                             .fmt = l->fmt,
                             .engine = l->engine,
                             .put = &f->outputs[i]};
    uint32_t last = l->part ? f->outputs[i].parts : 0;

    for (q.part = l->part ? 1 : 0; q.part <= last; q.part++) {
        STATEMENT *st = db_get(db, SQL_OUTPUT_PUT, err);

        if (!st || query_output_put(db, st, &q, err) != 0)
            return -1;
        ++*ret_n;
    }
    return 0;
}

static int write_page(struct db *db, const struct fill *f, uint64_t *ret_n,
                      struct error *err)
{
    for (int i = 0; i < f->n; i++)
        if (f->known[i] && write_object(db, f, i, ret_n, err) != 0)
            return -1;
    return 0;
}

static int fill_page(struct manifest *m, struct fill *f,
                     manifest_shape_fn shape, void *opaque, uint64_t *ret_n,
                     struct error *err)
{
    enum sql which =
        f->leaves->of_series ? SQL_UNKNOWN_VOLUMES : SQL_UNKNOWN_OUTPUTS;
    int rc = manifest_query(m, which, query_unknown, f, err);

    if (rc == 0)
        rc = shape_page(f, shape, opaque, err);
    if (rc == 0 && f->n > 0) {
        struct db *db = manifest_writer(m, err);

        if (!db)
            rc = -1;
        else {
            rc = manifest_begin(db, err);
            if (rc == 0)
                rc = manifest_end(db, write_page(db, f, ret_n, err), err);
            manifest_writer_put(m, db);
        }
        if (rc == 0)
            rc = manifest_check_rising(f->rows[f->n - 1].id, &f->after, err);
    }
    for (int i = 0; i < f->n; i++) {
        manifest_instance_deinit(&f->rows[i]);
        manifest_output_deinit(&f->outputs[i]);
    }
    return rc < 0 ? -1 : f->n;
}

int manifest_outputs_fill(struct manifest *m,
                          const struct manifest_leaves *leaves,
                          manifest_shape_fn shape, void *opaque,
                          uint64_t *ret_n, struct error *err)
{
    struct fill *f;
    int n = 1;

    *ret_n = 0;
    if (m->mode == MANIFEST_READ_ONLY)
        return 0;
    f = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(err);
    f->leaves = leaves;
    while (n > 0)
        n = fill_page(m, f, shape, opaque, ret_n, err);
    free(f);
    return n;
}
