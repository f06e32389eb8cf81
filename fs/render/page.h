// SPDX-License-Identifier: MIT
/*
 * page.h: one frame -> the samples of one page.
 *
 * Threads: reentrant; a struct page_job is immutable while it is used.
 */
#ifndef RENDER_PAGE_H
#define RENDER_PAGE_H

#include <stdatomic.h>

#include "image/values.h"
#include "manifest/manifest.h"
#include "render/plan.h"
#include "render/source.h"
#include "render/tools.h"

/* Who makes pages. */
struct page_maker {
    struct sources *sources;
    struct tools *tools;
    _Atomic uint64_t image_ns; /* spent between decode and file */
};

/* What pages are made of; everything borrowed. */
struct page_job {
    struct page_maker *maker;
    const struct manifest_instance *instance;
    const struct plan *plan;
    const uint32_t *order;       /* ordered frame -> stored frame; NULL: same */
    struct values_extent extent; /* of the volume, where the plan needs it */
};

/*
 * The values of page `page`, oriented, before any cut: an owned image of
 * value_type and oriented size. `ret_padding` (may be NULL) gets a mask of
 * the PixelPadding pixels, or an empty image if there are none.
 */
int page_values(const struct page_job *job, uint32_t page, struct image *ret,
                struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* The region of page `page` after resize, before padding: owned. */
int page_resized(const struct page_job *job, uint32_t page, struct image *ret,
                 struct error *err) __attribute__((warn_unused_result));

/* Page `page` as it stands in the file: owned, tight rows, out_type. The
 * plan has its region and padding. */
int page_render(const struct page_job *job, uint32_t page, struct image *ret,
                struct error *err) __attribute__((warn_unused_result));

/* Adds the modality values of page `page` to *acc. */
int page_extent(const struct page_job *job, uint32_t page,
                struct values_extent *acc, struct error *err)
    __attribute__((warn_unused_result));

#endif
