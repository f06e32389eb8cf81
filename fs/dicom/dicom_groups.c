// SPDX-License-Identifier: MIT
/*
 * dicom_groups.c: functional groups (PS3.3 C.7.6.16) by the cursor.
 *
 * Each per-frame item is one record, filled on top of the shared one, so that
 * a frame without a group has the shared value and no later frame moves up
 * (REF Q27). Attributes are looked for in the sequence they belong to, or
 * flat in the item, which some writers do.
 */
#include "dicom/dicom_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longest value of a functional group that is looked at, tables excepted. */
enum { GROUP_VALUE_MAX = 1024, STACKS_MAX = 64 };

struct visit {
    struct dicom_build *build;
    struct dicom_cursor *cursor;
    struct dicom_frame *frame;
    bool is_shared;
    uint32_t *index; /* n_dimensions of them, or NULL */
    bool has_index;
    bool has_center, has_width, has_function, has_lut;
    enum dicom_voi_function function;
    struct dicom_value center, width;
    uint8_t center_bytes[GROUP_VALUE_MAX];
    uint8_t width_bytes[GROUP_VALUE_MAX];
    struct error *err;
};

static uint32_t swap_bytes(const uint8_t vr[2])
{
    static const struct {
        char vr[3];
        uint8_t bytes;
    } widths[] = {{"US", 2}, {"SS", 2}, {"OW", 2}, {"AT", 2}, {"UL", 4},
                  {"SL", 4}, {"FL", 4}, {"OF", 4}, {"OL", 4}, {"FD", 8},
                  {"OD", 8}, {"UV", 8}, {"SV", 8}, {"OV", 8}};

    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        if (memcmp(vr, widths[i].vr, 2) == 0)
            return widths[i].bytes;
    return 1;
}

static void swap_all(uint8_t *bytes, uint32_t length, uint32_t width)
{
    for (uint32_t at = 0; width > 1 && at + width <= length; at += width)
        for (uint32_t i = 0; i < width / 2; i++) {
            uint8_t b = bytes[at + i];

            bytes[at + i] = bytes[at + width - 1 - i];
            bytes[at + width - 1 - i] = b;
        }
}

/* The element's value in little-endian order; 1, or 0 if there is none or it
 * is too long, or -1. */
static int get_value(struct visit *v, const struct dicom_element *e,
                     const char vr[3], uint8_t bytes[GROUP_VALUE_MAX],
                     struct dicom_value *ret)
{
    int n;

    if (e->length == 0 || e->length > GROUP_VALUE_MAX)
        return 0;
    n = dicom_cursor_value(v->cursor, e, bytes, GROUP_VALUE_MAX, v->err);
    if (n <= 0)
        return n;
    memcpy(ret->vr, e->vr, 2);
    ret->length = (uint32_t)n;
    ret->bytes = bytes;
    if (dicom_encoding_is_big(v->cursor->encoding)) {
        uint32_t width = swap_bytes(ret->vr);

        if (width == 1 && memcmp(ret->vr, "??", 2) == 0)
            width = swap_bytes((const uint8_t *)vr);
        swap_all(bytes, ret->length, width);
    }
    return 1;
}

/* StackIDs become numbers, in order of appearance. */
static int intern_stack(struct dicom_build *build,
                        const struct dicom_value *value, uint32_t *ret,
                        struct error *err)
{
    const char *text = (const char *)value->bytes;
    size_t length = value->length;
    char key[20] = {0};
    uint32_t last = build->n_stacks;

    dicom_text_trim(&text, &length);
    if (length == 0)
        return 0;
    memcpy(key, text, length < sizeof key - 1 ? length : sizeof key - 1);
    /* Frames of a stack follow each other: the last one first. */
    for (uint32_t i = 0; i < last; i++)
        if (memcmp(build->stacks[last - 1 - i], key, sizeof key) == 0) {
            *ret = last - i;
            return 0;
        }
    /* Two are already several volumes; more need not be told apart. */
    if (last == STACKS_MAX) {
        *ret = last;
        return 0;
    }
    if (!build->stacks) {
        build->stacks = calloc(STACKS_MAX, sizeof key);
        if (!build->stacks)
            return error_no_memory(err);
    }
    memcpy(build->stacks[last], key, sizeof key);
    *ret = ++build->n_stacks;
    return 0;
}

