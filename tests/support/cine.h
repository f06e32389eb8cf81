// SPDX-License-Identifier: MIT
/* cine.h: an image of many frames, and its pages one by one. */
#ifndef TESTS_SUPPORT_CINE_H
#define TESTS_SUPPORT_CINE_H

#include "support/engine.h"

/* `frames` frames of 96 x 96 whose pages have 18 KiB, cropped 6.6. */
struct image_file cine_new(enum decode_codec codec, uint32_t frames);

/* Reads page k of an unpacked leaf of n pages in one call. *ret (may be NULL)
 * is malloc'd; on an error it is not touched, and *err says why. */
enum error_kind cine_read(struct engine *e, const struct leaf *leaf, uint32_t n,
                          uint32_t k, uint8_t **ret, struct error *err);

/* Fails unless this page of raw, 16 bits, is that frame. */
void cine_check_raw(const struct image_file *f, uint32_t frame,
                    const uint8_t *page);

#endif
