// SPDX-License-Identifier: MIT
/*
 * dicom_impl.h: what the files of fs/dicom share; nobody else includes it.
 *
 * A header is read in this order:
 *
 *     dicom_source    preamble, meta group, encoding, inflation
 *     dcmtk_parse     data set up to the functional groups, by DCMTK
 *     dicom_tail      functional groups and whatever follows up to the pixel
 *                     data, by the cursor: 10^5 frames must cost no objects
 *     dicom_pixels, dicom_values, dicom_lut, ...   policy on what was found
 */
#ifndef DICOM_DICOM_IMPL_H
#define DICOM_DICOM_IMPL_H

#include "dcmtk/dcmtk_shim.h"
#include "dicom/dicom.h"
#include "dicom/dicom_tags.h"

/* ---- arena: one owner for everything in a header ------------------------ */

struct dicom_arena;

struct dicom_arena *dicom_arena_new(void);
void dicom_arena_free(struct dicom_arena *arena); /* may be NULL */
/* `count` zeroed elements of `size` bytes, aligned for any type; NULL: no
 * memory. */
void *dicom_arena_alloc(struct dicom_arena *arena, size_t count, size_t size);
/* Takes ownership of a malloc'd pointer (also on failure); returns it. */
void *dicom_arena_take(struct dicom_arena *arena, void *pointer);
/* A terminated copy; NULL: no memory. */
char *dicom_arena_text(struct dicom_arena *arena, const char *text,
                       size_t length);

/* ---- source ------------------------------------------------------------- */

#define DICOM_HEAD_BYTES 4096

struct dicom_source {
    int fd; /* borrowed */
    struct dicom_limits limits;
    uint64_t size; /* of what can be read */
    /* Bytes from data_start on, if they were inflated; else NULL. */
    uint8_t *inflated;
    uint64_t data_start; /* of the data set */
    enum dcmtk_encoding encoding;
    char *transfer_syntax; /* as stated, padding removed; NULL: none */
    char *meta_sop_class;
    char *meta_sop_instance;
    uint32_t warnings;
    /* The beginning of the file, where most reads are while it is opened. */
    size_t head_length;
    uint8_t head[DICOM_HEAD_BYTES];
};

/* Zeros replaced by the defaults. */
struct dicom_limits dicom_limits_full(const struct dicom_limits *given);

/* ---- encodings (dicom_sniff.c) ------------------------------------------ */

/* Do these bytes begin with an element of group `low` to `high`? */
bool dicom_encoding_guess(const uint8_t *bytes, size_t length, uint16_t low,
                          uint16_t high, enum dcmtk_encoding *ret);
bool dicom_encoding_is_explicit(enum dcmtk_encoding encoding);
bool dicom_encoding_is_big(enum dcmtk_encoding encoding);
/* Is this a VR of PS3.5 6.2? */
bool dicom_vr_is_known(const uint8_t vr[2]);
/* Does explicit VR give it a 32-bit length (PS3.5 7.1.2)? */
bool dicom_vr_is_long(const uint8_t vr[2]);

/* What a transfer syntax UID means. */
struct dicom_syntax {
    enum dcmtk_encoding encoding;
    enum decode_codec codec;
    bool deflated;
    bool known;       /* listed in PS3.6 */
    const char *name; /* of an unsupported one, for messages */
};
struct dicom_syntax dicom_syntax_of(const char *uid); /* NULL: implicit LE */

/* ---- cursor: elements without objects ------------------------------------ */

/* One position in a source; owned by one thread. */
struct dicom_cursor {
    const struct dicom_source *source;
    enum dcmtk_encoding encoding;
    uint64_t at;
    uint64_t buffer_at;
    size_t buffer_length;
    uint8_t buffer[8192];
};

struct dicom_element {
    uint32_t tag;
    uint8_t vr[2]; /* "??" in implicit VR */
    uint32_t length;
    uint64_t value; /* offset */
    uint64_t end;   /* of the enclosing value */
};

void dicom_cursor_init(struct dicom_cursor *cursor,
                       const struct dicom_source *source,
                       enum dcmtk_encoding encoding, uint64_t at);

