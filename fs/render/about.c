// SPDX-License-Identifier: MIT
/* about.c: see about.h. */
#include "render/about.h"

#include "image/norm.h"
#include "prepfs/cleanup.h"
#include "render/file_impl.h"
#include "render/frames.h"
#include "render/render_impl.h"

/* ---- version ---- */

int render_version(struct render *r, const struct leaf *leaf, uint64_t ret[4],
                   struct error *err)
{
    CLEANUP(manifest_instance_deinit) struct manifest_instance row = {0};
    const struct view *view = render_view_by_id(r, leaf->view_id, err);

    if (!view ||
        frames_row(render_manifest(r), view, leaf->object_id, &row, err) != 0)
        return -1;
    return frames_version(render_manifest(r), &row, ret, err);
}

/* ---- moments ---- */

void render_moments_merge(struct render_moments *acc,
                          const struct render_moments *more)
{
    struct norm_moments a = {acc->count, acc->mean, acc->m2, acc->min,
                             acc->max};
    struct norm_moments b = {more->count, more->mean, more->m2, more->min,
                             more->max};

    norm_merge(&a, &b);
    *acc = (struct render_moments){a.count, a.mean, a.m2, a.min, a.max};
}

/* What 1.0 on the unit scale is in the file. */
static double unit_of(const struct plan *p)
{
    if (!plan_is_unit(p) || p->view.norm != VIEW_NORM_NONE)
        return 1.0;
    return p->out_type == SAMPLE_U8    ? UINT8_MAX
           : p->out_type == SAMPLE_U16 ? UINT16_MAX
                                       : 1.0;
}

static void add_page(const struct image *image, double unit,
                     struct render_moments *acc)
{
    for (uint32_t c = 0; c < image->channels; c++) {
        struct norm_moments m;
        struct render_moments more;

        norm_measure(image, c, NULL, &m);
        more = (struct render_moments){m.count, m.mean / unit,
                                       m.m2 / (unit * unit), m.min / unit,
                                       m.max / unit};
        render_moments_merge(&acc[c], &more);
    }
}

static int moments_of(struct files *f, const struct file *file,
                      struct render_moments *acc, struct error *err)
{
    for (uint32_t i = 0; i < file->plan.pages; i++) {
        struct flight_ref ref = {NULL, NULL};
        const struct leaf_page *page;
        bool made;
        int rc = 0;

        if (file_page_get(f, file, i, &ref, &page, &made, err) != 0)
            return -1;
        if (page->image.data)
            add_page(&page->image, unit_of(&file->plan), acc);
        else
            rc = error_set(err, ERROR_INTERNAL, "packed samples");
        flight_put(f->pages, &ref);
        file_page_forget(f, file, i);
        if (rc != 0)
            return -1;
    }
    return 0;
}

int render_moments(struct render *r, const struct leaf *leaf,
                   struct render_moments ret[RENDER_CHANNELS_MAX],
                   uint32_t *ret_channels, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    for (int c = 0; c < RENDER_CHANNELS_MAX; c++)
        ret[c] = (struct render_moments){.count = 0};
    if (render_file(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    rc = moments_of(render_files(r), file, ret, err);
    *ret_channels = file->plan.out_channels;
    render_done_with(r, file);
    file_put(render_files(r), &ref);
    return rc;
}

/* ---- samples ---- */

static void samples_of(const struct file *file, struct render_samples *ret)
{
    const struct plan *p = &file->plan;
    const struct layout *l = &file->layout;
    bool packed = l->row_bytes == 0 || layout_is_packed(l->kind, p);

    *ret = (struct render_samples){
        .width = p->out_width,
        .height = p->out_height,
        .channels = p->out_channels,
        .pages = p->pages,
        .type = p->out_type,
        .offset = packed ? 0 : l->data_offset,
        .page_bytes = packed ? 0 : l->row_bytes * p->out_height,
    };
}

int render_samples(struct render *r, const struct leaf *leaf,
                   struct render_samples *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;

    if (leaf->kind == LEAF_JSON)
        return error_set(err, ERROR_UNSUPPORTED, "a .json holds no samples");
    if (render_file(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    samples_of(file, ret);
    file_put(render_files(r), &ref);
    return 0;
}

/* ---- places ---- */

static void mapping_of(const struct plan *p, struct render_mapping *ret)
{
    const struct view *v = &p->view;
    double shift_x = -(double)p->target.cut.x + p->pad.left;
    double shift_y = -(double)p->target.cut.y + p->pad.top;

    if (v->canvas.width > 0) {
        shift_x += (double)p->canvas_pad.left - p->canvas_cut.x;
        shift_y += (double)p->canvas_pad.top - p->canvas_cut.y;
    }
    if (plan_is_patch(p)) {
        shift_x -= (double)p->patch.x;
        shift_y -= (double)p->patch.y;
    }
    *ret = (struct render_mapping){
        .stored_width = p->desc.cols,
        .stored_height = p->desc.rows,
        .flip_h = p->orient.flip_h,
        .flip_v = p->orient.flip_v,
        .turns = p->orient.turns,
        .angle = p->oblique ? v->rot : 0.0,
        .oriented_width = p->oriented_width,
        .oriented_height = p->oriented_height,
        .region_x = p->region.x,
        .region_y = p->region.y,
        .region_width = p->region.width,
        .region_height = p->region.height,
        .scale_x = p->resizes ? (double)p->target.width / p->region.width : 1.0,
        .scale_y =
            p->resizes ? (double)p->target.height / p->region.height : 1.0,
        .tag_x = p->resizes ? p->target.scale_x : 1.0F,
        .tag_y = p->resizes ? p->target.scale_y : 1.0F,
        .shift_x = shift_x,
        .shift_y = shift_y,
        .width = p->out_width,
        .height = p->out_height,
    };
}

int render_mapping(struct render *r, const struct leaf *leaf,
                   struct render_mapping *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc = 0;

    if (render_file(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    if (file->plan.view.plane != VIEW_PLANE_STORED)
        rc = error_set(err, ERROR_UNSUPPORTED,
                       "the pages of a resliced volume are no stored frames");
    else
        mapping_of(&file->plan, ret);
    file_put(render_files(r), &ref);
    return rc;
}
