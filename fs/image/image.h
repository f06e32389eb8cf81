// SPDX-License-Identifier: MIT
/*
 * image.h: allocating, borrowing and copying a struct image.
 *
 * Every operator in this folder is a pure function from images to an image
 * that the caller has made with the right size and type; each header says how
 * to find that size before there are pixels. Sources and results may have any
 * stride and never overlap. `data` and stride_bytes are multiples of the
 * sample's size: a borrowed image must not begin in the middle of a sample.
 *
 * Threads: reentrant; nothing here keeps state.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/* The alignment of the first row of an image made here. */
#define IMAGE_ALIGN ((size_t)64)

/* Bytes of one row without its padding. At most 2^32 * 3 * 8: no overflow. */
static inline size_t image_row_bytes(const struct image *image)
{
    return (size_t)image->width * image->channels * sample_bytes(image->type);
}

static inline uint8_t *image_row(const struct image *image, uint32_t y)
{
    return image->data + (size_t)y * image->stride_bytes;
}

/* Bytes of an image with tight rows; false on overflow or a bad type. */
bool image_size(uint32_t width, uint32_t height, uint32_t channels,
                enum sample_type type, size_t *ret);

/*
 * Makes an image with tight rows (stride = row bytes), the first aligned to
 * IMAGE_ALIGN; the samples are unspecified. Caller owns it. ERROR_TOO_BIG if
 * its size cannot be computed, ERROR_NO_MEMORY, ERROR_INTERNAL for zero
 * sides, channels other than 1 and 3, or SAMPLE_F16.
 */
int image_alloc(uint32_t width, uint32_t height, uint32_t channels,
                enum sample_type type, struct image *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Releases an owned image and leaves it empty. A zeroed struct is fine, so
 * `CLEANUP(image_free) struct image x = {0};` works. */
void image_free(struct image *image);

/* An image with tight rows over memory of the caller: borrowed. */
struct image image_view(void *data, uint32_t width, uint32_t height,
                        uint32_t channels, enum sample_type type);

/* The part `box` (which lies inside) of an image: borrowed from it. */
struct image image_sub(const struct image *image, const struct image_box *box);

bool image_same_size(const struct image *a, const struct image *b);
bool image_same_type(const struct image *a, const struct image *b);

/* Does the box lie inside width x height and hold at least one pixel? */
bool image_box_is_inside(const struct image_box *box, uint32_t width,
                         uint32_t height);

/* Copies the samples; both have the same size, channels and type. */
void image_copy(const struct image *src, const struct image *dst);

#endif
