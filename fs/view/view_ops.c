// SPDX-License-Identifier: MIT
/*
 * view_ops.c: every operator of the grammar, once.
 *
 * To add an operator, add its field to struct view and its row here; to say
 * that one acts now, change its `built` column. The formulas are what
 * `.prepfs/explain` prints and what prepfs-view(7) says.
 */
#include "view/view_ops.h"

#include <stddef.h>

#define AT(field) offsetof(struct view, field)
#define ENUM(field, what)                                                      \
    .store = STORE_ENUM, .offset = AT(field), .value = what
#define BOOL(field) .store = STORE_BOOL, .offset = AT(field), .value = 1

/* Arguments that are words: they set an enum or a bool. */
#define WORD_ENUM(text, field, what, about)                                    \
    {                                                                          \
        .kind = ARG_WORD, .key = text, ENUM(field, what), .doc = about         \
    }
#define WORD_BOOL(text, field, about)                                          \
    {                                                                          \
        .kind = ARG_WORD, .key = text, BOOL(field), .doc = about               \
    }

#define PIXELS .lo = 1, .hi = VIEW_PIXELS_MAX
#define NUMBERS .lo = -1e15, .hi = 1e15

#define DIMS(field, about)                                                     \
    {                                                                          \
        .kind = ARG_DIMS, .meta = "WxH[xD]", .required = true,                 \
        .offset = AT(field), PIXELS, .doc = about                              \
    }

#define SKIP(both)                                                             \
    {                                                                          \
        .kind = ARG_SKIP, .key = "skip", .meta = "N|AtoB",                     \
        .offset = AT(vol_skip_first), .hi = VIEW_PARTS_MAX, .def = both,       \
        .doc = "frames left out at the start and at the end"                   \
    }

/* What several forms share. */
#define SLAB_RULE                                                              \
    "Output k is made of the slices k*s .. k*s+d-1, sample by sample; a "      \
    "slab that would end behind the last slice is dropped. Means are "         \
    "rounded half away from zero; the median of an even number is the mean "   \
    "of the middle two. A single frame is left alone; other stacks of fewer "  \
    "than d slices have no slab."
#define NORM_RULE                                                              \
    "Statistics are those of the whole resized volume, before padding and "    \
    "patches, PixelPaddingValue excluded, in f64; a constant gives 0. "        \
    "Colour has one mean for all channels. Background, which -fg leaves "      \
    "out, is where the display sample is 0. What is left out is mapped all "   \
    "the same, and nothing is clipped."
#define RESAMPLE_RULE                                                          \
    "Vertical pass first, then horizontal, f32 in between, then clamp to the " \
    "type and round half away from zero. Per axis, n samples in, m out, all "  \
    "in f32: ratio = n/m, s = max(ratio, 1), R = support*s, c = "              \
    "(o+0.5)*ratio; "                                                          \
    "the samples clamp(floor(c-R), 0, n-1) up to, not including, "             \
    "clamp(ceil(c+R), left+1, n) are weighted with kernel((i-(c-0.5))/s), "    \
    "each "                                                                    \
    "weight divided by their sum."

#define SLAB(text, what, about)                                                \
    {                                                                          \
        .name = "slab", .word = text, .slot = SLOT_SLAB, ENUM(slab, what),     \
        .args = {{.kind = ARG_INT,                                             \
                  .key = "d",                                                  \
                  .meta = "N",                                                 \
                  .required = true,                                            \
                  .offset = AT(slab_depth),                                    \
                  .lo = 1,                                                     \
                  .hi = VIEW_PARTS_MAX,                                        \
                  .doc = "slices in a slab"},                                  \
                 {.kind = ARG_INT,                                             \
                  .key = "s",                                                  \
                  .meta = "N",                                                 \
                  .offset = AT(slab_stride),                                   \
                  .lo = 1,                                                     \
                  .hi = VIEW_PARTS_MAX,                                        \
                  .def = 1,                                                    \
                  .doc = "slices from one slab to the next"}},                 \
        .built = BUILT_YES, .label = "slab-" text, .needs = "",                \
        .example = "slab-" text "-d8-s4", .doc = about, .formula = "",         \
        .rule = SLAB_RULE                                                      \
    }

