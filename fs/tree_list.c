// SPDX-License-Identifier: MIT
/*
 * tree_list.c: listings, page by page.
 *
 * The cookie of an entry says what the entry is, not where it stands:
 *
 *     1 "."   2 ".."   3 + key
 *
 * where key is id<<17 | part for what has a row in the manifest, and a small
 * number for what has not. "Continue after this key" is one index seek, so
 * the n-th page costs what the first does, entries that appear or vanish do
 * not move the others, and a cookie that NFS kept over a restart still works.
 */
#include "tree_impl.h"

#include <stdlib.h>
#include <string.h>

enum { COOKIE_DOT = 1, COOKIE_DOTDOT = 2, COOKIE_FIRST = 3 };
/* Images that are fetched at a time; of those with parts, one often fills all
 * that is asked for. */
enum { PAGE_MAX = 128, PAGE_OF_PARTS = 8, PART_BITS = 17 };

struct listing {
    struct tree *t;
    struct inode folder; /* kind unset for the root */
    uint64_t after;
    unsigned page;
    bool with_attr;
    bool may_work;
    tree_item_fn each;
    void *opaque;
};

/* The number and type of an entry are enough for readdir; its attributes
 * are made here when they cost nothing. */
static bool give(const struct listing *l, const char *name, uint64_t number,
                 mode_t mode, const struct stat *attr, uint64_t next)
{
    struct tree_item item = {
        .name = name,
        .number = number,
        .mode = mode,
        .attr = l->with_attr ? attr : NULL,
        .next = next,
    };

    return l->each(l->opaque, &item);
}

static bool give_folder(const struct listing *l, const char *name,
                        uint64_t number, int64_t mtime_s, uint64_t next)
{
    struct stat attr;

    tree_fill_attr(l->t, number, S_IFDIR, 0, mtime_s, &attr);
    return give(l, name, number, S_IFDIR, &attr, next);
}

/* Cookie after `id`, or a part of it; where to go on after a cookie. */
static uint64_t cookie_of_part(int64_t id, uint32_t part)
{
    return COOKIE_FIRST + ((uint64_t)id << PART_BITS | part);
}

static uint64_t cookie_of(int64_t id)
{
    return cookie_of_part(id, 0);
}

static int64_t id_before(const struct listing *l)
{
    if (l->after < COOKIE_FIRST)
        return 0;
    return (int64_t)((l->after - COOKIE_FIRST) >> PART_BITS);
}

/* The last part of that id that was given; 0: all of it was. */
static uint32_t part_before(const struct listing *l)
{
    if (l->after < COOKIE_FIRST)
        return 0;
    return (l->after - COOKIE_FIRST) & ((1u << PART_BITS) - 1);
}

/* ---- studies and series ---- */

typedef int (*folders_fn)(const struct listing *l, int64_t after,
                          struct manifest_folder *rows, struct error *err);

static int studies(const struct listing *l, int64_t after,
                   struct manifest_folder *rows, struct error *err)
{
    return manifest_list_studies(l->t->c.manifest, after, l->page, rows, err);
}

static int series(const struct listing *l, int64_t after,
                  struct manifest_folder *rows, struct error *err)
{
    return manifest_list_series(l->t->c.manifest, l->folder.object, after,
                                l->page, rows, err);
}

/* 1: there may be more; 0: the end, or no room; -1. */
static int give_folders(const struct listing *l, enum inode_kind kind,
                        const struct manifest_folder *rows, int n,
                        struct error *err)
{
    struct inode i = l->folder;
    uint64_t number;

    i.kind = kind;
    for (int k = 0; k < n; k++) {
        i.object = rows[k].id;
        if (inode_pack(&i, &number, err) < 0)
            return -1;
        if (!give_folder(l, rows[k].name, number, rows[k].mtime_s,
                         cookie_of(rows[k].id)))
            return 0;
    }
    return (unsigned)n == l->page;
}

static int list_folders(const struct listing *l, enum inode_kind kind,
                        folders_fn fetch, struct error *err)
{
    struct manifest_folder *rows = calloc(l->page, sizeof *rows);
    int64_t after = id_before(l);
    int n, more = 1;

    if (!rows)
        return error_no_memory(err);
    while (more == 1) {
        n = fetch(l, after, rows, err);
        more = n < 0 ? -1 : give_folders(l, kind, rows, n, err);
        if (n > 0)
            after = rows[n - 1].id;
    }
    free(rows);
    return more;
}

