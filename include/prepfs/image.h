// SPDX-License-Identifier: MIT
/*
 * image.h: the pixel currency of prepfs.
 *
 * A decoded frame, and every step between it and the bytes of a leaf, is a
 * `struct image`: rows of interleaved samples of one type. It is plain data;
 * fs/image/ has the functions. Values in memory are in host byte order.
 */
#ifndef PREPFS_IMAGE_H
#define PREPFS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sample_type {
    SAMPLE_U8,
    SAMPLE_U16,
    SAMPLE_I16,
    SAMPLE_U32,
    SAMPLE_I32,
    SAMPLE_F32,
    SAMPLE_F64,
    SAMPLE_F16 /* npy leaves only; never the type of a struct image */
};

/* Bytes of one sample. */
static inline size_t sample_bytes(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8:
        return 1;
    case SAMPLE_U16:
    case SAMPLE_I16:
    case SAMPLE_F16:
        return 2;
    case SAMPLE_U32:
    case SAMPLE_I32:
    case SAMPLE_F32:
        return 4;
    case SAMPLE_F64:
        return 8;
    }
    return 0;
}

/*
 * width x height pixels of `channels` (1 or 3) samples. Row y starts at
 * data + y * stride_bytes; stride_bytes >= width * channels * sample size.
 * Whoever holds the struct says who owns `data`: image_alloc gives an owned
 * image (release with image_free), image_view borrows.
 */
struct image {
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    enum sample_type type;
    size_t stride_bytes;
    uint8_t *data;
};

/* left, top, width, height in pixels. */
struct image_box {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

#ifdef __cplusplus
}
#endif

#endif
