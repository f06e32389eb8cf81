// SPDX-License-Identifier: MIT
/*
 * Who may use which connection, and for how long it is waited for.
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* A connection that is given away shows what is shown now, and goes on to when
 * the next set takes its place. */
static void take_shown_locked(struct manifest *m, struct db *db)
    REQUIRES(m->lock)
{
    db->shown = shown_ref(m->shown);
}

void manifest_take_shown(struct manifest *m, struct db *db)
{
    lock_acquire(&m->lock);
    take_shown_locked(m, db);
    lock_release(&m->lock);
}

bool manifest_is_cohort(struct manifest *m)
{
    bool is;

    lock_acquire(&m->lock);
    is = m->shown != NULL;
    lock_release(&m->lock);
    return is;
}

int manifest_open_reader(struct manifest *m, struct db *ret, struct error *err)
{
    if (db_open(ret, m->path, m->read_access, err) != 0)
        return -1;
    if (shown_functions(ret->handle, &ret->shown) != SQLITE_OK) {
        (void)db_fail(ret, err);
        db_close(ret);
        return -1;
    }
    manifest_take_shown(m, ret);
    return 0;
}

/* NULL if there is none idle, and another may be opened: it is counted. */
static struct db *take_idle(struct manifest *m, unsigned most)
{
    struct db *db = NULL;

    lock_acquire(&m->lock);
    while (m->n_idle == 0 && m->n_readers >= most && m->n_readers > 0)
        lock_wait(&m->lock, &m->reader_back);
    if (m->n_idle > 0) {
        db = m->idle[--m->n_idle];
        take_shown_locked(m, db);
    } else {
        m->n_readers++;
    }
    lock_release(&m->lock);
    return db;
}

static struct db *open_pooled(struct manifest *m, struct error *err)
{
    struct db *db = malloc(sizeof *db);

    if (!db)
        (void)error_no_memory(err);
    else if (manifest_open_reader(m, db, err) == 0)
        return db;
    free(db);
    lock_acquire(&m->lock);
    m->n_readers--;
    lock_check(pthread_cond_signal(&m->reader_back));
    lock_release(&m->lock);
    return NULL;
}

struct db *manifest_reader(struct manifest *m, struct error *err)
{
    struct db *db = take_idle(m, MANIFEST_READERS);

    if (!db)
        db = open_pooled(m, err);
    if (db)
        return db;
    /* No more descriptors, or somebody took the state folder away: those that
     * are open do. If there are none, the second try says why. */
    db = take_idle(m, 1);
    return db ? db : open_pooled(m, err);
}

void manifest_reader_put(struct manifest *m, struct db *db)
{
    shown_unref(STEAL(db->shown));
    lock_acquire(&m->lock);
    m->idle[m->n_idle++] = db;
    lock_check(pthread_cond_signal(&m->reader_back));
    lock_release(&m->lock);
}

struct db *manifest_writer(struct manifest *m, struct error *err)
{
    if (m->mode == MANIFEST_READ_ONLY) {
        (void)error_set_sys(err, EROFS, "the manifest is open read-only");
        return NULL;
    }
    lock_acquire(&m->lock);
    while (!m->writer)
        lock_wait(&m->lock, &m->writer_back);
    struct db *db = STEAL(m->writer);

    lock_release(&m->lock);
    return db;
}

/* ---- notes: writes that need not be ---- */

enum { NOTES_REST_MS = 2000 };

static int64_t now_ms(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void manifest_set_patience(struct manifest *m, unsigned ms)
{
    m->patience_ms = ms;
}

static struct db *busy(struct manifest *m, struct error *err)
{
    atomic_store(&m->notes_after, now_ms(CLOCK_MONOTONIC) + NOTES_REST_MS);
    (void)error_set_sys(err, EBUSY, "the manifest is busy");
    return NULL;
}

/* The writer, if it comes back in time. */
static struct db *wait_briefly(struct manifest *m)
{
    int64_t until_ms = now_ms(CLOCK_REALTIME) + m->patience_ms;
    const struct timespec until = {.tv_sec = until_ms / 1000,
                                   .tv_nsec = until_ms % 1000 * 1000000};
    struct db *db;
    int rc = 0;

    lock_acquire(&m->lock);
    while (!m->writer && rc == 0)
        rc = pthread_cond_timedwait(&m->writer_back, &m->lock.mutex, &until);
    db = STEAL(m->writer);
    lock_release(&m->lock);
    return db;
}

struct db *manifest_note_writer(struct manifest *m, struct error *err)
{
    struct db *db;

    if (m->mode == MANIFEST_READ_ONLY || m->patience_ms == 0)
        return manifest_writer(m, err);
    if (now_ms(CLOCK_MONOTONIC) < atomic_load(&m->notes_after)) {
        (void)error_set_sys(err, EBUSY, "the manifest is busy");
        return NULL;
    }
    db = wait_briefly(m);
    return db ? db : busy(m, err);
}

int manifest_begin_note(struct manifest *m, struct db *db, struct error *err)
{
    int rc;

    if (m->patience_ms == 0)
        return manifest_begin(db, err);
    db_set_patience(db, m->patience_ms);
    rc = manifest_begin(db, err);
    db_set_patience(db, DB_PATIENCE_MS);
    if (rc != 0 && err && err->sys_errno == EBUSY)
        (void)busy(m, err);
    return rc;
}

void manifest_writer_put(struct manifest *m, struct db *db)
{
    lock_acquire(&m->lock);
    m->writer = db;
    lock_check(pthread_cond_signal(&m->writer_back));
    lock_release(&m->lock);
}

int manifest_failed(struct manifest *m, const struct error *err)
{
    if (err && err->kind == ERROR_CORRUPT)
        atomic_store(&m->suspect, true);
    return -1;
}

int manifest_begin(struct db *db, struct error *err)
{
    return db_exec(db, "BEGIN IMMEDIATE", err);
}

int manifest_end(struct db *db, int rc, struct error *err)
{
    if (rc == 0 && db_exec(db, "COMMIT", err) == 0)
        return 0;
    if (!sqlite3_get_autocommit(db->handle))
        (void)db_exec(db, "ROLLBACK", NULL);
    return -1;
}

/* Resets the statement while the connection is still ours. */
static int run_query(struct db *db, enum sql which, manifest_query_fn query,
                     void *opaque, struct error *err)
{
    STATEMENT *statement = db_get(db, which, err);

    return statement ? query(db, statement, opaque, err) : -1;
}

int manifest_query(struct manifest *m, enum sql which, manifest_query_fn query,
                   void *opaque, struct error *err)
{
    struct error local = ERROR_INIT;
    struct error *e = err ? err : &local;
    struct db *db = manifest_reader(m, e);

    if (!db)
        return manifest_failed(m, e);
    int rc = run_query(db, which, query, opaque, e);

    manifest_reader_put(m, db);
    return rc < 0 ? manifest_failed(m, e) : rc;
}

int manifest_update(struct manifest *m, enum sql which, manifest_query_fn query,
                    void *opaque, struct error *err)
{
    struct error local = ERROR_INIT;
    struct error *e = err ? err : &local;
    struct db *db = manifest_note_writer(m, e);

    if (!db)
        return -1;
    int rc = manifest_begin_note(m, db, e);

    if (rc == 0)
        rc = manifest_end(db, run_query(db, which, query, opaque, e), e);
    manifest_writer_put(m, db);
    return rc < 0 ? manifest_failed(m, e) : rc;
}
