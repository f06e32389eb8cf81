// SPDX-License-Identifier: MIT
/*
 * filter.c: prediction and packing; the scalar definition and the dispatch.
 *
 * The packing side is written as plain loops over one group that compilers
 * turn into vectors; it is compiled once for the base machine and once for
 * AVX2. Running sums do not vectorise that way, so unpacking has a written-out
 * twin in filter_ssse3.h.
 */
#include "filter.h"

#include "pack.h"

#if defined(__x86_64__)
#include "filter_ssse3.h"
#endif

#define INLINE static inline __attribute__((always_inline))

#define KERNEL_TYPE uint8_t
#define KERNEL_SIGNED int8_t
#define KERNEL_BITS 8
#define KERNEL(name) u8_##name
#include "filter_kernel.h"

#define KERNEL_TYPE uint16_t
#define KERNEL_SIGNED int16_t
#define KERNEL_BITS 16
#define KERNEL(name) u16_##name
#include "filter_kernel.h"

#define KERNEL_TYPE uint32_t
#define KERNEL_SIGNED int32_t
#define KERNEL_BITS 32
#define KERNEL(name) u32_##name
#include "filter_kernel.h"

INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Samples predicted by LEFT before UP and GRAD can begin. */
INLINE size_t first_row(const struct plane *plane)
{
    size_t rounded = (plane->row + PACK_GROUP - 1) / PACK_GROUP * PACK_GROUP;

    if (plane->predictor == PREDICT_NONE || plane->predictor == PREDICT_LEFT)
        return plane->count;
    return least(rounded, plane->count);
}

size_t filter_codes(const struct plane *plane)
{
    size_t groups = (plane->count + PACK_GROUP - 1) / PACK_GROUP;

    return plane->bytes == 4 ? 2 * groups : groups;
}

bool filter_accepts(const struct plane *plane)
{
    bool two_rows =
        plane->predictor == PREDICT_UP || plane->predictor == PREDICT_GRAD;

    if (plane->bytes != 1 && plane->bytes != 2 && plane->bytes != 4)
        return false;
    if ((unsigned)plane->predictor >= PREDICTORS)
        return false;
    return !two_rows || plane->row >= PACK_GROUP;
}

/* ------------------------------------------------------------- packing */

/* One group's residuals as 16-bit halves; true if there is a high half. */
INLINE bool residuals(const struct plane *plane, const uint8_t *src, size_t i,
                      size_t n, enum predictor predictor, uint16_t *low,
                      uint16_t *high)
{
    uint8_t z8[PACK_GROUP] = {0};
    uint32_t z32[PACK_GROUP] = {0};

    if (plane->bytes == 2) {
        if (n < PACK_GROUP)
            memset(low, 0, PACK_GROUP * sizeof *low);
        u16_residuals(src, i, n, plane->row, predictor, low);
        return false;
    }
    if (plane->bytes == 1) {
        u8_residuals(src, i, n, plane->row, predictor, z8);
        for (unsigned k = 0; k < PACK_GROUP; k++)
            low[k] = z8[k];
        return false;
    }
    u32_residuals(src, i, n, plane->row, predictor, z32);
    for (unsigned k = 0; k < PACK_GROUP; k++) {
        low[k] = (uint16_t)z32[k];
        high[k] = (uint16_t)(z32[k] >> 16);
    }
    return true;
}

INLINE unsigned code_of(const uint16_t *z)
{
    uint16_t any = 0;

    for (unsigned k = 0; k < PACK_GROUP; k++)
        any |= z[k];
    return pack_code(any);
}

struct packing {
    uint8_t *codes;
    uint8_t *bits;
};

INLINE void pack_samples(const struct plane *plane, const uint8_t *src,
                         size_t i, size_t n, enum predictor predictor,
                         struct packing *out)
{
    uint16_t low[PACK_GROUP], high[PACK_GROUP];
    bool has_high = residuals(plane, src, i, n, predictor, low, high);
    unsigned code = code_of(low);

    *out->codes++ = (uint8_t)code;
    out->bits = pack_group(low, code, out->bits);
    if (!has_high)
        return;
    code = code_of(high);
    *out->codes++ = (uint8_t)code;
    out->bits = pack_group(high, code, out->bits);
}

