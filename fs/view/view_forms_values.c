// SPDX-License-Identifier: MIT
/* view_forms_values.c: which frames, and what becomes of their values. */
#include "view/view_forms.h"

static const struct view_form rows[] = {
    /* ---- select ---- */
    {.name = "series",
     .slot = SLOT_SELECT,
     ENUM(select, VIEW_SELECT_SERIES),
     .built = BUILT_YES,
     .label = "series",
     .needs = "",
     .example = "series",
     .doc = "one file per series: its slices stacked by geometry",
     .formula =
         "Slices ascend along the normal of their plane; the spacing is the "
         "median difference of their positions, never SliceThickness. Each "
         "slice has its own rescale and window; what is measured (minimum and "
         "maximum, crop, norm) is measured on all slices. A gap or an in-plane "
         "drift beyond 1 % of the spacing, or several slices at one place, is "
         "an error unless mounted with gaps=allow. Slices of different size, "
         "pixel format, pixel spacing or orientation, and several multi-frame "
         "objects, always are one. Slices without positions need order-inst "
         "or order-stored. A series of one object is that object."},
    {.name = "frames",
     .slot = SLOT_SELECT,
     ENUM(select, VIEW_SELECT_FRAMES),
     .built = BUILT_YES,
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
     .formula = "Frames of one object keep their stored order. Slices have to "
                "be evenly spaced in that order as well."},
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
                "all frames that pick leaves, PixelPaddingValue excluded."},
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
     .formula = "y_max - v, after the window or range. Colour, which takes no "
                "window, stays as it is."},
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
};

const struct view_group view_group_values = VIEW_GROUP(rows, SLOT_PADVAL);
