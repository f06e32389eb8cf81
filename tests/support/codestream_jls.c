// SPDX-License-Identifier: MIT
/*
 * codestream_jls.c: a JPEG-LS encoder written from ITU-T T.87 Annex A, plain
 * and slow: loops where the decoder counts leading zeros, tables nowhere.
 */
#undef NDEBUG
#include "support/codestream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const int J[32] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,  2,  3,  3,  3,  3,
                          4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15};

struct coder {
    struct codestream *to;
    unsigned byte, free_bits, width; /* `width`: 7 after 0xff */
    int maxval, near, t[3], reset, range, qbpp, limit;
    int a[367], b[365], c[365], n[367], nn[2];
    int run_index[3];
};

static void put_bit(struct coder *e, int bit)
{
    e->byte = e->byte << 1 | (unsigned)bit;
    if (--e->free_bits)
        return;
    codestream_byte(e->to, e->byte);
    e->free_bits = e->byte == 0xff ? 7 : 8;
    e->width = e->free_bits;
    e->byte = 0;
}

static void put_bits(struct coder *e, int value, int count)
{
    while (count-- > 0)
        put_bit(e, value >> count & 1);
}

static void flush(struct coder *e)
{
    while (e->free_bits != e->width)
        put_bit(e, 0);
    if (e->width == 7) /* a stuffed byte behind a final 0xff */
        put_bits(e, 0, 7);
    e->free_bits = e->width = 8;
    e->byte = 0;
}

static void put_golomb(struct coder *e, int k, int limit, int value)
{
    int high = value >> k;

    if (high < limit - e->qbpp - 1) {
        for (int i = 0; i < high; i++)
            put_bit(e, 0);
        put_bit(e, 1);
        put_bits(e, value & ((1 << k) - 1), k);
        return;
    }
    for (int i = 0; i < limit - e->qbpp - 1; i++)
        put_bit(e, 0);
    put_bit(e, 1);
    put_bits(e, value - 1, e->qbpp);
}

static int quantize(const struct coder *e, int d)
{
    if (d <= -e->t[2])
        return -4;
    if (d <= -e->t[1])
        return -3;
    if (d <= -e->t[0])
        return -2;
    if (d < -e->near)
        return -1;
    if (d <= e->near)
        return 0;
    if (d < e->t[0])
        return 1;
    if (d < e->t[1])
        return 2;
    if (d < e->t[2])
        return 3;
    return 4;
}

static int clamp(const struct coder *e, int v)
{
    return v < 0 ? 0 : v > e->maxval ? e->maxval : v;
}

/* A.4.4, A.4.5: quantizes, reconstructs, reduces modulo RANGE. */
static int quantize_error(const struct coder *e, int *error, int px, int sign)
{
    int step = 2 * e->near + 1, rx;

    *error =
        *error > 0 ? (*error + e->near) / step : -((e->near - *error) / step);
    rx = clamp(e, px + sign * *error * step);
    if (*error < 0)
        *error += e->range;
    if (*error >= (e->range + 1) / 2)
        *error -= e->range;
    return rx;
}

static int regular(struct coder *e, int ix, int ra, int rb, int rc, int q)
{
    int sign = q < 0 ? -1 : 1, px, k = 0, error, rx, mapped;

    q *= sign;
    if (rc >= (ra > rb ? ra : rb))
        px = ra < rb ? ra : rb;
    else if (rc <= (ra < rb ? ra : rb))
        px = ra > rb ? ra : rb;
    else
        px = ra + rb - rc;
    px = clamp(e, px + sign * e->c[q]);
    error = sign * (ix - px);
    rx = quantize_error(e, &error, px, sign);
    while (e->n[q] << k < e->a[q])
        k++;
    if (e->near == 0 && k == 0 && 2 * e->b[q] <= -e->n[q])
        mapped = error >= 0 ? 2 * error + 1 : -2 * (error + 1);
    else
        mapped = error >= 0 ? 2 * error : -2 * error - 1;
    put_golomb(e, k, e->limit, mapped);
    e->b[q] += error * (2 * e->near + 1);
    e->a[q] += abs(error);
    if (e->n[q] == e->reset) {
        e->a[q] >>= 1;
        e->b[q] = e->b[q] >= 0 ? e->b[q] >> 1 : -((1 - e->b[q]) >> 1);
        e->n[q] >>= 1;
    }
    e->n[q]++;
    if (e->b[q] <= -e->n[q]) {
        e->b[q] += e->n[q];
        if (e->c[q] > -128)
            e->c[q]--;
        if (e->b[q] <= -e->n[q])
            e->b[q] = -e->n[q] + 1;
    } else if (e->b[q] > 0) {
        e->b[q] -= e->n[q];
        if (e->c[q] < 127)
            e->c[q]++;
        if (e->b[q] > 0)
            e->b[q] = 0;
    }
    return rx;
}

