// SPDX-License-Identifier: MIT
/*
 * disk_load.c: segments that an earlier run has left.
 *
 * Their names and sizes are read at once, their tables one by one, the newest
 * first: what was written last is what is wanted soonest, and of two records
 * of one key the newer counts. A file that is no segment of ours is removed;
 * it stands in our folder under our name.
 */
#include "disk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_file(struct cache_disk *disk, uint64_t sequence)
{
    struct segment *segment;
    char name[DISK_NAME_MAX];
    struct stat st;

    disk_segment_name(sequence, name);
    if (fstatat(disk->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode) ||
        (size_t)st.st_size < sizeof(struct segment_head) ||
        (uint64_t)st.st_size > 2 * SEGMENT_MAX) {
        (void)unlinkat(disk->dir_fd, name, 0);
        return 0;
    }
    segment = segment_add(disk, sequence, (uint64_t)st.st_size, -1);
    if (!segment)
        return -1;
    segment->created = (uint64_t)st.st_mtim.tv_sec;
    return 0;
}

int disk_load_list(struct cache_disk *disk, struct error *err)
{
    uint64_t *numbers;
    size_t count;
    int rc = 0;

    if (disk_dir_list(disk->dir_fd, &numbers, &count) != 0)
        return error_set_sys(err, errno, "cannot list %s: %s", disk->dir,
                             strerrordesc_np(errno));
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_file(disk, numbers[i]);
    disk->next_sequence = count > 0 ? numbers[count - 1] + 1 : 1;
    free(numbers);
    lock_acquire(&disk->lock);
    disk->to_load = disk->segment_count;
    disk->stats.loading = disk->to_load;
    lock_release(&disk->lock);
    return rc == 0 ? 0 : error_no_memory(err);
}

/* What is there is newer. An index that is full keeps the newest. */
static void index_rows(struct cache_disk *disk, const struct segment *segment,
                       const struct segment_table *table)
{
    struct disk_place place, there;

    lock_acquire(&disk->lock);
    for (size_t i = 0; i < table->count; i++) {
        uint64_t hash = disk_hash(&table->rows[i].key);

        place = disk_place_of(segment, &table->rows[i]);
        if (!disk_index_find(&disk->index, hash, &there))
            (void)disk_index_put(&disk->index, hash, &place);
    }
    lock_release(&disk->lock);
}

/* The newest that is not loaded yet, with a reference. */
static struct segment *next_to_load(struct cache_disk *disk)
{
    struct segment *segment = NULL;

    lock_acquire(&disk->lock);
    for (size_t i = disk->segment_count; i > 0 && !segment; i--)
        if (!disk->segments[i - 1]->loaded)
            segment = disk->segments[i - 1];
    if (segment)
        segment->users++;
    lock_release(&disk->lock);
    return segment;
}

/* -1 with errno. */
static int load(struct cache_disk *disk, struct segment *segment)
{
    int fd = segment_fd(disk, segment);
    struct segment_table table;
    struct segment_head head;

    if (fd < 0 ||
        segment_read(fd, segment->bytes, segment->sequence, &head, &table) != 0)
        return -1;
    segment->seed = head.seed;
    index_rows(disk, segment, &table);
    free(table.rows);
    return 0;
}

static void load_next(struct cache_disk *disk, struct segment *segment)
{
    int rc = load(disk, segment);

    if (rc != 0 && errno != EBADMSG)
        disk_count(disk, &disk->stats.read_errors, 1);
    if (rc != 0 && errno == EBADMSG)
        segment_drop(disk, segment, false);
    lock_acquire(&disk->lock);
    segment->loaded = true;
    disk->stats.loading = --disk->to_load;
    lock_release(&disk->lock);
    segment_put(disk, segment);
}

bool disk_load_some(struct cache_disk *disk, uint64_t end_ms)
{
    struct segment *segment;

    if (disk->to_load == 0)
        return false;
    do {
        segment = next_to_load(disk);
        if (!segment)
            break;
        load_next(disk, segment);
    } while (disk_now_ms() < end_ms);
    if (!segment)
        disk->to_load = 0;
    return disk->to_load > 0;
}
