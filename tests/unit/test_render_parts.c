// SPDX-License-Identifier: MIT
/*
 * test_render_parts.c: leaves that are parts of what a view makes: the pages
 * they are, their number, what they share, and what is not a part.
 */
#undef NDEBUG
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/engine.h"
#include "support/scratch.h"

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

/* Five frames of 60 x 50, something to crop in each. */
static struct image_file stack(void)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = 60;
    f.rows = 50;
    f.frames = 5;
    f.spacing = "0.5\\0.5";
    f.value = image_file_box;
    return f;
}

static struct leaf part_of(const char *view, const struct image_file *f,
                           uint32_t part, enum leaf_kind kind)
{
    return engine_part(&engine, view, f->sop, part, kind);
}

static uint32_t count(const char *view, const struct image_file *f)
{
    struct leaf leaf = engine_leaf(&engine, view, f->sop);
    struct manifest_instance i = engine_instance(&engine, f->sop);
    struct error err = ERROR_INIT;
    uint32_t n = 0;

    ck_assert_msg(
        render_parts(engine.render, leaf.view_id, &i, true, &n, &err) == 0,
        "%s: %s", view, err.msg);
    manifest_instance_deinit(&i);
    return n;
}

/* ---- the pages ---------------------------------------------------------- */

static const struct {
    const char *frames; /* the operators behind `frames` */
    uint32_t count;
} page_cases[] = {
    {"", 5},
    {"_hu", 5},
    {"_hu_i16", 5},
    {"_crop", 5},
    {"_crop_size-32x32", 5},
    {"_norm-z", 5},
    {"_norm-unit-frame", 5},
    {"_fill-min_canvas-70x70", 5},
    {"_flip-z", 5},
    {"_pick-2to5by2", 2},
    {"_vol-mip", 1},
    {"_vol-interp-9", 9},
    {"_slab-max-d2-s1", 4},
    {"_size-30x25x3-stretch", 3},
    {"_canvas-64x64x8", 8},
};

static const enum leaf_kind kinds[] = {LEAF_TIFF, LEAF_NPY, LEAF_NII};

/* The view without `frames`. */
static const char *whole_of(const char *rest)
{
    return *rest ? rest + 1 : "full";
}

static void compare(const struct image_file *f, const char *rest, uint32_t n,
                    enum leaf_kind kind)
{
    struct leaf leaf = part_of(whole_of(rest), f, 0, kind);
    char view[128];
    size_t size, length;
    uint8_t *whole = engine_bytes(&engine, &leaf, &size);
    uint8_t *one;

    (void)snprintf(view, sizeof view, "frames%s", rest);
    for (uint32_t k = 0; k < n; k++) {
        leaf = part_of(view, f, k + 1, kind);
        one = engine_bytes(&engine, &leaf, &length);
        ck_assert_uint_gt(length, 4096);
        length -= 4096; /* one page behind a header of 4096 */
        ck_assert_msg(
            memcmp(one + 4096, whole + size - (n - k) * length, length) == 0,
            "%s, part %u, format %d", view, k + 1, (int)kind);
        free(one);
    }
    free(whole);
}

START_TEST(a_part_is_the_page_of_the_whole)
{
    struct image_file f = stack();
    char view[128];

    engine_put(&engine, &f);
    engine_start(&engine);
    (void)snprintf(view, sizeof view, "frames%s", page_cases[_i].frames);
    ck_assert_uint_eq(count(view, &f), page_cases[_i].count);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        compare(&f, page_cases[_i].frames, page_cases[_i].count, kinds[k]);
}
END_TEST

