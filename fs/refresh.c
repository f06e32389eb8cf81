// SPDX-License-Identifier: MIT
/*
 * refresh.c: see refresh.h.
 *
 * Per changed study and used view: the listing of the view folder, the
 * listing of the study folder and of its series, and the names in them. A
 * name is expired rather than invalidated where the kernel can (6.2): then
 * it is looked up again and stays what it is if it still is, whereas an
 * invalidated folder falls out of the tree under those who work in it. Older
 * kernels get the hard form for files only; a study that is new shows there
 * when its negative entry ends by itself, within a minute.
 */
#include "refresh.h"

#include <stdlib.h>
#include <string.h>

#include "ops.h"

enum { PAGE = 64, PROTO_EXPIRE = 38 };

int refresh_init(struct refresh *r, struct fs *fs, struct fuse_session *se,
                 struct error *err)
{
    r->fs = fs;
    r->se = se;
    r->epoch = manifest_epoch(fs->manifest, err);
    manifest_cohort_told(fs->manifest);
    return r->epoch < 0 ? -1 : 0;
}

/* ---- one message; its failure means that the kernel knew nothing ---- */

static void forget_inode(struct refresh *r, const struct inode *inode)
{
    uint64_t number;

    if (inode_pack(inode, &number, NULL) == 0)
        (void)fuse_lowlevel_notify_inval_inode(r->se, number, 0, 0);
}

static void expire(struct refresh *r, uint64_t parent, const char *name)
{
#ifdef FUSE_EXPIRE_HAS_FLAGS
    (void)fuse_lowlevel_notify_expire_entry(r->se, parent, name, strlen(name),
                                            FUSE_LL_EXPIRE_ONLY);
#else
    (void)fuse_lowlevel_notify_expire_entry(r->se, parent, name, strlen(name));
#endif
}

static void forget_name(struct refresh *r, const struct inode *folder,
                        const char *name, bool is_file)
{
    uint64_t parent;

    if (inode_pack(folder, &parent, NULL) < 0)
        return;
    if (atomic_load(&r->fs->report.proto_minor) >= PROTO_EXPIRE)
        expire(r, parent, name);
    else if (is_file)
        (void)fuse_lowlevel_notify_inval_entry(r->se, parent, name,
                                               strlen(name));
}

/* ---- a study under one view ---- */

/* Which dentries a leaf may have: what is listed, and the other spellings
 * that are asked for by name. */
static void forget_leaf(struct refresh *r, const struct inode *folder,
                        struct view_leaf *leaf)
{
    char name[VIEW_LEAF_SIZE];

    for (int ext = VIEW_EXT_TIFF; ext <= VIEW_EXT_JSON; ext++) {
        leaf->ext = (enum view_ext)ext;
        (void)view_leaf_print(leaf, name, sizeof name);
        forget_name(r, folder, name, true);
    }
    leaf->ext = VIEW_EXT_TIFF;
    name[view_leaf_print(leaf, name, sizeof name) - 1] = '\0'; /* .tif */
    forget_name(r, folder, name, true);
}

/* Patches of findings keep their number when a finding moves: what the kernel
 * has of their bytes is dropped. */
static void forget_bytes(struct refresh *r, uint16_t view_id, int64_t object_id,
                         uint32_t part)
{
    struct inode leaf = {.view = view_id, .object = object_id, .part = part};

    for (int kind = INODE_TIFF; kind <= INODE_JSON; kind++) {
        leaf.kind = (enum inode_kind)kind;
        forget_inode(r, &leaf);
    }
}

/* The image and, of a view that has parts, those as far as they can be
 * counted; names of others do not last (tree.c). */
static void forget_leaves(struct refresh *r, const struct inode *folder,
                          const struct manifest_instance *row)
{
    const struct view *view = views_by_id(r->fs->views, folder->view, NULL);
    struct view_leaf leaf = {.kind = VIEW_PART_NONE};
    uint32_t count = 0;

    (void)snprintf(leaf.stem, sizeof leaf.stem, "%s", row->name);
    forget_leaf(r, folder, &leaf);
    leaf.kind = view ? view_parts_of(view) : VIEW_PART_NONE;
    if (leaf.kind == VIEW_PART_NONE ||
        render_parts(r->fs->render, folder->view, row, false, &count, NULL) !=
            0)
        return;
    while (leaf.part < count && leaf.part < VIEW_PARTS_MAX) {
        leaf.part++;
        forget_leaf(r, folder, &leaf);
        if (view->patches == VIEW_PATCHES_ROI && folder->kind == INODE_STUDY)
            forget_bytes(r, folder->view, row->id, leaf.part);
    }
}

/* The file of a series' volume, by the row of one of its images: parts of it
 * are those of the volume that is there now. */
static void forget_volume(struct refresh *r, const struct inode *folder,
                          const struct manifest_instance *image)
{
    struct manifest_instance row = {.frames = 0};

    if (manifest_volume_by_name(r->fs->manifest, image->study_id,
                                image->series_name, &row, NULL) != 1) {
        row = (struct manifest_instance){.frames = 0};
        memcpy(row.name, image->series_name, sizeof row.name);
    }
    forget_leaves(r, folder, &row);
    manifest_instance_deinit(&row);
}

