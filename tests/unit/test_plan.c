// SPDX-License-Identifier: MIT
/*
 * test_plan.c: from header data to the shape of a leaf, view by view.
 */
#undef NDEBUG
#include "render/plan.h"

#include <math.h>
#include <string.h>

#include "render/file.h"
#include "support/check_main.h"

/* ---- instances ---------------------------------------------------------- */

/* 100 x 60, 12 bits, 0.5 mm across and 0.25 mm down. */
static struct manifest_instance grey16(void)
{
    return (struct manifest_instance){
        .id = 1,
        .frames = 5,
        .has_pixels = true,
        .px_x = 0.5,
        .px_y = 0.25,
        .desc = {.codec = DECODE_RLE,
                 .photometric = DECODE_MONOCHROME2,
                 .rows = 60,
                 .cols = 100,
                 .samples = 1,
                 .bits_alloc = 16,
                 .bits_stored = 12,
                 .high_bit = 11},
    };
}

static struct manifest_instance signed16(void)
{
    struct manifest_instance i = grey16();

    i.desc.is_signed = true;
    return i;
}

static struct manifest_instance bits(uint32_t alloc, bool is_signed)
{
    struct manifest_instance i = grey16();

    i.desc.codec = DECODE_NATIVE_LE;
    i.desc.bits_alloc = i.desc.bits_stored = alloc;
    i.desc.high_bit = alloc - 1;
    i.desc.is_signed = is_signed;
    return i;
}

static struct manifest_instance grey8(void)
{
    return bits(8, false);
}

static struct manifest_instance signed8(void)
{
    return bits(8, true);
}

static struct manifest_instance bit(void)
{
    return bits(1, false);
}

static struct manifest_instance grey32(void)
{
    return bits(32, true);
}

static struct manifest_instance floats(void)
{
    struct manifest_instance i = bits(32, false);

    i.desc.element = DECODE_FLOAT;
    return i;
}

static struct manifest_instance doubles(void)
{
    struct manifest_instance i = bits(64, false);

    i.desc.element = DECODE_DOUBLE;
    return i;
}

static struct manifest_instance rgb8(void)
{
    struct manifest_instance i = grey8();

    i.desc.photometric = DECODE_RGB;
    i.desc.samples = 3;
    return i;
}

static struct manifest_instance wide_colour(void)
{
    struct manifest_instance i = rgb8();

    i.desc.bits_alloc = i.desc.bits_stored = 32;
    i.desc.high_bit = 31;
    return i;
}

static struct manifest_instance palette8(void)
{
    struct manifest_instance i = grey8();

    i.desc.photometric = DECODE_PALETTE;
    return i;
}

static struct manifest_instance palette16(void)
{
    struct manifest_instance i = grey16();

    i.desc.photometric = DECODE_PALETTE;
    return i;
}

static struct manifest_instance unknown(void)
{
    struct manifest_instance i = grey16();

    i.desc.codec = DECODE_UNSUPPORTED;
    return i;
}

static struct manifest_instance spaceless(void)
{
    struct manifest_instance i = grey16();

    i.px_x = i.px_y = 0;
    return i;
}

static struct manifest_instance turned(void)
{
    struct manifest_instance i = grey16();

    i.turned = true;
    return i;
}

static struct plan planned(const struct manifest_instance *i, const char *text)
{
    struct error err = ERROR_INIT;
    struct view view;
    struct plan p;

    ck_assert_msg(view_parse(text, NULL, &view, NULL, &err) == 0, "%s: %s",
                  text, err.msg);
    ck_assert_msg(plan_init(&view, i, &p, &err) == 0, "%s: %s", text, err.msg);
    return p;
}

/* ---- types -------------------------------------------------------------- */

struct type_case {
    struct manifest_instance (*of)(void);
    const char *view;
    uint32_t channels;
    enum sample_type value, out;
    const char *refusal; /* a part of it */
};

