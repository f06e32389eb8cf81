// SPDX-License-Identifier: MIT
/* random_view.c: one token per slot or none, until the parser agrees. */
#undef NDEBUG
#include "support/random_view.h"

#include <assert.h>
#include <string.h>

/* # is a side of 1 to 80, % a number of 0 to 99. */
static const char *const slots[][12] = {
    {"pick-1", "pick-2", "pick-1to2", "pick-2to9", "pick-1to9by2", "pick-5"},
    {"order-inst", "order-stored"},
    {"hu", "raw", "raw_window-c%-w#", "raw_window-off", "window-c%-w#",
     "window-c%-w#-exact", "window-c%-w#-sigmoid", "window-n2", "window-off",
     "window-frame", "range-%to4000"},
    {"invert", "noinvert"},
    {"padval-min", "padval-%"},
    {"flip-h", "flip-v", "flip-hv"},
    {"rot-90", "rot-180", "rot-270"},
    {"crop", "crop-max", "crop-nocomp", "crop-max-nocomp-b0.1", "crop-b0.05",
     "box-#x#at%x%", "box-#x#at0x0", "mid-#x#"},
    {"size-#x#", "size-#x#-cover", "size-#x#-stretch", "size-#", "spacing-1x1",
     "spacing-0.3x0.7"},
    {"noup"},
    {"filter-nearest", "filter-catmullrom", "filter-gaussian",
     "filter-lanczos3", "filter-maxpool"},
    {"pad-topleft", "pad-bottomright", "pad-center", "nopad"},
    {"fill-%", "fill--%"},
    {"u8", "u16", "i16", "f32"},
    {"gray", "rgb"},
    {"pack-packbits", "pack-lzw", "pack-deflate"},
    {"big"},
    {"tree"},
};

#define SLOTS (sizeof slots / sizeof slots[0])

uint32_t random_below(uint64_t *state, uint32_t n)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)((*state * 0x2545F4914F6CDD1Du >> 32) % n);
}

static size_t put_token(uint64_t *state, const char *token, char *to)
{
    char *at = to;

    for (; *token; token++) {
        if (*token == '#')
            at += sprintf(at, "%u", 1 + random_below(state, 80));
        else if (*token == '%')
            at += sprintf(at, "%u", random_below(state, 100));
        else
            *at++ = *token;
    }
    *at = '\0';
    return (size_t)(at - to);
}

static void put_tokens(uint64_t *state, char *text)
{
    size_t n = 0;

    for (size_t s = 0; s < SLOTS; s++) {
        uint32_t count = 0;

        while (count < 12 && slots[s][count])
            count++;
        if (random_below(state, 3) != 0)
            continue;
        if (n > 0)
            text[n++] = '_';
        n += put_token(state, slots[s][random_below(state, count)], text + n);
    }
    if (n == 0)
        strcpy(text, "full");
}

struct view random_view(uint64_t *state, char *text)
{
    struct view v;
    const char *op;

    do
        put_tokens(state, text);
    while (view_parse(text, NULL, &v, NULL, NULL) != 0);
    assert(view_is_built(&v, &op));
    assert(view_print(&v, text, VIEW_TEXT_SIZE) < VIEW_TEXT_SIZE);
    return v;
}
