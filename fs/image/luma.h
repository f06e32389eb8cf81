// SPDX-License-Identifier: MIT
/*
 * luma.h: brightness of display pixels; internal to fs/image.
 *
 * REF has two lumas: an integer one that truncates, for the crop's first pass
 * and for padding (REF 3.1, 5), and a float one for everything else (3.6).
 * They differ by one on half of all colours.
 */
#ifndef IMAGE_LUMA_H
#define IMAGE_LUMA_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/image.h"

/* REF 3.6: f32 0x3e59c05b, 0x3f3715fc, 0x3d93cf75. */
#define LUMA_R 0x1.b380b6p-3F
#define LUMA_G 0x1.6e2bf8p-1F
#define LUMA_B 0x1.279eeap-4F

static inline uint32_t luma_integer(uint32_t r, uint32_t g, uint32_t b)
{
    return (uint32_t)((2126 * (uint64_t)r + 7152 * (uint64_t)g +
                       722 * (uint64_t)b) /
                      10000);
}

/* On the unit scale; `scale` is 1/255 or 1/65535 in f32. */
static inline float luma_float(float r, float g, float b, float scale)
{
    return ((0.0F + r * scale * LUMA_R) + g * scale * LUMA_G) +
           b * scale * LUMA_B;
}

static inline uint8_t luma_float8(uint8_t r, uint8_t g, uint8_t b)
{
    return (uint8_t)roundf(
        fminf(luma_float(r, g, b, 1.0F / 255.0F) * 255.0F, 255.0F));
}

static inline uint16_t luma_float16(uint16_t r, uint16_t g, uint16_t b)
{
    return (uint16_t)roundf(
        fminf(luma_float(r, g, b, 1.0F / 65535.0F) * 65535.0F, 65535.0F));
}

/* REF 3.2 step 3. */
static inline uint8_t luma_to_8(uint16_t v)
{
    return (uint8_t)(((uint32_t)v + 128) / 257);
}

static inline bool luma_is_possible(const struct image *image)
{
    return image->type == SAMPLE_U8 || image->type == SAMPLE_U16;
}

/* 8-bit integer luma of a pixel. */
static inline uint32_t luma_integer8(const struct image *image, const void *row,
                                     size_t x)
{
    if (image->type == SAMPLE_U8) {
        const uint8_t *p = (const uint8_t *)row + x * image->channels;

        return image->channels == 1 ? p[0] : luma_integer(p[0], p[1], p[2]);
    } else {
        const uint16_t *p = (const uint16_t *)row + x * image->channels;

        return image->channels == 1
                   ? luma_to_8(p[0])
                   : luma_integer(luma_to_8(p[0]), luma_to_8(p[1]),
                                  luma_to_8(p[2]));
    }
}

static inline bool luma_is_black8(const struct image *image, const void *row,
                                  size_t x)
{
    return luma_integer8(image, row, x) == 0;
}

#endif
