// SPDX-License-Identifier: MIT
/*
 * test_render_patches.c: grid, rand and roi: leaves that are boxes cut from
 * the pages. What they show is compared with the whole leaf of the same view,
 * cut by a plain loop over voxels; where they begin is written down here again
 * from the manual's formulas.
 */
#undef NDEBUG
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/patches.h"
#include "manifest/manifest_roi.h"
#include "support/check_main.h"
#include "support/engine.h"
#include "support/places.h"

static struct engine engine;

static void setup(void)
{
    engine_init(&engine);
}

static void teardown(void)
{
    engine_deinit(&engine);
}

static void add_type(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00180088, "DS", "2"); /* SpacingBetweenSlices */
}

/* Five frames of 60 x 50, something to crop in each. */
static struct image_file stack(void)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = 60;
    f.rows = 50;
    f.frames = 5;
    f.spacing = "0.5\\0.5";
    f.slope = "2";
    f.intercept = "-100";
    f.value = image_file_noise;
    f.add_early = add_type;
    return f;
}

static struct leaf part_of(const char *view, const struct image_file *f,
                           uint32_t part, enum leaf_kind kind)
{
    return engine_part(&engine, view, f->sop, part, kind);
}

static int count_of(const char *view, const struct image_file *f, bool may_work,
                    uint32_t *ret, struct error *err)
{
    struct leaf leaf = engine_leaf(&engine, view, f->sop);
    struct manifest_instance i = engine_instance(&engine, f->sop);
    int rc = render_parts(engine.render, leaf.view_id, &i, may_work, ret, err);

    manifest_instance_deinit(&i);
    return rc;
}

static uint32_t count(const char *view, const struct image_file *f)
{
    struct error err = ERROR_INIT;
    uint32_t n = 0;

    ck_assert_msg(count_of(view, f, true, &n, &err) == 0, "%s: %s", view,
                  err.msg);
    return n;
}

/* ---- volumes ------------------------------------------------------------ */

struct volume {
    uint8_t *data;
    size_t size;
    size_t bytes; /* of a voxel */
    uint32_t w, h, d;
};

enum { NPY_HEADER = 4096 };

/* The shape of an .npy of one channel, from its header. */
static struct volume load(const char *view, const struct image_file *f,
                          uint32_t part)
{
    struct leaf leaf = part_of(view, f, part, LEAF_NPY);
    struct volume v = {.d = 1};
    const char *shape;
    unsigned n[3];

    v.data = engine_bytes(&engine, &leaf, &v.size);
    shape = strstr((const char *)v.data + 10, "'shape': (");
    ck_assert_ptr_nonnull(shape);
    if (sscanf(shape, "'shape': (%u, %u, %u)", &n[0], &n[1], &n[2]) == 3) {
        v.d = n[0];
        v.h = n[1];
        v.w = n[2];
    } else {
        ck_assert_int_eq(sscanf(shape, "'shape': (%u, %u)", &n[0], &n[1]), 2);
        v.h = n[0];
        v.w = n[1];
    }
    v.bytes = (v.size - NPY_HEADER) / ((size_t)v.w * v.h * v.d);
    return v;
}

static const uint8_t *voxel(const struct volume *v, int64_t x, int64_t y,
                            int64_t z)
{
    size_t at = ((size_t)z * v->h + (size_t)y) * v->w + (size_t)x;

    return v->data + NPY_HEADER + at * v->bytes;
}

enum outside { FILL, EDGE, REFLECT };

/* Where along a side of n samples sample i is taken from; -1: nowhere. */
static int64_t from(enum outside o, int64_t i, uint32_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (o == FILL)
        return -1;
    if (o == EDGE || n == 1)
        return i < 0 ? 0 : n - 1;
    while (i < 0 || i >= n)
        i = i < 0 ? -i : 2 * ((int64_t)n - 1) - i;
    return i;
}

