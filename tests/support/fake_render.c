// SPDX-License-Identifier: MIT
/*
 * fake_render.c: render.h and cache.h's numbers for a pattern archive.
 *
 * What would need pixels is "made" by sleeping, once per image: sizes of
 * views whose sizes are not known, and the first read of each image if the
 * pattern has a delay. Everything else is answered at once from memory.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decode/decode.h"
#include "dicom/dicom.h"
#include "prepfs/lock.h"
#include "render/render.h"
#include "support/pattern.h"

enum { DONE_BITS = 1 << 22 };

struct render {
    struct render_config c;
    struct lock lock;
    struct view views[4096];
    bool has_view[4096];
    /* Images made and measured, by a hash of (view, object). */
    _Atomic uint8_t made[DONE_BITS];
    _Atomic uint8_t measured[DONE_BITS];
    _Atomic uint64_t frames;
};

struct workers {
    unsigned count;
};

void dicom_global_init(void)
{
}

/* Nothing is decoded, and nobody to do it. */
struct workers *workers_start(const struct workers_config *config,
                              struct error *err)
{
    struct workers *w = calloc(1, sizeof *w);

    if (!w)
        (void)error_no_memory(err);
    else
        w->count = config->count;
    return w;
}

void workers_free(struct workers *w)
{
    free(w);
}

unsigned workers_confinement(struct workers *w)
{
    (void)w;
    return WORKERS_NO_SYSCALLS | WORKERS_NO_FILES | WORKERS_MEMORY_LIMIT;
}

void workers_stats_get(struct workers *w, struct workers_stats *ret)
{
    *ret = (struct workers_stats){.count = w ? w->count : 0};
}

uint64_t render_engine(void)
{
    return 1;
}

void render_engine_text(char *buf, size_t size)
{
    (void)snprintf(buf, size, "pattern 1");
}

struct render *render_new(const struct render_config *config, struct error *err)
{
    struct render *r = calloc(1, sizeof *r);

    if (!r) {
        (void)error_no_memory(err);
        return NULL;
    }
    r->c = *config;
    lock_init(&r->lock);
    return r;
}

void render_free(struct render *r)
{
    if (!r)
        return;
    lock_deinit(&r->lock);
    free(r);
}

/* ---- views ---- */

int render_view(struct render *r, const struct view *view, unsigned max_views,
                uint16_t *ret_id, struct error *err)
{
    char text[VIEW_TEXT_SIZE];
    const char *op;

    if (!view_is_built(view, &op))
        return error_set(err, ERROR_UNSUPPORTED, "%s is not built yet", op);
    (void)view_print(view, text, sizeof text);
    if (manifest_view_intern(r->c.manifest, text, max_views, ret_id, err) < 0)
        return -1;
    lock_acquire(&r->lock);
    r->views[*ret_id] = *view;
    r->has_view[*ret_id] = true;
    lock_release(&r->lock);
    return 0;
}

static int load_view(struct render *r, uint16_t id, struct error *err)
{
    struct view view;
    char *text = NULL;
    int rc = manifest_view_by_id(r->c.manifest, id, &text, err);

    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "no view %u", id);
    if (rc == 1)
        rc = view_parse_stored(text, &view, err);
    free(text);
    if (rc < 0)
        return -1;
    lock_acquire(&r->lock);
    if (!r->has_view[id]) {
        r->views[id] = view;
        r->has_view[id] = true;
    }
    lock_release(&r->lock);
    return 0;
}

const struct view *render_view_by_id(struct render *r, uint16_t id,
                                     struct error *err)
{
    bool known;

    lock_acquire(&r->lock);
    known = id < 4096 && r->has_view[id];
    lock_release(&r->lock);
    if (!known && (id >= 4096 || load_view(r, id, err) < 0))
        return NULL;
    return &r->views[id];
}

/* ---- images ---- */

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000),
                         .tv_nsec = (long)(ms % 1000) * 1000000};

    if (ms > 0)
        (void)nanosleep(&t, NULL);
}

static size_t slot(const struct leaf *leaf)
{
    return (size_t)((uint64_t)leaf->object_id * 31 + leaf->view_id * 7919) %
           DONE_BITS;
}

static int fail(const struct pattern_error *e, bool at_attr, uint64_t leaf,
                struct error *err)
{
    if (!e || e->at_attr != at_attr)
        return 0;
    return error_set(err, e->kind, "the pattern says so, image %" PRIu64, leaf);
}

/* Finds the image; ERROR_STALE if it is gone. */
static int place(struct render *r, const struct leaf *leaf,
                 struct pattern *ret_pattern, uint64_t *ret_study,
                 uint64_t *ret_leaf, struct error *err)
{
    bool gone;

    struct manifest_instance row;

    *ret_pattern = pattern_of(r->c.manifest);
    *ret_leaf = 0;
    if (manifest_volume_by_id(r->c.manifest, leaf->object_id, &row, err) == 1)
        return 0;
    if (!pattern_instance_place(ret_pattern, leaf->object_id, ret_study,
                                ret_leaf, &gone) ||
        gone)
        return error_set(err, ERROR_STALE, "instance %" PRId64 " is gone",
                         leaf->object_id);
    return 0;
}

/* As many parts as frames; known at once unless the view says otherwise. */
int render_parts(struct render *r, uint16_t view_id,
                 const struct manifest_instance *instance, bool may_work,
                 uint32_t *ret, struct error *err)
{
    const struct view *view = render_view_by_id(r, view_id, err);

    if (!view)
        return -1;
    if (!view_parts_are_known(view)) {
        if (!may_work)
            return 1;
        sleep_ms(pattern_of(r->c.manifest).measure_ms);
    }
    *ret = instance->frames;
    return 0;
}

