// SPDX-License-Identifier: MIT
/*
 * spec.h: tags + view + statistics -> the values of one frame.
 *
 * Which window, table or stretch counts is decided here (pixels.md, Values);
 * what it does to a sample is image/values.h.
 *
 * Threads: reentrant.
 */
#ifndef RENDER_SPEC_H
#define RENDER_SPEC_H

#include <stdbool.h>

#include "dicom/dicom.h"
#include "image/values.h"
#include "render/plan.h"

/* What must be known of the whole volume: the extent of its modality values. */
bool spec_needs_extent(const struct plan *plan,
                       const struct dicom_header *header);

/* The same of an image without a window or a VOI LUT. */
bool spec_may_need_extent(const struct plan *plan);

/*
 * The values of stored frame `frame`. `extent` may be NULL unless
 * spec_needs_extent. With VIEW_WINDOW_FRAME the caller sets minimum and
 * maximum of the frame afterwards. Tables are borrowed from `header`.
 * ERROR_UNSUPPORTED: the view asks for what the frame does not have.
 */
int spec_init(const struct plan *plan, const struct dicom_header *header,
              uint32_t frame, const struct values_extent *extent,
              struct values_spec *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Only the modality part and the padding: for measuring the extent. */
void spec_modality(const struct plan *plan, const struct dicom_header *header,
                   uint32_t frame, struct values_spec *ret);

#endif
