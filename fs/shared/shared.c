// SPDX-License-Identifier: MIT
/* shared.c: see shared.h. */
#include "shared.h"

#include "get.h"
#include "link.h"
#include "ring.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIME_MS = 50,
    NAMES_MS = 1000,
    FLUSH_MS = 5000 /* that the last blocks may take, after all others */
};

struct shared { /* immutable after shared_open */
    struct ring *ring;
    unsigned time_ms;
    unsigned n;
    struct server *servers[ADDRESSES_MAX]; /* each internally locked */
};

/* ---------------------------------------------------------------- the tier */

static void tier_get(void *self, struct cache_want *wants, size_t n)
{
    struct shared *s = self;

    get_blocks(s->servers, s->ring, wants, n, link_now_ms() + s->time_ms);
}

static struct server *server_of(struct shared *s, const struct cache_key *key)
{
    char name[VALUE_NAME];

    value_name(key, name);
    return s->servers[ring_find(s->ring, name)];
}

static void tier_reject(void *self, const struct cache_key *key)
{
    const struct server_blocks one = {.rejected = 1};
    struct server *server = server_of(self, key);

    server_count(server, &one);
    server_forget(server, key);
}

static void tier_offer(void *self, const struct cache_stored *block)
{
    server_put(server_of(self, &block->key), block);
}

static void tier_settle(void *self, bool last)
{
    struct shared *s = self;
    uint64_t deadline = link_now_ms() + FLUSH_MS;

    for (unsigned i = 0; last && i < s->n; i++)
        server_flush(s->servers[i], deadline);
}

static uint64_t tier_memory(void *self)
{
    struct shared *s = self;
    uint64_t bytes = 0;

    for (unsigned i = 0; i < s->n; i++)
        bytes += server_memory(s->servers[i]);
    return bytes;
}

struct cache_tier shared_tier(struct shared *shared)
{
    static const struct cache_tier_ops ops = {
        .name = "shared",
        .is_prompt = true, /* for who reads the same elsewhere */
        .get = tier_get,
        .reject = tier_reject,
        .offer = tier_offer,
        .settle = tier_settle,
        .memory = tier_memory,
    };

    return (struct cache_tier){&ops, shared};
}

/* ------------------------------------------------------- opening, closing */

static int start_servers(struct shared *s, const struct shared_config *config,
                         struct error *err)
{
    struct server_config one = {.time_ms = s->time_ms,
                                .pause_ms = config->pause_ms,
                                .log = config->log,
                                .log_opaque = config->log_opaque};

    if (config->auth)
        (void)snprintf(one.auth, sizeof one.auth, "%s", config->auth);
    while (s->n < config->servers->n) {
        one.address = config->servers->v[s->n];
        s->servers[s->n] = server_new(&one, err);
        if (!s->servers[s->n])
            break;
        s->n++;
    }
    explicit_bzero(one.auth, sizeof one.auth);
    return s->n == config->servers->n ? 0 : -1;
}

struct shared *shared_open(const struct shared_config *config,
                           struct error *err)
{
    struct shared *s = calloc(1, sizeof *s);
    uint64_t deadline = link_now_ms();

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    s->time_ms = config->time_ms ? config->time_ms : TIME_MS;
    deadline += config->names_ms ? config->names_ms : NAMES_MS;
    s->ring = ring_new(config->servers);
    if (!s->ring)
        (void)error_no_memory(err);
    if (!s->ring || start_servers(s, config, err) < 0) {
        shared_close(s);
        return NULL;
    }
    for (unsigned i = 0; i < s->n; i++)
        (void)server_wait_known(s->servers[i], deadline);
    return s;
}

void shared_close(struct shared *shared)
{
    if (!shared)
        return;
    for (unsigned i = 0; i < shared->n; i++)
        server_free(shared->servers[i]);
    ring_free(shared->ring);
    free(shared);
}

/* -------------------------------------------------------------- counters */

unsigned shared_count(const struct shared *shared)
{
    return shared->n;
}

void shared_stats_get(struct shared *s, unsigned number,
                      char ret_name[ADDRESS_TEXT_SIZE],
                      struct shared_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    *ret_name = '\0';
    if (number < s->n) {
        address_print(server_address(s->servers[number]), ret_name);
        server_stats_add(s->servers[number], ret);
        return;
    }
    for (unsigned i = 0; i < s->n; i++)
        server_stats_add(s->servers[i], ret);
}
