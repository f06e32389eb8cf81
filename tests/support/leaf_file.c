// SPDX-License-Identifier: MIT
/* leaf_file.c: see leaf_file.h. */
#undef NDEBUG
#include "support/leaf_file.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

/* ---- libtiff over memory ------------------------------------------------ */

struct memory {
    const uint8_t *data;
    size_t size;
    uint64_t at;
};

static tmsize_t memory_read(thandle_t handle, void *to, tmsize_t n)
{
    struct memory *m = handle;
    uint64_t left = m->at < m->size ? m->size - m->at : 0;
    uint64_t take = (uint64_t)n < left ? (uint64_t)n : left;

    memcpy(to, m->data + m->at, (size_t)take);
    m->at += take;
    return (tmsize_t)take;
}

static tmsize_t memory_write(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle;
    (void)from;
    (void)n;
    return 0;
}

static toff_t memory_seek(thandle_t handle, toff_t offset, int whence)
{
    struct memory *m = handle;

    m->at = whence == SEEK_SET   ? offset
            : whence == SEEK_CUR ? m->at + offset
                                 : m->size + offset;
    return m->at;
}

static int memory_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t memory_size(thandle_t handle)
{
    return ((struct memory *)handle)->size;
}

__attribute__((format(printf, 2, 0))) static void
complain(const char *module, const char *format, va_list ap)
{
    char text[256];

    (void)vsnprintf(text, sizeof text, format, ap);
    /* 65000 is private, the three of DNG have other types than libtiff's */
    if (strstr(text, "65000") || strstr(text, "DefaultScale") ||
        strstr(text, "DefaultCrop"))
        return;
    ck_abort_msg("libtiff: %s: %s", module ? module : "", text);
}

/* ---- samples ------------------------------------------------------------ */

static enum sample_type type_of(uint16_t format, uint16_t bits)
{
    if (format == SAMPLEFORMAT_IEEEFP)
        return bits == 64 ? SAMPLE_F64 : SAMPLE_F32;
    if (format == SAMPLEFORMAT_INT)
        return bits == 32 ? SAMPLE_I32 : SAMPLE_I16;
    ck_assert_uint_eq(format, SAMPLEFORMAT_UINT);
    return bits == 8 ? SAMPLE_U8 : bits == 16 ? SAMPLE_U16 : SAMPLE_U32;
}

static double number(const uint8_t *at, enum sample_type type)
{
    union {
        uint8_t u8;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        float f32;
        double f64;
    } v;

    memcpy(&v, at, sample_bytes(type));
    switch (type) {
    case SAMPLE_U8:
        return v.u8;
    case SAMPLE_U16:
        return v.u16;
    case SAMPLE_I16:
        return v.i16;
    case SAMPLE_U32:
        return v.u32;
    case SAMPLE_I32:
        return v.i32;
    case SAMPLE_F32:
        return (double)v.f32;
    case SAMPLE_F64:
        return v.f64;
    case SAMPLE_F16:
        break;
    }
    ck_abort_msg("no such type");
}

static uint16_t get16(TIFF *t, uint32_t tag)
{
    uint16_t value = 0;

    ck_assert_int_eq(TIFFGetFieldDefaulted(t, tag, &value), 1);
    return value;
}

static uint32_t get32(TIFF *t, uint32_t tag)
{
    uint32_t value = 0;

    ck_assert_int_eq(TIFFGetField(t, tag, &value), 1);
    return value;
}

static void read_shape(TIFF *t, struct leaf_file *f)
{
    uint16_t bits = get16(t, TIFFTAG_BITSPERSAMPLE);

    f->width = get32(t, TIFFTAG_IMAGEWIDTH);
    f->height = get32(t, TIFFTAG_IMAGELENGTH);
    f->channels = get16(t, TIFFTAG_SAMPLESPERPIXEL);
    f->type = type_of(get16(t, TIFFTAG_SAMPLEFORMAT), bits);
    f->packing = get16(t, TIFFTAG_COMPRESSION);
    f->is_big = TIFFIsBigTIFF(t);
    ck_assert_uint_eq(sample_bytes(f->type) * 8, bits);
    ck_assert_uint_eq(get16(t, TIFFTAG_PHOTOMETRIC),
                      f->channels == 3 ? PHOTOMETRIC_RGB
                                       : PHOTOMETRIC_MINISBLACK);
    ck_assert_uint_eq(get16(t, TIFFTAG_PLANARCONFIG), PLANARCONFIG_CONTIG);
}

