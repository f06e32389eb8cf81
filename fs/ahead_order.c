// SPDX-License-Identifier: MIT
/* ahead_order.c: see ahead_order.h. */
#include "ahead_order.h"

#include <stdlib.h>
#include <string.h>

struct order *orders_find(struct orders *orders, int64_t study)
{
    for (int i = 0; i < AHEAD_ORDERS; i++) {
        struct order *o = &orders->list[i];

        if (o->study == study && study != 0) {
            o->used = ++orders->clock;
            return o;
        }
    }
    return NULL;
}

static void order_clear(struct order *o)
{
    free(o->ids[LISTED]);
    free(o->ids[NAMED]);
    free(o->named_at);
    memset(o, 0, sizeof *o);
}

int64_t order_place(const struct order *o, int way, int64_t leaf)
{
    uint32_t low = 0, high = o->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (o->ids[LISTED][middle] < leaf)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == o->n || o->ids[LISTED][low] != leaf)
        return -1;
    return way == LISTED ? low : o->named_at[low];
}

static void walk_enter(struct orders *orders, struct walk *w, int64_t study)
{
    w->study = study;
    w->order = orders_find(orders, study);
    w->at = 0;
}

struct walk walk_from(struct orders *orders, int way, int64_t study,
                      int64_t leaf)
{
    struct walk w = {.way = way};

    walk_enter(orders, &w, study);
    if (w.order)
        w.at = order_place(w.order, way, leaf);
    if (w.at < 0) { /* not listed any more, or too far behind */
        w.order = NULL;
        w.study = 0;
    }
    return w;
}

int64_t walk_next(struct orders *orders, struct walk *w)
{
    if (!w->order)
        return 0;
    w->at++;
    if (w->at >= w->order->n)
        walk_enter(orders, w, w->order->n == AHEAD_STUDY ? 0 : w->order->next);
    if (!w->order || w->order->n == 0)
        return 0;
    return w->order->ids[w->way][w->at];
}

/* Copies a study; false if there is no memory. */
static bool order_fill(struct order *o, const int64_t *ids,
                       const int64_t *named, uint32_t n)
{
    int64_t place;

    o->n = n < AHEAD_STUDY ? n : AHEAD_STUDY;
    o->ids[LISTED] = calloc(o->n + 1, sizeof *ids);
    o->ids[NAMED] = calloc(o->n + 1, sizeof *ids);
    o->named_at = calloc(o->n + 1, sizeof *o->named_at);
    if (!o->ids[LISTED] || !o->ids[NAMED] || !o->named_at)
        return false;
    memcpy(o->ids[LISTED], ids, o->n * sizeof *ids);
    memcpy(o->ids[NAMED], named, o->n * sizeof *ids);
    for (uint32_t i = 0; i < o->n; i++) {
        place = order_place(o, LISTED, named[i]);
        if (place >= 0)
            o->named_at[place] = i;
    }
    return true;
}

static struct order *room(struct orders *orders)
{
    struct order *o = &orders->list[0];

    for (int i = 1; i < AHEAD_ORDERS; i++) {
        struct order *other = &orders->list[i];

        if (o->study != 0 && (other->study == 0 || other->used < o->used))
            o = other;
    }
    return o;
}

void orders_learn(struct orders *orders, int64_t study, const int64_t *ids,
                  const int64_t *named, uint32_t n, int64_t next)
{
    struct order *o = orders_find(orders, study);

    if (!o)
        o = room(orders);
    order_clear(o);
    if (!order_fill(o, ids, named, n)) {
        order_clear(o);
        return;
    }
    o->study = study;
    o->next = next;
    o->used = ++orders->clock;
}

void orders_clear(struct orders *orders)
{
    for (int i = 0; i < AHEAD_ORDERS; i++)
        order_clear(&orders->list[i]);
}
