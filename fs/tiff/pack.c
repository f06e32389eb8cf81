// SPDX-License-Identifier: MIT
/*
 * Packed strips, encoded by libtiff: the only includer of tiffio.h.
 *
 * libtiff gets one file per strip, in memory. What it writes behind its
 * 8-byte header is the strip and goes straight to the caller's buffer; the
 * directory that TIFFClose adds afterwards is dropped. Messages come through
 * the handle's own handlers (libtiff's global ones print to stderr and are
 * shared by the process).
 */
#include "tiff/tiff.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#define FILE_HEADER_BYTES 8 /* of a classic TIFF */
#define DEFLATE_LEVEL 6
#define ZSTD_LEVEL 3

/* ---- buffer ------------------------------------------------------------- */

void tiff_buffer_deinit(struct tiff_buffer *buffer)
{
    if (!buffer)
        return;
    free(buffer->data);
    *buffer = (struct tiff_buffer){NULL, 0, 0};
}

/* Room for `extra` more bytes; false when out of memory. */
static bool buffer_reserve(struct tiff_buffer *buffer, size_t extra)
{
    size_t need;
    size_t capacity = buffer->capacity;
    uint8_t *data;

    if (!checked_add_size(buffer->length, extra, &need))
        return false;
    if (need <= capacity)
        return true;
    if (capacity <= SIZE_MAX / 2 && need < 2 * capacity)
        need = 2 * capacity;
    data = realloc(buffer->data, need);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = need;
    return true;
}

static bool buffer_append(struct tiff_buffer *buffer, const void *bytes,
                          size_t count)
{
    if (!buffer_reserve(buffer, count))
        return false;
    memcpy(buffer->data + buffer->length, bytes, count);
    buffer->length += count;
    return true;
}

/* ---- what can be packed, and to how much at most ------------------------ */

static uint16_t codec_of(enum tiff_pack pack)
{
    switch (pack) {
    case TIFF_PACK_NONE:
        return COMPRESSION_NONE;
    case TIFF_PACK_PACKBITS:
        return COMPRESSION_PACKBITS;
    case TIFF_PACK_LZW:
        return COMPRESSION_LZW;
    case TIFF_PACK_DEFLATE:
        return COMPRESSION_ADOBE_DEFLATE;
    case TIFF_PACK_ZSTD:
        return COMPRESSION_ZSTD;
    }
    return 0;
}

bool tiff_pack_is_available(enum tiff_pack pack)
{
    return TIFFIsCODECConfigured(codec_of(pack)) != 0;
}

const char *tiff_pack_name(enum tiff_pack pack)
{
    switch (pack) {
    case TIFF_PACK_NONE:
        return "no compression";
    case TIFF_PACK_PACKBITS:
        return "PackBits";
    case TIFF_PACK_LZW:
        return "LZW";
    case TIFF_PACK_DEFLATE:
        return "Deflate";
    case TIFF_PACK_ZSTD:
        return "Zstandard";
    }
    return "that compression";
}

/*
 * What one of `unit` input bytes can cost in overhead, and a constant:
 * PackBits   a literal's header in 5 bytes, anew in every row: libtiff puts a
 *            pair into the literal before it only if another literal
 *            follows, so "abbcc" repeated costs 6 bytes each time
 * LZW        12 bits per byte at most; a Clear each time the table is full
 *            (some 3800 codes) and, in libtiff, at its 10,000-byte checkpoints
 * Deflate    stored blocks: 5 bytes in at least 5000; zlib head and tail
 * Zstd       a 3-byte header per block; frame head and checksum
 */
uint64_t tiff_pack_bound(enum tiff_pack pack, uint64_t row_bytes, uint32_t rows)
{
    uint64_t bytes;
    uint64_t extra = 0;
    uint64_t bound;

    if (!checked_mul_u64(row_bytes, rows, &bytes))
        return 0;
    switch (pack) {
    case TIFF_PACK_NONE:
        break;
    case TIFF_PACK_PACKBITS:
        if (!checked_mul_u64(row_bytes / 5 + 1, rows, &extra))
            return 0;
        break;
    case TIFF_PACK_LZW:
        extra = bytes / 2 + bytes / 1000 + 16;
        break;
    case TIFF_PACK_DEFLATE:
        extra = bytes / 512 + 64;
        break;
    case TIFF_PACK_ZSTD:
        extra = bytes / 256 + 128;
        break;
    }
    return checked_add_u64(bytes, extra, &bound) ? bound : 0;
}

