// SPDX-License-Identifier: MIT
/*
 * render.c: the face of the folder: leaves by number, sizes, reads.
 *
 *     render.c ── file.c ── measure.c ── page.c ── source.c ── dicom, decode
 *                  (layout, blocks)      (values .. convert)
 */
#include "render/render.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "prepfs/cleanup.h"
#include "prepfs/lock.h"
#include "render/file.h"

enum { RENDER_VIEWS = 65536 }; /* ids have 16 bits */

#define PLAN_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define WEIGHT_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct render {
    struct manifest *manifest;
    struct sources *sources;
    struct tools *tools;
    struct files *files;
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
 * The budget: a half for decoded frames, a quarter for pages, a sixteenth for
 * edges of pages. Plans of files and weights for resizing take what they need,
 * up to an eighth and a sixteenth.
 */
static int init_parts(struct render *r, const struct render_config *config,
                      struct error *err)
{
    uint64_t budget = config->frame_bytes;
    struct sources_config sources = {
        .manifest = config->manifest,
        .archive = config->archive,
        .max_pixels = config->max_pixels,
        .frame_bytes = (size_t)(budget / 2),
    };
    struct files_config files = {
        .manifest = config->manifest,
        .cache = config->cache,
        .maker = &r->maker,
        .engine = render_engine(),
        .max_bytes_per_file = config->max_bytes_per_file,
        .page_bytes = (size_t)(budget / 4),
        .edge_bytes = (size_t)(budget / 16),
        .plan_bytes = at_most(budget / 8, PLAN_BYTES_MAX),
    };

    r->manifest = config->manifest;
    r->sources = sources_new(&sources, err);
    r->tools = tools_new(at_most(budget / 16, WEIGHT_BYTES_MAX), err);
    if (!r->sources || !r->tools)
        return -1;
    r->maker.sources = r->sources;
    r->maker.tools = r->tools;
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
    return keep_view(r, id, &view, err);
}

bool render_size_is_known(const struct view *view)
{
    return view_size_is_known(view);
}

/* ---- sizes -------------------------------------------------------------- */

static struct file_id id_of(const struct leaf *leaf)
{
    return (struct file_id){leaf->view_id, leaf->object_id, leaf->part,
                            (unsigned)leaf->kind};
}

static int check_kind(const struct leaf *leaf, struct error *err)
{
    if (leaf->kind == LEAF_TIFF && leaf->part == 0)
        return 0;
    return error_set(err, ERROR_UNSUPPORTED,
                     "this format or part is not built in yet");
}

/* 1: *ret_size was measured by an earlier run. */
static int recall_size(struct render *r, const struct leaf *leaf,
                       uint64_t *ret_size, struct error *err)
{
    CLEANUP(manifest_output_deinit) struct manifest_output out = {0};
    int found = manifest_output_get(r->manifest, leaf->view_id, leaf->object_id,
                                    leaf->part, (unsigned)leaf->kind,
                                    render_engine(), &out, err);

    if (found > 0)
        *ret_size = out.bytes;
    return found;
}

