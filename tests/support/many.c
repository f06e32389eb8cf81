// SPDX-License-Identifier: MIT
#include "support/many.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 256, LARGE_SERIES = 10 };

/* A kind of study in a block of MANY_BLOCK images. */
struct kind {
    uint64_t studies, series, images; /* per block, per study, per series */
    const char *modality, *body_part;
};

static const struct kind kinds[] = {
    {2, 3, 200, "CT", "CHEST"},
    {3, 8, 25, "MR", "HEAD"},
    {50, 1, 4, "DX", "CHEST"},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

enum { BLOCK_SERIES = 2 * 3 + 3 * 8 + 50 };

/* ---- numbers ---- */

static uint64_t mix(uint64_t x) /* SplitMix64 */
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* As archives for research hand them out: a root, and digits of a hash. */
static void uid(char ret[65], unsigned space, uint64_t n)
{
    uint64_t high = mix(n * 4 + space);

    (void)snprintf(ret, 65, "1.3.6.1.4.1.14519.5.2.1.%015" PRIu64 "%015" PRIu64,
                   high % UINT64_C(899999999999999) + UINT64_C(100000000000000),
                   mix(high) % UINT64_C(1000000000000000));
}

static uint64_t small(const struct many *a)
{
    return a->total - a->large;
}

static const struct kind *find_kind(uint64_t in_block, uint64_t *ret_first,
                                    uint64_t *ret_study, uint64_t *ret_series)
{
    *ret_first = *ret_study = *ret_series = 0;
    for (size_t k = 0;; k++) {
        const struct kind *kind = &kinds[k];
        uint64_t n = kind->studies * kind->series * kind->images;

        if (k + 1 == N_KINDS || in_block < *ret_first + n)
            return kind;
        *ret_first += n;
        *ret_study += kind->studies;
        *ret_series += kind->studies * kind->series;
    }
}

static void place_small(uint64_t i, struct many_place *ret,
                        const struct kind **ret_kind)
{
    uint64_t block = i / MANY_BLOCK;
    uint64_t first, study, series;
    const struct kind *kind =
        find_kind(i % MANY_BLOCK, &first, &study, &series);
    uint64_t n = i % MANY_BLOCK - first;

    ret->study =
        block * MANY_BLOCK_STUDIES + study + n / (kind->series * kind->images);
    ret->series = block * BLOCK_SERIES + series + n / kind->images;
    ret->number = n % kind->images;
    ret->first = i - ret->number;
    *ret_kind = kind;
}

static void place(const struct many *a, uint64_t i, struct many_place *ret,
                  const struct kind **ret_kind)
{
    uint64_t per = a->large / LARGE_SERIES;

    if (i < small(a)) {
        place_small(i, ret, ret_kind);
        return;
    }
    /* Behind all blocks, also one that is not full. */
    i -= small(a);
    ret->study =
        small(a) / MANY_BLOCK * MANY_BLOCK_STUDIES + MANY_BLOCK_STUDIES;
    ret->series = small(a) / MANY_BLOCK * BLOCK_SERIES + BLOCK_SERIES + i / per;
    ret->number = i % per;
    ret->first = small(a) + i - ret->number;
    *ret_kind = &kinds[0];
}

void many_place(const struct many *a, uint64_t i, struct many_place *ret)
{
    const struct kind *kind;

    place(a, i, ret, &kind);
}

uint64_t many_studies(const struct many *a)
{
    struct many_place last = {0};

    if (small(a) > 0)
        many_place(a, small(a) - 1, &last);
    return (small(a) > 0 ? last.study + 1 : 0) + (a->large > 0);
}

uint64_t many_series(const struct many *a)
{
    struct many_place last = {0};

    if (small(a) > 0)
        many_place(a, small(a) - 1, &last);
    return (small(a) > 0 ? last.series + 1 : 0) +
           (a->large > 0 ? LARGE_SERIES : 0);
}

/* ---- what a header says ---- */

static void fill_texts(const struct many_place *at, uint64_t i,
                       const struct kind *kind, struct many_texts *t)
{
    (void)snprintf(
        t->path, sizeof t->path,
        "%s/%03" PRIu64 "/ST%07" PRIu64 "/SE%08" PRIu64 "/IM%06" PRIu64 ".dcm",
        kind->modality, at->study % 1000, at->study, at->series, at->number);
    uid(t->study, 0, at->study);
    uid(t->series, 1, at->series);
    uid(t->sop, 2, i);
    (void)snprintf(t->patient, sizeof t->patient, "PATIENT-%07" PRIu64,
                   at->study / 2);
    (void)snprintf(t->date, sizeof t->date, "%04d%02d%02d",
                   (int)(2000 + at->study % 24), (int)(1 + at->study % 12),
                   (int)(1 + at->study % 28));
}

static void fill_pixels(const struct kind *kind, struct manifest_header *h)
{
    uint32_t side = kind == &kinds[1] ? 256 : 512;

    h->desc = (struct decode_desc){.codec = DECODE_NATIVE_LE,
                                   .photometric = DECODE_MONOCHROME2,
                                   .rows = side,
                                   .cols = side,
                                   .samples = 1,
                                   .bits_alloc = 16,
                                   .bits_stored = 12,
                                   .high_bit = 11};
    h->has_pixels = h->decodable = h->frames_known = true;
    h->frames = 1;
    h->pixel_offset = 1536;
    h->pixel_length = (uint64_t)side * side * 2;
}

static void fill_header(const struct many_place *at, const struct kind *kind,
                        const struct many_texts *t, struct manifest_header *h)
{
    static const double axial[6] = {1, 0, 0, 0, 1, 0};

    manifest_header_init(h);
    h->study_uid = t->study;
    h->series_uid = t->series;
    h->sop_uid = t->sop;
    h->patient_id = t->patient;
    h->patient_sex = "F";
    h->study_date = t->date;
    h->study_description = "FOLLOW-UP";
    h->modality = kind->modality;
    h->body_part = kind->body_part;
    h->series_description = "AXIAL 1.25 MM";
    h->series_number = (int64_t)(at->series % 10);
    h->manufacturer = "MADE UP";
    h->model = "SCANNER";
    h->kernel = "B30f";
    h->kvp = 120;
    h->slice_thickness = 1.25;
    h->frame_of_ref = t->study;
    h->sop_class = "1.2.840.10008.5.1.4.1.1.2";
    h->transfer_syntax = "1.2.840.10008.1.2.1";
    h->image_type = "ORIGINAL\\PRIMARY\\AXIAL";
    h->acq_datetime = "20240102120000.000000";
    h->instance_number = (int64_t)at->number + 1;
    h->acquisition_number = 1;
    h->slope = 1;
    h->intercept = -1024;
    h->rescale_type = "HU";
    h->wc = 40;
    h->ww = 400;
    h->n_windows = 1;
    h->px_x = h->px_y = 0.703125;
    h->ipp[0] = h->ipp[1] = -180;
    h->ipp[2] = 1.25 * (double)at->number;
    (void)memcpy(h->iop, axial, sizeof axial);
    fill_pixels(kind, h);
}

void many_entry(const struct many *a, uint64_t i, struct many_texts *texts,
                struct manifest_header *header, struct manifest_entry *ret)
{
    const struct kind *kind;
    struct many_place at;

    place(a, i, &at, &kind);
    fill_texts(&at, i, kind, texts);
    fill_header(&at, kind, texts, header);
    *ret = (struct manifest_entry){.header = header};
    ret->source = (struct manifest_source){
        .relpath = texts->path,
        .dev = 1,
        .ino = i + 1,
        .size = header->pixel_offset + header->pixel_length,
        .mtime_ns = INT64_C(1700000000000000000),
        .scan = MANIFEST_SCAN_OK,
    };
}

/* ---- writing ---- */

int many_write(struct manifest *m, const struct many *a, uint64_t from,
               uint64_t to, struct error *err)
{
    struct many_texts texts[BATCH];
    struct manifest_header headers[BATCH];
    struct manifest_entry entries[BATCH];
    struct manifest_written written = {0};

    for (uint64_t i = from; i < to; i += BATCH) {
        size_t n = to - i < BATCH ? (size_t)(to - i) : BATCH;

        for (size_t k = 0; k < n; k++)
            many_entry(a, i + k, &texts[k], &headers[k], &entries[k]);
        if (manifest_write_batch(m, entries, n, &written, err) != 0)
            return -1;
    }
    return 0;
}

int many_end(struct manifest *m, struct error *err)
{
    uint64_t renamed, copies;

    if (manifest_write_names(m, NULL, NULL, NULL, &renamed, &copies, err) !=
            0 ||
        manifest_write_volumes(m, NULL, err) != 0)
        return -1;
    return manifest_write_end(m, "/many", "many", true, err);
}
