// SPDX-License-Identifier: MIT
/*
 * One mark for all of a file system.
 *
 * An event names the folder by a handle. Opened beneath the folder through
 * which we know the file system, its path is that of the archive's side,
 * wherever else it is mounted; what lies outside of the archive is dropped.
 */
#include "watch_impl.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "prepfs/cleanup.h"

enum { SYSTEMS_MAX = 32 };

static const uint64_t mask = FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM |
                             FAN_MOVED_TO | FAN_CLOSE_WRITE | FAN_MODIFY |
                             FAN_ATTRIB | FAN_ONDIR;

struct file_system {
    dev_t dev;
    fsid_t id;
    int fd; /* a folder of it */
};

struct watch_fanotify {
    char *archive;
    size_t length; /* of archive */
    int fd;
    struct lock lock; /* what follows */
    struct file_system systems[SYSTEMS_MAX];
    size_t n;
};

struct watch_fanotify *watch_fanotify_new(const char *archive,
                                          struct error *err)
{
    struct watch_fanotify *f = calloc(1, sizeof *f);
    CLEANUP_FD int root = -1;

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&f->lock);
    f->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
                              FAN_REPORT_DFID_NAME,
                          O_RDONLY | O_CLOEXEC);
    f->archive = strdup(archive);
    if (f->fd < 0) {
        (void)error_set_sys(err, errno, "fanotify: %s", strerrordesc_np(errno));
    } else if (!f->archive) {
        (void)error_no_memory(err);
    } else {
        f->length = strcmp(archive, "/") == 0 ? 0 : strlen(archive);
        root = open(archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
            (void)error_set_sys(err, errno, "%s: %s", archive,
                                strerrordesc_np(errno));
        else if (watch_fanotify_folder(f, root, err) == 0)
            return f;
    }
    watch_fanotify_free(f);
    return NULL;
}

void watch_fanotify_free(struct watch_fanotify *f)
{
    if (!f)
        return;
    watch_fanotify_close(f);
    for (size_t i = 0; i < f->n; i++)
        (void)close(f->systems[i].fd);
    lock_deinit(&f->lock);
    free(f->archive);
    free(f);
}

void watch_fanotify_close(struct watch_fanotify *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    f->fd = -1;
}

int watch_fanotify_fd(const struct watch_fanotify *f)
{
    return f->fd;
}

/* ---- file systems ---- */

static bool is_marked_locked(const struct watch_fanotify *f, dev_t dev)
    REQUIRES(f->lock)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->systems[i].dev == dev)
            return true;
    return false;
}

/* Events come with handles; whether those can be opened is found out now. */
static int try_handle(int fd, struct error *err)
{
    struct {
        struct file_handle head;
        unsigned char bytes[MAX_HANDLE_SZ];
    } handle = {.head.handle_bytes = MAX_HANDLE_SZ};
    CLEANUP_FD int opened = -1;
    int mount_id;

    if (name_to_handle_at(fd, "", &handle.head, &mount_id, AT_EMPTY_PATH) == 0)
        opened = open_by_handle_at(fd, &handle.head, O_PATH | O_CLOEXEC);
    if (opened < 0)
        return error_set_sys(err, errno, "handles of files: %s",
                             strerrordesc_np(errno));
    return 0;
}

static int mark_locked(struct watch_fanotify *f, int fd, dev_t dev,
                       struct error *err) REQUIRES(f->lock)
{
    struct file_system *s = &f->systems[f->n];
    struct statfs about;

    if (f->n == SYSTEMS_MAX)
        return error_set(err, ERROR_TOO_BIG,
                         "the archive is made of more than %d file systems",
                         SYSTEMS_MAX);
    if (try_handle(fd, err) != 0)
        return -1;
    if (fstatfs(fd, &about) != 0 ||
        fanotify_mark(f->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, fd,
                      NULL) != 0)
        return error_set_sys(err, errno, "fanotify: %s",
                             strerrordesc_np(errno));
    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (s->fd < 0)
        return error_set_sys(err, errno, "fanotify: %s",
                             strerrordesc_np(errno));
    s->dev = dev;
    s->id = about.f_fsid;
    f->n++;
    return 0;
}

