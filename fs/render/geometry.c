// SPDX-License-Identifier: MIT
/*
 * geometry.c: Plane Position and Orientation (Patient) of the frames shown,
 * PS3.3 C.7.6.2.1.1, put through what the view does to the grid.
 */
#include "render/geometry.h"

#include <math.h>
#include <string.h>

#define DRIFT_MAX 0.01 /* of the step from page to page */

/* What geometry_of works on. */
struct pages {
    const struct plan *plan;
    const struct dicom_header *header;
    const struct frames *frames;
};

static bool has_slices(const struct pages *p)
{
    return p->frames->slices.n > 0;
}

/* A frame that takes part, by its number from 0. Slices differ from the first
 * in their position: the manifest saw to the rest. */
static const struct dicom_frame *frame_of(const struct pages *p, uint32_t page)
{
    if (has_slices(p))
        return dicom_frame_at(p->header, 0);
    return dicom_frame_at(p->header,
                          p->frames->order.frames[plan_frame(p->plan, page)]);
}

static const double *position_of(const struct pages *p, uint32_t page)
{
    if (has_slices(p))
        return p->frames->slices.v[plan_frame(p->plan, page)].position;
    return frame_of(p, page)->position;
}

static bool is_placed(const double position[3])
{
    return isfinite(position[0]) && isfinite(position[1]) &&
           isfinite(position[2]);
}

static double distance(const double a[3], const double b[3])
{
    double d[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};

    return sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
}

static double length(const double a[3])
{
    static const double zero[3] = {0, 0, 0};

    return distance(a, zero);
}

static bool is_parallel(const struct dicom_frame *a,
                        const struct dicom_frame *b)
{
    return distance(a->orientation, b->orientation) <= DRIFT_MAX &&
           distance(a->orientation + 3, b->orientation + 3) <= DRIFT_MAX;
}

/* Do the pages stand in one line, evenly? */
static bool is_regular(const struct pages *p, const double step[3])
{
    double limit = DRIFT_MAX * length(step);

    for (uint32_t page = 1; page < p->plan->frames; page++) {
        const double *a = position_of(p, page - 1);
        const double *b = position_of(p, page);
        double next[3];

        for (unsigned i = 0; i < 3; i++)
            next[i] = a[i] + step[i];
        if (!is_placed(b) ||
            !is_parallel(frame_of(p, page - 1), frame_of(p, page)) ||
            !(distance(b, next) <= limit))
            return false;
    }
    return true;
}

/* Do all pages show the very same place? */
static bool is_one_place(const struct pages *p)
{
    const double *first = position_of(p, 0);

    for (uint32_t page = 1; page < p->plan->frames; page++) {
        const double *position = position_of(p, page);

        if (!is_placed(first) ? is_placed(position)
                              : !(distance(position, first) == 0))
            return false;
    }
    return true;
}

static double positive(double value)
{
    return isfinite(value) && value > 0 ? value : 0;
}

/* Of a single page; 0 unknown. */
static double thickness(const struct dicom_frame *f)
{
    return positive(f->z_between) > 0 ? f->z_between : positive(f->z_thickness);
}

/* mm along the normal from the first stored frame to that of `page`, for
 * frames without positions of their own: by a vector of distances (Grid Frame
 * Offset Vector, relative or absolute), else by SpacingBetweenSlices. */
static double stated_offset(const struct pages *p, uint32_t page)
{
    const struct dicom_header *h = p->header;
    uint32_t frame;

    if (has_slices(p))
        return 0; /* each slice has a place of its own, or none */
    frame = p->frames->order.frames[plan_frame(p->plan, page)];
    if (h->frame_vector)
        return h->vector_is_mm ? h->frame_vector[frame] - h->frame_vector[0]
                               : 0;
    return positive(frame_of(p, page)->z_between) * frame;
}

/* The step that the source states for pages that share one place; 0: none,
 * or an uneven one. */
static double stated_step(const struct pages *p)
{
    uint32_t last = p->plan->frames - 1;
    double step = (stated_offset(p, last) - stated_offset(p, 0)) / last;

    for (uint32_t page = 1; page <= last; page++) {
        double gap = stated_offset(p, page) - stated_offset(p, page - 1);

        if (!(fabs(gap - step) <= DRIFT_MAX * fabs(step)))
            return 0;
    }
    return step;
}

/* Pages that share one place: slices at stated distances, or moments. */
static bool place_stated(const struct pages *p, struct geometry *ret,
                         struct affine_source *source)
{
    double step = stated_step(p);
    double normal[3];

    ret->is_time = step == 0;
    if (step == 0)
        return true;
    source->spacing[2] = fabs(step);
    if (!dicom_normal(source->orientation, normal))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        source->position[i] += stated_offset(p, 0) * normal[i];
        source->step[i] = step * normal[i];
    }
    return true;
}

