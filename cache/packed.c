// SPDX-License-Identifier: MIT
/*
 * packed.c: from a block to planes, ranks and residuals, and back.
 */
#include "packed.h"

#include "filter.h"
#include "pack.h"

#define HEADER 20

enum { FLAG_RANKS = 1, FLAG_FLOAT = 2, FLAG_COLOUR = 4, FLAGS_ALL = 7 };

/* What the header says. */
struct layout {
    uint8_t bytes; /* per sample */
    uint8_t channels;
    uint8_t flags;
    uint8_t predictors; /* 2 bits per plane, the first lowest */
    uint32_t row;       /* pixels */
    uint32_t head;
    uint32_t bits;
    uint32_t keys; /* distinct values, with FLAG_RANKS */
    /* Not stored: */
    size_t pixels;
    size_t tail;
};

static void put_u32(uint8_t *at, uint32_t x)
{
    x = htole32(x);
    memcpy(at, &x, sizeof x);
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t x;

    memcpy(&x, at, sizeof x);
    return le32toh(x);
}

static void measure(struct layout *l, size_t size)
{
    size_t pixel = (size_t)l->bytes * l->channels;

    l->pixels = (size - l->head) / pixel;
    l->tail = (size - l->head) % pixel;
}

static void put_header(const struct layout *l, uint8_t *at)
{
    at[0] = l->bytes;
    at[1] = l->channels;
    at[2] = l->flags;
    at[3] = l->predictors;
    put_u32(at + 4, l->row);
    put_u32(at + 8, l->head);
    put_u32(at + 12, l->bits);
    put_u32(at + 16, l->keys);
}

static bool get_header(struct layout *l, const uint8_t *at, size_t size)
{
    *l = (struct layout){at[0], at[1], at[2], at[3], 0, 0, 0, 0, 0, 0};
    l->row = get_u32(at + 4);
    l->head = get_u32(at + 8);
    l->bits = get_u32(at + 12);
    l->keys = get_u32(at + 16);
    if (l->bytes != 1 && l->bytes != 2 && l->bytes != 4)
        return false;
    if (l->channels < 1 || l->channels > PACKED_CHANNELS ||
        l->flags > FLAGS_ALL || l->head > size || l->row > CACHE_BLOCK_MAX)
        return false;
    if (l->flags & FLAG_RANKS && (l->bytes == 1 || l->channels != 1 ||
                                  l->keys == 0 || l->keys > VALUES_MAX))
        return false;
    measure(l, size);
    return true;
}

bool packed_accepts(const struct cache_hint *hint, size_t size)
{
    return (hint->sample_bytes == 1 || hint->sample_bytes == 2 ||
            hint->sample_bytes == 4) &&
           hint->samples_from < size && size - hint->samples_from >= 64;
}

static struct layout layout_of(const struct cache_hint *hint, size_t size)
{
    bool planar = hint->channels >= 1 && hint->channels <= PACKED_CHANNELS;
    uint8_t channels = planar ? hint->channels : 1;
    uint32_t pixel = (uint32_t)hint->sample_bytes * channels;
    struct layout l = {.bytes = hint->sample_bytes,
                       .channels = channels,
                       .head = hint->samples_from};

    if (hint->row_bytes % pixel == 0 &&
        hint->row_bytes / pixel <= CACHE_BLOCK_MAX)
        l.row = hint->row_bytes / pixel;
    if (hint->is_float)
        l.flags |= FLAG_FLOAT;
    if (channels == 3)
        l.flags |= FLAG_COLOUR;
    measure(&l, size);
    return l;
}

/* The plane of channel `c`, or of the ranks. */
static struct plane plane_of(const struct layout *l, unsigned c)
{
    struct plane plane = {l->pixels, l->row, l->bytes, PREDICT_NONE};

    plane.predictor = (enum predictor)(l->predictors >> (2 * c) & 3);
    if (l->flags & FLAG_RANKS)
        plane.bytes = 2;
    return plane;
}

/* Steps between neighbouring keys; the first is the step from 0. */
static struct plane key_plane(const struct layout *l)
{
    return (struct plane){l->keys, 0, 4, PREDICT_LEFT};
}

static size_t code_count(const struct layout *l)
{
    struct plane plane = plane_of(l, 0);
    struct plane keys = key_plane(l);
    size_t count = filter_codes(&plane) * l->channels;

    return l->flags & FLAG_RANKS ? count + filter_codes(&keys) : count;
}

/* -------------------------------------------------------------- planes */

/* Colour samples follow each other closely; differences to the middle one
 * (green) are smaller than the samples. Wraps in the sample's width. */
