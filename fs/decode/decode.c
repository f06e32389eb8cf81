// SPDX-License-Identifier: MIT
/* decode.c: what the tags mean, and which decoder takes the frame. */
#include "decode/decode.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "decode/j2k.h"
#include "decode/jpeg.h"
#include "decode/jpegls.h"
#include "decode/native.h"
#include "decode/rle.h"
#include "dcmtk/dcmtk_codec.h"
#include "prepfs/checked.h"

static bool is_native(enum decode_codec codec)
{
    return codec == DECODE_NATIVE_LE || codec == DECODE_NATIVE_BE;
}

/* Do the words of the file say how wide a sample is (and not a codestream)? */
static bool has_words(enum decode_codec codec)
{
    return is_native(codec) || codec == DECODE_RLE;
}

static bool is_colour(enum decode_photometric photometric)
{
    switch (photometric) {
    case DECODE_RGB:
    case DECODE_YBR_FULL:
    case DECODE_YBR_FULL_422:
    case DECODE_YBR_ICT:
    case DECODE_YBR_RCT:
        return true;
    case DECODE_MONOCHROME1:
    case DECODE_MONOCHROME2:
    case DECODE_PALETTE:
    case DECODE_YBR_PARTIAL_420:
    case DECODE_PHOTOMETRIC_OTHER:
        break;
    }
    return false;
}

static int check_size(const struct decode_desc *desc, struct error *err)
{
    uint64_t bytes;

    if (!desc->rows || !desc->cols)
        return error_set(err, ERROR_CORRUPT, "the image is %u x %u pixels",
                         desc->cols, desc->rows);
    /* 8 bytes: the widest sample; nothing below multiplies beyond this. */
    if (!checked_mul_u64(desc->rows, desc->cols, &bytes) ||
        !checked_mul_u64(bytes, 3 * 8, &bytes) || bytes > SIZE_MAX / 2)
        return error_set(err, ERROR_CORRUPT, "%u x %u pixels overflow",
                         desc->cols, desc->rows);
    return 0;
}

static int check_photometric(const struct decode_desc *desc, struct error *err)
{
    if (desc->photometric == DECODE_YBR_PARTIAL_420 ||
        desc->photometric == DECODE_PHOTOMETRIC_OTHER)
        return error_set(err, ERROR_UNSUPPORTED,
                         "this photometric interpretation is not decoded");
    if (desc->samples != 1 && desc->samples != 3)
        return error_set(err, ERROR_UNSUPPORTED, "%u samples per pixel",
                         desc->samples);
    if (is_colour(desc->photometric) != (desc->samples == 3))
        return error_set(err, ERROR_CORRUPT,
                         "%u samples per pixel contradict the photometric "
                         "interpretation",
                         desc->samples);
    return 0;
}

/* Float and Double Float Pixel Data are native and grey, PS3.3 C.7.6.24. */
static int check_float(const struct decode_desc *desc, struct error *err)
{
    uint32_t bits = desc->element == DECODE_FLOAT ? 32 : 64;

    if (!is_native(desc->codec))
        return error_set(err, ERROR_UNSUPPORTED,
                         "compressed floating point pixel data");
    if (desc->bits_alloc != bits)
        return error_set(err, ERROR_CORRUPT,
                         "floating point pixel data of %u bits",
                         desc->bits_alloc);
    if (desc->samples != 1)
        return error_set(err, ERROR_UNSUPPORTED,
                         "floating point pixel data in colour");
    return 0;
}

static int check_words(const struct decode_desc *desc, struct error *err)
{
    if (desc->bits_alloc == 12 && is_native(desc->codec) &&
        desc->samples == 1) /* packed, retired */
        return 0;
    if (desc->bits_alloc == 1 && desc->samples == 1)
        return 0;
    if (desc->bits_alloc == 8 || desc->bits_alloc == 16 ||
        desc->bits_alloc == 32)
        return 0;
    return error_set(err, ERROR_UNSUPPORTED,
                     "%u bits allocated for %u samples per pixel",
                     desc->bits_alloc, desc->samples);
}

static int check_bits(const struct decode_desc *desc, struct error *err)
{
    if (!desc->bits_alloc || desc->bits_alloc > 64)
        return error_set(err, ERROR_CORRUPT, "BitsAllocated is %u",
                         desc->bits_alloc);
    if (desc->bits_alloc > 32)
        return error_set(err, ERROR_UNSUPPORTED, "integers of %u bits",
                         desc->bits_alloc);
    if (!desc->bits_stored || desc->bits_stored > desc->bits_alloc)
        return error_set(err, ERROR_CORRUPT, "BitsStored is %u of %u allocated",
                         desc->bits_stored, desc->bits_alloc);
    if (!has_words(desc->codec))
        return 0;
    if (desc->high_bit >= desc->bits_alloc ||
        desc->high_bit + 1 < desc->bits_stored)
        return error_set(err, ERROR_CORRUPT,
                         "HighBit is %u with %u bits stored of %u",
                         desc->high_bit, desc->bits_stored, desc->bits_alloc);
    return check_words(desc, err);
}

static enum sample_type integer_type(const struct decode_desc *desc)
{
    bool is_signed = desc->is_signed && desc->samples == 1;

