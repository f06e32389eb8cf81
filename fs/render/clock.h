// SPDX-License-Identifier: MIT
/* clock.h: nanoseconds for the counters of struct render_stats. */
#ifndef RENDER_CLOCK_H
#define RENDER_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#endif
