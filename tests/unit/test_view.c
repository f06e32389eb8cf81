// SPDX-License-Identifier: MIT
/*
 * test_view.c: names to views and back, and every way to get a name wrong.
 */
#undef NDEBUG
#include "view/view_ops.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- canonical names ---- */

struct spelling {
    const char *text;
    const char *canonical; /* NULL: the text itself */
};

static const struct spelling spellings[] = {
    /* one per line of the grammar's worked examples */
    {"full", NULL},
    {"crop", NULL},
    {"crop-max", NULL},
    {"crop-nocomp", NULL},
    {"crop-max-nocomp-b0.05", NULL},
    {"size-384x512_crop-max_pack-packbits",
     "crop-max_size-384x512_pack-packbits"},
    {"spacing-0.5x0.5", NULL},
    {"series_spacing-0.7x0.70x2.5", "series_spacing-0.7x0.7x2.5"},
    {"crop_filter-lanczos3_size-512", "crop_size-512x512_filter-lanczos3"},
    {"crop_size-512x512_filter-maxpool_pad-center", NULL},
    {"crop_size-512x512_nopad", NULL},
    {"pack-lzw", NULL},
    {"vol-central_size-384x512", NULL},
    {"mip", "vol-mip"},
    {"vol-mip-skip5to5", "vol-mip-skip5"},
    {"interp-32", "vol-interp-32"},
    {"lapmip-w1.5-skip5", "vol-lapmip"},
    {"vol-lapmip-w2-skip2-central", NULL},
    {"window-c-600-w1500_size-512x512_u16", NULL},
    {"window-n2_u8", NULL},
    {"series_hu_i16", NULL},
    {"series_hu_rand-224x224x128-n20-seed7_norm-z", NULL},
    {"series_range--1000to400_rot-90_size-128x128x64-stretch", NULL},
    {"frames_size-224x224_u8_rgb_list-png", NULL},
    {"pick-10to50by2", NULL},
    {"series_range--1000to400_spacing-1x1x1.7_filter-lanczos3_fill-reflect_"
     "canvas-512x512x400",
     NULL},
    {"series_range--1000to400_grid-64x64x32-s32x32x16_u8", NULL},
    {"series_spacing-1x1x1.7_canvas-512x512x400_roi-nodules-64x64x32", NULL},
    {"series_plane-cor_slab-max-d8-s4_u8", NULL},
    {"flip-h_rot-90", NULL},
    {"mid-256x256", NULL},
    {"box-512x384at100x50", NULL},
    {"norm-m0.485-s0.229", NULL},
    /* the version and other words for defaults */
    {"v1_crop", "crop"},
    {"order-geom", "full"},
    {"window-n1", "full"},
    {"padval-keep", "full"},
    {"vol-keep", "full"},
    {"rot-0", "full"},
    {"list-tiff", "full"},
    {"pack-none", "full"},
    {"size-64x64_pad-zero", "size-64x64"},
    {"size-64x64_filter-triangle", "size-64x64"},
    {"size-64x64_fill-0", "size-64x64"},
    {"size-64x64-fit", "size-64x64"},
    {"window-c40-w400-linear", "window-c40-w400"},
    {"crop-b0", "crop"},
    {"vol-mip-skip0", "vol-mip"},
    {"slab-max-d8-s1", "slab-max-d8"},
    {"grid-64x32-s64x32", "grid-64x32"},
    /* redundant words */
    {"hu_window-c40-w400", "window-c40-w400"},
    {"hu_window-n1", "full"},
    {"hu_range-0to80", "range-0to80"},
    {"range-0to80_hu", "range-0to80"},
    {"hu_f32", "hu"},
    {"range-0to80_f32", "range-0to80"},
    {"norm-z_f32", "norm-z"},
    {"raw_norm-z_f32", "raw_norm-z"},
    {"raw_f32", NULL},
    {"raw_window-c40-w400", NULL},
    {"window-c40-w400_raw", "raw_window-c40-w400"},
    {"raw_window-c40-w400_f32", NULL},
    {"raw_window-n2", NULL},
    {"raw_window-off_invert", NULL},
    {"raw_window-frame_noinvert", NULL},
    {"raw_window-c40-w400_lapmip", "raw_window-c40-w400_vol-lapmip"},
    {"f32", NULL},
    {"hu_noinvert", "hu"},
    {"raw_noinvert", "raw"},
    {"range-0to1_noinvert", "range-0to1"},
    {"noinvert", NULL},
    {"range-0to1_invert", NULL},
    /* numbers */
    {"window-c0040.500-w0400", "window-c40.5-w400"},
    {"window-c-0-w1", "window-c0-w1"},
    {"window-c-0.0-w1.0", "window-c0-w1"},
    {"spacing-0.7421875x00.50", "spacing-0.7421875x0.5"},
    {"norm-m-0.000000000001-s999999999999999", NULL},
    {"norm-m123456789.012345-s1", NULL},
    {"range--1000to-400", NULL},
    {"range--0.5to.5", "EINVAL"},
    {"rot--90", "rot-270"},
    {"rot-360", "full"},
    {"rot--360", "full"},
    {"rot--0.1", "rot-359.9"},
    {"rot--359.999999999999", "rot-0.000000000001"},
    {"rot-22.5", NULL},
    {"size-0512x512", "size-512x512"},
    {"size-999999x999999", NULL},
    {"pick-3to3by7", "pick-3"},
    {"pick-3to9by1", "pick-3to9"},
    {"pick-000005", "pick-5"},
    {"vol-lapmip-skip3to4", NULL},
    {"rand-8x8-n1-seed999999999999999", NULL},
    /* the order of arguments */
    {"window-w400-c40", "window-c40-w400"},
    {"window-exact-w0.5-c40", "window-c40-w0.5-exact"},
    {"window-sigmoid-c-40-w400", "window-c-40-w400-sigmoid"},
    {"crop-b0.25-nocomp-max", "crop-max-nocomp-b0.25"},
    {"size-cover-10x20", "size-10x20-cover"},
    {"vol-lapmip-central-skip2-w2", "vol-lapmip-w2-skip2-central"},
    {"lapmip-central", "vol-lapmip-central"},
    {"rand-seed7-n20-8x8", "rand-8x8-n20-seed7"},
    {"norm-s2-m-1", "norm-m-1-s2"},
    {"norm-unit-fg-frame", "norm-unit-frame-fg"},
    {"flip-zvh", "flip-hvz"},
    {"slab-mean-s4-d8", "slab-mean-d8-s4"},
    {"roi-8x8-n2x", "roi-n2x-8x8"},
    {"roi-a1to-8x8", NULL},
    {"roi-to-8x8", NULL},
    /* the order of operators: volumes used to be spelled first */
    {"vol-lapmip-skip0-central_window-c522-w1044_crop-b0.05_size-90x70_"
     "filter-lanczos3_pad-topleft",
     "window-c522-w1044_vol-lapmip-skip0-central_crop-b0.05_size-90x70_"
     "filter-lanczos3_pad-topleft"},
    {"tree_list-npy_big_pack-zstd_gray_f16_norm-unit_canvas-9x9_fill-edge_"
     "nopad_filter-nearest_noup_size-8x8_box-7x7at0x0_slab-min-d2_"
     "vol-interp-5_rot-45_flip-v_plane-sag_padval-min_invert_window-off_"
     "order-stored_pick-2to4_series",
     "series_pick-2to4_order-stored_window-off_invert_padval-min_plane-sag_"
     "flip-v_rot-45_vol-interp-5_slab-min-d2_box-7x7at0x0_size-8x8_noup_"
     "filter-nearest_nopad_fill-edge_canvas-9x9_norm-unit_f16_gray_"
     "pack-zstd_big_list-npy_tree"},
    {"box-4x4x4at0x0x0", NULL},
    {"mid-5x6x7", NULL},
    {"padval--1024.5", NULL},
    {"spacing-1x1_fill-min_canvas-4x4", "spacing-1x1_fill-min_canvas-4x4"},
    {"fill-7_rot-45", "rot-45_fill-7"},
};

