// SPDX-License-Identifier: MIT
/*
 * view.h: the name of a folder at the root of the mount <-> what it asks for.
 *
 * A view is one set of parameters. Its name is a list of operators,
 *
 *     window-c-600-w1500_crop-max_size-512x512_u16
 *
 * `view_parse` turns a name into a struct view, `view_print` turns a struct
 * view into the one canonical name of everything that means the same. A name
 * that is not canonical is a symlink to the one that is, so there is one
 * inode, one cache key and one page-cache copy per set of parameters.
 *
 * The language, operator by operator, is one table (view_forms.h): the parser,
 * the printer, `.prepfs/grammar.txt`, `.prepfs/explain` and the tests all read
 * it. man/prepfs-view.7 is its manual.
 *
 * Threads: struct view and struct view_problem are plain data, one thread at
 * a time; struct view_presets is immutable after it was made. No function
 * here keeps state; view_parse and view_print never allocate, read the
 * clock, or depend on the locale.
 */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "prepfs/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VIEW_NAME_MAX 255     /* bytes a typed name may have: NAME_MAX */
#define VIEW_DIRNAME_MAX 200  /* a longer canonical text is hashed */
#define VIEW_TEXT_SIZE 1024   /* holds any canonical text and its NUL */
#define VIEW_ROI_NAME_SIZE 33 /* a roi name has up to 32 bytes */
#define VIEW_PRESET_NAME_MAX 32
#define VIEW_PIXELS_MAX 999999 /* of a width, height or depth in a name */
#define VIEW_PARTS_MAX 131071  /* frames, slices, patches: 17 inode bits */

/* ---- what an operator can say: 0 is always what `full` does ---- */

enum view_select {
    VIEW_SELECT_OBJECT, /* one leaf per instance, a page per frame */
    VIEW_SELECT_SERIES, /* one leaf per series, stacked geometrically */
    VIEW_SELECT_FRAMES  /* one leaf per frame: STEM.f00001.tiff */
};

enum view_order {
    VIEW_ORDER_GEOM, /* index, stack, geometry, vector, location: REF 7.6 */
    VIEW_ORDER_INST, /* instance number */
    VIEW_ORDER_STORED
};

enum view_values {
    VIEW_VALUES_DISPLAY, /* modality, then `window`, then `invert` */
    VIEW_VALUES_HU,      /* modality values */
    VIEW_VALUES_RAW,     /* stored values; with a `window`, display samples of
                          * them: no modality, then as VIEW_VALUES_DISPLAY */
    VIEW_VALUES_RANGE    /* modality values [range_lo, range_hi] -> [0, max] */
};

enum view_window {                      /* with DISPLAY; others with RAW too */
                   VIEW_WINDOW_DEFAULT, /* VOI LUT, else window 1, else volume
                                           min/max */
                   VIEW_WINDOW_NTH, /* stored window number window_n, at least 2
                                     */
                   VIEW_WINDOW_EXPLICIT, /* window_center, window_width,
                                            window_function */
                   VIEW_WINDOW_OFF,      /* min/max of the volume */
                   VIEW_WINDOW_FRAME     /* min/max of each frame */
};

enum view_function { /* PS3.3 C.11.2.1.2, C.11.2.1.3 */
                     VIEW_FUNCTION_LINEAR,
                     VIEW_FUNCTION_EXACT,
                     VIEW_FUNCTION_SIGMOID
};

enum view_invert {
    VIEW_INVERT_AUTO, /* display: MONOCHROME1 is inverted. Range is not, and
                       * hu and raw without a window never are */
    VIEW_INVERT_ON,   /* inverted, whatever the source says */
    VIEW_INVERT_OFF   /* never */
};

enum view_padval { /* what becomes of PixelPaddingValue pixels */
                   VIEW_PADVAL_KEEP,
                   VIEW_PADVAL_MIN, /* the least value of the volume that is no
                                       padding */
                   VIEW_PADVAL_NUMBER /* padval_number: modality value; raw:
                                         stored value */
};

