// SPDX-License-Identifier: MIT
/*
 * pages.h: rendered pages of files, made once, shared, kept a little.
 *
 * A page costs a decode and fills many blocks, all but the two that it shares
 * with its neighbours. Those need a piece of it once more, when the neighbour
 * is there; so when the page goes, these pieces, its edges, stay longer.
 *
 * Threads: struct pages is internally locked; a page is immutable but for
 * `published`.
 */
#ifndef RENDER_PAGES_H
#define RENDER_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "render/file.h"

struct pages;

struct pages_config {
    struct page_maker *maker; /* borrowed until pages_free */
    size_t page_bytes;        /* budget for pages */
    size_t edge_bytes;        /* budget for edges of pages that are gone */
};

struct pages *pages_new(const struct pages_config *config, struct error *err);
void pages_free(struct pages *p); /* may be NULL */
void pages_forget(struct pages *p);

/* What all pages and edges take now. */
size_t pages_cost(struct pages *p);

/* A page as the file has it: tight samples, or packed strips. */
struct page {
    struct image image;
    struct tiff_buffer packed;
    uint64_t *strip_bytes; /* of packed strips, else NULL */
    atomic_bool published; /* its blocks have been offered to the cache */
};

const uint8_t *page_bytes(const struct page *page);

/* The page `number` of a file whose strips are known; `file` needs no layout.
 * Release with pages_put. */
int pages_get(struct pages *p, const struct file *file,
              const struct tiff_strips *strips, uint32_t number,
              struct flight_ref *ref, const struct page **ret,
              struct error *err) __attribute__((warn_unused_result));
void pages_put(struct pages *p, struct flight_ref *ref);

/* Keeps the ends of page `number`, which is bytes [from, to) of the file:
 * what lies before its first and behind its last block boundary. */
void pages_keep_edges(struct pages *p, const struct file *file, uint32_t number,
                      uint64_t from, uint64_t to, const uint8_t *bytes);

/* Copies bytes [start, end) of the file, which belong to page `number`, if
 * they lie in an edge that was kept. */
bool pages_copy_edge(struct pages *p, const struct file *file, uint32_t number,
                     uint64_t start, uint64_t end, uint8_t *ret);

#endif
