// SPDX-License-Identifier: MIT
/* value.c: see value.h. */
#include "value.h"

#include <string.h>
#include <xxhash.h>

#define MAGIC 0x56537270u
#define ORDER 0x01020304u
#define FORMAT (1u << 16 | CACHE_STORED_FORMAT)

_Static_assert(sizeof(struct value_head) == 56,
               "no padding may get onto the wire");

void value_name(const struct cache_key *key, char ret[VALUE_NAME])
{
    static const char digits[] = "0123456789abcdef";
    const struct {
        char what[16];
        uint32_t order, format;
        struct cache_key key;
    } name = {"prepfs block", ORDER, FORMAT, *key};
    XXH128_canonical_t h;

    XXH128_canonicalFromHash(&h, XXH3_128bits(&name, sizeof name));
    for (size_t i = 0; i < VALUE_NAME; i++)
        ret[i] = digits[h.digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

static uint64_t sum_of(const struct value_head *head, const uint8_t *stored,
                       size_t size)
{
    return XXH3_64bits_withSeed(
        stored, size, XXH3_64bits(head, offsetof(struct value_head, sum)));
}

void value_head_make(struct value_head *head, const struct cache_stored *block)
{
    *head = (struct value_head){
        .magic = MAGIC,
        .order = ORDER,
        .format = FORMAT,
        .raw_size = block->raw_size,
        .stored_size = block->stored_size,
        .key = block->key,
    };
    head->sum = sum_of(head, block->stored, block->stored_size);
}

bool value_is(const struct value_head *head, const uint8_t *stored, size_t size,
              const struct cache_key *key, uint32_t raw_size)
{
    return head->magic == MAGIC && head->order == ORDER &&
           head->format == FORMAT && head->reserved == 0 &&
           head->raw_size == raw_size && head->stored_size == size &&
           memcmp(&head->key, key, sizeof *key) == 0 &&
           head->sum == sum_of(head, stored, size);
}
