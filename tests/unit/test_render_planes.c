// SPDX-License-Identifier: MIT
/*
 * test_render_planes.c: plane-cor and plane-sag: the voxels of a volume in
 * another order, whichever way it was scanned; what operators behind them
 * see; and how often frames are decoded for it.
 */
#undef NDEBUG
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- volumes ------------------------------------------------------------ */

/* How a volume lies in the patient (LPS): along a row, down a column, from
 * frame to frame. */
struct scan {
    double row[3], column[3], step[3];
    bool turned; /* stored upside down (tomosynthesis) */
};

static const struct scan scans[] = {
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 2}, false},  /* axial, to the head */
    {{1, 0, 0}, {0, 1, 0}, {0, 0, -2}, false}, /* axial, to the feet */
    {{-1, 0, 0}, {0, -1, 0}, {0, 0, 2}, false},
    {{0, 1, 0}, {1, 0, 0}, {0, 0, 2}, false},  /* rows run to the back */
    {{0, 1, 0}, {0, 0, -1}, {2, 0, 0}, false}, /* sagittal */
    {{0, -1, 0}, {0, 0, 1}, {-2, 0, 0}, false},
    {{1, 0, 0}, {0, 0, -1}, {0, 2, 0}, false}, /* coronal */
    {{0, 0, -1}, {-1, 0, 0}, {0, -2, 0}, false},
    {{0.96, 0.28, 0}, {-0.28, 0.96, 0}, {0, 0.1, 2}, false}, /* oblique */
    {{0.28, 0.96, 0}, {0, 0, -1}, {0.3, -0.1, 0}, false},
    /* turned before it is cut, so that it is where it would be without */
    {{1, 0, 0}, {0, 1, 0}, {0, 0, 2}, true},
    {{0, 1, 0}, {0, 0, -1}, {-2, 0, 0}, true},
};

enum { SCANS = sizeof scans / sizeof scans[0] };

static const struct scan *scan; /* of the file that is being written */

static void add_places(const struct image_file *f, struct build *b)
{
    struct places p = {.first = {-30, -23, -16}};

    memcpy(p.row, scan->row, sizeof p.row);
    memcpy(p.column, scan->column, sizeof p.column);
    memcpy(p.step, scan->step, sizeof p.step);
    places_add(b, &p, f->frames);
}

/* 23 columns, 17 rows, 7 frames. */
static struct image_file volume(const struct scan *s)
{
    struct image_file f = IMAGE_FILE_INIT;

    f.cols = 23;
    f.rows = 17;
    f.frames = 7;
    f.spacing = "0.5\\0.8"; /* row distance, column distance */
    f.value = image_file_noise;
    f.add_late = add_places;
    if (s->turned) {
        f.sop_class = "1.2.840.10008.5.1.4.1.1.13.1.3";
        f.add_early = image_file_add_cc;
        f.add_middle = image_file_add_turned;
    }
    scan = s;
    return f;
}

static struct leaf leaf_of(const char *view, const struct image_file *f,
                           enum leaf_kind kind)
{
    return engine_part(&engine, view, f->sop, 0, kind);
}

struct array {
    uint8_t *data;
    const uint16_t *v;
    uint32_t n[3]; /* columns, rows, pages */
};

/* A grey u16 .npy. */
static struct array load(const char *view, const struct image_file *f)
{
    struct leaf leaf = leaf_of(view, f, LEAF_NPY);
    struct array a = {.n = {0, 0, 1}};
    const char *shape;
    unsigned n[3];
    size_t size;

    a.data = engine_bytes(&engine, &leaf, &size);
    a.v = (const uint16_t *)(const void *)(a.data + 4096);
    shape = strstr((const char *)a.data + 10, "'shape': (");
    ck_assert_ptr_nonnull(shape);
    if (sscanf(shape, "'shape': (%u, %u, %u)", &n[0], &n[1], &n[2]) == 3) {
        a.n[0] = n[2];
        a.n[1] = n[1];
        a.n[2] = n[0];
    } else {
        ck_assert_int_eq(sscanf(shape, "'shape': (%u, %u)", &n[0], &n[1]), 2);
        a.n[0] = n[1];
        a.n[1] = n[0];
    }
    ck_assert_uint_eq(size, 4096 + 2 * (size_t)a.n[0] * a.n[1] * a.n[2]);
    return a;
}

