// SPDX-License-Identifier: MIT
/*
 * defer.h: a request that the pool answers.
 *
 * The request waits in a job of the pool. Whoever can answer first does, and
 * nobody else: the job when its work is done, or the interrupt when the
 * process that waits was killed (without that it would stay in D state until
 * the decode is over). Interrupted while it waits, the job is taken back;
 * interrupted while it works, its work goes on, for the cache, unanswered.
 *
 * Threads: everything may be called from any thread.
 */
#ifndef FS_DEFER_H
#define FS_DEFER_H

#include "fs.h"

struct deferred;

/* Does the work, then answers through defer_claim. Runs on the pool. */
typedef void (*deferred_fn)(struct deferred *d);

/* What the request asked; plain data, read by the work. */
struct deferred_args {
    uint64_t number; /* inode, or the parent's */
    uint64_t offset;
    size_t size;
    bool noted; /* readers_note_read was told */
    char name[VIEW_NAME_MAX + 1];
};

/* Hands a request over; it will be answered, also if this fails. */
void defer(struct fs *fs, fuse_req_t req, uint64_t key, deferred_fn work,
           const struct deferred_args *args);

struct fs *deferred_fs(const struct deferred *d);
const struct deferred_args *deferred_args(const struct deferred *d);

/* The request, if it is still to be answered; NULL if it was interrupted.
 * After this the caller must answer it. Once per deferred. */
fuse_req_t deferred_claim(struct deferred *d);

#endif
