// SPDX-License-Identifier: MIT
/*
 * test_render_formats.c: .npy, .nii, .png and .json through the renderer:
 * sizes before pixels, the samples of the .tiff, places in the patient, and
 * what each format refuses.
 */
#undef NDEBUG
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npy/npy.h"
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

static struct leaf leaf_of(const char *view, const struct image_file *f,
                           enum leaf_kind kind)
{
    return engine_part(&engine, view, f->sop, 0, kind);
}

static uint8_t *bytes_of(const char *view, const struct image_file *f,
                         enum leaf_kind kind, size_t *ret_size)
{
    struct leaf leaf = leaf_of(view, f, kind);

    return engine_bytes(&engine, &leaf, ret_size);
}

/* Does the size come without work? */
static bool is_known(const char *view, const struct image_file *f,
                     enum leaf_kind kind)
{
    struct leaf leaf = leaf_of(view, f, kind);
    struct leaf_attr attr;
    struct error err = ERROR_INIT;
    int rc = render_attr(engine.render, &leaf, NULL, false, &attr, &err);

    ck_assert_msg(rc >= 0, "%s", err.msg);
    return rc == 0;
}

/* Pages that begin and end within blocks of the cache. */
static void large(struct image_file *f)
{
    *f = (struct image_file)IMAGE_FILE_INIT;
    f->cols = 331;
    f->rows = 227;
    f->frames = 3;
    f->slope = "2";
    f->intercept = "-1000";
    f->center = "1000";
    f->width = "2000";
    f->value = image_file_noise;
}

/* ---- samples ------------------------------------------------------------ */

static const char *const views[] = {"full",
                                    "hu",
                                    "hu_i16",
                                    "u8",
                                    "raw_box-100x90at7x5_size-64x48",
                                    "crop",
                                    "f32",
                                    "pick-2",
                                    "crop_size-300x300_pad-center"};

START_TEST(all_formats_have_the_samples_of_the_tiff)
{
    const char *view = views[_i];
    struct image_file f;
    size_t tiff_size, npy_size, nii_size, length;
    uint8_t *tiff, *npy, *nii;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    tiff = bytes_of(view, &f, LEAF_TIFF, &tiff_size);
    npy = bytes_of(view, &f, LEAF_NPY, &npy_size);
    nii = bytes_of(view, &f, LEAF_NII, &nii_size);
    length = npy_size - 4096;
    ck_assert_uint_eq(nii_size, npy_size);
    ck_assert_uint_gt(tiff_size, length);
    ck_assert_int_eq(memcmp(npy + 4096, tiff + tiff_size - length, length), 0);
    ck_assert_int_eq(memcmp(nii + 4096, tiff + tiff_size - length, length), 0);
    ck_assert_int_eq(memcmp(npy, "\x93NUMPY\x01\x00", 8), 0);
    ck_assert_int_eq(memcmp(nii + 344, "n+1", 4), 0);
    free(tiff);
    free(npy);
    free(nii);
}
END_TEST

START_TEST(pieces_of_any_size_are_those_of_the_whole)
{
    static const enum leaf_kind kinds[] = {LEAF_NPY, LEAF_NII, LEAF_JSON};
    struct image_file f;
    size_t size, n;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);

    struct leaf leaf =
        leaf_of("hu_f16", &f, kinds[_i] == LEAF_NII ? LEAF_NPY : kinds[_i]);

    if (kinds[_i] == LEAF_NII)
        leaf = leaf_of("hu", &f, LEAF_NII);
    uint8_t *whole = engine_bytes(&engine, &leaf, &size);
    uint8_t *pieces = malloc(size);

    engine_restart(&engine);
    ck_assert_int_eq(
        engine_read(&engine, &leaf, 0, size, 4093, pieces, &n, NULL),
        ERROR_NONE);
    ck_assert_uint_eq(n, size);
    ck_assert_int_eq(memcmp(whole, pieces, size), 0);
    free(whole);
    free(pieces);
}
END_TEST

