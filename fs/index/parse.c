// SPDX-License-Identifier: MIT
#include "index/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "manifest/ids.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"

#define AHEAD (4 * PARSE_BATCH) /* slots: what may be parsed but not taken */
#define PIECE 16 /* neighbours that one thread parses at a time */
#define STACK_BYTES (4u << 20)
#define THREADS_MAX 64

_Static_assert((int)PIECE <= (int)INDEX_JOBS_MAX, "parsed together");

struct parse {
    struct parse_config c; /* immutable, as is the rest up to `lock` */
    unsigned n_threads;
    pthread_t threads[THREADS_MAX];

    struct lock lock; /* the numbers below; a slot belongs to who parses it,
                         then, when it is done, to the taker */
    pthread_cond_t room;
    pthread_cond_t ready;
    size_t next;  /* to be parsed */
    size_t taken; /* given to the taker and released */
    size_t out;   /* with the taker now */
    bool stop;
    bool done[AHEAD];
    double last_take_s;
    struct parse_slot slots[AHEAD];
};

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool is_cancelled(const struct parse *p)
{
    return p->c.cancel && atomic_load(p->c.cancel);
}

static const char *last_component(const char *relpath)
{
    const char *slash = strrchr(relpath, '/');

    return slash ? slash + 1 : relpath;
}

/* ---- one file ---- */

static void set_failed(struct parse_slot *slot, enum manifest_scan scan,
                       const struct error *error, int sys_errno)
{
    slot->entry.source.scan = scan;
    slot->entry.scan_errno = sys_errno;
    (void)memcpy(slot->message, error->msg, sizeof slot->message);
    slot->entry.scan_error = slot->message;
}

static bool is_missing(const char *uid)
{
    return !uid || !uid[0];
}

/* A missing UID is replaced by the content's digest. */
static int add_digest(int fd, struct manifest_header *h, struct error *err)
{
    if (!is_missing(h->study_uid) && !is_missing(h->series_uid) &&
        !is_missing(h->sop_uid))
        return 0;
    h->has_digest = true;
    return ids_sha256_fd(fd, h->digest, err);
}

static void take_verdict(struct parse_slot *slot, int verdict)
{
    struct manifest_entry *e = &slot->entry;

    switch (verdict) {
    case INDEX_DICOM:
        e->source.scan = MANIFEST_SCAN_OK;
        e->header = &slot->parsed.header;
        e->scan_error = slot->parsed.problem;
        e->scan_errno = slot->parsed.problem_errno;
        break;
    case INDEX_DIRECTORY:
        e->source.scan = MANIFEST_SCAN_DIRECTORY;
        break;
    default:
        e->source.scan = MANIFEST_SCAN_NOT_DICOM;
        break;
    }
}

static void take_job(struct parse_slot *slot, struct index_job *j)
{
    struct error *error = &j->err;

    if (j->verdict == INDEX_DICOM &&
        add_digest(j->fd, &slot->parsed.header, error) != 0)
        j->verdict = -1;
    if (j->verdict >= 0)
        take_verdict(slot, j->verdict);
    else if (error->kind == ERROR_IO || error->kind == ERROR_NO_MEMORY)
        set_failed(slot, MANIFEST_SCAN_UNREADABLE, error,
                   error->sys_errno ? error->sys_errno : EIO);
    else
        set_failed(slot, MANIFEST_SCAN_BAD, error,
                   error->kind == ERROR_UNSUPPORTED ? EOPNOTSUPP : EIO);
}

/* Milliseconds since a file was last touched in any way; negative if that is
 * in the future of our clock. Whoever sets mtime cannot set ctime. */
static int64_t age_ms(const struct stat *st)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 +
           (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
}

/* Might it be written to without a sign in its times? Some file systems count
 * in seconds, or two of them. */
static bool is_unsettled(const struct parse *p, const struct stat *st)
{
    enum { COARSE_MS = 2100 };
    int64_t age = age_ms(st);
    int64_t least = p->c.settle_ms;

    if (st->st_ctim.tv_nsec == 0 && least < COARSE_MS)
        least = COARSE_MS;
    return age >= 0 && age < least;
}

