// SPDX-License-Identifier: MIT
/* native.c: see native.h. */
#include "decode/native.h"

#include <endian.h>
#include <string.h>

#include "decode/colour.h"
#include "decode/samples.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

bool native_is_422(const struct decode_desc *desc)
{
    return desc->photometric == DECODE_YBR_FULL_422 && desc->samples == 3;
}

bool native_swaps_words(const struct decode_desc *desc)
{
    return desc->codec == DECODE_NATIVE_BE && desc->bits_alloc < 16;
}

bool native_frame_bits(const struct decode_desc *desc, uint64_t *ret)
{
    uint64_t samples = native_is_422(desc) ? 2 : desc->samples;

    return checked_mul_u64(desc->rows, desc->cols, ret) &&
           checked_mul_u64(*ret, samples, ret) &&
           checked_mul_u64(*ret, desc->bits_alloc, ret);
}

void native_to_rgb(const struct decode_desc *desc, const struct image *out,
                   unsigned bits)
{
    if (desc->photometric == DECODE_YBR_RCT)
        colour_to_rgb(out, COLOUR_YBR_RCT, bits);
    else if (desc->samples == 3 && desc->photometric != DECODE_RGB)
        colour_to_rgb(out, COLOUR_YBR_ICT, bits);
}

static uint8_t *row_of(const struct image *out, uint32_t y)
{
    return out->data + y * out->stride_bytes;
}

static struct samples_format format_of(const struct decode_desc *desc)
{
    struct samples_format f = {
        .word_bytes = desc->bits_alloc / 8,
        .big_endian = desc->codec == DECODE_NATIVE_BE,
        .word_step = desc->bits_alloc / 8,
        .out_step = 1,
        .shift = desc->high_bit + 1 - desc->bits_stored,
        .bits = desc->bits_stored,
        .is_signed = desc->is_signed && desc->samples == 1,
    };

    return f;
}

static void store_interleaved(const struct decode_desc *desc,
                              const struct samples_format *f,
                              const uint8_t *bytes, const struct image *out)
{
    size_t count = (size_t)desc->cols * desc->samples;

    for (uint32_t y = 0; y < desc->rows; y++)
        samples_store(f, bytes + y * count * f->word_bytes, count, out->type,
                      row_of(out, y));
}

static void store_planar(const struct decode_desc *desc,
                         struct samples_format f, const uint8_t *bytes,
                         const struct image *out)
{
    size_t row = (size_t)desc->cols * f.word_bytes;

    f.out_step = desc->samples;
    for (uint32_t c = 0; c < desc->samples; c++) {
        const uint8_t *plane = bytes + c * row * desc->rows;

        for (uint32_t y = 0; y < desc->rows; y++)
            samples_store(&f, plane + y * row, desc->cols, out->type,
                          row_of(out, y) + c * sample_bytes(out->type));
    }
}

/* Each group Y1 Y2 Cb Cr gives two pixels that share Cb and Cr. */
static void store_422(const struct decode_desc *desc, struct samples_format f,
                      const uint8_t *bytes, const struct image *out)
{
    static const struct {
        unsigned word, sample;
    } moves[6] = {{0, 0}, {2, 1}, {3, 2}, {1, 3}, {2, 4}, {3, 5}};
    size_t row = (size_t)desc->cols * 2 * f.word_bytes;
    size_t sample = sample_bytes(out->type);

    f.word_step = (size_t)4 * f.word_bytes;
    f.out_step = 6;
    for (uint32_t y = 0; y < desc->rows; y++)
        for (int i = 0; i < 6; i++)
            samples_store(
                &f, bytes + y * row + (size_t)moves[i].word * f.word_bytes,
                desc->cols / 2, out->type,
                row_of(out, y) + moves[i].sample * sample);
}

/* PS3.5 8.1.1, Annex D: the first pixel is the least significant bit. */
static void store_bits(const struct decode_desc *desc, const uint8_t *bytes,
                       unsigned first_bit, const struct image *out)
{
    uint64_t bit = first_bit;

    for (uint32_t y = 0; y < desc->rows; y++) {
        uint8_t *row = row_of(out, y);

        for (uint32_t x = 0; x < desc->cols; x++, bit++) {
            unsigned value = (unsigned)bytes[bit / 8] >> (bit % 8) & 1;

            if (out->type == SAMPLE_U8)
                row[x] = (uint8_t)value;
            else
                ((int16_t *)(void *)row)[x] = (int16_t)value;
        }
    }
}

