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
#include "render/leaf_json.h"

/* ---- pages -------------------------------------------------------------- */

static void page_free(void *value)
{
    leaf_page_free(value);
}

struct page_request {
    struct files *files;
    const struct file *file;
    uint32_t page;
};

static struct page_job job_of(struct files *f, const struct file *file)
{
    return (struct page_job){
        .maker = f->config.maker,
        .instance = &file->instance,
        .plan = &file->plan,
        .order = file->order.frames,
        .extent = file->extent,
        .numbers = file->numbers,
    };
}

static int page_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct page_request *r = opaque;
    struct page_job job = job_of(r->files, r->file);
    struct leaf_page *page;

    (void)key;
    if (leaf_page_make(&job, file_kind(r->file), r->page, &page, ret_cost,
                       err) != 0)
        return -1;
    *ret_value = page;
    return 0;
}

int file_page_get(struct files *f, const struct file *file, uint32_t page,
                  struct flight_ref *ref, const struct leaf_page **ret,
                  bool *ret_made, struct error *err)
{
    struct page_request request = {f, file, page};
    struct flight_key key = {file->digest[0], file->digest[1] + page};
    int made;

    if (flight_get(f->pages, &key, page_make, &request, ref, &made, err) != 0)
        return -1;
    *ret = ref->value;
    *ret_made = made;
    return 0;
}

/* ---- resolving ---------------------------------------------------------- */

static void file_free(void *value)
{
    struct file *file = value;

    manifest_instance_deinit(&file->instance);
    layout_deinit(&file->layout);
    dicom_order_deinit(&file->order);
    free(file->text);
    free(file);
}

/* Everything that the bytes depend on, and nothing else: views that differ in
 * what they list share blocks, and so do all but .tiff if they differ in how
 * a TIFF is packed. A .json prints the view as it is. */
static void digest_of(const struct file *file, const struct view *asked,
                      uint64_t engine, uint64_t ret[2])
{
    struct {
        uint64_t numbers[7];
        char view[VIEW_TEXT_SIZE];
    } what = {{file->instance.dev, file->instance.ino, file->instance.size,
               (uint64_t)file->instance.mtime_ns, engine, file->id.part,
               file->id.kind},
              ""};
    struct view view = *asked;
    size_t length;
    XXH128_hash_t h;

    if (file_kind(file) != LEAF_JSON) {
        view.list = VIEW_EXT_TIFF;
        view.tree = false;
    }
    if (file_kind(file) != LEAF_JSON && file_kind(file) != LEAF_TIFF) {
        view.pack = VIEW_PACK_NONE;
        view.big = false;
    }
    length = view_print(&view, what.view, sizeof what.view);
    h = XXH3_128bits(&what, sizeof what.numbers + length);
    ret[0] = h.high64;
    ret[1] = h.low64;
}

/* Packed pages have the sizes that were measured, perhaps by another run, so
 * those are part of what the bytes depend on. */
static void file_digest_of(struct file *file)
{
    const struct layout *l = &file->layout;
    const struct tiff_layout *t = &l->of.tiff;
    XXH128_hash_t h = {file->digest[1], file->digest[0]};

    if (l->page_bytes == 0) {
        h = XXH3_128bits_withSeed(
            t->strip_offset, (t->strips.count + 1) * sizeof *t->strip_offset,
            file->digest[0]);
        h.low64 ^= file->digest[1];
    } else if (l->row_bytes == 0) {
        h = XXH3_128bits_withSeed(&l->size, sizeof l->size, file->digest[0]);
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
    int rc;

    if (source_get(f->config.maker->sources, &file->instance, &ref, &source,
                   err) != 0)
        return -1;
    rc = dicom_order(source->header, wants[file->plan.view.order], &file->order,
                     err);
    source_put(f->config.maker->sources, &ref);
    return rc == 0 ? plan_set_order(&file->plan, &file->order, err) : -1;
}

/* Where the pages are; the plan is complete. */
static int resolve_geometry(struct files *f, const struct file *file,
                            struct geometry *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct source *source;

    if (source_get(f->config.maker->sources, &file->instance, &ref, &source,
                   err) != 0)
        return -1;
    geometry_of(&file->plan, source->header, &file->order, ret);
    source_put(f->config.maker->sources, &ref);
    return 0;
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

/* What a packed leaf takes: strips of a .tiff, or all of a .png. */
struct packed {
    struct tiff_strips strips;
    uint64_t *strip_bytes; /* owned */
    uint64_t bytes;
};

static int strips_of(const struct plan *plan, struct tiff_strips *ret,
                     struct error *err)
{
    struct tiff_spec spec;

    plan_tiff(plan, &spec);
    return tiff_strips_init(&spec, ret, err);
}

/* Packs every page once to learn the byte count of each strip. */
static int measure_strips(struct files *f, const struct file *file,
                          struct packed *ret, struct error *err)
{
    const struct tiff_strips *strips = &ret->strips;
    CLEANUP_FREE uint64_t *bytes = NULL;

    if (strips_of(&file->plan, &ret->strips, err) != 0)
        return -1;
    bytes = calloc(strips->count, sizeof *bytes);
    if (!bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < file->plan.pages; i++) {
        struct flight_ref ref = {NULL, NULL};
        const struct leaf_page *page;
        bool made;

        if (file_page_get(f, file, i, &ref, &page, &made, err) != 0)
            return -1;
        memcpy(bytes + (size_t)i * strips->per_page, page->strip_bytes,
               strips->per_page * sizeof *bytes);
        flight_put(f->pages, &ref);
    }
    ret->strip_bytes = STEAL(bytes);
    return 0;
}

static int measure_png(struct files *f, const struct file *file,
                       struct packed *ret, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    bool made;

    if (file_page_get(f, file, 0, &ref, &page, &made, err) != 0)
        return -1;
    ret->bytes = page->length;
    flight_put(f->pages, &ref);
    return 0;
}

static int measure_packed(struct files *f, const struct file *file,
                          struct packed *ret, struct error *err)
{
    if (!layout_is_packed(file_kind(file), &file->plan))
        return 0;
    return file_kind(file) == LEAF_PNG ? measure_png(f, file, ret, err)
                                       : measure_strips(f, file, ret, err);
}

/* What cannot be kept (a full disk, a busy database) is measured again next
 * time; the leaf is no worse for it. */
static void remember(struct files *f, const struct file *file,
                     const struct packed *packed)
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
        .strips = packed->strip_bytes,
        .n_strips = packed->strip_bytes ? packed->strips.count : 0,
        .has_stats = p->pages > 0 && measure_has_stats(p),
        .vmin = file->numbers.stats.min,
        .vmax = file->numbers.stats.max,
        .vmean = file->numbers.stats.mean,
        .vstd = file->numbers.stats.sd,
    };

    (void)manifest_output_put(f->config.manifest, id->view_id, id->object_id,
                              id->part, id->kind, f->config.engine, &out,
                              &ignored);
}

