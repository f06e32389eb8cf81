// SPDX-License-Identifier: MIT
/* From the struct to the document, member by member. */
#include "json/json_leaf.h"

#include <math.h>
#include <string.h>

#include "json/json.h"
#include "json/json_leaf_dicom.h"

/* ---- small members ------------------------------------------------------ */

static void member_string(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_string(j, text);
}

static void member_number(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_number(j, value);
}

static void member_unsigned(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_unsigned(j, value);
}

static void member_boolean(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_boolean(j, value);
}

static void member_null(struct json *j, const char *key)
{
    json_key(j, key);
    json_null(j);
}

static void member_counts(struct json *j, const char *key,
                          const uint32_t *values, unsigned n)
{
    json_key(j, key);
    json_begin_flat_array(j);
    for (unsigned i = 0; i < n; i++)
        json_unsigned(j, values[i]);
    json_end(j);
}

static void member_numbers(struct json *j, const char *key,
                           const double *values, unsigned n)
{
    json_key(j, key);
    json_begin_flat_array(j);
    for (unsigned i = 0; i < n; i++)
        json_number(j, values[i]);
    json_end(j);
}

/* mm; what is not positive is not known. */
static void member_spacing(struct json *j, const char *key,
                           const double spacing[3], unsigned n)
{
    json_key(j, key);
    json_begin_flat_array(j);
    for (unsigned i = 0; i < n; i++)
        json_number(j, spacing[i] > 0 ? spacing[i] : (double)NAN);
    json_end(j);
}

/* As NumPy calls them. */
static const char *dtype_name(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8:
        return "uint8";
    case SAMPLE_U16:
        return "uint16";
    case SAMPLE_I16:
        return "int16";
    case SAMPLE_U32:
        return "uint32";
    case SAMPLE_I32:
        return "int32";
    case SAMPLE_F32:
        return "float32";
    case SAMPLE_F64:
        return "float64";
    case SAMPLE_F16:
        return "float16";
    }
    return NULL;
}

/* ---- parts of the document ---------------------------------------------- */

static void put_operators(struct json *j, const struct json_leaf *leaf)
{
    json_key(j, "operators");
    json_begin_array(j);
    for (size_t i = 0; i < leaf->n_operators; i++) {
        json_begin_object(j);
        member_string(j, "operator", leaf->operators[i].text);
        member_string(j, "does", leaf->operators[i].does);
        json_end(j);
    }
    json_end(j);
}

static void put_identity(struct json *j, const struct json_leaf *leaf)
{
    json_key(j, "leaf");
    json_begin_object(j);
    member_string(j, "object", leaf->object);
    member_string(j, "study", leaf->study);
    member_string(j, "series", leaf->series);
    member_string(j, "name", leaf->name);
    member_string(j, "part", leaf->part);
    if (leaf->part)
        member_unsigned(j, "number", leaf->number);
    else
        member_null(j, "number");
    member_string(j, "version", leaf->version);
    json_end(j);
}

static void put_shape(struct json *j, uint32_t pages, uint32_t rows,
                      uint32_t columns, uint32_t channels, bool has_pages)
{
    const uint32_t sides[] = {pages, rows, columns, channels};
    static const char *const names[] = {"page", "row", "column", "channel"};
    unsigned first = has_pages ? 0 : 1;
    unsigned end = channels > 1 ? 4 : 3;

    member_counts(j, "shape", sides + first, end - first);
    json_key(j, "axes");
    json_begin_flat_array(j);
    for (unsigned i = first; i < end; i++)
        json_string(j, names[i]);
    json_end(j);
}

