// SPDX-License-Identifier: MIT
/*
 * Any bytes as specs, geometry, samples and texts of .npy, .nii, .png and
 * .json leaves. The first byte chooses the check (support/format_checks.h).
 */
#include <stdlib.h>

#include "support/format_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct format_stream stream = {data, size, size};
    const struct format_check *check;
    struct error err = ERROR_INIT;
    size_t n = 0;

    if (size == 0)
        return 0;
    while (format_checks[n].name)
        n++;
    check = &format_checks[data[0] % n];
    stream.bytes++;
    stream.size--;
    if (check->holds(&stream, &err) != 0) {
        (void)fprintf(stderr, "%s: %s\n", check->name, err.msg);
        abort();
    }
    return 0;
}
