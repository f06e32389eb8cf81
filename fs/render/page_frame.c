// SPDX-License-Identifier: MIT
/*
 * page_frame.c: decode, values, orient: a stored frame as the steps behind it
 * see it.
 */
#include "render/page_impl.h"

#include "image/convert.h"
#include "image/image.h"
#include "image/pad.h"
#include "image/palette.h"
#include "image/rot.h"
#include "prepfs/cleanup.h"
#include "render/clock.h"
#include "render/reslice.h"
#include "render/spec.h"

/* A decoded frame with the header it belongs to. */
struct stored {
    struct frame_place place;
    struct flight_ref source_ref;
    struct flight_ref frame_ref;
    const struct dicom_header *header;
    const struct image *image;
    uint32_t frame;
    struct values_spec spec;
};

static void stored_put(const struct page_job *job, struct stored *s)
{
    frame_put(job->maker->sources, &s->frame_ref);
    source_put(job->maker->sources, &s->source_ref);
    frame_place_deinit(&s->place);
}

static int stored_get(const struct page_job *job, uint32_t picked,
                      struct stored *ret, struct error *err)
{
    struct stored s = {.image = NULL};
    const struct manifest_instance *instance;
    const struct source *source;

    if (job->plan->refusal)
        return error_set(err, ERROR_UNSUPPORTED, "%s", job->plan->refusal);
    if (frames_at(job->frames, plan_frame(job->plan, picked), &s.place, err) !=
        0)
        return -1;
    instance = s.place.instance;
    s.frame = s.place.frame;
    if (source_check(job->maker->sources, instance, err) != 0 ||
        source_get(job->maker->sources, instance, &s.source_ref, &source,
                   err) != 0) {
        frame_place_deinit(&s.place);
        return -1;
    }
    s.header = source->header;
    /* A window that the image does not have is refused before the decode. */
    if (spec_init(job->plan, s.header, s.frame, &job->extent, &s.spec, err) !=
            0 ||
        frame_get(job->maker->sources, instance, s.frame, &s.frame_ref,
                  &s.image, err) != 0) {
        source_put(job->maker->sources, &s.source_ref);
        frame_place_deinit(&s.place);
        return -1;
    }
    *ret = s;
    if (s.place.instance == &s.place.own)
        ret->place.instance = &ret->place.own;
    return 0;
}

/* ---- values ------------------------------------------------------------- */

static void frame_extent(const struct values_spec *spec,
                         const struct image *stored, struct values_spec *ret)
{
    struct values_extent e = {0.0, 0.0, 0};

    values_extent_add(spec, stored, &e);
    ret->minimum = e.count ? e.min : 0.0;
    ret->maximum = e.count ? e.max : 0.0;
}

/* The three descriptors are the same in every legal source (PS3.3
 * C.7.6.3.1.5). */
static int palette_of(const struct dicom_palette *p, struct palette *ret,
                      struct error *err)
{
    if (p->n[0] == 0)
        return error_set(err, ERROR_CORRUPT, "PALETTE COLOR without palette");
    if (p->n[0] != p->n[1] || p->n[0] != p->n[2] ||
        p->first[0] != p->first[1] || p->first[0] != p->first[2])
        return error_set(err, ERROR_CORRUPT,
                         "the red, green and blue palettes have %u, %u and "
                         "%u entries",
                         p->n[0], p->n[1], p->n[2]);
    *ret = (struct palette){
        .red = p->data[0],
        .green = p->data[1],
        .blue = p->data[2],
        .count = p->n[0],
        .first = p->first[0],
        .bits = p->bits,
    };
    return 0;
}

static int palette_values(const struct page_job *job, const struct stored *s,
                          struct image *ret, struct error *err)
{
    CLEANUP(image_free) struct image rgb = {0};
    struct palette palette;

    if (palette_of(&s->header->palette, &palette, err) != 0)
        return -1;
    if (image_alloc(s->image->width, s->image->height, 3,
                    palette_type(&palette), &rgb, err) != 0 ||
        palette_apply(&palette, s->image, &rgb, err) != 0)
        return -1;
    if (rgb.type == job->plan->value_type) {
        *ret = rgb;
        rgb = (struct image){0};
        return 0;
    }
    if (image_alloc(rgb.width, rgb.height, 3, job->plan->value_type, ret,
                    err) != 0)
        return -1;
    return convert_image(&rgb, CONVERT_UNIT, ret, err);
}

static int grey_values(const struct page_job *job, const struct stored *s,
                       struct tool_set *tools, struct image *ret,
                       struct error *err)
{
    struct values_spec spec = s->spec;

    if (spec.voi == VALUES_VOI_FRAME)
        frame_extent(&spec, s->image, &spec);
    if (image_alloc(s->image->width, s->image->height, s->image->channels,
                    job->plan->value_type, ret, err) != 0)
        return -1;
    return values_apply(&spec, tools->table, s->image, ret, err);
}

static int padding_mask(const struct page_job *job, const struct stored *s,
                        struct image *ret, struct error *err)
{
    struct values_spec spec;

    spec_modality(job->plan, s->header, s->frame, &spec);
    if (!spec.has_padding || s->image->channels != 1)
        return 0;
    if (image_alloc(s->image->width, s->image->height, 1, SAMPLE_U8, ret,
                    err) != 0)
        return -1;
    if (!values_padding_mask(&spec, s->image, ret))
        image_free(ret);
    return 0;
}

