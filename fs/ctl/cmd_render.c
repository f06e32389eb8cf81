// SPDX-License-Identifier: MIT
/*
 * The files of a view in a folder: the inputs are indexed, listed as a mount
 * lists them, and every leaf is made by the renderer of the mount.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ctl/batch.h"
#include "ctl/collect.h"
#include "ctl/crew.h"
#include "ctl/outdir.h"
#include "ctl/signals.h"
#include "prepfs/cleanup.h"
#include "render/about.h"

struct rendering {
    const struct ctl_args *args;
    unsigned threads;
    struct batch batch;
    struct progress progress;
    struct collection inputs;
    struct engine engine;
    struct outdir *out;
    struct crew_result result;
    uint64_t bad_inputs;
    _Atomic uint64_t write_ns;
};

/* ---- one leaf ---- */

struct writing {
    struct rendering *r;
    struct outfile file;
    bool failed; /* to write, not to render */
};

static uint64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int write_bytes(void *opaque, const uint8_t *bytes, size_t length,
                       struct error *err)
{
    struct writing *w = opaque;
    uint64_t start = now_ns();
    int rc;

    if (atomic_load(&signals_cancelled))
        return error_set(err, ERROR_INTERRUPTED, "interrupted");
    rc = outfile_write(&w->file, bytes, length, err);
    w->failed = rc != 0;
    w->r->write_ns += now_ns() - start;
    return rc;
}

