// SPDX-License-Identifier: MIT
/*
 * prop_volume: laws of the volume operators on random stacks.
 *
 * PROP_RUNS rounds from PROP_SEED; both are printed, so that a failure can be
 * replayed. Every frame lies in a block of exactly its size (image_test.h).
 */
#undef NDEBUG
#include "support/image_test.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "image/norm.h"
#include "image/orient.h"
#include "image/patches.h"
#include "image/plane.h"
#include "image/rot.h"
#include "image/slab.h"
#include "image/vol.h"

#define SIDE_MAX 40
#define FRAMES_MAX 12

static struct error err;
static uint64_t state;
static uint64_t current_seed;

struct stack {
    struct image frames[FRAMES_MAX];
    uint32_t count;
};

static uint32_t below(uint32_t n)
{
    return (uint32_t)(image_test_random(&state) % n);
}

static struct image like(const struct image *image)
{
    return image_test_new(image->width, image->height, image->channels,
                          image->type, below(4));
}

static struct stack stack_of(uint32_t at_least, enum sample_type type)
{
    struct stack s = {.count = at_least + below(FRAMES_MAX - at_least + 1)};
    uint32_t width = 1 + below(SIDE_MAX);
    uint32_t height = 1 + below(SIDE_MAX);
    uint32_t channels = below(2) ? 3 : 1;

    for (uint32_t i = 0; i < s.count; i++) {
        s.frames[i] = image_test_new(width, height, channels, type, below(4));
        image_test_noise(&s.frames[i], &state);
    }
    return s;
}

static struct stack any_stack(uint32_t at_least)
{
    return stack_of(at_least, image_test_types[below(IMAGE_TEST_TYPES)]);
}

static void stack_free(struct stack *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        image_free(&s->frames[i]);
}

static struct image combined(enum vol_op op, const struct image *frames,
                             uint32_t count)
{
    struct vol_spec spec = {op, 0, false};
    struct image dst = like(&frames[0]);
    struct vol *vol;

    assert(vol_begin(&spec, count, &vol, &err) == 0);
    for (uint32_t i = 0; i < count; i++)
        assert(vol_add(vol, &frames[i], &err) == 0);
    assert(vol_finish(vol, &dst, &err) == 0);
    vol_free(vol);
    return dst;
}

static bool is_float(enum sample_type type)
{
    return type == SAMPLE_F32 || type == SAMPLE_F64;
}

/* The mean of floats is a sum in order; everything else has none. */
static void the_order_of_frames_does_not_matter(void)
{
    enum vol_op op = (enum vol_op)below(4);
    struct stack s = any_stack(1);
    struct image first = combined(op, s.frames, s.count);
    struct image second;

    for (uint32_t i = s.count; i > 1; i--) {
        uint32_t j = below(i);
        struct image moved = s.frames[j];

        s.frames[j] = s.frames[i - 1];
        s.frames[i - 1] = moved;
    }
    second = combined(op, s.frames, s.count);
    if (op != VOL_MEAN || !is_float(first.type))
        assert(image_test_equal(&first, &second));
    image_free(&first);
    image_free(&second);
    stack_free(&s);
}

static void means_and_medians_lie_between_the_extremes(void)
{
    struct stack s = any_stack(1);
    struct image made[4];

    for (int op = 0; op < 4; op++)
        made[op] = combined((enum vol_op)op, s.frames, s.count);
    for (uint32_t y = 0; y < made[0].height; y++) {
        for (uint32_t i = 0; i < made[0].width * made[0].channels; i++) {
            double v[4];

            for (int op = 0; op < 4; op++)
                v[op] = sample_get(image_row(&made[op], y), made[op].type, i);
            assert(v[VOL_MIN] <= v[VOL_MEDIAN] && v[VOL_MEDIAN] <= v[VOL_MAX]);
            assert(v[VOL_MIN] <= v[VOL_MEAN] + 1e-9);
            assert(v[VOL_MEAN] <= v[VOL_MAX] + 1e-9);
        }
    }
    for (int op = 0; op < 4; op++)
        image_free(&made[op]);
    stack_free(&s);
}

