// SPDX-License-Identifier: MIT
/*
 * convert.c: sample types, grey and colour (convert.h).
 *
 * `converted` is the definition for every pair of types; the pairs that big
 * frames take have a loop of their own, tested against it.
 */
#include "image/convert.h"

#include <string.h>

#include "image/image.h"
#include "image/luma.h"
#include "image/sample.h"

static bool is_float(enum sample_type type)
{
    return type == SAMPLE_F32 || type == SAMPLE_F64;
}

/* What 1.0 is in this type, for CONVERT_UNIT. */
static double unit_of(enum sample_type type)
{
    if (is_float(type))
        return 1;
    return type == SAMPLE_U8 ? UINT8_MAX : UINT16_MAX;
}

static bool has_unit(enum sample_type type)
{
    return is_float(type) || type == SAMPLE_U8 || type == SAMPLE_U16;
}

uint8_t convert_luma8(uint8_t r, uint8_t g, uint8_t b)
{
    return luma_float8(r, g, b);
}

uint16_t convert_luma16(uint16_t r, uint16_t g, uint16_t b)
{
    return luma_float16(r, g, b);
}

static double luma_of(const void *row, enum sample_type type, size_t x)
{
    double r = sample_get(row, type, x * 3);
    double g = sample_get(row, type, x * 3 + 1);
    double b = sample_get(row, type, x * 3 + 2);

    if (type == SAMPLE_U8)
        return luma_float8((uint8_t)r, (uint8_t)g, (uint8_t)b);
    if (type == SAMPLE_U16)
        return luma_float16((uint16_t)r, (uint16_t)g, (uint16_t)b);
    return r * LUMA_R + g * LUMA_G + b * LUMA_B;
}

/* Channel c of pixel x of the source, made to `channels` channels. */
static double channel_of(const struct image *src, const void *row,
                         uint32_t channels, size_t x, uint32_t c)
{
    if (src->channels == channels)
        return sample_get(row, src->type, x * channels + c);
    if (channels == 1)
        return luma_of(row, src->type, x);
    return sample_get(row, src->type, x);
}

/* The value in the unit of `to`; sample_set rounds and clamps it. */
static double rescaled(double v, enum sample_type from, enum sample_type to)
{
    if (from == to)
        return v;
    if (from == SAMPLE_U16 && to == SAMPLE_U8)
        return (double)(((uint32_t)v * 255 + 32767) / 65535);
    if (is_float(to))
        return v / unit_of(from);
    return v * (unit_of(to) / unit_of(from));
}

static double converted(const struct image *src, const void *row,
                        enum convert_scale scale, uint32_t channels,
                        enum sample_type to, size_t x, uint32_t c)
{
    double v = channel_of(src, row, channels, x, c);

    return scale == CONVERT_UNIT ? rescaled(v, src->type, to) : v;
}

static inline void narrow_row(const uint16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(((uint32_t)in[i] * 255 + 32767) / 65535);
}

static inline void widen_row(const uint8_t *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint16_t)(in[i] * 257);
}

static inline void unit_row_u8(const uint8_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] / 255.0F;
}

static inline void unit_row_u16(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] / 65535.0F;
}

/* f32 holds every i16 and one half more, so nothing is lost on the way. */
static inline void round_row_i16(const float *in, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = in[i];
        float whole;
        float rest;

        v = v > -32768.0F ? v : v == v ? -32768.0F : 0.0F;
        v = v < 32767.0F ? v : 32767.0F;
        whole = (float)(int32_t)v;
        rest = v - whole;
        out[i] = (int16_t)((int32_t)whole + (rest >= 0.5F) - (rest <= -0.5F));
    }
}

