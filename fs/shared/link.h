// SPDX-License-Identifier: MIT
/*
 * link.h: connections to servers, on which nothing waits beyond a deadline.
 *
 * Deadlines are link_now_ms() plus something. Errors are errno; ETIMEDOUT: the
 * deadline has passed. No call raises SIGPIPE.
 *
 * Threads: a connection is used by one at a time.
 */
#ifndef SHARED_LINK_H
#define SHARED_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "address.h"

enum { PLACES_MAX = 8 };

/* Where a server is, found out. */
struct places {
    unsigned n; /* 0: not known */
    struct place {
        struct sockaddr_storage address;
        socklen_t size;
    } v[PLACES_MAX];
};

/* Finds out; true: there is one at least. `now`: without asking a name
 * server, which may take as long as it pleases. */
bool places_find(const struct address *a, bool now, struct places *ret);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t link_now_ms(void);

/* The first place that answers. A descriptor, or -1. */
int link_open(const struct places *at, uint64_t deadline_ms);

/* All of it, or -1. Takes `parts` apart. */
int link_send(int fd, struct iovec *parts, int n, uint64_t deadline_ms);

/* 0 when something can be read of one of them, or -1. Negative descriptors
 * are skipped; ret[i]: it can. */
int link_wait(const int *fds, unsigned n, bool *ret, uint64_t deadline_ms);

/* What is there; 0: nothing yet. -1: an error, or the other end (ECONNRESET).
 */
ssize_t link_take(int fd, void *data, size_t size);

/* The same, but waits for it. */
ssize_t link_receive(int fd, void *data, size_t size, uint64_t deadline_ms);

#endif
