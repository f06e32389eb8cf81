// SPDX-License-Identifier: MIT
/*
 * bits.h: the bits of a JPEG-LS scan (ITU-T T.87 A.1).
 *
 * Behind a byte 0xff one bit is stuffed; 0xff before a byte >= 0x80 is a
 * marker and ends the data. Behind the end the reader hands out zeros and
 * counts them; whoever took one is found out later (bits_took_invented), so
 * the inner loops need no check.
 *
 * Threads: struct bits belongs to one thread.
 */
#ifndef DECODE_BITS_H
#define DECODE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bits {
    const uint8_t *next;
    const uint8_t *end;
    uint64_t cache; /* the next bit on top */
    int count;      /* bits in the cache, invented ones included */
    int invented;   /* zeros behind the end of the data */
    bool after_ff;  /* the next byte starts with a stuffed bit (A.1) */
};

static inline void bits_init(struct bits *b, const uint8_t *bytes,
                             const uint8_t *end)
{
    memset(b, 0, sizeof *b);
    b->next = bytes;
    b->end = end;
}

/* Bytes one by one: beside 0xff, and at the end. A marker is an end. */
static inline void bits_refill_slowly(struct bits *b)
{
    while (b->count <= 56) {
        unsigned width = b->after_ff ? 7 : 8;
        uint64_t byte = 0;

        if (b->end - b->next >= 2 && b->next[0] == 0xff && b->next[1] >= 0x80)
            b->end = b->next;
        if (b->next < b->end) {
            byte = *b->next++;
            b->after_ff = byte == 0xff;
        } else {
            b->after_ff = false;
            width = 8;
            b->invented += 8;
        }
        b->cache |= byte << (64 - width) >> b->count;
        b->count += (int)width;
    }
}

static inline bool bits_have_ff(uint64_t word)
{
    uint64_t inverse = ~word;

    return (inverse - 0x0101010101010101u) & word & 0x8080808080808080u;
}

/* At least 57 bits afterwards. */
static inline void bits_refill(struct bits *b)
{
    uint64_t word;
    int bytes;

    if (b->count > 56)
        return;
    if (b->end - b->next < 8 || b->after_ff) {
        bits_refill_slowly(b);
        return;
    }
    memcpy(&word, b->next, 8);
    word = __builtin_bswap64(word);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        word = __builtin_bswap64(word);
    if (bits_have_ff(word)) {
        bits_refill_slowly(b);
        return;
    }
    bytes = (64 - b->count) >> 3;
    word = bytes == 8 ? word : word >> (64 - 8 * bytes) << (64 - 8 * bytes);
    b->cache |= word >> b->count;
    b->count += 8 * bytes;
    b->next += bytes;
}

/* 0..24 bits. */
static inline uint32_t bits_get(struct bits *b, unsigned count)
{
    uint32_t value;

    if (!count)
        return 0;
    if (b->count < (int)count)
        bits_refill(b);
    value = (uint32_t)(b->cache >> (64 - count));
    b->cache <<= count;
    b->count -= (int)count;
    return value;
}

static inline bool bits_took_invented(const struct bits *b)
{
    return b->invented > b->count;
}

#endif
