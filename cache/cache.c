// SPDX-License-Identifier: MIT
/*
 * cache.c: the facade: find, fill once, compress, pin, count.
 *
 * Locks, in the order in which they may be taken:
 *
 *     budget_lock (cache_admin.c)   changes of the budget, one at a time
 *     shard->lock                   never two of them
 *     a feeder's lock (tiers.c)     to wake it
 *     memory's lock (memory.c)      free pages; nothing is taken after it
 *
 * Under a shard lock there is only pointer work: no fill, no coding, no free,
 * no log. A miss needs an entry, a flight and a buffer; they are allocated
 * before the lock is taken again, and the lookup is then repeated, because
 * another thread may have come first. What an operation evicts is collected
 * (shard.h) and freed after the unlock. Two rare steps do allocate under the
 * lock, and carry on without if they cannot: a table that doubles, and the
 * guard's shadows when a shard is full for the first time.
 *
 * Single flight. The first reader that misses puts a struct flight on the
 * entry and fills with no lock held; later readers take a reference on the
 * flight and sleep on its condition. Their result, block or error, is in the
 * flight, so it does not matter whether the entry still exists when they
 * wake. A failed fill removes the entry: the next get fills again.
 *
 * Lifetimes. Eviction is logical and immediate: the entry loses its payload
 * and its copy at once. Readers hold counted references on the bytes only
 * (struct payload while decoding, struct buffer while pinned), taken under
 * the shard lock; the last reference frees, with no lock. So eviction never
 * waits for a reader, and a pin needs no entry.
 *
 * Cancelling. A token names the shard its owner sleeps in. Firing sets the
 * flag first and looks for the shard second; sleeping publishes the shard
 * first and looks at the flag second; so one of the two sees the other. A
 * waiter that leaves only drops its reference: the fill goes on for the rest.
 */
#include "prepfs/cache.h"

#include "prepfs/cleanup.h"

#include "cache_parts.h"
#include "coding.h"
#include "tiers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct flight {
    pthread_cond_t landed; /* with the shard's lock */
    /* Protected by the shard's lock: */
    unsigned refs;
    bool ahead;  /* started by nobody who waits for it */
    bool joined; /* but somebody does now */
    bool done;
    bool failed;
    struct error error;
    /* Set before `done`; each reader takes its own reference. */
    struct buffer *buffer;
    /* Owned by the filler: */
    struct entry *spare; /* until the entry is in the table */
    uint8_t offer;       /* tiers that shall have the block */
};

/* One call of cache_get, as its steps see it. */
struct request {
    struct cache *cache;
    struct shard *shard;
    const struct cache_key *key;
    uint64_t hash;
    size_t size;
    cache_fill_fn fill;
    void *opaque;
    bool ahead; /* a prefetch: wants no pin and does not wait */
    struct cache_cancel *cancel;
    struct cache_pin *pin;
    struct error *err;
};

static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
    /* The high half: the table of the shard uses the low bits. */
    return &cache->shards[(hash >> 32) * cache->shard_count >> 32];
}

static void release(struct request *r) RELEASE(r->shard->lock)
{
    struct litter litter = litter_take_locked(r->shard);

    shard_unlock(r->shard);
    litter_free(&litter, r->cache->memory);
}

/* Hands the reference over to the pin. */
static void pin_buffer(struct cache_pin *pin, struct buffer *buffer)
{
    pin->data = buffer->data;
    pin->size = buffer->size;
    pin->impl = buffer;
}

/* ------------------------------------------------------------- flights */

static void flight_free(struct flight *flight, struct memory *memory)
{
    if (!flight)
        return;
    buffer_unref(memory, flight->buffer);
    lock_check(pthread_cond_destroy(&flight->landed));
    free(flight->spare);
    free(flight);
}

static struct flight *flight_new(const struct request *r)
{
    struct flight *flight = calloc(1, sizeof *flight);

