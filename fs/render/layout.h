// SPDX-License-Identifier: MIT
/*
 * layout.h: where every byte of a leaf is, whatever its format.
 *
 *     0            header: tags, shape, affine
 *     data_offset  page after page
 *     size         end of file
 *
 * A page is `page_bytes` long, but for a packed .tiff, whose strips are as
 * long as they turned out to be. This is the one place that knows what the
 * formats have in common; what a page is made of is leaf_page.h.
 *
 * Threads: plain data; a const layout may be shared.
 */
#ifndef RENDER_LAYOUT_H
#define RENDER_LAYOUT_H

#include "nii/nii.h"
#include "npy/npy.h"
#include "render/geometry.h"
#include "render/plan.h"
#include "render/render.h"
#include "tiff/tiff.h"

struct layout {
    enum leaf_kind kind;
    uint64_t size;
    uint64_t data_offset;
    uint64_t row_bytes;  /* of samples; 0: the bytes are no samples */
    uint64_t page_bytes; /* 0: as `tiff` says; a .png or .json is one */
    union {
        struct tiff_layout tiff;
        struct npy_layout npy;
        struct nii_layout nii;
    } of;
};

/* What a plan does not say. Zero-initialise, then fill. */
struct layout_facts {
    const uint64_t *strip_bytes; /* of a packed .tiff, as tiff_layout_init */
    const struct geometry *geometry; /* of a .nii: copied; NULL: not known */
    uint64_t bytes;                  /* of a .png or a .json */
};

/* Can this format hold what the plan makes? ERROR_UNSUPPORTED, with the
 * reason. Asks no pixels, so that a listing can. */
int layout_check(enum leaf_kind kind, const struct plan *plan,
                 struct error *err) __attribute__((warn_unused_result));

/* Does the size follow from this plan, without facts? */
bool layout_is_early(enum leaf_kind kind, const struct plan *plan);

/*
 * Lays the leaf out. The plan has its size; with facts missing that only
 * tell what the header says, the size is right all the same. Release with
 * layout_deinit. ERROR_UNSUPPORTED, ERROR_TOO_BIG, ERROR_NO_MEMORY.
 */
int layout_init(enum leaf_kind kind, const struct plan *plan,
                const struct layout_facts *facts, struct layout *ret,
                struct error *err) __attribute__((warn_unused_result));
void layout_deinit(struct layout *layout); /* may be NULL */

/* Are the pages of this leaf packed, so that their lengths must be measured?
 * True of .png, and of .tiff with pack. */
bool layout_is_packed(enum leaf_kind kind, const struct plan *plan);

/* Writes bytes [offset, offset + length) of the header, which ends at
 * data_offset. */
void layout_header_read(const struct layout *layout, uint64_t offset,
                        size_t length, uint8_t *dst);

/* Where page `page` lies. */
void layout_page_range(const struct layout *layout, uint32_t page,
                       uint64_t *ret_start, uint64_t *ret_end);

/* The page that byte `offset` belongs to; the header counts to page 0. */
uint32_t layout_page_at(const struct layout *layout, uint64_t offset);

#endif
