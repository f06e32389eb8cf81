// SPDX-License-Identifier: MIT
/*
 * image_file.h: whole DICOM images from a description and numbers, for tests
 * of what becomes of them.
 *
 *     struct image_file f = IMAGE_FILE_INIT;      8x6 MONOCHROME2, 16 bits
 *     f.sop = "1.2.3.4";
 *     f.window = "40\\80";
 *     image_file_write(&f, archive, "ct/1.dcm", 0);
 *
 * The stored values come from a function of (frame, x, y, channel), so that a
 * test knows every one of them without having kept any. Aborts when out of
 * memory or when a file cannot be written.
 */
#ifndef TESTS_SUPPORT_IMAGE_FILE_H
#define TESTS_SUPPORT_IMAGE_FILE_H

#include "decode/decode.h"
#include "support/dicom_build.h"

struct image_file;

/* A stored value: a number, before it is put in BitsStored bits. */
typedef double (*image_file_value_fn)(const struct image_file *f,
                                      uint32_t frame, uint32_t x, uint32_t y,
                                      uint32_t channel);

/* Adds elements; tags ascend within a file. */
typedef void (*image_file_add_fn)(const struct image_file *f, struct build *b);

struct image_file {
    const char *sop; /* study 1.2.1, series 1.2.2 */
    const char *sop_class;
    uint32_t cols, rows, frames, samples;
    uint32_t bits_alloc, bits_stored, high_bit;
    bool is_signed;
    bool planar;
    const char *photometric;
    enum decode_codec codec; /* NATIVE_LE, _BE, RLE, JPEGLS, J2K */
    enum decode_element element;
    const char *frame_count; /* NumberOfFrames as text; NULL: as frames */

    /* Text of the element, NULL: not there. */
    const char *spacing;   /* PixelSpacing, row\column */
    const char *slope;     /* RescaleSlope */
    const char *intercept; /* RescaleIntercept */
    const char *center, *width, *function;
    const char *padding;          /* PixelPaddingValue, a number */
    image_file_add_fn add_early;  /* groups 0008 to 0018 */
    image_file_add_fn add_middle; /* group 0020 behind (0020,000E) */
    image_file_add_fn add_late;   /* behind (0028,3010), before the pixels */

    image_file_value_fn value; /* NULL: image_file_ramp */
    uint32_t seed;             /* for `value` */
    bool dirty;                /* unused bits are set: overlays, PS3.5 8.1.1 */
    /* Damage. */
    uint32_t missing_bytes; /* at the end of the pixel data */
    int corrupt_frame;      /* its codestream is garbage; -1: none */
};

#define IMAGE_FILE_INIT                                                        \
    {                                                                          \
        .sop = "1.2.3.1", .sop_class = "1.2.840.10008.5.1.4.1.1.7", .cols = 8, \
        .rows = 6, .frames = 1, .samples = 1, .bits_alloc = 16,                \
        .bits_stored = 12, .high_bit = 11, .photometric = "MONOCHROME2",       \
        .corrupt_frame = -1                                                    \
    }

/* Sets bits_alloc, bits_stored and high_bit. */
void image_file_bits(struct image_file *f, uint32_t alloc, uint32_t stored);

/* Smooth, different in every frame and channel, the whole range of the
 * stored type. */
double image_file_ramp(const struct image_file *f, uint32_t frame, uint32_t x,
                       uint32_t y, uint32_t channel);
/* A bright rectangle (one fifth in from each side, moved by the frame) on
 * zero: something to crop. */
double image_file_box(const struct image_file *f, uint32_t frame, uint32_t x,
                      uint32_t y, uint32_t channel);
/* A hash of the place and the seed. */
double image_file_noise(const struct image_file *f, uint32_t frame, uint32_t x,
                        uint32_t y, uint32_t channel);

/* The stored value that a decoder must give: `value` of that place as it comes
 * out of BitsStored bits. */
double image_file_stored(const struct image_file *f, uint32_t frame, uint32_t x,
                         uint32_t y, uint32_t channel);

/* Least and greatest of all frames, or of one (frame >= 0). */
void image_file_extent(const struct image_file *f, int frame, double *ret_min,
                       double *ret_max);

/* For add_early and add_middle: what makes a left CC of the breast be stored
 * upside down, the opposite of A\R, which it has (REF 2.3). */
void image_file_add_cc(const struct image_file *f, struct build *b);
void image_file_add_turned(const struct image_file *f, struct build *b);

/* Writes `folder`/`relpath`, folders included; `mtime_s` 0: now. A file of
 * that name is overwritten in place. */
void image_file_write(const struct image_file *f, const char *folder,
                      const char *relpath, int64_t mtime_s);

#endif
