// SPDX-License-Identifier: MIT
/*
 * disk_write.c: appending records, and making room for them.
 *
 * Records are gathered and written a mebibyte at a time, or when there is
 * nothing more to gather; only then they are in the index. Nothing has to
 * reach the disk in any order: what a reader finds it checks, and what a
 * crash tears is not found. Syncing only decides how much survives a loss of
 * power.
 *
 * When a new segment is begun, the oldest go until there is room for it. What
 * of them was read since it was written, or is in memory now (and would
 * otherwise be lost to the disk, as it is offered only once), is appended
 * again: once, and half a segment for each new one, so that at least half of
 * what is written is new.
 */
#include "disk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define BUFFER ((size_t)1 << 20)
#define RECORD_MAX                                                             \
    (sizeof(struct record_head) + CACHE_STORED_MAX(CACHE_BLOCK_MAX) + 8)
#define SYNC_MS 5000

static int begin_segment(struct cache_disk *disk);

/* ------------------------------------------------------------- the oldest */

static struct segment *oldest(struct cache_disk *disk)
{
    struct segment *segment = NULL;

    lock_acquire(&disk->lock);
    if (disk->segment_count > 0 && disk->segments[0] != disk->writer.segment) {
        segment = disk->segments[0];
        segment->users++;
    }
    lock_release(&disk->lock);
    return segment;
}

static bool is_worth_carrying(struct cache_disk *disk,
                              const struct segment *segment,
                              const struct table_row *row)
{
    struct disk_place place = {0}, mine = disk_place_of(segment, row);
    struct cache *cache = atomic_load(&disk->cache);
    bool found;

    if (row->flags & RECORD_CARRIED)
        return false;
    lock_acquire(&disk->lock);
    found = disk_index_find(&disk->index, disk_hash(&row->key), &place);
    lock_release(&disk->lock);
    if (!found || place.segment != mine.segment ||
        place.offset8 != mine.offset8)
        return false;
    return place.used || (cache && cache_has(cache, &row->key));
}

/* False: no more of this segment. */
static bool carry(struct cache_disk *disk, struct segment *segment, int fd,
                  const struct table_row *row, uint8_t *record)
{
    size_t bytes = (size_t)record_bytes(row->stored_size);
    struct cache_stored block = {row->key, row->raw_size, row->stored_size,
                                 record + sizeof(struct record_head)};
    struct record_head head;

    if (disk_read(fd, record, bytes, (uint64_t)row->offset8 * 8) != 0)
        return false;
    memcpy(&head, record, sizeof head);
    if (!record_head_is_ours(&head, segment->seed) ||
        memcmp(&head.key, &row->key, sizeof head.key) != 0 ||
        head.stored_size != row->stored_size ||
        head.raw_size != row->raw_size ||
        !record_payload_is_ours(&head, block.stored)) {
        disk_count(disk, &disk->stats.damaged, 1);
        return true;
    }
    if (!disk_append(disk, &block, RECORD_CARRIED))
        return false;
    disk_count(disk, &disk->stats.carried, 1);
    return true;
}

/* Up to `room` bytes; returns what is left of that. */
static uint64_t carry_some(struct cache_disk *disk, struct segment *segment,
                           int fd, const struct segment_table *table,
                           uint64_t room)
{
    uint8_t *record = malloc(RECORD_MAX);

    for (size_t i = 0; record && i < table->count; i++) {
        const struct table_row *row = &table->rows[i];

        if (record_bytes(row->stored_size) > room)
            break;
        if (!is_worth_carrying(disk, segment, row))
            continue;
        if (!carry(disk, segment, fd, row, record))
            break;
        room -= record_bytes(row->stored_size);
    }
    free(record);
    disk_flush(disk);
    return room;
}

static void forget_rows(struct cache_disk *disk, const struct segment *segment,
                        const struct segment_table *table)
{
    lock_acquire(&disk->lock);
    for (size_t i = 0; i < table->count; i++) {
        struct disk_place place = disk_place_of(segment, &table->rows[i]);

        disk_index_remove(&disk->index, disk_hash(&table->rows[i].key), &place);
    }
    lock_release(&disk->lock);
}

/* Drops the oldest segment; false if there is none to drop. Up to *room bytes
 * of it are carried over. */
