// SPDX-License-Identifier: MIT
/* engine.c: see engine.h. */
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

#include "budget.h"
#include "decode/decode.h"
#include "dicom/dicom.h"
#include "inode.h"

enum { PAGE = 128 }; /* entries of a listing at a time */

int engine_start(struct engine *e, unsigned workers, struct error *err)
{
    struct workers_config config = {.count = workers};

    *e = (struct engine){.has_started = true};
    dicom_global_init();
    if (workers == 0)
        return 0;
    e->workers = workers_start(&config, err);
    return e->workers ? 0 : -1;
}

static int open_parts(struct engine *e, const struct engine_config *c,
                      struct error *err)
{
    struct render_config render = {
        .manifest = e->manifest,
        .cache = c->cache,
        .archive = c->archive,
        .follow = c->follow,
        .workers = e->workers,
        .frame_bytes = c->frame_bytes ? c->frame_bytes
                                      : budget_split(budget_default("")).frames,
        .gaps_allowed = c->gaps_allowed,
    };
    struct views_config views = {.manifest = e->manifest};
    struct tree_config tree = {.manifest = e->manifest};

    e->render = render_new(&render, err);
    if (!e->render)
        return -1;
    views.render = tree.render = e->render;
    e->views = views_new(&views, err);
    if (!e->views)
        return -1;
    tree.views = e->views;
    e->tree = tree_new(&tree, err);
    return e->tree ? 0 : -1;
}

int engine_open(struct engine *e, const struct engine_config *config,
                struct error *err)
{
    if (!e->has_started && engine_start(e, config->workers, err) != 0)
        return -1;
    e->manifest = config->manifest;
    if (open_parts(e, config, err) == 0)
        return 0;
    engine_close(e);
    return -1;
}

void engine_close(struct engine *e)
{
    tree_free(e->tree);
    views_free(e->views);
    render_free(e->render);
    workers_free(e->workers);
    *e = (struct engine){.manifest = NULL};
}

/* ---- listings ---- */

struct level {
    struct engine *engine;
    engine_leaf_fn each;
    void *opaque;
    struct error *err;
    int rc;
    bool ended; /* by `each` */
    struct engine_leaf leaf;
    size_t length; /* of leaf.path, the folder with its slash */
};

static void list_folder(struct level *l, uint64_t folder);

static bool on_leaf(struct level *l, const struct tree_item *item)
{
    struct inode i;

    l->leaf.number = item->number;
    if (inode_unpack(item->number, &i, l->err) != 0 ||
        !tree_leaf_of(&i, &l->leaf.leaf)) {
        l->rc = -1;
        return false;
    }
    l->ended = !l->each(l->opaque, &l->leaf);
    return !l->ended;
}

/* Folders hold folders or leaves, at most three deep. */
static bool on_item(void *opaque, const struct tree_item *item)
{
    struct level *l = opaque;
    size_t before = l->length;
    size_t room = sizeof l->leaf.path - before;
    bool is_folder = S_ISDIR(item->mode);
    int n;

    if (strcmp(item->name, ".") == 0 || strcmp(item->name, "..") == 0)
        return true;
    n = snprintf(l->leaf.path + before, room, "%s%s", item->name,
                 is_folder ? "/" : "");
    if (n < 0 || (size_t)n >= room) {
        l->rc = error_set(l->err, ERROR_INTERNAL, "too long a name");
        return false;
    }
    if (!is_folder)
        return on_leaf(l, item);
    l->length = before + (size_t)n;
    list_folder(l, item->number);
    l->length = before;
    return l->rc == 0 && !l->ended;
}

static void list_folder(struct level *l, uint64_t folder)
{
    const struct tree_range all = {.expected = PAGE, .may_work = true};

    if (tree_list(l->engine->tree, folder, &all, on_item, l, l->err) != 0)
        l->rc = -1;
}

int engine_list(struct engine *e, uint16_t view_id, engine_leaf_fn each,
                void *opaque, struct error *err)
{
    struct inode view = {.kind = INODE_VIEW, .view = view_id};
    struct level l = {e, each, opaque, err, 0, false, {0}, 0};
    uint64_t number;

    if (inode_pack(&view, &number, err) != 0)
        return -1;
    list_folder(&l, number);
    return l.rc;
}
