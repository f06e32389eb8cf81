// SPDX-License-Identifier: MIT
/*
 * plan.c: the arithmetic from header data to the shape of a leaf
 * (pixels.md; sizes after dicom-preprocess).
 */
#include "render/plan.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "image/crop.h"
#include "image/rot.h"
#include "render/plan_impl.h"

/* ---- frames ------------------------------------------------------------- */

/* pick is an intersection: what of pick_first..pick_last the object has. */
static uint32_t count_picked(const struct view *v, uint32_t frames)
{
    uint32_t last = v->pick_last < frames ? v->pick_last : frames;

    if (v->pick_first == 0)
        return frames;
    if (v->pick_first > last)
        return 0;
    return (last - v->pick_first) / v->pick_step + 1;
}

uint32_t plan_frame(const struct plan *plan, uint32_t picked)
{
    const struct view *v = &plan->view;

    /* planes are mirrored when they have been cut */
    if ((v->flip & VIEW_FLIP_Z) && !plan_is_resliced(plan))
        picked = plan->frames - 1 - picked;
    return v->pick_first ? v->pick_first - 1 + picked * v->pick_step : picked;
}

/* From one picked frame to the next. */
static double pick_z(const struct view *v, double z_mm)
{
    return v->pick_first ? z_mm * v->pick_step : z_mm;
}

/* ---- geometry ----------------------------------------------------------- */

/* The size and the spacing of what is turned: a frame, or a plane. */
struct slice {
    uint32_t width, height;
    double px_x, px_y;
};

static struct slice slice_of(const struct plan *p)
{
    struct plane_size size;
    double mm[3];

    if (!plan_is_resliced(p))
        return (struct slice){p->desc.cols, p->desc.rows, p->distance[0],
                              p->distance[1]};
    size = plane_size(&p->plane, &p->volume);
    plane_spacing(&p->plane, p->distance, mm);
    return (struct slice){size.n[0], size.n[1], mm[0], mm[1]};
}

static void set_orientation(struct plan *p)
{
    const struct view *v = &p->view;
    struct orient asked = {
        .flip_h = (v->flip & VIEW_FLIP_H) != 0,
        .flip_v = (v->flip & VIEW_FLIP_V) != 0,
    };
    struct orient own = {.turns = p->turned ? 2 : 0};
    struct slice slice = slice_of(p);

    p->oblique = !rot_is_quarter(v->rot, &asked.turns);
    if (p->oblique)
        asked.turns = 0;
    p->frame_orient = own;
    p->orient = plan_is_resliced(p) ? asked : orient_then(&own, &asked);
    orient_size(&p->orient, slice.width, slice.height, &p->oriented_width,
                &p->oriented_height);
    p->px_x = p->orient.turns % 2 ? slice.px_y : slice.px_x;
    p->px_y = p->orient.turns % 2 ? slice.px_x : slice.px_y;
}

static bool region_known_early(struct plan *p, struct image_box *ret,
                               struct error *err, int *ret_rc)
{
    const struct view *v = &p->view;
    struct image_box asked = {v->region_x, v->region_y, v->region_size.width,
                              v->region_size.height};

    *ret_rc = 0;
    switch (v->region) {
    case VIEW_REGION_NONE:
        *ret = (struct image_box){0, 0, p->oriented_width, p->oriented_height};
        return true;
    case VIEW_REGION_MID:
        *ret = crop_mid(p->oriented_width, p->oriented_height, asked.width,
                        asked.height);
        return true;
    case VIEW_REGION_BOX:
        if (crop_box(p->oriented_width, p->oriented_height, &asked, ret))
            return true;
        *ret_rc =
            error_set(err, ERROR_UNSUPPORTED,
                      "the box at %u,%u lies outside the image of "
                      "%u x %u pixels",
                      asked.x, asked.y, p->oriented_width, p->oriented_height);
        return true;
    case VIEW_REGION_CROP:
        break;
    }
    return false;
}

