// SPDX-License-Identifier: MIT
/* leaf_json_output.c: what the pages hold, what they show, where they are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "render/geometry.h"
#include "render/layout.h"
#include "render/leaf_json_impl.h"

/* ---- samples ------------------------------------------------------------ */

static const char *unit_of(const struct dicom_header *h)
{
    /* Defined terms of Rescale Type, PS3.3 C.11.1.1.2: no free text. */
    static const char *const units[] = {"HU", "OD",  "US",  "MGML",  "Z_EFF",
                                        "ED", "EDW", "PCT", "HU_MOD"};

    for (size_t i = 0; h->rescale_type && i < sizeof units / sizeof *units; i++)
        if (strcmp(h->rescale_type, units[i]) == 0)
            return units[i];
    if (!h->rescale_type && h->modality && strcmp(h->modality, "CT") == 0)
        return "HU"; /* PS3.3 C.8.2.1.1.2: of original CT images */
    return NULL;
}

/* What the samples can be: of integers all of the type. */
static void put_range(struct document *d)
{
    const struct plan *p = d->about->plan;
    struct json_leaf *l = &d->leaf;
    bool is_unit = plan_is_unit(p) && p->view.norm == VIEW_NORM_NONE;

    l->low = 0;
    l->high = NAN;
    switch (p->out_type) {
    case SAMPLE_U8:
        l->high = UINT8_MAX;
        return;
    case SAMPLE_U16:
        l->high = UINT16_MAX;
        return;
    case SAMPLE_U32:
        l->high = UINT32_MAX;
        return;
    case SAMPLE_I16:
        l->low = INT16_MIN;
        l->high = INT16_MAX;
        return;
    case SAMPLE_I32:
        l->low = INT32_MIN;
        l->high = INT32_MAX;
        return;
    case SAMPLE_F16:
    case SAMPLE_F32:
    case SAMPLE_F64:
        l->low = is_unit ? 0 : (double)NAN;
        l->high = is_unit ? 1 : (double)NAN;
        return;
    }
}

/* Of every format that can hold it; 0 where the length must be measured. */
static void put_sizes(struct document *d)
{
    static const enum leaf_kind kinds[] = {LEAF_TIFF, LEAF_NPY, LEAF_NII,
                                           LEAF_PNG};
    struct layout_facts none = {.strip_bytes = NULL};
    const struct plan *p = d->about->plan;
    struct json_leaf *l = &d->leaf;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct json_leaf_size *s = &d->sizes[l->n_sizes];
        struct layout layout;

        if (layout_check(kinds[i], p, NULL) != 0)
            continue;
        l->n_sizes++;
        s->extension = view_ext_name((enum view_ext)kinds[i]);
        if (!layout_is_early(kinds[i], p) ||
            layout_init(kinds[i], p, &none, &layout, NULL) != 0)
            continue;
        s->bytes = layout.size;
        layout_deinit(&layout);
    }
    l->sizes = d->sizes;
}

static void put_samples(struct document *d)
{
    static const char *const values[] = {
        [VIEW_VALUES_DISPLAY] = "display",
        [VIEW_VALUES_HU] = "hu",
        [VIEW_VALUES_RAW] = "raw",
        [VIEW_VALUES_RANGE] = "range",
    };
    const struct plan *p = d->about->plan;
    struct json_leaf *l = &d->leaf;

    l->pages = p->pages;
    l->width = p->out_width;
    l->height = p->out_height;
    l->channels = p->out_channels;
    l->type = p->out_type;
    l->values = values[p->view.values];
    if (p->view.values == VIEW_VALUES_HU)
        l->unit = unit_of(&d->header);
    l->size_is_known = view_size_is_known(&p->view);
    put_range(d);
    put_sizes(d);
}

/* ---- geometry ----------------------------------------------------------- */

static void put_resize(struct document *d)
{
    const struct resize_target *t = &d->about->plan->target;
    struct json_leaf *l = &d->leaf;

    l->has_scale = true;
    l->scale[0] = (double)t->scale_x;
    l->scale[1] = (double)t->scale_y;
    l->resized[0] = t->width;
    l->resized[1] = t->height;
    l->has_cut = t->cut.width != t->width || t->cut.height != t->height;
    l->cut_corner[0] = t->cut.x;
    l->cut_corner[1] = t->cut.y;
    l->cut_size[0] = t->cut.width;
    l->cut_size[1] = t->cut.height;
}

