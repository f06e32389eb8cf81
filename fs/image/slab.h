// SPDX-License-Identifier: MIT
/*
 * slab.h: sliding projections over some neighbouring frames.
 *
 * slab-OP-dD-sS: output k is made of the frames k*S .. k*S+D-1; a slab that
 * would end behind the last frame is dropped. A single frame is left alone,
 * as by every volume operator; of any other stack with fewer than D frames
 * there is no slab.
 *
 * The work is that of vol.h: VOL_MAX, VOL_MIN, VOL_MEAN or VOL_MEDIAN over
 * slab_range, whose memory does not depend on the stack, and for all but the
 * median not on D.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_SLAB_H
#define IMAGE_SLAB_H

#include <stdint.h>

#include "image/vol.h"

/* How many slabs there are; 0 if the stack is too short. depth and stride are
 * at least 1. */
static inline uint32_t slab_count(uint32_t frames, uint32_t depth,
                                  uint32_t stride)
{
    if (frames == 1)
        return 1;
    return frames < depth ? 0 : (frames - depth) / stride + 1;
}

/* The frames of slab k, which is below slab_count. */
static inline struct vol_range slab_range(uint32_t frames, uint32_t depth,
                                          uint32_t stride, uint32_t k)
{
    struct vol_range range = {k * stride, frames == 1 ? 1 : depth};

    return range;
}

/* Where the middle of slab k lies, in frames from the first one; two slabs
 * are `stride` frames apart. */
static inline double slab_middle(uint32_t frames, uint32_t depth,
                                 uint32_t stride, uint32_t k)
{
    struct vol_range range = slab_range(frames, depth, stride, k);

    return range.first + (range.count - 1) / 2.0;
}

#endif
