// SPDX-License-Identifier: MIT
/*
 * plane.h: a volume cut along another of its own axes.
 *
 * Nothing is interpolated: the three axes of the volume (across a frame, down
 * a frame, from frame to frame) are matched with those of the patient, each
 * with the nearest, and are then laid down as a radiologist looks at them:
 *
 *              across              down       pages
 *     coronal   to the left (L)    to the feet  front to back (A to P)
 *     sagittal  front to back (P)  to the feet  right to left (R to L)
 *
 * So the head is on top, coronal pages show the patient's right on the
 * viewer's left and sagittal ones the face on the viewer's left. Directions
 * are those of DICOM: +x to the patient's left, +y to the back, +z to the
 * head (LPS, PS3.3 C.7.6.2.1.1).
 *
 * For the usual axial stack page p is row p of every frame (coronal) or
 * column p of every frame (sagittal), and frame f is one row of the page.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_PLANE_H
#define IMAGE_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "image/vol.h"
#include "prepfs/error.h"
#include "prepfs/image.h"

enum plane_kind { PLANE_CORONAL, PLANE_SAGITTAL };

enum plane_source { PLANE_COLUMNS, PLANE_ROWS, PLANE_FRAMES };

/* An axis of the result: which one of the volume it is, and whether it runs
 * the other way. */
struct plane_axis {
    enum plane_source source; /* x, y or number of the frame */
    bool reversed;
};

struct plane {
    struct plane_axis across;
    struct plane_axis down;
    struct plane_axis pages;
};

/* Numbers along the axes of a volume, in the order of enum plane_source:
 * columns of a frame, rows of a frame, frames. */
struct plane_size {
    uint32_t n[3];
};

/* Where three axes point to in the patient: v[axis] is (x, y, z). Lengths do
 * not matter. */
struct plane_vectors {
    double v[3][3];
};

/*
 * Finds the axes of the result. v[PLANE_COLUMNS] and v[PLANE_ROWS] of `volume`
 * are the two halves of ImageOrientationPatient after any turn of the frames,
 * v[PLANE_FRAMES] points from the first frame to the last. Of all ways to match
 * the three with x, y and z the one with the largest sum of absolute cosines is
 * taken, of equal ones the first in lexical order. ERROR_UNSUPPORTED if the
 * directions are no three different ones.
 */
int plane_find(enum plane_kind kind, const struct plane_vectors *volume,
               struct plane *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The size of the result: pixels across and down, pages. */
struct plane_size plane_size(const struct plane *plane,
                             const struct plane_size *volume);

/* Distances of two pixels across and down, and of two pages, from those along
 * the axes of the volume. */
void plane_spacing(const struct plane *plane, const double spacing[3],
                   double ret[3]);

/* Where the axes of the result point to: across, down, pages. */
void plane_directions(const struct plane *plane,
                      const struct plane_vectors *volume,
                      struct plane_vectors *ret);

/* The voxel of the volume (column, row, frame) that is pixel (0, 0) of page
 * 0: with the directions and spacings all that an affine map needs. */
void plane_origin(const struct plane *plane, const struct plane_size *volume,
                  uint32_t ret[3]);

/* The frames that page `page` needs: all of them, but one where the volume
 * has been scanned in this plane already. */
struct vol_range plane_range(const struct plane *plane,
                             const struct plane_size *volume, uint32_t page);

/*
 * Copies what frame number `f` contributes to the pages page .. page+count-1
 * into `pages`, which have the size of plane_size and the type of `frame`.
 * One pass over the frames serves as many pages as the caller has room for.
 */
void plane_gather(const struct plane *plane, const struct plane_size *volume,
                  const struct image *frame, uint32_t f, uint32_t page,
                  uint32_t count, const struct image *pages);

#endif