enum view_plane { VIEW_PLANE_STORED, VIEW_PLANE_CORONAL, VIEW_PLANE_SAGITTAL };

enum view_flip {                  /* bits of `flip` */
                 VIEW_FLIP_H = 1, /* left and right swap */
                 VIEW_FLIP_V = 2, /* top and bottom swap */
                 VIEW_FLIP_Z = 4  /* first and last frame swap */
};

enum view_vol {
    VIEW_VOL_KEEP,
    VIEW_VOL_CENTRAL,
    VIEW_VOL_MIP, /* vol_skip_* */
    VIEW_VOL_MINIP,
    VIEW_VOL_MEAN,
    VIEW_VOL_INTERP, /* vol_frames */
    VIEW_VOL_LAPMIP  /* vol_weight, vol_skip_*, vol_central */
};

enum view_slab {
    VIEW_SLAB_NONE,
    VIEW_SLAB_MAX,
    VIEW_SLAB_MIN,
    VIEW_SLAB_MEAN,
    VIEW_SLAB_MEDIAN
};

enum view_region {
    VIEW_REGION_NONE,
    VIEW_REGION_CROP, /* measured: crop_max, crop_nocomp, crop_border */
    VIEW_REGION_BOX,  /* region at region_x, region_y, region_z (0-based) */
    VIEW_REGION_MID   /* region, centred */
};

enum view_resize {
    VIEW_RESIZE_NONE,
    VIEW_RESIZE_SIZE,   /* size, size_mode */
    VIEW_RESIZE_SPACING /* spacing_x, spacing_y, spacing_z in mm */
};

enum view_size_mode {
    VIEW_SIZE_FIT,    /* aspect kept, then padded as `pad` says */
    VIEW_SIZE_COVER,  /* aspect kept, centred cut */
    VIEW_SIZE_STRETCH /* each axis on its own */
};

enum view_filter {
    VIEW_FILTER_TRIANGLE,
    VIEW_FILTER_NEAREST,
    VIEW_FILTER_CATMULLROM,
    VIEW_FILTER_GAUSSIAN,
    VIEW_FILTER_LANCZOS3,
    VIEW_FILTER_MAXPOOL
};

enum view_pad { /* acts with VIEW_RESIZE_SIZE and VIEW_SIZE_FIT only */
                VIEW_PAD_ZERO,
                VIEW_PAD_TOPLEFT,
                VIEW_PAD_BOTTOMRIGHT,
                VIEW_PAD_CENTER,
                VIEW_PAD_NONE
};

enum view_fill { /* what pad, canvas, rand and roi put outside the image */
                 VIEW_FILL_NUMBER, /* fill_number, in the unit of the samples
                                      then */
                 VIEW_FILL_MIN,
                 VIEW_FILL_MAX,
                 VIEW_FILL_EDGE,
                 VIEW_FILL_REFLECT
};

enum view_patches { /* leaves STEM.p00001.tiff of patch_size each */
                    VIEW_PATCHES_NONE,
                    VIEW_PATCHES_GRID, /* every patch_stride; partial tiles
                                          dropped */
                    VIEW_PATCHES_RAND, /* rand_count of them, from rand_seed */
                    VIEW_PATCHES_ROI /* round the boxes of manifest table `roi`,
                                        roi_name */
};

enum view_norm {
    VIEW_NORM_NONE,
    VIEW_NORM_Z,    /* mean 0, population sd 1 */
    VIEW_NORM_UNIT, /* [0, 1] */
    VIEW_NORM_SYM,  /* [-1, 1] */
    VIEW_NORM_FIXED /* (v - norm_mean) / norm_sd */
};

enum view_dtype {
    VIEW_DTYPE_DEFAULT, /* view_default_dtype says */
    VIEW_DTYPE_U8,
    VIEW_DTYPE_U16,
    VIEW_DTYPE_I16,
    VIEW_DTYPE_F16,
    VIEW_DTYPE_F32
};

