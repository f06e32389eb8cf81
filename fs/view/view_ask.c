// SPDX-License-Identifier: MIT
/*
 * view_ask.c: what the rest of prepfs wants to know about a view.
 */
#include "view/view_ops.h"

#include <string.h>

bool view_is_windowed(const struct view *view)
{
    return view->values == VIEW_VALUES_DISPLAY ||
           view->window != VIEW_WINDOW_DEFAULT;
}

enum view_dtype view_default_dtype(const struct view *view)
{
    if (view->norm != VIEW_NORM_NONE || view->values == VIEW_VALUES_HU ||
        view->values == VIEW_VALUES_RANGE)
        return VIEW_DTYPE_F32;
    return VIEW_DTYPE_DEFAULT;
}

/* Does the image have a size that the crop box cannot change, before patches
 * are cut? A size without padding keeps the box's aspect; noup leaves a
 * small box small where nothing pads it. */
static bool is_size_fixed(const struct view *v)
{
    if (v->canvas.width > 0)
        return true;
    if (v->resize != VIEW_RESIZE_SIZE)
        return false;
    if (v->size_mode == VIEW_SIZE_FIT)
        return v->pad != VIEW_PAD_NONE;
    return !v->noup;
}

/* The distance of frames is in the source, that of slices in the manifest.
 * Where the axes of a volume point to, which decides all sides when it is
 * resliced, only the source tells. */
static bool is_depth_measured(const struct view *v)
{
    if (v->plane != VIEW_PLANE_STORED)
        return true;
    return v->select != VIEW_SELECT_SERIES &&
           v->resize == VIEW_RESIZE_SPACING && v->spacing_z > 0 &&
           v->canvas.depth == 0;
}

enum view_part_kind view_parts_of(const struct view *view)
{
    if (view->patches != VIEW_PATCHES_NONE)
        return VIEW_PART_PATCH;
    return view->select == VIEW_SELECT_FRAMES ? VIEW_PART_FRAME
                                              : VIEW_PART_NONE;
}

bool view_parts_are_known(const struct view *view)
{
    if (view->select == VIEW_SELECT_FRAMES)
        return !is_depth_measured(view);
    if (view->patches != VIEW_PATCHES_GRID)
        return true;
    if (view->plane != VIEW_PLANE_STORED)
        return false;
    if (view->patch_size.depth > 0 && is_depth_measured(view))
        return false;
    return view->region != VIEW_REGION_CROP || is_size_fixed(view);
}

bool view_leaf_size_is_known(const struct view *view, enum view_ext ext)
{
    switch (ext) {
    case VIEW_EXT_PNG:
    case VIEW_EXT_JSON:
        return false;
    case VIEW_EXT_TIFF:
        if (view->pack != VIEW_PACK_NONE)
            return false;
        break;
    case VIEW_EXT_NPY:
    case VIEW_EXT_NII:
        break;
    }
    if (view->plane != VIEW_PLANE_STORED)
        return false;
    /* a patch without a depth takes every frame */
    if (is_depth_measured(view) && view->patch_size.depth == 0)
        return false;
    return view->region != VIEW_REGION_CROP || is_size_fixed(view) ||
           view->patches != VIEW_PATCHES_NONE;
}

bool view_size_is_known(const struct view *view)
{
    return view->pack == VIEW_PACK_NONE &&
           view_leaf_size_is_known(view, view->list);
}

bool view_is_built(const struct view *view, const char **ret_op)
{
    for (enum view_slot slot = 0; slot < SLOT_COUNT; slot++) {
        const struct view_form *form = view_form_in(view, slot);

        if (!form || form->built == BUILT_YES)
            continue;
        if (ret_op)
            *ret_op = form->label;
        return false;
    }
    return true;
}

void view_measure(const struct view *view, struct view *ret)
{
    const struct view v = *view;

    /* frames: each leaf is a page of the object, and the box is the union
     * over all pages, so the object is what is measured */
    memset(ret, 0, sizeof *ret);
    if (v.select == VIEW_SELECT_SERIES)
        ret->select = v.select;
    ret->pick_first = v.pick_first;
    ret->pick_last = v.pick_last;
    ret->pick_step = v.pick_step;
    ret->order = v.order;
    /* hu, range and raw alone have the default window: the parser saw to it.
     * Under a window, raw decides what the display samples are. */
    if (v.values == VIEW_VALUES_RAW && view_is_windowed(&v))
        ret->values = v.values;
    ret->window = v.window;
    ret->window_n = v.window_n;
    ret->window_function = v.window_function;
    ret->window_center = v.window_center;
    ret->window_width = v.window_width;
    ret->invert = v.invert;
    ret->padval = v.padval;
    ret->padval_number = v.padval_number;
    ret->plane = v.plane;
    ret->flip = v.flip;
    ret->rot = v.rot;
    ret->vol = v.vol;
    ret->vol_frames = v.vol_frames;
    ret->vol_skip_first = v.vol_skip_first;
    ret->vol_skip_last = v.vol_skip_last;
    ret->vol_weight = v.vol_weight;
    ret->vol_central = v.vol_central;
    ret->slab = v.slab;
    ret->slab_depth = v.slab_depth;
    ret->slab_stride = v.slab_stride;
    if (v.region != VIEW_REGION_CROP)
        return;
    ret->region = v.region;
    ret->crop_max = v.crop_max;
    ret->crop_nocomp = v.crop_nocomp;
    ret->crop_border = v.crop_border;
}

void view_measure_values(const struct view *view, struct view *ret)
{
    const struct view v = *view;

    memset(ret, 0, sizeof *ret);
    if (v.select == VIEW_SELECT_SERIES)
        ret->select = v.select;
    ret->pick_first = v.pick_first;
    ret->pick_last = v.pick_last;
    ret->pick_step = v.pick_step;
    if (v.pick_first > 0) /* which frames are picked depends on the order */
        ret->order = v.order;
}

void view_planes(const struct view *view, struct view *ret)
{
    struct view v = *view;

    /* what comes behind the plane is not there */
    v.flip = 0;
    v.rot = 0;
    v.vol = VIEW_VOL_KEEP;
    v.vol_frames = v.vol_skip_first = v.vol_skip_last = 0;
    v.vol_weight = 0;
    v.vol_central = false;
    v.slab = VIEW_SLAB_NONE;
    v.slab_depth = v.slab_stride = 0;
    v.region = VIEW_REGION_NONE;
    view_measure(&v, ret);
    ret->values = v.values;
    ret->range_lo = v.range_lo;
    ret->range_hi = v.range_hi;
}

void view_pixels(const struct view *view, struct view *ret)
{
    *ret = *view;
    if (ret->select == VIEW_SELECT_FRAMES)
        ret->select = VIEW_SELECT_OBJECT;
    ret->pack = VIEW_PACK_NONE;
    ret->big = false;
    ret->list = VIEW_EXT_TIFF;
    ret->tree = false;
}
