// SPDX-License-Identifier: MIT
/*
 * block.c: which of the stored forms a block gets.
 *
 *     'C' pattern[8]      every 8 bytes (and the tail) repeat the pattern
 *     'R' bytes           as they are: nothing saves an eighth
 *     'L' lz4             one LZ4 block of the bytes
 *     'S' lz4             one LZ4 block of the bytes, shuffled by 8
 *     'P' stream          packed residuals (packed.h)
 *     'Q' size[4] lz4     packed residuals, then LZ4
 *
 * Packing removes what neighbouring samples share, LZ4 what repeats. Noise
 * does not repeat, so for most images the second step saves little and is
 * left out, which makes decoding faster than LZ4's; flat and drawn images
 * take both. Where the samples are unknown, or a sample of the block says
 * that repetition beats prediction, LZ4 works on the bytes themselves.
 */
#include "block.h"

#include "packed.h"

#include <endian.h>
#include <lz4.h>
#include <string.h>

enum {
    METHOD_CONSTANT = 'C',
    METHOD_RAW = 'R',
    METHOD_LZ4 = 'L',
    METHOD_SHUFFLED = 'S',
    METHOD_PACKED = 'P',
    METHOD_PACKED_LZ4 = 'Q'
};

#define PATTERN 8
#define PROBE 4096 /* bytes of each of the two samples for LZ4 */

struct block_work {
    union {
        uint8_t stream[PACKED_MAX];
        struct values_work values; /* done with when the stream begins */
    };
    struct packed_work packed;
    char lz4_state[1 << LZ4_MEMORY_USAGE] __attribute__((aligned(8)));
};

_Static_assert(sizeof(struct block_work) <= BLOCK_WORK_BYTES,
               "BLOCK_WORK_BYTES is too small");

/* Overlapping compare: if every byte equals the one 8 before it, the block
 * repeats its first 8 bytes. */
static bool is_constant(const uint8_t *src, size_t size)
{
    return size >= PATTERN && memcmp(src, src + PATTERN, size - PATTERN) == 0;
}

/* 0 if the result would be larger than `limit`. */
static size_t lz4(const uint8_t *src, size_t size, uint8_t *dst, size_t limit,
                  struct block_work *work)
{
    int n;

    if (limit == 0)
        return 0;
    n = LZ4_compress_fast_extState(work->lz4_state, (const char *)src,
                                   (char *)dst, (int)size, (int)limit, 1);
    return n > 0 ? (size_t)n : 0;
}

static bool unlz4(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
    int got =
        LZ4_decompress_safe((const char *)src, (char *)dst, (int)n, (int)size);

    return got >= 0 && (size_t)got == size;
}

/* What is worth keeping: an eighth saved. */
static size_t worthwhile(size_t size)
{
    return size - size / 8;
}

/* ------------------------------------------------------- simple methods */

static size_t encode_raw(const uint8_t *src, size_t size, uint8_t *dst)
{
    dst[0] = METHOD_RAW;
    memcpy(dst + 1, src, size);
    return size + 1;
}

static size_t encode_lz4(const uint8_t *src, size_t size, size_t limit,
                         uint8_t *dst, struct block_work *work)
{
    size_t n = lz4(src, size, dst + 1, limit, work);

    dst[0] = METHOD_LZ4;
    return n > 0 ? n + 1 : 0;
}

/* Byte k of every 8-byte sample together; the tail follows. */
static void shuffle8(const uint8_t *src, size_t size, uint8_t *dst)
{
    size_t n = size / 8;

    for (size_t k = 0; k < 8; k++)
        for (size_t i = 0; i < n; i++)
            dst[k * n + i] = src[i * 8 + k];
    memcpy(dst + n * 8, src + n * 8, size % 8);
}

static void unshuffle8(const uint8_t *src, size_t size, uint8_t *dst)
{
    size_t n = size / 8;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 8; k++)
            dst[i * 8 + k] = src[k * n + i];
    memcpy(dst + n * 8, src + n * 8, size % 8);
}

static size_t encode_shuffled(const uint8_t *src, size_t size, uint8_t *dst,
                              struct block_work *work)
{
    size_t n;

    shuffle8(src, size, work->stream);
    n = lz4(work->stream, size, dst + 1, worthwhile(size), work);
    dst[0] = METHOD_SHUFFLED;
    return n > 0 ? n + 1 : 0;
}

/* ------------------------------------------------------ packed methods */

/* The stream is in work->stream; LZ4 on top if it saves a thirty-second. */
static size_t finish_packed(size_t stream_size, size_t size, uint8_t *dst,
                            struct block_work *work)
{
    uint32_t stored = htole32((uint32_t)stream_size);
    size_t limit = stream_size - stream_size / 32;
    size_t n;

