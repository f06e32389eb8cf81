// SPDX-License-Identifier: MIT
/* ring.c: see ring.h. */
#include "ring.h"

#include <libmemcached/memcached.h>

struct ring {
    memcached_st memc;
    unsigned n;
};

static bool add(memcached_st *memc, const struct address *a)
{
    memcached_return_t rc =
        a->port == 0 ? memcached_server_add_unix_socket(memc, a->host)
                     : memcached_server_add(memc, a->host, a->port);

    return rc == MEMCACHED_SUCCESS;
}

struct ring *ring_new(const struct addresses *servers)
{
    struct ring *ring = malloc(sizeof *ring);
    bool ok = true;

    if (!ring)
        return NULL;
    ring->n = servers->n;
    if (!memcached_create(&ring->memc)) {
        free(ring);
        return NULL;
    }
    ok = memcached_behavior_set(&ring->memc, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED,
                                1) == MEMCACHED_SUCCESS;
    for (unsigned i = 0; ok && i < servers->n; i++)
        ok = add(&ring->memc, &servers->v[i]);
    if (ok)
        return ring;
    ring_free(ring);
    return NULL;
}

void ring_free(struct ring *ring)
{
    if (!ring)
        return;
    memcached_free(&ring->memc);
    free(ring);
}

unsigned ring_find(const struct ring *ring, const char name[VALUE_NAME])
{
    uint32_t i = memcached_generate_hash(&ring->memc, name, VALUE_NAME);

    return i < ring->n ? i : 0;
}
