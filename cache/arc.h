// SPDX-License-Identifier: MIT
/*
 * arc.h: the replacement policy, adaptive and byte-weighted; nothing else.
 *
 * It orders nodes that the caller embeds in its own objects and says which
 * must go. It knows no keys, no payload, no clock and no lock; the caller
 * finds the node of a key and serialises all calls on one struct arc.
 *
 * With all charges 1 it is ARC of Megiddo and Modha (FAST 2003) exactly.
 */
#ifndef PREPFS_CACHE_ARC_H
#define PREPFS_CACHE_ARC_H

#include <stdbool.h>
#include <stdint.h>

/* Charges and capacities above this are refused, so that no sum of the four
 * lists and one more charge leaves 64 bits. */
#define ARC_CAPACITY_MAX (UINT64_MAX / 4)

enum arc_where {
    ARC_NOWHERE, /* not known to the policy */
    ARC_T1,      /* resident, asked for once of late */
    ARC_T2,      /* resident, asked for at least twice */
    ARC_B1,      /* ghost of T1 */
    ARC_B2,      /* ghost of T2 */
    ARC_LISTS
};

/* Embedded in the caller's object; zero-initialised it is nowhere. */
struct arc_node {
    struct arc_node *prev;
    struct arc_node *next;
    uint64_t charge;
    enum arc_where where;
};

/* Called while the lists are consistent but the call is still under way; the
 * handlers must not call back into the same struct arc. */
struct arc_events {
    void (*ghosted)(void *opaque, struct arc_node *node); /* lost its data */
    void (*dropped)(void *opaque, struct arc_node *node); /* now nowhere */
    void *opaque;
};

struct arc_list {
    struct arc_node head; /* head.next is the LRU end, head.prev the MRU */
    uint64_t bytes;
    uint64_t count;
};

/* Caller serialises. Never moved once initialised (the lists are circular). */
struct arc {
    struct arc_list list[ARC_LISTS];
    uint64_t capacity;
    double p; /* wanted bytes in T1, 0 .. capacity */
    uint64_t b1_hits;
    uint64_t b2_hits;
    struct arc_events events;
};

static inline bool arc_is_resident(const struct arc_node *node)
{
    return node->where == ARC_T1 || node->where == ARC_T2;
}

static inline bool arc_is_ghost(const struct arc_node *node)
{
    return node->where == ARC_B1 || node->where == ARC_B2;
}

/* `events` may be NULL; it is copied. capacity <= ARC_CAPACITY_MAX. */
void arc_init(struct arc *arc, uint64_t capacity,
              const struct arc_events *events);

/* Drops every node (each is reported). */
void arc_clear(struct arc *arc);

/*
 * One request for the object of `node`, whose data take `charge` bytes.
 * True: it was resident, and keeps the charge it had. False: it was not; it
 * is now resident with `charge`, others having made room, unless
 * charge > capacity, in which case nothing changed. Amortised O(1).
 */
bool arc_access(struct arc *arc, struct arc_node *node, uint64_t charge);

/* Changes the charge of a resident node, e.g. from what was reserved to what
 * it took. Growth may evict others, and the node itself. */
void arc_resize(struct arc *arc, struct arc_node *node, uint64_t charge);

/* Forgets the node wherever it is; not reported. */
void arc_remove(struct arc *arc, struct arc_node *node);

/* Puts a node that is nowhere at the MRU end of a list, asking no policy: for
 * copying one struct arc to another of the same capacity. */
void arc_place(struct arc *arc, struct arc_node *node, enum arc_where where,
               uint64_t charge);

/* Sends one resident to its ghost list as REPLACE would. False: none left. */
bool arc_evict(struct arc *arc);

/* Drops the oldest ghost of the longer ghost list. False: none left. */
bool arc_drop_ghost(struct arc *arc);

/* Evicts and forgets until the lists fit; p is clamped. */
void arc_set_capacity(struct arc *arc, uint64_t capacity);

/* True if every invariant holds. O(n): for tests and debug builds. */
bool arc_check(const struct arc *arc);

#endif
