// SPDX-License-Identifier: MIT
/* stack.c: reductions and blends, frame by frame (stack.h). */
#include "render/stack.h"

#include <stdlib.h>

#include "image/image.h"
#include "image/slab.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"

/* The step below: makes its frame `k`. */
typedef int step_fn(const struct page_job *job, uint32_t k,
                    struct tool_set *tools, struct image *ret,
                    struct image *ret_mask, struct error *err);

/* ---- masks -------------------------------------------------------------- */

static void mask_and(struct image *mask, const struct image *other)
{
    if (!mask->data)
        return;
    if (!other->data) {
        image_free(mask);
        return;
    }
    for (uint32_t y = 0; y < mask->height; y++) {
        uint8_t *row = image_row(mask, y);
        const uint8_t *and = image_row(other, y);

        for (uint32_t x = 0; x < mask->width; x++)
            row[x] &= and[x];
    }
}

/* ---- reductions --------------------------------------------------------- */

struct reduction {
    struct vol *vol;
    struct image mask;
    uint32_t width, height;
};

static void reduction_free(struct reduction *r)
{
    vol_free(r->vol);
    image_free(&r->mask);
}

static int reduction_add(struct reduction *r, const struct page_job *job,
                         step_fn *below, uint32_t k, bool is_first,
                         struct tool_set *tools, bool masked, struct error *err)
{
    CLEANUP(image_free) struct image frame = {0};
    CLEANUP(image_free) struct image mask = {0};
    uint64_t start;
    int rc;

    if (below(job, k, tools, &frame, masked ? &mask : NULL, err) != 0)
        return -1;
    start = clock_ns();
    rc = vol_add(r->vol, &frame, err);
    page_spent(job->maker, NULL, start);
    if (rc != 0)
        return -1;
    r->width = frame.width;
    r->height = frame.height;
    if (is_first) {
        r->mask = mask;
        mask = (struct image){0};
    } else {
        mask_and(&r->mask, &mask);
    }
    return 0;
}

static int reduce(const struct page_job *job, const struct vol_spec *spec,
                  struct vol_range range, step_fn *below,
                  struct tool_set *tools, struct image *ret,
                  struct image *ret_mask, struct error *err)
{
    CLEANUP(reduction_free) struct reduction r = {0};
    const struct plan *p = job->plan;
    struct image made = {0};
    uint64_t start;
    int rc;

    if (range.count == 1)
        return below(job, range.first, tools, ret, ret_mask, err);
    if (vol_begin(spec, range.count, &r.vol, err) != 0)
        return -1;
    for (uint32_t i = 0; i < range.count; i++)
        if (reduction_add(&r, job, below, range.first + i, i == 0, tools,
                          ret_mask != NULL, err) != 0)
            return -1;
    if (image_alloc(r.width, r.height, p->stack_channels, p->stack_type, &made,
                    err) != 0)
        return -1;
    start = clock_ns();
    rc = vol_finish(r.vol, &made, err);
    page_spent(job->maker, NULL, start);
    if (rc != 0) {
        image_free(&made);
        return -1;
    }
    *ret = made;
    if (ret_mask) {
        *ret_mask = r.mask;
        r.mask = (struct image){0};
    }
    return 0;
}

/* ---- blends ------------------------------------------------------------- */

static int blend(const struct page_job *job, const struct vol_blend *b,
                 step_fn *below, struct tool_set *tools, struct image *ret,
                 struct image *ret_mask, struct error *err)
{
    CLEANUP(image_free) struct image first = {0};
    CLEANUP(image_free) struct image second = {0};
    CLEANUP(image_free) struct image mask = {0};
    CLEANUP(image_free) struct image other = {0};
    bool masked = ret_mask != NULL;
    uint64_t start;

    if (b->weight == 0.0f)
        return below(job, b->first, tools, ret, ret_mask, err);
    if (below(job, b->first, tools, &first, masked ? &mask : NULL, err) != 0 ||
        below(job, b->second, tools, &second, masked ? &other : NULL, err) != 0)
        return -1;
    if (!image_same_size(&first, &second) || !image_same_type(&first, &second))
        return error_set(err, ERROR_CORRUPT, "frames of different sizes");
    if (image_alloc(first.width, first.height, first.channels, first.type, ret,
                    err) != 0)
        return -1;
    start = clock_ns();
    vol_blend(&first, &second, b->weight, ret);
    page_spent(job->maker, NULL, start);
    if (!masked)
        return 0;
    mask_and(&mask, &other);
    *ret_mask = mask;
    mask = (struct image){0};
    return 0;
}

/* ---- steps -------------------------------------------------------------- */

static int vol_step(const struct page_job *job, uint32_t k,
                    struct tool_set *tools, struct image *ret,
                    struct image *ret_mask, struct error *err)
{
    const struct view *v = &job->plan->view;
    const struct depth *d = &job->plan->depth;
    struct vol_spec spec = depth_vol_spec(v);
    struct vol_blend b;

    if (depth_reduces(v, d))
        return reduce(job, &spec, d->vol, page_frame, tools, ret, ret_mask,
                      err);
    if (v->vol != VIEW_VOL_INTERP || d->picked == 1)
        return page_frame(job, k, tools, ret, ret_mask, err);
    b = vol_blend_at(d->picked, d->after_vol, k);
    return blend(job, &b, page_frame, tools, ret, ret_mask, err);
}

int stack_values(const struct page_job *job, uint32_t k, struct tool_set *tools,
                 struct image *ret, struct image *ret_mask, struct error *err)
{
    const struct view *v = &job->plan->view;
    const struct depth *d = &job->plan->depth;
    struct vol_spec spec = depth_slab_spec(v);

    if (v->slab == VIEW_SLAB_NONE)
        return vol_step(job, k, tools, ret, ret_mask, err);
    return reduce(job, &spec,
                  slab_range(d->after_vol, v->slab_depth, v->slab_stride, k),
                  vol_step, tools, ret, ret_mask, err);
}

static bool take_leftover(const struct page_job *job, struct image *ret)
{
    struct image *left =
        job->leftover ? atomic_exchange(job->leftover, NULL) : NULL;

    if (!left)
        return false;
    *ret = *left;
    free(left);
    return true;
}

int stack_resampled(const struct page_job *job, uint32_t k,
                    struct tool_set *tools, struct image *ret,
                    struct image *ret_mask, struct error *err)
{
    struct vol_blend b = depth_blend(&job->plan->depth, k);

    if (!ret_mask && take_leftover(job, ret))
        return 0;
    return blend(job, &b, stack_values, tools, ret, ret_mask, err);
}
