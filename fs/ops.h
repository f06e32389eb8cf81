// SPDX-License-Identifier: MIT
/*
 * ops.h: the FUSE operations: unpack, call, reply.
 *
 * What each request costs in a warm mount, and why:
 *
 *   LOOKUP, GETATTR   row or arithmetic; answered by the pool only where a
 *                     size needs pixels. Kept by the kernel for a day.
 *   OPEN              answered once with ENOSYS: after that the kernel opens
 *                     and closes without asking, and keeps the pages.
 *   READ              from the cache on the FUSE thread, else by the pool.
 *   OPENDIR           says whether the kernel may keep the listing.
 *   anything else     EROFS, also after mount -o remount,rw.
 *
 * Threads: the operations are called by libfuse's threads, in parallel.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "fs.h"

/* The table, with the operations for extended attributes only if wanted:
 * without them the kernel asks once and never again. */
struct fuse_lowlevel_ops ops_table(bool with_xattr);

enum {
    OPS_DAY_S = 86400,  /* what only a rescan changes, which then says so */
    OPS_BRIEF_S = 1,    /* presets, manifest.db */
    OPS_NEGATIVE_S = 60 /* missing names inside a view */
};

#endif