/* Pages that have places: false unless they are one volume. */
static bool place_measured(const struct pages *p, struct affine_source *source)
{
    const double *first = position_of(p, 0);
    const double *last = position_of(p, p->plan->frames - 1);

    source->spacing[2] = 0;
    if (p->frames->order.why_mixed || !is_placed(first) || !is_placed(last))
        return false;
    affine_step_between(first, last, p->plan->frames, source->step);
    if (!is_regular(p, source->step))
        return false;
    source->spacing[2] = length(source->step);
    return true;
}

/* The pages as they are stored. False if they are not known to be a volume;
 * then spacing[2] is 0 if it is not known either. */
static bool place(const struct pages *p, struct geometry *ret,
                  struct affine_source *source)
{
    const struct plan *plan = p->plan;
    const struct dicom_frame *first = frame_of(p, 0);

    *source = (struct affine_source){
        .spacing = {plan->distance[0], plan->distance[1], thickness(first)},
    };
    memcpy(source->orientation, first->orientation, sizeof first->orientation);
    memcpy(source->position, position_of(p, 0), sizeof source->position);
    if (plan->frames == 1)
        return true;
    return is_one_place(p) ? place_stated(p, ret, source)
                           : place_measured(p, source);
}

/* What is turned: frames, or the planes that the volume is cut into. Of
 * frames plan_frame mirrors the order. */
static struct affine_view view_of_slices(const struct plan *plan)
{
    struct plane_size size = {
        {plan->desc.cols, plan->desc.rows, plan->depth.picked}};

    if (plan_is_resliced(plan))
        size = plane_size(&plan->plane, &plan->volume);
    return (struct affine_view){
        .width = size.n[0],
        .height = size.n[1],
        .pages = size.n[2],
        .flip_z =
            plan_is_resliced(plan) && (plan->view.flip & VIEW_FLIP_Z) != 0,
    };
}

static void view_of(const struct plan *plan, struct affine_view *ret)
{
    const struct resize_target *t = &plan->target;
    struct affine_view slices = view_of_slices(plan);
    struct affine_view v = {
        .width = slices.width,
        .height = slices.height,
        .pages = slices.pages,
        .flip_z = slices.flip_z,
        .flip_h = plan->orient.flip_h,
        .flip_v = plan->orient.flip_v,
        .turns = plan->orient.turns,
        .degrees = plan->oblique ? plan->view.rot : 0,
        .crop = {plan->region.x, plan->region.y, 0},
        .cut = {t->cut.x, t->cut.y, 0},
    };

    if (plan->resizes) {
        v.from[0] = plan->region.width;
        v.from[1] = plan->region.height;
        v.to[0] = t->width;
        v.to[1] = t->height;
    }
    if (plan->view.canvas.width > 0) {
        v.patch[0] = (double)plan->canvas_cut.x - plan->canvas_pad.left;
        v.patch[1] = (double)plan->canvas_cut.y - plan->canvas_pad.top;
    }
    if (plan_is_patch(plan)) {
        v.patch[0] += (double)plan->patch.x;
        v.patch[1] += (double)plan->patch.y;
    }
    if (plan->pads) {
        v.pad[0] = plan->pad.left;
        v.pad[1] = plan->pad.top;
    }
    *ret = v;
}

/* Along the pages: depth.h, step by step. A projection is in the middle of
 * what it shows, and as thick. */
static void walk_pages(const struct plan *plan, struct affine *a)
{
    const struct view *v = &plan->view;
    const struct depth *d = &plan->depth;

    if (v->vol == VIEW_VOL_INTERP)
        affine_interpolate(a, AFFINE_PAGE, d->picked, d->after_vol);
    else if (d->after_vol == 1)
        affine_walk(a, AFFINE_PAGE, d->vol.first + (d->vol.count - 1) / 2.0,
                    d->vol.count);
    if (v->slab != VIEW_SLAB_NONE && d->after_vol > 1)
        affine_walk(a, AFFINE_PAGE, (v->slab_depth - 1) / 2.0, v->slab_stride);
    affine_walk(a, AFFINE_PAGE, d->first, 1);
    if (d->resized != d->count)
        affine_interpolate(a, AFFINE_PAGE, d->count, d->resized);
    affine_walk(a, AFFINE_PAGE, (double)(depth_source(d, 0) + plan_first(plan)),
                1);
}

