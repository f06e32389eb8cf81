// SPDX-License-Identifier: MIT
/*
 * plan_parts.c: what one leaf of several shows: a page of all, or a patch cut
 * from the pages.
 */
#include <assert.h>

#include "render/plan_impl.h"

enum pad_fill plan_fill(const struct plan *p)
{
    switch (p->view.fill) {
    case VIEW_FILL_EDGE:
        return PAD_FILL_EDGE;
    case VIEW_FILL_REFLECT:
        return PAD_FILL_REFLECT;
    case VIEW_FILL_NUMBER:
    case VIEW_FILL_MIN:
    case VIEW_FILL_MAX:
        break;
    }
    return PAD_FILL_VALUE;
}

/* ---- sizes -------------------------------------------------------------- */

static struct patches_size size_of(const struct view_dims *dims)
{
    return (struct patches_size){dims->width, dims->height, dims->depth};
}

/* Is it known what patches of this view are cut from, as far as their number
 * and their place depend on it? */
static bool has_volume(const struct plan *p)
{
    return p->whole_width > 0 &&
           (p->depth.pages > 0 || p->view.patch_size.depth == 0);
}

/* A patch without a depth takes every frame, however many those are. */
static struct patches_size volume_of(const struct plan *p)
{
    return (struct patches_size){p->whole_width, p->whole_height,
                                 p->depth.pages > 0 ? p->depth.pages : 1};
}

struct patches_size plan_patch_size(const struct plan *p)
{
    struct patches_size size = size_of(&p->view.patch_size);
    struct patches_size volume = {0, 0, p->depth.pages};

    return patches_resolve(&size, &volume);
}

/* ---- how many ----------------------------------------------------------- */

static int count_tiles(const struct plan *p, uint32_t *ret, struct error *err)
{
    struct patches_size volume = volume_of(p);
    struct patches_size tile = size_of(&p->view.patch_size);
    struct patches_size stride = size_of(&p->view.patch_stride);
    uint64_t count;

    if (!has_volume(p))
        return 1;
    count = patches_grid_count(&volume, &tile, &stride);
    if (count == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "no tile of the grid fits into %u x %u x %u",
                         volume.width, volume.height, volume.depth);
    if (count > VIEW_PARTS_MAX)
        return error_set(err, ERROR_NO_IDS,
                         "the grid has %llu tiles; an object can have %d files",
                         (unsigned long long)count, VIEW_PARTS_MAX);
    *ret = (uint32_t)count;
    return 0;
}

static int count_patches(const struct plan *p, uint32_t *ret, struct error *err)
{
    switch (p->view.patches) {
    case VIEW_PATCHES_GRID:
        return count_tiles(p, ret, err);
    case VIEW_PATCHES_RAND:
        *ret = p->view.rand_count;
        return 0;
    case VIEW_PATCHES_ROI:
        *ret = p->findings;
        if (p->findings > 0)
            return 0;
        return error_set(err, ERROR_NOT_FOUND,
                         "table %s of the manifest's roi has nothing for this",
                         p->view.roi_name);
    case VIEW_PATCHES_NONE:
        break;
    }
    return error_set(err, ERROR_NOT_FOUND, "this view has no patches");
}

int plan_count_parts(const struct plan *p, uint32_t *ret, struct error *err)
{
    switch (view_parts_of(&p->view)) {
    case VIEW_PART_PATCH:
        return count_patches(p, ret, err);
    case VIEW_PART_FRAME:
        *ret = p->depth.pages;
        return p->depth.pages > 0 ? 0 : 1;
    case VIEW_PART_NONE:
        break;
    }
    return error_set(err, ERROR_NOT_FOUND, "this view has no parts");
}

/* ---- one of them -------------------------------------------------------- */

static void place_patch(struct plan *p)
{
    struct patches_size volume = volume_of(p);
    struct patches_size size = size_of(&p->view.patch_size);
    struct patches_size stride = size_of(&p->view.patch_stride);

    if (!has_volume(p))
        return;
    if (p->view.patches == VIEW_PATCHES_RAND)
        p->patch =
            patches_rand(p->uid, p->view.rand_seed, p->part, &volume, &size);
    else if (p->view.patches == VIEW_PATCHES_GRID &&
             patches_grid_count(&volume, &size, &stride) >= p->part)
        p->patch = patches_grid(&volume, &size, &stride, p->part - 1);
}

void plan_narrow(struct plan *p)
{
    struct patches_size size = plan_patch_size(p);

    if (p->part == 0)
        return;
    if (p->view.patches != VIEW_PATCHES_NONE) {
        p->out_width = size.width;
        p->out_height = size.height;
        p->pages = size.depth;
        place_patch(p);
    } else if (p->pages > 0) {
        p->first_page = p->part - 1;
        p->pages = 1;
    }
}

int plan_check_part(const struct plan *p, struct error *err)
{
    uint32_t count = 0;
    int rc;

    if (p->part == 0)
        return 0;
    rc = plan_count_parts(p, &count, err);
    if (rc < 0)
        return -1;
    if (rc > 0 || p->part <= count)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "there is no part %u of %u", p->part,
                     count);
}

bool plan_is_patch(const struct plan *p)
{
    return p->part > 0 && p->view.patches != VIEW_PATCHES_NONE;
}

int64_t plan_first(const struct plan *p)
{
    return plan_is_patch(p) ? p->patch.z : (int64_t)p->first_page;
}

int64_t plan_page(const struct plan *p, uint32_t page)
{
    int64_t at = plan_first(p) + page;

    return plan_is_patch(p) ? patches_frame(plan_fill(p), at, p->depth.pages)
                            : at;
}

int64_t plan_source(const struct plan *p, uint32_t page)
{
    int64_t at = plan_page(p, page);

    return at < 0 ? -1 : depth_source(&p->depth, (uint32_t)at);
}

void plan_set_origin(struct plan *p, const struct patches_origin *origin)
{
    assert(p->view.patches == VIEW_PATCHES_ROI);
    p->patch = *origin;
}
