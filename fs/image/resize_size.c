// SPDX-License-Identifier: MIT
/* resize_size.c: output sizes from input sizes (resize.h, REF 4.1, 4.2). */
#include <math.h>

#include "image/resize.h"

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* round(n * scale) in f32, at least 1, at most what a size may be. */
static uint32_t scaled(uint32_t n, float scale)
{
    float size = roundf((float)n * scale);

    if (!(size >= 1))
        return 1;
    return size < 0x1p31F ? (uint32_t)size : INT32_MAX;
}

static void keep_all(struct resize_target *t)
{
    t->cut = (struct image_box){0, 0, t->width, t->height};
}

static void cut_centre(struct resize_target *t, uint32_t width, uint32_t height)
{
    t->cut.width = min_u32(t->width, width);
    t->cut.height = min_u32(t->height, height);
    t->cut.x = (t->width - t->cut.width) / 2;
    t->cut.y = (t->height - t->cut.height) / 2;
}

struct resize_target resize_size(enum resize_mode mode, uint32_t width,
                                 uint32_t height, uint32_t ask_width,
                                 uint32_t ask_height, bool noup)
{
    struct resize_target t = {
        .scale_x = (float)ask_width / (float)width,
        .scale_y = (float)ask_height / (float)height,
    };

    if (noup) {
        t.scale_x = fminf(t.scale_x, 1);
        t.scale_y = fminf(t.scale_y, 1);
    }
    if (mode == RESIZE_FIT)
        t.scale_x = t.scale_y = fminf(t.scale_x, t.scale_y);
    else if (mode == RESIZE_COVER)
        t.scale_x = t.scale_y = fmaxf(t.scale_x, t.scale_y);
    t.width = scaled(width, t.scale_x);
    t.height = scaled(height, t.scale_y);
    if (mode == RESIZE_FIT) { /* f32 may round a huge side up */
        t.width = min_u32(t.width, ask_width);
        t.height = min_u32(t.height, ask_height);
    } else if (mode == RESIZE_STRETCH) {
        t.width = noup ? min_u32(width, ask_width) : ask_width;
        t.height = noup ? min_u32(height, ask_height) : ask_height;
    } else {
        t.width =
            max_u32(t.width, noup ? min_u32(width, ask_width) : ask_width);
        t.height =
            max_u32(t.height, noup ? min_u32(height, ask_height) : ask_height);
    }
    if (mode == RESIZE_COVER)
        cut_centre(&t, ask_width, ask_height);
    else
        keep_all(&t);
    return t;
}

static bool is_positive(float v)
{
    return isfinite(v) && v > 0;
}

/* One axis in the order of REF's f32 steps; false if it is too long. */
static bool spacing_axis(uint32_t n, float px_per_mm, float mm, bool noup,
                         uint32_t *ret_size, float *ret_scale)
{
    float scale = (1.0F / mm) / px_per_mm;
    float size;

    if (noup)
        scale = fminf(scale, 1);
    size = fmaxf(roundf((float)n * scale), 1);
    *ret_scale = size / (float)n;
    size = roundf((float)n * *ret_scale);
    if (!(size < 0x1p31F))
        return false;
    *ret_size = max_u32((uint32_t)size, 1);
    return true;
}

int resize_spacing(uint32_t width, uint32_t height, float px_per_mm_x,
                   float px_per_mm_y, float x_mm, float y_mm, bool noup,
                   struct resize_target *ret, struct error *err)
{
    if (!is_positive(px_per_mm_x) || !is_positive(px_per_mm_y) ||
        !is_positive(x_mm) || !is_positive(y_mm))
        return error_set(err, ERROR_INTERNAL,
                         "spacing: a number is not finite and positive");
    if (!spacing_axis(width, px_per_mm_x, x_mm, noup, &ret->width,
                      &ret->scale_x) ||
        !spacing_axis(height, px_per_mm_y, y_mm, noup, &ret->height,
                      &ret->scale_y))
        return error_set(err, ERROR_TOO_BIG,
                         "spacing %gx%g mm makes a frame that is too big",
                         (double)x_mm, (double)y_mm);
    keep_all(ret);
    return 0;
}
