// SPDX-License-Identifier: MIT
/* ops_impl.h: what the files of the FUSE operations share. */
#ifndef FS_OPS_IMPL_H
#define FS_OPS_IMPL_H

#include "ops.h"

struct fs *ops_fs(fuse_req_t req);

void ops_fill_entry(const struct stat *attr, enum tree_life life,
                    struct fuse_entry_param *ret);

void ops_init(void *userdata, struct fuse_conn_info *conn); /* session.c */
void ops_add_directories(struct fuse_lowlevel_ops *ops);    /* ops_dir.c */
void ops_add_refusals(struct fuse_lowlevel_ops *ops);       /* ops_ro.c */
void ops_add_xattr(struct fuse_lowlevel_ops *ops);          /* ops_xattr.c */

#endif