/* ---- images ---- */

/* What became of a row. */
enum { ROW_GIVEN = 0, ROW_NEEDS_WORK = 1, ROW_HAS_NO_ROOM = 2 };

static int give_leaf(const struct listing *l, const struct view *view,
                     const struct manifest_instance *row,
                     const struct inode *inode, const struct stat *attr,
                     struct error *err)
{
    struct view_leaf leaf = {.ext = view->list};
    char name[VIEW_LEAF_SIZE];
    uint64_t number;

    if (inode_pack(inode, &number, err) < 0)
        return -1;
    leaf.part = inode->part;
    if (leaf.part > 0)
        leaf.kind = view_parts_of(view);
    (void)snprintf(leaf.stem, sizeof leaf.stem, "%s", row->name);
    (void)view_leaf_print(&leaf, name, sizeof name);
    return give(l, name, number, S_IFREG, attr,
                cookie_of_part(row->id, leaf.part))
               ? ROW_GIVEN
               : ROW_HAS_NO_ROOM;
}

/*
 * How many parts to list: of an image that cannot be shown one, whose LOOKUP
 * says why. No name has a number above VIEW_PARTS_MAX.
 */
static int count_parts(const struct listing *l,
                       const struct manifest_instance *row, uint32_t *ret)
{
    struct error why = ERROR_INIT;
    int rc = render_parts(l->t->c.render, l->folder.view, row, l->may_work, ret,
                          &why);

    if (rc < 0)
        *ret = why.kind == ERROR_NOT_FOUND ? 0 : 1;
    if (*ret > VIEW_PARTS_MAX)
        *ret = VIEW_PARTS_MAX;
    return rc == 1 ? ROW_NEEDS_WORK : ROW_GIVEN;
}

/* The parts of a row, from the one that comes next. Where sizes are cheap
 * they are the same for all. */
static int list_parts(const struct listing *l, const struct view *view,
                      bool cheap, const struct manifest_instance *row,
                      struct error *err)
{
    struct inode i = {
        .kind = (enum inode_kind)view->list,
        .view = l->folder.view,
        .object = row->id,
        .part = row->id == id_before(l) ? part_before(l) : 0,
    };
    struct error why = ERROR_INIT;
    uint32_t count;
    uint64_t number;
    struct stat attr;
    bool has_attr = false;
    int rc = count_parts(l, row, &count);

    while (rc == ROW_GIVEN && i.part < count) {
        i.part++;
        if (cheap && l->with_attr && !has_attr)
            has_attr = tree_row_attr(l->t, &i, row, &attr, &why) == 0;
        if (inode_pack(&i, &number, err) < 0)
            return -1;
        attr.st_ino = number;
        rc = give_leaf(l, view, row, &i, has_attr ? &attr : NULL, err);
    }
    return rc;
}

/*
 * A listing of a view whose sizes need pixels carries no
 * attributes, and one that would cost more than the row does not either; an
 * image that cannot be shown is listed, and LOOKUP says why. Only a `pick`
 * or a slab can leave nothing of an image: that is not listed.
 */
static int list_row(const struct listing *l, const struct view *view,
                    bool cheap, const struct manifest_instance *row,
                    struct error *err)
{
    struct inode i = {
        .kind = (enum inode_kind)view->list,
        .view = l->folder.view,
        .object = row->id,
    };
    struct error why = ERROR_INIT;
    struct stat attr;
    int rc = 1;

    if (view_parts_of(view) != VIEW_PART_NONE)
        return list_parts(l, view, cheap, row, err);
    if ((cheap && l->with_attr) || view->pick_first ||
        view->slab != VIEW_SLAB_NONE)
        rc = tree_row_attr(l->t, &i, row, &attr, &why);
    if (rc < 0 && why.kind == ERROR_NOT_FOUND)
        return ROW_GIVEN;
    return give_leaf(l, view, row, &i, rc == 0 && cheap ? &attr : NULL, err);
}

static int list_rows(const struct listing *l, const struct view *view,
                     struct manifest_instance *rows, int n, struct error *err)
{
    bool cheap = view_leaf_size_is_known(view, view->list);
    int rc = 0;

