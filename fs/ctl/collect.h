// SPDX-License-Identifier: MIT
/*
 * collect.h: from the inputs of a batch to a manifest of them.
 *
 * Without --state the manifest is kept in a temporary folder ($TMPDIR, else
 * /tmp) that goes away with it. With --state it stays, and the next run opens
 * only the files that have changed; it then is the manifest of these inputs.
 *
 * Threads: one at a time.
 */
#ifndef CTL_COLLECT_H
#define CTL_COLLECT_H

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/sources.h"
#include "worker/worker.h"

struct collection {
    struct source_set set;
    char *state;
    bool temporary;
    struct manifest *manifest;
    uint64_t not_dicom; /* files found in folders that are none */
};

struct collect_config {
    const struct ctl_args *args; /* --state, --jobs, --sniff */
    struct workers *workers;     /* that parse; NULL: in this process */
    char *const *sources;
    size_t n_sources;
    const char *exclude; /* a folder that is not looked into; may be NULL */
    struct progress *progress;
    /* Told of every input that cannot be had: as source_fail_fn. */
    source_fail_fn fail;
    void *opaque;
};

/* Indexes. ERROR_INTERRUPTED, ... Release with collection_deinit, also after a
 * failure. */
int collect(const struct collect_config *config, struct collection *ret,
            struct error *err) __attribute__((warn_unused_result));

/* From now on nothing that is found out is worth writing down: if the state
 * is temporary its manifest is opened read-only. */
int collection_settle(struct collection *c, struct error *err)
    __attribute__((warn_unused_result));
void collection_deinit(struct collection *c);

#endif
