// SPDX-License-Identifier: MIT
/*
 * dicom_build.h: writes DICOM, right or wrong, byte by byte (PS3.5 7, PS3.10
 * 7).
 *
 *     struct build b;
 *     build_init(&b, BUILD_EXPLICIT_LE);
 *     build_meta(&b, "1.2.840.10008.1.2.1");
 *     build_text(&b, 0x00080060, "CS", "CT");
 *     build_grey(&b, 4, 3, 16, 12, 0);
 *     build_bytes(&b, 0x7FE00010, "OW", pixels, sizeof pixels);
 *     int fd = build_fd(&b);
 *     build_deinit(&b);
 *
 * Elements are appended in the order of the calls; nothing is checked, so
 * that broken files can be made too. Running out of memory aborts.
 */
#ifndef TESTS_SUPPORT_DICOM_BUILD_H
#define TESTS_SUPPORT_DICOM_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum build_encoding { BUILD_IMPLICIT_LE, BUILD_EXPLICIT_LE, BUILD_EXPLICIT_BE };

#define BUILD_DEPTH_MAX 64
#define BUILD_UNDEFINED 0xFFFFFFFFu

struct build {
    enum build_encoding encoding; /* may be changed between elements */
    uint8_t *bytes;
    size_t length;
    size_t size;
    size_t data_start; /* behind the meta group */
    /* open sequences and items: where their length is, if it is defined */
    size_t open[BUILD_DEPTH_MAX];
    unsigned depth;
};

void build_init(struct build *b, enum build_encoding encoding);
void build_deinit(struct build *b);

/* Preamble, DICM, group 0002 with its length and, unless NULL, the transfer
 * syntax. The data set starts behind. */
void build_meta(struct build *b, const char *transfer_syntax);

/* Bytes as they are. */
void build_raw(struct build *b, const void *data, size_t length);
/* 16- and 32-bit numbers in the byte order of the encoding. */
void build_raw16(struct build *b, unsigned value);
void build_raw32(struct build *b, uint32_t value);

/* An element's header; the value is up to the caller. */
void build_header(struct build *b, uint32_t tag, const char *vr,
                  uint32_t length);

/* Whole elements. Text is padded to even length (NUL for UI, else blank). */
void build_text(struct build *b, uint32_t tag, const char *vr,
                const char *text);
void build_bytes(struct build *b, uint32_t tag, const char *vr,
                 const void *data, size_t length);
void build_u16(struct build *b, uint32_t tag, unsigned value); /* US */
void build_s16(struct build *b, uint32_t tag, int value);      /* SS */
void build_u32(struct build *b, uint32_t tag, uint32_t value); /* UL */
void build_f32(struct build *b, uint32_t tag, float value);    /* FL */
void build_f64(struct build *b, uint32_t tag, double value);   /* FD */
void build_tag(struct build *b, uint32_t tag, uint32_t value); /* AT */
void build_words(struct build *b, uint32_t tag, const char *vr,
                 const uint16_t *words, size_t n);

/* Sequences and items, of defined or undefined length. */
void build_sequence(struct build *b, uint32_t tag, bool defined);
void build_item(struct build *b, bool defined);
void build_item_end(struct build *b);
void build_sequence_end(struct build *b);

/* SOP common: UIDs "1.2.3.1", ".2", ".3" and SOP class `sop_class`. */
void build_common(struct build *b, const char *sop_class);

/* Image Pixel module of one grey sample. `is_signed` is 0 or 1. */
void build_grey(struct build *b, unsigned cols, unsigned rows,
                unsigned bits_alloc, unsigned bits_stored, unsigned is_signed);

/* Encapsulated pixel data: header and offset table (may be of 0 entries),
 * fragments, delimiter. */
void build_encapsulated(struct build *b, const uint32_t *offsets, size_t n);
void build_fragment(struct build *b, const void *data, uint32_t length);
void build_encapsulated_end(struct build *b);

/* Replaces what is behind the meta group by its deflated form. `wrapped`:
 * with zlib's header, which is wrong. */
void build_deflate(struct build *b, bool wrapped);

/* An unlinked file with the bytes, for reading; -1: no such. */
int build_fd(const struct build *b);

#ifdef __cplusplus
}
#endif

#endif