    for (int k = 0; k < n; k++) {
        if (rc == 0 && !rows[k].gone)
            rc = list_row(l, view, cheap, &rows[k], err);
        manifest_instance_deinit(&rows[k]);
    }
    return rc;
}

static int list_images(const struct listing *l, int64_t study_id,
                       int64_t series_id, struct error *err)
{
    const struct view *view = views_by_id(l->t->c.views, l->folder.view, err);
    struct manifest_instance *rows;
    int64_t after = id_before(l) - (part_before(l) > 0);
    unsigned page = l->page;
    int n, rc = 0;

    if (!view)
        return -1;
    if (view_parts_of(view) != VIEW_PART_NONE && page > PAGE_OF_PARTS)
        page = PAGE_OF_PARTS;
    rows = calloc(page, sizeof *rows);
    if (!rows)
        return error_no_memory(err);
    do {
        n = view->select == VIEW_SELECT_SERIES
                ? manifest_list_volumes(l->t->c.manifest, study_id, series_id,
                                        after, page, rows, err)
                : manifest_list_instances(l->t->c.manifest, study_id, series_id,
                                          after, page, rows, err);
        if (n > 0)
            after = rows[n - 1].id;
        if (n > 0)
            rc = list_rows(l, view, rows, n, err);
    } while (rc == 0 && n > 0 && (unsigned)n == page);
    free(rows);
    return rc < 0 || n < 0 ? -1 : rc == ROW_NEEDS_WORK;
}

static int list_study(const struct listing *l, struct error *err)
{
    const struct view *view = views_by_id(l->t->c.views, l->folder.view, err);

    if (!view)
        return -1;
    if (view->tree && view->select != VIEW_SELECT_SERIES)
        return list_folders(l, INODE_SERIES, series, err);
    return list_images(l, l->folder.object, 0, err);
}

static int list_series(const struct listing *l, struct error *err)
{
    struct manifest_folder folder;
    int64_t study_id;
    int rc = manifest_series_by_id(l->t->c.manifest, l->folder.object, &folder,
                                   &study_id, err);

    if (rc <= 0)
        return rc < 0 ? -1 : error_set(err, ERROR_STALE, "series is no more");
    return list_images(l, study_id, l->folder.object, err);
}

/* ---- the root and the control folders ---- */

/* A view's number if it can have one; its errors are for LOOKUP to tell. */
static uint64_t view_number(const struct listing *l, const char *name,
                            mode_t *ret_mode)
{
    struct views_found found;
    enum tree_life life;
    struct inode i;
    uint64_t number;

    *ret_mode = l->t->c.preset_dirs ? S_IFDIR : S_IFLNK;
    if (views_find(l->t->c.views, name, false, &found, NULL) != 0)
        return TREE_UNKNOWN;
    tree_view_inode(l->t, &found, &i, &life);
    *ret_mode = i.kind == INODE_VIEW ? S_IFDIR : S_IFLNK;
    return inode_pack(&i, &number, NULL) < 0 ? TREE_UNKNOWN : number;
}

static uint64_t database_number(const struct listing *l)
{
    struct control_file file;

    if (control_lookup_database(l->t->c.control, &file, NULL) < 0)
        return 0;
    control_forget(l->t->c.control, file.number, 1);
    return file.number;
}

static uint64_t control_folder_number(enum inode_folder folder)
{
    struct inode i = {.kind = INODE_CONTROL_FOLDER, .object = folder};
    uint64_t number;

    return inode_pack(&i, &number, NULL) < 0 ? TREE_UNKNOWN : number;
}

/* Entry `key` of the root; false when it has no room. *ret_end after the
 * last. */
static bool give_in_root(const struct listing *l, uint64_t key, bool *ret_end)
{
    char preset[VIEW_PRESET_NAME_MAX + 1];
    uint64_t next = COOKIE_FIRST + key, number;
    mode_t mode;

    switch (key) {
    case 1:
        if (!views_has_full(l->t->c.views))
            return true;
        number = view_number(l, "full", &mode);
        return give(l, "full", number, S_IFDIR, NULL, next);
    case 2:
        number = database_number(l);
        return number == 0 ||
               give(l, TREE_DATABASE_NAME, number, S_IFREG, NULL, next);
    case 3:
        return give(l, TREE_CONTROL_NAME,
                    control_folder_number(INODE_FOLDER_TOP), S_IFDIR, NULL,
                    next);
    default:
        *ret_end = !views_preset(l->t->c.views, key - 4, preset);
        if (*ret_end)
            return true;
        number = view_number(l, preset, &mode);
        return give(l, preset, number, mode, NULL, next);
    }
}

