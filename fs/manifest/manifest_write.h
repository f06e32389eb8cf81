// SPDX-License-Identifier: MIT
/*
 * manifest_write.h: how an indexer fills a manifest.
 *
 *     for every file found:  manifest_source_find      known, unchanged?
 *     manifest_write_moved   renamed files keep their ids
 *     manifest_write_batch   new and changed files, in (dev, ino) order
 *     manifest_write_gone    files that are not there any more
 *     manifest_write_names   duplicates get their names
 *     manifest_write_volumes slice order of every series that changed
 *     manifest_write_end
 *
 * Every step commits by itself, and what is left to do is kept in the
 * database (unresolved names, dirty series): an indexer may be killed at any
 * moment, and the next one completes its work.
 *
 * Threads: one indexer at a time (see manifest_index_lock), any thread.
 */
#ifndef MANIFEST_WRITE_H
#define MANIFEST_WRITE_H

#include <stdatomic.h>

#include "manifest/manifest.h"

/* ERROR_IO/EWOULDBLOCK with a message if another indexer has the state,
 * ERROR_USAGE if it follows a published manifest (manifest_publish.h). The
 * lock is a descriptor: close it to let go. -1 on error. */
int manifest_index_lock(struct manifest *m, struct error *err);

/* What a file turned out to be; source.scan_state. */
enum manifest_scan {
    MANIFEST_SCAN_OK = 0,         /* DICOM, has an instance row */
    MANIFEST_SCAN_NOT_DICOM = 1,  /* skipped silently */
    MANIFEST_SCAN_BAD = 2,        /* DICOM that cannot be parsed */
    MANIFEST_SCAN_UNREADABLE = 3, /* the system refused; tried again */
    MANIFEST_SCAN_DIRECTORY = 4,  /* DICOMDIR: never an object */
    MANIFEST_SCAN_LINK = 5        /* a symbolic link that is not followed */
};

struct manifest_source {
    int64_t id;
    char *relpath; /* owned in what is returned, borrowed in what is given */
    uint64_t dev, ino, size;
    int64_t mtime_ns;
    enum manifest_scan scan;
    bool vanished;
};

/* 1 found: *ret filled (relpath is not); 0; -1. */
int manifest_source_find(struct manifest *m, const char *relpath,
                         struct manifest_source *ret, struct error *err);

/*
 * The same for very many files: a connection of its own that does not begin
 * anew for each, which takes longer than to look. Sees what was committed at
 * most some ten thousand files ago. One thread; NULL on error; caller owns.
 */
struct manifest_known *manifest_known_open(struct manifest *m,
                                           struct error *err);
void manifest_known_close(struct manifest_known *k); /* may be NULL */
int manifest_known_find(struct manifest_known *k, const char *relpath,
                        struct manifest_source *ret, struct error *err);
/* By id; relpath is malloc'd. */
int manifest_known_by_id(struct manifest_known *k, int64_t id,
                         struct manifest_source *ret, struct error *err);

/* The greatest id that a source has; 0 without any. Ids begin at 1. */
int manifest_source_last(struct manifest *m, int64_t *ret, struct error *err);

/* The first source after `after` with this inode: 1, and relpath is malloc'd
 * (caller owns); 0; -1. */
int manifest_source_by_inode(struct manifest *m, uint64_t dev, uint64_t ino,
                             int64_t after, struct manifest_source *ret,
                             struct error *err);

/* Sources that have not vanished, with id > after: count; each relpath is
 * malloc'd. */
int manifest_source_list(struct manifest *m, int64_t after, unsigned limit,
                         struct manifest_source *ret, struct error *err);

/* The same of what is beneath one folder, by path; `after` is a path, or NULL
 * at first. */
int manifest_source_list_beneath(struct manifest *m, const char *folder,
                                 const char *after, unsigned limit,
                                 struct manifest_source *ret,
                                 struct error *err);

/* Calls `each` for every file that is there, something is wrong with, and that
 * has given no image: its path and what is wrong. Stops when it returns -1. */
typedef int (*manifest_problem_fn)(void *opaque, const char *relpath,
                                   const char *problem, struct error *err);
int manifest_source_problems(struct manifest *m, manifest_problem_fn each,
                             void *opaque, struct error *err);

/* 1 if the source has an image instance, 0, -1. */
int manifest_source_has_image(struct manifest *m, int64_t id,
                              struct error *err);

#define MANIFEST_NONE INT64_MIN /* an integer that the file does not have */

/* One value of an attribute that the user asked for. */
struct manifest_attr {
    uint32_t tag;
    uint32_t index;
    double number;    /* NaN: none */
    const char *text; /* may be NULL */
};

