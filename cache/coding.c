// SPDX-License-Identifier: MIT
/* coding.c: see coding.h. */
#include "coding.h"

struct buffer *coding_unpack(struct memory *memory,
                             const struct payload *payload, size_t size,
                             bool *ret_sound)
{
    struct buffer *buffer = buffer_new(memory, size);
    uint8_t *work = work_get(memory, CODING_WORK_BYTES);
    const uint8_t *stored;
    bool ok = false;

    *ret_sound = true;
    if (buffer && work) {
        stored = payload_bytes(memory, payload, coding_room(work));
        *ret_sound = ok =
            block_decode(stored, payload->size, buffer->data, size, work);
    }
    work_put(memory, work, CODING_WORK_BYTES);
    if (ok)
        return buffer;
    buffer_unref(memory, buffer);
    return NULL;
}

struct payload *coding_pack(struct memory *memory, const uint8_t *data,
                            size_t size, const struct cache_hint *hint)
{
    uint8_t *work = work_get(memory, CODING_WORK_BYTES);
    struct payload *payload = NULL;
    uint8_t *stored;
    size_t n;

    if (work) {
        stored = coding_room(work);
        n = block_encode(data, size, hint, stored, work);
        payload = payload_new(memory, stored, n);
    }
    work_put(memory, work, CODING_WORK_BYTES);
    return payload;
}
