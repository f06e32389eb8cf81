// SPDX-License-Identifier: MIT
/*
 * file.c: from a plan to bytes.
 *
 *     block      0          1          2          3
 *          |hhhh ppppp|pppppppppp|ppp qqqqqqq|qqqqqqqqqq|
 *
 * A block is filled from the header (h) and from every page (p, q) that it
 * touches. Rendering a page costs a decode, so the blocks that lie wholly in
 * a page just made are published along with the one that was asked for, and
 * the page is kept a little for the block that straddles into the next.
 */
#include "render/file.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "image/image.h"
#include "prepfs/cleanup.h"
#include "render/leaf_json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "leaves are little endian and pages are copied as they are");

struct files {
    struct files_config config;
    struct flight *resolved;
    struct flight *pages;
};

/* Plans of leaves kept after use: an entry is about 1.5 KiB. */
#define FILES_RESOLVED_BYTES ((size_t)32 * 1024 * 1024)

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
    };
}

static int page_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct page_request *r = opaque;
    struct page_job job = job_of(r->files, r->file);
    struct leaf_page *page;

    (void)key;
    if (leaf_page_make(&job, r->file->kind, r->page, &page, ret_cost, err) != 0)
        return -1;
    *ret_value = page;
    return 0;
}

static int page_get(struct files *f, const struct file *file, uint32_t page,
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
 * a TIFF is packed. */
static void digest_of(const struct file *file, const struct view *asked,
                      const struct file_id *id, uint64_t engine,
                      uint64_t ret[2])
{
    struct {
        uint64_t numbers[7];
        char view[VIEW_TEXT_SIZE];
    } what = {{file->instance.dev, file->instance.ino, file->instance.size,
               (uint64_t)file->instance.mtime_ns, engine, id->part, id->kind},
              ""};
    struct view view = *asked;
    size_t length;
    XXH128_hash_t h;

    if (file->kind != LEAF_JSON) { /* which prints the view as it is */
        view.list = VIEW_EXT_TIFF;
        view.tree = false;
    }
    if (file->kind != LEAF_TIFF && file->kind != LEAF_JSON) {
        view.pack = VIEW_PACK_NONE;
        view.big = false;
    }
    length = view_print(&view, what.view, sizeof what.view);
    h = XXH3_128bits(&what, sizeof what.numbers + length);
    ret[0] = h.high64;
    ret[1] = h.low64;
}

static int check_frames(const struct file *file,
                        const struct dicom_header *header, struct error *err)
{
    if (header->frames == file->instance.frames)
        return 0;
    return error_set(err, ERROR_STALE, "%s changed since it was indexed",
                     file->instance.relpath);
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
    rc = check_frames(file, source->header, err);
    if (rc == 0)
        rc = dicom_order(source->header, wants[file->plan.view.order],
                         &file->order, err);
    source_put(f->config.maker->sources, &ref);
    return rc;
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
                          const struct tiff_strips *strips, uint64_t **ret,
                          struct error *err)
{
    CLEANUP_FREE uint64_t *bytes = calloc(strips->count, sizeof *bytes);

    if (!bytes)
        return error_no_memory(err);
    for (uint32_t i = 0; i < file->plan.pages; i++) {
        struct flight_ref ref = {NULL, NULL};
        const struct leaf_page *page;
        bool made;

        if (page_get(f, file, i, &ref, &page, &made, err) != 0)
            return -1;
        memcpy(bytes + (size_t)i * strips->per_page, page->strip_bytes,
               strips->per_page * sizeof *bytes);
        flight_put(f->pages, &ref);
    }
    *ret = STEAL(bytes);
    return 0;
}

static int strips_of(const struct plan *plan, struct tiff_strips *ret,
                     struct error *err)
{
    struct tiff_spec spec;

    plan_tiff(plan, &spec);
    return tiff_strips_init(&spec, ret, err);
}

/* What a packed leaf takes: strips of a .tiff, or all of a .png. */
struct packed {
    struct tiff_strips strips;
    uint64_t *strip_bytes; /* owned */
    uint64_t bytes;
};

static int measure_png(struct files *f, const struct file *file,
                       uint64_t *ret_bytes, struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    bool made;

    if (page_get(f, file, 0, &ref, &page, &made, err) != 0)
        return -1;
    *ret_bytes = page->length;
    flight_put(f->pages, &ref);
    return 0;
}

static int resolve_packed(struct files *f, const struct file *file,
                          const struct manifest_output *known,
                          struct packed *ret, struct error *err)
{
    if (!layout_is_packed(file->kind, &file->plan))
        return 0;
    if (file->kind == LEAF_PNG && known) {
        ret->bytes = known->bytes;
        return 0;
    }
    if (file->kind == LEAF_PNG)
        return measure_png(f, file, &ret->bytes, err);
    if (strips_of(&file->plan, &ret->strips, err) != 0)
        return -1;
    return known
               ? 0
               : measure_strips(f, file, &ret->strips, &ret->strip_bytes, err);
}

static int remember(struct files *f, const struct file_id *id,
                    const struct file *file, const struct packed *packed,
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
        .strips = packed->strip_bytes,
        .n_strips = packed->strip_bytes ? packed->strips.count : 0,
    };

    return manifest_output_put(f->config.manifest, id->view_id, id->object_id,
                               id->part, id->kind, f->config.engine, &out, err);
}