/* `fill` is a voxel of the output. */
static void check_patch(const struct volume *whole, const struct volume *got,
                        const struct patches_origin *o, enum outside outside,
                        const void *fill, const char *what)
{
    ck_assert_uint_eq(whole->bytes, got->bytes);
    for (uint32_t z = 0; z < got->d; z++)
        for (uint32_t y = 0; y < got->h; y++)
            for (uint32_t x = 0; x < got->w; x++) {
                int64_t fx = from(outside, o->x + x, whole->w);
                int64_t fy = from(outside, o->y + y, whole->h);
                int64_t fz = from(outside, o->z + z, whole->d);
                const void *want = fx < 0 || fy < 0 || fz < 0
                                       ? fill
                                       : voxel(whole, fx, fy, fz);

                ck_assert_msg(memcmp(voxel(got, x, y, z), want, got->bytes) ==
                                  0,
                              "%s: voxel %u %u %u", what, x, y, z);
            }
}

/* ---- grid --------------------------------------------------------------- */

static const struct grid_case {
    const char *before; /* the operators before grid */
    const char *after;  /* and behind it */
    uint32_t tile[3], stride[3];
    uint32_t n[3]; /* tiles on each axis */
} grids[] = {
    {"", "u8", {16, 12, 2}, {16, 12, 2}, {3, 4, 2}},
    {"", "", {16, 12, 2}, {8, 6, 1}, {6, 7, 4}},
    {"", "", {16, 12, 0}, {16, 12, 0}, {3, 4, 1}},
    {"", "", {60, 50, 5}, {1, 1, 1}, {1, 1, 1}},
    {"hu", "", {7, 50, 1}, {11, 50, 4}, {5, 1, 2}},
    {"hu", "i16", {31, 31, 3}, {29, 19, 2}, {2, 2, 2}},
    {"hu_vol-mip", "", {20, 20, 1}, {20, 20, 1}, {3, 2, 1}},
    {"slab-max-d2-s1", "", {30, 25, 2}, {30, 25, 2}, {2, 2, 2}},
    {"rot-90_flip-z", "", {25, 30, 5}, {25, 30, 5}, {2, 2, 1}},
    {"box-40x30x3at5x6x1", "u16", {13, 10, 1}, {13, 10, 1}, {3, 3, 3}},
    {"size-32x32", "", {16, 16, 5}, {16, 16, 5}, {2, 2, 1}},
    {"size-32x32x7-stretch", "", {16, 16, 3}, {16, 16, 3}, {2, 2, 2}},
    {"spacing-1x1x1", "", {15, 25, 3}, {15, 25, 3}, {2, 1, 3}},
    {"spacing-1x1x1", "", {15, 25, 0}, {15, 25, 0}, {2, 1, 1}},
    {"fill-9_canvas-70x40x8", "", {35, 20, 4}, {35, 20, 4}, {2, 2, 2}},
    {"size-33x33_pad-center_canvas-50x20",
     "",
     {25, 10, 1},
     {25, 10, 1},
     {2, 2, 5}},
    {"range-0to1000", "norm-z", {16, 16, 2}, {16, 16, 2}, {3, 3, 2}},
    {"hu", "norm-unit-frame", {16, 16, 2}, {16, 16, 2}, {3, 3, 2}},
    {"", "norm-sym_f16", {16, 16, 2}, {16, 16, 2}, {3, 3, 2}},
};

static void grid_view(const struct grid_case *c, char view[160],
                      char whole[160])
{
    char token[80];

    (void)snprintf(token, sizeof token, "grid-%ux%u", c->tile[0], c->tile[1]);
    if (c->tile[2] > 0)
        (void)snprintf(token + strlen(token), sizeof token - strlen(token),
                       "x%u-s%ux%ux%u", c->tile[2], c->stride[0], c->stride[1],
                       c->stride[2]);
    (void)snprintf(view, 160, "%s%s%s%s%s", c->before, *c->before ? "_" : "",
                   token, *c->after ? "_" : "", c->after);
    (void)snprintf(whole, 160, "%s%s%s", c->before,
                   *c->before && *c->after ? "_" : "", c->after);
    if (!*whole)
        (void)strcpy(whole, "full");
}

