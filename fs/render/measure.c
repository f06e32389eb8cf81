// SPDX-License-Identifier: MIT
/*
 * measure.c: passes over the frames of an instance.
 *
 * Crop boxes and paddings of hu, raw, range and float views are measured on
 * the display samples of the same view, so that they agree in every type.
 */
#include "render/measure.h"

#include <math.h>
#include <string.h>

#include "image/crop.h"
#include "image/image.h"
#include "prepfs/cleanup.h"
#include "render/spec.h"

/* What cannot be kept is measured again next time. */
static void keep_fact(const struct measure *m, const struct page_job *job,
                      const char *prefix, const struct manifest_fact *fact)
{
    struct error ignored = ERROR_INIT;

    (void)manifest_fact_put(m->manifest, job->frames->object_id, prefix,
                            m->engine, fact, &ignored);
}

/* ---- extent ------------------------------------------------------------- */

static void extent_prefix(const struct view *view, char *buf, size_t size)
{
    struct view values;
    size_t n = 0;

    /* Stored and modality values of the same frames are two facts. */
    if (view->values == VIEW_VALUES_RAW)
        n = (size_t)snprintf(buf, size, "raw:");
    view_measure_values(view, &values);
    (void)view_print(&values, buf + n, size - n);
}

static int extent_measure(struct page_job *job, struct error *err)
{
    for (uint32_t f = 0; f < job->plan->frames; f++)
        if (page_extent(job, f, &job->extent, err) != 0)
            return -1;
    return 0;
}

static int extent_recall(const struct measure *m, struct page_job *job,
                         const char *prefix, struct error *err)
{
    struct manifest_fact fact;
    int found = manifest_fact_get(m->manifest, job->frames->object_id, prefix,
                                  m->engine, &fact, err);

    if (found <= 0 || isnan(fact.vmin))
        return found < 0 ? -1 : 0;
    job->extent = (struct values_extent){fact.vmin, fact.vmax, 1};
    return 1;
}

/* Of slices the first stands for all, but for the window: those that have
 * none need the extent, and the manifest counts them. */
static int extent_needed(const struct page_job *job, bool *ret,
                         struct error *err)
{
    struct sources *sources = job->maker->sources;
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;

    if (frames_source(job->frames, sources, &ref, &source, err) != 0)
        return -1;
    *ret =
        spec_needs_extent(job->plan, source->header) ||
        (job->frames->slices.windowless > 0 && spec_may_need_extent(job->plan));
    source_put(sources, &ref);
    return 0;
}

int measure_extent(const struct measure *m, struct page_job *job,
                   struct error *err)
{
    struct manifest_fact fact = {.vmin = 0.0};
    char prefix[VIEW_TEXT_SIZE + 8];
    bool needed;
    int found;

    job->extent = (struct values_extent){0.0, 0.0, 0};
    if (extent_needed(job, &needed, err) != 0)
        return -1;
    if (!needed)
        return 0;
    extent_prefix(&job->plan->view, prefix, sizeof prefix);
    found = extent_recall(m, job, prefix, err);
    if (found != 0)
        return found < 0 ? -1 : 0;
    if (extent_measure(job, err) != 0)
        return -1;
    fact.vmin = job->extent.count ? job->extent.min : 0.0;
    fact.vmax = job->extent.count ? job->extent.max : 0.0;
    keep_fact(m, job, prefix, &fact);
    return 0;
}

/* ---- crop --------------------------------------------------------------- */

/* A job for the display samples that `job`'s view would have, down to where
 * the crop is. `plan` holds its plan. */
static int display_job(const struct measure *m, const struct page_job *job,
                       struct plan *plan, struct page_job *ret,
                       struct error *err)
{
    struct view view;

    view_measure(&job->plan->view, &view);
    if (plan_derive(job->plan, &view, &job->frames->instance, plan, err) != 0)
        return -1;
    *ret = *job;
    ret->plan = plan;
    return measure_extent(m, ret, err);
}

