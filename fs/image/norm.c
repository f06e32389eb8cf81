// SPDX-License-Identifier: MIT
/*
 * norm.c: moments and normalisation (norm.h).
 *
 * Sums are kept in LANES independent accumulators, so that a compiler may
 * hold them in vectors; which sample belongs to which is part of the
 * definition and the same on every machine.
 */
#include "image/norm.h"

#include <assert.h>
#include <math.h>

#include "image/image.h"
#include "image/sample.h"

#define LANES 8
#define CHUNK 512

/* Samples of a row that count, as doubles. */
struct chunk {
    double v[CHUNK];
    uint32_t count;
};

/* All that a pass goes over. */
struct pass {
    const struct image *frame;
    uint32_t channel;
    const struct image *mask;
};

/* `type` is a constant at every call. */
static inline __attribute__((always_inline)) void
take_all(const struct pass *p, enum sample_type type, const void *row,
         uint32_t x, uint32_t n, struct chunk *ret)
{
    for (uint32_t i = 0; i < n; i++)
        ret->v[i] = sample_get(
            row, type, (size_t)(x + i) * p->frame->channels + p->channel);
    ret->count = n;
}

static void take_some(const struct pass *p, const uint8_t *mask,
                      const void *row, uint32_t x, uint32_t n,
                      struct chunk *ret)
{
    ret->count = 0;
    for (uint32_t i = 0; i < n; i++) {
        double v =
            sample_get(row, p->frame->type,
                       (size_t)(x + i) * p->frame->channels + p->channel);

        if ((mask && mask[x + i]) || !isfinite(v))
            continue;
        ret->v[ret->count++] = v;
    }
}

/* The samples of row y, from x on, that count. */
static void take(const struct pass *p, uint32_t y, uint32_t x,
                 struct chunk *ret)
{
    const void *row = image_row(p->frame, y);
    uint32_t left = p->frame->width - x;
    uint32_t n = left < CHUNK ? left : CHUNK;

    if (p->mask)
        take_some(p, image_row(p->mask, y), row, x, n, ret);
    else if (p->frame->type == SAMPLE_U8)
        take_all(p, SAMPLE_U8, row, x, n, ret);
    else if (p->frame->type == SAMPLE_U16)
        take_all(p, SAMPLE_U16, row, x, n, ret);
    else if (p->frame->type == SAMPLE_I16)
        take_all(p, SAMPLE_I16, row, x, n, ret);
    else
        take_some(p, NULL, row, x, n, ret);
}