START_TEST(a_tile_is_a_box_of_the_whole)
{
    const struct grid_case *c = &grids[_i];
    uint32_t n = c->n[0] * c->n[1] * c->n[2];
    struct image_file f = stack();
    char view[160], name[160];
    struct volume whole;

    engine_put(&engine, &f);
    engine_start(&engine);
    grid_view(c, view, name);
    ck_assert_uint_eq(count(view, &f), n);
    whole = load(name, &f, 0);
    for (uint32_t k = 0; k < n; k++) {
        struct volume got = load(view, &f, k + 1);
        struct patches_origin o = {
            k % c->n[0] * c->stride[0],
            k / c->n[0] % c->n[1] * c->stride[1],
            k / c->n[0] / c->n[1] * c->stride[2],
        };

        ck_assert_uint_eq(got.w, c->tile[0]);
        ck_assert_uint_eq(got.h, c->tile[1]);
        ck_assert_uint_eq(got.d, c->tile[2] ? c->tile[2] : whole.d);
        check_patch(&whole, &got, &o, FILL, NULL, view);
        free(got.data);
    }
    free(whole.data);
}
END_TEST

START_TEST(formats_hold_the_same_tiles)
{
    static const enum leaf_kind kinds[] = {LEAF_TIFF, LEAF_NII};
    struct image_file f = stack();
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (uint32_t k = 1; k <= 6; k++) {
        struct volume npy = load("hu_grid-20x25x5", &f, k);

        for (size_t i = 0; i < 2; i++) {
            struct leaf leaf = part_of("hu_grid-20x25x5", &f, k, kinds[i]);
            uint8_t *other = engine_bytes(&engine, &leaf, &size);

            ck_assert_uint_eq(size, npy.size);
            ck_assert_mem_eq(other + 4096, npy.data + 4096, size - 4096);
            free(other);
        }
        free(npy.data);
    }
}
END_TEST

START_TEST(a_grid_of_what_is_cropped_is_counted_when_that_is_known)
{
    static const char view[] = "crop_grid-8x8x5";
    struct image_file f = stack();
    struct volume whole, got;
    struct patches_origin o = {8, 0, 0};
    struct leaf leaf;
    uint64_t size;
    uint32_t n = 0;

    f.value = image_file_box;
    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert_int_eq(count_of(view, &f, false, &n, NULL), 1);
    whole = load("crop", &f, 0);
    n = count(view, &f);
    ck_assert_uint_eq(n, (whole.w / 8) * (whole.h / 8));
    ck_assert_uint_gt(n, 2);
    ck_assert_int_eq(count_of(view, &f, false, &n, NULL), 0); /* it is known */
    got = load(view, &f, 2);
    check_patch(&whole, &got, &o, FILL, NULL, view);
    leaf = part_of(view, &f, n, LEAF_NPY);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
    leaf.part = n + 1;
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NOT_FOUND);
    free(got.data);
    free(whole.data);
}
END_TEST

