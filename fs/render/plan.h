// SPDX-License-Identifier: MIT
/*
 * plan.h: what a view does to one instance, in numbers.
 *
 *     stored frame ── values ── (plane) ── orient ── vol, slab ── region
 *       desc          value_*    plane     oriented_*  stack_*     region
 *
 *          ── resize ── norm ── pad ── canvas ── patch ── convert
 *             target           pad     canvas_*   patch    out_*
 *
 * The same along the frames is in `depth`.
 *
 * A plan is arithmetic on header data. Two of its numbers may have to be
 * measured first: the automatic crop box, and the padding that looks at
 * pixels; and the distance of two frames is in the source's header, not in
 * the manifest. Until they are known (`has_region`, `has_pad_amounts`,
 * depth.needs_z) the plan still gives the size of the result wherever that
 * does not depend on them.
 *
 * Threads: plain data, one thread at a time; const plans may be shared.
 */
#ifndef RENDER_PLAN_H
#define RENDER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "dicom/dicom.h"
#include "image/orient.h"
#include "image/pad.h"
#include "image/patches.h"
#include "image/plane.h"
#include "image/resize.h"
#include "manifest/manifest.h"
#include "render/depth.h"
#include "tiff/tiff.h"
#include "view/view.h"

/* Our own revision: bytes of leaves change only with it (and with the codec
 * libraries, which are part of the engine key). The TIFF Software tag. */
#define PLAN_SOFTWARE "prepfs engine 1"

struct plan {
    struct view view;
    struct decode_desc desc;
    bool is_volume;           /* of slices: they have to be regular */
    const char *refusal;      /* why no pixel can be had; NULL. Static text. */
    uint32_t frames;          /* that take part */
    bool needs_plane;         /* all below waits for plan_set_plane */
    struct plane plane;       /* of view.plane: how the volume is cut, */
    struct plane_size volume; /* what it is: columns, rows, frames */
    double distance[3];       /* and mm between those; 0 unknown */
    struct depth depth;       /* of the frames, or of the planes */
    uint32_t part;            /* of the object's, from 1; 0: all of them */
    uint32_t first_page;      /* of the depth's pages, unless it is a patch */
    uint32_t pages;           /* 0 until depth.needs_z is satisfied */

    uint32_t stored_channels; /* of a decoded frame */
    enum sample_type stored_type;
    uint32_t value_channels; /* after palette and values */
    enum sample_type value_type;
    uint32_t stack_channels; /* after vol and slab */
    enum sample_type stack_type;
    uint32_t y_max; /* of display: 255 or 65535 */
    uint32_t out_channels;
    enum sample_type out_type;

    struct orient frame_orient; /* of a frame before it is cut into planes */
    struct orient orient; /* of the source's own turn and the view's; of planes
                           * the view's */
    bool turned;          /* by the source's own turn */
    bool oblique;         /* then by view.rot, which is no quarter turn */
    uint32_t oriented_width, oriented_height;
    double px_x, px_y; /* mm, after orientation; 0 unknown */

    bool has_region; /* false while an automatic crop is not measured */
    struct image_box region;
    bool resizes;
    struct resize_target target; /* valid with has_region */
    bool pads;
    bool has_pad_amounts;
    struct pad pad;

    bool has_frame_size;                /* the next two are known */
    uint32_t frame_width, frame_height; /* with padding */
    struct image_box canvas_cut;        /* of that, what stays on the canvas */
    struct pad canvas_pad;

    uint32_t whole_width, whole_height; /* on its canvas; 0: not known */

    char uid[MANIFEST_NAME_MAX]; /* of the object, or what stands for it */
    uint32_t findings;           /* of roi */
    struct patches_origin patch; /* of the part in the whole, if it is one */

    bool has_size; /* the next two and `pages` are known */
    uint32_t out_width, out_height;
};

/*
 * Plans `view` for `instance`. ERROR_UNSUPPORTED if the view cannot be had of
 * this instance (no spacing, no pixels, an undecodable syntax, ...),
 * ERROR_TOO_BIG if a side does not fit.
 */
