// SPDX-License-Identifier: MIT
/* plain_shape.c: see plain_shape.h. */
#undef NDEBUG
#include "support/plain_shape.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct grid grid_new(uint32_t w, uint32_t h, uint32_t n)
{
    struct grid g = {w, h, n, calloc((size_t)w * h * n, sizeof(double))};

    ck_assert_ptr_nonnull(g.v);
    return g;
}

double *grid_at(const struct grid *g, uint32_t x, uint32_t y, uint32_t c)
{
    ck_assert(x < g->w && y < g->h && c < g->n);
    return &g->v[((size_t)y * g->w + x) * g->n + c];
}

static void grid_replace(struct grid *g, struct grid by)
{
    free(g->v);
    *g = by;
}

static struct grid grid_of(const struct image_file *f, uint32_t frame)
{
    struct grid g = grid_new(f->cols, f->rows, f->samples);

    for (uint32_t y = 0; y < g.h; y++)
        for (uint32_t x = 0; x < g.w; x++)
            for (uint32_t c = 0; c < g.n; c++)
                *grid_at(&g, x, y, c) = image_file_stored(f, frame, x, y, c);
    return g;
}

static void mirror_and_turn(const struct shape *s, struct grid *g)
{
    struct grid m = grid_new(g->w, g->h, g->n);

    for (uint32_t y = 0; y < g->h; y++)
        for (uint32_t x = 0; x < g->w; x++)
            for (uint32_t c = 0; c < g->n; c++)
                *grid_at(&m, s->flip_h ? g->w - 1 - x : x,
                         s->flip_v ? g->h - 1 - y : y, c) =
                    *grid_at(g, x, y, c);
    grid_replace(g, m);
    for (int i = 0; i < s->turns;
         i++) { /* clockwise: top row -> right column */
        struct grid t = grid_new(g->h, g->w, g->n);

        for (uint32_t y = 0; y < g->h; y++)
            for (uint32_t x = 0; x < g->w; x++)
                for (uint32_t c = 0; c < g->n; c++)
                    *grid_at(&t, g->h - 1 - y, x, c) = *grid_at(g, x, y, c);
        grid_replace(g, t);
    }
}

static void cut(struct grid *g, uint32_t x0, uint32_t y0, uint32_t w,
                uint32_t h)
{
    struct grid t = grid_new(w, h, g->n);

    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++)
            for (uint32_t c = 0; c < g->n; c++)
                *grid_at(&t, x, y, c) = *grid_at(g, x0 + x, y0 + y, c);
    grid_replace(g, t);
}

static double kernel(enum view_filter filter, double x)
{
    double a = fabs(x);

    switch (filter) {
    case VIEW_FILTER_TRIANGLE:
        return a < 1 ? 1 - a : 0;
    case VIEW_FILTER_CATMULLROM:
        if (a < 1)
            return 1.5 * a * a * a - 2.5 * a * a + 1;
        return a < 2 ? -0.5 * a * a * a + 2.5 * a * a - 4 * a + 2 : 0;
    case VIEW_FILTER_GAUSSIAN:
        return exp(-2 * x * x) / (sqrt(2 * M_PI) * 0.5);
    case VIEW_FILTER_LANCZOS3:
        if (a >= 3)
            return 0;
        return a < 1e-12 ? 1
                         : sin(M_PI * a) / (M_PI * a) * sin(M_PI * a / 3) /
                               (M_PI * a / 3);
    case VIEW_FILTER_NEAREST:
    case VIEW_FILTER_MAXPOOL:
        break;
    }
    return 1;
}

static double support_of(enum view_filter filter)
{
    return filter == VIEW_FILTER_NEAREST      ? 0
           : filter == VIEW_FILTER_TRIANGLE   ? 1
           : filter == VIEW_FILTER_CATMULLROM ? 2
                                              : 3;
}

/* Weights of output o of m from n inputs (REF 4.3); ret has n entries. */
static void weights(enum view_filter filter, uint32_t n, uint32_t m, uint32_t o,
                    double *ret)
{
    double ratio = (double)n / m, s = fmax(ratio, 1), sum = 0;
    double r = support_of(filter) * s, c = (o + 0.5) * ratio;
    double left = fmin(fmax(floor(c - r), 0), n - 1.0);
    double right = fmin(fmax(ceil(c + r), left + 1), n);

    memset(ret, 0, n * sizeof *ret);
    for (uint32_t i = (uint32_t)left; i < (uint32_t)right; i++) {
        ret[i] = kernel(filter, (i - (c - 0.5)) / s);
        sum += ret[i];
    }
    for (uint32_t i = 0; i < n; i++)
        ret[i] /= sum;
}

static double pooled(const struct grid *g, uint32_t x, uint32_t y, uint32_t w,
                     uint32_t h, uint32_t c)
{
    uint32_t x0 = x * g->w / w, x1 = (x + 1) * g->w / w;
    uint32_t y0 = y * g->h / h, y1 = (y + 1) * g->h / h;
    double max = -INFINITY;

    for (uint32_t j = y0; j < (y1 > y0 ? y1 : y0 + 1); j++)
        for (uint32_t i = x0; i < (x1 > x0 ? x1 : x0 + 1); i++)
            max = fmax(max, *grid_at(g, i, j, c));
    return max;
}

