// SPDX-License-Identifier: MIT
/*
 * filter_ssse3.c: eight residuals at a time.
 *
 * Residual k of a half starts at bit k*w, that is in byte k*w/8 at bit
 * s = k*w mod 8, and ends in the next byte at the latest (w <= 8). So:
 *
 *     shuffle    16-bit lane k := bytes k*w/8 and the next one
 *     multiply   by 2^(16-w-s): what is above the residual falls out
 *     shift      right by 16-w: what is below it falls out
 *
 * Running sums are log-step sums inside a register plus the last lane of the
 * sum before it, broadcast.
 */
#include "filter_ssse3.h"

#include "pack.h"

#if defined(__x86_64__)
#include <tmmintrin.h>

#define SSSE3 __attribute__((target("ssse3")))
#define KERNEL static inline __attribute__((always_inline, target("ssse3")))

#define B(w, k) (k) * (w) / 8, (k) * (w) / 8 + 1
#define BYTES(w)                                                               \
    {                                                                          \
        B(w, 0), B(w, 1), B(w, 2), B(w, 3), B(w, 4), B(w, 5), B(w, 6), B(w, 7) \
    }
#define M(w, k) (uint16_t)(1u << (16 - (w) - (k) * (w) % 8))
#define FACTORS(w)                                                             \
    {                                                                          \
        M(w, 0), M(w, 1), M(w, 2), M(w, 3), M(w, 4), M(w, 5), M(w, 6), M(w, 7) \
    }

/* Indexed by w = 0 .. 8. */
static const uint8_t shuffles[9][16] __attribute__((aligned(16))) = {
    BYTES(0), BYTES(1), BYTES(2), BYTES(3), BYTES(4),
    BYTES(5), BYTES(6), BYTES(7), BYTES(8)};
static const uint16_t factors[9][8] __attribute__((aligned(16))) = {
    FACTORS(0), FACTORS(1), FACTORS(2), FACTORS(3), FACTORS(4),
    FACTORS(5), FACTORS(6), FACTORS(7), FACTORS(8)};

KERNEL __m128i load(const void *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

KERNEL void store(void *at, __m128i x)
{
    _mm_storeu_si128((__m128i *)at, x);
}

KERNEL __m128i half(const uint8_t *at, unsigned w)
{
    __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)at);

    x = _mm_shuffle_epi8(x, load(shuffles[w]));
    x = _mm_mullo_epi16(x, load(factors[w]));
    return _mm_srl_epi16(x, _mm_cvtsi32_si128((int)(16 - w)));
}

/* The group's 16 residuals as 16-bit lanes; returns the end of its bits. */
KERNEL const uint8_t *group(const uint8_t *at, unsigned code, __m128i *z0,
                            __m128i *z1)
{
    unsigned w = pack_width(code);
    __m128i low;

    if (__builtin_expect(w <= 8, 1)) {
        *z0 = half(at, w);
        *z1 = half(at + w, w);
        return at + 2 * w;
    }
    low = load(at);
    at += PACK_GROUP;
    w -= 8;
    *z0 = _mm_unpacklo_epi8(low, _mm_setzero_si128());
    *z1 = _mm_unpackhi_epi8(low, _mm_setzero_si128());
    *z0 = _mm_or_si128(*z0, _mm_slli_epi16(half(at, w), 8));
    *z1 = _mm_or_si128(*z1, _mm_slli_epi16(half(at + w, w), 8));
    return at + 2 * w;
}

/* ---------------------------------------------------------------- u16 */

KERNEL __m128i unfold16(__m128i z)
{
    __m128i sign =
        _mm_sub_epi16(_mm_setzero_si128(), _mm_and_si128(z, _mm_set1_epi16(1)));

    return _mm_xor_si128(_mm_srli_epi16(z, 1), sign);
}

KERNEL __m128i sum16(__m128i x, __m128i *carry)
{
    x = _mm_add_epi16(x, _mm_slli_si128(x, 2));
    x = _mm_add_epi16(x, _mm_slli_si128(x, 4));
    x = _mm_add_epi16(x, _mm_slli_si128(x, 8));
    x = _mm_add_epi16(x, *carry);
    *carry = _mm_shuffle_epi8(x, _mm_set1_epi16(0x0f0e));
    return x;
}

