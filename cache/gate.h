// SPDX-License-Identifier: MIT
/*
 * gate.h: one ARC with a small window before it, and a way to freeze it.
 *
 *                     miss                             admitted: all, or
 *     request --> [ window: FIFO ] --> leaving --> 1 of 32 if frozen
 *        |                                                  |
 *        |  ghost hit                                       v
 *        +---------------------------------------------> [ ARC ]
 *
 * The window is there because one read of a file arrives as several requests
 * for the same block: hits in it change nothing, so a block that is read in
 * pieces counts as read once. It also gives a block that is not admitted a
 * short life. Without a window it is arc.h and nothing else.
 *
 * Pure like arc.c: no lock, clock, allocation. Caller serialises.
 */
#ifndef PREPFS_CACHE_GATE_H
#define PREPFS_CACHE_GATE_H

#include "arc.h"

/* arc_node.where of a node in the window. */
#define GATE_WINDOW ARC_LISTS

struct gate {
    struct arc arc;
    struct arc_list window; /* FIFO, oldest first */
    uint64_t window_capacity;
    bool frozen;      /* the caller's to set */
    unsigned refused; /* misses since one was let in while frozen */
};

/* `window` of the bytes of `capacity` are the window's; 0: there is none. */
void gate_init(struct gate *gate, uint64_t capacity, uint64_t window,
               const struct arc_events *events);
void gate_set_capacity(struct gate *gate, uint64_t capacity, uint64_t window);

/* Drops every node; each is reported. */
void gate_clear(struct gate *gate);

/* arc_access. True: it was resident. What it displaces, and what it refuses,
 * is reported. */
bool gate_access(struct gate *gate, struct arc_node *node, uint64_t charge);

/* Like arc_remove and arc_resize. */
void gate_remove(struct gate *gate, struct arc_node *node);
void gate_resize(struct gate *gate, struct arc_node *node, uint64_t charge);

/* A node that is nowhere comes into the window, which must be as large. */
void gate_push(struct gate *gate, struct arc_node *node, uint64_t charge);

/* Makes lists and p those of `from`, with each node's twin in its place. */
typedef struct arc_node *(*gate_twin_fn)(const struct arc_node *node);
void gate_copy(struct gate *gate, const struct gate *from, gate_twin_fn twin);

static inline bool gate_in_window(const struct arc_node *node)
{
    return (int)node->where == (int)GATE_WINDOW;
}

/* Residents and their bytes; arc_blocks: without the window. */
uint64_t gate_arc_blocks(const struct gate *gate);
uint64_t gate_blocks(const struct gate *gate);
uint64_t gate_bytes(const struct gate *gate);

#endif
