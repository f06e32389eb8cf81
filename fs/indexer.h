// SPDX-License-Identifier: MIT
/*
 * indexer.h: when the archive is looked through, and by whom.
 *
 * The first index of an archive runs before the mount, with a line of
 * progress on the terminal, or, with -o index=background, behind it. Every
 * later mount is there at once and a thread looks for changes behind it:
 * once after the mount and on SIGHUP. The same thread notices what another
 * process has indexed, tells the kernel, and sees to manifest.db.
 *
 * Threads: indexer_first by the starting thread; indexer_rescan from any.
 */
#ifndef FS_INDEXER_H
#define FS_INDEXER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "fs.h"
#include "index/index.h"
#include "prepfs/error.h"

struct indexer;

struct indexer_config {
    struct fs *fs;             /* borrowed until indexer_free */
    const char *archive;       /* copied */
    const char *snapshot;      /* path of manifest.db's file; copied */
    const atomic_bool *cancel; /* ends a pass */
    bool show_progress;        /* standard error is a terminal */
};

/* Caller owns the result. */
struct indexer *indexer_new(const struct indexer_config *config,
                            struct error *err);

/* Stops the thread if it runs; a pass under way ends early. NULL is fine. */
void indexer_free(struct indexer *x);

/* Was there ever a complete pass? 1, 0, -1. */
int indexer_has_run(struct indexer *x, struct error *err);

/* The first pass, and the snapshot, in the calling thread. 0; or 1 if another
 * process is at it; or -1, ERROR_INTERRUPTED if it was cancelled. */
int indexer_first(struct indexer *x, struct error *err);

/* Starts the thread, which begins with a pass if `pass_first`. Notifications
 * go to `se`. */
int indexer_start(struct indexer *x, struct fuse_session *se, bool pass_first,
                  struct error *err);

/* Has the thread make a pass soon. */
void indexer_rescan(struct indexer *x);

/* "indexing: 12345 of 20000 files, 950 files/s, 8 s left" */
void indexer_progress_line(const struct index_progress *p, char *buf,
                           size_t size);

#endif
