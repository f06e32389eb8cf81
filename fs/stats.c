// SPDX-License-Identifier: MIT
/* stats.c: see stats.h. */
#include "stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static const char *const names[STATS_COUNTERS] = {
    [STATS_LOOKUP] = "lookup",
    [STATS_FORGET] = "forget",
    [STATS_GETATTR] = "getattr",
    [STATS_READLINK] = "readlink",
    [STATS_OPEN] = "open",
    [STATS_READ] = "read",
    [STATS_OPENDIR] = "opendir",
    [STATS_READDIR] = "readdir",
    [STATS_READDIRPLUS] = "readdirplus",
    [STATS_RELEASEDIR] = "releasedir",
    [STATS_STATFS] = "statfs",
    [STATS_GETXATTR] = "getxattr",
    [STATS_LISTXATTR] = "listxattr",
    [STATS_REFUSED_WRITE] = "refused_write",
    [STATS_INTERRUPT] = "interrupt",
    [STATS_REPLY_ERROR] = "reply_error",
    [STATS_READ_INLINE] = "read_inline",
    [STATS_READ_POOL] = "read_pool",
    [STATS_BYTES_SENT] = "bytes_sent",
};

void stats_init(struct stats *stats)
{
    for (size_t i = 0; i < STATS_WAITS; i++)
        atomic_init(&stats->pool.n[i], 0);
    atomic_init(&stats->pool.sum_us, 0);
    /* Pages of it come to be as views are used. */
    stats->views = calloc(STATS_VIEWS, sizeof *stats->views);
    for (size_t lane = 0; lane < STATS_LANES; lane++) {
        for (size_t i = 0; i < STATS_COUNTERS; i++)
            atomic_init(&stats->lanes[lane].n[i], 0);
    }
}

void stats_deinit(struct stats *stats)
{
    free(stats->views);
    stats->views = NULL;
}

/* Each thread takes the next lane when it counts for the first time. */
static size_t own_lane(void)
{
    static atomic_uint next;
    static _Thread_local unsigned mine;

    if (mine == 0)
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) %
                       STATS_LANES;
    return mine - 1;
}

void stats_add(struct stats *stats, enum stats_counter counter, uint64_t n)
{
    (void)atomic_fetch_add_explicit(&stats->lanes[own_lane()].n[counter], n,
                                    memory_order_relaxed);
}

void stats_sum(const struct stats *stats, uint64_t ret[STATS_COUNTERS])
{
    for (size_t i = 0; i < STATS_COUNTERS; i++) {
        ret[i] = 0;
        for (size_t lane = 0; lane < STATS_LANES; lane++)
            ret[i] += atomic_load_explicit(&stats->lanes[lane].n[i],
                                           memory_order_relaxed);
    }
}

void stats_add_read(struct stats *stats, uint16_t view, uint64_t bytes)
{
    struct stats_view *v = stats->views ? &stats->views[view] : NULL;

    if (!v)
        return;
    (void)atomic_fetch_add_explicit(&v->reads, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&v->bytes, bytes, memory_order_relaxed);
}

void stats_add_wait(struct stats_waits *waits, uint64_t us)
{
    unsigned i = 0;

    while (i + 1 < STATS_WAITS && us >> i != 0)
        i++;
    (void)atomic_fetch_add_explicit(&waits->n[i], 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&waits->sum_us, us, memory_order_relaxed);
}

uint64_t stats_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

const char *stats_name(enum stats_counter counter)
{
    return names[counter];
}
