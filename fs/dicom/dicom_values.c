// SPDX-License-Identifier: MIT
/*
 * dicom_values.c: rescale, windows, padding (PS3.3 C.11.1, C.11.2, C.7.5.1).
 */
#include "dicom/dicom_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void dicom_read_rescale(struct dicom_build *build)
{
    struct dicom_header *h = build->header;
    struct dcmtk_element e;
    double slope = dicom_get_number(build->root, TAG_RESCALE_SLOPE, "DS");
    double intercept =
        dicom_get_number(build->root, TAG_RESCALE_INTERCEPT, "DS");
    bool said =
        (dcmtk_find(build->root, TAG_RESCALE_SLOPE, &e) && e.length) ||
        (dcmtk_find(build->root, TAG_RESCALE_INTERCEPT, &e) && e.length);

    h->shared.slope = 1;
    h->shared.intercept = 0;
    if (!said)
        return;
    /* A slope of zero would make every pixel the same: a known writer's
     * error, as is one half that is not a number. */
    if (isnan(slope) != isnan(intercept) || slope == 0 ||
        (isnan(slope) && isnan(intercept)))
        h->warnings |= DICOM_WARN_RESCALE_INVALID;
    if (isnan(slope) && isnan(intercept))
        return;
    build->top_rescale = true;
    if (!isnan(slope) && slope != 0)
        h->shared.slope = slope;
    if (!isnan(intercept))
        h->shared.intercept = intercept;
}

uint32_t dicom_add_window(struct dicom_build *build,
                          const struct dicom_window *window)
{
    uint32_t n = build->header->n_windows;

    if (n == build->windows_size) {
        uint32_t size = n ? n * 2 : 4;
        struct dicom_window *p = realloc(build->windows, size * sizeof *p);

        if (!p)
            return UINT32_MAX;
        build->windows = p;
        build->windows_size = size;
    }
    build->windows[n] = *window;
    build->header->n_windows = n + 1;
    return n;
}

bool dicom_parse_function(const struct dicom_value *value,
                          enum dicom_voi_function *ret)
{
    const char *text;
    size_t length;

    if (!dicom_text_part((const char *)value->bytes, value->length, 0, &text,
                         &length))
        return false;
    if (length == 6 && memcmp(text, "LINEAR", 6) == 0)
        *ret = DICOM_LINEAR;
    else if (length == 12 && memcmp(text, "LINEAR_EXACT", 12) == 0)
        *ret = DICOM_LINEAR_EXACT;
    else if (length == 7 && memcmp(text, "SIGMOID", 7) == 0)
        *ret = DICOM_SIGMOID;
    else
        return false;
    return true;
}

/* Windows beyond this many are not looked at; real files have 1 to 10. */
enum { WINDOWS_MAX = 256 };

static bool same_window(const struct dicom_window *a,
                        const struct dicom_window *b)
{
    return a->center == b->center && a->width == b->width &&
           a->function == b->function && a->valid == b->valid;
}

/* 10^5 frames with one and the same window share one entry of the pool. */
static bool same_as_last(const struct dicom_build *build,
                         const struct dicom_window *w, uint32_t n)
{
    uint32_t have = build->header->n_windows;

    if (have < n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!same_window(&build->windows[have - n + i], &w[i]))
            return false;
    return true;
}

int dicom_add_windows(struct dicom_build *build,
                      const struct dicom_value *center,
                      const struct dicom_value *width,
                      enum dicom_voi_function function, uint32_t *ret_first,
                      uint32_t *ret_n)
{
    struct dicom_window windows[WINDOWS_MAX];
    uint32_t n = dicom_value_count(center, "DS");
    uint32_t n_width = dicom_value_count(width, "DS");

    *ret_n = 0;
    if (n_width < n)
        n = n_width;
    if (n > WINDOWS_MAX)
        n = WINDOWS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct dicom_window w = {NAN, NAN, function, true};

        if (!dicom_value_number(center, "DS", i, &w.center) ||
            !dicom_value_number(width, "DS", i, &w.width) || w.width <= 0) {
            w = (struct dicom_window){0, 0, function, false};
            build->header->warnings |= DICOM_WARN_WINDOW_INVALID;
        }
        windows[i] = w;
    }
    if (n == 0)
        return 0;
    *ret_n = n;
    *ret_first = build->header->n_windows;
    if (same_as_last(build, windows, n)) {
        *ret_first -= n;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++)
        if (dicom_add_window(build, &windows[i]) == UINT32_MAX)
            return -1;
    return 0;
}

int dicom_read_windows(struct dicom_build *build, struct error *err)
{
    struct dicom_buffer b1, b2;
    struct dicom_frame *shared = &build->header->shared;
    struct dicom_value center, width;
    int rc = 0;

    if (dicom_get(build->root, TAG_VOI_FUNCTION, &b1, &center))
        build->top_function = dicom_parse_function(&center, &build->function);
    if (dicom_get(build->root, TAG_WINDOW_CENTER, &b1, &center) &&
        dicom_get(build->root, TAG_WINDOW_WIDTH, &b2, &width))
        rc = dicom_add_windows(build, &center, &width, build->function,
                               &shared->window_first, &shared->n_windows);
    for (uint32_t i = 0; i < shared->n_windows; i++)
        if (build->windows[shared->window_first + i].valid)
            build->top_window = true;
    return rc == 0 ? 0 : error_no_memory(err);
}

/* Into the range of the stored values, as the decoder masks them. */
static double wrap_stored(const struct decode_desc *d, int64_t v)
{
    uint32_t bits = d->bits_stored;
    int64_t range, low;

    if (bits < 1 || bits > 32)
        return (double)v;
    range = (int64_t)1 << bits;
    low = d->is_signed ? -range / 2 : 0;
    if (v < low || v >= low + range) {
        v &= range - 1;
        if (d->is_signed && v >= range / 2)
            v -= range;
    }
    return (double)v;
}

static bool float_padding(struct dicom_build *build, uint32_t tag,
                          uint32_t limit_tag, const char vr[3])
{
    struct dicom_padding *p = &build->header->padding;
    double value = dicom_get_number(build->root, tag, vr);
    double limit = dicom_get_number(build->root, limit_tag, vr);

    if (isnan(value))
        return false;
    if (isnan(limit))
        limit = value;
    p->kind = DICOM_PADDING_FLOAT;
    p->low = fmin(value, limit);
    p->high = fmax(value, limit);
    return true;
}

void dicom_read_padding(struct dicom_build *build)
{
    struct dicom_header *h = build->header;
    const char *vr = h->desc.is_signed ? "SS" : "US";
    int64_t value = dicom_get_integer(build->root, TAG_PADDING_VALUE, vr);
    int64_t limit = dicom_get_integer(build->root, TAG_PADDING_LIMIT, vr);
    double a, b;

    if (float_padding(build, TAG_FLOAT_PADDING_VALUE, TAG_FLOAT_PADDING_LIMIT,
                      "FL") ||
        float_padding(build, TAG_DOUBLE_PADDING_VALUE, TAG_DOUBLE_PADDING_LIMIT,
                      "FD"))
        return;
    if (value == DICOM_UNKNOWN)
        return;
    a = wrap_stored(&h->desc, value);
    b = limit == DICOM_UNKNOWN ? a : wrap_stored(&h->desc, limit);
    h->padding.kind = DICOM_PADDING_INTEGER;
    h->padding.low = fmin(a, b);
    h->padding.high = fmax(a, b);
}
