// SPDX-License-Identifier: MIT
/*
 * Slice order of the series that changed, and the end of an index run.
 */
#include "manifest/manifest_write_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manifest/geometry.h"

#define SERIES_PER_PAGE 64

struct slices {
    int64_t series_id;
    struct geometry_slice *v;
    int64_t *old; /* places before; -1: none */
    size_t n;
    size_t capacity;
};

/* Six numbers joined by backslashes, as manifest_batch.c writes them. */
static void parse_orientation(const char *text, double ret[6])
{
    for (int i = 0; i < 6; i++) {
        char *end;

        ret[i] = strtod(text, &end);
        if (end == text || (i < 5 && *end != '\\')) {
            for (i = 0; i < 6; i++)
                ret[i] = NAN;
            return;
        }
        text = end + 1;
    }
}

static void load_slice(sqlite3_stmt *st, struct geometry_slice *ret)
{
    *ret = (struct geometry_slice){
        .id = db_column_int(st, 0, 0),
        .frames = (uint32_t)db_column_int(st, 1, 1),
        .rows = (uint32_t)db_column_int(st, 2, 0),
        .cols = (uint32_t)db_column_int(st, 3, 0),
        .samples = (uint32_t)db_column_int(st, 4, 0),
        .bits_alloc = (uint32_t)db_column_int(st, 5, 0),
        .photometric = (int)manifest_photometric_parse(db_column_text(st, 6)),
        .px_x = db_column_real(st, 7, NAN),
        .px_y = db_column_real(st, 8, NAN),
        .frame_of_ref = db_column_int(st, 9, 0),
        .instance_number = db_column_int(st, 14, INT64_MIN),
        .is_signed = db_column_int(st, 15, 0) == 1,
        .element = (int)db_column_int(st, 16, 0),
        .turned = db_column_int(st, 17, 0) != 0,
    };
    for (int i = 0; i < 3; i++)
        ret->position[i] = db_column_real(st, 10 + i, NAN);
    parse_orientation(db_column_text(st, 13), ret->orientation);
}

static int grow(struct slices *s, struct error *err)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 128;
    struct geometry_slice *grown = reallocarray(s->v, capacity, sizeof *grown);
    int64_t *old = NULL;

    if (grown) {
        s->v = grown;
        old = reallocarray(s->old, capacity, sizeof *old);
    }
    if (!old)
        return error_no_memory(err);
    s->old = old;
    s->capacity = capacity;
    return 0;
}

static int query_slices(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct slices *s = opaque;
    int rc;

    db_bind_int(st, 1, s->series_id);
    while ((rc = db_step(db, st, err)) > 0) {
        if (s->n == s->capacity && grow(s, err) != 0)
            return -1;
        load_slice(st, &s->v[s->n]);
        s->old[s->n++] = db_column_int(st, 18, -1);
    }
    return rc;
}

static const char *order_name(enum geometry_order order)
{
    switch (order) {
    case GEOMETRY_BY_POSITION:
        return "geometry";
    case GEOMETRY_BY_NUMBER:
        return "number";
    case GEOMETRY_AS_STORED:
        break;
    }
    return "stored";
}

static int put_slices(struct db *db, const struct slices *s, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_SLICE_PUT, err);

    if (!st)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        db_bind_int(st, 1, s->v[i].id);
        db_bind_int(st, 2, s->v[i].ord);
        db_bind_real(st, 3, s->v[i].slice_pos);
        if (db_run(db, st, err) != 0)
            return -1;
        (void)sqlite3_reset(st);
    }
    return 0;
}

/* What the manifest says of the volume before. */
struct before {
    int64_t n;
    int64_t volume_id; /* 0: none */
    int64_t study_id;
};

static int read_before(struct db *db, int64_t series_id, struct before *ret,
                       struct error *err)
{
    STATEMENT *st = db_get(db, SQL_SERIES_VOLUME, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, series_id);
    if (db_step(db, st, err) < 0)
        return -1;
    ret->n = db_column_int(st, 0, 0);
    ret->volume_id = db_column_int(st, 1, 0);
    ret->study_id = db_column_int(st, 2, 0);
    return 0;
}

/* Are these the very slices of before? An instance never changes, so their
 * order is the same too. */
static bool is_same(const struct slices *s, const struct before *before)
{
    if (before->volume_id == 0 || (size_t)before->n != s->n)
        return false;
    for (size_t i = 0; i < s->n; i++)
        if (s->old[i] < 0)
            return false;
    return true;
}

