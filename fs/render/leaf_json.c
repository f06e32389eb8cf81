// SPDX-License-Identifier: MIT
/* leaf_json.c: see leaf_json.h; the document itself is json/json_leaf.h. */
#include "render/leaf_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_leaf.h"
#include "json/json_tags.h"
#include "prepfs/cleanup.h"
#include "render/geometry.h"
#include "render/layout.h"
#include "render/spec.h"

enum { OPERATORS_MAX = 64, WARNINGS_MAX = 32, SIZES_MAX = 5 };

/* A document and what its members point to. */
struct document {
    const struct leaf_json *about;
    struct dicom_header header;
    struct json_leaf leaf;
    char engine[512];
    char view[VIEW_TEXT_SIZE];
    char version[33];
    char problem[ERROR_MSG_MAX];
    struct json_leaf_operator operators[OPERATORS_MAX];
    struct json_leaf_window window;
    struct json_leaf_size sizes[SIZES_MAX];
    struct json_leaf_page *pages;
    char **slices;
    const char *warnings[WARNINGS_MAX];
    struct json_leaf_attribute *attributes;
    struct json_leaf_value *values;
};

static void document_free(struct document *d)
{
    for (size_t i = 0; i < d->leaf.n_operators; i++) {
        free((void *)(uintptr_t)d->operators[i].text);
        free((void *)(uintptr_t)d->operators[i].does);
    }
    for (uint32_t k = 0; d->slices && k < d->leaf.n_instances; k++)
        free(d->slices[k]);
    free(d->slices);
    dicom_header_deinit(&d->header);
    free(d->pages);
    free(d->attributes);
    free(d->values);
    free(d);
}

/* ---- problems ----------------------------------------------------------- */

/* May the text hold the path of one of the sources? */
static bool may_name(struct manifest *m, const char *text,
                     const struct manifest_instance *row)
{
    struct manifest_slices slices = {0};
    struct manifest_instance slice;
    bool may = strstr(text, row->relpath) != NULL ||
               strlen(text) >= ERROR_MSG_MAX - 1; /* was cut */

    if (row->slices > 0 &&
        manifest_volume_slices(m, row->id, &slices, NULL) != 0)
        return true;
    for (uint32_t i = 0; i < slices.n && !may; i++) {
        if (manifest_instance_by_id(m, slices.v[i].id, &slice, NULL) != 1) {
            may = true;
            break;
        }
        may = strstr(text, slice.relpath) != NULL;
        manifest_instance_deinit(&slice);
    }
    manifest_slices_deinit(&slices);
    return may;
}

bool leaf_json_problem(struct manifest *m, const struct error *why,
                       const struct manifest_instance *row,
                       char ret[ERROR_MSG_MAX])
{
    bool lasts = why->kind == ERROR_UNSUPPORTED || why->kind == ERROR_CORRUPT ||
                 why->kind == ERROR_TOO_BIG || why->kind == ERROR_NOT_FOUND;

    if (!lasts)
        return false;
    (void)snprintf(ret, ERROR_MSG_MAX, "%s",
                   may_name(m, why->msg, row)
                       ? "this view cannot be had of this source; errors.tsv "
                         "has the reason"
                       : why->msg);
    return true;
}

/* ---- view --------------------------------------------------------------- */

static int add_operator(void *opaque, const char *op, const char *does)
{
    struct document *d = opaque;
    struct json_leaf_operator *o = &d->operators[d->leaf.n_operators];

    if (d->leaf.n_operators == OPERATORS_MAX)
        return 0;
    o->text = strdup(op);
    o->does = strdup(does);
    d->leaf.n_operators++;
    return o->text && o->does ? 0 : -1;
}

static int put_view(struct document *d, struct error *err)
{
    const struct leaf_json *a = d->about;

    render_engine_text(d->engine, sizeof d->engine);
    (void)view_print(a->view, d->view, sizeof d->view);
    (void)snprintf(d->version, sizeof d->version, "%016llx%016llx",
                   (unsigned long long)a->digest[0],
                   (unsigned long long)a->digest[1]);
    d->leaf.engine = d->engine;
    d->leaf.view = d->view;
    d->leaf.version = d->version;
    d->leaf.operators = d->operators;
    if (view_operator_words(a->view, add_operator, d) != 0)
        return error_no_memory(err);
    return 0;
}

/* ---- source ------------------------------------------------------------- */

