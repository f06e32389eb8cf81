// SPDX-License-Identifier: MIT
/*
 * dicom.h: a file descriptor -> everything known about a DICOM source except
 * its pixels.
 *
 *     source   bytes by offset: a file, or the inflated copy of a deflated one
 *     header   the data set up to the pixels, as plain data
 *     order    which stored frame comes where in the volume
 *     frames   where the bytes of each frame are, and those bytes
 *
 * Everything here is hostile input: sizes are bounded by struct dicom_limits,
 * nothing is believed that the bytes do not support, and a source that cannot
 * be believed is ERROR_CORRUPT with a reason. What was repaired or guessed is
 * said in `warnings`, never silently.
 *
 * Threads: call dicom_global_init once before any other call. A source may
 * be read by many threads at once; a header is immutable once it was read;
 * all functions are reentrant. Parsing needs 1 MiB of stack.
 */
#ifndef DICOM_DICOM_H
#define DICOM_DICOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/decode.h"
#include "prepfs/error.h"

/* Once, before any other call: silences and configures DCMTK. */
void dicom_global_init(void);

/* ---- limits ------------------------------------------------------------ */

/* Zero in a field means its default. */
struct dicom_limits {
    uint64_t header_bytes;   /* parsed, large values excluded; 64 MiB */
    uint64_t inflated_bytes; /* of a deflated data set; 1 GiB */
    uint64_t lut_bytes;      /* all tables of a source together; 64 MiB */
    uint32_t frames;         /* 4,194,304; more is ERROR_TOO_BIG */
    uint32_t cpu_seconds;    /* of parsing one header; 30 */
    /* Further attributes to bring along (-o index=...), top level only, as
     * (group << 16 | element). Borrowed until dicom_header_read returns. */
    const uint32_t *extra_tags;
    size_t n_extra_tags;
};

/* ---- source ------------------------------------------------------------ */

struct dicom_source;

#define DICOM_SNIFF_BYTES 512

/*
 * Are these first bytes of a file (up to DICOM_SNIFF_BYTES of them) worth
 * parsing? "DICM" at 128 always is. Without it, only a plausible first
 * element (group 0002 or 0008; implicit or explicit, either byte order)
 * counts, and only if the name ends in .dcm, .ima or .dicom, has no extension
 * (a UID's last component is none) or `any_name` (-o sniff=all) is set.
 * `name` is the last path component.
 */
bool dicom_sniff(const uint8_t *bytes, size_t length, const char *name,
                 bool any_name);

/*
 * Opens what `fd` holds. The descriptor is borrowed until dicom_source_close
 * and read with pread only (no mmap: the file may shrink under us). Reads the
 * file meta group; a deflated data set is inflated into memory here.
 * `limits` may be NULL and is copied, except extra_tags (borrowed until
 * close). Caller owns the result.
 * ERROR_UNSUPPORTED: not DICOM at all. ERROR_CORRUPT, ERROR_TOO_BIG,
 * ERROR_IO, ERROR_NO_MEMORY.
 */
struct dicom_source *
dicom_source_open(int fd, const struct dicom_limits *limits, struct error *err);
/* The same for what is known to be a regular file of `size` bytes. */
struct dicom_source *dicom_source_open_sized(int fd, uint64_t size,
                                             const struct dicom_limits *limits,
                                             struct error *err);
void dicom_source_close(struct dicom_source *source); /* may be NULL */

/* Bytes that can be read: of the file, or of the file up to the data set
 * followed by the inflated data set. Offsets everywhere below count these. */
uint64_t dicom_source_size(const struct dicom_source *source);

/* True if the data set was deflated: bytes come from memory, and an extent of
 * it means nothing to who has only the file. */
bool dicom_source_is_inflated(const struct dicom_source *source);

/* Reads exactly `length` bytes. ERROR_CORRUPT (with counts) beyond the end,
 * ERROR_IO. */
int dicom_source_read(const struct dicom_source *source, uint64_t offset,
                      void *data, size_t length, struct error *err)
    __attribute__((warn_unused_result));

/* ---- header ------------------------------------------------------------ */

/* A UID as it was found: any bytes, any length, trailing padding removed. */
struct dicom_uid {
    const char *text; /* NULL when absent or empty */
    bool is_name;     /* dicom_uid_is_name */
};

/* May this text be a file name? Only digits and single dots, 1 to 64 bytes,
 * starting and ending with a digit. Leading zeros in a component are wrong
 * (PS3.5 9.1) but harmless and common: they are accepted. */
bool dicom_uid_is_name(const char *text);

enum dicom_kind {
    DICOM_IMAGE,     /* has pixels and tags that describe them */
    DICOM_NOT_IMAGE, /* SR, RTSTRUCT, GSPS, PDF, ...: no pixel data */
    DICOM_DIRECTORY  /* DICOMDIR: never an object of its own */
};

