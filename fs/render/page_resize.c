// SPDX-License-Identifier: MIT
/* page_resize.c: region and resize. */
#include "render/page_impl.h"

#include "image/image.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"
#include "render/stack.h"

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

int page_resize_into(const struct page_job *job, struct tool_set *tools,
                     const struct image *values, const struct image *dst,
                     struct error *err)
{
    return resize_into(job, tools, values, filters[job->plan->view.filter], dst,
                       err);
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

int page_resized_with(const struct page_job *job, uint32_t k,
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
    rc = page_resized_with(job, k, tools, ret, ret_padding, err);
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
    return page_resize_into(&part, tools, values, &line, err);
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
