// SPDX-License-Identifier: MIT
/* decode_check.c: see decode_check.h. */
#undef NDEBUG
#include "support/decode_check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 24 /* bytes between the rows */

struct decode_desc check_desc(const struct picture *p, enum decode_codec codec)
{
    struct decode_desc d = {
        .codec = codec,
        .photometric = p->channels == 3 ? DECODE_RGB : DECODE_MONOCHROME2,
        .element = DECODE_INTEGER,
        .rows = p->height,
        .cols = p->width,
        .samples = p->channels,
        .bits_alloc = p->bits <= 8    ? 8
                      : p->bits <= 16 ? 16
                                      : 32,
        .bits_stored = p->bits,
        .high_bit = p->bits - 1,
    };

    return d;
}

static size_t row_bytes(const struct image *image)
{
    return (size_t)image->width * image->channels * sample_bytes(image->type);
}

struct image check_image_new(const struct decode_desc *desc, uint8_t fill)
{
    struct image image = {.width = desc->cols, .height = desc->rows};
    struct error err = ERROR_INIT;

    if (decode_output(desc, &image.channels, &image.type, &err)) {
        (void)fprintf(stderr, "decode_output: %s\n", err.msg);
        abort();
    }
    image.stride_bytes = (row_bytes(&image) + 7) / 8 * 8 + MARGIN;
    image.data = malloc(image.stride_bytes * image.height);
    assert(image.data);
    memset(image.data, fill, image.stride_bytes * image.height);
    return image;
}

void check_image_free(struct image *image, uint8_t fill)
{
    for (uint32_t y = 0; y < image->height; y++)
        for (size_t i = row_bytes(image); i < image->stride_bytes; i++)
            assert(image->data[y * image->stride_bytes + i] == fill);
    free(image->data);
    image->data = NULL;
}

int64_t check_sample(const struct image *image, uint32_t x, uint32_t y,
                     unsigned channel)
{
    const void *row = image->data + y * image->stride_bytes;
    size_t i = (size_t)x * image->channels + channel;

    switch (image->type) {
    case SAMPLE_U8:
        return ((const uint8_t *)row)[i];
    case SAMPLE_U16:
        return ((const uint16_t *)row)[i];
    case SAMPLE_I16:
        return ((const int16_t *)row)[i];
    case SAMPLE_U32:
        return ((const uint32_t *)row)[i];
    case SAMPLE_I32:
        return ((const int32_t *)row)[i];
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        break;
    }
    abort();
}

struct image check_decode(const struct decode_desc *desc,
                          const struct codestream *c)
{
    struct image image = check_image_new(desc, 0xa5);
    struct error err = ERROR_INIT;

    if (decode_frame(desc, c->data, c->size, 0, &image, &err)) {
        (void)fprintf(stderr, "decode_frame: %s\n", err.msg);
        abort();
    }
    return image;
}

/* The bytes are copied to memory of exactly their size, so that a sanitizer
 * sees a read behind them. */
static struct image decode_copy(const struct decode_desc *desc,
                                const void *bytes, size_t size, uint8_t fill,
                                struct error *err)
{
    struct image image = check_image_new(desc, fill);
    uint8_t *copy = malloc(size ? size : 1);

    assert(copy);
    if (size)
        memcpy(copy, bytes, size);
    if (decode_frame(desc, copy, size, 0, &image, err))
        assert(err->kind != ERROR_NONE && err->msg[0]);
    else
        assert(err->kind == ERROR_NONE);
    free(copy);
    return image;
}

/* Twice over different backgrounds: what is made is made entirely. */
enum error_kind check_decode_kind(const struct decode_desc *desc,
                                  const void *bytes, size_t size,
                                  char *ret_text)
{
    struct error first = ERROR_INIT, second = ERROR_INIT;
    struct image a = decode_copy(desc, bytes, size, 0xa5, &first);
    struct image b = decode_copy(desc, bytes, size, 0x5a, &second);

    assert(first.kind == second.kind);
    for (uint32_t y = 0; y < a.height && first.kind == ERROR_NONE; y++)
        assert(!memcmp(a.data + y * a.stride_bytes, b.data + y * b.stride_bytes,
                       row_bytes(&a)));
    check_image_free(&a, 0xa5);
    check_image_free(&b, 0x5a);
    if (ret_text)
        (void)snprintf(ret_text, ERROR_MSG_MAX, "%s", first.msg);
    return first.kind;
}

int64_t check_difference(const struct image *image, const struct picture *p,
                         bool is_signed)
{
    int64_t worst = 0;
    int64_t half = (int64_t)1 << (p->bits - 1);

    for (uint32_t y = 0; y < p->height; y++)
        for (uint32_t x = 0; x < p->width; x++)
            for (unsigned c = 0; c < p->channels; c++) {
                size_t i = ((size_t)y * p->width + x) * p->channels + c;
                int64_t want = p->samples[i];
                int64_t difference;

                if (is_signed && want >= half)
                    want -= 2 * half;
                difference = llabs(check_sample(image, x, y, c) - want);
                if (difference > worst)
                    worst = difference;
            }
    return worst;
}

void check_truncations(const struct decode_desc *desc,
                       const struct codestream *c, size_t tail)
{
    size_t whole = c->size - tail;

    for (size_t i = 0; i < 32; i++) {
        size_t size = i < 16 ? whole * i / 16 : whole - (i - 15);
        char text[ERROR_MSG_MAX];
        enum error_kind kind = check_decode_kind(desc, c->data, size, text);

        if (kind != ERROR_CORRUPT) {
            (void)fprintf(stderr, "%zu of %zu bytes: kind %d, %s\n", size,
                          c->size, (int)kind, text);
            abort();
        }
    }
}

void check_bit_flips(const struct decode_desc *desc, const struct codestream *c,
                     unsigned runs)
{
    uint32_t state = 0x2545f491u;
    uint8_t *copy = malloc(c->size);

    assert(copy);
    for (unsigned run = 0; run < runs; run++) {
        memcpy(copy, c->data, c->size);
        for (unsigned i = 0; i <= run % 3; i++) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            /* Half of the hits go to the headers. */
            copy[state % (run & 1 ? c->size : c->size / 8 + 1)] ^=
                (uint8_t)(1u << (state >> 29));
        }
        (void)check_decode_kind(desc, copy, c->size, NULL);
    }
    free(copy);
}
