// SPDX-License-Identifier: MIT
/*
 * shown.h: which objects exist for who opened the manifest, as sets of ids.
 *
 * Statements ask by SQL functions, so that a listing pages through what is
 * shown by the same index that it pages through everything:
 *
 *     shown(id)         an instance or a volume
 *     shown_study(id)   a study, shown_series(id) a series
 *     moved_study(id)   a study of which other objects are shown than before
 *     shown_rest()      is what is no instance there (damaged files)?
 *     shown_all()       is nothing left out?
 *
 * Each is a test of a bit. A NULL set leaves nothing out.
 *
 * Threads: a set is built by one thread, and immutable and shared by count
 * from then on.
 */
#ifndef MANIFEST_SHOWN_H
#define MANIFEST_SHOWN_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "prepfs/error.h"

struct shown;

enum shown_kind { SHOWN_OBJECT, SHOWN_STUDY, SHOWN_SERIES, SHOWN_MOVED };
#define SHOWN_KINDS 4

/* An empty set, used once. `rest`: what shown_rest answers. */
struct shown *shown_new(bool rest, struct error *err);
struct shown *shown_ref(struct shown *s); /* may be NULL; returns s */
void shown_unref(struct shown *s);        /* may be NULL */

int shown_add(struct shown *s, enum shown_kind kind, int64_t id,
              struct error *err) __attribute__((warn_unused_result));
bool shown_has(const struct shown *s, enum shown_kind kind, int64_t id);

/* The first id above `after` that `s` has and `other` (may be NULL: nothing)
 * has not; 0 if there is none. */
int64_t shown_next(const struct shown *s, const struct shown *other,
                   enum shown_kind kind, int64_t after);

/* Gives a connection the functions. *current is looked at by each call;
 * borrowed as long as the connection. An SQLite code. */
int shown_functions(sqlite3 *handle, struct shown *const *current);

#endif
