// SPDX-License-Identifier: MIT
/*
 * shape.c: what a leaf will be, from header data alone.
 */
#include "render/measure.h"
#include "render/plan.h"
#include "render/render.h"
#include "tiff/tiff.h"

static void fill_output(const struct plan *plan, struct manifest_output *ret)
{
    ret->width = plan->out_width;
    ret->height = plan->out_height;
    ret->channels = plan->out_channels;
    ret->num_frames = plan->pages;
    ret->dtype = plan->out_type;
    ret->scale_x = ret->scale_y = 1;
    /* A box makes the row count as measured, so it needs its padding and its
     * statistics too. */
    if (!plan->has_region || plan_needs_pad(plan) || measure_has_stats(plan))
        return;
    ret->crop = plan->region;
    ret->scale_x = (double)plan->target.scale_x;
    ret->scale_y = (double)plan->target.scale_y;
    ret->pad[0] = plan->pad.left;
    ret->pad[1] = plan->pad.top;
    ret->pad[2] = plan->pad.right;
    ret->pad[3] = plan->pad.bottom;
}

int render_shape(const struct view *view,
                 const struct manifest_instance *instance,
                 struct manifest_output *ret)
{
    struct error refusal = ERROR_INIT;
    struct tiff_layout layout;
    struct tiff_spec spec;
    struct plan plan;

    if (plan_init(view, instance, &plan, &refusal) != 0 || plan.refusal ||
        !plan.has_size || view->pack != VIEW_PACK_NONE)
        return 0;
    plan_tiff(&plan, &spec);
    if (tiff_layout_init(&spec, NULL, &layout, &refusal) != 0)
        return 0;
    ret->bytes = layout.size;
    tiff_layout_deinit(&layout);
    fill_output(&plan, ret);
    return 1;
}
