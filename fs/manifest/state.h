// SPDX-License-Identifier: MIT
/*
 * state.h: where the state of an archive lives.
 *
 * Never in the archive: $XDG_STATE_HOME/prepfs/<archive id>/ (by default
 * ~/.local/state), for root /var/lib/prepfs/<archive id>/, or where
 * -o state=DIR says. Threads: reentrant (reads the environment).
 */
#ifndef MANIFEST_STATE_H
#define MANIFEST_STATE_H

#include <stdbool.h>

#include "prepfs/error.h"

#define STATE_ID_SIZE 17

/* First 16 hex digits of SHA-256(realpath). ERROR_NOT_FOUND, ERROR_IO. */
int state_archive_id(const char *archive, char ret[STATE_ID_SIZE],
                     struct error *err);

/* The default folder; it need not exist. *ret is malloc'd, caller owns. */
int state_default(const char *archive, char **ret, struct error *err);

/* Is it a folder of ours in which nobody else can write? ERROR_USAGE. */
int state_check_private(const char *path, struct error *err);

/*
 * The folder to use: `wanted`, or the default if that is NULL, made with its
 * parents (mode 0700) if missing. *ret is its absolute path, malloc'd.
 * ERROR_USAGE if it lies in the archive, which is never written to; ERROR_IO.
 * With `create` false a missing folder is ERROR_NOT_FOUND; else the folder is
 * one that state_check_private takes: who can write in it could have us read
 * and write other files, or show other images.
 */
int state_prepare(const char *archive, const char *wanted, bool create,
                  char **ret, struct error *err);

#endif