START_TEST(packed_parts_have_the_size_that_was_said)
{
    static const struct {
        const char *view;
        enum leaf_kind kind;
    } packed[] = {{"frames_u8", LEAF_PNG},
                  {"frames_pack-lzw", LEAF_TIFF},
                  {"frames_crop_pack-deflate", LEAF_TIFF}};
    struct image_file f = stack();
    uint64_t sizes[6];
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (uint32_t k = 1; k <= 5; k++) {
        struct leaf leaf = part_of(packed[_i].view, &f, k, packed[_i].kind);
        uint8_t *one = engine_bytes(&engine, &leaf, &size);

        sizes[k] = size;
        free(one);
    }
    (void)engine_decoded(&engine);
    engine_restart(&engine);
    for (uint32_t k = 1; k <= 5; k++) {
        struct leaf leaf = part_of(packed[_i].view, &f, k, packed[_i].kind);
        uint64_t again;

        ck_assert_int_eq(engine_size(&engine, &leaf, &again, NULL), ERROR_NONE);
        ck_assert_uint_eq(again, sizes[k]);
    }
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

/* ---- numbers ------------------------------------------------------------ */

START_TEST(there_is_no_other_part)
{
    struct image_file f = stack();
    struct leaf leaf;
    uint64_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (int kind = LEAF_TIFF; kind <= LEAF_JSON; kind++) {
        leaf = part_of("frames_u8", &f, 6, (enum leaf_kind)kind);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL),
                         ERROR_NOT_FOUND);
        ck_assert_int_eq(engine_try(&engine, &leaf, NULL), ERROR_NOT_FOUND);
        leaf = part_of("full", &f, 1, (enum leaf_kind)kind);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL),
                         ERROR_NOT_FOUND);
        ck_assert_int_eq(engine_try(&engine, &leaf, NULL), ERROR_NOT_FOUND);
        /* the whole is not there, but for the document */
        leaf = part_of("frames_u8", &f, 0, (enum leaf_kind)kind);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL),
                         kind == LEAF_JSON ? ERROR_NONE : ERROR_NOT_FOUND);
    }
}
END_TEST

static void add_distance(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00180088, "DS", "2");
}

START_TEST(a_number_that_the_source_decides_is_asked_of_it)
{
    static const char view[] = "frames_spacing-0.5x0.5x1";
    struct image_file f = stack();
    struct manifest_instance i;
    struct leaf leaf;
    struct error err = ERROR_INIT;
    uint64_t size;
    uint32_t n;

    f.add_early = add_distance;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of(view, &f, 9, LEAF_NPY);
    i = engine_instance(&engine, f.sop);
    ck_assert_int_eq(
        render_parts(engine.render, leaf.view_id, &i, false, &n, &err), 1);
    ck_assert_int_eq(
        render_parts(engine.render, leaf.view_id, &i, true, &n, &err), 0);
    ck_assert_uint_eq(n, 9); /* 8 mm in steps of 1 */
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
    ck_assert_int_eq(
        render_parts(engine.render, leaf.view_id, &i, false, &n, &err), 0);
    leaf.part = 10;
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NOT_FOUND);
    manifest_instance_deinit(&i);
    compare(&f, "_spacing-0.5x0.5x1", 9, LEAF_NPY);
}
END_TEST

/* ---- what parts share --------------------------------------------------- */

static void read_all(const char *view, const struct image_file *f, uint32_t n,
                     enum leaf_kind kind)
{
    for (uint32_t k = 1; k <= n; k++) {
        struct leaf leaf = part_of(view, f, k, kind);
        size_t size;

        free(engine_bytes(&engine, &leaf, &size));
    }
}

/* Every frame is decoded once for all parts and formats, and what is measured
 * on all frames is measured once. */
START_TEST(parts_share_frames_and_measurements)
{
    static const char *const views[] = {"frames", "frames_crop",
                                        "frames_norm-z", "frames_window-off"};
    struct image_file f = stack();
    struct render_stats stats;

    f.value = image_file_noise;
    engine_put(&engine, &f);
    engine_start(&engine);
    read_all(views[_i], &f, 5, LEAF_NPY);
    read_all(views[_i], &f, 5, LEAF_TIFF);
    ck_assert_uint_eq(engine_decoded(&engine), 5);
    stats = engine_stats(&engine);
    /* tiff and npy of each page, and up to two passes over all of them */
    ck_assert_uint_le(stats.frames_reused, 5 + 2 * 5);
    engine_restart(&engine);
    read_all(views[_i], &f, 1, LEAF_NII);
    ck_assert_uint_eq(engine_decoded(&engine), 1); /* remembered */
}
END_TEST

START_TEST(one_part_decodes_its_frame)
{
    struct image_file f = stack();
    struct leaf leaf;
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of("frames_hu", &f, 4, LEAF_TIFF);
    free(engine_bytes(&engine, &leaf, &size));
    ck_assert_uint_eq(engine_decoded(&engine), 1);
}
END_TEST

/* ---- documents ---------------------------------------------------------- */

static char *json_of(const char *view, const struct image_file *f,
                     uint32_t part)
{
    struct leaf leaf = part_of(view, f, part, LEAF_JSON);

    return engine_text(&engine, &leaf);
}

START_TEST(a_document_says_which_part_it_is_of)
{
    struct image_file f = stack();
    char *text;

    engine_put(&engine, &f);
    engine_start(&engine);
    text = json_of("frames_flip-z", &f, 2);
    engine_has(text, "\"part\": \"frame\"");
    engine_has(text, "\"number\": 2");
    engine_has(text, "\"shape\": [50, 60]");
    free(text);
    text = json_of("frames_flip-z", &f, 0);
    engine_has(text, "\"part\": null");
    engine_has(text, "\"shape\": [5, 50, 60]");
    free(text);
}
END_TEST

