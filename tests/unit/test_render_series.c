// SPDX-License-Identifier: MIT
/*
 * test_render_series.c: slices of a series as one volume: their order and
 * values, what is measured on all of them, and series that are no volume.
 */
#undef NDEBUG
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/frames.h"
#include "support/check_main.h"
#include "support/engine.h"
#include "support/rows.h"
#include "support/scratch.h"

enum { N = 5, W = 40, H = 30 }; /* pages that are pieces of their own */

static struct engine engine;

/* A slice in the making, for add_place. */
static double z_mm, x_mm;
static int number;
static const char *orientation;
static bool is_placed;

static void setup(void)
{
    engine_init(&engine);
    z_mm = x_mm = 0;
    number = 1;
    orientation = "1\\0\\0\\0\\1\\0";
    is_placed = true;
}

static void teardown(void)
{
    engine_deinit(&engine);
}

static void add_place(const struct image_file *f, struct build *b)
{
    char text[64];

    (void)f;
    (void)snprintf(text, sizeof text, "%d", number);
    build_text(b, 0x00200013, "IS", text);
    if (!is_placed)
        return;
    (void)snprintf(text, sizeof text, "%.10g\\20\\%.10g", x_mm, z_mm);
    build_text(b, 0x00200032, "DS", text);
    build_text(b, 0x00200037, "DS", orientation);
}

static struct image_file slice(void)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = W;
    f.rows = H;
    f.spacing = "0.5\\0.25";
    f.slope = "1";
    f.intercept = "-100";
    f.value = image_file_noise;
    f.add_middle = add_place;
    return f;
}

/* Slice k of the series, from 0, at k * 2.5 mm. The names run the other way. */
static struct image_file nth(uint32_t k)
{
    static char sop[N + 3][32];
    struct image_file f = slice();

    (void)snprintf(sop[k], sizeof sop[k], "1.2.3.%u", 100 - k);
    f.sop = sop[k];
    f.seed = k + 1;
    z_mm = 2.5 * k;
    number = (int)(k * 3 % 7);
    return f;
}

static void put_slices(uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        struct image_file f = nth(k);

        engine_put(&engine, &f);
    }
}

static struct leaf leaf_of(const char *view, enum leaf_kind kind)
{
    struct leaf leaf = engine_leaf(&engine, view, nth(0).sop);

    leaf.object_id =
        rows_int(engine.state, "SELECT coalesce(max(volume_id),0) FROM series");
    leaf.kind = kind;
    return leaf;
}

static uint8_t *bytes_of(const char *view, enum leaf_kind kind, size_t *ret)
{
    struct leaf leaf = leaf_of(view, kind);

    return engine_bytes(&engine, &leaf, ret);
}

/* Modality value of a voxel. */
static double voxel(uint32_t k, uint32_t x, uint32_t y)
{
    struct image_file f = nth(k);

    return image_file_stored(&f, 0, x, y, 0) - 100 - (k == 3 ? 50 : 0);
}

/* ---- order and values --------------------------------------------------- */

/* Slice 3 has an intercept of its own. The files, and with them the ids, are
 * made from the last to the first. */
static void put_volume(void)
{
    for (uint32_t k = N; k-- > 0;) {
        struct image_file f = nth(k);

        if (k == 3)
            f.intercept = "-150";
        engine_put(&engine, &f);
    }
}

static void check_volume(const char *view, const uint32_t *order, uint32_t n)
{
    size_t size;
    uint8_t *npy = bytes_of(view, LEAF_NPY, &size);
    const float *at = (const void *)(npy + 4096);

    ck_assert_uint_eq(size, 4096 + (size_t)n * W * H * 4);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++, at++)
                ck_assert_msg((double)*at == voxel(order[k], x, y),
                              "%s: slice %u at %u,%u", view, k, x, y);
    free(npy);
}

static const struct {
    const char *view;
    uint32_t order[N];
    uint32_t n;
} order_cases[] = {
    {"series_hu", {0, 1, 2, 3, 4}, 5},
    {"series_hu_flip-z", {4, 3, 2, 1, 0}, 5},
    {"series_pick-2to5by2_hu", {1, 3}, 2},
    {"series_hu_vol-central", {2}, 1},
    {"series_hu_box-40x30x2at0x0x1", {1, 2}, 2},
    {"series_order-stored_hu", {4, 3, 2, 1, 0}, 5},
};

