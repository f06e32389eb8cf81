// SPDX-License-Identifier: MIT
/*
 * watch.c: see watch.h.
 *
 * The thread takes in what has come, then sleeps for a moment: the kernel
 * meanwhile makes one event of many that are alike.
 */
#include "watch.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "index/walk.h"
#include "prepfs/cleanup.h"
#include "watch_impl.h"

enum { MERGE_MS = 50 };

struct watch {
    struct watch_config c;
    struct watch_fanotify *fanotify; /* one of the two, or none */
    struct watch_inotify *inotify;
    int stop_fd;
    bool runs;
    pthread_t thread;
    atomic_bool is_blind;
    /* of who calls watch_folder */
    bool said_shared;
    dev_t last_dev;
};

char *watch_join(const char *folder, const char *name)
{
    char *path;

    if (asprintf(&path, "%s%s%s", folder, *folder ? "/" : "", name) < 0)
        return NULL;
    return path;
}

/* ---- the thread ---- */

static void on_touched(void *opaque, const char *relpath)
{
    struct watch *w = opaque;

    if (!atomic_load(&w->is_blind) && !walk_passes_by(relpath))
        w->c.touched(w->c.opaque, relpath);
}

static bool is_stopped(const struct watch *w, int ms)
{
    struct pollfd p = {.fd = w->stop_fd, .events = POLLIN};

    return poll(&p, 1, ms) > 0;
}

static void *run(void *opaque)
{
    struct watch *w = opaque;
    const struct watch_ear ear = {on_touched, w};
    struct pollfd p[2] = {{.fd = w->stop_fd, .events = POLLIN},
                          {.fd = w->fanotify ? watch_fanotify_fd(w->fanotify)
                                             : watch_inotify_fd(w->inotify),
                           .events = POLLIN}};

    while (poll(p, 2, -1) >= 0 || errno == EINTR) {
        if (p[0].revents)
            break;
        if (w->fanotify)
            watch_fanotify_read(w->fanotify, &ear);
        else
            watch_inotify_read(w->inotify, &ear);
        if (is_stopped(w, MERGE_MS))
            break;
    }
    if (w->fanotify)
        watch_fanotify_close(w->fanotify);
    else
        watch_inotify_close(w->inotify);
    return NULL;
}

/* ---- from outside ---- */

/* fanotify if it can be had; what is missing for it is no news. */
static int open_kind(struct watch *w, struct error *err)
{
    struct error unused = ERROR_INIT;

    if (!w->c.no_fanotify)
        w->fanotify = watch_fanotify_new(w->c.archive, &unused);
    if (!w->fanotify)
        w->inotify = watch_inotify_new(w->c.folders_max, err);
    return w->fanotify || w->inotify ? 0 : -1;
}

struct watch *watch_new(const struct watch_config *config, struct error *err)
{
    struct watch *w = calloc(1, sizeof *w);
    int rc;

    if (!w) {
        (void)error_no_memory(err);
        return NULL;
    }
    w->c = *config;
    if (!w->c.folders_max)
        w->c.folders_max = WATCH_FOLDERS_MAX;
    w->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (w->stop_fd < 0) {
        (void)error_set_sys(err, errno, "eventfd: %s", strerrordesc_np(errno));
    } else if (open_kind(w, err) == 0) {
        rc = pthread_create(&w->thread, NULL, run, w);
        w->runs = rc == 0;
        if (w->runs)
            return w;
        (void)error_set_sys(err, rc, "cannot start a thread: %s",
                            strerrordesc_np(rc));
    }
    watch_free(w);
    return NULL;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    if (w->runs) {
        (void)eventfd_write(w->stop_fd, 1);
        lock_check(pthread_join(w->thread, NULL));
    }
    watch_fanotify_free(w->fanotify);
    watch_inotify_free(w->inotify);
    if (w->stop_fd >= 0)
        (void)close(w->stop_fd);
    free(w);
}

/* File systems that other hosts write to as well, or that do not tell. */
static bool is_shared(int fd)
{
    static const uint32_t types[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB 2 */
        0x65735546, /* FUSE */
        0x01021997, /* 9P */
        0x00C36400, /* Ceph */
        0x0BD00BD0, /* Lustre */
        0x47504653, /* GPFS */
        0x01161970, /* GFS2 */
        0x7461636F, /* OCFS2 */
        0x5346414F, /* AFS */
        0x73757245, /* Coda */
        0x786F4256, /* VirtualBox */
    };
    struct statfs about;

    if (fstatfs(fd, &about) != 0)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((uint32_t)about.f_type == types[i])
            return true;
    return false;
}

/* A folder of another file system than the one before. */
static void look_at_system(struct watch *w, const char *relpath, int fd)
{
    char why[ERROR_MSG_MAX];
    struct stat st;

    if (w->said_shared || fstat(fd, &st) != 0 || st.st_dev == w->last_dev)
        return;
    w->last_dev = st.st_dev;
    if (!is_shared(fd))
        return;
    w->said_shared = true;
    (void)snprintf(why, sizeof why, "other hosts may write to %s%s%s",
                   w->c.archive, *relpath ? "/" : "", relpath);
    w->c.blind(w->c.opaque, why);
}

void watch_folder(struct watch *w, const char *relpath, int fd)
{
    struct error err = ERROR_INIT;
    int rc;

    if (atomic_load(&w->is_blind))
        return;
    look_at_system(w, relpath, fd);
    rc = w->fanotify ? watch_fanotify_folder(w->fanotify, fd, &err)
                     : watch_inotify_folder(w->inotify, relpath, fd, &err);
    if (rc == 0)
        return;
    atomic_store(&w->is_blind, true);
    (void)eventfd_write(w->stop_fd, 1);
    w->c.blind(w->c.opaque, err.msg);
}

enum watch_kind watch_kind(const struct watch *w)
{
    if (!w || atomic_load(&w->is_blind))
        return WATCH_NONE;
    return w->fanotify ? WATCH_FANOTIFY : WATCH_INOTIFY;
}

uint64_t watch_count(const struct watch *w)
{
    return w && w->inotify ? watch_inotify_count(w->inotify) : 0;
}
