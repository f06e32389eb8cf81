// SPDX-License-Identifier: MIT
/* layout.c: see layout.h. */
#include "render/layout.h"

#include <string.h>

#include "png/png_leaf.h"

/* ---- questions before the layout ---------------------------------------- */

bool layout_is_packed(enum leaf_kind kind, const struct plan *plan)
{
    return kind == LEAF_PNG ||
           (kind == LEAF_TIFF && plan->view.pack != VIEW_PACK_NONE);
}

bool layout_is_early(enum leaf_kind kind, const struct plan *plan)
{
    switch (kind) {
    case LEAF_TIFF:
    case LEAF_NPY:
    case LEAF_NII:
    case LEAF_PNG:
        return plan->has_size && !layout_is_packed(kind, plan);
    case LEAF_JSON:
        break;
    }
    return false;
}

/* Sides are checked as soon as they are known; the rest follows from types. */
static int check_nii(const struct plan *plan, struct error *err)
{
    struct nii_spec spec = {
        .pages = plan->has_size ? plan->pages : 1,
        .width = plan->has_size ? plan->out_width : 1,
        .height = plan->has_size ? plan->out_height : 1,
        .channels = plan->out_channels,
        .type = plan->out_type,
    };
    struct nii_layout layout;

    return nii_layout_init(&spec, &layout, err);
}

static int check_pack(const struct plan *plan, struct error *err)
{
    struct tiff_spec spec;

    plan_tiff(plan, &spec);
    if (tiff_pack_is_available(spec.pack))
        return 0;
    return error_set(err, ERROR_UNSUPPORTED, "libtiff was built without %s",
                     tiff_pack_name(spec.pack));
}

static int check_png(const struct plan *plan, struct error *err)
{
    if (plan->pages > 1)
        return error_set(err, ERROR_UNSUPPORTED,
                         "a PNG has one page, this has %u: pick one",
                         plan->pages);
    if (!png_leaf_is_possible(plan->out_channels, plan->out_type))
        return error_set(err, ERROR_UNSUPPORTED,
                         "a PNG has samples of 8 or 16 bits: add u8 or u16");
    return 0;
}

int layout_check(enum leaf_kind kind, const struct plan *plan,
                 struct error *err)
{
    switch (kind) {
    case LEAF_TIFF:
        if (plan->out_type == SAMPLE_F16)
            return error_set(err, ERROR_UNSUPPORTED,
                             "f16 is for .npy alone: TIFF readers do not know "
                             "half floats");
        return check_pack(plan, err);
    case LEAF_NPY:
        return 0;
    case LEAF_NII:
        return check_nii(plan, err);
    case LEAF_PNG:
        return check_png(plan, err);
    case LEAF_JSON: /* of every object, whatever can be made of it */
        return 0;
    }
    return error_set(err, ERROR_UNSUPPORTED, "there is no format %d",
                     (int)kind);
}

/* ---- by format ---------------------------------------------------------- */

static int init_tiff(const struct plan *plan, const struct layout_facts *facts,
                     struct layout *ret, struct error *err)
{
    struct tiff_layout *l = &ret->of.tiff;
    struct tiff_spec spec;

    plan_tiff(plan, &spec);
    if (tiff_layout_init(&spec, facts->strip_bytes, l, err) != 0)
        return -1;
    ret->size = l->size;
    ret->data_offset = l->data_offset;
    if (l->strip_offset)
        return 0;
    ret->row_bytes = l->strips.row_bytes;
    ret->page_bytes = l->strips.page_bytes;
    return 0;
}

static int init_npy(const struct plan *plan, struct layout *ret,
                    struct error *err)
{
    struct npy_layout *l = &ret->of.npy;
    struct npy_spec spec = {
        .pages = plan->pages,
        .width = plan->out_width,
        .height = plan->out_height,
        .channels = plan->out_channels,
        .type = plan->out_type,
        .axes = NPY_AXES_IMAGE,
    };

