// SPDX-License-Identifier: MIT
/*
 * What somebody would wait for later, done now: of a mount every file of a
 * view is read, of an archive what only pixels tell (crop boxes, sizes) is
 * found out and kept. And `check`: every pixel is decoded, and forgotten.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/crew.h"
#include "ctl/ctl.h"
#include "ctl/signals.h"
#include "prepfs/cleanup.h"
#include "prepfs/lock.h"

struct warming {
    const struct ctl_args *args;
    struct engine engine;
    struct progress progress;
    struct crew_result result;
    struct lock lock; /* of progress and result, where a mount is read */
    char *folder;     /* MOUNT/VIEW/ */
    unsigned threads;
};

/* ---- of an archive ---- */

static enum crew_verdict find_size(void *opaque, unsigned worker,
                                   const struct engine_leaf *leaf,
                                   uint64_t *ret_bytes, struct error *err)
{
    struct warming *w = opaque;
    struct leaf_attr attr;

    (void)worker;
    if (render_attr(w->engine.render, &leaf->leaf, NULL, true, &attr, err) != 0)
        return CREW_FAILED;
    *ret_bytes = attr.size;
    return CREW_DONE;
}

static int pass_over(void *opaque, const uint8_t *bytes, size_t length,
                     struct error *err)
{
    uint64_t *sum = opaque;

    (void)bytes;
    *sum += length;
    if (atomic_load(&signals_cancelled))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    return 0;
}

static enum crew_verdict make(void *opaque, unsigned worker,
                              const struct engine_leaf *leaf,
                              uint64_t *ret_bytes, struct error *err)
{
    struct warming *w = opaque;

    (void)worker;
    return render_stream(w->engine.render, &leaf->leaf, pass_over, ret_bytes,
                         err) == 0
               ? CREW_DONE
               : CREW_FAILED;
}

static void on_failure(void *opaque, const struct engine_leaf *leaf,
                       const struct error *why)
{
    struct warming *w = opaque;
    struct tree_leaf about;

    if (tree_leaf(w->engine.tree, leaf->number, &about, NULL) != 0) {
        progress_message(&w->progress, "%s: %s", leaf->path, why->msg);
        return;
    }
    progress_message(&w->progress, "%s: %s", about.instance.relpath, why->msg);
    manifest_instance_deinit(&about.instance);
}

typedef enum crew_verdict (*work_fn)(void *, unsigned,
                                     const struct engine_leaf *, uint64_t *,
                                     struct error *);

static int work_through(struct warming *w, const char *archive,
                        const struct view *view, struct manifest *m,
                        work_fn work, struct error *err)
{
    struct crew_config config = {
        .engine = &w->engine,
        .threads = w->threads,
        .strict = w->args->values[CTL_STRICT] != NULL,
        .cancel = &signals_cancelled,
        .progress = &w->progress,
        .work = work,
        .failed = on_failure,
        .opaque = w,
    };

    if (ctl_engine_open(&w->engine, w->args, archive, m, err) != 0 ||
        render_view(w->engine.render, view, 0, &config.view_id, err) != 0)
        return -1;
    return crew_run(&config, &w->result, err);
}

/* ---- of a mount ---- */

static void count_file(struct warming *w, const char *path, uint64_t bytes,
                       int code)
{
    lock_acquire(&w->lock);
    w->result.bytes += bytes;
    if (code) {
        w->result.failed++;
        progress_message(&w->progress, "%s: %s", path, strerrordesc_np(code));
    } else {
        w->result.done++;
    }
    struct progress_count count = {.done = w->result.done + w->result.failed,
                                   .failed = w->result.failed,
                                   .bytes = w->result.bytes};

    progress_files(&w->progress, &count);
    lock_release(&w->lock);
}

static void read_file(struct warming *w, const char *path, char *buffer,
                      size_t size)
{
    CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t bytes = 0;
    ssize_t n = fd < 0 ? -1 : 0;

    while (fd >= 0 && (n = read(fd, buffer, size)) > 0 &&
           !atomic_load(&signals_cancelled))
        bytes += (uint64_t)n;
    count_file(w, path, bytes, n < 0 ? errno : 0);
}

struct reader {
    struct warming *w;
    unsigned number;
    pthread_t thread;
};

