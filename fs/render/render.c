// SPDX-License-Identifier: MIT
/*
 * render.c: the face of the folder: leaves by number, views, sizes; reads are
 * in render_read.c.
 *
 *     render.c ── file.c ── object.c ── measure.c ── page.c ── source.c
 *        │      (layout)    (plan)             (values .. convert)   │
 *        └───── piece.c                                       dicom, decode
 *               (bytes)
 */
#include "render/render.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "prepfs/cleanup.h"
#include "prepfs/lock.h"
#include "render/file.h"
#include "render/kept.h"
#include "render/render_impl.h"

enum { RENDER_VIEWS = 65536 }; /* ids have 16 bits */

#define PLAN_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define WEIGHT_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct render {
    struct manifest *manifest;
    uint64_t max_pixels;
    struct sources *sources;
    struct tools *tools;
    struct files *files;
    struct flight *kept;
    struct page_maker maker;
    struct lock lock; /* serialises additions to views */
    /* Set once each; a view lives until render_free. */
    _Atomic(struct view *) views[RENDER_VIEWS];
};

/* ---- life --------------------------------------------------------------- */

static size_t at_most(uint64_t bytes, size_t roof)
{
    return bytes < roof ? (size_t)bytes : roof;
}

/*
 * The budget in sixteenths: six for decoded frames, three for pages, four for
 * what several pages are made of (kept.h). Plans of files and weights for
 * resizing take what they need, up to two and one.
 */
static int init_parts(struct render *r, const struct render_config *config,
                      struct error *err)
{
    uint64_t budget = config->frame_bytes;
    struct sources_config sources = {
        .manifest = config->manifest,
        .archive = config->archive,
        .follow = config->follow,
        .max_pixels = config->max_pixels,
        .frame_bytes = (size_t)(budget / 16 * 6),
        .workers = config->workers,
    };
    struct files_config files = {
        .manifest = config->manifest,
        .cache = config->cache,
        .maker = &r->maker,
        .gaps_allowed = config->gaps_allowed,
        .max_bytes_per_file = config->max_bytes_per_file,
        .max_pixels = config->max_pixels,
        .page_bytes = (size_t)(budget / 16 * 3),
        .plan_bytes = at_most(budget / 8, PLAN_BYTES_MAX),
    };

    r->manifest = config->manifest;
    r->max_pixels = config->max_pixels;
    r->sources = sources_new(&sources, err);
    r->tools = tools_new(at_most(budget / 16, WEIGHT_BYTES_MAX), err);
    if (!r->sources || !r->tools)
        return -1;
    r->kept = flight_new((size_t)(budget / 4), kept_free, err);
    if (!r->kept)
        return -1;
    r->maker.sources = r->sources;
    r->maker.tools = r->tools;
    r->maker.kept = r->kept;
    r->maker.plane_bytes = (size_t)(budget / 8);
    r->files = files_new(&files, err);
    return r->files ? 0 : -1;
}

struct render *render_new(const struct render_config *config, struct error *err)
{
    struct render *r = calloc(1, sizeof *r);

    if (!r) {
        (void)error_no_memory(err);
        return NULL;
    }
    lock_init(&r->lock);
    if (init_parts(r, config, err) == 0)
        return r;
    render_free(r);
    return NULL;
}

void render_free(struct render *r)
{
    if (!r)
        return;
    files_free(r->files);
    flight_free(r->kept);
    tools_free(r->tools);
    sources_free(r->sources);
    for (size_t i = 0; i < RENDER_VIEWS; i++)
        free(r->views[i]);
    lock_deinit(&r->lock);
    free(r);
}

void render_rescanned(struct render *r)
{
    files_forget(r->files);
    flight_drop_all(r->kept);
    sources_forget(r->sources);
}

/* ---- views -------------------------------------------------------------- */

static const struct view *keep_view(struct render *r, uint16_t id,
                                    const struct view *view, struct error *err)
{
    struct view *copy = malloc(sizeof *copy);
    const struct view *kept;

    if (!copy) {
        (void)error_no_memory(err);
        return NULL;
    }
    *copy = *view;
    lock_acquire(&r->lock);
    if (!r->views[id])
        r->views[id] = STEAL(copy);
    kept = r->views[id];
    lock_release(&r->lock);
    free(copy);
    return kept;
}

int render_view(struct render *r, const struct view *view, unsigned max_views,
                uint16_t *ret_id, struct error *err)
{
    char text[VIEW_TEXT_SIZE];
    const char *op;

    if (!view_is_built(view, &op))
        return error_set(err, ERROR_UNSUPPORTED,
                         "the operator %s is not built in yet", op);
    (void)view_print(view, text, sizeof text);
    if (manifest_view_intern(r->manifest, text, max_views, ret_id, err) != 0)
        return -1;
    return r->views[*ret_id] || keep_view(r, *ret_id, view, err) ? 0 : -1;
}