static void extremes_may_be_taken_in_parts(void)
{
    enum vol_op op = below(2) ? VOL_MAX : VOL_MIN;
    struct stack s = any_stack(2);
    uint32_t cut = 1 + below(s.count - 1);
    struct image whole = combined(op, s.frames, s.count);
    struct image parts[2] = {combined(op, s.frames, cut),
                             combined(op, s.frames + cut, s.count - cut)};
    struct image both = combined(op, parts, 2);

    assert(image_test_equal(&whole, &both));
    image_free(&whole);
    image_free(&both);
    image_free(&parts[0]);
    image_free(&parts[1]);
    stack_free(&s);
}

static void rows_may_be_combined_in_bands(void)
{
    enum vol_op op = (enum vol_op)below(4);
    struct stack s = any_stack(1);
    struct image whole = combined(op, s.frames, s.count);
    uint32_t y = 0;

    while (y < whole.height) {
        struct image_box box = {0, y, whole.width, 1 + below(whole.height - y)};
        struct image band[FRAMES_MAX];
        struct image want = image_sub(&whole, &box);
        struct image got;

        for (uint32_t i = 0; i < s.count; i++)
            band[i] = image_sub(&s.frames[i], &box);
        got = combined(op, band, s.count);
        assert(image_test_equal(&want, &got));
        image_free(&got);
        y += box.height;
    }
    image_free(&whole);
    stack_free(&s);
}

static void interpolation_begins_and_ends_with_the_ends(void)
{
    struct stack s = any_stack(1);
    uint32_t target = vol_interp_frames(s.count, 2 + below(30));
    struct image page = like(&s.frames[0]);

    for (uint32_t k = 0; k < target; k++) {
        struct vol_blend b = vol_blend_at(s.count, target, k);

        assert(b.first <= b.second && b.second < s.count);
        assert(b.weight >= 0 && b.weight < 1);
        assert((b.weight == 0) == (b.first == b.second));
        vol_blend(&s.frames[b.first], &s.frames[b.second], b.weight, &page);
        if (k == 0)
            assert(image_test_equal(&page, &s.frames[0]));
        if (k == target - 1)
            assert(image_test_equal(&page, &s.frames[s.count - 1]));
    }
    image_free(&page);
    stack_free(&s);
}

static void a_blend_lies_between_its_frames(void)
{
    struct stack s = any_stack(2);
    struct image page = like(&s.frames[0]);
    float weight = (float)below(1 << 20) / (1 << 20);
    double slack = s.frames[0].type == SAMPLE_U8 ? 1 : 1e-9;

    vol_blend(&s.frames[0], &s.frames[1], weight, &page);
    for (uint32_t y = 0; y < page.height; y++) {
        for (uint32_t i = 0; i < page.width * page.channels; i++) {
            double a = sample_get(image_row(&s.frames[0], y), page.type, i);
            double b = sample_get(image_row(&s.frames[1], y), page.type, i);
            double v = sample_get(image_row(&page, y), page.type, i);

            assert(v >= fmin(a, b) - slack && v <= fmax(a, b) + slack);
        }
    }
    image_free(&page);
    stack_free(&s);
}

/* Slabs of stride = depth are parts of the stack that do not overlap. */
static void slabs_beside_each_other_make_the_whole(void)
{
    struct stack s = any_stack(2);
    uint32_t depth = 1 + below(s.count);
    uint32_t slabs = slab_count(s.count, depth, depth);
    struct image made[FRAMES_MAX];
    struct image want = combined(VOL_MAX, s.frames, slabs * depth);
    struct image got;

    for (uint32_t k = 0; k < slabs; k++) {
        struct vol_range r = slab_range(s.count, depth, depth, k);

        made[k] = combined(VOL_MAX, s.frames + r.first, r.count);
    }
    got = combined(VOL_MAX, made, slabs);
    assert(image_test_equal(&want, &got));
    for (uint32_t k = 0; k < slabs; k++)
        image_free(&made[k]);
    image_free(&want);
    image_free(&got);
    stack_free(&s);
}