START_TEST(a_spelling_has_its_canonical_name)
{
    const struct spelling *s = &spellings[_i];
    const char *want = s->canonical ? s->canonical : s->text;
    char text[VIEW_TEXT_SIZE];
    struct view view;
    struct view again;
    struct view_problem problem;
    struct error err = ERROR_INIT;
    int rc = view_parse(s->text, NULL, &view, &problem, &err);

    if (strcmp(want, "EINVAL") == 0) {
        ck_assert_int_eq(rc, -1);
        ck_assert_int_eq(err.kind, ERROR_BAD_VIEW);
        return;
    }
    ck_assert_msg(rc == 0, "%s: %s", s->text, err.msg);
    ck_assert_int_eq(problem.kind, VIEW_PROBLEM_NONE);
    ck_assert_uint_eq(view_print(&view, text, sizeof text), strlen(want));
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(view_parse(text, NULL, &again, NULL, &err), 0);
    ck_assert(view_equal(&view, &again));
    ck_assert_int_eq(memcmp(&view, &again, sizeof view), 0);
    ck_assert_int_eq(view_parse_stored(text, &again, &err), 0);
    ck_assert(view_equal(&view, &again));
}
END_TEST

/* ---- wrong names ---- */

struct mistake {
    const char *text;
    enum view_problem_kind kind;
    size_t offset;
    size_t length;
    const char *nearest;
};