/* ---- VOI ------------------------------------------------------------------
 */

/* Descriptor and data of one LUT item, at the cursor. */
static int visit_lut_item(struct visit *v, uint64_t end)
{
    struct dicom_build *build = v->build;
    uint8_t d_bytes[GROUP_VALUE_MAX];
    struct dicom_value d = {.length = 0};
    struct dicom_element e;
    struct dicom_lut lut;
    uint8_t *data = NULL;
    uint32_t length = 0;
    bool truncated = false;
    int rc = 0, n;

    while ((n = dicom_cursor_next(v->cursor, end, &e, &truncated, v->err)) >
               0 &&
           e.tag != TAG_ITEM_END) {
        if (e.tag == TAG_LUT_DESCRIPTOR)
            rc = get_value(v, &e, "US", d_bytes, &d);
        if (e.tag == TAG_LUT_DATA && !data && e.length <= 2 * 65536 + 2) {
            length = e.length;
            data = malloc(length ? length : 1);
            rc = !data
                     ? error_no_memory(v->err)
                     : dicom_cursor_value(v->cursor, &e, data, length, v->err);
            if (rc >= 0)
                length = (uint32_t)rc;
            if (dicom_encoding_is_big(v->cursor->encoding))
                swap_all(data, length, swap_bytes(e.vr));
        }
        if (rc < 0 || dicom_cursor_skip(v->cursor, &e, v->err) < 0) {
            free(data);
            return -1;
        }
    }
    rc = n < 0 ? -1 : 0;
    if (n >= 0 && data && d.length)
        rc = dicom_lut_make(build, &d, data, length,
                            dicom_voi_is_signed(build->header), &lut);
    free(data);
    if (n < 0)
        return -1;
    if (rc == 0)
        build->header->warnings |= DICOM_WARN_LUT_INVALID;
    if (rc < 0)
        return error_no_memory(v->err);
    if (rc > 0) {
        uint32_t at = dicom_add_lut(build, &lut);

        if (at == UINT32_MAX)
            return error_no_memory(v->err);
        if (!v->has_lut) {
            v->frame->voi_lut_first = at;
            v->frame->n_voi_luts = 0;
        }
        v->has_lut = true;
        v->frame->n_voi_luts++;
    }
    return 0;
}

static int visit_luts(struct visit *v, const struct dicom_element *element)
{
    struct dicom_items items;
    int rc;

    if (v->build->top_voi_lut)
        return 0;
    dicom_items_begin(&items, v->cursor, element);
    while ((rc = dicom_items_next(&items, v->cursor, v->err)) > 0)
        if (visit_lut_item(v, items.item_end) != 0 ||
            dicom_items_leave(&items, v->cursor, v->err) != 0)
            return -1;
    return rc;
}

static int visit_voi(struct visit *v, const struct dicom_element *e)
{
    uint8_t bytes[GROUP_VALUE_MAX];
    struct dicom_value value;
    int rc = 0;

    switch (e->tag) {
    case TAG_WINDOW_CENTER:
        rc = get_value(v, e, "DS", v->center_bytes, &v->center);
        v->has_center = rc > 0;
        break;
    case TAG_WINDOW_WIDTH:
        rc = get_value(v, e, "DS", v->width_bytes, &v->width);
        v->has_width = rc > 0;
        break;
    case TAG_VOI_FUNCTION:
        rc = get_value(v, e, "CS", bytes, &value);
        if (rc > 0)
            v->has_function = dicom_parse_function(&value, &v->function);
        break;
    case TAG_VOI_LUT:
        rc = visit_luts(v, e);
        break;
    default:
        break;
    }
    return rc < 0 ? -1 : 0;
}

