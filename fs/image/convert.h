// SPDX-License-Identifier: MIT
/*
 * convert.h: sample types, grey and colour (pixels.md "dtype").
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_CONVERT_H
#define IMAGE_CONVERT_H

#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

enum convert_scale {
    /* Display and range: 0..255 = 0..65535 = 0.0..1.0.
     * u16 -> u8 (v*255+32767)/65535, u8 -> u16 v*257, u8/u16 -> float
     * v/y_max, float -> u8/u16 v*y_max rounded. No other integers. */
    CONVERT_UNIT,
    /* hu and raw: the number stays; to an integer it is rounded half away
     * from zero and clamped, NaN becomes 0. */
    CONVERT_VALUE
};

/*
 * Converts type and channels: 3 -> 1 is REF's float luma (REF 3.6), 1 -> 3
 * copies the value. Luma first, type last. `dst` has the size of `src`.
 * ERROR_UNSUPPORTED for CONVERT_UNIT with an integer type other than U8, U16.
 */
int convert_image(const struct image *src, enum convert_scale scale,
                  const struct image *dst, struct error *err)
    __attribute__((warn_unused_result));

/* f32 -> IEEE binary16, round to nearest even; too large becomes infinite. */
uint16_t convert_f16(float value);

/* Like convert_image to one f32 sample per sample, then to binary16: tight
 * rows of width * channels at `dst`, host byte order. */
int convert_to_f16(const struct image *src, enum convert_scale scale,
                   uint16_t *dst, struct error *err)
    __attribute__((warn_unused_result));

/* 8-bit and 16-bit luma of one RGB pixel, REF 3.6 (float). */
uint8_t convert_luma8(uint8_t r, uint8_t g, uint8_t b);
uint16_t convert_luma16(uint16_t r, uint16_t g, uint16_t b);

#endif
