// SPDX-License-Identifier: MIT
/* file.c: prepfs.h, files. */
#include <stdlib.h>
#include <string.h>

#include "inode.h"
#include "lib/lib.h"
#include "npy/npy.h"
#include "prepfs/cleanup.h"
#include "render/about.h"

struct prepfs_file {
    struct prepfs *p;
    struct leaf leaf;
    uint64_t size;
};

/* ---- paths ---- */

/* The next component of a path: *ret_length bytes at *path; moves *path
 * behind it. False at the end. */
static bool next_component(const char **path, const char **ret,
                           size_t *ret_length)
{
    *path += strspn(*path, "/");
    *ret = *path;
    *ret_length = strcspn(*path, "/");
    *path += *ret_length;
    return *ret_length > 0;
}

static int find_child(struct prepfs *p, const char *name, size_t length,
                      struct tree_entry *entry, struct error *err)
{
    char text[VIEW_NAME_MAX + 1];

    if (length > VIEW_NAME_MAX)
        return error_set(err, ERROR_NOT_FOUND, "no file has so long a name");
    memcpy(text, name, length);
    text[length] = '\0';
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return error_set(err, ERROR_USAGE, "a path has no \"%s\"", text);
    return tree_lookup(p->engine.tree, entry->attr.st_ino, text, true, entry,
                       err);
}

/* Walks down from the view, as LOOKUP requests do. */
static int find(struct prepfs *p, const char *path, struct tree_entry *ret,
                struct error *err)
{
    struct inode view = {.kind = INODE_VIEW};
    const char *name;
    size_t length;
    uint64_t number;

    if (!next_component(&path, &name, &length))
        return error_set(err, ERROR_NOT_FOUND, "an empty path");
    if (lib_view(p, name, length, &view.view, NULL, err) != 0 ||
        inode_pack(&view, &number, err) != 0)
        return -1;
    memset(ret, 0, sizeof *ret);
    ret->attr.st_ino = number;
    while (next_component(&path, &name, &length))
        if (find_child(p, name, length, ret, err) != 0)
            return -1;
    return 0;
}

struct prepfs_file *prepfs_file_open(struct prepfs *p, const char *path,
                                     struct error *err)
{
    CLEANUP_FREE struct prepfs_file *f = calloc(1, sizeof *f);
    struct tree_entry found;
    struct inode inode;

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    f->p = p;
    if (find(p, path, &found, err) != 0 ||
        inode_unpack(found.attr.st_ino, &inode, err) != 0)
        return NULL;
    if (!tree_leaf_of(&inode, &f->leaf)) {
        (void)error_set(err, ERROR_USAGE, "%.150s is a folder", path);
        return NULL;
    }
    f->size = (uint64_t)found.attr.st_size;
    return STEAL(f);
}

void prepfs_file_close(struct prepfs_file *f)
{
    free(f);
}

uint64_t prepfs_file_size(const struct prepfs_file *f)
{
    return f->size;
}

/* ---- bytes ---- */

/* One render_read: up to a mebibyte. */
static int read_some(struct prepfs_file *f, uint64_t offset, uint8_t *to,
                     size_t length, size_t *ret_n, struct error *err)
{
    struct render_bytes bytes = {.iov_count = 0};

    if (render_read(f->p->engine.render, &f->leaf, offset, length, true, &bytes,
                    err) != 0)
        return -1;
    for (int i = 0; i < bytes.iov_count; i++) {
        memcpy(to, bytes.iov[i].iov_base, bytes.iov[i].iov_len);
        to += bytes.iov[i].iov_len;
    }
    *ret_n = bytes.length;
    render_release(f->p->engine.render, &bytes);
    return 0;
}

int prepfs_file_read(struct prepfs_file *f, uint64_t offset, void *buffer,
                     size_t length, struct error *err)
{
    enum { AT_ONCE = 1 << 20 };
    uint8_t *to = buffer;
    size_t n;

    if (offset > f->size || length > f->size - offset)
        return error_set(err, ERROR_USAGE, "bytes beyond the end of the file");
    for (; length > 0; offset += n, to += n, length -= n) {
        if (read_some(f, offset, to, length < AT_ONCE ? length : AT_ONCE, &n,
                      err) != 0)
            return -1;
        if (n == 0)
            return error_set(err, ERROR_INTERNAL, "a file ends too early");
    }
    return 0;
}

/* ---- samples ---- */

int prepfs_file_samples(struct prepfs_file *f, struct prepfs_samples *ret,
                        struct error *err)
{
    struct prepfs_samples all = PREPFS_SAMPLES_INIT;
    struct render_samples s;

    if (render_samples(f->p->engine.render, &f->leaf, &s, err) != 0)
        return -1;
    all.size = ret->size;
    all.width = s.width;
    all.height = s.height;
    all.channels = s.channels;
    all.pages = s.pages;
    all.offset = s.offset;
    all.page_bytes = s.page_bytes;
    (void)snprintf(all.dtype, sizeof all.dtype, "%s", npy_descr(s.type));
    memcpy(ret, &all, ret->size < sizeof all ? ret->size : sizeof all);
    return 0;
}