static void forget_series(struct refresh *r, const struct inode *study,
                          const struct inode *series,
                          const struct manifest_instance *image, bool stacked)
{
    forget_name(r, study, image->series_name, false);
    forget_inode(r, series);
    if (!stacked)
        return;
    forget_volume(r, study, image);
    forget_volume(r, series, image);
}

static void forget_instances(struct refresh *r, const struct inode *study,
                             const struct manifest_instance *rows, int n)
{
    const struct view *view = views_by_id(r->fs->views, study->view, NULL);
    bool stacked = view && view->select == VIEW_SELECT_SERIES;
    struct inode series = *study;

    series.kind = INODE_SERIES;
    series.object = 0; /* that of the study may be a series' as well */
    for (int i = 0; i < n; i++) {
        if (series.object != rows[i].series_id) {
            series.object = rows[i].series_id;
            forget_series(r, study, &series, &rows[i], stacked);
        }
        if (stacked)
            continue;
        forget_leaves(r, study, &rows[i]);
        forget_leaves(r, &series, &rows[i]);
    }
}

struct task {
    struct refresh *r;
    const struct manifest_folder *study;
    const struct manifest_instance *rows; /* a page of its images */
    int n;
    uint32_t presets;
};

static void forget_study(const struct task *t, uint16_t view_id,
                         uint32_t preset)
{
    struct inode view = {.kind = INODE_VIEW, .view = view_id, .part = preset};
    struct inode study = {.kind = INODE_STUDY,
                          .view = view_id,
                          .object = t->study->id,
                          .part = preset};

    forget_name(t->r, &view, t->study->name, false);
    forget_inode(t->r, &view);
    forget_inode(t->r, &study);
    forget_instances(t->r, &study, t->rows, t->n);
}

static void forget_in_view(void *opaque, uint16_t view_id)
{
    const struct task *t = opaque;

    for (uint32_t preset = 0; preset <= t->presets; preset++)
        forget_study(t, view_id, preset);
}

/* ---- all ---- */

/* Folders of their own that presets have. */
static uint32_t preset_folders(struct refresh *r)
{
    char name[VIEW_PRESET_NAME_MAX + 1];
    uint32_t n = 0;

    while (r->fs->options->preset_dirs && views_preset(r->fs->views, n, name))
        n++;
    return n;
}

typedef int (*list_fn)(struct manifest *m, int64_t study_id, int64_t after,
                       unsigned limit, struct manifest_instance *ret,
                       struct error *err);

static int tell_rows(struct task *t, list_fn list,
                     struct manifest_instance *rows, struct error *err)
{
    int64_t after = 0;

    do {
        t->n = list(t->r->fs->manifest, t->study->id, after, PAGE, rows, err);
        if (t->n < 0)
            return -1;
        views_each_used(t->r->fs->views, forget_in_view, t);
        if (t->n > 0)
            after = rows[t->n - 1].id;
        for (int i = 0; i < t->n; i++)
            manifest_instance_deinit(&rows[i]);
    } while (t->n == PAGE);
    return 0;
}

/* The names of images that went, or are shown no more, must be forgotten too,
 * or they would resolve for as long as the kernel keeps them. */
static int tell_study(struct refresh *r, const struct manifest_folder *study,
                      struct manifest_instance *rows, struct error *err)
{
    struct task t = {
        .r = r, .study = study, .rows = rows, .presets = preset_folders(r)};

    if (tell_rows(&t, manifest_list_present, rows, err) < 0)
        return -1;
    return tell_rows(&t, manifest_list_gone, rows, err);
}

static int tell_changes(struct refresh *r, struct manifest_instance *rows,
                        struct error *err)
{
    struct manifest_folder studies[PAGE];
    int64_t after = 0;
    int n;

    do {
        n = manifest_list_changed(r->fs->manifest, r->epoch, after, PAGE,
                                  studies, err);
        for (int i = 0; i < n; i++) {
            if (tell_study(r, &studies[i], rows, err) < 0)
                return -1;
            after = studies[i].id;
        }
    } while (n == PAGE);
    return n < 0 ? -1 : 0;
}

int refresh_run(struct refresh *r, struct error *err)
{
    int64_t epoch = manifest_epoch(r->fs->manifest, err);
    struct manifest_instance *rows;
    int rc;

    if (epoch < 0)
        return -1;
    if (epoch == r->epoch && !manifest_cohort_moved(r->fs->manifest))
        return 0;
    rows = calloc(PAGE, sizeof *rows);
    if (!rows)
        return error_no_memory(err);
    render_rescanned(r->fs->render);
    readers_rescanned(r->fs->readers);
    rc = tell_changes(r, rows, err);
    free(rows);
    if (rc < 0)
        return -1;
    r->epoch = epoch;
    manifest_cohort_told(r->fs->manifest);
    return 1;
}
