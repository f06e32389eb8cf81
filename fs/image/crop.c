// SPDX-License-Identifier: MIT
/*
 * crop.c: measuring where the picture is (crop.h, REF 3.1 and 3.2).
 *
 * First pass: the box of the foreground inside the search window. The rows
 * above and below it are read whole, the rows between only outside the box
 * found so far, so that a full picture costs a fraction of a read.
 * Second pass: the largest component of what the first one found, in a
 * thumbnail of at most 512 pixels a side.
 */
#include "image/crop.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "image/crop_component.h"
#include "image/image.h"
#include "image/luma.h"
#include "prepfs/cleanup.h"

#define THUMBNAIL_SIDE 512U

/* Pixels looked at between two tests for an early end. */
#define CHUNK 64U

struct scan {
    const struct image *image;
    const struct image *padding; /* may be NULL */
    bool max;
    uint32_t left; /* search window: [left, right) x [top, bottom) */
    uint32_t right;
    uint32_t top;
    uint32_t bottom;
};

/* Inclusive sides. */
struct sides {
    uint32_t left;
    uint32_t right;
    uint32_t top;
    uint32_t bottom;
};

/* `top` is the saturated value if that is background, else 0. */
static inline bool any_u8(const uint8_t *p, uint32_t n, uint8_t top)
{
    uint8_t any = 0;

    for (uint32_t i = 0; i < n; i++)
        any |= (uint8_t)((p[i] != 0) & (p[i] != top));
    return any != 0;
}

static inline bool any_u16(const uint16_t *p, uint32_t n, uint16_t top)
{
    uint16_t any = 0;

    for (uint32_t i = 0; i < n; i++)
        any |= (uint16_t)((p[i] != 0) & (p[i] != top));
    return any != 0;
}

static bool is_foreground(const struct scan *scan, uint32_t x, uint32_t y)
{
    const struct image *image = scan->image;
    const uint8_t *row = image_row(image, y);
    uint32_t top = image->type == SAMPLE_U8 ? UINT8_MAX : UINT16_MAX;
    uint32_t v;

    if (scan->padding && image_row(scan->padding, y)[x] != 0)
        return false;
    if (image->type == SAMPLE_U8) {
        const uint8_t *p = row + (size_t)x * image->channels;

        v = image->channels == 1 ? p[0] : luma_integer(p[0], p[1], p[2]);
    } else {
        const uint16_t *p =
            (const uint16_t *)(const void *)row + (size_t)x * image->channels;

        v = image->channels == 1 ? p[0] : luma_integer(p[0], p[1], p[2]);
    }
    return v != 0 && !(scan->max && v == top);
}

/* May [x, x+n) of the row hold foreground? Grey: exact but for padding. */
static bool may_hold(const struct scan *scan, uint32_t y, uint32_t x,
                     uint32_t n)
{
    const uint8_t *row = image_row(scan->image, y);

    if (scan->image->channels != 1)
        return true;
    if (scan->image->type == SAMPLE_U8)
        return any_u8(row + x, n, scan->max ? UINT8_MAX : 0);
    return any_u16((const uint16_t *)(const void *)row + x, n,
                   scan->max ? UINT16_MAX : 0);
}

/* First column of [begin, end) with foreground, else `end`. */
static uint32_t first_in_row(const struct scan *scan, uint32_t y,
                             uint32_t begin, uint32_t end)
{
    while (begin < end) {
        uint32_t n = end - begin < CHUNK ? end - begin : CHUNK;

        if (may_hold(scan, y, begin, n)) {
            for (uint32_t x = begin; x < begin + n; x++) {
                if (is_foreground(scan, x, y))
                    return x;
            }
        }
        begin += n;
    }
    return end;
}

/* One past the last column of [begin, end) with foreground, else `begin`. */
static uint32_t last_in_row(const struct scan *scan, uint32_t y, uint32_t begin,
                            uint32_t end)
{
    while (begin < end) {
        uint32_t n = end - begin < CHUNK ? end - begin : CHUNK;

        if (may_hold(scan, y, end - n, n)) {
            for (uint32_t x = end; x > end - n; x--) {
                if (is_foreground(scan, x - 1, y))
                    return x;
            }
        }
        end -= n;
    }
    return begin;
}

