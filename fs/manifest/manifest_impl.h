// SPDX-License-Identifier: MIT
/*
 * manifest_impl.h: struct manifest, private to fs/manifest.
 *
 * A connection is a token: whoever took it out of the pool owns it until it
 * is given back, so SQLite never runs under one of our locks.
 */
#ifndef MANIFEST_IMPL_H
#define MANIFEST_IMPL_H

#include <stdatomic.h>

#include "manifest/db.h"
#include "manifest/manifest.h"
#include "prepfs/lock.h"

#define MANIFEST_READERS 12 /* connections; more readers wait */

#define MANIFEST_SALT_SIZE 32

struct overlay_view { /* views of a read-only manifest */
    uint16_t id;
    char *canonical;
};

/* Lock order: none is taken while another is held. */
struct manifest {
    char *state_dir; /* immutable after open, as is the rest up to `lock` */
    char *path;
    char *set_aside; /* may be NULL */
    enum manifest_mode mode;
    enum db_access read_access;
    int use_fd; /* shared lock on STATE/lock, -1 on read-only media */
    uint8_t salt[MANIFEST_SALT_SIZE];

    unsigned patience_ms;        /* of notes; 0: wait as others do */
    _Atomic int64_t notes_after; /* none before, ms of CLOCK_MONOTONIC */

    atomic_bool suspect; /* a statement met a damaged page */
    atomic_bool follows; /* a published manifest: manifest_publish.h */

    struct lock lock; /* the fields below */
    pthread_cond_t reader_back;
    pthread_cond_t writer_back;
    struct db *idle[MANIFEST_READERS];
    unsigned n_idle;
    unsigned n_readers; /* open or being opened */
    struct db *writer;  /* NULL while it is out, or in read-only mode */
    struct overlay_view *overlay;
    unsigned n_overlay;
    struct shown *shown;  /* NULL: everything; manifest_cohort.h */
    bool moves_told;      /* those of `shown`: manifest_cohort_told */
    int64_t totals_epoch; /* of `totals`; -1: none yet */
    struct manifest_totals totals;
    int64_t recount_ms; /* they are good enough until then */
};

/* Takes a read connection, waiting for one if all are out. NULL on error. */
struct db *manifest_reader(struct manifest *m, struct error *err);
void manifest_reader_put(struct manifest *m, struct db *db);

/* Takes the writer; NULL with ERROR_IO/EROFS in read-only mode. */
struct db *manifest_writer(struct manifest *m, struct error *err);
void manifest_writer_put(struct manifest *m, struct db *db);

/* The same for what can be found out again (manifest_set_patience):
 * ERROR_IO/EBUSY if that would take too long. After it, manifest_begin_note. */
struct db *manifest_note_writer(struct manifest *m, struct error *err);
int manifest_begin_note(struct manifest *m, struct db *db, struct error *err);

/* Another read connection, for long jobs. Close with db_close. */
int manifest_open_reader(struct manifest *m, struct db *ret, struct error *err);

/* Does it show a part of the archive only? What a connection shows, shown.h. */
bool manifest_is_cohort(struct manifest *m);
void manifest_take_shown(struct manifest *m, struct db *db);

/* manifest_snapshot of a cohort, to a path where there is nothing. */
int manifest_snapshot_cohort(struct manifest *m, const char *path,
                             struct error *err);

/* A compact copy of one commit, to a path where there is nothing. */
int manifest_vacuum_into(struct manifest *m, const char *path,
                         struct error *err);

/* Looks at every page: ERROR_CORRUPT. */
int manifest_check_pages(struct db *db, struct error *err);

/* At open: finds out whether this manifest follows a published one. */
int manifest_find_followed(struct manifest *m, struct error *err);

/* manifest_index_lock, also of one that follows. */
int manifest_lock_index(struct manifest *m, struct error *err);

/* Call with every error of a connection: remembers damage, so that the next
 * open for writing looks closely. Returns -1. */
int manifest_failed(struct manifest *m, const struct error *err);

/* A transaction on the writer. `end` commits if rc is 0, else rolls back;
 * returns rc, or -1 if the commit fails. */
int manifest_begin(struct db *db, struct error *err);
int manifest_end(struct db *db, int rc, struct error *err);

/* Binds, steps and reads one statement; what it returns is passed on. */
typedef int (*manifest_query_fn)(struct db *db, sqlite3_stmt *statement,
                                 void *opaque, struct error *err);

/* Runs `query` with a statement of a read connection. */
int manifest_query(struct manifest *m, enum sql which, manifest_query_fn query,
                   void *opaque, struct error *err);

/* The same with the writer, in a transaction of its own, of a note. */
int manifest_update(struct manifest *m, enum sql which, manifest_query_fn query,
                    void *opaque, struct error *err);

/* Reads the columns of an INSTANCE statement; *ret owns its relpath. */
int manifest_instance_load(sqlite3_stmt *statement,
                           struct manifest_instance *ret, struct error *err);

/* The same of a VOLUME_ROW statement, which has three columns more. */
#define MANIFEST_INSTANCE_COLUMNS 33
#define MANIFEST_VOLUME_COLUMNS 36
int manifest_volume_load(sqlite3_stmt *statement, struct manifest_instance *ret,
                         struct error *err);

/* manifest_source_find with SQL_SOURCE_BY_PATH of a connection at hand. */
struct manifest_source;
int manifest_source_read(struct db *db, sqlite3_stmt *statement,
                         const char *relpath, struct manifest_source *ret,
                         struct error *err);
/* The same by id, with SQL_SOURCE_BY_ID; relpath is malloc'd. */
int manifest_source_read_id(struct db *db, sqlite3_stmt *statement, int64_t id,
                            struct manifest_source *ret, struct error *err);

/* manifest_output_get on a connection at hand. */
int manifest_output_read(struct db *db, const struct manifest_leaves *leaves,
                         int64_t object_id, uint32_t part,
                         struct manifest_output *ret, struct error *err);

/* Totals on the writer, in a transaction: leaves those of this epoch for
 * manifest_totals, counting if need be; or says that what was true of epoch
 * `from` is so of `to`. */
int manifest_totals_store(struct db *db, struct error *err);
int manifest_totals_keep(struct db *db, int64_t from, int64_t to,
                         struct error *err);

/* The name of a view's folder (grammar 1.6): the text, or a hash of it if it
 * is longer than MANIFEST_DIRNAME_MAX. `ret` may be `canonical`. */
#define MANIFEST_DIRNAME_MAX 200
void manifest_view_dirname(const char *canonical, char *ret);

/* Names of types in `output.dtype` and of `instance.photometric`. */
const char *manifest_dtype_name(enum sample_type type);
enum sample_type manifest_dtype_parse(const char *name);

const char *manifest_photometric_name(enum decode_photometric photometric);
enum decode_photometric manifest_photometric_parse(const char *name);

/* Who pages asks for what comes after the last row. A damaged index may give
 * rows in another order, and then there would be no end to it: ERROR_CORRUPT
 * if `id` is not above *last, which becomes it. */
int manifest_check_rising(int64_t id, int64_t *last, struct error *err)
    __attribute__((warn_unused_result));

#endif