/* The samples [from, to) by one predictor; `from` is a multiple of 16. */
INLINE void pack_range(const struct plane *plane, const uint8_t *src,
                       size_t from, size_t to, enum predictor predictor,
                       struct packing *out)
{
    size_t i = from;

    for (; i + PACK_GROUP <= to; i += PACK_GROUP)
        pack_samples(plane, src, i, PACK_GROUP, predictor, out);
    if (i < to)
        pack_samples(plane, src, i, to - i, predictor, out);
}

/* A copy of the plane with constant `bytes`, so that each case is compiled
 * for itself. */
INLINE uint8_t *pack_plane_of(const struct plane *any, unsigned bytes,
                              const uint8_t *src, uint8_t *codes, uint8_t *bits)
{
    struct plane plane = {any->count, any->row, bytes, any->predictor};
    struct packing out = {codes, bits};
    size_t split = first_row(&plane);

    switch (plane.predictor) {
    case PREDICT_NONE:
        pack_range(&plane, src, 0, split, PREDICT_NONE, &out);
        break;
    case PREDICT_UP:
        pack_range(&plane, src, 0, split, PREDICT_LEFT, &out);
        pack_range(&plane, src, split, plane.count, PREDICT_UP, &out);
        break;
    case PREDICT_GRAD:
        pack_range(&plane, src, 0, split, PREDICT_LEFT, &out);
        pack_range(&plane, src, split, plane.count, PREDICT_GRAD, &out);
        break;
    case PREDICT_LEFT:
    case PREDICTORS:
    default:
        pack_range(&plane, src, 0, split, PREDICT_LEFT, &out);
        break;
    }
    return out.bits;
}

INLINE uint8_t *pack_plane(const struct plane *plane, const uint8_t *src,
                           uint8_t *codes, uint8_t *bits)
{
    if (plane->bytes == 1)
        return pack_plane_of(plane, 1, src, codes, bits);
    if (plane->bytes == 2)
        return pack_plane_of(plane, 2, src, codes, bits);
    return pack_plane_of(plane, 4, src, codes, bits);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint8_t *
pack_plane_avx2(const struct plane *plane, const uint8_t *src, uint8_t *codes,
                uint8_t *bits)
{
    return pack_plane(plane, src, codes, bits);
}
#endif

static uint8_t *pack_plane_base(const struct plane *plane, const uint8_t *src,
                                uint8_t *codes, uint8_t *bits)
{
    return pack_plane(plane, src, codes, bits);
}

uint8_t *filter_pack(const struct plane *plane, const uint8_t *src,
                     uint8_t *codes, uint8_t *bits)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return pack_plane_avx2(plane, src, codes, bits);
#endif
    return pack_plane_base(plane, src, codes, bits);
}

/* ------------------------------------------------------------ choosing */

#define SAMPLE_GROUPS 256

/* What `predictor` would take for every step-th group, in bits. */
static size_t sampled_cost(const struct plane *plane, const uint8_t *src,
                           enum predictor predictor, size_t from, size_t step)
{
    uint16_t low[PACK_GROUP], high[PACK_GROUP];
    size_t cost = 0;

    for (size_t i = from; i + PACK_GROUP <= plane->count; i += step) {
        if (residuals(plane, src, i, PACK_GROUP, predictor, low, high))
            cost += pack_bytes(code_of(high));
        cost += pack_bytes(code_of(low));
    }
    return cost;
}

enum predictor filter_choose(const struct plane *plane, const uint8_t *src)
{
    bool rows = plane->row >= PACK_GROUP && plane->row * 2 <= plane->count;
    size_t from =
        rows ? (plane->row + PACK_GROUP) / PACK_GROUP * PACK_GROUP : PACK_GROUP;
    size_t groups = plane->count / PACK_GROUP;
    /* Odd, so that the groups do not all lie in one column. */
    size_t step = (groups / SAMPLE_GROUPS | 1) * PACK_GROUP;
    enum predictor best = PREDICT_NONE;
    size_t lowest = SIZE_MAX;

