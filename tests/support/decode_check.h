// SPDX-License-Identifier: MIT
/*
 * decode_check.h: what the tests of fs/decode have in common: the description
 * that fits a picture, a decode into guarded memory, and comparisons.
 */
#ifndef TESTS_DECODE_CHECK_H
#define TESTS_DECODE_CHECK_H

#include <stdbool.h>

#include "decode/decode.h"
#include "support/codestream.h"

/* The tags that `p` would have: RGB or MONOCHROME2, unsigned, BitsAllocated
 * the next of 8, 16, 32. */
struct decode_desc check_desc(const struct picture *p, enum decode_codec codec);

/* An output image with a stride wider than its rows; all bytes start as
 * `fill`. Free with check_image_free, which also aborts if a byte outside the
 * rows has changed. */
struct image check_image_new(const struct decode_desc *desc, uint8_t fill);
void check_image_free(struct image *image, uint8_t fill);

/* Sample as a number. */
int64_t check_sample(const struct image *image, uint32_t x, uint32_t y,
                     unsigned channel);

/* Decodes; aborts on an error. The image is the caller's. */
struct image check_decode(const struct decode_desc *desc,
                          const struct codestream *c);

/* The kind of error that decoding gives, ERROR_NONE if it works. `ret_text`
 * (ERROR_MSG_MAX) may be NULL. */
enum error_kind check_decode_kind(const struct decode_desc *desc,
                                  const void *bytes, size_t size,
                                  char *ret_text);

/* The largest difference between the image and the picture's code words,
 * sign-extended at their width if `is_signed`. */
int64_t check_difference(const struct image *image, const struct picture *p,
                         bool is_signed);

/*
 * Truncation at every 1/16th, and by 1 to 16 bytes: each must be an error,
 * never a crash. `tail` bytes at the end are not missed (EOI, padding).
 */
void check_truncations(const struct decode_desc *desc,
                       const struct codestream *c, size_t tail);

/* `runs` times one to three bytes of a copy are changed: an error or a full
 * image, never a crash. */
void check_bit_flips(const struct decode_desc *desc, const struct codestream *c,
                     unsigned runs);

#endif
