// SPDX-License-Identifier: MIT
/* object.c: from a plan to a complete one (object.h). */
#include "render/object.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "image/image.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"
#include "render/geometry.h"
#include "render/measure.h"
#include "render/render.h"

struct objects {
    struct objects_config config;
    struct flight *table;
};

static struct page_job job_of(const struct objects *o,
                              const struct object *object,
                              const struct plan *plan)
{
    return (struct page_job){
        .maker = o->config.maker,
        .frames = &object->frames,
        .plan = plan,
        .numbers = object->numbers,
        .digest = object->digest,
        /* atomic: the one thing in an object that changes */
        .leftover = (page_leftover *)(uintptr_t)&object->leftover,
    };
}

/* Objects of other versions have other ids, and so do those of other files. */
static void digest_of(const struct frames *f, uint64_t engine, uint64_t ret[2])
{
    uint64_t numbers[] = {f->version[0], f->version[1],          f->version[2],
                          f->version[3], (uint64_t)f->object_id, engine};
    XXH128_hash_t h = XXH3_128bits(numbers, sizeof numbers);

    ret[0] = h.high64;
    ret[1] = h.low64;
}

int object_check_bytes(uint64_t limit, uint64_t bytes, struct error *err)
{
    if (limit == 0 || bytes <= limit)
        return 0;
    return error_set(err, ERROR_TOO_BIG,
                     "the file would have %llu bytes, the limit is %llu "
                     "(-o max_bytes_per_file)",
                     (unsigned long long)bytes, (unsigned long long)limit);
}

/* ---- order and shape ---------------------------------------------------- */

/* Where the volume's axes point to, the first slice's header says. */
static int resolve_plane(struct objects *o, const struct frames *frames,
                         struct plan *plan, struct error *err)
{
    struct sources *sources = o->config.maker->sources;
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;
    struct plane_vectors axes;
    int rc;

    if (frames_source(frames, sources, &ref, &source, err) != 0)
        return -1;
    rc = geometry_axes(plan, source->header, frames, &axes, err);
    source_put(sources, &ref);
    return rc == 0 ? plan_set_plane(plan, &axes, err) : -1;
}

/* The frames of an object, and their order in `plan`; *ret is released with
 * frames_deinit whatever is returned. */
static int resolve_frames(struct objects *o,
                          const struct manifest_instance *row,
                          struct plan *plan, struct frames *ret,
                          struct error *err)
{
    struct frames_want want = {plan->view.order, o->config.gaps_allowed,
                               plan_needs_distance(plan)};

    if (frames_init(o->config.manifest, o->config.maker->sources, row, &want,
                    ret, err) != 0)
        return -1;
    if (plan_set_order(plan, &ret->order, err) != 0)
        return -1;
    return plan->needs_plane ? resolve_plane(o, ret, plan, err) : 0;
}

int object_geometry(struct objects *o, const struct object *object,
                    const struct plan *plan, struct geometry *ret,
                    struct error *err)
{
    struct sources *sources = o->config.maker->sources;
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;

    if (frames_source(&object->frames, sources, &ref, &source, err) != 0)
        return -1;
    geometry_of(plan, source->header, &object->frames, ret);
    source_put(sources, &ref);
    return 0;
}

/* Would one page be more than the limits allow? It is made in memory even where
 * the file, packed, is small. */
static int check_page(const struct objects *o, const struct plan *p,
                      struct error *err)
{
    uint64_t pixels = (uint64_t)p->out_width * p->out_height;
    uint64_t bytes;

    if (!checked_mul_u64(pixels, p->out_channels * sample_bytes(p->out_type),
                         &bytes))
        bytes = UINT64_MAX;
    if (plan_check_pixels(p, o->config.max_pixels, err) != 0)
        return -1;
    return object_check_bytes(o->config.max_bytes_per_file, bytes, err);
}

/* The padding of a row that somebody may have edited. */
static bool recalled_pad(const struct plan *p,
                         const struct manifest_output *known, struct pad *ret)
{
    const struct image_box *cut = &p->target.cut;

    *ret = (struct pad){known->pad[0], known->pad[1], known->pad[2],
                        known->pad[3]};
    return (uint64_t)ret->left + cut->width + ret->right == p->frame_width &&
           (uint64_t)ret->top + cut->height + ret->bottom == p->frame_height;
}

/* Are the display samples, on which crop boxes are measured, what the page is
 * made of? Large ones are not worth their memory. */
static bool can_use(const struct plan *plan, const struct image *only)
{
    enum { LIMIT = 4 << 20 };

    return only->data && plan->view.values == VIEW_VALUES_DISPLAY &&
           !plan->oblique && plan->depth.after_slab == 1 &&
           plan->depth.resized == 1 && only->type == plan->stack_type &&
           only->stride_bytes * only->height <= LIMIT;
}

