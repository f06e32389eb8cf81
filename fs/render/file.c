// SPDX-License-Identifier: MIT
/*
 * file.c: from a plan to a layout: what must be measured is measured, or
 * recalled, and remembered.
 */
#include "render/file_impl.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

/* Plans of leaves kept after use: an entry is about 1.5 KiB. */
#define FILES_RESOLVED_BYTES ((size_t)32 * 1024 * 1024)

/* ---- pages -------------------------------------------------------------- */

static void page_free(void *value)
{
    struct page *p = value;

    image_free(&p->image);
    tiff_buffer_deinit(&p->packed);
    free(p->strip_bytes);
    free(p);
}

struct page_request {
    struct files *files;
    const struct file *file;
    const struct tiff_strips *strips;
    uint32_t page;
};

static struct page_job job_of(struct files *f, const struct file *file)
{
    return (struct page_job){
        .maker = f->config.maker,
        .instance = &file->instance,
        .plan = &file->plan,
        .order = file->order,
        .extent = file->extent,
        .numbers = file->numbers,
    };
}

static int pack_page(const struct page_request *r, struct page *p,
                     struct error *err)
{
    struct tiff_spec spec;
    uint32_t row = 0;

    plan_tiff(&r->file->plan, &spec);
    p->strip_bytes = calloc(r->strips->per_page, sizeof *p->strip_bytes);
    if (!p->strip_bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < r->strips->per_page; i++) {
        uint32_t rows = tiff_strip_rows(r->strips, spec.height, i);
        size_t before = p->packed.length;

        if (tiff_pack_strip(spec.pack, &p->image, row, rows, &p->packed, err) !=
            0)
            return -1;
        p->strip_bytes[i] = p->packed.length - before;
        row += rows;
    }
    image_free(&p->image);
    return 0;
}

static int page_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct page_request *r = opaque;
    struct page_job job = job_of(r->files, r->file);
    struct page *p = calloc(1, sizeof *p);

    (void)key;
    if (!p)
        return error_no_memory(err);
    if (page_render(&job, r->page, &p->image, err) != 0 ||
        (r->file->plan.view.pack != VIEW_PACK_NONE &&
         pack_page(r, p, err) != 0)) {
        page_free(p);
        return -1;
    }
    *ret_value = p;
    *ret_cost = p->strip_bytes ? p->packed.capacity
                               : p->image.stride_bytes * p->image.height;
    return 0;
}

int file_page_get(struct files *f, const struct file *file,
                  const struct tiff_strips *strips, uint32_t page,
                  struct flight_ref *ref, bool *ret_made, struct error *err)
{
    struct page_request request = {f, file, strips, page};
    struct flight_key key = {file->digest[0], file->digest[1] + page};
    int made;

    if (flight_get(f->pages, &key, page_make, &request, ref, &made, err) != 0)
        return -1;
    *ret_made = made;
    return 0;
}