static const char *spacing_source(enum dicom_spacing_source source)
{
    switch (source) {
    case DICOM_SPACING_PIXEL:
        return "PixelSpacing";
    case DICOM_SPACING_IMAGER:
        return "ImagerPixelSpacing";
    case DICOM_SPACING_GROUPS:
        return "PixelMeasuresSequence";
    case DICOM_SPACING_NONE:
        break;
    }
    return NULL;
}

static void put_stored(struct document *d)
{
    const struct manifest_instance *i = d->about->row;
    struct decode_desc native = i->desc;
    struct json_leaf *l = &d->leaf;

    if (native.codec == DECODE_UNSUPPORTED) /* its shape is in the tags */
        native.codec = DECODE_NATIVE_LE;
    if (!i->has_pixels ||
        decode_output(&native, &l->stored_channels, &l->stored_type, NULL) != 0)
        return;
    l->stored[0] = i->desc.cols;
    l->stored[1] = i->desc.rows;
    l->stored[2] = i->frames;
    l->stored_spacing[0] = i->px_x;
    l->stored_spacing[1] = i->px_y;
    l->stored_spacing[2] = d->header.spacing.z;
    l->spacing_from = spacing_source(d->header.spacing.source);
}

static void put_source(struct document *d)
{
    const struct manifest_instance *i = d->about->row;
    struct json_leaf *l = &d->leaf;

    l->object = i->slices > 0 ? "series" : "instance";
    l->study = i->study_name;
    l->series = i->series_name;
    l->name = i->name;
    l->id = i->id;
    l->number = d->about->part;
    if (l->number > 0)
        l->part = view_parts_of(d->about->view) == VIEW_PART_PATCH ? "patch"
                                                                   : "frame";
    l->sop_class = d->header.sop_class.text;
    l->transfer_syntax = d->header.transfer_syntax.text;
    l->overlays = d->header.overlays;
    put_stored(d);
    for (unsigned bit = 0; bit < WARNINGS_MAX; bit++)
        if (d->header.warnings >> bit & 1)
            d->warnings[l->n_warnings++] =
                dicom_warning_text((enum dicom_warning)(1u << bit));
    l->warnings = d->warnings;
}

/* US or SS, as PixelRepresentation says (PS3.5 A.1); an element that says US
 * all the same is read as it was meant. */
static bool is_signed_tag(const struct document *d, uint32_t tag)
{
    return d->about->row->has_pixels && d->about->row->desc.is_signed &&
           (tag == 0x00280106 || tag == 0x00280107 || tag == 0x00280120 ||
            tag == 0x00280121);
}

static int put_attributes(struct document *d, struct error *err)
{
    const struct dicom_header *h = &d->header;
    struct json_leaf_attribute *a = NULL;

    d->attributes = calloc((size_t)h->n_extra + 1, sizeof *d->attributes);
    d->values = calloc((size_t)h->n_extra + 1, sizeof *d->values);
    if (!d->attributes || !d->values)
        return error_no_memory(err);
    for (uint32_t i = 0; i < h->n_extra; i++) {
        bool is_signed = is_signed_tag(d, h->extra[i].tag);

        d->values[i] =
            (struct json_leaf_value){h->extra[i].text, h->extra[i].number};
        if (is_signed && d->values[i].number > INT16_MAX)
            d->values[i].number -= 65536;
        if (!a || a->tag != h->extra[i].tag) {
            a = &d->attributes[d->leaf.n_attributes++];
            a->tag = h->extra[i].tag;
            a->values = &d->values[i];
            if (is_signed)
                memcpy(a->vr, "SS", 3);
        }
        a->n_values++;
    }
    d->leaf.attributes = d->attributes;
    return 0;
}

/* ---- frames of pages ---------------------------------------------------- */

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

/* The picked frames that a page is made of; false if it is filled. */
static bool page_frames(const struct plan *p, uint32_t page,
                        uint32_t *ret_first, uint32_t *ret_last)
{
    bool is_slab = p->view.slab != VIEW_SLAB_NONE && p->depth.after_vol > 1;
    uint32_t stride = is_slab ? p->view.slab_stride : 1;
    uint32_t thick = is_slab ? p->view.slab_depth : 1;
    int64_t k = plan_source(p, page);
    struct vol_range frames;
    struct vol_blend blend;
    uint32_t unused;

    if (k < 0 || k >= p->depth.resized)
        return false;
    blend = depth_blend(&p->depth, (uint32_t)k);
    if (!(blend.weight > 0))
        blend.second = blend.first;
    picked_of(p, blend.first * stride, ret_first, &unused);
    picked_of(p, blend.second * stride + thick - 1, &unused, ret_last);
    frames = plan_slices(p, *ret_first, *ret_last);
    *ret_first = frames.first;
    *ret_last = frames.first + frames.count - 1;
    return true;
}

