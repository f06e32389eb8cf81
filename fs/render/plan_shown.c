// SPDX-License-Identifier: MIT
/*
 * plan_shown.c: the way back, from a page to the frames that it is made of.
 */
#include "image/vol.h"
#include "render/plan.h"

/* The frames that take part in frame k of depth.after_vol. */
static void picked_of(const struct plan *p, uint32_t k, uint32_t *ret_first,
                      uint32_t *ret_last)
{
    const struct depth *depth = &p->depth;
    struct vol_blend blend;

    *ret_first = *ret_last = k;
    if (p->view.vol == VIEW_VOL_INTERP) {
        blend = vol_blend_at(depth->picked, depth->after_vol, k);
        *ret_first = blend.first;
        *ret_last = blend.weight > 0 ? blend.second : blend.first;
    } else if (p->view.vol != VIEW_VOL_KEEP) {
        *ret_first = depth->vol.first;
        *ret_last = depth->vol.first + depth->vol.count - 1;
    }
}

bool plan_shown(const struct plan *p, uint32_t page, struct vol_range *ret)
{
    bool is_slab = p->view.slab != VIEW_SLAB_NONE && p->depth.after_vol > 1;
    uint32_t stride = is_slab ? p->view.slab_stride : 1;
    uint32_t thick = is_slab ? p->view.slab_depth : 1;
    int64_t k = plan_source(p, page);
    struct vol_blend blend;
    uint32_t first, last, unused;

    if (k < 0 || k >= p->depth.resized)
        return false;
    blend = depth_blend(&p->depth, (uint32_t)k);
    if (!(blend.weight > 0))
        blend.second = blend.first;
    picked_of(p, blend.first * stride, &first, &unused);
    picked_of(p, blend.second * stride + thick - 1, &unused, &last);
    *ret = plan_slices(p, first, last);
    return true;
}
