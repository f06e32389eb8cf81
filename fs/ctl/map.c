// SPDX-License-Identifier: MIT
/* map.c: see map.h. */
#include "ctl/map.h"

#include <math.h>

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* The last place of `n` pixels. */
static double last(enum map_mode mode, uint32_t n)
{
    return mode == MAP_PIXELS ? (double)n - 1.0 : (double)n;
}

/* ---- orientation ---- */

/* A quarter turn clockwise of w x h pixels. */
static struct map_point turn(enum map_mode mode, uint32_t h, struct map_point p)
{
    return (struct map_point){last(mode, h) - p.y, p.x};
}

static struct map_point turn_back(enum map_mode mode, uint32_t h,
                                  struct map_point p)
{
    return (struct map_point){p.y, last(mode, h) - p.x};
}

static struct map_point flip(const struct render_mapping *m, enum map_mode mode,
                             struct map_point p)
{
    if (m->flip_h)
        p.x = last(mode, m->stored_width) - p.x;
    if (m->flip_v)
        p.y = last(mode, m->stored_height) - p.y;
    return p;
}

/* Clockwise about the middle of the oriented image: rot.h. */
static struct map_point rotate(const struct render_mapping *m,
                               enum map_mode mode, double degrees,
                               struct map_point p)
{
    double middle_x = last(mode, m->oriented_width) / 2.0;
    double middle_y = last(mode, m->oriented_height) / 2.0;
    double a = degrees * acos(-1.0) / 180.0;
    double dx = p.x - middle_x;
    double dy = p.y - middle_y;

    if (degrees == 0.0)
        return p;
    p.x = cos(a) * dx - sin(a) * dy + middle_x;
    p.y = sin(a) * dx + cos(a) * dy + middle_y;
    if (mode == MAP_EDGES)
        return p;
    return (struct map_point){
        clamp(round(p.x), 0.0, last(mode, m->oriented_width)),
        clamp(round(p.y), 0.0, last(mode, m->oriented_height))};
}

/* Height of what quarter turn number `k` is applied to. */
static uint32_t height_before(const struct render_mapping *m, unsigned k)
{
    return k % 2 == 0 ? m->stored_height : m->stored_width;
}

static struct map_point orient(const struct render_mapping *m,
                               enum map_mode mode, struct map_point p)
{
    p = flip(m, mode, p);
    for (unsigned k = 0; k < m->turns; k++)
        p = turn(mode, height_before(m, k), p);
    return rotate(m, mode, m->angle, p);
}

static struct map_point orient_back(const struct render_mapping *m,
                                    enum map_mode mode, struct map_point p)
{
    p = rotate(m, mode, -m->angle, p);
    for (unsigned k = m->turns; k > 0; k--)
        p = turn_back(mode, height_before(m, k - 1), p);
    return flip(m, mode, p);
}

/* ---- one axis ---- */

struct axis {
    uint32_t region, length; /* of the region */
    double scale;
    float tag;
    double shift;
    uint32_t size; /* of the page */
};

static struct axis axis_x(const struct render_mapping *m)
{
    return (struct axis){m->region_x, m->region_width, m->scale_x,
                         m->tag_x,    m->shift_x,      m->width};
}

static struct axis axis_y(const struct render_mapping *m)
{
    return (struct axis){m->region_y, m->region_height, m->scale_y,
                         m->tag_y,    m->shift_y,       m->height};
}

static double along(const struct axis *a, enum map_mode mode, double v)
{
    if (mode == MAP_EDGES)
        return (v - a->region) * a->scale + a->shift;
    v = clamp(v - a->region, 0.0, (double)a->length - 1.0);
    v = trunc((double)((float)v * a->tag)) + a->shift;
    return clamp(v, 0.0, (double)a->size - 1.0);
}

static double along_back(const struct axis *a, enum map_mode mode, double v)
{
    if (mode == MAP_EDGES)
        return (v - a->shift) / a->scale + a->region;
    v = trunc((double)((float)(v - a->shift) / a->tag));
    return clamp(v, 0.0, (double)a->length - 1.0) + a->region;
}

/* ---- points and boxes ---- */

struct map_point map_forward(const struct render_mapping *m, enum map_mode mode,
                             struct map_point p)
{
    struct axis x = axis_x(m);
    struct axis y = axis_y(m);

    p = orient(m, mode, p);
    return (struct map_point){along(&x, mode, p.x), along(&y, mode, p.y)};
}

struct map_point map_back(const struct render_mapping *m, enum map_mode mode,
                          struct map_point p)
{
    struct axis x = axis_x(m);
    struct axis y = axis_y(m);

    p.x = along_back(&x, mode, p.x);
    p.y = along_back(&y, mode, p.y);
    return orient_back(m, mode, p);
}

bool map_box(const struct render_mapping *m, enum map_mode mode, bool back,
             const struct map_box *box, struct map_box *ret)
{
    const struct map_point corners[4] = {
        box->min, {box->max.x, box->min.y}, {box->min.x, box->max.y}, box->max};
    double w = last(mode, back ? m->stored_width : m->width);
    double h = last(mode, back ? m->stored_height : m->height);

    for (int i = 0; i < 4; i++) {
        struct map_point p =
            (back ? map_back : map_forward)(m, mode, corners[i]);

        if (i == 0)
            *ret = (struct map_box){p, p};
        ret->min.x = fmin(ret->min.x, p.x);
        ret->min.y = fmin(ret->min.y, p.y);
        ret->max.x = fmax(ret->max.x, p.x);
        ret->max.y = fmax(ret->max.y, p.y);
    }
    ret->min =
        (struct map_point){clamp(ret->min.x, 0, w), clamp(ret->min.y, 0, h)};
    ret->max =
        (struct map_point){clamp(ret->max.x, 0, w), clamp(ret->max.y, 0, h)};
    return ret->min.x < ret->max.x && ret->min.y < ret->max.y;
}
