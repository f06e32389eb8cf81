// SPDX-License-Identifier: MIT
/*
 * image_pipe: stored samples -> what a view makes of them, without DICOM.
 *
 * Reads jobs from standard input, one token after another, and prints one
 * line per job. image_golden.py writes the jobs from real files and compares
 * the lines with golden values; nothing else needs a mount, a parser or a
 * decoder, so a difference is one of fs/image.
 *
 *     job  = file width height channels type frames y_max inverted has_padding
 *            padding, frame x frames, vol, crop max nocomp border, size,
 *            filter, pad
 *     frame = slope intercept voi function center width
 *     voi   = 0 the window | 1 this frame's minimum and maximum
 *     vol   = "keep" 0 0 0 | "central" 0 0 0 | "mip" skip skip 0 |
 *             "interp" N 0 0 | "lapmip" skip skip weight |
 *             "lapmip-central" skip skip weight
 *     size  = "none" | "fit" W H | "spacing" px_per_mm_x px_per_mm_y x y
 *     line = width height box(4) scale(2, hex) pad(4) crc32 x frames
 */
#undef NDEBUG
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "image/crop.h"
#include "image/image.h"
#include "image/pad.h"
#include "image/resize.h"
#include "image/values.h"
#include "image/vol.h"

#define FRAMES_MAX 256

struct job {
    char file[4096];
    uint32_t width;
    uint32_t height;
    uint32_t channels;
    enum sample_type type;
    uint32_t frames;
    struct values_spec spec[FRAMES_MAX];
    char vol[16];
    double vol_args[3];
    bool has_crop;
    struct crop_params crop;
    char size[16];
    double size_args[4];
    enum resize_filter filter;
    bool has_pad;
    enum pad_mode pad;
};

static struct error err;

static void check(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "image_pipe: %s\n", err.msg);
    exit(1);
}

static double number(void)
{
    char word[64];

    assert(scanf("%63s", word) == 1);
    return strtod(word, NULL); /* hexadecimal too: exact */
}

static uint32_t whole(void)
{
    return (uint32_t)number();
}

static enum sample_type type_of(const char *name)
{
    static const char *const names[] = {"u8", "u16", "i16"};

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum sample_type)i;
    }
    abort();
}

static void read_spec(struct values_spec *spec)
{
    spec->slope = number();
    spec->intercept = number();
    spec->voi = whole() == 0 ? VALUES_VOI_WINDOW : VALUES_VOI_FRAME;
    spec->function = (enum values_function)whole();
    spec->center = number();
    spec->width = number();
}

static bool read_job(struct job *job)
{
    char type[8];
    struct values_spec all = VALUES_SPEC_INIT;

    memset(job, 0, sizeof *job);
    if (scanf("%4095s", job->file) != 1)
        return false;
    job->width = whole();
    job->height = whole();
    job->channels = whole();
    assert(scanf("%7s", type) == 1);
    job->type = type_of(type);
    job->frames = whole();
    assert(job->frames <= FRAMES_MAX);
    all.y_max = whole();
    all.inverted = whole() != 0;
    all.has_padding = whole() != 0;
    all.padding_first = all.padding_last = number();
    for (uint32_t f = 0; f < job->frames; f++) {
        job->spec[f] = all;
        read_spec(&job->spec[f]);
    }
    assert(scanf("%15s", job->vol) == 1);
    for (size_t i = 0; i < 3; i++)
        job->vol_args[i] = number();
    job->has_crop = whole() != 0;
    job->crop.max = whole() != 0;
    job->crop.nocomp = whole() != 0;
    job->crop.border = (float)number();
    assert(scanf("%15s", job->size) == 1);
    for (size_t i = 0; i < 4; i++)
        job->size_args[i] = number();
    job->filter = (enum resize_filter)whole();
    job->has_pad = whole() != 0;
    job->pad = (enum pad_mode)whole();
    return true;
}

