// SPDX-License-Identifier: MIT
/* pattern.c: see pattern.h. */
#include "support/pattern.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Ids of replaced images start anew every so many. */
enum { GENERATION_IDS = 1 << 20 };

static const struct {
    const char *name;
    enum error_kind kind;
} kinds[] = {
    {"not_found", ERROR_NOT_FOUND}, {"unsupported", ERROR_UNSUPPORTED},
    {"corrupt", ERROR_CORRUPT},     {"stale", ERROR_STALE},
    {"too_big", ERROR_TOO_BIG},     {"io", ERROR_IO},
    {"no_memory", ERROR_NO_MEMORY}, {"internal", ERROR_INTERNAL},
};

static int parse_error(const char *text, struct pattern *p, struct error *err)
{
    struct pattern_error e = {0};
    char kind[32], where[16];

    if (p->n_errors == PATTERN_ERRORS ||
        sscanf(text, "%" SCNu64 " %31s %15s", &e.leaf, kind, where) != 3)
        return error_set(err, ERROR_USAGE, "pattern.conf: error %s", text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, kind) == 0)
            e.kind = kinds[i].kind;
    }
    e.at_attr = strcmp(where, "attr") == 0;
    p->errors[p->n_errors++] = e;
    return 0;
}

static int parse_line(const char *key, const char *value, struct pattern *p,
                      struct error *err)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {
        {"studies", &p->studies},   {"series", &p->series},
        {"leaves", &p->leaves},     {"bytes", &p->bytes},
        {"step", &p->step},         {"measure_ms", &p->measure_ms},
        {"read_ms", &p->read_ms},   {"index_files", &p->index_files},
        {"index_ms", &p->index_ms}, {"generation", &p->generation},
        {"frames", &p->frames},
    };

    if (strcmp(key, "error") == 0)
        return parse_error(value, p, err);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, key) == 0 &&
            sscanf(value, "%" SCNu64, numbers[i].number) == 1)
            return 0;
    }
    return error_set(err, ERROR_USAGE, "pattern.conf: %s %s", key, value);
}

int pattern_load(const char *archive, struct pattern *ret, struct error *err)
{
    struct pattern p = {.studies = 3,
                        .series = 2,
                        .leaves = 10,
                        .bytes = 300000,
                        .step = 1,
                        .frames = 1};
    char path[4096], line[256], key[32], value[128];
    FILE *in;
    int rc = 0;

    (void)snprintf(path, sizeof path, "%s/pattern.conf", archive);
    in = fopen(path, "re");
    if (!in)
        return error_set_sys(err, errno, "%s: %s", path,
                             strerrordesc_np(errno));
    while (rc == 0 && fgets(line, sizeof line, in)) {
        if (sscanf(line, "%31s %127[^\n]", key, value) == 2 && key[0] != '#')
            rc = parse_line(key, value, &p, err);
    }
    (void)fclose(in);
    if (p.series == 0)
        p.series = 1;
    *ret = p;
    return rc;
}

int64_t pattern_instance_id(const struct pattern *p, uint64_t study,
                            uint64_t leaf)
{
    uint64_t id = study * p->leaves + leaf + 1;

    if (study == 0)
        id += p->generation * GENERATION_IDS;
    return (int64_t)id;
}

bool pattern_instance_place(const struct pattern *p, int64_t id,
                            uint64_t *ret_study, uint64_t *ret_leaf,
                            bool *ret_gone)
{
    uint64_t n = (uint64_t)id - 1;
    uint64_t generation = n / GENERATION_IDS;

    n %= GENERATION_IDS;
    if (id <= 0 || n >= p->studies * p->leaves || generation > p->generation)
        return false;
    *ret_study = n / p->leaves;
    *ret_leaf = n % p->leaves;
    *ret_gone = *ret_study == 0 && generation != p->generation;
    return *ret_study == 0 || generation == 0;
}

uint64_t pattern_size(const struct pattern *p, uint64_t leaf)
{
    return p->bytes + leaf * p->step;
}

const struct pattern_error *pattern_error_of(const struct pattern *p,
                                             uint64_t leaf)
{
    for (uint64_t i = 0; i < p->n_errors; i++) {
        if (p->errors[i].leaf == leaf)
            return &p->errors[i];
    }
    return NULL;
}

static uint8_t noise[2 * PATTERN_NOISE];

static void make_noise(void)
{
    uint64_t x = 1;

    for (size_t i = 0; i < PATTERN_NOISE; i++) {
        noise[i] = (uint8_t)(x >> 56);
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    }
    memcpy(noise + PATTERN_NOISE, noise, PATTERN_NOISE);
}

const uint8_t *pattern_noise(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, make_noise);
    return noise;
}
