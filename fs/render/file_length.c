// SPDX-License-Identifier: MIT
/*
 * file_length.c: how long the pages of a leaf are, and so the leaf: computed,
 * or measured once and remembered.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "render/file_impl.h"
#include "render/measure.h"

/* ---- packed pages ------------------------------------------------------- */

/* What a packed leaf takes: strips of a .tiff, or all of a .png. */
struct packed {
    struct tiff_strips strips;
    uint64_t *strip_bytes; /* owned */
    uint64_t bytes;
};

static int strips_of(const struct plan *plan, struct tiff_strips *ret,
                     struct error *err)
{
    struct tiff_spec spec;

    plan_tiff(plan, &spec);
    return tiff_strips_init(&spec, ret, err);
}

/* Packs every page once to learn the byte count of each strip. */
static int measure_strips(struct files *f, const struct file *file,
                          struct packed *ret, struct error *err)
{
    const struct tiff_strips *strips = &ret->strips;
    CLEANUP_FREE uint64_t *bytes = NULL;

    if (strips_of(&file->plan, &ret->strips, err) != 0)
        return -1;
    bytes = calloc(strips->count, sizeof *bytes);
    if (!bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < file->plan.pages; i++) {
        struct flight_ref ref = {NULL, NULL};
        const struct leaf_page *page;
        bool made;

        if (file_page_get(f, file, i, &ref, &page, &made, err) != 0)
            return -1;
        memcpy(bytes + (size_t)i * strips->per_page, page->strip_bytes,
               strips->per_page * sizeof *bytes);
        flight_put(f->pages, &ref);
    }
    ret->strip_bytes = STEAL(bytes);
    return 0;
}

static int measure_png(struct files *f, const struct file *file,
                       struct packed *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    bool made;

    if (file_page_get(f, file, 0, &ref, &page, &made, err) != 0)
        return -1;
    ret->bytes = page->length;
    flight_put(f->pages, &ref);
    return 0;
}

static int measure_packed(struct files *f, const struct file *file,
                          struct packed *ret, struct error *err)
{
    if (!layout_is_packed(file_kind(file), &file->plan))
        return 0;
    return file_kind(file) == LEAF_PNG ? measure_png(f, file, ret, err)
                                       : measure_strips(f, file, ret, err);
}

/* ---- remembering -------------------------------------------------------- */

/* The engine under which the length of this leaf is remembered. */
static uint64_t engine_of(const struct file *file)
{
    if (!file_is_finding(file) || layout_is_early(file_kind(file), &file->plan))
        return file->engine;
    return (file->engine ^ file_origin_digest(file)) >> 1;
}

/* What cannot be kept (a full disk, a busy database) is measured again next
 * time; the leaf is no worse for it. */
static void remember(struct files *f, const struct file *file,
                     const struct packed *packed)
{
    const struct plan *p = &file->plan;
    const struct file_id *id = &file->id;
    struct error ignored = ERROR_INIT;
    struct manifest_output out = {
        .is_series = p->view.select == VIEW_SELECT_SERIES,
        .width = p->out_width,
        .height = p->out_height,
        .channels = p->out_channels,
        .num_frames = p->pages,
        .dtype = p->out_type,
        .bytes = file->layout.size,
        .crop = p->region,
        .scale_x = (double)p->target.scale_x,
        .scale_y = (double)p->target.scale_y,
        .pad = {p->pad.left, p->pad.top, p->pad.right, p->pad.bottom},
        .strips = packed->strip_bytes,
        .n_strips = packed->strip_bytes ? packed->strips.count : 0,
        .has_stats = p->pages > 0 && measure_has_stats(p),
    };

    if (out.has_stats) {
        out.vmin = file->object->numbers.stats.min;
        out.vmax = file->object->numbers.stats.max;
        out.vmean = file->object->numbers.stats.mean;
        out.vstd = file->object->numbers.stats.sd;
    }
    (void)manifest_output_put(f->config.manifest, id->view_id, id->object_id,
                              id->part, id->kind, engine_of(file), &out,
                              &ignored);
}

/* Are the measured lengths those of this plan's pages? */
static int has_lengths(const struct file *file,
                       const struct manifest_output *known, bool *ret,
                       struct error *err)
{
    struct tiff_strips strips;

    *ret = known->crop.width > 0; /* else the row was made without pixels */
    if (!*ret || !layout_is_packed(file_kind(file), &file->plan))
        return 0;
    if (file_kind(file) == LEAF_PNG) {
        *ret = known->bytes > 0;
        return 0;
    }
    if (strips_of(&file->plan, &strips, err) != 0)
        return -1;
    *ret = known->strips && known->n_strips == strips.count;
    return 0;
}

