// SPDX-License-Identifier: MIT
/*
 * Taking over a published manifest.
 *
 * It is copied to STATE/incoming.db, checked there, and gets the rows that
 * were found out here and are still true of what it says. Then SQLite's backup
 * writes its pages over those of the live database in one transaction: whoever
 * reads goes on with what he had, and a crash leaves the one or the other.
 *
 * Of what was found out, rows are kept by the numbers of their images, which
 * mean the same in every copy of one manifest (its lineage, publish.c): a file
 * that changed gets a new number. Numbers of views are given here as well, far
 * away from those of the publisher (manifest_views.c), and change if the
 * publisher has given the same view another.
 */
#include "manifest/publish_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/schema.h"

struct publication {
    uint8_t seal[SEAL_SIZE];
    uint8_t lineage[PUBLISH_LINEAGE_SIZE];
    int64_t epoch;
};

/* ---- what a file says of itself ---- */

static int check_version(struct db *db, const char *path, struct error *err)
{
    int64_t application = 0, version = 0;

    if (db_int(db, "PRAGMA application_id", 0, &application, err) != 0 ||
        db_int(db, "PRAGMA user_version", 0, &version, err) != 0)
        return -1;
    if (application != SCHEMA_APPLICATION_ID)
        return error_set(err, ERROR_USAGE, "%s is not a manifest of prepfs",
                         path);
    if (version != SCHEMA_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%s was published by %s prepfs (schema %" PRId64
                         ", this one has %d): the versions must be the same",
                         path,
                         version > SCHEMA_VERSION ? "a newer" : "an older",
                         version, SCHEMA_VERSION);
    return 0;
}

static int read_publication(struct db *db, const char *path,
                            struct publication *ret, struct error *err)
{
    int seal, lineage;

    if (check_version(db, path, err) != 0)
        return -1;
    seal = publish_meta_blob(db, "seal", ret->seal, SEAL_SIZE, err);
    lineage = seal > 0 ? publish_meta_blob(db, "lineage", ret->lineage,
                                           PUBLISH_LINEAGE_SIZE, err)
                       : 0;
    if (seal < 0 || lineage < 0)
        return -1;
    if (!seal || !lineage)
        return error_set(err, ERROR_USAGE,
                         "%s was not published: make it with prepfsctl "
                         "snapshot ARCHIVE FILE",
                         path);
    return db_int(db, "SELECT v FROM meta WHERE k='epoch'", 0, &ret->epoch,
                  err);
}

/* SQLite's words are about a path that nobody has given. */
static int say_damaged(const char *path, struct error *err)
{
    char why[ERROR_MSG_MAX];

    if (err->kind != ERROR_CORRUPT)
        return -1;
    memcpy(why, err->msg, sizeof why);
    return error_set(err, ERROR_CORRUPT, "%s is damaged: %.100s", path, why);
}

static bool is_database(int fd)
{
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic];

    return pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
           memcmp(head, magic, sizeof head) == 0;
}

/* Nobody writes to it: it is replaced as a whole. */
static int look_into(int fd, const char *path, struct publication *ret,
                     struct error *err)
{
    char name[32];
    struct db db;
    int rc;

    if (!is_database(fd))
        return error_set(err, ERROR_USAGE, "%s is not a manifest of prepfs",
                         path);
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    if (db_open(&db, name, DB_IMMUTABLE, err) != 0)
        return say_damaged(path, err);
    rc = read_publication(&db, path, ret, err);
    db_close(&db);
    return rc == 0 ? 0 : say_damaged(path, err);
}

/* ---- the copy ---- */

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int copy_bytes(int from, int to, const char *path, const char *state,
                      struct error *err)
{
    enum { PIECE = 1 << 20 };
    CLEANUP_FREE char *piece = malloc(PIECE);
    off_t at = 0;
    ssize_t n;

