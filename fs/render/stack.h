// SPDX-License-Identifier: MIT
/*
 * stack.h: the steps that look at several frames.
 *
 * Every step asks the one below for the frames it needs, one after another:
 *
 *     stack_resampled ── stack_values ── vol ── page_frame
 *       depth of size,     slab-*        vol-*    one stored frame
 *       spacing
 *
 * so that never more is held than the accumulator of a reduction and one
 * frame of each step: a page of interp decodes two frames, one of a slab as
 * many as the slab is deep, and nothing holds a volume.
 *
 * A mask says which pixels are PixelPadding: those that are in every frame
 * that was put together. It is an empty image where there are none.
 *
 * Threads: reentrant; tools belong to the caller.
 */
#ifndef RENDER_STACK_H
#define RENDER_STACK_H

#include "render/page.h"

/* Frame `k` of depth.after_slab: owned, stack_type, oriented size. ret_mask
 * may be NULL. */
int stack_values(const struct page_job *job, uint32_t k, struct tool_set *tools,
                 struct image *ret, struct image *ret_mask, struct error *err)
    __attribute__((warn_unused_result));

/* Frame `k` of depth.resized, the same way: along the frames it is resampled
 * already, across them not yet. */
int stack_resampled(const struct page_job *job, uint32_t k,
                    struct tool_set *tools, struct image *ret,
                    struct image *ret_mask, struct error *err)
    __attribute__((warn_unused_result));

#endif
