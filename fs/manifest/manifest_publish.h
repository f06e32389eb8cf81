// SPDX-License-Identifier: MIT
/*
 * manifest_publish.h: one index for many machines.
 *
 * Where the archive is indexed, manifest_publish writes a copy of the manifest
 * that is sealed: one file without a log, with a digest of all its bytes.
 * Elsewhere manifest_adopt makes it the content of a state folder, which from
 * then on follows it: sources, images, numbers and names are the file's, so
 * that inodes, leaves and cache keys are the same on every machine, and only
 * what is found out by reading (views, sizes, crop boxes) is the machine's
 * own. Nothing that follows is indexed.
 *
 * It is a copy, since SQLite's locks and logs need a local disk, and so that
 * the file may be replaced, and its server be away, while it is in use.
 *
 * Threads: as manifest.h.
 */
#ifndef MANIFEST_MANIFEST_PUBLISH_H
#define MANIFEST_MANIFEST_PUBLISH_H

#include "manifest/manifest.h"

/*
 * Writes the manifest to `path`, through a temporary file beside it that is
 * checked, synchronised and renamed. Mode and owner stay those of a file that
 * is replaced; a new one has mode 0600. ERROR_USAGE if the archive was never
 * indexed to the end, if this manifest follows another itself or shows a
 * cohort only; ERROR_CORRUPT if it is damaged.
 */
int manifest_publish(struct manifest *m, const char *path, struct error *err);

struct manifest_adopted {
    bool changed;       /* it was another one before */
    uint64_t files;     /* of the archive */
    uint64_t added;     /* images that are there now and were not */
    uint64_t vanished;  /* and the other way round */
    uint64_t kept_rows; /* of what was found out here, still true */
};

/*
 * Makes the published manifest at `path` the content of this one, in one
 * transaction: readers see the one or the other. Nothing happens if it is
 * already. `in_use`: numbers of the old one are known to a kernel, so that
 * only a later copy of the same manifest will do.
 *
 * ERROR_NOT_FOUND, ERROR_IO; ERROR_USAGE if it is no manifest, was not
 * published, or cannot take this one's place, or this one is an index of its
 * own; ERROR_UNSUPPORTED (another version of the tables); ERROR_CORRUPT.
 * ERROR_IO/EWOULDBLOCK while another process does the same.
 */
int manifest_adopt(struct manifest *m, const char *path, bool in_use,
                   struct manifest_adopted *ret, struct error *err);

/* Does this manifest follow a published one? Not changed by anything but
 * manifest_adopt. */
bool manifest_follows(const struct manifest *m);

/* 0; or ERROR_USAGE, which says where to index instead, if it does. */
int manifest_check_own(const struct manifest *m, struct error *err);

#endif