static void read_frames(const struct job *job, struct image *ret)
{
    FILE *f = fopen(job->file, "rb");

    assert(f);
    for (uint32_t i = 0; i < job->frames; i++) {
        size_t size;

        check(image_alloc(job->width, job->height, job->channels, job->type,
                          &ret[i], &err));
        size = ret[i].stride_bytes * ret[i].height;
        assert(fread(ret[i].data, 1, size, f) == size);
    }
    (void)fclose(f);
}

/* Replaces every frame by its values; the padding masks are what was padding
 * in each, or empty. */
static void make_values(struct job *job, struct image *frames,
                        struct image *masks)
{
    struct values_table *table = values_table_new(&err);

    assert(table);
    for (uint32_t i = 0; i < job->frames; i++) {
        struct values_spec *spec = &job->spec[i];
        struct values_extent extent = {0};
        struct image made;

        if (job->channels == 1)
            values_extent_add(spec, &frames[i], &extent);
        spec->minimum = extent.min;
        spec->maximum = extent.max;
        check(image_alloc(job->width, job->height, job->channels,
                          values_type(spec, job->channels, job->type), &made,
                          &err));
        check(values_apply(spec, table, &frames[i], &made, &err));
        check(image_alloc(job->width, job->height, 1, SAMPLE_U8, &masks[i],
                          &err));
        if (job->channels != 1 ||
            !values_padding_mask(spec, &frames[i], &masks[i]))
            image_free(&masks[i]);
        image_free(&frames[i]);
        frames[i] = made;
    }
    values_table_free(table);
}

/* ---- volume ------------------------------------------------------------- */

/* Replaces the frames, `count` of them, by `made`, which are `made_count`. */
static void replace(struct job *job, struct image *frames, struct image *masks,
                    const struct image *made, uint32_t made_count)
{
    for (uint32_t i = 0; i < job->frames; i++) {
        image_free(&frames[i]);
        image_free(&masks[i]);
    }
    memcpy(frames, made, made_count * sizeof *made);
    job->frames = made_count;
}

static struct image reduce(const struct job *job, const struct image *frames)
{
    struct vol_range range = vol_range(job->frames, (uint32_t)job->vol_args[0],
                                       (uint32_t)job->vol_args[1]);
    struct vol_spec spec = {VOL_MAX, (float)job->vol_args[2],
                            strcmp(job->vol, "lapmip-central") == 0};
    enum sample_type type;
    uint32_t channels;
    struct image made;
    struct vol *vol;

    if (strcmp(job->vol, "central") == 0)
        range = (struct vol_range){vol_central(job->frames), 1};
    if (strncmp(job->vol, "lapmip", 6) == 0)
        spec.op = VOL_LAPMIP;
    check(vol_begin(&spec, range.count, &vol, &err));
    for (uint32_t i = 0; i < range.count; i++)
        check(vol_add(vol, &frames[range.first + i], &err));
    assert(vol_result(&spec, range.count, frames[0].channels, frames[0].type,
                      &channels, &type));
    check(image_alloc(job->width, job->height, channels, type, &made, &err));
    check(vol_finish(vol, &made, &err));
    vol_free(vol);
    return made;
}

static void make_volume(struct job *job, struct image *frames,
                        struct image *masks)
{
    static struct image made[FRAMES_MAX];
    uint32_t target = (uint32_t)job->vol_args[0];

    if (strcmp(job->vol, "keep") == 0 || job->frames == 1)
        return;
    if (strcmp(job->vol, "interp") != 0) {
        made[0] = reduce(job, frames);
        replace(job, frames, masks, made, 1);
        return;
    }
    assert(target <= FRAMES_MAX);
    for (uint32_t k = 0; k < target; k++) {
        struct vol_blend at = vol_blend_at(job->frames, target, k);

        check(image_alloc(job->width, job->height, job->channels,
                          frames[0].type, &made[k], &err));
        vol_blend(&frames[at.first], &frames[at.second], at.weight, &made[k]);
    }
    replace(job, frames, masks, made, target);
}

/* ---- geometry ----------------------------------------------------------- */

