// SPDX-License-Identifier: MIT
/*
 * index_impl.h: one run of the indexer; private to fs/index.
 */
#ifndef INDEX_IMPL_H
#define INDEX_IMPL_H

#include "index/index.h"
#include "index/parse.h"

struct files {
    struct parse_file *v;
    size_t n;
    size_t capacity;
};

struct run {
    const struct index_config *config;
    struct index_result *result;
    struct manifest *m;
    int root_fd;
    bool retry_failed; /* another parser than last time */
    bool changed;      /* the manifest is not as it was */

    struct files files;           /* new and changed */
    struct files links;           /* symbolic links, looked at after the walk */
    struct manifest_known *known; /* during the scan */
    uint8_t *seen;                /* bit per source id */
    size_t seen_bytes;
    int64_t n_seen;
    struct manifest_same *same; /* relpath owned */
    size_t n_same;
    char **unread; /* folders whose content is unknown */
    size_t n_unread;

    struct index_progress progress;
    double started_s;
    double reported_s;
    double parsing_s;
};

/* Calls the user's progress, if it is time or `force`. */
void index_report(struct run *r, bool force);
void index_warn(const struct run *r, const char *relpath, const char *message);

/* Walks the archive: fills files and writes what moved or vanished. */
int index_scan(struct run *r, struct error *err);
/* Sorts by (device, inode). */
void index_sort_files(struct files *files);
void index_scan_deinit(struct run *r);

#endif
