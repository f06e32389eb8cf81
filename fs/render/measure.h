// SPDX-License-Identifier: MIT
/*
 * measure.h: what only pixels can tell, measured once and kept as facts.
 *
 *     extent   minimum and maximum of the volume's values
 *     crop     union of the boxes of all frames
 *     padding  which side of the first frame is the darker one
 *     numbers  limits for fill-min and fill-max, statistics for norm-*
 *
 * The first two are facts of (instance, prefix): views that differ only
 * further down the pipeline share them.
 *
 * Threads: reentrant. Two threads may measure the same; both get the result.
 */
#ifndef RENDER_MEASURE_H
#define RENDER_MEASURE_H

#include "manifest/manifest.h"
#include "render/page.h"

struct measure {
    struct manifest *manifest;
    uint64_t engine;
};

/* Fills job->extent if the plan needs it. */
int measure_extent(const struct measure *m, struct page_job *job,
                   struct error *err) __attribute__((warn_unused_result));

/*
 * The automatic crop box of job's view, in oriented pixels. *ret_only, empty
 * when given, becomes the display samples of the frame if there is but one:
 * measure_pad can use them. Caller owns it.
 */
int measure_crop(const struct measure *m, const struct page_job *job,
                 struct image_box *ret, struct image *ret_only,
                 struct error *err) __attribute__((warn_unused_result));

/* The padding of job's plan, which has its region. `only` is what measure_crop
 * has left, or empty. */
int measure_pad(const struct measure *m, const struct page_job *job,
                const struct image *only, struct pad *ret, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Fills job->numbers with what the plan, which has its region, needs.
 * `known` (may be NULL) are the statistics that an earlier run has measured.
 */
int measure_numbers(const struct measure *m, struct page_job *job,
                    const struct page_stats *known, struct error *err)
    __attribute__((warn_unused_result));

/* Does `known`, what an earlier run has found out (may be NULL), tell all of
 * the plan that must be measured? Its padding may still have to be. */
bool measure_is_known(const struct plan *plan,
                      const struct manifest_output *known);

/* Does job->numbers have statistics of the volume then? */
bool measure_has_stats(const struct plan *plan);

#endif
