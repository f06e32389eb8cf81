// SPDX-License-Identifier: MIT
/*
 * Every step of a view is a change of index, old = first + step * new, so it
 * multiplies the affine from the right; the patient stays where he is.
 */
#include "nii/affine.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Directions are written with 6 digits, by some with 3; a regular volume may
 * drift by one hundredth of its spacing (decisions, series). */
#define ANGLE_TOLERANCE 0.0101

static double dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static double norm(const double a[3])
{
    return sqrt(dot(a, a));
}

static void cross(const double a[3], const double b[3], double ret[3])
{
    ret[0] = a[1] * b[2] - a[2] * b[1];
    ret[1] = a[2] * b[0] - a[0] * b[2];
    ret[2] = a[0] * b[1] - a[1] * b[0];
}

static bool all_finite(const double *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            return false;
    }
    return true;
}

static void set_identity(struct affine *a)
{
    memset(a, 0, sizeof *a);
    for (unsigned i = 0; i < 3; i++)
        a->m[i][i] = 1;
}

/* Unit length, if it has about that already. */
static bool normalise(const double direction[3], double ret[3])
{
    double length = norm(direction);

    if (!(fabs(length - 1) <= ANGLE_TOLERANCE))
        return false;
    for (unsigned i = 0; i < 3; i++)
        ret[i] = direction[i] / length;
    return true;
}

/* From page to page; false if that stays within the plane. */
static bool page_step(const struct affine_source *s, const double row[3],
                      const double column[3], double ret[3])
{
    double normal[3];

    cross(row, column, normal);
    if (all_finite(s->step, 3) && norm(s->step) > 0) {
        memcpy(ret, s->step, 3 * sizeof *ret);
        /* a gantry tilts by 30 degrees at most; 60 is no volume of slices */
        return fabs(dot(ret, normal)) >= 0.5 * norm(ret);
    }
    for (unsigned i = 0; i < 3; i++)
        ret[i] = normal[i] * s->spacing[2];
    return isfinite(s->spacing[2]) && s->spacing[2] > 0;
}

static bool fill(const struct affine_source *s, struct affine *ret)
{
    static const double ras_of_lps[3] = {-1, -1, 1};
    double row[3];
    double column[3];
    double step[3];

    if (!all_finite(s->orientation, 6) || !all_finite(s->position, 3) ||
        !all_finite(s->spacing, 2) || s->spacing[0] <= 0 || s->spacing[1] <= 0)
        return false;
    if (!normalise(s->orientation, row) ||
        !normalise(s->orientation + 3, column) ||
        fabs(dot(row, column)) > ANGLE_TOLERANCE ||
        !page_step(s, row, column, step))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        double sign = ras_of_lps[i];

        /* + 0.0: no negative zeros */
        ret->m[i][0] = sign * row[i] * s->spacing[0] + 0.0;
        ret->m[i][1] = sign * column[i] * s->spacing[1] + 0.0;
        ret->m[i][2] = sign * step[i] + 0.0;
        ret->m[i][3] = sign * s->position[i] + 0.0;
    }
    return true;
}

bool affine_init(const struct affine_source *source, struct affine *ret)
{
    if (fill(source, ret))
        return true;
    set_identity(ret);
    return false;
}

void affine_step_between(const double first[3], const double last[3],
                         uint32_t pages, double ret[3])
{
    for (unsigned i = 0; i < 3; i++)
        ret[i] = pages > 1 ? (last[i] - first[i]) / (pages - 1) : 0;
}

/* ---- steps -------------------------------------------------------------- */

void affine_walk(struct affine *a, enum affine_axis axis, double first,
                 double step)
{
    for (unsigned i = 0; i < 3; i++) {
        a->m[i][3] += first * a->m[i][axis];
        a->m[i][axis] = a->m[i][axis] * step + 0.0;
    }
}

