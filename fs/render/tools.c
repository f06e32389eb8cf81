// SPDX-License-Identifier: MIT
/*
 * tools.c: a stack of idle sets (the warmest on top) and a small table of
 * resize weights.
 */
#include "render/tools.h"

#include <stdlib.h>
#include <xxhash.h>

#include "prepfs/lock.h"

struct tools {
    struct lock lock; /* protects idle */
    struct tool_set *idle;
    struct flight *plans;
};

static void plan_free(void *value)
{
    resize_plan_free(value);
}

struct tools *tools_new(size_t plan_bytes, struct error *err)
{
    struct tools *t = calloc(1, sizeof *t);

    if (!t) {
        (void)error_no_memory(err);
        return NULL;
    }
    t->plans = flight_new(plan_bytes, plan_free, err);
    if (!t->plans) {
        free(t);
        return NULL;
    }
    lock_init(&t->lock);
    return t;
}

static void set_free(struct tool_set *set)
{
    values_table_free(set->table);
    resize_scratch_free(&set->scratch);
    free(set);
}

size_t tools_cost(struct tools *t)
{
    return flight_cost(t->plans);
}

void tools_free(struct tools *t)
{
    if (!t)
        return;
    while (t->idle) {
        struct tool_set *next = t->idle->next;

        set_free(t->idle);
        t->idle = next;
    }
    flight_free(t->plans);
    lock_deinit(&t->lock);
    free(t);
}

static struct tool_set *set_new(struct error *err)
{
    struct tool_set *set = calloc(1, sizeof *set);

    if (!set) {
        (void)error_no_memory(err);
        return NULL;
    }
    set->table = values_table_new(err);
    if (set->table)
        return set;
    free(set);
    return NULL;
}

struct tool_set *tools_borrow(struct tools *t, struct error *err)
{
    struct tool_set *set;

    lock_acquire(&t->lock);
    set = t->idle;
    if (set)
        t->idle = set->next;
    lock_release(&t->lock);
    return set ? set : set_new(err);
}

void tools_return(struct tools *t, struct tool_set *set)
{
    lock_acquire(&t->lock);
    set->next = t->idle;
    t->idle = set;
    lock_release(&t->lock);
}

/* ---- resize weights ----------------------------------------------------- */

struct plan_request {
    uint32_t width, height;
    struct resize_target target;
    enum resize_filter filter;
};

static int plan_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct plan_request *r = opaque;
    struct resize_plan *plan = NULL;

    (void)key;
    if (resize_plan_new(r->width, r->height, &r->target, r->filter, &plan,
                        err) != 0)
        return -1;
    *ret_value = plan;
    *ret_cost = resize_plan_bytes(plan);
    return 0;
}

/* The weights depend on sizes and cut alone, so that is what is hashed: the
 * whole of it is at most eight numbers, and two requests that differ share a
 * 128-bit digest with probability 2^-128. */
static struct flight_key plan_key(const struct plan_request *r)
{
    const uint32_t numbers[] = {
        r->width,
        r->height,
        r->target.width,
        r->target.height,
        r->target.cut.x,
        r->target.cut.y,
        r->target.cut.width,
        r->target.cut.height,
        (uint32_t)r->filter,
    };
    XXH128_hash_t h = XXH3_128bits(numbers, sizeof numbers);

    return (struct flight_key){h.high64, h.low64};
}

int tools_resize_plan(struct tools *t, uint32_t width, uint32_t height,
                      const struct resize_target *target,
                      enum resize_filter filter, struct flight_ref *ref,
                      const struct resize_plan **ret, struct error *err)
{
    struct plan_request request = {width, height, *target, filter};
    struct flight_key key = plan_key(&request);

    if (flight_get(t->plans, &key, plan_make, &request, ref, NULL, err) != 0)
        return -1;
    *ret = ref->value;
    return 0;
}

void tools_put_plan(struct tools *t, struct flight_ref *ref)
{
    flight_put(t->plans, ref);
}
