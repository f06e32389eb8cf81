// SPDX-License-Identifier: MIT
/*
 * Looking things up and listing them. Each function takes a connection,
 * binds, steps and gives it back; the plans of the statements are asserted in
 * tests/unit/test_manifest_plan.c.
 */
#include "manifest/manifest_impl.h"

#include <stdlib.h>
#include <string.h>

static const char *const photometric_names[] = {
    [DECODE_MONOCHROME1] = "MONOCHROME1",
    [DECODE_MONOCHROME2] = "MONOCHROME2",
    [DECODE_PALETTE] = "PALETTE COLOR",
    [DECODE_RGB] = "RGB",
    [DECODE_YBR_FULL] = "YBR_FULL",
    [DECODE_YBR_FULL_422] = "YBR_FULL_422",
    [DECODE_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
    [DECODE_YBR_ICT] = "YBR_ICT",
    [DECODE_YBR_RCT] = "YBR_RCT",
};
#define N_PHOTOMETRIC (sizeof photometric_names / sizeof *photometric_names)

const char *manifest_photometric_name(enum decode_photometric photometric)
{
    size_t i = (size_t)photometric;

    return i < N_PHOTOMETRIC ? photometric_names[i] : NULL;
}

enum decode_photometric manifest_photometric_parse(const char *name)
{
    for (size_t i = 0; i < N_PHOTOMETRIC; i++)
        if (strcmp(photometric_names[i], name) == 0)
            return (enum decode_photometric)i;
    return DECODE_PHOTOMETRIC_OTHER;
}

static void copy_name(char ret[MANIFEST_NAME_MAX], const char *name)
{
    size_t length = strnlen(name, MANIFEST_NAME_MAX - 1);

    (void)memcpy(ret, name, length);
    ret[length] = '\0';
}

static uint32_t column_u32(sqlite3_stmt *statement, int column)
{
    int64_t value = db_column_int(statement, column, 0);

    return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

/* Enums of a file that somebody may have edited. */
static int column_enum(sqlite3_stmt *statement, int column, int limit,
                       int fallback)
{
    int64_t value = db_column_int(statement, column, fallback);

    return value < 0 || value >= limit ? fallback : (int)value;
}

static int64_t floor_seconds(int64_t ns)
{
    int64_t s = ns / INT64_C(1000000000);

    return ns % INT64_C(1000000000) < 0 ? s - 1 : s;
}

/* Columns 7 to 17. */
static void load_desc(sqlite3_stmt *st, struct decode_desc *ret)
{
    ret->codec = (enum decode_codec)column_enum(st, 7, DECODE_UNSUPPORTED + 1,
                                                DECODE_UNSUPPORTED);
    ret->photometric = manifest_photometric_parse(db_column_text(st, 8));
    ret->element =
        (enum decode_element)column_enum(st, 9, DECODE_DOUBLE + 1, 0);
    ret->rows = column_u32(st, 10);
    ret->cols = column_u32(st, 11);
    ret->samples = column_u32(st, 12);
    ret->bits_alloc = column_u32(st, 13);
    ret->bits_stored = column_u32(st, 14);
    ret->high_bit = column_u32(st, 15);
    ret->is_signed = db_column_int(st, 16, 0) == 1;
    ret->planar = db_column_int(st, 17, 0) == 1;
}

int manifest_instance_load(sqlite3_stmt *st, struct manifest_instance *ret,
                           struct error *err)
{
    *ret = (struct manifest_instance){0};
    ret->id = db_column_int(st, 0, 0);
    ret->study_id = db_column_int(st, 1, 0);
    ret->series_id = db_column_int(st, 2, 0);
    ret->source_id = db_column_int(st, 3, 0);
    copy_name(ret->name, db_column_text(st, 4));
    copy_name(ret->study_name, db_column_text(st, 5));
    copy_name(ret->series_name, db_column_text(st, 6));
    load_desc(st, &ret->desc);
    ret->frames = column_u32(st, 18);
    ret->frames_known = db_column_int(st, 19, 0) != 0;
    ret->decodable = db_column_int(st, 20, 0) != 0;
    ret->px_x = db_column_real(st, 21, 0);
    ret->px_y = db_column_real(st, 22, 0);
    ret->turned = db_column_int(st, 23, 0) != 0;
    ret->has_pixels = db_column_int(st, 24, 0) != 0;
    ret->gone = db_column_int(st, 25, 0) != 0;
    ret->pixel_offset = db_column_u64(st, 26);
    ret->pixel_length = db_column_u64(st, 27);
    ret->dev = db_column_u64(st, 29);
    ret->ino = db_column_u64(st, 30);
    ret->size = db_column_u64(st, 31);
    ret->mtime_ns = db_column_int(st, 32, 0);
    ret->acquired_s = floor_seconds(ret->mtime_ns);
    ret->relpath = strdup(db_column_text(st, 28));
    return ret->relpath ? 0 : error_no_memory(err);
}

void manifest_instance_deinit(struct manifest_instance *i)
{
    free(i->relpath);
    i->relpath = NULL;
}

/* ---- one row ---- */

struct instance_query {
    int64_t id; /* or study */
    const char *name;
    struct manifest_instance *ret;
};

static int query_instance(struct db *db, sqlite3_stmt *st, void *opaque,
                          struct error *err)
{
    const struct instance_query *q = opaque;

    if (q->name)
        db_bind_text(st, 1, q->name);
    db_bind_int(st, q->name ? 2 : 1, q->id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    return manifest_instance_load(st, q->ret, err) == 0 ? 1 : -1;
}

int manifest_instance_by_id(struct manifest *m, int64_t id,
                            struct manifest_instance *ret, struct error *err)
{
    struct instance_query q = {.id = id, .ret = ret};

    return manifest_query(m, SQL_INSTANCE_BY_ID, query_instance, &q, err);
}

int manifest_instance_by_name(struct manifest *m, int64_t study_id,
                              const char *name, struct manifest_instance *ret,
                              struct error *err)
{
    struct instance_query q = {.id = study_id, .name = name, .ret = ret};
    int rc = manifest_query(m, SQL_INSTANCE_BY_UID, query_instance, &q, err);

    if (rc != 0)
        return rc;
    return manifest_query(m, SQL_INSTANCE_BY_FNAME, query_instance, &q, err);
}

struct folder_query {
    int64_t id;
    const char *name;
    struct manifest_folder *ret;
    int64_t parent; /* checked on the way in, filled on the way out */
    bool has_parent;
};

static void load_folder(sqlite3_stmt *st, struct manifest_folder *ret)
{
    ret->id = db_column_int(st, 0, 0);
    copy_name(ret->name, db_column_text(st, 1));
    ret->mtime_s = db_column_int(st, 2, 0);
}

static int query_folder(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct folder_query *q = opaque;
    int index = 1;

    if (q->has_parent)
        db_bind_int(st, index++, q->parent);
    if (q->name)
        db_bind_text(st, index, q->name);
    else
        db_bind_int(st, index, q->id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    load_folder(st, q->ret);
    if (sqlite3_column_count(st) > 3)
        q->parent = db_column_int(st, 3, 0);
    return 1;
}

int manifest_study_by_name(struct manifest *m, const char *name,
                           struct manifest_folder *ret, struct error *err)
{
    struct folder_query q = {.name = name, .ret = ret};

    return manifest_query(m, SQL_STUDY_BY_NAME, query_folder, &q, err);
}

int manifest_study_by_id(struct manifest *m, int64_t id,
                         struct manifest_folder *ret, struct error *err)
{
    struct folder_query q = {.id = id, .ret = ret};

    return manifest_query(m, SQL_STUDY_BY_ID, query_folder, &q, err);
}

int manifest_series_by_name(struct manifest *m, int64_t study_id,
                            const char *name, struct manifest_folder *ret,
                            struct error *err)
{
    struct folder_query q = {
        .name = name, .ret = ret, .parent = study_id, .has_parent = true};

    return manifest_query(m, SQL_SERIES_BY_NAME, query_folder, &q, err);
}

int manifest_series_by_id(struct manifest *m, int64_t id,
                          struct manifest_folder *ret, int64_t *ret_study_id,
                          struct error *err)
{
    struct folder_query q = {.id = id, .ret = ret};
    int rc = manifest_query(m, SQL_SERIES_BY_ID, query_folder, &q, err);

    if (rc > 0 && ret_study_id)
        *ret_study_id = q.parent;
    return rc;
}

/* ---- pages ---- */

int manifest_check_rising(int64_t id, int64_t *last, struct error *err)
{
    if (id <= *last)
        return error_set(err, ERROR_CORRUPT, "manifest: rows are out of order");
    *last = id;
    return 0;
}

struct page_query {
    int64_t keys[3]; /* bound first, in this order */
    int n_keys;
    int64_t after; /* one of them */
    unsigned limit;
    struct manifest_folder *folders;
    struct manifest_instance *instances;
};

static int query_page(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    const struct page_query *q = opaque;
    int64_t last = q->after;
    unsigned n = 0;
    int rc;

    for (int i = 0; i < q->n_keys; i++)
        db_bind_int(st, i + 1, q->keys[i]);
    db_bind_int(st, q->n_keys + 1, q->limit);
    while ((rc = db_step(db, st, err)) > 0) {
        if (q->folders)
            load_folder(st, &q->folders[n]);
        else if (manifest_instance_load(st, &q->instances[n], err) != 0)
            rc = -1;
        if (rc < 0)
            break;
        n++;
        rc = manifest_check_rising(db_column_int(st, 0, 0), &last, err);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        return (int)n;
    while (q->instances && n > 0)
        manifest_instance_deinit(&q->instances[--n]);
    return -1;
}

int manifest_list_studies(struct manifest *m, int64_t after, unsigned limit,
                          struct manifest_folder *ret, struct error *err)
{
    struct page_query q = {.keys = {after},
                           .n_keys = 1,
                           .after = after,
                           .limit = limit,
                           .folders = ret};

    return manifest_query(m, SQL_LIST_STUDIES, query_page, &q, err);
}

int manifest_list_series(struct manifest *m, int64_t study_id, int64_t after,
                         unsigned limit, struct manifest_folder *ret,
                         struct error *err)
{
    struct page_query q = {.keys = {study_id, after},
                           .n_keys = 2,
                           .after = after,
                           .limit = limit,
                           .folders = ret};

    return manifest_query(m, SQL_LIST_SERIES, query_page, &q, err);
}

/* Images of a study or series, by the statement that says which. */
static int list_images(struct manifest *m, enum sql sql, int64_t folder,
                       int64_t after, unsigned limit,
                       struct manifest_instance *ret, struct error *err)
{
    struct page_query q = {.keys = {folder, after},
                           .n_keys = 2,
                           .after = after,
                           .limit = limit,
                           .instances = ret};

    return manifest_query(m, sql, query_page, &q, err);
}

int manifest_list_instances(struct manifest *m, int64_t study_id,
                            int64_t series_id, int64_t after, unsigned limit,
                            struct manifest_instance *ret, struct error *err)
{
    if (series_id)
        return list_images(m, SQL_LIST_SERIES_INSTANCES, series_id, after,
                           limit, ret, err);
    return list_images(m, SQL_LIST_STUDY_INSTANCES, study_id, after, limit, ret,
                       err);
}

int manifest_list_present(struct manifest *m, int64_t study_id, int64_t after,
                          unsigned limit, struct manifest_instance *ret,
                          struct error *err)
{
    return list_images(m, SQL_LIST_PRESENT, study_id, after, limit, ret, err);
}

int manifest_list_gone(struct manifest *m, int64_t study_id, int64_t after,
                       unsigned limit, struct manifest_instance *ret,
                       struct error *err)
{
    return list_images(m, SQL_LIST_GONE, study_id, after, limit, ret, err);
}

int manifest_list_changed(struct manifest *m, int64_t epoch, int64_t after,
                          unsigned limit, struct manifest_folder *ret,
                          struct error *err)
{
    struct page_query q = {.keys = {after, epoch},
                           .n_keys = 2,
                           .after = after,
                           .limit = limit,
                           .folders = ret};

    return manifest_query(m, SQL_LIST_CHANGED, query_page, &q, err);
}

/* ---- counts ---- */

struct count_query {
    int64_t keys[2];
    int n_keys;
    int64_t ret;
};

static int query_count(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    struct count_query *q = opaque;

    for (int i = 0; i < q->n_keys; i++)
        db_bind_int(st, i + 1, q->keys[i]);
    int rc = db_step(db, st, err);

    q->ret = rc > 0 ? db_column_int(st, 0, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int manifest_count_entries(struct manifest *m, int64_t study_id,
                           int64_t series_id, unsigned limit, struct error *err)
{
    struct count_query q = {.n_keys = 0};
    enum sql which = SQL_COUNT_STUDIES;

    if (series_id)
        which = SQL_COUNT_SERIES;
    else if (study_id)
        which = SQL_COUNT_STUDY;
    if (which != SQL_COUNT_STUDIES)
        q.keys[q.n_keys++] = series_id ? series_id : study_id;
    q.keys[q.n_keys++] = limit > INT32_MAX ? INT32_MAX : limit;
    return manifest_query(m, which, query_count, &q, err) < 0 ? -1 : (int)q.ret;
}

int64_t manifest_epoch(struct manifest *m, struct error *err)
{
    struct count_query q = {.n_keys = 0};

    if (manifest_query(m, SQL_EPOCH, query_count, &q, err) < 0)
        return -1;
    return q.ret >= 0 ? q.ret
                      : error_set(err, ERROR_CORRUPT, "manifest: epoch %lld",
                                  (long long)q.ret);
}
