// SPDX-License-Identifier: MIT
/*
 * ifd.h: file header and image file directories, byte by byte. Internal to
 * fs/tiff; the layout's `spec`, `strips`, `big` and `resolution` must be set.
 */
#ifndef TIFF_IFD_H
#define TIFF_IFD_H

#include <stdint.h>

#include "tiff/tiff.h"

/* Bytes [from, to) of the file; byte `from` is dst[0]. Writes outside of it
 * are dropped. */
struct ifd_window {
    uint64_t from;
    uint64_t to;
    uint8_t *dst;
};

/* Bytes before the first IFD. */
uint64_t ifd_file_header_bytes(bool big);

/* Bytes of one IFD with its values, and its number of entries. */
uint64_t ifd_measure(const struct tiff_layout *layout, uint32_t *ret_tag_count);

void ifd_write_file_header(const struct tiff_layout *layout,
                           const struct ifd_window *window);

/* The IFD of `page`; layout->ifd_bytes must be set too. Values that are 0
 * are not written: the window must be zeroed before. */
void ifd_write(const struct tiff_layout *layout, uint32_t page,
               const struct ifd_window *window);

#endif
