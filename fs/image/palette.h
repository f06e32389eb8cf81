// SPDX-License-Identifier: MIT
/*
 * palette.h: PALETTE COLOR indices -> RGB (PS3.3 C.7.6.3.1.5, C.7.9).
 *
 * Threads: reentrant.
 */
#ifndef IMAGE_PALETTE_H
#define IMAGE_PALETTE_H

#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/* The three tables, segments already expanded; entries borrowed. Indices
 * below `first` take the first entry, indices past the end the last. */
struct palette {
    const uint16_t *red;
    const uint16_t *green;
    const uint16_t *blue;
    uint32_t count; /* 1..65536 */
    int32_t first;
    uint32_t bits; /* of an entry: 8 -> U8, 16 -> U16 */
};

static inline enum sample_type palette_type(const struct palette *palette)
{
    return palette->bits <= 8 ? SAMPLE_U8 : SAMPLE_U16;
}

/*
 * `index` has one integer channel, `ret` three of palette_type. 8-bit entries
 * above 255 are cut to their low byte. ERROR_CORRUPT for an empty table or
 * bits outside 1..16; ERROR_INTERNAL if the images do not fit together.
 */
int palette_apply(const struct palette *palette, const struct image *index,
                  const struct image *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