/* The function of a group's own window, else the shared, else LINEAR. */
static int finish_windows(struct visit *v)
{
    struct dicom_build *build = v->build;
    enum dicom_voi_function function = build->function;

    if (v->has_function && !build->top_function)
        function = v->function;
    if (v->is_shared && v->has_function && !build->top_function)
        build->function = function;
    if (build->top_window || !v->has_center || !v->has_width)
        return 0;
    if (dicom_add_windows(build, &v->center, &v->width, function,
                          &v->frame->window_first, &v->frame->n_windows) != 0)
        return error_no_memory(v->err);
    return 0;
}

/* ---- the other groups -------------------------------------------------------
 */

static int visit_content(struct visit *v, const struct dicom_element *e)
{
    uint8_t bytes[GROUP_VALUE_MAX];
    struct dicom_value value;
    uint32_t dims = v->build->header->n_dimensions;
    int64_t number;
    int rc;

    switch (e->tag) {
    case TAG_IN_STACK:
    case TAG_TEMPORAL_INDEX:
        rc = get_value(v, e, "UL", bytes, &value);
        if (rc > 0 && dicom_value_integer(&value, "UL", 0, &number)) {
            if (e->tag == TAG_IN_STACK)
                v->frame->in_stack = number;
            else
                v->frame->temporal = number;
        }
        return rc < 0 ? -1 : 0;
    case TAG_STACK_ID:
        rc = get_value(v, e, "SH", bytes, &value);
        if (rc > 0)
            rc = intern_stack(v->build, &value, &v->frame->stack, v->err);
        return rc < 0 ? -1 : 0;
    case TAG_INDEX_VALUES:
        rc = get_value(v, e, "UL", bytes, &value);
        if (rc <= 0 || !v->index || dicom_value_count(&value, "UL") != dims)
            return rc < 0 ? -1 : 0;
        v->has_index = true;
        for (uint32_t i = 0; i < dims; i++) {
            v->has_index =
                v->has_index && dicom_value_integer(&value, "UL", i, &number);
            v->index[i] = v->has_index ? (uint32_t)number : 0;
        }
        return 0;
    default:
        return 0;
    }
}

static int visit_number(struct visit *v, const struct dicom_element *e)
{
    struct dicom_frame *f = v->frame;
    uint8_t bytes[GROUP_VALUE_MAX];
    struct dicom_value value;
    double number;
    int rc = get_value(v, e, "DS", bytes, &value);

    if (rc <= 0)
        return rc;
    switch (e->tag) {
    case TAG_POSITION:
        (void)dicom_parse_numbers(&value, "DS", 3, f->position);
        return 0;
    case TAG_ORIENTATION:
        (void)dicom_parse_numbers(&value, "DS", 6, f->orientation);
        return 0;
    case TAG_PIXEL_SPACING:
        if (!dicom_parse_spacing(&value, &f->px_x, &f->px_y))
            v->build->header->warnings |= DICOM_WARN_SPACING_INVALID;
        return 0;
    default:
        break;
    }
    if (!dicom_value_number(&value, "DS", 0, &number))
        number = NAN;
    if (e->tag == TAG_SPACING_BETWEEN)
        f->z_between = number;
    else if (e->tag == TAG_SLICE_THICKNESS)
        f->z_thickness = number;
    else if (e->tag == TAG_SLICE_LOCATION)
        f->slice_location = number;
    else if (isnan(number) || (e->tag == TAG_RESCALE_SLOPE && number == 0))
        v->build->header->warnings |= DICOM_WARN_RESCALE_INVALID;
    else if (e->tag == TAG_RESCALE_SLOPE && !v->build->top_rescale)
        f->slope = number;
    else if (e->tag == TAG_RESCALE_INTERCEPT && !v->build->top_rescale)
        f->intercept = number;
    return 0;
}

