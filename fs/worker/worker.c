// SPDX-License-Identifier: MIT
/*
 * worker.c: see worker.h. Free slots are a stack, so that the worker that was
 * busy last, whose memory is warm, is the next to work.
 */
#include "worker/worker.h"

#include <ctype.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "prepfs/checked.h"
#include "prepfs/lock.h"
#include "worker/slot.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGE = 4096 };

/* Frames up to here are given their pages before it is known whether they can
 * be decoded: a file that states a larger one must first have it. */
static const uint64_t room_ahead = (uint64_t)64 << 20;

/* All arenas together keep this much memory between two frames, and one at
 * most half of it: more would be a second cache beside the one that has a
 * limit, and with less every frame of a few megabytes is faulted in anew. */
static const size_t arenas_keep = (size_t)64 << 20;

struct workers {
    struct zygote zygote;
    struct slot_limits limits;
    struct lock lock;
    pthread_cond_t freed;
    unsigned count;
    unsigned n_free;                /* guarded by lock */
    struct slot *free[WORKERS_MAX]; /* guarded by lock */
    _Atomic uint64_t started, lost;
    struct slot slots[WORKERS_MAX];
};

/* ---- slots ---- */

static struct slot *take(struct workers *w)
{
    struct slot *s;

    lock_acquire(&w->lock);
    while (w->n_free == 0)
        lock_wait(&w->lock, &w->freed);
    s = w->free[--w->n_free];
    lock_release(&w->lock);
    return s;
}

static void give_back(struct workers *w, struct slot *s)
{
    lock_acquire(&w->lock);
    w->free[w->n_free++] = s;
    lock_check(pthread_cond_signal(&w->freed));
    lock_release(&w->lock);
}

static int fill(struct workers *w, struct slot *s, uint64_t bytes,
                struct error *err)
{
    bool started;

    if (slot_fill(s, &w->zygote, &w->limits, bytes, &started, err) != 0)
        return -1;
    w->started += started;
    return 0;
}

/* ---- life ---- */

static int start_all(struct workers *w, struct error *err)
{
    for (unsigned i = 0; i < w->count; i++) {
        if (fill(w, &w->slots[i], 0, err) != 0)
            return -1;
        w->free[w->n_free++] = &w->slots[i];
    }
    return 0;
}

struct workers *workers_start(const struct workers_config *config,
                              struct error *err)
{
    struct workers *w = calloc(1, sizeof *w);

    if (!w) {
        (void)error_no_memory(err);
        return NULL;
    }
    w->count = config->count < WORKERS_MAX ? config->count : WORKERS_MAX;
    w->limits = (struct slot_limits){
        config->memory_bytes ? config->memory_bytes : WORKERS_MEMORY,
        config->seconds ? config->seconds : WORKERS_SECONDS};
    for (unsigned i = 0; i < w->count; i++)
        slot_init(&w->slots[i]);
    if (zygote_start(&w->zygote, err) != 0) {
        free(w);
        return NULL;
    }
    lock_init(&w->lock);
    lock_check(pthread_cond_init(&w->freed, NULL));
    if (start_all(w, err) == 0)
        return w;
    workers_free(w);
    return NULL;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->count; i++)
        (void)slot_empty(&w->slots[i], &w->zygote);
    zygote_stop(&w->zygote);
    lock_check(pthread_cond_destroy(&w->freed));
    lock_deinit(&w->lock);
    free(w);
}

unsigned workers_confinement(struct workers *w)
{
    unsigned all =
        WORKERS_NO_SYSCALLS | WORKERS_NO_FILES | WORKERS_MEMORY_LIMIT;

    lock_acquire(&w->lock);
    for (unsigned i = 0; i < w->n_free; i++)
        all &= w->free[i]->confinement;
    lock_release(&w->lock);
    return all;
}

void workers_stats_get(struct workers *w, struct workers_stats *ret)
{
    *ret = (struct workers_stats){0};
    if (w)
        *ret = (struct workers_stats){w->count, w->started, w->lost};
}

/* ---- what went wrong ---- */

/* Signals that a process raises by what it does; any other came from outside.
 */
static bool is_own_doing(int sig)
{
    return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
           sig == SIGABRT || sig == SIGTRAP || sig == SIGSYS;
}

/* Real-time signals have no name. */
static const char *name_of(int sig)
{
    const char *name = sigdescr_np(sig);

    return name ? name : "unnamed";
}

