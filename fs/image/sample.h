// SPDX-License-Identifier: MIT
/*
 * sample.h: one sample of any type as a double; internal to fs/image.
 *
 * f64 holds every sample type exactly. For the rare paths (32 bits, float,
 * margins); the frequent ones have loops of their own type.
 */
#ifndef IMAGE_SAMPLE_H
#define IMAGE_SAMPLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/image.h"

/* Limits of an integer type; false for floats. */
static inline int sample_limits(enum sample_type type, double *ret_min,
                                double *ret_max)
{
    switch (type) {
    case SAMPLE_U8:
        *ret_min = 0;
        *ret_max = UINT8_MAX;
        return 1;
    case SAMPLE_U16:
        *ret_min = 0;
        *ret_max = UINT16_MAX;
        return 1;
    case SAMPLE_I16:
        *ret_min = INT16_MIN;
        *ret_max = INT16_MAX;
        return 1;
    case SAMPLE_U32:
        *ret_min = 0;
        *ret_max = UINT32_MAX;
        return 1;
    case SAMPLE_I32:
        *ret_min = INT32_MIN;
        *ret_max = INT32_MAX;
        return 1;
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        break;
    }
    return 0;
}

static inline double sample_get(const void *row, enum sample_type type,
                                size_t i)
{
    switch (type) {
    case SAMPLE_U8:
        return ((const uint8_t *)row)[i];
    case SAMPLE_U16:
        return ((const uint16_t *)row)[i];
    case SAMPLE_I16:
        return ((const int16_t *)row)[i];
    case SAMPLE_U32:
        return ((const uint32_t *)row)[i];
    case SAMPLE_I32:
        return ((const int32_t *)row)[i];
    case SAMPLE_F32:
        return ((const float *)row)[i];
    case SAMPLE_F64:
        return ((const double *)row)[i];
    case SAMPLE_F16:
        break;
    }
    return 0;
}

/* NaN to 0, clamp, round half away from zero. */
static inline double sample_round(double value, double min, double max)
{
    if (isnan(value))
        return 0;
    if (value <= min)
        return min;
    if (value >= max)
        return max;
    return round(value);
}

/* Integers are rounded and clamped; f32 is rounded to f32. */
static inline void sample_set(void *row, enum sample_type type, size_t i,
                              double value)
{
    double min = 0;
    double max = 0;

    if (sample_limits(type, &min, &max))
        value = sample_round(value, min, max);
    switch (type) {
    case SAMPLE_U8:
        ((uint8_t *)row)[i] = (uint8_t)value;
        return;
    case SAMPLE_U16:
        ((uint16_t *)row)[i] = (uint16_t)value;
        return;
    case SAMPLE_I16:
        ((int16_t *)row)[i] = (int16_t)value;
        return;
    case SAMPLE_U32:
        ((uint32_t *)row)[i] = (uint32_t)value;
        return;
    case SAMPLE_I32:
        ((int32_t *)row)[i] = (int32_t)value;
        return;
    case SAMPLE_F32:
        ((float *)row)[i] = (float)value;
        return;
    case SAMPLE_F64:
        ((double *)row)[i] = value;
        return;
    case SAMPLE_F16:
        return;
    }
}

#endif
