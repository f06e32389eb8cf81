// SPDX-License-Identifier: MIT
/* Properties of .nii and of affines. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nii/nii.h"
#include "support/format_checks.h"

/* ---- random geometry ---------------------------------------------------- */

/* In [-1, 1). */
static double unit(struct format_stream *s)
{
    return (double)(int64_t)format_next(s) * 0x1p-63;
}

static double any_double(struct format_stream *s)
{
    uint64_t bits = format_next(s);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Directions of a random rotation, as DICOM writes them: with 6 digits. */
static bool random_directions(struct format_stream *s, double ret[6])
{
    double q[4];
    double norm = 0;

    for (unsigned i = 0; i < 4; i++) {
        q[i] = unit(s);
        norm += q[i] * q[i];
    }
    if (norm < 1e-3)
        return false;
    for (unsigned i = 0; i < 4; i++)
        q[i] /= sqrt(norm);
    ret[0] = q[0] * q[0] + q[1] * q[1] - q[2] * q[2] - q[3] * q[3];
    ret[1] = 2 * (q[1] * q[2] + q[0] * q[3]);
    ret[2] = 2 * (q[1] * q[3] - q[0] * q[2]);
    ret[3] = 2 * (q[1] * q[2] - q[0] * q[3]);
    ret[4] = q[0] * q[0] + q[2] * q[2] - q[1] * q[1] - q[3] * q[3];
    ret[5] = 2 * (q[2] * q[3] + q[0] * q[1]);
    for (unsigned i = 0; i < 6; i++)
        ret[i] = nearbyint(ret[i] * 1e6) / 1e6;
    return true;
}

static bool random_source(struct format_stream *s, struct affine_source *ret)
{
    if (!random_directions(s, ret->orientation))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        ret->position[i] = 500 * unit(s);
        ret->spacing[i] = exp2(4 * unit(s));
        ret->step[i] = 0;
    }
    return true;
}

static double distance(const double a[3], const double b[3])
{
    return hypot(hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]);
}

static void mm_of(const struct affine *a, const double index[3], double ret[3])
{
    for (unsigned i = 0; i < 3; i++)
        ret[i] = a->m[i][0] * index[0] + a->m[i][1] * index[1] +
                 a->m[i][2] * index[2] + a->m[i][3];
}

/* ---- .nii --------------------------------------------------------------- */

static int word16(const uint8_t *p)
{
    return (int16_t)(p[0] | p[1] << 8);
}

static double number(const uint8_t *p)
{
    float value;

    memcpy(&value, p, sizeof value); /* little endian, as this machine */
    return (double)value;
}

static struct nii_spec random_spec(struct format_stream *s)
{
    static const uint32_t channels[] = {1, 1, 1, 1, 3, 3, 0, 2};
    struct nii_spec spec = {.pages = format_side(s),
                            .width = format_side(s),
                            .height = format_side(s),
                            .software = "prepfs"};
    struct affine_source source = {{0}, {0}, {0}, {0}};
    uint64_t x = format_next(s);

    spec.channels = channels[x % 8];
    spec.type = (enum sample_type)(x / 8 % 9);
    spec.axis = x / 128 % 2 ? NII_PAGES_TIME : NII_PAGES_SPACE;
    spec.seconds = x / 256 % 2 ? any_double(s) : unit(s);
    for (unsigned i = 0; i < 3; i++)
        spec.spacing[i] = x / 512 % 2 ? any_double(s) : unit(s);
    if (x / 1024 % 4 == 0) {
        spec.has_affine = true; /* whatever the numbers */
        for (unsigned i = 0; i < 12; i++)
            spec.affine.m[i / 4][i % 4] = any_double(s);
    } else if (x / 1024 % 4 > 1 && random_source(s, &source)) {
        spec.has_affine = affine_init(&source, &spec.affine);
    }
    return spec;
}

