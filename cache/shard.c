// SPDX-License-Identifier: MIT
/*
 * shard.c: entries, policy, copies and the ahead list of one shard.
 *
 * The policy is asked once per fill, when the fill starts, with the raw size
 * as reservation; when the block lands the charge becomes what it took. An
 * entry may lose its place while it is being filled: it then lands as a ghost
 * or nowhere, and its readers are served all the same.
 *
 * Blocks that nobody has asked for wait on the ahead list, outside of the
 * policy and in a share of their own, so that they can never displace one
 * that was used. The first access brings them to the policy as if they had
 * just been filled. The oldest leave when the share is full: what was read
 * ahead is dropped, what came along with another block (and would cost a
 * decode to make again) goes on to the policy like a block seen once.
 */
#include "shard.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A refused block must live until a reader that takes it in pieces is done:
 * some blocks for each of some readers. */
#define WINDOW_FLOOR ((uint64_t)2 << 20)

/* --------------------------------------------------------------- lock */

static uint64_t now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The clock is read only if somebody else has the lock. */
void shard_lock(struct shard *shard) NO_THREAD_SAFETY_ANALYSIS
{
    int rc = pthread_mutex_trylock(&shard->lock.mutex);
    uint64_t start;

    if (rc == EBUSY) {
        start = now_ns();
        lock_acquire(&shard->lock);
        shard->stats.lock_waits++;
        shard->stats.lock_wait_ns += now_ns() - start;
    } else {
        lock_check(rc);
    }
    shard->stats.lock_takes++;
}

void shard_unlock(struct shard *shard) NO_THREAD_SAFETY_ANALYSIS
{
    lock_release(&shard->lock);
}

/* --------------------------------------------------------------- lists */

static void list_push(struct entry_list *list, struct entry *entry,
                      uint64_t bytes)
{
    entry->newer = NULL;
    entry->older = list->newest;
    *(list->newest ? &list->newest->newer : &list->oldest) = entry;
    list->newest = entry;
    list->bytes += bytes;
}

static void list_remove(struct entry_list *list, struct entry *entry,
                        uint64_t bytes)
{
    *(entry->older ? &entry->older->newer : &list->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &list->newest) = entry->older;
    entry->older = entry->newer = NULL;
    list->bytes -= bytes;
}

static uint64_t held_bytes(const struct entry *entry)
{
    return payload_charge(entry->payload->size) + ENTRY_COST;
}

/* --------------------------------------------------------------- tiers */

static void wait_for_tiers(struct shard *shard, struct entry *entry)
{
    for (unsigned i = 0; i < shard->tiers; i++)
        if (entry->offer & 1u << i)
            feed_add(&shard->feeds[i], entry);
    entry->offer = 0;
}

static void leave_tiers(struct shard *shard, struct entry *entry)
{
    for (unsigned i = 0; i < shard->tiers; i++) {
        if (!(entry->waiting & 1u << i))
            continue;
        feed_remove(&shard->feeds[i], entry);
        feed_leave(&shard->feeds[i], &entry->key, entry->size, entry->payload);
    }
}

/* Nobody shall have it. */
static void forget_tiers(struct shard *shard, struct entry *entry)
{
    for (unsigned i = 0; i < shard->tiers; i++)
        if (entry->waiting & 1u << i)
            feed_remove(&shard->feeds[i], entry);
    entry->offer = 0;
}

/* A block that memory does not keep for a moment. */
static void pass_to_tiers(struct shard *shard, struct entry *entry,
                          struct payload *payload)
{
    for (unsigned i = 0; i < shard->tiers; i++)
        if (entry->offer & 1u << i)
            feed_leave(&shard->feeds[i], &entry->key, entry->size, payload);
    entry->offer = 0;
}

int shard_add_tier(struct shard *shard, bool is_prompt,
                   void (*hurry)(void *opaque), void *opaque)
{
    struct feed *feed = &shard->feeds[shard->tiers];

    if (feed_init(feed, shard->tiers, is_prompt, hurry, opaque) != 0)
        return -1;
    shard->tiers++;
    return 0;
}

