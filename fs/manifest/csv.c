// SPDX-License-Identifier: MIT
/*
 * The manifest of one view as CSV. The first nine columns are those of
 * dicom-manifest, in its order, so that its readers take our file.
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/ids.h"

enum column { /* after those of the object */
              STUDY_UID,
              SERIES_UID,
              SOP_UID,
              WIDTH,
              HEIGHT,
              CHANNELS,
              NUM_FRAMES,
              BYTES,
              PKEY,
              MODALITY,
              BODY_PART,
              INSTANCE_NUMBER,
              SLICE_ORDER
};

/* By format, as inodes number them. */
static const char *const extensions[] = {"tiff", "npy", "nii", "png", "json"};

static const char header[] =
    "study_instance_uid,series_instance_uid,sop_instance_uid,path,inode,"
    "width,height,channels,num_frames,bytes,patient_key,modality,body_part,"
    "instance_number,slice_order\n";

/* RFC 4180: quoted if it has to be, quotes doubled. UIDs of real files may be
 * any bytes. */
static void put_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            (void)fputc('"', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

struct csv {
    const struct manifest_leaves *leaves;
    char *dirname;
    manifest_shape_fn shape;
    void *opaque;
    FILE *out;
    struct db *db;
    sqlite3_stmt *st; /* at a row */
    int base;         /* column STUDY_UID of it */
    struct manifest_instance object;
};

static void put_column(const struct csv *csv, enum column column)
{
    (void)fputc(',', csv->out);
    put_text(csv->out, db_column_text(csv->st, csv->base + (int)column));
}

static void put_shape(FILE *out, const struct manifest_output *s)
{
    (void)fprintf(out, ",%u,%u,%u,%u,%llu", s->width, s->height, s->channels,
                  s->num_frames, (unsigned long long)s->bytes);
}

/* The line of a leaf. `shape` NULL: as the row has it, or nothing. */
static void put_leaf(const struct csv *csv, uint32_t part,
                     const struct manifest_output *shape)
{
    const struct manifest_leaves *l = csv->leaves;
    const struct manifest_instance *o = &csv->object;
    FILE *out = csv->out;

    put_text(out, db_column_text(csv->st, csv->base + STUDY_UID));
    put_column(csv, SERIES_UID);
    put_column(csv, SOP_UID);
    (void)fprintf(out, ",%s/%s/%s", csv->dirname, o->study_name, o->name);
    if (part > 0)
        (void)fprintf(out, ".%c%05u", l->part, part);
    (void)fprintf(out, ".%s,%lld", extensions[l->fmt],
                  (long long)((int64_t)l->view_id << 46 | o->id << 21 |
                              (int64_t)part << 4 | l->fmt));
    if (shape)
        put_shape(out, shape);
    else
        for (int column = WIDTH; column <= BYTES; column++)
            put_column(csv, (enum column)column);
    for (int column = PKEY; column <= SLICE_ORDER; column++)
        put_column(csv, (enum column)column);
    (void)fputc('\n', out);
}

static int last_measured(const struct csv *csv, uint32_t *ret,
                         struct error *err)
{
    STATEMENT *st = db_get(csv->db, SQL_OUTPUT_LAST_PART, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, csv->leaves->view_id);
    db_bind_int(st, 2, csv->object.id);
    db_bind_int(st, 3, csv->leaves->fmt);
    db_bind_u64(st, 4, csv->leaves->engine);
    if (db_step(csv->db, st, err) < 0)
        return -1;
    *ret = (uint32_t)db_column_int(st, 0, 0);
    return 0;
}

/* One that was measured; else, if it is sure to be there, empty. */
static int put_part(const struct csv *csv, uint32_t part, bool is_sure,
                    struct error *err)
{
    struct manifest_output o;
    int found = manifest_output_read(csv->db, csv->leaves, csv->object.id, part,
                                     &o, err);

    if (found < 0)
        return -1;
    if (found > 0 || is_sure)
        put_leaf(csv, part, found > 0 ? &o : NULL);
    manifest_output_deinit(&o);
    return 0;
}

static int put_parts(const struct csv *csv, const struct manifest_output *shape,
                     bool is_known, struct error *err)
{
    uint32_t last = shape->parts;

    if (last == 0 && last_measured(csv, &last, err) != 0)
        return -1;
    for (uint32_t part = 1; part <= last; part++)
        if (is_known)
            put_leaf(csv, part, shape);
        else if (put_part(csv, part, shape->parts > 0, err) != 0)
            return -1;
    return 0;
}

static int put_object(const struct csv *csv, struct error *err)
{
    bool measured =
        sqlite3_column_type(csv->st, csv->base + WIDTH) != SQLITE_NULL;
    struct manifest_output shape = {0};
    int known = 0, rc = 0;

    if ((!measured || csv->leaves->part) && csv->shape)
        known = csv->shape(csv->opaque, &csv->object, &shape, err);
    if (known < 0)
        return -1;
    if (csv->leaves->part)
        rc = put_parts(csv, &shape, known == 1, err);
    else if (known != MANIFEST_NO_LEAF)
        put_leaf(csv, 0, known == 1 ? &shape : NULL);
    manifest_output_deinit(&shape);
    return rc;
}

static int put_row(struct csv *csv, struct error *err)
{
    int rc = csv->leaves->of_series
                 ? manifest_volume_load(csv->st, &csv->object, err)
                 : manifest_instance_load(csv->st, &csv->object, err);

    if (rc != 0)
        return -1;
    rc = put_object(csv, err);
    manifest_instance_deinit(&csv->object);
    return rc;
}

static int write_rows(struct csv *csv, struct error *err)
{
    const struct manifest_leaves *l = csv->leaves;
    STATEMENT *st =
        db_get(csv->db, l->of_series ? SQL_CSV_VOLUMES : SQL_CSV, err);
    int rc;

    if (!st)
        return -1;
    csv->st = st;
    csv->base =
        l->of_series ? MANIFEST_VOLUME_COLUMNS : MANIFEST_INSTANCE_COLUMNS;
    db_bind_int(st, 1, l->view_id);
    db_bind_u64(st, 2, l->engine);
    db_bind_int(st, 3, l->fmt);
    db_bind_int(st, 4, 0);
    (void)fputs(header, csv->out);
    while ((rc = db_step(csv->db, st, err)) > 0)
        if (put_row(csv, err) != 0)
            return -1;
    if (rc == 0 && (fflush(csv->out) != 0 || ferror(csv->out)))
        return error_set_sys(err, errno ? errno : EIO,
                             "cannot write the manifest: %s",
                             strerrordesc_np(errno ? errno : EIO));
    return rc;
}

/* The folder's name; canonical texts may be too long to be one. */
static int view_dirname(struct manifest *m, uint16_t view_id, char **ret,
                        struct error *err)
{
    int rc = manifest_view_by_id(m, view_id, ret, err);

    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no view %u", view_id);
    if (rc < 0)
        return -1;
    manifest_view_dirname(*ret, *ret);
    return 0;
}

int manifest_csv(struct manifest *m, const struct manifest_leaves *leaves,
                 manifest_shape_fn shape, void *opaque, FILE *out,
                 struct error *err)
{
    CLEANUP_FREE char *dirname = NULL;
    struct db db;

    if (leaves->fmt >= sizeof extensions / sizeof extensions[0])
        return error_set(err, ERROR_INTERNAL, "there is no format %u",
                         leaves->fmt);
    if (view_dirname(m, leaves->view_id, &dirname, err) != 0)
        return -1;
    /* A connection of its own: `shape` may need the pool, and this takes long.
     */
    if (manifest_open_reader(m, &db, err) != 0)
        return manifest_failed(m, err);
    struct csv csv = {.leaves = leaves,
                      .dirname = dirname,
                      .shape = shape,
                      .opaque = opaque,
                      .out = out,
                      .db = &db};
    int rc = write_rows(&csv, err);

    db_close(&db);
    return rc == 0 ? 0 : manifest_failed(m, err);
}
