// SPDX-License-Identifier: MIT
/*
 * runs.c: bitmaps of free units, binned by their longest run.
 */
#include "runs.h"

#include <assert.h>

/* Bit u of the result: units u .. u+count-1 are all free. */
static uint32_t starts(uint32_t free, unsigned count)
{
    unsigned have = 1;

    while (have < count) {
        unsigned more = count - have < have ? count - have : have;

        free &= free >> more;
        have += more;
    }
    return free;
}

static unsigned longest(uint32_t free)
{
    unsigned n = 0;

    while (free) {
        free &= free >> 1;
        n++;
    }
    return n;
}

static uint32_t mask_of(struct run run, unsigned count)
{
    uint32_t ones = count == 32 ? UINT32_MAX : (UINT32_C(1) << count) - 1;

    return ones << run.at;
}

static uint32_t all_of(const struct runs *runs)
{
    return mask_of((struct run){0, 0}, runs->units);
}

static void bin_remove(struct runs *runs, uint32_t slab, unsigned bin)
{
    struct run_slab *s = &runs->slabs[slab];

    if (s->prev != RUNS_NONE)
        runs->slabs[s->prev].next = s->next;
    else
        runs->bin[bin] = s->next;
    if (s->next != RUNS_NONE)
        runs->slabs[s->next].prev = s->prev;
}

static void bin_insert(struct runs *runs, uint32_t slab, unsigned bin)
{
    struct run_slab *s = &runs->slabs[slab];

    s->prev = RUNS_NONE;
    s->next = runs->bin[bin];
    if (s->next != RUNS_NONE)
        runs->slabs[s->next].prev = slab;
    runs->bin[bin] = slab;
}

static void set_free(struct runs *runs, uint32_t slab, uint32_t free)
{
    unsigned before = longest(runs->slabs[slab].free);
    unsigned after = longest(free);

    runs->slabs[slab].free = free;
    if (before == after)
        return;
    bin_remove(runs, slab, before);
    bin_insert(runs, slab, after);
}

void runs_init(struct runs *runs, struct run_slab *slabs, unsigned units)
{
    assert(units >= 1 && units <= RUNS_UNITS_MAX);
    runs->slabs = slabs;
    runs->units = units;
    for (unsigned i = 0; i <= RUNS_UNITS_MAX; i++)
        runs->bin[i] = RUNS_NONE;
}

bool runs_take(struct runs *runs, unsigned count, struct run *ret)
{
    unsigned bin = count;

    while (bin <= runs->units && runs->bin[bin] == RUNS_NONE)
        bin++;
    if (bin > runs->units)
        return false;
    ret->slab = runs->bin[bin];
    ret->at =
        (uint32_t)__builtin_ctz(starts(runs->slabs[ret->slab].free, count));
    set_free(runs, ret->slab,
             runs->slabs[ret->slab].free & ~mask_of(*ret, count));
    return true;
}

bool runs_give(struct runs *runs, struct run run, unsigned count)
{
    uint32_t mask = mask_of(run, count);
    uint32_t free = runs->slabs[run.slab].free;

    assert((free & mask) == 0);
    set_free(runs, run.slab, free | mask);
    return (free | mask) == all_of(runs);
}

void runs_add(struct runs *runs, uint32_t slab)
{
    runs->slabs[slab].free = all_of(runs);
    bin_insert(runs, slab, runs->units);
}

void runs_drop(struct runs *runs, uint32_t slab)
{
    assert(runs->slabs[slab].free == all_of(runs));
    bin_remove(runs, slab, runs->units);
    runs->slabs[slab].free = 0;
}
