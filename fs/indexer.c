// SPDX-License-Identifier: MIT
/* indexer.c: see indexer.h. */
#include "indexer.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "prepfs/cleanup.h"
#include "refresh.h"

enum {
    POLL_MS = 2000,        /* between looks at what was indexed elsewhere */
    POLL_INDEXING_MS = 500 /* while entries appear batch by batch */
};

struct indexer {
    struct fs *fs;
    char *archive;
    char *snapshot;
    const atomic_bool *cancel;
    bool show_progress;

    struct refresh refresh;
    bool thread_runs;
    bool watcher_runs;
    pthread_t thread;  /* passes and snapshots */
    pthread_t watcher; /* tells the kernel, also during a pass */

    struct lock lock;
    pthread_cond_t wake;
    bool stop;
    bool wanted;         /* a pass */
    bool wants_snapshot; /* of what others have indexed */

    bool is_stale; /* the watcher's: the snapshot of a cohort */
};

struct indexer *indexer_new(const struct indexer_config *config,
                            struct error *err)
{
    struct indexer *x = calloc(1, sizeof *x);

    if (!x) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&x->lock);
    lock_check(pthread_cond_init(&x->wake, NULL));
    x->fs = config->fs;
    x->cancel = config->cancel;
    x->show_progress = config->show_progress;
    x->archive = strdup(config->archive);
    x->snapshot = strdup(config->snapshot);
    if (!x->archive || !x->snapshot) {
        indexer_free(x);
        (void)error_no_memory(err);
        return NULL;
    }
    return x;
}

void indexer_free(struct indexer *x)
{
    if (!x)
        return;
    lock_acquire(&x->lock);
    x->stop = true;
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
    if (x->thread_runs)
        lock_check(pthread_join(x->thread, NULL));
    if (x->watcher_runs)
        lock_check(pthread_join(x->watcher, NULL));
    lock_check(pthread_cond_destroy(&x->wake));
    lock_deinit(&x->lock);
    free(x->archive);
    free(x->snapshot);
    free(x);
}

/* ---- progress ---- */

static int print_time(char *buf, size_t size, double seconds)
{
    if (seconds < 60)
        return snprintf(buf, size, ", %.0f s left", seconds);
    if (seconds < 3600)
        return snprintf(buf, size, ", %.0f min left", seconds / 60);
    return snprintf(buf, size, ", %.1f h left", seconds / 3600);
}

void indexer_progress_line(const struct index_progress *p, char *buf,
                           size_t size)
{
    char left[48] = "";

    if (p->phase == INDEX_WALKING) {
        (void)snprintf(buf, size, "indexing: %" PRIu64 " files found",
                       p->found);
        return;
    }
    if (p->phase == INDEX_FINISHING) {
        (void)snprintf(buf, size, "indexing: %" PRIu64 " files read, sorting",
                       p->done);
        return;
    }
    if (p->remaining_s >= 0)
        (void)print_time(left, sizeof left, p->remaining_s);
    (void)snprintf(buf, size,
                   "indexing: %" PRIu64 " of %" PRIu64 " files, %.0f files/s"
                   "%s",
                   p->done, p->total, p->files_per_s, left);
}

static void on_progress(void *opaque, const struct index_progress *p)
{
    struct indexer *x = opaque;
    char line[160];

    atomic_store(&x->fs->report.index_done, p->done);
    atomic_store(&x->fs->report.index_total, p->total);
    indexer_progress_line(p, line, sizeof line);
    daemon_notify_status(line);
    if (x->show_progress)
        (void)fprintf(stderr, "\r%s\033[K", line);
}

static void on_warning(void *opaque, const char *relpath, const char *message)
{
    struct indexer *x = opaque;
    char line[ERROR_MSG_MAX + 256];

    (void)snprintf(line, sizeof line, "archive, %s: %s", relpath, message);
    (void)log_failure(x->fs->log, log_now_ms(), line);
}

/* ---- a pass ---- */

static void log_result(struct indexer *x, const struct index_result *r)
{
    log_line(x->fs->log, LOG_LEVEL_INFO,
             "indexed %s in %.1f s: %" PRIu64 " files, %" PRIu64
             " new images, %" PRIu64 " changed, %" PRIu64 " gone, %" PRIu64
             " not readable",
             x->archive, r->seconds, r->files, r->added, r->replaced,
             r->vanished, r->errors);
}

static bool changed_the_tree(const struct index_result *r)
{
    return r->added || r->replaced || r->vanished || r->moved;
}

/* 0; 1 if another process is indexing this archive; -1. */
static int pass(struct indexer *x, struct index_result *ret, struct error *err)
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
        .opaque = x,
    };
    int rc;

    index_dicom_parser(&dicom, &parser);
    atomic_store(&x->fs->report.indexing, true);
    rc = index_run(&config, ret, err);
    /* The paths of a first index, which malloc would keep. */
    (void)malloc_trim(0);
    atomic_store(&x->fs->report.indexing, false);
    if (x->show_progress)
        (void)fprintf(stderr, "\r\033[K");
    if (rc < 0)
        return err->kind == ERROR_IO && err->sys_errno == EWOULDBLOCK ? 1 : -1;
    log_result(x, ret);
    daemon_notify_status("the index is complete");
    return 0;
}

int indexer_has_run(struct indexer *x, struct error *err)
{
    CLEANUP_FREE char *parser = NULL;

    return manifest_parser(x->fs->manifest, &parser, err);
}

