// SPDX-License-Identifier: MIT
/*
 * geometry.h: where in the patient the pages of a leaf are.
 *
 * Pages are a volume if each has a position of its own, all are parallel, and
 * every step from one to the next is the mean one within a hundredth; or if
 * the source says how far apart they are (a vector of distances,
 * SpacingBetweenSlices) and gives the first one's place. A hundredth is what
 * a series may drift as well. Pages that share one place follow each other in
 * time. Anything else (several volumes in one object, irregular gaps) has no
 * affine, and none is made up.
 *
 * Threads: pure functions.
 */
#ifndef RENDER_GEOMETRY_H
#define RENDER_GEOMETRY_H

#include "dicom/dicom.h"
#include "nii/affine.h"
#include "render/frames.h"
#include "render/plan.h"

struct geometry {
    bool is_time;      /* from page to page it is time that goes by */
    bool has_affine;   /* from indices of the leaf to RAS+ mm */
    double spacing[3]; /* mm between columns, rows, pages; 0 unknown */
    struct affine affine;
    bool has_grid; /* the affine; or, of an image that has no place in the
                    * patient, mm from the middle of its first stored pixel to
                    * the right, downwards and from frame to frame (pixels, if
                    * no spacing is known), signs changed as for RAS+ */
    struct affine grid;
};

/* `plan` has its region and its padding; `header` is that of the one instance,
 * or of the first slice (frames_source). */
void geometry_of(const struct plan *plan, const struct dicom_header *header,
                 const struct frames *frames, struct geometry *ret);

/* Where columns, rows and frames of the volume point to, the frames turned as
 * the source wants it. ERROR_UNSUPPORTED if that is not known. */
int geometry_axes(const struct plan *plan, const struct dicom_header *header,
                  const struct frames *frames, struct plane_vectors *ret,
                  struct error *err) __attribute__((warn_unused_result));

#endif
