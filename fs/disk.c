// SPDX-License-Identifier: MIT
/* disk.c: see disk.h. */
#include "disk.h"

enum {
    /* A mount that has just been unmounted writes what it still has in
     * memory, for half a minute at most. */
    LOCK_WAIT_MS = 45000,
    RATE = 256 << 20
};

static void log_disk(void *opaque, const char *line)
{
    log_line(opaque, LOG_LEVEL_WARNING, "%s", line);
}

static uint64_t limit(uint64_t option, uint64_t otherwise)
{
    if (option == DISK_OFF)
        return 0;
    return option ? option : otherwise;
}

static void tell(const struct cache_disk *disk, struct log *log,
                 struct cache_disk_stats *stats)
{
    log_line(log, LOG_LEVEL_INFO,
             "%.1f GiB of disk for computed images in %s, %.1f GiB there now",
             (double)stats->bytes_max / (1 << 30), cache_disk_dir(disk),
             (double)stats->bytes / (1 << 30));
}

struct cache_disk *disk_open(const struct options *o, const char *dir,
                             uint64_t cache_bytes, struct log *log,
                             struct error *err)
{
    struct cache_disk_config config = {
        .dir = dir,
        .bytes_max = o->disk_bytes,
        .index_max = cache_bytes / 4,
        .bytes_per_s = limit(o->disk_rate, RATE),
        .bytes_per_day = limit(o->disk_day, CACHE_DISK_ITS_SIZE),
        .lock_wait_ms = LOCK_WAIT_MS,
        .log = log_disk,
        .log_opaque = log,
    };
    struct cache_disk *disk = cache_disk_open(&config, err);
    struct cache_disk_stats stats;

    if (!disk)
        return NULL;
    cache_disk_stats_get(disk, &stats);
    tell(disk, log, &stats);
    return disk;
}
