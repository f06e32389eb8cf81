// SPDX-License-Identifier: MIT
/*
 * manifest.c: how fast a manifest is filled, asked and listed.
 *
 * usage: bench_manifest [ROWS]     default 100000, 100 a series, 10 series a
 *                                  study; in a folder of TMPDIR
 *
 * Prints one line per number. Every number is of one thread and a database in
 * the page cache.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "manifest/manifest_cohort.h"
#include "manifest/manifest_write.h"
#include "prepfs/cleanup.h"

enum { BATCH = 256, PAGE = 256 };

static double now_s(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int rc, const struct error *err)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "bench_manifest: %s\n", err->msg);
    exit(1);
}

struct texts {
    char path[64], study[64], series[96], sop[128];
};

static void make(size_t i, struct texts *t, struct manifest_header *h,
                 struct manifest_entry *e)
{
    static const double axial[6] = {1, 0, 0, 0, 1, 0};
    size_t series = i / 100;
    size_t study = i / 1000;

    (void)snprintf(t->study, sizeof t->study, "1.2.826.0.1.3680043.8.498.%zu",
                   study);
    (void)snprintf(t->series, sizeof t->series, "%s.%zu", t->study, series);
    (void)snprintf(t->sop, sizeof t->sop, "%s.%zu", t->series, i);
    (void)snprintf(t->path, sizeof t->path, "%04zu/%06zu/%08zu.dcm", study,
                   series, i);
    manifest_header_init(h);
    h->study_uid = t->study;
    h->series_uid = t->series;
    h->sop_uid = t->sop;
    h->patient_id = t->study;
    h->modality = "CT";
    h->body_part = "CHEST";
    h->slice_thickness = 1.25;
    h->sop_class = "1.2.840.10008.5.1.4.1.1.2";
    h->transfer_syntax = "1.2.840.10008.1.2.1";
    h->image_type = "ORIGINAL\\PRIMARY\\AXIAL";
    h->acq_datetime = "20240102120000.000000";
    h->instance_number = (int64_t)(i % 100);
    h->slope = 1;
    h->intercept = -1024;
    h->wc = 40;
    h->ww = 400;
    h->n_windows = 1;
    h->px_x = h->px_y = 0.7;
    h->ipp[0] = h->ipp[1] = -180;
    h->ipp[2] = 1.25 * (double)(i % 100);
    (void)memcpy(h->iop, axial, sizeof axial);
    h->has_pixels = h->decodable = h->frames_known = true;
    h->frames = 1;
    h->desc = (struct decode_desc){.photometric = DECODE_MONOCHROME2,
                                   .rows = 512,
                                   .cols = 512,
                                   .samples = 1,
                                   .bits_alloc = 16,
                                   .bits_stored = 12,
                                   .high_bit = 11};
    *e = (struct manifest_entry){.header = h};
    e->source = (struct manifest_source){.relpath = t->path,
                                         .dev = 1,
                                         .ino = i + 1,
                                         .size = 526000,
                                         .mtime_ns = 1};
}

static void insert(struct manifest *m, size_t rows)
{
    static struct texts texts[BATCH];
    static struct manifest_header headers[BATCH];
    static struct manifest_entry entries[BATCH];
    struct manifest_written written = {0};
    struct error err = ERROR_INIT;
    double start = now_s();

    for (size_t i = 0; i < rows; i += BATCH) {
        size_t n = rows - i < BATCH ? rows - i : BATCH;

        for (size_t k = 0; k < n; k++)
            make(i + k, &texts[k], &headers[k], &entries[k]);
        check(manifest_write_batch(m, entries, n, &written, &err), &err);
    }
    double seconds = now_s() - start;

    (void)printf("insert       %10.0f rows/s  (%zu rows, %.2f s)\n",
                 (double)rows / seconds, rows, seconds);
}

static void finish(struct manifest *m, size_t rows)
{
    struct error err = ERROR_INIT;
    uint64_t renamed;
    uint64_t copies;
    double start = now_s();

    check(manifest_write_names(m, NULL, NULL, NULL, &renamed, &copies, &err),
          &err);
    check(manifest_write_volumes(m, NULL, &err), &err);
    check(manifest_write_end(m, "/bench", "bench", true, &err), &err);
    double seconds = now_s() - start;

    (void)printf("finish       %10.0f rows/s  (%.2f s)\n",
                 (double)rows / seconds, seconds);
}

static void look_up(struct manifest *m, size_t rows)
{
    enum { LOOKUPS = 20000 };
    struct error err = ERROR_INIT;
    double start = now_s();
    size_t i = 0;

    for (int k = 0; k < LOOKUPS; k++) {
        struct manifest_instance found;

        i = (i + 7919) % rows;
        check(manifest_instance_by_id(m, (int64_t)i + 1, &found, &err), &err);
        manifest_instance_deinit(&found);
    }
    (void)printf("by id        %10.2f us\n", (now_s() - start) / LOOKUPS * 1e6);
    start = now_s();
    for (int k = 0; k < LOOKUPS; k++) {
        struct manifest_instance found;
        struct manifest_header h;
        struct manifest_entry e;
        struct texts t;

        i = (i + 7919) % rows;
        make(i, &t, &h, &e);
        check(manifest_instance_by_name(m, (int64_t)(i / 1000) + 1, t.sop,
                                        &found, &err) -
                  1,
              &err);
        manifest_instance_deinit(&found);
    }
    (void)printf("by name      %10.2f us\n", (now_s() - start) / LOOKUPS * 1e6);
    start = now_s();
    for (int k = 0; k < LOOKUPS; k++) {
        struct manifest_source found;
        struct manifest_header h;
        struct manifest_entry e;
        struct texts t;

        i = (i + 7919) % rows;
        make(i, &t, &h, &e);
        check(manifest_source_find(m, t.path, &found, &err) - 1, &err);
    }
    (void)printf("by path      %10.2f us\n", (now_s() - start) / LOOKUPS * 1e6);
}

static void list(struct manifest *m, size_t rows)
{
    static struct manifest_instance page[PAGE];
    struct error err = ERROR_INIT;
    double start = now_s();
    size_t seen = 0;

    for (size_t study = 1; study <= (rows + 999) / 1000; study++) {
        int64_t after = 0;
        int n;

        while ((n = manifest_list_instances(m, (int64_t)study, 0, after, PAGE,
                                            page, &err)) > 0) {
            after = page[n - 1].id;
            seen += (size_t)n;
            while (n > 0)
                manifest_instance_deinit(&page[--n]);
        }
        check(n, &err);
    }
    (void)printf("list         %10.0f rows/s  (%zu rows)\n",
                 (double)seen / (now_s() - start), seen);
    start = now_s();
    struct manifest_totals totals;

    check(manifest_totals(m, &totals, &err), &err);
    (void)printf("totals       %10.2f ms, then ", (now_s() - start) * 1e3);
    start = now_s();
    check(manifest_totals(m, &totals, &err), &err);
    (void)printf("%.1f us\n", (now_s() - start) * 1e6);
}

static void snapshot(struct manifest *m, const char *state, size_t rows)
{
    CLEANUP_FREE char *path = NULL;
    struct error err = ERROR_INIT;
    struct stat st;
    double start = now_s();

    if (asprintf(&path, "%s/copy.db", state) < 0)
        exit(1);
    check(manifest_snapshot(m, path, &err), &err);
    if (stat(path, &st) != 0)
        exit(1);
    (void)printf("snapshot     %10.2f s     (%.0f bytes/row)\n",
                 now_s() - start, (double)st.st_size / (double)rows);
}

/* Half of everything, and one image of each thousand. */
static void show_less(struct manifest *m, const char *state, size_t rows)
{
    static const char *const wheres[] = {
        "id%2=0 AND modality='CT' AND slice_thickness<=1.25 AND rows=512",
        "id%1000=0",
    };
    struct error err = ERROR_INIT;

    for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
        const struct manifest_cohort cohort = {.where = wheres[i]};
        struct manifest_cohort_size size;
        double start = now_s();

        check(manifest_cohort_apply(m, &cohort, &size, &err), &err);
        (void)printf("\nwhere        %10.2f s     (%" PRIu64 " images: %s)\n",
                     now_s() - start, size.images, wheres[i]);
        list(m, rows);
        snapshot(m, state, rows);
    }
}

static void remove_state(const char *state)
{
    static const char *const files[] = {"manifest.db", "copy.db", "lock",
                                        "ids",         "salt",    "index.lock"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        CLEANUP_FREE char *path = NULL;

        if (asprintf(&path, "%s/%s", state, files[i]) < 0)
            exit(1);
        (void)unlink(path);
    }
    (void)rmdir(state);
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    const char *base = getenv("TMPDIR");
    CLEANUP_FREE char *state = NULL;
    struct error err = ERROR_INIT;

    if (rows == 0 ||
        asprintf(&state, "%s/bench-manifest-XXXXXX", base ? base : "/tmp") <
            0 ||
        !mkdtemp(state))
        return 2;
    struct manifest *m = manifest_open(state, MANIFEST_READ_WRITE, &err);

    check(m ? 0 : -1, &err);
    insert(m, rows);
    finish(m, rows);
    look_up(m, rows);
    list(m, rows);
    snapshot(m, state, rows);
    show_less(m, state, rows);
    manifest_close(m);
    remove_state(state);
    return 0;
}