START_TEST(half_floats_are_singles_rounded)
{
    struct image_file f;
    size_t half_size, single_size;
    uint8_t *half, *single;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    half = bytes_of("hu_f16", &f, LEAF_NPY, &half_size);
    single = bytes_of("hu", &f, LEAF_NPY, &single_size);
    ck_assert_uint_eq((half_size - 4096) * 2, single_size - 4096);
    for (size_t i = 0; i < (half_size - 4096) / 2; i++) {
        uint16_t h;
        float s;

        memcpy(&h, half + 4096 + 2 * i, sizeof h);
        memcpy(&s, single + 4096 + 4 * i, sizeof s);
        ck_assert_uint_eq(h, npy_half(s));
    }
    free(half);
    free(single);
}
END_TEST

START_TEST(packing_is_a_matter_of_the_tiff_alone)
{
    struct image_file f;
    size_t a_size, b_size;
    uint8_t *a, *b;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    a = bytes_of("full", &f, LEAF_NPY, &a_size);
    ck_assert_uint_eq(engine_decoded(&engine), 3);
    ck_assert(is_known("pack-lzw_big", &f, LEAF_NPY));
    ck_assert(!is_known("pack-lzw_big", &f, LEAF_TIFF));
    b = bytes_of("pack-lzw_big", &f, LEAF_NPY, &b_size);
    ck_assert_uint_eq(a_size, b_size);
    ck_assert_int_eq(memcmp(a, b, a_size), 0);
    ck_assert_uint_eq(engine_decoded(&engine), 0); /* the same blocks */
    free(a);
    free(b);
}
END_TEST

/* ---- refusals ----------------------------------------------------------- */

static const struct refusal {
    const char *view;
    enum leaf_kind kind;
    uint32_t samples;
    const char *word;
} refusals[] = {
    {"f16", LEAF_TIFF, 1, "npy"},
    {"hu_f16_crop", LEAF_TIFF, 1, "npy"},
    {"f16", LEAF_NII, 1, "npy"},
    {"f16_pick-1", LEAF_PNG, 1, "8 or 16"},
    {"hu_pick-1", LEAF_PNG, 1, "8 or 16"},
    {"full", LEAF_PNG, 1, "3"},
    {"u16", LEAF_NII, 3, "8 bits"},
    {"size-40000x2-stretch", LEAF_NII, 1, "32767"},
};

START_TEST(what_a_format_cannot_hold_is_refused_before_a_decode)
{
    const struct refusal *r = &refusals[_i];
    struct error err = ERROR_INIT;
    struct image_file f;
    uint64_t size;

    large(&f);
    if (r->samples == 3) {
        image_file_bits(&f, 8, 8);
        f.samples = 3;
        f.photometric = "RGB";
    }
    engine_put(&engine, &f);
    engine_start(&engine);

    struct leaf leaf = leaf_of(r->view, &f, r->kind);

    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, r->word) != NULL, "%s", err.msg);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

/* In place of libtiff's: is it one without Zstandard? */
static bool lacks_zstd;

int TIFFIsCODECConfigured(uint16_t scheme);
int TIFFIsCODECConfigured(uint16_t scheme)
{
    union {
        void *data;
        int (*call)(uint16_t);
    } real = {dlsym(RTLD_NEXT, "TIFFIsCODECConfigured")};

    return !(scheme == 50000 && lacks_zstd) && real.call(scheme);
}

START_TEST(without_zstandard_there_is_everything_but_that_tiff)
{
    struct error err = ERROR_INIT;
    struct image_file f;
    struct leaf leaf;
    uint64_t size;
    size_t n;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    lacks_zstd = true;
    leaf = leaf_of("pack-zstd", &f, LEAF_TIFF);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "libtiff was built without Zstandard"), "%s",
                  err.msg);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    free(bytes_of("pack-zstd", &f, LEAF_NPY, &n));
    free(bytes_of("pack-zstd", &f, LEAF_JSON, &n));
    lacks_zstd = false;
}
END_TEST

/* ---- measured sizes ----------------------------------------------------- */

