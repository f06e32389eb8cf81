// SPDX-License-Identifier: MIT
/* pages.c: see pages.h. */
#include "render/pages.h"

#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "prepfs/cleanup.h"

struct pages {
    struct page_maker *maker;
    struct flight *pages;
    struct flight *edges;
};

/* ---- pages -------------------------------------------------------------- */

static void page_free(void *value)
{
    struct page *p = value;

    image_free(&p->image);
    tiff_buffer_deinit(&p->packed);
    free(p->strip_bytes);
    free(p);
}

const uint8_t *page_bytes(const struct page *page)
{
    return page->strip_bytes ? page->packed.data : page->image.data;
}

struct page_request {
    struct pages *pages;
    const struct file *file;
    const struct tiff_strips *strips;
    uint32_t number;
};

static int pack_page(const struct page_request *r, struct page *p,
                     struct error *err)
{
    struct tiff_spec spec;
    uint32_t row = 0;

    plan_tiff(&r->file->plan, &spec);
    p->strip_bytes = calloc(r->strips->per_page, sizeof *p->strip_bytes);
    if (!p->strip_bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < r->strips->per_page; i++) {
        uint32_t rows = tiff_strip_rows(r->strips, spec.height, i);
        size_t before = p->packed.length;

        if (tiff_pack_strip(spec.pack, &p->image, row, rows, &p->packed, err) !=
            0)
            return -1;
        p->strip_bytes[i] = p->packed.length - before;
        row += rows;
    }
    image_free(&p->image);
    return 0;
}

static int page_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct page_request *r = opaque;
    struct page_job job = {
        .maker = r->pages->maker,
        .instance = &r->file->instance,
        .plan = &r->file->plan,
        .order = r->file->order,
        .extent = r->file->extent,
    };
    struct page *p = calloc(1, sizeof *p);

    (void)key;
    if (!p)
        return error_no_memory(err);
    atomic_init(&p->published, false);
    if (page_render(&job, r->number, &p->image, err) != 0 ||
        (r->file->plan.view.pack != VIEW_PACK_NONE &&
         pack_page(r, p, err) != 0)) {
        page_free(p);
        return -1;
    }
    *ret_value = p;
    *ret_cost = p->strip_bytes ? p->packed.capacity
                               : p->image.stride_bytes * p->image.height;
    return 0;
}

static struct flight_key key_of(const struct file *file, uint32_t number)
{
    return (struct flight_key){file->digest[0], file->digest[1] + number};
}

int pages_get(struct pages *p, const struct file *file,
              const struct tiff_strips *strips, uint32_t number,
              struct flight_ref *ref, const struct page **ret,
              struct error *err)
{
    struct page_request request = {p, file, strips, number};
    struct flight_key key = key_of(file, number);

    if (flight_get(p->pages, &key, page_make, &request, ref, NULL, err) != 0)
        return -1;
    *ret = ref->value;
    return 0;
}

void pages_put(struct pages *p, struct flight_ref *ref)
{
    flight_put(p->pages, ref);
}

/* ---- edges -------------------------------------------------------------- */

struct edges {
    uint64_t head_start, head_end; /* offsets in the file */
    uint64_t tail_start, tail_end;
    uint8_t bytes[]; /* head, then tail */
};

struct edges_request {
    uint64_t from, to;
    const uint8_t *bytes; /* of the page */
};

static uint64_t round_up(uint64_t n)
{
    return (n + CACHE_BLOCK_MAX - 1) / CACHE_BLOCK_MAX * CACHE_BLOCK_MAX;
}

static int edges_make(void *opaque, const struct flight_key *key,
                      void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct edges_request *r = opaque;
    uint64_t head_end = round_up(r->from);
    uint64_t tail_start = r->to / CACHE_BLOCK_MAX * CACHE_BLOCK_MAX;
    size_t head, tail;
    struct edges *e;

    (void)key;
    if (head_end > tail_start) /* within one block */
        head_end = tail_start = r->to;
    head = (size_t)(head_end - r->from);
    tail = (size_t)(r->to - tail_start);
    e = malloc(sizeof *e + head + tail);
    if (!e)
        return error_no_memory(err);
    *e = (struct edges){r->from, head_end, tail_start, r->to};
    memcpy(e->bytes, r->bytes, head);
    memcpy(e->bytes + head, r->bytes + (tail_start - r->from), tail);
    *ret_value = e;
    *ret_cost = sizeof *e + head + tail;
    return 0;
}

void pages_keep_edges(struct pages *p, const struct file *file, uint32_t number,
                      uint64_t from, uint64_t to, const uint8_t *bytes)
{
    struct edges_request request = {from, to, bytes};
    struct flight_key key = key_of(file, number);
    struct flight_ref ref = {NULL, NULL};

    /* Without memory for it the page is made again; no more is lost. */
    if (flight_get(p->edges, &key, edges_make, &request, &ref, NULL, NULL) == 0)
        flight_put(p->edges, &ref);
}

bool pages_copy_edge(struct pages *p, const struct file *file, uint32_t number,
                     uint64_t start, uint64_t end, uint8_t *ret)
{
    struct flight_key key = key_of(file, number);
    struct flight_ref ref = {NULL, NULL};
    const struct edges *e;
    const uint8_t *from = NULL;

    if (!flight_peek(p->edges, &key, &ref))
        return false;
    e = ref.value;
    if (start >= e->head_start && end <= e->head_end)
        from = e->bytes + (start - e->head_start);
    else if (start >= e->tail_start && end <= e->tail_end)
        from =
            e->bytes + (e->head_end - e->head_start) + (start - e->tail_start);
    if (from)
        memcpy(ret, from, (size_t)(end - start));
    flight_put(p->edges, &ref);
    return from != NULL;
}

/* ---- the table ---------------------------------------------------------- */

struct pages *pages_new(const struct pages_config *config, struct error *err)
{
    struct pages *p = calloc(1, sizeof *p);

    if (!p) {
        (void)error_no_memory(err);
        return NULL;
    }
    p->maker = config->maker;
    p->pages = flight_new(config->page_bytes, page_free, err);
    p->edges = flight_new(config->edge_bytes, free, err);
    if (p->pages && p->edges)
        return p;
    pages_free(p);
    return NULL;
}

void pages_free(struct pages *p)
{
    if (!p)
        return;
    flight_free(p->pages);
    flight_free(p->edges);
    free(p);
}

void pages_forget(struct pages *p)
{
    flight_drop_all(p->pages);
    flight_drop_all(p->edges);
}

size_t pages_cost(struct pages *p)
{
    return flight_cost(p->pages) + flight_cost(p->edges);
}
