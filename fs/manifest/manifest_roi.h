// SPDX-License-Identifier: MIT
/*
 * manifest_roi.h: findings, the boxes and points that the operator roi cuts
 * patches round.
 *
 * They are the user's own data (table `roi`): prepfs reads them, indexing
 * leaves them alone. Those of one name and one object are numbered from 1 in
 * the order of their key `n`; patch p belongs to number p.
 *
 * An object is a series, or a single image where its SOP Instance UID is in
 * the column series_uid: an image that has rows of its own does not see those
 * of its series.
 *
 * Threads: as manifest.h. A direct change of the table by another program is
 * seen by the next read.
 */
#ifndef MANIFEST_MANIFEST_ROI_H
#define MANIFEST_MANIFEST_ROI_H

#include "manifest/manifest.h"

/* As many parts as an inode can name. */
#define MANIFEST_ROIS_MAX ((1u << 17) - 1)

/*
 * One finding. Lengths are mm, positions those of the patient (LPS, PS3.3
 * C.7.6.2.1.1); of an image that has no position, mm from the middle of its
 * first stored pixel to the right and downwards (pixels, if it has no spacing
 * either). NaN is NULL in the table: z may be, for images of one plane.
 */
struct manifest_roi {
    int64_t n;
    double centre[3];  /* the middle of the box */
    double size[3];    /* its sides; 0 or NaN: a point */
    const char *label; /* may be NULL */
};

/* Whose findings. */
struct manifest_roi_object {
    bool is_series;
    int64_t id;
};

/* How many there are, at most MANIFEST_ROIS_MAX. 0 or -1. */
int manifest_roi_count(struct manifest *m, const char *table,
                       const struct manifest_roi_object *object,
                       uint32_t *ret_n, struct error *err)
    __attribute__((warn_unused_result));

/* Number `k`, from 1, without its label: 1 found, 0 there are not so many,
 * -1. */
int manifest_roi_get(struct manifest *m, const char *table,
                     const struct manifest_roi_object *object, uint32_t k,
                     struct manifest_roi *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Calls `each` for every row of `table` (NULL: of all tables) in the order
 * (table, uid, n), until it returns other than 0: that is then returned. The
 * texts are good during the call, which may not call the manifest. -1. */
typedef int (*manifest_roi_fn)(void *opaque, const char *table, const char *uid,
                               const struct manifest_roi *roi);
int manifest_roi_each(struct manifest *m, const char *table,
                      manifest_roi_fn each, void *opaque, struct error *err)
    __attribute__((warn_unused_result));

/* A number that is another one if a row of `table` is another. */
int manifest_roi_digest(struct manifest *m, const char *table, uint64_t *ret,
                        struct error *err) __attribute__((warn_unused_result));

/* What is put: `uid` is that of a series or an image, known or not. A row with
 * roi.n <= 0 gets the next number of its table and uid. All borrowed. */
struct manifest_roi_row {
    const char *uid;
    struct manifest_roi roi;
};

enum manifest_roi_put {
    MANIFEST_ROI_ADD,    /* to what is there; the same n replaces a row */
    MANIFEST_ROI_REPLACE /* the table is these rows and no others */
};

/*
 * Puts rows in one transaction: a reader sees all of them or none. A replace
 * with no rows drops the table. Studies with a row, old or new, count as
 * changed (manifest_epoch, manifest_list_changed), so that mounts look again.
 * ERROR_USAGE, with the number of the row: a position or a side that is no
 * number, or more than MANIFEST_ROIS_MAX rows of one uid. ERROR_IO/EROFS in
 * read-only mode.
 */
int manifest_roi_put(struct manifest *m, const char *table,
                     enum manifest_roi_put how,
                     const struct manifest_roi_row *rows, size_t n,
                     struct error *err) __attribute__((warn_unused_result));

#endif