static enum error_kind expected(const struct nii_spec *spec)
{
    if (spec->pages == 0 || spec->width == 0 || spec->height == 0 ||
        (spec->channels != 1 && spec->channels != 3) || spec->type > SAMPLE_F16)
        return ERROR_INTERNAL;
    if (spec->type == SAMPLE_F16 ||
        (spec->channels == 3 && spec->type != SAMPLE_U8) ||
        spec->pages > 32767 || spec->width > 32767 || spec->height > 32767)
        return ERROR_UNSUPPORTED;
    return ERROR_NONE;
}

/* The rotation of the qform, NIfTI-1 method 2, and pixdim make the sform. */
static int forms_agree(const uint8_t *header, struct error *err)
{
    double b = number(header + 256);
    double c = number(header + 260);
    double d = number(header + 264);
    double rest = 1 - b * b - c * c - d * d;
    double a = rest > 0 ? sqrt(rest) : 0;
    double qfac = number(header + 76);
    double r[9] = {a * a + b * b - c * c - d * d,
                   2 * (b * c - a * d),
                   qfac * 2 * (b * d + a * c),
                   2 * (b * c + a * d),
                   a * a + c * c - b * b - d * d,
                   qfac * 2 * (c * d - a * b),
                   2 * (b * d - a * c),
                   2 * (c * d + a * b),
                   qfac * (a * a + d * d - c * c - b * b)};

    for (unsigned i = 0; i < 9; i++) {
        double mm = number(header + 80 + 4 * (i % 3));
        double have = r[i] * mm;
        double want = number(header + 280 + 16 * (i / 3) + 4 * (i % 3));

        /* a hundredth for angles that are nearly right; a is made of floats */
        if (!(fabs(have - want) <= 0.011 * mm))
            return error_set(err, ERROR_CORRUPT, "qform %g for sform %g of %g",
                             have, want, mm);
    }
    return 0;
}

static int check_fields(const struct nii_layout *layout, const uint8_t *header,
                        struct error *err)
{
    const struct nii_spec *spec = &layout->spec;
    int n = word16(header + 40);
    uint64_t bytes = (uint64_t)word16(header + 72) / 8;

    for (int i = 1; i <= n; i++)
        bytes *= (uint64_t)word16(header + 40 + 2 * i);
    if (bytes + 4096 != layout->size || number(header + 108) != 4096 ||
        layout->page_bytes * spec->pages != bytes)
        return error_set(err, ERROR_CORRUPT, "size");
    for (unsigned i = 1; i <= 3; i++) {
        double mm = number(header + 76 + 4 * i);

        if (!(isfinite(mm) && mm > 0))
            return error_set(err, ERROR_CORRUPT, "pixdim %g", mm);
    }
    for (unsigned at = 256; at < 328; at += 4) {
        if (!isfinite(number(header + at)))
            return error_set(err, ERROR_CORRUPT, "no number at %u", at);
    }
    if (word16(header + 252) == 1)
        return forms_agree(header, err);
    return 0;
}

static void read_header(const void *layout, uint64_t offset, size_t length,
                        uint8_t *dst)
{
    nii_layout_header_read(layout, offset, length, dst);
}

int format_check_nii(struct format_stream *s, struct error *err)
{
    struct nii_spec spec = random_spec(s);
    enum error_kind want = expected(&spec);
    struct error got = ERROR_INIT;
    struct nii_layout layout;
    uint8_t header[NII_DATA_OFFSET];
    int rc = nii_layout_init(&spec, &layout, &got);

    if (got.kind != want || (rc == 0) != (want == ERROR_NONE))
        return error_set(err, ERROR_CORRUPT, "%u x %u x %u: %s", spec.pages,
                         spec.height, spec.width, got.msg);
    if (rc != 0)
        return 0;
    nii_layout_header_read(&layout, 0, sizeof header, header);
    if (check_fields(&layout, header, err) != 0)
        return -1;
    return format_any_split(s, &layout, read_header, NII_DATA_OFFSET, err);
}

/* ---- steps -------------------------------------------------------------- */

