// SPDX-License-Identifier: MIT
/* values_stats.c: what the samples of a volume are, padding left out. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "image/image.h"
#include "image/sample.h"
#include "image/values.h"
#include "image/values_map.h"

static void extent_value(struct values_extent *acc, double value)
{
    if (acc->count == 0 || value < acc->min)
        acc->min = value;
    if (acc->count == 0 || value > acc->max)
        acc->max = value;
    acc->count++;
}

void values_extent_merge(struct values_extent *acc,
                         const struct values_extent *other)
{
    uint64_t count = acc->count + other->count;

    if (other->count == 0)
        return;
    extent_value(acc, other->min);
    extent_value(acc, other->max);
    acc->count = count;
}

/*
 * Extent of stored 16-bit samples. Samples inside [skip_low, skip_high] do not
 * count; with nothing to skip that is an empty range. Offset 32768 for signed
 * ones, so that one loop serves both.
 */
struct range16 {
    uint16_t skip_low;
    uint16_t skip_high; /* below skip_low: nothing is skipped */
    uint16_t min;
    uint16_t max;
    uint64_t skipped;
};

static inline void extent16_row(const uint16_t *row, uint32_t n,
                                uint16_t offset, struct range16 *r)
{
    uint16_t skip_low = r->skip_low;
    uint16_t skip_width = (uint16_t)(r->skip_high - r->skip_low);
    uint16_t min = r->min;
    uint16_t max = r->max;
    uint32_t skipped = 0;

    if (r->skip_high < r->skip_low) {
        for (uint32_t x = 0; x < n; x++) {
            uint16_t v = (uint16_t)(row[x] + offset);

            min = v < min ? v : min;
            max = v > max ? v : max;
        }
    } else {
        for (uint32_t x = 0; x < n; x++) {
            uint16_t v = (uint16_t)(row[x] + offset);
            bool skip = (uint16_t)(v - skip_low) <= skip_width;
            uint16_t low = skip ? UINT16_MAX : v;
            uint16_t high = skip ? 0 : v;

            min = low < min ? low : min;
            max = high > max ? high : max;
            skipped += skip;
        }
    }
    r->min = min;
    r->max = max;
    r->skipped += skipped;
}

/* The padding range as samples, cut to what 16 bits can hold. */
static void set_skip(const struct values_spec *spec, int32_t offset,
                     struct range16 *r)
{
    double low = ceil(fmin(spec->padding_first, spec->padding_last)) + offset;
    double high = floor(fmax(spec->padding_first, spec->padding_last)) + offset;

    r->skip_low = 1;
    r->skip_high = 0;
    if (!spec->has_padding || !(low <= high) || high < 0 || low > UINT16_MAX)
        return;
    r->skip_low = (uint16_t)fmax(low, 0);
    r->skip_high = (uint16_t)fmin(high, UINT16_MAX);
}

static bool extent_of_16(const struct values_spec *spec,
                         const struct image *stored, struct values_extent *ret)
{
    uint64_t samples = (uint64_t)stored->width * stored->height;
    int32_t offset = stored->type == SAMPLE_I16 ? 32768 : 0;
    struct range16 r = {.min = UINT16_MAX, .max = 0};

    if (stored->type != SAMPLE_U16 && stored->type != SAMPLE_I16)
        return false;
    set_skip(spec, offset, &r);
    for (uint32_t y = 0; y < stored->height; y++)
        extent16_row((const uint16_t *)(const void *)image_row(stored, y),
                     stored->width, (uint16_t)offset, &r);
    ret->count = samples - r.skipped;
    ret->min = r.min - offset;
    ret->max = r.max - offset;
    return true;
}

static void extent_of_any(const struct values_spec *spec, bool as_modality,
                          const struct image *stored, struct values_extent *ret)
{
    for (uint32_t y = 0; y < stored->height; y++) {
        const uint8_t *row = image_row(stored, y);

        for (uint32_t x = 0; x < stored->width; x++) {
            double value = sample_get(row, stored->type, x);

            if (!isfinite(value) || values_is_padding(spec, value))
                continue;
            extent_value(ret,
                         as_modality ? values_modality(spec, value) : value);
        }
    }
}