START_TEST(the_first_look_at_a_missing_tile_finds_none)
{
    struct image_file f = stack();
    struct leaf leaf;
    struct leaf_attr attr;
    struct error err = ERROR_INIT;

    f.value = image_file_box;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of("crop_grid-8x8x5", &f, 1000, LEAF_NPY);
    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 1);
    ck_assert_int_eq(render_attr(engine.render, &leaf, NULL, true, &attr, &err),
                     -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_grid_that_does_not_fit_has_no_tile)
{
    static const char *const views[] = {"grid-61x8", "grid-8x8x6",
                                        "canvas-20x20_grid-8x21",
                                        "spacing-1x1x1_grid-8x8x10"};
    struct image_file f = stack();
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;
    uint32_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert_int_eq(count_of(views[_i], &f, true, &n, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    ck_assert_msg(strstr(err.msg, "no tile"), "%s", err.msg);
    leaf = part_of(views[_i], &f, 1, LEAF_TIFF);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NOT_FOUND);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_grid_of_more_tiles_than_inodes_says_so)
{
    static const char view[] = "canvas-999999x9_grid-1x1x1";
    struct image_file f = stack();
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;
    uint32_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert_int_eq(count_of(view, &f, true, &n, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NO_IDS);
    leaf = part_of(view, &f, 1, LEAF_TIFF);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NO_IDS);
}
END_TEST

/* ---- rand --------------------------------------------------------------- */

static const struct rand_case {
    const char *before, *token, *after;
    struct patches_size size;
    enum outside outside;
    double fill; /* in the output */
} rands[] = {
    {"hu", "rand-16x20x2-n6-seed7", "", {16, 20, 2}, FILL, 0},
    {"hu", "rand-16x20-n6-seed7", "", {16, 20, 0}, FILL, 0},
    {"hu", "rand-60x50x5-n2-seed0", "", {60, 50, 5}, FILL, 0},
    {"hu_fill--7.5",
     "rand-70x20x9-n4-seed999999999999999",
     "",
     {70, 20, 9},
     FILL,
     -7.5},
    {"hu_fill-edge", "rand-70x20x9-n4-seed1", "", {70, 20, 9}, EDGE, 0},
    {"hu_fill-reflect",
     "rand-20x170x19-n4-seed1",
     "",
     {20, 170, 19},
     REFLECT,
     0},
    {"hu_fill-3_canvas-80x80",
     "rand-90x40x2-n4-seed3",
     "",
     {90, 40, 2},
     FILL,
     3},
    {"range-0to1000_fill-1",
     "rand-70x70x7-n2-seed3",
     "norm-z",
     {70, 70, 7},
     FILL,
     1},
    {"hu_spacing-1x1x1", "rand-16x20x2-n6-seed7", "", {16, 20, 2}, FILL, 0},
    {"hu_crop", "rand-16x20x2-n6-seed7", "", {16, 20, 2}, FILL, 0},
};

static void joined(const char *before, const char *token, const char *after,
                   char ret[160])
{
    (void)snprintf(ret, 160, "%s%s%s%s%s", before, *token ? "_" : "", token,
                   *after ? "_" : "", after);
}

START_TEST(a_random_patch_is_where_the_formula_says)
{
    const struct rand_case *c = &rands[_i];
    struct image_file f = stack();
    char view[160], name[160];
    float fill = (float)c->fill;
    unsigned long long seed = strtoull(strstr(c->token, "seed") + 4, NULL, 10);
    struct volume whole;
    struct patches_size volume;
    uint32_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    joined(c->before, c->token, c->after, view);
    joined(c->before, "", c->after, name);
    if (strstr(name, "_fill-") && !strstr(name, "canvas")) {
        /* a fill has nothing to act on without the patches */
        char *cut = strstr(name, "_fill-");

        (void)snprintf(cut, sizeof name - (size_t)(cut - name), "%s%s",
                       *c->after ? "_" : "", c->after);
    }
    whole = load(name, &f, 0);
    volume = (struct patches_size){whole.w, whole.h, whole.d};
    n = count(view, &f);
    ck_assert_uint_eq(n, (unsigned)atoi(strstr(c->token, "-n") + 2));
    for (uint32_t k = 1; k <= n; k++) {
        struct patches_origin o =
            patches_rand(f.sop, seed, k, &volume, &c->size);
        struct volume got = load(view, &f, k);

        check_patch(&whole, &got, &o, c->outside, &fill, view);
        free(got.data);
    }
    free(whole.data);
}
END_TEST

/* What fill-min and fill-max put outside, normalised with what is inside. */
START_TEST(outside_a_patch_there_is_the_volumes_minimum)
{
    struct image_file f = stack();
    struct volume got;
    double least, greatest;
    float first;

    engine_put(&engine, &f);
    engine_start(&engine);
    image_file_extent(&f, -1, &least, &greatest);
    got = load("hu_fill-min_rand-80x50x5-n1-seed1", &f, 1);
    memcpy(&first, voxel(&got, 0, 0, 0), sizeof first);
    ck_assert_float_eq(first, (float)(least * 2 - 100));
    free(got.data);
    got = load("hu_fill-max_rand-80x50x9-n1-seed1_norm-unit", &f, 1);
    memcpy(&first, voxel(&got, 40, 20, 0), sizeof first); /* no frame there */
    ck_assert_float_eq(first, 1.0f);
    memcpy(&first, voxel(&got, 0, 0, 4), sizeof first);
    ck_assert_float_eq(first, 1.0f);
    free(got.data);
}
END_TEST

START_TEST(colour_has_patches_too)
{
    struct image_file f = stack();
    struct leaf leaf;
    size_t size, whole_size;
    uint8_t *got, *whole;

    f.samples = 3;
    f.photometric = "RGB";
    f.frames = 1;
    image_file_bits(&f, 8, 8);
    f.slope = f.intercept = NULL;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of("full", &f, 0, LEAF_NPY);
    whole = engine_bytes(&engine, &leaf, &whole_size);
    leaf = part_of("grid-16x12", &f, 5, LEAF_NPY); /* at 16, 12 */
    got = engine_bytes(&engine, &leaf, &size);
    ck_assert_uint_eq(size, 4096 + 16 * 12 * 3);
    for (size_t y = 0; y < 12; y++)
        ck_assert_mem_eq(got + 4096 + y * 48,
                         whole + 4096 + ((12 + y) * 60 + 16) * 3, 48);
    free(got);
    free(whole);
}
END_TEST

START_TEST(there_is_no_other_patch)
{
    static const char view[] = "rand-8x8-n3-seed1";
    struct image_file f = stack();
    struct leaf leaf;
    uint64_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (int kind = LEAF_TIFF; kind <= LEAF_JSON; kind++) {
        leaf = part_of(view, &f, 4, (enum leaf_kind)kind);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL),
                         ERROR_NOT_FOUND);
        ck_assert_int_eq(engine_try(&engine, &leaf, NULL), ERROR_NOT_FOUND);
        leaf.part = 0;
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL),
                         kind == LEAF_JSON ? ERROR_NONE : ERROR_NOT_FOUND);
    }
}
END_TEST

