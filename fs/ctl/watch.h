// SPDX-License-Identifier: MIT
/*
 * watch.h: the counters of a mount at two moments, and what happened between.
 *
 * Threads: plain data, one thread at a time.
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include <stdio.h>

#include "prepfs/error.h"

enum { WATCH_VIEWS = 5, WATCH_NAME = 201 };

struct watch_view {
    double bytes, reads;
    char name[WATCH_NAME];
};

/* What is looked at of stats.json and top.tsv; all as double, for rates. */
struct watch_sample {
    double at; /* seconds of any clock */
    double uptime_s, indexing, index_done, index_total;
    double read, bytes_sent, reply_error;
    double hits, misses, waits;
    double frames_decoded, decode_ns, workers_lost;
    double bytes_used, budget_bytes, bytes_logical, bytes_compressed;
    double pool_running, pool_queued, pool_threads;
    struct watch_view views[WATCH_VIEWS]; /* most bytes first */
    unsigned n_views;
};

/* The value of a key of stats.json, wherever it stands; 0 without it. */
double watch_value(const char *json, const char *key);

/* Fills *ret from the texts of both files. ERROR_CORRUPT if they are not what
 * a mount writes. */
int watch_parse(const char *json, const char *top, struct watch_sample *ret,
                struct error *err) __attribute__((warn_unused_result));

/* Draws what happened from `before` to `now`, some lines of at most 79 bytes;
 * the number of lines. */
int watch_draw(FILE *out, const struct watch_sample *before,
               const struct watch_sample *now);

/* The same as one line with tabs, for files; the line above the first one is
 * watch_columns. */
extern const char watch_columns[];
void watch_line(FILE *out, const struct watch_sample *before,
                const struct watch_sample *now);

#endif
