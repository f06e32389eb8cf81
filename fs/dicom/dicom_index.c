// SPDX-License-Identifier: MIT
/*
 * dicom_index.c: which fragments belong to which frame (PS3.5 A.4).
 *
 *     item: Basic Offset Table | item | item | item | ... | delimiter
 *                              ^ offsets of both tables count from here
 *
 * Offset tables are believed only if each entry is the start of an item, in
 * ascending order. Items are followed by their lengths alone, so bytes in a
 * codestream that look like a delimiter do no harm, and a missing delimiter
 * is no loss.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/checked.h"
#include "prepfs/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Fragments are 16 bytes of memory each while an index is made. */
enum { FRAGMENTS_MAX = 8 * 1024 * 1024, ITEM_HEADER = 8 };

struct fragments {
    struct dicom_extent *list; /* item headers included */
    size_t n;
    size_t size;
    uint64_t bot_offset; /* of the table's values */
    uint64_t bot_length;
    uint64_t start; /* of the first fragment's item */
};

static void fragments_deinit(struct fragments *f)
{
    free(f->list);
}

static int add_fragment(struct fragments *f, uint64_t offset, uint64_t length,
                        struct error *err)
{
    if (f->n == f->size) {
        size_t size = f->size ? f->size * 2 : 64;
        struct dicom_extent *p;

        if (f->n >= FRAGMENTS_MAX)
            return error_set(err, ERROR_TOO_BIG, "over %d fragments",
                             FRAGMENTS_MAX);
        p = realloc(f->list, size * sizeof *p);
        if (!p)
            return error_no_memory(err);
        f->list = p;
        f->size = size;
    }
    f->list[f->n++] = (struct dicom_extent){offset, length};
    return 0;
}

/* The last fragment may be said to be longer than the source: it is kept as
 * stated, so that reading its frame says what is missing. */
static int scan(const struct dicom_source *source, const struct dicom_header *h,
                struct fragments *f, struct error *err)
{
    uint64_t end = h->pixel_offset + h->pixel_length;
    struct dicom_cursor cursor;
    struct dicom_element e;
    bool truncated = false;
    int rc;

    dicom_cursor_init(&cursor, source,
                      h->items_big_endian ? DCMTK_IMPLICIT_BE
                                          : DCMTK_IMPLICIT_LE,
                      h->pixel_offset);
    rc = dicom_cursor_next(&cursor, end, &e, &truncated, err);
    if (rc < 0)
        return -1;
    if (rc == 0 || e.tag != TAG_ITEM || e.length > end - e.value)
        return error_set(err, ERROR_CORRUPT,
                         "encapsulated pixel data has no offset table item");
    f->bot_offset = e.value;
    f->bot_length = e.length;
    f->start = cursor.at = e.value + e.length;
    while ((rc = dicom_cursor_next(&cursor, end, &e, &truncated, err)) > 0 &&
           e.tag == TAG_ITEM && e.length != DICOM_UNDEFINED_LENGTH) {
        if (add_fragment(f, e.value - ITEM_HEADER,
                         (uint64_t)e.length + ITEM_HEADER, err) != 0)
            return -1;
        cursor.at = e.value + e.length;
    }
    return rc < 0 ? -1 : 0;
}

/* Empty fragments carry nothing; a table may still point to them. */
static void drop_empty(struct fragments *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        if (f->list[i].length > ITEM_HEADER)
            f->list[n++] = f->list[i];
    f->n = n;
}

/* Frame `frame` is fragments [from, to). */
static void set_frame(const struct fragments *f, struct dicom_extent *frame,
                      size_t from, size_t to)
{
    const struct dicom_extent *last = &f->list[to - 1];

    frame->offset = f->list[from].offset;
    frame->length = last->offset + last->length - frame->offset;
}

/* ---- offset tables ----------------------------------------------------------
 */

static uint64_t table_entry(const uint8_t *bytes, uint64_t i, unsigned width)
{
    uint64_t v = 0;

    for (unsigned k = width; k-- > 0;)
        v = v << 8 | bytes[i * width + k];
    return v;
}

/* Reads `n` offsets at `at`; turns each into the number of the fragment that
 * starts there. 1 all good, 0 not to be believed, -1 error. */
static int match_table(const struct dicom_source *source,
                       const struct fragments *f, uint64_t at, unsigned width,
                       uint64_t n, size_t *ret_starts, struct error *err)
{
    enum { STEP = 4096 };
    uint8_t bytes[STEP];
    size_t fragment = 0;
    uint64_t previous = 0;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t k = i % (STEP / width);
        uint64_t offset;

        if (k == 0) {
            uint64_t left = (n - i) * width;
            size_t now = left < STEP ? (size_t)left : STEP;

            if (dicom_source_read(source, at + i * width, bytes, now, err))
                return -1;
        }
        offset = table_entry(bytes, k, width);
        if ((i == 0 && offset != 0) || (i > 0 && offset <= previous))
            return 0;
        previous = offset;
        while (fragment < f->n && f->list[fragment].offset - f->start < offset)
            fragment++;
        if (fragment == f->n || f->list[fragment].offset - f->start != offset)
            return 0;
        ret_starts[i] = fragment;
    }
    return 1;
}

