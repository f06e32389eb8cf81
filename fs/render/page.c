// SPDX-License-Identifier: MIT
/*
 * page.c: values (page_frame.c, stack.c), region and resize (page_resize.c),
 * norm (page_norm.c), then pad, canvas, convert here; each step hands an image
 * to the next and is skipped where it changes nothing.
 */
#include "render/page_impl.h"

#include "image/convert.h"
#include "image/image.h"
#include "image/pad.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"
#include "render/kept.h"
#include "render/stack.h"

int page_values(const struct page_job *job, uint32_t k, struct image *ret,
                struct image *ret_padding, struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = stack_values(job, k, tools, ret, ret_padding, err);
    tools_return(job->maker->tools, tools);
    return rc;
}

/* ---- padding and canvas ------------------------------------------------- */

/* What is put outside, in the samples that the padding sees. */
static double fill_outside(const struct page_job *job, const struct norm *norm)
{
    const struct plan *p = job->plan;
    double value = page_fill_value(job);

    if (p->view.fill != VIEW_FILL_MIN && p->view.fill != VIEW_FILL_MAX)
        return value;
    if (p->stack_type != p->value_type) /* lapmip of 8 bits */
        value = value * (plan_unit(p) / p->y_max);
    if (!norm)
        return value;
    if (norm->divide == 0.0)
        return 0.0;
    return (value / norm->unit - norm->subtract) / norm->divide *
               norm->multiply +
           norm->add;
}

/* An empty frame of its final size but for the canvas, and the part of it
 * that the padding leaves. */
static int frame_alloc(const struct plan *p, uint32_t channels,
                       enum sample_type type, struct image *ret,
                       struct image *ret_inner, struct error *err)
{
    struct image_box box = {0, 0, p->frame_width, p->frame_height};

    if (image_alloc(p->frame_width, p->frame_height, channels, type, ret,
                    err) != 0)
        return -1;
    if (p->pads)
        box = pad_box(&p->pad, p->frame_width, p->frame_height);
    *ret_inner = image_sub(ret, &box);
    return 0;
}

static void fill_margins(const struct page_job *job, const struct norm *norm,
                         const struct image *frame)
{
    const struct plan *p = job->plan;

    if (p->pads)
        pad_margins(&p->pad, plan_fill(p), fill_outside(job, norm), frame);
}

/* Region, resize and padding of `values` in one go: the resize writes where
 * the padding leaves room for it. */
static int compose(const struct page_job *job, struct tool_set *tools,
                   const struct image *values, struct image *ret,
                   struct error *err)
{
    struct image inner;

    if (frame_alloc(job->plan, values->channels, values->type, ret, &inner,
                    err) != 0 ||
        page_resize_into(job, tools, values, &inner, err) != 0)
        return -1;
    fill_margins(job, NULL, ret);
    return 0;
}

/* The same with a normalisation of what has been resized. */
static int compose_normed(const struct page_job *job,
                          const struct image *resized, const struct norm *norm,
                          struct image *ret, struct error *err)
{
    struct image inner;

    if (frame_alloc(job->plan, resized->channels, SAMPLE_F32, ret, &inner,
                    err) != 0)
        return -1;
    norm_apply(norm, resized, &inner);
    fill_margins(job, norm, ret);
    return 0;
}

/* Puts an owned frame on the canvas. */
static int lay_out(const struct page_job *job, const struct norm *norm,
                   struct image *frame, struct error *err)
{
    const struct plan *p = job->plan;
    struct image canvas = {0};

    if (p->view.canvas.width == 0)
        return 0;
    if (image_alloc(p->whole_width, p->whole_height, frame->channels,
                    frame->type, &canvas, err) != 0)
        return -1;
    pad_window(frame, (int64_t)p->canvas_cut.x - p->canvas_pad.left,
               (int64_t)p->canvas_cut.y - p->canvas_pad.top, plan_fill(p),
               fill_outside(job, norm), &canvas);
    image_free(frame);
    *frame = canvas;
    return 0;
}

