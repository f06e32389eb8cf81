// SPDX-License-Identifier: MIT
/*
 * stats.h: how many requests of each kind the kernel sent, and with what end.
 *
 * Counters are spread over cache lines by thread and summed when they are
 * read, so that counting does not make threads wait for each other.
 *
 * Threads: everything may be called from any thread.
 */
#ifndef FS_STATS_H
#define FS_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum stats_counter {
    STATS_LOOKUP,
    STATS_FORGET, /* inodes, not messages */
    STATS_GETATTR,
    STATS_READLINK,
    STATS_OPEN,
    STATS_READ,
    STATS_OPENDIR,
    STATS_READDIR,
    STATS_READDIRPLUS,
    STATS_RELEASEDIR,
    STATS_STATFS,
    STATS_GETXATTR,
    STATS_LISTXATTR,
    STATS_REFUSED_WRITE, /* anything answered with EROFS */
    STATS_INTERRUPT,
    STATS_REPLY_ERROR, /* replies with an errno that is a failure */
    STATS_READ_INLINE, /* READs answered on the FUSE thread */
    STATS_READ_POOL,   /* READs answered from the pool */
    STATS_BYTES_SENT,  /* bytes in READ replies */
    STATS_COUNTERS
};

enum { STATS_LANES = 16, STATS_WAITS = 24 };

/* n[i] counts waits of less than 2^i microseconds (and at least half of
 * that); the last takes all longer ones. */
struct stats_waits {
    _Atomic uint64_t n[STATS_WAITS];
    _Atomic uint64_t sum_us;
};

/* Reads of one view that were answered. */
struct stats_view {
    _Atomic uint64_t reads;
    _Atomic uint64_t bytes;
};

struct stats {
    struct stats_view *views; /* by number; NULL: not counted. Owned */
    struct stats_waits pool;  /* of requests that the pool answered */
    struct stats_lane {
        _Alignas(64) _Atomic uint64_t n[STATS_COUNTERS];
    } lanes[STATS_LANES];
};

enum { STATS_VIEWS = 65536 };

void stats_init(struct stats *stats);
void stats_deinit(struct stats *stats);
void stats_add(struct stats *stats, enum stats_counter counter, uint64_t n);
void stats_sum(const struct stats *stats, uint64_t ret[STATS_COUNTERS]);

/* A read of this view was answered with so many bytes. */
void stats_add_read(struct stats *stats, uint16_t view, uint64_t bytes);

void stats_add_wait(struct stats_waits *waits, uint64_t us);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t stats_now_us(void);

/* As it is spelled in stats.json. */
const char *stats_name(enum stats_counter counter);

#endif
