// SPDX-License-Identifier: MIT
/*
 * crew.h: the leaves of a view, worked through by several threads.
 *
 *     listing (the caller's thread) --> queue, bounded --> workers
 *
 * Leaves are handed out in the order of the listing, which is that of the
 * sources on the disk. A run may be of some of them only (shard.h).
 *
 * Threads: crew_run is called by one thread and returns when all is done.
 */
#ifndef CTL_CREW_H
#define CTL_CREW_H

#include <stdatomic.h>

#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "engine/engine.h"

enum crew_verdict {
    CREW_DONE,
    CREW_SKIPPED, /* nothing was to be done */
    CREW_FAILED,  /* this leaf; the others go on */
    CREW_STOP     /* this leaf, and no other can do better */
};

struct crew_config {
    struct engine *engine;
    uint16_t view_id;
    unsigned threads; /* 0: one per processor */
    bool strict;      /* the first failure ends the run */
    const atomic_bool *cancel;
    struct progress *progress;
    /* Works on one leaf; `worker` counts from 0. Adds the bytes it made to
     * *ret_bytes. Called by several threads at once. With CREW_FAILED and
     * CREW_STOP *err says why. */
    enum crew_verdict (*work)(void *opaque, unsigned worker,
                              const struct engine_leaf *leaf,
                              uint64_t *ret_bytes, struct error *err);
    /* Told when the leaves are listed from the first on, which may happen
     * twice; may be NULL. */
    void (*begin)(void *opaque);
    /* Leaves that are none of this run's business are not even counted; may
     * be NULL. One thread at a time. */
    bool (*wanted)(void *opaque, const struct engine_leaf *leaf);
    /* Told of what failed, one thread at a time. May be NULL; the path is in
     * the message otherwise. */
    void (*failed)(void *opaque, const struct engine_leaf *leaf,
                   const struct error *why);
    void *opaque;
};

struct crew_result {
    uint64_t done;
    uint64_t skipped;
    uint64_t failed;
    uint64_t bytes;
};

unsigned crew_threads(unsigned wanted);

/* engine_start, as --workers and --jobs say: as many workers as a crew has
 * threads unless something else is said. */
int ctl_engine_start(struct engine *e, const struct ctl_args *args,
                     struct error *err) __attribute__((warn_unused_result));

/* An engine as --gaps, --workers and --jobs say: engine_open, after
 * ctl_engine_start if that was not called. *e is zeros before. */
int ctl_engine_open(struct engine *e, const struct ctl_args *args,
                    const char *archive, struct manifest *manifest,
                    struct error *err) __attribute__((warn_unused_result));

/*
 * Works through a view. 0 also if leaves failed; -1 if the listing failed, a
 * leaf said CREW_STOP, a leaf failed and `strict` is set, or *cancel became
 * true (ERROR_INTERRUPTED). *ret is added to.
 */
int crew_run(const struct crew_config *config, struct crew_result *ret,
             struct error *err) __attribute__((warn_unused_result));

#endif
