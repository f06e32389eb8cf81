// SPDX-License-Identifier: MIT
/* page_norm.c: what normalises a page, and what of it is measured. */
#include "render/page_impl.h"

#include "image/image.h"
#include "image/pad.h"
#include "prepfs/cleanup.h"

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
        return norm_unit(s->min, s->max, unit);
    case VIEW_NORM_SYM:
        return norm_sym(s->min, s->max, unit);
    case VIEW_NORM_Z:
    case VIEW_NORM_NONE:
        break;
    }
    return norm_fixed(s->mean, s->sd, unit);
}

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

int page_add_moments(const struct page_job *job, uint32_t k,
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
    return page_add_moments(job, k, &resized, &mask, acc, err);
}
