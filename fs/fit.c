// SPDX-License-Identifier: MIT
/* fit.c: see fit.h. */
#include "fit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/lock.h"

enum {
    WALKS = 4,
    SLOTS = 4096,
    SAMPLES = 512, /* of a budget's worth of raw blocks */
    JUDGE_EVERY = 64,
    AGAIN_PART = 4,
    CORRELATED_PART = 8, /* of the capacity, and at most */
    CORRELATED_KIB = 64 << 10,
    MEMORY = 2048 /* samples; then older ones count half */
};

static const double full_part = 0.9;   /* of the budget */
static const double enough_part = 0.5; /* of what could be resident */

struct slot {
    bool used;
    uint32_t clock; /* when it was read */
    float bytes;
    struct cache_key key;
};

/* A view that is read. Counts are of samples. */
struct walk {
    bool used;
    uint32_t view;
    uint32_t clock;       /* when it was last heard of */
    unsigned reads;       /* of blocks not read lately */
    unsigned again;       /* of others */
    double leaves, bytes; /* that the different blocks stand for */
    double moved;         /* bytes read, in all passes */
    double base;          /* `moved` at the last look for nothing */
    double told;          /* bytes expected; 0: nothing was said */
    struct slot slots[SLOTS];
};

struct fit {
    unsigned shift;         /* one block in 2^shift is sampled */
    _Atomic uint32_t clock; /* KiB read so far; wraps */
    struct lock lock;       /* protects everything below */
    uint32_t capacity;      /* KiB that may fit, uncompressed */
    unsigned fresh;         /* samples since the last judgement */
    struct walk walks[WALKS];
};

static uint32_t to_kib(double bytes)
{
    double kib = bytes / 1024;

    return kib < (double)(UINT32_MAX / 16) ? (uint32_t)kib : UINT32_MAX / 16;
}

struct fit *fit_new(uint64_t budget_bytes, struct error *err)
{
    struct fit *f = calloc(1, sizeof *f);
    uint64_t blocks = budget_bytes / CACHE_BLOCK_MAX;

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    while (blocks >> f->shift > SAMPLES && f->shift < 24)
        f->shift++;
    f->capacity = to_kib(2 * (double)budget_bytes);
    atomic_init(&f->clock, 0);
    lock_init(&f->lock);
    return f;
}

void fit_free(struct fit *f)
{
    if (!f)
        return;
    lock_deinit(&f->lock);
    free(f);
}

/* ---- noting ------------------------------------------------------------- */