/* 12 bits packed (retired): sample k takes bits 12k .. 12k+11, LSB first. */
static void store_packed12(const struct decode_desc *desc, const uint8_t *bytes,
                           unsigned first_bit, const struct image *out)
{
    struct samples_format f = format_of(desc);
    uint64_t bit = first_bit;

    f.word_bytes = 2;
    f.word_step = 2;
    f.big_endian = false;
    for (uint32_t y = 0; y < desc->rows; y++) {
        uint16_t *row = (uint16_t *)(void *)row_of(out, y);

        for (uint32_t x = 0; x < desc->cols; x++, bit += 12) {
            const uint8_t *p = bytes + bit / 8;
            unsigned word = (unsigned)(p[0] | p[1] << 8) >> (bit % 8);
            uint8_t le[2] = {(uint8_t)word, (uint8_t)(word >> 8 & 0xf)};

            samples_store(&f, le, 1, out->type, (uint8_t *)(row + x));
        }
    }
}

static void store_float(const struct decode_desc *desc, const uint8_t *bytes,
                        const struct image *out)
{
    size_t sample = sample_bytes(out->type);
    size_t row = desc->cols * sample;
    bool swap =
        (desc->codec == DECODE_NATIVE_BE) != (__BYTE_ORDER == __BIG_ENDIAN);

    for (uint32_t y = 0; y < desc->rows; y++) {
        uint8_t *to = row_of(out, y);

        memcpy(to, bytes + y * row, row);
        for (size_t i = 0; swap && i < row; i += sample)
            for (size_t k = 0; k < sample / 2; k++) {
                uint8_t byte = to[i + k];

                to[i + k] = to[i + sample - 1 - k];
                to[i + sample - 1 - k] = byte;
            }
    }
}

/* Everything but floats. Bits below 8 of `first_bit` matter only to packed
 * data; the caller has moved `bytes` to the byte. */
static void store_all(const struct decode_desc *desc, const uint8_t *bytes,
                      unsigned first_bit, const struct image *out)
{
    struct samples_format f;

    if (desc->bits_alloc == 1) {
        store_bits(desc, bytes, first_bit, out);
        return;
    }
    if (desc->bits_alloc == 12) {
        store_packed12(desc, bytes, first_bit, out);
        return;
    }
    f = format_of(desc);
    if (native_is_422(desc) && desc->codec != DECODE_RLE)
        store_422(desc, f, bytes, out);
    else if (desc->planar && desc->samples > 1 && desc->codec != DECODE_RLE)
        store_planar(desc, f, bytes, out);
    else
        store_interleaved(desc, &f, bytes, out);
    native_to_rgb(desc, out, f.bits);
}

void native_store(const struct decode_desc *desc, const uint8_t *bytes,
                  const struct image *out)
{
    store_all(desc, bytes, 0, out);
}

static uint8_t *swapped_words(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i + 1 < length; i += 2) {
        copy[i] = bytes[i + 1];
        copy[i + 1] = bytes[i];
    }
    return copy;
}

int native_decode(const struct decode_desc *desc, const uint8_t *bytes,
                  size_t length, unsigned first_bit, const struct image *out,
                  struct error *err)
{
    CLEANUP_FREE uint8_t *words = NULL;
    uint64_t bits, need, unit = native_swaps_words(desc) ? 16 : 8;

    if (first_bit % (desc->bits_alloc == 12 ? 4 : desc->bits_alloc < 8 ? 1 : 8))
        return error_set(err, ERROR_INTERNAL, "samples start at bit %u",
                         first_bit);
    if (!native_frame_bits(desc, &bits) ||
        !checked_add_u64(bits, first_bit, &bits) ||
        !checked_add_u64(bits, unit - 1, &need))
        return error_set(err, ERROR_CORRUPT, "the frame's size overflows");
    need = need / unit * (unit / 8);
    if (length < need)
        return error_set(err, ERROR_CORRUPT,
                         "the frame needs %llu bytes and has %zu",
                         (unsigned long long)need, length);
    if (desc->element != DECODE_INTEGER) {
        store_float(desc, bytes, out);
        return 0;
    }
    if (unit == 16) {
        words = swapped_words(bytes, (size_t)need);
        if (!words)
            return error_no_memory(err);
        bytes = words;
    }
    store_all(desc, bytes + first_bit / 8, first_bit % 8, out);
    return 0;
}
