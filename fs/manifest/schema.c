// SPDX-License-Identifier: MIT
/*
 * The spine is patient > study > series > instance, as in every DICOM index;
 * the primary key is a number of ours and not the SOP Instance UID, which
 * real archives repeat (PS3.5 9 forbids it, nobody enforces it). Columns that
 * cohorts filter by are real columns; the key-value table `attr` is for
 * opt-in extras only.
 *
 * Folders and leaves are AUTOINCREMENT: an id is part of an inode number and
 * must never name something else, even after a row was deleted.
 *
 * prepfs-manifest(5) documents all of it.
 */
#include "manifest/schema.h"

#include <stddef.h>

static const char ddl_spine[] =
    "CREATE TABLE meta(k TEXT PRIMARY KEY,v) WITHOUT ROWID;"
    "CREATE TABLE source(id INTEGER PRIMARY KEY,relpath TEXT NOT NULL UNIQUE,"
    "dev INT,ino INT,size INT,mtime_ns INT,sha256 BLOB,scan_state INT,"
    "scan_error TEXT,vanished INT NOT NULL DEFAULT 0);"
    "CREATE TABLE patient(id INTEGER PRIMARY KEY,pkey TEXT UNIQUE,sex TEXT,"
    "birth_year INT);"
    "CREATE TABLE study(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "uid TEXT UNIQUE NOT NULL,dirname TEXT UNIQUE NOT NULL,patient_id INT,"
    "study_date TEXT,description TEXT,accession TEXT,"
    "mtime_s INT,epoch INT NOT NULL DEFAULT 0);"
    "CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "uid TEXT NOT NULL,study_id INT NOT NULL,dirname TEXT NOT NULL,"
    "modality TEXT,description TEXT,number INT,body_part TEXT,laterality TEXT,"
    "manufacturer TEXT,model TEXT,kvp REAL,kernel TEXT,slice_thickness REAL,"
    "frame_of_ref TEXT,n_instances INT,z_spacing REAL,z_uniform INT,"
    "order_kind TEXT,volume_ok INT,volume_note TEXT,mtime_s INT,"
    "epoch INT NOT NULL DEFAULT 0,dirty INT NOT NULL DEFAULT 1,"
    "volume_id INT,volume_kind INT,volume_first INT,volume_mtime_s INT,"
    "UNIQUE(study_id,uid),UNIQUE(study_id,dirname));"
    "CREATE TABLE instance(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "uid TEXT NOT NULL,fname TEXT,study_id INT NOT NULL,"
    "series_id INT NOT NULL,source_id INT NOT NULL,sop_class TEXT,"
    "transfer_syntax TEXT,instance_number INT,acquisition_number INT,"
    "rows INT,cols INT,frames INT,samples INT,photometric TEXT,"
    "bits_alloc INT,bits_stored INT,pixel_repr INT,slope REAL,intercept REAL,"
    "rescale_type TEXT,wc REAL,ww REAL,n_windows INT,voi_fn TEXT,"
    "px_x REAL,px_y REAL,ipp_x REAL,ipp_y REAL,ipp_z REAL,iop TEXT,"
    "slice_pos REAL,image_type TEXT,view_position TEXT,acq_datetime TEXT,"
    "burned_in INT,lossy INT,pad_value INT,has_pixels INT NOT NULL,"
    "dup_of INT,ord INT,decodable INT,"
    "codec INT,element INT,high_bit INT,planar INT,turned INT,"
    "frames_known INT,pixel_off INT,pixel_len INT,for_key INT,"
    "gone INT NOT NULL DEFAULT 0,unresolved INT NOT NULL DEFAULT 0);";

