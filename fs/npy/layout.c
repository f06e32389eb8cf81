// SPDX-License-Identifier: MIT
/*
 * The header of a .npy file (NEP 1, numpy.lib.format). The text is what
 * NumPy's own writer makes of the same array, with more spaces behind it.
 */
#include "npy/npy.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "prepfs/checked.h"

#define MAGIC_BYTES 10 /* magic, version, length of the text */

/* Four axes of 20 digits and the words round them take 140 characters. */
#define TEXT_MAX 256

const char *npy_descr(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8:
        return "|u1";
    case SAMPLE_U16:
        return "<u2";
    case SAMPLE_I16:
        return "<i2";
    case SAMPLE_U32:
        return "<u4";
    case SAMPLE_I32:
        return "<i4";
    case SAMPLE_F32:
        return "<f4";
    case SAMPLE_F64:
        return "<f8";
    case SAMPLE_F16:
        return "<f2";
    }
    return NULL;
}

static int check_spec(const struct npy_spec *spec, struct error *err)
{
    if (spec->pages == 0 || spec->width == 0 || spec->height == 0)
        return error_set(err, ERROR_INTERNAL, "empty array: %u pages of %ux%u",
                         spec->pages, spec->width, spec->height);
    if (spec->channels != 1 && spec->channels != 3)
        return error_set(err, ERROR_INTERNAL, "array of %u channels",
                         spec->channels);
    if (!npy_descr(spec->type))
        return error_set(err, ERROR_INTERNAL, "unknown sample type %d",
                         (int)spec->type);
    return 0;
}

static void set_shape(struct npy_layout *layout)
{
    const struct npy_spec *spec = &layout->spec;
    unsigned n = 0;

    if (spec->pages > 1 || spec->axes == NPY_AXES_VOLUME)
        layout->shape[n++] = spec->pages;
    layout->shape[n++] = spec->height;
    layout->shape[n++] = spec->width;
    if (spec->channels > 1)
        layout->shape[n++] = spec->channels;
    layout->n_axes = n;
}

/* False on overflow; a file is no longer than off_t can say. */
static bool measure(struct npy_layout *layout)
{
    const struct npy_spec *spec = &layout->spec;
    uint64_t data;

    /* at most 2^32 * 3 * 8 */
    layout->row_bytes =
        (uint64_t)spec->width * spec->channels * sample_bytes(spec->type);
    layout->data_offset = NPY_DATA_OFFSET;
    return checked_mul_u64(layout->row_bytes, spec->height,
                           &layout->page_bytes) &&
           checked_mul_u64(layout->page_bytes, spec->pages, &data) &&
           checked_add_u64(data, NPY_DATA_OFFSET, &layout->size) &&
           layout->size <= INT64_MAX;
}

int npy_layout_init(const struct npy_spec *spec, struct npy_layout *ret,
                    struct error *err)
{
    *ret = (struct npy_layout){.spec = *spec};
    if (check_spec(spec, err) != 0)
        return -1;
    if (!measure(ret))
        return error_set(err, ERROR_TOO_BIG,
                         "%u pages of %ux%u pixels are more than a file can "
                         "hold",
                         spec->pages, spec->width, spec->height);
    set_shape(ret);
    return 0;
}

/* There are always two axes at least: no "(5,)" to be careful about. */
static size_t print_text(const struct npy_layout *layout, char text[TEXT_MAX])
{
    int n = snprintf(text, TEXT_MAX,
                     "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     npy_descr(layout->spec.type));

    for (unsigned i = 0; i < layout->n_axes; i++)
        n += snprintf(text + n, TEXT_MAX - (size_t)n, "%s%" PRIu64,
                      i ? ", " : "", layout->shape[i]);
    n += snprintf(text + n, TEXT_MAX - (size_t)n, "), }");
    assert(n > 0 && n < TEXT_MAX);
    return (size_t)n;
}

static void print_header(const struct npy_layout *layout,
                         uint8_t header[NPY_DATA_OFFSET])
{
    static const uint8_t magic[MAGIC_BYTES] = {
        0x93,
        'N',
        'U',
        'M',
        'P',
        'Y',
        1,
        0,
        (NPY_DATA_OFFSET - MAGIC_BYTES) & 0xff,
        (NPY_DATA_OFFSET - MAGIC_BYTES) >> 8};
    char text[TEXT_MAX];
    size_t length = print_text(layout, text);

    memset(header, ' ', NPY_DATA_OFFSET);
    memcpy(header, magic, sizeof magic);
    memcpy(header + sizeof magic, text, length);
    header[NPY_DATA_OFFSET - 1] = '\n';
}

void npy_layout_header_read(const struct npy_layout *layout, uint64_t offset,
                            size_t length, uint8_t *dst)
{
    uint8_t header[NPY_DATA_OFFSET];

    assert(offset <= NPY_DATA_OFFSET);
    assert(length <= NPY_DATA_OFFSET - offset);
    print_header(layout, header);
    memcpy(dst, header + offset, length);
}