static bool drop_oldest(struct cache_disk *disk, uint64_t *room)
{
    struct segment *segment = oldest(disk);
    struct segment_table table = {0};
    struct segment_head head;
    bool known = false;
    int fd;

    if (!segment)
        return false;
    fd = segment->loaded ? segment_fd(disk, segment) : -1;
    if (fd >= 0)
        known = segment_read(fd, segment->bytes, segment->sequence, &head,
                             &table) == 0 &&
                table.finished;
    if (known && *room > 0)
        *room = carry_some(disk, segment, fd, &table, *room);
    if (known)
        forget_rows(disk, segment, &table);
    free(table.rows);
    segment_drop(disk, segment, segment->loaded && !known);
    disk_count(disk, &disk->stats.dropped, 1);
    segment_put(disk, segment);
    return true;
}

static uint64_t bytes_now(struct cache_disk *disk)
{
    uint64_t bytes;

    lock_acquire(&disk->lock);
    bytes = disk->stats.bytes;
    lock_release(&disk->lock);
    return bytes;
}

/* What is carried is on the disk twice for a moment. */
static void make_room(struct cache_disk *disk)
{
    uint64_t carried = disk->segment_max / 2;

    while (bytes_now(disk) + disk->segment_max + disk->segment_max / 2 >
               disk->bytes_max &&
           drop_oldest(disk, &carried))
        ;
}

/* ------------------------------------------------------ the open segment */

