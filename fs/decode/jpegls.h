// SPDX-License-Identifier: MIT
/*
 * jpegls.h: JPEG-LS, lossless and near-lossless (PS3.5 8.2.3, ITU-T T.87).
 *
 * The description has passed decode_output. Threads: reentrant.
 */
#ifndef DECODE_JPEGLS_H
#define DECODE_JPEGLS_H

#include "decode/decode.h"

/* decode_frame for DECODE_JPEGLS. ERROR_UNSUPPORTED for mapping tables, point
 * transforms and subsampled components, which DICOM does not use. */
int jpegls_decode(const struct decode_desc *desc, const uint8_t *bytes,
                  size_t length, const struct image *out, struct error *err);

#endif