/*
 * Reads the element header at cursor->at, below `end`; leaves the cursor at
 * the value. 1 read, 0 nothing more (at the end, or too few bytes for a
 * header: *ret_truncated), -1 error.
 */
int dicom_cursor_next(struct dicom_cursor *cursor, uint64_t end,
                      struct dicom_element *ret, bool *ret_truncated,
                      struct error *err);

/* Copies up to `size` bytes of the value, in file order; returns how many,
 * or -1. */
int dicom_cursor_value(struct dicom_cursor *cursor,
                       const struct dicom_element *element, void *data,
                       uint32_t size, struct error *err);

/* Moves behind the element's value, walking it if its length is undefined.
 * 1 done, 0 the source ends inside, -1 error. */
int dicom_cursor_skip(struct dicom_cursor *cursor,
                      const struct dicom_element *element, struct error *err);

/* Is the value a sequence: stated, of undefined length, or beginning with an
 * item (implicit VR, UN)? */
int dicom_cursor_is_sequence(struct dicom_cursor *cursor,
                             const struct dicom_element *element,
                             struct error *err);

/*
 * The items of a sequence. dicom_items_begin at the element; dicom_items_next
 * gives 1 and the end of the next item's content (UINT64_MAX when it is
 * delimited), with the cursor at the content, or 0 after the last one, or -1.
 * Leave each item with dicom_items_leave, wherever in it the cursor is.
 */
struct dicom_items {
    uint64_t end;     /* of the sequence; UINT64_MAX when delimited */
    uint64_t content; /* start of the current item */
    uint64_t item_end;
    enum dcmtk_encoding outer; /* restored at the end */
    bool guess;                /* UN: the content says how it is encoded */
    bool truncated;
};
void dicom_items_begin(struct dicom_items *items, struct dicom_cursor *cursor,
                       const struct dicom_element *element);
int dicom_items_next(struct dicom_items *items, struct dicom_cursor *cursor,
                     struct error *err);
int dicom_items_leave(struct dicom_items *items, struct dicom_cursor *cursor,
                      struct error *err);

/* ---- values -------------------------------------------------------------- */

/* A value in little-endian order and what it is; from DCMTK or the cursor. */
struct dicom_value {
    uint8_t vr[2];
    uint32_t length;
    const uint8_t *bytes;
};

/* Longest value that is ever read as numbers or text; longer is absent. */
#define DICOM_VALUE_MAX 65536u

/* Value `index` as a number, from text (DS, IS) or binary of the VR, or of
 * `expected` where the VR says nothing (UN, "??", OB). False: not there or
 * not a number. */
bool dicom_value_number(const struct dicom_value *value, const char expected[3],
                        uint32_t index, double *ret);
/* The same for an integer; text like "12.0" counts, "1A" does not. */
bool dicom_value_integer(const struct dicom_value *value,
                         const char expected[3], uint32_t index, int64_t *ret);
/* How many values (backslashes + 1, or bytes / size). */
uint32_t dicom_value_count(const struct dicom_value *value,
                           const char expected[3]);

bool dicom_value_is_text(const struct dicom_value *value);

/* Component `index` of text without its padding; false if there is none. */
bool dicom_text_part(const char *text, size_t length, uint32_t index,
                     const char **ret, size_t *ret_length);
/* Without trailing blanks and NULs, and leading blanks. */
void dicom_text_trim(const char **text, size_t *length);
/* Everything but printable ASCII becomes '?'. NULL is left alone. */
void dicom_make_printable(char *text);

/* ---- what is being built --------------------------------------------------
 */

struct dicom_build {
    const struct dicom_source *source;
    struct dicom_arena *arena;
    struct dicom_header *header;
    const struct dcmtk_item *root;
    enum dcmtk_encoding encoding; /* that it really was parsed in */
    const char *charset;
    uint64_t tail;       /* where DCMTK stopped */
    uint64_t lut_budget; /* bytes left for tables */

    struct dicom_window *windows; /* growing pools */
    uint32_t windows_size;
    struct dicom_lut *luts;
    uint32_t luts_size;

    /* NumberOfFrames: 0 unusable or absent */
    uint64_t stated_frames;
    bool frames_bad;

    bool top_rescale, top_window, top_voi_lut, top_function;
    enum dicom_voi_function function;

