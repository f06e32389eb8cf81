// SPDX-License-Identifier: MIT
/*
 * stack_bilateral.h: the bilateral filter of lapmip, LANES pixels at a time.
 *
 * Part of stack_lanes.h. The vector types are as wide as a register: GCC takes
 * wider ones apart sample by sample. They are passed by pointer, because their
 * calling convention differs between the sets.
 */
#ifndef IMAGE_STACK_BILATERAL_H
#define IMAGE_STACK_BILATERAL_H

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "image/stack_kernel.h"

#define FILTER_INLINE static inline __attribute__((always_inline))

#ifdef __AVX2__
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES (VECTOR_BYTES / sizeof(float))

typedef float f32v __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t i32v __attribute__((vector_size(VECTOR_BYTES)));

FILTER_INLINE void splat(float v, f32v *ret)
{
#ifdef __AVX2__
    *ret = (f32v){v, v, v, v, v, v, v, v};
#else
    *ret = (f32v){v, v, v, v};
#endif
}

FILTER_INLINE bool any_of(const i32v *mask)
{
#if defined(__AVX2__)
    return _mm256_movemask_ps((__m256)*mask) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_ps((__m128)*mask) != 0;
#else
    i32v m = *mask;
    int32_t any = 0;

    for (size_t i = 0; i < LANES; i++)
        any |= m[i];
    return any != 0;
#endif
}

/* range[index] in every lane. Neighbours of a pixel mostly differ little: the
 * first eight weights fit a register, which is much faster than a gather. */
FILTER_INLINE void look_up(const float *range, const i32v *index, f32v *ret)
{
#ifdef __AVX2__
    i32v is_far = *index > (int32_t)LANES - 1;

    if (any_of(&is_far))
        *ret = (f32v)_mm256_i32gather_ps(range, (__m256i)*index, sizeof(float));
    else
        *ret = (f32v)_mm256_permutevar8x32_ps(_mm256_loadu_ps(range),
                                              (__m256i)*index);
#else
    i32v at = *index;

    *ret = (f32v){range[at[0]], range[at[1]], range[at[2]], range[at[3]]};
#endif
}

/* Vectors of pixels at a time: one alone would wait for its own sums. */
#define PAIR ((size_t)2)

struct bilateral_sums {
    f32v centre[PAIR];
    f32v sum[PAIR];
    f32v weights[PAIR];
};

/* round(step) of every lane; true is -1. */
FILTER_INLINE void round_step(const f32v *step, const f32v *half, i32v *ret)
{
    *ret = __builtin_convertvector(*step, i32v);
    *ret -= *step - __builtin_convertvector(*ret, f32v) >= *half;
}

/* min(d^2, 1) * 2047 of the difference d in every lane. */
FILTER_INLINE void step_of(const f32v *v, const f32v *centre, f32v *ret)
{
    f32v step = *v - *centre;
    f32v limit;
    i32v mask;

    step *= step;
    splat(1, &limit);
    mask = step < limit;
    step = (f32v)(((i32v)step & mask) | ((i32v)limit & ~mask));
    splat(BILATERAL_STEPS - 1, &limit);
    *ret = step * limit;
}

/*
 * One neighbour of each of `n` vectors of pixels. Those whose steps round to
 * 0 have the weight `near`: in smooth places there is nothing to look up.
 */
FILTER_INLINE void take(const struct bilateral *b, float space, float near,
                        const float *at, size_t n, struct bilateral_sums *s)
{
    f32v half;

    splat(0.5F, &half);
    for (size_t j = 0; j < n; j++) {
        f32v v;
        f32v step;
        f32v weight;
        i32v is_off;

        memcpy(&v, at + j * LANES, sizeof v);
        step_of(&v, &s->centre[j], &step);
        splat(near, &weight);
        is_off = step >= half;
        if (any_of(&is_off)) {
            i32v index;
            f32v range;

            round_step(&step, &half, &index);
            look_up(b->range, &index, &range);
            splat(space, &weight);
            weight *= range;
        }
        s->sum[j] += v * weight;
        s->weights[j] += weight;
    }
}

FILTER_INLINE void bilateral_pixels(const struct bilateral *b,
                                    const float *const rows[BILATERAL_SIDE],
                                    size_t i, size_t n, float *ret)
{
    struct bilateral_sums s;

    for (size_t j = 0; j < n; j++) {
        memcpy(&s.centre[j],
               rows[BILATERAL_RADIUS] + i + BILATERAL_RADIUS + j * LANES,
               sizeof s.centre[j]);
        splat(0, &s.sum[j]);
        splat(0, &s.weights[j]);
    }
    for (size_t dy = 0; dy < BILATERAL_SIDE; dy++) {
        for (size_t dx = 0; dx < BILATERAL_SIDE; dx++)
            take(b, b->space[dy][dx], b->near[dy][dx], rows[dy] + i + dx, n,
                 &s);
    }
    for (size_t j = 0; j < n; j++) {
        s.sum[j] /= s.weights[j];
        memcpy(ret + i + j * LANES, &s.sum[j], sizeof s.sum[j]);
    }
}

/* The last vector overlaps the one before; less than one goes the plain
 * way. */
static void bilateral(const struct bilateral *b,
                      const float *const rows[BILATERAL_SIDE], size_t n,
                      float *ret)
{
    size_t i = 0;

    if (n < LANES) {
        stack_kernels_scalar()->bilateral(b, rows, n, ret);
        return;
    }
    for (; i + PAIR * LANES <= n; i += PAIR * LANES)
        bilateral_pixels(b, rows, i, PAIR, ret);
    for (; i + LANES <= n; i += LANES)
        bilateral_pixels(b, rows, i, 1, ret);
    if (i < n)
        bilateral_pixels(b, rows, n - LANES, 1, ret);
}

#endif
