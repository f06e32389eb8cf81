// SPDX-License-Identifier: MIT
/*
 * resize_lanes.h: the resize loops, RESIZE_LANES pixels at a time.
 *
 * Included by resize_vector.c and resize_avx2.c, which are compiled for
 * different CPUs; RESIZE_LANES_NAME names the set. The compiler splits the
 * vector types where the registers are narrower; every lane has the
 * arithmetic of a plain float. Vectors are passed by pointer, because their
 * calling convention differs between the two.
 *
 * Functions that switch on a type are inlined with that type a constant.
 */
#ifndef IMAGE_RESIZE_LANES_H
#define IMAGE_RESIZE_LANES_H

#include <math.h>
#include <string.h>

#include "image/resize_kernel.h"

#define INLINE static inline __attribute__((always_inline))

typedef float f32x8 __attribute__((vector_size(32)));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef int16_t i16x8 __attribute__((vector_size(16)));

/* Vectors kept in registers on a sweep down the rows: together they are a
 * cache line of 16-bit samples. */
#define SWEEP 4

INLINE void splat(float v, f32x8 *ret)
{
    *ret = (f32x8){v, v, v, v, v, v, v, v};
}

/* mask ? a : b in every lane */
INLINE void pick(const i32x8 *mask, const f32x8 *a, const f32x8 *b, f32x8 *ret)
{
    *ret = (f32x8)(((i32x8)*a & *mask) | ((i32x8)*b & ~*mask));
}

/* resize_larger in every lane. */
INLINE void larger(const f32x8 *v, f32x8 *max)
{
    i32x8 is_larger = ~(*max >= *v) & (*v == *v);

    pick(&is_larger, v, max, max);
}

/* Eight samples from p[i] on as floats. */
INLINE void load(const void *p, enum sample_type type, size_t i, f32x8 *ret)
{
    u8x8 narrow;
    u16x8 wide;
    i16x8 sign;

    if (type == SAMPLE_U8) {
        memcpy(&narrow, (const uint8_t *)p + i, sizeof narrow);
        wide = __builtin_convertvector(narrow, u16x8);
        *ret = __builtin_convertvector(__builtin_convertvector(wide, i32x8),
                                       f32x8);
    } else if (type == SAMPLE_U16) {
        memcpy(&wide, (const uint16_t *)p + i, sizeof wide);
        *ret = __builtin_convertvector(__builtin_convertvector(wide, i32x8),
                                       f32x8);
    } else if (type == SAMPLE_I16) {
        memcpy(&sign, (const int16_t *)p + i, sizeof sign);
        *ret = __builtin_convertvector(__builtin_convertvector(sign, i32x8),
                                       f32x8);
    } else {
        memcpy(ret, (const float *)p + i, sizeof *ret);
    }
}

/* One sample, for the few that do not fill a vector. */
INLINE float load_one(const void *p, enum sample_type type, size_t i)
{
    if (type == SAMPLE_U8)
        return ((const uint8_t *)p)[i];
    if (type == SAMPLE_U16)
        return ((const uint16_t *)p)[i];
    if (type == SAMPLE_I16)
        return ((const int16_t *)p)[i];
    return ((const float *)p)[i];
}

/* `n` vectors of columns from i on, down all rows: the weighted sum, or the
 * largest if there are no weights. */
INLINE void sweep(const struct resize_rows *rows, enum sample_type type,
                  const float *weights, size_t i, size_t n, float *ret)
{
    const uint8_t *row = rows->first;
    f32x8 acc[SWEEP];

    for (size_t j = 0; j < n; j++)
        splat(weights ? 0 : NAN, &acc[j]);
    for (uint32_t k = 0; k < rows->count; k++) {
        f32x8 weight;

        splat(weights ? weights[k] : 0, &weight);
        for (size_t j = 0; j < n; j++) {
            f32x8 v;

            load(row, type, i + j * RESIZE_LANES, &v);
            if (weights) {
                acc[j] += v * weight;
            } else {
                larger(&v, &acc[j]);
            }
        }
        row += rows->stride_bytes;
    }
    for (size_t j = 0; j < n; j++)
        memcpy(ret + i + j * RESIZE_LANES, &acc[j], sizeof acc[j]);
}

INLINE void sweep_one(const struct resize_rows *rows, enum sample_type type,
                      const float *weights, size_t i, float *ret)
{
    const uint8_t *row = rows->first;
    float acc = weights ? 0 : NAN;

    for (uint32_t k = 0; k < rows->count; k++) {
        float v = load_one(row, type, i);

        if (weights)
            acc += v * weights[k];
        else
            acc = resize_larger(v, acc) ? v : acc;
        row += rows->stride_bytes;
    }
    ret[i] = acc;
}

