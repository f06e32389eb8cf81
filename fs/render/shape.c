// SPDX-License-Identifier: MIT
/*
 * shape.c: what a leaf will be, from header data alone.
 */
#include "render/layout.h"
#include "render/measure.h"
#include "render/object.h"

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

/* As folders do: every object has a .json, and parts are counted. */
static bool is_left_out(enum leaf_kind kind, bool has_parts,
                        const struct error *refusal)
{
    return refusal->kind == ERROR_NOT_FOUND && kind != LEAF_JSON && !has_parts;
}

int render_shape(const struct view *view,
                 const struct manifest_instance *instance,
                 struct manifest_output *ret)
{
    struct layout_facts none = {.strip_bytes = NULL};
    enum leaf_kind kind = (enum leaf_kind)view->list;
    struct error refusal = ERROR_INIT;
    bool has_parts = view_parts_of(view) != VIEW_PART_NONE;
    struct layout layout;
    struct plan plan;

    if (plan_init(view, instance, &plan, &refusal) != 0)
        return is_left_out(kind, has_parts, &refusal) ? MANIFEST_NO_LEAF : 0;
    /* Parts are alike; how many findings there are, who lists them knows. */
    plan_set_findings(&plan, 1);
    if ((has_parts && plan_set_part(&plan, 1, &refusal) != 0) || plan.refusal ||
        !layout_is_early(kind, &plan) ||
        layout_init(kind, &plan, &none, &layout, &refusal) != 0)
        return 0;
    ret->bytes = layout.size;
    layout_deinit(&layout);
    fill_output(&plan, ret);
    return 1;
}

/* 0: not known yet. Of what cannot be shown folders list one part, whose
 * LOOKUP says why. */
static uint32_t count_parts(struct manifest *m, const struct view *view,
                            const struct manifest_instance *row)
{
    struct error refusal = ERROR_INIT;
    uint32_t parts = 0;
    struct plan plan;

    if (plan_init(view, row, &plan, &refusal) == 0 &&
        object_count_findings(m, row, &plan, &refusal) == 0 &&
        plan_count_parts(&plan, &parts, &refusal) == 0)
        return parts;
    return refusal.kind != ERROR_NONE && refusal.kind != ERROR_NOT_FOUND;
}

int render_shape_of_leaves(struct manifest *m, const struct view *view,
                           const struct manifest_instance *row,
                           struct manifest_output *ret)
{
    bool has_parts = view_parts_of(view) != VIEW_PART_NONE;

    if (has_parts)
        ret->parts = count_parts(m, view, row);
    /* without their number nothing can be said of parts */
    return has_parts && ret->parts == 0 ? 0 : render_shape(view, row, ret);
}

struct manifest_leaves render_leaves(const struct view *view, uint16_t view_id,
                                     bool gaps_allowed)
{
    static const char letters[] = {
        [VIEW_PART_NONE] = '\0',
        [VIEW_PART_FRAME] = 'f',
        [VIEW_PART_PATCH] = 'p',
    };

    return (struct manifest_leaves){
        .view_id = view_id,
        .fmt = (unsigned)view->list,
        .engine = render_engine_of(view, gaps_allowed),
        .of_series = view->select == VIEW_SELECT_SERIES,
        .part = letters[view_parts_of(view)],
    };
}
