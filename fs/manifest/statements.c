// SPDX-License-Identifier: MIT
#include "manifest/statements.h"

/* The same text as in schema.c, see there. */
#define LISTED(t) t "has_pixels=1 AND " t "dup_of IS NULL AND " t "gone=0"

/* And this mount shows it: shown.h. A function of the rowid alone, so that it
 * is asked before any row is fetched. */
#define SHOWN(t) LISTED(t) " AND shown(" t "id)"

/* In the order that manifest_instance_load expects. CROSS JOIN fixes the
 * order of the loops: whatever statistics ANALYZE has left, the row of the
 * instance is found first and the rest by primary key. */
#define INSTANCE_DESC                                                          \
    "i.codec,i.photometric,i.element,i.rows,i.cols,i.samples,i.bits_alloc,"    \
    "i.bits_stored,i.high_bit,i.pixel_repr,i.planar"
#define INSTANCE_REST                                                          \
    "i.frames_known,i.decodable,i.px_x,i.px_y,i.turned,i.has_pixels,i.gone,"   \
    "i.pixel_off,i.pixel_len,s.relpath,s.dev,s.ino,s.size,s.mtime_ns"
#define INSTANCE_COLUMNS                                                       \
    "i.id,i.study_id,i.series_id,i.source_id,coalesce(i.fname,i.uid),"         \
    "st.dirname,se.dirname," INSTANCE_DESC ",i.frames," INSTANCE_REST
#define INSTANCE "SELECT " INSTANCE_COLUMNS " FROM instance i "
#define INSTANCE_JOIN                                                          \
    " CROSS JOIN study st ON st.id=i.study_id"                                 \
    " CROSS JOIN series se ON se.id=i.series_id"                               \
    " CROSS JOIN source s ON s.id=i.source_id "

/* A volume as an object: its first slice, under its own number and name, with
 * as many frames as it has slices. A series of one object is that object. */
#define VOLUME_COLUMNS                                                         \
    "se.volume_id,i.study_id,i.series_id,i.source_id,se.dirname,"              \
    "st.dirname,se.dirname," INSTANCE_DESC ",CASE WHEN se.n_instances=1"       \
    " THEN i.frames ELSE se.n_instances END," INSTANCE_REST ","                \
    "se.n_instances,se.z_spacing,se.volume_mtime_s"
#define VOLUME_ROW "SELECT " VOLUME_COLUMNS " FROM series se "
#define VOLUME_JOIN                                                            \
    " CROSS JOIN instance i ON i.id=se.volume_first"                           \
    " CROSS JOIN study st ON st.id=se.study_id"                                \
    " CROSS JOIN source s ON s.id=i.source_id "

#define STUDY_HAS_ENTRY                                                        \
    "shown_study(st.id) AND EXISTS(SELECT 1 FROM instance i INDEXED BY "       \
    "instance_listed_study"                                                    \
    " WHERE i.study_id=st.id AND " SHOWN("i.") ")"
#define SERIES_HAS_ENTRY                                                       \
    "shown_series(se.id) AND EXISTS(SELECT 1 FROM instance i INDEXED BY "      \
    "instance_listed_series"                                                   \
    " WHERE i.series_id=se.id AND " SHOWN("i.") ")"

/* Whose findings those of an object are: its own, or an image's series'. */
#define ROI_COLUMNS "n,x,y,z,dx,dy,dz"
#define ROI_OF_INSTANCE                                                        \
    "FROM roi WHERE table_name=?1 AND series_uid=(SELECT CASE WHEN EXISTS("    \
    "SELECT 1 FROM roi r WHERE r.table_name=?1 AND r.series_uid=i.uid)"        \
    " THEN i.uid ELSE se.uid END FROM instance i"                              \
    " CROSS JOIN series se ON se.id=i.series_id WHERE i.id=?2) "
#define ROI_OF_SERIES                                                          \
    "FROM roi WHERE table_name=?1"                                             \
    " AND series_uid=(SELECT uid FROM series WHERE id=?2) "