#define NORM(text, what, about, how)                                           \
    {                                                                          \
        .name = "norm", .word = text, .slot = SLOT_NORM, ENUM(norm, what),     \
        .args = {WORD_BOOL("frame", norm_frame,                                \
                           "statistics of each frame, not of the volume"),     \
                 WORD_BOOL("fg", norm_fg,                                      \
                           "statistics without the background")},              \
        .built = BUILT_YES, .label = "norm-" text, .needs = "",                \
        .example = "norm-" text, .doc = about, .formula = how,                 \
        .rule = NORM_RULE                                                      \
    }

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

#define DTYPE(text, what, is_built, need, about, how)                          \
    {                                                                          \
        .name = text, .slot = SLOT_DTYPE, ENUM(dtype, what),                   \
        .built = is_built, .label = text, .needs = need, .example = text,      \
        .doc = about, .formula = how                                           \
    }

#define PACK(text, what, is_built, default_form, about)                        \
    {                                                                          \
        .name = "pack", .word = text, .slot = SLOT_PACK, ENUM(pack, what),     \
        .built = is_built, .is_default = default_form, .label = "pack-" text,  \
        .needs = "", .example = "pack-" text, .doc = about, .formula = ""      \
    }

#define LIST(text, what, is_built, default_form)                               \
    {                                                                          \
        .name = "list", .word = text, .slot = SLOT_LIST, ENUM(list, what),     \
        .built = is_built, .is_default = default_form, .label = "list-" text,  \
        .needs = "", .example = "list-" text,                                  \
        .doc = "folders list ." text " files (every format can be opened)",    \
        .formula = ""                                                          \
    }