START_TEST(a_measured_size_is_remembered)
{
    static const enum leaf_kind kinds[] = {LEAF_PNG, LEAF_JSON};
    enum leaf_kind kind = kinds[_i];
    struct image_file f;
    size_t size, again;
    uint8_t *a, *b;

    large(&f);
    f.frames = 1;
    engine_put(&engine, &f);
    engine_start(&engine);
    ck_assert(!is_known("full", &f, kind));
    a = bytes_of("full", &f, kind, &size);
    ck_assert(is_known("full", &f, kind));
    engine_restart(&engine);
    ck_assert(is_known("full", &f, kind));
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    b = bytes_of("full", &f, kind, &again);
    ck_assert_uint_eq(size, again);
    ck_assert_int_eq(memcmp(a, b, size), 0);
    if (kind == LEAF_JSON)
        ck_assert_uint_eq(engine_decoded(&engine), 0);
    free(a);
    free(b);
}
END_TEST

/* ---- where pages are ---------------------------------------------------- */

/* Frame k is at z[k]; NULL: all share one place. */
static const double *places;

static void add_places(const struct image_file *f, struct build *b)
{
    places_add_axial(b, 10, -20, places, f->frames);
}

static void add_one_place(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00200032, "DS", "10\\-20\\5");
    build_text(b, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
}

static const struct place_case {
    const char *view;
    double z[4];
    bool has_places;
    int16_t code;
    int16_t dim[5];      /* dim[0] to dim[4] */
    double step, origin; /* along z */
} place_cases[] = {
    {"full", {5, 7, 9, 11}, true, 1, {3, 8, 6, 4, 1}, 2, 5},
    {"full", {11, 5, 9, 7}, true, 1, {3, 8, 6, 4, 1}, 2, 5},
    {"pick-2to4by2", {11, 5, 9, 7}, true, 1, {3, 8, 6, 2, 1}, 4, 7},
    {"order-stored", {11, 9, 7, 5}, true, 1, {3, 8, 6, 4, 1}, -2, 11},
    {"order-stored", {11, 5, 9, 7}, true, 0, {3, 8, 6, 4, 1}, 0, 0},
    {"full", {5, 7, 9, 12}, true, 0, {3, 8, 6, 4, 1}, 0, 0}, /* a gap */
    {"pick-1to3", {5, 7, 9, 12}, true, 1, {3, 8, 6, 3, 1}, 2, 5},
    {"full", {0}, false, 1, {4, 8, 6, 1, 4}, 1, 5}, /* a cine */
    {"pick-3", {0}, false, 1, {3, 8, 6, 1, 1}, 1, 5},
    /* operators on several frames */
    {"flip-z", {5, 7, 9, 11}, true, 1, {3, 8, 6, 4, 1}, -2, 11},
    {"vol-mip", {11, 5, 9, 7}, true, 1, {3, 8, 6, 1, 1}, 8, 8},
    {"vol-mip-skip1to0", {5, 7, 9, 11}, true, 1, {3, 8, 6, 1, 1}, 6, 9},
    {"vol-central", {5, 7, 9, 11}, true, 1, {3, 8, 6, 1, 1}, 2, 9},
    {"vol-interp-7", {5, 7, 9, 11}, true, 1, {3, 8, 6, 7, 1}, 1, 5},
    {"slab-mean-d2-s2", {5, 7, 9, 11}, true, 1, {3, 8, 6, 2, 1}, 4, 6},
    {"box-8x6x2at0x0x1", {5, 7, 9, 11}, true, 1, {3, 8, 6, 2, 1}, 2, 7},
    {"size-8x6x2", {5, 7, 9, 11}, true, 1, {3, 8, 6, 2, 1}, 6, 5},
    {"canvas-8x6x6", {5, 7, 9, 11}, true, 1, {3, 8, 6, 6, 1}, 2, 3},
};

static int16_t int16_at(const uint8_t *data, size_t at)
{
    int16_t value;

    memcpy(&value, data + at, sizeof value);
    return value;
}

static double float_at(const uint8_t *data, size_t at)
{
    float value;

    memcpy(&value, data + at, sizeof value);
    return (double)value;
}

