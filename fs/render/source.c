// SPDX-License-Identifier: MIT
/*
 * source.c: files of the archive, opened once and kept for a while.
 */
#include "render/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "manifest/manifest_publish.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"
#include "render/buffer.h"
#include "render/clock.h"
#include "render/failures.h"

/* Descriptors kept open for files that nobody reads just now. */
enum { SOURCES_IDLE_MAX = 64 };

/* A frame is a mapping, of which a process has 65530 (vm.max_map_count), and
 * takes whole pages of memory however small it is. */
enum { FRAMES_KEPT_MAX = 16384 };

/* A frame's number in a key that means none. */
static const uint64_t whole_file = UINT64_MAX;

struct source_impl {
    struct source public;
    int fd;
    struct dicom_parsed parsed;
    struct lock lock; /* protects parsed.extents until they are set */
};

struct sources {
    struct manifest *manifest;
    int archive_fd;
    bool follows; /* a manifest that was made elsewhere */
    enum beneath_links links;
    uint64_t max_pixels;
    size_t least_cost; /* of keeping a frame */
    struct workers *workers;
    struct flight *files;
    struct flight *frames;
    struct buffers buffers;
    struct failures *failures;
    struct sources_stats stats;
};

/* Another reader shall not pay for it once more. */
static int fail(struct sources *s, const struct flight_key *key,
                const struct error *reason, struct error *err)
{
    failures_note(s->failures, key, reason);
    if (err)
        *err = *reason;
    return -1;
}

/* ---- files -------------------------------------------------------------- */

