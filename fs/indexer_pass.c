// SPDX-License-Identifier: MIT
/* indexer_pass.c: one pass, and what it is told and tells meanwhile. */
#include "indexer_impl.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "daemon.h"
#include "manifest/manifest_publish.h"

/* ---- the watch ---- */

static void on_touched(void *opaque, const char *relpath)
{
    struct indexer *x = opaque;
    bool is_first;

    lock_acquire(&x->lock);
    is_first = x->schedule.first_news == 0;
    touched_add(&x->touched, relpath);
    schedule_touch(&x->schedule, log_now_ms());
    if (is_first)
        lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
}

/* What is not told has to be looked for. */
static void on_blind(void *opaque, const char *why)
{
    struct indexer *x = opaque;
    char how[64] = "is not looked for (rescan=0)";

    if (x->clock_s != 0)
        (void)snprintf(how, sizeof how, "is looked for every %d s",
                       x->clock_s > 0 ? (int)x->clock_s : INDEXER_CLOCK_S);
    log_line(x->fs->log, LOG_LEVEL_WARNING,
             "not every change of the archive is told (%s): what is not %s",
             why, how);
    if (x->clock_s >= 0)
        return;
    lock_acquire(&x->lock);
    schedule_every(&x->schedule, INDEXER_CLOCK_S * UINT64_C(1000),
                   log_now_ms());
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
}

void indexer_watch(struct indexer *x)
{
    struct watch_config config = {
        .archive = x->archive,
        .log = x->fs->log,
        .touched = on_touched,
        .blind = on_blind,
        .opaque = x,
    };
    struct error err = ERROR_INIT;

    x->watch = watch_new(&config, &err);
    if (!x->watch)
        on_blind(x, err.msg);
}

static void on_folder(void *opaque, const char *relpath, int fd)
{
    struct indexer *x = opaque;

    if (x->watch)
        watch_folder(x->watch, relpath, fd);
}

/* ---- progress ---- */

static void on_progress(void *opaque, const struct index_progress *p)
{
    struct indexer *x = opaque;
    char line[160];

    atomic_store(&x->fs->report.index_done, p->done);
    atomic_store(&x->fs->report.index_total, p->total);
    lock_acquire(&x->lock);
    x->progress = *p;
    lock_release(&x->lock);
    (void)snprintf(line, sizeof line, "indexing: ");
    index_progress_text(p, line + strlen(line), sizeof line - strlen(line));
    daemon_notify_status(line);
    if (!x->show_progress)
        return;
    (void)fprintf(stderr, "\r%s\033[K", line);
}

void indexer_progress(struct indexer *x, char *buf, size_t size)
{
    struct index_progress p;
    bool in_pass, waits;

    lock_acquire(&x->lock);
    p = x->progress;
    in_pass = x->in_pass;
    waits = x->waits_for_other;
    lock_release(&x->lock);
    if (in_pass)
        index_progress_text(&p, buf, size);
    else
        (void)snprintf(buf, size, "%s",
                       waits ? "another process is indexing this archive" : "");
}

static void on_warning(void *opaque, const char *relpath, const char *message)
{
    struct indexer *x = opaque;
    char line[ERROR_MSG_MAX + 256];

    (void)snprintf(line, sizeof line, "archive, %s: %s", relpath, message);
    (void)log_failure(x->fs->log, log_now_ms(), line);
}

static void on_unsettled(void *opaque, const char *relpath)
{
    struct indexer *x = opaque;

    lock_acquire(&x->lock);
    touched_add(&x->touched, relpath);
    lock_release(&x->lock);
}

/* ---- the pass ---- */

bool indexer_changed(const struct index_result *r)
{
    return r->added || r->replaced || r->vanished || r->moved;
}

static void log_result(struct indexer *x, const struct touched *places,
                       const struct index_result *r)
{
    bool is_news = indexer_changed(r) || r->parsed > 0;

    log_line(
        x->fs->log, !places || is_news ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
        "%s %s in %.1f s: %" PRIu64 " files, %" PRIu64 " new images, %" PRIu64
        " changed, %" PRIu64 " gone, %" PRIu64 " not readable",
        places ? "looked again at places in" : "indexed", x->archive,
        r->seconds, r->files, r->added, r->replaced, r->vanished, r->errors);
}