    if (limit > worthwhile(size))
        limit = worthwhile(size);
    n = lz4(work->stream, stream_size, dst + 5, limit - 5, work);
    if (n > 0) {
        dst[0] = METHOD_PACKED_LZ4;
        memcpy(dst + 1, &stored, sizeof stored);
        return n + 5;
    }
    if (stream_size > worthwhile(size))
        return 0;
    dst[0] = METHOD_PACKED;
    memcpy(dst + 1, work->stream, stream_size);
    return stream_size + 1;
}

/* What LZ4 alone would make of the block, judged by two pieces of it; the
 * answer is a size for all of it. */
static size_t probe_lz4(const uint8_t *src, size_t size, uint8_t *scratch,
                        struct block_work *work)
{
    size_t n;

    if (size < 4 * PROBE)
        return 0; /* cheap enough to be tried */
    n = lz4(src + size / 3, PROBE, scratch, PROBE + 64, work);
    n += lz4(src + size / 3 * 2, PROBE, scratch, PROBE + 64, work);
    return n * (size / PROBE) / 2;
}

static size_t encode_samples(const uint8_t *src, size_t size,
                             const struct cache_hint *hint, uint8_t *dst,
                             struct block_work *work)
{
    size_t stream_size = packed_encode(src, size, hint, work->stream,
                                       &work->packed, &work->values);
    size_t best = finish_packed(stream_size, size, dst, work);
    size_t limit = best > 0 ? best - 1 : worthwhile(size);
    size_t n;

    if (probe_lz4(src, size, work->stream, work) >= limit)
        return best;
    n = lz4(src, size, work->stream, limit, work);
    if (n == 0)
        return best;
    dst[0] = METHOD_LZ4;
    memcpy(dst + 1, work->stream, n);
    return n + 1;
}

size_t block_encode(const uint8_t *src, size_t size,
                    const struct cache_hint *hint, uint8_t *dst, void *work)
{
    size_t n;

    if (is_constant(src, size)) {
        dst[0] = METHOD_CONSTANT;
        memcpy(dst + 1, src, PATTERN);
        return 1 + PATTERN;
    }
    if (hint && packed_accepts(hint, size))
        n = encode_samples(src, size, hint, dst, work);
    else if (hint && hint->sample_bytes == 8)
        n = encode_shuffled(src, size, dst, work);
    else
        n = encode_lz4(src, size, worthwhile(size), dst, work);
    return n > 0 ? n : encode_raw(src, size, dst);
}

static void decode_constant(const uint8_t *pattern, uint8_t *dst, size_t size)
{
    for (size_t i = 0; i < size; i++)
        dst[i] = pattern[i % PATTERN];
}

static bool decode_packed_lz4(const uint8_t *stored, size_t n, uint8_t *dst,
                              size_t size, struct block_work *work)
{
    uint32_t stream_size;

    if (n < sizeof stream_size)
        return false;
    memcpy(&stream_size, stored, sizeof stream_size);
    stream_size = le32toh(stream_size);
    return stream_size <= PACKED_MAX &&
           unlz4(stored + 4, n - 4, work->stream, stream_size) &&
           packed_decode(work->stream, stream_size, dst, size, &work->packed);
}

static bool decode_shuffled(const uint8_t *stored, size_t n, uint8_t *dst,
                            size_t size, struct block_work *work)
{
    if (!unlz4(stored, n, work->stream, size))
        return false;
    unshuffle8(work->stream, size, dst);
    return true;
}

bool block_decode(const uint8_t *stored, size_t stored_size, uint8_t *dst,
                  size_t size, void *opaque)
{
    struct block_work *work = opaque;
    size_t n = stored_size - 1;

    if (stored_size < 1 || size > CACHE_BLOCK_MAX)
        return false;
    switch (*stored++) {
    case METHOD_CONSTANT:
        if (n != PATTERN)
            return false;
        decode_constant(stored, dst, size);
        return true;
    case METHOD_RAW:
        if (n != size)
            return false;
        memcpy(dst, stored, size);
        return true;
    case METHOD_LZ4:
        return unlz4(stored, n, dst, size);
    case METHOD_SHUFFLED:
        return decode_shuffled(stored, n, dst, size, work);
    case METHOD_PACKED:
        return packed_decode(stored, n, dst, size, &work->packed);
    case METHOD_PACKED_LZ4:
        return decode_packed_lz4(stored, n, dst, size, work);
    default:
        return false;
    }
}
