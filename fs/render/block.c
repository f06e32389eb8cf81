// SPDX-License-Identifier: MIT
/*
 * block.c: from pages to blocks, and from blocks to the cache.
 *
 *     block      0          1          2          3
 *          |hhhh ppppp|pppppppppp|ppp qqqqqqq|qqqqqqqqqq|
 *
 * A block is filled from the header (h) and from every page (p, q) that it
 * touches. Rendering a page costs a decode, so the blocks that lie wholly in
 * a page just made are published along with the one that was asked for, and
 * its edges are kept for the block that straddles into the next.
 */
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "render/file_impl.h"

size_t file_block_bytes(const struct file *file, uint64_t block)
{
    uint64_t start = block * CACHE_BLOCK_MAX;

    if (start >= file->layout.size)
        return 0;
    return file->layout.size - start < CACHE_BLOCK_MAX
               ? (size_t)(file->layout.size - start)
               : CACHE_BLOCK_MAX;
}

struct cache_key file_block_key(const struct file *file, uint64_t block)
{
    return (struct cache_key){{file->digest[0], file->digest[1]}, block};
}

/* Where page `page` lies in the file. */
static void page_range(const struct file *file, uint32_t page,
                       uint64_t *ret_start, uint64_t *ret_end)
{
    const struct tiff_layout *l = &file->layout;

    if (!l->strip_offset) {
        *ret_start = l->data_offset + page * l->strips.page_bytes;
        *ret_end = *ret_start + l->strips.page_bytes;
        return;
    }
    *ret_start = l->strip_offset[(uint64_t)page * l->strips.per_page];
    *ret_end = l->strip_offset[((uint64_t)page + 1) * l->strips.per_page];
}

uint32_t file_page_at(const struct file *file, uint64_t offset)
{
    if (offset < file->layout.data_offset || offset >= file->layout.size)
        return 0;
    return (uint32_t)(tiff_layout_strip_at(&file->layout, offset) /
                      file->layout.strips.per_page);
}

/* ---- filling ------------------------------------------------------------ */

static void hint_of(const struct file *file, uint64_t start,
                    struct cache_hint *ret)
{
    const struct plan *p = &file->plan;

    if (file->layout.strip_offset)
        return; /* packed bytes have no samples */
    ret->sample_bytes = (uint8_t)sample_bytes(p->out_type);
    ret->channels = (uint8_t)p->out_channels;
    ret->is_float = p->out_type == SAMPLE_F32 || p->out_type == SAMPLE_F64;
    ret->row_bytes = (uint32_t)file->layout.strips.row_bytes;
    ret->samples_from = start < file->layout.data_offset
                            ? (uint32_t)(file->layout.data_offset - start)
                            : 0;
    if (ret->samples_from > CACHE_BLOCK_MAX)
        ret->samples_from = CACHE_BLOCK_MAX;
}

/* The part of [start, start+size) that [from, to) covers, copied there. */
static void overlay(uint8_t *data, uint64_t start, size_t size, uint64_t from,
                    uint64_t to, const uint8_t *bytes)
{
    uint64_t a = start > from ? start : from;
    uint64_t b = start + size < to ? start + size : to;

    if (a < b)
        memcpy(data + (a - start), bytes + (a - from), (size_t)(b - a));
}

static void overlay_header(const struct file *file, uint8_t *data,
                           uint64_t start, size_t size)
{
    uint64_t end = file->layout.data_offset;

    if (start >= end)
        return;
    if (end > start + size)
        end = start + size;
    tiff_layout_header_read(&file->layout, start, (size_t)(end - start), data);
}

struct block_request {
    struct files *files;
    const struct file *file;
    bool ahead;      /* nobody has asked for it */
    unsigned filled; /* blocks made */
};

