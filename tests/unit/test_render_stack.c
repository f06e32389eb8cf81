// SPDX-License-Identifier: MIT
/*
 * test_render_stack.c: operators that look at several frames, on whole leaves,
 * against plain formulas on the stored values.
 *
 * Views are raw, so that a sample of the leaf is a stored value or what the
 * operator makes of some; copies and integer operators must be equal, and
 * floats near.
 */
#undef NDEBUG
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/leaf_file.h"

enum { COLS = 11, ROWS = 9, FRAMES = 7 };

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

static void add_gap(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00180088, "DS", "1.5"); /* SpacingBetweenSlices */
}

static struct image_file stack(void)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = COLS;
    f.rows = ROWS;
    f.frames = FRAMES;
    f.value = image_file_noise;
    f.seed = 5;
    f.spacing = "2\\2";
    f.add_early = add_gap;
    return f;
}

static struct leaf_file leaf_of(const struct image_file *f, const char *view)
{
    struct leaf leaf = engine_leaf(&engine, view, f->sop);
    size_t size;
    uint8_t *data = engine_bytes(&engine, &leaf, &size);
    struct leaf_file l = leaf_file_open(data, size);

    free(data);
    return l;
}

/* ---- formulas ----------------------------------------------------------- */

/* Sample (x, y) of page `page`; `n` are the case's numbers. */
typedef double formula_fn(const struct image_file *f, const int32_t *n,
                          int32_t page, int32_t x, int32_t y);

static double at(const struct image_file *f, int32_t k, int32_t x, int32_t y)
{
    ck_assert(k >= 0 && k < (int32_t)f->frames);
    return image_file_stored(f, (uint32_t)k, (uint32_t)x, (uint32_t)y, 0);
}

