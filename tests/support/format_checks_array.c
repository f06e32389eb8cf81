// SPDX-License-Identifier: MIT
/* Properties of .npy and of half floats. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "npy/npy.h"
#include "support/format_checks.h"

__extension__ typedef unsigned __int128 uint128;

static struct npy_spec random_spec(struct format_stream *s)
{
    static const uint32_t channels[] = {1, 1, 1, 3, 3, 3, 0, 2};
    struct npy_spec spec = {.pages = format_side(s),
                            .width = format_side(s),
                            .height = format_side(s)};
    uint64_t x = format_next(s);

    spec.channels = channels[x % 8];
    spec.type = (enum sample_type)(x / 8 % 9);
    spec.axes = x / 128 % 2 ? NPY_AXES_VOLUME : NPY_AXES_IMAGE;
    return spec;
}

static enum error_kind expected(const struct npy_spec *spec, uint128 bytes)
{
    if (spec->pages == 0 || spec->width == 0 || spec->height == 0 ||
        (spec->channels != 1 && spec->channels != 3) || spec->type > SAMPLE_F16)
        return ERROR_INTERNAL;
    return bytes + 4096 > INT64_MAX ? ERROR_TOO_BIG : ERROR_NONE;
}

/* The header's text, read as NumPy would: descr, then the numbers of shape. */
static int check_text(const struct npy_layout *layout, const char *text,
                      uint128 bytes, struct error *err)
{
    const struct npy_spec *spec = &layout->spec;
    uint32_t want[5] = {0};
    unsigned n = 0;
    unsigned found = 0;
    uint128 product = sample_bytes(spec->type);
    const char *at;

    if (spec->pages > 1 || spec->axes == NPY_AXES_VOLUME)
        want[n++] = spec->pages;
    want[n++] = spec->height;
    want[n++] = spec->width;
    if (spec->channels == 3)
        want[n++] = 3;
    if (strncmp(text, "{'descr': '", 11) != 0 ||
        text[13] != '0' + (char)sample_bytes(spec->type))
        return error_set(err, ERROR_CORRUPT, "descr: %.40s", text);
    at = strstr(text, "'shape': (");
    for (at = at ? at + 10 : ""; *at >= '0' && *at <= '9'; found++) {
        char *end;
        uint64_t side = strtoull(at, &end, 10);

        if (found >= n || side != want[found])
            return error_set(err, ERROR_CORRUPT, "shape: %.120s", text);
        product *= side;
        at = end + strspn(end, ", ");
    }
    if (found != n || product != bytes || strncmp(at, "), }", 3) != 0)
        return error_set(err, ERROR_CORRUPT, "shape: %.120s", text);
    return 0;
}

static void read_header(const void *layout, uint64_t offset, size_t length,
                        uint8_t *dst)
{
    npy_layout_header_read(layout, offset, length, dst);
}

int format_check_npy(struct format_stream *s, struct error *err)
{
    struct npy_spec spec = random_spec(s);
    uint128 bytes = (uint128)spec.pages * spec.width * spec.height *
                    spec.channels * sample_bytes(spec.type);
    enum error_kind want = expected(&spec, bytes);
    struct error got = ERROR_INIT;
    struct npy_layout layout;
    char header[NPY_DATA_OFFSET + 1] = "";
    int rc = npy_layout_init(&spec, &layout, &got);

    if (got.kind != want || (rc == 0) != (want == ERROR_NONE))
        return error_set(err, ERROR_CORRUPT, "%u x %u x %u: %s", spec.pages,
                         spec.height, spec.width, got.msg);
    if (rc != 0)
        return 0;
    if (layout.size != bytes + 4096 || layout.data_offset != 4096 ||
        (uint128)layout.page_bytes * spec.pages != bytes ||
        (uint128)layout.row_bytes * spec.height != layout.page_bytes)
        return error_set(err, ERROR_CORRUPT, "size");
    npy_layout_header_read(&layout, 0, NPY_DATA_OFFSET, (uint8_t *)header);
    if (memcmp(header, "\x93NUMPY\x01\x00\xf6\x0f", 10) != 0 ||
        header[NPY_DATA_OFFSET - 1] != '\n')
        return error_set(err, ERROR_CORRUPT, "frame of the header");
    if (check_text(&layout, header + 10, bytes, err) != 0)
        return -1;
    return format_any_split(s, &layout, read_header, NPY_DATA_OFFSET, err);
}

/* ---- half floats -------------------------------------------------------- */

static double value_of(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 1023;
    double value = exponent == 0    ? ldexp(fraction, -24)
                   : exponent == 31 ? 65536.0 /* as if it went on */
                                    : ldexp(fraction + 1024, exponent - 25);

    return half & 0x8000 ? -value : value;
}

/* No other half float is nearer; of two as near, the even one. */
static bool is_nearest(double value, uint16_t half)
{
    double size = fabs(value);
    uint16_t positive = half & 0x7fff;
    double error = fabs(value_of(positive) - size);
    double below = positive > 0
                       ? fabs(value_of((uint16_t)(positive - 1)) - size)
                       : INFINITY;
    double above = positive < 0x7c00
                       ? fabs(value_of((uint16_t)(positive + 1)) - size)
                       : INFINITY;

    if ((half >> 15 == 1) != (signbit(value) != 0) || positive > 0x7c00)
        return false;
    if (size >= 65536)
        return positive == 0x7c00;
    if (positive % 2 == 1)
        return error < below && error < above;
    return error <= below && error <= above;
}

int format_check_half(struct format_stream *s, struct error *err)
{
    uint64_t bits = format_next(s);
    uint64_t x = format_next(s);
    double value;
    float narrow;

    if (x % 2) /* exponents near those of half floats */
        bits = (bits & ~(UINT64_C(0x7ff) << 52)) | (994 + x / 2 % 48) << 52;
    if (x % 3 == 0) /* few digits: exact ties */
        bits &= ~((UINT64_C(1) << 40) - 1);
    memcpy(&value, &bits, sizeof value);
    narrow = (float)value;
    if (isnan(value))
        return (npy_half_of_double(value) & 0x7fff) > 0x7c00 &&
                       (npy_half(narrow) & 0x7fff) > 0x7c00
                   ? 0
                   : error_set(err, ERROR_CORRUPT, "NaN is lost");
    if (!is_nearest(value, npy_half_of_double(value)))
        return error_set(err, ERROR_CORRUPT, "%a becomes %04x", value,
                         npy_half_of_double(value));
    if (!is_nearest((double)narrow, npy_half(narrow)))
        return error_set(err, ERROR_CORRUPT, "float %a becomes %04x",
                         (double)narrow, npy_half(narrow));
    return 0;
}
