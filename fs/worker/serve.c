// SPDX-License-Identifier: MIT
/* serve.c: see serve.h. */
#include "worker/serve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prepfs/checked.h"
#include "worker/arena.h"
#include "worker/confine.h"
#include "worker/packet.h"
#include "worker/wire.h"

/* The mount asks for nothing else; what does not fit is a bug of ours. */
static bool fits(const struct arena *a, const struct worker_request *r,
                 uint64_t image_bytes)
{
    uint64_t end;

    return r->magic == WORKER_MAGIC && r->length <= r->out_offset &&
           r->out_bytes == image_bytes &&
           checked_add_u64(r->out_offset, r->out_bytes, &end) && end <= a->size;
}

static int decode(const struct arena *a, const struct worker_request *r,
                  struct error *err)
{
    struct image out = {.width = r->desc.cols, .height = r->desc.rows};

    if (decode_output(&r->desc, &out.channels, &out.type, err) != 0)
        return -1;
    out.stride_bytes =
        (size_t)out.width * out.channels * sample_bytes(out.type);
    if (!fits(a, r, (uint64_t)out.stride_bytes * out.height))
        return error_set(err, ERROR_INTERNAL, "a request that does not fit");
    out.data = a->data + r->out_offset;
    return decode_frame(&r->desc, a->data, (size_t)r->length, r->first_bit,
                        &out, err);
}

static bool serve_one(int socket, const struct arena *a)
{
    struct worker_request request;
    struct worker_reply reply;

    if (packet_receive(socket, -1, &request, sizeof request, NULL) !=
        PACKET_READ)
        return false;
    memset(&reply, 0, sizeof reply);
    reply.magic = WORKER_MAGIC;
    reply.rc = decode(a, &request, &reply.err);
    return packet_send(socket, &reply, sizeof reply, NULL, 0);
}

void serve(int socket, int arena_fd, uint64_t arena_bytes,
           uint64_t memory_bytes)
{
    struct worker_hello hello = {WORKER_MAGIC, 0};
    struct arena arena;

    if (arena_attach(&arena, arena_fd, (size_t)arena_bytes) != 0)
        _exit(EXIT_FAILURE);
    hello.confinement = confine(memory_bytes);
    if (packet_send(socket, &hello, sizeof hello, NULL, 0))
        while (serve_one(socket, &arena))
            ;
    _exit(EXIT_SUCCESS);
}
