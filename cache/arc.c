// SPDX-License-Identifier: MIT
/*
 * arc.c: byte-weighted ARC.
 *
 * Two lists hold the residents, two more remember what was lately evicted
 * from each (ghosts: a node without data). c is the capacity:
 *
 *            LRU ........ MRU | LRU ........ MRU
 *           [ B1  ghosts of T1 | T1 seen once    ]   B1 + T1 <= c
 *           [ B2  ghosts of T2 | T2 seen twice   ]   all four <= 2c
 *                              '- T1 + T2 <= c -'
 *
 * A block enters T1. A second request moves it to T2, whether it was still
 * resident or already a ghost; so a single pass over anything, however long,
 * only flows through T1 and leaves T2 alone. How much of c T1 may keep is p:
 * a hit in B1 says that T1 was too short and raises p, a hit in B2 lowers it.
 * REPLACE takes the victim from T1 while T1 is above p, else from T2.
 *
 * In bytes. The paper counts pages; here each node has a charge, so three
 * places differ, and with unit charges all three collapse to the paper:
 *
 *  - p moves by the *bytes* of history that would have hit: the charge of
 *    the ghost times max(1, other ghosts / own ghosts). Moving it by the bare
 *    ratio, as if charges were 1, would not move it at all.
 *  - one request may need several victims: the single steps of cases IV.A,
 *    IV.B and REPLACE become loops "while there is no room".
 *  - a ghost may come back with another charge than it left with, so the
 *    directory bounds are restored after a ghost hit (trim).
 *
 * p is a double and the order of operations (quotient, product, sum) is part
 * of the definition: an integer p gives measurably other hits on small
 * caches, and the reference sequences are reproduced bit for bit.
 *
 * Invariants, with nodes counted by charge:
 *   T1+T2 <= c,  T1+B1 <= c,  all four <= 2c,  0 <= p <= c,
 *   every list's bytes and count equal the sum over its nodes.
 * After arc_remove, or in byte mode in general, ghosts may exist while the
 * cache is not full; REPLACE therefore runs only while room is needed.
 */
#include "arc.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static struct arc_list *list_of(struct arc *arc, enum arc_where where)
{
    return &arc->list[where];
}

static uint64_t bytes_in(const struct arc *arc, enum arc_where where)
{
    return arc->list[where].bytes;
}

static bool empty(const struct arc *arc, enum arc_where where)
{
    return arc->list[where].count == 0;
}

static uint64_t bytes_total(const struct arc *arc)
{
    return bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_T2) +
           bytes_in(arc, ARC_B1) + bytes_in(arc, ARC_B2);
}

static void unlink_node(struct arc *arc, struct arc_node *node)
{
    struct arc_list *list = list_of(arc, node->where);

    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
    list->bytes -= node->charge;
    list->count--;
    node->where = ARC_NOWHERE;
}

static void push_mru(struct arc *arc, struct arc_node *node,
                     enum arc_where where)
{
    struct arc_list *list = list_of(arc, where);

    node->prev = list->head.prev;
    node->next = &list->head;
    list->head.prev->next = node;
    list->head.prev = node;
    list->bytes += node->charge;
    list->count++;
    node->where = where;
}

static void move_mru(struct arc *arc, struct arc_node *node,
                     enum arc_where where)
{
    unlink_node(arc, node);
    push_mru(arc, node, where);
}

static void drop_lru(struct arc *arc, enum arc_where where)
{
    struct arc_node *node = list_of(arc, where)->head.next;

    unlink_node(arc, node);
    if (arc->events.dropped)
        arc->events.dropped(arc->events.opaque, node);
}

static void ghost_lru(struct arc *arc, enum arc_where from, enum arc_where to)
{
    struct arc_node *node = list_of(arc, from)->head.next;

    move_mru(arc, node, to);
    if (arc->events.ghosted)
        arc->events.ghosted(arc->events.opaque, node);
}

/* REPLACE of the paper. `from_b2`: the request was a hit in B2, which breaks
 * the tie |T1| = p in favour of T2. */
