// SPDX-License-Identifier: MIT
/* tree.c: see tree.h. Listings are in tree_list.c. */
#include "tree_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct tree *tree_new(const struct tree_config *config, struct error *err)
{
    struct tree *t = calloc(1, sizeof *t);

    if (!t) {
        (void)error_no_memory(err);
        return NULL;
    }
    t->c = *config;
    return t;
}

void tree_free(struct tree *t)
{
    free(t);
}

/* ---- attributes ---- */

enum { BLOCK_SIZE = 131072 }; /* one read of a tool = one block of a leaf */

/* nlink is 1 everywhere: for folders it tells find(1) that the number of
 * sub-folders is not in it. */
void tree_fill_attr(const struct tree *t, uint64_t number, mode_t type,
                    uint64_t size, int64_t mtime_s, struct stat *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->st_ino = number;
    ret->st_mode = type;
    if (type == S_IFDIR)
        ret->st_mode |= t->c.folder_mode;
    else if (type == S_IFLNK)
        ret->st_mode |= 0777;
    else
        ret->st_mode |= t->c.file_mode;
    ret->st_nlink = 1;
    ret->st_uid = t->c.uid;
    ret->st_gid = t->c.gid;
    ret->st_size = (off_t)size;
    ret->st_blksize = BLOCK_SIZE;
    ret->st_blocks = (blkcnt_t)((size + 511) / 512);
    ret->st_mtim.tv_sec = mtime_s;
    ret->st_ctim.tv_sec = mtime_s;
    ret->st_atim.tv_sec = mtime_s;
}

static void fill_folder(const struct tree *t, uint64_t number, int64_t mtime_s,
                        struct stat *ret)
{
    tree_fill_attr(t, number, S_IFDIR, 0, mtime_s, ret);
}

static void fill_control(const struct tree *t, const struct control_file *file,
                         struct stat *ret)
{
    tree_fill_attr(t, file->number, S_IFREG, file->size, file->mtime_s, ret);
}

bool tree_leaf_of(const struct inode *inode, struct leaf *ret)
{
    if (!inode_kind_is_leaf(inode->kind))
        return false;
    *ret = (struct leaf){
        .view_id = inode->view,
        .object_id = inode->object,
        .part = inode->part,
        .kind = (enum leaf_kind)inode->kind,
    };
    return true;
}

static int leaf_attr(struct tree *t, uint64_t number, const struct inode *inode,
                     const struct manifest_instance *instance, bool may_work,
                     struct stat *ret, struct error *err)
{
    struct leaf_attr attr;
    struct leaf leaf;
    int rc;

    (void)tree_leaf_of(inode, &leaf);
    rc = render_attr(t->c.render, &leaf, instance, may_work, &attr, err);
    if (rc == 0)
        tree_fill_attr(t, number, S_IFREG, attr.size, attr.mtime_s, ret);
    return rc;
}

int tree_row_attr(struct tree *t, const struct inode *inode,
                  const struct manifest_instance *row, struct stat *ret,
                  struct error *err)
{
    uint64_t number;

    if (inode_pack(inode, &number, err) < 0)
        return -1;
    return leaf_attr(t, number, inode, row, false, ret, err);
}

/* A number whose row has gone was good once: that is ESTALE, not ENOENT. */
static int found_or_stale(int rc, const char *what, int64_t id,
                          struct error *err)
{
    if (rc == 0)
        return error_set(err, ERROR_STALE, "%s %" PRId64 " is no more", what,
                         id);
    return rc < 0 ? -1 : 0;
}

int tree_getattr(struct tree *t, uint64_t number, bool may_work,
                 struct stat *ret, struct error *err)
{
    char target[VIEW_DIRNAME_MAX + 1];
    struct manifest_folder folder;
    struct control_file file;
    struct inode i;
    int64_t study_id;