INLINE void sweep_all(const struct resize_rows *rows, enum sample_type type,
                      const float *weights, float *ret)
{
    size_t i = 0;

    for (; i + SWEEP * RESIZE_LANES <= rows->samples; i += SWEEP * RESIZE_LANES)
        sweep(rows, type, weights, i, SWEEP, ret);
    for (; i + RESIZE_LANES <= rows->samples; i += RESIZE_LANES)
        sweep(rows, type, weights, i, 1, ret);
    for (; i < rows->samples; i++)
        sweep_one(rows, type, weights, i, ret);
}

static void vertical(const struct resize_rows *rows, const float *weights,
                     float *ret)
{
    if (rows->type == SAMPLE_U8)
        sweep_all(rows, SAMPLE_U8, weights, ret);
    else if (rows->type == SAMPLE_U16)
        sweep_all(rows, SAMPLE_U16, weights, ret);
    else if (rows->type == SAMPLE_I16)
        sweep_all(rows, SAMPLE_I16, weights, ret);
    else
        sweep_all(rows, SAMPLE_F32, weights, ret);
}

static void vertical_max(const struct resize_rows *rows, float *ret)
{
    if (rows->type == SAMPLE_U8)
        sweep_all(rows, SAMPLE_U8, NULL, ret);
    else if (rows->type == SAMPLE_U16)
        sweep_all(rows, SAMPLE_U16, NULL, ret);
    else if (rows->type == SAMPLE_I16)
        sweep_all(rows, SAMPLE_I16, NULL, ret);
    else
        sweep_all(rows, SAMPLE_F32, NULL, ret);
}

/* out[j][i] = in[i][j] for i, j < 4, both with a stride in floats. */
INLINE void transpose4(const float *in, size_t in_stride, float *out,
                       size_t out_stride)
{
    f32x4 r[4];
    f32x4 low[2];
    f32x4 high[2];

    for (size_t i = 0; i < 4; i++)
        memcpy(&r[i], in + i * in_stride, sizeof r[i]);
    for (size_t i = 0; i < 2; i++) { /* rows i and i + 2 */
        low[i] = __builtin_shufflevector(r[i], r[i + 2], 0, 4, 1, 5);
        high[i] = __builtin_shufflevector(r[i], r[i + 2], 2, 6, 3, 7);
    }
    r[0] = __builtin_shufflevector(low[0], low[1], 0, 4, 1, 5);
    r[1] = __builtin_shufflevector(low[0], low[1], 2, 6, 3, 7);
    r[2] = __builtin_shufflevector(high[0], high[1], 0, 4, 1, 5);
    r[3] = __builtin_shufflevector(high[0], high[1], 2, 6, 3, 7);
    for (size_t i = 0; i < 4; i++)
        memcpy(out + i * out_stride, &r[i], sizeof r[i]);
}

INLINE void transpose8(const float *in, size_t in_stride, float *out,
                       size_t out_stride)
{
    transpose4(in, in_stride, out, out_stride);
    transpose4(in + 4, in_stride, out + 4 * out_stride, out_stride);
    transpose4(in + 4 * in_stride, in_stride, out + 4, out_stride);
    transpose4(in + 4 * in_stride + 4, in_stride, out + 4 * out_stride + 4,
               out_stride);
}

static void interleave(const float *rows, size_t samples, float *lanes)
{
    size_t i = 0;

    for (; i + RESIZE_LANES <= samples; i += RESIZE_LANES)
        transpose8(rows + i, samples, lanes + i * RESIZE_LANES, RESIZE_LANES);
    for (; i < samples; i++) {
        for (size_t r = 0; r < RESIZE_LANES; r++)
            lanes[i * RESIZE_LANES + r] = rows[r * samples + i];
    }
}

static void horizontal(const struct resize_axis *axis, uint32_t channels,
                       const float *lanes, float *ret)
{
    for (uint32_t o = 0; o < axis->outputs; o++) {
        const struct resize_tap *tap = &axis->taps[o];
        const float *weights = axis->weights + tap->weight;

        for (uint32_t c = 0; c < channels; c++) {
            const float *at =
                lanes + ((size_t)tap->first * channels + c) * RESIZE_LANES;
            f32x8 acc;

            splat(0, &acc);
            for (uint32_t k = 0; k < tap->count; k++) {
                f32x8 v;
                f32x8 weight;

                load(at, SAMPLE_F32, 0, &v);
                splat(weights[k], &weight);
                acc += v * weight;
                at += (size_t)channels * RESIZE_LANES;
            }
            memcpy(ret, &acc, sizeof acc);
            ret += RESIZE_LANES;
        }
    }
}

