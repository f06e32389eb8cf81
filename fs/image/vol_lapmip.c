// SPDX-License-Identifier: MIT
/* vol_lapmip.c: REF 7.5, all in f32, one multiplication and one addition at a
 * time. */
#include "image/vol_lapmip.h"

#include <math.h>
#include <string.h>

#include "image/image.h"
#include "image/luma.h"
#include "image/stack_kernel.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

int lapmip_init(struct lapmip *l, const struct vol_spec *spec, uint32_t count,
                uint32_t width, uint32_t height, struct error *err)
{
    *l = (struct lapmip){.spec = *spec, .count = count};
    if (width > UINT32_MAX - 2 * BILATERAL_RADIUS)
        return error_set(err, ERROR_TOO_BIG, "%u columns are too many", width);
    if (image_alloc(width + 2 * BILATERAL_RADIUS, height, 1, SAMPLE_F32,
                    &l->base, err) < 0 ||
        image_alloc(width, height, 1, SAMPLE_U16, &l->mip, err) < 0 ||
        image_alloc(width, 1, 1, SAMPLE_U16, &l->grey, err) < 0) {
        lapmip_deinit(l);
        return -1;
    }
    return 0;
}

void lapmip_deinit(struct lapmip *l)
{
    image_free(&l->base);
    image_free(&l->mip);
    image_free(&l->grey);
}

/* The pixels of a padded row. */
static float *inner(const struct image *padded, uint32_t y)
{
    return (float *)(void *)image_row(padded, y) + BILATERAL_RADIUS;
}

static uint16_t *row16(const struct image *image, uint32_t y)
{
    return (uint16_t *)(void *)image_row(image, y);
}

/* ---- adding ------------------------------------------------------------- */

/* A row as 16-bit grey: 8 bits times 257, colour by float luma (REF 3.6). */
static const uint16_t *grey_row(const struct lapmip *l,
                                const struct image *frame, uint32_t y)
{
    const uint8_t *in = image_row(frame, y);
    uint16_t *ret = row16(&l->grey, 0);

    if (frame->type == SAMPLE_U16 && frame->channels == 1)
        return row16(frame, y);
    for (size_t x = 0; x < frame->width; x++) {
        const uint8_t *p = in + 3 * x;

        if (frame->channels == 1)
            ret[x] = (uint16_t)(in[x] * 257U);
        else if (frame->type == SAMPLE_U8)
            ret[x] = (uint16_t)roundf(
                fminf(luma_float(p[0], p[1], p[2], 1.0F / 255.0F) * 65535.0F,
                      65535.0F));
        else
            ret[x] =
                luma_float16(row16(frame, y)[3 * x], row16(frame, y)[3 * x + 1],
                             row16(frame, y)[3 * x + 2]);
    }
    return ret;
}

void lapmip_add(struct lapmip *l, const struct image *frame, uint32_t index)
{
    const struct stack_kernels *kernels = stack_kernels_best();
    bool is_base = !l->spec.central || index == vol_central(l->count);
    size_t n = frame->width;

    for (uint32_t y = 0; y < frame->height; y++) {
        const uint16_t *row = grey_row(l, frame, y);

        if (index == 0)
            memcpy(row16(&l->mip, y), row, n * sizeof *row);
        else
            kernels->max(SAMPLE_U16, row, n, row16(&l->mip, y));
        if (!is_base)
            continue;
        if (index == 0 || l->spec.central)
            memset(inner(&l->base, y), 0, n * sizeof(float));
        kernels->add_unit(row, n, inner(&l->base, y));
    }
}

/* ---- the two images that the filter takes ------------------------------- */

/* The sum divided by its largest pixel, if there is any light. */
static void scale_base(const struct image *base, uint32_t width)
{
    float max = 0;

    for (uint32_t y = 0; y < base->height; y++) {
        for (uint32_t x = 0; x < width; x++)
            max = fmaxf(max, inner(base, y)[x]);
    }
    if (!(max > 0))
        return;
    for (uint32_t y = 0; y < base->height; y++) {
        for (uint32_t x = 0; x < width; x++)
            inner(base, y)[x] /= max;
    }
}

