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

static enum beneath_links links_of(const struct run *r)
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

static int write_slots(struct run *r, const struct parse_slot *slots, int n,
                       struct error *err)
{
    struct manifest_entry entries[PARSE_BATCH];
    struct manifest_written written = {0};
    size_t count = 0;

    for (int i = 0; i < n; i++)
        if (!slots[i].skip)
            entries[count++] = slots[i].entry;
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

static int parse_all(struct run *r, struct error *err)
{
    struct parse_slot *slots;
    int n;

    r->progress.phase = INDEX_PARSING;
    r->progress.total = r->files.n;
    r->parsing_s = now_s();
    index_sort_files(&r->files);
    if (r->files.n == 0)
        return 0;
    struct parse *p =
        parse_new(r->root_fd, links_of(r), r->config->parser, r->files.v,
                  r->files.n, thread_count(r), r->config->cancel, err);

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

/* ---- the end ---- */

static int digest(void *opaque, const char *relpath, uint8_t ret[32],
                  struct error *err)
{
    const struct run *r = opaque;
    CLEANUP_FD int fd = beneath_open(r->root_fd, relpath, 0, links_of(r));

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
    return manifest_write_end(r->m, archive ? archive : r->config->archive,
                              r->config->parser->revision, r->changed, err);
}

static int check_parser(struct run *r, struct error *err)
{
    CLEANUP_FREE char *last = NULL;
    int rc = manifest_parser(r->m, &last, err);

    if (rc < 0)
        return -1;
    r->retry_failed = rc > 0 && strcmp(last, r->config->parser->revision) != 0;
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