void affine_resize(struct affine *a, enum affine_axis axis, double from,
                   double to)
{
    double ratio = from / to;

    assert(from > 0 && to > 0);
    affine_walk(a, axis, 0.5 * ratio - 0.5, ratio);
}

void affine_interpolate(struct affine *a, enum affine_axis axis, uint32_t from,
                        uint32_t to)
{
    assert(from > 0 && to > 0);
    if (from > 1 && to > 1)
        affine_walk(a, axis, 0, (double)(from - 1) / (double)(to - 1));
}

void affine_flip(struct affine *a, enum affine_axis axis, uint32_t count)
{
    assert(count > 0);
    affine_walk(a, axis, (double)(count - 1), -1);
}

void affine_swap(struct affine *a, enum affine_axis p, enum affine_axis q)
{
    for (unsigned i = 0; i < 3; i++) {
        double value = a->m[i][p];

        a->m[i][p] = a->m[i][q];
        a->m[i][q] = value;
    }
}

/* Clockwise, the left column read from the bottom becomes the top row: the
 * result at (x, y) was at (y, height - 1 - x). */
void affine_turn(struct affine *a, uint32_t width, uint32_t height,
                 unsigned turns)
{
    for (unsigned i = 0; i < turns % 4; i++) {
        uint32_t rows = i % 2 ? width : height;

        affine_flip(a, AFFINE_ROW, rows);
        affine_swap(a, AFFINE_COLUMN, AFFINE_ROW);
    }
}

/* With y downwards [c -s; s c] turns clockwise; here it is undone, from the
 * result's index to the one before. */
void affine_rotate(struct affine *a, uint32_t width, uint32_t height,
                   double degrees)
{
    double angle = degrees * (3.14159265358979323846 / 180);
    double c = cos(angle);
    double s = sin(angle);
    double x = ((double)width - 1) / 2;
    double y = ((double)height - 1) / 2;

    for (unsigned i = 0; i < 3; i++) {
        double right = a->m[i][0];
        double down = a->m[i][1];

        a->m[i][0] = c * right - s * down;
        a->m[i][1] = s * right + c * down;
        a->m[i][3] += x * (right - a->m[i][0]) + y * (down - a->m[i][1]);
    }
}

static double given(double step)
{
    return step == 0 ? 1 : step;
}

void affine_apply(struct affine *a, const struct affine_view *v)
{
    unsigned turns = v->turns % 4;
    uint32_t width = turns % 2 ? v->height : v->width;
    uint32_t height = turns % 2 ? v->width : v->height;

    affine_walk(a, AFFINE_PAGE, v->pick_first, given(v->pick_step));
    if (v->flip_h)
        affine_flip(a, AFFINE_COLUMN, v->width);
    if (v->flip_v)
        affine_flip(a, AFFINE_ROW, v->height);
    if (v->flip_z)
        affine_flip(a, AFFINE_PAGE, v->pages);
    affine_turn(a, v->width, v->height, turns);
    if (v->degrees != 0)
        affine_rotate(a, width, height, v->degrees);
    affine_walk(a, AFFINE_PAGE, v->vol_first, given(v->vol_step));
    for (unsigned axis = 0; axis < 3; axis++) {
        affine_walk(a, axis, v->crop[axis], 1);
        if (v->from[axis] > 0 && v->to[axis] > 0)
            affine_resize(a, axis, v->from[axis], v->to[axis]);
        affine_walk(a, axis, v->cut[axis] - v->pad[axis] + v->patch[axis], 1);
    }
}

/* ---- questions ---------------------------------------------------------- */

static void axis_of(const struct affine *a, unsigned axis, double ret[3])
{
    for (unsigned i = 0; i < 3; i++)
        ret[i] = a->m[i][axis];
}

void affine_spacing(const struct affine *a, double ret[3])
{
    for (unsigned axis = 0; axis < 3; axis++) {
        double direction[3];

        axis_of(a, axis, direction);
        ret[axis] = norm(direction);
    }
}

