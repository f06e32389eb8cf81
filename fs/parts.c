// SPDX-License-Identifier: MIT
/* parts.c: see parts.h. */
#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "disk.h"
#include "manifest/manifest_publish.h"
#include "manifest/state.h"
#include "rescan_socket.h"
#include "servers.h"

enum {
    QUEUE_MAX = 65536,  /* requests that wait for a decode */
    PREFETCH_MAX = 256, /* guesses that wait for one */
    NOTE_MS = 200,      /* that a reader waits so that others need not */
    SPARE_MIN = 4,      /* threads that may wait for a tier, */
    SPARE_MAX = 32      /* twice as many as decode */
};

/* The file behind manifest.db; that of a cohort goes with the mount. */
static int name_snapshot(struct parts *p, const struct options *o,
                         struct error *err)
{
    const struct manifest_cohort cohort = {.where = o->where,
                                           .hide_burned_in = o->hide_burned_in};
    char name[MANIFEST_COHORT_NAME_SIZE] = MANIFEST_SNAPSHOT;

    if (o->where || o->hide_burned_in)
        manifest_cohort_name(&cohort, name);
    if (asprintf(&p->snapshot, "%s/%s", p->state_dir, name) >= 0)
        return 0;
    p->snapshot = NULL;
    return error_no_memory(err);
}

/* What a published manifest says, or what is found out here. */
static int follow(struct parts *p, const char *path, struct error *err)
{
    struct manifest_adopted news;

    if (!path && manifest_follows(p->fs.manifest))
        return error_set(err, ERROR_USAGE,
                         "the state folder %s follows a published manifest: "
                         "mount with manifest=FILE, or choose another with "
                         "state=DIR",
                         p->state_dir);
    if (!path)
        return 0;
    if (manifest_adopt(p->fs.manifest, path, false, &news, err) < 0)
        return -1;
    if (news.changed)
        log_line(p->fs.log, LOG_LEVEL_INFO,
                 "%s: a manifest of %" PRIu64 " files", path, news.files);
    return 0;
}

static int open_state(struct parts *p, const struct options *o,
                      const struct paths *paths, struct error *err)
{
    if (state_prepare(paths->archive, paths->state_dir, true, &p->state_dir,
                      err) < 0 ||
        paths_check_state(paths, p->state_dir, err) < 0 ||
        name_snapshot(p, o, err) < 0)
        return -1;
    p->socket = rescan_socket_path(p->state_dir, err);
    if (!p->socket)
        return -1;
    p->fs.manifest = manifest_open(p->state_dir, MANIFEST_READ_WRITE, err);
    if (!p->fs.manifest)
        return -1;
    manifest_set_patience(p->fs.manifest, NOTE_MS);
    if (manifest_set_aside(p->fs.manifest))
        log_line(p->fs.log, LOG_LEVEL_WARNING,
                 "the manifest was damaged; it is kept as %s and made anew",
                 manifest_set_aside(p->fs.manifest));
    return follow(p, paths->manifest, err);
}

static int open_cohort(struct parts *p, const struct options *o,
                       const atomic_bool *cancel, struct error *err)
{
    struct cohort_config config = {
        .manifest = p->fs.manifest,
        .where = o->where,
        .hide_burned_in = o->hide_burned_in,
        .cancel = cancel,
    };

    if (!o->where && !o->hide_burned_in)
        return 0;
    p->fs.cohort = cohort_new(&config, err);
    return p->fs.cohort ? 0 : -1;
}

/* Bytes as people write them: 512 MiB, 5.2 GiB. */
static void print_bytes(char *buf, size_t size, uint64_t bytes)
{
    if (bytes < UINT64_C(10) << 30)
        (void)snprintf(buf, size, "%.0f MiB", (double)bytes / (1 << 20));
    else
        (void)snprintf(buf, size, "%.1f GiB", (double)bytes / (1 << 30));
}

static struct budget budget_of(struct parts *p, const struct options *o)
{
    struct budget b =
        budget_split(o->cache_bytes ? o->cache_bytes : budget_default(""));
    char text[32];

    print_bytes(text, sizeof text, b.total);
    log_line(p->fs.log, LOG_LEVEL_INFO, "%s of memory for computed images%s",
             text,
             o->cache_bytes ? "" : ", a quarter of what is free (-o cache)");
    return b;
}

/* Without a watcher the mount works as well; it only never gives way. */
static void watch_memory(struct parts *p)
{
    struct error err = ERROR_INIT;

    p->pressure = cache_pressure_start(p->fs.cache, NULL, &err);
    if (!p->pressure)
        log_line(p->fs.log, LOG_LEVEL_WARNING,
                 "the system's memory is not watched: %s", err.msg);
}

/* A job waits for a disk, or for servers: only jobs of the pool ask for what
 * may take long. */
static void on_wait(void *opaque, bool begins)
{
    const struct fs *fs = opaque;

    if (fs->pool)
        pool_waits(fs->pool, begins);
}

