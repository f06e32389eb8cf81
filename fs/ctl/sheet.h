// SPDX-License-Identifier: MIT
/*
 * sheet.h: pictures side by side, each with a caption, as one image.
 *
 *     +-------------------------------+
 *     | +---------+     +---------+   |  margin, tile, gap, tile, margin
 *     | |         |     |         |   |
 *     | +---------+     +---------+   |
 *     |  caption          caption     |
 *
 * Threads: one at a time.
 */
#ifndef CTL_SHEET_H
#define CTL_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

struct sheet {
    uint32_t columns, rows, tile;
    struct image image; /* 8-bit RGB; owned */
};

/* Makes an empty sheet. ERROR_TOO_BIG, ERROR_NO_MEMORY. Release with
 * sheet_deinit, also after a failure. */
int sheet_init(struct sheet *s, uint32_t columns, uint32_t rows, uint32_t tile,
               struct error *err) __attribute__((warn_unused_result));
void sheet_deinit(struct sheet *s);

/*
 * Puts a picture into cell `n`, counted in reading order, in the middle of its
 * tile. A larger one is made smaller by a whole number: every pixel is the mean
 * of a square. Samples of 8 and 16 bits are shown as they are; of others the
 * least becomes black and the greatest white. NaN is black.
 */
void sheet_put(struct sheet *s, uint32_t n, const struct image *picture);

/* Writes a caption under cell `n`; it goes on in the next line, at "_" if it
 * can, three times at most. */
void sheet_caption(struct sheet *s, uint32_t n, const char *text);

/* Writes a reason into the tile of cell `n`. */
void sheet_complain(struct sheet *s, uint32_t n, const char *text);

#endif