static int layout_with(struct files *f, struct file *file,
                       const struct manifest_output *known,
                       const struct packed *packed, struct error *err)
{
    struct layout_facts facts = {
        .strip_bytes = packed->strip_bytes,
        .bytes = packed->bytes,
    };
    struct geometry geometry;

    if (known && layout_is_packed(file->kind, &file->plan))
        facts.strip_bytes = known->strips;
    if (file->kind == LEAF_NII) {
        if (resolve_geometry(f, file, &geometry, err) != 0)
            return -1;
        facts.geometry = &geometry;
    }
    return layout_init(file->kind, &file->plan, &facts, &file->layout, err);
}

static int resolve_layout(struct files *f, const struct file_id *id,
                          struct file *file,
                          const struct manifest_output *known,
                          struct error *err)
{
    struct packed packed = {.bytes = 0};
    int rc = resolve_packed(f, file, known, &packed, err);

    if (rc == 0)
        rc = layout_with(f, file, known, &packed, err);
    if (rc == 0 && !known)
        rc = remember(f, id, file, &packed, err);
    free(packed.strip_bytes);
    return rc;
}

/* Are the measured lengths those of this plan's strips? */
static int has_strips(const struct plan *plan,
                      const struct manifest_output *known, bool *ret,
                      struct error *err)
{
    struct plan sized = *plan;
    struct tiff_strips strips;

    sized.out_width = known->width;
    sized.out_height = known->height;
    if (strips_of(&sized, &strips, err) != 0)
        return -1;
    *ret = known->strips && known->n_strips == strips.count;
    return 0;
}

/* What an earlier run found out, if it fits this plan. */
static int recall(struct files *f, const struct file_id *id,
                  const struct file *file, struct manifest_output *ret,
                  bool *ret_known, struct error *err)
{
    bool fits = true;
    int found =
        manifest_output_get(f->config.manifest, id->view_id, id->object_id,
                            id->part, id->kind, f->config.engine, ret, err);

    *ret_known = false;
    if (found <= 0)
        return found;
    if (file->kind == LEAF_TIFF && layout_is_packed(file->kind, &file->plan) &&
        has_strips(&file->plan, ret, &fits, err) != 0)
        return -1;
    *ret_known = fits && ret->crop.width > 0;
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
    if (layout_init(LEAF_JSON, &file->plan, &facts, &file->layout, err) != 0 ||
        remember(f, r->id, file, &none, err) != 0)
        return -1;
    return file_check_size(f, file->layout.size, err);
}

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
    file->kind = (enum leaf_kind)r->id->kind;
    digest_of(file, r->view, r->id, f->config.engine, file->digest);
    if (file->kind == LEAF_JSON)
        return resolve_json(r, file, err);
    if (plan_init(r->view, &file->instance, &file->plan, err) != 0 ||
        layout_check(file->kind, &file->plan, err) != 0)
        return -1;
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

/* ---- blocks ------------------------------------------------------------- */

size_t file_block_bytes(const struct file *file, uint64_t block)
{
    uint64_t start = block * CACHE_BLOCK_MAX;

    if (start >= file->layout.size)
        return 0;
    return file->layout.size - start < CACHE_BLOCK_MAX
               ? (size_t)(file->layout.size - start)
               : CACHE_BLOCK_MAX;
}

struct cache_key file_block_key(const struct file *file, uint64_t block)
{
    return (struct cache_key){{file->digest[0], file->digest[1]}, block};
}

uint32_t file_page_at(const struct file *file, uint64_t offset)
{
    return layout_page_at(&file->layout, offset);
}

static void hint_of(const struct file *file, uint64_t start,
                    struct cache_hint *ret)
{
    const struct plan *p = &file->plan;

    if (file->layout.row_bytes == 0)
        return; /* packed bytes have no samples */
    ret->sample_bytes = (uint8_t)sample_bytes(p->out_type);
    ret->channels = (uint8_t)p->out_channels;
    ret->is_float = p->out_type == SAMPLE_F32 || p->out_type == SAMPLE_F64;
    ret->row_bytes = (uint32_t)file->layout.row_bytes;
    ret->samples_from = start < file->layout.data_offset
                            ? (uint32_t)(file->layout.data_offset - start)
                            : 0;
    if (ret->samples_from > CACHE_BLOCK_MAX)
        ret->samples_from = CACHE_BLOCK_MAX;
}