START_TEST(a_volume_has_an_affine_and_nothing_else_has)
{
    const struct place_case *c = &place_cases[_i];
    struct image_file f = IMAGE_FILE_INIT;
    uint8_t *nii;
    size_t size;

    f.frames = 4;
    f.spacing = "0.5\\0.25";
    places = c->z;
    if (c->has_places)
        f.add_late = add_places;
    else
        f.add_middle = add_one_place;
    engine_put(&engine, &f);
    engine_start(&engine);
    nii = bytes_of(c->view, &f, LEAF_NII, &size);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(int16_at(nii, 40 + 2 * i), c->dim[i]);
    ck_assert_int_eq(int16_at(nii, 254), c->code);
    if (c->code == 1) {
        /* LPS to RAS: x and y change sign */
        double want[12] = {-0.25, 0,  0, -10, 0,       -0.5,
                           0,     20, 0, 0,   c->step, c->origin};

        for (size_t i = 0; i < 12; i++)
            ck_assert_double_eq_tol(float_at(nii, 280 + 4 * i), want[i], 1e-6);
    }
    free(nii);
}
END_TEST

/* ---- .json -------------------------------------------------------------- */

static void add_patient(const struct image_file *f, struct build *b)
{
    (void)f;
    build_text(b, 0x00080020, "DA", "20200102");
    build_text(b, 0x00080050, "SH", "ACC-77");
    build_text(b, 0x00080060, "CS", "CT");
    build_text(b, 0x00081030, "LO", "Doe follow-up");
    build_text(b, 0x00100010, "PN", "Doe^Jane");
    build_text(b, 0x00100020, "LO", "MRN-12345");
}

static char *json_of(const char *view, const struct image_file *f)
{
    struct leaf leaf = leaf_of(view, f, LEAF_JSON);

    return engine_text(&engine, &leaf);
}

START_TEST(a_document_says_what_was_done_and_names_nobody)
{
    static const char *const nobody[] = {"Doe", "MRN", "ACC", "2020", ".dcm"};
    struct image_file f;
    char *text;

    large(&f);
    f.add_early = add_patient;
    engine_put(&engine, &f);
    engine_start(&engine);
    text = json_of("box-100x90at7x5_size-50x45_u8", &f);
    engine_has(text, "\"view\": \"box-100x90at7x5_size-50x45_u8\"");
    engine_has(text, "\"operator\": \"size-50x45\"");
    engine_has(text, "\"problem\": null");
    engine_has(text, "\"shape\": [3, 45, 50]");
    engine_has(text, "\"corner\": [7, 5]");
    engine_has(text, "\"size\": [100, 90]");
    engine_has(text, "\"scale\": [0.5, 0.5]");
    engine_has(text, "\"center\": 1000");
    engine_has(text, "\"first\": [1, 2, 3]");
    engine_has(text, "\"00080060\": {");
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        ck_assert_msg(!strstr(text, nobody[i]), "%s is in\n%s", nobody[i],
                      text);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    free(text);
}
END_TEST

static const struct problem_case {
    const char *view;
    uint32_t missing_bytes;
    const char *word;
} problem_cases[] = {
    {"pick-9", 0, "no frame is left of 3"},
    {"window-n4", 0, "window 4 was asked for"},
    {"spacing-1x1", 0, "pixel spacing"},
    {"box-10x10at900x900", 0, "outside the image"},
    {"crop", 300000, "short"}, /* what decoding said */
};

START_TEST(a_document_says_why_there_are_no_pixels)
{
    const struct problem_case *c = &problem_cases[_i];
    struct image_file f;
    char *text, *again;

    large(&f);
    f.missing_bytes = c->missing_bytes;
    engine_put(&engine, &f);
    engine_start(&engine);
    text = json_of(c->view, &f);
    engine_has(text, c->word);
    engine_has(text, "\"output\": null");
    ck_assert_ptr_null(strstr(text, ".dcm"));
    engine_restart(&engine);
    again = json_of(c->view, &f);
    ck_assert_str_eq(text, again);
    free(text);
    free(again);
}
END_TEST

static const struct map_case {
    const char *view;
    const char *first, *last;
} map_cases[] = {
    {"full", "[1, 3, 4, 2]", "null"},
    {"flip-z", "[2, 4, 3, 1]", "null"},
    {"pick-2to4by2", "[3, 2]", "null"},
    {"vol-mip", "[1]", "[2]"},
    {"vol-central", "[4]", "null"},
    {"slab-max-d2-s2", "[1, 4]", "[3, 2]"},
    {"vol-interp-3", "[1, 3, 2]", "[1, 4, 2]"},
    {"box-8x6x2at0x0x1", "[3, 4]", "null"},
    {"canvas-8x6x6", "[]", "null"}, /* two pages show no frame */
};

