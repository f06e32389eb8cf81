// SPDX-License-Identifier: MIT
/*
 * cache_pressure.c: lowers the budget while the system is short of memory.
 *
 * Three signs, each of which may be missing: the time tasks stalled on memory
 * (/proc/pressure/memory), the cgroup at its memory.high, and MemAvailable
 * under a thirty-second of the machine. They are read a few times a second,
 * which needs no privilege and is always within the second that a cache may
 * take to answer. On a sign the budget falls by what is missing and a
 * sixteenth; after five calm seconds it grows back in small steps.
 */
#include "cache_pressure.h"

#include "cache_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 250
#define CALM_US 5000000
#define SHRINK_PART 16
#define GROW_PART 64
#define STALL_PART 20   /* a twentieth of the time stalled is pressure */
#define RESERVE_PART 32 /* of the machine, to stay available */
#define FLOOR_PART 8    /* of the budget, never given up */
#define TEXT_MAX 4096

/* ------------------------------------------------------------- deciding */

static uint64_t missing(const struct pressure_sample *now)
{
    uint64_t wanted = now->group_high - now->group_high / 16;
    uint64_t reserve = now->total / RESERVE_PART;
    uint64_t most = 0;

    if (now->group_high > 0 && now->group_bytes > wanted)
        most = now->group_bytes - wanted;
    if (now->total > 0 && now->available < reserve &&
        reserve - now->available > most)
        most = reserve - now->available;
    return most;
}

static bool is_pressed(const struct pressure_state *state,
                       const struct pressure_sample *now)
{
    const struct pressure_sample *last = &state->last;
    uint64_t edge = now->group_high - now->group_high / 64;

    return now->stall_us - last->stall_us > state->tick_us / STALL_PART ||
           now->high_events > last->high_events ||
           (now->group_high > 0 && now->group_bytes > edge) ||
           (now->total > 0 && now->available < now->total / RESERVE_PART);
}

uint64_t pressure_step(struct pressure_state *state, uint64_t budget,
                       const struct pressure_sample *sample)
{
    uint64_t less = missing(sample) + state->budget_max / SHRINK_PART;
    uint64_t more = state->budget_max / GROW_PART;
    bool pressed;

    if (!state->primed)
        state->last = *sample;
    state->primed = true;
    pressed = is_pressed(state, sample);
    state->last = *sample;
    if (pressed) {
        state->calm_us = 0;
        return budget > state->budget_min + less ? budget - less
                                                 : state->budget_min;
    }
    state->calm_us += state->tick_us;
    if (state->calm_us < CALM_US || budget >= state->budget_max)
        return budget;
    return budget + more < state->budget_max ? budget + more
                                             : state->budget_max;
}

/* -------------------------------------------------------------- reading */

struct cache_pressure {
    struct cache *cache;
    struct pressure_state state;
    char *root; /* before /proc and the cgroup's folder; "" outside tests */
    char *group;
    struct lock lock;
    pthread_cond_t stopping;
    bool stop; /* protected by lock */
    pthread_t thread;
};

