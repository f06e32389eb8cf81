// SPDX-License-Identifier: MIT
/* fs/nii: header fields by offset, sizes, refusals, affines and their steps. */
#undef NDEBUG
#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nii/nii.h"
#include "support/check_main.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- reading a header back ---------------------------------------------- */

struct header {
    uint8_t bytes[NII_DATA_OFFSET];
};

static struct header header_of(const struct nii_spec *spec)
{
    struct nii_layout layout;
    struct header header;
    struct error err = ERROR_INIT;

    ck_assert_msg(nii_layout_init(spec, &layout, &err) == 0, "%s", err.msg);
    ck_assert_uint_eq(layout.data_offset, NII_DATA_OFFSET);
    nii_layout_header_read(&layout, 0, sizeof header.bytes, header.bytes);
    return header;
}

static int int16_at(const struct header *h, size_t at)
{
    return (int16_t)(h->bytes[at] | h->bytes[at + 1] << 8);
}

static uint32_t word_at(const struct header *h, size_t at)
{
    return (uint32_t)int16_at(h, at) % 65536 |
           (uint32_t)int16_at(h, at + 2) % 65536 << 16;
}

static double float_at(const struct header *h, size_t at)
{
    uint32_t bits = word_at(h, at);
    float value;

    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static struct nii_spec plain(uint32_t pages, uint32_t width, uint32_t height,
                             enum sample_type type)
{
    return (struct nii_spec){.pages = pages,
                             .width = width,
                             .height = height,
                             .channels = 1,
                             .type = type,
                             .software = "prepfs engine 1"};
}

/* ---- header ------------------------------------------------------------- */

static const struct {
    enum sample_type type;
    uint32_t channels;
    int datatype, bitpix;
} types[] = {
    {SAMPLE_U8, 1, 2, 8},     {SAMPLE_I16, 1, 4, 16},   {SAMPLE_I32, 1, 8, 32},
    {SAMPLE_F32, 1, 16, 32},  {SAMPLE_F64, 1, 64, 64},  {SAMPLE_U8, 3, 128, 24},
    {SAMPLE_U16, 1, 512, 16}, {SAMPLE_U32, 1, 768, 32},
};

START_TEST(fixed_fields_are_those_of_the_standard)
{
    struct nii_spec spec = plain(28, 512, 384, types[_i].type);
    struct nii_layout layout;
    struct error err = ERROR_INIT;
    struct header h;

    spec.channels = types[_i].channels;
    h = header_of(&spec);
    ck_assert_uint_eq(word_at(&h, 0), 348);
    ck_assert_uint_eq(h.bytes[38], 'r');
    ck_assert_mem_eq(h.bytes + 344, "n+1\0", 4);
    ck_assert_mem_eq(h.bytes + 348, "\0\0\0\0", 4);
    ck_assert_int_eq(int16_at(&h, 70), types[_i].datatype);
    ck_assert_int_eq(int16_at(&h, 72), types[_i].bitpix);
    ck_assert(float_at(&h, 108) == 4096);
    ck_assert(float_at(&h, 112) == 1); /* scl_slope */
    ck_assert(float_at(&h, 116) == 0);
    ck_assert_str_eq((const char *)h.bytes + 148, "prepfs engine 1");
    ck_assert_int_eq(nii_layout_init(&spec, &layout, &err), 0);
    ck_assert_uint_eq(layout.size, 4096 + UINT64_C(28) * 512 * 384 *
                                              (unsigned)types[_i].bitpix / 8);
    ck_assert_uint_eq(layout.page_bytes * 28 + 4096, layout.size);
    ck_assert_uint_eq(layout.row_bytes * 384, layout.page_bytes);
}
END_TEST

static const struct {
    uint32_t pages;
    enum nii_pages axis;
    int dim[8];
} dims[] = {
    {1, NII_PAGES_SPACE, {3, 20, 10, 1, 1, 1, 1, 1}},
    {7, NII_PAGES_SPACE, {3, 20, 10, 7, 1, 1, 1, 1}},
    {7, NII_PAGES_TIME, {4, 20, 10, 1, 7, 1, 1, 1}},
    {32767, NII_PAGES_SPACE, {3, 20, 10, 32767, 1, 1, 1, 1}},
};

START_TEST(fastest_axis_is_first)
{
    struct nii_spec spec = plain(dims[_i].pages, 20, 10, SAMPLE_U8);
    struct header h;

    spec.axis = dims[_i].axis;
    h = header_of(&spec);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(int16_at(&h, 40 + 2 * i), dims[_i].dim[i]);
}
END_TEST

static const struct {
    struct nii_spec spec;
    enum error_kind kind;
} refused[] = {
    {{.pages = 0, .width = 1, .height = 1, .channels = 1}, ERROR_INTERNAL},
    {{.pages = 1, .width = 0, .height = 1, .channels = 1}, ERROR_INTERNAL},
    {{.pages = 1, .width = 1, .height = 0, .channels = 1}, ERROR_INTERNAL},
    {{.pages = 1, .width = 1, .height = 1, .channels = 2}, ERROR_INTERNAL},
    {{.pages = 1,
      .width = 1,
      .height = 1,
      .channels = 1,
      .type = (enum sample_type)77},
     ERROR_INTERNAL},
    {{.pages = 32768, .width = 1, .height = 1, .channels = 1},
     ERROR_UNSUPPORTED},
    {{.pages = 1, .width = 32768, .height = 1, .channels = 1},
     ERROR_UNSUPPORTED},
    {{.pages = 1, .width = 1, .height = 32768, .channels = 1},
     ERROR_UNSUPPORTED},
    {{.pages = 1, .width = 1, .height = 1, .channels = 3, .type = SAMPLE_U16},
     ERROR_UNSUPPORTED},
    {{.pages = 1, .width = 1, .height = 1, .channels = 1, .type = SAMPLE_F16},
     ERROR_UNSUPPORTED},
};

START_TEST(what_nifti_cannot_hold_is_refused)
{
    struct nii_layout layout;
    struct error err = ERROR_INIT;

    ck_assert_int_eq(nii_layout_init(&refused[_i].spec, &layout, &err), -1);
    ck_assert_int_eq(err.kind, refused[_i].kind);
    ck_assert_uint_gt(strlen(err.msg), 0);
}
END_TEST

START_TEST(any_range_of_the_header_is_the_same)
{
    struct nii_spec spec = plain(3, 20, 10, SAMPLE_U16);
    struct header whole;
    struct nii_layout layout;
    struct error err = ERROR_INIT;
    uint8_t part[64];

    spec.has_affine = true;
    spec.affine =
        (struct affine){{{-1, 0, 0, 12}, {0, -1, 0, 13}, {0, 0, 2.5, -14}}};
    whole = header_of(&spec);
    ck_assert_int_eq(nii_layout_init(&spec, &layout, &err), 0);
    for (size_t at = 0; at <= NII_DATA_OFFSET; at++) {
        size_t n =
            at % 61 < NII_DATA_OFFSET - at ? at % 61 : NII_DATA_OFFSET - at;

        part[n] = 0x5a;
        nii_layout_header_read(&layout, at, n, part);
        ck_assert_mem_eq(part, whole.bytes + at, n);
        ck_assert_uint_eq(part[n], 0x5a);
    }
}
END_TEST

START_TEST(long_software_keeps_its_nul)
{
    char text[200];
    struct nii_spec spec = plain(1, 1, 1, SAMPLE_U8);
    struct header h;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    spec.software = text;
    h = header_of(&spec);
    ck_assert_uint_eq(strlen((const char *)h.bytes + 148), 79);
    spec.software = NULL;
    h = header_of(&spec);
    ck_assert_uint_eq(h.bytes[148], 0);
}
END_TEST

/* ---- geometry in the header --------------------------------------------- */

static const struct affine_source axial = {
    .orientation = {1, 0, 0, 0, 1, 0},
    .position = {-115.5, -58.25, 696.25},
    .spacing = {0.5, 0.25, 5},
};

START_TEST(axial_slices_are_lps)
{
    struct nii_spec spec = plain(3, 20, 10, SAMPLE_U16);
    struct header h;
    static const double srow[12] = {-0.5, 0,     0, 115.5, 0, -0.25,
                                    0,    58.25, 0, 0,     5, 696.25};

    spec.has_affine = affine_init(&axial, &spec.affine);
    ck_assert(spec.has_affine);
    h = header_of(&spec);
    ck_assert_int_eq(int16_at(&h, 252), 1);
    ck_assert_int_eq(int16_at(&h, 254), 1);
    ck_assert_uint_eq(h.bytes[123], 2); /* mm */
    for (size_t i = 0; i < COUNT(srow); i++)
        ck_assert(float_at(&h, 280 + 4 * i) == srow[i]);
    ck_assert(float_at(&h, 76) == 1); /* qfac */
    ck_assert(float_at(&h, 80) == 0.5);
    ck_assert(float_at(&h, 84) == 0.25);
    ck_assert(float_at(&h, 88) == 5);
    /* half a turn about z: (a, b, c, d) = (0, 0, 0, 1) */
    ck_assert(float_at(&h, 256) == 0);
    ck_assert(float_at(&h, 260) == 0);
    ck_assert(float_at(&h, 264) == 1);
    ck_assert(float_at(&h, 268) == 115.5);
    ck_assert(float_at(&h, 272) == 58.25);
    ck_assert(float_at(&h, 276) == 696.25);
}
END_TEST

START_TEST(pages_from_head_to_feet_mirror_the_page_axis)
{
    struct affine_source s = axial;
    struct nii_spec spec = plain(3, 20, 10, SAMPLE_U16);
    struct header h;

    s.step[2] = -5;
    spec.has_affine = affine_init(&s, &spec.affine);
    ck_assert(spec.has_affine);
    h = header_of(&spec);
    ck_assert(float_at(&h, 76) == -1);
    ck_assert(float_at(&h, 88) == 5); /* a length */
    ck_assert(float_at(&h, 280 + 4 * 10) == -5);
}
END_TEST

/* What nothing is known of is not made up: codes 0. */
START_TEST(unknown_geometry_has_codes_0)
{
    struct nii_spec spec = plain(3, 20, 10, SAMPLE_U16);
    struct header h;

    spec.spacing[0] = 0.5;
    spec.spacing[1] = 0.25;
    h = header_of(&spec);
    ck_assert_int_eq(int16_at(&h, 252), 0);
    ck_assert_int_eq(int16_at(&h, 254), 0);
    ck_assert_uint_eq(h.bytes[123], 2);
    ck_assert(float_at(&h, 76) == 1);
    ck_assert(float_at(&h, 80) == 0.5);
    ck_assert(float_at(&h, 84) == 0.25);
    ck_assert(float_at(&h, 88) == 1); /* not known */
    for (size_t at = 256; at < 328; at++)
        ck_assert_uint_eq(h.bytes[at], 0);
    spec.spacing[0] = NAN;
    h = header_of(&spec);
    ck_assert_uint_eq(h.bytes[123], 0);
    ck_assert(float_at(&h, 80) == 1 && float_at(&h, 84) == 1);
}
END_TEST

START_TEST(unusable_affine_counts_as_unknown)
{
    static const double bad[] = {NAN, INFINITY, -1e300, 0};

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct nii_spec spec = plain(3, 20, 10, SAMPLE_U16);
        struct header h;

        spec.has_affine = affine_init(&axial, &spec.affine);
        spec.affine.m[1][1] = bad[i]; /* 0: the row axis vanishes */
        h = header_of(&spec);
        ck_assert_int_eq(int16_at(&h, 252), 0);
        ck_assert_int_eq(int16_at(&h, 254), 0);
        ck_assert(float_at(&h, 80) == 1);
    }
}
END_TEST