static void note_result(struct indexer *x, const struct touched *places,
                        const struct index_result *r)
{
    struct report *report = &x->fs->report;

    (void)atomic_fetch_add(places ? &report->passes_places : &report->passes,
                           1);
    (void)atomic_fetch_add(&report->changes,
                           r->added + r->replaced + r->vanished + r->moved);
    atomic_store(&report->unsettled, r->unsettled);
    atomic_store(&report->pass_ms, (uint64_t)(r->seconds * 1000));
    atomic_store(&report->watching, (unsigned)watch_kind(x->watch));
    atomic_store(&report->watched_folders, watch_count(x->watch));
}

static void set_in_pass(struct indexer *x, bool in_pass, bool waits)
{
    lock_acquire(&x->lock);
    x->in_pass = in_pass;
    x->waits_for_other = waits;
    x->progress = (struct index_progress){.remaining_s = -1};
    lock_release(&x->lock);
    atomic_store(&x->fs->report.indexing, in_pass);
}

static bool is_busy(const struct error *err)
{
    return err->kind == ERROR_IO && err->sys_errno == EWOULDBLOCK;
}

/* A look at the published manifest. */
static int adopt(struct indexer *x, struct index_result *ret, struct error *err)
{
    struct manifest_totals totals = {.sources = 0};
    struct manifest_adopted news;
    uint64_t began = log_now_ms();
    int rc;

    set_in_pass(x, true, false);
    rc = manifest_adopt(x->fs->manifest, x->manifest, true, &news, err);
    set_in_pass(x, false, rc < 0 && is_busy(err));
    if (rc < 0)
        return is_busy(err) ? 1 : -1;
    ret->seconds = (double)(log_now_ms() - began) / 1e3;
    if (manifest_totals(x->fs->manifest, &totals, err) < 0)
        return -1;
    ret->files = ret->unchanged = totals.sources;
    ret->added = news.added;
    ret->vanished = news.vanished;
    note_result(x, NULL, ret);
    if (!news.changed)
        return 0;
    x->snapshot_wanted = true; /* labels may be others, too */
    log_line(x->fs->log, LOG_LEVEL_INFO,
             "%s: a new manifest of %" PRIu64 " files, %" PRIu64
             " new images, %" PRIu64 " gone",
             x->manifest, totals.sources, news.added, news.vanished);
    return 0;
}

int indexer_pass(struct indexer *x, const struct touched *places,
                 struct index_result *ret, struct error *err)
{
    struct index_dicom_config dicom = {.workers = x->fs->workers};
    struct index_parser parser;
    struct index_config config = {
        .manifest = x->fs->manifest,
        .archive = x->archive,
        .follow = x->fs->options->follow,
        .parser = &parser,
        .threads = (unsigned)x->fs->options->threads,
        .cancel = x->cancel,
        .progress = on_progress,
        .warn = on_warning,
        .folder = on_folder,
        .unsettled = on_unsettled,
        .opaque = x,
    };
    int rc;

    if (x->manifest)
        return adopt(x, ret, err);
    if (places) {
        config.only = (const char *const *)places->paths;
        config.n_only = places->n;
        config.keep_rest = true;
    }
    index_dicom_parser(&dicom, &parser);
    set_in_pass(x, true, false);
    rc = index_run(&config, ret, err);
    /* The paths of a first index, which malloc would keep. */
    if (!places)
        (void)malloc_trim(0);
    set_in_pass(x, false, rc < 0 && is_busy(err));
    if (x->show_progress)
        (void)fprintf(stderr, "\r\033[K");
    if (rc < 0)
        return is_busy(err) ? 1 : -1;
    log_result(x, places, ret);
    note_result(x, places, ret);
    daemon_notify_status("the index is complete");
    return 0;
}
