// SPDX-License-Identifier: MIT
/*
 * places.h: where the frames of a made-up volume are in the patient, as the
 * functional groups of a multi-frame image say it (PS3.3 C.7.6.16.2).
 */
#ifndef TESTS_SUPPORT_PLACES_H
#define TESTS_SUPPORT_PLACES_H

#include "support/dicom_build.h"

/* LPS: along a row, down a column, the first frame's first pixel, and from
 * frame to frame. */
struct places {
    double row[3], column[3];
    double first[3];
    double step[3];
};

/* Adds orientation and positions of `frames` frames; behind group 0028. */
void places_add(struct build *b, const struct places *p, uint32_t frames);

/* Axial frames, one at each of z[0..n-1], that say their orientation each. */
void places_add_axial(struct build *b, double x, double y, const double *z,
                      uint32_t n);

#endif
