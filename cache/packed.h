// SPDX-License-Identifier: MIT
/*
 * packed.h: a block of samples as packed residuals (the "packed stream").
 *
 *     header, bits, codes, head, tail, padding
 *
 * `head` is what precedes the first sample (a file header), `tail` what is
 * left of an incomplete pixel at the end; both are stored as they are. Codes
 * are 4 bits each and follow the bits, so that unpacking may read past the
 * bits without leaving the stream. A dictionary, if there is one, is the first
 * plane. Numbers are little-endian; samples are in the order of the host.
 */
#ifndef PREPFS_CACHE_PACKED_H
#define PREPFS_CACHE_PACKED_H

#include "prepfs/cache.h"

#include "values.h"

#define PACKED_CHANNELS 4

/* Room for any packed stream of a block, with slack. */
#define PACKED_MAX ((size_t)192 * 1024)
#define PACKED_CODES (CACHE_BLOCK_MAX / 16 + VALUES_MAX / 8 + 64)

struct packed_work {
    uint8_t samples[CACHE_BLOCK_MAX + 256]; /* planes or ranks */
    uint8_t codes[PACKED_CODES];
    uint32_t keys[VALUES_MAX + 16];
    uint32_t steps[VALUES_MAX + 16];
};

/* True if the hint describes samples that packed_encode takes. */
bool packed_accepts(const struct cache_hint *hint, size_t size);

/* Returns the size of the stream at dst, which has PACKED_MAX bytes. `values`
 * is done with before the first byte is written, so dst may overlap it. */
size_t packed_encode(const uint8_t *src, size_t size,
                     const struct cache_hint *hint, uint8_t *dst,
                     struct packed_work *work, struct values_work *values);

/* False if the stream is not one of `size` bytes; safe on any input. */
bool packed_decode(const uint8_t *stream, size_t stream_size, uint8_t *dst,
                   size_t size, struct packed_work *work);

#endif
