// SPDX-License-Identifier: MIT
/*
 * cache_disk.h: a folder on a local disk as a tier of the cache.
 *
 * Blocks are appended to segments, files of up to 64 MiB, and found again
 * after a restart or a crash. When the folder is full the oldest segment
 * goes; records of it that were read since they were written, or that are in
 * memory now, are carried over to the newest, once. Every record is compared
 * with its checksums and its whole key when it is read.
 *
 * Whatever is wrong with the folder, its readers do not notice: a damaged
 * record is not there, a full disk ends the writing, a broken one ends the
 * reading too. It is said once (log) and counted.
 */
#ifndef PREPFS_CACHE_DISK_H
#define PREPFS_CACHE_DISK_H

#include "prepfs/cache_tier.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cache_disk; /* internally locked */

struct cache_disk_config {
    const char *dir;      /* made if it is missing, mode 0700; copied */
    uint64_t bytes_max;   /* of all segments, at least CACHE_DISK_MIN; 0: half
                           * of what is free there or its own */
    uint64_t index_max;   /* memory of the index, at least 1 MiB; 0: no limit */
    uint64_t bytes_per_s; /* written; 0: no limit */
    uint64_t bytes_per_day; /* written; 0: no limit; CACHE_DISK_ITS_SIZE: as
                             * much as the file system can hold */
    unsigned lock_wait_ms;  /* how long to wait for another one that is just
                             * closing the folder */
    unsigned load_ms; /* how long cache_disk_open may read tables; the rest is
                       * read by and by, from the feeder. 0: 2 s */
    void (*log)(void *opaque, const char *line); /* any thread; may be NULL */
    void *log_opaque;
};

#define CACHE_DISK_MIN ((uint64_t)16 << 20)
#define CACHE_DISK_ITS_SIZE UINT64_MAX

/* A folder with other things in it is refused, and so is one that is in use
 * (ERROR_USAGE). Caller closes it, after the cache it is a tier of. */
struct cache_disk *cache_disk_open(const struct cache_disk_config *config,
                                   struct error *err);
void cache_disk_close(struct cache_disk *disk); /* may be NULL */

/* Where it is, absolute and without links; valid as long as the disk. */
const char *cache_disk_dir(const struct cache_disk *disk);

/* To be put into cache_config. */
struct cache_tier cache_disk_tier(struct cache_disk *disk);

/* The cache it is a tier of, so that it knows what is in memory: what is used
 * there is not read here. Until cache_free; NULL: none. */
void cache_disk_watch(struct cache_disk *disk, struct cache *cache);

enum cache_disk_state {
    CACHE_DISK_ON,
    CACHE_DISK_READ_ONLY, /* nothing more is written */
    CACHE_DISK_OFF        /* nor read */
};

struct cache_disk_stats {
    uint64_t state; /* enum cache_disk_state */
    uint64_t bytes, bytes_max;
    uint64_t records, segments;
    uint64_t index_bytes;
    uint64_t loading;      /* segments whose tables are still to be read */
    uint64_t written;      /* bytes, since it was opened */
    uint64_t carried;      /* of these, records carried over */
    uint64_t dropped;      /* segments dropped for room */
    uint64_t damaged;      /* records that were not what they should be */
    uint64_t read_errors;  /* that the system reported */
    uint64_t write_errors; /* the same */
    uint64_t skipped;      /* blocks not written, though offered */
    uint64_t day_left;     /* bytes that may be written now, of a day's; or
                            * UINT64_MAX */
};

void cache_disk_stats_get(struct cache_disk *disk,
                          struct cache_disk_stats *ret);

/*
 * Removes all blocks from a folder. If it is in use, whoever uses it is asked
 * to do so, which takes a second; ERROR_IO if that does not happen within
 * `wait_ms`. ERROR_NOT_FOUND if it is no folder of ours. *ret_segments (may
 * be NULL): how many files went.
 */
int cache_disk_purge(const char *dir, unsigned wait_ms, uint64_t *ret_segments,
                     struct error *err);

#ifdef __cplusplus
}
#endif

#endif