static void put_source(struct json *j, const struct json_leaf *leaf)
{
    bool has_pixels = leaf->stored[0] > 0 && leaf->stored[1] > 0;

    json_key(j, "source");
    json_begin_object(j);
    json_key(j, "sop_class");
    json_leaf_uid(j, leaf->sop_class);
    json_key(j, "transfer_syntax");
    json_leaf_uid(j, leaf->transfer_syntax);
    if (has_pixels) {
        put_shape(j, leaf->stored[2], leaf->stored[1], leaf->stored[0],
                  leaf->stored_channels, leaf->stored[2] > 1);
        member_string(j, "dtype", dtype_name(leaf->stored_type));
    } else {
        member_null(j, "shape");
        member_null(j, "axes");
        member_null(j, "dtype");
    }
    member_unsigned(j, "overlays", leaf->overlays);
    member_spacing(j, "spacing", leaf->stored_spacing, 3);
    member_string(j, "spacing_from", leaf->spacing_from);
    json_end(j);
}

static void put_sizes(struct json *j, const struct json_leaf *leaf)
{
    json_key(j, "bytes");
    json_begin_object(j);
    for (size_t i = 0; i < leaf->n_sizes; i++) {
        if (leaf->sizes[i].bytes > 0)
            member_unsigned(j, leaf->sizes[i].extension, leaf->sizes[i].bytes);
        else
            member_null(j, leaf->sizes[i].extension);
    }
    json_end(j);
}

static void put_output(struct json *j, const struct json_leaf *leaf)
{
    const double range[2] = {leaf->low, leaf->high};

    json_key(j, "output");
    json_begin_object(j);
    put_shape(j, leaf->pages, leaf->height, leaf->width, leaf->channels,
              leaf->pages > 1 || leaf->axes == JSON_LEAF_VOLUME);
    member_string(j, "dtype", dtype_name(leaf->type));
    member_string(j, "values", leaf->values);
    member_string(j, "unit", leaf->unit);
    member_numbers(j, "range", range, 2);
    member_string(j, "size_class", leaf->size_is_known ? "S" : "I");
    put_sizes(j, leaf);
    json_end(j);
}

static void put_window(struct json *j, const struct json_leaf *leaf)
{
    const struct json_leaf_window *w = leaf->window;

    if (!w) {
        member_null(j, "window");
        return;
    }
    json_key(j, "window");
    json_begin_object(j);
    member_string(j, "kind", w->kind);
    if (w->number > 0)
        member_unsigned(j, "number", w->number);
    else
        member_null(j, "number");
    member_number(j, "center", w->center);
    member_number(j, "width", w->width);
    member_string(j, "function", w->function);
    member_number(j, "minimum", w->minimum);
    member_number(j, "maximum", w->maximum);
    member_boolean(j, "per_frame", w->per_frame);
    json_end(j);
}

static void put_box(struct json *j, const char *key, bool is_done,
                    const char *first_key, const uint32_t first[3],
                    const char *second_key, const uint32_t second[3],
                    unsigned n)
{
    if (!is_done) {
        member_null(j, key);
        return;
    }
    json_key(j, key);
    json_begin_object(j);
    member_counts(j, first_key, first, n);
    member_counts(j, second_key, second, n);
    json_end(j);
}

/* Three axes, the corner perhaps outside. */
static void put_window_box(struct json *j, const char *key, bool is_done,
                           const int64_t corner[3], const uint32_t size[3])
{
    if (!is_done) {
        member_null(j, key);
        return;
    }
    json_key(j, key);
    json_begin_object(j);
    json_key(j, "corner");
    json_begin_flat_array(j);
    for (unsigned i = 0; i < 3; i++)
        json_integer(j, corner[i]);
    json_end(j);
    member_counts(j, "size", size, 3);
    json_end(j);
}

static void put_affine(struct json *j, const struct json_leaf *leaf)
{
    if (!leaf->has_affine) {
        member_null(j, "affine_ras");
        return;
    }
    json_key(j, "affine_ras");
    json_begin_array(j);
    for (unsigned i = 0; i < 4; i++) {
        json_begin_flat_array(j);
        for (unsigned k = 0; k < 4; k++)
            json_number(j, i < 3 ? leaf->affine[i][k] : k == 3);
        json_end(j);
    }
    json_end(j);
}

