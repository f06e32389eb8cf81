// SPDX-License-Identifier: MIT
/*
 * file.c: from what names a leaf to all that reading it needs, and the table
 * of those.
 */
#include "render/file_impl.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

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

static int page_make(void *opaque, const struct flight_key *key,
                     void **ret_value, size_t *ret_cost, struct error *err)
{
    const struct page_request *r = opaque;
    struct leaf_page *page;
    struct page_job job;

    (void)key;
    if (object_job(r->files->objects, r->file->object, &r->file->plan, &job,
                   err) != 0 ||
        leaf_page_make(&job, file_kind(r->file), r->page, &page, ret_cost,
                       err) != 0)
        return -1;
    *ret_value = page;
    return 0;
}

static struct flight_key page_key(const struct file *file, uint32_t page)
{
    return (struct flight_key){file->digest[0], file->digest[1] + page};
}

void file_page_forget(struct files *f, const struct file *file, uint32_t page)
{
    struct flight_key key = page_key(file, page);

    flight_drop(f->pages, &key);
}

int file_page_get(struct files *f, const struct file *file, uint32_t page,
                  struct flight_ref *ref, const struct leaf_page **ret,
                  bool *ret_made, struct error *err)
{
    struct page_request request = {f, file, page};
    struct flight_key key = page_key(file, page);
    int made;

    if (flight_get(f->pages, &key, page_make, &request, ref, &made, err) != 0)
        return -1;
    *ret = ref->value;
    *ret_made = made;
    return 0;
}

/* ---- digests ------------------------------------------------------------ */

/* Everything that the bytes depend on, and nothing else: views that differ in
 * what they list share blocks, and so do all but .tiff if they differ in how
 * a TIFF is packed. A .json prints the view as it is. */
