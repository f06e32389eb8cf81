// SPDX-License-Identifier: MIT
/*
 * fuzz_shared.c: what a server says, and what a list of servers says.
 *
 * The first byte chooses: the answer to a question for three blocks, the
 * replies to sets, or a list. The second is the size of the pieces in which an
 * answer comes. A value is taken only if it has the right head and sum, which
 * no search finds: so "<k" in the input stands for value k, as it was stored.
 */
#undef NDEBUG
#include "shared/address.h"
#include "shared/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WANTS = 3, SIZE = 40, RAW = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cache_key key_of(unsigned k)
{
    return (struct cache_key){{k, 7}, k};
}

static void stored_of(unsigned k, uint8_t stored[SIZE])
{
    memset(stored, (int)('a' + k), SIZE);
}

/* "VALUE ...", the value and its end. */
static size_t value_of(unsigned k, char *to)
{
    struct cache_key key = key_of(k);
    uint8_t stored[SIZE];
    struct cache_stored block = {key, RAW, SIZE, stored};
    struct value_head head;
    char name[VALUE_NAME];
    size_t n;

    stored_of(k, stored);
    value_name(&key, name);
    value_head_make(&head, &block);
    n = (size_t)sprintf(to, "VALUE %.*s 0 %zu\r\n", VALUE_NAME, name,
                        sizeof head + SIZE);
    memcpy(to + n, &head, sizeof head);
    memcpy(to + n + sizeof head, stored, SIZE);
    memcpy(to + n + sizeof head + SIZE, "\r\n", 2);
    return n + sizeof head + SIZE + 2;
}

/* The wants of a reader, as get.c has them. */
struct reader {
    bool came[WANTS];
    int now; /* -1: none */
    size_t size, at;
    uint8_t room[sizeof(struct value_head) + CACHE_STORED_MAX(RAW)];
};

static bool begin(void *opaque, const char name[VALUE_NAME], size_t size)
{
    struct reader *r = opaque;
    char ours[VALUE_NAME];

    assert(r->now == -1);
    for (unsigned k = 0; k < WANTS; k++) {
        struct cache_key key = key_of(k);

        value_name(&key, ours);
        if (r->came[k] || memcmp(name, ours, VALUE_NAME) != 0)
            continue;
        r->now = (int)k;
        r->came[k] = true;
        r->size = size;
        r->at = 0;
        return size > sizeof(struct value_head) && size <= sizeof r->room;
    }
    return false;
}

static void take(void *opaque, size_t at, const uint8_t *data, size_t n)
{
    struct reader *r = opaque;

    assert(r->now >= 0 && at == r->at && n <= r->size - at);
    memcpy(r->room + at, data, n);
    r->at += n;
}

static void end(void *opaque)
{
    struct reader *r = opaque;
    uint8_t *stored = r->room + sizeof(struct value_head), wanted[SIZE];
    struct value_head head;
    struct cache_key key;

    assert(r->now >= 0 && r->at == r->size);
    key = key_of((unsigned)r->now);
    memcpy(&head, r->room, sizeof head);
    stored_of((unsigned)r->now, wanted);
    if (value_is(&head, stored, r->size - sizeof head, &key, RAW))
        assert(r->size - sizeof head == SIZE &&
               memcmp(stored, wanted, SIZE) == 0);
    r->now = -1;
}

static void fuzz_values(const uint8_t *data, size_t size, size_t piece)
{
    struct reader reader = {.now = -1};
    struct wire_values v = {.sink = {begin, take, end, &reader}, .ends = 2};
    enum wire_state state = WIRE_MORE;

    for (size_t at = 0; at < size && state == WIRE_MORE; at += piece)
        state = wire_values_feed(&v, data + at,
                                 size - at < piece ? size - at : piece);
    assert(state != WIRE_DONE || (v.ends == 0 && reader.now == -1));
}

static void fuzz_replies(const uint8_t *data, size_t size, size_t piece)
{
    struct wire_replies r = {0};
    enum wire_state state = WIRE_MORE;

    for (size_t at = 0; at < size && state == WIRE_MORE; at += piece)
        state = wire_replies_feed(&r, data + at,
                                  size - at < piece ? size - at : piece);
    assert(r.stored + r.refused <= size);
}

/* What is read and printed is read as the same. */
static void fuzz_list(const char *text)
{
    struct error err = ERROR_INIT;
    struct addresses all, again;
    char printed[ADDRESSES_MAX * (ADDRESS_TEXT_SIZE + 1)] = "";

    if (addresses_parse(text, &all, &err) != 0) {
        assert(err.kind == ERROR_USAGE && err.msg[0] != '\0');
        return;
    }
    assert(all.n > 0 && all.n <= ADDRESSES_MAX);
    for (unsigned i = 0; i < all.n; i++) {
        char one[ADDRESS_TEXT_SIZE];

        address_print(&all.v[i], one);
        (void)strcat(strcat(printed, i ? "+" : ""), one);
    }
    assert(addresses_parse(printed, &again, &err) == 0 && again.n == all.n);
    for (unsigned i = 0; i < all.n; i++)
        assert(again.v[i].port == all.v[i].port &&
               strcmp(again.v[i].host, all.v[i].host) == 0);
}

/* With values where "<k" stands. NUL-terminated, malloc'd. */
static uint8_t *expand(const uint8_t *data, size_t size, size_t *ret_size)
{
    uint8_t *to = malloc(size * 256 + 1);
    size_t n = 0;

    assert(to);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '<' && i + 1 < size)
            n += value_of(data[++i] % WANTS, (char *)to + n);
        else
            to[n++] = data[i];
    }
    to[n] = '\0';
    *ret_size = n;
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text;
    size_t n, piece;

    if (size < 2)
        return 0;
    piece = (size_t)data[1] + 1;
    text = expand(data + 2, size - 2, &n);
    switch (data[0] % 3) {
    case 0:
        fuzz_values(text, n, piece);
        break;
    case 1:
        fuzz_replies(text, n, piece);
        break;
    default:
        fuzz_list((const char *)text);
        break;
    }
    free(text);
    return 0;
}
