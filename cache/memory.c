// SPDX-License-Identifier: MIT
/*
 * memory.c: payloads, buffers and work areas, with one sum over all.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct memory {
    atomic_uint_fast64_t bytes;
};

struct memory *memory_new(uint64_t budget_bytes)
{
    (void)budget_bytes;
    return calloc(1, sizeof(struct memory));
}

void memory_free(struct memory *memory)
{
    free(memory);
}

uint64_t memory_bytes(const struct memory *memory)
{
    return atomic_load(&memory->bytes);
}

uint64_t payload_charge(size_t size)
{
    return sizeof(struct payload) + size + 16;
}

struct payload *payload_new(struct memory *memory, const uint8_t *stored,
                            size_t size)
{
    struct payload *payload = malloc(sizeof *payload + size);

    if (!payload)
        return NULL;
    atomic_init(&payload->refs, 1);
    payload->size = (uint32_t)size;
    payload->next = NULL;
    memcpy(payload->bytes, stored, size);
    atomic_fetch_add(&memory->bytes, payload_charge(size));
    return payload;
}

struct payload *payload_ref(struct payload *payload)
{
    atomic_fetch_add_explicit(&payload->refs, 1, memory_order_relaxed);
    return payload;
}

void payload_unref(struct memory *memory, struct payload *payload)
{
    if (!payload ||
        atomic_fetch_sub_explicit(&payload->refs, 1, memory_order_acq_rel) > 1)
        return;
    atomic_fetch_sub(&memory->bytes, payload_charge(payload->size));
    free(payload);
}

const uint8_t *payload_bytes(const struct payload *payload, uint8_t *scratch)
{
    (void)scratch;
    return payload->bytes;
}

static uint64_t buffer_charge(size_t size)
{
    return sizeof(struct buffer) + size + 16;
}

struct buffer *buffer_new(struct memory *memory, size_t size)
{
    struct buffer *buffer = malloc(sizeof *buffer + size);

    if (!buffer)
        return NULL;
    atomic_init(&buffer->refs, 1);
    buffer->size = (uint32_t)size;
    buffer->next = NULL;
    buffer->data = (uint8_t *)(buffer + 1);
    atomic_fetch_add(&memory->bytes, buffer_charge(size));
    return buffer;
}

struct buffer *buffer_ref(struct buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    return buffer;
}

void buffer_unref(struct memory *memory, struct buffer *buffer)
{
    if (!buffer ||
        atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel) > 1)
        return;
    atomic_fetch_sub(&memory->bytes, buffer_charge(buffer->size));
    free(buffer);
}

void *work_get(struct memory *memory, size_t size)
{
    void *work = malloc(size);

    if (work)
        atomic_fetch_add(&memory->bytes, size);
    return work;
}

void work_put(struct memory *memory, void *work, size_t size)
{
    if (!work)
        return;
    atomic_fetch_sub(&memory->bytes, size);
    free(work);
}