void shard_end_tiers_locked(struct shard *shard)
{
    while (shard->tiers > 0) {
        struct feed *feed = &shard->feeds[--shard->tiers];

        while (feed->oldest)
            feed_remove(feed, feed->oldest);
        feed_deinit(feed, shard->memory);
    }
}

/* -------------------------------------------------------------- losing */

static void litter_payload(struct shard *shard, struct payload *payload)
{
    payload->next = shard->litter.payloads;
    shard->litter.payloads = payload;
}

static void drop_copy(struct shard *shard, struct entry *entry)
{
    struct buffer *copy = entry->copy;

    if (!copy)
        return;
    list_remove(&shard->copies, entry, buffer_charge(copy->size));
    entry->copy = NULL;
    copy->next = shard->litter.buffers;
    shard->litter.buffers = copy;
}

static void set_payload(struct shard *shard, struct entry *entry,
                        struct payload *payload)
{
    shard->stats.blocks++;
    shard->stats.bytes_logical += entry->size;
    shard->stats.bytes_compressed += payload->size;
    entry->payload = payload;
}

static void drop_payload(struct shard *shard, struct entry *entry)
{
    struct payload *payload = entry->payload;

    if (!payload)
        return;
    shard->stats.blocks--;
    shard->stats.bytes_logical -= entry->size;
    shard->stats.bytes_compressed -= payload->size;
    entry->payload = NULL;
    entry->from = 0;
    litter_payload(shard, payload);
}

static void drop_data(struct shard *shard, struct entry *entry)
{
    if (entry->payload)
        shard->stats.evictions++;
    if (entry->waiting)
        leave_tiers(shard, entry);
    drop_copy(shard, entry);
    drop_payload(shard, entry);
    entry->unasked = false;
}

/* Out of the table, if nothing needs the entry any more. */
static void bury(struct shard *shard, struct entry *entry)
{
    if (entry->held || entry->ahead || entry->node.where != ARC_NOWHERE)
        return;
    table_remove(&shard->table, entry);
    entry->chain = shard->litter.entries;
    shard->litter.entries = entry;
}

/* A ghost may be ahead at the same time: its data are then not the
 * policy's to take. */
static void on_ghosted(void *opaque, struct arc_node *node)
{
    drop_data(opaque, entry_of_node(node));
}

static void on_dropped(void *opaque, struct arc_node *node)
{
    struct entry *entry = entry_of_node(node);

    if (!entry->ahead)
        drop_data(opaque, entry);
    bury(opaque, entry);
}

static void leave_ahead(struct shard *shard, struct entry *entry)
{
    list_remove(&shard->ahead, entry, held_bytes(entry));
    entry->ahead = AHEAD_NOT;
}

/* Hands an entry that has left the ahead list to the policy. */
static void admit_data(struct shard *shard, struct entry *entry)
{
    entry->held = true;
    (void)guard_access(&shard->guard, &entry->node, entry->hash,
                       held_bytes(entry));
    entry->held = false;
    if (!guard_is_resident(&entry->node))
        drop_data(shard, entry);
    bury(shard, entry);
}

static void expire_ahead(struct shard *shard)
{
    while (shard->ahead.bytes > shard->share.ahead) {
        struct entry *entry = shard->ahead.oldest;
        bool published = entry->ahead == AHEAD_PUBLISHED;

        leave_ahead(shard, entry);
        if (published) {
            entry->unasked = true;
            admit_data(shard, entry);
            continue;
        }
        shard->stats.prefetch_wasted++;
        drop_data(shard, entry);
        bury(shard, entry);
    }
}

/* --------------------------------------------------------------- limits */

static uint64_t ghosts(const struct arc *arc)
{
    return arc->list[ARC_B1].count + arc->list[ARC_B2].count;
}

/* Residents carry their entry's cost in their charge. What ghosts, buckets
 * and shadows take, and what memory.c cannot put down to a block, is in no
 * list and comes off the top. */