static bool find_foreground(const struct scan *scan, struct sides *ret)
{
    uint32_t top = scan->top;
    uint32_t bottom = scan->bottom;
    uint32_t left = scan->right;
    uint32_t right; /* exclusive */

    while (top < bottom && left == scan->right) {
        left = first_in_row(scan, top, scan->left, scan->right);
        top++;
    }
    if (left == scan->right)
        return false;
    top--;
    while (bottom - 1 > top && first_in_row(scan, bottom - 1, scan->left,
                                            scan->right) == scan->right)
        bottom--;
    right = last_in_row(scan, top, left, scan->right);
    for (uint32_t y = top + 1; y < bottom; y++) {
        left = first_in_row(scan, y, scan->left, left);
        right = last_in_row(scan, y, right, scan->right);
    }
    *ret = (struct sides){left, right - 1, top, bottom - 1};
    return true;
}

/* The window that a border leaves, in f32 as REF has it. */
static void set_window(struct scan *scan, float border)
{
    float width = (float)scan->image->width;
    float height = (float)scan->image->height;

    scan->left = (uint32_t)(width * border);
    scan->right = (uint32_t)(width * (1.0F - border));
    scan->top = (uint32_t)(height * border);
    scan->bottom = (uint32_t)(height * (1.0F - border));
}

static uint32_t grow_right(uint32_t side, uint32_t by, uint32_t n)
{
    return by > n - 1 - side ? n - 1 : side + by;
}

static struct image_box baseline(const struct image *display,
                                 const struct crop_params *params,
                                 const struct image *padding, bool *ret_found)
{
    uint32_t width = display->width;
    uint32_t height = display->height;
    struct scan scan = {display, padding, params->max, 0, width, 0, height};
    struct sides s;
    uint32_t by_x = 0;
    uint32_t by_y = 0;

    if (params->border > 0) {
        set_window(&scan, params->border);
        by_x = scan.left;
        by_y = scan.top;
    }
    *ret_found = find_foreground(&scan, &s);
    if (!*ret_found)
        return (struct image_box){0, 0, width, height};
    s.left = s.left > by_x ? s.left - by_x : 0;
    s.top = s.top > by_y ? s.top - by_y : 0;
    s.right = grow_right(s.right, by_x, width);
    s.bottom = grow_right(s.bottom, by_y, height);
    return (struct image_box){s.left, s.top, s.right - s.left + 1,
                              s.bottom - s.top + 1};
}

/* One side of the thumbnail and which source sample each of its pixels takes:
 * the nearest filter of REF 4.3. */
static uint32_t nearest(uint32_t o, uint32_t inputs, uint32_t outputs)
{
    float ratio = (float)inputs / (float)outputs;
    float at = floorf(((float)o + 0.5F) * ratio);

    return at < (float)(inputs - 1) ? (uint32_t)at : inputs - 1;
}

static uint32_t scaled(uint32_t n, double ratio)
{
    return (uint32_t)fmax(1, round(n * ratio));
}

static void thumbnail_size(const struct image_box *box, uint32_t *ret_width,
                           uint32_t *ret_height)
{
    double ratio;

    *ret_width = box->width;
    *ret_height = box->height;
    if (box->width <= THUMBNAIL_SIDE && box->height <= THUMBNAIL_SIDE)
        return;
    ratio = fmin((double)THUMBNAIL_SIDE / box->width,
                 (double)THUMBNAIL_SIDE / box->height);
    *ret_width = scaled(box->width, ratio);
    *ret_height = scaled(box->height, ratio);
}

/*
 * Is a pixel brighter than 1 of 255, in REF's 8-bit luma? The luma is rounded
 * half up, so it is above 1 from 1.5 on; of 16 bits, (v + 128) / 257 is from
 * 386 on, which itself is rounded from 385.5.
 */
static inline bool is_bright(const struct image *display, const void *row,
                             size_t x)
{
    if (display->type == SAMPLE_U8) {
        const uint8_t *p = (const uint8_t *)row + x * display->channels;

        return display->channels == 1
                   ? p[0] > 1
                   : luma_float(p[0], p[1], p[2], 1.0F / 255.0F) * 255.0F >=
                         1.5F;
    } else {
        const uint16_t *p = (const uint16_t *)row + x * display->channels;

        return display->channels == 1
                   ? p[0] >= 386
                   : luma_float(p[0], p[1], p[2], 1.0F / 65535.0F) * 65535.0F >=
                         385.5F;
    }
}

