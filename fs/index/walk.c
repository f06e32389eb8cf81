// SPDX-License-Identifier: MIT
#include "index/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "prepfs/cleanup.h"

/* Left behind by systems and tools, never by a modality. Snapshot folders of
 * file servers would show every file many times. */
static const char *const junk[] = {
    ".git",
    ".svn",
    ".hg",
    ".DS_Store",
    "._*",
    ".Trash*",
    ".Spotlight-V100",
    ".fseventsd",
    ".TemporaryItems",
    ".snapshot",
    ".snapshots",
    ".zfs",
    ".nfs????????*",
    ".prepfs",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "Thumbs.db",
    "desktop.ini",
};

struct item {
    ino_t ino; /* of the directory entry */
    char *name;
};

struct items {
    struct item *v;
    size_t n;
    size_t capacity;
};

struct walk {
    int root_fd;
    const char *exclude;
    const struct walk_handler *handler;
    const atomic_bool *cancel;
    char **folders; /* still to be read; a stack of relative paths */
    size_t n_folders;
    size_t capacity;
};

static bool is_junk(const char *name)
{
    /* None begins with a wildcard, and most names with other letters. */
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
        if (junk[i][0] == name[0] && fnmatch(junk[i], name, 0) == 0)
            return true;
    return false;
}

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

static int push_folder(struct walk *w, const char *relpath, struct error *err)
{
    if (w->n_folders == w->capacity) {
        size_t capacity = w->capacity ? w->capacity * 2 : 64;
        char **grown = reallocarray(w->folders, capacity, sizeof *grown);

        if (!grown)
            return error_no_memory(err);
        w->folders = grown;
        w->capacity = capacity;
    }
    w->folders[w->n_folders] = strdup(relpath);
    if (!w->folders[w->n_folders])
        return error_no_memory(err);
    w->n_folders++;
    return 0;
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
            is_junk(d->d_name))
            continue;
        if (push_item(ret, d, err) != 0)
            return -1;
    }
}

static int give_file(const struct walk *w, const char *relpath,
                     const struct stat *st, bool is_link, struct error *err)
{
    struct walk_file file = {
        .relpath = relpath,
        .is_link = is_link,
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns =
            (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };

    return w->handler->file(w->handler->opaque, &file, err);
}

static int visit_link(const struct walk *w, const char *relpath,
                      struct error *err)
{
    CLEANUP_FD int fd = beneath_open(w->root_fd, relpath, O_PATH, true);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        w->handler->link_skipped(w->handler->opaque, relpath);
        return 0;
    }
    return give_file(w, relpath, &st, true, err);
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
        return push_folder(w, relpath, err);
    if (S_ISLNK(st.st_mode))
        return visit_link(w, relpath, err);
    if (S_ISREG(st.st_mode))
        return give_file(w, relpath, &st, false, err);
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

static int read_folder(struct walk *w, const char *folder, struct error *err)
{
    CLEANUP(items_deinit) struct items items = {0};
    int fd =
        beneath_open(w->root_fd, folder[0] ? folder : ".", O_DIRECTORY, false);
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
    int rc = read_names(dir, &items, err);

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
        return push_folder(w, "", err);
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
                     .cancel = cancel};
    int rc = push_starts(&w, what, err);

    while (rc == 0 && w.n_folders > 0) {
        CLEANUP_FREE char *folder = w.folders[--w.n_folders];

        rc = read_folder(&w, folder, err);
    }
    while (w.n_folders > 0)
        free(w.folders[--w.n_folders]);
    free(w.folders);
    return rc;
}
