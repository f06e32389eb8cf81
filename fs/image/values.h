// SPDX-License-Identifier: MIT
/*
 * values.h: stored samples -> the values of a view.
 *
 * A struct values_spec is everything that decides the values of one frame,
 * plain data taken from tags, view and statistics by the caller:
 *
 *     stored sample x
 *       -> modality value m   LUT, or slope * x + intercept  (PS3.3 C.11.1)
 *       -> output             display: VOI, scaled to 0..y_max (C.11.2)
 *                             hu: m;  raw: x;  range: [low, high] scaled
 *       -> inverted           MONOCHROME1, display and range only
 *
 * All in f64; integers are made by truncation, as REF 1.5 does.
 * Which windows and tables exist, and which one counts, is not decided here.
 *
 * Colour has no modality value and no window: three channels are copied.
 *
 * Threads: reentrant; a struct values_table is used by one thread at a time.
 */
#ifndef IMAGE_VALUES_H
#define IMAGE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

/* Modality LUT or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1); `entries` borrowed.
 * Inputs below `first` take the first entry, inputs past the end the last. */
struct values_lut {
    const uint16_t *entries;
    uint32_t count; /* 1..65536; 0: there is no table */
    int32_t first;
    uint32_t bits; /* 1..16 */
};

enum values_function { /* VOI LUT Function, PS3.3 C.11.2.1.2 and C.11.2.1.3 */
                       VALUES_LINEAR,
                       VALUES_LINEAR_EXACT,
                       VALUES_SIGMOID
};

enum values_voi {
    VALUES_VOI_NONE,   /* hu, raw, range */
    VALUES_VOI_WINDOW, /* center, width, function */
    VALUES_VOI_LUT,    /* voi_lut */
    VALUES_VOI_MINMAX, /* minimum -> 0, maximum -> y_max; of the volume */
    VALUES_VOI_FRAME   /* REF's stretch of one frame, REF 1.5 rule 3 */
};

enum values_output {
    VALUES_DISPLAY, /* U8 if y_max is 255, U16 if 65535 */
    VALUES_HU,      /* F32 */
    VALUES_RAW,     /* the stored type */
    VALUES_RANGE    /* F32 0..1 if y_max is 0, else as VALUES_DISPLAY */
};

struct values_spec {
    /* modality: the table if it has entries, else slope and intercept */
    double slope;
    double intercept;
    struct values_lut modality_lut;

    enum values_voi voi;
    enum values_function function;
    double center;
    double width;
    struct values_lut voi_lut;
    double minimum; /* modality values, for MINMAX and FRAME */
    double maximum;

    enum values_output output;
    uint32_t y_max; /* 255, 65535, or 0 (only for a range in f32) */
    double range_low;
    double range_high;
    bool inverted;

    /* PixelPaddingValue .. PixelPaddingRangeLimit as stored values, in any
     * order; they are left out of statistics and masks. */
    bool has_padding;
    double padding_first;
    double padding_last;
    /* padval: padding pixels take this modality value (raw: this sample,
     * rounded and clamped) before anything else. */
    bool replace_padding;
    double padding_value;
};

/* Slope 1, intercept 0, everything else off; then set what is known. */
#define VALUES_SPEC_INIT                                                       \
    {                                                                          \
        .slope = 1.0                                                           \
    }

/*
 * Is this a window that PS3.3 C.11.2.1.2 allows: finite, width at least 1 for
 * LINEAR and above 0 for the others? A stored one that is not is skipped.
 */
bool values_window_is_valid(enum values_function function, double center,
                            double width);

/* The type that values_apply makes of stored samples. */
enum sample_type values_type(const struct values_spec *spec, uint32_t channels,
                             enum sample_type stored);

/* The modality value of one stored sample (padding not considered). */
double values_modality(const struct values_spec *spec, double stored);

/* The output for one modality value, integers already truncated; VALUES_RAW
 * gives it back. Looks at every entry of a VOI LUT: not for loops. */
double values_map(const struct values_spec *spec, double modality);

/*
 * Memory of what each stored sample of 8 or 16 bits becomes, filled for the
 * samples that occur. Keep one per thread and pass it with every frame: it
 * is reused while the spec stays the same (tables compared by content) and
 * restarted when it changes. Caller owns it.
 */
struct values_table;
struct values_table *values_table_new(struct error *err);
void values_table_free(struct values_table *table); /* may be NULL */

/*
 * Makes the values of one frame. `ret` has the size and channels of `stored`
 * and the type of values_type. `table` may be NULL: samples are then computed
 * one by one, with the same result. ERROR_INTERNAL if spec or images do not
 * fit together, ERROR_NO_MEMORY.
 */
int values_apply(const struct values_spec *spec, struct values_table *table,
                 const struct image *stored, const struct image *ret,
                 struct error *err) __attribute__((warn_unused_result));

/* Minimum and maximum of the modality values of any number of frames. */
struct values_extent {
    double min;
    double max;
    uint64_t count; /* samples seen; 0: min and max mean nothing */
};

/* Adds a one-channel frame; padding and samples that are not finite are left
 * out. Start from a zeroed struct. */
void values_extent_add(const struct values_spec *spec,
                       const struct image *stored, struct values_extent *acc);

/* The extent of both. */
void values_extent_merge(struct values_extent *acc,
                         const struct values_extent *other);

/* Writes 1 for padding and 0 for others into `ret`, a one-channel U8 image of
 * the same size; true if there was any padding. */
bool values_padding_mask(const struct values_spec *spec,
                         const struct image *stored, const struct image *ret);

#endif
