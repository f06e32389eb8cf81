// SPDX-License-Identifier: MIT
/* colour.c: see colour.h. */
#include "decode/colour.h"

#include <assert.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

struct scale {
    uint32_t half; /* chrominance zero */
    uint32_t max;
};

/* floor(value + 0.5), clamped; truncation is floor once it is >= 0. */
static ALWAYS_INLINE uint32_t level(double value, const struct scale *s)
{
    double rounded = value + 0.5;

    if (rounded < 0)
        return 0;
    if (rounded >= s->max)
        return s->max;
    return (uint32_t)rounded;
}

static ALWAYS_INLINE uint32_t clamp(int64_t value, const struct scale *s)
{
    if (value < 0)
        return 0;
    return value > s->max ? s->max : (uint32_t)value;
}

/* PS3.3 C.7.6.3.1.2 gives RGB -> YBR with the weights of luminance 0.299,
 * 0.587, 0.114; this is its inverse, as in ITU-T T.871 section 7. */
static ALWAYS_INLINE void from_ict(uint32_t v[3], const struct scale *s)
{
    double y = v[0];
    double cb = (double)v[1] - s->half;
    double cr = (double)v[2] - s->half;

    v[0] = level(y + 1.402 * cr, s);
    v[1] =
        level(y - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr, s);
    v[2] = level(y + 1.772 * cb, s);
}

/* ITU-T T.800 G.2: Y = floor((R + 2G + B) / 4), Cb = B - G, Cr = R - G. */
static ALWAYS_INLINE void from_rct(uint32_t v[3], const struct scale *s)
{
    int64_t cb = (int64_t)v[1] - s->half;
    int64_t cr = (int64_t)v[2] - s->half;
    int64_t g = v[0] - ((cb + cr) >> 2); /* >> is floor: C17 6.5.7, gcc */

    v[0] = clamp(cr + g, s);
    v[1] = clamp(g, s);
    v[2] = clamp(cb + g, s);
}

static ALWAYS_INLINE void pixel(uint32_t v[3], enum colour_model model,
                                const struct scale *s)
{
    if (model == COLOUR_YBR_RCT)
        from_rct(v, s);
    else
        from_ict(v, s);
}

static void row_u8(uint8_t *p, uint32_t width, enum colour_model model,
                   const struct scale *s)
{
    for (uint32_t x = 0; x < width; x++, p += 3) {
        uint32_t v[3] = {p[0], p[1], p[2]};

        pixel(v, model, s);
        for (int c = 0; c < 3; c++)
            p[c] = (uint8_t)v[c];
    }
}

static void row_u16(uint16_t *p, uint32_t width, enum colour_model model,
                    const struct scale *s)
{
    for (uint32_t x = 0; x < width; x++, p += 3) {
        uint32_t v[3] = {p[0], p[1], p[2]};

        pixel(v, model, s);
        for (int c = 0; c < 3; c++)
            p[c] = (uint16_t)v[c];
    }
}

static void row_u32(uint32_t *p, uint32_t width, enum colour_model model,
                    const struct scale *s)
{
    for (uint32_t x = 0; x < width; x++, p += 3)
        pixel(p, model, s);
}

void colour_to_rgb(const struct image *image, enum colour_model model,
                   unsigned bits)
{
    struct scale s;

    if (model == COLOUR_RGB)
        return;
    assert(image->channels == 3 && bits >= 1 && bits <= 32);
    s.half = 1u << (bits - 1);
    s.max = bits < 32 ? (1u << bits) - 1 : UINT32_MAX;
    for (uint32_t y = 0; y < image->height; y++) {
        uint8_t *row = image->data + y * image->stride_bytes;

        if (image->type == SAMPLE_U8)
            row_u8(row, image->width, model, &s);
        else if (image->type == SAMPLE_U16)
            row_u16((uint16_t *)(void *)row, image->width, model, &s);
        else
            row_u32((uint32_t *)(void *)row, image->width, model, &s);
    }
}
