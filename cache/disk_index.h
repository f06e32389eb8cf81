// SPDX-License-Identifier: MIT
/*
 * disk_index.h: where on the disk a block is.
 *
 * 16 bytes per record: 64 bits of the key's hash, and the place. The hash is
 * not the key: what is found there must be compared. Bounded: an insertion
 * that would need more memory than allowed fails.
 *
 * Caller serialises. Tables are many and small, so that none takes long to
 * grow.
 */
#ifndef PREPFS_CACHE_DISK_INDEX_H
#define PREPFS_CACHE_DISK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_INDEX_PARTS 64

/* A record's place: which segment (the low 24 bits of its number), where in
 * it, how long, in units of 8 bytes; and was it read since it was written? */
struct disk_place {
    uint32_t segment; /* 24 bits */
    uint32_t offset8; /* 24 bits, not 0 */
    uint32_t length8; /* 15 bits */
    bool used;
};

struct disk_slot {
    uint64_t hash;
    uint64_t place; /* 0: free */
};

struct disk_index {
    struct disk_index_part {
        struct disk_slot *slots; /* NULL while empty */
        size_t mask, count;
    } parts[DISK_INDEX_PARTS];
    uint64_t bytes, bytes_max, count;
};

void disk_index_init(struct disk_index *index, uint64_t bytes_max);
void disk_index_deinit(struct disk_index *index);

bool disk_index_find(const struct disk_index *index, uint64_t hash,
                     struct disk_place *ret);

/* Also replaces. -1: it may not grow. */
int disk_index_put(struct disk_index *index, uint64_t hash,
                   const struct disk_place *place);

/* If the hash is there at all. */
void disk_index_mark_used(struct disk_index *index, uint64_t hash);

/* Removes the hash if it is at this very place. */
void disk_index_remove(struct disk_index *index, uint64_t hash,
                       const struct disk_place *place);

/* Removes all of a segment, wherever it is. Looks at everything. */
void disk_index_remove_segment(struct disk_index *index, uint32_t segment);

#endif
