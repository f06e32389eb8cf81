// SPDX-License-Identifier: MIT
/*
 * stack_lanes.h: the loops that combine frames, written for vectors.
 *
 * Included by stack_vector.c and stack_avx2.c, which are compiled for
 * different CPUs; STACK_LANES_NAME names the set. The loops are left to the
 * compiler's vectoriser, one for every type; only the bilateral filter, whose
 * look-ups no compiler vectorises, has vector types (stack_bilateral.h).
 */
#ifndef IMAGE_STACK_LANES_H
#define IMAGE_STACK_LANES_H

#include <math.h>
#include <string.h>

#include "image/stack_bilateral.h"
#include "image/stack_kernel.h"

#define INLINE static inline __attribute__((always_inline))

/* ---- one sample at a time ----------------------------------------------- */

/* `expression` of the sample v and the accumulated w, both of `ctype`. */
#define ACCUMULATE(ctype, expression)                                          \
    do {                                                                       \
        const ctype *restrict in = src;                                        \
        ctype *restrict out = acc;                                             \
                                                                               \
        for (size_t i = 0; i < n; i++) {                                       \
            ctype v = in[i];                                                   \
            ctype w = out[i];                                                  \
                                                                               \
            out[i] = (expression) ? v : w;                                     \
        }                                                                      \
    } while (0)

static void max(enum sample_type type, const void *src, size_t n, void *acc)
{
    switch (type) {
    case SAMPLE_U8:
        ACCUMULATE(uint8_t, v > w);
        return;
    case SAMPLE_U16:
        ACCUMULATE(uint16_t, v > w);
        return;
    case SAMPLE_I16:
        ACCUMULATE(int16_t, v > w);
        return;
    case SAMPLE_U32:
        ACCUMULATE(uint32_t, v > w);
        return;
    case SAMPLE_I32:
        ACCUMULATE(int32_t, v > w);
        return;
    case SAMPLE_F32:
        ACCUMULATE(float, !(w >= v) & (v == v));
        return;
    case SAMPLE_F64:
        ACCUMULATE(double, !(w >= v) & (v == v));
        return;
    case SAMPLE_F16:
        break;
    }
}

static void min(enum sample_type type, const void *src, size_t n, void *acc)
{
    switch (type) {
    case SAMPLE_U8:
        ACCUMULATE(uint8_t, v < w);
        return;
    case SAMPLE_U16:
        ACCUMULATE(uint16_t, v < w);
        return;
    case SAMPLE_I16:
        ACCUMULATE(int16_t, v < w);
        return;
    case SAMPLE_U32:
        ACCUMULATE(uint32_t, v < w);
        return;
    case SAMPLE_I32:
        ACCUMULATE(int32_t, v < w);
        return;
    case SAMPLE_F32:
        ACCUMULATE(float, !(w <= v) & (v == v));
        return;
    case SAMPLE_F64:
        ACCUMULATE(double, !(w <= v) & (v == v));
        return;
    case SAMPLE_F16:
        break;
    }
}

#define ADD(ctype, sumtype)                                                    \
    do {                                                                       \
        const ctype *restrict in = src;                                        \
        sumtype *restrict out = sums;                                          \
                                                                               \
        for (size_t i = 0; i < n; i++)                                         \
            out[i] += (sumtype)in[i];                                          \
    } while (0)

static void add(enum sample_type type, const void *src, size_t n, void *sums)
{
    switch (type) {
    case SAMPLE_U8:
        ADD(uint8_t, uint32_t);
        return;
    case SAMPLE_U16:
        ADD(uint16_t, uint32_t);
        return;
    case SAMPLE_I16:
        ADD(int16_t, int32_t);
        return;
    case SAMPLE_U32:
        ADD(uint32_t, double);
        return;
    case SAMPLE_I32:
        ADD(int32_t, double);
        return;
    case SAMPLE_F32:
        ADD(float, double);
        return;
    case SAMPLE_F64:
        ADD(double, double);
        return;
    case SAMPLE_F16:
        break;
    }
}

static void add_unit(const uint16_t *restrict src, size_t n,
                     float *restrict sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += (float)src[i] / 65535.0F;
}

/* ---- between two frames ------------------------------------------------- */

