// SPDX-License-Identifier: MIT
/*
 * stack_pipe: one volume operator of fs/image on raw samples.
 *
 * usage: stack_pipe IN OUT TYPE WIDTH HEIGHT CHANNELS FRAMES OP [ARG]...
 *
 * IN and OUT are samples in host order, frame after frame. Prints the size of
 * OUT as "type width height pages" and, for patches, their origins. Frames
 * are handed over one by one, as the operators are made for.
 * stack_numpy.py has the other half.
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "image/norm.h"
#include "image/patches.h"
#include "image/plane.h"
#include "image/rot.h"
#include "image/slab.h"
#include "image/vol.h"

#define FRAMES_MAX 512

static const char *const types[] = {"u8",  "u16", "i16", "u32",
                                    "i32", "f32", "f64"};

static struct error err;
static FILE *out;
static char **args; /* what follows OP */
static struct image frames[FRAMES_MAX];
static uint32_t count;

static void check(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "stack_pipe: %s\n", err.msg);
    exit(1);
}

static uint32_t number(int i)
{
    return (uint32_t)strtoul(args[i], NULL, 10);
}

static double real(int i)
{
    return strtod(args[i], NULL);
}

/* Which of the words is it? */
static int word(const char *text, const char *const *words, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    fprintf(stderr, "stack_pipe: what is %s?\n", text);
    exit(2);
}

static enum pad_fill fill_of(int i)
{
    static const char *const words[] = {"value", "edge", "reflect"};

    return (enum pad_fill)word(args[i], words, 3);
}

static struct image made(uint32_t width, uint32_t height, uint32_t channels,
                         enum sample_type type)
{
    struct image image;

    check(image_alloc(width, height, channels, type, &image, &err));
    return image;
}

static struct image like(const struct image *image)
{
    return made(image->width, image->height, image->channels, image->type);
}

static void say(const struct image *page, uint32_t pages)
{
    printf("%s %u %u %u\n", types[page->type], page->width, page->height,
           pages);
}

/* Appends a page to the result and lets go of it. */
static void put(struct image *page)
{
    size_t size = page->stride_bytes * page->height;

    assert(fwrite(page->data, 1, size, out) == size);
    image_free(page);
}

static struct image combined(enum vol_op op, struct vol_range range)
{
    struct vol_spec spec = {op, 0, false};
    struct image page = like(&frames[0]);
    struct vol *vol;

    check(vol_begin(&spec, range.count, &vol, &err));
    for (uint32_t i = 0; i < range.count; i++)
        check(vol_add(vol, &frames[range.first + i], &err));
    check(vol_finish(vol, &page, &err));
    vol_free(vol);
    return page;
}

static enum vol_op op_of(int i)
{
    static const char *const words[] = {"max", "min", "mean", "median"};

    return (enum vol_op)word(args[i], words, 4);
}

/* OP SKIP SKIP */
static void do_vol(void)
{
    struct image page =
        combined(op_of(0), vol_range(count, number(1), number(2)));

    say(&page, 1);
    put(&page);
}

/* T */
static void do_interp(void)
{
    uint32_t target = vol_interp_frames(count, number(0));

    say(&frames[0], target);
    for (uint32_t k = 0; k < target; k++) {
        struct vol_blend b = vol_blend_at(count, target, k);
        struct image page = like(&frames[0]);

        vol_blend(&frames[b.first], &frames[b.second], b.weight, &page);
        put(&page);
    }
}

/* OP DEPTH STRIDE */
static void do_slab(void)
{
    uint32_t slabs = slab_count(count, number(1), number(2));

    say(&frames[0], slabs);
    for (uint32_t k = 0; k < slabs; k++) {
        struct image page =
            combined(op_of(0), slab_range(count, number(1), number(2), k));

        put(&page);
    }
}

/* cor|sag and nine numbers */
static void do_plane(void)
{
    static const char *const words[] = {"cor", "sag"};
    struct plane_size volume = {{frames[0].width, frames[0].height, count}};
    struct plane_vectors to;
    struct plane_size size;
    struct plane plane;

    for (int i = 0; i < 9; i++)
        to.v[i / 3][i % 3] = real(1 + i);
    check(plane_find((enum plane_kind)word(args[0], words, 2), &to, &plane,
                     &err));
    size = plane_size(&plane, &volume);
    for (uint32_t p = 0; p < size.n[2]; p++) {
        struct image page =
            made(size.n[0], size.n[1], frames[0].channels, frames[0].type);
        struct vol_range range = plane_range(&plane, &volume, p);

        if (p == 0)
            say(&page, size.n[2]);
        for (uint32_t i = 0; i < range.count; i++)
            plane_gather(&plane, &volume, &frames[range.first + i],
                         range.first + i, p, 1, &page);
        put(&page);
    }
}

/* DEGREES FILL VALUE */
static void do_rot(void)
{
    say(&frames[0], count);
    for (uint32_t i = 0; i < count; i++) {
        struct image page = like(&frames[0]);

        rot_apply(real(0), fill_of(1), real(2), &frames[i], &page);
        put(&page);
    }
}

