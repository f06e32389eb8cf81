// SPDX-License-Identifier: MIT
/*
 * views.c: see views.h.
 *
 * Lock order: presets before known. Parsing happens under the read side of
 * `presets` because a preset's text is borrowed from it; nothing else does.
 */
#include "views.h"

#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/cleanup.h"
#include "prepfs/lock.h"

/* A view that has been interned: canonical text and its number. */
struct known {
    uint16_t id;
    char text[];
};

struct views {
    struct manifest *manifest;
    struct render *render;
    unsigned max_views;

    pthread_rwlock_t presets_lock;
    struct view_presets *presets;

    struct lock lock;
    void *known; /* tsearch tree of struct known by text */

    _Atomic uint64_t used[65536 / 64]; /* bit per view id */
};

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return strcmp(x->text, y->text);
}

struct views *views_new(const struct views_config *config, struct error *err)
{
    struct views *v = calloc(1, sizeof *v);

    if (!v) {
        view_presets_free(config->presets);
        (void)error_no_memory(err);
        return NULL;
    }
    v->manifest = config->manifest;
    v->render = config->render;
    v->max_views = config->max_views;
    v->presets = config->presets;
    lock_init(&v->lock);
    lock_check(pthread_rwlock_init(&v->presets_lock, NULL));
    return v;
}

void views_free(struct views *v)
{
    if (!v)
        return;
    tdestroy(v->known, free);
    view_presets_free(v->presets);
    lock_check(pthread_rwlock_destroy(&v->presets_lock));
    lock_deinit(&v->lock);
    free(v);
}

/* ---- presets ---- */

static void presets_borrow(struct views *v)
{
    lock_check(pthread_rwlock_rdlock(&v->presets_lock));
}

static void presets_return(struct views *v)
{
    lock_check(pthread_rwlock_unlock(&v->presets_lock));
}

void views_set_presets(struct views *v, struct view_presets *presets)
{
    struct view_presets *old;

    lock_check(pthread_rwlock_wrlock(&v->presets_lock));
    old = v->presets;
    v->presets = presets;
    presets_return(v);
    view_presets_free(old);
}

bool views_preset(struct views *v, size_t i, char ret[VIEW_PRESET_NAME_MAX + 1])
{
    bool exists;

    presets_borrow(v);
    exists = i < view_presets_count(v->presets);
    if (exists)
        (void)snprintf(ret, VIEW_PRESET_NAME_MAX + 1, "%s",
                       view_presets_name(v->presets, i));
    presets_return(v);
    return exists;
}

/* 1 + the number of the preset with this name, or 0. */
static uint32_t preset_number(const struct view_presets *presets,
                              const char *name)
{
    for (size_t i = 0; i < view_presets_count(presets); i++) {
        if (strcmp(view_presets_name(presets, i), name) == 0)
            return (uint32_t)i + 1;
    }
    return 0;
}

void views_explain(struct views *v, const char *name, FILE *out)
{
    presets_borrow(v);
    (void)view_explain(name, v->presets, out);
    presets_return(v);
}

/* ---- numbers ---- */

static void mark_used(struct views *v, uint16_t id)
{
    (void)atomic_fetch_or_explicit(&v->used[id / 64], UINT64_C(1) << (id % 64),
                                   memory_order_relaxed);
}

void views_each_used(struct views *v, void (*each)(void *, uint16_t),
                     void *opaque)
{
    for (unsigned id = 0; id < 65536; id++) {
        if (atomic_load_explicit(&v->used[id / 64], memory_order_relaxed) >>
                (id % 64) &
            1)
            each(opaque, (uint16_t)id);
    }
}

static struct known *make_known(const char *text, uint16_t id)
{
    size_t n = strlen(text) + 1;
    struct known *k = malloc(sizeof *k + n);

    if (k) {
        k->id = id;
        memcpy(k->text, text, n);
    }
    return k;
}

/* The number of a text interned before, or 0. */
static uint16_t recall(struct views *v, const struct known *key)
{
    struct known **found;
    uint16_t id;

    lock_acquire(&v->lock);
    found = tfind(key, &v->known, compare_known);
    id = found ? (*found)->id : 0;
    lock_release(&v->lock);
    return id;
}

/* Takes `k` over. Forgetting one (out of memory) only costs SQL later. */
static void remember(struct views *v, struct known *k)
{
    struct known **kept;

    lock_acquire(&v->lock);
    kept = tsearch(k, &v->known, compare_known);
    lock_release(&v->lock);
    if (!kept || *kept != k)
        free(k);
}

/* Gives the number of a view; 1 if that is work and may_work is false. */
static int intern(struct views *v, const struct view *view, bool may_work,
                  uint16_t *ret, struct error *err)
{
    char text[VIEW_TEXT_SIZE];
    struct known *k;

    (void)view_print(view, text, sizeof text);
    k = make_known(text, 0);
    if (!k)
        return error_no_memory(err);
    k->id = recall(v, k);
    if (k->id) {
        *ret = k->id;
        free(k);
        return 0;
    }
    if (!may_work) {
        free(k);
        return 1;
    }
    if (render_view(v->render, view, v->max_views, ret, err) < 0) {
        free(k);
        return -1;
    }
    k->id = *ret;
    remember(v, k);
    return 0;
}

const struct view *views_by_id(struct views *v, uint16_t id, struct error *err)
{
    const struct view *view = render_view_by_id(v->render, id, err);

    if (!view && err && err->kind == ERROR_NOT_FOUND)
        err->kind = ERROR_STALE; /* a number from another state folder */
    if (view)
        mark_used(v, id);
    return view;
}

/* A hashed name: only the manifest knows what it stands for. */
static int find_by_hash(struct views *v, const char *name, bool may_work,
                        struct views_found *ret, struct error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc;

    if (!may_work)
        return 1;
    rc = manifest_view_by_dirname(v->manifest, name, &ret->id, &text, err);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "no view is called %s", name);
    if (rc < 0)
        return -1;
    (void)snprintf(ret->dirname, sizeof ret->dirname, "%s", name);
    ret->is_canonical = true;
    return 0;
}

/* ---- names ---- */

int views_find(struct views *v, const char *name, bool may_work,
               struct views_found *ret, struct error *err)
{
    struct view view;
    int rc;

    memset(ret, 0, sizeof *ret);
    if (view_name_is_hashed(name)) {
        rc = find_by_hash(v, name, may_work, ret, err);
    } else {
        presets_borrow(v);
        rc = view_parse(name, v->presets, &view, NULL, err);
        ret->preset = preset_number(v->presets, name);
        presets_return(v);
        if (rc == 0)
            rc = intern(v, &view, may_work, &ret->id, err);
        if (rc == 0) {
            view_canonical_name(&view, ret->dirname);
            ret->is_canonical = strcmp(name, ret->dirname) == 0;
        }
    }
    if (rc == 0)
        mark_used(v, ret->id);
    return rc;
}
