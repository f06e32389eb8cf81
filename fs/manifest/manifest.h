// SPDX-License-Identifier: MIT
/*
 * manifest.h: what is known about an archive, in SQLite.
 *
 * The live database is STATE/manifest.db (WAL). One writer connection behind
 * a lock, one read connection per calling thread (kept in a small pool); all
 * statements are prepared once. Readers see rows of the last commit.
 *
 * Threads: struct manifest is internally locked.
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

struct manifest;

enum manifest_mode {
    MANIFEST_READ_WRITE, /* create if missing */
    MANIFEST_READ_ONLY
};

/* Opens STATE/manifest.db; `state_dir` exists. Caller owns the result. */
struct manifest *manifest_open(const char *state_dir, enum manifest_mode mode,
                               struct error *err);
void manifest_close(struct manifest *m); /* may be NULL */

/* One image instance: all that layout and rendering need before the source
 * is opened. Ids are positive and never reused. */
struct manifest_instance {
    int64_t id;
    int64_t study_id;
    int64_t series_id;
    int64_t source_id;
    char name[MANIFEST_NAME_MAX];      /* stem of the leaf */
    char study_name[MANIFEST_NAME_MAX];
    char series_name[MANIFEST_NAME_MAX];
    struct decode_desc desc;
    uint32_t frames;
    double px_x, px_y;       /* mm; 0 when unknown */
    int64_t acquired_s;      /* source mtime, for st_mtime */
    bool turned;             /* stored upside down, REF 2.3 */
    bool has_pixels;
    bool gone;               /* its source changed or vanished: ESTALE */
    /* version of the source */
    char *relpath;           /* owned; manifest_instance_deinit */
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};

void manifest_instance_deinit(struct manifest_instance *i);

/* 1 found, 0 no such row, -1 error. */
int manifest_instance_by_id(struct manifest *m, int64_t id,
                            struct manifest_instance *ret, struct error *err);
int manifest_instance_by_name(struct manifest *m, int64_t study_id,
                              const char *name, struct manifest_instance *ret,
                              struct error *err);

/* Folders. study_id of a series is checked when it is not 0. */
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

/* Entries of a folder below its cache_readdir threshold? Counts to `limit`. */
int manifest_count_entries(struct manifest *m, int64_t study_id,
                           int64_t series_id, unsigned limit,
                           struct error *err);

/* Totals for statfs and stats.json. */
struct manifest_totals {
    uint64_t sources, instances, images, studies, series, errors, source_bytes;
};
int manifest_totals(struct manifest *m, struct manifest_totals *ret,
                    struct error *err);

/* Views. Interning gives the id of a canonical text, at most 65535 of them,
 * `max_views` at once (ERROR_QUOTA above). */
int manifest_view_intern(struct manifest *m, const char *canonical,
                         unsigned max_views, uint16_t *ret_id,
                         struct error *err);
/* 1 found: *ret_canonical is malloc'd, caller owns. */
int manifest_view_by_id(struct manifest *m, uint16_t id, char **ret_canonical,
                        struct error *err);

/* Facts: measured once per instance and `prefix` (the canonical operators
 * they depend on) and engine. Unset numbers are NaN, unset box has width 0. */
struct manifest_fact {
    struct image_box crop;
    double vmin, vmax;
};
int manifest_fact_get(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      struct manifest_fact *ret, struct error *err);
int manifest_fact_put(struct manifest *m, int64_t instance_id,
                      const char *prefix, uint64_t engine,
                      const struct manifest_fact *fact, struct error *err);

/* What a leaf turned out to be (table `output`). `strips`: byte counts of
 * the encoded strips of a packed leaf, else NULL. */
struct manifest_output {
    uint32_t width, height, channels, num_frames;
    enum sample_type dtype;
    uint64_t bytes;
    struct image_box crop;
    double scale_x, scale_y;
    uint32_t pad[4]; /* left, top, right, bottom */
    uint64_t *strips; /* owned; manifest_output_deinit */
    uint64_t n_strips;
};
void manifest_output_deinit(struct manifest_output *o);
int manifest_output_get(struct manifest *m, uint16_t view_id,
                        int64_t object_id, uint32_t part, unsigned fmt,
                        uint64_t engine, struct manifest_output *ret,
                        struct error *err);
int manifest_output_put(struct manifest *m, uint16_t view_id,
                        int64_t object_id, uint32_t part, unsigned fmt,
                        uint64_t engine, const struct manifest_output *o,
                        struct error *err);

/* Frame index of encapsulated pixel data: where the items of each frame
 * start and end in the source, item headers included. */
struct manifest_extent {
    uint64_t offset, length;
};
/* 1: *ret malloc'd array of n = instance's frames, caller owns. */
int manifest_frames_get(struct manifest *m, int64_t instance_id,
                        struct manifest_extent **ret, uint64_t *ret_n,
                        struct error *err);
int manifest_frames_put(struct manifest *m, int64_t instance_id,
                        const struct manifest_extent *extents, uint64_t n,
                        struct error *err);

/* Table `error`, one row per (source, view, stage); view_id 0 = any. */
int manifest_error_put(struct manifest *m, int64_t source_id,
                       uint16_t view_id, const char *stage, int errno_value,
                       const char *message, struct error *err);
/* The reason recorded for a leaf: 1 found, *ret malloc'd. */
int manifest_error_get(struct manifest *m, int64_t source_id,
                       uint16_t view_id, char **ret, struct error *err);
/* Writes all rows as TSV with a header line. */
int manifest_errors_write(struct manifest *m, FILE *out, struct error *err);

#endif
