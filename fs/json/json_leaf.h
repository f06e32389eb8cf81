// SPDX-License-Identifier: MIT
/*
 * json_leaf.h: the .json leaf: what a view did to a source, in numbers.
 *
 * A leaf of pixels says where it came from only as far as its format allows;
 * the .json beside it says all of it: operators in words, crop box, scale,
 * padding, spacing before and after, which stored frame a page shows, which
 * window made the values, shape and dtype, what was repaired in the source,
 * and the attributes of json_tags.h in the DICOM JSON model (PS3.18 F.2). It
 * also exists where there are no pixels to be had, and says why.
 *
 * The document has no path, no date and nothing of the patient. Whose leaf it
 * is is said with the names that the mount itself uses for its folders and
 * leaves; not with an id of manifest.db, which is another one in the next
 * index of the same archive. Members are always there and always in this order;
 * what is not known or was not done is null.
 *
 *     prepfs      format (JSON_LEAF_FORMAT), engine
 *     view        canonical text
 *     operators   [{operator, does}], in the order of the pipeline
 *     leaf        object, study, series, name, part, number, version
 *     source      sop_class, transfer_syntax, shape, dtype, overlays,
 *                 spacing, spacing_from
 *     problem     why there are no pixels
 *     output      shape and axes as NumPy has them, dtype, values, unit, range,
 *                 size_class ("S": sizes follow from header data, "I": from
 *                 pixels), bytes by extension
 *     window      kind, number, center, width, function, minimum, maximum,
 *                 per_frame
 *     geometry    in pixels, x y z: oriented, turned, crop, scale, resized,
 *                 cut, pad, canvas, patch; in mm: spacing; affine_ras
 *     frames      page -> stored frame, counted from 1 as DICOM does and as
 *                 .f00001: first, last (of a projection), instance
 *     warnings    [text]
 *     dicom       {"00280010": {"vr": "US", "Value": [512]}, ...}
 *
 * Threads: reentrant. All pointers are borrowed for the call.
 */
#ifndef JSON_JSON_LEAF_H
#define JSON_JSON_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"
#include "prepfs/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a member changes its meaning or goes away. */
#define JSON_LEAF_FORMAT 2

/* Grows with every change of the text: lengths are remembered. */
#define JSON_LEAF_REVISION 4

struct json_leaf_operator {
    const char *text; /* "crop-max" */
    const char *does; /* "crops to ..." */
};

struct json_leaf_size {
    const char *extension; /* "tiff" */
    uint64_t bytes;        /* 0: not known yet */
};

/* Where the values of `display` come from. Numbers that are NaN are null. */
struct json_leaf_window {
    const char *kind;     /* "window", "voi-lut", "minmax", ... */
    uint32_t number;      /* of a stored window, from 1; 0: none */
    double center, width; /* window */
    const char *function; /* "LINEAR", ... */
    double minimum;       /* of the values that are mapped */
    double maximum;
    bool per_frame; /* this is the first page's; others have their own */
};

/* What a page shows: frames first..last (from 0) of an instance. */
struct json_leaf_page {
    uint32_t instance; /* index into `instances` */
    uint32_t first;
    uint32_t last;
};

/* One value of an attribute, as struct dicom_attr has it: as text, and as a
 * number if it is one (else NaN). */
struct json_leaf_value {
    const char *text; /* NULL: only a number */
    double number;
};

/*
 * Tags that are not in json_tags.h are left out, whoever asks. `vr` "" takes
 * the one of the list; "SS" is understood where PS3.6 says "US or SS". A value
 * that is not one of its VR (no number where a number is due, a text that is
 * longer than PS3.5 6.2 allows) is null.
 */
struct json_leaf_attribute {
    uint32_t tag; /* group << 16 | element */
    char vr[3];
    uint32_t n_values;
    const struct json_leaf_value *values;
};

enum json_leaf_axes {
    JSON_LEAF_IMAGE, /* no axis of pages if there is one page */
    JSON_LEAF_VOLUME
};

/* Zero-initialise, then fill. NULL texts, zero counts, spacings that are not
 * positive and NaN are "not known". */
struct json_leaf {
    const char *engine;
    const char *view;
    const struct json_leaf_operator *operators;
    size_t n_operators;

    const char *object; /* "instance" or "series" */
    const char *study;  /* names in the mount, not paths */
    const char *series;
    const char *name;
    const char *part;    /* "frame" or "patch" */
    uint32_t number;     /* of the part, from 1 */
    const char *version; /* digest of source version, view and engine */

    const char *sop_class;
    const char *transfer_syntax;
    uint32_t stored[3]; /* columns, rows, frames; 0, 0, 0: no pixels */
    uint32_t stored_channels;
    enum sample_type stored_type;
    uint32_t overlays;
    double stored_spacing[3]; /* mm, x y z */
    const char *spacing_from; /* "PixelSpacing", ... */

    /* Why there are no pixels. Texts of errors may hold a path of the archive:
     * this is for what a plan says, not for what open() said. */
    const char *problem;

    bool has_output; /* all of the following, down to the pages */
    uint32_t pages, width, height, channels;
    enum json_leaf_axes axes;
    enum sample_type type;
    const char *values; /* "display", "hu", "raw", "range" */
    const char *unit;   /* "HU", ... */
    double low, high;   /* that the values can take */
    bool size_is_known; /* class S */
    const struct json_leaf_size *sizes;
    size_t n_sizes;

    const struct json_leaf_window *window;

    unsigned n_axes;      /* 2 (x, y) or 3 of the numbers below */
    uint32_t oriented[3]; /* size after orientation */
    bool turned;          /* stored upside down (DBT) and turned */
    bool has_crop;
    uint32_t crop_corner[3], crop_size[3];
    bool has_scale;
    double scale[3];
    uint32_t resized[3];
    bool has_cut; /* part that is kept of the resized */
    uint32_t cut_corner[3], cut_size[3];
    bool has_pad;
    uint32_t pad_before[3], pad_after[3];
    /* Always three axes; corners may lie outside of what they are cut from:
     * the canvas from what has been padded, the patch from the canvas. */
    bool has_canvas;
    int64_t canvas_corner[3];
    uint32_t canvas_size[3];
    bool has_patch;
    int64_t patch_corner[3];
    uint32_t patch_size[3];
    double spacing[3]; /* of the leaf */
    bool has_affine;   /* nii/affine.h: (column, row, page) to RAS+ mm */
    double affine[3][4];

    const struct json_leaf_page *page_map; /* one for each page */
    size_t n_pages;
    const char *const *instances; /* of a series: names; may be NULL */
    size_t n_instances;

    const char *const *warnings;
    size_t n_warnings;
    const struct json_leaf_attribute *attributes; /* in any order */
    size_t n_attributes;
};

/* Writes the document. Caller owns *ret_text (free), which ends with a line
 * feed and a NUL that is not counted. ERROR_NO_MEMORY. */
int json_leaf_write(const struct json_leaf *leaf, char **ret_text,
                    size_t *ret_length, struct error *err)
    __attribute__((warn_unused_result));

#ifdef __cplusplus
}
#endif

#endif
