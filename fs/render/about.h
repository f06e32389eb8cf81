// SPDX-License-Identifier: MIT
/*
 * about.h: what a leaf says about its samples, besides the samples: what they
 * are, their moments, and where they come from in the source. For tools; a
 * mount asks none of it.
 *
 * Threads: as render.h.
 */
#ifndef RENDER_ABOUT_H
#define RENDER_ABOUT_H

#include "render/render.h"

/* ---- version ---- */

/* Numbers that are others if a source of this leaf is another version: of an
 * image its file's, of a series those of all slices. ERROR_STALE. */
int render_version(struct render *r, const struct leaf *leaf, uint64_t ret[4],
                   struct error *err) __attribute__((warn_unused_result));

/* ---- moments ---- */

enum { RENDER_CHANNELS_MAX = 3 };

/* All zero: nothing seen. */
struct render_moments {
    uint64_t count;
    double mean;
    double m2; /* sum of the squared differences from the mean */
    double min;
    double max;
};

void render_moments_merge(struct render_moments *acc,
                          const struct render_moments *more);

/*
 * The moments of every channel of a leaf, over all samples of all pages as
 * they stand in the file, padding included; NaN and infinities are left out.
 * In the unit of the operator norm-mM-sS: display and range are divided by
 * what 1 is (255, 65535 or 1), hu, raw and what is normalised already are as
 * they are. `leaf` is an .npy or an unpacked .tiff, not of half floats.
 */
int render_moments(struct render *r, const struct leaf *leaf,
                   struct render_moments ret[RENDER_CHANNELS_MAX],
                   uint32_t *ret_channels, struct error *err)
    __attribute__((warn_unused_result));

/* ---- samples ---- */

/* What samples a leaf holds and where in it they are: rows from the top,
 * channels interleaved, page after page from `offset`. */
struct render_samples {
    uint32_t width, height, channels, pages;
    enum sample_type type;
    uint64_t offset;     /* 0, as page_bytes: they are packed */
    uint64_t page_bytes; /* of each page */
};

/* Measures what must be. ERROR_UNSUPPORTED of a .json. */
int render_samples(struct render *r, const struct leaf *leaf,
                   struct render_samples *ret, struct error *err)
    __attribute__((warn_unused_result));

/* ---- places ---- */

/*
 * How a pixel of a stored frame becomes a pixel of a page:
 *
 *     turn by 180 degrees (DBT), mirror, quarter turns | turn about the middle
 *     | minus the region's corner | times the scale | minus the cut
 *     | plus padding | minus the canvas' cut, plus its padding | minus the
 *     patch's corner
 */
struct render_mapping {
    uint32_t stored_width, stored_height;
    bool flip_h, flip_v;
    unsigned turns; /* quarter turns clockwise */
    double angle;   /* further degrees clockwise about the middle; mostly 0 */
    uint32_t oriented_width, oriented_height;
    uint32_t region_x, region_y, region_width, region_height;
    double scale_x, scale_y; /* exactly: new size by old size */
    float tag_x, tag_y;      /* as the DefaultScale tag has them */
    double shift_x, shift_y; /* all that is added after the scale */
    uint32_t width, height;  /* of the page */
};

/* Measures what must be. ERROR_UNSUPPORTED for views whose pages are not made
 * of one stored frame's plane (plane-cor, plane-sag). */
int render_mapping(struct render *r, const struct leaf *leaf,
                   struct render_mapping *ret, struct error *err)
    __attribute__((warn_unused_result));

#endif
