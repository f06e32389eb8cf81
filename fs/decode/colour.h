// SPDX-License-Identifier: MIT
/*
 * colour.h: luminance and chrominance -> RGB (PS3.3 C.7.6.3.1.2).
 *
 * Threads: pure functions on the caller's memory.
 */
#ifndef DECODE_COLOUR_H
#define DECODE_COLOUR_H

#include "prepfs/image.h"

enum colour_model {
    COLOUR_RGB,     /* nothing to do */
    COLOUR_YBR_ICT, /* YBR_FULL, YBR_FULL_422 and YBR_ICT: one matrix */
    COLOUR_YBR_RCT  /* the reversible integer transform */
};

/*
 * Converts every pixel of `image` (three channels, unsigned) in place.
 * `bits` is the width of the samples: chrominance zero is 2^(bits-1), the
 * result is clamped to 2^bits-1. Computed in f64, rounded half up.
 */
void colour_to_rgb(const struct image *image, enum colour_model model,
                   unsigned bits);

#endif