/* Every reader walks the tree, which costs little, and reads its share. */
static void *read_share(void *opaque)
{
    enum { SIZE = 1 << 20 };
    struct reader *r = opaque;
    char *const roots[] = {r->w->folder, NULL};
    CLEANUP_FREE char *buffer = malloc(SIZE);
    FTS *fts =
        buffer ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL)
               : NULL;
    unsigned k = 0;

    for (FTSENT *e; fts && (e = fts_read(fts));) {
        if (atomic_load(&signals_cancelled))
            break;
        if (e->fts_info != FTS_F && e->fts_info != FTS_NSOK)
            continue;
        if (k++ % r->w->threads == r->number)
            read_file(r->w, e->fts_path, buffer, SIZE);
    }
    if (fts)
        (void)fts_close(fts);
    return NULL;
}

/* The mount knows why; only its first lines are for a terminal. */
static int no_view(const struct warming *w, const char *mount,
                   struct error *err)
{
    const char *view = w->args->positional[0];
    int cause = errno;

    return error_set_sys(err, cause,
                         "%s: %s; the reason: cat %s/.prepfs/explain/%s", view,
                         strerrordesc_np(cause), mount, view);
}

static int read_mount(struct warming *w, const char *mount, struct error *err)
{
    struct reader readers[64];
    unsigned started = 0;
    struct stat st;

    if (asprintf(&w->folder, "%s/%s/", mount, w->args->positional[0]) < 0) {
        w->folder = NULL;
        return error_no_memory(err);
    }
    if (stat(w->folder, &st) != 0)
        return no_view(w, mount, err);
    for (; started < w->threads; started++) {
        readers[started] = (struct reader){.w = w, .number = started};
        if (pthread_create(&readers[started].thread, NULL, read_share,
                           &readers[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++)
        lock_check(pthread_join(readers[i].thread, NULL));
    progress_clear(&w->progress);
    if (started < w->threads)
        return error_set(err, ERROR_NO_MEMORY, "cannot start a thread");
    if (atomic_load(&signals_cancelled))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    return 0;
}

/* ---- the subcommands ---- */

static bool is_mount(const char *path)
{
    CLEANUP_FREE char *probe = NULL;

    if (asprintf(&probe, "%s/.prepfs/stats.json", path) < 0) {
        probe = NULL;
        return false;
    }
    return access(probe, F_OK) == 0;
}

static int run(struct warming *w, const char *place, const char *name,
               work_fn work, struct error *err)
{
    struct manifest *m;
    struct view view;
    int rc;

    if (ctl_jobs(w->args, &w->threads, err) != 0)
        return -1;
    w->threads = crew_threads(w->threads);
    if (work == find_size && is_mount(place)) {
        if (w->args->values[CTL_WHERE])
            return error_set(err, ERROR_USAGE,
                             "--where is for an archive; of a mount, its "
                             "option where says what it shows");
        return read_mount(w, place, err);
    }
    if (ctl_view(w->args, name, &view, err) != 0)
        return -1;
    m = ctl_open(w->args, place, CTL_WRITE, NULL, err);
    if (!m)
        return -1;
    rc = ctl_where(w->args, m, err);
    if (rc == 0)
        rc = work_through(w, place, &view, m, work, err);
    engine_close(&w->engine);
    manifest_close(m);
    return rc;
}

static int warm(const struct ctl_args *args, const char *place,
                const char *name, work_fn work)
{
    struct warming w = {.args = args};
    struct error err = ERROR_INIT;
    double start = progress_now();
    int rc;

    progress_init(&w.progress, args->program, args->values[CTL_QUIET] != NULL);
    lock_init(&w.lock);
    signals_catch();
    rc = run(&w, place, name, work, &err);
    lock_deinit(&w.lock);
    free(w.folder);
    if (rc != 0) {
        rc = ctl_fail(args, &err);
        signals_pass_on();
        return rc;
    }
    if (!args->values[CTL_QUIET])
        (void)printf("%" PRIu64 " files, %.1f MB, in %.1f s; %" PRIu64
                     " failed\n",
                     w.result.done, (double)w.result.bytes / 1e6,
                     progress_now() - start, w.result.failed);
    rc = ctl_finish_output(args);
    return rc == CTL_OK && w.result.failed > 0 ? CTL_FAILED : rc;
}

int cmd_warm(const struct ctl_args *args)
{
    return warm(args, args->positional[1], args->positional[0], find_size);
}

int cmd_check(const struct ctl_args *args)
{
    const char *view = args->positional[1];

    return warm(args, args->positional[0], view ? view : "full", make);
}