KERNEL __m128i restore16(__m128i z, enum predictor predictor, __m128i *carry,
                         const uint8_t *up)
{
    if (predictor == PREDICT_NONE)
        return z;
    z = unfold16(z);
    if (predictor != PREDICT_UP)
        z = sum16(z, carry);
    if (predictor != PREDICT_LEFT)
        z = _mm_add_epi16(z, load(up));
    return z;
}

/* Where unpacking has come to. The sum is broadcast in all lanes. */
struct stream {
    const uint8_t *codes;
    const uint8_t *bits;
    __m128i sum;
};

KERNEL bool reads_up(enum predictor predictor)
{
    return predictor == PREDICT_UP || predictor == PREDICT_GRAD;
}

KERNEL void step_u16(struct stream *in, enum predictor predictor,
                     const uint8_t *up, uint8_t *at)
{
    __m128i z0, z1;

    in->bits = group(in->bits, *in->codes++, &z0, &z1);
    store(at, restore16(z0, predictor, &in->sum, up));
    store(at + 16, restore16(z1, predictor, &in->sum, up + 16));
}

/* ----------------------------------------------------------------- u8 */

KERNEL void step_u8(struct stream *in, enum predictor predictor,
                    const uint8_t *up, uint8_t *at)
{
    __m128i z, z1, sign;

    in->bits = group(in->bits, *in->codes++, &z, &z1);
    z = _mm_packus_epi16(_mm_and_si128(z, _mm_set1_epi16(0xff)),
                         _mm_and_si128(z1, _mm_set1_epi16(0xff)));
    if (predictor != PREDICT_NONE) {
        sign = _mm_sub_epi8(_mm_setzero_si128(),
                            _mm_and_si128(z, _mm_set1_epi8(1)));
        z = _mm_and_si128(_mm_srli_epi16(z, 1), _mm_set1_epi8(0x7f));
        z = _mm_xor_si128(z, sign);
    }
    if (predictor == PREDICT_LEFT || predictor == PREDICT_GRAD) {
        z = _mm_add_epi8(z, _mm_slli_si128(z, 1));
        z = _mm_add_epi8(z, _mm_slli_si128(z, 2));
        z = _mm_add_epi8(z, _mm_slli_si128(z, 4));
        z = _mm_add_epi8(z, _mm_slli_si128(z, 8));
        z = _mm_add_epi8(z, in->sum);
        in->sum = _mm_shuffle_epi8(z, _mm_set1_epi8(15));
    }
    if (reads_up(predictor))
        z = _mm_add_epi8(z, load(up));
    store(at, z);
}

/* ---------------------------------------------------------------- u32 */

KERNEL __m128i restore32(__m128i z, enum predictor predictor, __m128i *sum,
                         const uint8_t *up)
{
    __m128i sign;

    if (predictor == PREDICT_NONE)
        return z;
    sign =
        _mm_sub_epi32(_mm_setzero_si128(), _mm_and_si128(z, _mm_set1_epi32(1)));
    z = _mm_xor_si128(_mm_srli_epi32(z, 1), sign);
    if (predictor != PREDICT_UP) {
        z = _mm_add_epi32(z, _mm_slli_si128(z, 4));
        z = _mm_add_epi32(z, _mm_slli_si128(z, 8));
        z = _mm_add_epi32(z, *sum);
        *sum = _mm_shuffle_epi32(z, 0xff);
    }
    if (predictor != PREDICT_LEFT)
        z = _mm_add_epi32(z, load(up));
    return z;
}

KERNEL void step_u32(struct stream *in, enum predictor predictor,
                     const uint8_t *up, uint8_t *at)
{
    __m128i low0, low1, high0, high1;
    __m128i *sum = &in->sum;

    in->bits = group(in->bits, *in->codes++, &low0, &low1);
    in->bits = group(in->bits, *in->codes++, &high0, &high1);
    store(at, restore32(_mm_unpacklo_epi16(low0, high0), predictor, sum, up));
    store(at + 16,
          restore32(_mm_unpackhi_epi16(low0, high0), predictor, sum, up + 16));
    store(at + 32,
          restore32(_mm_unpacklo_epi16(low1, high1), predictor, sum, up + 32));
    store(at + 48,
          restore32(_mm_unpackhi_epi16(low1, high1), predictor, sum, up + 48));
}

