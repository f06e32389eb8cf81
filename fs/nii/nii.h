// SPDX-License-Identifier: MIT
/*
 * nii.h: where every byte of a .nii leaf (NIfTI-1, one file) is, and what it
 * says.
 *
 *     0            header, 348 bytes
 *     348          no extensions: zeros up to
 *     4096         vox_offset: page after page, row after row, without a gap
 *     size         end of file
 *
 * NIfTI counts the fastest axis first, so dim[] is (columns, rows, pages): the
 * transpose of what .npy of the same view has, over the same bytes. There are
 * always three axes, also of one page; pages that follow each other in time
 * become the fourth one.
 *
 * Nothing is mirrored. Rows run from top to bottom, pages in the order of the
 * view, and sform and qform say where that is in the patient (affine.h, RAS+).
 * sform has the affine as it is; qform its nearest rotation, if the axes are
 * at right angles within a hundredth, else (a tilted gantry) code 0. Without
 * known geometry both codes are 0 and pixdim alone speaks.
 *
 * Values are the values of the view: scl_slope 1, scl_inter 0.
 *
 * Threads: all types are plain data owned by the caller; every function may
 * be called from any thread, and a const layout may be shared. Nothing
 * allocates.
 */
#ifndef NII_NII_H
#define NII_NII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nii/affine.h"
#include "prepfs/error.h"
#include "prepfs/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the samples begin. A float holds it exactly, 16 divides it. */
#define NII_DATA_OFFSET 4096

/* dim[] is made of 16-bit integers. */
#define NII_SIDE_MAX 32767

enum nii_pages {
    NII_PAGES_SPACE, /* slices: dim (columns, rows, pages) */
    NII_PAGES_TIME   /* a cine: dim (columns, rows, 1, pages) */
};

/* What a file holds. Plain data; zero-initialise, then fill. */
struct nii_spec {
    uint32_t pages; /* at least 1 */
    uint32_t width;
    uint32_t height;
    uint32_t channels;     /* 1; 3 (interleaved RGB) of SAMPLE_U8 only */
    enum sample_type type; /* any but SAMPLE_F16 */
    enum nii_pages axis;

    /* The patient's geometry is known. An affine that is not finite or has an
     * axis of no length counts as unknown. */
    bool has_affine;
    struct affine affine;

    /* Without affine: mm between columns, rows, pages. What is not a positive
     * finite number is not known; if all of x and y is not, the file has no
     * unit either, and 1 stands in. */
    double spacing[3];
    double seconds; /* NII_PAGES_TIME: between pages; 0 unknown */

    /* Written to descrip (79 bytes at most); NULL or "": none. Borrowed as long
     * as a layout made from this spec is used. */
    const char *software;
};

/* Immutable after init. */
struct nii_layout {
    struct nii_spec spec;
    uint64_t row_bytes;
    uint64_t page_bytes;
    uint64_t data_offset; /* NII_DATA_OFFSET */
    uint64_t size;        /* of the file */
};

/*
 * Lays the file out; O(1). ERROR_UNSUPPORTED, with the reason, if NIfTI-1
 * cannot hold it: more than NII_SIDE_MAX in a dimension, f16, colour that is
 * not 8-bit. ERROR_INTERNAL if a dimension is 0, channels is not 1 or 3, or
 * the type is none.
 */
int nii_layout_init(const struct nii_spec *spec, struct nii_layout *ret,
                    struct error *err) __attribute__((warn_unused_result));

/* Writes bytes [offset, offset + length) of the header at `dst`: header and
 * zeros up to data_offset, where the range must end at the latest.
 * O(length). */
void nii_layout_header_read(const struct nii_layout *layout, uint64_t offset,
                            size_t length, uint8_t *dst);

#ifdef __cplusplus
}
#endif

#endif
