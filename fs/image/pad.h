// SPDX-License-Identifier: MIT
/*
 * pad.h: filling up to an exact size (REF 5).
 *
 * The resized frame is placed in a larger one. pad_box says where, so a
 * resize can write there directly (image_sub), and pad_margins fills the
 * rest; only the mode `zero` must look at the resized pixels first.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_PAD_H
#define IMAGE_PAD_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

enum pad_mode {
    PAD_ZERO, /* on the side that is blacker already */
    PAD_TOPLEFT,
    PAD_BOTTOMRIGHT,
    PAD_CENTER
};

/* Pixels added on each side: the ActiveArea tag. */
struct pad {
    uint32_t left;
    uint32_t top;
    uint32_t right;
    uint32_t bottom;
};

enum pad_fill {
    PAD_FILL_VALUE,  /* one number, clamped to the type */
    PAD_FILL_EDGE,   /* the nearest pixel of the frame */
    PAD_FILL_REFLECT /* mirrored at the edge pixel, which is not repeated */
};

/* Must pad_measure see the pixels of the first resized frame? */
static inline bool pad_needs_pixels(enum pad_mode mode)
{
    return mode == PAD_ZERO;
}

/*
 * How a frame of `first`'s size is padded to width x height. For PAD_ZERO the
 * samples of `first` (U8 or U16 display values) decide, judged on 8-bit luma;
 * for the others its data may be NULL. ERROR_INTERNAL if the frame is larger
 * than the result or has another type.
 */
int pad_measure(enum pad_mode mode, const struct image *first, uint32_t width,
                uint32_t height, struct pad *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Where the frame lies in a result of width x height. */
struct image_box pad_box(const struct pad *pad, uint32_t width,
                         uint32_t height);

/* Fills the margins of `dst` round the frame already in pad_box. `value` is
 * in dst's own samples, rounded half away and clamped. */
void pad_margins(const struct pad *pad, enum pad_fill fill, double value,
                 const struct image *dst);

/* Copies `src` into pad_box of `dst` and fills the margins. */
void pad_apply(const struct pad *pad, enum pad_fill fill, double value,
               const struct image *src, const struct image *dst);

/* The coordinate inside [0, n) that stands for `i`, which may be anywhere;
 * not for PAD_FILL_VALUE. n is at least 1. */
uint32_t pad_index(enum pad_fill fill, int64_t i, uint32_t n);

/*
 * A window of dst's size whose left upper corner is (x, y) of `src`: what
 * lies outside of it, all of it perhaps, is filled. The copying part of
 * canvas, patches and explicit boxes.
 */
void pad_window(const struct image *src, int64_t x, int64_t y,
                enum pad_fill fill, double value, const struct image *dst);

/* Fills all of `dst` with one number, rounded half away and clamped. */
void pad_constant(double value, const struct image *dst);

/* canvas-WxH: each axis is cut or padded about its centre. *ret_cut is the
 * part of the frame that stays, *ret_pad what is added to it. An odd pixel is
 * cut or added on the right and at the bottom. */
void pad_canvas(uint32_t width, uint32_t height, uint32_t canvas_width,
                uint32_t canvas_height, struct image_box *ret_cut,
                struct pad *ret_pad);

#endif
