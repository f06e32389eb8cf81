// SPDX-License-Identifier: MIT
/*
 * dicom_flatten.c: see dicom_parsed.h. In order, without gaps:
 *
 *     magic
 *     the fields of the table
 *     desc, shared, padding, spacing              as they lie in memory
 *     pools: windows, VOI LUTs                    count, elements
 *     Modality LUT, palette
 *     per frame: records, dimensions, vector      count, elements
 *     extra attributes
 *     source, bytes of an inflated one, extents
 *
 * Text is its length + 1, or 0 for NULL, and the bytes.
 */
#include "dicom/dicom_flat.h"

#include <string.h>

/* A member more or less is one of the table, or of what stands below. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct dicom_header) == 864,
               "is every member written and read?");

#define FIELD(member, kind, most)                                              \
    {                                                                          \
        offsetof(struct dicom_header, member), kind, most                      \
    }
#define TEXT(member) FIELD(member, FLAT_TEXT, 0)
#define UID(member) FIELD(member, FLAT_UID, 0)
#define BOOL(member) FIELD(member, FLAT_BOOL, 1)
#define U32(member) FIELD(member, FLAT_U32, 0)
#define U64(member) FIELD(member, FLAT_U64, 0)
#define I64(member) FIELD(member, FLAT_I64, 0)
#define F64(member) FIELD(member, FLAT_F64, 0)

const struct dicom_flat_field dicom_flat_fields[] = {
    FIELD(kind, FLAT_ENUM, DICOM_DIRECTORY),
    U32(warnings),
    UID(transfer_syntax),
    UID(sop_class),
    UID(sop_instance),
    UID(study),
    UID(series),
    UID(frame_of_reference),
    TEXT(patient_id),
    TEXT(patient_issuer),
    TEXT(patient_sex),
    TEXT(patient_birth_date),
    TEXT(study_date),
    TEXT(study_description),
    TEXT(accession),
    TEXT(modality),
    TEXT(series_description),
    I64(series_number),
    TEXT(body_part),
    TEXT(laterality),
    TEXT(manufacturer),
    TEXT(model),
    TEXT(kernel),
    F64(kvp),
    F64(slice_thickness),
    I64(instance_number),
    I64(acquisition_number),
    TEXT(image_type),
    TEXT(view_position),
    TEXT(acquisition_datetime),
    FIELD(burned_in, FLAT_ENUM, DICOM_YES),
    FIELD(lossy, FLAT_ENUM, DICOM_YES),
    TEXT(photometric),
    TEXT(rescale_type),
    U32(overlays),
    BOOL(has_pixels),
    BOOL(decodable),
    FIELD(why_not, FLAT_BYTES, 0),
    FIELD(pixels, FLAT_ENUM, DICOM_PIXELS_ENCAPSULATED),
    U64(pixel_offset),
    U64(pixel_length),
    U64(eot_offset),
    U64(eot_length),
    U64(eot_lengths_offset),
    U64(eot_lengths_length),
    BOOL(items_big_endian),
    BOOL(swapped_pairs),
    U32(frames),
    BOOL(has_modality_lut),
    FIELD(presentation, FLAT_ENUM, DICOM_PRESENTATION_INVERSE),
    BOOL(turned),
    BOOL(temporal_3d),
    BOOL(vector_is_mm),
};
const size_t dicom_flat_n_fields =
    sizeof dicom_flat_fields / sizeof dicom_flat_fields[0];

/* ---- writing ---- */

struct out {
    uint8_t *to;
    size_t room;
    size_t at; /* may be beyond the room */
};

static void put(struct out *o, const void *data, size_t length)
{
    if (length && o->at <= o->room && length <= o->room - o->at)
        memcpy(o->to + o->at, data, length);
    o->at += length;
}

static void put_u32(struct out *o, uint32_t v)
{
    put(o, &v, sizeof v);
}

static void put_u64(struct out *o, uint64_t v)
{
    put(o, &v, sizeof v);
}

static void put_text(struct out *o, const char *text)
{
    size_t length = text ? strlen(text) : 0;

    put_u32(o, text ? (uint32_t)length + 1 : 0);
    put(o, text, length);
}

