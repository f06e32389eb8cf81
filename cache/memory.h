// SPDX-License-Identifier: MIT
/*
 * memory.h: where blocks live: stored payloads, raw buffers, work areas.
 *
 * A payload is the stored form of a block, a buffer its raw bytes. Both are
 * immutable once handed around and counted: take a reference under the shard
 * lock, drop it anywhere. Every byte is in one sum, memory_bytes.
 *
 * Internally locked; never takes a shard lock.
 */
#ifndef PREPFS_CACHE_MEMORY_H
#define PREPFS_CACHE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory;

struct payload {
    atomic_uint refs;
    uint32_t size;        /* of the stored form */
    struct payload *next; /* for the holder of the last reference */
    uint8_t bytes[];
};

struct buffer {
    atomic_uint refs;
    uint32_t size;
    struct buffer *next; /* for the holder of the last reference */
    uint8_t *data;
};

struct memory *memory_new(uint64_t budget_bytes);
void memory_free(struct memory *memory); /* may be NULL */

/* What everything handed out takes. */
uint64_t memory_bytes(const struct memory *memory);

/* One reference each; NULL if there is no memory. */
struct payload *payload_new(struct memory *memory, const uint8_t *stored,
                            size_t size);
struct buffer *buffer_new(struct memory *memory, size_t size);

struct payload *payload_ref(struct payload *payload);
struct buffer *buffer_ref(struct buffer *buffer);
void payload_unref(struct memory *memory, struct payload *payload);
void buffer_unref(struct memory *memory, struct buffer *buffer);

/* What a payload of this stored size takes. */
uint64_t payload_charge(size_t size);

/* The stored bytes in one piece; may use `scratch` of payload->size. */
const uint8_t *payload_bytes(const struct payload *payload, uint8_t *scratch);

/* A scratch area for one coding step; NULL if there is no memory. */
void *work_get(struct memory *memory, size_t size);
void work_put(struct memory *memory, void *work, size_t size);

#endif
