// SPDX-License-Identifier: MIT
/*
 * patches.h: boxes of one size in a volume: tiles, random ones, those round
 * findings, and the canvas.
 *
 * A patch is an origin, which may lie outside of the volume, and a size. All
 * follows from numbers known before a pixel is, and from nothing else: the
 * same patch on every machine, in every thread, for ever. Page z of a patch
 * is a window (pad_window) of the frame that patches_frame names:
 *
 *     at = patches_frame(fill, origin.z + z, volume.depth);
 *     if (at < 0) pad_constant(value, &page);
 *     else        pad_window(frame[at], origin.x, origin.y, fill, value, &page)
 *
 * A depth of 0 in a size means: as deep as the volume. Volumes have at least
 * one pixel on every side.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_PATCHES_H
#define IMAGE_PATCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "image/pad.h"

struct patches_size {
    uint32_t width;
    uint32_t height;
    uint32_t depth;
};

struct patches_origin {
    int64_t x;
    int64_t y;
    int64_t z;
};

/* `size` with its depth in place of 0. */
struct patches_size patches_resolve(const struct patches_size *size,
                                    const struct patches_size *volume);

/*
 * grid: tiles every `stride` from (0, 0, 0) on, as many as lie inside the
 * volume on every axis; what is left over belongs to none. Sides of `stride`
 * are at least 1; its depth may be 0 where that of the tile is.
 */
uint64_t patches_grid_count(const struct patches_size *volume,
                            const struct patches_size *tile,
                            const struct patches_size *stride);

/* Tile number k, below the count: x first, then y, then z. */
struct patches_origin patches_grid(const struct patches_size *volume,
                                   const struct patches_size *tile,
                                   const struct patches_size *stride,
                                   uint64_t k);

/*
 * rand: patch number n (from 1, as in its leaf's name) of the object `uid`.
 *
 * The generator is SplitMix64. It starts at XXH64 of 16 bytes, `seed` and n,
 * little endian, with XXH64 (seed 0) of the uid as its seed. Three numbers are
 * drawn, for x, y and z in this order, whatever is done with them; of each the
 * upper 53 bits divided by 2^53 are u, and the origin on that axis is
 * floor(u * (side - patch + 1)). On an axis where the volume is smaller than
 * the patch it lies in the middle of it, as on a canvas.
 */
struct patches_origin patches_rand(const char *uid, uint64_t seed, uint64_t n,
                                   const struct patches_size *volume,
                                   const struct patches_size *patch);

/*
 * roi: the patch round a point in voxels, where whole numbers are the middles
 * of voxels: ceil(centre - patch/2) on each axis. So the voxel `centre` is
 * number patch/2 (rounded down) of the patch if it is a whole number. A patch
 * of depth 0 begins at the first frame. False if the point is no finite number
 * or absurdly far away.
 */
bool patches_roi(const double centre[3], const struct patches_size *patch,
                 struct patches_origin *ret);

/* canvas: what is left over is cut, what is missing is filled, half of it
 * (rounded down) on the left, top and front. The same as pad_canvas. */
struct patches_origin patches_canvas(const struct patches_size *volume,
                                     const struct patches_size *canvas);

/* The frame, of `frames`, that stands at z, which may be outside; -1 if there
 * is nothing but the fill's number. */
int64_t patches_frame(enum pad_fill fill, int64_t z, uint32_t frames);

#endif
