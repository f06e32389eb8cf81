// SPDX-License-Identifier: MIT
/*
 * test_cache_disk.c: the disk tier: segments, recovery, faults, limits.
 *
 * Writing and reading can be made to fail: the calls are wrapped.
 */
#undef NDEBUG
#include "prepfs/cache_disk.h"

#include "disk_format.h"
#include "disk_index.h"
#include "support/scratch.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

/* ---------------------------------------------------------------- faults */

static atomic_int write_fault, read_fault; /* errno, or 0 */
static atomic_llong write_room = -1;       /* bytes until write_fault */

ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at);
ssize_t __real_preadv(int fd, const struct iovec *parts, int n, off_t at);
ssize_t __wrap_preadv(int fd, const struct iovec *parts, int n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t at);
ssize_t __wrap_preadv64(int fd, const struct iovec *parts, int n, off_t at);

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t at)
{
    long long room = atomic_load(&write_room);

    if (!atomic_load(&write_fault) || room < 0)
        return __real_pwrite(fd, data, n, at);
    if (room == 0) {
        errno = atomic_load(&write_fault);
        return -1;
    }
    if ((long long)n > room)
        n = (size_t)room;
    atomic_fetch_sub(&write_room, (long long)n);
    return __real_pwrite(fd, data, n, at);
}

ssize_t __wrap_preadv(int fd, const struct iovec *parts, int n, off_t at)
{
    if (!atomic_load(&read_fault))
        return __real_preadv(fd, parts, n, at);
    errno = atomic_load(&read_fault);
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

static char *scratch;
static char dir[256];
static struct cache_disk *disk;
static struct cache_tier tier;
static char last_line[300];
static int lines;

static void keep_line(void *opaque, const char *line)
{
    (void)opaque;
    (void)snprintf(last_line, sizeof last_line, "%s", line);
    lines++;
}

static struct cache_disk_config config;

static void open_disk(void)
{
    struct error err = ERROR_INIT;

    disk = cache_disk_open(&config, &err);
    ck_assert_msg(disk != NULL, "%s", err.msg);
    tier = cache_disk_tier(disk);
}

static void close_disk(void)
{
    tier.ops->settle(tier.self, true);
    cache_disk_close(disk);
    disk = NULL;
}

/* As a process that is killed: what was written is there, no more. */
static void lose_disk(void)
{
    atomic_store(&write_fault, EIO);
    atomic_store(&write_room, 0);
    cache_disk_close(disk);
    atomic_store(&write_fault, 0);
    atomic_store(&write_room, -1);
    disk = NULL;
}

static void set_up(void)
{
    scratch = scratch_new();
    (void)snprintf(dir, sizeof dir, "%s/tier", scratch);
    config = (struct cache_disk_config){
        .dir = dir, .bytes_max = 64 * MIB, .log = keep_line};
    lines = 0;
    open_disk();
}

static void tear_down(void)
{
    atomic_store(&write_fault, 0);
    atomic_store(&read_fault, 0);
    if (disk)
        cache_disk_close(disk);
    scratch_free(scratch);
}

static struct cache_key key_of(uint64_t n)
{
    return (struct cache_key){{n * 3, ~n}, n};
}

static void bytes_of(uint64_t n, uint8_t *data, size_t size)
{
    uint64_t z = n * 0x9E3779B97F4A7C15u + 1;

    for (size_t i = 0; i < size; i++) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(z >> 56);
    }
}

