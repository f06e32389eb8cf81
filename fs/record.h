// SPDX-License-Identifier: MIT
/*
 * record.h: why an image could not be shown, kept in the manifest.
 *
 * A failure of a leaf becomes a row of table `error` (and so a line of
 * .prepfs/errors.tsv and the attribute user.prepfs.error). The row is written
 * by the pool: a write may have to wait for an index batch, and no FUSE
 * thread waits for that.
 *
 * Threads: struct recorder is internally locked.
 */
#ifndef FS_RECORD_H
#define FS_RECORD_H

#include <stdint.h>

#include "manifest/manifest.h"
#include "pool.h"
#include "prepfs/error.h"

struct recorder;

/* Both are borrowed until recorder_free, which comes after pool_free. */
struct recorder *recorder_new(struct manifest *m, struct pool *pool,
                              struct error *err);
void recorder_free(struct recorder *r); /* may be NULL */

/*
 * Records that `stage` ("size" or "read") failed for an inode; does nothing
 * if it is no leaf or the error says nothing about the file. The same again
 * soon costs no more than a look into a table.
 */
void record_failure(struct recorder *r, uint64_t number, const char *stage,
                    int code, const struct error *err);

#endif