START_TEST(cine_has_seconds)
{
    struct nii_spec spec = plain(30, 20, 10, SAMPLE_U8);
    struct header h;

    spec.axis = NII_PAGES_TIME;
    spec.seconds = 0.0625;
    h = header_of(&spec);
    ck_assert_uint_eq(h.bytes[123], 8);
    ck_assert(float_at(&h, 92) == 0.0625);
    spec.has_affine = affine_init(&axial, &spec.affine);
    h = header_of(&spec);
    ck_assert_uint_eq(h.bytes[123], 10);
    spec.seconds = 0;
    h = header_of(&spec);
    ck_assert_uint_eq(h.bytes[123], 2);
    ck_assert(float_at(&h, 92) == 0);
}
END_TEST

/* A rotation cannot say that a gantry was tilted: sform alone does. */
START_TEST(tilted_gantry_has_no_qform)
{
    struct affine_source s = {
        .orientation = {1, 0, 0, 0, 0.9483237, -0.3173047},
        .position = {-125, -123.5404569, 5.8360586},
        .spacing = {0.4882812, 0.4882812, 4},
        .step = {0, 0, 4.22},
    };
    struct nii_spec spec = plain(10, 512, 512, SAMPLE_I16);
    struct header h;

    spec.has_affine = affine_init(&s, &spec.affine);
    ck_assert(spec.has_affine);
    h = header_of(&spec);
    ck_assert_int_eq(int16_at(&h, 252), 0);
    ck_assert_int_eq(int16_at(&h, 254), 1);
    ck_assert(fabs(float_at(&h, 280 + 4 * 10) - 4.22) < 1e-6);
    ck_assert(fabs(float_at(&h, 280 + 4 * 6)) < 1e-6);
    ck_assert(fabs(float_at(&h, 88) - 4.22) < 1e-6);
}
END_TEST

