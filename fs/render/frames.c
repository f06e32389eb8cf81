// SPDX-License-Identifier: MIT
/* frames.c: see frames.h. */
#include "render/frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define TOLERANCE 0.01 /* of the step, as the manifest's */
#define FLOOR_MM 0.001

/* ---- rows --------------------------------------------------------------- */

static int find_row(struct manifest *m, const struct view *view, int64_t id,
                    struct manifest_instance *ret, struct error *err)
{
    if (view->select == VIEW_SELECT_SERIES)
        return manifest_volume_by_id(m, id, ret, err);
    return manifest_instance_by_id(m, id, ret, err);
}

/* What a lookup has `found`: 0 if it is there, and its file too. */
static int check_found(int found, struct manifest_instance *row,
                       const char *what, struct error *err)
{
    if (found < 0)
        return -1;
    if (found > 0 && !row->gone)
        return 0;
    if (found > 0)
        manifest_instance_deinit(row);
    return error_set(err, ERROR_STALE, "%s changed", what);
}

int frames_row(struct manifest *m, const struct view *view, int64_t object_id,
               struct manifest_instance *ret, struct error *err)
{
    return check_found(find_row(m, view, object_id, ret, err), ret,
                       "this file's source", err);
}

static int copy_row(const struct manifest_instance *row,
                    struct manifest_instance *ret, struct error *err)
{
    *ret = *row;
    ret->relpath = strdup(row->relpath);
    return ret->relpath ? 0 : error_no_memory(err);
}

static int slice_row(struct manifest *m, int64_t id,
                     struct manifest_instance *ret, struct error *err)
{
    return check_found(manifest_instance_by_id(m, id, ret, err), ret,
                       "a slice of this series", err);
}

/* ---- versions ----------------------------------------------------------- */

static void version_of_instance(const struct manifest_instance *row,
                                uint64_t ret[4])
{
    /* The place too: where an archive was copied to a new disk, another file
     * may have got the number, and its size and time be the same. */
    ret[0] = row->dev ^ XXH3_64bits(row->relpath, strlen(row->relpath));
    ret[1] = row->ino;
    ret[2] = row->size;
    ret[3] = (uint64_t)row->mtime_ns;
}

static void version_of_slices(const struct manifest_slices *s, uint64_t ret[4])
{
    XXH64_hash_t forward = 0, backward = 0;

    for (uint32_t i = 0; i < s->n; i++) {
        forward = XXH3_64bits_withSeed(&s->v[i].version, sizeof s->v[i].version,
                                       forward);
        backward =
            XXH3_64bits_withSeed(&s->v[s->n - 1 - i].version,
                                 sizeof s->v[i].version, backward ^ s->n);
    }
    ret[0] = forward;
    ret[1] = backward;
    ret[2] = s->n;
    ret[3] = 0;
}

/* While the index changes there are fewer slices than the row has frames. */
static int load_slices(struct manifest *m, const struct manifest_instance *row,
                       struct manifest_slices *ret, struct error *err)
{
    if (manifest_volume_slices(m, row->id, ret, err) != 0)
        return -1;
    if (ret->n == row->slices)
        return 0;
    return error_set(err, ERROR_STALE, "slices of this series changed");
}

int frames_version(struct manifest *m, const struct manifest_instance *row,
                   uint64_t ret[4], struct error *err)
{
    struct manifest_slices slices = {0};
    int rc;

    if (row->slices == 0) {
        version_of_instance(row, ret);
        return 0;
    }
    rc = load_slices(m, row, &slices, err);
    version_of_slices(&slices, ret);
    manifest_slices_deinit(&slices);
    return rc;
}

/* ---- volumes ------------------------------------------------------------ */

