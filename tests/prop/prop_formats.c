// SPDX-License-Identifier: MIT
/*
 * Properties of .npy, .nii, .png and .json leaves; see
 * support/format_checks.h.
 *
 * PROP_SEED=n replays, PROP_RUNS=n sets the number of runs of each.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "support/format_checks.h"

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static int check(const struct format_check *c, unsigned number, uint64_t seed,
                 uint64_t runs)
{
    for (uint64_t i = 0; i < runs; i++) {
        struct format_stream stream = {NULL, 0, seed + i};
        struct error err = ERROR_INIT;

        if (c->holds(&stream, &err) != 0) {
            printf("not ok %u - %s\n# PROP_SEED=%" PRIu64 " PROP_RUNS=1: %s\n",
                   number, c->name, seed + i, err.msg);
            return -1;
        }
    }
    printf("ok %u - %s (%" PRIu64 " runs)\n", number, c->name, runs);
    return 0;
}

int main(void)
{
    uint64_t seed = from_environment("PROP_SEED", 20240601);
    uint64_t runs = from_environment("PROP_RUNS", 400);
    unsigned n = 0;
    int failed = 0;

    while (format_checks[n].name)
        n++;
    printf("1..%u\n# PROP_SEED=%" PRIu64 " PROP_RUNS=%" PRIu64 "\n", n, seed,
           runs);
    for (unsigned i = 0; i < n; i++)
        failed |= check(&format_checks[i], i + 1, seed, runs);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
