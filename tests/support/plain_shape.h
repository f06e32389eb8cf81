// SPDX-License-Identifier: MIT
/*
 * plain_shape.h: mirror, turn, region, resize and padding of a generated
 * image, written down plainly in f64 (REF 4 and 5, pixels.md), for comparison.
 * Sizes are computed in f32, as REF does.
 */
#ifndef TESTS_SUPPORT_PLAIN_SHAPE_H
#define TESTS_SUPPORT_PLAIN_SHAPE_H

#include "support/image_file.h"
#include "view/view.h"

struct grid {
    uint32_t w, h, n; /* n channels */
    double *v;
};

double *grid_at(const struct grid *g, uint32_t x, uint32_t y, uint32_t c);

enum mode { KEEP, FIT, COVER, STRETCH, SPACING };
enum side { NO_PAD, TOPLEFT, BOTTOMRIGHT, CENTER, ZERO };

struct shape {
    bool flip_h, flip_v;
    int turns;
    uint32_t box[4]; /* x, y, w, h; w 0: all of it */
    enum mode mode;
    uint32_t w, h; /* asked for */
    double mm_x, mm_y;
    bool noup;
    enum view_filter filter;
    enum side side;
    double fill;
};

struct made {
    struct grid grid;
    double scale[2];
    uint32_t pad[4];
};

/* Frame `frame`, shaped; free .grid.v. Display samples are taken to be 0 where
 * the samples are. */
struct made plain_shape(const struct image_file *f, uint32_t frame,
                        const struct shape *s);

#endif