static const struct mistake mistakes[] = {
    /* what looks like no view at all */
    {"", VIEW_PROBLEM_UNKNOWN, 0, 1, ""},
    {".git", VIEW_PROBLEM_UNKNOWN, 0, 4, ""},
    {"desktop.ini", VIEW_PROBLEM_UNKNOWN, 0, 11, ""},
    {"autorun.inf", VIEW_PROBLEM_UNKNOWN, 0, 11, ""},
    {".Trash-0", VIEW_PROBLEM_UNKNOWN, 0, 6, ""},
    {"cropp", VIEW_PROBLEM_UNKNOWN, 0, 5, "crop"},
    {"CROP", VIEW_PROBLEM_UNKNOWN, 0, 4, "crop"},
    {"crop.bak", VIEW_PROBLEM_UNKNOWN, 0, 8, ""},
    {"crop ", VIEW_PROBLEM_UNKNOWN, 0, 5, "crop"},
    {"_crop", VIEW_PROBLEM_UNKNOWN, 0, 1, ""},
    {"-crop", VIEW_PROBLEM_UNKNOWN, 0, 1, ""},
    {"v2_crop", VIEW_PROBLEM_UNKNOWN, 0, 2, ""},
    {"v10_crop", VIEW_PROBLEM_UNKNOWN, 0, 3, ""},
    {"v01_crop", VIEW_PROBLEM_UNKNOWN, 0, 3, ""},
    {"v0_crop", VIEW_PROBLEM_UNKNOWN, 0, 2, ""},
    {"Lung512", VIEW_PROBLEM_UNKNOWN, 0, 7, ""},
    {"x0123456789abcdef", VIEW_PROBLEM_UNKNOWN, 0, 17, ""},
    /* tokens */
    {"v1", VIEW_PROBLEM_SYNTAX, 0, 2, ""},
    {"v1_", VIEW_PROBLEM_SYNTAX, 3, 1, ""},
    {"v1_cropp", VIEW_PROBLEM_WORD, 3, 5, "crop"},
    {"v1_full", VIEW_PROBLEM_CONFLICT, 3, 4, ""},
    {"crop_", VIEW_PROBLEM_SYNTAX, 5, 1, ""},
    {"crop__u8", VIEW_PROBLEM_SYNTAX, 5, 1, ""},
    {"crop_sise-64x64", VIEW_PROBLEM_WORD, 5, 4, "size"},
    {"crop_u8 ", VIEW_PROBLEM_WORD, 5, 3, "u8"},
    {"crop_v1", VIEW_PROBLEM_WORD, 5, 2, ""},
    {"full_crop", VIEW_PROBLEM_CONFLICT, 0, 4, ""},
    {"crop_full", VIEW_PROBLEM_CONFLICT, 5, 4, ""},
    {"full-1", VIEW_PROBLEM_CONFLICT, 0, 6, ""},
    /* words of other programs */
    {"resize-512x512", VIEW_PROBLEM_UNKNOWN, 0, 6, "size"},
    {"hu_png", VIEW_PROBLEM_WORD, 3, 3, "list-png"},
    {"hu_zscore", VIEW_PROBLEM_WORD, 3, 6, "norm-z"},
    /* arguments */
    {"crop-", VIEW_PROBLEM_SYNTAX, 4, 1, ""},
    {"crop--max", VIEW_PROBLEM_SYNTAX, 4, 1, ""},
    {"crop-mx", VIEW_PROBLEM_WORD, 5, 2, "max"},
    {"crop-max-max", VIEW_PROBLEM_SYNTAX, 9, 3, ""},
    {"crop-b", VIEW_PROBLEM_WORD, 5, 1, ""},
    {"crop-b0.6", VIEW_PROBLEM_RANGE, 6, 3, ""},
    {"crop-b-0.1", VIEW_PROBLEM_RANGE, 6, 4, ""},
    {"crop-b.1", VIEW_PROBLEM_SYNTAX, 6, 2, ""},
    {"crop-b0.1q", VIEW_PROBLEM_SYNTAX, 9, 1, ""},
    {"crop-b0.1.2", VIEW_PROBLEM_SYNTAX, 9, 2, ""},
    {"crop-b0.1,2", VIEW_PROBLEM_SYNTAX, 9, 2, ""},
    {"hu-3", VIEW_PROBLEM_SYNTAX, 3, 1, ""},
    {"u8-x", VIEW_PROBLEM_SYNTAX, 3, 1, ""},
    {"tree-tree", VIEW_PROBLEM_SYNTAX, 5, 4, ""},
    {"size", VIEW_PROBLEM_SYNTAX, 0, 4, ""},
    {"size-0x10", VIEW_PROBLEM_RANGE, 5, 1, ""},
    {"size-10x0", VIEW_PROBLEM_RANGE, 8, 1, ""},
    {"size-10x", VIEW_PROBLEM_SYNTAX, 5, 3, ""},
    {"size-x10", VIEW_PROBLEM_WORD, 5, 3, ""},
    {"size-10x10x", VIEW_PROBLEM_SYNTAX, 5, 6, ""},
    {"size-10x10x10x10", VIEW_PROBLEM_SYNTAX, 13, 3, ""},
    {"size-1.5x2", VIEW_PROBLEM_SYNTAX, 5, 5, ""},
    {"size-1000000x1", VIEW_PROBLEM_RANGE, 5, 7, ""},
    {"size-99999999999999999999x1", VIEW_PROBLEM_RANGE, 5, 20, ""},
    {"size--5x5", VIEW_PROBLEM_SYNTAX, 5, 4, ""},
    {"size-5x5-covr", VIEW_PROBLEM_WORD, 9, 4, "cover"},
    {"size-5x5-cover-stretch", VIEW_PROBLEM_SYNTAX, 15, 7, ""},
    {"size-5x5-6x6", VIEW_PROBLEM_SYNTAX, 9, 3, ""},
    {"size-cover", VIEW_PROBLEM_SYNTAX, 0, 10, ""},
    {"mid-256", VIEW_PROBLEM_SYNTAX, 4, 3, ""},
    {"canvas-256", VIEW_PROBLEM_SYNTAX, 7, 3, ""},
    {"box-5x5", VIEW_PROBLEM_SYNTAX, 4, 3, ""},
    {"box-5x5at1", VIEW_PROBLEM_SYNTAX, 4, 6, ""},
    {"box-5x5x5at1x1", VIEW_PROBLEM_SYNTAX, 4, 10, ""},
    {"box-5x5at1x1x1", VIEW_PROBLEM_SYNTAX, 12, 2, ""},
    {"box-5x5at-1x1", VIEW_PROBLEM_SYNTAX, 4, 5, ""},
    {"spacing-1", VIEW_PROBLEM_SYNTAX, 8, 1, ""},
    {"spacing-0x1", VIEW_PROBLEM_RANGE, 8, 1, ""},
    {"spacing-1x0", VIEW_PROBLEM_RANGE, 10, 1, ""},
    {"spacing-1x-1", VIEW_PROBLEM_SYNTAX, 8, 2, ""},
    {"spacing-nanxinf", VIEW_PROBLEM_WORD, 8, 7, ""},
    {"window", VIEW_PROBLEM_SYNTAX, 0, 6, ""},
    {"window-c40", VIEW_PROBLEM_SYNTAX, 0, 10, ""},
    {"window-c40-w0", VIEW_PROBLEM_RANGE, 12, 1, ""},
    {"window-c40-w-5", VIEW_PROBLEM_RANGE, 12, 2, ""},
    {"window-c40-w0.5", VIEW_PROBLEM_RANGE, 0, 15, ""},
    {"window-c40-w400-n2", VIEW_PROBLEM_WORD, 16, 2, ""},
    {"window-c40-w400-sigmod", VIEW_PROBLEM_WORD, 16, 6, "sigmoid"},
    {"window-n0", VIEW_PROBLEM_RANGE, 8, 1, ""},
    {"window-of", VIEW_PROBLEM_WORD, 7, 2, "off"},
    {"window-off-frame", VIEW_PROBLEM_WORD, 11, 5, ""},
    {"window-c1e3-w5", VIEW_PROBLEM_SYNTAX, 9, 2, ""},
    {"window-c1234567890.123456-w5", VIEW_PROBLEM_RANGE, 8, 17, ""},
    {"window-c0.0000000000001-w5", VIEW_PROBLEM_RANGE, 8, 15, ""},
    {"range-5", VIEW_PROBLEM_SYNTAX, 6, 1, ""},
    {"range-5to3", VIEW_PROBLEM_RANGE, 6, 4, ""},
    {"range-5to5", VIEW_PROBLEM_RANGE, 6, 4, ""},
    {"range-5to", VIEW_PROBLEM_SYNTAX, 6, 3, ""},
    {"range-1to--5", VIEW_PROBLEM_SYNTAX, 6, 3, ""},
    {"pick-0", VIEW_PROBLEM_RANGE, 5, 1, ""},
    {"pick-5to3", VIEW_PROBLEM_RANGE, 5, 4, ""},
    {"pick-1to5by0", VIEW_PROBLEM_RANGE, 11, 1, ""},
    {"pick-1by2", VIEW_PROBLEM_SYNTAX, 6, 3, ""},
    {"flip-hh", VIEW_PROBLEM_SYNTAX, 6, 1, ""},
    {"flip-hx", VIEW_PROBLEM_WORD, 6, 1, ""},
    {"flip", VIEW_PROBLEM_SYNTAX, 0, 4, ""},
    {"rot-400", VIEW_PROBLEM_RANGE, 4, 3, ""},
    {"rot-left", VIEW_PROBLEM_WORD, 4, 4, ""},
    {"vol", VIEW_PROBLEM_SYNTAX, 0, 3, ""},
    {"vol-mipp", VIEW_PROBLEM_WORD, 4, 4, "mip"},
    {"vol-interp", VIEW_PROBLEM_SYNTAX, 0, 10, ""},
    {"vol-central-skip5", VIEW_PROBLEM_WORD, 12, 5, ""},
    {"vol-lapmip-skip-5", VIEW_PROBLEM_SYNTAX, 15, 2, ""},
    {"interp", VIEW_PROBLEM_SYNTAX, 0, 6, ""},
    {"minip", VIEW_PROBLEM_UNKNOWN, 0, 5, "vol-minip"},
    {"slab-max", VIEW_PROBLEM_SYNTAX, 0, 8, ""},
    {"rand-8x8-n20", VIEW_PROBLEM_SYNTAX, 0, 12, ""},
    {"rand-8x8-n0-seed1", VIEW_PROBLEM_RANGE, 10, 1, ""},
    {"rand-8x8-n1-seed1000000000000000", VIEW_PROBLEM_RANGE, 16, 16, ""},
    {"roi-64x64", VIEW_PROBLEM_SYNTAX, 0, 9, ""},
    {"roi-Nodules-64x64", VIEW_PROBLEM_SYNTAX, 4, 7, ""},
    {"norm-m1", VIEW_PROBLEM_SYNTAX, 0, 7, ""},
    {"norm-m1-s0", VIEW_PROBLEM_RANGE, 9, 1, ""},
    {"filter-lancsos3_size-64", VIEW_PROBLEM_WORD, 7, 8, "lanczos3"},
    {"list-tif", VIEW_PROBLEM_WORD, 5, 3, "tiff"},
    {"crop-max-max-max-max-max-max-max-max-max-max-max-max-max",
     VIEW_PROBLEM_SYNTAX, 53, 3, ""},
    /* two of one kind, and contradictions */
    {"crop_crop", VIEW_PROBLEM_CONFLICT, 5, 4, ""},
    {"crop_box-5x5at0x0", VIEW_PROBLEM_CONFLICT, 5, 12, ""},
    {"size-512x512_spacing-1x1", VIEW_PROBLEM_CONFLICT, 13, 11, ""},
    {"size-5x5_nopad_pad-center", VIEW_PROBLEM_CONFLICT, 15, 10, ""},
    {"hu_raw", VIEW_PROBLEM_CONFLICT, 3, 3, ""},
    {"series_frames", VIEW_PROBLEM_CONFLICT, 7, 6, ""},
    {"range-0to1_window-n2", VIEW_PROBLEM_CONFLICT, 11, 9, ""},
    {"raw_window-n1", VIEW_PROBLEM_CONFLICT, 4, 9, ""},
    {"window-n1_raw", VIEW_PROBLEM_CONFLICT, 10, 3, ""},
    {"raw_window-c40-w400_i16", VIEW_PROBLEM_CONFLICT, 20, 3, ""},
    {"raw_window-c40-w0.5", VIEW_PROBLEM_RANGE, 4, 15, ""},
    {"raw_hu_window-c40-w400", VIEW_PROBLEM_CONFLICT, 4, 2, ""},
    {"range-0to1_raw", VIEW_PROBLEM_CONFLICT, 11, 3, ""},
    {"i16", VIEW_PROBLEM_CONFLICT, 0, 3, ""},
    {"crop_i16", VIEW_PROBLEM_CONFLICT, 5, 3, ""},
    {"hu_i16_window-n2", VIEW_PROBLEM_CONFLICT, 3, 3, ""},
    {"range-0to1_i16", VIEW_PROBLEM_CONFLICT, 11, 3, ""},
    {"norm-z_u8", VIEW_PROBLEM_CONFLICT, 7, 2, ""},
    {"hu_norm-unit_i16", VIEW_PROBLEM_CONFLICT, 13, 3, ""},
    {"frames_grid-8x8", VIEW_PROBLEM_CONFLICT, 7, 8, ""},
    {"grid-8x8-s4x4x4", VIEW_PROBLEM_SYNTAX, 0, 15, ""},
    {"hu_lapmip", VIEW_PROBLEM_CONFLICT, 3, 6, ""},
    {"mip_vol-mip", VIEW_PROBLEM_CONFLICT, 4, 7, ""},
    /* nothing to act on */
    {"invert_hu", VIEW_PROBLEM_IDLE, 0, 6, ""},
    {"raw_invert", VIEW_PROBLEM_IDLE, 4, 6, ""},
    {"vol-mip_slab-max-d2", VIEW_PROBLEM_IDLE, 8, 11, ""},
    {"noup", VIEW_PROBLEM_IDLE, 0, 4, ""},
    {"filter-nearest", VIEW_PROBLEM_IDLE, 0, 14, ""},
    {"filter-triangle", VIEW_PROBLEM_IDLE, 0, 15, ""},
    {"pad-center", VIEW_PROBLEM_IDLE, 0, 10, ""},
    {"spacing-1x1_nopad", VIEW_PROBLEM_IDLE, 12, 5, ""},
    {"size-5x5-cover_pad-zero", VIEW_PROBLEM_IDLE, 15, 8, ""},
    {"fill-3", VIEW_PROBLEM_IDLE, 0, 6, ""},
    {"size-5x5_nopad_fill-min", VIEW_PROBLEM_IDLE, 15, 8, ""},
    {"rot-90_fill-min", VIEW_PROBLEM_IDLE, 7, 8, ""},
};