/* libtiff does not tell which libzstd it packs with; that one does, if it is
 * in the process. */
static const char *zstd_version(void)
{
    union {
        void *data;
        const char *(*call)(void);
    } symbol = {dlsym(RTLD_DEFAULT, "ZSTD_versionString")};

    return symbol.data ? symbol.call() : "none";
}

void tiff_engine(char *ret, size_t size)
{
    static const char before[] = "Version ";
    const char *text = TIFFGetVersion(); /* "LIBTIFF, Version 4.5.0\n..." */
    const char *version = strstr(text, before);

    version = version ? version + sizeof before - 1 : text;
    (void)snprintf(ret, size, "libtiff-%.*s+zstd-%s",
                   (int)strcspn(version, "\r\n"), version, zstd_version());
}

/* ---- libtiff's file ----------------------------------------------------- */

struct sink {
    struct tiff_buffer *buffer;
    size_t start;    /* buffer->length before the strip */
    uint64_t offset; /* libtiff's position in its file */
    bool is_complete;
    struct error *err;
};

static uint64_t sink_size(thandle_t handle)
{
    struct sink *sink = handle;

    return FILE_HEADER_BYTES + (sink->buffer->length - sink->start);
}

static tmsize_t sink_read(thandle_t handle, void *data, tmsize_t size)
{
    (void)handle;
    (void)data;
    (void)size;
    return -1; /* nothing is ever read back */
}

/* The encoder appends; the header, at 0, is dropped. */
static tmsize_t sink_write(thandle_t handle, void *data, tmsize_t size)
{
    struct sink *sink = handle;

    if (!sink->is_complete && sink->offset >= FILE_HEADER_BYTES) {
        if (sink->offset != sink_size(handle))
            return -1;
        if (!buffer_append(sink->buffer, data, (size_t)size)) {
            (void)error_no_memory(sink->err);
            return -1;
        }
    }
    sink->offset += (uint64_t)size;
    return size;
}

static toff_t sink_seek(thandle_t handle, toff_t offset, int whence)
{
    struct sink *sink = handle;

    if (whence == SEEK_SET)
        sink->offset = offset;
    else if (whence == SEEK_CUR)
        sink->offset += offset;
    else
        sink->offset = sink_size(handle) + offset;
    return sink->offset;
}

static int sink_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

/* The first error is the cause; what follows are its consequences. */
__attribute__((format(printf, 4, 0))) static int
on_error(TIFF *tif, void *opaque, const char *module, const char *format,
         va_list ap)
{
    struct sink *sink = opaque;
    char text[ERROR_MSG_MAX / 2];

    (void)tif;
    if (!sink->err || sink->err->kind != ERROR_NONE)
        return 1;
    (void)vsnprintf(text, sizeof text, format, ap);
    (void)error_set(sink->err, ERROR_INTERNAL, "libtiff: %s: %s",
                    module ? module : "pack", text);
    return 1; /* handled: no global handler */
}

__attribute__((format(printf, 4, 0))) static int
on_warning(TIFF *tif, void *opaque, const char *module, const char *format,
           va_list ap)
{
    (void)tif;
    (void)opaque;
    (void)module;
    (void)format;
    (void)ap;
    return 1;
}

static TIFF *sink_open(struct sink *sink)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    TIFF *tif;

    if (!options)
        return NULL;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, sink);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, sink);
    tif =
        TIFFClientOpenExt("strip", "wl", sink, sink_read, sink_write, sink_seek,
                          sink_close, sink_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tif;
}

/* ---- packing ------------------------------------------------------------ */

static size_t image_row_bytes(const struct image *image)
{
    return (size_t)image->width * image->channels * sample_bytes(image->type);
}

static bool host_is_big_endian(void)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

