// SPDX-License-Identifier: MIT
#include "gate.h"

#include <string.h>

#define ADMIT_EVERY 32 /* misses, while frozen */

static void window_push(struct gate *gate, struct arc_node *node,
                        uint64_t charge)
{
    struct arc_list *list = &gate->window;

    node->charge = charge;
    node->prev = list->head.prev;
    node->next = &list->head;
    list->head.prev->next = node;
    list->head.prev = node;
    list->bytes += charge;
    list->count++;
    node->where = (enum arc_where)GATE_WINDOW;
}

static void window_unlink(struct gate *gate, struct arc_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
    gate->window.bytes -= node->charge;
    gate->window.count--;
    node->where = ARC_NOWHERE;
}

static void report_dropped(struct gate *gate, struct arc_node *node)
{
    if (gate->arc.events.dropped)
        gate->arc.events.dropped(gate->arc.events.opaque, node);
}

static uint64_t arc_bytes(const struct arc *arc)
{
    return arc->list[ARC_T1].bytes + arc->list[ARC_T2].bytes;
}

/* Whether a miss may replace what is there. */
static bool admits(struct gate *gate, uint64_t charge)
{
    if (!gate->frozen || arc_bytes(&gate->arc) + charge <= gate->arc.capacity)
        return true;
    if (++gate->refused < ADMIT_EVERY)
        return false;
    gate->refused = 0;
    return true;
}

/* The oldest block of the window goes on to ARC, or away. */
static void window_leave(struct gate *gate)
{
    struct arc_node *node = gate->window.head.next;
    uint64_t charge = node->charge;

    window_unlink(gate, node);
    if (admits(gate, charge))
        (void)arc_access(&gate->arc, node, charge);
    if (node->where == ARC_NOWHERE)
        report_dropped(gate, node);
}

static void window_trim(struct gate *gate)
{
    while (gate->window.bytes > gate->window_capacity)
        window_leave(gate);
}

void gate_set_capacity(struct gate *gate, uint64_t capacity, uint64_t window)
{
    gate->window_capacity = window;
    window_trim(gate);
    arc_set_capacity(&gate->arc, capacity - gate->window_capacity);
}

void gate_init(struct gate *gate, uint64_t capacity, uint64_t window,
               const struct arc_events *events)
{
    memset(gate, 0, sizeof *gate);
    gate->window.head.prev = gate->window.head.next = &gate->window.head;
    arc_init(&gate->arc, 0, events);
    gate_set_capacity(gate, capacity, window);
}

void gate_clear(struct gate *gate)
{
    while (gate->window.count > 0) {
        struct arc_node *node = gate->window.head.next;

        window_unlink(gate, node);
        report_dropped(gate, node);
    }
    arc_clear(&gate->arc);
}

void gate_remove(struct gate *gate, struct arc_node *node)
{
    if (gate_in_window(node))
        window_unlink(gate, node);
    else
        arc_remove(&gate->arc, node);
}

bool gate_access(struct gate *gate, struct arc_node *node, uint64_t charge)
{
    bool windowed = charge <= gate->window_capacity;

    if (gate_in_window(node))
        return true;
    if (arc_is_resident(node))
        return arc_access(&gate->arc, node, charge);
    if (arc_is_ghost(node) || !windowed) {
        if (admits(gate, charge))
            return arc_access(&gate->arc, node, charge);
        arc_remove(&gate->arc, node);
    }
    if (windowed) {
        window_push(gate, node, charge);
        window_trim(gate);
    }
    return false;
}

void gate_push(struct gate *gate, struct arc_node *node, uint64_t charge)
{
    window_push(gate, node, charge);
    window_trim(gate);
}

void gate_resize(struct gate *gate, struct arc_node *node, uint64_t charge)
{
    if (!gate_in_window(node)) {
        arc_resize(&gate->arc, node, charge);
        return;
    }
    gate->window.bytes += charge - node->charge;
    node->charge = charge;
    window_trim(gate);
}

void gate_copy(struct gate *gate, const struct gate *from, gate_twin_fn twin)
{
    const struct arc_node *node;

    gate_clear(gate);
    for (int i = ARC_T1; i < ARC_LISTS; i++) {
        const struct arc_list *list = &from->arc.list[i];

        for (node = list->head.next; node != &list->head; node = node->next)
            arc_place(&gate->arc, twin(node), (enum arc_where)i, node->charge);
    }
    node = from->window.head.next;
    for (; node != &from->window.head; node = node->next)
        window_push(gate, twin(node), node->charge);
    gate->arc.p = from->arc.p;
}

uint64_t gate_arc_blocks(const struct gate *gate)
{
    return gate->arc.list[ARC_T1].count + gate->arc.list[ARC_T2].count;
}

uint64_t gate_blocks(const struct gate *gate)
{
    return gate_arc_blocks(gate) + gate->window.count;
}

uint64_t gate_bytes(const struct gate *gate)
{
    return arc_bytes(&gate->arc) + gate->window.bytes;
}
