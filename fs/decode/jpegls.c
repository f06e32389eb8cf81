// SPDX-License-Identifier: MIT
/*
 * jpegls.c: the markers of a JPEG-LS codestream, and what its samples mean.
 *
 * This decoder is ours. The one in DCMTK 3.6.7 (a fork of CharLS 1.0) refuses
 * precisions below 8 bits, restart intervals and most APPn, derives RANGE from
 * the precision where the stream presets MAXVAL, reads a byte beyond its input
 * where EOI is missing, and is slower: 90 MB/s against 126 on NEMA's CT1
 * sample. Its encoder serves as the reference in the tests.
 */
#include "decode/jpegls.h"

#include <string.h>

#include "decode/colour.h"
#include "decode/jpeg_markers.h"
#include "decode/jpegls_scan.h"
#include "decode/native.h"
#include "decode/samples.h"

struct stream {
    const struct decode_desc *desc;
    const struct image *out;
    struct jpeg_frame frame;
    bool has_frame;
    struct jpegls_scan preset;             /* from LSE and DRI */
    unsigned transform;                    /* HP colour transform, 0..3 */
    unsigned seen;                         /* bit per component */
    unsigned index[JPEGLS_COMPONENTS_MAX]; /* of this scan's components */
};

static unsigned load_be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static int read_frame(struct stream *s, const struct jpeg_segment *seg,
                      struct error *err)
{
    if (s->has_frame)
        return error_set(err, ERROR_CORRUPT, "two JPEG-LS frame headers");
    if (jpeg_frame_parse(seg, &s->frame, err) ||
        jpeg_frame_check(&s->frame, s->desc, s->out->type, err))
        return -1;
    for (unsigned i = 0; i < s->frame.components; i++)
        if (s->frame.component[i].h != s->frame.component[0].h ||
            s->frame.component[i].v != s->frame.component[0].v)
            return error_set(err, ERROR_UNSUPPORTED,
                             "subsampled JPEG-LS components");
    s->has_frame = true;
    return 0;
}

/* T.87 C.2.4.1: only type 1, the coding parameters, is used in DICOM. */
static int read_lse(struct stream *s, const struct jpeg_segment *seg,
                    struct error *err)
{
    const uint8_t *p = seg->payload;

    if (seg->payload_size && p[0] != 1)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG-LS presets of type %u",
                         p[0]);
    if (seg->payload_size < 11)
        return error_set(err, ERROR_CORRUPT, "the LSE marker is cut");
    s->preset.maxval = (int32_t)load_be16(p + 1);
    for (size_t i = 0; i < 3; i++)
        s->preset.threshold[i] = (int32_t)load_be16(p + 3 + 2 * i);
    s->preset.reset = (int32_t)load_be16(p + 9);
    return 0;
}

/* T.87 C.2.5: 2, 3 or 4 bytes; the unit is a row. */
static int read_dri(struct stream *s, const struct jpeg_segment *seg,
                    struct error *err)
{
    uint32_t rows = 0;

    if (seg->payload_size < 2 || seg->payload_size > 4)
        return error_set(err, ERROR_CORRUPT, "the DRI marker is cut");
    for (size_t i = 0; i < seg->payload_size; i++)
        rows = rows << 8 | seg->payload[i];
    s->preset.restart_rows = rows;
    return 0;
}

/* "mrfx" and a number: HP's colour transforms (the HP reference encoder and
 * CharLS write them). SPIFF also uses this marker, for nothing we need. */
static int read_app8(struct stream *s, const struct jpeg_segment *seg,
                     struct error *err)
{
    if (seg->payload_size < 5 || memcmp(seg->payload, "mrfx", 4) != 0)
        return 0;
    s->transform = seg->payload[4];
    if (s->transform > 3)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG-LS colour transform %u",
                         s->transform);
    return 0;
}

/* The scan's components: which of the frame they are. */
static int read_components(struct stream *s, const uint8_t *p, unsigned count,
                           struct error *err)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned c = 0;

        while (c < s->frame.components && s->frame.component[c].id != p[2 * i])
            c++;
        if (c == s->frame.components || s->seen & 1u << c)
            return error_set(err, ERROR_CORRUPT,
                             "a JPEG-LS scan of component %u", p[2 * i]);
        if (p[2 * i + 1])
            return error_set(err, ERROR_UNSUPPORTED, "JPEG-LS mapping tables");
        s->seen |= 1u << c;
        s->index[i] = c;
    }
    return 0;
}

static int read_scan_header(struct stream *s, const struct jpeg_segment *seg,
                            struct jpegls_scan *ret, struct error *err)
{
    const uint8_t *p = seg->payload;
    unsigned count = seg->payload_size ? p[0] : 0;

    if (!s->has_frame)
        return error_set(err, ERROR_CORRUPT, "a JPEG-LS scan, but no frame");
    if (!count || count > s->frame.components ||
        count > JPEGLS_COMPONENTS_MAX ||
        seg->payload_size < 4 + (size_t)2 * count)
        return error_set(err, ERROR_CORRUPT, "the JPEG-LS scan header is cut");
    if (read_components(s, p + 1, count, err))
        return -1;
    p += 1 + (size_t)2 * count;
    if (p[1] > JPEGLS_BY_SAMPLE || (!p[1] && count > 1))
        return error_set(err, ERROR_CORRUPT, "JPEG-LS interleave mode %u",
                         p[1]);
    if (p[2])
        return error_set(err, ERROR_UNSUPPORTED, "JPEG-LS point transform");
    *ret = s->preset;
    ret->rows = s->frame.rows;
    ret->cols = s->frame.cols;
    ret->components = count;
    ret->near = p[0];
    ret->interleave =
        count > 1 ? (enum jpegls_interleave)p[1] : JPEGLS_BY_PLANE;
    if (!ret->maxval)
        ret->maxval = (1 << s->frame.precision) - 1;
    if (ret->maxval >> s->frame.precision)
        return error_set(err, ERROR_CORRUPT, "JPEG-LS MAXVAL %d in %u bits",
                         ret->maxval, s->frame.precision);
    return jpegls_scan_check(ret, err);
}

