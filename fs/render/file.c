// SPDX-License-Identifier: MIT
/*
 * file.c: from a leaf's numbers to a file: plan, measures, layout.
 */
#include "render/file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "prepfs/cleanup.h"
#include "render/file_impl.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "leaves are little endian and pages are copied as they are");

/* ---- resolving ---------------------------------------------------------- */

static struct page_job job_of(struct files *f, const struct file *file)
{
    return (struct page_job){
        .maker = f->config.maker,
        .instance = &file->instance,
        .plan = &file->plan,
        .order = file->order,
        .extent = file->extent,
    };
}

static void file_free(void *value)
{
    struct file *file = value;

    manifest_instance_deinit(&file->instance);
    tiff_layout_deinit(&file->layout);
    free(file->order);
    free(file);
}

/* Everything that the bytes depend on, and nothing else: views that differ in
 * what they list share blocks. */
static void digest_of(const struct file *file, const struct file_id *id,
                      uint64_t engine, uint64_t ret[2])
{
    struct {
        uint64_t numbers[7];
        char view[VIEW_TEXT_SIZE];
    } what = {{file->instance.dev, file->instance.ino, file->instance.size,
               (uint64_t)file->instance.mtime_ns, engine, id->part, id->kind},
              ""};
    struct view view = file->plan.view;
    size_t length;
    XXH128_hash_t h;

    view.list = VIEW_EXT_TIFF;
    view.tree = false;
    length = view_print(&view, what.view, sizeof what.view);
    h = XXH3_128bits(&what, sizeof what.numbers + length);
    ret[0] = h.high64;
    ret[1] = h.low64;
}

static int resolve_order(struct files *f, struct file *file, struct error *err)
{
    static const enum dicom_order_want wants[] = {
        [VIEW_ORDER_GEOM] = DICOM_ORDER_GEOMETRY,
        [VIEW_ORDER_INST] = DICOM_ORDER_INSTANCE,
        [VIEW_ORDER_STORED] = DICOM_ORDER_STORED,
    };
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;
    struct dicom_order order = {0};
    int rc;

    /* One frame has no order, and a plan that can do without the source is
     * there at once when only the blocks are still in the cache. */
    if (file->instance.frames == 1)
        return 0;
    if (source_get(f->config.maker->sources, &file->instance, &ref, &source,
                   err) != 0)
        return -1;
    rc = source->header->frames == file->instance.frames
             ? dicom_order(source->header, wants[file->plan.view.order], &order,
                           err)
             : error_set(err, ERROR_STALE, "%s changed since it was indexed",
                         file->instance.relpath);
    source_put(f->config.maker->sources, &ref);
    if (rc != 0)
        return -1;
    file->order = STEAL(order.frames);
    dicom_order_deinit(&order);
    return 0;
}

static int resolve_shape(struct files *f, struct file *file,
                         const struct manifest_output *known, struct error *err)
{
    struct measure m = {f->config.manifest, f->config.engine};
    struct page_job job = job_of(f, file);
    struct image_box box;
    struct pad pad;

    if (measure_extent(&m, &job, err) != 0)
        return -1;
    file->extent = job.extent;
    if (plan_needs_crop(&file->plan)) {
        box = known ? known->crop : (struct image_box){0, 0, 0, 0};
        if (!known && measure_crop(&m, &job, &box, err) != 0)
            return -1;
        if (plan_set_region(&file->plan, &box, err) != 0)
            return -1;
    }
    if (!plan_needs_pad(&file->plan))
        return 0;
    if (known)
        pad = (struct pad){known->pad[0], known->pad[1], known->pad[2],
                           known->pad[3]};
    else if (measure_pad(&m, &job, &pad, err) != 0)
        return -1;
    plan_set_pad(&file->plan, &pad);
    return 0;
}