    if (number == INODE_ROOT) {
        fill_folder(t, number, t->c.mtime_s, ret);
        return 0;
    }
    if (inode_unpack(number, &i, err) < 0)
        return -1;
    switch (i.kind) {
    case INODE_TIFF:
    case INODE_NPY:
    case INODE_NII:
    case INODE_PNG:
    case INODE_JSON:
        return leaf_attr(t, number, &i, NULL, may_work, ret, err);
    case INODE_STUDY:
        if (found_or_stale(
                manifest_study_by_id(t->c.manifest, i.object, &folder, err),
                "study", i.object, err) < 0)
            return -1;
        fill_folder(t, number, folder.mtime_s, ret);
        return 0;
    case INODE_SERIES:
        if (found_or_stale(manifest_series_by_id(t->c.manifest, i.object,
                                                 &folder, &study_id, err),
                           "series", i.object, err) < 0)
            return -1;
        fill_folder(t, number, folder.mtime_s, ret);
        return 0;
    case INODE_VIEW:
        if (!views_by_id(t->c.views, i.view, err))
            return -1;
        fill_folder(t, number, t->c.mtime_s, ret);
        return 0;
    case INODE_LINK:
        if (tree_readlink(t, number, target, err) < 0)
            return -1;
        tree_fill_attr(t, number, S_IFLNK, strlen(target), t->c.mtime_s, ret);
        return 0;
    case INODE_CONTROL:
    case INODE_DATABASE:
        if (control_attr(t->c.control, number, &file, err) < 0)
            return -1;
        fill_control(t, &file, ret);
        return 0;
    case INODE_CONTROL_FOLDER:
        fill_folder(t, number, t->c.mtime_s, ret);
        return 0;
    }
    return error_set(err, ERROR_STALE, "no such inode");
}

int tree_readlink(struct tree *t, uint64_t number,
                  char ret[VIEW_DIRNAME_MAX + 1], struct error *err)
{
    const struct view *view;
    struct inode i;

    if (inode_unpack(number, &i, err) < 0)
        return -1;
    view = views_by_id(t->c.views, i.view, err);
    if (!view)
        return -1;
    view_canonical_name(view, ret);
    return 0;
}

/* ---- children ---- */

static int folder_entry(struct tree *t, const struct inode *inode,
                        int64_t mtime_s, struct tree_entry *ret,
                        struct error *err)
{
    uint64_t number;

    if (inode_pack(inode, &number, err) < 0)
        return -1;
    fill_folder(t, number, mtime_s, &ret->attr);
    ret->life = TREE_FOR_EVER;
    return 0;
}

static int control_folder_entry(struct tree *t, enum inode_folder folder,
                                struct tree_entry *ret, struct error *err)
{
    struct inode i = {.kind = INODE_CONTROL_FOLDER, .object = folder};

    return folder_entry(t, &i, t->c.mtime_s, ret, err);
}

/* What the name of a view is: its folder, or a link to it. A preset may be
 * replaced under its name; an operator list means the same for ever. */
void tree_view_inode(const struct tree *t, const struct views_found *found,
                     struct inode *ret, enum tree_life *ret_life)
{
    bool is_folder = found->is_canonical || (found->preset && t->c.preset_dirs);

    *ret = (struct inode){
        .kind = is_folder ? INODE_VIEW : INODE_LINK,
        .view = found->id,
        .part = is_folder && !found->is_canonical ? found->preset : 0,
    };
    *ret_life = found->may_end ? TREE_BRIEFLY : TREE_FOR_EVER;
}

static int lookup_view(struct tree *t, const char *name, bool may_work,
                       struct tree_entry *ret, struct error *err)
{
    struct views_found found;
    struct inode i;
    uint64_t number;
    int rc = views_find(t->c.views, name, may_work, &found, err);

    if (rc != 0)
        return rc;
    tree_view_inode(t, &found, &i, &ret->life);
    if (inode_pack(&i, &number, err) < 0)
        return -1;
    if (i.kind == INODE_VIEW)
        fill_folder(t, number, t->c.mtime_s, &ret->attr);
    else
        tree_fill_attr(t, number, S_IFLNK, strlen(found.dirname), t->c.mtime_s,
                       &ret->attr);
    return 0;
}

static int lookup_in_root(struct tree *t, const char *name, bool may_work,
                          struct tree_entry *ret, struct error *err)
{
    struct control_file file;

