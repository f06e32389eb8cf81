// SPDX-License-Identifier: MIT
/* resize_scalar.c: the definition of the resize loops (resize_kernel.h). */
#include <math.h>

#include "image/resize_kernel.h"
#include "image/sample.h"

static float sample_f32(const struct resize_rows *rows, uint32_t row, size_t i)
{
    const uint8_t *at = rows->first + row * rows->stride_bytes;

    return (float)sample_get(at, rows->type, i);
}

static void vertical(const struct resize_rows *rows, const float *weights,
                     float *ret)
{
    for (size_t i = 0; i < rows->samples; i++) {
        float sum = 0;

        for (uint32_t k = 0; k < rows->count; k++)
            sum += sample_f32(rows, k, i) * weights[k];
        ret[i] = sum;
    }
}

static void vertical_max(const struct resize_rows *rows, float *ret)
{
    for (size_t i = 0; i < rows->samples; i++) {
        float max = NAN;

        for (uint32_t k = 0; k < rows->count; k++) {
            float v = sample_f32(rows, k, i);

            max = resize_larger(v, max) ? v : max;
        }
        ret[i] = max;
    }
}

static void interleave(const float *rows, size_t samples, float *lanes)
{
    for (size_t i = 0; i < samples; i++) {
        for (size_t r = 0; r < RESIZE_LANES; r++)
            lanes[i * RESIZE_LANES + r] = rows[r * samples + i];
    }
}

/* Sample c of input pixel x of row `lane`. */
static float lane_at(const float *lanes, uint32_t channels, size_t x,
                     uint32_t c, size_t lane)
{
    return lanes[(x * channels + c) * RESIZE_LANES + lane];
}

static float dot(const struct resize_axis *axis, const struct resize_tap *tap,
                 uint32_t channels, const float *lanes, uint32_t c, size_t lane)
{
    const float *weights = axis->weights + tap->weight;
    float sum = 0;

    for (uint32_t k = 0; k < tap->count; k++)
        sum += lane_at(lanes, channels, tap->first + k, c, lane) * weights[k];
    return sum;
}

static void horizontal(const struct resize_axis *axis, uint32_t channels,
                       const float *lanes, float *ret)
{
    for (uint32_t o = 0; o < axis->outputs; o++) {
        for (uint32_t c = 0; c < channels; c++) {
            for (size_t lane = 0; lane < RESIZE_LANES; lane++)
                *ret++ = dot(axis, &axis->taps[o], channels, lanes, c, lane);
        }
    }
}

static float largest(const struct resize_tap *tap, uint32_t channels,
                     const float *lanes, uint32_t c, size_t lane)
{
    float max = NAN;

    for (uint32_t k = 0; k < tap->count; k++) {
        float v = lane_at(lanes, channels, tap->first + k, c, lane);

        max = resize_larger(v, max) ? v : max;
    }
    return max;
}

static void horizontal_max(const struct resize_axis *axis, uint32_t channels,
                           const float *lanes, float *ret)
{
    for (uint32_t o = 0; o < axis->outputs; o++) {
        for (uint32_t c = 0; c < channels; c++) {
            for (size_t lane = 0; lane < RESIZE_LANES; lane++)
                *ret++ = largest(&axis->taps[o], channels, lanes, c, lane);
        }
    }
}

static void store(const float *lanes, size_t samples, uint32_t rows,
                  enum sample_type type, uint8_t *ret, size_t stride_bytes)
{
    for (uint32_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < samples; i++)
            sample_set(ret + r * stride_bytes, type, i,
                       (double)lanes[i * RESIZE_LANES + r]);
    }
}

const struct resize_kernels *resize_kernels_scalar(void)
{
    static const struct resize_kernels kernels = {
        .name = "scalar",
        .vertical = vertical,
        .vertical_max = vertical_max,
        .interleave = interleave,
        .horizontal = horizontal,
        .horizontal_max = horizontal_max,
        .store = store,
    };

    return &kernels;
}
