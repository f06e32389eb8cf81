// SPDX-License-Identifier: MIT
/*
 * affine.h: where in the patient a voxel is.
 *
 * DICOM counts millimetres to the patient's Left, Posterior and Superior
 * (LPS+, PS3.3 C.7.6.2.1.1), NIfTI to Right, Anterior and Superior (RAS+): the
 * first two change sign. A struct affine is in RAS+ and maps the indices of
 * a voxel as our leaves have them,
 *
 *     i  column, from the left         | x |   | m[0][0..2] |   | i |   m[0][3]
 *     j  row, from the top             | y | = | m[1][0..2] | * | j | + m[1][3]
 *     k  page, from the first          | z |   | m[2][0..2] |   | k |   m[2][3]
 *
 * to the millimetres of its centre. Nothing is mirrored to please RAS+: rows
 * run from top to bottom in every format, and the affine says so. An axial CT
 * with slices from feet to head therefore has its diagonal about (-, -, +),
 * which nibabel calls the orientation LPS.
 *
 * What a view does to the grid (crop, resize, pad, ...) is put into the affine
 * step by step, each in the order of the pipeline and in indices of the grid
 * as it is then.
 *
 * Threads: plain data; pure functions.
 */
#ifndef NII_AFFINE_H
#define NII_AFFINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct affine {
    double m[3][4];
};

enum affine_axis { AFFINE_COLUMN, AFFINE_ROW, AFFINE_PAGE };

/* Geometry as DICOM says it, in LPS+ and mm; NaN is "not known". */
struct affine_source {
    /* ImageOrientationPatient: the direction along a row, then the one down a
     * column. */
    double orientation[6];
    double position[3]; /* ImagePositionPatient of the first page */
    double spacing[3];  /* between columns, rows, pages */
    /* From a page to the next one. All zero or any NaN: spacing[2] along the
     * normal, which is row x column. Of n slices, affine_step_between. */
    double step[3];
};

/*
 * False, with *ret the identity, if the geometry is not known or none: a
 * number that is not finite, directions that are no unit vectors at right
 * angles (within a hundredth: they are stored with few digits), a spacing
 * that is not positive, pages that do not leave their plane. Of a single page
 * any positive spacing[2] will do. The directions are normalised.
 */
bool affine_init(const struct affine_source *source, struct affine *ret);

/* The mean step of `pages` pages from the first one's position to the last
 * one's: right in sign, and true also of a tilted gantry. All zero if there
 * is one page. */
void affine_step_between(const double first[3], const double last[3],
                         uint32_t pages, double ret[3]);

/* ---- steps -------------------------------------------------------------- */

/* Index n of `axis` now shows what was at index first + step * n. A crop has
 * its corner as `first`, a pad minus what was added before, pick-AtoBbyC
 * A - 1 and C. */
void affine_walk(struct affine *a, enum affine_axis axis, double first,
                 double step);

/* `from` samples became `to`, so that the outer edges stay where they were
 * (resize.h: sample o is centred on (o + 0.5) * from/to - 0.5). */
void affine_resize(struct affine *a, enum affine_axis axis, double from,
                   double to);

/* `from` samples became `to`, so that the first and the last sample stay
 * where they were: vol-interp and the z of spacing. One sample: the first. */
void affine_interpolate(struct affine *a, enum affine_axis axis, uint32_t from,
                        uint32_t to);

/* The axis runs the other way; it has `count` samples. */
void affine_flip(struct affine *a, enum affine_axis axis, uint32_t count);

/* The two axes change places. plane-* are made of this and affine_flip. */
void affine_swap(struct affine *a, enum affine_axis p, enum affine_axis q);

/* `turns` quarter turns clockwise of pages of width x height. */
void affine_turn(struct affine *a, uint32_t width, uint32_t height,
                 unsigned turns);

/* Any angle, clockwise, about the middle of the page, which keeps its size. */
void affine_rotate(struct affine *a, uint32_t width, uint32_t height,
                   double degrees);

/*
 * All steps of a view on pages, for callers who have them as numbers. Zero is
 * "not done" in every field, also of a step or a ratio.
 */
struct affine_view {
    uint32_t width, height; /* of a page as stored; pages after pick */
    uint32_t pages;
    double pick_first, pick_step; /* axis of pages, from 0 */
    bool flip_h, flip_v, flip_z;
    unsigned turns;             /* quarter turns clockwise */
    double degrees;             /* and further, clockwise */
    double vol_first, vol_step; /* axis of pages, from 0: a projection of
                                 * pages a..b is at (a + b) / 2 */
    double crop[3];             /* corner: x, y, z */
    double from[3], to[3];      /* resize: samples before and after */
    double cut[3];              /* corner of what is kept of the resized */
    double pad[3];              /* added before: left, top, front */
    double patch[3];            /* corner of a patch */
};

void affine_apply(struct affine *a, const struct affine_view *view);

/* ---- questions ---------------------------------------------------------- */

/* The indices, with fractions, of a place in RAS+ mm; false if the axes are no
 * three directions. */
bool affine_index(const struct affine *a, const double place[3], double ret[3]);

/* mm between neighbours on each axis. */
void affine_spacing(const struct affine *a, double ret[3]);

/* Are the axes at right angles, within the hundredth that a regular volume
 * may drift? Then a rotation (NIfTI's qform) can stand for it. */
bool affine_is_orthogonal(const struct affine *a);

/*
 * The nearest rotation of orthogonal axes, as NIfTI-1 method 2 has it: unit
 * quaternion (a, b, c, d) with a >= 0, and *ret_qfac -1 if the page axis is
 * mirrored, else 1.
 */
void affine_quaternion(const struct affine *a, double ret[4], double *ret_qfac);

#ifdef __cplusplus
}
#endif

#endif
