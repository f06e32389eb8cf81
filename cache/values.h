// SPDX-License-Identifier: MIT
/*
 * values.h: the dictionary of a block with few distinct values.
 *
 * A window maps 12-bit pixels to 16-bit or float samples, leaving gaps that
 * cost bits in every difference. Replacing each sample by the rank of its
 * value closes them, and turns float samples into small integers.
 *
 * Keys are the samples as unsigned numbers in the order of their values;
 * floats are mapped so that the order of the keys is the order of the floats.
 */
#ifndef PREPFS_CACHE_VALUES_H
#define PREPFS_CACHE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VALUES_MAX 8192

struct values_work {
    uint64_t seen[65536 / 64];          /* 2 bytes: which values occur */
    uint16_t before[65536 / 64];        /* ranks before each word */
    uint32_t slot_key[4 * VALUES_MAX];  /* 4 bytes: open addressing */
    uint16_t slot_rank[4 * VALUES_MAX]; /* 0: empty, else rank + 1 */
    uint32_t sorted[VALUES_MAX];
    uint32_t swap[VALUES_MAX];
};

/*
 * Ranks of `count` samples of 2 or 4 bytes, and the keys in order. Returns
 * the number of distinct keys, or 0 if a dictionary would not pay.
 */
size_t values_rank(const uint8_t *src, size_t count, unsigned bytes,
                   bool is_float, struct values_work *work, uint32_t *keys,
                   uint16_t *ranks);

/* The inverse. False if a rank is not below key_count. */
bool values_restore(const uint16_t *ranks, size_t count, unsigned bytes,
                    bool is_float, uint32_t *keys, size_t key_count,
                    uint8_t *dst);

#endif