/* The cache, with a disk and servers below it if there are any. */
static int open_cache(struct parts *p, const struct options *o,
                      const struct paths *paths, uint64_t bytes,
                      struct error *err)
{
    struct cache_config config = {.budget_bytes = bytes,
                                  .epoch_guard = o->epochs,
                                  .waits = on_wait,
                                  .waits_opaque = &p->fs};
    struct cache_tier tiers[CACHE_TIERS_MAX];

    config.tiers = tiers;
    if (paths->disk) {
        p->disk = disk_open(o, paths->disk, bytes, p->fs.log, err);
        if (!p->disk)
            return -1;
        tiers[config.tier_count++] = cache_disk_tier(p->disk);
    }
    if (o->shared) {
        p->shared = servers_open(o, paths->shared_auth, p->fs.log, err);
        if (!p->shared)
            return -1;
        tiers[config.tier_count++] = shared_tier(p->shared);
    }
    p->fs.cache = cache_new(&config, err);
    if (p->fs.cache && p->disk)
        cache_disk_watch(p->disk, p->fs.cache);
    return p->fs.cache ? 0 : -1;
}

static int open_engine(struct parts *p, const struct options *o,
                       const struct paths *paths, struct error *err)
{
    struct budget budget = budget_of(p, o);
    struct render_config render = {
        .archive = paths->archive,
        .max_pixels = o->max_pixels,
        .max_bytes_per_file = o->max_bytes_per_file,
        .gaps_allowed = o->gaps_allowed,
        .follow = o->follow,
        .frame_bytes = budget.frames,
        .workers = p->fs.workers,
    };

    if (open_cache(p, o, paths, budget.blocks, err) < 0)
        return -1;
    if (o->pressure)
        watch_memory(p);
    render.manifest = p->fs.manifest;
    render.cache = p->fs.cache;
    p->fs.render = render_new(&render, err);
    return p->fs.render ? 0 : -1;
}

/* Gives a name its number now. What is wrong with it LOOKUP will say. */
static void intern(struct parts *p, const char *name)
{
    struct views_found found;
    struct error err = ERROR_INIT;

    if (views_find(p->fs.views, name, true, &found, &err) < 0)
        log_line(p->fs.log, LOG_LEVEL_WARNING, "%s: %s", name, err.msg);
}

/* So that the listing of the root shows inodes. */
static void intern_presets(struct parts *p)
{
    char name[VIEW_PRESET_NAME_MAX + 1];

    if (views_has_full(p->fs.views))
        intern(p, "full");
    for (size_t i = 0; views_preset(p->fs.views, i, name); i++)
        intern(p, name);
}

static int open_views(struct parts *p, const struct options *o,
                      const struct paths *paths, struct error *err)
{
    struct views_config config = {
        .manifest = p->fs.manifest,
        .render = p->fs.render,
        .max_views = (unsigned)o->max_views,
        .only_presets = o->only_presets,
    };

    if (paths->presets &&
        view_presets_load(paths->presets, &config.presets, err) < 0)
        return -1;
    p->fs.views = views_new(&config, err);
    if (!p->fs.views)
        return -1;
    intern_presets(p);
    return 0;
}

void parts_reload_presets(struct parts *p, const char *path)
{
    struct view_presets *presets = NULL;
    struct error err = ERROR_INIT;

    if (!path)
        return;
    if (view_presets_load(path, &presets, &err) < 0 ||
        views_set_presets(p->fs.views, presets, &err) < 0) {
        log_line(p->fs.log, LOG_LEVEL_ERROR, "presets not changed: %s",
                 err.msg);
        return;
    }
    intern_presets(p);
}

unsigned parts_threads(const struct options *o)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (o->threads)
        return (unsigned)o->threads;
    return cpus > 0 ? (unsigned)cpus : 1;
}

/* What comes from a tier takes little of a processor: several reads under
 * way are what makes it fast. */
static unsigned spare_threads(const struct parts *p, unsigned threads)
{
    unsigned spare = 2 * threads;

    if (!p->disk && !p->shared)
        return 0;
    if (spare < SPARE_MIN)
        return SPARE_MIN;
    return spare < SPARE_MAX ? spare : SPARE_MAX;
}

static int open_pool(struct parts *p, const struct options *o,
                     struct error *err)
{
    unsigned threads = parts_threads(o);
    struct pool_config config = {
        .threads = threads,
        .spare = spare_threads(p, threads),
        .max_queued = QUEUE_MAX,
        .max_prefetch = PREFETCH_MAX,
        /* Few threads are all needed to be ahead of a reader; of many, one
         * waits for the next. */
        .prefetch_threads = threads > 2 ? threads - 1 : threads,
    };

    p->fs.pool = pool_new(&config, err);
    if (!p->fs.pool)
        return -1;
    p->fs.recorder = recorder_new(p->fs.manifest, p->fs.pool, err);
    return p->fs.recorder ? 0 : -1;
}

