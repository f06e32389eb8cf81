// SPDX-License-Identifier: MIT
/*
 * orient.c: the eight ways to lay down a rectangle (orient.h).
 *
 * Every orientation is "perhaps transpose, then perhaps reverse each axis", so
 * the address of the source of pixel (x, y) is an affine function of x and y:
 *
 *     turns 0          (x, y)        turns 1   (y, h-1-x)
 *     turns 2   (w-1-x, h-1-y)       turns 3   (w-1-y, x)
 *
 * with w, h of the source, and the mirrors applied to that. Pixels move as
 * blobs of 1 to 24 bytes.
 */
#include "image/orient.h"

#include <assert.h>
#include <string.h>

#include "image/image.h"

/* Source address = start + x * step_x + y * step_y bytes. */
struct walk {
    const uint8_t *start;
    ptrdiff_t step_x;
    ptrdiff_t step_y;
};

/* A square of the result whose source lines stay in the L1 cache. */
#define TILE 32U

bool orient_is_identity(const struct orient *o)
{
    unsigned turns = o->turns & 3;

    if (turns == 0)
        return !o->flip_h && !o->flip_v;
    return turns == 2 && o->flip_h && o->flip_v;
}

/* Both mirrors are a half turn, so at most a horizontal mirror is left. */
static struct orient normal(const struct orient *o)
{
    struct orient n = {.flip_h = o->flip_h != o->flip_v,
                       .flip_v = false,
                       .turns = o->turns & 3};

    if (o->flip_v)
        n.turns = (n.turns + 2) & 3;
    return n;
}

struct orient orient_then(const struct orient *a, const struct orient *b)
{
    struct orient first = normal(a);
    struct orient second = normal(b);
    struct orient both = {.flip_h = first.flip_h != second.flip_h};

    /* a mirror after turns is the mirror before the opposite turns */
    if (second.flip_h)
        both.turns = (4 - first.turns + second.turns) & 3;
    else
        both.turns = (first.turns + second.turns) & 3;
    return both;
}

void orient_size(const struct orient *o, uint32_t width, uint32_t height,
                 uint32_t *ret_width, uint32_t *ret_height)
{
    bool is_turned = (o->turns & 1) != 0;

    *ret_width = is_turned ? height : width;
    *ret_height = is_turned ? width : height;
}

static struct walk walk_of(const struct orient *o, const struct image *src)
{
    ptrdiff_t pixel = (ptrdiff_t)(src->channels * sample_bytes(src->type));
    ptrdiff_t stride = (ptrdiff_t)src->stride_bytes;
    ptrdiff_t right = (ptrdiff_t)(src->width - 1) * pixel;
    ptrdiff_t bottom = (ptrdiff_t)(src->height - 1) * stride;
    unsigned turns = o->turns & 3;
    bool from_right = (turns == 2 || turns == 3) != o->flip_h;
    bool from_bottom = (turns == 1 || turns == 2) != o->flip_v;
    struct walk walk = {.start = src->data};

    if (from_right)
        walk.start += right;
    if (from_bottom)
        walk.start += bottom;
    pixel = from_right ? -pixel : pixel;
    stride = from_bottom ? -stride : stride;
    walk.step_x = (turns & 1) ? stride : pixel;
    walk.step_y = (turns & 1) ? pixel : stride;
    return walk;
}

/* `bytes` is a constant at every call, so that memcpy becomes a move. */
static inline void tile_copy(const struct walk *walk, const struct image *dst,
                             const struct image_box *box, size_t bytes)
{
    for (uint32_t y = box->y; y < box->y + box->height; y++) {
        const uint8_t *in = walk->start + (ptrdiff_t)y * walk->step_y +
                            (ptrdiff_t)box->x * walk->step_x;
        uint8_t *out = image_row(dst, y) + (size_t)box->x * bytes;

        for (uint32_t x = 0; x < box->width; x++) {
            memcpy(out, in, bytes);
            in += walk->step_x;
            out += bytes;
        }
    }
}

static void tile(const struct walk *walk, const struct image *dst,
                 const struct image_box *box, size_t bytes)
{
    switch (bytes) {
    case 1:
        tile_copy(walk, dst, box, 1);
        return;
    case 2:
        tile_copy(walk, dst, box, 2);
        return;
    case 3:
        tile_copy(walk, dst, box, 3);
        return;
    case 4:
        tile_copy(walk, dst, box, 4);
        return;
    case 6:
        tile_copy(walk, dst, box, 6);
        return;
    case 8:
        tile_copy(walk, dst, box, 8);
        return;
    case 12:
        tile_copy(walk, dst, box, 12);
        return;
    default:
        tile_copy(walk, dst, box, bytes);
        return;
    }
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void orient_apply(const struct orient *o, const struct image *src,
                  const struct image *dst)
{
    size_t bytes = src->channels * sample_bytes(src->type);
    bool is_turned = (o->turns & 1) != 0;
    struct walk walk;

    assert(image_same_type(src, dst));
    assert(dst->width == (is_turned ? src->height : src->width));
    assert(dst->height == (is_turned ? src->width : src->height));
    if (orient_is_identity(o)) {
        image_copy(src, dst);
        return;
    }
    walk = walk_of(o, src);
    for (uint32_t y = 0; y < dst->height; y += min_u32(TILE, dst->height - y)) {
        uint32_t step = is_turned ? TILE : dst->width;

        for (uint32_t x = 0; x < dst->width;
             x += min_u32(step, dst->width - x)) {
            struct image_box box = {x, y, min_u32(step, dst->width - x),
                                    min_u32(TILE, dst->height - y)};

            tile(&walk, dst, &box, bytes);
        }
    }
}
