// SPDX-License-Identifier: MIT
/* serve.c: see serve.h. */
#include "worker/serve.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dicom/dicom_parsed.h"
#include "prepfs/checked.h"
#include "worker/arena.h"
#include "worker/confine.h"
#include "worker/packet.h"
#include "worker/wire.h"

/* Standard ones, the socket, and one that came through it. */
enum { DESCRIPTORS = 5 };

/* The mount asks for nothing else; what does not fit is a bug of ours. */
static int refuse(struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "a request that does not fit");
}

/* ---- a frame ---- */

static bool fits(const struct arena *a, const struct worker_frame *f,
                 uint64_t image_bytes)
{
    uint64_t end;

    return f->length <= f->out_offset && f->out_bytes == image_bytes &&
           checked_add_u64(f->out_offset, f->out_bytes, &end) && end <= a->size;
}

static int decode(const struct arena *a, const struct worker_frame *f,
                  struct error *err)
{
    struct image out = {.width = f->desc.cols, .height = f->desc.rows};

    if (decode_output(&f->desc, &out.channels, &out.type, err) != 0)
        return -1;
    out.stride_bytes =
        (size_t)out.width * out.channels * sample_bytes(out.type);
    if (!fits(a, f, (uint64_t)out.stride_bytes * out.height))
        return refuse(err);
    out.data = a->data + f->out_offset;
    return decode_frame(&f->desc, a->data, (size_t)f->length, f->first_bit,
                        &out, err);
}

/* ---- a file ---- */

static int parse(const struct arena *a, const struct worker_header *f, int fd,
                 uint64_t *ret_bytes, struct error *err)
{
    struct dicom_limits limits = {
        .header_bytes = f->header_bytes,
        .inflated_bytes = f->inflated_bytes,
        .lut_bytes = f->lut_bytes,
        .frames = f->frames,
        .cpu_seconds = f->cpu_seconds,
        .extra_tags = (const uint32_t *)(const void *)a->data,
        .n_extra_tags = f->n_tags,
    };
    struct dicom_parsed parsed;

    if (fd < 0 || f->area_offset > a->size ||
        f->area_bytes > a->size - f->area_offset ||
        (uint64_t)f->n_tags * sizeof(uint32_t) > f->area_offset)
        return refuse(err);
    if (dicom_parse(fd, f->file_bytes, &limits, f->want, &parsed, err) != 0)
        return -1;
    *ret_bytes =
        dicom_flatten(&parsed, a->data + f->area_offset, (size_t)f->area_bytes);
    dicom_parsed_deinit(&parsed);
    return 0;
}

/* ---- one after another ---- */

static int work(const struct arena *a, const struct worker_request *r, int fd,
                struct worker_reply *reply)
{
    if (r->magic != WORKER_MAGIC)
        return refuse(&reply->err);
    if (r->op == WORKER_HEADER)
        return parse(a, &r->header, fd, &reply->bytes, &reply->err);
    return decode(a, &r->frame, &reply->err);
}

static bool serve_one(int socket, const struct arena *a)
{
    int fds[PACKET_FDS_MAX];
    struct worker_request request;
    struct worker_reply reply;

    if (packet_receive(socket, -1, &request, sizeof request, fds) !=
        PACKET_READ)
        return false;
    memset(&reply, 0, sizeof reply);
    reply.magic = WORKER_MAGIC;
    reply.rc = work(a, &request, fds[0], &reply);
    for (size_t i = 0; i < PACKET_FDS_MAX; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    return packet_send(socket, &reply, sizeof reply, NULL, 0);
}

void serve_prepare(void)
{
    dicom_prepare();
}

void serve(int socket, int arena_fd, uint64_t arena_bytes,
           uint64_t memory_bytes)
{
    struct worker_hello hello = {WORKER_MAGIC, 0};
    struct arena arena;

    if (arena_attach(&arena, arena_fd, (size_t)arena_bytes) != 0)
        _exit(EXIT_FAILURE);
    hello.confinement = confine(memory_bytes, DESCRIPTORS);
    if (packet_send(socket, &hello, sizeof hello, NULL, 0))
        while (serve_one(socket, &arena))
            ;
    _exit(EXIT_SUCCESS);
}
