// SPDX-License-Identifier: MIT
/*
 * decode.h: the bytes of one frame -> samples.
 *
 * Everything a decoder needs to know about the pixels of a source is in
 * `struct decode_desc`, plain data without pointers, and the samples go into
 * memory that the caller owns. A decode can therefore run in another process
 * on a shared buffer, and nothing here knows files, tags or DCMTK's data sets.
 *
 * Threads: all functions are reentrant.
 */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

enum decode_codec {
    DECODE_NATIVE_LE,
    /* Big-endian words. 8-bit and packed samples of a big-endian file lie in
     * swapped 16-bit words only where the VR is OW; where it is OB they have
     * no byte order, and the codec is DECODE_NATIVE_LE (PS3.5 8.1.2, 8.2). */
    DECODE_NATIVE_BE,
    DECODE_RLE,
    DECODE_JPEG,   /* baseline, extended, lossless: PS3.5 8.2.1 */
    DECODE_JPEGLS, /* PS3.5 8.2.3 */
    DECODE_J2K,    /* JPEG 2000 Part 1, Part 2, HTJ2K: PS3.5 8.2.4 */
    DECODE_UNSUPPORTED
};

enum decode_photometric { /* PS3.3 C.7.6.3.1.2 */
                          DECODE_MONOCHROME1,
                          DECODE_MONOCHROME2,
                          DECODE_PALETTE,
                          DECODE_RGB,
                          DECODE_YBR_FULL,
                          DECODE_YBR_FULL_422,
                          DECODE_YBR_PARTIAL_420,
                          DECODE_YBR_ICT,
                          DECODE_YBR_RCT,
                          DECODE_PHOTOMETRIC_OTHER
};

enum decode_element { /* which Pixel Data element, PS3.3 C.7.6.24 */
                      DECODE_INTEGER, /* (7FE0,0010) */
                      DECODE_FLOAT,   /* (7FE0,0008) */
                      DECODE_DOUBLE   /* (7FE0,0009) */
};

/* Plain data; may cross a process boundary. All from the tags. */
struct decode_desc {
    enum decode_codec codec;
    enum decode_photometric photometric;
    enum decode_element element;
    uint32_t rows;
    uint32_t cols;
    uint32_t samples; /* 1 or 3 */
    uint32_t bits_alloc;
    uint32_t bits_stored;
    uint32_t high_bit;
    bool is_signed;
    bool planar; /* Planar Configuration 1; native and RLE only */
};

/*
 * What decode_frame makes, from the tags alone: one channel for MONOCHROME
 * and PALETTE (palette indices), three (RGB) for every colour model; U8 for
 * BitsAllocated up to 8 unsigned (1-bit data: 0 or 1), I16 for 8 bits signed,
 * U16/I16, U32/I32, F32, F64. Colour is unsigned whatever the tag says.
 * ERROR_UNSUPPORTED for what no decoder here can do, ERROR_CORRUPT for tags
 * that contradict each other.
 */
int decode_output(const struct decode_desc *desc, uint32_t *ret_channels,
                  enum sample_type *ret_type, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Bytes that frame `frame` occupies in native pixel data, as first byte and
 * count, relative to the start of the value. Packed frames (1 and 12 bits)
 * may start inside a byte; *ret_bit says at which bit (LSB first, PS3.5 8.1.1
 * and 8.2). In swapped words (DECODE_NATIVE_BE with less than 16 bits) the
 * span is made of whole words and *ret_bit is below 16. Native YBR_FULL_422
 * has 2 samples a pixel. ERROR_CORRUPT on overflow.
 */
int decode_native_span(const struct decode_desc *desc, uint64_t frame,
                       uint64_t *ret_offset, uint64_t *ret_length,
                       unsigned *ret_bit, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Decodes one frame. `bytes` are the native bytes of the frame (starting at
 * bit `first_bit`), or its codestream with the item headers taken off and
 * the fragments joined; more than that is ignored. `out` is allocated by the
 * caller with the size, type and channels that decode_output gave and may
 * have any stride that keeps rows aligned to their samples.
 *
 * Native and RLE values are shifted by HighBit, masked to BitsStored and
 * sign-extended (PS3.5 8.1.1). In a JPEG, JPEG-LS or JPEG 2000 codestream the
 * codestream's own precision is the width (so a value may exceed BitsStored,
 * as after lossy coding it does by a little); the sign is the tag's. Colour
 * becomes interleaved RGB: the codestream's marks (JPEG: Adobe, component
 * ids, JFIF, subsampling; JPEG 2000: the component transform) are believed
 * before the tag. Which of the JPEG family a codestream is, is read from the
 * codestream; `codec` need only name the family of encapsulated syntaxes.
 *
 * Short data, a codestream of another size, damage that a codec notices:
 * ERROR_CORRUPT; the content of `out` is then unspecified. Never a partial
 * image. ERROR_UNSUPPORTED: a legal codestream that nothing here decodes.
 */
int decode_frame(const struct decode_desc *desc, const uint8_t *bytes,
                 size_t length, unsigned first_bit, const struct image *out,
                 struct error *err) __attribute__((warn_unused_result));

/* "DCMTK 3.6.7, OpenJPEG 2.5.0": part of the engine revision. */
const char *decode_versions(void);

#endif
