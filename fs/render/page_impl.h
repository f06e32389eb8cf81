// SPDX-License-Identifier: MIT
/*
 * page_impl.h: what the files page*.c share; internal.
 */
#ifndef RENDER_PAGE_IMPL_H
#define RENDER_PAGE_IMPL_H

#include "render/page.h"

/* What the view puts outside, in samples of value_type. */
double page_fill_value(const struct page_job *job);

/* Resamples the plan's region of `values` into `dst`, which has the size of
 * the target's cut, with the view's filter. */
int page_resize_into(const struct page_job *job, struct tool_set *tools,
                     const struct image *values, const struct image *dst,
                     struct error *err) __attribute__((warn_unused_result));

/* page_resized with tools of the caller. */
int page_resized_with(const struct page_job *job, uint32_t k,
                      struct tool_set *tools, struct image *ret,
                      struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* Adds what the statistics of resized frame `k` take; `mask` may become
 * larger by the background. */
int page_add_moments(const struct page_job *job, uint32_t k,
                     const struct image *resized, struct image *mask,
                     struct norm_moments *acc, struct error *err)
    __attribute__((warn_unused_result));

#endif
