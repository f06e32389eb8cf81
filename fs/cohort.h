// SPDX-License-Identifier: MIT
/*
 * cohort.h: the part of the archive that a mount shows: -o where and
 * -o hide_burned_in.
 *
 * Keeps what manifest_cohort.h evaluates up to date while the archive changes.
 * An evaluation looks at the whole manifest; while entries appear batch by
 * batch, at most a tenth of the time is spent on it.
 *
 * Threads: internally locked; cohort_update blocks for as long as an
 * evaluation takes and is not for FUSE threads.
 */
#ifndef FS_COHORT_H
#define FS_COHORT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "manifest/manifest.h"
#include "manifest/manifest_cohort.h"
#include "prepfs/error.h"

struct cohort;

struct cohort_config {
    struct manifest *manifest; /* borrowed until cohort_free */
    const char *where;         /* NULL: everything; copied */
    bool hide_burned_in;
    const atomic_bool *cancel; /* ends an evaluation; may be NULL */
};

/* Evaluates for the first time: what is wrong with the expression is known
 * before there is a mount. ERROR_USAGE and others as manifest_cohort_apply.
 * Caller owns the result. */
struct cohort *cohort_new(const struct cohort_config *config,
                          struct error *err);
void cohort_free(struct cohort *c); /* may be NULL */

enum cohort_news {
    COHORT_SAME,    /* or nothing is left out at all */
    COHORT_CHANGED, /* other images than before */
    COHORT_LATER    /* the archive has changed; it is too early to look again */
};

/*
 * Looks again if the archive has changed, or, `at_once`, in any case (of what
 * an expression can depend on, labels change without an index). A negative
 * enum cohort_news on error: what was shown then still is. `c` may be NULL.
 */
int cohort_update(struct cohort *c, bool at_once, struct error *err)
    __attribute__((warn_unused_result));

/* Of the last evaluation; `c` may be NULL. */
void cohort_size(struct cohort *c, struct manifest_cohort_size *ret);

#endif
