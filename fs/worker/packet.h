// SPDX-License-Identifier: MIT
/*
 * packet.h: packets of fixed size through a SOCK_SEQPACKET socket, with
 * descriptors.
 *
 * Threads: as the socket; reentrant.
 */
#ifndef WORKER_PACKET_H
#define WORKER_PACKET_H

#include <stdbool.h>
#include <stddef.h>

enum { PACKET_FDS_MAX = 2 };

/* Two connected ends, closed on exec. -1 with errno. */
int packet_pair(int ret[2]);

/* Sends one packet, with n_fds descriptors (0 .. PACKET_FDS_MAX). False, with
 * errno, if the other end is gone. */
bool packet_send(int fd, const void *packet, size_t size, const int *fds,
                 size_t n_fds);

enum packet_outcome {
    PACKET_READ,
    PACKET_TIMEOUT,
    PACKET_CLOSED,   /* the other end is gone */
    PACKET_NONSENSE, /* a packet of another size, or with surplus descriptors */
};

/* How long packet_receive waits "for ever" on this end. False with errno. */
bool packet_set_patience(int fd, unsigned ms);

/* Waits up to `ms` (negative: for ever) for a packet of exactly `size` bytes.
 * ret_fds has room for PACKET_FDS_MAX descriptors, which are then the caller's,
 * -1 where fewer came; with NULL none may come. */
enum packet_outcome packet_receive(int fd, int ms, void *ret, size_t size,
                                   int *ret_fds);

/* Is the other end there, with nothing left to read from it? Never waits. */
bool packet_is_quiet(int fd);

#endif
