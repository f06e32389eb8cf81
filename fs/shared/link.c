// SPDX-License-Identifier: MIT
/* link.c: see link.h. */
#include "link.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

uint64_t link_now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- places */

static void place_of_path(const char *path, struct places *ret)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    memcpy(un.sun_path, path, strnlen(path, sizeof un.sun_path - 1));
    memcpy(&ret->v[0].address, &un, sizeof un);
    ret->v[0].size = sizeof un;
    ret->n = 1;
}

bool places_find(const struct address *a, bool now, struct places *ret)
{
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | (now ? AI_NUMERICHOST : 0),
    };
    struct addrinfo *list = NULL;
    char port[8];

    ret->n = 0;
    if (a->port == 0) {
        place_of_path(a->host, ret);
        return true;
    }
    (void)snprintf(port, sizeof port, "%u", (unsigned)a->port);
    if (getaddrinfo(a->host, port, &hints, &list) != 0)
        return false;
    for (struct addrinfo *i = list; i && ret->n < PLACES_MAX; i = i->ai_next) {
        if (i->ai_addrlen > sizeof ret->v[0].address)
            continue;
        memcpy(&ret->v[ret->n].address, i->ai_addr, i->ai_addrlen);
        ret->v[ret->n++].size = i->ai_addrlen;
    }
    freeaddrinfo(list);
    return ret->n > 0;
}

/* ---------------------------------------------------------------- waiting */

static int left_ms(uint64_t deadline_ms)
{
    uint64_t now = link_now_ms();

    if (now >= deadline_ms)
        return 0;
    return deadline_ms - now < 60000 ? (int)(deadline_ms - now) : 60000;
}

/* 0 when one of them is ready, or -1. Never 0 after the deadline: who is
 * given a byte at a time must come to an end too. */
static int wait_for(struct pollfd *polls, unsigned n, uint64_t deadline_ms)
{
    int left, rc = 0;

    while (rc == 0 && (left = left_ms(deadline_ms)) > 0) {
        rc = poll(polls, n, left);
        if (rc < 0 && errno == EINTR)
            rc = 0;
    }
    if (rc == 0)
        errno = ETIMEDOUT;
    return rc > 0 ? 0 : -1;
}

static int wait_one(int fd, short events, uint64_t deadline_ms)
{
    struct pollfd one = {.fd = fd, .events = events};

    return wait_for(&one, 1, deadline_ms);
}

int link_wait(const int *fds, unsigned n, bool *ret, uint64_t deadline_ms)
{
    struct pollfd polls[ADDRESSES_MAX];
    int rc;

    for (unsigned i = 0; i < n; i++)
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    rc = wait_for(polls, n, deadline_ms);
    for (unsigned i = 0; i < n; i++)
        ret[i] = rc == 0 && polls[i].revents != 0;
    return rc;
}

/* ------------------------------------------------------------- connecting */

static int finish_connect(int fd, uint64_t deadline_ms)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (wait_one(fd, POLLOUT, deadline_ms) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -1;
    errno = error;
    return error == 0 ? 0 : -1;
}

static int open_one(const struct place *p, uint64_t deadline_ms)
{
    const int yes = 1;
    int saved, fd = socket(p->address.ss_family,
                           SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (p->address.ss_family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    }
    if (connect(fd, (const struct sockaddr *)&p->address, p->size) == 0 ||
        (errno == EINPROGRESS && finish_connect(fd, deadline_ms) == 0))
        return fd;
    /* a path's server that has no time to accept says EAGAIN */
    saved = errno == EAGAIN ? ETIMEDOUT : errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

int link_open(const struct places *at, uint64_t deadline_ms)
{
    int fd = -1;

    errno = EHOSTUNREACH;
    for (unsigned i = 0; fd < 0 && i < at->n; i++)
        fd = open_one(&at->v[i], deadline_ms);
    return fd;
}

/* ----------------------------------------------------------------- bytes */

int link_send(int fd, struct iovec *parts, int n, uint64_t deadline_ms)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)n};
    ssize_t sent;

    while (message.msg_iovlen > 0) {
        struct iovec *first = message.msg_iov;

        if (first->iov_len == 0) {
            message.msg_iov++;
            message.msg_iovlen--;
            continue;
        }
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            if (wait_one(fd, POLLOUT, deadline_ms) < 0)
                return -1;
            continue;
        }
        if (sent < 0 && errno != EINTR)
            return -1;
        for (; sent > 0; first++) {
            size_t part =
                (size_t)sent < first->iov_len ? (size_t)sent : first->iov_len;

            first->iov_base = (char *)first->iov_base + part;
            first->iov_len -= part;
            sent -= (ssize_t)part;
        }
    }
    return 0;
}

ssize_t link_take(int fd, void *data, size_t size)
{
    ssize_t n;

    do
        n = recv(fd, data, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n == 0) {
        errno = ECONNRESET;
        return -1;
    }
    return n < 0 && errno == EAGAIN ? 0 : n;
}

ssize_t link_receive(int fd, void *data, size_t size, uint64_t deadline_ms)
{
    ssize_t n;

    while ((n = link_take(fd, data, size)) == 0)
        if (wait_one(fd, POLLIN, deadline_ms) < 0)
            return -1;
    return n;
}