static uint16_t at(const struct array *a, uint32_t x, uint32_t y, uint32_t z)
{
    return a->v[((size_t)z * a->n[1] + y) * a->n[0] + x];
}

/* ---- the voxels --------------------------------------------------------- */

/* Of the three axes of the volume the one that is nearest to that of the
 * patient, and whether it points the other way: what plane.h promises, for
 * volumes that are not far from straight. */
static unsigned axis_along(const struct scan *s, unsigned patient, int sign,
                           bool *ret_reversed)
{
    const double *axes[3] = {s->row, s->column, s->step};
    unsigned best = 0;
    double most = -1;

    for (unsigned a = 0; a < 3; a++) {
        double length = sqrt(axes[a][0] * axes[a][0] + axes[a][1] * axes[a][1] +
                             axes[a][2] * axes[a][2]);
        double c = fabs(axes[a][patient]) / length;

        if (c > most) {
            most = c;
            best = a;
        }
    }
    *ret_reversed = axes[best][patient] * sign < 0;
    return best;
}

/* Left-right, front-back, feet-head, as the manual has them for each plane:
 * patient axis and direction of across, down, pages. */
static const struct {
    const char *view;
    unsigned patient[3];
    int sign[3];
} kinds[] = {
    {"raw_plane-cor", {0, 2, 1}, {1, -1, 1}},
    {"raw_plane-sag", {1, 2, 0}, {1, -1, 1}},
};

static void check_voxels(const struct image_file *f, unsigned kind,
                         const struct scan *s)
{
    struct array a = load(kinds[kind].view, f);
    const uint32_t n[3] = {f->cols, f->rows, f->frames};
    unsigned source[3];
    bool reversed[3];

    for (unsigned i = 0; i < 3; i++) {
        source[i] = axis_along(s, kinds[kind].patient[i], kinds[kind].sign[i],
                               &reversed[i]);
        ck_assert_uint_eq(a.n[i], n[source[i]]);
    }
    for (uint32_t z = 0; z < a.n[2]; z++)
        for (uint32_t y = 0; y < a.n[1]; y++)
            for (uint32_t x = 0; x < a.n[0]; x++) {
                const uint32_t index[3] = {x, y, z};
                uint32_t from[3];

                for (unsigned i = 0; i < 3; i++)
                    from[source[i]] =
                        reversed[i] ? n[source[i]] - 1 - index[i] : index[i];
                ck_assert_msg(
                    at(&a, x, y, z) == (uint16_t)image_file_stored(
                                           f, from[2], from[0], from[1], 0),
                    "%s: pixel %u %u of page %u", kinds[kind].view, x, y, z);
            }
    free(a.data);
}

START_TEST(a_plane_shows_the_patient_upright)
{
    struct image_file f = volume(&scans[_i % SCANS]);

    f.codec = _i % 3 ? DECODE_NATIVE_LE : DECODE_RLE;
    engine_put(&engine, &f);
    engine_start(&engine);
    check_voxels(&f, (unsigned)_i / SCANS, &scans[_i % SCANS]);
}
END_TEST

/* The affine of the planes puts every voxel where the source has it. */
START_TEST(the_affine_goes_along)
{
    const struct scan *s = &scans[_i % SCANS];
    struct image_file f = volume(s);
    struct leaf leaf;
    double m[3][4];
    struct array a;
    size_t size;
    uint8_t *nii;

    engine_put(&engine, &f);
    engine_start(&engine);
    a = load(kinds[_i / SCANS].view, &f);
    leaf = leaf_of(kinds[_i / SCANS].view, &f, LEAF_NII);
    nii = engine_bytes(&engine, &leaf, &size);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 4; k++) {
            float v;

            memcpy(&v, nii + 280 + 16 * i + 4 * k, sizeof v); /* srow */
            m[i][k] = (double)v;
        }
    for (uint32_t z = 0; z < a.n[2]; z += 3)
        for (uint32_t y = 0; y < a.n[1]; y += 3)
            for (uint32_t x = 0; x < a.n[0]; x += 3) {
                double lps[3], d[3];
                uint32_t best[3] = {0, 0, 0};

                for (unsigned i = 0; i < 3; i++) {
                    lps[i] = m[i][0] * x + m[i][1] * y + m[i][2] * z + m[i][3];
                    if (i < 2)
                        lps[i] = -lps[i];
                    d[i] = lps[i] - (-30 + 7.0 * i);
                }
                /* back to the voxel of the source, whose axes are nearly at
                 * right angles: by trying all of them near the solution */
                for (uint32_t k = 0; k < f.frames; k++)
                    for (uint32_t r = 0; r < f.rows; r++)
                        for (uint32_t c = 0; c < f.cols; c++) {
                            double e = 0;

                            for (unsigned i = 0; i < 3; i++)
                                e += fabs(c * 0.8 * s->row[i] +
                                          r * 0.5 * s->column[i] +
                                          k * s->step[i] - d[i]);
                            if (e < 1e-3) {
                                best[0] = c;
                                best[1] = r;
                                best[2] = k + 1;
                            }
                        }
                ck_assert_msg(best[2] > 0, "voxel %u %u %u is nowhere", x, y,
                              z);
                ck_assert_uint_eq(at(&a, x, y, z),
                                  (uint16_t)image_file_stored(
                                      &f, best[2] - 1, best[0], best[1], 0));
            }
    free(nii);
    free(a.data);
}
END_TEST

