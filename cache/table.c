// SPDX-License-Identifier: MIT
/*
 * table.c: a chained hash table of entries.
 */
#include "table.h"

#include <stdlib.h>

#define BUCKETS_FIRST 256

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

uint64_t table_hash(const struct cache_key *key)
{
    uint64_t h = mix(key->leaf[0] + UINT64_C(0x9e3779b97f4a7c15));

    h = mix(h + key->leaf[1]);
    return mix(h + key->block * UINT64_C(0x9e3779b97f4a7c15));
}

static bool same_key(const struct cache_key *a, const struct cache_key *b)
{
    return a->leaf[0] == b->leaf[0] && a->leaf[1] == b->leaf[1] &&
           a->block == b->block;
}

int table_init(struct table *table)
{
    table->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *));
    table->mask = BUCKETS_FIRST - 1;
    table->count = 0;
    return table->buckets ? 0 : -1;
}

void table_deinit(struct table *table)
{
    free(table->buckets);
    table->buckets = NULL;
}

uint64_t table_bytes(const struct table *table)
{
    return (table->mask + 1) * sizeof(struct entry *);
}

static void grow(struct table *table)
{
    size_t mask = table->mask * 2 + 1;
    struct entry **buckets = calloc(mask + 1, sizeof(struct entry *));

    if (!buckets)
        return;
    for (size_t i = 0; i <= table->mask; i++) {
        struct entry *entry = table->buckets[i];

        while (entry) {
            struct entry *next = entry->chain;

            entry->chain = buckets[entry->hash & mask];
            buckets[entry->hash & mask] = entry;
            entry = next;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->mask = mask;
}

struct entry *table_find(const struct table *table, const struct cache_key *key,
                         uint64_t hash)
{
    struct entry *entry = table->buckets[hash & table->mask];

    while (entry && !(entry->hash == hash && same_key(&entry->key, key)))
        entry = entry->chain;
    return entry;
}

void table_insert(struct table *table, struct entry *entry)
{
    if (table->count++ > table->mask)
        grow(table);
    entry->chain = table->buckets[entry->hash & table->mask];
    table->buckets[entry->hash & table->mask] = entry;
}

void table_remove(struct table *table, struct entry *entry)
{
    struct entry **at = &table->buckets[entry->hash & table->mask];

    while (*at != entry)
        at = &(*at)->chain;
    *at = entry->chain;
    entry->chain = NULL;
    table->count--;
}
