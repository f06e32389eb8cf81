// SPDX-License-Identifier: MIT
/*
 * fuzz_tiff.c: any bytes as a spec: libtiff reads the file without a word, and
 * finds every tag and every sample.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/tiff_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What all bytes, those behind the spec too, decide. */
static unsigned sum_of(const uint8_t *data, size_t size)
{
    unsigned sum = 0;

    for (size_t i = 0; i < size; i++)
        sum += data[i];
    return sum;
}

/* Three strips or so. */
static void make_large(struct tiff_spec *spec)
{
    size_t row = spec->width * spec->channels * sample_bytes(spec->type);
    size_t rows = 1 + 2 * TIFF_PACK_STRIP_BYTES / row;

    spec->pages = 1 + (spec->pages - 1) % 2;
    if (spec->height > rows)
        spec->height = (uint32_t)rows;
}

/* Few inputs are slow, so that many are tried: pages of several strips take a
 * thousand times as long as others, and Zstandard clears megabytes of tables
 * for each strip. */
static void make_quick(const uint8_t *data, size_t size, struct tiff_spec *spec)
{
    unsigned sum = sum_of(data, size);

    if (size % 16 == 0 && sum % 16 == 1) {
        make_large(spec);
    } else {
        spec->width = 1 + (spec->width - 1) % 24;
        spec->height = 1 + (spec->height - 1) % 24;
    }
    if (spec->pack == TIFF_PACK_ZSTD && sum % 8 != 1)
        spec->pack = TIFF_PACK_LZW;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tiff_pattern pattern;
    struct tiff_spec spec = tiff_file_spec_of(data, size, &pattern);
    struct tiff_file file;
    struct error err = ERROR_INIT;
    bool can_be;

    make_quick(data, size, &spec);
    can_be = spec.type != SAMPLE_F16 && tiff_pack_is_available(spec.pack);
    if (tiff_file_init(&spec, pattern, size, &file, &err) < 0) {
        tiff_file_deinit(&file);
        if (!can_be && err.kind == ERROR_UNSUPPORTED)
            return 0;
        fprintf(stderr, "layout: %s\n", err.msg);
        abort();
    }
    if (!can_be || tiff_file_check(&file, &err) < 0) {
        fprintf(stderr, "file: %s\n", can_be ? err.msg : "was not refused");
        abort();
    }
    tiff_file_deinit(&file);
    return 0;
}