static const struct type_case type_cases[] = {
    {grey16, "full", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey16, "u8", 1, SAMPLE_U16, SAMPLE_U8, NULL},
    {grey16, "f32", 1, SAMPLE_U16, SAMPLE_F32, NULL},
    {grey16, "rgb", 3, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey16, "gray", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey16, "rgb_f32", 3, SAMPLE_U16, SAMPLE_F32, "RGB is written"},
    {grey16, "hu_rgb", 3, SAMPLE_F32, SAMPLE_F32, "RGB is written"},
    {grey16, "raw", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey16, "raw_i16", 1, SAMPLE_U16, SAMPLE_I16, NULL},
    {grey16, "raw_window-off", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey16, "hu", 1, SAMPLE_F32, SAMPLE_F32, NULL},
    {grey16, "hu_i16", 1, SAMPLE_F32, SAMPLE_I16, NULL},
    {grey16, "range-0to9", 1, SAMPLE_F32, SAMPLE_F32, NULL},
    {grey16, "range-0to9_u8", 1, SAMPLE_F32, SAMPLE_U8, NULL},
    {signed16, "full", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {signed16, "raw", 1, SAMPLE_I16, SAMPLE_I16, NULL},
    {signed16, "raw_window-off", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey8, "full", 1, SAMPLE_U8, SAMPLE_U8, NULL},
    {grey8, "u16", 1, SAMPLE_U8, SAMPLE_U16, NULL},
    {signed8, "full", 1, SAMPLE_U8, SAMPLE_U8, NULL},
    {signed8, "raw", 1, SAMPLE_I16, SAMPLE_I16, NULL},
    {signed8, "raw_window-c1-w2", 1, SAMPLE_U8, SAMPLE_U8, NULL},
    {bit, "full", 1, SAMPLE_U8, SAMPLE_U8, NULL},
    {bit, "raw", 1, SAMPLE_U8, SAMPLE_U8, NULL},
    {grey32, "full", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {grey32, "raw", 1, SAMPLE_I32, SAMPLE_I32, NULL},
    {grey32, "raw_window-off", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {floats, "full", 1, SAMPLE_U16, SAMPLE_U16, NULL},
    {floats, "raw", 1, SAMPLE_F32, SAMPLE_F32, NULL},
    {doubles, "raw", 1, SAMPLE_F64, SAMPLE_F64, NULL},
    {doubles, "hu", 1, SAMPLE_F32, SAMPLE_F32, NULL},
    {rgb8, "full", 3, SAMPLE_U8, SAMPLE_U8, NULL},
    {rgb8, "raw", 3, SAMPLE_U8, SAMPLE_U8, NULL},
    {rgb8, "u16", 3, SAMPLE_U8, SAMPLE_U16, NULL},
    {rgb8, "f32", 3, SAMPLE_U8, SAMPLE_F32, "RGB is written"},
    {rgb8, "gray_f32", 1, SAMPLE_U8, SAMPLE_F32, NULL},
    {rgb8, "raw_i16", 3, SAMPLE_U8, SAMPLE_I16, "RGB is written"},
    {rgb8, "hu", 3, SAMPLE_U8, SAMPLE_F32, "no modality values"},
    {rgb8, "range-0to9_gray", 1, SAMPLE_U8, SAMPLE_F32, "no modality values"},
    {palette8, "full", 3, SAMPLE_U8, SAMPLE_U8, NULL},
    {palette8, "hu", 3, SAMPLE_U8, SAMPLE_F32, "no modality values"},
    {palette16, "raw", 3, SAMPLE_U16, SAMPLE_U16, NULL},
    {wide_colour, "raw", 3, SAMPLE_U32, SAMPLE_U32, "more than 16 bits"},
    {wide_colour, "gray", 1, SAMPLE_U32, SAMPLE_U32, "more than 16 bits"},
    {unknown, "full", 1, SAMPLE_U16, SAMPLE_U16, "no decoder"},
    {unknown, "hu", 1, SAMPLE_F32, SAMPLE_F32, "no decoder"},
};

START_TEST(types_follow_from_view_and_tags)
{
    const struct type_case *c = &type_cases[_i];
    struct manifest_instance i = c->of();
    struct plan p = planned(&i, c->view);

    ck_assert_uint_eq(p.out_channels, c->channels);
    ck_assert_int_eq((int)p.value_type, (int)c->value);
    ck_assert_int_eq((int)p.out_type, (int)c->out);
    ck_assert_uint_eq(p.y_max, i.desc.bits_alloc <= 8 ? 255 : 65535);
    if (!c->refusal)
        ck_assert_ptr_null(p.refusal);
    else
        ck_assert(p.refusal && strstr(p.refusal, c->refusal));
}
END_TEST

/* ---- geometry ----------------------------------------------------------- */

struct shape_case {
    struct manifest_instance (*of)(void);
    const char *view;
    uint32_t pages, width, height; /* width 0: not known yet */
    bool has_region;
    bool knows_pad; /* or there is none */
    uint32_t region[4], pad[4];
    double px_x, px_y;
};

static const struct shape_case shape_cases[] = {
    {grey16, "full", 5, 100, 60, true, true, {0, 0, 100, 60}, {0}, .5, .25},
    {grey16, "rot-90", 5, 60, 100, true, true, {0, 0, 60, 100}, {0}, .25, .5},
    {grey16, "rot-180", 5, 100, 60, true, true, {0, 0, 100, 60}, {0}, .5, .25},
    {grey16, "rot-270", 5, 60, 100, true, true, {0, 0, 60, 100}, {0}, .25, .5},
    {turned, "full", 5, 100, 60, true, true, {0, 0, 100, 60}, {0}, .5, .25},
    {turned, "rot-90", 5, 60, 100, true, true, {0, 0, 60, 100}, {0}, .25, .5},
    {grey16, "pick-2", 1, 100, 60, true, true, {0, 0, 100, 60}, {0}, .5, .25},
    {grey16,
     "pick-2to4",
     3,
     100,
     60,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "pick-2to99by2",
     2,
     100,
     60,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "box-30x20at80x10",
     5,
     20,
     20,
     true,
     true,
     {80, 10, 20, 20},
     {0},
     .5,
     .25},
    {grey16,
     "rot-90_box-9x90at50x20",
     5,
     9,
     80,
     true,
     true,
     {50, 20, 9, 80},
     {0},
     .25,
     .5},
    {grey16, "mid-50x99", 5, 50, 60, true, true, {25, 0, 50, 60}, {0}, .5, .25},
    {grey16,
     "size-50x50",
     5,
     50,
     50,
     true,
     false,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "size-50x30",
     5,
     50,
     30,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25}, /* no slack */
    {grey16,
     "size-50x50_pad-center",
     5,
     50,
     50,
     true,
     true,
     {0, 0, 100, 60},
     {0, 10, 0, 10},
     .5,
     .25},
    {grey16,
     "size-50x51_pad-center",
     5,
     50,
     51,
     true,
     true,
     {0, 0, 100, 60},
     {0, 10, 0, 11},
     .5,
     .25},
    {grey16,
     "size-50x50_pad-topleft",
     5,
     50,
     50,
     true,
     true,
     {0, 0, 100, 60},
     {0, 20, 0, 0},
     .5,
     .25},
    {grey16,
     "size-50x50_pad-bottomright",
     5,
     50,
     50,
     true,
     true,
     {0, 0, 100, 60},
     {0, 0, 0, 20},
     .5,
     .25},
    {grey16,
     "size-50x50_nopad",
     5,
     50,
     30,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "size-200x200_noup_nopad",
     5,
     100,
     60,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "size-200x200_noup_pad-center",
     5,
     200,
     200,
     true,
     true,
     {0, 0, 100, 60},
     {50, 70, 50, 70},
     .5,
     .25},
    {grey16,
     "size-50x50-cover",
     5,
     50,
     50,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "size-200x40-cover_noup",
     5,
     100,
     40,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "size-7x500-stretch",
     5,
     7,
     500,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "spacing-1x1",
     5,
     50,
     15,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16,
     "rot-90_spacing-1x1",
     5,
     15,
     50,
     true,
     true,
     {0, 0, 60, 100},
     {0},
     .25,
     .5},
    {grey16,
     "spacing-0.1x1_noup",
     5,
     100,
     15,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     .5,
     .25},
    {grey16, "crop", 5, 0, 0, false, true, {0}, {0}, .5, .25},
    {grey16, "crop_size-50x50_nopad", 5, 0, 0, false, true, {0}, {0}, .5, .25},
    {grey16, "crop_size-50x50", 5, 50, 50, false, false, {0}, {0}, .5, .25},
    {grey16,
     "crop_size-50x50-cover",
     5,
     50,
     50,
     false,
     true,
     {0},
     {0},
     .5,
     .25},
    {grey16,
     "crop_size-50x50-cover_noup",
     5,
     0,
     0,
     false,
     true,
     {0},
     {0},
     .5,
     .25},
    {grey16, "crop_spacing-1x1", 5, 0, 0, false, true, {0}, {0}, .5, .25},
    {spaceless,
     "size-50x30",
     5,
     50,
     30,
     true,
     true,
     {0, 0, 100, 60},
     {0},
     0,
     0},
};

START_TEST(shapes_follow_from_view_and_tags)
{
    const struct shape_case *c = &shape_cases[_i];
    struct manifest_instance i = c->of();
    struct plan p = planned(&i, c->view);
    uint32_t pad[4] = {p.pad.left, p.pad.top, p.pad.right, p.pad.bottom};

    ck_assert_uint_eq(p.pages, c->pages);
    ck_assert_int_eq(p.has_size, c->width > 0);
    ck_assert_uint_eq(p.out_width, c->width);
    ck_assert_uint_eq(p.out_height, c->height);
    ck_assert_int_eq(p.has_region, c->has_region);
    ck_assert_int_eq(plan_needs_crop(&p), !c->has_region);
    ck_assert_int_eq(plan_needs_pad(&p), !c->knows_pad);
    ck_assert_mem_eq(&p.region, c->region, sizeof c->region);
    ck_assert_mem_eq(pad, c->pad, sizeof pad);
    ck_assert_double_eq(p.px_x, c->px_x);
    ck_assert_double_eq(p.px_y, c->px_y);
    ck_assert_int_eq(p.turned, i.turned);
}
END_TEST

START_TEST(a_measured_box_completes_the_plan)
{
    struct manifest_instance i = grey16();
    struct plan p = planned(&i, "crop_size-50x50_pad-center");
    struct image_box box = {10, 20, 40, 10};
    struct error err = ERROR_INIT;

    ck_assert_int_eq(plan_set_region(&p, &box, &err), 0);
    ck_assert_uint_eq(p.target.cut.width, 50);
    ck_assert_uint_eq(p.target.cut.height, 13); /* 12.5 */
    ck_assert_uint_eq(p.pad.top, 18);
    ck_assert_uint_eq(p.pad.bottom, 19);
    ck_assert(!plan_needs_pad(&p) && !plan_needs_crop(&p));
    p = planned(&i, "crop_size-50x50");
    ck_assert_int_eq(plan_set_region(&p, &box, &err), 0);
    ck_assert(plan_needs_pad(&p));
    plan_set_pad(&p, &(struct pad){0, 37, 0, 0});
    ck_assert(!plan_needs_pad(&p));
    p = planned(&i, "crop");
    ck_assert_int_eq(plan_set_region(&p, &box, &err), 0);
    ck_assert_uint_eq(p.out_width, 40);
    ck_assert_uint_eq(p.out_height, 10);
}
END_TEST

START_TEST(pages_show_picked_frames)
{
    struct manifest_instance i = grey16();
    struct plan p = planned(&i, "pick-2to5by3");

    ck_assert_uint_eq(p.pages, 2);
    ck_assert_uint_eq(plan_frame(&p, 0), 1);
    ck_assert_uint_eq(plan_frame(&p, 1), 4);
    p = planned(&i, "full");
    ck_assert_uint_eq(plan_frame(&p, 4), 4);
}
END_TEST

/* ---- the TIFF ----------------------------------------------------------- */

START_TEST(tags_are_those_of_the_view)
{
    struct manifest_instance i = turned();
    struct tiff_spec s;
    struct plan p = planned(&i, "rot-90_box-20x40at2x4_size-60x60_pad-center");

    plan_tiff(&p, &s);
    ck_assert(s.has_scale && s.has_crop && s.has_pad && s.has_turned);
    ck_assert(fabsf(s.scale[0] - 1.5f) < 1e-6f);
    ck_assert(fabsf(s.scale[1] - 1.5f) < 1e-6f);
    ck_assert(s.crop.x == 2 && s.crop.y == 4 && s.crop.width == 20 &&
              s.crop.height == 40);
    ck_assert(s.pad[0] == 15 && s.pad[1] == 0 && s.pad[2] == 15 &&
              s.pad[3] == 0);
    ck_assert(s.turned_width == 100 && s.turned_height == 60);
    ck_assert(fabs(s.px_per_cm_x - 10 / 0.25 * 1.5) < 1e-4);
    ck_assert(fabs(s.px_per_cm_y - 10 / 0.5 * 1.5) < 1e-4);
    ck_assert_str_eq(s.software, PLAN_SOFTWARE);
    i = spaceless();
    p = planned(&i, "pack-lzw_big_pick-1");
    plan_tiff(&p, &s);
    ck_assert(!s.has_scale && !s.has_crop && !s.has_pad && !s.has_turned);
    ck_assert(s.px_per_cm_x == 0 && s.px_per_cm_y == 0);
    ck_assert(s.pack == TIFF_PACK_LZW && s.big && s.pages == 1);
}
END_TEST

/* ---- refusals ----------------------------------------------------------- */

static struct manifest_instance pixelless(void)
{
    struct manifest_instance i = grey16();

    i.has_pixels = false;
    return i;
}

static struct manifest_instance tiny_spacing(void)
{
    struct manifest_instance i = grey16();

    i.px_y = 1e-300;
    return i;
}

static struct manifest_instance empty(void)
{
    struct manifest_instance i = grey16();

    i.desc.rows = 0;
    return i;
}

static struct manifest_instance four_samples(void)
{
    struct manifest_instance i = rgb8();

    i.desc.samples = 4;
    return i;
}

struct refusal_case {
    struct manifest_instance (*of)(void);
    const char *view;
    enum error_kind kind;
};

static const struct refusal_case refusal_cases[] = {
    {pixelless, "full", ERROR_NOT_FOUND},
    {grey16, "pick-6", ERROR_NOT_FOUND},
    {grey16, "pick-6to9", ERROR_NOT_FOUND},
    {spaceless, "spacing-1x1", ERROR_UNSUPPORTED},
    {tiny_spacing, "spacing-1x1", ERROR_UNSUPPORTED},
    {grey16, "box-5x5at100x0", ERROR_UNSUPPORTED},
    {grey16, "rot-90_box-5x5at60x0", ERROR_UNSUPPORTED},
    {grey16, "spacing-0.000000000001x1", ERROR_TOO_BIG},
    {empty, "full", ERROR_CORRUPT},
    {four_samples, "full", ERROR_UNSUPPORTED},
};

START_TEST(what_cannot_be_is_refused)
{
    const struct refusal_case *c = &refusal_cases[_i];
    struct manifest_instance i = c->of();
    struct error err = ERROR_INIT;
    struct view view;
    struct plan p;

    ck_assert_int_eq(view_parse(c->view, NULL, &view, NULL, &err), 0);
    ck_assert_int_eq(plan_init(&view, &i, &p, &err), -1);
    ck_assert_int_eq((int)err.kind, (int)c->kind);
    ck_assert_str_ne(err.msg, "");
}
END_TEST

/* ---- sizes before pixels ------------------------------------------------ */

START_TEST(early_sizes_are_exact)
{
    struct manifest_instance i = grey16();
    struct error err = ERROR_INIT;
    uint64_t size = 0;
    struct view view;

    ck_assert_int_eq(view_parse("size-50x50_u8", NULL, &view, NULL, &err), 0);
    ck_assert_int_eq(
        file_early_size(NULL, 0, LEAF_TIFF, 0, &view, &i, &size, &err), 0);
    ck_assert_uint_eq(size, 4096 + 5 * 50 * 50);
    ck_assert_int_eq(view_parse("crop", NULL, &view, NULL, &err), 0);
    ck_assert_int_eq(
        file_early_size(NULL, 0, LEAF_TIFF, 0, &view, &i, &size, &err), 1);
    ck_assert_int_eq(view_parse("pack-lzw", NULL, &view, NULL, &err), 0);
    ck_assert_int_eq(
        file_early_size(NULL, 0, LEAF_TIFF, 0, &view, &i, &size, &err), 1);
    ck_assert_int_eq(
        file_early_size(NULL, 0, LEAF_NPY, 0, &view, &i, &size, &err), 0);
    ck_assert_int_eq(view_parse("pick-9", NULL, &view, NULL, &err), 0);
    ck_assert_int_eq(
        file_early_size(NULL, 0, LEAF_TIFF, 0, &view, &i, &size, &err), -1);
}
END_TEST

#define LOOP(t, test, table)                                                   \
    tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *s = suite_create("plan");
    TCase *t = tcase_create("plan");

    LOOP(t, types_follow_from_view_and_tags, type_cases);
    LOOP(t, shapes_follow_from_view_and_tags, shape_cases);
    tcase_add_test(t, a_measured_box_completes_the_plan);
    tcase_add_test(t, pages_show_picked_frames);
    tcase_add_test(t, tags_are_those_of_the_view);
    LOOP(t, what_cannot_be_is_refused, refusal_cases);
    tcase_add_test(t, early_sizes_are_exact);
    suite_add_tcase(s, t);
    return check_main(s);
}
