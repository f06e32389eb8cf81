// SPDX-License-Identifier: MIT
/*
 * disk_parts.h: what the files of the disk tier share.
 *
 *     disk.c          the tier: get, offer, settle; statistics
 *     disk_read.c     finding and checking records
 *     disk_dir.c      the folder: making, locking, listing, purging
 *     disk_load.c     segments of an earlier run
 *     disk_write.c    the open segment, and dropping the oldest
 *     disk_format.c   what is in a file;  disk_index.c  what is in memory
 *
 * Locks: disk->lock protects what is marked. It is taken for pointer work
 * only; no file is read, written or opened under it, but for the oldest
 * descriptors being closed. Everything else belongs to the feeder's thread
 * (appetite, offer, settle) once cache_disk_open has returned.
 */
#ifndef PREPFS_CACHE_DISK_PARTS_H
#define PREPFS_CACHE_DISK_PARTS_H

#include "prepfs/cache_disk.h"
#include "prepfs/lock.h"

#include "disk_format.h"
#include "disk_index.h"

#include <stdatomic.h>

#define DISK_MARK "prepfs-blocks" /* the file that is locked */
#define DISK_PURGE "purge"        /* asks who uses the folder to empty it */
#define DISK_NAME_MAX 32

/* One segment. Protected by disk->lock, but for what never changes. */
struct segment {
    uint64_t sequence, created; /* never change */
    uint64_t seed;              /* nor this, once it is loaded */
    uint64_t bytes;             /* of the file */
    int fd;                     /* -1: not open now */
    unsigned users;             /* that read it */
    bool loaded;                /* its records are in the index */
    bool dropped;               /* goes with its last user */
};

/* What is being written: the feeder's alone. */
struct disk_writer {
    struct segment *segment; /* NULL: none is open */
    int fd;
    uint64_t end; /* of what is in the file */
    struct segment_table table;
    size_t indexed;  /* rows that are in the index already */
    uint8_t *buffer; /* what comes behind `end` */
    size_t used;
    uint64_t dirty_ms; /* since when something is not synced; 0: nothing */
};

struct cache_disk {
    /* Immutable: */
    char *dir;
    int dir_fd, mark_fd;
    uint64_t bytes_max, segment_max;
    void (*log)(void *opaque, const char *line);
    void *log_opaque;

    struct lock lock;
    /* Protected by lock: */
    struct disk_index index;
    struct segment **segments; /* by sequence, oldest first */
    size_t segment_count, segment_room;
    unsigned open_files;
    struct cache_disk_stats stats;

    atomic_int state; /* enum cache_disk_state */
    _Atomic(struct cache *) cache;

    /* The feeder's: */
    struct disk_writer writer;
    uint64_t next_sequence;
    uint64_t to_load; /* segments, the newest of these first */
    uint64_t bytes_per_s, bytes_per_day;
    double second_left, day_left; /* bytes that may be written */
    uint64_t refilled_ms, looked_ms;
};

uint64_t disk_now_ms(void);
uint64_t disk_hash(const struct cache_key *key);
struct disk_place disk_place_of(const struct segment *segment,
                                const struct table_row *row);

/* Goes to a worse state; the first time it is said why. */
void disk_give_up(struct cache_disk *disk, enum cache_disk_state state,
                  const char *what, int sys_errno);

/* Counts one more. `counter` is a member of disk->stats. */
void disk_count(struct cache_disk *disk, uint64_t *counter, uint64_t by);

/* ---- disk_dir.c ---- */

/* Opens and locks the folder. */
int disk_dir_open(struct cache_disk *disk, unsigned wait_ms, struct error *err);
void disk_dir_closing(struct cache_disk *disk); /* tells who waits for it */
void disk_dir_close(struct cache_disk *disk);

void disk_segment_name(uint64_t sequence, char ret[DISK_NAME_MAX]);

/* Numbers of the segments in a folder, sorted. Caller frees. */
int disk_dir_list(int dir_fd, uint64_t **ret, size_t *ret_count);

/* Was it asked to be emptied? disk_dir_purged says that it was done. */
bool disk_dir_wants_purge(struct cache_disk *disk);
void disk_dir_purged(struct cache_disk *disk);

/* ---- segments (disk_segments.c) ---- */

/* Takes a reference. NULL: no such segment. */
struct segment *segment_get_locked(struct cache_disk *disk, uint32_t low)
    REQUIRES(disk->lock);
void segment_put(struct cache_disk *disk, struct segment *segment);

/* Its descriptor, valid while the reference is; -1 with errno. */
int segment_fd(struct cache_disk *disk, struct segment *segment);

/* A new one at the end of the list; takes over the descriptor (may be -1).
 * NULL: no memory, and the descriptor is still the caller's. */
struct segment *segment_add(struct cache_disk *disk, uint64_t sequence,
                            uint64_t bytes, int fd);

/* Out of the list and the folder, if it is not already. Its records are gone
 * from the index, or `sweep` takes them out. */
void segment_drop(struct cache_disk *disk, struct segment *segment, bool sweep);

/* ---- disk_read.c ---- */

#define DISK_READ_MAX 32

/* Looks for up to DISK_READ_MAX blocks (cache_tier_ops.get). */
void disk_read_records(struct cache_disk *disk, struct cache_want *wants,
                       size_t n);

/* ---- disk_load.c ---- */

int disk_load_list(struct cache_disk *disk, struct error *err);

/* Reads tables until `end_ms` (at least one); true while there are more. */
bool disk_load_some(struct cache_disk *disk, uint64_t end_ms);

/* ---- disk_write.c ---- */

/* False: it could not be kept (and the disk is perhaps given up). */
bool disk_append(struct cache_disk *disk, const struct cache_stored *block,
                 uint32_t flags);
void disk_flush(struct cache_disk *disk);
void disk_sync(struct cache_disk *disk); /* what was written a while ago */
void disk_finish(struct cache_disk *disk);

/* Drops everything. */
void disk_empty(struct cache_disk *disk);

#endif