/* ---- what comes behind -------------------------------------------------- */

START_TEST(operators_see_planes)
{
    struct image_file f = volume(&scans[0]);
    struct array all, got;

    engine_put(&engine, &f);
    engine_start(&engine);
    all = load("raw_plane-cor", &f); /* 23 x 7, 17 pages */
    got = load("raw_plane-cor_flip-hz_rot-90", &f);
    ck_assert_uint_eq(got.n[0], 7);
    ck_assert_uint_eq(got.n[1], 23);
    for (uint32_t z = 0; z < 17; z++)
        for (uint32_t y = 0; y < 23; y++)
            for (uint32_t x = 0; x < 7; x++) /* clockwise: y' = x, x' = 6 - y */
                ck_assert_uint_eq(at(&got, x, y, z),
                                  at(&all, 22 - y, 6 - x, 16 - z));
    free(got.data);
    got = load("raw_plane-cor_slab-max-d3-s2", &f);
    ck_assert_uint_eq(got.n[2], 8);
    for (uint32_t z = 0; z < 8; z++)
        for (uint32_t y = 0; y < 7; y++)
            for (uint32_t x = 0; x < 23; x++) {
                uint16_t most = 0;

                for (uint32_t d = 0; d < 3; d++)
                    if (at(&all, x, y, 2 * z + d) > most)
                        most = at(&all, x, y, 2 * z + d);
                ck_assert_uint_eq(at(&got, x, y, z), most);
            }
    free(got.data);
    got = load("raw_plane-cor_box-5x4x3at10x2x8", &f);
    ck_assert_uint_eq(got.n[2], 3);
    for (uint32_t z = 0; z < 3; z++)
        for (uint32_t y = 0; y < 4; y++)
            for (uint32_t x = 0; x < 5; x++)
                ck_assert_uint_eq(at(&got, x, y, z),
                                  at(&all, 10 + x, 2 + y, 8 + z));
    free(got.data);
    got = load("raw_plane-cor_vol-central", &f);
    ck_assert_mem_eq(got.v, all.v + 8 * 7 * 23, 2 * 7 * 23);
    free(got.data);
    free(all.data);
    /* frames are picked before they are cut: frames 2, 4, 6 */
    all = load("raw", &f);
    got = load("raw_pick-2to6by2_plane-sag", &f);
    ck_assert_uint_eq(got.n[0], 17);
    ck_assert_uint_eq(got.n[1], 3);
    ck_assert_uint_eq(got.n[2], 23);
    for (uint32_t z = 0; z < 23; z++)
        for (uint32_t y = 0; y < 3; y++)
            for (uint32_t x = 0; x < 17; x++)
                ck_assert_uint_eq(at(&got, x, y, z), at(&all, z, x, 5 - 2 * y));
    free(got.data);
    free(all.data);
}
END_TEST

/* Frames are 2 mm apart, rows 0.5, columns 0.8. */
START_TEST(spacing_is_that_of_the_planes)
{
    struct image_file f = volume(&scans[0]);
    struct array got;

    engine_put(&engine, &f);
    engine_start(&engine);
    got = load("plane-cor_spacing-0.8x1x1", &f);
    ck_assert_uint_eq(got.n[0], 23);
    ck_assert_uint_eq(got.n[1], 14);
    ck_assert_uint_eq(got.n[2], 9); /* 8 mm */
    free(got.data);
    got = load("plane-sag_rot-90_spacing-1x1", &f);
    ck_assert_uint_eq(got.n[0], 14); /* turned: frames run across */
    ck_assert_uint_eq(got.n[1], 9);  /* round(17 * 0.5) */
    ck_assert_uint_eq(got.n[2], 23);
    free(got.data);
}
END_TEST

