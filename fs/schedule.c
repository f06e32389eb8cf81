// SPDX-License-Identifier: MIT
/* schedule.c: see schedule.h. */
#include "schedule.h"

enum {
    REST_TIMES = 4,  /* between passes over places, of their time */
    CLOCK_TIMES = 9, /* between passes by the clock, of theirs */
    RETRY_MS = 1000,
    RETRY_MAX_MS = 60000
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void schedule_every(struct schedule *s, uint64_t every_ms, uint64_t now)
{
    s->every_ms = every_ms;
    s->all_due = every_ms ? now + every_ms : SCHEDULE_NEVER;
}

void schedule_init(struct schedule *s, uint64_t every_ms, uint64_t now)
{
    *s = (struct schedule){0};
    schedule_every(s, every_ms, now);
}

void schedule_ask(struct schedule *s)
{
    s->asked = true;
}

void schedule_touch(struct schedule *s, uint64_t now)
{
    if (!s->first_news)
        s->first_news = now;
    s->last_news = now;
}

static uint64_t places_due(const struct schedule *s)
{
    uint64_t due = s->retry_due ? s->retry_due : SCHEDULE_NEVER;

    if (s->first_news)
        due = least(due, least(s->last_news + SCHEDULE_QUIET_MS,
                               s->first_news + SCHEDULE_PATIENCE_MS));
    return due == SCHEDULE_NEVER ? due : most(due, s->rest_until);
}

uint64_t schedule_due(const struct schedule *s)
{
    return s->asked ? 0 : least(s->all_due, places_due(s));
}

enum schedule_what schedule_begin(struct schedule *s, uint64_t now)
{
    if (now < schedule_due(s))
        return SCHEDULE_NOTHING;

    bool all = s->asked || s->all_due <= now;

    s->asked = false;
    s->first_news = s->last_news = 0;
    s->retry_due = 0;
    return all ? SCHEDULE_ALL : SCHEDULE_PLACES;
}

void schedule_end(struct schedule *s, enum schedule_what what, uint64_t began,
                  uint64_t now, bool unsettled)
{
    uint64_t took = now - began;

    if (what == SCHEDULE_PLACES)
        s->rest_until = now + REST_TIMES * took;
    if (what == SCHEDULE_ALL && s->every_ms)
        s->all_due = now + most(s->every_ms, CLOCK_TIMES * took);
    s->retry_ms = !unsettled     ? 0
                  : !s->retry_ms ? RETRY_MS
                                 : least(s->retry_ms * 2, RETRY_MAX_MS);
    s->retry_due = s->retry_ms ? now + s->retry_ms : 0;
}
