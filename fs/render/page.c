// SPDX-License-Identifier: MIT
/*
 * page.c: decode, values, orient, (stack.c), region, resize, norm, pad,
 * canvas, convert; each step hands an image to the next and is skipped where
 * it changes nothing.
 */
#include "render/page.h"

#include "image/convert.h"
#include "image/image.h"
#include "image/pad.h"
#include "image/palette.h"
#include "image/rot.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"
#include "render/kept.h"
#include "render/reslice.h"
#include "render/spec.h"
#include "render/stack.h"

/* A decoded frame with the header it belongs to. */
struct stored {
    struct frame_place place;
    struct flight_ref source_ref;
    struct flight_ref frame_ref;
    const struct dicom_header *header;
    const struct image *image;
    uint32_t frame;
    struct values_spec spec;
};

static void stored_put(const struct page_job *job, struct stored *s)
{
    frame_put(job->maker->sources, &s->frame_ref);
    source_put(job->maker->sources, &s->source_ref);
    frame_place_deinit(&s->place);
}

static int stored_get(const struct page_job *job, uint32_t picked,
                      struct stored *ret, struct error *err)
{
    struct stored s = {.image = NULL};
    const struct manifest_instance *instance;
    const struct source *source;

    if (job->plan->refusal)
        return error_set(err, ERROR_UNSUPPORTED, "%s", job->plan->refusal);
    if (frames_at(job->frames, plan_frame(job->plan, picked), &s.place, err) !=
        0)
        return -1;
    instance = s.place.instance;
    s.frame = s.place.frame;
    if (source_check(job->maker->sources, instance, err) != 0 ||
        source_get(job->maker->sources, instance, &s.source_ref, &source,
                   err) != 0) {
        frame_place_deinit(&s.place);
        return -1;
    }
    s.header = source->header;
    /* A window that the image does not have is refused before the decode. */
    if (spec_init(job->plan, s.header, s.frame, &job->extent, &s.spec, err) !=
            0 ||
        frame_get(job->maker->sources, instance, s.frame, &s.frame_ref,
                  &s.image, err) != 0) {
        source_put(job->maker->sources, &s.source_ref);
        frame_place_deinit(&s.place);
        return -1;
    }
    *ret = s;
    if (s.place.instance == &s.place.own)
        ret->place.instance = &ret->place.own;
    return 0;
}

/* ---- values ------------------------------------------------------------- */

static void frame_extent(const struct values_spec *spec,
                         const struct image *stored, struct values_spec *ret)
{
    struct values_extent e = {0.0, 0.0, 0};

    values_extent_add(spec, stored, &e);
    ret->minimum = e.count ? e.min : 0.0;
    ret->maximum = e.count ? e.max : 0.0;
}

/* The three descriptors are the same in every legal source (PS3.3
 * C.7.6.3.1.5). */
static int palette_of(const struct dicom_palette *p, struct palette *ret,
                      struct error *err)
{
    if (p->n[0] == 0)
        return error_set(err, ERROR_CORRUPT, "PALETTE COLOR without palette");
    if (p->n[0] != p->n[1] || p->n[0] != p->n[2] ||
        p->first[0] != p->first[1] || p->first[0] != p->first[2])
        return error_set(err, ERROR_CORRUPT,
                         "the red, green and blue palettes have %u, %u and "
                         "%u entries",
                         p->n[0], p->n[1], p->n[2]);
    *ret = (struct palette){
        .red = p->data[0],
        .green = p->data[1],
        .blue = p->data[2],
        .count = p->n[0],
        .first = p->first[0],
        .bits = p->bits,
    };
    return 0;
}

static int palette_values(const struct page_job *job, const struct stored *s,
                          struct image *ret, struct error *err)
{
    CLEANUP(image_free) struct image rgb = {0};
    struct palette palette;