/* The blocks that header and this page fill completely: [first, last). */
static void whole_blocks(const struct file *file, uint32_t page, uint64_t from,
                         uint64_t to, uint64_t *ret_first, uint64_t *ret_last)
{
    *ret_first = page == 0 ? 0 : (from + CACHE_BLOCK_MAX - 1) / CACHE_BLOCK_MAX;
    *ret_last = to == file->layout.size ? (to - 1) / CACHE_BLOCK_MAX + 1
                                        : to / CACHE_BLOCK_MAX;
}

static void publish_block(const struct block_request *r, uint64_t block,
                          uint64_t from, uint64_t to, const uint8_t *bytes,
                          uint8_t *scratch)
{
    struct cache_key key = file_block_key(r->file, block);
    uint64_t start = block * CACHE_BLOCK_MAX;
    size_t size = file_block_bytes(r->file, block);
    struct cache_hint hint = {0};

    overlay_header(r->file, scratch, start, size);
    overlay(scratch, start, size, from, to, bytes);
    hint_of(r->file, start, &hint);
    if (r->ahead)
        cache_publish_ahead(r->files->config.cache, &key, scratch, size, &hint);
    else
        cache_publish(r->files->config.cache, &key, scratch, size, &hint);
}

/* Offers every block of a page but `except`, once. */
static void publish_page(const struct block_request *r, uint32_t page,
                         const uint8_t *bytes, uint64_t except)
{
    CLEANUP_FREE uint8_t *scratch = malloc(CACHE_BLOCK_MAX);
    uint64_t from, to, first, last;

    page_range(r->file, page, &from, &to);
    whole_blocks(r->file, page, from, to, &first, &last);
    for (uint64_t block = first; scratch && block < last; block++) {
        uint64_t end = block * CACHE_BLOCK_MAX + CACHE_BLOCK_MAX;

        if (block != except && end > r->file->layout.data_offset)
            publish_block(r, block, from, to, bytes, scratch);
    }
    if (r->file->plan.pages > 1)
        pages_keep_edges(r->files->pages, r->file, page, from, to, bytes);
}

/* The part of a block that an edge has; false if there is none. */
static bool fill_from_edge(const struct block_request *r, uint32_t page,
                           uint64_t block, uint8_t *data, size_t size)
{
    uint64_t start = block * CACHE_BLOCK_MAX, end = start + size, from, to;

    page_range(r->file, page, &from, &to);
    if (from < start)
        from = start;
    if (to > end)
        to = end;
    return pages_copy_edge(r->files->pages, r->file, page, from, to,
                           data + (from - start));
}

static int fill_page(const struct block_request *r, uint32_t page,
                     uint64_t block, uint8_t *data, size_t size,
                     struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct page *p;
    uint64_t from, to;

    if (fill_from_edge(r, page, block, data, size))
        return 0;
    if (pages_get(r->files->pages, r->file, &r->file->layout.strips, page, &ref,
                  &p, err) != 0)
        return -1;
    page_range(r->file, page, &from, &to);
    overlay(data, block * CACHE_BLOCK_MAX, size, from, to, page_bytes(p));
    if (!atomic_exchange(&((struct page *)ref.value)->published, true))
        publish_page(r, page, page_bytes(p), block);
    pages_put(r->files->pages, &ref);
    return 0;
}

static int block_fill(void *opaque, const struct cache_key *key, uint8_t *data,
                      size_t size, struct cache_hint *hint, struct error *err)
{
    struct block_request *r = opaque;
    uint64_t start = key->block * CACHE_BLOCK_MAX;
    uint32_t page, last;

    r->filled++;
    overlay_header(r->file, data, start, size);
    hint_of(r->file, start, hint);
    if (start + size <= r->file->layout.data_offset)
        return 0;
    page = file_page_at(r->file, start);
    last = file_page_at(r->file, start + size - 1);
    for (; page <= last; page++)
        if (fill_page(r, page, key->block, data, size, err) != 0)
            return -1;
    return 0;
}

int file_block_get(struct files *f, const struct file *file, uint64_t block,
                   struct cache_pin *ret, struct error *err)
{
    struct block_request request = {.files = f, .file = file};
    struct cache_key key = file_block_key(file, block);