/* ---- affine_init -------------------------------------------------------- */

static const struct {
    const char *what;
    struct affine_source source;
} unknown[] = {
    {"nothing", {{0}, {0}, {0}, {0}}},
    {"no spacing", {{1, 0, 0, 0, 1, 0}, {0}, {0, 0, 1}, {0}}},
    {"negative spacing", {{1, 0, 0, 0, 1, 0}, {0}, {1, -1, 1}, {0}}},
    {"nan spacing", {{1, 0, 0, 0, 1, 0}, {0}, {NAN, 1, 1}, {0}}},
    {"no way from page to page", {{1, 0, 0, 0, 1, 0}, {0}, {1, 1, 0}, {0}}},
    {"nan from page to page", {{1, 0, 0, 0, 1, 0}, {0}, {1, 1, NAN}, {0}}},
    {"nan position", {{1, 0, 0, 0, 1, 0}, {NAN, 0, 0}, {1, 1, 1}, {0}}},
    {"nan orientation", {{1, 0, 0, 0, NAN, 0}, {0}, {1, 1, 1}, {0}}},
    {"infinite orientation", {{1, 0, 0, 0, INFINITY, 0}, {0}, {1, 1, 1}, {0}}},
    {"zero orientation", {{0, 0, 0, 0, 1, 0}, {0}, {1, 1, 1}, {0}}},
    {"no unit vector", {{1, 0, 0, 0, 0.9, 0}, {0}, {1, 1, 1}, {0}}},
    {"row along column", {{1, 0, 0, 1, 0, 0}, {0}, {1, 1, 1}, {0}}},
    {"oblique angle", {{1, 0, 0, 0.1, 0.995, 0}, {0}, {1, 1, 1}, {0}}},
    {"pages within the plane",
     {{1, 0, 0, 0, 1, 0}, {0}, {1, 1, 1}, {3, 4, 0.1}}},
};

