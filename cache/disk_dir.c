// SPDX-License-Identifier: MIT
/*
 * disk_dir.c: the folder of the disk tier.
 *
 * It holds segments and the mark, a file that says that the folder is ours
 * and that whoever uses it has locked. A folder with anything in it but no
 * mark is somebody else's. The lock goes with the process, however it ends.
 */
#include "disk_parts.h"

#include "prepfs/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".seg"
#define POLL_US 20000
#define GRACE_MS 5000

void disk_segment_name(uint64_t sequence, char ret[DISK_NAME_MAX])
{
    (void)snprintf(ret, DISK_NAME_MAX, "%016" PRIx64 SUFFIX, sequence);
}

/* The number in a segment's name, exactly as we write it. */
static bool number_of(const char *name, uint64_t *ret)
{
    char again[DISK_NAME_MAX];
    char *end;

    *ret = strtoull(name, &end, 16);
    if (strcmp(end, SUFFIX) != 0)
        return false;
    disk_segment_name(*ret, again);
    return strcmp(again, name) == 0;
}

/* ---------------------------------------------------------------- listing */

static DIR *open_again(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (fd >= 0 && !dir)
        (void)close(fd);
    return dir;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int add_number(uint64_t **list, size_t *count, uint64_t number)
{
    uint64_t *longer = *list;

    /* Whenever the count is a power of two the list is full. */
    if ((*count & (*count - 1)) == 0)
        longer = reallocarray(longer, *count ? 2 * *count : 1, sizeof *longer);
    if (!longer)
        return -1;
    *list = longer;
    longer[(*count)++] = number;
    return 0;
}

int disk_dir_list(int dir_fd, uint64_t **ret, size_t *ret_count)
{
    DIR *dir = open_again(dir_fd);
    const struct dirent *entry;
    uint64_t number;
    int rc = 0;

    *ret = NULL;
    *ret_count = 0;
    if (!dir)
        return -1;
    while (rc == 0 && (entry = readdir(dir)))
        if (number_of(entry->d_name, &number))
            rc = add_number(ret, ret_count, number);
    (void)closedir(dir);
    if (rc != 0) {
        free(*ret);
        *ret = NULL;
        return -1;
    }
    if (*ret_count > 0)
        qsort(*ret, *ret_count, sizeof **ret, by_number);
    return 0;
}

static bool is_empty(int dir_fd)
{
    DIR *dir = open_again(dir_fd);
    const struct dirent *entry;
    bool empty = dir != NULL;

    while (empty && (entry = readdir(dir)))
        empty =
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir)
        (void)closedir(dir);
    return empty;
}

/* ---------------------------------------------------------------- opening */

static int not_ours(const char *dir, struct error *err)
{
    return error_set(err, ERROR_USAGE,
                     "%s holds other things; the disk tier needs a folder of "
                     "its own",
                     dir);
}

static int cannot(const char *what, const char *dir, struct error *err)
{
    return error_set_sys(err, errno, "cannot %s %s: %s", what, dir,
                         strerrordesc_np(errno));
}