static void put_field(struct out *o, const struct dicom_flat_field *f,
                      const struct dicom_header *h)
{
    const void *at = (const uint8_t *)h + f->offset;

    switch ((enum dicom_flat_kind)f->kind) {
    case FLAT_TEXT:
    case FLAT_BYTES:
        put_text(o, *(const char *const *)at);
        break;
    case FLAT_UID:
        put_text(o, ((const struct dicom_uid *)at)->text);
        break;
    case FLAT_BOOL:
        put(o, at, sizeof(bool));
        break;
    case FLAT_ENUM:
    case FLAT_U32:
        put(o, at, sizeof(uint32_t));
        break;
    case FLAT_U64:
    case FLAT_I64:
    case FLAT_F64:
        put(o, at, sizeof(uint64_t));
        break;
    }
}

static void put_lut(struct out *o, const struct dicom_lut *lut)
{
    put_u32(o, lut->n);
    put(o, &lut->first, sizeof lut->first);
    put_u32(o, lut->bits);
    put_u32(o, lut->max);
    put(o, lut->data, lut->n * sizeof *lut->data);
}

static void put_values(struct out *o, const struct dicom_header *h)
{
    put(o, &h->desc, sizeof h->desc);
    put(o, &h->shared, sizeof h->shared);
    put(o, &h->padding, sizeof h->padding);
    put(o, &h->spacing, sizeof h->spacing);
    put_u32(o, h->n_windows);
    put(o, h->windows, h->n_windows * sizeof *h->windows);
    put_u32(o, h->n_voi_luts);
    for (uint32_t i = 0; i < h->n_voi_luts; i++)
        put_lut(o, &h->voi_luts[i]);
    if (h->has_modality_lut)
        put_lut(o, &h->modality_lut);
    put_u32(o, h->palette.bits);
    for (int i = 0; i < 3; i++) {
        put_u32(o, h->palette.n[i]);
        put(o, &h->palette.first[i], sizeof h->palette.first[i]);
        put(o, h->palette.data[i],
            h->palette.n[i] * sizeof *h->palette.data[i]);
    }
}

static void put_frames(struct out *o, const struct dicom_header *h)
{
    size_t n_values = (size_t)h->frames * h->n_dimensions;

    put_u32(o, h->n_per_frame);
    put(o, h->per_frame, h->n_per_frame * sizeof *h->per_frame);
    put_u32(o, h->n_dimensions);
    put(o, h->dimension_pointers,
        h->n_dimensions * sizeof *h->dimension_pointers);
    put_u32(o, h->index_values != NULL);
    if (h->index_values)
        put(o, h->index_values, n_values * sizeof *h->index_values);
    put_u32(o, h->frame_vector != NULL);
    if (h->frame_vector)
        put(o, h->frame_vector, h->frames * sizeof *h->frame_vector);
}

static void put_extra(struct out *o, const struct dicom_header *h)
{
    put_u32(o, h->n_extra);
    for (uint32_t i = 0; i < h->n_extra; i++) {
        put_u32(o, h->extra[i].tag);
        put_u32(o, h->extra[i].index);
        put(o, &h->extra[i].number, sizeof h->extra[i].number);
        put_text(o, h->extra[i].text);
    }
}

static void put_source(struct out *o, const struct dicom_parsed *p)
{
    const struct dicom_source *s = p->source;

    put_u32(o, p->is_inflated);
    put_u32(o, s != NULL);
    if (s && s->inflated) {
        put_u64(o, s->data_start);
        put_u64(o, s->size - s->data_start);
        put(o, s->inflated, (size_t)(s->size - s->data_start));
    }
    put_u32(o, p->extents != NULL);
    if (p->extents)
        put(o, p->extents, p->header.frames * sizeof *p->extents);
}

size_t dicom_flatten(const struct dicom_parsed *parsed, uint8_t *to,
                     size_t room)
{
    const struct dicom_header *h = &parsed->header;
    struct out o = {to, room, 0};

    put_u32(&o, DICOM_FLAT_MAGIC);
    for (size_t i = 0; i < dicom_flat_n_fields; i++)
        put_field(&o, &dicom_flat_fields[i], h);
    put_values(&o, h);
    put_frames(&o, h);
    put_extra(&o, h);
    put_source(&o, parsed);
    return o.at;
}
