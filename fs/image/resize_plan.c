// SPDX-License-Identifier: MIT
/* resize_plan.c: the weights of REF 4.3, once per file (resize.h). */
#include "image/resize_plan.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "image/image.h"
#include "prepfs/checked.h"

#define PI 3.14159274101257324F

struct filter {
    float (*kernel)(float x);
    float support;
};

static float kernel_nearest(float x)
{
    (void)x;
    return 1;
}

static float kernel_triangle(float x)
{
    return fabsf(x) < 1 ? 1 - fabsf(x) : 0;
}

/* The cubic of B = 0, C = 1/2, with the coefficients as REF forms them. */
static float kernel_catmullrom(float x)
{
    const float b = 0.0F;
    const float c = 0.5F;
    float a = fabsf(x);
    float a2 = a * a;
    float a3 = a2 * a;
    float k = 0;

    if (a < 1)
        k = (12 - 9 * b - 6 * c) * a3 + (-18 + 12 * b + 6 * c) * a2 +
            (6 - 2 * b);
    else if (a < 2)
        k = (-b - 6 * c) * a3 + (6 * b + 30 * c) * a2 + (-12 * b - 48 * c) * a +
            (8 * b + 24 * c);
    return k / 6;
}

static float kernel_gaussian(float x)
{
    const float r = 0.5F;

    return (1 / (sqrtf(2 * PI) * r)) * expf(-(x * x) / (2 * (r * r)));
}

static float sinc(float t)
{
    float a = t * PI;

    return t == 0 ? 1 : sinf(a) / a;
}