static bool set_tags(TIFF *tif, enum tiff_pack pack, const struct image *image,
                     uint32_t rows)
{
    uint16_t bits = (uint16_t)(8 * sample_bytes(image->type));
    bool ok =
        TIFFSetField(tif, TIFFTAG_IMAGEWIDTH, image->width) &&
        TIFFSetField(tif, TIFFTAG_IMAGELENGTH, rows) &&
        TIFFSetField(tif, TIFFTAG_ROWSPERSTRIP, rows) &&
        TIFFSetField(tif, TIFFTAG_BITSPERSAMPLE, bits) &&
        TIFFSetField(tif, TIFFTAG_SAMPLESPERPIXEL, (uint16_t)image->channels) &&
        TIFFSetField(tif, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
        TIFFSetField(tif, TIFFTAG_PHOTOMETRIC,
                     image->channels == 3 ? PHOTOMETRIC_RGB
                                          : PHOTOMETRIC_MINISBLACK) &&
        TIFFSetField(tif, TIFFTAG_COMPRESSION, codec_of(pack));

    if (ok && pack == TIFF_PACK_DEFLATE)
        ok = TIFFSetField(tif, TIFFTAG_ZIPQUALITY, DEFLATE_LEVEL);
    if (ok && pack == TIFF_PACK_ZSTD)
        ok = TIFFSetField(tif, TIFFTAG_ZSTD_LEVEL, ZSTD_LEVEL);
    return ok;
}

/* Encodes `samples`, which libtiff may swap in place on a big-endian host. */
static bool encode(struct sink *sink, enum tiff_pack pack,
                   const struct image *image, uint32_t rows, uint8_t *samples)
{
    tmsize_t bytes = (tmsize_t)(image_row_bytes(image) * rows);
    TIFF *tif = sink_open(sink);
    bool ok;

    if (!tif)
        return false;
    ok = set_tags(tif, pack, image, rows) &&
         TIFFWriteEncodedStrip(tif, 0, samples, bytes) == bytes &&
         TIFFGetStrileByteCount(tif, 0) == sink->buffer->length - sink->start;
    sink->is_complete = true;
    TIFFClose(tif);
    return ok;
}

static void copy_rows(const struct image *image, uint32_t first_row,
                      uint32_t rows, uint8_t *dst)
{
    size_t row_bytes = image_row_bytes(image);

    for (uint32_t y = 0; y < rows; y++)
        memcpy(dst + y * row_bytes,
               image->data + (first_row + y) * image->stride_bytes, row_bytes);
}

static void swap_samples(uint8_t *data, size_t bytes, size_t sample)
{
    for (size_t at = 0; at < bytes; at += sample) {
        for (size_t i = 0; i < sample / 2; i++) {
            uint8_t low = data[at + i];

            data[at + i] = data[at + sample - 1 - i];
            data[at + sample - 1 - i] = low;
        }
    }
}

static int append_unpacked(const struct image *image, uint32_t first_row,
                           uint32_t rows, struct tiff_buffer *buffer,
                           struct error *err)
{
    size_t bytes = image_row_bytes(image) * rows;
    uint8_t *dst;

    if (!buffer_reserve(buffer, bytes))
        return error_no_memory(err);
    dst = buffer->data + buffer->length;
    copy_rows(image, first_row, rows, dst);
    if (host_is_big_endian())
        swap_samples(dst, bytes, sample_bytes(image->type));
    buffer->length += bytes;
    return 0;
}

int tiff_pack_strip(enum tiff_pack pack, const struct image *image,
                    uint32_t first_row, uint32_t rows,
                    struct tiff_buffer *buffer, struct error *err)
{
    struct error cause = ERROR_INIT;
    struct sink sink = {buffer, buffer->length, 0, false, &cause};
    size_t row_bytes = image_row_bytes(image);
    uint8_t *samples = image->data + first_row * image->stride_bytes;
    CLEANUP_FREE uint8_t *copy = NULL;
    size_t bytes;

    assert(rows > 0 && rows <= image->height);
    assert(first_row <= image->height - rows);
    if (!checked_mul_size(row_bytes, rows, &bytes) || bytes > INT64_MAX)
        return error_set(err, ERROR_TOO_BIG, "strip of %u rows of %zu bytes",
                         rows, row_bytes);
    if (pack == TIFF_PACK_NONE)
        return append_unpacked(image, first_row, rows, buffer, err);
    if (!tiff_pack_is_available(pack))
        return error_set(err, ERROR_UNSUPPORTED, "libtiff was built without %s",
                         tiff_pack_name(pack));
    if (image->stride_bytes != row_bytes || host_is_big_endian()) {
        copy = malloc(bytes);
        if (!copy)
            return error_no_memory(err);
        copy_rows(image, first_row, rows, copy);
        samples = copy;
    }
    if (encode(&sink, pack, image, rows, samples))
        return 0;
    buffer->length = sink.start;
    if (cause.kind == ERROR_NONE)
        return error_set(err, ERROR_INTERNAL, "libtiff packed no strip");
    if (err)
        *err = cause;
    return -1;
}