static void split_u8(const uint8_t *src, size_t pixels, unsigned channels,
                     bool colour, uint8_t *dst)
{
    for (unsigned c = 0; c < channels; c++) {
        uint8_t *plane = dst + c * pixels;
        const uint8_t *from = src + c;

        if (colour && c != 1)
            for (size_t i = 0; i < pixels; i++)
                plane[i] =
                    (uint8_t)(from[i * channels] - src[i * channels + 1]);
        else
            for (size_t i = 0; i < pixels; i++)
                plane[i] = from[i * channels];
    }
}

static void join_u8(const uint8_t *src, size_t pixels, unsigned channels,
                    bool colour, uint8_t *dst)
{
    const uint8_t *p0 = src, *p1 = src + pixels, *p2 = src + 2 * pixels;

    if (colour) {
        for (size_t i = 0; i < pixels; i++) {
            dst[3 * i] = (uint8_t)(p0[i] + p1[i]);
            dst[3 * i + 1] = p1[i];
            dst[3 * i + 2] = (uint8_t)(p2[i] + p1[i]);
        }
        return;
    }
    for (unsigned c = 0; c < channels; c++)
        for (size_t i = 0; i < pixels; i++)
            dst[i * channels + c] = src[c * pixels + i];
}

static uint32_t sample_at(const uint8_t *at, unsigned bytes)
{
    uint32_t x32;
    uint16_t x16;

    if (bytes == 2) {
        memcpy(&x16, at, 2);
        return x16;
    }
    memcpy(&x32, at, 4);
    return x32;
}

static void sample_put(uint8_t *at, unsigned bytes, uint32_t x)
{
    uint16_t x16 = (uint16_t)x;

    if (bytes == 2)
        memcpy(at, &x16, 2);
    else
        memcpy(at, &x, 4);
}

/* 2- and 4-byte colour is rare: one loop for both directions of both. */
static void shuffle_wide(const struct layout *l, const uint8_t *src,
                         uint8_t *dst, bool join)
{
    size_t stride = (size_t)l->channels * l->bytes;

    for (size_t i = 0; i < l->pixels; i++) {
        size_t pixel = i * stride;
        uint32_t mid = 0;

        if (l->flags & FLAG_COLOUR && join)
            mid = sample_at(src + (l->pixels + i) * l->bytes, l->bytes);
        else if (l->flags & FLAG_COLOUR)
            mid = sample_at(src + pixel + l->bytes, l->bytes);
        for (unsigned c = 0; c < l->channels; c++) {
            size_t inter = pixel + (size_t)c * l->bytes;
            size_t plane = (c * l->pixels + i) * l->bytes;
            uint32_t base = c == 1 ? 0 : mid;

            if (join)
                sample_put(dst + inter, l->bytes,
                           sample_at(src + plane, l->bytes) + base);
            else
                sample_put(dst + plane, l->bytes,
                           sample_at(src + inter, l->bytes) - base);
        }
    }
}

static void split(const struct layout *l, const uint8_t *src, uint8_t *dst)
{
    if (l->bytes == 1)
        split_u8(src, l->pixels, l->channels, l->flags & FLAG_COLOUR, dst);
    else
        shuffle_wide(l, src, dst, false);
}

static void join(const struct layout *l, const uint8_t *src, uint8_t *dst)
{
    if (l->bytes == 1)
        join_u8(src, l->pixels, l->channels, l->flags & FLAG_COLOUR, dst);
    else
        shuffle_wide(l, src, dst, true);
}

/* ------------------------------------------------------------ encoding */

/* The samples as the planes want them: in place, split, or ranked. */
static const uint8_t *prepare(struct layout *l, const uint8_t *src,
                              struct packed_work *work,
                              struct values_work *values)
{
    const uint8_t *samples = src + l->head;

    if (l->channels > 1) {
        split(l, samples, work->samples);
        return work->samples;
    }
    if (l->bytes == 1)
        return samples;
    l->keys = (uint32_t)values_rank(samples, l->pixels, l->bytes,
                                    l->flags & FLAG_FLOAT, values, work->keys,
                                    (uint16_t *)(void *)work->samples);
    if (l->keys == 0)
        return samples;
    l->flags |= FLAG_RANKS;
    return work->samples;
}

static uint8_t *pack_keys(const struct layout *l, struct packed_work *work,
                          uint8_t *bits)
{
    struct plane plane = key_plane(l);
    uint32_t before = 0;

    for (size_t k = 0; k < l->keys; k++) {
        work->steps[k] = work->keys[k] - before;
        before = work->keys[k];
    }
    return filter_pack(&plane, (const uint8_t *)work->steps, work->codes, bits);
}

static uint8_t *pack_planes(struct layout *l, const uint8_t *samples,
                            uint8_t *codes, uint8_t *bits)
{
    struct plane plane = plane_of(l, 0);

    for (unsigned c = 0; c < l->channels; c++) {
        const uint8_t *from = samples + c * l->pixels * plane.bytes;

        plane.predictor = filter_choose(&plane, from);
        l->predictors |= (uint8_t)(plane.predictor << (2 * c));
        bits = filter_pack(&plane, from, codes, bits);
        codes += filter_codes(&plane);
    }
    return bits;
}

