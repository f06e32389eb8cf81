// SPDX-License-Identifier: MIT
/*
 * report.h: the live counters of a mount, as stats.json and stats.prom.
 *
 * The keys are a contract (prepfs(1), "Statistics"): they may be added to,
 * never renamed. All come from one list, so both formats always agree.
 *
 * Threads: struct report is immutable after it was filled, but for `indexing`
 * and its numbers, which are atomics; the sources lock themselves.
 */
#ifndef FS_REPORT_H
#define FS_REPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cohort.h"
#include "manifest/manifest.h"
#include "pool.h"
#include "prepfs/cache_disk.h"
#include "prepfs/error.h"
#include "readers.h"
#include "render/render.h"
#include "shared/shared.h"
#include "stats.h"

struct report {
    struct stats *stats; /* all borrowed */
    struct pool *pool;
    struct render *render;
    struct workers *workers; /* may be NULL */
    struct cache *cache;
    struct cache_disk *disk; /* the cache's first tier, or NULL */
    struct shared *shared;   /* its last tier, or NULL */
    /* shared_stats_get: by name, so that programs without a mount are not
     * linked with what talks to servers */
    void (*shared_stats)(struct shared *shared, unsigned number,
                         char name[ADDRESS_TEXT_SIZE],
                         struct shared_stats *ret);
    struct readers *readers;
    struct manifest *manifest;
    struct cohort *cohort; /* may be NULL */
    bool epochs;           /* the cache is guarded */
    uint64_t started_ms;   /* log_now_ms() at mount */
    unsigned fuse_threads;
    unsigned fuse_version; /* 314 for 3.14 */
    /* set by INIT, before any other request */
    atomic_uint proto_minor;
    atomic_bool parallel_dirops;
    /* set by the indexer */
    atomic_bool indexing;
    _Atomic uint64_t index_done;
    _Atomic uint64_t index_total;
    _Atomic uint64_t passes;        /* over all of the archive */
    _Atomic uint64_t passes_places; /* over some places of it */
    _Atomic uint64_t pass_ms;       /* that the latest took */
    _Atomic uint64_t changes;
    _Atomic uint64_t unsettled;
    _Atomic uint64_t watched_folders;
    atomic_uint watching; /* enum watch_kind */
};

int report_json(const struct report *r, FILE *out, struct error *err);
int report_prometheus(const struct report *r, FILE *out, struct error *err);

/* Every key, with a tab and its explanation, one per line; requests are
 * requests.NAME, what is told of each server shared_by_server.NAME, and these
 * have none. For the
 * test against the manual. */
void report_keys(FILE *out);

#endif
