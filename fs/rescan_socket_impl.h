// SPDX-License-Identifier: MIT
/*
 * rescan_socket_impl.h: private to rescan_socket*.c.
 */
#ifndef FS_RESCAN_SOCKET_IMPL_H
#define FS_RESCAN_SOCKET_IMPL_H

#include <sys/socket.h>
#include <sys/un.h>

#include "prepfs/error.h"

/* The last component of a path, and the folder it is in, opened. */
const char *socket_name(const char *path);
int socket_open_folder(const char *path, struct error *err);

int socket_address(int folder, const char *name, struct sockaddr_un *ret,
                   struct error *err);
/* Unconnected, and never waiting. */
int socket_new(struct error *err);

/* Removes the sockets of mounts that are no more. */
void socket_clean_folder(int folder);

#endif