static int explain_end(uint32_t number, int status, struct error *err)
{
    int sig = status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    if (is_own_doing(sig))
        return error_set(err, ERROR_CORRUPT,
                         "frame %u: the decoder crashed, signal %d (SIG%s)",
                         number, sig, sigabbrev_np(sig));
    if (sig)
        return error_set_sys(err, EIO,
                             "frame %u: the process that decoded it was ended "
                             "by signal %d (%s)",
                             number, sig, name_of(sig));
    if (status >= 0 && WIFEXITED(status))
        return error_set(err, ERROR_CORRUPT,
                         "frame %u: the decoder exited with status %d", number,
                         WEXITSTATUS(status));
    return error_set_sys(
        err, EIO, "frame %u: the process that decoded it is gone", number);
}

static int explain(const struct workers *w, uint32_t number,
                   enum slot_outcome outcome, int status, struct error *err)
{
    switch (outcome) {
    case SLOT_ENDED:
        return explain_end(number, status, err);
    case SLOT_TIMEOUT:
        return error_set(err, ERROR_CORRUPT,
                         "frame %u: not decoded within %u s (-o decode_time)",
                         number, w->limits.seconds);
    case SLOT_REPLIED:
    case SLOT_NONSENSE:
        break;
    }
    return error_set(err, ERROR_CORRUPT,
                     "frame %u: the decoder answered nonsense", number);
}

/* The text goes to logs, tables and attributes. */
static void sanitize(char *text)
{
    text[ERROR_MSG_MAX - 1] = '\0';
    for (; *text; text++) {
        if (!isascii((unsigned char)*text) || !isprint((unsigned char)*text))
            *text = '?';
    }
}

static enum error_kind kind_of(const struct error *theirs)
{
    return theirs->kind == ERROR_UNSUPPORTED || theirs->kind == ERROR_TOO_BIG ||
                   theirs->kind == ERROR_INTERNAL
               ? theirs->kind
               : ERROR_CORRUPT;
}

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

/* What the decoder said, or what a worker that was taken over wants to say. */
static int pass_on(const struct workers *w, uint32_t number,
                   struct error *theirs, struct error *err)
{
    sanitize(theirs->msg);
    if (theirs->kind == ERROR_NO_MEMORY)
        return error_set(err, ERROR_CORRUPT,
                         "frame %u: decoding it takes more memory than %llu MiB"
                         " (-o decode_memory)",
                         number,
                         (unsigned long long)w->limits.memory_bytes >> 20);
    return error_set(err, kind_of(theirs), "frame %u: %.*s", number,
                     ERROR_MSG_MAX - 32, theirs->msg);
}

/* ---- a frame ---- */

static int lay_out(const struct decode_desc *desc, size_t length,
                   unsigned first_bit, const struct image *out,
                   struct worker_request *ret, uint64_t *ret_bytes,
                   struct error *err)
{
    uint64_t row = (uint64_t)out->width * out->channels *
                   (uint64_t)sample_bytes(out->type);

    *ret = (struct worker_request){.magic = WORKER_MAGIC,
                                   .first_bit = first_bit,
                                   .length = length,
                                   .desc = *desc};
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

static void copy_out(const struct slot *s, const struct worker_request *r,
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

/* A worker that ran out of memory starts anew: what its libraries left behind
 * nobody knows. */
static bool must_go(enum slot_outcome outcome, const struct worker_reply *reply)
{
    return outcome != SLOT_REPLIED ||
           (reply->rc != 0 && reply->err.kind == ERROR_NO_MEMORY);
}

static int decode_in(struct workers *w, struct slot *s,
                     const struct worker_request *request, uint32_t number,
                     const struct image *out, struct error *err)
{
    struct worker_reply reply;
    enum slot_outcome outcome;
    int status = -1;

    slot_send(s, request);
    if (request->out_bytes <= room_ahead)
        make_room(out);
    outcome = slot_wait(s, &w->limits, &reply);
    if (outcome == SLOT_REPLIED && reply.rc == 0) {
        if (request->out_bytes > room_ahead)
            make_room(out);
        copy_out(s, request, out);
        arena_trim(&s->arena, arenas_keep / (w->count < 2 ? 2 : w->count));
        return 0;
    }
    if (must_go(outcome, &reply)) {
        status = slot_empty(s, &w->zygote);
        w->lost++;
    }
    if (outcome == SLOT_REPLIED)
        return pass_on(w, number, &reply.err, err);
    return explain(w, number, outcome, status, err);
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
    struct worker_request request;
    struct slot *s;
    uint64_t needed = 0;
    int rc;

    if (!workers_decode_elsewhere(w, desc))
        return decode_here(desc, bytes, length, first_bit, number, out, err);
    if (lay_out(desc, length, first_bit, out, &request, &needed, err) != 0)
        return -1;
    s = take(w);
    rc = fill(w, s, needed, err);
    if (rc == 0) {
        memcpy(s->arena.data, bytes, length);
        rc = decode_in(w, s, &request, number, out, err);
    }
    give_back(w, s);
    return rc;
}
