// SPDX-License-Identifier: MIT
/*
 * disk.h: the options disk, disk_size, disk_rate and disk_day, applied.
 *
 * Threads: one at a time.
 */
#ifndef FS_DISK_H
#define FS_DISK_H

#include "log.h"
#include "options.h"
#include "prepfs/cache_disk.h"

/* 0: let the place decide, or no limit; UINT64_MAX: no limit. */
#define DISK_OFF UINT64_MAX

/* Opens the folder for blocks that leave memory. `cache_bytes`: memory of the
 * cache, of which the folder's index may take a quarter. The log is borrowed.
 * NULL with *err. */
struct cache_disk *disk_open(const struct options *options, const char *dir,
                             uint64_t cache_bytes, struct log *log,
                             struct error *err);

#endif
