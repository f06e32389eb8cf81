// SPDX-License-Identifier: MIT
/*
 * geometry.h: do these slices make one volume, and in which order?
 *
 * Positions are projected on the common normal; InstanceNumber and
 * SliceThickness say nothing about where a slice is (PS3.3 C.7.6.2.1.1).
 * A volume is regular if every gap, and the way that each slice is shifted
 * in its plane against the one before (gantry tilt), stays within 1 % of the
 * median gap. Pure functions; threads: reentrant.
 */
#ifndef MANIFEST_GEOMETRY_H
#define MANIFEST_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct geometry_slice {
    int64_t id;
    uint32_t frames;
    uint32_t rows, cols, samples, bits_alloc;
    int photometric;
    int element; /* integer, float or double samples */
    bool is_signed;
    bool turned; /* stored upside down */
    double px_x, px_y;
    int64_t frame_of_ref;    /* a hash; 0 none */
    double position[3];      /* NaN: unknown */
    double orientation[6];   /* NaN: unknown */
    int64_t instance_number; /* INT64_MIN: unknown */
    /* results */
    uint32_t ord;
    double slice_pos; /* mm along the normal; NaN without geometry */
};

enum geometry_order {
    GEOMETRY_BY_POSITION,
    GEOMETRY_BY_NUMBER, /* of the instances */
    GEOMETRY_AS_STORED
};

enum geometry_kind { /* in the manifest: series.volume_kind */
                     GEOMETRY_REGULAR,
                     GEOMETRY_IRREGULAR, /* one order, but uneven gaps, shifts
                                            or several images at a place */
                     GEOMETRY_UNPLACED,  /* alike, without positions */
                     GEOMETRY_NO_STACK   /* images that differ */
};

struct geometry_volume {
    enum geometry_order order;
    enum geometry_kind kind;
    double z_spacing; /* NaN when unknown */
    bool uniform;
    bool ok;       /* regular */
    char note[96]; /* why not, when !ok */
    int64_t id;    /* the slice that the note is about; 0: none */
};

/* Sorts `slices` (which come by id) into their order and fills the results. */
void geometry_arrange(struct geometry_slice *slices, size_t n,
                      struct geometry_volume *ret);

#endif