START_TEST(bad_geometry_is_no_geometry)
{
    struct affine a;

    ck_assert_msg(!affine_init(&unknown[_i].source, &a), "%s",
                  unknown[_i].what);
    for (unsigned i = 0; i < 12; i++)
        ck_assert(a.m[i / 4][i % 4] == (i / 4 == i % 4));
}
END_TEST

START_TEST(step_of_slices_is_their_mean)
{
    static const double first[3] = {1, 2, 3};
    static const double last[3] = {1, 12, -7};
    double step[3];

    affine_step_between(first, last, 11, step);
    ck_assert(step[0] == 0 && step[1] == 1 && step[2] == -1);
    affine_step_between(first, last, 1, step);
    ck_assert(step[0] == 0 && step[1] == 0 && step[2] == 0);
}
END_TEST

START_TEST(a_nan_step_falls_back_on_the_normal)
{
    struct affine_source s = axial;
    struct affine a;
    struct affine b;

    s.step[1] = NAN;
    ck_assert(affine_init(&s, &a));
    ck_assert(affine_init(&axial, &b));
    ck_assert_mem_eq(&a, &b, sizeof a);
}
END_TEST

/* ---- steps -------------------------------------------------------------- */

static void mm_of(const struct affine *a, double i, double j, double k,
                  double ret[3])
{
    for (unsigned n = 0; n < 3; n++)
        ret[n] = a->m[n][0] * i + a->m[n][1] * j + a->m[n][2] * k + a->m[n][3];
}

static void expect_same_place(const struct affine *a, double i, double j,
                              double k, const struct affine *b, double x,
                              double y, double z)
{
    double p[3];
    double q[3];

    mm_of(a, i, j, k, p);
    mm_of(b, x, y, z, q);
    for (unsigned n = 0; n < 3; n++)
        ck_assert_msg(fabs(p[n] - q[n]) < 1e-9, "%u: %.12g is not %.12g", n,
                      p[n], q[n]);
}