enum dicom_warning { /* bits; dicom_warning_text says each in words */
                     DICOM_WARN_NO_PREAMBLE = 1u << 0,
                     DICOM_WARN_NO_META = 1u << 1,
                     DICOM_WARN_SYNTAX_GUESSED =
                         1u << 2, /* none stated, or unknown */
                     DICOM_WARN_SYNTAX_WRONG =
                         1u << 3, /* parsed under another one */
                     DICOM_WARN_TRUNCATED =
                         1u << 4, /* header ends before the pixels */
                     DICOM_WARN_FRAMES_GUESSED =
                         1u << 5, /* NumberOfFrames unusable */
                     DICOM_WARN_FRAMES_SHORT = 1u
                                               << 6, /* data for fewer frames */
                     DICOM_WARN_PIXELS_LONG = 1u
                                              << 7, /* data for more: trimmed */
                     DICOM_WARN_WINDOW_INVALID =
                         1u << 8, /* skipped: width, not numbers */
                     DICOM_WARN_LUT_INVALID = 1u << 9, /* skipped */
                     DICOM_WARN_SPACING_INVALID =
                         1u << 10, /* PixelSpacing skipped */
                     DICOM_WARN_SPACING_IMAGER =
                         1u << 11, /* at the detector, not the patient */
                     DICOM_WARN_UID_MALFORMED = 1u << 12,
                     DICOM_WARN_UID_MISSING =
                         1u << 13, /* study, series or SOP instance */
                     DICOM_WARN_RESCALE_INVALID = 1u << 14,
                     DICOM_WARN_RESCALE_MR =
                         1u << 15, /* MR: perhaps no Modality LUT */
                     DICOM_WARN_CHARSET = 1u
                                          << 16, /* text guessed as Latin-1 */
                     DICOM_WARN_BITS = 1u
                                       << 17, /* BitsStored/HighBit repaired */
                     DICOM_WARN_GROUPS = 1u
                                         << 18, /* per-frame items != frames */
                     DICOM_WARN_PIXEL_LENGTH =
                         1u << 19, /* native data of undefined length */
                     DICOM_WARN_PALETTE =
                         1u << 20 /* descriptor contradicts the data */
};

/* Words for one bit. */
const char *dicom_warning_text(enum dicom_warning warning);

enum dicom_voi_function { DICOM_LINEAR, DICOM_LINEAR_EXACT, DICOM_SIGMOID };

struct dicom_window {
    double center;
    double width;
    enum dicom_voi_function function;
    bool valid; /* numbers, and width > 0; LINEAR takes a width below 1 as 1,
                 * PS3.3 C.11.2.1.2. An invalid one is 0, 0: skip it. */
};

/* A Modality or VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1), unpacked. */
struct dicom_lut {
    uint32_t n;           /* 1..65536 entries */
    int32_t first;        /* first value mapped */
    uint32_t bits;        /* of an entry as stated, 1..16 */
    uint32_t max;         /* largest entry; may exceed 2^bits - 1 */
    const uint16_t *data; /* n entries */
};

/* PALETTE COLOR (PS3.3 C.7.6.3.1.5), segmented tables expanded. */
struct dicom_palette {
    uint32_t n[3];    /* red, green, blue; 0: no palette */
    int32_t first[3]; /* first value mapped; below: entry 0, above: last */
    uint32_t bits;    /* 8 or 16, of the entries as they are in data */
    const uint16_t *data[3];
};

#define DICOM_UNKNOWN INT64_MIN /* of the integer fields below */

/* What may differ from frame to frame. Unknown numbers are NaN. */
struct dicom_frame {
    double slope, intercept; /* 1, 0 when absent */
    uint32_t window_first;   /* into header->windows */
    uint32_t n_windows;
    uint32_t voi_lut_first; /* into header->voi_luts */
    uint32_t n_voi_luts;
    double position[3];    /* IPP, mm */
    double orientation[6]; /* IOP, row then column direction */
    double slice_location;
    double px_x, px_y;  /* pixel measures, mm */
    double z_between;   /* SpacingBetweenSlices */
    double z_thickness; /* SliceThickness */
    int64_t in_stack;   /* InStackPositionNumber */
    int64_t temporal;   /* TemporalPositionIndex */
    uint32_t stack;     /* number of the distinct StackID; 0 none */
    bool sampled;       /* VolumetricProperties is SAMPLED */
};

enum dicom_spacing_source {
    DICOM_SPACING_NONE,
    DICOM_SPACING_PIXEL,  /* PixelSpacing */
    DICOM_SPACING_IMAGER, /* ImagerPixelSpacing: at the detector */
    DICOM_SPACING_GROUPS  /* Pixel Measures of the functional groups */
};