/* n: first frame, step, left, top */
static double copied(const struct image_file *f, const int32_t *n, int32_t page,
                     int32_t x, int32_t y)
{
    return at(f, n[0] + page * n[1], x + n[2], y + n[3]);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* n: 'M'ax, m'i'n, m'e'an or me'd'ian of n[2] frames from n[1] + page*n[3] */
static double projected(const struct image_file *f, const int32_t *n,
                        int32_t page, int32_t x, int32_t y)
{
    double v[FRAMES], sum = 0;
    int32_t count = n[2];

    for (int32_t i = 0; i < count; i++) {
        v[i] = at(f, n[1] + page * n[3] + i, x, y);
        sum += v[i];
    }
    qsort(v, (size_t)count, sizeof *v, compare);
    switch (n[0]) {
    case 'M':
        return v[count - 1];
    case 'i':
        return v[0];
    case 'e':
        return round(sum / count);
    default:
        return round((v[(count - 1) / 2] + v[count / 2]) / 2);
    }
}

/* n: T, first frame, frames */
static double interpolated(const struct image_file *f, const int32_t *n,
                           int32_t page, int32_t x, int32_t y)
{
    float t = (float)page / (float)(n[0] - 1);
    float p = t * (float)(n[2] - 1);
    double a = (double)(p - floorf(p));

    return trunc(at(f, n[1] + (int32_t)floorf(p), x, y) * (1 - a) +
                 at(f, n[1] + (int32_t)ceilf(p), x, y) * a);
}

/* The larger of two interpolated neighbours. */
static double slab_of_interp(const struct image_file *f, const int32_t *n,
                             int32_t page, int32_t x, int32_t y)
{
    return fmax(interpolated(f, n, page, x, y),
                interpolated(f, n, page + 1, x, y));
}

static int32_t mirrored(int32_t i, int32_t n)
{
    i = abs(i) % (2 * n - 2);
    return i < n ? i : 2 * n - 2 - i;
}

static int32_t clamped(int32_t i, int32_t n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* n: left, top, front, and what is outside: -1 edge, -2 reflected, -3 least,
 * -4 greatest, else the number */
static double on_canvas(const struct image_file *f, const int32_t *n,
                        int32_t page, int32_t x, int32_t y)
{
    double least, greatest;

    x += n[0];
    y += n[1];
    page += n[2];
    if (n[3] == -1)
        return at(f, clamped(page, FRAMES), clamped(x, COLS), clamped(y, ROWS));
    if (n[3] == -2)
        return at(f, mirrored(page, FRAMES), mirrored(x, COLS),
                  mirrored(y, ROWS));
    if (x >= 0 && x < COLS && y >= 0 && y < ROWS && page >= 0 && page < FRAMES)
        return at(f, page, x, y);
    image_file_extent(f, -1, &least, &greatest);
    return n[3] == -3 ? least : n[3] == -4 ? greatest : n[3];
}

/* n: degrees, what is outside (-3 least, else the number) */
static double rotated(const struct image_file *f, const int32_t *n,
                      int32_t page, int32_t x, int32_t y)
{
    double r = n[0] * acos(-1) / 180, c = cos(r), s = sin(r);
    double mx = (COLS - 1) / 2.0, my = (ROWS - 1) / 2.0;
    double sx = c * (x - mx) + s * (y - my) + mx;
    double sy = c * (y - my) - s * (x - mx) + my;
    double fx = sx - floor(sx), fy = sy - floor(sy), v[2], fill = n[1];
    double least, greatest;

    image_file_extent(f, -1, &least, &greatest);
    if (n[1] == -3)
        fill = least;
    for (int32_t i = 0; i < 2; i++) {
        double w[2];

        for (int32_t j = 0; j < 2; j++) {
            int32_t px = (int32_t)floor(sx) + j, py = (int32_t)floor(sy) + i;
            bool in = px >= 0 && px < COLS && py >= 0 && py < ROWS;

            w[j] = in ? at(f, page, px, py) : fill;
        }
        v[i] = w[0] + (w[1] - w[0]) * fx;
    }
    return round(v[0] + (v[1] - v[0]) * fy);
}

/* ---- cases -------------------------------------------------------------- */

struct stack_case {
    const char *view;
    uint32_t pages, width, height;
    formula_fn *formula;
    int32_t n[4];
};

static const struct stack_case cases[] = {
    {"raw_vol-central", 1, 11, 9, copied, {3, 1, 0, 0}},
    {"raw_vol-mip", 1, 11, 9, projected, {'M', 0, 7, 0}},
    {"raw_vol-mip-skip1to2", 1, 11, 9, projected, {'M', 1, 4, 0}},
    {"raw_vol-mip-skip9to18", 1, 11, 9, copied, {2, 0, 0, 0}},
    {"raw_vol-minip", 1, 11, 9, projected, {'i', 0, 7, 0}},
    {"raw_vol-mean", 1, 11, 9, projected, {'e', 0, 7, 0}},
    {"raw_vol-interp-4", 4, 11, 9, interpolated, {4, 0, 7, 0}},
    {"raw_vol-interp-16", 16, 11, 9, interpolated, {16, 0, 7, 0}},
    {"raw_vol-interp-1", 1, 11, 9, copied, {0, 0, 0, 0}},
    {"raw_pick-2to6_vol-mip", 1, 11, 9, projected, {'M', 1, 5, 0}},
    {"raw_pick-3_vol-mip", 1, 11, 9, copied, {2, 0, 0, 0}},
    {"raw_pick-3_vol-interp-5", 1, 11, 9, copied, {2, 0, 0, 0}},
    {"raw_pick-3_slab-max-d4", 1, 11, 9, copied, {2, 0, 0, 0}},
    {"raw_slab-max-d3-s2", 3, 11, 9, projected, {'M', 0, 3, 2}},
    {"raw_slab-min-d3", 5, 11, 9, projected, {'i', 0, 3, 1}},
    {"raw_slab-mean-d2-s3", 2, 11, 9, projected, {'e', 0, 2, 3}},
    {"raw_slab-median-d4", 4, 11, 9, projected, {'d', 0, 4, 1}},
    {"raw_slab-median-d7", 1, 11, 9, projected, {'d', 0, 7, 1}},
    {"raw_vol-interp-5_slab-max-d2", 4, 11, 9, slab_of_interp, {5, 0, 7, 0}},
    {"raw_flip-z", 7, 11, 9, copied, {6, -1, 0, 0}},
    {"raw_pick-2to6by2_flip-z", 3, 11, 9, copied, {5, -2, 0, 0}},
    {"raw_box-5x4x3at2x1x2", 3, 5, 4, copied, {2, 1, 2, 1}},
    {"raw_box-5x4x9at2x1x5", 2, 5, 4, copied, {5, 1, 2, 1}},
    {"raw_mid-5x4x4", 4, 5, 4, copied, {1, 1, 3, 2}},
    {"raw_size-11x9x4", 4, 11, 9, interpolated, {4, 0, 7, 0}},
    {"raw_size-11x9x7", 7, 11, 9, copied, {0, 1, 0, 0}},
    {"raw_size-11x9x20", 20, 11, 9, interpolated, {20, 0, 7, 0}},
    {"raw_size-11x9x20_noup", 7, 11, 9, copied, {0, 1, 0, 0}},
    {"raw_box-11x9x5at0x0x1_size-11x9x3", 3, 11, 9, interpolated, {3, 1, 5, 0}},
    /* 7 frames at 1.5 mm: round(6 * 1.5 / 3) + 1 */
    {"raw_spacing-2x2x3", 4, 11, 9, interpolated, {4, 0, 7, 0}},
    {"raw_spacing-2x2x1", 10, 11, 9, interpolated, {10, 0, 7, 0}},
    {"raw_spacing-2x2x1_noup", 7, 11, 9, copied, {0, 1, 0, 0}},
    /* every second one of them: 4 frames at 3 mm */
    {"raw_pick-1to7by2_spacing-2x2x3", 4, 11, 9, copied, {0, 2, 0, 0}},
    {"raw_canvas-7x5", 7, 7, 5, on_canvas, {2, 2, 0, 0}},
    {"raw_canvas-7x5x3", 3, 7, 5, on_canvas, {2, 2, 2, 0}},
    {"raw_canvas-16x4x10", 10, 16, 4, on_canvas, {-2, 2, -1, 0}},
    {"raw_fill-7_canvas-15x13x9", 9, 15, 13, on_canvas, {-2, -2, -1, 7}},
    {"raw_fill-edge_canvas-15x13x9", 9, 15, 13, on_canvas, {-2, -2, -1, -1}},
    {"raw_fill-reflect_canvas-15x13x11",
     11,
     15,
     13,
     on_canvas,
     {-2, -2, -2, -2}},
    {"raw_fill-min_canvas-15x13x9", 9, 15, 13, on_canvas, {-2, -2, -1, -3}},
    {"raw_fill-max_canvas-15x13x9", 9, 15, 13, on_canvas, {-2, -2, -1, -4}},
    {"raw_size-11x13_pad-center_fill-edge",
     7,
     11,
     13,
     on_canvas,
     {0, -2, 0, -1}},
    {"raw_size-15x9_pad-center_fill-reflect",
     7,
     15,
     9,
     on_canvas,
     {-2, 0, 0, -2}},
    {"raw_spacing-2x2x1_canvas-11x9x8_noup", 8, 11, 9, on_canvas, {0, 0, 0, 0}},
};

static void check_samples(const struct stack_case *c,
                          const struct image_file *f, const struct leaf_file *l)
{
    for (uint32_t page = 0; page < l->pages; page++)
        for (uint32_t y = 0; y < l->height; y++)
            for (uint32_t x = 0; x < l->width; x++) {
                double want =
                    c->formula(f, c->n, (int32_t)page, (int32_t)x, (int32_t)y);
                double got = leaf_file_at(l, page, x, y, 0);

                ck_assert_msg(got == want, "%s: page %u (%u, %u): %g, want %g",
                              c->view, page, x, y, got, want);
            }
}

START_TEST(pages_are_made_of_the_right_frames)
{
    const struct stack_case *c = &cases[_i];
    struct image_file f = stack();
    struct leaf_file l;

    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, c->view);
    ck_assert_uint_eq(l.pages, c->pages);
    ck_assert_uint_eq(l.width, c->width);
    ck_assert_uint_eq(l.height, c->height);
    check_samples(c, &f, &l);
    leaf_file_free(&l);
}
END_TEST

static const struct stack_case turns[] = {
    {"raw_rot-30", 7, 11, 9, rotated, {30, 0}},
    {"raw_rot--100_fill-50", 7, 11, 9, rotated, {-100, 50}},
    {"raw_rot-45_fill-min", 7, 11, 9, rotated, {45, -3}},
};

/* Rounding of the sine may cross a half. */
START_TEST(any_angle_is_bilinear)
{
    const struct stack_case *c = &turns[_i];
    struct image_file f = stack();
    struct leaf_file l;

    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, c->view);
    ck_assert_uint_eq(l.pages, c->pages);
    for (uint32_t page = 0; page < l.pages; page++)
        for (uint32_t y = 0; y < ROWS; y++)
            for (uint32_t x = 0; x < COLS; x++)
                ck_assert_double_le(fabs(leaf_file_at(&l, page, x, y, 0) -
                                         c->formula(&f, c->n, (int32_t)page,
                                                    (int32_t)x, (int32_t)y)),
                                    1);
    leaf_file_free(&l);
}
END_TEST

