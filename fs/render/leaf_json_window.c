// SPDX-License-Identifier: MIT
/* leaf_json_window.c: which window the pages have, and whether it is one. */
#include <math.h>

#include "render/leaf_json_impl.h"
#include "render/spec.h"

/* The frame in the header at hand: of slices the first stands for all. */
static uint32_t frame_at(const struct document *d, uint32_t picked)
{
    return document_has_slices(d) ? 0 : document_number_of(d, picked);
}

static int spec_of(const struct document *d, uint32_t picked,
                   struct values_spec *ret, struct error *err)
{
    return spec_init(d->about->plan, &d->header, frame_at(d, picked),
                     d->about->extent, ret, err);
}

static bool is_same_voi(const struct values_spec *a,
                        const struct values_spec *b)
{
    return a->voi == b->voi && a->center == b->center && a->width == b->width &&
           a->function == b->function &&
           a->voi_lut.entries == b->voi_lut.entries;
}

/* 1-based number of the stored window that counts. */
static uint32_t window_number(const struct document *d, uint32_t picked)
{
    const struct view *v = d->about->view;
    const struct dicom_frame *f =
        dicom_frame_at(&d->header, frame_at(d, picked));

    if (v->window == VIEW_WINDOW_NTH)
        return v->window_n;
    for (uint32_t i = 0; v->window == VIEW_WINDOW_DEFAULT && i < f->n_windows;
         i++)
        if (d->header.windows[f->window_first + i].valid)
            return i + 1;
    return 0;
}

static void fill_window(struct document *d, uint32_t picked,
                        const struct values_spec *spec)
{
    static const char *const functions[] = {
        [VALUES_LINEAR] = "LINEAR",
        [VALUES_LINEAR_EXACT] = "LINEAR_EXACT",
        [VALUES_SIGMOID] = "SIGMOID",
    };
    struct json_leaf_window *w = &d->window;

    *w = (struct json_leaf_window){
        .center = NAN, .width = NAN, .minimum = NAN, .maximum = NAN};
    switch (spec->voi) {
    case VALUES_VOI_NONE:
        return;
    case VALUES_VOI_WINDOW:
        w->kind = "window";
        w->number = window_number(d, picked);
        w->center = spec->center;
        w->width = spec->width;
        w->function = functions[spec->function];
        break;
    case VALUES_VOI_LUT:
        w->kind = "voi-lut";
        w->number = 1;
        break;
    case VALUES_VOI_MINMAX:
        w->kind = "minmax";
        w->minimum = spec->minimum;
        w->maximum = spec->maximum;
        break;
    case VALUES_VOI_FRAME:
        w->kind = "frame";
        w->per_frame = true;
        break;
    }
    d->leaf.window = w;
}

/* The frames that the pages of this leaf show, as one range; all there are if
 * none is shown. *ret_first is the first page's. */
static struct vol_range shown_frames(const struct plan *p, uint32_t *ret_first)
{
    uint32_t first = UINT32_MAX, end = 0;

    *ret_first = 0;
    for (uint32_t page = 0; page < p->pages; page++) {
        struct vol_range shown;

        if (!plan_shown(p, page, &shown))
            continue;
        if (end == 0)
            *ret_first = shown.first;
        first = shown.first < first ? shown.first : first;
        end = shown.first + shown.count > end ? shown.first + shown.count : end;
    }
    return end > 0 ? (struct vol_range){first, end - first}
                   : (struct vol_range){0, p->frames};
}

int document_put_window(struct document *d, struct error *err)
{
    const struct plan *p = d->about->plan;
    struct values_spec first, other;
    struct vol_range shown;
    uint32_t at;

    shown = shown_frames(p, &at);
    if (spec_of(d, at, &first, err) != 0)
        return -1;
    if (p->value_channels == 3)
        return 0;
    fill_window(d, at, &first);
    if (document_has_slices(d)) {
        d->window.per_frame |= first.voi == VALUES_VOI_WINDOW &&
                               p->view.window != VIEW_WINDOW_EXPLICIT &&
                               shown.count > 1 &&
                               !d->about->frames->slices.one_window;
        return 0;
    }
    for (uint32_t k = shown.first; k < shown.first + shown.count; k++) {
        if (spec_of(d, k, &other, err) != 0)
            return -1;
        if (!is_same_voi(&first, &other))
            d->window.per_frame = true;
    }
    return 0;
}