static void add_padding(const struct image_file *f, struct build *b)
{
    add_places(f, b);
}

static double with_padding(const struct image_file *f, uint32_t frame,
                           uint32_t x, uint32_t y, uint32_t channel)
{
    (void)channel;
    if (x < 4 || frame == 6)
        return 4000; /* PixelPaddingValue */
    return frame * 100 + x + y + f->seed;
}

/* Padding is found again in planes: it is in no statistics and no box. */
START_TEST(padding_is_known_in_planes)
{
    struct image_file f = volume(&scans[0]);
    struct array got;
    struct leaf leaf;
    uint8_t *data;
    size_t size;
    float v[2];

    f.padding = "4000";
    f.value = with_padding;
    f.add_late = add_padding;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("raw_plane-cor_norm-unit", &f, LEAF_NPY);
    data = engine_bytes(&engine, &leaf, &size);
    /* page 0 is row 0; its top row is frame 6 (padding), then frame 5 */
    memcpy(v, data + 4096 + 4 * (23 + 4), sizeof v);
    ck_assert_float_eq(v[0], (float)(500.0 / (522 + 16 - 4)));
    memcpy(v, data + 4096 + 4 * (6 * 23 + 4), sizeof v); /* frame 0, x = 4 */
    ck_assert_float_eq(v[0], 0.0f);
    free(data);
    got = load("plane-cor_crop", &f);
    ck_assert_uint_eq(got.n[0], 19);
    ck_assert_uint_eq(got.n[1], 6);
    free(got.data);
}
END_TEST

START_TEST(colour_is_cut_too)
{
    struct image_file f = volume(&scans[0]);
    struct leaf leaf;
    uint8_t *data;
    size_t size;

    f.samples = 3;
    f.photometric = "RGB";
    image_file_bits(&f, 8, 8);
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("plane-sag", &f, LEAF_NPY);
    data = engine_bytes(&engine, &leaf, &size);
    ck_assert_uint_eq(size, 4096 + 3 * 17 * 7 * 23);
    for (uint32_t c = 0; c < 3; c++) /* page 5, row of frame 6 - 2, column 9 */
        ck_assert_double_eq(data[4096 + ((5 * 7 + 2) * 17 + 9) * 3 + c],
                            image_file_stored(&f, 4, 5, 9, c));
    free(data);
}
END_TEST

/* ---- what cannot be cut ------------------------------------------------- */

START_TEST(without_directions_there_is_no_plane)
{
    static const struct scan one_place = {
        {1, 0, 0}, {0, 1, 0}, {0, 0, 0}, false};
    struct image_file f = volume(&one_place);
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;

    if (_i == 0)
        f.add_late = NULL;
    engine_put(&engine, &f);
    engine_start(&engine);
    for (int kind = LEAF_TIFF; kind < LEAF_JSON; kind++) {
        leaf = leaf_of("plane-cor", &f, (enum leaf_kind)kind);
        ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                         ERROR_UNSUPPORTED);
        ck_assert_msg(strstr(err.msg, _i == 0 ? "orientation" : "one place"),
                      "%s", err.msg);
        ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_UNSUPPORTED);
    }
    leaf = leaf_of("plane-cor", &f, LEAF_JSON);
    ck_assert_int_eq(engine_try(&engine, &leaf, &err), ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(one_frame_is_a_thin_volume)
{
    struct image_file f = volume(&scans[0]);
    struct array got;

    f.frames = 1;
    engine_put(&engine, &f);
    engine_start(&engine);
    got = load("raw_plane-cor", &f);
    ck_assert_uint_eq(got.n[0], 23);
    ck_assert_uint_eq(got.n[1], 1);
    ck_assert_uint_eq(got.n[2], 17);
    for (uint32_t y = 0; y < 17; y++)
        ck_assert_uint_eq(at(&got, 3, 0, y),
                          (uint16_t)image_file_stored(&f, 0, 3, y, 0));
    free(got.data);
}
END_TEST

START_TEST(several_pages_are_no_png)
{
    struct image_file f = volume(&scans[0]);
    struct error err = ERROR_INIT;
    struct leaf leaf;
    uint64_t size;
    size_t n;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("u8_plane-cor", &f, LEAF_PNG);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err),
                     ERROR_UNSUPPORTED);
    ck_assert_msg(strstr(err.msg, "one page"), "%s", err.msg);
    leaf = leaf_of("u8_plane-cor_vol-mip", &f, LEAF_PNG);
    free(engine_bytes(&engine, &leaf, &n));
}
END_TEST