/* The common crop box. */
static struct image_box region_of(const struct job *job,
                                  const struct image *frames,
                                  const struct image *masks)
{
    struct crop_union all = {0};

    if (!job->has_crop)
        return (struct image_box){0, 0, job->width, job->height};
    for (uint32_t i = 0; i < job->frames; i++) {
        struct image_box box;
        bool blank;

        check(crop_measure(&frames[i], &job->crop,
                           masks[i].data ? &masks[i] : NULL, &box, &blank,
                           &err));
        crop_union_add(&all, &box, blank);
    }
    return crop_union_box(&all, job->width, job->height);
}

static bool target_of(const struct job *job, const struct image_box *box,
                      struct resize_target *ret)
{
    const double *a = job->size_args;

    if (strcmp(job->size, "fit") == 0) {
        *ret = resize_size(RESIZE_FIT, box->width, box->height, (uint32_t)a[0],
                           (uint32_t)a[1], false);
        return true;
    }
    if (strcmp(job->size, "spacing") != 0)
        return false;
    check(resize_spacing(box->width, box->height, (float)a[0], (float)a[1],
                         (float)a[2], (float)a[3], false, ret, &err));
    return true;
}

/* Cuts, resizes and pads every frame; gives what was done. */
static void make_geometry(const struct job *job, const struct image_box *box,
                          struct image *frames, struct resize_target *target,
                          struct pad *pad)
{
    struct resize_plan *plan = NULL;
    struct resize_scratch scratch = {NULL, 0};

    if (target_of(job, box, target))
        check(resize_plan_new(box->width, box->height, target, job->filter,
                              &plan, &err));
    for (uint32_t i = 0; i < job->frames; i++) {
        struct image cut = image_sub(&frames[i], box);
        struct image made;

        check(image_alloc(plan ? target->width : box->width,
                          plan ? target->height : box->height, cut.channels,
                          cut.type, &made, &err));
        if (plan)
            check(resize_apply(plan, &cut, &made, &scratch, &err));
        else
            image_copy(&cut, &made);
        image_free(&frames[i]);
        frames[i] = made;
        if (plan && job->has_pad) {
            if (i == 0)
                check(pad_measure(job->pad, &frames[0],
                                  (uint32_t)job->size_args[0],
                                  (uint32_t)job->size_args[1], pad, &err));
            check(image_alloc((uint32_t)job->size_args[0],
                              (uint32_t)job->size_args[1], made.channels,
                              made.type, &made, &err));
            pad_apply(pad, PAD_FILL_VALUE, 0, &frames[i], &made);
            image_free(&frames[i]);
            frames[i] = made;
        }
    }
    resize_plan_free(plan);
    resize_scratch_free(&scratch);
}

static void print_result(const struct job *job, const struct image_box *box,
                         const struct resize_target *target,
                         const struct pad *pad, const struct image *frames)
{
    uint32_t x;
    uint32_t y;

    memcpy(&x, &target->scale_x, sizeof x);
    memcpy(&y, &target->scale_y, sizeof y);
    printf("%u %u %u %u %u %u %08" PRIx32 " %08" PRIx32 " %u %u %u %u",
           frames[0].width, frames[0].height, box->x, box->y, box->width,
           box->height, x, y, pad->left, pad->top, pad->right, pad->bottom);
    for (uint32_t i = 0; i < job->frames; i++) {
        size_t size = frames[i].stride_bytes * frames[i].height;

        printf(" %08lx", crc32(0, frames[i].data, (uInt)size));
    }
    printf("\n");
    (void)fflush(stdout);
}

int main(void)
{
    static struct job job;
    static struct image frames[FRAMES_MAX];
    static struct image masks[FRAMES_MAX];

    while (read_job(&job)) {
        struct resize_target target = {0};
        struct pad pad = {0};
        struct image_box box;

        read_frames(&job, frames);
        make_values(&job, frames, masks);
        make_volume(&job, frames, masks);
        box = region_of(&job, frames, masks);
        make_geometry(&job, &box, frames, &target, &pad);
        print_result(&job, &box, &target, &pad, frames);
        for (uint32_t i = 0; i < job.frames; i++) {
            image_free(&frames[i]);
            image_free(&masks[i]);
        }
    }
    return 0;
}