static int crop_frame(const struct page_job *display, uint32_t k,
                      const struct crop_params *params, struct crop_union *u,
                      struct image *ret_only, struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    CLEANUP(image_free) struct image padding = {0};
    struct image_box box;
    bool blank;

    uint64_t start;
    int rc;

    if (page_values(display, k, &values, &padding, err) != 0)
        return -1;
    start = clock_ns();
    rc = crop_measure(&values, params, padding.data ? &padding : NULL, &box,
                      &blank, err);
    page_spent(display->maker, &display->maker->crop_ns, start);
    if (rc != 0)
        return -1;
    crop_union_add(u, &box, blank);
    if (display->plan->depth.after_slab == 1) {
        *ret_only = values;
        values = (struct image){0};
    }
    return 0;
}

static int crop_pages(const struct measure *m, const struct page_job *job,
                      struct image_box *ret, struct image *ret_only,
                      struct error *err)
{
    const struct view *v = &job->plan->view;
    struct crop_params params = {v->crop_max, v->crop_nocomp,
                                 (float)v->crop_border};
    struct crop_union all = {{0, 0, 0, 0}, false};
    struct page_job display;
    struct plan plan;

    if (display_job(m, job, &plan, &display, err) != 0)
        return -1;
    for (uint32_t k = 0; k < plan.depth.after_slab; k++)
        if (crop_frame(&display, k, &params, &all, ret_only, err) != 0)
            return -1;
    *ret = crop_union_box(&all, plan.oriented_width, plan.oriented_height);
    return 0;
}

int measure_crop(const struct measure *m, const struct page_job *job,
                 struct image_box *ret, struct image *ret_only,
                 struct error *err)
{
    struct manifest_fact fact = {.vmin = NAN, .vmax = NAN};
    char prefix[VIEW_TEXT_SIZE];
    struct view view;
    int found;

    view_measure(&job->plan->view, &view);
    (void)view_print(&view, prefix, sizeof prefix);
    found = manifest_fact_get(m->manifest, job->frames->object_id, prefix,
                              m->engine, &fact, err);
    if (found < 0)
        return -1;
    if (found && image_box_is_inside(&fact.crop, job->plan->oriented_width,
                                     job->plan->oriented_height)) {
        *ret = fact.crop;
        return 0;
    }
    if (crop_pages(m, job, ret, ret_only, err) != 0)
        return -1;
    fact = (struct manifest_fact){.crop = *ret, .vmin = NAN, .vmax = NAN};
    keep_fact(m, job, prefix, &fact);
    return 0;
}

/* ---- padding ------------------------------------------------------------ */

/* The two sides of the first frame that the padding must tell apart; all of
 * it in the rare case that both axes are padded. */
static int pad_frame(const struct page_job *display, const struct image *only,
                     uint32_t add_width, uint32_t add_height, struct image *ret,
                     struct error *err)
{
    if (add_width > 0 && add_height > 0)
        return page_resized(display, 0, ret, NULL, err);
    return page_edges(display, only, add_width > 0, ret, err);
}

int measure_pad(const struct measure *m, const struct page_job *job,
                const struct image *only, struct pad *ret, struct error *err)
{
    CLEANUP(image_free) struct image first = {0};
    const struct plan *p = job->plan;
    uint32_t add_width = p->frame_width - p->target.cut.width;
    uint32_t add_height = p->frame_height - p->target.cut.height;
    struct page_job display = *job;
    struct plan plan;

    *ret = (struct pad){0, 0, 0, 0};
    if (add_width == 0 && add_height == 0)
        return 0;
    if (page_display_plan(p, &job->frames->instance, &plan, err) != 0)
        return -1;
    display.plan = &plan;
    if (measure_extent(m, &display, err) != 0 ||
        pad_frame(&display, only, add_width, add_height, &first, err) != 0)
        return -1;
    return pad_measure(PAD_ZERO, &first, first.width + add_width,
                       first.height + add_height, ret, err);
}

/* ---- fills -------------------------------------------------------------- */

static bool needs_limits(const struct view *v)
{
    return v->fill == VIEW_FILL_MIN || v->fill == VIEW_FILL_MAX;
}