/* manifest.db: always after a change, and if there is none. */
static int make_snapshot(struct indexer *x, bool changed, struct error *err)
{
    if (!changed && access(x->snapshot, R_OK) == 0)
        return 0;
    return manifest_snapshot(x->fs->manifest, x->snapshot, err);
}

int indexer_first(struct indexer *x, struct error *err)
{
    struct index_result result = {0};
    int rc = pass(x, &result, err);

    if (rc == 0 && cohort_update(x->fs->cohort, true, err) < 0)
        return -1;
    return rc != 0 ? rc : make_snapshot(x, true, err);
}

/* ---- the threads ---- */

/* Waits for a reason to make a pass, or a snapshot alone; false to stop. */
static bool wait_for_wish(struct indexer *x, bool *ret_pass)
{
    bool stop;

    lock_acquire(&x->lock);
    while (!x->stop && !x->wanted && !x->wants_snapshot)
        lock_wait(&x->lock, &x->wake);
    *ret_pass = x->wanted;
    x->wanted = false;
    x->wants_snapshot = false;
    stop = x->stop;
    lock_release(&x->lock);
    return !stop;
}

static void log_error(struct indexer *x, const char *what,
                      const struct error *err)
{
    if (err->kind != ERROR_INTERRUPTED)
        log_line(x->fs->log, LOG_LEVEL_ERROR, "%s: %s", what, err->msg);
}

/* Also if nothing changed in the archive: labels may have. */
static int look_at_cohort(struct indexer *x)
{
    struct error err = ERROR_INIT;
    int news = cohort_update(x->fs->cohort, true, &err);

    if (news < 0)
        log_error(x, "where", &err);
    return news;
}

static void pass_and_snapshot(struct indexer *x)
{
    struct index_result result = {0};
    struct error err = ERROR_INIT;
    int rc = pass(x, &result, &err);
    bool changed = look_at_cohort(x) == COHORT_CHANGED;

    if (rc < 0)
        log_error(x, "index", &err);
    if (rc == 0 &&
        make_snapshot(x, changed || changed_the_tree(&result), &err) < 0)
        log_error(x, "manifest.db", &err);
}

static void snapshot_only(struct indexer *x, bool changed)
{
    struct error err = ERROR_INIT;

    if (make_snapshot(x, changed, &err) < 0)
        log_error(x, "manifest.db", &err);
}

static void *run_passes(void *opaque)
{
    struct indexer *x = opaque;
    struct error err = ERROR_INIT;
    bool pass_too;

    /* If an earlier mount ended between its index and its snapshot. That of a
     * cohort may be what a process that was killed has left. */
    if (indexer_has_run(x, &err) == 1)
        snapshot_only(x, x->fs->cohort != NULL);
    while (wait_for_wish(x, &pass_too)) {
        if (pass_too)
            pass_and_snapshot(x);
        else
            snapshot_only(x, true);
    }
    return NULL;
}

/* Sleeps; false to stop. */
static bool nap(struct indexer *x)
{
    long ms = atomic_load(&x->fs->report.indexing) ? POLL_INDEXING_MS : POLL_MS;
    struct timespec until;
    bool stop;
    int rc = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    lock_acquire(&x->lock);
    while (!x->stop && rc == 0)
        rc = pthread_cond_timedwait(&x->wake, &x->lock.mutex, &until);
    stop = x->stop;
    lock_release(&x->lock);
    return !stop;
}

/* Whoever indexes makes a snapshot of all of the archive; that of a cohort
 * only its mount can make: once what changed has come to rest. */
static void see_to_snapshot(struct indexer *x, int news)
{
    if (news == COHORT_CHANGED)
        x->is_stale = true;
    if (news != COHORT_SAME || !x->is_stale ||
        atomic_load(&x->fs->report.indexing))
        return;
    x->is_stale = false;
    lock_acquire(&x->lock);
    x->wants_snapshot = true;
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
}

/* What the archive has become, as this mount shows it, and then the word to
 * the kernel. */
static int look_around(struct indexer *x, struct error *err)
{
    int news = cohort_update(x->fs->cohort, false, err);

    see_to_snapshot(x, news);
    if (news == COHORT_LATER)
        return 0;
    if (news < 0) /* what was shown stays; the rest is told all the same */
        log_error(x, "where", err);
    return refresh_run(&x->refresh, err);
}

static void *watch(void *opaque)
{
    struct indexer *x = opaque;
    struct error err = ERROR_INIT;

    while (nap(x)) {
        if (look_around(x, &err) < 0)
            (void)log_failure(x->fs->log, log_now_ms(), err.msg);
    }
    return NULL;
}

static int start_thread(pthread_t *ret, void *(*run)(void *), struct indexer *x,
                        struct error *err)
{
    int rc = pthread_create(ret, NULL, run, x);

    if (rc != 0)
        return error_set_sys(err, rc, "cannot start a thread: %s",
                             strerrordesc_np(rc));
    return 0;
}

int indexer_start(struct indexer *x, struct fuse_session *se, bool pass_first,
                  struct error *err)
{
    x->show_progress = false;
    x->wanted = pass_first;
    if (refresh_init(&x->refresh, x->fs, se, err) < 0 ||
        start_thread(&x->thread, run_passes, x, err) < 0)
        return -1;
    x->thread_runs = true;
    if (start_thread(&x->watcher, watch, x, err) < 0)
        return -1;
    x->watcher_runs = true;
    return 0;
}

void indexer_rescan(struct indexer *x)
{
    lock_acquire(&x->lock);
    x->wanted = true;
    lock_check(pthread_cond_broadcast(&x->wake));
    lock_release(&x->lock);
}
