// SPDX-License-Identifier: MIT
/*
 * float and double -> IEEE 754 binary16, rounded once to the nearest even.
 *
 *     binary16   s eeeee mmmmmmmmmm    bias 15
 *     binary32   s eeeeeeee m...23     bias 127
 *     binary64   s e...11   m...52     bias 1023
 *
 * Integers only, so that the result does not depend on flags of the FPU or on
 * what instructions there are.
 */
#include "npy/npy.h"

#include <string.h>

#define HALF_INFINITE 0x7c00u

/* value / 2^shift, to the nearest, ties to even; shift in 1..63 */
static inline uint64_t divide_even(uint64_t value, unsigned shift)
{
    uint64_t odd = value >> shift & 1;

    return (value + (UINT64_C(1) << (shift - 1)) - 1 + odd) >> shift;
}

/*
 * A finite number mantissa * 2^exponent as a half float without sign, where
 * the mantissa has its leading bit at `top`. Rounding may carry into the
 * exponent, and from its largest into infinity: both are what is meant.
 */
static inline uint16_t half_of(uint64_t mantissa, int top, int exponent)
{
    int power = exponent + top; /* of the leading bit */
    int shift = top - 10;       /* to the 11 bits of a normal number */

    if (power > 15)
        return HALF_INFINITE;
    if (power >= -14)
        return (uint16_t)(divide_even(mantissa, (unsigned)shift) +
                          ((uint64_t)(power + 14) << 10));
    shift += -14 - power; /* subnormal: in units of 2^-24 */
    if (shift > 63)
        return 0;
    return (uint16_t)divide_even(mantissa, (unsigned)shift);
}

/* NaN keeps its sign and the first bits of what it says. */
static inline uint16_t half_special(uint64_t mantissa, unsigned bits)
{
    uint16_t head = (uint16_t)(mantissa >> (bits - 10));

    if (mantissa == 0)
        return HALF_INFINITE;
    return (uint16_t)(HALF_INFINITE | (head ? head : 1u));
}

uint16_t npy_half(float value)
{
    uint32_t bits;
    uint32_t mantissa;
    uint32_t exponent;
    uint16_t sign;

    memcpy(&bits, &value, sizeof bits);
    sign = (uint16_t)(bits >> 16 & 0x8000u);
    exponent = bits >> 23 & 0xffu;
    mantissa = bits & 0x7fffffu;
    if (exponent == 0xff)
        return (uint16_t)(sign | half_special(mantissa, 23));
    if (exponent == 0)
        return sign; /* below 2^-126 */
    return (uint16_t)(sign |
                      half_of(mantissa | 0x800000u, 23, (int)exponent - 150));
}

uint16_t npy_half_of_double(double value)
{
    uint64_t bits;
    uint64_t mantissa;
    unsigned exponent;
    uint16_t sign;

    memcpy(&bits, &value, sizeof bits);
    sign = (uint16_t)(bits >> 48 & 0x8000u);
    exponent = (unsigned)(bits >> 52) & 0x7ffu;
    mantissa = bits & UINT64_C(0xfffffffffffff);
    if (exponent == 0x7ff)
        return (uint16_t)(sign | half_special(mantissa, 52));
    if (exponent == 0)
        return sign;
    return (uint16_t)(sign | half_of(mantissa | UINT64_C(1) << 52, 52,
                                     (int)exponent - 1075));
}

static void put(uint8_t *dst, uint16_t half)
{
    dst[0] = (uint8_t)half;
    dst[1] = (uint8_t)(half >> 8);
}

static void half_row_f32(const uint8_t *row, size_t n, uint8_t *dst)
{
    for (size_t i = 0; i < n; i++) {
        float value;

        memcpy(&value, row + i * sizeof value, sizeof value);
        put(dst + 2 * i, npy_half(value));
    }
}

static void half_row_f64(const uint8_t *row, size_t n, uint8_t *dst)
{
    for (size_t i = 0; i < n; i++) {
        double value;

        memcpy(&value, row + i * sizeof value, sizeof value);
        put(dst + 2 * i, npy_half_of_double(value));
    }
}

int npy_half_page(const struct image *image, uint8_t *dst, struct error *err)
{
    size_t n = (size_t)image->width * image->channels;

    if (image->type != SAMPLE_F32 && image->type != SAMPLE_F64)
        return error_set(err, ERROR_INTERNAL,
                         "half floats are made of floats, not of type %d",
                         (int)image->type);
    for (uint32_t y = 0; y < image->height; y++, dst += 2 * n) {
        const uint8_t *row = image->data + (size_t)y * image->stride_bytes;

        if (image->type == SAMPLE_F32)
            half_row_f32(row, n, dst);
        else
            half_row_f64(row, n, dst);
    }
    return 0;
}
