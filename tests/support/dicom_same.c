// SPDX-License-Identifier: MIT
/* dicom_same.c: see dicom_same.h. Member by member, so that it shares nothing
 * with what it tests. */
#include "support/dicom_same.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_numbers(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!same_number(a[i], b[i]))
            return false;
    return true;
}

static bool same_bytes(const void *a, const void *b, size_t size)
{
    return size == 0 || (a && b && memcmp(a, b, size) == 0);
}

static bool same_uid(const struct dicom_uid *a, const struct dicom_uid *b)
{
    return same_text(a->text, b->text) && a->is_name == b->is_name;
}

static bool same_desc(const struct decode_desc *a, const struct decode_desc *b)
{
    return a->codec == b->codec && a->photometric == b->photometric &&
           a->element == b->element && a->rows == b->rows &&
           a->cols == b->cols && a->samples == b->samples &&
           a->bits_alloc == b->bits_alloc && a->bits_stored == b->bits_stored &&
           a->high_bit == b->high_bit && a->is_signed == b->is_signed &&
           a->planar == b->planar;
}

static bool same_frame(const struct dicom_frame *a, const struct dicom_frame *b)
{
    return a->slope == b->slope && a->intercept == b->intercept &&
           a->n_windows == b->n_windows && a->n_voi_luts == b->n_voi_luts &&
           (!a->n_windows || a->window_first == b->window_first) &&
           (!a->n_voi_luts || a->voi_lut_first == b->voi_lut_first) &&
           same_numbers(a->position, b->position, 3) &&
           same_numbers(a->orientation, b->orientation, 6) &&
           same_number(a->slice_location, b->slice_location) &&
           same_number(a->px_x, b->px_x) && same_number(a->px_y, b->px_y) &&
           same_number(a->z_between, b->z_between) &&
           same_number(a->z_thickness, b->z_thickness) &&
           a->in_stack == b->in_stack && a->temporal == b->temporal &&
           a->stack == b->stack && a->sampled == b->sampled;
}

static bool same_lut(const struct dicom_lut *a, const struct dicom_lut *b)
{
    return a->n == b->n && a->first == b->first && a->bits == b->bits &&
           a->max == b->max && same_bytes(a->data, b->data, 2 * (size_t)a->n);
}

static bool same_palette(const struct dicom_palette *a,
                         const struct dicom_palette *b)
{
    for (int i = 0; i < 3; i++)
        if (a->n[i] != b->n[i] || a->first[i] != b->first[i] ||
            !same_bytes(a->data[i], b->data[i], 2 * (size_t)a->n[i]))
            return false;
    return a->bits == b->bits;
}

static bool same_windows(const struct dicom_header *a,
                         const struct dicom_header *b)
{
    for (uint32_t i = 0; a->n_windows == b->n_windows && i < a->n_windows;
         i++) {
        const struct dicom_window *x = &a->windows[i], *y = &b->windows[i];

        if (x->center != y->center || x->width != y->width ||
            x->function != y->function || x->valid != y->valid)
            return false;
    }
    return a->n_windows == b->n_windows;
}

static bool same_luts(const struct dicom_header *a,
                      const struct dicom_header *b)
{
    for (uint32_t i = 0; a->n_voi_luts == b->n_voi_luts && i < a->n_voi_luts;
         i++)
        if (!same_lut(&a->voi_luts[i], &b->voi_luts[i]))
            return false;
    return a->n_voi_luts == b->n_voi_luts;
}

static bool same_per_frame(const struct dicom_header *a,
                           const struct dicom_header *b)
{
    for (uint32_t i = 0; a->n_per_frame == b->n_per_frame && i < a->n_per_frame;
         i++)
        if (!same_frame(&a->per_frame[i], &b->per_frame[i]))
            return false;
    return a->n_per_frame == b->n_per_frame;
}

static bool same_extra(const struct dicom_header *a,
                       const struct dicom_header *b)
{
    for (uint32_t i = 0; a->n_extra == b->n_extra && i < a->n_extra; i++)
        if (a->extra[i].tag != b->extra[i].tag ||
            a->extra[i].index != b->extra[i].index ||
            !same_number(a->extra[i].number, b->extra[i].number) ||
            !same_text(a->extra[i].text, b->extra[i].text))
            return false;
    return a->n_extra == b->n_extra;
}

/* Bytes of what cannot be read from the file, beginning and end. */
static bool same_source(const struct dicom_source *a,
                        const struct dicom_source *b)
{
    uint64_t size;
    uint8_t *x, *y;
    bool same;

    if (!a || !b)
        return a == b;
    size = dicom_source_size(a);
    if (size != dicom_source_size(b) ||
        dicom_source_is_inflated(a) != dicom_source_is_inflated(b))
        return false;
    x = malloc((size_t)size + 1);
    y = malloc((size_t)size + 1);
    same = x && y && dicom_source_read(a, 0, x, (size_t)size, NULL) == 0 &&
           dicom_source_read(b, 0, y, (size_t)size, NULL) == 0 &&
           memcmp(x, y, (size_t)size) == 0;
    free(x);
    free(y);
    return same;
}