    if (strcmp(name, TREE_CONTROL_NAME) == 0)
        return control_folder_entry(t, INODE_FOLDER_TOP, ret, err);
    if (strcmp(name, TREE_DATABASE_NAME) != 0)
        return lookup_view(t, name, may_work, ret, err);
    if (control_lookup_database(t->c.control, &file, err) < 0)
        return -1;
    fill_control(t, &file, &ret->attr);
    ret->life = TREE_BRIEFLY;
    return 0;
}

static int lookup_in_control(struct tree *t, enum inode_folder folder,
                             const char *name, bool may_work,
                             struct tree_entry *ret, struct error *err)
{
    enum inode_folder child = control_folder(folder, name);
    struct control_file file;
    int rc;

    if (child)
        return control_folder_entry(t, child, ret, err);
    rc = control_lookup(t->c.control, folder, name, may_work, &file, err);
    if (rc != 0)
        return rc;
    fill_control(t, &file, &ret->attr);
    ret->life = TREE_ONCE;
    return 0;
}

static int not_found(const char *what, const char *name, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "no %s %s", what, name);
}

static int lookup_study(struct tree *t, const struct inode *parent,
                        const char *name, struct tree_entry *ret,
                        struct error *err)
{
    struct manifest_folder folder;
    struct inode i = *parent;
    int rc = manifest_study_by_name(t->c.manifest, name, &folder, err);

    if (rc <= 0)
        return rc < 0 ? -1 : not_found("study", name, err);
    i.kind = INODE_STUDY;
    i.object = folder.id;
    return folder_entry(t, &i, folder.mtime_s, ret, err);
}

static int lookup_series(struct tree *t, const struct inode *study,
                         const char *name, struct tree_entry *ret,
                         struct error *err)
{
    struct manifest_folder folder;
    struct inode i = *study;
    int rc = manifest_series_by_name(t->c.manifest, study->object, name,
                                     &folder, err);

    if (rc <= 0)
        return rc < 0 ? -1 : not_found("series or image", name, err);
    i.kind = INODE_SERIES;
    i.object = folder.id;
    return folder_entry(t, &i, folder.mtime_s, ret, err);
}

/* The image of a leaf's name, as it is listed under this extension; under
 * `series` the volume. */
static int object_by_name(struct tree *t, const struct view *view,
                          int64_t study_id, int64_t series_id,
                          const struct view_leaf *name,
                          struct manifest_instance *ret, struct error *err)
{
    int rc = view->select == VIEW_SELECT_SERIES
                 ? manifest_volume_by_name(t->c.manifest, study_id, name->stem,
                                           ret, err)
                 : manifest_instance_by_name(t->c.manifest, study_id,
                                             name->stem, ret, err);

    if (rc <= 0)
        return rc < 0 ? -1 : not_found("image", name->stem, err);
    if (ret->gone)
        rc = error_set(err, ERROR_STALE, "%s changed since it was indexed",
                       name->stem);
    else if ((series_id && ret->series_id != series_id) ||
             (!ret->has_pixels && name->ext != VIEW_EXT_JSON))
        rc = not_found("image", name->stem, err);
    if (rc < 0)
        manifest_instance_deinit(ret);
    return rc < 0 ? -1 : 0;
}

/* A part must be asked of a view that has parts of that kind, and a view
 * that has them has no whole files but the .json. */
static int check_part(const struct view *view, const struct view_leaf *name,
                      struct error *err)
{
    if (name->kind != view_parts_of(view) &&
        !(name->ext == VIEW_EXT_JSON && name->kind == VIEW_PART_NONE))
        return error_set(err, ERROR_NOT_FOUND, "this view has no such part: %s",
                         name->stem);
    return 0;
}

/* A rescan expires the names that it can count. How many findings there were
 * before some went, or parts of a series before it changed, nobody knows. */
static bool names_last(const struct view *view)
{
    bool is_part = view_parts_of(view) != VIEW_PART_NONE;

    return view_parts_are_known(view) && view->patches != VIEW_PATCHES_ROI &&
           (view->select != VIEW_SELECT_SERIES || !is_part);
}

