// SPDX-License-Identifier: MIT
/* disk.c: see cache_disk.h and disk_parts.h. */
#include "disk_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#define LOAD_MS 2000
#define LOAD_SLICE_MS 100
#define LOOK_MS 500
#define DAY_S 86400
#define SEGMENTS_MIN 16 /* a smaller disk has smaller segments */
#define SEGMENT_MIN ((uint64_t)1 << 20)
#define INDEX_MIN ((uint64_t)1 << 20)
#define BITE_MIN (2 * (double)CACHE_BLOCK_MAX)

uint64_t disk_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t disk_hash(const struct cache_key *key)
{
    return XXH3_64bits(key, sizeof *key);
}

struct disk_place disk_place_of(const struct segment *segment,
                                const struct table_row *row)
{
    return (struct disk_place){
        (uint32_t)segment->sequence & 0xFFFFFF, row->offset8,
        (uint32_t)(record_bytes(row->stored_size) / 8), false};
}

void disk_count(struct cache_disk *disk, uint64_t *counter, uint64_t by)
{
    lock_acquire(&disk->lock);
    *counter += by;
    lock_release(&disk->lock);
}

void disk_give_up(struct cache_disk *disk, enum cache_disk_state state,
                  const char *what, int sys_errno)
{
    char line[256];
    int before = atomic_load(&disk->state);

    do
        if (before >= (int)state)
            return;
    while (!atomic_compare_exchange_weak(&disk->state, &before, (int)state));
    (void)snprintf(line, sizeof line, "disk tier: cannot %s %s: %s; %s", what,
                   disk->dir, strerrordesc_np(sys_errno),
                   state == CACHE_DISK_OFF ? "it is not used any more"
                                           : "nothing more is written to it");
    if (disk->log)
        disk->log(disk->log_opaque, line);
}

/* ---------------------------------------------------------------- reading */

static void tier_get(void *self, struct cache_want *wants, size_t n)
{
    struct cache_disk *disk = self;

    for (size_t at = 0; at < n; at += DISK_READ_MAX)
        if (atomic_load(&disk->state) != CACHE_DISK_OFF)
            disk_read_records(disk, wants + at,
                              n - at < DISK_READ_MAX ? n - at : DISK_READ_MAX);
}

/* Sound in itself, but no block: made by another build, perhaps. */
static void tier_reject(void *self, const struct cache_key *key)
{
    struct cache_disk *disk = self;
    uint64_t hash = disk_hash(key);
    struct disk_place place;

    lock_acquire(&disk->lock);
    if (disk_index_find(&disk->index, hash, &place))
        disk_index_remove(&disk->index, hash, &place);
    disk->stats.damaged++;
    lock_release(&disk->lock);
}

/* ---------------------------------------------------------------- feeding */

static double refilled(double left, uint64_t ms, uint64_t per, uint64_t s)
{
    double most = (double)per > BITE_MIN ? (double)per : BITE_MIN;

    left += (double)per * (double)ms / 1000 / (double)s;
    return left < most ? left : most;
}

static void refill(struct cache_disk *disk)
{
    uint64_t now = disk_now_ms(), ms = now - disk->refilled_ms;

    disk->refilled_ms = now;
    disk->second_left = refilled(disk->second_left, ms, disk->bytes_per_s, 1);
    disk->day_left = refilled(disk->day_left, ms, disk->bytes_per_day, DAY_S);
    lock_acquire(&disk->lock);
    disk->stats.day_left = disk->day_left > 0 ? (uint64_t)disk->day_left : 0;
    if (disk->bytes_per_day == 0)
        disk->stats.day_left = UINT64_MAX;
    lock_release(&disk->lock);
}

/* Nothing waits for a disk that takes nothing: offers to it go nowhere. */
static uint64_t tier_appetite(void *self, bool last)
{
    struct cache_disk *disk = self;
    double left = BITE_MIN * 64;

    if (last)
        disk_dir_closing(disk);
    if (atomic_load(&disk->state) != CACHE_DISK_ON)
        return UINT64_MAX;
    refill(disk);
    if (disk->bytes_per_s > 0 && !last && disk->second_left < left)
        left = disk->second_left;
    if (disk->bytes_per_day > 0 && disk->day_left < left)
        left = disk->day_left;
    return left < BITE_MIN ? 0 : (uint64_t)left;
}

static bool has(struct cache_disk *disk, const struct cache_key *key)
{
    struct disk_place place;
    bool found;

    lock_acquire(&disk->lock);
    found = disk_index_find(&disk->index, disk_hash(key), &place);
    lock_release(&disk->lock);
    return found;
}

/* It may be here already: made again along with another block. */
static void tier_offer(void *self, const struct cache_stored *block)
{
    struct cache_disk *disk = self;

    if (has(disk, &block->key))
        return;
    if (atomic_load(&disk->state) != CACHE_DISK_ON ||
        !disk_append(disk, block, 0))
        disk_count(disk, &disk->stats.skipped, 1);
}

/* What others may have done to the folder. */
static void look_around(struct cache_disk *disk)
{
    uint64_t now = disk_now_ms();
    struct stat st;

    if (now - disk->looked_ms < LOOK_MS)
        return;
    disk->looked_ms = now;
    if (disk_dir_wants_purge(disk)) {
        disk_empty(disk);
        disk_dir_purged(disk);
    }
    if (fstat(disk->dir_fd, &st) == 0 && st.st_nlink == 0)
        disk_give_up(disk, CACHE_DISK_READ_ONLY, "find", ENOENT);
}

