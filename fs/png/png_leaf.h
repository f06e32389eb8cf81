// SPDX-License-Identifier: MIT
/*
 * png_leaf.h: one page -> the bytes of a .png leaf.
 *
 * 8 or 16 bits, grey or RGB, as the samples are. A PNG holds one page, so a
 * leaf of several has none; its size is known when it is packed.
 *
 * The same samples give the same bytes: level, strategy and filter are fixed,
 * there is no chunk with a time. Every row is filtered "up" (PNG 9.2), not by
 * libpng's choice per row, whose heuristic is free to change: the bytes
 * depend on zlib alone. Measured on a windowed CT of 512x512, "up" with
 * level 3 takes 0.41 of the bytes of 16-bit samples in 9 ms, where libpng's
 * own choice takes 0.44 in 13 ms and level 6 0.41 in 32 ms; of 8-bit samples
 * 0.26 in 4 ms against 0.26 in 5 ms and 0.24 in 11 ms.
 *
 * Chunks: IHDR, pHYs if the spacing is known, tEXt Software if given, IDAT of
 * 64 KiB, IEND.
 *
 * Threads: reentrant; libpng's own memory and errors stay within a call.
 */
#ifndef PNG_PNG_LEAF_H
#define PNG_PNG_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longer texts are cut. */
#define PNG_LEAF_SOFTWARE_MAX 79

/* What stands beside the samples. Zero-initialised there is nothing. */
struct png_leaf_about {
    /* Pixels per centimetre along a row (x) and a column (y), as in a TIFF.
     * Unless both are known, positive and finite there is no pHYs; it counts
     * whole pixels per metre. */
    double px_per_cm_x;
    double px_per_cm_y;
    const char *software; /* 7-bit ASCII; NULL or "": none */
};

/* Does a PNG hold such samples? SAMPLE_U8 and SAMPLE_U16, 1 or 3 channels. */
bool png_leaf_is_possible(uint32_t channels, enum sample_type type);

/* No image of that shape is packed to more bytes. 0 on overflow, or if it is
 * not possible. */
uint64_t png_leaf_bound(uint32_t width, uint32_t height, uint32_t channels,
                        enum sample_type type);

/*
 * Packs `image` (any stride; not changed). 0 with *ret_bytes of *ret_length
 * bytes, which the caller owns (free). ERROR_UNSUPPORTED, with the reason, if
 * a PNG cannot hold it (type, sides of more than 2^31 - 1), ERROR_TOO_BIG,
 * ERROR_NO_MEMORY, ERROR_INTERNAL with libpng's words.
 * Memory: the result and about 400 KiB, whatever the size of the image.
 */
int png_leaf_pack(const struct image *image, const struct png_leaf_about *about,
                  uint8_t **ret_bytes, size_t *ret_length, struct error *err)
    __attribute__((warn_unused_result));

/* Writes the names and versions of the running libpng and zlib, such as
 * "libpng-1.6.39 zlib-1.2.13", for the engine key; cut if `size` is too
 * small. */
void png_leaf_engine(char *ret, size_t size);

#ifdef __cplusplus
}
#endif

#endif
