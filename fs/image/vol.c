// SPDX-License-Identifier: MIT
/* vol.c: which frames, and the reductions sample by sample (vol.h). */
#include "image/vol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/sample.h"
#include "image/stack_kernel.h"
#include "image/vol_lapmip.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

/* Frames whose 32-bit sum cannot overflow: 65535 * 65535 < 2^32, and
 * 65535 * 32768 < 2^31. */
#define SUM32_FRAMES 65535U

struct vol {
    struct vol_spec spec;
    uint32_t count;
    uint32_t added;
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    enum sample_type type;

    struct image acc; /* max, min, or the only frame */
    void *sums;       /* mean: one per sample */
    uint8_t *frames;  /* median: all of them, tight rows */
    struct lapmip lapmip;
};

struct vol_range vol_range(uint32_t frames, uint32_t skip_first,
                           uint32_t skip_last)
{
    uint64_t skip = (uint64_t)skip_first + skip_last;
    struct vol_range range = {skip_first, 0};

    if (frames == 0)
        return (struct vol_range){0, 0};
    if (skip < frames) {
        range.count = frames - (uint32_t)skip;
        return range;
    }
    range.first = (uint32_t)((frames - 1) * (uint64_t)skip_first / skip);
    range.count = 1;
    return range;
}

/* ---- what there will be ------------------------------------------------- */

bool vol_result(const struct vol_spec *spec, uint32_t count, uint32_t channels,
                enum sample_type type, uint32_t *ret_channels,
                enum sample_type *ret_type)
{
    *ret_channels = channels;
    *ret_type = type;
    if (spec->op != VOL_LAPMIP || count == 1)
        return true;
    *ret_channels = 1;
    *ret_type = SAMPLE_U16;
    return type == SAMPLE_U8 || type == SAMPLE_U16;
}

static bool sums_are_integers(enum sample_type type, uint32_t count)
{
    return stack_sums_are_integers(type) && count <= SUM32_FRAMES;
}

/* Bytes of what is kept between two frames, lapmip aside. */
static bool kept_size(const struct vol_spec *spec, uint32_t count,
                      uint32_t width, uint32_t height, uint32_t channels,
                      enum sample_type type, size_t *ret)
{
    if (spec->op == VOL_MEAN && count > 1)
        return image_size(
            width, height, channels,
            sums_are_integers(type, count) ? SAMPLE_U32 : SAMPLE_F64, ret);
    if (!image_size(width, height, channels, type, ret))
        return false;
    return spec->op != VOL_MEDIAN || checked_mul_size(*ret, count, ret);
}

static bool tile_size(enum sample_type type, uint32_t count, size_t *ret)
{
    return checked_mul_size(STACK_BLOCK * sample_bytes(type), count, ret);
}

size_t vol_bytes(const struct vol_spec *spec, uint32_t count, uint32_t width,
                 uint32_t height, uint32_t channels, enum sample_type type)
{
    size_t bytes;
    size_t tile;

    if (spec->op == VOL_LAPMIP && count > 1)
        return lapmip_bytes(width, height);
    if (!kept_size(spec, count, width, height, channels, type, &bytes))
        return SIZE_MAX;
    if (spec->op != VOL_MEDIAN || count == 1)
        return bytes;
    if (!tile_size(type, count, &tile) ||
        !checked_add_size(bytes, tile, &bytes))
        return SIZE_MAX;
    return bytes;
}

/* ---- adding ------------------------------------------------------------- */

int vol_begin(const struct vol_spec *spec, uint32_t count, struct vol **ret,
              struct error *err)
{
    struct vol *vol;

    if (count == 0)
        return error_set(err, ERROR_INTERNAL, "no frames to combine");
    vol = calloc(1, sizeof *vol);
    if (!vol)
        return error_no_memory(err);
    vol->spec = *spec;
    vol->count = count;
    *ret = vol;
    return 0;
}