static int measured_size(struct render *r, const struct leaf *leaf,
                         const struct view *view, bool may_work,
                         uint64_t *ret_size, struct error *err)
{
    struct file_id id = id_of(leaf);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int found;

    if (file_peek(r->files, &id, &ref, &file) == 0) {
        found = recall_size(r, leaf, ret_size, err);
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
    struct tiff_layout layout;
    int rc;

    if (!view)
        return -1;
    if (instance->gone)
        return error_set(err, ERROR_STALE, "%s changed or vanished",
                         instance->relpath);
    rc = file_early_layout(view, instance, &layout, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        *ret_size = layout.size;
    else if ((rc = measured_size(r, leaf, view, may_work, ret_size, err)) != 0)
        return rc;
    return file_check_size(r->files, *ret_size, err);
}

int render_attr(struct render *r, const struct leaf *leaf,
                const struct manifest_instance *instance, bool may_work,
                struct leaf_attr *ret, struct error *err)
{
    CLEANUP(manifest_instance_deinit) struct manifest_instance own = {0};
    int rc;

    if (check_kind(leaf, err) != 0)
        return -1;
    if (!instance) {
        rc = manifest_instance_by_id(r->manifest, leaf->object_id, &own, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            return error_set(err, ERROR_NOT_FOUND, "no such instance");
        instance = &own;
    }
    rc = size_of(r, leaf, instance, may_work, &ret->size, err);
    if (rc == 0)
        ret->mtime_s = instance->acquired_s;
    return rc;
}

/* ---- reads -------------------------------------------------------------- */

void render_release(struct render *r, struct render_bytes *bytes)
{
    for (int i = 0; i < bytes->iov_count; i++)
        files_unpin(r->files, &bytes->pins[i]);
    bytes->iov_count = 0;
    bytes->length = 0;
}

/* Pins one block: 0, or 1 if it must be made and may not, or -1. */
static int pin_block(struct render *r, const struct file *file, uint64_t block,
                     bool may_work, struct cache_pin *ret, struct error *err)
{
    if (may_work)
        return file_block_get(r->files, file, block, ret, err);
    return file_block_peek(r->files, file, block, ret) ? 0 : 1;
}

static int read_blocks(struct render *r, const struct file *file,
                       uint64_t offset, size_t length, bool may_work,
                       struct render_bytes *ret, struct error *err)
{
    uint64_t end = file->layout.size;

    if (offset < end && length < end - offset)
        end = offset + length;
    while (offset < end && ret->iov_count < RENDER_IOV_MAX) {
        uint64_t block = offset / CACHE_BLOCK_MAX;
        size_t skip = (size_t)(offset % CACHE_BLOCK_MAX);
        struct cache_pin *pin = &ret->pins[ret->iov_count];
        size_t n;
        int rc = pin_block(r, file, block, may_work, pin, err);

        if (rc != 0)
            return rc;
        n = pin->size - skip;
        if (n > end - offset)
            n = (size_t)(end - offset);
        /* iov_base is not const; a reply only reads it. */
        ret->iov[ret->iov_count].iov_base =
            (void *)(uintptr_t)(pin->data + skip);
        ret->iov[ret->iov_count].iov_len = n;
        ret->iov_count++;
        ret->length += n;
        offset += n;
    }
    return 0;
}

/* 0 with the resolved file, 1 if it is not and may_work is false, -1. */
static int resolved(struct render *r, const struct leaf *leaf, bool may_work,
                    struct flight_ref *ref, const struct file **ret,
                    struct error *err)
{
    struct file_id id = id_of(leaf);
    const struct view *view;

    if (check_kind(leaf, err) != 0)
        return -1;
    view = render_view_by_id(r, leaf->view_id, err);
    if (!view)
        return -1;
    if (file_peek(r->files, &id, ref, ret))
        return 0;
    if (!may_work)
        return 1;
    return file_get(r->files, &id, view, ref, ret, err);
}

static void place_of(const struct file *file, uint64_t offset,
                     struct render_place *ret)
{
    *ret = (struct render_place){
        .study_id = file->instance.study_id,
        .digest = {file->digest[0], file->digest[1]},
        .unit = file_unit_at(file, offset),
        .units = file_units(file),
        .unit_bytes = file_unit_bytes(file),
        .leaf_bytes = file->layout.size,
    };
}

int render_read(struct render *r, const struct leaf *leaf, uint64_t offset,
                size_t length, bool may_work, struct render_bytes *ret,
                struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    ret->iov_count = 0;
    ret->length = 0;
    ret->place.units = 0;
    rc = resolved(r, leaf, may_work, &ref, &file, err);
    if (rc != 0)
        return rc;
    place_of(file, offset, &ret->place);
    rc = read_blocks(r, file, offset, length, may_work, ret, err);
    file_put(r->files, &ref);
    if (rc != 0)
        render_release(r, ret);
    return rc;
}

static uint64_t key_of_page(const struct leaf *leaf, uint32_t page)
{
    uint64_t numbers[] = {leaf->view_id, (uint64_t)leaf->object_id, leaf->part,
                          leaf->kind, page};

    return XXH3_64bits(numbers, sizeof numbers);
}

uint64_t render_job_key(struct render *r, const struct leaf *leaf,
                        uint64_t offset)
{
    struct file_id id = id_of(leaf);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    uint32_t page = 0;

    if (file_peek(r->files, &id, &ref, &file)) {
        page = file_page_at(file, offset);
        file_put(r->files, &ref);
    }
    return key_of_page(leaf, page);
}

/* ---- reading ahead ------------------------------------------------------ */

uint64_t render_prefetch_key(struct render *r, const struct leaf *leaf,
                             uint32_t unit)
{
    struct file_id id = id_of(leaf);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    uint32_t page = 0;

    if (file_peek(r->files, &id, &ref, &file)) {
        page = file_page_at(file, file_unit_offset(file, unit));
        file_put(r->files, &ref);
    }
    return key_of_page(leaf, page);
}

int render_prefetch(struct render *r, const struct leaf *leaf, uint32_t unit,
                    bool *ret_made, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    *ret_made = false;
    if (resolved(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    rc = file_prefetch(r->files, file, unit, ret_made, err);
    file_put(r->files, &ref);
    return rc;
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
        .kept_bytes = sources_cost(r->sources) + files_cost(r->files) +
                      tools_cost(r->tools),
    };
}