int plan_init(const struct view *view, const struct manifest_instance *instance,
              struct plan *ret, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Enters what the order of the frames tells. ERROR_CORRUPT, with the reason,
 * if the view needs one volume and the frames are none; ERROR_UNSUPPORTED if
 * it needs a distance that is not known.
 */
int plan_set_order(struct plan *plan, const struct dicom_order *order,
                   struct error *err) __attribute__((warn_unused_result));

/*
 * ERROR_TOO_BIG if a page has more than `limit` pixels (0: no limit), before or
 * after its canvas, as far as its size is known: it is made in memory, and that
 * of a patch is made as a whole.
 */
int plan_check_pixels(const struct plan *plan, uint64_t limit,
                      struct error *err) __attribute__((warn_unused_result));

/* Does what plan_set_order enters change more than the thickness of a page? Of
 * a single frame: the number of pages, or how it is cut into planes. */
bool plan_needs_distance(const struct plan *plan);

/* Enters how many findings the object has in the table that roi names. */
void plan_set_findings(struct plan *plan, uint32_t count);

/*
 * How many parts there are, each a leaf of its own: 0 with *ret of at least 1;
 * 1 if that is not known yet; -1: ERROR_NOT_FOUND if there are none,
 * ERROR_NO_IDS if there are more than an inode can name.
 */
int plan_count_parts(const struct plan *plan, uint32_t *ret, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Narrows the plan to one part; 0 leaves it as it is. ERROR_NOT_FOUND if
 * there is no such part: now, or, where their number is not known yet, from
 * plan_set_order.
 */
int plan_set_part(struct plan *plan, uint32_t part, struct error *err)
    __attribute__((warn_unused_result));

/* Is it a patch, whose pages are windows of the whole ones? */
bool plan_is_patch(const struct plan *plan);

/* A patch, its depth in place of 0; that is 0 until depth.pages is known. */
struct patches_size plan_patch_size(const struct plan *plan);

/* Enters where a patch of roi begins. */
void plan_set_origin(struct plan *plan, const struct patches_origin *origin);

/* What is put outside. */
enum pad_fill plan_fill(const struct plan *plan);

/* The whole page, of depth.pages, that page 0 shows; of a patch it may lie
 * outside of them. */
int64_t plan_first(const struct plan *plan);

/* The whole page that page `page` shows, or a window of it; -1 if there is
 * nothing but the fill. */
int64_t plan_page(const struct plan *plan, uint32_t page);

/* The frame, of depth.resized, that page `page` shows; outside of them where
 * the canvas is larger. */
int64_t plan_source(const struct plan *plan, uint32_t page);

/*
 * Enters where the axes of the volume point to, of a plan that needs_plane and
 * has its order: what plan_init has left open follows. ERROR_UNSUPPORTED if
 * there is no such plane, and as plan_init.
 */
int plan_set_plane(struct plan *plan, const struct plane_vectors *axes,
                   struct error *err) __attribute__((warn_unused_result));

/* Plans another view of the same frames in the same planes. */
int plan_derive(const struct plan *from, const struct view *view,
                const struct manifest_instance *instance, struct plan *ret,
                struct error *err) __attribute__((warn_unused_result));

/* Is the volume cut along another of its axes? */
static inline bool plan_is_resliced(const struct plan *plan)
{
    return plan->view.plane != VIEW_PLANE_STORED;
}

/* The frames that take part in slices first..last of depth.picked. */
struct vol_range plan_slices(const struct plan *plan, uint32_t first,
                             uint32_t last);

/* The frames, of those that take part, that page `page` is made of; false if
 * it is filled. The plan is complete. */
bool plan_shown(const struct plan *plan, uint32_t page, struct vol_range *ret);

/* Does the crop box of this plan have to be measured? */
bool plan_needs_crop(const struct plan *plan);

/* Enters the measured box, in oriented pixels. */
int plan_set_region(struct plan *plan, const struct image_box *box,
                    struct error *err) __attribute__((warn_unused_result));

/* Does the padding depend on the pixels of the first frame? (has_region) */
bool plan_needs_pad(const struct plan *plan);

/* Enters the measured padding. */
void plan_set_pad(struct plan *plan, const struct pad *pad);

/* Which frame, after ordering and from 0, is number `picked` of `frames`. */
uint32_t plan_frame(const struct plan *plan, uint32_t picked);

/* What 1.0 on the unit scale is in the samples of stack_type. */
double plan_unit(const struct plan *plan);

/* Are samples on the unit scale (display, range), or numbers of their own? */
bool plan_is_unit(const struct plan *plan);

/* The file that the plan makes: all of it with has_region, and otherwise
 * with the right size but without the tags not known yet. */
void plan_tiff(const struct plan *plan, struct tiff_spec *ret);

#endif
