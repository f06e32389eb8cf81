// SPDX-License-Identifier: MIT
/* reslice.c: see reslice.h. */
#include "render/reslice.h"

#include <stdlib.h>

#include "image/image.h"
#include "image/pad.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"
#include "render/kept.h"

static struct plane_size size_of(const struct plan *p)
{
    return plane_size(&p->plane, &p->volume);
}

uint32_t reslice_batch(const struct plan *p, bool masked, size_t room)
{
    struct plane_size size = size_of(p);
    size_t pixel =
        p->value_channels * sample_bytes(p->value_type) + (masked ? 1 : 0);
    size_t bytes;

    if (!checked_mul_size(size.n[0], size.n[1], &bytes) ||
        !checked_mul_size(bytes, pixel, &bytes) || bytes == 0 ||
        room / bytes == 0)
        return 1;
    return room / bytes < size.n[2] ? (uint32_t)(room / bytes) : size.n[2];
}

/* ---- a batch ------------------------------------------------------------ */

struct batch {
    const struct page_job *job;
    struct tool_set *tools;
    uint32_t first, count; /* planes */
    bool masked;
};

static int alloc_planes(const struct batch *b, uint32_t channels,
                        enum sample_type type, struct image *images,
                        struct error *err)
{
    struct plane_size size = size_of(b->job->plan);

    for (uint32_t i = 0; i < b->count; i++)
        if (image_alloc(size.n[0], size.n[1], channels, type, &images[i],
                        err) != 0)
            return -1;
    return 0;
}

/* The first frame that has padding makes the masks. */
static int alloc_masks(const struct batch *b, struct kept *kept,
                       struct error *err)
{
    kept->masks = calloc(b->count, sizeof *kept->masks);
    if (!kept->masks)
        return error_no_memory(err);
    if (alloc_planes(b, 1, SAMPLE_U8, kept->masks, err) != 0)
        return -1;
    for (uint32_t i = 0; i < b->count; i++)
        pad_constant(0.0, &kept->masks[i]);
    return 0;
}

static void gather(const struct batch *b, const struct image *frame, uint32_t f,
                   const struct image *planes)
{
    const struct plan *p = b->job->plan;

    plane_gather(&p->plane, &p->volume, frame, f, b->first, b->count, planes);
}

static int gather_frame(const struct batch *b, uint32_t f, struct kept *kept,
                        struct error *err)
{
    CLEANUP(image_free) struct image frame = {0};
    CLEANUP(image_free) struct image mask = {0};
    const struct plan *p = b->job->plan;
    uint64_t start;

    if (page_stored(b->job, f, b->tools, &frame, b->masked ? &mask : NULL,
                    err) != 0)
        return -1;
    if (frame.width != p->volume.n[0] || frame.height != p->volume.n[1] ||
        frame.type != p->value_type || frame.channels != p->value_channels)
        return error_set(err, ERROR_CORRUPT, "frames of different sizes");
    if (mask.data && !kept->masks && alloc_masks(b, kept, err) != 0)
        return -1;
    start = clock_ns();
    gather(b, &frame, f, kept->images);
    if (mask.data)
        gather(b, &mask, f, kept->masks);
    page_spent(b->job->maker, &b->job->maker->values_ns, start);
    return 0;
}

/* The frames that the planes of a batch need: all, unless the volume has been
 * scanned in these planes. */
static struct vol_range frames_of(const struct batch *b)
{
    const struct plan *p = b->job->plan;
    struct vol_range first = plane_range(&p->plane, &p->volume, b->first);
    struct vol_range last =
        plane_range(&p->plane, &p->volume, b->first + b->count - 1);
    uint32_t from = first.first < last.first ? first.first : last.first;
    uint32_t first_end = first.first + first.count;
    uint32_t last_end = last.first + last.count;

    return (struct vol_range){
        from, (first_end > last_end ? first_end : last_end) - from};
}

static int fill(const struct batch *b, struct kept *kept, struct error *err)
{
    const struct plan *p = b->job->plan;
    struct vol_range frames = frames_of(b);

    if (alloc_planes(b, p->value_channels, p->value_type, kept->images, err) !=
        0)
        return -1;
    for (uint32_t i = 0; i < frames.count; i++)
        if (gather_frame(b, frames.first + i, kept, err) != 0)
            return -1;
    return 0;
}

static int make(void *opaque, const struct flight_key *key, void **ret_value,
                size_t *ret_cost, struct error *err)
{
    const struct batch *b = opaque;
    struct kept *kept = kept_new(b->count, err);

    (void)key;
    if (!kept)
        return -1;
    if (fill(b, kept, err) != 0) {
        kept_free(kept);
        return -1;
    }
    *ret_value = kept;
    *ret_cost = kept_bytes(kept);
    return 0;
}

/* ---- one plane ---------------------------------------------------------- */

/* In a plane that was scanned a slice is a frame: those are kept already. */
static struct batch batch_of(const struct page_job *job, uint32_t q,
                             struct tool_set *tools, bool masked)
{
    const struct plan *p = job->plan;
    uint32_t planes = size_of(p).n[2];
    uint32_t each = p->plane.pages.source == PLANE_FRAMES
                        ? 1
                        : reslice_batch(p, masked, job->maker->plane_bytes);
    struct batch b = {job, tools, q - q % each, each, masked};

    if (b.count > planes - b.first)
        b.count = planes - b.first;
    return b;
}

/* Views that differ further down the pipeline share planes. */
static struct flight_key key_of(const struct batch *b)
{
    const struct plan *p = b->job->plan;
    struct view view;

    view_planes(&p->view, &view);
    return kept_key(b->job->digest, &view, KEPT_PLANES,
                    (uint64_t)b->first << 32 | (uint64_t)b->count << 8 |
                        (uint64_t)p->value_type << 1 | b->masked);
}

static int copy_of(const struct image *from, struct image *ret,
                   struct error *err)
{
    if (!from->data)
        return 0;
    if (image_alloc(from->width, from->height, from->channels, from->type, ret,
                    err) != 0)
        return -1;
    image_copy(from, ret);
    return 0;
}

/* The batch that has plane q. Planes that a measurement has just asked for
 * with their masks will do without. */
static int batch_get(const struct page_job *job, uint32_t q,
                     struct tool_set *tools, bool masked, struct batch *ret,
                     struct flight_ref *ref, struct error *err)
{
    struct flight_key key;

    *ret = batch_of(job, q, tools, true);
    key = key_of(ret);
    if (!masked && flight_peek(job->maker->kept, &key, ref))
        return 0;
    if (!masked) {
        *ret = batch_of(job, q, tools, false);
        key = key_of(ret);
    }
    return flight_get(job->maker->kept, &key, make, ret, ref, NULL, err);
}

int reslice_plane(const struct page_job *job, uint32_t q,
                  struct tool_set *tools, struct image *ret,
                  struct image *ret_padding, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct kept *kept;
    struct batch b;
    int rc;

    *ret = (struct image){0};
    if (ret_padding)
        *ret_padding = (struct image){0};
    if (batch_get(job, q, tools, ret_padding != NULL, &b, &ref, err) != 0)
        return -1;
    kept = ref.value;
    rc = copy_of(&kept->images[q - b.first], ret, err);
    if (rc == 0 && ret_padding && kept->masks)
        rc = copy_of(&kept->masks[q - b.first], ret_padding, err);
    if (rc != 0)
        image_free(ret);
    flight_put(job->maker->kept, &ref);
    return rc;
}