static const char ddl_derived[] =
    "CREATE TABLE frame_index(instance_id INT,frame INT,off INT,len INT,"
    "PRIMARY KEY(instance_id,frame)) WITHOUT ROWID;"
    "CREATE TABLE attr(instance_id INT,tag INT,idx INT DEFAULT 0,num REAL,"
    "txt TEXT,PRIMARY KEY(instance_id,tag,idx)) WITHOUT ROWID;"
    "CREATE TABLE view(id INTEGER PRIMARY KEY,canonical TEXT UNIQUE NOT NULL,"
    "dirname TEXT UNIQUE NOT NULL,grammar INT,preset TEXT,size_known INT,"
    "first_used TEXT);"
    "CREATE TABLE alias(name TEXT PRIMARY KEY,view_id INT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE output(view_id INT,object_kind INT NOT NULL DEFAULT 0,"
    "instance_id INT,part INT DEFAULT 0,fmt INT DEFAULT 0,engine INT NOT NULL,"
    "width INT,height INT,channels INT,num_frames INT,dtype TEXT,bytes INT,"
    "crop_x INT,crop_y INT,crop_w INT,crop_h INT,scale_x REAL,scale_y REAL,"
    "pad_l INT,pad_t INT,pad_r INT,pad_b INT,vmin REAL,vmax REAL,vmean REAL,"
    "vstd REAL,xxh64 INT,rendered_at TEXT,strips BLOB,"
    "PRIMARY KEY(view_id,instance_id,part,fmt)) WITHOUT ROWID;"
    "CREATE TABLE fact(instance_id INT,prefix TEXT,engine INT NOT NULL,"
    "crop_x INT,crop_y INT,crop_w INT,crop_h INT,vmin REAL,vmax REAL,"
    "PRIMARY KEY(instance_id,prefix)) WITHOUT ROWID;"
    "CREATE TABLE error(source_id INT,view_id INT,stage TEXT,instance_id INT,"
    "errno INT,message TEXT,at TEXT,PRIMARY KEY(source_id,view_id,stage))"
    " WITHOUT ROWID;"
    "CREATE TABLE label(instance_id INT,series_id INT,study_id INT,"
    "name TEXT NOT NULL,value,split TEXT);"
    "CREATE TABLE roi(table_name TEXT,series_uid TEXT,n INT,x REAL,y REAL,"
    "z REAL,dx REAL,dy REAL,dz REAL,label TEXT,"
    "PRIMARY KEY(table_name,series_uid,n)) WITHOUT ROWID;";

/* What a folder lists: LISTED is the same text as in statements.c, since the
 * planner uses a partial index only for a query that repeats its condition.
 * The columns of the condition are in the index as well, because SQLite tests
 * them again and would fetch every row for that. */
#define LISTED "has_pixels=1 AND dup_of IS NULL AND gone=0"

/* The last manifests of version 1 have it. */
#define DDL_GONE_INDEX                                                         \
    "CREATE INDEX IF NOT EXISTS instance_gone_study ON instance(study_id)"     \
    " WHERE gone<>0;"

#define DDL_VOLUME_INDEX                                                       \
    "CREATE UNIQUE INDEX series_volume ON series(volume_id)"                   \
    " WHERE volume_id IS NOT NULL;"                                            \
    "CREATE INDEX series_study_volume ON series(study_id,volume_id)"           \
    " WHERE volume_id IS NOT NULL;"

static const char ddl_indexes[] =
    "CREATE INDEX source_inode ON source(ino,dev);"
    "CREATE INDEX instance_uid ON instance(uid,study_id);"
    "CREATE INDEX instance_fname ON instance(fname) WHERE fname IS NOT NULL;"
    "CREATE INDEX instance_series_ord ON instance(series_id,ord);"
    "CREATE INDEX instance_source ON instance(source_id);"
    "CREATE INDEX instance_listed_study ON"
    " instance(study_id,has_pixels,dup_of,gone) WHERE " LISTED ";"
    "CREATE INDEX instance_listed_series ON"
    " instance(series_id,has_pixels,dup_of,gone) WHERE " LISTED ";"
    "CREATE INDEX instance_unresolved ON instance(study_id,uid)"
    " WHERE unresolved=1;"
    "CREATE INDEX instance_dup ON instance(dup_of) WHERE dup_of IS NOT NULL;"
    "CREATE INDEX instance_gone ON instance(id) WHERE gone=1;" DDL_GONE_INDEX
    "CREATE INDEX series_study ON series(study_id);"
    "CREATE INDEX series_mod ON series(modality,body_part);"
    "CREATE INDEX series_uid ON series(uid);"
    "CREATE INDEX series_dirty ON series(id) WHERE dirty=1;"
    "CREATE INDEX study_epoch ON study(epoch);" DDL_VOLUME_INDEX;

