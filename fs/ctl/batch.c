// SPDX-License-Identifier: MIT
/* batch.c: see batch.h. */
#include "ctl/batch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/translate.h"

/* ---- view ---- */

/* VIEW, with the operators of --with. */
static int parse_view(const struct ctl_args *args, const char *name,
                      const struct view_presets *presets, struct view *ret,
                      struct error *err)
{
    const char *with = args->values[CTL_WITH];
    char text[2 * VIEW_NAME_MAX];
    int n = snprintf(text, sizeof text, "%s%s%s", name, with ? "_" : "",
                     with ? with : "");

    if (n < 0 || (size_t)n >= sizeof text)
        return error_set(err, ERROR_BAD_VIEW, "the view is too long");
    if (with && strcmp(name, "full") == 0)
        return ctl_view_parse(with, presets, ret, err);
    return ctl_view_parse(text, presets, ret, err);
}

/* Takes the words apart: 1 if the first of them is a view. */
static int find_view(const struct ctl_args *args,
                     const struct view_presets *presets, struct batch *b,
                     struct error *err)
{
    int least = b->out ? 2 : 3;
    const char *first = args->positional[0];
    struct error own = ERROR_INIT;

    if (args->n_positional >= least) {
        if (parse_view(args, first, presets, &b->view, &own) == 0)
            return 1;
        if (own.kind != ERROR_NOT_FOUND || access(first, F_OK) != 0) {
            *err = own;
            return -1;
        }
    }
    b->translated = true; /* no options at all: dicom-preprocess SOURCE OUT */
    return translate(args->values, presets, NULL, &b->view, err);
}

static int find_translation(const struct ctl_args *args,
                            const struct view_presets *presets, FILE *notes,
                            struct batch *b, struct error *err)
{
    const char *first = args->positional[0];
    struct view ignored;

    if (access(first, F_OK) != 0 &&
        view_parse(first, presets, &ignored, NULL, NULL) == 0)
        return error_set(err, ERROR_USAGE,
                         "%s is a view: give a view (and --with) or the "
                         "options of dicom-preprocess, not both",
                         first);
    b->translated = true;
    return translate(args->values, presets, notes, &b->view, err);
}

static int take_words(const struct ctl_args *args,
                      const struct view_presets *presets, FILE *notes,
                      struct batch *b, struct error *err)
{
    int first = translate_is_wanted(args->values)
                    ? find_translation(args, presets, notes, b, err)
                    : find_view(args, presets, b, err);
    int last = args->n_positional;

    if (first < 0)
        return -1;
    if (!b->out) {
        if (last - first < 2)
            return error_set(err, ERROR_USAGE,
                             "render needs SOURCE and OUT (or -o OUT)");
        b->out = args->positional[--last];
    }
    if (last == first)
        return error_set(err, ERROR_USAGE, "render needs SOURCE");
    b->sources = args->positional + first;
    b->n_sources = (size_t)(last - first);
    return 0;
}

/* ---- formats and layout ---- */

static int find_format(const char *name, size_t length, enum view_ext *ret,
                       struct error *err)
{
    for (int e = 0; e < BATCH_FORMATS; e++) {
        const char *known = view_ext_name((enum view_ext)e);

        if (strlen(known) == length && strncmp(known, name, length) == 0) {
            *ret = (enum view_ext)e;
            return 0;
        }
    }
    return error_set(err, ERROR_USAGE,
                     "--format is tiff, npy, nii, png or json, not \"%.*s\"",
                     (int)length, name);
}

static int take_formats(const char *text, struct batch *b, struct error *err)
{
    bool taken[BATCH_FORMATS] = {false};

    if (!text) {
        b->formats[b->n_formats++] = b->view.list;
        return 0;
    }
    for (;;) {
        size_t length = strcspn(text, ",");
        enum view_ext e = VIEW_EXT_TIFF;

        if (find_format(text, length, &e, err) != 0)
            return -1;
        if (!taken[e])
            b->formats[b->n_formats++] = e;
        taken[e] = true;
        if (!text[length])
            return 0;
        text += length + 1;
    }
}

static int take_layout(const char *text, struct batch *b, struct error *err)
{
    if (!text)
        b->view.tree = b->view.tree || b->translated;
    else if (strcmp(text, "tree") == 0)
        b->view.tree = true;
    else if (strcmp(text, "flat") == 0)
        b->view.tree = false;
    else
        return error_set(err, ERROR_USAGE,
                         "--layout is flat or tree, not \"%s\"", text);
    return 0;
}

/* OUT is a file if it looks like one and is no folder: for dicom-preprocess
 * whatever is no folder is. */
static void find_out(struct batch *b, bool has_format)
{
    const char *slash = strrchr(b->out, '/');
    const char *name = slash ? slash + 1 : b->out;
    struct view_leaf leaf;
    struct stat st;

    if (!b->translated || view_leaf_parse(name, &leaf, NULL) != 0 ||
        (stat(b->out, &st) == 0 && S_ISDIR(st.st_mode)))
        return;
    b->out_is_file = true;
    if (!has_format)
        b->formats[0] = leaf.ext;
}

int batch_init(const struct ctl_args *args, FILE *notes, struct batch *ret,
               struct error *err)
{
    const char *file = args->values[CTL_PRESETS];
    struct view_presets *presets = NULL;
    const char *op = NULL;

    *ret = (struct batch){.out = args->values[CTL_OUT]};
    if (file && view_presets_load(file, &presets, err) != 0)
        return -1;
    int rc = take_words(args, presets, notes, ret, err);

    view_presets_free(presets);
    if (rc != 0 || take_formats(args->values[CTL_FORMAT], ret, err) != 0 ||
        take_layout(args->values[CTL_LAYOUT], ret, err) != 0)
        return -1;
    find_out(ret, args->values[CTL_FORMAT] != NULL);
    if (!view_is_built(&ret->view, &op))
        return error_set(err, ERROR_UNSUPPORTED, "%s is not built in yet", op);
    return 0;
}