/* Packs every page once to learn the byte count of each strip. */
static int measure_strips(struct files *f, const struct file *file,
                          const struct tiff_spec *spec, uint64_t **ret,
                          struct error *err)
{
    struct tiff_strips strips;
    CLEANUP_FREE uint64_t *bytes = NULL;

    if (tiff_strips_init(spec, &strips, err) != 0)
        return -1;
    bytes = calloc(strips.count, sizeof *bytes);
    if (!bytes)
        return error_no_memory(err);
    for (uint32_t page = 0; page < spec->pages; page++) {
        struct flight_ref ref = {NULL, NULL};
        const struct page *p;

        if (pages_get(f->pages, file, &strips, page, &ref, &p, err) != 0)
            return -1;
        memcpy(bytes + (size_t)page * strips.per_page, p->strip_bytes,
               strips.per_page * sizeof *bytes);
        pages_put(f->pages, &ref);
    }
    *ret = STEAL(bytes);
    return 0;
}

static int remember(struct files *f, const struct file_id *id,
                    const struct file *file, uint64_t *strips,
                    struct error *err)
{
    const struct plan *p = &file->plan;
    struct manifest_output out = {
        .width = p->out_width,
        .height = p->out_height,
        .channels = p->out_channels,
        .num_frames = p->pages,
        .dtype = p->out_type,
        .bytes = file->layout.size,
        .crop = p->region,
        .scale_x = (double)p->target.scale_x,
        .scale_y = (double)p->target.scale_y,
        .pad = {p->pad.left, p->pad.top, p->pad.right, p->pad.bottom},
        .strips = strips,
        .n_strips = strips ? file->layout.strips.count : 0,
    };

    return manifest_output_put(f->config.manifest, id->view_id, id->object_id,
                               id->part, id->kind, f->config.engine, &out, err);
}

static int resolve_layout(struct files *f, const struct file_id *id,
                          struct file *file,
                          const struct manifest_output *known,
                          struct error *err)
{
    CLEANUP_FREE uint64_t *measured = NULL;
    struct tiff_spec spec;
    bool packed = file->plan.view.pack != VIEW_PACK_NONE;

    plan_tiff(&file->plan, &spec);
    if (packed && !known && measure_strips(f, file, &spec, &measured, err) != 0)
        return -1;
    if (tiff_layout_init(&spec,
                         !packed ? NULL
                         : known ? known->strips
                                 : measured,
                         &file->layout, err) != 0)
        return -1;
    return known ? 0 : remember(f, id, file, measured, err);
}

/* What an earlier run found out, if it fits this plan. */
static int recall(struct files *f, const struct file_id *id,
                  const struct file *file, struct manifest_output *ret,
                  bool *ret_known, struct error *err)
{
    struct tiff_spec spec;
    struct tiff_strips strips;
    int found =
        manifest_output_get(f->config.manifest, id->view_id, id->object_id,
                            id->part, id->kind, f->config.engine, ret, err);

    *ret_known = false;
    if (found <= 0)
        return found;
    if (file->plan.view.pack != VIEW_PACK_NONE) {
        plan_tiff(&file->plan, &spec);
        spec.width = ret->width;
        spec.height = ret->height;
        if (tiff_strips_init(&spec, &strips, err) != 0)
            return -1;
        if (!ret->strips || ret->n_strips != strips.count)
            return 0;
    }
    *ret_known = ret->crop.width > 0;
    return 0;
}

struct file_request {
    struct files *files;
    const struct file_id *id;
    const struct view *view;
};

static int resolve(const struct file_request *r, struct file *file,
                   struct error *err)
{
    CLEANUP(manifest_output_deinit) struct manifest_output known = {0};
    struct files *f = r->files;
    bool is_known;
    int found = manifest_instance_by_id(f->config.manifest, r->id->object_id,
                                        &file->instance, err);