/* ---- lapmip ------------------------------------------------------------- */

START_TEST(lapmip_is_sixteen_bit_grey)
{
    static const struct {
        uint32_t frames, bits, samples;
        const char *view;
        enum sample_type type;
        uint32_t channels;
    } kinds[] = {
        {7, 8, 1, "vol-lapmip-skip0", SAMPLE_U16, 1},
        {7, 16, 1, "vol-lapmip-skip1", SAMPLE_U16, 1},
        {7, 8, 3, "vol-lapmip-skip0", SAMPLE_U16, 1},
        {7, 8, 1, "vol-lapmip-skip0_u8", SAMPLE_U8, 1},
        {7, 8, 1, "range-0to200_vol-lapmip-skip0", SAMPLE_F32, 1},
        {1, 8, 1, "vol-lapmip", SAMPLE_U8, 1}, /* a single frame is left */
        {7, 8, 1, "vol-lapmip", SAMPLE_U8, 1}, /* one frame stays of 7 */
        {1, 8, 3, "vol-lapmip", SAMPLE_U8, 3},
    };
    struct image_file f = stack();
    struct leaf_file l;

    f.frames = kinds[_i].frames;
    f.samples = kinds[_i].samples;
    f.photometric = f.samples == 3 ? "RGB" : "MONOCHROME2";
    image_file_bits(&f, kinds[_i].bits, kinds[_i].bits);
    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, kinds[_i].view);
    ck_assert_uint_eq(l.pages, 1);
    ck_assert_int_eq((int)l.type, (int)kinds[_i].type);
    ck_assert_uint_eq(l.channels, kinds[_i].channels);
    leaf_file_free(&l);
}
END_TEST