const struct view_form view_forms[] = {
    /* ---- select ---- */
    {.name = "series",
     .slot = SLOT_SELECT,
     ENUM(select, VIEW_SELECT_SERIES),
     .built = BUILT_NO,
     .label = "series",
     .needs = "",
     .example = "series",
     .doc = "one file per series: its slices stacked by geometry",
     .formula =
         "Slices ascend along the normal of their plane; the spacing is the "
         "median difference of their positions, never SliceThickness. A gap "
         "or an in-plane drift beyond 1 % of it is an error unless mounted "
         "with gaps=allow."},
    {.name = "frames",
     .slot = SLOT_SELECT,
     ENUM(select, VIEW_SELECT_FRAMES),
     .built = BUILT_NO,
     .label = "frames",
     .needs = "",
     .example = "frames",
     .doc = "one file per frame, STEM.f00001.EXT",
     .formula = "The samples are those of the page that the frame has without "
                "this operator."},
    {.name = "pick",
     .slot = SLOT_PICK,
     .args = {{.kind = ARG_PICK,
               .meta = "A|AtoB[byC]",
               .required = true,
               .offset = AT(pick_first),
               .lo = 1,
               .hi = VIEW_PARTS_MAX,
               .doc =
                   "first to last frame, 1-based and inclusive, every C-th"}},
     .built = BUILT_YES,
     .label = "pick",
     .needs = "",
     .example = "pick-10to50by2",
     .doc = "only these frames, after ordering",
     .formula = "Frames A, A+C, A+2C, ... up to B; those that an object does "
                "not have are left out, and an object without any is not "
                "shown."},
    {.name = "order",
     .word = "geom",
     .slot = SLOT_ORDER,
     ENUM(order, VIEW_ORDER_GEOM),
     .built = BUILT_YES,
     .is_default = true,
     .label = "order-geom",
     .needs = "",
     .example = "order-geom",
     .doc = "frames by dimension index, stack position, geometry",
     .formula =
         "The first that every frame has: DimensionIndexValues, "
         "InStackPositionNumber, position along the normal (never for sampled "
         "projections), the vector that FrameIncrementPointer names, "
         "SliceLocation; else stored order. Monotonic sequences keep their "
         "direction."},
    {.name = "order",
     .word = "inst",
     .slot = SLOT_ORDER,
     ENUM(order, VIEW_ORDER_INST),
     .built = BUILT_YES,
     .label = "order-inst",
     .needs = "",
     .example = "order-inst",
     .doc = "slices of a series by InstanceNumber",
     .formula = "Frames of one object keep their stored order."},
    {.name = "order",
     .word = "stored",
     .slot = SLOT_ORDER,
     ENUM(order, VIEW_ORDER_STORED),
     .built = BUILT_YES,
     .label = "order-stored",
     .needs = "",
     .example = "order-stored",
     .doc = "frames as they are stored",
     .formula = ""},

    /* ---- values ---- */
    {.name = "hu",
     .slot = SLOT_VALUES,
     ENUM(values, VIEW_VALUES_HU),
     .built = BUILT_YES,
     .label = "hu",
     .needs = "",
     .example = "hu",
     .doc = "modality values (Hounsfield units in CT), f32",
     .formula = "Modality LUT Sequence, else RescaleSlope*x + RescaleIntercept "
                "in f64, per frame where the functional groups say so; never "
                "inverted. Redundant before window and range, which map "
                "modality values anyway, and dropped there."},
    {.name = "raw",
     .slot = SLOT_VALUES,
     ENUM(values, VIEW_VALUES_RAW),
     .built = BUILT_YES,
     .label = "raw",
     .needs = "",
     .example = "raw",
     .doc = "stored values in their own type",
     .formula = "Shifted by HighBit, masked to BitsStored, sign-extended as "
                "PixelRepresentation says; never inverted. With a window "
                "(but window-n1) display samples, the window being one of "
                "stored values: RescaleSlope and the Modality LUT are left "
                "out."},
    {.name = "window",
     .slot = SLOT_MAPPING,
     ENUM(window, VIEW_WINDOW_EXPLICIT),
     .args = {{.kind = ARG_NUM,
               .key = "c",
               .meta = "C",
               .required = true,
               .offset = AT(window_center),
               NUMBERS,
               .doc = "centre, a modality value; with raw a stored value"},
              {.kind = ARG_NUM,
               .key = "w",
               .meta = "W",
               .required = true,
               .offset = AT(window_width),
               .lo = 1e-12,
               .hi = 1e15,
               .doc = "width, at least 1 for LINEAR, above 0 for the others"},
              WORD_ENUM("linear", window_function, VIEW_FUNCTION_LINEAR,
                        "LINEAR, the default"),
              WORD_ENUM("exact", window_function, VIEW_FUNCTION_EXACT,
                        "LINEAR_EXACT"),
              WORD_ENUM("sigmoid", window_function, VIEW_FUNCTION_SIGMOID,
                        "SIGMOID")},
     .built = BUILT_YES,
     .label = "window-c-w",
     .needs = "",
     .example = "window-c-600-w1500",
     .doc = "display values through this window",
     .formula =
         "m = modality value (stored value with raw), y_max = 255 if "
         "BitsAllocated <= 8 else 65535. "
         "LINEAR (PS3.3 C.11.2.1.2): 0 if m <= c-0.5-(w-1)/2, y_max if "
         "m > c-0.5+(w-1)/2, else ((m-(c-0.5))/(w-1)+0.5)*y_max. "
         "LINEAR_EXACT: 0 if m <= c-w/2, y_max if m > c+w/2, else "
         "((m-c)/w+0.5)*y_max. SIGMOID: y_max/(1+exp(-4*(m-c)/w)). In f64, "
         "truncated to an integer; then MONOCHROME1 is inverted."},
    {.name = "window",
     .slot = SLOT_MAPPING,
     ENUM(window, VIEW_WINDOW_NTH),
     .args = {{.kind = ARG_INT,
               .key = "n",
               .meta = "K",
               .required = true,
               .offset = AT(window_n),
               .lo = 1,
               .hi = 999,
               .doc = "which of the stored windows, 1-based"}},
     .built = BUILT_YES,
     .label = "window-n",
     .needs = "",
     .example = "window-n2",
     .doc = "display values through the K-th stored window",
     .formula = "As window-c-w, with the K-th WindowCenter, WindowWidth and "
                "the VOILUTFunction of the source. window-n1 is the default: "
                "the VOI LUT Sequence if there is one, else window 1, else "
                "minimum to maximum of the volume."},
    {.name = "window",
     .word = "off",
     .slot = SLOT_MAPPING,
     ENUM(window, VIEW_WINDOW_OFF),
     .built = BUILT_YES,
     .label = "window-off",
     .needs = "",
     .example = "window-off",
     .doc = "display values from the volume's minimum to its maximum",
     .formula = "trunc((m-mn)/(mx-mn)*y_max), 0 where mx = mn; mn and mx over "
                "all frames, PixelPaddingValue excluded."},
    {.name = "window",
     .word = "frame",
     .slot = SLOT_MAPPING,
     ENUM(window, VIEW_WINDOW_FRAME),
     .built = BUILT_YES,
     .label = "window-frame",
     .needs = "",
     .example = "window-frame",
     .doc = "display values from each frame's minimum to its maximum",
     .formula = "As dicom-preprocess does without a window: 0 if m <= mn, "
                "y_max if m > mx-0.5, else trunc((m-mn+0.5)/(mx-mn)*y_max), 0 "
                "where mx = mn; mn and mx of each frame, PixelPaddingValue "
                "excluded."},
    {.name = "range",
     .slot = SLOT_MAPPING,
     ENUM(values, VIEW_VALUES_RANGE),
     .args = {{.kind = ARG_RANGE,
               .meta = "AtoB",
               .required = true,
               .offset = AT(range_lo),
               NUMBERS,
               .doc = "modality values, A < B"}},
     .built = BUILT_YES,
     .label = "range",
     .needs = "",
     .example = "range--1000to400",
     .doc = "modality values clipped to [A,B], mapped to [0,1]",
     .formula = "(min(max(m, A), B) - A)/(B - A), f32; times y_max with an "
                "integer type, rounded. Not inverted unless `invert` says so."},
    {.name = "invert",
     .slot = SLOT_INVERT,
     ENUM(invert, VIEW_INVERT_ON),
     .built = BUILT_YES,
     .label = "invert",
     .needs = "",
     .example = "invert",
     .doc = "inverted, whatever PhotometricInterpretation says",
     .formula = "y_max - v, after the window or range."},
    {.name = "noinvert",
     .slot = SLOT_INVERT,
     ENUM(invert, VIEW_INVERT_OFF),
     .built = BUILT_YES,
     .label = "noinvert",
     .needs = "",
     .example = "noinvert",
     .doc = "MONOCHROME1 stays as it is",
     .formula = "The default of hu, raw and range, and dropped there."},
    {.name = "padval",
     .word = "keep",
     .slot = SLOT_PADVAL,
     ENUM(padval, VIEW_PADVAL_KEEP),
     .built = BUILT_YES,
     .is_default = true,
     .label = "padval-keep",
     .needs = "",
     .example = "padval-keep",
     .doc = "PixelPaddingValue pixels are mapped like any other",
     .formula = ""},
    {.name = "padval",
     .word = "min",
     .slot = SLOT_PADVAL,
     ENUM(padval, VIEW_PADVAL_MIN),
     .built = BUILT_YES,
     .label = "padval-min",
     .needs = "",
     .example = "padval-min",
     .doc = "PixelPaddingValue pixels become the volume's minimum",
     .formula = "The least value, before the window, of the pixels that are "
                "not padding (PixelPaddingValue up to "
                "PixelPaddingRangeLimit)."},
    {.name = "padval",
     .slot = SLOT_PADVAL,
     ENUM(padval, VIEW_PADVAL_NUMBER),
     .args = {{.kind = ARG_NUM,
               .meta = "N",
               .required = true,
               .offset = AT(padval_number),
               NUMBERS,
               .doc = "a modality value; with raw a stored value"}},
     .built = BUILT_YES,
     .label = "padval-N",
     .needs = "",
     .example = "padval--1024",
     .doc = "PixelPaddingValue pixels become this value",
     .formula = ""},

    /* ---- geometry ---- */
    {.name = "plane",
     .word = "cor",
     .slot = SLOT_PLANE,
     ENUM(plane, VIEW_PLANE_CORONAL),
     .built = BUILT_NO,
     .label = "plane-cor",
     .needs = "",
     .example = "plane-cor",
     .doc = "the volume cut into coronal slices",
     .formula = "The axes of the volume are matched with those of the "
                "patient, each with the nearest; nothing is interpolated. "
                "Across: to the patient's left; down: to the feet; pages: "
                "from front to back. Of an axial stack page p has row p of "
                "every frame, the frame nearest to the head on top."},
    {.name = "plane",
     .word = "sag",
     .slot = SLOT_PLANE,
     ENUM(plane, VIEW_PLANE_SAGITTAL),
     .built = BUILT_NO,
     .label = "plane-sag",
     .needs = "",
     .example = "plane-sag",
     .doc = "the volume cut into sagittal slices",
     .formula = "As plane-cor, but across: from front to back; pages: from "
                "right to left. Of an axial stack page p has column p of "
                "every frame."},
    {.name = "flip",
     .slot = SLOT_FLIP,
     .args = {{.kind = ARG_FLIP,
               .meta = "hvz",
               .required = true,
               .offset = AT(flip),
               .doc = "h left-right, v top-bottom, z first-last frame"}},
     .built = BUILT_YES,
     .label = "flip",
     .needs = "",
     .example = "flip-hv",
     .doc = "mirror",
     .formula = "h: x' = width-1-x. v: y' = height-1-y. z: "
                "frame' = frames-1-frame. Before rot."},
    {.name = "rot",
     .slot = SLOT_ROT,
     .args = {{.kind = ARG_NUM,
               .meta = "D",
               .required = true,
               .offset = AT(rot),
               .lo = -360,
               .hi = 360,
               .doc = "degrees clockwise"}},
     .built = BUILT_YES,
     .label = "rot",
     .needs = "",
     .example = "rot-90",
     .doc = "turn clockwise",
     .formula = "90: (x,y) -> (height-1-y, x); 180: (width-1-x, "
                "height-1-y); 270: (y, width-1-x). Exact, and sides swap at "
                "90 and 270. Angles count modulo 360. Others keep the "
                "shape: in f64, with dx = x-(w-1)/2 and dy = y-(h-1)/2, "
                "pixel (x,y) is that of the source at cos*dx + sin*dy, "
                "cos*dy - sin*dx from its middle, bilinear, rounded half "
                "away from zero; outside there is the fill."},
    {.name = "vol",
     .word = "keep",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_KEEP),
     .built = BUILT_YES,
     .is_default = true,
     .label = "vol-keep",
     .needs = "",
     .example = "vol-keep",
     .doc = "every frame is a page",
     .formula = ""},
    {.name = "vol",
     .word = "central",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_CENTRAL),
     .built = BUILT_YES,
     .label = "vol-central",
     .needs = "",
     .example = "vol-central",
     .doc = "the central frame",
     .formula = "Frame number n/2 (0-based, rounded down) in order. A single "
                "frame is left alone by every vol operator."},
    {.name = "vol",
     .word = "mip",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_MIP),
     .args = {SKIP(0)},
     .built = BUILT_YES,
     .label = "vol-mip",
     .needs = "",
     .example = "vol-mip-skip5",
     .doc = "maximum intensity projection",
     .formula = "Sample by sample the maximum over the frames, per channel. "
                "Of a stack too short to lose A + B frames one stays, "
                "number (n-1)*A/(A+B), 0-based and rounded down."},
    {.name = "vol",
     .word = "minip",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_MINIP),
     .built = BUILT_YES,
     .label = "vol-minip",
     .needs = "",
     .example = "vol-minip",
     .doc = "minimum projection",
     .formula = "Sample by sample the minimum over the frames, per channel."},
    {.name = "vol",
     .word = "mean",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_MEAN),
     .built = BUILT_YES,
     .label = "vol-mean",
     .needs = "",
     .example = "vol-mean",
     .doc = "mean projection",
     .formula = "Sample by sample the mean over the frames, rounded half away "
                "from zero."},
    {.name = "vol",
     .word = "interp",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_INTERP),
     .args = {{.kind = ARG_INT,
               .meta = "T",
               .required = true,
               .offset = AT(vol_frames),
               .lo = 1,
               .hi = VIEW_PARTS_MAX,
               .doc = "frames to make"}},
     .built = BUILT_YES,
     .label = "vol-interp",
     .needs = "",
     .example = "vol-interp-32",
     .doc = "T frames, linear between neighbours",
     .formula = "p = (k/(T-1))*(n-1) in f32, i = floor(p), j = ceil(p), a = "
                "p-i: trunc(x_i*(1-a) + x_j*a), in f32 for 8 bits and f64 "
                "for 16. T = 1 gives the first frame. Other types in f64, "
                "integers rounded half away from zero."},
    {.name = "vol",
     .word = "lapmip",
     .slot = SLOT_VOL,
     ENUM(vol, VIEW_VOL_LAPMIP),
     .args = {{.kind = ARG_NUM,
               .key = "w",
               .meta = "F",
               .offset = AT(vol_weight),
               .lo = 0,
               .hi = 1000,
               .def = 1.5,
               .doc = "weight of the projection's detail, default 1.5"},
              SKIP(5),
              WORD_BOOL("central", vol_central,
                        "base is the central slice, not the parallel-beam "
                        "sum")},
     .built = BUILT_YES,
     .label = "vol-lapmip",
     .needs = "",
     .example = "vol-lapmip-w2-skip2-central",
     .doc = "projection whose finest detail comes from the maximum, u16",
     .formula =
         "On display samples, f32 g = v/65535 (8 bits: v*257, colour: luma). "
         "Base B0: the sum over the frames divided by its maximum, or the "
         "central frame; M0: the maximum. Both are smoothed by a 13x13 "
         "bilateral filter, edges repeated, with weights "
         "exp(-(dx^2+dy^2)/18) * exp(-q/(2*0.015^2)), "
         "q = round(min(d^2, 1)*2047)/2047, d the difference of the samples. "
         "reduce: [1 4 6 4 1]/16 across, then down, every second sample. "
         "expand: bilinear at x*(w1-1)/max(W-1, 1). E = expand(reduce(B0)), "
         "L = B0 - E, M = M0 - expand(reduce(M0)); result E + 2*E*(L + w*M), "
         "clamped to [0, 1], trunc(*65535). Ends are lost as with vol-mip; of "
         "one frame that is left it is that frame."},
    SLAB("max", VIEW_SLAB_MAX, "sliding maximum over d slices"),
    SLAB("min", VIEW_SLAB_MIN, "sliding minimum over d slices"),
    SLAB("mean", VIEW_SLAB_MEAN, "sliding mean over d slices"),
    SLAB("median", VIEW_SLAB_MEDIAN, "sliding median over d slices"),
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
     .built = BUILT_NO,
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
     .built = BUILT_NO,
     .label = "rand",
     .needs = "",
     .example = "rand-64x64-n20-seed7",
     .doc = "random patches, STEM.p00001.EXT",
     .formula = "Origin floor(u*(side - patch + 1)) per axis, x, y and z in "
                "turn, u = (next >> 11)/2^53 of SplitMix64, which starts at "
                "XXH64 of 16 bytes, S and the patch's number n (from 1), "
                "little endian, seeded with XXH64 of the uid: the same for "
                "ever. A side too short is centred and filled. Without D a "
                "patch takes every frame."},
    {.name = "roi",
     .slot = SLOT_PATCHES,
     ENUM(patches, VIEW_PATCHES_ROI),
     .args = {{.kind = ARG_NAME,
               .meta = "NAME",
               .required = true,
               .offset = AT(roi_name),
               .doc = "the roi table's name"},
              DIMS(patch_size, "patch")},
     .built = BUILT_NO,
     .label = "roi",
     .needs = "",
     .example = "roi-nodules-64x64x32",
     .doc = "patches centred on boxes of the manifest's roi table",
     .formula = "Origin ceil(c - side/2) per axis, c the middle of the box "
                "in voxels, where whole numbers are the middles of voxels; "
                "outside there is the fill. Without D a patch takes every "
                "frame."},

    /* ---- numbers ---- */
    NORM("z", VIEW_NORM_Z, "z-score, f32", "(v - mean)/sd, population sd."),
    NORM("unit", VIEW_NORM_UNIT, "minimum to maximum becomes 0 to 1, f32",
         "(v - mn)/(mx - mn)."),
    NORM("sym", VIEW_NORM_SYM, "minimum to maximum becomes -1 to 1, f32",
         "2*(v - mn)/(mx - mn) - 1."),
    {.name = "norm",
     .slot = SLOT_NORM,
     ENUM(norm, VIEW_NORM_FIXED),
     .args = {{.kind = ARG_NUM,
               .key = "m",
               .meta = "M",
               .required = true,
               .offset = AT(norm_mean),
               NUMBERS,
               .doc = "mean"},
              {.kind = ARG_NUM,
               .key = "s",
               .meta = "S",
               .required = true,
               .offset = AT(norm_sd),
               .lo = 1e-12,
               .hi = 1e15,
               .doc = "standard deviation"}},
     .built = BUILT_YES,
     .label = "norm-m-s",
     .needs = "",
     .example = "norm-m0.485-s0.229",
     .doc = "fixed mean and deviation, f32",
     .formula = "(v - m)/s; v in [0,1] for display and range, values for hu "
                "and raw."},

    /* ---- output ---- */
    DTYPE("u8", VIEW_DTYPE_U8, BUILT_YES, "", "8-bit samples",
          "From 16 bits (v*255+32767)/65535; hu and raw are rounded half away "
          "from zero and clamped."),
    DTYPE("u16", VIEW_DTYPE_U16, BUILT_YES, "", "16-bit samples",
          "From 8 bits v*257; hu and raw are rounded and clamped."),
    DTYPE("i16", VIEW_DTYPE_I16, BUILT_YES, "hu raw",
          "signed 16-bit samples, the usual choice for CT",
          "hu and raw only: rounded half away from zero, clamped."),
    DTYPE("f16", VIEW_DTYPE_F16, BUILT_YES, "",
          "half-precision samples, .npy only",
          "As f32, then rounded to nearest even; 65520 and more is infinite."),
    DTYPE("f32", VIEW_DTYPE_F32, BUILT_YES, "", "single-precision samples",
          "Display: v/y_max. The default of hu, range and norm, and dropped "
          "there."),
    {.name = "gray",
     .slot = SLOT_COLOR,
     ENUM(color, VIEW_COLOR_GRAY),
     .built = BUILT_YES,
     .label = "gray",
     .needs = "",
     .example = "gray",
     .doc = "colour becomes one channel",
     .formula = "0.21264784 R + 0.7151792 G + 0.07217304 B, each channel "
                "times 1/255 (1/65535) in f32, times the maximum, rounded."},
    {.name = "rgb",
     .slot = SLOT_COLOR,
     ENUM(color, VIEW_COLOR_RGB),
     .built = BUILT_YES,
     .label = "rgb",
     .needs = "",
     .example = "rgb",
     .doc = "one channel becomes three equal ones",
     .formula = ""},
    PACK("none", VIEW_PACK_NONE, BUILT_YES, true,
         "uncompressed, one strip per page"),
    PACK("packbits", VIEW_PACK_PACKBITS, BUILT_YES, false,
         "TIFF strips in PackBits"),
    PACK("lzw", VIEW_PACK_LZW, BUILT_YES, false, "TIFF strips in LZW"),
    PACK("deflate", VIEW_PACK_DEFLATE, BUILT_YES, false,
         "TIFF strips in Deflate"),
    PACK("zstd", VIEW_PACK_ZSTD, BUILT_NO, false, "TIFF strips in Zstandard"),
    {.name = "big",
     .slot = SLOT_BIG,
     BOOL(big),
     .built = BUILT_YES,
     .label = "big",
     .needs = "",
     .example = "big",
     .doc = "BigTIFF whatever the size",
     .formula = ""},

    /* ---- listing ---- */
    LIST("tiff", VIEW_EXT_TIFF, BUILT_YES, true),
    LIST("npy", VIEW_EXT_NPY, BUILT_YES, false),
    LIST("nii", VIEW_EXT_NII, BUILT_YES, false),
    LIST("png", VIEW_EXT_PNG, BUILT_YES, false),
    LIST("json", VIEW_EXT_JSON, BUILT_YES, false),
    {.name = "tree",
     .slot = SLOT_TREE,
     BOOL(tree),
     .built = BUILT_YES,
     .label = "tree",
     .needs = "",
     .example = "tree",
     .doc = "folders show the series level",
     .formula = "Both STUDY/LEAF and STUDY/SERIES/LEAF can be opened in every "
                "view."},
};