START_TEST(a_mistake_is_located)
{
    const struct mistake *m = &mistakes[_i];
    static const struct view zero;
    struct view view;
    struct view_problem problem;
    struct error err = ERROR_INIT;

    memset(&view, 0xff, sizeof view);
    ck_assert_msg(view_parse(m->text, NULL, &view, &problem, &err) == -1,
                  "%s was understood", m->text);
    ck_assert_msg(problem.kind == m->kind, "%s: kind %d: %s", m->text,
                  (int)problem.kind, err.msg);
    ck_assert_msg(problem.offset == m->offset && problem.length == m->length,
                  "%s: at %zu+%zu: %s", m->text, problem.offset, problem.length,
                  err.msg);
    ck_assert_msg(strcmp(problem.nearest, m->nearest) == 0, "%s: nearest '%s'",
                  m->text, problem.nearest);
    ck_assert_int_eq(err.kind, m->kind == VIEW_PROBLEM_UNKNOWN
                                   ? ERROR_NOT_FOUND
                                   : ERROR_BAD_VIEW);
    ck_assert_int_eq(memcmp(&view, &zero, sizeof view), 0);
    ck_assert_int_eq(view_parse(m->text, NULL, &view, NULL, NULL), -1);
}
END_TEST

START_TEST(a_name_of_256_bytes_is_too_long)
{
    char text[VIEW_TEXT_SIZE];
    struct view view;
    struct view_problem problem;
    struct error err = ERROR_INIT;

    memset(text, '0', sizeof text);
    memcpy(text, "pick-", 5);
    text[255] = '\0';
    text[254] = '7';
    ck_assert_int_eq(view_parse(text, NULL, &view, &problem, &err), 0);
    ck_assert_uint_eq(view.pick_first, 7);
    text[255] = '\0';
    text[254] = '0';
    text[255] = '7';
    text[256] = '\0';
    ck_assert_int_eq(view_parse(text, NULL, &view, &problem, &err), -1);
    ck_assert_int_eq(problem.kind, VIEW_PROBLEM_TOO_LONG);
    ck_assert_int_eq(err.kind, ERROR_BAD_VIEW);
    /* what the manifest stored may be longer, but not without end */
    ck_assert_int_eq(view_parse_stored(text, &view, &err), 0);
    memset(text + 255, '0', sizeof text - 255);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(view_parse_stored(text, &view, &err), -1);
}
END_TEST