/* A descriptor to parse, or -1: the slot then says what is to be said. The
 * version is that of the open file, not of the walk: whatever is written to it
 * from now on gives it a later mtime and the next run sees that. */
static int open_one(const struct parse *p, const struct parse_file *file,
                    struct parse_slot *slot)
{
    struct error error = ERROR_INIT;
    struct stat st;

    *slot = (struct parse_slot){
        .entry.source = {.relpath = file->relpath,
                         .dev = file->dev,
                         .ino = file->ino,
                         .size = file->size,
                         .mtime_ns = file->mtime_ns},
    };
    manifest_header_init(&slot->parsed.header);
    CLEANUP_FD int fd =
        beneath_open(p->c.root_fd, file->relpath, 0, p->c.links);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        slot->skip = true; /* the next run will see that it is gone */
        return -1;
    }
    if (fd < 0 && (errno == EXDEV || errno == ELOOP)) {
        int saved = errno;

        (void)error_set_sys(&error, saved,
                            saved == EXDEV ? "a symbolic link out of the "
                                             "archive, not followed (follow)"
                                           : "a symbolic link that goes round "
                                             "in circles, or into /proc");
        set_failed(slot, MANIFEST_SCAN_LINK, &error, saved);
        return -1;
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        int saved = errno;

        (void)error_set_sys(&error, saved, "cannot open: %s",
                            strerrordesc_np(saved));
        set_failed(slot, MANIFEST_SCAN_UNREADABLE, &error, saved);
        return -1;
    }
    slot->unsettled = S_ISREG(st.st_mode) && is_unsettled(p, &st);
    if (!S_ISREG(st.st_mode) || slot->unsettled) {
        slot->skip = true;
        return -1;
    }
    slot->entry.source.dev = (uint64_t)st.st_dev;
    slot->entry.source.ino = (uint64_t)st.st_ino;
    slot->entry.source.size = (uint64_t)st.st_size;
    slot->entry.source.mtime_ns =
        (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return cleanup_steal_fd(&fd);
}

/* Neighbours are parsed together: worker.h. */
static void parse_piece(struct parse *p, size_t first, size_t n)
{
    struct index_job jobs[PIECE];
    struct parse_slot *of[PIECE];
    size_t n_jobs = 0;

    for (size_t i = first; i < first + n; i++) {
        struct parse_slot *slot = &p->slots[i % AHEAD];
        int fd = open_one(p, &p->c.files[i], slot);

        if (fd < 0)
            continue;
        of[n_jobs] = slot;
        jobs[n_jobs++] =
            (struct index_job){.fd = fd,
                               .size = slot->entry.source.size,
                               .name = last_component(p->c.files[i].relpath),
                               .ret = &slot->parsed};
    }
    p->c.parser->parse(p->c.parser->opaque, jobs, n_jobs);
    for (size_t i = 0; i < n_jobs; i++) {
        take_job(of[i], &jobs[i]);
        (void)close(jobs[i].fd);
    }
}

static void skip_piece(struct parse *p, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        p->slots[i % AHEAD] = (struct parse_slot){.skip = true};
}

static void release_slot(const struct parse *p, struct parse_slot *slot)
{
    if (slot->parsed.keep)
        p->c.parser->release(slot->parsed.keep);
    slot->parsed.keep = NULL;
}

/* ---- the threads ---- */

/* Neighbours to parse: how many, from *ret_first; 0 to end the thread. */
static size_t claim(struct parse *p, size_t *ret_first)
{
    size_t n = 0;

    lock_acquire(&p->lock);
    while (!p->stop && p->next < p->c.n && p->next >= p->taken + AHEAD)
        lock_wait(&p->lock, &p->room);
    if (!p->stop && p->next < p->c.n) {
        size_t limit = p->taken + AHEAD < p->c.n ? p->taken + AHEAD : p->c.n;

        n = limit - p->next < PIECE ? limit - p->next : PIECE;
        *ret_first = p->next;
        p->next += n;
    }
    lock_release(&p->lock);
    return n;
}

