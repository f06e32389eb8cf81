// SPDX-License-Identifier: MIT
/*
 * bench_image: how fast each operator of fs/image is on one core.
 *
 * MB/s of source samples, the best of several rounds, so that noise of the
 * machine only makes a number smaller. A mammogram: 2000 x 2500 pixels.
 * usage: bench_image [ROUNDS]
 */
#undef NDEBUG
#include "support/image_test.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "image/convert.h"
#include "image/crop.h"
#include "image/norm.h"
#include "image/orient.h"
#include "image/pad.h"
#include "image/plane.h"
#include "image/resize.h"
#include "image/resize_kernel.h"
#include "image/rot.h"
#include "image/stack_kernel.h"
#include "image/values.h"
#include "image/vol.h"

#define WIDTH 2000U
#define HEIGHT 2500U

static struct error err;
static int rounds = 7;

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void report(const char *what, const struct image *src, double best)
{
    double bytes = (double)image_row_bytes(src) * src->height;

    printf("%-44s %8.2f ms %8.0f MB/s\n", what, best * 1e3,
           bytes / best * 1e-6);
}

/* Runs the statement `rounds` times and reports the shortest. */
#define BENCH(what, src, statement)                                            \
    do {                                                                       \
        double best_ = INFINITY;                                               \
                                                                               \
        for (int round_ = 0; round_ < rounds; round_++) {                      \
            double start_ = now();                                             \
                                                                               \
            statement;                                                         \
            best_ = fmin(best_, now() - start_);                               \
        }                                                                      \
        report(what, src, best_);                                              \
    } while (0)

/* A dark frame with a bright, noisy ellipse: what a crop has to find. */
static struct image phantom(uint32_t width, uint32_t height, uint32_t channels,
                            enum sample_type type)
{
    struct image image;
    uint64_t seed = 1;
    double top = type == SAMPLE_U8 ? 255 : 4095;

    assert(image_alloc(width, height, channels, type, &image, &err) == 0);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t i = 0; i < width * channels; i++) {
            double dx = (double)i / (width * channels) - 0.3;
            double dy = (double)y / height - 0.5;
            double r = (double)(image_test_random(&seed) % 1000) / 1000;

            sample_set(image_row(&image, y), type, i,
                       dx * dx + dy * dy < 0.09 ? (0.2 + 0.8 * r) * top : 0);
        }
    }
    return image;
}

static struct image result(uint32_t width, uint32_t height, uint32_t channels,
                           enum sample_type type)
{
    struct image image;

    assert(image_alloc(width, height, channels, type, &image, &err) == 0);
    image_test_fill(&image, 0);
    return image;
}

