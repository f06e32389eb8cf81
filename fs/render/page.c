// SPDX-License-Identifier: MIT
/*
 * page.c: decode, values, orient, region, resize, pad, convert; each step
 * hands an image to the next and is skipped where it changes nothing.
 */
#include "render/page.h"

#include <time.h>

#include "image/convert.h"
#include "image/image.h"
#include "image/pad.h"
#include "image/palette.h"
#include "prepfs/cleanup.h"
#include "render/spec.h"

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A decoded frame with the header it belongs to. */
struct stored {
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
}

static int stored_get(const struct page_job *job, uint32_t page,
                      struct stored *ret, struct error *err)
{
    struct stored s = {.frame = plan_frame(job->plan, page)};
    const struct source *source;

    if (job->plan->refusal)
        return error_set(err, ERROR_UNSUPPORTED, "%s", job->plan->refusal);
    if (job->order)
        s.frame = job->order[s.frame];
    if (source_check(job->maker->sources, job->instance, err) != 0 ||
        source_get(job->maker->sources, job->instance, &s.source_ref, &source,
                   err) != 0)
        return -1;
    s.header = source->header;
    /* A window that the image does not have is refused before the decode. */
    if (spec_init(job->plan, s.header, s.frame, &job->extent, &s.spec, err) !=
            0 ||
        frame_get(job->maker->sources, job->instance, s.frame, &s.frame_ref,
                  &s.image, err) != 0) {
        source_put(job->maker->sources, &s.source_ref);
        return -1;
    }
    *ret = s;
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

static int values_of(const struct page_job *job, const struct stored *s,
                     struct tool_set *tools, struct image *ret,
                     struct image *ret_padding, struct error *err)
{
    int rc = job->plan->desc.photometric == DECODE_PALETTE
                 ? palette_values(job, s, ret, err)
                 : grey_values(job, s, tools, ret, err);

    if (rc == 0)
        rc = orient_owned(&job->plan->orient, ret, err);
    if (rc == 0 && ret_padding)
        rc = padding_mask(job, s, ret_padding, err);
    if (rc == 0 && ret_padding)
        rc = orient_owned(&job->plan->orient, ret_padding, err);
    if (rc == 0)
        return 0;
    image_free(ret);
    if (ret_padding)
        image_free(ret_padding);
    return -1;
}

static int values_with(const struct page_job *job, uint32_t page,
                       struct tool_set *tools, struct image *ret,
                       struct image *ret_padding, struct error *err)
{
    struct stored s;
    uint64_t start;
    int rc;

    *ret = (struct image){0};
    if (ret_padding)
        *ret_padding = (struct image){0};
    if (stored_get(job, page, &s, err) != 0)
        return -1;
    start = now_ns();
    rc = values_of(job, &s, tools, ret, ret_padding, err);
    job->maker->image_ns += now_ns() - start;
    stored_put(job, &s);
    return rc;
}

int page_values(const struct page_job *job, uint32_t page, struct image *ret,
                struct image *ret_padding, struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = values_with(job, page, tools, ret, ret_padding, err);
    tools_return(job->maker->tools, tools);
    return rc;
}

int page_extent(const struct page_job *job, uint32_t page,
                struct values_extent *acc, struct error *err)
{
    struct values_spec spec;
    struct stored s;

    if (stored_get(job, page, &s, err) != 0)
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
                       const struct image *values, const struct image *dst,
                       struct error *err)
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
                          &p->target, filters[p->view.filter], &ref, &weights,
                          err) != 0)
        return -1;
    rc = resize_apply(weights, &region, dst, &tools->scratch, err);
    tools_put_plan(job->maker->tools, &ref);
    return rc;
}

static int resized_with(const struct page_job *job, uint32_t page,
                        struct tool_set *tools, struct image *ret,
                        struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    const struct image_box *cut = &job->plan->target.cut;

    if (values_with(job, page, tools, &values, NULL, err) != 0)
        return -1;
    if (image_alloc(cut->width, cut->height, values.channels, values.type, ret,
                    err) != 0)
        return -1;
    if (resize_into(job, tools, &values, ret, err) == 0)
        return 0;
    image_free(ret);
    return -1;
}

int page_resized(const struct page_job *job, uint32_t page, struct image *ret,
                 struct error *err)
{
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = resized_with(job, page, tools, ret, err);
    tools_return(job->maker->tools, tools);
    return rc;
}

/* Region, resize and padding of `values` in one go: the resize writes where
 * the padding leaves room for it. */
static int compose(const struct page_job *job, struct tool_set *tools,
                   const struct image *values, struct image *ret,
                   struct error *err)
{
    const struct plan *p = job->plan;
    struct image_box box;
    struct image inner;

    if (image_alloc(p->out_width, p->out_height, values->channels, values->type,
                    ret, err) != 0)
        return -1;
    box = p->pads ? pad_box(&p->pad, p->out_width, p->out_height)
                  : (struct image_box){0, 0, p->out_width, p->out_height};
    inner = image_sub(ret, &box);
    if (resize_into(job, tools, values, &inner, err) != 0)
        return -1;
    if (p->pads)
        pad_margins(&p->pad, PAD_FILL_VALUE, p->view.fill_number, ret);
    return 0;
}

static bool changes_nothing(const struct plan *p)
{
    return !p->resizes && !p->pads && p->region.width == p->oriented_width &&
           p->region.height == p->oriented_height;
}

static enum convert_scale scale_of(const struct plan *p)
{
    bool is_unit =
        view_is_windowed(&p->view) || p->view.values == VIEW_VALUES_RANGE;

    return is_unit ? CONVERT_UNIT : CONVERT_VALUE;
}

/* Converts `from`, which is taken over, to what the file holds. */
static int finish(const struct plan *p, struct image *from, struct image *ret,
                  struct error *err)
{
    if (from->type == p->out_type && from->channels == p->out_channels) {
        *ret = *from;
        *from = (struct image){0};
        return 0;
    }
    if (image_alloc(p->out_width, p->out_height, p->out_channels, p->out_type,
                    ret, err) != 0)
        return -1;
    if (convert_image(from, scale_of(p), ret, err) == 0)
        return 0;
    image_free(ret);
    return -1;
}

static int render_with(const struct page_job *job, uint32_t page,
                       struct tool_set *tools, struct image *ret,
                       struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    CLEANUP(image_free) struct image composed = {0};
    uint64_t start;
    int rc;

    if (values_with(job, page, tools, &values, NULL, err) != 0)
        return -1;
    start = now_ns();
    if (changes_nothing(job->plan))
        rc = finish(job->plan, &values, ret, err);
    else if ((rc = compose(job, tools, &values, &composed, err)) == 0)
        rc = finish(job->plan, &composed, ret, err);
    job->maker->image_ns += now_ns() - start;
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
