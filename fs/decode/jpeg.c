// SPDX-License-Identifier: MIT
/*
 * jpeg.c: policy around the JPEG decoder.
 *
 * The decoder is lenient: what is missing becomes grey, with a warning. So the
 * codestream is read here first, segment by segment, into a clean copy that
 * holds only what decoding needs (no APPn, no COM). Then the only warnings
 * left are about coded data, and those are errors. The copy also mends two
 * things that exist and do no harm: sequential scans with a spectral selection
 * of 0..0, and a missing EOI behind complete data.
 */
#include "decode/jpeg.h"

#include <string.h>

#include "dcmtk/dcmtk_codec.h"
#include "decode/colour.h"
#include "decode/samples.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

struct stream {
    struct jpeg_frame frame;
    bool has_frame;
    bool has_jfif;
    bool has_adobe;
    unsigned adobe_transform;
    unsigned scans;
    unsigned components_seen; /* bit per component of the frame */
    bool has_end;
    uint8_t *clean; /* room for the whole codestream and EOI */
    size_t clean_size;
};

static void append(struct stream *s, const uint8_t *bytes, size_t size)
{
    memcpy(s->clean + s->clean_size, bytes, size);
    s->clean_size += size;
}

static void append_segment(struct stream *s, const struct jpeg_segment *seg)
{
    append(s, seg->start, (size_t)(seg->payload - seg->start));
    append(s, seg->payload, seg->payload_size);
}

static int read_frame(struct stream *s, const struct jpeg_segment *seg,
                      struct error *err)
{
    if (s->has_frame)
        return error_set(err, ERROR_CORRUPT, "two JPEG frame headers");
    if (seg->marker > JPEG_SOF3)
        return error_set(err, ERROR_UNSUPPORTED,
                         "JPEG coding process SOF%u (hierarchical or "
                         "arithmetic)",
                         seg->marker - JPEG_SOF0);
    s->has_frame = true;
    append_segment(s, seg);
    return jpeg_frame_parse(seg, &s->frame, err);
}

static int note_component(struct stream *s, unsigned id, struct error *err)
{
    for (unsigned i = 0; i < s->frame.components; i++)
        if (s->frame.component[i].id == id) {
            s->components_seen |= 1u << i;
            return 0;
        }
    return error_set(err, ERROR_CORRUPT, "a scan of component %u", id);
}

static int read_scan(struct stream *s, const struct jpeg_segment *seg,
                     struct error *err)
{
    uint8_t *spectral;
    unsigned count = seg->payload_size ? seg->payload[0] : 0;

    if (!s->has_frame)
        return error_set(err, ERROR_CORRUPT, "a JPEG scan before its frame");
    if (!count || seg->payload_size < 4 + (size_t)2 * count)
        return error_set(err, ERROR_CORRUPT, "a JPEG scan header is cut");
    if (++s->scans > JPEG_SCANS_MAX)
        return error_set(err, ERROR_UNSUPPORTED, "more than %d JPEG scans",
                         JPEG_SCANS_MAX);
    for (unsigned i = 0; i < count; i++)
        if (note_component(s, seg->payload[1 + 2 * i], err))
            return -1;
    append_segment(s, seg);
    if (s->frame.marker <= JPEG_SOF1) { /* T.81 B.2.3: fixed here */
        spectral = s->clean + s->clean_size - seg->payload_size + 1 + 2 * count;
        spectral[0] = 0;
        spectral[1] = 63;
        spectral[2] = 0;
    }
    append(s, seg->data, seg->data_size);
    return 0;
}

static void read_jfif(struct stream *s, const struct jpeg_segment *seg)
{
    if (seg->payload_size >= 5 && !memcmp(seg->payload, "JFIF", 5))
        s->has_jfif = true;
}

/* T.872 6.5.3: "Adobe", version, two flags, the transform. */
static void read_adobe(struct stream *s, const struct jpeg_segment *seg)
{
    if (seg->payload_size < 12 || memcmp(seg->payload, "Adobe", 5) != 0)
        return;
    s->has_adobe = true;
    s->adobe_transform = seg->payload[11];
}

static int read_segment(struct stream *s, const struct jpeg_segment *seg,
                        struct error *err)
{
    switch (seg->marker) {
    case JPEG_DHT:
    case JPEG_DQT:
    case JPEG_DRI:
        append_segment(s, seg);
        return 0;
    case JPEG_APP0:
        read_jfif(s, seg);
        return 0;
    case JPEG_APP14:
        read_adobe(s, seg);
        return 0;
    case JPEG_SOS:
        return read_scan(s, seg, err);
    case JPEG_DAC:
        return error_set(err, ERROR_UNSUPPORTED, "arithmetic coded JPEG");
    case JPEG_DNL: /* the frame header's rows must be right without it */
    case JPEG_COM:
        return 0;
    default:
        break;
    }
    if (seg->marker >= JPEG_SOF0 && seg->marker <= 0xcf)
        return read_frame(s, seg, err);
    if (seg->marker > JPEG_APP0 && seg->marker <= JPEG_APP15)
        return 0;
    return error_set(err, ERROR_CORRUPT, "marker %02x in a JPEG codestream",
                     seg->marker);
}