START_TEST(a_document_says_which_frames_a_page_is_made_of)
{
    static const double z[] = {5, 11, 7, 9};
    const struct map_case *c = &map_cases[_i];
    struct image_file f = IMAGE_FILE_INIT;
    char expected[128];
    char *text;

    f.frames = 4;
    f.spacing = "0.5\\0.25";
    places = z;
    f.add_late = add_places;
    engine_put(&engine, &f);
    engine_start(&engine);
    text = json_of(c->view, &f);
    (void)snprintf(expected, sizeof expected,
                   "\"first\": %s,\n    \"last\": %s,", c->first, c->last);
    engine_has(text, expected);
    free(text);
}
END_TEST

START_TEST(documents_of_views_that_list_otherwise_differ)
{
    struct image_file f;
    char *a, *b;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    a = json_of("u8", &f);
    b = json_of("u8_list-npy", &f);
    engine_has(a, "\"view\": \"u8\"");
    engine_has(b, "\"view\": \"u8_list-npy\"");
    free(a);
    free(b);
}
END_TEST

START_TEST(a_shape_is_that_of_the_listed_format)
{
    static const struct {
        const char *view;
        enum leaf_kind kind;
        int known;
    } cases[] = {
        {"u8", LEAF_TIFF, true},
        {"u8_list-npy", LEAF_NPY, true},
        {"u8_list-nii", LEAF_NII, true},
        {"pack-lzw_list-npy", LEAF_NPY, true},
        {"f16_list-npy", LEAF_NPY, true},
        {"pick-1_list-png", LEAF_PNG, false},
        {"list-json", LEAF_JSON, false},
        {"f16", LEAF_TIFF, false},
        {"pick-99", LEAF_TIFF, MANIFEST_NO_LEAF},
        {"pick-99_list-json", LEAF_JSON, false},
        {"pick-99_frames", LEAF_TIFF, false},
    };
    struct manifest_instance i;
    struct image_file f;

    large(&f);
    engine_put(&engine, &f);
    engine_start(&engine);
    i = engine_instance(&engine, f.sop);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct leaf leaf = leaf_of(cases[k].view, &f, cases[k].kind);
        struct manifest_output out = {0};
        struct view view;
        uint64_t size;

        ck_assert_int_eq(view_parse(cases[k].view, NULL, &view, NULL, NULL), 0);
        ck_assert_int_eq(render_shape(&view, &i, &out), cases[k].known);
        if (cases[k].known != 1)
            continue;
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
        ck_assert_uint_eq(out.bytes, size);
    }
    manifest_instance_deinit(&i);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof(table)[0])

int main(void)
{
    Suite *s = suite_create("render_formats");
    TCase *t = tcase_create("formats");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, all_formats_have_the_samples_of_the_tiff, 0,
                        COUNT(views));
    tcase_add_loop_test(t, pieces_of_any_size_are_those_of_the_whole, 0, 3);
    tcase_add_test(t, half_floats_are_singles_rounded);
    tcase_add_test(t, packing_is_a_matter_of_the_tiff_alone);
    tcase_add_test(t, without_zstandard_there_is_everything_but_that_tiff);
    tcase_add_loop_test(t, what_a_format_cannot_hold_is_refused_before_a_decode,
                        0, COUNT(refusals));
    tcase_add_loop_test(t, a_measured_size_is_remembered, 0, 2);
    tcase_add_loop_test(t, a_volume_has_an_affine_and_nothing_else_has, 0,
                        COUNT(place_cases));
    tcase_add_test(t, a_document_says_what_was_done_and_names_nobody);
    tcase_add_loop_test(t, a_document_says_why_there_are_no_pixels, 0,
                        COUNT(problem_cases));
    tcase_add_loop_test(t, a_document_says_which_frames_a_page_is_made_of, 0,
                        COUNT(map_cases));
    tcase_add_test(t, documents_of_views_that_list_otherwise_differ);
    tcase_add_test(t, a_shape_is_that_of_the_listed_format);
    suite_add_tcase(s, t);
    return check_main(s);
}