static void put_geometry(struct json *j, const struct json_leaf *leaf)
{
    unsigned n = leaf->n_axes == 3 ? 3 : 2;

    json_key(j, "geometry");
    json_begin_object(j);
    member_counts(j, "oriented", leaf->oriented, n);
    member_boolean(j, "turned", leaf->turned);
    put_box(j, "crop", leaf->has_crop, "corner", leaf->crop_corner, "size",
            leaf->crop_size, n);
    if (leaf->has_scale) {
        member_numbers(j, "scale", leaf->scale, n);
        member_counts(j, "resized", leaf->resized, n);
    } else {
        member_null(j, "scale");
        member_null(j, "resized");
    }
    put_box(j, "cut", leaf->has_cut, "corner", leaf->cut_corner, "size",
            leaf->cut_size, n);
    put_box(j, "pad", leaf->has_pad, "before", leaf->pad_before, "after",
            leaf->pad_after, n);
    put_window_box(j, "canvas", leaf->has_canvas, leaf->canvas_corner,
                   leaf->canvas_size);
    put_window_box(j, "patch", leaf->has_patch, leaf->patch_corner,
                   leaf->patch_size);
    member_spacing(j, "spacing", leaf->spacing, 3);
    put_affine(j, leaf);
    json_end(j);
}

static bool is_projected(const struct json_leaf *leaf)
{
    for (size_t i = 0; i < leaf->n_pages; i++) {
        if (leaf->page_map[i].last != leaf->page_map[i].first)
            return true;
    }
    return false;
}

/* Columns rather than rows: a table of 10^5 pages stays readable by machine
 * and is a third as long. */
static void put_frames(struct json *j, const struct json_leaf *leaf)
{
    bool projected = is_projected(leaf);

    json_key(j, "frames");
    json_begin_object(j);
    json_key(j, "first");
    json_begin_flat_array(j);
    for (size_t i = 0; i < leaf->n_pages; i++)
        json_unsigned(j, (uint64_t)leaf->page_map[i].first + 1);
    json_end(j);
    json_key(j, "last");
    if (projected) {
        json_begin_flat_array(j);
        for (size_t i = 0; i < leaf->n_pages; i++)
            json_unsigned(j, (uint64_t)leaf->page_map[i].last + 1);
        json_end(j);
    } else {
        json_null(j);
    }
    json_key(j, "instance");
    if (leaf->instances) {
        json_begin_flat_array(j);
        for (size_t i = 0; i < leaf->n_pages; i++) {
            uint32_t at = leaf->page_map[i].instance;

            json_string(j, at < leaf->n_instances ? leaf->instances[at] : NULL);
        }
        json_end(j);
    } else {
        json_null(j);
    }
    json_end(j);
}

static void put_pixels(struct json *j, const struct json_leaf *leaf)
{
    if (!leaf->has_output) {
        member_null(j, "output");
        member_null(j, "window");
        member_null(j, "geometry");
        member_null(j, "frames");
        return;
    }
    put_output(j, leaf);
    put_window(j, leaf);
    put_geometry(j, leaf);
    put_frames(j, leaf);
}

static void put_warnings(struct json *j, const struct json_leaf *leaf)
{
    json_key(j, "warnings");
    json_begin_array(j);
    for (size_t i = 0; i < leaf->n_warnings; i++)
        json_string(j, leaf->warnings[i]);
    json_end(j);
}

int json_leaf_write(const struct json_leaf *leaf, char **ret_text,
                    size_t *ret_length, struct error *err)
{
    struct json j = {.data = NULL};

    json_begin_object(&j);
    json_key(&j, "prepfs");
    json_begin_object(&j);
    member_unsigned(&j, "format", JSON_LEAF_FORMAT);
    member_string(&j, "engine", leaf->engine);
    json_end(&j);
    member_string(&j, "view", leaf->view);
    put_operators(&j, leaf);
    put_identity(&j, leaf);
    put_source(&j, leaf);
    member_string(&j, "problem", leaf->problem);
    put_pixels(&j, leaf);
    put_warnings(&j, leaf);
    json_key(&j, "dicom");
    json_leaf_dicom(&j, leaf->attributes, leaf->n_attributes);
    json_end(&j);
    return json_finish(&j, ret_text, ret_length, err);
}
