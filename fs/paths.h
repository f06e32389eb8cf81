// SPDX-License-Identifier: MIT
/*
 * paths.h: where the archive, the mount point and the state are, and that
 * none lies in another's way.
 *
 * Everything is made absolute before the daemon leaves its folder. Refused
 * with words that help: a mount point in the archive (we would index
 * ourselves), an archive or a state folder below the mount point (the mount
 * would hide it, or we would wait for ourselves), a mount point that a
 * crashed process has left behind, one where prepfs is already mounted; an
 * archive with nothing in it if the mount point has something: swapped.
 *
 * Threads: reentrant.
 */
#ifndef FS_PATHS_H
#define FS_PATHS_H

#include <stdint.h>

#include "options.h"
#include "prepfs/error.h"

struct paths {
    char *archive;     /* absolute, without links; owned */
    char *mountpoint;  /* the same */
    char *presets;     /* the same, or NULL */
    char *state_dir;   /* absolute, need not exist, or NULL for the default */
    char *disk;        /* the same; NULL: none */
    char *shared_auth; /* absolute, or NULL */
    char *manifest;    /* absolute; links in it are followed again each time */
    int64_t archive_mtime_s;
};

/* ERROR_IO, ERROR_NOT_FOUND or ERROR_USAGE with a message for the user. */
int paths_resolve(const struct options *o, struct paths *ret,
                  struct error *err);
void paths_deinit(struct paths *p);

/* The state folder, which exists by now, against the mount point. */
int paths_check_state(const struct paths *p, const char *state_dir,
                      struct error *err);

/* True if folder `path` is `above` or lies below it, by device and inode. */
bool paths_is_below(const char *path, const char *above);

/* The type of what is mounted exactly at `path` according to a mountinfo
 * file (proc(5)), newest first; 1 found, 0 nothing, -1. */
int paths_mounted_type(const char *mountinfo, const char *path, char *ret,
                       size_t size, struct error *err);

#endif
