// SPDX-License-Identifier: MIT
/*
 * values.c: what one sample becomes (values.h).
 *
 * mapping_value is the definition, one sample at a time in f64. The table and
 * the loops of values_apply.c call it and nothing else: they cannot disagree.
 */
#include "image/values.h"

#include <math.h>

#include "image/values_map.h"

bool values_window_is_valid(enum values_function function, double center,
                            double width)
{
    if (!isfinite(center) || !isfinite(width))
        return false;
    return function == VALUES_LINEAR ? width >= 1 : width > 0;
}

enum sample_type values_type(const struct values_spec *spec, uint32_t channels,
                             enum sample_type stored)
{
    if (channels != 1)
        return stored;
    switch (spec->output) {
    case VALUES_RAW:
        return stored;
    case VALUES_HU:
        return SAMPLE_F32;
    case VALUES_DISPLAY:
    case VALUES_RANGE:
        break;
    }
    if (spec->y_max == 0)
        return SAMPLE_F32;
    return spec->y_max == UINT8_MAX ? SAMPLE_U8 : SAMPLE_U16;
}

/* PS3.3 C.11.1.1.1: below the first value mapped the first entry, above the
 * last one the last. NaN takes the first. */
static uint16_t lut_entry(const struct values_lut *lut, double input)
{
    double index = round(input) - lut->first;

    if (!(index > 0))
        return lut->entries[0];
    if (index >= lut->count)
        return lut->entries[lut->count - 1];
    return lut->entries[(uint32_t)index];
}

double values_modality(const struct values_spec *spec, double stored)
{
    if (spec->modality_lut.count > 0)
        return lut_entry(&spec->modality_lut, stored);
    return spec->slope * stored + spec->intercept;
}

static double linear(double m, double center, double width, double low,
                     double y_max)
{
    double high = center - 0.5 + (width - 1) / 2;

    if (m <= low)
        return 0;
    if (m > high)
        return y_max;
    return ((m - (center - 0.5)) / (width - 1) + 0.5) * y_max;
}

static double window(const struct values_spec *spec, double m, double y_max)
{
    double c = spec->center;
    double w = spec->width;

    switch (spec->function) {
    case VALUES_LINEAR: /* PS3.3 C.11.2.1.2.1 */
        w = fmax(w, 1);
        return linear(m, c, w, c - 0.5 - (w - 1) / 2, y_max);
    case VALUES_LINEAR_EXACT: /* PS3.3 C.11.2.1.3.2 */
        if (m <= c - w / 2)
            return 0;
        if (m > c + w / 2)
            return y_max;
        return ((m - c) / w + 0.5) * y_max;
    case VALUES_SIGMOID: /* PS3.3 C.11.2.1.3.1 */
        return y_max / (1 + exp(-4 * (m - c) / w));
    }
    return 0;
}

/* The range of the entries is 0 .. 2^bits - 1, unless an entry proves the
 * descriptor wrong: files state fewer bits than they use. */
static double lut_full_scale(const struct values_lut *lut)
{
    uint32_t top = (1U << lut->bits) - 1;

    for (uint32_t i = 0; i < lut->count; i++)
        top = lut->entries[i] > top ? lut->entries[i] : top;
    return top;
}

static double stretch(double m, double low, double high)
{
    if (!(high > low))
        return 0;
    return (m - low) / (high - low);
}

/* REF 1.5 rule 3: a LINEAR window over the frame's extent, one wider than it,
 * with the lower bound of dicom-pixeldata 0.9 so that the minimum is 0. */
static double frame_stretch(double m, double low, double high, double y_max)
{
    double width = high - low + 1;
    double center = (low + high) / 2;

    return linear(m, center, width, center - (width - 1) / 2, y_max);
}

static double display(const struct mapping *mapping, double m)
{
    const struct values_spec *spec = mapping->spec;
    double y_max = spec->y_max;

    switch (spec->voi) {
    case VALUES_VOI_WINDOW:
        return window(spec, m, y_max);
    case VALUES_VOI_LUT:
        return lut_entry(&spec->voi_lut, m) * y_max / mapping->lut_top;
    case VALUES_VOI_MINMAX:
        return stretch(m, spec->minimum, spec->maximum) * y_max;
    case VALUES_VOI_FRAME:
        return frame_stretch(m, spec->minimum, spec->maximum, y_max);
    case VALUES_VOI_NONE:
        break;
    }
    return 0;
}

static double integer(double y, double y_max, bool inverted)
{
    if (!(y > 0)) /* NaN too */
        y = 0;
    y = y < y_max ? trunc(y) : y_max;
    return inverted ? y_max - y : y;
}

static double range(const struct values_spec *spec, double m)
{
    double t;

    if (spec->range_high > spec->range_low)
        t = stretch(m, spec->range_low, spec->range_high);
    else
        t = m > spec->range_low ? 1 : 0;
    if (!(t > 0))
        t = 0;
    t = t < 1 ? t : 1;
    if (spec->y_max > 0)
        return integer(t * spec->y_max, spec->y_max, spec->inverted);
    return spec->inverted ? 1 - t : t;
}

struct mapping mapping_make(const struct values_spec *spec)
{
    struct mapping mapping = {.spec = spec};

    if (spec->output == VALUES_DISPLAY && spec->voi == VALUES_VOI_LUT)
        mapping.lut_top = lut_full_scale(&spec->voi_lut);
    return mapping;
}

double mapping_value(const struct mapping *mapping, double modality)
{
    const struct values_spec *spec = mapping->spec;

    switch (spec->output) {
    case VALUES_DISPLAY:
        return integer(display(mapping, modality), spec->y_max, spec->inverted);
    case VALUES_RANGE:
        return range(spec, modality);
    case VALUES_HU:
    case VALUES_RAW:
        break;
    }
    return modality;
}

double mapping_stored(const struct mapping *mapping, double stored)
{
    const struct values_spec *spec = mapping->spec;
    bool replace = spec->replace_padding && values_is_padding(spec, stored);

    if (spec->output == VALUES_RAW)
        return replace ? spec->padding_value : stored;
    return mapping_value(mapping, replace ? spec->padding_value
                                          : values_modality(spec, stored));
}

double values_map(const struct values_spec *spec, double modality)
{
    struct mapping mapping = mapping_make(spec);

    return mapping_value(&mapping, modality);
}
