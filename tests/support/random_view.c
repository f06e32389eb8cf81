// SPDX-License-Identifier: MIT
/* random_view.c: one token per slot or none, until the parser agrees. */
#undef NDEBUG
#include "support/random_view.h"

#include <assert.h>
#include <string.h>

/* # is a side of 1 to 80, % a number of 0 to 99. A slot's tokens before NULL
 * are flat, those behind it deep. */
static const char *const slots[][16] = {
    {NULL, "frames"},
    {"pick-1", "pick-2", "pick-1to2", "pick-2to9", "pick-1to9by2", "pick-5"},
    {"order-inst", "order-stored"},
    {"hu", "raw", "raw_window-c%-w#", "raw_window-off", "window-c%-w#",
     "window-c%-w#-exact", "window-c%-w#-sigmoid", "window-n2", "window-off",
     "window-frame", "range-%to4000"},
    {"invert", "noinvert"},
    {"padval-min", "padval-%"},
    {NULL, "plane-cor", "plane-sag"},
    {"flip-h", "flip-v", "flip-hv", NULL, "flip-z", "flip-hz"},
    {"rot-90", "rot-180", "rot-270", NULL, "rot-%", "rot-77.5"},
    {NULL, "vol-central", "vol-mip", "vol-mip-skip1", "vol-minip", "vol-mean",
     "vol-interp-3", "vol-interp-9", "vol-lapmip-skip0", "vol-lapmip-skip1",
     "vol-lapmip-skip0-central"},
    {NULL, "slab-max-d2", "slab-min-d2-s2", "slab-mean-d3", "slab-median-d3-s2",
     "slab-max-d1"},
    {"crop", "crop-max", "crop-nocomp", "crop-max-nocomp-b0.1", "crop-b0.05",
     "box-#x#at%x%", "box-#x#at0x0", "mid-#x#", NULL, "box-#x#x2at0x0x1",
     "mid-#x#x2"},
    {"size-#x#", "size-#x#-cover", "size-#x#-stretch", "size-#", "spacing-1x1",
     "spacing-0.3x0.7", NULL, "size-#x#x3", "size-#x#x2-stretch",
     "size-#x#x4-cover", "spacing-1x1x1"},
    {"noup"},
    {"filter-nearest", "filter-catmullrom", "filter-gaussian",
     "filter-lanczos3", "filter-maxpool"},
    {"pad-topleft", "pad-bottomright", "pad-center", "nopad"},
    {"fill-%", "fill--%", NULL, "fill-min", "fill-max", "fill-edge",
     "fill-reflect"},
    {NULL, "canvas-#x#", "canvas-#x#x3", "canvas-#x#x1"},
    {NULL, "grid-#x#", "grid-8x8x1-s7x5x1", "grid-#x#x2", "rand-#x#-n3-seed%",
     "rand-#x#x2-n2-seed%", "rand-9x9x3-n5-seed%"},
    {NULL, "norm-z", "norm-unit", "norm-sym", "norm-z-frame", "norm-unit-fg",
     "norm-sym-frame-fg", "norm-m0.4-s0.2"},
    {"u8", "u16", "i16", "f32"},
    {"gray", "rgb"},
    {"pack-packbits", "pack-lzw", "pack-deflate", "pack-zstd"},
    {"big"},
    {"tree"},
};

#define SLOTS (sizeof slots / sizeof slots[0])
#define TOKENS (sizeof slots[0] / sizeof slots[0][0])

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

/* A token of the slot, or NULL if this kind has none of it. */
static const char *pick(uint64_t *state, size_t slot, enum random_kind kind)
{
    const char *tokens[TOKENS];
    uint32_t n = 0;
    size_t flat = 0;

    for (; flat < TOKENS && slots[slot][flat]; flat++)
        tokens[n++] = slots[slot][flat];
    if (kind == RANDOM_DEEP)
        for (size_t i = flat + 1; i < TOKENS && slots[slot][i]; i++)
            tokens[n++] = slots[slot][i];
    return n > 0 ? tokens[random_below(state, n)] : NULL;
}

static void put_tokens(uint64_t *state, enum random_kind kind, char *text)
{
    size_t n = 0;

    for (size_t s = 0; s < SLOTS; s++) {
        const char *token =
            random_below(state, kind == RANDOM_DEEP ? 4 : 3) == 0
                ? pick(state, s, kind)
                : NULL;

        if (!token)
            continue;
        if (n > 0)
            text[n++] = '_';
        n += put_token(state, token, text + n);
    }
    if (n == 0)
        strcpy(text, "full");
}

struct view random_view(uint64_t *state, enum random_kind kind, char *text)
{
    struct view v;
    const char *op;

    do
        put_tokens(state, kind, text);
    while (view_parse(text, NULL, &v, NULL, NULL) != 0);
    assert(view_is_built(&v, &op));
    assert(view_print(&v, text, VIEW_TEXT_SIZE) < VIEW_TEXT_SIZE);
    return v;
}