static int interruption(struct coder *e, int ix, int ra, int rb, int type,
                        int run_index)
{
    int px = type ? ra : rb;
    int sign = !type && ra > rb ? -1 : 1;
    int error = sign * (ix - px);
    int rx = quantize_error(e, &error, px, sign);
    int q = 365 + type;
    int temp = type ? e->a[366] + (e->n[366] >> 1) : e->a[365];
    int k = 0, map, em;

    while (e->n[q] << k < temp)
        k++;
    if (k == 0 && error > 0 && 2 * e->nn[type] < e->n[q])
        map = 1;
    else if (error < 0 && 2 * e->nn[type] >= e->n[q])
        map = 1;
    else
        map = error < 0 && k != 0;
    em = 2 * abs(error) - type - map;
    put_golomb(e, k, e->limit - J[run_index] - 1, em);
    if (error < 0)
        e->nn[type]++;
    e->a[q] += (em + 1 - type) >> 1;
    if (e->n[q] == e->reset) {
        e->a[q] >>= 1;
        e->n[q] >>= 1;
        e->nn[type] >>= 1;
    }
    e->n[q]++;
    return rx;
}

static void put_run(struct coder *e, int length, bool to_end, int *run_index)
{
    while (length >= 1 << J[*run_index]) {
        put_bit(e, 1);
        length -= 1 << J[*run_index];
        if (*run_index < 31)
            (*run_index)++;
    }
    if (!to_end) {
        put_bit(e, 0);
        put_bits(e, length, J[*run_index]);
    } else if (length > 0) {
        put_bit(e, 1);
    }
}

/* One row of `n` interleaved components; `row` holds the input and becomes
 * the reconstruction; one pixel of margin on both sides of `row` and `up`. */
static void code_row(struct coder *e, int *row, int *up, int width, int n,
                     int *run_index)
{
    for (int c = 0; c < n; c++) {
        row[c - n] = up[c];
        up[width * n + c] = up[(width - 1) * n + c];
    }
    for (int x = 0; x < width; x++) {
        int *p = row + x * n, *u = up + x * n;
        int q[3], any = 0, start = x;

        for (int c = 0; c < n; c++) {
            q[c] = 81 * quantize(e, u[c + n] - u[c]) +
                   9 * quantize(e, u[c] - u[c - n]) +
                   quantize(e, u[c - n] - p[c - n]);
            any |= q[c];
        }
        if (any) {
            for (int c = 0; c < n; c++)
                p[c] = regular(e, p[c], p[c - n], u[c], u[c - n], q[c]);
            continue;
        }
        for (; x < width; x++) {
            bool same = true;

            for (int c = 0; c < n; c++)
                same = same && abs(row[x * n + c] - row[(start - 1) * n + c]) <=
                                   e->near;
            if (!same)
                break;
            for (int c = 0; c < n; c++)
                row[x * n + c] = row[(start - 1) * n + c];
        }
        put_run(e, x - start, x == width, run_index);
        if (x == width)
            break;
        for (int c = 0; c < n; c++) {
            int ra = row[(x - 1) * n + c], rb = up[x * n + c];
            int type = n == 1 && abs(ra - rb) <= e->near;

            row[x * n + c] =
                interruption(e, row[x * n + c], ra, rb, type, *run_index);
        }
        if (*run_index > 0)
            (*run_index)--;
    }
}

static int log2_up(int v)
{
    int n = 0;

    while (1 << n < v)
        n++;
    return n;
}

static void reset_contexts(struct coder *e)
{
    int a = (e->range + 32) / 64;

    for (int i = 0; i < 367; i++) {
        e->a[i] = a < 2 ? 2 : a;
        e->n[i] = 1;
    }
    memset(e->b, 0, sizeof e->b);
    memset(e->c, 0, sizeof e->c);
    memset(e->nn, 0, sizeof e->nn);
    memset(e->run_index, 0, sizeof e->run_index);
}

static int threshold(int v, int low, int maxval)
{
    return v > maxval || v < low ? low : v;
}