    if (!flight)
        return NULL;
    lock_check(pthread_cond_init(&flight->landed, NULL));
    flight->refs = 1;
    flight->spare = calloc(1, sizeof *flight->spare);
    flight->buffer = buffer_new(r->cache->memory, r->size);
    if (flight->spare && flight->buffer)
        return flight;
    flight_free(flight, r->cache->memory);
    return NULL;
}

/* ----------------------------------------------------------- cancelling */

static bool is_fired(const struct cache_cancel *cancel)
{
    return cancel && __atomic_load_n(&cancel->fired, __ATOMIC_SEQ_CST);
}

static void watch_locked(struct request *r, struct flight *flight)
    REQUIRES(r->shard->lock)
{
    if (!r->cancel)
        return;
    r->cancel->flight = flight;
    __atomic_store_n(&r->cancel->shard, r->shard, __ATOMIC_SEQ_CST);
}

static void unwatch_locked(struct request *r) REQUIRES(r->shard->lock)
{
    if (!r->cancel)
        return;
    __atomic_store_n(&r->cancel->shard, NULL, __ATOMIC_SEQ_CST);
    r->cancel->flight = NULL;
}

void cache_cancel_fire(struct cache_cancel *cancel)
{
    struct shard *shard;
    struct flight *flight;

    __atomic_store_n(&cancel->fired, true, __ATOMIC_SEQ_CST);
    shard = __atomic_load_n(&cancel->shard, __ATOMIC_SEQ_CST);
    if (!shard)
        return;
    shard_lock(shard);
    if (__atomic_load_n(&cancel->shard, __ATOMIC_SEQ_CST) == shard) {
        flight = cancel->flight;
        lock_check(pthread_cond_broadcast(&flight->landed));
    }
    shard_unlock(shard);
}

bool cache_cancel_wanted(struct cache_cancel *cancel)
{
    struct shard *shard;
    struct flight *flight;
    bool wanted;

    if (!is_fired(cancel))
        return true;
    shard = __atomic_load_n(&cancel->shard, __ATOMIC_SEQ_CST);
    if (!shard)
        return false;
    shard_lock(shard);
    flight = cancel->flight;
    wanted = flight->refs > 1;
    shard_unlock(shard);
    return wanted;
}

static int interrupted(struct error *err)
{
    return error_set(err, ERROR_INTERRUPTED, "the read was cancelled");
}

/* --------------------------------------------------------------- hits */

/* Keeps what was decoded, if the block is still the one it came from. */
static void offer_copy(struct request *r, const struct payload *payload,
                       struct buffer *buffer)
{
    struct entry *entry;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (entry && entry->payload == payload)
        shard_keep_copy_locked(r->shard, entry, buffer);
    release(r);
}

/* Called with the lock held on a resident entry; releases it. */
static int take_hit(struct request *r, struct entry *entry)
    RELEASE(r->shard->lock) NO_THREAD_SAFETY_ANALYSIS
{
    struct payload *payload = payload_ref(entry->payload);
    struct buffer *buffer = NULL;

    r->shard->stats.hits++;
    if (entry->copy) {
        buffer = buffer_ref(entry->copy);
        shard_touch_copy_locked(r->shard, entry);
    }
    shard_touch_locked(r->shard, entry);
    release(r);
    if (!buffer) {
        buffer = coding_unpack(r->cache->memory, payload, r->size);
        if (buffer)
            offer_copy(r, payload, buffer);
    }
    payload_unref(r->cache->memory, payload);
    if (!buffer)
        return error_no_memory(r->err);
    pin_buffer(r->pin, buffer);
    return 0;
}

/* -------------------------------------------------------------- fills */

/* The entry to fill, held; takes over *spare if there was none. */
static struct entry *hold_locked(struct request *r, struct entry *entry,
                                 struct entry **spare) REQUIRES(r->shard->lock)
{
    if (!entry) {
        entry = STEAL(*spare);
        entry->key = *r->key;
        entry->hash = r->hash;
        table_insert(&r->shard->table, entry);
    }
    entry->size = (uint32_t)r->size;
    shard_hold_locked(r->shard, entry);
    return entry;
}