/* Opens the folder; a new or empty one becomes ours. */
static int open_folder(struct cache_disk *disk, struct error *err)
{
    struct stat st;
    char *absolute;

    if (mkdir(disk->dir, 0700) != 0 && errno != EEXIST)
        return cannot("make", disk->dir, err);
    disk->dir_fd = open(disk->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (disk->dir_fd < 0 || fstat(disk->dir_fd, &st) != 0)
        return cannot("open", disk->dir, err);
    absolute = realpath(disk->dir, NULL);
    if (!absolute)
        return cannot("open", disk->dir, err);
    free(disk->dir);
    disk->dir = absolute;
    if (faccessat(disk->dir_fd, DISK_MARK, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
        !is_empty(disk->dir_fd))
        return not_ours(disk->dir, err);
    if (st.st_uid != geteuid())
        return error_set(err, ERROR_USAGE,
                         "%s belongs to another user; the disk tier would "
                         "leave images there",
                         disk->dir);
    if ((st.st_mode & 0777) != 0700 && fchmod(disk->dir_fd, 0700) != 0)
        return cannot("close to others", disk->dir, err);
    return 0;
}

static void say(const struct cache_disk *disk, const char *word)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%8ld %-8s\n", (long)getpid(), word);

    (void)disk_write(disk->mark_fd, text, (size_t)n, 0);
}

/* Who has the lock, and is it about to give it back? */
static bool is_closing(int mark_fd, long *ret_pid)
{
    char text[32] = "";
    char word[16] = "";
    ssize_t n = pread(mark_fd, text, sizeof text - 1, 0);

    *ret_pid = 0;
    return n > 0 && sscanf(text, "%ld %15s", ret_pid, word) == 2 &&
           strcmp(word, "closing") == 0;
}

/* One that was unmounted a moment ago may not have come to say so yet. */
static int lock_mark(struct cache_disk *disk, unsigned wait_ms,
                     struct error *err)
{
    uint64_t start = disk_now_ms();
    long pid;

    while (flock(disk->mark_fd, LOCK_EX | LOCK_NB) != 0) {
        unsigned most = wait_ms < GRACE_MS ? wait_ms : GRACE_MS;

        if (errno != EWOULDBLOCK && errno != EINTR)
            return cannot("lock", disk->dir, err);
        if (is_closing(disk->mark_fd, &pid))
            most = wait_ms;
        if (disk_now_ms() - start >= most)
            return error_set(err, ERROR_USAGE,
                             "%s is in use by process %ld; every mount needs "
                             "a folder of its own",
                             disk->dir, pid);
        (void)usleep(POLL_US);
    }
    return 0;
}

int disk_dir_open(struct cache_disk *disk, unsigned wait_ms, struct error *err)
{
    if (open_folder(disk, err) != 0)
        return -1;
    disk->mark_fd = openat(disk->dir_fd, DISK_MARK,
                           O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->mark_fd < 0)
        return cannot("write to", disk->dir, err);
    if (lock_mark(disk, wait_ms, err) != 0)
        return -1;
    say(disk, "open");
    return 0;
}

void disk_dir_closing(struct cache_disk *disk)
{
    say(disk, "closing");
}

void disk_dir_close(struct cache_disk *disk)
{
    if (disk->mark_fd >= 0)
        (void)close(disk->mark_fd);
    if (disk->dir_fd >= 0)
        (void)close(disk->dir_fd);
}

/* ---------------------------------------------------------------- purging */

bool disk_dir_wants_purge(struct cache_disk *disk)
{
    return faccessat(disk->dir_fd, DISK_PURGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void disk_dir_purged(struct cache_disk *disk)
{
    (void)unlinkat(disk->dir_fd, DISK_PURGE, 0);
}

static int remove_segments(int dir_fd, const char *dir, struct error *err)
{
    char name[DISK_NAME_MAX];
    uint64_t *numbers;
    size_t count;
    int rc = 0;

    if (disk_dir_list(dir_fd, &numbers, &count) != 0)
        return cannot("list", dir, err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        disk_segment_name(numbers[i], name);
        if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
            rc = cannot("empty", dir, err);
    }
    free(numbers);
    (void)unlinkat(dir_fd, DISK_PURGE, 0);
    return rc;
}

/* Leaves a note, and waits until it is taken away or the user is gone. */
static int ask_user(int dir_fd, int mark_fd, const char *dir, unsigned wait_ms,
                    struct error *err)
{
    uint64_t end = disk_now_ms() + wait_ms;
    int fd = openat(dir_fd, DISK_PURGE,
                    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return cannot("write to", dir, err);
    (void)close(fd);
    while (disk_now_ms() < end) {
        if (faccessat(dir_fd, DISK_PURGE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            return 0;
        if (flock(mark_fd, LOCK_EX | LOCK_NB) == 0)
            return remove_segments(dir_fd, dir, err);
        (void)usleep(POLL_US);
    }
    (void)unlinkat(dir_fd, DISK_PURGE, 0);
    return error_set_sys(err, ETIMEDOUT,
                         "whoever uses %s did not empty it in time", dir);
}

int cache_disk_purge(const char *dir, unsigned wait_ms, uint64_t *ret_segments,
                     struct error *err)
{
    CLEANUP_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP_FD int mark_fd = -1;
    uint64_t *numbers;
    size_t count;

    if (dir_fd < 0)
        return cannot("open", dir, err);
    mark_fd = openat(dir_fd, DISK_MARK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (mark_fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s is no folder of a disk tier",
                         dir);
    if (mark_fd < 0 || disk_dir_list(dir_fd, &numbers, &count) != 0)
        return cannot("open", dir, err);
    free(numbers);
    if (ret_segments)
        *ret_segments = count;
    if (flock(mark_fd, LOCK_EX | LOCK_NB) == 0)
        return remove_segments(dir_fd, dir, err);
    return ask_user(dir_fd, mark_fd, dir, wait_ms, err);
}
