// SPDX-License-Identifier: MIT
/* render_impl.h: what render.c and about.c share; internal. */
#ifndef RENDER_RENDER_IMPL_H
#define RENDER_RENDER_IMPL_H

#include "render/file.h"
#include "render/render.h"

struct manifest *render_manifest(struct render *r);
struct files *render_files(struct render *r);
struct sources *render_sources(struct render *r);

/* A leaf as a file; release with file_put. */
int render_file(struct render *r, const struct leaf *leaf,
                struct flight_ref *ref, const struct file **ret,
                struct error *err) __attribute__((warn_unused_result));

#endif
