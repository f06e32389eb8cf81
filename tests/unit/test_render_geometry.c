// SPDX-License-Identifier: MIT
/*
 * test_render_geometry.c: mirror, turn, region, resize and padding of whole
 * leaves, against a plain implementation in f64, and the tags that tell. A
 * resampled integer must lie within half a step of the real number.
 */
#undef NDEBUG
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/leaf_file.h"
#include "support/places.h"
#include "support/plain_shape.h"

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

/* ---- files -------------------------------------------------------------- */

static void grey(struct image_file *f)
{
    image_file_bits(f, 8, 8);
    f->cols = 23;
    f->rows = 17;
    f->frames = 2;
    f->value = image_file_noise;
    f->spacing = "0.5\\0.7";
}

static void colour(struct image_file *f)
{
    grey(f);
    f->samples = 3;
    f->photometric = "RGB";
}

static void deep(struct image_file *f)
{
    grey(f);
    image_file_bits(f, 16, 16);
}

static void negative(struct image_file *f)
{
    grey(f);
    image_file_bits(f, 16, 12);
    f->is_signed = true;
}

static void broad(struct image_file *f)
{
    grey(f);
    image_file_bits(f, 32, 32);
}

static void line(struct image_file *f)
{
    grey(f);
    f->cols = 1;
    f->rows = 9;
}

static void dot(struct image_file *f)
{
    grey(f);
    f->cols = f->rows = 1;
}

/* Zero above the falling diagonal, from 100 to 255 below; 255 occurs. */
static double wedge_value(const struct image_file *f, uint32_t frame,
                          uint32_t x, uint32_t y, uint32_t c)
{
    (void)frame;
    (void)c;
    if (x * f->rows + y * f->cols < f->cols * f->rows)
        return 0;
    return x == f->cols - 1 && y == f->rows - 1 ? 255 : 100;
}

static void wedge(struct image_file *f)
{
    grey(f);
    f->value = wedge_value;
}

/* ---- cases -------------------------------------------------------------- */

struct shape_case {
    void (*make)(struct image_file *f);
    const char *view;
    struct shape shape;
};

