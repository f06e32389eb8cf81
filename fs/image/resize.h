// SPDX-License-Identifier: MIT
/*
 * resize.h: output sizes (REF 4.1, 4.2) and resampling (REF 4.3, 4.4).
 *
 * Sizes follow from the source's size alone. A struct resize_plan holds the
 * weights of both axes and is used for every frame of a file. Per axis, n
 * input and m output samples, everything in f32:
 *
 *     ratio = n/m   s = max(ratio, 1)   R = support * s   c = (o + 0.5)*ratio
 *     i in [clamp(floor(c-R), 0, n-1), clamp(ceil(c+R), left+1, n))
 *     weight_i = kernel((i - (c - 0.5)) / s), divided by their sum
 *
 * First down the columns into f32, then along the rows, then clamp to the
 * type and round half away from zero. 32-bit integers and f64 take the same
 * way in f64, since f32 cannot hold them.
 * maxpool is the largest number in rows [y*h/H, (y+1)*h/H) and columns
 * likewise, exactly; NaN only where there is no number.
 *
 * Threads: a plan is immutable after it is made; scratch belongs to one
 * thread at a time.
 */
#ifndef IMAGE_RESIZE_H
#define IMAGE_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

enum resize_filter {
    RESIZE_TRIANGLE,
    RESIZE_NEAREST,
    RESIZE_CATMULLROM,
    RESIZE_GAUSSIAN,
    RESIZE_LANCZOS3,
    RESIZE_MAXPOOL
};

enum resize_mode {
    RESIZE_FIT,    /* the smaller scale on both axes */
    RESIZE_COVER,  /* the larger scale on both axes, then a centred cut */
    RESIZE_STRETCH /* each axis on its own */
};

/* What becomes of a frame: it is scaled to width x height, and of that the
 * part `cut` is kept (all of it, unless COVER). The result has cut's size. */
struct resize_target {
    uint32_t width;
    uint32_t height;
    float scale_x; /* as the DefaultScale tag has it */
    float scale_y;
    struct image_box cut;
};

/* size-WxH on a frame of width x height. `noup`: never enlarge, the result
 * may then be smaller than asked for on both axes. All sizes at least 1. */
struct resize_target resize_size(enum resize_mode mode, uint32_t width,
                                 uint32_t height, uint32_t ask_width,
                                 uint32_t ask_height, bool noup);

/*
 * spacing-XxY (millimetres) on a frame of px_per_mm_x, px_per_mm_y (each
 * 1/spacing in f32). ERROR_TOO_BIG if a side does not fit 32 bits;
 * ERROR_INTERNAL for spacings that are not finite and positive.
 */
int resize_spacing(uint32_t width, uint32_t height, float px_per_mm_x,
                   float px_per_mm_y, float x_mm, float y_mm, bool noup,
                   struct resize_target *ret, struct error *err)
    __attribute__((warn_unused_result));

struct resize_plan;

/* The plan for frames of width x height. Caller owns *ret. ERROR_TOO_BIG,
 * ERROR_NO_MEMORY. A target with the size of the source copies (REF 4.1); a
 * filter that blurs still does so if only one axis keeps its size. */
int resize_plan_new(uint32_t width, uint32_t height,
                    const struct resize_target *target,
                    enum resize_filter filter, struct resize_plan **ret,
                    struct error *err) __attribute__((warn_unused_result));
void resize_plan_free(struct resize_plan *plan); /* may be NULL */

/* Size of the result: that of the target's cut. */
void resize_plan_size(const struct resize_plan *plan, uint32_t *ret_width,
                      uint32_t *ret_height);

/* Bytes that the plan holds. */
size_t resize_plan_bytes(const struct resize_plan *plan);

/* Working memory that is kept between frames. Zero-initialised it is empty. */
struct resize_scratch {
    void *data;
    size_t size;
};
void resize_scratch_free(struct resize_scratch *scratch);

/*
 * Resamples one frame. `dst` has resize_plan_size and the type and channels
 * of `src`. `scratch` may be NULL. ERROR_NO_MEMORY; ERROR_INTERNAL if the
 * images do not fit the plan.
 */
int resize_apply(const struct resize_plan *plan, const struct image *src,
                 const struct image *dst, struct resize_scratch *scratch,
                 struct error *err) __attribute__((warn_unused_result));

/* Name of the kernels in use ("avx2", "vector", "scalar"), for statistics. */
const char *resize_kernel_name(void);

#endif
