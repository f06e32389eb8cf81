// SPDX-License-Identifier: MIT
/* view_forms_volume.c: planes, orientation, projections, slabs. */
#include "view/view_forms.h"

#define SKIP(both)                                                             \
    {                                                                          \
        .kind = ARG_SKIP, .key = "skip", .meta = "N|AtoB",                     \
        .offset = AT(vol_skip_first), .hi = VIEW_PARTS_MAX, .def = both,       \
        .doc = "frames left out at the start and at the end"                   \
    }

#define SLAB_RULE                                                              \
    "Output k is made of the slices k*s .. k*s+d-1, sample by sample; a "      \
    "slab that would end behind the last slice is dropped. Means are "         \
    "rounded half away from zero; the median of an even number is the mean "   \
    "of the middle two. A single frame is left alone; other stacks of fewer "  \
    "than d slices have no slab."

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

static const struct view_form rows[] = {
    {.name = "plane",
     .word = "cor",
     .slot = SLOT_PLANE,
     ENUM(plane, VIEW_PLANE_CORONAL),
     .built = BUILT_YES,
     .label = "plane-cor",
     .needs = "",
     .example = "plane-cor",
     .doc = "the volume cut into coronal slices",
     .formula = "The axes of the volume are matched with those of the "
                "patient, each with the nearest; nothing is interpolated. "
                "Across: to the patient's left; down: to the feet; pages: "
                "from front to back. Of an axial stack page p has row p of "
                "every frame, the frame nearest to the head on top. Frames are "
                "picked before, everything else is done to the planes. A "
                "source that does not say how it lies: EOPNOTSUPP."},
    {.name = "plane",
     .word = "sag",
     .slot = SLOT_PLANE,
     ENUM(plane, VIEW_PLANE_SAGITTAL),
     .built = BUILT_YES,
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
                "away from zero; outside there is the fill, which enters "
                "neither a crop box nor statistics."},
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
};

const struct view_group view_group_volume = VIEW_GROUP(rows, SLOT_SLAB);
