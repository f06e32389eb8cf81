// SPDX-License-Identifier: MIT
/* values_apply.c: the values of one frame (values.h). */
#include <stddef.h>

#include "image/image.h"
#include "image/sample.h"
#include "image/values.h"
#include "image/values_map.h"
#include "image/values_table.h"

static bool lut_is_valid(const struct values_lut *lut)
{
    return lut->count <= 65536 && lut->entries && lut->bits >= 1 &&
           lut->bits <= 16;
}

static bool spec_is_valid(const struct values_spec *spec)
{
    bool has_scale = spec->y_max == UINT8_MAX || spec->y_max == UINT16_MAX;

    if (spec->modality_lut.count > 0 && !lut_is_valid(&spec->modality_lut))
        return false;
    if (spec->output == VALUES_RANGE)
        return has_scale || spec->y_max == 0;
    if (spec->output != VALUES_DISPLAY)
        return true;
    if (!has_scale || spec->voi == VALUES_VOI_NONE)
        return false;
    return spec->voi != VALUES_VOI_LUT ||
           (spec->voi_lut.count > 0 && lut_is_valid(&spec->voi_lut));
}

/* Smallest and largest sample, one loop per type so that they vectorise. */
static inline void widen_u16(const uint16_t *row, uint32_t n, int32_t *low,
                             int32_t *high)
{
    uint16_t min = row[0];
    uint16_t max = row[0];

    for (uint32_t x = 0; x < n; x++) {
        min = row[x] < min ? row[x] : min;
        max = row[x] > max ? row[x] : max;
    }
    *low = min < *low ? min : *low;
    *high = max > *high ? max : *high;
}

static inline void widen_i16(const int16_t *row, uint32_t n, int32_t *low,
                             int32_t *high)
{
    int16_t min = row[0];
    int16_t max = row[0];

    for (uint32_t x = 0; x < n; x++) {
        min = row[x] < min ? row[x] : min;
        max = row[x] > max ? row[x] : max;
    }
    *low = min < *low ? min : *low;
    *high = max > *high ? max : *high;
}

static void occurring(const struct image *stored, int32_t *low, int32_t *high)
{
    if (stored->type == SAMPLE_U8) {
        *low = 0;
        *high = UINT8_MAX;
        return;
    }
    *low = INT32_MAX;
    *high = INT32_MIN;
    for (uint32_t y = 0; y < stored->height; y++) {
        const void *row = image_row(stored, y);

        if (stored->type == SAMPLE_U16)
            widen_u16(row, stored->width, low, high);
        else
            widen_i16(row, stored->width, low, high);
    }
}

