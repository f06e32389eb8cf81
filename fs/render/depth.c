// SPDX-License-Identifier: MIT
/* depth.c: counting frames (depth.h). */
#include "render/depth.h"

#include <math.h>

#include "image/crop.h"
#include "image/slab.h"

/* ---- reductions --------------------------------------------------------- */

struct vol_spec depth_vol_spec(const struct view *view)
{
    struct vol_spec spec = {.op = VOL_MAX};

    switch (view->vol) {
    case VIEW_VOL_MINIP:
        spec.op = VOL_MIN;
        break;
    case VIEW_VOL_MEAN:
        spec.op = VOL_MEAN;
        break;
    case VIEW_VOL_LAPMIP:
        spec.op = VOL_LAPMIP;
        spec.weight = (float)view->vol_weight;
        spec.central = view->vol_central;
        break;
    case VIEW_VOL_KEEP:
    case VIEW_VOL_CENTRAL:
    case VIEW_VOL_MIP:
    case VIEW_VOL_INTERP:
        break;
    }
    return spec;
}

struct vol_spec depth_slab_spec(const struct view *view)
{
    static const enum vol_op ops[] = {
        [VIEW_SLAB_NONE] = VOL_MAX,      [VIEW_SLAB_MAX] = VOL_MAX,
        [VIEW_SLAB_MIN] = VOL_MIN,       [VIEW_SLAB_MEAN] = VOL_MEAN,
        [VIEW_SLAB_MEDIAN] = VOL_MEDIAN,
    };

    return (struct vol_spec){.op = ops[view->slab]};
}

bool depth_reduces(const struct view *view, const struct depth *d)
{
    return d->picked > 1 && view->vol != VIEW_VOL_KEEP &&
           view->vol != VIEW_VOL_INTERP;
}

static void set_vol(const struct view *v, struct depth *d)
{
    uint32_t n = d->picked;

    d->vol = (struct vol_range){0, n};
    d->after_vol = depth_reduces(v, d) ? 1 : n;
    if (v->vol == VIEW_VOL_INTERP)
        d->after_vol = vol_interp_frames(n, v->vol_frames);
    else if (v->vol == VIEW_VOL_CENTRAL)
        d->vol = (struct vol_range){vol_central(n), 1};
    else if (v->vol == VIEW_VOL_MIP || v->vol == VIEW_VOL_LAPMIP)
        d->vol = vol_range(n, v->vol_skip_first, v->vol_skip_last);
}

static int set_slab(const struct view *v, struct depth *d, struct error *err)
{
    d->after_slab = d->after_vol;
    if (v->slab == VIEW_SLAB_NONE)
        return 0;
    d->after_slab = slab_count(d->after_vol, v->slab_depth, v->slab_stride);
    if (d->after_slab > 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "no slab of %u fits into %u frames",
                     v->slab_depth, d->after_vol);
}

/* ---- region, resize, canvas --------------------------------------------- */

static int set_region(const struct view *v, struct depth *d, struct error *err)
{
    uint32_t n = d->after_slab;
    struct image_box asked = {v->region_z, 0, v->region_size.depth, 1};
    struct image_box box = {0, 0, n, 1};

    if (v->region_size.depth > 0 && v->region == VIEW_REGION_MID)
        box = crop_mid(n, 1, asked.width, 1);
    else if (v->region_size.depth > 0 && v->region == VIEW_REGION_BOX &&
             !crop_box(n, 1, &asked, &box))
        return error_set(err, ERROR_UNSUPPORTED,
                         "the box at frame %u lies outside the %u frames",
                         v->region_z, n);
    d->first = box.x;
    d->count = box.width;
    return 0;
}

static void set_canvas(const struct view *v, struct depth *d)
{
    struct image_box cut = {0, 0, d->resized, 1};
    struct pad pad = {0, 0, 0, 0};

    d->pages = d->resized;
    if (v->canvas.depth == 0)
        return;
    pad_canvas(d->resized, 1, v->canvas.depth, 1, &cut, &pad);
    d->pages = v->canvas.depth;
    d->canvas_front = pad.left;
    d->canvas_cut = cut.x;
}

static bool asks_z(const struct view *v, const struct depth *d)
{
    return v->resize == VIEW_RESIZE_SPACING && v->spacing_z > 0.0 &&
           d->count > 1;
}

int depth_init(const struct view *view, uint32_t picked, struct depth *ret,
               struct error *err)
{
    struct depth d = {.picked = picked};

    set_vol(view, &d);
    if (set_slab(view, &d, err) != 0 || set_region(view, &d, err) != 0)
        return -1;
    d.resized = d.count;
    if (view->resize == VIEW_RESIZE_SIZE && view->size.depth > 0)
        d.resized = vol_size_frames(d.count, view->size.depth, view->noup);
    d.needs_z = asks_z(view, &d);
    set_canvas(view, &d);
    /* with a depth the canvas hides how many there were */
    if (d.needs_z && view->canvas.depth == 0)
        d.pages = 0;
    *ret = d;
    return 0;
}

/* From page to page after vol and slab. */
static double z_of_slabs(const struct view *v, const struct depth *d,
                         double z_mm)
{
    if (v->vol == VIEW_VOL_INTERP)
        z_mm = vol_spacing_after(z_mm, d->picked, d->after_vol);
    if (v->slab != VIEW_SLAB_NONE && d->after_vol > 1)
        z_mm *= v->slab_stride;
    return z_mm;
}

/* vol_spacing_frames reckons in f32 frames per millimetre. */
static bool is_distance(double mm)
{
    return mm > 0.0 && (float)mm > 0.0f && isfinite(1.0f / (float)mm) &&
           1.0f / (float)mm > 0.0f;
}

int depth_set_z(const struct view *view, double z_mm, struct depth *d,
                struct error *err)
{
    double z = z_mm > 0.0 ? z_of_slabs(view, d, z_mm) : 0.0;

    if (d->needs_z) {
        if (!is_distance(z))
            return error_set(err, ERROR_UNSUPPORTED,
                             "the distance of the frames is not known");
        if (vol_spacing_frames(d->count, 1.0f / (float)z,
                               (float)view->spacing_z, view->noup,
                               VIEW_PARTS_MAX, &d->resized, err) != 0)
            return -1;
        d->needs_z = false;
        set_canvas(view, d);
    }
    if (z > 0.0 && d->resized > 1 && d->resized != d->count)
        z = vol_spacing_after(z, d->count, d->resized);
    d->z_mm = z;
    return 0;
}

/* ---- questions ---------------------------------------------------------- */

bool depth_needs_volume(const struct view *view, const struct depth *d)
{
    if (d->picked < 2)
        return false;
    return view->plane != VIEW_PLANE_STORED || view->vol != VIEW_VOL_KEEP ||
           view->slab != VIEW_SLAB_NONE ||
           (view->resize == VIEW_RESIZE_SIZE && view->size.depth > 0) ||
           (view->resize == VIEW_RESIZE_SPACING && view->spacing_z > 0.0);
}

int64_t depth_source(const struct depth *d, uint32_t page)
{
    return (int64_t)page + d->canvas_cut - d->canvas_front;
}

struct vol_blend depth_blend(const struct depth *d, uint32_t k)
{
    struct vol_blend b = {k, k, 0.0f};

    if (d->resized != d->count)
        b = vol_blend_at(d->count, d->resized, k);
    b.first += d->first;
    b.second += d->first;
    return b;
}
