// SPDX-License-Identifier: MIT
/*
 * ahead_order.h: the studies whose order is known, and walks over them.
 *
 * A walk goes from image to image in one of two ways and on into the next
 * study, as far as that is known.
 *
 * Threads: the caller serialises; pointers are good until orders_learn.
 */
#ifndef FS_AHEAD_ORDER_H
#define FS_AHEAD_ORDER_H

#include "ahead.h"

enum { LISTED, NAMED, WAYS };

/* A study, in both ways. */
struct order {
    int64_t study; /* 0: unused */
    int64_t next;  /* study */
    uint32_t n;
    uint64_t used;
    int64_t *ids[WAYS];
    uint32_t *named_at; /* where an id, by its place in ids[LISTED], is in
                         * ids[NAMED] */
};

/* Zero-initialised it is empty. */
struct orders {
    uint64_t clock;
    struct order list[AHEAD_ORDERS];
};

struct order *orders_find(struct orders *orders, int64_t study);

/* Replaces the study, or the one longest not found. Without memory nothing
 * is known of it. */
void orders_learn(struct orders *orders, int64_t study, const int64_t *ids,
                  const int64_t *named, uint32_t n, int64_t next);
void orders_clear(struct orders *orders);

/* The place of an image in its study; -1: not there. */
int64_t order_place(const struct order *order, int way, int64_t leaf);

/* `order` is NULL at the end, and where nobody knows how it goes on: `study`
 * is then the one to ask about. */
struct walk {
    int way;
    const struct order *order;
    int64_t at;
    int64_t study; /* 0: none */
};

struct walk walk_from(struct orders *orders, int way, int64_t study,
                      int64_t leaf);

/* The next image, 0 if it is not known. */
int64_t walk_next(struct orders *orders, struct walk *walk);

#endif