/* ---- what is stored in the struct ---- */

static struct view parsed(const char *text)
{
    struct view view;
    struct error err = ERROR_INIT;

    ck_assert_msg(view_parse(text, NULL, &view, NULL, &err) == 0, "%s: %s",
                  text, err.msg);
    return view;
}

START_TEST(arguments_reach_their_fields)
{
    struct view v = parsed("window-c-600-w1500.5-sigmoid_crop-max-b0.05_"
                           "size-384x512x7-cover_filter-gaussian");

    ck_assert_int_eq(v.window, VIEW_WINDOW_EXPLICIT);
    ck_assert_int_eq(v.window_function, VIEW_FUNCTION_SIGMOID);
    ck_assert_double_eq(v.window_center, -600);
    ck_assert_double_eq(v.window_width, 1500.5);
    ck_assert_int_eq(v.region, VIEW_REGION_CROP);
    ck_assert(v.crop_max && !v.crop_nocomp);
    ck_assert_double_eq(v.crop_border, 0.05);
    ck_assert_int_eq(v.size_mode, VIEW_SIZE_COVER);
    ck_assert_uint_eq(v.size.width, 384);
    ck_assert_uint_eq(v.size.height, 512);
    ck_assert_uint_eq(v.size.depth, 7);
    ck_assert_int_eq(v.filter, VIEW_FILTER_GAUSSIAN);

    v = parsed("box-5x6x7at1x2x3_flip-vz");
    ck_assert_uint_eq(v.region_size.depth, 7);
    ck_assert_uint_eq(v.region_x, 1);
    ck_assert_uint_eq(v.region_y, 2);
    ck_assert_uint_eq(v.region_z, 3);
    ck_assert_uint_eq(v.flip, VIEW_FLIP_V | VIEW_FLIP_Z);

    v = parsed("vol-lapmip");
    ck_assert_double_eq(v.vol_weight, 1.5);
    ck_assert_uint_eq(v.vol_skip_first, 5);
    ck_assert_uint_eq(v.vol_skip_last, 5);

    v = parsed("rand-8x9-n3-seed42");
    ck_assert_int_eq(v.patches, VIEW_PATCHES_RAND);
    ck_assert_uint_eq(v.rand_count, 3);
    ck_assert_uint_eq(v.rand_seed, 42);

    v = parsed("roi-nodules2-8x9");
    ck_assert_str_eq(v.roi_name, "nodules2");
    v = parsed("grid-8x9x2");
    ck_assert_uint_eq(v.patch_stride.height, 9);
    v = parsed("range--1000to400");
    ck_assert_int_eq(v.values, VIEW_VALUES_RANGE);
    ck_assert_double_eq(v.range_lo, -1000);
    v = parsed("spacing-0.5x0.25x2");
    ck_assert_double_eq(v.spacing_y, 0.25);
    ck_assert_double_eq(v.spacing_z, 2);
    v = parsed("pick-3to9by2");
    ck_assert_uint_eq(v.pick_last, 9);
    ck_assert_uint_eq(v.pick_step, 2);
}
END_TEST