static void leave(struct object *object, struct image *only)
{
    struct image *left;

    if (!can_use(&object->plan, only))
        return;
    left = malloc(sizeof *left);
    if (!left)
        return;
    *left = *only;
    *only = (struct image){0};
    atomic_store(&object->leftover, left);
}

static struct measure measure_of(const struct objects *o,
                                 const struct object *object)
{
    return (struct measure){
        o->config.manifest,
        render_engine_of(&object->plan.view, o->config.gaps_allowed)};
}

/* Where pixels are looked at, the extent is wanted first. Where they are not,
 * because an earlier run has, the source need not be opened for a leaf whose
 * bytes are in the cache, or in a tier of it. */
static int resolve_extent(struct objects *o, struct object *object,
                          const struct manifest_output *known,
                          struct page_job *job, struct error *err)
{
    struct measure m = measure_of(o, object);

    if (measure_is_known(job->plan, known))
        return frames_check(&object->frames, o->config.maker->sources, err);
    if (measure_extent(&m, job, err) != 0)
        return -1;
    object->extent = job->extent;
    object->has_extent = true;
    return 0;
}

/* `known` is what an earlier run has found out, or NULL. */
static int resolve_shape(struct objects *o, struct object *object,
                         const struct manifest_output *known, struct error *err)
{
    struct measure m = measure_of(o, object);
    struct plan *plan = &object->plan;
    struct page_job job = job_of(o, object, plan);
    struct page_stats stats;
    CLEANUP(image_free) struct image only = {0};
    struct image_box box;
    struct pad pad;

    /* Nothing is measured for a page that is too large anyway. */
    if (plan_check_pixels(plan, o->config.max_pixels, err) != 0 ||
        resolve_extent(o, object, known, &job, err) != 0)
        return -1;
    if (plan_needs_crop(plan)) {
        box = known ? known->crop : (struct image_box){0, 0, 0, 0};
        if (!known && measure_crop(&m, &job, &box, &only, err) != 0)
            return -1;
        if (plan_set_region(plan, &box, err) != 0)
            return -1;
    }
    if (check_page(o, plan, err) != 0)
        return -1;
    if (known)
        stats = (struct page_stats){known->vmean, known->vstd, known->vmin,
                                    known->vmax};
    if (measure_numbers(&m, &job, known && known->has_stats ? &stats : NULL,
                        err) != 0)
        return -1;
    object->numbers = job.numbers;
    if (plan_needs_pad(plan)) {
        if (!(known && recalled_pad(plan, known, &pad)) &&
            measure_pad(&m, &job, &only, &pad, err) != 0)
            return -1;
        plan_set_pad(plan, &pad);
    }
    leave(object, &only);
    return 0;
}

/* Two threads may both measure it; the second result is dropped. */
int object_extent(struct objects *o, const struct object *object,
                  struct values_extent *ret, struct error *err)
{
    struct object *mine = (struct object *)(uintptr_t)object;
    struct page_job job = job_of(o, object, &object->plan);
    struct measure m = measure_of(o, object);
    bool known;

    lock_acquire(&mine->lock);
    known = mine->has_extent;
    *ret = mine->extent;
    lock_release(&mine->lock);
    if (known)
        return 0;
    if (measure_extent(&m, &job, err) != 0)
        return -1;
    lock_acquire(&mine->lock);
    mine->extent = *ret = job.extent;
    mine->has_extent = true;
    lock_release(&mine->lock);
    return 0;
}

int object_job(struct objects *o, const struct object *object,
               const struct plan *plan, struct page_job *ret, struct error *err)
{
    *ret = job_of(o, object, plan);
    return object_extent(o, object, &ret->extent, err);
}

/* ---- the table ---------------------------------------------------------- */

struct object_request {
    struct objects *objects;
    const struct view *view;
    uint16_t view_id;
    int64_t object_id;
};

static int resolve(const struct object_request *r, struct object *object,
                   struct error *err)
{
    CLEANUP(manifest_instance_deinit) struct manifest_instance row = {0};
    CLEANUP(manifest_output_deinit) struct manifest_output known = {0};
    struct objects *o = r->objects;
    uint64_t engine = render_engine_of(r->view, o->config.gaps_allowed);
    const struct plan *plan = &object->plan;
    int found;

    if (frames_row(o->config.manifest, r->view, r->object_id, &row, err) != 0 ||
        plan_init(r->view, &row, &object->plan, err) != 0)
        return -1;
    if (plan->refusal) /* nothing is measured for what cannot be read */
        return error_set(err, ERROR_UNSUPPORTED, "%s", plan->refusal);
    if (object_count_findings(o->config.manifest, &row, &object->plan, err) !=
            0 ||
        resolve_frames(o, &row, &object->plan, &object->frames, err) != 0)
        return -1;
    digest_of(&object->frames, engine, object->digest);
    found = manifest_output_any(o->config.manifest, r->view_id, r->object_id,
                                engine, &known, err);
    if (found < 0)
        return -1;
    if (found && !image_box_is_inside(&known.crop, plan->oriented_width,
                                      plan->oriented_height))
        found = 0;
    return resolve_shape(o, object, found ? &known : NULL, err);
}

