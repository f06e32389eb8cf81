// SPDX-License-Identifier: MIT
#include "image/values_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct values_table *values_table_new(struct error *err)
{
    struct values_table *table = malloc(sizeof *table);

    if (!table) {
        (void)error_no_memory(err);
        return NULL;
    }
    memset(table, 0, offsetof(struct values_table, slots));
    return table;
}

void values_table_free(struct values_table *table)
{
    int saved = errno;

    if (table) {
        free(table->modality_copy);
        free(table->voi_copy);
        free(table);
    }
    errno = saved;
}

static bool same_double(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* By content: a caller may free a table and make another one at the same
 * address. */
static bool same_lut(const struct values_lut *a, const struct values_lut *b)
{
    if (a->count != b->count)
        return false;
    return a->count == 0 ||
           (a->first == b->first && a->bits == b->bits &&
            memcmp(a->entries, b->entries, a->count * sizeof *a->entries) == 0);
}

static bool same_spec(const struct values_spec *a, const struct values_spec *b)
{
    return same_double(a->slope, b->slope) &&
           same_double(a->intercept, b->intercept) && a->voi == b->voi &&
           a->function == b->function && same_double(a->center, b->center) &&
           same_double(a->width, b->width) &&
           same_double(a->minimum, b->minimum) &&
           same_double(a->maximum, b->maximum) && a->output == b->output &&
           a->y_max == b->y_max && same_double(a->range_low, b->range_low) &&
           same_double(a->range_high, b->range_high) &&
           a->inverted == b->inverted && a->has_padding == b->has_padding &&
           same_double(a->padding_first, b->padding_first) &&
           same_double(a->padding_last, b->padding_last) &&
           a->replace_padding == b->replace_padding &&
           same_double(a->padding_value, b->padding_value) &&
           same_lut(&a->modality_lut, &b->modality_lut) &&
           same_lut(&a->voi_lut, &b->voi_lut);
}

static bool copy_lut(const struct values_lut *lut, uint16_t **copy,
                     struct values_lut *ret)
{
    uint16_t *entries;

    *ret = *lut;
    if (lut->count == 0)
        return true;
    entries = realloc(*copy, lut->count * sizeof *entries);
    if (!entries)
        return false;
    memcpy(entries, lut->entries, lut->count * sizeof *entries);
    *copy = entries;
    ret->entries = entries;
    return true;
}

int values_table_bind(struct values_table *table,
                      const struct values_spec *spec, enum sample_type stored,
                      struct error *err)
{
    if (table->has_spec && table->stored == stored &&
        same_spec(&table->spec, spec))
        return 0;
    table->has_spec = false;
    table->spec = *spec;
    if (!copy_lut(&spec->modality_lut, &table->modality_copy,
                  &table->spec.modality_lut) ||
        !copy_lut(&spec->voi_lut, &table->voi_copy, &table->spec.voi_lut))
        return error_no_memory(err);
    table->mapping = mapping_make(&table->spec);
    table->stored = stored;
    table->low = 0;
    table->high = -1;
    table->computed = 0;
    table->has_spec = true;
    return 0;
}

static void fill(struct values_table *table, int32_t low, int32_t high)
{
    enum sample_type type = values_type(&table->spec, 1, table->stored);

    for (int32_t x = low; x <= high; x++) {
        double y = mapping_stored(&table->mapping, x);
        uint16_t slot = (uint16_t)x;

        if (type == SAMPLE_U8)
            table->slots.u8[slot] = (uint8_t)y;
        else if (type == SAMPLE_U16)
            table->slots.u16[slot] = (uint16_t)y;
        else
            table->slots.f32[slot] = (float)y;
    }
}

bool values_table_cover(struct values_table *table, int32_t low, int32_t high,
                        uint64_t samples)
{
    bool is_empty = table->low > table->high;
    uint64_t missing;

    if (is_empty) {
        missing = (uint64_t)(high - low) + 1;
    } else {
        low = low < table->low ? low : table->low;
        high = high > table->high ? high : table->high;
        missing = (uint64_t)(table->low - low) + (uint64_t)(high - table->high);
    }
    if (missing == 0)
        return true;
    if (missing > samples + table->computed) {
        table->computed += samples;
        return false;
    }
    if (is_empty) {
        fill(table, low, high);
    } else {
        fill(table, low, table->low - 1);
        fill(table, table->high + 1, high);
    }
    table->low = low;
    table->high = high;
    return true;
}