int watch_fanotify_folder(struct watch_fanotify *f, int fd, struct error *err)
{
    struct stat st;
    int rc = 0;

    if (fstat(fd, &st) != 0)
        return error_set_sys(err, errno, "stat: %s", strerrordesc_np(errno));
    lock_acquire(&f->lock);
    if (!is_marked_locked(f, st.st_dev))
        rc = mark_locked(f, fd, st.st_dev, err);
    lock_release(&f->lock);
    return rc;
}

/* -1: not one of ours. Descriptors last as long as the watch. */
static int folder_of(struct watch_fanotify *f, const void *fsid)
{
    int fd = -1;

    lock_acquire(&f->lock);
    for (size_t i = 0; i < f->n && fd < 0; i++)
        if (memcmp(&f->systems[i].id, fsid, sizeof(fsid_t)) == 0)
            fd = f->systems[i].fd;
    lock_release(&f->lock);
    return fd;
}

/* ---- events ---- */

/* The path of a folder in the archive, malloc'd: NULL if it is not there, or
 * is gone (its own folder has an event that says so). */
static char *path_of(const struct watch_fanotify *f, int fd)
{
    char link[32], path[PATH_MAX];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    if (strncmp(path, f->archive, f->length) != 0 ||
        (path[f->length] != '/' && path[f->length] != '\0'))
        return NULL;
    return strdup(path[f->length] == '/' ? path + f->length + 1
                                         : path + f->length);
}

static void take_name(struct watch_fanotify *f,
                      const struct fanotify_event_info_fid *info,
                      const struct watch_ear *ear)
{
    const struct file_handle *known = (const void *)info->handle;
    const char *name = (const char *)known->f_handle + known->handle_bytes;
    int base = folder_of(f, &info->fsid);
    struct {
        struct file_handle head;
        unsigned char bytes[MAX_HANDLE_SZ];
    } handle;

    if (base < 0 || known->handle_bytes > MAX_HANDLE_SZ)
        return;
    memcpy(&handle, known, sizeof handle.head + known->handle_bytes);
    CLEANUP_FD int fd =
        open_by_handle_at(base, &handle.head, O_PATH | O_CLOEXEC);
    CLEANUP_FREE char *folder = fd < 0 ? NULL : path_of(f, fd);

    if (!folder)
        return;
    CLEANUP_FREE char *relpath =
        strcmp(name, ".") == 0 ? strdup(folder) : watch_join(folder, name);

    ear->touched(ear->opaque, relpath ? relpath : "");
}

static void take(struct watch_fanotify *f, const char *event,
                 const struct fanotify_event_metadata *e,
                 const struct watch_ear *ear)
{
    const char *end = event + e->event_len;
    const char *p = event + e->metadata_len;

    if (e->mask & FAN_Q_OVERFLOW) {
        ear->touched(ear->opaque, "");
        return;
    }
    while (p + sizeof(struct fanotify_event_info_header) <= end) {
        const struct fanotify_event_info_fid *info = (const void *)p;

        if (info->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
            take_name(f, info, ear);
        if (info->hdr.len == 0)
            return;
        p += info->hdr.len;
    }
}

/* Events lie on multiples of 4, and the struct wants 8. */
void watch_fanotify_read(struct watch_fanotify *f, const struct watch_ear *ear)
{
    _Alignas(8) char buffer[64 * 1024];
    ssize_t length;

    while ((length = read(f->fd, buffer, sizeof buffer)) > 0) {
        struct fanotify_event_metadata e;

        for (const char *p = buffer; (size_t)(buffer + length - p) >= sizeof e;
             p += e.event_len) {
            memcpy(&e, p, sizeof e);
            if (e.event_len < sizeof e)
                return;
            take(f, p, &e, ear);
        }
    }
}
