// SPDX-License-Identifier: MIT
/* plan_impl.h: what the files plan*.c share; internal. */
#ifndef RENDER_PLAN_IMPL_H
#define RENDER_PLAN_IMPL_H

#include "render/plan.h"

/* Stored, value, stack and out channels and types, y_max and the refusal: from
 * the view, the description and the depth. */
int plan_set_types(struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

/* From the pages of all to those of plan->part, as far as they are known. */
void plan_narrow(struct plan *plan);

/* ERROR_NOT_FOUND if it is known that there is no such part. */
int plan_check_part(const struct plan *plan, struct error *err)
    __attribute__((warn_unused_result));

#endif