static uint8_t *put_codes(const uint8_t *codes, size_t count, uint8_t *at)
{
    for (size_t i = 0; i + 1 < count; i += 2)
        *at++ = (uint8_t)(codes[i] | codes[i + 1] << 4);
    if (count % 2)
        *at++ = codes[count - 1];
    return at;
}

size_t packed_encode(const uint8_t *src, size_t size,
                     const struct cache_hint *hint, uint8_t *dst,
                     struct packed_work *work, struct values_work *values)
{
    struct layout l = layout_of(hint, size);
    const uint8_t *samples = prepare(&l, src, work, values);
    uint8_t *codes = work->codes;
    uint8_t *at = dst + HEADER;

    if (l.flags & FLAG_RANKS) {
        struct plane keys = key_plane(&l);

        at = pack_keys(&l, work, at);
        codes += filter_codes(&keys);
    }
    at = pack_planes(&l, samples, codes, at);
    l.bits = (uint32_t)(at - dst - HEADER);
    at = put_codes(work->codes, code_count(&l), at);
    memcpy(at, src, l.head);
    at += l.head;
    memcpy(at, src + size - l.tail, l.tail);
    at += l.tail;
    while (at < dst + HEADER + l.bits + PACK_SLACK)
        *at++ = 0;
    put_header(&l, dst);
    return (size_t)(at - dst);
}

/* ------------------------------------------------------------ decoding */

static void get_codes(const uint8_t *at, size_t count, uint8_t *codes)
{
    for (size_t i = 0; i < count / 2; i++) {
        codes[2 * i] = at[i] & 15;
        codes[2 * i + 1] = at[i] >> 4;
    }
    if (count % 2)
        codes[count - 1] = at[count / 2] & 15;
}

static size_t bits_of(const uint8_t *codes, size_t count)
{
    size_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += codes[i] == 15 ? 16u : codes[i];
    return 2 * sum;
}

/* Reads the parts' bounds and the codes; false if they contradict. */
static bool open_stream(const struct layout *l, const uint8_t *stream,
                        size_t stream_size, struct packed_work *work)
{
    size_t count = code_count(l);
    size_t rest = (count + 1) / 2 + l->head + l->tail;
    struct plane plane;

    for (unsigned c = 0; c < l->channels; c++) {
        plane = plane_of(l, c);
        if (!filter_accepts(&plane))
            return false;
    }
    if (count > PACKED_CODES || l->bits > stream_size ||
        stream_size < HEADER + l->bits + PACK_SLACK ||
        stream_size < HEADER + l->bits + rest)
        return false;
    get_codes(stream + HEADER + l->bits, count, work->codes);
    return bits_of(work->codes, count) == l->bits;
}

static const uint8_t *unpack_keys(const struct layout *l, const uint8_t *bits,
                                  struct packed_work *work)
{
    struct plane plane = key_plane(l);
    uint32_t key = 0;

    bits = filter_unpack(&plane, work->codes, bits, (uint8_t *)work->steps);
    for (size_t k = 0; k < l->keys; k++) {
        key += work->steps[k];
        work->keys[k] = key;
    }
    return bits;
}

bool packed_decode(const uint8_t *stream, size_t stream_size, uint8_t *dst,
                   size_t size, struct packed_work *work)
{
    const uint8_t *bits = stream + HEADER;
    const uint8_t *codes = work->codes;
    const uint8_t *rest;
    struct layout l;
    bool direct;

    if (stream_size < HEADER || !get_header(&l, stream, size) ||
        !open_stream(&l, stream, stream_size, work))
        return false;
    if (l.flags & FLAG_RANKS) {
        struct plane keys = key_plane(&l);

        bits = unpack_keys(&l, bits, work);
        codes += filter_codes(&keys);
    }
    direct = l.channels == 1 && !(l.flags & FLAG_RANKS);
    for (unsigned c = 0; c < l.channels; c++) {
        struct plane plane = plane_of(&l, c);
        uint8_t *to =
            direct ? dst + l.head : work->samples + c * l.pixels * plane.bytes;

        bits = filter_unpack(&plane, codes, bits, to);
        codes += filter_codes(&plane);
    }
    rest = stream + HEADER + l.bits + (code_count(&l) + 1) / 2;
    memcpy(dst, rest, l.head);
    memcpy(dst + size - l.tail, rest + l.head, l.tail);
    if (l.flags & FLAG_RANKS)
        return values_restore((const uint16_t *)(const void *)work->samples,
                              l.pixels, l.bytes, l.flags & FLAG_FLOAT,
                              work->keys, l.keys, dst + l.head);
    if (!direct)
        join(&l, work->samples, dst + l.head);
    return true;
}
