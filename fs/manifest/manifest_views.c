// SPDX-License-Identifier: MIT
/*
 * The texts of views and their numbers.
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "manifest/ids.h"
#include "manifest/manifest_publish.h"

/* ---- views ---- */

struct view_query {
    const char *canonical; /* or dirname */
    uint16_t id;
    char *text; /* malloc'd */
};

static int query_view_id(struct db *db, sqlite3_stmt *st, void *opaque,
                         struct error *err)
{
    struct view_query *q = opaque;

    db_bind_text(st, 1, q->canonical);
    int rc = db_step(db, st, err);

    if (rc > 0)
        q->id = (uint16_t)db_column_int(st, 0, 0);
    return rc;
}

static int query_view_text(struct db *db, sqlite3_stmt *st, void *opaque,
                           struct error *err)
{
    struct view_query *q = opaque;

    db_bind_int(st, 1, q->id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    q->text = strdup(db_column_text(st, 0));
    return q->text ? 1 : error_no_memory(err);
}

static int query_view_dirname(struct db *db, sqlite3_stmt *st, void *opaque,
                              struct error *err)
{
    struct view_query *q = opaque;

    db_bind_text(st, 1, q->canonical);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    q->id = (uint16_t)db_column_int(st, 0, 0);
    q->text = strdup(db_column_text(st, 1));
    return q->text ? 1 : error_no_memory(err);
}

void manifest_view_dirname(const char *canonical, char *ret)
{
    uint8_t digest[IDS_SHA256];
    size_t length = strlen(canonical);

    if (length <= MANIFEST_DIRNAME_MAX) {
        (void)memmove(ret, canonical, length + 1);
        return;
    }
    ids_sha256(canonical, length, digest);
    ids_hashed_name(digest, 0, ret);
}

/* May one more be made? Gives its number. */
static int next_view(int64_t count, int64_t last, unsigned max_views,
                     uint16_t *ret_id, struct error *err)
{
    if (max_views > 0 && count >= max_views)
        return error_set(err, ERROR_QUOTA, "there are %lld views already",
                         (long long)count);
    if (last >= MANIFEST_VIEW_MAX)
        return error_set(err, ERROR_NO_IDS,
                         "all %u view numbers are used: start a new state "
                         "folder",
                         MANIFEST_VIEW_MAX);
    *ret_id = (uint16_t)(last + 1);
    return 0;
}

static int count_views(struct db *db, int64_t *ret_count, int64_t *ret_last,
                       struct error *err)
{
    STATEMENT *st = db_get(db, SQL_VIEW_COUNT, err);

    if (!st || db_step(db, st, err) < 0)
        return -1;
    *ret_count = db_column_int(st, 0, 0);
    *ret_last = db_column_int(st, 1, 0);
    return 0;
}

/*
 * Who follows a published manifest gives numbers that the publisher, which
 * counts from 1, does not reach, and of which machines that have never heard of
 * each other most likely choose the same: the first free one from where a hash
 * of the text points to, in the upper half.
 */
static int next_view_here(struct db *db, const char *canonical, uint16_t *ret,
                          struct error *err)
{
    enum { HALF = (MANIFEST_VIEW_MAX + 1) / 2 };
    unsigned first = (unsigned)(XXH64(canonical, strlen(canonical), 0) % HALF);
    STATEMENT *find = db_get(db, SQL_VIEW_BY_ID, err);

