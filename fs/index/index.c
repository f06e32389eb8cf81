// SPDX-License-Identifier: MIT
/*
 * The order of a run: scan (index_scan.c), parse and write, finish.
 */
#include "index/index_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath/beneath.h"
#include "manifest/ids.h"
#include "prepfs/cleanup.h"

#define PROGRESS_S 0.1

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- progress ---- */

void index_report(struct run *r, bool force)
{
    double now = now_s();
    struct index_progress *p = &r->progress;

    if (!r->config->progress || (!force && now - r->reported_s < PROGRESS_S))
        return;
    r->reported_s = now;
    bool parsing = p->phase == INDEX_PARSING;
    double elapsed = now - (parsing ? r->parsing_s : r->started_s);
    double count = (double)(parsing ? p->done : p->found);

    p->files_per_s = elapsed > 0 ? count / elapsed : 0;
    p->remaining_s = parsing && p->done > 0
                         ? (double)(p->total - p->done) * elapsed / count
                         : -1;
    r->config->progress(r->config->opaque, p);
}

void index_warn(const struct run *r, const char *relpath, const char *message)
{
    if (r->config->warn)
        r->config->warn(r->config->opaque, relpath, message);
}

/* ---- parsing and writing ---- */

enum beneath_links index_links(const struct run *r)
{
    return r->config->follow ? BENEATH_ANY_LINKS : BENEATH_LINKS;
}

static void count_entry(struct run *r, const struct parse_slot *slot)
{
    const struct manifest_entry *e = &slot->entry;

    r->result->parsed++;
    r->result->not_dicom += e->source.scan == MANIFEST_SCAN_NOT_DICOM;
    if (!e->scan_error)
        return;
    r->result->errors++;
    if (e->source.scan == MANIFEST_SCAN_UNREADABLE ||
        e->source.scan == MANIFEST_SCAN_LINK)
        index_warn(r, e->source.relpath, e->scan_error);
}

/* It is looked at once more, a little later. */
static int put_off(struct run *r, const struct parse_slot *slot,
                   struct error *err)
{
    const struct manifest_source *s = &slot->entry.source;
    struct parse_file again = {
        .relpath = strdup(s->relpath), .dev = s->dev, .ino = s->ino};

    return index_push_file(&r->unsettled, again, err);
}

static int write_slots(struct run *r, const struct parse_slot *slots, int n,
                       struct error *err)
{
    struct manifest_entry entries[PARSE_BATCH];
    struct manifest_written written = {0};
    size_t count = 0;

    for (int i = 0; i < n; i++) {
        if (!slots[i].skip)
            entries[count++] = slots[i].entry;
        else if (slots[i].unsettled && put_off(r, &slots[i], err) != 0)
            return -1;
    }
    if (count > 0 &&
        manifest_write_batch(r->m, entries, count, &written, err) != 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (!slots[i].skip)
            count_entry(r, &slots[i]);
    r->result->added += written.added;
    r->result->replaced += written.replaced;
    r->changed = r->changed || count > 0;
    return 0;
}

static unsigned thread_count(const struct run *r)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (r->config->threads > 0)
        return r->config->threads;
    if (cpus < 4) /* waiting for the disk is most of the work */
        return 4;
    return cpus > 16 ? 16 : (unsigned)cpus;
}

static unsigned settle_ms(const struct run *r)
{
    return r->config->settle_ms ? r->config->settle_ms : INDEX_SETTLE_MS;
}

static int parse_files(struct run *r, struct files *files, struct error *err)
{
    struct parse_slot *slots;
    int n;

    index_sort_files(files);
    if (files->n == 0)
        return 0;
    struct parse_config config = {
        .root_fd = r->root_fd,
        .links = index_links(r),
        .parser = r->config->parser,
        .files = files->v,
        .n = files->n,
        .threads = thread_count(r),
        .settle_ms = settle_ms(r),
        .cancel = r->config->cancel,
    };
    struct parse *p = parse_new(&config, err);

    if (!p)
        return -1;
    while ((n = parse_take(p, &slots, err)) > 0) {
        if (write_slots(r, slots, n, err) != 0) {
            n = -1;
            break;
        }
        parse_release(p);
        r->progress.done += (uint64_t)n;
        index_report(r, false);
    }
    parse_free(p);
    return n;
}