/* 1 used, 0 no such table or not to be believed, -1 error. */
static int by_table(const struct dicom_source *source,
                    const struct fragments *f, uint64_t at, unsigned width,
                    uint64_t entries, uint64_t frames, struct dicom_extent *ret,
                    struct error *err)
{
    CLEANUP_FREE size_t *starts = NULL;
    int rc;

    if (entries == 0 || entries > f->n || frames == 0)
        return 0;
    starts = calloc((size_t)entries, sizeof *starts);
    if (!starts)
        return error_no_memory(err);
    rc = match_table(source, f, at, width, entries, starts, err);
    if (rc <= 0)
        return rc;
    for (uint64_t i = 0; i < entries && i < frames; i++)
        set_frame(f, &ret[i], starts[i],
                  i + 1 < entries ? starts[i + 1] : f->n);
    return 1;
}

/* ---- codestreams
 * ------------------------------------------------------------- */

/* SOI (T.81 B.1.1.3; JPEG-LS too), or SOC and SIZ (15444-1 A.4.1). */
static bool begins_codestream(enum decode_codec codec, const uint8_t b[4])
{
    if (codec == DECODE_JPEG || codec == DECODE_JPEGLS)
        return b[0] == 0xFF && b[1] == 0xD8 && b[2] == 0xFF;
    if (codec == DECODE_J2K)
        return memcmp(b, "\xFF\x4F\xFF\x51", 4) == 0 ||
               memcmp(b, "\0\0\0\x0C", 4) == 0;
    return false;
}

/* EOI or EOC at the end, padding behind it allowed. */
static bool ends_codestream(const uint8_t *b, size_t n)
{
    while (n > 2 && b[n - 1] == 0)
        n--;
    return n >= 2 && b[n - 2] == 0xFF && b[n - 1] == 0xD9;
}

static int look_at(const struct dicom_source *source,
                   const struct dicom_header *h,
                   const struct dicom_extent *fragment, bool *ret_begins,
                   bool *ret_ends, struct error *err)
{
    uint64_t length = fragment->length - ITEM_HEADER;
    uint64_t value = fragment->offset + ITEM_HEADER;
    uint8_t b[8] = {0};
    size_t n = length < sizeof b ? (size_t)length : sizeof b;

    *ret_begins = *ret_ends = false;
    if (length < 4 || value + length > dicom_source_size(source))
        return 0;
    if (dicom_source_read(source, value, b, n, err) != 0)
        return -1;
    *ret_begins = begins_codestream(h->desc.codec, b);
    if (dicom_source_read(source, value + length - n, b, n, err) != 0)
        return -1;
    *ret_ends = ends_codestream(b, n);
    return 0;
}

/* First fragments of codestreams: `strict` wants the one before to be ended.
 * The number of starts; at most `room` are stored. */
struct starts {
    uint64_t n;
    uint64_t n_strict;
    size_t *at;
    size_t *at_strict;
    uint64_t room;
};

static int find_starts(const struct dicom_source *source,
                       const struct dicom_header *h, const struct fragments *f,
                       struct starts *s, struct error *err)
{
    bool begins, ends, ended = true;

    for (size_t i = 0; i < f->n; i++) {
        if (look_at(source, h, &f->list[i], &begins, &ends, err) != 0)
            return -1;
        if (begins) {
            if (s->n < s->room)
                s->at[s->n] = i;
            s->n++;
        }
        if (begins && ended) {
            if (s->n_strict < s->room)
                s->at_strict[s->n_strict] = i;
            s->n_strict++;
        }
        ended = ends;
    }
    return 0;
}

static bool use_starts(const struct fragments *f, const size_t *at, uint64_t n,
                       uint64_t frames, uint64_t room, struct dicom_extent *ret)
{
    if (n == 0 || at[0] != 0 || (n == 1 && f->n >= frames))
        return false;
    for (uint64_t i = 0; i < n && i < frames; i++)
        set_frame(f, &ret[i], at[i],
                  i + 1 < n && i + 1 < room ? at[i + 1] : f->n);
    return true;
}