/* Oblique, so that no two numbers can be taken for one another. */
static struct affine oblique(void)
{
    static const struct affine_source s = {
        .orientation = {0.8, 0.6, 0, -0.48, 0.64, 0.6},
        .position = {10, 20, 30},
        .spacing = {0.7, 0.9, 2.5},
    };
    struct affine a;

    ck_assert(affine_init(&s, &a));
    return a;
}

START_TEST(crop_and_pad_move_the_origin)
{
    struct affine a = oblique();
    struct affine b = a;

    affine_walk(&b, AFFINE_COLUMN, 13, 1);
    affine_walk(&b, AFFINE_ROW, -4, 1);
    affine_walk(&b, AFFINE_PAGE, 2, 3);
    expect_same_place(&b, 5, 6, 7, &a, 18, 2, 23);
}
END_TEST

/* 10 pixels become 4: the outer edges, half a pixel beyond the centres, stay.
 */
START_TEST(resize_keeps_the_edges)
{
    struct affine a = oblique();
    struct affine b = a;
    double spacing[3];

    affine_resize(&b, AFFINE_COLUMN, 10, 4);
    affine_resize(&b, AFFINE_ROW, 8, 16);
    expect_same_place(&b, -0.5, -0.5, 0, &a, -0.5, -0.5, 0);
    expect_same_place(&b, 3.5, 15.5, 3, &a, 9.5, 7.5, 3);
    affine_spacing(&b, spacing);
    ck_assert(fabs(spacing[0] - 1.75) < 1e-12);
    ck_assert(fabs(spacing[1] - 0.45) < 1e-12);
    ck_assert(fabs(spacing[2] - 2.5) < 1e-12);
}
END_TEST

START_TEST(interpolation_keeps_the_ends)
{
    struct affine a = oblique();
    struct affine b = a;

    affine_interpolate(&b, AFFINE_PAGE, 10, 19);
    expect_same_place(&b, 1, 2, 0, &a, 1, 2, 0);
    expect_same_place(&b, 1, 2, 18, &a, 1, 2, 9);
    expect_same_place(&b, 1, 2, 1, &a, 1, 2, 0.5);
    b = a;
    affine_interpolate(&b, AFFINE_PAGE, 10, 1);
    expect_same_place(&b, 0, 0, 0, &a, 0, 0, 0);
}
END_TEST

START_TEST(flip_swaps_the_ends)
{
    struct affine a = oblique();
    struct affine b = a;

    affine_flip(&b, AFFINE_ROW, 100);
    expect_same_place(&b, 1, 0, 2, &a, 1, 99, 2);
    expect_same_place(&b, 1, 99, 2, &a, 1, 0, 2);
}
END_TEST

/* Clockwise: what was at the bottom left comes to the top left. */
START_TEST(turns_are_clockwise)
{
    struct affine a = oblique();
    struct affine b;

    b = a;
    affine_turn(&b, 20, 10, 1); /* now 10 wide, 20 high */
    expect_same_place(&b, 0, 0, 3, &a, 0, 9, 3);
    expect_same_place(&b, 9, 0, 3, &a, 0, 0, 3);
    expect_same_place(&b, 9, 19, 3, &a, 19, 0, 3);
    b = a;
    affine_turn(&b, 20, 10, 2);
    expect_same_place(&b, 0, 0, 3, &a, 19, 9, 3);
    b = a;
    affine_turn(&b, 20, 10, 3);
    expect_same_place(&b, 0, 0, 3, &a, 19, 0, 3);
    b = a;
    affine_turn(&b, 20, 10, 4);
    expect_same_place(&b, 5, 6, 3, &a, 5, 6, 3);
}
END_TEST

START_TEST(rotation_agrees_with_turns)
{
    struct affine a = oblique();
    struct affine b = a;
    struct affine c = a;

    affine_rotate(&b, 15, 15, 90);
    affine_turn(&c, 15, 15, 1);
    expect_same_place(&b, 3, 4, 5, &c, 3, 4, 5);
    b = a;
    affine_rotate(&b, 15, 11, 30); /* the middle stays, mm too */
    expect_same_place(&b, 7, 5, 5, &a, 7, 5, 5);
    affine_rotate(&b, 15, 11, -30);
    expect_same_place(&b, 3, 4, 5, &a, 3, 4, 5);
}
END_TEST