START_TEST(packed_patches_have_the_size_that_was_said)
{
    static const struct {
        const char *view;
        enum leaf_kind kind;
    } packed[] = {{"u8_rand-20x20-n3-seed5_vol-mip", LEAF_PNG},
                  {"rand-20x20x2-n3-seed5_pack-lzw", LEAF_TIFF},
                  {"crop_grid-20x10x2_pack-zstd", LEAF_TIFF},
                  {"rand-20x20x2-n3-seed5", LEAF_JSON}};
    struct image_file f = stack();
    uint64_t sizes[4];
    uint8_t *bytes[4];
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (uint32_t k = 1; k <= 3; k++) {
        struct leaf leaf = part_of(packed[_i].view, &f, k, packed[_i].kind);

        bytes[k] = engine_bytes(&engine, &leaf, &size);
        sizes[k] = size;
    }
    (void)engine_decoded(&engine);
    engine_restart(&engine);
    for (uint32_t k = 1; k <= 3; k++) {
        struct leaf leaf = part_of(packed[_i].view, &f, k, packed[_i].kind);
        uint64_t again;

        ck_assert_int_eq(engine_size(&engine, &leaf, &again, NULL), ERROR_NONE);
        ck_assert_uint_eq(again, sizes[k]);
    }
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    for (uint32_t k = 1; k <= 3; k++) {
        struct leaf leaf = part_of(packed[_i].view, &f, k, packed[_i].kind);
        uint8_t *again = engine_bytes(&engine, &leaf, &size);

        ck_assert_mem_eq(again, bytes[k], size);
        free(again);
        free(bytes[k]);
    }
}
END_TEST

