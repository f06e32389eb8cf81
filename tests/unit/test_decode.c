// SPDX-License-Identifier: MIT
/* test_decode.c: descriptions, spans, native data, colour, threads. */
#undef NDEBUG
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "decode/colour.h"
#include "support/decode_check.h"

static struct decode_desc grey(uint32_t cols, uint32_t rows, unsigned alloc,
                               unsigned stored, bool is_signed)
{
    struct decode_desc d = {.codec = DECODE_NATIVE_LE,
                            .photometric = DECODE_MONOCHROME2,
                            .rows = rows,
                            .cols = cols,
                            .samples = 1,
                            .bits_alloc = alloc,
                            .bits_stored = stored,
                            .high_bit = stored - 1,
                            .is_signed = is_signed};

    return d;
}

static struct decode_desc colour(uint32_t cols, uint32_t rows,
                                 enum decode_photometric photometric)
{
    struct decode_desc d = grey(cols, rows, 8, 8, false);

    d.photometric = photometric;
    d.samples = 3;
    return d;
}

START_TEST(output_type_follows_the_tags)
{
    static const struct {
        unsigned alloc, stored;
        bool is_signed;
        enum sample_type type;
    } cases[] = {
        {1, 1, false, SAMPLE_U8},    {8, 8, false, SAMPLE_U8},
        {8, 5, false, SAMPLE_U8},    {8, 8, true, SAMPLE_I16},
        {12, 12, false, SAMPLE_U16}, {16, 8, false, SAMPLE_U16},
        {16, 12, true, SAMPLE_I16},  {16, 16, false, SAMPLE_U16},
        {32, 32, false, SAMPLE_U32}, {32, 20, true, SAMPLE_I32},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decode_desc d =
            grey(4, 4, cases[i].alloc, cases[i].stored, cases[i].is_signed);
        struct error err = ERROR_INIT;
        enum sample_type type;
        uint32_t channels;

        ck_assert_int_eq(decode_output(&d, &channels, &type, &err), 0);
        ck_assert_int_eq(type, cases[i].type);
        ck_assert_uint_eq(channels, 1);
    }
}
END_TEST

START_TEST(colour_is_three_unsigned_channels)
{
    static const enum decode_photometric models[] = {
        DECODE_RGB, DECODE_YBR_FULL, DECODE_YBR_FULL_422, DECODE_YBR_ICT,
        DECODE_YBR_RCT};

    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct decode_desc d = colour(4, 4, models[i]);
        struct error err = ERROR_INIT;
        enum sample_type type;
        uint32_t channels;

        d.is_signed = true;
        ck_assert_int_eq(decode_output(&d, &channels, &type, &err), 0);
        ck_assert_int_eq(type, SAMPLE_U8);
        ck_assert_uint_eq(channels, 3);
    }
}
END_TEST

static enum error_kind output_kind(const struct decode_desc *d)
{
    struct error err = ERROR_INIT;
    enum sample_type type;
    uint32_t channels;

    return decode_output(d, &channels, &type, &err) ? err.kind : ERROR_NONE;
}

START_TEST(contradicting_tags_are_corrupt)
{
    struct decode_desc good = grey(4, 4, 16, 12, false), d;

    ck_assert_int_eq(output_kind(&good), ERROR_NONE);
#define REFUSED(kind_, ...)                                                    \
    do {                                                                       \
        d = good;                                                              \
        __VA_ARGS__;                                                           \
        ck_assert_int_eq(output_kind(&d), kind_);                              \
    } while (0)
    REFUSED(ERROR_CORRUPT, d.rows = 0);
    REFUSED(ERROR_CORRUPT, d.cols = 0);
    REFUSED(ERROR_CORRUPT, d.rows = d.cols = UINT32_MAX);
    REFUSED(ERROR_CORRUPT, d.samples = 3);
    REFUSED(ERROR_CORRUPT, d.photometric = DECODE_RGB);
    REFUSED(ERROR_CORRUPT, d.bits_alloc = 0);
    REFUSED(ERROR_CORRUPT, d.bits_alloc = 65);
    REFUSED(ERROR_CORRUPT, d.bits_stored = 0);
    REFUSED(ERROR_CORRUPT, d.bits_stored = 17);
    REFUSED(ERROR_CORRUPT, d.high_bit = 10);
    REFUSED(ERROR_CORRUPT, d.high_bit = 16);
    REFUSED(ERROR_CORRUPT, d.element = DECODE_FLOAT);
    REFUSED(ERROR_CORRUPT, d.element = DECODE_DOUBLE);
    REFUSED(ERROR_CORRUPT, d.samples = 3; d.cols = 5;
            d.photometric = DECODE_YBR_FULL_422);
    REFUSED(ERROR_UNSUPPORTED, d.codec = DECODE_UNSUPPORTED);
    REFUSED(ERROR_UNSUPPORTED, d.codec = (enum decode_codec)99);
    REFUSED(ERROR_UNSUPPORTED, d.samples = 4);
    REFUSED(ERROR_UNSUPPORTED, d.photometric = DECODE_PHOTOMETRIC_OTHER);
    REFUSED(ERROR_UNSUPPORTED, d.photometric = DECODE_YBR_PARTIAL_420);
    REFUSED(ERROR_UNSUPPORTED, d.bits_alloc = 64);
    REFUSED(ERROR_UNSUPPORTED, d.bits_alloc = 24);
    REFUSED(ERROR_UNSUPPORTED, d.element = DECODE_FLOAT; d.bits_alloc = 32;
            d.codec = DECODE_RLE);
    /* A codestream brings its own width: HighBit says nothing there. */
    REFUSED(ERROR_NONE, d.codec = DECODE_J2K; d.high_bit = 0);
#undef REFUSED
}
END_TEST

