// SPDX-License-Identifier: MIT
/* archive.c: prepfs.h, archives. */
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "dicom/dicom.h"
#include "index/index.h"
#include "lib/lib.h"
#include "manifest/state.h"
#include "prepfs/cleanup.h"

/* ---- index ---- */

static int make_snapshot(struct prepfs *p, struct error *err)
{
    CLEANUP_FREE char *path = NULL;

    if (asprintf(&path, "%s/" MANIFEST_SNAPSHOT, p->state) < 0) {
        path = NULL;
        return error_no_memory(err);
    }
    return manifest_snapshot(p->manifest, path, err);
}

static int run_index(struct prepfs *p, struct error *err)
{
    const struct index_dicom_config dicom = {.workers = p->engine.workers};
    struct index_parser parser;
    struct index_config config = {
        .manifest = p->manifest,
        .archive = p->archive,
        .parser = &parser,
        .follow = p->follow,
    };
    struct index_result result;

    dicom_global_init();
    index_dicom_parser(&dicom, &parser);
    if (index_run(&config, &result, err) != 0)
        return -1;
    return make_snapshot(p, err);
}

/* What another process is finding out appears as it is found. */
static int index_first(struct prepfs *p, struct error *err)
{
    CLEANUP_FREE char *parser = NULL;
    struct error why = ERROR_INIT;
    int has_run = manifest_parser(p->manifest, &parser, err);

    if (has_run != 0)
        return has_run < 0 ? -1 : 0;
    if (run_index(p, &why) == 0 ||
        (why.kind == ERROR_IO && why.sys_errno == EWOULDBLOCK))
        return 0;
    if (err)
        *err = why;
    return -1;
}

int prepfs_refresh(struct prepfs *p, struct error *err)
{
    if (run_index(p, err) != 0)
        return -1;
    render_rescanned(p->engine.render);
    return 0;
}

/* ---- open, close ---- */

static int open_parts(struct prepfs *p, const struct prepfs_options *o,
                      struct error *err)
{
    struct budget budget =
        budget_split(o->cache_bytes ? o->cache_bytes : budget_default(""));
    struct cache_config cache = {.budget_bytes = budget.blocks,
                                 .epoch_guard = true};
    struct engine_config config = {
        .archive = p->archive,
        .frame_bytes = budget.frames,
        .workers = o->workers,
        .gaps_allowed = o->gaps_allowed != 0,
        .follow = o->follow != 0,
    };

    if (state_prepare(p->archive, o->state, true, &p->state, err) != 0)
        return -1;
    p->manifest = manifest_open(p->state, MANIFEST_READ_WRITE, err);
    if (!p->manifest)
        return -1;
    p->cache = cache_new(&cache, err);
    if (!p->cache)
        return -1;
    config.manifest = p->manifest;
    config.cache = p->cache;
    return engine_open(&p->engine, &config, err);
}

/* The workers are forked before the index has threads. */
static int open_all(struct prepfs *p, const struct prepfs_options *o,
                    struct error *err)
{
    if (o->workers > WORKERS_MAX)
        return error_set(err, ERROR_USAGE, "at most %d workers, not %u",
                         WORKERS_MAX, o->workers);
    p->follow = o->follow != 0;
    if (open_parts(p, o, err) != 0)
        return -1;
    return index_first(p, err);
}

struct prepfs *prepfs_open(const char *archive,
                           const struct prepfs_options *options,
                           struct error *err)
{
    struct prepfs_options o = PREPFS_OPTIONS_INIT;
    struct prepfs *p = calloc(1, sizeof *p);

    if (options) /* of an older program: shorter; of a newer: what we know */
        memcpy(&o, options,
               options->size < sizeof o ? options->size : sizeof o);
    if (!p) {
        (void)error_no_memory(err);
        return NULL;
    }
    p->archive = realpath(archive, NULL);
    if (!p->archive)
        (void)error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO,
                        "%.150s: %s", archive, strerrordesc_np(errno));
    else if (open_all(p, &o, err) == 0)
        return p;
    prepfs_close(p);
    return NULL;
}

void prepfs_close(struct prepfs *p)
{
    if (!p)
        return;
    engine_close(&p->engine);
    cache_free(p->cache);
    manifest_close(p->manifest);
    free(p->state);
    free(p->archive);
    free(p);
}

/* ---- listing ---- */

struct listing {
    prepfs_list_fn each;
    void *opaque;
    int rc;
    const char *dirname;
};

static bool on_leaf(void *opaque, const struct engine_leaf *leaf)
{
    struct listing *l = opaque;
    char path[VIEW_DIRNAME_MAX + 2 + sizeof leaf->path];

    (void)snprintf(path, sizeof path, "%s/%s", l->dirname, leaf->path);
    l->rc = l->each(l->opaque, path);
    return l->rc == 0;
}

int prepfs_list(struct prepfs *p, const char *view, prepfs_list_fn each,
                void *opaque, struct error *err)
{
    char dirname[VIEW_DIRNAME_MAX + 1];
    struct listing l = {each, opaque, 0, dirname};
    uint16_t id;

    if (lib_view(p, view, strlen(view), &id, dirname, err) != 0 ||
        engine_list(&p->engine, id, on_leaf, &l, err) != 0)
        return -1;
    return l.rc;
}
