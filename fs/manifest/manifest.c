// SPDX-License-Identifier: MIT
/*
 * Opening and closing; who may use which connection is in connections.c.
 *
 * Files in the state folder:
 *   manifest.db (-wal, -shm)  the live database
 *   lock      flock: shared by everyone who has the manifest open, exclusive
 *             to set a damaged one aside
 *   ids       numbers up to which ids may have been given away (ids.h)
 *   salt      the key of patient.pkey (ids.h)
 *   cohort-*  manifest.db of mounts that show a part (snapshot_cohort.c)
 *   incoming.db  a published manifest, while it is taken over (adopt.c)
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

int manifest_check_pages(struct db *db, struct error *err)
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

/* Opens the file and looks whether it is what it should be, which for writing
 * is of this version then: 0, 1 (empty), or -1 with ERROR_CORRUPT if it is
 * damaged. */
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
        rc = manifest_check_pages(db, err);
        if (rc == 0)
            (void)unlink(suspect);
    }
    if (rc == 0 && access == DB_WRITE)
        rc = schema_upgrade(db, err);
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
    if (rc > 0 && create(m, &db, err) != 0) {
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

/* The connection that looked is the first to be used. */
static void keep_reader(struct manifest *m, struct db *db)
{
    lock_acquire(&m->lock);
    m->idle[m->n_idle++] = db;
    m->n_readers++;
    lock_release(&m->lock);
}

static int open_reading(struct manifest *m, struct db *db, struct error *err)
{
    int rc = open_checked(m, db, DB_READ, err);

    /* A WAL database wants to make its -shm file. On read-only media it
     * cannot; without a log the file can be taken as it is. */
    if (rc < 0 && err && err->kind == ERROR_IO && !has_log(m) &&
        access(m->path, R_OK) == 0) {
        m->read_access = DB_IMMUTABLE;
        rc = open_checked(m, db, DB_IMMUTABLE, err);
    }
    if (rc < 0)
        return -1;
    if (rc > 0)
        rc = error_set(err, ERROR_NOT_FOUND, "%s is empty: run prepfsctl index",
                       m->path);
    else if (shown_functions(db->handle, &db->shown) != SQLITE_OK)
        rc = db_fail(db, err);
    if (rc < 0)
        db_close(db);
    return rc;
}

static int open_for_reading(struct manifest *m, struct error *err)
{
    struct db *db = malloc(sizeof *db);

    if (!db)
        return error_no_memory(err);
    if (open_reading(m, db, err) != 0) {
        free(db);
        return -1;
    }
    keep_reader(m, db);
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
                                     : open_for_reading(m, err)) == 0 &&
        manifest_find_followed(m, err) == 0)
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
