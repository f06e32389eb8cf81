// SPDX-License-Identifier: MIT
/*
 * translate.h: the options of dicom-preprocess as a view.
 *
 *     -c -m -s 384,512 -z packbits  ->  crop-max_size-384x512_pack-packbits
 *
 * What an option of theirs means by itself, ours means too; what theirs
 * ignores silently (-m without -c) is ignored with a note. What they refuse is
 * refused. Two things are not the same: without -z nothing is packed (theirs
 * packs bits), and an unknown word is an error everywhere.
 *
 * Threads: reentrant.
 */
#ifndef CTL_TRANSLATE_H
#define CTL_TRANSLATE_H

#include <stdio.h>

#include "ctl/ctl.h"
#include "view/view.h"

/* Was any of their options given? */
bool translate_is_wanted(const char *const values[CTL_OPTIONS]);

/*
 * The view of the options in `values` (NULL: not given), with the operators
 * of --with. Notes for the user are written to `notes` (may be NULL), a line
 * each. ERROR_USAGE, ERROR_BAD_VIEW.
 */
int translate(const char *const values[CTL_OPTIONS],
              const struct view_presets *presets, FILE *notes, struct view *ret,
              struct error *err) __attribute__((warn_unused_result));

#endif