/* ---- normalisation ------------------------------------------------------ */

struct moments {
    double mean, sd, min, max;
};

/* Of frames first .. last, without values equal to `skip`. */
static struct moments moments_of(const struct image_file *f, uint32_t first,
                                 uint32_t last, double skip)
{
    struct moments m = {0, 0, INFINITY, -INFINITY};
    double n = 0, sum = 0, squares = 0;

    for (int pass = 0; pass < 2; pass++)
        for (uint32_t k = first; k <= last; k++)
            for (uint32_t y = 0; y < f->rows; y++)
                for (uint32_t x = 0; x < f->cols; x++) {
                    double v = image_file_stored(f, k, x, y, 0);

                    if (v == skip)
                        continue;
                    n += pass == 0;
                    sum += pass == 0 ? v : 0;
                    squares += pass ? (v - sum / n) * (v - sum / n) : 0;
                    m.min = fmin(m.min, v);
                    m.max = fmax(m.max, v);
                }
    m.mean = sum / n;
    m.sd = sqrt(squares / n);
    return m;
}

struct norm_case {
    const char *view;
    char what; /* z, u, s */
    bool per_frame;
    bool box;     /* a box on 0, else noise */
    double skip;  /* value that the statistics leave out; NAN: none */
    double value; /* PixelPaddingValue; NAN: none */
};

static const struct norm_case norms[] = {
    {"raw_norm-z", 'z', false, false, NAN, NAN},
    {"raw_norm-unit", 'u', false, false, NAN, NAN},
    {"raw_norm-sym", 's', false, false, NAN, NAN},
    {"raw_norm-z-frame", 'z', true, false, NAN, NAN},
    {"raw_norm-unit-frame", 'u', true, true, NAN, NAN},
    {"raw_norm-z", 'z', false, true, 0, 0},
    {"raw_norm-z-fg", 'z', false, true, 0, NAN},
    {"raw_norm-sym-frame-fg", 's', true, true, 0, NAN},
    {"hu_norm-z", 'z', false, false, NAN, NAN},
};

static double normalised(char what, const struct moments *m, double v)
{
    switch (what) {
    case 'z':
        return (v - m->mean) / m->sd;
    case 'u':
        return (v - m->min) / (m->max - m->min);
    default:
        return 2 * (v - m->min) / (m->max - m->min) - 1;
    }
}

