// SPDX-License-Identifier: MIT
/*
 * packet.c: see packet.h. Without poll(2) where nothing has to be timed: a
 * worker that waits for work sleeps in recvmsg(2), which is all it may call,
 * and one call is faster than two.
 */
#include "worker/packet.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    struct cmsghdr align;
    char room[CMSG_SPACE(PACKET_FDS_MAX * sizeof(int))];
};

int packet_pair(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret);
}

static void attach(struct msghdr *msg, union control *control, const int *fds,
                   size_t n_fds)
{
    struct cmsghdr *c;

    memset(control, 0, sizeof *control);
    msg->msg_control = control;
    msg->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    c = CMSG_FIRSTHDR(msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

bool packet_set_patience(int fd, unsigned ms)
{
    struct timeval t = {ms / 1000, (suseconds_t)(ms % 1000) * 1000};

    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0;
}

bool packet_send(int fd, const void *packet, size_t size, const int *fds,
                 size_t n_fds)
{
    union control control;
    struct iovec part = {(void *)(uintptr_t)packet, size};
    struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    if (n_fds > 0)
        attach(&msg, &control, fds, n_fds);
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size;
}

static void close_all(const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
}

/* The descriptors that came; more than there is room for the kernel drops. */
static size_t detach(struct msghdr *msg, int fds[PACKET_FDS_MAX])
{
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), n * sizeof(int));
    }
    return n;
}

static enum packet_outcome read_now(int fd, void *ret, size_t size,
                                    int *ret_fds)
{
    union control control;
    int fds[PACKET_FDS_MAX] = {-1, -1};
    struct iovec part = {ret, size};
    struct msghdr msg = {.msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    size_t n_fds;
    ssize_t n;

    /* An end that closes with packets unread leaves an error, which stands
     * before the packets that it has sent, once. */
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0 && errno == EAGAIN)
        return PACKET_TIMEOUT;
    if (n <= 0)
        return PACKET_CLOSED;
    n_fds = detach(&msg, fds);
    if (n != (ssize_t)size || (n_fds > 0 && !ret_fds) ||
        (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        close_all(fds, n_fds);
        return PACKET_NONSENSE;
    }
    if (ret_fds)
        memcpy(ret_fds, fds, sizeof fds);
    return PACKET_READ;
}

enum packet_outcome packet_receive(int fd, int ms, void *ret, size_t size,
                                   int *ret_fds)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;

    if (ms >= 0) {
        n = poll(&p, 1, ms);
        if (n == 0 || (n < 0 && errno == EINTR))
            return PACKET_TIMEOUT;
    }
    return read_now(fd, ret, size, ret_fds);
}

bool packet_is_quiet(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

    return n < 0 && (errno == EAGAIN || errno == EINTR);
}