    if (desc->bits_alloc <= 8)
        return is_signed ? SAMPLE_I16 : SAMPLE_U8;
    if (desc->bits_alloc <= 16)
        return is_signed ? SAMPLE_I16 : SAMPLE_U16;
    return is_signed ? SAMPLE_I32 : SAMPLE_U32;
}

int decode_output(const struct decode_desc *desc, uint32_t *ret_channels,
                  enum sample_type *ret_type, struct error *err)
{
    if ((unsigned)desc->codec >= DECODE_UNSUPPORTED)
        return error_set(err, ERROR_UNSUPPORTED,
                         "no decoder for this transfer syntax");
    if (check_size(desc, err) || check_photometric(desc, err))
        return -1;
    if (desc->element != DECODE_INTEGER) {
        if (check_float(desc, err))
            return -1;
        *ret_channels = 1;
        *ret_type = desc->element == DECODE_FLOAT ? SAMPLE_F32 : SAMPLE_F64;
        return 0;
    }
    if (check_bits(desc, err))
        return -1;
    if (is_native(desc->codec) && native_is_422(desc) && desc->cols % 2)
        return error_set(err, ERROR_CORRUPT,
                         "YBR_FULL_422 with %u columns: must be even",
                         desc->cols);
    *ret_channels = desc->samples;
    *ret_type = integer_type(desc);
    return 0;
}

int decode_native_span(const struct decode_desc *desc, uint64_t frame,
                       uint64_t *ret_offset, uint64_t *ret_length,
                       unsigned *ret_bit, struct error *err)
{
    uint32_t channels;
    enum sample_type type;
    uint64_t bits, start, end;
    uint64_t unit = native_swaps_words(desc) ? 16 : 8;

    if (decode_output(desc, &channels, &type, err))
        return -1;
    if (!is_native(desc->codec))
        return error_set(err, ERROR_INTERNAL, "not native pixel data");
    if (!native_frame_bits(desc, &bits) ||
        !checked_mul_u64(bits, frame, &start) ||
        !checked_add_u64(start, bits, &end) ||
        !checked_add_u64(end, unit - 1, &end))
        return error_set(err, ERROR_CORRUPT, "frame %llu lies beyond any file",
                         (unsigned long long)frame);
    *ret_bit = (unsigned)(start % unit);
    *ret_offset = (start - *ret_bit) / 8;
    *ret_length = end / unit * (unit / 8) - *ret_offset;
    return 0;
}

static int check_out(const struct decode_desc *desc, const struct image *out,
                     struct error *err)
{
    uint32_t channels;
    enum sample_type type;
    size_t row;

    if (decode_output(desc, &channels, &type, err))
        return -1;
    row = (size_t)desc->cols * channels * sample_bytes(type);
    if (out->width != desc->cols || out->height != desc->rows ||
        out->channels != channels || out->type != type ||
        out->stride_bytes < row || !out->data)
        return error_set(err, ERROR_INTERNAL,
                         "the output image does not match the description");
    return 0;
}

/* The first bytes of every codestream name its family: files whose transfer
 * syntax names another one exist, and the bytes are right. */
static enum decode_codec family(const struct decode_desc *desc,
                                const uint8_t *bytes, size_t length)
{
    if (length >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8)
        return jpeg_is_ls(bytes, length) ? DECODE_JPEGLS : DECODE_JPEG;
    if (j2k_is(bytes, length))
        return DECODE_J2K;
    return desc->codec;
}

static int decode_codestream(const struct decode_desc *desc,
                             const uint8_t *bytes, size_t length,
                             const struct image *out, struct error *err)
{
    switch (family(desc, bytes, length)) {
    case DECODE_JPEG:
        return jpeg_decode(desc, bytes, length, out, err);
    case DECODE_JPEGLS:
        return jpegls_decode(desc, bytes, length, out, err);
    case DECODE_J2K:
        return j2k_decode(desc, bytes, length, out, err);
    case DECODE_NATIVE_LE:
    case DECODE_NATIVE_BE:
    case DECODE_RLE:
    case DECODE_UNSUPPORTED:
        break;
    }
    return error_set(err, ERROR_INTERNAL, "not a codestream");
}

int decode_frame(const struct decode_desc *desc, const uint8_t *bytes,
                 size_t length, unsigned first_bit, const struct image *out,
                 struct error *err)
{
    if (check_out(desc, out, err))
        return -1;
    if (!length)
        return error_set(err, ERROR_CORRUPT, "the frame has no bytes");
    if (is_native(desc->codec))
        return native_decode(desc, bytes, length, first_bit, out, err);
    if (desc->codec == DECODE_RLE)
        return rle_decode(desc, bytes, length, out, err);
    return decode_codestream(desc, bytes, length, out, err);
}

static char versions[96]; /* immutable after versions_once */

static void put_versions(void)
{
    (void)snprintf(versions, sizeof versions, "DCMTK %s, OpenJPEG %s",
                   dcmtk_codec_version(), j2k_version());
}

const char *decode_versions(void)
{
    static pthread_once_t versions_once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&versions_once, put_versions);
    return versions;
}