const struct view *render_view_by_id(struct render *r, uint16_t id,
                                     struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    const struct view *known = r->views[id];
    const char *op = "";
    struct view view;
    int found;

    if (known)
        return known;
    found = manifest_view_by_id(r->manifest, id, &text, err);
    if (found < 0)
        return NULL;
    if (found == 0) {
        (void)error_set(err, ERROR_NOT_FOUND, "no view has the number %u", id);
        return NULL;
    }
    if (view_parse_stored(text, &view, err) != 0)
        return NULL;
    /* A number may be older, or younger, than this program. */
    if (!view_is_built(&view, &op)) {
        (void)error_set(err, ERROR_UNSUPPORTED,
                        "the operator %s is not built in", op);
        return NULL;
    }
    return keep_view(r, id, &view, err);
}

/* ---- sizes -------------------------------------------------------------- */

int render_parts(struct render *r, uint16_t view_id,
                 const struct manifest_instance *instance, bool may_work,
                 uint32_t *ret, struct error *err)
{
    const struct view *view = render_view_by_id(r, view_id, err);

    if (!view)
        return -1;
    return object_count_parts(files_objects(r->files), view_id, view, instance,
                              may_work, ret, err);
}

static int measured_size(struct render *r, const struct leaf *leaf,
                         const struct view *view, bool may_work,
                         uint64_t *ret_size, struct error *err)
{
    struct file_id id = render_file_id(leaf);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int found;

    if (file_peek(r->files, &id, &ref, &file) == 0) {
        found = file_recall_size(r->files, &id, view, ret_size, err);
        if (found != 0)
            return found < 0 ? -1 : 0;
        if (!may_work)
            return 1;
        if (file_get(r->files, &id, view, &ref, &file, err) != 0)
            return -1;
    }
    *ret_size = file->layout.size;
    file_put(r->files, &ref);
    return 0;
}

static int size_of(struct render *r, const struct leaf *leaf,
                   const struct manifest_instance *instance, bool may_work,
                   uint64_t *ret_size, struct error *err)
{
    const struct view *view = render_view_by_id(r, leaf->view_id, err);
    int rc;

    if (!view)
        return -1;
    if (instance->gone)
        return error_set(err, ERROR_STALE, "%s changed or vanished",
                         instance->relpath);
    rc = file_early_size(r->manifest, r->max_pixels, leaf->kind, leaf->part,
                         view, instance, ret_size, err);
    if (rc == 1)
        rc = measured_size(r, leaf, view, may_work, ret_size, err);
    if (rc != 0)
        return rc;
    return file_check_size(r->files, *ret_size, err);
}

int render_attr(struct render *r, const struct leaf *leaf,
                const struct manifest_instance *instance, bool may_work,
                struct leaf_attr *ret, struct error *err)
{
    CLEANUP(manifest_instance_deinit) struct manifest_instance own = {0};
    const struct view *view;
    int rc;

    if (!instance) {
        view = render_view_by_id(r, leaf->view_id, err);
        if (!view ||
            frames_row(r->manifest, view, leaf->object_id, &own, err) != 0)
            return -1;
        instance = &own;
    }
    rc = size_of(r, leaf, instance, may_work, &ret->size, err);
    if (rc == 0)
        ret->mtime_s = instance->acquired_s;
    return rc;
}

/* ---- for the other files ------------------------------------------------ */

int render_file(struct render *r, const struct leaf *leaf, bool may_work,
                struct flight_ref *ref, const struct file **ret,
                struct error *err)
{
    struct file_id id = render_file_id(leaf);
    const struct view *view;

    view = render_view_by_id(r, leaf->view_id, err);
    if (!view)
        return -1;
    if (file_peek(r->files, &id, ref, ret))
        return 0;
    if (!may_work)
        return 1;
    return file_get(r->files, &id, view, ref, ret, err);
}

struct manifest *render_manifest(struct render *r)
{
    return r->manifest;
}

struct files *render_files(struct render *r)
{
    return r->files;
}

struct sources *render_sources(struct render *r)
{
    return r->sources;
}

void render_stats_get(struct render *r, struct render_stats *ret)
{
    struct sources_stats *s = sources_stats(r->sources);

    *ret = (struct render_stats){
        .frames_decoded = s->frames_decoded,
        .frames_reused = s->frames_reused,
        .bytes_read = s->bytes_read,
        .read_ns = s->read_ns,
        .decode_ns = s->decode_ns,
        .image_ns = r->maker.image_ns,
        .values_ns = r->maker.values_ns,
        .crop_ns = r->maker.crop_ns,
        .resize_ns = r->maker.resize_ns,
        .kept_bytes = sources_cost(r->sources) + files_cost(r->files) +
                      tools_cost(r->tools) + flight_cost(r->kept),
    };
}
