// SPDX-License-Identifier: MIT
/*
 * pack.h: sixteen small numbers in as many bits as the largest needs.
 *
 * A group is 16 residuals. Its width w is 0..14 or 16 bits, named by a 4-bit
 * code. The bits of a group are two halves of 8 residuals, w bytes each, the
 * first residual in the low bits; above 8 bits, the 16 low bytes come first
 * and the halves hold the rest:
 *
 *     w <= 8    [ r0 r1 .. r7 : w bytes ][ r8 .. r15 : w bytes ]
 *     w >  8    [ 16 low bytes ][ high parts of r0 .. r7 : w-8 bytes ][ ... ]
 *
 * so no residual part ever spans more than two bytes, and eight of them are
 * unpacked by one byte shuffle, one multiply and one shift.
 */
#ifndef PREPFS_CACHE_PACK_H
#define PREPFS_CACHE_PACK_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PACK_GROUP 16

/* Readers of packed bits may touch this many bytes past the end. */
#define PACK_SLACK 48

static inline unsigned pack_width(unsigned code)
{
    return code == 15 ? 16 : code;
}

static inline unsigned pack_code(uint32_t any)
{
    unsigned width = any ? 32 - (unsigned)__builtin_clz(any) : 0;

    return width > 14 ? 15 : width;
}

/* Bytes of bits that follow a code. */
static inline unsigned pack_bytes(unsigned code)
{
    return 2 * pack_width(code);
}

static inline uint64_t pack_load64(const uint8_t *at)
{
    uint64_t x;

    memcpy(&x, at, sizeof x);
    return le64toh(x);
}

static inline void pack_store64(uint8_t *at, uint64_t x)
{
    x = htole64(x);
    memcpy(at, &x, sizeof x);
}

/* Eight numbers below 2^width, width <= 8, to `width` bytes; writes 8. */
static inline void pack_half(const uint16_t *z, unsigned width, uint8_t *at)
{
    uint64_t x = 0;

    for (unsigned k = 0; k < 8; k++)
        x |= (uint64_t)z[k] << (k * width);
    pack_store64(at, x);
}

/* Writes one group and returns the end; touches PACK_SLACK bytes at most. */
static inline uint8_t *pack_group(const uint16_t *z, unsigned code, uint8_t *at)
{
    unsigned width = pack_width(code);
    uint16_t high[PACK_GROUP];

    if (width > 8) {
        for (unsigned k = 0; k < PACK_GROUP; k++) {
            at[k] = (uint8_t)z[k];
            high[k] = z[k] >> 8;
        }
        at += PACK_GROUP;
        width -= 8;
        z = high;
    }
    pack_half(z, width, at);
    pack_half(z + 8, width, at + width);
    return at + 2 * width;
}

static inline void unpack_half(const uint8_t *at, unsigned width, uint16_t *z)
{
    uint64_t x = pack_load64(at);
    unsigned mask = (1u << width) - 1;

    for (unsigned k = 0; k < 8; k++)
        z[k] = (uint16_t)((x >> (k * width)) & mask);
}

static inline const uint8_t *unpack_group(const uint8_t *at, unsigned code,
                                          uint16_t *z)
{
    unsigned width = pack_width(code);
    const uint8_t *low = at;

    if (width <= 8) {
        unpack_half(at, width, z);
        unpack_half(at + width, width, z + 8);
        return at + 2 * width;
    }
    at += PACK_GROUP;
    width -= 8;
    unpack_half(at, width, z);
    unpack_half(at + width, width, z + 8);
    for (unsigned k = 0; k < PACK_GROUP; k++)
        z[k] = (uint16_t)(z[k] << 8 | low[k]);
    return at + 2 * width;
}

#endif
