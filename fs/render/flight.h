// SPDX-License-Identifier: MIT
/*
 * flight.h: make once, share, keep a little.
 *
 * A table of reference-counted values under a key. The first thread that asks
 * for an absent key makes the value, the others wait for it and share it; an
 * error goes to all of them and leaves no trace of the key. Values nobody
 * uses stay, least recently used first to go, while the cost of all values
 * fits the budget; those in use count and cannot go. Opened sources, decoded
 * frames, rendered pages and leaf plans are each one such table.
 *
 * Threads: struct flight is internally locked; a value is immutable once made.
 */
#ifndef RENDER_FLIGHT_H
#define RENDER_FLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

struct flight;

struct flight_key {
    uint64_t a;
    uint64_t b;
};

/* A reference to a value; release with flight_put. */
struct flight_ref {
    void *value;
    struct flight_entry *entry;
};

/* Makes the value of a key and says what keeping it costs. Called with no
 * lock held, at most once at a time per key. */
typedef int (*flight_make_fn)(void *opaque, const struct flight_key *key,
                              void **ret_value, size_t *ret_cost,
                              struct error *err);
typedef void (*flight_free_fn)(void *value);

/* Caller owns the table; free it with no reference outstanding. */
struct flight *flight_new(size_t budget, flight_free_fn free_value,
                          struct error *err);
void flight_free(struct flight *f); /* may be NULL */

/* 0 with *ret holding a reference, or -1. *ret_made (may be NULL) says
 * whether this call made the value. */
int flight_get(struct flight *f, const struct flight_key *key,
               flight_make_fn make, void *opaque, struct flight_ref *ret,
               int *ret_made, struct error *err)
    __attribute__((warn_unused_result));

/* 1 with a reference if the value is there, else 0. Never waits. */
int flight_peek(struct flight *f, const struct flight_key *key,
                struct flight_ref *ret);

void flight_put(struct flight *f, struct flight_ref *ref);

/* Forgets one key, or all: values in use live until their last put. */
void flight_drop(struct flight *f, const struct flight_key *key);
void flight_drop_all(struct flight *f);

/* What all values cost now. */
size_t flight_cost(struct flight *f);

#endif