/* The part of [start, start+size) that [from, to) covers, copied there. */
static void overlay(uint8_t *data, uint64_t start, size_t size, uint64_t from,
                    uint64_t to, const uint8_t *bytes)
{
    uint64_t a = start > from ? start : from;
    uint64_t b = start + size < to ? start + size : to;

    if (a < b)
        memcpy(data + (a - start), bytes + (a - from), (size_t)(b - a));
}

static void overlay_header(const struct file *file, uint8_t *data,
                           uint64_t start, size_t size)
{
    uint64_t end = file->layout.data_offset;

    if (start >= end)
        return;
    if (end > start + size)
        end = start + size;
    layout_header_read(&file->layout, start, (size_t)(end - start), data);
}

/* Offers every other block that header and this page fill completely. */
static void publish_page(struct files *f, const struct file *file,
                         uint32_t page, const uint8_t *bytes, uint64_t except)
{
    CLEANUP_FREE uint8_t *data = malloc(CACHE_BLOCK_MAX);
    uint64_t from, to, first, last;

    layout_page_range(&file->layout, page, &from, &to);
    first = page == 0 ? 0 : (from + CACHE_BLOCK_MAX - 1) / CACHE_BLOCK_MAX;
    last = to == file->layout.size ? (to - 1) / CACHE_BLOCK_MAX + 1
                                   : to / CACHE_BLOCK_MAX;
    for (uint64_t block = first; data && block < last; block++) {
        struct cache_key key = file_block_key(file, block);
        uint64_t start = block * CACHE_BLOCK_MAX;
        size_t size = file_block_bytes(file, block);
        struct cache_hint hint = {0};

        if (block == except || start + size <= file->layout.data_offset)
            continue;
        overlay_header(file, data, start, size);
        overlay(data, start, size, from, to, bytes);
        hint_of(file, start, &hint);
        cache_publish(f->config.cache, &key, data, size, &hint);
    }
}

struct block_request {
    struct files *files;
    const struct file *file;
};

static int fill_page(const struct block_request *r, uint32_t number,
                     uint64_t block, uint8_t *data, size_t size,
                     struct error *err)
{
    struct flight_ref ref = {NULL, NULL};
    const struct leaf_page *page;
    uint64_t from, to;
    bool made;
    int rc = 0;

    if (page_get(r->files, r->file, number, &ref, &page, &made, err) != 0)
        return -1;
    layout_page_range(&r->file->layout, number, &from, &to);
    if (page->length != to - from)
        rc = error_set(err, ERROR_INTERNAL,
                       "page %u has %zu bytes, the layout says %llu", number,
                       page->length, (unsigned long long)(to - from));
    if (rc == 0)
        overlay(data, block * CACHE_BLOCK_MAX, size, from, to, page->bytes);
    if (rc == 0 && made)
        publish_page(r->files, r->file, number, page->bytes, block);
    flight_put(r->files->pages, &ref);
    return rc;
}

static int block_fill(void *opaque, const struct cache_key *key, uint8_t *data,
                      size_t size, struct cache_hint *hint, struct error *err)
{
    const struct block_request *r = opaque;
    uint64_t start = key->block * CACHE_BLOCK_MAX;
    uint32_t page, last;

    if (r->file->text) {
        memcpy(data, r->file->text + start, size);
        return 0;
    }
    overlay_header(r->file, data, start, size);
    hint_of(r->file, start, hint);
    if (start + size <= r->file->layout.data_offset)
        return 0;
    page = file_page_at(r->file, start);
    last = file_page_at(r->file, start + size - 1);
    for (; page <= last; page++)
        if (fill_page(r, page, key->block, data, size, err) != 0)
            return -1;
    return 0;
}

int file_block_get(struct files *f, const struct file *file, uint64_t block,
                   struct cache_pin *ret, struct error *err)
{
    struct block_request request = {f, file};
    struct cache_key key = file_block_key(file, block);

    return cache_get(f->config.cache, &key, file_block_bytes(file, block),
                     block_fill, &request, ret, err);
}

bool file_block_peek(struct files *f, const struct file *file, uint64_t block,
                     struct cache_pin *ret)
{
    struct cache_key key = file_block_key(file, block);

    return cache_try_get(f->config.cache, &key, file_block_bytes(file, block),
                         ret);
}

void files_unpin(struct files *f, struct cache_pin *pin)
{
    cache_unpin(f->config.cache, pin);
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
