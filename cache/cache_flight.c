// SPDX-License-Identifier: MIT
/* cache_flight.c: fills under way: making a block once for all who want it.
 * See cache.c. */
#include "prepfs/cleanup.h"

#include "cache_request.h"
#include "coding.h"
#include "tiers.h"

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

/* ------------------------------------------------------------- flights */

void request_flight_free(struct flight *flight, struct memory *memory)
{
    if (!flight)
        return;
    buffer_unref(memory, flight->buffer);
    lock_check(pthread_cond_destroy(&flight->landed));
    free(flight->spare);
    free(flight);
}

struct flight *request_flight_new(const struct request *r)
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
    request_flight_free(flight, r->cache->memory);
    return NULL;
}

/* ----------------------------------------------------------- cancelling */

static bool is_fired(const struct cache_cancel *cancel)
{
    return cancel && __atomic_load_n(&cancel->fired, __ATOMIC_SEQ_CST);
}

bool request_is_cancelled(const struct request *r)
{
    return is_fired(r->cancel);
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

int request_interrupted(struct error *err)
{
    return error_set(err, ERROR_INTERRUPTED, "the read was cancelled");
}

/* -------------------------------------------------------------- fills */

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

int request_fill(struct request *r, struct entry *entry, struct flight *flight)
    RELEASE(r->shard->lock) NO_THREAD_SAFETY_ANALYSIS
{
    struct error error = ERROR_INIT;
    struct payload *payload = NULL;
    bool last;
    int rc;

    entry = request_hold_locked(r, entry, &flight->spare);
    take_off_locked(r, entry, flight);
    request_release(r);

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
        request_pin(r->pin, buffer_ref(flight->buffer));
    last = --flight->refs == 0;
    request_release(r);
    if (last)
        request_flight_free(flight, r->cache->memory);
    if (rc != 0 && r->err)
        *r->err = error;
    return rc == 0 ? 0 : -1;
}

/* ------------------------------------------------------------- waiting */

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

/* What a waiter takes from a flight that has landed. */
static enum outcome result_of(struct request *r, struct flight *flight)
{
    if (!flight->failed) {
        request_pin(r->pin, buffer_ref(flight->buffer));
        return GOT;
    }
    /* The filler gave up for itself; that is no answer for others. */
    if (flight->error.kind == ERROR_INTERRUPTED)
        return AGAIN;
    if (r->err)
        *r->err = flight->error;
    return FAILED;
}

enum outcome request_join(struct request *r, struct flight *flight)
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
        outcome = (enum outcome)request_interrupted(r->err);
    last = --flight->refs == 0;
    request_release(r);
    if (last)
        request_flight_free(flight, r->cache->memory);
    return outcome;
}
