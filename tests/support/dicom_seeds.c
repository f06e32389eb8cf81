// SPDX-License-Identifier: MIT
/*
 * dicom_seeds.c: writes the fuzz corpus of fs/dicom.
 *
 *     dicom_seeds tests/fuzz/corpus/dicom
 *
 * Small files that between them use every path of the parser.
 */
#undef NDEBUG
#include "support/dicom_build.h"

#include "dicom/dicom.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    const char *name;
    enum build_encoding encoding;
    const char *syntax;
    void (*put)(struct build *);
} seeds[] = {
    {"explicit-le", BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.1", put_native},
    {"implicit-le", BUILD_IMPLICIT_LE, "1.2.840.10008.1.2", put_native},
    {"explicit-be", BUILD_EXPLICIT_BE, "1.2.840.10008.1.2.2", put_native},
    {"deflated", BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.1.99", put_native},
    {"jpeg", BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.4.50", put_compressed},
    {"rle", BUILD_EXPLICIT_LE, "1.2.840.10008.1.2.5", put_compressed},
};

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

static void write_seed(const struct seed *seed, const char *folder)
{
    char path[4096];
    struct build b;
    FILE *f;

    build_init(&b, seed->encoding);
    build_meta(&b, seed->syntax);
    seed->put(&b);
    if (strcmp(seed->syntax, "1.2.840.10008.1.2.1.99") == 0)
        build_deflate(&b, false);
    check_seed(&b);
    (void)snprintf(path, sizeof path, "%s/%s", folder, seed->name);
    f = fopen(path, "wb");
    assert(f);
    assert(fwrite(b.bytes, 1, b.length, f) == b.length);
    assert(!fclose(f));
    build_deinit(&b);
}

int main(int argc, char **argv)
{
    assert(argc == 2);
    dicom_global_init();
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        write_seed(&seeds[i], argv[1]);
    return EXIT_SUCCESS;
}
