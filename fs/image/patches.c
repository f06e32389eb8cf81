// SPDX-License-Identifier: MIT
/* patches.c: where patches begin (patches.h). */
#include "image/patches.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

/* Origins are kept where sums with sides cannot overflow. */
#define FAR 0x1p52

struct patches_size patches_resolve(const struct patches_size *size,
                                    const struct patches_size *volume)
{
    struct patches_size ret = *size;

    if (ret.depth == 0)
        ret.depth = volume->depth;
    return ret;
}

/* ---- grid --------------------------------------------------------------- */

static uint64_t tiles_along(uint32_t side, uint32_t tile, uint32_t stride)
{
    return side < tile ? 0 : (side - tile) / stride + 1;
}

/* The tiles on each axis, and their strides. */
struct grid {
    uint64_t columns;
    uint64_t rows;
    uint64_t layers;
    struct patches_size stride;
};

static struct grid grid_of(const struct patches_size *volume,
                           const struct patches_size *tile,
                           const struct patches_size *stride)
{
    struct patches_size t = patches_resolve(tile, volume);
    struct grid g = {.stride = patches_resolve(stride, volume)};

    g.columns = tiles_along(volume->width, t.width, g.stride.width);
    g.rows = tiles_along(volume->height, t.height, g.stride.height);
    g.layers = tiles_along(volume->depth, t.depth, g.stride.depth);
    return g;
}

uint64_t patches_grid_count(const struct patches_size *volume,
                            const struct patches_size *tile,
                            const struct patches_size *stride)
{
    struct grid g = grid_of(volume, tile, stride);
    uint64_t count;

    /* three numbers of 32 bits: of tiles nobody can have, as many as can be
     * counted */
    if (__builtin_mul_overflow(g.columns * g.rows, g.layers, &count))
        return UINT64_MAX;
    return count;
}

struct patches_origin patches_grid(const struct patches_size *volume,
                                   const struct patches_size *tile,
                                   const struct patches_size *stride,
                                   uint64_t k)
{
    struct grid g = grid_of(volume, tile, stride);
    struct patches_origin origin = {
        (int64_t)(k % g.columns * g.stride.width),
        (int64_t)(k / g.columns % g.rows * g.stride.height),
        (int64_t)(k / g.columns / g.rows * g.stride.depth),
    };

    return origin;
}

/* ---- canvas ------------------------------------------------------------- */

static int64_t centred(uint32_t side, uint32_t patch)
{
    return side >= patch ? (int64_t)((side - patch) / 2)
                         : -(int64_t)((patch - side) / 2);
}

struct patches_origin patches_canvas(const struct patches_size *volume,
                                     const struct patches_size *canvas)
{
    struct patches_size c = patches_resolve(canvas, volume);
    struct patches_origin origin = {
        centred(volume->width, c.width),
        centred(volume->height, c.height),
        centred(volume->depth, c.depth),
    };

    return origin;
}

/* ---- rand --------------------------------------------------------------- */

static void put_le64(uint64_t v, uint8_t ret[8])
{
    for (int i = 0; i < 8; i++)
        ret[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t start_of(const char *uid, uint64_t seed, uint64_t n)
{
    uint8_t numbers[16];

    put_le64(seed, numbers);
    put_le64(n, numbers + 8);
    return XXH64(numbers, sizeof numbers, XXH64(uid, strlen(uid), 0));
}

/* SplitMix64 (Steele, Lea, Flood, 2014). */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static int64_t drawn(uint64_t *state, uint32_t side, uint32_t patch)
{
    double u = (double)(next(state) >> 11) * 0x1p-53;

    if (side < patch)
        return centred(side, patch);
    return (int64_t)(u * ((double)(side - patch) + 1));
}

struct patches_origin patches_rand(const char *uid, uint64_t seed, uint64_t n,
                                   const struct patches_size *volume,
                                   const struct patches_size *patch)
{
    struct patches_size p = patches_resolve(patch, volume);
    uint64_t state = start_of(uid, seed, n);
    struct patches_origin origin;

    origin.x = drawn(&state, volume->width, p.width);
    origin.y = drawn(&state, volume->height, p.height);
    origin.z = drawn(&state, volume->depth, p.depth);
    return origin;
}

/* ---- roi ---------------------------------------------------------------- */

bool patches_roi(const double centre[3], const struct patches_size *patch,
                 struct patches_origin *ret)
{
    const uint32_t sides[3] = {patch->width, patch->height, patch->depth};
    int64_t at[3];

    for (int i = 0; i < 3; i++) {
        double origin = ceil(centre[i] - sides[i] / 2.0);

        if (!(fabs(origin) < FAR))
            return false;
        at[i] = (int64_t)origin;
    }
    *ret = (struct patches_origin){at[0], at[1], at[2]};
    if (patch->depth == 0)
        ret->z = 0;
    return true;
}

/* ---- frames ------------------------------------------------------------- */

int64_t patches_frame(enum pad_fill fill, int64_t z, uint32_t frames)
{
    if (z >= 0 && z < frames)
        return z;
    if (fill == PAD_FILL_VALUE)
        return -1;
    return pad_index(fill, z, frames);
}
