// SPDX-License-Identifier: MIT
/*
 * batch.h: what the command line of `prepfsctl render` asks for.
 *
 *     render VIEW SOURCE... -o OUT       (or OUT as the last word)
 *     render OPTIONS SOURCE... OUT       as dicom-preprocess is called
 *     render OPTIONS SOURCE OUT.tiff     one image, one file
 *
 * Threads: one at a time.
 */
#ifndef CTL_BATCH_H
#define CTL_BATCH_H

#include <stdio.h>

#include "ctl/ctl.h"
#include "view/view.h"

enum { BATCH_FORMATS = VIEW_EXT_JSON + 1 };

struct batch {
    struct view view; /* `tree` says how files are laid out */
    bool translated;  /* from options of dicom-preprocess */
    enum view_ext formats[BATCH_FORMATS];
    int n_formats;
    char *const *sources;
    size_t n_sources;
    const char *out;
    bool out_is_file; /* OUT is one image, not a folder */
};

/* Reads the arguments, which are borrowed. Notes for the user go to `notes`
 * (may be NULL). ERROR_USAGE, ERROR_BAD_VIEW, ERROR_NOT_FOUND,
 * ERROR_UNSUPPORTED. */
int batch_init(const struct ctl_args *args, FILE *notes, struct batch *ret,
               struct error *err) __attribute__((warn_unused_result));

#endif