/* Half away from zero: what the conversion cuts off is exact. */
INLINE int32_t round_i32(double v)
{
    int32_t whole = (int32_t)v;
    double rest = v - whole;

    return whole + (rest >= 0.5) - (rest <= -0.5);
}

INLINE uint32_t round_u32(double v)
{
    uint32_t whole = (uint32_t)v;

    return whole + (v - whole >= 0.5);
}

/* `expression` of the samples v and w; a is the weight of w, b of v. */
#define BLEND(ctype, wide, expression)                                         \
    do {                                                                       \
        const ctype *restrict in_x = x;                                        \
        const ctype *restrict in_y = y;                                        \
        ctype *restrict out = ret;                                             \
        wide a = (wide)weight;                                                 \
        wide b = (wide)1 - a;                                                  \
                                                                               \
        for (size_t i = 0; i < n; i++) {                                       \
            wide v = (wide)in_x[i];                                            \
            wide w = (wide)in_y[i];                                            \
                                                                               \
            v = v * b + w * a;                                                 \
            out[i] = (ctype)(expression);                                      \
        }                                                                      \
    } while (0)

static void blend(enum sample_type type, const void *x, const void *y,
                  float weight, size_t n, void *ret)
{
    switch (type) {
    case SAMPLE_U8:
        BLEND(uint8_t, float, (int32_t)v);
        return;
    case SAMPLE_U16:
        BLEND(uint16_t, double, (int32_t)v);
        return;
    case SAMPLE_I16:
        BLEND(int16_t, double, round_i32(v));
        return;
    case SAMPLE_U32:
        BLEND(uint32_t, double, round_u32(v));
        return;
    case SAMPLE_I32:
        BLEND(int32_t, double, round_i32(v));
        return;
    case SAMPLE_F32:
        BLEND(float, double, v);
        return;
    case SAMPLE_F64:
        BLEND(double, double, v);
        return;
    case SAMPLE_F16:
        break;
    }
}

/* ---- median ------------------------------------------------------------- */

/*
 * Batcher's merge exchange (Knuth, The Art of Computer Programming, 5.2.2,
 * algorithm M) sorts any number of rows; each exchange is a minimum and a
 * maximum over a whole row of the tile.
 */
#define EXCHANGE(ctype)                                                        \
    do {                                                                       \
        ctype *restrict low = (ctype *)tile + (size_t)at * STACK_BLOCK;        \
        ctype *restrict high = low + (size_t)apart * STACK_BLOCK;              \
                                                                               \
        for (size_t i = 0; i < STACK_BLOCK; i++) {                             \
            ctype v = low[i];                                                  \
            ctype w = high[i];                                                 \
                                                                               \
            low[i] = v < w ? v : w;                                            \
            high[i] = v < w ? w : v;                                           \
        }                                                                      \
    } while (0)

INLINE void exchange(enum sample_type type, void *tile, uint32_t at,
                     uint32_t apart)
{
    switch (type) {
    case SAMPLE_U8:
        EXCHANGE(uint8_t);
        return;
    case SAMPLE_U16:
        EXCHANGE(uint16_t);
        return;
    case SAMPLE_I16:
        EXCHANGE(int16_t);
        return;
    case SAMPLE_U32:
        EXCHANGE(uint32_t);
        return;
    case SAMPLE_I32:
        EXCHANGE(int32_t);
        return;
    case SAMPLE_F32:
        EXCHANGE(float);
        return;
    case SAMPLE_F64:
        EXCHANGE(double);
        return;
    case SAMPLE_F16:
        break;
    }
}

INLINE void sort_rows(enum sample_type type, void *tile, uint32_t count)
{
    uint32_t top = 1;

    while (top < count - top)
        top *= 2;
    for (uint32_t p = top; p > 0; p /= 2) {
        uint32_t q = top;
        uint32_t r = 0;
        uint32_t apart = p;

        for (;;) {
            for (uint32_t i = 0; i < count - apart; i++) {
                if ((i & p) == r)
                    exchange(type, tile, i, apart);
            }
            if (q == p)
                break;
            apart = q - p;
            q /= 2;
            r = p;
        }
    }
}

