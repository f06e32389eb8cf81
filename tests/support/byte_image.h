// SPDX-License-Identifier: MIT
/*
 * byte_image.h: any bytes as an image with its header, and fs/render on top of
 * it without files, a parser or a database.
 *
 * The program is linked with BYTE_IMAGE_WRAPS (meson.build): the manifest and
 * the sources that fs/render asks are then those of one struct byte_image.
 * Nothing that is measured is remembered, so whatever can be found out is found
 * out again.
 *
 * One thread, one image at a time.
 */
#ifndef TESTS_SUPPORT_BYTE_IMAGE_H
#define TESTS_SUPPORT_BYTE_IMAGE_H

#include "dicom/dicom.h"
#include "manifest/manifest.h"

#define BYTE_IMAGE_HEADER 32 /* bytes that make the header */

enum { BYTE_IMAGE_FRAMES = 6, BYTE_IMAGE_WINDOWS = 3, BYTE_IMAGE_LUT = 32 };

struct byte_image {
    struct manifest_instance row;    /* object 1, an instance; */
    struct manifest_instance volume; /* object 2, its series */
    struct dicom_header header;
    struct dicom_frame per_frame[BYTE_IMAGE_FRAMES];
    struct dicom_window windows[BYTE_IMAGE_WINDOWS];
    struct dicom_lut lut;
    uint16_t entries[BYTE_IMAGE_LUT];
    const uint8_t
        *pixels; /* borrowed; repeated if short, 0 if there are none */
    size_t n_pixels;
    unsigned frames_read;
};

/*
 * An image of 1 to 6 frames of at most 24 x 24 pixels, of any type, from
 * BYTE_IMAGE_HEADER bytes, and its pixels from the others. It becomes the one
 * that fs/render sees until the next call. False: nothing decodes such an
 * image.
 */
bool byte_image_make(struct byte_image *ret, const uint8_t *header,
                     const uint8_t *pixels, size_t n_pixels);

#endif