static void land_locked(struct request *r, struct entry *entry,
                        struct flight *flight, struct payload *payload)
    REQUIRES(r->shard->lock)
{
    if (flight->failed) {
        r->shard->stats.fill_errors += flight->error.kind != ERROR_INTERRUPTED;
        shard_forget_locked(r->shard, entry);
        return;
    }
    entry->offer = flight->offer;
    if (flight->ahead && !flight->joined) {
        shard_land_ahead_locked(r->shard, entry, payload, AHEAD_PREFETCHED);
        return;
    }
    if (flight->ahead) {
        r->shard->stats.prefetched++;
        r->shard->stats.prefetch_used++;
        shard_admit_locked(r->shard, entry);
    }
    if (shard_land_locked(r->shard, entry, payload))
        shard_keep_copy_locked(r->shard, entry, flight->buffer);
}

static void take_off_locked(struct request *r, struct entry *entry,
                            struct flight *flight) REQUIRES(r->shard->lock)
{
    flight->ahead = r->ahead;
    entry->flight = flight;
    r->shard->stats.fills_in_flight++;
    if (!r->ahead) {
        r->shard->stats.misses++;
        shard_admit_locked(r->shard, entry);
    }
    watch_locked(r, flight);
}

/* From a tier, or by the fill, in flight->buffer. */
static int make(struct request *r, struct flight *flight, struct payload **ret,
                struct error *err)
{
    struct buffer *buffer = flight->buffer;
    struct cache_hint hint = {0};

    if (tiers_get(r->cache, r->key, buffer, r->ahead, ret, &flight->offer))
        return 0;
    flight->offer = tiers_all(r->cache);
    if (r->fill(r->opaque, r->key, buffer->data, r->size, &hint, err) == 0) {
        *ret = coding_pack(r->cache->memory, buffer->data, r->size, &hint);
        return 0;
    }
    if (err->kind == ERROR_NONE)
        error_set(err, ERROR_INTERNAL, "a fill failed without a reason");
    return -1;
}

/* The filler's whole part: admits, fills unlocked, lands. Called with the
 * lock held, releases it. `flight` is freed here or by its last waiter. */
static int fill_entry(struct request *r, struct entry *entry,
                      struct flight *flight)
    RELEASE(r->shard->lock) NO_THREAD_SAFETY_ANALYSIS
{
    struct error error = ERROR_INIT;
    struct payload *payload = NULL;
    bool last;
    int rc;

    entry = hold_locked(r, entry, &flight->spare);
    take_off_locked(r, entry, flight);
    release(r);

    rc = make(r, flight, &payload, &error);
    shard_lock(r->shard);
    unwatch_locked(r);
    r->shard->stats.fills_in_flight--;
    flight->failed = rc != 0;
    flight->error = error;
    land_locked(r, entry, flight, payload);
    flight->done = true;
    lock_check(pthread_cond_broadcast(&flight->landed));
    if (rc == 0 && r->pin)
        pin_buffer(r->pin, buffer_ref(flight->buffer));
    last = --flight->refs == 0;
    release(r);
    if (last)
        flight_free(flight, r->cache->memory);
    if (rc != 0 && r->err)
        *r->err = error;
    return rc == 0 ? 0 : -1;
}

static uint64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void count_wait_locked(struct shard *shard, uint64_t us)
    REQUIRES(shard->lock)
{
    unsigned i = 0;

    while (i + 1 < CACHE_WAIT_BUCKETS && us >> i != 0)
        i++;
    shard->stats.wait_us[i]++;
    shard->stats.wait_us_sum += us;
}

enum outcome { GOT = 0, FAILED = -1, AGAIN = 1 };

/* What a waiter takes from a flight that has landed. */
static enum outcome result_of(struct request *r, struct flight *flight)
{
    if (!flight->failed) {
        pin_buffer(r->pin, buffer_ref(flight->buffer));
        return GOT;
    }
    /* The filler gave up for itself; that is no answer for others. */
    if (flight->error.kind == ERROR_INTERRUPTED)
        return AGAIN;
    if (r->err)
        *r->err = flight->error;
    return FAILED;
}