static int layout_with(struct files *f, const struct file *file,
                       const struct layout_facts *packed, struct layout *ret,
                       struct error *err)
{
    struct layout_facts facts = *packed;
    struct geometry geometry;

    if (file_kind(file) == LEAF_NII) {
        if (resolve_geometry(f, file, &geometry, err) != 0)
            return -1;
        facts.geometry = &geometry;
    }
    return layout_init(file_kind(file), &file->plan, &facts, ret, err);
}

static int resolve_layout(struct files *f, struct file *file,
                          const struct manifest_output *known,
                          struct error *err)
{
    struct packed packed = {.bytes = 0};
    struct layout_facts facts = {.strip_bytes = NULL};
    int rc = known ? 0 : measure_packed(f, file, &packed, err);

    if (layout_is_packed(file_kind(file), &file->plan)) {
        facts.strip_bytes = known ? known->strips : packed.strip_bytes;
        facts.bytes = known ? known->bytes : packed.bytes;
    }
    if (rc == 0)
        rc = layout_with(f, file, &facts, &file->layout, err);
    if (rc == 0) {
        file->is_split = file_is_split(file);
        file_digest_of(file);
        if (!known)
            remember(f, file, &packed);
    }
    free(packed.strip_bytes);
    return rc;
}

/* Are the measured lengths those of this plan's pages? */
static int has_lengths(const struct file *file,
                       const struct manifest_output *known, bool *ret,
                       struct error *err)
{
    struct plan sized = file->plan;
    struct tiff_strips strips;

    if (!layout_is_packed(file_kind(file), &sized)) {
        *ret = true;
        return 0;
    }
    if (file_kind(file) == LEAF_PNG) {
        *ret = known->bytes > 0;
        return 0;
    }
    sized.out_width = known->width;
    sized.out_height = known->height;
    if (strips_of(&sized, &strips, err) != 0)
        return -1;
    *ret = known->strips && known->n_strips == strips.count;
    return 0;
}

/* What an earlier run found out, if it fits this plan. */
static int recall(struct files *f, const struct file *file,
                  struct manifest_output *ret, bool *ret_known,
                  struct error *err)
{
    const struct file_id *id = &file->id;
    bool fits;
    int found =
        manifest_output_get(f->config.manifest, id->view_id, id->object_id,
                            id->part, id->kind, f->config.engine, ret, err);

    *ret_known = false;
    if (found <= 0)
        return found;
    if (has_lengths(file, ret, &fits, err) != 0)
        return -1;
    *ret_known =
        fits && image_box_is_inside(&ret->crop, file->plan.oriented_width,
                                    file->plan.oriented_height);
    return 0;
}

struct file_request {
    struct files *files;
    const struct file_id *id;
    const struct view *view;
};