/* ---- sizes -------------------------------------------------------------- */

START_TEST(sizes_need_the_header_and_no_pixel)
{
    static const char *const views[] = {"plane-cor", "plane-sag_size-20x20",
                                        "plane-cor_canvas-9x9x9",
                                        "plane-cor_slab-max-d3_u8"};
    struct image_file f = volume(&scans[0]);
    struct leaf_attr attr;
    struct leaf leaf;
    struct error err = ERROR_INIT;
    uint64_t size;

    f.center = "100";
    f.width = "200";
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of(views[_i], &f, LEAF_NPY);
    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 1);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, &err), ERROR_NONE);
    /* but the padding of size, which is judged on pixels */
    ck_assert_uint_eq(engine_decoded(&engine), _i == 1 ? 7 : 0);
    engine_restart(&engine);
    leaf = leaf_of(views[_i], &f, LEAF_NPY);
    ck_assert_int_eq(
        render_attr(engine.render, &leaf, NULL, false, &attr, &err), 0);
    ck_assert_uint_eq(attr.size, size);
}
END_TEST

/* ---- what it costs ------------------------------------------------------ */

static void read_pages(const struct leaf *leaf, uint64_t size)
{
    uint8_t *data = malloc(size);
    size_t n;

    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(engine_read(&engine, leaf, 0, size, 5000, data, &n, NULL),
                     ERROR_NONE);
    ck_assert_uint_eq(n, size);
    free(data);
}

/* 12 frames of 64 x 60: a plane has 64 x 12 samples of 2 bytes. */
static struct image_file larger(void)
{
    struct image_file f = volume(&scans[0]);

    f.cols = 64;
    f.rows = 60;
    f.frames = 12;
    f.codec = DECODE_RLE;
    return f;
}

static const struct cost {
    uint64_t frame_bytes; /* of the renderer */
    const char *view;
    uint64_t passes; /* over the frames, at most */
} costs[] = {
    {4 << 20, "raw_plane-cor", 1},
    {4 << 20, "raw_plane-sag_slab-max-d8-s4", 1},
    {4 << 20, "raw_plane-cor_crop", 1},
    {4 << 20, "raw_plane-cor_flip-z_rot-90_norm-z", 1},
    /* an eighth is 16 KiB: 10 planes in a batch, 6 batches */
    {128 << 10, "raw_plane-cor", 6},
    {128 << 10, "raw_plane-cor_flip-z", 6},
    /* slabs that lie across two batches find both */
    {128 << 10, "raw_plane-cor_slab-max-d8-s4", 6},
    {128 << 10, "hu_plane-cor", 12}, /* 4 bytes */
    {0, "raw_plane-cor", 60},
};

START_TEST(planes_are_made_in_passes)
{
    const struct cost *c = &costs[_i];
    struct image_file f = larger();
    struct leaf leaf;
    uint64_t size, decoded;

    engine.cache_bytes = 8 << 20;
    engine.config.frame_bytes = c->frame_bytes;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of(c->view, &f, LEAF_NPY);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
    read_pages(&leaf, size);
    decoded = engine_decoded(&engine);
    ck_assert_msg(decoded <= 12 * c->passes && decoded >= 12,
                  "%s with %llu: %llu frames decoded", c->view,
                  (unsigned long long)c->frame_bytes,
                  (unsigned long long)decoded);
    read_pages(&leaf, size); /* from the cache */
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

/* A volume that was scanned in this plane needs no pass: a page is a frame. */
START_TEST(the_plane_of_the_scan_costs_a_frame)
{
    struct image_file f = volume(&scans[4]); /* sagittal */
    struct leaf leaf;
    uint8_t page[2 * 23 * 17];
    uint64_t size;
    size_t n;

    f.codec = DECODE_RLE;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("raw_plane-sag", &f, LEAF_NPY);
    ck_assert_int_eq(engine_size(&engine, &leaf, &size, NULL), ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), 0);
    leaf = leaf_of("raw_plane-sag_vol-central", &f, LEAF_NPY);
    ck_assert_int_eq(engine_read(&engine, &leaf, 4096, sizeof page, sizeof page,
                                 page, &n, NULL),
                     ERROR_NONE);
    ck_assert_uint_eq(engine_decoded(&engine), 1);
}
END_TEST

