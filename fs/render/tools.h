// SPDX-License-Identifier: MIT
/*
 * tools.h: working memory and weights that outlive one frame.
 *
 * A value table and a resize scratch are used by one thread at a time and are
 * worth keeping warm (the next file of a series has the same window); resize
 * weights are immutable and shared.
 *
 * Threads: struct tools is internally locked; a borrowed set belongs to the
 * borrower.
 */
#ifndef RENDER_TOOLS_H
#define RENDER_TOOLS_H

#include "image/resize.h"
#include "image/values.h"
#include "render/flight.h"

struct tools;

struct tool_set {
    struct values_table *table;
    struct resize_scratch scratch;
    struct tool_set *next;
};

/* `plan_bytes`: budget for weights. Caller owns the result. */
struct tools *tools_new(size_t plan_bytes, struct error *err);
void tools_free(struct tools *t); /* may be NULL; nothing borrowed */

/* What the weights take now. */
size_t tools_cost(struct tools *t);

/* The set given back last, or a new one; NULL with *err. */
struct tool_set *tools_borrow(struct tools *t, struct error *err);
void tools_return(struct tools *t, struct tool_set *set);

/* Weights for frames of width x height; release with tools_put_plan. */
int tools_resize_plan(struct tools *t, uint32_t width, uint32_t height,
                      const struct resize_target *target,
                      enum resize_filter filter, struct flight_ref *ref,
                      const struct resize_plan **ret, struct error *err)
    __attribute__((warn_unused_result));
void tools_put_plan(struct tools *t, struct flight_ref *ref);

#endif
