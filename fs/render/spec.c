// SPDX-License-Identifier: MIT
/*
 * spec.c: the first VOI that exists, PS3.3 C.11.2: the VOI LUT sequence, else
 * the first valid window, else a stretch over the volume.
 */
#include "render/spec.h"

static struct values_lut lut_of(const struct dicom_lut *lut)
{
    return (struct values_lut){lut->data, lut->n, lut->first, lut->bits};
}

static enum values_function function_of(enum dicom_voi_function f)
{
    switch (f) {
    case DICOM_LINEAR_EXACT:
        return VALUES_LINEAR_EXACT;
    case DICOM_SIGMOID:
        return VALUES_SIGMOID;
    case DICOM_LINEAR:
        break;
    }
    return VALUES_LINEAR;
}

/* The frame's first window that can be used, or NULL. */
static const struct dicom_window *
first_window(const struct dicom_header *header, const struct dicom_frame *frame)
{
    for (uint32_t i = 0; i < frame->n_windows; i++) {
        const struct dicom_window *w =
            &header->windows[frame->window_first + i];

        if (w->valid)
            return w;
    }
    return NULL;
}

/* Does the default VOI of this frame come from a tag? */
static bool has_own_voi(const struct dicom_header *header,
                        const struct dicom_frame *frame)
{
    return frame->n_voi_luts > 0 || first_window(header, frame) != NULL;
}

static bool is_one_bit(const struct plan *plan)
{
    return plan->desc.bits_alloc == 1;
}

static bool voi_needs_extent(const struct plan *plan,
                             const struct dicom_header *header)
{
    if (!view_is_windowed(&plan->view) || is_one_bit(plan))
        return false;
    if (plan->view.window == VIEW_WINDOW_OFF)
        return true;
    if (plan->view.window != VIEW_WINDOW_DEFAULT)
        return false;
    for (uint32_t f = 0; f < header->frames; f++) {
        if (!has_own_voi(header, dicom_frame_at(header, f)))
            return true;
        if (!header->per_frame)
            break;
    }
    return false;
}

bool spec_may_need_extent(const struct plan *plan)
{
    return plan->value_channels != 3 && !is_one_bit(plan) &&
           view_is_windowed(&plan->view) &&
           plan->view.window == VIEW_WINDOW_DEFAULT;
}

bool spec_needs_extent(const struct plan *plan,
                       const struct dicom_header *header)
{
    if (plan->value_channels == 3)
        return false;
    return plan->view.padval == VIEW_PADVAL_MIN ||
           voi_needs_extent(plan, header);
}

void spec_modality(const struct plan *plan, const struct dicom_header *header,
                   uint32_t frame, struct values_spec *ret)
{
    const struct dicom_frame *f = dicom_frame_at(header, frame);
    struct values_spec s = VALUES_SPEC_INIT;

    /* raw with a window: the window is meant for stored values. */
    if (plan->view.values != VIEW_VALUES_RAW) {
        s.slope = f->slope;
        s.intercept = f->intercept;
        if (header->has_modality_lut)
            s.modality_lut = lut_of(&header->modality_lut);
    }
    s.has_padding = header->padding.kind != DICOM_PADDING_NONE;
    s.padding_first = header->padding.low;
    s.padding_last = header->padding.high;
    *ret = s;
}

static void set_window(struct values_spec *s, const struct dicom_window *w)
{
    s->voi = VALUES_VOI_WINDOW;
    s->center = w->center;
    s->width = w->width;
    s->function = function_of(w->function);
}

static void set_extent(const struct plan *plan,
                       const struct values_extent *extent,
                       struct values_spec *s)
{
    s->voi = VALUES_VOI_MINMAX;
    if (is_one_bit(plan)) { /* 0 and 1 are black and white, always */
        s->minimum = 0.0;
        s->maximum = 1.0;
        return;
    }
    s->minimum = extent && extent->count ? extent->min : 0.0;
    s->maximum = extent && extent->count ? extent->max : 0.0;
}

static void set_default_voi(const struct plan *plan,
                            const struct dicom_header *header,
                            const struct dicom_frame *frame,
                            const struct values_extent *extent,
                            struct values_spec *s)
{
    const struct dicom_window *w = first_window(header, frame);

