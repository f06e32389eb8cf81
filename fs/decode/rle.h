// SPDX-License-Identifier: MIT
/*
 * rle.h: RLE Lossless (PS3.5 Annex G).
 *
 * The description has passed decode_output. Threads: pure function.
 */
#ifndef DECODE_RLE_H
#define DECODE_RLE_H

#include "decode/decode.h"

/* decode_frame for DECODE_RLE. ERROR_CORRUPT for a header that does not fit
 * the description or a segment that ends before its last sample. */
int rle_decode(const struct decode_desc *desc, const uint8_t *bytes,
               size_t length, const struct image *out, struct error *err);

#endif