static void replace(struct arc *arc, bool from_b2)
{
    double t1 = (double)bytes_in(arc, ARC_T1);
    bool over = t1 > arc->p || (from_b2 && t1 >= arc->p);

    if (!empty(arc, ARC_T1) && (over || empty(arc, ARC_T2)))
        ghost_lru(arc, ARC_T1, ARC_B1);
    else
        ghost_lru(arc, ARC_T2, ARC_B2);
}

static bool has_resident(const struct arc *arc)
{
    return !empty(arc, ARC_T1) || !empty(arc, ARC_T2);
}

static void make_room(struct arc *arc, uint64_t charge, bool from_b2)
{
    while (bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_T2) + charge >
               arc->capacity &&
           has_resident(arc))
        replace(arc, from_b2);
}

/* Restores the two directory bounds after a charge has changed. */
static void trim(struct arc *arc)
{
    while (bytes_total(arc) > 2 * arc->capacity) {
        if (!empty(arc, ARC_B2))
            drop_lru(arc, ARC_B2);
        else
            drop_lru(arc, ARC_B1);
    }
    while (!empty(arc, ARC_B1) &&
           bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_B1) > arc->capacity)
        drop_lru(arc, ARC_B1);
}

/* How far a ghost of charge g moves p. Both sums still include the ghost, so
 * `own` is zero only if g is. */
static double step(uint64_t g, uint64_t other, uint64_t own)
{
    double ratio;

    if (own == 0)
        return 0.0;
    ratio = (double)other / (double)own;
    return (double)g * (ratio > 1.0 ? ratio : 1.0);
}

static void adapt(struct arc *arc, const struct arc_node *node)
{
    uint64_t b1 = bytes_in(arc, ARC_B1);
    uint64_t b2 = bytes_in(arc, ARC_B2);
    double c = (double)arc->capacity;

    if (node->where == ARC_B1) {
        arc->b1_hits++;
        arc->p += step(node->charge, b2, b1);
        if (arc->p > c)
            arc->p = c;
    } else {
        arc->b2_hits++;
        arc->p -= step(node->charge, b1, b2);
        if (arc->p < 0.0)
            arc->p = 0.0;
    }
}

/* Cases II and III: the history was right, the block belongs into T2. */
static void return_ghost(struct arc *arc, struct arc_node *node,
                         uint64_t charge)
{
    bool from_b2 = node->where == ARC_B2;

    adapt(arc, node);
    unlink_node(arc, node);
    make_room(arc, charge, from_b2);
    node->charge = charge;
    push_mru(arc, node, ARC_T2);
    trim(arc);
}

/* Case IV: unknown. A full L1 gives up its oldest history first; only a T1
 * that alone fills c loses a block without leaving a ghost. */
static void enter(struct arc *arc, struct arc_node *node, uint64_t charge)
{
    while (!empty(arc, ARC_B1) &&
           bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_B1) + charge >
               arc->capacity)
        drop_lru(arc, ARC_B1);
    while (!empty(arc, ARC_T1) &&
           bytes_in(arc, ARC_T1) + charge > arc->capacity)
        drop_lru(arc, ARC_T1);
    while (!empty(arc, ARC_B2) && bytes_total(arc) + charge > 2 * arc->capacity)
        drop_lru(arc, ARC_B2);
    make_room(arc, charge, false);
    node->charge = charge;
    push_mru(arc, node, ARC_T1);
}

#ifndef NDEBUG
/* The O(1) half of arc_check at every step; the walk too while it is short. */
static void assert_sound(const struct arc *arc)
{
    uint64_t t1 = bytes_in(arc, ARC_T1), t2 = bytes_in(arc, ARC_T2);
    uint64_t nodes = 0;

    assert(t1 + t2 <= arc->capacity);
    assert(t1 + bytes_in(arc, ARC_B1) <= arc->capacity);
    assert(bytes_total(arc) <= 2 * arc->capacity);
    assert(arc->p >= 0.0 && arc->p <= (double)arc->capacity);
    for (int i = ARC_T1; i < ARC_LISTS; i++)
        nodes += arc->list[i].count;
    assert(nodes > 64 || arc_check(arc));
}
#else
static void assert_sound(const struct arc *arc)
{
    (void)arc;
}
#endif

