// SPDX-License-Identifier: MIT
/* plane.c: which axis becomes which, and copying samples (plane.h). */
#include "image/plane.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "image/orient.h"

/* ---- axes --------------------------------------------------------------- */

/* All ways to give x, y and z an axis of the volume. */
static const unsigned char orders[6][3] = {
    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0},
};

static double cosine(const double v[3], int axis)
{
    double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);

    return v[axis] / length;
}

/* Axis `source` of the volume, so that it points to +axis (or -axis). */
static struct plane_axis pointing(const struct plane_vectors *volume,
                                  unsigned source, int axis, bool to_negative)
{
    struct plane_axis ret = {(enum plane_source)source,
                             volume->v[source][axis] < 0};

    ret.reversed = ret.reversed != to_negative;
    return ret;
}

int plane_find(enum plane_kind kind, const struct plane_vectors *volume,
               struct plane *ret, struct error *err)
{
    const unsigned char *best = NULL;
    double best_sum = 0;

    for (size_t i = 0; i < 6; i++) {
        double least = INFINITY;
        double sum = 0;

        for (int axis = 0; axis < 3; axis++) {
            double c = fabs(cosine(volume->v[orders[i][axis]], axis));

            least = fmin(least, c);
            sum += c;
        }
        /* fmin ignores a NaN, the sum does not */
        if (!(least > 0) || !(sum > best_sum))
            continue;
        best = orders[i];
        best_sum = sum;
    }
    if (!best)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the directions of rows, columns and frames are not "
                         "three");
    ret->down = pointing(volume, best[2], 2, true);
    if (kind == PLANE_CORONAL) {
        ret->across = pointing(volume, best[0], 0, false);
        ret->pages = pointing(volume, best[1], 1, false);
    } else {
        ret->across = pointing(volume, best[1], 1, false);
        ret->pages = pointing(volume, best[0], 0, false);
    }
    return 0;
}

struct plane_size plane_size(const struct plane *plane,
                             const struct plane_size *volume)
{
    struct plane_size size = {{volume->n[plane->across.source],
                               volume->n[plane->down.source],
                               volume->n[plane->pages.source]}};

    return size;
}

void plane_spacing(const struct plane *plane, const double spacing[3],
                   double ret[3])
{
    ret[0] = spacing[plane->across.source];
    ret[1] = spacing[plane->down.source];
    ret[2] = spacing[plane->pages.source];
}

void plane_directions(const struct plane *plane,
                      const struct plane_vectors *volume,
                      struct plane_vectors *ret)
{
    const struct plane_axis axes[3] = {plane->across, plane->down,
                                       plane->pages};

    for (int i = 0; i < 3; i++) {
        for (int axis = 0; axis < 3; axis++) {
            double v = volume->v[axes[i].source][axis];

            ret->v[i][axis] = axes[i].reversed ? -v : v;
        }
    }
}

/* ---- copying ------------------------------------------------------------ */

/* The number along the volume's axis that stands at `i` of the result's. */
static uint32_t source_at(const struct plane_axis *axis,
                          const struct plane_size *volume, uint32_t i)
{
    return axis->reversed ? volume->n[axis->source] - 1 - i : i;
}

void plane_origin(const struct plane *plane, const struct plane_size *volume,
                  uint32_t ret[3])
{
    ret[plane->across.source] = source_at(&plane->across, volume, 0);
    ret[plane->down.source] = source_at(&plane->down, volume, 0);
    ret[plane->pages.source] = source_at(&plane->pages, volume, 0);
}

struct vol_range plane_range(const struct plane *plane,
                             const struct plane_size *volume, uint32_t page)
{
    struct vol_range range = {0, volume->n[PLANE_FRAMES]};

    if (plane->pages.source != PLANE_FRAMES)
        return range;
    range.first = source_at(&plane->pages, volume, page);
    range.count = 1;
    return range;
}

