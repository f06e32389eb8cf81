// SPDX-License-Identifier: MIT
/*
 * render.c: the face of the folder: leaves by number, sizes, reads.
 *
 *     render.c ── file.c ── object.c ── measure.c ── page.c ── source.c
 *        │      (layout)    (plan)             (values .. convert)   │
 *        └───── piece.c                                       dicom, decode
 *               (bytes)
 */
#include "render/render.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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
    struct file_id id = id_of(leaf);
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

/* ---- reads -------------------------------------------------------------- */

void render_release(struct render *r, struct render_bytes *bytes)
{
    for (int i = 0; i < bytes->pin_count; i++)
        files_unpin(r->files, &bytes->pins[i]);
    free(bytes->copy);
    bytes->copy = NULL;
    bytes->iov_count = bytes->pin_count = 0;
    bytes->length = 0;
}

struct read_request {
    struct render *render;
    const struct file *file;
    uint64_t offset, end;
    bool may_work;
};

/* Pins one piece: 0, or 1 if it must be made and may not, or -1. */
static int pin_piece(const struct read_request *q,
                     const struct file_piece *piece, struct cache_pin *ret,
                     struct error *err)
{
    struct files *files = q->render->files;

    if (q->may_work)
        return file_piece_get(files, q->file, piece, ret, err);
    return file_piece_peek(files, q->file, piece, ret) ? 0 : 1;
}

static void add_iov(struct render_bytes *ret, const uint8_t *data, size_t n)
{
    /* iov_base is not const; a reply only reads it. */
    ret->iov[ret->iov_count].iov_base = (void *)(uintptr_t)data;
    ret->iov[ret->iov_count].iov_len = n;
    ret->iov_count++;
    ret->length += n;
}

/* Pins what is asked for, as far as there is room for it. */
static int read_pinned(const struct read_request *q, struct render_bytes *ret,
                       struct error *err)
{
    uint64_t at = q->offset;

    while (at < q->end && ret->pin_count < RENDER_IOV_MAX) {
        struct file_piece piece = file_piece_at(q->file, at);
        size_t skip = (size_t)(at - piece.offset);
        struct cache_pin *pin = &ret->pins[ret->pin_count];
        size_t n = piece.size - skip;
        int rc = pin_piece(q, &piece, pin, err);

        if (rc != 0)
            return rc;
        ret->pin_count++;
        if (n > q->end - at)
            n = (size_t)(q->end - at);
        add_iov(ret, pin->data + skip, n);
        at += n;
    }
    return 0;
}

/* Copies what is asked for, piece by piece. */
static int copy_pieces(const struct read_request *q, uint8_t *data,
                       struct error *err)
{
    uint64_t at = q->offset;

    while (at < q->end) {
        struct file_piece piece = file_piece_at(q->file, at);
        size_t skip = (size_t)(at - piece.offset);
        struct cache_pin pin = {NULL, 0, NULL};
        size_t n = piece.size - skip;
        int rc = pin_piece(q, &piece, &pin, err);

        if (rc != 0)
            return rc;
        if (n > q->end - at)
            n = (size_t)(q->end - at);
        memcpy(data + (at - q->offset), pin.data + skip, n);
        files_unpin(q->render->files, &pin);
        at += n;
    }
    return 0;
}

/* More pieces than fit a reply: one copy of all of them. */
static int read_copied(const struct read_request *q, struct render_bytes *ret,
                       struct error *err)
{
    size_t length = (size_t)(q->end - q->offset);
    int rc;

    ret->copy = malloc(length);
    if (!ret->copy)
        return error_no_memory(err);
    rc = copy_pieces(q, ret->copy, err);
    if (rc == 0)
        add_iov(ret, ret->copy, length);
    return rc;
}

/* A piece of several small pages failed: perhaps for one of them that was not
 * asked for. */
static int read_alone(const struct read_request *q, struct render_bytes *ret,
                      struct error *err)
{
    size_t length = (size_t)(q->end - q->offset);

    ret->copy = malloc(length);
    if (!ret->copy)
        return error_no_memory(err);
    if (file_copy(q->render->files, q->file, q->offset, length, ret->copy,
                  err) != 0)
        return -1;
    add_iov(ret, ret->copy, length);
    return 0;
}

