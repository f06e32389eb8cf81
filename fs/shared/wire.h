// SPDX-License-Identifier: MIT
/*
 * wire.h: memcached's text protocol, as far as it is needed.
 *
 *     get NAME NAME ...             VALUE NAME FLAGS SIZE, the bytes; ... END
 *     set NAME 0 0 SIZE, the bytes  STORED, or a line that says why not
 *     delete NAME                   DELETED or NOT_FOUND
 *     version                       VERSION ...: all before it was done
 *     set auth 0 0 SIZE, USER PASS  STORED, where a server wants it (-Y)
 *
 * What a server says is taken apart as it comes, in pieces of any size, and
 * nothing in it is believed: a line that is too long, a value that was not
 * asked for or has an impossible size, anything where something else should
 * be, is the end of the conversation.
 *
 * Pure functions. Any thread.
 */
#ifndef SHARED_WIRE_H
#define SHARED_WIRE_H

#include "value.h"

enum {
    WIRE_LINE_MAX = 512,
    WIRE_NAMES = 32, /* of one get */
    WIRE_GET_MAX = 4 + WIRE_NAMES * (VALUE_NAME + 1) + 2,
    WIRE_SET_MAX = 4 + VALUE_NAME + 24,
    WIRE_DELETE_MAX = 7 + VALUE_NAME + 3,
    WIRE_AUTH_MAX = 32 + 512
};

enum wire_state {
    WIRE_MORE,  /* the server has more to say */
    WIRE_DONE,  /* it has said everything */
    WIRE_WRONG, /* what it said makes no sense: do not go on with it */
};

/* ------------------------------------------------------------- questions */

/* Each returns how many bytes it wrote; the bytes of a value follow its line,
 * and then "\r\n". n: 1 .. WIRE_NAMES. */
size_t wire_get(char ret[WIRE_GET_MAX],
                void (*name)(void *opaque, size_t i, char ret[VALUE_NAME]),
                void *opaque, size_t n);
size_t wire_set(char ret[WIRE_SET_MAX], const char name[VALUE_NAME],
                size_t size);
size_t wire_delete(char ret[WIRE_DELETE_MAX], const char name[VALUE_NAME]);

#define WIRE_VERSION "version\r\n"

/* ---------------------------------------------------------- what lines say */

/* Lines, put together from pieces. */
struct wire_line {
    size_t n;
    char text[WIRE_LINE_MAX];
};

/* Takes from `data` up to the end of a line; WIRE_DONE: there is a whole one
 * in line->text, NUL-terminated and without its end. */
enum wire_state wire_line_feed(struct wire_line *line, const uint8_t *data,
                               size_t n, size_t *ret_taken);

/* ----------------------------------------------------------------- values */

/* Where values go. */
struct wire_sink {
    /* A value of `size` bytes begins. False: it was not asked for, or cannot
     * be what it should be. */
    bool (*begin)(void *opaque, const char name[VALUE_NAME], size_t size);
    /* Its bytes, in order. */
    void (*take)(void *opaque, size_t at, const uint8_t *data, size_t n);
    void (*end)(void *opaque);
    void *opaque;
};

/* The answers to gets. Zero-initialise, but for sink and ends. */
struct wire_values {
    struct wire_sink sink;
    unsigned ends; /* gets that were sent and not answered yet */
    size_t size;   /* of the value that is being read, with its "\r\n" */
    size_t at;
    struct wire_line line;
};

enum wire_state wire_values_feed(struct wire_values *v, const uint8_t *data,
                                 size_t n);

/* ---------------------------------------------------------------- replies */

/* The answers to sets and deletes, up to that of "version". */
struct wire_replies {
    uint64_t stored;  /* or deleted, or not there to be deleted */
    uint64_t refused; /* too large, no memory, ... */
    struct wire_line line;
};

enum wire_state wire_replies_feed(struct wire_replies *r, const uint8_t *data,
                                  size_t n);

#endif