/* The axes of the volume change places. */
static void reslice(const struct plan *plan, struct affine *a)
{
    const struct plane_axis axes[3] = {plan->plane.across, plan->plane.down,
                                       plan->plane.pages};
    struct affine from;

    affine_turn(a, plan->desc.cols, plan->desc.rows, plan->frame_orient.turns);
    for (unsigned i = 0; i < 3; i++)
        if (axes[i].reversed)
            affine_flip(a, (enum affine_axis)axes[i].source,
                        plan->volume.n[axes[i].source]);
    from = *a;
    for (unsigned i = 0; i < 3; i++)
        for (unsigned k = 0; k < 3; k++)
            a->m[k][i] = from.m[k][axes[i].source];
}

static void walk(const struct plan *plan, bool is_time, struct affine *a)
{
    struct affine_view view;

    if (plan_is_resliced(plan))
        reslice(plan, a);
    view_of(plan, &view);
    affine_apply(a, &view);
    if (!is_time)
        walk_pages(plan, a);
}

static double or_one(double spacing)
{
    return spacing > 0 ? spacing : 1;
}

/* Of an image that is nowhere: its own plane. */
static void place_itself(const struct plan *plan,
                         const struct affine_source *source,
                         struct geometry *ret)
{
    struct affine_source own = {
        .orientation = {1, 0, 0, 0, 1, 0},
        .spacing = {or_one(source->spacing[0]), or_one(source->spacing[1]),
                    or_one(source->spacing[2])},
    };

    ret->has_grid = affine_init(&own, &ret->grid);
    walk(plan, ret->is_time, &ret->grid);
}

/* Without an affine: what the view leaves of the spacing. */
static void scale_spacing(const struct plan *plan, double z,
                          struct geometry *ret)
{
    const struct resize_target *t = &plan->target;
    double x = plan->resizes ? (double)plan->region.width / t->width : 1;
    double y = plan->resizes ? (double)plan->region.height / t->height : 1;

    ret->spacing[0] = positive(plan->px_x * x);
    ret->spacing[1] = positive(plan->px_y * y);
    ret->spacing[2] = positive(z);
}

void geometry_of(const struct plan *plan, const struct dicom_header *header,
                 const struct frames *frames, struct geometry *ret)
{
    struct pages pages = {plan, header, frames};
    struct affine_source source;
    bool is_known, is_thick;

    *ret = (struct geometry){.is_time = false};
    is_known = place(&pages, ret, &source);
    is_thick = is_known && !ret->is_time && source.spacing[2] > 0;
    scale_spacing(plan,
                  !is_thick                ? 0
                  : plan->depth.picked > 1 ? plan->depth.z_mm
                                           : source.spacing[2],
                  ret);
    if (source.spacing[2] == 0) /* a slice is somewhere, however thick */
        source.spacing[2] = 1;
    if (!is_known || !affine_init(&source, &ret->affine)) {
        if (!is_placed(position_of(&pages, 0)))
            place_itself(plan, &source, ret);
        return;
    }
    walk(plan, ret->is_time, &ret->affine);
    ret->has_affine = ret->has_grid = true;
    ret->grid = ret->affine;
    if (plan_is_resliced(plan) && !is_thick)
        return; /* one of the three is not known: it is 0 already */
    affine_spacing(&ret->affine, ret->spacing);
    if (!is_thick)
        ret->spacing[2] = 0;
}

/* ---- axes --------------------------------------------------------------- */

/* From the first frame to the last, of any length. */
static bool direction_of_frames(const struct pages *p, double ret[3])
{
    const double *first = position_of(p, 0);
    const double *last = position_of(p, p->plan->frames - 1);
    double step;

    if (p->plan->frames > 1 && is_placed(first) && is_placed(last) &&
        distance(first, last) > 0) {
        for (unsigned i = 0; i < 3; i++)
            ret[i] = last[i] - first[i];
        return true;
    }
    step = p->plan->frames > 1 ? stated_step(p) : 1;
    if (step == 0 || !dicom_normal(frame_of(p, 0)->orientation, ret))
        return false;
    for (unsigned i = 0; i < 3; i++)
        ret[i] *= step;
    return true;
}

int geometry_axes(const struct plan *plan, const struct dicom_header *header,
                  const struct frames *frames, struct plane_vectors *ret,
                  struct error *err)
{
    struct pages pages = {plan, header, frames};
    const struct dicom_frame *first = frame_of(&pages, 0);
    double sign = plan->turned ? -1 : 1;
    double normal[3];

    if (!dicom_normal(first->orientation, normal))
        return error_set(err, ERROR_UNSUPPORTED,
                         "the orientation of this image is not known");
    if (!direction_of_frames(&pages, ret->v[PLANE_FRAMES]))
        return error_set(err, ERROR_UNSUPPORTED,
                         "the frames show one place: they are no volume");
    for (unsigned i = 0; i < 3; i++) {
        ret->v[PLANE_COLUMNS][i] = sign * first->orientation[i];
        ret->v[PLANE_ROWS][i] = sign * first->orientation[3 + i];
    }
    return 0;
}