int render_attr(struct render *r, const struct leaf *leaf,
                const struct manifest_instance *instance, bool may_work,
                struct leaf_attr *ret, struct error *err)
{
    const struct view *view = render_view_by_id(r, leaf->view_id, err);
    struct pattern p;
    uint64_t study, n;

    (void)instance;
    if (!view || place(r, leaf, &p, &study, &n, err) < 0 ||
        fail(pattern_error_of(&p, n), true, n, err) < 0)
        return -1;
    if (leaf->part > (view_parts_of(view) == VIEW_PART_NONE ? 0 : p.frames))
        return error_set(err, ERROR_NOT_FOUND, "no part %u", leaf->part);
    if (pattern_size(&p, n) > r->c.max_bytes_per_file)
        return error_set(err, ERROR_TOO_BIG, "over max_bytes_per_file");
    if (!view_leaf_size_is_known(view, (enum view_ext)leaf->kind) &&
        !atomic_load(&r->measured[slot(leaf)])) {
        if (!may_work)
            return 1;
        sleep_ms(p.measure_ms);
        atomic_store(&r->measured[slot(leaf)], 1);
        (void)atomic_fetch_add(&r->frames, 1);
    }
    ret->size = pattern_size(&p, n);
    ret->mtime_s = 1700000000;
    return 0;
}

static void make(struct render *r, const struct leaf *leaf,
                 const struct pattern *p)
{
    sleep_ms(p->read_ms);
    atomic_store(&r->made[slot(leaf)], 1);
    (void)atomic_fetch_add(&r->frames, 1);
}

int render_read(struct render *r, const struct leaf *leaf, uint64_t offset,
                size_t length, bool may_work, struct render_bytes *ret,
                struct error *err)
{
    struct pattern p;
    uint64_t study, n, size, start;

    ret->place.units = 0;
    if (place(r, leaf, &p, &study, &n, err) < 0 ||
        fail(pattern_error_of(&p, n), false, n, err) < 0)
        return -1;
    if (p.read_ms > 0 && !atomic_load(&r->made[slot(leaf)])) {
        if (!may_work)
            return 1;
        make(r, leaf, &p);
    }
    size = pattern_size(&p, n);
    memset(ret, 0, offsetof(struct render_bytes, pins));
    ret->place = (struct render_place){
        .study_id = (int64_t)study + 1,
        .digest = {(uint64_t)leaf->object_id * 31 + leaf->view_id, 0},
        .units = 1,
        .unit_bytes = size,
        .leaf_bytes = size,
        .first_piece = offset / CACHE_BLOCK_MAX,
        .last_piece = (offset + (length ? length - 1 : 0)) / CACHE_BLOCK_MAX,
        .piece_bytes = size < CACHE_BLOCK_MAX ? size : CACHE_BLOCK_MAX};
    if (offset > size)
        offset = size;
    if (length > size - offset)
        length = (size_t)(size - offset);
    if (length > PATTERN_NOISE)
        length = PATTERN_NOISE;
    start = (offset + (uint64_t)leaf->object_id * 4099 +
             leaf->view_id * UINT64_C(257)) %
            PATTERN_NOISE;
    ret->iov[0].iov_base = (void *)(uintptr_t)(pattern_noise() + start);
    ret->iov[0].iov_len = length;
    ret->iov_count = length > 0;
    ret->length = length;
    return 0;
}

void render_release(struct render *r, struct render_bytes *bytes)
{
    (void)r;
    bytes->iov_count = 0;
}

uint64_t render_job_key(struct render *r, const struct leaf *leaf,
                        uint64_t offset)
{
    (void)r;
    (void)offset;
    return (uint64_t)leaf->view_id << 32 | (uint64_t)leaf->object_id;
}

uint64_t render_prefetch_key(struct render *r, const struct leaf *leaf,
                             uint32_t unit)
{
    (void)unit;
    return render_job_key(r, leaf, 0);
}

int render_prefetch(struct render *r, const struct leaf *leaf, uint32_t unit,
                    uint64_t max_bytes, bool *ret_made, struct error *err)
{
    struct pattern p;
    uint64_t study, n;

    (void)unit;
    (void)max_bytes;
    *ret_made = false;
    if (place(r, leaf, &p, &study, &n, err) < 0 ||
        fail(pattern_error_of(&p, n), false, n, err) < 0)
        return -1;
    if (p.read_ms > 0 && !atomic_load(&r->made[slot(leaf)])) {
        make(r, leaf, &p);
        *ret_made = true;
    }
    return 0;
}

int render_shape(const struct view *view,
                 const struct manifest_instance *instance,
                 struct manifest_output *ret)
{
    (void)view;
    (void)instance;
    (void)ret;
    return 0; /* only reading tells */
}

int render_shape_of_leaves(struct manifest *m, const struct view *view,
                           const struct manifest_instance *row,
                           struct manifest_output *ret)
{
    (void)m;
    return render_shape(view, row, ret);
}

struct manifest_leaves render_leaves(const struct view *view, uint16_t view_id,
                                     bool gaps_allowed)
{
    (void)gaps_allowed;
    return (struct manifest_leaves){.view_id = view_id,
                                    .fmt = (unsigned)view->list};
}

void render_rescanned(struct render *r)
{
    (void)r;
}

void render_stats_get(struct render *r, struct render_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->frames_decoded = atomic_load(&r->frames);
}
