// SPDX-License-Identifier: MIT
/*
 * rle.c: RLE Lossless (PS3.5 Annex G).
 *
 * A frame is a header of 16 little-endian longs (the number of segments and
 * the offset of each) and one PackBits stream per byte of a composite pixel:
 * the samples in order, of each sample the most significant byte first. The
 * segments are unpacked into little-endian words, interleaved, and then take
 * the way of native data.
 *
 *     R high | R low | G high | G low | ...     segments
 *     Rl Rh Gl Gh Bl Bh  Rl Rh ...              words
 */
#include "decode/rle.h"

#include <string.h>

#include "decode/native.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#define HEADER_BYTES 64
#define SEGMENTS_MAX 15

struct segment {
    const uint8_t *bytes;
    size_t length;
};

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

/* A segment runs to the start of the next one, the last one to the end. */
static int find_segments(const uint8_t *bytes, size_t length, unsigned count,
                         struct segment *ret, struct error *err)
{
    uint32_t stated;

    if (length < HEADER_BYTES)
        return error_set(err, ERROR_CORRUPT,
                         "the RLE frame has %zu bytes, its header needs 64",
                         length);
    stated = load_le32(bytes);
    if (stated != count)
        return error_set(err, ERROR_CORRUPT,
                         "the RLE frame has %u segments, its pixels need %u",
                         stated, count);
    for (unsigned i = 0; i < count; i++) {
        size_t from = load_le32(bytes + 4 + (size_t)4 * i);
        size_t to =
            i + 1 < count ? load_le32(bytes + 8 + (size_t)4 * i) : length;

        if (from < HEADER_BYTES || from > to || to > length)
            return error_set(err, ERROR_CORRUPT,
                             "RLE segment %u spans %zu..%zu of %zu bytes",
                             i + 1, from, to, length);
        ret[i].bytes = bytes + from;
        ret[i].length = to - from;
    }
    return 0;
}

/*
 * Unpacks `count` bytes to `out`, `step` apart. A run may reach beyond the
 * last sample (encoders that pad a segment to an even length do that); it is
 * cut. Returns the number of bytes made: less than `count` if the segment
 * is short.
 */
static size_t unpack(const struct segment *s, uint8_t *out, size_t step,
                     size_t count)
{
    const uint8_t *p = s->bytes;
    const uint8_t *end = s->bytes + s->length;
    size_t made = 0;

    while (made < count && p < end) {
        unsigned code = *p++;
        size_t n;

        if (code == 128) /* reserved: no output (G.3.2) */
            continue;
        n = code < 128 ? code + 1 : 257 - code;
        if (n > count - made)
            n = count - made;
        if (code < 128) {
            if (n > (size_t)(end - p))
                n = (size_t)(end - p);
            if (step == 1)
                memcpy(out + made, p, n);
            else
                for (size_t i = 0; i < n; i++)
                    out[(made + i) * step] = p[i];
            p += n;
        } else {
            if (p == end)
                break;
            if (step == 1)
                memset(out + made, *p, n);
            else
                for (size_t i = 0; i < n; i++)
                    out[(made + i) * step] = *p;
            p++;
        }
        made += n;
    }
    return made;
}

/* Bytes of one segment when unpacked. */
static bool segment_bytes(const struct decode_desc *desc, size_t *ret)
{
    size_t pixels;

    if (!checked_mul_size(desc->rows, desc->cols, &pixels))
        return false;
    *ret = desc->bits_alloc == 1 ? pixels / 8 + (pixels % 8 != 0) : pixels;
    return true;
}

/* Word position of segment `i`: samples in order, high bytes first. */
static size_t position(unsigned i, unsigned word_bytes)
{
    return i / word_bytes * word_bytes + (word_bytes - 1 - i % word_bytes);
}

int rle_decode(const struct decode_desc *desc, const uint8_t *bytes,
               size_t length, const struct image *out, struct error *err)
{
    struct segment segments[SEGMENTS_MAX];
    CLEANUP_FREE uint8_t *words = NULL;
    unsigned word_bytes = desc->bits_alloc == 1 ? 1 : desc->bits_alloc / 8;
    unsigned count = word_bytes * desc->samples;
    size_t each, total;

    if (find_segments(bytes, length, count, segments, err))
        return -1;
    if (!segment_bytes(desc, &each) || !checked_mul_size(each, count, &total))
        return error_set(err, ERROR_CORRUPT, "the frame's size overflows");
    for (unsigned i = 0; i < count; i++) /* 2 bytes make at most 128 */
        if (segments[i].length < each / 128 * 2)
            return error_set(err, ERROR_CORRUPT,
                             "RLE segment %u: %zu bytes for %zu samples", i + 1,
                             segments[i].length, each);
    words = malloc(total);
    if (!words)
        return error_no_memory(err);
    for (unsigned i = 0; i < count; i++) {
        size_t made =
            unpack(&segments[i], words + position(i, word_bytes), count, each);

        if (made < each)
            return error_set(err, ERROR_CORRUPT,
                             "RLE segment %u ends after %zu of %zu samples",
                             i + 1, made, each);
    }
    native_store(desc, words, out);
    return 0;
}
