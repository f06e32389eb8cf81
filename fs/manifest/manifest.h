// SPDX-License-Identifier: MIT
/*
 * manifest.h: what is known about an archive, in SQLite.
 *
 * The live database is STATE/manifest.db (WAL). There is one writer
 * connection, used by one thread at a time, and a bounded pool of read
 * connections; all statements are prepared once. Readers see the rows of the
 * last commit and never wait for the writer. Several processes may open the
 * same state.
 *
 * What fills it is in manifest_write.h; where it lives, in state.h; the
 * columns are documented in prepfs-manifest(5).
 *
 * Opened MANIFEST_READ_ONLY nothing is stored: new views get numbers that are
 * good for this struct manifest only, and every other put is dropped, since
 * all that is put can be found out again.
 *
 * Threads: struct manifest is internally locked. Any call may block on the
 * disk. Errors: ERROR_CORRUPT when the database file itself is damaged,
 * ERROR_IO when the system refuses (EROFS, ENOSPC, EBUSY, ...).
 */
#ifndef MANIFEST_MANIFEST_H
#define MANIFEST_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "decode/decode.h"
#include "prepfs/error.h"
#include "prepfs/image.h"

#define MANIFEST_NAME_MAX 80 /* a UID (64), ".dN", or x + 16 hex, and NUL */

/* Identifier spaces: the bits that an inode has for them. */
#define MANIFEST_OBJECT_MAX ((INT64_C(1) << 25) - 1)
#define MANIFEST_VIEW_MAX 65535u

struct manifest;

enum manifest_mode {
    MANIFEST_READ_WRITE, /* create if missing */
    MANIFEST_READ_ONLY
};

/*
 * Opens STATE/manifest.db; `state_dir` exists. Caller owns the result.
 *
 * A damaged file is set aside as manifest.db.corrupt-<time> and an empty
 * manifest takes its place (read-write only; manifest_set_aside tells). Ids
 * go on where the damaged file had stopped. A file of a newer prepfs is
 * ERROR_UNSUPPORTED, one of another program ERROR_USAGE: neither is touched.
 */
struct manifest *manifest_open(const char *state_dir, enum manifest_mode mode,
                               struct error *err);
void manifest_close(struct manifest *m); /* may be NULL */

/* Where manifest_open has put a damaged manifest; NULL if it found none.
 * Borrowed until manifest_close. */
const char *manifest_set_aside(const struct manifest *m);

/*
 * What is found out while images are read (facts, outputs, frame indexes,
 * errors) can be found out again. With a patience of `ms` it is dropped when
 * the database is busy for longer than that, by an index or by another program
 * that has locked it, and for two seconds after; without, it is waited for as
 * other writes are, for half a minute. Reads wait for nobody. To be called
 * before there are threads.
 */
void manifest_set_patience(struct manifest *m, unsigned ms);

/*
 * Grows with every commit that changes the tree of folders and leaves, also
 * when another process commits. -1 on error.
 */
int64_t manifest_epoch(struct manifest *m, struct error *err);

/* One image instance: all that layout and rendering need before the source
 * is opened. Ids are positive and never reused. */
struct manifest_instance {
    int64_t id;
    int64_t study_id;
    int64_t series_id;
    int64_t source_id;
    char name[MANIFEST_NAME_MAX]; /* stem of the leaf */
    char study_name[MANIFEST_NAME_MAX];
    char series_name[MANIFEST_NAME_MAX];
    struct decode_desc desc;
    uint32_t frames;
    bool frames_known;  /* false: counted from the data, not stated */
    bool decodable;     /* some codec here takes its transfer syntax */
    double px_x, px_y;  /* mm; 0 when unknown */
    int64_t acquired_s; /* source mtime, for st_mtime */
    bool turned;        /* stored upside down, REF 2.3 */
    bool has_pixels;
    bool gone;       /* its source changed or vanished: ESTALE */
    uint32_t slices; /* of a volume, else 0 */
    double z_mm;     /* of a volume: from slice to slice; 0: unknown */
    /* The value of the pixel data element in the source; 0, 0 if unknown
     * (deflated, no pixels). */
    uint64_t pixel_offset, pixel_length;
    /* version of the source */
    char *relpath; /* owned; manifest_instance_deinit */
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};

void manifest_instance_deinit(struct manifest_instance *i);

