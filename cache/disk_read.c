// SPDX-License-Identifier: MIT
/*
 * disk_read.c: records that are wanted, in as few reads as there are runs.
 *
 * Blocks of a leaf are wanted together, and were offered together, in order
 * (feeder.c); so most of them are neighbours in a segment. Those are read with
 * one call: the device is asked once, for one piece, as it would be for the
 * file that the leaf is. What lies between two of them is read along if it is
 * little. Before the first of several runs is waited for, the kernel has been
 * told of the others.
 */
#include "disk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define READ_ERRORS_MAX 16
#define GAP_MAX ((uint64_t)16 << 10)

enum found { FOUND, OTHER_KEY, DAMAGED, UNREADABLE };

struct reading {
    struct cache_want *want;
    uint64_t hash;
    struct disk_place place;
    struct segment *segment; /* a reference */
    struct record_head head;
    enum found found;
};

/* Readings in the order of their places, all of one segment, near enough to
 * be read together. */
struct run {
    struct cache_disk *disk;
    struct reading *first;
    size_t n;
};

/* ---- where ----------------------------------------------------------------
 */

/* Those that are here, each with a reference on its segment. */
static size_t locate(struct cache_disk *disk, struct cache_want *wants,
                     size_t n, struct reading *ret)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct reading){.want = &wants[i],
                                  .hash = disk_hash(&wants[i].key)};
    lock_acquire(&disk->lock);
    for (size_t i = 0; i < n; i++) {
        struct reading r = ret[i];

        if (disk_index_find(&disk->index, r.hash, &r.place))
            r.segment = segment_get_locked(disk, r.place.segment);
        if (r.segment)
            ret[found++] = r;
    }
    lock_release(&disk->lock);
    return found;
}

static int by_place(const void *left, const void *right)
{
    const struct reading *a = left, *b = right;

    if (a->segment != b->segment)
        return a->segment->sequence < b->segment->sequence ? -1 : 1;
    return a->place.offset8 < b->place.offset8
               ? -1
               : a->place.offset8 > b->place.offset8;
}

static uint64_t start_of(const struct reading *r)
{
    return (uint64_t)r->place.offset8 * 8;
}

static uint64_t end_of(const struct reading *r)
{
    return start_of(r) + (uint64_t)r->place.length8 * 8;
}

/* Bytes to read of what follows the head: room has no place for padding. */
static size_t body_bytes(const struct reading *r)
{
    size_t bytes = (size_t)r->place.length8 * 8 - sizeof r->head;
    size_t most = CACHE_STORED_MAX(r->want->raw_size);

    return bytes < most ? bytes : most;
}

/* The longest run that begins with the first of n. */
static struct run run_of(struct cache_disk *disk, struct reading *first,
                         size_t n)
{
    struct run run = {disk, first, 1};

    while (run.n < n && first[run.n].segment == first->segment &&
           start_of(&first[run.n]) >= end_of(&first[run.n - 1]) &&
           start_of(&first[run.n]) - end_of(&first[run.n - 1]) <= GAP_MAX)
        run.n++;
    return run;
}

/* ---- reading --------------------------------------------------------------
 */

