// SPDX-License-Identifier: MIT
/*
 * control.h: the files that prepfs itself writes: .prepfs/ and manifest.db.
 *
 * A control file is made when it is looked up. Each LOOKUP writes a snapshot
 * under a serial of its own, which lives until the kernel forgets it: its
 * size is exact, its bytes do not change under a reader, and the next LOOKUP
 * sees the present. (Without OPEN messages there is no other moment: a file
 * that kept its inode would be served from the page cache for ever.)
 *
 *     .prepfs/grammar.txt              the language of views
 *     .prepfs/stats.json, stats.prom   live counters
 *     .prepfs/disk                     the folder of the option disk
 *     .prepfs/errors.tsv               what could not be read, and why
 *     .prepfs/views                    views that have numbers
 *     .prepfs/explain/NAME             what NAME means, or what is wrong
 *     .prepfs/manifest/VIEW.csv        the images of a view
 *     manifest.db                      the latest snapshot of the manifest
 *
 * manifest.db is not made here: its file is opened when it is looked up and
 * found to be another one than last time. Older ones stay open as long as
 * the kernel knows them.
 *
 * Threads: struct control is internally locked.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "inode.h"
#include "prepfs/error.h"
#include "report.h"
#include "views.h"

struct control;

/* Writes the images of a view as CSV. */
typedef int (*control_csv_fn)(void *opaque, const struct view *view,
                              uint16_t view_id, FILE *out, struct error *err);

struct control_config {
    struct manifest *manifest; /* all borrowed until control_free */
    struct views *views;
    const struct report *report;
    const char *state_dir; /* for big snapshots; copied */
    const char *database;  /* path of the manifest snapshot; copied */
    const char *socket;    /* rescan_socket.h; NULL: there is none; copied */
    control_csv_fn csv;
    void *csv_opaque;
    const char *disk; /* folder of the disk tier; NULL: none */
};

/* Caller owns the result. */
struct control *control_new(const struct control_config *config,
                            struct error *err);
void control_free(struct control *c); /* may be NULL */

struct control_file {
    uint64_t number; /* inode */
    uint64_t size;
    int64_t mtime_s;
};

/*
 * Makes the snapshot of `name` and counts one lookup of it. 0; or 1 if that
 * takes long and may_work is false; or -1, ERROR_NOT_FOUND if there is no
 * such file. Not for the sub-folders: control_folder.
 */
int control_lookup(struct control *c, enum inode_folder folder,
                   const char *name, bool may_work, struct control_file *ret,
                   struct error *err);

/* The same for manifest.db; ERROR_NOT_FOUND while there is none. */
int control_lookup_database(struct control *c, struct control_file *ret,
                            struct error *err);

/* One more lookup of a number that is there. */
int control_relookup(struct control *c, uint64_t number,
                     struct control_file *ret, struct error *err);
void control_forget(struct control *c, uint64_t number, uint64_t lookups);

/* The sub-folder of this name in `folder`, or 0. */
enum inode_folder control_folder(enum inode_folder folder, const char *name);
enum inode_folder control_folder_parent(enum inode_folder folder);

/* Entry i of a folder's listing, copied to `ret_name`; false after the last.
 * *ret_folder is 0 for a file. */
bool control_list(struct control *c, enum inode_folder folder, uint64_t i,
                  char ret_name[256], enum inode_folder *ret_folder);

/* ERROR_STALE if the kernel has forgotten it. */
int control_attr(struct control *c, uint64_t number, struct control_file *ret,
                 struct error *err);

/* A stretch of a file, held until control_release. */
struct control_bytes {
    const void *data;
    size_t length;
    void *node; /* private */
    void *buffer;
};
int control_read(struct control *c, uint64_t number, uint64_t offset,
                 size_t length, struct control_bytes *ret, struct error *err);
void control_release(struct control *c, struct control_bytes *bytes);

/* How many snapshots the kernel has not forgotten; for tests. */
size_t control_count(struct control *c);

#endif