static bool changes_nothing(const struct plan *p)
{
    return !p->resizes && !p->pads && p->view.canvas.width == 0 &&
           p->view.norm == VIEW_NORM_NONE &&
           p->region.width == p->oriented_width &&
           p->region.height == p->oriented_height;
}

/* Converts `from`, which is taken over, to what the file holds. */
static int finish(const struct plan *p, struct image *from, struct image *ret,
                  struct error *err)
{
    enum convert_scale scale = plan_is_unit(p) || p->view.norm != VIEW_NORM_NONE
                                   ? CONVERT_UNIT
                                   : CONVERT_VALUE;

    if (from->type == p->out_type && from->channels == p->out_channels) {
        *ret = *from;
        *from = (struct image){0};
        return 0;
    }
    if (image_alloc(p->out_width, p->out_height, p->out_channels, p->out_type,
                    ret, err) != 0)
        return -1;
    if (convert_image(from, scale, ret, err) == 0)
        return 0;
    image_free(ret);
    return -1;
}

/* ---- pages -------------------------------------------------------------- */

/* Frame `k` of depth.resized, normalised, as its page is but for the type. */
static int normed_frame(const struct page_job *job, uint32_t k,
                        struct tool_set *tools, struct image *ret,
                        double *ret_outside, struct error *err)
{
    CLEANUP(image_free) struct image resized = {0};
    CLEANUP(image_free) struct image mask = {0};
    struct page_stats stats = job->numbers.stats;
    bool of_frame = job->plan->view.norm_frame;
    struct norm_moments moments = {0};
    struct norm norm;
    int rc;

    if (page_resized_with(job, k, tools, &resized, of_frame ? &mask : NULL,
                          err) != 0 ||
        (of_frame &&
         page_add_moments(job, k, &resized, &mask, &moments, err) != 0))
        return -1;
    if (of_frame)
        stats = page_stats_of(job->plan, &moments);
    norm = page_norm(job->plan, &stats);
    *ret_outside = fill_outside(job, &norm);
    rc = compose_normed(job, &resized, &norm, ret, err);
    return rc == 0 ? lay_out(job, &norm, ret, err) : rc;
}

/* The same without a normalisation. */
static int plain_frame(const struct page_job *job, uint32_t k,
                       struct tool_set *tools, struct image *ret,
                       struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    uint64_t start;
    int rc;

    if (stack_resampled(job, k, tools, &values, NULL, err) != 0)
        return -1;
    if (changes_nothing(job->plan)) {
        *ret = values;
        values = (struct image){0};
        return 0;
    }
    start = clock_ns();
    rc = compose(job, tools, &values, ret, err);
    if (rc == 0)
        rc = lay_out(job, NULL, ret, err);
    page_spent(job->maker, &job->maker->resize_ns, start);
    return rc;
}

static int alloc_unconverted(const struct plan *p, uint32_t width,
                             uint32_t height, struct image *ret,
                             struct error *err)
{
    return image_alloc(
        width, height, p->stack_channels,
        p->view.norm != VIEW_NORM_NONE ? SAMPLE_F32 : p->stack_type, ret, err);
}

/* What is outside where no frame is. */
static double fill_of_volume(const struct page_job *job)
{
    struct norm norm = page_norm(job->plan, &job->numbers.stats);

    return fill_outside(job,
                        job->plan->view.norm == VIEW_NORM_NONE ? NULL : &norm);
}

/* A page before or behind the frames: all of it is outside. */
static int empty_page(const struct page_job *job, struct image *ret,
                      double *ret_outside, struct error *err)
{
    const struct plan *p = job->plan;

    if (alloc_unconverted(p, p->whole_width, p->whole_height, ret, err) != 0)
        return -1;
    *ret_outside = fill_of_volume(job);
    pad_constant(*ret_outside, ret);
    return 0;
}

/* Whole page `at` of depth.pages, as it is but for the type, and what lies
 * outside of it. */
