// SPDX-License-Identifier: MIT
/*
 * What somebody would wait for later, done now: of a mount every file of a
 * view is read, of an archive what only pixels tell (crop boxes, sizes) is
 * found out and kept. And `check`: every pixel is decoded, and forgotten.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/crew.h"
#include "ctl/ctl.h"
#include "ctl/shard.h"
#include "ctl/signals.h"
#include "ctl/warm_mount.h"
#include "prepfs/cleanup.h"

struct warming {
    const struct ctl_args *args;
    struct engine engine;
    struct progress progress;
    struct crew_result result;
    struct shard shard;   /* what was asked for */
    struct shard counted; /* the same, with how many leaves there are; */
    struct shard listing; /* and at this point of a listing */
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

/* ---- a shard of it ---- */

static bool count_leaf(void *opaque, const struct engine_leaf *leaf)
{
    struct warming *w = opaque;

    (void)leaf;
    w->counted.total++;
    return !atomic_load(&signals_cancelled);
}

static void begin_listing(void *opaque)
{
    struct warming *w = opaque;

    w->listing = w->counted;
}

static bool is_in_shard(void *opaque, const struct engine_leaf *leaf)
{
    struct warming *w = opaque;

    return shard_take(&w->listing, (uint64_t)leaf->leaf.object_id);
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
        .begin = begin_listing,
        .wanted = is_in_shard,
        .failed = on_failure,
        .opaque = w,
    };

    if (ctl_engine_open(&w->engine, w->args, archive, m, err) != 0 ||
        render_view(w->engine.render, view, 0, &config.view_id, err) != 0)
        return -1;
    w->counted = w->shard;
    if (w->shard.n > 0 &&
        engine_list(&w->engine, config.view_id, count_leaf, w, err) != 0)
        return -1;
    return crew_run(&config, &w->result, err);
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

static int of_mount(struct warming *w, const char *place, struct error *err)
{
    struct warm_mount config = {
        .mount = place,
        .view = w->args->positional[0],
        .threads = w->threads,
        .shard = w->shard,
        .progress = &w->progress,
    };

    return warm_mount(&config, &w->result, err);
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
    if (w->args->values[CTL_SHARD] &&
        shard_parse(w->args->values[CTL_SHARD], &w->shard, err) != 0)
        return -1;
    if (work == find_size && is_mount(place)) {
        if (w->args->values[CTL_WHERE])
            return error_set(err, ERROR_USAGE,
                             "--where is for an archive; of a mount, its "
                             "option where says what it shows");
        return of_mount(w, place, err);
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
    signals_catch();
    rc = run(&w, place, name, work, &err);
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
