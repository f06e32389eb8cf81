// SPDX-License-Identifier: MIT
/*
 * tiff_file.h: a .tiff leaf that exists only as a layout and a pattern, and
 * libtiff's opinion of it. For tests of fs/tiff.
 *
 * No byte is stored but packed strips: header bytes come from
 * tiff_layout_header_read, unpacked pixels from the pattern, at whatever
 * offset they are asked for. So files of 126,000 pages and beyond 4 GiB can be
 * read too.
 */
#ifndef TESTS_SUPPORT_TIFF_FILE_H
#define TESTS_SUPPORT_TIFF_FILE_H

#include "tiff/tiff.h"

enum tiff_pattern {
    PATTERN_NOISE,
    PATTERN_ZERO,
    PATTERN_RUNS,     /* runs of random length, short ones most often */
    PATTERN_PAIRS,    /* abbcc: the worst for libtiff's PackBits */
    PATTERN_GRADIENT, /* smooth, as images are */
    PATTERN_COUNT
};

struct tiff_file {
    struct tiff_layout layout;
    enum tiff_pattern pattern;
    uint64_t seed;
    struct tiff_buffer packed; /* all strips of a packed file */
};

/*
 * Makes a file of any `size` bytes: at most 4 pages of 400x400 or so, every
 * field of a spec in play. Missing bytes count as 0. Never invalid, except
 * that spec.type may be SAMPLE_F16 and spec.pack not built in.
 */
struct tiff_spec tiff_file_spec_of(const uint8_t *bytes, size_t size,
                                   enum tiff_pattern *ret_pattern);

/* Byte `i` of the samples of `page`. */
uint8_t tiff_file_sample_byte(const struct tiff_file *file, uint32_t page,
                              uint64_t i);
/* The same for `length` of them, faster than one by one. */
void tiff_file_samples(const struct tiff_file *file, uint32_t page,
                       uint64_t from, size_t length, uint8_t *dst);

/* Lays the file out and packs its strips. Release with tiff_file_deinit. */
int tiff_file_init(const struct tiff_spec *spec, enum tiff_pattern pattern,
                   uint64_t seed, struct tiff_file *ret, struct error *err);
void tiff_file_deinit(struct tiff_file *file);

/* Bytes [offset, offset + length), which must be within the file. */
void tiff_file_read(const struct tiff_file *file, uint64_t offset,
                    size_t length, uint8_t *dst);

/*
 * libtiff opens the file, walks to `page` and must find every tag, with its
 * value, and every sample, without a warning (65000 excepted: it is private).
 * 0, or -1 with what is wrong in err->msg. `with_pixels` false: tags only.
 */
int tiff_file_check_page(const struct tiff_file *file, uint32_t page,
                         bool with_pixels, struct error *err);

/* All pages, and their number. */
int tiff_file_check(const struct tiff_file *file, struct error *err);

#endif
