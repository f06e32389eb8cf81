// SPDX-License-Identifier: MIT
/*
 * prop_plan: laws of plans, on random views and instances, hostile ones too.
 *
 *     a size is known from the header exactly where view.h says so
 *     what is measured later never changes a size that was known
 *     every number stays within what it is a part of
 *
 * PROP_RUNS rounds from PROP_SEED; both are printed.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "render/file.h"
#include "render/plan.h"
#include "render/render.h"
#include "support/random_view.h"

static uint64_t state;
static char text[VIEW_TEXT_SIZE];

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            printf("not ok 1 - laws of plans\n# line %d: %s\n# view %s\n",     \
                   __LINE__, #cond, text);                                     \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

static uint32_t below(uint32_t n)
{
    return random_below(&state, n);
}

static uint32_t side(void)
{
    static const uint32_t odd[] = {1, 2, 3, 511, 512, 513, 65535};

    return below(4) ? 1 + below(200) : odd[below(7)];
}

static struct decode_desc random_desc(bool hostile)
{
    static const uint32_t allocs[] = {1, 8, 16, 16, 32};
    struct decode_desc d = {.codec = DECODE_NATIVE_LE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = side(),
                            .cols = side(),
                            .samples = 1};

    d.bits_alloc = allocs[below(5)];
    d.bits_stored = 1 + below(d.bits_alloc);
    d.high_bit = d.bits_stored - 1;
    d.is_signed = below(2) && d.bits_alloc > 1;
    if (below(4) == 0 && d.bits_alloc >= 8 && d.bits_alloc <= 16) {
        d.photometric = DECODE_RGB;
        d.samples = 3;
    } else if (below(6) == 0) {
        d.element = below(2) ? DECODE_FLOAT : DECODE_DOUBLE;
        d.bits_alloc = d.element == DECODE_FLOAT ? 32 : 64;
    } else if (below(5) == 0) {
        d.photometric = below(2) ? DECODE_MONOCHROME1 : DECODE_PALETTE;
    }
    if (below(10) == 0)
        d.codec = DECODE_UNSUPPORTED;
    if (hostile) {
        d.rows = below(2) ? below(70000) : d.rows;
        d.cols = below(2) ? UINT32_MAX - below(3) : d.cols;
        d.samples = below(5);
        d.bits_alloc = below(100);
        d.bits_stored = below(100);
        d.codec = (enum decode_codec)below(DECODE_UNSUPPORTED + 1);
        d.photometric =
            (enum decode_photometric)below(DECODE_PHOTOMETRIC_OTHER + 1);
    }
    return d;
}

static struct manifest_instance random_instance(bool hostile)
{
    static const double spacings[] = {0, 0.5, 0.7, 1e-300, 1e300, 1e-7, 3};
    struct manifest_instance i = {.id = 1,
                                  .frames = 1 + below(5),
                                  .has_pixels = true,
                                  .turned = below(8) == 0};

    i.desc = random_desc(hostile);
    i.px_x = spacings[below(7)];
    i.px_y = spacings[below(7)];
    if (hostile && below(2))
        i.frames = UINT32_MAX - below(2);
    return i;
}

static struct image_box random_box(uint32_t w, uint32_t h)
{
    struct image_box b = {.x = below(w), .y = below(h)};

    b.width = 1 + below(w - b.x);
    b.height = 1 + below(h - b.y);
    return b;
}

static void check_numbers(const struct plan *p,
                          const struct manifest_instance *i)
{
    CHECK(p->pages >= 1 && p->pages <= i->frames);
    for (uint32_t page = 0; page < p->pages && page < 100; page++)
        CHECK(plan_frame(p, page) < i->frames);
    CHECK(plan_frame(p, p->pages - 1) < i->frames);
    CHECK(p->value_channels == 1 || p->value_channels == 3);
    CHECK(p->out_channels == 1 || p->out_channels == 3);
    CHECK((uint64_t)p->oriented_width * p->oriented_height ==
          (uint64_t)i->desc.cols * i->desc.rows);
    CHECK(!view_is_windowed(&p->view) || p->value_channels == 3 ||
          p->value_type == SAMPLE_U8 || p->value_type == SAMPLE_U16);
    if (!p->has_region)
        return;
    CHECK(
        image_box_is_inside(&p->region, p->oriented_width, p->oriented_height));
    CHECK(p->has_size && p->out_width > 0 && p->out_height > 0);
    CHECK(p->target.cut.width > 0 && p->target.cut.height > 0);
    CHECK(
        image_box_is_inside(&p->target.cut, p->target.width, p->target.height));
    CHECK(p->target.cut.width <= p->out_width &&
          p->target.cut.height <= p->out_height);
    if (!p->pads)
        CHECK(p->target.cut.width == p->out_width &&
              p->target.cut.height == p->out_height);
    if (p->pads && p->has_pad_amounts)
        CHECK(
            p->pad.left + p->target.cut.width + p->pad.right == p->out_width &&
            p->pad.top + p->target.cut.height + p->pad.bottom == p->out_height);
}

/* Enters whatever a measurement may find. */
static int measure(struct plan *p, struct error *err)
{
    struct image_box box;
    struct pad pad = {0, 0, 0, 0};

    if (plan_needs_crop(p)) {
        box = random_box(p->oriented_width, p->oriented_height);
        if (plan_set_region(p, &box, err) != 0)
            return -1;
    }
    if (!plan_needs_pad(p))
        return 0;
    pad.left = p->out_width - p->target.cut.width;
    pad.bottom = p->out_height - p->target.cut.height;
    plan_set_pad(p, &pad);
    return 0;
}