#define MUST(same, name)                                                       \
    do {                                                                       \
        if (!(same))                                                           \
            return name;                                                       \
    } while (0)
#define EQUAL(member) MUST(a->member == b->member, #member)
#define TEXT(member) MUST(same_text(a->member, b->member), #member)
#define UID(member) MUST(same_uid(&a->member, &b->member), #member)
#define NUMBER(member) MUST(same_number(a->member, b->member), #member)

static const char *identity(const struct dicom_header *a,
                            const struct dicom_header *b)
{
    EQUAL(kind);
    EQUAL(warnings);
    UID(transfer_syntax);
    UID(sop_class);
    UID(sop_instance);
    UID(study);
    UID(series);
    UID(frame_of_reference);
    TEXT(patient_id);
    TEXT(patient_issuer);
    TEXT(patient_sex);
    TEXT(patient_birth_date);
    TEXT(study_date);
    TEXT(study_description);
    TEXT(accession);
    TEXT(modality);
    TEXT(series_description);
    EQUAL(series_number);
    TEXT(body_part);
    TEXT(laterality);
    TEXT(manufacturer);
    TEXT(model);
    TEXT(kernel);
    NUMBER(kvp);
    NUMBER(slice_thickness);
    EQUAL(instance_number);
    EQUAL(acquisition_number);
    TEXT(image_type);
    TEXT(view_position);
    TEXT(acquisition_datetime);
    EQUAL(burned_in);
    EQUAL(lossy);
    TEXT(photometric);
    TEXT(rescale_type);
    EQUAL(overlays);
    return NULL;
}

static const char *pixels(const struct dicom_header *a,
                          const struct dicom_header *b)
{
    MUST(same_desc(&a->desc, &b->desc), "desc");
    EQUAL(has_pixels);
    EQUAL(decodable);
    TEXT(why_not);
    EQUAL(pixels);
    EQUAL(pixel_offset);
    EQUAL(pixel_length);
    EQUAL(eot_offset);
    EQUAL(eot_length);
    EQUAL(eot_lengths_offset);
    EQUAL(eot_lengths_length);
    EQUAL(items_big_endian);
    EQUAL(swapped_pairs);
    EQUAL(frames);
    return NULL;
}

static const char *values(const struct dicom_header *a,
                          const struct dicom_header *b)
{
    EQUAL(has_modality_lut);
    MUST(!a->has_modality_lut || same_lut(&a->modality_lut, &b->modality_lut),
         "modality_lut");
    MUST(same_windows(a, b), "windows");
    MUST(same_luts(a, b), "voi_luts");
    EQUAL(padding.kind);
    EQUAL(padding.low);
    EQUAL(padding.high);
    EQUAL(presentation);
    MUST(same_palette(&a->palette, &b->palette), "palette");
    EQUAL(spacing.x);
    EQUAL(spacing.y);
    EQUAL(spacing.z);
    EQUAL(spacing.source);
    EQUAL(turned);
    return NULL;
}

static const char *frames(const struct dicom_header *a,
                          const struct dicom_header *b)
{
    size_t n = (size_t)a->frames * a->n_dimensions;

    MUST(same_frame(&a->shared, &b->shared), "shared");
    MUST(same_per_frame(a, b), "per_frame");
    EQUAL(n_dimensions);
    MUST(same_bytes(a->dimension_pointers, b->dimension_pointers,
                    a->n_dimensions * sizeof *a->dimension_pointers),
         "dimension_pointers");
    MUST(n == 0 || !a->index_values == !b->index_values, "index_values");
    MUST(!a->index_values || same_bytes(a->index_values, b->index_values,
                                        n * sizeof *a->index_values),
         "index_values");
    EQUAL(temporal_3d);
    MUST(!a->frame_vector == !b->frame_vector, "frame_vector");
    MUST(!a->frame_vector ||
             same_numbers(a->frame_vector, b->frame_vector, a->frames),
         "frame_vector");
    EQUAL(vector_is_mm);
    MUST(same_extra(a, b), "extra");
    return NULL;
}

static const char *rest(const struct dicom_parsed *a,
                        const struct dicom_parsed *b)
{
    EQUAL(is_inflated);
    MUST(same_source(a->source, b->source), "source");
    MUST(!a->extents == !b->extents, "extents");
    MUST(!a->extents || same_bytes(a->extents, b->extents,
                                   a->header.frames * sizeof *a->extents),
         "extents");
    return NULL;
}

const char *dicom_difference(const struct dicom_parsed *a,
                             const struct dicom_parsed *b)
{
    const char *name = identity(&a->header, &b->header);

    if (!name)
        name = pixels(&a->header, &b->header);
    if (!name)
        name = values(&a->header, &b->header);
    if (!name)
        name = frames(&a->header, &b->header);
    return name ? name : rest(a, b);
}
