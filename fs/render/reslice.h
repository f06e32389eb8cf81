// SPDX-License-Identifier: MIT
/*
 * reslice.h: planes of a volume that was scanned in other ones.
 *
 * A plane needs a row or a column of every frame, so a pass over the frames
 * makes as many planes as there is room for (page_maker's plane_bytes), and
 * those are kept for a while: reading all planes one after another decodes
 * the volume as often as it is larger than that room, and not once for each.
 *
 * Threads: reentrant. Who wants planes that another thread makes waits.
 */
#ifndef RENDER_RESLICE_H
#define RENDER_RESLICE_H

#include "render/page.h"

/* Plane `q` of the volume, before any turn, as page_stored has a frame: owned.
 * A mask is made for views that leave padding out of something. */
int reslice_plane(const struct page_job *job, uint32_t q,
                  struct tool_set *tools, struct image *ret,
                  struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* How many planes one pass over the frames makes. */
uint32_t reslice_batch(const struct plan *plan, bool masked, size_t room);

#endif