enum view_color { VIEW_COLOR_SOURCE, VIEW_COLOR_GRAY, VIEW_COLOR_RGB };

enum view_pack {
    VIEW_PACK_NONE,
    VIEW_PACK_PACKBITS,
    VIEW_PACK_LZW,
    VIEW_PACK_DEFLATE,
    VIEW_PACK_ZSTD
};

enum view_ext { /* the numbers are part of inodes: decisions, Identity */
                VIEW_EXT_TIFF = 0,
                VIEW_EXT_NPY = 1,
                VIEW_EXT_NII = 2,
                VIEW_EXT_PNG = 3,
                VIEW_EXT_JSON = 4
};

/* width x height [x depth]; depth 0: not given. */
struct view_dims {
    uint32_t width;
    uint32_t height;
    uint32_t depth;
};

/*
 * One set of parameters, in pipeline order. All zero is `full`. Arguments
 * that were left out carry their defaults as soon as their operator is there
 * (vol-lapmip has vol_weight 1.5), and are zero when it is not. Compare two
 * with view_equal, not with memcmp.
 */
struct view {
    enum view_select select;
    uint32_t pick_first; /* 1-based, inclusive; 0: every frame */
    uint32_t pick_last;
    uint32_t pick_step;
    enum view_order order;

    enum view_values values;
    enum view_window window;
    uint32_t window_n;
    enum view_function window_function;
    double window_center;
    double window_width;
    double range_lo;
    double range_hi;
    enum view_invert invert;
    enum view_padval padval;
    double padval_number;

    enum view_plane plane;
    uint32_t flip; /* bits VIEW_FLIP_*; before the rotation */
    double rot;    /* clockwise degrees, 0 <= rot < 360 */

    enum view_vol vol;
    uint32_t vol_frames;
    uint32_t vol_skip_first; /* frames left out at the start */
    uint32_t vol_skip_last;  /* and at the end */
    double vol_weight;
    bool vol_central; /* projection mode central-slice */
    enum view_slab slab;
    uint32_t slab_depth;
    uint32_t slab_stride;

    enum view_region region;
    bool crop_max;    /* the type's maximum is background too */
    bool crop_nocomp; /* no connected components */
    double crop_border;
    struct view_dims region_size;
    uint32_t region_x, region_y, region_z;

    enum view_resize resize;
    enum view_size_mode size_mode;
    struct view_dims size;
    double spacing_x, spacing_y, spacing_z; /* spacing_z 0: not given */
    bool noup;                              /* no axis is enlarged */
    enum view_filter filter;

    enum view_pad pad;
    enum view_fill fill;
    double fill_number;
    struct view_dims canvas; /* width 0: none */

    enum view_patches patches;
    struct view_dims patch_size;
    struct view_dims patch_stride; /* grid; equals patch_size by default */
    uint32_t rand_count;
    uint64_t rand_seed;
    char roi_name[VIEW_ROI_NAME_SIZE];

    enum view_norm norm;
    bool norm_frame; /* statistics per frame instead of per volume */
    bool norm_fg;    /* statistics without background */
    double norm_mean;
    double norm_sd;

    enum view_dtype dtype;
    enum view_color color;
    enum view_pack pack;
    bool big; /* BigTIFF whatever the size */

    enum view_ext list; /* the extension that readdir shows */
    bool tree;          /* readdir shows the series level */
};

/* ---- presets: names of the configuration file ---- */

struct view_presets;

/*
 * Reads the `[views]` section of an INI text: `Name = operators`. `path` is
 * only for messages, which begin "path:line: ". A name is an upper-case
 * letter followed by letters and digits, at most VIEW_PRESET_NAME_MAX bytes,
 * unique without regard to case (also against operators and `full`), and no
 * device name of Windows. A value is a valid view without presets.
 * ERROR_USAGE, ERROR_NO_MEMORY. Caller owns the result.
 */