/* Where the geometry says that voxel is, in LPS. */
static void place(const struct affine_source *g, const double index[3],
                  double ret[3])
{
    const double *r = g->orientation;
    const double *c = g->orientation + 3;
    double n[3] = {r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2],
                   r[0] * c[1] - r[1] * c[0]};

    for (unsigned i = 0; i < 3; i++)
        ret[i] = g->position[i] + r[i] * g->spacing[0] * index[0] +
                 c[i] * g->spacing[1] * index[1] +
                 n[i] * g->spacing[2] * index[2];
    ret[0] = -ret[0];
    ret[1] = -ret[1];
}

/* A step of a view as it acts on an index, from after it to before it. */
struct step {
    unsigned kind;
    enum affine_axis axis;
    double x, y;
    uint32_t width, height;
};

static void step_apply(const struct step *s, struct affine *a)
{
    switch (s->kind) {
    case 0:
        affine_walk(a, s->axis, s->x, s->y);
        break;
    case 1:
        affine_resize(a, s->axis, s->width, s->height);
        break;
    case 2:
        affine_flip(a, s->axis, s->width);
        break;
    case 3:
        affine_swap(a, s->axis, (s->axis + 1) % 3);
        break;
    case 4:
        affine_turn(a, s->width, s->height, 1);
        break;
    case 5:
        affine_interpolate(a, s->axis, s->width, s->height);
        break;
    default:
        affine_rotate(a, s->width, s->height, s->x);
        break;
    }
}

static void step_index(const struct step *s, double p[3])
{
    double *at = &p[s->axis];
    double old[3] = {p[0], p[1], p[2]};
    double w = s->width;
    double h = s->height;
    double radians = s->x / 180 * acos(-1);

    switch (s->kind) {
    case 0:
        *at = s->x + s->y * *at;
        break;
    case 1:
        *at = (*at + 0.5) * w / h - 0.5;
        break;
    case 2:
        *at = w - 1 - *at;
        break;
    case 3:
        p[s->axis] = old[(s->axis + 1) % 3];
        p[(s->axis + 1) % 3] = old[s->axis];
        break;
    case 4:
        p[0] = old[1];
        p[1] = h - 1 - old[0];
        break;
    case 5:
        if (w > 1 && h > 1)
            *at *= (w - 1) / (h - 1);
        break;
    default:
        p[0] = (w - 1) / 2 + cos(radians) * (old[0] - (w - 1) / 2) +
               sin(radians) * (old[1] - (h - 1) / 2);
        p[1] = (h - 1) / 2 - sin(radians) * (old[0] - (w - 1) / 2) +
               cos(radians) * (old[1] - (h - 1) / 2);
        break;
    }
}

int format_check_affine(struct format_stream *s, struct error *err)
{
    struct affine_source source = {{0}, {0}, {0}, {0}};
    struct step steps[6];
    unsigned n = format_below(s, 7);
    struct affine a;
    double index[3];
    double have[3];
    double want[3];

    if (!random_source(s, &source))
        return 0;
    if (!affine_init(&source, &a))
        return error_set(err, ERROR_CORRUPT, "a rotation is refused");
    for (unsigned i = 0; i < n; i++) {
        uint64_t x = format_next(s);

        steps[i] = (struct step){.kind = (unsigned)(x % 7),
                                 .axis = x / 8 % 3,
                                 .x = 300 * unit(s),
                                 .y = x / 32 % 2 ? -1 : 1 + unit(s) / 2,
                                 .width = 1 + (uint32_t)(x / 64 % 500),
                                 .height = 1 + (uint32_t)(x / 65536 % 500)};
        step_apply(&steps[i], &a);
    }
    for (unsigned i = 0; i < 3; i++)
        index[i] = 100 * unit(s);
    mm_of(&a, index, have);
    for (unsigned i = n; i-- > 0;)
        step_index(&steps[i], index);
    place(&source, index, want);
    /* six digits of a direction, over as many millimetres as there are */
    if (!(distance(have, want) <=
          1e-5 * (1 + fabs(index[0]) + fabs(index[1]) + fabs(index[2])) * 16))
        return error_set(err, ERROR_CORRUPT,
                         "%u steps: (%g %g %g) is not (%g %g %g)", n, have[0],
                         have[1], have[2], want[0], want[1], want[2]);
    return 0;
}
