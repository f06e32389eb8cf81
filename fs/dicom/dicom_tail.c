// SPDX-License-Identifier: MIT
/*
 * dicom_tail.c: from where DCMTK stopped to the pixel data.
 */
#include "dicom/dicom_impl.h"

#include <stdlib.h>
#include <string.h>

/* Extended Offset Table and its lengths (PS3.3 C.7.6.3.1.8): where. */
static void note_table(const struct dicom_element *e, uint64_t *offset,
                       uint64_t *length)
{
    if (e->length == DICOM_UNDEFINED_LENGTH || e->length % 8 != 0 ||
        e->length > e->end - e->value)
        return;
    *offset = e->value;
    *length = e->length;
}

/* The native data of an element of undefined length: to the end, without a
 * delimiter that closes it. */
static int measure_undefined(struct dicom_build *build,
                             const struct dicom_element *e, struct error *err)
{
    static const uint8_t delimiter[8] = {0xFE, 0xFF, 0xDD, 0xE0};
    struct dicom_header *h = build->header;
    uint8_t last[8];

    h->warnings |= DICOM_WARN_PIXEL_LENGTH;
    h->pixel_length = e->end - e->value;
    if (h->pixel_length < sizeof last)
        return 0;
    if (dicom_source_read(build->source, e->end - sizeof last, last,
                          sizeof last, err) != 0)
        return -1;
    if (memcmp(last, delimiter, sizeof last) == 0)
        h->pixel_length -= sizeof last;
    return 0;
}

/* Encapsulated is what begins with an item, whatever length is stated. */
static int begins_with_item(struct dicom_cursor *cursor,
                            const struct dicom_element *e, bool *ret,
                            struct error *err)
{
    uint8_t b[8];
    struct dicom_element first = *e;
    int n;

    if (first.length == DICOM_UNDEFINED_LENGTH)
        first.length = sizeof b;
    n = dicom_cursor_value(cursor, &first, b, sizeof b, err);
    if (n < 0)
        return -1;
    *ret = n == sizeof b && (memcmp(b, "\xFE\xFF\x00\xE0", 4) == 0 ||
                             memcmp(b, "\xFF\xFE\xE0\x00", 4) == 0);
    return 0;
}

static int found_pixels(struct dicom_build *build, struct dicom_cursor *cursor,
                        const struct dicom_element *e, struct error *err)
{
    struct dicom_header *h = build->header;
    bool native =
        h->desc.codec == DECODE_NATIVE_LE || h->desc.codec == DECODE_NATIVE_BE;
    bool items = false;

    h->desc.element = e->tag == TAG_FLOAT_PIXELS    ? DECODE_FLOAT
                      : e->tag == TAG_DOUBLE_PIXELS ? DECODE_DOUBLE
                                                    : DECODE_INTEGER;
    h->kind = DICOM_IMAGE;
    if (e->length == 0 || e->end == e->value) {
        h->warnings |= e->length ? DICOM_WARN_TRUNCATED : 0;
        return 0;
    }
    if ((!native || e->length == DICOM_UNDEFINED_LENGTH) &&
        begins_with_item(cursor, e, &items, err) != 0)
        return -1;
    h->pixel_offset = e->value;
    h->pixels = items ? DICOM_PIXELS_ENCAPSULATED : DICOM_PIXELS_NATIVE;
    h->items_big_endian = dicom_encoding_is_big(build->encoding);
    h->swapped_pairs = !items && h->items_big_endian &&
                       h->desc.bits_alloc <= 8 && memcmp(e->vr, "OB", 2) != 0;
    /* dicom_frame_read puts such bytes in order: no words are left. */
    if (native && h->desc.bits_alloc <= 8)
        h->desc.codec = DECODE_NATIVE_LE;
    if (e->length == DICOM_UNDEFINED_LENGTH && !items)
        return measure_undefined(build, e, err);
    h->pixel_length = e->end - e->value;
    if (e->length < h->pixel_length)
        h->pixel_length = e->length;
    return 0;
}

/* 1: go on, 0: the pixel data was reached, -1: error. */
static int tail_element(struct dicom_build *build, struct dicom_cursor *cursor,
                        const struct dicom_element *e, struct error *err)
{
    struct dicom_header *h = build->header;
    uint32_t group = e->tag >> 16;

    switch (e->tag) {
    case TAG_SHARED_GROUPS:
        return dicom_visit_shared(build, cursor, e, err) < 0 ? -1 : 1;
    case TAG_FRAME_GROUPS:
        return dicom_visit_frames(build, cursor, e, err) < 0 ? -1 : 1;
    case TAG_EOT:
        note_table(e, &h->eot_offset, &h->eot_length);
        return 1;
    case TAG_EOT_LENGTHS:
        note_table(e, &h->eot_lengths_offset, &h->eot_lengths_length);
        return 1;
    case TAG_FLOAT_PIXELS:
    case TAG_DOUBLE_PIXELS:
    case TAG_PIXELS:
        return found_pixels(build, cursor, e, err);
    default:
        break;
    }
    if (group >= 0x6000 && group <= 0x60FF && group % 2 == 0 &&
        group != build->overlay_group) {
        build->overlay_group = group;
        h->overlays++;
    }
    return 1;
}

int dicom_read_tail(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    uint64_t size = build->source->size;
    struct dicom_cursor cursor;
    struct dicom_element e;
    bool truncated = false;
    int rc;

    dicom_cursor_init(&cursor, build->source, build->encoding, build->tail);
    while ((rc = dicom_cursor_next(&cursor, size, &e, &truncated, err)) > 0) {
        rc = tail_element(build, &cursor, &e, err);
        if (rc <= 0)
            break;
        cursor.encoding = build->encoding;
        rc = dicom_cursor_skip(&cursor, &e, err);
        if (rc == 0)
            truncated = true;
        if (rc <= 0)
            break;
    }
    if (rc < 0)
        return -1;
    if (truncated && h->kind != DICOM_IMAGE)
        h->warnings |= DICOM_WARN_TRUNCATED;
    return 0;
}
