// SPDX-License-Identifier: MIT
/*
 * disk_rig.h: a disk tier in a folder of its own, without a cache.
 *
 * Block n is noise that follows from n; whatever is found is compared with it.
 * Writing and reading can be made to fail: the program is linked with
 * --wrap=pwrite and --wrap=preadv (and those of 64 bits).
 */
#ifndef TESTS_SUPPORT_DISK_RIG_H
#define TESTS_SUPPORT_DISK_RIG_H

#include <stdatomic.h>

#include "prepfs/cache_disk.h"

#define MIB ((uint64_t)1 << 20)

struct disk_rig {
    char *scratch; /* holds the folder of the disk */
    char dir[256];
    struct cache_disk_config config; /* for the next rig_open */
    struct cache_disk *disk;
    struct cache_tier tier;
    char last_line[300]; /* of the log, and how many */
    int lines;
    atomic_int write_fault, read_fault; /* errno, or 0 */
    atomic_llong write_room;            /* bytes until write_fault; -1 */
    atomic_uint reads;                  /* calls of preadv */
};

extern struct disk_rig rig;

/* A checked fixture: an open disk of 64 MiB. */
void rig_set_up(void);
void rig_tear_down(void);

void rig_open(void);
void rig_close(void); /* in order */
void rig_lose(void);  /* as a process that is killed: what was written is
                       * there, no more */

struct cache_key rig_key(uint64_t n);
void rig_bytes_of(uint64_t n, uint8_t *data, size_t size);
void rig_offer(uint64_t n, size_t size);
void rig_settle(void);
bool rig_get(uint64_t n, size_t size);                       /* is it there? */
unsigned rig_found(uint64_t from, uint64_t to, size_t size); /* how many are */

/* Asks for `count` blocks with one call, of size_of(n) bytes each; ret[i]: is
 * that one there? Returns how many are. */
unsigned rig_get_all(const uint64_t *n, size_t count,
                     size_t (*size_of)(uint64_t n), bool *ret);
struct cache_disk_stats rig_stats(void);
uint64_t rig_bytes_on_disk(void); /* of all segments */

#endif