static enum found read_parts(int fd, const struct iovec *parts, int count,
                             uint64_t offset)
{
    size_t bytes = 0;
    ssize_t n;

    for (int i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    do
        n = preadv(fd, parts, count, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return UNREADABLE;
    return (size_t)n == bytes ? FOUND : DAMAGED;
}

/* Heads, bodies, and what lies between a body and the next head. */
static enum found read_together(const struct run *run, int fd)
{
    struct iovec parts[3 * DISK_READ_MAX];
    uint8_t between[GAP_MAX + 8];
    int count = 0;

    for (size_t i = 0; i < run->n; i++) {
        struct reading *r = &run->first[i];
        uint64_t at = start_of(r) + sizeof r->head + body_bytes(r);
        uint64_t gap = i + 1 < run->n ? start_of(r + 1) - at : 0;

        if (gap > sizeof between)
            return DAMAGED; /* a record of another size than the block's */
        parts[count++] = (struct iovec){&r->head, sizeof r->head};
        parts[count++] = (struct iovec){r->want->room, body_bytes(r)};
        if (gap > 0)
            parts[count++] = (struct iovec){between, gap};
    }
    return read_parts(fd, parts, count, start_of(run->first));
}

static enum found read_alone(struct reading *r, int fd)
{
    struct iovec parts[] = {{&r->head, sizeof r->head},
                            {r->want->room, body_bytes(r)}};

    return read_parts(fd, parts, 2, start_of(r));
}

static enum found check_record(const struct reading *r)
{
    const struct cache_want *want = r->want;

    if (!record_head_is_ours(&r->head, r->segment->seed) ||
        record_bytes(r->head.stored_size) != (uint64_t)r->place.length8 * 8)
        return DAMAGED;
    if (memcmp(&r->head.key, &want->key, sizeof want->key) != 0)
        return OTHER_KEY;
    if (r->head.raw_size != want->raw_size ||
        !record_payload_is_ours(&r->head, want->room))
        return DAMAGED;
    return FOUND;
}

/* What a run cannot be read for, one of its records may be to blame. */
static void read_run(const struct run *run, int fd, int *ret_errno)
{
    bool together = fd >= 0 && run->n > 1 && read_together(run, fd) == FOUND;

    for (size_t i = 0; i < run->n; i++) {
        struct reading *r = &run->first[i];

        if (fd < 0)
            r->found = errno == ENOENT || errno == EMFILE || errno == ENFILE
                           ? DAMAGED
                           : UNREADABLE;
        else
            r->found = together ? FOUND : read_alone(r, fd);
        if (r->found == UNREADABLE)
            *ret_errno = errno;
        if (r->found == FOUND)
            r->found = check_record(r);
        if (r->found == FOUND)
            r->want->stored_size = r->head.stored_size;
    }
}

/* Has the kernel read it while another one is waited for. */
static void announce(const struct run *run)
{
    const struct reading *last = &run->first[run->n - 1];
    int fd = segment_fd(run->disk, run->first->segment);

    if (fd >= 0)
        (void)posix_fadvise(fd, (off_t)start_of(run->first),
                            (off_t)(end_of(last) - start_of(run->first)),
                            POSIX_FADV_WILLNEED);
}

/* ---- all --------------------------------------------------------------------
 */

static void count_found(struct cache_disk *disk, const struct reading *r,
                        size_t n, int sys_errno)
{
    uint64_t errors = 0;

    lock_acquire(&disk->lock);
    for (size_t i = 0; i < n; i++) {
        if (r[i].found == FOUND)
            disk_index_mark_used(&disk->index, r[i].hash);
        else if (r[i].found != OTHER_KEY)
            disk_index_remove(&disk->index, r[i].hash, &r[i].place);
        disk->stats.damaged += r[i].found == DAMAGED;
        if (r[i].found == UNREADABLE)
            errors = ++disk->stats.read_errors;
    }
    lock_release(&disk->lock);
    if (errors >= READ_ERRORS_MAX)
        disk_give_up(disk, CACHE_DISK_OFF, "read", sys_errno);
}

void disk_read_records(struct cache_disk *disk, struct cache_want *wants,
                       size_t n)
{
    struct reading readings[DISK_READ_MAX];
    struct run runs[DISK_READ_MAX];
    size_t count = 0;
    int sys_errno = 0;

    n = locate(disk, wants, n, readings);
    if (n > 1)
        qsort(readings, n, sizeof *readings, by_place);
    for (size_t at = 0; at < n; at += runs[count++].n)
        runs[count] = run_of(disk, &readings[at], n - at);
    for (size_t i = 1; i < count; i++)
        announce(&runs[i]);
    for (size_t i = 0; i < count; i++)
        read_run(&runs[i], segment_fd(disk, runs[i].first->segment),
                 &sys_errno);
    if (n > 0)
        count_found(disk, readings, n, sys_errno);
    for (size_t i = 0; i < n; i++)
        segment_put(disk, readings[i].segment);
}
