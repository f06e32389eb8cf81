// SPDX-License-Identifier: MIT
/*
 * values_table.h: remembered outputs of 8- and 16-bit samples; internal to
 * fs/image.
 *
 * One output per stored sample of one contiguous range, in slots numbered by
 * the sample's bits as a uint16_t, so that look-ups need no offset and can
 * never leave the table.
 */
#ifndef IMAGE_VALUES_TABLE_H
#define IMAGE_VALUES_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "image/values.h"
#include "image/values_map.h"

#define VALUES_TABLE_SLOTS 65536

struct values_table {
    struct values_spec spec; /* its tables point to the copies below */
    uint16_t *modality_copy;
    uint16_t *voi_copy;
    bool has_spec;
    enum sample_type stored;
    struct mapping mapping;
    int32_t low; /* covered: low..high; nothing while low > high */
    int32_t high;
    uint64_t computed; /* samples mapped without the table under this spec */
    union {
        uint8_t u8[VALUES_TABLE_SLOTS];
        uint16_t u16[VALUES_TABLE_SLOTS];
        float f32[VALUES_TABLE_SLOTS];
    } slots;
};

/* Makes the table one for this spec and stored type, forgetting everything
 * if it was for another. ERROR_NO_MEMORY. */
int values_table_bind(struct values_table *table,
                      const struct values_spec *spec, enum sample_type stored,
                      struct error *err) __attribute__((warn_unused_result));

/*
 * Covers samples low..high before a frame of `samples` is looked up. False if
 * that is not worth it yet: filling would cost more than computing this frame
 * and all the frames so far that were computed.
 */
bool values_table_cover(struct values_table *table, int32_t low, int32_t high,
                        uint64_t samples);

#endif
