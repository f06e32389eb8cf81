// SPDX-License-Identifier: MIT
/*
 * VACUUM INTO writes a compact copy of one commit, in rollback-journal mode:
 * a WAL file could not be opened from a read-only mount. It goes to a
 * temporary name and is renamed, so that `path` is never half a database.
 */
#include "manifest/manifest_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int manifest_vacuum_into(struct manifest *m, const char *path,
                         struct error *err)
{
    struct db db;
    sqlite3_stmt *statement = NULL;
    int rc = -1;

    if (manifest_open_reader(m, &db, err) != 0)
        return -1;
    /* The copy is a write, but not to this database. */
    if (db_exec(&db, "PRAGMA query_only=OFF", err) != 0)
        goto out;
    if (sqlite3_prepare_v2(db.handle, "VACUUM INTO ?1", -1, &statement, NULL) !=
        SQLITE_OK) {
        (void)db_fail(&db, err);
        goto out;
    }
    db_bind_text(statement, 1, path);
    rc = db_run(&db, statement, err);
    (void)sqlite3_finalize(statement);
out:
    db_close(&db);
    return rc;
}

static int sync_file(const char *path, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fchmod(fd, 0600) != 0 || fsync(fd) != 0)
        return error_set_sys(err, errno, "cannot finish %s: %s", path,
                             strerrordesc_np(errno));
    return 0;
}

int manifest_snapshot(struct manifest *m, const char *path, struct error *err)
{
    CLEANUP_FREE char *temporary = NULL;

    if (asprintf(&temporary, "%s.tmp-%ld", path, (long)getpid()) < 0) {
        temporary = NULL;
        return error_no_memory(err);
    }
    (void)unlink(temporary); /* of a process that was killed */
    int rc = manifest_is_cohort(m) ? manifest_snapshot_cohort(m, temporary, err)
                                   : manifest_vacuum_into(m, temporary, err);

    if (rc == 0)
        rc = sync_file(temporary, err);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = error_set_sys(err, errno, "cannot make %s: %s", path,
                           strerrordesc_np(errno));
    if (rc != 0) {
        (void)unlink(temporary);
        return manifest_failed(m, err);
    }
    return 0;
}
