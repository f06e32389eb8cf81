// SPDX-License-Identifier: MIT
/*
 * j2k_header.h: the main header and the tile-parts of a JPEG 2000 codestream
 * (ITU-T T.800 Annex A), read before the codec sees the bytes.
 *
 * Threads: pure functions.
 */
#ifndef DECODE_J2K_HEADER_H
#define DECODE_J2K_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#define J2K_COMPONENTS_MAX 4

struct j2k_header {
    uint32_t width;
    uint32_t height;
    unsigned components;
    unsigned precision; /* of all components */
    bool has_transform; /* multiple component transform: gives RGB */
};

/*
 * Finds the codestream: the bytes themselves, or what a JP2 file wraps
 * (PS3.5 8.2.4 forbids the wrapper, but files have it; nothing else in it is
 * used). False if there is none.
 */
bool j2k_find(const uint8_t *bytes, size_t length, const uint8_t **ret,
              size_t *ret_length);

/*
 * Reads the main header and walks all tile-parts. ERROR_CORRUPT if a marker
 * or a tile-part is cut or a tile has no part; ERROR_UNSUPPORTED for
 * components that differ in depth, and for absurdly many tiles or precincts,
 * which would cost the codec far more memory than the image has.
 */
int j2k_header_read(const uint8_t *bytes, size_t length, struct j2k_header *ret,
                    struct error *err);

#endif