    struct dicom_frame *per_frame; /* one per item of the groups */
    uint32_t n_items;
    uint32_t items_size;
    uint32_t *index_values;
    bool index_values_bad;

    char (*stacks)[20]; /* distinct StackIDs seen */
    uint32_t n_stacks;

    uint32_t overlay_group; /* the last one seen */
};

/* Growing pools of the arena; UINT32_MAX: no memory. */
uint32_t dicom_add_window(struct dicom_build *build,
                          const struct dicom_window *window);
uint32_t dicom_add_lut(struct dicom_build *build, const struct dicom_lut *lut);

/* A table from its descriptor and data (`bytes`: words in little-endian
 * order). 1 made, 0 invalid, -1 no memory. */
int dicom_lut_make(struct dicom_build *build,
                   const struct dicom_value *descriptor, const uint8_t *bytes,
                   uint32_t length, bool is_signed, struct dicom_lut *ret);
bool dicom_voi_is_signed(const struct dicom_header *header);

/* Parts of values. */
bool dicom_parse_function(const struct dicom_value *value,
                          enum dicom_voi_function *ret);
bool dicom_parse_numbers(const struct dicom_value *value, const char vr[3],
                         uint32_t n, double *ret);
bool dicom_parse_spacing(const struct dicom_value *value, double *ret_x,
                         double *ret_y);

/* Adds the windows of a center and a width value to the pool; -1: no
 * memory. */
int dicom_add_windows(struct dicom_build *build,
                      const struct dicom_value *center,
                      const struct dicom_value *width,
                      enum dicom_voi_function function, uint32_t *ret_first,
                      uint32_t *ret_n);

/* The functional groups at `element`; the cursor is left anywhere in it. */
int dicom_visit_shared(struct dicom_build *build, struct dicom_cursor *cursor,
                       const struct dicom_element *element, struct error *err);
int dicom_visit_frames(struct dicom_build *build, struct dicom_cursor *cursor,
                       const struct dicom_element *element, struct error *err);

/* How many frames the fragments are good for. */
int dicom_count_encapsulated(const struct dicom_source *source,
                             const struct dicom_header *header, uint64_t *ret,
                             struct error *err);

/* Steps of dicom_header_read, in this order; each reads the root. */
int dicom_read_desc(struct dicom_build *build, struct error *err);
void dicom_read_rescale(struct dicom_build *build);
int dicom_read_modality_lut(struct dicom_build *build, struct error *err);
int dicom_read_voi_luts(struct dicom_build *build, struct error *err);
int dicom_read_windows(struct dicom_build *build, struct error *err);
void dicom_read_padding(struct dicom_build *build);
int dicom_read_palette(struct dicom_build *build, struct error *err);
void dicom_read_geometry(struct dicom_build *build);
int dicom_read_dimensions(struct dicom_build *build, struct error *err);
int dicom_read_tail(struct dicom_build *build, struct error *err);
int dicom_read_frames(struct dicom_build *build, struct error *err);
void dicom_read_spacing(struct dicom_build *build);
int dicom_read_turned(struct dicom_build *build, struct error *err);
int dicom_read_vector(struct dicom_build *build, struct error *err);

/* Top-level values through DCMTK. False: absent, empty, or longer than
 * DICOM_VALUE_MAX. The bytes are in the buffer, which is large so that reading
 * a value cannot fail for want of memory; it is never initialised. */
struct dicom_buffer {
    uint8_t bytes[DICOM_VALUE_MAX];
};
bool dicom_get(const struct dcmtk_item *item, uint32_t tag,
               struct dicom_buffer *buffer, struct dicom_value *ret);

bool dicom_is_utf8(const char *text, size_t length);

/* Numbers at top level, NaN or DICOM_UNKNOWN when absent. */
double dicom_get_number(const struct dcmtk_item *item, uint32_t tag,
                        const char expected[3]);
int64_t dicom_get_integer(const struct dcmtk_item *item, uint32_t tag,
                          const char expected[3]);

/* UTF-8 text in the arena, a few KiB at most; NULL when absent or empty, or no
 * memory (*oom). */
const char *dicom_get_text(struct dicom_build *build, uint32_t tag, bool *oom);

#endif