START_TEST(slices_are_in_the_order_of_their_positions)
{
    put_volume();
    engine_start(&engine);
    check_volume(order_cases[_i].view, order_cases[_i].order,
                 order_cases[_i].n);
}
END_TEST

START_TEST(all_formats_have_the_same_slices)
{
    size_t tiff_size, npy_size, nii_size, length;
    uint8_t *tiff, *npy, *nii;

    put_volume();
    engine_start(&engine);
    tiff = bytes_of("series_hu_i16", LEAF_TIFF, &tiff_size);
    npy = bytes_of("series_hu_i16", LEAF_NPY, &npy_size);
    nii = bytes_of("series_hu_i16", LEAF_NII, &nii_size);
    length = (size_t)N * W * H * 2;
    ck_assert_int_eq(memcmp(npy + 4096, tiff + tiff_size - length, length), 0);
    ck_assert_int_eq(memcmp(npy + 4096, nii + 4096, length), 0);
    ck_assert_uint_eq(engine_decoded(&engine), N);
    free(tiff);
    free(npy);
    free(nii);
}
END_TEST

/* One page takes one slice, a resampled one two. */
START_TEST(a_page_needs_its_slices_alone)
{
    static const struct {
        const char *view;
        uint64_t decodes;
    } cases[] = {{"series_hu", 1}, {"series_hu_spacing-0.25x0.5x1", 2}};
    uint8_t data[W * H];
    struct error err = ERROR_INIT;
    struct leaf leaf;
    size_t n;

    put_volume();
    engine_start(&engine);
    leaf = leaf_of(cases[_i].view, LEAF_NPY);
    ck_assert_int_eq(engine_read(&engine, &leaf, 4096 + 2 * W * H * 4,
                                 sizeof data, sizeof data, data, &n, &err),
                     ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), cases[_i].decodes);
}
END_TEST

/* The distance of slices is in the manifest: the size needs no source. */
START_TEST(sizes_are_known_early)
{
    static const char *const views[] = {"series", "series_spacing-1x1x1",
                                        "series_crop_size-8x8x3",
                                        "series_canvas-30x30x9"};
    struct leaf_attr attr;
    struct error err = ERROR_INIT;
    struct leaf leaf;
    size_t size;

    put_volume();
    engine_start(&engine);
    leaf = leaf_of(views[_i], LEAF_NPY);
    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 0);
    free(engine_bytes(&engine, &leaf, &size));
    ck_assert_uint_eq(size, attr.size);
}
END_TEST

/* ---- what is measured --------------------------------------------------- */

/* Two windows, and none at all in slice 4: it is stretched from the least to
 * the greatest value of the whole volume. */
START_TEST(each_slice_has_its_own_window)
{
    static const double centers[N] = {500, 500, 900, 500, 0};
    double low = 1e9, high = -1e9;
    size_t size;
    uint8_t *npy;

    for (uint32_t k = 0; k < N; k++) {
        struct image_file f = nth(k);
        char text[32];

        (void)snprintf(text, sizeof text, "%g", centers[k]);
        if (centers[k] != 0) {
            f.center = text;
            f.width = "401";
        }
        engine_put(&engine, &f);
    }
    engine_start(&engine);
    npy = bytes_of("series", LEAF_NPY, &size);
    for (uint32_t k = 0; k < N; k++)
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++) {
                struct image_file f = nth(k);
                double v = image_file_stored(&f, 0, x, y, 0) - 100;

                low = fmin(low, v);
                high = fmax(high, v);
            }
    for (uint32_t k = 0; k < N; k++)
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++) {
                struct image_file f = nth(k);
                double v = image_file_stored(&f, 0, x, y, 0) - 100;
                double want = (v - (centers[k] - 0.5)) / 400 + 0.5;
                uint16_t got;

                if (centers[k] == 0)
                    want = (v - low) / (high - low);
                want = fmin(fmax(want, 0), 1) * 65535;
                memcpy(&got, npy + 4096 + 2 * (((size_t)k * H + y) * W + x), 2);
                ck_assert_msg(fabs(got - want) <= 1, "slice %u: %u, not %g", k,
                              got, want);
            }
    free(npy);
}
END_TEST

