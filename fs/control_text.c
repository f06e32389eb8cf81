// SPDX-License-Identifier: MIT
/*
 * control_text.c: which control files there are, and what is in them.
 */
#include "control_impl.h"

#include <string.h>

static int write_grammar(struct control *c, const char *name, FILE *out,
                         struct error *err)
{
    (void)c;
    (void)name;
    (void)err;
    view_grammar(out);
    return 0;
}

static int write_socket(struct control *c, const char *name, FILE *out,
                        struct error *err)
{
    (void)name;
    if (!c->socket)
        return error_set(err, ERROR_NOT_FOUND, "nobody can be asked");
    (void)fprintf(out, "%s\n", c->socket);
    return 0;
}

static int write_json(struct control *c, const char *name, FILE *out,
                      struct error *err)
{
    (void)name;
    return report_json(c->report, out, err);
}

static int write_prometheus(struct control *c, const char *name, FILE *out,
                            struct error *err)
{
    (void)name;
    return report_prometheus(c->report, out, err);
}

static int write_disk(struct control *c, const char *name, FILE *out,
                      struct error *err)
{
    (void)name;
    (void)err;
    fprintf(out, "%s\n", c->disk);
    return 0;
}

static int write_errors(struct control *c, const char *name, FILE *out,
                        struct error *err)
{
    (void)name;
    return manifest_errors_write(c->manifest, out, err);
}

static int write_views(struct control *c, const char *name, FILE *out,
                       struct error *err)
{
    (void)name;
    return manifest_views_write(c->manifest, out, err);
}

static int write_top(struct control *c, const char *name, FILE *out,
                     struct error *err)
{
    (void)name;
    return views_write_top(c->views, c->report->stats, out, err);
}

static int write_explain(struct control *c, const char *name, FILE *out,
                         struct error *err)
{
    (void)err;
    views_explain(c->views, name, out);
    return 0;
}

/* "crop.csv" -> "crop"; ERROR_NOT_FOUND without the extension. */
static int csv_view_name(const char *name, char ret[VIEW_NAME_MAX + 1],
                         struct error *err)
{
    size_t n = strlen(name);

    if (n <= 4 || n > VIEW_NAME_MAX || strcmp(name + n - 4, ".csv") != 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "no file %s: a view's name and .csv", name);
    memcpy(ret, name, n - 4);
    ret[n - 4] = '\0';
    return 0;
}

static int write_csv(struct control *c, const char *name, FILE *out,
                     struct error *err)
{
    char view_name[VIEW_NAME_MAX + 1];
    struct views_found found;
    const struct view *view;

    if (csv_view_name(name, view_name, err) < 0 ||
        views_find(c->views, view_name, true, &found, err) < 0)
        return -1;
    view = views_by_id(c->views, found.id, err);
    if (!view)
        return -1;
    return c->csv(c->csv_opaque, view, found.id, out, err);
}

static const struct control_text files[] = {
    {INODE_FOLDER_TOP, "grammar.txt", false, write_grammar},
    {INODE_FOLDER_TOP, "socket", false, write_socket},
    {INODE_FOLDER_TOP, "stats.json", false, write_json},
    {INODE_FOLDER_TOP, "stats.prom", false, write_prometheus},
    {INODE_FOLDER_TOP, "errors.tsv", true, write_errors},
    {INODE_FOLDER_TOP, "views", true, write_views},
    {INODE_FOLDER_TOP, "disk", false, write_disk},
    {INODE_FOLDER_TOP, "top.tsv", false, write_top},
    {INODE_FOLDER_EXPLAIN, NULL, false, write_explain},
    {INODE_FOLDER_MANIFEST, NULL, true, write_csv},
};

static const struct folder {
    enum inode_folder folder;
    enum inode_folder parent;
    const char *name;
} folders[] = {
    {INODE_FOLDER_EXPLAIN, INODE_FOLDER_TOP, "explain"},
    {INODE_FOLDER_MANIFEST, INODE_FOLDER_TOP, "manifest"},
};

enum {
    N_FILES = sizeof files / sizeof files[0],
    N_FOLDERS = sizeof folders / sizeof folders[0]
};

static bool is_here(const struct control *c, const struct control_text *file)
{
    return file->write != write_disk || c->disk;
}

const struct control_text *control_text_find(const struct control *c,
                                             enum inode_folder folder,
                                             const char *name)
{
    for (size_t i = 0; i < N_FILES; i++) {
        if (files[i].folder == folder && is_here(c, &files[i]) &&
            (!files[i].name || strcmp(files[i].name, name) == 0))
            return &files[i];
    }
    return NULL;
}

enum inode_folder control_folder(enum inode_folder folder, const char *name)
{
    for (size_t i = 0; i < N_FOLDERS; i++) {
        if (folders[i].parent == folder && strcmp(folders[i].name, name) == 0)
            return folders[i].folder;
    }
    return (enum inode_folder)0;
}

enum inode_folder control_folder_parent(enum inode_folder folder)
{
    for (size_t i = 0; i < N_FOLDERS; i++) {
        if (folders[i].folder == folder)
            return folders[i].parent;
    }
    return (enum inode_folder)0;
}

/* ---- listing ---- */

/* explain/ and manifest/ take any view; `full` and the presets are shown. */
static bool list_views(struct control *c, const char *extension, uint64_t i,
                       char ret_name[256])
{
    char preset[VIEW_PRESET_NAME_MAX + 1];
    bool has_full = views_has_full(c->views);

    if (has_full && i == 0)
        return snprintf(ret_name, 256, "full%s", extension) > 0;
    if (!views_preset(c->views, (size_t)i - has_full, preset))
        return false;
    return snprintf(ret_name, 256, "%s%s", preset, extension) > 0;
}

bool control_list(struct control *c, enum inode_folder folder, uint64_t i,
                  char ret_name[256], enum inode_folder *ret_folder)
{
    *ret_folder = (enum inode_folder)0;
    if (folder == INODE_FOLDER_EXPLAIN)
        return list_views(c, "", i, ret_name);
    if (folder == INODE_FOLDER_MANIFEST)
        return list_views(c, ".csv", i, ret_name);
    for (size_t n = 0; n < N_FILES; n++) {
        if (files[n].folder == folder && files[n].name &&
            is_here(c, &files[n]) && i-- == 0)
            return snprintf(ret_name, 256, "%s", files[n].name) > 0;
    }
    for (size_t n = 0; n < N_FOLDERS; n++) {
        if (folders[n].parent == folder && i-- == 0) {
            *ret_folder = folders[n].folder;
            return snprintf(ret_name, 256, "%s", folders[n].name) > 0;
        }
    }
    return false;
}
