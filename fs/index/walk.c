// SPDX-License-Identifier: MIT
#include "index/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "prepfs/cleanup.h"

struct item {
    ino_t ino; /* of the directory entry */
    char *name;
};

struct items {
    struct item *v;
    size_t n;
    size_t capacity;
};

struct paths { /* relative */
    char **v;
    size_t n;
    size_t capacity;
};

/* Which folder it is, by whatever path. */
struct identity {
    dev_t dev;
    ino_t ino;
};

struct walk {
    int root_fd;
    const char *exclude;
    const struct walk_handler *handler;
    const atomic_bool *cancel;
    bool follow;
    struct paths folders; /* still to be read; a stack */
    struct paths linked;  /* folders that links lead to: read after these */
    void *entered;        /* tree of struct identity; with `follow` */
    dev_t root_dev;
};

static void items_deinit(struct items *items)
{
    for (size_t i = 0; i < items->n; i++)
        free(items->v[i].name);
    free(items->v);
    *items = (struct items){0};
}

static int push_item(struct items *items, const struct dirent *d,
                     struct error *err)
{
    if (items->n == items->capacity) {
        size_t capacity = items->capacity ? items->capacity * 2 : 64;
        struct item *grown = reallocarray(items->v, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        items->v = grown;
        items->capacity = capacity;
    }
    char *name = strdup(d->d_name);

    if (!name)
        return error_no_memory(err);
    items->v[items->n++] = (struct item){d->d_ino, name};
    return 0;
}

static int push_path(struct paths *p, const char *relpath, struct error *err)
{
    if (p->n == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 64;
        char **grown = reallocarray(p->v, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        p->v = grown;
        p->capacity = capacity;
    }
    p->v[p->n] = strdup(relpath);
    if (!p->v[p->n])
        return error_no_memory(err);
    p->n++;
    return 0;
}

static void paths_deinit(struct paths *p)
{
    while (p->n > 0)
        free(p->v[--p->n]);
    free(p->v);
}

static int by_inode(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;

    return a->ino < b->ino ? -1 : a->ino > b->ino;
}

/* All names of a folder; 1 if it could not be read to its end. */
static int read_names(DIR *dir, struct items *ret, struct error *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);

        if (!d)
            return errno ? 1 : 0;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            walk_is_junk(d->d_name))
            continue;
        if (push_item(ret, d, err) != 0)
            return -1;
    }
}

enum link { LINK_NONE, LINK_TO_FILE, LINK_OUT };

static int give_file(const struct walk *w, const char *relpath,
                     const struct stat *st, enum link link, struct error *err)
{
    struct walk_file file = {
        .relpath = relpath,
        .is_link = link != LINK_NONE,
        .leaves = link == LINK_OUT,
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns =
            (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };

    return w->handler->file(w->handler->opaque, &file, err);
}

/* A folder beneath the root is found by its own path. */
static int visit_linked_folder(struct walk *w, const char *relpath,
                               struct error *err)
{
    CLEANUP_FD int fd =
        w->follow ? beneath_open(w->root_fd, relpath, O_PATH, BENEATH_LINKS)
                  : -1;

    if (!w->follow || fd >= 0)
        return 0;
    return push_path(&w->linked, relpath, err);
}

static int visit_link(struct walk *w, const char *relpath,
                      const struct stat *link, struct error *err)
{
    CLEANUP_FD int fd =
        beneath_open(w->root_fd, relpath, O_PATH,
                     w->follow ? BENEATH_ANY_LINKS : BENEATH_LINKS);
    struct stat st;

    if (fd < 0 && (errno == EXDEV || errno == ELOOP))
        return give_file(w, relpath, link, LINK_OUT, err);
    if (fd < 0 || fstat(fd, &st) != 0) {
        w->handler->link_skipped(w->handler->opaque, relpath);
        return 0;
    }
    if (S_ISDIR(st.st_mode))
        return visit_linked_folder(w, relpath, err);
    if (S_ISREG(st.st_mode))
        return give_file(w, relpath, &st, LINK_TO_FILE, err);
    return 0;
}

/* malloc'd; printf is too slow for each of ten million. */
static char *join(const char *folder, const char *name)
{
    size_t left = strlen(folder);
    size_t right = strlen(name);
    char *ret = malloc(left + right + 2);

    if (!ret)
        return NULL;
    (void)memcpy(ret, folder, left);
    if (left > 0)
        ret[left++] = '/';
    (void)memcpy(ret + left, name, right + 1);
    return ret;
}

static int visit(struct walk *w, int dir_fd, const char *folder,
                 const char *name, struct error *err)
{
    CLEANUP_FREE char *relpath = join(folder, name);
    struct stat st;

    if (!relpath)
        return error_no_memory(err);
    if (w->exclude && strcmp(relpath, w->exclude) == 0)
        return 0;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) /* removed since it was listed */
            return 0;
        return w->handler->unreadable(w->handler->opaque, relpath, true, errno,
                                      err);
    }
    if (S_ISDIR(st.st_mode))
        return push_path(&w->folders, relpath, err);
    if (S_ISLNK(st.st_mode))
        return visit_link(w, relpath, &st, err);
    if (S_ISREG(st.st_mode))
        return give_file(w, relpath, &st, LINK_NONE, err);
    return 0;
}

