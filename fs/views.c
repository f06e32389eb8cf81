// SPDX-License-Identifier: MIT
/*
 * views.c: see views.h.
 *
 * Lock order: presets before known. Parsing happens under the read side of
 * `presets` because a preset's text is borrowed from it; nothing else does.
 *
 * With only_presets a view exists if its canonical text is that of a preset,
 * however it is spelled: the folder that a preset links to is one of them.
 * Numbers are checked as well as names, since NFS and who mounts next know
 * them: `allowed` has a bit for each number that was found to be one.
 */
#include "views.h"

#include <inttypes.h>
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

    bool only_presets;

    pthread_rwlock_t presets_lock;
    struct view_presets *presets;
    char **texts; /* canonical, of each preset; only_presets */
    size_t n_texts;

    struct lock lock;
    void *known; /* tsearch tree of struct known by text */

    /* bit per view id */
    _Atomic uint64_t used[65536 / 64];
    _Atomic uint64_t allowed[65536 / 64]; /* only_presets */
};

static int compare_known(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    return strcmp(x->text, y->text);
}

static void free_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free(texts);
}

/* The canonical texts of presets; ones that do not parse have none. */
static int list_texts(const struct view_presets *presets, char ***ret,
                      size_t *ret_n, struct error *err)
{
    size_t count = view_presets_count(presets);
    char **texts = calloc(count + 1, sizeof *texts);
    char text[VIEW_TEXT_SIZE];
    struct view view;
    size_t n = 0;

    for (size_t i = 0; texts && i < count; i++) {
        if (view_parse(view_presets_name(presets, i), presets, &view, NULL,
                       NULL) < 0)
            continue;
        (void)view_print(&view, text, sizeof text);
        texts[n] = strdup(text);
        if (!texts[n++])
            break;
    }
    if (!texts || (n > 0 && !texts[n - 1])) {
        if (texts)
            free_texts(texts, n);
        return error_no_memory(err);
    }
    *ret = texts;
    *ret_n = n;
    return 0;
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
    v->only_presets = config->only_presets;
    v->presets = config->presets;
    lock_init(&v->lock);
    lock_check(pthread_rwlock_init(&v->presets_lock, NULL));
    if (v->only_presets &&
        list_texts(v->presets, &v->texts, &v->n_texts, err) < 0) {
        views_free(v);
        return NULL;
    }
    return v;
}

