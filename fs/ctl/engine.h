// SPDX-License-Identifier: MIT
/*
 * engine.h: what a mount consists of, without the mount: manifest, renderer,
 * views and the virtual tree, so that a batch lists and makes the very files
 * that a mount shows.
 *
 * Threads: as the parts.
 */
#ifndef CTL_ENGINE_H
#define CTL_ENGINE_H

#include "ctl/ctl.h"
#include "manifest/manifest.h"
#include "prepfs/error.h"
#include "render/render.h"
#include "tree.h"
#include "view/view.h"
#include "views.h"
#include "worker/worker.h"

struct engine {
    struct manifest *manifest;
    struct workers *workers; /* NULL: frames are decoded in this process */
    struct render *render;
    struct views *views;
    struct tree *tree;
};

/*
 * Makes an engine over an archive and its manifest, which is borrowed until
 * engine_close, as --gaps, --workers and --jobs say. Nothing is cached: leaves
 * are to be streamed. Forks the workers, so that a file that crashes a codec
 * costs itself and not the batch: to be called while there is one thread.
 */
int engine_open(struct engine *e, const struct ctl_args *args,
                const char *archive, struct manifest *manifest,
                struct error *err) __attribute__((warn_unused_result));
void engine_close(struct engine *e);

/* A leaf that the mount lists. */
struct engine_leaf {
    uint64_t number;  /* its inode */
    struct leaf leaf; /* the same in parts */
    /* STUDY/NAME.EXT, or STUDY/SERIES/NAME.EXT if the view has `tree`. */
    char path[3 * MANIFEST_NAME_MAX + VIEW_LEAF_SIZE];
};

/* False ends the listing. */
typedef bool (*engine_leaf_fn)(void *opaque, const struct engine_leaf *leaf);

/* Lists the leaves of a view, as a walk through its folder does. */
int engine_list(struct engine *e, uint16_t view_id, engine_leaf_fn each,
                void *opaque, struct error *err)
    __attribute__((warn_unused_result));

#endif
