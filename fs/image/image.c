// SPDX-License-Identifier: MIT
#include "image/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/checked.h"

bool image_size(uint32_t width, uint32_t height, uint32_t channels,
                enum sample_type type, size_t *ret)
{
    size_t bytes = sample_bytes(type);

    return bytes != 0 && checked_mul_size(bytes, channels, &bytes) &&
           checked_mul_size(bytes, width, &bytes) &&
           checked_mul_size(bytes, height, ret);
}

int image_alloc(uint32_t width, uint32_t height, uint32_t channels,
                enum sample_type type, struct image *ret, struct error *err)
{
    size_t bytes;
    size_t rounded;

    if (width == 0 || height == 0 || (channels != 1 && channels != 3) ||
        type == SAMPLE_F16)
        return error_set(err, ERROR_INTERNAL,
                         "no image of %ux%u, %u channels, type %d", width,
                         height, channels, (int)type);
    if (!image_size(width, height, channels, type, &bytes) ||
        !checked_add_size(bytes, IMAGE_ALIGN - 1, &rounded))
        return error_set(err, ERROR_TOO_BIG,
                         "an image of %ux%u pixels is too big", width, height);
    rounded &= ~(IMAGE_ALIGN - 1);
    *ret = image_view(NULL, width, height, channels, type);
    ret->data = aligned_alloc(IMAGE_ALIGN, rounded);
    if (!ret->data)
        return error_no_memory(err);
    return 0;
}

void image_free(struct image *image)
{
    int saved = errno;

    free(image->data);
    *image = (struct image){0};
    errno = saved;
}

struct image image_view(void *data, uint32_t width, uint32_t height,
                        uint32_t channels, enum sample_type type)
{
    struct image view = {
        .width = width,
        .height = height,
        .channels = channels,
        .type = type,
        .data = data,
    };

    view.stride_bytes = image_row_bytes(&view);
    return view;
}

struct image image_sub(const struct image *image, const struct image_box *box)
{
    struct image part = *image;

    assert(image_box_is_inside(box, image->width, image->height));
    part.width = box->width;
    part.height = box->height;
    part.data = image_row(image, box->y) +
                (size_t)box->x * image->channels * sample_bytes(image->type);
    return part;
}

bool image_same_size(const struct image *a, const struct image *b)
{
    return a->width == b->width && a->height == b->height;
}

bool image_same_type(const struct image *a, const struct image *b)
{
    return a->type == b->type && a->channels == b->channels;
}

bool image_box_is_inside(const struct image_box *box, uint32_t width,
                         uint32_t height)
{
    return box->width > 0 && box->height > 0 && box->x < width &&
           box->y < height && box->width <= width - box->x &&
           box->height <= height - box->y;
}

void image_copy(const struct image *src, const struct image *dst)
{
    size_t row_bytes = image_row_bytes(src);

    assert(image_same_size(src, dst) && image_same_type(src, dst));
    if (src->stride_bytes == row_bytes && dst->stride_bytes == row_bytes) {
        memcpy(dst->data, src->data, row_bytes * src->height);
        return;
    }
    for (uint32_t y = 0; y < src->height; y++)
        memcpy(image_row(dst, y), image_row(src, y), row_bytes);
}