START_TEST(view_is_its_steps_in_order)
{
    struct affine a = oblique();
    struct affine b = a;
    struct affine c = a;
    const struct affine_view view = {
        .width = 512,
        .height = 400,
        .pages = 9,
        .pick_first = 3,
        .pick_step = 2,
        .flip_h = true,
        .flip_z = true,
        .turns = 1,
        .vol_first = 1.5,
        .vol_step = 4,
        .crop = {10, 20, 1},
        .from = {300, 200, 0},
        .to = {150, 50, 0},
        .cut = {0, 3, 0},
        .pad = {7, 0, 0},
        .patch = {32, 16, 1},
    };

    affine_apply(&b, &view);
    affine_walk(&c, AFFINE_PAGE, 3, 2);
    affine_flip(&c, AFFINE_COLUMN, 512);
    affine_flip(&c, AFFINE_PAGE, 9);
    affine_turn(&c, 512, 400, 1);
    affine_walk(&c, AFFINE_PAGE, 1.5, 4);
    affine_walk(&c, AFFINE_COLUMN, 10, 1);
    affine_walk(&c, AFFINE_ROW, 20, 1);
    affine_walk(&c, AFFINE_PAGE, 1, 1);
    affine_resize(&c, AFFINE_COLUMN, 300, 150);
    affine_resize(&c, AFFINE_ROW, 200, 50);
    affine_walk(&c, AFFINE_ROW, 3, 1);
    affine_walk(&c, AFFINE_COLUMN, -7, 1);
    affine_walk(&c, AFFINE_COLUMN, 32, 1);
    affine_walk(&c, AFFINE_ROW, 16, 1);
    affine_walk(&c, AFFINE_PAGE, 1, 1);
    expect_same_place(&b, 0, 0, 0, &c, 0, 0, 0);
    expect_same_place(&b, 5, 6, 7, &c, 5, 6, 7);
    /* by hand: patch column 0 is 25 of the resized, 50.5 of the crop, 60.5 of
     * the turned; that is row 399 - 60.5 of the stored page */
    c = a;
    expect_same_place(&b, 0, 0, 0, &c, 511 - (20 + 4 * 19 + 1.5), 338.5,
                      3 + 2 * (8 - (1.5 + 4 * 2)));
}
END_TEST

/* The page is turned first, so its middle is that of the turned page. */
START_TEST(angle_after_turns)
{
    struct affine a = oblique();
    struct affine b = a;
    const struct affine_view view = {
        .width = 21, .height = 11, .pages = 1, .turns = 1, .degrees = 30};

    affine_apply(&b, &view);
    expect_same_place(&b, 5, 10, 0, &a, 10, 5, 0);
    affine_turn(&a, 21, 11, 1);
    affine_rotate(&a, 11, 21, 30);
    expect_same_place(&b, 1, 2, 0, &a, 1, 2, 0);
}
END_TEST

START_TEST(no_step_changes_nothing)
{
    struct affine a = oblique();
    struct affine b = a;
    const struct affine_view view = {.width = 5, .height = 6, .pages = 7};

    affine_apply(&b, &view);
    ck_assert_mem_eq(&a, &b, sizeof a);
}
END_TEST

/* ---- quaternions -------------------------------------------------------- */

/* NIfTI-1, method 2. */
static void matrix_of(const double q[4], double qfac, double r[3][3])
{
    double a = q[0], b = q[1], c = q[2], d = q[3];
    const double m[3][3] = {
        {a * a + b * b - c * c - d * d, 2 * (b * c - a * d),
         qfac * 2 * (b * d + a * c)},
        {2 * (b * c + a * d), a * a + c * c - b * b - d * d,
         qfac * 2 * (c * d - a * b)},
        {2 * (b * d - a * c), 2 * (c * d + a * b),
         qfac * (a * a + d * d - c * c - b * b)},
    };

    memcpy(r, m, sizeof m);
}

/* All 48 ways to lay three axes, and an oblique one in each. */
START_TEST(quaternion_is_the_rotation)
{
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct affine base =
        _i < 48 ? (struct affine){{{2, 0, 0, 1}, {0, 3, 0, 2}, {0, 0, 4, 3}}}
                : oblique();
    struct affine a;
    double q[4];
    double qfac;
    double spacing[3];
    double r[3][3];

    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            a.m[i][j] =
                base.m[i][orders[_i % 6][j]] * (_i / 6 % 8 >> j & 1 ? -1 : 1);
        a.m[i][3] = base.m[i][3];
    }
    ck_assert(affine_is_orthogonal(&a));
    affine_quaternion(&a, q, &qfac);
    affine_spacing(&a, spacing);
    ck_assert(q[0] >= 0);
    ck_assert(fabs(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3] - 1) <
              1e-12);
    matrix_of(q, qfac, r);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            ck_assert_msg(fabs(r[i][j] * spacing[j] - a.m[i][j]) < 1e-12,
                          "%d: [%u][%u]", _i, i, j);
    }
}
END_TEST