int view_presets_parse(const char *path, const char *text,
                       struct view_presets **ret, struct error *err)
    __attribute__((warn_unused_result));

/* The same from a file; ERROR_IO if it cannot be read. */
int view_presets_load(const char *path, struct view_presets **ret,
                      struct error *err) __attribute__((warn_unused_result));
void view_presets_free(struct view_presets *presets); /* may be NULL */

/* In order of name; borrowed until view_presets_free. NULL counts as empty. */
size_t view_presets_count(const struct view_presets *presets);
const char *view_presets_name(const struct view_presets *presets, size_t i);
const char *view_presets_text(const struct view_presets *presets, size_t i);

/* ---- parsing and printing ---- */

enum view_problem_kind {
    VIEW_PROBLEM_NONE,
    VIEW_PROBLEM_TOO_LONG, /* more than VIEW_NAME_MAX bytes: ENAMETOOLONG */
    VIEW_PROBLEM_UNKNOWN,  /* the first token is nothing of ours: ENOENT */
    VIEW_PROBLEM_WORD,     /* a later token or an argument is unknown */
    VIEW_PROBLEM_SYNTAX,   /* malformed, or an argument is missing */
    VIEW_PROBLEM_RANGE,    /* a number out of its range */
    VIEW_PROBLEM_CONFLICT, /* two operators that exclude each other */
    VIEW_PROBLEM_IDLE      /* an operator with nothing to act on */
};

/* Where and what; the place is in the text as it was given. */
struct view_problem {
    enum view_problem_kind kind;
    size_t offset;
    size_t length;
    char nearest[48]; /* the valid word closest to the wrong one, or "" */
};

/*
 * Parses a name. `presets` and `ret_problem` may be NULL; without the latter
 * no nearest word is looked for. ERROR_NOT_FOUND if the first token is no
 * operator and no preset (also for hashed names, see view_name_is_hashed), or
 * the version is not ours; ERROR_BAD_VIEW if it is malformed, contradicts
 * itself or is out of range further on, or is too long. On -1 *ret is all
 * zero. Operators that are not built yet parse. O(length of the text and of
 * the presets in it).
 */
int view_parse(const char *text, const struct view_presets *presets,
               struct view *ret, struct view_problem *ret_problem,
               struct error *err) __attribute__((warn_unused_result));

/* Parses a canonical text that the manifest kept: no presets, and it may be
 * longer than a name. */