/*
 * What one DICOM file says. Texts are borrowed, may be NULL, and may be any
 * bytes (what is not UTF-8 is replaced on the way in); missing numbers are
 * NaN or MANIFEST_NONE.
 */
struct manifest_header {
    const char *study_uid;
    const char *series_uid;
    const char *sop_uid;
    /* SHA-256 of the file; needed if one of the three is missing. */
    bool has_digest;
    uint8_t digest[32];

    const char *patient_id; /* hashed with the state's salt, never stored */
    const char *patient_issuer;
    const char *patient_sex;
    int64_t birth_year;

    const char *study_date;
    const char *study_description;
    const char *accession;

    const char *modality;
    const char *series_description;
    int64_t series_number;
    const char *body_part;
    const char *laterality;
    const char *manufacturer;
    const char *model;
    double kvp;
    const char *kernel;
    double slice_thickness;
    const char *frame_of_ref;

    const char *sop_class;
    const char *transfer_syntax;
    int64_t instance_number;
    int64_t acquisition_number;
    struct decode_desc desc; /* if has_pixels */
    const char *photometric; /* as stated */
    uint32_t frames;
    bool frames_known;
    double slope, intercept;
    const char *rescale_type;
    double wc, ww; /* the first valid window */
    int64_t n_windows;
    const char *voi_fn;
    double px_x, px_y;
    double ipp[3];
    double iop[6];
    const char *image_type;
    const char *view_position;
    const char *acq_datetime;
    int64_t burned_in; /* 0, 1 */
    int64_t lossy;     /* 0, 1 */
    int64_t pad_value;
    bool has_pixels;
    bool decodable;
    bool turned;
    uint64_t pixel_offset, pixel_length;

    const struct manifest_attr *attrs;
    size_t n_attrs;
};

/* All numbers missing, all texts NULL. */
void manifest_header_init(struct manifest_header *h);

struct manifest_entry {
    struct manifest_source source; /* id and vanished are ignored */
    const char *scan_error; /* why BAD or UNREADABLE, or, of an OK file, why
                               its pixels cannot be served; else NULL */
    int scan_errno;
    const struct manifest_header *header; /* if scan is OK */
};

struct manifest_written {
    uint64_t added;    /* instances that were not there before */
    uint64_t replaced; /* instances whose file has changed */
};

/*
 * Writes the entries in their order, in one transaction; instance ids ascend
 * in this order. An entry of a path that is known replaces it: its old
 * instance is gone for ever. *ret is added to. ERROR_NO_IDS.
 */
int manifest_write_batch(struct manifest *m,
                         const struct manifest_entry *entries, size_t n,
                         struct manifest_written *ret, struct error *err);

/* Same bytes, but another path (rename) or device number (remount), or a file
 * that is back: ids and names stay. */
struct manifest_same {
    int64_t id;
    const char *relpath; /* NULL: as it was */
    uint64_t dev;
};
int manifest_write_same(struct manifest *m, const struct manifest_same *same,
                        size_t n, struct error *err);

/* The instances of these sources are gone until the files come back. */
int manifest_write_gone(struct manifest *m, const int64_t *source_ids, size_t n,
                        struct error *err);

/* Gives the SHA-256 of a source's bytes. -1: unreadable now. */
typedef int (*manifest_digest_fn)(void *opaque, const char *relpath,
                                  uint8_t ret[32], struct error *err);

/*
 * Names for the instances that share study and SOP UID with another: equal
 * bytes are hidden (dup_of), others become UID.d2, UID.d3 in path order,
 * after those that have a name already. `digest` is called only for files of
 * equal size. *ret_renamed counts instances with a .dN, *ret_copies hidden
 * ones. ERROR_INTERRUPTED if *cancel becomes true (may be NULL).
 */
int manifest_write_names(struct manifest *m, manifest_digest_fn digest,
                         void *opaque, const atomic_bool *cancel,
                         uint64_t *ret_renamed, uint64_t *ret_copies,
                         struct error *err);

/* Order and spacing of every series that changed. */
int manifest_write_volumes(struct manifest *m, const atomic_bool *cancel,
                           struct error *err);

/* The run is complete: names are final. If anything changed, what belongs to
 * instances that are gone is dropped, which looks at all rows, and statistics
 * for the query planner are taken. `parser` is the revision of who parsed. */
int manifest_write_end(struct manifest *m, const char *archive,
                       const char *parser, bool changed, struct error *err);

/* The `parser` of the last complete run: 1 with *ret malloc'd; 0; -1. */
int manifest_parser(struct manifest *m, char **ret, struct error *err);

#endif
