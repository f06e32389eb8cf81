// SPDX-License-Identifier: MIT
/*
 * index_impl.h: one run of the indexer; private to fs/index.
 */
#ifndef INDEX_IMPL_H
#define INDEX_IMPL_H

#include "beneath/beneath.h"
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
    char *last_parser; /* of the last complete run; NULL: there was none */
    bool retry_failed; /* another parser than that */
    bool changed;      /* the manifest is not as it was */

    struct files files;           /* new and changed */
    struct files unsettled;       /* of these, still being written */
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

/* Which links of the archive are followed. */
enum beneath_links index_links(const struct run *r);

/* Walks the archive: fills files and writes what moved or vanished. */
int index_scan(struct run *r, struct error *err);

bool index_is_seen(const struct run *r, int64_t id);
/* Is a file that could not be read to be tried again? */
bool index_wants_retry(const struct run *r, const struct manifest_source *s);
/* `id` is here, under `relpath` (may be NULL: where it was; taken over, also
 * on failure). */
int index_push_same(struct run *r, int64_t id, char *relpath, uint64_t dev,
                    struct error *err);

/* Is a file that the manifest knows at its place? */
bool index_is_in_place(const struct run *r, const struct manifest_source *s);
/* Takes those out of `files` that are known under a name that is not there
 * any more. */
int index_find_moved(struct run *r, struct error *err);
int index_write_same(struct run *r, struct error *err);
/* `last`: the greatest id there was before this run. */
int index_write_vanished(struct run *r, int64_t last, struct error *err);

/* Sorts by (device, inode). */
void index_sort_files(struct files *files);
/* Takes `file` over, also on failure. */
int index_push_file(struct files *files, struct parse_file file,
                    struct error *err);
void index_files_deinit(struct files *files);
void index_scan_deinit(struct run *r);

#endif
