// SPDX-License-Identifier: MIT
/* view_forms_output.c: numbers, sample types, files, listings. */
#include "view/view_forms.h"

#define NORM_RULE                                                              \
    "Statistics are those of the whole resized volume, before padding and "    \
    "patches, in f64; a constant gives 0. They leave out what is not image: "  \
    "PixelPaddingValue, and what an oblique rot took from outside, by the "    \
    "nearest pixel after a resize and of several frames where all say so. "    \
    "Colour has one mean for all channels. Background, which -fg leaves "      \
    "out, is where the display sample is 0. What is left out is mapped all "   \
    "the same, and nothing is clipped."

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

static const struct view_form rows[] = {
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
    PACK("zstd", VIEW_PACK_ZSTD, BUILT_YES, false,
         "TIFF strips in Zstandard, where libtiff has it"),
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

const struct view_group view_group_output = VIEW_GROUP(rows, SLOT_TREE);
