// SPDX-License-Identifier: MIT
/*
 * refresh.h: telling the kernel what a rescan changed.
 *
 * The kernel keeps names, attributes and listings for a day. When the tree
 * changes (our own rescan, or that of another process that shares the state)
 * this finds which studies changed since the last time and makes the kernel
 * ask again for those, in every view that was used in this mount. Image
 * bytes need no word: a changed source has a new inode.
 *
 * Threads: one at a time, and never a FUSE thread: a notification waits for
 * requests that a FUSE thread would have to answer.
 */
#ifndef FS_REFRESH_H
#define FS_REFRESH_H

#include "fs.h"
#include "prepfs/error.h"

struct refresh {
    struct fs *fs;           /* borrowed */
    struct fuse_session *se; /* borrowed */
    int64_t epoch;           /* of the manifest, as the kernel knows it */
};

/* What the kernel knows from now on is the manifest of this moment. */
int refresh_init(struct refresh *r, struct fs *fs, struct fuse_session *se,
                 struct error *err);

/* 1 if something had changed and was told, 0 if not, -1. Costs one query if
 * nothing has. */
int refresh_run(struct refresh *r, struct error *err);

#endif