/* The lengths that an earlier run has measured, if they fit this plan. */
static int recall(struct files *f, const struct file *file,
                  struct manifest_output *ret, bool *ret_known,
                  struct error *err)
{
    const struct file_id *id = &file->id;
    int found =
        manifest_output_get(f->config.manifest, id->view_id, id->object_id,
                            id->part, id->kind, engine_of(file), ret, err);

    *ret_known = false;
    if (found <= 0)
        return found;
    return has_lengths(file, ret, ret_known, err);
}

/* May a page be made that is as a remembered document says? Where a limit may
 * forbid it the document is another one. On a canvas the frame can be larger
 * than the page; it is its box times the scale, rounded, and its padding. */
static bool is_allowed(const struct files_config *c,
                       const struct manifest_output *o)
{
    double page = (double)o->width * o->height;
    double bytes = page * o->channels * (double)sample_bytes(o->dtype);
    double frame = (o->crop.width * o->scale_x + 1 + o->pad[0] + o->pad[2]) *
                   (o->crop.height * o->scale_y + 1 + o->pad[1] + o->pad[3]);

    if (c->max_pixels > 0 && fmax(page, frame) > (double)c->max_pixels)
        return false;
    return c->max_bytes_per_file == 0 || bytes <= (double)c->max_bytes_per_file;
}

int file_recall_size(struct files *f, const struct file_id *id,
                     const struct view *view, uint64_t *ret, struct error *err)
{
    CLEANUP(manifest_output_deinit) struct manifest_output out = {0};
    int found = manifest_output_get(
        f->config.manifest, id->view_id, id->object_id, id->part, id->kind,
        render_engine_of(view, f->config.gaps_allowed), &out, err);

    if (found <= 0)
        return found;
    if (id->kind == LEAF_JSON && !is_allowed(&f->config, &out))
        return 0;
    *ret = out.bytes;
    return 1;
}

/* ---- layouts ------------------------------------------------------------ */

static int layout_with(struct files *f, const struct file *file,
                       const struct layout_facts *packed, struct layout *ret,
                       struct error *err)
{
    struct layout_facts facts = *packed;
    struct geometry geometry;

    if (file_kind(file) == LEAF_NII) {
        if (object_geometry(f->objects, file->object, &file->plan, &geometry,
                            err) != 0)
            return -1;
        facts.geometry = &geometry;
    }
    return layout_init(file_kind(file), &file->plan, &facts, ret, err);
}

/* `known`: by an earlier run, or NULL. */
static int lay_out(struct files *f, struct file *file,
                   const struct manifest_output *known, struct error *err)
{
    struct packed packed = {.bytes = 0};
    struct layout_facts facts = {.strip_bytes = NULL};
    int rc = known ? 0 : measure_packed(f, file, &packed, err);

    if (layout_is_packed(file_kind(file), &file->plan)) {
        facts.strip_bytes = known ? known->strips : packed.strip_bytes;
        facts.bytes = known ? known->bytes : packed.bytes;
    }
    if (rc == 0)
        rc = layout_with(f, file, &facts, &file->layout, err);
    if (rc == 0 && !known)
        remember(f, file, &packed);
    free(packed.strip_bytes);
    return rc;
}

int file_lay_out(struct files *f, struct file *file, struct error *err)
{
    CLEANUP(manifest_output_deinit) struct manifest_output known = {0};
    bool is_known;

    if (recall(f, file, &known, &is_known, err) != 0)
        return -1;
    return lay_out(f, file, is_known ? &known : NULL, err);
}

int file_lay_out_text(struct files *f, struct file *file, size_t length,
                      bool lasts, struct error *err)
{
    struct layout_facts facts = {.bytes = length};
    struct packed none = {.bytes = 0};

    if (layout_init(LEAF_JSON, &file->plan, &facts, &file->layout, err) != 0)
        return -1;
    if (lasts)
        remember(f, file, &none);
    return 0;
}

void file_measure_again(struct files *f, const struct file *file)
{
    struct packed packed = {.bytes = 0};
    struct layout_facts facts = {.strip_bytes = NULL};
    struct error ignored = ERROR_INIT;
    struct file again = *file;

    if (measure_packed(f, file, &packed, &ignored) == 0) {
        facts.strip_bytes = packed.strip_bytes;
        facts.bytes = packed.bytes;
        if (layout_init(file_kind(file), &file->plan, &facts, &again.layout,
                        &ignored) == 0) {
            remember(f, &again, &packed);
            layout_deinit(&again.layout);
        }
    }
    free(packed.strip_bytes);
    file_drop(f, &file->id);
}