/* ---- what it costs ------------------------------------------------------ */

START_TEST(a_patch_decodes_its_own_frames)
{
    struct image_file f = stack();
    struct leaf leaf;
    size_t size;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of("hu_grid-20x20x2", &f, 7, LEAF_NPY); /* frames 3 and 4 */
    free(engine_bytes(&engine, &leaf, &size));
    ck_assert_uint_eq(engine_decoded(&engine), 2);
}
END_TEST

/* All tiles, and those of another grid and type, are cut from pages that are
 * made once. */
START_TEST(patches_share_the_pages_that_they_are_cut_from)
{
    struct image_file f = stack();
    uint64_t made;

    engine_put(&engine, &f);
    engine_start(&engine);
    for (uint32_t k = 1; k <= 6; k++)
        free(load("hu_size-40x40-stretch_grid-16x16x5", &f, k % 4 + 1).data);
    ck_assert_uint_eq(engine_decoded(&engine), 5);
    made = engine_stats(&engine).frames_reused;
    free(load("hu_size-40x40-stretch_rand-9x9-n1-seed1_i16", &f, 1).data);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    /* reused were the pages, not the frames */
    ck_assert_uint_eq(engine_stats(&engine).frames_reused, made);
}
END_TEST

/* ---- roi ---------------------------------------------------------------- */

static void add_places(const struct image_file *f, struct build *b)
{
    static const struct places sagittal = {
        {0, 1, 0}, {0, 0, -1}, {10, -40, 60}, {2, 0, 0}};

    places_add(b, &sagittal, f->frames);
}

static void put_findings(const struct manifest_roi_row *rows, size_t n)
{
    struct error err = ERROR_INIT;

    ck_assert_msg(manifest_roi_put(engine.manifest, "nodules",
                                   MANIFEST_ROI_REPLACE, rows, n, &err) == 0,
                  "%s", err.msg);
    render_rescanned(engine.render);
}

/* A row runs to the back (+y), a column to the feet (-z), frames to the left
 * (+x): voxel = ((y + 40)/0.5, (60 - z)/0.5, (x - 10)/2). */
START_TEST(a_finding_is_in_the_middle_of_its_patch)
{
    static const struct {
        double at[3];
        struct patches_origin origin; /* of 8 x 6 x 3 */
    } cases[] = {
        {{14, -30, 50}, {16, 17, 1}},      /* voxel 20, 20, 2 */
        {{14, -30.2, 50.1}, {16, 17, 1}},  /* 19.6, 19.8, 2 */
        {{13, -29.75, 49.8}, {17, 18, 0}}, /* 20.5, 20.4, 1.5 */
        {{10, -40, 60}, {-4, -3, -1}},     /* a corner: partly outside */
        {{500, -300, 99}, {-524, -81, 244}},
    };
    enum { N = sizeof cases / sizeof *cases };
    struct manifest_roi_row rows[N] = {{NULL, {.n = 0}}};
    struct image_file f = stack();
    struct volume whole;
    float zero = 0;

    f.add_early = NULL;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    for (size_t i = 0; i < N; i++) {
        rows[i].uid = "1.2.2"; /* the series */
        memcpy(rows[i].roi.centre, cases[i].at, sizeof cases[i].at);
    }
    put_findings(rows, N);
    ck_assert_uint_eq(count("hu_roi-nodules-8x6x3", &f), N);
    whole = load("hu", &f, 0);
    for (uint32_t k = 0; k < N; k++) {
        struct volume got = load("hu_roi-nodules-8x6x3", &f, k + 1);

        check_patch(&whole, &got, &cases[k].origin, FILL, &zero, "roi");
        free(got.data);
    }
    free(whole.data);
}
END_TEST