static int set_target(struct plan *p, struct error *err)
{
    const struct view *v = &p->view;
    const struct image_box *r = &p->region;

    switch (v->resize) {
    case VIEW_RESIZE_NONE:
        p->target = (struct resize_target){
            r->width, r->height, 1.0f, 1.0f, {0, 0, r->width, r->height}};
        return 0;
    case VIEW_RESIZE_SIZE: {
        enum resize_mode mode = v->size_mode == VIEW_SIZE_COVER ? RESIZE_COVER
                                : v->size_mode == VIEW_SIZE_STRETCH
                                    ? RESIZE_STRETCH
                                    : RESIZE_FIT;

        p->target = resize_size(mode, r->width, r->height, v->size.width,
                                v->size.height, v->noup);
        return 0;
    }
    case VIEW_RESIZE_SPACING:
        break;
    }
    return resize_spacing(r->width, r->height, 1.0f / (float)p->px_x,
                          1.0f / (float)p->px_y, (float)v->spacing_x,
                          (float)v->spacing_y, v->noup, &p->target, err);
}

static int set_pad_amounts(struct plan *p, struct error *err)
{
    static const enum pad_mode modes[] = {
        [VIEW_PAD_ZERO] = PAD_ZERO,
        [VIEW_PAD_TOPLEFT] = PAD_TOPLEFT,
        [VIEW_PAD_BOTTOMRIGHT] = PAD_BOTTOMRIGHT,
        [VIEW_PAD_CENTER] = PAD_CENTER,
    };
    struct image shape = {.width = p->target.cut.width,
                          .height = p->target.cut.height,
                          .channels = p->value_channels,
                          .type = SAMPLE_U8};
    bool slack = shape.width < p->frame_width || shape.height < p->frame_height;

    if (!p->pads || p->view.pad == VIEW_PAD_NONE)
        return 0;
    if (slack && pad_needs_pixels(modes[p->view.pad]))
        return 0;
    p->has_pad_amounts = true;
    if (!slack)
        return 0;
    return pad_measure(modes[p->view.pad], &shape, p->frame_width,
                       p->frame_height, &p->pad, err);
}

/* The frame on the canvas, or as it is; then what a part shows of it. */
static void set_size(struct plan *p)
{
    const struct view_dims *canvas = &p->view.canvas;

    if (canvas->width > 0) {
        p->whole_width = canvas->width;
        p->whole_height = canvas->height;
        if (p->has_frame_size)
            pad_canvas(p->frame_width, p->frame_height, canvas->width,
                       canvas->height, &p->canvas_cut, &p->canvas_pad);
    } else if (p->has_frame_size) {
        p->whole_width = p->frame_width;
        p->whole_height = p->frame_height;
    }
    p->out_width = p->whole_width;
    p->out_height = p->whole_height;
    p->pages = p->depth.pages;
    plan_narrow(p);
    p->has_size = !p->needs_plane && p->out_width > 0 && p->pages > 0;
}

int plan_set_region(struct plan *p, const struct image_box *box,
                    struct error *err)
{
    p->region = *box;
    if (set_target(p, err) != 0)
        return -1;
    p->has_region = true;
    if (!p->has_frame_size) {
        p->frame_width = p->target.cut.width;
        p->frame_height = p->target.cut.height;
        p->has_frame_size = true;
    }
    set_size(p);
    return set_pad_amounts(p, err);
}

/* The sizes that no crop box can change. */
static void set_early_size(struct plan *p)
{
    const struct view *v = &p->view;
    bool exact = v->size_mode != VIEW_SIZE_FIT && !v->noup;

    p->resizes = v->resize != VIEW_RESIZE_NONE;
    p->pads = v->resize == VIEW_RESIZE_SIZE && v->size_mode == VIEW_SIZE_FIT &&
              v->pad != VIEW_PAD_NONE;
    p->has_frame_size = p->pads || (v->resize == VIEW_RESIZE_SIZE && exact);
    if (p->has_frame_size) {
        p->frame_width = v->size.width;
        p->frame_height = v->size.height;
    }
    set_size(p);
}

static int check_area(uint32_t width, uint32_t height, uint64_t limit,
                      struct error *err)
{
    if (limit == 0 || (uint64_t)width * height <= limit)
        return 0;
    return error_set(err, ERROR_TOO_BIG,
                     "a page of %u x %u pixels, the limit is %llu "
                     "(-o max_pixels)",
                     width, height, (unsigned long long)limit);
}

