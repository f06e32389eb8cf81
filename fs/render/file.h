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
#include "render/layout.h"
#include "render/leaf_page.h"
#include "render/measure.h"

struct files;

struct files_config {
    struct manifest *manifest;
    struct cache *cache;
    struct page_maker *maker;
    uint64_t engine;
    uint64_t max_bytes_per_file; /* 0: no limit */
    size_t page_bytes;           /* budget for rendered pages kept */
};

struct file {
    enum leaf_kind kind;
    struct manifest_instance instance;
    struct plan plan;
    struct dicom_order order;
    struct values_extent extent;
    struct layout layout;
    char *text; /* all of a .json, else NULL */
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

/*
 * The size that follows from header data. 0; 1 if it must be measured;
 * ERROR_UNSUPPORTED if the format cannot hold what the view makes.
 */
int file_early_size(enum leaf_kind kind, const struct view *view,
                    const struct manifest_instance *instance,
                    uint64_t *ret_size, struct error *err)
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

#endif