/* Sleeps until the flight has landed or the request is cancelled. Called with
 * the lock held, releases it. */
static enum outcome join(struct request *r, struct flight *flight)
    RELEASE(r->shard->lock) NO_THREAD_SAFETY_ANALYSIS
{
    uint64_t start = now_us();
    enum outcome outcome;
    bool last;

    r->shard->stats.waits++;
    flight->refs++;
    flight->joined = true;
    watch_locked(r, flight);
    while (!flight->done && !is_fired(r->cancel))
        lock_wait(&r->shard->lock, &flight->landed);
    unwatch_locked(r);
    count_wait_locked(r->shard, now_us() - start);
    if (flight->done)
        outcome = result_of(r, flight);
    else
        outcome = (enum outcome)interrupted(r->err);
    last = --flight->refs == 0;
    release(r);
    if (last)
        flight_free(flight, r->cache->memory);
    return outcome;
}

/* One try. *mine is a flight made ready by an earlier try, or NULL. */
static enum outcome attempt(struct request *r,
                            struct flight **mine) NO_THREAD_SAFETY_ANALYSIS
{
    struct entry *entry;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (entry && (entry->flight || entry->payload) && entry->size != r->size) {
        shard_unlock(r->shard);
        return (enum outcome)error_set(r->err, ERROR_INTERNAL,
                                       "block %llu has two sizes",
                                       (unsigned long long)r->key->block);
    }
    if (entry && entry->flight)
        return join(r, entry->flight);
    if (entry && entry->payload)
        return (enum outcome)take_hit(r, entry);
    if (*mine)
        return (enum outcome)fill_entry(r, entry, STEAL(*mine));
    shard_unlock(r->shard);

    if (is_fired(r->cancel))
        return (enum outcome)interrupted(r->err);
    *mine = flight_new(r);
    return *mine ? AGAIN : (enum outcome)error_no_memory(r->err);
}

static void request_init(struct request *r, struct cache *cache,
                         const struct cache_key *key, size_t size)
{
    memset(r, 0, sizeof *r);
    r->cache = cache;
    r->key = key;
    r->hash = table_hash(key);
    r->size = size;
    r->shard = shard_of(cache, r->hash);
}

static bool is_block_size(size_t size)
{
    return size > 0 && size <= CACHE_BLOCK_MAX;
}

int cache_get_with(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   const struct cache_get_options *options,
                   struct cache_pin *ret, struct error *err)
{
    struct flight *mine = NULL;
    enum outcome outcome;
    struct request r;

    memset(ret, 0, sizeof *ret);
    if (!is_block_size(size))
        return error_set(err, ERROR_INTERNAL, "a block of %zu bytes", size);
    request_init(&r, cache, key, size);
    r.fill = fill;
    r.opaque = opaque;
    r.cancel = options ? options->cancel : NULL;
    r.pin = ret;
    r.err = err;
    do
        outcome = attempt(&r, &mine);
    while (outcome == AGAIN);
    flight_free(mine, cache->memory);
    return outcome == GOT ? 0 : -1;
}

int cache_get(struct cache *cache, const struct cache_key *key, size_t size,
              cache_fill_fn fill, void *opaque, struct cache_pin *ret,
              struct error *err)
{
    return cache_get_with(cache, key, size, fill, opaque, NULL, ret, err);
}

bool cache_try_get(struct cache *cache, const struct cache_key *key,
                   size_t size, struct cache_pin *ret) NO_THREAD_SAFETY_ANALYSIS
{
    struct entry *entry;
    struct request r;

    memset(ret, 0, sizeof *ret);
    request_init(&r, cache, key, size);
    r.pin = ret;
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    if (entry && entry->payload && entry->size == size)
        return take_hit(&r, entry) == 0;
    shard_unlock(r.shard);
    return false;
}

static bool is_present(const struct entry *entry)
{
    return entry && (entry->flight || entry->payload);
}

