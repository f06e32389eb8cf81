// SPDX-License-Identifier: MIT
/* rot.c: bilinear rotation (rot.h). */
#include "image/rot.h"

#include <assert.h>
#include <math.h>

#include "image/image.h"
#include "image/sample.h"

#define PI 0x1.921fb54442d18p+1

/* Source position = (start + y * down) + x * across. */
struct turn {
    double cos;
    double sin;
    double middle_x;
    double middle_y;
};

bool rot_is_quarter(double degrees, unsigned *ret_turns)
{
    double turns = degrees / 90;

    if (turns != floor(turns))
        return false;
    *ret_turns = (unsigned)(turns - 4 * floor(turns / 4));
    return true;
}

static struct turn turn_of(double degrees, const struct image *image)
{
    static const double quarters[4][2] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    struct turn t = {
        .middle_x = (image->width - 1) / 2.0,
        .middle_y = (image->height - 1) / 2.0,
    };
    unsigned turns;

    if (rot_is_quarter(degrees, &turns)) {
        t.cos = quarters[turns][0];
        t.sin = quarters[turns][1];
    } else {
        t.cos = cos(degrees * PI / 180);
        t.sin = sin(degrees * PI / 180);
    }
    return t;
}

static void position(const struct turn *t, uint32_t x, uint32_t y,
                     double *ret_x, double *ret_y)
{
    double dx = x - t->middle_x;
    double dy = y - t->middle_y;

    *ret_x = t->cos * dx + (t->sin * dy + t->middle_x);
    *ret_y = -t->sin * dx + (t->cos * dy + t->middle_y);
}

/* Where a result's pixel comes from: the upper left one of four, and how far
 * to the others. A distance of 0 needs none. */
struct spot {
    int64_t x;
    int64_t y;
    double fx;
    double fy;
};

static struct spot spot_of(const struct turn *t, uint32_t x, uint32_t y)
{
    double sx;
    double sy;
    struct spot s;

    position(t, x, y, &sx, &sy);
    s.x = (int64_t)floor(sx);
    s.y = (int64_t)floor(sy);
    s.fx = sx - floor(sx);
    s.fy = sy - floor(sy);
    return s;
}

/* The image as a plane without end. */
struct field {
    const struct image *image;
    enum pad_fill fill;
    double value;
};

static bool is_inside(const struct image *image, int64_t x, int64_t y)
{
    return x >= 0 && y >= 0 && x < image->width && y < image->height;
}

static double pixel(const struct field *f, int64_t x, int64_t y, uint32_t c)
{
    const struct image *image = f->image;
    uint32_t row = (uint32_t)y;
    uint32_t column = (uint32_t)x;

    if (!is_inside(image, x, y)) {
        if (f->fill == PAD_FILL_VALUE)
            return f->value;
        row = pad_index(f->fill, y, image->height);
        column = pad_index(f->fill, x, image->width);
    }
    return sample_get(image_row(image, row), image->type,
                      (size_t)column * image->channels + c);
}

static double mix(double a, double b, double f)
{
    return a + (b - a) * f;
}

/* Pixels that would have no weight are not looked at: they may be NaN. */
static double across(const struct field *f, const struct spot *s, int64_t y,
                     uint32_t c)
{
    double left = pixel(f, s->x, y, c);

    return s->fx == 0 ? left : mix(left, pixel(f, s->x + 1, y, c), s->fx);
}

static double between(const struct field *f, const struct spot *s, uint32_t c)
{
    double top = across(f, s, s->y, c);

    return s->fy == 0 ? top : mix(top, across(f, s, s->y + 1, c), s->fy);
}

/* All four pixels are there; `type` is a constant at every call. */
static inline __attribute__((always_inline)) void
inner_pixel(const struct image *src, enum sample_type type,
            const struct spot *s, void *row, uint32_t x)
{
    const uint8_t *top = image_row(src, (uint32_t)s->y);
    const uint8_t *bottom = top + src->stride_bytes;
    size_t n = src->channels;
    size_t i = (size_t)s->x * n;

    for (size_t c = 0; c < n; c++) {
        double a = mix(sample_get(top, type, i + c),
                       sample_get(top, type, i + n + c), s->fx);
        double b = mix(sample_get(bottom, type, i + c),
                       sample_get(bottom, type, i + n + c), s->fx);

        sample_set(row, type, x * n + c, mix(a, b, s->fy));
    }
}

static inline __attribute__((always_inline)) void
turn_row(const struct turn *t, const struct field *f, enum sample_type type,
         uint32_t y, const struct image *dst)
{
    const struct image *src = f->image;
    void *row = image_row(dst, y);

    for (uint32_t x = 0; x < dst->width; x++) {
        struct spot s = spot_of(t, x, y);

        if (s.fx > 0 && s.fy > 0 && is_inside(src, s.x, s.y) &&
            is_inside(src, s.x + 1, s.y + 1)) {
            inner_pixel(src, type, &s, row, x);
            continue;
        }
        for (uint32_t c = 0; c < dst->channels; c++)
            sample_set(row, type, (size_t)x * dst->channels + c,
                       between(f, &s, c));
    }
}

void rot_apply(double degrees, enum pad_fill fill, double value,
               const struct image *src, const struct image *dst)
{
    struct turn t = turn_of(degrees, src);
    struct field f = {src, fill, value};

    assert(image_same_size(src, dst) && image_same_type(src, dst));
    for (uint32_t y = 0; y < dst->height; y++) {
        if (dst->type == SAMPLE_U8)
            turn_row(&t, &f, SAMPLE_U8, y, dst);
        else if (dst->type == SAMPLE_U16)
            turn_row(&t, &f, SAMPLE_U16, y, dst);
        else if (dst->type == SAMPLE_F32)
            turn_row(&t, &f, SAMPLE_F32, y, dst);
        else
            turn_row(&t, &f, dst->type, y, dst);
    }
}

void rot_mask(double degrees, const struct image *src, const struct image *dst)
{
    struct turn t = turn_of(degrees, dst);

    for (uint32_t y = 0; y < dst->height; y++) {
        uint8_t *row = image_row(dst, y);

        for (uint32_t x = 0; x < dst->width; x++) {
            double sx;
            double sy;

            position(&t, x, y, &sx, &sy);
            sx = floor(sx + 0.5);
            sy = floor(sy + 0.5);
            row[x] = 1;
            if (is_inside(dst, (int64_t)sx, (int64_t)sy))
                row[x] = src ? image_row(src, (uint32_t)sy)[(size_t)sx] : 0;
        }
    }
}
