// SPDX-License-Identifier: MIT
/*
 * dicom_pixels.c: struct decode_desc and the number of frames
 * (PS3.3 C.7.6.3, C.7.6.6).
 */
#include "dicom/dicom_impl.h"
#include "prepfs/checked.h"

#include <stdlib.h>
#include <string.h>

static enum decode_photometric photometric_of(const char *text)
{
    static const struct {
        const char *text;
        enum decode_photometric photometric;
    } known[] = {
        {"MONOCHROME1", DECODE_MONOCHROME1},
        {"MONOCHROME2", DECODE_MONOCHROME2},
        {"PALETTE COLOR", DECODE_PALETTE},
        {"RGB", DECODE_RGB},
        {"YBR_FULL", DECODE_YBR_FULL},
        {"YBR_FULL_422", DECODE_YBR_FULL_422},
        {"YBR_PARTIAL_420", DECODE_YBR_PARTIAL_420},
        {"YBR_ICT", DECODE_YBR_ICT},
        {"YBR_RCT", DECODE_YBR_RCT},
    };

    for (size_t i = 0; text && i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(text, known[i].text) == 0)
            return known[i].photometric;
    return DECODE_PHOTOMETRIC_OTHER;
}

static uint32_t small_number(const struct dcmtk_item *root, uint32_t tag,
                             uint32_t otherwise)
{
    int64_t v = dicom_get_integer(root, tag, "US");

    return v >= 0 && v <= UINT32_MAX ? (uint32_t)v : otherwise;
}

/* BitsStored and HighBit, repaired to what BitsAllocated allows. */
static void read_bits(struct dicom_build *build)
{
    struct decode_desc *d = &build->header->desc;
    uint32_t stored = small_number(build->root, TAG_BITS_STORED, 0);
    uint32_t high = small_number(build->root, TAG_HIGH_BIT, UINT32_MAX);

    d->bits_stored = stored;
    d->high_bit = high;
    if (stored == 0 || stored > d->bits_alloc)
        d->bits_stored = d->bits_alloc;
    if (high >= d->bits_alloc || high + 1 < d->bits_stored)
        d->high_bit = d->bits_stored ? d->bits_stored - 1 : 0;
    if ((stored != 0 && stored != d->bits_stored) ||
        (high != UINT32_MAX && high != d->high_bit))
        build->header->warnings |= DICOM_WARN_BITS;
}

static void read_stated_frames(struct dicom_build *build)
{
    struct dicom_buffer buffer;
    struct dicom_value value;
    int64_t n = 1;
    bool empty = true;

    if (dicom_get(build->root, TAG_FRAMES, &buffer, &value)) {
        const char *text = (const char *)value.bytes;
        size_t length = value.length;

        dicom_text_trim(&text, &length);
        empty = length == 0;
        if (!empty && !dicom_value_integer(&value, "IS", 0, &n))
            n = 0;
    }
    build->frames_bad = n < 1;
    build->stated_frames = n < 1 ? 0 : (uint64_t)n;
}

/* Native pixels have the byte order that the data set really has. */
static enum decode_codec actual_codec(struct dicom_syntax syntax,
                                      enum dcmtk_encoding encoding)
{
    bool big = dicom_encoding_is_big(encoding);

    if (big && syntax.codec == DECODE_NATIVE_LE)
        return DECODE_NATIVE_BE;
    if (!big && dicom_encoding_is_big(syntax.encoding))
        return DECODE_NATIVE_LE;
    return syntax.codec;
}

int dicom_read_desc(struct dicom_build *build, struct error *err)
{
    const struct dcmtk_item *root = build->root;
    struct dicom_header *h = build->header;
    struct decode_desc *d = &h->desc;
    bool oom = false;

    h->photometric = dicom_get_text(build, TAG_PHOTOMETRIC, &oom);
    if (oom)
        return error_no_memory(err);
    d->codec = actual_codec(dicom_syntax_of(build->source->transfer_syntax),
                            build->encoding);
    d->photometric = photometric_of(h->photometric);
    d->rows = small_number(root, TAG_ROWS, 0);
    d->cols = small_number(root, TAG_COLUMNS, 0);
    d->samples = small_number(root, TAG_SAMPLES, 1);
    d->bits_alloc = small_number(root, TAG_BITS_ALLOCATED, 0);
    d->is_signed = dicom_get_integer(root, TAG_PIXEL_REPRESENTATION, "US") == 1;
    d->planar = dicom_get_integer(root, TAG_PLANAR, "US") == 1;
    read_bits(build);
    read_stated_frames(build);
    return 0;
}

