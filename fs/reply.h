// SPDX-License-Identifier: MIT
/*
 * reply.h: what the kernel is told when something went wrong.
 *
 * The one place where an error kind becomes an errno, and where a failure is
 * logged: once, with the view and the instance, not once per layer.
 *
 * Threads: everything may be called from any thread.
 */
#ifndef FS_REPLY_H
#define FS_REPLY_H

#include "fs.h"
#include "prepfs/error.h"

/* The errno of an error; EIO for what should not be one. */
int reply_errno(const struct error *err);

/* Is it worth a line in the log? Not what a user merely mistyped. */
bool reply_is_failure(const struct error *err);

/* Answers `req` with the errno and logs a failure. `name` is what was looked
 * for in the folder `number`, or NULL. */
void reply_error(struct fs *fs, fuse_req_t req, uint64_t number,
                 const char *name, const struct error *err);

/* Answers with an errno of the protocol, which nobody needs to read about:
 * EROFS, ENOSYS, ENODATA, ERANGE, ENAMETOOLONG. */
void reply_code(fuse_req_t req, int code);

#endif