static double weighted(const struct grid *g, const double *wx, const double *wy,
                       uint32_t c)
{
    double sum = 0;

    for (uint32_t j = 0; j < g->h; j++)
        for (uint32_t i = 0; i < g->w; i++)
            sum += wx[i] * wy[j] * *grid_at(g, i, j, c);
    return sum;
}

static void resample(const struct shape *s, struct grid *g, uint32_t w,
                     uint32_t h)
{
    struct grid t = grid_new(w, h, g->n);
    double *wx = calloc(g->w, sizeof *wx), *wy = calloc(g->h, sizeof *wy);

    ck_assert(wx && wy);
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            weights(s->filter, g->w, w, x, wx);
            weights(s->filter, g->h, h, y, wy);
            for (uint32_t c = 0; c < g->n; c++)
                *grid_at(&t, x, y, c) = s->filter == VIEW_FILTER_MAXPOOL
                                            ? pooled(g, x, y, w, h, c)
                                            : weighted(g, wx, wy, c);
        }
    free(wx);
    free(wy);
    grid_replace(g, t);
}

static uint32_t scaled(uint32_t n, float scale)
{
    float v = roundf((float)n * scale);

    return v < 1 ? 1 : (uint32_t)v;
}

/* REF 4.1 and 4.2, as far as the tests go. */
static void resize(const struct image_file *f, const struct shape *s,
                   struct grid *g, double ret_scale[2])
{
    float sx = (float)s->w / (float)g->w, sy = (float)s->h / (float)g->h;
    uint32_t w, h;

    if (s->mode == FIT)
        sx = sy = fminf(sx, sy);
    else if (s->mode == COVER)
        sx = sy = fmaxf(sx, sy);
    if (s->mode == SPACING) {
        double rows, cols; /* PixelSpacing: row spacing first */

        ck_assert_int_eq(sscanf(f->spacing, "%lf\\%lf", &rows, &cols), 2);
        if (s->turns % 2) {
            double swap = rows;

            rows = cols;
            cols = swap;
        }
        w = scaled(g->w, (float)(1 / s->mm_x) / (float)(1 / cols));
        h = scaled(g->h, (float)(1 / s->mm_y) / (float)(1 / rows));
        sx = (float)w / (float)g->w;
        sy = (float)h / (float)g->h;
    }
    if (s->noup) {
        sx = fminf(sx, 1);
        sy = fminf(sy, 1);
    }
    w = scaled(g->w, sx);
    h = scaled(g->h, sy);
    if (w != g->w || h != g->h)
        resample(s, g, w, h);
    if (s->mode == COVER)
        cut(g, (w - s->w) / 2, (h - s->h) / 2, s->w, s->h);
    ret_scale[0] = (double)sx;
    ret_scale[1] = (double)sy;
}

/* REF 5; `zero` for samples whose display is 0 where they are 0. */
static void pad(const struct shape *s, struct grid *g, uint32_t ret[4])
{
    uint32_t dw = s->w - g->w, dh = s->h - g->h;
    uint32_t zeros[4] = {0, 0, 0, 0}; /* left, top, right, bottom */
    struct grid t = grid_new(s->w, s->h, g->n);

    for (uint32_t y = 0; y < g->h; y++) {
        zeros[0] += *grid_at(g, 0, y, 0) < 0.5;
        zeros[2] += *grid_at(g, g->w - 1, y, 0) < 0.5;
    }
    for (uint32_t x = 0; x < g->w; x++) {
        zeros[1] += *grid_at(g, x, 0, 0) < 0.5;
        zeros[3] += *grid_at(g, x, g->h - 1, 0) < 0.5;
    }
    memset(ret, 0, 4 * sizeof *ret);
    if (s->side == CENTER) {
        ret[0] = dw / 2;
        ret[1] = dh / 2;
    } else if (s->side == TOPLEFT) {
        ret[0] = dw;
        ret[1] = dh;
    } else if (s->side == ZERO) {
        ret[0] = zeros[0] < zeros[2] ? 0 : dw;
        ret[1] = zeros[1] < zeros[3] ? 0 : dh;
    }
    ret[2] = dw - ret[0];
    ret[3] = dh - ret[1];
    for (size_t i = 0; i < (size_t)t.w * t.h * t.n; i++)
        t.v[i] = s->fill;
    for (uint32_t y = 0; y < g->h; y++)
        for (uint32_t x = 0; x < g->w; x++)
            for (uint32_t c = 0; c < g->n; c++)
                *grid_at(&t, x + ret[0], y + ret[1], c) = *grid_at(g, x, y, c);
    grid_replace(g, t);
}

struct made plain_shape(const struct image_file *f, uint32_t frame,
                        const struct shape *s)
{
    struct made m = {.grid = grid_of(f, frame)};

    mirror_and_turn(s, &m.grid);
    if (s->box[2])
        cut(&m.grid, s->box[0], s->box[1], s->box[2], s->box[3]);
    if (s->mode != KEEP)
        resize(f, s, &m.grid, m.scale);
    if (s->side != NO_PAD)
        pad(s, &m.grid, m.pad);
    return m;
}
