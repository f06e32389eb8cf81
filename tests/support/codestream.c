// SPDX-License-Identifier: MIT
/* codestream.c: pictures, and the RLE and lossless JPEG encoders. */
#undef NDEBUG
#include "support/codestream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint32_t noise(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

struct picture picture_new(uint32_t width, uint32_t height, unsigned channels,
                           unsigned bits, uint32_t seed)
{
    struct picture p = {width, height, channels, bits, NULL};
    uint32_t state = seed * 2654435761u + 1;
    uint32_t mask = bits < 32 ? (1u << bits) - 1 : UINT32_MAX;

    p.samples = malloc(picture_count(&p) * sizeof *p.samples);
    assert(p.samples);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (unsigned c = 0; c < channels; c++) {
                uint64_t ramp = ((uint64_t)x * (c + 1) + y) * mask /
                                ((uint64_t)width * channels + height);
                uint32_t v = (uint32_t)ramp;

                if (x / 8 % 4 == 1)
                    v = mask / 3 * c; /* flat: runs */
                else if (y % 16 == 5)
                    v = x & 1 ? mask : 0; /* the largest steps */
                else if (x / 8 % 4 == 2)
                    v += noise(&state) % (mask / 16 + 2);
                p.samples[((size_t)y * width + x) * channels + c] = v & mask;
            }
    return p;
}

void picture_free(struct picture *p)
{
    free(p->samples);
    p->samples = NULL;
}

size_t picture_count(const struct picture *p)
{
    return (size_t)p->width * p->height * p->channels;
}

void codestream_free(struct codestream *c)
{
    free(c->data);
    c->data = NULL;
    c->size = 0;
}

static size_t capacity(size_t size)
{
    size_t room = 64;

    while (room < size)
        room *= 2;
    return room;
}

void codestream_put(struct codestream *c, const void *bytes, size_t size)
{
    if (!c->data || capacity(c->size + size) != capacity(c->size)) {
        c->data = realloc(c->data, capacity(c->size + size));
        assert(c->data);
    }
    if (size)
        memcpy(c->data + c->size, bytes, size);
    c->size += size;
}

void codestream_byte(struct codestream *c, unsigned byte)
{
    uint8_t b = (uint8_t)byte;

    codestream_put(c, &b, 1);
}

