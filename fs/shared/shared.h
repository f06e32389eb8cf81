// SPDX-License-Identifier: MIT
/*
 * shared.h: servers (memcached) in the network as a tier of the cache.
 *
 * Whatever is wrong with a server, readers notice nothing but that a block is
 * not there: each get ends after `time_ms`, a server that fails three times in
 * a row is left alone (breaker.h), and what it hands out is compared with its
 * sum and its whole key (value.h). Servers are found out where they are,
 * probed and written to by threads of their own, for which nobody waits.
 */
#ifndef SHARED_SHARED_H
#define SHARED_SHARED_H

#include "address.h"
#include "prepfs/cache_tier.h"

struct shared; /* internally locked */

enum { SHARED_AUTH_SIZE = 256 };

struct shared_config {
    const struct addresses *servers;
    unsigned time_ms;  /* that a get may take; 0: 50 */
    unsigned names_ms; /* how long shared_open waits for names of servers to be
                        * found out; 0: 1 s */
    unsigned pause_ms; /* that a server is left alone the first time; 0: 1 s */
    const char *auth;  /* "USER PASSWORD"; NULL: none */
    void (*log)(void *opaque, const char *line); /* any thread; may be NULL */
    void *log_opaque;
};

/* Starts threads: not before a fork. The configuration is copied. Caller
 * closes it, after the cache it is a tier of. */
struct shared *shared_open(const struct shared_config *config,
                           struct error *err);
void shared_close(struct shared *shared); /* may be NULL */

/* To be put into cache_config. */
struct cache_tier shared_tier(struct shared *shared);

/* USER:PASSWORD from the first line of a file that nobody but its owner, who
 * is root or ourselves, may read. ERROR_USAGE, ERROR_IO. */
int shared_auth_read(const char *path, char ret[SHARED_AUTH_SIZE],
                     struct error *err) __attribute__((warn_unused_result));

/* Counters of one server, or of all together. */
struct shared_stats {
    uint64_t servers;       /* 1, or how many */
    uint64_t open;          /* of these, left alone now */
    uint64_t opened;        /* how often that began */
    uint64_t hits;          /* blocks it had */
    uint64_t misses;        /* ... and had not */
    uint64_t skipped;       /* blocks it could not be asked for */
    uint64_t rejected;      /* values that were no such block */
    uint64_t timeouts;      /* gets that took too long */
    uint64_t errors;        /* connections refused or lost, nonsense said */
    uint64_t bytes_read;    /* of values */
    uint64_t bytes_written; /* the same */
    uint64_t written;       /* blocks it has taken */
    uint64_t refused;       /* blocks it would not take */
    uint64_t dropped;       /* blocks that were offered and not sent */
    uint64_t connections;   /* now */
};

unsigned shared_count(const struct shared *shared);

/* number >= shared_count: all together, without a name. */
void shared_stats_get(struct shared *shared, unsigned number,
                      char ret_name[ADDRESS_TEXT_SIZE],
                      struct shared_stats *ret);

#endif
