// SPDX-License-Identifier: MIT
/*
 * jpeg.h: JPEG baseline, extended, progressive and lossless (PS3.5 8.2.1).
 *
 * The description has passed decode_output. Threads: reentrant.
 */
#ifndef DECODE_JPEG_H
#define DECODE_JPEG_H

#include "decode/decode.h"
#include "decode/jpeg_markers.h"

/* decode_frame for DECODE_JPEG. ERROR_UNSUPPORTED for hierarchical and
 * arithmetic coding and for more than JPEG_SCANS_MAX scans. */
int jpeg_decode(const struct decode_desc *desc, const uint8_t *bytes,
                size_t length, const struct image *out, struct error *err);

/* Each scan of a progressive image costs a pass over all of it. */
#define JPEG_SCANS_MAX 100

#endif