/* False if the file cannot be read; *ret ends with NUL. */
static bool read_text(const char *root, const char *folder, const char *name,
                      char *ret)
{
    char path[TEXT_MAX];
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof path, "%s%s/%s", root, folder, name) >=
        (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, ret, TEXT_MAX - 1);
    (void)close(fd);
    ret[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* The number after `word`, times `unit`; 0 if there is none. */
static uint64_t number_after(const char *text, const char *word, uint64_t unit)
{
    const char *at = strstr(text, word);

    return at ? (uint64_t)strtoull(at + strlen(word), NULL, 10) * unit : 0;
}

static void sample_now(const struct cache_pressure *p,
                       struct pressure_sample *ret)
{
    char text[TEXT_MAX];

    memset(ret, 0, sizeof *ret);
    if (read_text(p->root, "/proc/pressure", "memory", text))
        ret->stall_us = number_after(text, "total=", 1);
    if (read_text(p->root, "/proc", "meminfo", text)) {
        ret->available = number_after(text, "MemAvailable:", 1024);
        ret->total = number_after(text, "MemTotal:", 1024);
    }
    if (read_text(p->root, p->group, "memory.events", text))
        ret->high_events = number_after(text, "high ", 1);
    if (read_text(p->root, p->group, "memory.current", text))
        ret->group_bytes = strtoull(text, NULL, 10);
    if (read_text(p->root, p->group, "memory.high", text))
        ret->group_high = strtoull(text, NULL, 10); /* "max" is 0 */
}

/* The folder of our cgroup (version 2), "" if there is none. */
static char *find_group(const char *root)
{
    char text[TEXT_MAX];
    char *at = text, *end, *ret;

    if (!read_text(root, "/proc/self", "cgroup", text))
        return strdup("");
    if (strncmp(at, "0::", 3) != 0) {
        at = strstr(text, "\n0::");
        if (!at)
            return strdup("");
        at++;
    }
    end = strchr(at, '\n');
    if (end)
        *end = '\0';
    return asprintf(&ret, "/sys/fs/cgroup%s", at + 3) < 0 ? NULL : ret;
}

/* ------------------------------------------------------------ the thread */

static void look_once(struct cache_pressure *p)
{
    uint64_t budget = atomic_load(&p->cache->budget);
    struct pressure_sample sample;
    uint64_t wanted;

    sample_now(p, &sample);
    wanted = pressure_step(&p->state, budget, &sample);
    if (wanted != budget)
        cache_set_budget(p->cache, wanted);
}

/* False when it is time to stop. */
static bool wait_tick(struct cache_pressure *p)
{
    struct timespec until;
    bool stop;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(p->state.tick_us * 1000);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    lock_acquire(&p->lock);
    while (!p->stop && rc == 0)
        rc = pthread_cond_timedwait(&p->stopping, &p->lock.mutex, &until);
    stop = p->stop;
    lock_release(&p->lock);
    lock_check(rc == ETIMEDOUT ? 0 : rc);
    return !stop;
}

static void *watch(void *opaque)
{
    struct cache_pressure *p = opaque;

    do
        look_once(p);
    while (wait_tick(p));
    return NULL;
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    lock_check(pthread_condattr_init(&attr));
    lock_check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    lock_check(pthread_cond_init(cond, &attr));
    lock_check(pthread_condattr_destroy(&attr));
}

static void pressure_free(struct cache_pressure *p)
{
    free(p->root);
    free(p->group);
    lock_check(pthread_cond_destroy(&p->stopping));
    lock_deinit(&p->lock);
    free(p);
}

struct cache_pressure *
cache_pressure_start(struct cache *cache,
                     const struct cache_pressure_config *config,
                     struct error *err)
{
    struct cache_pressure *p = calloc(1, sizeof *p);
    const char *root = config && config->root ? config->root : "";
    unsigned tick = config && config->tick_ms ? config->tick_ms : TICK_MS;
    int rc;

    if (!p) {
        error_no_memory(err);
        return NULL;
    }
    lock_init(&p->lock);
    init_cond(&p->stopping);
    p->cache = cache;
    p->state.budget_max = cache->budget_max;
    p->state.budget_min = config && config->floor_bytes
                              ? config->floor_bytes
                              : cache->budget_max / FLOOR_PART;
    p->state.tick_us = (uint64_t)(tick < 900 ? tick : 900) * 1000;
    p->root = strdup(root);
    p->group = p->root ? find_group(root) : NULL;
    if (!p->group) {
        pressure_free(p);
        error_no_memory(err);
        return NULL;
    }
    rc = pthread_create(&p->thread, NULL, watch, p);
    if (rc != 0) {
        pressure_free(p);
        error_set_sys(err, rc, "cannot start the memory watcher");
        return NULL;
    }
    return p;
}

void cache_pressure_stop(struct cache_pressure *p)
{
    if (!p)
        return;
    lock_acquire(&p->lock);
    p->stop = true;
    lock_check(pthread_cond_signal(&p->stopping));
    lock_release(&p->lock);
    lock_check(pthread_join(p->thread, NULL));
    pressure_free(p);
}