/* z|unit|sym  frame|volume  fg|all, or fixed MEAN SD Y_MAX */
static struct norm norm_of(const struct norm_moments *m)
{
    static const char *const words[] = {"z", "unit", "sym", "fixed"};

    switch (word(args[0], words, 4)) {
    case 0:
        return norm_fixed(m->mean, norm_sd(m), 1);
    case 1:
        return norm_unit(m->min, m->max, 1);
    case 2:
        return norm_sym(m->min, m->max, 1);
    default:
        return norm_fixed(real(1), real(2), real(3));
    }
}

static struct norm_moments frame_moments(uint32_t i)
{
    struct image mask = made(frames[i].width, frames[i].height, 1, SAMPLE_U8);
    struct norm_moments all = {0};

    memset(mask.data, 0, mask.stride_bytes * mask.height);
    if (strcmp(args[2], "fg") == 0)
        norm_mark_background(&frames[i], &mask);
    for (uint32_t c = 0; c < frames[i].channels; c++) {
        struct norm_moments m;

        norm_measure(&frames[i], c, &mask, &m);
        norm_merge(&all, &m);
    }
    image_free(&mask);
    return all;
}

static void do_norm(void)
{
    bool is_fixed = strcmp(args[0], "fixed") == 0;
    bool is_frame = !is_fixed && strcmp(args[1], "frame") == 0;
    struct norm_moments all = {0};

    for (uint32_t i = 0; i < count && !is_fixed; i++) {
        struct norm_moments m = frame_moments(i);

        norm_merge(&all, &m);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct image page = made(frames[i].width, frames[i].height,
                                 frames[i].channels, SAMPLE_F32);
        struct norm_moments own = is_frame ? frame_moments(i) : all;
        struct norm norm = norm_of(&own);

        if (i == 0)
            say(&page, count);
        norm_apply(&norm, &frames[i], &page);
        put(&page);
    }
}

static void put_patch(const struct patches_size *size, struct patches_origin at,
                      enum pad_fill fill, double value)
{
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", at.x, at.y, at.z);
    for (uint32_t z = 0; z < size->depth; z++) {
        int64_t f = patches_frame(fill, at.z + z, count);
        struct image page =
            made(size->width, size->height, frames[0].channels, frames[0].type);

        if (f < 0)
            pad_constant(value, &page);
        else
            pad_window(&frames[f], at.x, at.y, fill, value, &page);
        put(&page);
    }
}

/* grid SX SY SZ | rand UID SEED N | roi X Y Z | canvas - - -,
 * then WIDTH HEIGHT DEPTH FILL VALUE */
static void do_patches(void)
{
    static const char *const words[] = {"grid", "rand", "roi", "canvas"};
    int kind = word(args[0], words, 4);
    struct patches_size volume = {frames[0].width, frames[0].height, count};
    struct patches_size asked = {number(4), number(5), number(6)};
    struct patches_size stride = {number(1), number(2), number(3)};
    struct patches_size size = patches_resolve(&asked, &volume);
    struct image shape = frames[0];
    uint64_t n = kind == 0   ? patches_grid_count(&volume, &asked, &stride)
                 : kind == 1 ? number(3)
                             : 1;

    shape.width = size.width;
    shape.height = size.height;
    say(&shape, (uint32_t)n * size.depth);
    for (uint64_t k = 0; k < n; k++) {
        struct patches_origin at = patches_canvas(&volume, &asked);

        if (kind == 0)
            at = patches_grid(&volume, &asked, &stride, k);
        else if (kind == 1)
            at = patches_rand(args[1], strtoull(args[2], NULL, 10), k + 1,
                              &volume, &asked);
        else if (kind == 2)
            assert(patches_roi((double[]){real(1), real(2), real(3)}, &asked,
                               &at));
        put_patch(&size, at, fill_of(7), real(8));
    }
}

static void read_frames(const char *path, enum sample_type type, uint32_t width,
                        uint32_t height, uint32_t channels)
{
    FILE *f = fopen(path, "rb");

    assert(f && count <= FRAMES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        size_t size;

        frames[i] = made(width, height, channels, type);
        size = frames[i].stride_bytes * height;
        assert(fread(frames[i].data, 1, size, f) == size);
    }
    (void)fclose(f);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
        int args;
    } ops[] = {
        {"vol", do_vol, 3},         {"interp", do_interp, 1},
        {"slab", do_slab, 3},       {"plane", do_plane, 10},
        {"rot", do_rot, 3},         {"norm", do_norm, 3},
        {"patches", do_patches, 9},
    };

    if (argc < 9)
        return 2;
    count = (uint32_t)strtoul(argv[7], NULL, 10);
    read_frames(argv[1], (enum sample_type)word(argv[3], types, 7),
                (uint32_t)strtoul(argv[4], NULL, 10),
                (uint32_t)strtoul(argv[5], NULL, 10),
                (uint32_t)strtoul(argv[6], NULL, 10));
    out = fopen(argv[2], "wb");
    assert(out);
    args = argv + 9;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(argv[8], ops[i].name) == 0 && argc >= 9 + ops[i].args)
            ops[i].run();
    }
    for (uint32_t i = 0; i < count; i++)
        image_free(&frames[i]);
    return fclose(out) == 0 ? 0 : 1;
}