/* ---- resolving ---------------------------------------------------------- */

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
static void digest_of(const struct file *file, uint64_t engine, uint64_t ret[2])
{
    struct {
        uint64_t numbers[7];
        char view[VIEW_TEXT_SIZE];
    } what = {{file->instance.dev, file->instance.ino, file->instance.size,
               (uint64_t)file->instance.mtime_ns, engine, file->id.part,
               file->id.kind},
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

/* Packed strips have the sizes that were measured, perhaps by another run, so
 * those are part of what the bytes depend on. */
static void file_digest_of(struct file *file)
{
    const struct tiff_layout *l = &file->layout;
    XXH128_hash_t h = {file->digest[1], file->digest[0]};

    if (l->strip_offset) {
        h = XXH3_128bits_withSeed(
            l->strip_offset, (l->strips.count + 1) * sizeof *l->strip_offset,
            file->digest[0]);
        h.low64 ^= file->digest[1];
    }
    file->file_digest[0] = h.high64;
    file->file_digest[1] = h.low64;
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

    if (source_get(f->config.maker->sources, &file->instance, &ref, &source,
                   err) != 0)
        return -1;
    rc = dicom_order(source->header, wants[file->plan.view.order], &order, err);
    source_put(f->config.maker->sources, &ref);
    if (rc != 0)
        return -1;
    rc = plan_set_order(&file->plan, &order, err);
    file->order = STEAL(order.frames);
    dicom_order_deinit(&order);
    return rc;
}

/* Would one page be more than the limit allows for the whole file? It is made
 * in memory even where the file, packed, is small. */
static int check_page(struct files *f, const struct plan *p, struct error *err)
{
    uint64_t pixels = (uint64_t)p->out_width * p->out_height;
    uint64_t bytes;

    if (!checked_mul_u64(pixels, p->out_channels * sample_bytes(p->out_type),
                         &bytes))
        bytes = UINT64_MAX;
    return file_check_size(f, bytes, err);
}

/* The padding of a row that somebody may have edited. */
static bool recalled_pad(const struct plan *p,
                         const struct manifest_output *known, struct pad *ret)
{
    const struct image_box *cut = &p->target.cut;

    *ret = (struct pad){known->pad[0], known->pad[1], known->pad[2],
                        known->pad[3]};
    return (uint64_t)ret->left + cut->width + ret->right == p->out_width &&
           (uint64_t)ret->top + cut->height + ret->bottom == p->out_height;
}

static int resolve_shape(struct files *f, struct file *file,
                         const struct manifest_output *known, struct error *err)
{
    struct measure m = {f->config.manifest, f->config.engine};
    struct page_job job = job_of(f, file);
    struct page_stats stats;
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
    if (check_page(f, &file->plan, err) != 0)
        return -1;
    if (known)
        stats = (struct page_stats){known->vmean, known->vstd, known->vmin,
                                    known->vmax};
    if (measure_numbers(&m, &job, known && known->has_stats ? &stats : NULL,
                        err) != 0)
        return -1;
    file->numbers = job.numbers;
    if (!plan_needs_pad(&file->plan))
        return 0;
    if (!(known && recalled_pad(&file->plan, known, &pad)) &&
        measure_pad(&m, &job, &pad, err) != 0)
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
        bool made;

        if (file_page_get(f, file, &strips, page, &ref, &made, err) != 0)
            return -1;
        memcpy(bytes + (size_t)page * strips.per_page,
               ((struct page *)ref.value)->strip_bytes,
               strips.per_page * sizeof *bytes);
        flight_put(f->pages, &ref);
    }
    *ret = STEAL(bytes);
    return 0;
}

/* What cannot be kept (a full disk, a busy database) is measured again next
 * time; the leaf is no worse for it. */
static void remember(struct files *f, const struct file *file, uint64_t *strips)
{
    const struct plan *p = &file->plan;
    const struct file_id *id = &file->id;
    struct error ignored = ERROR_INIT;
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
        .has_stats = measure_has_stats(p),
        .vmin = file->numbers.stats.min,
        .vmax = file->numbers.stats.max,
        .vmean = file->numbers.stats.mean,
        .vstd = file->numbers.stats.sd,
    };

    (void)manifest_output_put(f->config.manifest, id->view_id, id->object_id,
                              id->part, id->kind, f->config.engine, &out,
                              &ignored);
}

static int resolve_layout(struct files *f, struct file *file,
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
    file->is_split = file_is_split(file);
    file_digest_of(file);
    if (!known)
        remember(f, file, measured);
    return 0;
}

/* What an earlier run found out, if it fits this plan. */
static int recall(struct files *f, const struct file *file,
                  struct manifest_output *ret, bool *ret_known,
                  struct error *err)
{
    const struct file_id *id = &file->id;
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
    *ret_known = image_box_is_inside(&ret->crop, file->plan.oriented_width,
                                     file->plan.oriented_height);
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
    if (file->plan.refusal) /* nothing is measured for what cannot be read */
        return error_set(err, ERROR_UNSUPPORTED, "%s", file->plan.refusal);
    file->id = *r->id;
    digest_of(file, f->config.engine, file->digest);
    if (resolve_order(f, file, err) != 0 ||
        recall(f, file, &known, &is_known, err) != 0 ||
        resolve_shape(f, file, is_known ? &known : NULL, err) != 0 ||
        resolve_layout(f, file, is_known ? &known : NULL, err) != 0)
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

void file_measure_again(struct files *f, const struct file *file)
{
    CLEANUP_FREE uint64_t *strips = NULL;
    struct flight_key key = file_key(&file->id);
    struct error ignored = ERROR_INIT;
    struct file again = *file;
    struct tiff_spec spec;

    plan_tiff(&file->plan, &spec);
    if (measure_strips(f, file, &spec, &strips, &ignored) == 0 &&
        tiff_layout_init(&spec, strips, &again.layout, &ignored) == 0) {
        remember(f, &again, strips);
        tiff_layout_deinit(&again.layout);
    }
    flight_drop(f->resolved, &key);
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
    struct files *f = calloc(1, sizeof *f);

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    f->config = *config;
    f->resolved = flight_new(FILES_RESOLVED_BYTES, file_free, err);
    f->pages = flight_new(config->page_bytes, page_free, err);
    if (f->resolved && f->pages)
        return f;
    files_free(f);
    return NULL;
}

void files_free(struct files *f)
{
    if (!f)
        return;
    flight_free(f->pages);
    flight_free(f->resolved);
    free(f);
}

void files_forget(struct files *f)
{
    flight_drop_all(f->resolved);
    flight_drop_all(f->pages);
}
