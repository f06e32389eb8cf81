// SPDX-License-Identifier: MIT
/*
 * control_impl.h: what control.c (snapshots) and control_text.c (what is in
 * them) share; private to them.
 */
#ifndef FS_CONTROL_IMPL_H
#define FS_CONTROL_IMPL_H

#include <sys/queue.h>
#include <sys/stat.h>

#include "control.h"
#include "prepfs/lock.h"

enum { NODE_BUCKETS = 256 };

LIST_HEAD(node_list, node);

struct node {
    uint64_t number; /* inode */
    uint64_t lookups;
    unsigned users;
    char *data; /* or */
    int fd;
    uint64_t size;
    int64_t mtime_s;
    struct stat file; /* of manifest.db: is it still the same? */
    LIST_ENTRY(node) link;
};

struct control {
    struct manifest *manifest;
    struct views *views;
    const struct report *report;
    char *state_dir;
    char *database;
    char *socket;
    control_csv_fn csv;
    void *csv_opaque;
    const char *disk;

    struct lock lock;
    uint64_t last_serial;
    size_t count;
    struct node *epoch; /* the latest manifest.db; holds one `users` */
    struct node_list nodes[NODE_BUCKETS];
};

/* `is_big`: grows with the archive. It is then written to a file, and from
 * the pool. A NULL name stands for any. */
struct control_text {
    enum inode_folder folder;
    const char *name;
    bool is_big;
    int (*write)(struct control *c, const char *name, FILE *out,
                 struct error *err);
};

/* NULL: there is none. */
const struct control_text *control_text_find(const struct control *c,
                                             enum inode_folder folder,
                                             const char *name);

#endif