static uint64_t hash(const struct cache_key *key)
{
    uint64_t h = key->leaf[0] ^ key->block * UINT64_C(0xc2b2ae3d27d4eb4f);

    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static struct walk *walk_of(struct fit *f, uint32_t view, uint32_t now)
    REQUIRES(f->lock)
{
    struct walk *w = &f->walks[0];

    for (int i = 0; i < WALKS; i++) {
        struct walk *other = &f->walks[i];

        if (other->used && other->view == view) {
            w = other;
            break;
        }
        if (w->used && (!other->used || now - other->clock > now - w->clock))
            w = other;
    }
    /* Somebody who comes back after long reads something new. */
    if (!w->used || w->view != view || now - w->clock > 8 * f->capacity)
        memset(w, 0, sizeof *w);
    w->used = true;
    w->view = view;
    w->clock = now;
    return w;
}

static void note_read(struct fit *f, struct walk *w, float bytes)
    REQUIRES(f->lock)
{
    w->moved += (double)bytes;
    f->fresh++;
    if (++w->reads < MEMORY)
        return;
    w->reads /= 2;
    w->again /= 2;
}

static bool same_key(const struct cache_key *a, const struct cache_key *b)
{
    return a->leaf[0] == b->leaf[0] && a->leaf[1] == b->leaf[1] &&
           a->block == b->block;
}

static uint32_t correlated(const struct fit *f)
{
    return f->capacity / CORRELATED_PART < CORRELATED_KIB
               ? f->capacity / CORRELATED_PART
               : CORRELATED_KIB;
}

/* A block that is read in pieces is read once; one that comes back when it
 * must be forgotten has not been read again but in the next pass. */
static void note_sample(struct fit *f, const struct fit_read *r,
                        const struct cache_key *key, uint64_t h, uint32_t now)
    REQUIRES(f->lock)
{
    float bytes = (float)r->block_bytes;
    struct walk *w = walk_of(f, r->view, now);
    struct slot *slot = &w->slots[(h >> f->shift) % SLOTS];
    uint32_t age = now - slot->clock;

    if (!slot->used || !same_key(&slot->key, key)) {
        w->bytes += (double)bytes;
        w->leaves += (double)bytes / (double)r->leaf_bytes;
        note_read(f, w, bytes);
    } else if (age <= correlated(f)) {
        return;
    } else if (age > f->capacity) {
        note_read(f, w, bytes);
    } else {
        w->again++;
    }
    *slot = (struct slot){true, now, bytes, *key};
}

bool fit_note(struct fit *f, const struct fit_read *read)
{
    bool due = false;

    for (uint64_t block = read->first; block <= read->last; block++) {
        struct cache_key key = {{read->digest[0], read->digest[1]}, block};
        uint64_t h = hash(&key);
        uint32_t now = atomic_fetch_add_explicit(
            &f->clock, (uint32_t)((read->block_bytes + 1023) / 1024),
            memory_order_relaxed);

        if ((h & ((UINT64_C(1) << f->shift) - 1)) != 0)
            continue;
        lock_acquire(&f->lock);
        note_sample(f, read, &key, h, now);
        due = due || f->fresh >= JUDGE_EVERY;
        lock_release(&f->lock);
    }
    return due;
}

/* ---- judging ------------------------------------------------------------ */

static double scale(const struct fit *f)
{
    return (double)(1u << f->shift);
}

static bool is_walk(const struct fit *f, const struct walk *w, uint32_t now)
{
    return w->used && now - w->clock <= f->capacity &&
           w->reads >= JUDGE_EVERY && w->again * AGAIN_PART <= w->reads;
}

/* What it will come to, as far as it can be known now. */
static double expected(const struct fit *f, const struct walk *w,
                       const struct fit_facts *facts)
{
    double so_far = w->bytes * scale(f);
    double all = w->bytes / w->leaves * (double)facts->images;

    if (all < so_far)
        all = so_far;
    return all < 2 * so_far ? all : 2 * so_far;
}

static double resident_bytes(const struct walk *w,
                             const struct fit_facts *facts)
{
    double bytes = 0;

    for (int i = 0; i < SLOTS; i++) {
        const struct slot *slot = &w->slots[i];

        if (slot->used && facts->resident(facts->opaque, &slot->key))
            bytes += (double)slot->bytes;
    }
    return bytes;
}

/* All views that are being walked, together; bytes of blocks. */
struct sum {
    double read; /* since the last look for nothing */
    double different;
    double expected;
    double told;
};

static void add_up(const struct fit *f, const struct fit_facts *facts,
                   uint32_t now, struct sum *ret)
{
    *ret = (struct sum){0, 0, 0, 0};
    for (int i = 0; i < WALKS; i++) {
        const struct walk *w = &f->walks[i];

        if (!is_walk(f, w, now))
            continue;
        ret->read += (w->moved - w->base) * scale(f);
        ret->different += w->bytes * scale(f);
        ret->expected += expected(f, w, facts);
        ret->told += w->told;
    }
}

/* Is what the cache holds mostly theirs? */
static bool have_their_content(struct fit *f, const struct fit_facts *facts,
                               uint32_t now, double different) REQUIRES(f->lock)
{
    double resident = 0, wanted = different * facts->stored_part;

    for (int i = 0; i < WALKS; i++) {
        if (is_walk(f, &f->walks[i], now))
            resident += resident_bytes(&f->walks[i], facts) * scale(f);
    }
    if (wanted > (double)facts->budget_bytes)
        wanted = (double)facts->budget_bytes;
    return resident * facts->stored_part >= enough_part * wanted;
}

static bool is_over(const struct fit *f, uint32_t now)
{
    for (int i = 0; i < WALKS; i++) {
        const struct walk *w = &f->walks[i];

        if (w->used && w->told > 0 && now - w->clock > f->capacity)
            return true;
    }
    return false;
}

/* The next word needs another capacity of reads. */
static void start_over(struct fit *f) REQUIRES(f->lock)
{
    for (int i = 0; i < WALKS; i++) {
        f->walks[i].told = 0;
        f->walks[i].base = f->walks[i].moved;
    }
}

static void note_told(struct fit *f, const struct fit_facts *facts,
                      uint32_t now) REQUIRES(f->lock)
{
    for (int i = 0; i < WALKS; i++) {
        if (is_walk(f, &f->walks[i], now))
            f->walks[i].told = expected(f, &f->walks[i], facts);
    }
}

/* The cache found out otherwise. */
static void note_thaw(struct fit *f) REQUIRES(f->lock)
{
    for (int i = 0; i < WALKS; i++)
        f->walks[i].told = 0;
}

static enum fit_word judge_locked(struct fit *f, const struct fit_facts *facts,
                                  uint64_t *ret_bytes) REQUIRES(f->lock)
{
    uint32_t now = atomic_load_explicit(&f->clock, memory_order_relaxed);
    double enough =
        full_part * (double)facts->budget_bytes / facts->stored_part;
    struct sum sum;

    f->fresh = 0;
    f->capacity = to_kib((double)facts->budget_bytes / facts->stored_part);
    if (is_over(f, now)) {
        start_over(f);
        return FIT_TAKE_BACK;
    }
    if (!facts->frozen)
        note_thaw(f);
    add_up(f, facts, now, &sum);
    if (sum.read < enough || sum.expected < enough ||
        sum.expected <= 1.5 * sum.told)
        return FIT_NOTHING;
    if (sum.told <= 0 && !have_their_content(f, facts, now, sum.different)) {
        start_over(f);
        return FIT_NOTHING;
    }
    note_told(f, facts, now);
    *ret_bytes = (uint64_t)sum.expected;
    return FIT_EXPECT;
}

enum fit_word fit_judge(struct fit *f, const struct fit_facts *facts,
                        uint64_t *ret_bytes)
{
    enum fit_word word;

    lock_acquire(&f->lock);
    word = judge_locked(f, facts, ret_bytes);
    lock_release(&f->lock);
    return word;
}
