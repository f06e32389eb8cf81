// SPDX-License-Identifier: MIT
/*
 * memory_pool.c: see memory_vfs.h.
 *
 *     | block header | payload, as long as asked for | at least 16 bytes |
 *
 * Blocks are cut from slabs that are never given back, in sizes of a table;
 * free ones of a size wait in a queue, first in, first out.
 */
#undef NDEBUG
#include <assert.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory_pool.h"

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif
#if defined POISONS || defined __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(at, n) ((void)(at), (void)(n))
#endif

/* The pool's own words lie in memory that nobody else may touch. */
#define MAY_TOUCH __attribute__((no_sanitize("address")))

enum {
    HEADER = 16,
    BEHIND = 16,
    SIZES = 48,
    SLAB = 1 << 20,
    SLABS = 512,
    REST = 32 /* freed blocks of a size that wait before one is used again */
};

struct block {      /* its header, which no SQLite writes to */
    uint32_t size;  /* of the payload */
    uint32_t which; /* of the table; SIZES: a block of malloc */
};

struct queued { /* a free block */
    struct block head;
    struct queued *next; /* all of it is poisoned */
};

static size_t sizes[SIZES]; /* header and all */
static struct queued *first[SIZES], *last[SIZES];
static unsigned waiting[SIZES];
static uint8_t *slabs[SLABS], *slab; /* all, where leaks are looked for */
static size_t n_slabs, slab_left;
static size_t used;

_Static_assert(sizeof(struct block) <= HEADER, "a header");

static void lay_out(void)
{
    size_t size = 48;

    for (size_t i = 0; i < SIZES; i++) {
        sizes[i] = size;
        size += size < 512 ? 32 : (size / 5 + 15) / 16 * 16;
    }
}

static uint32_t which_of(size_t size)
{
    uint32_t low = 0, high = SIZES;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (sizes[middle] < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint8_t *cut(size_t size)
{
    uint8_t *at;

    if (slab_left < size) {
        assert(n_slabs < SLABS);
        slab = slabs[n_slabs++] = malloc(SLAB);
        assert(slab);
        slab_left = SLAB;
        ASAN_POISON_MEMORY_REGION(slab, SLAB);
    }
    at = slab;
    slab += size;
    slab_left -= size;
    return at;
}

MAY_TOUCH static uint8_t *take(uint32_t which)
{
    struct queued *q = first[which];

    if (waiting[which] < REST)
        return cut(sizes[which]);
    first[which] = q->next;
    waiting[which]--;
    return (uint8_t *)q;
}

MAY_TOUCH static void *pool_malloc(int n)
{
    size_t size = HEADER + ((size_t)n + 7) / 8 * 8 + BEHIND;
    uint32_t which = which_of(size);
    uint8_t *at = which < SIZES ? take(which) : malloc(size);
    struct block *b = (struct block *)(void *)at;

    if (!at)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(at + HEADER, size - HEADER - BEHIND);
    b->size = (uint32_t)(size - HEADER - BEHIND);
    b->which = which;
    used++;
    return at + HEADER;
}

MAY_TOUCH static struct block *block_of(void *payload)
{
    struct block *b = (struct block *)(void *)((uint8_t *)payload - HEADER);

    assert(b->which <= SIZES);
    return b;
}

MAY_TOUCH static void pool_free(void *payload)
{
    struct queued *q = (struct queued *)(void *)block_of(payload);
    uint32_t which = q->head.which;

    used--;
    if (which == SIZES) {
        free(q);
        return;
    }
    ASAN_POISON_MEMORY_REGION(payload, q->head.size);
    if (waiting[which]++ > 0)
        last[which]->next = q;
    else
        first[which] = q;
    last[which] = q;
}

MAY_TOUCH static int pool_size(void *payload)
{
    return payload ? (int)block_of(payload)->size : 0;
}

MAY_TOUCH static void *pool_realloc(void *payload, int n)
{
    size_t old = block_of(payload)->size;
    void *to;

    if ((size_t)n <= old && (size_t)n + 64 > old)
        return payload;
    to = pool_malloc(n);
    if (!to)
        return NULL;
    memcpy(to, payload, old < (size_t)n ? old : (size_t)n);
    pool_free(payload);
    return to;
}

static int pool_round(int n)
{
    return (n + 7) / 8 * 8;
}

static int pool_init(void *opaque)
{
    (void)opaque;
    return SQLITE_OK;
}

static void pool_shutdown(void *opaque)
{
    (void)opaque;
}

void memory_pool_install(void)
{
    static const sqlite3_mem_methods methods = {
        pool_malloc, pool_free, pool_realloc,  pool_size,
        pool_round,  pool_init, pool_shutdown, NULL};

    lay_out();
    assert(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
    assert(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
    assert(sqlite3_initialize() == SQLITE_OK);
}

size_t memory_pool_blocks(void)
{
    return used;
}