static int wait_until_settled(const struct run *r, struct error *err)
{
    const atomic_bool *cancel = r->config->cancel;

    for (unsigned ms = 0; ms <= settle_ms(r); ms += 10) {
        struct timespec nap = {0, 10000000};

        if (cancel && atomic_load(cancel))
            return error_set(err, ERROR_INTERRUPTED, "interrupted");
        (void)nanosleep(&nap, NULL);
    }
    return 0;
}

/* What was just written is old enough a moment later; what is not after a few
 * of them is for another run. */
static int parse_all(struct run *r, struct error *err)
{
    enum { ROUNDS = 3 };
    int rc;

    r->progress.phase = INDEX_PARSING;
    r->progress.total = r->files.n;
    r->parsing_s = now_s();
    rc = parse_files(r, &r->files, err);
    for (int i = 0; rc == 0 && i < ROUNDS && r->unsettled.n > 0; i++) {
        CLEANUP(index_files_deinit) struct files again = r->unsettled;

        r->unsettled = (struct files){0};
        r->progress.total += again.n;
        rc = wait_until_settled(r, err);
        if (rc == 0)
            rc = parse_files(r, &again, err);
    }
    r->result->unsettled = r->unsettled.n;
    for (size_t i = 0; r->config->unsettled && i < r->unsettled.n; i++)
        r->config->unsettled(r->config->opaque, r->unsettled.v[i].relpath);
    return rc;
}

/* ---- the end ---- */

static int digest(void *opaque, const char *relpath, uint8_t ret[32],
                  struct error *err)
{
    const struct run *r = opaque;
    CLEANUP_FD int fd = beneath_open(r->root_fd, relpath, 0, index_links(r));

    if (fd < 0)
        return error_set_sys(err, errno, "cannot open %s: %s", relpath,
                             strerrordesc_np(errno));
    return ids_sha256_fd(fd, ret, err);
}

static int finish(struct run *r, struct error *err)
{
    const atomic_bool *cancel = r->config->cancel;
    CLEANUP_FREE char *archive = realpath(r->config->archive, NULL);

    r->progress.phase = INDEX_FINISHING;
    index_report(r, true);
    if (manifest_write_names(r->m, digest, r, cancel, &r->result->renamed,
                             &r->result->copies, err) != 0 ||
        manifest_write_volumes(r->m, cancel, err) != 0)
        return -1;
    /* A run that leaves files alone has not tried them with this parser, and
     * cleaning up would cost more than the run did. */
    return manifest_write_end(
        r->m, archive ? archive : r->config->archive,
        r->config->keep_rest ? r->last_parser : r->config->parser->revision,
        r->changed && !r->config->keep_rest, err);
}

static int check_parser(struct run *r, struct error *err)
{
    int rc = manifest_parser(r->m, &r->last_parser, err);

    if (rc < 0)
        return -1;
    if (rc == 0 && r->config->keep_rest)
        return error_set(err, ERROR_USAGE,
                         "this archive was never indexed as a whole");
    r->retry_failed =
        rc > 0 && strcmp(r->last_parser, r->config->parser->revision) != 0;
    return 0;
}

static int run_locked(struct run *r, struct error *err)
{
    if (check_parser(r, err) != 0 || index_scan(r, err) != 0 ||
        parse_all(r, err) != 0)
        return -1;
    return finish(r, err);
}

static int open_archive(const char *archive, struct error *err)
{
    int fd = open(archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(err, ERROR_NOT_FOUND, "%s: %s", archive,
                         strerrordesc_np(errno));
    return error_set_sys(err, errno, "%s: %s", archive, strerrordesc_np(errno));
}

int index_run(const struct index_config *config, struct index_result *ret,
              struct error *err)
{
    *ret = (struct index_result){0};
    CLEANUP_FD int root_fd = open_archive(config->archive, err);

    if (root_fd < 0)
        return -1;
    CLEANUP_FD int lock_fd = manifest_index_lock(config->manifest, err);

    if (lock_fd < 0)
        return -1;
    struct run r = {.config = config,
                    .result = ret,
                    .m = config->manifest,
                    .root_fd = root_fd,
                    .started_s = now_s()};
    int rc = run_locked(&r, err);

    ret->seconds = now_s() - r.started_s;
    index_scan_deinit(&r);
    return rc;
}
