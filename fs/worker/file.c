// SPDX-License-Identifier: MIT
/*
 * file.c: files parsed in workers; see worker.h.
 *
 * A worker gets several files at once and answers one after another, so that
 * nobody waits for a change of processes between two of them: parsing one
 * takes less than that may. The answers come in order. When a worker ends, the
 * first file without an answer is to blame, and those behind it go to the next
 * worker.
 *
 *     arena   | tags | area of file 0 | area of file 1 | ...
 */
#include <string.h>

#include "prepfs/checked.h"
#include "worker/explain.h"
#include "worker/pool.h"

enum { PAGE = 4096, TAGS_MAX = 4096 };

static const struct task task = {
    .what = "header", .who = "parser", .done = "parsed", .doing = "parsing"};

/* What all files of a call have in common, and the slot that works on them. */
struct batch {
    struct workers *w;
    struct slot *s;
    const struct dicom_limits *limits;
    unsigned want;
    struct workers_file *files;
    size_t n;
};

/* ---- results ---- */

static void fail_all(struct workers_file *files, size_t n,
                     const struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        files[i].rc = -1;
        files[i].err = *err;
    }
}

/* A quarter: the parser has it twice, and lists that grow are twice as long. */
static uint64_t area_most(const struct workers *w)
{
    return w->limits.memory_bytes / 4;
}

static int too_large(const struct workers *w, struct error *err)
{
    return error_set(err, ERROR_TOO_BIG,
                     "header: takes more than %llu MiB (a quarter of -o "
                     "decode_memory)",
                     (unsigned long long)area_most(w) >> 20);
}

/* ---- the arena ---- */

static size_t n_tags(const struct batch *b)
{
    return b->limits ? b->limits->n_extra_tags : 0;
}

static size_t tags_bytes(const struct batch *b)
{
    size_t bytes = n_tags(b) * sizeof(uint32_t);

    return (bytes + PAGE - 1) / PAGE * PAGE;
}

static size_t area_bytes(const struct batch *b, size_t n)
{
    size_t bytes = (b->s->arena.size - tags_bytes(b)) / n;

    return bytes - bytes % PAGE;
}

static struct worker_request request_of(const struct batch *b,
                                        const struct workers_file *f, size_t i,
                                        size_t n)
{
    size_t area = area_bytes(b, n);
    struct worker_request r = {
        .magic = WORKER_MAGIC,
        .op = WORKER_HEADER,
        .header = {.file_bytes = f->size,
                   .area_offset = tags_bytes(b) + i * area,
                   .area_bytes = area,
                   .n_tags = (uint32_t)n_tags(b),
                   .want = b->want}};

    if (b->limits) {
        r.header.header_bytes = b->limits->header_bytes;
        r.header.inflated_bytes = b->limits->inflated_bytes;
        r.header.lut_bytes = b->limits->lut_bytes;
        r.header.frames = b->limits->frames;
        r.header.cpu_seconds = b->limits->cpu_seconds;
    }
    return r;
}

/* ---- one worker ---- */

/* False if the worker must go: it wrote what ours do not, or what nobody wants
 * to have. A reply that says the area is too small leaves *ret_needed. */
static bool take_reply(const struct batch *b, const struct worker_request *r,
                       struct worker_reply *reply, struct workers_file *f,
                       uint64_t *ret_needed)
{
    struct error refused = ERROR_INIT;

    f->rc = -1;
    if (reply->rc != 0) {
        (void)explain_reply(&task, &b->w->limits, reply, &f->err);
        return true;
    }
    if (reply->bytes > r->header.area_bytes) {
        (void)too_large(b->w, &f->err);
        *ret_needed = reply->bytes;
        return reply->bytes <= area_most(b->w);
    }
    f->rc = dicom_unflatten(b->s->arena.data + r->header.area_offset,
                            (size_t)reply->bytes, f->fd, f->size, b->limits,
                            b->want, &f->parsed, &refused);
    if (f->rc == 0 || refused.kind == ERROR_NO_MEMORY) {
        f->err = refused;
        return true;
    }
    (void)explain_outcome(&task, &b->w->limits, SLOT_NONSENSE, -1, &f->err);
    return false;
}

static bool is_nobody(int errnum)
{
    return errnum == EPIPE || errnum == ECONNRESET;
}

/* How many were sent. The first that could not be for a reason of ours has its
 * error then, and is finished. */
