// SPDX-License-Identifier: MIT
/*
 * finding.c: from a row of table `roi` to where its patch begins.
 *
 * A finding is a place in the patient; which voxel that is the affine of the
 * whole pages says. An image that has no place in the patient (a projection)
 * is measured from its first stored pixel instead.
 */
#include <math.h>

#include "image/patches.h"
#include "manifest/manifest_roi.h"
#include "render/geometry.h"
#include "render/object.h"

/* Findings of a volume are those of its series. */
static struct manifest_roi_object whose_of(const struct manifest_instance *row)
{
    return (struct manifest_roi_object){
        .id = row->slices > 0 ? row->series_id : row->id,
        .is_series = row->slices > 0,
    };
}

int object_count_findings(struct manifest *m,
                          const struct manifest_instance *row,
                          struct plan *plan, struct error *err)
{
    struct manifest_roi_object whose = whose_of(row);
    uint32_t count;

    if (plan->view.patches != VIEW_PATCHES_ROI)
        return 0;
    if (manifest_roi_count(m, plan->view.roi_name, &whose, &count, err) != 0)
        return -1;
    plan_set_findings(plan, count);
    return 0;
}

static int finding_of(struct manifest *m, const struct object *object,
                      const struct plan *plan, struct manifest_roi *ret,
                      struct error *err)
{
    bool is_series = plan->view.select == VIEW_SELECT_SERIES;
    struct manifest_roi_object whose = {
        .id = is_series ? object->frames.instance.series_id
                        : object->frames.object_id,
        .is_series = is_series,
    };
    int found =
        manifest_roi_get(m, plan->view.roi_name, &whose, plan->part, ret, err);

    if (found < 0)
        return -1;
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "table %s of the manifest's roi has no number %u for "
                         "this",
                         plan->view.roi_name, plan->part);
    return 0;
}

/* Where pages follow each other in time, or where a finding of an image
 * without a place has no z, the patch is in the middle of the pages. */
static int voxel_of(const struct plan *plan, const struct geometry *g,
                    const struct manifest_roi *roi, double ret[3],
                    struct error *err)
{
    const double *at = roi->centre;
    bool has_z = g->has_affine || !isnan(at[2]);
    double ras[3] = {-at[0], -at[1], has_z ? at[2] : 0};

    if (!affine_index(&g->grid, ras, ret) || !isfinite(ret[0]) ||
        !isfinite(ret[1]))
        return error_set(err, ERROR_UNSUPPORTED,
                         "number %u of table %s in the manifest's roi has no "
                         "position",
                         plan->part, plan->view.roi_name);
    if (g->is_time || !has_z)
        ret[2] = ((double)plan->depth.pages - 1) / 2;
    return 0;
}

int object_place_finding(struct objects *o, const struct object *object,
                         struct plan *plan, struct error *err)
{
    struct patches_size size = {plan->view.patch_size.width,
                                plan->view.patch_size.height,
                                plan->view.patch_size.depth};
    struct patches_origin origin;
    struct manifest_roi roi;
    struct geometry geometry;
    double voxel[3];

    if (finding_of(objects_manifest(o), object, plan, &roi, err) != 0 ||
        object_geometry(o, object, &object->plan, &geometry, err) != 0 ||
        voxel_of(plan, &geometry, &roi, voxel, err) != 0)
        return -1;
    if (!patches_roi(voxel, &size, &origin))
        return error_set(err, ERROR_UNSUPPORTED,
                         "number %u of table %s in the manifest's roi lies too "
                         "far away",
                         plan->part, plan->view.roi_name);
    plan_set_origin(plan, &origin);
    return 0;
}