static int by_number(const void *left, const void *right)
{
    const struct manifest_slice *a = left, *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int by_id(const void *left, const void *right)
{
    const struct manifest_slice *a = left, *b = right;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* Where slice i + 1 lies from slice i, against `step`. */
static bool is_step(const struct manifest_slice *s, const double step[3],
                    double limit)
{
    double sum = 0;

    for (int k = 0; k < 3; k++) {
        double d = s[1].position[k] - s[0].position[k] - step[k];

        sum += d * d;
    }
    return sqrt(sum) <= limit;
}

/* In an order that is not that of the positions: the step from slice to
 * slice in mm if it is always the same one, 0 if positions are not known;
 * -1 if it varies. */
static double step_of(const struct manifest_slices *s)
{
    double step[3] = {0, 0, 0};
    double length = 0, limit;

    for (uint32_t i = 0; i < s->n; i++)
        for (int k = 0; k < 3; k++)
            if (!isfinite(s->v[i].position[k]))
                return 0;
    if (s->n < 2)
        return 0;
    for (int k = 0; k < 3; k++) {
        step[k] = s->v[1].position[k] - s->v[0].position[k];
        length += step[k] * step[k];
    }
    length = sqrt(length);
    limit = fmax(TOLERANCE * length, FLOOR_MM);
    for (uint32_t i = 0; i + 1 < s->n; i++)
        if (!is_step(&s->v[i], step, limit))
            return -1;
    return length;
}

static void refuse(struct frames *f, const char *why, const char *remedy)
{
    (void)snprintf(f->why_mixed, sizeof f->why_mixed, "%s%s", why, remedy);
    f->order.why_mixed = f->why_mixed;
}

/* Sorted along the normal by the manifest. */
static void judge_places(struct frames *f, const struct manifest_volume *v,
                         bool gaps_allowed)
{
    f->order.z_spacing = v->z_spacing;
    if (v->kind == VOLUME_IRREGULAR && !gaps_allowed)
        refuse(f, v->note, "; -o gaps=allow stacks it all the same");
    else if (v->kind == VOLUME_UNPLACED)
        refuse(f, v->note,
               "; order-inst or order-stored stacks them as they "
               "are numbered or stored");
}

static void judge_sequence(struct frames *f, const struct manifest_volume *v,
                           enum view_order order, bool gaps_allowed)
{
    double step;

    qsort(f->slices.v, f->slices.n, sizeof *f->slices.v,
          order == VIEW_ORDER_INST ? by_number : by_id);
    step = step_of(&f->slices);
    if (step >= 0)
        f->order.z_spacing = step;
    else if (gaps_allowed)
        f->order.z_spacing = v->z_spacing;
    else
        refuse(f, "in this order the slices are not evenly spaced",
               "; -o gaps=allow stacks them all the same");
}

static int init_volume(struct frames *f, enum view_order order,
                       bool gaps_allowed, struct error *err)
{
    struct manifest_volume v;
    int found = manifest_volume_get(f->manifest, f->object_id, &v, err);

    if (found < 0)
        return -1;
    if (found == 0 || v.n_slices != f->slices.n)
        return error_set(err, ERROR_STALE, "slices of this series changed");
    f->order.n = f->slices.n;
    if (v.kind == VOLUME_NO_STACK)
        refuse(f, v.note, "");
    else if (order == VIEW_ORDER_GEOM)
        judge_places(f, &v, gaps_allowed);
    else
        judge_sequence(f, &v, order, gaps_allowed);
    return 0;
}

/* ---- instances ---------------------------------------------------------- */

static int init_only(struct frames *f, struct error *err)
{
    f->order =
        (struct dicom_order){.n = 1, .frames = calloc(1, sizeof(uint32_t))};
    return f->order.frames ? 0 : error_no_memory(err);
}

static int init_instance(struct frames *f, struct sources *sources,
                         const struct frames_want *want, struct error *err)
{
    static const enum dicom_order_want wants[] = {
        [VIEW_ORDER_GEOM] = DICOM_ORDER_GEOMETRY,
        [VIEW_ORDER_INST] = DICOM_ORDER_INSTANCE,
        [VIEW_ORDER_STORED] = DICOM_ORDER_STORED,
    };
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;
    int rc;

    if (f->instance.frames == 1 && !want->distance)
        return init_only(f, err);
    if (source_get(sources, &f->instance, &ref, &source, err) != 0)
        return -1;
    rc = dicom_order(source->header, wants[want->order], &f->order, err);
    source_put(sources, &ref);
    return rc;
}

/* A series of one object is that object. */
static int become_the_one(struct frames *f, struct error *err)
{
    struct manifest_instance one;

    if (slice_row(f->manifest, f->slices.v[0].id, &one, err) != 0)
        return -1;
    manifest_instance_deinit(&f->instance);
    f->instance = one;
    manifest_slices_deinit(&f->slices);
    return 0;
}

/* ---- all ---------------------------------------------------------------- */

int frames_init(struct manifest *m, struct sources *sources,
                const struct manifest_instance *row,
                const struct frames_want *want, struct frames *ret,
                struct error *err)
{
    *ret = (struct frames){.manifest = m, .object_id = row->id};
    if (copy_row(row, &ret->instance, err) != 0)
        return -1;
    if (row->slices == 0) {
        version_of_instance(row, ret->version);
        return init_instance(ret, sources, want, err);
    }
    if (load_slices(m, row, &ret->slices, err) != 0)
        return -1;
    version_of_slices(&ret->slices, ret->version);
    if (row->slices > 1)
        return init_volume(ret, want->order, want->gaps_allowed, err);
    if (become_the_one(ret, err) != 0)
        return -1;
    return init_instance(ret, sources, want, err);
}

void frames_deinit(struct frames *f)
{
    manifest_instance_deinit(&f->instance);
    dicom_order_deinit(&f->order);
    manifest_slices_deinit(&f->slices);
}

void frame_place_deinit(struct frame_place *place)
{
    manifest_instance_deinit(&place->own);
}

/* The manifest says that slices are alike; it may have been edited, and their
 * sizes must not be able to differ. */
static int check_alike(const struct manifest_instance *slice,
                       const struct manifest_instance *volume,
                       struct error *err)
{
    const struct decode_desc *a = &slice->desc, *b = &volume->desc;

    if (slice->has_pixels && slice->frames == 1 && a->rows == b->rows &&
        a->cols == b->cols && a->samples == b->samples &&
        a->photometric == b->photometric && a->element == b->element &&
        a->bits_alloc == b->bits_alloc && a->is_signed == b->is_signed &&
        slice->turned == volume->turned)
        return 0;
    return error_set(err, ERROR_CORRUPT, "slice %s is not like the others",
                     slice->name);
}

int frames_at(const struct frames *f, uint32_t k, struct frame_place *ret,
              struct error *err)
{
    ret->own.relpath = NULL;
    if (f->slices.n == 0) {
        ret->instance = &f->instance;
        ret->frame = f->order.frames[k];
        return 0;
    }
    if (slice_row(f->manifest, f->slices.v[k].id, &ret->own, err) != 0)
        return -1;
    ret->instance = &ret->own;
    ret->frame = 0;
    if (check_alike(&ret->own, &f->instance, err) == 0)
        return 0;
    frame_place_deinit(ret);
    return -1;
}

int frames_source(const struct frames *f, struct sources *sources,
                  struct flight_ref *ref, const struct source **ret,
                  struct error *err)
{
    struct frame_place place;
    int rc;

    if (f->slices.n == 0)
        return source_get(sources, &f->instance, ref, ret, err);
    if (frames_at(f, 0, &place, err) != 0)
        return -1;
    rc = source_get(sources, place.instance, ref, ret, err);
    frame_place_deinit(&place);
    return rc;
}

int frames_check(const struct frames *f, struct sources *sources,
                 struct error *err)
{
    struct frame_place place;
    int rc;

    if (f->slices.n == 0)
        return source_check(sources, &f->instance, err);
    if (frames_at(f, 0, &place, err) != 0)
        return -1;
    rc = source_check(sources, place.instance, err);
    frame_place_deinit(&place);
    return rc;
}