/* The view's own geometry moves the findings along. */
START_TEST(a_finding_stays_where_the_patient_has_it)
{
    /* 60x50 turned clockwise: (x, y) -> (49 - y, x); flip-z; then a canvas of
     * 70x80 (10 pixels left and right of 50, 10 above 60) */
    static const char view[] =
        "hu_flip-z_rot-90_canvas-70x80_roi-nodules-5x7x1";
    struct manifest_roi_row row = {"1.2.2", {.centre = {16, -37.5, 45}}};
    /* voxel 5, 30, 3 -> frame 1, (19, 5) -> (29, 15) */
    struct patches_origin o = {27, 12, 1};
    struct image_file f = stack();
    struct volume whole, got;

    f.add_early = NULL;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    put_findings(&row, 1);
    whole = load("hu_flip-z_rot-90_canvas-70x80", &f, 0);
    got = load(view, &f, 1);
    check_patch(&whole, &got, &o, FILL, NULL, view);
    free(got.data);
    free(whole.data);
}
END_TEST

START_TEST(an_image_that_is_nowhere_is_measured_from_its_first_pixel)
{
    /* 0.5 mm: voxel 12, 40; no z: all frames, or the middle ones */
    struct manifest_roi_row row = {"1.2.3.1", {.centre = {6, 20, (double)NAN}}};
    struct patches_origin o = {10, 38, 0};
    struct patches_origin middle = {10, 38, 1};
    struct image_file f = stack();
    struct volume whole, got;

    f.add_early = NULL;
    engine_put(&engine, &f);
    engine_start(&engine);
    put_findings(&row, 1);
    whole = load("hu", &f, 0);
    got = load("hu_roi-nodules-4x4", &f, 1);
    ck_assert_uint_eq(got.d, 5);
    check_patch(&whole, &got, &o, FILL, NULL, "all frames");
    free(got.data);
    got = load("hu_roi-nodules-4x4x3", &f, 1);
    ck_assert_uint_eq(got.d, 3);
    check_patch(&whole, &got, &middle, FILL, NULL, "middle frames");
    free(got.data);
    free(whole.data);
}
END_TEST

START_TEST(a_finding_that_is_nowhere_is_an_error)
{
    struct manifest_roi_row rows[] = {
        {"1.2.2", {.centre = {16, -37.5, (double)NAN}}},
        {"1.2.2", {.centre = {1e300, 0, 0}}},
    };
    struct image_file f = stack();
    struct error err = ERROR_INIT;
    struct leaf leaf;

    f.add_early = NULL;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    put_findings(rows, 2);
    leaf = part_of("roi-nodules-8x8", &f, 1, LEAF_TIFF);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "number 1 of table nodules"), "%s", err.msg);
    leaf.part = 2;
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "too far away"), "%s", err.msg);
}
END_TEST