static void offer(uint64_t n, size_t size)
{
    static uint8_t data[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    struct cache_stored block = {key_of(n), (uint32_t)size, (uint32_t)size,
                                 data};

    bytes_of(n, data, size);
    tier.ops->offer(tier.self, &block);
}

static void settle(void)
{
    tier.ops->settle(tier.self, false);
}

/* Is it there? If so it must be right. */
static bool get(uint64_t n, size_t size)
{
    static _Thread_local uint8_t room[CACHE_STORED_MAX(CACHE_BLOCK_MAX)];
    static _Thread_local uint8_t data[CACHE_BLOCK_MAX];
    struct cache_want want = {key_of(n), (uint32_t)size, 0, room};

    tier.ops->get(tier.self, &want, 1);
    if (want.stored_size == 0)
        return false;
    bytes_of(n, data, size);
    ck_assert_uint_eq(want.stored_size, size);
    ck_assert_int_eq(memcmp(room, data, size), 0);
    return true;
}

static unsigned found(uint64_t from, uint64_t to, size_t size)
{
    unsigned count = 0;

    for (; from < to; from++)
        count += get(from, size);
    return count;
}

static struct cache_disk_stats stats_now(void)
{
    struct cache_disk_stats stats;

    cache_disk_stats_get(disk, &stats);
    return stats;
}

/* ---------------------------------------------------------------- normal */

START_TEST(records_are_found_again)
{
    struct cache_disk_stats stats;
    struct stat st;

    for (uint64_t i = 0; i < 300; i++)
        offer(i, 100 + 7 * (size_t)i);
    settle();
    for (uint64_t i = 0; i < 300; i++)
        ck_assert(get(i, 100 + 7 * (size_t)i));
    ck_assert(!get(300, 100));
    ck_assert(!get(5, 136)); /* another size: not the same block */
    stats = stats_now();
    ck_assert_uint_eq(stats.records, 299); /* and that one is gone */
    ck_assert_uint_eq(stats.damaged, 1);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    close_disk();

    open_disk();
    for (uint64_t i = 0; i < 300; i++)
        ck_assert(get(i, 100 + 7 * (size_t)i) || i == 5);
    close_disk();
}
END_TEST

START_TEST(what_is_there_is_not_written_twice)
{
    offer(1, 5000);
    settle();
    offer(1, 5000);
    settle();
    ck_assert_uint_lt(stats_now().written, 6000);
}
END_TEST

START_TEST(a_killed_writer_loses_only_what_was_not_written)
{
    for (uint64_t i = 0; i < 50; i++)
        offer(i, 1000);
    settle();
    offer(50, 1000);
    lose_disk();
    open_disk();
    ck_assert_uint_eq(found(0, 50, 1000), 50);
    ck_assert(!get(50, 1000));
    offer(51, 1000); /* goes on in a segment of its own */
    close_disk();
    open_disk();
    ck_assert_uint_eq(found(0, 50, 1000), 50);
    ck_assert(get(51, 1000));
}
END_TEST

START_TEST(many_wants_are_answered_together)
{
    enum { N = 20 };
    struct cache_want wants[N];

    for (uint64_t i = 0; i < N; i += 2)
        offer(i, 3000);
    settle();
    for (uint64_t i = 0; i < N; i++)
        wants[i] = (struct cache_want){key_of(i), 3000, 0,
                                       malloc(CACHE_STORED_MAX(3000))};
    tier.ops->get(tier.self, wants, N);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_uint_eq(wants[i].stored_size, i % 2 ? 0 : 3000);
        free(wants[i].room);
    }
}
END_TEST

START_TEST(rejected_blocks_are_gone)
{
    struct cache_key key = key_of(1);

    offer(1, 2000);
    settle();
    ck_assert(get(1, 2000));
    tier.ops->reject(tier.self, &key);
    ck_assert(!get(1, 2000));
    ck_assert_uint_eq(stats_now().damaged, 1);
}
END_TEST

/* ------------------------------------------------------------ space, limits */

static uint64_t bytes_on_disk(void)
{
    char pattern[300];
    uint64_t sum = 0;
    struct stat st;
    glob_t files;

    (void)snprintf(pattern, sizeof pattern, "%s/*.seg", dir);
    if (glob(pattern, 0, NULL, &files) != 0)
        return 0;
    for (size_t i = 0; i < files.gl_pathc; i++)
        if (stat(files.gl_pathv[i], &st) == 0)
            sum += (uint64_t)st.st_size;
    globfree(&files);
    return sum;
}

START_TEST(the_oldest_goes_and_the_sum_stays_below_the_limit)
{
    struct cache_disk_stats stats;

    cache_disk_close(disk);
    config.bytes_max = 16 * MIB;
    open_disk();
    for (uint64_t i = 0; i < 400; i++) {
        offer(i, 100000);
        settle();
        ck_assert_uint_le(bytes_on_disk(), 16 * MIB);
        ck_assert_uint_eq(bytes_on_disk(), stats_now().bytes);
    }
    stats = stats_now();
    ck_assert_uint_gt(stats.dropped, 20);
    ck_assert_uint_gt(stats.records, 120);
    ck_assert_uint_eq(found(0, 200, 100000), 0);
    ck_assert_uint_eq(found(300, 400, 100000), 100);
    ck_assert_uint_eq(stats.records, found(0, 400, 100000));
}
END_TEST