static struct plane_vectors any_directions(void)
{
    static const int orders[6][3] = {
        {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0},
    };
    const int *order = orders[below(6)];
    struct plane_vectors to = {0};

    for (int i = 0; i < 3; i++)
        to.v[i][order[i]] = below(2) ? 1 : -1;
    return to;
}

/* All pages of a plane; which have the axes that plane_directions says. */
static struct stack resliced(enum plane_kind kind, const struct stack *s,
                             const struct plane_vectors *to,
                             struct plane_vectors *ret_to)
{
    struct plane_size volume = {
        {s->frames[0].width, s->frames[0].height, s->count}};
    struct stack pages = {0};
    struct plane_size size;
    struct plane plane;

    assert(plane_find(kind, to, &plane, &err) == 0);
    size = plane_size(&plane, &volume);
    pages.count = size.n[2];
    assert(pages.count <= FRAMES_MAX);
    for (uint32_t p = 0; p < pages.count; p++)
        pages.frames[p] =
            image_test_new(size.n[0], size.n[1], s->frames[0].channels,
                           s->frames[0].type, below(3));
    for (uint32_t f = 0; f < s->count; f++)
        plane_gather(&plane, &volume, &s->frames[f], f, 0, pages.count,
                     pages.frames);
    plane_directions(&plane, to, ret_to);
    return pages;
}

/* Whichever way it goes, the patient is the same. */
static void a_plane_of_a_plane_is_that_plane(void)
{
    struct stack s = {.count = 1 + below(FRAMES_MAX)};
    struct plane_vectors to = any_directions();
    uint32_t width = 1 + below(FRAMES_MAX);
    uint32_t height = 1 + below(FRAMES_MAX);
    enum plane_kind kind = below(2) ? PLANE_CORONAL : PLANE_SAGITTAL;
    struct plane_vectors between_to;
    struct plane_vectors end_to;
    struct stack direct;
    struct stack between;
    struct stack around;

    for (uint32_t i = 0; i < s.count; i++) {
        s.frames[i] = image_test_new(width, height, 3, SAMPLE_U16, below(3));
        image_test_noise(&s.frames[i], &state);
    }
    direct = resliced(kind, &s, &to, &end_to);
    between = resliced(kind == PLANE_CORONAL ? PLANE_SAGITTAL : PLANE_CORONAL,
                       &s, &to, &between_to);
    around = resliced(kind, &between, &between_to, &end_to);
    assert(direct.count == around.count);
    for (uint32_t p = 0; p < direct.count; p++)
        assert(image_test_equal(&direct.frames[p], &around.frames[p]));
    stack_free(&s);
    stack_free(&direct);
    stack_free(&between);
    stack_free(&around);
}

static void a_half_turn_is_two_mirrors(void)
{
    static const struct orient half = {true, true, 0};
    struct stack s = any_stack(1);
    struct image got = like(&s.frames[0]);
    struct image want = like(&s.frames[0]);

    rot_apply(180 + 360.0 * below(3), (enum pad_fill)below(3), 5, &s.frames[0],
              &got);
    orient_apply(&half, &s.frames[0], &want);
    assert(image_test_equal(&got, &want));
    rot_apply(360, (enum pad_fill)below(3), 5, &s.frames[0], &got);
    assert(image_test_equal(&got, &s.frames[0]));
    image_free(&got);
    image_free(&want);
    stack_free(&s);
}

static void a_window_and_its_opposite_give_the_image_back(void)
{
    struct stack s = any_stack(1);
    struct image *src = &s.frames[0];
    uint32_t left = below(50);
    uint32_t top = below(50);
    struct image wide = image_test_new(src->width + left + below(9),
                                       src->height + top + below(9),
                                       src->channels, src->type, below(3));
    struct image back = like(src);

    pad_window(src, -(int64_t)left, -(int64_t)top, (enum pad_fill)below(3), 3,
               &wide);
    pad_window(&wide, left, top, PAD_FILL_VALUE, 0, &back);
    assert(image_test_equal(src, &back));
    image_free(&wide);
    image_free(&back);
    stack_free(&s);
}

