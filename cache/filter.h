// SPDX-License-Identifier: MIT
/*
 * filter.h: samples to and from packed prediction residuals.
 *
 * Each sample is predicted from its neighbours, the difference is folded to a
 * small unsigned number (zigzag) and packed in groups of 16 (pack.h). The
 * predictions are those whose inverse is a running sum or a plain sum, so
 * that decoding vectorises:
 *
 *     LEFT   x - left                          inverse: running sum
 *     UP     x - up                            inverse: add the row above
 *     GRAD   x - (left + up - upper left)      inverse: both
 *     NONE   x, not folded
 *
 * UP and GRAD need `row` >= 16 samples; the first row, rounded up to whole
 * groups, is predicted by LEFT. All arithmetic wraps in the sample's width,
 * so every input is exact. Sample widths are 1, 2 and 4 bytes, in the order
 * of the host; data need no alignment. 4-byte residuals are packed as two
 * groups, low halves and high halves.
 *
 * Pure functions. The plain forms choose an implementation by what the CPU
 * can do; the _scalar forms are the definition and give equal bytes.
 */
#ifndef PREPFS_CACHE_FILTER_H
#define PREPFS_CACHE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum predictor {
    PREDICT_NONE,
    PREDICT_LEFT,
    PREDICT_UP,
    PREDICT_GRAD,
    PREDICTORS
};

/* One plane of equal samples. */
struct plane {
    size_t count;
    size_t row; /* samples per row; 0: unknown */
    unsigned bytes;
    enum predictor predictor;
};

/* Width codes of a plane, one per group (two at 4 bytes per sample). */
size_t filter_codes(const struct plane *plane);

/* True if the plane is one that the filters take. */
bool filter_accepts(const struct plane *plane);

/* The predictor that packs a sample of the groups best. */
enum predictor filter_choose(const struct plane *plane, const uint8_t *src);

/* Packs; `codes` gets one byte per code. Returns the end of the bits; up to
 * PACK_SLACK bytes after it are written over. */
uint8_t *filter_pack(const struct plane *plane, const uint8_t *src,
                     uint8_t *codes, uint8_t *bits);

/* Unpacks. The bits are as many as the codes say; up to PACK_SLACK bytes
 * after them are read, and ignored. Returns their end. */
const uint8_t *filter_unpack(const struct plane *plane, const uint8_t *codes,
                             const uint8_t *bits, uint8_t *dst);
const uint8_t *filter_unpack_scalar(const struct plane *plane,
                                    const uint8_t *codes, const uint8_t *bits,
                                    uint8_t *dst);

#endif