    if (npy_layout_init(&spec, l, err) != 0)
        return -1;
    ret->size = l->size;
    ret->data_offset = l->data_offset;
    ret->row_bytes = l->row_bytes;
    ret->page_bytes = l->page_bytes;
    return 0;
}

static int init_nii(const struct plan *plan, const struct geometry *geometry,
                    struct layout *ret, struct error *err)
{
    struct nii_layout *l = &ret->of.nii;
    struct nii_spec spec = {
        .pages = plan->pages,
        .width = plan->out_width,
        .height = plan->out_height,
        .channels = plan->out_channels,
        .type = plan->out_type,
        .software = PLAN_SOFTWARE,
    };

    if (geometry) {
        spec.axis = geometry->is_time && plan->pages > 1 ? NII_PAGES_TIME
                                                         : NII_PAGES_SPACE;
        spec.has_affine = geometry->has_affine;
        spec.affine = geometry->affine;
        memcpy(spec.spacing, geometry->spacing, sizeof spec.spacing);
    }
    if (nii_layout_init(&spec, l, err) != 0)
        return -1;
    ret->size = l->size;
    ret->data_offset = l->data_offset;
    ret->row_bytes = l->row_bytes;
    ret->page_bytes = l->page_bytes;
    return 0;
}

/* All of the file is one page. */
static int init_whole(const struct layout_facts *facts, struct layout *ret,
                      struct error *err)
{
    if (facts->bytes == 0)
        return error_set(err, ERROR_INTERNAL, "a leaf of unknown size");
    ret->size = ret->page_bytes = facts->bytes;
    return 0;
}

int layout_init(enum leaf_kind kind, const struct plan *plan,
                const struct layout_facts *facts, struct layout *ret,
                struct error *err)
{
    *ret = (struct layout){.kind = kind};
    if (layout_check(kind, plan, err) != 0)
        return -1;
    switch (kind) {
    case LEAF_TIFF:
        return init_tiff(plan, facts, ret, err);
    case LEAF_NPY:
        return init_npy(plan, ret, err);
    case LEAF_NII:
        return init_nii(plan, facts->geometry, ret, err);
    case LEAF_PNG:
    case LEAF_JSON:
        return init_whole(facts, ret, err);
    }
    return error_set(err, ERROR_INTERNAL, "no layout of kind %d", (int)kind);
}

void layout_deinit(struct layout *l)
{
    if (l && l->kind == LEAF_TIFF)
        tiff_layout_deinit(&l->of.tiff);
}

void layout_header_read(const struct layout *l, uint64_t offset, size_t length,
                        uint8_t *dst)
{
    switch (l->kind) {
    case LEAF_TIFF:
        tiff_layout_header_read(&l->of.tiff, offset, length, dst);
        return;
    case LEAF_NPY:
        npy_layout_header_read(&l->of.npy, offset, length, dst);
        return;
    case LEAF_NII:
        nii_layout_header_read(&l->of.nii, offset, length, dst);
        return;
    case LEAF_PNG:
    case LEAF_JSON:
        return;
    }
}

/* ---- pages -------------------------------------------------------------- */

void layout_page_range(const struct layout *l, uint32_t page,
                       uint64_t *ret_start, uint64_t *ret_end)
{
    const struct tiff_layout *t = &l->of.tiff;

    if (l->page_bytes > 0) {
        *ret_start = l->data_offset + page * l->page_bytes;
        *ret_end = *ret_start + l->page_bytes;
        return;
    }
    *ret_start = t->strip_offset[(uint64_t)page * t->strips.per_page];
    *ret_end = t->strip_offset[((uint64_t)page + 1) * t->strips.per_page];
}

uint32_t layout_page_at(const struct layout *l, uint64_t offset)
{
    if (offset < l->data_offset || offset >= l->size)
        return 0;
    if (l->page_bytes > 0)
        return (uint32_t)((offset - l->data_offset) / l->page_bytes);
    return (uint32_t)(tiff_layout_strip_at(&l->of.tiff, offset) /
                      l->of.tiff.strips.per_page);
}