static bool check_layout(const struct view *v,
                         const struct manifest_instance *i, struct plan *p)
{
    struct tiff_layout late;
    uint64_t early;
    struct tiff_spec spec;
    struct error err = ERROR_INIT;
    int rc = file_early_size(NULL, 0, LEAF_TIFF, 0, v, i, &early, &err);

    if (rc < 0) {
        CHECK(err.kind == ERROR_TOO_BIG || err.kind == ERROR_UNSUPPORTED);
        return false;
    }
    CHECK((rc == 0) == view_leaf_size_is_known(v, VIEW_EXT_TIFF));
    if (measure(p, &err) != 0) {
        CHECK(err.kind == ERROR_TOO_BIG);
        return false;
    }
    check_numbers(p, i);
    if (rc != 0)
        return true;
    plan_tiff(p, &spec);
    CHECK(tiff_layout_init(&spec, NULL, &late, &err) == 0);
    CHECK(early == late.size);
    return true;
}

static bool round_of(bool hostile)
{
    struct manifest_instance i = random_instance(hostile);
    struct view v = random_view(&state, RANDOM_FLAT, text);
    struct error err = ERROR_INIT;
    struct manifest_output shape = {0};
    struct plan p;
    bool is_good;

    if (plan_init(&v, &i, &p, &err) != 0) {
        CHECK(err.msg[0]);
        CHECK(err.kind == ERROR_UNSUPPORTED || err.kind == ERROR_NOT_FOUND ||
              err.kind == ERROR_TOO_BIG ||
              (hostile && err.kind == ERROR_CORRUPT));
        CHECK(render_shape(&v, &i, &shape) != 1);
        return false;
    }
    check_numbers(&p, &i);
    is_good = check_layout(&v, &i, &p);
    if (render_shape(&v, &i, &shape) == 1) {
        CHECK(is_good && view_size_is_known(&v) && !p.refusal);
        CHECK(shape.width == p.out_width && shape.height == p.out_height &&
              shape.num_frames == p.pages && shape.dtype == p.out_type);
    }
    return is_good;
}

int main(void)
{
    const char *seed_text = getenv("PROP_SEED");
    const char *runs_text = getenv("PROP_RUNS");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    uint64_t runs = runs_text ? strtoull(runs_text, NULL, 10) : 40000;
    uint64_t good = 0;

    printf("1..1\n# PROP_SEED=%" PRIu64 " PROP_RUNS=%" PRIu64 "\n", seed, runs);
    state = seed * 0x9E3779B97F4A7C15u + 1;
    for (uint64_t k = 0; k < runs; k++)
        good += round_of(k % 4 == 3);
    printf("# %" PRIu64 " plans of %" PRIu64 "\n", good, runs);
    CHECK(runs < 1000 || good > runs / 4);
    printf("ok 1 - laws of plans\n");
    return 0;
}