static void object_free(void *value)
{
    struct object *object = value;
    struct image *left = atomic_load(&object->leftover);

    if (left)
        image_free(left);
    free(left);
    frames_deinit(&object->frames);
    lock_deinit(&object->lock);
    free(object);
}

static int object_make(void *opaque, const struct flight_key *key,
                       void **ret_value, size_t *ret_cost, struct error *err)
{
    struct object *object = calloc(1, sizeof *object);
    const struct image *left;

    (void)key;
    if (!object)
        return error_no_memory(err);
    lock_init(&object->lock);
    if (resolve(opaque, object, err) != 0) {
        object_free(object);
        return -1;
    }
    *ret_value = object;
    *ret_cost = sizeof *object +
                object->frames.slices.n * sizeof *object->frames.slices.v;
    if (object->frames.order.frames)
        *ret_cost += object->frames.order.n * sizeof(uint32_t);
    left = atomic_load(&object->leftover);
    if (left)
        *ret_cost += left->stride_bytes * left->height;
    return 0;
}

static struct flight_key key_of(uint16_t view_id, int64_t object_id)
{
    return (struct flight_key){(uint64_t)object_id, view_id};
}

int object_get(struct objects *o, uint16_t view_id, const struct view *view,
               int64_t object_id, struct flight_ref *ref,
               const struct object **ret, struct error *err)
{
    struct object_request request = {o, view, view_id, object_id};
    struct flight_key key = key_of(view_id, object_id);

    if (flight_get(o->table, &key, object_make, &request, ref, NULL, err) != 0)
        return -1;
    *ret = ref->value;
    return 0;
}

/* With no more than the order of the frames, or with all of the object. */
static int count_with_work(struct objects *o, uint16_t view_id,
                           const struct view *view,
                           const struct manifest_instance *instance,
                           struct plan *plan, uint32_t *ret, struct error *err)
{
    CLEANUP(frames_deinit) struct frames frames = {.manifest = NULL};
    struct flight_ref ref = {NULL, NULL};
    const struct object *object;
    int rc;

    if (resolve_frames(o, instance, plan, &frames, err) != 0)
        return -1;
    rc = plan_count_parts(plan, ret, err);
    if (rc <= 0)
        return rc;
    if (object_get(o, view_id, view, instance->id, &ref, &object, err) != 0)
        return -1;
    rc = plan_count_parts(&object->plan, ret, err);
    object_put(o, &ref);
    return rc;
}

int object_count_parts(struct objects *o, uint16_t view_id,
                       const struct view *view,
                       const struct manifest_instance *instance, bool may_work,
                       uint32_t *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct object *object;
    struct plan plan;
    int rc;

    if (plan_init(view, instance, &plan, err) != 0 ||
        object_count_findings(o->config.manifest, instance, &plan, err) != 0)
        return -1;
    rc = plan_count_parts(&plan, ret, err);
    if (rc <= 0)
        return rc;
    if (object_peek(o, view_id, instance->id, &ref, &object) == 0)
        return may_work ? count_with_work(o, view_id, view, instance, &plan,
                                          ret, err)
                        : 1;
    rc = plan_count_parts(&object->plan, ret, err);
    object_put(o, &ref);
    return rc;
}

int object_peek(struct objects *o, uint16_t view_id, int64_t object_id,
                struct flight_ref *ref, const struct object **ret)
{
    struct flight_key key = key_of(view_id, object_id);

    if (!flight_peek(o->table, &key, ref))
        return 0;
    *ret = ref->value;
    return 1;
}

void object_put(struct objects *o, struct flight_ref *ref)
{
    flight_put(o->table, ref);
}

struct objects *objects_new(const struct objects_config *config,
                            struct error *err)
{
    struct objects *o = calloc(1, sizeof *o);

    if (!o) {
        (void)error_no_memory(err);
        return NULL;
    }
    o->config = *config;
    o->table = flight_new(config->plan_bytes, object_free, err);
    if (o->table)
        return o;
    free(o);
    return NULL;
}

void objects_free(struct objects *o)
{
    if (!o)
        return;
    flight_free(o->table);
    free(o);
}

size_t objects_cost(struct objects *o)
{
    return flight_cost(o->table);
}

struct manifest *objects_manifest(const struct objects *o)
{
    return o->config.manifest;
}

void objects_forget(struct objects *o)
{
    flight_drop_all(o->table);
}
