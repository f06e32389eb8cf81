// SPDX-License-Identifier: MIT
/*
 * manifest_cohort.c: see manifest_cohort.h.
 *
 * All of an evaluation sees one commit: it runs in one read transaction of a
 * connection of its own, which is closed after it. The new set is built
 * beside the old one and takes its place at once.
 */
#include "manifest/manifest_cohort.h"

#include <stdio.h>
#include <string.h>

#include "manifest/cohort_sql.h"
#include "manifest/ids.h"
#include "manifest/manifest_impl.h"

#define SECONDS 60

#define LISTED "has_pixels=1 AND dup_of IS NULL AND gone=0"
#define NOT_BURNED_IN "burned_in IS NOT 1"

/* Without an expression: objects without pixels stay, and so do the numbers of
 * copies. */
static const char all_but_burned_in[] =
    "SELECT id,study_id,series_id FROM instance WHERE gone=0 "
    "AND " NOT_BURNED_IN;

/* Volumes of series of which every image is shown. */
static const char whole_volumes[] =
    "SELECT volume_id FROM series se WHERE volume_id IS NOT NULL"
    " AND shown_series(id) AND NOT EXISTS(SELECT 1 FROM instance i"
    " INDEXED BY instance_listed_series WHERE i.series_id=se.id"
    " AND " LISTED " AND NOT shown(i.id))";

struct evaluation {
    struct manifest *m;
    const struct manifest_cohort *cohort;
    struct cohort_limit limit;
    struct db db; /* db.shown: the set in the making */
    struct shown *old;
};

/* ---- the set ---- */

static int add_row(struct evaluation *e, sqlite3_stmt *st, struct error *err)
{
    struct shown *set = e->db.shown;
    int64_t id = db_column_int(st, 0, 0);
    int64_t study_id = db_column_int(st, 1, 0);

    if (shown_add(set, SHOWN_OBJECT, id, err) != 0 ||
        shown_add(set, SHOWN_STUDY, study_id, err) != 0 ||
        shown_add(set, SHOWN_SERIES, db_column_int(st, 2, 0), err) != 0)
        return -1;
    if (shown_has(e->old, SHOWN_OBJECT, id))
        return 0;
    return shown_add(set, SHOWN_MOVED, study_id, err);
}

static int add_rows(struct evaluation *e, sqlite3_stmt *st, struct error *err)
{
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        if (add_row(e, st, err) != 0)
            return -1;
    return rc == SQLITE_DONE ? 0 : cohort_sql_failed(&e->db, &e->limit, err);
}

static int add_where(struct evaluation *e, struct error *err)
{
    const char *and = e->cohort->hide_burned_in ? " AND " NOT_BURNED_IN : "";
    sqlite3_stmt *st =
        cohort_sql_begin(&e->db, e->cohort->where, and, &e->limit, err);

    if (!st)
        return -1;
    int rc = add_rows(e, st, err);

    cohort_sql_end(&e->db, st);
    return rc;
}

static sqlite3_stmt *prepare(struct db *db, const char *sql, struct error *err)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) != SQLITE_OK)
        (void)db_fail(db, err);
    return st;
}

static int add_all_but_burned_in(struct evaluation *e, struct error *err)
{
    sqlite3_stmt *st = prepare(&e->db, all_but_burned_in, err);
    int rc = st ? add_rows(e, st, err) : -1;

    (void)sqlite3_finalize(st);
    return rc;
}

static int add_volumes(struct evaluation *e, struct error *err)
{
    sqlite3_stmt *st = prepare(&e->db, whole_volumes, err);
    int rc = st ? 1 : -1;

    while (rc > 0 && (rc = db_step(&e->db, st, err)) > 0)
        if (shown_add(e->db.shown, SHOWN_OBJECT, db_column_int(st, 0, 0),
                      err) != 0)
            rc = -1;
    (void)sqlite3_finalize(st);
    return rc;
}

/* ---- what is not shown any more ---- */

static int add_moved_from(struct evaluation *e, sqlite3_stmt *study_of,
                          int64_t id, struct error *err)
{
    (void)sqlite3_reset(study_of);
    db_bind_int(study_of, 1, id);
    int rc = db_step(&e->db, study_of, err);

    if (rc <= 0) /* a volume, which goes with its images */
        return rc;
    return shown_add(e->db.shown, SHOWN_MOVED, db_column_int(study_of, 0, 0),
                     err);
}

static int add_moved(struct evaluation *e, struct error *err)
{
    int64_t id = 0;
    int rc = 0;

    if (!e->old)
        return 0;
    sqlite3_stmt *study_of =
        prepare(&e->db, "SELECT study_id FROM instance WHERE id=?1", err);

    if (!study_of)
        return -1;
    while (rc == 0 &&
           (id = shown_next(e->old, e->db.shown, SHOWN_OBJECT, id)) > 0)
        rc = add_moved_from(e, study_of, id, err);
    (void)sqlite3_finalize(study_of);
    return rc;
}

