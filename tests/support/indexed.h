// SPDX-License-Identifier: MIT
/*
 * indexed.h: a scratch archive of fake files (fake_parser.h), a manifest, and
 * runs of the indexer over them.
 *
 * Threads: one, that of the test.
 */
#ifndef SUPPORT_INDEXED_H
#define SUPPORT_INDEXED_H

#include "index/index.h"
#include "support/fake_parser.h"

struct indexed {
    char *dir;     /* scratch folder: archive/, state/ */
    char *archive; /* path */
    char *state;   /* path */
    struct manifest *m;
    struct fake_parser fake;
    struct error err; /* of the last run */
    char *warnings;   /* "relpath: message\n", of all runs */
};

extern struct indexed in;

/* Checked fixture: everything empty, and nothing kept at the end. */
void indexed_setup(void);
void indexed_teardown(void);

/* A run as `more` says (may be NULL); manifest, archive and parser are ours,
 * and so is what it leaves open. indexed_run aborts the test on failure. */
int indexed_try(const struct index_config *more, struct index_result *ret);
struct index_result indexed_run(void);

/* Adds to in.warnings: the warn of a run that states none. */
void indexed_warn(void *opaque, const char *relpath, const char *message);

/* A file of one slice, at `relpath` below the archive. */
void indexed_put(const char *relpath, const char *study, const char *series,
                 const char *sop, double z);

/* n slices of one series: ct/0000.dcm .. */
void indexed_put_series(int n);

void indexed_rename(const char *from, const char *to);
void indexed_remove(const char *relpath);

/* The first column of the first row. */
int64_t indexed_count(const char *sql);

#endif