/* Bits from one native frame to the next, 0 if there is no such number: the
 * place of frame 8 is a whole number of bytes. */
static uint64_t native_frame_bits(const struct decode_desc *desc)
{
    uint64_t offset, length, bits;
    unsigned bit;

    if (decode_native_span(desc, 8, &offset, &length, &bit, NULL) != 0 ||
        !checked_mul_u64(offset, 8, &bits))
        return 0;
    return bits / 8;
}

static uint64_t native_frames(const struct dicom_header *h)
{
    uint64_t frame_bits = native_frame_bits(&h->desc);
    uint64_t bits;

    if (frame_bits == 0 || !checked_mul_u64(h->pixel_length, 8, &bits))
        return 0;
    return bits / frame_bits;
}

static bool is_native(const struct dicom_header *h)
{
    return h->pixels == DICOM_PIXELS_NATIVE &&
           (h->desc.codec == DECODE_NATIVE_LE ||
            h->desc.codec == DECODE_NATIVE_BE);
}

static void check_native_length(struct dicom_header *h, uint64_t frames)
{
    uint64_t there = native_frames(h);
    uint64_t wanted_bits, bits;

    if (there < frames)
        h->warnings |= DICOM_WARN_FRAMES_SHORT;
    /* One byte of padding is the law (PS3.5 8.1.1). */
    if (checked_mul_u64(native_frame_bits(&h->desc), frames, &wanted_bits) &&
        checked_mul_u64(h->pixel_length, 8, &bits) && bits > wanted_bits &&
        bits - wanted_bits >= 16)
        h->warnings |= DICOM_WARN_PIXELS_LONG;
}

/* What no decoder will take, in words; NULL when one may. */
static int find_why_not(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    const char *uid = build->source->transfer_syntax;
    struct error why = ERROR_INIT;
    enum sample_type type;
    uint32_t channels;
    char *text = NULL;

    if (h->desc.rows == 0 || h->desc.cols == 0 || h->desc.bits_alloc == 0)
        (void)error_set(&why, ERROR_CORRUPT,
                        "Rows %u, Columns %u, BitsAllocated %u", h->desc.rows,
                        h->desc.cols, h->desc.bits_alloc);
    else if (h->desc.codec == DECODE_UNSUPPORTED)
        (void)error_set(&why, ERROR_UNSUPPORTED,
                        "transfer syntax %.64s (%s) is not built in",
                        uid ? uid : "", dicom_syntax_of(uid).name);
    else
        (void)!decode_output(&h->desc, &channels, &type, &why);
    h->decodable = why.kind == ERROR_NONE;
    if (h->decodable)
        return 0;
    dicom_make_printable(why.msg); /* it quotes the file */
    text = dicom_arena_text(build->arena, why.msg, strlen(why.msg));
    if (!text)
        return error_no_memory(err);
    h->why_not = text;
    return 0;
}

int dicom_read_frames(struct dicom_build *build, struct error *err)
{
    struct dicom_header *h = build->header;
    uint64_t frames = build->stated_frames;

    if (h->pixels == DICOM_PIXELS_NONE)
        return 0;
    h->has_pixels = true;
    if (find_why_not(build, err) != 0)
        return -1;
    if (build->frames_bad) {
        h->warnings |= DICOM_WARN_FRAMES_GUESSED;
        if (h->pixels == DICOM_PIXELS_ENCAPSULATED) {
            if (dicom_count_encapsulated(build->source, h, &frames, err) != 0)
                return -1;
        } else if (is_native(h) && h->decodable) {
            frames = native_frames(h);
        }
        if (frames == 0)
            frames = 1;
    }
    if (frames > build->source->limits.frames)
        return error_set(err, ERROR_TOO_BIG, "NumberOfFrames is %llu",
                         (unsigned long long)frames);
    h->frames = (uint32_t)frames;
    if (is_native(h) && h->decodable)
        check_native_length(h, frames);
    return 0;
}
