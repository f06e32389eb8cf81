// SPDX-License-Identifier: MIT
/*
 * guard.h: ARC with a guard against passes that are larger than the cache.
 *
 * Same calls as arc.h, one level up. Off, it is arc.c and nothing else. On,
 * it adds a small window before ARC and stops ARC from replacing its content
 * while doing so pays; guard.c says how that is found out.
 *
 * Pure like arc.c, except that it allocates two small shadow caches when the
 * cache is first full; if that fails, nothing is ever frozen. Caller
 * serialises.
 */
#ifndef PREPFS_CACHE_GUARD_H
#define PREPFS_CACHE_GUARD_H

#include "gate.h"

struct shadow;

struct guard {
    struct gate gate;  /* the cache itself */
    uint64_t capacity; /* of the gate, the window included */
    uint64_t window_floor;
    bool on;
    struct shadow *shadow; /* NULL: off, or no memory for it */
    uint64_t silent;       /* requests since the last hit in ARC */
    double longest_silent; /* decaying maximum of it */
    double caution;        /* times the lead that freezing takes */
    double expected;       /* armed: capacities per pass, else 0 */
    uint64_t freezes;
    uint64_t thaws;
};

/* `window_floor`: the window is at least so large (but not more than an
 * eighth of the capacity); 0: a sixty-fourth of the capacity. */
void guard_init(struct guard *guard, uint64_t capacity, bool on,
                uint64_t window_floor, const struct arc_events *events);

/* Drops every node (each is reported) and frees the shadows. */
void guard_deinit(struct guard *guard);

/* arc_access for the object whose key hashes to `hash` (all bits well mixed).
 * True: it was resident. After a false answer guard_is_resident tells if it
 * was let in. */
bool guard_access(struct guard *guard, struct arc_node *node, uint64_t hash,
                  uint64_t charge);

static inline bool guard_is_resident(const struct arc_node *node)
{
    return arc_is_resident(node) || gate_in_window(node);
}

/* Like arc_resize, arc_remove and arc_set_capacity. */
void guard_resize(struct guard *guard, struct arc_node *node, uint64_t charge);
void guard_remove(struct guard *guard, struct arc_node *node);
void guard_set_capacity(struct guard *guard, uint64_t capacity);

/* A node that was refused before its data had come (it is nowhere) gets its
 * time in the window now. */
void guard_revive(struct guard *guard, struct arc_node *node, uint64_t charge);

/* Freezes now, on the caller's word that full passes over `capacities` times
 * the capacity are coming; what is found out later can still thaw it. */
void guard_arm(struct guard *guard, double capacities);

/* Takes the word back: frozen or not, it is as if it had come so by itself. */
void guard_disarm(struct guard *guard);

/* Residents and their bytes, the window included. */
uint64_t guard_blocks(const struct guard *guard);
uint64_t guard_bytes(const struct guard *guard);

/* What the shadows take. */
uint64_t guard_overhead(const struct guard *guard);

#endif
