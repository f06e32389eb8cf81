// SPDX-License-Identifier: MIT
/* disk_index.c: see disk_index.h. Open addressing with linear probing; what is
 * removed is closed up, so nothing is ever marked as deleted. */
#include "disk_index.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

static uint64_t pack(const struct disk_place *p)
{
    return (uint64_t)(p->segment & 0xFFFFFF) << 40 |
           (uint64_t)(p->offset8 & 0xFFFFFF) << 16 |
           (uint64_t)(p->length8 & 0x7FFF) << 1 | p->used;
}

static struct disk_place unpack(uint64_t x)
{
    return (struct disk_place){(uint32_t)(x >> 40),
                               (uint32_t)(x >> 16) & 0xFFFFFF,
                               (uint32_t)(x >> 1) & 0x7FFF, x & 1};
}

static bool is_same_place(uint64_t a, uint64_t b)
{
    return a >> 1 == b >> 1;
}

static struct disk_index_part *part_of(struct disk_index *index, uint64_t hash)
{
    return &index->parts[hash >> 58];
}

void disk_index_init(struct disk_index *index, uint64_t bytes_max)
{
    memset(index, 0, sizeof *index);
    index->bytes_max = bytes_max;
}

void disk_index_deinit(struct disk_index *index)
{
    for (size_t i = 0; i < DISK_INDEX_PARTS; i++)
        free(index->parts[i].slots);
    disk_index_init(index, index->bytes_max);
}

/* The slot of the hash, or the free one where it would go. */
static struct disk_slot *slot_of(const struct disk_index_part *part,
                                 uint64_t hash)
{
    size_t i = hash & part->mask;

    while (part->slots[i].place != 0 && part->slots[i].hash != hash)
        i = (i + 1) & part->mask;
    return &part->slots[i];
}

static struct disk_slot *find(const struct disk_index *index, uint64_t hash)
{
    const struct disk_index_part *part = &index->parts[hash >> 58];
    struct disk_slot *slot = part->slots ? slot_of(part, hash) : NULL;

    return slot && slot->place != 0 ? slot : NULL;
}

static int grow(struct disk_index *index, struct disk_index_part *part)
{
    size_t slots = part->slots ? 2 * (part->mask + 1) : FIRST_SLOTS;
    size_t before = part->slots ? part->mask + 1 : 0;
    struct disk_index_part larger = {NULL, slots - 1, part->count};

    /* Both are there for a moment. */
    if (index->bytes + slots * sizeof *larger.slots > index->bytes_max)
        return -1;
    larger.slots = calloc(slots, sizeof *larger.slots);
    if (!larger.slots)
        return -1;
    for (size_t i = 0; i < before; i++)
        if (part->slots[i].place != 0)
            *slot_of(&larger, part->slots[i].hash) = part->slots[i];
    free(part->slots);
    *part = larger;
    index->bytes += (slots - before) * sizeof *larger.slots;
    return 0;
}

bool disk_index_find(const struct disk_index *index, uint64_t hash,
                     struct disk_place *ret)
{
    const struct disk_slot *slot = find(index, hash);

    if (!slot)
        return false;
    *ret = unpack(slot->place);
    return true;
}

int disk_index_put(struct disk_index *index, uint64_t hash,
                   const struct disk_place *place)
{
    struct disk_index_part *part = part_of(index, hash);
    struct disk_slot *slot;

    if (!part->slots || 4 * (part->count + 1) > 3 * (part->mask + 1)) {
        slot = find(index, hash);
        if (!slot && grow(index, part) != 0)
            return -1;
    }
    slot = slot_of(part, hash);
    if (slot->place == 0) {
        part->count++;
        index->count++;
    }
    *slot = (struct disk_slot){hash, pack(place)};
    return 0;
}

void disk_index_mark_used(struct disk_index *index, uint64_t hash)
{
    struct disk_slot *slot = find(index, hash);

    if (slot)
        slot->place |= 1;
}

/* Moves up those that would no longer be found over the gap. */
static void close_up(struct disk_index_part *part, size_t gap)
{
    for (size_t i = (gap + 1) & part->mask; part->slots[i].place != 0;
         i = (i + 1) & part->mask) {
        size_t home = part->slots[i].hash & part->mask;

        if (((i - home) & part->mask) < ((i - gap) & part->mask))
            continue;
        part->slots[gap] = part->slots[i];
        gap = i;
    }
    part->slots[gap] = (struct disk_slot){0, 0};
}

static void remove_slot(struct disk_index *index, struct disk_index_part *part,
                        struct disk_slot *slot)
{
    close_up(part, (size_t)(slot - part->slots));
    part->count--;
    index->count--;
}

void disk_index_remove(struct disk_index *index, uint64_t hash,
                       const struct disk_place *place)
{
    struct disk_slot *slot = find(index, hash);

    if (slot && is_same_place(slot->place, pack(place)))
        remove_slot(index, part_of(index, hash), slot);
}

/* What close_up moves into slot i is looked at again; what it moves over the
 * end, from the first slots to the last, was looked at already. */
void disk_index_remove_segment(struct disk_index *index, uint32_t segment)
{
    for (size_t k = 0; k < DISK_INDEX_PARTS; k++) {
        struct disk_index_part *part = &index->parts[k];
        size_t slots = part->slots ? part->mask + 1 : 0;

        for (size_t i = 0; i < slots;) {
            struct disk_slot *slot = &part->slots[i];

            if (slot->place != 0 &&
                unpack(slot->place).segment == (segment & 0xFFFFFF))
                remove_slot(index, part, slot);
            else
                i++;
        }
    }
}
