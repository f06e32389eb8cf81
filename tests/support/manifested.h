// SPDX-License-Identifier: MIT
/*
 * manifested.h: a manifest in a scratch folder, with made-up rows (rows.h).
 *
 * Threads: one, that of the test.
 */
#ifndef SUPPORT_MANIFESTED_H
#define SUPPORT_MANIFESTED_H

#include "support/rows.h"

struct manifested {
    char *state; /* scratch folder */
    struct manifest *m;
    struct error err;
    int digests; /* calls of manifested_digest */
};

extern struct manifested db;

/* Checked fixture: an empty manifest that may be written to. */
void manifested_setup(void);
void manifested_teardown(void);

/* Opens db.state; aborts the test on failure. reopen closes db.m before. */
struct manifest *manifested_open(enum manifest_mode mode);
void manifested_reopen(enum manifest_mode mode);

/* Three slices of two studies; fill writes them as a whole run does. */
extern const struct row manifested_three[3];
void manifested_fill(void);

/* A file of study 1.1, series 1.1.1. */
struct row manifested_file(const char *path, const char *sop, uint64_t ino);

/* manifest_digest_fn: the content of a file is its path up to the first "@",
 * so that a@1 equals a@2; one with "unreadable" in it cannot be read. */
int manifested_digest(void *opaque, const char *relpath, uint8_t ret[32],
                      struct error *e);

/* Writes rows in one batch and ends the run. */
void manifested_write(const struct row *rows, size_t n);

/* Study 1.1 has these leaves of these files, "name=path ...", and no name is
 * left to be settled. */
void manifested_assert_names(const char *expected);

/* The leaf `name` of study 1; what it borrowed is gone. */
struct manifest_instance manifested_get(const char *name);
bool manifested_is_gone(int64_t id);

/* The file is not there any more. */
void manifested_vanish(const char *path);

#endif
