// SPDX-License-Identifier: MIT
/*
 * Where the parts of a file are. Nothing here looks at a sample: the size of
 * an unpacked leaf must be known before the first pixel is decoded.
 */
#include "tiff/tiff.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prepfs/checked.h"
#include "tiff/ifd.h"
#include "tiff/rational.h"

static int too_big(struct error *err, const struct tiff_spec *spec)
{
    return error_set(err, ERROR_TOO_BIG,
                     "%u pages of %ux%u pixels are more than a file can hold",
                     spec->pages, spec->width, spec->height);
}

static int check_spec(const struct tiff_spec *spec, struct error *err)
{
    if (spec->pages == 0 || spec->width == 0 || spec->height == 0)
        return error_set(err, ERROR_INTERNAL, "empty TIFF: %u pages of %ux%u",
                         spec->pages, spec->width, spec->height);
    if (spec->channels != 1 && spec->channels != 3)
        return error_set(err, ERROR_INTERNAL, "TIFF of %u channels",
                         spec->channels);
    if (spec->type == SAMPLE_F16)
        return error_set(err, ERROR_UNSUPPORTED,
                         "f16 has no TIFF that readers agree on; use .npy");
    if (sample_bytes(spec->type) == 0)
        return error_set(err, ERROR_INTERNAL, "unknown sample type %d",
                         (int)spec->type);
    if (!tiff_pack_is_available(spec->pack))
        return error_set(err, ERROR_UNSUPPORTED, "libtiff was built without %s",
                         tiff_pack_name(spec->pack));
    return 0;
}

/* ---- strips ------------------------------------------------------------- */

static uint32_t rows_within(uint64_t limit, uint64_t row_bytes, uint32_t height)
{
    uint64_t rows = limit / row_bytes;

    if (rows == 0)
        return 1;
    return rows < height ? (uint32_t)rows : height;
}

int tiff_strips_init(const struct tiff_spec *spec, struct tiff_strips *ret,
                     struct error *err)
{
    uint64_t limit = spec->pack == TIFF_PACK_NONE ? TIFF_STRIP_BYTES_MAX
                                                  : TIFF_PACK_STRIP_BYTES;
    uint64_t rows;

    if (check_spec(spec, err) < 0)
        return -1;
    /* at most 2^32 * 3 * 8 bytes */
    ret->row_bytes =
        (uint64_t)spec->width * spec->channels * sample_bytes(spec->type);
    if (!checked_mul_u64(ret->row_bytes, spec->height, &ret->page_bytes))
        return too_big(err, spec);
    rows = rows_within(limit, ret->row_bytes, spec->height);
    ret->rows_per_strip = (uint32_t)rows;
    ret->per_page = (uint32_t)((spec->height + rows - 1) / rows);
    ret->count = (uint64_t)spec->pages * ret->per_page;
    return 0;
}

uint32_t tiff_strip_rows(const struct tiff_strips *strips, uint32_t height,
                         uint32_t strip)
{
    uint32_t first = strip * strips->rows_per_strip;

    assert(strip < strips->per_page);
    if (height - first < strips->rows_per_strip)
        return height - first;
    return strips->rows_per_strip;
}

/* ---- layout ------------------------------------------------------------- */

static bool is_resolution(double px_per_cm)
{
    return isfinite(px_per_cm) && px_per_cm > 0;
}

/* {0, 0} if either is unknown: a resolution of one axis is of no use. */
static void set_resolution(struct tiff_layout *layout)
{
    const struct tiff_spec *spec = &layout->spec;

    memset(layout->resolution, 0, sizeof layout->resolution);
    if (!is_resolution(spec->px_per_cm_x) || !is_resolution(spec->px_per_cm_y))
        return;
    rational_nearest(spec->px_per_cm_x, layout->resolution[0]);
    rational_nearest(spec->px_per_cm_y, layout->resolution[1]);
}

/* Everything that depends on layout->big; `data_bytes` is what all strips
 * take. False on overflow. */
static bool place(struct tiff_layout *layout, uint64_t data_bytes)
{
    uint64_t ifds;

    layout->ifd_bytes = ifd_measure(layout, &layout->tag_count);
    if (!checked_mul_u64(layout->spec.pages, layout->ifd_bytes, &ifds))
        return false;
    if (!checked_add_u64(ifds, ifd_file_header_bytes(layout->big),
                         &layout->header_end))
        return false;
    if (!checked_add_u64(layout->header_end, TIFF_DATA_ALIGN - 1,
                         &layout->data_offset))
        return false;
    layout->data_offset -= layout->data_offset % TIFF_DATA_ALIGN;
    if (!checked_add_u64(layout->data_offset, data_bytes, &layout->size))
        return false;
    return layout->size <= INT64_MAX; /* off_t */
}

/* Running sums of the strips' sizes from 0; place_strips moves them. */
static int sum_strips(struct tiff_layout *layout, const uint64_t *strip_bytes,
                      struct error *err)
{
    uint64_t count = layout->strips.count;
    uint64_t sum = 0;