int view_parse_stored(const char *text, struct view *ret, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Writes the canonical text: operators in the order of the table, defaults
 * left out, numbers as short as can be. Returns its length; like snprintf it
 * writes at most size bytes with the NUL. VIEW_TEXT_SIZE always suffices.
 */
size_t view_print(const struct view *view, char *buf, size_t size);

/* The folder's name: the canonical text, or, above VIEW_DIRNAME_MAX bytes,
 * "x" and the first 16 hex digits of its SHA-256. */
void view_canonical_name(const struct view *view,
                         char ret[VIEW_DIRNAME_MAX + 1]);

/* Does `name` look like a hashed name? Only the manifest knows its text. */
bool view_name_is_hashed(const char *name);

bool view_equal(const struct view *a, const struct view *b);

/* ---- questions about a view ---- */

enum view_part_kind {
    VIEW_PART_NONE,
    VIEW_PART_FRAME, /* .f00001 */
    VIEW_PART_PATCH  /* .p00001 */
};

/*
 * Is the size of its leaves known from header data alone, so that getattr
 * never decodes? True unless it is packed, or the automatic crop decides the
 * size, or spacing the number of frames, or it lists .png.
 * view_leaf_size_is_known says the same of one format: .png never is, and
 * packing touches .tiff alone.
 */
bool view_size_is_known(const struct view *view);
bool view_leaf_size_is_known(const struct view *view, enum view_ext ext);

/* Is the number of its leaves known from the manifest's rows? False for a
 * grid on what the automatic crop left, and where spacing decides it. */
bool view_parts_are_known(const struct view *view);

/* What its leaves are of an object: all of it, or parts with a number each. */
enum view_part_kind view_parts_of(const struct view *view);

/* Does every operator in it act? If not, *ret_op (may be NULL) names the
 * first that does not, as spelled in the table: static storage. */
bool view_is_built(const struct view *view, const char **ret_op);

/* Are its values display samples, 0 to y_max? True of VIEW_VALUES_DISPLAY and
 * of raw with a window. */
bool view_is_windowed(const struct view *view);

/* The type of its samples if `dtype` is not given: F32 for hu, range and
 * norm, DEFAULT for display and raw, where the source decides. */
enum view_dtype view_default_dtype(const struct view *view);

/*
 * The view on whose display samples the crop box of `view` is measured: its
 * operators up to crop, with hu, raw (unless it has a window), range and the
 * sample type left out, so that hu_crop, crop_size-64x64 and crop share one
 * measurement. Its printed text is the `prefix` of facts. `ret` may be `view`.
 */
void view_measure(const struct view *view, struct view *ret);

/* The same for the minimum and maximum of the volume's values, which only
 * depend on which frames there are. */
void view_measure_values(const struct view *view, struct view *ret);

/* The operators that decide the planes of a volume: those up to plane. */
void view_planes(const struct view *view, struct view *ret);

/* The operators that decide samples: without frames, pack, big, list, tree.
 * Views that agree in it share decoded blocks. */
void view_pixels(const struct view *view, struct view *ret);

/* ---- words for people ---- */

/*
 * What `.prepfs/explain/<name>` shows. For a valid name: the canonical form,
 * every operator in words with its formula, whether sizes are known, whether
 * it is built, an example path. Else the error, the name with a caret line,
 * and the nearest valid word. Returns what view_parse returned.
 */
int view_explain(const char *text, const struct view_presets *presets,
                 FILE *out);

/*
 * Every operator of a view that is not at its default, in pipeline order: its
 * token ("crop-b0.05") and what it does in words. Stops at and returns the
 * first value of `each` that is not 0; the texts are good during the call.
 */
typedef int (*view_words_fn)(void *opaque, const char *op, const char *does);
int view_operator_words(const struct view *view, view_words_fn each,
                        void *opaque);

/*
 * What may follow a name that is not finished, for shells: every name that
 * begins with `text` and is longer or equal by an operator, an argument or its
 * key ("size-", "window-c40-w"), and goes together with what is there. Both
 * texts are good during the call.
 */
typedef void (*view_candidate_fn)(void *opaque, const char *name,
                                  const char *doc);
void view_complete(const char *text, const struct view_presets *presets,
                   view_candidate_fn each, void *opaque);

/* `.prepfs/grammar.txt`: the language, from the table. */
void view_grammar(FILE *out);

/* Which operators go together, found by asking the parser. */
void view_matrix(FILE *out);

/* ---- leaf names ---- */

#define VIEW_STEM_SIZE 80 /* as MANIFEST_NAME_MAX */
#define VIEW_LEAF_SIZE 96 /* holds any leaf name and its NUL */

struct view_leaf {
    char stem[VIEW_STEM_SIZE]; /* with .dN, which belongs to the instance */
    enum view_part_kind kind;
    uint32_t part;      /* 1-based; 0 without a part */
    uint32_t duplicate; /* N of .dN; 0 without */
    enum view_ext ext;
    bool is_alias; /* .tif, .TIFF, .TIF: another name of the .tiff */
};

/* ERROR_NOT_FOUND for what is no leaf name. */
int view_leaf_parse(const char *name, struct view_leaf *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Writes STEM[.part].ext with the canonical extension; the length, like
 * snprintf. */
size_t view_leaf_print(const struct view_leaf *leaf, char *buf, size_t size);

/* "tiff", "npy", ... */
const char *view_ext_name(enum view_ext ext);

#ifdef __cplusplus
}
#endif

#endif
