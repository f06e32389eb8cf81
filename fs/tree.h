// SPDX-License-Identifier: MIT
/*
 * tree.h: the virtual directory tree: child, attributes, listing.
 *
 *     /                      full, presets, .prepfs, manifest.db listed;
 *                            any valid view name resolves
 *     /VIEW/                 studies
 *     /VIEW/STUDY/           images, or series under the operator `tree`;
 *                            both always resolve
 *     /VIEW/STUDY/SERIES/    images
 *
 * Everything is found by number or by name in the manifest; nothing is kept
 * here per file, and no call returns a FUSE type. What an answer costs is in
 * its return value: 1 means that it needs work which this thread said it may
 * not do.
 *
 * Threads: struct tree is immutable after tree_new.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "control.h"
#include "inode.h"
#include "manifest/manifest.h"
#include "prepfs/error.h"
#include "render/render.h"
#include "views.h"

struct tree;

struct tree_config {
    struct manifest *manifest; /* all borrowed until tree_free */
    struct render *render;
    struct views *views;
    struct control *control;
    bool preset_dirs;
    uid_t uid;
    gid_t gid;
    mode_t file_mode; /* permission bits, 0400 */
    mode_t folder_mode;
    int64_t mtime_s; /* of what has no time of its own */
};

/* Caller owns the result. */
struct tree *tree_new(const struct tree_config *config, struct error *err);
void tree_free(struct tree *t); /* may be NULL */

/* How long an answer stays true. */
enum tree_life {
    TREE_FOR_EVER, /* until a rescan says otherwise */
    TREE_BRIEFLY,  /* presets and manifest.db may be replaced */
    TREE_ONCE      /* control files: the next lookup is another file */
};

struct tree_entry {
    struct stat attr; /* st_ino is the node id */
    enum tree_life life;
};

/*
 * The child `name` of a folder; "." and ".." work for any folder and "." for
 * any node. 0; or 1 if it needs work and may_work is false; or -1, with
 * ret->attr.st_ino the number of the leaf that cannot be shown, or 0 if there
 * is none. A control file comes with one lookup counted (tree_forget).
 */
int tree_lookup(struct tree *t, uint64_t parent, const char *name,
                bool may_work, struct tree_entry *ret, struct error *err)
    __attribute__((warn_unused_result));
void tree_forget(struct tree *t, uint64_t number, uint64_t lookups);

/* Attributes of a node; 0, 1 or -1 as above. ERROR_STALE if it is no more. */
int tree_getattr(struct tree *t, uint64_t number, bool may_work,
                 struct stat *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The target of a symlink. */
int tree_readlink(struct tree *t, uint64_t number,
                  char ret[VIEW_DIRNAME_MAX + 1], struct error *err);

/*
 * One entry of a listing. `attr` is NULL where attributes would cost more
 * than the listing itself; then `number` (or TREE_UNKNOWN) and `mode` are
 * all there is. `next` is the cookie that continues after this entry.
 * Returns false when it has no room; the entry is then not taken.
 */
struct tree_item {
    const char *name;
    uint64_t number;
    mode_t mode; /* type bits */
    const struct stat *attr;
    uint64_t next;
};
typedef bool (*tree_item_fn)(void *opaque, const struct tree_item *item);

#define TREE_UNKNOWN UINT64_C(0xffffffff) /* FUSE_UNKNOWN_INO */

/*
 * Lists a folder from cookie `after` (0: the start), about `expected` entries
 * of it at a time. Cookies are keys, not positions: they stay good when
 * entries come and go, in another opendir and after a remount. `with_attr`
 * asks for attributes where they follow from the row at hand. 0; 1 if going
 * on takes work (how many parts an image has may depend on its pixels) and
 * may_work is false; -1.
 */
struct tree_range {
    uint64_t after;
    unsigned expected;
    bool with_attr;
    bool may_work;
};
int tree_list(struct tree *t, uint64_t folder, const struct tree_range *range,
              tree_item_fn each, void *opaque, struct error *err);

/* May the kernel keep this folder's listing? Small ones of the archive. */
bool tree_listing_is_cacheable(struct tree *t, uint64_t folder);

enum { TREE_CACHEABLE_ENTRIES = 1000 };

int tree_statfs(struct tree *t, struct statvfs *ret, struct error *err);

/* Who a leaf is: its numbers, its view and its row, which is that of a volume
 * under the operator `series`. */
struct tree_leaf {
    struct leaf leaf;
    const struct view *view;
    struct manifest_instance instance; /* manifest_instance_deinit */
};
int tree_leaf(struct tree *t, uint64_t number, struct tree_leaf *ret,
              struct error *err);

/* The leaf of an inode; false if it is none. */
bool tree_leaf_of(const struct inode *inode, struct leaf *ret);

/* "crop_size-64x64, instance 17": for the log, without names of people. */
void tree_describe(struct tree *t, uint64_t number, char *buf, size_t size);

#endif