static float kernel_lanczos3(float x)
{
    return fabsf(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static struct filter filter_of(enum resize_filter filter)
{
    switch (filter) {
    case RESIZE_NEAREST:
        return (struct filter){kernel_nearest, 0};
    case RESIZE_CATMULLROM:
        return (struct filter){kernel_catmullrom, 2};
    case RESIZE_GAUSSIAN:
        return (struct filter){kernel_gaussian, 3};
    case RESIZE_LANCZOS3:
        return (struct filter){kernel_lanczos3, 3};
    case RESIZE_TRIANGLE:
    case RESIZE_MAXPOOL:
        break;
    }
    return (struct filter){kernel_triangle, 1};
}

static uint32_t clamp_index(float value, uint32_t low, uint32_t high)
{
    if (!(value > (float)low))
        return low;
    return value < (float)high ? (uint32_t)value : high;
}

/* Centre and reach of an output, and the inputs inside it. */
struct window {
    float centre;
    float scale;
    uint32_t left;
    uint32_t right;
};

static struct window window_of(const struct filter *filter, uint32_t inputs,
                               uint32_t outputs, uint32_t o)
{
    float ratio = (float)inputs / (float)outputs;
    float scale = fmaxf(ratio, 1);
    float reach = filter->support * scale;
    float centre = ((float)o + 0.5F) * ratio;
    struct window w = {.centre = centre - 0.5F, .scale = scale};

    w.left = clamp_index(floorf(centre - reach), 0, inputs - 1);
    w.right = clamp_index(ceilf(centre + reach), w.left + 1, inputs);
    return w;
}

/* The taps only; returns the weights needed, or false on overflow. */
static bool set_taps(struct resize_axis *axis, const struct filter *filter,
                     uint32_t outputs, uint32_t from, size_t *ret_weights)
{
    *ret_weights = 0;
    for (uint32_t k = 0; k < axis->outputs; k++) {
        struct window w = window_of(filter, axis->inputs, outputs, from + k);
        struct resize_tap *tap = &axis->taps[k];

        tap->first = w.left;
        tap->count = w.right - w.left;
        tap->weight = *ret_weights;
        axis->widest = tap->count > axis->widest ? tap->count : axis->widest;
        if (!checked_add_size(*ret_weights, tap->count, ret_weights))
            return false;
    }
    return true;
}

static void set_weights(struct resize_axis *axis, const struct filter *filter,
                        uint32_t outputs, uint32_t from)
{
    for (uint32_t k = 0; k < axis->outputs; k++) {
        struct window w = window_of(filter, axis->inputs, outputs, from + k);
        float *weights = axis->weights + axis->taps[k].weight;
        uint32_t count = axis->taps[k].count;
        float sum = 0;

        for (uint32_t i = 0; i < count; i++) {
            weights[i] =
                filter->kernel(((float)(w.left + i) - w.centre) / w.scale);
            sum += weights[i];
        }
        for (uint32_t i = 0; i < count; i++)
            weights[i] /= sum;
    }
}

/* REF 4.4: [o*n/m, (o+1)*n/m), or its start where that is empty. */
static void set_pools(struct resize_axis *axis, uint32_t outputs, uint32_t from)
{
    for (uint32_t k = 0; k < axis->outputs; k++) {
        uint64_t o = (uint64_t)from + k;
        uint64_t begin = o * axis->inputs / outputs;
        uint64_t end = (o + 1) * axis->inputs / outputs;

        axis->taps[k].first = (uint32_t)begin;
        axis->taps[k].count = end > begin ? (uint32_t)(end - begin) : 1;
        axis->taps[k].weight = 0;
        if (axis->taps[k].count > axis->widest)
            axis->widest = axis->taps[k].count;
    }
}

static int axis_init(struct resize_axis *axis, uint32_t inputs,
                     uint32_t outputs, uint32_t from, uint32_t count,
                     enum resize_filter which, struct error *err)
{
    struct filter filter = filter_of(which);

    axis->inputs = inputs;
    axis->outputs = count;
    axis->taps = calloc(count, sizeof *axis->taps);
    if (!axis->taps)
        return error_no_memory(err);
    if (which == RESIZE_MAXPOOL) {
        set_pools(axis, outputs, from);
        return 0;
    }
    if (!set_taps(axis, &filter, outputs, from, &axis->weight_count))
        return error_set(err, ERROR_TOO_BIG, "resize of %u to %u is too big",
                         inputs, outputs);
    axis->weights = calloc(axis->weight_count, sizeof *axis->weights);
    if (!axis->weights)
        return error_no_memory(err);
    set_weights(axis, &filter, outputs, from);
    return 0;
}

int resize_plan_new(uint32_t width, uint32_t height,
                    const struct resize_target *target,
                    enum resize_filter filter, struct resize_plan **ret,
                    struct error *err)
{
    struct resize_plan *plan;

    if (width == 0 || height == 0 ||
        !image_box_is_inside(&target->cut, target->width, target->height))
        return error_set(err, ERROR_INTERNAL, "resize of or to nothing");
    plan = calloc(1, sizeof *plan);
    if (!plan)
        return error_no_memory(err);
    plan->filter = filter;
    plan->cut = target->cut;
    plan->is_copy = target->width == width && target->height == height;
    plan->x.inputs = width;
    plan->y.inputs = height;
    if (!plan->is_copy &&
        (axis_init(&plan->x, width, target->width, plan->cut.x, plan->cut.width,
                   filter, err) < 0 ||
         axis_init(&plan->y, height, target->height, plan->cut.y,
                   plan->cut.height, filter, err) < 0)) {
        resize_plan_free(plan);
        return -1;
    }
    *ret = plan;
    return 0;
}

void resize_plan_free(struct resize_plan *plan)
{
    int saved = errno;

    if (plan) {
        free(plan->x.taps);
        free(plan->x.weights);
        free(plan->y.taps);
        free(plan->y.weights);
        free(plan);
    }
    errno = saved;
}

void resize_plan_size(const struct resize_plan *plan, uint32_t *ret_width,
                      uint32_t *ret_height)
{
    *ret_width = plan->cut.width;
    *ret_height = plan->cut.height;
}

static size_t axis_bytes(const struct resize_axis *axis)
{
    return (axis->taps ? axis->outputs * sizeof *axis->taps : 0) +
           axis->weight_count * sizeof *axis->weights;
}

size_t resize_plan_bytes(const struct resize_plan *plan)
{
    return sizeof *plan + axis_bytes(&plan->x) + axis_bytes(&plan->y);
}
