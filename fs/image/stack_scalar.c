// SPDX-License-Identifier: MIT
/* stack_scalar.c: the definition of the loops that combine frames. */
#include <math.h>

#include "image/resize_kernel.h"
#include "image/sample.h"
#include "image/stack_kernel.h"

static void max(enum sample_type type, const void *src, size_t n, void *acc)
{
    for (size_t i = 0; i < n; i++) {
        double v = sample_get(src, type, i);

        if (resize_larger(v, sample_get(acc, type, i)))
            sample_set(acc, type, i, v);
    }
}

static void min(enum sample_type type, const void *src, size_t n, void *acc)
{
    for (size_t i = 0; i < n; i++) {
        double v = sample_get(src, type, i);

        if (resize_larger(-v, -sample_get(acc, type, i)))
            sample_set(acc, type, i, v);
    }
}

static void add(enum sample_type type, const void *src, size_t n, void *sums)
{
    for (size_t i = 0; i < n; i++) {
        double v = sample_get(src, type, i);

        if (!stack_sums_are_integers(type))
            ((double *)sums)[i] += v;
        else if (type == SAMPLE_I16)
            ((int32_t *)sums)[i] += (int32_t)v;
        else
            ((uint32_t *)sums)[i] += (uint32_t)v;
    }
}

static void add_unit(const uint16_t *src, size_t n, float *sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] += (float)src[i] / 65535.0F;
}

static void blend(enum sample_type type, const void *x, const void *y, float a,
                  size_t n, void *ret)
{
    double wide = (double)a;

    for (size_t i = 0; i < n; i++) {
        double v = sample_get(x, type, i);
        double w = sample_get(y, type, i);

        if (type == SAMPLE_U8)
            v = truncf((float)v * (1.0F - a) + (float)w * a);
        else if (type == SAMPLE_U16)
            v = trunc(v * (1.0 - wide) + w * wide);
        else
            v = v * (1.0 - wide) + w * wide;
        sample_set(ret, type, i, v);
    }
}

/* Sorts column i by insertion; false if there is a NaN. */
static bool sort_column(enum sample_type type, void *tile, uint32_t count,
                        size_t i)
{
    for (uint32_t k = 0; k < count; k++) {
        double v = sample_get(tile, type, k * STACK_BLOCK + i);
        uint32_t at = k;

        if (isnan(v))
            return false;
        for (; at > 0; at--) {
            size_t before = (size_t)(at - 1) * STACK_BLOCK + i;

            if (sample_get(tile, type, before) <= v)
                break;
            sample_set(tile, type, before + STACK_BLOCK,
                       sample_get(tile, type, before));
        }
        sample_set(tile, type, (size_t)at * STACK_BLOCK + i, v);
    }
    return true;
}

static void median(enum sample_type type, void *tile, uint32_t count, void *ret)
{
    for (size_t i = 0; i < STACK_BLOCK; i++) {
        double low;
        double high;

        if (!sort_column(type, tile, count, i)) {
            sample_set(ret, type, i, NAN);
            continue;
        }
        low = sample_get(tile, type, (count - 1) / 2 * STACK_BLOCK + i);
        high = sample_get(tile, type, count / 2 * STACK_BLOCK + i);
        /* + 0.0: of a column of zeros the positive one */
        sample_set(ret, type, i, low * 0.5 + high * 0.5 + 0.0);
    }
}

/* Sigma 3 pixels and 0.015 of the range. */
void bilateral_init(struct bilateral *ret)
{
    const float last = BILATERAL_STEPS - 1;

    for (int i = 0; i < BILATERAL_STEPS; i++)
        ret->range[i] = expf(-((float)i / last) / (2.0F * 0.015F * 0.015F)) *
                        BILATERAL_SCALE;
    for (int y = 0; y < BILATERAL_SIDE; y++) {
        for (int x = 0; x < BILATERAL_SIDE; x++) {
            int dx = x - BILATERAL_RADIUS;
            int dy = y - BILATERAL_RADIUS;

            ret->space[y][x] = expf(-(float)(dx * dx + dy * dy) / 18.0F);
            ret->near[y][x] = ret->space[y][x] * ret->range[0];
        }
    }
}

static void bilateral(const struct bilateral *b,
                      const float *const rows[BILATERAL_SIDE], size_t n,
                      float *ret)
{
    for (size_t i = 0; i < n; i++) {
        float centre = rows[BILATERAL_RADIUS][i + BILATERAL_RADIUS];
        float sum = 0;
        float weights = 0;

        for (size_t dy = 0; dy < BILATERAL_SIDE; dy++) {
            for (size_t dx = 0; dx < BILATERAL_SIDE; dx++) {
                float v = rows[dy][i + dx];
                float d = v - centre;
                float step = fminf(d * d, 1.0F) * (BILATERAL_STEPS - 1);
                float w = b->space[dy][dx] * b->range[(size_t)roundf(step)];

                sum += v * w;
                weights += w;
            }
        }
        ret[i] = sum / weights;
    }
}

const struct stack_kernels *stack_kernels_scalar(void)
{
    static const struct stack_kernels kernels = {
        "scalar", max, min, add, add_unit, blend, median, bilateral,
    };

    return &kernels;
}
