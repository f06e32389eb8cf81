// SPDX-License-Identifier: MIT
/*
 * fuzz_dicom.c: any bytes as a DICOM file: sniff, header, order, frame index,
 * frames. Nothing may crash, hang, or break a promise of dicom.h.
 * tests/support/dicom_seeds.c writes the corpus.
 */
#undef NDEBUG
#include "support/dicom_build.h"

#include "dicom/dicom_parsed.h"
#include "support/dicom_promises.h"
#include "support/dicom_same.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frames(const struct dicom_source *s,
                         const struct dicom_header *h)
{
    struct dicom_extent *extents = NULL;
    uint64_t n = 0;

    if (h->pixels == DICOM_PIXELS_ENCAPSULATED &&
        dicom_frames_index(s, h, &extents, &n, NULL) != 0)
        return;
    promises_of_frames(s, h, extents);
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
        promises_of_values(&h);
        promises_of_order(&h);
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
