// SPDX-License-Identifier: MIT
/*
 * views.h: the names at the root of the mount.
 *
 * Between a folder name and the number that stands for it in inodes: parses
 * the name, knows the presets, resolves hashed names through the manifest,
 * interns what is new and remembers what it has interned, so that a name
 * seen before costs no SQL.
 *
 * Threads: struct views is internally locked.
 */
#ifndef FS_VIEWS_H
#define FS_VIEWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "manifest/manifest.h"
#include "prepfs/error.h"
#include "render/render.h"
#include "stats.h"
#include "view/view.h"

struct views;

struct views_config {
    struct manifest *manifest;    /* borrowed until views_free */
    struct render *render;        /* borrowed until views_free */
    struct view_presets *presets; /* may be NULL; taken over */
    unsigned max_views;
    bool only_presets; /* other views do not exist */
};

/* Takes the presets over also on failure. Caller owns the result. */
struct views *views_new(const struct views_config *config, struct error *err);
void views_free(struct views *v); /* may be NULL */

struct views_found {
    uint16_t id;
    char dirname[VIEW_DIRNAME_MAX + 1]; /* the canonical folder */
    bool is_canonical;                  /* the name was that folder's */
    uint32_t preset; /* 1 + number of the preset that the name is; or 0 */
    bool may_end;    /* it stands for something, or nothing, else after the next
                        views_set_presets */
};

/*
 * What a name at the root stands for. 0; or 1 if the view is new and
 * may_work is false (interning writes to the manifest, which may have to
 * wait for an index batch: call again from the pool); or -1 with
 * ERROR_NOT_FOUND, ERROR_BAD_VIEW, ERROR_UNSUPPORTED or ERROR_QUOTA.
 */
int views_find(struct views *v, const char *name, bool may_work,
               struct views_found *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The view of an id; borrowed until the render is freed. ERROR_STALE, also of
 * a view that only_presets does not let be. */
const struct view *views_by_id(struct views *v, uint16_t id, struct error *err);

/* Replaces the presets; takes them over also on failure. */
int views_set_presets(struct views *v, struct view_presets *presets,
                      struct error *err);

/* Name of preset i, copied to `ret`; false after the last. */
bool views_preset(struct views *v, size_t i,
                  char ret[VIEW_PRESET_NAME_MAX + 1]);

/* Is there the view `full`? Always without only_presets. */
bool views_has_full(struct views *v);

/* Calls `each` with the id of every view looked up in this mount. */
void views_each_used(struct views *v, void (*each)(void *opaque, uint16_t id),
                     void *opaque);

/* `.prepfs/top.tsv`: the views that were read in this mount, most bytes first:
 * bytes, reads, name. */
int views_write_top(struct views *v, const struct stats *stats, FILE *out,
                    struct error *err);

/* `.prepfs/explain/<name>`, with the presets of this mount. */
void views_explain(struct views *v, const char *name, FILE *out);

#endif
