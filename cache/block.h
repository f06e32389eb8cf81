// SPDX-License-Identifier: MIT
/*
 * block.h: one block to and from its stored form.
 *
 * The stored form describes itself (but not its raw size), so it can also be
 * kept by another tier. Pure functions; nothing is allocated: the caller
 * passes BLOCK_WORK_BYTES of scratch, used by one thread at a time.
 */
#ifndef PREPFS_CACHE_BLOCK_H
#define PREPFS_CACHE_BLOCK_H

#include "prepfs/cache.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The stored form of `size` bytes never takes more than this. */
#define BLOCK_STORED_MAX(size) ((size) + 16)

#define BLOCK_WORK_BYTES ((size_t)528 * 1024)

/* `dst` has room for BLOCK_STORED_MAX(size); size <= CACHE_BLOCK_MAX. The
 * hint may be NULL and need not be true. Returns the stored size. */
size_t block_encode(const uint8_t *src, size_t size,
                    const struct cache_hint *hint, uint8_t *dst, void *work);

/* False if the stored form is not one of `size` bytes made by block_encode;
 * safe on any input. */
bool block_decode(const uint8_t *stored, size_t stored_size, uint8_t *dst,
                  size_t size, void *work);

#endif
