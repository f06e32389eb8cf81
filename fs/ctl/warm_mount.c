// SPDX-License-Identifier: MIT
/* warm_mount.c: see warm_mount.h. */
#include "ctl/warm_mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/signals.h"
#include "inode.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"

enum { READERS_MAX = 64, BUFFER = 1 << 20 };

struct reading {
    const struct warm_mount *config;
    char *folder; /* MOUNT/VIEW/ */
    uint64_t of_shard;
    struct lock lock; /* of progress and result */
    struct crew_result *result;
};

/* ---- the listing ---- */

/* False ends the walk. `number` is the inode. */
typedef bool (*file_fn)(void *opaque, const char *path, uint64_t number);

static bool is_self(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* In the order of the folders, without asking for attributes: 1, 0 if `each`
 * has ended it, -1. */
static int walk(const char *folder, file_fn each, void *opaque,
                struct error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *d;
    int rc = 1;

    if (!dir)
        return error_set_sys(err, errno, "%s: %s", folder,
                             strerrordesc_np(errno));
    while (rc > 0 && (errno = 0, d = readdir(dir))) {
        CLEANUP_FREE char *path = NULL;

        if (is_self(d->d_name))
            continue;
        if (asprintf(&path, "%s%s%s", folder, d->d_name,
                     d->d_type == DT_DIR ? "/" : "") < 0) {
            path = NULL;
            rc = error_no_memory(err);
        } else if (d->d_type == DT_DIR) {
            rc = walk(path, each, opaque, err);
        } else {
            rc = each(opaque, path, d->d_ino);
        }
    }
    if (rc > 0 && errno != 0)
        rc =
            error_set_sys(err, errno, "%s: %s", folder, strerrordesc_np(errno));
    (void)closedir(dir);
    return rc;
}

/* What is no leaf of ours is an object of its own. */
static uint64_t object_of(uint64_t number)
{
    struct inode i;

    return inode_unpack(number, &i, NULL) == 0 ? (uint64_t)i.object : number;
}

static bool count_file(void *opaque, const char *path, uint64_t number)
{
    uint64_t *n = opaque;

    (void)path, (void)number;
    ++*n;
    return !atomic_load(&signals_cancelled);
}

struct counting {
    struct shard shard;
    uint64_t n;
};

static bool count_taken(void *opaque, const char *path, uint64_t number)
{
    struct counting *c = opaque;

    (void)path;
    c->n += shard_take(&c->shard, object_of(number));
    return !atomic_load(&signals_cancelled);
}

/* How many there are, and how many of them are ours. */
static int count(struct reading *r, struct shard *shard, struct error *err)
{
    struct counting c = {.n = 0};

    if (walk(r->folder, count_file, &shard->total, err) < 0)
        return -1;
    c.shard = *shard;
    if (walk(r->folder, count_taken, &c, err) < 0)
        return -1;
    r->of_shard = c.n;
    return 0;
}

/* ---- reading ---- */

static void note(struct reading *r, const char *path, uint64_t bytes, int code)
{
    struct crew_result *all = r->result;

    lock_acquire(&r->lock);
    all->bytes += bytes;
    if (code) {
        all->failed++;
        progress_message(r->config->progress, "%s: %s", path,
                         strerrordesc_np(code));
    } else {
        all->done++;
    }
    struct progress_count now = {.done = all->done + all->failed,
                                 .failed = all->failed,
                                 .total = r->of_shard,
                                 .bytes = all->bytes};

    progress_files(r->config->progress, &now);
    lock_release(&r->lock);
}

struct reader {
    struct reading *reading;
    unsigned number;
    pthread_t thread;
    struct shard shard;
    uint64_t taken; /* files of the shard so far */
    char *buffer;
    bool failed;
    struct error why;
};

static bool read_file(void *opaque, const char *path, uint64_t number)
{
    struct reader *me = opaque;
    ssize_t n = -1;
    uint64_t bytes = 0;

    if (atomic_load(&signals_cancelled))
        return false;
    if (!shard_take(&me->shard, object_of(number)) ||
        me->taken++ % me->reading->config->threads != me->number)
        return true;
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (n = read(fd, me->buffer, BUFFER)) > 0 &&
           !atomic_load(&signals_cancelled))
        bytes += (uint64_t)n;
    note(me->reading, path, bytes, n < 0 ? errno : 0);
    return true;
}

/* Every reader walks the tree, which costs little, and reads its share. */
static void *read_share(void *opaque)
{
    struct reader *me = opaque;

    me->buffer = malloc(BUFFER);
    if (!me->buffer)
        me->failed = error_no_memory(&me->why) < 0;
    else
        me->failed = walk(me->reading->folder, read_file, me, &me->why) < 0;
    free(me->buffer);
    return NULL;
}

static int read_all(struct reading *r, const struct shard *shard,
                    struct error *err)
{
    struct reader readers[READERS_MAX];
    unsigned n = r->config->threads, started = 0;
    int rc = 0;

    for (; started < n && started < READERS_MAX; started++) {
        readers[started] =
            (struct reader){.reading = r, .number = started, .shard = *shard};
        if (pthread_create(&readers[started].thread, NULL, read_share,
                           &readers[started]) != 0)
            break;
    }
    if (started < n)
        rc = error_set(err, ERROR_NO_MEMORY, "cannot start a thread");
    for (unsigned i = 0; i < started; i++) {
        lock_check(pthread_join(readers[i].thread, NULL));
        if (readers[i].failed && rc == 0) {
            *err = readers[i].why;
            rc = -1;
        }
    }
    return rc;
}

/* The mount knows why; only its first lines are for a terminal. */
static int no_view(const struct warm_mount *config, int cause,
                   struct error *err)
{
    return error_set_sys(
        err, cause, "%s: %s; the reason: cat %s/.prepfs/explain/%s",
        config->view, strerrordesc_np(cause), config->mount, config->view);
}

/* The slash follows a link. */
static int find_folder(struct reading *r, struct error *err)
{
    struct stat st;

    if (asprintf(&r->folder, "%s/%s/", r->config->mount, r->config->view) < 0) {
        r->folder = NULL;
        return error_no_memory(err);
    }
    if (stat(r->folder, &st) != 0)
        return no_view(r->config, errno, err);
    return 0;
}

int warm_mount(const struct warm_mount *config, struct crew_result *ret,
               struct error *err)
{
    struct reading r = {.config = config, .result = ret};
    struct shard shard = config->shard;
    int rc;

    lock_init(&r.lock);
    rc = find_folder(&r, err);
    if (rc == 0 && shard.n > 0)
        rc = count(&r, &shard, err);
    if (rc == 0)
        rc = read_all(&r, &shard, err);
    progress_clear(config->progress);
    lock_deinit(&r.lock);
    free(r.folder);
    if (rc == 0 && atomic_load(&signals_cancelled))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    return rc;
}