static double lanes_sum(const double lanes[LANES])
{
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

static void add_sums(const struct chunk *c, double lanes[LANES])
{
    uint32_t i = 0;

    for (; i + LANES <= c->count; i += LANES) {
        for (uint32_t k = 0; k < LANES; k++)
            lanes[k] += c->v[i + k];
    }
    for (uint32_t k = 0; i < c->count; i++, k++)
        lanes[k] += c->v[i];
}

static void add_squares(const struct chunk *c, double mean, double lanes[LANES])
{
    uint32_t i = 0;

    for (; i + LANES <= c->count; i += LANES) {
        for (uint32_t k = 0; k < LANES; k++) {
            double d = c->v[i + k] - mean;

            lanes[k] += d * d;
        }
    }
    for (uint32_t k = 0; i < c->count; i++, k++) {
        double d = c->v[i] - mean;

        lanes[k] += d * d;
    }
}

static void add_limits(const struct chunk *c, struct norm_moments *m)
{
    for (uint32_t i = 0; i < c->count; i++) {
        m->min = c->v[i] < m->min ? c->v[i] : m->min;
        m->max = c->v[i] > m->max ? c->v[i] : m->max;
    }
    m->count += c->count;
}

void norm_measure(const struct image *frame, uint32_t channel,
                  const struct image *mask, struct norm_moments *ret)
{
    struct pass pass = {frame, channel, mask};
    struct norm_moments m = {.min = INFINITY, .max = -INFINITY};
    double sums[LANES] = {0};
    double squares[LANES] = {0};
    struct chunk chunk;

    for (uint32_t y = 0; y < frame->height; y++) {
        for (uint32_t x = 0; x < frame->width; x += CHUNK) {
            take(&pass, y, x, &chunk);
            add_sums(&chunk, sums);
            add_limits(&chunk, &m);
        }
    }
    *ret = (struct norm_moments){0};
    if (m.count == 0)
        return;
    m.mean = lanes_sum(sums) / (double)m.count;
    for (uint32_t y = 0; y < frame->height; y++) {
        for (uint32_t x = 0; x < frame->width; x += CHUNK) {
            take(&pass, y, x, &chunk);
            add_squares(&chunk, m.mean, squares);
        }
    }
    m.m2 = lanes_sum(squares);
    *ret = m;
}

void norm_merge(struct norm_moments *acc, const struct norm_moments *other)
{
    double a = (double)acc->count;
    double b = (double)other->count;
    double delta = other->mean - acc->mean;

    if (other->count == 0)
        return;
    if (acc->count == 0) {
        *acc = *other;
        return;
    }
    acc->mean += delta * (b / (a + b));
    acc->m2 += other->m2 + delta * delta * (a * (b / (a + b)));
    acc->min = fmin(acc->min, other->min);
    acc->max = fmax(acc->max, other->max);
    acc->count += other->count;
}

double norm_sd(const struct norm_moments *m)
{
    /* of a constant the rounded sums may leave a trace */
    if (m->count == 0 || m->min == m->max)
        return 0;
    return sqrt(m->m2 / (double)m->count);
}

void norm_mark_background(const struct image *display, const struct image *mask)
{
    assert(image_same_size(display, mask));
    for (uint32_t y = 0; y < display->height; y++) {
        const void *row = image_row(display, y);
        uint8_t *out = image_row(mask, y);

        for (size_t x = 0; x < display->width; x++) {
            bool is_black = true;

            for (size_t c = 0; c < display->channels; c++)
                is_black &= sample_get(row, display->type,
                                       x * display->channels + c) == 0;
            if (is_black)
                out[x] = 1;
        }
    }
}

/* ---- mapping ------------------------------------------------------------ */

struct norm norm_fixed(double mean, double sd, double y_max)
{
    return (struct norm){y_max, mean, sd, 1, 0};
}

struct norm norm_unit(double min, double max, double y_max)
{
    return (struct norm){y_max, min, max - min, 1, 0};
}

struct norm norm_sym(double min, double max, double y_max)
{
    return (struct norm){y_max, min, max - min, 2, -1};
}

static inline __attribute__((always_inline)) void
map_row(const struct norm *norm, enum sample_type type, const void *in,
        size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        double v = sample_get(in, type, i) / norm->unit - norm->subtract;

        out[i] = (float)(v / norm->divide * norm->multiply + norm->add);
    }
}

void norm_apply(const struct norm *norm, const struct image *src,
                const struct image *dst)
{
    size_t n = (size_t)src->width * src->channels;

    assert(image_same_size(src, dst) && dst->type == SAMPLE_F32);
    for (uint32_t y = 0; y < src->height; y++) {
        const void *in = image_row(src, y);
        float *out = (float *)(void *)image_row(dst, y);

        if (norm->divide == 0) {
            for (size_t i = 0; i < n; i++)
                out[i] = 0;
        } else if (src->type == SAMPLE_U8) {
            map_row(norm, SAMPLE_U8, in, n, out);
        } else if (src->type == SAMPLE_U16) {
            map_row(norm, SAMPLE_U16, in, n, out);
        } else if (src->type == SAMPLE_F32) {
            map_row(norm, SAMPLE_F32, in, n, out);
        } else {
            map_row(norm, src->type, in, n, out);
        }
    }
}