void codestream_be16(struct codestream *c, unsigned value)
{
    uint8_t b[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    codestream_put(c, b, 2);
}

/* ------------------------------------------------------------------ RLE */

static void rle_row(struct codestream *c, const uint8_t *row, size_t n)
{
    size_t i = 0;

    while (i < n) {
        size_t run = 1, literal;

        while (i + run < n && run < 128 && row[i + run] == row[i])
            run++;
        if (run >= 2) {
            uint8_t b[2] = {(uint8_t)(257 - run), row[i]};

            codestream_put(c, b, 2);
            i += run;
            continue;
        }
        literal = 1;
        while (
            i + literal < n && literal < 128 &&
            (i + literal + 1 >= n || row[i + literal] != row[i + literal + 1]))
            literal++;
        codestream_byte(c, (unsigned)literal - 1);
        codestream_put(c, row + i, literal);
        i += literal;
    }
}

struct codestream encode_rle(const struct picture *p, unsigned word_bytes)
{
    struct codestream c = {NULL, 0};
    uint8_t header[64] = {0};
    uint8_t *row = malloc(p->width);
    unsigned segments = p->channels * word_bytes;

    assert(row);
    header[0] = (uint8_t)segments;
    codestream_put(&c, header, sizeof header);
    for (unsigned s = 0; s < segments; s++) {
        unsigned channel = s / word_bytes;
        unsigned shift = 8 * (word_bytes - 1 - s % word_bytes);
        uint32_t at = (uint32_t)c.size;

        for (int i = 0; i < 4; i++)
            c.data[4 + 4 * s + (unsigned)i] = (uint8_t)(at >> 8 * i);
        for (uint32_t y = 0; y < p->height; y++) {
            for (uint32_t x = 0; x < p->width; x++)
                row[x] = (uint8_t)(p->samples[((size_t)y * p->width + x) *
                                                  p->channels +
                                              channel] >>
                                   shift);
            rle_row(&c, row, p->width);
        }
        if (c.size % 2)
            codestream_put(&c, "", 1);
    }
    free(row);
    return c;
}

/* -------------------------------------------------------- lossless JPEG */

struct writer {
    struct codestream *to;
    uint32_t bits;
    unsigned count;
};

static void write_bits(struct writer *w, uint32_t value, unsigned count)
{
    while (count--) {
        w->bits = w->bits << 1 | (value >> count & 1);
        if (++w->count < 8)
            continue;
        codestream_byte(w->to, w->bits & 0xff);
        if ((w->bits & 0xff) == 0xff)
            codestream_put(w->to, "", 1);
        w->bits = 0;
        w->count = 0;
    }
}

static void flush_bits(struct writer *w)
{
    while (w->count)
        write_bits(w, 1, 1);
}

/* T.81 H.1.2.2: category and bits of a difference modulo 2^16. All 17
 * categories have codes of 5 bits. */
static void write_difference(struct writer *w, uint32_t difference,
                             unsigned wrap_bits)
{
    int32_t d = (int16_t)(uint16_t)difference;
    uint32_t size = (uint32_t)(d < 0 ? -d : d);
    unsigned category = 0;

    if (wrap_bits) {
        d += d > 0 ? -(1 << wrap_bits) : 1 << wrap_bits;
        size = (uint32_t)(d < 0 ? -d : d);
    }
    while (size >> category)
        category++;
    write_bits(w, category, 5);
    if (category == 0 || category == 16)
        return;
    if (d < 0)
        d += (1 << category) - 1;
    write_bits(w, (uint32_t)d, category);
}

static uint32_t sample(const struct picture *p, uint32_t x, uint32_t y,
                       unsigned c)
{
    return p->samples[((size_t)y * p->width + x) * p->channels + c];
}

/* T.81 table H.1, with its exceptions in the first row after a restart and
 * in the first column. */
static uint32_t prediction(const struct picture *p, uint32_t x, uint32_t y,
                           unsigned c, const struct lossless_jpeg *how)
{
    uint32_t first = how->restart_rows ? y % how->restart_rows : y;
    int64_t ra, rb, rc;

    if (!first)
        return x ? sample(p, x - 1, y, c) : 1u << (p->bits - 1);
    if (!x)
        return sample(p, x, y - 1, c);
    ra = sample(p, x - 1, y, c);
    rb = sample(p, x, y - 1, c);
    rc = sample(p, x - 1, y - 1, c);
    switch (how->predictor) {
    case 1:
        return (uint32_t)ra;
    case 2:
        return (uint32_t)rb;
    case 3:
        return (uint32_t)rc;
    case 4:
        return (uint32_t)(ra + rb - rc);
    case 5:
        return (uint32_t)(ra + ((rb - rc) >> 1));
    case 6:
        return (uint32_t)(rb + ((ra - rc) >> 1));
    default:
        return (uint32_t)((ra + rb) >> 1);
    }
}

static void lossless_scan(struct codestream *to, const struct picture *p,
                          const struct lossless_jpeg *how, unsigned first,
                          unsigned count)
{
    struct writer w = {to, 0, 0};
    unsigned restarts = 0;

    codestream_be16(to, 0xffda);
    codestream_be16(to, 6 + 2 * count);
    codestream_byte(to, count);
    for (unsigned c = first; c < first + count; c++) {
        codestream_byte(to, c + 1);
        codestream_byte(to, 0);
    }
    codestream_byte(to, how->predictor);
    codestream_be16(to, 0);
    for (uint32_t y = 0; y < p->height; y++) {
        if (how->restart_rows && y && y % how->restart_rows == 0) {
            flush_bits(&w);
            codestream_be16(to, 0xffd0 + restarts++ % 8);
        }
        for (uint32_t x = 0; x < p->width; x++)
            for (unsigned c = first; c < first + count; c++)
                write_difference(
                    &w, sample(p, x, y, c) - prediction(p, x, y, c, how),
                    how->wraps ? p->bits : 0);
    }
    flush_bits(&w);
}

struct codestream encode_lossless_jpeg(const struct picture *p,
                                       const struct lossless_jpeg *how)
{
    struct codestream c = {NULL, 0};

    codestream_be16(&c, 0xffd8);
    codestream_be16(&c, 0xffc3);
    codestream_be16(&c, 8 + 3 * p->channels);
    codestream_byte(&c, p->bits);
    codestream_be16(&c, p->height);
    codestream_be16(&c, p->width);
    codestream_byte(&c, p->channels);
    for (unsigned i = 0; i < p->channels; i++) {
        codestream_byte(&c, i + 1);
        codestream_byte(&c, 0x11);
        codestream_byte(&c, 0);
    }
    codestream_be16(&c, 0xffc4); /* 17 codes of 5 bits */
    codestream_be16(&c, 2 + 17 + 17);
    codestream_byte(&c, 0);
    for (unsigned i = 1; i <= 16; i++)
        codestream_byte(&c, i == 5 ? 17 : 0);
    for (unsigned i = 0; i < 17; i++)
        codestream_byte(&c, i);
    if (how->restart_rows) {
        codestream_be16(&c, 0xffdd);
        codestream_be16(&c, 4);
        codestream_be16(&c, how->restart_rows * p->width);
    }
    if (how->by_component)
        for (unsigned i = 0; i < p->channels; i++)
            lossless_scan(&c, p, how, i, 1);
    else
        lossless_scan(&c, p, how, 0, p->channels);
    codestream_be16(&c, 0xffd9);
    return c;
}