/* One row of the same channels, if there is a loop for the pair. */
static bool convert_row(enum convert_scale scale, enum sample_type from,
                        const void *in, enum sample_type to, void *out,
                        size_t n)
{
    if (from == to)
        memcpy(out, in, n * sample_bytes(to));
    else if (scale == CONVERT_VALUE && from == SAMPLE_F32 && to == SAMPLE_I16)
        round_row_i16(in, out, n);
    else if (scale == CONVERT_VALUE)
        return false;
    else if (from == SAMPLE_U16 && to == SAMPLE_U8)
        narrow_row(in, out, n);
    else if (from == SAMPLE_U8 && to == SAMPLE_U16)
        widen_row(in, out, n);
    else if (from == SAMPLE_U8 && to == SAMPLE_F32)
        unit_row_u8(in, out, n);
    else if (from == SAMPLE_U16 && to == SAMPLE_F32)
        unit_row_u16(in, out, n);
    else
        return false;
    return true;
}

static void convert_row_any(const struct image *src, const void *in,
                            enum convert_scale scale, const struct image *dst,
                            void *out)
{
    for (uint32_t x = 0; x < src->width; x++) {
        for (uint32_t c = 0; c < dst->channels; c++)
            sample_set(
                out, dst->type, (size_t)x * dst->channels + c,
                converted(src, in, scale, dst->channels, dst->type, x, c));
    }
}

static int check(const struct image *src, enum convert_scale scale,
                 enum sample_type to, struct error *err)
{
    if (scale == CONVERT_UNIT && (!has_unit(src->type) || !has_unit(to)))
        return error_set(err, ERROR_UNSUPPORTED,
                         "display values are u8, u16 or float only");
    return 0;
}

int convert_image(const struct image *src, enum convert_scale scale,
                  const struct image *dst, struct error *err)
{
    size_t samples = (size_t)src->width * src->channels;

    if (!image_same_size(src, dst))
        return error_set(err, ERROR_INTERNAL,
                         "convert: the images do not fit together");
    if (check(src, scale, dst->type, err) < 0)
        return -1;
    for (uint32_t y = 0; y < src->height; y++) {
        const void *in = image_row(src, y);
        void *out = image_row(dst, y);

        if (src->channels != dst->channels ||
            !convert_row(scale, src->type, in, dst->type, out, samples))
            convert_row_any(src, in, scale, dst, out);
    }
    return 0;
}

uint16_t convert_f16(float value)
{
    uint32_t bits;
    uint32_t sign;
    uint32_t magnitude;
    uint32_t half;
    uint32_t rest;
    uint32_t tie;

    memcpy(&bits, &value, sizeof bits);
    sign = (bits >> 16) & 0x8000U;
    magnitude = bits & 0x7fffffffU;
    if (magnitude > 0x7f800000U)
        return (uint16_t)(sign | 0x7e00U); /* NaN */
    if (magnitude >= 0x477ff000U)
        return (uint16_t)(sign | 0x7c00U); /* 65520 and more */
    if (magnitude >= 0x38800000U) {        /* 2^-14: normal */
        magnitude -= 0x38000000U;
        half = magnitude >> 13;
        rest = magnitude & 0x1fffU;
        tie = 0x1000U;
    } else if (magnitude >= 0x33000000U) { /* 2^-25: rounds to subnormal */
        uint32_t shift = 126 - (magnitude >> 23);
        uint32_t mantissa = (magnitude & 0x7fffffU) | 0x800000U;

        half = mantissa >> shift;
        rest = mantissa & ((1U << shift) - 1);
        tie = 1U << (shift - 1);
    } else {
        return (uint16_t)sign;
    }
    if (rest > tie || (rest == tie && (half & 1) != 0))
        half++;
    return (uint16_t)(sign | half);
}

int convert_to_f16(const struct image *src, enum convert_scale scale,
                   uint16_t *dst, struct error *err)
{
    if (check(src, scale, SAMPLE_F32, err) < 0)
        return -1;
    for (uint32_t y = 0; y < src->height; y++) {
        const void *in = image_row(src, y);

        for (uint32_t x = 0; x < src->width; x++) {
            for (uint32_t c = 0; c < src->channels; c++)
                *dst++ = convert_f16((float)converted(
                    src, in, scale, src->channels, SAMPLE_F32, x, c));
        }
    }
    return 0;
}
