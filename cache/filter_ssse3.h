// SPDX-License-Identifier: MIT
/*
 * filter_ssse3.h: unpacking with the byte shuffle of SSSE3 (x86-64 only).
 *
 * Same contract as filter_unpack for one sample width; call only where the
 * CPU has SSSE3. `split` is where LEFT ends and the plane's predictor begins.
 */
#ifndef PREPFS_CACHE_FILTER_SSSE3_H
#define PREPFS_CACHE_FILTER_SSSE3_H

#include "filter.h"

const uint8_t *ssse3_unpack_u8(const struct plane *plane, size_t split,
                               const uint8_t *codes, const uint8_t *bits,
                               uint8_t *dst);
const uint8_t *ssse3_unpack_u16(const struct plane *plane, size_t split,
                                const uint8_t *codes, const uint8_t *bits,
                                uint8_t *dst);
const uint8_t *ssse3_unpack_u32(const struct plane *plane, size_t split,
                                const uint8_t *codes, const uint8_t *bits,
                                uint8_t *dst);

#endif
