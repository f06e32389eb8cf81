// SPDX-License-Identifier: MIT
/*
 * Any bytes as a spec: libtiff reads the file without a word.
 *
 * With an engine:  clang -fsanitize=fuzzer,address -DFUZZ_ENGINE ...
 * Without: replays the files named on the command line, or, when there are
 * none, 300 inputs of its own making.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tiff_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum tiff_pattern pattern;
    struct tiff_spec spec = tiff_file_spec_of(data, size, &pattern);
    bool can_be = spec.type != SAMPLE_F16 && tiff_pack_is_available(spec.pack);
    struct tiff_file file;
    struct error err = ERROR_INIT;

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

#ifndef FUZZ_ENGINE
static int replay_file(const char *path)
{
    uint8_t data[4096];
    FILE *f = fopen(path, "rb");
    size_t size;

    if (!f) {
        perror(path);
        return -1;
    }
    size = fread(data, 1, sizeof data, f);
    (void)fclose(f);
    return LLVMFuzzerTestOneInput(data, size);
}

static void replay_generated(void)
{
    uint8_t data[96];
    uint64_t x = 88172645463325252U;

    for (size_t i = 0; i < 300; i++) {
        size_t size = i % (sizeof data + 1);

        for (size_t k = 0; k < size; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            data[k] = (uint8_t)(x >> 32);
        }
        (void)LLVMFuzzerTestOneInput(data, size);
    }
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay_file(argv[i]);
    if (argc == 1)
        replay_generated();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