static int whole_page(const struct page_job *job, uint32_t at,
                      struct tool_set *tools, struct image *ret,
                      double *ret_outside, struct error *err)
{
    const struct plan *p = job->plan;
    enum pad_fill fill = plan_fill(p);
    int64_t k = depth_source(&p->depth, at);
    bool outside = k < 0 || k >= (int64_t)p->depth.resized;

    if (outside && fill == PAD_FILL_VALUE)
        return empty_page(job, ret, ret_outside, err);
    if (outside)
        k = pad_index(fill, k, p->depth.resized);
    if (p->view.norm != VIEW_NORM_NONE)
        return normed_frame(job, (uint32_t)k, tools, ret, ret_outside, err);
    *ret_outside = fill_outside(job, NULL);
    return plain_frame(job, (uint32_t)k, tools, ret, err);
}

/* ---- patches ------------------------------------------------------------ */

struct whole_request {
    const struct page_job *job;
    uint32_t at;
    struct tool_set *tools;
};

static int whole_make(void *opaque, const struct flight_key *key,
                      void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct whole_request *r = opaque;
    struct kept *kept = kept_new(1, err);

    (void)key;
    if (!kept)
        return -1;
    if (whole_page(r->job, r->at, r->tools, &kept->images[0], &kept->outside,
                   err) != 0) {
        kept_free(kept);
        return -1;
    }
    *ret_value = kept;
    *ret_cost = kept_bytes(kept);
    return 0;
}

/* Views that cut other patches, or convert them to another type, share the
 * pages that they cut them from. */
static struct flight_key whole_key(const struct page_job *job, uint32_t at)
{
    struct view view;

    view_pixels(&job->plan->view, &view);
    view.patches = VIEW_PATCHES_NONE;
    view.dtype = VIEW_DTYPE_DEFAULT;
    view.color = VIEW_COLOR_SOURCE;
    return kept_key(job->digest, &view, KEPT_WHOLE, at);
}

/* A page of a patch: a window of a whole page. Neighbouring patches are cut
 * from the same ones, so those are kept for a while. */
static int patch_page(const struct page_job *job, uint32_t page,
                      struct tool_set *tools, struct image *ret,
                      struct error *err)
{
    const struct plan *p = job->plan;
    int64_t at = plan_page(p, page);
    struct whole_request request = {job, (uint32_t)at, tools};
    struct flight_ref ref = {NULL, NULL};
    const struct kept *whole;
    struct flight_key key;

    if (alloc_unconverted(p, p->out_width, p->out_height, ret, err) != 0)
        return -1;
    if (at < 0) {
        pad_constant(fill_of_volume(job), ret);
        return 0;
    }
    key = whole_key(job, (uint32_t)at);
    if (flight_get(job->maker->kept, &key, whole_make, &request, &ref, NULL,
                   err) != 0) {
        image_free(ret);
        return -1;
    }
    whole = ref.value;
    pad_window(&whole->images[0], p->patch.x, p->patch.y, plan_fill(p),
               whole->outside, ret);
    flight_put(job->maker->kept, &ref);
    return 0;
}

static int render_with(const struct page_job *job, uint32_t page,
                       struct tool_set *tools, struct image *ret,
                       struct error *err)
{
    CLEANUP(image_free) struct image frame = {0};
    const struct plan *p = job->plan;
    double outside;
    uint64_t start;
    int rc = plan_is_patch(p) ? patch_page(job, page, tools, &frame, err)
                              : whole_page(job, (uint32_t)plan_page(p, page),
                                           tools, &frame, &outside, err);

    if (rc != 0)
        return -1;
    start = clock_ns();
    rc = finish(p, &frame, ret, err);
    page_spent(job->maker, NULL, start);
    return rc;
}

int page_render(const struct page_job *job, uint32_t page, struct image *ret,
                struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = render_with(job, page, tools, ret, err);
    tools_return(job->maker->tools, tools);
    return rc;
}
