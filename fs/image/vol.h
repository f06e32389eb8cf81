// SPDX-License-Identifier: MIT
/*
 * vol.h: many frames -> one frame, or another number of frames (REF 7.1-7.5).
 *
 * Nothing here holds a volume. Two shapes of work:
 *
 *     reduce   frames one after another -> accumulator -> one frame
 *              mip, minip, mean, median (of a slab), lapmip
 *     blend    output k = two neighbouring frames and a weight
 *              interp-N, and the depth of size-WxHxD and spacing-XxYxZ
 *
 * vol_range and vol_blend_at say which frames are needed before any is
 * decoded. The caller has the frames in their order, oriented, all of one
 * size and type.
 *
 *     range = vol_range(frames, skip_first, skip_last);
 *     vol_begin(&spec, range.count, &vol, err);
 *     for each frame of the range, in order: vol_add(vol, frame, err);
 *     vol_finish(vol, &ret, err);
 *     vol_free(vol);
 *
 * A range of one frame is that frame, unchanged, of its own type: callers
 * may go around the accumulator, which does the same.
 *
 * Threads: an accumulator belongs to one thread at a time; the rest is
 * reentrant.
 */
#ifndef IMAGE_VOL_H
#define IMAGE_VOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/* ---- which frames ------------------------------------------------------- */

/* vol-central: the frame, from 0, that stands for `frames` of them. */
static inline uint32_t vol_central(uint32_t frames)
{
    return frames / 2;
}

struct vol_range {
    uint32_t first;
    uint32_t count; /* at least 1 */
};

/*
 * What is left of `frames` (at least 1) without the first and last ones: all
 * but skip_first + skip_last. Of a stack too short for that one frame stays;
 * the ends lose in the proportion of the two numbers, the front rounded down.
 */
struct vol_range vol_range(uint32_t frames, uint32_t skip_first,
                           uint32_t skip_last);

/* ---- reductions --------------------------------------------------------- */

enum vol_op {
    VOL_MAX,    /* the largest number; NaN only where there is none */
    VOL_MIN,    /* the smallest */
    VOL_MEAN,   /* integers rounded half away; NaN if any is */
    VOL_MEDIAN, /* even count: mean of the middle two; NaN if any is */
    VOL_LAPMIP  /* REF 7.5, of display samples (U8, U16); 16-bit grey */
};

struct vol_spec {
    enum vol_op op;
    float weight; /* lapmip: of the projection's detail */
    bool central; /* lapmip: the base is the central frame of the range */
};

/* What `count` frames of this kind become. False if the operator does not
 * take them: lapmip and samples that are not display samples. */
bool vol_result(const struct vol_spec *spec, uint32_t count, uint32_t channels,
                enum sample_type type, uint32_t *ret_channels,
                enum sample_type *ret_type);

/*
 * Bytes that the accumulator holds at most, vol_finish included, for frames
 * of this size; SIZE_MAX if that overflows. One frame or a few, but for
 * VOL_MEDIAN, which keeps them all: being sample by sample, like max, min and
 * mean, it may be made in bands of rows (image_sub) where that is too much.
 */
size_t vol_bytes(const struct vol_spec *spec, uint32_t count, uint32_t width,
                 uint32_t height, uint32_t channels, enum sample_type type);

struct vol;

/* An accumulator for `count` frames. Caller owns *ret. ERROR_NO_MEMORY,
 * ERROR_INTERNAL for a count of 0. */
int vol_begin(const struct vol_spec *spec, uint32_t count, struct vol **ret,
              struct error *err) __attribute__((warn_unused_result));

/*
 * Adds the next frame; it is not kept. ERROR_CORRUPT if it differs from the
 * first in size, type or channels; ERROR_UNSUPPORTED if the operator does not
 * take its samples; ERROR_INTERNAL if it is one too many; ERROR_TOO_BIG,
 * ERROR_NO_MEMORY.
 */
int vol_add(struct vol *vol, const struct image *frame, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Writes the result; `dst` has the frames' size and what vol_result says.
 * Only vol_free may follow. ERROR_INTERNAL if frames are missing or `dst` does
 * not fit; ERROR_NO_MEMORY.
 */
int vol_finish(struct vol *vol, const struct image *dst, struct error *err)
    __attribute__((warn_unused_result));

void vol_free(struct vol *vol); /* may be NULL */

/* ---- other numbers of frames -------------------------------------------- */

/* Output = frame `first` and frame `second` blended; weight of the second.
 * With a weight of 0 they are the same and only one is needed. */
struct vol_blend {
    uint32_t first;
    uint32_t second;
    float weight;
};

/* vol-interp-T: how many frames there are then. A single frame stays one. */
uint32_t vol_interp_frames(uint32_t frames, uint32_t target);

/*
 * Output k (below vol_interp_frames) of REF 7.3, all in f32: p = k/(T-1) *
 * (frames-1), between floor(p) and ceil(p). Even with T = frames, p may miss
 * an integer by one ulp; truncation then lowers a sample by 1, as it does in
 * REF. The depth operators below do not come here with T = frames.
 */
struct vol_blend vol_blend_at(uint32_t frames, uint32_t target, uint32_t k);

/* size-WxHxD: T for vol_blend_at; `frames` if nothing is to be done. The
 * depth is an axis of its own: neither fit nor cover couple it. */
uint32_t vol_size_frames(uint32_t frames, uint32_t depth, bool noup);

/*
 * spacing-XxYxZ, REF 7.4: T for vol_blend_at, `frames` if nothing is to be
 * done. per_mm is 1/(distance of two frames in mm) in f32. ERROR_TOO_BIG for
 * more than `max` frames, ERROR_INTERNAL for numbers that are not positive.
 */
int vol_spacing_frames(uint32_t frames, float per_mm, float z_mm, bool noup,
                       uint32_t max, uint32_t *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The distance of two frames after `frames` have become `target`. */
double vol_spacing_after(double spacing, uint32_t frames, uint32_t target);

/*
 * dst = first * (1 - weight) + second * weight (REF 7.3): u8 in f32 and u16
 * in f64, truncated; of the types that REF does not have, integers in f64
 * rounded half away, floats in f64. A weight of 0 copies. All of one size and
 * type; `second` may be NULL with a weight of 0.
 */
void vol_blend(const struct image *first, const struct image *second,
               float weight, const struct image *dst);

#endif