static void put_windows(struct document *d)
{
    const struct plan *p = d->about->plan;
    struct patches_size size = plan_patch_size(p);
    struct json_leaf *l = &d->leaf;

    l->has_canvas = p->view.canvas.width > 0;
    l->canvas_corner[0] = (int64_t)p->canvas_cut.x - p->canvas_pad.left;
    l->canvas_corner[1] = (int64_t)p->canvas_cut.y - p->canvas_pad.top;
    l->canvas_corner[2] = depth_source(&p->depth, 0);
    l->canvas_size[0] = p->whole_width;
    l->canvas_size[1] = p->whole_height;
    l->canvas_size[2] = p->depth.pages;
    l->has_patch = plan_is_patch(p);
    l->patch_corner[0] = p->patch.x;
    l->patch_corner[1] = p->patch.y;
    l->patch_corner[2] = p->patch.z;
    l->patch_size[0] = size.width;
    l->patch_size[1] = size.height;
    l->patch_size[2] = size.depth;
}

static void put_geometry(struct document *d)
{
    const struct plan *p = d->about->plan;
    struct json_leaf *l = &d->leaf;
    struct geometry g;

    l->n_axes = 2;
    l->oriented[0] = p->oriented_width;
    l->oriented[1] = p->oriented_height;
    l->turned = p->turned;
    l->has_crop = p->view.region != VIEW_REGION_NONE;
    l->crop_corner[0] = p->region.x;
    l->crop_corner[1] = p->region.y;
    l->crop_size[0] = p->region.width;
    l->crop_size[1] = p->region.height;
    if (p->resizes)
        put_resize(d);
    l->has_pad = p->pads;
    l->pad_before[0] = p->pad.left;
    l->pad_before[1] = p->pad.top;
    l->pad_after[0] = p->pad.right;
    l->pad_after[1] = p->pad.bottom;
    put_windows(d);
    geometry_of(p, &d->header, d->about->frames, &g);
    memcpy(l->spacing, g.spacing, sizeof l->spacing);
    l->has_affine = g.has_affine;
    memcpy(l->affine, g.affine.m, sizeof l->affine);
}

void document_put_output(struct document *d)
{
    put_samples(d);
    put_geometry(d);
    d->leaf.has_output = true;
}

/* ---- pages -------------------------------------------------------------- */

/* The names of all slices, in order. */
static int put_slices(struct document *d, struct error *err)
{
    const struct frames *f = d->about->frames;

    if (!document_has_slices(d))
        return 0;
    d->slices = calloc(f->slices.n, sizeof *d->slices);
    if (!d->slices)
        return error_no_memory(err);
    d->leaf.instances = (const char *const *)d->slices;
    d->leaf.n_instances = f->slices.n;
    for (uint32_t k = 0; k < f->slices.n; k++) {
        struct frame_place place;

        if (frames_at(f, k, &place, err) != 0)
            return -1;
        d->slices[k] = strdup(place.instance->name);
        frame_place_deinit(&place);
        if (!d->slices[k])
            return error_no_memory(err);
    }
    return 0;
}

/* With pages that show no frame there is no map. */
static int put_map(struct document *d, struct error *err)
{
    const struct plan *p = d->about->plan;

    d->pages = calloc(p->pages, sizeof *d->pages);
    if (!d->pages)
        return error_no_memory(err);
    for (uint32_t page = 0; page < p->pages; page++) {
        struct vol_range shown;

        if (!plan_shown(p, page, &shown))
            return 0;
        d->pages[page].first = document_number_of(d, shown.first);
        d->pages[page].last =
            document_number_of(d, shown.first + shown.count - 1);
        d->pages[page].instance = d->pages[page].first;
    }
    d->leaf.page_map = d->pages;
    d->leaf.n_pages = p->pages;
    return 0;
}

int document_put_pages(struct document *d, struct error *err)
{
    return put_slices(d, err) == 0 ? put_map(d, err) : -1;
}
