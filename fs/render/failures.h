// SPDX-License-Identifier: MIT
/*
 * failures.h: frames and files that cannot be had, remembered for a while.
 *
 * A training loop asks for a broken file in every epoch. What a decoder
 * or parser found wrong with a version of a source does not change, so the
 * second answer need not cost the same again. Trouble with the system (I/O,
 * memory) is never kept, and a rescan forgets everything.
 *
 * Threads: struct failures is internally locked.
 */
#ifndef RENDER_FAILURES_H
#define RENDER_FAILURES_H

#include <stdbool.h>

#include "prepfs/error.h"
#include "render/flight.h"

struct failures;

struct failures *failures_new(struct error *err);
void failures_free(struct failures *f); /* may be NULL */

/* True, with *err filled, if this key is known to fail. */
bool failures_find(struct failures *f, const struct flight_key *key,
                   struct error *err);

/* Remembers *err if it is of a kind that lasts; an older one may go. */
void failures_note(struct failures *f, const struct flight_key *key,
                   const struct error *err);
void failures_forget(struct failures *f);

#endif