/* The format that a view lists, as inodes number them, and its extension. */
#define LISTED_FMT                                                             \
    "CASE WHEN instr(v.canonical||'_','list-npy_') THEN 1"                     \
    " WHEN instr(v.canonical||'_','list-nii_') THEN 2"                         \
    " WHEN instr(v.canonical||'_','list-png_') THEN 3"                         \
    " WHEN instr(v.canonical||'_','list-json_') THEN 4 ELSE 0 END"
#define EXTENSION                                                              \
    "'.'||CASE o.fmt WHEN 0 THEN 'tiff' WHEN 1 THEN 'npy' WHEN 2 THEN 'nii'"   \
    " WHEN 3 THEN 'png' ELSE 'json' END"

/* Files of a view that has parts are its parts; `select` is the first of all
 * operators. */
#define HAS_PARTS                                                              \
    "(substr(v.canonical,1,6)='frames' OR instr('_'||v.canonical,'_grid-')"    \
    " OR instr('_'||v.canonical,'_rand-')"                                     \
    " OR instr('_'||v.canonical,'_roi-'))"
#define LISTED_PART "(o.part>0)=(" HAS_PARTS "<>0)"
#define PART                                                                   \
    "CASE WHEN o.part=0 THEN '' WHEN substr(v.canonical,1,6)='frames'"         \
    " THEN printf('.f%05d',o.part) ELSE printf('.p%05d',o.part) END"
#define INODE(object) "(v.id<<46)|(" object "<<21)|(o.part<<4)|o.fmt"

/* The view `manifest` has upstream's columns in upstream's order. */
static const char ddl_manifest[] =
    "CREATE VIEW manifest AS"
    " SELECT st.uid study_instance_uid,se.uid series_instance_uid,"
    "i.uid sop_instance_uid,"
    "v.dirname||'/'||st.dirname||'/'||coalesce(i.fname,i.uid)||" PART
    "||" EXTENSION " path," INODE(
        "i.id") " inode,o.width,o.height,o.channels,o.num_frames,"
                "v.canonical view"
                " FROM output o JOIN view v ON v.id=o.view_id"
                " JOIN instance i ON i.id=o.instance_id"
                " JOIN series se ON se.id=i.series_id JOIN study st ON "
                "st.id=i.study_id"
                " WHERE " LISTED_PART " AND o.fmt=" LISTED_FMT
                " AND o.object_kind=0 AND i.gone=0"
                " AND i.dup_of IS NULL"
                " UNION ALL"
                " SELECT st.uid,se.uid,NULL,"
                "v.dirname||'/'||st.dirname||'/'||se.dirname||" PART
                "||" EXTENSION "," INODE(
                    "se.volume_id") ",o.width,o.height,o.channels,o.num_frames,"
                                    "v.canonical"
                                    " FROM output o JOIN view v ON "
                                    "v.id=o.view_id"
                                    " JOIN series se ON "
                                    "se.volume_id=o.instance_id"
                                    " JOIN study st ON st.id=se.study_id"
                                    " WHERE " LISTED_PART
                                    " AND o.fmt=" LISTED_FMT
                                    " AND o.object_kind=1;";

static const char ddl_cohort[] =
    "CREATE VIEW cohort AS"
    " SELECT st.uid study_uid,se.uid series_uid,i.uid sop_uid,"
    "st.dirname||'/'||coalesce(i.fname,i.uid)||'.tiff' rel,"
    "p.pkey,p.sex,p.birth_year,st.study_date,se.modality,se.body_part,"
    "se.description series_description,se.manufacturer,se.model,se.kernel,"
    "se.slice_thickness,se.z_spacing,se.volume_ok,i.*"
    " FROM instance i JOIN series se ON se.id=i.series_id"
    " JOIN study st ON st.id=i.study_id"
    " LEFT JOIN patient p ON p.id=st.patient_id"
    " WHERE i.dup_of IS NULL AND i.has_pixels=1 AND i.gone=0;";