/* Four blocks are read all the time: they stay once longer than others. */
START_TEST(what_is_read_is_carried_over_once)
{
    unsigned first_lost = 0;

    cache_disk_close(disk);
    config.bytes_max = 16 * MIB;
    open_disk();
    for (uint64_t i = 0; i < 600 && !first_lost; i++) {
        offer(i, 100000);
        settle();
        if (i >= 3 && found(0, 4, 100000) < 4)
            first_lost = (unsigned)i;
    }
    ck_assert_uint_eq(stats_now().carried, 4);
    ck_assert_uint_gt(first_lost, 220); /* others go after 140 */
    ck_assert_uint_lt(first_lost, 400);
}
END_TEST

static int no_fill(void *opaque, const struct cache_key *key, uint8_t *data,
                   size_t size, struct cache_hint *hint, struct error *err)
{
    (void)opaque;
    (void)hint;
    (void)err;
    bytes_of(key->block, data, size);
    return 0;
}

START_TEST(what_is_in_memory_is_carried_over)
{
    struct cache_config memory = {.budget_bytes = 4 * MIB};
    struct cache *cache = cache_new(&memory, NULL);
    struct cache_key key = key_of(3);
    struct cache_pin pin;

    cache_disk_close(disk);
    config.bytes_max = 16 * MIB;
    open_disk();
    cache_disk_watch(disk, cache);
    ck_assert_int_eq(cache_get(cache, &key, 100000, no_fill, NULL, &pin, NULL),
                     0);
    for (uint64_t i = 0; i < 200; i++) {
        offer(i, 100000);
        settle();
    }
    ck_assert_uint_eq(stats_now().carried, 1);
    ck_assert(get(3, 100000));
    ck_assert(!get(4, 100000));
    cache_unpin(cache, &pin);
    cache_disk_watch(disk, NULL);
    cache_free(cache);
}
END_TEST

START_TEST(a_full_index_drops_the_oldest)
{
    cache_disk_close(disk);
    config.index_max = MIB; /* some 49,000 records */
    open_disk();
    for (uint64_t i = 0; i < 100000; i++) {
        offer(i, 300);
        if (i % 1000 == 999)
            settle();
    }
    settle();
    ck_assert_uint_le(stats_now().index_bytes, MIB);
    ck_assert_uint_gt(stats_now().dropped, 0);
    ck_assert(get(99999, 300));
    ck_assert(!get(0, 300));
    ck_assert_uint_gt(stats_now().records, 20000);
    close_disk();
    open_disk(); /* more than the index holds is found: the newest counts */
    ck_assert(get(99999, 300));
    ck_assert_uint_le(stats_now().index_bytes, MIB);
}
END_TEST

START_TEST(rates_are_kept)
{
    uint64_t taken = 0;

    cache_disk_close(disk);
    config.bytes_per_s = 2 * MIB;
    config.bytes_per_day = 5 * MIB;
    open_disk();
    for (uint64_t i = 0; i < 100; i++) {
        uint64_t appetite = tier.ops->appetite(tier.self, false);

        if (appetite < 100000)
            break;
        offer(i, 100000);
        taken = i + 1;
    }
    ck_assert_uint_ge(taken, 16);
    ck_assert_uint_le(taken, 30); /* a second's, and what came meanwhile */
    ck_assert_uint_gt(tier.ops->appetite(tier.self, true), 100000);
    for (; tier.ops->appetite(tier.self, true) > 0; taken++)
        offer(taken, 100000);
    ck_assert_uint_ge(taken, 47);
    ck_assert_uint_le(taken, 53);
    ck_assert_uint_lt(stats_now().day_left, 300000);
    close_disk();
    open_disk(); /* the same day */
    ck_assert_uint_eq(tier.ops->appetite(tier.self, true), 0);
}
END_TEST

/* ------------------------------------------------------------------- files */

struct image {
    uint8_t *data;
    size_t size;
    char path[400];
};

/* The only segment there is. */
static struct image read_segment(void)
{
    struct image image = {0};
    char pattern[300];
    struct stat st;
    glob_t files;
    int fd;

