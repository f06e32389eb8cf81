// SPDX-License-Identifier: MIT
/*
 * engine.h: what a mount consists of, without the mount: manifest, renderer,
 * views and the virtual tree, so that prepfsctl and libprepfs list and make the
 * very files that a mount shows.
 *
 * Threads: as the parts.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>

#include "manifest/manifest.h"
#include "prepfs/error.h"
#include "render/render.h"
#include "tree.h"
#include "view/view.h"
#include "views.h"
#include "worker/worker.h"

struct engine {
    bool has_started;
    struct manifest *manifest;
    struct workers *workers; /* NULL: all is done in this process */
    struct render *render;
    struct views *views;
    struct tree *tree;
};

struct engine_config {
    const char *archive;
    struct manifest *manifest; /* borrowed until engine_close */
    /* Borrowed until engine_close; NULL where leaves are streamed, not read. */
    struct cache *cache;
    uint64_t frame_bytes; /* 0: its part of the default budget */
    unsigned workers;     /* for engine_start, if it was not called */
    bool gaps_allowed;
    bool follow; /* links that lead out of the archive */
};

/*
 * Makes parsers and codecs ready and forks as many workers (0: none), so that a
 * file that crashes one of them costs itself and not its user: to be called
 * while there is one thread, unless there are none. By who wants them before
 * engine_open, for an index. *e need not be set. Release with engine_close.
 */
int engine_start(struct engine *e, unsigned workers, struct error *err)
    __attribute__((warn_unused_result));

/* Makes an engine. *e is one that was started, or zeros. */
int engine_open(struct engine *e, const struct engine_config *config,
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