/*
 * 1 found, 0 no such row, -1 error. By id also the gone ones are found, for
 * ever; by name only what is there now: objects without pixels as well, but
 * not the identical copies of another file.
 */
int manifest_instance_by_id(struct manifest *m, int64_t id,
                            struct manifest_instance *ret, struct error *err);
int manifest_instance_by_name(struct manifest *m, int64_t study_id,
                              const char *name, struct manifest_instance *ret,
                              struct error *err);

/* The first image with this SOP Instance UID: 1 with its id, 0, -1. */
int manifest_instance_by_uid(struct manifest *m, const char *uid,
                             int64_t *ret_id, struct error *err);

/* Folders: 1, 0, -1 as above. A folder's mtime is the time of the index run
 * that last added or removed an entry. */
struct manifest_folder {
    int64_t id;
    char name[MANIFEST_NAME_MAX];
    int64_t mtime_s;
};

int manifest_study_by_name(struct manifest *m, const char *name,
                           struct manifest_folder *ret, struct error *err);
int manifest_study_by_id(struct manifest *m, int64_t id,
                         struct manifest_folder *ret, struct error *err);
int manifest_series_by_name(struct manifest *m, int64_t study_id,
                            const char *name, struct manifest_folder *ret,
                            struct error *err);
int manifest_series_by_id(struct manifest *m, int64_t id,
                          struct manifest_folder *ret, int64_t *ret_study_id,
                          struct error *err);

/*
 * Listings page by key: rows with id > after, ascending by id, at most
 * `limit`. Returns the number of rows stored, or -1. Only folders that have
 * an image instance are listed.
 */
int manifest_list_studies(struct manifest *m, int64_t after, unsigned limit,
                          struct manifest_folder *ret, struct error *err);
int manifest_list_series(struct manifest *m, int64_t study_id, int64_t after,
                         unsigned limit, struct manifest_folder *ret,
                         struct error *err);

/* Image instances of a study (series_id 0) or of one series. Rows are full
 * struct manifest_instance; deinit each. */
int manifest_list_instances(struct manifest *m, int64_t study_id,
                            int64_t series_id, int64_t after, unsigned limit,
                            struct manifest_instance *ret, struct error *err);

/* The same whether this manifest shows them or not (manifest_cohort.h): whose
 * names the kernel may still know. */
int manifest_list_present(struct manifest *m, int64_t study_id, int64_t after,
                          unsigned limit, struct manifest_instance *ret,
                          struct error *err);

/* Instances of a study that are no longer there, paged like the listings:
 * whose names the kernel may still know. */
int manifest_list_gone(struct manifest *m, int64_t study_id, int64_t after,
                       unsigned limit, struct manifest_instance *ret,
                       struct error *err);

/*
 * The images of a study, at most `limit`, by id and by name: 0 with two
 * malloc'd arrays of the same ids; caller owns. A folder is listed in the one
 * order, the CSV and sorted listings have the other.
 */
int manifest_study_order(struct manifest *m, int64_t study_id, unsigned limit,
                         int64_t **ret_ids, int64_t **ret_named,
                         uint32_t *ret_n, struct error *err);

/* Entries of a folder below its cache_readdir threshold? Counts to `limit`. */
int manifest_count_entries(struct manifest *m, int64_t study_id,
                           int64_t series_id, unsigned limit,
                           struct error *err);

/*
 * Studies with an entry that was added, removed or replaced after `epoch`, or
 * of which a cohort shows other entries (manifest_cohort_told);
 * pages like the listings. For invalidating cached folders after a rescan.
 */
int manifest_list_changed(struct manifest *m, int64_t epoch, int64_t after,
                          unsigned limit, struct manifest_folder *ret,
                          struct error *err);

/*
 * Volumes: the images of a series, stacked (REF 7.7). A volume is an object as
 * an instance is, with a number of the same space; when its images change it
 * is another volume with another number, and the old number is found no more.
 *
 * As a row it is its first slice, under its own id, the series' name, and
 * with as many frames as it has slices (`slices` says that it is one); what
 * it is not as a volume, manifest_volume_get says.
 */
int manifest_volume_by_id(struct manifest *m, int64_t id,
                          struct manifest_instance *ret, struct error *err);
int manifest_volume_by_name(struct manifest *m, int64_t study_id,
                            const char *series_name,
                            struct manifest_instance *ret, struct error *err);
