// SPDX-License-Identifier: MIT
/*
 * decode_double.c: the two functions of decode.h that fs/dicom calls, weak,
 * so that its tests link with or without the decode library.
 */
#include "decode/decode.h"
#include "prepfs/checked.h"

int decode_output(const struct decode_desc *desc, uint32_t *ret_channels,
                  enum sample_type *ret_type, struct error *err);
int decode_native_span(const struct decode_desc *desc, uint64_t frame,
                       uint64_t *ret_offset, uint64_t *ret_length,
                       unsigned *ret_bit, struct error *err);

__attribute__((weak)) int decode_output(const struct decode_desc *desc,
                                        uint32_t *ret_channels,
                                        enum sample_type *ret_type,
                                        struct error *err)
{
    if (desc->samples != 1 && desc->samples != 3)
        return error_set(err, ERROR_UNSUPPORTED, "SamplesPerPixel is %u",
                         desc->samples);
    *ret_channels = desc->samples;
    *ret_type = desc->bits_alloc <= 8 ? SAMPLE_U8 : SAMPLE_U16;
    return 0;
}

__attribute__((weak)) int
decode_native_span(const struct decode_desc *desc, uint64_t frame,
                   uint64_t *ret_offset, uint64_t *ret_length,
                   unsigned *ret_bit, struct error *err)
{
    uint64_t bits = (uint64_t)desc->rows * desc->cols;
    uint64_t from, to;

    if (desc->photometric == DECODE_YBR_FULL_422)
        bits = bits * 2 * desc->bits_alloc;
    else if (!checked_mul_u64(bits, (uint64_t)desc->samples * desc->bits_alloc,
                              &bits))
        return error_set(err, ERROR_CORRUPT, "frame size overflows");
    if (!checked_mul_u64(bits, frame, &from) ||
        !checked_add_u64(from, bits, &to) || to > UINT64_MAX - 7)
        return error_set(err, ERROR_CORRUPT, "frame offset overflows");
    *ret_offset = from / 8;
    *ret_bit = (unsigned)(from % 8);
    *ret_length = (to + 7) / 8 - *ret_offset;
    return 0;
}
