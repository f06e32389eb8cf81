// SPDX-License-Identifier: MIT
/*
 * indexer.h: when the archive is looked through, and by whom.
 *
 * The first index of an archive runs before the mount, with a line of
 * progress on the terminal, or, with -o index=background, behind it. Every
 * later mount is there at once and a thread looks for changes behind it:
 *
 *     all of the archive   after the mount, on SIGHUP, when somebody asks
 *                          (rescan_socket.h), by the clock
 *     some places of it    where the kernel has told of changes (watch.h)
 *
 * With -o manifest=FILE there is nothing to look through: a pass is a look at
 * FILE, and takes over a new one (manifest_publish.h).
 *
 * schedule.h says when. One pass is made at a time, and readers never wait
 * for it. The indexer notices what another process has indexed, too, tells
 * the kernel (refresh.h), and sees to manifest.db.
 *
 * Threads: indexer_first by the starting thread; ask, answer, progress and
 * rescan from any.
 */
#ifndef FS_INDEXER_H
#define FS_INDEXER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "fs.h"
#include "index/index.h"
#include "prepfs/error.h"

enum { INDEXER_CLOCK_S = 600 }; /* where changes are not told */

struct indexer;

struct indexer_config {
    struct fs *fs;             /* borrowed until indexer_free */
    const char *archive;       /* copied */
    const char *manifest;      /* that is followed, or NULL; copied */
    const char *snapshot;      /* path of manifest.db's file; copied */
    const atomic_bool *cancel; /* ends a pass */
    bool show_progress;        /* standard error is a terminal */
    bool watch;                /* have the kernel tell of changes */
    int64_t clock_s;           /* 0: never, -1: as far as it is needed */
};

/* Caller owns the result. */
struct indexer *indexer_new(const struct indexer_config *config,
                            struct error *err);

/* Stops the threads if they run; a pass under way ends early. NULL is fine. */
void indexer_free(struct indexer *x);

/* Was there ever a complete pass? 1, 0, -1. */
int indexer_has_run(struct indexer *x, struct error *err);

/* The first pass, and the snapshot, in the calling thread. 0; or 1 if another
 * process is at it; or -1, ERROR_INTERRUPTED if it was cancelled. */
int indexer_first(struct indexer *x, struct error *err);

/* Starts the threads, which begin with a pass if `pass_first`. Notifications
 * go to `se`. */
int indexer_start(struct indexer *x, struct fuse_session *se, bool pass_first,
                  struct error *err);

/* Has a pass made soon. */
void indexer_rescan(struct indexer *x);

/* The same, and a ticket for its answer: that of a pass which begins after
 * this call. */
uint64_t indexer_ask(struct indexer *x);

struct indexer_answer {
    bool failed;
    char message[ERROR_MSG_MAX]; /* if it failed */
    struct index_result result;
};

/* Is it there? The kernel has been told of everything then. */
bool indexer_answer(struct indexer *x, uint64_t ticket,
                    struct indexer_answer *ret);

/* What goes on now, in a few words; "" if nothing does. */
void indexer_progress(struct indexer *x, char *buf, size_t size);

#endif
