// SPDX-License-Identifier: MIT
/*
 * The IFD writer: TIFF 6.0 section 2, and BigTIFF as libtiff defines it.
 *
 * A page's entries are listed once, in ifd_entries; measuring and writing
 * both walk that list, so that a size and the bytes cannot disagree. Writing
 * goes through a window: a read of 128 KiB in the middle of 126,000 IFDs or
 * of a long strip table makes those bytes and no others.
 *
 * An IFD, classic / BigTIFF:
 *
 *     count     2 / 8
 *     entries   12 / 20 each: tag 2, type 2, count 4 / 8, slot 4 / 8
 *     next      4 / 8: offset of the next IFD, 0 after the last
 *     values    those longer than a slot, each at a multiple of the slot
 */
#include "tiff/ifd.h"

#include <assert.h>
#include <string.h>

enum tiff_type {
    TYPE_ASCII = 2,
    TYPE_SHORT = 3,
    TYPE_LONG = 4,
    TYPE_RATIONAL = 5,
    TYPE_FLOAT = 11,
    TYPE_LONG8 = 16
};

enum value_source { FROM_VALUES, FROM_TEXT, STRIP_OFFSETS, STRIP_BYTE_COUNTS };

struct ifd_entry {
    uint16_t tag;
    enum tiff_type type;
    uint64_t count;
    enum value_source source;
    uint32_t value[4]; /* FROM_VALUES; two for each RATIONAL */
};

#define ENTRIES_MAX 25
#define IFD_ALIGN 8

enum { TAG_SOFTWARE = 305, TAG_TURNED = 65000 };

/* ---- the list of entries ------------------------------------------------ */

struct entry_list {
    struct ifd_entry entry[ENTRIES_MAX];
    uint32_t count;
};

static struct ifd_entry *add(struct entry_list *list, uint16_t tag,
                             enum tiff_type type, uint64_t count)
{
    struct ifd_entry *e = &list->entry[list->count];

    assert(list->count < ENTRIES_MAX);
    assert(list->count == 0 || e[-1].tag < tag);
    list->count++;
    *e = (struct ifd_entry){.tag = tag, .type = type, .count = count};
    return e;
}

static void add_value(struct entry_list *list, uint16_t tag,
                      enum tiff_type type, uint32_t value)
{
    add(list, tag, type, 1)->value[0] = value;
}

static void add_values(struct entry_list *list, uint16_t tag,
                       enum tiff_type type, uint64_t count,
                       const uint32_t values[static 4])
{
    memcpy(add(list, tag, type, count)->value, values, 4 * sizeof *values);
}

static void add_per_sample(struct entry_list *list, uint16_t tag,
                           uint32_t channels, uint32_t value)
{
    const uint32_t values[4] = {value, value, value, 0};

    add_values(list, tag, TYPE_SHORT, channels, values);
}

static uint32_t compression_of(enum tiff_pack pack)
{
    switch (pack) {
    case TIFF_PACK_NONE:
        return 1;
    case TIFF_PACK_PACKBITS:
        return 32773;
    case TIFF_PACK_LZW:
        return 5;
    case TIFF_PACK_DEFLATE:
        return 8;
    case TIFF_PACK_ZSTD:
        return 50000;
    }
    return 0;
}

/* SampleFormat: 1 unsigned, 2 signed, 3 IEEE float. */
static uint32_t sample_format_of(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8:
    case SAMPLE_U16:
    case SAMPLE_U32:
        return 1;
    case SAMPLE_I16:
    case SAMPLE_I32:
        return 2;
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        return 3;
    }
    return 0;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* With the types and the meaning of dicom-preprocess, so that its loaders
 * read them: the crop's origin is its centre, ActiveArea holds pad amounts. */
static void add_private(struct entry_list *list, const struct tiff_spec *spec)
{
    if (spec->has_scale)
        add_values(list, 50718, TYPE_FLOAT, 2,
                   (uint32_t[4]){float_bits(spec->scale[0]),
                                 float_bits(spec->scale[1])});
    if (spec->has_crop) {
        const struct image_box *box = &spec->crop;

        add_values(
            list, 50719, TYPE_LONG, 2,
            (uint32_t[4]){box->x + box->width / 2, box->y + box->height / 2});
        add_values(list, 50720, TYPE_LONG, 2,
                   (uint32_t[4]){box->width, box->height});
    }
    if (spec->has_pad)
        add_values(list, 50829, TYPE_LONG, 4, spec->pad);
    if (spec->has_turned)
        add_values(
            list, TAG_TURNED, TYPE_LONG, 4,
            (uint32_t[4]){spec->turned_width, spec->turned_height, 1, 1});
}

