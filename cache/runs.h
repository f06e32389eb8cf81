// SPDX-License-Identifier: MIT
/*
 * runs.h: runs of neighbouring units inside slabs of up to 32 units.
 *
 * A slab is a number below a limit that the caller gives meaning to. Slabs
 * with room are kept in bins by their longest free run, so that taking a run
 * is O(32) and fills the fullest slab that still has room for it.
 *
 * Caller serialises.
 */
#ifndef PREPFS_CACHE_RUNS_H
#define PREPFS_CACHE_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#define RUNS_UNITS_MAX 32
#define RUNS_NONE UINT32_MAX

/* Per slab; the caller provides the array. */
struct run_slab {
    uint32_t free; /* bit u: unit u is free */
    uint32_t prev;
    uint32_t next;
};

struct runs {
    struct run_slab *slabs;
    unsigned units; /* per slab */
    uint32_t bin[RUNS_UNITS_MAX + 1];
};

struct run {
    uint32_t slab;
    uint32_t at; /* first unit */
};

void runs_init(struct runs *runs, struct run_slab *slabs, unsigned units);

/* A run of `count` (1 .. units) units out of the slabs that were added;
 * false if none has room. */
bool runs_take(struct runs *runs, unsigned count, struct run *ret);

/* Gives a run back. True: the slab is now wholly free, and still added. */
bool runs_give(struct runs *runs, struct run run, unsigned count);

/* Adds a slab, wholly free; removes one that is wholly free. */
void runs_add(struct runs *runs, uint32_t slab);
void runs_drop(struct runs *runs, uint32_t slab);

#endif
