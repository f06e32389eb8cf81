// SPDX-License-Identifier: MIT
/*
 * headers: what it costs to parse headers in processes of their own.
 *
 *     headers ARCHIVE [PASSES] [THREADS]
 *
 * Indexes ARCHIVE side by side with headers parsed in this process and in
 * workers, as many as threads, the first changing from pass to pass: anew (all
 * files parsed, none of them in the manifest) and once more (none parsed).
 * Prints files/s of both, and the ratio of their rates and of the processor
 * time that they take, which other work on the machine disturbs less: medians
 * over passes. Starting the workers is part of it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "decode/decode.h"
#include "dicom/dicom.h"
#include "index/index.h"
#include "manifest/manifest.h"
#include "prepfs/cleanup.h"

enum { PASSES_MAX = 99 };

enum run { ANEW, UNCHANGED, RUNS };

static const char *const run_names[RUNS] = {"anew", "unchanged"};

struct times {
    double wall, processor;
};

static struct times times[RUNS][2][PASSES_MAX];
static uint64_t files;

static double seconds_of(const struct timeval *t)
{
    return (double)t->tv_sec + 1e-6 * (double)t->tv_usec;
}

/* Of workers when they have ended. */
static double processor(int who)
{
    struct rusage u;

    (void)getrusage(who, &u);
    return seconds_of(&u.ru_utime) + seconds_of(&u.ru_stime);
}

static struct times now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (struct times){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec,
                          processor(RUSAGE_SELF) + processor(RUSAGE_CHILDREN)};
}

_Noreturn static void die(const struct error *err)
{
    fprintf(stderr, "headers: %s\n", err->msg);
    exit(1);
}

static void run_index(const char *archive, const char *state,
                      struct workers *workers, unsigned threads)
{
    struct index_dicom_config dicom = {.workers = workers};
    struct index_parser parser;
    struct index_config config = {
        .archive = archive, .parser = &parser, .threads = threads};
    struct index_result result;
    struct error err = ERROR_INIT;

    index_dicom_parser(&dicom, &parser);
    config.manifest = manifest_open(state, MANIFEST_READ_WRITE, &err);
    if (!config.manifest || index_run(&config, &result, &err) != 0)
        die(&err);
    manifest_close(config.manifest);
    files = result.files;
}

static struct times index_once(const char *archive, const char *state,
                               bool in_workers, unsigned threads)
{
    struct workers_config config = {.count = threads};
    struct workers *workers = NULL;
    struct error err = ERROR_INIT;
    struct times start = now(), end;

    if (in_workers && !(workers = workers_start(&config, &err)))
        die(&err);
    run_index(archive, state, workers, threads);
    workers_free(workers);
    end = now();
    return (struct times){end.wall - start.wall,
                          end.processor - start.processor};
}

static void remove_state(const char *state)
{
    CLEANUP_FREE char *command = NULL;

    if (asprintf(&command, "rm -rf '%s'", state) < 0 || system(command) != 0)
        exit(1);
}

static void compare(const char *archive, unsigned threads, int pass)
{
    for (int k = 0; k < 2; k++) {
        int which = (k + pass) % 2;
        char state[] = "/tmp/prepfs-headers.XXXXXX";

        if (!mkdtemp(state))
            exit(1);
        for (int r = 0; r < RUNS; r++)
            times[r][which][pass] = index_once(archive, state, which, threads);
        remove_state(state);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static double rate(const struct times *t, int passes)
{
    double v[PASSES_MAX];

    for (int p = 0; p < passes; p++)
        v[p] = (double)files / t[p].wall;
    return median(v, passes);
}

static void print(int passes)
{
    printf("%-10s %6s %12s %12s %7s %10s\n", "index", "files", "in process/s",
           "in workers/s", "ratio", "processor");
    for (int r = 0; r < RUNS; r++) {
        double ratio[PASSES_MAX], more[PASSES_MAX];

        for (int p = 0; p < passes; p++) {
            const struct times *here = &times[r][0][p];
            const struct times *there = &times[r][1][p];

            ratio[p] = here->wall / there->wall;
            more[p] = 100 * (there->processor / here->processor - 1);
        }
        printf("%-10s %6llu %12.0f %12.0f %7.3f %+9.1f%%\n", run_names[r],
               (unsigned long long)files, rate(times[r][0], passes),
               rate(times[r][1], passes), median(ratio, passes),
               median(more, passes));
    }
}

int main(int argc, char **argv)
{
    const char *archive = argc > 1 ? argv[1] : NULL;
    int passes = argc > 2 ? atoi(argv[2]) : 7;
    unsigned threads = argc > 3 ? (unsigned)atoi(argv[3]) : 2;

    if (!archive || passes < 1 || passes > PASSES_MAX || threads < 1) {
        fprintf(stderr, "usage: headers ARCHIVE [PASSES] [THREADS]\n");
        return 2;
    }
    dicom_global_init();
    compare(archive, threads, 0); /* fills the page cache */
    for (int pass = 0; pass < passes; pass++)
        compare(archive, threads, pass);
    print(passes);
    return 0;
}