static bool has_resolution(const struct tiff_layout *layout)
{
    return layout->resolution[0][1] != 0;
}

static void add_resolution(struct entry_list *list,
                           const struct tiff_layout *layout)
{
    const uint32_t(*r)[2] = layout->resolution;
    bool known = has_resolution(layout);

    for (uint16_t axis = 0; axis < 2; axis++)
        add_values(list, (uint16_t)(282 + axis), TYPE_RATIONAL, 1,
                   known ? (uint32_t[4]){r[axis][0], r[axis][1]}
                         : (uint32_t[4]){1, 1});
    add_value(list, 284, TYPE_SHORT, 1); /* PlanarConfiguration: chunky */
    add_value(list, 296, TYPE_SHORT, known ? 3 : 1); /* cm : no unit */
}

static void ifd_entries(const struct tiff_layout *layout, uint32_t page,
                        struct entry_list *list)
{
    const struct tiff_spec *spec = &layout->spec;
    enum tiff_type offset_type = layout->big ? TYPE_LONG8 : TYPE_LONG;
    uint32_t strips = layout->strips.per_page;

    list->count = 0;
    add_value(list, 254, TYPE_LONG, spec->pages > 1 ? 2 : 0);
    add_value(list, 256, TYPE_LONG, spec->width);
    add_value(list, 257, TYPE_LONG, spec->height);
    add_per_sample(list, 258, spec->channels,
                   (uint32_t)(8 * sample_bytes(spec->type)));
    add_value(list, 259, TYPE_SHORT, compression_of(spec->pack));
    add_value(list, 262, TYPE_SHORT, spec->channels == 3 ? 2 : 1);
    add(list, 273, offset_type, strips)->source = STRIP_OFFSETS;
    add_value(list, 274, TYPE_SHORT, 1); /* Orientation: top left */
    add_value(list, 277, TYPE_SHORT, spec->channels);
    add_value(list, 278, TYPE_LONG, layout->strips.rows_per_strip);
    add(list, 279, offset_type, strips)->source = STRIP_BYTE_COUNTS;
    add_resolution(list, layout);
    if (spec->pages <= UINT16_MAX)
        add_values(list, 297, TYPE_SHORT, 2, (uint32_t[4]){page, spec->pages});
    if (spec->software && spec->software[0])
        add(list, TAG_SOFTWARE, TYPE_ASCII, strlen(spec->software) + 1)
            ->source = FROM_TEXT;
    add_per_sample(list, 339, spec->channels, sample_format_of(spec->type));
    add_private(list, spec);
}

/* ---- sizes -------------------------------------------------------------- */

/* The unit that is written: a RATIONAL is two of 4 bytes. */
static unsigned unit_bytes(enum tiff_type type)
{
    switch (type) {
    case TYPE_ASCII:
        return 1;
    case TYPE_SHORT:
        return 2;
    case TYPE_LONG:
    case TYPE_RATIONAL:
    case TYPE_FLOAT:
        return 4;
    case TYPE_LONG8:
        return 8;
    }
    return 0;
}

static uint64_t unit_count(const struct ifd_entry *e)
{
    return e->type == TYPE_RATIONAL ? 2 * e->count : e->count;
}

static uint64_t value_bytes(const struct ifd_entry *e)
{
    return unit_count(e) * unit_bytes(e->type);
}