    if (count >= SIZE_MAX / sizeof *layout->strip_offset)
        return too_big(err, &layout->spec);
    layout->strip_offset =
        malloc((size_t)(count + 1) * sizeof *layout->strip_offset);
    if (!layout->strip_offset)
        return error_no_memory(err);
    for (uint64_t i = 0; i < count; i++) {
        layout->strip_offset[i] = sum;
        if (strip_bytes[i] == 0)
            return error_set(err, ERROR_INTERNAL, "strip of 0 bytes");
        if (!checked_add_u64(sum, strip_bytes[i], &sum))
            return too_big(err, &layout->spec);
    }
    layout->strip_offset[count] = sum;
    return 0;
}

static int measure_data(struct tiff_layout *layout, const uint64_t *strip_bytes,
                        uint64_t *ret, struct error *err)
{
    if (!strip_bytes) {
        if (!checked_mul_u64(layout->spec.pages, layout->strips.page_bytes,
                             ret))
            return too_big(err, &layout->spec);
        return 0;
    }
    if (sum_strips(layout, strip_bytes, err) < 0)
        return -1;
    *ret = layout->strip_offset[layout->strips.count];
    return 0;
}

static void shift_strips(struct tiff_layout *layout)
{
    if (!layout->strip_offset)
        return;
    for (uint64_t i = 0; i <= layout->strips.count; i++)
        layout->strip_offset[i] += layout->data_offset;
}

static int lay_out(struct tiff_layout *layout, const uint64_t *strip_bytes,
                   struct error *err)
{
    uint64_t data_bytes;

    if (tiff_strips_init(&layout->spec, &layout->strips, err) < 0)
        return -1;
    if (measure_data(layout, strip_bytes, &data_bytes, err) < 0)
        return -1;
    set_resolution(layout);
    layout->big = layout->spec.big;
    if (!place(layout, data_bytes))
        return too_big(err, &layout->spec);
    if (!layout->big && layout->size > UINT32_MAX) {
        layout->big = true;
        if (!place(layout, data_bytes))
            return too_big(err, &layout->spec);
    }
    shift_strips(layout);
    return 0;
}

int tiff_layout_init(const struct tiff_spec *spec, const uint64_t *strip_bytes,
                     struct tiff_layout *ret, struct error *err)
{
    assert((spec->pack == TIFF_PACK_NONE) == (strip_bytes == NULL));
    *ret = (struct tiff_layout){.spec = *spec};
    if (lay_out(ret, strip_bytes, err) == 0)
        return 0;
    tiff_layout_deinit(ret);
    return -1;
}

void tiff_layout_deinit(struct tiff_layout *layout)
{
    if (!layout)
        return;
    free(layout->strip_offset);
    layout->strip_offset = NULL;
}

void tiff_layout_header_read(const struct tiff_layout *layout, uint64_t offset,
                             size_t length, uint8_t *dst)
{
    const struct ifd_window window = {offset, offset + length, dst};
    uint64_t first_ifd = ifd_file_header_bytes(layout->big);
    uint64_t page = 0;

    assert(offset <= layout->data_offset);
    assert(length <= layout->data_offset - offset);
    memset(dst, 0, length);
    if (offset < first_ifd)
        ifd_write_file_header(layout, &window);
    else
        page = (offset - first_ifd) / layout->ifd_bytes;
    for (; page < layout->spec.pages; page++) {
        if (first_ifd + page * layout->ifd_bytes >= window.to)
            break;
        ifd_write(layout, (uint32_t)page, &window);
    }
}

uint64_t tiff_layout_strip_offset(const struct tiff_layout *layout,
                                  uint64_t index)
{
    const struct tiff_strips *s = &layout->strips;

    assert(index < s->count);
    if (layout->strip_offset)
        return layout->strip_offset[index];
    return layout->data_offset + index / s->per_page * s->page_bytes +
           index % s->per_page * s->rows_per_strip * s->row_bytes;
}

uint64_t tiff_layout_strip_bytes(const struct tiff_layout *layout,
                                 uint64_t index)
{
    const struct tiff_strips *s = &layout->strips;

    assert(index < s->count);
    if (layout->strip_offset)
        return layout->strip_offset[index + 1] - layout->strip_offset[index];
    return s->row_bytes * tiff_strip_rows(s, layout->spec.height,
                                          (uint32_t)(index % s->per_page));
}

/* The last strip that starts at or before `offset`. */
static uint64_t search(const struct tiff_layout *layout, uint64_t offset)
{
    uint64_t low = 0;
    uint64_t high = layout->strips.count;

    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        if (layout->strip_offset[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t tiff_layout_strip_at(const struct tiff_layout *layout, uint64_t offset)
{
    const struct tiff_strips *s = &layout->strips;
    uint64_t in_data = offset - layout->data_offset;

    assert(offset >= layout->data_offset && offset < layout->size);
    if (layout->strip_offset)
        return search(layout, offset);
    return in_data / s->page_bytes * s->per_page +
           in_data % s->page_bytes / (s->rows_per_strip * s->row_bytes);
}
