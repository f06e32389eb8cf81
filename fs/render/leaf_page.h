// SPDX-License-Identifier: MIT
/*
 * leaf_page.h: a page as its leaf has it: tight samples, half floats, or
 * packed.
 *
 * Threads: reentrant; a made page is immutable.
 */
#ifndef RENDER_LEAF_PAGE_H
#define RENDER_LEAF_PAGE_H

#include "render/layout.h"
#include "render/page.h"

struct leaf_page {
    const uint8_t *bytes;
    size_t length;
    uint64_t *strip_bytes; /* of a packed .tiff, one for each strip */
    struct image image;    /* these two own what `bytes` points to */
    struct tiff_buffer packed;
};

/* Renders page `page` of job's plan for a leaf of `kind`. Caller owns *ret;
 * *ret_cost is the memory it takes. */
int leaf_page_make(const struct page_job *job, enum leaf_kind kind,
                   uint32_t page, struct leaf_page **ret, size_t *ret_cost,
                   struct error *err) __attribute__((warn_unused_result));
void leaf_page_free(struct leaf_page *page); /* may be NULL */

#endif
