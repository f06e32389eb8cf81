// SPDX-License-Identifier: MIT
/* resize.c: resampling one frame with a plan (resize.h). */
#include "image/resize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/resize_kernel.h"
#include "image/resize_plan.h"
#include "prepfs/checked.h"

/* The three areas of one block of RESIZE_LANES output rows. */
struct work {
    float *rows;  /* [row][source sample] */
    float *lanes; /* [source sample][row] */
    float *out;   /* [output sample][row] */
    size_t in_samples;
    size_t out_samples;
};

/* Bytes of all three, up to a multiple of IMAGE_ALIGN. */
static bool work_size(const struct work *work, size_t *ret)
{
    size_t in;
    size_t out;

    if (!checked_mul_size(work->in_samples, 2 * RESIZE_LANES * sizeof(float),
                          &in) ||
        !checked_mul_size(work->out_samples, RESIZE_LANES * sizeof(float),
                          &out) ||
        !checked_add_size(in, out, ret) ||
        !checked_add_size(*ret, IMAGE_ALIGN - 1, ret))
        return false;
    *ret &= ~(IMAGE_ALIGN - 1);
    return true;
}

void resize_scratch_free(struct resize_scratch *scratch)
{
    int saved = errno;

    free(scratch->data);
    *scratch = (struct resize_scratch){NULL, 0};
    errno = saved;
}

static int scratch_reserve(struct resize_scratch *scratch, size_t size,
                           struct error *err)
{
    if (scratch->size >= size)
        return 0;
    resize_scratch_free(scratch);
    scratch->data = aligned_alloc(IMAGE_ALIGN, size);
    if (!scratch->data)
        return error_no_memory(err);
    scratch->size = size;
    return 0;
}

/* Output rows y .. y+count-1. */
static void make_block(const struct resize_kernels *kernels,
                       const struct resize_plan *plan, const struct image *src,
                       const struct image *dst, const struct work *work,
                       uint32_t y, uint32_t count)
{
    bool is_max = plan->filter == RESIZE_MAXPOOL;

    for (uint32_t r = 0; r < count; r++) {
        const struct resize_tap *tap = &plan->y.taps[y + r];
        struct resize_rows rows = {image_row(src, tap->first),
                                   src->stride_bytes, src->type, tap->count,
                                   work->in_samples};
        float *ret = work->rows + r * work->in_samples;

        if (is_max)
            kernels->vertical_max(&rows, ret);
        else
            kernels->vertical(&rows, plan->y.weights + tap->weight, ret);
    }
    if (count < RESIZE_LANES)
        memset(work->rows + count * work->in_samples, 0,
               (RESIZE_LANES - count) * work->in_samples * sizeof(float));
    kernels->interleave(work->rows, work->in_samples, work->lanes);
    if (is_max)
        kernels->horizontal_max(&plan->x, src->channels, work->lanes,
                                work->out);
    else
        kernels->horizontal(&plan->x, src->channels, work->lanes, work->out);
    kernels->store(work->out, work->out_samples, count, dst->type,
                   image_row(dst, y), dst->stride_bytes);
}

static int make_frame(const struct resize_kernels *kernels,
                      const struct resize_plan *plan, const struct image *src,
                      const struct image *dst, struct resize_scratch *scratch,
                      struct error *err)
{
    struct work work = {
        .in_samples = (size_t)src->width * src->channels,
        .out_samples = (size_t)dst->width * dst->channels,
    };
    size_t size;

    if (!work_size(&work, &size))
        return error_set(err, ERROR_TOO_BIG, "resize of %u columns is too big",
                         src->width);
    if (scratch_reserve(scratch, size, err) < 0)
        return -1;
    work.rows = scratch->data;
    work.lanes = work.rows + RESIZE_LANES * work.in_samples;
    work.out = work.lanes + RESIZE_LANES * work.in_samples;
    for (uint32_t y = 0; y < dst->height;) {
        uint32_t left = dst->height - y;
        uint32_t count = left < RESIZE_LANES ? left : RESIZE_LANES;

        make_block(kernels, plan, src, dst, &work, y, count);
        y += count;
    }
    return 0;
}

static bool is_wide(enum sample_type type)
{
    return type == SAMPLE_U32 || type == SAMPLE_I32 || type == SAMPLE_F64;
}

int resize_apply_with(const struct resize_kernels *kernels,
                      const struct resize_plan *plan, const struct image *src,
                      const struct image *dst, struct resize_scratch *scratch,
                      struct error *err)
{
    struct resize_scratch own = {NULL, 0};
    struct image kept;
    int rc;

    if (src->width != plan->x.inputs || src->height != plan->y.inputs ||
        dst->width != plan->cut.width || dst->height != plan->cut.height ||
        !image_same_type(src, dst))
        return error_set(err, ERROR_INTERNAL,
                         "resize: the images do not fit the plan");
    if (plan->is_copy) {
        kept = image_sub(src, &plan->cut);
        image_copy(&kept, dst);
        return 0;
    }
    if (is_wide(src->type))
        return resize_apply_wide(plan, src, dst, err);
    rc = make_frame(kernels, plan, src, dst, scratch ? scratch : &own, err);
    resize_scratch_free(&own);
    return rc;
}

int resize_apply(const struct resize_plan *plan, const struct image *src,
                 const struct image *dst, struct resize_scratch *scratch,
                 struct error *err)
{
    return resize_apply_with(resize_kernels_best(), plan, src, dst, scratch,
                             err);
}