/* Replaces an owned image by its oriented self. */
static int orient_owned(const struct orient *o, struct image *image,
                        struct error *err)
{
    struct image turned = {0};
    uint32_t width, height;

    if (!image->data || orient_is_identity(o))
        return 0;
    orient_size(o, image->width, image->height, &width, &height);
    if (image_alloc(width, height, image->channels, image->type, &turned,
                    err) != 0)
        return -1;
    orient_apply(o, image, &turned);
    image_free(image);
    *image = turned;
    return 0;
}

/* ---- fills -------------------------------------------------------------- */

double page_fill_value(const struct page_job *job)
{
    switch (job->plan->view.fill) {
    case VIEW_FILL_MIN:
        return job->numbers.fill_min;
    case VIEW_FILL_MAX:
        return job->numbers.fill_max;
    case VIEW_FILL_NUMBER:
    case VIEW_FILL_EDGE:
    case VIEW_FILL_REFLECT:
        break;
    }
    return job->plan->view.fill_number;
}

/* ---- rotation ----------------------------------------------------------- */

/* Frames of a volume that is cut into planes are turned as planes. */
static const struct orient *frame_orient(const struct plan *p)
{
    return plan_is_resliced(p) ? &p->frame_orient : &p->orient;
}

/* Turns an owned image within its shape. */
static int rotate_owned(const struct page_job *job, struct image *image,
                        struct error *err)
{
    struct image turned = {0};

    if (!job->plan->oblique)
        return 0;
    if (image_alloc(image->width, image->height, image->channels, image->type,
                    &turned, err) != 0)
        return -1;
    rot_apply(job->plan->view.rot, plan_fill(job->plan), page_fill_value(job),
              image, &turned);
    image_free(image);
    *image = turned;
    return 0;
}

static int rotate_mask(const struct page_job *job, struct image *mask,
                       struct error *err)
{
    const struct plan *p = job->plan;
    struct image turned = {0};

    if (!p->oblique)
        return 0;
    if (image_alloc(p->oriented_width, p->oriented_height, 1, SAMPLE_U8,
                    &turned, err) != 0)
        return -1;
    rot_mask(p->view.rot, mask->data ? mask : NULL, &turned);
    image_free(mask);
    *mask = turned;
    return 0;
}

/* Both turned, or both freed. */
static int turn_owned(const struct page_job *job, const struct orient *o,
                      bool rotates, struct image *ret,
                      struct image *ret_padding, struct error *err)
{
    int rc = orient_owned(o, ret, err);

    if (rc == 0 && rotates)
        rc = rotate_owned(job, ret, err);
    if (rc == 0 && ret_padding)
        rc = orient_owned(o, ret_padding, err);
    if (rc == 0 && ret_padding && rotates)
        rc = rotate_mask(job, ret_padding, err);
    if (rc == 0)
        return 0;
    image_free(ret);
    if (ret_padding)
        image_free(ret_padding);
    return -1;
}

static int values_of(const struct page_job *job, const struct stored *s,
                     struct tool_set *tools, struct image *ret,
                     struct image *ret_padding, struct error *err)
{
    int rc = job->plan->desc.photometric == DECODE_PALETTE
                 ? palette_values(job, s, ret, err)
                 : grey_values(job, s, tools, ret, err);

    if (rc == 0 && ret_padding)
        rc = padding_mask(job, s, ret_padding, err);
    if (rc == 0)
        return turn_owned(job, frame_orient(job->plan),
                          !plan_is_resliced(job->plan), ret, ret_padding, err);
    image_free(ret);
    if (ret_padding)
        image_free(ret_padding);
    return -1;
}

int page_stored(const struct page_job *job, uint32_t frame,
                struct tool_set *tools, struct image *ret,
                struct image *ret_padding, struct error *err)
{
    struct stored s;
    uint64_t start;
    int rc;

    *ret = (struct image){0};
    if (ret_padding)
        *ret_padding = (struct image){0};
    if (stored_get(job, frame, &s, err) != 0)
        return -1;
    start = clock_ns();
    rc = values_of(job, &s, tools, ret, ret_padding, err);
    page_spent(job->maker, &job->maker->values_ns, start);
    stored_put(job, &s);
    return rc;
}

int page_frame(const struct page_job *job, uint32_t slice,
               struct tool_set *tools, struct image *ret,
               struct image *ret_padding, struct error *err)
{
    const struct plan *p = job->plan;

    if (!plan_is_resliced(p))
        return page_stored(job, slice, tools, ret, ret_padding, err);
    if (p->view.flip & VIEW_FLIP_Z)
        slice = p->depth.picked - 1 - slice;
    if (reslice_plane(job, slice, tools, ret, ret_padding, err) != 0)
        return -1;
    return turn_owned(job, &p->orient, true, ret, ret_padding, err);
}

int page_extent(const struct page_job *job, uint32_t frame,
                struct values_extent *acc, struct error *err)
{
    struct values_spec spec;
    struct stored s;

    if (stored_get(job, frame, &s, err) != 0)
        return -1;
    spec_modality(job->plan, s.header, s.frame, &spec);
    values_extent_add(&spec, s.image, acc);
    stored_put(job, &s);
    return 0;
}
