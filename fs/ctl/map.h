// SPDX-License-Identifier: MIT
/*
 * map.h: places in a source and in what a view makes of it.
 *
 * As `pixels` (as dicom-traces does): numbers of pixels. A mirrored one is
 * w-1-x; what is outside of the crop is moved to its border; a scaled number
 * is cut off, not rounded; and so is the way back.
 *
 * As `edges`: lengths from the left upper corner of the first pixel, in
 * pixels, so that pixel 0 reaches from 0 to 1. Mirrored it is w-x, nothing is
 * cut off or moved, and there and back is the same place.
 *
 * Threads: pure functions.
 */
#ifndef CTL_MAP_H
#define CTL_MAP_H

#include <stdbool.h>

#include "render/about.h"

struct map_point {
    double x, y;
};

struct map_box {
    struct map_point min, max;
};

enum map_mode { MAP_PIXELS, MAP_EDGES };

/* From the source to the view, or back. */
struct map_point map_forward(const struct render_mapping *m, enum map_mode mode,
                             struct map_point p);
struct map_point map_back(const struct render_mapping *m, enum map_mode mode,
                          struct map_point p);

/* The box of what becomes of the corners, cut to the image. False if nothing
 * of it is left (of pixels: if it has no width or height any more). */
bool map_box(const struct render_mapping *m, enum map_mode mode, bool back,
             const struct map_box *box, struct map_box *ret);

#endif
