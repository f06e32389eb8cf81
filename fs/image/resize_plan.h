// SPDX-License-Identifier: MIT
/* resize_plan.h: what a plan holds; internal to fs/image. */
#ifndef IMAGE_RESIZE_PLAN_H
#define IMAGE_RESIZE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/resize.h"

/* The inputs and weights of every output of one axis. */
struct resize_axis {
    uint32_t inputs;
    uint32_t outputs; /* those that are kept: the cut */
    struct resize_tap *taps;
    float *weights; /* NULL for maxpool */
    size_t weight_count;
    uint32_t widest; /* the largest tap count */
};

struct resize_tap {
    uint32_t first;
    uint32_t count;
    size_t weight; /* index of the weight of `first` */
};

struct resize_plan {
    bool is_copy;
    struct image_box cut;
    enum resize_filter filter;
    struct resize_axis x;
    struct resize_axis y;
};

#endif