static int visit_rescale_type(struct visit *v, const struct dicom_element *e)
{
    uint8_t bytes[GROUP_VALUE_MAX];
    struct dicom_value value;
    const char *text;
    size_t length;
    char *copy;
    int rc;

    if (v->build->header->rescale_type)
        return 0;
    rc = get_value(v, e, "LO", bytes, &value);
    if (rc <= 0)
        return rc;
    text = (const char *)value.bytes;
    length = value.length;
    dicom_text_trim(&text, &length);
    if (length == 0)
        return 0;
    copy = dicom_arena_text(v->build->arena, text, length);
    if (!copy)
        return error_no_memory(v->err);
    v->build->header->rescale_type = copy;
    return 0;
}

static int visit_sampled(struct visit *v, const struct dicom_element *e)
{
    uint8_t bytes[GROUP_VALUE_MAX];
    struct dicom_value value;
    int rc = get_value(v, e, "CS", bytes, &value);
    const char *text;
    size_t length;

    if (rc <= 0)
        return rc;
    text = (const char *)value.bytes;
    length = value.length;
    dicom_text_trim(&text, &length);
    v->frame->sampled = length == 7 && memcmp(text, "SAMPLED", 7) == 0;
    return 0;
}

/* One attribute, found in item 0 of sequence `within` (0: flat). */
static int visit_attribute(struct visit *v, uint32_t within,
                           const struct dicom_element *e)
{
    static const struct {
        uint32_t sequence;
        uint32_t tag;
        int (*visit)(struct visit *, const struct dicom_element *);
    } places[] = {
        {TAG_FRAME_CONTENT, TAG_IN_STACK, visit_content},
        {TAG_FRAME_CONTENT, TAG_TEMPORAL_INDEX, visit_content},
        {TAG_FRAME_CONTENT, TAG_STACK_ID, visit_content},
        {TAG_FRAME_CONTENT, TAG_INDEX_VALUES, visit_content},
        {TAG_PLANE_POSITION, TAG_POSITION, visit_number},
        {TAG_PLANE_ORIENTATION, TAG_ORIENTATION, visit_number},
        {TAG_PIXEL_MEASURES, TAG_PIXEL_SPACING, visit_number},
        {TAG_PIXEL_MEASURES, TAG_SPACING_BETWEEN, visit_number},
        {TAG_PIXEL_MEASURES, TAG_SLICE_THICKNESS, visit_number},
        {TAG_PIXEL_TRANSFORM, TAG_RESCALE_SLOPE, visit_number},
        {TAG_PIXEL_TRANSFORM, TAG_RESCALE_INTERCEPT, visit_number},
        {TAG_PIXEL_TRANSFORM, TAG_RESCALE_TYPE, visit_rescale_type},
        {TAG_FRAME_VOI, TAG_WINDOW_CENTER, visit_voi},
        {TAG_FRAME_VOI, TAG_WINDOW_WIDTH, visit_voi},
        {TAG_FRAME_VOI, TAG_VOI_FUNCTION, visit_voi},
        {TAG_FRAME_VOI, TAG_VOI_LUT, visit_voi},
    };

    if (e->tag == TAG_VOLUMETRIC)
        return visit_sampled(v, e);
    if (e->tag == TAG_SLICE_LOCATION && within == 0)
        return visit_number(v, e);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i].tag == e->tag &&
            (within == 0 || within == places[i].sequence))
            return places[i].visit(v, e);
    return 0;
}

/* Item 0 of one group. */
static int visit_group(struct visit *v, const struct dicom_element *group)
{
    struct dicom_items items;
    struct dicom_element e;
    bool truncated = false;
    int rc;

    dicom_items_begin(&items, v->cursor, group);
    rc = dicom_items_next(&items, v->cursor, v->err);
    if (rc <= 0)
        return rc;
    while ((rc = dicom_cursor_next(v->cursor, items.item_end, &e, &truncated,
                                   v->err)) > 0 &&
           e.tag != TAG_ITEM_END && e.tag != TAG_SEQUENCE_END) {
        if (visit_attribute(v, group->tag, &e) != 0)
            return -1;
        rc = dicom_cursor_skip(v->cursor, &e, v->err);
        if (rc <= 0)
            break;
    }
    v->cursor->encoding = items.outer;
    return rc < 0 ? -1 : 0;
}