int plan_check_pixels(const struct plan *p, uint64_t limit, struct error *err)
{
    if (p->has_frame_size &&
        check_area(p->frame_width, p->frame_height, limit, err) != 0)
        return -1;
    if (p->has_size && check_area(p->out_width, p->out_height, limit, err) != 0)
        return -1;
    return check_area(p->whole_width, p->whole_height, limit, err);
}

/* ---- parts -------------------------------------------------------------- */

int plan_set_part(struct plan *p, uint32_t part, struct error *err)
{
    p->part = part;
    set_size(p);
    return plan_check_part(p, err);
}

void plan_set_findings(struct plan *p, uint32_t count)
{
    p->findings = count;
}

/* ---- order -------------------------------------------------------------- */

static bool needs_volume(const struct plan *p)
{
    return plan_is_resliced(p) ? p->frames > 1
                               : depth_needs_volume(&p->view, &p->depth);
}

bool plan_needs_distance(const struct plan *p)
{
    return p->needs_plane || p->depth.needs_z;
}

int plan_set_order(struct plan *p, const struct dicom_order *order,
                   struct error *err)
{
    if (order->why_mixed && p->is_volume)
        return error_set(err, ERROR_CORRUPT, "the series is no volume: %s",
                         order->why_mixed);
    if (order->why_mixed && needs_volume(p))
        return error_set(err, ERROR_CORRUPT,
                         "the frames are not one volume: %s", order->why_mixed);
    p->distance[2] = pick_z(&p->view, order->z_spacing);
    if (p->needs_plane)
        return 0;
    if (depth_set_z(&p->view, p->distance[2], &p->depth, err) != 0)
        return -1;
    set_size(p);
    return plan_check_part(p, err);
}

/* resize_spacing reckons in f32 pixels per millimetre. */
static bool is_spacing(double mm)
{
    return mm > 0.0 && (float)mm > 0.0f && isfinite(1.0f / (float)mm) &&
           1.0f / (float)mm > 0.0f;
}

static bool has_spacing(const struct plan *p)
{
    return is_spacing(p->px_x) && is_spacing(p->px_y);
}

/* From the depth to the size, as far as it is known by now. */
static int lay_out(struct plan *p, uint32_t slices, struct error *err)
{
    struct image_box region;
    int rc;

    if (depth_init(&p->view, slices, &p->depth, err) != 0 ||
        (p->is_volume && !plan_is_resliced(p) &&
         depth_set_z(&p->view, p->distance[2], &p->depth, err) != 0) ||
        plan_set_types(p, err) != 0)
        return -1;
    set_orientation(p);
    if (p->view.resize == VIEW_RESIZE_SPACING && !has_spacing(p))
        return error_set(err, ERROR_UNSUPPORTED,
                         "the pixel spacing of this image is not known");
    set_early_size(p);
    if (region_known_early(p, &region, err, &rc) &&
        (rc != 0 || plan_set_region(p, &region, err) != 0))
        return -1;
    return 0;
}

/* What waits for the axes of the volume has a type all the same. */
static int lay_out_later(struct plan *p, struct error *err)
{
    p->needs_plane = true;
    p->volume = (struct plane_size){{p->desc.cols, p->desc.rows, p->frames}};
    return plan_set_types(p, err);
}

/* Objects that share a UID draw the same patches: its name without .dN. */
static void set_uid(struct plan *p, const char *name)
{
    const char *end = strstr(name, ".d");

    (void)snprintf(p->uid, sizeof p->uid, "%.*s",
                   (int)(end ? end - name : (ptrdiff_t)strlen(name)), name);
}

int plan_init(const struct view *view, const struct manifest_instance *instance,
              struct plan *ret, struct error *err)
{
    struct plan p = {
        .view = *view,
        .desc = instance->desc,
        .turned = instance->turned,
        .distance = {instance->px_x, instance->px_y, 0},
    };

    if (!instance->has_pixels)
        return error_set(err, ERROR_NOT_FOUND, "%s has no pixels",
                         instance->name);
    p.frames = count_picked(view, instance->frames);
    if (p.frames == 0)
        return error_set(err, ERROR_NOT_FOUND, "no frame is left of %u",
                         instance->frames);
    /* The distance of slices is in the manifest, that of frames is not. */
    p.is_volume = instance->slices > 1;
    if (p.is_volume)
        p.distance[2] = pick_z(view, instance->z_mm);
    set_uid(&p, instance->name);
    if ((plan_is_resliced(&p) ? lay_out_later(&p, err)
                              : lay_out(&p, p.frames, err)) != 0)
        return -1;
    *ret = p;
    return 0;
}

