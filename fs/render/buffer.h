// SPDX-License-Identifier: MIT
/*
 * buffer.h: memory for decoded frames, shared between processes.
 *
 * An anonymous shared mapping that a child forked earlier does not see, but
 * whose shape (one flat run of bytes) is all that a decoder elsewhere needs.
 * Zeroed when made.
 *
 * To map and to unmap costs more than to unpack a native frame, so the last
 * few buffers wait for a frame of about their size.
 *
 * Threads: struct buffers is internally locked; a buffer belongs to one
 * thread at a time.
 */
#ifndef RENDER_BUFFER_H
#define RENDER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/lock.h"

struct buffer {
    uint8_t *data;
    size_t size;     /* that was asked for */
    size_t capacity; /* of the mapping */
};

enum { BUFFERS_IDLE = 8 };

struct buffers {
    struct lock lock;
    size_t limit; /* bytes that may wait */
    size_t bytes;
    struct buffer idle[BUFFERS_IDLE];
};

void buffers_init(struct buffers *b, size_t limit);
void buffers_deinit(struct buffers *b);
void buffers_drop(struct buffers *b); /* lets go of those that wait */
size_t buffers_cost(struct buffers *b);

/* `populate`: with its pages, for who writes it straight away. */
int buffer_take(struct buffers *b, size_t size, bool populate,
                struct buffer *ret, struct error *err)
    __attribute__((warn_unused_result));
void buffer_give(struct buffers *b, struct buffer *buffer);

#endif
