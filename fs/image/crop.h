// SPDX-License-Identifier: MIT
/*
 * crop.h: where the picture is (REF 3), and boxes in general.
 *
 * Measured on display samples (U8 or U16, 1 or 3 channels), background 0:
 * the box of the pixels that are not background, then, unless `nocomp`, the
 * box of the largest 4-connected component in a thumbnail of it.
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_CROP_H
#define IMAGE_CROP_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

struct crop_params {
    bool max;     /* saturated pixels are background too */
    bool nocomp;  /* no component pass */
    float border; /* fraction 0..0.5 not looked at; 0 = none */
};

/*
 * Measures one frame. Pixels where `padding` (one U8 channel, same size; may
 * be NULL) is not 0 are background. *ret_blank: the first pass found no
 * foreground and, unless nocomp, the second no component; the box is then the
 * whole frame. ERROR_NO_MEMORY; ERROR_INTERNAL for other sample types.
 */
int crop_measure(const struct image *display, const struct crop_params *params,
                 const struct image *padding, struct image_box *ret,
                 bool *ret_blank, struct error *err)
    __attribute__((warn_unused_result));

/* Union of the boxes of the frames of a stack, blank ones left out. Start
 * from a zeroed struct. */
struct crop_union {
    struct image_box box;
    bool has_box;
};

void crop_union_add(struct crop_union *u, const struct image_box *box,
                    bool blank);

/* The union, or the whole frame if every frame was blank. */
struct image_box crop_union_box(const struct crop_union *u, uint32_t width,
                                uint32_t height);

/* The operator `mid`: the central region, each side at most the frame's. An
 * odd pixel is left over on the right and at the bottom. */
struct image_box crop_mid(uint32_t width, uint32_t height, uint32_t mid_width,
                          uint32_t mid_height);

/* The operator `box`: the part of `asked` inside the frame. False if there is
 * none. */
bool crop_box(uint32_t width, uint32_t height, const struct image_box *asked,
              struct image_box *ret);

/* Copies the part `box` of `src`; `dst` has the size of the box. (image_sub
 * gives the same pixels without a copy.) */
void crop_copy(const struct image *src, const struct image_box *box,
               const struct image *dst);

#endif