static int unit_mip(const struct image *mip, struct image *ret,
                    struct error *err)
{
    if (image_alloc(mip->width + 2 * BILATERAL_RADIUS, mip->height, 1,
                    SAMPLE_F32, ret, err) < 0)
        return -1;
    for (uint32_t y = 0; y < mip->height; y++) {
        memset(inner(ret, y), 0, mip->width * sizeof(float));
        stack_kernels_best()->add_unit(row16(mip, y), mip->width,
                                       inner(ret, y));
    }
    return 0;
}

/* ---- bilateral filter --------------------------------------------------- */

/* Repeats the first and the last pixel of every row to both sides. */
static void pad_rows(const struct image *padded, uint32_t width)
{
    for (uint32_t y = 0; y < padded->height; y++) {
        float *row = inner(padded, y);

        for (int i = 1; i <= BILATERAL_RADIUS; i++) {
            row[-i] = row[0];
            row[width - 1 + (uint32_t)i] = row[width - 1];
        }
    }
}

/* Filters `padded`, of which the margins are made here, into `ret`. */
static void smooth(const struct bilateral *b, const struct image *padded,
                   const struct image *ret)
{
    pad_rows(padded, ret->width);
    for (uint32_t y = 0; y < ret->height; y++) {
        const float *rows[BILATERAL_SIDE];

        for (uint32_t i = 0; i < BILATERAL_SIDE; i++) {
            int64_t at = (int64_t)y + i - BILATERAL_RADIUS;

            at = at < 0 ? 0 : at < ret->height ? at : ret->height - 1;
            rows[i] = inner(padded, (uint32_t)at) - BILATERAL_RADIUS;
        }
        stack_kernels_best()->bilateral(b, rows, ret->width,
                                        (float *)(void *)image_row(ret, y));
    }
}

/* ---- one level of the pyramid ------------------------------------------- */

static const float gauss[5] = {1.0F / 16, 4.0F / 16, 6.0F / 16, 4.0F / 16,
                               1.0F / 16};

static uint32_t clamp_at(int64_t i, uint32_t n)
{
    return i < 0 ? 0 : i < n ? (uint32_t)i : n - 1;
}

static const float *row32(const struct image *image, uint32_t y)
{
    return (const float *)(const void *)image_row(image, y);
}

/* Every second pixel of a row, smoothed along it. */
static void reduce_row(const float *in, uint32_t width, float *ret)
{
    for (uint32_t x = 0; x < width; x += 2) {
        float sum = 0;

        for (uint32_t k = 0; k < 5; k++)
            sum += in[clamp_at((int64_t)x + k - 2, width)] * gauss[k];
        ret[x / 2] = sum;
    }
}

/* Every second pixel of every second row, smoothed across, then down. */
static int reduce(const struct image *in, struct image *ret, struct error *err)
{
    CLEANUP(image_free) struct image across = {0};
    uint32_t width = (in->width + 1) / 2;

    if (image_alloc(width, in->height, 1, SAMPLE_F32, &across, err) < 0 ||
        image_alloc(width, (in->height + 1) / 2, 1, SAMPLE_F32, ret, err) < 0)
        return -1;
    for (uint32_t y = 0; y < in->height; y++)
        reduce_row(row32(in, y), in->width,
                   (float *)(void *)image_row(&across, y));
    for (uint32_t y = 0; y < in->height; y += 2) {
        float *out = (float *)(void *)image_row(ret, y / 2);

        memset(out, 0, width * sizeof *out);
        for (uint32_t k = 0; k < 5; k++) {
            const float *row =
                row32(&across, clamp_at((int64_t)y + k - 2, in->height));

            for (uint32_t x = 0; x < width; x++)
                out[x] += row[x] * gauss[k];
        }
    }
    return 0;
}

/* Where an expanded pixel lies between two reduced ones. */
struct between {
    uint32_t first;
    uint32_t second;
    float weight;
};

static struct between between(uint32_t i, uint32_t n, uint32_t reduced)
{
    float at = (float)i * (float)(reduced - 1) / (float)(n > 1 ? n - 1 : 1);
    struct between b = {.first = (uint32_t)floorf(at)};

    b.second = b.first + 1 < reduced ? b.first + 1 : reduced - 1;
    b.weight = at - (float)b.first;
    return b;
}

