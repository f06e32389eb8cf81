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

uint32_t pad_index(enum pad_fill fill, int64_t i, uint32_t n)
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
            box->x + pad_index(fill, (int64_t)x - box->x, box->width);

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
        uint32_t from = box.y + pad_index(fill, (int64_t)y - box.y, box.height);

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

void pad_constant(double value, const struct image *dst)
{
    for (uint32_t y = 0; y < dst->height; y++)
        fill_pixels(dst, image_row(dst, y), value, dst->width);
}

/* Part of [0, count) for which from + i lies in [0, n). */
static void overlap(int64_t from, uint32_t n, uint32_t count,
                    uint32_t *ret_begin, uint32_t *ret_end)
{
    int64_t begin = from < 0 ? -from : 0;
    int64_t end = (int64_t)n - from;

    begin = begin < count ? begin : count;
    end = end < count ? end : count;
    *ret_begin = (uint32_t)begin;
    *ret_end = (uint32_t)(end > begin ? end : begin);
}

/* What fills a row of a window: begin..end-1 of it lie outside of `in`. */
struct outside {
    enum pad_fill fill;
    double value;
    int64_t from; /* of pixel 0 */
    uint32_t in_width;
};

static void window_outside(const struct outside *o, const uint8_t *in,
                           const struct image *dst, uint8_t *out,
                           uint32_t begin, uint32_t end)
{
    size_t pixel = dst->channels * sample_bytes(dst->type);

    if (o->fill == PAD_FILL_VALUE) {
        fill_pixels(dst, out + begin * pixel, o->value, end - begin);
        return;
    }
    for (uint32_t i = begin; i < end; i++) {
        size_t at = pad_index(o->fill, o->from + i, o->in_width);

        memcpy(out + i * pixel, in + at * pixel, pixel);
    }
}

void pad_window(const struct image *src, int64_t x, int64_t y,
                enum pad_fill fill, double value, const struct image *dst)
{
    struct outside outside = {fill, value, x, src->width};
    size_t pixel = dst->channels * sample_bytes(dst->type);
    uint32_t begin;
    uint32_t end;

    overlap(x, src->width, dst->width, &begin, &end);
    for (uint32_t row = 0; row < dst->height; row++) {
        int64_t from = y + row;
        uint8_t *out = image_row(dst, row);
        const uint8_t *in;

        if (fill == PAD_FILL_VALUE && (from < 0 || from >= src->height)) {
            fill_pixels(dst, out, value, dst->width);
            continue;
        }
        in = image_row(src, from >= 0 && from < src->height
                                ? (uint32_t)from
                                : pad_index(fill, from, src->height));
        window_outside(&outside, in, dst, out, 0, begin);
        if (end > begin)
            memcpy(out + begin * pixel, in + (size_t)(x + begin) * pixel,
                   (end - begin) * pixel);
        window_outside(&outside, in, dst, out, end, dst->width);
    }
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