/* Inode tables are read in order: entries are looked at by inode. */
static int visit_all(struct walk *w, int dir_fd, const char *folder,
                     struct items *items, struct error *err)
{
    if (items->n > 0)
        qsort(items->v, items->n, sizeof *items->v, by_inode);
    for (size_t i = 0; i < items->n; i++) {
        if (w->cancel && atomic_load(w->cancel))
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        if (visit(w, dir_fd, folder, items->v[i].name, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- following: every folder once ---- */

static int compare_identity(const void *left, const void *right)
{
    const struct identity *a = left, *b = right;

    if (a->dev != b->dev)
        return a->dev < b->dev ? -1 : 1;
    return a->ino < b->ino ? -1 : a->ino > b->ino;
}

/* We would wait for ourselves, or see every image once more for each view. */
static bool is_mount_of_prepfs(int fd)
{
    enum { FUSE_MAGIC = 0x65735546 };
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && fs.f_type == FUSE_MAGIC &&
           faccessat(fd, ".prepfs/grammar.txt", F_OK, 0) == 0;
}

/* 1 if this folder is not to be read: it was already. */
static int enter(struct walk *w, int fd, struct error *err)
{
    struct identity *key, **kept;
    struct stat st;

    if (!w->follow)
        return 0;
    if (fstat(fd, &st) != 0)
        return error_set_sys(err, errno, "cannot stat a folder: %s",
                             strerrordesc_np(errno));
    if (st.st_dev != w->root_dev && is_mount_of_prepfs(fd))
        return 1;
    key = malloc(sizeof *key);
    if (!key)
        return error_no_memory(err);
    *key = (struct identity){st.st_dev, st.st_ino};
    kept = tsearch(key, &w->entered, compare_identity);
    if (kept && *kept == key)
        return 0;
    free(key);
    return kept ? 1 : error_no_memory(err);
}

static int read_folder(struct walk *w, const char *folder, struct error *err)
{
    CLEANUP(items_deinit) struct items items = {0};
    int fd = beneath_open(w->root_fd, folder[0] ? folder : ".", O_DIRECTORY,
                          w->follow ? BENEATH_ANY_LINKS : BENEATH_NO_LINKS);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        int saved = errno;

        if (fd >= 0)
            (void)close(fd);
        if (saved == ENOENT && folder[0])
            return 0;
        return w->handler->unreadable(w->handler->opaque, folder, true, saved,
                                      err);
    }
    int rc = enter(w, dirfd(dir), err);

    if (rc != 0) {
        (void)closedir(dir);
        return rc < 0 ? -1 : 0;
    }
    if (w->handler->folder)
        w->handler->folder(w->handler->opaque, folder, dirfd(dir));
    rc = read_names(dir, &items, err);
    if (rc > 0)
        rc = w->handler->unreadable(w->handler->opaque, folder, true, errno,
                                    err);
    if (rc == 0)
        rc = visit_all(w, dirfd(dir), folder, &items, err);
    (void)closedir(dir);
    return rc;
}

/* Where the walk begins. */
static int push_starts(struct walk *w, const struct walk_what *what,
                       struct error *err)
{
    if (what->n_only == 0)
        return push_path(&w->folders, "", err);
    for (size_t i = 0; i < what->n_only; i++) {
        if (w->cancel && atomic_load(w->cancel))
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        if (visit(w, w->root_fd, "", what->only[i], err) != 0)
            return -1;
    }
    return 0;
}

int walk_tree(int root_fd, const struct walk_what *what,
              const struct walk_handler *handler, const atomic_bool *cancel,
              struct error *err)
{
    struct walk w = {.root_fd = root_fd,
                     .exclude = what->exclude,
                     .handler = handler,
                     .cancel = cancel,
                     .follow = what->follow};
    struct stat root;
    int rc = push_starts(&w, what, err);

    if (fstat(root_fd, &root) == 0)
        w.root_dev = root.st_dev;
    while (rc == 0 && w.folders.n + w.linked.n > 0) {
        struct paths *next = w.folders.n > 0 ? &w.folders : &w.linked;
        CLEANUP_FREE char *folder = next->v[--next->n];

        rc = read_folder(&w, folder, err);
    }
    paths_deinit(&w.folders);
    paths_deinit(&w.linked);
    tdestroy(w.entered, free);
    return rc;
}