static void store_row(void *opaque, unsigned component, uint32_t y,
                      const int32_t *row, size_t step)
{
    const struct stream *s = opaque;
    const struct image *out = s->out;
    struct samples_format f = {
        .word_bytes = 4,
        .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
        .word_step = step * sizeof *row,
        .out_step = out->channels,
        .bits = s->frame.precision,
        .is_signed = s->desc->is_signed && out->channels == 1,
    };

    samples_store(&f, (const uint8_t *)row, out->width, out->type,
                  out->data + y * out->stride_bytes +
                      s->index[component] * sample_bytes(out->type));
}

static int read_scan(struct stream *s, const struct jpeg_segment *seg,
                     struct error *err)
{
    struct jpegls_scan scan;

    if (read_scan_header(s, seg, &scan, err))
        return -1;
    return jpegls_scan_decode(&scan, seg->data, seg->data_size, store_row, s,
                              err);
}

static int read_segment(struct stream *s, const struct jpeg_segment *seg,
                        struct error *err)
{
    switch (seg->marker) {
    case JPEG_SOF55:
        return read_frame(s, seg, err);
    case JPEG_LSE:
        return read_lse(s, seg, err);
    case JPEG_DRI:
        return read_dri(s, seg, err);
    case JPEG_APP8:
        return read_app8(s, seg, err);
    case JPEG_SOS:
        return read_scan(s, seg, err);
    case JPEG_COM:
        return 0;
    default:
        break;
    }
    if (seg->marker >= JPEG_APP0 && seg->marker <= JPEG_APP15)
        return 0;
    return error_set(err, ERROR_CORRUPT, "marker %02x in a JPEG-LS codestream",
                     seg->marker);
}

/* The inverse of HP1, HP2, HP3, modulo 2^precision. */
static void undo_transform(unsigned transform, unsigned bits, int32_t v[3])
{
    int32_t mask = (1 << bits) - 1;
    int32_t half = 1 << (bits - 1);
    int32_t r, g, b;

    if (transform == 3) {
        g = (v[0] - ((v[2] + v[1]) >> 2) + half / 2) & mask;
        r = (v[2] + g - half) & mask;
        b = (v[1] + g - half) & mask;
    } else {
        g = v[1];
        r = (v[0] + g - half) & mask;
        b = (v[2] + (transform == 2 ? (r + g) >> 1 : g) - half) & mask;
    }
    v[0] = r;
    v[1] = g;
    v[2] = b;
}

static void undo_row(const struct stream *s, uint8_t *row)
{
    const struct image *out = s->out;

    for (uint32_t x = 0; x < out->width; x++) {
        int32_t v[3];

        for (uint32_t c = 0; c < 3; c++)
            v[c] = out->type == SAMPLE_U8
                       ? row[3 * x + c]
                       : ((uint16_t *)(void *)row)[3 * x + c];
        undo_transform(s->transform, s->frame.precision, v);
        for (uint32_t c = 0; c < 3; c++)
            if (out->type == SAMPLE_U8)
                row[3 * x + c] = (uint8_t)v[c];
            else
                ((uint16_t *)(void *)row)[3 * x + c] = (uint16_t)v[c];
    }
}

static int finish_colour(struct stream *s, struct error *err)
{
    if (s->frame.components != 3)
        return 0;
    if (!s->transform) { /* JPEG-LS has no mark of its own: the tag */
        native_to_rgb(s->desc, s->out, s->frame.precision);
        return 0;
    }
    if ((s->frame.precision != 8 && s->frame.precision != 16) ||
        (s->out->type != SAMPLE_U8 && s->out->type != SAMPLE_U16))
        return error_set(err, ERROR_UNSUPPORTED,
                         "JPEG-LS colour transform of %u bits",
                         s->frame.precision);
    for (uint32_t y = 0; y < s->out->height; y++)
        undo_row(s, s->out->data + y * s->out->stride_bytes);
    return 0;
}

int jpegls_decode(const struct decode_desc *desc, const uint8_t *bytes,
                  size_t length, const struct image *out, struct error *err)
{
    struct stream s = {.desc = desc, .out = out};
    struct jpeg_reader reader;
    struct jpeg_segment seg;
    int rc = 1;

    if (jpeg_reader_init(&reader, bytes, length, true, err))
        return -1;
    /* What comes behind the last component is not needed. */
    while (!s.seen || s.seen != (1u << s.frame.components) - 1) {
        rc = jpeg_reader_next(&reader, &seg, err);
        if (rc <= 0)
            break;
        if (read_segment(&s, &seg, err))
            return -1;
    }
    if (rc < 0)
        return -1;
    if (rc == 0)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG-LS stream ends before its last component");
    return finish_colour(&s, err);
}
