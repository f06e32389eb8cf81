// SPDX-License-Identifier: MIT
/* outfile.c: files in the making, and how they come to their place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/outdir_impl.h"
#include "prepfs/cleanup.h"

static int write_failed(const struct outfile *f, struct error *err)
{
    int code = errno;

    return error_set_sys(err, code, "%s: cannot write: %s",
                         f->dir ? f->dir->path : f->alone,
                         strerrordesc_np(code));
}

int outfile_begin(struct outdir *o, unsigned worker, struct outfile *ret,
                  struct error *err)
{
    *ret = (struct outfile){.dir = o};
    (void)snprintf(ret->name, sizeof ret->name, "tmp-%u", worker);
    ret->fd = openat(o->private_fd, ret->name,
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return ret->fd < 0 ? outdir_fail(o, OUTDIR_PRIVATE, err) : 0;
}

int outfile_begin_alone(const char *path, struct outfile *ret,
                        struct error *err)
{
    *ret = (struct outfile){.fd = -1};
    if (asprintf(&ret->alone, "%s.tmp-%ld", path, (long)getpid()) < 0) {
        ret->alone = NULL;
        return error_no_memory(err);
    }
    ret->fd = open(ret->alone,
                   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (ret->fd >= 0)
        return 0;
    (void)write_failed(ret, err);
    free(ret->alone);
    ret->alone = NULL;
    return -1;
}

int outfile_write(struct outfile *f, const void *bytes, size_t length,
                  struct error *err)
{
    if (outdir_write(f->fd, bytes, length) != 0)
        return write_failed(f, err);
    f->size += length;
    return 0;
}

static void remove_temporary(struct outfile *f)
{
    if (f->dir)
        (void)unlinkat(f->dir->private_fd, f->name, 0);
    else
        (void)unlink(f->alone);
    free(f->alone);
    f->alone = NULL;
}

void outfile_abandon(struct outfile *f)
{
    if (f->fd < 0)
        return;
    (void)close(f->fd);
    f->fd = -1;
    remove_temporary(f);
}

static int make_parents(struct outdir *o, const char *relpath,
                        struct error *err)
{
    CLEANUP_FREE char *path = strdup(relpath);

    if (!path)
        return error_no_memory(err);
    for (char *slash = strchr(path, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(o->fd, path, 0777) != 0 && errno != EEXIST)
            return outdir_fail(o, path, err);
        *slash = '/';
    }
    return 0;
}

static int put_in_place(struct outfile *f, const char *relpath,
                        struct error *err)
{
    struct outdir *o = f->dir;

    if (renameat(o->private_fd, f->name, o->fd, relpath) == 0)
        return 0;
    if (errno != ENOENT)
        return outdir_fail(o, relpath, err);
    if (make_parents(o, relpath, err) != 0)
        return -1;
    if (renameat(o->private_fd, f->name, o->fd, relpath) == 0)
        return 0;
    return outdir_fail(o, relpath, err);
}

/* An old version must be gone before a line says that the new one is here. */
static int remove_old(struct outfile *f, const char *relpath, struct error *err)
{
    if (unlinkat(f->dir->fd, relpath, 0) == 0 || errno == ENOENT ||
        errno == ENOTDIR)
        return 0;
    return outdir_fail(f->dir, relpath, err);
}

static int finish(struct outfile *f, int64_t mtime_s, struct error *err)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                      {.tv_sec = (time_t)mtime_s}};
    int fd = f->fd;

    (void)futimens(fd, times); /* as in a mount; it is a courtesy */
    f->fd = -1;
    return close(fd) == 0 ? 0 : write_failed(f, err);
}

/* A network may lose the answer to a rename that was done. */
static bool is_absent(const struct outdir *o, const char *relpath)
{
    struct stat st;

    return fstatat(o->fd, relpath, &st, AT_SYMLINK_NOFOLLOW) != 0 &&
           (errno == ENOENT || errno == ENOTDIR);
}

static int commit_in_folder(struct outfile *f, const char *relpath,
                            uint64_t version, struct error *err)
{
    struct outdir_line line;

    if (remove_old(f, relpath, err) != 0 ||
        outdir_line_add(f->dir, relpath, version, f->size, &line, err) != 0)
        return -1;
    if (put_in_place(f, relpath, err) == 0)
        return 0;
    if (is_absent(f->dir, relpath))
        outdir_line_cut(f->dir, &line);
    return -1;
}

static int commit_alone(struct outfile *f, const char *path, struct error *err)
{
    if (rename(f->alone, path) != 0)
        return write_failed(f, err);
    free(f->alone);
    f->alone = NULL;
    return 0;
}

int outfile_commit(struct outfile *f, const char *relpath, uint64_t version,
                   int64_t mtime_s, struct error *err)
{
    int rc = finish(f, mtime_s, err);

    if (rc == 0)
        rc = f->dir ? commit_in_folder(f, relpath, version, err)
                    : commit_alone(f, relpath, err);
    if (rc != 0)
        remove_temporary(f);
    return rc;
}
