// SPDX-License-Identifier: MIT
/* vol_interp.c: another number of frames, REF 7.3 and 7.4. */
#include <assert.h>
#include <math.h>

#include "image/image.h"
#include "image/stack_kernel.h"
#include "image/vol.h"

uint32_t vol_interp_frames(uint32_t frames, uint32_t target)
{
    return frames <= 1 ? frames : target;
}

struct vol_blend vol_blend_at(uint32_t frames, uint32_t target, uint32_t k)
{
    struct vol_blend blend = {0, 0, 0};
    float p;

    assert(frames > 0 && k < target);
    if (frames == 1 || target == 1)
        return blend;
    p = (float)k / (float)(target - 1);
    p *= (float)(frames - 1);
    blend.first = (uint32_t)floorf(p);
    blend.second = (uint32_t)ceilf(p);
    blend.weight = p - (float)blend.first;
    return blend;
}

uint32_t vol_size_frames(uint32_t frames, uint32_t depth, bool noup)
{
    if (frames <= 1 || (noup && depth > frames))
        return frames;
    return depth;
}

int vol_spacing_frames(uint32_t frames, float per_mm, float z_mm, bool noup,
                       uint32_t max, uint32_t *ret, struct error *err)
{
    float target;

    if (!isfinite(per_mm) || !isfinite(z_mm) || per_mm <= 0 || z_mm <= 0)
        return error_set(err, ERROR_INTERNAL,
                         "no depth of %g mm and %g frames per mm", (double)z_mm,
                         (double)per_mm);
    *ret = frames;
    if (frames <= 1)
        return 0;
    target = roundf((float)(frames - 1) / per_mm / z_mm) + 1.0F;
    if (target <= 1.0F || (noup && target > (float)frames))
        return 0;
    if (!(target <= (float)max))
        return error_set(err, ERROR_TOO_BIG,
                         "a depth of %g frames is more than %u", (double)target,
                         max);
    *ret = (uint32_t)target;
    return 0;
}

double vol_spacing_after(double spacing, uint32_t frames, uint32_t target)
{
    if (frames <= 1 || target <= 1)
        return spacing;
    return spacing * (frames - 1) / (target - 1);
}

void vol_blend(const struct image *first, const struct image *second,
               float weight, const struct image *dst)
{
    const struct stack_kernels *kernels = stack_kernels_best();

    if (weight == 0) {
        image_copy(first, dst);
        return;
    }
    assert(image_same_size(first, second) && image_same_type(first, second));
    assert(image_same_size(first, dst) && image_same_type(first, dst));
    for (uint32_t y = 0; y < dst->height; y++)
        kernels->blend(dst->type, image_row(first, y), image_row(second, y),
                       weight, (size_t)dst->width * dst->channels,
                       image_row(dst, y));
}