void vol_free(struct vol *vol)
{
    int saved = errno;

    if (!vol)
        return;
    image_free(&vol->acc);
    free(vol->sums);
    free(vol->frames);
    lapmip_deinit(&vol->lapmip);
    free(vol);
    errno = saved;
}

static size_t row_samples(const struct vol *vol)
{
    return (size_t)vol->width * vol->channels;
}

static int reserve(struct vol *vol, struct error *err)
{
    size_t size;

    if (vol->count == 1 || vol->spec.op == VOL_MAX || vol->spec.op == VOL_MIN)
        return image_alloc(vol->width, vol->height, vol->channels, vol->type,
                           &vol->acc, err);
    if (vol->spec.op == VOL_LAPMIP)
        return lapmip_init(&vol->lapmip, &vol->spec, vol->count, vol->width,
                           vol->height, err);
    if (!kept_size(&vol->spec, vol->count, vol->width, vol->height,
                   vol->channels, vol->type, &size))
        return error_set(err, ERROR_TOO_BIG, "%u frames of %ux%u are too many",
                         vol->count, vol->width, vol->height);
    if (vol->spec.op == VOL_MEAN)
        vol->sums = calloc(1, size);
    else
        vol->frames = malloc(size);
    return vol->sums || vol->frames ? 0 : error_no_memory(err);
}

static int start(struct vol *vol, const struct image *frame, struct error *err)
{
    uint32_t channels;
    enum sample_type type;

    if (!vol_result(&vol->spec, vol->count, frame->channels, frame->type,
                    &channels, &type))
        return error_set(err, ERROR_UNSUPPORTED,
                         "lapmip works on display samples");
    vol->width = frame->width;
    vol->height = frame->height;
    vol->channels = frame->channels;
    vol->type = frame->type;
    return reserve(vol, err);
}

static int check_frame(const struct vol *vol, const struct image *frame,
                       struct error *err)
{
    if (vol->added == vol->count)
        return error_set(err, ERROR_INTERNAL, "more than %u frames to combine",
                         vol->count);
    if (vol->added == 0)
        return 0;
    if (frame->width == vol->width && frame->height == vol->height &&
        frame->channels == vol->channels && frame->type == vol->type)
        return 0;
    return error_set(err, ERROR_CORRUPT,
                     "frame %u is %ux%ux%u, the first one %ux%ux%u",
                     vol->added + 1, frame->width, frame->height,
                     frame->channels, vol->width, vol->height, vol->channels);
}

static void add_sums(struct vol *vol, const struct image *frame, uint32_t y)
{
    size_t n = row_samples(vol);
    size_t at = n * y;

    if (stack_sums_are_integers(vol->type) &&
        !sums_are_integers(vol->type, vol->count)) {
        for (size_t i = 0; i < n; i++)
            ((double *)vol->sums)[at + i] +=
                sample_get(image_row(frame, y), vol->type, i);
        return;
    }
    at *= sums_are_integers(vol->type, vol->count) ? sizeof(uint32_t)
                                                   : sizeof(double);
    stack_kernels_best()->add(vol->type, image_row(frame, y), n,
                              (uint8_t *)vol->sums + at);
}

static void add_row(struct vol *vol, const struct image *frame, uint32_t y)
{
    const struct stack_kernels *kernels = stack_kernels_best();
    size_t n = row_samples(vol);
    size_t bytes = image_row_bytes(frame);

    if (vol->spec.op == VOL_MEAN)
        add_sums(vol, frame, y);
    else if (vol->spec.op == VOL_MEDIAN)
        memcpy(vol->frames + ((size_t)vol->added * vol->height + y) * bytes,
               image_row(frame, y), bytes);
    else if (vol->spec.op == VOL_MAX)
        kernels->max(vol->type, image_row(frame, y), n,
                     image_row(&vol->acc, y));
    else
        kernels->min(vol->type, image_row(frame, y), n,
                     image_row(&vol->acc, y));
}

