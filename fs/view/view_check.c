// SPDX-License-Identifier: MIT
/*
 * view_check.c: do the operators go together?
 *
 * Nothing is guessed: an operator that would have no effect, or two that
 * contradict each other, are errors that name the place. Only words that say
 * what happens anyway are dropped:
 *
 *   hu before window or range   both map modality values, which is what hu
 *                               asks for; the mapping decides what is seen
 *                               (raw before window is not dropped: the
 *                               window then maps stored values)
 *   noinvert with hu, raw,      these are never inverted by themselves
 *   range
 *   f32 with hu, range, norm    their type anyway
 *   window-n1                   the default of display
 */
#include "view/view_ops.h"

#include <math.h>
#include <string.h>

static const struct view_use *used(const struct view_parser *p,
                                   enum view_slot slot)
{
    return p->use[slot].origin == ORIGIN_NONE ? NULL : &p->use[slot];
}

static int shown(const struct view_use *use)
{
    return (int)(use->text_length < 60 ? use->text_length : 60);
}

/* Two operators that exclude each other: the one further on is to blame. */
static int conflict(struct view_parser *p, enum view_slot one,
                    enum view_slot other, const char *reason)
{
    const struct view_use *a = &p->use[one];
    const struct view_use *b = &p->use[other];
    const struct view_use *later = a->offset > b->offset ? a : b;

    return view_blame(p, VIEW_PROBLEM_CONFLICT, later->offset, later->length,
                      "'%.*s' with '%.*s': %s", shown(a), a->text, shown(b),
                      b->text, reason);
}

static int idle(struct view_parser *p, enum view_slot slot, const char *reason)
{
    const struct view_use *use = &p->use[slot];

    return view_blame(p, VIEW_PROBLEM_IDLE, use->offset, use->length,
                      "'%.*s' has nothing to act on: %s", shown(use), use->text,
                      reason);
}

static int check_values(struct view_parser *p)
{
    struct view *v = p->view;
    const struct view_use *values = used(p, SLOT_VALUES);
    const struct view_use *mapping = used(p, SLOT_MAPPING);
    bool is_raw = values && values->form->value == VIEW_VALUES_RAW;
    bool is_range =
        mapping && mapping->form->offset == offsetof(struct view, values);
    bool is_first = v->window == VIEW_WINDOW_NTH && v->window_n == 1;

    if (is_raw && is_range)
        return conflict(p, SLOT_VALUES, SLOT_MAPPING,
                        "range maps modality values");
    if (is_raw && is_first) /* stands for the default, which raw lacks */
        return conflict(p, SLOT_VALUES, SLOT_MAPPING,
                        "window-n1 is display's own default");
    if (mapping && !is_raw) /* which makes an `hu` redundant */
        v->values = is_range ? VIEW_VALUES_RANGE : VIEW_VALUES_DISPLAY;
    if (is_first) {
        v->window = VIEW_WINDOW_DEFAULT;
        v->window_n = 0;
    }
    if (mapping && v->window == VIEW_WINDOW_EXPLICIT &&
        v->window_function == VIEW_FUNCTION_LINEAR && v->window_width < 1)
        return view_blame(p, VIEW_PROBLEM_RANGE, mapping->offset,
                          mapping->length,
                          "'%.*s': a LINEAR width is at least 1 (PS3.3 "
                          "C.11.2.1.2); -exact and -sigmoid take less",
                          shown(mapping), mapping->text);
    return 0;
}

static int check_invert(struct view_parser *p)
{
    struct view *v = p->view;

    if (view_is_windowed(v))
        return 0;
    if (v->invert == VIEW_INVERT_ON && v->values != VIEW_VALUES_RANGE)
        return idle(p, SLOT_INVERT, "hu and raw have no black and white");
    if (v->invert == VIEW_INVERT_OFF)
        v->invert = VIEW_INVERT_AUTO;
    return 0;
}

static bool leaves_one_frame(enum view_vol vol)
{
    return vol != VIEW_VOL_KEEP && vol != VIEW_VOL_INTERP;
}

