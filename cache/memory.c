// SPDX-License-Identifier: MIT
/*
 * memory.c: pages for payloads, slabs for buffers, and what they sum to.
 *
 * Stored forms have any size from 17 bytes to 128 KiB, live for any time and
 * are freed in any order: a general allocator would need half as much again
 * after some hours. So a payload is cut up. Its whole pages of 4 KiB come
 * from one pool and may lie anywhere, linked by number; what is left over
 * takes pieces of 512 bytes in a page shared with other left-overs:
 *
 *     payload of 9,700 bytes:  [page 7] -> [page 2]  + 3 pieces of page 9
 *
 *     page:   0    1    2    3    4    5    6    7    8    9
 *           [ .  |free|####|free| .  | .  | .  |####| .  |...###..]
 *
 * Any free page fits any payload, so nothing fragments but the shared pages,
 * and what they waste is measured and taken off the cache's capacity. The
 * price is one copy, page by page, before decoding.
 *
 * Buffers must be contiguous; they are runs of pages in slabs of 128 KiB from
 * a region of their own. When that is full (many pins), malloc helps out, and
 * the caller sees it in memory_overhead and shrinks the rest.
 *
 * Both regions are reserved at once and become resident page by page. Freed
 * pages stay resident for the next payload, so residency is the highest use;
 * lowering the limit returns free pages to the system one by one.
 *
 * Pages are excluded from core dumps and from huge pages: the first because
 * they hold patients' images, the second because one touched page would then
 * make 2 MiB resident.
 */
#include "memory.h"

#include "prepfs/lock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u
#define PIECE 512u
#define PIECES (PAGE / PIECE)
#define SLAB (128u * 1024)
#define SLAB_PAGES (SLAB / PAGE)
#define NO_PAGE UINT32_MAX
#define RETURN_BATCH 512
#define WORK_KEPT 64

struct work_area {
    struct work_area *next;
};

struct memory {
    struct lock lock;
    /* Protected by lock: */
    uint8_t *pages;
    uint32_t *chain;         /* next page of a payload, or of a free list */
    struct run_slab *shared; /* per page, while it is shared */
    struct runs pieces;
    uint32_t page_count;  /* reserved */
    uint32_t page_limit;  /* usable now */
    uint32_t pages_used;  /* by payloads, shared pages included */
    uint32_t pages_fresh; /* pages from here on were never touched */
    uint32_t warm;        /* free list, resident */
    uint32_t warm_count;
    uint32_t cold; /* free list, returned to the system */
    uint64_t pieces_used;
    uint32_t pages_shared;
    uint8_t *slabs;
    struct run_slab *slab_runs;
    struct runs runs;
    uint32_t slab_count;
    uint32_t slabs_fresh;
    struct work_area *work;
    unsigned work_kept;
    /* Not: */
    atomic_uint_fast64_t payload_heads; /* malloc'd parts of payloads */
    atomic_uint_fast64_t buffer_bytes;  /* in slabs, heads included */
    atomic_uint_fast64_t extra_bytes;   /* buffers from malloc */
    atomic_uint_fast64_t work_bytes;
};

#define HEAP_COST 16 /* malloc's own, per allocation */

/* ------------------------------------------------------------- regions */

static void *reserve(size_t bytes)
{
    void *at;

    if (bytes == 0)
        bytes = PAGE;
    at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    (void)madvise(at, bytes, MADV_NOHUGEPAGE);
    (void)madvise(at, bytes, MADV_DONTDUMP);
    return at;
}

static void unreserve(void *at, size_t bytes)
{
    if (at)
        (void)munmap(at, bytes ? bytes : PAGE);
}

struct memory *memory_new(uint64_t payload_limit, uint64_t buffer_limit)
{
    struct memory *m = calloc(1, sizeof *m);
    uint64_t pages = payload_limit / PAGE, slabs = buffer_limit / SLAB;