/* Those of a study, or (series_id not 0) of one of its series. */
int manifest_list_volumes(struct manifest *m, int64_t study_id,
                          int64_t series_id, int64_t after, unsigned limit,
                          struct manifest_instance *ret, struct error *err);

enum manifest_volume_kind { /* as stored */
                            VOLUME_REGULAR,
                            VOLUME_IRREGULAR, /* uneven gaps, shifts in the
                                                 plane, images at one place */
                            VOLUME_UNPLACED,  /* images without positions */
                            VOLUME_NO_STACK   /* images that differ */
};

#define MANIFEST_NOTE_MAX 192

struct manifest_volume {
    int64_t id, series_id;
    uint32_t n_slices;
    double z_spacing; /* mm, median along the normal; 0 when unknown */
    bool uniform;     /* every gap and drift within 1 % of z_spacing */
    bool ok;          /* one regular volume */
    enum manifest_volume_kind kind;
    char note[MANIFEST_NOTE_MAX]; /* why not, and which image, when !ok */
};

/* 1 found, 0 no such volume, -1. */
int manifest_volume_get(struct manifest *m, int64_t id,
                        struct manifest_volume *ret, struct error *err);

struct manifest_slice {
    int64_t id;         /* of the instance */
    double position[3]; /* NaN: unknown */
    int64_t number;     /* InstanceNumber; INT64_MIN: unknown */
    uint64_t version;   /* a digest of device, inode, size, mtime */
};

struct manifest_slices {
    struct manifest_slice *v; /* owned; manifest_slices_deinit */
    uint32_t n;
    bool one_window;     /* all have the same, or none has one */
    uint32_t windowless; /* slices without a valid window */
};
void manifest_slices_deinit(struct manifest_slices *s);

/* The slices of a volume, ascending along the normal (or by number, where
 * there are no positions): 0. Fewer than n_slices while the index changes. */
int manifest_volume_slices(struct manifest *m, int64_t id,
                           struct manifest_slices *ret, struct error *err);

/* Totals for statfs and stats.json. While a large archive is being indexed
 * they may be those of a little earlier. */
struct manifest_totals {
    uint64_t sources, instances, images, studies, series, errors, source_bytes;
};
int manifest_totals(struct manifest *m, struct manifest_totals *ret,
                    struct error *err);

/*
 * Views. Interning gives the id of a canonical text: the one it has, or the
 * next. ERROR_QUOTA when there are `max_views` already (0: no such limit),
 * ERROR_NO_IDS when all MANIFEST_VIEW_MAX numbers are used.
 */
int manifest_view_intern(struct manifest *m, const char *canonical,
                         unsigned max_views, uint16_t *ret_id,
                         struct error *err);
/* 1 found: *ret_canonical is malloc'd, caller owns. */
int manifest_view_by_id(struct manifest *m, uint16_t id, char **ret_canonical,
                        struct error *err);
/* The same by the folder's name, which is "x" and 16 hex digits of the
 * canonical text's SHA-256 when that has more than 200 bytes. */
int manifest_view_by_dirname(struct manifest *m, const char *dirname,
                             uint16_t *ret_id, char **ret_canonical,
                             struct error *err);
/* One line per view: number, TAB, canonical text. For .prepfs/views. */
int manifest_views_write(struct manifest *m, FILE *out, struct error *err);

/* Facts: measured once per instance and `prefix` (the canonical operators
 * they depend on) and engine. Unset numbers are NaN, unset box has width 0. */
struct manifest_fact {
    struct image_box crop;
    double vmin, vmax;
};
/* 1 found, 0 not, -1. A fact of another engine is not found; a put replaces. */
int manifest_fact_get(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      struct manifest_fact *ret, struct error *err);
int manifest_fact_put(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      const struct manifest_fact *fact, struct error *err);

/*
 * What a leaf turned out to be (table `output`). `strips`: byte counts of
 * the encoded strips of a packed leaf, else NULL. `part` 0 is the whole
 * object, `fmt` the kind of an inode (0 = TIFF).
 */
