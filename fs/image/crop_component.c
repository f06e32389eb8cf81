// SPDX-License-Identifier: MIT
/*
 * crop_component.c: connected components over runs (crop_component.h).
 *
 * A run is a stretch of foreground in one row. Runs are numbered in raster
 * order and a run joins every run above that it touches; the smaller number
 * becomes the root. So the root of a component is the run with its first
 * pixel, and comparing roots compares first pixels, which the tie rule needs.
 */
#include "image/crop_component.h"

#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"

struct run {
    uint32_t parent; /* a run number, not above this run's own */
    uint32_t begin;  /* columns [begin, end) */
    uint32_t end;
    uint32_t row;
};

struct component { /* of a root; inclusive box */
    uint32_t pixels;
    uint32_t left;
    uint32_t right;
    uint32_t top;
    uint32_t bottom;
};

/* A run begins where a 1 has no 1 before it. */
static size_t count_runs(const uint8_t *pixels, uint32_t width, uint32_t height)
{
    size_t runs = 0;

    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = pixels + (size_t)y * width;
        uint32_t begun = row[0];

        for (uint32_t x = 1; x < width; x++)
            begun += row[x] & (row[x - 1] ^ 1);
        runs += begun;
    }
    return runs;
}

static uint32_t root_of(struct run *runs, uint32_t i)
{
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent;
        i = runs[i].parent;
    }
    return i;
}

static void join(struct run *runs, uint32_t a, uint32_t b)
{
    a = root_of(runs, a);
    b = root_of(runs, b);
    if (a < b)
        runs[b].parent = a;
    else
        runs[a].parent = b;
}

/* Appends the runs of one row; returns the number of runs so far. */
static uint32_t append_row(struct run *runs, uint32_t count,
                           const uint8_t *pixels, uint32_t width, uint32_t y)
{
    const uint8_t *end = pixels + width;
    const uint8_t *at = pixels;

    while (at < end && (at = memchr(at, 1, (size_t)(end - at)))) {
        const uint8_t *stop = memchr(at, 0, (size_t)(end - at));

        if (!stop)
            stop = end;
        runs[count] = (struct run){count, (uint32_t)(at - pixels),
                                   (uint32_t)(stop - pixels), y};
        count++;
        at = stop;
    }
    return count;
}

/* Joins the runs [middle, end) with those of the row above, [begin, middle):
 * both in column order, so one sweep meets every overlap. */
static void join_rows(struct run *runs, uint32_t begin, uint32_t middle,
                      uint32_t end)
{
    uint32_t above = begin;
    uint32_t below = middle;

    while (above < middle && below < end) {
        if (runs[above].begin < runs[below].end &&
            runs[below].begin < runs[above].end)
            join(runs, above, below);
        if (runs[above].end < runs[below].end)
            above++;
        else
            below++;
    }
}

static uint32_t find_runs(struct run *runs, const uint8_t *pixels,
                          uint32_t width, uint32_t height)
{
    uint32_t begin = 0;
    uint32_t middle = 0;

    for (uint32_t y = 0; y < height; y++) {
        uint32_t end =
            append_row(runs, middle, pixels + (size_t)y * width, width, y);

        join_rows(runs, begin, middle, end);
        begin = middle;
        middle = end;
    }
    return middle;
}

static void add_run(struct component *c, const struct run *run)
{
    if (c->pixels == 0) {
        *c =
            (struct component){0, run->begin, run->end - 1, run->row, run->row};
    }
    c->pixels += run->end - run->begin;
    c->left = run->begin < c->left ? run->begin : c->left;
    c->right = run->end - 1 > c->right ? run->end - 1 : c->right;
    c->bottom = run->row;
}

int crop_component(const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct image_box *ret, bool *ret_found, struct error *err)
{
    size_t limit = count_runs(pixels, width, height);
    CLEANUP_FREE struct run *runs = NULL;
    CLEANUP_FREE struct component *components = NULL;
    const struct component *best;
    uint32_t count;

    *ret_found = limit > 0;
    if (limit == 0)
        return 0;
    runs = malloc(limit * sizeof *runs);
    components = calloc(limit, sizeof *components);
    if (!runs || !components)
        return error_no_memory(err);
    count = find_runs(runs, pixels, width, height);
    for (uint32_t i = 0; i < count; i++)
        add_run(&components[root_of(runs, i)], &runs[i]);
    best = &components[0];
    for (uint32_t i = 1; i < count; i++)
        best = components[i].pixels >= best->pixels ? &components[i] : best;
    ret->x = best->left;
    ret->y = best->top;
    ret->width = best->right - best->left + 1;
    ret->height = best->bottom - best->top + 1;
    return 0;
}
