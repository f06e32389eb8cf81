// SPDX-License-Identifier: MIT
/* ops.c: see ops.h. Directories are in ops_dir.c, refusals in ops_ro.c. */
#include "ops_impl.h"

#include <string.h>

#include "defer.h"
#include "reply.h"

struct fs *ops_fs(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static double life_s(enum tree_life life)
{
    switch (life) {
    case TREE_FOR_EVER:
        return OPS_DAY_S;
    case TREE_BRIEFLY:
        return OPS_BRIEF_S;
    case TREE_ONCE:
        return 0;
    }
    return 0;
}

void ops_fill_entry(const struct stat *attr, enum tree_life life,
                    struct fuse_entry_param *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->ino = attr->st_ino;
    ret->attr = *attr;
    ret->attr_timeout = OPS_DAY_S; /* what an inode is never changes */
    ret->entry_timeout = life_s(life);
}

/* Answers for a leaf that cannot be shown, and keeps the reason. */
static void refuse_leaf(struct fs *fs, fuse_req_t req, uint64_t number,
                        const char *stage, const struct error *err)
{
    record_failure(fs->recorder, number, stage, reply_errno(err), err);
    reply_error(fs, req, number, NULL, err);
}

/* ---- LOOKUP ---- */

/* May a missing name stay missing for a while? Inside a view, yes: a rescan
 * tells when one appears. At the root no, a preset may be added; but for
 * what SQLite looks for beside a database each time it opens one. */
static bool negative_may_stay(uint64_t parent, const char *name)
{
    struct inode i;

    if (parent == INODE_ROOT)
        return strncmp(name, "manifest.db-", 12) == 0;
    return inode_unpack(parent, &i, NULL) == 0 &&
           i.kind != INODE_CONTROL_FOLDER;
}

static void answer_missing(fuse_req_t req)
{
    struct fuse_entry_param entry = {.entry_timeout = OPS_NEGATIVE_S};

    (void)fuse_reply_entry(req, &entry);
}

static void answer_lookup(struct fs *fs, fuse_req_t req, uint64_t parent,
                          const char *name, int rc,
                          const struct tree_entry *found,
                          const struct error *err)
{
    struct fuse_entry_param entry;

    if (rc < 0 && err->kind == ERROR_NOT_FOUND &&
        negative_may_stay(parent, name)) {
        answer_missing(req);
    } else if (rc < 0 && found->attr.st_ino) {
        refuse_leaf(fs, req, found->attr.st_ino, "size", err);
    } else if (rc < 0) {
        reply_error(fs, req, parent, name, err);
    } else {
        ops_fill_entry(&found->attr, found->life, &entry);
        if (fuse_reply_entry(req, &entry) < 0) /* nobody took it */
            tree_forget(fs->tree, found->attr.st_ino, 1);
    }
}

static void deferred_lookup(struct deferred *d)
{
    const struct deferred_args *args = deferred_args(d);
    struct fs *fs = deferred_fs(d);
    struct error err = ERROR_INIT;
    struct tree_entry found;
    fuse_req_t req;
    int rc;

    rc = tree_lookup(fs->tree, args->number, args->name, true, &found, &err);
    req = deferred_claim(d);
    if (req)
        answer_lookup(fs, req, args->number, args->name, rc, &found, &err);
    else if (rc == 0)
        tree_forget(fs->tree, found.attr.st_ino, 1);
}

/* Lookups of one name do the same work: FNV-1a over parent and name. */
static uint64_t name_key(uint64_t parent, const char *name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ parent;

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return h;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fs *fs = ops_fs(req);
    struct deferred_args args = {.number = parent};
    struct error err = ERROR_INIT;
    struct tree_entry found;
    int rc;

    stats_add(&fs->stats, STATS_LOOKUP, 1);
    if (strlen(name) > VIEW_NAME_MAX) { /* the kernel lets 1024 through */
        reply_code(req, ENAMETOOLONG);
        return;
    }
    rc = tree_lookup(fs->tree, parent, name, false, &found, &err);
    if (rc <= 0) {
        answer_lookup(fs, req, parent, name, rc, &found, &err);
        return;
    }
    (void)snprintf(args.name, sizeof args.name, "%s", name);
    defer(fs, req, name_key(parent, name), deferred_lookup, &args);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
    struct fs *fs = ops_fs(req);

    stats_add(&fs->stats, STATS_FORGET, 1);
    tree_forget(fs->tree, ino, nlookup);
    fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
                            struct fuse_forget_data *forgets)
{
    struct fs *fs = ops_fs(req);

    stats_add(&fs->stats, STATS_FORGET, count);
    for (size_t i = 0; i < count; i++)
        tree_forget(fs->tree, forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* ---- GETATTR, READLINK, STATFS ---- */

static void answer_getattr(struct fs *fs, fuse_req_t req, uint64_t number,
                           int rc, const struct stat *attr,
                           const struct error *err)
{
    if (rc < 0)
        refuse_leaf(fs, req, number, "size", err);
    else
        (void)fuse_reply_attr(req, attr, OPS_DAY_S);
}

static void deferred_getattr(struct deferred *d)
{
    const struct deferred_args *args = deferred_args(d);
    struct fs *fs = deferred_fs(d);
    struct error err = ERROR_INIT;
    struct stat attr;
    fuse_req_t req;
    int rc;

    rc = tree_getattr(fs->tree, args->number, true, &attr, &err);
    req = deferred_claim(d);
    if (req)
        answer_getattr(fs, req, args->number, rc, &attr, &err);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
                       struct fuse_file_info *fi)
{
    struct fs *fs = ops_fs(req);
    struct deferred_args args = {.number = ino};
    struct error err = ERROR_INIT;
    struct stat attr;
    int rc;

    (void)fi;
    stats_add(&fs->stats, STATS_GETATTR, 1);
    rc = tree_getattr(fs->tree, ino, false, &attr, &err);
    if (rc <= 0)
        answer_getattr(fs, req, ino, rc, &attr, &err);
    else
        defer(fs, req, ino, deferred_getattr, &args);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = ops_fs(req);
    char target[VIEW_DIRNAME_MAX + 1];
    struct error err = ERROR_INIT;

    stats_add(&fs->stats, STATS_READLINK, 1);
    if (tree_readlink(fs->tree, ino, target, &err) < 0)
        reply_error(fs, req, ino, NULL, &err);
    else
        (void)fuse_reply_readlink(req, target);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    struct fs *fs = ops_fs(req);
    struct error err = ERROR_INIT;
    struct statvfs st;

    stats_add(&fs->stats, STATS_STATFS, 1);
    if (tree_statfs(fs->tree, &st, &err) < 0)
        reply_error(fs, req, ino, NULL, &err);
    else
        (void)fuse_reply_statfs(req, &st);
}

/* ---- OPEN, READ ---- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    (void)fi;
    stats_add(&ops_fs(req)->stats, STATS_OPEN, 1);
    reply_code(req, ENOSYS);
}

static void answer_read(struct fs *fs, fuse_req_t req, uint16_t view,
                        struct render_bytes *bytes)
{
    stats_add_read(&fs->stats, view, bytes->length);
    stats_add(&fs->stats, STATS_BYTES_SENT, bytes->length);
    (void)fuse_reply_iov(req, bytes->iov, bytes->iov_count);
    render_release(fs->render, bytes);
}

/* A read that the pool makes, unless that was noted when it was handed over:
 * if so, what comes next may already be on its way too. */
static void note_answer(struct fs *fs, const struct deferred_args *args,
                        const struct leaf *leaf,
                        const struct render_bytes *bytes)
{
    if (bytes->length == 0)
        return;
    if (!args->noted)
        readers_note_read(fs->readers, leaf, &bytes->place, false);
    readers_note_answer(fs->readers, leaf, &bytes->place);
}

static void deferred_read(struct deferred *d)
{
    const struct deferred_args *args = deferred_args(d);
    struct fs *fs = deferred_fs(d);
    struct error err = ERROR_INIT;
    struct render_bytes bytes;
    struct inode i;
    struct leaf leaf;
    fuse_req_t req;
    int rc;

    rc = inode_unpack(args->number, &i, &err);
    if (rc == 0) {
        (void)tree_leaf_of(&i, &leaf);
        rc = render_read(fs->render, &leaf, args->offset, args->size, true,
                         &bytes, &err);
    }
    if (rc == 0)
        note_answer(fs, args, &leaf, &bytes);
    req = deferred_claim(d);
    if (req && rc == 0)
        answer_read(fs, req, leaf.view_id, &bytes);
    else if (req)
        refuse_leaf(fs, req, args->number, "read", &err);
    else if (rc == 0)
        render_release(fs->render, &bytes);
}

static void read_leaf(struct fs *fs, fuse_req_t req, struct deferred_args *args,
                      const struct leaf *leaf)
{
    struct error err = ERROR_INIT;
    struct render_bytes bytes;
    int rc = render_read(fs->render, leaf, args->offset, args->size, false,
                         &bytes, &err);

    if (rc < 0) {
        refuse_leaf(fs, req, args->number, "read", &err);
        return;
    }
    args->noted = bytes.place.units > 0;
    if (args->noted)
        readers_note_read(fs->readers, leaf, &bytes.place, rc == 0);
    if (rc == 0) {
        stats_add(&fs->stats, STATS_READ_INLINE, 1);
        note_answer(fs, args, leaf, &bytes);
        answer_read(fs, req, leaf->view_id, &bytes);
    } else {
        stats_add(&fs->stats, STATS_READ_POOL, 1);
        defer(fs, req, render_job_key(fs->render, leaf, args->offset),
              deferred_read, args);
    }
}

static void read_control(struct fs *fs, fuse_req_t req,
                         const struct deferred_args *args)
{
    struct error err = ERROR_INIT;
    struct control_bytes bytes;

    if (control_read(fs->control, args->number, args->offset, args->size,
                     &bytes, &err) < 0) {
        reply_error(fs, req, args->number, NULL, &err);
        return;
    }
    (void)fuse_reply_buf(req, bytes.data, bytes.length);
    control_release(fs->control, &bytes);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                    struct fuse_file_info *fi)
{
    struct fs *fs = ops_fs(req);
    struct deferred_args args = {
        .number = ino, .offset = (uint64_t)off, .size = size};
    struct error err = ERROR_INIT;
    struct inode i;
    struct leaf leaf;

    (void)fi;
    stats_add(&fs->stats, STATS_READ, 1);
    if (inode_unpack(ino, &i, &err) < 0)
        reply_error(fs, req, ino, NULL, &err);
    else if (tree_leaf_of(&i, &leaf))
        read_leaf(fs, req, &args, &leaf);
    else
        read_control(fs, req, &args);
}

struct fuse_lowlevel_ops ops_table(bool with_xattr)
{
    struct fuse_lowlevel_ops ops = {
        .init = ops_init,
        .lookup = op_lookup,
        .forget = op_forget,
        .forget_multi = op_forget_multi,
        .getattr = op_getattr,
        .readlink = op_readlink,
        .open = op_open,
        .read = op_read,
        .statfs = op_statfs,
    };

    ops_add_directories(&ops);
    ops_add_refusals(&ops);
    if (with_xattr)
        ops_add_xattr(&ops);
    return ops;
}
