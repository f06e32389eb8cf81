// SPDX-License-Identifier: MIT
/*
 * jpegls_scan.h: the coded data of one JPEG-LS scan (ITU-T T.87 Annex A).
 *
 * Threads: reentrant.
 */
#ifndef DECODE_JPEGLS_SCAN_H
#define DECODE_JPEGLS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "prepfs/error.h"

#define JPEGLS_COMPONENTS_MAX 3

enum jpegls_interleave {
    JPEGLS_BY_PLANE = 0,
    JPEGLS_BY_LINE = 1,
    JPEGLS_BY_SAMPLE = 2
};

/* Parameters of T.87 C.2.4.1 and the scan header, with no default left. */
struct jpegls_scan {
    uint32_t rows;
    uint32_t cols;
    unsigned components; /* of this scan, 1..JPEGLS_COMPONENTS_MAX */
    enum jpegls_interleave interleave;
    int32_t near;
    int32_t maxval;
    int32_t threshold[3];
    int32_t reset;
    uint32_t restart_rows; /* 0: no restart markers */
};

/* Takes one row of component `component` of the scan: `step` is the distance
 * of its samples in `row`. */
typedef void (*jpegls_row_fn)(void *opaque, unsigned component, uint32_t y,
                              const int32_t *row, size_t step);

/* Fills in the default thresholds and reset (T.87 C.2.4.1.1) where they are 0
 * and checks all parameters. */
int jpegls_scan_check(struct jpegls_scan *scan, struct error *err);

/* Decodes all rows. ERROR_CORRUPT if the data end early or make no sense. */
int jpegls_scan_decode(const struct jpegls_scan *scan, const uint8_t *bytes,
                       size_t length, jpegls_row_fn give, void *opaque,
                       struct error *err);

#endif
