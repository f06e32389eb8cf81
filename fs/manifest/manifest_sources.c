// SPDX-License-Identifier: MIT
/*
 * The files of the archive: looking them up for an indexer, and what becomes
 * of those that moved, vanished or came back.
 */
#include "manifest/manifest_write_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "manifest/manifest_publish.h"

int manifest_lock_index(struct manifest *m, struct error *err)
{
    CLEANUP_FREE char *path = NULL;

    if (asprintf(&path, "%s/index.lock", m->state_dir) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", path,
                             strerrordesc_np(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int saved = errno;

    (void)close(fd);
    if (saved == EWOULDBLOCK)
        return error_set_sys(err, saved,
                             "this archive is being indexed by another "
                             "process");
    return error_set_sys(err, saved, "cannot lock %s: %s", path,
                         strerrordesc_np(saved));
}

int manifest_index_lock(struct manifest *m, struct error *err)
{
    return manifest_check_own(m, err) == 0 ? manifest_lock_index(m, err) : -1;
}

/* Columns: id,dev,ino,size,mtime_ns,scan_state,vanished,relpath. */
static int load_source(sqlite3_stmt *st, bool with_path,
                       struct manifest_source *ret, struct error *err)
{
    *ret = (struct manifest_source){
        .id = db_column_int(st, 0, 0),
        .dev = db_column_u64(st, 1),
        .ino = db_column_u64(st, 2),
        .size = db_column_u64(st, 3),
        .mtime_ns = db_column_int(st, 4, 0),
        .scan = (enum manifest_scan)db_column_int(st, 5, 0),
        .vanished = db_column_int(st, 6, 0) != 0,
    };
    if (!with_path)
        return 0;
    ret->relpath = strdup(db_column_text(st, 7));
    return ret->relpath ? 0 : error_no_memory(err);
}

struct source_query {
    const char *relpath;
    const char *from, *to; /* paths between these two */
    uint64_t dev, ino;
    int64_t after;
    unsigned limit;
    struct manifest_source *ret;
};

int manifest_source_read(struct db *db, sqlite3_stmt *st, const char *relpath,
                         struct manifest_source *ret, struct error *err)
{
    db_bind_text(st, 1, relpath);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    return load_source(st, false, ret, err) == 0 ? 1 : -1;
}

int manifest_source_read_id(struct db *db, sqlite3_stmt *st, int64_t id,
                            struct manifest_source *ret, struct error *err)
{
    db_bind_int(st, 1, id);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    return load_source(st, true, ret, err) == 0 ? 1 : -1;
}

static int query_by_path(struct db *db, sqlite3_stmt *st, void *opaque,
                         struct error *err)
{
    const struct source_query *q = opaque;

    return manifest_source_read(db, st, q->relpath, q->ret, err);
}

int manifest_source_find(struct manifest *m, const char *relpath,
                         struct manifest_source *ret, struct error *err)
{
    struct source_query q = {.relpath = relpath, .ret = ret};

    return manifest_query(m, SQL_SOURCE_BY_PATH, query_by_path, &q, err);
}

static int query_by_inode(struct db *db, sqlite3_stmt *st, void *opaque,
                          struct error *err)
{
    const struct source_query *q = opaque;

    db_bind_u64(st, 1, q->ino);
    db_bind_u64(st, 2, q->dev);
    db_bind_int(st, 3, q->after);
    int rc = db_step(db, st, err);

    if (rc <= 0)
        return rc;
    return load_source(st, true, q->ret, err) == 0 ? 1 : -1;
}

int manifest_source_by_inode(struct manifest *m, uint64_t dev, uint64_t ino,
                             int64_t after, struct manifest_source *ret,
                             struct error *err)
{
    struct source_query q = {
        .dev = dev, .ino = ino, .after = after, .ret = ret};

    return manifest_query(m, SQL_SOURCE_BY_INODE, query_by_inode, &q, err);
}

/* Rows into q->ret; their number, or -1. */
static int load_sources(struct db *db, sqlite3_stmt *st,
                        const struct source_query *q, struct error *err)
{
    int n = 0;
    int rc;

    while ((rc = db_step(db, st, err)) > 0) {
        if (load_source(st, true, &q->ret[n], err) != 0) {
            rc = -1;
            break;
        }
        n++;
    }
    if (rc == 0)
        return n;
    while (n > 0)
        free(q->ret[--n].relpath);
    return -1;
}

static int query_list(struct db *db, sqlite3_stmt *st, void *opaque,
                      struct error *err)
{
    const struct source_query *q = opaque;

    db_bind_int(st, 1, q->after);
    db_bind_int(st, 2, q->limit);
    return load_sources(db, st, q, err);
}

static int query_list_beneath(struct db *db, sqlite3_stmt *st, void *opaque,
                              struct error *err)
{
    const struct source_query *q = opaque;

    db_bind_text(st, 1, q->from);
    db_bind_text(st, 2, q->to);
    db_bind_int(st, 3, q->limit);
    return load_sources(db, st, q, err);
}

int manifest_source_list(struct manifest *m, int64_t after, unsigned limit,
                         struct manifest_source *ret, struct error *err)
{
    struct source_query q = {.after = after, .limit = limit, .ret = ret};

    return manifest_query(m, SQL_SOURCE_LIST, query_list, &q, err);
}

/* What is beneath a/b lies between a/b/ and a/b0: 0 follows the slash. */
int manifest_source_list_beneath(struct manifest *m, const char *folder,
                                 const char *after, unsigned limit,
                                 struct manifest_source *ret, struct error *err)
{
    CLEANUP_FREE char *bounds = NULL;
    size_t n = strlen(folder) + 2;

    if (asprintf(&bounds, "%s/%c%s0", folder, '\0', folder) < 0) {
        bounds = NULL;
        return error_no_memory(err);
    }
    struct source_query q = {.from = after ? after : bounds,
                             .to = bounds + n,
                             .limit = limit,
                             .ret = ret};

    return manifest_query(m, SQL_SOURCE_LIST_BENEATH, query_list_beneath, &q,
                          err);
}

struct problem_query {
    manifest_problem_fn each;
    void *opaque;
};

static int query_problems(struct db *db, sqlite3_stmt *st, void *opaque,
                          struct error *err)
{
    const struct problem_query *q = opaque;
    int rc;

    while ((rc = db_step(db, st, err)) > 0)
        if (q->each(q->opaque, db_column_text(st, 0), db_column_text(st, 1),
                    err) != 0)
            return -1;
    return rc;
}

int manifest_source_problems(struct manifest *m, manifest_problem_fn each,
                             void *opaque, struct error *err)
{
    struct problem_query q = {each, opaque};

    return manifest_query(m, SQL_SOURCE_PROBLEMS, query_problems, &q, err);
}

static int query_has_image(struct db *db, sqlite3_stmt *st, void *opaque,
                           struct error *err)
{
    const struct source_query *q = opaque;

    db_bind_int(st, 1, q->after);
    return db_step(db, st, err);
}

int manifest_source_has_image(struct manifest *m, int64_t id, struct error *err)
{
    struct source_query q = {.after = id};

    return manifest_query(m, SQL_SOURCE_HAS_IMAGE, query_has_image, &q, err);
}

/* ---- transactions of the indexer ---- */

int write_begin(struct manifest *m, struct write *w, struct error *err)
{
    *w = (struct write){.m = m, .now_s = time(NULL)};
    w->db = manifest_writer(m, err);
    if (!w->db)
        return -1;
    if (manifest_begin(w->db, err) == 0) {
        STATEMENT *st = db_get(w->db, SQL_EPOCH_NEXT, err);

        if (st && db_step(w->db, st, err) == 1) {
            w->epoch = db_column_int(st, 0, 0);
            /* To its end, or the statement would hold the commit up. */
            if (db_step(w->db, st, err) == 0)
                return 0;
        }
    }
    return write_end(w, -1, err);
}

int write_end(struct write *w, int rc, struct error *err)
{
    if (rc == 0)
        rc = write_touched(w, err);
    if (rc == 0)
        rc = ids_reserve(w->db, w->m->state_dir, err);
    if (!sqlite3_get_autocommit(w->db->handle) || rc == 0)
        rc = manifest_end(w->db, rc, err);
    manifest_writer_put(w->m, w->db);
    free(w->studies.ids);
    free(w->series.ids);
    return rc == 0 ? 0 : manifest_failed(w->m, err);
}

static int touch(struct touched *t, int64_t id, struct error *err)
{
    if (t->n > 0 && t->ids[t->n - 1] == id)
        return 0;
    if (t->n == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 64;
        int64_t *grown = reallocarray(t->ids, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        t->ids = grown;
        t->capacity = capacity;
    }
    t->ids[t->n++] = id;
    return 0;
}

int write_touch(struct write *w, int64_t study_id, int64_t series_id,
                struct error *err)
{
    if (touch(&w->studies, study_id, err) != 0)
        return -1;
    return touch(&w->series, series_id, err);
}

static int by_id(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return a < b ? -1 : a > b;
}

static int mark(struct write *w, struct touched *t, enum sql which,
                struct error *err)
{
    STATEMENT *st = db_get(w->db, which, err);

    if (!st)
        return -1;
    if (t->n > 0)
        qsort(t->ids, t->n, sizeof *t->ids, by_id);
    for (size_t i = 0; i < t->n; i++) {
        if (i > 0 && t->ids[i] == t->ids[i - 1])
            continue;
        db_bind_int(st, 1, t->ids[i]);
        db_bind_int(st, 2, w->now_s);
        db_bind_int(st, 3, w->epoch);
        if (db_run(w->db, st, err) != 0)
            return -1;
        (void)sqlite3_reset(st);
    }
    return 0;
}

int write_touched(struct write *w, struct error *err)
{
    if (mark(w, &w->studies, SQL_STUDY_TOUCH, err) != 0)
        return -1;
    return mark(w, &w->series, SQL_SERIES_TOUCH, err);
}

/* ---- sources without a new version ---- */

int write_find_instance(struct write *w, int64_t source_id, enum gone gone,
                        struct instance_ref *ret, struct error *err)
{
    STATEMENT *st = db_get(w->db, SQL_INSTANCE_OF_SOURCE, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, source_id);
    db_bind_int(st, 2, gone);
    int rc = db_step(w->db, st, err);

    if (rc > 0)
        *ret = (struct instance_ref){db_column_int(st, 0, 0),
                                     db_column_int(st, 1, 0),
                                     db_column_int(st, 2, 0)};
    return rc;
}

static int run_with_id(struct write *w, enum sql which, int64_t id,
                       struct error *err)
{
    STATEMENT *st = db_get(w->db, which, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, id);
    return db_run(w->db, st, err);
}

static int instance_gone(struct write *w, const struct instance_ref *i,
                         enum gone why, struct error *err)
{
    STATEMENT *st = db_get(w->db, SQL_INSTANCE_GONE, err);

    if (!st)
        return -1;
    db_bind_int(st, 1, i->id);
    db_bind_int(st, 2, why);
    if (db_run(w->db, st, err) != 0 ||
        run_with_id(w, SQL_INSTANCE_ORPHANS, i->id, err) != 0)
        return -1;
    return write_touch(w, i->study_id, i->series_id, err);
}

int write_instance_vanished(struct write *w, int64_t source_id,
                            struct error *err)
{
    struct instance_ref i;
    int rc = write_find_instance(w, source_id, NOT_GONE, &i, err);

    if (rc <= 0)
        return rc;
    return instance_gone(w, &i, GONE_VANISHED, err) == 0 ? 1 : -1;
}

int write_instance_changed(struct write *w, int64_t source_id,
                           struct error *err)
{
    struct instance_ref i;
    int rc = write_find_instance(w, source_id, NOT_GONE, &i, err);

    if (rc == 0) /* vanished, and now back with other bytes */
        rc = write_find_instance(w, source_id, GONE_VANISHED, &i, err);
    if (rc <= 0)
        return rc;
    return instance_gone(w, &i, GONE_CHANGED, err) == 0 ? 1 : -1;
}

/* A file that is back has its instance back. */
static int instance_back(struct write *w, int64_t source_id, struct error *err)
{
    struct instance_ref i;
    int rc = write_find_instance(w, source_id, GONE_VANISHED, &i, err);

    if (rc <= 0)
        return rc;
    if (run_with_id(w, SQL_INSTANCE_BACK, i.id, err) != 0)
        return -1;
    return write_touch(w, i.study_id, i.series_id, err);
}

static int write_one_same(struct write *w, const struct manifest_same *same,
                          struct error *err)
{
    STATEMENT *move = db_get(w->db, SQL_SOURCE_MOVE, err);
    STATEMENT *keep = db_get(w->db, SQL_SOURCE_SAME, err);

    if (!move || !keep)
        return -1;
    if (same->relpath) {
        db_bind_int(move, 1, same->id);
        db_bind_text(move, 2, same->relpath);
        if (db_run(w->db, move, err) != 0)
            return -1;
    }
    db_bind_int(keep, 1, same->id);
    db_bind_u64(keep, 2, same->dev);
    if (db_run(w->db, keep, err) != 0)
        return -1;
    return instance_back(w, same->id, err);
}

int manifest_write_same(struct manifest *m, const struct manifest_same *same,
                        size_t n, struct error *err)
{
    struct write w;
    int rc = 0;

    if (write_begin(m, &w, err) != 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = write_one_same(&w, &same[i], err);
    return write_end(&w, rc, err);
}

static int write_one_gone(struct write *w, int64_t source_id, struct error *err)
{
    if (write_instance_vanished(w, source_id, err) < 0)
        return -1;
    if (run_with_id(w, SQL_SOURCE_VANISH, source_id, err) != 0)
        return -1;
    return run_with_id(w, SQL_ERROR_CLEAR, source_id, err);
}

int manifest_write_gone(struct manifest *m, const int64_t *source_ids, size_t n,
                        struct error *err)
{
    struct write w;
    int rc = 0;

    if (write_begin(m, &w, err) != 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = write_one_gone(&w, source_ids[i], err);
    return write_end(&w, rc, err);
}

struct uid_query {
    const char *uid;
    int64_t id;
};

static int query_by_uid(struct db *db, sqlite3_stmt *st, void *opaque,
                        struct error *err)
{
    struct uid_query *q = opaque;

    db_bind_text(st, 1, q->uid);
    int rc = db_step(db, st, err);

    if (rc > 0)
        q->id = db_column_int(st, 0, 0);
    return rc;
}

int manifest_instance_by_uid(struct manifest *m, const char *uid,
                             int64_t *ret_id, struct error *err)
{
    struct uid_query q = {.uid = uid};
    int rc = manifest_query(m, SQL_IMAGE_OF_UID, query_by_uid, &q, err);

    *ret_id = q.id;
    return rc;
}
