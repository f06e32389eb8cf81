// SPDX-License-Identifier: MIT
/*
 * buffer.h: memory for decoded frames, shared between processes.
 *
 * An anonymous shared mapping that a child forked earlier does not see, but
 * whose shape (one flat run of bytes) is all that a decoder elsewhere needs.
 * Zeroed when made.
 *
 * Threads: one thread at a time per buffer.
 */
#ifndef RENDER_BUFFER_H
#define RENDER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

struct buffer {
    uint8_t *data;
    size_t size;
};

/* `populate`: with its pages, for who writes it straight away. */
int buffer_init(struct buffer *b, size_t size, bool populate, struct error *err)
    __attribute__((warn_unused_result));
void buffer_deinit(struct buffer *b);

#endif
