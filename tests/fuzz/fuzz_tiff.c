// SPDX-License-Identifier: MIT
/*
 * fuzz_tiff.c: any bytes as a spec: libtiff reads the file without a word, and
 * finds every tag and every sample.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/tiff_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tiff_pattern pattern;
    struct tiff_spec spec = tiff_file_spec_of(data, size, &pattern);
    bool can_be = spec.type != SAMPLE_F16 && tiff_pack_is_available(spec.pack);
    struct tiff_file file;
    struct error err = ERROR_INIT;

    if (size % 16 != 0) { /* most are small, so that many are tried */
        spec.width = 1 + (spec.width - 1) % 24;
        spec.height = 1 + (spec.height - 1) % 24;
    }
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