/* SplitMix64. */
static uint64_t mix(uint64_t h, uint64_t part)
{
    h += part + UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

/* One number for the version of the sources: of an image its inode, size and
 * time; the device changes when a disk is mounted again. */
static int version_of(struct rendering *r, const struct engine_leaf *leaf,
                      const struct manifest_instance *i, uint64_t *ret,
                      struct error *err)
{
    uint64_t all[4] = {i->ino, i->size, (uint64_t)i->mtime_ns, 0};

    if (i->slices > 0 &&
        render_version(r->engine.render, &leaf->leaf, all, err) != 0)
        return -1;
    *ret = 0;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        *ret = mix(*ret, all[k]);
    return 0;
}

static enum crew_verdict make(struct rendering *r, unsigned worker,
                              const struct engine_leaf *leaf,
                              const struct manifest_instance *source,
                              uint64_t version, uint64_t *ret_bytes,
                              struct error *err)
{
    bool alone = r->batch.out_is_file;
    const char *place = alone ? r->batch.out : leaf->path;
    struct writing w = {.r = r};

    if ((alone ? outfile_begin_alone(place, &w.file, err)
               : outfile_begin(r->out, worker, &w.file, err)) != 0)
        return CREW_STOP;
    if (render_stream(r->engine.render, &leaf->leaf, write_bytes, &w, err) !=
        0) {
        outfile_abandon(&w.file);
        return w.failed ? CREW_STOP : CREW_FAILED;
    }
    *ret_bytes = w.file.size;
    if (outfile_commit(&w.file, place, version, source->acquired_s, err) != 0)
        return CREW_STOP;
    return CREW_DONE;
}

static enum crew_verdict make_unless_there(struct rendering *r, unsigned worker,
                                           const struct engine_leaf *leaf,
                                           const struct manifest_instance *i,
                                           uint64_t *ret_bytes,
                                           struct error *err)
{
    enum outdir_state state = OUTDIR_MISSING;
    uint64_t version;

    if (version_of(r, leaf, i, &version, err) != 0)
        return CREW_FAILED;
    if (r->out && !r->args->values[CTL_FORCE] &&
        outdir_state(r->out, leaf->path, version, &state, err) != 0)
        return CREW_STOP;
    if (state == OUTDIR_DONE)
        return CREW_SKIPPED;
    if (state != OUTDIR_FOREIGN)
        return make(r, worker, leaf, i, version, ret_bytes, err);
    (void)error_set(err, ERROR_USAGE,
                    "%.150s is there, but not from here (--force replaces it)",
                    leaf->path);
    return CREW_FAILED;
}

static enum crew_verdict work(void *opaque, unsigned worker,
                              const struct engine_leaf *leaf,
                              uint64_t *ret_bytes, struct error *err)
{
    struct rendering *r = opaque;
    struct tree_leaf about;
    enum crew_verdict verdict;

    if (tree_leaf(r->engine.tree, leaf->number, &about, err) != 0)
        return CREW_FAILED;
    verdict =
        make_unless_there(r, worker, leaf, &about.instance, ret_bytes, err);
    manifest_instance_deinit(&about.instance);
    return verdict;
}

/* People know their files by the names that they have. */
static void on_failure(void *opaque, const struct engine_leaf *leaf,
                       const struct error *why)
{
    struct rendering *r = opaque;
    struct tree_leaf about;

    if (tree_leaf(r->engine.tree, leaf->number, &about, NULL) != 0) {
        progress_message(&r->progress, "%s: %s", leaf->path, why->msg);
        return;
    }
    progress_message(&r->progress, "%s/%s: %s", r->inputs.set.root,
                     about.instance.relpath, why->msg);
    manifest_instance_deinit(&about.instance);
}

/* ---- one format after the other ---- */

static int intern(struct rendering *r, enum view_ext format, uint16_t *ret,
                  struct error *err)
{
    struct view view = r->batch.view;

    view.list = format;
    return render_view(r->engine.render, &view, 0, ret, err);
}

static bool count_leaf(void *opaque, const struct engine_leaf *leaf)
{
    int *n = opaque;

    (void)leaf;
    return ++*n < 2;
}

/* A file is one image. */
static int check_alone(struct rendering *r, uint16_t view_id, struct error *err)
{
    int n = 0;

    if (!r->batch.out_is_file)
        return 0;
    if (engine_list(&r->engine, view_id, count_leaf, &n, err) != 0)
        return -1;
    if (n < 2 && r->batch.n_formats == 1)
        return 0;
    return error_set(err, ERROR_USAGE,
                     "there is more than one image to write: %.150s must be a "
                     "folder",
                     r->batch.out);
}

static int render_format(struct rendering *r, enum view_ext format,
                         struct error *err)
{
    struct crew_config config = {
        .engine = &r->engine,
        .threads = r->threads,
        .strict = r->args->values[CTL_STRICT] != NULL,
        .cancel = &signals_cancelled,
        .progress = &r->progress,
        .work = work,
        .failed = on_failure,
        .opaque = r,
    };

    if (intern(r, format, &config.view_id, err) != 0 ||
        check_alone(r, config.view_id, err) != 0)
        return -1;
    return crew_run(&config, &r->result, err);
}

static bool print_path(void *opaque, const struct engine_leaf *leaf)
{
    struct rendering *r = opaque;

    (void)printf("%s%s%s\n", r->batch.out, r->batch.out_is_file ? "" : "/",
                 r->batch.out_is_file ? "" : leaf->path);
    r->result.done++;
    return !atomic_load(&signals_cancelled);
}

static int list_format(struct rendering *r, enum view_ext format,
                       struct error *err)
{
    uint16_t view_id;

    if (intern(r, format, &view_id, err) != 0)
        return -1;
    return engine_list(&r->engine, view_id, print_path, r, err);
}

static int render_formats(struct rendering *r, struct error *err)
{
    bool dry = r->args->values[CTL_DRY_RUN] != NULL;

    for (int i = 0; i < r->batch.n_formats; i++)
        if ((dry ? list_format : render_format)(r, r->batch.formats[i], err) !=
            0)
            return -1;
    return 0;
}

/* ---- inputs and outputs ---- */

static int on_bad_input(void *opaque, const char *path, const struct error *why,
                        struct error *err)
{
    struct rendering *r = opaque;

    r->bad_inputs++;
    progress_message(&r->progress, "%s: %s", path, why->msg);
    if (!r->args->values[CTL_STRICT])
        return 0;
    *err = *why;
    return -1;
}

static int collect_inputs(struct rendering *r, struct error *err)
{
    const struct collect_config config = {
        .args = r->args,
        .workers = r->engine.workers,
        .sources = r->batch.sources,
        .n_sources = r->batch.n_sources,
        .exclude = r->batch.out,
        .progress = &r->progress,
        .fail = on_bad_input,
        .opaque = r,
    };

    if (collect(&config, &r->inputs, err) != 0)
        return -1;
    /* A second format wants the crop boxes of the first. */
    if (r->batch.n_formats == 1 && collection_settle(&r->inputs, err) != 0)
        return -1;
    if (ctl_where(r->args, r->inputs.manifest, err) != 0)
        return -1;
    return ctl_engine_open(&r->engine, r->args, r->inputs.set.root,
                           r->inputs.manifest, err);
}

static int open_out(struct rendering *r, struct error *err)
{
    struct view view = r->batch.view;
    char text[VIEW_TEXT_SIZE];
    char engine[256];
    CLEANUP_FREE char *made_by = NULL;

    /* These two only name files. */
    view.list = VIEW_EXT_TIFF;
    view.tree = false;
    (void)view_print(&view, text, sizeof text);
    render_engine_text(engine, sizeof engine);
    if (asprintf(&made_by, "%s, %s", text, engine) < 0) {
        made_by = NULL;
        return error_no_memory(err);
    }
    return outdir_open(r->batch.out, made_by, r->args->values[CTL_FORCE],
                       &r->out, err);
}

static void print_view(const struct rendering *r)
{
    struct view view = r->batch.view;
    char text[VIEW_TEXT_SIZE];

    if (r->args->values[CTL_QUIET])
        return;
    view.tree = view.tree && !r->batch.translated;
    (void)view_print(&view, text, sizeof text);
    (void)printf("view %s\n", text);
    (void)fflush(stdout);
}

static double seconds_of(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* Of all threads together; the processor's time is that of the files alone,
 * without the index. */
static void print_times(struct rendering *r, double seconds, double cpu)
{
    struct render_stats s;

    render_stats_get(r->engine.render, &s);
    (void)printf("times wall %.4f cpu %.4f read %.4f decode %.4f values %.4f "
                 "crop %.4f resize %.4f image %.4f write %.4f\n",
                 seconds, cpu, seconds_of(s.read_ns), seconds_of(s.decode_ns),
                 seconds_of(s.values_ns), seconds_of(s.crop_ns),
                 seconds_of(s.resize_ns), seconds_of(s.image_ns),
                 seconds_of(r->write_ns));
}

static void print_summary(struct rendering *r, double seconds)
{
    const struct crew_result *c = &r->result;
    double per = seconds > 0.0 ? seconds : 1.0;

    (void)printf("%" PRIu64 " files in %.1f s (%.1f/s, %.1f MB/s)\n", c->done,
                 seconds, (double)c->done / per, (double)c->bytes / per / 1e6);
    if (c->skipped)
        (void)printf("  %" PRIu64 " were here already\n", c->skipped);
    if (c->failed)
        (void)printf("  %" PRIu64 " failed\n", c->failed);
    if (r->bad_inputs)
        (void)printf("  %" PRIu64 " inputs cannot be read\n", r->bad_inputs);
    if (r->inputs.not_dicom)
        (void)printf("  %" PRIu64 " files are not DICOM\n",
                     r->inputs.not_dicom);
}

/* Was there anything to do? An archive of reports and plans has no images. */
static int check_not_empty(const struct rendering *r, struct error *err)
{
    const struct crew_result *c = &r->result;

    if (c->done + c->skipped + c->failed + r->bad_inputs > 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "there is no image for this view");
}

static int run(struct rendering *r, struct error *err)
{
    bool dry = r->args->values[CTL_DRY_RUN] != NULL;
    double start;
    clock_t cpu;
    int rc;

    print_view(r);
    if (ctl_engine_start(&r->engine, r->args, err) != 0)
        return -1;
    if (!dry && !r->batch.out_is_file && open_out(r, err) != 0)
        return -1;
    if (collect_inputs(r, err) != 0)
        return -1;
    start = progress_now();
    cpu = clock();
    r->progress.started = start;
    rc = render_formats(r, err);
    start = progress_now() - start;
    if (!dry && !r->args->values[CTL_QUIET])
        print_summary(r, start);
    if (r->args->values[CTL_TIMES])
        print_times(r, start, (double)(clock() - cpu) / CLOCKS_PER_SEC);
    return rc == 0 ? check_not_empty(r, err) : rc;
}

/*
 * The next image takes the place of the last one: memory that went back to the
 * system in between would have to be faulted in again, page by page. What a
 * batch keeps is what its threads need at a time.
 */
static void keep_memory(void)
{
    enum { LARGE = 32 << 20 }; /* the most that glibc takes */

    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, 8 * LARGE);
}

int cmd_render(const struct ctl_args *args)
{
    struct rendering r = {.args = args};
    struct error err = ERROR_INIT;
    struct error late = ERROR_INIT;
    int status;

    if (ctl_jobs(args, &r.threads, &err) != 0 ||
        batch_init(args, stderr, &r.batch, &err) != 0)
        return ctl_fail(args, &err);
    progress_init(&r.progress, args->program, args->values[CTL_QUIET] != NULL);
    keep_memory();
    signals_catch();
    int rc = run(&r, &err);

    engine_close(&r.engine);
    collection_deinit(&r.inputs);
    if (outdir_close(r.out, &late) != 0 && rc == 0) {
        err = late;
        rc = -1;
    }
    status = rc != 0 ? ctl_fail(args, &err) : ctl_finish_output(args);
    (void)fflush(stdout);
    signals_pass_on();
    return status == CTL_OK && r.result.failed + r.bad_inputs > 0 ? CTL_FAILED
                                                                  : status;
}
