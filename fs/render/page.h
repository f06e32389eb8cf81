// SPDX-License-Identifier: MIT
/*
 * page.h: frames -> the samples of one page.
 *
 * Threads: reentrant; a struct page_job is immutable while it is used.
 */
#ifndef RENDER_PAGE_H
#define RENDER_PAGE_H

#include <stdatomic.h>

#include "image/norm.h"
#include "image/values.h"
#include "render/clock.h"
#include "render/frames.h"
#include "render/plan.h"
#include "render/source.h"
#include "render/tools.h"

/* Who makes pages. */
struct page_maker {
    struct sources *sources;
    struct tools *tools;
    struct flight *kept;        /* images that several pages are made of */
    size_t plane_bytes;         /* of planes that are made at a time */
    _Atomic uint64_t image_ns;  /* spent between decode and file: all of it */
    _Atomic uint64_t values_ns; /* of that: values, orientation, rotation */
    _Atomic uint64_t crop_ns;   /* finding the box */
    _Atomic uint64_t resize_ns; /* cut, resize, padding */
};

/* Adds the time since `start` to image_ns and to `part`, which may be NULL. */
static inline void page_spent(struct page_maker *m, _Atomic uint64_t *part,
                              uint64_t start)
{
    uint64_t spent = clock_ns() - start;

    m->image_ns += spent;
    if (part)
        *part += spent;
}

/* Of the whole resized volume, before it is normalised, on the unit scale
 * where the samples are display samples. */
struct page_stats {
    double mean;
    double sd;
    double min;
    double max;
};

/* What else only pixels tell, where the plan needs it. */
struct page_numbers {
    /* Least and largest value of the picked frames, as they are before any
     * turn: what fill-min and fill-max put outside. */
    double fill_min, fill_max;
    struct values_extent display; /* the extent for the display of norm-*-fg */
    struct page_stats stats;
};

/* An image that belongs to whoever exchanges it for NULL. */
typedef _Atomic(struct image *) page_leftover;

/* What pages are made of; everything borrowed. */
struct page_job {
    struct page_maker *maker;
    const struct frames *frames;
    const struct plan *plan;
    struct values_extent extent; /* of the volume, where the plan needs it */
    struct page_numbers numbers; /* likewise */
    const uint64_t *digest;      /* two numbers that name the version */
    /* NULL, or where frame 0 of depth.after_slab may be, its only frame. */
    page_leftover *leftover;
};

/*
 * The values of frame `frame` of plan->frames: an owned image of value_type,
 * turned as far as frames are (plan.h). `ret_padding` (may be NULL) gets a mask
 * of the PixelPadding pixels, or an empty image if there are none; what a
 * rotation shows outside the image counts as such.
 */
int page_stored(const struct page_job *job, uint32_t frame,
                struct tool_set *tools, struct image *ret,
                struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* The same of slice `slice` of depth.picked, a frame or a plane, in oriented
 * size. */
int page_frame(const struct page_job *job, uint32_t slice,
               struct tool_set *tools, struct image *ret,
               struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* The values of frame `k` of depth.after_slab, before any cut: stack_type. */
int page_values(const struct page_job *job, uint32_t k, struct image *ret,
                struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/* Frame `k` of depth.resized after resize, before normalisation and padding:
 * owned. The mask (ret_padding may be NULL) goes along to the nearest pixel. */
int page_resized(const struct page_job *job, uint32_t k, struct image *ret,
                 struct image *ret_padding, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The first and the last row of frame 0 of depth.resized (or, if `columns`,
 * its first and last column) as a frame of two rows (columns), for who needs
 * no more of it: the rest is not resampled. `values` are those of the only
 * frame, or empty.
 */
int page_edges(const struct page_job *job, const struct image *values,
               bool columns, struct image *ret, struct error *err)
    __attribute__((warn_unused_result));

/* How samples are normalised that have these statistics. */
struct norm page_norm(const struct plan *plan, const struct page_stats *stats);

/* The statistics that samples with these moments have. */
struct page_stats page_stats_of(const struct plan *plan,
                                const struct norm_moments *moments);

/* Adds the moments of frame `k` of depth.resized, without what the view
 * leaves out of statistics. */
int page_moments(const struct page_job *job, uint32_t k,
                 struct norm_moments *acc, struct error *err)
    __attribute__((warn_unused_result));

/* Adds the moments of all channels; `mask` may be empty or NULL. */
void page_measure(const struct image *image, const struct image *mask,
                  struct norm_moments *acc);

/* The plan of the display samples of the same frames in the same places:
 * region and resize are those of `plan`, which has its region. */
int page_display_plan(const struct plan *plan,
                      const struct manifest_instance *instance,
                      struct plan *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Page `page` as it stands in the file: owned, tight rows, out_type. The
 * plan has its region and padding. */
int page_render(const struct page_job *job, uint32_t page, struct image *ret,
                struct error *err) __attribute__((warn_unused_result));

/* Adds the modality values of picked frame `frame` to *acc. */
int page_extent(const struct page_job *job, uint32_t frame,
                struct values_extent *acc, struct error *err)
    __attribute__((warn_unused_result));

#endif
