// SPDX-License-Identifier: MIT
/*
 * parse.h: many files parsed by several threads, taken in order.
 *
 * The files are numbered. Threads parse them in ascending order, a bounded
 * number ahead of the taker; the taker gets runs of neighbours, so that what
 * it writes is in order too.
 *
 * Threads: parse_take and parse_release by one thread.
 */
#ifndef INDEX_PARSE_H
#define INDEX_PARSE_H

#include "beneath/beneath.h"
#include "index/index.h"

#define PARSE_BATCH 256 /* most files of one parse_take */

/* A file that the walk found. */
struct parse_file {
    char *relpath;
    uint64_t dev, ino, size;
    int64_t mtime_ns;
    bool is_link;
};

/* A file that was parsed. */
struct parse_slot {
    struct manifest_entry entry;
    struct index_parsed parsed;
    bool skip;      /* it is not there any more */
    bool unsettled; /* it is skipped because it may still be written to */
    char message[ERROR_MSG_MAX];
};

struct parse;

struct parse_config {
    int root_fd;
    enum beneath_links links;
    const struct index_parser *parser;
    const struct parse_file *files;
    size_t n;
    unsigned threads;
    unsigned settle_ms; /* index.h */
    const atomic_bool *cancel;
};

/* Starts the threads. What *config points to is borrowed until parse_free. */
struct parse *parse_new(const struct parse_config *config, struct error *err);
void parse_free(struct parse *p); /* may be NULL; stops the threads */

/*
 * Waits for the next neighbours: up to PARSE_BATCH of them; fewer at the end,
 * or when a second has passed since the last take. 0 at the end. Borrowed
 * until parse_release, which must come before the next take.
 * -1: ERROR_INTERRUPTED.
 */
int parse_take(struct parse *p, struct parse_slot **ret, struct error *err);
void parse_release(struct parse *p);

#endif
