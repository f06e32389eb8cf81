// SPDX-License-Identifier: MIT
/*
 * file.h: a leaf as a file: its layout and the bytes of its blocks.
 *
 * A struct file is everything that reading needs, resolved once: plan with
 * measured numbers, frame order, layout, and the digest under which its
 * blocks are cached. It is immutable and kept for a while after use.
 *
 * Threads: struct files is internally locked.
 */
#ifndef RENDER_FILE_H
#define RENDER_FILE_H

#include "prepfs/cache.h"
#include "render/measure.h"
#include "render/page.h"
#include "tiff/tiff.h"

struct files;

struct files_config {
    struct manifest *manifest;
    struct cache *cache;
    struct page_maker *maker;
    uint64_t engine;
    uint64_t max_bytes_per_file; /* 0: no limit */
    size_t plan_bytes;           /* budgets for what is kept to use again: */
    size_t page_bytes;           /* plans (about 1.5 KiB each), pages, and */
    size_t edge_bytes;           /* edges of pages */
};

struct file {
    struct manifest_instance instance;
    struct plan plan;
    uint32_t *order; /* NULL: stored order */
    struct values_extent extent;
    struct tiff_layout layout;
    uint64_t digest[2];
};

/* What names a file: see struct leaf. */
struct file_id {
    uint16_t view_id;
    int64_t object_id;
    uint32_t part;
    unsigned kind;
};

struct files *files_new(const struct files_config *config, struct error *err);
void files_free(struct files *f); /* may be NULL */
void files_forget(struct files *f);

/* What plans, pages and edges take now. */
size_t files_cost(struct files *f);

/*
 * The layout that follows from header data: right in every size, but without
 * measured tags. 0; 1 if the size must be measured.
 */
int file_early_layout(const struct view *view,
                      const struct manifest_instance *instance,
                      struct tiff_layout *ret, struct error *err)
    __attribute__((warn_unused_result));

/* ERROR_TOO_BIG if `size` is over max_bytes_per_file. */
int file_check_size(const struct files *f, uint64_t size, struct error *err)
    __attribute__((warn_unused_result));

/* The resolved file; measures what must be. Release with file_put. */
int file_get(struct files *f, const struct file_id *id, const struct view *view,
             struct flight_ref *ref, const struct file **ret, struct error *err)
    __attribute__((warn_unused_result));
/* 1 if it is resolved already; never waits. */
int file_peek(struct files *f, const struct file_id *id, struct flight_ref *ref,
              const struct file **ret);
void file_put(struct files *f, struct flight_ref *ref);

/* Bytes in block `block` of the file; 0 beyond its end. */
size_t file_block_bytes(const struct file *file, uint64_t block);
struct cache_key file_block_key(const struct file *file, uint64_t block);

/* Pins a block, making it if absent. */
int file_block_get(struct files *f, const struct file *file, uint64_t block,
                   struct cache_pin *ret, struct error *err)
    __attribute__((warn_unused_result));

/* True with the block pinned if it is in the cache; never waits. */
bool file_block_peek(struct files *f, const struct file *file, uint64_t block,
                     struct cache_pin *ret);
void files_unpin(struct files *f, struct cache_pin *pin);

/* The page that byte `offset` belongs to; the header counts to page 0. */
uint32_t file_page_at(const struct file *file, uint64_t offset);

/*
 * Reading ahead goes by units: a page where it fills blocks of its own, else
 * a block; a file of one page is one unit.
 */
uint32_t file_units(const struct file *file);
uint32_t file_unit_at(const struct file *file, uint64_t offset);
uint64_t file_unit_bytes(const struct file *file); /* about */
uint64_t file_unit_offset(const struct file *file, uint32_t unit);

/* Makes the blocks of a unit for a reader that will come, but those that are
 * there. *ret_made: there were some to make. */
int file_prefetch(struct files *f, const struct file *file, uint32_t unit,
                  bool *ret_made, struct error *err)
    __attribute__((warn_unused_result));

#endif