/* Objects have one space of numbers, whether they are instances or volumes,
 * and a volume of other slices is another object. */
static int next_id(struct db *db, int64_t *ret, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_VOLUME_NEXT_ID, err);

    if (!st || db_step(db, st, err) != 1)
        return -1;
    *ret = db_column_int(st, 0, 0);
    /* To its end, or the statement would hold the commit up. */
    return db_step(db, st, err) == 0 ? 0 : -1;
}

/* The name of the series' file leads to another object now: mounts that have
 * looked since the images were committed must look again. */
static int touch_study(struct db *db, int64_t study_id, struct error *err)
{
    STATEMENT *next = db_get(db, SQL_EPOCH_NEXT, err);
    STATEMENT *touch = db_get(db, SQL_STUDY_TOUCH, err);
    int64_t epoch;

    if (!next || !touch || db_step(db, next, err) != 1)
        return -1;
    epoch = db_column_int(next, 0, 0);
    if (db_step(db, next, err) != 0)
        return -1;
    db_bind_int(touch, 1, study_id);
    db_bind_int(touch, 2, time(NULL));
    db_bind_int(touch, 3, epoch);
    return db_run(db, touch, err);
}

/* What was measured on the old stack is no longer true. */
static int drop_old(struct db *db, int64_t volume_id, struct error *err)
{
    STATEMENT *outputs = db_get(db, SQL_OUTPUT_DROP_SERIES, err);
    STATEMENT *facts = db_get(db, SQL_FACT_DROP, err);

    if (!outputs || !facts)
        return -1;
    db_bind_int(outputs, 1, volume_id);
    if (db_run(db, outputs, err) != 0)
        return -1;
    db_bind_int(facts, 1, volume_id);
    return db_run(db, facts, err);
}

/* "gaps ...: 1.2.840.1.7", with the name of the image that is at fault. */
static int full_note(struct db *db, const struct geometry_volume *v,
                     char ret[MANIFEST_NOTE_MAX], struct error *err)
{
    STATEMENT *st = db_get(db, SQL_SLICE_NAME, err);
    int rc;

    ret[0] = '\0';
    if (!st)
        return -1;
    if (v->ok)
        return 0;
    db_bind_int(st, 1, v->id);
    rc = db_step(db, st, err);
    if (rc < 0)
        return -1;
    (void)snprintf(ret, MANIFEST_NOTE_MAX, rc > 0 ? "%s (image %.*s)" : "%s",
                   v->note, MANIFEST_NAME_MAX, db_column_text(st, 0));
    return 0;
}

static int put_volume(struct db *db, const struct slices *s,
                      const struct geometry_volume *volume, int64_t id,
                      struct error *err)
{
    STATEMENT *put = db_get(db, SQL_SERIES_PUT, err);
    char note[MANIFEST_NOTE_MAX];

    if (!put || full_note(db, volume, note, err) != 0)
        return -1;
    db_bind_int(put, 1, s->series_id);
    db_bind_int(put, 2, (int64_t)s->n);
    db_bind_real(put, 3, volume->z_spacing);
    db_bind_int(put, 4, volume->uniform);
    db_bind_text(put, 5, order_name(volume->order));
    db_bind_int(put, 6, volume->ok);
    db_bind_text(put, 7, note[0] ? note : NULL);
    if (s->n > 0) {
        db_bind_int(put, 8, id);
        db_bind_int(put, 9, (int64_t)volume->kind);
        db_bind_int(put, 10, s->v[0].id);
    }
    return db_run(db, put, err);
}

/* Read inside the writer's transaction, so that nothing comes in between. */
static int arrange(struct db *db, struct slices *s, struct error *err)
{
    STATEMENT *read = db_get(db, SQL_SERIES_SLICES, err);
    struct geometry_volume volume;
    struct before before;
    int64_t id;

    if (!read || query_slices(db, read, s, err) != 0 ||
        read_before(db, s->series_id, &before, err) != 0)
        return -1;
    geometry_arrange(s->v, s->n, &volume);
    if (put_slices(db, s, err) != 0)
        return -1;
    id = before.volume_id;
    if (!is_same(s, &before)) {
        if (id != 0 && drop_old(db, id, err) != 0)
            return -1;
        if (s->n > 0 && next_id(db, &id, err) != 0)
            return -1;
        if (touch_study(db, before.study_id, err) != 0)
            return -1;
    }
    return put_volume(db, s, &volume, id, err);
}