static const struct shape_case cases[] = {
    {grey, "raw_flip-h", {.flip_h = true}},
    {grey, "raw_flip-v", {.flip_v = true}},
    {grey, "raw_flip-hv", {.flip_h = true, .flip_v = true}},
    {grey, "raw_rot-90", {.turns = 1}},
    {grey, "raw_rot-180", {.turns = 2}},
    {grey, "raw_rot--90", {.turns = 3}},
    {colour, "flip-h_rot-90", {.flip_h = true, .turns = 1}},
    {broad, "raw_flip-v_rot-270", {.flip_v = true, .turns = 3}},
    {line, "raw_rot-90", {.turns = 1}},
    {dot, "raw_rot-90", {.turns = 1}},
    {grey, "raw_box-7x5at3x2", {.box = {3, 2, 7, 5}}},
    {grey, "raw_box-999x999at20x10", {.box = {20, 10, 3, 7}}},
    {grey, "raw_rot-90_box-4x7at1x2", {.turns = 1, .box = {1, 2, 4, 7}}},
    {grey, "raw_mid-8x4", {.box = {7, 6, 8, 4}}},
    {grey, "raw_mid-99x3", {.box = {0, 7, 23, 3}}},
    {dot, "raw_mid-8x4", {.box = {0, 0, 1, 1}}},
    {grey,
     "raw_size-11x11_pad-topleft",
     {.mode = FIT, .w = 11, .h = 11, .side = TOPLEFT}},
    {grey,
     "raw_size-11x11_pad-bottomright_fill-9",
     {.mode = FIT, .w = 11, .h = 11, .side = BOTTOMRIGHT, .fill = 9}},
    {grey,
     "raw_size-40x64_pad-center",
     {.mode = FIT, .w = 40, .h = 64, .side = CENTER}},
    {grey,
     "raw_size-40x64_pad-center_noup",
     {.mode = FIT, .w = 40, .h = 64, .side = CENTER, .noup = true}},
    {grey, "raw_size-11x40_nopad", {.mode = FIT, .w = 11, .h = 40}},
    {grey,
     "raw_size-50x40_noup_nopad",
     {.mode = FIT, .w = 50, .h = 40, .noup = true}},
    {grey, "raw_size-10x30-cover", {.mode = COVER, .w = 10, .h = 30}},
    {grey, "raw_size-11x5-cover", {.mode = COVER, .w = 11, .h = 5}},
    {grey, "raw_size-9x30-stretch", {.mode = STRETCH, .w = 9, .h = 30}},
    {grey,
     "raw_size-9x30-stretch_noup",
     {.mode = STRETCH, .w = 9, .h = 30, .noup = true}},
    {grey, "raw_spacing-1x1", {.mode = SPACING, .mm_x = 1, .mm_y = 1}},
    {grey, "raw_spacing-0.4x1.3", {.mode = SPACING, .mm_x = 0.4, .mm_y = 1.3}},
    {grey,
     "raw_spacing-0.4x1.3_noup",
     {.mode = SPACING, .mm_x = 0.4, .mm_y = 1.3, .noup = true}},
    {grey,
     "raw_rot-90_spacing-1x1",
     {.turns = 1, .mode = SPACING, .mm_x = 1, .mm_y = 1}},
    {grey,
     "raw_size-11x9-stretch_filter-nearest",
     {.mode = STRETCH, .w = 11, .h = 9, .filter = VIEW_FILTER_NEAREST}},
    {grey,
     "raw_size-11x30-stretch_filter-catmullrom",
     {.mode = STRETCH, .w = 11, .h = 30, .filter = VIEW_FILTER_CATMULLROM}},
    {grey,
     "raw_size-30x9-stretch_filter-gaussian",
     {.mode = STRETCH, .w = 30, .h = 9, .filter = VIEW_FILTER_GAUSSIAN}},
    {grey,
     "raw_size-11x9-stretch_filter-lanczos3",
     {.mode = STRETCH, .w = 11, .h = 9, .filter = VIEW_FILTER_LANCZOS3}},
    {grey,
     "raw_size-5x40-stretch_filter-maxpool",
     {.mode = STRETCH, .w = 5, .h = 40, .filter = VIEW_FILTER_MAXPOOL}},
    {colour,
     "size-12x30_pad-center",
     {.mode = FIT, .w = 12, .h = 30, .side = CENTER}},
    {deep,
     "raw_size-12x30-stretch_filter-lanczos3",
     {.mode = STRETCH, .w = 12, .h = 30, .filter = VIEW_FILTER_LANCZOS3}},
    {negative,
     "raw_size-12x30_pad-center_fill--5",
     {.mode = FIT, .w = 12, .h = 30, .side = CENTER, .fill = -5}},
    {negative,
     "hu_size-12x30_pad-topleft_fill--5.5",
     {.mode = FIT, .w = 12, .h = 30, .side = TOPLEFT, .fill = -5.5}},
    {broad, "raw_size-12x30-stretch", {.mode = STRETCH, .w = 12, .h = 30}},
    {line,
     "raw_size-3x3_pad-center",
     {.mode = FIT, .w = 3, .h = 3, .side = CENTER}},
    {dot, "raw_size-7x3-stretch", {.mode = STRETCH, .w = 7, .h = 3}},
    {grey,
     "raw_flip-h_rot-90_box-9x11at3x5_size-20x13_pad-center_filter-catmullrom",
     {.flip_h = true,
      .turns = 1,
      .box = {3, 5, 9, 11},
      .mode = FIT,
      .w = 20,
      .h = 13,
      .side = CENTER,
      .filter = VIEW_FILTER_CATMULLROM}},
    /* where it is black already; ties go left and up */
    {wedge, "size-30x17", {.mode = FIT, .w = 30, .h = 17, .side = ZERO}},
    {wedge, "size-23x30", {.mode = FIT, .w = 23, .h = 30, .side = ZERO}},
    {wedge,
     "flip-hv_size-30x17",
     {.flip_h = true,
      .flip_v = true,
      .mode = FIT,
      .w = 30,
      .h = 17,
      .side = ZERO}},
    {wedge,
     "flip-hv_size-23x30",
     {.flip_h = true,
      .flip_v = true,
      .mode = FIT,
      .w = 23,
      .h = 30,
      .side = ZERO}},
    {wedge,
     "raw_rot-180_size-30x17",
     {.turns = 2, .mode = FIT, .w = 30, .h = 17, .side = ZERO}},
    {wedge, "size-23x17", {.mode = FIT, .w = 23, .h = 17, .side = ZERO}},
};

