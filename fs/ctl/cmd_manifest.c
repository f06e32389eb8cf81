// SPDX-License-Identifier: MIT
/*
 * The files of a view as CSV. Where the size of a leaf follows from header
 * data it is also entered in table `output`, so that SQL on the manifest sees
 * a view that nobody has read yet.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "prepfs/cleanup.h"
#include "render/plan.h"
#include "render/render.h"
#include "tiff/tiff.h"
#include "view/view.h"

/* What the tags of the leaf will say, as far as it is known. */
static void fill_output(const struct plan *plan, struct manifest_output *ret)
{
    ret->width = plan->out_width;
    ret->height = plan->out_height;
    ret->channels = plan->out_channels;
    ret->num_frames = plan->pages;
    ret->dtype = plan->out_type;
    ret->scale_x = ret->scale_y = 1;
    /* A box makes the row count as measured, so it needs its padding too. */
    if (!plan->has_region || plan_needs_pad(plan))
        return;
    ret->crop = plan->region;
    ret->scale_x = (double)plan->target.scale_x;
    ret->scale_y = (double)plan->target.scale_y;
    ret->pad[0] = plan->pad.left;
    ret->pad[1] = plan->pad.top;
    ret->pad[2] = plan->pad.right;
    ret->pad[3] = plan->pad.bottom;
}

/* manifest_shape_fn. A file that cannot be had is no reason to stop: it has
 * no size. */
static int shape(void *opaque, const struct manifest_instance *instance,
                 struct manifest_output *ret, struct error *err)
{
    const struct view *view = opaque;
    struct error refusal = ERROR_INIT;
    struct tiff_layout layout;
    struct tiff_spec spec;
    struct plan plan;

    (void)err;
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

static int parse_view(const struct ctl_args *args, struct view *ret,
                      struct error *err)
{
    const char *file = args->values[CTL_PRESETS];
    struct view_presets *presets = NULL;
    const char *op = NULL;

    if (file && view_presets_load(file, &presets, err) != 0)
        return -1;
    int rc = view_parse(args->positional[1], presets, ret, NULL, err);

    view_presets_free(presets);
    if (rc == 0 && !view_is_built(ret, &op))
        return error_set(err, ERROR_UNSUPPORTED, "%s is not built in yet", op);
    return rc;
}

static int print_csv(struct manifest *m, struct view *view, struct error *err)
{
    CLEANUP_FREE char *canonical = malloc(VIEW_TEXT_SIZE);
    uint64_t filled;
    uint16_t id;

    if (!canonical)
        return error_no_memory(err);
    (void)view_print(view, canonical, VIEW_TEXT_SIZE);
    if (manifest_view_intern(m, canonical, 0, &id, err) != 0 ||
        manifest_outputs_fill(m, id, render_engine(), shape, view, &filled,
                              err) != 0)
        return -1;
    return manifest_csv(m, id, render_engine(), shape, view, stdout, err);
}

int cmd_manifest(const struct ctl_args *args)
{
    struct error err = ERROR_INIT;
    struct view view;

    if (parse_view(args, &view, &err) != 0)
        return ctl_fail(args, &err);
    struct manifest *m =
        ctl_open(args, args->positional[0], CTL_WRITE, NULL, &err);

    if (!m)
        return ctl_fail(args, &err);
    int rc = print_csv(m, &view, &err);

    manifest_close(m);
    return rc == 0 ? ctl_finish_output(args) : ctl_fail(args, &err);
}