    (void)snprintf(pattern, sizeof pattern, "%s/*.seg", dir);
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    ck_assert_uint_eq(files.gl_pathc, 1);
    (void)snprintf(image.path, sizeof image.path, "%s", files.gl_pathv[0]);
    globfree(&files);
    fd = open(image.path, O_RDONLY);
    ck_assert_int_eq(fstat(fd, &st), 0);
    image.size = (size_t)st.st_size;
    image.data = malloc(image.size);
    ck_assert_int_eq(read(fd, image.data, image.size), st.st_size);
    close(fd);
    return image;
}

static void write_segment(const struct image *image, size_t size)
{
    int fd = open(image->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, image->data, size), (ssize_t)size);
    close(fd);
}

enum { RECORDS = 9 };

/* Small records of all remainders by 8. */
static size_t small_size(uint64_t i)
{
    return 20 + (size_t)i * 5;
}

static struct image small_segment(bool finished)
{
    for (uint64_t i = 0; i < RECORDS; i++)
        offer(i, small_size(i));
    settle();
    if (finished)
        close_disk();
    else
        lose_disk();
    return read_segment();
}

static unsigned small_found(void)
{
    unsigned count = 0;

    for (uint64_t i = 0; i < RECORDS; i++)
        count += get(i, small_size(i));
    return count;
}

/* Records that lie in the first `size` bytes. */
static unsigned small_within(size_t size)
{
    size_t end = sizeof(struct segment_head);
    unsigned count = 0;

    for (uint64_t i = 0; i < RECORDS; i++) {
        end += (size_t)record_bytes((uint32_t)small_size(i));
        count += end <= size;
    }
    return count;
}

START_TEST(every_truncation_keeps_what_is_whole)
{
    struct image image = small_segment(_i == 1);

    for (size_t size = 0; size <= image.size; size++) {
        write_segment(&image, size);
        open_disk();
        ck_assert_msg(small_found() == small_within(size), "%zu of %zu bytes",
                      size, image.size);
        lose_disk();
    }
    free(image.data);
}
END_TEST

START_TEST(flipped_bits_cost_one_record_at_most)
{
    struct image image = small_segment(_i == 1);
    unsigned sum = 0, flips = 0;

    for (size_t bit = 0; bit < image.size * 8; bit += 3) {
        unsigned count;

        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_segment(&image, image.size);
        open_disk();
        count = small_found();
        ck_assert(count == 0 || count >= RECORDS - 1);
        ck_assert(count > 0 || bit < sizeof(struct segment_head) * 8);
        sum += count;
        flips++;
        lose_disk();
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ck_assert_uint_lt(sum, flips * RECORDS); /* they do matter */
    free(image.data);
}
END_TEST

/* The same while it is mounted: what was found at the start is read later. */
START_TEST(damage_below_an_open_disk_is_noticed)
{
    struct image image = small_segment(true);
    uint64_t z = 1;

    open_disk();
    for (int i = 0; i < 3000; i++) {
        uint8_t *at;

        z = z * 6364136223846793005u + 1442695040888963407u;
        at = &image.data[(z >> 33) % image.size];
        *at ^= (uint8_t)(1u << (z >> 61));
        if (i % 10 == 0)
            write_segment(&image, image.size);
        (void)small_found(); /* asserts that what is found is right */
    }
    ck_assert_uint_eq(small_found(), 0);
    ck_assert_uint_eq(stats_now().damaged, RECORDS);
    ck_assert_int_eq(lines, 0);
    free(image.data);
}
END_TEST

START_TEST(a_record_of_another_segment_is_foreign)
{
    struct image image = small_segment(false);
    struct segment_head head;

    memcpy(&head, image.data, sizeof head);
    segment_head_make(&head, head.sequence, head.seed + 1, head.created);
    memcpy(image.data, &head, sizeof head);
    write_segment(&image, image.size);
    open_disk();
    ck_assert_uint_eq(small_found(), 0);
    free(image.data);
}
END_TEST

/* As if an older build had left it. */
START_TEST(another_format_is_foreign)
{
    struct image image = small_segment(true);

    image.data[offsetof(struct segment_head, format)]++;
    write_segment(&image, image.size);
    open_disk();
    ck_assert_uint_eq(small_found(), 0);
    ck_assert_uint_eq(bytes_on_disk(), 0); /* and removed */
    free(image.data);
}
END_TEST

/* ------------------------------------------------------------------ faults */

START_TEST(a_full_disk_is_read_on)
{
    for (uint64_t i = 0; i < 20; i++)
        offer(i, 10000);
    settle();
    atomic_store(&write_room, 25000);
    atomic_store(&write_fault, ENOSPC);
    for (uint64_t i = 20; i < 40; i++)
        offer(i, 10000);
    settle();
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_READ_ONLY);
    ck_assert_uint_eq(stats_now().write_errors, 1);
    offer(50, 10000);
    settle();
    ck_assert_int_eq(lines, 1);
    ck_assert_ptr_nonnull(strstr(last_line, "No space left"));
    ck_assert_uint_eq(found(0, 20, 10000), 20);
    ck_assert_uint_eq(found(20, 51, 10000), 0);
    ck_assert_uint_eq(stats_now().skipped, 1);
    ck_assert(tier.ops->appetite(tier.self, false) > 0); /* nothing waits */
    close_disk();
    atomic_store(&write_fault, 0);
    open_disk();
    ck_assert_uint_eq(found(0, 20, 10000), 20);
    ck_assert_uint_eq(found(20, 51, 10000), 0);
}
END_TEST

