// SPDX-License-Identifier: MIT
#include "manifest/geometry.h"

#include <math.h>
#include <stdlib.h>

#define SAME 1e-4      /* of directions and spacings, as REF 7.7 */
#define TOLERANCE 0.01 /* of the spacing */
#define FLOOR_MM 0.001 /* positions are written with few digits */

/* Row and column directions -> unit normal; false if they do not span one. */
static bool normal_of(const double o[6], double ret[3])
{
    ret[0] = o[1] * o[5] - o[2] * o[4];
    ret[1] = o[2] * o[3] - o[0] * o[5];
    ret[2] = o[0] * o[4] - o[1] * o[3];
    double length = sqrt(ret[0] * ret[0] + ret[1] * ret[1] + ret[2] * ret[2]);

    if (!isfinite(length) || length < 0.5)
        return false;
    for (int i = 0; i < 3; i++)
        ret[i] /= length;
    return true;
}

static bool has_geometry(const struct geometry_slice *s)
{
    double normal[3];

    return isfinite(s->position[0]) && isfinite(s->position[1]) &&
           isfinite(s->position[2]) && normal_of(s->orientation, normal);
}

static bool differs(double a, double b)
{
    return !(isnan(a) && isnan(b)) && !(fabs(a - b) <= SAME);
}

/* What makes two images impossible to stack; NULL if nothing does. */
static const char *conflict(const struct geometry_slice *a,
                            const struct geometry_slice *b)
{
    if (a->frames != 1 || b->frames != 1)
        return "has multi-frame objects beside others";
    if (a->rows != b->rows || a->cols != b->cols)
        return "images of different size";
    if (a->samples != b->samples || a->bits_alloc != b->bits_alloc ||
        a->photometric != b->photometric)
        return "images of different pixel format";
    if (differs(a->px_x, b->px_x) || differs(a->px_y, b->px_y))
        return "images of different pixel spacing";
    if (a->frame_of_ref != b->frame_of_ref)
        return "different frames of reference";
    return NULL;
}

static int by_number(const void *left, const void *right)
{
    const struct geometry_slice *a = left;
    const struct geometry_slice *b = right;

    if (a->instance_number != b->instance_number)
        return a->instance_number < b->instance_number ? -1 : 1;
    return a->id < b->id ? -1 : 1;
}

static int by_position(const void *left, const void *right)
{
    const struct geometry_slice *a = left;
    const struct geometry_slice *b = right;

    if (a->slice_pos < b->slice_pos || a->slice_pos > b->slice_pos)
        return a->slice_pos < b->slice_pos ? -1 : 1;
    return by_number(a, b);
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* The upper median, as REF 7.6; NaN if memory is out. */
static double median_gap(const struct geometry_slice *s, size_t n)
{
    double *gaps = calloc(n - 1, sizeof *gaps);

    if (!gaps)
        return NAN;
    for (size_t i = 1; i < n; i++)
        gaps[i - 1] = s[i].slice_pos - s[i - 1].slice_pos;
    qsort(gaps, n - 1, sizeof *gaps, by_value);
    double median = gaps[(n - 1) / 2];

    free(gaps);
    return median;
}

/* How far b lies beside a, in the plane of the slices. */
static double drift(const struct geometry_slice *a,
                    const struct geometry_slice *b, const double normal[3])
{
    double along = b->slice_pos - a->slice_pos;
    double sum = 0;

    for (int i = 0; i < 3; i++) {
        double d = b->position[i] - a->position[i] - along * normal[i];

        sum += d * d;
    }
    return sqrt(sum);
}

static const char *irregular(const struct geometry_slice *s, size_t n,
                             double spacing, const double normal[3])
{
    double limit = fmax(TOLERANCE * spacing, FLOOR_MM);

    for (size_t i = 1; i < n; i++)
        if (s[i].slice_pos - s[i - 1].slice_pos <= SAME)
            return "several images at one position";
    for (size_t i = 1; i < n; i++)
        if (fabs(s[i].slice_pos - s[i - 1].slice_pos - spacing) > limit)
            return "gaps between the slices differ";
    for (size_t i = 1; i < n; i++)
        if (drift(&s[i - 1], &s[i], normal) > limit)
            return "slices are shifted in their plane (gantry tilt)";
    return NULL;
}

/* All slices have a geometry. */
static void arrange_by_position(struct geometry_slice *s, size_t n,
                                struct geometry_volume *ret)
{
    double normal[3];

    ret->order = GEOMETRY_BY_POSITION;
    (void)normal_of(s[0].orientation, normal);
    for (size_t i = 0; i < n; i++) {
        s[i].slice_pos = s[i].position[0] * normal[0] +
                         s[i].position[1] * normal[1] +
                         s[i].position[2] * normal[2];
        for (int k = 0; k < 6 && !ret->note; k++)
            if (differs(s[i].orientation[k], s[0].orientation[k]))
                ret->note = "images of different orientation";
    }
    qsort(s, n, sizeof *s, by_position);
    if (n < 2)
        return;
    double spacing = median_gap(s, n);

    if (!ret->note)
        ret->note = irregular(s, n, spacing, normal);
    if (spacing > SAME)
        ret->z_spacing = spacing;
    ret->uniform = !ret->note;
}

static void arrange_by_number(struct geometry_slice *s, size_t n,
                              struct geometry_volume *ret)
{
    bool known = true;

    for (size_t i = 0; i < n; i++)
        known = known && s[i].instance_number != INT64_MIN;
    ret->order = known ? GEOMETRY_BY_NUMBER : GEOMETRY_AS_STORED;
    if (known)
        qsort(s, n, sizeof *s, by_number);
    /* One object is what it is; several need positions to be a volume. */
    if (n > 1 && !ret->note)
        ret->note = "images without position and orientation";
}

void geometry_arrange(struct geometry_slice *s, size_t n,
                      struct geometry_volume *ret)
{
    bool geometry = n > 0;

    *ret = (struct geometry_volume){.z_spacing = NAN};
    for (size_t i = 0; i < n; i++) {
        s[i].slice_pos = NAN;
        geometry = geometry && has_geometry(&s[i]);
        if (i > 0 && !ret->note)
            ret->note = conflict(&s[0], &s[i]);
    }
    if (n == 0)
        ret->note = "no images";
    else if (geometry)
        arrange_by_position(s, n, ret);
    else
        arrange_by_number(s, n, ret);
    for (size_t i = 0; i < n; i++)
        s[i].ord = (uint32_t)i;
    ret->ok = !ret->note;
}