    if (palette_of(&s->header->palette, &palette, err) != 0)
        return -1;
    if (image_alloc(s->image->width, s->image->height, 3,
                    palette_type(&palette), &rgb, err) != 0 ||
        palette_apply(&palette, s->image, &rgb, err) != 0)
        return -1;
    if (rgb.type == job->plan->value_type) {
        *ret = rgb;
        rgb = (struct image){0};
        return 0;
    }
    if (image_alloc(rgb.width, rgb.height, 3, job->plan->value_type, ret,
                    err) != 0)
        return -1;
    return convert_image(&rgb, CONVERT_UNIT, ret, err);
}

static int grey_values(const struct page_job *job, const struct stored *s,
                       struct tool_set *tools, struct image *ret,
                       struct error *err)
{
    struct values_spec spec = s->spec;

    if (spec.voi == VALUES_VOI_FRAME)
        frame_extent(&spec, s->image, &spec);
    if (image_alloc(s->image->width, s->image->height, s->image->channels,
                    job->plan->value_type, ret, err) != 0)
        return -1;
    return values_apply(&spec, tools->table, s->image, ret, err);
}

static int padding_mask(const struct page_job *job, const struct stored *s,
                        struct image *ret, struct error *err)
{
    struct values_spec spec;

    spec_modality(job->plan, s->header, s->frame, &spec);
    if (!spec.has_padding || s->image->channels != 1)
        return 0;
    if (image_alloc(s->image->width, s->image->height, 1, SAMPLE_U8, ret,
                    err) != 0)
        return -1;
    if (!values_padding_mask(&spec, s->image, ret))
        image_free(ret);
    return 0;
}

/* Replaces an owned image by its oriented self. */
static int orient_owned(const struct orient *o, struct image *image,
                        struct error *err)
{
    struct image turned = {0};
    uint32_t width, height;

    if (!image->data || orient_is_identity(o))
        return 0;
    orient_size(o, image->width, image->height, &width, &height);
    if (image_alloc(width, height, image->channels, image->type, &turned,
                    err) != 0)
        return -1;
    orient_apply(o, image, &turned);
    image_free(image);
    *image = turned;
    return 0;
}

/* ---- fills -------------------------------------------------------------- */

/* In samples of value_type. */
static double fill_value(const struct page_job *job)
{
    switch (job->plan->view.fill) {
    case VIEW_FILL_MIN:
        return job->numbers.fill_min;
    case VIEW_FILL_MAX:
        return job->numbers.fill_max;
    case VIEW_FILL_NUMBER:
    case VIEW_FILL_EDGE:
    case VIEW_FILL_REFLECT:
        break;
    }
    return job->plan->view.fill_number;
}

/* ---- rotation ----------------------------------------------------------- */

/* Frames of a volume that is cut into planes are turned as planes. */
static const struct orient *frame_orient(const struct plan *p)
{
    return plan_is_resliced(p) ? &p->frame_orient : &p->orient;
}

/* Turns an owned image within its shape. */
static int rotate_owned(const struct page_job *job, struct image *image,
                        struct error *err)
{
    struct image turned = {0};

    if (!job->plan->oblique)
        return 0;
    if (image_alloc(image->width, image->height, image->channels, image->type,
                    &turned, err) != 0)
        return -1;
    rot_apply(job->plan->view.rot, plan_fill(job->plan), fill_value(job), image,
              &turned);
    image_free(image);
    *image = turned;
    return 0;
}

static int rotate_mask(const struct page_job *job, struct image *mask,
                       struct error *err)
{
    const struct plan *p = job->plan;
    struct image turned = {0};

    if (!p->oblique)
        return 0;
    if (image_alloc(p->oriented_width, p->oriented_height, 1, SAMPLE_U8,
                    &turned, err) != 0)
        return -1;
    rot_mask(p->view.rot, mask->data ? mask : NULL, &turned);
    image_free(mask);
    *mask = turned;
    return 0;
}

/* Both turned, or both freed. */
static int turn_owned(const struct page_job *job, const struct orient *o,
                      bool rotates, struct image *ret,
                      struct image *ret_padding, struct error *err)
{
    int rc = orient_owned(o, ret, err);