    for (int p = PREDICT_NONE; p <= (rows ? PREDICT_GRAD : PREDICT_LEFT); p++) {
        size_t cost = sampled_cost(plane, src, (enum predictor)p, from, step);

        if (cost < lowest) {
            lowest = cost;
            best = (enum predictor)p;
        }
    }
    return best;
}

/* ----------------------------------------------------------- unpacking */

struct unpacking {
    const uint8_t *codes;
    const uint8_t *bits;
};

static void unpack_u8(const struct plane *plane, struct unpacking *in,
                      size_t from, size_t to, enum predictor predictor,
                      uint8_t *dst)
{
    uint8_t carry = u8_carry(dst, from, plane->row, predictor);
    uint16_t low[PACK_GROUP];
    uint8_t z[PACK_GROUP];

    for (size_t i = from; i < to; i += PACK_GROUP) {
        in->bits = unpack_group(in->bits, *in->codes++, low);
        for (unsigned k = 0; k < PACK_GROUP; k++)
            z[k] = (uint8_t)low[k];
        u8_restore(z, i, least(to - i, PACK_GROUP), plane->row, predictor,
                   &carry, dst);
    }
}

static void unpack_u16(const struct plane *plane, struct unpacking *in,
                       size_t from, size_t to, enum predictor predictor,
                       uint8_t *dst)
{
    uint16_t carry = u16_carry(dst, from, plane->row, predictor);
    uint16_t z[PACK_GROUP];

    for (size_t i = from; i < to; i += PACK_GROUP) {
        in->bits = unpack_group(in->bits, *in->codes++, z);
        u16_restore(z, i, least(to - i, PACK_GROUP), plane->row, predictor,
                    &carry, dst);
    }
}

static void unpack_u32(const struct plane *plane, struct unpacking *in,
                       size_t from, size_t to, enum predictor predictor,
                       uint8_t *dst)
{
    uint32_t carry = u32_carry(dst, from, plane->row, predictor);
    uint16_t low[PACK_GROUP], high[PACK_GROUP];
    uint32_t z[PACK_GROUP];

    for (size_t i = from; i < to; i += PACK_GROUP) {
        in->bits = unpack_group(in->bits, *in->codes++, low);
        in->bits = unpack_group(in->bits, *in->codes++, high);
        for (unsigned k = 0; k < PACK_GROUP; k++)
            z[k] = (uint32_t)high[k] << 16 | low[k];
        u32_restore(z, i, least(to - i, PACK_GROUP), plane->row, predictor,
                    &carry, dst);
    }
}

static void unpack_range(const struct plane *plane, struct unpacking *in,
                         size_t from, size_t to, enum predictor predictor,
                         uint8_t *dst)
{
    if (plane->bytes == 1)
        unpack_u8(plane, in, from, to, predictor, dst);
    else if (plane->bytes == 2)
        unpack_u16(plane, in, from, to, predictor, dst);
    else
        unpack_u32(plane, in, from, to, predictor, dst);
}

const uint8_t *filter_unpack_scalar(const struct plane *plane,
                                    const uint8_t *codes, const uint8_t *bits,
                                    uint8_t *dst)
{
    struct unpacking in = {codes, bits};
    size_t split = first_row(plane);
    bool none = plane->predictor == PREDICT_NONE;

    unpack_range(plane, &in, 0, split, none ? PREDICT_NONE : PREDICT_LEFT, dst);
    unpack_range(plane, &in, split, plane->count, plane->predictor, dst);
    return in.bits;
}

#if defined(__x86_64__)
static const uint8_t *unpack_fast(const struct plane *plane,
                                  const uint8_t *codes, const uint8_t *bits,
                                  uint8_t *dst)
{
    size_t split = first_row(plane);

    switch (plane->bytes) {
    case 1:
        return ssse3_unpack_u8(plane, split, codes, bits, dst);
    case 2:
        return ssse3_unpack_u16(plane, split, codes, bits, dst);
    default:
        return ssse3_unpack_u32(plane, split, codes, bits, dst);
    }
}
#endif

const uint8_t *filter_unpack(const struct plane *plane, const uint8_t *codes,
                             const uint8_t *bits, uint8_t *dst)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("ssse3"))
        return unpack_fast(plane, codes, bits, dst);
#endif
    return filter_unpack_scalar(plane, codes, bits, dst);
}
