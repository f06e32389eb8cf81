// SPDX-License-Identifier: MIT
/* disk_rig.c: see disk_rig.h. */
#undef NDEBUG
#include "support/disk_rig.h"

#include <check.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "support/scratch.h"

struct disk_rig rig;

/* ---------------------------------------------------------------- faults */

ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __real_preadv(int fd, const struct iovec *parts, int n, off_t at);
ssize_t __wrap_preadv(int fd, const struct iovec *parts, int n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_preadv64(int fd, const struct iovec *parts, int n, off_t at);

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
    long long room = atomic_load(&rig.write_room);

    if (!atomic_load(&rig.write_fault) || room < 0)
        return __real_pwrite(fd, data, n, at);
    if (room == 0) {
        errno = atomic_load(&rig.write_fault);
        return -1;
    }
    if ((long long)n > room)
        n = (size_t)room;
    atomic_fetch_sub(&rig.write_room, (long long)n);
    return __real_pwrite(fd, data, n, at);
}

ssize_t __wrap_preadv(int fd, const struct iovec *parts, int n, off_t at)
{
    atomic_fetch_add(&rig.reads, 1);
    if (!atomic_load(&rig.read_fault))
        return __real_preadv(fd, parts, n, at);
    errno = atomic_load(&rig.read_fault);
    return -1;
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at)
{
    return __wrap_pwrite(fd, data, n, at);
}

ssize_t __wrap_preadv64(int fd, const struct iovec *parts, int n, off_t at)
{
    return __wrap_preadv(fd, parts, n, at);
}

/* ----------------------------------------------------------------- a disk */

static void keep_line(void *opaque, const char *line)
{
    (void)opaque;
    (void)snprintf(rig.last_line, sizeof rig.last_line, "%s", line);
    rig.lines++;
}

void rig_open(void)
{
    struct error err = ERROR_INIT;

    rig.disk = cache_disk_open(&rig.config, &err);
    ck_assert_msg(rig.disk != NULL, "%s", err.msg);
    rig.tier = cache_disk_tier(rig.disk);
}

void rig_close(void)
{
    rig.tier.ops->settle(rig.tier.self, true);
    cache_disk_close(rig.disk);
    rig.disk = NULL;
}

/* As a process that is killed: what was written is there, no more. */
void rig_lose(void)
{
    atomic_store(&rig.write_fault, EIO);
    atomic_store(&rig.write_room, 0);
    cache_disk_close(rig.disk);
    atomic_store(&rig.write_fault, 0);
    atomic_store(&rig.write_room, -1);
    rig.disk = NULL;
}

void rig_set_up(void)
{
    rig.scratch = scratch_new();
    (void)snprintf(rig.dir, sizeof rig.dir, "%s/tier", rig.scratch);
    rig.config = (struct cache_disk_config){
        .dir = rig.dir, .bytes_max = 64 * MIB, .log = keep_line};
    atomic_store(&rig.write_room, -1);
    rig.lines = 0;
    rig_open();
}

void rig_tear_down(void)
{
    atomic_store(&rig.write_fault, 0);
    atomic_store(&rig.read_fault, 0);
    if (rig.disk)
        cache_disk_close(rig.disk);
    scratch_free(rig.scratch);
}

struct cache_key rig_key(uint64_t n)
{
    return (struct cache_key){{n * 3, ~n}, n};
}

void rig_bytes_of(uint64_t n, uint8_t *data, size_t size)
{
    uint64_t z = n * 0x9E3779B97F4A7C15u + 1;

    for (size_t i = 0; i < size; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(z >> 56);
    }
}

void rig_offer(uint64_t n, size_t size)
{
    static uint8_t data[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    struct cache_stored block = {rig_key(n), (uint32_t)size, (uint32_t)size,
                                 data};

    rig_bytes_of(n, data, size);
    rig.tier.ops->offer(rig.tier.self, &block);
}

void rig_settle(void)
{
    rig.tier.ops->settle(rig.tier.self, false);
}

/* Is it there? If so it must be right. */
bool rig_get(uint64_t n, size_t size)
{
    static _Thread_local uint8_t room[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    static _Thread_local uint8_t data[CACHE_BLOCK_MAX];
    struct cache_want want = {rig_key(n), (uint32_t)size, 0, room};

    rig.tier.ops->get(rig.tier.self, &want, 1);
    if (want.stored_size == 0)
        return false;
    rig_bytes_of(n, data, size);
    ck_assert_uint_eq(want.stored_size, size);
    ck_assert_int_eq(memcmp(room, data, size), 0);
    return true;
}

unsigned rig_found(uint64_t from, uint64_t to, size_t size)
{
    unsigned count = 0;

    for (; from < to; from++)
        count += rig_get(from, size);
    return count;
}

static bool is_right(uint64_t n, const struct cache_want *want)
{
    uint8_t *data = malloc(want->raw_size);

    rig_bytes_of(n, data, want->raw_size);
    ck_assert_uint_eq(want->stored_size, want->raw_size);
    ck_assert_int_eq(memcmp(want->room, data, want->raw_size), 0);
    free(data);
    return true;
}

unsigned rig_get_all(const uint64_t *n, size_t count,
                     size_t (*size_of)(uint64_t n), bool *ret)
{
    struct cache_want *wants = calloc(count, sizeof *wants);
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        size_t size = size_of(n[i]);

        wants[i] = (struct cache_want){rig_key(n[i]), (uint32_t)size, 0,
                                       malloc(CACHE_STORED_MAX(size))};
    }
    rig.tier.ops->get(rig.tier.self, wants, count);
    for (size_t i = 0; i < count; i++) {
        ret[i] = wants[i].stored_size > 0 && is_right(n[i], &wants[i]);
        sum += ret[i];
        free(wants[i].room);
    }
    free(wants);
    return sum;
}

struct cache_disk_stats rig_stats(void)
{
    struct cache_disk_stats stats;

    cache_disk_stats_get(rig.disk, &stats);
    return stats;
}

uint64_t rig_bytes_on_disk(void)
{
    char pattern[300];
    uint64_t sum = 0;
    struct stat st;
    glob_t files;

    (void)snprintf(pattern, sizeof pattern, "%s/*.seg", rig.dir);
    if (glob(pattern, 0, NULL, &files) != 0)
        return 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        if (stat(files.gl_pathv[i], &st) == 0)
            sum += (uint64_t)st.st_size;
    globfree(&files);
    return sum;
}