static uint64_t capacity(const struct shard *shard)
{
    uint64_t fixed = ghosts(&shard->guard.gate.arc) * ENTRY_COST +
                     table_bytes(&shard->table) +
                     guard_overhead(&shard->guard) +
                     memory_overhead(shard->memory) / shard->parts;

    return shard->share.blocks > fixed ? shard->share.blocks - fixed : 0;
}

/* Ghosts of very small charge could be many: they may take a thirty-second
 * of the share. */
static void limit_ghosts(struct shard *shard)
{
    uint64_t most = shard->share.blocks / 32 / ENTRY_COST;

    while (ghosts(&shard->guard.gate.arc) > most)
        (void)arc_drop_ghost(&shard->guard.gate.arc);
}

/* Small changes of the fixed part are let pass: each would cost the policy a
 * little of its memory. */
static void fit(struct shard *shard)
{
    uint64_t slack = shard->share.blocks / 256;
    uint64_t now = shard->guard.capacity, wanted;

    limit_ghosts(shard);
    wanted = capacity(shard);
    if (wanted + slack < now || now + slack < wanted)
        guard_set_capacity(&shard->guard, wanted);
}

static void trim_copies(struct shard *shard)
{
    while (shard->copies.bytes > shard->share.copies)
        drop_copy(shard, shard->copies.oldest);
}

void shard_set_share_locked(struct shard *shard, const struct share *share)
{
    shard->share = *share;
    for (unsigned i = 0; i < shard->tiers; i++)
        shard->feeds[i].leaving_max = share->leaving;
    trim_copies(shard);
    expire_ahead(shard);
    limit_ghosts(shard);
    guard_set_capacity(&shard->guard, capacity(shard));
}

int shard_init(struct shard *shard, struct memory *memory, unsigned parts,
               bool guard)
{
    struct arc_events events = {on_ghosted, on_dropped, shard};

    memset(shard, 0, sizeof *shard);
    if (table_init(&shard->table) != 0)
        return -1;
    lock_init(&shard->lock);
    shard->memory = memory;
    shard->parts = parts;
    guard_init(&shard->guard, 0, guard, WINDOW_FLOOR, &events);
    return 0;
}

void shard_deinit(struct shard *shard)
{
    const struct share none = {0};
    struct litter litter;

    lock_acquire(&shard->lock);
    shard_end_tiers_locked(shard);
    shard_set_share_locked(shard, &none);
    guard_deinit(&shard->guard);
    assert(shard->table.count == 0);
    litter = litter_take_locked(shard);
    lock_release(&shard->lock);
    litter_free(&litter, shard->memory);
    table_deinit(&shard->table);
    lock_deinit(&shard->lock);
}

/* ------------------------------------------------------------- accesses */

static uint32_t correlation(const struct shard *shard)
{
    uint64_t blocks = guard_blocks(&shard->guard) / 8;

    return blocks < CORRELATED_ACCESSES ? (uint32_t)blocks
                                        : CORRELATED_ACCESSES;
}

static void count_ghost_hits(struct shard *shard)
{
    shard->stats.ghost_hits_b1 = shard->guard.gate.arc.b1_hits;
    shard->stats.ghost_hits_b2 = shard->guard.gate.arc.b2_hits;
}

static void use_ahead(struct shard *shard, struct entry *entry)
{
    if (entry->ahead == AHEAD_PREFETCHED)
        shard->stats.prefetch_used++;
    else
        shard->stats.published_used++;
    leave_ahead(shard, entry);
    wait_for_tiers(shard, entry);
    entry->touched = ++shard->tick;
    admit_data(shard, entry);
    count_ghost_hits(shard);
}

/* It was counted as seen once when it came; this is that once. Else a pass
 * over images of many blocks would look like use of all of them, and displace
 * what is used indeed. */
static void use_unasked(struct shard *shard, struct entry *entry)
{
    shard->stats.published_used++;
    entry->unasked = false;
    entry->touched = ++shard->tick;
}

