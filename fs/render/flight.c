// SPDX-License-Identifier: MIT
/*
 * flight.c: single flight with a small LRU behind it.
 *
 *     table (hash) ──► entry ──► value
 *                        │  MAKING: waiters sleep on `done`
 *                        │  READY, users > 0: in use, on no list
 *                        └─ READY, users = 0: on the idle list, LRU evicts
 *
 * An entry leaves the table before its value is freed; a value in use is
 * detached first and freed by its last put. Values are made and freed with no
 * lock held.
 */
#include "render/flight.h"

#include <stdbool.h>
#include <stdlib.h>

#include "prepfs/lock.h"

enum { FLIGHT_BUCKETS = 4096 };

struct flight_entry {
    struct flight_key key;
    struct flight_entry *next;  /* in its bucket */
    struct flight_entry *newer; /* idle list */
    struct flight_entry *older;
    void *value;
    size_t cost;
    unsigned users; /* references and waiters */
    bool making;
    bool failed;
    bool detached; /* no longer in the table */
    struct error err;
};

struct flight {
    struct lock lock; /* protects everything below */
    pthread_cond_t done;
    flight_free_fn free_value;
    size_t budget;
    size_t cost; /* of all values, also of those in use */
    struct flight_entry *newest;
    struct flight_entry *oldest;
    struct flight_entry *buckets[FLIGHT_BUCKETS];
};

struct flight *flight_new(size_t budget, flight_free_fn free_value,
                          struct error *err)
{
    struct flight *f = calloc(1, sizeof *f);

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&f->lock);
    lock_check(pthread_cond_init(&f->done, NULL));
    f->free_value = free_value;
    f->budget = budget;
    return f;
}

static struct flight_entry **bucket_of(struct flight *f,
                                       const struct flight_key *key)
{
    uint64_t h = key->a * 0x9E3779B97F4A7C15u ^ key->b * 0xC2B2AE3D27D4EB4Fu;

    return &f->buckets[(h >> 32) % FLIGHT_BUCKETS];
}

static struct flight_entry *find_locked(struct flight *f,
                                        const struct flight_key *key)
    REQUIRES(f->lock)
{
    struct flight_entry *e = *bucket_of(f, key);

    while (e && (e->key.a != key->a || e->key.b != key->b))
        e = e->next;
    return e;
}

static void detach_locked(struct flight *f, struct flight_entry *e)
    REQUIRES(f->lock)
{
    struct flight_entry **link = bucket_of(f, &e->key);

    if (e->detached)
        return;
    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    e->detached = true;
}

static void idle_remove_locked(struct flight *f, struct flight_entry *e)
    REQUIRES(f->lock)
{
    if (e->newer)
        e->newer->older = e->older;
    else
        f->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        f->oldest = e->newer;
}

static void idle_add_locked(struct flight *f, struct flight_entry *e)
    REQUIRES(f->lock)
{
    e->newer = NULL;
    e->older = f->newest;
    if (f->newest)
        f->newest->newer = e;
    else
        f->oldest = e;
    f->newest = e;
}

/* Takes what no longer fits (or all idle values) off the table, chained
 * through `next`. */
static struct flight_entry *evict_locked(struct flight *f, bool all)
    REQUIRES(f->lock)
{
    struct flight_entry *victims = NULL;

    while (f->oldest && (all || f->cost > f->budget)) {
        struct flight_entry *e = f->oldest;

        idle_remove_locked(f, e);
        detach_locked(f, e);
        f->cost -= e->cost;
        e->next = victims;
        victims = e;
    }
    return victims;
}

static void free_chain(struct flight *f, struct flight_entry *e)
{
    while (e) {
        struct flight_entry *next = e->next;

        if (e->value)
            f->free_value(e->value);
        free(e);
        e = next;
    }
}

static void take_locked(struct flight *f, struct flight_entry *e)
    REQUIRES(f->lock)
{
    if (e->users == 0 && !e->making)
        idle_remove_locked(f, e);
    e->users++;
}

/* Drops one use; returns the entry if the caller must free it. */
static struct flight_entry *drop_locked(struct flight *f,
                                        struct flight_entry *e)
    REQUIRES(f->lock)
{
    if (--e->users > 0)
        return NULL;
    if (e->detached) {
        f->cost -= e->cost;
        e->next = NULL;
        return e;
    }
    idle_add_locked(f, e);
    return evict_locked(f, false);
}