#define MIDDLE(ctype, wide, expression)                                        \
    do {                                                                       \
        const ctype *low =                                                     \
            (const ctype *)tile + (size_t)((count - 1) / 2) * STACK_BLOCK;     \
        const ctype *high =                                                    \
            (const ctype *)tile + (size_t)(count / 2) * STACK_BLOCK;           \
        ctype *out = ret;                                                      \
                                                                               \
        for (size_t i = 0; i < STACK_BLOCK; i++) {                             \
            wide v = (wide)low[i];                                             \
            wide w = (wide)high[i];                                            \
                                                                               \
            out[i] = (ctype)(expression);                                      \
        }                                                                      \
    } while (0)

/* The half of an odd sum away from zero. */
#define HALF_SIGNED ((v + w + (v + w > 0) - (v + w < 0)) / 2)
#define HALF_UNSIGNED ((v + w + 1) / 2)
#define HALF_FLOAT (v * 0.5 + w * 0.5 + 0.0)

INLINE void middle(enum sample_type type, const void *tile, uint32_t count,
                   void *ret)
{
    switch (type) {
    case SAMPLE_U8:
        MIDDLE(uint8_t, uint32_t, HALF_UNSIGNED);
        return;
    case SAMPLE_U16:
        MIDDLE(uint16_t, uint32_t, HALF_UNSIGNED);
        return;
    case SAMPLE_I16:
        MIDDLE(int16_t, int32_t, HALF_SIGNED);
        return;
    case SAMPLE_U32:
        MIDDLE(uint32_t, uint64_t, HALF_UNSIGNED);
        return;
    case SAMPLE_I32:
        MIDDLE(int32_t, int64_t, HALF_SIGNED);
        return;
    case SAMPLE_F32:
        MIDDLE(float, double, HALF_FLOAT);
        return;
    case SAMPLE_F64:
        MIDDLE(double, double, HALF_FLOAT);
        return;
    case SAMPLE_F16:
        break;
    }
}

/* Replaces NaN by 0 and marks its column. */
#define FIND_NAN(ctype)                                                        \
    do {                                                                       \
        ctype *row = tile;                                                     \
                                                                               \
        for (size_t i = 0; i < (size_t)count * STACK_BLOCK; i++) {             \
            if (row[i] == row[i])                                              \
                continue;                                                      \
            row[i] = 0;                                                        \
            ret[i % STACK_BLOCK] = true;                                       \
            found = true;                                                      \
        }                                                                      \
    } while (0)

INLINE bool find_nan(enum sample_type type, void *tile, uint32_t count,
                     bool *ret)
{
    bool found = false;

    memset(ret, 0, STACK_BLOCK);
    if (type == SAMPLE_F32)
        FIND_NAN(float);
    else if (type == SAMPLE_F64)
        FIND_NAN(double);
    return found;
}

INLINE void median_of(enum sample_type type, void *tile, uint32_t count,
                      void *ret)
{
    bool is_nan[STACK_BLOCK];
    bool any = find_nan(type, tile, count, is_nan);

    sort_rows(type, tile, count);
    middle(type, tile, count, ret);
    for (size_t i = 0; any && i < STACK_BLOCK; i++) {
        if (is_nan[i] && type == SAMPLE_F32)
            ((float *)ret)[i] = NAN;
        else if (is_nan[i])
            ((double *)ret)[i] = (double)NAN;
    }
}

static void median(enum sample_type type, void *tile, uint32_t count, void *ret)
{
    switch (type) {
    case SAMPLE_U8:
        median_of(SAMPLE_U8, tile, count, ret);
        return;
    case SAMPLE_U16:
        median_of(SAMPLE_U16, tile, count, ret);
        return;
    case SAMPLE_I16:
        median_of(SAMPLE_I16, tile, count, ret);
        return;
    case SAMPLE_U32:
        median_of(SAMPLE_U32, tile, count, ret);
        return;
    case SAMPLE_I32:
        median_of(SAMPLE_I32, tile, count, ret);
        return;
    case SAMPLE_F32:
        median_of(SAMPLE_F32, tile, count, ret);
        return;
    case SAMPLE_F64:
        median_of(SAMPLE_F64, tile, count, ret);
        return;
    case SAMPLE_F16:
        break;
    }
}

static const struct stack_kernels lane_kernels = {
    STACK_LANES_NAME, max, min, add, add_unit, blend, median, bilateral,
};

#endif