/* Of the integer types that occur here. */
static double limit_of(enum sample_type type, bool is_high)
{
    if (type == SAMPLE_U8)
        return is_high ? 255 : 0;
    if (type == SAMPLE_U16)
        return is_high ? 65535 : 0;
    if (type == SAMPLE_I16)
        return is_high ? 32767 : -32768;
    if (type == SAMPLE_U32)
        return is_high ? 4294967295.0 : 0;
    return is_high ? INFINITY : -INFINITY;
}

/* Half a step, and the noise of f32 weights on samples of many bits. */
static double slack_of(const struct image_file *f, enum sample_type type)
{
    double noise = 1e-6 * ldexp(1, (int)f->bits_stored);

    return (type == SAMPLE_F32 ? 0 : 0.501) + noise;
}

static void check_page(const struct image_file *f, const struct shape_case *c,
                       const struct leaf_file *l, uint32_t page,
                       const struct made *m)
{
    const struct grid *g = &m->grid;

    ck_assert_uint_eq(l->width, g->w);
    ck_assert_uint_eq(l->height, g->h);
    ck_assert_uint_eq(l->channels, g->n);
    for (uint32_t y = 0; y < g->h; y++)
        for (uint32_t x = 0; x < g->w; x++)
            for (uint32_t i = 0; i < g->n; i++) {
                double is = leaf_file_at(l, page, x, y, i);
                double must =
                    fmin(fmax(*grid_at(g, x, y, i), limit_of(l->type, false)),
                         limit_of(l->type, true));
                double slack = c->shape.mode == KEEP ? 0 : slack_of(f, l->type);

                ck_assert_msg(fabs(is - must) <= slack,
                              "%s: page %u, %u,%u,%u: is %.9g, must be %.9g",
                              c->view, page, x, y, i, is, must);
            }
}

static void check_tag(const uint8_t *data, size_t size, uint32_t page,
                      uint16_t tag, uint32_t type, const double *values,
                      uint32_t n)
{
    uint32_t count;

    ck_assert_uint_eq(leaf_file_tag_type(data, size, page, tag, &count),
                      n ? type : 0);
    ck_assert_uint_eq(count, n);
    for (uint32_t i = 0; i < n; i++) {
        double is = NAN;

        ck_assert(leaf_file_tag(data, size, page, tag, i, &is));
        ck_assert_msg(fabs(is - values[i]) <= 1e-6 * fabs(values[i]),
                      "tag %u[%u]: is %.9g, must be %.9g", tag, i, is,
                      values[i]);
    }
}

