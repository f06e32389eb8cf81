// SPDX-License-Identifier: MIT
/*
 * dicom_palette.c: PALETTE COLOR tables (PS3.3 C.7.6.3.1.5 and .6), also as
 * segments (C.7.9.2), which are expanded here.
 */
#include "dicom/dicom_impl.h"

#include <stdlib.h>

/* Longest data read: 65536 words, or segments that make as many. */
enum { DATA_MAX = 1 << 20, ENTRIES_MAX = 65536 };

/* Numbers of a table: bytes, or little-endian words. */
struct units {
    const uint8_t *bytes;
    uint32_t n;
    bool wide;
};

static uint32_t unit(const struct units *u, uint32_t i)
{
    if (!u->wide)
        return u->bytes[i];
    return u->bytes[2 * i] | (uint32_t)u->bytes[2 * i + 1] << 8;
}

struct expansion {
    uint16_t *out;
    uint32_t n;    /* entries made */
    uint32_t want; /* entries of the descriptor */
};

static bool put_entry(struct expansion *x, uint32_t value)
{
    if (x->n < x->want)
        x->out[x->n++] = (uint16_t)value;
    return x->n < x->want;
}

/* From the entry before, exclusive, to `last`, inclusive. */
static void put_line(struct expansion *x, uint32_t count, uint32_t last)
{
    int64_t from = x->out[x->n - 1];
    int64_t rise = (int64_t)last - from;

    for (uint32_t i = 1; i <= count; i++) {
        int64_t twice = 2 * rise * i + count; /* rounds half up */
        int64_t step = twice / (2 * (int64_t)count);

        if (twice < 0 && twice % (2 * (int64_t)count) != 0)
            step--;
        if (!put_entry(x, (uint32_t)(from + step)))
            return;
    }
}

/*
 * Expands `segments` segments from unit *at on (all there are, for
 * UINT32_MAX). An indirect segment repeats earlier ones and may not point to
 * another indirect one. False: malformed.
 */
static bool put_segments(struct expansion *x, const struct units *u,
                         uint32_t at, uint32_t segments, bool may_refer)
{
    while (segments-- > 0 && x->n < x->want && at + 2 <= u->n) {
        uint32_t kind = unit(u, at);
        uint32_t count = unit(u, at + 1);

        at += 2;
        if (kind == 0) {
            if (count > u->n - at)
                return false;
            for (uint32_t i = 0; i < count; i++)
                if (!put_entry(x, unit(u, at + i)))
                    return true;
            at += count;
        } else if (kind == 1) {
            if (at >= u->n || x->n == 0 || count == 0)
                return false;
            put_line(x, count, unit(u, at));
            at++;
        } else if (kind == 2 && may_refer) {
            uint32_t width = u->wide ? 2 : 4;
            uint64_t offset = 0;

            if (width > u->n - at)
                return false;
            for (uint32_t i = width; i-- > 0;)
                offset = offset << (u->wide ? 16 : 8) | unit(u, at + i);
            offset /= u->wide ? 2 : 1;
            if (offset >= u->n ||
                !put_segments(x, u, (uint32_t)offset, count, false))
                return false;
            at += width;
        } else {
            return false;
        }
    }
    return true;
}

struct channel {
    uint32_t n;
    int32_t first;
    uint32_t bits;
    uint8_t *bytes; /* malloc'd */
    uint32_t length;
    bool segmented;
};

static bool read_bytes(const struct dcmtk_item *root, uint32_t tag,
                       struct channel *c)
{
    struct dcmtk_element e;

    if (!dcmtk_find(root, tag, &e) || e.length == 0 || e.length > DATA_MAX)
        return false;
    c->bytes = malloc(e.length);
    if (!c->bytes || dcmtk_value(root, tag, c->bytes, e.length, NULL) != 0)
        return false;
    c->length = e.length;
    return true;
}

static bool read_channel(struct dicom_build *build, uint32_t i,
                         struct channel *c)
{
    struct dicom_buffer buffer;
    struct dicom_value d;
    bool good =
        dicom_get(build->root, TAG_PALETTE_DESCRIPTOR + i, &buffer, &d) &&
        d.length >= 6;

    if (good) {
        struct units u = {d.bytes, 3, true};

        c->n = unit(&u, 0) ? unit(&u, 0) : ENTRIES_MAX;
        c->first = build->header->desc.is_signed ? (int16_t)unit(&u, 1)
                                                 : (int32_t)unit(&u, 1);
        c->bits = unit(&u, 2);
    }
    if (!good)
        return false;
    if (read_bytes(build->root, TAG_PALETTE_DATA + i, c))
        return true;
    c->segmented = true;
    return read_bytes(build->root, TAG_PALETTE_SEGMENTED + i, c);
}

/*
 * Expands one channel to words; *ret_max is the largest. Whole words are
 * there if the data is long enough for them; else entries are packed bytes.
 * 0 good, 1 malformed, -1 no memory.
 */
static int expand_channel(struct dicom_build *build, const struct channel *c,
                          const uint16_t **ret, uint32_t *ret_max)
{
    struct expansion x = {.want = c->n};
    struct units u = {c->bytes, c->length, false};

    u.wide = c->segmented ? c->bits > 8 : c->length / 2 >= c->n;
    if (u.wide)
        u.n /= 2;
    if ((uint64_t)c->n * 2 > build->lut_budget)
        return 1;
    build->lut_budget -= (uint64_t)c->n * 2;
    x.out = dicom_arena_alloc(build->arena, c->n, sizeof *x.out);
    if (!x.out)
        return -1;
    if (c->segmented) {
        if (!put_segments(&x, &u, 0, UINT32_MAX, true))
            return 1;
    } else {
        for (uint32_t i = 0; i < u.n && put_entry(&x, unit(&u, i)); i++)
            continue;
    }
    if (x.n < x.want)
        return 1;
    for (uint32_t i = 0; i < x.n; i++)
        if (x.out[i] > *ret_max)
            *ret_max = x.out[i];
    *ret = x.out;
    return 0;
}

int dicom_read_palette(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    struct dicom_palette palette = {0};
    uint32_t max = 0, bits = 0;
    int rc = 0;

    if (h->desc.photometric != DECODE_PALETTE)
        return 0;
    for (uint32_t i = 0; i < 3 && rc == 0; i++) {
        struct channel c = {0};

        rc = read_channel(build, i, &c)
                 ? expand_channel(build, &c, &palette.data[i], &max)
                 : 1;
        palette.n[i] = c.n;
        palette.first[i] = c.first;
        if (c.bits > bits)
            bits = c.bits;
        free(c.bytes);
    }
    if (rc < 0)
        return error_no_memory(err);
    if (rc > 0) {
        h->warnings |= DICOM_WARN_PALETTE;
        return 0;
    }
    /* 16 is stated for many an 8-bit table, and the reverse occurs. */
    palette.bits = max < 256 ? 8 : 16;
    if (palette.bits != bits)
        h->warnings |= DICOM_WARN_PALETTE;
    h->palette = palette;
    return 0;
}