static void bench_values(void)
{
    struct image src = phantom(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image u16 = result(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image f32 = result(WIDTH, HEIGHT, 1, SAMPLE_F32);
    struct image mask = result(WIDTH, HEIGHT, 1, SAMPLE_U8);
    struct values_table *table = values_table_new(&err);
    struct values_spec spec = VALUES_SPEC_INIT;
    struct values_extent extent = {0};

    assert(table);
    spec.voi = VALUES_VOI_WINDOW;
    spec.center = 2048;
    spec.width = 4096;
    spec.y_max = 65535;
    BENCH("values: window u16, table kept", &src,
          assert(values_apply(&spec, table, &src, &u16, &err) == 0));
    BENCH("values: window u16, table made anew", &src, {
        spec.center += 1;
        assert(values_apply(&spec, table, &src, &u16, &err) == 0);
    });
    BENCH("values: window u16, no table", &src,
          assert(values_apply(&spec, NULL, &src, &u16, &err) == 0));
    spec.output = VALUES_HU;
    BENCH("values: hu u16 -> f32", &src,
          assert(values_apply(&spec, table, &src, &f32, &err) == 0));
    BENCH("values: extent", &src, values_extent_add(&spec, &src, &extent));
    spec.has_padding = true;
    BENCH("values: extent without padding", &src,
          values_extent_add(&spec, &src, &extent));
    BENCH("values: padding mask", &src,
          assert(values_padding_mask(&spec, &src, &mask)));
    values_table_free(table);
    image_free(&src);
    image_free(&u16);
    image_free(&f32);
    image_free(&mask);
}

static void bench_small_frames(void)
{
    struct image src = phantom(128, 128, 1, SAMPLE_U16);
    struct image dst = result(128, 128, 1, SAMPLE_U16);
    struct values_table *table = values_table_new(&err);
    struct values_spec spec = VALUES_SPEC_INIT;

    assert(table);
    spec.voi = VALUES_VOI_WINDOW;
    spec.center = 2048;
    spec.width = 4096;
    spec.y_max = 65535;
    BENCH("values: 128 x 128, table kept", &src,
          assert(values_apply(&spec, table, &src, &dst, &err) == 0));
    BENCH("values: 128 x 128, another window each", &src, {
        spec.center += 1;
        assert(values_apply(&spec, table, &src, &dst, &err) == 0);
    });
    values_table_free(table);
    image_free(&src);
    image_free(&dst);
}

static void bench_crop(enum sample_type type, uint32_t channels,
                       const char *what)
{
    struct image src = phantom(WIDTH, HEIGHT, channels, type);
    struct crop_params params = {true, false, 0};
    struct image_box box;
    bool blank;

    BENCH(what, &src,
          assert(crop_measure(&src, &params, NULL, &box, &blank, &err) == 0));
    image_free(&src);
}

static void bench_resize(enum sample_type type, uint32_t channels,
                         enum resize_filter filter, const char *what)
{
    const struct resize_kernels *sets[] = {
        resize_kernels_scalar(),
        resize_kernels_vector(),
        resize_kernels_avx2(),
    };
    struct image src = phantom(WIDTH, HEIGHT, channels, type);
    struct resize_target target =
        resize_size(RESIZE_FIT, WIDTH, HEIGHT, 384, 512, false);
    struct image dst = result(target.width, target.height, channels, type);
    struct resize_scratch scratch = {NULL, 0};
    struct resize_plan *plan = NULL;

    assert(resize_plan_new(WIDTH, HEIGHT, &target, filter, &plan, &err) == 0);
    for (size_t i = 0; i < 3; i++) {
        char name[64];

        if (!sets[i])
            continue;
        (void)snprintf(name, sizeof name, "resize: %s, %s", what,
                       sets[i]->name);
        BENCH(name, &src,
              assert(resize_apply_with(sets[i], plan, &src, &dst, &scratch,
                                       &err) == 0));
    }
    resize_plan_free(plan);
    resize_scratch_free(&scratch);
    image_free(&src);
    image_free(&dst);
}

static void bench_geometry(void)
{
    static const struct orient turn = {false, false, 1};
    static const struct orient flip = {true, false, 0};
    static const struct pad pad = {100, 100, 100, 100};
    struct image src = phantom(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image turned = result(HEIGHT, WIDTH, 1, SAMPLE_U16);
    struct image same = result(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image padded = result(WIDTH + 200, HEIGHT + 200, 1, SAMPLE_U16);

    BENCH("orient: quarter turn u16", &src, orient_apply(&turn, &src, &turned));
    BENCH("orient: mirror u16", &src, orient_apply(&flip, &src, &same));
    BENCH("pad: copy and margins u16", &src,
          pad_apply(&pad, PAD_FILL_VALUE, 0, &src, &padded));
    image_free(&src);
    image_free(&turned);
    image_free(&same);
    image_free(&padded);
}

static void bench_convert(enum sample_type from, enum convert_scale scale,
                          enum sample_type to, const char *what)
{
    struct image src = phantom(WIDTH, HEIGHT, 1, from);
    struct image dst = result(WIDTH, HEIGHT, 1, to);

    BENCH(what, &src, assert(convert_image(&src, scale, &dst, &err) == 0));
    image_free(&src);
    image_free(&dst);
}

/* Rows of one set of kernels over a whole frame. */
static void bench_kernels(const struct stack_kernels *set)
{
    struct image a = phantom(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image b = phantom(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image sums = result(WIDTH, HEIGHT, 1, SAMPLE_U32);
    size_t n = (size_t)WIDTH * HEIGHT;
    char what[64];

    (void)snprintf(what, sizeof what, "vol: maximum u16, %s", set->name);
    BENCH(what, &a, set->max(SAMPLE_U16, a.data, n, b.data));
    (void)snprintf(what, sizeof what, "vol: sum u16, %s", set->name);
    BENCH(what, &a, set->add(SAMPLE_U16, a.data, n, sums.data));
    (void)snprintf(what, sizeof what, "vol: blend u16, %s", set->name);
    BENCH(what, &a, set->blend(SAMPLE_U16, a.data, b.data, 0.3F, n, b.data));
    image_free(&a);
    image_free(&b);
    image_free(&sums);
}

/* Light falls off to the sides and has noise of `noise` of the range. */
static struct image breast(double noise)
{
    struct image image = result(WIDTH, HEIGHT, 1, SAMPLE_U16);
    uint64_t seed = 1;

    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            double r = (double)(image_test_random(&seed) % 2000) / 1000 - 1;
            double v = 0.2 + 0.6 * x / WIDTH + 0.1 * sin(y * 0.02) + noise * r;

            sample_set(image_row(&image, y), SAMPLE_U16, x, v * 65535);
        }
    }
    return image;
}

static void lapmip_once(const struct image *a, const struct image *b,
                        const struct image *dst)
{
    struct vol_spec spec = {VOL_LAPMIP, 1.5F, false};
    struct vol *vol;

    assert(vol_begin(&spec, 2, &vol, &err) == 0);
    assert(vol_add(vol, a, &err) == 0 && vol_add(vol, b, &err) == 0);
    assert(vol_finish(vol, dst, &err) == 0);
    vol_free(vol);
}

static void bench_lapmip(double noise, const char *what)
{
    struct image a = breast(noise);
    struct image b = breast(noise);
    struct image dst = result(WIDTH, HEIGHT, 1, SAMPLE_U16);

    BENCH(what, &a, lapmip_once(&a, &b, &dst));
    image_free(&a);
    image_free(&b);
    image_free(&dst);
}

static void slab_once(enum vol_op op, const struct image *frame,
                      const struct image *dst)
{
    struct vol_spec spec = {op, 0, false};
    struct vol *vol;

    assert(vol_begin(&spec, 8, &vol, &err) == 0);
    for (int i = 0; i < 8; i++)
        assert(vol_add(vol, frame, &err) == 0);
    assert(vol_finish(vol, dst, &err) == 0);
    vol_free(vol);
}

static void bench_slabs(void)
{
    struct image src = breast(0.02);
    struct image dst = result(WIDTH, HEIGHT, 1, SAMPLE_U16);

    BENCH("slab: maximum of 8", &src, slab_once(VOL_MAX, &src, &dst));
    BENCH("slab: mean of 8", &src, slab_once(VOL_MEAN, &src, &dst));
    BENCH("slab: median of 8", &src, slab_once(VOL_MEDIAN, &src, &dst));
    image_free(&src);
    image_free(&dst);
}

static void bench_rot_and_norm(void)
{
    struct image src = breast(0.02);
    struct image dst = result(WIDTH, HEIGHT, 1, SAMPLE_U16);
    struct image f32 = result(WIDTH, HEIGHT, 1, SAMPLE_F32);
    struct norm_moments m;
    struct norm z;

    BENCH("rot: 30 degrees u16", &src,
          rot_apply(30, PAD_FILL_VALUE, 0, &src, &dst));
    BENCH("norm: moments u16", &src, norm_measure(&src, 0, NULL, &m));
    z = norm_fixed(m.mean, norm_sd(&m), 1);
    BENCH("norm: z u16 -> f32", &src, norm_apply(&z, &src, &f32));
    image_free(&src);
    image_free(&dst);
    image_free(&f32);
}

/* What one frame of 512 x 512 gives to all pages of a plane. */
static void bench_plane(enum plane_kind kind, const char *what)
{
    static const struct plane_vectors axial = {
        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    static const struct plane_size volume = {{512, 512, 64}};
    static struct image pages[512];
    struct image frame = phantom(512, 512, 1, SAMPLE_U16);
    struct plane plane;

    for (int i = 0; i < 512; i++)
        pages[i] = result(512, 64, 1, SAMPLE_U16);
    assert(plane_find(kind, &axial, &plane, &err) == 0);
    BENCH(what, &frame,
          plane_gather(&plane, &volume, &frame, 5, 0, 512, pages));
    for (int i = 0; i < 512; i++)
        image_free(&pages[i]);
    image_free(&frame);
}

static void bench_volume(void)
{
    const struct stack_kernels *sets[] = {
        stack_kernels_scalar(),
        stack_kernels_vector(),
        stack_kernels_avx2(),
    };

    for (size_t i = 0; i < 3; i++) {
        if (sets[i])
            bench_kernels(sets[i]);
    }
    bench_slabs();
    bench_plane(PLANE_CORONAL, "plane: a frame to all coronal pages");
    bench_plane(PLANE_SAGITTAL, "plane: a frame to all sagittal pages");
    bench_rot_and_norm();
    bench_lapmip(0.001, "vol: lapmip of 2, smooth");
    bench_lapmip(0.02, "vol: lapmip of 2, noisy");
    bench_lapmip(0.2, "vol: lapmip of 2, very noisy");
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = atoi(argv[1]);
    bench_values();
    bench_small_frames();
    bench_crop(SAMPLE_U16, 1, "crop: u16");
    bench_crop(SAMPLE_U8, 3, "crop: rgb8");
    bench_resize(SAMPLE_U16, 1, RESIZE_TRIANGLE, "u16 triangle");
    bench_resize(SAMPLE_U8, 1, RESIZE_TRIANGLE, "u8 triangle");
    bench_resize(SAMPLE_U8, 3, RESIZE_TRIANGLE, "rgb8 triangle");
    bench_resize(SAMPLE_F32, 1, RESIZE_TRIANGLE, "f32 triangle");
    bench_resize(SAMPLE_U16, 1, RESIZE_LANCZOS3, "u16 lanczos3");
    bench_resize(SAMPLE_U16, 1, RESIZE_MAXPOOL, "u16 maxpool");
    bench_resize(SAMPLE_U16, 1, RESIZE_NEAREST, "u16 nearest");
    bench_geometry();
    bench_volume();
    bench_convert(SAMPLE_U16, CONVERT_UNIT, SAMPLE_U8, "convert: u16 -> u8");
    bench_convert(SAMPLE_U16, CONVERT_UNIT, SAMPLE_F32, "convert: u16 -> f32");
    bench_convert(SAMPLE_F32, CONVERT_VALUE, SAMPLE_I16,
                  "convert: hu f32 -> i16");
    bench_convert(SAMPLE_F32, CONVERT_UNIT, SAMPLE_U8,
                  "convert: range f32 -> u8");
    return 0;
}
