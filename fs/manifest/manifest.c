// SPDX-License-Identifier: MIT
/*
 * Opening and closing, and who may use which connection.
 *
 * Files in the state folder:
 *   manifest.db (-wal, -shm)  the live database
 *   lock      flock: shared by everyone who has the manifest open, exclusive
 *             to set a damaged one aside
 *   ids       numbers up to which ids may have been given away (ids.h)
 *   salt      the key of patient.pkey (ids.h)
 *   suspect   somebody met a damaged page; look closely at the next open
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "manifest/ids.h"
#include "manifest/schema.h"

static char *join(const char *dir, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/* Shared lock on the state, so that nobody sets the file aside under us. */
static int lock_state(const char *state_dir, enum manifest_mode mode,
                      int *ret_fd, struct error *err)
{
    CLEANUP_FREE char *path = join(state_dir, "lock");

    if (!path)
        return error_no_memory(err);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 && mode == MANIFEST_READ_ONLY &&
        (errno == EROFS || errno == EACCES || errno == EPERM)) {
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) { /* nobody can write here: nothing to lock out */
            *ret_fd = -1;
            return 0;
        }
    }
    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", path,
                             strerrordesc_np(errno));
    if (flock(fd, LOCK_SH) != 0) {
        int saved = errno;

        (void)close(fd);
        return error_set_sys(err, saved, "cannot lock %s: %s", path,
                             strerrordesc_np(saved));
    }
    *ret_fd = fd;
    return 0;
}

/* Moves the database and its log away. Only if nobody else has it open. */
static int set_aside(struct manifest *m, struct error *err)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    CLEANUP_FREE char *away = NULL;

    if (m->use_fd >= 0 && flock(m->use_fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(err, ERROR_CORRUPT,
                         "%s is damaged and in use by another process; stop "
                         "it and try again",
                         m->path);
    if (asprintf(&away, "%s.corrupt-%lld", m->path, (long long)time(NULL)) <
        0) {
        away = NULL;
        return error_no_memory(err);
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        CLEANUP_FREE char *from = NULL;
        CLEANUP_FREE char *to = NULL;

        if (asprintf(&from, "%s%s", m->path, suffixes[i]) < 0 ||
            asprintf(&to, "%s%s", away, suffixes[i]) < 0) {
            return error_no_memory(err);
        }
        if (rename(from, to) != 0 && errno != ENOENT)
            return error_set_sys(err, errno, "cannot set %s aside: %s", from,
                                 strerrordesc_np(errno));
    }
    CLEANUP_FREE char *suspect = join(m->state_dir, "suspect");

    if (suspect)
        (void)unlink(suspect);
    if (m->use_fd >= 0 && flock(m->use_fd, LOCK_SH) != 0)
        return error_set_sys(err, errno, "cannot lock %s: %s", m->state_dir,
                             strerrordesc_np(errno));
    m->set_aside = STEAL(away);
    return 0;
}

static int quick_check(struct db *db, struct error *err)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &statement,
                           NULL) != SQLITE_OK)
        return db_fail(db, err);
    int rc = db_step(db, statement, err);

    if (rc > 0) {
        const char *word = db_column_text(statement, 0);

        rc = strcmp(word, "ok") == 0
                 ? 0
                 : error_set(err, ERROR_CORRUPT, "manifest: %s", word);
    }
    (void)sqlite3_finalize(statement);
    return rc;
}

/* Opens the file and looks whether it is what it should be: 0, 1 (empty),
 * or -1 with ERROR_CORRUPT if it is damaged. */
static int open_checked(struct manifest *m, struct db *db,
                        enum db_access access, struct error *err)
{
    CLEANUP_FREE char *suspect = join(m->state_dir, "suspect");

    if (!suspect)
        return error_no_memory(err);
    if (db_open(db, m->path, access, err) != 0)
        return -1;
    int rc = schema_check(db, err);

    if (rc == 0 && access == DB_WRITE &&
        faccessat(AT_FDCWD, suspect, F_OK, 0) == 0) {
        rc = quick_check(db, err);
        if (rc == 0)
            (void)unlink(suspect);
    }
    if (rc < 0)
        db_close(db);
    return rc;
}

/* An empty file becomes a manifest whose ids go on where the last ended. */
static int create(struct manifest *m, struct db *db, struct error *err)
{
    if (schema_create(db, err) != 0)
        return -1;
    return ids_restore(db, m->state_dir, err);
}

/* One process at a time makes or replaces the database: SQLite answers a
 * second change to WAL mode with "locked" without waiting. The lock goes with
 * `type` F_UNLCK or with the descriptor. */
static int lock_making(const struct manifest *m, short type, struct error *err)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};

    while (m->use_fd >= 0 && fcntl(m->use_fd, F_OFD_SETLKW, &lock) != 0)
        if (errno != EINTR)
            return error_set_sys(err, errno, "cannot lock %s: %s", m->state_dir,
                                 strerrordesc_np(errno));
    return 0;
}