/* ---- planes ------------------------------------------------------------- */

/* Everything that plan_init does to frames, done to planes. */
static int set_plane(struct plan *p, const struct plane *plane,
                     struct error *err)
{
    double mm[3];

    p->plane = *plane;
    p->needs_plane = false;
    if (lay_out(p, plane_size(plane, &p->volume).n[2], err) != 0)
        return -1;
    plane_spacing(plane, p->distance, mm);
    if (depth_set_z(&p->view, mm[2], &p->depth, err) != 0)
        return -1;
    set_size(p);
    return plan_check_part(p, err);
}

int plan_set_plane(struct plan *p, const struct plane_vectors *axes,
                   struct error *err)
{
    enum plane_kind kind =
        p->view.plane == VIEW_PLANE_CORONAL ? PLANE_CORONAL : PLANE_SAGITTAL;
    struct plane plane;

    if (plane_find(kind, axes, &plane, err) != 0)
        return -1;
    return set_plane(p, &plane, err);
}

int plan_derive(const struct plan *from, const struct view *view,
                const struct manifest_instance *instance, struct plan *ret,
                struct error *err)
{
    struct plan p;

    if (plan_init(view, instance, &p, err) != 0)
        return -1;
    p.distance[2] = from->distance[2];
    if (p.needs_plane && set_plane(&p, &from->plane, err) != 0)
        return -1;
    *ret = p;
    return 0;
}

struct vol_range plan_slices(const struct plan *p, uint32_t first,
                             uint32_t last)
{
    struct vol_range range = {first, last - first + 1};

    if (!plan_is_resliced(p))
        return range;
    if (p->plane.pages.source != PLANE_FRAMES)
        return (struct vol_range){0, p->frames};
    if (p->plane.pages.reversed != ((p->view.flip & VIEW_FLIP_Z) != 0))
        range.first = p->frames - 1 - last;
    return range;
}

bool plan_needs_crop(const struct plan *p)
{
    return !p->has_region;
}

bool plan_needs_pad(const struct plan *p)
{
    return p->pads && !p->has_pad_amounts;
}

void plan_set_pad(struct plan *p, const struct pad *pad)
{
    p->pad = *pad;
    p->has_pad_amounts = true;
}

/* ---- the file ----------------------------------------------------------- */

static enum tiff_pack tiff_pack_of(enum view_pack pack)
{
    switch (pack) {
    case VIEW_PACK_PACKBITS:
        return TIFF_PACK_PACKBITS;
    case VIEW_PACK_LZW:
        return TIFF_PACK_LZW;
    case VIEW_PACK_DEFLATE:
        return TIFF_PACK_DEFLATE;
    case VIEW_PACK_ZSTD:
        return TIFF_PACK_ZSTD;
    case VIEW_PACK_NONE:
        break;
    }
    return TIFF_PACK_NONE;
}

void plan_tiff(const struct plan *p, struct tiff_spec *ret)
{
    struct tiff_spec s = {
        .pages = p->pages,
        .width = p->out_width,
        .height = p->out_height,
        .channels = p->out_channels,
        .type = p->out_type,
        .pack = tiff_pack_of(p->view.pack),
        .big = p->view.big,
        .has_scale = p->resizes,
        .scale = {p->target.scale_x, p->target.scale_y},
        /* of a patch these tell readers the wrong place */
        .has_crop = p->view.region != VIEW_REGION_NONE && !plan_is_patch(p),
        .crop = p->region,
        .has_pad = p->pads && !plan_is_patch(p),
        .pad = {p->pad.left, p->pad.top, p->pad.right, p->pad.bottom},
        .has_turned = p->turned,
        .turned_width = p->desc.cols,
        .turned_height = p->desc.rows,
        .software = PLAN_SOFTWARE,
    };

    if (p->px_x > 0.0 && p->px_y > 0.0) {
        s.px_per_cm_x = 10.0 / p->px_x * (double)p->target.scale_x;
        s.px_per_cm_y = 10.0 / p->px_y * (double)p->target.scale_y;
    }
    *ret = s;
}
