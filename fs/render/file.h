// SPDX-License-Identifier: MIT
/*
 * file.h: a leaf as a file: its layout and the bytes of its blocks.
 *
 * A struct file is everything that reading needs, resolved once: the object,
 * the plan of the part, the layout, and the digest under which its pieces are
 * cached. It is immutable and kept for a while after use.
 *
 * Threads: struct files is internally locked.
 */
#ifndef RENDER_FILE_H
#define RENDER_FILE_H

#include "prepfs/cache.h"
#include "render/layout.h"
#include "render/leaf_page.h"
#include "render/object.h"

struct files;

struct files_config {
    struct manifest *manifest;
    struct cache *cache;
    struct page_maker *maker;
    bool gaps_allowed;
    uint64_t max_bytes_per_file; /* 0: no limit */
    uint64_t max_pixels;         /* of a page; 0: no limit */
    size_t plan_bytes;           /* budgets for what is kept to use again: */
    size_t page_bytes;           /* plans (about 1.5 KiB each) and pages */
};

/* What names a file: see struct leaf. */
struct file_id {
    uint16_t view_id;
    int64_t object_id;
    uint32_t part;
    unsigned kind;
};

struct file {
    struct file_id id;
    struct objects *objects;
    struct flight_ref object_ref;
    const struct object *object; /* NULL: a .json without pixels */
    int64_t study_id;
    uint64_t engine;
    struct plan plan; /* of the part */
    struct layout layout;
    char *text;              /* all of a .json, else NULL */
    bool is_split;           /* blocks end where pages do */
    uint64_t digest[2];      /* of what its samples depend on: pages */
    uint64_t file_digest[2]; /* and its layout: pieces */
};

struct files *files_new(const struct files_config *config, struct error *err);
void files_free(struct files *f); /* may be NULL */
void files_forget(struct files *f);
struct objects *files_objects(struct files *f); /* borrowed */

/* What plans and pages take now. */
size_t files_cost(struct files *f);

static inline enum leaf_kind file_kind(const struct file *file)
{
    return (enum leaf_kind)file->id.kind;
}

/*
 * The size that follows from header data, and, of roi, from the manifest's
 * findings (`m` is not used else). 0; 1 if it must be measured; ERROR_TOO_BIG
 * if a page has more than `max_pixels` (0: no limit); ERROR_UNSUPPORTED if the
 * format cannot hold what the view makes, ERROR_NOT_FOUND if the view has not
 * that part.
 */
int file_early_size(struct manifest *m, uint64_t max_pixels,
                    enum leaf_kind kind, uint32_t part, const struct view *view,
                    const struct manifest_instance *instance,
                    uint64_t *ret_size, struct error *err)
    __attribute__((warn_unused_result));

/* The size that an earlier run has measured, and that it has under the limits
 * of this one: 1, 0 if there is none, -1. */
int file_recall_size(struct files *f, const struct file_id *id,
                     const struct view *view, uint64_t *ret, struct error *err)
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

/*
 * A piece is what is made, cached and pinned at a time: a 128 KiB block of the
 * file, cut where pages meet, so that reading one page of many renders that
 * page and no other, and one that cannot be had takes no other along. (Pages
 * of less than 4 KiB on average are not told apart: a piece is then a block.)
 */
struct file_piece {
    uint64_t offset;
    size_t size;
    uint64_t number; /* in the cache key; rises with the offset */
};

/* The piece that holds byte `offset`, which is inside the file. */
struct file_piece file_piece_at(const struct file *file, uint64_t offset);

/* Pins a piece, making it if absent. */
int file_piece_get(struct files *f, const struct file *file,
                   const struct file_piece *piece, struct cache_pin *ret,
                   struct error *err) __attribute__((warn_unused_result));

/* True with the piece pinned if it is in the cache; never waits. */
bool file_piece_peek(struct files *f, const struct file *file,
                     const struct file_piece *piece, struct cache_pin *ret);
void files_unpin(struct files *f, struct cache_pin *pin);

/* Copies bytes [offset, offset + length), which are inside the file, of the
 * pages that they touch and no others; not through the cache. */
int file_copy(struct files *f, const struct file *file, uint64_t offset,
              size_t length, uint8_t *data, struct error *err)
    __attribute__((warn_unused_result));

/* Gives every byte of the file to `sink`, in order, each page as it is made;
 * not through the cache. -1 also if `sink` says so. */
int file_stream(struct files *f, const struct file *file, render_sink_fn sink,
                void *opaque, struct error *err)
    __attribute__((warn_unused_result));

/* The page that byte `offset` belongs to; the header counts to page 0. */
uint32_t file_page_at(const struct file *file, uint64_t offset);

/* Units of reading ahead: ahead.c. */
uint32_t file_units(const struct file *file);
uint32_t file_unit_at(const struct file *file, uint64_t offset);
uint64_t file_unit_bytes(const struct file *file); /* about */
uint64_t file_unit_offset(const struct file *file, uint32_t unit);
uint64_t file_piece_bytes(const struct file *file); /* about */

/* Makes the pieces of a unit for a reader that will come, but those that are
 * there. *ret_made: there were some to make. */
int file_prefetch(struct files *f, const struct file *file, uint32_t unit,
                  bool *ret_made, struct error *err)
    __attribute__((warn_unused_result));

#endif