    if (!piece)
        return error_no_memory(err);
    while ((n = pread(from, piece, PIECE, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_sys(err, errno, "cannot read %s: %s", path,
                                 strerrordesc_np(errno));
        if (write_all(to, piece, (size_t)n) != 0)
            return error_set_sys(err, errno, "cannot copy %s to %s: %s", path,
                                 state, strerrordesc_np(errno));
        at += n;
    }
    return 0;
}

/* The copy as it was published: checked before SQLite looks into it. */
static int fetch(const struct manifest *m, int from, const char *path,
                 const char *incoming, const struct publication *p,
                 struct error *err)
{
    CLEANUP_FD int to =
        open(incoming, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (to < 0)
        return error_set_sys(err, errno, "cannot make %s: %s", incoming,
                             strerrordesc_np(errno));
    if (copy_bytes(from, to, path, m->state_dir, err) != 0)
        return -1;
    return seal_check(to, p->seal, err) == 0 ? 0 : say_damaged(path, err);
}

/* ---- what was found out here ---- */

#define ALIVE(id)                                                              \
    "(EXISTS(SELECT 1 FROM main.instance i WHERE i.id=" id " AND i.gone=0)"    \
    " OR EXISTS(SELECT 1 FROM main.series s INDEXED BY series_volume"          \
    " WHERE s.volume_id=" id "))"

/* Parts of views with findings depend on those that there are. */
static const char *const keep[] = {
    "INSERT OR IGNORE INTO main.view SELECT * FROM live.view"
    " WHERE canonical NOT IN (SELECT canonical FROM main.view)",
    "INSERT OR IGNORE INTO main.output SELECT mv.id,o.object_kind,"
    "o.instance_id,o.part,o.fmt,o.engine,o.width,o.height,o.channels,"
    "o.num_frames,o.dtype,o.bytes,o.crop_x,o.crop_y,o.crop_w,o.crop_h,"
    "o.scale_x,o.scale_y,o.pad_l,o.pad_t,o.pad_r,o.pad_b,o.vmin,o.vmax,"
    "o.vmean,o.vstd,o.xxh64,o.rendered_at,o.strips FROM live.output o"
    " JOIN live.view lv ON lv.id=o.view_id"
    " JOIN main.view mv ON mv.canonical=lv.canonical"
    " WHERE NOT instr('_'||lv.canonical,'_roi-') AND " ALIVE("o.instance_id"),
    "INSERT OR IGNORE INTO main.fact SELECT f.* FROM live.fact f WHERE " ALIVE(
        "f.instance_id"),
    "INSERT OR IGNORE INTO main.frame_index SELECT f.*"
    " FROM live.frame_index f WHERE " ALIVE("f.instance_id"),
};

static int keep_rows(struct db *db, uint64_t *ret_n, struct error *err)
{
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
        if (db_exec(db, keep[i], err) != 0)
            return -1;
        *ret_n += (uint64_t)sqlite3_changes(db->handle);
    }
    return 0;
}

#define IN_ONE_ONLY(one, other)                                                \
    "SELECT count(*) FROM " one ".instance a WHERE a.gone=0 AND NOT EXISTS("   \
    "SELECT 1 FROM " other ".instance b WHERE b.id=a.id AND b.gone=0)"

static int compare(struct db *db, struct manifest_adopted *ret,
                   struct error *err)
{
    int64_t added = 0, vanished = 0;

    if (db_int(db, IN_ONE_ONLY("main", "live"), 0, &added, err) != 0 ||
        db_int(db, IN_ONE_ONLY("live", "main"), 0, &vanished, err) != 0)
        return -1;
    ret->added = (uint64_t)added;
    ret->vanished = (uint64_t)vanished;
    return 0;
}

static int run_with_text(struct db *db, const char *sql, const char *text,
                         struct error *err)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) != SQLITE_OK)
        return db_fail(db, err);
    db_bind_text(st, 1, text);
    int rc = db_run(db, st, err);

    (void)sqlite3_finalize(st);
    return rc;
}

/* `is_kin`: the live one is an earlier copy. */
static int fill(struct db *db, const char *live, const char *path, bool is_kin,
                struct manifest_adopted *ret, struct error *err)
{
    int64_t files = 0;
    int rc = run_with_text(db, "ATTACH ?1 AS live", live, err);

    if (rc == 0)
        rc = db_exec(db, "BEGIN; UPDATE meta SET k='adopted' WHERE k='seal'",
                     err);
    if (rc == 0)
        rc = run_with_text(db, "REPLACE INTO meta(k,v) VALUES('follows',?1)",
                           path, err);
    if (rc == 0 && is_kin)
        rc = keep_rows(db, &ret->kept_rows, err);
    if (rc == 0 && is_kin)
        rc = compare(db, ret, err);
    if (rc == 0)
        rc = db_int(db, "SELECT count(*) FROM main.source WHERE vanished=0", 0,
                    &files, err);
    ret->files = (uint64_t)files;
    return rc == 0 ? db_exec(db, "COMMIT; DETACH live", err) : -1;
}

/* ---- into the live database ---- */

static int copy_pages(struct db *to, struct db *from, struct error *err)
{
    sqlite3_backup *b =
        sqlite3_backup_init(to->handle, "main", from->handle, "main");
    int rc;

    if (!b)
        return db_fail(to, err);
    rc = sqlite3_backup_step(b, -1);
    if (sqlite3_backup_finish(b) != SQLITE_OK || rc != SQLITE_DONE)
        return db_fail(to, err);
    /* The log is as long as the database now. */
    (void)sqlite3_wal_checkpoint_v2(to->handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                    NULL, NULL);
    return 0;
}

