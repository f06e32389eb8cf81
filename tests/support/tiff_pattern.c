// SPDX-License-Identifier: MIT
/* tiff_pattern.c: samples of a tiff_file; see tiff_file.h. */
#include <string.h>

#include "support/tiff_file.h"

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint8_t tiff_file_sample_byte(const struct tiff_file *file, uint32_t page,
                              uint64_t i)
{
    uint64_t seed;

    switch (file->pattern) {
    case PATTERN_ZERO:
    case PATTERN_COUNT:
        return 0;
    case PATTERN_RUNS: /* a byte repeats its left neighbour now and then */
        seed = mix(file->seed + page);
        while (i > 0 && mix(seed ^ i) % 5 < 2)
            i--;
        return (uint8_t)mix(seed + i);
    case PATTERN_PAIRS:
        return (uint8_t)((i % 5 + 1) / 2);
    case PATTERN_GRADIENT:
        return (uint8_t)((i >> 3) + page);
    case PATTERN_NOISE:
        break;
    }
    seed = mix(file->seed + page);
    return (uint8_t)(mix(seed ^ (i >> 3)) >> (8 * (i & 7)));
}

static void noise_read(uint64_t seed, uint64_t from, size_t length,
                       uint8_t *dst)
{
    uint64_t eight = mix(seed ^ (from >> 3));

    for (size_t k = 0; k < length; k++) {
        uint64_t i = from + k;

        if (i % 8 == 0)
            eight = mix(seed ^ (i >> 3));
        dst[k] = (uint8_t)(eight >> (8 * (i & 7)));
    }
}

/* Behind the first byte, which stands in dst[0]. */
static void runs_read(uint64_t seed, uint64_t from, size_t length, uint8_t *dst)
{
    for (size_t k = 1; k < length; k++) {
        uint64_t i = from + k;

        dst[k] = mix(seed ^ i) % 5 < 2 ? dst[k - 1] : (uint8_t)mix(seed + i);
    }
}

void tiff_file_samples(const struct tiff_file *file, uint32_t page,
                       uint64_t from, size_t length, uint8_t *dst)
{
    uint64_t seed = mix(file->seed + page);

    if (length == 0)
        return;
    switch (file->pattern) {
    case PATTERN_ZERO:
    case PATTERN_COUNT:
        memset(dst, 0, length);
        return;
    case PATTERN_NOISE:
        noise_read(seed, from, length, dst);
        return;
    case PATTERN_RUNS:
        dst[0] = tiff_file_sample_byte(file, page, from);
        runs_read(seed, from, length, dst);
        return;
    case PATTERN_PAIRS:
    case PATTERN_GRADIENT:
        break;
    }
    for (size_t k = 0; k < length; k++)
        dst[k] = tiff_file_sample_byte(file, page, from + k);
}