/* norm-unit of one slice is 0 to 1 only where the whole volume's limits are. */
START_TEST(statistics_are_of_the_volume_and_remembered)
{
    size_t size;
    uint8_t *first, *again;
    const float *at;
    double low = 1, high = 0;

    put_volume();
    engine_start(&engine);
    first = bytes_of("series_hu_norm-unit", LEAF_NPY, &size);
    at = (const void *)(first + 4096);
    for (size_t i = 0; i < N * W * H; i++) {
        low = fmin(low, (double)at[i]);
        high = fmax(high, (double)at[i]);
    }
    ck_assert(low == 0 && high == 1);
    engine_restart(&engine);
    again = bytes_of("series_hu_norm-unit", LEAF_NPY, &size);
    ck_assert_int_eq(memcmp(first, again, size), 0);
    ck_assert_uint_eq(engine_decoded(&engine), N); /* not a pass before it */
    ck_assert_int_eq(rows_int(engine.state,
                              "SELECT count(*) FROM output WHERE object_kind=1"
                              " AND instance_id=(SELECT max(volume_id) FROM"
                              " series) AND vmin IS NOT NULL"),
                     1);
    free(first);
    free(again);
}
END_TEST

START_TEST(the_affine_is_that_of_the_positions)
{
    size_t size;
    uint8_t *nii;
    float m[12];
    static const float want[12] = {-0.25f, 0,   0, 0, 0,    -0.5f,
                                   0,      -20, 0, 0, 2.5f, 0};

    put_volume();
    engine_start(&engine);
    nii = bytes_of("series_hu", LEAF_NII, &size);
    memcpy(m, nii + 280, sizeof m);
    for (size_t i = 0; i < 12; i++)
        ck_assert_msg(fabsf(m[i] - want[i]) < 1e-6f, "%zu: %g", i,
                      (double)m[i]);
    free(nii);
}
END_TEST

/* ---- no volumes --------------------------------------------------------- */

static char *problem_of(const char *view)
{
    struct leaf leaf = leaf_of(view, LEAF_JSON);

    return engine_text(&engine, &leaf);
}

static void spoil_gap(struct image_file *f)
{
    (void)f;
    z_mm += 0.05; /* 2 % */
}
static void spoil_shift(struct image_file *f)
{
    (void)f;
    x_mm = 0.05;
}
static void spoil_double(struct image_file *f)
{
    (void)f;
    z_mm = 2.5;
}
static void spoil_size(struct image_file *f)
{
    f->cols = W + 1;
}
static void spoil_sign(struct image_file *f)
{
    f->is_signed = true;
}
static void spoil_bits(struct image_file *f)
{
    image_file_bits(f, 8, 8);
}
static void spoil_turn(struct image_file *f)
{
    (void)f;
    orientation = "0\\1\\0\\1\\0\\0";
}
static void spoil_frames(struct image_file *f)
{
    f->frames = 2;
}
static void spoil_place(struct image_file *f)
{
    (void)f;
    is_placed = false;
}
static void spoil_nan(struct image_file *f)
{
    (void)f;
    z_mm = NAN;
}
static void spoil_far(struct image_file *f)
{
    (void)f;
    z_mm = 1e300;
}

static const struct {
    void (*spoil)(struct image_file *f);
    const char *word;
    bool allowed; /* with gaps=allow */
} spoilers[] = {
    {spoil_gap, "gaps between the slices differ", true},
    {spoil_shift, "gantry tilt", true},
    {spoil_double, "several images at one position", true},
    {spoil_far, "gaps between the slices differ", true},
    {spoil_size, "images of different size", false},
    {spoil_sign, "images of different pixel format", false},
    {spoil_bits, "images of different pixel format", false},
    {spoil_turn, "images of different orientation", false},
    {spoil_frames, "multi-frame", false},
    {spoil_place, "without position", false},
    {spoil_nan, "without position", false},
};
enum { SPOILERS = sizeof spoilers / sizeof spoilers[0] };

/* Slice 2, whose name is 1.2.3.98, is not like the others. */
static void put_spoilt(int i)
{
    for (uint32_t k = 0; k < N; k++) {
        struct image_file f = nth(k);

        if (k == 2)
            spoilers[i].spoil(&f);
        engine_put(&engine, &f);
        x_mm = 0;
        orientation = "1\\0\\0\\0\\1\\0";
        is_placed = true;
    }
}

