// SPDX-License-Identifier: MIT
/*
 * plan_types.c: channels and sample types after each step, and what cannot be
 * had of them (pixels.md).
 */
#include "render/plan_impl.h"

static bool is_colour(const struct decode_desc *desc)
{
    return desc->photometric == DECODE_PALETTE || desc->samples > 1;
}

static enum sample_type display_type(const struct decode_desc *desc)
{
    return desc->bits_alloc <= 8 ? SAMPLE_U8 : SAMPLE_U16;
}

static enum sample_type value_type(const struct plan *p)
{
    if (p->desc.photometric == DECODE_PALETTE)
        return display_type(&p->desc);
    if (is_colour(&p->desc))
        return p->stored_type;
    switch (p->view.values) {
    case VIEW_VALUES_RAW:
        return view_is_windowed(&p->view) ? display_type(&p->desc)
                                          : p->stored_type;
    case VIEW_VALUES_RANGE:
        /* lapmip works on display samples, and a range is a display */
        if (p->view.vol == VIEW_VOL_LAPMIP)
            break;
        return SAMPLE_F32;
    case VIEW_VALUES_HU:
        return SAMPLE_F32;
    case VIEW_VALUES_DISPLAY:
        break;
    }
    return display_type(&p->desc);
}

static enum sample_type out_type(const struct plan *p)
{
    switch (p->view.dtype) {
    case VIEW_DTYPE_U8:
        return SAMPLE_U8;
    case VIEW_DTYPE_U16:
        return SAMPLE_U16;
    case VIEW_DTYPE_I16:
        return SAMPLE_I16;
    case VIEW_DTYPE_F16:
        return SAMPLE_F16;
    case VIEW_DTYPE_F32:
        return SAMPLE_F32;
    case VIEW_DTYPE_DEFAULT:
        break;
    }
    if (view_default_dtype(&p->view) == VIEW_DTYPE_F32)
        return SAMPLE_F32;
    return p->stack_type;
}

bool plan_is_unit(const struct plan *p)
{
    return view_is_windowed(&p->view) || p->view.values == VIEW_VALUES_RANGE;
}

double plan_unit(const struct plan *p)
{
    if (!plan_is_unit(p) || p->stack_type == SAMPLE_F32)
        return 1.0;
    return p->stack_type == SAMPLE_U8 ? 255.0 : 65535.0;
}

/* What vol makes of the values; slabs leave channels and type alone. */
static void set_stack_type(struct plan *p)
{
    struct vol_spec spec = depth_vol_spec(&p->view);

    p->stack_channels = p->value_channels;
    p->stack_type = p->value_type;
    if (depth_reduces(&p->view, &p->depth) &&
        !vol_result(&spec, p->depth.vol.count, p->value_channels, p->value_type,
                    &p->stack_channels, &p->stack_type))
        p->refusal = "lapmip works on display samples";
}

/* What pixels.md does not define; the leaf has a size all the same. */
static const char *refusal(const struct plan *p)
{
    const struct view *v = &p->view;

    if (p->value_channels == 3 && p->value_type != SAMPLE_U8 &&
        p->value_type != SAMPLE_U16)
        return "colour of more than 16 bits is not supported";
    if (p->value_channels == 3 &&
        (v->values == VIEW_VALUES_HU || v->values == VIEW_VALUES_RANGE))
        return "a colour image has no modality values: hu and range need a "
               "grey one";
    if (p->out_channels == 3 && p->out_type != SAMPLE_U8 &&
        p->out_type != SAMPLE_U16)
        return "RGB is written with 8 or 16 bits; add gray for other types";
    return NULL;
}

/* The shape of a frame follows from the tags even where no codec can decode
 * it, so that its leaf can be listed; reading it says why not. */
static int stored_shape(struct plan *p, struct error *err)
{
    struct decode_desc native = p->desc;

    if (p->desc.codec == DECODE_UNSUPPORTED) {
        native.codec = DECODE_NATIVE_LE;
        p->refusal = "no decoder for this transfer syntax is built in";
    }
    return decode_output(&native, &p->stored_channels, &p->stored_type, err);
}

int plan_set_types(struct plan *p, struct error *err)
{
    const struct view *v = &p->view;

    if (stored_shape(p, err) != 0)
        return -1;
    p->y_max = p->desc.bits_alloc <= 8 ? 255 : 65535;
    p->value_channels = is_colour(&p->desc) ? 3 : 1;
    p->value_type = value_type(p);
    set_stack_type(p);
    p->out_type = out_type(p);
    p->out_channels = v->color == VIEW_COLOR_GRAY  ? 1
                      : v->color == VIEW_COLOR_RGB ? 3
                                                   : p->stack_channels;
    if (!p->refusal)
        p->refusal = refusal(p);
    return 0;
}