START_TEST(span_of_a_frame)
{
    static const struct {
        enum decode_codec codec;
        enum decode_photometric photometric;
        unsigned alloc, samples;
        uint32_t cols, rows;
        uint64_t frame, offset, length;
        unsigned bit;
    } cases[] = {
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 16, 1, 4, 3, 0, 0, 24, 0},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 16, 1, 4, 3, 5, 120, 24, 0},
        {DECODE_NATIVE_LE, DECODE_RGB, 8, 3, 3, 3, 1, 27, 27, 0},
        {DECODE_NATIVE_LE, DECODE_YBR_FULL_422, 8, 3, 4, 3, 2, 48, 24, 0},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 1, 1, 3, 3, 0, 0, 2, 0},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 1, 1, 3, 3, 1, 1, 2, 1},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 1, 1, 3, 3, 7, 7, 2, 7},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 1, 1, 8, 8, 3, 24, 8, 0},
        {DECODE_NATIVE_LE, DECODE_MONOCHROME2, 12, 1, 3, 3, 1, 13, 14, 4},
        {DECODE_NATIVE_BE, DECODE_MONOCHROME2, 16, 1, 4, 3, 5, 120, 24, 0},
        {DECODE_NATIVE_BE, DECODE_RGB, 8, 3, 3, 3, 0, 0, 28, 0},
        {DECODE_NATIVE_BE, DECODE_RGB, 8, 3, 3, 3, 1, 26, 28, 8},
        {DECODE_NATIVE_BE, DECODE_MONOCHROME2, 1, 1, 3, 3, 1, 0, 4, 9},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decode_desc d = {.codec = cases[i].codec,
                                .photometric = cases[i].photometric,
                                .rows = cases[i].rows,
                                .cols = cases[i].cols,
                                .samples = cases[i].samples,
                                .bits_alloc = cases[i].alloc,
                                .bits_stored = cases[i].alloc,
                                .high_bit = cases[i].alloc - 1};
        struct error err = ERROR_INIT;
        uint64_t offset, length;
        unsigned bit;

        ck_assert_int_eq(decode_native_span(&d, cases[i].frame, &offset,
                                            &length, &bit, &err),
                         0);
        ck_assert_uint_eq(offset, cases[i].offset);
        ck_assert_uint_eq(length, cases[i].length);
        ck_assert_uint_eq(bit, cases[i].bit);
    }
}
END_TEST

START_TEST(span_beyond_64_bits_is_corrupt)
{
    struct decode_desc d = grey(65535, 65535, 16, 16, false);
    struct error err = ERROR_INIT;
    uint64_t offset, length;
    unsigned bit;

    ck_assert_int_eq(
        decode_native_span(&d, UINT64_MAX / 2, &offset, &length, &bit, &err),
        -1);
    ck_assert_int_eq(err.kind, ERROR_CORRUPT);
}
END_TEST

/* Every width, every position of the value in its word, both byte orders and
 * signs; the bits outside of the value are ones and must vanish. */
