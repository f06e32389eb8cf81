// SPDX-License-Identifier: MIT
/*
 * fuzz_dicom.c: any bytes as a DICOM file: sniff, header, order, frame index,
 * frames. Nothing may crash, hang, or break a promise of dicom.h.
 *
 * With libFuzzer (-DFUZZ_LIBFUZZER) this is a target. Alone it replays the
 * files named, or else builds seeds that between them use every path, and
 * feeds them whole, cut, and with bytes changed (FUZZ_SEED, FUZZ_ROUNDS).
 */
#undef NDEBUG
#include "support/dicom_build.h"

#include "dicom/dicom.h"

#include <assert.h>
#include <stdio.h>
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

#ifndef FUZZ_LIBFUZZER

/* ---- seeds ------------------------------------------------------------------
 */

static void put_lut(struct build *b, uint32_t tag)
{
    build_sequence(b, tag, false);
    build_item(b, true);
    build_words(b, 0x00283002, "US", (const uint16_t[]){3, 0, 16}, 3);
    build_words(b, 0x00283006, "OW", (const uint16_t[]){1, 2, 3}, 3);
    build_item_end(b);
    build_sequence_end(b);
}

static void put_group(struct build *b, uint32_t sequence, uint32_t tag,
                      const char *vr, const char *text)
{
    build_sequence(b, sequence, false);
    build_item(b, false);
    build_text(b, tag, vr, text);
    build_item_end(b);
    build_sequence_end(b);
}