START_TEST(decimals_are_the_nearest_doubles)
{
    static const char *const numbers[] = {"0.1",
                                          "0.05",
                                          "0.485",
                                          "0.7421875",
                                          "0.661468",
                                          "0.3",
                                          "123456.789",
                                          "999999999999999",
                                          "0.33",
                                          "0.000000000001",
                                          "98765432.1234567"};
    char name[64];

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        (void)snprintf(name, sizeof name, "norm-m%s-s1", numbers[i]);
        struct view v = parsed(name);

        ck_assert_msg(v.norm_mean == strtod(numbers[i], NULL), "%s",
                      numbers[i]);
    }
}
END_TEST

START_TEST(made_up_numbers_print_without_harm)
{
    static const double odd[] = {NAN,     INFINITY, -INFINITY, 1e300,
                                 DBL_MIN, 1.0 / 3,  M_PI,      -1e15};
    char text[VIEW_TEXT_SIZE];
    struct view view;

    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct view v = {.padval = VIEW_PADVAL_NUMBER, .padval_number = odd[i]};

        (void)view_print(&v, text, sizeof text);
        ck_assert_msg(view_parse(text, NULL, &view, NULL, NULL) == 0, "%s",
                      text);
    }
    ck_assert_str_eq((view_print(&(struct view){.padval = VIEW_PADVAL_NUMBER,
                                                .padval_number = 1.0 / 3},
                                 text, sizeof text),
                      text),
                     "padval-0.333333333333");
}
END_TEST

START_TEST(a_small_buffer_gets_a_prefix)
{
    struct view v = parsed("crop_size-512x512");
    char text[8];

    ck_assert_uint_eq(view_print(&v, text, sizeof text), 17);
    ck_assert_str_eq(text, "crop_si");
    ck_assert_uint_eq(view_print(&v, NULL, 0), 17);
}
END_TEST

START_TEST(a_long_text_is_hashed)
{
    static const char text[] =
        "series_pick-10000to20000by300_order-stored_window-c-1234.56789-"
        "w9876.54321-sigmoid_invert_padval--12345.678_plane-cor_flip-hvz_"
        "rot-270_slab-median-d1000-s100_crop-max-nocomp-b0.123_size-1000x"
        "2000x300_noup_filter-catmullrom";
    char name[VIEW_DIRNAME_MAX + 1];
    struct view v;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(view_parse_stored(text, &v, &err), 0);
    view_canonical_name(&v, name);
    ck_assert(view_name_is_hashed(name));
    /* printf %s TEXT | sha256sum */
    ck_assert_str_eq(name, "x9c2d76cd81c5169e");
    v = parsed("crop");
    view_canonical_name(&v, name);
    ck_assert_str_eq(name, "crop");
    ck_assert(!view_name_is_hashed("x0123456789ABCDEF"));
    ck_assert(!view_name_is_hashed("x0123456789abcde"));
    ck_assert(!view_name_is_hashed("x0123456789abcdef0"));
}
END_TEST

/* ---- questions ---- */

struct answer {
    const char *text;
    bool size_known;
    bool parts_known;
    const char *not_built; /* NULL: it acts */
    const char *measure;
};