static void native_case(unsigned alloc, unsigned stored, unsigned high,
                        bool is_signed, bool big)
{
    struct picture p = picture_new(13, 7, 1, stored, alloc + stored);
    struct decode_desc d =
        check_desc(&p, big ? DECODE_NATIVE_BE : DECODE_NATIVE_LE);
    struct codestream c = {NULL, 0};
    unsigned shift = high + 1 - stored, bytes = alloc / 8;
    struct image image;

    d.bits_alloc = alloc;
    d.high_bit = high;
    d.is_signed = is_signed;
    for (size_t i = 0; i < picture_count(&p); i++) {
        uint32_t mask = stored < 32 ? (1u << stored) - 1 : UINT32_MAX;
        uint32_t word = p.samples[i] << shift | ~(mask << shift);

        for (unsigned k = 0; k < bytes; k++)
            codestream_byte(&c, word >> 8 * (big ? bytes - 1 - k : k) & 0xff);
    }
    if (c.size % 2)
        codestream_byte(&c, 0);
    if (big && bytes == 1) /* words of two samples */
        for (size_t i = 0; i < c.size; i += 2) {
            uint8_t first = c.data[i];

            c.data[i] = c.data[i + 1];
            c.data[i + 1] = first;
        }
    image = check_decode(&d, &c);
    ck_assert_int_eq(check_difference(&image, &p, is_signed), 0);
    check_image_free(&image, 0xa5);
    codestream_free(&c);
    picture_free(&p);
}

START_TEST(native_words_of_every_layout)
{
    for (unsigned alloc = 8; alloc <= 32; alloc *= 2)
        for (unsigned stored = 1; stored <= alloc; stored++)
            for (unsigned high = stored - 1; high < alloc; high++)
                for (int bits = 0; bits < 4; bits++)
                    native_case(alloc, stored, high, bits & 1, bits & 2);
}
END_TEST

/* Frame k of 1-bit data through its span, as a file has it. */
START_TEST(one_bit_frames_start_inside_bytes)
{
    enum { COLS = 5, ROWS = 3, FRAMES = 9 };
    uint8_t packed[32] = {0};
    uint8_t swapped[32];
    struct decode_desc d = grey(COLS, ROWS, 1, 1, false);
    unsigned state = 12345;
    int value[FRAMES][ROWS * COLS];

    for (int i = 0; i < FRAMES * ROWS * COLS; i++) {
        state = state * 1103515245u + 12345;
        value[i / (ROWS * COLS)][i % (ROWS * COLS)] = state >> 20 & 1;
        packed[i / 8] |= (uint8_t)((state >> 20 & 1) << i % 8);
    }
    for (size_t i = 0; i < sizeof packed; i++)
        swapped[i] = packed[i ^ 1];
    for (int big = 0; big <= 1; big++)
        for (unsigned f = 0; f < FRAMES; f++) {
            struct image image;
            struct error err = ERROR_INIT;
            uint64_t offset, length;
            unsigned bit;

            d.codec = big ? DECODE_NATIVE_BE : DECODE_NATIVE_LE;
            ck_assert_int_eq(
                decode_native_span(&d, f, &offset, &length, &bit, &err), 0);
            image = check_image_new(&d, 0xa5);
            ck_assert_int_eq(decode_frame(&d, (big ? swapped : packed) + offset,
                                          length, bit, &image, &err),
                             0);
            for (int i = 0; i < ROWS * COLS; i++)
                ck_assert_int_eq(check_sample(&image, (uint32_t)i % COLS,
                                              (uint32_t)i / COLS, 0),
                                 value[f][i]);
            check_image_free(&image, 0xa5);
            image = check_image_new(&d, 0xa5);
            ck_assert_int_eq(
                decode_frame(&d, packed, length - 1, bit, &image, &err), -1);
            check_image_free(&image, 0xa5);
        }
}
END_TEST