#define ROI_UIDS "(SELECT series_uid FROM roi WHERE table_name=?1)"

/* Of a file: when one of its objects is, or it has none. */
#define ERROR_IS_SHOWN                                                         \
    "coalesce((SELECT max(shown(x.id)) FROM instance x"                        \
    " INDEXED BY instance_source WHERE x.source_id=e.source_id"                \
    " AND x.gone=0),shown_rest())"

#define OUTPUT_COLUMNS                                                         \
    "object_kind,width,height,channels,num_frames,dtype,bytes,crop_x,crop_y,"  \
    "crop_w,crop_h,scale_x,scale_y,pad_l,pad_t,pad_r,pad_b,vmin,vmax,vmean,"   \
    "vstd"

#define NOW "strftime('%Y-%m-%dT%H:%M:%SZ','now')"

#define TOTALS_REST                                                            \
    ",(SELECT count(*) FROM instance INDEXED BY instance_listed_study "        \
    "WHERE " SHOWN(                                                            \
        "") "),"                                                               \
            "(SELECT count(*) FROM study st WHERE " STUDY_HAS_ENTRY "),"       \
            "(SELECT count(*) FROM series se WHERE " SERIES_HAS_ENTRY ")"      \
            " FROM (SELECT count(*) n,cast(total(size) AS INT) bytes"          \
            " FROM source WHERE vanished=0) s"