static void check_norm(const struct norm_case *c, const struct image_file *f)
{
    struct moments m = moments_of(f, 0, f->frames - 1, c->skip);
    struct leaf_file l = leaf_of(f, c->view);

    ck_assert_int_eq((int)l.type, (int)SAMPLE_F32);
    for (uint32_t k = 0; k < f->frames; k++) {
        if (c->per_frame)
            m = moments_of(f, k, k, c->skip);
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++)
                ck_assert_double_eq_tol(
                    leaf_file_at(&l, k, x, y, 0),
                    normalised(c->what, &m, image_file_stored(f, k, x, y, 0)),
                    1e-5);
    }
    leaf_file_free(&l);
}

START_TEST(samples_are_normalised)
{
    const struct norm_case *c = &norms[_i];
    struct image_file f = stack();

    if (c->box) {
        f.value = image_file_box;
        f.cols = 30;
        f.rows = 20;
    }
    if (!isnan(c->value))
        f.padding = "0";
    engine_put(&engine, &f);
    engine_start(&engine);
    check_norm(c, &f);
    /* what was measured is remembered, and is the same */
    engine_restart(&engine);
    check_norm(c, &f);
}
END_TEST

static double constant(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t channel)
{
    (void)f, (void)frame, (void)x, (void)y, (void)channel;
    return 77;
}

START_TEST(a_constant_becomes_zero)
{
    static const char *const views[] = {"raw_norm-z", "raw_norm-unit",
                                        "raw_norm-sym", "raw_norm-z-frame"};
    struct image_file f = stack();
    struct leaf_file l;

    f.value = constant;
    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, views[_i]);
    for (uint32_t x = 0; x < COLS; x++)
        ck_assert(leaf_file_at(&l, 3, x, 4, 0) == 0);
    leaf_file_free(&l);
}
END_TEST

/* The statistics do not see the padding, and the fill is in their unit. */
START_TEST(padding_comes_after_normalisation)
{
    struct image_file f = stack();
    struct moments m = moments_of(&f, 0, FRAMES - 1, NAN);
    struct leaf_file l;

    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, "raw_size-15x9_pad-center_fill--3_norm-z");
    ck_assert(leaf_file_at(&l, 0, 0, 0, 0) == -3);
    ck_assert_double_eq_tol(leaf_file_at(&l, 0, 2, 0, 0),
                            normalised('z', &m, at(&f, 0, 0, 0)), 1e-5);
    leaf_file_free(&l);
    l = leaf_of(&f, "raw_fill-min_canvas-15x9x9_norm-sym");
    ck_assert_double_eq_tol(leaf_file_at(&l, 0, 5, 5, 0), -1, 1e-6);
    ck_assert_double_eq_tol(leaf_file_at(&l, 4, 0, 5, 0), -1, 1e-6);
    leaf_file_free(&l);
}
END_TEST

/* Column 0 is padding in every frame, column 1 in the first one. */
static double padded(const struct image_file *f, uint32_t frame, uint32_t x,
                     uint32_t y, uint32_t channel)
{
    (void)f, (void)channel;
    if (x == 0 || (x == 1 && frame == 0))
        return 0;
    return 100 + x + 10 * y + frame;
}

START_TEST(padding_is_what_is_padding_in_every_frame)
{
    static const char *const views[] = {"raw_vol-mip_norm-unit",
                                        "raw_slab-max-d7_norm-unit",
                                        "raw_pick-1to2_vol-mip_norm-unit"};
    struct image_file f = stack();
    struct leaf_file l;

    f.value = padded;
    f.padding = "0";
    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, views[_i]);
    ck_assert(leaf_file_at(&l, 0, 1, 0, 0) == 0);
    ck_assert(leaf_file_at(&l, 0, COLS - 1, ROWS - 1, 0) == 1);
    ck_assert(leaf_file_at(&l, 0, 0, 0, 0) < -1);
    leaf_file_free(&l);
}
END_TEST

/* The limits are those of the values; lapmip makes 16 bits of 8. */
START_TEST(limits_follow_lapmip_to_its_type)
{
    struct image_file f = stack();
    struct leaf_file l;

    image_file_bits(&f, 8, 8);
    engine_put(&engine, &f);
    engine_start(&engine);
    l = leaf_of(&f, "window-off_vol-lapmip-skip0_fill-max_canvas-15x9");
    ck_assert(leaf_file_at(&l, 0, 0, 0, 0) == 65535);
    leaf_file_free(&l);
}
END_TEST