static void read_page(TIFF *t, const struct leaf_file *f, double *to)
{
    size_t bytes =
        (size_t)f->width * f->height * f->channels * sample_bytes(f->type);
    uint8_t *data = malloc(bytes);
    size_t done = 0;

    ck_assert_ptr_nonnull(data);
    for (uint32_t s = 0; s < TIFFNumberOfStrips(t); s++) {
        tmsize_t n =
            TIFFReadEncodedStrip(t, s, data + done, (tmsize_t)(bytes - done));

        ck_assert_int_gt(n, 0);
        done += (size_t)n;
    }
    ck_assert_uint_eq(done, bytes);
    for (size_t i = 0; i < bytes / sample_bytes(f->type); i++)
        to[i] = number(data + i * sample_bytes(f->type), f->type);
    free(data);
}

struct leaf_file leaf_file_open(const uint8_t *data, size_t size)
{
    struct memory m = {data, size, 0};
    struct leaf_file f = {0};
    struct leaf_file page = {0};
    size_t samples;
    TIFF *t;

    (void)TIFFSetErrorHandler(complain);
    (void)TIFFSetWarningHandler(complain);
    t = TIFFClientOpen("leaf", "rm", &m, memory_read, memory_write, memory_seek,
                       memory_close, memory_size, NULL, NULL);
    ck_assert_ptr_nonnull(t);
    read_shape(t, &f);
    samples = (size_t)f.width * f.height * f.channels;
    do {
        read_shape(t, &page);
        ck_assert(page.width == f.width && page.height == f.height &&
                  page.channels == f.channels && page.type == f.type);
        f.samples =
            realloc(f.samples, (f.pages + 1) * samples * sizeof *f.samples);
        ck_assert_ptr_nonnull(f.samples);
        read_page(t, &f, f.samples + f.pages * samples);
        f.pages++;
    } while (TIFFReadDirectory(t));
    TIFFClose(t);
    return f;
}

void leaf_file_free(struct leaf_file *f)
{
    free(f->samples);
    f->samples = NULL;
}

double leaf_file_at(const struct leaf_file *f, uint32_t page, uint32_t x,
                    uint32_t y, uint32_t channel)
{
    ck_assert(page < f->pages && x < f->width && y < f->height &&
              channel < f->channels);
    return f->samples[(((size_t)page * f->height + y) * f->width + x) *
                          f->channels +
                      channel];
}

/* ---- tags --------------------------------------------------------------- */

struct entry {
    uint32_t type, count;
    size_t at; /* of the first value */
};

static uint64_t word(const uint8_t *data, size_t size, size_t at, unsigned n)
{
    uint64_t v = 0;

    ck_assert_uint_le(at + n, size);
    memcpy(&v, data + at, n);
    return v;
}

static size_t type_bytes(uint32_t type)
{
    static const uint8_t bytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                    8, 4, 8, 4, 0, 0, 8, 8, 8};

    ck_assert_uint_lt(type, sizeof bytes);
    return bytes[type];
}

static struct entry find(const uint8_t *data, size_t size, uint32_t page,
                         uint16_t tag)
{
    bool big = word(data, size, 2, 2) == 43;
    unsigned wide = big ? 8 : 4;
    size_t ifd = (size_t)word(data, size, big ? 8 : 4, wide);

    for (;;) {
        uint64_t n = word(data, size, ifd, big ? 8 : 2);
        size_t at = ifd + (big ? 8 : 2);
        size_t each = big ? 20 : 12;

        if (page-- > 0) {
            ifd = (size_t)word(data, size, at + (size_t)n * each, wide);
            ck_assert_uint_ne(ifd, 0);
            continue;
        }
        for (; n-- > 0; at += each) {
            struct entry e = {(uint32_t)word(data, size, at + 2, 2),
                              (uint32_t)word(data, size, at + 4, wide),
                              at + 4 + wide};

            if (word(data, size, at, 2) != tag)
                continue;
            if (e.count * type_bytes(e.type) > wide)
                e.at = (size_t)word(data, size, e.at, wide);
            return e;
        }
        return (struct entry){0, 0, 0};
    }
}

uint32_t leaf_file_tag_type(const uint8_t *data, size_t size, uint32_t page,
                            uint16_t tag, uint32_t *ret_count)
{
    struct entry e = find(data, size, page, tag);

    *ret_count = e.count;
    return e.type;
}

bool leaf_file_tag(const uint8_t *data, size_t size, uint32_t page,
                   uint16_t tag, uint32_t index, double *ret)
{
    struct entry e = find(data, size, page, tag);
    size_t at;
    uint64_t v;
    float f;

    if (index >= e.count)
        return false;
    at = e.at + index * type_bytes(e.type);
    switch (e.type) {
    case 5: /* RATIONAL */
        *ret = (double)word(data, size, at, 4) /
               (double)word(data, size, at + 4, 4);
        return true;
    case 11: /* FLOAT */
        v = word(data, size, at, 4);
        memcpy(&f, &v, sizeof f);
        *ret = (double)f;
        return true;
    default:
        *ret = (double)word(data, size, at, (unsigned)type_bytes(e.type));
        return true;
    }
}