static bool has_block(struct request *r)
{
    bool present;

    shard_lock(r->shard);
    present = is_present(table_find(&r->shard->table, r->key, r->hash));
    shard_unlock(r->shard);
    return present;
}

bool cache_has(struct cache *cache, const struct cache_key *key)
{
    struct entry *entry;
    struct request r;
    bool resident;

    request_init(&r, cache, key, 0);
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    resident = entry && entry->payload;
    shard_unlock(r.shard);
    return resident;
}

int cache_prefetch(struct cache *cache, const struct cache_key *key,
                   size_t size, cache_fill_fn fill, void *opaque,
                   struct error *err) NO_THREAD_SAFETY_ANALYSIS
{
    struct flight *flight;
    struct entry *entry;
    struct request r;

    request_init(&r, cache, key, size);
    if (!is_block_size(size))
        return error_set(err, ERROR_INTERNAL, "a block of %zu bytes", size);
    if (has_block(&r))
        return 0;
    r.fill = fill;
    r.opaque = opaque;
    r.ahead = true;
    r.err = err;
    flight = flight_new(&r);
    if (!flight)
        return error_no_memory(err);
    shard_lock(r.shard);
    entry = table_find(&r.shard->table, key, r.hash);
    if (!is_present(entry))
        return fill_entry(&r, entry, flight);
    shard_unlock(r.shard);
    flight_free(flight, cache->memory);
    return 0;
}

/* Takes over the payload. False: it was there already, or did not fit. */
static bool keep_ahead(struct request *r, struct payload *payload,
                       uint8_t offer, enum ahead why)
{
    struct entry *spare = calloc(1, sizeof *spare);
    struct entry *entry;
    bool kept = false;

    shard_lock(r->shard);
    entry = table_find(&r->shard->table, r->key, r->hash);
    if (payload && spare && !is_present(entry)) {
        entry = hold_locked(r, entry, &spare);
        entry->offer = offer;
        shard_land_ahead_locked(r->shard, entry, STEAL(payload), why);
        kept = true;
    }
    release(r);
    payload_unref(r->cache->memory, payload);
    free(spare);
    return kept;
}

static void publish(struct cache *cache, const struct cache_key *key,
                    const uint8_t *data, size_t size,
                    const struct cache_hint *hint, enum ahead why)
{
    struct request r;

    request_init(&r, cache, key, size);
    if (!is_block_size(size) || has_block(&r))
        return;
    (void)keep_ahead(&r, coding_pack(cache->memory, data, size, hint),
                     tiers_all(cache), why);
}

void cache_publish(struct cache *cache, const struct cache_key *key,
                   const uint8_t *data, size_t size,
                   const struct cache_hint *hint)
{
    publish(cache, key, data, size, hint, AHEAD_PUBLISHED);
}

void cache_publish_ahead(struct cache *cache, const struct cache_key *key,
                         const uint8_t *data, size_t size,
                         const struct cache_hint *hint)
{
    publish(cache, key, data, size, hint, AHEAD_PREFETCHED);
}

/* A block that a tier sent along. */
static bool keep_fetched(void *opaque, const struct cache_key *key, size_t size,
                         struct payload *payload, uint8_t offer)
{
    struct request r;

    request_init(&r, opaque, key, size);
    return keep_ahead(&r, payload, offer, AHEAD_PREFETCHED);
}

size_t cache_fetch_ahead(struct cache *cache, const struct cache_key *keys,
                         const size_t *sizes, size_t n)
{
    struct tiers_list list;
    struct request r;
    size_t came;

    if (cache->tier_count == 0 || tiers_list_init(&list, n) != 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        request_init(&r, cache, &keys[i], sizes[i]);
        if (is_block_size(sizes[i]) && !has_block(&r))
            tiers_list_add(&list, &keys[i], sizes[i]);
    }
    came = tiers_fetch(cache, &list, keep_fetched, cache);
    tiers_list_deinit(&list);
    return came;
}

void cache_unpin(struct cache *cache, struct cache_pin *pin)
{
    buffer_unref(cache->memory, pin->impl);
    memset(pin, 0, sizeof *pin);
}
