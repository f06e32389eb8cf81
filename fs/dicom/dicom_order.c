// SPDX-License-Identifier: MIT
/*
 * dicom_order.c: which stored frame comes where (REF 7.6).
 *
 * The first of these that applies orders the frames:
 *
 *     dimension   index vectors, if what varies is a place in space
 *     stack       InStackPositionNumber
 *     geometry    positions along the common normal
 *     vector      what Frame Increment Pointer names
 *     location    SliceLocation
 *     storage     as stored
 *
 * Projections of a sampled volume (tomosynthesis) have positions that are not
 * places in it, so geometry does not order them. A scan that already runs
 * one way keeps its direction.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_TOLERANCE 1e-4 /* 1 - |cosine| */
#define DISTINCT_TOLERANCE 1e-4 /* mm, or units of the vector */

struct key {
    double value;
    uint32_t frame;
};

static int by_value(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* ---- one number a frame
 * -------------------------------------------------------- */

static bool is_sorted(const double *v, uint32_t n, double direction)
{
    for (uint32_t i = 1; i < n; i++)
        if ((v[i] - v[i - 1]) * direction <= 0)
            return false;
    return true;
}

/*
 * Orders by `values` if they are distinct by more than `tolerance`. Keeps
 * stored order if `keep_monotonic` and they rise or fall throughout. 1 done,
 * 0 not distinct, -1 no memory.
 */
static int sort_values(const double *values, uint32_t n, double tolerance,
                       bool keep_monotonic, uint32_t *frames, struct error *err)
{
    CLEANUP_FREE struct key *keys = malloc(n * sizeof *keys);

    if (!keys)
        return error_no_memory(err);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = (struct key){values[i], i};
    qsort(keys, n, sizeof *keys, by_value);
    for (uint32_t i = 1; i < n; i++)
        if (!(keys[i].value - keys[i - 1].value > tolerance))
            return 0;
    if (keep_monotonic && (is_sorted(values, n, 1) || is_sorted(values, n, -1)))
        return 1;
    for (uint32_t i = 0; i < n; i++)
        frames[i] = keys[i].frame;
    return 1;
}

/* Upper median of the distances between neighbours; 0 if there is none. */
static double median_gap(const double *values, const uint32_t *frames,
                         uint32_t n, double *scratch)
{
    uint32_t gaps = 0;

    for (uint32_t i = 1; i < n; i++) {
        double gap = fabs(values[frames[i]] - values[frames[i - 1]]);

        if (gap > DISTINCT_TOLERANCE)
            scratch[gaps++] = gap;
    }
    if (gaps == 0)
        return 0;
    qsort(scratch, gaps, sizeof *scratch, by_number);
    return scratch[gaps / 2];
}

/* ---- geometry
 * -------------------------------------------------------------------- */

static bool any_sampled(const struct dicom_header *h)
{
    for (uint32_t i = 0; i < h->frames; i++)
        if (dicom_frame_at(h, i)->sampled)
            return true;
    return false;
}

enum geometry { GEOMETRY_NONE, GEOMETRY_GOOD, GEOMETRY_NOT_PARALLEL };

/* Where each frame lies along the normal of frame 0. */
static enum geometry project(const struct dicom_header *h, double *ret)
{
    double normal[3], other[3];

    if (any_sampled(h))
        return GEOMETRY_NONE;
    for (uint32_t i = 0; i < h->frames; i++) {
        const struct dicom_frame *f = dicom_frame_at(h, i);
        double sum = 0, cosine = 0;

        for (int k = 0; k < 3; k++)
            sum += f->position[k] + f->orientation[k] + f->orientation[k + 3];
        if (!isfinite(sum))
            return GEOMETRY_NONE;
        if (i == 0 && !dicom_normal(f->orientation, normal))
            return GEOMETRY_NOT_PARALLEL;
        if (!dicom_normal(f->orientation, other))
            return GEOMETRY_NOT_PARALLEL;
        for (int k = 0; k < 3; k++)
            cosine += normal[k] * other[k];
        if (1 - fabs(cosine) > PARALLEL_TOLERANCE)
            return GEOMETRY_NOT_PARALLEL;
        ret[i] = 0;
        for (int k = 0; k < 3; k++)
            ret[i] += f->position[k] * normal[k];
    }
    return GEOMETRY_GOOD;
}

static double positive(double v)
{
    return isfinite(v) && v > 0 ? v : 0;
}

/* What the first frame says of the distance to its neighbour. */
static double stated_gap(const struct dicom_header *h)
{
    const struct dicom_frame *f = dicom_frame_at(h, 0);
    double gap = positive(f->z_between);

    return gap > 0 ? gap : positive(f->z_thickness);
}

/* ---- several volumes
 * --------------------------------------------------------------- */

static const char *find_mixed(const struct dicom_header *h)
{
    int64_t temporal = DICOM_UNKNOWN;
    uint32_t stack = 0;

    if (h->temporal_3d)
        return "several temporal positions (3D_TEMPORAL)";
    for (uint32_t i = 0; i < h->frames; i++) {
        const struct dicom_frame *f = dicom_frame_at(h, i);

        if (f->temporal != DICOM_UNKNOWN && temporal != DICOM_UNKNOWN &&
            f->temporal != temporal)
            return "several temporal positions";
        if (f->stack != 0 && stack != 0 && f->stack != stack)
            return "several stacks";
        if (f->temporal != DICOM_UNKNOWN)
            temporal = f->temporal;
        if (f->stack != 0)
            stack = f->stack;
    }
    return NULL;
}

/* ---- dimension index
 * --------------------------------------------------------------- */

static bool is_spatial(uint32_t pointer)
{
    return pointer == TAG_IN_STACK || pointer == TAG_POSITION ||
           pointer == TAG_SLICE_LOCATION;
}

static bool varies(const struct dicom_header *h, uint32_t dimension)
{
    const uint32_t *v = h->index_values + dimension;

    for (uint32_t i = 1; i < h->frames; i++)
        if (v[(size_t)i * h->n_dimensions] != v[0])
            return true;
    return false;
}

struct index_key {
    const uint32_t *values;
    uint32_t n;
    uint32_t frame;
};

static int by_index(const void *a, const void *b)
{
    const struct index_key *x = a, *y = b;

    for (uint32_t i = 0; i < x->n; i++)
        if (x->values[i] != y->values[i])
            return x->values[i] < y->values[i] ? -1 : 1;
    return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* 1 ordered, 0 no dimension index, -1 error. */
static int order_by_dimension(const struct dicom_header *h,
                              struct dicom_order *o, struct error *err)
{
    CLEANUP_FREE struct index_key *keys = NULL;

    if (!h->index_values)
        return 0;
    for (uint32_t d = 0; d < h->n_dimensions; d++)
        if (!is_spatial(h->dimension_pointers[d]) && varies(h, d)) {
            o->why_mixed = "a dimension that is not a place in space varies";
            return 1;
        }
    keys = malloc(h->frames * sizeof *keys);
    if (!keys)
        return error_no_memory(err);
    for (uint32_t i = 0; i < h->frames; i++)
        keys[i] = (struct index_key){
            h->index_values + (size_t)i * h->n_dimensions, h->n_dimensions, i};
    qsort(keys, h->frames, sizeof *keys, by_index);
    for (uint32_t i = 0; i < h->frames; i++)
        o->frames[i] = keys[i].frame;
    o->kind = DICOM_BY_DIMENSION;
    return 1;
}

/* ---- the precedence
 * ------------------------------------------------------------------ */

enum field { FIELD_STACK, FIELD_LOCATION };

static bool collect(const struct dicom_header *h, enum field field, double *ret)
{
    for (uint32_t i = 0; i < h->frames; i++) {
        const struct dicom_frame *f = dicom_frame_at(h, i);

        if (field == FIELD_LOCATION)
            ret[i] = f->slice_location;
        else
            ret[i] = f->in_stack == DICOM_UNKNOWN ? NAN : (double)f->in_stack;
        if (!isfinite(ret[i]))
            return false;
    }
    return true;
}

static int order_by_stack(const struct dicom_header *h, struct dicom_order *o,
                          double *values, struct error *err)
{
    int rc;

    if (!collect(h, FIELD_STACK, values))
        return 0;
    rc = sort_values(values, o->n, 0, false, o->frames, err);
    if (rc > 0)
        o->kind = DICOM_BY_STACK;
    return rc;
}

static int order_by_numbers(struct dicom_order *o, const double *values,
                            enum dicom_order_kind kind, double *scratch,
                            struct error *err)
{
    double tolerance = kind == DICOM_BY_GEOMETRY ? DISTINCT_TOLERANCE : 0;
    int rc = sort_values(values, o->n, tolerance, true, o->frames, err);

    if (rc > 0) {
        o->kind = kind;
        o->z_spacing = median_gap(values, o->frames, o->n, scratch);
    }
    return rc;
}

/* After a dimension or stack order: the gaps of the frames so ordered. */
static void space_by_geometry(const struct dicom_header *h,
                              struct dicom_order *o, double *values,
                              double *scratch)
{
    if (project(h, values) == GEOMETRY_GOOD)
        o->z_spacing = median_gap(values, o->frames, o->n, scratch);
    if (o->z_spacing == 0)
        o->z_spacing = stated_gap(h);
}

static int order_spatially(const struct dicom_header *h, struct dicom_order *o,
                           double *values, double *scratch, struct error *err)
{
    enum geometry geometry;
    int rc = order_by_dimension(h, o, err);

    if (rc == 0)
        rc = order_by_stack(h, o, values, err);
    if (rc != 0) {
        if (rc > 0 && !o->why_mixed)
            space_by_geometry(h, o, values, scratch);
        return rc;
    }
    geometry = project(h, values);
    if (geometry == GEOMETRY_NOT_PARALLEL) {
        o->why_mixed = "the frames are not parallel";
        return 1;
    }
    if (geometry == GEOMETRY_GOOD)
        rc = order_by_numbers(o, values, DICOM_BY_GEOMETRY, scratch, err);
    /* Places that repeat are several volumes whose index is missing; frames
     * that are all at one place are a film. */
    if (geometry == GEOMETRY_GOOD && rc == 0 &&
        median_gap(values, o->frames, o->n, scratch) > 0) {
        o->why_mixed = "several frames at one position";
        return 1;
    }
    return rc;
}

static int order_default(const struct dicom_header *h, struct dicom_order *o,
                         double *values, double *scratch, struct error *err)
{
    int rc;

    o->why_mixed = find_mixed(h);
    if (o->why_mixed)
        return 0;
    rc = order_spatially(h, o, values, scratch, err);
    if (rc == 0 && h->frame_vector) {
        rc =
            order_by_numbers(o, h->frame_vector, DICOM_BY_VECTOR, scratch, err);
        /* Times are no distances (REF Q20): only what is stated counts. */
        if (rc > 0 && !h->vector_is_mm)
            o->z_spacing = stated_gap(h);
    }
    if (rc == 0 && collect(h, FIELD_LOCATION, values))
        rc = order_by_numbers(o, values, DICOM_BY_LOCATION, scratch, err);
    if (rc == 0)
        o->z_spacing = stated_gap(h);
    return rc < 0 ? -1 : 0;
}

static int order_frames(const struct dicom_header *h,
                        enum dicom_order_want want, struct dicom_order *o,
                        struct error *err)
{
    CLEANUP_FREE double *values = malloc(o->n * sizeof *values);
    CLEANUP_FREE double *scratch = malloc(o->n * sizeof *scratch);

    if (!values || !scratch)
        return error_no_memory(err);
    if (want == DICOM_ORDER_GEOMETRY)
        return order_default(h, o, values, scratch, err);
    o->why_mixed = find_mixed(h);
    if (want == DICOM_ORDER_INSTANCE && !o->why_mixed &&
        order_by_stack(h, o, values, err) < 0)
        return -1;
    space_by_geometry(h, o, values, scratch);
    return 0;
}

int dicom_order(const struct dicom_header *header, enum dicom_order_want want,
                struct dicom_order *ret, struct error *err)
{
    struct dicom_order o = {.n = header->frames};

    o.frames = calloc(o.n ? o.n : 1, sizeof *o.frames);
    if (!o.frames)
        return error_no_memory(err);
    for (uint32_t i = 0; i < o.n; i++)
        o.frames[i] = i;
    if (o.n > 1 && order_frames(header, want, &o, err) != 0) {
        dicom_order_deinit(&o);
        return -1;
    }
    if (o.n <= 1)
        o.z_spacing = stated_gap(header);
    *ret = o;
    return 0;
}

void dicom_order_deinit(struct dicom_order *order)
{
    free(order->frames);
    order->frames = NULL;
    order->n = 0;
}

const char *dicom_order_kind_text(enum dicom_order_kind kind)
{
    switch (kind) {
    case DICOM_BY_STORAGE:
        return "stored";
    case DICOM_BY_DIMENSION:
        return "dimension";
    case DICOM_BY_STACK:
        return "stack";
    case DICOM_BY_GEOMETRY:
        return "geometry";
    case DICOM_BY_VECTOR:
        return "vector";
    case DICOM_BY_LOCATION:
        return "location";
    }
    return "stored";
}