int vol_add(struct vol *vol, const struct image *frame, struct error *err)
{
    if (check_frame(vol, frame, err) < 0)
        return -1;
    if (vol->added == 0 && start(vol, frame, err) < 0)
        return -1;
    if (vol->added == 0 && vol->acc.data) {
        image_copy(frame, &vol->acc);
    } else if (vol->spec.op == VOL_LAPMIP) {
        lapmip_add(&vol->lapmip, frame, vol->added);
    } else {
        for (uint32_t y = 0; y < vol->height; y++)
            add_row(vol, frame, y);
    }
    vol->added++;
    return 0;
}

/* ---- results ------------------------------------------------------------ */

/* Half away from zero. The quotient of two integers is never so close to a
 * half that f64 mistakes it: 1/(2 * 131071) is far above its ulp. */
static void finish_mean(const struct vol *vol, const struct image *dst)
{
    bool is_integer = sums_are_integers(vol->type, vol->count);
    size_t n = row_samples(vol);

    for (uint32_t y = 0; y < vol->height; y++) {
        for (size_t i = 0; i < n; i++) {
            size_t at = n * y + i;
            double sum;

            if (!is_integer)
                sum = ((const double *)vol->sums)[at];
            else if (vol->type == SAMPLE_I16)
                sum = ((const int32_t *)vol->sums)[at];
            else
                sum = ((const uint32_t *)vol->sums)[at];
            sample_set(image_row(dst, y), dst->type, i, sum / vol->count);
        }
    }
}

/* Samples i .. of row y of all frames as the rows of a tile. */
static void fill_tile(const struct vol *vol, uint32_t y, size_t i, size_t n,
                      uint8_t *tile)
{
    size_t sample = sample_bytes(vol->type);
    size_t row = row_samples(vol) * sample;
    const uint8_t *at = vol->frames + y * row + i * sample;

    for (uint32_t f = 0; f < vol->count; f++) {
        memcpy(tile + f * STACK_BLOCK * sample, at, n * sample);
        at += row * vol->height;
    }
}

static int finish_median(const struct vol *vol, const struct image *dst,
                         struct error *err)
{
    CLEANUP_FREE uint8_t *tile = NULL;
    double middle[STACK_BLOCK]; /* room for any type */
    size_t sample = sample_bytes(vol->type);
    size_t n = row_samples(vol);
    size_t size;

    if (!tile_size(vol->type, vol->count, &size))
        return error_set(err, ERROR_TOO_BIG, "%u frames are too many",
                         vol->count);
    tile = calloc(1, size); /* the end of a row leaves columns over */
    if (!tile)
        return error_no_memory(err);
    for (uint32_t y = 0; y < vol->height; y++) {
        for (size_t i = 0; i < n; i += STACK_BLOCK) {
            size_t some = n - i < STACK_BLOCK ? n - i : STACK_BLOCK;

            fill_tile(vol, y, i, some, tile);
            stack_kernels_best()->median(vol->type, tile, vol->count, middle);
            memcpy(image_row(dst, y) + i * sample, middle, some * sample);
        }
    }
    return 0;
}

static bool result_fits(const struct vol *vol, const struct image *dst)
{
    uint32_t channels;
    enum sample_type type;

    (void)vol_result(&vol->spec, vol->count, vol->channels, vol->type,
                     &channels, &type);
    return dst->width == vol->width && dst->height == vol->height &&
           dst->channels == channels && dst->type == type;
}

int vol_finish(struct vol *vol, const struct image *dst, struct error *err)
{
    if (vol->added < vol->count)
        return error_set(err, ERROR_INTERNAL, "%u of %u frames to combine",
                         vol->added, vol->count);
    if (!result_fits(vol, dst))
        return error_set(err, ERROR_INTERNAL,
                         "the combined frame has another shape");
    if (vol->acc.data) {
        image_copy(&vol->acc, dst);
        return 0;
    }
    if (vol->spec.op == VOL_LAPMIP)
        return lapmip_finish(&vol->lapmip, dst, err);
    if (vol->spec.op == VOL_MEDIAN)
        return finish_median(vol, dst, err);
    finish_mean(vol, dst);
    return 0;
}
