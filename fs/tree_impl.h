// SPDX-License-Identifier: MIT
/* tree_impl.h: what tree.c and tree_list.c share. */
#ifndef FS_TREE_IMPL_H
#define FS_TREE_IMPL_H

#include "tree.h"

#define TREE_CONTROL_NAME ".prepfs"
#define TREE_DATABASE_NAME "manifest.db"

struct tree {
    struct tree_config c;
};

void tree_fill_attr(const struct tree *t, uint64_t number, mode_t type,
                    uint64_t size, int64_t mtime_s, struct stat *ret);

/* Attributes of a leaf whose row is at hand, if that needs no work: 0, 1 or
 * -1. ERROR_NOT_FOUND if the view shows nothing of this instance. */
int tree_row_attr(struct tree *t, const struct inode *inode,
                  const struct manifest_instance *row, struct stat *ret,
                  struct error *err);

void tree_view_inode(const struct tree *t, const struct views_found *found,
                     struct inode *ret, enum tree_life *ret_life);

int tree_parent(struct tree *t, uint64_t number, uint64_t *ret,
                struct error *err);

#endif
