// SPDX-License-Identifier: MIT
/*
 * manifest_cohort.h: a manifest that shows part of an archive.
 *
 * A cohort is an SQL expression over the view `cohort`
 * (prepfs-manifest(5)), such as modality='CT' AND slice_thickness<=1.25. What
 * it is not true of does not exist for who reads this struct manifest: it is
 * not found by name or by number, not listed, not counted, and neither in CSV
 * files nor in snapshots; nor do folders without anything in them. A volume
 * exists if all images of its series do. What has no pixels is in no cohort.
 *
 * The expression is evaluated as a whole, into sets of ids that every query
 * asks from then on (shown.h): what it costs does not depend on how much is
 * looked up. Indexing is not limited.
 *
 * Threads: internally locked, as manifest.h; one manifest_cohort_apply at a
 * time.
 */
#ifndef MANIFEST_COHORT_H
#define MANIFEST_COHORT_H

#include <stdatomic.h>

#include "manifest/manifest.h"

struct manifest_cohort {
    const char *where;         /* NULL: everything */
    bool hide_burned_in;       /* without those whose BurnedInAnnotation
                                  (0028,0301) is YES */
    unsigned seconds;          /* for an evaluation; 0: 60 */
    const atomic_bool *cancel; /* may be NULL */
};

/* How many images there are, in this manifest and left out of it. */
struct manifest_cohort_size {
    uint64_t images;
    uint64_t hidden;    /* all that are left out */
    uint64_t burned_in; /* of which by hide_burned_in, whatever `where` says */
};

/*
 * Evaluates and, from then on, shows that. 1 if other objects are shown than
 * before, 0 if the same, -1 and then what was shown before still is:
 * ERROR_USAGE when it is no expression, names what is not there, calls a
 * function that is not allowed or takes too long; ERROR_INTERRUPTED; and as
 * manifest.h. At least one of `where` and hide_burned_in is given.
 */
int manifest_cohort_apply(struct manifest *m,
                          const struct manifest_cohort *cohort,
                          struct manifest_cohort_size *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The name, in the state folder, of the snapshot of a cohort. */
#define MANIFEST_COHORT_NAME_SIZE 32
void manifest_cohort_name(const struct manifest_cohort *cohort,
                          char ret[MANIFEST_COHORT_NAME_SIZE]);

/* Are there studies of which other objects are shown, and the kernel does not
 * know? manifest_list_changed lists them until manifest_cohort_told. */
bool manifest_cohort_moved(struct manifest *m);
void manifest_cohort_told(struct manifest *m);

#endif