static int replace(struct manifest *m, const char *incoming, const char *path,
                   bool is_kin, struct manifest_adopted *ret, struct error *err)
{
    struct db db, *writer;
    int rc;

    if (db_open(&db, incoming, DB_WRITE, err) != 0)
        return -1;
    /* It is thrown away whatever happens. */
    rc =
        db_exec(&db, "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF", err);
    if (rc == 0)
        rc = fill(&db, m->path, path, is_kin, ret, err);
    writer = rc == 0 ? manifest_writer(m, err) : NULL;
    if (rc == 0 && !writer)
        rc = -1;
    if (rc == 0)
        rc = copy_pages(writer, &db, err);
    if (writer)
        manifest_writer_put(m, writer);
    db_close(&db);
    return rc;
}

/* ---- may it be? ---- */

struct standing { /* of the live database */
    bool follows;
    bool is_empty;
    struct publication of; /* if it follows */
};

static int find_standing(struct manifest *m, struct standing *ret,
                         struct error *err)
{
    struct db *db = manifest_reader(m, err);
    int64_t files = 0;
    int rc;

    *ret = (struct standing){.follows = false};
    if (!db)
        return -1;
    rc = publish_meta_blob(db, "adopted", ret->of.seal, SEAL_SIZE, err);
    ret->follows = rc > 0;
    if (rc > 0)
        rc = publish_meta_blob(db, "lineage", ret->of.lineage,
                               PUBLISH_LINEAGE_SIZE, err);
    if (rc >= 0)
        rc = db_int(db, "SELECT v FROM meta WHERE k='epoch'", 0, &ret->of.epoch,
                    err);
    if (rc >= 0)
        rc = db_int(db, "SELECT count(*) FROM (SELECT 1 FROM source LIMIT 1)",
                    0, &files, err);
    ret->is_empty = files == 0 && ret->of.epoch == 0;
    manifest_reader_put(m, db);
    return rc < 0 ? -1 : 0;
}

static bool is_kin(const struct publication *a, const struct publication *b)
{
    return memcmp(a->lineage, b->lineage, PUBLISH_LINEAGE_SIZE) == 0;
}

static int check_place(const struct manifest *m, const struct standing *s,
                       const struct publication *p, const char *path,
                       bool in_use, struct error *err)
{
    if (!s->follows && !s->is_empty)
        return error_set(err, ERROR_USAGE,
                         "%s holds an index of its own, which %s will not "
                         "replace: choose another folder with state=DIR",
                         m->state_dir, path);
    if (!in_use || !s->follows)
        return 0;
    if (!is_kin(&s->of, p))
        return error_set(err, ERROR_USAGE,
                         "%s is not of the index that this mount shows: its "
                         "numbers mean other files; mount anew",
                         path);
    if (p->epoch < s->of.epoch)
        return error_set(err, ERROR_USAGE,
                         "%s is older than what this mount shows: mount anew "
                         "to go back",
                         path);
    return 0;
}

/* ---- both ---- */

static int adopt(struct manifest *m, int fd, const char *path, bool in_use,
                 struct manifest_adopted *ret, struct error *err)
{
    CLEANUP_FREE char *incoming = NULL;
    struct publication p;
    struct standing s;
    int rc;

    if (look_into(fd, path, &p, err) != 0 || find_standing(m, &s, err) != 0)
        return -1;
    if (s.follows && memcmp(s.of.seal, p.seal, SEAL_SIZE) == 0)
        return 0;
    if (check_place(m, &s, &p, path, in_use, err) != 0)
        return -1;
    if (asprintf(&incoming, "%s/incoming.db", m->state_dir) < 0) {
        incoming = NULL;
        return error_no_memory(err);
    }
    (void)unlink(incoming); /* of a process that was killed */
    rc = fetch(m, fd, path, incoming, &p, err);
    if (rc == 0)
        rc = replace(m, incoming, path, s.follows && is_kin(&s.of, &p), ret,
                     err);
    (void)unlink(incoming);
    ret->changed = rc == 0;
    return rc;
}

int manifest_adopt(struct manifest *m, const char *path, bool in_use,
                   struct manifest_adopted *ret, struct error *err)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *ret = (struct manifest_adopted){.changed = false};
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "there is no manifest %s", path);
    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", path,
                             strerrordesc_np(errno));
    CLEANUP_FD int lock = manifest_lock_index(m, err);

    if (lock < 0)
        return -1;
    if (adopt(m, fd, path, in_use, ret, err) != 0)
        return -1;
    atomic_store(&m->follows, true);
    return 0;
}

bool manifest_follows(const struct manifest *m)
{
    return atomic_load(&m->follows);
}

int manifest_find_followed(struct manifest *m, struct error *err)
{
    struct standing s;

    if (find_standing(m, &s, err) != 0)
        return -1;
    atomic_store(&m->follows, s.follows);
    return 0;
}
