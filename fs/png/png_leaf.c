// SPDX-License-Identifier: MIT
/*
 * The only includer of libpng's png.h, and the only place with setjmp.
 *
 * libpng leaves by longjmp when something fails. What it may leap over is one
 * function, write_guarded, that owns nothing and changes no variable of its
 * own; everything to be released belongs to the function that calls it.
 */
#include "png/png_leaf.h"

#include <assert.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "prepfs/checked.h"

#define LEVEL 3
#define IDAT_BYTES 65536
#define SIDE_MAX 0x7fffffffu /* PNG 7.1 */

/* Signature, IHDR, pHYs, tEXt, IEND and the last IDAT's frame. */
#define FIXED_BYTES (8 + 25 + 21 + 12 + 9 + PNG_LEAF_SOFTWARE_MAX + 12 + 12)

bool png_leaf_is_possible(uint32_t channels, enum sample_type type)
{
    return (channels == 1 || channels == 3) &&
           (type == SAMPLE_U8 || type == SAMPLE_U16);
}

/* Bytes before packing: every row has its filter in front. */
static bool raw_bytes(uint32_t width, uint32_t height, uint32_t channels,
                      enum sample_type type, uint64_t *ret)
{
    uint64_t row = (uint64_t)width * channels * sample_bytes(type) + 1;

    return checked_mul_u64(row, height, ret);
}

uint64_t png_leaf_bound(uint32_t width, uint32_t height, uint32_t channels,
                        enum sample_type type)
{
    uint64_t raw;
    uint64_t bound;

    if (!png_leaf_is_possible(channels, type) ||
        !raw_bytes(width, height, channels, type, &raw))
        return 0;
    /* deflateBound for any window; then the frames of the IDAT chunks */
    if (!checked_add_u64(raw, raw / 8 + raw / 64 + 64, &bound) ||
        !checked_add_u64(bound, bound / IDAT_BYTES * 12, &bound) ||
        !checked_add_u64(bound, FIXED_BYTES, &bound))
        return 0;
    return bound;
}

/* ---- libpng's way out --------------------------------------------------- */

struct sink {
    uint8_t *data;
    size_t length;
    size_t capacity;
    bool no_memory;
    char message[ERROR_MSG_MAX / 2];
};

static bool sink_reserve(struct sink *sink, size_t extra)
{
    size_t need;
    uint8_t *data;

    if (!checked_add_size(sink->length, extra, &need))
        return false;
    if (need <= sink->capacity)
        return true;
    if (sink->capacity <= SIZE_MAX / 2 && need < 2 * sink->capacity)
        need = 2 * sink->capacity;
    data = realloc(sink->data, need);
    if (!data)
        return false;
    sink->data = data;
    sink->capacity = need;
    return true;
}

static void on_write(png_structp png, png_bytep bytes, size_t count)
{
    struct sink *sink = png_get_io_ptr(png);

    if (!sink_reserve(sink, count)) {
        sink->no_memory = true;
        png_error(png, "out of memory");
    }
    memcpy(sink->data + sink->length, bytes, count);
    sink->length += count;
}

static void on_flush(png_structp png)
{
    (void)png;
}

