// SPDX-License-Identifier: MIT
/*
 * block.c: constant, raw and LZ4 blocks.
 *
 *     'C' pattern[8]   every 8 bytes (and the tail) repeat the pattern
 *     'R' bytes        stored as they are: LZ4 would not save an eighth
 *     'L' lz4          one LZ4 block
 */
#include "block.h"

#include <lz4.h>
#include <string.h>

enum { METHOD_CONSTANT = 'C', METHOD_RAW = 'R', METHOD_LZ4 = 'L' };

#define PATTERN 8

/* Overlapping compare: if every byte equals the one 8 before it, the block
 * repeats its first 8 bytes. */
static bool is_constant(const uint8_t *src, size_t size)
{
    return size >= PATTERN && memcmp(src, src + PATTERN, size - PATTERN) == 0;
}

static size_t encode_raw(const uint8_t *src, size_t size, uint8_t *dst)
{
    dst[0] = METHOD_RAW;
    memcpy(dst + 1, src, size);
    return size + 1;
}

size_t block_encode(const uint8_t *src, size_t size,
                    const struct cache_hint *hint, uint8_t *dst, void *work)
{
    int limit = (int)(size - size / 8);
    int n;

    (void)hint;
    (void)work;
    if (is_constant(src, size)) {
        dst[0] = METHOD_CONSTANT;
        memcpy(dst + 1, src, PATTERN);
        return 1 + PATTERN;
    }
    n = LZ4_compress_default((const char *)src, (char *)dst + 1, (int)size,
                             limit);
    if (n <= 0)
        return encode_raw(src, size, dst);
    dst[0] = METHOD_LZ4;
    return (size_t)n + 1;
}

static void decode_constant(const uint8_t *pattern, uint8_t *dst, size_t size)
{
    for (size_t i = 0; i < size; i++)
        dst[i] = pattern[i % PATTERN];
}

bool block_decode(const uint8_t *stored, size_t stored_size, uint8_t *dst,
                  size_t size, void *work)
{
    size_t n = stored_size - 1;
    int got;

    (void)work;
    if (stored_size < 1 || size > CACHE_BLOCK_MAX)
        return false;
    switch (stored[0]) {
    case METHOD_CONSTANT:
        if (n != PATTERN)
            return false;
        decode_constant(stored + 1, dst, size);
        return true;
    case METHOD_RAW:
        if (n != size)
            return false;
        memcpy(dst, stored + 1, size);
        return true;
    case METHOD_LZ4:
        got = LZ4_decompress_safe((const char *)stored + 1, (char *)dst, (int)n,
                                  (int)size);
        return got >= 0 && (size_t)got == size;
    default:
        return false;
    }
}