void views_free(struct views *v)
{
    if (!v)
        return;
    tdestroy(v->known, free);
    view_presets_free(v->presets);
    free_texts(v->texts, v->n_texts);
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

static bool is_preset_text_locked(const struct views *v, const char *text)
{
    for (size_t i = 0; i < v->n_texts; i++) {
        if (strcmp(v->texts[i], text) == 0)
            return true;
    }
    return false;
}

static bool has_bit(const _Atomic uint64_t *bits, uint16_t id)
{
    return atomic_load_explicit(&bits[id / 64], memory_order_relaxed) >>
               (id % 64) &
           1;
}

/* Numbers that were a preset's and are not. */
static void forbid_others_locked(struct views *v)
{
    char text[VIEW_TEXT_SIZE];
    const struct view *view;

    for (unsigned id = 0; id < 65536; id++) {
        if (!has_bit(v->allowed, (uint16_t)id))
            continue;
        view = render_view_by_id(v->render, (uint16_t)id, NULL);
        if (view)
            (void)view_print(view, text, sizeof text);
        if (!view || !is_preset_text_locked(v, text))
            (void)atomic_fetch_and_explicit(&v->allowed[id / 64],
                                            ~(UINT64_C(1) << (id % 64)),
                                            memory_order_relaxed);
    }
}

int views_set_presets(struct views *v, struct view_presets *presets,
                      struct error *err)
{
    struct view_presets *old;
    char **texts = NULL;
    size_t n = 0;

    if (v->only_presets && list_texts(presets, &texts, &n, err) < 0) {
        view_presets_free(presets);
        return -1;
    }
    lock_check(pthread_rwlock_wrlock(&v->presets_lock));
    old = v->presets;
    v->presets = presets;
    free_texts(v->texts, v->n_texts);
    v->texts = texts;
    v->n_texts = n;
    forbid_others_locked(v);
    presets_return(v);
    view_presets_free(old);
    return 0;
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

static void set_bit(_Atomic uint64_t *bits, uint16_t id)
{
    (void)atomic_fetch_or_explicit(&bits[id / 64], UINT64_C(1) << (id % 64),
                                   memory_order_relaxed);
}

void views_each_used(struct views *v, void (*each)(void *, uint16_t),
                     void *opaque)
{
    for (unsigned id = 0; id < 65536; id++) {
        if (has_bit(v->used, (uint16_t)id))
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
    const struct view *view = NULL;

    if (v->only_presets && !has_bit(v->allowed, id)) {
        (void)error_set(err, ERROR_STALE, "this view is no preset");
        return NULL;
    }
    view = render_view_by_id(v->render, id, err);
    if (!view && err && err->kind == ERROR_NOT_FOUND)
        err->kind = ERROR_STALE; /* a number from another state folder */
    if (view)
        set_bit(v->used, id);
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

static int no_preset(const char *name, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND,
                     "%s is none of the presets, and this mount has no other "
                     "views",
                     name);
}

/* Under the lock, so that no number stays allowed that the next presets do
 * not have. */
static int allow(struct views *v, const char *name, uint16_t id,
                 struct error *err)
{
    const struct view *view = render_view_by_id(v->render, id, err);
    char text[VIEW_TEXT_SIZE];
    bool may;

    if (!view)
        return -1;
    (void)view_print(view, text, sizeof text);
    presets_borrow(v);
    may = is_preset_text_locked(v, text);
    if (may)
        set_bit(v->allowed, id);
    presets_return(v);
    return may ? 0 : no_preset(name, err);
}

static int parse(struct views *v, const char *name, struct view *ret,
                 struct views_found *ret_found, struct error *err)
{
    char text[VIEW_TEXT_SIZE];
    int rc;

    presets_borrow(v);
    rc = view_parse(name, v->presets, ret, NULL, err);
    ret_found->preset = preset_number(v->presets, name);
    if (rc == 0 && v->only_presets) {
        (void)view_print(ret, text, sizeof text);
        if (!is_preset_text_locked(v, text))
            rc = no_preset(name, err);
    }
    presets_return(v);
    return rc;
}

bool views_has_full(struct views *v)
{
    struct views_found found;
    struct view view;

    return !v->only_presets || parse(v, "full", &view, &found, NULL) == 0;
}

int views_find(struct views *v, const char *name, bool may_work,
               struct views_found *ret, struct error *err)
{
    struct view view;
    int rc;

    memset(ret, 0, sizeof *ret);
    if (view_name_is_hashed(name)) {
        rc = find_by_hash(v, name, may_work, ret, err);
    } else {
        rc = parse(v, name, &view, ret, err);
        if (rc == 0)
            rc = intern(v, &view, may_work, &ret->id, err);
        if (rc == 0) {
            view_canonical_name(&view, ret->dirname);
            ret->is_canonical = strcmp(name, ret->dirname) == 0;
        }
    }
    ret->may_end = v->only_presets || ret->preset;
    if (rc == 0 && v->only_presets && !has_bit(v->allowed, ret->id))
        rc = allow(v, name, ret->id, err);
    if (rc == 0)
        set_bit(v->used, ret->id);
    return rc;
}

/* ---- which are read most ---- */

struct read_view {
    uint64_t bytes, reads;
    uint16_t id;
};

static int compare_read(const void *a, const void *b)
{
    const struct read_view *x = a, *y = b;

    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static size_t collect_read(const struct stats *stats, struct read_view *ret)
{
    size_t n = 0;

    for (size_t id = 0; stats->views && id < STATS_VIEWS; id++) {
        const struct stats_view *from = &stats->views[id];
        uint64_t reads =
            atomic_load_explicit(&from->reads, memory_order_relaxed);

        if (reads == 0)
            continue;
        ret[n++] = (struct read_view){
            atomic_load_explicit(&from->bytes, memory_order_relaxed), reads,
            (uint16_t)id};
    }
    return n;
}

int views_write_top(struct views *v, const struct stats *stats, FILE *out,
                    struct error *err)
{
    CLEANUP_FREE struct read_view *list = calloc(STATS_VIEWS, sizeof *list);
    char name[VIEW_DIRNAME_MAX + 1];
    size_t n;

    if (!list)
        return error_no_memory(err);
    n = collect_read(stats, list);
    qsort(list, n, sizeof *list, compare_read);
    (void)fputs("bytes\treads\tview\n", out);
    for (size_t i = 0; i < n; i++) {
        const struct view *view = views_by_id(v, list[i].id, NULL);

        if (!view)
            continue;
        view_canonical_name(view, name);
        (void)fprintf(out, "%" PRIu64 "\t%" PRIu64 "\t%s\n", list[i].bytes,
                      list[i].reads, name);
    }
    return 0;
}