/* Moves of the last set that nobody was told of yet stay moves. */
static int keep_moves(struct evaluation *e, struct error *err)
{
    int64_t id = 0;

    while (e->old && (id = shown_next(e->old, NULL, SHOWN_MOVED, id)) > 0)
        if (shown_add(e->db.shown, SHOWN_MOVED, id, err) != 0)
            return -1;
    return 0;
}

/* ---- all of it ---- */

static int measure(struct evaluation *e, struct manifest_cohort_size *ret,
                   struct error *err)
{
    int64_t all = 0, images = 0, burned_in = 0;

    if (db_int(&e->db, "SELECT count(*) FROM instance WHERE " LISTED, 0, &all,
               err) != 0 ||
        db_int(&e->db,
               "SELECT count(*) FROM instance WHERE " LISTED " AND shown(id)",
               0, &images, err) != 0)
        return -1;
    if (e->cohort->hide_burned_in &&
        db_int(&e->db,
               "SELECT count(*) FROM instance WHERE " LISTED " AND burned_in=1",
               0, &burned_in, err) != 0)
        return -1;
    *ret = (struct manifest_cohort_size){
        .images = (uint64_t)images,
        .hidden = (uint64_t)(all - images),
        .burned_in = (uint64_t)burned_in,
    };
    return 0;
}

static int evaluate(struct evaluation *e, struct manifest_cohort_size *ret,
                    struct error *err)
{
    int rc = db_exec(&e->db, "BEGIN", err);

    if (rc == 0)
        rc = e->cohort->where ? add_where(e, err)
                              : add_all_but_burned_in(e, err);
    if (rc == 0 && add_volumes(e, err) == 0 && add_moved(e, err) == 0 &&
        measure(e, ret, err) == 0)
        return 0;
    return -1;
}

static void publish(struct evaluation *e, bool moved)
{
    struct manifest *m = e->m;
    struct shown *old;

    lock_acquire(&m->lock);
    old = m->shown;
    m->shown = STEAL(e->db.shown);
    m->moves_told = m->moves_told && !moved;
    m->totals_epoch = -1;
    lock_release(&m->lock);
    shown_unref(old);
}

/* The connection's set, which is what is shown now, becomes the old one, and
 * an empty one takes its place. */
static int begin(struct evaluation *e, struct error *err)
{
    struct shown *set = shown_new(!e->cohort->where, err);

    if (!set)
        return -1;
    if (manifest_open_reader(e->m, &e->db, err) != 0) {
        shown_unref(set);
        return -1;
    }
    e->old = e->db.shown;
    e->db.shown = set;
    return 0;
}

int manifest_cohort_apply(struct manifest *m,
                          const struct manifest_cohort *cohort,
                          struct manifest_cohort_size *ret, struct error *err)
{
    unsigned seconds = cohort->seconds ? cohort->seconds : SECONDS;
    struct evaluation e = {
        .m = m,
        .cohort = cohort,
        .limit = {.until_s = cohort_sql_now() + seconds,
                  .seconds = seconds,
                  .cancel = cohort->cancel},
    };
    bool moved, told;
    int rc;

    *ret = (struct manifest_cohort_size){0};
    if (begin(&e, err) != 0)
        return manifest_failed(m, err);
    lock_acquire(&m->lock);
    told = m->moves_told;
    lock_release(&m->lock);
    rc = evaluate(&e, ret, err);
    moved = shown_next(e.db.shown, NULL, SHOWN_MOVED, 0) > 0 || !e.old;
    if (rc == 0 && !told)
        rc = keep_moves(&e, err);
    if (rc == 0)
        publish(&e, moved);
    shown_unref(e.old);
    db_close(&e.db);
    return rc == 0 ? moved : manifest_failed(m, err);
}

void manifest_cohort_name(const struct manifest_cohort *cohort,
                          char ret[MANIFEST_COHORT_NAME_SIZE])
{
    const char *where = cohort->where ? cohort->where : "1";
    uint8_t digest[IDS_SHA256];
    char hex[17];

    ids_sha256(where, strlen(where), digest);
    ids_hex(digest, 8, hex);
    (void)snprintf(ret, MANIFEST_COHORT_NAME_SIZE, "cohort-%s%s.db", hex,
                   cohort->hide_burned_in ? "-h" : "");
}

bool manifest_cohort_moved(struct manifest *m)
{
    bool moved;

    lock_acquire(&m->lock);
    moved = m->shown && !m->moves_told &&
            shown_next(m->shown, NULL, SHOWN_MOVED, 0) > 0;
    lock_release(&m->lock);
    return moved;
}

void manifest_cohort_told(struct manifest *m)
{
    lock_acquire(&m->lock);
    m->moves_told = true;
    lock_release(&m->lock);
}
