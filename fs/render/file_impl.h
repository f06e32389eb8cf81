// SPDX-License-Identifier: MIT
/*
 * file_impl.h: what file.c (layouts) and piece.c (bytes) share; internal.
 */
#ifndef RENDER_FILE_IMPL_H
#define RENDER_FILE_IMPL_H

#include "image/image.h"
#include "render/file.h"

struct files {
    struct files_config config;
    struct flight *resolved;
    struct flight *pages;
};

/* A page as the file has it: tight samples, or packed strips. */
struct page {
    struct image image;
    struct tiff_buffer packed;
    uint64_t *strip_bytes; /* NULL: not packed */
};

/* Page `page` of a file, rendered if it is not kept; release with flight_put
 * (f->pages). *ret_made: this call rendered it. */
int file_page_get(struct files *f, const struct file *file,
                  const struct tiff_strips *strips, uint32_t page,
                  struct flight_ref *ref, bool *ret_made, struct error *err)
    __attribute__((warn_unused_result));

/* The packed strips are not what the remembered layout says: measures them
 * again, and forgets the layout. */
void file_measure_again(struct files *f, const struct file *file);

#endif
