// SPDX-License-Identifier: MIT
/* pool.c: see pool.h and worker.h. */
#include "worker/pool.h"

#include <stdlib.h>

/* All arenas together keep this much memory between two tasks, and one at
 * most half of it: more would be a second cache beside the one that has a
 * limit, and with less every frame of a few megabytes is faulted in anew. */
static const size_t arenas_keep = (size_t)64 << 20;

/* ---- slots ---- */

struct slot *pool_take(struct workers *w)
{
    struct slot *s;

    lock_acquire(&w->lock);
    while (w->n_free == 0)
        lock_wait(&w->lock, &w->freed);
    s = w->free[--w->n_free];
    lock_release(&w->lock);
    return s;
}

void pool_give_back(struct workers *w, struct slot *s)
{
    lock_acquire(&w->lock);
    w->free[w->n_free++] = s;
    lock_check(pthread_cond_signal(&w->freed));
    lock_release(&w->lock);
}

int pool_fill(struct workers *w, struct slot *s, const struct slot_needs *needs,
              struct error *err)
{
    bool started;

    if (slot_fill(s, &w->zygote, needs, &started, err) != 0)
        return -1;
    w->started += started;
    return 0;
}

int pool_lose(struct workers *w, struct slot *s)
{
    w->lost++;
    return slot_empty(s, &w->zygote);
}

void pool_trim(const struct workers *w, struct slot *s)
{
    arena_trim(&s->arena, arenas_keep / (w->count < 2 ? 2 : w->count));
}

/* ---- life ---- */

static int start_all(struct workers *w, struct error *err)
{
    const struct slot_needs least = {0, w->limits.memory_bytes};

    for (unsigned i = 0; i < w->count; i++) {
        if (pool_fill(w, &w->slots[i], &least, err) != 0)
            return -1;
        w->free[w->n_free++] = &w->slots[i];
    }
    return 0;
}

struct workers *workers_start(const struct workers_config *config,
                              struct error *err)
{
    struct workers *w = calloc(1, sizeof *w);

    if (!w) {
        (void)error_no_memory(err);
        return NULL;
    }
    w->count = config->count < WORKERS_MAX ? config->count : WORKERS_MAX;
    w->limits = (struct slot_limits){
        config->memory_bytes ? config->memory_bytes : WORKERS_MEMORY,
        config->seconds ? config->seconds : WORKERS_SECONDS};
    for (unsigned i = 0; i < w->count; i++)
        slot_init(&w->slots[i]);
    if (zygote_start(&w->zygote, err) != 0) {
        free(w);
        return NULL;
    }
    lock_init(&w->lock);
    lock_check(pthread_cond_init(&w->freed, NULL));
    if (start_all(w, err) == 0)
        return w;
    workers_free(w);
    return NULL;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->count; i++)
        (void)slot_empty(&w->slots[i], &w->zygote);
    zygote_stop(&w->zygote);
    lock_check(pthread_cond_destroy(&w->freed));
    lock_deinit(&w->lock);
    free(w);
}

unsigned workers_confinement(struct workers *w)
{
    unsigned all =
        WORKERS_NO_SYSCALLS | WORKERS_NO_FILES | WORKERS_MEMORY_LIMIT;

    lock_acquire(&w->lock);
    for (unsigned i = 0; i < w->n_free; i++)
        all &= w->free[i]->confinement;
    lock_release(&w->lock);
    return all;
}

void workers_stats_get(struct workers *w, struct workers_stats *ret)
{
    *ret = (struct workers_stats){0};
    if (w)
        *ret = (struct workers_stats){w->count, w->started, w->lost};
}
