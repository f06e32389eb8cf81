// SPDX-License-Identifier: MIT
/*
 * fake_memcached.h: a server that speaks memcached's text protocol, well or
 * badly, in threads of the test.
 *
 * Threads: any.
 */
#ifndef SUPPORT_FAKE_MEMCACHED_H
#define SUPPORT_FAKE_MEMCACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it does when it is asked for something. Only a get is answered badly,
 * unless it says otherwise. */
enum fake_mood {
    FAKE_GOOD,
    FAKE_MUTE,       /* reads and never answers anything */
    FAKE_DRIP,       /* a byte every few milliseconds */
    FAKE_HANG_UP,    /* ends the connection instead of answering anything */
    FAKE_CUT,        /* ends it in the middle of a value */
    FAKE_NOISE,      /* bytes without meaning */
    FAKE_LONG_NAME,  /* VALUE with a name of 320 letters */
    FAKE_LONG_LINE,  /* a line without an end */
    FAKE_HUGE,       /* a value of 2^64 - 2 bytes */
    FAKE_LARGE,      /* one of 900,000,000 bytes, and sends them */
    FAKE_NO_VERSION, /* "VERSION" and nothing else */
    FAKE_OTHER,      /* the value of another block under this name */
    FAKE_FLIPPED,    /* a bit of the value is another one */
    FAKE_SHORT,      /* the value without its last byte */
    FAKE_LONG,       /* the value and a byte more */
    FAKE_EMPTY,      /* a value of no bytes */
    FAKE_UNASKED,    /* a value with a name that nobody asked for */
    FAKE_TWICE,      /* every value twice */
    FAKE_ENDLESS,    /* more after the end */
    FAKE_ERROR,      /* SERVER_ERROR */
    FAKE_FULL,       /* sets are refused, gets answered */
    FAKE_NONSENSE,   /* sets are answered with nonsense, gets well */
    FAKE_MOODS
};

struct fake_memcached; /* internally locked */

/* Listens on 127.0.0.1, any port. `auth`: "USER PASSWORD" that it wants to
 * hear first on each connection, or NULL. */
struct fake_memcached *fake_memcached_new(const char *auth);
void fake_memcached_free(struct fake_memcached *fake);

uint16_t fake_memcached_port(const struct fake_memcached *fake);
void fake_memcached_set(struct fake_memcached *fake, enum fake_mood mood);

/* Closes all connections, as a restart would; what it holds stays. */
void fake_memcached_disconnect(struct fake_memcached *fake);

/* How many values it holds, connections it has and had. */
size_t fake_memcached_count(struct fake_memcached *fake);
unsigned fake_memcached_connections(struct fake_memcached *fake);

#endif
