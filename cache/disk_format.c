// SPDX-License-Identifier: MIT
/* disk_format.c: see disk_format.h. */
#include "disk_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define SEGMENT_MAGIC "prepfsS1"
#define TAIL_MAGIC "prepfsE1"
#define RECORD_MAGIC 0x62527050u
#define ORDER 0x01020304u
#define FORMAT (1u << 16 | CACHE_STORED_FORMAT)
#define WINDOW ((size_t)1 << 20)

_Static_assert(sizeof(struct segment_head) == 64 &&
                   sizeof(struct record_head) == 56 &&
                   sizeof(struct table_row) == 40 &&
                   sizeof(struct segment_tail) == 48,
               "no padding may get into the files");

/* The last member of each head is the sum of what stands before it. */
#define SUM(head, seed)                                                        \
    XXH3_64bits_withSeed((head), sizeof *(head) - sizeof(uint64_t), (seed))

void segment_head_make(struct segment_head *head, uint64_t sequence,
                       uint64_t seed, uint64_t created)
{
    memset(head, 0, sizeof *head);
    memcpy(head->magic, SEGMENT_MAGIC, sizeof head->magic);
    head->order = ORDER;
    head->format = FORMAT;
    head->sequence = sequence;
    head->seed = seed;
    head->created = created;
    head->sum = SUM(head, 0);
}

bool segment_head_is_ours(const struct segment_head *head, uint64_t sequence)
{
    return memcmp(head->magic, SEGMENT_MAGIC, sizeof head->magic) == 0 &&
           head->order == ORDER && head->format == FORMAT &&
           head->sequence == sequence && head->sum == SUM(head, 0);
}

void record_head_make(struct record_head *head,
                      const struct cache_stored *block, uint32_t flags,
                      uint64_t seed)
{
    *head = (struct record_head){
        .magic = RECORD_MAGIC,
        .raw_size = block->raw_size,
        .stored_size = block->stored_size,
        .flags = flags,
        .key = block->key,
        .payload_sum = XXH3_64bits(block->stored, block->stored_size),
    };
    head->sum = SUM(head, seed);
}

static bool are_sizes(uint32_t raw_size, uint32_t stored_size)
{
    return raw_size > 0 && raw_size <= CACHE_BLOCK_MAX && stored_size > 0 &&
           stored_size <= CACHE_STORED_MAX(raw_size);
}

bool record_head_is_ours(const struct record_head *head, uint64_t seed)
{
    return head->magic == RECORD_MAGIC &&
           are_sizes(head->raw_size, head->stored_size) &&
           head->sum == SUM(head, seed);
}

bool record_payload_is_ours(const struct record_head *head,
                            const uint8_t *payload)
{
    return head->payload_sum == XXH3_64bits(payload, head->stored_size);
}

void segment_tail_make(struct segment_tail *tail, uint64_t sequence,
                       uint64_t seed, uint64_t table_offset,
                       const struct table_row *rows, uint64_t count)
{
    memset(tail, 0, sizeof *tail);
    memcpy(tail->magic, TAIL_MAGIC, sizeof tail->magic);
    tail->sequence = sequence;
    tail->table_offset = table_offset;
    tail->count = count;
    tail->table_sum =
        XXH3_64bits_withSeed(rows, (size_t)count * sizeof *rows, seed);
    tail->sum = SUM(tail, seed);
}

int segment_table_add(struct segment_table *table, const struct table_row *row)
{
    size_t room = table->room ? 2 * table->room : 64;
    struct table_row *rows = table->rows;

    if (table->count == table->room) {
        rows = reallocarray(rows, room, sizeof *rows);
        if (!rows)
            return -1;
        table->rows = rows;
        table->room = room;
    }
    rows[table->count++] = *row;
    table->end = (uint64_t)row->offset8 * 8 + record_bytes(row->stored_size);
    return 0;
}

/* ---------------------------------------------------------------- files */

