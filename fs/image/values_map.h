// SPDX-License-Identifier: MIT
/* values_map.h: the definition of values, for loops; internal to fs/image. */
#ifndef IMAGE_VALUES_MAP_H
#define IMAGE_VALUES_MAP_H

#include <stdbool.h>

#include "image/values.h"

/* A spec with what is worth computing once. */
struct mapping {
    const struct values_spec *spec; /* borrowed */
    double lut_top;                 /* full scale of the VOI LUT */
};

struct mapping mapping_make(const struct values_spec *spec);

/* Modality value -> output. */
double mapping_value(const struct mapping *mapping, double modality);

/* Stored sample -> output, padding replaced if asked for. */
double mapping_stored(const struct mapping *mapping, double stored);

static inline bool values_is_padding(const struct values_spec *spec,
                                     double stored)
{
    double a = spec->padding_first;
    double b = spec->padding_last;

    return spec->has_padding && stored >= (a < b ? a : b) &&
           stored <= (a < b ? b : a);
}

#endif
