// SPDX-License-Identifier: MIT
/*
 * ops_dir.c: OPENDIR, READDIR, READDIRPLUS.
 *
 * No state hangs on an open folder: a cookie is a key (tree_list.c), so a
 * page is answered alike whoever opened the folder, and when.
 */
#include "ops_impl.h"

#include <stdlib.h>
#include <string.h>

#include "reply.h"

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    struct fs *fs = ops_fs(req);
    bool keep = tree_listing_is_cacheable(fs->tree, ino);

    stats_add(&fs->stats, STATS_OPENDIR, 1);
    fi->cache_readdir = keep;
    fi->keep_cache = keep;
    (void)fuse_reply_open(req, fi);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
                          struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    stats_add(&ops_fs(req)->stats, STATS_RELEASEDIR, 1);
    reply_code(req, 0);
}

struct page {
    fuse_req_t req;
    char *buf;
    size_t size;
    size_t used;
    bool plus;
};

static size_t add_plus(struct page *p, const struct tree_item *item)
{
    struct fuse_entry_param entry;

    if (item->attr) {
        ops_fill_entry(item->attr, TREE_FOR_EVER, &entry);
    } else { /* node id 0: look it up if you want to know */
        memset(&entry, 0, sizeof entry);
        entry.attr.st_ino = item->number;
        entry.attr.st_mode = item->mode;
    }
    return fuse_add_direntry_plus(p->req, p->buf + p->used, p->size - p->used,
                                  item->name, &entry, (off_t)item->next);
}

static size_t add_plain(struct page *p, const struct tree_item *item)
{
    struct stat attr = {.st_ino = item->number, .st_mode = item->mode};

    return fuse_add_direntry(p->req, p->buf + p->used, p->size - p->used,
                             item->name, &attr, (off_t)item->next);
}

static bool add_item(void *opaque, const struct tree_item *item)
{
    struct page *p = opaque;
    size_t n = p->plus ? add_plus(p, item) : add_plain(p, item);

    if (n > p->size - p->used)
        return false;
    p->used += n;
    return true;
}

/* Entries that fit: a name of a UID's length in its record. */
static unsigned expected_entries(size_t size, bool plus)
{
    return (unsigned)(size / (plus ? 216 : 88)) + 1;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                 bool plus)
{
    struct fs *fs = ops_fs(req);
    struct page page = {.req = req, .size = size, .plus = plus};
    struct error err = ERROR_INIT;
    int rc;

    page.buf = malloc(size);
    if (!page.buf) {
        (void)error_no_memory(&err);
        reply_error(fs, req, ino, NULL, &err);
        return;
    }
    rc = tree_list(fs->tree, ino, (uint64_t)off, expected_entries(size, plus),
                   plus, add_item, &page, &err);
    /* With an error only an empty page may be refused: entries already in
     * it count as lookups, and the next page meets the error again. */
    if (rc < 0 && page.used == 0)
        reply_error(fs, req, ino, NULL, &err);
    else
        (void)fuse_reply_buf(req, page.buf, page.used);
    free(page.buf);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                       struct fuse_file_info *fi)
{
    (void)fi;
    stats_add(&ops_fs(req)->stats, STATS_READDIR, 1);
    list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                           off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    stats_add(&ops_fs(req)->stats, STATS_READDIRPLUS, 1);
    list(req, ino, size, off, true);
}

void ops_add_directories(struct fuse_lowlevel_ops *ops)
{
    ops->opendir = op_opendir;
    ops->releasedir = op_releasedir;
    ops->readdir = op_readdir;
    ops->readdirplus = op_readdirplus;
}