    if (rc == 0 && rotates)
        rc = rotate_owned(job, ret, err);
    if (rc == 0 && ret_padding)
        rc = orient_owned(o, ret_padding, err);
    if (rc == 0 && ret_padding && rotates)
        rc = rotate_mask(job, ret_padding, err);
    if (rc == 0)
        return 0;
    image_free(ret);
    if (ret_padding)
        image_free(ret_padding);
    return -1;
}

static int values_of(const struct page_job *job, const struct stored *s,
                     struct tool_set *tools, struct image *ret,
                     struct image *ret_padding, struct error *err)
{
    int rc = job->plan->desc.photometric == DECODE_PALETTE
                 ? palette_values(job, s, ret, err)
                 : grey_values(job, s, tools, ret, err);

    if (rc == 0 && ret_padding)
        rc = padding_mask(job, s, ret_padding, err);
    if (rc == 0)
        return turn_owned(job, frame_orient(job->plan),
                          !plan_is_resliced(job->plan), ret, ret_padding, err);
    image_free(ret);
    if (ret_padding)
        image_free(ret_padding);
    return -1;
}

int page_stored(const struct page_job *job, uint32_t frame,
                struct tool_set *tools, struct image *ret,
                struct image *ret_padding, struct error *err)
{
    struct stored s;
    uint64_t start;
    int rc;

    *ret = (struct image){0};
    if (ret_padding)
        *ret_padding = (struct image){0};
    if (stored_get(job, frame, &s, err) != 0)
        return -1;
    start = clock_ns();
    rc = values_of(job, &s, tools, ret, ret_padding, err);
    page_spent(job->maker, &job->maker->values_ns, start);
    stored_put(job, &s);
    return rc;
}

int page_frame(const struct page_job *job, uint32_t slice,
               struct tool_set *tools, struct image *ret,
               struct image *ret_padding, struct error *err)
{
    const struct plan *p = job->plan;

    if (!plan_is_resliced(p))
        return page_stored(job, slice, tools, ret, ret_padding, err);
    if (p->view.flip & VIEW_FLIP_Z)
        slice = p->depth.picked - 1 - slice;
    if (reslice_plane(job, slice, tools, ret, ret_padding, err) != 0)
        return -1;
    return turn_owned(job, &p->orient, true, ret, ret_padding, err);
}

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

int page_extent(const struct page_job *job, uint32_t frame,
                struct values_extent *acc, struct error *err)
{
    struct values_spec spec;
    struct stored s;

    if (stored_get(job, frame, &s, err) != 0)
        return -1;
    spec_modality(job->plan, s.header, s.frame, &spec);
    values_extent_add(&spec, s.image, acc);
    stored_put(job, &s);
    return 0;
}

/* ---- geometry ----------------------------------------------------------- */

static const enum resize_filter filters[] = {
    [VIEW_FILTER_TRIANGLE] = RESIZE_TRIANGLE,
    [VIEW_FILTER_NEAREST] = RESIZE_NEAREST,
    [VIEW_FILTER_CATMULLROM] = RESIZE_CATMULLROM,
    [VIEW_FILTER_GAUSSIAN] = RESIZE_GAUSSIAN,
    [VIEW_FILTER_LANCZOS3] = RESIZE_LANCZOS3,
    [VIEW_FILTER_MAXPOOL] = RESIZE_MAXPOOL,
};

/* Resamples the plan's region of `values` into `dst`, which has the size of
 * the target's cut. */
static int resize_into(const struct page_job *job, struct tool_set *tools,
                       const struct image *values, enum resize_filter filter,
                       const struct image *dst, struct error *err)
{
    const struct plan *p = job->plan;
    struct image region = image_sub(values, &p->region);
    const struct resize_plan *weights;
    struct flight_ref ref = {NULL, NULL};
    int rc;

    if (!p->resizes) {
        image_copy(&region, dst);
        return 0;
    }
    if (tools_resize_plan(job->maker->tools, region.width, region.height,
                          &p->target, filter, &ref, &weights, err) != 0)
        return -1;
    rc = resize_apply(weights, &region, dst, &tools->scratch, err);
    tools_put_plan(job->maker->tools, &ref);
    return rc;
}

