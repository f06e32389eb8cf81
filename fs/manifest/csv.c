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

#define INSTANCE_COLUMNS 33 /* of manifest_instance_load */

enum column { /* after those of the instance */
              STUDY_UID = INSTANCE_COLUMNS,
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

static void put_column(FILE *out, sqlite3_stmt *st, enum column column)
{
    (void)fputc(',', out);
    put_text(out, db_column_text(st, (int)column));
}

static void put_shape(FILE *out, const struct manifest_output *s)
{
    (void)fprintf(out, ",%u,%u,%u,%u,%llu", s->width, s->height, s->channels,
                  s->num_frames, (unsigned long long)s->bytes);
}

struct csv {
    uint16_t view_id;
    unsigned fmt;
    char *dirname;
    manifest_shape_fn shape;
    void *opaque;
    FILE *out;
};

static int put_row(const struct csv *csv, sqlite3_stmt *st, struct error *err)
{
    struct manifest_instance instance;
    struct manifest_output shape = {0};
    bool measured = sqlite3_column_type(st, WIDTH) != SQLITE_NULL;
    FILE *out = csv->out;
    int known = 0;

    if (manifest_instance_load(st, &instance, err) != 0)
        return -1;
    put_text(out, db_column_text(st, STUDY_UID));
    put_column(out, st, SERIES_UID);
    put_column(out, st, SOP_UID);
    (void)fprintf(out, ",%s/%s/%s.%s,%lld", csv->dirname, instance.study_name,
                  instance.name, extensions[csv->fmt],
                  (long long)((int64_t)csv->view_id << 46 | instance.id << 21 |
                              csv->fmt));
    if (!measured && csv->shape)
        known = csv->shape(csv->opaque, &instance, &shape, err);
    manifest_instance_deinit(&instance);
    if (known < 0)
        return -1;
    if (known > 0)
        put_shape(out, &shape);
    else
        for (int column = WIDTH; column <= BYTES; column++)
            put_column(out, st, (enum column)column);
    manifest_output_deinit(&shape);
    for (int column = PKEY; column <= SLICE_ORDER; column++)
        put_column(out, st, (enum column)column);
    (void)fputc('\n', out);
    return 0;
}

static int write_rows(struct db *db, const struct csv *csv, uint64_t engine,
                      struct error *err)
{
    STATEMENT *st = db_get(db, SQL_CSV, err);
    int rc;

    if (!st)
        return -1;
    db_bind_int(st, 1, csv->view_id);
    db_bind_u64(st, 2, engine);
    db_bind_int(st, 3, csv->fmt);
    (void)fputs(header, csv->out);
    while ((rc = db_step(db, st, err)) > 0)
        if (put_row(csv, st, err) != 0)
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

int manifest_csv(struct manifest *m, uint16_t view_id, unsigned fmt,
                 uint64_t engine, manifest_shape_fn shape, void *opaque,
                 FILE *out, struct error *err)
{
    CLEANUP_FREE char *dirname = NULL;
    struct db db;

    if (fmt >= sizeof extensions / sizeof extensions[0])
        return error_set(err, ERROR_INTERNAL, "there is no format %u", fmt);
    if (view_dirname(m, view_id, &dirname, err) != 0)
        return -1;
    /* A connection of its own: `shape` may need the pool, and this takes long.
     */
    if (manifest_open_reader(m, &db, err) != 0)
        return manifest_failed(m, err);
    struct csv csv = {view_id, fmt, dirname, shape, opaque, out};
    int rc = write_rows(&db, &csv, engine, err);

    db_close(&db);
    return rc == 0 ? 0 : manifest_failed(m, err);
}
