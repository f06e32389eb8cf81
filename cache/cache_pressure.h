// SPDX-License-Identifier: MIT
/*
 * cache_pressure.h: how much memory the cache should give up, step by step.
 *
 * Pure; one thread at a time. The thread around it is cache_pressure.c's.
 */
#ifndef PREPFS_CACHE_PRESSURE_H
#define PREPFS_CACHE_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

/* One look at the system. A source that is not there is 0. */
struct pressure_sample {
    uint64_t stall_us;    /* PSI "some" total, ever growing */
    uint64_t high_events; /* cgroup memory.events high, ever growing */
    uint64_t group_bytes; /* cgroup memory.current */
    uint64_t group_high;  /* cgroup memory.high; 0: max */
    uint64_t available;   /* MemAvailable */
    uint64_t total;       /* MemTotal */
};

struct pressure_state {
    uint64_t budget_max;
    uint64_t budget_min;
    uint64_t tick_us; /* time between two samples */
    struct pressure_sample last;
    bool primed; /* last is set */
    uint64_t calm_us;
};

/* The budget to set after this sample, given the present one. */
uint64_t pressure_step(struct pressure_state *state, uint64_t budget,
                       const struct pressure_sample *sample);

#endif