/* `values` cut and resized, as an owned image; an empty one stays empty. */
static int resized_of(const struct page_job *job, struct tool_set *tools,
                      const struct image *values, enum resize_filter filter,
                      struct image *ret, struct error *err)
{
    const struct image_box *cut = &job->plan->target.cut;
    uint64_t start;
    int rc;

    if (!values->data)
        return 0;
    if (image_alloc(cut->width, cut->height, values->channels, values->type,
                    ret, err) != 0)
        return -1;
    start = clock_ns();
    rc = resize_into(job, tools, values, filter, ret, err);
    page_spent(job->maker, &job->maker->resize_ns, start);
    if (rc == 0)
        return 0;
    image_free(ret);
    return -1;
}

static int resized_with(const struct page_job *job, uint32_t k,
                        struct tool_set *tools, struct image *ret,
                        struct image *ret_padding, struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    CLEANUP(image_free) struct image padding = {0};

    *ret = (struct image){0};
    if (ret_padding)
        *ret_padding = (struct image){0};
    if (stack_resampled(job, k, tools, &values, ret_padding ? &padding : NULL,
                        err) != 0 ||
        resized_of(job, tools, &values, filters[job->plan->view.filter], ret,
                   err) != 0)
        return -1;
    if (!ret_padding ||
        resized_of(job, tools, &padding, RESIZE_NEAREST, ret_padding, err) == 0)
        return 0;
    image_free(ret);
    return -1;
}

int page_resized(const struct page_job *job, uint32_t k, struct image *ret,
                 struct image *ret_padding, struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = resized_with(job, k, tools, ret, ret_padding, err);
    tools_return(job->maker->tools, tools);
    return rc;
}

/* Edge 0 or 1 of `values`, as it is after the resize. */
static int edge_into(const struct page_job *job, struct tool_set *tools,
                     const struct image *values, bool columns, uint32_t edge,
                     const struct image *ret, struct error *err)
{
    struct plan plan = *job->plan;
    struct page_job part = *job;
    struct image_box *cut = &plan.target.cut;
    struct image_box place = {0, 0, ret->width, ret->height};
    struct image line;

    part.plan = &plan;
    if (columns) {
        cut->x += edge ? cut->width - 1 : 0;
        cut->width = place.width = 1;
        place.x = edge;
    } else {
        cut->y += edge ? cut->height - 1 : 0;
        cut->height = place.height = 1;
        place.y = edge;
    }
    line = image_sub(ret, &place);
    return resize_into(&part, tools, values, filters[plan.view.filter], &line,
                       err);
}

static int edges_with(const struct page_job *job, const struct image *values,
                      bool columns, struct tool_set *tools, struct image *ret,
                      struct error *err)
{
    CLEANUP(image_free) struct image own = {0};
    const struct image_box *cut = &job->plan->target.cut;
    uint64_t start;
    int rc;

    if (!values->data) {
        if (stack_resampled(job, 0, tools, &own, NULL, err) != 0)
            return -1;
        values = &own;
    }
    if (image_alloc(columns ? 2 : cut->width, columns ? cut->height : 2,
                    values->channels, values->type, ret, err) != 0)
        return -1;
    start = clock_ns();
    rc = edge_into(job, tools, values, columns, 0, ret, err);
    if (rc == 0)
        rc = edge_into(job, tools, values, columns, 1, ret, err);
    page_spent(job->maker, &job->maker->resize_ns, start);
    if (rc != 0)
        image_free(ret);
    return rc;
}

int page_edges(const struct page_job *job, const struct image *values,
               bool columns, struct image *ret, struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    *ret = (struct image){0};
    if (!tools)
        return -1;
    rc = edges_with(job, values, columns, tools, ret, err);
    tools_return(job->maker->tools, tools);
    return rc;
}

/* ---- normalisation ------------------------------------------------------ */