START_TEST(without_a_finding_there_is_no_patch)
{
    struct image_file f = stack();
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;
    uint32_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert_int_eq(count_of("roi-nodules-8x8", &f, true, &n, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    leaf = part_of("roi-nodules-8x8", &f, 1, LEAF_TIFF);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NOT_FOUND);
    ck_assert_msg(strstr(err.msg, "table nodules"), "%s", err.msg);
}
END_TEST

/* The same name, the same block of the cache, the same row of `output`: none
 * of them may serve the patch of a finding that has moved. */
START_TEST(a_finding_that_moves_takes_its_patch_along)
{
    static const char *const views[] = {"hu_roi-nodules-8x8x1",
                                        "hu_roi-nodules-8x8x1_pack-lzw",
                                        "hu_roi-nodules-8x8x1"};
    static const enum leaf_kind kinds[] = {LEAF_NPY, LEAF_TIFF, LEAF_JSON};
    struct manifest_roi_row row = {"1.2.2", {.centre = {16, -37.5, 45}}};
    struct image_file f = stack();
    struct leaf leaf;
    uint8_t *bytes[3];
    size_t sizes[3];

    f.add_early = NULL;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    for (int round = 0; round < 3; round++) {
        row.roi.centre[0] = round == 1 ? 12 : 16;
        row.roi.centre[1] = round == 1 ? -20 : -37.5;
        put_findings(&row, 1);
        leaf = part_of(views[_i], &f, 1, kinds[_i]);
        bytes[round] = engine_bytes(&engine, &leaf, &sizes[round]);
    }
    ck_assert(sizes[0] != sizes[1] ||
              memcmp(bytes[0], bytes[1], sizes[0]) != 0);
    ck_assert_uint_eq(sizes[0], sizes[2]);
    ck_assert_mem_eq(bytes[0], bytes[2], sizes[0]);
    for (int round = 0; round < 3; round++)
        free(bytes[round]);
}
END_TEST

/* ---- what files say ----------------------------------------------------- */

START_TEST(the_document_says_where_the_patch_is)
{
    struct image_file f = stack();
    struct leaf leaf;
    char *text;

    f.add_early = NULL;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = part_of("hu_fill-edge_canvas-64x64_grid-20x25x2", &f, 8, LEAF_JSON);
    text = engine_text(&engine, &leaf);
    engine_has(text, "\"part\": \"patch\"");
    engine_has(text, "\"number\": 8");
    engine_has(text, "\"shape\": [2, 25, 20]");
    engine_has(text, "\"canvas\": {\n      \"corner\": [-2, -7, 0],\n"
                     "      \"size\": [64, 64, 5]");
    engine_has(text, "\"patch\": {\n      \"corner\": [20, 0, 2],\n"
                     "      \"size\": [20, 25, 2]");
    /* a column is 0.5 mm to the back: anterior is -; the patch's first voxel
     * is 18 columns on, 7 rows above, and 2 frames of 2 mm on: RAS */
    engine_has(text, "\"affine_ras\": [\n      [0, 0, -2, -14],\n"
                     "      [-0.5, 0, 0, 31],\n      [0, -0.5, 0, 63.5],\n");
    engine_has(text, "\"first\": [3, 4]");
    free(text);
    leaf.part = 0;
    text = engine_text(&engine, &leaf);
    engine_has(text, "\"patch\": null");
    engine_has(text, "\"shape\": [5, 64, 64]");
    free(text);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(a)[0])

int main(void)
{
    Suite *s = suite_create("patches");
    TCase *t = tcase_create("patches");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_tile_is_a_box_of_the_whole, 0, COUNT(grids));
    tcase_add_test(t, formats_hold_the_same_tiles);
    tcase_add_test(t, a_grid_of_what_is_cropped_is_counted_when_that_is_known);
    tcase_add_test(t, the_first_look_at_a_missing_tile_finds_none);
    tcase_add_loop_test(t, a_grid_that_does_not_fit_has_no_tile, 0, 4);
    tcase_add_test(t, a_grid_of_more_tiles_than_inodes_says_so);
    tcase_add_loop_test(t, a_random_patch_is_where_the_formula_says, 0,
                        COUNT(rands));
    tcase_add_test(t, outside_a_patch_there_is_the_volumes_minimum);
    tcase_add_test(t, colour_has_patches_too);
    tcase_add_test(t, there_is_no_other_patch);
    tcase_add_loop_test(t, packed_patches_have_the_size_that_was_said, 0, 4);
    tcase_add_test(t, a_patch_decodes_its_own_frames);
    tcase_add_test(t, patches_share_the_pages_that_they_are_cut_from);
    tcase_add_test(t, a_finding_is_in_the_middle_of_its_patch);
    tcase_add_test(t, a_finding_stays_where_the_patient_has_it);
    tcase_add_test(t,
                   an_image_that_is_nowhere_is_measured_from_its_first_pixel);
    tcase_add_test(t, a_finding_that_is_nowhere_is_an_error);
    tcase_add_test(t, without_a_finding_there_is_no_patch);
    tcase_add_loop_test(t, a_finding_that_moves_takes_its_patch_along, 0, 3);
    tcase_add_test(t, the_document_says_where_the_patch_is);
    suite_add_tcase(s, t);
    return check_main(s);
}