static int make_or_open(struct manifest *m, struct error *err)
{
    struct db db;
    struct error first = ERROR_INIT;
    int rc = open_checked(m, &db, DB_WRITE, &first);

    if (rc < 0 && first.kind == ERROR_CORRUPT) {
        if (set_aside(m, err) != 0)
            return -1;
        rc = open_checked(m, &db, DB_WRITE, &first);
    }
    if (rc < 0) {
        if (err)
            *err = first;
        return -1;
    }
    if ((rc > 0 && create(m, &db, err) != 0) || schema_upgrade(&db, err) != 0) {
        db_close(&db);
        return -1;
    }
    m->writer = malloc(sizeof *m->writer);
    if (!m->writer) {
        db_close(&db);
        return error_no_memory(err);
    }
    *m->writer = db;
    /* What is written is not limited: its set stays NULL. */
    if (shown_functions(m->writer->handle, &m->writer->shown) != SQLITE_OK)
        return db_fail(m->writer, err);
    return ids_salt(m->state_dir, true, m->salt, err);
}

static int open_for_writing(struct manifest *m, struct error *err)
{
    if (lock_making(m, F_WRLCK, err) != 0)
        return -1;
    int rc = make_or_open(m, err);

    (void)lock_making(m, F_UNLCK, NULL);
    return rc;
}

/* Is there a log with commits that only a writer can bring in? */
static bool has_log(const struct manifest *m)
{
    CLEANUP_FREE char *log = NULL;
    struct stat st;

    if (asprintf(&log, "%s-wal", m->path) < 0) {
        log = NULL;
        return true;
    }
    return stat(log, &st) == 0 && st.st_size > 0;
}

static int open_for_reading(struct manifest *m, struct error *err)
{
    struct db db;
    int rc = open_checked(m, &db, DB_READ, err);

    /* A WAL database wants to make its -shm file. On read-only media it
     * cannot; without a log the file can be taken as it is. */
    if (rc < 0 && err && err->kind == ERROR_IO && !has_log(m) &&
        access(m->path, R_OK) == 0) {
        m->read_access = DB_IMMUTABLE;
        rc = open_checked(m, &db, DB_IMMUTABLE, err);
    }
    if (rc < 0)
        return -1;
    db_close(&db);
    if (rc > 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "%s is empty: run prepfsctl index", m->path);
    return 0;
}

struct manifest *manifest_open(const char *state_dir, enum manifest_mode mode,
                               struct error *err)
{
    struct error local = ERROR_INIT;
    struct manifest *m = calloc(1, sizeof *m);

    if (!err)
        err = &local;
    if (!m) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&m->lock);
    lock_check(pthread_cond_init(&m->reader_back, NULL));
    lock_check(pthread_cond_init(&m->writer_back, NULL));
    m->mode = mode;
    m->read_access = DB_READ;
    m->use_fd = -1;
    m->totals_epoch = -1;
    m->state_dir = strdup(state_dir);
    m->path = join(state_dir, "manifest.db");
    if (!m->state_dir || !m->path) {
        (void)error_no_memory(err);
        goto fail;
    }
    if (lock_state(state_dir, mode, &m->use_fd, err) != 0)
        goto fail;
    if (mode == MANIFEST_READ_ONLY && access(m->path, F_OK) != 0) {
        (void)error_set(err, ERROR_NOT_FOUND, "there is no manifest in %s",
                        state_dir);
        goto fail;
    }
    if ((mode == MANIFEST_READ_WRITE ? open_for_writing(m, err)
                                     : open_for_reading(m, err)) == 0)
        return m;
fail:
    manifest_close(m);
    return NULL;
}

static void free_db(struct db *db)
{
    if (!db)
        return;
    db_close(db);
    free(db);
}

/* Leaves a note for the next open; best effort. */
static void note_suspect(const struct manifest *m)
{
    CLEANUP_FREE char *path = join(m->state_dir, "suspect");

    if (!path)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0)
        (void)close(fd);
}

void manifest_close(struct manifest *m)
{
    if (!m)
        return;
    if (atomic_load(&m->suspect) && m->mode == MANIFEST_READ_WRITE)
        note_suspect(m);
    for (unsigned i = 0; i < m->n_idle; i++)
        free_db(m->idle[i]);
    free_db(m->writer);
    for (unsigned i = 0; i < m->n_overlay; i++)
        free(m->overlay[i].canonical);
    free(m->overlay);
    if (m->use_fd >= 0)
        (void)close(m->use_fd);
    lock_check(pthread_cond_destroy(&m->reader_back));
    lock_check(pthread_cond_destroy(&m->writer_back));
    lock_deinit(&m->lock);
    shown_unref(m->shown);
    free(m->state_dir);
    free(m->path);
    free(m->set_aside);
    free(m);
}

const char *manifest_set_aside(const struct manifest *m)
{
    return m->set_aside;
}

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