static int read_stream(struct stream *s, const uint8_t *bytes, size_t length,
                       struct error *err)
{
    static const uint8_t soi[2] = {0xff, JPEG_SOI};
    static const uint8_t eoi[2] = {0xff, JPEG_EOI};
    struct jpeg_reader reader;
    struct jpeg_segment seg;
    int rc;

    if (jpeg_reader_init(&reader, bytes, length, false, err))
        return -1;
    append(s, soi, 2);
    /* Junk behind a scan is an end without EOI, not an error of its own. */
    while ((rc = jpeg_reader_next(&reader, &seg, s->scans ? NULL : err)) == 1)
        if (read_segment(s, &seg, err))
            return -1;
    if (rc < 0 && !s->scans)
        return -1;
    s->has_end = rc == 0 && seg.marker == JPEG_EOI;
    append(s, eoi, 2);
    return 0;
}

/* Every component must have been coded: one without a scan is grey, and no
 * warning tells. Nor does one of a progressive scan that is missing; that EOI
 * is there is all that can be asked. */
static int check_complete(const struct stream *s, struct error *err)
{
    if (!s->has_frame || !s->scans)
        return error_set(err, ERROR_CORRUPT, "the JPEG stream has no image");
    if (s->components_seen != (1u << s->frame.components) - 1)
        return error_set(err, ERROR_CORRUPT,
                         "the JPEG stream ends before its last component");
    if (!s->has_end && s->frame.marker == JPEG_SOF2)
        return error_set(err, ERROR_CORRUPT, "the JPEG stream is cut");
    return 0;
}

static bool has_ids(const struct jpeg_frame *f, const char ids[3])
{
    for (int i = 0; i < 3; i++)
        if (f->component[i].id != ids[i])
            return false;
    return true;
}

static bool is_subsampled(const struct jpeg_frame *f)
{
    const struct jpeg_component *c = f->component;

    return c[0].h > c[1].h || c[0].v > c[1].v;
}

/*
 * Marks in the codestream come before the tag, because PhotometricInter-
 * pretation is often left at RGB by encoders that transform. Lossless coding
 * has no transform of its own (PS3.5 8.2.1): there the tag is all there is.
 */
static enum colour_model colour_of(const struct stream *s,
                                   const struct decode_desc *desc)
{
    enum colour_model tag =
        desc->photometric == DECODE_RGB ? COLOUR_RGB : COLOUR_YBR_ICT;

    if (s->frame.components != 3)
        return COLOUR_RGB;
    if (s->frame.marker == JPEG_SOF3)
        return tag;
    if (s->has_adobe && s->adobe_transform <= 1)
        return s->adobe_transform ? COLOUR_YBR_ICT : COLOUR_RGB;
    if (has_ids(&s->frame, "RGB"))
        return COLOUR_RGB;
    if (s->has_jfif || is_subsampled(&s->frame))
        return COLOUR_YBR_ICT;
    return tag;
}

static void store(const struct jpeg_frame *frame, unsigned word_bytes,
                  bool is_signed, const uint8_t *samples,
                  const struct image *out)
{
    struct samples_format f = {
        .word_bytes = word_bytes,
        .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
        .word_step = word_bytes,
        .out_step = 1,
        .bits = frame->precision,
        .is_signed = is_signed,
    };
    size_t count = (size_t)frame->cols * frame->components;

    for (uint32_t y = 0; y < frame->rows; y++)
        samples_store(&f, samples + y * count * word_bytes, count, out->type,
                      out->data + y * out->stride_bytes);
}

static int decode_stream(const struct stream *s, const struct decode_desc *desc,
                         const struct image *out, struct error *err)
{
    const struct dcmtk_jpeg frame = {s->frame.rows, s->frame.cols,
                                     s->frame.components, s->frame.precision};
    unsigned word_bytes = dcmtk_jpeg_sample_bytes(&frame);
    CLEANUP_FREE uint8_t *samples = NULL;
    size_t size;

    if (!checked_mul_size(frame.rows, frame.cols, &size) ||
        !checked_mul_size(size, (size_t)frame.components * word_bytes, &size))
        return error_set(err, ERROR_CORRUPT, "the frame's size overflows");
    samples = malloc(size);
    if (!samples)
        return error_no_memory(err);
    if (dcmtk_jpeg_decode(&frame, s->clean, s->clean_size, samples, size, err))
        return -1;
    store(&s->frame, word_bytes, desc->is_signed && desc->samples == 1, samples,
          out);
    if (frame.components == 3)
        colour_to_rgb(out, colour_of(s, desc), frame.precision);
    return 0;
}

int jpeg_decode(const struct decode_desc *desc, const uint8_t *bytes,
                size_t length, const struct image *out, struct error *err)
{
    CLEANUP_FREE uint8_t *clean = NULL;
    struct stream s = {0};
    size_t room;

    if (!checked_add_size(length, 4, &room))
        return error_set(err, ERROR_CORRUPT, "the frame's size overflows");
    clean = s.clean = malloc(room);
    if (!clean)
        return error_no_memory(err);
    if (read_stream(&s, bytes, length, err) || check_complete(&s, err) ||
        jpeg_frame_check(&s.frame, desc, out->type, err))
        return -1;
    return decode_stream(&s, desc, out, err);
}
