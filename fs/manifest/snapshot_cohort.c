// SPDX-License-Identifier: MIT
/*
 * A snapshot of a cohort: a new database with the rows that are shown. They
 * are copied rather than the others deleted, so that no page of the file has
 * ever held what it leaves out.
 *
 * Tables that others have added are not copied: nobody can know what of them
 * belongs to whom.
 */
#include "manifest/manifest_impl.h"
#include "manifest/schema.h"

/* Of a source: when one of its objects is shown, or it has none. */
#define SOURCE_IS_SHOWN(id)                                                    \
    "coalesce((SELECT max(shown(x.id)) FROM live.instance x"                   \
    " INDEXED BY instance_source WHERE x.source_id=" id                        \
    " AND x.gone=0),shown_rest())"

static const struct {
    const char *table, *where;
} copies[] = {
    {"meta", "t.k<>'totals'"}, /* those of all */
    {"source", SOURCE_IS_SHOWN("t.id")},
    {"patient", "t.id IN (SELECT patient_id FROM live.study"
                " WHERE shown_study(id))"},
    {"study", "shown_study(t.id)"},
    {"series", "shown_series(t.id)"},
    {"instance", "shown(t.id)"},
    {"frame_index", "shown(t.instance_id)"},
    {"attr", "shown(t.instance_id)"},
    {"view", "1"},
    {"alias", "1"},
    {"output", "shown(t.instance_id)"},
    {"fact", "shown(t.instance_id)"},
    {"error", SOURCE_IS_SHOWN("t.source_id")},
    {"label", "(t.instance_id IS NULL OR shown(t.instance_id))"
              " AND (t.series_id IS NULL OR shown_series(t.series_id))"
              " AND (t.study_id IS NULL OR shown_study(t.study_id))"},
    {"roi",
     "t.series_uid IN (SELECT uid FROM live.series WHERE shown_series(id)"
     " UNION ALL SELECT uid FROM live.instance WHERE shown(id))"},
};

/* A series of which some images are left has no volume. */
static const char partial_series[] =
    "UPDATE main.series SET volume_id=NULL,volume_kind=NULL,volume_first=NULL,"
    "volume_ok=0,volume_note='not all of its images are in this cohort',"
    "n_instances=(SELECT count(*) FROM main.instance i"
    " WHERE i.series_id=series.id AND i.has_pixels=1 AND i.dup_of IS NULL)"
    " WHERE volume_id IS NOT NULL AND NOT shown(volume_id)";

/* Runs the texts that a query on sqlite_master gives. */
static int make(struct db *db, const char *query, const char *name,
                struct error *err)
{
    sqlite3_stmt *st = NULL;
    int rc = 1;

    if (sqlite3_prepare_v2(db->handle, query, -1, &st, NULL) != SQLITE_OK)
        return db_fail(db, err);
    if (name)
        db_bind_text(st, 1, name);
    while (rc > 0 && (rc = db_step(db, st, err)) > 0)
        if (db_exec(db, db_column_text(st, 0), err) != 0)
            rc = -1;
    (void)sqlite3_finalize(st);
    return rc;
}

static int copy_table(struct db *db, const char *table, const char *where,
                      struct error *err)
{
    CLEANUP_FREE char *sql = NULL;

    if (asprintf(&sql, "INSERT INTO main.%s SELECT t.* FROM live.%s t WHERE %s",
                 table, table, where) < 0) {
        sql = NULL;
        return error_no_memory(err);
    }
    if (make(db,
             "SELECT sql FROM live.sqlite_master WHERE type='table'"
             " AND name=?1",
             table, err) != 0)
        return -1;
    return db_exec(db, sql, err);
}

static int attach(struct db *db, const char *path, struct error *err)
{
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(db->handle, "ATTACH ?1 AS live", -1, &st, NULL) !=
        SQLITE_OK)
        return db_fail(db, err);
    db_bind_text(st, 1, path);
    int rc = db_run(db, st, err);

    (void)sqlite3_finalize(st);
    return rc;
}

/* As the other has it: one version of tables is copied into the same. */
static int copy_version(struct db *db, struct error *err)
{
    int64_t version = 0;
    char pragmas[96];

    if (db_int(db, "PRAGMA live.user_version", 0, &version, err) != 0)
        return -1;
    (void)sqlite3_snprintf(sizeof pragmas, pragmas,
                           "PRAGMA main.application_id=%d;"
                           "PRAGMA main.user_version=%d",
                           SCHEMA_APPLICATION_ID, (int)version);
    return db_exec(db, pragmas, err);
}

static int fill(struct db *db, struct error *err)
{
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
        if (copy_table(db, copies[i].table, copies[i].where, err) != 0)
            return -1;
    if (make(db,
             "SELECT sql FROM live.sqlite_master WHERE type='index'"
             " AND sql IS NOT NULL AND tbl_name IN"
             " (SELECT name FROM main.sqlite_master)",
             NULL, err) != 0 ||
        db_exec(db, partial_series, err) != 0 || copy_version(db, err) != 0)
        return -1;
    return make(db,
                "SELECT sql FROM live.sqlite_master WHERE type='view'"
                " AND name IN ('manifest','cohort')",
                NULL, err);
}

int manifest_snapshot_cohort(struct manifest *m, const char *path,
                             struct error *err)
{
    struct db db;
    int rc;

    if (db_open(&db, path, DB_WRITE, err) != 0)
        return -1;
    manifest_take_shown(m, &db);
    /* Nobody sees the file before it is whole and renamed. */
    rc = shown_functions(db.handle, &db.shown) == SQLITE_OK
             ? db_exec(&db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF",
                       err)
             : db_fail(&db, err);
    if (rc == 0)
        rc = attach(&db, m->path, err);
    if (rc == 0)
        rc = db_exec(&db, "BEGIN", err);
    if (rc == 0)
        rc = fill(&db, err);
    if (rc == 0)
        rc = db_exec(&db,
                     "COMMIT; DETACH live; PRAGMA analysis_limit=400; ANALYZE",
                     err);
    db_close(&db);
    return rc;
}