/* Display samples count from 0 to 1. */
START_TEST(fixed_numbers_are_on_the_unit_scale)
{
    struct image_file f = stack();
    struct leaf_file display, fixed, raw;

    engine_put(&engine, &f);
    engine_start(&engine);
    display = leaf_of(&f, "window-off");
    fixed = leaf_of(&f, "window-off_norm-m0.5-s0.25");
    raw = leaf_of(&f, "raw_norm-m100-s50");
    for (uint32_t x = 0; x < COLS; x++) {
        double v = leaf_file_at(&display, 2, x, 3, 0) / 65535;

        ck_assert_double_eq_tol(leaf_file_at(&fixed, 2, x, 3, 0),
                                (v - 0.5) / 0.25, 1e-6);
        ck_assert_double_eq_tol(leaf_file_at(&raw, 2, x, 3, 0),
                                (at(&f, 2, (int32_t)x, 3) - 100) / 50, 1e-5);
    }
    leaf_file_free(&display);
    leaf_file_free(&fixed);
    leaf_file_free(&raw);
}
END_TEST

/* ---- crops of stacks ---------------------------------------------------- */

/* The box of one projected frame, not the union over the frames of another. */
START_TEST(the_crop_looks_at_what_vol_leaves)
{
    struct image_file f = stack();
    struct leaf_file every, central, least;

    f.value = image_file_box;
    f.cols = 40;
    f.rows = 30;
    engine_put(&engine, &f);
    engine_start(&engine);
    every = leaf_of(&f, "window-off_vol-mip_crop");
    central = leaf_of(&f, "window-off_vol-central_crop");
    least = leaf_of(&f, "window-off_vol-minip_crop");
    ck_assert_uint_lt(central.height, every.height);
    ck_assert_uint_lt(least.width, central.width);
    leaf_file_free(&every);
    leaf_file_free(&central);
    leaf_file_free(&least);
}
END_TEST

/* What a rotation lays open is no part of the image, whatever fills it. */
START_TEST(open_corners_are_not_cropped_to)
{
    struct image_file f = stack();
    struct leaf_file plain, filled;

    f.value = image_file_box;
    f.cols = 40;
    f.rows = 30;
    engine_put(&engine, &f);
    engine_start(&engine);
    plain = leaf_of(&f, "window-off_rot-30_crop");
    filled = leaf_of(&f, "window-off_rot-30_crop_fill-65535");
    ck_assert_uint_lt(plain.width, f.cols);
    ck_assert_uint_eq(plain.width, filled.width);
    ck_assert_uint_eq(plain.height, filled.height);
    leaf_file_free(&plain);
    leaf_file_free(&filled);
}
END_TEST

/* ---- refusals ----------------------------------------------------------- */

static void add_times(const struct image_file *f, struct build *b)
{
    build_sequence(b, 0x52009230, true);
    for (uint32_t k = 0; k < f->frames; k++) {
        build_item(b, true);
        build_sequence(b, 0x00209111, true);
        build_item(b, true);
        build_u32(b, 0x00209128, k < 3 ? 1 : 2); /* TemporalPositionIndex */
        build_item_end(b);
        build_sequence_end(b);
        build_item_end(b);
    }
    build_sequence_end(b);
}

START_TEST(several_volumes_are_not_put_together)
{
    static const struct {
        const char *view;
        enum error_kind kind;
    } asked[] = {
        {"full", ERROR_NONE},
        {"flip-z", ERROR_NONE},
        {"crop", ERROR_NONE},
        {"pick-2_vol-mip", ERROR_NONE},
        {"box-4x4x2at0x0x1", ERROR_NONE},
        {"norm-z", ERROR_NONE},
        {"vol-mip", ERROR_CORRUPT},
        {"vol-central", ERROR_CORRUPT},
        {"vol-interp-3", ERROR_CORRUPT},
        {"slab-max-d2", ERROR_CORRUPT},
        {"size-8x8x3", ERROR_CORRUPT},
        {"spacing-2x2x3", ERROR_CORRUPT},
    };
    struct error err = ERROR_INIT;
    struct image_file f = stack();
    struct leaf leaf;

    f.add_late = add_times;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, asked[_i].view, f.sop);
    ck_assert_int_eq((int)engine_try(&engine, &leaf, &err),
                     (int)asked[_i].kind);
    if (asked[_i].kind == ERROR_CORRUPT)
        ck_assert_ptr_nonnull(strstr(err.msg, "not one volume"));
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    static const struct {
        const char *view;
        enum error_kind kind;
    } asked[] = {
        {"slab-max-d8", ERROR_NOT_FOUND},
        {"box-4x4x2at0x0x7", ERROR_UNSUPPORTED},
        {"spacing-2x2x1", ERROR_UNSUPPORTED}, /* no distance of the frames */
    };
    struct error err = ERROR_INIT;
    struct image_file f = stack();
    struct leaf leaf;

    f.add_early = NULL;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, asked[_i].view, f.sop);
    ck_assert_int_eq((int)engine_try(&engine, &leaf, &err),
                     (int)asked[_i].kind);
}
END_TEST

