// SPDX-License-Identifier: MIT
#include "support/png_read.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#define SIGNATURE_BYTES 8
#define FRAME_BYTES 12 /* of a chunk: length, name, checksum */

/* ---- chunks ------------------------------------------------------------- */

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void add_chunk(struct png_read *read, const uint8_t *name)
{
    size_t n = strlen(read->chunks);

    if (memcmp(name, "IDAT", 4) == 0 && read->n_idat++ > 0)
        return;
    (void)snprintf(read->chunks + n, sizeof read->chunks - n, "%s%.4s",
                   n ? " " : "", (const char *)name);
}

static int walk(const uint8_t *bytes, size_t length, struct png_read *read,
                struct error *err)
{
    size_t at = SIGNATURE_BYTES;

    if (length < at || memcmp(bytes, "\x89PNG\r\n\x1a\n", at) != 0)
        return error_set(err, ERROR_CORRUPT, "no signature");
    while (at < length) {
        uint32_t n;

        if (length - at < FRAME_BYTES)
            return error_set(err, ERROR_CORRUPT, "%zu bytes left", length - at);
        n = word(bytes + at);
        if (n > length - at - FRAME_BYTES)
            return error_set(err, ERROR_CORRUPT, "chunk of %u bytes", n);
        if (crc32(0, bytes + at + 4, n + 4) != word(bytes + at + 8 + n))
            return error_set(err, ERROR_CORRUPT, "checksum at %zu", at);
        add_chunk(read, bytes + at + 4);
        at += n + FRAME_BYTES;
    }
    return 0;
}

/* ---- samples ------------------------------------------------------------ */

struct source {
    const uint8_t *bytes;
    size_t length;
    size_t at;
    struct error *err;
};

static void on_read(png_structp png, png_bytep dst, size_t n)
{
    struct source *source = png_get_io_ptr(png);

    if (n > source->length - source->at)
        png_error(png, "ends too early");
    memcpy(dst, source->bytes + source->at, n);
    source->at += n;
}

__attribute__((noreturn)) static void complain(png_structp png,
                                               png_const_charp message)
{
    struct source *source = png_get_error_ptr(png);

    (void)error_set(source->err, ERROR_CORRUPT, "libpng: %s", message);
    png_longjmp(png, 1);
}

static void take_about(png_structp png, png_infop info, struct png_read *read)
{
    png_textp text;
    int unit;
    int n = png_get_text(png, info, &text, NULL);
    png_uint_32 x;
    png_uint_32 y;

    if (png_get_pHYs(png, info, &x, &y, &unit) &&
        unit == PNG_RESOLUTION_METER) {
        read->per_metre_x = x;
        read->per_metre_y = y;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(text[i].key, "Software") == 0)
            (void)snprintf(read->software, sizeof read->software, "%s",
                           text[i].text);
    }
}

static void take_image(png_structp png, png_infop info, struct png_read *read)
{
    struct image *image = &read->image;

    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_read_info(png, info);
    image->width = png_get_image_width(png, info);
    image->height = png_get_image_height(png, info);
    image->channels = png_get_channels(png, info);
    image->type = png_get_bit_depth(png, info) == 16 ? SAMPLE_U16 : SAMPLE_U8;
    image->stride_bytes = png_get_rowbytes(png, info);
    image->data = malloc(image->height * image->stride_bytes);
    if (!image->data)
        png_error(png, "out of memory");
    if (image->type == SAMPLE_U16)
        png_set_swap(png);
    for (uint32_t y = 0; y < image->height; y++)
        png_read_row(png, image->data + y * image->stride_bytes, NULL);
    png_read_end(png, info);
    take_about(png, info, read);
}

static int guarded(png_structp png, png_infop info, struct png_read *read)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return -1;
    take_image(png, info, read);
    return 0;
}

int png_read(const uint8_t *bytes, size_t length, struct png_read *ret,
             struct error *err)
{
    struct source source = {bytes, length, 0, err};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source,
                                             complain, complain);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = -1;

    memset(ret, 0, sizeof *ret);
    if (info && walk(bytes, length, ret, err) == 0) {
        png_set_read_fn(png, &source, on_read);
        rc = guarded(png, info, ret);
    }
    png_destroy_read_struct(&png, &info, NULL);
    if (rc == 0 && source.at != length)
        rc = error_set(err, ERROR_CORRUPT, "%zu bytes behind the end",
                       length - source.at);
    return rc;
}

void png_read_deinit(struct png_read *read)
{
    free(read->image.data);
    memset(read, 0, sizeof *read);
}