const size_t view_forms_count = sizeof view_forms / sizeof view_forms[0];

const struct view_alias view_aliases[] = {
    {"mip", "vol", "mip"},
    {"interp", "vol", "interp"},
    {"lapmip", "vol", "lapmip"},
};

const size_t view_aliases_count = sizeof view_aliases / sizeof view_aliases[0];

const char *const view_slot_titles[SLOT_COUNT] = {
    [SLOT_SELECT] = "what one file is",
    [SLOT_PICK] = "which frames",
    [SLOT_ORDER] = "their order",
    [SLOT_VALUES] = "which values",
    [SLOT_MAPPING] = "how values become samples",
    [SLOT_INVERT] = "black and white",
    [SLOT_PADVAL] = "pixel padding",
    [SLOT_PLANE] = "reslicing",
    [SLOT_FLIP] = "mirror",
    [SLOT_ROT] = "rotation",
    [SLOT_VOL] = "volume",
    [SLOT_SLAB] = "slabs",
    [SLOT_REGION] = "region",
    [SLOT_RESIZE] = "resize",
    [SLOT_NOUP] = "enlargement",
    [SLOT_FILTER] = "resampling filter",
    [SLOT_PAD] = "padding",
    [SLOT_FILL] = "what is outside the image",
    [SLOT_CANVAS] = "exact shape",
    [SLOT_PATCHES] = "patches",
    [SLOT_NORM] = "normalisation",
    [SLOT_DTYPE] = "sample type",
    [SLOT_COLOR] = "channels",
    [SLOT_PACK] = "compression",
    [SLOT_BIG] = "TIFF variant",
    [SLOT_LIST] = "listed format",
    [SLOT_TREE] = "listed folders",
};