START_TEST(a_full_disk_at_a_new_segment_is_read_on)
{
    atomic_store(&write_room, 0);
    atomic_store(&write_fault, ENOSPC);
    offer(1, 1000);
    settle();
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_READ_ONLY);
    ck_assert_int_eq(lines, 1);
    ck_assert(!get(1, 1000));
}
END_TEST

START_TEST(a_disk_that_cannot_be_read_is_left_alone)
{
    for (uint64_t i = 0; i < 30; i++)
        offer(i, 1000);
    settle();
    atomic_store(&read_fault, EIO);
    ck_assert(!get(0, 1000));
    ck_assert_uint_eq(stats_now().read_errors, 1);
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_ON);
    ck_assert_uint_eq(found(1, 30, 1000), 0);
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_OFF);
    ck_assert_uint_eq(stats_now().read_errors, 16);
    ck_assert_int_eq(lines, 1);
    atomic_store(&read_fault, 0);
    ck_assert_uint_eq(found(0, 30, 1000), 0); /* nobody asks it again */
}
END_TEST

START_TEST(a_removed_folder_is_noticed)
{
    char command[400];

    for (uint64_t i = 0; i < 30; i++)
        offer(i, 1000);
    settle();
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
    ck_assert_uint_eq(found(0, 30, 1000), 30); /* it is open still */
    for (uint64_t i = 30; i < 12000; i++)
        offer(i, 1000);
    usleep(600000);
    settle();
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_READ_ONLY);
    ck_assert_int_eq(lines, 1);
    (void)found(0, 12000, 1000);
}
END_TEST

START_TEST(removed_segments_are_not_there)
{
    char command[400];

    for (uint64_t i = 0; i < 30; i++)
        offer(i, 1000);
    close_disk();
    open_disk();
    (void)snprintf(command, sizeof command, "rm -f %s/*.seg", dir);
    ck_assert_int_eq(system(command), 0);
    (void)found(0, 30, 1000);
    offer(100, 1000);
    settle();
    ck_assert(get(100, 1000));
    ck_assert_uint_eq(stats_now().state, CACHE_DISK_ON);
}
END_TEST

/* ------------------------------------------------------------- the folder */