int disk_read(int fd, void *data, size_t size, uint64_t offset)
{
    uint8_t *at = data;

    while (size > 0) {
        ssize_t n = pread(fd, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0) {
            errno = EBADMSG;
            return -1;
        }
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int disk_write(int fd, const void *data, size_t size, uint64_t offset)
{
    const uint8_t *at = data;

    while (size > 0) {
        ssize_t n = pwrite(fd, at, size, (off_t)offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* ------------------------------------------------------------- the table */

static bool is_row(const struct table_row *row, uint64_t from, uint64_t to)
{
    uint64_t at = (uint64_t)row->offset8 * 8;

    return are_sizes(row->raw_size, row->stored_size) && at >= from &&
           at + record_bytes(row->stored_size) <= to;
}

static bool are_rows(const struct segment_table *table)
{
    uint64_t from = sizeof(struct segment_head);

    for (size_t i = 0; i < table->count; i++) {
        if (!is_row(&table->rows[i], from, table->end))
            return false;
        from = (uint64_t)table->rows[i].offset8 * 8 +
               record_bytes(table->rows[i].stored_size);
    }
    return true;
}

/* True with *ret filled if the segment was finished and its table is sound. */
static bool read_table(int fd, uint64_t size, const struct segment_head *head,
                       struct segment_table *ret)
{
    struct segment_tail tail;
    uint64_t at = size - sizeof tail, bytes;

    if (size < sizeof *head + sizeof tail ||
        disk_read(fd, &tail, sizeof tail, at) != 0 ||
        memcmp(tail.magic, TAIL_MAGIC, sizeof tail.magic) != 0 ||
        tail.sequence != head->sequence || tail.sum != SUM(&tail, head->seed) ||
        tail.table_offset < sizeof *head || tail.table_offset > at)
        return false;
    bytes = at - tail.table_offset;
    if (bytes / sizeof *ret->rows != tail.count ||
        bytes % sizeof *ret->rows != 0)
        return false;
    ret->rows = malloc(bytes ? (size_t)bytes : 1);
    ret->count = ret->room = (size_t)tail.count;
    ret->end = tail.table_offset;
    ret->finished = true;
    return ret->rows &&
           disk_read(fd, ret->rows, (size_t)bytes, tail.table_offset) == 0 &&
           tail.table_sum ==
               XXH3_64bits_withSeed(ret->rows, (size_t)bytes, head->seed) &&
           are_rows(ret);
}

/* ------------------------------------------------------- without a table */

/* A part of the file, read in large pieces. */
struct window {
    int fd;
    uint64_t size; /* of the file */
    uint64_t from;
    size_t length;
    uint8_t *data; /* WINDOW bytes */
};

/* `n` bytes at `at`; NULL if the file has not so many, or cannot be read. */
static const uint8_t *look(struct window *w, uint64_t at, size_t n)
{
    if (n > WINDOW || at > w->size || n > w->size - at)
        return NULL;
    if (at < w->from || at + n > w->from + w->length) {
        uint64_t left = w->size - at;

        w->from = at;
        w->length = left < WINDOW ? (size_t)left : WINDOW;
        if (disk_read(w->fd, w->data, w->length, at) != 0) {
            w->length = 0;
            return NULL;
        }
    }
    return w->data + (at - w->from);
}

/* A whole, sound record at this place. */
static bool find_record(struct window *w, uint64_t at, uint64_t seed,
                        struct table_row *ret)
{
    const uint8_t *bytes = look(w, at, sizeof(struct record_head));
    struct record_head head;

    if (!bytes)
        return false;
    memcpy(&head, bytes, sizeof head);
    if (!record_head_is_ours(&head, seed))
        return false;
    bytes = look(w, at, (size_t)record_bytes(head.stored_size));
    if (!bytes || !record_payload_is_ours(&head, bytes + sizeof head))
        return false;
    *ret = (struct table_row){head.key, (uint32_t)(at / 8), head.stored_size,
                              head.raw_size, head.flags};
    return true;
}

/* Behind a damaged record others may be sound; all begin at multiples of 8. */
static int scan(struct window *w, uint64_t seed, struct segment_table *ret)
{
    uint64_t at = sizeof(struct segment_head);
    struct table_row row;

    ret->end = at;
    while (look(w, at, sizeof(struct record_head))) {
        if (!find_record(w, at, seed, &row)) {
            at += 8;
            continue;
        }
        if (segment_table_add(ret, &row) != 0)
            return -1;
        at = ret->end;
    }
    return 0;
}

static int scan_file(int fd, uint64_t size, uint64_t seed,
                     struct segment_table *ret)
{
    struct window window = {.fd = fd, .size = size};
    int rc = -1;

    window.data = malloc(WINDOW);
    if (window.data)
        rc = scan(&window, seed, ret);
    free(window.data);
    if (rc != 0)
        errno = ENOMEM;
    return rc;
}

int segment_read(int fd, uint64_t size, uint64_t sequence,
                 struct segment_head *ret_head, struct segment_table *ret)
{
    memset(ret, 0, sizeof *ret);
    if (disk_read(fd, ret_head, sizeof *ret_head, 0) != 0)
        return -1;
    if (!segment_head_is_ours(ret_head, sequence)) {
        errno = EBADMSG;
        return -1;
    }
    if (read_table(fd, size, ret_head, ret))
        return 0;
    free(ret->rows);
    memset(ret, 0, sizeof *ret);
    if (scan_file(fd, size, ret_head->seed, ret) == 0)
        return 0;
    free(ret->rows);
    ret->rows = NULL;
    return -1;
}
