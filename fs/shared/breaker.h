// SPDX-License-Identifier: MIT
/*
 * breaker.h: when a server is asked, and when it is left alone.
 *
 *     closed      asked; BREAKER_FAILURES in a row open it
 *     open        not asked, for 1 s, then 2 s, ... up to a minute
 *     after that  somebody whom no reader waits for tries it (a probe). If it
 *                 answers, it is closed again, but one failure opens it; if
 *                 not, it stays open for twice as long.
 *
 * The time doubles until the server has answered BREAKER_TRUSTED times in a
 * row: one that answers probes and nothing else gets ever fewer chances.
 *
 * Caller holds a lock. Times are milliseconds of any clock that only grows.
 */
#ifndef SHARED_BREAKER_H
#define SHARED_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_FAILURES = 3,
    BREAKER_TRUSTED = 64,
    BREAKER_FIRST_MS = 1000,
    BREAKER_LONGEST_MS = 60000
};

struct breaker {       /* zero-initialised: closed */
    unsigned first_ms; /* instead of BREAKER_FIRST_MS, if not 0 */
    bool open;
    unsigned failures; /* in a row */
    unsigned answers;  /* in a row, since it was closed */
    unsigned doubled;  /* how often the time was */
    uint64_t until_ms; /* if open: no probe before */
    uint64_t opened;   /* how often it was */
};

/* True if this opened it. */
bool breaker_failed(struct breaker *b, uint64_t now_ms);
void breaker_answered(struct breaker *b);

/* Is it time for a probe? */
bool breaker_is_due(const struct breaker *b, uint64_t now_ms);
void breaker_probed(struct breaker *b, bool answered, uint64_t now_ms);

#endif