/* The common case, a grey row that is not scaled, in loops that vectorise. */
static void bright_u8(const uint8_t *row, uint32_t n, uint8_t *ret)
{
    for (uint32_t x = 0; x < n; x++)
        ret[x] = row[x] > 1;
}

static void bright_u16(const uint16_t *row, uint32_t n, uint8_t *ret)
{
    for (uint32_t x = 0; x < n; x++)
        ret[x] = row[x] >= 386;
}

static void bright_row(const struct image *display, const uint8_t *row,
                       const uint32_t *columns, uint32_t n, bool is_scaled,
                       uint8_t *ret)
{
    if (is_scaled || display->channels != 1) {
        for (uint32_t x = 0; x < n; x++)
            ret[x] = is_bright(display, row, columns[x]);
    } else if (display->type == SAMPLE_U8) {
        bright_u8(row + columns[0], n, ret);
    } else {
        bright_u16((const uint16_t *)(const void *)row + columns[0], n, ret);
    }
}

/* 1 where the thumbnail is brighter than 1 of 255. */
static void make_thumbnail(const struct image *display,
                           const struct image *padding,
                           const struct image_box *box, uint32_t width,
                           uint32_t height, uint8_t *ret)
{
    uint32_t columns[THUMBNAIL_SIDE];

    assert(width <= THUMBNAIL_SIDE && height <= THUMBNAIL_SIDE);
    for (uint32_t x = 0; x < width; x++)
        columns[x] = box->x + nearest(x, box->width, width);
    for (uint32_t y = 0; y < height; y++, ret += width) {
        uint32_t from = box->y + nearest(y, box->height, height);
        const uint8_t *skip = padding ? image_row(padding, from) : NULL;

        bright_row(display, image_row(display, from), columns, width,
                   width != box->width, ret);
        for (uint32_t x = 0; skip && x < width; x++)
            ret[x] &= skip[columns[x]] == 0;
    }
}

/* Thumbnail columns [begin, begin+count) of `thumb` -> columns of `n`. */
static void map_back(uint32_t begin, uint32_t count, uint32_t thumb, uint32_t n,
                     uint32_t *ret_begin, uint32_t *ret_count)
{
    uint64_t left = (uint64_t)begin * n / thumb;
    uint64_t right = ((uint64_t)(begin + count) * n + thumb - 1) / thumb;

    left = left < n ? left : n - 1;
    right = right < n ? right : n;
    right = right > left ? right : left + 1;
    *ret_begin = (uint32_t)left;
    *ret_count = (uint32_t)(right - left);
}

static int component(const struct image *display, const struct image *padding,
                     struct image_box *box, bool *ret_found, struct error *err)
{
    CLEANUP_FREE uint8_t *pixels = NULL;
    struct image_box found;
    struct image_box mapped;
    uint32_t width;
    uint32_t height;

    thumbnail_size(box, &width, &height);
    pixels = malloc((size_t)width * height);
    if (!pixels)
        return error_no_memory(err);
    make_thumbnail(display, padding, box, width, height, pixels);
    if (crop_component(pixels, width, height, &found, ret_found, err) < 0)
        return -1;
    if (!*ret_found)
        return 0;
    map_back(found.x, found.width, width, box->width, &mapped.x, &mapped.width);
    map_back(found.y, found.height, height, box->height, &mapped.y,
             &mapped.height);
    mapped.x += box->x;
    mapped.y += box->y;
    *box = mapped;
    return 0;
}

int crop_measure(const struct image *display, const struct crop_params *params,
                 const struct image *padding, struct image_box *ret,
                 bool *ret_blank, struct error *err)
{
    bool has_foreground;
    bool has_component = false;

    if (!luma_is_possible(display) ||
        !(params->border >= 0 && params->border <= 0.5F) ||
        (padding && (!image_same_size(display, padding) ||
                     padding->type != SAMPLE_U8 || padding->channels != 1)))
        return error_set(err, ERROR_INTERNAL,
                         "crop: not display samples, or a bad border or mask");
    *ret = baseline(display, params, padding, &has_foreground);
    if (!params->nocomp &&
        component(display, padding, ret, &has_component, err) < 0)
        return -1;
    *ret_blank = !has_foreground && !has_component;
    return 0;
}