START_TEST(what_is_no_volume_is_refused_and_explained)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;
    char *text;

    put_spoilt(_i);
    engine_start(&engine);
    leaf = leaf_of("series_hu", LEAF_NPY);
    /* LOOKUP shows it; reading says what is wrong, and with which image */
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    ck_assert_msg(strstr(err.msg, spoilers[_i].word), "%s", err.msg);
    ck_assert_msg(strstr(err.msg, "(image 1.2.3."), "%s", err.msg);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    text = problem_of("series_hu");
    ck_assert_msg(strstr(text, spoilers[_i].word), "%s", text);
    ck_assert_ptr_null(strstr(text, ".dcm"));
    free(text);
}
END_TEST

START_TEST(gaps_are_allowed_and_nothing_else)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;
    size_t size;

    put_spoilt(_i);
    engine.config.gaps_allowed = true;
    engine_start(&engine);
    leaf = leaf_of("series_hu", LEAF_NPY);
    if (spoilers[_i].allowed) {
        free(engine_bytes(&engine, &leaf, &size));
        ck_assert_uint_eq(size, 4096 + (size_t)N * W * H * 4);
    } else {
        ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    }
}
END_TEST

/* What was found out with the option is not used without it. */
START_TEST(the_option_is_part_of_what_is_remembered)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;
    char *with, *without;

    put_spoilt(0);
    engine.config.gaps_allowed = true;
    engine_start(&engine);
    with = problem_of("series_hu_norm-z");
    ck_assert_ptr_nonnull(strstr(with, "\"problem\": null"));
    engine.config.gaps_allowed = false;
    engine_restart(&engine);
    without = problem_of("series_hu_norm-z");
    ck_assert_ptr_nonnull(strstr(without, "gaps=allow"));
    leaf = leaf_of("series_hu_norm-z", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    free(with);
    free(without);
}
END_TEST