static const char *const texts[SQL_COUNT] = {
    [SQL_EPOCH] = "SELECT v FROM meta WHERE k='epoch'",
    [SQL_INSTANCE_BY_ID] =
        INSTANCE INSTANCE_JOIN "WHERE i.id=?1 AND shown(i.id)",
    [SQL_INSTANCE_BY_UID] =
        INSTANCE "INDEXED BY instance_uid" INSTANCE_JOIN
                 "WHERE i.uid=?1 AND i.study_id=?2 AND i.fname IS NULL"
                 " AND i.dup_of IS NULL AND i.gone=0 AND shown(i.id) LIMIT 1",
    [SQL_INSTANCE_BY_FNAME] =
        INSTANCE "INDEXED BY instance_fname" INSTANCE_JOIN
                 "WHERE i.fname=?1 AND i.study_id=?2"
                 " AND i.dup_of IS NULL AND i.gone=0 AND shown(i.id) LIMIT 1",
    [SQL_STUDY_BY_NAME] = "SELECT id,dirname,mtime_s FROM study"
                          " WHERE dirname=?1 AND shown_study(id)",
    [SQL_STUDY_BY_ID] = "SELECT id,dirname,mtime_s FROM study WHERE id=?1"
                        " AND shown_study(id)",
    [SQL_SERIES_BY_NAME] = "SELECT id,dirname,mtime_s FROM series"
                           " WHERE study_id=?1 AND dirname=?2"
                           " AND shown_series(id)",
    [SQL_SERIES_BY_ID] = "SELECT id,dirname,mtime_s,study_id FROM series"
                         " WHERE id=?1 AND shown_series(id)",
    [SQL_LIST_STUDIES] =
        "SELECT st.id,st.dirname,st.mtime_s FROM study st"
        " WHERE st.id>?1 AND " STUDY_HAS_ENTRY " ORDER BY st.id LIMIT ?2",
    [SQL_LIST_SERIES] = "SELECT se.id,se.dirname,se.mtime_s FROM series se"
                        " INDEXED BY series_study"
                        " WHERE se.study_id=?1 AND se.id>?2"
                        " AND " SERIES_HAS_ENTRY " ORDER BY se.id LIMIT ?3",
    [SQL_LIST_STUDY_INSTANCES] =
        INSTANCE "INDEXED BY instance_listed_study" INSTANCE_JOIN
                 "WHERE i.study_id=?1 AND i.id>?2 AND " SHOWN(
                     "i.") " ORDER BY i.id LIMIT ?3",
    [SQL_LIST_SERIES_INSTANCES] =
        INSTANCE "INDEXED BY instance_listed_series" INSTANCE_JOIN
                 "WHERE i.series_id=?1 AND i.id>?2 AND " SHOWN(
                     "i.") " ORDER BY i.id LIMIT ?3",
    [SQL_LIST_PRESENT] =
        INSTANCE "INDEXED BY instance_listed_study" INSTANCE_JOIN
                 "WHERE i.study_id=?1 AND i.id>?2 AND " LISTED(
                     "i.") " ORDER BY i.id LIMIT ?3",
    [SQL_LIST_GONE] = INSTANCE "INDEXED BY instance_gone_study" INSTANCE_JOIN
                               "WHERE i.study_id=?1 AND i.id>?2 AND i.gone<>0"
                               " ORDER BY i.id LIMIT ?3",
    [SQL_STUDY_NAMES] =
        "SELECT i.id,coalesce(i.fname,i.uid) FROM instance i"
        " INDEXED BY instance_listed_study WHERE i.study_id=?1 AND " SHOWN(
            "i.") " ORDER BY i.id LIMIT ?2",
    [SQL_LIST_CHANGED] = "SELECT id,dirname,mtime_s FROM study"
                         " WHERE id>?1 AND (epoch>?2 OR moved_study(id))"
                         " ORDER BY id LIMIT ?3",
    [SQL_COUNT_STUDIES] = "SELECT count(*) FROM (SELECT 1 FROM study st"
                          " WHERE " STUDY_HAS_ENTRY " LIMIT ?1)",
    [SQL_COUNT_STUDY] = "SELECT count(*) FROM (SELECT 1 FROM instance i"
                        " INDEXED BY instance_listed_study WHERE i.study_id=?1"
                        " AND " SHOWN("i.") " LIMIT ?2)",
    [SQL_COUNT_SERIES] =
        "SELECT count(*) FROM (SELECT 1 FROM instance i"
        " INDEXED BY instance_listed_series WHERE i.series_id=?1"
        " AND " SHOWN("i.") " LIMIT ?2)",
    [SQL_VOLUME] =
        "SELECT n_instances,z_spacing,z_uniform,volume_ok,volume_note,"
        "volume_kind,id FROM series INDEXED BY series_volume"
        " WHERE volume_id=?1 AND shown(volume_id)",
    [SQL_VOLUME_ROW] =
        VOLUME_ROW "INDEXED BY series_volume" VOLUME_JOIN
                   "WHERE se.volume_id=?1 AND shown(se.volume_id)",
    [SQL_VOLUME_BY_NAME] = VOLUME_ROW VOLUME_JOIN
    "WHERE se.study_id=?1 AND se.dirname=?2 AND se.volume_id IS NOT NULL"
    " AND shown(se.volume_id)",
    [SQL_LIST_VOLUMES] =
        VOLUME_ROW "INDEXED BY series_study_volume" VOLUME_JOIN
                   "WHERE se.study_id=?1 AND se.volume_id>?2"
                   " AND ?3 IN (0,se.id) AND shown(se.volume_id)"
                   " ORDER BY se.volume_id LIMIT ?4",
    [SQL_VOLUME_SLICES] =
        "SELECT i.id,i.ipp_x,i.ipp_y,i.ipp_z,i.instance_number,i.wc,i.ww,"
        "i.voi_fn,s.dev,s.ino,s.size,s.mtime_ns"
        " FROM series se INDEXED BY series_volume"
        " CROSS JOIN instance i INDEXED BY instance_series_ord"
        " ON i.series_id=se.id CROSS JOIN source s ON s.id=i.source_id"
        " WHERE se.volume_id=?1 AND shown(se.volume_id)"
        " AND i.ord IS NOT NULL"
        " AND " LISTED("i.") " ORDER BY i.ord,i.id",
    /* "+": no index that is made for this alone. */
    [SQL_TOTALS] = "SELECT s.n,s.bytes,(SELECT count(*) FROM instance"
                   " WHERE +gone=0 AND shown(id))" TOTALS_REST,
    /* Of an archive of which all is shown: what is there is what is not gone.
     * Counting all rows takes the smallest index, and of those that are gone
     * there is one. */
    [SQL_TOTALS_ALL] =
        "SELECT s.n,s.bytes,"
        "(SELECT count(*) FROM instance)-(SELECT count(*) FROM instance"
        " INDEXED BY instance_gone_study WHERE gone<>0)" TOTALS_REST,
    [SQL_TOTALS_STORED] = "SELECT v FROM meta WHERE k='totals'",
    [SQL_COUNT_ERRORS] =
        "SELECT CASE WHEN shown_all() THEN (SELECT count(*) FROM error)"
        " ELSE (SELECT count(*) FROM error e WHERE " ERROR_IS_SHOWN ") END",
    [SQL_VIEW_BY_TEXT] = "SELECT id FROM view WHERE canonical=?1",
    [SQL_VIEW_BY_ID] = "SELECT canonical FROM view WHERE id=?1",
    [SQL_VIEW_BY_DIRNAME] = "SELECT id,canonical FROM view WHERE dirname=?1",
    [SQL_VIEWS] = "SELECT id,canonical FROM view ORDER BY id",
    [SQL_FACT_GET] = "SELECT crop_x,crop_y,crop_w,crop_h,vmin,vmax FROM fact"
                     " WHERE instance_id=?1 AND prefix=?2 AND engine=?3",
    [SQL_OUTPUT_GET] = "SELECT " OUTPUT_COLUMNS ",strips FROM output"
                       " WHERE view_id=?1 AND instance_id=?2 AND part=?3"
                       " AND fmt=?4 AND engine=?5",
    /* Rows that were made without pixels have no box. */
    [SQL_OUTPUT_ANY] = "SELECT " OUTPUT_COLUMNS ",NULL FROM output"
                       " WHERE view_id=?1 AND instance_id=?2 AND engine=?5"
                       " AND crop_w IS NOT NULL AND ?3=0 AND ?4=0 LIMIT 1",
    [SQL_UNKNOWN_OUTPUTS] =
        INSTANCE "NOT INDEXED" INSTANCE_JOIN "WHERE i.id>?2 AND " SHOWN(
            "i.") " AND NOT EXISTS(SELECT 1 FROM output o WHERE o.view_id=?1"
                  " AND o.instance_id=i.id AND o.part=?6 AND o.fmt=?5"
                  " AND o.engine=?4)"
                  " ORDER BY i.id LIMIT ?3",
    [SQL_UNKNOWN_VOLUMES] = VOLUME_ROW
    "INDEXED BY series_volume" VOLUME_JOIN "WHERE se.volume_id>?2"
    " AND shown(se.volume_id) AND NOT EXISTS(SELECT 1 FROM output o WHERE "
    "o.view_id=?1"
    " AND o.instance_id=se.volume_id AND o.part=?6 AND o.fmt=?5"
    " AND o.engine=?4) ORDER BY se.volume_id LIMIT ?3",
    [SQL_OUTPUT_LAST_PART] =
        "SELECT coalesce(max(part),0) FROM output WHERE view_id=?1"
        " AND instance_id=?2 AND fmt=?3 AND engine=?4",
    [SQL_FRAMES_GET] = "SELECT off,len FROM frame_index WHERE instance_id=?1"
                       " ORDER BY frame",
    [SQL_IMAGE_OF_UID] =
        "SELECT id FROM instance INDEXED BY instance_uid WHERE uid=?1"
        " AND gone=0 AND dup_of IS NULL AND has_pixels=1 AND shown(id)"
        " LIMIT 1",
    [SQL_ERROR_GET] = "SELECT message FROM error WHERE source_id=?1"
                      " AND view_id IN (?2,0) ORDER BY view_id DESC,at DESC"
                      " LIMIT 1",
    [SQL_ERRORS] =
        "SELECT s.relpath,v.canonical,e.stage,e.errno,e.message,e.at"
        " FROM error e LEFT JOIN source s ON s.id=e.source_id"
        " LEFT JOIN view v ON v.id=e.view_id"
        " WHERE " ERROR_IS_SHOWN " ORDER BY e.source_id,e.view_id,e.stage",
    /* The instance's columns come first, for manifest_instance_load (33). */
    [SQL_CSV] =
        "SELECT " INSTANCE_COLUMNS ","
        "st.uid,se.uid,i.uid,o.width,o.height,o.channels,o.num_frames,o.bytes,"
        "p.pkey,se.modality,se.body_part,i.instance_number,i.ord"
        " FROM study st CROSS JOIN instance i INDEXED BY instance_listed_study"
        " ON i.study_id=st.id AND " SHOWN(
            "i.") " CROSS JOIN series se ON se.id=i.series_id"
                  " CROSS JOIN source s ON s.id=i.source_id"
                  " LEFT JOIN patient p ON p.id=st.patient_id"
                  " LEFT JOIN output o ON o.view_id=?1 AND o.instance_id=i.id"
                  " AND o.part=?4 AND o.fmt=?3 AND o.engine=?2 AND "
                  "o.object_kind=0"
                  " ORDER BY st.uid,i.uid,i.id",
    [SQL_CSV_VOLUMES] =
        "SELECT " VOLUME_COLUMNS ",st.uid,se.uid,NULL,o.width,o.height,"
        "o.channels,o.num_frames,o.bytes,p.pkey,se.modality,se.body_part,NULL,"
        "NULL FROM study st CROSS JOIN series se"
        " INDEXED BY series_study_volume ON se.study_id=st.id"
        " AND se.volume_id IS NOT NULL AND shown(se.volume_id)"
        " CROSS JOIN instance i ON i.id=se.volume_first"
        " CROSS JOIN source s ON s.id=i.source_id"
        " LEFT JOIN patient p ON p.id=st.patient_id"
        " LEFT JOIN output o ON o.view_id=?1 AND o.instance_id=se.volume_id"
        " AND o.part=?4 AND o.fmt=?3 AND o.engine=?2 AND o.object_kind=1"
        " ORDER BY st.uid,se.uid,se.volume_id",

    [SQL_ROI_COUNT_INSTANCE] =
        "SELECT count(*) FROM (SELECT 1 " ROI_OF_INSTANCE "LIMIT ?3)",
    [SQL_ROI_COUNT_SERIES] =
        "SELECT count(*) FROM (SELECT 1 " ROI_OF_SERIES "LIMIT ?3)",
    [SQL_ROI_GET_INSTANCE] = "SELECT " ROI_COLUMNS " " ROI_OF_INSTANCE
                             "ORDER BY n LIMIT 1 OFFSET ?3",
    [SQL_ROI_GET_SERIES] =
        "SELECT " ROI_COLUMNS " " ROI_OF_SERIES "ORDER BY n LIMIT 1 OFFSET ?3",
    [SQL_ROI_LIST] = "SELECT table_name,series_uid," ROI_COLUMNS ",label"
                     " FROM roi WHERE table_name=?1"
                     " ORDER BY table_name,series_uid,n",
    [SQL_ROI_LIST_ALL] = "SELECT table_name,series_uid," ROI_COLUMNS ",label"
                         " FROM roi ORDER BY table_name,series_uid,n",

    [SQL_VIEW_COUNT] = "SELECT count(*),coalesce(max(id),0) FROM view",
    [SQL_VIEW_PUT] = "INSERT INTO view(id,canonical,dirname,grammar,"
                     "first_used) VALUES(?1,?2,?3,1," NOW ")",
    [SQL_FACT_PUT] = "REPLACE INTO fact(instance_id,prefix,engine,crop_x,"
                     "crop_y,crop_w,crop_h,vmin,vmax)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
    [SQL_OUTPUT_PUT] =
        "REPLACE INTO output(view_id,instance_id,part,fmt,engine,object_kind,"
        "width,height,channels,num_frames,dtype,bytes,crop_x,crop_y,crop_w,"
        "crop_h,scale_x,scale_y,pad_l,pad_t,pad_r,pad_b,vmin,vmax,vmean,vstd,"
        "strips,rendered_at) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,"
        "?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27," NOW ")",
    [SQL_FRAMES_DROP] = "DELETE FROM frame_index WHERE instance_id=?1",
    [SQL_FRAMES_PUT] = "INSERT INTO frame_index(instance_id,frame,off,len)"
                       " VALUES(?1,?2,?3,?4)",
    [SQL_ERROR_PUT] =
        "REPLACE INTO error(source_id,view_id,stage,instance_id,errno,"
        "message,at) VALUES(?1,?2,?3,"
        "(SELECT max(id) FROM instance WHERE source_id=?1),?4,?5," NOW ")",

    [SQL_ROI_LAST] = "SELECT coalesce(max(n),0),count(*) FROM roi"
                     " WHERE table_name=?1 AND series_uid=?2",
    [SQL_ROI_DROP] = "DELETE FROM roi WHERE table_name=?1",
    [SQL_ROI_PUT] = "REPLACE INTO roi(table_name,series_uid,n,x,y,z,dx,dy,dz,"
                    "label) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    [SQL_ROI_TOUCH_SERIES] =
        "UPDATE study SET epoch=?2 WHERE id IN (SELECT study_id FROM series"
        " INDEXED BY series_uid WHERE uid IN " ROI_UIDS ")",
    [SQL_ROI_TOUCH_INSTANCES] =
        "UPDATE study SET epoch=?2 WHERE id IN (SELECT study_id FROM instance"
        " INDEXED BY instance_uid WHERE uid IN " ROI_UIDS ")",

    [SQL_META_PUT] = "REPLACE INTO meta(k,v) VALUES(?1,?2)",
    [SQL_EPOCH_NEXT] = "INSERT INTO meta(k,v) VALUES('epoch',1)"
                       " ON CONFLICT(k) DO UPDATE SET v=v+1 RETURNING v",
    [SQL_SOURCE_BY_PATH] = "SELECT id,dev,ino,size,mtime_ns,scan_state,"
                           "vanished,relpath FROM source WHERE relpath=?1",
    [SQL_SOURCE_BY_INODE] = "SELECT id,dev,ino,size,mtime_ns,scan_state,"
                            "vanished,relpath FROM source"
                            " INDEXED BY source_inode WHERE ino=?1 AND dev=?2"
                            " AND id>?3 ORDER BY id LIMIT 1",
    [SQL_SOURCE_BY_ID] = "SELECT id,dev,ino,size,mtime_ns,scan_state,vanished,"
                         "relpath FROM source WHERE id=?1",
    [SQL_SOURCE_PROBLEMS] =
        "SELECT relpath,scan_error FROM source s"
        " WHERE vanished=0 AND scan_error IS NOT NULL AND NOT EXISTS("
        "SELECT 1 FROM instance WHERE source_id=s.id AND has_pixels=1"
        " AND gone=0) ORDER BY id",
    [SQL_SOURCE_HAS_IMAGE] = "SELECT 1 FROM instance WHERE source_id=?1"
                             " AND has_pixels=1 AND gone=0",
    [SQL_SOURCE_LIST] = "SELECT id,dev,ino,size,mtime_ns,scan_state,vanished,"
                        "relpath FROM source WHERE id>?1 AND vanished=0"
                        " ORDER BY id LIMIT ?2",
    [SQL_SOURCE_LAST] = "SELECT coalesce(max(id),0) FROM source",
    [SQL_SOURCE_LIST_BENEATH] =
        "SELECT id,dev,ino,size,mtime_ns,scan_state,vanished,relpath"
        " FROM source WHERE relpath>?1 AND relpath<?2 AND vanished=0"
        " ORDER BY relpath LIMIT ?3",
    [SQL_SOURCE_INSERT] = "INSERT INTO source(relpath,dev,ino,size,mtime_ns,"
                          "scan_state,scan_error)"
                          " VALUES(?1,?2,?3,?4,?5,?6,?7)",
    [SQL_SOURCE_UPDATE] = "UPDATE source SET dev=?2,ino=?3,size=?4,"
                          "mtime_ns=?5,scan_state=?6,scan_error=?7,"
                          "sha256=NULL,vanished=0 WHERE id=?1",
    [SQL_SOURCE_SAME] = "UPDATE source SET dev=?2,vanished=0 WHERE id=?1",
    [SQL_SOURCE_MOVE] = "UPDATE source SET relpath=?2,vanished=0 WHERE id=?1",
    [SQL_SOURCE_VANISH] = "UPDATE source SET vanished=1 WHERE id=?1",
    [SQL_SOURCE_SHA256] = "UPDATE source SET sha256=?2 WHERE id=?1",
    [SQL_ERROR_CLEAR] = "DELETE FROM error WHERE source_id=?1",
    [SQL_PATIENT_BY_KEY] = "SELECT id FROM patient WHERE pkey=?1",
    [SQL_PATIENT_INSERT] = "INSERT INTO patient(pkey,sex,birth_year)"
                           " VALUES(?1,?2,?3)",
    [SQL_STUDY_BY_UID] = "SELECT id FROM study WHERE uid=?1",
    [SQL_STUDY_INSERT] =
        "INSERT OR IGNORE INTO study(uid,dirname,patient_id,study_date,"
        "description,accession,mtime_s,epoch) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_STUDY_TOUCH] = "UPDATE study SET mtime_s=?2,epoch=?3 WHERE id=?1",
    [SQL_SERIES_BY_UID] = "SELECT id FROM series WHERE study_id=?1 AND uid=?2",
    [SQL_SERIES_INSERT] =
        "INSERT OR IGNORE INTO series(study_id,uid,dirname,modality,"
        "description,number,body_part,laterality,manufacturer,model,kvp,"
        "kernel,slice_thickness,frame_of_ref,mtime_s,epoch)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",
    [SQL_SERIES_TOUCH] =
        "UPDATE series SET mtime_s=?2,epoch=?3,dirty=1 WHERE id=?1",
    [SQL_INSTANCE_OF_SOURCE] =
        "SELECT id,study_id,series_id FROM instance"
        " INDEXED BY instance_source WHERE source_id=?1 AND gone=?2"
        " ORDER BY id DESC LIMIT 1",
    [SQL_INSTANCE_GONE] = "UPDATE instance SET gone=?2,unresolved=0,ord=NULL"
                          " WHERE id=?1",
    [SQL_INSTANCE_BACK] = "UPDATE instance SET gone=0,unresolved=1"
                          " WHERE id=?1",
    /* Copies of a file that is gone stand on their own again. */
    [SQL_INSTANCE_ORPHANS] = "UPDATE instance SET unresolved=1"
                             " WHERE dup_of=?1 AND gone=0",
    /* Is there another object of this UID in the study, here or gone? */
    [SQL_INSTANCE_RIVALS] = "SELECT count(*),coalesce(sum(gone=0),0) FROM"
                            " (SELECT gone FROM instance"
                            " INDEXED BY instance_uid"
                            " WHERE uid=?1 AND study_id=?2 LIMIT 2)",
    /* The last holder of a name at this path, if nobody has taken it over. */
    [SQL_INSTANCE_HEIR] =
        "SELECT g.id,g.fname FROM instance g INDEXED BY instance_source"
        " WHERE g.source_id=?1 AND g.gone=1 AND g.dup_of IS NULL AND g.uid=?2"
        " AND g.study_id=?3 AND NOT EXISTS(SELECT 1 FROM instance l"
        " INDEXED BY instance_uid WHERE l.uid=?2 AND l.study_id=?3"
        " AND l.gone=0 AND l.dup_of IS NULL AND l.fname IS g.fname)"
        " ORDER BY g.id DESC LIMIT 1",
    [SQL_INSTANCE_INSERT] =
        "INSERT INTO instance(uid,fname,study_id,series_id,source_id,"
        "sop_class,transfer_syntax,instance_number,acquisition_number,"
        "rows,cols,frames,samples,photometric,bits_alloc,bits_stored,"
        "pixel_repr,slope,intercept,rescale_type,wc,ww,n_windows,voi_fn,"
        "px_x,px_y,ipp_x,ipp_y,ipp_z,iop,image_type,view_position,"
        "acq_datetime,burned_in,lossy,pad_value,has_pixels,dup_of,decodable,"
        "codec,element,high_bit,planar,turned,frames_known,pixel_off,"
        "pixel_len,for_key,unresolved)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
        "?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,?31,?32,?33,?34,"
        "?35,?36,?37,?38,?39,?40,?41,?42,?43,?44,?45,?46,?47,?48,?49)",
    [SQL_ATTR_INSERT] = "REPLACE INTO attr(instance_id,tag,idx,num,txt)"
                        " VALUES(?1,?2,?3,?4,?5)",
    [SQL_GROUPS] = "SELECT DISTINCT study_id,uid FROM instance"
                   " INDEXED BY instance_unresolved WHERE unresolved=1"
                   " AND (study_id,uid)>(?1,?2) ORDER BY study_id,uid"
                   " LIMIT ?3",
    [SQL_GROUP_MEMBERS] =
        "SELECT i.id,i.source_id,i.series_id,i.fname,i.dup_of,i.gone,"
        "i.unresolved,s.relpath,s.dev,s.ino,s.size,s.mtime_ns,s.sha256"
        " FROM instance i INDEXED BY instance_uid"
        " CROSS JOIN source s ON s.id=i.source_id"
        " WHERE i.uid=?2 AND i.study_id=?1 ORDER BY i.id",
    [SQL_INSTANCE_NAME] = "UPDATE instance SET fname=?2,dup_of=?3,"
                          "unresolved=0 WHERE id=?1",
    [SQL_DIRTY_SERIES] = "SELECT id FROM series INDEXED BY series_dirty"
                         " WHERE dirty=1 AND id>?1 ORDER BY id LIMIT ?2",
    [SQL_SERIES_SLICES] =
        "SELECT id,frames,rows,cols,samples,bits_alloc,photometric,px_x,px_y,"
        "for_key,ipp_x,ipp_y,ipp_z,iop,instance_number,pixel_repr,element,"
        "turned,ord FROM instance"
        " INDEXED BY instance_listed_series"
        " WHERE series_id=?1 AND " LISTED("") " ORDER BY id",
    [SQL_SLICE_PUT] = "UPDATE instance SET ord=?2,slice_pos=?3 WHERE id=?1",
    [SQL_SERIES_PUT] =
        "UPDATE series SET n_instances=?2,z_spacing=?3,"
        "z_uniform=?4,order_kind=?5,volume_ok=?6,"
        "volume_note=?7,volume_id=?8,volume_kind=?9,"
        "volume_first=?10,volume_mtime_s=("
        "SELECT max(s.mtime_ns)/1000000000 FROM instance i"
        " INDEXED BY instance_listed_series"
        " CROSS JOIN source s ON s.id=i.source_id"
        " WHERE i.series_id=?1 AND " LISTED("i.") "),"
                                                  "dirty=0 WHERE id=?1",
    [SQL_SERIES_VOLUME] = "SELECT n_instances,volume_id,study_id FROM series"
                          " WHERE id=?1",
    [SQL_VOLUME_NEXT_ID] = "UPDATE sqlite_sequence SET seq=seq+1"
                           " WHERE name='instance' RETURNING seq",
    [SQL_SLICE_NAME] = "SELECT coalesce(fname,uid) FROM instance WHERE id=?1",
    [SQL_FACT_DROP] = "DELETE FROM fact WHERE instance_id=?1",
    /* Few views have series outputs, but the key begins with the view. */
    [SQL_OUTPUT_DROP_SERIES] =
        "DELETE FROM output WHERE object_kind=1 AND instance_id=?1"
        " AND view_id IN (SELECT id FROM view)",
    [SQL_NAMES_FINAL] = "SELECT v FROM meta WHERE k='names_final'",
    [SQL_PARSER] = "SELECT v FROM meta WHERE k='parser'",
};

const char *sql_text(enum sql which)
{
    return texts[which];
}