static uint64_t round_up(uint64_t n, uint64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static unsigned slot_bytes(bool big)
{
    return big ? 8 : 4;
}

static unsigned entry_bytes(bool big)
{
    return big ? 20 : 12;
}

static unsigned count_bytes(bool big)
{
    return big ? 8 : 2;
}

/* From the IFD's start to its first out-of-line value. */
static uint64_t table_bytes(bool big, uint32_t entries)
{
    return round_up(count_bytes(big) + (uint64_t)entry_bytes(big) * entries +
                        slot_bytes(big),
                    slot_bytes(big));
}

uint64_t ifd_file_header_bytes(bool big)
{
    return big ? 16 : 8;
}

uint64_t ifd_measure(const struct tiff_layout *layout, uint32_t *ret_tag_count)
{
    unsigned slot = slot_bytes(layout->big);
    struct entry_list list;
    uint64_t bytes;

    ifd_entries(layout, 0, &list);
    bytes = table_bytes(layout->big, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        uint64_t n = value_bytes(&list.entry[i]);

        if (n > slot)
            bytes += round_up(n, slot);
    }
    *ret_tag_count = list.count;
    return round_up(bytes, IFD_ALIGN);
}

/* ---- bytes -------------------------------------------------------------- */

/* The low `bytes` bytes of `value` at file offset `at`, little endian. */
static void put(const struct ifd_window *w, uint64_t at, uint64_t value,
                unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        if (at + i >= w->from && at + i < w->to)
            w->dst[at + i - w->from] = (uint8_t)(value >> (8 * i));
    }
}

static bool touches(const struct ifd_window *w, uint64_t at, uint64_t bytes)
{
    return at < w->to && at + bytes > w->from;
}

static uint64_t unit_value(const struct tiff_layout *layout, uint32_t page,
                           const struct ifd_entry *e, uint64_t i)
{
    uint64_t first_strip = (uint64_t)page * layout->strips.per_page;

    switch (e->source) {
    case FROM_VALUES:
        return e->value[i];
    case FROM_TEXT:
        return (uint8_t)layout->spec.software[i]; /* the NUL is its last */
    case STRIP_OFFSETS:
        return tiff_layout_strip_offset(layout, first_strip + i);
    case STRIP_BYTE_COUNTS:
        return tiff_layout_strip_bytes(layout, first_strip + i);
    }
    return 0;
}

/* The units of `e` that the window touches, the first one at `at`. */
static void put_values(const struct tiff_layout *layout, uint32_t page,
                       const struct ifd_entry *e, uint64_t at,
                       const struct ifd_window *w)
{
    unsigned unit = unit_bytes(e->type);
    uint64_t count = unit_count(e);
    uint64_t first = w->from > at ? (w->from - at) / unit : 0;

    for (uint64_t i = first; i < count && at + i * unit < w->to; i++)
        put(w, at + i * unit, unit_value(layout, page, e, i), unit);
}

void ifd_write_file_header(const struct tiff_layout *layout,
                           const struct ifd_window *window)
{
    put(window, 0, 0x4949, 2); /* "II" */
    if (!layout->big) {
        put(window, 2, 42, 2);
        put(window, 4, ifd_file_header_bytes(false), 4);
        return;
    }
    put(window, 2, 43, 2);
    put(window, 4, 8, 2); /* bytes of an offset; 2 bytes of 0 follow */
    put(window, 8, ifd_file_header_bytes(true), 8);
}

void ifd_write(const struct tiff_layout *layout, uint32_t page,
               const struct ifd_window *window)
{
    bool big = layout->big;
    unsigned slot = slot_bytes(big);
    uint64_t start =
        ifd_file_header_bytes(big) + (uint64_t)page * layout->ifd_bytes;
    struct entry_list list;
    uint64_t at = start + count_bytes(big);
    uint64_t value_at;

    ifd_entries(layout, page, &list);
    value_at = start + table_bytes(big, list.count);
    put(window, start, list.count, count_bytes(big));
    for (uint32_t i = 0; i < list.count; i++, at += entry_bytes(big)) {
        const struct ifd_entry *e = &list.entry[i];
        uint64_t bytes = value_bytes(e);

        put(window, at, e->tag, 2);
        put(window, at + 2, (uint64_t)e->type, 2);
        put(window, at + 4, e->count, slot);
        if (bytes <= slot) {
            put_values(layout, page, e, at + 4 + slot, window);
            continue;
        }
        put(window, at + 4 + slot, value_at, slot);
        if (touches(window, value_at, bytes))
            put_values(layout, page, e, value_at, window);
        value_at += round_up(bytes, slot);
    }
    if (page + 1 < layout->spec.pages)
        put(window, at, start + layout->ifd_bytes, slot);
}