static int check_geometry(struct view_parser *p)
{
    struct view *v = p->view;

    /* with at most 12 decimals: the sum is rounded back to those */
    if (v->rot < 0)
        v->rot = round((v->rot + 360) * 1e12) / 1e12;
    if (v->rot >= 360)
        v->rot -= 360;
    if (v->vol == VIEW_VOL_LAPMIP && !view_is_windowed(v) &&
        v->values != VIEW_VALUES_RANGE)
        return conflict(p, SLOT_VALUES, SLOT_VOL,
                        "lapmip works on display samples");
    if (used(p, SLOT_SLAB) && leaves_one_frame(v->vol))
        return idle(p, SLOT_SLAB, "the vol operator leaves one frame");
    return 0;
}

/* Can pixels lie outside the image, so that a fill is seen? */
static bool has_outside(const struct view *v)
{
    bool pads = v->resize == VIEW_RESIZE_SIZE &&
                v->size_mode == VIEW_SIZE_FIT && v->pad != VIEW_PAD_NONE;
    bool oblique =
        v->rot != 0 && v->rot != 90 && v->rot != 180 && v->rot != 270;

    return pads || oblique || v->canvas.width > 0 ||
           v->patches == VIEW_PATCHES_RAND || v->patches == VIEW_PATCHES_ROI;
}

static int check_resize(struct view_parser *p)
{
    const struct view *v = p->view;
    bool resizes = v->resize != VIEW_RESIZE_NONE;

    if (used(p, SLOT_NOUP) && !resizes)
        return idle(p, SLOT_NOUP, "it needs size or spacing");
    if (used(p, SLOT_FILTER) && !resizes)
        return idle(p, SLOT_FILTER, "it needs size or spacing");
    if (used(p, SLOT_PAD) && v->resize != VIEW_RESIZE_SIZE)
        return idle(p, SLOT_PAD, "only size pads (or use canvas)");
    if (used(p, SLOT_PAD) && v->size_mode != VIEW_SIZE_FIT)
        return idle(p, SLOT_PAD, "cover and stretch are not padded");
    if (used(p, SLOT_FILL) && !has_outside(v))
        return idle(p, SLOT_FILL,
                    "it needs size with padding, canvas, rand or roi");
    return 0;
}

static int check_patches(struct view_parser *p)
{
    struct view *v = p->view;
    const struct view_use *use = used(p, SLOT_PATCHES);

    if (!use)
        return 0;
    if (v->select == VIEW_SELECT_FRAMES)
        return conflict(p, SLOT_SELECT, SLOT_PATCHES,
                        "frames and patches both number the files");
    if (v->patches != VIEW_PATCHES_GRID)
        return 0;
    if (v->patch_stride.width == 0)
        v->patch_stride = v->patch_size;
    if ((v->patch_stride.depth == 0) != (v->patch_size.depth == 0))
        return view_blame(p, VIEW_PROBLEM_SYNTAX, use->offset, use->length,
                          "'%.*s': tile and step have different dimensions",
                          shown(use), use->text);
    return 0;
}

static bool is_integer(enum view_dtype dtype)
{
    return dtype == VIEW_DTYPE_U8 || dtype == VIEW_DTYPE_U16 ||
           dtype == VIEW_DTYPE_I16;
}

static int check_numbers(struct view_parser *p)
{
    struct view *v = p->view;

    if (v->norm != VIEW_NORM_NONE && v->norm != VIEW_NORM_UNIT &&
        is_integer(v->dtype))
        return conflict(p, SLOT_NORM, SLOT_DTYPE,
                        "small numbers round to nothing in an integer type");
    if (v->dtype == VIEW_DTYPE_I16 &&
        (view_is_windowed(v) || v->values == VIEW_VALUES_RANGE ||
         v->norm != VIEW_NORM_NONE))
        return view_blame(p, VIEW_PROBLEM_CONFLICT, p->use[SLOT_DTYPE].offset,
                          p->use[SLOT_DTYPE].length,
                          "'i16' is for hu and raw; display samples are "
                          "unsigned");
    if (v->dtype == view_default_dtype(v))
        v->dtype = VIEW_DTYPE_DEFAULT;
    return 0;
}

int view_check(struct view_parser *p)
{
    if (check_values(p) || check_invert(p) || check_geometry(p) ||
        check_resize(p) || check_patches(p))
        return -1;
    return check_numbers(p);
}
