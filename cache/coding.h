// SPDX-License-Identifier: MIT
/*
 * coding.h: blocks to and from payloads, with scratch of their own.
 *
 * Any thread, with no lock held. What is returned carries one reference.
 */
#ifndef PREPFS_CACHE_CODING_H
#define PREPFS_CACHE_CODING_H

#include "block.h"
#include "memory.h"

/* A work area (memory.h): scratch for one coding step, and room for the
 * stored form of a block. */
#define CODING_WORK_BYTES (BLOCK_WORK_BYTES + BLOCK_STORED_MAX(CACHE_BLOCK_MAX))

static inline uint8_t *coding_room(void *work)
{
    return (uint8_t *)work + BLOCK_WORK_BYTES;
}

/* The bytes of a payload; NULL without memory, or, which *ret_sound tells, if
 * it is not one of `size` bytes. */
struct buffer *coding_unpack(struct memory *memory,
                             const struct payload *payload, size_t size,
                             bool *ret_sound);

/* The stored form of bytes; NULL if there is no room for it. */
struct payload *coding_pack(struct memory *memory, const uint8_t *data,
                            size_t size, const struct cache_hint *hint);

#endif
