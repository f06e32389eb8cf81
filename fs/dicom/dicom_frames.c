// SPDX-License-Identifier: MIT
/*
 * dicom_frames.c: the bytes of one frame.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* ---- native -----------------------------------------------------------------
 */

static int check_native(const struct dicom_header *h, uint64_t offset,
                        uint64_t length, struct error *err)
{
    if (offset <= h->pixel_length && length <= h->pixel_length - offset)
        return 0;
    return error_set(
        err, ERROR_CORRUPT, "pixel data is short: bytes %llu to %llu of %llu",
        (unsigned long long)offset, (unsigned long long)(offset + length),
        (unsigned long long)h->pixel_length);
}

/*
 * 8-bit and 1-bit samples in big-endian words (VR OW) lie in pairs the wrong
 * way round (PS3.5 8.1.1, A.3): byte i is at i ^ 1. The last byte of data of
 * odd length has no partner and stays.
 */
static int read_swapped(const struct dicom_source *source,
                        const struct dicom_header *h, uint64_t offset,
                        uint8_t *data, size_t length, struct error *err)
{
    enum { STEP = 4096 };
    uint8_t pairs[STEP];
    uint64_t end = offset + length;
    uint64_t even = h->pixel_length & ~(uint64_t)1;

    for (uint64_t at = offset & ~(uint64_t)1; at < end; at += STEP) {
        uint64_t left = h->pixel_length - at;
        size_t n = left < STEP ? (size_t)left : STEP;

        if (dicom_source_read(source, h->pixel_offset + at, pairs, n, err))
            return -1;
        for (size_t i = 0; i < n; i++) {
            uint64_t to = at + i < even ? (at + i) ^ 1 : at + i;

            if (to >= offset && to < end)
                data[to - offset] = pairs[i];
        }
    }
    return 0;
}

int dicom_native_read(const struct dicom_source *source,
                      const struct dicom_header *header, uint64_t offset,
                      void *data, size_t length, struct error *err)
{
    if (header->pixels != DICOM_PIXELS_NATIVE)
        return error_set(err, ERROR_INTERNAL, "pixel data is not native");
    if (check_native(header, offset, length, err) != 0)
        return -1;
    if (header->swapped_pairs)
        return read_swapped(source, header, offset, data, length, err);
    return dicom_source_read(source, header->pixel_offset + offset, data,
                             length, err);
}

static int read_native(const struct dicom_source *source,
                       const struct dicom_header *h, uint64_t frame,
                       uint8_t **ret_bytes, size_t *ret_length,
                       unsigned *ret_bit, struct error *err)
{
    CLEANUP_FREE uint8_t *bytes = NULL;
    uint64_t offset = 0, length = h->pixel_length;
    bool native =
        h->desc.codec == DECODE_NATIVE_LE || h->desc.codec == DECODE_NATIVE_BE;

    *ret_bit = 0;
    if (native && decode_native_span(&h->desc, frame, &offset, &length, ret_bit,
                                     err) != 0)
        return -1;
    /* A codestream without items: it can only be that of a single frame. */
    if (!native && frame > 0)
        return error_set(err, ERROR_CORRUPT,
                         "compressed pixel data is not in items");
    if (length == 0)
        return error_set(err, ERROR_CORRUPT, "a frame has no bytes: %s",
                         h->why_not ? h->why_not : "");
    if (check_native(h, offset, length, err) != 0)
        return -1;
    bytes = malloc((size_t)length);
    if (!bytes)
        return error_no_memory(err);
    if (dicom_native_read(source, h, offset, bytes, (size_t)length, err) != 0)
        return -1;
    *ret_bytes = STEAL(bytes);
    *ret_length = (size_t)length;
    return 0;
}

/* ---- encapsulated
 * ------------------------------------------------------------- */

static uint32_t number32(const uint8_t *b, bool big)
{
    if (big)
        return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
               (uint32_t)b[2] << 8 | b[3];
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 |
           b[0];
}

/* Takes the item headers out, in place; SIZE_MAX if these are not items. */
static size_t join_fragments(uint8_t *bytes, size_t length, bool big)
{
    const uint32_t item = big ? 0xFFFEE000 : 0xE000FFFE;
    size_t from = 0, to = 0;

    while (length - from >= 8) {
        uint32_t n = number32(bytes + from + 4, big);

        if (number32(bytes + from, big) != item || n > length - from - 8)
            return SIZE_MAX;
        memmove(bytes + to, bytes + from + 8, n);
        to += n;
        from += 8 + (size_t)n;
    }
    return from == length ? to : SIZE_MAX;
}

static int read_items(const struct dicom_source *source,
                      const struct dicom_header *h,
                      const struct dicom_extent *extent, uint64_t frame,
                      uint8_t **ret_bytes, size_t *ret_length,
                      struct error *err)
{
    CLEANUP_FREE uint8_t *bytes = NULL;
    uint64_t size = dicom_source_size(source);
    size_t n;

    if (extent->length <= 8)
        return error_set(err, ERROR_CORRUPT,
                         "frame %llu of %u is not in the pixel data",
                         (unsigned long long)frame + 1, h->frames);
    if (extent->offset > size || extent->length > size - extent->offset)
        return error_set(
            err, ERROR_CORRUPT, "frame %llu is cut off: %llu of %llu bytes",
            (unsigned long long)frame + 1,
            (unsigned long long)(extent->offset > size ? 0
                                                       : size - extent->offset),
            (unsigned long long)extent->length);
    bytes = malloc((size_t)extent->length);
    if (!bytes)
        return error_no_memory(err);
    if (dicom_source_read(source, extent->offset, bytes, (size_t)extent->length,
                          err) != 0)
        return -1;
    n = join_fragments(bytes, (size_t)extent->length, h->items_big_endian);
    if (n == SIZE_MAX || n == 0)
        return error_set(err, ERROR_CORRUPT, "frame %llu is not made of items",
                         (unsigned long long)frame + 1);
    *ret_bytes = STEAL(bytes);
    *ret_length = n;
    return 0;
}

int dicom_frame_read(const struct dicom_source *source,
                     const struct dicom_header *header,
                     const struct dicom_extent *extents, uint64_t frame,
                     uint8_t **ret_bytes, size_t *ret_length, unsigned *ret_bit,
                     struct error *err)
{
    if (header->pixels == DICOM_PIXELS_NONE || frame >= header->frames)
        return error_set(err, ERROR_NOT_FOUND, "no frame %llu",
                         (unsigned long long)frame + 1);
    if (header->pixels == DICOM_PIXELS_NATIVE)
        return read_native(source, header, frame, ret_bytes, ret_length,
                           ret_bit, err);
    if (!extents)
        return error_set(err, ERROR_INTERNAL, "no frame index");
    *ret_bit = 0;
    return read_items(source, header, &extents[frame], frame, ret_bytes,
                      ret_length, err);
}