static void horizontal_max(const struct resize_axis *axis, uint32_t channels,
                           const float *lanes, float *ret)
{
    for (uint32_t o = 0; o < axis->outputs; o++) {
        const struct resize_tap *tap = &axis->taps[o];

        for (uint32_t c = 0; c < channels; c++) {
            const float *at =
                lanes + ((size_t)tap->first * channels + c) * RESIZE_LANES;
            f32x8 acc;

            splat(NAN, &acc);
            for (uint32_t k = 0; k < tap->count; k++) {
                f32x8 v;

                load(at, SAMPLE_F32, 0, &v);
                larger(&v, &acc);
                at += (size_t)channels * RESIZE_LANES;
            }
            memcpy(ret, &acc, sizeof acc);
            ret += RESIZE_LANES;
        }
    }
}

/* Clamp, then half away from zero: what is cut off by the conversion to
 * integer is exact, so comparing it with one half is too. */
INLINE void round_to(float min, float max, const f32x8 *in, i32x8 *ret)
{
    f32x8 limit;
    f32x8 v;
    f32x8 rest;
    i32x8 inside;

    splat(min, &limit);
    inside = *in > limit;
    pick(&inside, in, &limit, &v);
    splat(max, &limit);
    inside = v < limit;
    pick(&inside, &v, &limit, &v);
    *ret = __builtin_convertvector(v, i32x8);
    rest = v - __builtin_convertvector(*ret, f32x8);
    splat(0.5F, &limit);
    *ret -= rest >= limit; /* true is -1 */
    *ret += rest <= -limit;
}

/* `n` <= 8 floats to samples. */
INLINE void store_row(const float *in, enum sample_type type, void *ret,
                      size_t n)
{
    f32x8 v;
    i32x8 whole;
    u8x8 narrow;
    u16x8 wide;
    i16x8 sign;

    load(in, SAMPLE_F32, 0, &v);
    if (type == SAMPLE_U8) {
        round_to(0, UINT8_MAX, &v, &whole);
        narrow = __builtin_convertvector(whole, u8x8);
        memcpy(ret, &narrow, n * sizeof(uint8_t));
    } else if (type == SAMPLE_U16) {
        round_to(0, UINT16_MAX, &v, &whole);
        wide = __builtin_convertvector(whole, u16x8);
        memcpy(ret, &wide, n * sizeof(uint16_t));
    } else if (type == SAMPLE_I16) {
        round_to(INT16_MIN, INT16_MAX, &v, &whole);
        sign = __builtin_convertvector(whole, i16x8);
        memcpy(ret, &sign, n * sizeof(int16_t));
    } else {
        memcpy(ret, &v, n * sizeof(float));
    }
}

INLINE void store_all(const float *lanes, size_t samples, uint32_t rows,
                      enum sample_type type, uint8_t *ret, size_t stride_bytes)
{
    float block[RESIZE_LANES * RESIZE_LANES] = {0};
    size_t i = 0;

    for (; i + RESIZE_LANES <= samples; i += RESIZE_LANES) {
        transpose8(lanes + i * RESIZE_LANES, RESIZE_LANES, block, RESIZE_LANES);
        for (uint32_t r = 0; r < rows; r++)
            store_row(block + (size_t)r * RESIZE_LANES, type,
                      ret + r * stride_bytes + i * sample_bytes(type),
                      RESIZE_LANES);
    }
    if (i == samples)
        return;
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < samples - i; j++)
            block[j] = lanes[(i + j) * RESIZE_LANES + r];
        store_row(block, type, ret + r * stride_bytes + i * sample_bytes(type),
                  samples - i);
    }
}

static void store(const float *lanes, size_t samples, uint32_t rows,
                  enum sample_type type, uint8_t *ret, size_t stride_bytes)
{
    if (type == SAMPLE_U8)
        store_all(lanes, samples, rows, SAMPLE_U8, ret, stride_bytes);
    else if (type == SAMPLE_U16)
        store_all(lanes, samples, rows, SAMPLE_U16, ret, stride_bytes);
    else if (type == SAMPLE_I16)
        store_all(lanes, samples, rows, SAMPLE_I16, ret, stride_bytes);
    else
        store_all(lanes, samples, rows, SAMPLE_F32, ret, stride_bytes);
}

static const struct resize_kernels lane_kernels = {
    .name = RESIZE_LANES_NAME,
    .vertical = vertical,
    .vertical_max = vertical_max,
    .interleave = interleave,
    .horizontal = horizontal,
    .horizontal_max = horizontal_max,
    .store = store,
};

#endif
