// SPDX-License-Identifier: MIT
/* crop_box.c: boxes without looking at pixels (crop.h). */
#include <assert.h>
#include <stddef.h>

#include "image/crop.h"
#include "image/image.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void crop_union_add(struct crop_union *u, const struct image_box *box,
                    bool blank)
{
    uint32_t right;
    uint32_t bottom;

    if (blank)
        return;
    if (!u->has_box) {
        u->box = *box;
        u->has_box = true;
        return;
    }
    right = max_u32(u->box.x + u->box.width, box->x + box->width);
    bottom = max_u32(u->box.y + u->box.height, box->y + box->height);
    u->box.x = min_u32(u->box.x, box->x);
    u->box.y = min_u32(u->box.y, box->y);
    u->box.width = right - u->box.x;
    u->box.height = bottom - u->box.y;
}

struct image_box crop_union_box(const struct crop_union *u, uint32_t width,
                                uint32_t height)
{
    struct image_box whole = {0, 0, width, height};

    return u->has_box ? u->box : whole;
}

struct image_box crop_mid(uint32_t width, uint32_t height, uint32_t mid_width,
                          uint32_t mid_height)
{
    struct image_box box = {.width = min_u32(width, mid_width),
                            .height = min_u32(height, mid_height)};

    box.x = (width - box.width) / 2;
    box.y = (height - box.height) / 2;
    return box;
}

bool crop_box(uint32_t width, uint32_t height, const struct image_box *asked,
              struct image_box *ret)
{
    if (asked->x >= width || asked->y >= height || asked->width == 0 ||
        asked->height == 0)
        return false;
    ret->x = asked->x;
    ret->y = asked->y;
    ret->width = min_u32(asked->width, width - asked->x);
    ret->height = min_u32(asked->height, height - asked->y);
    return true;
}

void crop_copy(const struct image *src, const struct image_box *box,
               const struct image *dst)
{
    struct image part = image_sub(src, box);

    image_copy(&part, dst);
}
