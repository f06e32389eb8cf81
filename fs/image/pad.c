// SPDX-License-Identifier: MIT
#include "image/pad.h"

#include <string.h>

#include "image/image.h"
#include "image/luma.h"
#include "image/sample.h"

/* Black pixels of column or row number `at`. */
static uint32_t count_zeros(const struct image *frame, bool is_column,
                            uint32_t at)
{
    uint32_t count = is_column ? frame->height : frame->width;
    uint32_t zeros = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t x = is_column ? at : i;
        uint32_t y = is_column ? i : at;

        zeros += luma_is_black8(frame, image_row(frame, y), x);
    }
    return zeros;
}

/* REF 5: on the side that has more zeros; on the first side if equal. */
static void measure_zero(const struct image *frame, uint32_t width,
                         uint32_t height, struct pad *ret)
{
    if (count_zeros(frame, true, 0) <
        count_zeros(frame, true, frame->width - 1))
        ret->right = width;
    else
        ret->left = width;
    if (count_zeros(frame, false, 0) <
        count_zeros(frame, false, frame->height - 1))
        ret->bottom = height;
    else
        ret->top = height;
}

int pad_measure(enum pad_mode mode, const struct image *first, uint32_t width,
                uint32_t height, struct pad *ret, struct error *err)
{
    uint32_t add_width;
    uint32_t add_height;

    if (first->width > width || first->height > height)
        return error_set(err, ERROR_INTERNAL,
                         "a frame of %ux%u cannot be padded to %ux%u",
                         first->width, first->height, width, height);
    if (mode == PAD_ZERO && !luma_is_possible(first))
        return error_set(err, ERROR_INTERNAL,
                         "padding is judged on display samples");
    add_width = width - first->width;
    add_height = height - first->height;
    *ret = (struct pad){0, 0, 0, 0};
    switch (mode) {
    case PAD_ZERO:
        measure_zero(first, add_width, add_height, ret);
        break;
    case PAD_TOPLEFT:
        ret->left = add_width;
        ret->top = add_height;
        break;
    case PAD_BOTTOMRIGHT:
        ret->right = add_width;
        ret->bottom = add_height;
        break;
    case PAD_CENTER:
        ret->left = add_width / 2;
        ret->right = add_width - ret->left;
        ret->top = add_height / 2;
        ret->bottom = add_height - ret->top;
        break;
    }
    return 0;
}

struct image_box pad_box(const struct pad *pad, uint32_t width, uint32_t height)
{
    struct image_box box = {pad->left, pad->top, width - pad->left - pad->right,
                            height - pad->top - pad->bottom};

    return box;
}

/* Copies `bytes` at `at` onto `count` pixels from there on. */
static void repeat(uint8_t *at, size_t bytes, size_t count)
{
    size_t done = bytes;
    size_t total = bytes * count;

    while (done < total) {
        size_t step = done < total - done ? done : total - done;

        memcpy(at + done, at, step);
        done += step;
    }
}

static void fill_pixels(const struct image *dst, uint8_t *at, double value,
                        uint32_t count)
{
    if (count == 0)
        return;
    for (uint32_t c = 0; c < dst->channels; c++)
        sample_set(at, dst->type, c, value);
    repeat(at, dst->channels * sample_bytes(dst->type), count);
}

static void fill_value(const struct pad *pad, double value,
                       const struct image *dst)
{
    struct image_box box = pad_box(pad, dst->width, dst->height);
    size_t pixel = dst->channels * sample_bytes(dst->type);

    for (uint32_t y = 0; y < dst->height; y++) {
        uint8_t *row = image_row(dst, y);

        if (y < box.y || y >= box.y + box.height) {
            fill_pixels(dst, row, value, dst->width);
            continue;
        }
        fill_pixels(dst, row, value, pad->left);
        fill_pixels(dst, row + (size_t)(dst->width - pad->right) * pixel, value,
                    pad->right);
    }
}

/* The coordinate inside [0, n) that stands for `i` outside of it. */
static uint32_t source_of(enum pad_fill fill, int64_t i, uint32_t n)
{
    int64_t period = 2 * ((int64_t)n - 1);

    if (fill == PAD_FILL_EDGE || n == 1)
        return i < 0 ? 0 : i < n ? (uint32_t)i : n - 1;
    i %= period;
    i = i < 0 ? i + period : i;
    return (uint32_t)(i < n ? i : period - i);
}

static void fill_columns(enum pad_fill fill, const struct image_box *box,
                         uint8_t *row, uint32_t begin, uint32_t end,
                         size_t pixel)
{
    for (uint32_t x = begin; x < end; x++) {
        uint32_t from =
            box->x + source_of(fill, (int64_t)x - box->x, box->width);

        memcpy(row + (size_t)x * pixel, row + (size_t)from * pixel, pixel);
    }
}

static void fill_from_frame(const struct pad *pad, enum pad_fill fill,
                            const struct image *dst)
{
    struct image_box box = pad_box(pad, dst->width, dst->height);
    size_t pixel = dst->channels * sample_bytes(dst->type);

    for (uint32_t y = box.y; y < box.y + box.height; y++) {
        uint8_t *row = image_row(dst, y);

        fill_columns(fill, &box, row, 0, box.x, pixel);
        fill_columns(fill, &box, row, box.x + box.width, dst->width, pixel);
    }
    for (uint32_t y = 0; y < dst->height; y++) {
        uint32_t from = box.y + source_of(fill, (int64_t)y - box.y, box.height);

        if (from != y)
            memcpy(image_row(dst, y), image_row(dst, from),
                   image_row_bytes(dst));
    }
}

void pad_margins(const struct pad *pad, enum pad_fill fill, double value,
                 const struct image *dst)
{
    if (fill == PAD_FILL_VALUE)
        fill_value(pad, value, dst);
    else
        fill_from_frame(pad, fill, dst);
}

void pad_apply(const struct pad *pad, enum pad_fill fill, double value,
               const struct image *src, const struct image *dst)
{
    struct image_box box = pad_box(pad, dst->width, dst->height);
    struct image inner = image_sub(dst, &box);

    image_copy(src, &inner);
    pad_margins(pad, fill, value, dst);
}

static void canvas_axis(uint32_t n, uint32_t canvas, uint32_t *ret_from,
                        uint32_t *ret_count, uint32_t *ret_before,
                        uint32_t *ret_after)
{
    *ret_count = n < canvas ? n : canvas;
    *ret_from = (n - *ret_count) / 2;
    *ret_before = (canvas - *ret_count) / 2;
    *ret_after = canvas - *ret_count - *ret_before;
}

void pad_canvas(uint32_t width, uint32_t height, uint32_t canvas_width,
                uint32_t canvas_height, struct image_box *ret_cut,
                struct pad *ret_pad)
{
    canvas_axis(width, canvas_width, &ret_cut->x, &ret_cut->width,
                &ret_pad->left, &ret_pad->right);
    canvas_axis(height, canvas_height, &ret_cut->y, &ret_cut->height,
                &ret_pad->top, &ret_pad->bottom);
}
