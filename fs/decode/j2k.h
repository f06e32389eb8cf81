// SPDX-License-Identifier: MIT
/*
 * j2k.h: JPEG 2000, also with the high-throughput block coder (PS3.5 8.2.4).
 *
 * The description has passed decode_output. Threads: reentrant.
 */
#ifndef DECODE_J2K_H
#define DECODE_J2K_H

#include "decode/decode.h"

/* Does it start like a codestream or a JP2 file? */
bool j2k_is(const uint8_t *bytes, size_t length);

/* decode_frame for DECODE_J2K. */
int j2k_decode(const struct decode_desc *desc, const uint8_t *bytes,
               size_t length, const struct image *out, struct error *err);

/* "2.5.0": static. */
const char *j2k_version(void);

#endif