static int arrange_one(struct db *db, int64_t series_id, struct error *err)
{
    struct slices s = {.series_id = series_id};
    int rc = arrange(db, &s, err);

    free(s.v);
    free(s.old);
    return rc;
}

struct dirty {
    int64_t after;
    int64_t ids[SERIES_PER_PAGE];
    size_t n;
};

static int query_dirty(struct db *db, sqlite3_stmt *st, void *opaque,
                       struct error *err)
{
    struct dirty *d = opaque;
    int rc;

    d->n = 0;
    db_bind_int(st, 1, d->after);
    db_bind_int(st, 2, SERIES_PER_PAGE);
    while ((rc = db_step(db, st, err)) > 0)
        d->ids[d->n++] = db_column_int(st, 0, 0);
    return rc;
}

int manifest_write_volumes(struct manifest *m, const atomic_bool *cancel,
                           struct error *err)
{
    struct dirty dirty = {.after = 0};

    for (;;) {
        if (manifest_query(m, SQL_DIRTY_SERIES, query_dirty, &dirty, err) < 0)
            return -1;
        if (dirty.n == 0)
            return 0;
        if (cancel && atomic_load(cancel))
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        struct db *db = manifest_writer(m, err);

        if (!db)
            return -1;
        int rc = manifest_begin(db, err);

        for (size_t i = 0; i < dirty.n && rc == 0; i++)
            rc = arrange_one(db, dirty.ids[i], err);
        if (rc == 0)
            rc = ids_reserve(db, m->state_dir, err);
        rc = manifest_end(db, rc, err);
        manifest_writer_put(m, db);
        if (rc != 0)
            return manifest_failed(m, err);
        dirty.after = dirty.ids[dirty.n - 1];
    }
}

/* ---- the end of a run ---- */

static int put_meta(struct db *db, const char *key, const char *text,
                    int64_t number, struct error *err)
{
    STATEMENT *st = db_get(db, SQL_META_PUT, err);

    if (!st)
        return -1;
    db_bind_text(st, 1, key);
    if (text)
        db_bind_text(st, 2, text);
    else
        db_bind_int(st, 2, number);
    return db_run(db, st, err);
}

/* Keyed by instances that will never be asked for again. */
static const char drop_leavings[] =
    "DELETE FROM output WHERE object_kind=0"
    " AND view_id IN (SELECT id FROM view) AND instance_id IN"
    " (SELECT id FROM instance WHERE gone=1);"
    "DELETE FROM fact WHERE instance_id IN"
    " (SELECT id FROM instance WHERE gone=1);"
    "DELETE FROM frame_index WHERE instance_id IN"
    " (SELECT id FROM instance WHERE gone=1);"
    "DELETE FROM attr WHERE instance_id IN"
    " (SELECT id FROM instance WHERE gone=1);";

static int end_run(struct db *db, const char *archive, const char *parser,
                   bool changed, struct error *err)
{
    int64_t last = 0;

    if (db_int(db, "SELECT max(id) FROM instance", 0, &last, err) != 0 ||
        put_meta(db, "names_final", NULL, last, err) != 0 ||
        put_meta(db, "archive", archive, 0, err) != 0 ||
        put_meta(db, "parser", parser, 0, err) != 0 ||
        put_meta(db, "grammar", NULL, 1, err) != 0 ||
        put_meta(db, "scan_time", NULL, time(NULL), err) != 0)
        return -1;
    if (changed &&
        (db_exec(db, drop_leavings, err) != 0 ||
         db_exec(db, "PRAGMA analysis_limit=1000; ANALYZE", err) != 0))
        return -1;
    return manifest_totals_store(db, err);
}

int manifest_write_end(struct manifest *m, const char *archive,
                       const char *parser, bool changed, struct error *err)
{
    struct db *db = manifest_writer(m, err);

    if (!db)
        return -1;
    int rc = manifest_begin(db, err);

    if (rc == 0)
        rc = manifest_end(db, end_run(db, archive, parser, changed, err), err);
    manifest_writer_put(m, db);
    return rc == 0 ? 0 : manifest_failed(m, err);
}

static int query_parser(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    char **ret = opaque;
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    *ret = strdup(db_column_text(st, 0));
    return *ret ? 1 : error_no_memory(err);
}

int manifest_parser(struct manifest *m, char **ret, struct error *err)
{
    *ret = NULL;
    return manifest_query(m, SQL_PARSER, query_parser, ret, err);
}