static int lookup_leaf(struct tree *t, const struct inode *parent,
                       int64_t study_id, int64_t series_id,
                       const struct view_leaf *name, bool may_work,
                       struct tree_entry *ret, struct error *err)
{
    const struct view *view = views_by_id(t->c.views, parent->view, err);
    struct manifest_instance instance;
    struct inode i = {
        .kind = (enum inode_kind)name->ext,
        .view = parent->view,
        .part = name->part,
    };
    uint64_t number;
    int rc;

    if (!view || check_part(view, name, err) < 0 ||
        object_by_name(t, view, study_id, series_id, name, &instance, err) < 0)
        return -1;
    i.object = instance.id;
    rc = inode_pack(&i, &number, err);
    if (rc == 0) {
        rc = leaf_attr(t, number, &i, &instance, may_work, &ret->attr, err);
        ret->attr.st_ino = number;
    }
    manifest_instance_deinit(&instance);
    ret->life = names_last(view) ? TREE_FOR_EVER : TREE_BRIEFLY;
    return rc;
}

static int lookup_in_study(struct tree *t, const struct inode *study,
                           const char *name, bool may_work,
                           struct tree_entry *ret, struct error *err)
{
    struct view_leaf leaf;

    if (view_leaf_parse(name, &leaf, NULL) < 0)
        return lookup_series(t, study, name, ret, err);
    return lookup_leaf(t, study, study->object, 0, &leaf, may_work, ret, err);
}

static int study_of_series(struct tree *t, int64_t series_id,
                           int64_t *ret_study_id, struct error *err)
{
    struct manifest_folder folder;

    return found_or_stale(manifest_series_by_id(t->c.manifest, series_id,
                                                &folder, ret_study_id, err),
                          "series", series_id, err);
}

static int lookup_in_series(struct tree *t, const struct inode *series,
                            const char *name, bool may_work,
                            struct tree_entry *ret, struct error *err)
{
    struct view_leaf leaf;
    int64_t study_id;

    if (view_leaf_parse(name, &leaf, err) < 0 ||
        study_of_series(t, series->object, &study_id, err) < 0)
        return -1;
    return lookup_leaf(t, series, study_id, series->object, &leaf, may_work,
                       ret, err);
}

/* ---- "." and "..", which only NFS and open_by_handle_at ask for ---- */

static int lookup_self(struct tree *t, uint64_t number, bool may_work,
                       struct tree_entry *ret, struct error *err)
{
    struct control_file file;
    struct inode i;
    int rc = tree_getattr(t, number, may_work, &ret->attr, err);

    if (rc != 0)
        return rc;
    ret->life = TREE_FOR_EVER;
    if (inode_unpack(number, &i, NULL) < 0 ||
        (i.kind != INODE_CONTROL && i.kind != INODE_DATABASE))
        return 0;
    ret->life = TREE_ONCE;
    return control_relookup(t->c.control, number, &file, err);
}

/* The number of the folder above. */
int tree_parent(struct tree *t, uint64_t number, uint64_t *ret,
                struct error *err)
{
    struct inode i;
    int64_t study_id;

    *ret = INODE_ROOT;
    if (number == INODE_ROOT)
        return 0;
    if (inode_unpack(number, &i, err) < 0)
        return -1;
    if (i.kind == INODE_STUDY) {
        i.kind = INODE_VIEW;
        i.object = 0;
        return inode_pack(&i, ret, err);
    }
    if (i.kind == INODE_SERIES) {
        if (study_of_series(t, i.object, &study_id, err) < 0)
            return -1;
        i.kind = INODE_STUDY;
        i.object = study_id;
        return inode_pack(&i, ret, err);
    }
    if (i.kind == INODE_CONTROL_FOLDER) {
        i.object = control_folder_parent((enum inode_folder)i.object);
        return i.object ? inode_pack(&i, ret, err) : 0;
    }
    if (i.kind == INODE_VIEW)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "not a folder");
}

