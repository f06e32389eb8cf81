// SPDX-License-Identifier: MIT
/*
 * rational.h: a number as a TIFF RATIONAL. Internal to fs/tiff.
 */
#ifndef TIFF_RATIONAL_H
#define TIFF_RATIONAL_H

#include <stdint.h>

/*
 * The fraction ret[0] / ret[1] of two 32-bit numbers that is nearest to
 * `value`, a positive finite number; of equally near ones the one with the
 * smaller denominator. Numbers beyond the ends of the range give its ends
 * (1 / 4294967295 and 4294967295 / 1): a resolution of 0 is illegal.
 */
void rational_nearest(double value, uint32_t ret[2]);

#endif
