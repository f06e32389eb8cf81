// SPDX-License-Identifier: MIT
/*
 * npy.h: where every byte of a .npy leaf is, and what it says.
 *
 *     0            "\x93NUMPY", version 1.0, length of the text
 *     10           {'descr': '<u2', 'fortran_order': False, 'shape': (...), }
 *                  spaces, and a line feed as the last byte before the data
 *     4096         samples: page after page, row after row, without a gap
 *     size         end of file
 *
 * The header is padded to NPY_DATA_OFFSET (NumPy itself pads to 64), so that
 * numpy.load(..., mmap_mode='r') gives an array that begins on a page of
 * memory and on a page of the kernel's cache. Version 1.0 counts its text in
 * 16 bits and is read by every NumPy there was; the longest text of a leaf
 * has about 120 characters, so that version 2.0 is never called for.
 *
 * The shape is in NumPy's order, slowest axis first:
 *
 *     NPY_AXES_IMAGE   (rows, columns) of one page, (frames, rows, columns)
 *                      of several
 *     NPY_AXES_VOLUME  (slices, rows, columns), also of one slice: a stacked
 *                      series or a 3-D patch does not lose an axis
 *
 * and RGB adds a last axis of 3. C order: array[k, y, x] is column x of row y
 * of page k.
 *
 * Everything is little endian; the dtype says so ('<u2'; '|u1' for bytes).
 *
 * Threads: all types are plain data owned by the caller; every function may
 * be called from any thread, and a const layout may be shared. Nothing
 * allocates.
 */
#ifndef NPY_NPY_H
#define NPY_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the samples begin. */
#define NPY_DATA_OFFSET 4096

#define NPY_AXES_MAX 4

enum npy_axes {
    NPY_AXES_IMAGE, /* no axis of pages if there is one page */
    NPY_AXES_VOLUME /* always an axis of pages */
};

/* What a file holds. Plain data; zero-initialise, then fill. */
struct npy_spec {
    uint32_t pages; /* at least 1 */
    uint32_t width;
    uint32_t height;
    uint32_t channels;     /* 1, or 3: interleaved RGB */
    enum sample_type type; /* any, SAMPLE_F16 too */
    enum npy_axes axes;
};

/* Immutable after init. */
struct npy_layout {
    struct npy_spec spec;
    unsigned n_axes;
    uint64_t shape[NPY_AXES_MAX]; /* slowest first */
    uint64_t row_bytes;
    uint64_t page_bytes;
    uint64_t data_offset; /* NPY_DATA_OFFSET */
    uint64_t size;        /* of the file */
};

/*
 * Lays the file out; O(1). ERROR_TOO_BIG if the size overflows,
 * ERROR_INTERNAL if a dimension is 0, channels is not 1 or 3, or the type is
 * none.
 */
int npy_layout_init(const struct npy_spec *spec, struct npy_layout *ret,
                    struct error *err) __attribute__((warn_unused_result));

/* Writes bytes [offset, offset + length) of the header at `dst`. The range
 * must end at or before data_offset. O(length). */
void npy_layout_header_read(const struct npy_layout *layout, uint64_t offset,
                            size_t length, uint8_t *dst);

/* "<u2", "|u1", ... of a type: static storage. NULL if the type is none. */
const char *npy_descr(enum sample_type type);

/* ---- binary16 ----------------------------------------------------------- */

/*
 * No struct image has SAMPLE_F16: a page is finished as F32 (or F64) and
 * becomes half floats on its way into the file.
 *
 * IEEE 754 binary16, to the nearest and ties to even, as
 * numpy.ndarray.astype('f2') has it: numbers of 65520 and more become
 * infinite, those below 2^-25 zero, NaN stays NaN. A double is rounded once.
 */
uint16_t npy_half(float value);
uint16_t npy_half_of_double(double value);

/* The largest number that a half float can hold. */
#define NPY_HALF_MAX 65504.0

/*
 * Writes the samples of `image` (SAMPLE_F32 or SAMPLE_F64, any stride) as
 * little-endian half floats, tight: width * channels * 2 * height bytes at
 * `dst`. ERROR_INTERNAL for another type.
 */
int npy_half_page(const struct image *image, uint8_t *dst, struct error *err)
    __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
