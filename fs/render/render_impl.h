// SPDX-License-Identifier: MIT
/* render_impl.h: what render.c, render_read.c and about.c share; internal. */
#ifndef RENDER_RENDER_IMPL_H
#define RENDER_RENDER_IMPL_H

#include "render/file.h"
#include "render/render.h"

struct manifest *render_manifest(struct render *r);
struct files *render_files(struct render *r);
struct sources *render_sources(struct render *r);

static inline struct file_id render_file_id(const struct leaf *leaf)
{
    return (struct file_id){leaf->view_id, leaf->object_id, leaf->part,
                            (unsigned)leaf->kind};
}

/* A leaf as a file: 0 (release with file_put), 1 if it is not resolved and
 * `may_work` is false, -1. */
int render_file(struct render *r, const struct leaf *leaf, bool may_work,
                struct flight_ref *ref, const struct file **ret,
                struct error *err) __attribute__((warn_unused_result));

/* Somebody has had all of a file. If it is a whole image, its frames were for
 * this leaf alone: they are forgotten. */
void render_done_with(struct render *r, const struct file *file);

#endif