static bool has_slices(const struct document *d)
{
    return d->about->frames->slices.n > 0;
}

/* The number of one that takes part: a stored frame, or a slice. */
static uint32_t number_of(const struct document *d, uint32_t picked)
{
    uint32_t k = plan_frame(d->about->plan, picked);

    return has_slices(d) ? k : d->about->frames->order.frames[k];
}

/* Its frame in the header at hand: of slices the first stands for all. */
static uint32_t frame_at(const struct document *d, uint32_t picked)
{
    return has_slices(d) ? 0 : number_of(d, picked);
}

/* ---- window ------------------------------------------------------------- */

static int spec_of(const struct document *d, uint32_t picked,
                   struct values_spec *ret, struct error *err)
{
    return spec_init(d->about->plan, &d->header, frame_at(d, picked),
                     d->about->extent, ret, err);
}

static bool is_same_voi(const struct values_spec *a,
                        const struct values_spec *b)
{
    return a->voi == b->voi && a->center == b->center && a->width == b->width &&
           a->function == b->function &&
           a->voi_lut.entries == b->voi_lut.entries;
}

/* 1-based number of the stored window that counts. */
static uint32_t window_number(const struct document *d, uint32_t picked)
{
    const struct view *v = d->about->view;
    const struct dicom_frame *f =
        dicom_frame_at(&d->header, frame_at(d, picked));

    if (v->window == VIEW_WINDOW_NTH)
        return v->window_n;
    for (uint32_t i = 0; v->window == VIEW_WINDOW_DEFAULT && i < f->n_windows;
         i++)
        if (d->header.windows[f->window_first + i].valid)
            return i + 1;
    return 0;
}

static void fill_window(struct document *d, uint32_t picked,
                        const struct values_spec *spec)
{
    static const char *const functions[] = {
        [VALUES_LINEAR] = "LINEAR",
        [VALUES_LINEAR_EXACT] = "LINEAR_EXACT",
        [VALUES_SIGMOID] = "SIGMOID",
    };
    struct json_leaf_window *w = &d->window;

    *w = (struct json_leaf_window){
        .center = NAN, .width = NAN, .minimum = NAN, .maximum = NAN};
    switch (spec->voi) {
    case VALUES_VOI_NONE:
        return;
    case VALUES_VOI_WINDOW:
        w->kind = "window";
        w->number = window_number(d, picked);
        w->center = spec->center;
        w->width = spec->width;
        w->function = functions[spec->function];
        break;
    case VALUES_VOI_LUT:
        w->kind = "voi-lut";
        w->number = 1;
        break;
    case VALUES_VOI_MINMAX:
        w->kind = "minmax";
        w->minimum = spec->minimum;
        w->maximum = spec->maximum;
        break;
    case VALUES_VOI_FRAME:
        w->kind = "frame";
        w->per_frame = true;
        break;
    }
    d->leaf.window = w;
}

/* The frames of this leaf: all, or those of a part. */
static void shown_frames(const struct plan *p, uint32_t *ret_first,
                         uint32_t *ret_last)
{
    uint32_t first, last;

    *ret_first = 0;
    *ret_last = p->frames - 1;
    if (p->part == 0 || !page_frames(p, 0, &first, &last))
        return;
    *ret_first = first;
    if (page_frames(p, p->pages - 1, &first, &last))
        *ret_last = last;
}

/* -1 if a page has not the window that was asked for. */
static int put_window(struct document *d, struct error *err)
{
    const struct plan *p = d->about->plan;
    struct values_spec first, other;
    uint32_t from, to;

    shown_frames(p, &from, &to);
    if (spec_of(d, from, &first, err) != 0)
        return -1;
    if (p->value_channels == 3)
        return 0;
    fill_window(d, from, &first);
    if (has_slices(d)) {
        d->window.per_frame |= first.voi == VALUES_VOI_WINDOW &&
                               p->view.window != VIEW_WINDOW_EXPLICIT &&
                               from != to &&
                               !d->about->frames->slices.one_window;
        return 0;
    }
    for (uint32_t k = from + 1; k <= to; k++) {
        if (spec_of(d, k, &other, err) != 0)
            return -1;
        if (!is_same_voi(&first, &other))
            d->window.per_frame = true;
    }
    return 0;
}

