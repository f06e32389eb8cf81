// SPDX-License-Identifier: MIT
/* fake_index.c: index.h for a pattern archive: looks at nothing, slowly. */
#include <string.h>
#include <time.h>

#include "index/index.h"
#include "support/pattern.h"

void index_dicom_parser(const struct index_dicom_config *config,
                        struct index_parser *ret)
{
    (void)config;
    memset(ret, 0, sizeof *ret);
    ret->revision = "pattern";
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000),
                         .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

static void tell(const struct index_config *config, uint64_t done,
                 uint64_t total)
{
    struct index_progress progress = {
        .phase = INDEX_PARSING,
        .found = total,
        .total = total,
        .done = done,
        .files_per_s = 1000,
        .remaining_s = (double)(total - done) / 1000,
    };

    if (config->progress)
        config->progress(config->opaque, &progress);
}

int index_run(const struct index_config *config, struct index_result *ret,
              struct error *err)
{
    struct pattern before = pattern_of(config->manifest), now;

    memset(ret, 0, sizeof *ret);
    for (uint64_t i = 0; i < before.index_files; i++) {
        if (config->cancel && atomic_load(config->cancel))
            return error_set(err, ERROR_INTERRUPTED, "cancelled");
        tell(config, i, before.index_files);
        sleep_ms(before.index_ms);
    }
    if (pattern_reload(config->manifest, true, err) < 0)
        return -1;
    now = pattern_of(config->manifest);
    ret->files = now.studies * now.leaves;
    ret->replaced = now.generation != before.generation ? now.leaves : 0;
    ret->added = now.leaves != before.leaves ? 1 : 0;
    return 0;
}