    if (found < 0)
        return -1;
    if (found == 0 || file->instance.gone)
        return error_set(err, ERROR_STALE, "this file's source changed");
    if (plan_init(r->view, &file->instance, &file->plan, err) != 0)
        return -1;
    digest_of(file, r->id, f->config.engine, file->digest);
    if (recall(f, r->id, file, &known, &is_known, err) != 0 ||
        resolve_order(f, file, err) != 0 ||
        resolve_shape(f, file, is_known ? &known : NULL, err) != 0 ||
        resolve_layout(f, r->id, file, is_known ? &known : NULL, err) != 0)
        return -1;
    return file_check_size(f, file->layout.size, err);
}

static int file_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    struct file *file = calloc(1, sizeof *file);

    (void)key;
    if (!file)
        return error_no_memory(err);
    if (resolve(opaque, file, err) != 0) {
        file_free(file);
        return -1;
    }
    *ret_value = file;
    *ret_cost = sizeof *file + (size_t)file->plan.pages * sizeof(uint32_t) +
                (file->layout.strip_offset
                     ? (size_t)file->layout.strips.count * sizeof(uint64_t)
                     : 0);
    return 0;
}

static struct flight_key file_key(const struct file_id *id)
{
    return (struct flight_key){(uint64_t)id->object_id,
                               (uint64_t)id->view_id << 32 |
                                   (uint64_t)id->part << 4 | id->kind};
}

int file_get(struct files *f, const struct file_id *id, const struct view *view,
             struct flight_ref *ref, const struct file **ret, struct error *err)
{
    struct file_request request = {f, id, view};
    struct flight_key key = file_key(id);

    if (flight_get(f->resolved, &key, file_make, &request, ref, NULL, err) != 0)
        return -1;
    *ret = ref->value;
    return 0;
}

int file_peek(struct files *f, const struct file_id *id, struct flight_ref *ref,
              const struct file **ret)
{
    struct flight_key key = file_key(id);

    if (!flight_peek(f->resolved, &key, ref))
        return 0;
    *ret = ref->value;
    return 1;
}

void file_put(struct files *f, struct flight_ref *ref)
{
    flight_put(f->resolved, ref);
}

int file_early_layout(const struct view *view,
                      const struct manifest_instance *instance,
                      struct tiff_layout *ret, struct error *err)
{
    struct tiff_spec spec;
    struct plan plan;

    if (plan_init(view, instance, &plan, err) != 0)
        return -1;
    if (!plan.has_size || view->pack != VIEW_PACK_NONE)
        return 1;
    plan_tiff(&plan, &spec);
    return tiff_layout_init(&spec, NULL, ret, err);
}

int file_check_size(const struct files *f, uint64_t size, struct error *err)
{
    if (!f->config.max_bytes_per_file || size <= f->config.max_bytes_per_file)
        return 0;
    return error_set(err, ERROR_TOO_BIG,
                     "the file would have %llu bytes, the limit is %llu "
                     "(-o max_bytes_per_file)",
                     (unsigned long long)size,
                     (unsigned long long)f->config.max_bytes_per_file);
}

/* ---- the table ---------------------------------------------------------- */

struct files *files_new(const struct files_config *config, struct error *err)
{
    struct pages_config pages = {
        .maker = config->maker,
        .page_bytes = config->page_bytes,
        .edge_bytes = config->edge_bytes,
    };
    struct files *f = calloc(1, sizeof *f);

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    f->config = *config;
    f->resolved = flight_new(config->plan_bytes, file_free, err);
    f->pages = pages_new(&pages, err);
    if (f->resolved && f->pages)
        return f;
    files_free(f);
    return NULL;
}

void files_free(struct files *f)
{
    if (!f)
        return;
    pages_free(f->pages);
    flight_free(f->resolved);
    free(f);
}

void files_forget(struct files *f)
{
    flight_drop_all(f->resolved);
    pages_forget(f->pages);
}

size_t files_cost(struct files *f)
{
    return flight_cost(f->resolved) + pages_cost(f->pages);
}