    if (frame->n_voi_luts > 0) {
        s->voi = VALUES_VOI_LUT;
        s->voi_lut = lut_of(&header->voi_luts[frame->voi_lut_first]);
    } else if (w) {
        set_window(s, w);
    } else {
        set_extent(plan, extent, s);
    }
}

static int set_nth_window(const struct dicom_header *header,
                          const struct dicom_frame *frame, uint32_t n,
                          struct values_spec *s, struct error *err)
{
    if (n > frame->n_windows)
        return error_set(err, ERROR_UNSUPPORTED,
                         "window %u was asked for, the image has %u", n,
                         frame->n_windows);
    if (!header->windows[frame->window_first + n - 1].valid)
        return error_set(err, ERROR_UNSUPPORTED,
                         "window %u of the image is not valid", n);
    set_window(s, &header->windows[frame->window_first + n - 1]);
    return 0;
}

static int set_voi(const struct plan *plan, const struct dicom_header *header,
                   const struct dicom_frame *frame,
                   const struct values_extent *extent, struct values_spec *s,
                   struct error *err)
{
    const struct view *v = &plan->view;

    switch (v->window) {
    case VIEW_WINDOW_NTH:
        return set_nth_window(header, frame, v->window_n, s, err);
    case VIEW_WINDOW_EXPLICIT:
        s->voi = VALUES_VOI_WINDOW;
        s->center = v->window_center;
        s->width = v->window_width;
        s->function =
            v->window_function == VIEW_FUNCTION_EXACT     ? VALUES_LINEAR_EXACT
            : v->window_function == VIEW_FUNCTION_SIGMOID ? VALUES_SIGMOID
                                                          : VALUES_LINEAR;
        return 0;
    case VIEW_WINDOW_OFF:
        set_extent(plan, extent, s);
        return 0;
    case VIEW_WINDOW_FRAME:
        s->voi = VALUES_VOI_FRAME;
        return 0;
    case VIEW_WINDOW_DEFAULT:
        break;
    }
    set_default_voi(plan, header, frame, extent, s);
    return 0;
}

static bool is_inverted(const struct plan *plan)
{
    switch (plan->view.invert) {
    case VIEW_INVERT_ON:
        return true;
    case VIEW_INVERT_OFF:
        return false;
    case VIEW_INVERT_AUTO:
        break;
    }
    return view_is_windowed(&plan->view) &&
           plan->desc.photometric == DECODE_MONOCHROME1;
}

static void set_padding(const struct plan *plan,
                        const struct values_extent *extent,
                        struct values_spec *s)
{
    if (plan->view.padval == VIEW_PADVAL_KEEP || !s->has_padding)
        return;
    s->replace_padding = true;
    s->padding_value = plan->view.padval == VIEW_PADVAL_NUMBER
                           ? plan->view.padval_number
                       : extent && extent->count ? extent->min
                                                 : 0.0;
}

int spec_init(const struct plan *plan, const struct dicom_header *header,
              uint32_t frame, const struct values_extent *extent,
              struct values_spec *ret, struct error *err)
{
    static const enum values_output outputs[] = {
        [VIEW_VALUES_DISPLAY] = VALUES_DISPLAY,
        [VIEW_VALUES_HU] = VALUES_HU,
        [VIEW_VALUES_RAW] = VALUES_RAW,
        [VIEW_VALUES_RANGE] = VALUES_RANGE,
    };
    const struct dicom_frame *f = dicom_frame_at(header, frame);

    spec_modality(plan, header, frame, ret);
    ret->inverted = is_inverted(plan);
    set_padding(plan, extent, ret);
    if (view_is_windowed(&plan->view)) {
        ret->output = VALUES_DISPLAY;
        ret->y_max = plan->y_max;
        return plan->value_channels == 3
                   ? 0
                   : set_voi(plan, header, f, extent, ret, err);
    }
    ret->output = outputs[plan->view.values];
    if (plan->value_type != SAMPLE_F32)
        ret->y_max = plan->y_max; /* a range as display samples */
    ret->range_low = plan->view.range_lo;
    ret->range_high = plan->view.range_hi;
    return 0;
}