START_TEST(twelve_bits_packed)
{
    /* Samples 0x321, 0x654, 0x987: LSB first. */
    static const uint8_t bytes[] = {0x21, 0x43, 0x65, 0x87, 0x09};
    struct codestream c = {(uint8_t *)(uintptr_t)bytes, sizeof bytes};
    struct decode_desc d = grey(3, 1, 12, 12, false);
    struct image image = check_decode(&d, &c);
    struct error err = ERROR_INIT;

    ck_assert_int_eq(check_sample(&image, 0, 0, 0), 0x321);
    ck_assert_int_eq(check_sample(&image, 1, 0, 0), 0x654);
    ck_assert_int_eq(check_sample(&image, 2, 0, 0), 0x987);
    d.is_signed = true;
    check_image_free(&image, 0xa5);
    image = check_image_new(&d, 0xa5);
    ck_assert_int_eq(decode_frame(&d, bytes, sizeof bytes, 0, &image, &err), 0);
    ck_assert_int_eq(check_sample(&image, 2, 0, 0), 0x987 - 0x1000);
    check_image_free(&image, 0xa5);
    /* The second frame of single samples starts in the middle of a byte. */
    d = grey(2, 1, 12, 12, false);
    image = check_image_new(&d, 0xa5);
    ck_assert_int_eq(decode_frame(&d, bytes + 1, 4, 4, &image, &err), 0);
    ck_assert_int_eq(check_sample(&image, 0, 0, 0), 0x654);
    ck_assert_int_eq(check_sample(&image, 1, 0, 0), 0x987);
    check_image_free(&image, 0xa5);
}
END_TEST

START_TEST(floats_in_both_byte_orders)
{
    static const double values[] = {0, -0.0, 1.5, -3.25e20, INFINITY, 1e-30};

    for (int big = 0; big <= 1; big++)
        for (int wide = 0; wide <= 1; wide++) {
            struct decode_desc d = grey(3, 2, wide ? 64 : 32, 32, false);
            size_t bytes = wide ? 8 : 4;
            uint8_t data[48];
            struct codestream c = {data, 6 * bytes};
            struct image image;

            d.element = wide ? DECODE_DOUBLE : DECODE_FLOAT;
            d.codec = big ? DECODE_NATIVE_BE : DECODE_NATIVE_LE;
            for (size_t i = 0; i < 6; i++) {
                float narrow = (float)values[i];
                uint8_t raw[8];

                memcpy(raw, wide ? (const void *)&values[i] : &narrow, bytes);
                for (size_t k = 0; k < bytes; k++)
                    data[i * bytes + k] = raw[big ? bytes - 1 - k : k];
            }
            image = check_decode(&d, &c);
            ck_assert_int_eq(image.type, wide ? SAMPLE_F64 : SAMPLE_F32);
            for (uint32_t i = 0; i < 6; i++) {
                const uint8_t *at =
                    image.data + i / 3 * image.stride_bytes + i % 3 * bytes;
                float narrow = (float)values[i];

                ck_assert_int_eq(
                    memcmp(at, wide ? (const void *)&values[i] : &narrow,
                           bytes),
                    0);
            }
            check_image_free(&image, 0xa5);
        }
}
END_TEST

START_TEST(planes_are_interleaved)
{
    static const uint8_t planes[] = {1,  2,  3,  4,  11, 12,
                                     13, 14, 21, 22, 23, 24};
    static const uint8_t pixels[] = {1, 11, 21, 2, 12, 22,
                                     3, 13, 23, 4, 14, 24};
    struct codestream by_plane = {(uint8_t *)(uintptr_t)planes, 12};
    struct codestream by_pixel = {(uint8_t *)(uintptr_t)pixels, 12};
    struct decode_desc d = colour(2, 2, DECODE_RGB);
    struct image a = check_decode(&d, &by_pixel), b;

    d.planar = true;
    b = check_decode(&d, &by_plane);
    for (uint32_t i = 0; i < 12; i++) {
        ck_assert_int_eq(check_sample(&a, i / 3 % 2, i / 6, i % 3), pixels[i]);
        ck_assert_int_eq(check_sample(&b, i / 3 % 2, i / 6, i % 3), pixels[i]);
    }
    check_image_free(&a, 0xa5);
    check_image_free(&b, 0xa5);
}
END_TEST

/* What PS3.3 C.7.6.3.1.2 says of red, green, blue, white, grey. */
START_TEST(ybr_full_becomes_rgb)
{
    static const uint8_t ybr[][3] = {{76, 85, 255},
                                     {150, 44, 21},
                                     {29, 255, 107},
                                     {255, 128, 128},
                                     {128, 128, 128}};
    static const uint8_t rgb[][3] = {{254, 0, 0},
                                     {0, 255, 1},
                                     {0, 0, 254},
                                     {255, 255, 255},
                                     {128, 128, 128}};
    struct decode_desc d = colour(5, 1, DECODE_YBR_FULL);
    uint8_t bytes[15];
    struct codestream c = {bytes, sizeof bytes};
    struct image image;

    memcpy(bytes, ybr, sizeof bytes);
    image = check_decode(&d, &c);
    for (uint32_t x = 0; x < 5; x++)
        for (unsigned k = 0; k < 3; k++)
            ck_assert_int_eq(check_sample(&image, x, 0, k), rgb[x][k]);
    check_image_free(&image, 0xa5);
}
END_TEST