/* ---- work --------------------------------------------------------------- */

/* Pages of 256 KiB: each has a block that is its own. */
static struct image_file large(void)
{
    struct image_file f = stack();

    f.cols = 512;
    f.rows = 256;
    f.frames = 9;
    return f;
}

START_TEST(a_page_decodes_what_it_is_made_of)
{
    static const struct {
        const char *view;
        uint32_t page;
        uint64_t decodes;
    } pages[] = {
        {"raw_vol-interp-5", 1, 1}, /* lands on frame 2 */
        {"raw_vol-interp-6", 1, 2},  {"raw_size-512x256x6", 3, 2},
        {"raw_slab-max-d3", 4, 3},   {"raw_slab-median-d4-s2", 1, 4},
        {"raw_flip-z", 2, 1},        {"raw_box-512x256x4at0x0x3", 1, 1},
        {"raw_spacing-2x2x3", 1, 1}, {"raw_canvas-512x256x11", 0, 0},
        {"raw_vol-mip", 0, 9},       {"raw_vol-mip-skip3", 0, 3},
        {"raw_vol-central", 0, 1},
    };
    enum { BLOCK = 128 * 1024, PAGE = 512 * 256 * 2 };
    struct error err = ERROR_INIT;
    struct image_file f = large();
    struct leaf leaf;
    uint8_t byte;
    uint64_t offset;
    size_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, pages[_i].view, f.sop);
    (void)engine_decoded(&engine);
    offset = (uint64_t)pages[_i].page * PAGE + BLOCK;
    ck_assert_int_eq(
        (int)engine_read(&engine, &leaf, offset, 1, 1, &byte, &n, &err),
        (int)ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), pages[_i].decodes);
}
END_TEST

static const char *const sliced[] = {
    "vol-interp-6",          "slab-median-d3-s2",   "vol-mip",
    "size-200x100x5_norm-z", "rot-12_norm-z-frame",
};

/* Small steps over the last bytes only: with a cache that holds one page they
 * make a page again and again. */
START_TEST(any_split_of_a_read_is_one_read)
{
    static const struct {
        size_t step, length;
    } rounds[] = {
        {777, 40000}, {4096, 400000}, {200000, SIZE_MAX}, {1 << 20, SIZE_MAX}};
    struct error err = ERROR_INIT;
    struct image_file f = large();
    struct leaf leaf;
    uint8_t *whole, *split;
    size_t size, n;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, sliced[_i], f.sop);
    whole = engine_bytes(&engine, &leaf, &size);
    split = malloc(size);
    ck_assert_ptr_nonnull(split);
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        size_t length = rounds[i].length < size ? rounds[i].length : size;
        size_t start = size - length;

        engine_resize(&engine, 1 << 20, 1 << 20);
        leaf = engine_leaf(&engine, sliced[_i], f.sop);
        ck_assert_int_eq((int)engine_read(&engine, &leaf, start, length,
                                          rounds[i].step, split, &n, &err),
                         (int)ERROR_NONE);
        ck_assert_uint_eq(n, length);
        ck_assert_mem_eq(whole + start, split, length);
    }
    free(whole);
    free(split);
}
END_TEST

struct reader {
    struct leaf leaf;
    size_t size;
    uint64_t start;
    uint8_t *data;
};

static void *read_round(void *opaque)
{
    struct reader *r = opaque;
    struct error err = ERROR_INIT;
    size_t n, first = r->size - (size_t)r->start;

    if (engine_read(&engine, &r->leaf, r->start, first, 65536,
                    r->data + r->start, &n, &err) != ERROR_NONE ||
        engine_read(&engine, &r->leaf, 0, (size_t)r->start, 65536, r->data, &n,
                    &err) != ERROR_NONE)
        return r;
    return NULL;
}

