// SPDX-License-Identifier: MIT
/*
 * session.h: the connection to the kernel: mount, serve, leave.
 *
 * How a mount ends. `fusermount3 -u` just ends the loop. A first SIGINT or
 * SIGTERM detaches the mount lazily: its place is free at once, nobody can
 * enter any more, and who is inside goes on reading until the last file is
 * closed or SESSION_GRACE_S have passed. A second one ends at once. SIGHUP
 * never ends anything.
 *
 * Threads: session_run is called by one thread, session_detach and
 * session_stop by another; the rest before or after both.
 */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#include <stdbool.h>

#include "fs.h"
#include "prepfs/error.h"

enum { SESSION_GRACE_S = 10 };

struct session;

/* Prepares a session on `fs` (borrowed). Caller owns the result. */
struct session *session_new(struct fs *fs, const char *archive,
                            struct error *err);
void session_free(struct session *s); /* unmounts if need be; may be NULL */

/* Mounts at an absolute path (copied). */
int session_mount(struct session *s, const char *mountpoint, struct error *err);

/* Serves until the mount ends. 0, or -1 if the connection broke. Of all
 * signals only SIGUSR2 is let through to the calling thread. */
int session_run(struct session *s, struct error *err);

/* Waits for a mount to answer a request of our own. */
int session_probe(const char *mountpoint, struct error *err);

/* Takes the mount out of the tree; its users stay connected. */
void session_detach(struct session *s);

/* After session_run: ends the connection of a detached mount, so that who
 * waits for an answer that will not come (a notification, too) gets an error.
 * NULL is fine. */
void session_disconnect(struct session *s);

/* Makes session_run return; call it again until it has. */
void session_stop(struct session *s);

/* Asks the kernel for this read-ahead on a mount. ERROR_IO if it does not let
 * us. */
int session_set_read_ahead(const char *mountpoint, uint64_t kb,
                           struct error *err);

/* For notifications. */
struct fuse_session *session_fuse(struct session *s);

/* "3.14", of the libfuse that is loaded. */
void session_fuse_version(char *buf, size_t size);

#endif
