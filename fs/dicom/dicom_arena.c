// SPDX-License-Identifier: MIT
/*
 * dicom_arena.c: one owner for everything that a header points to, so that
 * releasing it cannot forget or double anything.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/checked.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 4096 };

struct chunk {
    struct chunk *next;
    void *taken; /* a foreign allocation, or NULL */
    size_t used;
    size_t size;
    _Alignas(max_align_t) uint8_t bytes[];
};

struct dicom_arena {
    struct chunk *first; /* the one that is being filled */
};

struct dicom_arena *dicom_arena_new(void)
{
    return calloc(1, sizeof(struct dicom_arena));
}

void dicom_arena_free(struct dicom_arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *c = arena->first, *next; c; c = next) {
        next = c->next;
        free(c->taken);
        free(c);
    }
    free(arena);
}

static struct chunk *chunk_new(size_t size)
{
    size_t total;
    struct chunk *c;

    if (!checked_add_size(sizeof *c, size, &total))
        return NULL;
    c = calloc(1, total);
    if (c)
        c->size = size;
    return c;
}

/* A chunk of its own, behind the one being filled. */
static struct chunk *insert_chunk(struct dicom_arena *arena, size_t bytes)
{
    struct chunk *c = chunk_new(bytes);

    if (!c)
        return NULL;
    c->used = bytes;
    if (arena->first) {
        c->next = arena->first->next;
        arena->first->next = c;
    } else {
        arena->first = c;
    }
    return c;
}

void *dicom_arena_alloc(struct dicom_arena *arena, size_t count, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct chunk *c = arena->first;
    size_t bytes;
    void *p;

    if (!checked_mul_size(count, size, &bytes) ||
        !checked_add_size(bytes, align - 1, &bytes))
        return NULL;
    bytes -= bytes % align;
    if (bytes > CHUNK_BYTES / 4) {
        struct chunk *large = insert_chunk(arena, bytes);

        return large ? large->bytes : NULL;
    }
    if (!c || c->size - c->used < bytes) {
        c = chunk_new(CHUNK_BYTES);
        if (!c)
            return NULL;
        c->next = arena->first;
        arena->first = c;
    }
    p = c->bytes + c->used;
    c->used += bytes;
    return p;
}

void *dicom_arena_take(struct dicom_arena *arena, void *pointer)
{
    struct chunk *c;

    if (!pointer)
        return NULL;
    c = insert_chunk(arena, 0);
    if (!c) {
        free(pointer);
        return NULL;
    }
    c->taken = pointer;
    return pointer;
}

char *dicom_arena_text(struct dicom_arena *arena, const char *text,
                       size_t length)
{
    char *copy = dicom_arena_alloc(arena, length + 1, 1);

    if (copy)
        memcpy(copy, text, length);
    return copy;
}
