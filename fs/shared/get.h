// SPDX-License-Identifier: MIT
/*
 * get.h: asking servers for blocks.
 *
 * Threads: any.
 */
#ifndef SHARED_GET_H
#define SHARED_GET_H

#include "ring.h"
#include "server.h"

/* Looks for n blocks, on all servers at the same time; returns at the
 * deadline with what has come by then. */
void get_blocks(struct server *const *servers, const struct ring *ring,
                struct cache_want *wants, size_t n, uint64_t deadline_ms);

#endif