static bool give_in_control(const struct listing *l, uint64_t key,
                            bool *ret_end)
{
    enum inode_folder folder;
    char name[VIEW_NAME_MAX + 1];

    *ret_end =
        !control_list(l->t->c.control, (enum inode_folder)l->folder.object,
                      key - 1, name, &folder);
    if (*ret_end)
        return true;
    if (folder)
        return give(l, name, control_folder_number(folder), S_IFDIR, NULL,
                    COOKIE_FIRST + key);
    return give(l, name, TREE_UNKNOWN, S_IFREG, NULL, COOKIE_FIRST + key);
}

static void list_numbered(const struct listing *l,
                          bool (*give_one)(const struct listing *, uint64_t,
                                           bool *))
{
    uint64_t key = l->after < COOKIE_FIRST ? 1 : l->after - COOKIE_FIRST + 1;
    bool end = false;

    while (!end && give_one(l, key, &end))
        key++;
}

/* ---- all ---- */

/* "." and ".."; false when there is no room. */
static int give_dots(const struct listing *l, uint64_t folder,
                     struct error *err)
{
    uint64_t parent;

    if (l->after < COOKIE_DOT &&
        !give(l, ".", folder, S_IFDIR, NULL, COOKIE_DOT))
        return 0;
    if (l->after >= COOKIE_DOTDOT)
        return 1;
    if (tree_parent(l->t, folder, &parent, err) < 0)
        return -1;
    return give(l, "..", parent, S_IFDIR, NULL, COOKIE_DOTDOT);
}

int tree_list(struct tree *t, uint64_t folder, const struct tree_range *range,
              tree_item_fn each, void *opaque, struct error *err)
{
    struct listing l = {
        .t = t,
        .after = range->after,
        .page = range->expected < 1          ? 1
                : range->expected > PAGE_MAX ? PAGE_MAX
                                             : range->expected,
        .with_attr = range->with_attr,
        .may_work = range->may_work,
        .each = each,
        .opaque = opaque,
    };
    int rc;

    if (folder != INODE_ROOT && inode_unpack(folder, &l.folder, err) < 0)
        return -1;
    rc = give_dots(&l, folder, err);
    if (rc <= 0)
        return rc;
    if (folder == INODE_ROOT) {
        list_numbered(&l, give_in_root);
        return 0;
    }
    if (l.folder.kind == INODE_VIEW)
        return list_folders(&l, INODE_STUDY, studies, err);
    if (l.folder.kind == INODE_STUDY)
        return list_study(&l, err);
    if (l.folder.kind == INODE_SERIES)
        return list_series(&l, err);
    if (l.folder.kind == INODE_CONTROL_FOLDER)
        list_numbered(&l, give_in_control);
    return 0;
}

bool tree_listing_is_cacheable(struct tree *t, uint64_t folder)
{
    struct inode i;
    int64_t study_id = 0;
    struct manifest_folder row;
    const struct view *view;
    int n = -1;

    if (folder == INODE_ROOT || inode_unpack(folder, &i, NULL) < 0)
        return false;
    view = i.view ? views_by_id(t->c.views, i.view, NULL) : NULL;
    if (i.kind != INODE_VIEW && view && view_parts_of(view) != VIEW_PART_NONE)
        return false; /* images are counted, not their parts */
    if (i.kind == INODE_VIEW)
        n = manifest_count_entries(t->c.manifest, 0, 0, TREE_CACHEABLE_ENTRIES,
                                   NULL);
    else if (i.kind == INODE_STUDY)
        n = manifest_count_entries(t->c.manifest, i.object, 0,
                                   TREE_CACHEABLE_ENTRIES, NULL);
    else if (i.kind == INODE_SERIES &&
             manifest_series_by_id(t->c.manifest, i.object, &row, &study_id,
                                   NULL) == 1)
        n = manifest_count_entries(t->c.manifest, study_id, i.object,
                                   TREE_CACHEABLE_ENTRIES, NULL);
    return n >= 0 && n < TREE_CACHEABLE_ENTRIES;
}