__attribute__((noreturn)) static void on_error(png_structp png,
                                               png_const_charp message)
{
    struct sink *sink = png_get_error_ptr(png);

    (void)snprintf(sink->message, sizeof sink->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static png_voidp on_malloc(png_structp png, png_alloc_size_t size)
{
    struct sink *sink = png_get_mem_ptr(png);
    void *memory = malloc(size);

    if (!memory)
        sink->no_memory = true;
    return memory;
}

static void on_free(png_structp png, png_voidp memory)
{
    (void)png;
    free(memory);
}

/* ---- writing ------------------------------------------------------------ */

static uint32_t per_metre(double px_per_cm)
{
    double value = px_per_cm * 100;

    if (!(value >= 0.5) || value > SIDE_MAX)
        return 0;
    return (uint32_t)lround(value);
}

static void put_about(png_structp png, png_infop info,
                      const struct png_leaf_about *about)
{
    static char key[] = "Software";
    char value[PNG_LEAF_SOFTWARE_MAX + 1] = "";
    png_text text = {
        .compression = PNG_TEXT_COMPRESSION_NONE, .key = key, .text = value};
    uint32_t x = per_metre(about->px_per_cm_x);
    uint32_t y = per_metre(about->px_per_cm_y);

    if (x > 0 && y > 0)
        png_set_pHYs(png, info, x, y, PNG_RESOLUTION_METER);
    if (!about->software || !about->software[0])
        return;
    (void)snprintf(value, sizeof value, "%s", about->software);
    png_set_text(png, info, &text, 1);
}

static void set_packing(png_structp png)
{
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_set_compression_level(png, LEVEL);
    png_set_compression_strategy(png, Z_FILTERED);
    png_set_compression_mem_level(png, 8);
    png_set_compression_buffer_size(png, IDAT_BYTES);
}

static void write_image(png_structp png, png_infop info,
                        const struct image *image,
                        const struct png_leaf_about *about)
{
    int depth = (int)(8 * sample_bytes(image->type));

    png_set_user_limits(png, SIDE_MAX, SIDE_MAX); /* a million by default */
    png_set_IHDR(png, info, image->width, image->height, depth,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB
                                      : PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    put_about(png, info, about);
    set_packing(png);
    png_write_info(png, info);
    if (depth == 16 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        png_set_swap(png); /* PNG 7.1: most significant byte first */
    for (uint32_t y = 0; y < image->height; y++)
        png_write_row(png, image->data + (size_t)y * image->stride_bytes);
    png_write_end(png, info);
}

static bool write_guarded(png_structp png, png_infop info,
                          const struct image *image,
                          const struct png_leaf_about *about)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return false;
    write_image(png, info, image, about);
    return true;
}

static bool pack(struct sink *sink, const struct image *image,
                 const struct png_leaf_about *about)
{
    png_structp png =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, sink, on_error,
                                  on_warning, sink, on_malloc, on_free);
    png_infop info;
    bool ok = false;

    if (!png)
        return false;
    info = png_create_info_struct(png);
    if (info) {
        png_set_write_fn(png, sink, on_write, on_flush);
        ok = write_guarded(png, info, image, about);
    }
    png_destroy_write_struct(&png, &info);
    return ok;
}

static int check_image(const struct image *image, struct error *err)
{
    uint64_t bound = png_leaf_bound(image->width, image->height,
                                    image->channels, image->type);

    if (image->width == 0 || image->height == 0)
        return error_set(err, ERROR_INTERNAL, "empty PNG: %ux%u", image->width,
                         image->height);
    if (!png_leaf_is_possible(image->channels, image->type))
        return error_set(err, ERROR_UNSUPPORTED,
                         "a PNG has 8 or 16 bits, grey or RGB; add u8 or u16");
    if (image->width > SIDE_MAX || image->height > SIDE_MAX)
        return error_set(err, ERROR_UNSUPPORTED,
                         "a PNG has sides of %u pixels at most, not %ux%u",
                         SIDE_MAX, image->width, image->height);
    if (bound == 0 || bound > SIZE_MAX)
        return error_set(err, ERROR_TOO_BIG, "PNG of %ux%u pixels",
                         image->width, image->height);
    return 0;
}

int png_leaf_pack(const struct image *image, const struct png_leaf_about *about,
                  uint8_t **ret_bytes, size_t *ret_length, struct error *err)
{
    struct sink sink = {.data = NULL};
    uint8_t *shrunk;

    if (check_image(image, err) != 0)
        return -1;
    if (!pack(&sink, image, about)) {
        free(sink.data);
        if (sink.no_memory)
            return error_no_memory(err);
        return error_set(err, ERROR_INTERNAL, "libpng: %s",
                         sink.message[0] ? sink.message : "cannot start");
    }
    shrunk = realloc(sink.data, sink.length);
    *ret_bytes = shrunk ? shrunk : sink.data;
    *ret_length = sink.length;
    return 0;
}

void png_leaf_engine(char *ret, size_t size)
{
    (void)snprintf(ret, size, "libpng-%s zlib-%s", png_get_libpng_ver(NULL),
                   zlibVersion());
}