/* The frames and their values, and nothing that comes later. */
static void limits_prefix(const struct plan *plan, char *buf, size_t size)
{
    const struct view v = plan->view;
    struct view values;

    view_measure(&v, &values);
    values.order = v.pick_first ? v.order : VIEW_ORDER_GEOM;
    values.values = v.values;
    values.range_lo = v.range_lo;
    values.range_hi = v.range_hi;
    values.flip = 0;
    values.rot = 0.0;
    values.plane = VIEW_PLANE_STORED;
    values.vol = VIEW_VOL_KEEP;
    values.slab = VIEW_SLAB_NONE;
    values.region = VIEW_REGION_NONE;
    /* lapmip has a range in integers, others in floats */
    (void)snprintf(buf, size, "limits-%d:", (int)plan->value_type);
    (void)view_print(&values, buf + strlen(buf), size - strlen(buf));
}

static int limits_of_frame(const struct page_job *job, uint32_t f,
                           struct norm_moments *acc, struct error *err)
{
    CLEANUP(image_free) struct image values = {0};
    CLEANUP(image_free) struct image padding = {0};
    struct tool_set *tools = tools_borrow(job->maker->tools, err);
    int rc;

    if (!tools)
        return -1;
    rc = page_stored(job, f, tools, &values, &padding, err);
    tools_return(job->maker->tools, tools);
    if (rc == 0)
        page_measure(&values, &padding, acc);
    return rc;
}

static int limits_measure(const struct page_job *job, struct manifest_fact *ret,
                          struct error *err)
{
    struct norm_moments all = {0};
    struct plan straight = *job->plan;
    struct page_job plain = *job;

    straight.view.plane = VIEW_PLANE_STORED;
    straight.oblique = false;
    plain.plan = &straight;
    for (uint32_t f = 0; f < straight.frames; f++)
        if (limits_of_frame(&plain, f, &all, err) != 0)
            return -1;
    *ret = (struct manifest_fact){.vmin = all.min, .vmax = all.max};
    return 0;
}

static int measure_limits(const struct measure *m, struct page_job *job,
                          struct error *err)
{
    char prefix[VIEW_TEXT_SIZE + 16];
    struct manifest_fact fact;
    int found;

    if (!needs_limits(&job->plan->view))
        return 0;
    limits_prefix(job->plan, prefix, sizeof prefix);
    found = manifest_fact_get(m->manifest, job->frames->object_id, prefix,
                              m->engine, &fact, err);
    if (found < 0)
        return -1;
    if (found == 0 || isnan(fact.vmin) || isnan(fact.vmax)) {
        if (limits_measure(job, &fact, err) != 0)
            return -1;
        keep_fact(m, job, prefix, &fact);
    }
    job->numbers.fill_min = fact.vmin;
    job->numbers.fill_max = fact.vmax;
    return 0;
}

/* ---- statistics --------------------------------------------------------- */

static int display_extent(const struct measure *m, struct page_job *job,
                          struct error *err)
{
    struct page_job display = *job;
    struct plan plan;

    if (!job->plan->view.norm_fg)
        return 0;
    if (page_display_plan(job->plan, &job->frames->instance, &plan, err) != 0)
        return -1;
    display.plan = &plan;
    if (measure_extent(m, &display, err) != 0)
        return -1;
    job->numbers.display = display.extent;
    return 0;
}

bool measure_has_stats(const struct plan *plan)
{
    return plan->view.norm != VIEW_NORM_NONE &&
           plan->view.norm != VIEW_NORM_FIXED && !plan->view.norm_frame;
}

bool measure_is_known(const struct plan *plan,
                      const struct manifest_output *known)
{
    const struct view *v = &plan->view;

    return known && !needs_limits(v) && !v->norm_fg &&
           (!measure_has_stats(plan) || known->has_stats);
}

int measure_numbers(const struct measure *m, struct page_job *job,
                    const struct page_stats *known, struct error *err)
{
    struct norm_moments all = {0};

    if (measure_limits(m, job, err) != 0 || display_extent(m, job, err) != 0)
        return -1;
    if (!measure_has_stats(job->plan))
        return 0;
    if (known) {
        job->numbers.stats = *known;
        return 0;
    }
    for (uint32_t k = 0; k < job->plan->depth.resized; k++)
        if (page_moments(job, k, &all, err) != 0)
            return -1;
    job->numbers.stats = page_stats_of(job->plan, &all);
    return 0;
}
