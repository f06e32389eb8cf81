// SPDX-License-Identifier: MIT
/*
 * view_forms.h: how the rows of the one table of operators are written.
 *
 * The table is in one file per group, in the order of the pipeline; view_ops.c
 * joins them. To add an operator, add its field to struct view and its row to
 * its group; to say that one acts now, change its `built` column. The formulas
 * are what `.prepfs/explain` prints and what prepfs-view(7) says.
 *
 * Private to fs/view. Threads: constants.
 */
#ifndef VIEW_VIEW_FORMS_H
#define VIEW_VIEW_FORMS_H

#include <stddef.h>

#include "view/view_ops.h"

/* A part of the table. */
struct view_group {
    const struct view_form *forms;
    size_t count;
    enum view_slot last; /* slot of its last row */
};

extern const struct view_group view_group_values;   /* select, values */
extern const struct view_group view_group_volume;   /* plane to slab */
extern const struct view_group view_group_geometry; /* crop to patches */
extern const struct view_group view_group_output;   /* numbers, type, listing */

#define VIEW_GROUP(rows, last_slot)                                            \
    {                                                                          \
        rows, sizeof rows / sizeof rows[0], last_slot                          \
    }

#define AT(field) offsetof(struct view, field)
#define ENUM(field, what)                                                      \
    .store = STORE_ENUM, .offset = AT(field), .value = what
#define BOOL(field) .store = STORE_BOOL, .offset = AT(field), .value = 1

/* Arguments that are words: they set an enum or a bool. */
#define WORD_ENUM(text, field, what, about)                                    \
    {                                                                          \
        .kind = ARG_WORD, .key = text, ENUM(field, what), .doc = about         \
    }
#define WORD_BOOL(text, field, about)                                          \
    {                                                                          \
        .kind = ARG_WORD, .key = text, BOOL(field), .doc = about               \
    }

#define PIXELS .lo = 1, .hi = VIEW_PIXELS_MAX
#define NUMBERS .lo = -1e15, .hi = 1e15

#define DIMS(field, about)                                                     \
    {                                                                          \
        .kind = ARG_DIMS, .meta = "WxH[xD]", .required = true,                 \
        .offset = AT(field), PIXELS, .doc = about                              \
    }

#endif
