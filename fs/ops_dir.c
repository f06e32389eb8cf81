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

#include "defer.h"
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
    /* Which request it is for does not matter. */
    return fuse_add_direntry_plus(NULL, p->buf + p->used, p->size - p->used,
                                  item->name, &entry, (off_t)item->next);
}

static size_t add_plain(struct page *p, const struct tree_item *item)
{
    struct stat attr = {.st_ino = item->number, .st_mode = item->mode};

    return fuse_add_direntry(NULL, p->buf + p->used, p->size - p->used,
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

/* Lists into page->buf, which is malloc'd; as tree_list. */
static int fill(struct fs *fs, const struct deferred_args *args, bool may_work,
                struct page *page, struct error *err)
{
    struct tree_range range = {
        .after = args->offset,
        .expected = expected_entries(args->size, page->plus),
        .with_attr = page->plus,
        .may_work = may_work,
    };

    page->size = args->size;
    page->buf = malloc(page->size);
    if (!page->buf)
        return error_no_memory(err);
    return tree_list(fs->tree, args->number, &range, add_item, page, err);
}

/* With an error only an empty page may be refused: entries already in it
 * count as lookups, and the next page meets the error again. */
static void answer(struct fs *fs, fuse_req_t req, uint64_t folder, int rc,
                   const struct page *page, const struct error *err)
{
    if (rc < 0 && page->used == 0)
        reply_error(fs, req, folder, NULL, err);
    else
        (void)fuse_reply_buf(req, page->buf, page->used);
}

static void list_deferred(struct deferred *d, bool plus)
{
    const struct deferred_args *args = deferred_args(d);
    struct fs *fs = deferred_fs(d);
    struct error err = ERROR_INIT;
    struct page page = {.plus = plus};
    int rc = fill(fs, args, true, &page, &err);
    fuse_req_t req = deferred_claim(d);

    if (req)
        answer(fs, req, args->number, rc, &page, &err);
    free(page.buf);
}

static void deferred_readdir(struct deferred *d)
{
    list_deferred(d, false);
}

static void deferred_readdirplus(struct deferred *d)
{
    list_deferred(d, true);
}

/* A page that stops where work begins is short; the next one begins there,
 * and the pool fills it. */
static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                 bool plus)
{
    struct fs *fs = ops_fs(req);
    struct deferred_args args = {
        .number = ino, .offset = (uint64_t)off, .size = size};
    struct page page = {.plus = plus};
    struct error err = ERROR_INIT;
    int rc = fill(fs, &args, false, &page, &err);

    if (rc == 1 && page.used == 0)
        defer(fs, req, ino, plus ? deferred_readdirplus : deferred_readdir,
              &args);
    else
        answer(fs, req, ino, rc, &page, &err);
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