static bool concerns_a_page(const struct error *err)
{
    return err->kind == ERROR_CORRUPT || err->kind == ERROR_UNSUPPORTED;
}

static int read_file(const struct read_request *q, struct render_bytes *ret,
                     struct error *err)
{
    struct error own = ERROR_INIT;
    int rc = read_pinned(q, ret, &own);

    if (rc == 0 && ret->length == q->end - q->offset)
        return 0;
    render_release(q->render, ret);
    if (rc == 0)
        return read_copied(q, ret, err);
    if (rc < 0 && !q->file->is_split && q->file->plan.pages > 1 &&
        concerns_a_page(&own))
        return read_alone(q, ret, err);
    if (rc < 0 && err)
        *err = own;
    return rc;
}

/* 0 with the resolved file, 1 if it is not and may_work is false, -1. */
static int resolved(struct render *r, const struct leaf *leaf, bool may_work,
                    struct flight_ref *ref, const struct file **ret,
                    struct error *err)
{
    struct file_id id = id_of(leaf);
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

/* Bytes [offset, end); one byte if it is at the end of the leaf. */
static void place_of(const struct file *file, uint64_t offset, uint64_t end,
                     struct render_place *ret)
{
    uint64_t last = end > offset ? end - 1 : offset;

    *ret = (struct render_place){
        .study_id = file->study_id,
        .digest = {file->file_digest[0], file->file_digest[1]},
        .unit = file_unit_at(file, offset),
        .units = file_units(file),
        .unit_bytes = file_unit_bytes(file),
        .leaf_bytes = file->layout.size,
        .first_piece = file_piece_at(file, offset).number,
        .last_piece = file_piece_at(file, last).number,
        .piece_bytes = file_piece_bytes(file),
    };
}

int render_read(struct render *r, const struct leaf *leaf, uint64_t offset,
                size_t length, bool may_work, struct render_bytes *ret,
                struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    struct read_request q = {r, NULL, offset, offset, may_work};
    int rc;

    ret->iov_count = ret->pin_count = 0;
    ret->length = 0;
    ret->copy = NULL;
    ret->place.units = 0;
    rc = resolved(r, leaf, may_work, &ref, &q.file, err);
    if (rc != 0)
        return rc;
    if (offset < q.file->layout.size) {
        q.end = length < q.file->layout.size - offset ? offset + length
                                                      : q.file->layout.size;
        place_of(q.file, offset, q.end, &ret->place);
    }
    rc = read_file(&q, ret, err);
    file_put(r->files, &ref);
    if (rc != 0)
        render_release(r, ret);
    return rc;
}

int render_file(struct render *r, const struct leaf *leaf,
                struct flight_ref *ref, const struct file **ret,
                struct error *err)
{
    const struct view *view = render_view_by_id(r, leaf->view_id, err);
    struct file_id id = id_of(leaf);

    return view ? file_get(r->files, &id, view, ref, ret, err) : -1;
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

int render_stream(struct render *r, const struct leaf *leaf,
                  render_sink_fn sink, void *opaque, struct error *err)
{
    const struct view *view = render_view_by_id(r, leaf->view_id, err);
    struct file_id id = id_of(leaf);
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    if (!view || file_get(r->files, &id, view, &ref, &file, err) != 0)
        return -1;
    rc = file_stream(r->files, file, sink, opaque, err);
    /* The frames of a whole image were for this leaf alone. */
    if (view->select == VIEW_SELECT_OBJECT && leaf->part == 0 && file->object)
        frames_forget(r->sources, &file->object->frames.instance);
    file_put(r->files, &ref);
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
                    uint64_t max_bytes, bool *ret_made, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct file *file;
    int rc;

    *ret_made = false;
    if (resolved(r, leaf, true, &ref, &file, err) != 0)
        return -1;
    rc = file_unit_bytes(file) > max_bytes
             ? 0
             : file_prefetch(r->files, file, unit, ret_made, err);
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
        .values_ns = r->maker.values_ns,
        .crop_ns = r->maker.crop_ns,
        .resize_ns = r->maker.resize_ns,
        .kept_bytes = sources_cost(r->sources) + files_cost(r->files) +
                      tools_cost(r->tools) + flight_cost(r->kept),
    };
}