static void tier_settle(void *self, bool last)
{
    struct cache_disk *disk = self;

    if (last) {
        disk_finish(disk);
        return;
    }
    disk_flush(disk);
    disk_sync(disk);
    (void)disk_load_some(disk, disk_now_ms() + LOAD_SLICE_MS);
    look_around(disk);
}

static uint64_t tier_memory(void *self)
{
    struct cache_disk *disk = self;
    uint64_t bytes;

    lock_acquire(&disk->lock);
    bytes = disk->index.bytes + disk->segment_count * sizeof(struct segment);
    lock_release(&disk->lock);
    return bytes + ((uint64_t)1 << 20); /* the writer's buffer */
}

struct cache_tier cache_disk_tier(struct cache_disk *disk)
{
    static const struct cache_tier_ops ops = {
        .name = "disk",
        .get = tier_get,
        .reject = tier_reject,
        .appetite = tier_appetite,
        .offer = tier_offer,
        .settle = tier_settle,
        .memory = tier_memory,
    };

    return (struct cache_tier){&ops, disk};
}

/* ------------------------------------------------------- opening, closing */

static uint64_t own_bytes(struct cache_disk *disk)
{
    uint64_t bytes;

    lock_acquire(&disk->lock);
    bytes = disk->stats.bytes;
    lock_release(&disk->lock);
    return bytes;
}

static uint64_t segment_size(uint64_t bytes_max)
{
    uint64_t size = bytes_max / SEGMENTS_MIN;

    if (size < SEGMENT_MIN)
        return SEGMENT_MIN;
    return size < SEGMENT_MAX ? size : SEGMENT_MAX;
}

/* Less would not hold one segment of small records. */
static uint64_t index_max(const struct cache_disk_config *config)
{
    if (config->index_max == 0)
        return UINT64_MAX;
    return config->index_max > INDEX_MIN ? config->index_max : INDEX_MIN;
}

static void init(struct cache_disk *disk,
                 const struct cache_disk_config *config)
{
    lock_init(&disk->lock);
    disk->dir_fd = disk->mark_fd = -1;
    disk->log = config->log;
    disk->log_opaque = config->log_opaque;
    disk->bytes_per_s = config->bytes_per_s;
    disk->second_left = (double)config->bytes_per_s;
    disk->refilled_ms = disk_now_ms();
    disk_index_init(&disk->index, index_max(config));
}

/* What depends on the file system. */
static int set_limits(struct cache_disk *disk,
                      const struct cache_disk_config *config, struct error *err)
{
    uint64_t most = config->bytes_max, day = config->bytes_per_day;
    struct statvfs st;

    if (fstatvfs(disk->dir_fd, &st) != 0)
        return error_set_sys(err, errno, "%s: %s", disk->dir,
                             strerrordesc_np(errno));
    if (most == 0)
        most = ((uint64_t)st.f_bavail * st.f_frsize + own_bytes(disk)) / 2;
    if (day == CACHE_DISK_ITS_SIZE)
        day = (uint64_t)st.f_blocks * st.f_frsize;
    disk->bytes_max = most > CACHE_DISK_MIN ? most : CACHE_DISK_MIN;
    disk->segment_max = segment_size(disk->bytes_max);
    disk->stats.bytes_max = disk->bytes_max;
    disk->bytes_per_day = day;
    disk->day_left = (double)day;
    return 0;
}

/* A restart is no new day. */
static void charge_today(struct cache_disk *disk)
{
    uint64_t now = (uint64_t)time(NULL);

    for (size_t i = 0; i < disk->segment_count; i++)
        if (disk->segments[i]->created + DAY_S > now)
            disk->day_left -= (double)disk->segments[i]->bytes;
}

struct cache_disk *cache_disk_open(const struct cache_disk_config *config,
                                   struct error *err)
{
    struct cache_disk *disk = calloc(1, sizeof *disk);
    unsigned load_ms = config->load_ms ? config->load_ms : LOAD_MS;

    if (!disk) {
        error_no_memory(err);
        return NULL;
    }
    init(disk, config);
    disk->dir = strdup(config->dir);
    if (!disk->dir)
        error_no_memory(err);
    if (!disk->dir || disk_dir_open(disk, config->lock_wait_ms, err) != 0 ||
        disk_load_list(disk, err) != 0 || set_limits(disk, config, err) != 0) {
        cache_disk_close(disk);
        return NULL;
    }
    charge_today(disk);
    (void)disk_load_some(disk, disk_now_ms() + load_ms);
    return disk;
}

void cache_disk_close(struct cache_disk *disk)
{
    if (!disk)
        return;
    disk_finish(disk);
    for (size_t i = 0; i < disk->segment_count; i++) {
        if (disk->segments[i]->fd >= 0)
            (void)close(disk->segments[i]->fd);
        free(disk->segments[i]);
    }
    free(disk->segments);
    free(disk->writer.buffer);
    disk_index_deinit(&disk->index);
    disk_dir_close(disk);
    lock_deinit(&disk->lock);
    free(disk->dir);
    free(disk);
}

const char *cache_disk_dir(const struct cache_disk *disk)
{
    return disk->dir;
}

void cache_disk_watch(struct cache_disk *disk, struct cache *cache)
{
    atomic_store(&disk->cache, cache);
}

void cache_disk_stats_get(struct cache_disk *disk, struct cache_disk_stats *ret)
{
    lock_acquire(&disk->lock);
    *ret = disk->stats;
    ret->records = disk->index.count;
    ret->index_bytes = disk->index.bytes;
    ret->segments = disk->segment_count;
    lock_release(&disk->lock);
    ret->state = (uint64_t)atomic_load(&disk->state);
}
