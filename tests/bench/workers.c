// SPDX-License-Identifier: MIT
/*
 * workers: what it costs to parse and decode in processes of their own.
 *
 *     workers ARCHIVE [VIEW] [PASSES]
 *
 * Renders every image of ARCHIVE through two engines side by side, one that
 * does all in this process and one that parses headers and decodes in a worker,
 * one thread each, nothing cached. Each image is done by both in turn, the
 * first changing from pass to pass, so that other work on the machine hits
 * both. Prints, for each kind of pixel data, files/s of both and the ratio of
 * their times: the median over passes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dicom/dicom.h"
#include "index/index.h"
#include "manifest/manifest.h"
#include "prepfs/cleanup.h"
#include "render/render.h"

enum { CODECS = DECODE_UNSUPPORTED + 1, PASSES_MAX = 99 };

static const char *const codec_names[CODECS] = {
    [DECODE_NATIVE_LE] = "native LE",
    [DECODE_NATIVE_BE] = "native BE",
    [DECODE_RLE] = "RLE",
    [DECODE_JPEG] = "JPEG",
    [DECODE_JPEGLS] = "JPEG-LS",
    [DECODE_J2K] = "JPEG 2000",
    [DECODE_UNSUPPORTED] = "all of it"};

/* One of the two. */
struct side {
    struct workers *workers;
    struct cache *cache;
    struct render *render;
    uint16_t view_id;
    double seconds[PASSES_MAX][CODECS]; /* the last: of all */
};

static unsigned files[CODECS];

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

_Noreturn static void die(const struct error *err)
{
    fprintf(stderr, "workers: %s\n", err->msg);
    exit(1);
}

static void open_side(struct side *s, struct manifest *m, const char *archive,
                      const struct view *view)
{
    struct cache_config cache = {.budget_bytes = 1 << 24};
    struct render_config config = {.archive = archive,
                                   .manifest = m,
                                   .workers = s->workers,
                                   .frame_bytes = (size_t)64 << 20};
    struct error err = ERROR_INIT;

    s->cache = cache_new(&cache, &err);
    if (!s->cache)
        die(&err);
    config.cache = s->cache;
    s->render = render_new(&config, &err);
    if (!s->render || render_view(s->render, view, 0, &s->view_id, &err) != 0)
        die(&err);
}

static void close_side(struct side *s)
{
    render_free(s->render);
    cache_free(s->cache);
}

/* Seconds, or less than 0 if the image cannot be had. */
static double render_one(struct side *s, const struct manifest_instance *i)
{
    struct leaf leaf = {s->view_id, i->id, 0, LEAF_TIFF};
    struct error err = ERROR_INIT;
    struct render_bytes bytes;
    uint64_t offset = 0;
    double start = now();

    for (;;) {
        if (render_read(s->render, &leaf, offset, CACHE_BLOCK_MAX, true, &bytes,
                        &err) != 0)
            return -1;
        if (bytes.length == 0)
            return now() - start;
        offset += bytes.length;
        render_release(s->render, &bytes);
    }
}

static void compare_one(struct side sides[2], const struct manifest_instance *i,
                        int pass)
{
    int codec = i->desc.codec;
    double took[2];

    for (int k = 0; k < 2; k++) {
        int which = (k + pass) % 2;

        took[which] = render_one(&sides[which], i);
    }
    if (took[0] < 0 || took[1] < 0 || codec == DECODE_UNSUPPORTED)
        return;
    files[codec] += pass == 0;
    files[DECODE_UNSUPPORTED] += pass == 0;
    for (int k = 0; k < 2; k++) {
        sides[k].seconds[pass][codec] += took[k];
        sides[k].seconds[pass][DECODE_UNSUPPORTED] += took[k];
    }
}

static void compare_all(struct manifest *m, struct side sides[2], int pass)
{
    struct manifest_folder study;
    struct manifest_instance rows[64];
    struct error err = ERROR_INIT;
    int64_t after_study = 0, after;
    int n;

    while (manifest_list_studies(m, after_study, 1, &study, &err) == 1) {
        after_study = study.id;
        after = 0;
        while ((n = manifest_list_instances(m, study.id, 0, after, 64, rows,
                                            &err)) > 0)
            for (int k = 0; k < n; k++) {
                after = rows[k].id;
                compare_one(sides, &rows[k], pass);
                manifest_instance_deinit(&rows[k]);
            }
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

static void print(const char *view, const struct side sides[2], int passes)
{
    printf("%s\n%-10s %6s %12s %12s %7s\n", view, "codec", "files",
           "in process/s", "in workers/s", "cost");
    for (int c = 0; c < CODECS; c++) {
        double here[PASSES_MAX], there[PASSES_MAX], ratio[PASSES_MAX];

        for (int p = 0; p < passes; p++) {
            here[p] = sides[0].seconds[p][c];
            there[p] = sides[1].seconds[p][c];
            ratio[p] = there[p] / here[p];
        }
        if (files[c] > 0)
            printf("%-10s %6u %12.1f %12.1f %+6.1f%%\n", codec_names[c],
                   files[c], files[c] / median(here, passes),
                   files[c] / median(there, passes),
                   100 * (median(ratio, passes) - 1));
    }
}

static void run(struct manifest *m, const char *archive, const char *name,
                int passes, struct workers *workers)
{
    static struct side sides[2];
    struct error err = ERROR_INIT;
    struct view view;

    if (view_parse(name, NULL, &view, NULL, &err) != 0)
        die(&err);
    sides[1].workers = workers;
    /* The first fills the page cache and the facts, and does not count. */
    for (int pass = -1; pass < passes; pass++) {
        for (int k = 0; k < 2; k++)
            open_side(&sides[k], m, archive, &view);
        compare_all(m, sides, pass < 0 ? 0 : pass);
        for (int k = 0; k < 2; k++)
            close_side(&sides[k]);
        if (pass < 0) {
            memset(sides[0].seconds, 0, sizeof sides[0].seconds);
            memset(sides[1].seconds, 0, sizeof sides[1].seconds);
            memset(files, 0, sizeof files);
        }
    }
    print(name, sides, passes);
}

int main(int argc, char **argv)
{
    const char *archive = argc > 1 ? argv[1] : NULL;
    const char *name = argc > 2 ? argv[2] : "full";
    int passes = argc > 3 ? atoi(argv[3]) : 7;
    char state[] = "/tmp/prepfs-workers.XXXXXX";
    CLEANUP_FREE char *remove = NULL;
    struct workers_config config = {.count = 1};
    struct error err = ERROR_INIT;
    struct index_parser parser;
    struct index_result result;
    struct index_config index = {.archive = archive, .parser = &parser};
    struct workers *workers;

    if (!archive || passes < 1 || passes > PASSES_MAX || !mkdtemp(state)) {
        fprintf(stderr, "usage: workers ARCHIVE [VIEW] [PASSES]\n");
        return 2;
    }
    dicom_global_init();
    workers = workers_start(&config, &err);
    index_dicom_parser(&(struct index_dicom_config){0}, &parser);
    index.manifest = manifest_open(state, MANIFEST_READ_WRITE, &err);
    if (!workers || !index.manifest || index_run(&index, &result, &err) != 0)
        die(&err);
    run(index.manifest, archive, name, passes, workers);
    manifest_close(index.manifest);
    workers_free(workers);
    if (asprintf(&remove, "rm -rf '%s'", state) > 0)
        return system(remove) == 0 ? 0 : 1;
    return 0;
}