void page_measure(const struct image *image, const struct image *mask,
                  struct norm_moments *acc)
{
    for (uint32_t c = 0; c < image->channels; c++) {
        struct norm_moments m;

        norm_measure(image, c, mask && mask->data ? mask : NULL, &m);
        norm_merge(acc, &m);
    }
}

struct page_stats page_stats_of(const struct plan *p,
                                const struct norm_moments *m)
{
    double unit = plan_unit(p);

    if (m->count == 0)
        return (struct page_stats){0.0, 0.0, 0.0, 0.0};
    return (struct page_stats){m->mean / unit, norm_sd(m) / unit, m->min / unit,
                               m->max / unit};
}

struct norm page_norm(const struct plan *p, const struct page_stats *s)
{
    double unit = plan_unit(p);

    switch (p->view.norm) {
    case VIEW_NORM_FIXED:
        return norm_fixed(p->view.norm_mean, p->view.norm_sd, unit);
    case VIEW_NORM_UNIT:
        return (struct norm){unit, s->min, s->max - s->min, 1.0, 0.0};
    case VIEW_NORM_SYM:
        return (struct norm){unit, s->min, s->max - s->min, 2.0, -1.0};
    case VIEW_NORM_Z:
    case VIEW_NORM_NONE:
        break;
    }
    return (struct norm){unit, s->mean, s->sd, 1.0, 0.0};
}

/* ---- padding and canvas ------------------------------------------------- */

/* What is put outside, in the samples that the padding sees. */
static double fill_outside(const struct page_job *job, const struct norm *norm)
{
    const struct plan *p = job->plan;
    double value = fill_value(job);

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
        resize_into(job, tools, values, filters[job->plan->view.filter], &inner,
                    err) != 0)
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

int page_display_plan(const struct plan *plan,
                      const struct manifest_instance *instance,
                      struct plan *ret, struct error *err)
{
    struct plan display;
    struct view view;

    view_measure(&plan->view, &view);
    if (plan_derive(plan, &view, instance, &display, err) != 0)
        return -1;
    display.depth = plan->depth;
    display.pages = plan->pages;
    display.has_region = true;
    display.region = plan->region;
    display.resizes = plan->resizes;
    display.target = plan->target;
    display.view.filter = plan->view.filter;
    *ret = display;
    return 0;
}

/* The mask of what does not enter the statistics of frame `k`. */
static int mark_background(const struct page_job *job, uint32_t k,
                           const struct image *resized, struct image *mask,
                           struct error *err)
{
    CLEANUP(image_free) struct image display = {0};
    struct page_job other = *job;
    struct plan plan;

    if (page_display_plan(job->plan, &job->frames->instance, &plan, err) != 0)
        return -1;
    other.plan = &plan;
    other.extent = job->numbers.display;
    if (page_resized(&other, k, &display, NULL, err) != 0)
        return -1;
    if (!mask->data) {
        if (image_alloc(resized->width, resized->height, 1, SAMPLE_U8, mask,
                        err) != 0)
            return -1;
        pad_constant(0.0, mask);
    }
    norm_mark_background(&display, mask);
    return 0;
}

/* Adds what the statistics of resized frame `k` take; `mask` may become
 * larger by the background. */
static int add_moments(const struct page_job *job, uint32_t k,
                       const struct image *resized, struct image *mask,
                       struct norm_moments *acc, struct error *err)
{
    if (job->plan->view.norm_fg &&
        mark_background(job, k, resized, mask, err) != 0)
        return -1;
    page_measure(resized, mask, acc);
    return 0;
}

int page_moments(const struct page_job *job, uint32_t k,
                 struct norm_moments *acc, struct error *err)
{
    CLEANUP(image_free) struct image resized = {0};
    CLEANUP(image_free) struct image mask = {0};

    if (page_resized(job, k, &resized, &mask, err) != 0)
        return -1;
    return add_moments(job, k, &resized, &mask, acc, err);
}

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

    if (resized_with(job, k, tools, &resized, of_frame ? &mask : NULL, err) !=
            0 ||
        (of_frame && add_moments(job, k, &resized, &mask, &moments, err) != 0))
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