/* As far as the pixels of a .json need it: plan, order, region, padding. */
static int resolve_plan(struct files *f, const struct view *view,
                        struct file *file, struct error *err)
{
    if (plan_init(view, &file->instance, &file->plan, err) != 0)
        return -1;
    return file->plan.refusal ? 0
           : resolve_order(f, file, err) != 0
               ? -1
               : resolve_shape(f, file, NULL, err);
}

/* A .json is there whatever becomes of the pixels, and is made at once: its
 * size is its text's. */
static int resolve_json(const struct file_request *r, struct file *file,
                        struct error *err)
{
    struct files *f = r->files;
    struct leaf_json about = {
        .sources = f->config.maker->sources,
        .instance = &file->instance,
        .view = r->view,
        .digest = file->digest,
        .order = &file->order,
        .extent = &file->extent,
    };
    struct layout_facts facts = {.strip_bytes = NULL};
    struct packed none = {.bytes = 0};
    char problem[ERROR_MSG_MAX];
    struct error why = ERROR_INIT;
    size_t length;

    if (resolve_plan(f, r->view, file, &why) == 0) {
        about.plan = &file->plan;
    } else if (leaf_json_problem(&why, &file->instance, problem)) {
        about.problem = problem;
        memset(&file->plan, 0, sizeof file->plan);
    } else {
        *err = why;
        return -1;
    }
    if (leaf_json_make(&about, &file->text, &length, err) != 0)
        return -1;
    facts.bytes = length;
    if (layout_init(LEAF_JSON, &file->plan, &facts, &file->layout, err) != 0)
        return -1;
    file_digest_of(file);
    remember(f, file, &none);
    return file_check_size(f, file->layout.size, err);
}

static int resolve_pixels(const struct file_request *r, struct file *file,
                          struct error *err)
{
    CLEANUP(manifest_output_deinit) struct manifest_output known = {0};
    struct files *f = r->files;
    bool is_known;

    if (plan_init(r->view, &file->instance, &file->plan, err) != 0 ||
        layout_check(file_kind(file), &file->plan, err) != 0)
        return -1;
    if (file->plan.refusal) /* nothing is measured for what cannot be read */
        return error_set(err, ERROR_UNSUPPORTED, "%s", file->plan.refusal);
    if (resolve_order(f, file, err) != 0 ||
        recall(f, file, &known, &is_known, err) != 0 ||
        resolve_shape(f, file, is_known ? &known : NULL, err) != 0 ||
        resolve_layout(f, file, is_known ? &known : NULL, err) != 0)
        return -1;
    return file_check_size(f, file->layout.size, err);
}

static int resolve(const struct file_request *r, struct file *file,
                   struct error *err)
{
    int found = manifest_instance_by_id(r->files->config.manifest,
                                        r->id->object_id, &file->instance, err);

    if (found < 0)
        return -1;
    if (found == 0 || file->instance.gone)
        return error_set(err, ERROR_STALE, "this file's source changed");
    file->id = *r->id;
    digest_of(file, r->view, r->files->config.engine, file->digest);
    return file_kind(file) == LEAF_JSON ? resolve_json(r, file, err)
                                        : resolve_pixels(r, file, err);
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
    *ret_cost = sizeof *file + (size_t)file->plan.pages * sizeof(uint32_t);
    if (file->text)
        *ret_cost += (size_t)file->layout.size;
    if (file->layout.page_bytes == 0)
        *ret_cost +=
            (size_t)file->layout.of.tiff.strips.count * sizeof(uint64_t);
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
    struct packed packed = {.bytes = 0};
    struct layout_facts facts = {.strip_bytes = NULL};
    struct flight_key key = file_key(&file->id);
    struct error ignored = ERROR_INIT;
    struct file again = *file;

    if (measure_packed(f, file, &packed, &ignored) == 0) {
        facts.strip_bytes = packed.strip_bytes;
        facts.bytes = packed.bytes;
        if (layout_init(file_kind(file), &file->plan, &facts, &again.layout,
                        &ignored) == 0) {
            remember(f, &again, &packed);
            layout_deinit(&again.layout);
        }
    }
    free(packed.strip_bytes);
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

int file_early_size(enum leaf_kind kind, const struct view *view,
                    const struct manifest_instance *instance,
                    uint64_t *ret_size, struct error *err)
{
    struct layout_facts none = {.strip_bytes = NULL};
    struct layout layout;
    struct plan plan;

    if (kind == LEAF_JSON)
        return 1;
    if (plan_init(view, instance, &plan, err) != 0 ||
        layout_check(kind, &plan, err) != 0)
        return -1;
    if (!layout_is_early(kind, &plan))
        return 1;
    if (layout_init(kind, &plan, &none, &layout, err) != 0)
        return -1;
    *ret_size = layout.size;
    layout_deinit(&layout);
    return 0;
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
    f->resolved = flight_new(config->plan_bytes, file_free, err);
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

size_t files_cost(struct files *f)
{
    return flight_cost(f->resolved) + flight_cost(f->pages);
}

void files_forget(struct files *f)
{
    flight_drop_all(f->resolved);
    flight_drop_all(f->pages);
}