void arc_init(struct arc *arc, uint64_t capacity,
              const struct arc_events *events)
{
    assert(capacity <= ARC_CAPACITY_MAX);
    memset(arc, 0, sizeof *arc);
    for (int i = 0; i < ARC_LISTS; i++) {
        struct arc_node *head = &arc->list[i].head;

        head->prev = head->next = head;
    }
    arc->capacity = capacity;
    if (events)
        arc->events = *events;
}

void arc_clear(struct arc *arc)
{
    for (int i = ARC_T1; i < ARC_LISTS; i++)
        while (!empty(arc, (enum arc_where)i))
            drop_lru(arc, (enum arc_where)i);
    arc->p = 0.0;
}

bool arc_access(struct arc *arc, struct arc_node *node, uint64_t charge)
{
    if (arc_is_resident(node)) {
        move_mru(arc, node, ARC_T2);
        assert_sound(arc);
        return true;
    }
    if (charge > arc->capacity)
        return false;
    if (arc_is_ghost(node))
        return_ghost(arc, node, charge);
    else
        enter(arc, node, charge);
    assert_sound(arc);
    return false;
}

void arc_resize(struct arc *arc, struct arc_node *node, uint64_t charge)
{
    struct arc_list *list = list_of(arc, node->where);

    assert(arc_is_resident(node) && charge <= ARC_CAPACITY_MAX);
    list->bytes = list->bytes - node->charge + charge;
    node->charge = charge;
    make_room(arc, 0, false);
    trim(arc);
    assert_sound(arc);
}

void arc_remove(struct arc *arc, struct arc_node *node)
{
    if (node->where == ARC_NOWHERE)
        return;
    unlink_node(arc, node);
    assert_sound(arc);
}

void arc_place(struct arc *arc, struct arc_node *node, enum arc_where where,
               uint64_t charge)
{
    assert(node->where == ARC_NOWHERE && where != ARC_NOWHERE);
    node->charge = charge;
    push_mru(arc, node, where);
}

bool arc_evict(struct arc *arc)
{
    if (!has_resident(arc))
        return false;
    replace(arc, false);
    trim(arc);
    assert_sound(arc);
    return true;
}

bool arc_drop_ghost(struct arc *arc)
{
    if (empty(arc, ARC_B1) && empty(arc, ARC_B2))
        return false;
    if (arc->list[ARC_B1].count > arc->list[ARC_B2].count)
        drop_lru(arc, ARC_B1);
    else
        drop_lru(arc, ARC_B2);
    assert_sound(arc);
    return true;
}

void arc_set_capacity(struct arc *arc, uint64_t capacity)
{
    assert(capacity <= ARC_CAPACITY_MAX);
    arc->capacity = capacity;
    if (arc->p > (double)capacity)
        arc->p = (double)capacity;
    make_room(arc, 0, false);
    trim(arc);
    assert_sound(arc);
}

static bool list_sound(const struct arc_list *list, enum arc_where where)
{
    const struct arc_node *node;
    uint64_t bytes = 0, count = 0;

    for (node = list->head.next; node != &list->head; node = node->next) {
        if (node->where != where || node->next->prev != node)
            return false;
        bytes += node->charge;
        count++;
    }
    return bytes == list->bytes && count == list->count;
}

bool arc_check(const struct arc *arc)
{
    uint64_t c = arc->capacity;

    for (int i = ARC_T1; i < ARC_LISTS; i++)
        if (!list_sound(&arc->list[i], (enum arc_where)i))
            return false;
    return bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_T2) <= c &&
           bytes_in(arc, ARC_T1) + bytes_in(arc, ARC_B1) <= c &&
           bytes_total(arc) <= 2 * c && arc->p >= 0.0 && arc->p <= (double)c;
}
