// SPDX-License-Identifier: MIT
/*
 * resize_kernel.h: the loops of a resize; internal to fs/image.
 *
 * Three sets that give the same bits: `scalar` is the definition, `vector` is
 * the same sums for RESIZE_LANES pixels at a time (any CPU), `avx2` is that
 * compiled for AVX2. A lane never meets another lane, so no sum changes its
 * order; -ffp-contract=off keeps multiply and add apart.
 *
 * The way of RESIZE_LANES output rows of f32 arithmetic (u8, u16, i16, f32):
 *
 *     vertical    source rows  -> one f32 row each, source width
 *     interleave  those rows   -> lanes[x][row]
 *     horizontal  lanes        -> lanes[output x][row], lane = row
 *     store       one lane     -> one row of samples, clamped and rounded
 */
#ifndef IMAGE_RESIZE_KERNEL_H
#define IMAGE_RESIZE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/resize_plan.h"
#include "prepfs/image.h"

#define RESIZE_LANES 8

/* Does v replace the largest number so far? That starts as NaN, and NaN never
 * replaces a number. */
static inline bool resize_larger(double v, double max)
{
    return !(max >= v) && v == v;
}

/* `count` source rows from `first` on, `samples` in each. */
struct resize_rows {
    const uint8_t *first;
    size_t stride_bytes;
    enum sample_type type;
    uint32_t count;
    size_t samples;
};

struct resize_kernels {
    const char *name;

    /* ret[i] = ((0 + s[0][i] * weights[0]) + s[1][i] * weights[1]) + ... */
    void (*vertical)(const struct resize_rows *rows, const float *weights,
                     float *ret);
    /* ret[i] = the largest number of s[..][i]; NaN if there is none */
    void (*vertical_max)(const struct resize_rows *rows, float *ret);

    /* lanes[i * RESIZE_LANES + r] = rows[r * samples + i] */
    void (*interleave)(const float *rows, size_t samples, float *lanes);

    void (*horizontal)(const struct resize_axis *axis, uint32_t channels,
                       const float *lanes, float *ret);
    void (*horizontal_max)(const struct resize_axis *axis, uint32_t channels,
                           const float *lanes, float *ret);

    /* The lanes 0..rows-1 of `samples` groups, each to its row. */
    void (*store)(const float *lanes, size_t samples, uint32_t rows,
                  enum sample_type type, uint8_t *ret, size_t stride_bytes);
};

const struct resize_kernels *resize_kernels_scalar(void);
const struct resize_kernels *resize_kernels_vector(void);
const struct resize_kernels *resize_kernels_avx2(void); /* NULL: not here */

/* The fastest set this CPU can run. */
const struct resize_kernels *resize_kernels_best(void);

/* resize_apply with a given set. */
int resize_apply_with(const struct resize_kernels *kernels,
                      const struct resize_plan *plan, const struct image *src,
                      const struct image *dst, struct resize_scratch *scratch,
                      struct error *err) __attribute__((warn_unused_result));

/* The same for 32-bit integers and f64, in f64 (resize_wide.c). */
int resize_apply_wide(const struct resize_plan *plan, const struct image *src,
                      const struct image *dst, struct error *err)
    __attribute__((warn_unused_result));

#endif
