// SPDX-License-Identifier: MIT
/* leaf_json.c: see leaf_json.h; the document itself is json/json_leaf.h. */
#include "render/leaf_json.h"

#include <stdlib.h>
#include <string.h>

#include "json/json_tags.h"
#include "prepfs/cleanup.h"
#include "render/leaf_json_impl.h"
#include "render/render.h"

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

/* ---- all ---------------------------------------------------------------- */

static int put_pixels(struct document *d, struct error *err)
{
    const struct leaf_json *a = d->about;
    struct error why = ERROR_INIT;

    d->leaf.problem = a->plan ? a->plan->refusal : a->problem;
    if (d->leaf.problem)
        return 0;
    if (document_put_window(d, &why) != 0) {
        if (!leaf_json_problem(a->manifest, &why, a->row, d->problem)) {
            *err = why;
            return -1;
        }
        d->leaf.problem = d->problem;
        return 0;
    }
    document_put_output(d);
    return document_put_pages(d, err);
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
