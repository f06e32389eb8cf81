// SPDX-License-Identifier: MIT
/* get.c: see get.h. */
#include "get.h"

#include "link.h"
#include "wire.h"

#include <string.h>

/* One block, and what has come of it. */
struct part {
    struct cache_want *want;
    char name[VALUE_NAME];
    bool came;
    struct value_head head;
};

/* What one server is asked for. */
struct ask {
    struct server *server;
    struct connection *c; /* NULL: not asked, or not any more */
    bool asked;
    unsigned n;
    struct part *parts[WIRE_NAMES];
    struct part *now; /* that is being received */
    size_t now_size;  /* of its stored form */
    uint64_t bytes;   /* that came, of any kind */
    struct server_blocks count;
    struct wire_values values;
};

/* ----------------------------------------------------------------- values */

static void reject(struct ask *ask, const struct part *part)
{
    ask->count.rejected++;
    server_forget(ask->server, &part->want->key);
}

static bool begin_value(void *opaque, const char name[VALUE_NAME], size_t size)
{
    struct ask *ask = opaque;
    size_t head = sizeof ask->now->head;

    for (unsigned i = 0; i < ask->n; i++) {
        struct part *part = ask->parts[i];

        if (part->came || memcmp(part->name, name, VALUE_NAME) != 0)
            continue;
        part->came = true;
        if (size <= head ||
            size - head > CACHE_STORED_MAX(part->want->raw_size)) {
            reject(ask, part);
            return false;
        }
        ask->now = part;
        ask->now_size = size - head;
        return true;
    }
    return false;
}

static void take_value(void *opaque, size_t at, const uint8_t *data, size_t n)
{
    struct ask *ask = opaque;
    size_t head = sizeof ask->now->head, part = 0;

    if (at < head) {
        part = n < head - at ? n : head - at;
        memcpy((uint8_t *)&ask->now->head + at, data, part);
    }
    if (part < n)
        memcpy(ask->now->want->room + (at + part - head), data + part,
               n - part);
}

static void end_value(void *opaque)
{
    struct ask *ask = opaque;
    struct cache_want *want = ask->now->want;

    if (!value_is(&ask->now->head, want->room, ask->now_size, &want->key,
                  want->raw_size)) {
        reject(ask, ask->now);
        return;
    }
    want->stored_size = (uint32_t)ask->now_size;
    ask->count.hits++;
    ask->count.bytes += sizeof ask->now->head + ask->now_size;
}

/* ----------------------------------------------------------------- asking */

static void name_of(void *opaque, size_t i, char ret[VALUE_NAME])
{
    const struct ask *ask = opaque;

    memcpy(ret, ask->parts[i]->name, VALUE_NAME);
}

/* error 0: it has answered well. */
static void finish(struct ask *ask, int error)
{
    server_give_back(ask->server, ask->c, error);
    ask->c = NULL;
}

static int send_get(struct ask *ask, uint64_t deadline_ms)
{
    char line[WIRE_GET_MAX];
    struct iovec part = {line, wire_get(line, name_of, ask, ask->n)};

    ask->values = (struct wire_values){
        .sink = {begin_value, take_value, end_value, ask},
        .ends = 1,
    };
    return link_send(ask->c->fd, &part, 1, deadline_ms);
}

static void begin(struct ask *ask, bool fresh, uint64_t deadline_ms);

/* A connection that was kept may have ended meanwhile: once more with another
 * one then, which is no failure. */
static void lost(struct ask *ask, int error, uint64_t deadline_ms)
{
    if (!ask->c->used || ask->bytes > 0 || error == ETIMEDOUT) {
        finish(ask, error);
        return;
    }
    server_drop(ask->server, ask->c);
    ask->c = NULL;
    begin(ask, true, deadline_ms);
}

static void begin(struct ask *ask, bool fresh, uint64_t deadline_ms)
{
    ask->c = server_borrow(ask->server, fresh, deadline_ms);
    ask->asked = ask->asked || ask->c;
    if (ask->c && send_get(ask, deadline_ms) < 0)
        lost(ask, errno, deadline_ms);
}

/* Something can be read. */
static void receive(struct ask *ask, uint64_t deadline_ms)
{
    ssize_t n = link_take(ask->c->fd, ask->c->room, sizeof ask->c->room);

    if (n < 0) {
        lost(ask, errno, deadline_ms);
        return;
    }
    ask->bytes += (uint64_t)n;
    switch (wire_values_feed(&ask->values, ask->c->room, (size_t)n)) {
    case WIRE_DONE:
        finish(ask, 0);
        break;
    case WIRE_WRONG:
        finish(ask, EPROTO);
        break;
    case WIRE_MORE:
        break;
    }
}

/* Until all have answered, or the time is over. */
static void converse(struct ask *asks, unsigned n, uint64_t deadline_ms)
{
    int fds[WIRE_NAMES];
    bool ready[WIRE_NAMES];
    unsigned open;

    for (;;) {
        open = 0;
        for (unsigned i = 0; i < n; i++) {
            fds[i] = asks[i].c ? asks[i].c->fd : -1;
            open += asks[i].c != NULL;
        }
        if (open == 0 || link_wait(fds, n, ready, deadline_ms) < 0)
            return;
        for (unsigned i = 0; i < n; i++) {
            if (ready[i])
                receive(&asks[i], deadline_ms);
        }
    }
}

static void count(struct ask *ask)
{
    struct server_blocks *c = &ask->count;

    if (ask->asked)
        c->misses = ask->n - c->hits - c->rejected;
    else
        c->skipped = ask->n;
    server_count(ask->server, c);
}

/* ----------------------------------------------------------------- slices */

static struct ask *ask_of(struct ask *asks, unsigned *n, struct server *server)
{
    for (unsigned i = 0; i < *n; i++) {
        if (asks[i].server == server)
            return &asks[i];
    }
    asks[*n].server = server;
    asks[*n].c = NULL;
    asks[*n].asked = false;
    asks[*n].n = 0;
    asks[*n].bytes = 0;
    asks[*n].count = (struct server_blocks){0};
    return &asks[(*n)++];
}

static void get_slice(struct server *const *servers, const struct ring *ring,
                      struct cache_want *wants, size_t n, uint64_t deadline_ms)
{
    struct part parts[WIRE_NAMES];
    struct ask asks[WIRE_NAMES], *ask;
    unsigned n_asks = 0;

    for (size_t i = 0; i < n; i++) {
        parts[i].want = &wants[i];
        parts[i].came = false;
        value_name(&wants[i].key, parts[i].name);
        ask = ask_of(asks, &n_asks, servers[ring_find(ring, parts[i].name)]);
        ask->parts[ask->n++] = &parts[i];
    }
    for (unsigned i = 0; i < n_asks; i++)
        begin(&asks[i], false, deadline_ms);
    converse(asks, n_asks, deadline_ms);
    for (unsigned i = 0; i < n_asks; i++) {
        if (asks[i].c)
            finish(&asks[i], ETIMEDOUT);
        count(&asks[i]);
    }
}

void get_blocks(struct server *const *servers, const struct ring *ring,
                struct cache_want *wants, size_t n, uint64_t deadline_ms)
{
    for (size_t i = 0; i < n; i += WIRE_NAMES)
        get_slice(servers, ring, wants + i,
                  n - i < WIRE_NAMES ? n - i : WIRE_NAMES, deadline_ms);
}