/* Tiles side by side, laid out again, are the part of the image they cover. */
static void tiles_make_the_image(void)
{
    struct stack s = any_stack(1);
    const struct image *src = &s.frames[0];
    struct patches_size volume = {src->width, src->height, 1};
    struct patches_size tile = {1 + below(src->width), 1 + below(src->height),
                                0};
    uint64_t n = patches_grid_count(&volume, &tile, &tile);
    struct image_box cover = {0, 0, src->width / tile.width * tile.width,
                              src->height / tile.height * tile.height};
    struct image want = image_sub(src, &cover);
    struct image got = like(&want);

    assert(n ==
           (uint64_t)(src->width / tile.width) * (src->height / tile.height));
    for (uint64_t k = 0; k < n; k++) {
        struct patches_origin o = patches_grid(&volume, &tile, &tile, k);
        struct image_box box = {(uint32_t)o.x, (uint32_t)o.y, tile.width,
                                tile.height};
        struct image part = image_sub(&got, &box);

        assert(o.z == 0);
        pad_window(src, o.x, o.y, PAD_FILL_VALUE, 0, &part);
    }
    assert(image_test_equal(&want, &got));
    image_free(&got);
    stack_free(&s);
}

static struct norm_moments moments(const struct image *frames, uint32_t count)
{
    struct norm_moments all = {0};

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < frames[i].channels; c++) {
            struct norm_moments m;

            norm_measure(&frames[i], c, NULL, &m);
            norm_merge(&all, &m);
        }
    }
    return all;
}

static void normal_samples_are_normal(void)
{
    struct stack s = any_stack(2);
    struct norm_moments before = moments(s.frames, s.count);
    struct norm norms[3] = {norm_fixed(before.mean, norm_sd(&before), 1),
                            norm_unit(before.min, before.max, 1),
                            norm_sym(before.min, before.max, 1)};
    uint32_t kind = below(3);
    struct image made[FRAMES_MAX];
    struct norm_moments after;

    for (uint32_t i = 0; i < s.count; i++) {
        made[i] = image_test_new(s.frames[i].width, s.frames[i].height,
                                 s.frames[i].channels, SAMPLE_F32, below(3));
        norm_apply(&norms[kind], &s.frames[i], &made[i]);
    }
    after = moments(made, s.count);
    if (before.min == before.max) {
        assert(after.min == 0 && after.max == 0);
    } else if (kind == 0) {
        assert(fabs(after.mean) < 1e-6);
        assert(fabs(norm_sd(&after) - 1) < 1e-6);
    } else {
        assert(after.min == (kind == 1 ? 0 : -1) && after.max == 1);
    }
    for (uint32_t i = 0; i < s.count; i++)
        image_free(&made[i]);
    stack_free(&s);
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
        LAW(the_order_of_frames_does_not_matter),
        LAW(means_and_medians_lie_between_the_extremes),
        LAW(extremes_may_be_taken_in_parts),
        LAW(rows_may_be_combined_in_bands),
        LAW(interpolation_begins_and_ends_with_the_ends),
        LAW(a_blend_lies_between_its_frames),
        LAW(slabs_beside_each_other_make_the_whole),
        LAW(a_plane_of_a_plane_is_that_plane),
        LAW(a_half_turn_is_two_mirrors),
        LAW(a_window_and_its_opposite_give_the_image_back),
        LAW(tiles_make_the_image),
        LAW(normal_samples_are_normal),
#undef LAW
    };
    const size_t count = sizeof laws / sizeof laws[0];
    uint64_t seed = setting("PROP_SEED", 1);
    uint64_t runs = setting("PROP_RUNS", 200);

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