START_TEST(many_threads_read_what_one_reads)
{
    enum { THREADS = 4 };
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    struct image_file f = large();
    struct leaf leaf;
    uint8_t *whole;
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, sliced[_i], f.sop);
    whole = engine_bytes(&engine, &leaf, &size);
    engine_restart(&engine);
    leaf = engine_leaf(&engine, sliced[_i], f.sop);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){leaf, size, size * (size_t)i / THREADS,
                                     malloc(size)};
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_round, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
        ck_assert_mem_eq(readers[i].data, whole, size);
        free(readers[i].data);
    }
    free(whole);
}
END_TEST

/* ---- memory ------------------------------------------------------------- */

/* A line of /proc/self/status, in KiB; -1 if there is none. */
static long status_kib(const char *name)
{
    char line[256];
    long kib = -1;
    FILE *in = fopen("/proc/self/status", "r");

    if (!in)
        return -1;
    while (fgets(line, sizeof line, in))
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtol(line + strlen(name) + 1, NULL, 10);
    (void)fclose(in);
    return kib;
}

/* Lets VmHWM begin anew (proc(5)). */
static bool forget_peak(void)
{
    FILE *out = fopen("/proc/self/clear_refs", "w");
    bool done = out && fputs("5", out) >= 0;

    return out && fclose(out) == 0 && done;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_MEASURABLE false /* a sanitizer keeps what was freed */
#else
#define IS_MEASURABLE true
#endif

/* 64 frames of 1 MiB; caches of 1 and 4 MiB. */
START_TEST(no_operator_holds_the_volume)
{
    static const char *const views[] = {
        "vol-mip",          "vol-mean",      "slab-max-d32",
        "vol-lapmip-skip0", "vol-interp-90", "size-1024x512x40_norm-z",
    };
    enum { LIMIT_KIB = 32 * 1024 };
    struct error err = ERROR_INIT;
    struct image_file f = stack();
    struct leaf leaf;
    uint8_t byte;
    size_t n;
    long before;

    f.cols = 1024;
    f.rows = 512;
    f.frames = 64;
    engine_put(&engine, &f);
    engine_start(&engine);
    engine_resize(&engine, 1 << 20, 4 << 20);
    leaf = engine_leaf(&engine, views[_i], f.sop);
    before = status_kib("VmRSS");
    if (!IS_MEASURABLE || before < 0 || !forget_peak())
        return;
    ck_assert_int_eq(
        (int)engine_read(&engine, &leaf, 300000, 1, 1, &byte, &n, &err),
        (int)ERROR_NONE);
    ck_assert_int_lt(status_kib("VmHWM") - before, LIMIT_KIB);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("render_stack");
    TCase *t = tcase_create("stack");

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, pages_are_made_of_the_right_frames, 0, COUNT(cases));
    tcase_add_loop_test(t, any_angle_is_bilinear, 0, COUNT(turns));
    tcase_add_loop_test(t, lapmip_is_sixteen_bit_grey, 0, 8);
    tcase_add_loop_test(t, samples_are_normalised, 0, COUNT(norms));
    tcase_add_loop_test(t, a_constant_becomes_zero, 0, 4);
    tcase_add_test(t, padding_comes_after_normalisation);
    tcase_add_loop_test(t, padding_is_what_is_padding_in_every_frame, 0, 3);
    tcase_add_test(t, limits_follow_lapmip_to_its_type);
    tcase_add_test(t, fixed_numbers_are_on_the_unit_scale);
    tcase_add_test(t, the_crop_looks_at_what_vol_leaves);
    tcase_add_test(t, open_corners_are_not_cropped_to);
    tcase_add_loop_test(t, several_volumes_are_not_put_together, 0, 12);
    tcase_add_loop_test(t, what_cannot_be_is_refused, 0, 3);
    tcase_add_loop_test(t, a_page_decodes_what_it_is_made_of, 0, 12);
    tcase_add_loop_test(t, any_split_of_a_read_is_one_read, 0, COUNT(sliced));
    tcase_add_loop_test(t, many_threads_read_what_one_reads, 0, COUNT(sliced));
    tcase_add_loop_test(t, no_operator_holds_the_volume, 0, 6);
    suite_add_tcase(s, t);
    return check_main(s);
}