    for (unsigned i = 0; find && i < HALF; i++) {
        unsigned id = HALF + (first + i) % HALF;

        db_bind_int(find, 1, id);
        int rc = db_step(db, find, err);

        (void)sqlite3_reset(find);
        if (rc < 0)
            return -1;
        if (rc == 0) {
            *ret = (uint16_t)id;
            return 0;
        }
    }
    return find ? next_view(0, MANIFEST_VIEW_MAX, 0, ret, err) : -1;
}

static int put_view(struct manifest *m, struct db *db, const char *canonical,
                    unsigned max_views, uint16_t *ret_id, struct error *err)
{
    bool follows = manifest_follows(m);
    char dirname[MANIFEST_DIRNAME_MAX + 1];
    int64_t count;
    int64_t last;
    STATEMENT *find = db_get(db, SQL_VIEW_BY_TEXT, err);

    if (!find)
        return -1;
    struct view_query q = {.canonical = canonical};
    int rc = query_view_id(db, find, &q, err);

    if (rc != 0) { /* somebody was faster */
        *ret_id = q.id;
        return rc < 0 ? -1 : 0;
    }
    STATEMENT *put = db_get(db, SQL_VIEW_PUT, err);

    /* Of the number that would follow, only the quota is of interest then. */
    if (!put || count_views(db, &count, &last, err) != 0 ||
        next_view(count, follows ? 0 : last, max_views, ret_id, err) != 0 ||
        (follows && next_view_here(db, canonical, ret_id, err) != 0))
        return -1;
    manifest_view_dirname(canonical, dirname);
    db_bind_int(put, 1, *ret_id);
    db_bind_text(put, 2, canonical);
    db_bind_text(put, 3, dirname);
    return db_run(db, put, err);
}

/* Read-only: numbers after the last one of the file, in memory. */
static int overlay_view_locked(struct manifest *m, const char *canonical,
                               int64_t count, int64_t last, unsigned max_views,
                               uint16_t *ret_id, struct error *err)
    REQUIRES(m->lock)
{
    for (unsigned i = 0; i < m->n_overlay; i++)
        if (strcmp(m->overlay[i].canonical, canonical) == 0) {
            *ret_id = m->overlay[i].id;
            return 0;
        }
    if (m->n_overlay > 0)
        last = m->overlay[m->n_overlay - 1].id;
    if (next_view(count + m->n_overlay, last, max_views, ret_id, err) != 0)
        return -1;
    struct overlay_view *grown =
        reallocarray(m->overlay, m->n_overlay + 1, sizeof *grown);

    if (!grown)
        return error_no_memory(err);
    m->overlay = grown;
    grown[m->n_overlay].id = *ret_id;
    grown[m->n_overlay].canonical = strdup(canonical);
    if (!grown[m->n_overlay].canonical)
        return error_no_memory(err);
    m->n_overlay++;
    return 0;
}

static int overlay_view(struct manifest *m, const char *canonical,
                        unsigned max_views, uint16_t *ret_id, struct error *err)
{
    struct db *db = manifest_reader(m, err);
    int64_t count;
    int64_t last;

    if (!db)
        return -1;
    int rc = count_views(db, &count, &last, err);

    manifest_reader_put(m, db);
    if (rc != 0)
        return -1;
    lock_acquire(&m->lock);
    rc = overlay_view_locked(m, canonical, count, last, max_views, ret_id, err);
    lock_release(&m->lock);
    return rc;
}

int manifest_view_intern(struct manifest *m, const char *canonical,
                         unsigned max_views, uint16_t *ret_id,
                         struct error *err)
{
    struct view_query q = {.canonical = canonical};
    int rc = manifest_query(m, SQL_VIEW_BY_TEXT, query_view_id, &q, err);

    if (rc < 0)
        return -1;
    if (rc > 0) {
        *ret_id = q.id;
        return 0;
    }
    if (m->mode == MANIFEST_READ_ONLY)
        return overlay_view(m, canonical, max_views, ret_id, err);
    struct db *db = manifest_writer(m, err);

    if (!db)
        return -1;
    rc = manifest_begin(db, err);
    if (rc == 0)
        rc = manifest_end(
            db, put_view(m, db, canonical, max_views, ret_id, err), err);
    manifest_writer_put(m, db);
    return rc;
}

/* Looks in the overlay: by number, or by folder name if that is not NULL. */
static int find_overlay(struct manifest *m, const char *dirname,
                        struct view_query *q, struct error *err)
{
    int rc = 0;

    lock_acquire(&m->lock);
    for (unsigned i = 0; i < m->n_overlay && rc == 0; i++) {
        char name[MANIFEST_DIRNAME_MAX + 1];

        manifest_view_dirname(m->overlay[i].canonical, name);
        if (dirname ? strcmp(name, dirname) != 0 : m->overlay[i].id != q->id)
            continue;
        q->id = m->overlay[i].id;
        q->text = strdup(m->overlay[i].canonical);
        rc = q->text ? 1 : -1;
    }
    lock_release(&m->lock);
    return rc < 0 ? error_no_memory(err) : rc;
}

int manifest_view_by_id(struct manifest *m, uint16_t id, char **ret_canonical,
                        struct error *err)
{
    struct view_query q = {.id = id};
    int rc = manifest_query(m, SQL_VIEW_BY_ID, query_view_text, &q, err);

    if (rc == 0)
        rc = find_overlay(m, NULL, &q, err);
    *ret_canonical = q.text;
    return rc;
}

int manifest_view_by_dirname(struct manifest *m, const char *dirname,
                             uint16_t *ret_id, char **ret_canonical,
                             struct error *err)
{
    struct view_query q = {.canonical = dirname};
    int rc =
        manifest_query(m, SQL_VIEW_BY_DIRNAME, query_view_dirname, &q, err);

    if (rc == 0)
        rc = find_overlay(m, dirname, &q, err);
    *ret_id = q.id;
    *ret_canonical = q.text;
    return rc;
}

static int query_views_write(struct db *db, sqlite3_stmt *st, void *opaque,
                             struct error *err)
{
    FILE *out = opaque;
    int rc;

    while ((rc = db_step(db, st, err)) > 0)
        if (fprintf(out, "%lld\t%s\n", (long long)db_column_int(st, 0, 0),
                    db_column_text(st, 1)) < 0)
            return error_set_sys(err, errno, "cannot write the views");
    return rc;
}

int manifest_views_write(struct manifest *m, FILE *out, struct error *err)
{
    return manifest_query(m, SQL_VIEWS, query_views_write, out, err);
}
