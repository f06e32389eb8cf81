// SPDX-License-Identifier: MIT
/*
 * values.c: ranks of samples, by a bitmap (16 bits) or a hash set (32 bits).
 */
#include "values.h"

#include <string.h>

static uint32_t load_u16(const uint8_t *src, size_t i)
{
    uint16_t x;

    memcpy(&x, src + i * 2, 2);
    return x;
}

static uint32_t load_u32(const uint8_t *src, size_t i)
{
    uint32_t x;

    memcpy(&x, src + i * 4, 4);
    return x;
}

/* IEEE floats sort like their bits once negative ones are complemented and
 * the sign bit of the others is set. */
static uint32_t key_of_float(uint32_t bits)
{
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static uint32_t float_of_key(uint32_t key)
{
    return key & 0x80000000u ? key & 0x7fffffffu : ~key;
}

/* A rank costs the dictionary's share and saves log2(span / distinct) bits:
 * it pays from about half a bit on, if values repeat. */
static bool pays(size_t distinct, uint64_t span, size_t count)
{
    return distinct <= VALUES_MAX && distinct * 4 <= count &&
           span * 2 >= (uint64_t)distinct * 3;
}

/* ------------------------------------------------------------- 16 bits */

static size_t collect_u16(const uint8_t *src, size_t count,
                          struct values_work *work)
{
    size_t distinct = 0;

    memset(work->seen, 0, sizeof work->seen);
    for (size_t i = 0; i < count; i++) {
        uint32_t v = load_u16(src, i);

        work->seen[v / 64] |= UINT64_C(1) << (v % 64);
    }
    for (size_t w = 0; w < 65536 / 64; w++) {
        work->before[w] = (uint16_t)distinct;
        distinct += (size_t)__builtin_popcountll(work->seen[w]);
    }
    return distinct;
}

static void list_u16(const struct values_work *work, uint32_t *keys)
{
    size_t n = 0;

    for (uint32_t w = 0; w < 65536 / 64; w++)
        for (uint64_t left = work->seen[w]; left; left &= left - 1)
            keys[n++] = w * 64 + (uint32_t)__builtin_ctzll(left);
}

static size_t rank_u16(const uint8_t *src, size_t count,
                       struct values_work *work, uint32_t *keys,
                       uint16_t *ranks)
{
    size_t distinct = collect_u16(src, count, work);
    uint32_t first = 0, last = 65535;

    if (distinct == 0 || distinct > VALUES_MAX)
        return 0;
    while (!(work->seen[first / 64] >> (first % 64) & 1))
        first++;
    while (!(work->seen[last / 64] >> (last % 64) & 1))
        last--;
    if (!pays(distinct, (uint64_t)last - first + 1, count))
        return 0;
    list_u16(work, keys);
    for (size_t i = 0; i < count; i++) {
        uint32_t v = load_u16(src, i);
        uint64_t lower = (UINT64_C(1) << (v % 64)) - 1;

        ranks[i] = (uint16_t)(work->before[v / 64] +
                              __builtin_popcountll(work->seen[v / 64] & lower));
    }
    return distinct;
}

/* ------------------------------------------------------------- 32 bits */

#define SLOTS (4 * VALUES_MAX)

static size_t slot_of(const struct values_work *work, uint32_t key)
{
    size_t slot = (key * UINT32_C(2654435769)) >> 17; /* SLOTS = 2^15 */

    while (work->slot_rank[slot] != 0 && work->slot_key[slot] != key)
        slot = (slot + 1) % SLOTS;
    return slot;
}

_Static_assert(SLOTS == 1 << 15, "slot_of shifts by 32 - 15");

/* Least significant digit first, 8 bits at a time; the result is back in
 * `keys` after the four passes. */
static void sort_keys(uint32_t *keys, uint32_t *swap, size_t count)
{
    for (unsigned shift = 0; shift < 32; shift += 8) {
        size_t at[257] = {0};
        uint32_t *other = swap;

        for (size_t i = 0; i < count; i++)
            at[(keys[i] >> shift & 255) + 1]++;
        for (size_t d = 0; d < 256; d++)
            at[d + 1] += at[d];
        for (size_t i = 0; i < count; i++)
            swap[at[keys[i] >> shift & 255]++] = keys[i];
        swap = keys;
        keys = other;
    }
}

static size_t collect_u32(const uint8_t *src, size_t count, bool is_float,
                          struct values_work *work)
{
    size_t most = count / 4 < VALUES_MAX ? count / 4 : VALUES_MAX;
    size_t distinct = 0;

    memset(work->slot_rank, 0, sizeof work->slot_rank);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = load_u32(src, i);
        uint32_t key = is_float ? key_of_float(bits) : bits;
        size_t slot = slot_of(work, key);

        if (work->slot_rank[slot] != 0)
            continue;
        if (distinct == most)
            return 0;
        work->slot_key[slot] = key;
        work->slot_rank[slot] = 1;
        work->sorted[distinct++] = key;
    }
    return distinct;
}

static size_t rank_u32(const uint8_t *src, size_t count, bool is_float,
                       struct values_work *work, uint32_t *keys,
                       uint16_t *ranks)
{
    size_t distinct = collect_u32(src, count, is_float, work);
    uint64_t span;

    if (distinct == 0)
        return 0;
    sort_keys(work->sorted, work->swap, distinct);
    span = (uint64_t)work->sorted[distinct - 1] - work->sorted[0] + 1;
    if (!pays(distinct, span, count))
        return 0;
    for (size_t r = 0; r < distinct; r++) {
        keys[r] = work->sorted[r];
        work->slot_rank[slot_of(work, keys[r])] = (uint16_t)(r + 1);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = load_u32(src, i);
        uint32_t key = is_float ? key_of_float(bits) : bits;

        ranks[i] = (uint16_t)(work->slot_rank[slot_of(work, key)] - 1);
    }
    return distinct;
}

size_t values_rank(const uint8_t *src, size_t count, unsigned bytes,
                   bool is_float, struct values_work *work, uint32_t *keys,
                   uint16_t *ranks)
{
    if (bytes == 2)
        return rank_u16(src, count, work, keys, ranks);
    return rank_u32(src, count, is_float, work, keys, ranks);
}

/* ------------------------------------------------------------- inverse */

static uint16_t highest(const uint16_t *ranks, size_t count)
{
    uint16_t most = 0;

    for (size_t i = 0; i < count; i++)
        most = ranks[i] > most ? ranks[i] : most;
    return most;
}

bool values_restore(const uint16_t *ranks, size_t count, unsigned bytes,
                    bool is_float, uint32_t *keys, size_t key_count,
                    uint8_t *dst)
{
    if (count > 0 && highest(ranks, count) >= key_count)
        return false;
    if (bytes == 2) {
        for (size_t i = 0; i < count; i++) {
            uint16_t x = (uint16_t)keys[ranks[i]];

            memcpy(dst + i * 2, &x, 2);
        }
        return true;
    }
    for (size_t k = 0; is_float && k < key_count; k++)
        keys[k] = float_of_key(keys[k]);
    for (size_t i = 0; i < count; i++)
        memcpy(dst + i * 4, &keys[ranks[i]], 4);
    return true;
}
