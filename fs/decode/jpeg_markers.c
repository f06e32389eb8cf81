// SPDX-License-Identifier: MIT
/* jpeg_markers.c: see jpeg_markers.h. */
#include "decode/jpeg_markers.h"

#include <string.h>

#include "decode/samples.h"

static unsigned load_be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

int jpeg_reader_init(struct jpeg_reader *reader, const uint8_t *bytes,
                     size_t length, bool is_ls, struct error *err)
{
    if (length < 4 || bytes[0] != 0xff || bytes[1] != JPEG_SOI)
        return error_set(err, ERROR_CORRUPT,
                         "the codestream does not start with SOI");
    reader->next = bytes + 2;
    reader->end = bytes + length;
    reader->is_ls = is_ls;
    return 0;
}

/* Is 0xff `second` a marker, and not stuffed data or a restart? */
static bool ends_data(unsigned second, bool is_ls)
{
    if (second >= 0xd0 && second <= 0xd7)
        return false;
    return is_ls ? second >= 0x80 : second != 0;
}

/* The first marker at or behind `p`; `end` if there is none. A fill byte
 * (0xff before 0xff, T.81 B.1.1.2) is not the marker. */
static const uint8_t *find_marker(const uint8_t *p, const uint8_t *end,
                                  bool is_ls)
{
    while (p < end) {
        p = memchr(p, 0xff, (size_t)(end - p));
        if (!p || end - p < 2)
            return end;
        if (p[1] != 0xff && ends_data(p[1], is_ls))
            return p;
        p++;
    }
    return end;
}

int jpeg_reader_next(struct jpeg_reader *reader, struct jpeg_segment *ret,
                     struct error *err)
{
    const uint8_t *p = reader->next;
    const uint8_t *end = reader->end;
    unsigned size;

    memset(ret, 0, sizeof *ret);
    while (end - p >= 2 && p[0] == 0xff && p[1] == 0xff)
        p++;
    if (end - p < 2)
        return 0;
    if (p[0] != 0xff || p[1] == 0)
        return error_set(err, ERROR_CORRUPT,
                         "no marker where one must be: %02x %02x", p[0], p[1]);
    ret->start = p;
    ret->marker = p[1];
    if (ret->marker == JPEG_EOI)
        return 0;
    if (end - p < 4 || (size = load_be16(p + 2)) < 2 ||
        size > (size_t)(end - p - 2))
        return error_set(err, ERROR_CORRUPT, "marker %02x is cut", ret->marker);
    ret->payload = p + 4;
    ret->payload_size = size - 2;
    p += 2 + size;
    if (ret->marker == JPEG_SOS) {
        ret->data = p;
        p = find_marker(p, end, reader->is_ls);
        ret->data_size = (size_t)(p - ret->data);
    }
    reader->next = p;
    return 1;
}

int jpeg_frame_parse(const struct jpeg_segment *segment, struct jpeg_frame *ret,
                     struct error *err)
{
    const uint8_t *p = segment->payload;

    memset(ret, 0, sizeof *ret);
    if (segment->payload_size < 6 ||
        segment->payload_size < 6 + (size_t)3 * p[5])
        return error_set(err, ERROR_CORRUPT, "the frame header is cut");
    ret->marker = segment->marker;
    ret->precision = p[0];
    ret->rows = load_be16(p + 1);
    ret->cols = load_be16(p + 3);
    ret->components = p[5];
    if (!ret->components || ret->components > JPEG_COMPONENTS_MAX)
        return error_set(err, ERROR_CORRUPT, "%u components", ret->components);
    for (unsigned i = 0; i < ret->components; i++) {
        const uint8_t *c = p + 6 + (size_t)3 * i;

        ret->component[i].id = c[0];
        ret->component[i].h = c[1] >> 4;
        ret->component[i].v = c[1] & 0xf;
    }
    return 0;
}

int jpeg_frame_check(const struct jpeg_frame *frame,
                     const struct decode_desc *desc, enum sample_type type,
                     struct error *err)
{
    if (frame->rows != desc->rows || frame->cols != desc->cols)
        return error_set(err, ERROR_CORRUPT,
                         "the codestream is %u x %u, the tags say %u x %u",
                         frame->cols, frame->rows, desc->cols, desc->rows);
    if (frame->components != desc->samples)
        return error_set(err, ERROR_CORRUPT,
                         "the codestream has %u components, the tags say %u",
                         frame->components, desc->samples);
    if (frame->precision < 2 || frame->precision > 16)
        return error_set(err, ERROR_CORRUPT, "a precision of %u bits",
                         frame->precision);
    if (!samples_fit(type, frame->precision,
                     desc->is_signed && desc->samples == 1))
        return error_set(err, ERROR_CORRUPT,
                         "the codestream has %u bits, BitsAllocated is %u",
                         frame->precision, desc->bits_alloc);
    return 0;
}

bool jpeg_is_ls(const uint8_t *bytes, size_t length)
{
    struct jpeg_reader reader;
    struct jpeg_segment segment;

    if (jpeg_reader_init(&reader, bytes, length, true, NULL))
        return false;
    while (jpeg_reader_next(&reader, &segment, NULL) == 1) {
        if (segment.marker == JPEG_SOF55)
            return true;
        if (segment.marker == JPEG_SOS)
            return false;
    }
    return false;
}
