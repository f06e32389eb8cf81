// SPDX-License-Identifier: MIT
/*
 * leaf_file.h: the bytes of a .tiff leaf as a reader sees them: samples by
 * libtiff, tags by walking the IFDs (libtiff knows 50718 to 50720 by other
 * types than theirs).
 */
#ifndef TESTS_SUPPORT_LEAF_FILE_H
#define TESTS_SUPPORT_LEAF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/image.h"

struct leaf_file {
    uint32_t pages, width, height, channels;
    enum sample_type type;
    double *samples;  /* page, row, column, channel */
    uint32_t packing; /* Compression */
    bool is_big;
};

/* Reads all pages; they must be alike. Anything that libtiff warns of or that
 * is not as a leaf must be is a failure of the test. */
struct leaf_file leaf_file_open(const uint8_t *data, size_t size);
void leaf_file_free(struct leaf_file *f);

double leaf_file_at(const struct leaf_file *f, uint32_t page, uint32_t x,
                    uint32_t y, uint32_t channel);

/* Value `index` of a tag of a page's IFD; false if there is none. */
bool leaf_file_tag(const uint8_t *data, size_t size, uint32_t page,
                   uint16_t tag, uint32_t index, double *ret);

/* Of a tag: TIFF's type and count; 0 if it is not there. */
uint32_t leaf_file_tag_type(const uint8_t *data, size_t size, uint32_t page,
                            uint16_t tag, uint32_t *ret_count);

#endif
