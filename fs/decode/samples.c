// SPDX-License-Identifier: MIT
/* samples.c: see samples.h. One inline kernel, instantiated per pair of word
 * width and output type, with a contiguous copy of each that vectorises. */
#include "decode/samples.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint32_t load(const uint8_t *p, unsigned bytes, bool be)
{
    uint16_t w16;
    uint32_t w32;

    if (bytes == 1)
        return *p;
    if (bytes == 2) {
        memcpy(&w16, p, 2);
        return be ? be16toh(w16) : le16toh(w16);
    }
    memcpy(&w32, p, 4);
    return be ? be32toh(w32) : le32toh(w32);
}

/* Conversion to a narrower type keeps the low bits, which is what is wanted:
 * samples_fit has said that nothing is lost. */
static ALWAYS_INLINE void store(uint8_t *out, size_t i, enum sample_type type,
                                uint32_t value)
{
    if (type == SAMPLE_U8)
        out[i] = (uint8_t)value;
    else if (type == SAMPLE_U16 || type == SAMPLE_I16)
        ((uint16_t *)(void *)out)[i] = (uint16_t)value;
    else
        ((uint32_t *)(void *)out)[i] = value;
}

static ALWAYS_INLINE void run(const struct samples_format *f,
                              const uint8_t *words, size_t count,
                              enum sample_type type, uint8_t *out,
                              unsigned word_bytes, bool be, size_t word_step,
                              size_t out_step)
{
    const unsigned shift = f->shift;
    const uint32_t mask = f->bits < 32 ? (1u << f->bits) - 1 : UINT32_MAX;
    const uint32_t sign = f->is_signed ? 1u << (f->bits - 1) : 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t w = load(words + i * word_step, word_bytes, be);
        uint32_t v = (w >> shift) & mask;

        store(out, i * out_step, type, (v ^ sign) - sign);
    }
}

static ALWAYS_INLINE void run_steps(const struct samples_format *f,
                                    const uint8_t *words, size_t count,
                                    enum sample_type type, uint8_t *out,
                                    unsigned word_bytes, bool be)
{
    if (f->word_step == word_bytes && f->out_step == 1)
        run(f, words, count, type, out, word_bytes, be, word_bytes, 1);
    else
        run(f, words, count, type, out, word_bytes, be, f->word_step,
            f->out_step);
}

static ALWAYS_INLINE void run_words(const struct samples_format *f,
                                    const uint8_t *words, size_t count,
                                    enum sample_type type, uint8_t *out)
{
    if (f->word_bytes == 1)
        run_steps(f, words, count, type, out, 1, false);
    else if (f->word_bytes == 2 && !f->big_endian)
        run_steps(f, words, count, type, out, 2, false);
    else if (f->word_bytes == 2)
        run_steps(f, words, count, type, out, 2, true);
    else if (!f->big_endian)
        run_steps(f, words, count, type, out, 4, false);
    else
        run_steps(f, words, count, type, out, 4, true);
}

void samples_store(const struct samples_format *format, const uint8_t *words,
                   size_t count, enum sample_type type, uint8_t *out)
{
    assert(format->bits >= 1 && format->bits <= 32 && format->shift < 32);
    switch (type) {
    case SAMPLE_U8:
        run_words(format, words, count, SAMPLE_U8, out);
        break;
    case SAMPLE_U16:
    case SAMPLE_I16: /* the same bits */
        run_words(format, words, count, SAMPLE_U16, out);
        break;
    case SAMPLE_U32:
    case SAMPLE_I32:
        run_words(format, words, count, SAMPLE_U32, out);
        break;
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        abort(); /* not an integer type: a bug of the caller */
    }
}

bool samples_fit(enum sample_type type, unsigned bits, bool is_signed)
{
    switch (type) {
    case SAMPLE_U8:
        return bits <= 8 && !is_signed;
    case SAMPLE_U16:
        return bits <= 16 && !is_signed;
    case SAMPLE_I16:
        return bits <= (is_signed ? 16 : 15);
    case SAMPLE_U32:
        return bits <= 32 && !is_signed;
    case SAMPLE_I32:
        return bits <= (is_signed ? 32 : 31);
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        break;
    }
    return false;
}