/* 1 told apart, 0 not, -1 error. */
static int by_codestream(const struct dicom_source *source,
                         const struct dicom_header *h,
                         const struct fragments *f, uint64_t frames,
                         struct dicom_extent *ret, struct error *err)
{
    size_t room = f->n < frames + 1 ? f->n : (size_t)frames + 1;
    CLEANUP_FREE size_t *at = malloc(room * sizeof *at);
    CLEANUP_FREE size_t *at_strict = malloc(room * sizeof *at_strict);
    struct starts s = {.at = at, .at_strict = at_strict, .room = room};

    if (!at || !at_strict)
        return error_no_memory(err);
    if (find_starts(source, h, f, &s, err) != 0)
        return -1;
    if (s.n_strict != frames && s.n == frames)
        return use_starts(f, at, s.n, frames, room, ret);
    return use_starts(f, at_strict, s.n_strict, frames, room, ret);
}

/* ---- the index
 * ------------------------------------------------------------------ */

static int tables(const struct dicom_source *source,
                  const struct dicom_header *h, const struct fragments *f,
                  bool any_number, uint64_t frames, struct dicom_extent *ret,
                  struct error *err)
{
    uint64_t n = h->eot_length / 8;
    int rc = 0;

    if (n == frames || any_number)
        rc = by_table(source, f, h->eot_offset, 8, n, frames, ret, err);
    if (rc != 0)
        return rc;
    n = f->bot_length / 4;
    if (n == frames || any_number)
        rc = by_table(source, f, f->bot_offset, 4, n, frames, ret, err);
    return rc;
}

static void one_each(const struct fragments *f, uint64_t frames,
                     struct dicom_extent *ret)
{
    for (uint64_t i = 0; i < frames && i < f->n; i++)
        ret[i] = f->list[i];
}

/* From the best evidence to the weakest. */
static int tell_apart(const struct dicom_source *source,
                      const struct dicom_header *h, struct fragments *f,
                      struct dicom_extent *ret, struct error *err)
{
    uint64_t frames = h->frames;
    int rc = tables(source, h, f, false, frames, ret, err);

    if (rc != 0)
        return rc;
    if (f->n != frames)
        drop_empty(f);
    if (f->n == 0)
        return 1;
    if (frames == 1)
        set_frame(f, &ret[0], 0, f->n);
    if (f->n == frames)
        one_each(f, frames, ret);
    if (frames == 1 || f->n == frames)
        return 1;
    rc = by_codestream(source, h, f, frames, ret, err);
    if (rc == 0)
        rc = tables(source, h, f, true, frames, ret, err);
    /* RLE has one fragment a frame by law (PS3.5 A.4.2). */
    if (rc == 0 && (h->desc.codec == DECODE_RLE || f->n < frames)) {
        one_each(f, frames, ret);
        rc = 1;
    }
    return rc;
}

int dicom_frames_index(const struct dicom_source *source,
                       const struct dicom_header *header,
                       struct dicom_extent **ret, uint64_t *ret_n,
                       struct error *err)
{
    CLEANUP(fragments_deinit) struct fragments f = {0};
    CLEANUP_FREE struct dicom_extent *extents = NULL;
    int rc;

    if (header->pixels != DICOM_PIXELS_ENCAPSULATED)
        return error_set(err, ERROR_INTERNAL,
                         "frame index of data that is not encapsulated");
    extents = calloc(header->frames, sizeof *extents);
    if (!extents)
        return error_no_memory(err);
    if (scan(source, header, &f, err) != 0)
        return -1;
    rc = tell_apart(source, header, &f, extents, err);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return error_set(err, ERROR_CORRUPT,
                         "%zu fragments cannot be told apart into %u frames",
                         f.n, header->frames);
    *ret = STEAL(extents);
    *ret_n = header->frames;
    return 0;
}

int dicom_count_encapsulated(const struct dicom_source *source,
                             const struct dicom_header *header, uint64_t *ret,
                             struct error *err)
{
    CLEANUP(fragments_deinit) struct fragments f = {0};
    CLEANUP_FREE struct dicom_extent *scratch = NULL;
    struct starts s = {0};
    int rc;

    if (scan(source, header, &f, err) != 0)
        return -1;
    scratch = calloc(f.n + 1, sizeof *scratch);
    if (!scratch)
        return error_no_memory(err);
    *ret = header->eot_length / 8;
    if (*ret && *ret <= f.n) {
        rc = by_table(source, &f, header->eot_offset, 8, *ret, *ret, scratch,
                      err);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    *ret = f.bot_length / 4;
    if (*ret && *ret <= f.n) {
        rc = by_table(source, &f, f.bot_offset, 4, *ret, *ret, scratch, err);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    drop_empty(&f);
    if (find_starts(source, header, &f, &s, err) != 0)
        return -1;
    *ret = s.n_strict ? s.n_strict : f.n;
    return 0;
}
