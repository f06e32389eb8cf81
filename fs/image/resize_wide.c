// SPDX-License-Identifier: MIT
/*
 * resize_wide.c: resampling 32-bit integers and f64, in f64.
 *
 * The same windows and order of sums as in f32. The f32 weights add up to 1
 * only within f32; divided by their sum in f64 they keep a constant of 32
 * bits constant.
 */
#include <math.h>
#include <stdlib.h>

#include "image/image.h"
#include "image/resize_kernel.h"
#include "image/sample.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

static double weight_sum(const struct resize_axis *axis,
                         const struct resize_tap *tap)
{
    double sum = 0;

    for (uint32_t k = 0; k < tap->count; k++)
        sum += (double)axis->weights[tap->weight + k];
    return sum;
}

/* Weighted sum, or largest, of `count` doubles `step` apart. */
static double combine(const struct resize_axis *axis,
                      const struct resize_tap *tap, double sum,
                      const double *in, size_t step)
{
    double acc = axis->weights ? 0 : (double)NAN;

    for (uint32_t k = 0; k < tap->count; k++) {
        double v = in[k * step];

        if (axis->weights)
            acc += v * ((double)axis->weights[tap->weight + k] / sum);
        else
            acc = resize_larger(v, acc) ? v : acc;
    }
    return acc;
}

/* Column i of the window, from its first row on, into `column`. */
static void gather(const struct image *src, const struct resize_tap *tap,
                   size_t i, double *column)
{
    for (uint32_t k = 0; k < tap->count; k++)
        column[k] = sample_get(image_row(src, tap->first + k), src->type, i);
}

static void make_row(const struct resize_plan *plan, const struct image *src,
                     const struct image *dst, uint32_t y, double *row,
                     double *column)
{
    const struct resize_tap *down = &plan->y.taps[y];
    bool is_max = plan->filter == RESIZE_MAXPOOL;
    double sum = is_max ? 1 : weight_sum(&plan->y, down);
    size_t samples = (size_t)src->width * src->channels;

    for (size_t i = 0; i < samples; i++) {
        gather(src, down, i, column);
        row[i] = combine(&plan->y, down, sum, column, 1);
    }
    for (uint32_t o = 0; o < dst->width; o++) {
        const struct resize_tap *along = &plan->x.taps[o];

        sum = is_max ? 1 : weight_sum(&plan->x, along);
        for (uint32_t c = 0; c < src->channels; c++) {
            const double *in = row + (size_t)along->first * src->channels + c;

            sample_set(image_row(dst, y), dst->type,
                       (size_t)o * src->channels + c,
                       combine(&plan->x, along, sum, in, src->channels));
        }
    }
}

int resize_apply_wide(const struct resize_plan *plan, const struct image *src,
                      const struct image *dst, struct error *err)
{
    CLEANUP_FREE double *row = NULL;
    CLEANUP_FREE double *column = NULL;

    row = calloc((size_t)src->width * src->channels, sizeof *row);
    column = calloc(plan->y.widest, sizeof *column);
    if (!row || !column)
        return error_no_memory(err);
    for (uint32_t y = 0; y < dst->height; y++)
        make_row(plan, src, dst, y, row, column);
    return 0;
}
