// SPDX-License-Identifier: MIT
/* view_forms_geometry.c: region, resize, padding, patches. */
#include "view/view_forms.h"

#define RESAMPLE_RULE                                                          \
    "Vertical pass first, then horizontal, f32 in between, then clamp to the " \
    "type and round half away from zero. Per axis, n samples in, m out, all "  \
    "in f32: ratio = n/m, s = max(ratio, 1), R = support*s, c = "              \
    "(o+0.5)*ratio; "                                                          \
    "the samples clamp(floor(c-R), 0, n-1) up to, not including, "             \
    "clamp(ceil(c+R), left+1, n) are weighted with kernel((i-(c-0.5))/s), "    \
    "each weight divided by their sum. 32-bit integers and f64 are summed in " \
    "f64."

#define FILTER(text, what, default_form, about, how, shared)                   \
    {                                                                          \
        .name = "filter", .word = text, .slot = SLOT_FILTER,                   \
        ENUM(filter, what), .built = BUILT_YES, .is_default = default_form,    \
        .label = "filter-" text, .needs = "size-64x64 spacing-1x1",            \
        .example = "filter-" text, .doc = about, .formula = how,               \
        .rule = shared                                                         \
    }

#define PAD(text, what, default_form, about, how)                              \
    {                                                                          \
        .name = "pad", .word = text, .slot = SLOT_PAD, ENUM(pad, what),        \
        .built = BUILT_YES, .is_default = default_form, .label = "pad-" text,  \
        .needs = "size-64x64", .example = "pad-" text, .doc = about,           \
        .formula = how                                                         \
    }

#define FILL(text, what, about, how)                                           \
    {                                                                          \
        .name = "fill", .word = text, .slot = SLOT_FILL, ENUM(fill, what),     \
        .built = BUILT_YES, .label = "fill-" text, .needs = FILL_NEEDS,        \
        .example = "fill-" text, .doc = about, .formula = how                  \
    }
#define FILL_NEEDS                                                             \
    "size-64x64 canvas-64x64 rand-8x8-n1-seed1 roi-nodules-8x8 rot-45"

