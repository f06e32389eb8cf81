// SPDX-License-Identifier: MIT
/*
 * schedule.h: when the archive is looked through next, and how much of it.
 *
 * A pass is made of all of the archive, or of the places that were touched.
 *
 *     asked for      at once, all of it
 *     by the clock   every so many seconds, but never so often that it takes
 *                    more than a tenth of the time; all of it
 *     touched        when nothing more has come for a moment, or has gone on
 *                    coming for a while; the places. After a pass there is
 *                    rest for a few times as long as it took
 *     not settled    files that were being written: again after a second,
 *                    then two, four, up to a minute; the places
 *
 * Plain data and a clock that the caller reads, in milliseconds.
 * Threads: none of its own; the caller locks.
 */
#ifndef FS_SCHEDULE_H
#define FS_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SCHEDULE_QUIET_MS = 300,    /* without news, before a pass */
    SCHEDULE_PATIENCE_MS = 5000 /* of news, before a pass all the same */
};

#define SCHEDULE_NEVER UINT64_MAX

enum schedule_what { SCHEDULE_NOTHING, SCHEDULE_PLACES, SCHEDULE_ALL };

struct schedule {
    uint64_t every_ms; /* by the clock; 0: never */
    bool asked;
    uint64_t first_news, last_news; /* 0: none since the last pass */
    uint64_t rest_until;            /* of passes over places */
    uint64_t all_due;               /* by the clock */
    uint64_t retry_due;             /* 0: nothing waits to settle */
    uint64_t retry_ms;
};

void schedule_init(struct schedule *s, uint64_t every_ms, uint64_t now);

/* Changes the clock's part; the next turn is counted from now. */
void schedule_every(struct schedule *s, uint64_t every_ms, uint64_t now);

void schedule_ask(struct schedule *s);
void schedule_touch(struct schedule *s, uint64_t now);

/* When the next pass is due, maybe in the past; SCHEDULE_NEVER. */
uint64_t schedule_due(const struct schedule *s);

/* What is due at `now`; it then counts as begun: news from here on are for
 * another pass. */
enum schedule_what schedule_begin(struct schedule *s, uint64_t now);

/* It took from `began` to `now`. `unsettled`: some files were being written. */
void schedule_end(struct schedule *s, enum schedule_what what, uint64_t began,
                  uint64_t now, bool unsettled);

#endif