struct manifest_output {
    bool is_series; /* object_id is a series id, not an instance id */
    uint32_t width, height, channels, num_frames;
    enum sample_type dtype;
    uint64_t bytes;
    struct image_box crop;
    double scale_x, scale_y;
    uint32_t pad[4];  /* left, top, right, bottom */
    uint64_t *strips; /* owned; manifest_output_deinit */
    uint64_t n_strips;
    bool has_stats; /* the four below are set; population sd */
    double vmin, vmax, vmean, vstd;
    uint32_t parts; /* of the object, not stored; 0: none or not known */
};
void manifest_output_deinit(struct manifest_output *o);
/* 1 found, 0 not, -1. */
int manifest_output_get(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint32_t part, unsigned fmt, uint64_t engine,
                        struct manifest_output *ret, struct error *err);
/* What was measured about an object for any of its leaves under this view:
 * crop box, padding, statistics; the rest is that leaf's. */
int manifest_output_any(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint64_t engine, struct manifest_output *ret,
                        struct error *err);
int manifest_output_put(struct manifest *m, uint16_t view_id, int64_t object_id,
                        uint32_t part, unsigned fmt, uint64_t engine,
                        const struct manifest_output *o, struct error *err);

/* Frame index of encapsulated pixel data: where the items of each frame
 * start and end in the source, item headers included. */
struct manifest_extent {
    uint64_t offset, length;
};
/* 1: *ret malloc'd array of n frames as they were put, caller owns; 0: none
 * was put; -1. */
int manifest_frames_get(struct manifest *m, int64_t instance_id,
                        struct manifest_extent **ret, uint64_t *ret_n,
                        struct error *err);
int manifest_frames_put(struct manifest *m, int64_t instance_id,
                        const struct manifest_extent *extents, uint64_t n,
                        struct error *err);

/* Table `error`, one row per (source, view, stage); view_id 0 = any. */
int manifest_error_put(struct manifest *m, int64_t source_id, uint16_t view_id,
                       const char *stage, int errno_value, const char *message,
                       struct error *err);
/* The reason recorded for a leaf: 1 found, *ret malloc'd. */
int manifest_error_get(struct manifest *m, int64_t source_id, uint16_t view_id,
                       char **ret, struct error *err);
/* Writes all rows as TSV with a header line. */
int manifest_errors_write(struct manifest *m, FILE *out, struct error *err);

/* The copy that is shown in a mount and refreshed after every index. */
#define MANIFEST_SNAPSHOT "snapshot.db" /* in the state folder */

/*
 * Writes a point-in-time copy to `path` (through a temporary file beside it,
 * renamed when complete): rollback-journal mode, so that plain sqlite3 opens
 * it read-only anywhere. Does not disturb readers or the writer.
 */
int manifest_snapshot(struct manifest *m, const char *path, struct error *err);

/* All leaves of a view, as folders list them. */
struct manifest_leaves {
    uint16_t view_id;
    unsigned fmt; /* the format that the view lists, as the kind of an inode */
    uint64_t engine;
    bool of_series; /* objects are volumes, not instances */
    char part;      /* 'f', 'p': leaves are parts of objects; 0: they are not */
};

/*
 * Says what an object's leaf will be, without rendering it: 1 with *ret
 * filled (it is zeroed before), 0 if that needs pixels, -1. `parts` is set
 * wherever it is known, also with 0. MANIFEST_NO_LEAF of an object that the
 * view leaves nothing of, so that folders do not list it. May call manifest
 * functions.
 */
enum { MANIFEST_NO_LEAF = 2 };
typedef int (*manifest_shape_fn)(void *opaque,
                                 const struct manifest_instance *row,
                                 struct manifest_output *ret,
                                 struct error *err);

/*
 * Puts an `output` row for every leaf that has none of this view, format and
 * engine, so that the SQL view `manifest` is complete for a view that was
 * never read. *ret_n counts them. Nothing happens in read-only mode.
 */
int manifest_outputs_fill(struct manifest *m,
                          const struct manifest_leaves *leaves,
                          manifest_shape_fn shape, void *opaque,
                          uint64_t *ret_n, struct error *err);

/*
 * One CSV row per leaf of a view (RFC 4180, "\n"), by (study, sop or series)
 * UID. Shapes come from `output` where the leaf was measured, else from
 * `shape` (may be NULL), else those fields are empty; of objects whose parts
 * nobody can count yet there are rows for those that were measured.
 */
int manifest_csv(struct manifest *m, const struct manifest_leaves *leaves,
                 manifest_shape_fn shape, void *opaque, FILE *out,
                 struct error *err);

#endif
