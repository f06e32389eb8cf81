// SPDX-License-Identifier: MIT
/*
 * pipeline: where the time of a cold leaf goes, codec by codec.
 *
 *     pipeline ARCHIVE [VIEW] [PASSES]
 *
 * Indexes ARCHIVE into a temporary state, renders every image once through
 * the code that a mount uses (one thread, no FUSE) and prints, for each kind
 * of pixel data, files/s and the shares of reading, decoding, image operators
 * and the rest (layout, cache, SQLite). The cache is too small to help.
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

struct tally {
    unsigned files, failed;
    double seconds;
    unsigned long long bytes;
    struct render_stats spent;
};

static const char *const codec_names[] = {
    [DECODE_NATIVE_LE] = "native LE",
    [DECODE_NATIVE_BE] = "native BE",
    [DECODE_RLE] = "RLE",
    [DECODE_JPEG] = "JPEG",
    [DECODE_JPEGLS] = "JPEG-LS",
    [DECODE_J2K] = "JPEG 2000",
    [DECODE_UNSUPPORTED] = "none",
};

enum { CODECS = DECODE_UNSUPPORTED + 1 };

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const struct error *err)
{
    fprintf(stderr, "pipeline: %s\n", err->msg);
    exit(1);
}

static int read_leaf(struct render *r, const struct leaf *leaf,
                     unsigned long long *ret_bytes, struct error *err)
{
    uint64_t offset = 0;
    struct render_bytes bytes;

    do {
        if (render_read(r, leaf, offset, CACHE_BLOCK_MAX, true, &bytes, err) !=
            0)
            return -1;
        offset += bytes.length;
        *ret_bytes += bytes.length;
        if (bytes.length == 0)
            return 0;
        render_release(r, &bytes);
    } while (1);
}

static void add_spent(struct tally *t, const struct render_stats *before,
                      const struct render_stats *after)
{
    t->spent.frames_decoded += after->frames_decoded - before->frames_decoded;
    t->spent.read_ns += after->read_ns - before->read_ns;
    t->spent.decode_ns += after->decode_ns - before->decode_ns;
    t->spent.image_ns += after->image_ns - before->image_ns;
}

static void render_one(struct render *r, uint16_t view_id,
                       const struct manifest_instance *i, struct tally *t)
{
    struct leaf leaf = {view_id, i->id, 0, LEAF_TIFF};
    struct render_stats before, after;
    struct error err = ERROR_INIT;
    double start = now();

    render_stats_get(r, &before);
    if (read_leaf(r, &leaf, &t->bytes, &err) != 0) {
        t->failed++;
        return;
    }
    t->seconds += now() - start;
    t->files++;
    render_stats_get(r, &after);
    add_spent(t, &before, &after);
}

static void render_all(struct manifest *m, struct render *r, uint16_t view_id,
                       struct tally *tallies)
{
    struct error err = ERROR_INIT;
    struct manifest_folder study;
    int64_t after_study = 0;

    while (manifest_list_studies(m, after_study, 1, &study, &err) == 1) {
        struct manifest_instance rows[64];
        int64_t after = 0;
        int n;

        after_study = study.id;
        while ((n = manifest_list_instances(m, study.id, 0, after, 64, rows,
                                            &err)) > 0)
            for (int k = 0; k < n; k++) {
                after = rows[k].id;
                render_one(r, view_id, &rows[k], &tallies[rows[k].desc.codec]);
                manifest_instance_deinit(&rows[k]);
            }
    }
}

static void print(const char *view, const struct tally *tallies)
{
    printf("%s\n%-10s %6s %6s %9s %9s %6s %6s %6s %6s\n", view, "codec",
           "files", "failed", "files/s", "MB/s", "read", "decode", "image",
           "rest");
    for (int c = 0; c < CODECS; c++) {
        const struct tally *t = &tallies[c];
        double read = 1e-9 * (double)t->spent.read_ns;
        double decode = 1e-9 * (double)t->spent.decode_ns;
        double image = 1e-9 * (double)t->spent.image_ns;
        double all = t->seconds / 100;

        if (t->files + t->failed == 0)
            continue;
        printf("%-10s %6u %6u %9.1f %9.1f %5.1f%% %5.1f%% %5.1f%% %5.1f%%\n",
               codec_names[c], t->files, t->failed, t->files / t->seconds,
               (double)t->bytes / t->seconds / 1e6, read / all, decode / all,
               image / all, (t->seconds - read - decode - image) / all);
    }
}

int main(int argc, char **argv)
{
    const char *archive = argc > 1 ? argv[1] : NULL;
    const char *name = argc > 2 ? argv[2] : "crop_size-384x512";
    int passes = argc > 3 ? atoi(argv[3]) : 1;
    char state[] = "/tmp/prepfs-pipeline.XXXXXX";
    CLEANUP_FREE char *remove = NULL;
    struct error err = ERROR_INIT;
    struct index_parser parser;
    struct index_result result;
    struct index_config index = {.archive = archive, .parser = &parser};
    struct cache_config cache_config = {.budget_bytes = 1 << 24};
    struct render_config config = {.archive = archive,
                                   .frame_bytes = (size_t)64 << 20};
    struct view view;
    uint16_t view_id;

    if (!archive || !mkdtemp(state)) {
        fprintf(stderr, "usage: pipeline ARCHIVE [VIEW] [PASSES]\n");
        return 2;
    }
    dicom_global_init();
    index_dicom_parser(&(struct index_dicom_config){0}, &parser);
    config.manifest = index.manifest =
        manifest_open(state, MANIFEST_READ_WRITE, &err);
    config.cache = cache_new(&cache_config, &err);
    if (!config.manifest || !config.cache ||
        index_run(&index, &result, &err) != 0 ||
        view_parse(name, NULL, &view, NULL, &err) != 0)
        die(&err);
    printf("indexed %llu files in %.2f s (%.0f files/s)\n",
           (unsigned long long)result.files, result.seconds,
           (double)result.files / result.seconds);
    for (int i = 0; i < passes; i++) {
        struct tally tallies[CODECS] = {0};
        struct render *r = render_new(&config, &err);

        if (!r || render_view(r, &view, 0, &view_id, &err) != 0)
            die(&err);
        render_all(config.manifest, r, view_id, tallies);
        print(name, tallies);
        render_free(r);
    }
    cache_free(config.cache);
    manifest_close(config.manifest);
    if (asprintf(&remove, "rm -rf '%s'", state) > 0)
        return system(remove) == 0 ? 0 : 1;
    return 0;
}