/* Waits for another thread's make; the caller already holds a use. */
static int join_locked(struct flight *f, struct flight_entry *e,
                       struct flight_ref *ret, struct flight_entry **ret_dead,
                       struct error *err) REQUIRES(f->lock)
{
    while (e->making)
        lock_wait(&f->lock, &f->done);
    if (!e->failed) {
        *ret = (struct flight_ref){e->value, e};
        return 0;
    }
    if (err)
        *err = e->err;
    *ret_dead = drop_locked(f, e);
    return -1;
}

static struct flight_entry *insert_locked(struct flight *f,
                                          const struct flight_key *key)
    REQUIRES(f->lock)
{
    struct flight_entry **bucket = bucket_of(f, key);
    struct flight_entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->key = *key;
    e->making = true;
    e->users = 1;
    e->next = *bucket;
    *bucket = e;
    return e;
}

static int make_entry(struct flight *f, struct flight_entry *e,
                      flight_make_fn make, void *opaque, struct flight_ref *ret,
                      struct error *err)
{
    struct error reason = ERROR_INIT;
    struct flight_entry *dead = NULL;
    void *value = NULL;
    size_t cost = 0;
    int rc = make(opaque, &e->key, &value, &cost, &reason);

    lock_acquire(&f->lock);
    e->making = false;
    if (rc == 0) {
        e->value = value;
        e->cost = cost;
        f->cost += cost;
        *ret = (struct flight_ref){value, e};
        dead = evict_locked(f, false);
    } else {
        e->failed = true;
        e->err = reason;
        detach_locked(f, e);
        dead = drop_locked(f, e);
    }
    lock_check(pthread_cond_broadcast(&f->done));
    lock_release(&f->lock);
    if (rc != 0 && err)
        *err = reason;
    free_chain(f, dead);
    return rc == 0 ? 0 : -1;
}

int flight_get(struct flight *f, const struct flight_key *key,
               flight_make_fn make, void *opaque, struct flight_ref *ret,
               int *ret_made, struct error *err)
{
    struct flight_entry *dead = NULL;
    struct flight_entry *e;
    int rc;

    if (ret_made)
        *ret_made = 0;
    lock_acquire(&f->lock);
    e = find_locked(f, key);
    if (e) {
        take_locked(f, e);
        rc = join_locked(f, e, ret, &dead, err);
        lock_release(&f->lock);
        free_chain(f, dead);
        return rc;
    }
    e = insert_locked(f, key);
    lock_release(&f->lock);
    if (!e)
        return error_no_memory(err);
    if (ret_made)
        *ret_made = 1;
    return make_entry(f, e, make, opaque, ret, err);
}

int flight_peek(struct flight *f, const struct flight_key *key,
                struct flight_ref *ret)
{
    struct flight_entry *e;
    int found = 0;

    lock_acquire(&f->lock);
    e = find_locked(f, key);
    if (e && !e->making) {
        take_locked(f, e);
        *ret = (struct flight_ref){e->value, e};
        found = 1;
    }
    lock_release(&f->lock);
    return found;
}

void flight_put(struct flight *f, struct flight_ref *ref)
{
    struct flight_entry *dead;

    if (!ref->entry)
        return;
    lock_acquire(&f->lock);
    dead = drop_locked(f, ref->entry);
    lock_release(&f->lock);
    *ref = (struct flight_ref){NULL, NULL};
    free_chain(f, dead);
}

void flight_drop(struct flight *f, const struct flight_key *key)
{
    struct flight_entry *dead = NULL;
    struct flight_entry *e;

    lock_acquire(&f->lock);
    e = find_locked(f, key);
    if (e) {
        detach_locked(f, e);
        if (e->users == 0) {
            idle_remove_locked(f, e);
            f->cost -= e->cost;
            e->next = NULL;
            dead = e;
        }
    }
    lock_release(&f->lock);
    free_chain(f, dead);
}

void flight_drop_all(struct flight *f)
{
    struct flight_entry *dead;

    lock_acquire(&f->lock);
    dead = evict_locked(f, true);
    for (size_t i = 0; i < FLIGHT_BUCKETS; i++)
        while (f->buckets[i])
            detach_locked(f, f->buckets[i]);
    lock_release(&f->lock);
    free_chain(f, dead);
}

size_t flight_cost(struct flight *f)
{
    size_t cost;

    lock_acquire(&f->lock);
    cost = f->cost;
    lock_release(&f->lock);
    return cost;
}

void flight_free(struct flight *f)
{
    if (!f)
        return;
    flight_drop_all(f);
    lock_check(pthread_cond_destroy(&f->done));
    lock_deinit(&f->lock);
    free(f);
}
