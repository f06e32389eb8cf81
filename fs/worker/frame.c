// SPDX-License-Identifier: MIT
/* frame.c: frames decoded in workers; see worker.h. */
#include <string.h>
#include <sys/mman.h>

#include "prepfs/checked.h"
#include "worker/explain.h"
#include "worker/pool.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGE = 4096 };

/* Frames up to here are given their pages before it is known whether they can
 * be decoded: a file that states a larger one must first have it. */
static const uint64_t room_ahead = (uint64_t)64 << 20;

/* ---- in this process ---- */

/* What the decoder said in this process. */
static int decode_here(const struct decode_desc *desc, const uint8_t *bytes,
                       size_t length, unsigned first_bit, uint32_t number,
                       const struct image *out, struct error *err)
{
    struct error own = ERROR_INIT;

    if (decode_frame(desc, bytes, length, first_bit, out, &own) == 0)
        return 0;
    return error_set(err, own.kind, "frame %u: %.*s", number,
                     ERROR_MSG_MAX - 32, own.msg);
}

/* ---- in a worker ---- */

static int lay_out(const struct decode_desc *desc, size_t length,
                   unsigned first_bit, const struct image *out,
                   struct worker_frame *ret, uint64_t *ret_bytes,
                   struct error *err)
{
    uint64_t row = (uint64_t)out->width * out->channels *
                   (uint64_t)sample_bytes(out->type);

    *ret = (struct worker_frame){
        .first_bit = first_bit, .length = length, .desc = *desc};
    if (!checked_add_u64(length, PAGE - 1, &ret->out_offset) ||
        !checked_mul_u64(row, out->height, &ret->out_bytes))
        return error_set(err, ERROR_TOO_BIG, "a frame beyond 64 bits");
    ret->out_offset -= ret->out_offset % PAGE;
    if (!checked_add_u64(ret->out_offset, ret->out_bytes, ret_bytes) ||
        *ret_bytes > SIZE_MAX / 4)
        return error_set(err, ERROR_TOO_BIG, "a frame beyond 64 bits");
    return 0;
}

/* Makes the pages that copy_out will write, while the worker decodes. Where the
 * kernel does not know how (before 5.14), copy_out faults them in. */
static void make_room(const struct image *out)
{
    uintptr_t start = (uintptr_t)out->data / PAGE * PAGE;
    uintptr_t end = (uintptr_t)out->data + out->stride_bytes * out->height;

    (void)madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}

static void copy_out(const struct slot *s, const struct worker_frame *r,
                     const struct image *out)
{
    const uint8_t *from = s->arena.data + r->out_offset;
    size_t row = (size_t)(r->out_bytes / out->height);

    if (out->stride_bytes == row) {
        memcpy(out->data, from, (size_t)r->out_bytes);
        return;
    }
    for (uint32_t y = 0; y < out->height; y++)
        memcpy(out->data + y * out->stride_bytes, from + y * row, row);
}

/* For a large frame 12 times its arena: see workers_config.memory_bytes. */
static struct slot_needs needs_of(const struct workers *w, uint64_t bytes)
{
    uint64_t memory = w->limits.memory_bytes;
    uint64_t large;

    if (bytes > slot_arena_bytes(0) &&
        checked_mul_u64(slot_arena_bytes(bytes), 12, &large) && large > memory)
        memory = large;
    return (struct slot_needs){bytes, memory};
}

static int decode_in(struct workers *w, struct slot *s,
                     const struct worker_frame *frame, uint32_t number,
                     const struct image *out, struct error *err)
{
    struct task task = {.who = "decoder",
                        .done = "decoded",
                        .doing = "decoding",
                        .named = true};
    struct worker_request request = {
        .magic = WORKER_MAGIC, .op = WORKER_FRAME, .frame = *frame};
    struct worker_reply reply;
    enum slot_outcome outcome;
    int status = -1;

    (void)snprintf(task.what, sizeof task.what, "frame %u", number);
    /* that nobody is there to get it slot_wait tells */
    (void)slot_send(s, &request, -1);
    if (frame->out_bytes <= room_ahead)
        make_room(out);
    outcome = slot_wait(s, &w->limits, &reply);
    if (outcome == SLOT_REPLIED && reply.rc == 0) {
        if (frame->out_bytes > room_ahead)
            make_room(out);
        copy_out(s, frame, out);
        pool_trim(w, s);
        return 0;
    }
    if (slot_must_go(outcome, &reply))
        status = pool_lose(w, s);
    if (outcome == SLOT_REPLIED)
        return explain_reply(&task, &w->limits, &reply, err);
    return explain_outcome(&task, &w->limits, outcome, status, err);
}

bool workers_decode_elsewhere(const struct workers *w,
                              const struct decode_desc *desc)
{
    return w && desc->codec != DECODE_NATIVE_LE &&
           desc->codec != DECODE_NATIVE_BE;
}

int workers_decode(struct workers *w, const struct decode_desc *desc,
                   const uint8_t *bytes, size_t length, unsigned first_bit,
                   uint32_t number, const struct image *out, struct error *err)
{
    struct worker_frame frame;
    struct slot_needs needs;
    struct slot *s;
    uint64_t bytes_needed = 0;
    int rc;

    if (!workers_decode_elsewhere(w, desc))
        return decode_here(desc, bytes, length, first_bit, number, out, err);
    if (lay_out(desc, length, first_bit, out, &frame, &bytes_needed, err) != 0)
        return -1;
    needs = needs_of(w, bytes_needed);
    s = pool_take(w);
    rc = pool_fill(w, s, &needs, err);
    if (rc == 0) {
        memcpy(s->arena.data, bytes, length);
        rc = decode_in(w, s, &frame, number, out, err);
    }
    pool_give_back(w, s);
    return rc;
}