/* Is the path not there, or no way to a file any more? */
static bool is_absence(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

/* A file that is not what the index saw. Here it was indexed again since, or
 * will be; but no look at this archive changes what was published elsewhere. */
__attribute__((format(printf, 4, 5))) static int
fail_version(const struct sources *s, const char *path, struct error *err,
             const char *fmt, ...)
{
    char text[ERROR_MSG_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (s->follows)
        return error_set_sys(err, EIO,
                             "%s, which the published manifest has, "
                             "%s here",
                             path, text);
    return error_set(err, ERROR_STALE, "%s %s; rescan", path, text);
}

static int open_file(const struct sources *s, const char *path,
                     struct error *err)
{
    int fd = beneath_open(s->archive_fd, path, 0, s->links);

    if (fd >= 0)
        return fd;
    if (is_absence(errno))
        return fail_version(s, path, err,
                            s->follows ? "is missing"
                                       : "is gone from the archive");
    return error_set_sys(err, errno, "cannot open %s: %s", path,
                         strerrordesc_np(errno));
}

/* A copy on a file system that keeps less of a time than the other has cut it
 * to seconds, milli- or microseconds, or units of 100 ns. */
static bool is_time(int64_t here, int64_t there)
{
    static const int64_t units[] = {1, 100, 1000, 1000000, 1000000000};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (here % units[i] == 0 && there - here >= 0 &&
            there - here < units[i])
            return true;
    return false;
}

/* Device and inode are numbers of one machine: where the index was made on
 * another, size and time have to do. */
static bool is_version(const struct sources *s, const struct stat *st,
                       const struct manifest_instance *i)
{
    int64_t mtime_ns =
        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

    if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != i->size)
        return false;
    if (s->follows)
        return is_time(mtime_ns, i->mtime_ns);
    return st->st_dev == i->dev && st->st_ino == i->ino &&
           mtime_ns == i->mtime_ns;
}

static int fail_other(const struct sources *s, const struct stat *st,
                      const struct manifest_instance *i, struct error *err)
{
    if (!s->follows)
        return fail_version(s, i->relpath, err, "changed since it was indexed");
    if ((uint64_t)st->st_size != i->size)
        return fail_version(s, i->relpath, err, "has %lld bytes and not %llu",
                            (long long)st->st_size,
                            (unsigned long long)i->size);
    return fail_version(s, i->relpath, err, "has another time of modification");
}

static int check_version(const struct sources *s, int fd,
                         const struct manifest_instance *i, struct error *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return error_set_sys(err, errno, "cannot stat %s: %s", i->relpath,
                             strerrordesc_np(errno));
    return is_version(s, &st, i) ? 0 : fail_other(s, &st, i, err);
}

int source_check(struct sources *s, const struct manifest_instance *instance,
                 struct error *err)
{
    struct stat st;
    int rc = fstatat(s->archive_fd, instance->relpath, &st, 0);

    if (rc != 0 && !is_absence(errno))
        return error_set_sys(err, errno, "cannot stat %s: %s",
                             instance->relpath, strerrordesc_np(errno));
    if (rc == 0 && !instance->gone && is_version(s, &st, instance))
        return 0;
    if (rc == 0 && !instance->gone)
        return fail_other(s, &st, instance, err);
    return fail_version(s, instance->relpath, err,
                        s->follows ? "is missing"
                                   : "vanished since it was indexed");
}

/*
 * Plans are made of what the index saw, frames of what the file says now. Who
 * rewrites a file in place and sets its times back (or does it within one tick
 * of the clock) is not noticed by its version, but must not be able to make
 * the two differ in size.
 */
static int check_shape(const struct sources *s,
                       const struct dicom_header *header,
                       const struct manifest_instance *i, struct error *err)
{
    const struct decode_desc *now = &header->desc, *then = &i->desc;

    if (header->has_pixels && now->rows == then->rows &&
        now->cols == then->cols && now->samples == then->samples &&
        now->photometric == then->photometric &&
        now->element == then->element && now->codec == then->codec &&
        now->bits_alloc == then->bits_alloc &&
        now->is_signed == then->is_signed && header->frames == i->frames)
        return 0;
    return fail_version(s, i->relpath, err,
                        "is another image than the one that was indexed");
}

static void source_free(void *value)
{
    struct source_impl *s = value;

    dicom_parsed_deinit(&s->parsed);
    if (s->fd >= 0)
        (void)close(s->fd);
    lock_deinit(&s->lock);
    free(s);
}

struct source_request {
    struct sources *sources;
    const struct manifest_instance *instance;
};

static int source_load(struct source_impl *s, const struct source_request *r,
                       struct error *err)
{
    s->fd = open_file(r->sources, r->instance->relpath, err);
    if (s->fd < 0 || check_version(r->sources, s->fd, r->instance, err) != 0)
        return -1;
    if (workers_parse(r->sources->workers, s->fd, r->instance->size, NULL,
                      DICOM_WANT_SOURCE, &s->parsed, err) != 0 ||
        check_version(r->sources, s->fd, r->instance, err) != 0 ||
        check_shape(r->sources, &s->parsed.header, r->instance, err) != 0)
        return -1;
    s->public = (struct source){&s->parsed.header, s};
    return 0;
}

static int source_make(void *opaque, const struct flight_key *key,
                       void **ret_value, size_t *ret_cost, struct error *err)
{
    struct source_impl *s = calloc(1, sizeof *s);

    (void)key;
    if (!s)
        return error_no_memory(err);
    s->fd = -1;
    lock_init(&s->lock);
    if (source_load(s, opaque, err) != 0) {
        source_free(s);
        return -1;
    }
    *ret_value = s;
    *ret_cost = 1;
    return 0;
}

int source_get(struct sources *s, const struct manifest_instance *instance,
               struct flight_ref *ref, const struct source **ret,
               struct error *err)
{
    struct flight_key key = {(uint64_t)instance->id, whole_file};
    struct source_request request = {s, instance};
    struct error reason = ERROR_INIT;

    if (instance->gone)
        return error_set(err, ERROR_STALE, "%s changed or vanished",
                         instance->relpath);
    if (failures_find(s->failures, &key, err))
        return -1;
    if (flight_get(s->files, &key, source_make, &request, ref, NULL, &reason) !=
        0)
        return fail(s, &key, &reason, err);
    *ret = &((struct source_impl *)ref->value)->public;
    return 0;
}

void source_put(struct sources *s, struct flight_ref *ref)
{
    flight_put(s->files, ref);
}

int source_describe(struct sources *s, const struct manifest_instance *instance,
                    const uint32_t *tags, size_t n_tags,
                    struct dicom_header *ret, struct error *err)
{
    struct dicom_limits limits = {.extra_tags = tags, .n_extra_tags = n_tags};
    struct flight_key key = {(uint64_t)instance->id, whole_file};
    CLEANUP_FD int fd = open_file(s, instance->relpath, err);
    struct error reason = ERROR_INIT;
    struct dicom_parsed parsed;

    if (failures_find(s->failures, &key, err) || fd < 0 ||
        check_version(s, fd, instance, err) != 0)
        return -1;
    if (workers_parse(s->workers, fd, instance->size, &limits, 0, &parsed,
                      &reason) != 0)
        return fail(s, &key, &reason, err);
    *ret = parsed.header; /* without a source it is all there is */
    return 0;
}

/* ---- frame index -------------------------------------------------------- */

/* The manifest's and the parser's extents are the same pair of numbers. */
_Static_assert(sizeof(struct manifest_extent) == sizeof(struct dicom_extent),
               "extents are copied as they are");

static int index_recall(struct sources *s, const struct manifest_instance *i,
                        struct source_impl *src, struct dicom_extent **ret,
                        struct error *err)
{
    CLEANUP_FREE struct manifest_extent *known = NULL;
    uint64_t n = 0;
    int found = manifest_frames_get(s->manifest, i->id, &known, &n, err);

    if (found <= 0)
        return found;
    if (n != src->parsed.header.frames)
        return 0;
    *ret = (struct dicom_extent *)STEAL(known);
    return 1;
}

static int index_build(struct sources *s, const struct manifest_instance *i,
                       struct source_impl *src, struct dicom_extent **ret,
                       struct error *err)
{
    struct error ignored = ERROR_INIT;
    struct dicom_parsed again;
    uint32_t n = src->parsed.header.frames;

    if (workers_parse(s->workers, src->fd, i->size, NULL, DICOM_WANT_EXTENTS,
                      &again, err) != 0)
        return -1;
    *ret = again.header.frames == n ? STEAL(again.extents) : NULL;
    dicom_parsed_deinit(&again);
    if (!*ret)
        return error_set(err, ERROR_STALE,
                         "%s changed while it was read; rescan", i->relpath);
    /* An index of inflated bytes would mislead who has only the file. One
     * that cannot be stored is built again next time. */
    if (!src->parsed.is_inflated && n > 1)
        (void)manifest_frames_put(s->manifest, i->id,
                                  (const struct manifest_extent *)*ret, n,
                                  &ignored);
    return 0;
}

/* Extents of all frames, NULL for native data. Two threads may both build
 * them; the second result is dropped. */
static int source_extents(struct sources *s, const struct manifest_instance *i,
                          struct source_impl *src,
                          const struct dicom_extent **ret, struct error *err)
{
    struct dicom_extent *mine = NULL;
    int rc;

    *ret = NULL;
    if (src->parsed.header.pixels != DICOM_PIXELS_ENCAPSULATED)
        return 0;
    lock_acquire(&src->lock);
    *ret = src->parsed.extents;
    lock_release(&src->lock);
    if (*ret)
        return 0;
    rc = index_recall(s, i, src, &mine, err);
    if (rc < 0 || (rc == 0 && index_build(s, i, src, &mine, err) != 0))
        return -1;
    lock_acquire(&src->lock);
    if (!src->parsed.extents)
        src->parsed.extents = STEAL(mine);
    *ret = src->parsed.extents;
    lock_release(&src->lock);
    free(mine);
    return 0;
}

/* ---- frames ------------------------------------------------------------- */

struct frame {
    struct image image;
    struct buffer buffer;
    struct buffers *buffers; /* where it goes back to */
};

static void frame_free(void *value)
{
    struct frame *f = value;

    buffer_give(f->buffers, &f->buffer);
    free(f);
}

static int check_pixels(const struct sources *s, const struct decode_desc *desc,
                        struct error *err)
{
    uint64_t pixels = (uint64_t)desc->rows * desc->cols;

    if (!s->max_pixels || pixels <= s->max_pixels)
        return 0;
    return error_set(err, ERROR_TOO_BIG,
                     "a frame has %u x %u pixels, the limit is %llu "
                     "(-o max_pixels)",
                     desc->cols, desc->rows, (unsigned long long)s->max_pixels);
}

/* A worker's samples are copied here; the pages are made meanwhile. */
static int frame_alloc(struct sources *s, const struct decode_desc *desc,
                       struct frame *f, struct error *err)
{
    size_t row, bytes;

    if (decode_output(desc, &f->image.channels, &f->image.type, err) != 0)
        return -1;
    if (!checked_mul_size(desc->cols,
                          f->image.channels * sample_bytes(f->image.type),
                          &row) ||
        !checked_mul_size(row, desc->rows, &bytes))
        return error_set(err, ERROR_TOO_BIG, "a frame has %u x %u pixels",
                         desc->cols, desc->rows);
    f->buffers = &s->buffers;
    if (buffer_take(&s->buffers, bytes,
                    !workers_decode_elsewhere(s->workers, desc), &f->buffer,
                    err) != 0)
        return -1;
    f->image.width = desc->cols;
    f->image.height = desc->rows;
    f->image.stride_bytes = row;
    f->image.data = f->buffer.data;
    return 0;
}

/* Reads before it makes room: a file that states a large frame and does not
 * have it costs nothing. */
static int frame_fill(struct sources *s, const struct manifest_instance *i,
                      struct source_impl *src, uint32_t number, struct frame *f,
                      struct error *err)
{
    CLEANUP_FREE uint8_t *bytes = NULL;
    const struct dicom_extent *extents;
    size_t length = 0;
    unsigned bit = 0;
    uint64_t start = clock_ns();
    int rc;

    if (check_pixels(s, &src->parsed.header.desc, err) != 0 ||
        source_extents(s, i, src, &extents, err) != 0 ||
        dicom_frame_read(src->parsed.source, &src->parsed.header, extents,
                         number, &bytes, &length, &bit, err) != 0 ||
        check_version(s, src->fd, i, err) != 0)
        return -1;
    s->stats.bytes_read += length;
    s->stats.read_ns += clock_ns() - start;
    if (frame_alloc(s, &src->parsed.header.desc, f, err) != 0)
        return -1;
    start = clock_ns();
    rc = workers_decode(s->workers, &src->parsed.header.desc, bytes, length,
                        bit, number + 1, &f->image, err);
    s->stats.frames_decoded++;
    s->stats.decode_ns += clock_ns() - start;
    return rc;
}

static int frame_make(void *opaque, const struct flight_key *key,
                      void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct source_request *r = opaque;
    struct flight_ref ref = {NULL, NULL};
    const struct source *src;
    struct frame *f;
    int rc;

    if (source_get(r->sources, r->instance, &ref, &src, err) != 0)
        return -1;
    f = calloc(1, sizeof *f);
    rc = f ? 0 : error_no_memory(err);
    if (rc == 0 && key->b >= src->header->frames)
        rc = error_set(err, ERROR_CORRUPT, "%s has %u frames, not %llu",
                       r->instance->relpath, src->header->frames,
                       (unsigned long long)key->b + 1);
    if (rc == 0)
        rc = frame_fill(r->sources, r->instance, src->impl, (uint32_t)key->b, f,
                        err);
    source_put(r->sources, &ref);
    if (rc != 0) {
        if (f)
            frame_free(f);
        return -1;
    }
    *ret_value = f;
    *ret_cost = f->buffer.size > r->sources->least_cost
                    ? f->buffer.size
                    : r->sources->least_cost;
    return 0;
}

int frame_get(struct sources *s, const struct manifest_instance *instance,
              uint32_t frame, struct flight_ref *ref, const struct image **ret,
              struct error *err)
{
    struct flight_key key = {(uint64_t)instance->id, frame};
    struct source_request request = {s, instance};
    struct error reason = ERROR_INIT;
    int made;

    if (failures_find(s->failures, &key, err))
        return -1;
    if (flight_get(s->frames, &key, frame_make, &request, ref, &made,
                   &reason) != 0)
        return fail(s, &key, &reason, err);
    if (!made)
        s->stats.frames_reused++;
    *ret = &((struct frame *)ref->value)->image;
    return 0;
}

void frame_put(struct sources *s, struct flight_ref *ref)
{
    flight_put(s->frames, ref);
}

void frames_forget(struct sources *s, const struct manifest_instance *instance)
{
    for (uint32_t i = 0; i < instance->frames; i++) {
        struct flight_key key = {(uint64_t)instance->id, i};

        flight_drop(s->frames, &key);
    }
}

/* ---- the table ---------------------------------------------------------- */

/* Of what is kept to be used again; a few frames of the usual sizes. */
static size_t buffer_limit(const struct sources_config *config)
{
    enum { LIMIT = 32 << 20 };

    return config->frame_bytes / 8 < LIMIT ? config->frame_bytes / 8
                                           : (size_t)LIMIT;
}

struct sources *sources_new(const struct sources_config *config,
                            struct error *err)
{
    struct sources *s = calloc(1, sizeof *s);

    if (!s) {
        (void)error_no_memory(err);
        return NULL;
    }
    buffers_init(&s->buffers, buffer_limit(config));
    s->manifest = config->manifest;
    s->follows = manifest_follows(config->manifest);
    s->max_pixels = config->max_pixels;
    s->workers = config->workers;
    s->links = config->follow ? BENEATH_ANY_LINKS : BENEATH_LINKS;
    s->archive_fd = open(config->archive, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->archive_fd < 0) {
        (void)error_set_sys(err, errno, "cannot open the archive %s: %s",
                            config->archive, strerrordesc_np(errno));
        buffers_deinit(&s->buffers);
        free(s);
        return NULL;
    }
    s->files = flight_new(SOURCES_IDLE_MAX, source_free, err);
    s->least_cost = (config->frame_bytes - s->buffers.limit) / FRAMES_KEPT_MAX;
    s->frames =
        flight_new(config->frame_bytes - s->buffers.limit, frame_free, err);
    s->failures = failures_new(err);
    if (!s->files || !s->frames || !s->failures) {
        sources_free(s);
        return NULL;
    }
    return s;
}

void sources_free(struct sources *s)
{
    if (!s)
        return;
    flight_free(s->frames);
    flight_free(s->files);
    buffers_deinit(&s->buffers); /* after the frames */
    failures_free(s->failures);
    (void)close(s->archive_fd);
    free(s);
}

void sources_forget(struct sources *s)
{
    flight_drop_all(s->frames);
    flight_drop_all(s->files);
    buffers_drop(&s->buffers);
    failures_forget(s->failures);
}

struct sources_stats *sources_stats(struct sources *s)
{
    return &s->stats;
}

size_t sources_cost(struct sources *s)
{
    return flight_cost(s->frames) + buffers_cost(&s->buffers);
}