static void deliver(struct parse *p, size_t first, size_t n)
{
    lock_acquire(&p->lock);
    for (size_t i = first; i < first + n; i++)
        p->done[i % AHEAD] = true;
    lock_check(pthread_cond_signal(&p->ready));
    lock_release(&p->lock);
}

static void *work(void *opaque)
{
    struct parse *p = opaque;
    size_t first = 0;
    size_t n;

    while ((n = claim(p, &first)) > 0) {
        if (is_cancelled(p))
            skip_piece(p, first, n);
        else
            parse_piece(p, first, n);
        deliver(p, first, n);
    }
    return NULL;
}

static int start_threads(struct parse *p, unsigned threads, struct error *err)
{
    pthread_attr_t attr;

    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    lock_check(pthread_attr_init(&attr));
    lock_check(pthread_attr_setstacksize(&attr, STACK_BYTES));
    while (p->n_threads < threads) {
        int rc = pthread_create(&p->threads[p->n_threads], &attr, work, p);

        if (rc != 0) {
            (void)pthread_attr_destroy(&attr);
            if (p->n_threads > 0)
                return 0; /* fewer will do */
            return error_set_sys(err, rc, "cannot start a thread: %s",
                                 strerrordesc_np(rc));
        }
        p->n_threads++;
    }
    (void)pthread_attr_destroy(&attr);
    return 0;
}

struct parse *parse_new(const struct parse_config *config, struct error *err)
{
    struct parse *p = calloc(1, sizeof *p);

    if (!p) {
        (void)error_no_memory(err);
        return NULL;
    }
    p->c = *config;
    p->last_take_s = now_s();
    lock_init(&p->lock);
    lock_check(pthread_cond_init(&p->room, NULL));
    lock_check(pthread_cond_init(&p->ready, NULL));
    if (start_threads(p, config->threads, err) != 0) {
        parse_free(p);
        return NULL;
    }
    return p;
}

void parse_free(struct parse *p)
{
    if (!p)
        return;
    lock_acquire(&p->lock);
    p->stop = true;
    lock_check(pthread_cond_broadcast(&p->room));
    lock_release(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        lock_check(pthread_join(p->threads[i], NULL));
    for (size_t i = 0; i < AHEAD; i++)
        release_slot(p, &p->slots[i]);
    lock_check(pthread_cond_destroy(&p->room));
    lock_check(pthread_cond_destroy(&p->ready));
    lock_deinit(&p->lock);
    free(p);
}

/* Neighbours that are done, from `taken`, that lie one behind another in the
 * ring. */
static size_t ready_locked(const struct parse *p) REQUIRES(p->lock)
{
    size_t start = p->taken % AHEAD;
    size_t n = 0;

    while (n < PARSE_BATCH && start + n < AHEAD && p->taken + n < p->c.n &&
           p->done[start + n])
        n++;
    return n;
}

/* A batch that is full, or cannot grow, or is late. */
static bool is_enough_locked(const struct parse *p, size_t n) REQUIRES(p->lock)
{
    if (n == 0)
        return false;
    return n == PARSE_BATCH || p->taken + n == p->c.n ||
           (p->taken + n) % AHEAD == 0 || now_s() - p->last_take_s > 1.0;
}

int parse_take(struct parse *p, struct parse_slot **ret, struct error *err)
{
    size_t n = 0;

    lock_acquire(&p->lock);
    while (p->taken < p->c.n && !is_enough_locked(p, n = ready_locked(p)))
        lock_wait(&p->lock, &p->ready);
    *ret = &p->slots[p->taken % AHEAD];
    p->out = n;
    p->last_take_s = now_s();
    lock_release(&p->lock);
    if (is_cancelled(p))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    return (int)n;
}

void parse_release(struct parse *p)
{
    size_t start = p->taken % AHEAD;

    for (size_t i = 0; i < p->out; i++)
        release_slot(p, &p->slots[start + i]);
    lock_acquire(&p->lock);
    for (size_t i = 0; i < p->out; i++)
        p->done[start + i] = false;
    p->taken += p->out;
    p->out = 0;
    lock_check(pthread_cond_broadcast(&p->room));
    lock_release(&p->lock);
}
