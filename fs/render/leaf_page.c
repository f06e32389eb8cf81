// SPDX-License-Identifier: MIT
/* leaf_page.c: see leaf_page.h. */
#include "render/leaf_page.h"

#include <stdlib.h>

#include "image/image.h"
#include "png/png_leaf.h"

void leaf_page_free(struct leaf_page *p)
{
    if (!p)
        return;
    image_free(&p->image);
    tiff_buffer_deinit(&p->packed);
    free(p->strip_bytes);
    free(p);
}

/* The samples are no longer needed. */
static void keep_packed(struct leaf_page *p)
{
    image_free(&p->image);
    p->bytes = p->packed.data;
    p->length = p->packed.length;
}

static int pack_strips(const struct plan *plan, struct leaf_page *p,
                       struct error *err)
{
    struct tiff_strips strips;
    struct tiff_spec spec;
    uint32_t row = 0;

    plan_tiff(plan, &spec);
    if (tiff_strips_init(&spec, &strips, err) != 0)
        return -1;
    p->strip_bytes = calloc(strips.per_page, sizeof *p->strip_bytes);
    if (!p->strip_bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < strips.per_page; i++) {
        uint32_t rows = tiff_strip_rows(&strips, spec.height, i);
        size_t before = p->packed.length;

        if (tiff_pack_strip(spec.pack, &p->image, row, rows, &p->packed, err) !=
            0)
            return -1;
        p->strip_bytes[i] = p->packed.length - before;
        row += rows;
    }
    keep_packed(p);
    return 0;
}

static int pack_half(struct leaf_page *p, struct error *err)
{
    size_t size = (size_t)p->image.width * p->image.channels * 2 *
                  p->image.height; /* half of what was allocated */

    p->packed.data = malloc(size);
    if (!p->packed.data)
        return error_no_memory(err);
    p->packed.length = p->packed.capacity = size;
    if (npy_half_page(&p->image, p->packed.data, err) != 0)
        return -1;
    keep_packed(p);
    return 0;
}

static int pack_png(const struct plan *plan, struct leaf_page *p,
                    struct error *err)
{
    struct png_leaf_about about = {.software = PLAN_SOFTWARE};
    struct tiff_spec spec;

    plan_tiff(plan, &spec); /* the same resolution */
    about.px_per_cm_x = spec.px_per_cm_x;
    about.px_per_cm_y = spec.px_per_cm_y;
    if (png_leaf_pack(&p->image, &about, &p->packed.data, &p->packed.length,
                      err) != 0)
        return -1;
    p->packed.capacity = p->packed.length;
    keep_packed(p);
    return 0;
}

static int render(const struct page_job *job, enum leaf_kind kind,
                  uint32_t page, struct leaf_page *p, struct error *err)
{
    bool is_half = job->plan->out_type == SAMPLE_F16;
    struct plan plan = *job->plan;
    struct page_job single = *job;

    /* No image has half floats: they are rounded from singles at the end. */
    if (is_half) {
        plan.out_type = SAMPLE_F32;
        single.plan = &plan;
    }
    if (page_render(&single, page, &p->image, err) != 0)
        return -1;
    if (is_half)
        return pack_half(p, err);
    if (kind == LEAF_PNG)
        return pack_png(job->plan, p, err);
    if (layout_is_packed(kind, job->plan))
        return pack_strips(job->plan, p, err);
    p->bytes = p->image.data;
    p->length = p->image.stride_bytes * p->image.height;
    return 0;
}

int leaf_page_make(const struct page_job *job, enum leaf_kind kind,
                   uint32_t page, struct leaf_page **ret, size_t *ret_cost,
                   struct error *err)
{
    struct leaf_page *p = calloc(1, sizeof *p);

    if (!p)
        return error_no_memory(err);
    if (render(job, kind, page, p, err) != 0) {
        leaf_page_free(p);
        return -1;
    }
    *ret = p;
    *ret_cost = p->packed.data ? p->packed.capacity : p->length;
    return 0;
}
