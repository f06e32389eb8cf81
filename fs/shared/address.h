// SPDX-License-Identifier: MIT
/*
 * address.h: which servers there are, as the option `shared` names them.
 *
 *     HOST  HOST:PORT  [V6]:PORT  /PATH      separated by + or by commas
 *
 * + because neither fstab(5) nor -o can carry a comma in a value without help.
 *
 * Pure functions. Any thread.
 */
#ifndef SHARED_ADDRESS_H
#define SHARED_ADDRESS_H

#include <stdint.h>

#include "prepfs/error.h"

enum {
    ADDRESS_PORT = 11211, /* memcached's */
    ADDRESS_HOST_SIZE = 256,
    ADDRESS_TEXT_SIZE = ADDRESS_HOST_SIZE + 8,
    ADDRESSES_MAX = 64
};

struct address {
    char host[ADDRESS_HOST_SIZE]; /* without brackets; a path begins with / */
    uint16_t port;                /* 0 with a path */
};

struct addresses {
    unsigned n; /* at least 1 */
    struct address v[ADDRESSES_MAX];
};

/* ERROR_USAGE with a message that begins with shared=. */
int addresses_parse(const char *text, struct addresses *ret, struct error *err)
    __attribute__((warn_unused_result));

/* As it would be written, port included. */
void address_print(const struct address *a, char ret[ADDRESS_TEXT_SIZE]);

#endif
