// SPDX-License-Identifier: MIT
/*
 * native.h: uncompressed pixel data (PS3.5 8.1.1, 8.2, Annex D).
 *
 * The description has passed decode_output. Threads: pure functions.
 */
#ifndef DECODE_NATIVE_H
#define DECODE_NATIVE_H

#include "decode/decode.h"

/* Two samples a pixel: Y Y Cb Cr (PS3.3 C.7.6.3.1.2). */
bool native_is_422(const struct decode_desc *desc);

/* Are samples narrower than a word packed into big-endian 16-bit words? */
bool native_swaps_words(const struct decode_desc *desc);

/* Bits of one frame; false on overflow. */
bool native_frame_bits(const struct decode_desc *desc, uint64_t *ret);

/* decode_frame for native data; ERROR_CORRUPT if it is short. */
int native_decode(const struct decode_desc *desc, const uint8_t *bytes,
                  size_t length, unsigned first_bit, const struct image *out,
                  struct error *err);

/* The same for words already in memory, interleaved, in little-endian order
 * (what RLE makes). `bytes` holds the whole frame. */
void native_store(const struct decode_desc *desc, const uint8_t *bytes,
                  const struct image *out);

/* The colour step that the tag alone asks for. */
void native_to_rgb(const struct decode_desc *desc, const struct image *out,
                   unsigned bits);

#endif
