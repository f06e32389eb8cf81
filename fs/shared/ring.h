// SPDX-License-Identifier: MIT
/*
 * ring.h: which server a name belongs to.
 *
 * Consistent hashing as all clients of memcached do it (ketama): the same
 * list, in any order, gives the same answer on every machine, and a server
 * more or less moves only its share of the names.
 *
 * This is all that libmemcached is asked for. The conversation with servers
 * is wire.h's: version 1.1.4 writes behind its buffers when a server answers
 * with a name of more than 250 bytes, or with "VERSION" and nothing else.
 *
 * Threads: immutable after ring_new.
 */
#ifndef SHARED_RING_H
#define SHARED_RING_H

#include "address.h"
#include "value.h"

struct ring;

/* Opens no connection. NULL: no memory. */
struct ring *ring_new(const struct addresses *servers);
void ring_free(struct ring *ring); /* may be NULL */

/* A number below servers->n. */
unsigned ring_find(const struct ring *ring, const char name[VALUE_NAME]);

#endif