struct dicom_spacing {
    double x, y; /* mm between columns, between rows; 0 when unknown */
    double z;    /* SpacingBetweenSlices, else SliceThickness; 0 unknown */
    enum dicom_spacing_source source;
};

enum dicom_padding_kind {
    DICOM_PADDING_NONE,
    DICOM_PADDING_INTEGER,
    DICOM_PADDING_FLOAT
};

/* PixelPaddingValue and RangeLimit: stored values in [low, high] are padding.
 * For integers already in the range of the (signed or not) pixels. */
struct dicom_padding {
    enum dicom_padding_kind kind;
    double low, high;
};

enum dicom_presentation {
    DICOM_PRESENTATION_NONE,
    DICOM_PRESENTATION_IDENTITY,
    DICOM_PRESENTATION_INVERSE
};

enum dicom_answer { DICOM_UNSAID, DICOM_NO, DICOM_YES };

/* One value of an extra attribute. `number` is NaN if it is not one. */
struct dicom_attr {
    uint32_t tag;
    uint32_t index; /* of the value, from 0 */
    double number;
    const char *text;
};

/* Where the pixel data is, PS3.5 8 and A.4. */
enum dicom_pixels {
    DICOM_PIXELS_NONE,
    DICOM_PIXELS_NATIVE,      /* pixel_offset, pixel_length bytes */
    DICOM_PIXELS_ENCAPSULATED /* pixel_offset: the offset table's item */
};

/*
 * Plain data; release with dicom_header_deinit, which frees everything that
 * is pointed to. Text is UTF-8 without padding, multiple values joined by a
 * backslash; NULL when absent or empty.
 */
struct dicom_header {
    enum dicom_kind kind;
    uint32_t warnings; /* enum dicom_warning */

    struct dicom_uid transfer_syntax; /* as stated; NULL when missing */
    struct dicom_uid sop_class;
    struct dicom_uid sop_instance;
    struct dicom_uid study;
    struct dicom_uid series;
    struct dicom_uid frame_of_reference;

    /* patient: never shown as it is (traps 35) */
    const char *patient_id;
    const char *patient_issuer;
    const char *patient_sex;
    const char *patient_birth_date; /* YYYYMMDD as found */
    /* study */
    const char *study_date;
    const char *study_description;
    const char *accession;
    /* series */
    const char *modality;
    const char *series_description;
    int64_t series_number;
    const char *body_part;
    const char *laterality; /* ImageLaterality, else Laterality */
    const char *manufacturer;
    const char *model;
    const char *kernel;
    double kvp;
    double slice_thickness;
    /* instance */
    int64_t instance_number;
    int64_t acquisition_number;
    const char *image_type;
    const char *view_position;
    const char *acquisition_datetime; /* or AcquisitionDate + Time */
    enum dicom_answer burned_in;
    enum dicom_answer lossy;
    const char *photometric; /* as stated */
    const char *rescale_type;
    uint32_t overlays; /* groups 60xx */

    /* pixels */
    struct decode_desc desc; /* valid if has_pixels */
    bool has_pixels;
    bool decodable;      /* has_pixels and desc is of a kind we decode */
    const char *why_not; /* reason when has_pixels and not decodable */
    enum dicom_pixels pixels;
    uint64_t pixel_offset;
    uint64_t pixel_length; /* native; what the source really has */
    uint64_t eot_offset;   /* Extended Offset Table values; 0 none */
    uint64_t eot_length;   /* bytes */
    uint64_t eot_lengths_offset;
    uint64_t eot_lengths_length;
    bool items_big_endian; /* false for every legal source */
    bool swapped_pairs;    /* up to 8 bits in big-endian words; undone by
                            * dicom_native_read and dicom_frame_read */
    uint32_t frames;       /* at least 1 when has_pixels */

    /* values */
    bool has_modality_lut;
    struct dicom_lut modality_lut;
    const struct dicom_window *windows; /* pool; frames point into it */
    uint32_t n_windows;
    const struct dicom_lut *voi_luts; /* pool */
    uint32_t n_voi_luts;
    struct dicom_padding padding;
    enum dicom_presentation presentation;
    struct dicom_palette palette;
    struct dicom_spacing spacing;
    bool turned; /* stored upside down (DBT), REF 2.3 */

    /* frames: `shared` is what all have; `per_frame` are the first frames'
     * own records, as many as there are functional groups (0: none differs).
     * Use dicom_frame_at. */
    struct dicom_frame shared;
    const struct dicom_frame *per_frame;
    uint32_t n_per_frame;
    /* DimensionIndexValues: index_values[frame * n_dimensions + d]; NULL
     * unless every frame has n_dimensions of them. */
    uint32_t n_dimensions;
    const uint32_t *dimension_pointers; /* group << 16 | element */
    const uint32_t *index_values;
    bool temporal_3d; /* DimensionOrganizationType is 3D_TEMPORAL */
    /* Frame Increment Pointer's vector, n = frames, if it tells frames apart;
     * else NULL. Only some are distances (mm). */
    const double *frame_vector;
    bool vector_is_mm;