/* A signed sample's slot is its bits: int16_t is read as uint16_t. */
static inline void look_up_u8(const uint8_t *in, const uint8_t *slots,
                              uint8_t *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static inline void look_up_u8_u16(const uint8_t *in, const uint16_t *slots,
                                  uint16_t *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static inline void look_up_u8_f32(const uint8_t *in, const float *slots,
                                  float *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static inline void look_up_16_u8(const uint16_t *in, const uint8_t *slots,
                                 uint8_t *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static inline void look_up_16(const uint16_t *in, const uint16_t *slots,
                              uint16_t *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static inline void look_up_16_f32(const uint16_t *in, const float *slots,
                                  float *out, uint32_t n)
{
    for (uint32_t x = 0; x < n; x++)
        out[x] = slots[in[x]];
}

static void look_up_row(const struct values_table *table, const void *in,
                        enum sample_type out_type, void *out, uint32_t n)
{
    bool is_narrow = table->stored == SAMPLE_U8;

    if (out_type == SAMPLE_U8 && is_narrow)
        look_up_u8(in, table->slots.u8, out, n);
    else if (out_type == SAMPLE_U8)
        look_up_16_u8(in, table->slots.u8, out, n);
    else if (out_type == SAMPLE_U16 && is_narrow)
        look_up_u8_u16(in, table->slots.u16, out, n);
    else if (out_type == SAMPLE_U16)
        look_up_16(in, table->slots.u16, out, n);
    else if (is_narrow)
        look_up_u8_f32(in, table->slots.f32, out, n);
    else
        look_up_16_f32(in, table->slots.f32, out, n);
}

/* hu without a table: a multiply and an add are cheaper than a look-up. */
static bool rescale_row(const struct values_spec *spec, const void *in,
                        enum sample_type type, float *out, uint32_t n)
{
    double slope = spec->slope;
    double intercept = spec->intercept;

    if (type == SAMPLE_U16) {
        const uint16_t *u16 = in;

        for (uint32_t x = 0; x < n; x++)
            out[x] = (float)(slope * u16[x] + intercept);
        return true;
    }
    if (type == SAMPLE_I16) {
        const int16_t *i16 = in;

        for (uint32_t x = 0; x < n; x++)
            out[x] = (float)(slope * i16[x] + intercept);
        return true;
    }
    return false;
}

static void compute(const struct mapping *mapping, const struct image *stored,
                    const struct image *ret)
{
    for (uint32_t y = 0; y < stored->height; y++) {
        const uint8_t *in = image_row(stored, y);
        uint8_t *out = image_row(ret, y);

        for (uint32_t x = 0; x < stored->width; x++)
            sample_set(
                out, ret->type, x,
                mapping_stored(mapping, sample_get(in, stored->type, x)));
    }
}

/* Is the output slope * x + intercept and nothing else? */
static bool is_rescale_only(const struct values_spec *spec)
{
    return spec->output == VALUES_HU && spec->modality_lut.count == 0 &&
           !(spec->has_padding && spec->replace_padding);
}

static bool rescale(const struct values_spec *spec, const struct image *stored,
                    const struct image *ret)
{
    for (uint32_t y = 0; y < stored->height; y++) {
        if (!rescale_row(spec, image_row(stored, y), stored->type,
                         (float *)(void *)image_row(ret, y), stored->width))
            return false;
    }
    return true;
}

static int apply_with_table(const struct values_spec *spec,
                            struct values_table *table,
                            const struct image *stored, const struct image *ret,
                            struct error *err)
{
    uint64_t samples = (uint64_t)stored->width * stored->height;
    int32_t low;
    int32_t high;

    if (values_table_bind(table, spec, stored->type, err) < 0)
        return -1;
    occurring(stored, &low, &high);
    if (!values_table_cover(table, low, high, samples)) {
        compute(&table->mapping, stored, ret);
        return 0;
    }
    for (uint32_t y = 0; y < stored->height; y++)
        look_up_row(table, image_row(stored, y), ret->type, image_row(ret, y),
                    stored->width);
    return 0;
}

int values_apply(const struct values_spec *spec, struct values_table *table,
                 const struct image *stored, const struct image *ret,
                 struct error *err)
{
    bool is_raw = spec->output == VALUES_RAW &&
                  !(spec->has_padding && spec->replace_padding);
    struct mapping mapping;

    if (!image_same_size(stored, ret) || stored->channels != ret->channels ||
        ret->type != values_type(spec, stored->channels, stored->type))
        return error_set(err, ERROR_INTERNAL,
                         "values: the images do not fit together");
    if (stored->channels != 1 || is_raw) {
        image_copy(stored, ret);
        return 0;
    }
    if (!spec_is_valid(spec))
        return error_set(err, ERROR_INTERNAL,
                         "values: the specification contradicts itself");
    if (is_rescale_only(spec) && rescale(spec, stored, ret))
        return 0;
    if (table && spec->output != VALUES_RAW &&
        (sample_bytes(stored->type) <= 2))
        return apply_with_table(spec, table, stored, ret, err);
    mapping = mapping_make(spec);
    compute(&mapping, stored, ret);
    return 0;
}