/* Two windows in each frame: in the first none, in the last another one. */
static void add_windows(const struct image_file *f, struct build *b)
{
    build_sequence(b, 0x52009230, true);
    for (uint32_t k = 0; k < f->frames; k++) {
        build_item(b, true);
        if (k > 0) {
            build_sequence(b, 0x00289132, true);
            build_item(b, true);
            build_text(b, 0x00281050, "DS",
                       k + 1 < f->frames ? "1\\100" : "1\\900");
            build_text(b, 0x00281051, "DS", "1\\500");
            build_item_end(b);
            build_sequence_end(b);
        }
        build_item_end(b);
    }
    build_sequence_end(b);
}

struct window_case {
    const char *view;
    uint32_t part;
    const char *center; /* of the first page's window; NULL: a problem */
    bool per_frame;
};

static const struct window_case window_cases[] = {
    {"window-n2", 0, NULL, false},
    {"window-n2_pick-2to5", 0, "100", true},
    {"window-n2_pick-2to4", 0, "100", false},
    {"window-n2_pick-2to5_flip-z", 0, "900", true},
    {"window-n2_box-9x9x3at0x0x1", 0, "100", false},
    {"window-n2_box-9x9x4at0x0x1", 0, "100", true},
    {"window-n2_mid-9x9x1", 0, "100", false},
    {"window-n2_canvas-9x9x3", 0, "100", false},
    {"window-n2_canvas-9x9x5", 0, NULL, false},
    {"window-n2_pick-2to5_canvas-9x9x9", 0, "100", true},
    {"window-n2_frames", 2, "100", false},
    {"window-n2_frames", 5, "900", false},
    {"window-n2_frames", 1, NULL, false},
    /* from one before the first frame to one behind the last, mirrored */
    {"window-n2_pick-2to5_fill-reflect_rand-9x9x6-n1-seed1", 1, "100", true},
    {"window-n2_flip-z_pick-2to5_fill-reflect_rand-9x9x6-n1-seed1", 1, "100",
     true},
    {"window-n2_grid-60x50x2", 2, "100", false},
};

/* The window is that of the first page, and is the others' if it says so;
 * frames that no page shows do not matter. */
START_TEST(a_document_has_the_window_of_its_pages)
{
    const struct window_case *c = &window_cases[_i];
    struct image_file f = stack();
    char *text;

    f.add_late = add_windows;
    engine_put(&engine, &f);
    engine_start(&engine);
    text = json_of(c->view, &f, c->part);
    engine_has(text, c->center ? "\"problem\": null" : "\"problem\": \"window 2");
    if (c->center) {
        char *center = scratch_text("\"center\": %s,", c->center);

        engine_has(text, center);
        engine_has(text,
            c->per_frame ? "\"per_frame\": true" : "\"per_frame\": false");
        free(center);
    }
    free(text);
}
END_TEST

/* An image that cannot be decoded has its parts, and says at reading why not;
 * the document of the whole says it too. */
START_TEST(what_cannot_be_read_is_counted_and_explained)
{
    struct image_file f = stack();
    struct error err = ERROR_INIT;
    struct leaf leaf;
    char *text;

    f.samples = 3;
    f.photometric = "RGB";
    image_file_bits(&f, 8, 8);
    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert_uint_eq(count("frames_hu", &f), 5);
    leaf = part_of("frames_hu", &f, 1, LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    leaf = part_of("frames_hu", &f, 1, LEAF_JSON);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    text = json_of("frames_hu", &f, 0);
    engine_has(text, "no modality values");
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("parts");
    TCase *t = tcase_create("parts");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_part_is_the_page_of_the_whole, 0,
                        sizeof page_cases / sizeof *page_cases);
    tcase_add_loop_test(t, packed_parts_have_the_size_that_was_said, 0, 3);
    tcase_add_test(t, there_is_no_other_part);
    tcase_add_test(t, a_number_that_the_source_decides_is_asked_of_it);
    tcase_add_loop_test(t, parts_share_frames_and_measurements, 0, 4);
    tcase_add_test(t, one_part_decodes_its_frame);
    tcase_add_test(t, a_document_says_which_part_it_is_of);
    tcase_add_loop_test(t, a_document_has_the_window_of_its_pages, 0,
                        (int)(sizeof window_cases / sizeof window_cases[0]));
    tcase_add_test(t, what_cannot_be_read_is_counted_and_explained);
    suite_add_tcase(s, t);
    return check_main(s);
}