/* REF 6 and pixels.md, TIFF: the tags of `page`. */
static void check_tags(const struct image_file *f, const struct shape *s,
                       const struct made *m, const uint8_t *data, size_t size,
                       uint32_t page)
{
    const uint32_t *b = s->box;
    double origin[2] = {b[0] + b[2] / 2, b[1] + b[3] / 2};
    double extent[2] = {b[2], b[3]};
    double pads[4] = {m->pad[0], m->pad[1], m->pad[2], m->pad[3]};
    double sx = s->mode == KEEP ? 1 : m->scale[0];
    double sy = s->mode == KEEP ? 1 : m->scale[1];
    double per_cm[2] = {10 / 0.7 * sx, 10 / 0.5 * sy};
    double number[2] = {page, f->frames};
    double software;

    if (s->turns % 2) {
        per_cm[0] = 10 / 0.5 * sx;
        per_cm[1] = 10 / 0.7 * sy;
    }
    check_tag(data, size, page, 50718, 11, m->scale, s->mode == KEEP ? 0 : 2);
    check_tag(data, size, page, 50719, 4, origin, b[2] ? 2 : 0);
    check_tag(data, size, page, 50720, 4, extent, b[2] ? 2 : 0);
    check_tag(data, size, page, 50829, 4, pads, s->side == NO_PAD ? 0 : 4);
    check_tag(data, size, page, 65000, 4, NULL, 0);
    check_tag(data, size, page, 282, 5, &per_cm[0], 1);
    check_tag(data, size, page, 283, 5, &per_cm[1], 1);
    check_tag(data, size, page, 296, 3, (double[]){3}, 1);
    check_tag(data, size, page, 297, 3, number, 2);
    ck_assert(leaf_file_tag(data, size, page, 305, 0, &software));
}

START_TEST(pixels_land_where_they_must)
{
    const struct shape_case *c = &cases[_i];
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf_file l;
    struct leaf leaf;
    uint8_t *data;
    size_t size;

    c->make(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c->view, f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    ck_assert_uint_eq(l.pages, f.frames);
    for (uint32_t page = 0; page < l.pages; page++) {
        struct made m = plain_shape(&f, page, &c->shape);

        check_page(&f, c, &l, page, &m);
        check_tags(&f, &c->shape, &m, data, size, page);
        free(m.grid.v);
    }
    leaf_file_free(&l);
    free(data);
}
END_TEST

/* ---- the automatic crop ------------------------------------------------- */

static void lit(struct image_file *f)
{
    grey(f);
    image_file_bits(f, 16, 12);
    f->cols = 40;
    f->rows = 30;
    f->frames = 3;
    f->slope = "2";
    f->intercept = "-7";
    f->value = image_file_box;
}

/* Box of what is not the lowest value, over all frames. */
static void lit_box(const struct image_file *f, uint32_t ret[4])
{
    uint32_t x1 = 0, y1 = 0;

    ret[0] = ret[1] = UINT32_MAX;
    for (uint32_t k = 0; k < f->frames; k++)
        for (uint32_t y = 0; y < f->rows; y++)
            for (uint32_t x = 0; x < f->cols; x++) {
                if (image_file_stored(f, k, x, y, 0) == 0)
                    continue;
                ret[0] = x < ret[0] ? x : ret[0];
                ret[1] = y < ret[1] ? y : ret[1];
                x1 = x > x1 ? x : x1;
                y1 = y > y1 ? y : y1;
            }
    ret[2] = x1 - ret[0] + 1;
    ret[3] = y1 - ret[1] + 1;
}

static const char *const crops[] = {
    "crop",     "crop-nocomp",       "hu_crop",       "raw_crop",
    "crop_u8",  "range--7to90_crop", "crop_f32",      "raw_window-off_crop",
    "crop_rgb", "hu_crop_i16",       "crop_pack-lzw",
};

START_TEST(every_type_is_cropped_alike)
{
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf leaf;
    struct leaf_file l;
    uint8_t *data;
    size_t size;
    uint32_t box[4];
    double tags[2];

    lit(&f);
    lit_box(&f, box);
    ck_assert_uint_lt(box[2], f.cols);
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, crops[_i], f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    ck_assert_uint_eq(l.width, box[2]);
    ck_assert_uint_eq(l.height, box[3]);
    tags[0] = box[0] + box[2] / 2;
    tags[1] = box[1] + box[3] / 2;
    check_tag(data, size, 1, 50719, 4, tags, 2);
    if (strncmp(crops[_i], "raw_crop", 8) == 0)
        for (uint32_t k = 0; k < f.frames; k++)
            for (uint32_t y = 0; y < box[3]; y++)
                for (uint32_t x = 0; x < box[2]; x++)
                    ck_assert(
                        leaf_file_at(&l, k, x, y, 0) ==
                        image_file_stored(&f, k, box[0] + x, box[1] + y, 0));
    leaf_file_free(&l);
    free(data);
}
END_TEST

START_TEST(a_crop_is_resized_and_padded)
{
    struct image_file f = IMAGE_FILE_INIT;
    struct shape s = {.mode = FIT, .w = 20, .h = 33, .side = CENTER};
    struct shape_case c = {lit, "raw_crop_size-20x33_pad-center", s};
    struct leaf leaf;
    struct leaf_file l;
    uint8_t *data;
    size_t size;

    lit(&f);
    lit_box(&f, c.shape.box);
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c.view, f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    for (uint32_t page = 0; page < f.frames; page++) {
        struct made m = plain_shape(&f, page, &c.shape);

        check_page(&f, &c, &l, page, &m);
        check_tags(&f, &c.shape, &m, data, size, page);
        free(m.grid.v);
    }
    leaf_file_free(&l);
    free(data);
}
END_TEST

static double dark(const struct image_file *f, uint32_t frame, uint32_t x,
                   uint32_t y, uint32_t c)
{
    (void)f;
    (void)frame;
    (void)x;
    (void)y;
    (void)c;
    return 5;
}

START_TEST(a_blank_image_stays_whole)
{
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf leaf;
    uint64_t size;

    lit(&f);
    f.value = dark; /* minimum = maximum: all of it 0 */
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, "crop", f.sop);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
    ck_assert_uint_eq(size, 4096 + 40 * 30 * 2 * 3);
}
END_TEST

