// SPDX-License-Identifier: MIT
/*
 * dicom_cursor.c: walks elements (PS3.5 7.1 and 7.5) without making objects.
 *
 * Used where a data set is large and little of it is wanted: per-frame
 * functional groups and the way to the pixel data. Depth is bounded by
 * DEPTH_MAX, time by the length of the source.
 */
#include "dicom/dicom_impl.h"
#include "prepfs/checked.h"

#include <string.h>

enum { DEPTH_MAX = 64, JUMP_BYTES = 256 };

void dicom_cursor_init(struct dicom_cursor *cursor,
                       const struct dicom_source *source,
                       enum dcmtk_encoding encoding, uint64_t at)
{
    cursor->source = source;
    cursor->encoding = encoding;
    cursor->at = at;
    cursor->buffer_at = 0;
    cursor->buffer_length = 0;
}

/* Walking on, or back to a value that was looked at: not a jump. */
static bool is_near(const struct dicom_cursor *c, uint64_t at)
{
    uint64_t buffered = c->buffer_at + c->buffer_length;

    return c->buffer_length > 0 && at <= buffered &&
           at + sizeof c->buffer > c->buffer_at;
}

/* `length` bytes at `at`, or NULL with *ret_end if the source ends before, or
 * NULL on error. After a jump little is read: most of it would be skipped. */
static const uint8_t *peek(struct dicom_cursor *c, uint64_t at, size_t length,
                           bool *ret_end, struct error *err)
{
    uint64_t size = c->source->size;
    size_t n =
        is_near(c, at) || length > JUMP_BYTES ? sizeof c->buffer : JUMP_BYTES;

    *ret_end = at > size || length > size - at;
    if (*ret_end)
        return NULL;
    if (at >= c->buffer_at && at + length <= c->buffer_at + c->buffer_length)
        return c->buffer + (at - c->buffer_at);
    if (n > size - at)
        n = (size_t)(size - at);
    c->buffer_length = 0;
    if (dicom_source_read(c->source, at, c->buffer, n, err) != 0)
        return NULL;
    c->buffer_at = at;
    c->buffer_length = n;
    return c->buffer;
}

static uint16_t get16(const struct dicom_cursor *c, const uint8_t *b)
{
    if (dicom_encoding_is_big(c->encoding))
        return (uint16_t)(b[0] << 8 | b[1]);
    return (uint16_t)(b[1] << 8 | b[0]);
}

static uint32_t get32(const struct dicom_cursor *c, const uint8_t *b)
{
    if (dicom_encoding_is_big(c->encoding))
        return (uint32_t)get16(c, b) << 16 | get16(c, b + 2);
    return (uint32_t)get16(c, b + 2) << 16 | get16(c, b);
}

/* A VR that is not in the standard: later ones have a 32-bit length behind
 * two zero bytes (PS3.5 7.1.2); what is no VR at all is taken for an implicit
 * element, as DCMTK does. */
static size_t header_bytes(const struct dicom_cursor *c, const uint8_t *b,
                           uint32_t tag)
{
    bool letters;

    if (tag >> 16 == 0xFFFE || !dicom_encoding_is_explicit(c->encoding))
        return 8;
    if (dicom_vr_is_long(b + 4))
        return 12;
    if (dicom_vr_is_known(b + 4))
        return 8;
    letters = b[4] >= 'A' && b[4] <= 'Z' && b[5] >= 'A' && b[5] <= 'Z';
    return letters && b[6] == 0 && b[7] == 0 ? 12 : 8;
}

static void parse_header(const struct dicom_cursor *c, const uint8_t *b,
                         size_t size, struct dicom_element *ret)
{
    bool letters = b[4] >= 'A' && b[4] <= 'Z' && b[5] >= 'A' && b[5] <= 'Z';

    memcpy(ret->vr, "??", 2);
    if (ret->tag >> 16 == 0xFFFE || !dicom_encoding_is_explicit(c->encoding)) {
        ret->length = get32(c, b + 4);
        return;
    }
    if (size == 12) {
        memcpy(ret->vr, b + 4, 2);
        ret->length = get32(c, b + 8);
    } else if (letters) {
        memcpy(ret->vr, b + 4, 2);
        ret->length = get16(c, b + 6);
    } else {
        ret->length = get32(c, b + 4);
    }
}

