// SPDX-License-Identifier: MIT
/*
 * disk_format.h: what a segment of the disk tier looks like.
 *
 *     head | record | record | ... | table | tail
 *
 * A record is a head of its own and the stored form of a block, padded to 8
 * bytes. Table and tail are written when the segment is finished, so that
 * the next start reads them and nothing else; a segment without them is read
 * record by record.
 *
 * Every part has a checksum (XXH3), seeded with a number that was drawn for
 * the segment: what an older file left on the disk, or a record copied from
 * elsewhere, is foreign. Numbers have the host's byte order; a segment of
 * the other order, or of another set of stored forms, is foreign as a whole.
 *
 * Pure functions, but for those that take a descriptor. Any thread.
 */
#ifndef PREPFS_CACHE_DISK_FORMAT_H
#define PREPFS_CACHE_DISK_FORMAT_H

#include "prepfs/cache_tier.h"

#define SEGMENT_MAX ((uint64_t)64 << 20)
#define RECORD_CARRIED 1u /* was taken over from a segment that was dropped */

struct segment_head {
    char magic[8];
    uint32_t order;
    uint32_t format;
    uint64_t sequence;
    uint64_t seed;
    uint64_t created; /* seconds since 1970 */
    uint64_t reserved[2];
    uint64_t sum;
};

struct record_head {
    uint32_t magic;
    uint32_t raw_size;
    uint32_t stored_size;
    uint32_t flags;
    struct cache_key key;
    uint64_t payload_sum;
    uint64_t sum;
};

struct table_row {
    struct cache_key key;
    uint32_t offset8; /* of the record, in units of 8 bytes */
    uint32_t stored_size;
    uint32_t raw_size;
    uint32_t flags;
};

struct segment_tail {
    char magic[8];
    uint64_t sequence;
    uint64_t table_offset;
    uint64_t count; /* of rows */
    uint64_t table_sum;
    uint64_t sum;
};

/* Bytes of a record with a stored form of this size. */
static inline uint64_t record_bytes(uint32_t stored_size)
{
    return (sizeof(struct record_head) + stored_size + 7) & ~(uint64_t)7;
}

void segment_head_make(struct segment_head *head, uint64_t sequence,
                       uint64_t seed, uint64_t created);
bool segment_head_is_ours(const struct segment_head *head, uint64_t sequence);

void record_head_make(struct record_head *head,
                      const struct cache_stored *block, uint32_t flags,
                      uint64_t seed);

/* Is the head one of this segment, and sound in itself? */
bool record_head_is_ours(const struct record_head *head, uint64_t seed);
bool record_payload_is_ours(const struct record_head *head,
                            const uint8_t *payload);

void segment_tail_make(struct segment_tail *tail, uint64_t sequence,
                       uint64_t seed, uint64_t table_offset,
                       const struct table_row *rows, uint64_t count);

/* The records of a segment. Caller frees rows. */
struct segment_table {
    struct table_row *rows;
    size_t count, room;
    uint64_t end; /* where the last record ends, and the next may begin */
    bool finished;
};

/* -1: no memory. */
int segment_table_add(struct segment_table *table, const struct table_row *row);

/* Reads the table of an open segment of `size` bytes, or finds its records if
 * there is none; of those, every byte is checked. 0 with *ret filled, or -1
 * with errno: EBADMSG if the file is no segment of ours with this number. */
int segment_read(int fd, uint64_t size, uint64_t sequence,
                 struct segment_head *ret_head, struct segment_table *ret);

/* All of it, or -1 with errno; EBADMSG if the file ends before. */
int disk_read(int fd, void *data, size_t size, uint64_t offset);
int disk_write(int fd, const void *data, size_t size, uint64_t offset);

#endif
