// SPDX-License-Identifier: MIT
/*
 * failures.c: a direct-mapped table; a collision costs one more decode.
 */
#include "render/failures.h"

#include <stdlib.h>
#include <string.h>

#include "prepfs/lock.h"

enum { FAILURES_SLOTS = 1024 };

struct slot {
    struct flight_key key;
    struct error err; /* kind ERROR_NONE: empty */
};

struct failures {
    struct lock lock; /* protects slots */
    struct slot slots[FAILURES_SLOTS];
};

struct failures *failures_new(struct error *err)
{
    struct failures *f = calloc(1, sizeof *f);

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&f->lock);
    return f;
}

void failures_free(struct failures *f)
{
    if (!f)
        return;
    lock_deinit(&f->lock);
    free(f);
}

static struct slot *slot_of(struct failures *f, const struct flight_key *key)
{
    uint64_t h = (key->a ^ key->b << 20) * 0x9E3779B97F4A7C15u;

    return &f->slots[h >> 54];
}

bool failures_find(struct failures *f, const struct flight_key *key,
                   struct error *err)
{
    struct slot *s = slot_of(f, key);
    bool found;

    lock_acquire(&f->lock);
    found =
        s->err.kind != ERROR_NONE && s->key.a == key->a && s->key.b == key->b;
    if (found && err)
        *err = s->err;
    lock_release(&f->lock);
    return found;
}

static bool lasts(enum error_kind kind)
{
    return kind == ERROR_CORRUPT || kind == ERROR_UNSUPPORTED ||
           kind == ERROR_TOO_BIG;
}

void failures_note(struct failures *f, const struct flight_key *key,
                   const struct error *err)
{
    struct slot *s = slot_of(f, key);

    if (!lasts(err->kind))
        return;
    lock_acquire(&f->lock);
    s->key = *key;
    s->err = *err;
    lock_release(&f->lock);
}

void failures_forget(struct failures *f)
{
    lock_acquire(&f->lock);
    memset(f->slots, 0, sizeof f->slots);
    lock_release(&f->lock);
}