/* Every fifth luminance with every chrominance, against the formula. */
START_TEST(every_ybr_colour_is_rounded_half_up)
{
    uint8_t row[256 * 3];
    struct image image = {256, 1, 3, SAMPLE_U8, sizeof row, row};
    unsigned wrong = 0;

    for (int y = 0; y < 256; y += 5)
        for (int cb = 0; cb < 256; cb++) {
            for (int cr = 0; cr < 256; cr++) {
                row[3 * cr] = (uint8_t)y;
                row[3 * cr + 1] = (uint8_t)cb;
                row[3 * cr + 2] = (uint8_t)cr;
            }
            colour_to_rgb(&image, COLOUR_YBR_ICT, 8);
            for (int cr = 0; cr < 256; cr++) {
                double want[3] = {y + 1.402 * (cr - 128),
                                  y - 0.114 * 1.772 / 0.587 * (cb - 128) -
                                      0.299 * 1.402 / 0.587 * (cr - 128),
                                  y + 1.772 * (cb - 128)};

                for (int k = 0; k < 3; k++) {
                    double v = floor(want[k] + 0.5);

                    v = v < 0 ? 0 : v > 255 ? 255 : v;
                    wrong += row[3 * cr + k] != (int)v;
                }
            }
        }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(reversible_transform_is_inverted_exactly)
{
    uint16_t pixel[3];
    struct image image = {1, 1, 3, SAMPLE_U16, 6, (uint8_t *)pixel};

    for (int r = 0; r < 256; r += 15)
        for (int g = 0; g < 256; g += 15)
            for (int b = 0; b < 256; b += 15) {
                /* In 9 bits, so that the differences are not cut. */
                pixel[0] = (uint16_t)((r + 2 * g + b) / 4);
                pixel[1] = (uint16_t)(b - g + 256);
                pixel[2] = (uint16_t)(r - g + 256);
                colour_to_rgb(&image, COLOUR_YBR_RCT, 9);
                ck_assert_int_eq(pixel[0], r);
                ck_assert_int_eq(pixel[1], g);
                ck_assert_int_eq(pixel[2], b);
            }
}
END_TEST

START_TEST(native_422_shares_chrominance)
{
    /* Y1 Y2 Cb Cr: two grey pixels, then two red ones. */
    static const uint8_t bytes[] = {10, 20, 128, 128, 76, 70, 85, 255};
    struct codestream c = {(uint8_t *)(uintptr_t)bytes, sizeof bytes};
    struct decode_desc d = colour(4, 1, DECODE_YBR_FULL_422);
    struct image image = check_decode(&d, &c);
    static const int want[4][3] = {
        {10, 10, 10}, {20, 20, 20}, {254, 0, 0}, {248, 0, 0}};

    for (uint32_t x = 0; x < 4; x++)
        for (unsigned k = 0; k < 3; k++)
            ck_assert_int_eq(check_sample(&image, x, 0, k), want[x][k]);
    check_image_free(&image, 0xa5);
    ck_assert_int_eq(check_decode_kind(&d, bytes, 7, NULL), ERROR_CORRUPT);
}
END_TEST

START_TEST(short_native_frames_are_corrupt)
{
    struct picture p = picture_new(20, 20, 1, 16, 1);
    struct decode_desc d = check_desc(&p, DECODE_NATIVE_LE);
    struct codestream c = {calloc(801, 1), 800};
    char text[ERROR_MSG_MAX];

    check_truncations(&d, &c, 0);
    ck_assert_int_eq(check_decode_kind(&d, c.data, 798, text), ERROR_CORRUPT);
    ck_assert_str_eq(text, "the frame needs 800 bytes and has 798");
    ck_assert_int_eq(check_decode_kind(&d, c.data, 801, NULL), ERROR_NONE);
    codestream_free(&c);
    picture_free(&p);
}
END_TEST

START_TEST(output_that_does_not_match_is_a_bug)
{
    static const uint8_t bytes[32] = {0};
    struct decode_desc d = grey(4, 4, 16, 12, false);
    struct image image = check_image_new(&d, 0);
    struct image bad;
    struct error err = ERROR_INIT;

#define BAD(...)                                                               \
    do {                                                                       \
        bad = image;                                                           \
        __VA_ARGS__;                                                           \
        err.kind = ERROR_NONE;                                                 \
        ck_assert_int_eq(decode_frame(&d, bytes, 32, 0, &bad, &err), -1);      \
        ck_assert_int_eq(err.kind, ERROR_INTERNAL);                            \
    } while (0)
    BAD(bad.width = 3);
    BAD(bad.height = 5);
    BAD(bad.channels = 3);
    BAD(bad.type = SAMPLE_I16);
    BAD(bad.stride_bytes = 7);
    BAD(bad.data = NULL);
#undef BAD
    check_image_free(&image, 0);
}
END_TEST

START_TEST(garbage_is_corrupt_in_every_codec)
{
    static const enum decode_codec codecs[] = {DECODE_RLE, DECODE_JPEG,
                                               DECODE_JPEGLS, DECODE_J2K};
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++)
        for (size_t size = 0; size <= sizeof bytes; size += 10) {
            struct decode_desc d = grey(8, 8, 16, 12, false);

            d.codec = codecs[i];
            ck_assert_int_eq(check_decode_kind(&d, bytes, size, NULL),
                             ERROR_CORRUPT);
        }
}
END_TEST