int schema_check(struct db *db, struct error *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;

    if (db_int(db, "PRAGMA application_id", 0, &application, err) != 0 ||
        db_int(db, "PRAGMA user_version", 0, &version, err) != 0 ||
        db_int(db, "SELECT count(*) FROM sqlite_master", 0, &objects, err) != 0)
        return -1;
    if (application == 0 && objects == 0)
        return 1;
    if (application != SCHEMA_APPLICATION_ID)
        return error_set(err, ERROR_USAGE,
                         "manifest.db is not a manifest of prepfs");
    if (version > SCHEMA_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "manifest.db was made by a newer prepfs (schema %lld,"
                         " this one knows %d)",
                         (long long)version, SCHEMA_VERSION);
    /* Touches the root page of each table that the daemon cannot do without,
     * so that a file cut short is noticed here and not at the first read. */
    int64_t ignored = 0;
    static const char *const probes[] = {
        "SELECT max(id) FROM instance", "SELECT max(id) FROM series",
        "SELECT max(id) FROM study",    "SELECT max(id) FROM source",
        "SELECT max(id) FROM view",     "SELECT count(*) FROM meta",
    };

    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        if (db_int(db, probes[i], 0, &ignored, err) != 0)
            return -1;
    return 0;
}

static const char ddl_from_1[] =
    "ALTER TABLE series ADD COLUMN volume_id INT;"
    "ALTER TABLE series ADD COLUMN volume_kind INT;"
    "ALTER TABLE series ADD COLUMN volume_first INT;"
    "ALTER TABLE series ADD COLUMN volume_mtime_s INT;"
    "UPDATE series SET dirty=1;"
    "DELETE FROM output WHERE object_kind=1;"
    "DROP VIEW manifest;" DDL_GONE_INDEX DDL_VOLUME_INDEX;

int schema_upgrade(struct db *db, struct error *err)
{
    int64_t version = 0;

    if (db_exec(db, "BEGIN IMMEDIATE", err) != 0)
        return -1;
    /* Another process may have been faster. */
    if (db_int(db, "PRAGMA user_version", 0, &version, err) != 0)
        goto fail;
    if (version >= SCHEMA_VERSION)
        return db_exec(db, "COMMIT", err);
    if (db_exec(db, ddl_from_1, err) == 0 &&
        db_exec(db, ddl_manifest, err) == 0 &&
        db_exec(db, "PRAGMA user_version=2;COMMIT", err) == 0)
        return 0;
fail:
    (void)db_exec(db, "ROLLBACK", NULL);
    /* Every manifest of that version takes it: this is none. */
    if (err && err->kind == ERROR_INTERNAL)
        err->kind = ERROR_CORRUPT;
    return -1;
}

int schema_create(struct db *db, struct error *err)
{
    const char *const parts[] = {ddl_spine, ddl_derived, ddl_indexes,
                                 ddl_manifest, ddl_cohort};
    int64_t objects = 0;

    if (db_exec(db, "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE", err) != 0)
        return -1;
    /* Another process may have been faster. */
    if (db_int(db, "SELECT count(*) FROM sqlite_master", 0, &objects, err) != 0)
        goto fail;
    if (objects > 0)
        return db_exec(db, "COMMIT", err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (db_exec(db, parts[i], err) != 0)
            goto fail;
    char pragmas[96];

    (void)sqlite3_snprintf(sizeof pragmas, pragmas,
                           "PRAGMA application_id=%d; PRAGMA user_version=%d;"
                           "COMMIT",
                           SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
    if (db_exec(db, pragmas, err) == 0)
        return 0;
fail:
    (void)db_exec(db, "ROLLBACK", NULL);
    return -1;
}
