// SPDX-License-Identifier: MIT
/*
 * memory.h: where blocks live: stored payloads, raw buffers, work areas.
 *
 * A payload is the stored form of a block, a buffer its raw bytes. Both are
 * immutable once handed around and counted: take a reference under the shard
 * lock, drop it anywhere; the last one gives the memory back.
 *
 * Internally locked; never takes a shard lock. Nothing here waits.
 */
#ifndef PREPFS_CACHE_MEMORY_H
#define PREPFS_CACHE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runs.h"

#define PAYLOAD_INLINE 16 /* stored forms up to this size need no page */

struct memory;

struct payload {
    atomic_uint refs;
    uint32_t size;        /* of the stored form */
    struct payload *next; /* for the holder of the last reference */
    uint32_t page;        /* first whole page, then by the page chain */
    uint32_t pages;
    struct run tail; /* what is left, in pieces of a page */
    uint8_t bytes[PAYLOAD_INLINE];
};

struct buffer {
    atomic_uint refs;
    uint32_t size;
    struct buffer *next; /* for the holder of the last reference */
    uint8_t *data;
    struct run run; /* slab RUNS_NONE: from malloc */
};

/* `payload_limit` bytes of pages and `buffer_limit` bytes of raw buffers; the
 * limits can only be lowered and raised again up to these. */
struct memory *memory_new(uint64_t payload_limit, uint64_t buffer_limit);
void memory_free(struct memory *memory); /* may be NULL */

/* Returns what is free above the new limit to the system. */
void memory_set_payload_limit(struct memory *memory, uint64_t bytes);

/* What everything takes: pages, buffers, work areas. */
uint64_t memory_bytes(struct memory *memory);

/* What no payload and no budgeted buffer accounts for: gaps in shared pages,
 * work areas, buffers beyond their limit. */
uint64_t memory_overhead(struct memory *memory);

/* One reference each. payload_new: NULL if over the limit or out of memory.
 * buffer_new: beyond its limit it asks malloc; NULL if that fails. */
struct payload *payload_new(struct memory *memory, const uint8_t *stored,
                            size_t size);
struct buffer *buffer_new(struct memory *memory, size_t size);

struct payload *payload_ref(struct payload *payload);
struct buffer *buffer_ref(struct buffer *buffer);
void payload_unref(struct memory *memory, struct payload *payload);
void buffer_unref(struct memory *memory, struct buffer *buffer);

/* What a payload of this stored size takes. */
uint64_t payload_charge(size_t size);

/* What a buffer of this size takes. */
uint64_t buffer_charge(size_t size);

/* The stored bytes in one piece, in `scratch` (payload->size bytes) if they
 * are not so already. Valid while the reference and the scratch are. */
const uint8_t *payload_bytes(struct memory *memory,
                             const struct payload *payload, uint8_t *scratch);

/* A scratch area for one coding step, of `size` bytes (always the same);
 * NULL if there is no memory. Areas are kept for the next step. */
void *work_get(struct memory *memory, size_t size);
void work_put(struct memory *memory, void *work, size_t size);

#endif
