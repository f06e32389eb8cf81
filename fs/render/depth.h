// SPDX-License-Identifier: MIT
/*
 * depth.h: how many frames there are after each step, and which ones a page
 * needs.
 *
 *     picked ─ vol ─ slab ─ box|mid ─ size|spacing ─ canvas = pages
 *       flip-z  reductions    depth      depth        depth
 *
 * Only numbers, so that the number of pages is known before any pixel. What
 * the steps do to samples is image/vol.h and image/slab.h; stack.c calls it.
 *
 * Threads: plain data; reentrant.
 */
#ifndef RENDER_DEPTH_H
#define RENDER_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#include "image/pad.h"
#include "image/vol.h"
#include "view/view.h"

struct depth {
    uint32_t picked;      /* frames that take part */
    struct vol_range vol; /* of them, those that a reduction takes */
    uint32_t after_vol;
    uint32_t after_slab;
    uint32_t first; /* of the region */
    uint32_t count;
    bool needs_z; /* the rest waits for depth_set_z */
    uint32_t resized;
    uint32_t pages;
    uint32_t canvas_front; /* pages filled before the first */
    uint32_t canvas_cut;   /* or frames left out there */
    double z_mm;           /* from page to page; 0: not known */
};

/*
 * The steps of `view` on `picked` (at least 1) frames. `needs_z` is set where
 * the number of pages depends on the distance of the frames; `pages` is 0
 * then. ERROR_NOT_FOUND if no slab fits, ERROR_UNSUPPORTED for a box behind
 * the last frame.
 */
int depth_init(const struct view *view, uint32_t picked, struct depth *ret,
               struct error *err) __attribute__((warn_unused_result));

/* Enters the distance of two frames, in mm, 0 if there is none. To be called
 * in any case; ERROR_UNSUPPORTED if it is needed and not known. */
int depth_set_z(const struct view *view, double z_mm, struct depth *depth,
                struct error *err) __attribute__((warn_unused_result));

/* Is there a step for which the frames have to be one volume? */
bool depth_needs_volume(const struct view *view, const struct depth *depth);

/* What a reduction of vol does, or one of slab. */
struct vol_spec depth_vol_spec(const struct view *view);
struct vol_spec depth_slab_spec(const struct view *view);

/* Does vol make one frame of all by an accumulator? */
bool depth_reduces(const struct view *view, const struct depth *depth);

/* The frame, of `resized`, that page `page` shows; outside of them where the
 * canvas is larger. */
int64_t depth_source(const struct depth *depth, uint32_t page);

/* Frame k of `resized` is made of these of `after_slab`. */
struct vol_blend depth_blend(const struct depth *depth, uint32_t k);

#endif