int dicom_cursor_next(struct dicom_cursor *cursor, uint64_t end,
                      struct dicom_element *ret, bool *ret_truncated,
                      struct error *err)
{
    const uint8_t *b;
    size_t size;
    bool at_end;

    if (end > cursor->source->size)
        end = cursor->source->size;
    if (cursor->at >= end)
        return 0;
    if (end - cursor->at < 8) {
        *ret_truncated = true;
        return 0;
    }
    b = peek(cursor, cursor->at, 8, &at_end, err);
    if (!b)
        return -1;
    ret->tag = (uint32_t)get16(cursor, b) << 16 | get16(cursor, b + 2);
    size = header_bytes(cursor, b, ret->tag);
    if (size > end - cursor->at) {
        *ret_truncated = true;
        return 0;
    }
    b = peek(cursor, cursor->at, size, &at_end, err);
    if (!b)
        return -1;
    parse_header(cursor, b, size, ret);
    cursor->at += size;
    ret->value = cursor->at;
    ret->end = end;
    return 1;
}

/* Bytes of the value that the enclosing value really has. */
static uint64_t value_room(const struct dicom_element *element)
{
    return element->end > element->value ? element->end - element->value : 0;
}

int dicom_cursor_value(struct dicom_cursor *cursor,
                       const struct dicom_element *element, void *data,
                       uint32_t size, struct error *err)
{
    uint64_t n = element->length;
    uint8_t *to = data;
    bool at_end;

    if (element->length == DICOM_UNDEFINED_LENGTH)
        return 0;
    if (n > size)
        n = size;
    if (n > value_room(element))
        n = value_room(element);
    if (n > INT32_MAX)
        n = INT32_MAX;
    if (n > sizeof cursor->buffer) {
        if (dicom_source_read(cursor->source, element->value, to, (size_t)n,
                              err) != 0)
            return -1;
        return (int)n;
    }
    if (n > 0) {
        const uint8_t *b =
            peek(cursor, element->value, (size_t)n, &at_end, err);

        if (!b)
            return at_end ? 0 : -1;
        memcpy(to, b, (size_t)n);
    }
    return (int)n;
}

/* Nested values of undefined length, innermost last. */
struct nest {
    unsigned depth;
    bool is_item[DEPTH_MAX];
    enum dcmtk_encoding outer[DEPTH_MAX];
};

static int push(struct nest *nest, bool is_item, enum dcmtk_encoding outer,
                struct error *err)
{
    if (nest->depth == DEPTH_MAX)
        return error_set(err, ERROR_TOO_BIG,
                         "sequences are nested over %d levels deep", DEPTH_MAX);
    nest->is_item[nest->depth] = is_item;
    nest->outer[nest->depth] = outer;
    nest->depth++;
    return 0;
}

/* A delimiter ends the innermost value of its kind; the other kind in its
 * place is a known error of writers and ends the innermost one too. */
static void pop(struct nest *nest, struct dicom_cursor *cursor)
{
    nest->depth--;
    cursor->encoding = nest->outer[nest->depth];
}

/* PS3.5 6.2.2 note 2 (CP-246): UN of undefined length is a sequence in
 * implicit little endian. */
static void enter_encoding(struct dicom_cursor *cursor,
                           const struct dicom_element *element)
{
    if (memcmp(element->vr, "UN", 2) == 0)
        cursor->encoding = DCMTK_IMPLICIT_LE;
}

static int skip_walking(struct dicom_cursor *cursor,
                        const struct dicom_element *element, struct error *err)
{
    struct nest nest = {0};
    struct dicom_element e;
    bool truncated = false;
    int rc;

    if (push(&nest, false, cursor->encoding, err) != 0)
        return -1;
    enter_encoding(cursor, element);
    while (nest.depth > 0) {
        rc = dicom_cursor_next(cursor, UINT64_MAX, &e, &truncated, err);
        if (rc <= 0)
            return rc;
        if (e.tag == TAG_SEQUENCE_END || e.tag == TAG_ITEM_END) {
            pop(&nest, cursor);
        } else if (e.length == DICOM_UNDEFINED_LENGTH) {
            if (push(&nest, e.tag == TAG_ITEM, cursor->encoding, err) != 0)
                return -1;
            enter_encoding(cursor, &e);
        } else if (e.length > value_room(&e)) {
            return 0;
        } else {
            cursor->at = e.value + e.length;
        }
    }
    return 1;
}