static size_t send_all(const struct batch *b, struct workers_file *files,
                       size_t n, bool *ret_failed)
{
    *ret_failed = false;
    for (size_t i = 0; i < n; i++) {
        struct worker_request r = request_of(b, &files[i], i, n);

        if (slot_send(b->s, &r, files[i].fd))
            continue;
        if (is_nobody(errno)) /* which slot_wait tells, and why */
            return i + 1;
        files[i].rc = error_set_sys(&files[i].err, errno,
                                    "header: cannot hand the file to a worker:"
                                    " %s",
                                    strerrordesc_np(errno));
        *ret_failed = true;
        return i;
    }
    return n;
}

/* Parses from files[0] on with one worker, as far as it comes: how many are
 * finished, at least one. needed[i] is more than 0 if file i has to be parsed
 * again in so large an area. */
static size_t run(const struct batch *b, struct workers_file *files, size_t n,
                  uint64_t *needed)
{
    bool failed;
    size_t sent = send_all(b, files, n, &failed);

    for (size_t i = 0; i < sent; i++) {
        struct worker_request r = request_of(b, &files[i], i, n);
        struct workers_file *f = &files[i];
        enum slot_outcome outcome;
        struct worker_reply reply;
        int status;

        outcome = slot_wait(b->s, &b->w->limits, &reply);
        f->rc = -1;
        if ((outcome != SLOT_REPLIED ||
             take_reply(b, &r, &reply, f, &needed[i])) &&
            !slot_must_go(outcome, &reply))
            continue;
        status = pool_lose(b->w, b->s);
        if (outcome != SLOT_REPLIED)
            (void)explain_outcome(&task, &b->w->limits, outcome, status,
                                  &f->err);
        return i + 1;
    }
    return sent + failed;
}

/* ---- all of them ---- */

static int fill(const struct batch *b, uint64_t area, struct error *err)
{
    struct slot_needs needs = {tags_bytes(b) + area, b->w->limits.memory_bytes};

    if (pool_fill(b->w, b->s, &needs, err) != 0)
        return -1;
    if (n_tags(b) > 0)
        memcpy(b->s->arena.data, b->limits->extra_tags,
               n_tags(b) * sizeof(uint32_t));
    return 0;
}

/* What did not fit beside others, alone. */
static void run_alone(const struct batch *b, struct workers_file *f,
                      uint64_t needed)
{
    uint64_t again = 0;

    if (needed > area_most(b->w))
        return; /* it has that error */
    f->rc = fill(b, needed + PAGE, &f->err);
    if (f->rc == 0)
        (void)run(b, f, 1, &again);
    pool_trim(b->w, b->s);
}

static void run_batch(const struct batch *b)
{
    uint64_t needed[WORKERS_BATCH] = {0};
    struct error err = ERROR_INIT;
    size_t done = 0;

    while (done < b->n) {
        if (fill(b, 1, &err) != 0) {
            fail_all(b->files + done, b->n - done, &err);
            break;
        }
        done += run(b, b->files + done, b->n - done, needed + done);
    }
    for (size_t i = 0; i < b->n; i++)
        if (needed[i] > 0)
            run_alone(b, &b->files[i], needed[i]);
    pool_trim(b->w, b->s);
}

static void parse_here(const struct dicom_limits *limits, unsigned want,
                       struct workers_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        files[i].rc = dicom_parse(files[i].fd, files[i].size, limits, want,
                                  &files[i].parsed, &files[i].err);
}

void workers_parse_all(struct workers *w, const struct dicom_limits *limits,
                       unsigned want, struct workers_file *files, size_t n)
{
    struct batch b = {.w = w, .limits = limits, .want = want};
    struct error err = ERROR_INIT;

    if (!w) {
        parse_here(limits, want, files, n);
        return;
    }
    if (n_tags(&b) > TAGS_MAX) {
        (void)error_set(&err, ERROR_INTERNAL, "over %d tags", TAGS_MAX);
        fail_all(files, n, &err);
        return;
    }
    for (size_t i = 0; i < n; i += b.n) {
        b.files = files + i;
        b.n = n - i < WORKERS_BATCH ? n - i : WORKERS_BATCH;
        b.s = pool_take(w);
        run_batch(&b);
        pool_give_back(w, b.s);
    }
}

int workers_parse(struct workers *w, int fd, uint64_t size,
                  const struct dicom_limits *limits, unsigned want,
                  struct dicom_parsed *ret, struct error *err)
{
    struct workers_file f = {.fd = fd, .size = size, .err = ERROR_INIT};

    workers_parse_all(w, limits, want, &f, 1);
    if (f.rc != 0) {
        if (err)
            *err = f.err;
        return -1;
    }
    *ret = f.parsed;
    return 0;
}