static int create_file(struct cache_disk *disk, struct segment_head *head)
{
    char name[DISK_NAME_MAX];
    uint64_t seed;
    int fd;

    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = disk_now_ms() ^ disk->next_sequence << 32;
    disk_segment_name(disk->next_sequence, name);
    fd = openat(disk->dir_fd, name,
                O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    segment_head_make(head, disk->next_sequence, seed, (uint64_t)time(NULL));
    if (disk_write(fd, head, sizeof *head, 0) == 0)
        return fd;
    seed = (uint64_t)errno;
    (void)close(fd);
    (void)unlinkat(disk->dir_fd, name, 0);
    errno = (int)seed;
    return -1;
}

/* -1: the disk is given up, or there is no memory. */
static int begin_segment(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;
    struct segment_head head;
    int fd, reading;

    if (!w->buffer)
        w->buffer = malloc(BUFFER + RECORD_MAX);
    if (!w->buffer)
        return -1;
    fd = create_file(disk, &head);
    if (fd < 0) {
        disk_give_up(disk, CACHE_DISK_READ_ONLY, "begin a segment", errno);
        return -1;
    }
    reading = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    w->segment = segment_add(disk, disk->next_sequence, sizeof head, reading);
    if (!w->segment) {
        (void)close(fd);
        if (reading >= 0)
            (void)close(reading);
        return -1;
    }
    w->segment->seed = head.seed;
    w->segment->created = head.created;
    w->segment->loaded = true;
    w->fd = fd;
    w->end = sizeof head;
    w->table = (struct segment_table){.end = sizeof head};
    w->indexed = w->used = 0;
    disk->next_sequence++;
    make_room(disk);
    return 0;
}

static void end_segment(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;

    if (!w->segment)
        return;
    (void)close(w->fd);
    free(w->table.rows);
    w->table = (struct segment_table){0};
    w->segment = NULL;
    w->used = 0;
    w->dirty_ms = 0;
}

static void count_bytes(struct cache_disk *disk, uint64_t bytes)
{
    struct disk_writer *w = &disk->writer;

    lock_acquire(&disk->lock);
    w->segment->bytes += bytes;
    disk->stats.bytes += bytes;
    disk->stats.written += bytes;
    lock_release(&disk->lock);
    if (w->dirty_ms == 0)
        w->dirty_ms = disk_now_ms();
}

/* How many of the rows from `from` on got into the index. */
static size_t index_new_rows(struct cache_disk *disk, size_t from)
{
    const struct disk_writer *w = &disk->writer;
    size_t i;

    lock_acquire(&disk->lock);
    for (i = from; i < w->table.count; i++) {
        struct disk_place place = disk_place_of(w->segment, &w->table.rows[i]);

        if (disk_index_put(&disk->index, disk_hash(&w->table.rows[i].key),
                           &place) != 0)
            break;
    }
    lock_release(&disk->lock);
    return i;
}

/* A full index is like a full disk: the oldest goes. */
static void index_written(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;
    uint64_t none = 0;

    w->indexed = index_new_rows(disk, w->indexed);
    while (w->indexed < w->table.count && drop_oldest(disk, &none))
        w->indexed = index_new_rows(disk, w->indexed);
    w->indexed = w->table.count;
}

static void fail_to_write(struct cache_disk *disk, int sys_errno)
{
    struct disk_writer *w = &disk->writer;

    (void)ftruncate(w->fd, (off_t)w->end);
    disk_count(disk, &disk->stats.write_errors, 1);
    disk_give_up(disk, CACHE_DISK_READ_ONLY, "write to", sys_errno);
    end_segment(disk);
}

void disk_flush(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;

    if (!w->segment || w->used == 0)
        return;
    if (disk_write(w->fd, w->buffer, w->used, w->end) != 0) {
        fail_to_write(disk, errno);
        return;
    }
    w->end += w->used;
    count_bytes(disk, w->used);
    w->used = 0;
    index_written(disk);
}

void disk_sync(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;

    if (!w->segment || w->dirty_ms == 0 ||
        disk_now_ms() - w->dirty_ms < SYNC_MS)
        return;
    w->dirty_ms = 0;
    if (fdatasync(w->fd) != 0)
        fail_to_write(disk, errno);
}

void disk_finish(struct cache_disk *disk)
{
    struct disk_writer *w = &disk->writer;
    struct segment_tail tail;
    size_t bytes;

    disk_flush(disk);
    if (!w->segment)
        return;
    bytes = w->table.count * sizeof *w->table.rows;
    segment_tail_make(&tail, w->segment->sequence, w->segment->seed, w->end,
                      w->table.rows, w->table.count);
    if (disk_write(w->fd, w->table.rows, bytes, w->end) != 0 ||
        disk_write(w->fd, &tail, sizeof tail, w->end + bytes) != 0 ||
        fdatasync(w->fd) != 0) {
        fail_to_write(disk, errno);
        return;
    }
    count_bytes(disk, bytes + sizeof tail);
    end_segment(disk);
}

/* Table and tail count as well. */
static bool has_room(const struct cache_disk *disk, uint64_t bytes)
{
    const struct disk_writer *w = &disk->writer;

    return w->segment &&
           w->end + w->used + bytes +
                   (w->table.count + 1) * sizeof(struct table_row) +
                   sizeof(struct segment_tail) <=
               disk->segment_max;
}

bool disk_append(struct cache_disk *disk, const struct cache_stored *block,
                 uint32_t flags)
{
    uint64_t bytes = record_bytes(block->stored_size);
    struct disk_writer *w = &disk->writer;
    struct record_head head;
    struct table_row row;

    if (!has_room(disk, bytes)) {
        disk_finish(disk);
        if (atomic_load(&disk->state) != CACHE_DISK_ON ||
            begin_segment(disk) != 0)
            return false;
    }
    row = (struct table_row){block->key, (uint32_t)((w->end + w->used) / 8),
                             block->stored_size, block->raw_size, flags};
    if (segment_table_add(&w->table, &row) != 0)
        return false;
    record_head_make(&head, block, flags, w->segment->seed);
    memset(w->buffer + w->used + bytes - 8, 0, 8); /* padding */
    memcpy(w->buffer + w->used, &head, sizeof head);
    memcpy(w->buffer + w->used + sizeof head, block->stored,
           block->stored_size);
    w->used += (size_t)bytes;
    disk->second_left -= (double)bytes;
    disk->day_left -= (double)bytes;
    if (w->used >= BUFFER)
        disk_flush(disk);
    return true;
}

void disk_empty(struct cache_disk *disk)
{
    struct segment *segment;

    end_segment(disk);
    lock_acquire(&disk->lock);
    disk_index_deinit(&disk->index);
    disk->stats.loading = disk->to_load = 0;
    lock_release(&disk->lock);
    while ((segment = oldest(disk))) {
        segment_drop(disk, segment, false);
        segment_put(disk, segment);
    }
}
