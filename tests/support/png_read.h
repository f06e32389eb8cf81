// SPDX-License-Identifier: MIT
/*
 * png_read.h: libpng's opinion of a .png, and its chunks. For tests of fs/png.
 */
#ifndef TESTS_SUPPORT_PNG_READ_H
#define TESTS_SUPPORT_PNG_READ_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/* What a file says. */
struct png_read {
    struct image image; /* tight rows, host byte order; data is owned */
    uint32_t per_metre_x, per_metre_y; /* 0: no pHYs */
    char software[128];                /* "": no such text */
    char chunks[256];                  /* "IHDR pHYs IDAT IEND"; a run of IDAT
                                        * once */
    unsigned n_idat;
};

/*
 * Reads a whole file, every checksum too. 0, or -1 with what is wrong in
 * err->msg: damage, a warning of libpng, bytes behind the end. Release with
 * png_read_deinit.
 */
int png_read(const uint8_t *bytes, size_t length, struct png_read *ret,
             struct error *err);
void png_read_deinit(struct png_read *read);

#endif
