// SPDX-License-Identifier: MIT
/*
 * ops_xattr.c: user.prepfs.* of images, only with -o xattr.
 *
 *     user.prepfs.view     the canonical operators
 *     user.prepfs.frames   frames in the source
 *     user.prepfs.error    why it could not be read, if it could not
 *
 * Every `ls -l` asks for two attributes per file that we do not have; that is
 * why these operations are not in the table otherwise.
 */
#include "ops_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "reply.h"

/* The value in *ret (malloc'd), 1; 0 if there is none; -1. */
typedef int (*value_fn)(struct fs *fs, const struct tree_leaf *leaf, char **ret,
                        struct error *err);

static int value_view(struct fs *fs, const struct tree_leaf *leaf, char **ret,
                      struct error *err)
{
    char text[VIEW_TEXT_SIZE];

    (void)fs;
    (void)view_print(leaf->view, text, sizeof text);
    *ret = strdup(text);
    return *ret ? 1 : error_no_memory(err);
}

static int value_frames(struct fs *fs, const struct tree_leaf *leaf, char **ret,
                        struct error *err)
{
    (void)fs;
    if (asprintf(ret, "%" PRIu32, leaf->instance.frames) < 0)
        return error_no_memory(err);
    return 1;
}

static int value_error(struct fs *fs, const struct tree_leaf *leaf, char **ret,
                       struct error *err)
{
    return manifest_error_get(fs->manifest, leaf->instance.source_id,
                              leaf->leaf.view_id, ret, err);
}

static const struct {
    const char *name;
    value_fn value;
} attributes[] = {
    {"user.prepfs.view", value_view},
    {"user.prepfs.frames", value_frames},
    {"user.prepfs.error", value_error},
};

enum { N_ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

static bool is_leaf(fuse_ino_t ino)
{
    struct inode i;

    return ino != INODE_ROOT && inode_unpack(ino, &i, NULL) == 0 &&
           inode_kind_is_leaf(i.kind);
}

/* A size of 0 asks how much there is. */
static void answer(fuse_req_t req, const char *data, size_t n, size_t size)
{
    if (size == 0)
        (void)fuse_reply_xattr(req, n);
    else if (size < n)
        reply_code(req, ERANGE);
    else
        (void)fuse_reply_buf(req, data, n);
}

/* 1 with the value, 0 if the leaf has none, -1. */
static int get_value(struct fs *fs, fuse_ino_t ino, size_t which, char **ret,
                     struct error *err)
{
    struct tree_leaf leaf;
    int rc;

    if (tree_leaf(fs->tree, ino, &leaf, err) < 0)
        return -1;
    rc = attributes[which].value(fs, &leaf, ret, err);
    manifest_instance_deinit(&leaf.instance);
    return rc;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                        size_t size)
{
    struct fs *fs = ops_fs(req);
    CLEANUP_FREE char *value = NULL;
    struct error err = ERROR_INIT;
    size_t which = 0;
    int rc = 0;

    stats_add(&fs->stats, STATS_GETXATTR, 1);
    while (which < N_ATTRIBUTES && strcmp(attributes[which].name, name) != 0)
        which++;
    if (which < N_ATTRIBUTES && is_leaf(ino))
        rc = get_value(fs, ino, which, &value, &err);
    if (rc < 0)
        reply_error(fs, req, ino, NULL, &err);
    else if (rc == 0)
        reply_code(req, ENODATA);
    else
        answer(req, value, strlen(value), size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    struct fs *fs = ops_fs(req);
    struct error err = ERROR_INIT;
    char names[256];
    size_t n = 0;
    int rc;

    stats_add(&fs->stats, STATS_LISTXATTR, 1);
    for (size_t i = 0; i < N_ATTRIBUTES && is_leaf(ino); i++) {
        CLEANUP_FREE char *value = NULL;

        rc = get_value(fs, ino, i, &value, &err);
        if (rc < 0) {
            reply_error(fs, req, ino, NULL, &err);
            return;
        }
        if (rc == 1)
            n += (size_t)snprintf(names + n, sizeof names - n, "%s",
                                  attributes[i].name) +
                 1;
    }
    answer(req, names, n, size);
}

void ops_add_xattr(struct fuse_lowlevel_ops *ops)
{
    ops->getxattr = op_getxattr;
    ops->listxattr = op_listxattr;
}
