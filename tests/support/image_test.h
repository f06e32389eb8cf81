// SPDX-License-Identifier: MIT
/* image_test.h: images for tests: made, filled with noise, compared. */
#ifndef SUPPORT_IMAGE_TEST_H
#define SUPPORT_IMAGE_TEST_H

#undef NDEBUG
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/sample.h"

static const enum sample_type image_test_types[] = {
    SAMPLE_U8,  SAMPLE_U16, SAMPLE_I16, SAMPLE_U32,
    SAMPLE_I32, SAMPLE_F32, SAMPLE_F64,
};
#define IMAGE_TEST_TYPES (sizeof image_test_types / sizeof image_test_types[0])

/* SplitMix64: the same numbers everywhere. */
static inline uint64_t image_test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/*
 * An image whose rows are `gap` samples longer than they need to be, in a
 * block of exactly the bytes it may touch: the last row has no gap, so that
 * a sanitizer sees any step outside. Free with image_free.
 */
static inline struct image image_test_new(uint32_t width, uint32_t height,
                                          uint32_t channels,
                                          enum sample_type type, size_t gap)
{
    struct image image = image_view(NULL, width, height, channels, type);
    size_t row = image.stride_bytes;

    image.stride_bytes += gap * sample_bytes(type);
    image.data = malloc(image.stride_bytes * (height - 1) + row);
    assert(image.data);
    memset(image.data, 0xa5, image.stride_bytes * (height - 1) + row);
    return image;
}

static inline void image_test_fill(const struct image *image, double value)
{
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t i = 0; i < image->width * image->channels; i++)
            sample_set(image_row(image, y), image->type, i, value);
    }
}

/* Noise over the whole range of an integer type, -1000..1000 for floats. */
static inline void image_test_noise(const struct image *image, uint64_t *state)
{
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t i = 0; i < image->width * image->channels; i++) {
            uint64_t r = image_test_random(state) >> 32;
            double min = -1000;
            double max = 1000;

            (void)sample_limits(image->type, &min, &max);
            sample_set(image_row(image, y), image->type, i,
                       min + (double)r / UINT32_MAX * (max - min));
        }
    }
}

static inline bool image_test_equal(const struct image *a,
                                    const struct image *b)
{
    if (!image_same_size(a, b) || !image_same_type(a, b))
        return false;
    for (uint32_t y = 0; y < a->height; y++) {
        if (memcmp(image_row(a, y), image_row(b, y), image_row_bytes(a)) != 0)
            return false;
    }
    return true;
}

static inline double image_test_get(const struct image *image, uint32_t x,
                                    uint32_t y)
{
    return sample_get(image_row(image, y), image->type,
                      (size_t)x * image->channels);
}

#endif