void shard_touch_locked(struct shard *shard, struct entry *entry)
{
    if (entry->ahead) {
        use_ahead(shard, entry);
        return;
    }
    if (entry->unasked) {
        use_unasked(shard, entry);
        return;
    }
    if (shard->tick - entry->touched <= correlation(shard))
        return;
    entry->touched = ++shard->tick;
    (void)guard_access(&shard->guard, &entry->node, entry->hash,
                       entry->node.charge);
}

void shard_hold_locked(struct shard *shard, struct entry *entry)
{
    (void)shard;
    entry->held = true;
}

void shard_admit_locked(struct shard *shard, struct entry *entry)
{
    assert(entry->held);
    fit(shard);
    entry->touched = ++shard->tick;
    (void)guard_access(&shard->guard, &entry->node, entry->hash,
                       entry->size + ENTRY_COST);
    count_ghost_hits(shard);
}

/* From here on the policy may drop the entry for good. */
static void set_free(struct shard *shard, struct entry *entry)
{
    entry->flight = NULL;
    entry->held = false;
    bury(shard, entry);
}

bool shard_land_locked(struct shard *shard, struct entry *entry,
                       struct payload *payload)
{
    bool kept;

    if (payload)
        guard_revive(&shard->guard, &entry->node, entry->size + ENTRY_COST);
    if (payload && guard_is_resident(&entry->node)) {
        set_payload(shard, entry, payload);
        wait_for_tiers(shard, entry);
        guard_resize(&shard->guard, &entry->node, held_bytes(entry));
    } else {
        shard->stats.uncached++;
        if (guard_is_resident(&entry->node))
            guard_remove(&shard->guard, &entry->node);
        if (payload) {
            pass_to_tiers(shard, entry, payload);
            litter_payload(shard, payload);
        }
    }
    kept = entry->payload != NULL;
    set_free(shard, entry);
    return kept;
}

void shard_land_ahead_locked(struct shard *shard, struct entry *entry,
                             struct payload *payload, enum ahead why)
{
    entry->flight = NULL;
    entry->held = false;
    if (!payload) {
        bury(shard, entry);
        return;
    }
    if (why == AHEAD_PREFETCHED)
        shard->stats.prefetched++;
    else
        shard->stats.published++;
    set_payload(shard, entry, payload);
    if (why == AHEAD_PUBLISHED)
        wait_for_tiers(shard, entry);
    entry->ahead = (uint8_t)why;
    list_push(&shard->ahead, entry, held_bytes(entry));
    expire_ahead(shard);
}

void shard_forget_locked(struct shard *shard, struct entry *entry)
{
    guard_remove(&shard->guard, &entry->node);
    if (entry->ahead)
        leave_ahead(shard, entry);
    forget_tiers(shard, entry);
    drop_copy(shard, entry);
    drop_payload(shard, entry);
    set_free(shard, entry);
}

void shard_keep_copy_locked(struct shard *shard, struct entry *entry,
                            struct buffer *copy)
{
    uint64_t bytes = buffer_charge(copy->size);

    if (entry->copy || !entry->payload || entry->ahead ||
        bytes > shard->share.copies)
        return;
    entry->copy = buffer_ref(copy);
    list_push(&shard->copies, entry, bytes);
    trim_copies(shard);
}

void shard_touch_copy_locked(struct shard *shard, struct entry *entry)
{
    uint64_t bytes = buffer_charge(entry->copy->size);

    if (shard->copies.newest == entry)
        return;
    list_remove(&shard->copies, entry, bytes);
    list_push(&shard->copies, entry, bytes);
}

struct litter litter_take_locked(struct shard *shard)
{
    struct litter litter = shard->litter;

    memset(&shard->litter, 0, sizeof shard->litter);
    return litter;
}

void litter_free(struct litter *litter, struct memory *memory)
{
    while (litter->payloads) {
        struct payload *payload = litter->payloads;

        litter->payloads = payload->next;
        payload_unref(memory, payload);
    }
    while (litter->buffers) {
        struct buffer *buffer = litter->buffers;

        litter->buffers = buffer->next;
        buffer_unref(memory, buffer);
    }
    while (litter->entries) {
        struct entry *entry = litter->entries;

        litter->entries = entry->chain;
        free(entry);
    }
}