static float expand(const struct image *reduced, const struct between *x,
                    const struct between *y)
{
    const float *top = row32(reduced, y->first);
    const float *bottom = row32(reduced, y->second);
    float fx = x->weight;
    float fy = y->weight;

    return top[x->first] * (1.0F - fx) * (1.0F - fy) +
           top[x->second] * fx * (1.0F - fy) +
           bottom[x->first] * (1.0F - fx) * fy + bottom[x->second] * fx * fy;
}

/* The two smoothed images and their reductions. */
struct levels {
    struct image base;
    struct image mip;
    struct image base_reduced;
    struct image mip_reduced;
    struct between *columns;
};

static void levels_deinit(struct levels *levels)
{
    image_free(&levels->base);
    image_free(&levels->mip);
    image_free(&levels->base_reduced);
    image_free(&levels->mip_reduced);
    free(levels->columns);
}

static void combine_row(const struct levels *levels, float weight, uint32_t y,
                        uint32_t height, uint16_t *ret)
{
    struct between at_y = between(y, height, levels->base_reduced.height);
    const float *base = row32(&levels->base, y);
    const float *mip = row32(&levels->mip, y);

    for (uint32_t x = 0; x < levels->base.width; x++) {
        const struct between *at_x = &levels->columns[x];
        float e = expand(&levels->base_reduced, at_x, &at_y);
        float l = base[x] - e;
        float m = mip[x] - expand(&levels->mip_reduced, at_x, &at_y);
        float out = 1.0F * e + (2.0F * e) * (l + weight * m);

        out = out > 0.0F ? out : 0.0F;
        out = out < 1.0F ? out : 1.0F;
        ret[x] = (uint16_t)(out * 65535.0F);
    }
}

/* Filters what was accumulated; each image is released as soon as its
 * successor is there. */
static int make_levels(struct lapmip *l, uint32_t width, uint32_t height,
                       struct levels *ret, struct error *err)
{
    CLEANUP(image_free) struct image mip = {0};
    CLEANUP_FREE struct bilateral *b = malloc(sizeof *b);

    ret->columns = calloc(width, sizeof *ret->columns);
    if (!b || !ret->columns)
        return error_no_memory(err);
    bilateral_init(b);
    if (!l->spec.central)
        scale_base(&l->base, width);
    if (image_alloc(width, height, 1, SAMPLE_F32, &ret->base, err) < 0)
        return -1;
    smooth(b, &l->base, &ret->base);
    image_free(&l->base);
    if (unit_mip(&l->mip, &mip, err) < 0)
        return -1;
    image_free(&l->mip);
    if (image_alloc(width, height, 1, SAMPLE_F32, &ret->mip, err) < 0)
        return -1;
    smooth(b, &mip, &ret->mip);
    image_free(&mip);
    if (reduce(&ret->base, &ret->base_reduced, err) < 0 ||
        reduce(&ret->mip, &ret->mip_reduced, err) < 0)
        return -1;
    for (uint32_t x = 0; x < width; x++)
        ret->columns[x] = between(x, width, ret->base_reduced.width);
    return 0;
}

int lapmip_finish(struct lapmip *l, const struct image *dst, struct error *err)
{
    CLEANUP(levels_deinit) struct levels levels = {0};

    if (make_levels(l, dst->width, dst->height, &levels, err) < 0)
        return -1;
    for (uint32_t y = 0; y < dst->height; y++)
        combine_row(&levels, l->spec.weight, y, dst->height, row16(dst, y));
    return 0;
}

size_t lapmip_bytes(uint32_t width, uint32_t height)
{
    size_t padded;
    size_t bytes;

    /* the most is there while the maximum is filtered: both smoothed images
     * and one padded; before that, one and a half less */
    if (!image_size(width, height, 3, SAMPLE_F32, &bytes) ||
        !checked_mul_size(height, 2 * BILATERAL_RADIUS * sizeof(float),
                          &padded) ||
        !checked_add_size(bytes, padded, &bytes) ||
        !checked_add_size(bytes, sizeof(struct bilateral), &bytes) ||
        !checked_add_size(bytes, width * sizeof(struct between), &bytes))
        return SIZE_MAX;
    return bytes;
}
