// SPDX-License-Identifier: MIT
/*
 * fuzz_dicom.c: any bytes as a DICOM file: sniff, header, order, frame index,
 * frames. Nothing may crash, hang, or break a promise of dicom.h.
 * tests/support/dicom_seeds.c writes the corpus.
 */
#undef NDEBUG
#include "support/dicom_build.h"

#include "dicom/dicom_parsed.h"
#include "support/dicom_same.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20, FRAMES_READ = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_order(const struct dicom_header *h)
{
    for (int want = DICOM_ORDER_GEOMETRY; want <= DICOM_ORDER_STORED; want++) {
        struct dicom_order order;
        uint8_t *seen;

        if (dicom_order(h, (enum dicom_order_want)want, &order, NULL) != 0)
            continue;
        assert(order.n == h->frames);
        assert(order.z_spacing >= 0);
        seen = calloc(order.n + 1, 1);
        for (uint32_t i = 0; seen && i < order.n; i++) {
            assert(order.frames[i] < order.n);
            assert(!seen[order.frames[i]]++);
        }
        free(seen);
        dicom_order_deinit(&order);
    }
}

static void check_values(const struct dicom_header *h)
{
    uint32_t records = h->n_per_frame + 1;

    assert(h->n_per_frame == 0 || h->per_frame);
    for (uint32_t i = 0; i < records; i++) {
        const struct dicom_frame *f = dicom_frame_at(h, i);

        assert(f->n_windows == 0 ||
               f->window_first + f->n_windows <= h->n_windows);
        assert(f->n_voi_luts == 0 ||
               f->voi_lut_first + f->n_voi_luts <= h->n_voi_luts);
    }
    for (uint32_t i = 0; i < h->n_voi_luts; i++) {
        assert(h->voi_luts[i].n >= 1 && h->voi_luts[i].n <= 65536);
        assert(h->voi_luts[i].data[h->voi_luts[i].n - 1] <= h->voi_luts[i].max);
    }
    for (uint32_t i = 0; i < 3 && h->palette.n[0]; i++)
        assert(h->palette.data[i][h->palette.n[i] - 1] <= 65535);
    assert(h->spacing.x >= 0 && h->spacing.y >= 0 && h->spacing.z >= 0);
    assert(!h->study.is_name ||
           strspn(h->study.text, "0123456789.") == strlen(h->study.text));
}

static void check_frames(const struct dicom_source *s,
                         const struct dicom_header *h)
{
    struct dicom_extent *extents = NULL;
    uint64_t n = 0;

    if (h->pixels == DICOM_PIXELS_ENCAPSULATED &&
        dicom_frames_index(s, h, &extents, &n, NULL) != 0)
        return;
    for (uint64_t i = 0; i < h->frames && i < FRAMES_READ; i++) {
        struct error err = ERROR_INIT;
        uint8_t *bytes;
        size_t length;
        unsigned bit;

        if (dicom_frame_read(s, h, extents, i, &bytes, &length, &bit, &err) !=
            0) {
            assert(err.kind != ERROR_NONE && err.kind != ERROR_INTERNAL);
            continue;
        }
        assert(length > 0 && length <= dicom_source_size(s) && bit < 8);
        free(bytes);
    }
    free(extents);
}

/* What any file can say goes to another process and arrives as it was. */
static void check_flat(int fd, const struct dicom_limits *limits,
                       struct dicom_source *s, const struct dicom_header *h)
{
    struct dicom_parsed p = {
        .header = *h, .is_inflated = dicom_source_is_inflated(s), .source = s};
    size_t length = dicom_flatten(&p, NULL, 0);
    uint8_t *bytes = malloc(length);
    struct dicom_parsed q;
    const char *name;

    if (!bytes)
        return;
    assert(dicom_flatten(&p, bytes, length) == length);
    if (dicom_unflatten(bytes, length, fd, (uint64_t)lseek(fd, 0, SEEK_END),
                        limits, DICOM_WANT_SOURCE, &q, NULL) != 0)
        assert(!"what was parsed is refused");
    name = dicom_difference(&p, &q);
    if (name)
        fprintf(stderr, "%s is not the same\n", name);
    assert(!name);
    dicom_parsed_deinit(&q);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t extra[] = {0x00080008, 0x00180081, 0x00280030};
    struct dicom_limits limits = {.header_bytes = INPUT_MAX,
                                  .inflated_bytes = INPUT_MAX,
                                  .frames = 100000,
                                  .cpu_seconds = 5,
                                  .extra_tags = extra,
                                  .n_extra_tags = 3};
    struct build b = {.length = size < INPUT_MAX ? size : INPUT_MAX};
    struct dicom_source *s;
    struct dicom_header h;
    struct error err = ERROR_INIT;
    int fd;

    dicom_global_init();
    (void)dicom_sniff(data, b.length, "IM1", true);
    b.bytes = malloc(b.length + 1);
    if (!b.bytes)
        return 0;
    memcpy(b.bytes, data, b.length);
    fd = build_fd(&b);
    build_deinit(&b);
    s = dicom_source_open(fd, &limits, &err);
    if (s && dicom_header_read(s, &h, &err) == 0) {
        check_values(&h);
        check_order(&h);
        check_flat(fd, &limits, s, &h);
        if (h.has_pixels)
            check_frames(s, &h);
        dicom_header_deinit(&h);
    } else {
        assert(err.kind != ERROR_NONE && err.kind != ERROR_INTERNAL);
    }
    dicom_source_close(s);
    (void)close(fd);
    return 0;
}
