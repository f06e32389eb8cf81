// SPDX-License-Identifier: MIT
/*
 * A watch for every folder.
 *
 * A watch belongs to a folder, not to its name. When a folder is renamed, the
 * path that we know for it is wrong until it is walked under its new name,
 * which the event itself leads to; until then its events name places that do
 * not exist, and the walk sees what they were about.
 */
#include "watch_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

enum { BUCKETS_MIN = 1024 };

/* MODIFY, for what is truncated by path or held open; ATTRIB, for times that
 * are set and rights that are given. */
static const uint32_t mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |
                             IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK;

struct folder {
    int wd; /* 0: an empty place */
    char *relpath;
};

struct watch_inotify {
    int fd;
    unsigned folders_max;
    struct lock lock;       /* what follows */
    struct folder *folders; /* hashed by wd, a power of two of places */
    size_t capacity, n;
};

struct watch_inotify *watch_inotify_new(unsigned folders_max, struct error *err)
{
    struct watch_inotify *n = calloc(1, sizeof *n);

    if (!n) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&n->lock);
    n->folders_max = folders_max;
    n->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    n->capacity = BUCKETS_MIN;
    n->folders = calloc(n->capacity, sizeof *n->folders);
    if (n->fd < 0)
        (void)error_set_sys(err, errno, "inotify: %s", strerrordesc_np(errno));
    else if (n->folders)
        return n;
    else
        (void)error_no_memory(err);
    watch_inotify_free(n);
    return NULL;
}

void watch_inotify_free(struct watch_inotify *n)
{
    if (!n)
        return;
    watch_inotify_close(n);
    for (size_t i = 0; n->folders && i < n->capacity; i++)
        free(n->folders[i].relpath);
    free(n->folders);
    lock_deinit(&n->lock);
    free(n);
}

void watch_inotify_close(struct watch_inotify *n)
{
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
}

int watch_inotify_fd(const struct watch_inotify *n)
{
    return n->fd;
}

uint64_t watch_inotify_count(struct watch_inotify *n)
{
    uint64_t count;

    lock_acquire(&n->lock);
    count = n->n;
    lock_release(&n->lock);
    return count;
}

/* ---- the table ---- */

/* Numbers are given in order: they are their own hash. */
static struct folder *place_of(struct folder *folders, size_t capacity, int wd)
{
    size_t i = (size_t)wd & (capacity - 1);

    while (folders[i].wd && folders[i].wd != wd)
        i = (i + 1) & (capacity - 1);
    return &folders[i];
}

static int grow_locked(struct watch_inotify *n) REQUIRES(n->lock)
{
    size_t capacity = n->capacity * 2;
    struct folder *grown = calloc(capacity, sizeof *grown);

    if (!grown)
        return -1;
    for (size_t i = 0; i < n->capacity; i++)
        if (n->folders[i].wd)
            *place_of(grown, capacity, n->folders[i].wd) = n->folders[i];
    free(n->folders);
    n->folders = grown;
    n->capacity = capacity;
    return 0;
}

static int set_locked(struct watch_inotify *n, int wd, const char *relpath)
    REQUIRES(n->lock)
{
    struct folder *f = place_of(n->folders, n->capacity, wd);

    if (f->wd && strcmp(f->relpath, relpath) == 0)
        return 0;
    char *copy = strdup(relpath);

    if (!copy)
        return -1;
    if (f->wd) {
        free(f->relpath);
        f->relpath = copy;
        return 0;
    }
    if (n->n * 2 >= n->capacity) {
        if (grow_locked(n) != 0) {
            free(copy);
            return -1;
        }
        f = place_of(n->folders, n->capacity, wd);
    }
    *f = (struct folder){wd, copy};
    n->n++;
    return 0;
}

/* The places after it close up. */
static void drop_locked(struct watch_inotify *n, int wd) REQUIRES(n->lock)
{
    struct folder *f = place_of(n->folders, n->capacity, wd);
    size_t i = (size_t)(f - n->folders);

    if (!f->wd)
        return;
    free(f->relpath);
    *f = (struct folder){0, NULL};
    n->n--;
    for (;;) {
        i = (i + 1) & (n->capacity - 1);
        struct folder moved = n->folders[i];

        if (!moved.wd)
            return;
        n->folders[i] = (struct folder){0, NULL};
        *place_of(n->folders, n->capacity, moved.wd) = moved;
    }
}

/* ---- folders ---- */

/* Under the lock, so that no event of the new watch is read before its path
 * is known. */
int watch_inotify_folder(struct watch_inotify *n, const char *relpath, int fd,
                         struct error *err)
{
    char path[32];
    int wd, rc = 0;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    lock_acquire(&n->lock);
    wd = inotify_add_watch(n->fd, path, mask);
    if (wd < 0)
        rc = error_set_sys(err, errno, "cannot watch another folder: %s",
                           errno == ENOSPC
                               ? "fs.inotify.max_user_watches is reached"
                               : strerrordesc_np(errno));
    else if (set_locked(n, wd, relpath) != 0)
        rc = error_no_memory(err);
    else if (n->n > n->folders_max)
        rc = error_set(err, ERROR_TOO_BIG,
                       "the archive has more than %u folders", n->folders_max);
    lock_release(&n->lock);
    return rc;
}

/* ---- events ---- */

static void take(struct watch_inotify *n, const struct inotify_event *e,
                 const struct watch_ear *ear)
{
    CLEANUP_FREE char *relpath = NULL;

    if (e->mask & IN_Q_OVERFLOW) {
        ear->touched(ear->opaque, "");
        return;
    }
    lock_acquire(&n->lock);
    if (e->mask & IN_IGNORED) {
        drop_locked(n, e->wd);
    } else {
        const struct folder *f = place_of(n->folders, n->capacity, e->wd);

        /* Without a name it is about the folder, whose own folder says so. */
        if (f->wd && e->len > 0 &&
            (relpath = watch_join(f->relpath, e->name), !relpath))
            relpath = strdup("");
    }
    lock_release(&n->lock);
    if (relpath)
        ear->touched(ear->opaque, relpath);
}

void watch_inotify_read(struct watch_inotify *n, const struct watch_ear *ear)
{
    _Alignas(struct inotify_event) char buffer[64 * 1024];
    ssize_t length;

    while ((length = read(n->fd, buffer, sizeof buffer)) > 0) {
        const struct inotify_event *e;

        for (char *p = buffer; p < buffer + length; p += sizeof *e + e->len) {
            e = (const void *)p;
            take(n, e, ear);
        }
    }
}
