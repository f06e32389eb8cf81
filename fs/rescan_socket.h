// SPDX-License-Identifier: MIT
/*
 * rescan_socket.h: where a running mount is asked to look for changes.
 *
 * A stream socket in the state folder, mode 0600, that answers root and who
 * mounts. `.prepfs/socket` in the mount holds its path, which is how
 * `prepfsctl rescan MOUNTPOINT` finds it. A request is a line, and so is all
 * that comes back, until the other side closes:
 *
 *     rescan
 *         progress TEXT     what goes on; any number of times
 *         result TEXT       a line of the summary
 *         failed TEXT       instead of those
 *         done
 *
 * A mount has no way to be asked through itself: a file that waits when it is
 * read would hold up whoever looks into .prepfs, and the kernel lets nobody
 * write to a mount that is read-only.
 *
 * Threads: its own; new and free by one.
 */
#ifndef FS_RESCAN_SOCKET_H
#define FS_RESCAN_SOCKET_H

#include "indexer.h"
#include "prepfs/error.h"

enum { RESCAN_CALLERS_MAX = 8 };

struct rescan_socket;

/* A path for a new one in a state folder: malloc'd, caller owns. */
char *rescan_socket_path(const char *state_dir, struct error *err);

/* Begins to listen at `path` (copied), and removes what dead mounts have left
 * beside it. `indexer` is borrowed. Caller owns the result. */
struct rescan_socket *
rescan_socket_new(const char *path, struct indexer *indexer, struct error *err);
/* Who waits is told that the mount ends. NULL is fine. */
void rescan_socket_free(struct rescan_socket *s);

/* The other side: a connected descriptor. ERROR_NOT_FOUND if nobody listens
 * there any more, ERROR_IO. */
int rescan_socket_connect(const char *path, struct error *err);

#endif
