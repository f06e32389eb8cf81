// SPDX-License-Identifier: MIT
#include "manifest/geometry.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
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
        a->photometric != b->photometric || a->element != b->element ||
        a->is_signed != b->is_signed)
        return "images of different pixel format";
    if (a->turned != b->turned)
        return "images stored upside down beside others";
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

static void fault(struct geometry_volume *v, enum geometry_kind kind,
                  int64_t id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The first fault found is the one that is told. */
static void fault(struct geometry_volume *v, enum geometry_kind kind,
                  int64_t id, const char *format, ...)
{
    va_list args;

    if (v->kind != GEOMETRY_REGULAR)
        return;
    v->kind = kind;
    v->id = id;
    va_start(args, format);
    (void)vsnprintf(v->note, sizeof v->note, format, args);
    va_end(args);
}

/* If most differ from the first, the first is the odd one. */
static void find_conflict(const struct geometry_slice *s, size_t n,
                          struct geometry_volume *ret)
{
    size_t differing = 0, odd = 0;

    for (size_t i = 1; i < n; i++)
        if (conflict(&s[0], &s[i]) && differing++ == 0)
            odd = i;
    if (differing > 0)
        fault(ret, GEOMETRY_NO_STACK, s[differing > n / 2 ? 0 : odd].id, "%s",
              conflict(&s[0], &s[odd]));
}

static void find_irregular(const struct geometry_slice *s, size_t n,
                           double spacing, const double normal[3],
                           struct geometry_volume *ret)
{
    double limit = fmax(TOLERANCE * spacing, FLOOR_MM);

    for (size_t i = 1; i < n; i++)
        if (!(s[i].slice_pos - s[i - 1].slice_pos > SAME))
            fault(ret, GEOMETRY_IRREGULAR, s[i].id,
                  "several images at one position");
    for (size_t i = 1; i < n; i++) {
        double gap = s[i].slice_pos - s[i - 1].slice_pos;

        if (!(fabs(gap - spacing) <= limit))
            fault(ret, GEOMETRY_IRREGULAR, s[i].id,
                  "gaps between the slices differ: %.4g mm, elsewhere %.4g",
                  gap, spacing);
    }
    for (size_t i = 1; i < n; i++) {
        double shift = drift(&s[i - 1], &s[i], normal);

        if (!(shift <= limit))
            fault(ret, GEOMETRY_IRREGULAR, s[i].id,
                  "slices are shifted in their plane by %.4g mm (gantry tilt)",
                  shift);
    }
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
        for (int k = 0; k < 6; k++)
            if (differs(s[i].orientation[k], s[0].orientation[k]))
                fault(ret, GEOMETRY_NO_STACK, s[i].id,
                      "images of different orientation");
    }
    qsort(s, n, sizeof *s, by_position);
    if (n < 2)
        return;
    double spacing = median_gap(s, n);

    find_irregular(s, n, spacing, normal, ret);
    if (isfinite(spacing) && spacing > SAME)
        ret->z_spacing = spacing;
    ret->uniform = ret->kind == GEOMETRY_REGULAR;
}

static void arrange_by_number(struct geometry_slice *s, size_t n,
                              int64_t unplaced, struct geometry_volume *ret)
{
    bool known = true;

    for (size_t i = 0; i < n; i++)
        known = known && s[i].instance_number != INT64_MIN;
    ret->order = known ? GEOMETRY_BY_NUMBER : GEOMETRY_AS_STORED;
    if (known)
        qsort(s, n, sizeof *s, by_number);
    /* One object is what it is; several need positions to be a volume. */
    if (n > 1)
        fault(ret, GEOMETRY_UNPLACED, unplaced,
              "images without position and orientation");
}

void geometry_arrange(struct geometry_slice *s, size_t n,
                      struct geometry_volume *ret)
{
    int64_t unplaced = 0;

    *ret = (struct geometry_volume){.z_spacing = NAN};
    find_conflict(s, n, ret);
    for (size_t i = 0; i < n; i++) {
        s[i].slice_pos = NAN;
        if (unplaced == 0 && !has_geometry(&s[i]))
            unplaced = s[i].id;
    }
    if (n == 0)
        fault(ret, GEOMETRY_NO_STACK, 0, "no images");
    else if (unplaced == 0)
        arrange_by_position(s, n, ret);
    else
        arrange_by_number(s, n, unplaced, ret);
    for (size_t i = 0; i < n; i++)
        s[i].ord = (uint32_t)i;
    ret->ok = ret->kind == GEOMETRY_REGULAR;
}