    const struct dicom_attr *extra; /* limits.extra_tags that were found */
    uint32_t n_extra;

    void *arena; /* owns all of the above */
};

#define DICOM_HEADER_INIT                                                      \
    {                                                                          \
        0                                                                      \
    }

/*
 * Reads the header; pixel data is not touched (native and encapsulated data
 * are only measured). On success *ret is filled; release it with
 * dicom_header_deinit. ERROR_CORRUPT: not parsable under its stated syntax,
 * nor as implicit little endian. A file that ends before its pixel data is
 * not an error here: has_pixels is false, DICOM_WARN_TRUNCATED is set.
 */
int dicom_header_read(const struct dicom_source *source,
                      struct dicom_header *ret, struct error *err)
    __attribute__((warn_unused_result));
void dicom_header_deinit(struct dicom_header *header);

/* The record of stored frame `frame` (from 0). Never NULL. */
const struct dicom_frame *dicom_frame_at(const struct dicom_header *header,
                                         uint64_t frame);

/* Unit normal of an orientation (row x column). False: not finite, or the
 * two directions are parallel. */
bool dicom_normal(const double orientation[6], double ret_normal[3]);

/* ---- order of the frames (REF 7.6) -------------------------------------- */

enum dicom_order_want {
    DICOM_ORDER_GEOMETRY, /* the default precedence */
    DICOM_ORDER_INSTANCE, /* by InStackPositionNumber, else stored */
    DICOM_ORDER_STORED
};

enum dicom_order_kind { /* the rule that applied */
                        DICOM_BY_STORAGE,
                        DICOM_BY_DIMENSION,
                        DICOM_BY_STACK,
                        DICOM_BY_GEOMETRY,
                        DICOM_BY_VECTOR,
                        DICOM_BY_LOCATION
};

struct dicom_order {
    uint32_t *frames; /* frames[k] = stored number of the k-th; owned */
    uint32_t n;
    enum dicom_order_kind kind;
    double z_spacing; /* mm; 0 when unknown */
    /* The frames are of several volumes (times, stacks, echoes) or of no
     * volume (not parallel): stored order is given, and operators that need one
     * volume must refuse with `why` (static text; NULL when it is one volume).
     */
    const char *why_mixed;
};

int dicom_order(const struct dicom_header *header, enum dicom_order_want want,
                struct dicom_order *ret, struct error *err)
    __attribute__((warn_unused_result));
void dicom_order_deinit(struct dicom_order *order);

/* Words for the manifest: "stored", "dimension", "stack", ... */
const char *dicom_order_kind_text(enum dicom_order_kind kind);

/* ---- frames ------------------------------------------------------------- */

/* The items of one frame of encapsulated data, their headers included.
 * Laid out as struct manifest_extent. */
struct dicom_extent {
    uint64_t offset, length;
};

/*
 * Where each frame of encapsulated data is: by the Extended Offset Table, the
 * Basic Offset Table (each only if every entry is the start of an item), one
 * fragment a frame, or by the start and end markers of the codestreams.
 * Costs one pass over the item headers. Caller owns *ret (free) of *ret_n =
 * header->frames extents; a frame the data does not have has length 0.
 * ERROR_CORRUPT if the fragments cannot be told apart.
 */
int dicom_frames_index(const struct dicom_source *source,
                       const struct dicom_header *header,
                       struct dicom_extent **ret, uint64_t *ret_n,
                       struct error *err) __attribute__((warn_unused_result));

/*
 * The bytes of one frame for decode_frame: native bytes, starting at bit
 * *ret_bit, or the codestream with item headers removed and fragments joined.
 * `extents` is the index (n = header->frames), or NULL for native data.
 * Caller owns *ret_bytes (free). ERROR_CORRUPT with counts if the data is
 * short for this frame.
 */
int dicom_frame_read(const struct dicom_source *source,
                     const struct dicom_header *header,
                     const struct dicom_extent *extents, uint64_t frame,
                     uint8_t **ret_bytes, size_t *ret_length, unsigned *ret_bit,
                     struct error *err) __attribute__((warn_unused_result));

/*
 * The same for native data, into the caller's memory: bytes
 * [offset, offset + length) of the pixel data, so that a part of a frame can
 * be read. ERROR_CORRUPT with counts if the data is short.
 */
int dicom_native_read(const struct dicom_source *source,
                      const struct dicom_header *header, uint64_t offset,
                      void *data, size_t length, struct error *err)
    __attribute__((warn_unused_result));

#endif
