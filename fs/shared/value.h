// SPDX-License-Identifier: MIT
/*
 * value.h: what a server keeps for a block, and under which name.
 *
 *     name    32 hex digits, a digest of the block's key, of the set of stored
 *             forms and of the byte order
 *     value   a head, and the stored form of the block
 *
 * So blocks of another version of the format, or of a machine of the other
 * byte order, have other names; and what is found is compared once more with
 * all of it, since whoever can reach a server can write to it.
 *
 * The sum tells damage and mistakes apart from blocks; it is no signature.
 *
 * Pure functions. Any thread.
 */
#ifndef SHARED_VALUE_H
#define SHARED_VALUE_H

#include "prepfs/cache_tier.h"

enum { VALUE_NAME = 32 };

struct value_head {
    uint32_t magic;
    uint32_t order;
    uint32_t format;
    uint32_t raw_size;
    uint32_t stored_size;
    uint32_t reserved; /* 0 */
    struct cache_key key;
    uint64_t sum; /* of all before it and of the stored form */
};

#define VALUE_MAX                                                              \
    (sizeof(struct value_head) + CACHE_STORED_MAX(CACHE_BLOCK_MAX))

/* Without a NUL. */
void value_name(const struct cache_key *key, char ret[VALUE_NAME]);

void value_head_make(struct value_head *head, const struct cache_stored *block);

/* Are these a head and `size` bytes of a block of that key and size? */
bool value_is(const struct value_head *head, const uint8_t *stored, size_t size,
              const struct cache_key *key, uint32_t raw_size);

#endif