static const struct view_form rows[] = {
    {.name = "crop",
     .slot = SLOT_REGION,
     ENUM(region, VIEW_REGION_CROP),
     .args = {WORD_BOOL("max", crop_max, "saturated pixels are background too"),
              WORD_BOOL("nocomp", crop_nocomp,
                        "no search for the largest component"),
              {.kind = ARG_NUM,
               .key = "b",
               .meta = "F",
               .offset = AT(crop_border),
               .hi = 0.5,
               .doc = "part of each side where the search does not look, "
                      "grown back afterwards"}},
     .built = BUILT_YES,
     .label = "crop",
     .needs = "",
     .example = "crop-max",
     .doc = "the box around the image content, measured",
     .formula =
         "On display samples, also for hu, raw and range. Box of the pixels "
         "that are not 0 (nor y_max with max); in it, at most 512 pixels wide "
         "and high by nearest, the largest 4-connected component of 8-bit "
         "luma > 1, ties to the last. The boxes of all frames united; blank "
         "frames take no part; all blank: the whole frame. With bF the search "
         "leaves out trunc(side*F) and the box grows by as much."},
    {.name = "box",
     .slot = SLOT_REGION,
     ENUM(region, VIEW_REGION_BOX),
     .args = {{.kind = ARG_BOX,
               .meta = "WxH[xD]atXxY[xZ]",
               .required = true,
               .offset = AT(region_size),
               PIXELS,
               .doc = "width x height [x frames] at left x top [x first "
                      "frame], 0-based"}},
     .built = BUILT_YES,
     .label = "box",
     .needs = "",
     .example = "box-512x384at100x50",
     .doc = "this region",
     .formula = "The part that lies within the image; none does: an error."},
    {.name = "mid",
     .slot = SLOT_REGION,
     ENUM(region, VIEW_REGION_MID),
     .args = {DIMS(region_size, "width x height [x frames]")},
     .built = BUILT_YES,
     .label = "mid",
     .needs = "",
     .example = "mid-256x256",
     .doc = "the central region",
     .formula = "Left = (width - W)/2, top = (height - H)/2, rounded down; a "
                "side that is shorter stays whole."},
    {.name = "size",
     .slot = SLOT_RESIZE,
     ENUM(resize, VIEW_RESIZE_SIZE),
     .args = {{.kind = ARG_SQUARE,
               .meta = "WxH[xD]|N",
               .required = true,
               .offset = AT(size),
               PIXELS,
               .doc = "width x height [x frames]; N is NxN"},
              WORD_ENUM("fit", size_mode, VIEW_SIZE_FIT,
                        "keeps the aspect, then pads; the default"),
              WORD_ENUM("cover", size_mode, VIEW_SIZE_COVER,
                        "keeps the aspect, fills the size, centred cut"),
              WORD_ENUM("stretch", size_mode, VIEW_SIZE_STRETCH,
                        "each axis on its own")},
     .built = BUILT_YES,
     .label = "size",
     .needs = "",
     .example = "size-384x512",
     .doc = "resized to these pixels",
     .formula = "fit: s = min(W/w, H/h) in f32, image round(w*s) x "
                "round(h*s), each at least 1, then padded to WxH. cover: "
                "the larger s, then the centred WxH. stretch: both "
                "quotients. Enlarges too, unless noup. D is an axis of its "
                "own: vol-interp-D, unless there are D frames already, only "
                "one, or, with noup, fewer."},
    {.name = "spacing",
     .slot = SLOT_RESIZE,
     ENUM(resize, VIEW_RESIZE_SPACING),
     .args = {{.kind = ARG_SPACING,
               .meta = "XxY[xZ]",
               .required = true,
               .offset = AT(spacing_x),
               .lo = 1e-12,
               .hi = 1e6,
               .doc = "millimetres per pixel"}},
     .built = BUILT_YES,
     .label = "spacing",
     .needs = "",
     .example = "spacing-0.5x0.5",
     .doc = "resized to this pixel spacing",
     .formula = "s = (1/X)/ppmm per axis in f32, t = round(w*s), image "
                "round(w*(t/w)); no padding. Z: vol-interp-T with T = "
                "round((n-1)*dz/Z)+1, unless that is n or less than 2, dz "
                "being the distance of the frames after vol and slab: it is "
                "in the source, so the size is measured once. A "
                "source without spacing: EOPNOTSUPP."},
    {.name = "noup",
     .slot = SLOT_NOUP,
     BOOL(noup),
     .built = BUILT_YES,
     .label = "noup",
     .needs = "size-64x64 spacing-1x1",
     .example = "noup",
     .doc = "never enlarges",
     .formula = "Scales are at most 1; fit still pads to its size, cover and "
                "stretch may stay smaller."},
    FILTER("triangle", VIEW_FILTER_TRIANGLE, true,
           "linear interpolation, area-aware",
           "kernel(x) = 1-|x| for |x| < 1, support 1.", RESAMPLE_RULE),
    FILTER("nearest", VIEW_FILTER_NEAREST, false, "nearest sample",
           "Sample floor((o+0.5)*n/m).", NULL),
    FILTER("catmullrom", VIEW_FILTER_CATMULLROM, false, "Catmull-Rom cubic",
           "kernel(x) = (9|x|^3 - 15|x|^2 + 6)/6 for |x| < 1, "
           "(-3|x|^3 + 15|x|^2 - 24|x| + 12)/6 for |x| < 2, support 2.",
           RESAMPLE_RULE),
    FILTER("gaussian", VIEW_FILTER_GAUSSIAN, false, "Gaussian",
           "kernel(x) = exp(-x^2/(2*r^2))/(sqrt(2*pi)*r), r = 0.5, "
           "support 3.",
           RESAMPLE_RULE),
    FILTER("lanczos3", VIEW_FILTER_LANCZOS3, false, "Lanczos",
           "kernel(x) = sinc(x)*sinc(x/3) for |x| < 3, sinc(t) = "
           "sin(pi*t)/(pi*t), support 3.",
           RESAMPLE_RULE),
    FILTER("maxpool", VIEW_FILTER_MAXPOOL, false, "largest sample",
           "The maximum of columns [o*n/m, (o+1)*n/m) and of rows likewise, "
           "integer division; an empty range is its first sample. On the "
           "samples themselves, not on 8 bits.",
           NULL),
    PAD("zero", VIEW_PAD_ZERO, true, "padded where the image is black",
        "Left unless the first column has fewer zeros than the last; top "
        "unless the first row has fewer than the last; zero is an 8-bit luma "
        "of 0."),
    PAD("topleft", VIEW_PAD_TOPLEFT, false, "padded on the left and the top",
        ""),
    PAD("bottomright", VIEW_PAD_BOTTOMRIGHT, false,
        "padded on the right and the bottom", ""),
    PAD("center", VIEW_PAD_CENTER, false, "padded on all sides",
        "Left and top get half, rounded down."),
    {.name = "nopad",
     .slot = SLOT_PAD,
     ENUM(pad, VIEW_PAD_NONE),
     .built = BUILT_YES,
     .label = "nopad",
     .needs = "size-64x64",
     .example = "nopad",
     .doc = "not padded: the file has the image's size",
     .formula = ""},
    {.name = "fill",
     .slot = SLOT_FILL,
     .args = {{.kind = ARG_NUM,
               .meta = "N",
               .required = true,
               .offset = AT(fill_number),
               NUMBERS,
               .doc = "in the unit of the samples before the type is chosen"}},
     .built = BUILT_YES,
     .label = "fill-N",
     .needs = FILL_NEEDS,
     .example = "fill-128",
     .doc = "outside the image there is this value",
     .formula = "Default 0. Display: 0 to y_max; hu, raw: their own values; "
                "clamped to the type."},
    FILL("min", VIEW_FILL_MIN, "outside there is the volume's minimum",
         "Of the values of the frames that take part, before rotation and "
         "resize, PixelPaddingValue excluded; norm maps it with them."),
    FILL("max", VIEW_FILL_MAX, "outside there is the volume's maximum",
         "Likewise."),
    FILL("edge", VIEW_FILL_EDGE, "outside the nearest pixel is repeated", ""),
    FILL("reflect", VIEW_FILL_REFLECT,
         "outside the image is mirrored, its edge not repeated", ""),
    {.name = "canvas",
     .slot = SLOT_CANVAS,
     .args = {DIMS(canvas, "width x height [x frames]")},
     .built = BUILT_YES,
     .label = "canvas",
     .needs = "",
     .example = "canvas-512x512",
     .doc = "cut or padded, centred, to exactly this after resizing",
     .formula = "Per axis: left over (n-W)/2 rounded down is cut, or "
                "(W-n)/2 rounded down is filled, on the left, top and "
                "front. Without D every frame stays."},
    {.name = "grid",
     .slot = SLOT_PATCHES,
     ENUM(patches, VIEW_PATCHES_GRID),
     .args = {DIMS(patch_size, "tile"),
              {.kind = ARG_DIMS,
               .key = "s",
               .meta = "AxB[xC]",
               .offset = AT(patch_stride),
               PIXELS,
               .doc = "from one tile to the next; default one tile"}},
     .built = BUILT_YES,
     .label = "grid",
     .needs = "",
     .example = "grid-64x64-s32x32",
     .doc = "tiles, STEM.p00001.EXT",
     .formula = "Tiles by x, then y, then z, the first at the left upper "
                "corner of the first frame; partial tiles are dropped. "
                "Without D a tile takes every frame."},
    {.name = "rand",
     .slot = SLOT_PATCHES,
     ENUM(patches, VIEW_PATCHES_RAND),
     .args = {DIMS(patch_size, "patch"),
              {.kind = ARG_INT,
               .key = "n",
               .meta = "N",
               .required = true,
               .offset = AT(rand_count),
               .lo = 1,
               .hi = VIEW_PARTS_MAX,
               .doc = "patches per object"},
              {.kind = ARG_SEED,
               .key = "seed",
               .meta = "S",
               .required = true,
               .offset = AT(rand_seed),
               .doc = "any whole number"}},
     .built = BUILT_YES,
     .label = "rand",
     .needs = "",
     .example = "rand-64x64-n20-seed7",
     .doc = "random patches, STEM.p00001.EXT",
     .formula = "Origin floor(u*(side - patch + 1)) per axis, x, y and z in "
                "turn, u = (next >> 11)/2^53 of SplitMix64, which starts at "
                "XXH64 of 16 bytes, S and the patch's number n (from 1), "
                "little endian, seeded with XXH64 of the uid (STEM without "
                ".dN): the same for ever. A side too short is centred and "
                "filled. Without D a patch takes every frame."},
    {.name = "roi",
     .slot = SLOT_PATCHES,
     ENUM(patches, VIEW_PATCHES_ROI),
     .args = {{.kind = ARG_NAME,
               .meta = "NAME",
               .required = true,
               .offset = AT(roi_name),
               .doc = "the roi table's name"},
              DIMS(patch_size, "patch")},
     .built = BUILT_YES,
     .label = "roi",
     .needs = "",
     .example = "roi-nodules-64x64x32",
     .doc = "patches round the findings in the manifest's roi table",
     .formula = "Patch p belongs to the p-th row of the series in table NAME "
                "(prepfs-manifest(5)). Origin ceil(c - side/2) per axis, c the "
                "finding's x, y, z in voxels of the file that there is without "
                "this operator, where whole numbers are the middles of "
                "voxels; outside there is the fill. Without D a patch takes "
                "every frame. A finding whose place is not known: EOPNOTSUPP."},
};

const struct view_group view_group_geometry = VIEW_GROUP(rows, SLOT_PATCHES);
