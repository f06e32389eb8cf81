// SPDX-License-Identifier: MIT
/*
 * file_impl.h: what file.c, file_length.c (layouts) and piece.c (bytes) share;
 * internal.
 */
#ifndef RENDER_FILE_IMPL_H
#define RENDER_FILE_IMPL_H

#include "image/image.h"
#include "render/file.h"

struct files {
    struct files_config config;
    struct objects *objects;
    struct flight *resolved;
    struct flight *pages;
};

/* Page `page` of a file, rendered if it is not kept; release with flight_put
 * (f->pages). *ret_made: this call rendered it. */
int file_page_get(struct files *f, const struct file *file, uint32_t page,
                  struct flight_ref *ref, const struct leaf_page **ret,
                  bool *ret_made, struct error *err)
    __attribute__((warn_unused_result));

/* Nobody will want it again: its memory is for the next one. */
void file_page_forget(struct files *f, const struct file *file, uint32_t page);

/* Puts a piece in the cache for a reader that will come; *made becomes true
 * if it was not there. */
int file_piece_prefetch(struct files *f, const struct file *file,
                        const struct file_piece *piece, bool *made,
                        struct error *err) __attribute__((warn_unused_result));

/* Brings what the cache's tiers have of [at, end), as if it had been made
 * ahead of a reader. */
void file_pieces_fetch(struct files *f, const struct file *file, uint64_t at,
                       uint64_t end);

/* Is the piece in the cache? Touches nothing. */
bool file_piece_is_there(struct files *f, const struct file *file,
                         const struct file_piece *piece);

/* Do blocks end where pages do? Of a file with a layout. */
bool file_is_split(const struct file *file);

/* Is it a patch of roi? Then a number for where it begins, which may change
 * while the leaf keeps its name. */
static inline bool file_is_finding(const struct file *file)
{
    return plan_is_patch(&file->plan) &&
           file->plan.view.patches == VIEW_PATCHES_ROI;
}
uint64_t file_origin_digest(const struct file *file);

/* Makes the layout of a file with a plan: lengths that must be measured are,
 * unless an earlier run has. */
int file_lay_out(struct files *f, struct file *file, struct error *err)
    __attribute__((warn_unused_result));

/* The same of a .json; its length is remembered if it `lasts`. */
int file_lay_out_text(struct files *f, struct file *file, size_t length,
                      bool lasts, struct error *err)
    __attribute__((warn_unused_result));

/* Who wants this file next resolves it anew. */
void file_drop(struct files *f, const struct file_id *id);

/* A packed page is not what the remembered layout says: measures all again,
 * and forgets the layout. */
void file_measure_again(struct files *f, const struct file *file);

#endif
