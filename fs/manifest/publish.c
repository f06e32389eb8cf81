// SPDX-License-Identifier: MIT
/*
 * Publishing: a snapshot, and what tells it from any other file.
 *
 * Rows of `meta` in it:
 *   seal     seal.h
 *   lineage  which row of numbers its ids are from: an HMAC of the state's
 *            salt, which lives as long as numbers are not given twice (ids.h)
 * and in the manifest of who follows:
 *   adopted  the seal of what was taken over
 *   follows  the path of the file
 */
#include "manifest/publish_impl.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/ids.h"

/* ---- rows of meta ---- */

int publish_meta_blob(struct db *db, const char *key, uint8_t *ret, int size,
                      struct error *err)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db->handle, "SELECT v FROM meta WHERE k=?1", -1, &st,
                           NULL) != SQLITE_OK)
        return db_fail(db, err);
    db_bind_text(st, 1, key);
    int rc = db_step(db, st, err);

    if (rc > 0) {
        rc = sqlite3_column_bytes(st, 0) == size;
        if (rc)
            memcpy(ret, sqlite3_column_blob(st, 0), (size_t)size);
    }
    (void)sqlite3_finalize(st);
    return rc;
}

static int put_meta(struct db *db, const char *key, const void *value, int size,
                    struct error *err)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db->handle, "REPLACE INTO meta(k,v) VALUES(?1,?2)",
                           -1, &st, NULL) != SQLITE_OK)
        return db_fail(db, err);
    db_bind_text(st, 1, key);
    (void)sqlite3_bind_blob(st, 2, value, size, SQLITE_STATIC);
    int rc = db_run(db, st, err);

    (void)sqlite3_finalize(st);
    return rc;
}

/* ---- may it be? ---- */

int manifest_check_own(const struct manifest *m, struct error *err)
{
    if (!manifest_follows(m))
        return 0;
    return error_set(err, ERROR_USAGE,
                     "%s follows a published manifest (-o manifest): do this "
                     "where the archive is indexed, publish with prepfsctl "
                     "snapshot, then prepfsctl rescan here",
                     m->state_dir);
}

static int check_publishable(struct manifest *m, struct error *err)
{
    CLEANUP_FREE char *parser = NULL;

    if (manifest_check_own(m, err) != 0)
        return -1;
    if (manifest_is_cohort(m))
        return error_set(err, ERROR_USAGE,
                         "a part of an archive is not published: mount all of "
                         "it with where");
    int rc = manifest_parser(m, &parser, err);

    if (rc == 0)
        return error_set(err, ERROR_USAGE,
                         "this archive was never indexed to the end");
    return rc < 0 ? -1 : 0;
}

/* ---- the file ---- */

static int lineage_of(const struct manifest *m,
                      uint8_t ret[PUBLISH_LINEAGE_SIZE], struct error *err)
{
    static const char what[] = "lineage of a manifest";
    uint8_t salt[MANIFEST_SALT_SIZE], mac[IDS_SHA256];

    if (ids_salt(m->state_dir, false, salt, err) != 0)
        return -1;
    ids_hmac(salt, sizeof salt, what, strlen(what), mac);
    memcpy(ret, mac, PUBLISH_LINEAGE_SIZE);
    return 0;
}

/* Old bytes of a row must not stay behind, or the seal might be found twice. */
static int label(const struct manifest *m, const char *path,
                 uint8_t seal[SEAL_SIZE], struct error *err)
{
    uint8_t lineage[PUBLISH_LINEAGE_SIZE];
    struct db db;
    int rc;

    if (lineage_of(m, lineage, err) != 0 || seal_new(seal, err) != 0 ||
        db_open(&db, path, DB_WRITE, err) != 0)
        return -1;
    rc = db_exec(&db, "PRAGMA secure_delete=ON; BEGIN IMMEDIATE", err);
    if (rc == 0)
        rc = put_meta(&db, "lineage", lineage, sizeof lineage, err);
    if (rc == 0)
        rc = put_meta(&db, "seal", seal, SEAL_SIZE, err);
    if (rc == 0)
        rc = db_exec(&db, "COMMIT", err);
    if (rc == 0)
        rc = manifest_check_pages(&db, err);
    db_close(&db);
    return rc;
}

/* What its readers will do, once, by who can still do something about it. */
static int check_seal(const char *path, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t seal[SEAL_SIZE];
    struct db db;
    int rc;

    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", path,
                             strerrordesc_np(errno));
    if (db_open(&db, path, DB_IMMUTABLE, err) != 0)
        return -1;
    rc = publish_meta_blob(&db, "seal", seal, SEAL_SIZE, err);
    db_close(&db);
    if (rc == 0)
        return error_set(err, ERROR_INTERNAL, "%s has no seal", path);
    return rc < 0 ? -1 : seal_check(fd, seal, err);
}

static void keep_owner(const char *path, int fd)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return;
    /* Only root may; who may not goes on as whom he is. */
    if (fchown(fd, st.st_uid, st.st_gid) != 0 &&
        fchown(fd, (uid_t)-1, st.st_gid) != 0)
        return;
    (void)fchmod(fd, st.st_mode & 0777);
}

static int sync_folder(const char *path, struct error *err)
{
    CLEANUP_FREE char *copy = strdup(path);

    if (!copy)
        return error_no_memory(err);
    CLEANUP_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* Some file systems cannot; the name is there all the same. */
    if (fd >= 0)
        (void)fsync(fd);
    return 0;
}

static int put_in_place(const char *temporary, const char *path,
                        struct error *err)
{
    CLEANUP_FD int fd = open(temporary, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fchmod(fd, 0600) != 0)
        return error_set_sys(err, errno, "cannot finish %s: %s", temporary,
                             strerrordesc_np(errno));
    keep_owner(path, fd);
    if (fsync(fd) != 0 || rename(temporary, path) != 0)
        return error_set_sys(err, errno, "cannot make %s: %s", path,
                             strerrordesc_np(errno));
    return sync_folder(path, err);
}

int manifest_publish(struct manifest *m, const char *path, struct error *err)
{
    CLEANUP_FREE char *temporary = NULL;
    uint8_t seal[SEAL_SIZE];
    int rc;

    if (check_publishable(m, err) != 0)
        return -1;
    if (asprintf(&temporary, "%s.tmp-%ld", path, (long)getpid()) < 0) {
        temporary = NULL;
        return error_no_memory(err);
    }
    (void)unlink(temporary); /* of a process that was killed */
    rc = manifest_vacuum_into(m, temporary, err);
    if (rc == 0)
        rc = label(m, temporary, seal, err);
    if (rc == 0)
        rc = seal_close(temporary, seal, err);
    if (rc == 0)
        rc = check_seal(temporary, err);
    if (rc == 0)
        rc = put_in_place(temporary, path, err);
    if (rc == 0)
        return 0;
    (void)unlink(temporary);
    return manifest_failed(m, err);
}