    return cache_get(f->config.cache, &key, file_block_bytes(file, block),
                     block_fill, &request, ret, err);
}

bool file_block_peek(struct files *f, const struct file *file, uint64_t block,
                     struct cache_pin *ret)
{
    struct cache_key key = file_block_key(file, block);

    return cache_try_get(f->config.cache, &key, file_block_bytes(file, block),
                         ret);
}

void files_unpin(struct files *f, struct cache_pin *pin)
{
    cache_unpin(f->config.cache, pin);
}

/* ---- reading ahead ------------------------------------------------------ */

/* Packed pages differ in size; their mean will do. */
static uint64_t page_size(const struct file *file)
{
    return (file->layout.size - file->layout.data_offset) / file->plan.pages;
}

static bool units_are_pages(const struct file *file)
{
    return page_size(file) >= 2 * CACHE_BLOCK_MAX;
}

uint32_t file_units(const struct file *file)
{
    if (file->plan.pages == 1)
        return 1;
    if (units_are_pages(file))
        return file->plan.pages;
    return (uint32_t)((file->layout.size + CACHE_BLOCK_MAX - 1) /
                      CACHE_BLOCK_MAX);
}

uint32_t file_unit_at(const struct file *file, uint64_t offset)
{
    if (file->plan.pages == 1)
        return 0;
    if (units_are_pages(file))
        return file_page_at(file, offset);
    return (uint32_t)(offset / CACHE_BLOCK_MAX);
}

uint64_t file_unit_bytes(const struct file *file)
{
    if (file->plan.pages == 1)
        return file->layout.size;
    return units_are_pages(file) ? page_size(file) : CACHE_BLOCK_MAX;
}

uint64_t file_unit_offset(const struct file *file, uint32_t unit)
{
    uint64_t from, to;

    if (file->plan.pages == 1 || unit == 0)
        return 0;
    if (!units_are_pages(file))
        return unit * (uint64_t)CACHE_BLOCK_MAX;
    page_range(file, unit, &from, &to);
    return from;
}

static int prefetch_block(struct block_request *r, uint64_t block,
                          struct error *err)
{
    struct cache_key key = file_block_key(r->file, block);

    return cache_prefetch(r->files->config.cache, &key,
                          file_block_bytes(r->file, block), block_fill, r, err);
}

/* A block that two pages share, if the neighbour's part is at hand. */
static int prefetch_shared(struct block_request *r, uint32_t neighbour,
                           uint64_t block, struct error *err)
{
    CLEANUP_FREE uint8_t *scratch = malloc(CACHE_BLOCK_MAX);

    if (!scratch || !fill_from_edge(r, neighbour, block, scratch,
                                    file_block_bytes(r->file, block)))
        return 0;
    return prefetch_block(r, block, err);
}

static int prefetch_page(struct block_request *r, uint32_t page,
                         struct error *err)
{
    uint64_t from, to, first, last;

    page_range(r->file, page, &from, &to);
    whole_blocks(r->file, page, from, to, &first, &last);
    for (uint64_t block = first; block < last; block++)
        if (prefetch_block(r, block, err) != 0)
            return -1;
    if (page > 0 && from % CACHE_BLOCK_MAX != 0 && first > 0 &&
        prefetch_shared(r, page - 1, first - 1, err) != 0)
        return -1;
    if (page + 1 < r->file->plan.pages && to % CACHE_BLOCK_MAX != 0)
        return prefetch_shared(r, page + 1, last, err);
    return 0;
}

int file_prefetch(struct files *f, const struct file *file, uint32_t unit,
                  bool *ret_made, struct error *err)
{
    struct block_request request = {.files = f, .file = file, .ahead = true};
    int rc = 0;

    if (unit < file_units(file))
        rc = file->plan.pages == 1 || units_are_pages(file)
                 ? prefetch_page(&request, unit, err)
                 : prefetch_block(&request, unit, err);
    *ret_made = request.filled > 0;
    return rc;
}
