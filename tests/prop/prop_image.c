// SPDX-License-Identifier: MIT
/*
 * prop_image: laws of fs/image on random sizes, types, strides and samples.
 *
 * PROP_RUNS rounds from PROP_SEED; both are printed, so that a failure can be
 * replayed. Every image lies in a block of exactly its size (image_test.h):
 * under a sanitizer a step outside is seen.
 */
#undef NDEBUG
#include "support/image_test.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "image/crop.h"
#include "image/orient.h"
#include "image/pad.h"
#include "image/resize.h"
#include "image/resize_kernel.h"

#define SIDE_MAX 70

static struct error err;
static uint64_t state;
static uint64_t current_seed;

static uint32_t below(uint32_t n)
{
    return (uint32_t)(image_test_random(&state) % n);
}

static uint32_t side(void)
{
    return 1 + below(SIDE_MAX);
}

static struct image noise(void)
{
    struct image image =
        image_test_new(side(), side(), below(2) ? 3 : 1,
                       image_test_types[below(IMAGE_TEST_TYPES)], below(4));

    image_test_noise(&image, &state);
    return image;
}

static struct image like(const struct image *image, uint32_t w, uint32_t h)
{
    return image_test_new(w, h, image->channels, image->type, below(4));
}

static struct image oriented(const struct orient *o, const struct image *src)
{
    struct image dst;
    uint32_t w;
    uint32_t h;

    orient_size(o, src->width, src->height, &w, &h);
    dst = like(src, w, h);
    orient_apply(o, src, &dst);
    return dst;
}

static void check_returns(const struct image *src, const struct orient *o,
                          unsigned times)
{
    struct image at = like(src, src->width, src->height);

    image_copy(src, &at);
    while (times-- > 0) {
        struct image next = oriented(o, &at);

        image_free(&at);
        at = next;
    }
    assert(image_test_equal(src, &at));
    image_free(&at);
}

static void four_turns_and_two_mirrors_change_nothing(void)
{
    static const struct orient turn = {false, false, 1};
    static const struct orient back = {false, false, 3};
    static const struct orient flip_h = {true, false, 0};
    static const struct orient flip_v = {false, true, 0};
    static const struct orient half = {true, true, 0};
    struct image src = noise();

    check_returns(&src, &turn, 4);
    check_returns(&src, &back, 4);
    check_returns(&src, &flip_h, 2);
    check_returns(&src, &flip_v, 2);
    check_returns(&src, &half, 2);
    image_free(&src);
}

static void what_is_padded_can_be_cut_out_again(void)
{
    struct image src = noise();
    struct image dst = like(&src, src.width + below(9), src.height + below(9));
    struct image back = like(&src, src.width, src.height);
    enum pad_mode mode = (enum pad_mode)(1 + below(3));
    struct image_box box;
    struct pad pad;

    if (src.type == SAMPLE_U8 || src.type == SAMPLE_U16)
        mode = (enum pad_mode)below(4);
    assert(pad_measure(mode, &src, dst.width, dst.height, &pad, &err) == 0);
    assert(pad.left + pad.right + src.width == dst.width);
    assert(pad.top + pad.bottom + src.height == dst.height);
    pad_apply(&pad, (enum pad_fill)below(3), below(300), &src, &dst);
    box = pad_box(&pad, dst.width, dst.height);
    crop_copy(&dst, &box, &back);
    assert(image_test_equal(&src, &back));
    image_free(&src);
    image_free(&dst);
    image_free(&back);
}

/* A cut of a random target, or the whole of it. */
static struct resize_target target_for(const struct image *src)
{
    struct resize_target t =
        resize_size((enum resize_mode)below(3), src->width, src->height, side(),
                    side(), below(4) == 0);

    if (below(3) == 0) {
        t.cut.x = below(t.width);
        t.cut.y = below(t.height);
        t.cut.width = 1 + below(t.width - t.cut.x);
        t.cut.height = 1 + below(t.height - t.cut.y);
    }
    return t;
}

static struct image resized(const struct resize_kernels *kernels,
                            const struct resize_plan *plan,
                            const struct image *src)
{
    struct image dst;
    uint32_t w;
    uint32_t h;

    resize_plan_size(plan, &w, &h);
    dst = like(src, w, h);
    assert(resize_apply_with(kernels, plan, src, &dst, NULL, &err) == 0);
    return dst;
}

static struct resize_plan *plan_for(const struct image *src,
                                    const struct resize_target *target,
                                    enum resize_filter filter)
{
    struct resize_plan *plan = NULL;

    assert(resize_plan_new(src->width, src->height, target, filter, &plan,
                           &err) == 0);
    return plan;
}

static void kernels_agree_bit_for_bit(void)
{
    const struct resize_kernels *sets[] = {resize_kernels_vector(),
                                           resize_kernels_avx2()};
    struct image src = noise();
    struct resize_target target = target_for(&src);
    enum resize_filter filter = (enum resize_filter)below(6);
    struct resize_plan *plan = plan_for(&src, &target, filter);
    struct image want = resized(resize_kernels_scalar(), plan, &src);

    for (size_t i = 0; i < 2; i++) {
        struct image got;

        if (!sets[i])
            continue;
        got = resized(sets[i], plan, &src);
        assert(image_test_equal(&want, &got));
        image_free(&got);
    }
    resize_plan_free(plan);
    image_free(&want);
    image_free(&src);
}