static const struct answer answers[] = {
    {"full", true, true, NULL, "full"},
    {"crop", false, true, NULL, "crop"},
    {"crop_size-8x8", true, true, NULL, "crop"},
    {"crop_size-8x8_nopad", false, true, NULL, "crop"},
    {"crop_size-8x8_noup", true, true, NULL, "crop"},
    {"crop_size-8x8-cover", true, true, NULL, "crop"},
    {"crop_size-8x8-stretch", true, true, NULL, "crop"},
    {"crop_size-8x8-stretch_noup", false, true, NULL, "crop"},
    {"crop_size-8x8-cover_noup", false, true, NULL, "crop"},
    {"crop_spacing-1x1", false, true, NULL, "crop"},
    {"crop_canvas-8x8", true, true, NULL, "crop"},
    {"crop_grid-8x8", true, false, NULL, "crop"},
    {"crop_size-64x64_grid-8x8", true, true, NULL, "crop"},
    {"crop_rand-8x8-n1-seed1", true, true, NULL, "crop"},
    {"crop_roi-a-8x8", true, true, NULL, "crop"},
    {"grid-8x8", true, true, NULL, "full"},
    {"spacing-1x1", true, true, NULL, "full"},
    {"size-8x8_nopad", true, true, NULL, "full"},
    {"pack-packbits", false, true, NULL, "full"},
    {"pack-lzw", false, true, NULL, "full"},
    {"pack-deflate", false, true, NULL, "full"},
    {"pack-zstd", false, true, NULL, "full"},
    {"list-png", false, true, NULL, "full"},
    {"list-npy", true, true, NULL, "full"},
    {"list-nii", true, true, NULL, "full"},
    {"list-json", false, true, NULL, "full"},
    {"hu_crop-max_i16", false, true, NULL, "crop-max"},
    {"raw_crop", false, true, NULL, "crop"},
    {"raw_window-c40-w400_invert_crop_u8", false, true, NULL,
     "raw_window-c40-w400_invert_crop"},
    {"raw_window-off", true, true, NULL, "raw_window-off"},
    {"range-0to1_invert_crop_f32", false, true, NULL, "invert_crop"},
    {"hu_noinvert_crop", false, true, NULL, "crop"},
    {"window-c40-w400_noinvert_padval-min_flip-h_rot-90_crop-b0.1_size-8x8_"
     "filter-nearest_pad-center_u8_rgb_big_tree",
     true, true, NULL,
     "window-c40-w400_noinvert_padval-min_flip-h_rot-90_crop-b0.1"},
    {"series_pick-2to9_order-inst_plane-cor_vol-mip-skip1_crop", false, true,
     NULL, "series_pick-2to9_order-inst_plane-cor_vol-mip-skip1_crop"},
    {"frames_crop", false, true, NULL, "crop"},
    {"slab-min-d3_crop", false, true, NULL, "slab-min-d3_crop"},
    {"box-5x5at0x0", true, true, NULL, "full"},
    {"box-5x5x5at0x0x0", true, true, NULL, "full"},
    {"mid-5x5x5", true, true, NULL, "full"},
    {"size-5x5x5", true, true, NULL, "full"},
    {"spacing-1x1x1_canvas-8x8x8", true, true, NULL, "full"},
    {"spacing-1x1x1_grid-8x8", false, true, NULL, "full"},
    {"spacing-1x1x1_grid-8x8x4", true, false, NULL, "full"},
    {"spacing-1x1x1_canvas-8x8", false, true, NULL, "full"},
    {"spacing-1x1x1", false, true, NULL, "full"},
    {"rot-180", true, true, NULL, "rot-180"},
    {"rot-181", true, true, NULL, "rot-181"},
    {"flip-hv", true, true, NULL, "flip-hv"},
    {"flip-hz", true, true, NULL, "flip-hz"},
    {"vol-interp-5", true, true, NULL, "vol-interp-5"},
    {"size-8x8_fill-7", true, true, NULL, "full"},
    {"size-8x8_fill-edge", true, true, NULL, "full"},
    {"norm-z", true, true, NULL, "full"},
    {"f16", true, true, NULL, "full"},
    {"pick-3_order-stored_raw_i16", true, true, NULL, "pick-3_order-stored"},
    {"window-n2", true, true, NULL, "window-n2"},
    {"window-c40-w400-exact_padval-5_plane-sag_vol-lapmip-w2-skip1to2-"
     "central_crop-nocomp",
     false, true, NULL,
     "window-c40-w400-exact_padval-5_plane-sag_vol-lapmip-w2-skip1to2-"
     "central_crop-nocomp"},
    {"plane-cor", false, true, NULL, "plane-cor"},
    {"plane-cor_canvas-9x9x9", false, true, NULL, "plane-cor"},
    {"plane-cor_canvas-9x9x9_grid-3x3", false, false, NULL, "plane-cor"},
    {"plane-sag_rand-8x8x8-n3-seed1", false, true, NULL, "plane-sag"},
    {"frames_plane-cor", false, false, NULL, "plane-cor"},
    {"vol-interp-7_slab-min-d3-s2_crop_u8", false, true, NULL,
     "vol-interp-7_slab-min-d3-s2_crop"},
    {"window-off_gray", true, true, NULL, "window-off"},
    {"window-frame_u16", true, true, NULL, "window-frame"},
};

START_TEST(questions_are_answered)
{
    const struct answer *a = &answers[_i];
    struct view v = parsed(a->text);
    struct view measure;
    const char *op = "";
    char text[VIEW_TEXT_SIZE];

    ck_assert_int_eq(view_size_is_known(&v), a->size_known);
    ck_assert_int_eq(view_parts_are_known(&v), a->parts_known);
    ck_assert_int_eq(view_is_built(&v, &op), a->not_built == NULL);
    if (a->not_built)
        ck_assert_str_eq(op, a->not_built);
    view_measure(&v, &measure);
    (void)view_print(&measure, text, sizeof text);
    ck_assert_str_eq(text, a->measure);
    /* the text is a key: it must name a view, and measure as itself */
    measure = parsed(text);
    view_measure(&measure, &measure);
    (void)view_print(&measure, text, sizeof text);
    ck_assert_str_eq(text, a->measure);
}
END_TEST