static void digest_of(const struct file *file, const uint64_t version[4],
                      const struct view *asked, uint64_t ret[2])
{
    struct {
        uint64_t numbers[7];
        char view[VIEW_TEXT_SIZE];
    } what = {{version[0], version[1], version[2], version[3], file->engine,
               file->id.part, file->id.kind},
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
 * those are part of what the bytes depend on. A document depends on limits as
 * well: it stands for itself. */
static void file_digest_of(struct file *file)
{
    const struct layout *l = &file->layout;
    const struct tiff_layout *t = &l->of.tiff;
    XXH128_hash_t h = {file->digest[1], file->digest[0]};

    if (file->text) {
        h = XXH3_128bits_withSeed(file->text, (size_t)l->size, file->digest[0]);
        h.low64 ^= file->digest[1];
    } else if (l->page_bytes == 0) {
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

/* ---- resolving ---------------------------------------------------------- */

/* The plan of a leaf of pixels as far as the manifest's row tells it. */
static int early_plan(struct manifest *m, enum leaf_kind kind, uint32_t part,
                      const struct view *view,
                      const struct manifest_instance *instance,
                      struct plan *ret, struct error *err)
{
    if (plan_init(view, instance, ret, err) != 0 ||
        object_count_findings(m, instance, ret, err) != 0 ||
        plan_set_part(ret, part, err) != 0)
        return -1;
    if (part == 0 && view_parts_of(view) != VIEW_PART_NONE)
        return error_set(err, ERROR_NOT_FOUND,
                         "this view has parts, and no whole file");
    return layout_check(kind, ret, err);
}

struct file_request {
    struct files *files;
    const struct file_id *id;
    const struct view *view;
};

uint64_t file_origin_digest(const struct file *file)
{
    return XXH3_64bits(&file->plan.patch, sizeof file->plan.patch);
}

/* A row of table `roi` may change while the leaf keeps its name: its place is
 * part of what the bytes depend on. */
static void add_origin(struct file *file)
{
    uint64_t origin = file_origin_digest(file);

    file->digest[0] ^= origin;
    file->digest[1] += origin;
}

/* The part's own plan, from that of all parts. */
static int resolve_part(const struct file_request *r, struct file *file,
                        struct error *err)
{
    if (object_get(r->files->objects, r->id->view_id, r->view, r->id->object_id,
                   &file->object_ref, &file->object, err) != 0)
        return -1;
    digest_of(file, file->object->frames.version, r->view, file->digest);
    file->plan = file->object->plan;
    if (plan_set_part(&file->plan, file->id.part, err) != 0)
        return -1;
    if (!file_is_finding(file))
        return 0;
    if (object_place_finding(r->files->objects, file->object, &file->plan,
                             err) != 0)
        return -1;
    add_origin(file);
    return 0;
}

/* A .json is there whatever becomes of the pixels, unless of a part that is
 * not, and is made at once: its size is its text's. */
static int resolve_json(const struct file_request *r,
                        const struct manifest_instance *row, struct file *file,
                        struct error *err)
{
    struct files *f = r->files;
    struct leaf_json about = {
        .manifest = f->config.manifest,
        .sources = f->config.maker->sources,
        .row = row,
        .view = r->view,
        .digest = file->digest,
        .part = file->id.part,
    };
    char problem[ERROR_MSG_MAX];
    struct error why = ERROR_INIT;
    struct values_extent extent;
    uint64_t version[4];
    size_t length;
    bool lasts = true;

    if (frames_version(f->config.manifest, row, version, err) != 0)
        return -1;
    digest_of(file, version, r->view, file->digest);
    if (resolve_part(r, file, &why) == 0 &&
        object_extent(f->objects, file->object, &extent, &why) == 0) {
        about.plan = &file->plan;
        about.frames = &file->object->frames;
        about.extent = &extent;
    } else if (file->id.part == 0 &&
               leaf_json_problem(f->config.manifest, &why, row, problem)) {
        about.problem = problem;
        lasts = why.kind != ERROR_TOO_BIG; /* limits are options */
        file->plan.view = *r->view;
        file->plan.pages = 0;
    } else {
        *err = why;
        return -1;
    }
    if (leaf_json_make(&about, &file->text, &length, err) != 0)
        return -1;
    return file_lay_out_text(f, file, length, lasts, err);
}

static int resolve_pixels(const struct file_request *r,
                          const struct manifest_instance *row,
                          struct file *file, struct error *err)
{
    struct files *f = r->files;

    /* Nothing is measured for what the format cannot hold. */
    if (early_plan(f->config.manifest, file_kind(file), file->id.part, r->view,
                   row, &file->plan, err) != 0 ||
        resolve_part(r, file, err) != 0 ||
        layout_check(file_kind(file), &file->plan, err) != 0)
        return -1;
    return file_lay_out(f, file, err);
}

static int resolve(const struct file_request *r, struct file *file,
                   struct error *err)
{
    CLEANUP(manifest_instance_deinit) struct manifest_instance row = {0};
    struct files *f = r->files;

    if (frames_row(f->config.manifest, r->view, r->id->object_id, &row, err) !=
        0)
        return -1;
    file->id = *r->id;
    file->objects = f->objects;
    file->study_id = row.study_id;
    file->engine = render_engine_of(r->view, f->config.gaps_allowed);
    if ((file_kind(file) == LEAF_JSON ? resolve_json : resolve_pixels)(
            r, &row, file, err) != 0)
        return -1;
    file->is_split = file_is_split(file);
    file_digest_of(file);
    return file_check_size(f, file->layout.size, err);
}

static void file_free(void *value)
{
    struct file *file = value;

    if (file->object)
        object_put(file->objects, &file->object_ref);
    layout_deinit(&file->layout);
    free(file->text);
    free(file);
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
    *ret_cost = sizeof *file;
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

void file_drop(struct files *f, const struct file_id *id)
{
    struct flight_key key = file_key(id);

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

int file_early_size(struct manifest *m, uint64_t max_pixels,
                    enum leaf_kind kind, uint32_t part, const struct view *view,
                    const struct manifest_instance *instance,
                    uint64_t *ret_size, struct error *err)
{
    struct layout_facts none = {.strip_bytes = NULL};
    struct layout layout;
    struct plan plan;
    uint32_t parts;

    if (kind == LEAF_JSON)
        return 1;
    if (early_plan(m, kind, part, view, instance, &plan, err) != 0 ||
        plan_check_pixels(&plan, max_pixels, err) != 0)
        return -1;
    /* The size of a patch is known even where it is not known how many of
     * them there are. */
    if (!layout_is_early(kind, &plan) ||
        (part > 0 && plan_count_parts(&plan, &parts, err) != 0))
        return 1;
    if (layout_init(kind, &plan, &none, &layout, err) != 0)
        return -1;
    *ret_size = layout.size;
    layout_deinit(&layout);
    return 0;
}

int file_check_size(const struct files *f, uint64_t size, struct error *err)
{
    return object_check_bytes(f->config.max_bytes_per_file, size, err);
}

/* ---- the table ---------------------------------------------------------- */

struct files *files_new(const struct files_config *config, struct error *err)
{
    struct files *f = calloc(1, sizeof *f);
    struct objects_config objects = {
        .manifest = config->manifest,
        .maker = config->maker,
        .gaps_allowed = config->gaps_allowed,
        .max_bytes_per_file = config->max_bytes_per_file,
        .max_pixels = config->max_pixels,
        .plan_bytes = config->plan_bytes / 2,
    };

    if (!f) {
        (void)error_no_memory(err);
        return NULL;
    }
    f->config = *config;
    f->objects = objects_new(&objects, err);
    f->resolved = flight_new(config->plan_bytes / 2, file_free, err);
    f->pages = flight_new(config->page_bytes, page_free, err);
    if (f->objects && f->resolved && f->pages)
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
    objects_free(f->objects);
    free(f);
}

size_t files_cost(struct files *f)
{
    return flight_cost(f->resolved) + flight_cost(f->pages) +
           objects_cost(f->objects);
}

struct objects *files_objects(struct files *f)
{
    return f->objects;
}

void files_forget(struct files *f)
{
    flight_drop_all(f->resolved);
    flight_drop_all(f->pages);
    objects_forget(f->objects);
}