static void a_constant_stays_constant(void)
{
    struct image src = noise();
    double value = image_test_get(&src, 0, 0);
    struct resize_target target = target_for(&src);
    enum resize_filter filter = (enum resize_filter)below(6);
    double tolerance = 0;
    struct resize_plan *plan;
    struct image got;

    image_test_fill(&src, value);
    if (src.type == SAMPLE_F32)
        tolerance = fabs(value) * 1e-5;
    if (src.type == SAMPLE_F64)
        tolerance = fabs(value) * 1e-14;
    plan = plan_for(&src, &target, filter);
    got = resized(resize_kernels_best(), plan, &src);
    for (uint32_t y = 0; y < got.height; y++) {
        for (uint32_t i = 0; i < got.width * got.channels; i++) {
            double v = sample_get(image_row(&got, y), got.type, i);

            assert(fabs(v - value) <= tolerance);
        }
    }
    resize_plan_free(plan);
    image_free(&got);
    image_free(&src);
}

static void the_same_size_is_a_copy(void)
{
    struct image src = noise();
    struct resize_target target =
        resize_size((enum resize_mode)below(3), src.width, src.height,
                    src.width, src.height, below(2));
    struct resize_plan *plan =
        plan_for(&src, &target, (enum resize_filter)below(6));
    struct image got = resized(resize_kernels_best(), plan, &src);

    assert(image_test_equal(&src, &got));
    resize_plan_free(plan);
    image_free(&got);
    image_free(&src);
}

/* Nothing but background outside of a box that was measured without the
 * component pass, and something in each of its four sides. */
static void a_box_holds_the_foreground(void)
{
    struct image src = image_test_new(
        side(), side(), 1, below(2) ? SAMPLE_U8 : SAMPLE_U16, below(4));
    struct crop_params params = {false, true, 0};
    uint32_t dots = below(6);
    struct image_box box;
    bool sides[4] = {false, false, false, false};
    bool blank;

    image_test_fill(&src, 0);
    for (uint32_t i = 0; i < dots; i++)
        sample_set(image_row(&src, below(src.height)), src.type,
                   below(src.width), 1 + below(255));
    assert(crop_measure(&src, &params, NULL, &box, &blank, &err) == 0);
    assert(image_box_is_inside(&box, src.width, src.height));
    assert(blank == (dots == 0));
    for (uint32_t y = 0; y < src.height; y++) {
        for (uint32_t x = 0; x < src.width; x++) {
            if (image_test_get(&src, x, y) == 0)
                continue;
            assert(x >= box.x && x - box.x < box.width);
            assert(y >= box.y && y - box.y < box.height);
            sides[0] |= x == box.x;
            sides[1] |= y == box.y;
            sides[2] |= x == box.x + box.width - 1;
            sides[3] |= y == box.y + box.height - 1;
        }
    }
    for (size_t i = 0; i < 4; i++)
        assert(blank || sides[i]);
    image_free(&src);
}

/* Turning a picture turns its box: nothing prefers a direction but ties. */
static void a_turned_picture_has_a_turned_box(void)
{
    static const struct orient turn = {false, false, 1};
    struct image src = image_test_new(side(), side(), 1, SAMPLE_U8, below(4));
    struct crop_params params = {below(2) != 0, below(2) != 0, 0};
    struct image turned;
    struct image_box a;
    struct image_box b;
    bool blank[2];
    uint32_t x0 = below(src.width);
    uint32_t y0 = below(src.height);

    image_test_fill(&src, 0);
    for (uint32_t y = y0; y < src.height; y++) {
        for (uint32_t x = x0; x < src.width; x++)
            sample_set(image_row(&src, y), src.type, x, 2 + below(254));
    }
    turned = oriented(&turn, &src);
    assert(crop_measure(&src, &params, NULL, &a, &blank[0], &err) == 0);
    assert(crop_measure(&turned, &params, NULL, &b, &blank[1], &err) == 0);
    assert(blank[0] == blank[1]);
    assert(b.x == src.height - a.y - a.height && b.y == a.x);
    assert(b.width == a.height && b.height == a.width);
    image_free(&src);
    image_free(&turned);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 0) : otherwise;
}

/* The round that fails is the last thing said. */
static void say_seed(int number)
{
    (void)number;
    printf("# replay with PROP_SEED=%" PRIu64 " PROP_RUNS=1\n", current_seed);
    (void)fflush(stdout);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } laws[] = {
#define LAW(f) {#f, f}
        LAW(four_turns_and_two_mirrors_change_nothing),
        LAW(what_is_padded_can_be_cut_out_again),
        LAW(kernels_agree_bit_for_bit),
        LAW(a_constant_stays_constant),
        LAW(the_same_size_is_a_copy),
        LAW(a_box_holds_the_foreground),
        LAW(a_turned_picture_has_a_turned_box),
#undef LAW
    };
    const size_t count = sizeof laws / sizeof laws[0];
    uint64_t seed = setting("PROP_SEED", 1);
    uint64_t runs = setting("PROP_RUNS", 300);

    (void)signal(SIGABRT, say_seed);
    printf("1..%zu\n# PROP_SEED=%" PRIu64 " PROP_RUNS=%" PRIu64 "\n", count,
           seed, runs);
    for (size_t i = 0; i < count; i++) {
        for (uint64_t n = 0; n < runs; n++) {
            state = current_seed = seed + n;
            laws[i].run();
        }
        printf("ok %zu - %s\n", i + 1, laws[i].name);
    }
    return 0;
}