    if (!m)
        return NULL;
    lock_init(&m->lock);
    m->page_count = pages < NO_PAGE ? (uint32_t)pages : NO_PAGE - 1;
    m->slab_count = slabs < RUNS_NONE ? (uint32_t)slabs : RUNS_NONE - 1;
    m->page_limit = m->page_count;
    m->warm = m->cold = NO_PAGE;
    m->pages = reserve((size_t)m->page_count * PAGE);
    m->chain = reserve(m->page_count * sizeof *m->chain);
    m->shared = reserve(m->page_count * sizeof *m->shared);
    m->slabs = reserve((size_t)m->slab_count * SLAB);
    m->slab_runs = reserve(m->slab_count * sizeof *m->slab_runs);
    runs_init(&m->pieces, m->shared, PIECES);
    runs_init(&m->runs, m->slab_runs, SLAB_PAGES);
    if (m->pages && m->chain && m->shared && m->slabs && m->slab_runs)
        return m;
    memory_free(m);
    return NULL;
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    while (m->work) {
        struct work_area *work = m->work;

        m->work = work->next;
        free(work);
    }
    unreserve(m->pages, (size_t)m->page_count * PAGE);
    unreserve(m->chain, m->page_count * sizeof *m->chain);
    unreserve(m->shared, m->page_count * sizeof *m->shared);
    unreserve(m->slabs, (size_t)m->slab_count * SLAB);
    unreserve(m->slab_runs, m->slab_count * sizeof *m->slab_runs);
    lock_deinit(&m->lock);
    free(m);
}

static uint64_t gaps_locked(const struct memory *m) REQUIRES(m->lock)
{
    return (uint64_t)m->pages_shared * PAGE - m->pieces_used * PIECE;
}

uint64_t memory_bytes(struct memory *m)
{
    uint64_t pages;

    lock_acquire(&m->lock);
    pages = m->pages_used;
    lock_release(&m->lock);
    return pages * PAGE + atomic_load(&m->payload_heads) +
           atomic_load(&m->buffer_bytes) + atomic_load(&m->extra_bytes) +
           atomic_load(&m->work_bytes);
}

uint64_t memory_overhead(struct memory *m)
{
    uint64_t gaps;

    lock_acquire(&m->lock);
    gaps = gaps_locked(m);
    lock_release(&m->lock);
    return gaps + atomic_load(&m->extra_bytes) + atomic_load(&m->work_bytes);
}

/* --------------------------------------------------------------- pages */

static uint32_t take_page_locked(struct memory *m) REQUIRES(m->lock)
{
    uint32_t page = m->warm;

    if (m->pages_used >= m->page_limit)
        return NO_PAGE;
    if (page != NO_PAGE) {
        m->warm = m->chain[page];
        m->warm_count--;
    } else if (m->cold != NO_PAGE) {
        page = m->cold;
        m->cold = m->chain[page];
    } else {
        page = m->pages_fresh++;
    }
    m->pages_used++;
    return page;
}

