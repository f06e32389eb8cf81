// SPDX-License-Identifier: MIT
/*
 * dicom_dimensions.c: what orders the frames besides their geometry
 * (PS3.3 C.7.6.17 dimensions; C.7.6.6 frame increment pointer).
 */
#include "dicom/dicom_impl.h"

#include <stdlib.h>
#include <string.h>

enum { DIMENSIONS_MAX = 32 };

static uint32_t pointer_of(const struct dcmtk_item *item)
{
    int64_t tag = dicom_get_integer(item, TAG_DIMENSION_POINTER, "AT");

    return tag > 0 ? (uint32_t)tag : 0;
}

int dicom_read_dimensions(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    const struct dcmtk_item *item;
    uint32_t pointers[DIMENSIONS_MAX];
    uint32_t *kept;
    uint32_t n = 0;
    bool oom = false;
    const char *type = dicom_get_text(build, TAG_DIMENSION_TYPE, &oom);
    const char *volumetric = dicom_get_text(build, TAG_VOLUMETRIC, &oom);

    if (oom)
        return error_no_memory(err);
    h->temporal_3d = type && strcasecmp(type, "3D_TEMPORAL") == 0;
    h->shared.sampled = volumetric && strcasecmp(volumetric, "SAMPLED") == 0;
    while (n < DIMENSIONS_MAX &&
           (item = dcmtk_sequence(build->root, TAG_DIMENSIONS, n)) != NULL) {
        pointers[n] = pointer_of(item);
        if (pointers[n] == 0)
            return 0;
        n++;
    }
    if (n == 0)
        return 0;
    kept = dicom_arena_alloc(build->arena, n, sizeof *kept);
    if (!kept)
        return error_no_memory(err);
    memcpy(kept, pointers, n * sizeof *kept);
    h->dimension_pointers = kept;
    h->n_dimensions = n;
    return 0;
}

/* Exactly `n` numbers, in one pass over the text. */
static bool read_numbers(const struct dicom_value *value, uint32_t n,
                         double *ret)
{
    const char *text = (const char *)value->bytes;
    const char *end = text + value->length;

    if (dicom_value_count(value, "DS") != n)
        return false;
    if (!dicom_value_is_text(value)) {
        for (uint32_t i = 0; i < n; i++)
            if (!dicom_value_number(value, "DS", i, &ret[i]))
                return false;
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        const char *stop = memchr(text, '\\', (size_t)(end - text));
        const char *part = text;
        size_t length;

        if (!stop)
            stop = end;
        length = (size_t)(stop - text);
        dicom_text_trim(&part, &length);
        if (!dcmtk_number(part, length, &ret[i]))
            return false;
        text = stop < end ? stop + 1 : end;
    }
    return true;
}

/* Does it tell any frame from another? Frame Time Vector holds increments
 * (PS3.3 C.7.6.5.1.2): one that begins with 0, as it must, is no order. */
static bool tells_apart(uint32_t tag, const double *vector, uint32_t n)
{
    if (tag == TAG_FRAME_TIME_VECTOR && vector[0] == 0)
        return false;
    for (uint32_t i = 1; i < n; i++)
        if (vector[i] != vector[0])
            return true;
    return false;
}

/* 1 kept, 0 of no use, -1 no memory. */
static int keep_vector(struct dicom_build *build, uint32_t tag,
                       const struct dicom_value *value)
{
    struct dicom_header *h = build->header;
    double *vector;

    if (dicom_value_count(value, "DS") != h->frames)
        return 0;
    vector = dicom_arena_alloc(build->arena, h->frames, sizeof *vector);
    if (!vector)
        return -1;
    if (!read_numbers(value, h->frames, vector) ||
        !tells_apart(tag, vector, h->frames))
        return 0;
    h->frame_vector = vector;
    h->vector_is_mm = tag == TAG_GRID_OFFSETS;
    return 1;
}

/* The vector that Frame Increment Pointer names, if it has a value a frame.
 * A pointer may name several; the first of use counts. */
int dicom_read_vector(struct dicom_build *build, struct error *err)
{
    enum { POINTERS_MAX = 8 };
    struct dicom_buffer b1, b2;
    struct dicom_value pointer, value;
    bool named = build->header->frames > 1 &&
                 dicom_get(build->root, TAG_FRAME_INCREMENT, &b1, &pointer);
    double tag;
    int rc = 0;

    for (uint32_t i = 0; named && rc == 0 && i < POINTERS_MAX; i++) {
        if (!dicom_value_number(&pointer, "AT", i, &tag))
            break;
        if (dicom_get(build->root, (uint32_t)tag, &b2, &value))
            rc = keep_vector(build, (uint32_t)tag, &value);
    }
    return rc < 0 ? error_no_memory(err) : 0;
}
