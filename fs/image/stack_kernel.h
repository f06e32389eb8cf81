// SPDX-License-Identifier: MIT
/*
 * stack_kernel.h: the loops that combine frames; internal to fs/image.
 *
 * As with the resize, three sets that give the same bits: `scalar` is the
 * definition, `vector` is written to be vectorised for any CPU, `avx2` is
 * that compiled for AVX2. Every sample, or every pixel of the bilateral
 * filter, is a lane of its own: no sum changes its order.
 *
 * `n` counts samples. Rows may begin anywhere a sample may.
 */
#ifndef IMAGE_STACK_KERNEL_H
#define IMAGE_STACK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/image.h"

/* Samples per row of a median's tile. */
#define STACK_BLOCK 64

/*
 * The bilateral filter of REF 7.5. The weight of a neighbour is
 * space[dy][dx] * range[round(min(d^2, 1) * 2047)], d the difference of the
 * two pixels.
 *
 * `range` holds 2^64 times what REF has. The power of two cancels in the
 * quotient and changes no bit of it, except that REF's products may
 * underflow, by less than 2^-149 beside a centre of weight 1; the slow
 * arithmetic of such denormal numbers is what this avoids.
 */
#define BILATERAL_RADIUS 6
#define BILATERAL_SIDE (2 * BILATERAL_RADIUS + 1)
#define BILATERAL_STEPS 2048
#define BILATERAL_SCALE 0x1p64F

struct bilateral {
    float space[BILATERAL_SIDE][BILATERAL_SIDE]; /* [dy][dx] */
    float near[BILATERAL_SIDE][BILATERAL_SIDE];  /* space * range[0] */
    float range[BILATERAL_STEPS];
};

void bilateral_init(struct bilateral *ret);

/* Are the sums of `add` 32-bit integers (else f64)? */
static inline bool stack_sums_are_integers(enum sample_type type)
{
    return type == SAMPLE_U8 || type == SAMPLE_U16 || type == SAMPLE_I16;
}

struct stack_kernels {
    const char *name;

    /* acc[i] = the larger (smaller) of acc[i] and src[i]; a NaN gives way to
     * any number and replaces none */
    void (*max)(enum sample_type type, const void *src, size_t n, void *acc);
    void (*min)(enum sample_type type, const void *src, size_t n, void *acc);

    /* sums[i] += src[i]; sums of u8 and u16 are uint32_t, of i16 int32_t, of
     * the others double */
    void (*add)(enum sample_type type, const void *src, size_t n, void *sums);

    /* sums[i] += src[i] / 65535 in f32 */
    void (*add_unit)(const uint16_t *src, size_t n, float *sums);

    /*
     * ret[i] = x[i] * (1 - a) + y[i] * a. REF 7.3: u8 in f32 and u16 in f64,
     * truncated. REF has no other types: in f64, integers rounded half away.
     */
    void (*blend)(enum sample_type type, const void *x, const void *y, float a,
                  size_t n, void *ret);

    /*
     * `tile` has `count` rows of STACK_BLOCK samples and is destroyed; ret[i]
     * is the median of column i. Of an even count it is the mean of the two
     * in the middle, integers rounded half away from zero; with a NaN in the
     * column it is NaN.
     */
    void (*median)(enum sample_type type, void *tile, uint32_t count,
                   void *ret);

    /* One row of the filter: pixel i looks at rows[dy][i .. i + 12]; its
     * centre is rows[6][i + 6]. */
    void (*bilateral)(const struct bilateral *b,
                      const float *const rows[BILATERAL_SIDE], size_t n,
                      float *ret);
};

const struct stack_kernels *stack_kernels_scalar(void);
const struct stack_kernels *stack_kernels_vector(void);
const struct stack_kernels *stack_kernels_avx2(void); /* NULL: not here */

/* The fastest set this CPU can run. */
const struct stack_kernels *stack_kernels_best(void);

#endif
