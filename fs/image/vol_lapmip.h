// SPDX-License-Identifier: MIT
/*
 * vol_lapmip.h: the Laplacian projection of REF 7.5; internal to fs/image.
 *
 * Of all its pyramid only the finest level reaches the result, so two images
 * and one reduction of each are enough:
 *
 *     sum or central frame -> bilateral -> B0 -> reduce -> expand -> E
 *     maximum              -> bilateral -> M0 -> reduce -> expand
 *     L = B0 - E     M = M0 - expand(reduce(M0))
 *     out = E + 2 * E * (L + weight * M), clamped, trunc(* 65535)
 *
 * The accumulated images have BILATERAL_RADIUS more pixels on the left and
 * the right, so that the filter never asks where the edge is.
 *
 * Threads: as a struct vol.
 */
#ifndef IMAGE_VOL_LAPMIP_H
#define IMAGE_VOL_LAPMIP_H

#include "image/vol.h"

struct lapmip {
    struct vol_spec spec;
    uint32_t count;    /* frames to come */
    struct image base; /* f32, padded; the sum or the central frame */
    struct image mip;  /* u16, the maximum */
    struct image grey; /* u16, one row: a frame's row as 16-bit grey */
};

/* For frames of width x height. ERROR_TOO_BIG, ERROR_NO_MEMORY. */
int lapmip_init(struct lapmip *l, const struct vol_spec *spec, uint32_t count,
                uint32_t width, uint32_t height, struct error *err)
    __attribute__((warn_unused_result));

/* Frame number `index` of the range, U8 or U16. */
void lapmip_add(struct lapmip *l, const struct image *frame, uint32_t index);

/* `dst` is U16 with one channel. ERROR_NO_MEMORY. */
int lapmip_finish(struct lapmip *l, const struct image *dst, struct error *err)
    __attribute__((warn_unused_result));

void lapmip_deinit(struct lapmip *l);

/* Bytes held at most; SIZE_MAX if that overflows. */
size_t lapmip_bytes(uint32_t width, uint32_t height);

#endif