/* ------------------------------------------------------------- threads */

struct work {
    struct decode_desc desc;
    struct codestream stream;
    struct picture picture;
};

static void *decode_many(void *opaque)
{
    const struct work *w = opaque;

    for (int round = 0; round < 20; round++)
        for (int i = 0; i < 5; i++) {
            struct image image = check_decode(&w[i].desc, &w[i].stream);

            ck_assert_int_le(check_difference(&image, &w[i].picture, false),
                             i == 4 ? 255 : 0);
            check_image_free(&image, 0xa5);
        }
    return NULL;
}

START_TEST(codecs_run_in_parallel)
{
    struct lossless_jpeg lossless = {.predictor = 1};
    struct jls jls = {0};
    struct j2k j2k = {0};
    struct dct dct = {DCT_BASELINE, 95, false, false};
    pthread_t threads[4];
    struct work w[5];

    for (int i = 0; i < 5; i++)
        w[i].picture = picture_new(60, 50, 1, i == 4 ? 8 : 12, 3);
    w[0].stream = encode_rle(&w[0].picture, 2);
    w[1].stream = encode_lossless_jpeg(&w[1].picture, &lossless);
    w[2].stream = encode_jls(&w[2].picture, &jls);
    w[3].stream = encode_j2k(&w[3].picture, &j2k);
    w[4].stream = encode_dct(&w[4].picture, &dct);
    for (int i = 0; i < 5; i++) {
        static const enum decode_codec codecs[] = {
            DECODE_RLE, DECODE_JPEG, DECODE_JPEGLS, DECODE_J2K, DECODE_JPEG};

        w[i].desc = check_desc(&w[i].picture, codecs[i]);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, decode_many, w), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 5; i++) {
        codestream_free(&w[i].stream);
        picture_free(&w[i].picture);
    }
}
END_TEST

START_TEST(versions_name_the_libraries)
{
    ck_assert_ptr_nonnull(strstr(decode_versions(), "DCMTK 3."));
    ck_assert_ptr_nonnull(strstr(decode_versions(), "OpenJPEG 2."));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("decode");
    TCase *t = tcase_create("decode");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, output_type_follows_the_tags);
    tcase_add_test(t, colour_is_three_unsigned_channels);
    tcase_add_test(t, contradicting_tags_are_corrupt);
    tcase_add_test(t, span_of_a_frame);
    tcase_add_test(t, span_beyond_64_bits_is_corrupt);
    tcase_add_test(t, native_words_of_every_layout);
    tcase_add_test(t, one_bit_frames_start_inside_bytes);
    tcase_add_test(t, twelve_bits_packed);
    tcase_add_test(t, floats_in_both_byte_orders);
    tcase_add_test(t, planes_are_interleaved);
    tcase_add_test(t, ybr_full_becomes_rgb);
    tcase_add_test(t, every_ybr_colour_is_rounded_half_up);
    tcase_add_test(t, reversible_transform_is_inverted_exactly);
    tcase_add_test(t, native_422_shares_chrominance);
    tcase_add_test(t, short_native_frames_are_corrupt);
    tcase_add_test(t, output_that_does_not_match_is_a_bug);
    tcase_add_test(t, garbage_is_corrupt_in_every_codec);
    tcase_add_test(t, codecs_run_in_parallel);
    tcase_add_test(t, versions_name_the_libraries);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
