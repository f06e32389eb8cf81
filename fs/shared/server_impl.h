// SPDX-License-Identifier: MIT
/* server_impl.h: what server.c and sender.c share. */
#ifndef SHARED_SERVER_IMPL_H
#define SHARED_SERVER_IMPL_H

#include "breaker.h"
#include "link.h"
#include "server.h"

#include "prepfs/lock.h"

#include <sys/queue.h>

/* Something to be sent: a set, or without bytes a delete. */
struct parcel {
    STAILQ_ENTRY(parcel) link;
    char name[VALUE_NAME];
    size_t size;
    uint8_t value[];
};

STAILQ_HEAD(parcels, parcel);

struct server {
    /* Immutable: */
    struct server_config config;
    char name[ADDRESS_TEXT_SIZE];
    struct lock lock;
    /* Protected by lock: */
    pthread_cond_t freed; /* a connection */
    pthread_cond_t wake;  /* the sender */
    pthread_cond_t known; /* all else: places, room, an end */
    struct places places;
    bool looked;    /* for places, once */
    bool is_asking; /* a name server, now */
    bool is_down;   /* which was said */
    struct breaker breaker;
    struct connection *idle;
    struct shared_stats stats; /* with `connections` now */
    struct parcels parcels;
    uint64_t waiting; /* bytes of these, and of what is being sent */
    bool stop;
    unsigned users; /* who has it: its owner and its sender */
};

/* A moment for pthread_cond_timedwait. */
struct timespec server_moment(uint64_t deadline_ms);

/* True: waited; false: the deadline has passed. */
bool server_wait_locked(struct server *s, pthread_cond_t *cond,
                        uint64_t deadline_ms) REQUIRES(s->lock);

/* Connects and says who we are. A descriptor, or -1. */
int server_connect(struct server *s, uint64_t deadline_ms);

/* An answer (0) or a failure, to the breaker, the counters and the log. */
void server_judge(struct server *s, int error);

/* Drops one of its users; the last one frees it. */
void server_unref(struct server *s);

void *sender_thread(void *server);

#endif
