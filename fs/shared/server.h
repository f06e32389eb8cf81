// SPDX-License-Identifier: MIT
/*
 * server.h: one server: connections to it, its breaker, its counters, and the
 * thread that writes to it (sender.c).
 *
 * Threads: any, for all functions but server_new and server_free.
 */
#ifndef SHARED_SERVER_H
#define SHARED_SERVER_H

#include "shared.h"
#include "value.h"

#include <sys/uio.h>

struct server; /* internally locked */

struct server_config {
    struct address address;
    unsigned time_ms, pause_ms;
    char auth[SHARED_AUTH_SIZE]; /* "": none */
    void (*log)(void *opaque, const char *line);
    void *log_opaque;
};

struct server *server_new(const struct server_config *config,
                          struct error *err);

/* Writes what is waiting, for a moment, and stops. A name server that does
 * not answer is not waited for: its thread then keeps what it needs. */
void server_free(struct server *server); /* may be NULL */

/* True when it is known where the server is, or that it is nowhere. */
bool server_wait_known(struct server *server, uint64_t deadline_ms);

/* ------------------------------------------------------------ connections */

enum { CONNECTION_ROOM = 64 * 1024 };

struct connection {
    int fd;
    bool used;               /* it was kept from an earlier conversation */
    uint64_t idle_ms;        /* since when */
    struct connection *next; /* idle */
    uint8_t room[CONNECTION_ROOM]; /* for what comes */
};

/* A connection of one's own until server_give_back. `fresh`: none that was
 * used before. NULL: the server is left alone, or cannot be reached, and that
 * is counted. */
struct connection *server_borrow(struct server *server, bool fresh,
                                 uint64_t deadline_ms);

/* `error`: 0 if the conversation ended well, and the connection can be used
 * again; ETIMEDOUT if it took too long, EPROTO if it made no sense, ... */
void server_give_back(struct server *server, struct connection *c, int error);

/* Closes one that was found to have ended meanwhile; no failure. */
void server_drop(struct server *server, struct connection *c);

/* --------------------------------------------------------------- counting */

struct server_blocks {
    uint64_t hits, misses, skipped, rejected, bytes;
};

void server_count(struct server *server, const struct server_blocks *blocks);

/* Adds to *ret. */
void server_stats_add(struct server *server, struct shared_stats *ret);
const struct address *server_address(const struct server *server);

/* --------------------------------------------------------------- sender.c */

/* A block to be written. Waits for a moment if much is waiting and the server
 * is well. Dropped if it is not. */
void server_put(struct server *server, const struct cache_stored *block);

/* What is there under that key is to go. */
void server_forget(struct server *server, const struct cache_key *key);

/* Waits until nothing is waiting to be written. */
void server_flush(struct server *server, uint64_t deadline_ms);

/* Bytes that wait, and room of connections. */
uint64_t server_memory(struct server *server);

#endif
