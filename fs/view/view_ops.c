// SPDX-License-Identifier: MIT
/* view_ops.c: every operator of the grammar, once: its groups, joined. */
#include "view/view_ops.h"

#include "view/view_forms.h"

/* In pipeline order. */
static const struct view_group *const groups[] = {
    &view_group_values,
    &view_group_volume,
    &view_group_geometry,
    &view_group_output,
};

#define GROUPS (sizeof groups / sizeof groups[0])

size_t view_forms_count(void)
{
    size_t count = 0;

    for (size_t g = 0; g < GROUPS; g++)
        count += groups[g]->count;
    return count;
}

const struct view_form *view_forms_near(enum view_slot slot, size_t *ret_n)
{
    size_t g = 0;

    while (slot > groups[g]->last)
        g++;
    *ret_n = groups[g]->count;
    return groups[g]->forms;
}

const struct view_form *view_form_at(size_t i)
{
    size_t g = 0;

    while (i >= groups[g]->count)
        i -= groups[g++]->count;
    return &groups[g]->forms[i];
}

const struct view_alias view_aliases[] = {
    {"mip", "vol", "mip"},
    {"interp", "vol", "interp"},
    {"lapmip", "vol", "lapmip"},
};

const size_t view_aliases_count = sizeof view_aliases / sizeof view_aliases[0];

const char *const view_slot_titles[SLOT_COUNT] = {
    [SLOT_SELECT] = "what one file is",
    [SLOT_PICK] = "which frames",
    [SLOT_ORDER] = "their order",
    [SLOT_VALUES] = "which values",
    [SLOT_MAPPING] = "how values become samples",
    [SLOT_INVERT] = "black and white",
    [SLOT_PADVAL] = "pixel padding",
    [SLOT_PLANE] = "reslicing",
    [SLOT_FLIP] = "mirror",
    [SLOT_ROT] = "rotation",
    [SLOT_VOL] = "volume",
    [SLOT_SLAB] = "slabs",
    [SLOT_REGION] = "region",
    [SLOT_RESIZE] = "resize",
    [SLOT_NOUP] = "enlargement",
    [SLOT_FILTER] = "resampling filter",
    [SLOT_PAD] = "padding",
    [SLOT_FILL] = "what is outside the image",
    [SLOT_CANVAS] = "exact shape",
    [SLOT_PATCHES] = "patches",
    [SLOT_NORM] = "normalisation",
    [SLOT_DTYPE] = "sample type",
    [SLOT_COLOR] = "channels",
    [SLOT_PACK] = "compression",
    [SLOT_BIG] = "TIFF variant",
    [SLOT_LIST] = "listed format",
    [SLOT_TREE] = "listed folders",
};
