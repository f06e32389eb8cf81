// SPDX-License-Identifier: MIT
/*
 * shard.c: entries, policy and copies of one shard.
 *
 * The policy is asked once per fill, when the fill starts, with the raw size
 * as reservation; when the block lands the charge becomes what it took. An
 * entry may lose its place while it is being filled: it then lands as a ghost
 * or nowhere, and its readers are served all the same.
 */
#include "shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void drop_copy(struct shard *shard, struct entry *entry)
{
    struct buffer *copy = entry->copy;

    if (!copy)
        return;
    *(entry->copy_prev ? &entry->copy_prev->copy_next : &shard->copy_mru) =
        entry->copy_next;
    *(entry->copy_next ? &entry->copy_next->copy_prev : &shard->copy_lru) =
        entry->copy_prev;
    entry->copy_prev = entry->copy_next = NULL;
    entry->copy = NULL;
    shard->copy_bytes -= copy->size;
    copy->next = shard->litter.buffers;
    shard->litter.buffers = copy;
}

static void push_copy(struct shard *shard, struct entry *entry)
{
    entry->copy_prev = NULL;
    entry->copy_next = shard->copy_mru;
    if (shard->copy_mru)
        shard->copy_mru->copy_prev = entry;
    else
        shard->copy_lru = entry;
    shard->copy_mru = entry;
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
    payload->next = shard->litter.payloads;
    shard->litter.payloads = payload;
}

static void drop_data(struct shard *shard, struct entry *entry)
{
    if (entry->payload)
        shard->stats.evictions++;
    drop_copy(shard, entry);
    drop_payload(shard, entry);
}

static void bury(struct shard *shard, struct entry *entry)
{
    table_remove(&shard->table, entry);
    entry->chain = shard->litter.entries;
    shard->litter.entries = entry;
}

static void on_ghosted(void *opaque, struct arc_node *node)
{
    drop_data(opaque, entry_of_node(node));
}

static void on_dropped(void *opaque, struct arc_node *node)
{
    struct entry *entry = entry_of_node(node);

    drop_data(opaque, entry);
    if (!entry->held)
        bury(opaque, entry);
}

int shard_init(struct shard *shard, uint64_t budget, uint64_t copy_limit)
{
    struct arc_events events = {on_ghosted, on_dropped, shard};

    memset(shard, 0, sizeof *shard);
    if (table_init(&shard->table) != 0)
        return -1;
    lock_init(&shard->lock);
    shard->budget = budget;
    shard->copy_limit = copy_limit;
    arc_init(&shard->arc, budget, &events);
    return 0;
}

void shard_deinit(struct shard *shard, struct memory *memory)
{
    struct litter litter;

    lock_acquire(&shard->lock);
    arc_clear(&shard->arc);
    assert(shard->table.count == 0);
    litter = litter_take_locked(shard);
    lock_release(&shard->lock);
    litter_free(&litter, memory);
    table_deinit(&shard->table);
    lock_deinit(&shard->lock);
}

/* Residents carry their entry's cost in their charge; what ghosts and the
 * buckets take is not in any list and comes off the top. */
static uint64_t capacity(const struct shard *shard)
{
    uint64_t ghosts =
        shard->arc.list[ARC_B1].count + shard->arc.list[ARC_B2].count;
    uint64_t fixed = ghosts * ENTRY_COST + table_bytes(&shard->table);

    return shard->budget > fixed ? shard->budget - fixed : 0;
}

/* Ghosts of very small charge could be many: they may take a thirty-second
 * of the budget. */
static void fit(struct shard *shard)
{
    uint64_t most = shard->budget / 32 / ENTRY_COST;
    uint64_t wanted;

    while (shard->arc.list[ARC_B1].count + shard->arc.list[ARC_B2].count > most)
        (void)arc_drop_ghost(&shard->arc);
    wanted = capacity(shard);
    if (wanted != shard->arc.capacity)
        arc_set_capacity(&shard->arc, wanted);
}

static void trim_copies(struct shard *shard)
{
    while (shard->copy_bytes > shard->copy_limit)
        drop_copy(shard, shard->copy_lru);
}

void shard_set_budget_locked(struct shard *shard, uint64_t budget,
                             uint64_t copy_limit)
{
    shard->budget = budget;
    shard->copy_limit = copy_limit;
    trim_copies(shard);
    fit(shard);
}

static uint32_t correlation(const struct shard *shard)
{
    uint64_t residents =
        shard->arc.list[ARC_T1].count + shard->arc.list[ARC_T2].count;

    return residents / 8 < CORRELATED_ACCESSES ? (uint32_t)(residents / 8)
                                               : CORRELATED_ACCESSES;
}

void shard_touch_locked(struct shard *shard, struct entry *entry)
{
    if (shard->tick - entry->touched <= correlation(shard))
        return;
    entry->touched = ++shard->tick;
    (void)arc_access(&shard->arc, &entry->node, entry->node.charge);
}

void shard_admit_locked(struct shard *shard, struct entry *entry)
{
    entry->held = true;
    fit(shard);
    entry->touched = ++shard->tick;
    (void)arc_access(&shard->arc, &entry->node, entry->size + ENTRY_COST);
    shard->stats.ghost_hits_b1 = shard->arc.b1_hits;
    shard->stats.ghost_hits_b2 = shard->arc.b2_hits;
}

/* From here on the policy may drop the entry for good. */
static void set_free(struct shard *shard, struct entry *entry)
{
    entry->flight = NULL;
    entry->held = false;
    if (entry->node.where == ARC_NOWHERE)
        bury(shard, entry);
}

bool shard_land_locked(struct shard *shard, struct entry *entry,
                       struct payload *payload)
{
    bool kept;

    if (payload && arc_is_resident(&entry->node)) {
        shard->stats.blocks++;
        shard->stats.bytes_logical += entry->size;
        shard->stats.bytes_compressed += payload->size;
        entry->payload = payload;
        arc_resize(&shard->arc, &entry->node,
                   payload_charge(payload->size) + ENTRY_COST);
    } else {
        shard->stats.uncached++;
        if (arc_is_resident(&entry->node))
            arc_remove(&shard->arc, &entry->node);
        if (payload) {
            payload->next = shard->litter.payloads;
            shard->litter.payloads = payload;
        }
    }
    kept = entry->payload != NULL;
    set_free(shard, entry);
    return kept;
}

void shard_forget_locked(struct shard *shard, struct entry *entry)
{
    arc_remove(&shard->arc, &entry->node);
    drop_copy(shard, entry);
    drop_payload(shard, entry);
    set_free(shard, entry);
}

void shard_keep_copy_locked(struct shard *shard, struct entry *entry,
                            struct buffer *copy)
{
    if (entry->copy || !entry->payload || copy->size > shard->copy_limit)
        return;
    entry->copy = buffer_ref(copy);
    shard->copy_bytes += copy->size;
    push_copy(shard, entry);
    trim_copies(shard);
}

void shard_touch_copy_locked(struct shard *shard, struct entry *entry)
{
    if (shard->copy_mru == entry)
        return;
    entry->copy_prev->copy_next = entry->copy_next;
    *(entry->copy_next ? &entry->copy_next->copy_prev : &shard->copy_lru) =
        entry->copy_prev;
    push_copy(shard, entry);
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
