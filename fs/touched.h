// SPDX-License-Identifier: MIT
/*
 * touched.h: the places of an archive that are known to have changed.
 *
 * A bounded set of relative paths. Many names in one folder become that
 * folder, too much becomes the whole archive: what is looked at is never less
 * than what was touched, and the set never grows with the archive.
 *
 * Threads: none of its own; the caller locks.
 */
#ifndef FS_TOUCHED_H
#define FS_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TOUCHED_IN_FOLDER = 1024, /* names in one folder, before it counts */
    TOUCHED_MAX = 8192        /* places, before the archive counts */
};

struct touched {
    char **paths; /* sorted once in a while; owned */
    size_t n, capacity;
    size_t n_sorted; /* these are sorted, and none is beneath another */
    bool everything;
};

/* All zero is an empty set. */
void touched_deinit(struct touched *t);

/* "" is the archive itself: everything. So it is if memory runs out. */
void touched_add(struct touched *t, const char *relpath);

bool touched_is_empty(const struct touched *t);

/* Brings it into the form that an index wants: sorted by path, none beneath
 * another. */
void touched_settle(struct touched *t);

#endif