static void set_parameters(struct coder *e, unsigned bits,
                           const struct jls *how)
{
    int near = (int)how->near, bpp, base[3];

    e->near = near;
    e->maxval = how->maxval ? (int)how->maxval : (1 << bits) - 1;
    if (e->maxval >= 128) {
        int f = ((e->maxval < 4095 ? e->maxval : 4095) + 128) / 256;

        base[0] = f + 2 + 3 * near;
        base[1] = 4 * f + 3 + 5 * near;
        base[2] = 17 * f + 4 + 7 * near;
    } else {
        int f = 256 / (e->maxval + 1);

        base[0] = 3 / f + 3 * near < 2 ? 2 : 3 / f + 3 * near;
        base[1] = 7 / f + 5 * near < 3 ? 3 : 7 / f + 5 * near;
        base[2] = 21 / f + 7 * near < 4 ? 4 : 21 / f + 7 * near;
    }
    e->t[0] = threshold(base[0], near + 1, e->maxval);
    e->t[1] = threshold(base[1], e->t[0], e->maxval);
    e->t[2] = threshold(base[2], e->t[1], e->maxval);
    for (int i = 0; i < 3; i++)
        if (how->maxval && how->threshold[i])
            e->t[i] = (int)how->threshold[i];
    e->reset = how->maxval && how->reset ? (int)how->reset : 64;
    bpp = log2_up(e->maxval + 1) < 2 ? 2 : log2_up(e->maxval + 1);
    e->range = (e->maxval + 2 * near) / (2 * near + 1) + 1;
    e->qbpp = log2_up(e->range);
    e->limit = 2 * (bpp + (bpp < 8 ? 8 : bpp));
}

static void scan_header(struct codestream *to, const struct jls *how,
                        unsigned first, unsigned count)
{
    codestream_be16(to, 0xffda);
    codestream_be16(to, 6 + 2 * count);
    codestream_byte(to, count);
    for (unsigned c = first; c < first + count; c++) {
        codestream_byte(to, c + 1);
        codestream_byte(to, 0);
    }
    codestream_byte(to, how->near);
    codestream_byte(to, count > 1 ? how->interleave : 0);
    codestream_byte(to, 0);
}

/* `count` components from `first` on in one scan. */
static void code_scan(struct coder *e, const struct picture *p,
                      const struct jls *how, unsigned first, unsigned count)
{
    int width = (int)p->width;
    int group = how->interleave == 2 ? (int)count : 1;
    int groups = (int)count / group;
    size_t stride = (size_t)(width + 2) * (size_t)group;
    int *rows = calloc(2 * stride * (size_t)groups, sizeof *rows);
    unsigned restarts = 0;

    assert(rows);
    scan_header(e->to, how, first, count);
    e->free_bits = e->width = 8;
    e->byte = 0;
    reset_contexts(e);
    for (uint32_t y = 0; y < p->height; y++) {
        if (how->restart_rows && y && y % how->restart_rows == 0) {
            flush(e);
            codestream_be16(e->to, 0xffd0 + restarts++ % 8);
            reset_contexts(e);
            memset(rows, 0, 2 * stride * (size_t)groups * sizeof *rows);
        }
        for (int g = 0; g < groups; g++) {
            int *base = rows + 2 * stride * (size_t)g + group;
            int *row = base + (y & 1 ? stride : 0);
            int *up = base + (y & 1 ? 0 : stride);

            for (int x = 0; x < width; x++)
                for (int c = 0; c < group; c++)
                    row[x * group + c] =
                        (int)p->samples[((size_t)y * p->width + (size_t)x) *
                                            p->channels +
                                        first + (size_t)(g + c)];
            code_row(e, row, up, width, group, &e->run_index[g]);
        }
    }
    flush(e);
    free(rows);
}

static void write_lse(struct codestream *to, const struct jls *how)
{
    codestream_be16(to, 0xfff8);
    codestream_be16(to, 13);
    codestream_byte(to, 1);
    codestream_be16(to, how->maxval);
    for (int i = 0; i < 3; i++)
        codestream_be16(to, how->threshold[i]);
    codestream_be16(to, how->reset);
}

struct codestream encode_jls(const struct picture *p, const struct jls *how)
{
    struct codestream to = {NULL, 0};
    struct coder *e = calloc(1, sizeof *e);

    assert(e && p->bits <= 16);
    e->to = &to;
    set_parameters(e, p->bits, how);
    codestream_be16(&to, 0xffd8);
    codestream_be16(&to, 0xfff7);
    codestream_be16(&to, 8 + 3 * p->channels);
    codestream_byte(&to, p->bits);
    codestream_be16(&to, p->height);
    codestream_be16(&to, p->width);
    codestream_byte(&to, p->channels);
    for (unsigned i = 0; i < p->channels; i++) {
        codestream_byte(&to, i + 1);
        codestream_byte(&to, 0x11);
        codestream_byte(&to, 0);
    }
    if (how->maxval)
        write_lse(&to, how);
    if (how->restart_rows) {
        codestream_be16(&to, 0xffdd);
        codestream_be16(&to, 4);
        codestream_be16(&to, how->restart_rows);
    }
    if (how->interleave == 0)
        for (unsigned i = 0; i < p->channels; i++)
            code_scan(e, p, how, i, 1);
    else
        code_scan(e, p, how, 0, p->channels);
    codestream_be16(&to, 0xffd9);
    free(e);
    return to;
}