static void put_groups(struct build *b)
{
    build_sequence(b, 0x52009229, true);
    build_item(b, true);
    put_group(b, 0x00209116, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    put_group(b, 0x00289110, 0x00280030, "DS", "0.5\\0.25");
    build_item_end(b);
    build_sequence_end(b);
    build_sequence(b, 0x52009230, false);
    for (unsigned i = 0; i < 3; i++) {
        build_item(b, i % 2);
        build_sequence(b, 0x00209111, false);
        build_item(b, false);
        build_text(b, 0x00209056, "SH", "1");
        build_u32(b, 0x00209057, 3 - i);
        build_u32(b, 0x00209157, 3 - i);
        build_item_end(b);
        build_sequence_end(b);
        put_group(b, 0x00209113, 0x00200032, "DS", i ? "0\\0\\4" : "0\\0\\2");
        put_group(b, 0x00289145, 0x00281053, "DS", "2");
        build_sequence(b, 0x00289132, false);
        build_item(b, false);
        put_lut(b, 0x00283010);
        build_item_end(b);
        build_sequence_end(b);
        build_item_end(b);
    }
    build_sequence_end(b);
}

static void put_palette(struct build *b)
{
    static const uint16_t segments[] = {0, 1, 9, 1, 2, 99, 2, 1, 0, 0};

    for (uint32_t i = 0; i < 3; i++)
        build_words(b, 0x00281101 + i, "US", (const uint16_t[]){4, 0, 16}, 3);
    for (uint32_t i = 0; i < 3; i++)
        build_words(b, 0x00281221 + i, "OW", segments, 10);
}

static void put_head(struct build *b, const char *photometric)
{
    build_text(b, 0x00080005, "CS", "\\ISO 2022 IR 87");
    build_common(b, "1.2.840.10008.5.1.4.1.1.13.1.3");
    build_text(b, 0x00081030, "LO", "A\x1b$B;3\x1b(B");
    build_text(b, 0x00180050, "DS", "2.5");
    build_text(b, 0x00185101, "CS", "CC");
    build_text(b, 0x00200020, "CS", "P\\L");
    build_text(b, 0x00200062, "CS", "L");
    build_sequence(b, 0x00209222, true);
    build_item(b, true);
    build_tag(b, 0x00209165, 0x00209057);
    build_item_end(b);
    build_sequence_end(b);
    build_u16(b, 0x00280002, 1);
    build_text(b, 0x00280004, "CS", photometric);
    build_text(b, 0x00280008, "IS", "3");
    build_u16(b, 0x00280010, 2);
    build_u16(b, 0x00280011, 2);
    build_u16(b, 0x00280100, 8);
    build_u16(b, 0x00280101, 8);
    build_u16(b, 0x00280102, 7);
    build_u16(b, 0x00280103, 0);
    build_u16(b, 0x00280120, 9);
    build_text(b, 0x00281050, "DS", "40\\1");
    build_text(b, 0x00281051, "DS", "400\\2");
}

static void put_native(struct build *b)
{
    put_head(b, "MONOCHROME2");
    put_lut(b, 0x00283000);
    put_groups(b);
    build_bytes(b, 0x7FE00010, "OW", "abcdefghijkl", 12);
}

static void put_compressed(struct build *b)
{
    static const uint32_t offsets[] = {0, 12, 24};

    put_head(b, "PALETTE COLOR");
    put_palette(b);
    build_encapsulated(b, offsets, 3);
    for (int i = 0; i < 3; i++)
        build_fragment(b, "\xff\xd8\xff\xd9", 4);
    build_encapsulated_end(b);
}

static const struct seed {
    enum build_encoding encoding;
    const char *syntax;
    void (*put)(struct build *);
} seeds[] = {
    {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.1", put_native},
    {BUILD_IMPLICIT_LE, "1.2.840.10008.1.2", put_native},
    {BUILD_EXPLICIT_BE, "1.2.840.10008.1.2.2", put_native},
    {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.1.99", put_native},
    {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.50", put_compressed},
    {BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.5", put_compressed},
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Bytes that mean something to a parser are drawn more often. */
static uint8_t random_byte(uint64_t *state)
{
    static const uint8_t known[] = {0x00, 0xFF, 0xFE, 0xE0, 0x0D, 0xDD, 0x7F,
                                    0x80, 'S',  'Q',  'U',  'N',  0x10, 0x28};
    uint64_t r = next_random(state);

    return r & 1 ? known[(r >> 8) % sizeof known] : (uint8_t)(r >> 8);
}

static void mutate(const struct build *seed, uint64_t *state)
{
    struct build b;
    uint64_t changes = 1 + next_random(state) % 8;

    build_init(&b, BUILD_EXPLICIT_LE);
    build_raw(&b, seed->bytes, seed->length);
    while (changes-- > 0)
        b.bytes[128 + next_random(state) % (b.length - 128)] =
            random_byte(state);
    if (next_random(state) % 4 == 0)
        b.length -= next_random(state) % (b.length - 128);
    (void)LLVMFuzzerTestOneInput(b.bytes, b.length);
    build_deinit(&b);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 0) : otherwise;
}

/* A seed that is refused would explore nothing. */
static void check_seed(const struct build *b)
{
    int fd = build_fd(b);
    struct dicom_source *s = dicom_source_open(fd, NULL, NULL);
    struct dicom_header h;

    assert(s);
    assert(dicom_header_read(s, &h, NULL) == 0);
    assert(h.has_pixels && h.frames == 3);
    assert(h.turned && h.study_description[1] == '\xe5');
    dicom_header_deinit(&h);
    dicom_source_close(s);
    (void)close(fd);
}

static void run_seed(const struct seed *seed, uint64_t *state, uint64_t rounds)
{
    struct build b;

    build_init(&b, seed->encoding);
    build_meta(&b, seed->syntax);
    seed->put(&b);
    if (strcmp(seed->syntax, "1.2.840.10008.1.2.1.99") == 0)
        build_deflate(&b, false);
    check_seed(&b);
    (void)LLVMFuzzerTestOneInput(b.bytes, b.length);
    for (uint64_t i = 0; i < rounds; i++)
        mutate(&b, state);
    build_deinit(&b);
}

static int replay(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f) {
        perror(path);
        return 1;
    }
    n = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    return LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
    uint64_t state = setting("FUZZ_SEED", 1);
    uint64_t rounds = setting("FUZZ_ROUNDS", 1000);
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    if (argc > 1)
        return failed;
    dicom_global_init();
    printf("FUZZ_SEED=%llu FUZZ_ROUNDS=%llu\n", (unsigned long long)state,
           (unsigned long long)rounds);
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        run_seed(&seeds[i], &state, rounds);
    return 0;
}

#endif