bool affine_is_orthogonal(const struct affine *a)
{
    for (unsigned axis = 0; axis < 3; axis++) {
        double p[3];
        double q[3];

        axis_of(a, axis, p);
        axis_of(a, (axis + 1) % 3, q);
        if (!(norm(p) > 0) ||
            !(fabs(dot(p, q)) <= ANGLE_TOLERANCE * norm(p) * norm(q)))
            return false;
    }
    return true;
}

typedef double matrix[3][3];

static double determinant(matrix r)
{
    return r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) -
           r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0]) +
           r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
}

/* The inverse, transposed: cofactors over the determinant. */
static void inverse_transposed(matrix r, matrix ret)
{
    double d = determinant(r);

    for (unsigned i = 0; i < 3; i++) {
        unsigned i1 = (i + 1) % 3;
        unsigned i2 = (i + 2) % 3;

        for (unsigned j = 0; j < 3; j++) {
            unsigned j1 = (j + 1) % 3;
            unsigned j2 = (j + 2) % 3;

            ret[i][j] = (r[i1][j1] * r[i2][j2] - r[i1][j2] * r[i2][j1]) / d;
        }
    }
}

/* Newton's iteration for the orthogonal factor of the polar decomposition:
 * the mean with the transposed inverse. It converges quadratically from what
 * is within a few degrees already; 8 rounds are plenty. */
static void make_orthogonal(matrix r)
{
    for (unsigned round = 0; round < 8; round++) {
        matrix other;

        inverse_transposed(r, other);
        for (unsigned i = 0; i < 3; i++) {
            for (unsigned j = 0; j < 3; j++)
                r[i][j] = 0.5 * (r[i][j] + other[i][j]);
        }
    }
}

/* The largest of the four is found first and divides the others. */
static void quaternion_of(matrix r, double ret[4])
{
    double square[4] = {
        1 + r[0][0] + r[1][1] + r[2][2],
        1 + r[0][0] - r[1][1] - r[2][2],
        1 - r[0][0] + r[1][1] - r[2][2],
        1 - r[0][0] - r[1][1] + r[2][2],
    };
    double pair[4][4] = {
        {0, r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]},
        {0, 0, r[0][1] + r[1][0], r[0][2] + r[2][0]},
        {0, 0, 0, r[1][2] + r[2][1]},
        {0, 0, 0, 0},
    };
    unsigned most = 0;

    for (unsigned i = 1; i < 4; i++) {
        if (square[i] > square[most])
            most = i;
    }
    ret[most] = 0.5 * sqrt(square[most]);
    for (unsigned i = 0; i < 4; i++) {
        if (i != most)
            ret[i] = (i < most ? pair[i][most] : pair[most][i]) / 4 / ret[most];
    }
}

bool affine_index(const struct affine *a, const double place[3], double ret[3])
{
    matrix r;
    matrix inverse;

    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            r[i][j] = a->m[i][j];
    }
    if (!(fabs(determinant(r)) > 0))
        return false;
    inverse_transposed(r, inverse);
    for (unsigned j = 0; j < 3; j++) {
        ret[j] = 0;
        for (unsigned i = 0; i < 3; i++)
            ret[j] += inverse[i][j] * (place[i] - a->m[i][3]);
    }
    return true;
}

void affine_quaternion(const struct affine *a, double ret[4], double *ret_qfac)
{
    double spacing[3];
    matrix r;

    affine_spacing(a, spacing);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j < 3; j++)
            r[i][j] = a->m[i][j] / spacing[j];
    }
    *ret_qfac = determinant(r) < 0 ? -1 : 1;
    for (unsigned i = 0; i < 3; i++)
        r[i][2] *= *ret_qfac;
    make_orthogonal(r);
    quaternion_of(r, ret);
    for (unsigned i = 4; i-- > 0;) /* [0] decides the sign, so it is last */
        ret[i] = (ret[0] < 0 ? -ret[i] : ret[i]) + 0.0;
}
