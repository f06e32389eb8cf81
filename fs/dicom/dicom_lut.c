// SPDX-License-Identifier: MIT
/*
 * dicom_lut.c: Modality LUT, VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1).
 *
 * A descriptor is three numbers: entries (0 means 65536), first value mapped,
 * bits of an entry. Real tables disagree with it in known ways: 8-bit entries
 * packed two to a word, entries larger than the bits say, the first value
 * unsigned although it maps signed values. A table shorter than its
 * descriptor is no table.
 */
#include "dicom/dicom_impl.h"

#include <stdlib.h>

static uint32_t word_at(const uint8_t *bytes, uint32_t i)
{
    return bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
}

static bool read_descriptor(const struct dicom_value *value, bool is_signed,
                            struct dicom_lut *lut)
{
    uint32_t first;

    if (value->length < 6)
        return false;
    lut->n = word_at(value->bytes, 0);
    if (lut->n == 0)
        lut->n = 65536;
    first = word_at(value->bytes, 1);
    /* A table cannot begin so high that it ends beyond 16 bits. */
    if (value->vr[0] == 'S' && value->vr[1] == 'S')
        is_signed = true;
    if (first + lut->n > 65536 && first >= 32768)
        is_signed = true;
    lut->first = is_signed ? (int16_t)first : (int32_t)first;
    lut->bits = word_at(value->bytes, 2);
    return true;
}

int dicom_lut_make(struct dicom_build *build,
                   const struct dicom_value *descriptor, const uint8_t *bytes,
                   uint32_t length, bool is_signed, struct dicom_lut *ret)
{
    struct dicom_lut lut = {0};
    uint16_t *data;
    bool packed;

    if (!read_descriptor(descriptor, is_signed, &lut) || length < lut.n)
        return 0;
    packed = length / 2 < lut.n;
    if ((uint64_t)lut.n * 2 > build->lut_budget)
        return 0;
    data = dicom_arena_alloc(build->arena, lut.n, sizeof *data);
    if (!data)
        return -1;
    build->lut_budget -= (uint64_t)lut.n * 2;
    for (uint32_t i = 0; i < lut.n; i++) {
        data[i] = packed ? bytes[i] : (uint16_t)word_at(bytes, i);
        if (data[i] > lut.max)
            lut.max = data[i];
    }
    if (lut.bits < 1 || lut.bits > 16)
        lut.bits = packed || lut.max < 256 ? 8 : 16;
    lut.data = data;
    *ret = lut;
    return 1;
}

uint32_t dicom_add_lut(struct dicom_build *build, const struct dicom_lut *lut)
{
    uint32_t n = build->header->n_voi_luts;

    if (n == build->luts_size) {
        uint32_t size = n ? n * 2 : 4;
        struct dicom_lut *p = realloc(build->luts, size * sizeof *p);

        if (!p)
            return UINT32_MAX;
        build->luts = p;
        build->luts_size = size;
    }
    build->luts[n] = *lut;
    build->header->n_voi_luts = n + 1;
    return n;
}

/* The table in one item of a LUT sequence: 1 made, 0 invalid, -1 no memory. */
static int lut_from_item(struct dicom_build *build,
                         const struct dcmtk_item *item, bool is_signed,
                         struct dicom_lut *ret)
{
    struct dicom_buffer buffer;
    struct dicom_value descriptor;
    struct dcmtk_element e;
    uint32_t length;
    uint8_t *bytes;
    int rc = 0;

    if (!dcmtk_find(item, TAG_LUT_DATA, &e) || e.length == 0 ||
        !dicom_get(item, TAG_LUT_DESCRIPTOR, &buffer, &descriptor))
        return 0;
    length = e.length < 2 * 65536 ? e.length : 2 * 65536;
    bytes = malloc(length);
    if (!bytes)
        rc = -1;
    else if (dcmtk_value(item, TAG_LUT_DATA, bytes, length, NULL) == 0)
        rc = dicom_lut_make(build, &descriptor, bytes, length, is_signed, ret);
    free(bytes);
    return rc;
}

int dicom_read_modality_lut(struct dicom_build *build, struct error *err)
{
    const struct dcmtk_item *item =
        dcmtk_sequence(build->root, TAG_MODALITY_LUT, 0);
    struct dicom_header *h = build->header;
    int rc;

    if (!item)
        return 0;
    rc = lut_from_item(build, item, h->desc.is_signed, &h->modality_lut);
    if (rc < 0)
        return error_no_memory(err);
    h->has_modality_lut = rc > 0;
    if (rc == 0)
        h->warnings |= DICOM_WARN_LUT_INVALID;
    return 0;
}

/* The VOI LUT maps what the modality step gave: unsigned after a Modality
 * LUT, else of the sign of the pixels. */
bool dicom_voi_is_signed(const struct dicom_header *h)
{
    return h->desc.is_signed && !h->has_modality_lut;
}

int dicom_read_voi_luts(struct dicom_build *build, struct error *err)
{
    enum { LUTS_MAX = 64 };
    struct dicom_header *h = build->header;
    const struct dcmtk_item *item;

    for (uint32_t i = 0; i < LUTS_MAX; i++) {
        struct dicom_lut lut;
        int rc;

        item = dcmtk_sequence(build->root, TAG_VOI_LUT, i);
        if (!item)
            break;
        rc = lut_from_item(build, item, dicom_voi_is_signed(h), &lut);
        if (rc < 0 || (rc > 0 && dicom_add_lut(build, &lut) == UINT32_MAX))
            return error_no_memory(err);
        if (rc == 0)
            h->warnings |= DICOM_WARN_LUT_INVALID;
    }
    build->top_voi_lut = h->n_voi_luts > 0;
    h->shared.n_voi_luts = h->n_voi_luts;
    return 0;
}
