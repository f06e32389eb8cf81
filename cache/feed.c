// SPDX-License-Identifier: MIT
/* feed.c: see feed.h. */
#include "feed.h"

#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int feed_init(struct feed *feed, unsigned tier, bool is_prompt,
              void (*hurry)(void *opaque), void *opaque)
{
    memset(feed, 0, sizeof *feed);
    feed->tier = tier;
    feed->is_prompt = is_prompt;
    feed->hurry = hurry;
    feed->opaque = opaque;
    feed->leavers = calloc(FEED_LEAVERS, sizeof *feed->leavers);
    return feed->leavers ? 0 : -1;
}

static struct morsel take_leaver(struct feed *feed)
{
    struct morsel morsel = feed->leavers[feed->first];

    feed->first = (feed->first + 1) % FEED_LEAVERS;
    feed->used--;
    feed->leaving -= morsel.payload->size;
    return morsel;
}

void feed_deinit(struct feed *feed, struct memory *memory)
{
    while (feed->used > 0)
        payload_unref(memory, take_leaver(feed).payload);
    free(feed->leavers);
    feed->leavers = NULL;
}

static uint8_t bit_of(const struct feed *feed)
{
    return (uint8_t)(1u << feed->tier);
}

void feed_add(struct feed *feed, struct entry *entry)
{
    struct feed_link *link = &entry->feed[feed->tier];

    assert(!(entry->waiting & bit_of(feed)) && entry->payload);
    link->newer = NULL;
    link->older = feed->newest;
    if (feed->newest)
        feed->newest->feed[feed->tier].newer = entry;
    else
        feed->oldest = entry;
    feed->newest = entry;
    feed->count++;
    feed->bytes += entry->payload->size;
    entry->waiting |= bit_of(feed);
    if (feed->is_prompt && feed->count == 1)
        feed->hurry(feed->opaque);
}

void feed_remove(struct feed *feed, struct entry *entry)
{
    struct feed_link *link = &entry->feed[feed->tier];

    assert(entry->waiting & bit_of(feed));
    if (link->older)
        link->older->feed[feed->tier].newer = link->newer;
    else
        feed->oldest = link->newer;
    if (link->newer)
        link->newer->feed[feed->tier].older = link->older;
    else
        feed->newest = link->older;
    link->older = link->newer = NULL;
    feed->count--;
    feed->bytes -= entry->payload->size;
    entry->waiting &= (uint8_t)~bit_of(feed);
}

void feed_leave(struct feed *feed, const struct cache_key *key,
                uint32_t raw_size, struct payload *payload)
{
    unsigned at = (feed->first + feed->used) % FEED_LEAVERS;

    if (feed->used == FEED_LEAVERS ||
        feed->leaving + payload->size > feed->leaving_max) {
        feed->lost++;
        return;
    }
    feed->leavers[at] = (struct morsel){*key, raw_size, payload_ref(payload)};
    feed->used++;
    feed->leaving += payload->size;
    if (feed->is_prompt || feed->leaving > feed->leaving_max / 2 ||
        feed->used > FEED_LEAVERS / 2)
        feed->hurry(feed->opaque);
}

bool feed_take(struct feed *feed, uint64_t most, struct morsel *ret)
{
    struct entry *entry = feed->oldest;

    if (feed->used > 0) {
        if (feed->leavers[feed->first].payload->size > most)
            return false;
        *ret = take_leaver(feed);
        return true;
    }
    if (!entry || entry->payload->size > most)
        return false;
    *ret =
        (struct morsel){entry->key, entry->size, payload_ref(entry->payload)};
    feed_remove(feed, entry);
    return true;
}
