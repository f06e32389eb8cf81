// SPDX-License-Identifier: MIT
/*
 * dcmtk_codec.h: DCMTK's JPEG decoders behind a plain C face.
 *
 * No policy: the caller has read the codestream's header, chooses by it, and
 * gets the components as they are coded (no colour conversion). Nothing of
 * DCMTK, and no exception, gets out.
 *
 * Threads: all functions are reentrant; nothing has to be registered.
 */
#ifndef DCMTK_DCMTK_CODEC_H
#define DCMTK_DCMTK_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the caller found in the frame header (SOF0 .. SOF3). */
struct dcmtk_jpeg {
    uint32_t rows;
    uint32_t cols;
    uint32_t components;
    uint32_t precision; /* bits, 2..16 */
};

/* Bytes of one sample that dcmtk_jpeg_decode writes: 1 or 2. */
unsigned dcmtk_jpeg_sample_bytes(const struct dcmtk_jpeg *frame);

/*
 * Decodes a whole interchange stream (SOI .. EOI) into interleaved samples in
 * host byte order; `size` is exactly rows * cols * components * sample bytes.
 * ERROR_CORRUPT if the decoder gives up, runs out of data or has to warn
 * before the last row is made; a warning after that (surplus bytes before
 * EOI) does no harm. ERROR_TOO_BIG above 4 GiB.
 */
int dcmtk_jpeg_decode(const struct dcmtk_jpeg *frame, const uint8_t *bytes,
                      size_t length, uint8_t *samples, size_t size,
                      struct error *err) __attribute__((warn_unused_result));

/* "3.6.7": static. */
const char *dcmtk_codec_version(void);

#ifdef __cplusplus
}
#endif

#endif