int tree_lookup(struct tree *t, uint64_t parent, const char *name,
                bool may_work, struct tree_entry *ret, struct error *err)
{
    struct inode i;
    uint64_t above;

    ret->attr.st_ino = 0;
    if (strcmp(name, ".") == 0)
        return lookup_self(t, parent, may_work, ret, err);
    if (strcmp(name, "..") == 0)
        return tree_parent(t, parent, &above, err) < 0
                   ? -1
                   : lookup_self(t, above, may_work, ret, err);
    if (parent == INODE_ROOT)
        return lookup_in_root(t, name, may_work, ret, err);
    if (inode_unpack(parent, &i, err) < 0)
        return -1;
    if (i.kind == INODE_VIEW)
        return lookup_study(t, &i, name, ret, err);
    if (i.kind == INODE_STUDY)
        return lookup_in_study(t, &i, name, may_work, ret, err);
    if (i.kind == INODE_SERIES)
        return lookup_in_series(t, &i, name, may_work, ret, err);
    if (i.kind == INODE_CONTROL_FOLDER)
        return lookup_in_control(t, (enum inode_folder)i.object, name, may_work,
                                 ret, err);
    return not_found("folder for", name, err);
}

void tree_forget(struct tree *t, uint64_t number, uint64_t lookups)
{
    struct inode i;

    if (number != INODE_ROOT && inode_unpack(number, &i, NULL) == 0 &&
        (i.kind == INODE_CONTROL || i.kind == INODE_DATABASE))
        control_forget(t->c.control, number, lookups);
}

/* ---- the rest ---- */

int tree_leaf(struct tree *t, uint64_t number, struct tree_leaf *ret,
              struct error *err)
{
    struct inode i;

    memset(ret, 0, sizeof *ret);
    if (inode_unpack(number, &i, err) < 0)
        return -1;
    if (!tree_leaf_of(&i, &ret->leaf))
        return error_set(err, ERROR_NOT_FOUND, "not an image");
    ret->view = views_by_id(t->c.views, i.view, err);
    if (!ret->view)
        return -1;
    if (ret->view->select == VIEW_SELECT_SERIES)
        return found_or_stale(
            manifest_volume_by_id(t->c.manifest, i.object, &ret->instance, err),
            "volume", i.object, err);
    return found_or_stale(
        manifest_instance_by_id(t->c.manifest, i.object, &ret->instance, err),
        "instance", i.object, err);
}

int tree_statfs(struct tree *t, struct statvfs *ret, struct error *err)
{
    enum { FRAGMENT = 4096 };
    struct manifest_totals totals;

    if (manifest_totals(t->c.manifest, &totals, err) < 0)
        return -1;
    memset(ret, 0, sizeof *ret);
    ret->f_bsize = BLOCK_SIZE;
    ret->f_frsize = FRAGMENT;
    ret->f_blocks = (totals.source_bytes + FRAGMENT - 1) / FRAGMENT;
    ret->f_files = totals.images;
    ret->f_namemax = VIEW_NAME_MAX;
    return 0;
}

void tree_describe(struct tree *t, uint64_t number, char *buf, size_t size)
{
    char dirname[VIEW_DIRNAME_MAX + 1] = "";
    const struct view *view;
    struct inode i;

    if (number == INODE_ROOT) {
        (void)snprintf(buf, size, "/");
        return;
    }
    if (inode_unpack(number, &i, NULL) < 0) {
        (void)snprintf(buf, size, "inode %" PRIu64, number);
        return;
    }
    view = i.view ? views_by_id(t->c.views, i.view, NULL) : NULL;
    if (view)
        view_canonical_name(view, dirname);
    if (inode_kind_is_leaf(i.kind))
        (void)snprintf(buf, size, "%s, %s %" PRId64, dirname,
                       view && view->select == VIEW_SELECT_SERIES ? "volume"
                                                                  : "instance",
                       i.object);
    else if (i.kind == INODE_STUDY || i.kind == INODE_SERIES)
        (void)snprintf(buf, size, "%s, %s %" PRId64, dirname,
                       i.kind == INODE_STUDY ? "study" : "series", i.object);
    else
        (void)snprintf(buf, size, "%s", view ? dirname : TREE_CONTROL_NAME);
}