START_TEST(a_format_has_a_size_of_its_own)
{
    struct view v = parsed("pack-lzw");

    ck_assert(!view_leaf_size_is_known(&v, VIEW_EXT_TIFF));
    ck_assert(view_leaf_size_is_known(&v, VIEW_EXT_NPY));
    ck_assert(view_leaf_size_is_known(&v, VIEW_EXT_NII));
    ck_assert(!view_leaf_size_is_known(&v, VIEW_EXT_PNG));
    ck_assert(!view_leaf_size_is_known(&v, VIEW_EXT_JSON));
    v = parsed("crop");
    ck_assert(!view_leaf_size_is_known(&v, VIEW_EXT_NPY));
}
END_TEST

START_TEST(the_type_follows_the_values)
{
    struct view v = parsed("hu");

    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_F32);
    v = parsed("range-0to1");
    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_F32);
    v = parsed("raw_norm-z");
    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_F32);
    v = parsed("raw");
    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_DEFAULT);
    ck_assert(!view_is_windowed(&v));
    v = parsed("raw_window-n2");
    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_DEFAULT);
    ck_assert(view_is_windowed(&v));
    v = parsed("full");
    ck_assert_int_eq(view_default_dtype(&v), VIEW_DTYPE_DEFAULT);
}
END_TEST

START_TEST(listing_and_packing_make_no_other_pixels)
{
    struct view v = parsed("frames_hu_crop_i16_pack-lzw_big_list-npy_tree");
    char text[VIEW_TEXT_SIZE];

    view_pixels(&v, &v);
    (void)view_print(&v, text, sizeof text);
    ck_assert_str_eq(text, "hu_crop_i16");
    v = parsed("series_pick-3_order-inst_window-c1-w2_crop_u8");
    view_measure_values(&v, &v);
    (void)view_print(&v, text, sizeof text);
    ck_assert_str_eq(text, "series_pick-3_order-inst");
    v = parsed("order-inst_crop");
    view_measure_values(&v, &v);
    (void)view_print(&v, text, sizeof text);
    ck_assert_str_eq(text, "full");
}
END_TEST

/* ---- the table itself ---- */

START_TEST(the_examples_of_the_table_are_canonical)
{
    for (size_t i = 0; i < view_forms_count(); i++) {
        const struct view_form *form = view_form_at(i);
        size_t need = strcspn(form->needs, " ");
        char text[VIEW_TEXT_SIZE];
        struct view view;
        struct error err = ERROR_INIT;

        (void)snprintf(text, sizeof text, "%s%s%.*s", form->example,
                       need ? "_" : "", (int)need, form->needs);
        ck_assert_msg(view_parse(text, NULL, &view, NULL, &err) == 0, "%s: %s",
                      text, err.msg);
        if (form->is_default) {
            ck_assert_ptr_null(view_form_in(&view, form->slot));
            continue;
        }
        ck_assert_ptr_eq(view_form_in(&view, form->slot), form);
        (void)view_print(&view, text, sizeof text);
        ck_assert_msg(strstr(text, form->example) != NULL, "%s in %s",
                      form->example, text);
    }
}
END_TEST

START_TEST(each_need_of_the_table_suffices)
{
    for (size_t i = 0; i < view_forms_count(); i++) {
        const char *need = view_form_at(i)->needs;
        struct view view;
        char text[VIEW_TEXT_SIZE];

        if (!*need)
            continue;
        ck_assert_int_eq(
            view_parse(view_form_at(i)->example, NULL, &view, NULL, NULL), -1);
        while (*need) {
            size_t n = strcspn(need, " ");

            (void)snprintf(text, sizeof text, "%s_%.*s",
                           view_form_at(i)->example, (int)n, need);
            ck_assert_msg(view_parse(text, NULL, &view, NULL, NULL) == 0, "%s",
                          text);
            need += n;
            need += strspn(need, " ");
        }
    }
}
END_TEST

START_TEST(names_need_no_quoting_anywhere)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        const char *text =
            spellings[i].canonical ? spellings[i].canonical : spellings[i].text;

        ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "abcdefghijklmnopqrstuvwxyz"
                                       "0123456789._-"),
                          strlen(text));
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("view");
    TCase *names = tcase_create("names");
    TCase *questions = tcase_create("questions");
    TCase *table = tcase_create("table");

    tcase_add_loop_test(names, a_spelling_has_its_canonical_name, 0,
                        (int)(sizeof spellings / sizeof spellings[0]));
    tcase_add_loop_test(names, a_mistake_is_located, 0,
                        (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_test(names, a_name_of_256_bytes_is_too_long);
    tcase_add_test(names, arguments_reach_their_fields);
    tcase_add_test(names, decimals_are_the_nearest_doubles);
    tcase_add_test(names, made_up_numbers_print_without_harm);
    tcase_add_test(names, a_small_buffer_gets_a_prefix);
    tcase_add_test(names, a_long_text_is_hashed);
    suite_add_tcase(s, names);
    tcase_add_loop_test(questions, questions_are_answered, 0,
                        (int)(sizeof answers / sizeof answers[0]));
    tcase_add_test(questions, a_format_has_a_size_of_its_own);
    tcase_add_test(questions, the_type_follows_the_values);
    tcase_add_test(questions, listing_and_packing_make_no_other_pixels);
    suite_add_tcase(s, questions);
    tcase_add_test(table, the_examples_of_the_table_are_canonical);
    tcase_add_test(table, each_need_of_the_table_suffices);
    tcase_add_test(table, names_need_no_quoting_anywhere);
    suite_add_tcase(s, table);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