static int open_readers(struct parts *p, const struct options *o,
                        struct error *err)
{
    struct readers_config config = {
        .manifest = p->fs.manifest,
        .render = p->fs.render,
        .cache = p->fs.cache,
        .pool = p->fs.pool,
        .prefetch = (unsigned)o->prefetch,
        .epochs = o->epochs,
    };

    p->fs.readers = readers_new(&config, err);
    return p->fs.readers ? 0 : -1;
}

static void fill_report(struct parts *p)
{
    struct report *r = &p->fs.report;

    r->stats = &p->fs.stats;
    r->pool = p->fs.pool;
    r->render = p->fs.render;
    r->workers = p->fs.workers;
    r->cache = p->fs.cache;
    r->disk = p->disk;
    r->shared = p->shared;
    r->shared_stats = shared_stats_get;
    r->readers = p->fs.readers;
    r->epochs = p->fs.options->epochs;
    r->manifest = p->fs.manifest;
    r->cohort = p->fs.cohort;
    r->started_ms = log_now_ms();
}

struct shaping {
    struct manifest *manifest;
    struct view view;
};

static int shape(void *opaque, const struct manifest_instance *row,
                 struct manifest_output *ret, struct error *err)
{
    const struct shaping *s = opaque;

    (void)err;
    return render_shape_of_leaves(s->manifest, &s->view, row, ret);
}

/* Columns that only pixels tell stay empty until they were measured. */
static int write_csv(void *opaque, const struct view *view, uint16_t view_id,
                     FILE *out, struct error *err)
{
    struct fs *fs = opaque;
    struct shaping shaping = {fs->manifest, *view};
    struct manifest_leaves leaves =
        render_leaves(view, view_id, fs->options->gaps_allowed);

    return manifest_csv(fs->manifest, &leaves, shape, &shaping, out, err);
}

static int open_control(struct parts *p, struct error *err)
{
    struct control_config config = {
        .manifest = p->fs.manifest,
        .views = p->fs.views,
        .report = &p->fs.report,
        .state_dir = p->state_dir,
        .database = p->snapshot,
        .socket = p->socket,
        .csv = write_csv,
        .csv_opaque = &p->fs,
        .disk = p->disk ? cache_disk_dir(p->disk) : NULL,
    };

    fill_report(p);
    p->fs.control = control_new(&config, err);
    return p->fs.control ? 0 : -1;
}

/* 0400 and 0500 for who mounts; 0440 and 0550 where others are let in. */
static int open_tree(struct parts *p, const struct options *o,
                     const struct paths *paths, struct error *err)
{
    mode_t umask_bits = (mode_t)o->umask;
    struct tree_config config = {
        .manifest = p->fs.manifest,
        .render = p->fs.render,
        .views = p->fs.views,
        .control = p->fs.control,
        .preset_dirs = o->preset_dirs,
        .uid = o->uid < 0 ? getuid() : (uid_t)o->uid,
        .gid = o->gid < 0 ? getgid() : (gid_t)o->gid,
        .file_mode = (o->allow_other ? 0440 : 0400) & ~umask_bits,
        .folder_mode = (o->allow_other ? 0550 : 0500) & ~umask_bits,
        .mtime_s = paths->archive_mtime_s,
    };

    p->fs.tree = tree_new(&config, err);
    return p->fs.tree ? 0 : -1;
}

int parts_open(struct parts *p, const struct options *options,
               const struct paths *paths, struct workers *workers,
               struct log *log, const atomic_bool *cancel, struct error *err)
{
    memset(p, 0, sizeof *p);
    p->fs.workers = workers;
    p->fs.options = options;
    p->fs.log = log;
    stats_init(&p->fs.stats);
    if (open_state(p, options, paths, err) < 0 ||
        open_cohort(p, options, cancel, err) < 0 ||
        open_engine(p, options, paths, err) < 0 ||
        open_views(p, options, paths, err) < 0 ||
        open_pool(p, options, err) < 0 || open_readers(p, options, err) < 0 ||
        open_control(p, err) < 0 || open_tree(p, options, paths, err) < 0)
        return -1;
    return 0;
}

void parts_close(struct parts *p)
{
    pool_free(p->fs.pool);
    tree_free(p->fs.tree);
    recorder_free(p->fs.recorder);
    readers_free(p->fs.readers);
    control_free(p->fs.control);
    views_free(p->fs.views);
    render_free(p->fs.render);
    cache_pressure_stop(p->pressure);
    cache_free(p->fs.cache);
    cache_disk_close(p->disk);
    shared_close(p->shared);
    if (p->fs.cohort && p->snapshot)
        (void)unlink(p->snapshot);
    cohort_free(p->fs.cohort);
    manifest_close(p->fs.manifest);
    stats_deinit(&p->fs.stats);
    free(p->snapshot);
    free(p->socket);
    free(p->state_dir);
    memset(p, 0, sizeof *p);
}