static void give_page_locked(struct memory *m, uint32_t page) REQUIRES(m->lock)
{
    m->chain[page] = m->warm;
    m->warm = page;
    m->warm_count++;
    m->pages_used--;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* One system call per run of neighbours. */
static void discard(struct memory *m, uint32_t *pages, size_t count)
{
    size_t from = 0;

    qsort(pages, count, sizeof *pages, by_number);
    for (size_t i = 1; i <= count; i++) {
        if (i < count && pages[i] == pages[i - 1] + 1)
            continue;
        (void)madvise(m->pages + (size_t)pages[from] * PAGE, (i - from) * PAGE,
                      MADV_DONTNEED);
        from = i;
    }
}

/* Returns a batch of warm pages to the system while more than `limit` bytes
 * are resident; false if there was nothing to return. */
static bool return_batch(struct memory *m, uint64_t limit)
{
    uint32_t batch[RETURN_BATCH];
    size_t count = 0;

    lock_acquire(&m->lock);
    while (count < RETURN_BATCH && m->warm != NO_PAGE &&
           ((uint64_t)m->pages_used + m->warm_count) * PAGE > limit) {
        batch[count++] = m->warm;
        m->warm = m->chain[m->warm];
        m->warm_count--;
    }
    lock_release(&m->lock);
    discard(m, batch, count);
    lock_acquire(&m->lock);
    for (size_t i = 0; i < count; i++) {
        m->chain[batch[i]] = m->cold;
        m->cold = batch[i];
    }
    lock_release(&m->lock);
    return count > 0;
}

/* Whole free slabs are taken, returned to the system and given back; one that
 * was never touched costs nothing. */
static void return_slabs(struct memory *m)
{
    struct run runs[RETURN_BATCH];
    size_t count = 0;

    lock_acquire(&m->lock);
    while (count < RETURN_BATCH &&
           runs_take(&m->runs, SLAB_PAGES, &runs[count]))
        count++;
    lock_release(&m->lock);
    for (size_t i = 0; i < count; i++)
        (void)madvise(m->slabs + (size_t)runs[i].slab * SLAB, SLAB,
                      MADV_DONTNEED);
    lock_acquire(&m->lock);
    for (size_t i = 0; i < count; i++)
        (void)runs_give(&m->runs, runs[i], SLAB_PAGES);
    lock_release(&m->lock);
}

void memory_set_payload_limit(struct memory *m, uint64_t bytes)
{
    uint64_t pages = bytes / PAGE;

    lock_acquire(&m->lock);
    m->page_limit = pages < m->page_count ? (uint32_t)pages : m->page_count;
    lock_release(&m->lock);
    while (return_batch(m, bytes))
        ;
    return_slabs(m);
}

/* ------------------------------------------------------------ payloads */

static uint32_t whole_pages(size_t size)
{
    uint32_t pages = (uint32_t)(size / PAGE);

    /* More than seven pieces are a page. */
    return size % PAGE > PAGE - PIECE ? pages + 1 : pages;
}

static unsigned tail_pieces(size_t size)
{
    size_t rest = size % PAGE;

    return rest > PAGE - PIECE ? 0 : (unsigned)((rest + PIECE - 1) / PIECE);
}

uint64_t payload_charge(size_t size)
{
    uint64_t head = sizeof(struct payload) + HEAP_COST;

    if (size <= PAYLOAD_INLINE)
        return head;
    return head + (uint64_t)whole_pages(size) * PAGE +
           (uint64_t)tail_pieces(size) * PIECE;
}

static bool take_pieces_locked(struct memory *m, unsigned count,
                               struct run *run) REQUIRES(m->lock)
{
    uint32_t page;

    if (!runs_take(&m->pieces, count, run)) {
        page = take_page_locked(m);
        if (page == NO_PAGE)
            return false;
        runs_add(&m->pieces, page);
        m->pages_shared++;
        (void)runs_take(&m->pieces, count, run);
    }
    m->pieces_used += count;
    return true;
}

static void give_pieces_locked(struct memory *m, struct run run, unsigned count)
    REQUIRES(m->lock)
{
    m->pieces_used -= count;
    if (!runs_give(&m->pieces, run, count))
        return;
    runs_drop(&m->pieces, run.slab);
    m->pages_shared--;
    give_page_locked(m, run.slab);
}

static void give_back_locked(struct memory *m, const struct payload *payload,
                             uint32_t pages) REQUIRES(m->lock)
{
    uint32_t page = payload->page;

    for (; pages > 0; pages--) {
        uint32_t next = m->chain[page];

        give_page_locked(m, page);
        page = next;
    }
}

/* Fills in where the payload lives; false if there is no room. */
static bool place_locked(struct memory *m, struct payload *payload)
    REQUIRES(m->lock)
{
    unsigned pieces = tail_pieces(payload->size);
    uint32_t page;

    payload->page = NO_PAGE;
    for (uint32_t n = 0; n < payload->pages; n++) {
        page = take_page_locked(m);
        if (page == NO_PAGE) {
            give_back_locked(m, payload, n);
            return false;
        }
        m->chain[page] = payload->page;
        payload->page = page;
    }
    if (pieces > 0 && !take_pieces_locked(m, pieces, &payload->tail)) {
        give_back_locked(m, payload, payload->pages);
        return false;
    }
    return true;
}

static uint8_t *tail_of(struct memory *m, const struct payload *payload)
{
    return m->pages + (size_t)payload->tail.slab * PAGE +
           payload->tail.at * PIECE;
}

/* The chain of a live payload changes for nobody, so it is walked unlocked. */
static void write_pages(struct memory *m, const struct payload *payload,
                        const uint8_t *from)
{
    uint32_t page = payload->page;
    size_t left = payload->size;

    for (uint32_t n = 0; n < payload->pages; n++, page = m->chain[page]) {
        size_t part = left < PAGE ? left : PAGE;

        memcpy(m->pages + (size_t)page * PAGE, from, part);
        from += part;
        left -= part;
    }
    if (left > 0)
        memcpy(tail_of(m, payload), from, left);
}

struct payload *payload_new(struct memory *m, const uint8_t *stored,
                            size_t size)
{
    struct payload *payload = calloc(1, sizeof *payload);
    bool placed;

    if (!payload)
        return NULL;
    atomic_init(&payload->refs, 1);
    payload->size = (uint32_t)size;
    if (size <= PAYLOAD_INLINE) {
        memcpy(payload->bytes, stored, size);
    } else {
        payload->pages = whole_pages(size);
        lock_acquire(&m->lock);
        placed = place_locked(m, payload);
        lock_release(&m->lock);
        if (!placed) {
            free(payload);
            return NULL;
        }
        write_pages(m, payload, stored);
    }
    atomic_fetch_add(&m->payload_heads, sizeof *payload + HEAP_COST);
    return payload;
}

struct payload *payload_ref(struct payload *payload)
{
    atomic_fetch_add_explicit(&payload->refs, 1, memory_order_relaxed);
    return payload;
}

void payload_unref(struct memory *m, struct payload *payload)
{
    unsigned pieces;

    if (!payload ||
        atomic_fetch_sub_explicit(&payload->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (payload->size > PAYLOAD_INLINE) {
        pieces = tail_pieces(payload->size);
        lock_acquire(&m->lock);
        give_back_locked(m, payload, payload->pages);
        if (pieces > 0)
            give_pieces_locked(m, payload->tail, pieces);
        lock_release(&m->lock);
    }
    atomic_fetch_sub(&m->payload_heads, sizeof *payload + HEAP_COST);
    free(payload);
}

const uint8_t *payload_bytes(struct memory *m, const struct payload *payload,
                             uint8_t *scratch)
{
    uint32_t page = payload->page;
    size_t at = 0;

    if (payload->size <= PAYLOAD_INLINE)
        return payload->bytes;
    if (payload->pages == 0)
        return tail_of(m, payload);
    for (uint32_t n = 0; n < payload->pages; n++, page = m->chain[page]) {
        size_t left = payload->size - at;
        size_t part = left < PAGE ? left : PAGE;

        memcpy(scratch + at, m->pages + (size_t)page * PAGE, part);
        at += part;
    }
    if (at < payload->size)
        memcpy(scratch + at, tail_of(m, payload), payload->size - at);
    return scratch;
}

/* ------------------------------------------------------------- buffers */

static unsigned buffer_pages(size_t size)
{
    return (unsigned)((size + PAGE - 1) / PAGE);
}

uint64_t buffer_charge(size_t size)
{
    return (uint64_t)buffer_pages(size) * PAGE + sizeof(struct buffer) +
           HEAP_COST;
}

static bool take_run_locked(struct memory *m, unsigned pages, struct run *run)
    REQUIRES(m->lock)
{
    if (runs_take(&m->runs, pages, run))
        return true;
    if (m->slabs_fresh == m->slab_count)
        return false;
    runs_add(&m->runs, m->slabs_fresh++);
    return runs_take(&m->runs, pages, run);
}

struct buffer *buffer_new(struct memory *m, size_t size)
{
    struct buffer *buffer = calloc(1, sizeof *buffer);
    bool placed;

    if (!buffer)
        return NULL;
    atomic_init(&buffer->refs, 1);
    buffer->size = (uint32_t)size;
    lock_acquire(&m->lock);
    placed = take_run_locked(m, buffer_pages(size), &buffer->run);
    lock_release(&m->lock);
    if (placed) {
        buffer->data = m->slabs + (size_t)buffer->run.slab * SLAB +
                       (size_t)buffer->run.at * PAGE;
        atomic_fetch_add(&m->buffer_bytes, buffer_charge(size));
        return buffer;
    }
    buffer->run.slab = RUNS_NONE;
    buffer->data = malloc(size);
    if (!buffer->data) {
        free(buffer);
        return NULL;
    }
    atomic_fetch_add(&m->extra_bytes, buffer_charge(size));
    return buffer;
}

struct buffer *buffer_ref(struct buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    return buffer;
}

void buffer_unref(struct memory *m, struct buffer *buffer)
{
    if (!buffer ||
        atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (buffer->run.slab == RUNS_NONE) {
        atomic_fetch_sub(&m->extra_bytes, buffer_charge(buffer->size));
        free(buffer->data);
    } else {
        atomic_fetch_sub(&m->buffer_bytes, buffer_charge(buffer->size));
        lock_acquire(&m->lock);
        (void)runs_give(&m->runs, buffer->run, buffer_pages(buffer->size));
        lock_release(&m->lock);
    }
    free(buffer);
}

/* ---------------------------------------------------------- work areas */

void *work_get(struct memory *m, size_t size)
{
    struct work_area *work;

    lock_acquire(&m->lock);
    work = m->work;
    if (work) {
        m->work = work->next;
        m->work_kept--;
    }
    lock_release(&m->lock);
    if (work)
        return work;
    work = malloc(size);
    if (work)
        atomic_fetch_add(&m->work_bytes, size);
    return work;
}

void work_put(struct memory *m, void *at, size_t size)
{
    struct work_area *work = at;

    if (!work)
        return;
    lock_acquire(&m->lock);
    if (m->work_kept < WORK_KEPT) {
        work->next = m->work;
        m->work = work;
        m->work_kept++;
        work = NULL;
    }
    lock_release(&m->lock);
    if (!work)
        return;
    atomic_fetch_sub(&m->work_bytes, size);
    free(work);
}
