// SPDX-License-Identifier: MIT
/*
 * buffer.c: shared mappings. A frame is written whole: one system call for
 * its pages instead of a fault for each.
 */
#include "render/buffer.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

void buffers_init(struct buffers *b, size_t limit)
{
    *b = (struct buffers){.limit = limit};
    lock_init(&b->lock);
}

static void unmap(struct buffer *buffer)
{
    if (buffer->data)
        (void)munmap(buffer->data, buffer->capacity);
    *buffer = (struct buffer){NULL, 0, 0};
}

void buffers_drop(struct buffers *b)
{
    lock_acquire(&b->lock);
    for (size_t i = 0; i < BUFFERS_IDLE; i++)
        unmap(&b->idle[i]);
    b->bytes = 0;
    lock_release(&b->lock);
}

void buffers_deinit(struct buffers *b)
{
    buffers_drop(b);
    lock_deinit(&b->lock);
}

size_t buffers_cost(struct buffers *b)
{
    size_t bytes;

    lock_acquire(&b->lock);
    bytes = b->bytes;
    lock_release(&b->lock);
    return bytes;
}

/* One that is large enough, and at most twice as large. */
static bool take_idle(struct buffers *b, size_t size, struct buffer *ret)
{
    struct buffer *best = NULL;

    lock_acquire(&b->lock);
    for (size_t i = 0; i < BUFFERS_IDLE; i++) {
        struct buffer *idle = &b->idle[i];

        if (idle->data && idle->capacity >= size &&
            idle->capacity / 2 <= size &&
            (!best || idle->capacity < best->capacity))
            best = idle;
    }
    if (best) {
        *ret = *best;
        b->bytes -= best->capacity;
        *best = (struct buffer){NULL, 0, 0};
    }
    lock_release(&b->lock);
    return best != NULL;
}

int buffer_take(struct buffers *b, size_t size, bool populate,
                struct buffer *ret, struct error *err)
{
    int flags = MAP_SHARED | MAP_ANONYMOUS | (populate ? MAP_POPULATE : 0);
    void *p;

    size = size ? size : 1;
    if (take_idle(b, size, ret)) {
        memset(ret->data, 0, size); /* another image's samples */
        ret->size = size;
        return 0;
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED)
        return error_set_sys(err, errno, "no memory for a frame of %zu bytes",
                             size);
    *ret = (struct buffer){p, size, (size + PAGE - 1) / PAGE * PAGE};
    return 0;
}

/* Puts it where there is room, or in the place of the smallest. */
void buffer_give(struct buffers *b, struct buffer *buffer)
{
    struct buffer *place;

    if (!buffer->data)
        return;
    lock_acquire(&b->lock);
    place = &b->idle[0];
    for (size_t i = 1; i < BUFFERS_IDLE; i++)
        if (b->idle[i].capacity < place->capacity)
            place = &b->idle[i];
    if (b->bytes - place->capacity + buffer->capacity <= b->limit) {
        struct buffer old = *place;

        b->bytes += buffer->capacity - old.capacity;
        *place = *buffer;
        *buffer = old;
    }
    lock_release(&b->lock);
    unmap(buffer);
}