/* ---- frames ------------------------------------------------------------- */

/* Stored from the last to the first along the normal. */
static void add_positions(const struct image_file *f, struct build *b)
{
    static const double z[] = {10, 8, 6, 4, 2};

    ck_assert_uint_eq(f->frames, 5);
    places_add_axial(b, 0, 0, z, f->frames);
}

/* Positions up and down: neither rising nor falling. */
static void add_shuffled(const struct image_file *f, struct build *b)
{
    static const double z[] = {4, 0, 6, 2, 8};

    ck_assert_uint_eq(f->frames, 5);
    places_add_axial(b, 0, 0, z, f->frames);
}

struct frames_case {
    image_file_add_fn add;
    const char *view;
    uint32_t n;
    uint32_t frames[5]; /* stored number of each page */
};

static const struct frames_case frames_cases[] = {
    {add_shuffled, "raw", 5, {1, 3, 0, 2, 4}},
    {add_shuffled, "raw_order-stored", 5, {0, 1, 2, 3, 4}},
    {add_shuffled, "raw_order-inst", 5, {0, 1, 2, 3, 4}},
    {add_shuffled, "raw_pick-2to4", 3, {3, 0, 2}},
    {add_shuffled, "raw_pick-2to4_order-stored", 3, {1, 2, 3}},
    {add_shuffled, "raw_pick-1to9by2", 3, {1, 0, 4}},
    {add_shuffled, "raw_pick-5", 1, {4}},
    {add_shuffled, "raw_pick-4to99", 2, {2, 4}},
    {add_shuffled, "raw_pick-2to4_pack-lzw", 3, {3, 0, 2}},
    {add_positions, "raw", 5, {0, 1, 2, 3, 4}}, /* falling stays */
    {NULL, "raw", 5, {0, 1, 2, 3, 4}},
    {NULL, "raw_pick-3to4", 2, {2, 3}},
};