/* One item of the shared or per-frame sequence. */
static int visit_item(struct visit *v, uint64_t end)
{
    struct dicom_element e;
    bool truncated = false;
    int rc;

    while ((rc = dicom_cursor_next(v->cursor, end, &e, &truncated, v->err)) >
               0 &&
           e.tag != TAG_ITEM_END && e.tag != TAG_SEQUENCE_END) {
        /* VOI LUT flat in the item is an attribute, not a group. */
        int group = e.tag == TAG_VOI_LUT
                        ? 0
                        : dicom_cursor_is_sequence(v->cursor, &e, v->err);

        if (group < 0)
            return -1;
        rc = group ? visit_group(v, &e) : visit_attribute(v, 0, &e);
        if (rc < 0)
            return -1;
        rc = dicom_cursor_skip(v->cursor, &e, v->err);
        if (rc <= 0)
            break;
    }
    return rc < 0 ? -1 : finish_windows(v);
}

int dicom_visit_shared(struct dicom_build *build, struct dicom_cursor *cursor,
                       const struct dicom_element *element, struct error *err)
{
    struct visit v = {.build = build,
                      .cursor = cursor,
                      .frame = &build->header->shared,
                      .is_shared = true,
                      .err = err};
    struct dicom_items items;
    int rc;

    dicom_items_begin(&items, cursor, element);
    rc = dicom_items_next(&items, cursor, err);
    if (rc <= 0)
        return rc;
    return visit_item(&v, items.item_end);
}

static int grow_items(struct dicom_build *build, struct error *err)
{
    uint32_t size = build->items_size ? build->items_size * 2 : 16;
    uint32_t dims = build->header->n_dimensions;
    struct dicom_frame *frames;
    uint32_t *values;

    frames = realloc(build->per_frame, size * sizeof *frames);
    if (!frames)
        return error_no_memory(err);
    build->per_frame = frames;
    if (dims > 0) {
        values =
            realloc(build->index_values, (size_t)size * dims * sizeof *values);
        if (!values)
            return error_no_memory(err);
        build->index_values = values;
    }
    build->items_size = size;
    return 0;
}

static int visit_frame(struct dicom_build *build, struct dicom_cursor *cursor,
                       const struct dicom_items *items, struct error *err)
{
    struct visit v = {.build = build, .cursor = cursor, .err = err};
    uint32_t n = build->n_items;
    uint32_t dims = build->header->n_dimensions;

    if (n == build->items_size && grow_items(build, err) != 0)
        return -1;
    v.frame = &build->per_frame[n];
    *v.frame = build->header->shared;
    if (dims > 0)
        v.index = &build->index_values[(size_t)n * dims];
    build->n_items = n + 1;
    if (visit_item(&v, items->item_end) != 0)
        return -1;
    if (!v.has_index)
        build->index_values_bad = true;
    return 0;
}

int dicom_visit_frames(struct dicom_build *build, struct dicom_cursor *cursor,
                       const struct dicom_element *element, struct error *err)
{
    struct dicom_items items;
    int rc;

    dicom_items_begin(&items, cursor, element);
    while ((rc = dicom_items_next(&items, cursor, err)) > 0) {
        if (build->n_items == build->source->limits.frames)
            return error_set(err, ERROR_TOO_BIG,
                             "over %u per-frame functional groups",
                             build->source->limits.frames);
        if (visit_frame(build, cursor, &items, err) != 0 ||
            dicom_items_leave(&items, cursor, err) != 0)
            return -1;
    }
    return rc;
}