void values_extent_add(const struct values_spec *spec,
                       const struct image *stored, struct values_extent *acc)
{
    struct values_extent frame = {0, 0, 0};
    double a;
    double b;

    if (spec->modality_lut.count > 0) {
        extent_of_any(spec, true, stored, &frame);
        values_extent_merge(acc, &frame);
        return;
    }
    if (!extent_of_16(spec, stored, &frame))
        extent_of_any(spec, false, stored, &frame);
    if (frame.count == 0)
        return;
    /* slope * x + intercept is monotonic, also after rounding to f64 */
    a = values_modality(spec, frame.min);
    b = values_modality(spec, frame.max);
    frame.min = fmin(a, b);
    frame.max = fmax(a, b);
    values_extent_merge(acc, &frame);
}

/* The whole numbers of [low, high] that the type has, as its first and how
 * many follow; false if there are none, or the type has no whole numbers of 8
 * or 16 bits. */
static bool padding_range(const struct values_spec *spec, enum sample_type type,
                          int32_t *ret_first, uint16_t *ret_more)
{
    double a = spec->padding_first;
    double b = spec->padding_last;
    double least = type == SAMPLE_I16 ? INT16_MIN : 0;
    double most = type == SAMPLE_I16  ? INT16_MAX
                  : type == SAMPLE_U8 ? UINT8_MAX
                                      : UINT16_MAX;
    double low = fmax(ceil(a < b ? a : b), least);
    double high = fmin(floor(a < b ? b : a), most);

    if (!spec->has_padding || !(low <= high))
        return false;
    *ret_first = (int32_t)low;
    *ret_more = (uint16_t)(high - low);
    return true;
}

/* One loop per type so that they vectorise: v is in [first, first + more] if
 * v - first is at most `more` as an unsigned number. */
static inline bool mark_u8(const uint8_t *in, uint32_t n, uint8_t first,
                           uint8_t more, uint8_t *out)
{
    uint8_t any = 0;

    for (uint32_t x = 0; x < n; x++) {
        out[x] = (uint8_t)(in[x] - first) <= more;
        any |= out[x];
    }
    return any != 0;
}

static inline bool mark_u16(const uint16_t *in, uint32_t n, uint16_t first,
                            uint16_t more, uint8_t *out)
{
    uint8_t any = 0;

    for (uint32_t x = 0; x < n; x++) {
        out[x] = (uint16_t)(in[x] - first) <= more;
        any |= out[x];
    }
    return any != 0;
}

static bool mark_row(const struct values_spec *spec, const struct image *stored,
                     const void *in, uint8_t *out)
{
    uint32_t n = stored->width;
    uint16_t more;
    int32_t first;
    bool any = false;

    switch (stored->type) {
    case SAMPLE_U8:
        if (padding_range(spec, stored->type, &first, &more))
            return mark_u8(in, n, (uint8_t)first, (uint8_t)more, out);
        break;
    case SAMPLE_U16:
    case SAMPLE_I16: /* the same modulo 2^16 */
        if (padding_range(spec, stored->type, &first, &more))
            return mark_u16(in, n, (uint16_t)first, more, out);
        break;
    case SAMPLE_U32:
    case SAMPLE_I32:
    case SAMPLE_F32:
    case SAMPLE_F64:
    case SAMPLE_F16:
        for (uint32_t x = 0; x < n; x++) {
            out[x] = values_is_padding(spec, sample_get(in, stored->type, x));
            any |= out[x] != 0;
        }
        return any;
    }
    memset(out, 0, n);
    return false;
}

bool values_padding_mask(const struct values_spec *spec,
                         const struct image *stored, const struct image *ret)
{
    bool any = false;

    for (uint32_t y = 0; y < stored->height; y++)
        any |= mark_row(spec, stored, image_row(stored, y), image_row(ret, y));
    return any;
}