START_TEST(pages_are_picked_of_the_ordered_frames)
{
    const struct frames_case *c = &frames_cases[_i];
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf leaf;
    struct leaf_file l;
    uint8_t *data;
    size_t size;

    f.sop_class = "1.2.840.10008.5.1.4.1.1.4.1";
    f.frames = 5;
    f.value = image_file_noise;
    f.add_late = c->add;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c->view, f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    ck_assert_uint_eq(engine_decoded(&engine), c->n);
    l = leaf_file_open(data, size);
    ck_assert_uint_eq(l.pages, c->n);
    for (uint32_t page = 0; page < c->n; page++)
        for (uint32_t y = 0; y < f.rows; y++)
            for (uint32_t x = 0; x < f.cols; x++)
                ck_assert_msg(
                    leaf_file_at(&l, page, x, y, 0) ==
                        image_file_stored(&f, c->frames[page], x, y, 0),
                    "%s: page %u is not frame %u", c->view, page,
                    c->frames[page]);
    leaf_file_free(&l);
    free(data);
}
END_TEST

/* The minimum and maximum are those of the picked frames. */
START_TEST(statistics_follow_the_pick)
{
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf leaf;
    struct leaf_file l;
    uint8_t *data;
    size_t size;
    double low, high;

    f.frames = 4;
    engine_put(&engine, &f);
    engine_start(&engine);
    image_file_extent(&f, 2, &low, &high);
    leaf = engine_leaf(&engine, "pick-3", f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    ck_assert(leaf_file_at(&l, 0, 0, 0, 0) == 0);
    ck_assert(leaf_file_at(&l, 0, f.cols - 1, f.rows - 1, 0) == 65535);
    ck_assert_uint_eq(engine_decoded(&engine), 1);
    leaf_file_free(&l);
    free(data);
}
END_TEST

/* ---- tomosynthesis ------------------------------------------------------ */

static void add_upright(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00200020, "CS", "A\\R");
    build_text(b, 0x00200062, "CS", "L");
}

struct turn_case {
    image_file_add_fn add;
    const char *view;
    struct shape shape;
    bool is_turned;
};

static const struct turn_case turn_cases[] = {
    {image_file_add_turned, "raw", {.turns = 2}, true},
    {image_file_add_turned, "raw_rot-90", {.turns = 3}, true},
    {image_file_add_turned, "raw_flip-h", {.flip_v = true}, true},
    {image_file_add_turned,
     "raw_box-5x6at3x2",
     {.turns = 2, .box = {3, 2, 5, 6}},
     true},
    {add_upright, "raw", {.turns = 0}, false},
};

START_TEST(upside_down_tomosynthesis_is_turned)
{
    const struct turn_case *c = &turn_cases[_i];
    struct shape_case as = {grey, c->view, c->shape};
    struct image_file f = IMAGE_FILE_INIT;
    struct leaf leaf;
    struct leaf_file l;
    uint8_t *data;
    size_t size;

    grey(&f);
    f.sop_class = "1.2.840.10008.5.1.4.1.1.13.1.3";
    f.add_early = image_file_add_cc;
    f.add_middle = c->add;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = engine_leaf(&engine, c->view, f.sop);
    data = engine_bytes(&engine, &leaf, &size);
    l = leaf_file_open(data, size);
    for (uint32_t page = 0; page < f.frames; page++) {
        struct made m = plain_shape(&f, page, &c->shape);

        check_page(&f, &as, &l, page, &m);
        check_tag(data, size, page, 65000, 4, (double[]){f.cols, f.rows, 1, 1},
                  c->is_turned ? 4 : 0);
        free(m.grid.v);
    }
    leaf_file_free(&l);
    free(data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("render_geometry");
    TCase *t = tcase_create("geometry");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, pixels_land_where_they_must, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(t, every_type_is_cropped_alike, 0,
                        sizeof crops / sizeof crops[0]);
    tcase_add_test(t, a_crop_is_resized_and_padded);
    tcase_add_test(t, a_blank_image_stays_whole);
    tcase_add_loop_test(t, pages_are_picked_of_the_ordered_frames, 0,
                        sizeof frames_cases / sizeof frames_cases[0]);
    tcase_add_test(t, statistics_follow_the_pick);
    tcase_add_loop_test(t, upside_down_tomosynthesis_is_turned, 0,
                        sizeof turn_cases / sizeof turn_cases[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