/* Rounded cosines make axes that are not quite at right angles. The nearest
 * rotation R of A is the one for which R'A is symmetric: no axis is preferred.
 */
START_TEST(nearly_orthogonal_axes_have_the_nearest_rotation)
{
    struct affine_source s = {
        .orientation = {0.707, 0.707, 0, 0.005, 0, -1},
        .position = {0, 0, 0},
        .spacing = {1, 1, 1},
    };
    struct affine a;
    double q[4];
    double qfac;
    double r[3][3];
    double product[3][3] = {{0}};

    ck_assert(affine_init(&s, &a));
    ck_assert(affine_is_orthogonal(&a));
    affine_quaternion(&a, q, &qfac);
    matrix_of(q, qfac, r);
    for (unsigned i = 0; i < 9; i++) {
        ck_assert(fabs(r[i / 3][i % 3] - a.m[i / 3][i % 3]) < 5e-3);
        for (unsigned k = 0; k < 3; k++)
            product[i / 3][i % 3] += r[k][i / 3] * a.m[k][i % 3];
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert(fabs(product[i][(i + 1) % 3] - product[(i + 1) % 3][i]) <
                  1e-12);
    ck_assert(fabs(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3] - 1) <
              1e-12);
}
END_TEST

START_TEST(an_axis_of_no_length_is_at_no_angle)
{
    struct affine a = oblique();

    for (unsigned i = 0; i < 3; i++)
        a.m[i][_i] = 0;
    ck_assert(!affine_is_orthogonal(&a));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nii");
    TCase *layout = tcase_create("layout");
    TCase *geometry = tcase_create("geometry");
    TCase *steps = tcase_create("steps");

    tcase_add_loop_test(layout, fixed_fields_are_those_of_the_standard, 0,
                        (int)COUNT(types));
    tcase_add_loop_test(layout, fastest_axis_is_first, 0, (int)COUNT(dims));
    tcase_add_loop_test(layout, what_nifti_cannot_hold_is_refused, 0,
                        (int)COUNT(refused));
    tcase_add_test(layout, any_range_of_the_header_is_the_same);
    tcase_add_test(layout, long_software_keeps_its_nul);
    tcase_add_test(geometry, axial_slices_are_lps);
    tcase_add_test(geometry, pages_from_head_to_feet_mirror_the_page_axis);
    tcase_add_test(geometry, unknown_geometry_has_codes_0);
    tcase_add_test(geometry, unusable_affine_counts_as_unknown);
    tcase_add_test(geometry, cine_has_seconds);
    tcase_add_test(geometry, tilted_gantry_has_no_qform);
    tcase_add_loop_test(geometry, bad_geometry_is_no_geometry, 0,
                        (int)COUNT(unknown));
    tcase_add_test(geometry, step_of_slices_is_their_mean);
    tcase_add_test(geometry, a_nan_step_falls_back_on_the_normal);
    tcase_add_loop_test(geometry, quaternion_is_the_rotation, 0, 96);
    tcase_add_test(geometry, nearly_orthogonal_axes_have_the_nearest_rotation);
    tcase_add_loop_test(geometry, an_axis_of_no_length_is_at_no_angle, 0, 3);
    tcase_add_test(steps, crop_and_pad_move_the_origin);
    tcase_add_test(steps, resize_keeps_the_edges);
    tcase_add_test(steps, interpolation_keeps_the_ends);
    tcase_add_test(steps, flip_swaps_the_ends);
    tcase_add_test(steps, turns_are_clockwise);
    tcase_add_test(steps, rotation_agrees_with_turns);
    tcase_add_test(steps, view_is_its_steps_in_order);
    tcase_add_test(steps, angle_after_turns);
    tcase_add_test(steps, no_step_changes_nothing);
    suite_add_tcase(suite, layout);
    suite_add_tcase(suite, geometry);
    suite_add_tcase(suite, steps);
    return check_main(suite);
}