/* ---- output ------------------------------------------------------------- */

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

static void put_output(struct document *d)
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

/* The names of all slices, in order. */
static int put_slices(struct document *d, struct error *err)
{
    const struct frames *f = d->about->frames;

    if (!has_slices(d))
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
static int put_pages(struct document *d, struct error *err)
{
    const struct plan *p = d->about->plan;

    d->pages = calloc(p->pages, sizeof *d->pages);
    if (!d->pages)
        return error_no_memory(err);
    for (uint32_t page = 0; page < p->pages; page++) {
        uint32_t first, last;

        if (!page_frames(p, page, &first, &last))
            return 0;
        d->pages[page].first = number_of(d, first);
        d->pages[page].last = number_of(d, last);
        d->pages[page].instance = d->pages[page].first;
    }
    d->leaf.page_map = d->pages;
    d->leaf.n_pages = p->pages;
    return 0;
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

/* ---- all ---------------------------------------------------------------- */

static int put_pixels(struct document *d, struct error *err)
{
    const struct leaf_json *a = d->about;
    struct error why = ERROR_INIT;

    d->leaf.problem = a->plan ? a->plan->refusal : a->problem;
    if (d->leaf.problem)
        return 0;
    if (put_window(d, &why) != 0) {
        if (!leaf_json_problem(a->manifest, &why, a->row, d->problem)) {
            *err = why;
            return -1;
        }
        d->leaf.problem = d->problem;
        return 0;
    }
    put_output(d);
    put_geometry(d);
    d->leaf.has_output = true;
    return put_slices(d, err) == 0 ? put_pages(d, err) : -1;
}

/* In the view's order, if there is one. */
static int first_slice(const struct leaf_json *a, struct manifest_instance *ret,
                       struct error *err)
{
    struct manifest_slices slices = {0};
    int64_t id = 0;
    int found;

    if (a->frames && a->frames->slices.n > 0)
        id = a->frames->slices.v[0].id;
    else if (manifest_volume_slices(a->manifest, a->row->id, &slices, err) != 0)
        return -1;
    else if (slices.n > 0)
        id = slices.v[0].id;
    manifest_slices_deinit(&slices);
    found = manifest_instance_by_id(a->manifest, id, ret, err);
    if (found == 0)
        return error_set(err, ERROR_STALE, "slices of this series changed");
    return found < 0 ? -1 : 0;
}

/* The header of the instance; of a volume that of its first slice. */
static int describe(struct document *d, const uint32_t *tags, size_t n,
                    struct error *err)
{
    const struct leaf_json *a = d->about;
    struct manifest_instance slice = {0};
    const struct manifest_instance *of = a->row;
    int rc = 0;

    if (a->row->slices > 0) {
        rc = first_slice(a, &slice, err);
        of = &slice;
    }
    if (rc == 0)
        rc = source_describe(a->sources, of, tags, n, &d->header, err);
    /* The order of the frames is that of the header read before. */
    if (rc == 0 && a->plan && d->header.frames != of->frames)
        rc = error_set(err, ERROR_STALE, "%s changed since it was indexed",
                       of->relpath);
    manifest_instance_deinit(&slice);
    return rc;
}

static int read_header(struct document *d, struct error *err)
{
    const struct json_tag *allowed;
    CLEANUP_FREE uint32_t *tags = NULL;
    size_t n;

    allowed = json_tags(&n);
    tags = calloc(n, sizeof *tags);
    if (!tags)
        return error_no_memory(err);
    for (size_t i = 0; i < n; i++)
        tags[i] = allowed[i].tag;
    return describe(d, tags, n, err);
}

int leaf_json_make(const struct leaf_json *about, char **ret_text,
                   size_t *ret_length, struct error *err)
{
    struct document *d = calloc(1, sizeof *d);
    int rc;

    if (!d)
        return error_no_memory(err);
    d->about = about;
    rc = read_header(d, err);
    if (rc == 0) {
        put_source(d);
        rc = put_view(d, err);
    }
    if (rc == 0)
        rc = put_attributes(d, err);
    if (rc == 0)
        rc = put_pixels(d, err);
    if (rc == 0)
        rc = json_leaf_write(&d->leaf, ret_text, ret_length, err);
    document_free(d);
    return rc;
}