START_TEST(one_mount_at_a_time)
{
    struct error err = ERROR_INIT;
    char text[32];

    ck_assert_ptr_null(cache_disk_open(&config, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    (void)snprintf(text, sizeof text, "process %ld;", (long)getpid());
    ck_assert_ptr_nonnull(strstr(err.msg, text));
}
END_TEST

static void *close_later(void *opaque)
{
    (void)opaque;
    (void)tier.ops->appetite(tier.self, true); /* the cache is closing */
    usleep(200000);
    close_disk();
    return NULL;
}

START_TEST(who_is_closing_is_waited_for)
{
    struct cache_disk_config second = config;
    struct error err = ERROR_INIT;
    struct cache_disk *next;
    pthread_t thread;

    second.lock_wait_ms = 20000;
    offer(1, 1000);
    ck_assert_int_eq(pthread_create(&thread, NULL, close_later, NULL), 0);
    usleep(100000);
    next = cache_disk_open(&second, &err);
    pthread_join(thread, NULL);
    ck_assert_msg(next != NULL, "%s", err.msg);
    disk = next;
    tier = cache_disk_tier(disk);
    ck_assert(get(1, 1000));
}
END_TEST

START_TEST(folders_of_others_are_refused)
{
    struct error err = ERROR_INIT;

    config.dir = scratch; /* holds the folder "tier" */
    ck_assert_ptr_null(cache_disk_open(&config, &err));
    ck_assert_int_eq(err.kind, ERROR_USAGE);
    ck_assert_int_eq(cache_disk_purge(scratch, 0, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_NOT_FOUND);
    config.dir = "/proc/nowhere/tier";
    ck_assert_ptr_null(cache_disk_open(&config, &err));
    ck_assert_int_eq(err.kind, ERROR_IO);
}
END_TEST

START_TEST(an_idle_folder_is_purged)
{
    struct error err = ERROR_INIT;
    uint64_t segments = 0;

    for (uint64_t i = 0; i < 30; i++)
        offer(i, 1000);
    close_disk();
    ck_assert_int_eq(cache_disk_purge(dir, 0, &segments, &err), 0);
    ck_assert_uint_eq(segments, 1);
    ck_assert_uint_eq(bytes_on_disk(), 0);
    open_disk();
    ck_assert_uint_eq(found(0, 30, 1000), 0);
}
END_TEST

static atomic_bool stop_settling;

static void *settle_on(void *opaque)
{
    (void)opaque;
    while (!atomic_load(&stop_settling)) {
        settle();
        usleep(10000);
    }
    return NULL;
}

START_TEST(a_folder_in_use_is_purged_by_its_user)
{
    struct error err = ERROR_INIT;
    pthread_t thread;

    for (uint64_t i = 0; i < 30; i++)
        offer(i, 1000);
    settle();
    ck_assert_int_eq(cache_disk_purge(dir, 100, NULL, &err), -1);
    ck_assert_int_eq(err.kind, ERROR_IO);
    atomic_store(&stop_settling, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, settle_on, NULL), 0);
    ck_assert_msg(cache_disk_purge(dir, 20000, NULL, &err) == 0, "%s", err.msg);
    atomic_store(&stop_settling, true);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(bytes_on_disk(), 0);
    ck_assert_uint_eq(stats_now().bytes, 0);
    ck_assert_uint_eq(stats_now().records, 0);
    ck_assert_uint_eq(found(0, 30, 1000), 0);
    offer(40, 1000);
    settle();
    ck_assert(get(40, 1000));
}
END_TEST

START_TEST(tables_are_read_in_slices)
{
    struct cache_disk_stats stats;

    cache_disk_close(disk);
    config.bytes_max = 16 * MIB;
    open_disk();
    for (uint64_t i = 0; i < 100; i++)
        offer(i, 100000);
    close_disk();
    config.load_ms = 1; /* one segment at least */
    open_disk();
    for (int i = 0; i < 100 && stats_now().loading > 0; i++)
        settle();
    stats = stats_now();
    ck_assert_uint_eq(stats.loading, 0);
    ck_assert_uint_eq(stats.records, 100);
    ck_assert_uint_eq(found(0, 100, 100000), 100);
}
END_TEST

/* ------------------------------------------------------------ many threads */

static atomic_uint found_by_readers;

static void *read_on(void *opaque)
{
    uint64_t z = (uint64_t)(uintptr_t)opaque;

    while (!atomic_load(&stop_settling)) {
        z = z * 6364136223846793005u + 1442695040888963407u;
        if (get((z >> 33) % 600, 50000))
            atomic_fetch_add(&found_by_readers, 1);
    }
    return NULL;
}

START_TEST(readers_and_the_feeder_go_on_together)
{
    enum { READERS = 3 };
    pthread_t readers[READERS];

    cache_disk_close(disk);
    config.bytes_max = 16 * MIB;
    open_disk();
    atomic_store(&stop_settling, false);
    for (uintptr_t i = 0; i < READERS; i++)
        ck_assert_int_eq(
            pthread_create(&readers[i], NULL, read_on, (void *)(i + 1)), 0);
    for (uint64_t i = 0; i < 2400; i++) {
        offer(i % 600, 50000);
        if (i % 7 == 0)
            settle();
    }
    atomic_store(&stop_settling, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    ck_assert_uint_gt(atomic_load(&found_by_readers), 0);
    ck_assert_uint_gt(stats_now().dropped, 0);
}
END_TEST

/* --------------------------------------------------------------- the index */

START_TEST(the_index_is_a_map)
{
    enum { HASHES = 3000, STEPS = 200000 };
    static struct disk_place model[HASHES];
    struct disk_index index;
    struct disk_place place;
    uint64_t z = 7, count = 0;

    memset(model, 0, sizeof model);
    disk_index_init(&index, UINT64_MAX);
    for (int i = 0; i < STEPS; i++) {
        uint64_t n, hash;

        z = z * 6364136223846793005u + 1442695040888963407u;
        n = (z >> 33) % HASHES;
        hash = n % 1500 + (n / 1500 << 58); /* two parts, many collisions */
        if (z >> 62) {
            place = (struct disk_place){(uint32_t)(i % 5),
                                        (uint32_t)i % 0xFFFFFF + 1, 9, false};
            count += model[n].offset8 == 0;
            model[n] = place;
            ck_assert_int_eq(disk_index_put(&index, hash, &place), 0);
        } else if (model[n].offset8) {
            disk_index_remove(&index, hash, &model[n]);
            model[n].offset8 = 0;
            count--;
        }
        if (i % 20000 == 19999) {
            disk_index_remove_segment(&index, 3);
            for (size_t k = 0; k < HASHES; k++)
                if (model[k].offset8 && model[k].segment == 3) {
                    model[k].offset8 = 0;
                    count--;
                }
        }
        ck_assert(index.count == count);
        if (i % 1000 != 0)
            continue;
        for (n = 0; n < HASHES; n++) {
            hash = n % 1500 + (n / 1500 << 58);
            if (disk_index_find(&index, hash, &place) !=
                    (model[n].offset8 != 0) ||
                (model[n].offset8 != 0 &&
                 memcmp(&place, &model[n], sizeof place) != 0))
                ck_abort_msg("hash %llu after %d", (unsigned long long)hash, i);
        }
    }
    disk_index_deinit(&index);
}
END_TEST

static TCase *files_case(void)
{
    TCase *tcase = tcase_create("files");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_truncation_keeps_what_is_whole, 0, 2);
    tcase_add_loop_test(tcase, flipped_bits_cost_one_record_at_most, 0, 2);
    tcase_add_test(tcase, damage_below_an_open_disk_is_noticed);
    tcase_add_test(tcase, a_record_of_another_segment_is_foreign);
    tcase_add_test(tcase, another_format_is_foreign);
    tcase_add_test(tcase, a_full_disk_is_read_on);
    tcase_add_test(tcase, a_full_disk_at_a_new_segment_is_read_on);
    tcase_add_test(tcase, a_disk_that_cannot_be_read_is_left_alone);
    tcase_add_test(tcase, a_removed_folder_is_noticed);
    tcase_add_test(tcase, removed_segments_are_not_there);
    return tcase;
}

static TCase *normal_case(void)
{
    TCase *tcase = tcase_create("disk");

    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, records_are_found_again);
    tcase_add_test(tcase, what_is_there_is_not_written_twice);
    tcase_add_test(tcase, a_killed_writer_loses_only_what_was_not_written);
    tcase_add_test(tcase, many_wants_are_answered_together);
    tcase_add_test(tcase, rejected_blocks_are_gone);
    tcase_add_test(tcase, the_oldest_goes_and_the_sum_stays_below_the_limit);
    tcase_add_test(tcase, what_is_read_is_carried_over_once);
    tcase_add_test(tcase, what_is_in_memory_is_carried_over);
    tcase_add_test(tcase, a_full_index_drops_the_oldest);
    tcase_add_test(tcase, rates_are_kept);
    tcase_add_test(tcase, one_mount_at_a_time);
    tcase_add_test(tcase, who_is_closing_is_waited_for);
    tcase_add_test(tcase, folders_of_others_are_refused);
    tcase_add_test(tcase, an_idle_folder_is_purged);
    tcase_add_test(tcase, a_folder_in_use_is_purged_by_its_user);
    tcase_add_test(tcase, tables_are_read_in_slices);
    tcase_add_test(tcase, readers_and_the_feeder_go_on_together);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("cache_disk");
    TCase *index = tcase_create("index");
    SRunner *runner;
    int failed;

    tcase_set_timeout(index, 120);
    tcase_add_test(index, the_index_is_a_map);
    suite_add_tcase(suite, index);
    suite_add_tcase(suite, normal_case());
    suite_add_tcase(suite, files_case());
    runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