START_TEST(without_positions_the_order_is_asked_for)
{
    /* by number: k * 3 % 7 is 0, 3, 6, 2, 5 */
    static const uint32_t by_number[N] = {0, 3, 1, 4, 2};
    struct error err = ERROR_INIT;
    struct leaf leaf;

    is_placed = false;
    put_volume();
    is_placed = true;
    engine_start(&engine);
    leaf = leaf_of("series_hu", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    ck_assert_msg(strstr(err.msg, "order-inst"), "%s", err.msg);
    check_volume("series_order-inst_hu", by_number, N);
    leaf = leaf_of("series_order-inst_spacing-1x1x1", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
}
END_TEST

/* Numbers that jump make no even steps. */
START_TEST(an_order_of_uneven_steps_is_refused)
{
    struct error err = ERROR_INIT;
    struct leaf leaf;

    put_volume();
    engine_start(&engine);
    leaf = leaf_of("series_order-inst_hu", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_CORRUPT);
    ck_assert_msg(strstr(err.msg, "in this order"), "%s", err.msg);
}
END_TEST

/* ---- single objects ----------------------------------------------------- */

START_TEST(a_series_of_one_object_is_that_object)
{
    static const uint32_t frames[] = {1, 7};
    struct image_file f = nth(0);
    size_t size, expected;
    uint8_t *one, *all;
    struct leaf leaf;

    f.frames = frames[_i];
    engine_put(&engine, &f);
    engine_start(&engine);
    all = bytes_of("series_hu", LEAF_TIFF, &size);
    leaf = engine_leaf(&engine, "hu", f.sop);
    one = engine_bytes(&engine, &leaf, &expected);
    ck_assert_uint_eq(size, expected);
    ck_assert_int_eq(memcmp(all, one, size), 0);
    free(all);
    free(one);
}
END_TEST

/* ---- changes ------------------------------------------------------------ */

START_TEST(another_slice_makes_another_volume)
{
    struct error err = ERROR_INIT;
    struct leaf before, after;
    struct image_file f;
    uint8_t *old, *new;
    size_t old_size, new_size;
    uint64_t size;

    put_slices(N);
    engine_start(&engine);
    before = leaf_of("series_raw", LEAF_NPY);
    old = engine_bytes(&engine, &before, &old_size);
    f = nth(N);
    engine_put(&engine, &f);
    (void)engine_index(&engine);
    after = leaf_of("series_raw", LEAF_NPY);
    ck_assert_int_gt(after.object_id, before.object_id);
    new = engine_bytes(&engine, &after, &new_size);
    ck_assert_uint_eq(new_size - old_size, W * H * 2);
    ck_assert_int_eq(memcmp(new + 4096, old + 4096, old_size - 4096), 0);
    ck_assert_int_eq(engine_size(&engine, &before, &size, &err), ERROR_STALE);
    ck_assert_int_eq(engine_try(&engine, &before, &err), ERROR_STALE);
    free(old);
    free(new);
}
END_TEST

START_TEST(a_slice_replaced_unseen_is_stale)
{
    struct error err = ERROR_INIT;
    struct image_file f;
    struct leaf leaf;

    put_slices(N);
    engine_start(&engine);
    f = nth(2);
    f.seed = 99;
    image_file_write(&f, engine.archive, "1.2.3.98.dcm", 12345);
    leaf = leaf_of("series_raw", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_STALE);
    (void)engine_index(&engine);
    leaf = leaf_of("series_raw", LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
}
END_TEST

/* ---- hostile ------------------------------------------------------------ */

/* Rows that somebody edited: no volume of unlike slices comes through. */
static const char *const edits[] = {
    "UPDATE instance SET cols=cols+4 WHERE uid='1.2.3.98'",
    "UPDATE instance SET bits_alloc=8 WHERE uid='1.2.3.98'",
    "UPDATE instance SET turned=1 WHERE uid='1.2.3.98'",
    "UPDATE instance SET frames=3 WHERE uid='1.2.3.98'",
    "UPDATE instance SET has_pixels=0 WHERE uid='1.2.3.98'",
    "UPDATE instance SET ord=NULL WHERE uid='1.2.3.98'",
    "UPDATE series SET n_instances=4",
    "UPDATE series SET n_instances=4000000000",
    "UPDATE series SET n_instances=1",
    "UPDATE series SET volume_first=999",
    "UPDATE series SET volume_kind=-7",
    "UPDATE series SET z_spacing=1e-300",
    "UPDATE series SET z_spacing=1e999",
    "DELETE FROM source WHERE relpath='1.2.3.98.dcm'",
};

START_TEST(edited_rows_do_no_harm)
{
    static const char *const views[] = {"series_hu", "series_spacing-1x1x1",
                                        "series_crop", "series_norm-z"};
    struct error err = ERROR_INIT;

    put_slices(N);
    engine_start(&engine);
    for (size_t v = 0; v < 4; v++) {
        struct leaf leaf = leaf_of(views[v], LEAF_NPY);

        if (v == 0)
            rows_exec(engine.state, edits[_i]);
        for (int kind = LEAF_TIFF; kind <= LEAF_JSON; kind++) {
            enum error_kind got;

            leaf.kind = (enum leaf_kind)kind;
            got = engine_try(&engine, &leaf, &err);
            ck_assert_msg(got == ERROR_NONE || got == ERROR_STALE ||
                              got == ERROR_CORRUPT || got == ERROR_TOO_BIG ||
                              got == ERROR_UNSUPPORTED ||
                              got == ERROR_NOT_FOUND,
                          "%s: %d %s", views[v], (int)got, err.msg);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("series");
    TCase *t = tcase_create("series");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, slices_are_in_the_order_of_their_positions, 0,
                        sizeof order_cases / sizeof order_cases[0]);
    tcase_add_test(t, all_formats_have_the_same_slices);
    tcase_add_loop_test(t, a_page_needs_its_slices_alone, 0, 2);
    tcase_add_loop_test(t, sizes_are_known_early, 0, 4);
    tcase_add_test(t, each_slice_has_its_own_window);
    tcase_add_test(t, statistics_are_of_the_volume_and_remembered);
    tcase_add_test(t, the_affine_is_that_of_the_positions);
    tcase_add_loop_test(t, what_is_no_volume_is_refused_and_explained, 0,
                        SPOILERS);
    tcase_add_loop_test(t, gaps_are_allowed_and_nothing_else, 0, SPOILERS);
    tcase_add_test(t, the_option_is_part_of_what_is_remembered);
    tcase_add_test(t, without_positions_the_order_is_asked_for);
    tcase_add_test(t, an_order_of_uneven_steps_is_refused);
    tcase_add_loop_test(t, a_series_of_one_object_is_that_object, 0, 2);
    tcase_add_test(t, another_slice_makes_another_volume);
    tcase_add_test(t, a_slice_replaced_unseen_is_stale);
    tcase_add_loop_test(t, edited_rows_do_no_harm, 0,
                        sizeof edits / sizeof edits[0]);
    suite_add_tcase(s, t);
    return check_main(s);
}
