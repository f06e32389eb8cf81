// SPDX-License-Identifier: MIT
/* disk_segments.c: the list of segments, and their descriptors. */
#include "disk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_FILES 128
#define LOW ((uint32_t)0xFFFFFF) /* what a place keeps of a number */

/* The list is short of 2^24, so low parts are distinct; sorted by the whole. */
static size_t find_locked(const struct cache_disk *disk, uint32_t low)
    REQUIRES(disk->lock)
{
    uint64_t oldest, wanted;
    size_t from = 0, to = disk->segment_count;

    if (to == 0)
        return 0;
    oldest = disk->segments[0]->sequence;
    wanted = oldest + ((low - (uint32_t)oldest) & LOW);
    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (disk->segments[middle]->sequence < wanted)
            from = middle + 1;
        else
            to = middle;
    }
    if (from < disk->segment_count && disk->segments[from]->sequence != wanted)
        return disk->segment_count;
    return from;
}

struct segment *segment_get_locked(struct cache_disk *disk, uint32_t low)
{
    size_t at = find_locked(disk, low);

    if (at == disk->segment_count)
        return NULL;
    disk->segments[at]->users++;
    return disk->segments[at];
}

/* A descriptor that is to be closed, or -1. */
static int let_go_locked(struct cache_disk *disk, struct segment *segment)
    REQUIRES(disk->lock)
{
    int fd = segment->fd;

    if (segment->users > 0 || fd < 0 ||
        (!segment->dropped && disk->open_files <= OPEN_MAX_FILES))
        return -1;
    segment->fd = -1;
    disk->open_files--;
    return fd;
}

void segment_put(struct cache_disk *disk, struct segment *segment)
{
    bool gone;
    int fd;

    lock_acquire(&disk->lock);
    segment->users--;
    gone = segment->dropped && segment->users == 0;
    fd = let_go_locked(disk, segment);
    lock_release(&disk->lock);
    if (fd >= 0)
        (void)close(fd);
    if (gone)
        free(segment);
}

static int open_file(struct cache_disk *disk, const struct segment *segment)
{
    char name[DISK_NAME_MAX];

    disk_segment_name(segment->sequence, name);
    return openat(disk->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int segment_fd(struct cache_disk *disk, struct segment *segment)
{
    int fd, mine;

    lock_acquire(&disk->lock);
    fd = segment->fd;
    lock_release(&disk->lock);
    if (fd >= 0)
        return fd;
    mine = open_file(disk, segment);
    if (mine < 0)
        return -1;
    lock_acquire(&disk->lock);
    if (segment->fd < 0) { /* nobody was faster */
        segment->fd = mine;
        disk->open_files++;
        mine = -1;
    }
    fd = segment->fd;
    lock_release(&disk->lock);
    if (mine >= 0)
        (void)close(mine);
    return fd;
}

static int make_room_locked(struct cache_disk *disk) REQUIRES(disk->lock)
{
    size_t room = disk->segment_room ? 2 * disk->segment_room : 64;
    struct segment **list;

    if (disk->segment_count < disk->segment_room)
        return 0;
    list = reallocarray(disk->segments, room, sizeof *list);
    if (!list)
        return -1;
    disk->segments = list;
    disk->segment_room = room;
    return 0;
}

struct segment *segment_add(struct cache_disk *disk, uint64_t sequence,
                            uint64_t bytes, int fd)
{
    struct segment *segment = calloc(1, sizeof *segment);
    int rc;

    if (!segment)
        return NULL;
    segment->sequence = sequence;
    segment->bytes = bytes;
    segment->fd = fd;
    lock_acquire(&disk->lock);
    rc = make_room_locked(disk);
    if (rc == 0) {
        disk->segments[disk->segment_count++] = segment;
        disk->stats.bytes += bytes;
        disk->open_files += fd >= 0;
    }
    lock_release(&disk->lock);
    if (rc == 0)
        return segment;
    free(segment);
    return NULL;
}

void segment_drop(struct cache_disk *disk, struct segment *segment, bool sweep)
{
    char name[DISK_NAME_MAX];
    size_t at;

    lock_acquire(&disk->lock);
    if (segment->dropped) {
        lock_release(&disk->lock);
        return;
    }
    at = find_locked(disk, (uint32_t)segment->sequence & LOW);
    memmove(&disk->segments[at], &disk->segments[at + 1],
            (disk->segment_count - at - 1) * sizeof(struct segment *));
    disk->segment_count--;
    disk->stats.bytes -= segment->bytes;
    if (sweep)
        disk_index_remove_segment(&disk->index, (uint32_t)segment->sequence);
    segment->dropped = true;
    segment->users++;
    lock_release(&disk->lock);
    disk_segment_name(segment->sequence, name);
    (void)unlinkat(disk->dir_fd, name, 0);
    segment_put(disk, segment);
}
