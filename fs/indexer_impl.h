// SPDX-License-Identifier: MIT
/*
 * indexer_impl.h: what indexer.c (threads and turns) and indexer_pass.c (one
 * pass) share; private to them.
 */
#ifndef FS_INDEXER_IMPL_H
#define FS_INDEXER_IMPL_H

#include "indexer.h"
#include "refresh.h"
#include "schedule.h"
#include "touched.h"
#include "watch.h"

struct indexer {
    struct fs *fs;
    char *archive;
    char *snapshot;
    char *manifest; /* NULL: there is an archive to look through */
    const atomic_bool *cancel;
    bool show_progress;
    int64_t clock_s;
    struct watch *watch; /* NULL: nobody tells */

    struct refresh refresh; /* the teller's, */
    bool is_stale;          /* as the snapshot of a cohort */
    bool passer_runs;
    bool teller_runs;
    pthread_t passer; /* passes and snapshots */
    pthread_t teller; /* tells the kernel, also during a pass */

    /* the passer's */
    bool snapshot_wanted;
    uint64_t snapshot_rest_until; /* ms */

    struct lock lock; /* the rest */
    pthread_cond_t wake;
    bool stop;
    struct schedule schedule;
    struct touched touched;
    uint64_t asked, answered; /* tickets */
    struct indexer_answer answer;
    uint64_t tell_asked, told; /* rounds of the teller */
    bool in_pass, waits_for_other;
    bool wants_snapshot; /* of what others have indexed */
    struct index_progress progress;
};

/*
 * One pass: of all, or of `places`. 0; 1 if another process is indexing this
 * archive; -1. Files that are being written are added to x->touched.
 */
int indexer_pass(struct indexer *x, const struct touched *places,
                 struct index_result *ret, struct error *err);

bool indexer_changed(const struct index_result *r);

/* Starts the watch; without one, says so in the log. */
void indexer_watch(struct indexer *x);

#endif