int dicom_cursor_skip(struct dicom_cursor *cursor,
                      const struct dicom_element *element, struct error *err)
{
    enum dcmtk_encoding encoding = cursor->encoding;
    int rc;

    cursor->at = element->value;
    if (element->length != DICOM_UNDEFINED_LENGTH) {
        if (element->length > value_room(element))
            return 0;
        cursor->at += element->length;
        return 1;
    }
    rc = skip_walking(cursor, element, err);
    cursor->encoding = encoding;
    return rc;
}

int dicom_cursor_is_sequence(struct dicom_cursor *cursor,
                             const struct dicom_element *element,
                             struct error *err)
{
    const uint8_t *b;
    bool at_end;

    if (element->length == DICOM_UNDEFINED_LENGTH ||
        memcmp(element->vr, "SQ", 2) == 0)
        return 1;
    if (memcmp(element->vr, "??", 2) != 0 && memcmp(element->vr, "UN", 2) != 0)
        return 0;
    if (element->length < 8 || element->length > value_room(element))
        return 0;
    b = peek(cursor, element->value, 4, &at_end, err);
    if (!b)
        return at_end ? 0 : -1;
    return get16(cursor, b) == 0xFFFE && get16(cursor, b + 2) == 0xE000;
}

void dicom_items_begin(struct dicom_items *items, struct dicom_cursor *cursor,
                       const struct dicom_element *element)
{
    *items = (struct dicom_items){.end = UINT64_MAX, .outer = cursor->encoding};
    cursor->at = element->value;
    if (element->length == DICOM_UNDEFINED_LENGTH) {
        enter_encoding(cursor, element);
        return;
    }
    items->guess = memcmp(element->vr, "UN", 2) == 0;
    items->end = element->value + element->length;
    if (items->end > element->end) {
        items->end = element->end;
        items->truncated = true;
    }
}

/* Content of an item inside UN of stated length: which encoding it was copied
 * from is not said, so the first element is asked. */
static int guess_item_encoding(struct dicom_items *items,
                               struct dicom_cursor *cursor, struct error *err)
{
    enum dcmtk_encoding seen;
    const uint8_t *b;
    bool at_end;

    if (items->item_end != UINT64_MAX && items->item_end - cursor->at < 8)
        return 0;
    b = peek(cursor, cursor->at, 8, &at_end, err);
    if (!b)
        return at_end ? 0 : -1;
    if (dicom_encoding_guess(b, 8, 0x0002, 0xFFFD, &seen) &&
        dicom_encoding_is_big(seen) == dicom_encoding_is_big(cursor->encoding))
        cursor->encoding = seen;
    return 0;
}

int dicom_items_next(struct dicom_items *items, struct dicom_cursor *cursor,
                     struct error *err)
{
    struct dicom_element e;
    int rc = dicom_cursor_next(cursor, items->end, &e, &items->truncated, err);

    if (rc < 0)
        return -1;
    if (rc == 0 || e.tag != TAG_ITEM) {
        if (rc == 0 && items->end == UINT64_MAX)
            items->truncated = true;
        cursor->encoding = items->outer;
        return 0;
    }
    items->content = e.value;
    items->item_end = UINT64_MAX;
    if (e.length != DICOM_UNDEFINED_LENGTH) {
        items->item_end = e.value + e.length;
        if (items->item_end > e.end) {
            items->item_end = e.end;
            items->truncated = true;
        }
    }
    if (items->guess && guess_item_encoding(items, cursor, err) != 0)
        return -1;
    return 1;
}

int dicom_items_leave(struct dicom_items *items, struct dicom_cursor *cursor,
                      struct error *err)
{
    struct dicom_element e = {.tag = TAG_ITEM,
                              .vr = "??",
                              .length = DICOM_UNDEFINED_LENGTH,
                              .value = items->content,
                              .end = UINT64_MAX};
    int rc;

    if (items->item_end != UINT64_MAX) {
        cursor->at = items->item_end;
        return 0;
    }
    rc = dicom_cursor_skip(cursor, &e, err);
    if (rc == 0)
        items->truncated = true;
    if (rc == 0)
        cursor->at = cursor->source->size;
    return rc < 0 ? -1 : 0;
}