START_TEST(views_share_planes)
{
    struct image_file f = larger();
    struct leaf leaf;
    size_t size;

    engine.config.frame_bytes = 640 << 10; /* 80 KiB of planes in a pass; the
                                            * frames alone would not fit */
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("raw_plane-cor", &f, LEAF_NPY);
    free(engine_bytes(&engine, &leaf, &size));
    (void)engine_decoded(&engine);
    leaf = leaf_of("raw_plane-cor_size-32x32_pad-center", &f, LEAF_NPY);
    free(engine_bytes(&engine, &leaf, &size));
    leaf = leaf_of("raw_plane-cor_rand-8x8x4-n1-seed1", &f, LEAF_TIFF);
    leaf.part = 1;
    free(engine_bytes(&engine, &leaf, &size));
    ck_assert_uint_eq(engine_decoded(&engine), 0);
}
END_TEST

START_TEST(a_frame_that_is_missing_is_missed_in_every_plane)
{
    struct image_file f = volume(&scans[0]);
    struct leaf leaf;

    f.codec = DECODE_RLE;
    f.corrupt_frame = 3;
    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("raw_plane-cor_pick-1to3", &f, LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, NULL), ERROR_NONE);
    leaf = leaf_of("raw_plane-cor_vol-central", &f, LEAF_NPY);
    ck_assert_int_eq(engine_try(&engine, &leaf, NULL), ERROR_CORRUPT);
}
END_TEST

/* ---- documents ---------------------------------------------------------- */

START_TEST(the_document_says_which_frames_a_page_has)
{
    struct image_file f = volume(&scans[4]); /* sagittal, to the left */
    struct leaf leaf;
    char *text;

    engine_put(&engine, &f);
    engine_start(&engine);
    leaf = leaf_of("plane-sag_flip-z", &f, LEAF_JSON);
    text = engine_text(&engine, &leaf);
    engine_has(text, "\"first\": [7, 6, 5, 4, 3, 2, 1]");
    engine_has(text, "\"last\": null");
    engine_has(text, "\"size_class\": \"I\"");
    free(text);
    leaf = leaf_of("plane-cor", &f, LEAF_JSON);
    text = engine_text(&engine, &leaf);
    engine_has(text, "\"first\": [1, 1, 1,");
    engine_has(text, "\"last\": [7, 7, 7,");
    engine_has(text, "\"oriented\": [7, 17]");
    /* across: frames of 2 mm; down: rows of 0.5; pages: columns of 0.8 */
    engine_has(text, "\"spacing\": [2, 0.5, 0.8]");
    free(text);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(a)[0])

int main(void)
{
    Suite *s = suite_create("planes");
    TCase *t = tcase_create("planes");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_plane_shows_the_patient_upright, 0, 2 * SCANS);
    tcase_add_loop_test(t, the_affine_goes_along, 0, 2 * SCANS);
    tcase_add_test(t, operators_see_planes);
    tcase_add_test(t, spacing_is_that_of_the_planes);
    tcase_add_test(t, padding_is_known_in_planes);
    tcase_add_test(t, colour_is_cut_too);
    tcase_add_loop_test(t, without_directions_there_is_no_plane, 0, 2);
    tcase_add_test(t, one_frame_is_a_thin_volume);
    tcase_add_test(t, several_pages_are_no_png);
    tcase_add_loop_test(t, sizes_need_the_header_and_no_pixel, 0, 4);
    tcase_add_loop_test(t, planes_are_made_in_passes, 0, COUNT(costs));
    tcase_add_test(t, the_plane_of_the_scan_costs_a_frame);
    tcase_add_test(t, views_share_planes);
    tcase_add_test(t, a_frame_that_is_missing_is_missed_in_every_plane);
    tcase_add_test(t, the_document_says_which_frames_a_page_has);
    suite_add_tcase(s, t);
    return check_main(s);
}