/* The whole frame is the page, perhaps mirrored and transposed: a quarter
 * turn takes y backwards across and x downwards. */
static void copy_frame(const struct plane *plane, const struct image *frame,
                       const struct image *page)
{
    struct orient o = {plane->across.reversed, plane->down.reversed, 0};

    if (plane->across.source == PLANE_ROWS) {
        o.flip_h = plane->down.reversed;
        o.flip_v = !plane->across.reversed;
        o.turns = 1;
    }
    orient_apply(&o, frame, page);
}

/* `count` pixels of `bytes`, each so many bytes behind the one before. */
struct line {
    const uint8_t *from;
    ptrdiff_t from_step;
    uint8_t *to;
    ptrdiff_t to_step;
    uint32_t count;
};

/* `bytes` is a constant at every call, so that memcpy becomes a move. */
static inline void copy_pixels(const struct line *line, size_t bytes)
{
    const uint8_t *from = line->from;
    uint8_t *to = line->to;

    for (uint32_t i = 0; i < line->count; i++) {
        memcpy(to, from, bytes);
        from += line->from_step;
        to += line->to_step;
    }
}

static void copy_line(const struct line *line, size_t bytes)
{
    if (line->from_step == (ptrdiff_t)bytes &&
        line->to_step == (ptrdiff_t)bytes) {
        memcpy(line->to, line->from, bytes * line->count);
        return;
    }
    switch (bytes) {
    case 1:
        copy_pixels(line, 1);
        return;
    case 2:
        copy_pixels(line, 2);
        return;
    case 3:
        copy_pixels(line, 3);
        return;
    case 4:
        copy_pixels(line, 4);
        return;
    case 8:
        copy_pixels(line, 8);
        return;
    default:
        copy_pixels(line, bytes);
        return;
    }
}

/* The line of `page` that frame f makes: a row of it if the frames go down,
 * a column if they go across. */
static void copy_to_page(const struct plane *plane,
                         const struct plane_size *volume,
                         const struct image *frame, uint32_t f, uint32_t page,
                         const struct image *ret)
{
    bool is_row = plane->down.source == PLANE_FRAMES;
    const struct plane_axis *along = is_row ? &plane->across : &plane->down;
    const struct plane_axis *frames = is_row ? &plane->down : &plane->across;
    ptrdiff_t pixel = (ptrdiff_t)(frame->channels * sample_bytes(frame->type));
    ptrdiff_t steps[2] = {pixel, (ptrdiff_t)frame->stride_bytes};
    uint32_t at = frames->reversed ? volume->n[PLANE_FRAMES] - 1 - f : f;
    struct line line = {
        .from = frame->data,
        .from_step = steps[along->source],
        .to = is_row ? image_row(ret, at) : ret->data + at * (size_t)pixel,
        .to_step = is_row ? pixel : (ptrdiff_t)ret->stride_bytes,
        .count = volume->n[along->source],
    };

    line.from += (ptrdiff_t)source_at(&plane->pages, volume, page) *
                 steps[plane->pages.source];
    if (along->reversed) {
        line.from += (ptrdiff_t)(line.count - 1) * line.from_step;
        line.from_step = -line.from_step;
    }
    copy_line(&line, (size_t)pixel);
}

void plane_gather(const struct plane *plane, const struct plane_size *volume,
                  const struct image *frame, uint32_t f, uint32_t page,
                  uint32_t count, const struct image *pages)
{
    assert(frame->width == volume->n[PLANE_COLUMNS]);
    assert(frame->height == volume->n[PLANE_ROWS]);
    assert(f < volume->n[PLANE_FRAMES]);
    for (uint32_t i = 0; i < count; i++) {
        assert(image_same_type(frame, &pages[i]));
        if (plane->pages.source != PLANE_FRAMES)
            copy_to_page(plane, volume, frame, f, page + i, &pages[i]);
        else if (source_at(&plane->pages, volume, page + i) == f)
            copy_frame(plane, frame, &pages[i]);
    }
}