/* -------------------------------------------------------------- planes */

KERNEL void step(unsigned bytes, struct stream *in, enum predictor predictor,
                 const uint8_t *up, uint8_t *at)
{
    if (bytes == 1)
        step_u8(in, predictor, up, at);
    else if (bytes == 2)
        step_u16(in, predictor, up, at);
    else
        step_u32(in, predictor, up, at);
}

/* The sum that stands before sample i: the sample to the left, less (for
 * GRAD) the one above it; before the first sample all is 0. */
KERNEL __m128i sum_before(unsigned bytes, const uint8_t *dst, size_t i,
                          size_t row, enum predictor predictor)
{
    uint32_t left = 0, above = 0;

    if (i == 0 || predictor == PREDICT_NONE || predictor == PREDICT_UP)
        return _mm_setzero_si128();
    memcpy(&left, dst + (i - 1) * bytes, bytes);
    if (predictor == PREDICT_GRAD && i > row)
        memcpy(&above, dst + (i - 1 - row) * bytes, bytes);
    left -= above;
    if (bytes == 1)
        return _mm_set1_epi8((char)left);
    if (bytes == 2)
        return _mm_set1_epi16((short)left);
    return _mm_set1_epi32((int)left);
}

/* The samples [from, to); only the last group of a plane may be short. */
KERNEL void range(const struct plane *plane, unsigned bytes, struct stream *in,
                  size_t from, size_t to, enum predictor predictor,
                  uint8_t *dst)
{
    size_t back = reads_up(predictor) ? plane->row * bytes : 0;
    uint8_t up[PACK_GROUP * 4], out[PACK_GROUP * 4];
    size_t i = from;

    in->sum = sum_before(bytes, dst, from, plane->row, predictor);
    for (; i + PACK_GROUP <= to; i += PACK_GROUP)
        step(bytes, in, predictor, dst + i * bytes - back, dst + i * bytes);
    if (i == to)
        return;
    memset(up, 0, sizeof up);
    if (back > 0)
        memcpy(up, dst + i * bytes - back, (to - i) * bytes);
    step(bytes, in, predictor, up, out);
    memcpy(dst + i * bytes, out, (to - i) * bytes);
}

KERNEL const uint8_t *unpack(const struct plane *plane, unsigned bytes,
                             size_t split, const uint8_t *codes,
                             const uint8_t *bits, uint8_t *dst)
{
    struct stream in = {codes, bits, _mm_setzero_si128()};
    size_t count = plane->count;

    if (plane->predictor == PREDICT_NONE)
        range(plane, bytes, &in, 0, split, PREDICT_NONE, dst);
    else
        range(plane, bytes, &in, 0, split, PREDICT_LEFT, dst);
    if (plane->predictor == PREDICT_UP)
        range(plane, bytes, &in, split, count, PREDICT_UP, dst);
    else if (plane->predictor == PREDICT_GRAD)
        range(plane, bytes, &in, split, count, PREDICT_GRAD, dst);
    return in.bits;
}

SSSE3 const uint8_t *ssse3_unpack_u8(const struct plane *plane, size_t split,
                                     const uint8_t *codes, const uint8_t *bits,
                                     uint8_t *dst)
{
    return unpack(plane, 1, split, codes, bits, dst);
}

SSSE3 const uint8_t *ssse3_unpack_u16(const struct plane *plane, size_t split,
                                      const uint8_t *codes, const uint8_t *bits,
                                      uint8_t *dst)
{
    return unpack(plane, 2, split, codes, bits, dst);
}

SSSE3 const uint8_t *ssse3_unpack_u32(const struct plane *plane, size_t split,
                                      const uint8_t *codes, const uint8_t *bits,
                                      uint8_t *dst)
{
    return unpack(plane, 4, split, codes, bits, dst);
}
#endif
