// SPDX-License-Identifier: MIT
/*
 * watch.h: being told by the kernel what changes in the archive.
 *
 *     fanotify   one mark for a whole file system; needs CAP_SYS_ADMIN and
 *                CAP_DAC_READ_SEARCH, and a file system with handles
 *     inotify    a watch for every folder, WATCH_FOLDERS_MAX at most
 *     neither    the archive has to be looked through from time to time
 *
 * The indexer shows every folder that it walks through, before it reads the
 * names in it: so nothing falls between the walk and the watch. What is told
 * are places, not what happened there; they may be more than were changed,
 * and what systems leave behind (walk.h) is not among them.
 *
 * Neither kind sees what another host does to a network file system, which
 * is said when a folder of one is shown.
 *
 * Threads: watch_folder by one thread at a time; the rest by anyone. The
 * callbacks come from a thread of the watch's own.
 */
#ifndef FS_WATCH_H
#define FS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "prepfs/error.h"

enum { WATCH_FOLDERS_MAX = 100000 };

enum watch_kind { WATCH_NONE, WATCH_INOTIFY, WATCH_FANOTIFY };

struct watch_config {
    const char *archive;  /* absolute, without links; copied */
    unsigned folders_max; /* 0: WATCH_FOLDERS_MAX */
    bool no_fanotify;     /* as if the rights for it were missing */
    struct log *log;      /* borrowed */
    /* Something changed at or beneath a path; "": anywhere. */
    void (*touched)(void *opaque, const char *relpath);
    /* It cannot see everything, and why: once for a file system whose changes
     * may come from other hosts; and once when it gives up, which ends it. */
    void (*blind)(void *opaque, const char *why);
    void *opaque;
};

struct watch;

/* Starts it. Caller owns the result. */
struct watch *watch_new(const struct watch_config *config, struct error *err);
void watch_free(struct watch *w); /* NULL is fine */

/* A folder of the archive that is being walked; `fd` is borrowed. */
void watch_folder(struct watch *w, const char *relpath, int fd);

enum watch_kind watch_kind(const struct watch *w);

/* Folders that are watched; of a whole file system, 0. */
uint64_t watch_count(const struct watch *w);

#endif
